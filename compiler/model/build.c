// SPDX-License-Identifier: MIT
// The top level of the files: includes, consts, templates, the host, machines.
#include "model/build.h"

#include "base/path.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void collect(struct build *b, const struct scope *s, const struct ast *list);

static const char *beside(struct build *b, struct loc from, const char *name)
{
    const struct source *src = source_get(b->c->sources, from.file);
    const char *slash = src ? strrchr(src->name, '/') : NULL;
    if (!slash || name[0] == '/')
        return name;
    return arena_printf(b->c->arena, "%.*s/%s", (int)(slash - src->name), src->name, name);
}

const char *locate(struct build *b, struct loc from, const char *name)
{
    const char *path = beside(b, from, name);
    if (name[0] == '/' || !access(path, F_OK))
        return path;
    for (uint32_t i = 0; i < b->c->ninclude_dirs; i++) {
        const char *p = arena_printf(b->c->arena, "%s/%s", b->c->include_dirs[i], name);
        if (!access(p, F_OK))
            return p;
    }
    return path;
}

struct source *read_named(struct build *b, struct src where, const char *path, bool binary)
{
    const char *why;
    int err;
    struct source *src = source_read(b->c->sources, path, binary, &why, &err);
    if (!src) {
        struct diag *d = diag(b->c->diags, E0218, where, "cannot read \"%s\": %s", path, why);
        const char *near = err == ENOENT ? near_file(b->c->arena, path) : NULL;
        if (near)
            diag_did_you_mean(d, "", base_name(path), near);
        else if (err == ENOENT)
            diag_help(d, "files are searched for next to the one that names them, then in the directories given by -I");
        else
            diag_help(d, "name %s that can be read", binary ? "a .dtb or .dts file" : "a text");
    }
    return src;
}

bool is_same_file(const char *a, const char *b)
{
    struct stat x, y;
    return !strcmp(a, b) || (!stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino);
}

/* False for a file that was read before, under whatever name: two files may include a third by different paths. */
static bool first_time(struct build *b, const struct source *src)
{
    struct stat st;
    uint64_t before, device = 0, inode = src->id; // standard input and the like: by themselves
    if (!stat(src->name, &st) && S_ISREG(st.st_mode)) {
        device = st.st_dev;
        inode = st.st_ino;
    }
    if (map_get(&b->included, inode, device, &before))
        return false;
    map_put(b->c->arena, &b->included, inode, device, 1);
    return true;
}

static void include(struct build *b, const struct scope *s, const struct ast *st)
{
    const char *name = eval_text(b, s, &st->name);
    if (!name)
        return;
    struct source *src = read_named(b, at(s, st->name.loc), locate(b, st->name.loc, name), false);
    if (!src)
        b->consts->incomplete = true;
    // A file included twice means the same as once: everything in it has a name.
    if (!src || !first_time(b, src))
        return;
    if (!src->included_from.file)
        src->included_from = st->loc;
    collect(b, s, mach_parse(b->c, src));
}

static void define_const(struct build *b, const struct scope *s, const struct ast *st)
{
    if (s->in_template) {
        struct diag *d =
            diag(b->c->diags, E0219, at(s, st->loc), "`const` belongs at the top of a file, not in a template");
        diag_help(d, "give the template one more parameter");
        return;
    }
    const char *name = eval_name(b, s, &st->name);
    struct const_def *old = name ? map_getp(&b->consts->by_name, name, NULL) : NULL;
    if (old && old->st) {
        struct diag *d = diag(b->c->diags, E0220, at(s, st->name.loc), "const `%s` is defined twice", name);
        diag_note(d, at(&old->scope, old->st->name.loc), "first defined here");
        diag_help(d, "give one of them another name; `-D %s=VALUE` sets it from outside", name);
        return;
    }
    if (old) // -D has the last word
        old->used = true;
    if (old || !name)
        return;
    struct const_def *d = NEW(b->c->arena, struct const_def);
    d->st = st;
    d->scope = *s;
    map_putp(b->c->arena, &b->consts->by_name, name, NULL, d);
    vec_push(b->c->arena, &b->consts->names, name);
}

