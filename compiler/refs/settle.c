// SPDX-License-Identifier: MIT
// Settles every phandle that refers to a node outside an assigned subtree, or reports an error that lists the choices.
#include "refs/refs.h"

#include <inttypes.h>

/* Makes room for `count` elements in a list, and sets them to zero. */
#define MAKE_ROOM(p, list, count)                                                                                      \
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

/* ---- the choice of a fate ---- */

enum { WHOLE = UINT32_MAX };

/* Returns the `ref` statement in `part` (or NULL) for an entry or the WHOLE property, and records that it was used. */
static const struct m_ref *find_statement(struct machine_planner *p, const struct m_part *part, const char *property,
                                          uint32_t index)
{
    uint64_t i;
    if (!part || !part->refs.n ||
        !map_get(&part->ref_index, (uintptr_t)property, index == WHOLE ? 0 : (uint64_t)index + 1, &i))
        return NULL;
    const struct m_ref *r = &part->refs.at[i];
    map_put(draft_arena(p->c), &p->ref_used, refs_key(r), (uintptr_t)r->at.via, 1);
    return r;
}

/* Whether the node at hand is the copy of a description: in it nothing is left to be settled by a statement. */
static bool is_copied_description(const struct settle *s)
{
    return s->k->description && refs_is_description(s->p, s->k->host);
}

/*
 * Returns the statement that applies to an entry. A statement for the node takes precedence over one for the whole
 * subtree, and a statement for the entry over one for the whole property.
 */
static const struct m_ref *statement_for(struct settle *s, uint32_t index)
{
    const struct m_part *own = s->k->part, *top = &s->k->pass->parts.at[0];
    if (is_copied_description(s))
        return NULL;
    const struct m_ref *r = index == WHOLE ? NULL : find_statement(s->p, own, s->prop->name, index);
    if (!r)
        r = find_statement(s->p, own, s->prop->name, WHOLE);
    if (own == top || r)
        return r;
    if (index != WHOLE)
        r = find_statement(s->p, top, s->prop->name, index);
    return r ? r : find_statement(s->p, top, s->prop->name, WHOLE);
}

/* Returns the statement for `*` that applies to the node, or NULL. */
static const struct m_ref *statement_for_all(struct settle *s)
{
    const char *all = s->p->settle_room->all;
    if (is_copied_description(s))
        return NULL;
    const struct m_ref *r = find_statement(s->p, s->k->part, all, WHOLE);
    return r ? r : find_statement(s->p, &s->k->pass->parts.at[0], all, WHOLE);
}

/* Returns the verdict on the property whatever its entries are. FATE_ERROR: it depends on them. */
static struct verdict whole_verdict(struct settle *s)
{
    const struct m_ref *r = statement_for(s, WHOLE);
    if (!r)
        r = statement_for_all(s);
    return r ? (struct verdict){r->fate, r->fixed, r} : refs_default(s, &(struct ref_entry){0});
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

/* ---- messages ---- */

/* Remembers an entry that nothing settles, for refs_report_open(). */
static void note_open(struct settle *s, uint32_t index)
{
    struct machine_planner *p = s->p;
    const struct dt_prop *compatible = dt_prop(p->host->tree, s->k->host, p->n->compatible);
    const char *name = refs_entry_name(p, s->k->host, s->rule, index);
    const struct driver_facts *facts = schema_driver(p->c, p->schemas, compatible);
    const struct m_ref *other = statement_for(s, index); // is_for_another()
    // Where it is not known by which names the driver asks, it may ask for any entry.
    vec_push(draft_arena(p->c), &p->settle_room->open,
             ((struct open_ref){s->k, s->prop, s->rule, s->entries.at[index], index, s->entries.n, name,
                                schema_driver_says(facts, s->prop->name, 0, name),
                                other ? map_getp(&p->settle_room->fixed_for, other, s->prop->name) : NULL}));
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

/* Deletes the property, whether or not it could be read. */
static void drop_property(struct settle *s)
{
    s->kept = NULL;
    dt_del(s->p->m->tree, s->k->guest, s->prop->name);
    refs_filter_companions(s);
}

/* Writes the new value into the guest's tree if it differs from the host's. */
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
        drop_property(s);
        return;
    }
    struct dt_prop *prop = dt_set(p->m->tree, s->k->guest, s->prop->name, s->data, len,
                                  origin_at(p, s->k->guest, refs_place(s->k), "references for the guest"));
    for (uint32_t i = 0; i < s->nrefs; i++) {
        const struct new_ref *r = &s->refs[i];
        dt_add_ref(p->m->tree, prop, r->offset, r->target);
        if (!r->statement)
            continue;
        struct dt_ref *ref = prop->refs->last ? prop->refs->last : prop->refs;
        struct dt_name *name = NEW(p->c->arena, struct dt_name);
        *name = (struct dt_name){{.s = r->statement->to, .loc = r->statement->to_at.loc, .kind = r->statement->to_kind},
                                 r->statement->to_at};
        ref->name = name;
        vec_push(draft_arena(p->c), &p->to_refs,
                 ((struct to_ref){s->k->guest, ref, r->statement, s->rule, prop->name, r->cells, false}));
    }
    if (!all)
        refs_filter_companions(s);
}

