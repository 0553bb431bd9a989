// SPDX-License-Identifier: MIT
// Writes `interrupts`, `interrupts-extended` and `interrupt-map` of copied nodes, for the guest's controllers.
#include "machine/machine.h"

const struct dt_node *guest_irq_parent(struct machine_planner *p, const struct dt_node *n)
{
    for (const struct dt_node *g = n; g; g = g->parent) {
        const struct dt_prop *prop = dt_prop(p->m->tree, g, p->n->interrupt_parent);
        if (prop)
            return prop->refs ? prop->refs->target : NULL;
        if (g != n && dt_prop(p->m->tree, g, p->n->interrupt_cells))
            return g;
    }
    return NULL;
}

static void set_irq_parent(struct machine_planner *p, struct dt_node *n, struct dt_node *chip, struct src where)
{
    if (guest_irq_parent(p, n) == chip)
        return;
    struct dt_prop *prop = dt_set(p->m->tree, n, p->n->interrupt_parent, arena_alloc(p->c->arena, 4), 4,
                                  origin_of(p, ORIGIN_COMPUTED, where, "its interrupt controller"));
    dt_add_ref(p->m->tree, prop, 0, chip);
}

/* Removes the names of dropped interrupts from `interrupt-names`. */
static void filter_irq_names(struct machine_planner *p, struct dt_node *n, const bool *kept, uint32_t count,
                             const struct origin *o)
{
    const struct dt_prop *names = dt_prop(p->m->tree, n, p->n->interrupt_names);
    if (!names)
        return;
    char *data = arena_alloc(p->c->arena, names->len + 1);
    uint32_t len = 0;
    for (uint32_t i = 0; i < count; i++) {
        const char *s = kept[i] ? dt_string(names, i) : NULL;
        size_t size = s ? strlen(s) + 1 : 0;
        if (s)
            memcpy(data + len, s, size);
        len += (uint32_t)size;
    }
    if (len == names->len)
        return;
    if (len)
        dt_set(p->m->tree, n, p->n->interrupt_names, data, len, o);
    else
        dt_del(p->m->tree, n, p->n->interrupt_names);
}

/* One interrupt of a guest node: a controller, or a nexus on the way to one, and a specifier. */
struct out_irq {
    struct dt_node *chip; // NULL: there is no such interrupt, and its entry keeps the place of those after it
    const uint32_t *cells;
    uint32_t ncells;
};

/*
 * Writes `interrupts` if all go to one controller, and `interrupts-extended` otherwise: only that can have empty
 * entries, a phandle of 0 (Linux drivers/of/base.c, of_phandle_iterator_next()).
 */
static void set_interrupts(struct machine_planner *p, struct dt_node *n, const struct out_irq *irqs, uint32_t nirqs,
                           struct src where)
{
    struct dt_tree *t = p->m->tree;
    const struct origin *o = origin_of(p, ORIGIN_COMPUTED, where, "its interrupt links");
    uint32_t cells = 0;
    bool one = true;
    for (uint32_t i = 0; i < nirqs; i++) {
        if (!irqs[i].chip && irqs[i].ncells)
            return; // the controller has no node: an error has been reported
        one = one && irqs[i].chip && irqs[i].chip == irqs[0].chip;
        cells += irqs[i].ncells;
    }
    const char *name = one ? p->n->interrupts : p->n->interrupts_extended,
               *other = one ? p->n->interrupts_extended : p->n->interrupts;
    dt_del(t, n, other);
    if (!nirqs) {
        dt_del(t, n, name);
        return;
    }
    uint32_t len = (cells + (one ? 0 : nirqs)) * 4, at_byte = 0;
    uint8_t *data = arena_alloc(p->c->arena, len);
    struct dt_prop *prop = dt_set(t, n, name, data, len, o);
    for (uint32_t i = 0; i < nirqs; i++) {
        if (!one) {
            if (irqs[i].chip)
                dt_add_ref(t, prop, at_byte, irqs[i].chip);
            at_byte += 4;
        }
        for (uint32_t c = 0; c < irqs[i].ncells; c++, at_byte += 4)
            dt_put_cells(data + at_byte, irqs[i].cells[c], 1);
    }
    if (one)
        set_irq_parent(p, n, irqs[0].chip, where);
}

/*
 * Where drivers count the interrupts of a node, one that is dropped before others leaves an empty entry. Drivers know
 * those with names by name: there the entry goes away with its name.
 */
static bool keeps_places(struct machine_planner *p, const struct copied *k)
{
    return !dt_prop(p->host->tree, k->host, p->n->interrupt_names);
}

/* The same as keep_irq_cells() with empty entries. */
static void keep_irq_cells_in_places(struct machine_planner *p, struct copied *k, const bool *kept, uint32_t own,
                                     const struct dt_prop *old, uint32_t step)
{
    struct dt_node *first = copy_of(p, host_irq_parent(p->host, k->host))->guest;
    struct out_irq *out = arena_array(draft_arena(p->c), own, sizeof *out);
    uint32_t n = 0;
    for (uint32_t i = 0; i < own && (i + 1) * step <= old->len; i++) {
        uint32_t *cells = arena_array(draft_arena(p->c), step / 4, sizeof *cells);
        for (uint32_t c = 0; c < step / 4; c++)
            cells[c] = dt_cell(old, i * (step / 4) + c);
        out[i] = kept[i] ? (struct out_irq){first, cells, step / 4} : (struct out_irq){0};
        n = kept[i] ? i + 1 : n;
    }
    set_interrupts(p, k->guest, out, n, k->pass->at);
}

