// SPDX-License-Identifier: MIT
// Where a node of a guest comes from, property by property.
#ifndef MACHC_CLI_EXPLAIN_H
#define MACHC_CLI_EXPLAIN_H

#include "plan/plan.h"

#include <stdio.h>

/*
 * Explains the node that `what` names in the guest's tree: an absolute path, a label or the name of a device (with or
 * without &), an unambiguous tail of a path, or the path of the host's node that it was copied from. `only`: in this
 * machine; NULL: in every machine that has it. NUL-terminated, in c->arena; NULL after a message on `err`.
 */
const char *explain_node(struct machc *c, const struct plan *p, const struct p_machine *only, const char *what,
                         FILE *err);

#endif
