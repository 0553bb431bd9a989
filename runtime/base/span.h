// SPDX-License-Identifier: MIT
// Ranges of numbers.
#ifndef MACHRT_BASE_SPAN_H
#define MACHRT_BASE_SPAN_H

#include <stddef.h>
#include <stdint.h>

/* All numbers from `first` to `last`, which is one of them. */
struct span {
    uint64_t first, last;
};

/* The first of `n` spans that ends at `at` or above; `n`: none does. They rise, and none overlaps another. */
static inline size_t machrt_find_span(const struct span *list, size_t n, uint64_t at)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list[middle].last < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

#endif