/* Whether an interrupt is dropped that others come after. */
static bool has_gap(const bool *kept, uint32_t n)
{
    bool dropped = false;
    for (uint32_t i = 0; i < n; i++) {
        if (kept[i] && dropped)
            return true;
        dropped = dropped || !kept[i];
    }
    return false;
}

/* The controller is copied, so the cells of `interrupts` stay, except those of dropped interrupts. */
static void keep_irq_cells(struct machine_planner *p, struct copied *k, const bool *kept, uint32_t own)
{
    struct dt_tree *t = p->m->tree;
    const struct dt_node *first = host_irq_parent(p->host, k->host);
    const struct dt_prop *old = dt_prop(t, k->guest, p->n->interrupts);
    uint32_t step = dt_u32(p->host->tree, first, p->n->interrupt_cells, 0) * 4, len = 0;
    if (!old || !step)
        return;
    if (keeps_places(p, k) && has_gap(kept, own)) {
        keep_irq_cells_in_places(p, k, kept, own, old, step);
        return;
    }
    uint8_t *data = arena_alloc(p->c->arena, old->len + 1);
    for (uint32_t i = 0; i < own && (i + 1) * step <= old->len; i++) {
        if (!kept[i])
            continue;
        memcpy(data + len, old->data + (size_t)i * step, step);
        len += step;
    }
    if (!len) {
        dt_del(t, k->guest, p->n->interrupts);
        return;
    }
    if (len != old->len)
        dt_set(t, k->guest, p->n->interrupts, data, len,
               origin_of(p, ORIGIN_COMPUTED, k->pass->at, "its interrupts without those that are dropped"));
    set_irq_parent(p, k->guest, copy_of(p, first)->guest, k->pass->at);
}

/* Writes the interrupts that the node itself raises, as opposed to those in its interrupt-map. */
static void write_own_interrupts(struct machine_planner *p, struct copied *k)
{
    const struct host_node *hn = &p->host->nodes[k->host_id];
    const struct host_irq *irqs = p->host->irqs + hn->first_irq;
    uint32_t own = hn->nirqs - hn->nmap_irqs, n = 0;
    if (!own)
        return;
    struct out_irq *out = arena_array(draft_arena(p->c), own, sizeof *out);
    bool *kept = arena_array(draft_arena(p->c), own, sizeof *kept), stay = keeps_irq_cells(p, k);
    for (uint32_t i = 0; i < own; i++) {
        const struct p_irq *irq = map_getp(&p->irq_of, &irqs[i], NULL);
        struct copied *inner = irqs[i].chip ? copy_of(p, irqs[i].chip) : NULL;
        kept[i] = !k->off || inner || stay; // interrupts of a disabled node are not linked
        // Through a map whose entry for it is left out, it would lead nowhere.
        uint64_t linked;
        if (irq)
            kept[i] = !irq->drop;
        else if (stay && !inner && irqs[i].chip)
            kept[i] = map_get(&p->line_of, (uintptr_t)irqs[i].chip, irqs[i].identity, &linked);
        if (!kept[i]) {
            if (keeps_places(p, k))
                out[n++] = (struct out_irq){0};
            continue;
        }
        if (irq)
            out[n++] = (struct out_irq){irq->chip->node, irq->cells, irq->ncells};
        else if (inner)
            out[n++] = (struct out_irq){inner->guest, irqs[i].cells, irqs[i].ncells};
    }
    filter_irq_names(p, k->guest, kept, own, origin_of(p, ORIGIN_COMPUTED, k->pass->at, "its interrupt links"));
    if (stay)
        keep_irq_cells(p, k, kept, own);
    else {
        while (n && !out[n - 1].chip && !out[n - 1].ncells)
            n--;
        set_interrupts(p, k->guest, out, n, k->pass->at);
    }
}

static void write_linked_interrupts(struct machine_planner *p, struct p_device *d)
{
    struct out_irq *out = arena_array(draft_arena(p->c), d->irqs.n, sizeof *out);
    uint32_t n = 0;
    for (uint32_t i = 0; i < d->irqs.n; i++)
        if (!d->irqs.at[i]->drop)
            out[n++] = (struct out_irq){d->irqs.at[i]->chip->node, d->irqs.at[i]->cells, d->irqs.at[i]->ncells};
    set_interrupts(p, d->node, out, n, d->at);
}

/* One entry of the guest's interrupt-map: the child's side stays, the parent's becomes a line of the guest. */
struct map_out {
    const struct nexus_entry *e;
    const struct p_irq *irq;
    struct dt_node *inner; // the controller if it is in the assigned subtree: the entry stays as it is; or NULL
    uint32_t naddress; // without `inner`: address cells, all 0, since the guest's controller ignores the unit address
};