static void define_template(struct build *b, const struct scope *s, const struct ast *st)
{
    const char *name = eval_name(b, s, &st->name);
    if (!name)
        return;
    const struct ast *old = map_getp(&b->templates, name, NULL);
    if (old) {
        struct diag *d = diag(b->c->diags, E0221, at(s, st->name.loc), "template `%s` is defined twice", name);
        diag_note(d, src_at(old->name.loc), "first defined here");
        diag_help(d, "give one of them another name");
        return;
    }
    map_putp(b->c->arena, &b->templates, name, NULL, st);
    vec_push(b->c->arena, &b->template_names, name);
    struct map seen = {0};
    uint32_t n = 0;
    for (const struct item *p = st->items; p; p = p->next) {
        const char *param = eval_name(b, s, &p->t);
        const struct item *first = param ? map_getp(&seen, param, NULL) : NULL;
        if (first) {
            struct diag *d = diag(b->c->diags, E0222, at(s, p->t.loc), "parameter `%s` is named twice", param);
            diag_note(d, at(s, first->t.loc), "first named here");
            diag_help(d, "give each parameter a name of its own");
        } else if (param) {
            map_putp(b->c->arena, &seen, param, NULL, p);
        }
        if (++n == MAX_PARAMS + 1) {
            struct diag *d = diag(b->c->diags, E0234, at(s, p->t.loc), "template `%s` has more than %d parameters",
                                  name, MAX_PARAMS);
            diag_help(d, "what is the same at every use can be a const");
            break;
        }
    }
}

static void top_statement(struct build *b, const struct scope *s, const struct ast *st, void *opaque)
{
    (void)opaque;
    switch (st->kind) {
    case AST_INCLUDE:
        include(b, s, st);
        break;
    case AST_CONST:
        define_const(b, s, st);
        break;
    case AST_TEMPLATE:
        define_template(b, s, st);
        break;
    case AST_HOST:
        if (b->host) {
            struct diag *d =
                diag(b->c->diags, E0223, at(s, st->loc), "a second `host`; all machines of a run share one");
            diag_note(d, at(&b->host_scope, b->host->loc), "the first is here");
            diag_help(d, "keep one; `--host FILE` takes another tree in its place");
            break;
        }
        b->host = st;
        b->host_scope = *s;
        break;
    case AST_MACHINE:
        vec_push(b->c->arena, &b->machines, ((struct pending){st, *s}));
        break;
    case AST_ASSERT: {
        struct m_assert a = {st->e, eval_text(b, s, &st->name), at(s, st->loc), s->frame};
        vec_push(b->c->arena, &b->model->asserts, a);
        break;
    }
    case AST_USE:
        no_template(b, s, st, "");
        b->consts->incomplete = true;
        break;
    default: {
        struct diag *d =
            diag(b->c->diags, E0224, at(s, st->loc), "`%s` is not allowed at file level", ast_keyword(st->kind));
        help_where(b, d, st);
    }
    }
}

/* First what has a name and is not conditional, of all files, so that order does not matter. The rest is kept for
 * later. */
static void collect(struct build *b, const struct scope *s, const struct ast *list)
{
    for (const struct ast *st = list; st; st = st->next) {
        if (st->kind == AST_LOST) {
            b->consts->incomplete = true;
            b->unbalanced |= st->sub;
        } else if (st->kind == AST_CONST || st->kind == AST_TEMPLATE || st->kind == AST_INCLUDE)
            top_statement(b, s, st, NULL);
        else
            vec_push(b->c->arena, &b->rest, ((struct pending){st, *s}));
    }
}

/* The rest, in order; an `if` or a template may include files, whose rest comes after it. */
static void collect_rest(struct build *b)
{
    for (uint32_t i = 0; i < b->rest.n; i++) {
        struct pending p = b->rest.at[i];
        if (p.st->kind == AST_IF || p.st->kind == AST_FOR || p.st->kind == AST_USE) {
            struct ast one = *p.st; // expand() takes a list
            one.next = NULL;
            uint64_t lost = b->consts->lost;
            expand(b, &p.scope, &one, top_statement, NULL);
            b->consts->incomplete |= b->consts->lost != lost;
        } else {
            top_statement(b, &p.scope, p.st, NULL);
        }
    }
}

/* ---- -D ---- */

