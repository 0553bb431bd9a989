// SPDX-License-Identifier: MIT
// `ranges` and `dma-ranges` of copied buses, translated for the guest's bus above, and the windows of PCI buses.
#include "machine/machine.h"

#include <inttypes.h>
#include <stdlib.h>

/* A `ranges` that is being written. */
struct ranges {
    struct machine_planner *p;
    struct copied *k;
    const struct dt_node *bus;        // the node above it in the guest
    uint32_t child_cells, size_cells; // cells of an address and of a size below it
    uint32_t bus_cells;               // cells of an address on `bus`
    struct src where;
    VEC(uint32_t) cells;
};

static void append_cells(struct ranges *r, uint64_t value, uint32_t cells)
{
    for (uint32_t i = cells; i--;)
        vec_push(draft_arena(r->p->c), &r->cells, i < 2 ? (uint32_t)(value >> 32 * i) : 0);
}

/* Writes the cells that have been appended as property `name` of the guest's bus. */
static void write_property(struct ranges *r, const char *name, const char *why)
{
    struct machine_planner *p = r->p;
    uint8_t *data = arena_alloc(p->c->arena, (size_t)r->cells.n * 4 + 1);
    for (uint32_t i = 0; i < r->cells.n; i++)
        dt_put_cells(data + (size_t)i * 4, r->cells.at[i], 1);
    dt_set(p->m->tree, r->k->guest, name, data, r->cells.n * 4, origin_of(p, ORIGIN_COMPUTED, r->k->pass->at, why));
}

/*
 * Returns the guest address of a host address: it moves with the region of the statement that contains it, and
 * otherwise stays the same. This holds for the next *size bytes as well; *size is reduced to where another region
 * begins.
 */
static uint64_t to_guest_address(struct machine_planner *p, const struct p_device *d, uint64_t host, uint64_t *size)
{
    const struct p_region *r = region_containing(p, d, host, 1);
    if (r) {
        uint64_t left = r->size - (host - r->host);
        *size = *size < left ? *size : left;
        return r->guest + (host - r->host);
    }
    for (; d; d = d->parent) {
        for (uint32_t i = 0; i < d->regions.n; i++) {
            r = d->regions.at[i];
            if (r->mode != REGION_DROP && r->guest != r->host && r->host > host && r->host - host < *size)
                *size = r->host - host;
        }
    }
    return host;
}

/* ---- windows ---- */

/* Gets the cpu address and size of entry i of a `ranges` of the host. Returns false if the cpus cannot reach it. */
static bool get_cpu_range(struct machine_planner *p, const struct dt_node *n, const struct dt_prop *ranges, uint32_t i,
                          uint64_t *cpu, uint64_t *size)
{
    uint32_t na = host_address_cells(p->host, n), ns = host_size_cells(p->host, n),
             pna = host_address_cells(p->host, n->parent);
    uint32_t at = i * (na + pna + ns) + na, parent[4] = {0};
    const struct dt_node *blocked;
    for (uint32_t j = 0; j < pna; j++)
        parent[j] = dt_cell(ranges, at + j);
    *size = read_cells(ranges, at + pna, ns);
    return *size && host_translate(p->host, n->parent, parent, pna, *size, cpu, &blocked);
}

/* Returns the number of entries of a `ranges`; 0 if it cannot be read, which the host index has reported. */
static uint32_t count_entries(struct machine_planner *p, const struct dt_node *n, const struct dt_prop *ranges)
{
    uint32_t na = host_address_cells(p->host, n), ns = host_size_cells(p->host, n),
             pna = host_address_cells(p->host, n->parent);
    if (na > 4 || pna > 4 || ns > 2 || !(na + pna + ns) || ranges->len % ((na + pna + ns) * 4))
        return 0;
    return ranges->len / ((na + pna + ns) * 4);
}

/*
 * A bus whose addresses begin with a space code is a PCI bus. It discovers its devices itself, the tree does not list
 * them, so everything in its windows belongs to the bus. On other buses, each device has its own regions.
 */
void decide_windows(struct machine_planner *p, struct copied *k, struct p_device *d)
{
    const struct dt_prop *ranges = dt_prop(p->host->tree, k->host, p->n->ranges);
    if (!ranges || !ranges->len || host_address_cells(p->host, k->host) < 3 || !k->host->parent)
        return;
    uint32_t n = count_entries(p, k->host, ranges);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t cpu, size, piece;
        if (!get_cpu_range(p, k->host, ranges, i, &cpu, &size) || region_containing(p, d, cpu, size))
            continue;
        piece = size;
        struct p_region r = {.index = i,
                             .host = cpu,
                             .size = size,
                             .guest = to_guest_address(p, d, cpu, &piece),
                             .mode = REGION_MAP,
                             .window = true,
                             .how = HOW_DEFAULT,
                             .at = k->pass->at};
        add_region(p, d, &r, r.at);
    }
}

/* ---- empty ranges ---- */

