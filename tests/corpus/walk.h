// SPDX-License-Identifier: MIT
// An independent look at a finished tree, with libfdt and a table of its own: it shares nothing with the compiler.
#ifndef CORPUS_WALK_H
#define CORPUS_WALK_H

#include <stdbool.h>
#include <stddef.h>

/*
 * True when every reference of the tree leads to a node that can be referred to in that way, and every interrupt to a
 * controller. Else `problem` names the node, the property and what is wrong.
 */
bool walk_tree(const void *fdt, char *problem, size_t size);

#endif
