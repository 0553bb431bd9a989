// SPDX-License-Identifier: MIT
// Checks that must hold for everything that machc prints and writes, whatever the input.
#include "audit.h"
#include "base.h"
#include "machcfg_file.h"
#include "machrt.h"
#include "order/order.h"

#include "diag/diag_list.h"
#include "diag/report.h"
#include "emit/emit.h"
#include "host/host.h"
#include "schema/json.h"

#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

static const struct src nowhere;

static void check_place(struct machc *c, const struct diag *d, struct loc l)
{
    const struct source *s = source_get(c->sources, l.file);
    if (l.file && (!s || l.start > l.end || l.end > s->len))
        finding("%s: its place is outside of its file: %u..%u", msg_infos[d->m].code, l.start, l.end);
}

static void check_via(struct machc *c, const struct diag *d, const struct src *s)
{
    check_place(c, d, s->loc);
    for (const struct via *v = s->via; v; v = v->next)
        check_place(c, d, v->loc);
}

/* Text for other programs is UTF-8 without control characters. */
static void check_utf8(const char *what, const char *s)
{
    for (unsigned n; *s; s += n) {
        n = mach_cfg_utf8(s);
        if (!n || (n == 1 && (unsigned char)*s < ' ' && *s != '\n' && *s != '\t') || *s == 0x7f)
            finding("%s holds the byte 0x%02x: %.40s", what, (unsigned char)*s, s);
    }
}

static void check_json(struct machc *c, const char *what, const char *s)
{
    size_t n = strlen(s);
    const struct source *copy = source_builtin(c->sources, what, arena_strndup(c->arena, s, n + 1), (uint32_t)n);
    if (!json_read(c, copy))
        finding("%s is not JSON: %s", what, s);
}

/* The same messages in the formats for programs: valid documents, whatever text they quote. */
static void check_reports(struct machc *c)
{
    for (int f = REPORT_JSON; f < REPORT_FORMATS; f++) {
        char *text = NULL;
        size_t n = 0;
        struct report_sum sum = {.files = 0};
        FILE *to = open_memstream(&text, &n);
        if (!to)
            abort();
        report_count(&sum, c->diags);
        report_begin((enum report_format)f, to);
        report_messages((enum report_format)f, c->diags, 0, to);
        report_end((enum report_format)f, &sum, "fuzz", to);
        fclose(to);
        check_utf8(report_names[f], text);
        if (f != REPORT_GITHUB)
            check_json(c, report_names[f], text);
        free(text);
    }
}

void check_messages(struct machc *c)
{
    struct diag *const *all = diags_sorted(c->diags);
    uint32_t errors = 0;
    for (uint32_t i = 0; i < c->diags->all.n; i++) {
        const struct diag *d = all[i];
        bool help = false;
        errors += d->severity == SEVERITY_ERROR;
        if (d->severity == SEVERITY_FAULT)
            finding("a fault of machc: %s", d->text);
        check_via(c, d, &d->at);
        for (const struct diag_part *p = d->parts; p; p = p->next) {
            check_via(c, d, &p->at);
            help |= p->kind == PART_HELP;
        }
        for (const struct diag_fix *f = d->fixes; f; f = f->next)
            check_place(c, d, f->where);
        if (!help && d->severity == SEVERITY_ERROR)
            finding("%s has no help line: %s", msg_infos[d->m].code, d->text);
    }
    if (!errors != !diags_errors(c->diags))
        finding("%u errors are counted, %u are in the list", diags_errors(c->diags), errors);
    diags_print(c->diags, sink(), &(struct diag_style){.colour = true, .max_errors = 20});
    check_reports(c);
}

void check_dtb(struct machc *c, const uint8_t *dtb, uint32_t size)
{
    int e = fdt_check_full(dtb, size);
    if (e)
        finding("libfdt refuses a tree: %s", fdt_strerror(e));
    const struct source *s = base_source(c, "again.dtb", dtb, size);
    struct dt_tree *t = dtb_read(c, s, nowhere);
    uint32_t n = 0;
    const uint8_t *again = t ? dtb_write(c, t, false, &n) : NULL;
    if (!again || n != size || memcmp(dtb, again, n))
        finding("a tree that was written is read as another one");
}

