// SPDX-License-Identifier: MIT
// The command line of machc.
#ifndef MACHC_CLI_OPTIONS_H
#define MACHC_CLI_OPTIONS_H

#include "base/vec.h"
#include "diag/report.h"
#include "machc.h"

enum view { VIEW_NONE, VIEW_DTS, VIEW_JSON, VIEW_PLAN, VIEW_MAP, VIEW_GRAPH, VIEW_HOST, VIEW_VMM, VIEW_EXPLAIN };

/* What was asked for, after all options are read. */
enum action { ACTION_COMPILE, ACTION_HELP, ACTION_VERSION, ACTION_EXPLAIN, ACTION_LIST_CLASSES, ACTION_DUMP_CLASS };

/* One --diagnostics. */
struct report_to {
    enum report_format format;
    const char *file; // NULL: standard error for text, standard output for the others
};

struct options {
    VEC(const char *) inputs;
    const char *dtb, *config; // -o, -c; "-": standard output
    const char *dir;          // -O
    const char *machine;      // -m
    const char *explain;      // --explain: a message's code, list, all
    const char *explain_node; // --explain: a node of a guest
    const char *dump;         // --dump-class
    const char *vmm;          // --emit of a VMM's command line: its name
    struct diag_policy policy;
    VEC(const char *) include_dirs;
    VEC(struct define) defines;
    VEC(struct report_to) reports; // at least one when options_read() is done
    const char *host_file, *schema_dir;
    const char *depend_file; // -MF
    VEC(const char *) depend_targets;
    bool depend, depend_phony; // -MD, -MP
    uint32_t max_errors, jobs; // jobs: 0: as many as there are processors
    uint32_t max_memory;       // MiB; 0: no limit
    enum action action;
    enum view view; // --emit
    bool check, fix, syntax, symbols;
    bool together; // all files are one compilation
    bool max_errors_given, max_memory_given;
};

/*
 * Reads the command line into `o`, whose lists live in c->arena. False after a message on `err`: a mistake of usage.
 */
bool options_read(struct machc *c, int argc, char **argv, struct options *o, FILE *err);

/* Tells a compilation what was asked for: include_dirs, defines, host_file, schema_dir, symbols, the policy of
 * c->diags, the limit of memory. `o` must outlive it. */
void options_apply(const struct options *o, struct machc *c);

/* The text of --help. */
void options_help(FILE *to);

/* True: messages to `err` may be coloured, and progress may be shown there: a terminal, and neither NO_COLOR nor
 * TERM=dumb forbids it. */
bool terminal_colour(FILE *err);

#endif
