// SPDX-License-Identifier: MIT
// Strings: C escapes, and {expr} in the strings of statements.
#include "ast/parse.h"

#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool decode_escape(struct parser *p, const char **s, const char *end, struct loc loc, bool lenient, uint8_t *c)
{
    static const char from[] = "abfnrtv\\\"'?", to[] = "\a\b\f\n\r\t\v\\\"'?";
    const char *at = *s;
    unsigned v = 0;
    if (at == end)
        return false;
    const char *known = *at ? strchr(from, *at) : NULL;
    if (known) {
        *c = (uint8_t)to[known - from];
        *s = at + 1;
        return true;
    }
    if (*at == 'x' && at + 1 < end && hex_digit(at[1]) >= 0) {
        // Two digits at most, as in dtc: "\x41bc" is "Abc".
        at++;
        for (int i = 0; i < 2 && at < end && hex_digit(*at) >= 0; i++)
            v = v * 16 + (unsigned)hex_digit(*at++);
    } else if (*at >= '0' && *at <= '7') {
        for (int i = 0; i < 3 && at < end && *at >= '0' && *at <= '7'; i++)
            v = v * 8 + (unsigned)(*at++ - '0');
    } else if (lenient) {
        v = (uint8_t)*at++; // dtc: an unknown escape is the character itself
    } else {
        struct diag *d = scan_error(p, E0116, loc, "there is no escape `\\%c`", *at >= ' ' && *at < 127 ? *at : '?');
        if (*at == '{')
            scan_help(d, "write `{{` for a brace");
        else
            scan_help(d, "escapes are those of C: `\\n`, `\\t`, `\\\\`, `\\\"`, `\\x41`, `\\101`");
        *s = at + 1;
        return false;
    }
    if (v > 255) {
        loc.end = loc.start + 1 + (uint32_t)(at - *s);
        scan_help(scan_error(p, E0116, loc, "the octal escape \\%o does not fit into a byte", v),
                  "the largest is `\\377`");
    }
    *c = (uint8_t)v;
    *s = at;
    return v <= 255;
}

const uint8_t *decode_dts_string(struct parser *p, const char *s, size_t n, struct loc loc, uint32_t *len)
{
    uint8_t *out = arena_alloc(p->c->arena, n + 1), *to = out;
    const char *end = s + n;
    while (s < end) {
        const char *backslash = memchr(s, '\\', (size_t)(end - s));
        size_t plain = (size_t)((backslash ? backslash : end) - s);
        memcpy(to, s, plain);
        to += plain;
        s += plain;
        if (backslash) {
            s++;
            if (decode_escape(p, &s, end, loc, true, to))
                to++;
        }
    }
    *to++ = 0;
    *len = (uint32_t)(to - out);
    return out;
}

struct string {
    struct parser *p;
    const char *begin, *at, *end; // between the quotes
    struct loc loc;               // with the quotes
    struct text_part *parts, *last;
    char *out;
    size_t n, done; // bytes decoded; those before `done` are in parts
    bool failed;
};

static struct text_part *part(struct string *t)
{
    struct text_part *part = NEW(t->p->c->arena, struct text_part);
    if (t->last)
        t->last->next = part;
    else
        t->parts = part;
    t->last = part;
    return part;
}

static void flush(struct string *t)
{
    if (t->n > t->done)
        part(t)->literal = arena_strndup(t->p->c->arena, t->out + t->done, t->n - t->done);
    t->done = t->n;
}

static struct loc loc_of_part(const struct string *t, const char *from, const char *to)
{
    uint32_t start = t->loc.start + 1;
    return (struct loc){t->loc.file, start + (uint32_t)(from - t->begin), start + (uint32_t)(to - t->begin)};
}

static bool is_name(const char *s, const char *end)
{
    if (s == end || !((*s | 0x20) >= 'a' && (*s | 0x20) <= 'z') || end[-1] == '-')
        return false;
    for (; s < end; s++) {
        bool letter = (*s | 0x20) >= 'a' && (*s | 0x20) <= 'z';
        if (!letter && !(*s >= '0' && *s <= '9') && *s != '_' && *s != '-')
            return false;
    }
    return true;
}

