// SPDX-License-Identifier: MIT
// Text in aligned columns.
#ifndef MACHC_EMIT_TEXT_TABLE_H
#define MACHC_EMIT_TEXT_TABLE_H

#include "base/arena.h"

#include <stdint.h>

enum { COLUMNS_MAX = 12 };

/* Text that grows at its end, and a table whose rows wait for their columns' widths. */
struct columns {
    struct arena *arena;
    char *text;
    size_t n, room;
    const char **cells;
    uint32_t ncells, cells_room;
    uint32_t ncolumns;
};

/* Appends formatted text. */
void columns_print(struct columns *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Starts a table: its title on a line of its own, then the names of its columns. Ends with a NULL. */
void columns_begin(struct columns *t, const char *title, ...) __attribute__((sentinel));

/* The next cell of the table, row by row; NULL is an empty one. */
void columns_cell(struct columns *t, const char *s);

/* Writes the table, an empty line in front of it; nothing when it has no rows. */
void columns_end(struct columns *t);

#endif
