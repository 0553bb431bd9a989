// SPDX-License-Identifier: MIT
// The host's value of a reference property, taken apart.
#include "refs/refs.h"

static bool problem(struct settle *s, const char *what)
{
    s->problem = what;
    return false;
}

static bool is_hole(uint32_t phandle)
{
    return phandle == 0 || phandle == UINT32_MAX;
}

/*
 * The node that a cell refers to. Where the source of the host's tree says `&label`, it is known; a number can only
 * mean a node that has its phandle written down.
 */
static const struct dt_node *literal(const struct planner *p, uint32_t cell)
{
    const struct dt_node *n = is_hole(cell) ? NULL : host_phandle(p->host, cell);
    const struct dt_tree *t = p->host->tree;
    return n && (dt_prop(t, n, p->n.phandle) || dt_prop(t, n, p->n.linux_phandle)) ? n : NULL;
}

/* Cells are asked for in rising order. */
static const struct dt_node *target_at(struct settle *s, uint32_t cell)
{
    while (s->known && (s->known->path || s->known->offset < (uint64_t)cell * 4))
        s->known = s->known->next;
    if (s->known && s->known->offset == (uint64_t)cell * 4)
        return s->known->target;
    return literal(s->p, dt_cell(s->prop, cell));
}

static bool arguments(const struct settle *s, const struct dt_node *target, uint32_t *n)
{
    const struct planner *p = s->p;
    if (s->rule->layout == REF_FIXED) {
        *n = s->rule->fixed;
        return true;
    }
    const struct dt_prop *prop = dt_prop(p->host->tree, target, s->rule->cells);
    *n = prop && prop->len == 4 ? dt_cell(prop, 0) : 0;
    return (prop && prop->len == 4) || s->rule->cells_optional;
}

static void add(struct settle *s, uint32_t start, uint32_t cells, uint32_t phandle, const struct dt_node *target)
{
    bool known = s->known && s->known->offset == (uint64_t)phandle * 4;
    vec_push(draft_arena(s->p->c), &s->entries, ((struct entry){start, cells, phandle, target, known}));
}

static bool nobody(struct settle *s, uint32_t cell)
{
    return problem(s, arena_printf(s->p->c->arena, "cell %u is the phandle 0x%x, which no node of the host has", cell,
                                   dt_cell(s->prop, cell)));
}

/* Entries of `before` cells, a phandle, its arguments and `after` cells. */
static bool read_list(struct settle *s, uint32_t before, uint32_t after)
{
    struct arena *a = s->p->c->arena;
    uint32_t n = s->prop->len / 4;
    for (uint32_t i = 0; i < n;) {
        uint32_t left = n - i, args = 0;
        if (left < before + 1)
            return problem(s, arena_printf(a, "the entry at cell %u has no phandle", i));
        const struct dt_node *target = target_at(s, i + before);
        if (!target && s->rule->numbers) {
            add(s, i, 1, i, NULL);
            i++;
            continue;
        }
        if (!target && !is_hole(dt_cell(s->prop, i + before)))
            return nobody(s, i + before);
        if (target && !arguments(s, target, &args))
            return problem(s, arena_printf(a, "%s has no %s", dt_path(a, target), s->rule->cells));
        uint64_t want = (uint64_t)before + 1 + args + after;
        if (want > left)
            return problem(s, arena_printf(a, "the entry at cell %u, to %s, has %u cells; only %u are there", i,
                                           target ? dt_path(a, target) : "nothing", (uint32_t)want, left));
        add(s, i, (uint32_t)want, i + before, target);
        i += (uint32_t)want;
    }
    return true;
}

/* One phandle, and whatever stands behind it. */
static bool read_single(struct settle *s)
{
    uint32_t n = s->prop->len / 4;
    const struct dt_node *target = n ? target_at(s, 0) : NULL;
    if (n && !target && !is_hole(dt_cell(s->prop, 0)) && !s->rule->numbers)
        return nobody(s, 0);
    if (n)
        add(s, 0, n, 0, target);
    return true;
}

static bool read_stride(struct settle *s)
{
    const struct ref_rule *r = s->rule;
    uint32_t n = s->prop->len / 4, every = r->fixed ? r->fixed : 1;
    if (n % every)
        return problem(s, arena_printf(s->p->c->arena, "an entry has %u cells, and %u cells are there", every, n));
    for (uint32_t i = 0; i < n; i += every) {
        const struct dt_node *target = target_at(s, i + r->at);
        if (!target && !is_hole(dt_cell(s->prop, i + r->at)))
            return nobody(s, i + r->at);
        add(s, i, every, i + r->at, target);
    }
    return true;
}

