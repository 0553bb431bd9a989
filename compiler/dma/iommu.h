// SPDX-License-Identifier: MIT
// Which IOMMU stands between devices and memory: the same for the whole file.
#ifndef MACHC_DMA_IOMMU_H
#define MACHC_DMA_IOMMU_H

#include "dma/solve.h"
#include "plan/planner.h"

/* A device that reaches more than it should, to be looked at when all owners are known. */
struct over_grant {
    const struct p_machine *machine;
    const struct p_dma *dma;
    const struct p_dma_map *map;
    uint64_t even; // a size that is a multiple of it would be mapped as it is
};

/* Filled in when a device first needs to know. */
struct iommu {
    uint8_t way; // enum iommu_way
    bool known;
    const char *board;         // as a schema calls it, whose PAMU has fewer sub-windows than others
    struct pamu_limits limits; // of this board's PAMU
    VEC(struct over_grant) over_grants;
};

/* Makes p->iommu. Before any machine. */
void iommu_begin(struct planner *p);

/* How the host's IOMMU translates. */
uint8_t iommu_way(struct planner *p);
/* What this board's PAMU can do: the hardware in general, or less where a schema says so. */
const struct pamu_limits *pamu_limits(struct planner *p);
/* Adds to a message that a schema says so, where it does. */
void note_limits(struct planner *p, struct diag *d);
/* Neither a tree nor the text tells which it is. */
bool iommu_unknown(const struct planner *p);
/* The ids that a PAMU knows a node by (schemas: "dma-ids"), a cell each; or NULL. */
const struct dt_prop *ids_of(struct planner *p, const struct dt_node *n);
/* Has the node a stream or LIODN of its own? */
bool own_stream(struct planner *p, const struct dt_node *n);
/* Is there an IOMMU between this device and memory? */
bool behind_iommu(struct planner *p, const struct p_device *d);
/* Adds to a message that the tree leads to an IOMMU that the host does not use, where it does. */
void note_disabled_iommu(struct planner *p, const struct p_device *d, struct diag *g);

#endif
