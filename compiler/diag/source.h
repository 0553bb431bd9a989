// SPDX-License-Identifier: MIT
// The texts of a compilation and places in them.
#ifndef MACHC_DIAG_SOURCE_H
#define MACHC_DIAG_SOURCE_H

#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>

/* A byte range of a file: [start, end). File 0 means nowhere. Lines are computed when shown. */
struct loc {
    uint32_t file;
    uint32_t start, end;
};

static inline struct loc loc_join(struct loc a, struct loc b)
{
    return (struct loc){a.file, a.start, b.end > a.start ? b.end : a.end};
}

struct source {
    uint32_t id;      // the number in struct loc, from 1
    const char *name; // as the user wrote it, or found it
    const char *text; // len bytes and two NUL bytes after them (for yy_scan_buffer)
    uint32_t len;
    struct loc included_from; // the include statement, or file 0
    bool builtin;             // from schemas/, compiled in
    bool binary;              // holds NUL bytes: it has no lines to show
    uint32_t *lines;          // offsets of line starts, made on first use
    uint32_t nlines;
};

struct sources;

struct sources *sources_new(struct arena *a);

/*
 * Reads a whole file (at most 1 GiB), "-" being standard input. NULL on failure with *why set to
 * one sentence and *err to an errno (0: the file was read but is not a text: a NUL byte in it).
 * `binary` allows NUL bytes. A path that was read before gives the same source again.
 */
struct source *source_read(struct sources *ss, const char *path, bool binary, const char **why, int *err);

/* A source from memory, which must outlive `ss` and end in two NUL bytes. */
struct source *source_builtin(struct sources *ss, const char *name, const char *text, uint32_t len);

/* The source with this number; NULL for 0 or an unknown one. */
struct source *source_get(const struct sources *ss, uint32_t id);
uint32_t sources_count(const struct sources *ss);

struct line_col {
    uint32_t line, column; // from 1; column counts bytes
};

/* Line and column of a byte offset: a binary search in the source's line table. */
struct line_col source_line(struct sources *ss, uint32_t file, uint32_t offset);

#endif
