// SPDX-License-Identifier: MIT
// Text that grows, for dts_write().
#ifndef MACHC_TREE_TEXT_H
#define MACHC_TREE_TEXT_H

#include "base/vec.h"

#include <stdio.h>

struct text_out {
    struct arena *arena;
    VEC(char) v;
};

static inline void out_bytes(struct text_out *o, const char *s, size_t n)
{
    if (o->v.room - o->v.n < n) {
        size_t room = (size_t)o->v.room * 2 + n + 256;
        char *at = arena_alloc(o->arena, room);
        if (o->v.n)
            memcpy(at, o->v.at, o->v.n);
        o->v.at = at;
        o->v.room = room > UINT32_MAX ? UINT32_MAX : (uint32_t)room;
    }
    if (n)
        memcpy(o->v.at + o->v.n, s, n);
    o->v.n += (uint32_t)n;
}

static inline void out_str(struct text_out *o, const char *s)
{
    out_bytes(o, s, strlen(s));
}

static inline void out_tabs(struct text_out *o, uint32_t n)
{
    while (n--)
        out_bytes(o, "\t", 1);
}

#endif
