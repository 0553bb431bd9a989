// SPDX-License-Identifier: MIT
#include "base/map.h"

struct map_slot {
    uint64_t a, b, value;
};

enum { EMPTY = 0, USED = 1, GONE = 2 };

// The finaliser of MurmurHash3 (public domain, Austin Appleby): every input bit reaches every output bit.
static uint64_t mix(uint64_t h)
{
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdULL;
    h ^= h >> 33;
    h *= 0xc4ceb9fe1a85ec53ULL;
    h ^= h >> 33;
    return h;
}

/* The slot of (a, b); or, with `insert`, the one where it goes; or -1. The states of all slots stand behind them. */
static int64_t find(const struct map *m, uint64_t a, uint64_t b, bool insert)
{
    uint32_t mask = m->room - 1;
    int64_t gone = -1;
    for (uint32_t i = (uint32_t)mix(a + mix(b));; i++) {
        uint32_t at = i & mask;
        if (m->states[at] == EMPTY)
            return insert ? (gone >= 0 ? gone : at) : -1;
        if (m->states[at] == GONE) {
            if (gone < 0)
                gone = at;
        } else if (m->slots[at].a == a && m->slots[at].b == b) {
            return at;
        }
    }
}

bool map_get(const struct map *m, uint64_t a, uint64_t b, uint64_t *value)
{
    int64_t i = m->room ? find(m, a, b, false) : -1;
    if (i < 0)
        return false;
    *value = m->slots[i].value;
    return true;
}

enum { SLOT = sizeof(struct map_slot) + 1 };

static void grow(struct arena *arena, struct map *m)
{
    struct map old = *m;
    m->room = old.room ? old.room * 2 : 8;
    m->n = 0;
    m->slots = arena_array(arena, m->room, SLOT);
    m->states = (uint8_t *)(m->slots + m->room);
    for (uint32_t i = 0; i < old.room; i++) {
        if (old.states[i] != USED)
            continue;
        int64_t at = find(m, old.slots[i].a, old.slots[i].b, true);
        m->slots[at] = old.slots[i];
        m->states[at] = USED;
        m->n++;
    }
    arena_release(arena, old.slots, (size_t)old.room * SLOT);
}

void map_put(struct arena *arena, struct map *m, uint64_t a, uint64_t b, uint64_t value)
{
    // n counts emptied slots as well, so a search always meets an empty one.
    if (m->n >= m->room - m->room / 8)
        grow(arena, m);
    int64_t i = find(m, a, b, true);
    if (m->states[i] == EMPTY)
        m->n++;
    m->slots[i] = (struct map_slot){a, b, value};
    m->states[i] = USED;
}

bool map_del(struct map *m, uint64_t a, uint64_t b)
{
    int64_t i = m->room ? find(m, a, b, false) : -1;
    if (i < 0)
        return false;
    m->states[i] = GONE;
    return true;
}
