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

void put_snippet(FILE *to, struct sources *ss, struct loc l, char mark, const char *label, const char *on,
                 const char *off)
{
    const struct source *s = source_get(ss, l.file);
    if (!s || s->binary)
        return;
    uint32_t start = l.start < s->len ? l.start : s->len;
    struct line_col at = source_line(ss, l.file, start);
    const char *from = s->text + s->lines[at.line - 1];
    const char *end = s->text + (at.line < s->nlines ? s->lines[at.line] - 1 : s->len);
    const char *caret = s->text + start;
    if (end > from && end[-1] == '\r')
        end--;
    if (caret > end)
        caret = end;
    // Of a line of megabytes only the neighbourhood is looked at, or many messages in one line would take forever.
    bool cut_left = caret - from > NEAR, cut_right = end - caret > NEAR;
    if (cut_left) {
        from = caret - NEAR / 2;
        while (from < caret && ((unsigned char)*from & 0xc0) == 0x80)
            from++;
    }
    if (cut_right)
        end = caret + NEAR;
    const char *stop = l.end <= start ? caret : s->text + (l.end < s->len ? l.end : s->len);
    if (stop > end)
        stop = end;

    uint32_t first = column_of(from, caret), last = column_of(from, stop), all = column_of(from, end);
    uint32_t low = 0, high = all;
    if (all > SNIPPET_WIDTH || cut_left || cut_right) {
        low = first > SNIPPET_WIDTH / 3 ? first - SNIPPET_WIDTH / 3 : 0;
        if (!cut_right && all < low + SNIPPET_WIDTH)
            low = all > SNIPPET_WIDTH ? all - SNIPPET_WIDTH : 0;
        high = low + SNIPPET_WIDTH < all ? low + SNIPPET_WIDTH : all;
    }
    cut_left = cut_left || low > 0;
    cut_right = cut_right || high < all;
    if (last > high)
        last = high;

    fprintf(to, "%5u |%s%s", at.line, end > from ? " " : "", cut_left ? "..." : "");
    put_columns(to, from, end, low, high);
    fprintf(to, "%s\n      | ", cut_right ? "..." : "");
    pad(to, first - low + (cut_left ? 3 : 0));
    fprintf(to, "%s%c", on, mark);
    for (uint32_t i = first + 1; i < last; i++)
        fputc('~', to);
    if (label) {
        fputc(' ', to);
        put_clean(to, label, strlen(label));
    }
    fprintf(to, "%s\n", off);
}
