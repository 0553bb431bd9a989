// SPDX-License-Identifier: MIT
#include "base/map.h"

struct map_slot {
    uint64_t a, b, value;
    uint64_t state;
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

static struct map_slot *find(const struct map *m, uint64_t a, uint64_t b, bool insert)
{
    uint32_t mask = m->room - 1;
    struct map_slot *gone = NULL;
    for (uint32_t i = (uint32_t)mix(a + mix(b));; i++) {
        struct map_slot *s = &m->slots[i & mask];
        if (s->state == EMPTY)
            return insert ? (gone ? gone : s) : NULL;
        if (s->state == GONE) {
            if (!gone)
                gone = s;
        } else if (s->a == a && s->b == b) {
            return s;
        }
    }
}

bool map_get(const struct map *m, uint64_t a, uint64_t b, uint64_t *value)
{
    const struct map_slot *s = m->room ? find(m, a, b, false) : NULL;
    if (!s)
        return false;
    *value = s->value;
    return true;
}

void map_put(struct arena *arena, struct map *m, uint64_t a, uint64_t b, uint64_t value)
{
    // n counts emptied slots as well, so a search always meets an empty one.
    if (m->n >= m->room / 4 * 3) {
        struct map old = *m;
        m->room = old.room ? old.room * 2 : 16;
        m->n = 0;
        m->slots = arena_array(arena, m->room, sizeof *m->slots);
        for (uint32_t i = 0; i < old.room; i++) {
            if (old.slots[i].state != USED)
                continue;
            *find(m, old.slots[i].a, old.slots[i].b, true) = old.slots[i];
            m->n++;
        }
    }
    struct map_slot *s = find(m, a, b, true);
    if (s->state == EMPTY)
        m->n++;
    *s = (struct map_slot){a, b, value, USED};
}

bool map_del(struct map *m, uint64_t a, uint64_t b)
{
    struct map_slot *s = m->room ? find(m, a, b, false) : NULL;
    if (!s)
        return false;
    s->state = GONE;
    return true;
}
