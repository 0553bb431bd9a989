// SPDX-License-Identifier: MIT
// Checks a finished tree independently, with libfdt and a table of its own. It shares nothing with the compiler.
#ifndef CORPUS_WALK_H
#define CORPUS_WALK_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Returns true if every reference of the tree leads to a node that supports it, and every interrupt to a controller.
 * Else `problem` names the node, the property and the mistake.
 */
bool walk_tree(const void *fdt, char *problem, size_t size);

#endif
