// SPDX-License-Identifier: MIT
/*
 * From `dma` statements to mappings. intent.c: what is meant, by names and addresses. front.c: each device. tables.c,
 * windows.c, guest.c: what the solvers (solve.h) say of it, in words. across.c: all machines together.
 */
#ifndef MACHC_DMA_DMA_H
#define MACHC_DMA_DMA_H

#include "dma/solve.h"
#include "machine/machine.h"

typedef VEC(struct p_dma_map) map_list;

/* A device that reaches more than it should, to be looked at when all owners are known. */
struct over_grant {
    const struct p_machine *machine;
    const struct p_dma *dma;
    const struct p_dma_map *map;
    uint64_t even; // a size that is a multiple of it would be mapped as it is
};

struct dma_work {
    uint8_t way; // enum iommu_way, once it is known
    bool known;
    const char *board;                           // as a schema calls it, whose PAMU has fewer sub-windows than others
    struct pamu_limits limits;                   // of this board's PAMU
    bool all;                                    // every device of the host is behind an IOMMU
    const struct dt_node *seen_at;               // whose property says so
    VEC(const struct iommu_reserved *) reserved; // of the machine's architecture
    VEC(struct dma_span) spans;                  // the same as ranges
    VEC(struct over_grant) over_grants;
    /* of the machine at hand: what `dma all` gives, solved when the first device has it */
    struct p_dma *shared;
    uint32_t endpoints; // given to platform devices behind an IOMMU of the guest
};

/* ---- iommu.c: which IOMMU is there ---- */

/* How the host's IOMMU translates. */
uint8_t iommu_way(struct planner *p);
/* What this board's PAMU can do: the hardware in general, or less where a schema says so. */
const struct pamu_limits *pamu_limits(struct planner *p);
/* Adds to a message that a schema says so, where it does. */
void say_limits(struct planner *p, struct diag *d);
/* Neither a tree nor the text tells which it is. */
bool iommu_unknown(const struct planner *p);
/* The ids that a PAMU knows a node by (schemas: "dma-ids"), a cell each; or NULL. */
const struct dt_prop *ids_of(struct planner *p, const struct dt_node *n);
/* Has the node a stream or LIODN of its own? */
bool own_stream(struct planner *p, const struct dt_node *n);
/* Is there an IOMMU between this device and memory? */
bool behind_iommu(struct planner *p, const struct p_device *d);
/* Adds to a message that the tree leads to an IOMMU that the host does not use, where it does. */
void say_disabled(struct planner *p, const struct p_device *d, struct diag *g);

/* ---- intent.c ---- */

/* Every memory region without no-dma, at its guest address; of a window, those that lie in it. */
void intend_all(struct planner *p, struct p_dma *dma, map_list *out, bool window);
/* What is written; messages for what cannot be. Banks without an address have UINT64_MAX. */
void intend_written(struct planner *p, struct p_dma *dma, const struct m_dma *m, map_list *out);
/* `dma identity`: memory has to lie where the host has it. */
void check_identity(struct planner *p, const struct m_dma *m);

/* ---- front.c ---- */

/* What is mapped, as the solvers see it. */
struct dma_want want_of(const struct planner *p, const struct p_dma_map *m);
/* "memory `ram`", "region 0", "MSI bank 1". */
const char *mapped_text(struct planner *p, const struct p_dma_map *m);
/* A message about a mapping: at its statement, or at the one of the dma with a note that shows the memory. */
struct diag *diag_map(struct planner *p, const struct p_dma *dma, const struct p_dma_map *m, enum msg code,
                      const char *text);
/* The statement that puts it at a device address: "map ram at 0x1000" or "memory ram at 0x1000 ...". */
const char *map_at(struct planner *p, const struct p_dma *dma, const struct p_dma_map *m, uint64_t iova);

/* ---- tables.c, windows.c: the maps, sorted by device address and joined; false after messages ---- */

bool solve_tables(struct planner *p, struct p_dma *dma, map_list *maps);
bool solve_tces(struct planner *p, struct p_dma *dma, map_list *maps);
/* The streams of a device have one page table. */
void check_streams_share(struct planner *p, const struct p_device *d);
/* `how`: the clauses that say the window and its parts; or NULL. */
bool solve_windows(struct planner *p, struct p_dma *dma, const struct m_channel *how, map_list *maps);
/* The LIODNs of a dma, from the host's tree. */
void check_ids(struct planner *p, const struct p_dma *dma, const struct m_channel *how);

/* ---- groups.c ---- */

/* Devices of one IOMMU group, where a snapshot of the host tells them, reach the same. */
void check_groups(struct planner *p, const struct p_machine *m);
/* PCI functions that a PAMU may know by one LIODN, their controller's, and no snapshot says whether: warnings. */
void check_functions(struct planner *p);

/* ---- guest.c ---- */

/* Puts the device behind an emulated IOMMU of the guest: `iommus` or `iommu-map` in its tree. */
void use_guest_iommu(struct planner *p, struct p_dma *dma, const char *name, struct src where);

#endif
