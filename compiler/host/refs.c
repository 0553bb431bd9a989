// SPDX-License-Identifier: MIT
// A property of the host's tree that holds references, taken apart.
#include "host/refs.h"

#include "host/internal.h"

/* A property while it is read. */
struct reading {
    struct machc *c;
    const struct host *h;
    const struct dt_prop *prop;
    const struct ref_rule *rule;
    struct ref_entries *entries;
    const struct dt_ref *known; // where reading is among the references that are known beforehand
    const char *problem;
};

static bool problem(struct reading *s, const char *what)
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
static const struct dt_node *literal(const struct host *h, uint32_t cell)
{
    const struct dt_node *n = is_hole(cell) ? NULL : host_phandle(h, cell);
    const struct dt_tree *t = h->tree;
    return n && (dt_prop(t, n, h->p->phandle) || dt_prop(t, n, h->p->linux_phandle)) ? n : NULL;
}

/* Cells are asked for in rising order. */
static const struct dt_node *target_at(struct reading *s, uint32_t cell)
{
    while (s->known && (s->known->path || s->known->offset < (uint64_t)cell * 4))
        s->known = s->known->next;
    if (s->known && s->known->offset == (uint64_t)cell * 4)
        return s->known->target;
    return literal(s->h, dt_cell(s->prop, cell));
}

static bool arguments(const struct reading *s, const struct dt_node *target, uint32_t *n)
{
    if (s->rule->layout == REF_FIXED) {
        *n = s->rule->fixed;
        return true;
    }
    const struct dt_prop *prop = dt_prop(s->h->tree, target, s->rule->cells);
    *n = prop && prop->len == 4 ? dt_cell(prop, 0) : 0;
    return (prop && prop->len == 4) || s->rule->cells_optional;
}

static void add_entry(struct reading *s, uint32_t start, uint32_t cells, uint32_t phandle, const struct dt_node *target)
{
    bool known = s->known && s->known->offset == (uint64_t)phandle * 4;
    struct ref_entry e = {
        .start = start, .cells = cells, .phandle = phandle, .target = target, .known = known && s->prop->refs};
    for (uint32_t i = phandle + 1; s->rule->children && target && i < start + cells && !e.child; i++) {
        const struct dt_node *child = target_at(s, i);
        if (child && child->parent == target) {
            e.child = child;
            e.child_cell = i;
        }
    }
    vec_push(draft_arena(s->c), s->entries, e);
}

static bool nobody(struct reading *s, uint32_t cell)
{
    return problem(s, arena_printf(s->c->arena, "cell %u is the phandle 0x%x, which no node of the host has", cell,
                                   dt_cell(s->prop, cell)));
}

/* Of a rule with `numbers`: whether a cell is a number, although a node (or NULL) may have it as its phandle. */
static bool is_number(const struct reading *s, const struct dt_node *target)
{
    return !target || !dt_prop(s->h->tree, target, s->rule->numbers);
}

/* Entries of `before` cells, a phandle, its arguments and `after` cells. */
static bool read_list(struct reading *s, uint32_t before, uint32_t after)
{
    struct arena *a = s->c->arena;
    uint32_t n = s->prop->len / 4;
    for (uint32_t i = 0; i < n;) {
        uint32_t left = n - i, args = 0;
        if (left < before + 1)
            return problem(s, arena_printf(a, "the entry at cell %u has no phandle", i));
        const struct dt_node *target = target_at(s, i + before);
        if (s->rule->numbers && is_number(s, target)) {
            add_entry(s, i, 1, i, NULL);
            i++;
            continue;
        }
        if (!target && !is_hole(dt_cell(s->prop, i + before)))
            return nobody(s, i + before);
        if (target && !arguments(s, target, &args))
            return problem(s, arena_printf(a, "%s has no %s", dt_path(a, target), s->rule->cells));
        uint64_t want = (uint64_t)before + 1 + args + after;
        if (want > left)
            return problem(
                s, arena_printf(a, "the entry at cell %u, to %s, needs %u cells, but the property has only %u more", i,
                                target ? dt_path(a, target) : "nothing", (uint32_t)want, left));
        add_entry(s, i, (uint32_t)want, i + before, target);
        i += (uint32_t)want;
    }
    return true;
}

/* One phandle, and whatever follows it. */
static bool read_single(struct reading *s)
{
    uint32_t n = s->prop->len / 4;
    const struct dt_node *target = n ? target_at(s, 0) : NULL;
    if (n && s->rule->numbers && is_number(s, target))
        target = NULL;
    else if (n && !target && !is_hole(dt_cell(s->prop, 0)))
        return nobody(s, 0);
    if (n)
        add_entry(s, 0, n, 0, target);
    return true;
}

