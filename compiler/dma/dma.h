// SPDX-License-Identifier: MIT
/*
 * Turns `dma` statements into mappings. statements.c goes through the statements of each device. intent.c finds what a
 * statement maps. tables.c and windows.c run the solvers (solve.h) and report what they find. guest_iommu.c handles
 * IOMMUs that the guest drives, and stash.c stash targets. Checks across machines are in across/reach.c.
 *
 * Errors go to p->c->diags. Mappings are made in the draft arena and copied to p->c->arena when they are solved; texts
 * are allocated in p->c->arena. Addresses and sizes are in bytes.
 */
#ifndef MACHC_DMA_DMA_H
#define MACHC_DMA_DMA_H

#include "dma/iommu.h"
#include "machine/machine.h"

typedef VEC(struct p_dma_map) map_list;

/*
 * Endpoints of the guest's IOMMUs, in blocks of 0x10000: each PCI bus has one for the requester ids of its functions,
 * and the second block is for platform devices.
 */
struct guest_endpoints {
    struct map buses;  // host bridge of the guest's tree -> the first endpoint of its block
    uint32_t blocks;   // number of blocks given out after the first two
    uint32_t platform; // the next endpoint of a platform device; 0: the first one
    struct map taken;  // (the IOMMU's node, endpoint) -> struct p_dma
};

/* What planning DMA knows about the machine at hand. */
struct machine_dma {
    VEC(const struct iommu_reserved *) reserved; // reserved device addresses of the machine's architecture
    VEC(struct dma_span) spans;                  // the same as ranges
    struct p_dma *all;                           // the first `dma all`, whose solution the others share; or NULL
    struct guest_endpoints endpoints;
    struct dma_view guest; // coherence and reach of the guest's nodes
};

/* STEP_DMA: plans the `dma` statements of all devices, and the default of devices without one. */
void plan_dma(struct machine_planner *p);

/* ---- stash.c ---- */

/* Finds the stash target of a domain and sets dma->stash, even after an error. */
void plan_stash(struct machine_planner *p, struct p_dma *dma, const struct m_stash *s);

/* ---- intent.c ---- */

/*
 * Adds a mapping for each memory without `no-dma`, at the device address that the guest's driver uses for it
 * (device_address()); with `window`, only for memory that lies in the window of `dma`. False after a message.
 */
bool add_all_memory(struct machine_planner *p, const struct p_dma *dma, map_list *out, bool window);

/*
 * Adds the mappings that a statement lists, without those that are invalid, which it reports. An MSI bank without an
 * address has the iova UINT64_MAX.
 */
void add_written_maps(struct machine_planner *p, struct p_dma *dma, const struct m_dma *m, map_list *out);

/* Checks for `dma identity` that memory has the same address in the guest as on the host (E0631, E0632). */
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

/* Adds facts to a message: what the bus of the host reaches. */
void add_windows(struct machine_planner *p, struct diag *d, const struct dma_reach *reach);

/* Messages for memory that the host's buses do not let the device reach, or at another address than the guest's. */
void check_inherited_reach(struct machine_planner *p, const struct p_device *d);

/* Makes the guest's driver believe what the host's tree says of caches: `dma-coherent` or `dma-noncoherent`. */
void write_coherence(struct machine_planner *p, const struct p_device *d);

/* ---- bus.c: `dma bus`, `dma pool` ---- */

/* Reports a device that is behind an IOMMU (E0677). */
void check_bus_statement(struct machine_planner *p, const struct p_dma *dma);

/* Writes the `dma-ranges` of the guest's buses, and finds where the host may have memory that their devices reach. */
void write_dma_buses(struct machine_planner *p);

/* ---- kernels.c ---- */

/* Warns of what no kernel is known to do for the machine, whose devices and domains are complete (W0306). */
void check_known_kernels(struct machine_planner *p);

/* ---- maps.c ---- */

/* Returns a mapping in the form that the solvers take. */
struct dma_want want_of(const struct planner *p, const struct p_dma_map *m);

/* Names what is mapped: "memory `ram`", "region 0 of `i2c0`", "MSI bank 1". */
const char *mapped_text(struct planner *p, const struct p_dma_map *m);

/*
 * Adds a message about a mapping, at its own statement if the text lists it, otherwise at that of the domain. A note
 * shows the memory that is mapped.
 */
struct diag *diag_map(struct planner *p, const struct p_dma *dma, const struct p_dma_map *m, enum msg code,
                      const char *text);

/* Returns the statement that moves a mapping to `iova`: "map ram at 0x1000;" or "memory ram at 0x1000 ...;". */
const char *move_map_text(struct planner *p, const struct p_dma *dma, const struct p_dma_map *m, uint64_t iova);

/* Sorts maps by device address. */
void sort_maps(map_list *maps);

/* Sorts maps, joins those that can be one mapping (pagetable_joins()) and sets `granted` to their size. */
void join_maps(struct planner *p, map_list *maps);

/* ---- tables.c, windows.c ---- */

/*
 * Solve a domain whose maps join_maps() has sorted and joined, for page tables, TCE windows and PAMU windows. The
 * latter two set the window of `dma`; solve_windows() also sets the addresses of banks and `granted`. `how` has the
 * clauses for the window, to which fix-its apply, or is NULL. They return false after messages.
 */
bool solve_tables(struct machine_planner *p, struct p_dma *dma, map_list *maps);
bool solve_tces(struct machine_planner *p, struct p_dma *dma, map_list *maps);
bool solve_windows(struct machine_planner *p, struct p_dma *dma, const struct m_channel *how, map_list *maps);

/* Checks that the domains of a device, which share one page table, map the same at each device address (E0660). */
void check_streams_share(struct machine_planner *p, const struct p_device *d);

/* Checks that the PAMU's table has the LIODNs of a domain (E0654), and its index (E0655). `how` may be NULL. */
void check_liodns(struct machine_planner *p, const struct p_dma *dma, const struct m_channel *how);

/* ---- guest_iommu.c ---- */

/*
 * Puts the device of `dma` behind the emulated device `name` (or NULL: none): writes `iommus` or `iommu-map` in the
 * guest's tree and sets dma->endpoint, or takes it from what an edit has written there. A device that is not an IOMMU
 * is an error (E0635, E0663), and so are a PAMU as the host's IOMMU (E0667) and an endpoint of two devices (E0662).
 */
void use_guest_iommu(struct machine_planner *p, struct p_dma *dma, const char *name, struct src where);

#endif
