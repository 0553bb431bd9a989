// SPDX-License-Identifier: MIT
// Numbers as device trees have them.
#ifndef MACHC_BASE_BYTES_H
#define MACHC_BASE_BYTES_H

#include <stdint.h>

/* The big-endian numbers of four and of eight bytes at b. */
static inline uint32_t be32(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static inline uint64_t be64(const uint8_t *b)
{
    return (uint64_t)be32(b) << 32 | be32(b + 4);
}

#endif
