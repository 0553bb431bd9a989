// SPDX-License-Identifier: MIT
// interrupts, interrupts-extended and interrupt-map of copied nodes, for the guest's controllers.
#include "plan/work.h"

const struct dt_node *irq_parent(const struct planner *p, const struct dt_node *host)
{
    // Devicetree Specification 2.4: inherited from the tree; Linux walks on until a node has #interrupt-cells (of_irq_find_parent).
    const struct dt_node *n = host;
    for (uint32_t hops = 0; n && hops < 64; hops++) {
        const struct dt_prop *parent = NULL;
        for (; n; n = n->parent) {
            parent = dt_prop(p->host->tree, n, p->n.interrupt_parent);
            if (parent)
                break;
            if (n != host && dt_prop(p->host->tree, n, p->n.interrupt_cells))
                return n;
        }
        if (!parent || parent->len < 4)
            return NULL;
        const struct dt_node *next = host_phandle(p->host, dt_cell(parent, 0));
        if (!next || dt_prop(p->host->tree, next, p->n.interrupt_cells))
            return next;
        n = next->parent;
    }
    return NULL;
}

struct copied *copy_of(struct planner *p, const struct dt_node *host)
{
    struct copied *k = any_copy(p, host);
    return k && !k->description ? k : NULL;
}

/* The node that a guest node's `interrupts` would speak to. */
static const struct dt_node *guest_irq_parent(struct planner *p, const struct dt_node *n)
{
    for (const struct dt_node *g = n; g; g = g->parent) {
        const struct dt_prop *prop = dt_prop(p->m->tree, g, p->n.interrupt_parent);
        if (prop)
            return prop->refs ? prop->refs->target : NULL;
        if (g != n && dt_prop(p->m->tree, g, p->n.interrupt_cells))
            return g;
    }
    return NULL;
}

static void set_parent(struct planner *p, struct dt_node *n, struct dt_node *chip, struct src where)
{
    if (guest_irq_parent(p, n) == chip)
        return;
    struct dt_prop *prop = dt_set(p->m->tree, n, p->n.interrupt_parent, arena_alloc(p->c->arena, 4), 4,
                                  origin_of(p, ORIGIN_COMPUTED, where, "its interrupt controller"));
    dt_add_ref(p->m->tree, prop, 0, chip);
}

/* interrupt-names without those of dropped interrupts. */
static void filter_names(struct planner *p, struct dt_node *n, const bool *kept, uint32_t count, const struct origin *o)
{
    const struct dt_prop *names = dt_prop(p->m->tree, n, p->n.interrupt_names);
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
        dt_set(p->m->tree, n, p->n.interrupt_names, data, len, o);
    else
        dt_del(p->m->tree, n, p->n.interrupt_names);
}

/* interrupts, where all go to one controller; else interrupts-extended. */
static void put_irqs(struct planner *p, struct dt_node *n, struct p_irq *const *irqs, uint32_t nirqs, struct src where)
{
    struct dt_tree *t = p->m->tree;
    const struct origin *o = origin_of(p, ORIGIN_COMPUTED, where, "its interrupt links");
    struct p_irqchip *chip = NULL;
    uint32_t live = 0, cells = 0;
    bool one = true;
    for (uint32_t i = 0; i < nirqs; i++) {
        if (irqs[i]->drop || irqs[i]->source == IRQ_MAP_ENTRY)
            continue;
        one = one && (!chip || chip == irqs[i]->chip);
        chip = irqs[i]->chip;
        cells += irqs[i]->ncells;
        live++;
    }
    const char *name = one ? p->n.interrupts : p->n.interrupts_extended, *other = one ? p->n.interrupts_extended : p->n.interrupts;
    dt_del(t, n, other);
    if (!live) {
        dt_del(t, n, name);
        return;
    }
    if (!chip->node)
        return;
    uint32_t len = (cells + (one ? 0 : live)) * 4, at_byte = 0;
    uint8_t *data = arena_alloc(p->c->arena, len);
    struct dt_prop *prop = dt_set(t, n, name, data, len, o);
    for (uint32_t i = 0; i < nirqs; i++) {
        const struct p_irq *irq = irqs[i];
        if (irq->drop || irq->source == IRQ_MAP_ENTRY)
            continue;
        if (!one) {
            if (irq->chip->node)
                dt_add_ref(t, prop, at_byte, irq->chip->node);
            at_byte += 4;
        }
        for (uint32_t c = 0; c < irq->ncells; c++, at_byte += 4)
            put_cells(data + at_byte, irq->cells[c], 1);
    }
    if (one)
        set_parent(p, n, chip->node, where);
}

/* interrupts-extended of which some stay inside the assigned subtree. */
static void put_mixed(struct planner *p, struct copied *k, const struct host_irq *irqs, uint32_t n, const struct origin *o)
{
    struct dt_tree *t = p->m->tree;
    const struct dt_prop *old = dt_prop(p->host->tree, k->host, p->n.interrupts_extended);
    uint8_t *data = arena_alloc(p->c->arena, (size_t)n * (HOST_MAX_CELLS + 1) * 4 + old->len);
    uint32_t len = 0;
    struct dt_prop *prop = dt_set(t, k->guest, p->n.interrupts_extended, data, 0, o);
    for (uint32_t i = 0; i < n; i++) {
        const struct p_irq *irq = map_getp(&p->irq_of, &irqs[i], NULL);
        struct copied *inner = irqs[i].chip ? copy_of(p, irqs[i].chip) : NULL;
        if (irqs[i].from_map || (irq && irq->drop) || (!irq && !inner))
            continue;
        const uint32_t *cells = irq ? irq->cells : irqs[i].cells;
        uint32_t ncells = irq ? irq->ncells : irqs[i].ncells;
        dt_add_ref(t, prop, len, irq ? irq->chip->node : inner->guest);
        len += 4;
        for (uint32_t c = 0; c < ncells; c++, len += 4)
            put_cells(data + len, cells[c], 1);
    }
    prop->len = len;
}

