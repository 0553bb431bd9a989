// SPDX-License-Identifier: MIT
// What a device inherits for its DMA from the buses above it: coherence, translation, reach.
#ifndef MACHC_HOST_DMA_H
#define MACHC_HOST_DMA_H

#include "host/host.h"

/* [bus, bus + size) of a device's addresses is [cpu, cpu + size) of the cpus'; both ends are in 64 bits. */
struct dma_window {
    uint64_t bus, cpu, size; // bytes; size is at least 1
};

/* The reach of a device. */
struct host_reach {
    const struct dma_window *windows; // by bus address; none: the device reaches nothing
    uint32_t n;
    const struct dt_node *bus; // whose `dma-ranges` says so; NULL: none does, every address is the cpus'
};

/*
 * The node that a node's DMA goes through: the interconnect of its entry "dma-mem", else its parent (Linux
 * drivers/of/address.c, __of_get_dma_parent()). NULL at the root.
 */
const struct dt_node *host_dma_parent(const struct host *h, const struct dt_node *n);

/*
 * Whether the cpus' caches see a node's DMA (of_dma_is_coherent()); *by is the node whose property says so, NULL where
 * it is the architecture's default, `fallback`.
 */
bool host_is_coherent(const struct host *h, const struct dt_node *n, bool fallback, const struct dt_node **by);

/*
 * What a node's DMA reaches: the `dma-ranges` of the first of its DMA parents that has one, seen through those above
 * (of_dma_get_range(), of_translate_dma_address()). Of a PCI bus it is the reach of the functions on it, so its own
 * `dma-ranges` counts. Windows that meet on both sides are one. In the arena; made once for a bus.
 */
struct host_reach host_reach_of(struct machc *c, struct host *h, const struct dt_node *n);

#endif
