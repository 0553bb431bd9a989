// SPDX-License-Identifier: MIT
// Makes the boxes of both sides of the map, and pairs each box of a guest with the box of the host that backs it.
#include "machc.h"
#include "map/map.h"

#include <stdlib.h>

// The host's end of a connection. Ends that are the same thing become one box.
struct end {
    struct map_box box;
    struct map_box *guest; // NULL: the thing is not given to the guest
};

static int by_key(const struct map_box *a, const struct map_box *b)
{
    if (a->space != b->space)
        return a->space < b->space ? -1 : 1;
    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    return (a->size > b->size) - (a->size < b->size);
}

// Equal boxes are sorted by their position in the plan, which is in `row` until there are rows.
static int by_box(const void *a, const void *b)
{
    const struct map_box *x = a, *y = b;
    int order = by_key(x, y);
    return order ? order : (x->row > y->row) - (x->row < y->row);
}

static int by_end(const void *a, const void *b)
{
    return by_box(&((const struct end *)a)->box, &((const struct end *)b)->box);
}

/* ---- addresses ---- */

static uint8_t region_look(const struct p_region *r)
{
    if (r->guest == UINT64_MAX)
        return LOOK_DROP;
    if (r->device->kind == DEV_EMULATED)
        return LOOK_EMULATED;
    return r->mode == REGION_TRAP ? LOOK_TRAP : LOOK_MAP;
}

static uint32_t count_regions(const struct p_machine *m)
{
    uint32_t n = m->memory.n;
    for (uint32_t i = 0; i < m->irqchips.n; i++)
        n += m->irqchips.at[i]->nregions;
    for (uint32_t i = 0; i < m->devices.n; i++)
        n += m->devices.at[i]->regions.n;
    return n;
}

static void add_box(struct map_side *s, struct map_box box)
{
    box.row = s->n; // the position in the plan, until there are rows
    s->box[s->n++] = box;
}

static void add_guest_regions(struct map_page *p, struct map_machine *mm)
{
    const struct p_machine *m = mm->m;
    struct map_side *s = &mm->regions;
    s->box = arena_array(p->arena, count_regions(m), sizeof *s->box);
    for (uint32_t i = 0; i < m->memory.n; i++) {
        const struct p_memory *x = &m->memory.at[i];
        add_box(s, (struct map_box){.what = x,
                                    .kind = BOX_MEMORY,
                                    .look = LOOK_MEMORY,
                                    .start = x->address,
                                    .size = x->size,
                                    .machine = mm->index});
    }
    for (uint32_t i = 0; i < m->irqchips.n; i++)
        for (uint32_t k = 0; k < m->irqchips.at[i]->nregions; k++)
            add_box(s, (struct map_box){.what = m->irqchips.at[i],
                                        .kind = BOX_CHIP,
                                        .look = LOOK_EMULATED,
                                        .part = k,
                                        .start = m->irqchips.at[i]->address[k],
                                        .size = m->irqchips.at[i]->size[k],
                                        .machine = mm->index});
    for (uint32_t i = 0; i < m->devices.n; i++)
        for (uint32_t k = 0; k < m->devices.at[i]->regions.n; k++) {
            const struct p_region *r = m->devices.at[i]->regions.at[k];
            if (r->guest != UINT64_MAX)
                add_box(s, (struct map_box){.what = r,
                                            .kind = BOX_REGION,
                                            .look = region_look(r),
                                            .start = r->guest,
                                            .size = r->size,
                                            .machine = mm->index});
        }
    if (s->n)
        qsort(s->box, s->n, sizeof *s->box, by_box);
    for (uint32_t i = 0; i < s->n; i++)
        if (s->box[i].kind != BOX_CHIP)
            map_putp(p->arena, &p->place, s->box[i].what, NULL, &s->box[i]);
}

// Gets the host address of a guest's box. Returns false if it has none.
static bool get_host_address(const struct map_box *b, uint64_t *at)
{
    if (b->kind == BOX_REGION) {
        *at = ((const struct p_region *)b->what)->host;
        return *at != UINT64_MAX && b->look != LOOK_EMULATED;
    }
    const struct p_memory *m = b->what;
    *at = b->kind == BOX_MEMORY ? m->m->back_arg.value : 0;
    return b->kind == BOX_MEMORY && m->m->backing == BACK_PHYSICAL;
}