/* Returns the shortened property whose entries this property follows; or NULL. Its dropped entries are dropped here. */
static const struct shortened *shortened_leader(const struct settle *s)
{
    const struct settle_room *room = s->p->settle_room;
    for (uint32_t i = 0; s->rule->follows && i < room->shortened.n; i++)
        if (!strcmp(room->shortened.at[i].property, s->rule->follows))
            return &room->shortened.at[i];
    return NULL;
}

/*
 * Whether a `fixed` for a whole property is about another provider than that of an entry: it holds for the provider of
 * the first entry that it settles, since a value says what one clock or regulator gives.
 */
static bool is_for_another(struct settle *s, const struct m_ref *statement, const struct dt_node *target)
{
    if (statement->fate != FATE_FIXED || statement->index.set)
        return false;
    struct map *providers = &s->p->settle_room->fixed_for;
    const struct dt_node *first = map_getp(providers, statement, s->prop->name);
    if (!first)
        map_putp(draft_arena(s->p->c), providers, statement, s->prop->name, (void *)(uintptr_t)target);
    return first && first != target;
}

/*
 * Returns the verdict on entry i, which has a target, and sets *guest_copy to the target's copy in the guest, or to
 * NULL. With FATE_ERROR, the entry refers to *guest_copy; if that is NULL, nothing decides it, which is an error.
 */
static struct verdict verdict_of(struct settle *s, uint32_t i, struct copied **guest_copy)
{
    *guest_copy = refs_guest_copy(s, s->entries.at[i].target);
    bool inside = *guest_copy && (*guest_copy)->pass == s->k->pass && !(*guest_copy)->description;
    const struct m_ref *statement = statement_for(s, i);
    // A reference within the subtree ignores statements for the whole property, but not one for this entry.
    if (statement && (!inside || statement->index.set) && !is_for_another(s, statement, s->entries.at[i].target))
        return (struct verdict){statement->fate, statement->fixed, statement};
    if (*guest_copy && (*guest_copy)->lines)
        *guest_copy = NULL; // the guest has the lines that it was given, not the provider
    if (*guest_copy) {
        // The class of another device of the machine may let it write other registers of the same shadow.
        struct verdict v = (*guest_copy)->shadow ? refs_default(s, &s->entries.at[i]) : (struct verdict){0};
        return v.fate == FATE_SHADOW ? v : (struct verdict){FATE_ERROR, 0, NULL};
    }
    statement = statement ? NULL : statement_for_all(s);
    return statement ? (struct verdict){statement->fate, statement->fixed, statement}
                     : refs_default(s, &s->entries.at[i]);
}

