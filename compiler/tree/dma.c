// SPDX-License-Identifier: MIT
#include "tree/dma.h"

#include "base/intern.h"
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_CELLS = 4, MAX_WINDOWS = 256, MAX_PARENTS = 256 }; // of a tree that is made to be slow

void dma_view_begin(struct dma_view *v, struct arena *arena, const struct dt_tree *tree, dma_target_fn *target,
                    const void *opaque)
{
    struct intern *names = tree->names;
    *v = (struct dma_view){.arena = arena,
                           .tree = tree,
                           .target = target,
                           .opaque = opaque,
                           .address_cells = intern(names, "#address-cells"),
                           .size_cells = intern(names, "#size-cells"),
                           .dma_ranges = intern(names, "dma-ranges"),
                           .coherent = intern(names, "dma-coherent"),
                           .noncoherent = intern(names, "dma-noncoherent"),
                           .interconnects = intern(names, "interconnects"),
                           .interconnect_names = intern(names, "interconnect-names"),
                           .interconnect_cells = intern(names, "#interconnect-cells"),
                           .device_type = intern(names, "device_type")};
}

/* ---- parents ---- */

const struct dt_node *dma_parent(const struct dma_view *v, const struct dt_node *n)
{
    const struct dt_prop *names = dt_prop(v->tree, n, v->interconnect_names);
    const struct dt_prop *list = names ? dt_prop(v->tree, n, v->interconnects) : NULL;
    int index = list ? dt_string_index(names, "dma-mem") : -1;
    uint32_t cell = 0, cells = list ? list->len / 4 : 0;
    for (int i = 0; index >= 0 && cell < cells; i++) {
        const struct dt_node *to = v->target(v->opaque, list, cell);
        if (i == index)
            return to ? to : n->parent;
        uint32_t args = to ? dt_u32(v->tree, to, v->interconnect_cells, 0) : 0;
        if (args >= cells - cell)
            break;
        cell += 1 + args;
    }
    return n->parent;
}

bool dma_is_coherent(const struct dma_view *v, const struct dt_node *n, bool fallback, const struct dt_node **by)
{
    for (uint32_t steps = 0; n && steps < MAX_PARENTS; n = dma_parent(v, n), steps++) {
        *by = n;
        if (dt_prop(v->tree, n, v->coherent))
            return true;
        if (dt_prop(v->tree, n, v->noncoherent))
            return false;
    }
    *by = NULL;
    return fallback;
}

/* ---- windows ---- */

struct window_list {
    VEC(struct dma_window) list;
};

/* The low 64 bits of a number of that many cells; *fits: there are no others. */
static uint64_t number(const uint8_t *cells, uint32_t n, bool *fits)
{
    uint64_t value = 0;
    *fits = true;
    for (uint32_t i = 0; i < n; i++, cells += 4) {
        *fits = *fits && !(value >> 32);
        value = value << 32 | (uint32_t)cells[0] << 24 | (uint32_t)cells[1] << 16 | (uint32_t)cells[2] << 8 | cells[3];
    }
    return value;
}

/* Entries of a `dma-ranges`: `bus` on the node's own bus, `cpu` on that of its DMA parent. */
static void read_windows(const struct dma_view *v, const struct dt_node *n, const struct dt_prop *prop,
                         struct window_list *out)
{
    const struct dt_node *up = dma_parent(v, n);
    uint32_t na = dt_u32(v->tree, n, v->address_cells, 2), ns = dt_u32(v->tree, n, v->size_cells, 1);
    uint32_t pna = up ? dt_u32(v->tree, up, v->address_cells, 2) : 0;
    if (!up || na > MAX_CELLS || pna > MAX_CELLS || !ns || ns > MAX_CELLS)
        return;
    uint32_t entry = (na + pna + ns) * 4;
    for (uint32_t at = 0; at + entry <= prop->len && out->list.n < MAX_WINDOWS; at += entry) {
        const uint8_t *cells = prop->data + at;
        bool ignored, fits; // cells above 64 bits are PCI's space codes
        uint64_t from = number(cells + (na > 2 ? na - 2 : 0) * 4, na > 2 ? 2 : na, &ignored);
        uint64_t to = number(cells + (na + (pna > 2 ? pna - 2 : 0)) * 4, pna > 2 ? 2 : pna, &ignored);
        uint64_t size = number(cells + (na + pna) * 4, ns, &fits), higher = from > to ? from : to;
        if (fits && !size)
            continue;
        if (!fits || higher + (size - 1) < higher)
            size = UINT64_MAX - higher; // up to the end of 64 bits
        vec_push(v->arena, &out->list, ((struct dma_window){from, to, size}));
    }
}