/* By what the host's source says, with no idea of what it means: each reference, and the cells up to the next. */
static bool read_known(struct settle *s)
{
    uint32_t start = 0;
    s->entries.n = 0;
    for (const struct dt_ref *r = s->prop->refs; r; r = r->next) {
        if (r->path || !r->target)
            continue;
        if (r->offset % 4)
            return problem(
                s, arena_printf(s->p->c->arena, "there is a reference at byte %u, which begins no cell", r->offset));
        if (s->entries.n)
            s->entries.at[s->entries.n - 1].cells = r->offset / 4 - start;
        s->known = r;
        start = s->entries.n ? r->offset / 4 : 0;
        add(s, start, s->prop->len / 4 - start, r->offset / 4, r->target);
    }
    return true;
}

/* The source may know of references where the schema sees none. */
static bool missed_some(const struct settle *s)
{
    uint32_t i = 0;
    for (const struct dt_ref *r = s->prop->refs; r; r = r->next) {
        if (r->path || !r->target)
            continue;
        while (i < s->entries.n && (uint64_t)s->entries.at[i].phandle * 4 < r->offset)
            i++;
        if (i == s->entries.n || (uint64_t)s->entries.at[i].phandle * 4 != r->offset)
            return true;
    }
    return false;
}

bool refs_read(struct settle *s)
{
    const struct ref_rule *r = s->rule;
    s->entries.n = 0;
    s->known = s->prop->refs;
    if (s->prop->len % 4)
        return problem(s, arena_printf(s->p->c->arena, "it has %u bytes, which is no number of cells", s->prop->len));
    bool single = r->layout == REF_SINGLE || r->layout == REF_GRAPH;
    bool ok = single                    ? read_single(s)
              : r->layout == REF_STRIDE ? read_stride(s)
              : r->layout == REF_MAP    ? read_list(s, r->before, r->after)
                                        : read_list(s, 0, 0);
    if ((ok || single) && missed_some(s))
        ok = read_known(s);
    return ok;
}

bool refs_any(const struct planner *p, const struct dt_prop *prop)
{
    for (const struct dt_ref *r = prop->refs; r; r = r->next)
        if (!r->path && r->target)
            return true;
    return prop->len && prop->len % 4 == 0 && literal(p, dt_cell(prop, 0));
}

static bool spoken_of(const struct copied *k, const char *property)
{
    const struct m_part *parts[] = {k->part, &k->pass->parts.at[0]};
    for (uint32_t i = 0; i < 2; i++)
        for (uint32_t r = 0; parts[i] && r < parts[i]->refs.n; r++)
            if (parts[i]->refs.at[r].property == property)
                return true;
    const struct dev_class *class = k->device ? k->device->class : NULL;
    for (uint32_t i = 0; class && i < class->nfates; i++)
        if (!strcmp(class->fates[i].property, property))
            return true;
    return false;
}

const struct ref_rule *refs_rule(struct planner *p, const struct copied *k, const struct dt_prop *prop)
{
    const struct ref_rule *rule = schema_ref(p->schemas, prop->name);
    if (rule) {
        bool holds = rule->layout != REF_INTERRUPT && rule->layout != REF_INTERRUPT_MAP &&
                     !(rule->unless && dt_prop(p->host->tree, k->host, rule->unless));
        return holds ? rule : NULL;
    }
    const struct dt_prop *host = dt_prop(p->host->tree, k->host, prop->name);
    bool known = false;
    for (const struct dt_ref *r = host ? host->refs : NULL; r && !known; r = r->next)
        known = !r->path && r->target;
    if (!host || prop->name == p->n.phandle || prop->name == p->n.linux_phandle ||
        (!known && (!spoken_of(k, prop->name) || !refs_any(p, host))))
        return NULL;
    struct ref_rule *own = NEW(draft_arena(p->c), struct ref_rule);
    *own = (struct ref_rule){.layout = REF_SINGLE,
                             .fate = FATE_ERROR,
                             .kind = "node",
                             .group = 1,
                             .why = "no schema knows what this property is for"};
    return own;
}
