// SPDX-License-Identifier: MIT
#include "plan/streams.h"

#include <stdlib.h>

enum {
    SMMU_CELLS = 2, // Documentation/devicetree/bindings/iommu/arm,smmu.yaml: a stream id and a mask
    MAP_IOMMU = 1,
    MAP_BASE = 2,
    MAP_LENGTH = 3,
    MAP_CELLS = 4 // Linux drivers/of/base.c, of_map_id(): requester, IOMMU, id, length
};

/* ---- a node's own ---- */

static void add_stream(struct planner *p, const struct dt_node *iommu, uint32_t id, uint32_t mask, stream_list *out)
{
    vec_push(draft_arena(p->c), out, ((struct stream){.iommu = iommu, .id = id & ~mask, .mask = mask}));
}

/* A mask that the SMMU applies to all ids of one cell (arm,smmu.yaml, stream-match-mask). */
static uint32_t mask_of_iommu(struct planner *p, const struct dt_node *iommu)
{
    return dt_u32(p->host->tree, iommu, intern(p->c->names, "stream-match-mask"), 0);
}

static void read_iommus(struct planner *p, const struct dt_prop *prop, const struct ref_rule *rule, stream_list *out)
{
    for (uint32_t c = 0, cells = prop->len / 4, step; c < cells; c += step) {
        const struct dt_node *to = host_phandle(p->host, dt_cell(prop, c));
        uint32_t args = to ? dt_u32(p->host->tree, to, rule->cells, 0) : 0;
        if (args > HOST_MAX_CELLS || args >= cells - c)
            return;
        step = 1 + args;
        if (!to || host_disabled(p->host, to) || args > SMMU_CELLS)
            continue;
        uint32_t id = args ? dt_cell(prop, c + 1) : 0;
        if (!args) // the IOMMU tells nobody apart
            add_stream(p, to, 0, UINT32_MAX, out);
        else
            add_stream(p, to, id, args == SMMU_CELLS ? dt_cell(prop, c + 2) : mask_of_iommu(p, to), out);
    }
}

const struct dt_prop *iommu_property(const struct planner *p, const struct dt_node *n, uint32_t i,
                                     enum ref_layout layout)
{
    const struct ref_rule *rule = p->schemas->iommus[i].rule;
    return rule->iommu == REF_IOMMU_DEVICE && rule->layout == layout
               ? dt_prop(p->host->tree, n, p->schemas->iommus[i].property)
               : NULL;
}

void streams_of_node(struct planner *p, const struct dt_node *n, stream_list *out)
{
    if (!p->host || !p->has_iommus || p->model->iommu == IOMMU_NONE)
        return;
    for (uint32_t i = 0; i < p->schemas->niommus; i++) {
        const struct ref_rule *rule = p->schemas->iommus[i].rule;
        const struct dt_prop *prop = iommu_property(p, n, i, REF_CELLS);
        if (prop)
            read_iommus(p, prop, rule, out);
    }
    for (uint32_t i = 0; i < p->schemas->ndma_ids; i++) {
        const struct dt_prop *prop = dt_prop(p->host->tree, n, p->schemas->dma_ids[i].property);
        for (uint32_t c = 0; prop && c < prop->len / 4; c++)
            vec_push(draft_arena(p->c), out,
                     ((struct stream){.number = &p->schemas->dma_ids[i], .id = dt_cell(prop, c)}));
    }
}

bool has_streams(struct planner *p, const struct dt_node *n)
{
    stream_list list = {0};
    streams_of_node(p, n, &list);
    return list.n > 0;
}

const struct dt_node *stream_node(struct planner *p, const struct dt_node *n)
{
    while (n && !has_streams(p, n))
        n = n->parent;
    return n;
}

/* ---- PCI functions ---- */

static bool is_host_bridge(struct planner *p, const struct dt_node *n)
{
    const struct dt_prop *type = dt_prop(p->host->tree, n, p->n->device_type);
    const char *word = type ? dt_string(type, 0) : NULL;
    if (!word || strcmp(word, "pci") != 0 || host_disabled(p->host, n))
        return false;
    const struct dt_prop *above = n->parent ? dt_prop(p->host->tree, n->parent, p->n->device_type) : NULL;
    const char *outer = above ? dt_string(above, 0) : NULL;
    return !outer || strcmp(outer, "pci") != 0; // else it is a bridge on a bus
}

