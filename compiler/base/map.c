// SPDX-License-Identifier: MIT
#include "base/map.h"

struct map_slot {
    uint64_t a, b, value;
};

/* State of a slot: one of these, or in use: then TAG, and seven bits of the hash, so that others are seldom looked at.
 */
enum { EMPTY = 0, GONE = 1, TAG = 0x80 };

/* What is in each slot, after all of them. */
static inline uint8_t *states(const struct map *m)
{
    return (uint8_t *)(m->slots + m->room);
}

static uint8_t tag_of(uint64_t hash)
{
    return (uint8_t)(TAG | hash >> 57);
}

/* The slot of (a, b); or, with `insert`, the one where it goes; or -1. */
static inline int64_t find_slot(const struct map *m, uint64_t hash, uint64_t a, uint64_t b, bool insert)
{
    uint32_t mask = m->room - 1;
    int64_t gone = -1;
    uint8_t tag = tag_of(hash);
    for (uint32_t i = (uint32_t)hash;; i++) {
        uint32_t at = i & mask;
        uint8_t state = states(m)[at];
        if (state == tag && m->slots[at].a == a && m->slots[at].b == b)
            return at;
        if (state == EMPTY)
            return insert ? (gone >= 0 ? gone : at) : -1;
        if (state == GONE && gone < 0)
            gone = at;
    }
}

bool map_get(const struct map *m, uint64_t a, uint64_t b, uint64_t *value)
{
    int64_t i = m->room ? find_slot(m, hash_pair(m->key, a, b), a, b, false) : -1;
    if (i < 0)
        return false;
    *value = m->slots[i].value;
    return true;
}

enum { SLOT = sizeof(struct map_slot) + 1, LEAST = 8 };

static uint32_t limit(uint32_t room)
{
    return room - room / 8;
}

static void grow(struct arena *arena, struct map *m, uint32_t room)
{
    struct map old = *m;
    if (!m->room)
        m->key = arena_key(arena);
    m->room = room;
    m->n = 0;
    m->slots = arena_array(arena, m->room, SLOT);
    for (uint32_t i = 0; i < old.room; i++) {
        if (!(states(&old)[i] & TAG))
            continue;
        uint64_t hash = hash_pair(m->key, old.slots[i].a, old.slots[i].b);
        uint32_t at = (uint32_t)hash & (m->room - 1);
        while (states(m)[at] != EMPTY) // all keys differ
            at = (at + 1) & (m->room - 1);
        m->slots[at] = old.slots[i];
        states(m)[at] = tag_of(hash);
        m->n++;
    }
    arena_release(arena, old.slots, (size_t)old.room * SLOT);
}

// One more key has room, and the map its key. n counts emptied slots as well, so a search always meets an empty one.
static void make_room(struct arena *arena, struct map *m)
{
    if (m->n >= limit(m->room))
        grow(arena, m, m->room ? m->room * 2 : LEAST);
}

static void set_slot(struct map *m, int64_t i, uint64_t hash, struct map_slot slot)
{
    if (states(m)[i] == EMPTY)
        m->n++;
    m->slots[i] = slot;
    states(m)[i] = tag_of(hash);
}

void map_put(struct arena *arena, struct map *m, uint64_t a, uint64_t b, uint64_t value)
{
    make_room(arena, m);
    uint64_t hash = hash_pair(m->key, a, b);
    set_slot(m, find_slot(m, hash, a, b, true), hash, (struct map_slot){a, b, value});
}

bool map_add(struct arena *arena, struct map *m, uint64_t a, uint64_t b, uint64_t *value)
{
    make_room(arena, m);
    uint64_t hash = hash_pair(m->key, a, b);
    int64_t i = find_slot(m, hash, a, b, true);
    if (states(m)[i] & TAG) {
        *value = m->slots[i].value;
        return false;
    }
    set_slot(m, i, hash, (struct map_slot){a, b, *value});
    return true;
}

void map_expect(struct arena *arena, struct map *m, uint32_t n)
{
    uint32_t room = m->room ? m->room : n ? LEAST : 0;
    while (limit(room) < n && room <= UINT32_MAX / 4)
        room *= 2;
    if (room > m->room)
        grow(arena, m, room);
}

void map_free(struct arena *arena, struct map *m)
{
    arena_release(arena, m->slots, (size_t)m->room * SLOT);
    *m = (struct map){0};
}

bool map_del(struct map *m, uint64_t a, uint64_t b)
{
    int64_t i = m->room ? find_slot(m, hash_pair(m->key, a, b), a, b, false) : -1;
    if (i < 0)
        return false;
    states(m)[i] = GONE;
    return true;
}
