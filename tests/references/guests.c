// SPDX-License-Identifier: MIT
/*
 * Passes every node with `reg` of a board through alone, and prints what the guest gets.
 *
 *     guests PLATFORM [-I FOLDER] BOARD
 *
 * BOARD is a blob, or source if its name ends in .dts. A line for each node, in order of their paths: path, the
 * messages' codes, and a digest of the guest's tree, in which nothing depends on order or on numbers of phandles; "-"
 * if there is none. The names of devices are given, since only source has labels.
 */
#include "../corpus/intx.h"
#include "machc.h"
#include "order/order.h"

#include "base/vec.h"
#include "diag/diag_list.h"

#include <md5.h>
#include <stdlib.h>
#include <string.h>

struct trial {
    const struct dt_node *node;
    const char *text;
    char *line; // the result
};

struct bytes {
    struct arena *a;
    VEC(char) list;
};

static void put(struct bytes *t, const void *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        vec_push(t->a, &t->list, ((const char *)data)[i]);
}

static int by_prop_name(const void *a, const void *b)
{
    return strcmp((*(const struct dt_prop *const *)a)->name, (*(const struct dt_prop *const *)b)->name);
}

static int by_node_name(const void *a, const void *b)
{
    return strcmp((*(const struct dt_node *const *)a)->name, (*(const struct dt_node *const *)b)->name);
}

/* A property: name, length, bytes, and the paths that its phandles stand for. */
static void put_prop(struct bytes *t, const struct dt_prop *p)
{
    uint32_t from = 0;
    put(t, p->name, strlen(p->name) + 1);
    put(t, &p->len, sizeof p->len);
    for (const struct dt_ref *r = p->refs; r; r = r->next) {
        if (r->path || !r->target || r->offset < from)
            continue;
        put(t, p->data + from, r->offset - from);
        const char *path = dt_path(t->a, r->target);
        put(t, path, strlen(path) + 1);
        from = r->offset + 4;
    }
    put(t, p->data + from, p->len - from);
}

static void put_node(struct bytes *t, const struct dt_node *n)
{
    VEC(const struct dt_prop *) props = {0};
    VEC(const struct dt_node *) nodes = {0};
    for (const struct dt_prop *p = n->props; p; p = p->next)
        if (strcmp(p->name, "phandle") && strcmp(p->name, "linux,phandle"))
            vec_push(t->a, &props, p);
    for (const struct dt_node *i = n->child; i; i = i->next)
        vec_push(t->a, &nodes, i);
    if (props.n)
        qsort(props.at, props.n, sizeof *props.at, by_prop_name);
    if (nodes.n)
        qsort(nodes.at, nodes.n, sizeof *nodes.at, by_node_name);
    put(t, n->name, strlen(n->name) + 1);
    for (uint32_t i = 0; i < props.n; i++)
        put_prop(t, props.at[i]);
    for (uint32_t i = 0; i < nodes.n; i++)
        put_node(t, nodes.at[i]);
    put(t, "", 1);
}

static const char *codes(struct machc *c)
{
    const char *list = "";
    bool told[MSG_COUNT] = {false};
    struct diag *const *all = diags_sorted(c->diags);
    for (uint32_t i = 0; i < c->diags->all.n; i++)
        told[all[i]->m] = true;
    for (int m = 0; m < MSG_COUNT; m++)
        if (told[m])
            list = arena_printf(c->arena, "%s%s%s", list, *list ? "," : "", msg_infos[m].code);
    return *list ? list : "-";
}

static int compile(struct machc *c, void *opaque)
{
    struct trial *t = opaque;
    const struct source *s = source_builtin(c->sources, "trial.mach", t->text, (uint32_t)strlen(t->text));
    struct model *m = model_build(c, &s, 1);
    const struct plan *p = m ? plan_make(c, m) : NULL;
    char digest[MD5_DIGEST_STRING_LENGTH] = "-";
    if (p && !diags_errors(c->diags)) {
        struct bytes text = {.a = c->arena};
        put_node(&text, p->machines.at[0]->tree->root);
        MD5Data((const uint8_t *)text.list.at, text.list.n, digest);
        const char *kept = getenv("GUESTS_SHOW");
        if (kept && !strcmp(kept, dt_path(c->arena, t->node)))
            fputs(dts_write(c, p->machines.at[0]->tree, false), stderr);
    }
    const char *line = arena_printf(c->arena, "%s\t%s\t%s", dt_path(c->arena, t->node), codes(c), digest);
    t->line = strdup(line);
    return 0;
}

static int by_line(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int board(struct machc *c, void *opaque)
{
    static const struct src nowhere;
    char *const *args = opaque;
    const char *platform = args[0], *folder = NULL, *why;
    int err;
    args++;
    if (!strcmp(args[0], "-I")) {
        folder = args[1];
        args += 2;
        c->include_dirs = &folder;
        c->ninclude_dirs = 1;
    }
    size_t len = strlen(args[0]);
    bool text = len > 4 && !strcmp(args[0] + len - 4, ".dts");
    const struct source *s = source_read(c->sources, args[0], !text, &why, &err);
    c->schemas = s ? schemas_load(c) : NULL;
    struct dts_file *f = s && text ? dts_parse(c, s) : NULL;
    struct dt_tree *t = f ? dts_build(c, s, f) : s && !text ? dtb_read(c, s, nowhere) : NULL;
    c->host = t ? host_index(c, c->schemas, t, "board", nowhere) : NULL;
    if (!c->host || diags_errors(c->diags)) {
        diags_print(c->diags, stderr, &(struct diag_style){0});
        return 2;
    }
    const char *reg = intern(c->names, "reg");
    VEC(char *) lines = {0};
    for (const struct dt_node *n = t->root; n; n = dt_next(n, t->root)) {
        if (!n->parent || !dt_prop(t, n, reg))
            continue;
        struct trial trial = {.node = n};
        // A source ends in two NUL bytes.
        trial.text =
            arena_printf(c->arena,
                         "machine trial : %s { cpus 1; memory ram size 256M; passthrough \"%s\" as dev { ref * "
                         "drop; dma none; %s} }\n%c%c",
                         platform, dt_path(c->arena, n), without_intx(c, n), 0, 0);
        if (machc_again(c, compile, &trial) || !trial.line)
            return 2;
        vec_push(c->arena, &lines, trial.line);
    }
    if (lines.n)
        qsort(lines.at, lines.n, sizeof *lines.at, by_line);
    for (uint32_t i = 0; i < lines.n; i++) {
        puts(lines.at[i]);
        free(lines.at[i]);
    }
    return 0;
}

int main(int argc, char **argv)
{
    return argc < 3 ? 2 : machc_run(board, argv + 1);
}
