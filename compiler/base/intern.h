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

/* The hash of a string that intern() returned, in constant time. It is another one in another compilation. */
uint32_t intern_hash(const char *interned);

/* Length in bytes of a string that intern() returned, in constant time. */
uint32_t intern_len(const char *interned);

#endif
