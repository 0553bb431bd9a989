// SPDX-License-Identifier: MIT
// --fix: applies the fixes that are unambiguous.
#ifndef MACHC_CLI_FIX_H
#define MACHC_CLI_FIX_H

#include "cli/options.h"

/*
 * Checks a file, applies the fixes that its messages carry, and does so again until none is left (one mistake may hide
 * another). The file is replaced as a whole or not at all, keeps its mode, and is not touched when it changed
 * meanwhile. Of fixes that overlap the first is made. Only this file is changed: what it includes is not, nor the
 * host's tree. Each change is told on `err`. Returns STATUS_FINE, STATUS_USAGE when the file could not be written,
 * STATUS_FAULT when memory ran out; what is still wrong is for the check that comes next to say.
 */
int fix_file(const struct options *o, const char *input, FILE *err);

#endif