/*
 * Whether an entry of the group of entry i is dropped. A group, such as the two ends of an interconnect, stays whole.
 */
static bool is_group_dropped(struct settle *s, uint32_t i)
{
    uint32_t group = s->rule->group > 1 ? s->rule->group : 1, first = i / group * group;
    struct copied *guest_copy;
    for (uint32_t g = first; group > 1 && g < first + group && g < s->entries.n; g++)
        if (s->entries.at[g].target && verdict_of(s, g, &guest_copy).fate == FATE_DROP)
            return true;
    return false;
}

/* Records for the checks of owners that the guest uses or relies on a provider that it does not have. */
static void note_use(struct settle *s, const struct ref_entry *e, const struct verdict *v,
                     const struct copied *guest_copy)
{
    bool relies = v->fate == FATE_FIXED || v->fate == FATE_COPY || v->fate == FATE_SHADOW;
    if (s->k->description)
        return; // what it refers to is the host's affair: a description owns nothing
    if ((s->rule->resource || relies) && (!guest_copy || guest_copy->description))
        add_provider_use(s->p->file, &(struct provider_use){.rule = s->rule,
                                                            .provider = e->target,
                                                            .user = s->k->host,
                                                            .prop = s->prop,
                                                            .machine = s->p->m,
                                                            .at = v->statement ? v->statement->at : refs_place(s->k),
                                                            .cell = e->phandle + 1,
                                                            .ncells = e->start + e->cells - e->phandle - 1,
                                                            .fate = v->fate});
}

/* The rate or voltage that the guest is told and the host is to have: what was written, or what the board had. */
static uint64_t told_value(struct settle *s, uint32_t i, const struct ref_entry *e, const struct verdict *v)
{
    if (v->fate != FATE_FIXED)
        return 0;
    return v->fixed ? v->fixed : refs_measured(s->p, s->k->host, s->rule, s->prop, e, i, s->entries.n).value;
}

/* Records what the host has to keep for the device that the node is, or is part of. */
static void note_promise(struct settle *s, uint32_t i, const struct verdict *v)
{
    struct machine_planner *p = s->p;
    const struct ref_entry *e = &s->entries.at[i];
    if (!p->c->prepare || s->rule->kept == KEPT_NOT || s->k->description || host_disabled(p->host, s->k->host) ||
        v->fate == FATE_ASSIGN || v->fate == FATE_TO || v->fate == FATE_SHADOW)
        return;
    if ((s->rule->kept == KEPT_BY_BUS || s->rule->kept == KEPT_BY_PROVIDER) && refs_is_description(p, e->target))
        return; // numbers need nobody, and what has no switch is on
    vec_push(p->c->arena, &p->m->promises,
             ((struct p_promise){.device = s->k->device,
                                 .user = s->k->host,
                                 .prop = s->prop,
                                 .rule = s->rule,
                                 .index = i,
                                 .cell = e->phandle,
                                 .ncells = e->start + e->cells - e->phandle,
                                 .provider = e->target,
                                 .value = told_value(s, i, e, v),
                                 .at = v->statement ? v->statement->at : refs_place(s->k)}));
}

/* What the guest gets in place of a provider that the host keeps, for people. */
static const char *gets_text(struct settle *s, uint32_t i, const struct verdict *v)
{
    struct arena *a = s->p->c->arena;
    const char *unit = s->rule->provider ? s->rule->provider->unit : NULL;
    uint64_t value = v->fixed;
    switch (v->fate) {
    case FATE_DROP:
        return v->statement ? "dropped"
                            : arena_printf(a, "dropped: %s",
                                           s->entries.n == 1 && s->rule->alone.why ? s->rule->alone.why : s->rule->why);
    case FATE_FIXED:
        value = value ? value : refs_value_unwritten(s, i, &s->entries.at[i]);
        return arena_printf(a, "fixed %" PRIu64 "%s%s", value, unit ? " " : "", unit ? unit : "");
    case FATE_COPY:
        return "a copy";
    case FATE_SHADOW:
        return "a shadow of its registers";
    case FATE_ASSIGN:
        return "the provider";
    case FATE_TO:
        return arena_printf(a, v->statement->to_kind == TEXT_LABEL ? "&%s" : "%s", v->statement->to);
    default:
        return "as it is";
    }
}

