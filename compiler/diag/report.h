// SPDX-License-Identifier: MIT
/*
 * Messages for machines: JSON, SARIF 2.1.0, GitHub's workflow commands. One document holds the messages of one or of
 * many compilations; each compilation's part is made by itself, on any thread, and parts are put together in the order
 * of the command line.
 */
#ifndef MACHC_DIAG_REPORT_H
#define MACHC_DIAG_REPORT_H

#include "diag/diag.h"

enum report_format { REPORT_TEXT, REPORT_JSON, REPORT_SARIF, REPORT_GITHUB, REPORT_FORMATS };

/* "text", "json", "sarif", "github", NULL: what --diagnostics takes. */
extern const char *const report_names[REPORT_FORMATS + 1];

/* What the document as a whole has to know of the compilations in it. Zero: none yet. */
struct report_sum {
    bool used[MSG_COUNT]; // messages that were added
    uint32_t errors, warnings;
    uint32_t files, files_failed, files_warned; // compilations in all, with errors, with warnings alone
    bool crashed;                               // one was not finished
};

/* Adds what `ds` holds, and one compilation, to the sum. */
void report_count(struct report_sum *sum, struct diags *ds);

/* Adds `b` to `a`. */
void report_add(struct report_sum *a, const struct report_sum *b);

/*
 * Writes the messages of one compilation in the order in which text shows them, at most `max_errors` errors (0: all).
 * Nothing when there are none. Not for REPORT_TEXT: that is diags_print().
 */
void report_messages(enum report_format f, struct diags *ds, uint32_t max_errors, FILE *to);

/* The text before the first part, between two that are not empty, and after the last. */
void report_begin(enum report_format f, FILE *to);
void report_between(enum report_format f, FILE *to);
void report_end(enum report_format f, const struct report_sum *sum, const char *version, FILE *to);

#endif