struct window {
    uint64_t child, size; // address and size on the bus itself
    uint64_t cpu;         // address for the host's cpus
    uint64_t on_bus;      // address on the guest's bus above it
};

struct windows {
    VEC(struct window) list;
};

/* Collects the addresses that are in use on a bus whose `ranges` is empty. */
static void collect_windows(struct machine_planner *p, const struct dt_node *guest, struct windows *w)
{
    for (const struct dt_node *c = guest->child; c; c = c->next) {
        const struct dt_node *host = c->source;
        if (!host)
            continue;
        const struct host_node *hn = &p->host->nodes[host->id];
        for (uint32_t i = 0; i < hn->nregions; i++) {
            const struct host_region *r = &p->host->regions[hn->first_region + i];
            if (r->translated && r->size)
                vec_push(draft_arena(p->c), &w->list, ((struct window){r->bus, r->size, r->address, 0}));
        }
        const struct dt_prop *ranges = dt_prop(p->host->tree, host, p->n->ranges);
        if (ranges && !ranges->len)
            collect_windows(p, c, w);
        uint32_t n = ranges ? count_entries(p, host, ranges) : 0, na = host_address_cells(p->host, host),
                 pna = host_address_cells(p->host, host->parent);
        for (uint32_t i = 0; i < n; i++) {
            uint64_t cpu, size;
            if (get_cpu_range(p, host, ranges, i, &cpu, &size))
                vec_push(draft_arena(p->c), &w->list,
                         ((struct window){read_cells(ranges, i * (na + pna + host_size_cells(p->host, host)) + na, pna),
                                          size, cpu, 0}));
        }
    }
}

static int by_child(const void *a, const void *b)
{
    const struct window *x = a, *y = b;
    return x->child < y->child ? -1 : x->child > y->child;
}

/*
 * Joins neighbouring windows with the same offset between bus and guest into one entry of at most `most` bytes, as a
 * person would write them. The gap between two windows becomes part of the entry.
 */
static void join_windows(struct windows *w, uint64_t most)
{
    uint32_t n = 0;
    qsort(w->list.at, w->list.n, sizeof *w->list.at, by_child);
    for (uint32_t i = 0; i < w->list.n; i++) {
        struct window *x = &w->list.at[i], *last = n ? &w->list.at[n - 1] : NULL;
        uint64_t end = x->child + (x->size - 1);
        if (last && x->on_bus - x->child == last->on_bus - last->child && end - last->child < most) {
            if (end - last->child >= last->size)
                last->size = end - last->child + 1;
        } else {
            w->list.at[n++] = *x;
        }
    }
    w->list.n = n;
}

/*
 * An empty `ranges` states that addresses and numbers of cells are the same on both sides. Where that does not hold in
 * the guest, `ranges` gets entries for the addresses that are in use.
 */
static void rewrite_empty(struct ranges *r)
{
    struct machine_planner *p = r->p;
    struct windows w = {0};
    bool same = r->child_cells == r->bus_cells && r->size_cells == cell_or(p, r->bus, p->n->size_cells, 1);
    collect_windows(p, r->k->guest, &w);
    for (uint32_t i = 0; i < w.list.n; i++) {
        struct window *x = &w.list.at[i];
        uint64_t piece = x->size;
        if (!translate_to_bus(p, r->bus, to_guest_address(p, r->k->device, x->cpu, &piece), x->size, r->where,
                              &x->on_bus))
            return;
        same = same && x->on_bus == x->child;
    }
    if (same || r->child_cells > 2 || r->size_cells > 2)
        return;
    if (!w.list.n) { // no device behind the bus has registers
        dt_del(p->m->tree, r->k->guest, p->n->ranges);
        return;
    }
    join_windows(&w, r->size_cells == 1 ? UINT32_MAX : UINT64_MAX);
    for (uint32_t i = 0; i < w.list.n; i++) {
        const struct window *x = &w.list.at[i];
        if (!check_cells_hold(p, r->bus, x->on_bus, x->size, false, r->where))
            return;
        append_cells(r, x->child, r->child_cells);
        append_cells(r, x->on_bus, r->bus_cells);
        append_cells(r, x->size, r->size_cells);
    }
    write_property(r, p->n->ranges, "what is used of its bus, on the guest's bus");
}

/* ---- ranges ---- */

/* Appends one entry, split where the regions in it move by different offsets. Returns false after a message. */
static bool rewrite_entry(struct ranges *r, const struct dt_prop *ranges, uint32_t at, uint64_t cpu, uint64_t size)
{
    struct machine_planner *p = r->p;
    uint32_t low = r->child_cells < 2 ? r->child_cells : 2, top = r->child_cells - low;
    uint64_t child = read_cells(ranges, at + top, low), done = 0;
    while (done < size) {
        uint64_t left = size - done, guest = to_guest_address(p, r->k->device, cpu + done, &left), on_bus;
        for (uint64_t more; left < size - done; left += more) {
            more = size - done - left;
            if (to_guest_address(p, r->k->device, cpu + done + left, &more) != guest + left)
                break;
        }
        if (!translate_to_bus(p, r->bus, guest, left, r->where, &on_bus) ||
            !check_cells_hold(p, r->bus, on_bus, left, false, r->where))
            return false;
        for (uint32_t i = 0; i < top; i++)
            append_cells(r, dt_cell(ranges, at + i), 1);
        append_cells(r, child + done, low);
        append_cells(r, on_bus, r->bus_cells);
        append_cells(r, left, r->size_cells);
        done += left;
    }
    return true;
}

