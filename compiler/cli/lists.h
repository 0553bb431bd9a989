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

/*
 * Prints what a schema file says of a class, irqchip, host's irqchip or platform, as a schema file of its own: a start
 * for another one. `name` is its name, or a compatible string. False: the schemas have errors (see c->diags), or after
 * a message on `err` there is no such thing.
 */
bool dump_class(struct machc *c, const char *name, FILE *to, FILE *err);

#endif
