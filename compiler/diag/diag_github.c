// SPDX-License-Identifier: MIT
/*
 * Messages as workflow commands, which GitHub's runner (and those that do as it does: Gitea, Forgejo) turns into
 * annotations: ::error file=...,line=...::text. What has a meaning in a command is written as %25, %0A and so on, as
 * the runner's toolkit does it (actions/toolkit, packages/core/src/command.ts).
 */
#include "diag/report_format.h"
#include "diag/utf8.h"

#include <string.h>

static void put_escaped(FILE *to, const char *s, bool property)
{
    size_t n = strlen(s);
    while (n) {
        uint32_t len, c = utf8_decode(s, n, &len);
        if (c == '%' || c == '\n' || c == '\r' || (property && (c == ':' || c == ',')))
            fprintf(to, "%%%02X", c);
        else if (c == UTF8_REPLACEMENT || (utf8_unfit(c) && c != '\t'))
            fputs("\xef\xbf\xbd", to);
        else
            fwrite(s, 1, len, to);
        s += len;
        n -= len;
    }
}

static void line(FILE *to, struct diags *ds, const char *start, struct loc at, const char *text)
{
    struct report_place p = report_place(ds, at);
    fputs("%0A", to);
    put_escaped(to, start, false);
    if (p.file)
        put_escaped(to, p.file, false);
    if (p.lines)
        fprintf(to, ":%u:%u", p.line, p.column);
    fputs(p.file && *text ? ": " : "", to);
    put_escaped(to, text, false);
}

static void message(FILE *to, struct diags *ds, const struct diag *d)
{
    const struct msg_info *info = &msg_infos[d->m];
    struct report_place p = report_place(ds, d->at.loc);
    fprintf(to, "::%s ", report_level(d));
    if (p.file) {
        fputs("file=", to);
        put_escaped(to, p.file, true);
        if (p.lines)
            fprintf(to, ",line=%u,endLine=%u", p.line, p.end_line);
        // The runner refuses columns of a range that spans lines.
        if (p.lines && p.line == p.end_line && p.chars && p.end_chars)
            fprintf(to, ",col=%u,endColumn=%u", p.chars, p.end_chars);
        fputc(',', to);
    }
    fprintf(to, "title=%s ", info->code);
    put_escaped(to, info->title, true);
    fputs("::", to);
    put_escaped(to, d->text, false);
    if (d->label) {
        fputs(" (", to);
        put_escaped(to, d->label, false);
        fputc(')', to);
    }
    for (const struct via *v = d->at.via; v; v = v->next) {
        fputs("%0Ain ", to);
        put_escaped(to, v->what, false);
        line(to, ds, "used at ", v->loc, "");
    }
    for (const struct diag_part *part = d->parts; part; part = part->next)
        line(to, ds, part->kind == PART_HELP ? "help: " : "", part->at.loc, part->text);
    fputc('\n', to);
}

static void begin(FILE *to)
{
    (void)to;
}

static void messages(struct diags *ds, struct diag *const *all, uint32_t n, FILE *to)
{
    for (uint32_t i = 0; i < n; i++)
        message(to, ds, all[i]);
}

static void end(const struct report_sum *sum, const char *version, FILE *to)
{
    (void)sum;
    (void)version;
    (void)to;
}

const struct report_writer report_github = {begin, messages, end, ""};
