// SPDX-License-Identifier: MIT
#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    FIRST_BLOCK = 64 * 1024,
    PAGE = 64 * 1024,            // the largest that Linux has
    MAPPED = 256 * 1024,         // what is as large comes straight from the kernel, and goes back to it
    HUGE_PAGE = 2 * 1024 * 1024, // blocks grow to this
    ALIGN = 8,                   // nothing of ours is wider than a pointer
};

struct block {
    struct block *next, *prev;
    size_t mapped; // bytes taken with mmap(); 0: from malloc
    size_t pad;    // keeps what follows aligned
};

struct arena {
    struct block *blocks;
    char *at;
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

static void block_free(struct block *b)
{
    if (b->mapped)
        munmap(b, b->mapped);
    else
        free(b);
}

void arena_free(struct arena *a)
{
    if (!a)
        return;
    for (struct block *b = a->blocks; b;) {
        struct block *next = b->next;
        block_free(b);
        b = next;
    }
    free(a);
}

static char *map(size_t size)
{
    char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

// A block that small pieces are taken from: most of the time the last one stays half empty, so the kernel clears a page
// of it when it is first used.
static struct block *map_block(size_t size)
{
    struct block *b = (struct block *)map(size);
    if (b)
        b->mapped = size;
    return b;
}

/*
 * Huge pages, aligned to them: a large input spends a third of its time on page faults otherwise. They go back
 * to the system at once when they are released, which malloc does not promise.
 */
static struct block *map_large(size_t size)
{
    if (size > SIZE_MAX - 2 * HUGE_PAGE)
        return NULL;
    size = (size + (PAGE - 1)) & ~(size_t)(PAGE - 1);
    char *p = map(size + HUGE_PAGE);
    if (!p)
        return NULL;
    size_t before = (HUGE_PAGE - (uintptr_t)p % HUGE_PAGE) % HUGE_PAGE;
    if (before)
        munmap(p, before);
    munmap(p + before + size, HUGE_PAGE - before);
    struct block *b = (struct block *)(p + before);
    // Only advice: nothing is lost where the kernel cannot. What is no whole huge page stays small: it would count
    // whole. It will be used soon, and one call for all of its pages is cheaper than a fault for each.
    size_t huge = size & ~(size_t)(HUGE_PAGE - 1);
    madvise(b, huge, MADV_HUGEPAGE);
    madvise((char *)b + huge, size - huge, MADV_POPULATE_WRITE);
    b->mapped = size;
    return b;
}

static char *block_new(struct arena *a, size_t size, bool pieces)
{
    size_t whole = size > SIZE_MAX - sizeof(struct block) ? SIZE_MAX : size + sizeof(struct block);
    struct block *b = pieces && whole < HUGE_PAGE ? map_block(whole)
                      : whole >= MAPPED           ? map_large(whole)
                                                  : calloc(1, whole);
    if (!b)
        longjmp(*a->on_oom, 1);
    b->next = a->blocks;
    if (b->next)
        b->next->prev = b;
    a->blocks = b;
    return (char *)(b + 1);
}

static bool own_block(size_t size)
{
    // A large piece gets a block of its own, so that the rest of the current one is not lost.
    return size > FIRST_BLOCK / 2;
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
        return block_new(a, size, false);
    if (size > a->left) {
        a->at = block_new(a, a->block - sizeof(struct block), true);
        a->left = a->block - sizeof(struct block);
        a->block *= a->block < HUGE_PAGE ? 2 : 1;
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
    struct block *b = (struct block *)p - 1;
    if (b->next)
        b->next->prev = b->prev;
    if (b->prev)
        b->prev->next = b->next;
    else
        a->blocks = b->next;
    a->used -= size;
    block_free(b);
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
