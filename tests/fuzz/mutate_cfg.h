// SPDX-License-Identifier: MIT
// Mutates guest.cfg files where it matters, by fields and records, and repairs the checksum.
#ifndef FUZZ_MUTATE_CFG_H
#define FUZZ_MUTATE_CFG_H

#include <stddef.h>
#include <stdint.h>

/* Numbers that depend only on the seed (splitmix64, by Sebastiano Vigna, public domain algorithm). */
struct rng {
    uint64_t state;
};
uint64_t rng_next(struct rng *r);
/* In [0, n); 0 for n = 0. */
uint64_t rng_below(struct rng *r, uint64_t n);

/* One field of the header, of an entry of the section table, or of a record. */
struct cfg_place {
    uint8_t *at;
    uint32_t size;  // bytes: 2, 4 or 8
    uint64_t count; // for an index: records of the section it refers to; for a string: bytes of the table; else 0
};

/* The number of fields of the file; 0 if it is not a config. Excludes padding, reserved and later fields. */
uint64_t cfg_places(const uint8_t *p, size_t size);
/* The i-th field. */
struct cfg_place cfg_place(uint8_t *p, size_t size, uint64_t i);

/* The i-th value to try in a field. Sets *more to 0 at the end of the list. */
uint64_t cfg_boundary(const struct cfg_place *place, uint32_t i, int *more);
void cfg_put(const struct cfg_place *place, uint64_t value);

/*
 * Makes one random change of a field, a bit, a record or a section. Usually repairs what depends on it (rows, offsets),
 * and always the checksum. Accepts any bytes. Returns the new size, at most `max`.
 */
size_t cfg_mutate(struct rng *r, uint8_t *p, size_t size, size_t max);

#endif