/* ---- interrupt lines ---- */

static void add_guest_lines(struct map_page *p, struct map_machine *mm)
{
    const struct p_machine *m = mm->m;
    struct map_side *s = &mm->wired[WIRES_IRQ];
    struct map chips = {0};
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->irqchips.n; i++)
        map_put(p->arena, &chips, (uintptr_t)m->irqchips.at[i], 0, i);
    for (uint32_t i = 0; i < m->devices.n; i++)
        n += m->devices.at[i]->irqs.n;
    s->box = arena_array(p->arena, n, sizeof *s->box);
    for (uint32_t i = 0; i < m->devices.n; i++)
        for (uint32_t k = 0; k < m->devices.at[i]->irqs.n; k++) {
            const struct p_irq *q = m->devices.at[i]->irqs.at[k];
            uint64_t chip = 0;
            if (q->drop)
                continue;
            map_get(&chips, (uintptr_t)q->chip, 0, &chip);
            add_box(s, (struct map_box){.what = q,
                                        .kind = BOX_IRQ,
                                        .look = LOOK_LINE,
                                        .space = chip,
                                        .start = (uint64_t)(q->kind ? q->kind->value : 0) << 32 | q->number,
                                        .machine = mm->index});
        }
    if (s->n)
        qsort(s->box, s->n, sizeof *s->box, by_box);
}

// Sets what identifies a line of the host: its controller, its number, and its identity, as numbers can repeat.
static void set_host_line(struct map_box *b, const struct host_irq *h)
{
    b->space = h->chip ? h->chip->id : UINT64_MAX;
    b->start = (uint64_t)(h->class && h->kind ? h->kind->value : 0) << 32 | (h->class ? h->number : h->cells[0]);
    b->size = h->identity;
}

/* ---- stash targets ---- */

static uint32_t count_stashes(const struct p_machine *m)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->devices.n; i++)
        for (uint32_t k = 0; k < m->devices.at[i]->dmas.n; k++)
            n += m->devices.at[i]->dmas.at[k]->stash != NULL;
    return n;
}

// Targets of one vcpu are next to each other, because the vcpu is their space.
static void add_guest_stashes(struct map_page *p, struct map_machine *mm)
{
    const struct p_machine *m = mm->m;
    struct map_side *s = &mm->wired[WIRES_STASH];
    s->box = arena_array(p->arena, count_stashes(m), sizeof *s->box);
    for (uint32_t i = 0; i < m->devices.n; i++)
        for (uint32_t k = 0; k < m->devices.at[i]->dmas.n; k++) {
            const struct p_dma *d = m->devices.at[i]->dmas.at[k];
            if (d->stash)
                add_box(s, (struct map_box){.what = d,
                                            .kind = BOX_STASH,
                                            .look = LOOK_LINE,
                                            .space = d->stash->vcpu,
                                            .start = d->stash->kind,
                                            .size = d->stash->kind == STASH_ID ? d->stash->id : 0,
                                            .machine = mm->index});
        }
    if (s->n)
        qsort(s->box, s->n, sizeof *s->box, by_box);
}

// Sets what identifies a stash target: the id of the cache, or else its cpu and level. A steering tag belongs to the
// cpu. Returns false if neither is known.
static bool set_host_stash(struct map_box *b, const struct p_stash *s)
{
    b->size = 0;
    b->space = s->host_cpu;
    b->start = s->kind;
    if (s->id != UINT32_MAX) {
        b->space = UINT32_MAX;
        b->start = s->id;
    }
    return s->id != UINT32_MAX || s->host_cpu != UINT32_MAX;
}

/* ---- the host's side ---- */

static struct end *add_end(struct end *ends, uint32_t *n, struct map_box box, struct map_box *guest)
{
    struct end *e = &ends[*n];
    *e = (struct end){box, guest};
    e->box.row = (*n)++;
    e->box.peer = e->box.next = NULL;
    return e;
}

