// SPDX-License-Identifier: MIT
/*
 * Help that is also a fix. A fix is attached only where the text at the place is what the help is about: for a name
 * that comes from a template's parameter, a const or "{an expression}", there is help only.
 */
#include "diag/diag_list.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || strchr("_-,.+@#", c); // also the NUL after the text: no word goes on there
}

// The text of a place, or NULL.
static const char *text_at(const struct diag *d, struct loc at, uint32_t *len)
{
    const struct source *s = source_get(d->list->sources, at.file);
    if (!s || s->binary || s->builtin || at.start > at.end || at.end > s->len)
        return NULL;
    *len = at.end - at.start;
    return s->text + at.start;
}

// The one place in the message's range where the word is; or NULL.
static const char *word_in(const struct diag *d, const char *wrong)
{
    uint32_t len = 0, n = (uint32_t)strlen(wrong);
    const char *text = d->arena ? text_at(d, d->at.loc, &len) : NULL, *found = NULL;
    if (!text || !n)
        return NULL;
    for (const char *p = text; len >= n && p <= text + (len - n); p++) {
        if (memcmp(p, wrong, n) != 0 || (p > text && is_word(p[-1]) && is_word(wrong[0])) ||
            (p + n < text + len && is_word(p[n]) && is_word(wrong[n - 1])))
            continue;
        if (found)
            return NULL; // which of them?
        found = p;
    }
    return found;
}

static struct loc loc_of(const struct diag *d, const char *from, const char *end)
{
    const char *text = source_get(d->list->sources, d->at.loc.file)->text;
    return (struct loc){d->at.loc.file, (uint32_t)(from - text), (uint32_t)(end - text)};
}

void diag_respell(struct diag *d, const char *wrong, const char *right)
{
    const char *found = word_in(d, wrong);
    if (found)
        diag_fix(d, loc_of(d, found, found + strlen(wrong)), "%s", right);
}

void diag_fix_away(struct diag *d, const char *word)
{
    const char *found = word_in(d, word), *from = found;
    if (!found || d->at.via)
        return;
    const char *text = source_get(d->list->sources, d->at.loc.file)->text;
    const char *to = found + strlen(word);
    while (from > text && (from[-1] == ' ' || from[-1] == '\t'))
        from--;
    if (*to == ';' && (from == text || strchr("\n{};", from[-1])))
        to++; // a statement of its own
    diag_fix(d, loc_of(d, from, to), "%s", "");
}

void diag_did_you_mean(struct diag *d, const char *before, const char *wrong, const char *right)
{
    diag_help(d, "did you mean `%s%s`?", before, right);
    diag_respell(d, wrong, right);
}

bool diag_is_number(const struct diag *d, struct src where)
{
    uint32_t len = 0;
    const char *is = d->arena && !where.via ? text_at(d, where.loc, &len) : NULL;
    if (!is || !len || !isdigit((unsigned char)*is))
        return false;
    for (uint32_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)is[i]))
            return false;
    return true;
}

void diag_fix_number(struct diag *d, const char *text)
{
    if (diag_is_number(d, d->at))
        diag_fix(d, d->at.loc, "%s", text);
}

void diag_help_number(struct diag *d, const char *before, uint64_t value, const char *after)
{
    char text[32];
    snprintf(text, sizeof text, "0x%" PRIx64, value);
    diag_help(d, "write `%s%s`%s", before, text, after);
    diag_fix_number(d, text);
}

// Over white space, comments and strings, to the `;` or `{` that ends the head of a statement.
static const char *head_end(const char *p, const char *end)
{
    while (p < end && *p != ';' && *p != '{' && *p != '}') {
        const char *close = NULL;
        if (*p == '"')
            for (close = p + 1; close < end && *close != '"' && *close != '\n'; close++)
                close += *close == '\\';
        else if (p[0] == '/' && p[1] == '/')
            close = memchr(p, '\n', (size_t)(end - p));
        else if (p[0] == '/' && p[1] == '*')
            close = memmem(p + 2, (size_t)(end - p) - (end - p > 1 ? 2 : 1), "*/", 2);
        else
            close = p;
        if (!close || close >= end)
            return NULL;
        p = close + 1;
    }
    return p < end ? p : NULL;
}

static bool ends_with_word(const char *from, const char *p, const char *word)
{
    size_t n = strlen(word);
    while (p > from && isspace((unsigned char)p[-1]))
        p--;
    return (size_t)(p - from) > n && !memcmp(p - n, word, n) && !is_word(p[-(ptrdiff_t)n - 1]);
}

void diag_fix_statement(struct diag *d, struct src statement, const char *keyword, const char *fmt, ...)
{
    const struct source *s = d->arena ? source_get(d->list->sources, statement.loc.file) : NULL;
    if (!s || s->binary || s->builtin || statement.via || statement.loc.end > s->len)
        return;
    if (strncmp(s->text + statement.loc.start, keyword, strlen(keyword)) != 0)
        return; // it was another one that asked for this
    const char *end = s->text + s->len, *from = s->text + statement.loc.end, *p = head_end(from, end);
    if (!p || *p == '}' || ends_with_word(s->text + statement.loc.start, p, "edit"))
        return;
    va_list ap;
    va_start(ap, fmt);
    const char *text = arena_vprintf(d->arena, fmt, ap);
    va_end(ap);
    uint32_t at = (uint32_t)(p - s->text);
    if (*p == ';')
        diag_fix(d, (struct loc){s->id, at, at + 1}, " { %s }", text);
    else
        diag_fix(d, (struct loc){s->id, at + 1, at + 1}, " %s", text);
}
