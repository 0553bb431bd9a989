// SPDX-License-Identifier: MIT
#include "base/arena.h"

#include "base/pages.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_BLOCK = 2 * PAGES_LEAST, // a larger piece than half of it gets a place of its own
    LAST_BLOCK = 256 * 1024,       // blocks grow to this
    ALIGN = 8,                     // nothing of ours is wider than a pointer
};

struct arena {
    struct pages pages;
    char *at; // in the last block
    size_t left;
    size_t block; // size of the next one
    size_t used;
    jmp_buf *on_oom;
};

struct arena *arena_new(jmp_buf *on_oom)
{
    struct arena *a = calloc(1, sizeof *a);
    if (a) {
        a->on_oom = on_oom;
        a->block = FIRST_BLOCK;
    }
    return a;
}

void arena_free(struct arena *a)
{
    if (a)
        pages_end(&a->pages);
    free(a);
}

static void *take(struct arena *a, size_t size)
{
    void *p = pages_take(&a->pages, size);
    if (!p)
        longjmp(*a->on_oom, 1);
    return p;
}

static bool own_block(size_t size)
{
    // The rest of the current block is not lost for it.
    return size >= PAGES_LEAST;
}

static size_t rounded(size_t size)
{
    return size ? (size + (ALIGN - 1)) & ~(size_t)(ALIGN - 1) : ALIGN; // nothing, too, has an address of its own
}

void *arena_alloc(struct arena *a, size_t size)
{
    if (size > SIZE_MAX - ALIGN)
        longjmp(*a->on_oom, 1);
    size = rounded(size);
    a->used += size;
    if (own_block(size))
        return take(a, size);
    if (size > a->left) {
        a->left = a->block;
        a->at = pages_take_any(&a->pages, &a->left);
        if (!a->at)
            longjmp(*a->on_oom, 1);
        a->block *= a->block < LAST_BLOCK ? 2 : 1;
    }
    void *p = a->at;
    a->at += size;
    a->left -= size;
    return p;
}

void arena_release(struct arena *a, void *p, size_t size)
{
    size = rounded(size);
    if (!p || !own_block(size))
        return;
    a->used -= size;
    pages_give(&a->pages, p);
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
    // Mostly it fits where the next piece goes, and need not be made twice.
    int made = vsnprintf(a->at, a->left, fmt, again);
    va_end(again);
    size_t n = made < 0 ? 0 : (size_t)made;
    if (n + ALIGN <= a->left && !own_block(n + 1))
        return arena_alloc(a, n + 1);
    if (a->left)
        memset(a->at, 0, n < a->left ? n : a->left); // what is left of a block is zeros
    char *p = arena_alloc(a, n + 1);
    vsnprintf(p, n + 1, fmt, ap);
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
