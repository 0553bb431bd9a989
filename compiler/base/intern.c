// SPDX-License-Identifier: MIT
#include "base/intern.h"

#include <stddef.h>
#include <string.h>

struct entry {
    uint32_t hash;
    uint32_t len;
    char s[];
};

/* Hash and length once more: a text is read only when they fit, and growing reads none. */
struct slot {
    const struct entry *e;
    uint32_t hash, len;
};

struct intern {
    struct arena *arena;
    struct slot *slots;
    uint32_t n, room;
};

struct intern *intern_new(struct arena *a)
{
    struct intern *t = NEW(a, struct intern);
    t->arena = a;
    t->room = 128;
    t->slots = arena_array(a, t->room, sizeof *t->slots);
    return t;
}

static void grow(struct intern *t)
{
    struct slot *old = t->slots;
    uint32_t room = t->room;
    t->room *= 2;
    t->slots = arena_array(t->arena, t->room, sizeof *t->slots);
    for (uint32_t i = 0; i < room; i++) {
        if (!old[i].e)
            continue;
        uint32_t j = old[i].hash;
        while (t->slots[j & (t->room - 1)].e)
            j++;
        t->slots[j & (t->room - 1)] = old[i];
    }
    arena_release(t->arena, old, room * sizeof *old);
}

static const struct entry *entry_new(struct intern *t, uint32_t hash, const char *s, size_t n)
{
    struct entry *e = arena_alloc(t->arena, sizeof *e + n + 1);
    e->hash = hash;
    e->len = (uint32_t)n;
    if (n)
        memcpy(e->s, s, n);
    return e;
}

const char *intern_n(struct intern *t, const char *s, size_t n)
{
    uint32_t h = (uint32_t)hash_bytes(arena_key(t->arena), s, n);
    struct slot *slot;
    for (uint32_t i = h; (slot = &t->slots[i & (t->room - 1)])->e; i++)
        if (slot->hash == h && slot->len == n && !memcmp(slot->e->s, s, n))
            return slot->e->s;
    const struct entry *e = entry_new(t, h, s, n);
    *slot = (struct slot){e, h, (uint32_t)n};
    if (++t->n > t->room / 4 * 3)
        grow(t);
    return e->s;
}

const char *intern(struct intern *t, const char *s)
{
    return intern_n(t, s, strlen(s));
}

uint32_t intern_hash(const char *interned)
{
    uint32_t hash;
    memcpy(&hash, interned - offsetof(struct entry, s) + offsetof(struct entry, hash), sizeof hash);
    return hash;
}

uint32_t intern_len(const char *interned)
{
    uint32_t len;
    memcpy(&len, interned - offsetof(struct entry, s) + offsetof(struct entry, len), sizeof len);
    return len;
}
