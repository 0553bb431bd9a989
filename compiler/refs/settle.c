// SPDX-License-Identifier: MIT
// References: every phandle that leaves an assigned subtree is settled, or an error that lists the choices.
#include "refs/refs.h"

/* Makes a list `n` long, zeroed. */
#define ROOM(p, list, count)                                                                                           \
    do {                                                                                                               \
        while ((list)->room < (count)) {                                                                               \
            (list)->n = 0;                                                                                             \
            (list)->at = vec_grow(draft_arena((p)->c), (list)->at, 0, &(list)->room, sizeof *(list)->at);              \
        }                                                                                                              \
        memset((list)->at, 0, (count) * sizeof *(list)->at);                                                           \
    } while (0)

bool refs_read(struct settle *s)
{
    struct ref_entries *room = &s->p->settle_room->entries;
    s->problem = host_read_refs(s->p->c, s->p->host, s->prop, s->rule, room);
    s->entries = *room;
    return !s->problem;
}

/* ---- which fate ---- */

enum { WHOLE = UINT32_MAX };

static const struct m_ref *find_statement(struct machine_planner *p, const struct m_part *part, const char *property,
                                          uint32_t index)
{
    uint64_t i;
    if (!part || !map_get(&part->ref_index, (uintptr_t)property, index == WHOLE ? 0 : (uint64_t)index + 1, &i))
        return NULL;
    const struct m_ref *r = &part->refs.at[i];
    map_put(draft_arena(p->c), &p->ref_used, refs_key(r), (uintptr_t)r->at.via, 1);
    return r;
}

/* What is said of the node itself beats what is said of the whole subtree; an entry beats the whole property. */
static const struct m_ref *statement_for(struct settle *s, uint32_t index)
{
    const struct m_part *own = s->k->part, *top = &s->k->pass->parts.at[0];
    const struct m_ref *r = index == WHOLE ? NULL : find_statement(s->p, own, s->prop->name, index);
    if (!r)
        r = find_statement(s->p, own, s->prop->name, WHOLE);
    if (own == top || r)
        return r;
    if (index != WHOLE)
        r = find_statement(s->p, top, s->prop->name, index);
    return r ? r : find_statement(s->p, top, s->prop->name, WHOLE);
}

/* A name beats `*`; both beat the defaults. */
static struct verdict default_verdict(struct settle *s)
{
    const char *all = s->p->settle_room->all;
    const struct m_ref *r = find_statement(s->p, s->k->part, all, WHOLE);
    if (!r)
        r = find_statement(s->p, &s->k->pass->parts.at[0], all, WHOLE);
    if (r)
        return (struct verdict){r->fate, r->fixed, r};
    const struct dev_class *class = s->k->device ? s->k->device->class : NULL;
    for (uint32_t i = 0; class && i < class->nfates; i++)
        if (!strcmp(class->fates[i].property, s->prop->name))
            return (struct verdict){class->fates[i].fate, class->fates[i].fixed, NULL};
    return (struct verdict){s->rule->fate, 0, NULL};
}

static struct verdict whole_verdict(struct settle *s)
{
    const struct m_ref *r = statement_for(s, WHOLE);
    return r ? (struct verdict){r->fate, r->fixed, r} : default_verdict(s);
}

static bool has_entry_statement(const struct settle *s)
{
    const struct m_part *parts[] = {s->k->part, &s->k->pass->parts.at[0]};
    for (uint32_t i = 0; i < 2; i++)
        for (uint32_t r = 0; parts[i] && r < parts[i]->refs.n; r++)
            if (parts[i]->refs.at[r].property == s->prop->name && parts[i]->refs.at[r].index.set)
                return true;
    return false;
}

/* ---- no safe default ---- */

static const char *cells_text(struct settle *s, const struct ref_entry *e)
{
    const char *text = "";
    for (uint32_t c = e->phandle + 1; c < e->start + e->cells && c < e->phandle + 9; c++)
        text = arena_printf(s->p->c->arena, "%s %u", text, dt_cell(s->prop, c));
    return text;
}

