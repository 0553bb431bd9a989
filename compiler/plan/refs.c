// SPDX-License-Identifier: MIT
// References: every phandle that leaves an assigned subtree is settled, or an error that lists the choices.
#include "plan/work.h"

#include <inttypes.h>

/* One entry of a reference property, as the host wrote it. */
struct entry {
    uint32_t start, cells;       // cells of the property
    uint32_t phandle;            // cell of the phandle
    const struct dt_node *target; // NULL: a hole (phandle 0 or -1), or nobody has it
    bool hole;                   // nothing to settle: stays as it is
};

struct entries {
    struct entry *at;
    uint32_t n, room;
};

struct new_ref {
    uint32_t offset;
    struct dt_node *target;
    const struct dt_name *name; // of a target that is still to be found
};

struct settle {
    struct planner *p;
    struct copied *k;
    const struct dt_prop *prop; // the host's value
    const struct ref_rule *rule;
    struct entries entries;
    /* the new value */
    uint8_t *data;
    uint32_t len;
    struct new_ref *refs;
    uint32_t nrefs;
    bool *kept;     // by entry
    bool changed;
    bool failed;
};

/* Room for one property at a time, used again for the next. */
struct settle_room {
    struct entries entries;
    VEC(struct new_ref) refs;
    VEC(bool) kept;
    VEC(uint32_t) open;
};

/* Makes a list `n` long, zeroed. */
#define ROOM(p, list, count)                                                                                               \
    do {                                                                                                               \
        while ((list)->room < (count)) {                                                                                   \
            (list)->n = 0;                                                                                             \
            (list)->at = vec_grow(draft_arena((p)->c), (list)->at, 0, &(list)->room, sizeof *(list)->at);             \
        }                                                                                                              \
        memset((list)->at, 0, (count) * sizeof *(list)->at);                                                               \
    } while (0)

/* ---- reading the host's value ---- */

static bool arguments(const struct settle *s, const struct dt_node *target, uint32_t *n)
{
    const struct planner *p = s->p;
    if (s->rule->layout == REF_FIXED) {
        *n = s->rule->fixed;
        return true;
    }
    const char *name = intern(p->c->names, s->rule->cells);
    const struct dt_prop *prop = dt_prop(p->host->tree, target, name);
    *n = prop && prop->len == 4 ? dt_cell(prop, 0) : 0;
    return (prop && prop->len == 4) || s->rule->cells_optional;
}

static bool is_hole(uint32_t phandle)
{
    return phandle == 0 || phandle == UINT32_MAX;
}

static struct diag *malformed(struct settle *s, const char *what)
{
    struct planner *p = s->p;
    struct diag *d = diag(p->c->diags, E0407, s->k->pass->at, "`%s` of %s cannot be read: %s", s->prop->name, dt_path(p->c->arena, s->k->host), what);
    diag_help(d, "remove it, `ref %s drop;`, or say that it holds no references, `ref %s keep;`", s->prop->name, s->prop->name);
    s->failed = true;
    return d;
}

static void add_entry(struct settle *s, uint32_t start, uint32_t cells, uint32_t phandle, const struct dt_node *target, bool hole)
{
    vec_push(draft_arena(s->p->c), &s->entries, ((struct entry){start, cells, phandle, target, hole}));
}

