// SPDX-License-Identifier: MIT
#include "cli/compile.h"
#include "cli/say.h"
#include "order/order.h"

#include "ast/ast.h"
#include "cli/command.h"
#include "cli/depfile.h"
#include "cli/explain.h"
#include "cli/output.h"
#include "emit/emit.h"

#include <errno.h>
#include <sys/stat.h>

/* What is to be written when everything is known to be right. */
struct results {
    VEC(struct output) files;
    VEC(char) text; // of --emit, all machines
};

int show_messages(struct machc *c, struct unit *u)
{
    const struct options *o = u->o;
    struct diag_style style = {.colour = u->colour, .max_errors = o->max_errors, .no_counts = !u->alone};
    if (u->text)
        diags_print(c->diags, u->err, &style);
    for (uint32_t i = 0; i < o->reports.n; i++)
        if (u->parts && u->parts[i]) // a program wants all of them, unless it is told otherwise
            report_messages(o->reports.at[i].format, c->diags, o->max_errors_given ? o->max_errors : 0, u->parts[i]);
    report_count(&u->sum, c->diags);
    return diags_errors(c->diags) ? STATUS_ERRORS : STATUS_FINE;
}

// Not being able to read the file itself is input/output; a file that is no text is an error in the input.
static const struct source *read_input(struct machc *c, struct unit *u, const char *input, int *status)
{
    static const struct src nowhere = {{0, 0, 0}, NULL};
    const char *why = NULL;
    int err_no = 0;
    const struct source *s = source_read(c->sources, input, false, &why, &err_no);
    if (s)
        return s;
    if (err_no) {
        const char *near = err_no == ENOENT ? near_file(c->arena, input) : NULL, *slash = strrchr(input, '/');
        int dir = slash ? (int)(slash - input) + 1 : 0;
        say(u->err, "machc: cannot read %s: %s", input, why);
        if (near)
            say(u->err, "; did you mean `%.*s%s`?", dir, input, near);
        fputc('\n', u->err);
        u->sum.files = u->sum.files_failed = 1;
        *status = STATUS_USAGE;
        return NULL;
    }
    struct diag *d = diag(c->diags, E0001, nowhere, "cannot read %s: %s", input, why);
    diag_help(d, "give machc the text of the description, a .mach file");
    *status = show_messages(c, u);
    return NULL;
}

static void add_file(struct machc *c, struct results *r, const char *path, struct pieces data)
{
    vec_push(c->arena, &r->files, ((struct output){.path = path, .data = data}));
}

static void add_text(struct machc *c, struct results *r, const char *s)
{
    for (; *s; s++)
        vec_push(c->arena, &r->text, *s);
}

static bool speaks_of(const struct options *o, const struct p_machine *m)
{
    return !o->machine || !strcmp(o->machine, m->name);
}

static void emit_machine(struct machc *c, const struct options *o, const struct plan *p, const struct p_machine *m,
                         struct results *r)
{
    uint32_t dtb_size = 0;
    const uint8_t *blob = dtb_write(c, m->tree, c->symbols, &dtb_size);
    if (!blob || diags_errors(c->diags))
        return;
    struct pieces dtb = pieces_of(c->arena, blob, dtb_size), config = emit_config(c, p, m, blob, dtb_size);
    if (config.size > UINT32_MAX) {
        diag(c->diags, E0002, m->m->at, "the config of machine %s would be larger than 4 GB", m->name);
        return;
    }
    if (o->dtb)
        add_file(c, r, o->dtb, dtb);
    if (o->config)
        add_file(c, r, o->config, config);
    if (o->dir) {
        add_file(c, r, arena_printf(c->arena, "%s/%s.dtb", o->dir, m->name), dtb);
        add_file(c, r, arena_printf(c->arena, "%s/%s.cfg", o->dir, m->name), config);
    }
    if (o->view == VIEW_DTS) {
        if (p->machines.n > 1 && !o->machine)
            add_text(c, r, arena_printf(c->arena, "// machine %s\n", m->name));
        add_text(c, r, dts_write(c, m->tree, true));
    }
    if (o->view == VIEW_JSON)
        add_text(c, r, emit_config_json(c, pieces_join(c->arena, &config), (uint32_t)config.size));
}

