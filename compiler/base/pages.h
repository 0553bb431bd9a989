// SPDX-License-Identifier: MIT
// Where an arena's memory comes from: pieces of 32 KB and more, of the kernel's pages.
#ifndef MACHC_BASE_PAGES_H
#define MACHC_BASE_PAGES_H

#include <stddef.h>

struct piece_head;

enum {
    PAGES_LEAST = 32 * 1024,       // bytes of the smallest piece that is worth it
    PAGES_STEPS = 8,               // sizes between a power of two and the next
    PAGES_SIZES = 6 * PAGES_STEPS, // up to 2 MB
};

/* All zeros at first. Belongs to one thread at a time. */
struct pages {
    struct piece_head *alone;              // those with pages of their own
    struct piece_head *shelves;            // what the others were cut from
    struct piece_head *again[PAGES_SIZES]; // given back, by size
    char *at;                              // what the last shelf has left
    size_t left;
    size_t taken; // bytes so far
};

/* `size` zeroed bytes, from PAGES_LEAST on, aligned to 16; NULL when there is no memory. */
void *pages_take(struct pages *g, size_t size);

/* The same for pieces that may be larger: one that was given back, if there is one. *size becomes what it has. */
void *pages_take_any(struct pages *g, size_t *size);

/* Gives a piece back. What is large goes back to the system at once, the rest is taken again. */
void pages_give(struct pages *g, void *piece);

/* Gives back everything. */
void pages_end(struct pages *g);

#endif