/* Entries of `before` cells, a phandle, its arguments and `after` cells. */
static bool read_list(struct settle *s, uint32_t before, uint32_t after)
{
    uint32_t n = s->prop->len / 4;
    for (uint32_t i = 0; i < n;) {
        if (n - i < before + 1) {
            malformed(s, arena_printf(s->p->c->arena, "cell %u begins an entry that is too short", i));
            return false;
        }
        uint32_t phandle = dt_cell(s->prop, i + before), args = 0;
        const struct dt_node *target = is_hole(phandle) ? NULL : host_phandle(s->p->host, phandle);
        if (!target && !is_hole(phandle) && s->rule->numbers) {
            add_entry(s, i, 1, i, NULL, true);
            i++;
            continue;
        }
        if (!target && !is_hole(phandle)) {
            malformed(s, arena_printf(s->p->c->arena, "cell %u is the phandle 0x%x, which no node of the host has", i + before, phandle));
            return false;
        }
        if (target && s->rule->layout != REF_SINGLE && (s->rule->cells || s->rule->layout == REF_FIXED) && !arguments(s, target, &args)) {
            malformed(s, arena_printf(s->p->c->arena, "%s has no %s", dt_path(s->p->c->arena, target), s->rule->cells));
            return false;
        }
        if (args > n || n - i < before + 1 + args + after) {
            malformed(s, arena_printf(s->p->c->arena, "the entry at cell %u wants %u more, %u are there", i, args + after, n - i - before - 1));
            return false;
        }
        add_entry(s, i, before + 1 + args + after, i + before, target, !target);
        i += before + 1 + args + after;
    }
    return true;
}

static bool read_entries(struct settle *s)
{
    const struct ref_rule *r = s->rule;
    if (s->prop->len % 4) {
        malformed(s, "it is not made of cells");
        return false;
    }
    uint32_t n = s->prop->len / 4;
    switch (r->layout) {
    case REF_SINGLE:
    case REF_GRAPH:
        if (n) {
            uint32_t phandle = dt_cell(s->prop, 0);
            const struct dt_node *t = is_hole(phandle) ? NULL : host_phandle(s->p->host, phandle);
            if (!t && !is_hole(phandle) && !r->numbers) {
                malformed(s, arena_printf(s->p->c->arena, "it is the phandle 0x%x, which no node of the host has", phandle));
                return false;
            }
            add_entry(s, 0, n, 0, t, !t);
        }
        return true;
    case REF_STRIDE:
        for (uint32_t i = 0; r->fixed && i + r->fixed <= n; i += r->fixed) {
            const struct dt_node *t = host_phandle(s->p->host, dt_cell(s->prop, i + r->at));
            add_entry(s, i, r->fixed, i + r->at, t, !t);
        }
        return true;
    case REF_MAP:
        return read_list(s, r->before, r->after);
    default:
        return read_list(s, 0, 0);
    }
}

/* ---- which fate ---- */

struct verdict {
    uint8_t fate;
    uint64_t fixed;
    const struct m_ref *said; // NULL: a default
};

static const struct m_ref *find_ref(struct settle *s, const struct m_part *part, const char *property, uint32_t index)
{
    const struct m_ref *whole = NULL;
    for (uint32_t i = 0; part && i < part->refs.n; i++) {
        const struct m_ref *r = &part->refs.at[i];
        if (r->property != property)
            continue;
        if (r->index.set && r->index.value == index) {
            map_put(draft_arena(s->p->c), &s->p->ref_used, (uintptr_t)r, 0, 1);
            return r;
        }
        if (!r->index.set)
            whole = r;
    }
    if (whole)
        map_put(draft_arena(s->p->c), &s->p->ref_used, (uintptr_t)whole, 0, 1);
    return whole;
}

/* What is said of the node itself beats what is said of the whole subtree; a name beats `*`; both beat the defaults. */
static struct verdict verdict_of(struct settle *s, uint32_t index)
{
    const struct m_part *own = s->k->part, *top = &s->k->pass->parts.at[0];
    const struct m_ref *r = find_ref(s, own, s->prop->name, index);
    if (!r && top != own)
        r = find_ref(s, top, s->prop->name, index);
    const char *all = intern(s->p->c->names, "*");
    if (!r)
        r = find_ref(s, own, all, index);
    if (!r && top != own)
        r = find_ref(s, top, all, index);
    if (r)
        return (struct verdict){r->fate, r->fixed, r};
    const struct dev_class *class = s->k->device ? s->k->device->class : NULL;
    for (uint32_t i = 0; class && i < class->nfates; i++)
        if (!strcmp(class->fates[i].property, s->prop->name))
            return (struct verdict){class->fates[i].fate, class->fates[i].fixed, NULL};
    return (struct verdict){s->rule->fate, 0, NULL};
}