/* Puts an entry into the table of references (--emit=plan). */
static void note_reference(struct settle *s, uint32_t i, const struct verdict *v)
{
    struct machine_planner *p = s->p;
    if (!p->c->table || s->k->description)
        return;
    struct arena *a = p->c->arena;
    const char *name = refs_entry_name(p, s->k->host, s->rule, i), *entry = s->prop->name;
    if (s->entries.n > 1)
        entry = arena_printf(a, "%s[%" PRIu32 "]", entry, i);
    if (name)
        entry = arena_printf(a, "%s \"%s\"", entry, name);
    const char *target = arena_printf(a, "%s%s", dt_path(a, s->entries.at[i].target),
                                      refs_specifier_text(p, s->prop, &s->entries.at[i]));
    vec_push(a, &p->m->references,
             ((struct p_reference){s->k->device->name, entry, target, gets_text(s, i, v),
                                   v->statement ? HOW_WRITTEN : HOW_DEFAULT}));
}

static void settle_entry(struct settle *s, uint32_t i)
{
    const struct ref_entry *e = &s->entries.at[i];
    if (is_group_dropped(s, i)) {
        if (e->target)
            note_promise(s, i, &(struct verdict){.fate = FATE_DROP});
        s->changed = true;
        return;
    }
    if (!e->target) {
        refs_append_cells(s, e->start, e->cells);
        s->kept[i] = true;
        return;
    }
    struct copied *guest_copy;
    uint64_t refused;
    if (map_get(&s->p->settle_room->refused, (uintptr_t)s->prop, i, &refused)) {
        s->failed = true;
        return;
    }
    struct verdict v = verdict_of(s, i, &guest_copy);
    if (v.fate != FATE_ERROR) {
        note_use(s, e, &v, guest_copy);
        note_reference(s, i, &v);
        note_promise(s, i, &v);
        refs_carry_out(s, i, e, &v);
    } else if (guest_copy) {
        if (guest_copy->description)
            note_promise(s, i, &(struct verdict){.fate = FATE_COPY});
        refs_append_entry(s, e, guest_copy->guest);
        s->kept[i] = true;
        s->solid = s->len;
    } else {
        note_open(s, i);
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
        if (r && whole.statement)
            refs_refuse_keep(&s, whole.statement, r->target);
        return;
    }
    bool readable = refs_read(&s);
    room->entries = s.entries;
    if (!readable) {
        if (whole.fate == FATE_DROP)
            drop_property(&s);
        else
            report_unreadable(&s);
        return;
    }
    uint32_t errors = diags_errors(p->c->diags);
    MAKE_ROOM(p, &room->refs, 2 * s.entries.n + 1); // an entry may refer to a child of its provider as well
    MAKE_ROOM(p, &room->kept, s.entries.n + 1);
    // Only `to &node <cells>` can make an entry longer than on the host.
    bool longer = (k->part && k->part->refs.n) || k->pass->parts.at[0].refs.n;
    s.data = arena_alloc(p->c->arena, prop->len + (longer ? (size_t)s.entries.n * (HOST_MAX_CELLS + 1) * 4 : 0));
    s.refs = room->refs.at;
    s.kept = room->kept.at;
    const struct shortened *with = shortened_leader(&s);
    for (uint32_t i = 0; i < s.entries.n; i++) {
        if (with && (!with->kept || (i < with->n && !with->kept[i])))
            s.changed = true;
        else
            settle_entry(&s, i);
    }
    if (!s.failed && diags_errors(p->c->diags) == errors)
        write_back(&s);
}

