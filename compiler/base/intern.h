// SPDX-License-Identifier: MIT
// Every name is stored once, so that names compare by address.
#ifndef MACHC_BASE_INTERN_H
#define MACHC_BASE_INTERN_H

#include "base/arena.h"

#include <stdint.h>

struct intern;

/* An empty table whose strings live in `a`. */
struct intern *intern_new(struct arena *a);

/* The one copy of the `n` bytes at s (no NUL inside), NUL-terminated. */
const char *intern_n(struct intern *t, const char *s, size_t n);

/* The same for a NUL-terminated string. */
const char *intern(struct intern *t, const char *s);

/* The hash of a string that intern() returned, in constant time. */
uint32_t intern_hash(const char *interned);

/* Length in bytes of a string that intern() returned, in constant time. */
uint32_t intern_len(const char *interned);

/* A hash of n bytes, the same on every machine: tables that are made when machc is built rest on it. */
uint32_t hash_bytes(const char *s, size_t n);

/*
 * Strings that every table has from the start, each where it was compiled to: {hash, length, bytes and a NUL} one
 * behind the other, each at a multiple of 4 bytes from `strings`. Slot hash % room, or one of those behind it, holds
 * that multiple + 1; 0: there is no such string.
 */
struct intern_builtin {
    const void *strings;
    const uint32_t *slots;
    uint32_t room; // a power of two, with some slots at 0
};

/* Of machc: what its schemas name. Made when it is built. */
extern const struct intern_builtin intern_builtin;

#endif
