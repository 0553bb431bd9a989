// SPDX-License-Identifier: MIT
// The statement `host`: the board's tree with its overlays, and what is said of the board.
#include "model/build.h"

#include "base/path.h"
#include "host/refs.h"
#include "tree/show.h"

#include <inttypes.h>
#include <string.h>

static void page_size_statement(struct build *b, const struct scope *s, const struct ast *st, struct board *t)
{
    uint64_t bytes;
    if (!eval_u64(b, s, st->e, &bytes))
        return;
    if (bytes != 4096 && bytes != 16384 && bytes != 65536) {
        struct diag *d =
            diag(b->c->diags, E0225, at(s, st->e->loc), "Linux does not run with page-size %" PRIu64, bytes);
        diag_help(d, "write `page-size 4K;`, `16K` or `64K`");
        return;
    }
    t->page_size = bytes;
    t->page_size_at = at(s, st->e->loc);
}

/* As they are written; the index is an enum iommu_kind. */
static const char *const iommu_words[] = {"auto", "smmu", "pamu", "spapr-tce", "none"};
enum { IOMMU_WORDS = sizeof iommu_words / sizeof *iommu_words };

static void iommu_statement(struct build *b, const struct scope *s, const struct ast *st, struct board *t)
{
    const char *w = eval_text(b, s, &st->name);
    for (uint8_t i = 0; w && i < IOMMU_WORDS; i++) {
        if (strcmp(w, iommu_words[i]) != 0)
            continue;
        t->iommu = i;
        t->iommu_at = at(s, st->name.loc);
        return;
    }
    if (!w)
        return;
    struct diag *d = diag(b->c->diags, E0226, at(s, st->name.loc), "there is no kind of IOMMU called `%s`", w);
    const char *near = nearest(w, iommu_words, IOMMU_WORDS);
    if (near)
        diag_did_you_mean(d, "", w, near);
    else
        diag_help(d, "write one of `auto`, `smmu`, `pamu`, `spapr-tce`, `none`");
}

static void host_statement(struct build *b, const struct scope *s, const struct ast *st, void *opaque)
{
    struct board *t = opaque;
    const char *name;
    switch (st->kind) {
    case AST_PAGE_SIZE:
        page_size_statement(b, s, st, t);
        break;
    case AST_IOMMU:
        iommu_statement(b, s, st, t);
        break;
    case AST_OVERLAY:
        for (const struct item *i = st->items; i; i = i->next) {
            name = eval_text(b, s, &i->t);
            if (name)
                vec_push(b->c->arena, &t->overlays, ((struct named_file){locate(b, i->loc, name), at(s, i->loc)}));
        }
        break;
    case AST_FACTS:
        name = eval_text(b, s, &st->name);
        if (name)
            t->facts = (struct named_file){locate(b, st->name.loc, name), at(s, st->name.loc)};
        break;
    default:
        break; // what names nodes: when the tree is there
    }
}

static const struct dt_node *find_item(struct build *b, const struct scope *s, const struct item *i)
{
    const char *name = eval_text(b, s, &i->t);
    return name ? host_find(b->c, b->model->host, &i->t, name, at(s, i->loc)) : NULL;
}

/* How many entries a property of the host's node has; UINT32_MAX: that cannot be told. */
static uint32_t count_entries(struct build *b, const struct dt_node *n, const struct dt_prop *prop)
{
    struct ref_entries e = {0};
    const struct ref_rule *rule = host_ref_rule(b->model->host, n, prop);
    return rule && !host_read_refs(b->c, b->model->host, prop, rule, &e) ? e.n : UINT32_MAX;
}

static void ready_statement(struct build *b, const struct scope *s, const struct ast *st)
{
    struct m_ready r = {
        .property = eval_text(b, s, &st->name), .why = eval_text(b, s, st->arg), .at = at(s, st->name.loc)};
    if (!r.property || !r.why || (st->e && !eval_opt(b, s, st->e, &r.index)))
        return;
    if (!schema_ref(b->model->schemas, r.property)) {
        struct diag *d = diag(b->c->diags, E0237, r.at, "`%s` is no property that leads to a provider", r.property);
        diag_help(d, "name the property of the devices, such as `resets` or `phys`");
        return;
    }
    if (st->items && !(r.node = find_item(b, s, st->items)))
        return;
    vec_push(b->c->arena, &b->model->ready, r);
    const struct dt_prop *prop = r.node ? dt_prop(b->model->host->tree, r.node, r.property) : NULL;
    uint32_t n = prop && r.index.set ? count_entries(b, r.node, prop) : UINT32_MAX;
    if (!r.node || (prop && (!r.index.set || r.index.value < n)))
        return;
    struct diag *d = diag(b->c->diags, E0238, r.at, prop ? "%s has no `%s[%" PRIu64 "]`" : "%s has no `%s`",
                          dt_path(b->c->arena, r.node), r.property, r.index.value);
    if (prop)
        diag_help(d, "its entries are numbered from 0 to %" PRIu32, n - 1);
    else
        diag_help(d, "name the node that has the property, which may be one below the device");
}

static void hide(struct build *b, const struct dt_node *n, struct src where)
{
    struct dt_tree *t = b->model->host->tree;
    const char *status = intern(b->c->names, "status");
    bool off = dt_is_disabled(t, n, status);
    // The tree that the host is to boot with: all that asks whether a node is disabled is about that one.
    if (off)
        dt_set_str(t, (struct dt_node *)n, status, "okay", NULL);
    vec_push(b->c->arena, &b->model->hidden, ((struct m_hidden){n, off, where}));
}

