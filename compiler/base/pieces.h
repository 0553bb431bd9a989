// SPDX-License-Identifier: MIT
// Bytes that lie in several places: what is large is written from where it was made.
#ifndef MACHC_BASE_PIECES_H
#define MACHC_BASE_PIECES_H

#include "base/arena.h"

#include <stdint.h>
#include <string.h>
#include <sys/uio.h>

/* One piece after the other; each has a byte at least. */
struct pieces {
    const struct iovec *at;
    size_t n;
    size_t size; // bytes in all
};

/* `size` bytes as they are, which must stay. */
static inline struct pieces pieces_of(struct arena *a, const void *data, size_t size)
{
    struct iovec *one = NEW(a, struct iovec);
    *one = (struct iovec){(void *)(uintptr_t)data, size};
    return (struct pieces){one, size > 0, size};
}

/* A copy in one place. */
static inline uint8_t *pieces_join(struct arena *a, const struct pieces *p)
{
    uint8_t *all = arena_alloc(a, p->size), *to = all;
    for (size_t i = 0; i < p->n; to += p->at[i++].iov_len)
        memcpy(to, p->at[i].iov_base, p->at[i].iov_len);
    return all;
}

#endif