static void rewrite_ranges(struct ranges *r, const struct dt_prop *ranges)
{
    struct machine_planner *p = r->p;
    const struct dt_node *host = r->k->host;
    uint32_t step = r->child_cells + host_address_cells(p->host, host->parent) + r->size_cells,
             n = count_entries(p, host, ranges);
    if (!n)
        return;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t cpu, size;
        if (get_cpu_range(p, host, ranges, i, &cpu, &size) && !rewrite_entry(r, ranges, i * step, cpu, size))
            return;
    }
    // Without any window, `ranges` must not become empty: that would make all addresses a window.
    if (r->cells.n)
        write_property(r, p->n->ranges, "the windows of its bus, on the guest's bus");
    else
        dt_del(p->m->tree, r->k->guest, p->n->ranges);
}

/* A bus without registers is named after its first window (Devicetree Specification 2.2.1.1). */
static void rename_bus(struct ranges *r)
{
    struct machine_planner *p = r->p;
    const struct dt_node *n = r->k->guest;
    const struct dt_prop *ranges = dt_prop(p->m->tree, n, p->n->ranges);
    size_t base = strcspn(n->name, "@");
    if (!n->name[base] || dt_prop(p->m->tree, n, p->n->reg) || !ranges ||
        ranges->len < (r->child_cells + r->bus_cells) * 4)
        return;
    const char *name = arena_printf(p->c->arena, "%.*s@%" PRIx64, (int)base, n->name,
                                    read_cells(ranges, r->child_cells, r->bus_cells));
    if (strcmp(name, n->name))
        rename_copy(p, r->k, name);
}

/*
 * dma-ranges translate in the other direction. A device behind the bus sees memory at the same addresses as on the
 * host, so only the number of cells of the bus above can differ.
 */
static void rewrite_dma_ranges(struct ranges *r)
{
    struct machine_planner *p = r->p;
    const struct dt_node *host = r->k->host;
    const struct dt_prop *dma = dt_prop(p->host->tree, host, p->n->dma_ranges);
    uint32_t pna = host_address_cells(p->host, host->parent), step = r->child_cells + pna + r->size_cells;
    if (!dma || !dt_prop(p->m->tree, r->k->guest, p->n->dma_ranges))
        return;
    if (!dma->len) {
        // Linux treats a missing dma-ranges like an empty one (drivers/of/address.c, of_dma_get_range).
        if (r->child_cells != r->bus_cells || r->size_cells != cell_or(p, r->bus, p->n->size_cells, 1))
            dt_del(p->m->tree, r->k->guest, p->n->dma_ranges);
        return;
    }
    uint32_t n = count_entries(p, host, dma);
    if (!n || pna == r->bus_cells)
        return;
    r->cells.n = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = i * step, low = pna < 2 ? pna : 2;
        uint64_t address = read_cells(dma, at + r->child_cells + pna - low, low);
        if (!check_cells_hold(p, r->bus, address, 1, false, r->where))
            return;
        for (uint32_t j = 0; j < r->child_cells; j++)
            append_cells(r, dt_cell(dma, at + j), 1);
        append_cells(r, address, r->bus_cells);
        append_cells(r, read_cells(dma, at + r->child_cells + pna, r->size_cells), r->size_cells);
    }
    write_property(r, p->n->dma_ranges, "as on the host, on the guest's bus");
}

void write_ranges(struct machine_planner *p, struct copied *k)
{
    const struct dt_node *bus = k->guest->parent;
    const struct dt_prop *ranges = dt_prop(p->host->tree, k->host, p->n->ranges);
    struct ranges r = {.p = p,
                       .k = k,
                       .bus = bus,
                       .where = k->pass->place->under.name ? k->pass->place->under.at : k->pass->at,
                       .child_cells = host_address_cells(p->host, k->host),
                       .size_cells = host_size_cells(p->host, k->host),
                       .bus_cells = cell_or(p, bus, p->n->address_cells, 2)};
    if (!r.bus_cells || r.bus_cells > 2 || r.child_cells > 4)
        return;
    if (ranges && dt_prop(p->m->tree, k->guest, p->n->ranges)) {
        if (ranges->len)
            rewrite_ranges(&r, ranges);
        else
            rewrite_empty(&r);
        rename_bus(&r);
    }
    rewrite_dma_ranges(&r);
}