// What the host needs for its guests goes beside their files.
static void emit_preparation(struct machc *c, const struct options *o, const struct plan *p, struct results *r)
{
    const char *file = p->model->host->file, *dot = strrchr(file, '.');
    const char *to = arena_printf(c->arena, "%s/%.*s", o->dir,
                                  (int)(dot && dot != file ? (size_t)(dot - file) : strlen(file)), file);
    const char *line = emit_host_arguments(c, p), *text = emit_host(c, p);
    uint32_t size = 0;
    const uint8_t *blob = p->host.overlay ? dtb_write(c, p->host.overlay, false, &size) : NULL;
    if (blob)
        add_file(c, r, arena_printf(c->arena, "%s.host.dtbo", to), pieces_of(c->arena, blob, size));
    if (blob)
        add_file(c, r, arena_printf(c->arena, "%s.host.dts", to), pieces_of(c->arena, text, strlen(text)));
    add_file(c, r, arena_printf(c->arena, "%s.args", to), pieces_of(c->arena, line, strlen(line)));
}

// -m names a machine of the file, and -o and -c are for one machine.
static bool chosen(struct machc *c, const struct options *o, const struct plan *p, FILE *err)
{
    const char **names = arena_array(c->arena, p->machines.n + 1, sizeof *names);
    uint32_t fitting = 0;
    for (uint32_t i = 0; i < p->machines.n; i++) {
        names[i] = p->machines.at[i]->name;
        fitting += speaks_of(o, p->machines.at[i]);
    }
    if (fitting == 1 || (fitting && !o->dtb && !o->config))
        return true;
    if (o->machine) {
        const char *near = nearest(o->machine, names, p->machines.n);
        say(err, "machc: %s has no machine `%s`", o->inputs.at[0], o->machine);
        if (near)
            say(err, "; did you mean `%s`?", near);
        fputc('\n', err);
    } else {
        say(err, "machc: %s has several machines: choose one with -m, or write all with -O\n", o->inputs.at[0]);
    }
    fputs("machc: its machines are", err);
    for (uint32_t i = 0; i < p->machines.n; i++)
        say(err, "%s %s", i ? "," : "", names[i]);
    fputc('\n', err);
    return false;
}

// An output that is one of the texts read, by whatever name, would be lost.
static bool overwrites_input(struct machc *c, const struct results *r, FILE *err)
{
    for (uint32_t i = 0; i < r->files.n; i++) {
        struct stat out, in;
        if (!strcmp(r->files.at[i].path, "-") || stat(r->files.at[i].path, &out) || !S_ISREG(out.st_mode))
            continue;
        for (uint32_t id = 1; id <= sources_count(c->sources); id++) {
            const struct source *s = source_get(c->sources, id);
            if (s->builtin || stat(s->name, &in) || in.st_dev != out.st_dev || in.st_ino != out.st_ino)
                continue;
            say(err, "machc: output %s is also read, as %s\n", r->files.at[i].path, s->name);
            return true;
        }
    }
    return false;
}

// The rule for what was added so far.
static bool add_depfile(struct machc *c, const struct options *o, struct results *r, FILE *err)
{
    const char **targets = arena_array(c->arena, r->files.n, sizeof *targets);
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->files.n; i++)
        if (strcmp(r->files.at[i].path, "-") != 0)
            targets[n++] = r->files.at[i].path;
    const char *text = depfile_text(c, o, targets, n, err);
    if (text)
        add_file(c, r, depfile_name(c->arena, o), pieces_of(c->arena, text, strlen(text)));
    return text != NULL;
}

