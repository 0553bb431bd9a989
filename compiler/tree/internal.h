// SPDX-License-Identifier: MIT
// What the files of tree/ share among themselves.
#ifndef MACHC_TREE_INTERNAL_H
#define MACHC_TREE_INTERNAL_H

#include "machc.h"
#include "tree/show.h"

/* True when dtc's grammar can hold the name of a node or property (dtc-lexer.l, PROPNODECHAR). */
bool dt_name_plain(const char *name);

/* Adds a property at the end; the caller has checked that the name is free. */
struct dt_prop *dt_append(struct dt_tree *t, struct dt_node *n, const char *interned);

/* Adds a reference whose offset is not below that of those there, in constant time. */
struct dt_ref *dt_append_ref(struct dt_tree *t, struct dt_prop *p, uint32_t offset);

/* Says that two nodes have one label, the second at `at` (E0902). */
void dt_report_label_twice(struct machc *c, const struct dt_node *has, const struct dt_node *n, const char *label,
                           struct src at);

/* True for a property that says the node's phandle. */
bool dt_is_phandle_name(const char *name);

/* True when the node's own properties say its phandle, so that writers add none. */
bool dt_has_phandle_prop(const struct dt_node *n);

#endif