static void report_open(struct settle *s, const uint32_t *open, uint32_t nopen)
{
    struct machine_planner *p = s->p;
    const struct ref_entry *first = &s->entries.at[open[0]];
    bool whole = nopen == s->entries.n;
    const char *which = whole ? s->prop->name : arena_printf(p->c->arena, "%s[%u]", s->prop->name, open[0]);
    const char *path = dt_path(p->c->arena, s->k->host);
    struct diag *d;
    if (nopen == 1)
        d = diag(p->c->diags, E0409, refs_place(s->k), "`%s` of %s refers to %s%s, which is not passed through", which,
                 path, dt_path(p->c->arena, first->target), cells_text(s, first));
    else
        d = diag(p->c->diags, E0409, refs_place(s->k),
                 "`%s` of %s refers to nodes that are not passed through, %u times", s->prop->name, path, nopen);
    diag_label(d, "needs the host's %s", s->rule->kind);
    for (uint32_t i = 0; i < nopen && nopen > 1 && i < 8; i++) {
        const struct ref_entry *e = &s->entries.at[open[i]];
        diag_fact(d, "%s: %s[%u] is %s%s", p->host->file, s->prop->name, open[i], dt_path(p->c->arena, e->target),
                  cells_text(s, e));
    }
    if (nopen > 8)
        diag_fact(d, "and %u more", nopen - 8);
    if (s->rule->why)
        diag_fact(d, "there is no default: %s", s->rule->why);
    bool child = s->k->host != s->k->pass->parts.at[0].node;
    const char *fixed = "";
    if (s->rule->provider)
        fixed =
            s->rule->provider->unit && !strcmp(s->rule->provider->unit, "Hz") ? "`fixed RATE`, " : "`fixed VALUE`, ";
    diag_help(d,
              "settle it%s: `ref %s FATE;`, where FATE is one of `drop`, %s`assign`, %s`to &NODE`%s (see machc "
              "--explain=E0409)",
              child ? ", here or in a `child` statement" : "", which, fixed,
              s->rule->layout == REF_GRAPH ? "" : "`copy`, ", first->known ? "" : ", `keep`");
    s->failed = true;
}

static void report_unreadable(struct settle *s)
{
    struct machine_planner *p = s->p;
    struct diag *d = diag(p->c->diags, E0407, refs_place(s->k), "cannot read the references in `%s` of %s: %s",
                          s->prop->name, dt_path(p->c->arena, s->k->host), s->problem);
    diag_help(d, "remove it, `ref %s drop;`, or declare that it holds no references, `ref %s keep;`", s->prop->name,
              s->prop->name);
}

/* ---- the property ---- */

/* The property goes as it is, read or not. */
static void drop_all(struct settle *s)
{
    s->kept = NULL;
    dt_del(s->p->m->tree, s->k->guest, s->prop->name);
    refs_along(s);
}

static void write_back(struct settle *s)
{
    struct machine_planner *p = s->p;
    bool all = true, any = false;
    for (uint32_t i = 0; i < s->entries.n; i++) {
        all = all && s->kept[i];
        any = any || s->kept[i];
    }
    if (!s->changed)
        return;
    uint32_t len = s->rule->follows ? s->solid : s->len;
    if (!any || !len) {
        drop_all(s);
        return;
    }
    struct dt_prop *prop = dt_set(p->m->tree, s->k->guest, s->prop->name, s->data, len,
                                  origin_at(p, s->k->guest, refs_place(s->k), "references for the guest"));
    for (uint32_t i = 0; i < s->nrefs; i++) {
        const struct new_ref *r = &s->refs[i];
        dt_add_ref(p->m->tree, prop, r->offset, r->target);
        if (!r->said)
            continue;
        struct dt_ref *ref = prop->refs->last ? prop->refs->last : prop->refs;
        struct dt_name *name = NEW(p->c->arena, struct dt_name);
        *name =
            (struct dt_name){{.s = r->said->to, .loc = r->said->to_at.loc, .kind = r->said->to_kind}, r->said->to_at};
        ref->name = name;
        vec_push(draft_arena(p->c), &p->to_refs, ((struct to_ref){ref, r->said, s->rule, prop->name}));
    }
    if (!all)
        refs_along(s);
}

/* Entries that lost the entry they belong to go with it. */
static const struct shortened *shortened_leader(const struct settle *s)
{
    const struct settle_room *room = s->p->settle_room;
    for (uint32_t i = 0; s->rule->follows && i < room->shortened.n; i++)
        if (!strcmp(room->shortened.at[i].property, s->rule->follows))
            return &room->shortened.at[i];
    return NULL;
}

