// SPDX-License-Identifier: MIT
// The statement `host`: the board's tree with its overlays, and what is said of the board.
#include "model/build.h"

#include "base/path.h"
#include "tree/show.h"

#include <inttypes.h>
#include <string.h>

static void host_statement(struct build *b, const struct scope *s, const struct ast *st, void *opaque)
{
    (void)opaque;
    static const char *const iommus[] = {"auto", "smmu", "pamu", "spapr-tce", "none"};
    struct model *m = b->model;
    switch (st->kind) {
    case AST_PAGE_SIZE:
        if (eval_u64(b, s, st->e, &m->page_size) && m->page_size != 4096 && m->page_size != 16384 &&
            m->page_size != 65536) {
            struct diag *d = diag(b->c->diags, E0225, at(s, st->e->loc),
                                  "Linux does not run with page-size %" PRIu64 "", m->page_size);
            diag_help(d, "write `page-size 4K;`, `16K` or `64K`");
            m->page_size = 4096;
        }
        break;
    case AST_IOMMU: {
        const char *w = eval_text(b, s, &st->name);
        if (!w)
            break;
        for (uint8_t i = 0; i < 5; i++) {
            if (!strcmp(w, iommus[i])) {
                m->iommu = i;
                return;
            }
        }
        struct diag *d = diag(b->c->diags, E0226, at(s, st->name.loc), "there is no kind of IOMMU called `%s`", w);
        const char *near = nearest(w, iommus, 5);
        if (near) {
            diag_did_you_mean(d, "", w, near);
        } else {
            diag_help(d, "write one of `auto`, `smmu`, `pamu`, `spapr-tce`, `none`");
        }
        break;
    }
    case AST_OVERLAY:
        for (const struct item *i = st->items; i; i = i->next) {
            const char *name = eval_text(b, s, &i->t);
            if (name)
                vec_push(b->c->arena, &b->overlays, ((struct named_file){locate(b, i->loc, name), at(s, i->loc)}));
        }
        break;
    case AST_FACTS: {
        const char *name = eval_text(b, s, &st->name);
        m->facts = name ? locate(b, st->name.loc, name) : NULL;
        m->facts_at = at(s, st->name.loc);
        break;
    }
    default:
        break; // keep: when the tree is there
    }
}

struct keeps {
    VEC(struct m_keep) list;
};

static void keep_statement(struct build *b, const struct scope *s, const struct ast *st, void *opaque)
{
    struct keeps *k = opaque;
    if (st->kind != AST_KEEP)
        return;
    for (const struct item *i = st->items; i; i = i->next) {
        const char *name = eval_text(b, s, &i->t);
        const struct dt_node *n = name ? host_find(b->c, b->model->host, &i->t, name, at(s, i->loc)) : NULL;
        if (n)
            vec_push(b->c->arena, &k->list, ((struct m_keep){n, at(s, i->loc)}));
    }
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && !strcmp(s + n - m, end);
}

static bool is_source(const char *path)
{
    return ends_with(path, ".dts") || ends_with(path, ".dtso") || ends_with(path, ".pp");
}

/* A tree from a file, named at `where`, which is an overlay or not. NULL after messages. */
static struct dt_tree *read_tree(struct build *b, const char *path, struct src where, bool overlay)
{
    struct machc *c = b->c;
    bool text = is_source(path);
    struct source *src = read_named(b, where, path, !text);
    if (!src)
        return NULL;
    uint32_t before = diags_errors(c->diags);
    struct dts_file *f = text ? dts_parse(c, src) : NULL;
    if (text && (!f || diags_errors(c->diags) != before))
        return NULL;
    struct dt_tree *t = text ? dts_build(c, src, f) : dtb_read(c, src, where);
    bool is = t && (text ? f->plugin.file != 0 : dt_is_overlay(t));
    if (!t || is == overlay)
        return t;
    const char *name = base_name(path);
    struct diag *d;
    if (overlay) {
        d = diag(c->diags, E0716, where, "%s is not an overlay: it has no fragments", dt_show(c->arena, name));
        diag_help(d, "an overlay is a .dtbo, or source with `/plugin/;`; a board's tree is named after `host`");
        return NULL;
    }
    d = diag(c->diags, E0125, text ? src_at(f->plugin) : where, "%s is an overlay, not a board's tree",
             dt_show(c->arena, name));
    diag_help(d, "name the board's tree, and this file with it: `host \"BOARD.dtb\" { overlay \"%s\"; }`",
              dt_show(c->arena, name));
    return NULL;
}

static struct host *read_host(struct build *b, const struct scope *s, struct src where)
{
    struct machc *c = b->c;
    const struct ast *st = b->host;
    const char *name = st ? eval_text(b, s, &st->name) : NULL;
    const char *path = c->host_file;
    bool live = !path && st->name.kind == TEXT_WORD && name && !strcmp(name, "live");
    if (live)
        path = "/sys/firmware/fdt"; // the flattened tree that the kernel was started with (drivers/of/fdt.c)
    else if (!path && name)
        path = locate(b, st->name.loc, name);
    struct dt_tree *t = path ? read_tree(b, path, where, false) : NULL;
    bool ok = t;
    for (uint32_t i = 0; i < b->overlays.n && t; i++) {
        const struct named_file *o = &b->overlays.at[i];
        struct dt_tree *overlay = read_tree(b, o->path, o->at, true);
        ok = overlay && dt_apply_overlay(c, t, base_name(path), overlay, base_name(o->path), o->at) && ok;
    }
    struct host *h = ok ? host_index(c, b->model->schemas, t, base_name(path), where) : NULL;
    if (h)
        h->live = live;
    return h;
}

void build_host(struct build *b)
{
    struct machc *c = b->c;
    struct model *m = b->model;
    const struct ast *st = b->host;
    if (!st && !c->host_file && !c->host)
        return;
    struct scope *s = &b->host_scope;
    m->host_at = st ? at(s, st->name.loc) : (struct src){{0, 0, 0}, NULL};
    if (st)
        expand_body(b, s, st, host_statement, NULL);
    m->host = c->host ? c->host : read_host(b, s, m->host_at);
    struct keeps k = {0};
    if (m->host && st)
        expand_body(b, s, st, keep_statement, &k);
    m->keeps = k.list.at;
    m->nkeeps = k.list.n;
}
