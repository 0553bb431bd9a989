// SPDX-License-Identifier: MIT
// Memory of one compilation: taken piece by piece, given back all at once.
#ifndef MACHC_BASE_ARENA_H
#define MACHC_BASE_ARENA_H

#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

struct arena;

/* What arenas may take together, and have taken, in bytes of whole blocks. */
struct arena_budget {
    size_t used, limit;
};

enum { ARENA_NO_MEMORY = 1, ARENA_OVER_BUDGET = 2 };

/*
 * A new, empty arena, or NULL when there is no memory. The caller owns it and
 * ends it with arena_free(). When memory runs out later, the arena jumps to
 * *on_oom (ARENA_NO_MEMORY), which must stay alive as long as the arena is used.
 * Hash tables in it use `key`. An arena belongs to one thread at a time.
 */
struct arena *arena_new(jmp_buf *on_oom, struct hash_key key);

/*
 * Counts what the arena takes from now on in *budget, which other arenas of the thread may share, and which must stay
 * where it is as long as the arena is used. Before more than its limit is taken, the arena jumps to on_oom
 * (ARENA_OVER_BUDGET).
 */
void arena_limit(struct arena *a, struct arena_budget *budget);

/* The key that it was made with. */
struct hash_key arena_key(const struct arena *a);

/* Gives back the arena and all that was taken from it. NULL is fine. */
void arena_free(struct arena *a);

/* `size` zeroed bytes, aligned to 8: for any type but long double and vectors. Never NULL: jumps to on_oom instead. */
void *arena_alloc(struct arena *a, size_t size);

/*
 * Gives back what arena_alloc() or arena_array() returned for `size` bytes in all. Only large pieces go back to the
 * system; small ones wait for arena_free(). For tables that have outgrown their place.
 */
void arena_release(struct arena *a, void *p, size_t size);

/* An array of `n` zeroed elements; the product is checked for overflow. */
void *arena_array(struct arena *a, size_t n, size_t size);

/* A copy of `n` bytes with a NUL after them. */
char *arena_strndup(struct arena *a, const char *s, size_t n);

/* printf into the arena. */
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* Bytes taken so far, for the benchmark's memory column. */
size_t arena_used(const struct arena *a);

#define NEW(arena, T) ((T *)arena_alloc((arena), sizeof(T)))

#endif
