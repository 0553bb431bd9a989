// SPDX-License-Identifier: MIT
#include "diag/report.h"

#include "diag/report_format.h"
#include "diag/utf8.h"

enum { LONGEST_LINE = 64 * 1024 }; // bytes: nobody writes such lines, and characters are counted from their start

const char *const report_names[REPORT_FORMATS + 1] = {"text", "json", "sarif", "github", NULL};

static const struct report_writer *const writers[REPORT_FORMATS] = {NULL, &report_json, &report_sarif, &report_github};

void report_count(struct report_sum *sum, struct diags *ds)
{
    for (uint32_t i = 0; i < ds->all.n; i++)
        sum->used[ds->all.at[i]->m] = true;
    sum->errors += ds->errors;
    sum->warnings += ds->warnings;
    sum->files++;
    sum->files_failed += ds->errors > 0;
    sum->files_warned += !ds->errors && ds->warnings;
}

void report_add(struct report_sum *a, const struct report_sum *b)
{
    for (size_t m = 0; m < MSG_COUNT; m++)
        a->used[m] = a->used[m] || b->used[m];
    a->errors += b->errors;
    a->warnings += b->warnings;
    a->files += b->files;
    a->files_failed += b->files_failed;
    a->files_warned += b->files_warned;
    a->crashed = a->crashed || b->crashed;
}

// How many of them are shown: as many as text shows.
static uint32_t count_shown(struct diag *const *all, uint32_t n, uint32_t max_errors)
{
    uint32_t errors = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (all[i]->severity == SEVERITY_WARNING)
            continue;
        if (max_errors && errors == max_errors)
            return i;
        errors++;
    }
    return n;
}

void report_messages(enum report_format f, struct diags *ds, uint32_t max_errors, FILE *to)
{
    struct diag *const *all = diags_sorted(ds);
    uint32_t n = count_shown(all, ds->all.n, max_errors);
    if (n)
        writers[f]->messages(ds, all, n, to);
}

void report_begin(enum report_format f, FILE *to)
{
    writers[f]->begin(to);
}

void report_between(enum report_format f, FILE *to)
{
    fputs(writers[f]->between, to);
}

void report_end(enum report_format f, const struct report_sum *sum, const char *version, FILE *to)
{
    writers[f]->end(sum, version, to);
}

// Column in characters, or 0.
static uint32_t characters(const struct source *s, uint32_t offset, uint32_t column)
{
    return column > LONGEST_LINE ? 0 : utf8_count(s->text + offset - (column - 1), column - 1) + 1;
}

struct report_place report_place(struct diags *ds, struct loc l)
{
    const struct source *s = source_get(ds->sources, l.file);
    struct report_place p = {0};
    if (!s)
        return p;
    p.file = s->name;
    p.lines = !s->binary;
    if (s->binary)
        return p;
    uint32_t start = l.start < s->len ? l.start : s->len, end = l.end < s->len ? l.end : s->len;
    if (end < start)
        end = start;
    struct line_col a = source_line(ds->sources, l.file, start), b = source_line(ds->sources, l.file, end);
    p.line = a.line;
    p.column = a.column;
    p.end_line = b.line;
    p.end_column = b.column;
    p.chars = characters(s, start, a.column);
    p.end_chars = characters(s, end, b.column);
    return p;
}

const char *report_level(const struct diag *d)
{
    return d->severity == SEVERITY_WARNING ? "warning" : "error";
}
