// SPDX-License-Identifier: MIT
#include "plan/streams.h"

#include <ctype.h>

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

bool parse_function_name(const char *name, size_t end, uint32_t *domain, uint32_t *requester)
{
    static const uint32_t most[] = {UINT32_MAX, 0xff, 0x1f, 7};
    static const char separators[] = "::.";
    uint32_t part[4] = {0};
    size_t at = 0;
    for (uint32_t i = 0; i < 4; i++) {
        size_t digits = at;
        for (; at < end && isxdigit((unsigned char)name[at]); at++) {
            uint32_t digit = (uint32_t)(name[at] <= '9' ? name[at] - '0' : (name[at] | 0x20) - 'a' + 10);
            if (part[i] > most[i] >> 4)
                return false;
            part[i] = part[i] << 4 | digit;
        }
        if (at == digits || part[i] > most[i] || (i < 3 && (at == end || name[at++] != separators[i])))
            return false;
    }
    *domain = part[0];
    *requester = part[1] << 8 | part[2] << 3 | part[3];
    return at == end;
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
    if (!p->host || !name || !parse_function_name(name, strlen(name), &domain, requester))
        return NULL;
    // drivers/pci/pci.c, of_pci_bus_find_domain_nr(): numbers are stated, or given out in the order of probing.
    const struct host_bridges *all = bridges_of_file(p);
    uint64_t stated;
    if (map_get(&all->by_domain, (uint64_t)domain + 1, 0, &stated))
        return (const struct dt_node *)(uintptr_t)stated;
    return domain ? NULL : all->only;
}

/* The first and the last bus number of a bridge's `bus-range`; false: it has none. */
static bool read_bus_range(struct planner *p, const struct dt_node *n, uint32_t *first, uint32_t *last)
{
    const struct dt_prop *buses = dt_prop(p->host->tree, n, intern(p->c->names, "bus-range"));
    if (!buses || buses->len != 8 || dt_cell(buses, 0) > dt_cell(buses, 1) || dt_cell(buses, 1) > 0xff)
        return false;
    *first = dt_cell(buses, 0);
    *last = dt_cell(buses, 1);
    return true;
}

const struct dt_node *node_of_requester(struct planner *p, const struct dt_node *bridge, uint32_t requester)
{
    enum { DEVFN_SHIFT = 8, DEVFN = 0xff }; // PCI Bus Binding to Open Firmware, 2.2.1.1: in phys.hi
    const struct dt_node *n = bridge, *next = bridge;
    uint32_t bus = requester >> 8, first, last;
    while (next) {
        bool here = read_bus_range(p, next, &first, &last) ? first == bus : next == bridge && !bus;
        const struct dt_node *c = next->child;
        n = next;
        for (next = NULL; c && !next; c = c->next) {
            const struct dt_prop *reg = dt_prop(p->host->tree, c, p->n->reg);
            if (here && reg && reg->len >= 4 && (dt_cell(reg, 0) >> DEVFN_SHIFT & DEVFN) == (requester & 0xff))
                return c;
            if (!here && read_bus_range(p, c, &first, &last) && first <= bus && bus <= last)
                next = c;
        }
    }
    return n;
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

/* ---- what a host bridge's functions may have ---- */

/* Of a map, with the parts that its mask leaves of each entry. Of more, all requesters are taken; no board has so many.
 */
enum { MAX_PIECES = 4096 };

/* Adds the ids of the requesters in [first, last] that an entry of a map takes. */
static void add_entry(struct planner *p, const struct dt_prop *map, uint32_t at, uint64_t first, uint64_t last,
                      stream_ranges *out)
{
    const struct dt_node *to = host_phandle(p->host, dt_cell(map, at + MAP_IOMMU));
    uint64_t from = dt_cell(map, at), length = dt_cell(map, at + MAP_LENGTH), base = dt_cell(map, at + MAP_BASE);
    first = first > from ? first : from;
    last = last < from + length - 1 ? last : from + length - 1;
    if (to && length && first <= last && !host_disabled(p->host, to))
        vec_push(draft_arena(p->c), out, ((struct stream_range){to, base + (first - from), base + (last - from)}));
}

/*
 * The map sees the requesters on the bridge's buses, without the bits that its mask takes away. The low
 * bits of the mask give ranges of them, one for each combination of its other bits.
 */
static void read_ranges_of_map(struct planner *p, const struct dt_node *bridge, const struct dt_prop *map,
                               stream_ranges *out)
{
    uint32_t mask = dt_u32(p->host->tree, bridge, intern(p->c->names, "iommu-map-mask"), UINT32_MAX) & 0xffff;
    uint32_t first = 0, last = 0xffff, low = mask & ~(mask + 1), high = mask & ~low, part = 0;
    uint64_t pieces = map->len / 4 / MAP_CELLS;
    if (read_bus_range(p, bridge, &first, &last)) {
        first <<= 8;
        last = last << 8 | 0xff;
    }
    for (uint32_t b = high; b; b &= b - 1)
        pieces *= 2;
    if (pieces > MAX_PIECES) {
        low = 0xffff;
        high = 0;
    }
    if (mask >> 8 != 0xff) { // any bus may give what is left
        first = 0;
        last = 0xffff;
    }
    do { // visits all subsets of `high` in ascending order
        uint64_t from = part > first ? part : first, to = (part | low) < last ? (part | low) : last;
        for (uint32_t c = 0; from <= to && c + MAP_CELLS <= map->len / 4; c += MAP_CELLS)
            add_entry(p, map, c, from, to, out);
        part = (part - high) & high;
    } while (part);
}

void streams_below_bridge(struct planner *p, const struct dt_node *bridge, stream_ranges *out)
{
    for (uint32_t i = 0; p->model->iommu != IOMMU_NONE && i < p->schemas->niommus; i++) {
        const struct dt_prop *map = iommu_property(p, bridge, i, REF_STRIDE);
        if (map)
            read_ranges_of_map(p, bridge, map, out);
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
    if (!p->host || !parse_function_name(name, strlen(name), &domain, &requester))
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
