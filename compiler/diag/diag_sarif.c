// SPDX-License-Identifier: MIT
/*
 * Messages as SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format"): one run, its results first, so that
 * the rules after them can be those that were used.
 */
#include "base/map.h"
#include "diag/json_text.h"
#include "diag/report_format.h"

#include <string.h>

enum { LINE_HASHED = 4096 }; // bytes of a source line that tell it from others

// A file name as a URI reference (RFC 3986): relative as it is, absolute with file://.
static void uri(struct json_out *j, const char *file)
{
    static const char hex[] = "0123456789ABCDEF";
    json_string_begin(j, "uri");
    if (*file == '/')
        json_string_piece(j, "file://");
    for (const char *s = file; *s; s++) {
        unsigned char c = (unsigned char)*s;
        bool plain =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("/-._~@+=,", c);
        char out[4] = {(char)c};
        if (!plain) {
            out[0] = '%';
            out[1] = hex[c >> 4];
            out[2] = hex[c & 15];
        }
        json_string_piece(j, out);
    }
    json_string_end(j);
}

static void region(struct json_out *j, const char *name, const struct report_place *p, const char *label)
{
    json_open(j, name, '{');
    json_number(j, "startLine", p->line);
    if (p->chars && p->end_chars) {
        json_number(j, "startColumn", p->chars);
        if (p->end_line != p->line)
            json_number(j, "endLine", p->end_line);
        json_number(j, "endColumn", p->end_chars);
    }
    if (label) {
        json_open(j, "message", '{');
        json_string(j, "text", label);
        json_close(j, '}');
    }
    json_close(j, '}');
}

static void artifact(struct json_out *j, const struct report_place *p)
{
    json_open(j, "artifactLocation", '{');
    uri(j, p->file);
    json_close(j, '}');
}

// A location, as an element; `text` and `label` may be NULL.
static void location(struct json_out *j, struct diags *ds, struct loc l, const char *start, const char *text,
                     const char *label)
{
    struct report_place p = report_place(ds, l);
    json_open(j, NULL, '{');
    if (p.file) {
        json_open(j, "physicalLocation", '{');
        artifact(j, &p);
        if (p.lines)
            region(j, "region", &p, label);
        json_close(j, '}');
    }
    if (text) {
        json_open(j, "message", '{');
        json_string_begin(j, "text");
        json_string_piece(j, start);
        json_string_piece(j, text);
        json_string_end(j);
        json_close(j, '}');
    }
    json_close(j, '}');
}

// The sentence, then what has no place of its own, a line each.
static void message_text(struct json_out *j, struct diags *ds, const struct diag *d)
{
    json_open(j, "message", '{');
    json_string_begin(j, "text");
    json_string_piece(j, d->text);
    for (const struct diag_part *p = d->parts; p; p = p->next) {
        if (p->kind == PART_NOTE && source_get(ds->sources, p->at.loc.file))
            continue;
        json_string_piece(j, p->kind == PART_HELP ? "\nhelp: " : "\n");
        json_string_piece(j, p->text);
    }
    json_string_end(j);
    json_close(j, '}');
}

static void related(struct json_out *j, struct diags *ds, const struct diag *d)
{
    bool any = d->at.via != NULL;
    for (const struct diag_part *p = d->parts; p; p = p->next)
        any = any || source_get(ds->sources, p->at.loc.file);
    if (!any)
        return;
    json_open(j, "relatedLocations", '[');
    for (const struct diag_part *p = d->parts; p; p = p->next)
        if (source_get(ds->sources, p->at.loc.file))
            location(j, ds, p->at.loc, "", p->text, NULL);
    for (const struct via *v = d->at.via; v; v = v->next)
        location(j, ds, v->loc, "used from here: ", v->what, NULL);
    json_close(j, ']');
}

// The description of a fix is the help that goes with it.
static const char *fix_text(const struct diag *d)
{
    for (const struct diag_part *p = d->parts; p; p = p->next)
        if (p->kind == PART_HELP)
            return p->text;
    return d->text;
}

static void fix(struct json_out *j, struct diags *ds, const struct diag *d)
{
    if (!d->fixes)
        return;
    json_open(j, "fixes", '[');
    json_open(j, NULL, '{');
    json_open(j, "description", '{');
    json_string(j, "text", fix_text(d));
    json_close(j, '}');
    json_open(j, "artifactChanges", '[');
    for (const struct diag_fix *f = d->fixes; f; f = f->next) {
        struct report_place p = report_place(ds, f->where);
        json_open(j, NULL, '{');
        artifact(j, &p);
        json_open(j, "replacements", '[');
        json_open(j, NULL, '{');
        region(j, "deletedRegion", &p, NULL);
        if (*f->text) {
            json_open(j, "insertedContent", '{');
            json_string(j, "text", f->text);
            json_close(j, '}');
        }
        json_close(j, '}');
        json_close(j, ']');
        json_close(j, '}');
    }
    json_close(j, ']');
    json_close(j, '}');
    json_close(j, ']');
}

// FNV-1a, 64 bit (draft-eastlake-fnv).
static uint64_t fnv(uint64_t h, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)s[i]) * 0x100000001b3U;
    return h;
}

