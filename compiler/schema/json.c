// SPDX-License-Identifier: MIT
#include "schema/json.h"

#include "diag/utf8.h"

#include <string.h>

enum { DEPTH = 32 };

struct scan {
    struct machc *c;
    const struct source *s;
    const char *at, *end; // a NUL is at the end
};

static struct loc loc_from(const struct scan *s, const char *first)
{
    return (struct loc){s->s->id, (uint32_t)(first - s->s->text), (uint32_t)(s->at - s->s->text)};
}

static bool report_not_json(struct scan *s, const char *what)
{
    const char *first = s->at;
    if (s->at < s->end)
        s->at++;
    else
        what = "it ends too early";
    struct diag *d = diag(s->c->diags, E0801, src_at(loc_from(s, first)), "this is not JSON: %s", what);
    diag_help(d, "write JSON as RFC 8259 defines it: double quotes, no comments, no comma after the last member");
    return false;
}

static char skip_blanks(struct scan *s)
{
    while (*s->at == ' ' || *s->at == '\n' || *s->at == '\t' || *s->at == '\r')
        s->at++;
    return *s->at;
}

/* ---- strings ---- */

static uint32_t hex_digit(char ch)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    const char *d = ch ? strchr(digits, ch) : NULL;
    if (!d)
        return UINT32_MAX;
    return (uint32_t)(d - digits) < 16 ? (uint32_t)(d - digits) : (uint32_t)(d - digits) - 6;
}

// The four digits after `\u`; UINT32_MAX: there are fewer.
static uint32_t hex_unit(const char *digits, const char *end)
{
    uint32_t unit = 0;
    for (int i = 0; i < 4; i++) {
        uint32_t digit = end - digits > i ? hex_digit(digits[i]) : UINT32_MAX;
        if (digit == UINT32_MAX)
            return UINT32_MAX;
        unit = unit << 4 | digit;
    }
    return unit;
}

static char *put_utf8(char *to, uint32_t c)
{
    static const uint8_t first[] = {0, 0xc0, 0xe0, 0xf0};
    if (c < 0x80) {
        *to++ = (char)c;
        return to;
    }
    uint32_t more = c < 0x800 ? 1 : 2;
    if (c >= 0x10000)
        more = 3;
    *to++ = (char)(first[more] | c >> 6 * more);
    while (more--)
        *to++ = (char)(0x80 | (c >> 6 * more & 0x3f));
    return to;
}

// A `\uXXXX`, or two of them that make one character. `*from` is after the `\u`.
static bool decode_unit(struct scan *s, const char **from, const char *end, char **to)
{
    uint32_t c = hex_unit(*from, end);
    s->at = *from - 2;
    if (c == UINT32_MAX)
        return report_not_json(s, "`\\u` needs four hexadecimal digits");
    *from += 4;
    if (c >= 0xd800 && c < 0xe000) {
        uint32_t low = end - *from > 2 && !memcmp(*from, "\\u", 2) ? hex_unit(*from + 2, end) : 0;
        if (c >= 0xdc00 || low < 0xdc00 || low >= 0xe000)
            return report_not_json(s, "half of a surrogate pair");
        *from += 6;
        c = 0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff));
    }
    *to = put_utf8(*to, c);
    return true;
}

// A copy without escapes; it is shorter than what is written.
static bool decode_escapes(struct scan *s, struct jval *v)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    const char *from = v->text, *end = from + v->n, *after = s->at;
    char *copy = arena_alloc(s->c->arena, v->n), *to = copy;
    while (from < end) {
        if (*from != '\\') {
            *to++ = *from++;
            continue;
        }
        const char *name = from[1] ? strchr(names, from[1]) : NULL;
        from += 2;
        if (name) {
            *to++ = values[name - names];
        } else if (from[-1] != 'u') {
            s->at = from - 2;
            return report_not_json(s, "no such escape");
        } else if (!decode_unit(s, &from, end, &to)) {
            return false;
        }
    }
    s->at = after;
    v->text = copy;
    v->n = (uint32_t)(to - copy);
    return true;
}

static bool scan_character(struct scan *s)
{
    if ((unsigned char)*s->at < 0x20)
        return report_not_json(s, "a control character in a string");
    uint32_t len = 1;
    if ((unsigned char)*s->at >= 0x80 && utf8_decode(s->at, (size_t)(s->end - s->at), &len) == UTF8_REPLACEMENT &&
        len == 1)
        return report_not_json(s, "it is not UTF-8");
    s->at += len;
    return true;
}

// From quote to quote; *escapes: with a backslash in it.
static bool scan_quoted(struct scan *s, struct jval *v, bool *escapes)
{
    v->text = ++s->at;
    *escapes = false;
    for (;;) {
        while ((unsigned char)(*s->at - ' ') < 0x80 - ' ' && *s->at != '"' && *s->at != '\\')
            s->at++;
        if (*s->at == '"')
            break;
        if (*s->at == '\\') {
            *escapes = true;
            s->at++;
        }
        if (!scan_character(s))
            return false;
    }
    v->n = (uint32_t)(s->at++ - v->text);
    return true;
}

static bool scan_string(struct scan *s, struct jval *v)
{
    bool escapes;
    v->type = JSON_STRING;
    return scan_quoted(s, v, &escapes) && (!escapes || decode_escapes(s, v));
}

