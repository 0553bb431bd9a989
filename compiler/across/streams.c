// SPDX-License-Identifier: MIT
/*
 * Collects the ids by which IOMMUs identify devices: stream ids at one IOMMU, and LIODNs of the whole board. An IOMMU
 * cannot tell devices with the same id apart: what is mapped for one is mapped for all, so they must have one owner.
 */
#include "plan/streams.h"
#include "across/owners.h"

#include <inttypes.h>

enum { MAX_RANGES = 4096 }; // of the ids of one entry with a mask

/* Sets the owner of an id: the machine that has the device, or the host. Returns false if nobody drives the device. */
static bool set_id_owner(const struct planner *p, const struct dt_node *n, struct owned *o)
{
    const struct owner *who = p->host_owner[n->id];
    bool idle = who ? n != who->top && host_disabled(p->host, n) : host_node_is_idle(p, n);
    if (idle)
        return false;
    o->by = n;
    o->what = OWN_IS_NODE;
    o->machine = who ? who->machine : NULL;
    o->at = who ? &who->at : NULL;
    return true;
}

/*
 * Adds all ids that equal `id` in the bits outside of `mask`. The low bits of the mask give ranges, one for each
 * combination of its other bits.
 */
static void add_masked_ids(struct owner_table *t, struct owned *o, uint32_t id, uint32_t mask)
{
    uint32_t low = mask & ~(mask + 1), high = mask & ~low, base = id & ~mask, bits = 0;
    for (uint32_t b = high; b; b &= b - 1)
        bits++;
    if (1ull << bits > MAX_RANGES) { // no board has such a mask: all ids up to its highest bit
        low = mask;
        for (uint32_t shift = 1; shift < 32; shift *= 2)
            low |= low >> shift;
        high = 0;
        base = id & ~low;
    }
    uint32_t part = 0;
    do { // visits all subsets of `high` in ascending order
        o->first = base | part;
        o->last = o->first | low;
        add_owned(t, o);
        part = (part - high) & high;
    } while (part);
}

static void add_stream_list(struct owner_table *t, struct owned *o, const stream_list *list)
{
    for (uint32_t i = 0; i < list->n; i++) {
        const struct stream *s = &list->at[i];
        if ((o->space == OWN_DMA_ID) != (s->number != NULL))
            continue;
        o->in = s->number ? (const void *)s->number : s->iommu;
        if (s->number) {
            o->first = o->last = s->id;
            add_owned(t, o);
        } else {
            add_masked_ids(t, o, s->id, s->mask);
        }
    }
}

/* Adds a node's own ids. */
static void add_streams(struct planner *p, struct owner_table *t, const struct dt_node *n, uint8_t space)
{
    struct owned o = {.space = space};
    stream_list list = {0};
    streams_of_node(p, n, &list);
    if (list.n && set_id_owner(p, n, &o))
        add_stream_list(t, &o, &list);
}

static bool does_dma(const struct p_device *d)
{
    for (uint32_t i = 0; i < d->dmas.n; i++)
        if (d->dmas.at[i]->mode != DMA_NONE)
            return true;
    return false;
}

/* Adds the ids of the bus that a device without ids of its own masters through. */
static void add_inherited_streams(struct planner *p, struct owner_table *t, const struct p_device *d, uint8_t space)
{
    struct owned o = {.space = space};
    stream_list list = {0};
    if (!d->host || d->parent || !does_dma(d) || has_streams(p, d->host))
        return;
    const struct dt_node *above = stream_node(p, d->host);
    if (above)
        streams_of_node(p, above, &list);
    if (list.n && set_id_owner(p, d->host, &o))
        add_stream_list(t, &o, &list);
}

/*
 * Adds what the nodes of the tree do not tell: inherited ids, and PCI functions, each by its requester id. A PAMU's
 * functions share their controller's number: across/group_reach.c.
 */
static void add_devices(struct planner *p, struct owner_table *t)
{
    for (uint32_t i = 0; i < p->plan->machines.n; i++) {
        const struct p_machine *m = p->plan->machines.at[i];
        for (uint32_t k = 0; k < m->devices.n; k++) {
            const struct p_device *d = m->devices.at[k];
            struct owned o = {.space = OWN_STREAM, .by = d, .what = OWN_IS_DEVICE, .machine = m, .at = &d->at};
            stream_list list = {0};
            uint32_t requester;
            add_inherited_streams(p, t, d, OWN_STREAM);
            const struct dt_node *bridge =
                d->kind == DEV_PCI && !d->host ? bridge_of_function(p, d->sysfs_name, &requester) : NULL;
            if (bridge)
                streams_of_requester(p, bridge, requester, &list);
            add_stream_list(t, &o, &list);
        }
    }
}

