// SPDX-License-Identifier: MIT
// What machc knows, for people: --explain and --list-classes.
#ifndef MACHC_CLI_LISTS_H
#define MACHC_CLI_LISTS_H

#include "machc.h"

/* Prints what a message code means; "list": code, name and title of all; "all": all texts. False after a message on
 * `err`. */
bool explain_message(const char *code, FILE *to, FILE *err);

/* Prints irqchips, device classes and platforms in three tables. False when the schemas have errors: see c->diags. */
bool list_classes(struct machc *c, FILE *to);

#endif
