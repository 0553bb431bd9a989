// SPDX-License-Identifier: MIT
#include "diag/diag_snippet.h"

#include "diag/utf8.h"

#include <string.h>

enum { TAB = 8, NEAR = 1000 };

struct range {
    uint32_t first, last;
};

static bool within(uint32_t c, const struct range *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (c >= r[i].first && c <= r[i].last)
            return true;
    }
    return false;
}

// Combining marks and zero-width characters: the blocks of Unicode that hold nothing else.
static const struct range narrow[] = {
    {0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},   {0x610, 0x61a},   {0x64b, 0x65f},   {0x1ab0, 0x1aff},
    {0x1dc0, 0x1dff}, {0x200b, 0x200d}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff},
};

// East Asian wide and fullwidth blocks, and pictographs (Unicode's EastAsianWidth.txt, W and F).
static const struct range wide[] = {
    {0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},   {0xa960, 0xa97f}, {0xac00, 0xd7a3},
    {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6}, {0x1f300, 0x1f64f},
    {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
};

#define COUNT(a) (sizeof(a) / sizeof *(a))

static uint32_t width(uint32_t c)
{
    if (c < 0x300)
        return 1;
    if (within(c, narrow, COUNT(narrow)))
        return 0;
    return within(c, wide, COUNT(wide)) ? 2 : 1;
}

static void put_char(FILE *to, const char *s, uint32_t c, uint32_t len)
{
    if (c == UTF8_REPLACEMENT || utf8_unfit(c))
        fputs("\xef\xbf\xbd", to);
    else
        fwrite(s, 1, len, to);
}

void put_clean(FILE *to, const char *s, size_t n)
{
    while (n) {
        uint32_t len, c = utf8_decode(s, n, &len);
        put_char(to, s, c, len);
        s += len;
        n -= len;
    }
}

// Where a byte is on the screen. Tab stops count from `from`.
static uint32_t column_of(const char *from, const char *at)
{
    uint32_t column = 0;
    while (from < at) {
        uint32_t len, c = utf8_decode(from, (size_t)(at - from), &len);
        column += c == '\t' ? TAB - column % TAB : width(c);
        from += len;
    }
    return column;
}

static void pad(FILE *to, uint32_t n)
{
    fprintf(to, "%*s", (int)n, "");
}

// Writes the columns [low, high) of a text; what is cut in half becomes blanks.
static void put_columns(FILE *to, const char *s, const char *end, uint32_t low, uint32_t high)
{
    uint32_t column = 0;
    while (s < end && column < high) {
        uint32_t len, c = utf8_decode(s, (size_t)(end - s), &len);
        uint32_t next = column + (c == '\t' ? TAB - column % TAB : width(c));
        bool whole = column >= low && next <= high;
        if (c != '\t' && whole)
            put_char(to, s, c, len);
        else if (next > low)
            pad(to, (next < high ? next : high) - (column > low ? column : low));
        column = next;
        s += len;
    }
}

/* A line of a source, and which part of it is shown. */
struct line_view {
    const struct source *s;
    uint32_t number;
    const char *from, *end; // of the line, or of the neighbourhood of the place in a line of megabytes
    uint32_t low, high;     // columns shown: [low, high)
    bool cut_left, cut_right;
};

static bool view_line(struct line_view *v, struct sources *ss, struct loc l)
{
    const struct source *s = v->s = source_get(ss, l.file);
    if (!s || s->binary)
        return false;
    uint32_t start = l.start < s->len ? l.start : s->len;
    v->number = source_line(ss, l.file, start).line;
    v->from = s->text + s->lines[v->number - 1];
    v->end = s->text + (v->number < s->nlines ? s->lines[v->number] - 1 : s->len);
    const char *caret = s->text + start;
    if (v->end > v->from && v->end[-1] == '\r')
        v->end--;
    if (caret > v->end)
        caret = v->end;
    // Of a line of megabytes only the neighbourhood is looked at, or many messages in one line would take forever.
    v->cut_left = caret - v->from > NEAR;
    v->cut_right = v->end - caret > NEAR;
    if (v->cut_left) {
        v->from = caret - NEAR / 2;
        while (v->from < caret && ((unsigned char)*v->from & 0xc0) == 0x80)
            v->from++;
    }
    if (v->cut_right)
        v->end = caret + NEAR;
    uint32_t first = column_of(v->from, caret), all = column_of(v->from, v->end);
    v->low = 0;
    v->high = all;
    if (all > SNIPPET_WIDTH || v->cut_left || v->cut_right) {
        v->low = first > SNIPPET_WIDTH / 3 ? first - SNIPPET_WIDTH / 3 : 0;
        if (!v->cut_right && all < v->low + SNIPPET_WIDTH)
            v->low = all > SNIPPET_WIDTH ? all - SNIPPET_WIDTH : 0;
        v->high = v->low + SNIPPET_WIDTH < all ? v->low + SNIPPET_WIDTH : all;
    }
    v->cut_left = v->cut_left || v->low > 0;
    v->cut_right = v->cut_right || v->high < all;
    return true;
}

static const char *within_line(const struct line_view *v, uint32_t offset)
{
    const char *p = v->s->text + (offset < v->s->len ? offset : v->s->len);
    return p < v->from ? v->from : p > v->end ? v->end : p;
}

static void put_line(FILE *to, const struct line_view *v)
{
    fprintf(to, "%5u |%s%s", v->number, v->end > v->from ? " " : "", v->cut_left ? "..." : "");
    put_columns(to, v->from, v->end, v->low, v->high);
    fprintf(to, "%s\n", v->cut_right ? "..." : "");
}

// The start of a line below, up to the column at which the byte `at` is shown.
static void put_below(FILE *to, const struct line_view *v, const char *at)
{
    fputs("      | ", to);
    pad(to, column_of(v->from, at) - v->low + (v->cut_left ? 3 : 0));
}

void put_snippet(FILE *to, struct sources *ss, struct loc l, char mark, const char *label, const char *on,
                 const char *off)
{
    struct line_view v;
    if (!view_line(&v, ss, l))
        return;
    const char *caret = within_line(&v, l.start), *stop = l.end <= l.start ? caret : within_line(&v, l.end);
    uint32_t first = column_of(v.from, caret), last = column_of(v.from, stop);
    if (last > v.high)
        last = v.high;
    put_line(to, &v);
    put_below(to, &v, caret);
    fprintf(to, "%s%c", on, mark);
    for (uint32_t i = first + 1; i < last; i++)
        fputc('~', to);
    if (label) {
        fputc(' ', to);
        put_clean(to, label, strlen(label));
    }
    fprintf(to, "%s\n", off);
}

uint32_t put_edit(FILE *to, struct sources *ss, struct loc shown, uint32_t line, struct loc where, const char *text,
                  const char *on, const char *off)
{
    struct line_view v, w;
    if (!view_line(&v, ss, shown) || !view_line(&w, ss, where))
        return line;
    bool same = v.s == w.s && v.number == w.number;
    if (!same)
        v = w;
    const char *start = within_line(&v, where.start), *stop = within_line(&v, where.end);
    uint32_t column = column_of(v.from, start);
    if (column < v.low || column > v.high)
        return line;
    if (!same && line != v.number)
        put_line(to, &v);
    put_below(to, &v, start);
    fputs(on, to);
    size_t n = strcspn(text, "\n");
    if (*text)
        put_clean(to, text, n);
    else
        for (uint32_t i = column, last = column_of(v.from, stop); i < last && i < v.high; i++)
            fputc('-', to);
    fprintf(to, "%s%s\n", off, text[n] ? " ..." : "");
    return v.number;
}
