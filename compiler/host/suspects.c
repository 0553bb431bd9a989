// SPDX-License-Identifier: MIT
/*
 * References in properties that no schema describes, found by elimination.
 *
 * dtc gives a node a phandle only where something refers to it (livetree.c, get_node_phandle), with the next free
 * number at the first reference in document order. So a node with a phandle that no known reference leads to is
 * referred to by a property that is not known: one with that number in it, and, where the tree still has dtc's order,
 * between the first references to the numbers before and after it.
 */
#include "host/internal.h"
#include "host/refs.h"

#include <stdlib.h>

/* The first known reference to a node: how many cells and properties come before it in the tree. */
struct first {
    uint32_t phandle, position;
};

enum { NOWHERE = UINT32_MAX };

struct suspects {
    struct map refs; // (property, 0) -> its first dt_ref
};

/* One elimination. */
struct elimination {
    struct machc *c;
    const struct host *h;
    struct suspects *found;
    uint32_t *first;     // by node id: position of the first known reference
    struct first *order; // of the nodes that are referred to, by phandle
    uint32_t norder;
    uint32_t *shapes; // by node id: a bit for each number of arguments that its references can have
    bool *fitting;    // by node id: a cell at the right position may refer to it
    bool in_order;    // the tree's phandles rise with the positions of the first references
    struct map names; // (name of a property, cell) -> 1: in some node, it is the only explanation for a phandle
    struct ref_entries entries;
};

static void note(struct elimination *e, const struct dt_node *target, uint32_t position)
{
    if (target && e->first[target->id] > position)
        e->first[target->id] = position;
}

/* Notes what `interrupts-extended` refers to. */
static void note_extended(struct elimination *e, const struct dt_prop *prop, uint32_t position)
{
    for (uint64_t i = 0; i < prop->len / 4;) {
        const struct dt_node *chip = host_phandle(e->h, dt_cell(prop, (uint32_t)i));
        note(e, chip, position + (uint32_t)i);
        i += 1 + (uint64_t)(chip ? dt_u32(e->h->tree, chip, e->h->p->interrupt_cells, 0) : 0);
    }
}

/* Notes what the interrupts of a node, or its map of interrupts, refer to. Returns whether `prop` is such a property.
 */
static bool note_interrupts(struct elimination *e, const struct dt_node *n, const struct dt_prop *prop,
                            uint32_t position)
{
    const struct host_private *p = e->h->p;
    if (prop->name == p->interrupt_parent) {
        note(e, prop->len >= 4 ? host_phandle(e->h, dt_cell(prop, 0)) : NULL, position);
    } else if (prop->name == p->interrupts_extended) {
        note_extended(e, prop, position);
    } else if (prop->name == p->interrupt_map) {
        uint32_t count;
        const struct nexus_entry *m = host_map_entries(e->h, n, &count);
        for (uint32_t i = 0; m && i < count; i++)
            note(e, m[i].parent, position + (uint32_t)(m[i].address - prop->data) / 4 - 1);
    } else if (prop->name == p->interrupts) {
        // The fourth cell of a GICv3 refers to a node below the controller (a partition of its PPIs).
        const struct dt_node *chip = host_irq_parent(e->h, n);
        for (uint32_t i = 0; chip && i < prop->len / 4; i++) {
            const struct dt_node *to = host_phandle(e->h, dt_cell(prop, i));
            if (to && to != chip && dt_is_below(chip, to))
                note(e, to, position + i);
        }
    } else {
        return false;
    }
    return true;
}

static void note_entries(struct elimination *e, const struct dt_prop *prop, const struct ref_rule *rule,
                         uint32_t position)
{
    if (host_read_refs(e->c, e->h, prop, rule, &e->entries))
        return;
    for (uint32_t i = 0; i < e->entries.n; i++) {
        note(e, e->entries.at[i].target, position + e->entries.at[i].phandle);
        note(e, e->entries.at[i].child, position + e->entries.at[i].child_cell);
    }
}

