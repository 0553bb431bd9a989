// SPDX-License-Identifier: MIT
/*
 * `dma bus`, `dma pool`: without an IOMMU, device addresses are the host's. The guest's bus says so with `dma-ranges`:
 * an entry for each memory whose place on the host is known, at a start if not before. Linux bounces what lies in other
 * memory through its swiotlb, which it puts below the end of what the bus reaches.
 */
#include "dma/dma.h"

#include <inttypes.h>
#include <stdlib.h>

static const uint64_t BOUNCE = UINT64_C(64) << 20; // Linux's swiotlb, kernel/dma/swiotlb.c: IO_TLB_DEFAULT_SIZE
static const uint64_t UNKNOWN =
    UINT64_C(0xfeedface00000000); // no device has such an address: a tree that was not completed

/* Does the bus have an entry for the memory? */
static bool has_entry(const struct dma_bus *b, const struct p_memory *m)
{
    if (!is_placed(m->m) || m->m->no_dma || !m->size)
        return false;
    return b->pool ? b->pool == m->m->name : !m->pool;
}

/* ---- where the host may have the memory ---- */

/* The part of a window that is in what is allowed so far. */
static bool narrow_to(const struct dma_window *w, uint64_t size, uint64_t *lowest, uint64_t *limit)
{
    uint64_t last = w->cpu + (w->size - 1), first = w->cpu > *lowest ? w->cpu : *lowest;
    uint64_t end = last == UINT64_MAX ? 0 : last + 1; // 0: no limit
    if (*limit && (!end || *limit < end))
        end = *limit;
    if (end ? end < first || end - first < size : UINT64_MAX - first < size - 1)
        return false;
    *lowest = first;
    *limit = end;
    return true;
}

/* Narrows the place of memory that is found at a start to what a device reaches: the first window that is large enough.
 */
static bool narrow(struct p_memory *m, const struct dma_reach *reach)
{
    for (uint32_t i = 0; reach->bus && i < reach->n; i++)
        if (narrow_to(&reach->windows[i], m->size, &m->lowest, &m->limit))
            return true;
    return !reach->bus;
}

static void report_out_of_reach(struct machine_planner *p, const struct p_device *device, const struct p_dma *dma,
                                const struct p_memory *m, const struct dma_reach *reach, uint64_t beyond)
{
    struct diag *d =
        m->physical != UINT64_MAX
            ? diag(p->c->diags, E0673, dma->at, "`%s` cannot reach memory `%s` from 0x%" PRIx64 " on", device->name,
                   m->m->name, beyond)
            : diag(p->c->diags, E0673, dma->at, "`%s` cannot reach all of memory `%s`, wherever the host has it",
                   device->name, m->m->name);
    if (m->physical != UINT64_MAX)
        diag_note(d, m->m->at, "on the host it is 0x%" PRIx64 "..0x%" PRIx64, m->physical, m->physical + (m->size - 1));
    else
        diag_note(d, m->m->at, "it is 0x%" PRIx64 " bytes of one piece", m->size);
    add_windows(p, d, reach);
    diag_help(d, m->physical != UINT64_MAX ? "choose memory that the bus reaches, or mark it `no-dma`"
                                           : "make it smaller, or mark it `no-dma`: the guest's kernel bounces what "
                                             "devices move to and from other memory");
}

/* Holds the memory of a bus against what one device on it reaches. */
static void check_reach(struct machine_planner *p, const struct p_device *d, const struct p_dma *dma,
                        const struct dma_bus *b, const struct dma_reach *reach)
{
    for (uint32_t i = 0; i < p->m->memory.n; i++) {
        struct p_memory *m = &p->m->memory.at[i];
        uint64_t beyond = 0, bus;
        if (!has_entry(b, m))
            continue;
        if (m->physical != UINT64_MAX ? dma_to_bus(reach, m->physical, m->size, &bus, &beyond) : narrow(m, reach))
            continue;
        report_out_of_reach(p, d, dma, m, reach, beyond);
        return;
    }
}

/* ---- entries ---- */

struct entries {
    uint8_t *cells;
    uint32_t n; // bytes
};

/* What the host's bus adds to the address of memory that is found at a start. */
static uint64_t addend_of(const struct dma_bus *b, const struct p_memory *m)
{
    for (uint32_t i = 0; b->host.bus && i < b->host.n; i++) {
        const struct dma_window *w = &b->host.windows[i];
        uint64_t lowest = m->lowest, limit = m->limit;
        if (narrow_to(w, m->size, &lowest, &limit) && lowest == m->lowest && limit == m->limit)
            return w->bus - w->cpu;
    }
    return 0;
}

