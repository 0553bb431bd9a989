// SPDX-License-Identifier: MIT
// What a device inherits for its DMA from the buses above it, as Linux reads a tree: coherence, translation, reach.
#ifndef MACHC_TREE_DMA_H
#define MACHC_TREE_DMA_H

#include "base/map.h"
#include "tree/tree.h"

/* [bus, bus + size) of a device's addresses is [cpu, cpu + size) of the cpus'; neither end passes 64 bits. */
struct dma_window {
    uint64_t bus, cpu, size; // bytes; at least 1
};

/* The reach of a device. */
struct dma_reach {
    const struct dma_window *windows; // by bus address; none: the device reaches nothing
    uint32_t n;
    const struct dt_node *bus; // whose `dma-ranges` says so; NULL: none does, and every address is the cpus'
};

/* The node that a cell of a property refers to; NULL: none. */
typedef const struct dt_node *dma_target_fn(const void *opaque, const struct dt_prop *prop, uint32_t cell);

/* A tree, a host's or a guest's, with what has been read of it. */
struct dma_view {
    struct arena *arena;
    const struct dt_tree *tree;
    dma_target_fn *target;
    const void *opaque;
    struct map reach; // bus with dma-ranges -> struct dma_reach
    const char *address_cells, *size_cells, *dma_ranges, *coherent, *noncoherent, *interconnects, *interconnect_names,
        *interconnect_cells, *device_type;
};

/* Begins a view of a tree that no longer changes. `target` is called with `opaque`. What is made is in the arena. */
void dma_view_begin(struct dma_view *v, struct arena *arena, const struct dt_tree *tree, dma_target_fn *target,
                    const void *opaque);

/*
 * The node that a node's DMA goes through: the interconnect of its entry "dma-mem", else its parent (Linux
 * drivers/of/address.c, __of_get_dma_parent()). NULL at the root.
 */
const struct dt_node *dma_parent(const struct dma_view *v, const struct dt_node *n);

/*
 * Whether the cpus' caches see a node's DMA (of_dma_is_coherent()). *by is the node whose property says so; NULL where
 * it is the architecture's default, `fallback`.
 */
bool dma_is_coherent(const struct dma_view *v, const struct dt_node *n, bool fallback, const struct dt_node **by);

/*
 * What a node's DMA reaches: the `dma-ranges` of the first of its DMA parents that has one, seen through those above
 * (of_dma_get_range(), of_translate_dma_address()). Of a PCI bus it is the reach of the functions on it, so its own
 * `dma-ranges` counts. Windows that meet on both sides are one.
 */
struct dma_reach dma_reach_of(struct dma_view *v, const struct dt_node *n);

/*
 * The bus address of [cpu, cpu + size), when one window holds all of it: true, and *bus. With no bus in between it is
 * `cpu` itself. False: *beyond is the first address that no window holds next to those before it.
 */
bool dma_to_bus(const struct dma_reach *r, uint64_t cpu, uint64_t size, uint64_t *bus, uint64_t *beyond);

/* Whether the windows hold all of the bus addresses [bus, bus + size); else *beyond is the first that none holds. */
bool dma_reaches_bus(const struct dma_reach *r, uint64_t bus, uint64_t size, uint64_t *beyond);

#endif