/* What becomes of an entry that leads somewhere. FATE_ERROR: `there`, or if that is NULL nothing is said. */
static struct verdict verdict_of(struct settle *s, uint32_t i, struct copied **there)
{
    *there = refs_in_guest(s, s->entries.at[i].target);
    bool inside = *there && (*there)->pass == s->k->pass && !(*there)->description;
    const struct m_ref *said = statement_for(s, i);
    // A reference inside needs no statement, but a statement for an entry by its number applies.
    if (said && (!inside || said->index.set))
        return (struct verdict){said->fate, said->fixed, said};
    return *there ? (struct verdict){FATE_ERROR, 0, NULL} : default_verdict(s);
}

/* Entries of a group, an interconnect's two ends, live and die together. */
static bool group_dies(struct settle *s, uint32_t i)
{
    uint32_t group = s->rule->group > 1 ? s->rule->group : 1, first = i / group * group;
    struct copied *there;
    for (uint32_t g = first; group > 1 && g < first + group && g < s->entries.n; g++)
        if (s->entries.at[g].target && verdict_of(s, g, &there).fate == FATE_DROP)
            return true;
    return false;
}

/* For the table of owners: what is left to the host or another machine, and what the guest believes of it. */
static void note_use(struct settle *s, const struct ref_entry *e, const struct verdict *v, const struct copied *there)
{
    bool relies = v->fate == FATE_FIXED || v->fate == FATE_COPY;
    if ((s->rule->resource || relies) && (!there || there->description))
        add_provider_use(s->p->file, &(struct provider_use){.rule = s->rule,
                                                            .provider = e->target,
                                                            .user = s->k->host,
                                                            .prop = s->prop,
                                                            .machine = s->p->m,
                                                            .at = v->said ? v->said->at : refs_place(s->k),
                                                            .cell = e->phandle + 1,
                                                            .ncells = e->start + e->cells - e->phandle - 1,
                                                            .fate = v->fate});
}

static void settle_entry(struct settle *s, uint32_t i, uint32_t *open, uint32_t *nopen)
{
    const struct ref_entry *e = &s->entries.at[i];
    if (group_dies(s, i)) {
        s->changed = true;
        return;
    }
    if (!e->target) {
        refs_put(s, e->start, e->cells);
        s->kept[i] = true;
        return;
    }
    struct copied *there;
    uint64_t refused;
    if (map_get(&s->p->settle_room->refused, (uintptr_t)s->prop, i, &refused)) {
        s->failed = true;
        return;
    }
    struct verdict v = verdict_of(s, i, &there);
    if (v.fate != FATE_ERROR) {
        note_use(s, e, &v, there);
        refs_carry_out(s, i, e, &v);
    } else if (there) {
        refs_put_entry(s, e, there->guest);
        s->kept[i] = true;
        s->solid = s->len;
    } else {
        open[(*nopen)++] = i;
    }
}

static void settle_prop(struct machine_planner *p, struct copied *k, const struct dt_prop *prop,
                        const struct ref_rule *rule)
{
    struct settle_room *room = p->settle_room;
    struct settle s = {.p = p, .k = k, .prop = prop, .rule = rule};
    const struct verdict whole = whole_verdict(&s);
    bool by_entry = has_entry_statement(&s);
    if (whole.fate == FATE_KEEP && !by_entry) {
        const struct dt_ref *r = prop->refs;
        while (r && (r->path || !r->target))
            r = r->next;
        if (r && whole.said)
            refs_refuse_keep(&s, whole.said, r->target);
        return;
    }
    bool readable = refs_read(&s);
    room->entries = s.entries;
    if (!readable) {
        if (whole.fate == FATE_DROP)
            drop_all(&s);
        else
            report_unreadable(&s);
        return;
    }
    uint32_t errors = diags_errors(p->c->diags);
    ROOM(p, &room->refs, s.entries.n + 1);
    ROOM(p, &room->kept, s.entries.n + 1);
    ROOM(p, &room->open, s.entries.n + 1);
    // Only `to &node <cells>` makes an entry longer than it was.
    bool longer = (k->part && k->part->refs.n) || k->pass->parts.at[0].refs.n;
    s.data = arena_alloc(p->c->arena, prop->len + (longer ? (size_t)s.entries.n * (HOST_MAX_CELLS + 1) * 4 : 0));
    s.refs = room->refs.at;
    s.kept = room->kept.at;
    uint32_t *open = room->open.at, nopen = 0;
    const struct shortened *with = shortened_leader(&s);
    for (uint32_t i = 0; i < s.entries.n; i++) {
        if (with && (!with->kept || (i < with->n && !with->kept[i])))
            s.changed = true;
        else
            settle_entry(&s, i, open, &nopen);
    }
    if (nopen)
        report_open(&s, open, nopen);
    if (!s.failed && diags_errors(p->c->diags) == errors)
        write_back(&s);
}

