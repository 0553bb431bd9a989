// SPDX-License-Identifier: MIT
// Files that are all replaced, or none.
#ifndef MACHC_CLI_OUTPUT_H
#define MACHC_CLI_OUTPUT_H

#include "base/arena.h"
#include "base/pieces.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct output {
    const char *path; // "-": standard output
    struct pieces data;
    bool keep_mode; // of the file that is there
};

/*
 * Writes all outputs. Files are written to temporaries beside them, synced, and renamed when all are complete;
 * then what is no regular file (standard output, devices, pipes) is written directly. When anything fails, or
 * SIGINT, SIGTERM or SIGHUP comes, every file is as it was and no temporary is left. `dir` is made first when it
 * does not exist (NULL: no directory). False after a message on `err`.
 */
bool outputs_write(struct arena *a, const char *dir, const struct output *outputs, size_t n, FILE *err);

#endif