static bool read_stride(struct reading *s)
{
    const struct ref_rule *r = s->rule;
    uint32_t n = s->prop->len / 4, every = r->fixed ? r->fixed : 1;
    if (n % every)
        return problem(s, arena_printf(s->c->arena, "an entry has %u cells, but there are %u cells", every, n));
    for (uint32_t i = 0; i < n; i += every) {
        const struct dt_node *target = target_at(s, i + r->at);
        if (!target && !is_hole(dt_cell(s->prop, i + r->at)))
            return nobody(s, i + r->at);
        add_entry(s, i, every, i + r->at, target);
    }
    return true;
}

/* By what the host's source says, with no idea of what it means: each reference, and the cells up to the next. */
static bool read_known(struct reading *s)
{
    uint32_t start = 0;
    s->entries->n = 0;
    for (const struct dt_ref *r = s->known; r; r = r->next) {
        if (r->path || !r->target)
            continue;
        if (r->offset % 4)
            return problem(s,
                           arena_printf(s->c->arena, "the reference at byte %u does not start at a cell", r->offset));
        if (s->entries->n)
            s->entries->at[s->entries->n - 1].cells = r->offset / 4 - start;
        s->known = r;
        start = s->entries->n ? r->offset / 4 : 0;
        add_entry(s, start, s->prop->len / 4 - start, r->offset / 4, r->target);
    }
    return true;
}

/* The source may know of references where the schema sees none. */
static bool missed_some(const struct reading *s)
{
    uint32_t i = 0;
    for (const struct dt_ref *r = s->prop->refs; r; r = r->next) {
        if (r->path || !r->target)
            continue;
        while (i < s->entries->n && (uint64_t)s->entries->at[i].phandle * 4 < r->offset &&
               (uint64_t)s->entries->at[i].child_cell * 4 < r->offset)
            i++;
        if (i == s->entries->n || ((uint64_t)s->entries->at[i].phandle * 4 != r->offset &&
                                   (uint64_t)s->entries->at[i].child_cell * 4 != r->offset))
            return true;
    }
    return false;
}

const char *host_read_refs(struct machc *c, const struct host *h, const struct dt_prop *prop,
                           const struct ref_rule *rule, struct ref_entries *out)
{
    struct reading s = {.c = c, .h = h, .prop = prop, .rule = rule, .entries = out, .known = prop->refs};
    if (rule->undescribed && !s.known)
        s.known = host_suspects(c, h, prop);
    out->n = 0;
    // host/interrupts.c reads these: no rule of theirs says how many cells there are.
    if (rule->layout == REF_INTERRUPT || rule->layout == REF_INTERRUPT_MAP)
        return "it describes interrupts";
    if (prop->len % 4)
        return arena_printf(c->arena, "it has %u bytes, which is not a whole number of cells", prop->len);
    bool single = rule->layout == REF_SINGLE || rule->layout == REF_GRAPH, ok;
    if (rule->undescribed && s.known)
        ok = read_known(&s);
    else if (single)
        ok = read_single(&s);
    else if (rule->layout == REF_STRIDE)
        ok = read_stride(&s);
    else
        ok = rule->layout == REF_MAP ? read_list(&s, rule->before, rule->after) : read_list(&s, 0, 0);
    // The source knows better than the schema where references are.
    if ((ok || single) && missed_some(&s)) {
        s.problem = NULL;
        s.known = prop->refs;
        ok = read_known(&s);
    }
    return ok ? NULL : s.problem;
}

const struct ref_rule *host_ref_rule(const struct host *h, const struct dt_node *n, const struct dt_prop *prop)
{
    uint64_t known;
    // host/interrupts.c reads these; nearly every node has one, and a board needs no schema for them.
    if (!h->schemas || prop->name == h->p->interrupts || prop->name == h->p->interrupt_parent ||
        prop->name == h->p->interrupts_extended || prop->name == h->p->interrupt_map)
        return NULL;
    if (!map_get(&h->p->rule_of, (uintptr_t)prop->name, 0, &known)) {
        known = (uintptr_t)schema_ref(h->schemas, prop->name);
        map_put(h->tree->arena, &h->p->rule_of, (uintptr_t)prop->name, 0, known);
    }
    const struct ref_rule *rule = (const struct ref_rule *)(uintptr_t)known;
    const struct ref_rule *of_node = map_getp(&h->schemas->ref_nodes, n->name, NULL);
    if (of_node && prop->name != h->p->phandle && prop->name != h->p->linux_phandle)
        rule = of_node;
    if (!rule || rule->layout == REF_INTERRUPT || rule->layout == REF_INTERRUPT_MAP || !prop->len)
        return NULL;
    return rule->unless && dt_prop(h->tree, n, rule->unless) ? NULL : rule;
}

bool host_holds_ref(struct machc *c, const struct host *h, const struct dt_prop *prop)
{
    for (const struct dt_ref *r = prop->refs; r; r = r->next)
        if (!r->path && r->target)
            return true;
    return prop->len && prop->len % 4 == 0 && (host_suspects(c, h, prop) || literal(h, dt_cell(prop, 0)));
}
