// SPDX-License-Identifier: MIT
// One format of messages for machines; each is a file of its own.
#ifndef MACHC_DIAG_REPORT_FORMAT_H
#define MACHC_DIAG_REPORT_FORMAT_H

#include "diag/diag_list.h"
#include "diag/report.h"

struct report_writer {
    void (*begin)(FILE *to);
    void (*messages)(struct diags *ds, struct diag *const *all, uint32_t n, FILE *to); // n > 0
    void (*end)(const struct report_sum *sum, const char *version, FILE *to);
    const char *between;
};

extern const struct report_writer report_json, report_sarif, report_github;

/* A place as machines want it. */
struct report_place {
    const char *file; // NULL: nowhere
    bool lines;       // the numbers below are known: false for a blob, and columns are 0 in lines of absurd length
    uint32_t line, column, end_line, end_column; // from 1, in bytes; the end is after the range
    uint32_t chars, end_chars;                   // the columns in characters (Unicode code points), from 1
};
struct report_place report_place(struct diags *ds, struct loc l);

/* "error", "warning"; a fault of machc is an error. */
const char *report_level(const struct diag *d);

#endif
