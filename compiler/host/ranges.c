// SPDX-License-Identifier: MIT
// Addresses on the host's buses, and the way up to what the cpus see.
#include "host/internal.h"

#include <stdlib.h>

// Entries of a `ranges` beyond this are searched by halving.
enum { FEW_RANGES = 32, MAX_PIECES = 64 };

// PCI Bus Binding to Open Firmware, 2.2.1.1: bits 25 and 24 of phys.hi are the space code.
enum { PCI_CONFIG = 0, PCI_IO = 1, PCI_MEM = 2, PCI_MEM64 = 3 };

bool host_number(const uint8_t *cells, uint32_t n, uint64_t *value)
{
    bool fits = true;
    *value = 0;
    for (uint32_t i = 0; i < n; i++) {
        fits = fits && !(*value >> 32);
        *value = *value << 32 | be32(cells + (size_t)i * 4);
    }
    return fits;
}

struct bus_address host_bus_address(const uint8_t *cells, uint32_t n)
{
    struct bus_address a = {0};
    uint32_t low = n < 2 ? n : 2;
    host_number(cells, n - low, &a.top);
    host_number(cells + (size_t)(n - low) * 4, low, &a.low);
    return a;
}

// What an address must have in common with an entry of `ranges`. Prefetchable or not, 32 or 64 bits: it is PCI memory.
static uint64_t space_of(const struct host_bus *b, struct bus_address a)
{
    if (!b->pci)
        return a.top;
    uint64_t code = a.top >> 24 & 3;
    return code == PCI_MEM64 ? PCI_MEM : code;
}

static bool is_pci(const struct host *h, const struct dt_node *n, uint32_t address_cells)
{
    if (address_cells != 3)
        return false;
    const struct dt_prop *p = dt_prop(h->tree, n, h->p->device_type);
    const char *type = p ? dt_string(p, 0) : NULL;
    if (type)
        return !strcmp(type, "pci") || !strcmp(type, "pciex");
    const char *base = host_base_name(h, n);
    return !strcmp(base, "pci") || !strcmp(base, "pcie");
}

static uint32_t cells_of(struct indexing *x, const struct dt_node *n, const char *name, uint32_t otherwise)
{
    const struct dt_prop *p = dt_prop(x->h->tree, n, name);
    if (!p)
        return otherwise;
    if (p->len == 4 && dt_cell(p, 0) <= BUS_MAX_CELLS)
        return dt_cell(p, 0);
    if (noise_ok(&x->noise, W0707))
        diag(x->c->diags, W0707, dt_place(p, x->at), "%s`%s` of %s is %s; a bus has up to %d",
             dt_whose(x->c->arena, x->h->file, p), name, dt_show_path(x->c->arena, n),
             p->len == 4 ? arena_printf(x->c->arena, "%u", dt_cell(p, 0))
                         : arena_printf(x->c->arena, "%u bytes long, not one cell", p->len),
             BUS_MAX_CELLS);
    return UINT32_MAX;
}

static int by_space(const void *a, const void *b)
{
    const struct bus_range *x = a, *y = b;
    if (x->space != y->space)
        return x->space < y->space ? -1 : 1;
    if (x->from.low != y->from.low)
        return x->from.low < y->from.low ? -1 : 1;
    return (x->last > y->last) - (x->last < y->last);
}

static void sort_ranges(struct host_bus *b)
{
    qsort(b->ranges, b->nranges, sizeof *b->ranges, by_space);
    b->sorted = true;
    for (uint32_t i = 0; i < b->nranges; i++) {
        struct bus_range *r = &b->ranges[i];
        r->reach = r->last;
        if (i && r[-1].space == r->space && r[-1].reach > r->reach)
            r->reach = r[-1].reach;
    }
}

static void read_ranges(struct indexing *x, const struct dt_node *n, struct host_bus *b, const struct dt_prop *p)
{
    const struct host_bus *up = x->h->p->buses[n->parent->id];
    if (!b->usable || !up->usable) {
        b->present = false;
        return;
    }
    uint32_t entry = (b->address_cells + up->address_cells + b->size_cells) * 4;
    if ((!entry || p->len % entry) && noise_ok(&x->noise, W0709)) {
        struct diag *d = diag(x->c->diags, W0709, dt_place(p, x->at), "%s`ranges` of %s has %u bytes; an entry has %u",
                              dt_whose(x->c->arena, x->h->file, p), dt_show_path(x->c->arena, n), p->len, entry);
        diag_fact(d, "%u cells on this bus, %u on its parent's, %u of size", b->address_cells, up->address_cells,
                  b->size_cells);
    }
    if (!entry)
        return;
    b->ranges = arena_array(x->c->arena, p->len / entry, sizeof *b->ranges);
    for (uint32_t i = 0; i < p->len / entry; i++) {
        const uint8_t *cell = p->data + (size_t)i * entry;
        struct bus_range r = {0};
        uint64_t size;
        r.from = host_bus_address(cell, b->address_cells);
        cell += (size_t)b->address_cells * 4;
        r.to = host_bus_address(cell, up->address_cells);
        cell += (size_t)up->address_cells * 4;
        bool fits = host_number(cell, b->size_cells, &size);
        r.space = space_of(b, r.from);
        if (fits && (!size || (b->pci && r.space == PCI_CONFIG)))
            continue;
        if (!fits || r.from.low + (size - 1) < r.from.low || r.to.low + (size - 1) < r.to.low) {
            if (noise_ok(&x->noise, W0710))
                diag(x->c->diags, W0710, dt_place(p, x->at), "%sentry %u of `ranges` of %s goes beyond 64 bits",
                     dt_whose(x->c->arena, x->h->file, p), i, dt_show_path(x->c->arena, n));
            continue;
        }
        r.last = r.from.low + (size - 1);
        b->ranges[b->nranges++] = r;
    }
    if (b->nranges > FEW_RANGES)
        sort_ranges(b);
}