void check_overlay(struct machc *c, struct dt_tree *overlay)
{
    // The labels are those of tests/errors/overlay.
    static const char base[] = "/dts-v1/; / { gic: gic { #interrupt-cells = <3>; interrupt-controller; }; "
                               "i2c0: i2c@9 { reg = <9>; interrupt-parent = <&gic>; camera: camera@10 { }; }; };";
    const struct source *s = base_source(c, "base.dts", (const uint8_t *)base, sizeof base - 1);
    struct dt_tree *t = dts_build(c, s, dts_parse(c, s));
    uint32_t n = 0;
    if (!t)
        finding("the base is refused");
    if (!dt_apply_overlay(c, t, "base.dts", overlay, "overlay.dtbo", nowhere)) {
        if (!diags_errors(c->diags))
            finding("an overlay is refused without a message");
        return;
    }
    const uint8_t *dtb = dtb_write(c, t, false, &n);
    if (dtb)
        check_dtb(c, dtb, n);
    host_index(c, c->schemas, t, "base.dts", nowhere);
}

void check_config(struct machc *c, const uint8_t *config, uint32_t size)
{
    struct mach_config *read;
    struct mach_error e = MACH_ERROR_INIT;
    if (mach_config_from_memory("guest.cfg", config, size, &read, &e))
        finding("the reader refuses a config: %s: %s", e.object, e.name);
    const char *rule = audit(config, size), *ours = emit_config_json(c, config, size);
    if (rule)
        finding("the config is not as docs/guest-cfg.md says: %s", rule);
    char *theirs = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&theirs, &n);
    if (!f)
        abort();
    mach_config_json(read, f);
    fclose(f);
    if (!ours || strcmp(ours, theirs))
        finding("machc and machrt show different JSON");
    free(theirs);
    mach_config_show(read, sink());
    mach_config_close(read);
}

// No name can break out of a text in a picture: each `<` begins an element, and Graphviz quotes are balanced.
static void check_pictures(struct machc *c, const struct plan *p)
{
    const char *map = emit_map(c, p, NULL), *graph = emit_graph(c, p, NULL);
    for (const char *s = map; *s; s++)
        if (((uint8_t)*s < ' ' && *s != '\n') || (*s == '<' && !strchr("/dgmprst", s[1])))
            finding("the map is no XML");
    bool open = false;
    for (const char *s = graph; *s; s++) {
        open ^= *s == '"';
        s += open && *s == '\\';
        if ((*s == '\n' && open) || ((uint8_t)*s < ' ' && *s != '\n'))
            finding("a text of the graph is not closed");
    }
}

static void check_plan(struct machc *c, const struct plan *p)
{
    for (uint32_t i = 0; i < p->machines.n; i++) {
        const struct p_machine *m = p->machines.at[i];
        uint32_t size = 0;
        const uint8_t *dtb = dtb_write(c, m->tree, false, &size);
        if (!dtb)
            continue; // with a message
        struct pieces config = emit_config(c, p, m, dtb, size);
        check_dtb(c, dtb, size);
        check_config(c, pieces_join(c->arena, &config), (uint32_t)config.size);
        dts_write(c, m->tree, true);
    }
    emit_plan(c, p, NULL);
    check_pictures(c, p);
    if (diags_errors(c->diags))
        finding("a mistake is found after the plan was made");
}

void check_source(struct machc *c, const uint8_t *data, size_t size)
{
    const struct source *s = base_source(c, "input.mach", data, size);
    struct model *m = model_build(c, &s, 1);
    const struct plan *p = m ? plan_make(c, m) : NULL;
    if (p && !diags_errors(c->diags))
        check_plan(c, p);
    check_messages(c);
}

struct description {
    struct host *host;
    const uint8_t *data;
    size_t size;
};

static int compile(struct machc *c, void *opaque)
{
    const struct description *t = opaque;
    c->host = t->host;
    check_source(c, t->data, t->size);
    return 0;
}

void check_text(struct host *host, const uint8_t *data, size_t size)
{
    struct description t = {host, data, size};
    base_run(compile, &t);
}
