// SPDX-License-Identifier: MIT
/*
 * The solver for sPAPR TCE (Linux drivers/vfio/vfio_iommu_spapr_tce.c). A window is a table with an entry for each
 * page. The platform chooses its start, and only the running host knows how many levels of tables it needs. The
 * description decides its size and how large its pages may be.
 */
#include "dma/solve.h"

#include <stddef.h>

// Page sizes of ibm,query-pe-dma-window (Linux arch/powerpc/platforms/pseries/iommu.c, query_page_size), and of
// PowerNV.
static const uint8_t shifts[] = {12, 16, 21, 24, 25, 26, 27, 28, 30, 34};

struct spapr_answer spapr_solve(const struct dma_want *want, uint32_t n)
{
    uint64_t last = 0, grain = UINT64_C(1) << 63;
    for (uint32_t i = 0; i < n; i++) {
        const struct dma_want *w = &want[i];
        uint64_t end = w->iova + (w->size - 1), g = dma_grain(w->iova | w->size | w->host);
        last = end > last ? end : last;
        grain = g < grain ? g : grain;
        grain = w->chunk < grain ? w->chunk : grain;
    }
    struct spapr_answer out = {.size = UINT64_C(1) << shifts[0], .page_shift = shifts[0]};
    while (out.size - 1 < last && out.size < UINT64_C(1) << 63)
        out.size *= 2;
    for (size_t i = 0; i < sizeof shifts; i++)
        if (UINT64_C(1) << shifts[i] <= grain)
            out.page_shift = shifts[i];
    return out;
}
