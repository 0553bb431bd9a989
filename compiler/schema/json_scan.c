// SPDX-License-Identifier: MIT
#include "schema/json_scan.h"

#include "diag/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct loc json_loc(const struct json_scan *s, const char *first)
{
    return (struct loc){s->s->id, (uint32_t)(first - s->s->text), (uint32_t)(s->at - s->s->text)};
}

bool json_refuse(struct json_scan *s, const char *at, const char *what)
{
    s->out_of_range = false;
    s->at = at;
    s->what = what;
    return false;
}

/* ---- tokens ---- */

static bool is_digit(char ch)
{
    return ch >= '0' && ch <= '9';
}

// Whether a `\uXXXX` is here that has one of these letters after the D.
static bool is_surrogate(const char *at, const char *letters)
{
    return at[0] == '\\' && at[1] == 'u' && (at[2] == 'd' || at[2] == 'D') && at[3] && strchr(letters, at[3]);
}

// json-c replaces half a pair by U+FFFD.
static bool skip_escape(struct json_scan *s)
{
    static const char high[] = "89abAB", low[] = "cdefCDEF";
    if (s->end - s->at >= 12 && is_surrogate(s->at, high) && is_surrogate(s->at + 6, low)) {
        s->at += 12;
        return true;
    }
    if (is_surrogate(s->at, high) || is_surrogate(s->at, low))
        return json_refuse(s, s->at, "half of a surrogate pair");
    s->at++;
    s->at += *s->at == '"' || *s->at == '\\';
    return true;
}

static bool skip_character(struct json_scan *s)
{
    if (*s->at == '\\')
        return skip_escape(s);
    if ((unsigned char)*s->at < 0x20)
        return json_refuse(s, s->at, "a control character in a string");
    s->ascii = false;
    uint32_t len;
    if (utf8_decode(s->at, (size_t)(s->end - s->at), &len) == UTF8_REPLACEMENT && len == 1)
        return json_refuse(s, s->at, "it is not UTF-8");
    s->at += len;
    return true;
}

static bool skip_string(struct json_scan *s)
{
    s->at++;
    for (;;) {
        while ((unsigned char)(*s->at - ' ') < 0x80 - ' ' && *s->at != '"' && *s->at != '\\')
            s->at++;
        if (s->at >= s->end)
            return true;
        if (*s->at == '"') {
            s->at++;
            return true;
        }
        if (!skip_character(s))
            return false;
    }
}

static bool skip_number(struct json_scan *s)
{
    const char *first = s->at, *digits = first + (*first == '-');
    if (!is_digit(*digits))
        return json_refuse(s, first, "a value was expected");
    if (*digits == '0' && is_digit(digits[1]))
        return json_refuse(s, digits, "a number does not begin with 0");
    char *end;
    errno = 0;
    if (*first == '-')
        strtoll(first, &end, 10);
    else
        strtoull(first, &end, 10);
    bool fraction = *end == '.' || *end == 'e' || *end == 'E';
    if (*end == '.' && !is_digit(end[1]))
        return json_refuse(s, end + 1, "a digit was expected");
    if (errno == ERANGE && !fraction) {
        json_refuse(s, first, *first == '-' ? "this number is too small" : "this number is too large");
        s->out_of_range = true;
        return false;
    }
    s->at = first + strspn(first, "+-.0123456789eE");
    return true;
}

bool json_check_tokens(struct json_scan *s)
{
    bool ok = true;
    while (ok && s->at < s->end) {
        switch (*s->at) {
        case '"':
            ok = skip_string(s);
            break;
        case '-':
            ok = skip_number(s);
            break;
        case 'N': // NaN
        case 'I': // Infinity
            ok = json_refuse(s, s->at, "a value was expected");
            break;
        case '\'':
            ok = json_refuse(s, s->at, "a string is in double quotes");
            break;
        case '\0':
            ok = json_refuse(s, s->at, "a NUL character");
            break;
        default:
            if (is_digit(*s->at))
                ok = skip_number(s);
            else
                s->at++;
        }
    }
    return ok;
}

/* ---- places ---- */

static char skip_blanks(struct json_scan *s)
{
    while (*s->at == ' ' || *s->at == '\n' || *s->at == '\t' || *s->at == '\r')
        s->at++;
    return *s->at;
}

static bool locate_key(struct json_scan *s, struct jval *v)
{
    skip_blanks(s);
    const char *quote = s->at;
    skip_string(s);
    v->key_loc = json_loc(s, quote);
    uint32_t n = (uint32_t)(s->at - quote) - 2;
    v->key = intern_n(s->c->names, quote + 1, n);
    skip_blanks(s);
    s->at++; // the colon
    if (!memchr(quote + 1, '\\', n))
        return true;
    struct diag *d = diag(s->c->diags, E0803, src_at(v->key_loc), "a key with an escape in it");
    diag_help(d, "no key needs one: write its letters");
    return false;
}

static bool locate_children(struct json_scan *s, struct jval *v)
{
    bool object = *s->at == '{', ok = true;
    struct jval **tail = &v->child;
    s->at++;
    for (char next = skip_blanks(s); next != '}' && next != ']'; next = skip_blanks(s)) {
        s->at += next == ',';
        struct jval *child = NEW(s->c->arena, struct jval);
        ok = (!object || locate_key(s, child)) && ok;
        ok = json_locate(s, child) && ok;
        *tail = child;
        tail = &child->next;
        v->n++;
    }
    s->at++;
    return ok;
}

bool json_locate(struct json_scan *s, struct jval *v)
{
    char ch = skip_blanks(s);
    const char *first = s->at;
    bool ok = true;
    if (ch == '{' || ch == '[')
        ok = locate_children(s, v);
    else if (ch == '"')
        skip_string(s);
    else
        s->at += strspn(first, "+-.0123456789Eaeflnrstu"); // a number, null, true or false
    v->loc = json_loc(s, first);
    return ok;
}
