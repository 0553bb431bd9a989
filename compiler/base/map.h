// SPDX-License-Identifier: MIT
// A hash map from two 64-bit words to one. Keys are numbers or interned pointers.
// Never iterated: the order of a hash must not reach any output.
#ifndef MACHC_BASE_MAP_H
#define MACHC_BASE_MAP_H

#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>

struct map {
    struct map_slot *slots;
    uint32_t n;
    uint32_t room;       // a power of two, or 0
    struct hash_key key; // the arena's that it first took memory from
};

/* The value for (a, b) in *value, true; or false and *value untouched. */
bool map_get(const struct map *m, uint64_t a, uint64_t b, uint64_t *value);

/* Sets the value for (a, b), replacing an older one. */
void map_put(struct arena *arena, struct map *m, uint64_t a, uint64_t b, uint64_t value);

/* Sets it unless the map has the key: true; or false, and *value is the one in the map. */
bool map_add(struct arena *arena, struct map *m, uint64_t a, uint64_t b, uint64_t *value);

/* Room for `n` in all: what is known beforehand need not grow step by step. */
void map_expect(struct arena *arena, struct map *m, uint32_t n);

/* Takes (a, b) out; false when it was not there. */
bool map_del(struct map *m, uint64_t a, uint64_t b);

/* Gives its memory back, and leaves it empty. */
void map_free(struct arena *arena, struct map *m);

/* Pointer forms: keys and values that are addresses. A missing key gives NULL. */
static inline void *map_getp(const struct map *m, const void *a, const void *b)
{
    uint64_t v;
    return map_get(m, (uintptr_t)a, (uintptr_t)b, &v) ? (void *)(uintptr_t)v : NULL;
}

static inline void map_putp(struct arena *arena, struct map *m, const void *a, const void *b, const void *value)
{
    map_put(arena, m, (uintptr_t)a, (uintptr_t)b, (uintptr_t)value);
}

/* NULL when it was added, else what was there. */
static inline void *map_addp(struct arena *arena, struct map *m, const void *a, const void *b, const void *value)
{
    uint64_t v = (uintptr_t)value;
    return map_add(arena, m, (uintptr_t)a, (uintptr_t)b, &v) ? NULL : (void *)(uintptr_t)v;
}

#endif