static void add_entry(struct machine_planner *p, struct entries *e, const struct dma_bus *b, uint32_t memory)
{
    const struct p_memory *m = &p->m->memory.at[memory];
    uint64_t bus = 0, beyond;
    if (b->pci) { // 64-bit memory space (IEEE 1275 PCI binding 2.2.1.1)
        dt_put_cells(e->cells + e->n, 0x43000000, 1);
        e->n += 4;
    }
    if (m->physical != UINT64_MAX) {
        dma_to_bus(&b->host, m->physical, m->size, &bus, &beyond);
    } else {
        bus = UNKNOWN + m->address;
        vec_push(p->c->arena, &p->m->patches, ((struct p_patch){b->node, e->n, memory, addend_of(b, m)}));
    }
    bool known = m->physical != UINT64_MAX;
    vec_push(p->c->arena, &b->plan->entries,
             ((struct p_bus_entry){m, known ? bus : UINT64_MAX, known ? 0 : addend_of(b, m)}));
    dt_put_cells(e->cells + e->n, bus, 2);
    dt_put_cells(e->cells + e->n + 8, m->address, 2);
    dt_put_cells(e->cells + e->n + 16, m->size, 2);
    e->n += 24;
}

static void write_entries(struct machine_planner *p, const struct dma_bus *b)
{
    struct entries e = {arena_alloc(p->c->arena, (size_t)p->m->memory.n * 28 + 1), 0};
    for (uint32_t i = 0; i < p->m->memory.n; i++)
        if (has_entry(b, &p->m->memory.at[i]))
            add_entry(p, &e, b, i);
    dt_set(p->m->tree, b->node, p->n->dma_ranges, e.cells, e.n,
           origin_of(p, ORIGIN_COMPUTED, b->at, "device addresses are the host's"));
}

/* The device's driver takes its buffers from the pool: Linux kernel/dma/swiotlb.c, is_swiotlb_for_alloc(). */
static void refer_to_pool(struct machine_planner *p, const struct p_device *d, const struct dma_bus *b)
{
    const struct dt_node *pool = map_getp(&p->m->tree->labels, b->pool, NULL);
    const char *property = intern(p->c->names, "memory-region");
    if (!d->node || !pool)
        return;
    const struct dt_prop *old = dt_prop(p->m->tree, d->node, property);
    if (old) {
        struct diag *g = diag(p->c->diags, E0680, d->dmas.at[0]->at,
                              "`%s` has a `memory-region` already, and a device has "
                              "one pool",
                              d->name);
        diag_help(g, "write `ref memory-region drop;`, or `dma bus unsafe;`");
        return;
    }
    struct dt_prop *prop = dt_set(p->m->tree, d->node, property, arena_alloc(p->c->arena, 4), 4,
                                  origin_of(p, ORIGIN_COMPUTED, b->at, "all that it reaches"));
    dt_add_ref(p->m->tree, prop, 0, (struct dt_node *)pool);
}

/* ---- checks of the machine's memory ---- */

static int by_address(const void *a, const void *b)
{
    const struct p_memory *x = *(const struct p_memory *const *)a, *y = *(const struct p_memory *const *)b;
    return (x->address > y->address) - (x->address < y->address);
}

static const struct p_memory **sorted_memory(struct machine_planner *p)
{
    const struct p_memory **list = arena_array(draft_arena(p->c), p->m->memory.n + 1U, sizeof *list);
    for (uint32_t i = 0; i < p->m->memory.n; i++)
        list[i] = &p->m->memory.at[i];
    qsort(list, p->m->memory.n, sizeof *list, by_address);
    return list;
}

/* A buffer of the guest's can cross from one memory into the next, and is one piece to the device. */
static void check_neighbours(struct machine_planner *p, const struct p_memory *const *list)
{
    for (uint32_t i = 1; i < p->m->memory.n; i++) {
        const struct p_memory *a = list[i - 1], *b = list[i];
        bool translated = (is_placed(a->m) && !a->m->no_dma) || (is_placed(b->m) && !b->m->no_dma);
        bool one_piece = a->physical != UINT64_MAX && a->physical + a->size == b->physical && a->pool == b->pool;
        if (!is_ram_of_guest(a) || !is_ram_of_guest(b) || !translated || a->address + a->size != b->address ||
            one_piece)
            continue;
        struct diag *d =
            diag(p->c->diags, E0681, b->m->at, "memory `%s` follows memory `%s` in the guest, and not on the host",
                 b->m->name, a->m->name);
        diag_note(d, a->m->at, "the other one ends at 0x%" PRIx64, a->address + (a->size - 1));
        diag_help(d, "leave a gap: `memory %s at 0x%" PRIx64 " ...`", b->m->name, b->address + HUGE_PAGE);
    }
}