static void write_own(struct planner *p, struct copied *k)
{
    const struct host_node *hn = &p->host->nodes[k->host->id];
    const struct host_irq *irqs = p->host->irqs + hn->first_irq;
    const struct origin *o = origin_of(p, ORIGIN_COMPUTED, k->pass->at, "its interrupt links");
    VEC(struct p_irq *) out = {0};
    uint32_t own = 0;
    bool *kept = arena_array(p->c->arena, hn->nirqs + 1, sizeof *kept);
    bool inner = false;
    for (uint32_t i = 0; i < hn->nirqs; i++) {
        if (irqs[i].from_map)
            continue;
        struct p_irq *irq = map_getp(&p->irq_of, &irqs[i], NULL);
        kept[own++] = !irq || !irq->drop;
        if (irq)
            vec_push(p->c->arena, &out, irq);
        else
            inner = true;
    }
    if (!own)
        return;
    filter_names(p, k->guest, kept, own, o);
    const struct dt_node *first = irq_parent(p, k->host);
    if (!inner)
        put_irqs(p, k->guest, out.at, out.n, k->pass->at);
    else if (dt_prop(p->host->tree, k->host, p->n.interrupts_extended))
        put_mixed(p, k, irqs, hn->nirqs, o);
    else if (first && copy_of(p, first))
        set_parent(p, k->guest, copy_of(p, first)->guest, k->pass->at);
}

/*
 * interrupt-map, entry by entry: child address and specifier stay, the parent's side becomes the guest's
 * controller. Entries of dropped lines go; a controller inside the assigned subtree stays.
 */
static void write_map(struct planner *p, struct copied *k)
{
    struct dt_tree *t = p->m->tree;
    const struct dt_prop *map = dt_prop(p->host->tree, k->host, p->n.interrupt_map);
    if (!map || !dt_prop(t, k->guest, p->n.interrupt_map))
        return;
    const struct host_node *hn = &p->host->nodes[k->host->id];
    uint32_t child = dt_u32(p->host->tree, k->host, p->n.address_cells, 0) + dt_u32(p->host->tree, k->host, p->n.interrupt_cells, 0);
    const struct origin *o = origin_of(p, ORIGIN_COMPUTED, k->pass->at, "interrupt-map with the guest's lines");
    uint32_t cells = map->len / 4, entry = 0;
    // An entry grows by the guest's specifier and address cells at most.
    uint8_t *data = arena_alloc(p->c->arena, ((size_t)cells * (IRQ_MAX_CELLS + 4) + 1) * 4);
    uint32_t len = 0;
    struct dt_prop *prop = dt_set(t, k->guest, p->n.interrupt_map, data, 0, o);
    for (uint32_t c = 0; child && c + child + 1 <= cells; entry++) {
        const struct dt_node *parent = host_phandle(p->host, dt_cell(map, c + child));
        if (!parent)
            break;
        uint32_t pa = dt_u32(p->host->tree, parent, p->n.address_cells, 0), pi = dt_u32(p->host->tree, parent, p->n.interrupt_cells, 0);
        if (pa > HOST_MAX_CELLS || pi > HOST_MAX_CELLS || child + 1 + pa + pi > cells - c)
            break;
        const struct host_irq *h = NULL;
        for (uint32_t i = hn->nirqs - hn->nmap_irqs; i < hn->nirqs && !h; i++) {
            // Entries are in order, so the i-th one is nearly always the entry-th.
            const struct host_irq *cand = &p->host->irqs[hn->first_irq + hn->nirqs - hn->nmap_irqs + (entry + i - (hn->nirqs - hn->nmap_irqs)) % hn->nmap_irqs];
            if (cand->index == entry)
                h = cand;
        }
        const struct p_irq *irq = h ? map_getp(&p->irq_of, h, NULL) : NULL;
        struct copied *inner = copy_of(p, parent);
        if (inner || (irq && !irq->drop && irq->chip->node)) {
            memcpy(data + len, map->data + (size_t)c * 4, (size_t)child * 4);
            len += child * 4;
            dt_add_ref(t, prop, len, inner ? inner->guest : irq->chip->node);
            len += 4;
            if (inner) {
                memcpy(data + len, map->data + (size_t)(c + child + 1) * 4, (size_t)(pa + pi) * 4);
                len += (pa + pi) * 4;
            } else {
                len += cells_of(p, irq->chip->node, p->n.address_cells, 0) * 4; // zero: the unit address does not matter there
                for (uint32_t i = 0; i < irq->ncells; i++, len += 4)
                    put_cells(data + len, irq->cells[i], 1);
            }
        }
        c += child + 1 + pa + pi;
    }
    prop->len = len;
    if (len)
        return;
    dt_del(t, k->guest, p->n.interrupt_map);
    dt_del(t, k->guest, p->n.interrupt_map_mask);
}

void write_interrupts(struct planner *p)
{
    for (uint32_t i = 0; i < p->copies.n; i++) {
        struct copied *k = p->copies.at[i];
        if (k->description || !p->host->nodes[k->host->id].nirqs)
            continue;
        write_own(p, k);
        write_map(p, k);
    }
    for (uint32_t i = 0; i < p->bare.n; i++) {
        struct p_device *d = p->bare.at[i];
        if (d->node && d->irqs.n)
            put_irqs(p, d->node, d->irqs.at, d->irqs.n, d->at);
    }
}
