// SPDX-License-Identifier: MIT
// A tree's contents in messages: texts that are fit to be shown, and places.
#ifndef MACHC_TREE_SHOW_H
#define MACHC_TREE_SHOW_H

#include "machc.h"
#include "tree/tree.h"

/* `s` fit for a message: bytes that do not print as \xNN, the middle of a very long text left out. */
const char *dt_show(struct arena *a, const char *s);

/* dt_show() of the path. */
const char *dt_show_path(struct arena *a, const struct dt_node *n);

/*
 * A strange tree is strange in a thousand places: of each message the first few are shown, then their number.
 * One per reading of a tree.
 */
struct noise {
    uint32_t count[MSG_COUNT];
};
enum { NOISE_LIMIT = 5 };

/* Counts a message of this kind; true when it is to be shown. */
bool noise_ok(struct noise *q, enum msg m);

/* Says of each kind how many more there were in `file`. */
void noise_end(struct machc *c, const struct noise *q, const char *file, struct src at);

/* Where a property of a host tree was written, when the tree's source is text; else `otherwise`. */
struct src dt_place(const struct dt_prop *p, struct src otherwise);

/* "board.dtb: " before a message that is not shown at such a place; else "". `file` is fit to be shown. */
const char *dt_whose(struct arena *a, const char *file, const struct dt_prop *p);

#endif