// Makes one box of all ends that are the same thing, and pairs it with the guests' boxes.
static void make_host_side(struct map_page *p, struct map_side *s, struct end *ends, uint32_t n)
{
    if (n)
        qsort(ends, n, sizeof *ends, by_end);
    s->box = arena_array(p->arena, n, sizeof *s->box);
    struct map_box *last = NULL;
    for (uint32_t i = 0; i < n; i++) {
        struct map_box *b = s->n && !by_key(&s->box[s->n - 1], &ends[i].box) ? &s->box[s->n - 1] : NULL;
        if (!b) {
            b = &s->box[s->n++];
            *b = ends[i].box;
        }
        struct map_box *g = ends[i].guest;
        if (!g)
            continue;
        g->peer = b;
        if (b->peer)
            last->next = g;
        else
            b->peer = g;
        last = g;
        b->look = g->look; // a guest has it, even if another one drops it
        b->what = b->peer->what;
    }
}

static void make_host_addresses(struct map_page *p)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->n; i++)
        n += count_regions(p->machine[i].m);
    struct end *ends = arena_array(p->arena, n, sizeof *ends);
    n = 0;
    for (uint32_t i = 0; i < p->n; i++) {
        struct map_machine *mm = &p->machine[i];
        for (uint32_t k = 0; k < mm->regions.n; k++) {
            struct map_box *g = &mm->regions.box[k];
            uint64_t at;
            if (get_host_address(g, &at))
                add_end(ends, &n, *g, g)->box.start = at;
        }
        for (uint32_t d = 0; d < mm->m->devices.n; d++)
            for (uint32_t k = 0; k < mm->m->devices.at[d]->regions.n; k++) {
                const struct p_region *r = mm->m->devices.at[d]->regions.at[k];
                if (r->guest != UINT64_MAX || r->host == UINT64_MAX)
                    continue;
                struct map_box b = {.what = r,
                                    .kind = BOX_REGION,
                                    .look = LOOK_DROP,
                                    .start = r->host,
                                    .size = r->size,
                                    .machine = mm->index};
                add_end(ends, &n, b, NULL);
            }
    }
    make_host_side(p, &p->regions, ends, n);
}

static void make_host_lines(struct map_page *p)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->n; i++)
        for (uint32_t d = 0; d < p->machine[i].m->devices.n; d++)
            n += p->machine[i].m->devices.at[d]->irqs.n;
    struct end *ends = arena_array(p->arena, n, sizeof *ends);
    n = 0;
    for (uint32_t i = 0; i < p->n; i++) {
        struct map_machine *mm = &p->machine[i];
        for (uint32_t k = 0; k < mm->wired[WIRES_IRQ].n; k++) {
            struct map_box *g = &mm->wired[WIRES_IRQ].box[k];
            const struct p_irq *q = g->what;
            if (q->host)
                set_host_line(&add_end(ends, &n, *g, g)->box, q->host);
        }
        for (uint32_t d = 0; d < mm->m->devices.n; d++)
            for (uint32_t k = 0; k < mm->m->devices.at[d]->irqs.n; k++) {
                const struct p_irq *q = mm->m->devices.at[d]->irqs.at[k];
                struct map_box b = {.what = q, .kind = BOX_IRQ, .look = LOOK_DROP, .machine = mm->index};
                if (q->drop && q->host)
                    set_host_line(&add_end(ends, &n, b, NULL)->box, q->host);
            }
    }
    make_host_side(p, &p->wired[WIRES_IRQ], ends, n);
}

static void make_host_stashes(struct map_page *p)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->n; i++)
        n += p->machine[i].wired[WIRES_STASH].n;
    struct end *ends = arena_array(p->arena, n, sizeof *ends);
    n = 0;
    for (uint32_t i = 0; i < p->n; i++) {
        struct map_side *s = &p->machine[i].wired[WIRES_STASH];
        for (uint32_t k = 0; k < s->n; k++) {
            struct map_box b = s->box[k];
            if (set_host_stash(&b, ((const struct p_dma *)b.what)->stash))
                add_end(ends, &n, b, &s->box[k]);
        }
    }
    make_host_side(p, &p->wired[WIRES_STASH], ends, n);
}

void map_make_boxes(struct map_page *p)
{
    for (uint32_t i = 0; i < p->n; i++) {
        add_guest_regions(p, &p->machine[i]);
        add_guest_lines(p, &p->machine[i]);
        add_guest_stashes(p, &p->machine[i]);
    }
    make_host_addresses(p);
    make_host_lines(p);
    make_host_stashes(p);
}