/* Each window's far side, seen through the entries of a bus further up: what no entry holds is out of reach. */
static void pass_through(const struct dma_view *v, const struct window_list *in, const struct window_list *bus,
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
            vec_push(v->arena, &out->list,
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
static const struct dt_node *bus_of_ranges(const struct dma_view *v, const struct dt_node *n)
{
    bool passed = false;
    for (uint32_t steps = 0; n && steps < MAX_PARENTS; n = dma_parent(v, n), steps++) {
        const struct dt_prop *ranges = dt_prop(v->tree, n, v->dma_ranges);
        if (ranges && ranges->len)
            return n;
        if (passed && !ranges) // one bus may do without, two may not: of_dma_get_range()
            return NULL;
        passed = true;
    }
    return NULL;
}

static const struct dma_reach *make_reach(const struct dma_view *v, const struct dt_node *bus)
{
    struct dma_reach *r = NEW(v->arena, struct dma_reach);
    struct window_list reach = {0};
    read_windows(v, bus, dt_prop(v->tree, bus, v->dma_ranges), &reach);
    if (!reach.list.n)
        return r; // what cannot be read bounds nothing
    uint32_t steps = 0;
    for (const struct dt_node *n = dma_parent(v, bus); n && steps < MAX_PARENTS; n = dma_parent(v, n), steps++) {
        const struct dt_prop *ranges = dt_prop(v->tree, n, v->dma_ranges);
        if (!ranges || !ranges->len)
            continue; // addresses are those of the bus above
        struct window_list up = {0}, seen = {0};
        read_windows(v, n, ranges, &up);
        pass_through(v, &reach, &up, &seen);
        reach = seen;
    }
    join_windows(&reach);
    r->bus = bus;
    r->windows = reach.list.at;
    r->n = reach.list.n;
    return r;
}

static bool is_pci_bus(const struct dma_view *v, const struct dt_node *n)
{
    const struct dt_prop *type = dt_prop(v->tree, n, v->device_type);
    const char *word = type ? dt_string(type, 0) : NULL;
    if (dt_u32(v->tree, n, v->address_cells, 2) != 3)
        return false;
    if (word)
        return !strcmp(word, "pci") || !strcmp(word, "pciex");
    size_t base = strcspn(n->name, "@");
    return (base == 3 && !strncmp(n->name, "pci", 3)) || (base == 4 && !strncmp(n->name, "pcie", 4));
}

struct dma_reach dma_reach_of(struct dma_view *v, const struct dt_node *n)
{
    const struct dt_node *first = is_pci_bus(v, n) ? n : dma_parent(v, n);
    const struct dt_node *bus = first ? bus_of_ranges(v, first) : NULL;
    if (!bus)
        return (struct dma_reach){0};
    const struct dma_reach *r = map_getp(&v->reach, bus, NULL);
    if (!r) {
        r = make_reach(v, bus);
        map_putp(v->arena, &v->reach, bus, NULL, r);
    }
    return *r;
}

/* ---- addresses ---- */

bool dma_to_bus(const struct dma_reach *r, uint64_t cpu, uint64_t size, uint64_t *bus, uint64_t *beyond)
{
    *bus = cpu;
    *beyond = cpu;
    if (!r->bus)
        return true;
    for (uint32_t i = 0; i < r->n; i++) {
        const struct dma_window *w = &r->windows[i];
        if (cpu < w->cpu || cpu - w->cpu >= w->size)
            continue;
        uint64_t left = w->size - (cpu - w->cpu);
        *bus = w->bus + (cpu - w->cpu);
        if (left >= size)
            return true;
        *beyond = cpu + left > *beyond ? cpu + left : *beyond;
    }
    return false;
}

bool dma_reaches_bus(const struct dma_reach *r, uint64_t bus, uint64_t size, uint64_t *beyond)
{
    uint64_t last = bus + (size - 1);
    *beyond = bus;
    if (!r->bus)
        return true;
    for (uint32_t i = 0; i < r->n; i++) { // by address: each may go on where the one before it ends
        const struct dma_window *w = &r->windows[i];
        uint64_t wlast = w->bus + (w->size - 1);
        if (*beyond < w->bus || *beyond > wlast)
            continue;
        if (wlast >= last)
            return true;
        *beyond = wlast + 1;
    }
    return false;
}