static void note_known(struct elimination *e)
{
    const struct dt_tree *t = e->h->tree;
    uint32_t position = 0;
    for (const struct dt_node *n = t->root; n; n = dt_next(n, t->root))
        for (const struct dt_prop *prop = n->props; prop; position += prop->len / 4 + 1, prop = prop->next) {
            const struct ref_rule *rule = host_ref_rule(e->h, n, prop);
            if (rule)
                note_entries(e, prop, rule, position);
            else if (!note_interrupts(e, n, prop, position))
                for (const struct dt_ref *r = prop->refs; r; r = r->next)
                    note(e, r->path ? NULL : r->target, position + r->offset / 4);
        }
}

static int by_phandle(const void *a, const void *b)
{
    const struct first *x = a, *y = b;
    return x->phandle < y->phandle ? -1 : x->phandle > y->phandle;
}

/* Sorts the nodes that are referred to, and finds out whether their numbers still are in dtc's order. */
static void put_in_order(struct elimination *e)
{
    const struct dt_tree *t = e->h->tree;
    e->order = arena_array(draft_arena(e->c), t->nnodes, sizeof *e->order);
    for (const struct dt_node *n = t->root; n; n = dt_next(n, t->root))
        if (n->phandle && e->first[n->id] != NOWHERE)
            e->order[e->norder++] = (struct first){n->phandle, e->first[n->id]};
    qsort(e->order, e->norder, sizeof *e->order, by_phandle);
    uint32_t falls = 0;
    for (uint32_t i = 1; i < e->norder; i++)
        falls += e->order[i].position < e->order[i - 1].position;
    e->in_order = falls <= e->norder / 20;
}

/* Whether dtc would have given out this number at the position, as far as the numbers around it tell. */
static bool fits_in_order(const struct elimination *e, uint32_t phandle, uint32_t position)
{
    uint32_t low = 0, high = e->norder;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (e->order[middle].phandle < phandle)
            low = middle + 1;
        else
            high = middle;
    }
    return (!low || e->order[low - 1].position < position) && (low == e->norder || e->order[low].position > position);
}

/* Cells of a property come in rising order. */
static void add_suspect(struct elimination *e, const struct dt_prop *prop, uint32_t cell, const struct dt_node *target)
{
    struct dt_ref *r = NEW(e->h->tree->arena, struct dt_ref), *first = map_getp(&e->found->refs, prop, NULL);
    r->offset = cell * 4;
    r->filled = true;
    r->target = host_phandle(e->h, target->phandle);
    if (first)
        first->last = first->last->next = r;
    else
        map_putp(e->h->tree->arena, &e->found->refs, prop, NULL, r->last = r);
}

/* What is done with a cell that may refer to `target`. */
typedef void visit_fn(struct elimination *e, const struct dt_prop *prop, uint32_t cell, const struct dt_node *target,
                      uint32_t position);

/* Whether the Devicetree Specification says that the property's cells are numbers. */
static bool holds_numbers(const struct host_private *p, const char *name)
{
    return name[0] == '#' || name == p->reg || name == p->ranges || name == p->phandle || name == p->linux_phandle ||
           name == p->interrupt_map_mask;
}

/*
 * Calls `visit` for each cell of a property without a rule that holds the phandle of a node. What a rule describes is
 * not looked at: an argument is a number, whichever node has it as its phandle.
 */
static void visit_numbers(struct elimination *e, visit_fn *visit)
{
    const struct host_private *p = e->h->p;
    const struct dt_tree *t = e->h->tree;
    uint32_t position = 0;
    for (const struct dt_node *n = t->root; n; n = dt_next(n, t->root))
        for (const struct dt_prop *prop = n->props; prop; position += prop->len / 4 + 1, prop = prop->next) {
            if (prop->len % 4 || prop->refs || holds_numbers(p, prop->name) || prop->name == p->interrupts ||
                prop->name == p->interrupt_parent || prop->name == p->interrupts_extended ||
                prop->name == p->interrupt_map || host_ref_rule(e->h, n, prop))
                continue;
            for (uint32_t i = 0; i < prop->len / 4; i++) {
                const struct dt_node *target = host_phandle(e->h, dt_cell(prop, i));
                if (target)
                    visit(e, prop, i, target, position + i);
            }
        }
}

static bool is_unexplained(const struct elimination *e, const struct dt_node *n)
{
    // With `dtc -@`, a label is reason enough for a phandle.
    return e->first[n->id] == NOWHERE && !(e->h->tree->labelled && n->labels);
}