/* ---- writing the guest's value ---- */

static void put(struct settle *s, const uint8_t *bytes, uint32_t len)
{
    memcpy(s->data + s->len, bytes, len);
    s->len += len;
}

static void put_ref(struct settle *s, struct dt_node *target, const struct dt_name *name)
{
    s->refs[s->nrefs].offset = s->len;
    s->refs[s->nrefs].target = target;
    s->refs[s->nrefs++].name = name;
    memset(s->data + s->len, 0, 4);
    s->len += 4;
    s->changed = true;
}

static void put_cells_of(struct settle *s, const struct entry *e, struct dt_node *target)
{
    put(s, s->prop->data + (size_t)e->start * 4, (e->phandle - e->start) * 4);
    put_ref(s, target, NULL);
    put(s, s->prop->data + ((size_t)e->phandle + 1) * 4, (e->start + e->cells - e->phandle - 1) * 4);
}

/* Fate `assign`: the provider goes to this guest as well, by the same rules. */
static void assign(struct settle *s, const struct dt_node *target, const struct verdict *v)
{
    struct planner *p = s->p;
    struct m_passthrough *pass = NEW(p->c->arena, struct m_passthrough);
    const struct m_passthrough *by = s->k->pass;
    *pass = (struct m_passthrough){.kind = PASS_NODE, .at = v->said ? v->said->at : by->at, .only = dt_is_below(target, s->k->host)};
    pass->name = target->labels ? target->labels->name : target->name;
    if (map_getp(&p->devices, pass->name, NULL))
        pass->name = dt_path(p->c->arena, target);
    pass->name = intern(p->c->names, pass->name);
    struct m_part part = {.node = target, .at = pass->at};
    part.refs.at = by->parts.at[0].refs.at;
    part.refs.n = part.refs.room = by->parts.at[0].refs.n;
    vec_push(p->c->arena, &pass->parts, part);
    copy_one(p, pass);
}

static void carry_out(struct settle *s, uint32_t index, const struct entry *e, const struct verdict *v)
{
    struct planner *p = s->p;
    struct copied *there;
    switch (v->fate) {
    case FATE_DROP:
        s->changed = true;
        return;
    case FATE_KEEP:
        put(s, s->prop->data + (size_t)e->start * 4, e->cells * 4);
        break;
    case FATE_FIXED:
        if (!s->rule->provider) {
            struct diag *d = diag(p->c->diags, E0408, v->said ? v->said->at : s->k->pass->at, "`%s` cannot be `fixed`: there is no fixed %s", s->prop->name,
                                  s->rule->kind ? s->rule->kind : "provider of that kind");
            diag_help(d, "write `drop`, `assign`, `copy`, `to &node` or `keep`");
            s->failed = true;
            return;
        }
        put_ref(s, fixed_provider(p, s->rule->provider, v->fixed, v->said ? v->said->at : s->k->pass->at), NULL);
        break;
    case FATE_TO: {
        // ref_clause() has made sure that it is &label or &{/path}
        struct text to = {.s = v->said->to, .loc = v->said->to_at.loc, .kind = v->said->to && *v->said->to == '/' ? TEXT_REFPATH : TEXT_LABEL};
        struct dt_name *name = NEW(p->c->arena, struct dt_name);
        *name = (struct dt_name){to, v->said->to_at};
        put_ref(s, NULL, name);
        for (uint32_t i = 0; i < v->said->ncells; i++, s->len += 4)
            put_cells(s->data + s->len, v->said->cells[i], 1);
        break;
    }
    case FATE_ASSIGN:
    case FATE_COPY:
        if (v->fate == FATE_ASSIGN)
            assign(s, e->target, v);
        else
            copy_description(p, e->target, s->k);
        there = any_copy(p, e->target);
        if (!there) { // refused, with a message
            s->failed = true;
            return;
        }
        put_cells_of(s, e, there->guest);
        break;
    default:
        return;
    }
    s->kept[index] = true;
}

/* ---- no safe default ---- */

