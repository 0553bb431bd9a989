// SPDX-License-Identifier: MIT
// What a build has to watch: a rule for make and ninja.
#ifndef MACHC_CLI_DEPFILE_H
#define MACHC_CLI_DEPFILE_H

#include "cli/options.h"

/*
 * The text of a depfile: `targets` (or those of -MT) depend on every file that was read for this compilation, in the
 * order of reading. What has no name in the file system (standard input, the schemas that are built in) and what the
 * kernel makes up (/proc, /sys, /dev) is left out. NUL-terminated, in c->arena. NULL after a message on `err`: a name
 * with a newline cannot be written.
 */
const char *depfile_text(struct machc *c, const struct options *o, const char *const *targets, uint32_t ntargets,
                         FILE *err);

/* Where it goes: -MF, else the first output with `.d` in place of what follows its last dot. */
const char *depfile_name(struct arena *a, const struct options *o);

#endif
