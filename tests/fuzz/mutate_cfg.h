// SPDX-License-Identifier: MIT
// Damages guest.cfg files where it hurts: field by field, record by record, with the checksum made right again.
#ifndef FUZZ_MUTATE_CFG_H
#define FUZZ_MUTATE_CFG_H

#include <stddef.h>
#include <stdint.h>

/* Numbers that are the same everywhere for the same seed (splitmix64, by Sebastiano Vigna, public domain algorithm). */
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
    uint64_t count; // of an index: records of the section that it points into; of a string: bytes of the table; else 0
};

/* How many fields the file has; 0 when it is none. Padding, reserved and later fields are not among them. */
uint64_t cfg_places(const uint8_t *p, size_t size);
/* The i-th of them. */
struct cfg_place cfg_place(uint8_t *p, size_t size, uint64_t i);

/* The i-th value worth a try in a field, or 0 in *more at the end of the list. */
uint64_t cfg_boundary(const struct cfg_place *place, uint32_t i, int *more);
void cfg_put(const struct cfg_place *place, uint64_t value);

/*
 * One random change: of a field, a bit, a record, a section. Most of the time what depends on it is made to fit: rows,
 * offsets, and always the checksum. Returns the new size, at most `max`. Any bytes may go in.
 */
size_t cfg_mutate(struct rng *r, uint8_t *p, size_t size, size_t max);

#endif
