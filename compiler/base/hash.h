// SPDX-License-Identifier: MIT
// Hashes that nobody can make collide who does not know their key. Each compilation draws its own.
#ifndef MACHC_BASE_HASH_H
#define MACHC_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
    uint64_t k0, k1;
};

/* A new key from the kernel's random numbers. Any thread may call it. */
struct hash_key hash_key_random(void);

/* SipHash-1-3 of n bytes (Aumasson and Bernstein, "SipHash: a fast short-input PRF"). */
uint64_t hash_bytes(struct hash_key key, const void *bytes, size_t n);

/*
 * Two numbers: both halves of the product of the numbers, each mixed with its half of the key. Without the key nobody
 * can tell which numbers lead to the same slot.
 */
static inline uint64_t hash_pair(struct hash_key key, uint64_t a, uint64_t b)
{
    unsigned __int128 m = (unsigned __int128)(a ^ key.k0) * (b ^ key.k1);
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

#endif