static size_t map_out_size(const struct map_out *m)
{
    size_t parent = m->inner ? (size_t)m->e->naddress + m->e->nspec : (size_t)m->naddress + m->irq->ncells;
    return (m->e->nchild + 1 + parent) * 4;
}

static void write_map_entry(struct machine_planner *p, struct dt_prop *prop, uint8_t *data, uint32_t at,
                            const struct map_out *m)
{
    uint32_t child = m->e->nchild * 4, parent = at + child + 4;
    memcpy(data + at, m->e->child, child);
    dt_add_ref(p->m->tree, prop, at + child, m->inner ? m->inner : m->irq->chip->node);
    if (m->inner) {
        memcpy(data + parent, m->e->address, ((size_t)m->e->naddress + m->e->nspec) * 4);
        return;
    }
    for (uint32_t i = 0; i < m->irq->ncells; i++)
        dt_put_cells(data + parent + (m->naddress + i) * 4, m->irq->cells[i], 1);
}

/* Whether a node below `n` has an interrupt whose specifier may be `n`'s. */
static bool has_interrupts_below(const struct machine_planner *p, const struct dt_node *n)
{
    for (const struct dt_node *k = n; k; k = dt_next(k, n))
        if (k != n && dt_prop(p->m->tree, k, p->n->interrupts))
            return true;
    return false;
}

/*
 * Writes interrupt-map entry by entry: child address and specifier stay, the parent's side becomes the guest's
 * controller. Entries of dropped lines are left out; entries for a controller in the assigned subtree stay as they are.
 */
static void write_interrupt_map(struct machine_planner *p, struct copied *k)
{
    struct dt_tree *t = p->m->tree;
    const struct dt_prop *map = dt_prop(p->host->tree, k->host, p->n->interrupt_map);
    if (!map || !dt_prop(t, k->guest, p->n->interrupt_map))
        return;
    const struct host_node *hn = &p->host->nodes[k->host_id];
    const struct host_irq *irqs = p->host->irqs + hn->first_irq + (hn->nirqs - hn->nmap_irqs);
    const struct origin *o = origin_of(p, ORIGIN_COMPUTED, k->pass->at, "interrupt-map with the guest's lines");
    uint32_t n, kept = 0, at = 0;
    const struct nexus_entry *entries = host_map_entries(p->host, k->host, &n);
    struct map_out *out = arena_array(draft_arena(p->c), n, sizeof *out);
    size_t size = 0;
    for (uint32_t i = 0; i < n && i < hn->nmap_irqs; i++) {
        const struct p_irq *irq = map_getp(&p->irq_of, &irqs[i], NULL);
        const struct copied *inner = copy_of(p, entries[i].parent);
        if (!inner && (!irq || irq->drop || !irq->chip->node))
            continue;
        out[kept] = (struct map_out){&entries[i], irq, inner ? inner->guest : NULL, 0};
        if (!inner)
            out[kept].naddress = cell_or(p, irq->chip->node, p->n->address_cells, 0);
        size += map_out_size(&out[kept++]);
    }
    uint8_t *data = arena_alloc(p->c->arena, size);
    struct dt_prop *prop = dt_set(t, k->guest, p->n->interrupt_map, data, (uint32_t)size, o);
    for (uint32_t i = 0; i < kept; at += (uint32_t)map_out_size(&out[i++]))
        write_map_entry(p, prop, data, at, &out[i]);
    if (kept)
        return;
    dt_del(t, k->guest, p->n->interrupt_map);
    dt_del(t, k->guest, p->n->interrupt_map_mask);
}

/* A nexus without its map gives no interrupts to anybody: dtc 1.7 warns of its number of cells. */
static void drop_cells_of_nexus(struct machine_planner *p, struct copied *k)
{
    struct dt_tree *t = p->m->tree;
    if (dt_prop(p->host->tree, k->host, p->n->interrupt_map) && !dt_prop(t, k->guest, p->n->interrupt_map) &&
        !dt_prop(t, k->guest, p->n->interrupt_controller) && !has_interrupts_below(p, k->guest))
        dt_del(t, k->guest, p->n->interrupt_cells);
}

void write_interrupts(struct machine_planner *p)
{
    enter_step(p, STEP_IRQ_PROPS);
    for (uint32_t i = 0; i < p->copies.n; i++) {
        struct copied *k = p->copies.at[i];
        if (k->description || !p->host->nodes[k->host_id].nirqs)
            continue;
        write_own_interrupts(p, k);
        write_interrupt_map(p, k);
    }
    for (uint32_t i = 0; i < p->copies.n; i++)
        if (!p->copies.at[i]->description && p->host->nodes[p->copies.at[i]->host_id].nmap_irqs)
            drop_cells_of_nexus(p, p->copies.at[i]);
    for (uint32_t i = 0; i < p->bare.n; i++) {
        struct p_device *d = p->bare.at[i];
        if (d->node && d->irqs.n)
            write_linked_interrupts(p, d);
    }
}
