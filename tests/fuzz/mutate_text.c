// SPDX-License-Identifier: MIT
/*
 * Mutates texts by tokens instead of bytes. The parser often still accepts the result, so that later passes are
 * reached. libFuzzer's own mutator, which uses the dictionary, handles half of the inputs.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t na, const uint8_t *b, size_t nb, uint8_t *out, size_t max,
                                 unsigned seed);

enum { MAX_TOKENS = 4096 };

struct span {
    size_t start, end;
};

static uint32_t below(unsigned *seed, size_t n)
{
    *seed = *seed * 1664525U + 1013904223U; // Numerical Recipes' generator: the high bits are good enough
    return n ? (uint32_t)((uint64_t)*seed * n >> 32) : 0;
}

static int is_word(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80 ||
           strchr("_-,#@./", c) != NULL;
}

static size_t string_end(const uint8_t *p, size_t at, size_t size)
{
    for (at++; at < size && p[at] != '"' && p[at] != '\n'; at++)
        if (p[at] == '\\')
            at++;
    return at < size ? at + 1 : size;
}

static size_t cut(const uint8_t *p, size_t size, struct span *t)
{
    size_t n = 0;
    for (size_t at = 0; at < size && n < MAX_TOKENS;) {
        size_t start = at;
        if (p[at] <= ' ') {
            at++;
            continue;
        }
        if (p[at] == '/' && at + 1 < size && p[at + 1] == '/') {
            while (at < size && p[at] != '\n')
                at++;
            continue;
        }
        if (p[at] == '"')
            at = string_end(p, at, size);
        else if (is_word(p[at]))
            while (at < size && is_word(p[at]))
                at++;
        else
            at++;
        t[n++] = (struct span){start, at};
    }
    return n;
}

/* From a token to the end of its statement: its `;`, or the end of its block in braces. */
static struct span statement(const uint8_t *p, const struct span *t, size_t n, size_t i)
{
    while (i && !strchr(";{}", p[t[i - 1].start])) // back to the beginning of the statement
        i--;
    struct span s = {t[i].start, t[i].end};
    for (int depth = 0; i < n; i++) {
        uint8_t c = p[t[i].start];
        depth += c == '{' ? 1 : c == '}' ? -1 : 0;
        if (depth < 0)
            break;
        s.end = t[i].end;
        if (!depth && (c == ';' || (c == '}' && !(i + 1 < n && p[t[i + 1].start] == ';'))))
            break;
    }
    return s;
}

/* Replaces `s` by `with`. Returns the new size, or the old one if it does not fit. `with` may be part of `p`. */
static size_t replace(uint8_t *p, size_t size, size_t max, struct span s, const uint8_t *with, size_t n)
{
    size_t more = size - (s.end - s.start) + n;
    if (more > max)
        return size;
    uint8_t *copy = malloc(n + 1);
    if (!copy)
        abort();
    memcpy(copy, with, n);
    memmove(p + s.start + n, p + s.end, size - s.end);
    memcpy(p + s.start, copy, n);
    free(copy);
    return more;
}

static const char *some_number(unsigned *seed)
{
    static const char *const numbers[] = {"0",
                                          "1",
                                          "2",
                                          "3",
                                          "31",
                                          "32",
                                          "63",
                                          "64",
                                          "0x1000",
                                          "0x10000",
                                          "0x7fffffff",
                                          "0x80000000",
                                          "0xffffffff",
                                          "4294967296",
                                          "4K",
                                          "256M",
                                          "1G",
                                          "16E",
                                          "0xffffffffffffffff",
                                          "0x8000000000000000",
                                          "0xfffffffffffff000",
                                          "18446744073709551616"};
    return numbers[below(seed, sizeof numbers / sizeof *numbers)];
}

static size_t change(uint8_t *p, size_t size, size_t max, unsigned *seed)
{
    static struct span t[MAX_TOKENS];
    size_t n = cut(p, size, t);
    if (!n)
        return LLVMFuzzerMutate(p, size, max);
    size_t i = below(seed, n), k = below(seed, n);
    struct span a = statement(p, t, n, i), b = statement(p, t, n, k);
    const char *number;
    switch (below(seed, 8)) {
    case 0: // replace a token by another one of the text
        return replace(p, size, max, t[i], p + t[k].start, t[k].end - t[k].start);
    case 1: // or remove it
        return replace(p, size, max, t[i], p, 0);
    case 2: // or repeat it
        return replace(p, size, max, (struct span){t[i].end, t[i].end}, p + t[i].start, t[i].end - t[i].start);
    case 3: // replace a number
        for (k = 0; k < n && !(p[t[i].start] >= '0' && p[t[i].start] <= '9'); k++)
            i = (i + 1) % n;
        number = some_number(seed);
        return replace(p, size, max, t[i], (const uint8_t *)number, strlen(number));
    case 4: // remove a statement
        return replace(p, size, max, a, p, 0);
    case 5: // copy it to another place
    case 6:
        return replace(p, size, max, (struct span){b.start, b.start}, p + a.start, a.end - a.start);
    default: // replace another one by it
        return replace(p, size, max, b, p + a.start, a.end - a.start);
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *p, size_t size, size_t max, unsigned seed)
{
    if (below(&seed, 2))
        return LLVMFuzzerMutate(p, size, max);
    for (uint32_t n = 1 + below(&seed, 3); n; n--)
        size = change(p, size, max, &seed);
    return size;
}

/* Copy a statement of `b` into `a`. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t na, const uint8_t *b, size_t nb, uint8_t *out, size_t max,
                                 unsigned seed)
{
    static struct span t[MAX_TOKENS];
    size_t n = cut(b, nb, t);
    na = na < max ? na : max;
    memcpy(out, a, na);
    if (!n)
        return na;
    struct span s = statement(b, t, n, below(&seed, n));
    n = cut(out, na, t);
    if (!n)
        return na;
    size_t at = statement(out, t, n, below(&seed, n)).start;
    return replace(out, na, max, (struct span){at, at}, b + s.start, s.end - s.start);
}
