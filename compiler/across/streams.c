// SPDX-License-Identifier: MIT
/*
 * Collects the ids by which IOMMUs identify devices: stream ids at one IOMMU, and LIODNs of the whole board. An IOMMU
 * cannot tell devices with the same id apart: what is mapped for one is mapped for all, so they must have one owner.
 */
#include "across/owners.h"

#include <inttypes.h>

enum {
    MAX_IDS = 256,  // limit of ranges for one entry with a mask
    SMMU_CELLS = 2, // Documentation/devicetree/bindings/iommu/arm,smmu.yaml: a stream id and a mask
    MAP_BASE = 2,
    MAP_LEN = 3 // Linux drivers/of/base.c, of_map_id(): cells of an entry of iommu-map
};

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
    if (1ull << bits > MAX_IDS) { // no known board has such a mask; compare only its low bits
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

static void add_streams(struct planner *p, struct owner_table *t, const struct dt_node *n, const struct dt_prop *prop,
                        const struct ref_rule *rule)
{
    struct owned o = {.space = OWN_STREAM};
    uint32_t cells = prop->len / 4, step;
    if (!set_id_owner(p, n, &o))
        return;
    if (rule->layout == REF_STRIDE) {
        for (uint32_t c = 0; rule->fixed > MAP_LEN && c + rule->fixed <= cells; c += rule->fixed) {
            const struct dt_node *to = host_phandle(p->host, dt_cell(prop, c + rule->at));
            uint32_t base = dt_cell(prop, c + MAP_BASE), len = dt_cell(prop, c + MAP_LEN);
            // The range is for devices that the bus may have. Whether one of them uses an id in `iommus` of another
            // node cannot be known, so ranges are compared only with each other.
            o.space = OWN_STREAM_RANGE;
            o.in = to;
            o.first = base;
            o.last = (uint64_t)base + (len ? len - 1 : 0);
            if (to && len && !host_disabled(p->host, to))
                add_owned(t, &o);
        }
        return;
    }
    for (uint32_t c = 0; rule->layout == REF_CELLS && c < cells; c += step) {
        const struct dt_node *to = host_phandle(p->host, dt_cell(prop, c));
        uint32_t args = to ? dt_u32(p->host->tree, to, rule->cells, 0) : 0;
        if (args > HOST_MAX_CELLS || args >= cells - c)
            return;
        step = 1 + args;
        if (!to || host_disabled(p->host, to))
            continue;
        o.in = to;
        if (args == SMMU_CELLS) {
            add_masked_ids(t, &o, dt_cell(prop, c + 1), dt_cell(prop, c + 2));
        } else if (args < SMMU_CELLS) { // without cells, the IOMMU does not distinguish devices
            o.first = o.last = args ? dt_cell(prop, c + 1) : 0;
            add_owned(t, &o);
        }
    }
}

static void add_all_streams(struct planner *p, struct owner_table *t, enum ref_layout layout)
{
    const struct dt_node *root = p->host && p->has_iommus && p->model->iommu != IOMMU_NONE ? p->host->tree->root : NULL;
    for (const struct dt_node *n = root; n; n = dt_next(n, root))
        for (uint32_t i = 0; i < p->schemas->niommus; i++) {
            const struct ref_rule *rule = p->schemas->iommus[i].rule;
            const struct dt_prop *prop = rule->iommu == REF_IOMMU_DEVICE && rule->layout == layout
                                             ? dt_prop(p->host->tree, n, p->schemas->iommus[i].property)
                                             : NULL;
            if (prop)
                add_streams(p, t, n, prop, rule);
        }
}

void collect_streams(struct planner *p, struct owner_table *t)
{
    add_all_streams(p, t, REF_CELLS);
}

void collect_stream_ranges(struct planner *p, struct owner_table *t)
{
    add_all_streams(p, t, REF_STRIDE);
}

void collect_dma_ids(struct planner *p, struct owner_table *t)
{
    const struct dt_node *root = p->host && p->has_iommus && p->model->iommu != IOMMU_NONE ? p->host->tree->root : NULL;
    for (const struct dt_node *n = root; n; n = dt_next(n, root))
        for (uint32_t i = 0; i < p->schemas->ndma_ids; i++) {
            const struct dt_prop *prop = dt_prop(p->host->tree, n, p->schemas->dma_ids[i].property);
            struct owned o = {.space = OWN_DMA_ID, .in = &p->schemas->dma_ids[i]};
            if (!prop || !set_id_owner(p, n, &o))
                continue;
            for (uint32_t c = 0; c < prop->len / 4; c++) {
                o.first = o.last = dt_cell(prop, c);
                add_owned(t, &o);
            }
        }
}

static void report_shared_id(struct planner *p, enum msg code, const struct owned *a, const struct owned *b,
                             const char *id)
{
    const struct dt_node *x = a->by, *y = b->by;
    struct diag *d = diag(p->c->diags, code, *a->at, "%s and %s have the same %s", dt_path(p->c->arena, x),
                          dt_path(p->c->arena, y), id);
    if (b->machine)
        diag_note(d, *b->at, "machine `%s` gets %s here", b->machine->name, dt_path(p->c->arena, y));
    else
        diag_fact(d, "%s: %s%s%s%s stays with the host", p->host->file, dt_path(p->c->arena, y), y->labels ? " (" : "",
                  y->labels ? y->labels->name : "", y->labels ? ")" : "");
    if (b->machine)
        diag_help(d, "pass both through to one machine: the IOMMU cannot tell them apart");
    else
        diag_help(
            d, "pass both through to one machine, or disable %s in the host's tree: the IOMMU cannot tell them apart",
            dt_path(p->c->arena, y));
}

void report_streams(struct planner *p, const struct owned *a, const struct owned *b)
{
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