// The : of a format, which is one that no ? belongs to.
static const char *find_format(const char *s, const char *end)
{
    const char *last = NULL;
    int colons = 0, questions = 0;
    for (; s < end; s++) {
        questions += *s == '?';
        if (*s == ':') {
            colons++;
            last = s;
        }
    }
    return colons > questions ? last : NULL;
}

// {expr} at t->at.
static void interpolate(struct string *t)
{
    struct parser *p = t->p;
    const char *open = t->at, *close = memchr(open, '}', (size_t)(t->end - open));
    if (!close) {
        scan_help(scan_error(p, E0117, loc_of_part(t, open, open + 1),
                             "`{` in a string begins an expression, and its `}` is missing"),
                  "write `{{` for a brace");
        t->failed = true;
        t->at = t->end;
        return;
    }
    const char *from = open + 1, *to = close, *format = find_format(from, to);
    t->at = close + 1;
    if (format) {
        to = format;
        if (close - format != 2 || format[1] != 'x') {
            scan_help(scan_error(p, E0117, loc_of_part(t, format, close), "there is no format `%.*s`",
                                 close - format > 40 ? 40 : (int)(close - format), format),
                      "`{expr}` is decimal and `{expr:x}` hexadecimal");
            t->failed = true;
            return;
        }
    }
    while (from < to && (*from == ' ' || *from == '\t'))
        from++;
    while (from < to && (to[-1] == ' ' || to[-1] == '\t'))
        to--;
    if (from == to) {
        scan_help(scan_error(p, E0117, loc_of_part(t, open, close + 1), "there is no expression between `{` and `}`"),
                  "write `{{}` for the two braces themselves");
        t->failed = true;
        return;
    }
    struct loc l = loc_of_part(t, from, to);
    struct expr *e;
    if (is_name(from, to)) {
        struct text name = {intern_n(p->c->names, from, (size_t)(to - from)), NULL, l, TEXT_WORD};
        e = expr_name(p, name, EXPR_NAME).e;
    } else if (p->mute || p->quiet) {
        return;
    } else {
        e = parse_expr_at(p, source_get(p->c->sources, l.file), l.start, l.end);
    }
    if (!e) {
        t->failed = true; // it has its message
        return;
    }
    flush(t);
    struct text_part *x = part(t);
    x->e = e;
    x->hex = format != NULL;
}

static bool is_simple(const char *s, size_t n, bool plain)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c < 0x20 || c >= 0x7f || c == '\\' || (c == '{' && !plain))
            return false;
    }
    return true;
}

struct text parse_string(struct parser *p, const char *s, size_t n, struct loc loc, bool plain)
{
    struct text text = {NULL, NULL, loc, TEXT_STRING};
    if (is_simple(s, n, plain)) {
        text.s = intern_n(p->c->names, s, n);
        return text;
    }
    struct string t = {.p = p, .begin = s, .at = s, .end = s + n, .loc = loc};
    scan_check_utf8(p, s, n, loc_of_part(&t, s, t.end));
    t.out = arena_alloc(p->c->arena, n + 1);
    while (t.at < t.end) {
        const char *at = t.at;
        if (*at == '{' && !plain && at + 1 < t.end && at[1] == '{') {
            t.out[t.n++] = '{';
            t.at += 2;
        } else if (*at == '{' && !plain) {
            interpolate(&t);
        } else if (*at == '\\') {
            uint8_t c = 0;
            t.at++;
            struct loc l = loc_of_part(&t, at, at + 2 <= t.end ? at + 2 : t.end);
            if (!decode_escape(p, &t.at, t.end, l, plain, &c))
                continue;
            if (c)
                t.out[t.n++] = (char)c;
            else
                scan_help(scan_error(p, E0118, l, "a string cannot hold a NUL byte"),
                          "NUL bytes are allowed in device tree source only: `edit { }`, `node { }`");
        } else {
            if (*at)
                t.out[t.n++] = *at;
            t.at++;
        }
    }
    if (t.parts && !t.failed) {
        flush(&t);
        text.parts = t.parts;
        text.s = arena_strndup(p->c->arena, s, n); // as written, for messages
    } else {
        text.s = t.failed ? NULL : intern_n(p->c->names, t.out, t.n); // NULL: it has its message
    }
    return text;
}
