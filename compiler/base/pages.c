// SPDX-License-Identifier: MIT
#include "base/pages.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/*
 * A small input must not pay for memory that it never touches: its first pieces are mapped, and the kernel clears each
 * page when it is first used. A large input spends a third of its time on such faults: its pieces are cut from shelves
 * of huge pages, and what is given back is taken again while it is still in the caches.
 */
enum {
    PAGE = 64 * 1024,            // the largest that Linux has
    HUGE_PAGE = 2 * 1024 * 1024, // a piece as large has pages of its own, and goes back to the kernel
    SHELF = 2 * HUGE_PAGE,
    LEAST_BITS = 15, // of PAGES_LEAST
    MOST_SHELVED = HUGE_PAGE - HUGE_PAGE / (2 * PAGES_STEPS),
    SMALL = 512 * 1024, // an input that takes no more is small
};

// With ASan, each piece comes from malloc: it sees who goes beyond its end, and who uses it when it is gone.
#ifdef __SANITIZE_ADDRESS__
#define WITH_ASAN
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define WITH_ASAN
#endif
#endif

_Static_assert(PAGES_LEAST == 1 << LEAST_BITS, "bits of the smallest piece");
_Static_assert(HUGE_PAGE == 1 << (LEAST_BITS + PAGES_SIZES / PAGES_STEPS), "a list for each size");

// In front of each piece.
struct piece_head {
    struct piece_head *next, *prev; // of a list in struct pages; a piece in use is in none but `alone`
    size_t size;                    // in all
    bool shelved;
};

#ifdef WITH_ASAN
static const bool shelves = false;

static void *map(size_t size)
{
    return calloc(1, size);
}

static void *map_huge(size_t size)
{
    return map(size);
}

static void unmap(void *p, size_t size)
{
    (void)size;
    free(p);
}
#else
static const bool shelves = true;

static void *map(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

// Aligned to huge pages.
static void *map_huge(size_t size)
{
    char *p = size > SIZE_MAX - HUGE_PAGE ? NULL : map(size + HUGE_PAGE);
    if (!p)
        return NULL;
    size_t before = (HUGE_PAGE - (uintptr_t)p % HUGE_PAGE) % HUGE_PAGE;
    if (before)
        munmap(p, before);
    p += before;
    munmap(p + size, HUGE_PAGE - before);
    // Only advice: nothing is lost where the kernel cannot. What is no whole huge page stays small, since it would
    // count whole; it will be used soon, and one call for all of its pages is cheaper than a fault for each.
    size_t huge = size & ~(size_t)(HUGE_PAGE - 1);
    madvise(p, huge, MADV_HUGEPAGE);
    if (size > huge)
        madvise(p + huge, size - huge, MADV_POPULATE_WRITE);
    return p;
}

static void unmap(void *p, size_t size)
{
    munmap(p, size);
}
#endif

static void put_in(struct piece_head **list, struct piece_head *h)
{
    h->prev = NULL;
    h->next = *list;
    if (h->next)
        h->next->prev = h;
    *list = h;
}

static void take_out(struct piece_head **list, struct piece_head *h)
{
    if (h->next)
        h->next->prev = h->prev;
    if (h->prev)
        h->prev->next = h->next;
    else
        *list = h->next;
}

static void *take_alone(struct pages *g, size_t size)
{
    if (size > SIZE_MAX - HUGE_PAGE)
        return NULL;
    bool huge = size > MOST_SHELVED;
    if (huge) {
        // The end may be another huge page, if at least half of it is used.
        size_t unit = size % HUGE_PAGE < HUGE_PAGE / 2 ? PAGE : HUGE_PAGE;
        size = (size + (unit - 1)) & ~(unit - 1);
    }
    struct piece_head *h = huge ? map_huge(size) : map(size);
    if (!h)
        return NULL;
    h->size = size;
    put_in(&g->alone, h);
    return h + 1;
}

// The list of pieces of *size bytes and up; *size becomes what they all have. An eighth of a piece is lost at most.
static unsigned size_of(size_t *size)
{
    unsigned bits = 63 - (unsigned)__builtin_clzll(*size);
    size_t step = (size_t)1 << (bits - 3);
    *size = (*size + (step - 1)) & ~(step - 1);
    return (bits - LEAST_BITS) * PAGES_STEPS + (unsigned)(*size / step) - PAGES_STEPS;
}

// The most that such pieces have of `left` bytes; 0: there is none as small.
static size_t size_below(size_t left)
{
    if (left < PAGES_LEAST)
        return 0;
    size_t step = (size_t)1 << (60 - (unsigned)__builtin_clzll(left));
    size_t size = left & ~(step - 1);
    return size < MOST_SHELVED ? size : MOST_SHELVED;
}

static bool new_shelf(struct pages *g)
{
    struct piece_head *h = map_huge(SHELF);
    if (!h)
        return false;
    h->size = SHELF;
    put_in(&g->shelves, h);
    g->at = (char *)(h + 1);
    g->left = SHELF - sizeof *h;
    return true;
}

// Taken again, with zeros.
static void *again(struct pages *g, unsigned list, size_t size)
{
    struct piece_head *h = g->again[list];
    take_out(&g->again[list], h);
    return memset(h + 1, 0, size - sizeof *h);
}

static void *cut(struct pages *g, size_t size)
{
    struct piece_head *h = (struct piece_head *)g->at;
    h->size = size;
    h->shelved = true;
    g->at += size;
    g->left -= size;
    return h + 1;
}

static void *take_shelved(struct pages *g, size_t size)
{
    size_t room = size;
    unsigned list = size_of(&room);
    if (g->again[list])
        return again(g, list, size);
    if (room > g->left) {
        // What the last one has left is a piece that was given back.
        size_t rest = size_below(g->left);
        if (rest)
            pages_give(g, cut(g, rest));
        if (!new_shelf(g))
            return NULL;
    }
    return cut(g, room);
}

// Room in front of a piece.
static bool with_head(size_t *size)
{
    if (*size > SIZE_MAX - sizeof(struct piece_head))
        return false;
    *size += sizeof(struct piece_head);
    return true;
}

void *pages_take(struct pages *g, size_t size)
{
    if (!with_head(&size))
        return NULL;
    bool alone = !shelves || g->taken <= SMALL || size > MOST_SHELVED;
    g->taken += size;
    return alone ? take_alone(g, size) : take_shelved(g, size);
}

void *pages_take_any(struct pages *g, size_t *size)
{
    for (unsigned list = PAGES_SIZES; list--;) {
        if (g->again[list]) {
            size_t all = g->again[list]->size;
            *size = all - sizeof(struct piece_head);
            return again(g, list, all);
        }
    }
    return pages_take(g, *size);
}

void pages_give(struct pages *g, void *piece)
{
    struct piece_head *h = (struct piece_head *)piece - 1;
    if (h->shelved) {
        size_t room = h->size;
        put_in(&g->again[size_of(&room)], h);
        return;
    }
    take_out(&g->alone, h);
    unmap(h, h->size);
}

static void end_list(struct piece_head *h)
{
    while (h) {
        struct piece_head *next = h->next;
        unmap(h, h->size);
        h = next;
    }
}

void pages_end(struct pages *g)
{
    end_list(g->alone);
    end_list(g->shelves);
}