/* "0000:0a:00.1": domain, bus, device, function. */
static bool parse_function(const char *name, uint32_t *domain, uint32_t *requester)
{
    uint32_t parts[4];
    static const char ends[] = {':', ':', '.', 0};
    for (int i = 0; i < 4; i++) {
        char *end;
        unsigned long value = strtoul(name, &end, 16);
        if (end == name || *end != ends[i] || value > 0xffffffff)
            return false;
        parts[i] = (uint32_t)value;
        name = end + 1;
    }
    *domain = parts[0];
    *requester = (parts[1] & 0xff) << 8 | (parts[2] & 0x1f) << 3 | (parts[3] & 7);
    return true;
}

/* The host's PCI host bridges. */
struct host_bridges {
    struct map by_domain;       // domain that the tree states, + 1 -> the first bridge with it
    const struct dt_node *only; // the one bridge of the tree, if it states no domain; or NULL
    VEC(const struct dt_node *) all;
};

static const struct host_bridges *bridges_of_file(struct planner *p)
{
    if (p->bridges)
        return p->bridges;
    struct host_bridges *all = NEW(draft_arena(p->c), struct host_bridges);
    const char *property = intern(p->c->names, "linux,pci-domain");
    for (const struct dt_node *at = p->host->tree->root; at; at = dt_next(at, p->host->tree->root)) {
        if (!is_host_bridge(p, at))
            continue;
        bool stated = dt_prop(p->host->tree, at, property) != NULL;
        uint64_t key = (uint64_t)dt_u32(p->host->tree, at, property, UINT32_MAX) + 1, known;
        if (stated && !map_get(&all->by_domain, key, 0, &known))
            map_put(draft_arena(p->c), &all->by_domain, key, 0, (uintptr_t)at);
        all->only = all->all.n || stated ? NULL : at;
        vec_push(draft_arena(p->c), &all->all, at);
    }
    return p->bridges = all;
}

const struct dt_node *bridge_of_function(struct planner *p, const char *name, uint32_t *requester)
{
    uint32_t domain;
    if (!p->host || !name || !parse_function(name, &domain, requester))
        return NULL;
    // drivers/pci/pci.c, of_pci_bus_find_domain_nr(): numbers are stated, or given out in the order of probing.
    const struct host_bridges *all = bridges_of_file(p);
    uint64_t stated;
    if (map_get(&all->by_domain, (uint64_t)domain + 1, 0, &stated))
        return (const struct dt_node *)(uintptr_t)stated;
    return domain ? NULL : all->only;
}

const struct dt_node *const *host_bridges(struct planner *p, uint32_t *n)
{
    const struct host_bridges *all = bridges_of_file(p);
    *n = all->all.n;
    return all->all.at;
}

/* of_map_id(): the first entry whose range has the masked requester. */
static void read_map(struct planner *p, const struct dt_node *bridge, const struct dt_prop *map, uint32_t requester,
                     stream_list *out)
{
    uint32_t mask = dt_u32(p->host->tree, bridge, intern(p->c->names, "iommu-map-mask"), UINT32_MAX);
    uint32_t id = requester & mask;
    for (uint32_t c = 0; c + MAP_CELLS <= map->len / 4; c += MAP_CELLS) {
        uint32_t first = dt_cell(map, c), length = dt_cell(map, c + MAP_LENGTH);
        const struct dt_node *to = host_phandle(p->host, dt_cell(map, c + MAP_IOMMU));
        if (id < first || id - first >= length)
            continue;
        if (to && !host_disabled(p->host, to))
            add_stream(p, to, dt_cell(map, c + MAP_BASE) + (id - first), mask_of_iommu(p, to), out);
        return;
    }
}

void streams_of_requester(struct planner *p, const struct dt_node *bridge, uint32_t requester, stream_list *out)
{
    bool mapped = false;
    for (uint32_t i = 0; p->model->iommu != IOMMU_NONE && i < p->schemas->niommus; i++) {
        const struct dt_prop *map = iommu_property(p, bridge, i, REF_STRIDE);
        if (map)
            read_map(p, bridge, map, requester, out);
        mapped = mapped || map;
    }
    if (!mapped) // as a PAMU knows functions: by the controller's LIODN
        streams_of_node(p, bridge, out);
}

bool function_has_iommu(struct planner *p, const char *name)
{
    uint32_t requester, domain;
    if (!p->host || !parse_function(name, &domain, &requester))
        return true; // VFIO gives none away without one, and no tree says more
    const struct dt_node *bridge = bridge_of_function(p, name, &requester);
    const struct host_bridges *all = bridges_of_file(p);
    stream_list list = {0};
    if (bridge)
        streams_of_requester(p, bridge, requester, &list);
    // Of several, each may be the one.
    for (uint32_t i = 0; !bridge && i < all->all.n && !list.n; i++)
        streams_of_requester(p, all->all.at[i], requester, &list);
    return list.n || (!bridge && !all->all.n);
}
