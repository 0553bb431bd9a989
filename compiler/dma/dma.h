// SPDX-License-Identifier: MIT
/*
 * From `dma` statements to mappings. statements.c: each device. intent.c: what is meant, by names and addresses.
 * tables.c, windows.c: what the solvers (solve.h) make of it, in words. guest_iommu.c: an IOMMU that the guest drives.
 * stash.c: stash targets. What all machines reach together is in across/reach.c.
 */
#ifndef MACHC_DMA_DMA_H
#define MACHC_DMA_DMA_H

#include "dma/iommu.h"
#include "machine/machine.h"

typedef VEC(struct p_dma_map) map_list;

/* Of the machine at hand. */
struct machine_dma {
    VEC(const struct iommu_reserved *) reserved; // of the machine's architecture
    VEC(struct dma_span) spans;                  // the same as ranges
    struct p_dma *all;                           // what `dma all` gives, solved when the first device has it; or NULL
    uint32_t endpoints;    // given to platform devices behind an IOMMU of the guest
    struct dma_view guest; // coherence and reach of its nodes
};

/* STEP_DMA: the dma statements of all devices. */
void plan_dma(struct machine_planner *p);

/* ---- stash.c ---- */

void plan_stash(struct machine_planner *p, struct p_dma *dma, const struct m_stash *s);

/* ---- intent.c ---- */

/*
 * Every memory region without no-dma, at the device address that the guest's driver uses for it; of a window, those
 * that lie in it. False after a message.
 */
bool intend_all(struct machine_planner *p, const struct p_dma *dma, map_list *out, bool window);
/* What is written; messages for what cannot be. Banks without an address have UINT64_MAX. */
void intend_written(struct machine_planner *p, struct p_dma *dma, const struct m_dma *m, map_list *out);
/* `dma identity`: memory has to lie where the host has it. */
void check_identity(struct machine_planner *p, const struct m_dma *m);

/* ---- inherit.c: what DMA inherits from buses ---- */

/* Begins p->dma->guest: when the guest's nodes are there. */
void begin_guest_dma_view(struct machine_planner *p);

/* What the guest's driver of a device believes that it reaches; everything, where the device has no node. */
struct dma_reach guest_reach(struct machine_planner *p, const struct p_device *d);

/*
 * The device address that the guest's driver programs for [offset, offset + size) of guest memory: by the `dma-ranges`
 * above its node, the guest address where there are none. False after a message.
 */
bool device_address(struct machine_planner *p, const struct p_dma *dma, const struct p_memory *m, uint64_t offset,
                    uint64_t size, uint64_t *bus);

/* Messages for memory that the host's buses do not let the device reach, or at another address than the guest's. */
void check_inherited_reach(struct machine_planner *p, const struct p_device *d);

/* Makes the guest's driver believe what the host's tree says of caches: `dma-coherent` or `dma-noncoherent`. */
void write_coherence(struct machine_planner *p, const struct p_device *d);

/* ---- maps.c ---- */

/* What is mapped, as the solvers see it. */
struct dma_want want_of(const struct planner *p, const struct p_dma_map *m);
/* "memory `ram`", "region 0 of `i2c0`", "MSI bank 1". */
const char *mapped_text(struct planner *p, const struct p_dma_map *m);
/* A message about a mapping: at its statement, or at the one of the dma with a note that shows the memory. */
struct diag *diag_map(struct planner *p, const struct p_dma *dma, const struct p_dma_map *m, enum msg code,
                      const char *text);
/* The statement that puts it at a device address: "map ram at 0x1000" or "memory ram at 0x1000 ...". */
const char *map_at(struct planner *p, const struct p_dma *dma, const struct p_dma_map *m, uint64_t iova);
/* Sorts maps by device address, and joins pieces of one memory that lie side by side on both sides. */
void sort_maps(map_list *maps);
void join_maps(struct planner *p, map_list *maps);

/* ---- tables.c, windows.c: the maps, sorted by device address and joined; false after messages ---- */

bool solve_tables(struct machine_planner *p, struct p_dma *dma, map_list *maps);
bool solve_tces(struct machine_planner *p, struct p_dma *dma, map_list *maps);
/* The streams of a device have one page table. */
void check_streams_share(struct machine_planner *p, const struct p_device *d);
/* `how`: the clauses that say the window and its parts; or NULL. */
bool solve_windows(struct machine_planner *p, struct p_dma *dma, const struct m_channel *how, map_list *maps);
/* The LIODNs of a dma, from the host's tree. */
void check_ids(struct machine_planner *p, const struct p_dma *dma, const struct m_channel *how);

/* ---- guest_iommu.c ---- */

/* Puts the device behind an emulated IOMMU of the guest: `iommus` or `iommu-map` in its tree. */
void use_guest_iommu(struct machine_planner *p, struct p_dma *dma, const char *name, struct src where);

#endif
