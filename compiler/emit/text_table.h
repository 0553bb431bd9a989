// SPDX-License-Identifier: MIT
// Text that grows at its end, and tables of aligned columns in it.
#ifndef MACHC_EMIT_TEXT_TABLE_H
#define MACHC_EMIT_TEXT_TABLE_H

#include "base/arena.h"

#include <stdint.h>

enum { TABLE_COLUMNS = 12 }; // the largest number of columns of a table

/*
 * A text that grows at its end. A table is written to it when the table is complete, since the widths of its columns
 * depend on all cells. The caller sets `arena`, in which everything is allocated, and the other members to 0.
 */
struct text_out {
    struct arena *arena;
    char *text; // NUL-terminated; NULL while nothing has been written
    size_t n, room;
    const char **cells; // of the table: its title, the names of its columns, its cells
    uint32_t ncells, cells_room;
    uint32_t ncolumns;
};

/* Appends formatted text. */
void text_print(struct text_out *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Begins a table with a title and the names of its columns, at most TABLE_COLUMNS. The list ends with NULL. */
void table_begin(struct text_out *t, const char *title, ...) __attribute__((sentinel));

/* Adds the next cell, row by row; NULL is an empty cell. The text must stay valid until table_end(). */
void table_cell(struct text_out *t, const char *s);

/* Appends the table, after an empty line. A table without rows appends nothing. */
void table_end(struct text_out *t);

#endif