void host_read_bus(struct indexing *x, const struct dt_node *n)
{
    struct host_private *p = x->h->p;
    struct host_bus *b = NEW(x->c->arena, struct host_bus);
    p->buses[n->id] = b;
    b->address_cells = cells_of(x, n, p->address_cells, 2);
    b->size_cells = cells_of(x, n, p->size_cells, 1);
    b->usable = b->address_cells <= BUS_MAX_CELLS && b->size_cells <= BUS_MAX_CELLS;
    b->pci = is_pci(x->h, n, b->address_cells);
    const struct dt_prop *ranges = dt_prop(x->h->tree, n, p->ranges);
    if (!ranges || !n->parent)
        return;
    b->present = true;
    b->same = !ranges->len;
    if (!b->same)
        read_ranges(x, n, b, ranges);
}

// The entry of `ranges` that holds an address, or NULL.
static const struct bus_range *range_of(const struct host_bus *b, struct bus_address a)
{
    uint64_t space = space_of(b, a);
    if (!b->sorted) {
        for (uint32_t i = 0; i < b->nranges; i++) {
            const struct bus_range *r = &b->ranges[i];
            if (r->space == space && r->from.low <= a.low && a.low <= r->last)
                return r;
        }
        return NULL;
    }
    uint32_t lo = 0, hi = b->nranges; // the first entry that begins beyond the address
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        const struct bus_range *r = &b->ranges[mid];
        if (r->space < space || (r->space == space && r->from.low <= a.low))
            lo = mid + 1;
        else
            hi = mid;
    }
    // Entries that overlap are not meant to be; a few steps back are enough for those that are.
    for (uint32_t step = 0; lo-- && step < MAX_PIECES; step++) {
        const struct bus_range *r = &b->ranges[lo];
        if (r->space != space || r->reach < a.low)
            return NULL;
        if (a.low <= r->last)
            return r;
    }
    return NULL;
}

// One bus up. A range may be put together of several entries when they continue each other on both sides.
static bool step_up(const struct host_bus *b, struct bus_address *a, uint64_t size)
{
    const struct bus_range *r = range_of(b, *a);
    if (!r)
        return false;
    struct bus_address from = *a, to = {r->to.top, r->to.low + (a->low - r->from.low)};
    uint64_t last = a->low + (size ? size - 1 : 0);
    *a = to;
    for (uint32_t pieces = 0; r->last < last; pieces++) {
        to.low += r->last - from.low + 1;
        from.low = r->last + 1;
        r = range_of(b, from);
        if (!r || pieces == MAX_PIECES || r->to.top != to.top || r->to.low + (from.low - r->from.low) != to.low)
            return false;
    }
    return true;
}

bool host_translate_address(const struct host *h, const struct dt_node *n, struct bus_address a, uint64_t size,
                            uint64_t *result, const struct dt_node **blocked)
{
    for (; n->parent; n = n->parent) {
        const struct host_bus *b = h->p->buses[n->id];
        *blocked = n;
        if (!b || !b->present || (b->pci && space_of(b, a) == PCI_CONFIG))
            return false;
        if (size && a.low + (size - 1) < a.low)
            return false;
        if (!b->same && !step_up(b, &a, size))
            return false;
    }
    *blocked = n;
    if (a.top || (size && a.low + (size - 1) < a.low))
        return false;
    *blocked = NULL;
    *result = a.low;
    return true;
}

bool host_translate(const struct host *h, const struct dt_node *n, const uint32_t *address, uint32_t naddress,
                    uint64_t size, uint64_t *result, const struct dt_node **blocked)
{
    struct bus_address a = {0};
    *blocked = n;
    if (naddress > BUS_MAX_CELLS)
        return false;
    for (uint32_t i = 0; i < naddress; i++) {
        uint64_t *half = naddress - i > 2 ? &a.top : &a.low;
        *half = *half << 32 | address[i];
    }
    return host_translate_address(h, n, a, size, result, blocked);
}

bool host_pci_window(const struct host *h, const struct dt_node *n, uint32_t i, uint64_t *first, uint64_t *last)
{
    const struct host_bus *b = n->parent ? h->p->buses[n->id] : NULL;
    const struct dt_node *blocked;
    // As for a bus that is passed through (machine/copy_windows.c): addresses of three cells begin with a space code.
    if (!b || b->address_cells < 3 || i >= b->nranges)
        return false;
    const struct bus_range *r = &b->ranges[i];
    *last = 0;
    if (host_translate_address(h, n->parent, r->to, r->last - r->from.low + 1, first, &blocked))
        *last = *first + (r->last - r->from.low);
    else
        *first = 1;
    return true;
}

uint32_t host_address_cells(const struct host *h, const struct dt_node *n)
{
    return dt_u32(h->tree, n, h->p->address_cells, 2);
}

uint32_t host_size_cells(const struct host *h, const struct dt_node *n)
{
    return dt_u32(h->tree, n, h->p->size_cells, 1);
}
