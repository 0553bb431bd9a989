// SPDX-License-Identifier: MIT
// All inputs of a command line: at once, and shown in their order.
#ifndef MACHC_CLI_BATCH_H
#define MACHC_CLI_BATCH_H

#include "cli/options.h"

/*
 * Compiles every input, o->jobs at a time. Messages come in the order of the command line, whoever is done first;
 * documents (SARIF, JSON) hold those of all inputs. Returns the worst of the exit statuses. `a` holds what the files
 * for --diagnostics need.
 */
int batch_run(struct arena *a, const struct options *o, FILE *out, FILE *err);

#endif