static void list_choices(struct settle *s, const uint32_t *open, uint32_t nopen)
{
    struct planner *p = s->p;
    const struct entry *first = &s->entries.at[open[0]];
    bool whole = nopen == s->entries.n;
    const char *which = whole ? s->prop->name : arena_printf(p->c->arena, "%s[%u]", s->prop->name, open[0]);
    const char *path = dt_path(p->c->arena, s->k->host);
    struct src where = s->k->part ? s->k->part->at : s->k->pass->at;
    const char *kind = s->rule->kind ? s->rule->kind : "node";
    struct diag *d;
    if (nopen == 1)
        d = diag(p->c->diags, E0409, where, "`%s` of %s leads out of what is assigned, to %s", which, path, dt_path(p->c->arena, first->target));
    else
        d = diag(p->c->diags, E0409, where, "`%s` of %s leads out of what is assigned, %u times", s->prop->name, path, nopen);
    diag_label(d, "needs the host's %s", kind);
    for (uint32_t i = 0; i < nopen && nopen > 1 && i < 8; i++) {
        const struct entry *e = &s->entries.at[open[i]];
        const char *args = "";
        for (uint32_t c = e->phandle + 1; c < e->start + e->cells && c < e->phandle + 9; c++)
            args = arena_printf(p->c->arena, "%s %u", args, dt_cell(s->prop, c));
        diag_fact(d, "%s: %s[%u] is %s%s", p->host->file, s->prop->name, open[i], dt_path(p->c->arena, e->target), args);
    }
    if (nopen > 8)
        diag_fact(d, "and %u more", nopen - 8);
    bool child = s->k->host != s->k->pass->parts.at[0].node;
    const char *fixed = s->rule->provider ? s->rule->provider->unit && !strcmp(s->rule->provider->unit, "Hz") ? "`fixed RATE` (a fixed clock takes its place), " : "`fixed VALUE` (a fixed one takes its place), " : "";
    diag_help(d, "say what it shall be: `ref %s FATE;`%s, FATE one of `drop` (remove it), %s`assign` (pass the provider through, too), `copy` (its description only), `to &NODE` (another node of the guest), `keep` (it is no reference)",
              which, child ? " (here, or in a `child` statement)" : "", fixed);
    if (s->rule->why)
        diag_fact(d, "why there is no default: %s", s->rule->why);
    s->failed = true;
}

/* ---- the property, its names and what goes along with it ---- */

static void filter_names(struct settle *s, const char *name, uint32_t group)
{
    struct planner *p = s->p;
    const char *n = intern(p->c->names, name);
    const struct dt_prop *names = dt_prop(p->m->tree, s->k->guest, n);
    if (!names || names->origin->kind == ORIGIN_WRITTEN)
        return;
    char *data = arena_alloc(p->c->arena, names->len + 1);
    uint32_t len = 0, at_byte = 0;
    for (uint32_t i = 0; at_byte < names->len; i++) {
        size_t room = names->len - at_byte, size = strnlen((const char *)names->data + at_byte, room);
        size = size < room ? size + 1 : size;
        bool keep = true;
        for (uint32_t g = 0; g < group && i * group + g < s->entries.n; g++)
            keep = keep && s->kept[i * group + g];
        if (keep) {
            memcpy(data + len, names->data + at_byte, size);
            len += (uint32_t)size;
        }
        at_byte += (uint32_t)size;
    }
    if (len)
        dt_set(p->m->tree, s->k->guest, n, data, len, names->origin);
    else
        dt_del(p->m->tree, s->k->guest, n);
}

static void filter_along(struct settle *s, const char *name)
{
    struct planner *p = s->p;
    const char *n = intern(p->c->names, name);
    const struct dt_prop *along = dt_prop(p->m->tree, s->k->guest, n);
    if (!along || along->origin->kind == ORIGIN_WRITTEN)
        return;
    uint8_t *data = arena_alloc(p->c->arena, along->len + 1);
    uint32_t len = 0;
    for (uint32_t i = 0; i < along->len / 4; i++) {
        if (i < s->entries.n && !s->kept[i])
            continue;
        memcpy(data + len, along->data + (size_t)i * 4, 4);
        len += 4;
    }
    if (len)
        dt_set(p->m->tree, s->k->guest, n, data, len, along->origin);
    else
        dt_del(p->m->tree, s->k->guest, n);
}

