// SPDX-License-Identifier: MIT
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 256 * 1024, ALIGN = 16 };

struct block {
    struct block *next;
    size_t pad; // keeps what follows aligned to ALIGN
};

struct arena {
    struct block *blocks;
    char *at;
    size_t left;
    size_t used;
    jmp_buf *on_oom;
};

struct arena *arena_new(jmp_buf *on_oom)
{
    struct arena *a = calloc(1, sizeof *a);
    if (a)
        a->on_oom = on_oom;
    return a;
}

void arena_free(struct arena *a)
{
    if (!a)
        return;
    for (struct block *b = a->blocks; b;) {
        struct block *next = b->next;
        free(b);
        b = next;
    }
    free(a);
}

static char *block_new(struct arena *a, size_t size)
{
    struct block *b = size > SIZE_MAX - sizeof *b ? NULL : calloc(1, sizeof *b + size);
    if (!b)
        longjmp(*a->on_oom, 1);
    b->next = a->blocks;
    a->blocks = b;
    return (char *)(b + 1);
}

void *arena_alloc(struct arena *a, size_t size)
{
    if (size > SIZE_MAX - ALIGN)
        longjmp(*a->on_oom, 1);
    size = size ? (size + (ALIGN / 2 - 1)) & ~(size_t)(ALIGN / 2 - 1) : ALIGN / 2;
    a->used += size;
    if (size > a->left) {
        // A large piece gets a block of its own, so that the rest of the current one is not lost.
        if (size > BLOCK / 4)
            return block_new(a, size);
        a->at = block_new(a, BLOCK);
        a->left = BLOCK;
    }
    void *p = a->at;
    a->at += size;
    a->left -= size;
    return p;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
    if (size && n > SIZE_MAX / size)
        longjmp(*a->on_oom, 1);
    return arena_alloc(a, n * size);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
    char *p = arena_alloc(a, n + 1);
    if (n)
        memcpy(p, s, n);
    return p;
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0)
        n = 0;
    char *p = arena_alloc(a, (size_t)n + 1);
    vsnprintf(p, (size_t)n + 1, fmt, ap);
    return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *p = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return p;
}

size_t arena_used(const struct arena *a)
{
    return a->used;
}