static void define_given(struct build *b)
{
    struct machc *c = b->c;
    for (uint32_t i = 0; i < c->ndefines; i++) {
        struct const_def *d = NEW(c->arena, struct const_def);
        const char *text = c->defines[i].value, *name = c->defines[i].name;
        if (!number_value(text, strlen(text), &d->v.u))
            d->v = (struct value){text, 0}; // not a number: a string
        d->state = CONST_DONE;
        if (!map_getp(&b->consts->by_name, name, NULL))
            vec_push(c->arena, &b->consts->names, name);
        map_putp(c->arena, &b->consts->by_name, name, NULL, d); // of two, the last one counts
    }
}

struct names {
    VEC(const char *) list;
};

/* Whether any file uses what -D sets; adds the names of its consts to `others`. */
static bool is_used(struct machc *c, const struct consts *consts, const char *name, struct names *others)
{
    const struct const_def *d = map_getp(&consts->by_name, name, NULL);
    for (uint32_t k = 0; k < consts->names.n && others->list.n < 1000; k++)
        if (consts->names.at[k] != name)
            vec_push(c->arena, &others->list, consts->names.at[k]);
    return d->used;
}

void model_check_defines(const struct model *m)
{
    struct machc *c = m->c;
    for (uint32_t i = 0; i < c->ndefines; i++) {
        const char *name = c->defines[i].name;
        struct names others = {0};
        bool used = false;
        for (uint32_t k = 0; k < m->consts.n && !used; k++)
            used = is_used(c, m->consts.at[k], name, &others);
        if (used)
            continue;
        const char *near = nearest(name, others.list.at, others.list.n);
        struct diag *w =
            diag(c->diags, W0001, (struct src){{0, 0, 0}, NULL}, "-D sets `%s`, which nothing in the files uses", name);
        if (near)
            diag_help(w, "did you mean `%s`?", near);
        else
            diag_help(w, "the files have no `const %s`: remove the option, or correct its name", name);
    }
}

static void begin_file(struct build *b, const struct source *top)
{
    struct machc *c = b->c;
    b->consts = NEW(c->arena, struct consts);
    b->consts->c = c;
    b->root = NEW(c->arena, struct frame);
    b->root->consts = b->consts;
    define_given(b);
    struct scope s = {.frame = b->root};
    first_time(b, top);
    collect(b, &s, mach_parse(c, top));
    if (!b->unbalanced)
        collect_rest(b);
    b->model->incomplete |= b->consts->incomplete;
    vec_push(c->arena, &b->model->consts, b->consts);
    for (uint32_t i = 0; i < b->consts->names.n; i++) { // a const that nobody uses is checked as well
        struct value v;
        bool known;
        const struct const_def *d = map_getp(&b->consts->by_name, b->consts->names.at[i], NULL);
        if (d->st)
            const_value(b->consts, b->consts->names.at[i], at(&d->scope, d->st->name.loc), &v, &known);
    }
    if (!b->unbalanced)
        build_host(b);
}

struct model *model_build(struct machc *c, const struct source *const *tops, uint32_t n)
{
    struct model *m = NEW(c->arena, struct model);
    struct build *files = arena_array(c->arena, n, sizeof *files);
    struct map machine_names = {0};
    struct board board = {0};
    m->c = c;
    m->page_size = 4096;
    m->schemas = c->schemas ? c->schemas : schemas_load(c);
    if (!m->schemas)
        return m;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t before = diags_errors(c->diags);
        files[i] = (struct build){.c = c, .model = m, .machine_names = &machine_names, .board = &board};
        begin_file(&files[i], tops[i]);
        if (files[i].machines.n || diags_errors(c->diags) != before)
            continue;
        struct diag *d = diag(c->diags, E0227, (struct src){{tops[i]->id, 0, 0}, NULL}, "no machine is described");
        diag_help(d, "write one: `machine linux1 : arm64-virt { cpus 1; memory ram size 256M; }`");
    }
    for (uint32_t i = 0; i < n; i++) { // the host of one file is that of all
        build_named_nodes(&files[i]);
        for (uint32_t k = 0; k < files[i].machines.n; k++)
            build_machine(&files[i], &files[i].machines.at[k]);
    }
    machc_forget(&c->syntax);
    return m;
}