/* Where does Linux take its bounce buffers from? Below the end of what it can reach. */
static void check_bounces(struct machine_planner *p, const struct dma_bus *b, const struct p_memory *const *list)
{
    const struct p_memory *first = NULL, *other = NULL;
    for (uint32_t i = 0; i < p->m->memory.n; i++) {
        const struct p_memory *m = list[i];
        if (has_entry(b, m))
            first = first ? first : m;
        else if (is_ram_of_guest(m) && !m->pool && !other)
            other = m;
    }
    if (b->pool || !first || !other)
        return;
    if (other->address < first->address) {
        struct diag *d =
            diag(p->c->diags, W0606, other->m->at,
                 "memory `%s` lies below `%s`, and devices do not reach it: Linux takes its bounce buffers "
                 "from the lowest memory",
                 other->m->name, first->m->name);
        diag_note(d, first->m->at, "devices reach this one");
        diag_help(d, "move it above `%s`, or remove both `at`: machc puts what devices reach first", first->m->name);
    } else if (first->size < 2 * BOUNCE) {
        struct diag *d =
            diag(p->c->diags, W0606, first->m->at,
                 "Linux takes 0x%" PRIx64 " bytes of memory `%s` for bounce buffers, and it has 0x%" PRIx64, BOUNCE,
                 first->m->name, first->size);
        diag_note(d, other->m->at, "devices do not reach this one: what they move to and from it is bounced");
        diag_help(d, "give it 128M or more, or the guest `swiotlb=N` in its bootargs");
    }
}

static void check_has_memory(struct machine_planner *p, const struct dma_bus *b)
{
    for (uint32_t i = 0; i < p->m->memory.n; i++)
        if (has_entry(b, &p->m->memory.at[i]))
            return;
    if (b->pool) {
        uint64_t i;
        struct diag *d =
            diag(p->c->diags, E0680, b->at, "memory `%s` cannot be the pool of what devices reach", b->pool);
        if (map_get(&p->memories, (uintptr_t)b->pool, 0, &i))
            diag_note(d, p->m->memory.at[i].m->at, "where it lies on the host is unknown, or it is `no-dma`");
        diag_help(d, "write `memory %s size 16M from contiguous;`", b->pool);
        return;
    }
    struct diag *d =
        diag(p->c->diags, E0680, b->at,
             "a device without an IOMMU needs memory whose address on the host is known, and machine `%s` has "
             "none",
             p->m->name);
    if (p->m->memory.n)
        diag_note(d, p->m->memory.at[0].m->at, "the host has this one wherever it likes, in pieces");
    diag_help(d, "write `memory %s size 0x%" PRIx64 " from contiguous;`",
              p->m->memory.n ? p->m->memory.at[0].m->name : "ram",
              p->m->memory.n ? p->m->memory.at[0].size : UINT64_C(0x10000000));
}

/* ---- all of it ---- */

void check_bus_statement(struct machine_planner *p, const struct p_dma *dma)
{
    const struct p_device *d = dma->device;
    if (!p->host || !is_behind_iommu(p->file, d))
        return;
    struct diag *g =
        diag(p->c->diags, E0677, dma->at, "`%s` is behind an IOMMU, which translates device addresses", d->name);
    note_iommu(p->file, d, g);
    diag_help(g, "write `dma all;`, or remove the statement");
}

static struct dma_bus *bus_of(const struct machine_planner *p, const struct p_device *d)
{
    struct dma_bus *b = NULL;
    for (const struct dt_node *n = d->node ? d->node->parent : NULL; n && !b; n = n->parent)
        b = map_getp(&p->dma_bus_at, n, NULL);
    return b;
}

void write_dma_buses(struct machine_planner *p)
{
    uint32_t errors = diags_errors(p->c->diags);
    if (!p->dma_buses.n)
        return;
    for (uint32_t i = 0; i < p->dma_buses.n; i++) {
        struct dma_bus *b = p->dma_buses.at[i];
        b->plan = NEW(p->c->arena, struct p_bus);
        b->plan->node = b->node;
        map_putp(draft_arena(p->c), &p->dma_bus_at, b->node, NULL, b);
        check_has_memory(p, b);
    }
    for (uint32_t i = 0; i < p->m->devices.n; i++) {
        const struct p_device *d = p->m->devices.at[i], *by = d;
        while (!by->dmas.n && by->parent) // what has no statement masters through the device above
            by = by->parent;
        struct p_dma *dma = by->dmas.n ? by->dmas.at[0] : NULL;
        struct dma_bus *b = dma && (dma->mode == DMA_BUS || dma->mode == DMA_POOL) ? bus_of(p, d) : NULL;
        if (!b)
            continue;
        dma->bus = b->plan;
        struct dma_reach reach = d->host ? dma_reach_of(&p->file->dma, d->host) : b->host;
        // Most devices on a bus reach the same: its memory is looked through once for all of them.
        if (!b->checked || reach.bus != b->host.bus)
            check_reach(p, d, dma, b, &reach);
        b->checked |= reach.bus == b->host.bus;
        if (b->pool && by == d)
            refer_to_pool(p, d, b);
    }
    const struct p_memory *const *list = sorted_memory(p);
    check_neighbours(p, list);
    for (uint32_t i = 0; i < p->dma_buses.n && diags_errors(p->c->diags) == errors; i++) {
        write_entries(p, p->dma_buses.at[i]);
        check_bounces(p, p->dma_buses.at[i], list);
    }
}
