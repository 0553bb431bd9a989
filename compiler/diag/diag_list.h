// SPDX-License-Identifier: MIT
// The list of messages as diag.c makes it, for those that show it.
#ifndef MACHC_DIAG_DIAG_LIST_H
#define MACHC_DIAG_DIAG_LIST_H

#include "base/map.h"
#include "base/vec.h"
#include "diag/diag.h"

enum severity { SEVERITY_WARNING, SEVERITY_ERROR, SEVERITY_FAULT };

enum part_kind { PART_NOTE, PART_FACT, PART_HELP, PART_PASTE };

struct diag_part {
    struct diag_part *next;
    struct src at; // of a note
    const char *text;
    uint8_t kind;
};

struct diag_fix {
    struct diag_fix *next;
    struct loc where;
    const char *text;
};

struct diag {
    struct arena *arena; // NULL: a repeated or suppressed message, nothing is kept
    struct diags *list;
    struct src at;
    const char *text;
    const char *label; // or NULL
    struct diag_part *parts, *last_part;
    struct diag_fix *fixes, *last_fix;
    struct diag *same_hash;
    uint32_t seq;  // in the order of adding
    uint32_t more; // times it was added for other uses of the same text
    enum msg m;
    uint8_t severity; // after the policy
};

struct diags {
    struct arena *arena;
    struct sources *sources;
    struct diag_policy policy;
    struct map seen; // (hash, code) -> struct diag, chained by same_hash
    VEC(struct diag *) all;
    uint32_t errors, warnings; // shown
    uint32_t repeated;         // errors that were the same for another use of a text
    uint32_t searches;         // by diags_nearest()
    struct diag dropped;
};

/* All messages in the order in which they are shown. The array is the list's own. */
struct diag *const *diags_sorted(struct diags *ds);

#endif
