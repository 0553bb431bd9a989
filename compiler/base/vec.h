// SPDX-License-Identifier: MIT
// A growing array in an arena. Addresses of its members are valid until the next push.
#ifndef MACHC_BASE_VEC_H
#define MACHC_BASE_VEC_H

#include "base/arena.h"

#include <stdint.h>
#include <string.h>

#define VEC(T)                                                                                                         \
    struct {                                                                                                           \
        T *at;                                                                                                         \
        uint32_t n, room;                                                                                              \
    }

/* Appends one element, zeroed, and gives its address (valid until the next push). */
#define vec_add(arena, v)                                                                                              \
    ((v)->n == (v)->room ? (void)((v)->at = vec_grow((arena), (v)->at, (v)->n, &(v)->room, sizeof *(v)->at))           \
                         : (void)0,                                                                                    \
     &(v)->at[(v)->n++])

/* Room for `count` members, in a list that has none yet: what is known beforehand need not grow step by step. */
#define vec_expect(arena, v, count)                                                                                    \
    ((v)->room ? (void)0 : (void)((v)->at = arena_array((arena), (v)->room = (count), sizeof *(v)->at)))

#define vec_push(arena, v, item) (*vec_add((arena), (v)) = (item))

static inline void *vec_grow(struct arena *a, void *at, uint32_t n, uint32_t *room, size_t size)
{
    uint32_t more = *room ? *room : 1; // most lists have one member, and there are many lists
    if (more > UINT32_MAX - *room)
        more = UINT32_MAX - *room;
    size_t old = *room * size;
    *room += more;
    void *p = arena_array(a, *room, size);
    if (n)
        memcpy(p, at, n * size);
    arena_release(a, at, old);
    return p;
}

#endif
