// SPDX-License-Identifier: MIT
// Finds the kind of IOMMU between devices and memory, which is the same for the whole file, and its limits.
#ifndef MACHC_DMA_IOMMU_H
#define MACHC_DMA_IOMMU_H

#include "dma/solve.h"
#include "plan/planner.h"

/* A mapping that reaches more than was asked for. It is checked when all owners are known (across/reach.c). */
struct over_grant {
    const struct p_machine *machine;
    const struct p_dma *dma;
    const struct p_dma_map *map;
    uint64_t even; // a size that is a multiple of this would be mapped exactly
};

/* What is known about the host's IOMMU. It is filled in when a device first needs it. */
struct iommu {
    uint8_t way; // enum iommu_way
    bool known;
    const char *board;         // the board, by its `compatible`, that a schema gives fewer sub-windows; or NULL
    struct pamu_limits limits; // limits of this board's PAMU
    VEC(struct over_grant) over_grants;
};

/* Makes p->iommu, in the draft arena. Called once, before any machine is planned. */
void iommu_begin(struct planner *p);

/* Returns how the host's IOMMU translates: enum iommu_way. */
uint8_t iommu_way(struct planner *p);

/* Returns the limits of this board's PAMU: those of the hardware, or lower ones that a schema sets for the board. */
const struct pamu_limits *pamu_limits(struct planner *p);

/* Adds a fact to a message if a schema sets lower limits for this board. */
void note_limits(struct planner *p, struct diag *d);

/* Whether neither a host tree nor the text tells which IOMMU the host has. */
bool is_iommu_unknown(const struct planner *p);

/* Returns the property with the ids by which a PAMU identifies a host node (schemas: "dma-ids"), or NULL. */
const struct dt_prop *dma_ids_of(struct planner *p, const struct dt_node *n);

/* Whether the host node has a stream or LIODN of its own. */
bool has_own_stream(struct planner *p, const struct dt_node *n);

/* Whether there is an IOMMU between the device and memory. */
bool is_behind_iommu(struct planner *p, const struct p_device *d);

/* Adds a fact to a message that a device has no IOMMU: what the IOMMU properties of its node and the buses above mean.
 */
void note_iommu(struct planner *p, const struct p_device *d, struct diag *g);

#endif