static bool is_numbered_left(struct settle *s)
{
    size_t len = strlen(s->rule->property);
    for (const struct dt_prop *q = s->k->guest->props; q; q = q->next)
        if (!strncmp(q->name, s->rule->property, len) && q->name[len] >= '0' && q->name[len] <= '9')
            return true;
    return false;
}

static void write_back(struct settle *s)
{
    struct planner *p = s->p;
    const struct ref_rule *r = s->rule;
    bool all = true, any = false;
    uint32_t group = r->group ? r->group : 1;
    for (uint32_t i = 0; i < s->entries.n; i++) {
        all = all && s->kept[i];
        any = any || s->kept[i];
    }
    if (!s->changed)
        return;
    if (!any) {
        dt_del(p->m->tree, s->k->guest, s->prop->name);
    } else {
        struct dt_prop *prop = dt_set(p->m->tree, s->k->guest, s->prop->name, s->data, s->len,
                                      origin_of(p, ORIGIN_COMPUTED, s->k->pass->at, "references for the guest"));
        for (uint32_t i = 0; i < s->nrefs; i++) {
            dt_add_ref(p->m->tree, prop, s->refs[i].offset, s->refs[i].target);
            if (!s->refs[i].target)
                prop->refs->last->name = s->refs[i].name;
        }
    }
    if (all)
        return;
    if (r->names && r->match != REF_MATCH_NUMBERED)
        filter_names(s, r->names, group);
    else if (r->names && !is_numbered_left(s))
        dt_del(p->m->tree, s->k->guest, intern(p->c->names, r->names));
    for (const char *const *a = r->along; a && *a; a++)
        filter_along(s, *a);
}

static void settle_prop(struct planner *p, struct copied *k, const struct dt_prop *prop, const struct ref_rule *rule)
{
    struct settle_room *room = p->settle_room;
    struct settle s = {.p = p, .k = k, .prop = prop, .rule = rule, .entries = room->entries};
    s.entries.n = 0;
    // When the whole property goes, or holds no references, it need not even be readable.
    const struct verdict whole = verdict_of(&s, UINT32_MAX);
    if (whole.fate == FATE_KEEP)
        return;
    bool by_index = false;
    for (uint32_t i = 0; k->part && i < k->part->refs.n; i++)
        by_index = by_index || (k->part->refs.at[i].index.set && k->part->refs.at[i].property == prop->name);
    uint32_t errors = diags_errors(p->c->diags);
    if (whole.fate == FATE_DROP && !by_index) {
        // Only references that lead out are dropped; one that stays inside needs reading.
        bool inner = false;
        for (uint32_t i = 0; i < prop->len / 4 && !inner; i++) {
            const struct dt_node *t = host_phandle(p->host, dt_cell(prop, i));
            inner = t && any_copy(p, t);
        }
        if (!inner) {
            s.changed = true;
            ROOM(p, &room->kept, prop->len / 4 + 1);
            s.kept = room->kept.at;
            for (uint32_t i = 0; i < prop->len / 4 + 1; i++)
                vec_push(draft_arena(p->c), &s.entries, ((struct entry){0}));
            room->entries = s.entries;
            write_back(&s);
            return;
        }
    }
    bool readable = read_entries(&s);
    room->entries = s.entries;
    if (!readable)
        return;
    ROOM(p, &room->refs, s.entries.n + 1);
    ROOM(p, &room->kept, s.entries.n + 1);
    ROOM(p, &room->open, s.entries.n + 1);
    // Only `to &node <cells>` makes an entry longer than it was.
    const struct m_part *top = &k->pass->parts.at[0];
    bool longer = (k->part && k->part->refs.n) || top->refs.n;
    s.data = arena_alloc(p->c->arena, prop->len + (longer ? (size_t)s.entries.n * (HOST_MAX_CELLS + 1) * 4 : 0));
    s.refs = room->refs.at;
    s.kept = room->kept.at;
    uint32_t *open = room->open.at, nopen = 0;
    for (uint32_t i = 0; i < s.entries.n; i++) {
        const struct entry *e = &s.entries.at[i];
        struct copied *there = e->target ? any_copy(p, e->target) : NULL;
        if (e->hole) {
            put(&s, prop->data + (size_t)e->start * 4, e->cells * 4);
            s.kept[i] = true;
        } else if (there) {
            put_cells_of(&s, e, there->guest);
            s.kept[i] = true;
        } else {
            struct verdict v = verdict_of(&s, i);
            if (v.fate == FATE_ERROR)
                open[nopen++] = i;
            else
                carry_out(&s, i, e, &v);
        }
    }
    if (nopen)
        list_choices(&s, open, nopen);
    for (uint32_t i = 0; k->part && i < k->part->refs.n; i++) {
        const struct m_ref *r = &k->part->refs.at[i];
        if (r->property == prop->name && r->index.set && r->index.value >= s.entries.n) {
            map_put(draft_arena(p->c), &p->ref_used, (uintptr_t)r, 0, 1);
            diag_help(diag(p->c->diags, E0410, r->index.at, "`%s` has no entry %" PRIu64, prop->name, r->index.value), "it has %u, from 0", s.entries.n);
        }
    }
    if (!s.failed && diags_errors(p->c->diags) == errors)
        write_back(&s);
}

