// SPDX-License-Identifier: MIT
// Text that grows at its end, and tables of aligned columns in it.
#include "emit/text_table.h"

#include "diag/utf8.h"

#include <stdarg.h>
#include <string.h>

static void append(struct text_out *t, const char *s, size_t n)
{
    if (n >= t->room - t->n) { // one byte is for the NUL
        size_t room = t->room ? t->room : 1024;
        while (room - t->n <= n)
            room = room > SIZE_MAX / 2 ? SIZE_MAX : room * 2;
        char *text = arena_alloc(t->arena, room);
        if (t->n)
            memcpy(text, t->text, t->n);
        t->text = text;
        t->room = room;
    }
    memcpy(t->text + t->n, s, n);
    t->n += n;
    t->text[t->n] = '\0';
}

// Returns the width of a cell in characters, not bytes.
static size_t text_width(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

// Replaces what must not be shown (utf8_unfit()) with '?'. Copies the text only if it has some.
static const char *without_controls(struct text_out *t, const char *s)
{
    char *copy = NULL;
    size_t n = strlen(s), at = 0;
    for (uint32_t len; at < n; at += len) {
        uint32_t c = utf8_decode(s + at, n - at, &len);
        if (!utf8_unfit(c) && !(c == UTF8_REPLACEMENT && len == 1))
            continue;
        copy = copy ? copy : arena_strndup(t->arena, s, n);
        memset(copy + at, '?', len);
    }
    return copy ? copy : s;
}

void text_print(struct text_out *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *s = arena_vprintf(t->arena, fmt, ap);
    va_end(ap);
    append(t, s, strlen(s));
}

void table_cell(struct text_out *t, const char *s)
{
    if (t->ncells == t->cells_room) {
        uint32_t room = t->cells_room ? t->cells_room * 2 : 64;
        const char **cells = arena_array(t->arena, room, sizeof *cells);
        if (t->ncells)
            memcpy(cells, t->cells, t->ncells * sizeof *cells);
        t->cells = cells;
        t->cells_room = room;
    }
    t->cells[t->ncells++] = s ? without_controls(t, s) : "";
}

void table_begin(struct text_out *t, const char *title, ...)
{
    t->ncells = t->ncolumns = 0;
    table_cell(t, title);
    va_list ap;
    va_start(ap, title);
    for (const char *s; (s = va_arg(ap, const char *));) {
        table_cell(t, s);
        t->ncolumns++;
    }
    va_end(ap);
}

void table_end(struct text_out *t)
{
    static const char spaces[] = "                ";
    size_t width[TABLE_COLUMNS] = {0};
    uint32_t n = t->ncells - 1;
    const char **cells = t->cells + 1;
    if (n <= t->ncolumns)
        return;
    for (uint32_t i = 0; i < n; i++) {
        size_t len = text_width(cells[i]);
        if (len > width[i % t->ncolumns])
            width[i % t->ncolumns] = len;
    }
    text_print(t, "\n%s\n", t->cells[0]);
    size_t gap = 2; // spaces to write before the next cell that is not empty, so that no line ends with spaces
    for (uint32_t i = 0; i < n; i++) {
        size_t len = strlen(cells[i]), column = i % t->ncolumns;
        for (; len && gap; gap -= gap < sizeof spaces - 1 ? gap : sizeof spaces - 1)
            append(t, spaces, gap < sizeof spaces - 1 ? gap : sizeof spaces - 1);
        append(t, cells[i], len);
        gap += width[column] - text_width(cells[i]) + 2;
        if (column == t->ncolumns - 1) {
            append(t, "\n", 1);
            gap = 2;
        }
    }
}