/*
 * What makes a message the same one when lines are moved: its code and sentence, its file, the words of its line, and
 * how many such there were before. No numbers of lines.
 */
static uint64_t fingerprint(struct diags *ds, const struct diag *d, struct map *seen)
{
    uint64_t h = fnv(0xcbf29ce484222325U, msg_infos[d->m].code, 5);
    h = fnv(h, d->text, strlen(d->text) + 1);
    const struct source *s = source_get(ds->sources, d->at.loc.file);
    if (s) {
        h = fnv(h, s->name, strlen(s->name) + 1);
        struct line_col at = source_line(ds->sources, s->id, d->at.loc.start);
        const char *p = s->text + s->lines[at.line - 1];
        const char *end = s->text + (at.line < s->nlines ? s->lines[at.line] - 1 : s->len);
        if (end - p > LINE_HASHED)
            end = p + LINE_HASHED;
        for (; p < end; p++)
            if (*p != ' ' && *p != '\t' && *p != '\r')
                h = fnv(h, p, 1);
    }
    uint64_t before = 0;
    map_get(seen, h, 0, &before);
    map_put(ds->arena, seen, h, 0, before + 1);
    return fnv(h, (const char[]){(char)before, (char)(before >> 8), (char)(before >> 16)}, 3);
}

static void result(struct json_out *j, struct diags *ds, const struct diag *d, struct map *seen)
{
    char hash[20];
    json_open(j, NULL, '{');
    json_string(j, "ruleId", msg_infos[d->m].code);
    json_string(j, "level", report_level(d));
    message_text(j, ds, d);
    if (source_get(ds->sources, d->at.loc.file)) {
        json_open(j, "locations", '[');
        location(j, ds, d->at.loc, "", NULL, d->label);
        json_close(j, ']');
    }
    related(j, ds, d);
    fix(j, ds, d);
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)fingerprint(ds, d, seen));
    json_open(j, "partialFingerprints", '{');
    json_string(j, "machc/v1", hash);
    json_close(j, '}');
    json_close(j, '}');
}

static void begin(FILE *to)
{
    fputs("{\n"
          "  \"$schema\": \"https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json\",\n"
          "  \"version\": \"2.1.0\",\n"
          "  \"runs\": [\n"
          "    {\n"
          "      \"columnKind\": \"unicodeCodePoints\",\n"
          "      \"results\": [",
          to);
}

static void messages(struct diags *ds, struct diag *const *all, uint32_t n, FILE *to)
{
    struct json_out j = {to, 4, false};
    struct map seen = {0};
    for (uint32_t i = 0; i < n; i++)
        result(&j, ds, all[i], &seen);
}

static void multiformat(struct json_out *j, const char *name, const char *text)
{
    json_open(j, name, '{');
    json_string(j, "text", text);
    json_close(j, '}');
}

// The first paragraph of a message's text: what it means, without example and fix. Where there is none the title says
// it all.
static void first_paragraph(struct json_out *j, const struct msg_info *info)
{
    json_open(j, "fullDescription", '{');
    json_string_begin(j, "text");
    const char *s = info->text;
    if (!strncmp(s, "    ", 4))
        json_string_piece(j, info->title);
    for (bool first = true; *s && strncmp(s, "    ", 4) && (first || strncmp(s, "Fix:", 4)); first = false) {
        char line[512];
        size_t n = strcspn(s, "\n");
        snprintf(line, sizeof line, "%s%.*s", first ? "" : " ", (int)(n < 500 ? n : 500), s);
        json_string_piece(j, line);
        s += n + (s[n] == '\n');
    }
    json_string_end(j);
    json_close(j, '}');
}

static void rule(struct json_out *j, const struct msg_info *info)
{
    json_open(j, NULL, '{');
    json_string(j, "id", info->code);
    json_string(j, "name", info->name);
    multiformat(j, "shortDescription", info->title);
    first_paragraph(j, info);
    multiformat(j, "help", info->text);
    json_open(j, "defaultConfiguration", '{');
    json_string(j, "level", info->code[0] == 'W' ? "warning" : "error");
    json_close(j, '}');
    json_close(j, '}');
}

static void end(const struct report_sum *sum, const char *version, FILE *to)
{
    struct json_out j = {to, 3, true};
    fputs("\n      ]", to);
    json_open(&j, "invocations", '[');
    json_open(&j, NULL, '{');
    json_bool(&j, "executionSuccessful", !sum->crashed);
    json_close(&j, '}');
    json_close(&j, ']');
    json_open(&j, "tool", '{');
    json_open(&j, "driver", '{');
    json_string(&j, "name", "machc");
    json_string(&j, "version", version);
    json_open(&j, "rules", '[');
    for (size_t m = 0; m < MSG_COUNT; m++)
        if (sum->used[m])
            rule(&j, &msg_infos[m]);
    json_close(&j, ']');
    json_close(&j, '}');
    json_close(&j, '}');
    fputs("\n    }\n  ]\n}\n", to);
}

const struct report_writer report_sarif = {begin, messages, end, ","};
