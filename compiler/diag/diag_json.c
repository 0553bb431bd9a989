// SPDX-License-Identifier: MIT
// Messages as JSON of our own: schemas/json/diagnostics.schema.json says what is in it.
#include "diag/json_text.h"
#include "diag/report_format.h"

static void put_place(struct json_out *j, struct diags *ds, const char *name, struct loc l)
{
    struct report_place p = report_place(ds, l);
    if (!p.file)
        return;
    json_open(j, name, '{');
    json_string(j, "file", p.file);
    if (p.lines) {
        json_number(j, "line", p.line);
        json_number(j, "column", p.column);
        json_number(j, "end_line", p.end_line);
        json_number(j, "end_column", p.end_column);
        json_number(j, "offset", l.start);
        json_number(j, "length", l.end > l.start ? l.end - l.start : 0);
    }
    json_close(j, '}');
}

static void used_from(struct json_out *j, struct diags *ds, const struct via *via)
{
    if (!via)
        return;
    json_open(j, "used_from", '[');
    for (; via; via = via->next) {
        json_open(j, NULL, '{');
        json_string(j, "what", via->what);
        put_place(j, ds, "place", via->loc);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void parts(struct json_out *j, struct diags *ds, const struct diag *d)
{
    static const char *const kinds[] = {"note", "fact", "help", "paste"};
    if (!d->parts)
        return;
    json_open(j, "parts", '[');
    for (const struct diag_part *p = d->parts; p; p = p->next) {
        json_open(j, NULL, '{');
        json_string(j, "kind", kinds[p->kind]);
        json_string(j, "text", p->text);
        put_place(j, ds, "place", p->at.loc);
        if (p->at.via != d->at.via)
            used_from(j, ds, p->at.via);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void fix(struct json_out *j, struct diags *ds, const struct diag *d)
{
    if (!d->fixes)
        return;
    json_open(j, "fix", '[');
    for (const struct diag_fix *f = d->fixes; f; f = f->next) {
        json_open(j, NULL, '{');
        put_place(j, ds, "place", f->where);
        json_string(j, "text", f->text);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void message(struct json_out *j, struct diags *ds, const struct diag *d)
{
    const struct msg_info *info = &msg_infos[d->m];
    json_open(j, NULL, '{');
    json_string(j, "code", info->code);
    json_string(j, "name", info->name);
    json_string(j, "severity", d->severity == SEVERITY_FAULT ? "fault" : report_level(d));
    json_string(j, "text", d->text);
    if (d->label)
        json_string(j, "label", d->label);
    put_place(j, ds, "place", d->at.loc);
    used_from(j, ds, d->at.via);
    if (d->more)
        json_number(j, "other_uses", d->more);
    parts(j, ds, d);
    fix(j, ds, d);
    json_close(j, '}');
}

static void begin(FILE *to)
{
    fputs("{\n  \"format\": \"machc-diagnostics-1\",\n  \"messages\": [", to);
}

static void messages(struct diags *ds, struct diag *const *all, uint32_t n, FILE *to)
{
    struct json_out j = {to, 2, false};
    for (uint32_t i = 0; i < n; i++)
        message(&j, ds, all[i]);
}

static void end(const struct report_sum *sum, const char *version, FILE *to)
{
    struct json_out j = {to, 1, true};
    fputs("\n  ]", to);
    json_string(&j, "machc", version);
    json_number(&j, "files", sum->files);
    json_number(&j, "errors", sum->errors);
    json_number(&j, "warnings", sum->warnings);
    fputs("\n}\n", to);
}

const struct report_writer report_json = {begin, messages, end, ","};
