// SPDX-License-Identifier: MIT
#include "diag/json_text.h"

#include "diag/utf8.h"

#include <inttypes.h>
#include <string.h>

static void new_line(const struct json_out *j)
{
    fprintf(j->to, "\n%*s", (int)j->depth * 2, "");
}

// What comes before a member or element.
static void item(struct json_out *j, const char *name)
{
    if (j->filled)
        fputc(',', j->to);
    if (j->depth)
        new_line(j);
    j->filled = true;
    if (name)
        fprintf(j->to, "\"%s\": ", name);
}

void json_open(struct json_out *j, const char *name, char bracket)
{
    item(j, name);
    fputc(bracket, j->to);
    j->depth++;
    j->filled = false;
}

void json_close(struct json_out *j, char bracket)
{
    j->depth--;
    if (j->filled)
        new_line(j);
    fputc(bracket, j->to);
    j->filled = true;
}

void json_string_piece(struct json_out *j, const char *s)
{
    size_t n = strlen(s);
    while (n) {
        uint32_t len, c = utf8_decode(s, n, &len);
        if (c == '"' || c == '\\')
            fprintf(j->to, "\\%c", (char)c);
        else if (c == '\n')
            fputs("\\n", j->to);
        else if (c == '\t')
            fputs("\\t", j->to);
        else if (utf8_unfit(c)) // all below U+10000
            fprintf(j->to, "\\u%04x", c);
        else if (c == UTF8_REPLACEMENT)
            fputs("\xef\xbf\xbd", j->to);
        else
            fwrite(s, 1, len, j->to);
        s += len;
        n -= len;
    }
}

void json_string_begin(struct json_out *j, const char *name)
{
    item(j, name);
    fputc('"', j->to);
}

void json_string_end(struct json_out *j)
{
    fputc('"', j->to);
}

void json_string(struct json_out *j, const char *name, const char *s)
{
    json_string_begin(j, name);
    json_string_piece(j, s);
    json_string_end(j);
}

void json_number(struct json_out *j, const char *name, uint64_t n)
{
    item(j, name);
    fprintf(j->to, "%" PRIu64, n);
}

void json_bool(struct json_out *j, const char *name, bool b)
{
    item(j, name);
    fputs(b ? "true" : "false", j->to);
}