/* ---- statements that settle nothing ---- */

static bool subtree_has(const struct planner *p, const struct m_passthrough *pass, const char *property)
{
    const struct dt_node *top = pass->parts.at[0].node;
    for (const struct dt_node *n = top; n; n = pass->only ? NULL : dt_next(n, top))
        if (dt_prop(p->host->tree, n, property))
            return true;
    return false;
}

static void check_unused(struct planner *p, const struct copied *k)
{
    for (uint32_t i = 0; k->part && i < k->part->refs.n; i++) {
        const struct m_ref *r = &k->part->refs.at[i];
        uint64_t used;
        if (map_get(&p->ref_used, (uintptr_t)r, 0, &used) || (r->property[0] == '*' && !r->property[1]) || subtree_has(p, k->pass, r->property))
            continue;
        struct diag *d = diag(p->c->diags, E0411, r->at, "%s has no property `%s`", dt_path(p->c->arena, k->host), r->property);
        VEC(const char *) names = {0};
        for (const struct dt_prop *q = k->host->props; q; q = q->next)
            if (schema_ref(p->schemas, q->name))
                vec_push(p->c->arena, &names, q->name);
        const char *near = nearest(r->property, names.at, names.n);
        if (near)
            diag_help(d, "did you mean `%s`?", near);
        else
            diag_help(d, names.n ? "its references begin with `%s`" : "it has no references; delete the line%s", names.n ? names.at[0] : "");
    }
}

void settle_refs(struct planner *p, uint32_t first)
{
    p->settle_room = NEW(draft_arena(p->c), struct settle_room);
    // `assign` and `copy` add to the list; those are settled when their turn comes.
    for (uint32_t i = first; i < p->copies.n; i++) {
        struct copied *k = p->copies.at[i];
        for (struct dt_prop *prop = k->guest->props, *next; prop; prop = next) {
            next = prop->next;
            // What an edit or a class has written is a value of the guest's own.
            if (!prop->origin || prop->origin->kind != ORIGIN_HOST || !prop->len)
                continue;
            const struct ref_rule *rule = schema_ref(p->schemas, prop->name);
            if (!rule || rule->layout == REF_INTERRUPT || rule->layout == REF_INTERRUPT_MAP)
                continue;
            if (rule->unless && dt_prop(p->host->tree, k->host, intern(p->c->names, rule->unless)))
                continue;
            settle_prop(p, k, prop, rule);
        }
        // Statements are checked where they stand: at the node that they were written for.
        if (k->part && k->part->node == k->host && !k->description)
            check_unused(p, k);
    }
}
