// SPDX-License-Identifier: MIT
// Without an IOMMU, device addresses are host addresses, so backing and device address must be the same.
#include "dma/solve.h"

uint32_t identity_moved(const struct dma_want *want, uint32_t n)
{
    uint32_t i = 0;
    while (i < n && want[i].chunk == UINT64_MAX && want[i].host == want[i].iova)
        i++;
    return i;
}