static int write_outputs(struct machc *c, struct unit *u, const struct plan *p)
{
    const struct options *o = u->o;
    const struct p_machine *only = NULL;
    struct results r = {0};
    if (!chosen(c, o, p, u->err))
        return STATUS_USAGE;
    for (uint32_t i = 0; i < p->machines.n; i++) {
        if (!speaks_of(o, p->machines.at[i]))
            continue;
        emit_machine(c, o, p, p->machines.at[i], &r);
        only = o->machine ? p->machines.at[i] : NULL;
    }
    // One table, one picture for all of them.
    if (o->view == VIEW_PLAN)
        add_text(c, &r, emit_plan(c, p, only));
    if (o->view == VIEW_MAP)
        add_text(c, &r, emit_map(c, p, only));
    if (o->view == VIEW_GRAPH)
        add_text(c, &r, emit_graph(c, p, only));
    if (o->view == VIEW_HOST)
        add_text(c, &r, emit_host(c, p));
    for (uint32_t i = 0; o->view == VIEW_VMM && i < p->machines.n; i++)
        if (speaks_of(o, p->machines.at[i]))
            add_text(c, &r, emit_command(c, p->machines.at[i]));
    if (o->dir && p->model->host)
        emit_preparation(c, o, p, &r);
    const char *explained = o->view == VIEW_EXPLAIN ? explain_node(c, p, only, o->explain_node, u->err) : "";
    if (!explained)
        return STATUS_USAGE;
    add_text(c, &r, explained);
    int status = show_messages(c, u);
    if (status != STATUS_FINE)
        return status;
    if (o->depend && !add_depfile(c, o, &r, u->err))
        return STATUS_USAGE;
    if (o->view != VIEW_NONE)
        add_file(c, &r, "-", pieces_of(c->arena, r.text.at, r.text.n));
    if (overwrites_input(c, &r, u->err) || !outputs_write(c->arena, o->dir, r.files.at, r.files.n, u->err))
        return STATUS_USAGE;
    return STATUS_FINE;
}

// A text that expands without an end: the place is that of the statement at which the memory was used up.
static int report_over_budget(struct machc *c, void *unit)
{
    const struct options *o = ((struct unit *)unit)->o;
    struct diag *d = diag(c->diags, E0134, c->doing, "this description needs more than %u MiB of memory",
                          o->max_memory_given ? o->max_memory : (unsigned)(MACHC_MEMORY >> 20));
    diag_help(d,
              "use what is expanded here less often; if all of it is meant, allow more with `--max-memory MIB`, or put "
              "the machines into several files");
    return show_messages(c, unit);
}

int compile_unit(struct machc *c, void *unit)
{
    struct unit *u = unit;
    const struct options *o = u->o;
    int status = STATUS_FINE;
    options_apply(o, c);
    c->over_budget = report_over_budget;
    const struct source **texts = arena_array(c->arena, u->ninputs, sizeof *texts);
    for (uint32_t i = 0; i < u->ninputs; i++) {
        texts[i] = read_input(c, u, u->inputs[i], &status);
        if (!texts[i])
            return status;
    }
    if (o->syntax) {
        mach_parse(c, texts[0]); // several come with --together, which --syntax does not
        return show_messages(c, u);
    }
    c->table = o->view == VIEW_PLAN;
    c->tell_host = o->dir || o->view == VIEW_HOST || o->view == VIEW_PLAN;
    c->prepare = c->tell_host || o->config || o->view == VIEW_JSON;
    c->vmm = o->view == VIEW_VMM ? o->vmm : NULL;
    c->vmm_machine = o->machine;
    struct model *model = model_build(c, texts, u->ninputs);
    if (c->vmm && model && model->schemas && !schema_vmm(model->schemas, intern(c->names, c->vmm))) {
        say(u->err, "machc: --emit takes dts, json, plan, map, graph, host or a VMM's name, not `%s`\n", c->vmm);
        return STATUS_USAGE;
    }
    const struct plan *plan = model ? plan_make(c, model) : NULL;
    if (plan && !diags_errors(c->diags))
        model_check_defines(model);
    bool writes = o->dtb || o->config || o->dir || o->view != VIEW_NONE;
    if (!plan || !(writes || o->depend) || diags_errors(c->diags))
        return show_messages(c, u);
    return write_outputs(c, u, plan);
}