/* ---- numbers and words ---- */

static bool skip_digits(struct scan *s)
{
    const char *first = s->at;
    while (*s->at >= '0' && *s->at <= '9')
        s->at++;
    return s->at != first || report_not_json(s, "a digit was expected");
}

static bool scan_integer(struct scan *s, struct jval *v)
{
    const char *digit = s->at;
    if (!skip_digits(s))
        return false;
    if (*digit == '0' && s->at - digit > 1) {
        s->at = digit;
        return report_not_json(s, "a number does not begin with 0");
    }
    for (; digit < s->at; digit++) {
        uint64_t d = (uint64_t)(*digit - '0');
        v->too_large = v->too_large || v->magnitude > (UINT64_MAX - d) / 10;
        v->magnitude = v->too_large ? UINT64_MAX : v->magnitude * 10 + d;
    }
    return true;
}

static bool scan_number(struct scan *s, struct jval *v)
{
    v->type = JSON_INTEGER;
    v->negative = *s->at == '-';
    if (v->negative && (s->at[1] < '0' || s->at[1] > '9'))
        return report_not_json(s, "a value was expected");
    s->at += v->negative;
    if (!scan_integer(s, v))
        return false;
    if (*s->at == '.') {
        v->type = JSON_FRACTION;
        s->at++;
        if (!skip_digits(s))
            return false;
    }
    if (*s->at != 'e' && *s->at != 'E')
        return true;
    v->type = JSON_FRACTION;
    s->at++;
    s->at += *s->at == '+' || *s->at == '-';
    return skip_digits(s);
}

static bool scan_word(struct scan *s, struct jval *v)
{
    static const struct {
        const char *word;
        uint8_t len, type;
        bool is_true;
    } words[] = {{"null", 4, JSON_NULL, false}, {"true", 4, JSON_BOOL, true}, {"false", 5, JSON_BOOL, false}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strncmp(s->at, words[i].word, words[i].len) != 0)
            continue;
        v->type = words[i].type;
        v->is_true = words[i].is_true;
        s->at += words[i].len;
        return true;
    }
    return report_not_json(s, "a value was expected");
}

/* ---- objects and arrays ---- */

static bool scan_key(struct scan *s, struct jval *v)
{
    if (skip_blanks(s) != '"')
        return report_not_json(s, "a key in double quotes was expected");
    const char *quote = s->at;
    struct jval name;
    bool escapes;
    if (!scan_quoted(s, &name, &escapes))
        return false;
    v->key_loc = loc_from(s, quote);
    if (escapes) {
        struct diag *d = diag(s->c->diags, E0803, src_at(v->key_loc), "a key with an escape in it");
        diag_help(d, "no key needs one: write its letters");
        return false;
    }
    v->key = intern_n(s->c->names, name.text, name.n);
    if (skip_blanks(s) != ':')
        return report_not_json(s, "a `:` was expected");
    s->at++;
    return true;
}

static bool scan_value(struct scan *s, struct jval *v, uint32_t depth);

static bool scan_children(struct scan *s, struct jval *v, uint32_t depth)
{
    bool object = *s->at++ == '{';
    char end = object ? '}' : ']';
    struct jval **tail = &v->child;
    v->type = object ? JSON_OBJECT : JSON_ARRAY;
    if (skip_blanks(s) == end) {
        s->at++;
        return true;
    }
    for (;;) {
        struct jval *child = NEW(s->c->arena, struct jval);
        if ((object && !scan_key(s, child)) || !scan_value(s, child, depth + 1))
            return false;
        *tail = child;
        tail = &child->next;
        v->n++;
        char next = skip_blanks(s);
        if (next != ',' && next != end)
            return report_not_json(s, object ? "a `,` or `}` was expected" : "a `,` or `]` was expected");
        s->at++;
        if (next == end)
            return true;
    }
}

static bool scan_value(struct scan *s, struct jval *v, uint32_t depth)
{
    if (depth > DEPTH)
        return report_not_json(s, "it is nested deeper than 32 levels");
    char ch = skip_blanks(s);
    const char *first = s->at;
    bool ok;
    if (ch == '{' || ch == '[')
        ok = scan_children(s, v, depth);
    else if (ch == '"')
        ok = scan_string(s, v);
    else if (ch == '-' || (ch >= '0' && ch <= '9'))
        ok = scan_number(s, v);
    else
        ok = scan_word(s, v);
    v->loc = loc_from(s, first);
    return ok;
}

const struct jval *json_read(struct machc *c, const struct source *src)
{
    struct scan s = {.c = c, .s = src, .at = src->text, .end = src->text + src->len};
    struct jval *top = NEW(c->arena, struct jval);
    if (!scan_value(&s, top, 1))
        return NULL;
    skip_blanks(&s);
    return s.at == s.end || report_not_json(&s, "there is something after its end") ? top : NULL;
}

const struct jval *json_member(const struct jval *object, const char *interned)
{
    for (const struct jval *m = object->child; m; m = m->next) {
        if (m->key == interned)
            return m;
    }
    return NULL;
}

bool json_is_word(const struct jval *v, const char *word)
{
    return v->type == JSON_STRING && v->n == strlen(word) && !memcmp(v->text, word, v->n);
}