/* ---- all of a machine ---- */

static bool is_host_value(const struct dt_prop *prop)
{
    // What an edit or a class has written is a value of the guest's own.
    return prop->origin && prop->origin->kind == ORIGIN_HOST && prop->len;
}

static bool brings(uint8_t fate)
{
    return fate == FATE_ASSIGN || fate == FATE_COPY;
}

/* Whether anything that is said of a node, or that its class says, brings a provider along. */
static bool may_bring(const struct copied *k)
{
    const struct m_part *parts[] = {k->part, &k->pass->parts.at[0]};
    for (uint32_t i = 0; i < 2; i++)
        for (uint32_t r = 0; parts[i] && r < parts[i]->refs.n; r++)
            if (brings(parts[i]->refs.at[r].fate))
                return true;
    const struct dev_class *class = k->device ? k->device->class : NULL;
    for (uint32_t i = 0; class && i < class->nfates; i++)
        if (brings(class->fates[i].fate))
            return true;
    return false;
}

static void bring_prop(struct machine_planner *p, struct copied *k, const struct dt_prop *prop,
                       const struct ref_rule *rule)
{
    struct settle_room *room = p->settle_room;
    struct settle s = {.p = p, .k = k, .prop = prop, .rule = rule};
    bool readable = refs_read(&s);
    for (uint32_t i = 0; readable && i < s.entries.n; i++) {
        struct copied *there;
        struct verdict v = {0};
        if (s.entries.at[i].target && !group_dies(&s, i))
            v = verdict_of(&s, i, &there);
        if (brings(v.fate) && !refs_bring(&s, &s.entries.at[i], &v))
            map_put(draft_arena(p->c), &room->refused, (uintptr_t)prop, i, 1);
    }
}

/*
 * The providers that come along, before anything is settled: a reference to what the guest has needs no word, and
 * whether it has it must not depend on the order of the text.
 */
static void bring_all(struct machine_planner *p)
{
    for (uint32_t i = 0; i < p->copies.n; i++) { // those that come along bring others
        struct copied *k = p->copies.at[i];
        if (dt_is_gone(p->m->tree, k->guest) || !may_bring(k))
            continue;
        for (const struct dt_prop *prop = k->guest->props; prop; prop = prop->next) {
            const struct ref_rule *rule = is_host_value(prop) ? refs_rule(p, k, prop) : NULL;
            if (rule)
                bring_prop(p, k, dt_prop(p->host->tree, k->host, prop->name), rule);
        }
    }
}

static void settle_node(struct machine_planner *p, struct copied *k)
{
    struct settle_room *room = p->settle_room;
    bool followers = false;
    room->shortened.n = 0;
    room->numbered = (struct ref_property){NULL, NULL};
    for (int round = 0; round < (followers ? 2 : 1); round++) {
        for (struct dt_prop *prop = k->guest->props, *next; prop; prop = next) {
            next = prop->next;
            const struct ref_rule *rule = is_host_value(prop) ? refs_rule(p, k, prop) : NULL;
            if (!rule)
                continue;
            followers = followers || rule->follows;
            if ((rule->follows != NULL) == (round == 1))
                settle_prop(p, k, dt_prop(p->host->tree, k->host, prop->name), rule);
        }
    }
    if (room->numbered.rule)
        refs_renumber(p, k, &room->numbered);
}

void settle_refs(struct machine_planner *p)
{
    enter_step(p, STEP_REFS);
    p->settle_room = NEW(draft_arena(p->c), struct settle_room);
    p->settle_room->all = intern(p->c->names, "*");
    bring_all(p);
    for (uint32_t i = 0; i < p->copies.n; i++)
        if (!dt_is_gone(p->m->tree, p->copies.at[i]->guest))
            settle_node(p, p->copies.at[i]);
    // Statements are checked where they stand: at the node that they were written for.
    for (uint32_t i = 0; i < p->copies.n; i++) {
        const struct copied *k = p->copies.at[i];
        if (k->part && k->part->node == k->host && !k->description && !k->pass->assigned)
            refs_check_unused(p, k->pass, k->part);
    }
}