static void node_statement(struct build *b, const struct scope *s, const struct ast *st, void *opaque)
{
    (void)opaque;
    if (st->kind == AST_READY)
        ready_statement(b, s, st);
    for (const struct item *i = st->kind == AST_KEEP || st->kind == AST_HIDE ? st->items : NULL; i; i = i->next) {
        const struct dt_node *n = find_item(b, s, i);
        if (n && st->kind == AST_KEEP)
            vec_push(b->c->arena, &b->model->keeps, ((struct m_keep){n, at(s, i->loc)}));
        else if (n)
            hide(b, n, at(s, i->loc));
    }
}

void build_named_nodes(struct build *b)
{
    if (b->model->host && b->host)
        expand_body(b, &b->host_scope, b->host, node_statement, NULL);
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

static struct host *read_host(struct build *b, const struct board *t)
{
    struct machc *c = b->c;
    struct dt_tree *tree = t->tree.path ? read_tree(b, t->tree.path, t->at, false) : NULL;
    bool ok = tree;
    for (uint32_t i = 0; i < t->overlays.n && tree; i++) {
        const struct named_file *o = &t->overlays.at[i];
        struct dt_tree *overlay = read_tree(b, o->path, o->at, true);
        ok = overlay && dt_apply_overlay(c, tree, base_name(t->tree.path), overlay, base_name(o->path), o->at) && ok;
    }
    struct host *h = ok ? host_index(c, b->model->schemas, tree, base_name(t->tree.path), t->at) : NULL;
    if (h)
        h->live = t->live;
    return h;
}

static struct board describe_board(struct build *b)
{
    const struct ast *st = b->host;
    const struct scope *s = &b->host_scope;
    struct board t = {.at = st ? at(s, st->name.loc) : (struct src){{0, 0, 0}, NULL}, .page_size = 4096};
    const char *name = st ? eval_text(b, s, &st->name) : NULL;
    t.live = !b->c->host_file && name && st->name.kind == TEXT_WORD && !strcmp(name, "live");
    t.tree.at = t.at;
    if (b->c->host_file)
        t.tree.path = b->c->host_file;
    else if (t.live)
        t.tree.path = "/sys/firmware/fdt"; // the flattened tree that the kernel was started with (drivers/of/fdt.c)
    else if (name)
        t.tree.path = locate(b, st->name.loc, name);
    if (st)
        expand_body(b, s, st, host_statement, &t);
    return t;
}

/* ---- several files, one board ---- */

static void report_other_board(struct build *b, struct src here, struct src first, const char *what, const char *help)
{
    struct diag *d = diag(b->c->diags, E0236, here, "this file has %s", what);
    if (first.loc.file)
        diag_note(d, first, "the first file says so here");
    diag_help(d, "%s", help);
}

/* Of two files, both, or neither: what only one of them says holds for both. */
static bool differ(const struct named_file *a, const struct named_file *b)
{
    return a->path && b->path && !is_same_file(a->path, b->path);
}

static void compare_boards(struct build *b, const struct board *t)
{
    const struct board *first = b->board;
    if (differ(&t->tree, &first->tree))
        report_other_board(b, t->at, first->at, "another host, so that its machines have no board in common",
                           "check the files of each board by themselves, or name one tree for all with `--host FILE`");
    bool same = t->overlays.n == first->overlays.n;
    for (uint32_t i = 0; i < t->overlays.n && same; i++)
        same = !differ(&t->overlays.at[i], &first->overlays.at[i]);
    if (!same)
        report_other_board(b, t->at, first->at, "other overlays of the host", "name the same overlays in all files");
    if (differ(&t->facts, &first->facts))
        report_other_board(b, t->facts.at, first->facts.at, "another snapshot of the host",
                           "name the same snapshot in all files");
    if (t->page_size != first->page_size)
        report_other_board(b, t->page_size_at.loc.file ? t->page_size_at : t->at,
                           first->page_size_at.loc.file ? first->page_size_at : first->at,
                           arena_printf(b->c->arena, "a host with pages of %" PRIu64 " bytes, not %" PRIu64,
                                        t->page_size, first->page_size),
                           "write the same `page-size` in all files");
    if (t->iommu != first->iommu)
        report_other_board(b, t->iommu_at.loc.file ? t->iommu_at : t->at,
                           first->iommu_at.loc.file ? first->iommu_at : first->at,
                           arena_printf(b->c->arena, "a host with `iommu %s`, not `%s`", iommu_words[t->iommu],
                                        iommu_words[first->iommu]),
                           "write the same `iommu` in all files");
}

void build_host(struct build *b)
{
    struct machc *c = b->c;
    struct model *m = b->model;
    if (!b->host && !c->host_file && !c->host)
        return;
    struct board t = describe_board(b);
    if (b->board->page_size) {
        compare_boards(b, &t);
        if (!b->board->facts.path)
            b->board->facts = t.facts;
    } else {
        *b->board = t;
        m->host = c->host ? c->host : read_host(b, &t);
    }
    m->host_at = b->board->at;
    m->page_size = b->board->page_size;
    m->iommu = b->board->iommu;
    m->facts = b->board->facts.path;
    m->facts_at = b->board->facts.at;
}
