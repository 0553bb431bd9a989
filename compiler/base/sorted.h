// SPDX-License-Identifier: MIT
// Searches in sorted arrays.
#ifndef MACHC_BASE_SORTED_H
#define MACHC_BASE_SORTED_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * How many of the `n` elements at `list`, of `size` bytes each, begin at `at` or below it. Each has a uint64_t as its
 * first member, and these rise. So this is the index of the first element that begins above `at`.
 */
static inline uint32_t sorted_up_to(const void *list, uint32_t n, size_t size, uint64_t at)
{
    uint32_t low = 0, high = n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint64_t first;
        memcpy(&first, (const char *)list + middle * size, sizeof first);
        if (first <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

#endif
