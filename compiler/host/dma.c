// SPDX-License-Identifier: MIT
#include "host/dma.h"

#include "host/internal.h"

#include <stdlib.h>

enum { MAX_WINDOWS = 256, MAX_PARENTS = 256 }; // of a tree that is made to be slow

/* ---- parents ---- */

const struct dt_node *host_dma_parent(const struct host *h, const struct dt_node *n)
{
    const struct dt_tree *t = h->tree;
    const struct dt_prop *names = dt_prop(t, n, h->p->interconnect_names);
    const struct dt_prop *list = names ? dt_prop(t, n, h->p->interconnects) : NULL;
    int index = list ? dt_string_index(names, "dma-mem") : -1;
    uint32_t cell = 0, cells = list ? list->len / 4 : 0;
    for (int i = 0; index >= 0 && cell < cells; i++) {
        const struct dt_node *to = host_phandle(h, dt_cell(list, cell));
        if (i == index)
            return to ? to : n->parent;
        uint32_t args = to ? dt_u32(t, to, h->p->interconnect_cells, 0) : 0;
        if (args >= cells - cell)
            break;
        cell += 1 + args;
    }
    return n->parent;
}

bool host_is_coherent(const struct host *h, const struct dt_node *n, bool fallback, const struct dt_node **by)
{
    uint32_t steps = 0;
    for (; n && steps < MAX_PARENTS; n = host_dma_parent(h, n), steps++) {
        *by = n;
        if (dt_prop(h->tree, n, h->p->dma_coherent))
            return true;
        if (dt_prop(h->tree, n, h->p->dma_noncoherent))
            return false;
    }
    *by = NULL;
    return fallback;
}

/* ---- windows ---- */

struct window_list {
    VEC(struct dma_window) list;
};

/* Entries of a `dma-ranges`: `bus` on the node's own bus, `cpu` on that of its DMA parent. */
static void read_windows(struct machc *c, const struct host *h, const struct dt_node *n, const struct dt_prop *prop,
                         struct window_list *out)
{
    const struct dt_node *up = host_dma_parent(h, n);
    uint32_t na = host_address_cells(h, n), ns = host_size_cells(h, n), pna = up ? host_address_cells(h, up) : 0;
    if (!up || na > BUS_MAX_CELLS || pna > BUS_MAX_CELLS || !ns || ns > BUS_MAX_CELLS)
        return;
    uint32_t entry = (na + pna + ns) * 4;
    for (uint32_t at = 0; at + entry <= prop->len && out->list.n < MAX_WINDOWS; at += entry) {
        const uint8_t *cells = prop->data + at;
        struct bus_address from = host_bus_address(cells, na);
        struct bus_address to = host_bus_address(cells + (size_t)na * 4, pna);
        uint64_t size;
        bool fits = host_number(cells + ((size_t)na + pna) * 4, ns, &size);
        if (!fits) // of a bus with 64 bits of addresses: all of them
            size = UINT64_MAX - (from.low > to.low ? from.low : to.low);
        if (!size)
            continue;
        if (from.low + (size - 1) < from.low || to.low + (size - 1) < to.low)
            size = UINT64_MAX - (from.low > to.low ? from.low : to.low);
        vec_push(c->arena, &out->list, ((struct dma_window){from.low, to.low, size}));
    }
}

/* Each window's far side, seen through the entries of a bus further up: what no entry holds is out of reach. */
static void pass_through(struct machc *c, const struct window_list *in, const struct window_list *bus,
                         struct window_list *out)
{
    for (uint32_t i = 0; i < in->list.n; i++) {
        const struct dma_window *w = &in->list.at[i];
        for (uint32_t k = 0; k < bus->list.n && out->list.n < MAX_WINDOWS; k++) {
            const struct dma_window *b = &bus->list.at[k];
            uint64_t first = w->cpu > b->bus ? w->cpu : b->bus;
            uint64_t wlast = w->cpu + (w->size - 1), blast = b->bus + (b->size - 1);
            uint64_t last = wlast < blast ? wlast : blast;
            if (first > last)
                continue;
            vec_push(c->arena, &out->list,
                     ((struct dma_window){w->bus + (first - w->cpu), b->cpu + (first - b->bus), last - first + 1}));
        }
    }
}

static int by_bus_address(const void *a, const void *b)
{
    const struct dma_window *x = a, *y = b;
    if (x->bus != y->bus)
        return x->bus < y->bus ? -1 : 1;
    return (x->cpu > y->cpu) - (x->cpu < y->cpu);
}

/* PCI's memory spaces may list one range twice; pieces that continue each other are one window. */
static void join_windows(struct window_list *w)
{
    uint32_t n = 0;
    if (w->list.n)
        qsort(w->list.at, w->list.n, sizeof *w->list.at, by_bus_address);
    for (uint32_t i = 0; i < w->list.n; i++) {
        struct dma_window *x = &w->list.at[i], *last = n ? &w->list.at[n - 1] : NULL;
        if (last && x->bus - last->bus == x->cpu - last->cpu && x->bus - last->bus <= last->size) {
            uint64_t end = x->bus - last->bus + x->size;
            last->size = end > last->size ? end : last->size;
        } else {
            w->list.at[n++] = *x;
        }
    }
    w->list.n = n;
}

/* The bus whose `dma-ranges` Linux takes for what is on `n`; NULL: none. */
static const struct dt_node *bus_of_ranges(const struct host *h, const struct dt_node *n)
{
    bool passed = false;
    for (uint32_t steps = 0; n && steps < MAX_PARENTS; n = host_dma_parent(h, n), steps++) {
        const struct dt_prop *ranges = dt_prop(h->tree, n, h->p->dma_ranges);
        if (ranges && ranges->len)
            return n;
        if (passed && !ranges) // one bus may do without, two may not: of_dma_get_range()
            return NULL;
        passed = true;
    }
    return NULL;
}

static struct host_reach *make_reach(struct machc *c, const struct host *h, const struct dt_node *bus)
{
    struct host_reach *r = NEW(c->arena, struct host_reach);
    struct window_list reach = {0};
    r->bus = bus;
    read_windows(c, h, bus, dt_prop(h->tree, bus, h->p->dma_ranges), &reach);
    if (!reach.list.n) { // what cannot be read bounds nothing
        r->bus = NULL;
        return r;
    }
    uint32_t steps = 0;
    for (const struct dt_node *n = host_dma_parent(h, bus); n && steps < MAX_PARENTS;
         n = host_dma_parent(h, n), steps++) {
        const struct dt_prop *ranges = dt_prop(h->tree, n, h->p->dma_ranges);
        if (!ranges || !ranges->len)
            continue; // the addresses are those of the parent's bus
        struct window_list up = {0}, seen = {0};
        read_windows(c, h, n, ranges, &up);
        pass_through(c, &reach, &up, &seen);
        reach = seen;
    }
    join_windows(&reach);
    r->windows = reach.list.at;
    r->n = reach.list.n;
    return r;
}

struct host_reach host_reach_of(struct machc *c, struct host *h, const struct dt_node *n)
{
    const struct host_bus *own = h->p->buses[n->id];
    const struct dt_node *first = own && own->pci ? n : host_dma_parent(h, n);
    const struct dt_node *bus = first ? bus_of_ranges(h, first) : NULL;
    if (!bus)
        return (struct host_reach){0};
    const struct host_reach *r = map_getp(&h->p->reach, bus, NULL);
    if (!r) {
        r = make_reach(c, h, bus);
        map_putp(c->arena, &h->p->reach, bus, NULL, (void *)r);
    }
    return *r;
}
