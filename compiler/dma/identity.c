// SPDX-License-Identifier: MIT
// Without an IOMMU a device addresses the host's memory itself: what it is to find has to be there.
#include "dma/solve.h"

uint32_t identity_moved(const struct dma_want *want, uint32_t n)
{
    uint32_t i = 0;
    while (i < n && want[i].chunk == UINT64_MAX && want[i].host == want[i].iova)
        i++;
    return i;
}