/* Remembers the nodes that a cell at the right position refers to. */
static void note_fitting(struct elimination *e, const struct dt_prop *prop, uint32_t cell, const struct dt_node *target,
                         uint32_t position)
{
    (void)prop, (void)cell;
    if (is_unexplained(e, target) && fits_in_order(e, target->phandle, position))
        e->fitting[target->id] = true;
}

/* Notes how many arguments the properties #...-cells of each node want. */
static void note_shapes(struct elimination *e)
{
    const struct dt_tree *t = e->h->tree;
    const struct host_private *h = e->h->p;
    e->shapes = arena_array(draft_arena(e->c), t->nnodes, sizeof *e->shapes);
    for (const struct dt_node *n = t->root; n; n = dt_next(n, t->root))
        for (const struct dt_prop *p = n->props; p; p = p->next) {
            size_t len = p->name[0] == '#' && p->len == 4 ? intern_len(p->name) : 0;
            if (len > 6 && !strcmp(p->name + len - 6, "-cells") && dt_cell(p, 0) <= HOST_MAX_CELLS &&
                p->name != h->address_cells && p->name != h->size_cells)
                e->shapes[n->id] |= 1U << dt_cell(p, 0);
        }
}

/*
 * Whether a property of `cells` cells looks like one entry: the phandle of `target`, and a specifier as it wants. Of
 * less than two arguments, too many numbers look like that.
 */
static bool is_entry_shaped(const struct elimination *e, const struct dt_node *target, uint32_t cells)
{
    return cells > 2 && cells - 1 <= HOST_MAX_CELLS && e->shapes[target->id] >> (cells - 1) & 1;
}

/* Finds the cells that are the only explanation for a node's phandle. */
static void suspect_unexplained(struct elimination *e, const struct dt_prop *prop, uint32_t cell,
                                const struct dt_node *target, uint32_t position)
{
    bool fits = e->in_order && fits_in_order(e, target->phandle, position);
    if (!is_unexplained(e, target) || (e->in_order && e->fitting[target->id] && !fits))
        return;
    map_put(draft_arena(e->c), &e->names, (uintptr_t)prop->name, cell, 1);
}

/* Adds those, and the cells at the same place in properties of the same name. */
static void add_suspects(struct elimination *e, const struct dt_prop *prop, uint32_t cell, const struct dt_node *target,
                         uint32_t position)
{
    uint64_t found;
    (void)position;
    if (map_get(&e->names, (uintptr_t)prop->name, cell, &found) || (!cell && is_entry_shaped(e, target, prop->len / 4)))
        add_suspect(e, prop, cell, target);
}

static bool any_unexplained(const struct elimination *e)
{
    const struct dt_tree *t = e->h->tree;
    for (const struct dt_node *n = t->root; n; n = dt_next(n, t->root))
        if (n->phandle && is_unexplained(e, n))
            return true;
    return false;
}

static struct suspects *eliminate(struct machc *c, const struct host *h)
{
    struct elimination e = {.c = c, .h = h, .found = NEW(h->tree->arena, struct suspects)};
    e.first = arena_array(draft_arena(c), h->tree->nnodes, sizeof *e.first);
    memset(e.first, 0xff, (size_t)h->tree->nnodes * sizeof *e.first);
    note_known(&e);
    if (!any_unexplained(&e))
        return e.found;
    put_in_order(&e);
    e.fitting = arena_array(draft_arena(c), h->tree->nnodes, sizeof *e.fitting);
    if (e.in_order)
        visit_numbers(&e, note_fitting);
    visit_numbers(&e, suspect_unexplained);
    note_shapes(&e);
    visit_numbers(&e, add_suspects);
    return e.found;
}

const struct dt_ref *host_suspects(struct machc *c, const struct host *h, const struct dt_prop *prop)
{
    bool possible = h->p->suspects;
    for (uint32_t i = 0; !possible && prop->len % 4 == 0 && !holds_numbers(h->p, prop->name) && i < prop->len / 4; i++)
        possible = host_phandle(h, dt_cell(prop, i));
    if (!possible || !h->tree->phandle_props)
        return NULL;
    if (!h->p->suspects)
        h->p->suspects = eliminate(c, h);
    return map_getp(&h->p->suspects->refs, prop, NULL);
}
