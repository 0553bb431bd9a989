// SPDX-License-Identifier: MIT
// The command line of machc.
#ifndef MACHC_CLI_OPTIONS_H
#define MACHC_CLI_OPTIONS_H

#include "base/vec.h"
#include "machc.h"

enum view { VIEW_NONE, VIEW_DTS, VIEW_JSON, VIEW_PLAN };

/* What was asked for, after all options are read. */
enum action { ACTION_COMPILE, ACTION_HELP, ACTION_VERSION, ACTION_EXPLAIN, ACTION_LIST_CLASSES, ACTION_DUMP_CLASS };

struct options {
    const char *input;
    const char *dtb, *config; // -o, -c; "-": standard output
    const char *dir;          // -O
    const char *machine;      // -m
    const char *explain;      // --explain
    const char *dump;         // --dump-class
    struct diag_policy policy;
    VEC(const char *) include_dirs;
    VEC(struct define) defines;
    uint32_t max_errors;
    enum action action;
    enum view view; // --emit
    bool check, syntax;
};

/*
 * Reads the command line into `o` and what passes need to know into `c` (include_dirs, defines, host_file,
 * schema_dir, symbols, the policy of c->diags). False after a message on `err`: a mistake of usage.
 */
bool options_read(struct machc *c, int argc, char **argv, struct options *o, FILE *err);

/* The text of --help. */
void options_help(FILE *to);

#endif
