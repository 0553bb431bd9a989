// SPDX-License-Identifier: MIT
#include "base/names.h"

#include "base/intern.h"

// The slot of a name, or the one where it goes: there is always an empty one.
static struct name_slot *slot(struct name_slot *slots, uint32_t room, const char *name)
{
    uint32_t i = intern_hash(name);
    while (slots[i & (room - 1)].name && slots[i & (room - 1)].name != name)
        i++;
    return &slots[i & (room - 1)];
}

const void *names_get(const struct names *t, const char *name)
{
    return t->room ? slot((struct name_slot *)t->slots, t->room, name)->item : NULL;
}

void names_put(struct arena *a, struct names *t, const char *name, const void *item)
{
    if (t->n >= t->room / 4 * 3) {
        uint32_t room = t->room ? t->room * 2 : 8;
        struct name_slot *slots = arena_array(a, room, sizeof *slots);
        for (uint32_t i = 0; i < t->room; i++)
            if (t->slots[i].name)
                *slot(slots, room, t->slots[i].name) = t->slots[i];
        arena_release(a, (void *)t->slots, t->room * sizeof *slots);
        t->slots = slots;
        t->room = room;
    }
    struct name_slot *s = slot((struct name_slot *)t->slots, t->room, name);
    t->n += !s->name;
    *s = (struct name_slot){name, item};
}
