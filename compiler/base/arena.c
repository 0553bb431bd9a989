// SPDX-License-Identifier: MIT
#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_BLOCK = 64 * 1024,
    LAST_BLOCK = 1024 * 1024, // blocks grow to this
    LARGE = 32 * 1024,        // a piece from here on is malloc's own: it can be given back
    ALIGN = 8,                // nothing of ours is wider than a pointer
};

// In front of each block and each large piece. A multiple of what malloc() aligns to.
struct block {
    struct block *next, *prev;
    size_t size;  // as counted in the budget
    size_t align; // unused: keeps what follows aligned as malloc() does
};

struct arena {
    struct block *blocks;
    char *at; // in the last block of small pieces
    size_t left;
    size_t size; // of the next one
    size_t used;
    struct hash_key key;
    jmp_buf *on_oom;
    struct arena_budget *budget; // or NULL
};

struct arena *arena_new(jmp_buf *on_oom, struct hash_key key)
{
    struct arena *a = calloc(1, sizeof *a);
    if (a) {
        a->on_oom = on_oom;
        a->size = FIRST_BLOCK;
        a->key = key;
    }
    return a;
}

void arena_limit(struct arena *a, struct arena_budget *budget)
{
    a->budget = budget;
}

struct hash_key arena_key(const struct arena *a)
{
    return a->key;
}

static void free_block(struct arena *a, struct block *b)
{
    if (a->budget)
        a->budget->used -= b->size;
    free(b);
}

void arena_free(struct arena *a)
{
    struct block *next;
    for (struct block *b = a ? a->blocks : NULL; b; b = next) {
        next = b->next;
        free_block(a, b);
    }
    free(a);
}

// Large pieces are zeroed by malloc, which need not touch fresh pages for it; of blocks, each piece when it is taken.
static void *add_block(struct arena *a, size_t size, bool zeroed)
{
    struct block *b = NULL;
    struct arena_budget *budget = a->budget;
    if (budget && (budget->used > budget->limit || size > budget->limit - budget->used))
        longjmp(*a->on_oom, ARENA_OVER_BUDGET);
    if (size <= SIZE_MAX / 4) // no machine has as much
        b = zeroed ? calloc(1, sizeof *b + size) : malloc(sizeof *b + size);
    if (!b)
        longjmp(*a->on_oom, ARENA_NO_MEMORY);
    b->size = budget ? size : 0;
    if (budget)
        budget->used += size;
    b->next = a->blocks;
    b->prev = NULL;
    if (b->next)
        b->next->prev = b;
    a->blocks = b;
    return b + 1;
}

static size_t rounded(size_t size)
{
    return size ? (size + (ALIGN - 1)) & ~(size_t)(ALIGN - 1) : ALIGN; // nothing, too, has an address of its own
}

void *arena_alloc(struct arena *a, size_t size)
{
    if (size > SIZE_MAX - ALIGN)
        longjmp(*a->on_oom, ARENA_NO_MEMORY);
    size = rounded(size);
    a->used += size;
    if (size >= LARGE)
        return add_block(a, size, true);
    if (size > a->left) {
        a->at = add_block(a, a->size, false);
        a->left = a->size;
        a->size *= a->size < LAST_BLOCK ? 2 : 1;
    }
    void *p = a->at;
    a->at += size;
    a->left -= size;
    return memset(p, 0, size);
}

void arena_release(struct arena *a, void *p, size_t size)
{
    size = rounded(size);
    if (!p || size < LARGE)
        return;
    struct block *b = (struct block *)p - 1;
    a->used -= size;
    if (b->next)
        b->next->prev = b->prev;
    if (b->prev)
        b->prev->next = b->next;
    else
        a->blocks = b->next;
    free_block(a, b);
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
    if (size && n > SIZE_MAX / size)
        longjmp(*a->on_oom, ARENA_NO_MEMORY);
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
    if (n + ALIGN <= a->left && n + 1 < LARGE) {
        char *p = a->at;
        size_t size = rounded(n + 1);
        a->at += size;
        a->left -= size;
        a->used += size;
        return p;
    }
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
