// SPDX-License-Identifier: MIT
// Messages as text for people: place, sentence, source line with a caret, other places, help.
#include "diag/diag_list.h"
#include "diag/diag_snippet.h"

#include <string.h>

enum {
    MOST_VIA = 12,  // outer places of one message shown
    MOST_EDITS = 6, // of a fix
};

struct printer {
    struct diags *ds;
    FILE *to;
    bool colour;
    uint32_t file; // of the message before: its includes are not told again
};

static const char *escape(const struct printer *p, const char *sequence)
{
    return p->colour ? sequence : "";
}

static void put_clean_text(const struct printer *p, const char *s)
{
    put_clean(p->to, s, strlen(s));
}

static void put_place(const struct printer *p, struct loc l)
{
    const struct source *s = source_get(p->ds->sources, l.file);
    if (!s)
        return;
    put_clean_text(p, s->name);
    if (s->binary)
        return;
    struct line_col at = source_line(p->ds->sources, l.file, l.start);
    fprintf(p->to, ":%u:%u", at.line, at.column);
}

// The texts of messages may hold newlines: what follows one is indented like the first line.
static void put_text(const struct printer *p, const char *s)
{
    for (const char *nl; (nl = strchr(s, '\n')); s = nl + 1) {
        put_clean(p->to, s, (size_t)(nl - s));
        fputs("\n      ", p->to);
    }
    put_clean_text(p, s);
}

static void put_code(const struct printer *p, const struct diag *d)
{
    const struct msg_info *info = &msg_infos[d->m];
    fprintf(p->to, " [%s", info->code);
    if (info->code[0] == 'W')
        fprintf(p->to, " -W%s%s", d->severity == SEVERITY_ERROR ? "error=" : "", info->name);
    fputs("]\n", p->to);
}

static void put_used_from(const struct printer *p, const struct via *via)
{
    uint32_t n = 0, more = 0;
    for (const struct via *v = via; v; v = v->next) {
        if (n == MOST_VIA) {
            more++;
            continue;
        }
        n++;
        fputs("   in ", p->to);
        put_clean_text(p, v->what);
        fputs(", used at ", p->to);
        put_place(p, v->loc);
        fputc('\n', p->to);
    }
    if (more)
        fprintf(p->to, "   and %u more outside of these\n", more);
}

static void put_included_from(const struct printer *p, const struct source *s)
{
    const struct source *first = s;
    for (uint32_t n = 0; s && s->included_from.file && n < MOST_VIA && !(n && s == first); n++) {
        fputs("   included from ", p->to);
        put_place(p, s->included_from);
        fputc('\n', p->to);
        s = source_get(p->ds->sources, s->included_from.file);
    }
}

static void put_part(const struct printer *p, const struct diag *d, const struct diag_part *part)
{
    static const char *const start[] = {"   ", "   ", "   help: ", "      "};
    bool placed = source_get(p->ds->sources, part->at.loc.file) != NULL;
    fputs(start[part->kind], p->to);
    if (placed) {
        put_place(p, part->at.loc);
        fputs(": ", p->to);
    }
    put_text(p, part->text);
    fputc('\n', p->to);
    if (!placed)
        return;
    const struct loc *a = &part->at.loc, *b = &d->at.loc;
    if (a->file != b->file || a->start != b->start)
        put_snippet(p->to, p->ds->sources, *a, '~', NULL, escape(p, "\033[36m"), escape(p, "\033[0m"));
    if (part->at.via != d->at.via)
        put_used_from(p, part->at.via);
}

static void put_fixes(const struct printer *p, const struct diag *d)
{
    uint32_t n = 0, line = 0;
    for (const struct diag_fix *f = d->fixes; f && n < MOST_EDITS; f = f->next, n++)
        line = put_edit(p->to, p->ds->sources, d->at.loc, line, f->where, f->text, escape(p, "\033[32m"),
                        escape(p, "\033[0m"));
}

static void put_diag(struct printer *p, const struct diag *d)
{
    static const char *const words[] = {"warning", "error", "fault of machc"};
    static const char *const colours[] = {"\033[1;35m", "\033[1;31m", "\033[1;31m"};
    const struct source *s = source_get(p->ds->sources, d->at.loc.file);
    const char *on = escape(p, colours[d->severity]), *off = escape(p, "\033[0m");
    fputs(escape(p, "\033[1m"), p->to);
    put_place(p, d->at.loc);
    fprintf(p->to, "%s%s%s%s: %s", off, s ? ": " : "machc: ", on, words[d->severity], off);
    put_text(p, d->text);
    put_code(p, d);
    if (s)
        put_snippet(p->to, p->ds->sources, d->at.loc, '^', d->label, on, off);
    if (s)
        put_fixes(p, d);
    if (s && s->id != p->file)
        put_included_from(p, s);
    put_used_from(p, d->at.via);
    if (d->more)
        fprintf(p->to, "   and the same for %u other use%s\n", d->more, d->more == 1 ? "" : "s");
    p->file = d->at.loc.file;
    for (const struct diag_part *part = d->parts; part; part = part->next)
        put_part(p, d, part);
}

static void put_count(FILE *to, uint32_t n, const char *what)
{
    fprintf(to, "%u %s%s", n, what, n == 1 ? "" : "s");
}

static void put_counts(FILE *to, uint32_t errors, uint32_t warnings)
{
    if (errors)
        put_count(to, errors, "error");
    if (errors && warnings)
        fputs(", ", to);
    if (warnings)
        put_count(to, warnings, "warning");
}

void diags_print(struct diags *ds, FILE *to, const struct diag_style *style)
{
    struct printer p = {ds, to, style->colour, 0};
    struct diag *const *all = diags_sorted(ds);
    uint32_t errors = 0, warnings = 0;
    for (uint32_t i = 0; i < ds->all.n; i++) {
        bool error = all[i]->severity != SEVERITY_WARNING;
        if (error && style->max_errors && errors == style->max_errors)
            break;
        if (error)
            errors++;
        else
            warnings++;
        put_diag(&p, all[i]);
    }
    if (errors < ds->errors) {
        put_counts(to, ds->errors - errors, ds->warnings - warnings);
        fputs(" more not shown; --max-errors 0 shows all\n", to);
    }
    if (!style->no_counts && (ds->errors || ds->warnings)) {
        put_counts(to, ds->errors, ds->warnings);
        fputc('\n', to);
    }
}
