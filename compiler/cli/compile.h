// SPDX-License-Identifier: MIT
// An input of the command line, from its text to its outputs and messages.
#ifndef MACHC_CLI_COMPILE_H
#define MACHC_CLI_COMPILE_H

#include "cli/options.h"

/* One input, or with --together all of them, and what becomes of it. */
struct unit {
    const struct options *o;
    const char *const *inputs;
    uint32_t ninputs; // at least 1
    FILE *err;        // messages as text, and what else there is to say
    FILE **parts;     // one for each of o->reports: the messages in its format; NULL for text
    bool alone;       // the only unit: the text ends with the number of errors
    bool text;        // messages are shown as text
    bool colour;
    struct report_sum sum; // of this one compilation
};

/* Checks the inputs of a `struct unit`, and writes what o asks for when it is right. Returns the exit status. A
 * machc_fn: any number of units may run at once, each on its thread. */
int compile_unit(struct machc *c, void *unit);

/* Shows messages and counts them. Returns STATUS_FINE or STATUS_ERRORS. */
int show_messages(struct machc *c, struct unit *u);

#endif