/* Adds ids of whatever a bus has: of a host bridge, the requesters below it. */
static void add_ranges(struct planner *p, struct owner_table *t, const struct dt_node *n, uint8_t space)
{
    struct owned o = {.space = space};
    stream_ranges list = {0};
    streams_below_bridge(p, n, &list);
    if (!list.n || !set_id_owner(p, n, &o))
        return;
    for (uint32_t i = 0; i < list.n; i++) {
        o.in = list.at[i].iommu;
        o.first = list.at[i].first;
        o.last = list.at[i].last;
        add_owned(t, &o);
    }
}

static bool compares_streams(const struct planner *p)
{
    return p->host && p->has_iommus && p->model->iommu != IOMMU_NONE;
}

/*
 * A machine that has a bridge has all that may be below it. Of the host's bridges that does not follow: many a map
 * covers all ids that there are, also those of devices beside the bus (QEMU's virt).
 */
void collect_streams(struct planner *p, struct owner_table *t)
{
    const struct dt_node *root = compares_streams(p) ? p->host->tree->root : NULL;
    for (const struct dt_node *n = root; n; n = dt_next(n, root)) {
        add_streams(p, t, n, OWN_STREAM);
        if (p->host_owner[n->id])
            add_ranges(p, t, n, OWN_STREAM);
    }
    if (root)
        add_devices(p, t);
}

/* Ids of what buses may have are compared with each other: nobody can tell which of them are in use. */
void collect_stream_ranges(struct planner *p, struct owner_table *t)
{
    const struct dt_node *root = compares_streams(p) ? p->host->tree->root : NULL;
    for (const struct dt_node *n = root; n; n = dt_next(n, root))
        add_ranges(p, t, n, OWN_STREAM_RANGE);
}

void collect_dma_ids(struct planner *p, struct owner_table *t)
{
    const struct dt_node *root = compares_streams(p) ? p->host->tree->root : NULL;
    for (const struct dt_node *n = root; n; n = dt_next(n, root))
        add_streams(p, t, n, OWN_DMA_ID);
}

static const char *owner_path(struct planner *p, const struct owned *o)
{
    return o->what == OWN_IS_DEVICE ? ((const struct p_device *)o->by)->sysfs_name : dt_path(p->c->arena, o->by);
}

static void report_shared_id(struct planner *p, enum msg code, const struct owned *a, const struct owned *b,
                             const char *id)
{
    const char *mine = owner_path(p, a), *other = owner_path(p, b);
    const struct dt_node *y = b->what == OWN_IS_DEVICE ? NULL : b->by;
    struct diag *d = diag(p->c->diags, code, *a->at, "%s and %s have the same %s", mine, other, id);
    if (b->machine)
        diag_note(d, *b->at, "machine `%s` gets %s here", b->machine->name, other);
    else
        diag_fact(d, "%s: %s%s%s%s stays with the host", p->host->file, other, y->labels ? " (" : "",
                  y->labels ? y->labels->name : "", y->labels ? ")" : "");
    if (b->machine)
        diag_help(d, "pass both through to one machine: the IOMMU cannot tell them apart");
    else
        diag_help(
            d, "pass both through to one machine, or disable %s in the host's tree: the IOMMU cannot tell them apart",
            other);
}

/* Whether `a` is a function behind the host bridge `b`, which check_bridge() reports. */
static bool is_behind(struct planner *p, const struct owned *a, const struct owned *b)
{
    uint32_t requester;
    return a->what == OWN_IS_DEVICE && b->what == OWN_IS_NODE &&
           bridge_of_function(p, ((const struct p_device *)a->by)->sysfs_name, &requester) == b->by;
}

void report_streams(struct planner *p, const struct owned *a, const struct owned *b)
{
    if (is_behind(p, a, b) || is_behind(p, b, a))
        return;
    const struct dt_node *iommu = a->in;
    bool any = dt_u32(p->host->tree, iommu, intern(p->c->names, "#iommu-cells"), 1) > 0;
    uint64_t first = a->first > b->first ? a->first : b->first;
    const char *path = dt_path(p->c->arena, iommu);
    report_shared_id(p, E1001, a, b,
                     any ? arena_printf(p->c->arena, "stream id, 0x%" PRIx64 " of %s", first, path)
                         : arena_printf(p->c->arena, "IOMMU, %s", path));
}

void report_dma_ids(struct planner *p, const struct owned *a, const struct owned *b)
{
    const struct schema_dma_id *id = a->in;
    report_shared_id(p, E1002, a, b, arena_printf(p->c->arena, "%s, %" PRIu64, id->kind, a->first));
}
