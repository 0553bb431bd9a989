// SPDX-License-Identifier: MIT
// The source text of a place: for messages, and to guess from the layout what was meant.
#include "ast/parse.h"

enum { LOOK_BACK = 250, QUOTE_MAX = 60 };

const char *text_at(const struct parser *p, struct loc loc, size_t *len)
{
    const struct source *s = source_get(p->c->sources, loc.file);
    *len = 0;
    if (!s || loc.start > s->len || loc.end < loc.start)
        return "";
    *len = (loc.end > s->len ? s->len : loc.end) - loc.start;
    return s->text + loc.start;
}

const char *quote_at(const struct parser *p, struct loc loc)
{
    size_t n;
    const char *s = text_at(p, loc, &n);
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '\n')
            n = i;
    }
    if (n <= QUOTE_MAX)
        return arena_strndup(p->c->arena, s, n);
    n = QUOTE_MAX - 3;
    while (n && ((unsigned char)s[n] & 0xc0) == 0x80)
        n--; // not through the middle of a character
    return arena_printf(p->c->arena, "%.*s...", (int)n, s);
}

bool first_on_line(const struct parser *p, struct loc loc, uint32_t *column)
{
    const struct source *s = source_get(p->c->sources, loc.file);
    *column = 0;
    if (!s || loc.start > s->len)
        return false;
    for (uint32_t at = loc.start; at; at--, ++*column) {
        char c = s->text[at - 1];
        if (c == '\n')
            return true;
        // The search is bounded: a file may be one long line.
        if ((c != ' ' && c != '\t') || *column == LOOK_BACK)
            return false;
    }
    return true;
}

uint32_t indent_of(const struct parser *p, struct loc loc)
{
    const struct source *s = source_get(p->c->sources, loc.file);
    if (!s || loc.start > s->len)
        return 0;
    uint32_t indent = 0, at = loc.start, steps = 0;
    for (; at && s->text[at - 1] != '\n' && steps < LOOK_BACK; at--, steps++) {
        char c = s->text[at - 1];
        indent = c == ' ' || c == '\t' ? indent + 1 : 0;
    }
    return steps == LOOK_BACK ? 0 : indent;
}

char char_after(const struct parser *p, struct loc loc)
{
    const struct source *s = source_get(p->c->sources, loc.file);
    if (!s)
        return 0;
    uint32_t end = loc.end + LOOK_BACK < s->len ? loc.end + LOOK_BACK : s->len;
    for (uint32_t at = loc.end; at < end; at++) {
        char c = s->text[at];
        if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
            return c;
    }
    return 0;
}