/* ---- all properties of a machine ---- */

static bool is_host_value(const struct dt_prop *prop)
{
    // A value that an edit or a class has written belongs to the guest and has no references of the host.
    return prop->origin && prop->origin->kind == ORIGIN_HOST && prop->len;
}

static bool adds_provider(uint8_t fate)
{
    return fate == FATE_ASSIGN || fate == FATE_COPY || fate == FATE_SHADOW;
}

/* Whether a statement or the class may say something of the node's references. */
static bool is_spoken_of(const struct copied *k)
{
    const struct dev_class *class = k->device ? k->device->class : NULL;
    return (k->part && k->part->refs.n) || k->pass->parts.at[0].refs.n || (class && class->nfates);
}

/* Whether a property (interned) of that name may bring a provider that nothing is said of. Most names hold no
 * reference. */
static bool may_bring_by_default(struct machine_planner *p, const char *property)
{
    struct map *known = &p->settle_room->bringing;
    uint64_t yes;
    if (map_get(known, (uintptr_t)property, 0, &yes))
        return yes;
    const struct ref_rule *rule = schema_ref(p->schemas, property);
    yes = rule && rule->fate == FATE_ERROR;
    map_put(draft_arena(p->c), known, (uintptr_t)property, 0, yes);
    return yes;
}

/* Adds the providers of one property to the guest. */
static void bring_providers_of(struct machine_planner *p, struct copied *k, const struct dt_prop *prop,
                               const struct ref_rule *rule)
{
    struct settle_room *room = p->settle_room;
    struct settle s = {.p = p, .k = k, .prop = prop, .rule = rule};
    bool readable = refs_read(&s);
    for (uint32_t i = 0; readable && i < s.entries.n; i++) {
        struct copied *guest_copy;
        struct verdict v = {0};
        if (s.entries.at[i].target && !is_group_dropped(&s, i))
            v = verdict_of(&s, i, &guest_copy);
        if (adds_provider(v.fate) && !refs_bring_provider(&s, &s.entries.at[i], &v))
            map_put(draft_arena(p->c), &room->refused, (uintptr_t)prop, i, 1);
    }
}

/*
 * Adds all providers with fate `assign` or `copy` to the guest before any reference is settled: a reference to a node
 * that the guest has needs no statement, and that must not depend on the order of the text.
 */
static void bring_all_providers(struct machine_planner *p)
{
    for (uint32_t i = 0; i < p->copies.n; i++) { // the list grows, since added providers can add others
        struct copied *k = p->copies.at[i];
        if (dt_is_gone(p->m->tree, k->guest))
            continue;
        bool spoken_of = is_spoken_of(k);
        for (const struct dt_prop *prop = k->guest->props; prop; prop = prop->next) {
            if (!is_host_value(prop) || (!spoken_of && !may_bring_by_default(p, prop->name)))
                continue;
            const struct ref_rule *rule = refs_rule(p, k, prop);
            if (rule)
                bring_providers_of(p, k, dt_prop(p->host->tree, k->host, prop->name), rule);
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
            if (round == 0 && is_host_value(prop))
                refs_warn_suspects(p, k, dt_prop(p->host->tree, k->host, prop->name));
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
    bring_all_providers(p);
    unite_shadow_writes(p);
    for (uint32_t i = 0; i < p->copies.n; i++)
        if (!dt_is_gone(p->m->tree, p->copies.at[i]->guest))
            settle_node(p, p->copies.at[i]);
    refs_report_open(p);
    // Each statement is checked once, with the node that it was written for.
    for (uint32_t i = 0; i < p->copies.n; i++) {
        const struct copied *k = p->copies.at[i];
        if (k->part && k->part->node == k->host && !k->description && !k->pass->assigned)
            refs_check_unused(p, k->pass, k->part);
    }
}
