// SPDX-License-Identifier: MIT
// Numbers and character literals.
#include "ast/parse.h"

#include <string.h>

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 16;
}

// The digits at s in C's notation: decimal, 0x, or octal after a 0. A digit too large for its base ends them.
static const char *read_digits(const char *s, const char *end, uint64_t *value, bool *overflow)
{
    uint64_t base = 10, v = 0;
    if (end - s > 2 && s[0] == '0' && (s[1] | 0x20) == 'x' && digit(s[2]) < 16) {
        base = 16;
        s += 2;
    } else if (s[0] == '0') {
        base = 8;
    }
    for (; s < end; s++) {
        uint64_t d = (uint64_t)digit(*s);
        if (d >= base)
            break;
        if (v > (UINT64_MAX - d) / base)
            *overflow = true;
        v = v * base + d;
    }
    *value = v;
    return s;
}

// U, L, LL and what C makes of them. They say nothing: all numbers have 64 bits.
static bool is_c_suffix(const char *s, size_t n)
{
    static const char *const known[] = {"u", "l", "ul", "lu", "ll", "ull", "llu"};
    char low[4] = "";
    if (n > 3)
        return false;
    for (size_t i = 0; i < n; i++)
        low[i] = (char)(s[i] | 0x20);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!strcmp(known[i], low))
            return true;
    }
    return false;
}

const char *dts_literal(const char *s, const char *end, uint64_t *value, bool *overflow)
{
    *overflow = false;
    s = read_digits(s, end, value, overflow);
    const char *suffix = s;
    while (s < end && (*s == 'U' || *s == 'L'))
        s++;
    bool ends = s == end || strchr(" \t\r\n\f\v", *s) != NULL;
    return ends && (s == suffix || is_c_suffix(suffix, (size_t)(s - suffix))) ? s : NULL;
}

static const struct {
    const char *word;
    uint64_t factor;
} suffixes[] = {
    {"K", 1024}, {"M", 1024 * 1024}, {"G", 1024 * 1024 * 1024}, {"T", 1024ULL * 1024 * 1024 * 1024},
    {"Hz", 1},   {"kHz", 1000},      {"MHz", 1000000},          {"GHz", 1000000000},
};
enum { SUFFIXES = sizeof suffixes / sizeof *suffixes };

// Remembers that there is no number at this place: the grammar reads at most one token ahead.
static uint64_t none(struct parser *p, struct loc loc)
{
    p->bad_number[p->nbad++ % 2] = loc.start;
    return 0;
}

static void bad_number(struct parser *p, const char *s, size_t n, const char *rest, size_t nrest, struct loc loc)
{
    struct diag *d = scan_error(p, E0109, loc, "`%.*s` is not a number", n > 60 ? 60 : (int)n, s);
    if (s[0] == '0' && nrest && (*rest == '8' || *rest == '9')) {
        scan_help(d, "a number that begins with 0 is octal and has no digit `%c`; remove the 0 for decimal", *rest);
        return;
    }
    if (nrest == 2 && (rest[0] | 0x20) == 'k' && (rest[1] | 0x20) == 'b') {
        scan_help(d, "write `%.*sK`: suffixes are K, M, G and T (powers of 1024)", (int)(rest - s), s);
        if (d)
            diag_fix(d, loc, "%.*sK", (int)(rest - s), s);
        return;
    }
    const char *const words[SUFFIXES] = {"K", "M", "G", "T", "Hz", "kHz", "MHz", "GHz"};
    const char *word = arena_strndup(p->c->arena, rest, nrest > 60 ? 60 : nrest);
    const char *near = nrest == 1 && strchr("kmgt", *rest) ? words[strchr("kmgt", *rest) - "kmgt"] : NULL;
    for (size_t i = 0; i < SUFFIXES && !near; i++) {
        if (strlen(words[i]) == nrest && nrest > 1 && ((words[i][0] ^ rest[0]) & ~0x20) == 0 && (rest[1] | 0x20) == 'h')
            near = words[i];
    }
    if (!near)
        near = nearest(word, words, SUFFIXES);
    const char *right = near && rest > s ? arena_printf(p->c->arena, "%.*s%s", (int)(rest - s), s, near) : NULL;
    if (right && d)
        diag_did_you_mean(d, "", arena_strndup(p->c->arena, s, n), right);
    else
        scan_help(d, "write numbers as in C; K, M, G, T (powers of 1024) or Hz, kHz, MHz, GHz may follow");
}

// *rest: the end of the digits.
static bool read_number(const char *s, size_t n, const char **rest, uint64_t *value, bool *overflow)
{
    uint64_t v, factor = 1;
    *overflow = false;
    *rest = read_digits(s, s + n, &v, overflow);
    size_t nrest = (size_t)(s + n - *rest);
    bool known = !nrest || is_c_suffix(*rest, nrest);
    for (size_t i = 0; i < SUFFIXES && !known; i++) {
        known = strlen(suffixes[i].word) == nrest && !memcmp(suffixes[i].word, *rest, nrest);
        factor = known ? suffixes[i].factor : 1;
    }
    *overflow |= v > UINT64_MAX / factor;
    *value = v * factor;
    return known;
}

bool number_value(const char *s, size_t n, uint64_t *value)
{
    const char *rest;
    bool overflow;
    return n && *s >= '0' && *s <= '9' && read_number(s, n, &rest, value, &overflow) && !overflow;
}

uint64_t parse_number(struct parser *p, const char *s, size_t n, struct loc loc)
{
    uint64_t v;
    bool overflow;
    const char *rest;
    if (!read_number(s, n, &rest, &v, &overflow)) {
        bad_number(p, s, n, rest, (size_t)(s + n - rest), loc);
        return none(p, loc);
    }
    if (overflow) {
        scan_help(scan_error(p, E0110, loc, "`%.*s` does not fit into 64 bits", n > 60 ? 60 : (int)n, s),
                  "the largest number is 0xffffffffffffffff");
        return none(p, loc);
    }
    return v;
}

uint64_t parse_char(struct parser *p, const char *s, size_t n, struct loc loc)
{
    const char *at = s, *end = s + n;
    uint8_t c = 0;
    if (n && *at == '\\') {
        at++;
        if (!decode_escape(p, &at, end, loc, false, &c))
            return none(p, loc);
    } else if (n) {
        c = (uint8_t)*at++;
    }
    if (!n || at != end) {
        scan_help(scan_error(p, E0119, loc, "a character literal holds one character, not %s", n ? "several" : "none"),
                  n ? "write a string in `\"` or one character in `'`"
                    : "write the character between the quotes: `'a'`");
        return none(p, loc);
    }
    return c;
}
