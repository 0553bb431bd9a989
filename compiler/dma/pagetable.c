// SPDX-License-Identifier: MIT
// The solver for page tables as VFIO offers them: Linux drivers/vfio/vfio_iommu_type1.c,
// drivers/iommu/iommufd/io_pagetable.c.
#include "dma/solve.h"

bool pagetable_joins(const struct dma_want *a, const struct dma_want *b)
{
    return !a->bank && !b->bank && a->same == b->same && a->readonly == b->readonly && a->iova + a->size == b->iova &&
           a->host + a->size == b->host;
}

// Returns the index of the reserved range that a want overlaps; nreserved if there is none.
static uint32_t find_reserved(const struct dma_want *w, const struct dma_span *reserved, uint32_t nreserved)
{
    uint32_t i = 0;
    while (i < nreserved && (w->iova > reserved[i].last || w->iova + (w->size - 1) < reserved[i].first))
        i++;
    return i;
}

struct pagetable_answer pagetable_solve(const struct dma_want *want, uint32_t n, uint64_t page,
                                        const struct dma_span *reserved, uint32_t nreserved)
{
    struct pagetable_answer out = {PAGETABLE_OK, 0, 0, 0};
    for (uint32_t i = 0; i < n && !out.why; i++) {
        const struct dma_want *w = &want[i];
        out.mappings += !i || !pagetable_joins(w - 1, w);
        out.which = i;
        out.other = find_reserved(w, reserved, nreserved);
        // A page table maps whole pages, so both the device address and the backing must be aligned.
        if ((w->iova | w->size | w->host) % page)
            out.why = PAGETABLE_UNALIGNED;
        else if (out.other < nreserved)
            out.why = PAGETABLE_RESERVED;
        else if (out.mappings > DMA_ENTRY_LIMIT)
            out.why = PAGETABLE_ENTRIES;
    }
    return out;
}
