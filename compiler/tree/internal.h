// SPDX-License-Identifier: MIT
// What the files of tree/ and host/ share among themselves.
#ifndef MACHC_TREE_INTERNAL_H
#define MACHC_TREE_INTERNAL_H

#include "machc.h"
#include "tree/tree.h"

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

/* `s` fit for a message: bytes that do not print as \xNN, the middle of a very long text left out. */
const char *dt_show(struct arena *a, const char *s);

/* dt_show() of the path. */
const char *dt_show_path(struct arena *a, const struct dt_node *n);

/* Where a property of a host tree was written, when the tree's source is text; else `otherwise`. */
struct src dt_place(const struct dt_prop *p, struct src otherwise);

/* "board.dtb: " in front of a message that is not shown at such a place; else "". `file` is fit to be shown. */
const char *dt_whose(struct arena *a, const char *file, const struct dt_prop *p);

/* True when dtc's grammar can hold the name of a node or property (dtc-lexer.l, PROPNODECHAR). */
bool dt_name_plain(const char *name);

/*
 * The child whose name without unit address is `base` (interned), when there is exactly one; or NULL.
 * *count is how many there are. Constant time, once the tree's index is made by the first call.
 */
struct dt_node *dt_child_base(const struct dt_tree *t, const struct dt_node *parent, const char *base, uint32_t *count);

/* dt_at() with every component in full. */
struct dt_node *dt_at_exact(const struct dt_tree *t, const char *path);

/* Adds a property at the end; the caller has checked that the name is free. */
struct dt_prop *dt_append(struct dt_tree *t, struct dt_node *n, const char *interned);

/* Adds a reference whose offset is not below that of those there, in constant time. */
struct dt_ref *dt_append_ref(struct dt_tree *t, struct dt_prop *p, uint32_t offset);

/* True for a property that says the node's phandle. */
bool dt_is_phandle_name(const char *name);

/* True when the node's own properties say its phandle, so that writers add none. */
bool dt_has_phandle_prop(const struct dt_node *n);

#endif
