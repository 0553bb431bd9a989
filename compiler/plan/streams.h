// SPDX-License-Identifier: MIT
/*
 * By what IOMMUs know devices: stream ids of an IOMMU, and numbers for the whole board (LIODNs). Planning and the table
 * of owners ask here, so that both have the same answer.
 */
#ifndef MACHC_PLAN_STREAMS_H
#define MACHC_PLAN_STREAMS_H

#include "base/vec.h"
#include "plan/planner.h"

/* The ids that agree with `id` in all bits that are not in `mask`. */
struct stream {
    const struct dt_node *iommu;        // whose ids they are, an enabled one; NULL: `number`
    const struct schema_dma_id *number; // the kind of number, of the whole board; NULL: `iommu`
    uint32_t id, mask;
};

typedef VEC(struct stream) stream_list;

/*
 * Adds the ids of a node's own: `iommus` with the masks of its entries and of the IOMMU (stream-match-mask), LIODNs.
 * `iommu-map` is for requesters below the node, and not among them. Memory from the draft.
 */
void streams_of_node(struct planner *p, const struct dt_node *n, stream_list *out);

/* The property of node `n` that schemas->iommus[i] names, if it has this layout and is a device's; or NULL. */
const struct dt_prop *iommu_property(const struct planner *p, const struct dt_node *n, uint32_t i,
                                     enum ref_layout layout);

/* Whether the node has ids of its own. */
bool has_streams(struct planner *p, const struct dt_node *n);

/*
 * The node whose ids the DMA of `n` carries: itself, or the nearest one above that has some, whose bus it masters
 * through. NULL: none.
 */
const struct dt_node *stream_node(struct planner *p, const struct dt_node *n);

/*
 * The host bridge of a PCI function, by the domain in its name, "0000:01:00.0". NULL: the tree does not tell.
 * *requester is its id on the bus: bus, device, function.
 */
const struct dt_node *bridge_of_function(struct planner *p, const char *name, uint32_t *requester);

/*
 * Reads the name of a PCI function, "0000:0a:00.1": its domain, and its id on the bus: bus, device, function. False: it
 * is no such name. What follows `end` characters is not read.
 */
bool parse_function_name(const char *name, size_t end, uint32_t *domain, uint32_t *requester);

/* The node of a requester below a host bridge, or of the port that its bus is behind; or the bridge: the tree has none.
 */
const struct dt_node *node_of_requester(struct planner *p, const struct dt_node *bridge, uint32_t requester);

/* The host's PCI host bridges, in document order; *n: how many. */
const struct dt_node *const *host_bridges(struct planner *p, uint32_t *n);

/* Ids of an IOMMU that requesters below a host bridge can have. */
struct stream_range {
    const struct dt_node *iommu; // an enabled one
    uint64_t first, last;
};

typedef VEC(struct stream_range) stream_ranges;

/*
 * Adds what the `iommu-map` of a host bridge gives requesters below it, if its `bus-range` and `iommu-map-mask` let any
 * have it. Memory from the draft.
 */
void streams_below_bridge(struct planner *p, const struct dt_node *bridge, stream_ranges *out);

/* Adds the ids of a requester below a host bridge: `iommu-map`, else the bridge's own. */
void streams_of_requester(struct planner *p, const struct dt_node *bridge, uint32_t requester, stream_list *out);

/*
 * Whether an IOMMU stands between a PCI function and memory. True also where the tree does not tell which bridge the
 * function is below, and one of the bridges has an IOMMU.
 */
bool function_has_iommu(struct planner *p, const char *name);

#endif
