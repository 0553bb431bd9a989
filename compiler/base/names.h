// SPDX-License-Identifier: MIT
// From interned names to things. Where a name stands depends on its letters only, so such a table can be compiled in.
#ifndef MACHC_BASE_NAMES_H
#define MACHC_BASE_NAMES_H

#include "base/arena.h"

#include <stdint.h>

struct name_slot {
    const char *name; // interned; NULL: nothing stands here
    const void *item;
};

struct names {
    const struct name_slot *slots;
    uint32_t n;
    uint32_t room; // a power of two, or 0
};

/* What stands under an interned name, or NULL. */
const void *names_get(const struct names *t, const char *name);

/* Puts a thing under an interned name, in place of an older one. Only for tables that were filled so from the start. */
void names_put(struct arena *a, struct names *t, const char *name, const void *item);

#endif
