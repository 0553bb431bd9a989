// SPDX-License-Identifier: MIT
// A tree out of a parsed .dts: statements merged in order, then references resolved and filled in.
#include "tree/internal.h"
#include "tree/tree.h"

#include <string.h>

struct build {
    struct machc *c;
    struct dt_tree *t;
    bool plugin;              // an overlay: references to other labels are left open
    uint32_t fragments;       // made so far of `&label { }`
    const char *labels[1000]; // candidates for "did you mean", once they are needed
    size_t nlabels;
    bool ok;
};

// The part of an expression for which it was not computed when it was read.
static const struct expr *not_a_number(const struct expr *e)
{
    const struct expr *parts[] = {e->a, e->b, e->c};
    for (size_t i = 0; i < 3 && e->kind >= EXPR_UNARY && e->kind <= EXPR_COND; i++)
        if (parts[i] && parts[i]->kind != EXPR_INT)
            return not_a_number(parts[i]);
    return e;
}

static bool eval(void *opaque, const struct expr *e, uint64_t *v)
{
    struct machc *c = opaque;
    if (e->kind == EXPR_INT) {
        *v = e->val;
        return true;
    }
    e = not_a_number(e);
    struct diag *d = e->kind == EXPR_NAME
                         ? diag(c->diags, E0709, src_at(e->loc), "`%s` is not a number: a .dts has no named constants",
                                dt_show(c->arena, e->name.s))
                         : diag(c->diags, E0709, src_at(e->loc), "this is not a number");
    diag_help(d, "run the file through the C preprocessor first, or write the number: `cpp -nostdinc -undef -x "
                 "assembler-with-cpp`");
    return false;
}

// &label, &{/path} or &{label/path}.
static struct dt_node *target(const struct build *b, const struct text *name)
{
    const char *slash = name->kind == TEXT_REFPATH || name->kind == TEXT_PATH ? strchr(name->s, '/') : NULL;
    size_t len = slash ? (size_t)(slash - name->s) : strlen(name->s);
    if (slash && !len)
        return dt_at(b->t, name->s);
    struct dt_node *n = dt_labelled(b->t, intern_n(b->c->names, name->s, len));
    while (n && slash) {
        slash += strspn(slash, "/");
        len = strcspn(slash, "/");
        if (!len)
            break;
        n = dt_child(b->t, n, intern_n(b->c->names, slash, len));
        slash += len;
    }
    return n;
}

static const char *near_label(struct build *b, const char *name)
{
    if (!b->nlabels && diags_seek(b->c->diags))
        for (const struct dt_node *n = b->t->root; n; n = dt_next(n, b->t->root))
            for (const struct dt_label *l = n->labels; l && b->nlabels < 1000; l = l->next)
                b->labels[b->nlabels++] = l->name;
    return diags_nearest(b->c->diags, name, b->labels, b->nlabels);
}

static void undefined(struct build *b, const struct text *name, struct src at)
{
    bool path = name->kind == TEXT_REFPATH || name->kind == TEXT_PATH;
    const char *s = dt_show(b->c->arena, name->s);
    struct diag *d = path ? diag(b->c->diags, E0707, at, "there is no node `&{%s}`", s)
                          : diag(b->c->diags, E0707, at, "there is no label `%s` in this tree", s);
    b->ok = false;
    if (path) {
        diag_help(d, "write the node's path from the root, as in `&{/soc/serial@0}`, or give it a label");
        return;
    }
    const char *near = near_label(b, name->s);
    if (near)
        diag_did_you_mean(d, "&", name->s, near);
    else
        diag_help(d, "put `%s:` before the node that is meant", s);
}

/* `&label { }` of an overlay: a fragment, as dtc makes it (livetree.c, add_orphan_node). */
static void add_fragment(struct build *b, const struct dts_op *op)
{
    struct dt_tree *t = b->t;
    struct origin *o = NEW(t->arena, struct origin);
    *o = (struct origin){.kind = ORIGIN_HOST, .at = src_at(op->ref->loc)};
    const char *name = intern(b->c->names, arena_printf(b->c->arena, "fragment@%u", b->fragments++));
    if (dt_child(t, t->root, name)) {
        struct diag *d =
            diag(b->c->diags, E0715, o->at, "the fragment for `&%s` would be a second %s", op->ref->s, name);
        diag_help(d, "give the fragment that is written out another name");
        b->ok = false;
        return;
    }
    struct dt_node *fragment = dt_add_child(t, t->root, name);
    fragment->origin = o;
    if (op->ref->kind == TEXT_REFPATH || op->ref->kind == TEXT_PATH) {
        dt_set_str(t, fragment, "target-path", op->ref->s, o);
    } else {
        struct dt_prop *p = dt_set_cells(t, fragment, "target", (const uint32_t[]){UINT32_MAX}, 1, o);
        struct dt_name *label = NEW(t->arena, struct dt_name);
        *label = (struct dt_name){*op->ref, o->at};
        dt_append_ref(t, p, 0)->name = label;
    }
    struct dts_op body = {.name = intern(b->c->names, "__overlay__"),
                          .labels = op->labels,
                          .ops = op->ops,
                          .loc = op->loc,
                          .kind = DTS_NODE};
    b->ok &= dts_merge(b->c, t, fragment, &body, ORIGIN_HOST, NULL, NULL, eval, b->c);
}

static void merge_top(struct build *b, const struct dts_op *op)
{
    struct dt_node *n = b->t->root;
    struct src at = src_at(op->ref ? op->ref->loc : op->loc);
    if (b->plugin && op->ref && op->kind == DTS_NODE) {
        add_fragment(b, op);
        return;
    }
    if (op->ref && !(n = target(b, op->ref))) {
        undefined(b, op->ref, at);
        return;
    }
    if (op->kind == DTS_OMIT) {
        n->omit = b->t->omits = true;
        return;
    }
    if (op->kind == DTS_DEL_NODE) {
        if (n->parent) {
            dt_remove(b->t, n);
            return;
        }
        diag_help(diag(b->c->diags, E0711, at, "the root node cannot be deleted"), "remove the statement");
        b->ok = false;
        return;
    }
    // A node without a name of its own, so that merging `/` and `&label` is merging a child: labels and all.
    struct dts_op body = {.name = n->name, .labels = op->labels, .ops = op->ops, .loc = op->loc, .kind = DTS_NODE};
    if (n->parent) {
        b->ok &= dts_merge(b->c, b->t, n->parent, &body, ORIGIN_HOST, NULL, NULL, eval, b->c);
        return;
    }
    for (const struct dts_label *l = op->labels; l; l = l->next)
        if (!dt_add_label(b->t, n, l->name, l->loc))
            dt_add_twin(b->t, n, l->name, l->loc);
    b->ok &= dts_merge(b->c, b->t, n, op->ops, ORIGIN_HOST, NULL, NULL, eval, b->c);
}

/*
 * A property `name` says what the node's name says (Devicetree Specification 2.3.11, deprecated): it goes, as with dtc,
 * and another value is a mistake.
 */
static void judge_names(struct build *b)
{
    const char *name = intern(b->c->names, "name");
    for (struct dt_node *n = b->t->root; n; n = dt_next(n, b->t->root)) {
        const struct dt_prop *p = dt_prop(b->t, n, name);
        size_t len = strcspn(n->name, "@");
        if (!p)
            continue;
        if (p->len == len + 1 && !memcmp(p->data, n->name, len) && !p->data[len]) {
            dt_del(b->t, n, name);
            continue;
        }
        struct diag *d = diag(b->c->diags, E0718, dt_prop_place(n, p), "`name` of %s is not the node's name",
                              dt_show_path(b->c->arena, n));
        diag_help(d, "remove the property: the node's name is enough");
        b->ok = false;
    }
}

/* Labels that two nodes have, neither of which was deleted. */
static void judge_labels(struct build *b)
{
    for (const struct dt_twin *w = b->t->first_twin; w; w = w->next) {
        const struct dt_node *has = w->n->deleted ? NULL : dt_labelled(b->t, w->label);
        if (!has || has == w->n)
            continue;
        dt_report_label_twice(b->c, has, w->n, w->label, src_at(w->loc));
        b->ok = false;
    }
}

static void resolve(struct build *b)
{
    for (struct dt_node *n = b->t->root; n; n = dt_next(n, b->t->root))
        for (struct dt_prop *p = n->props; p; p = p->next)
            for (struct dt_ref *r = p->refs; r; r = r->next) {
                r->target = target(b, &r->name->text);
                if (!r->target && !b->plugin)
                    undefined(b, &r->name->text, r->name->at);
            }
}

struct dt_tree *dts_build(struct machc *c, const struct source *s, const struct dts_file *f)
{
    struct build *b = NEW(c->arena, struct build);
    b->c = c;
    b->t = dt_tree_new(c->arena, c->names);
    b->ok = true;
    b->plugin = f->plugin.file;
    bool root = b->plugin;
    for (const struct dts_op *op = f->ops; op; op = op->next) {
        root = root || (op->kind == DTS_NODE && !op->ref);
        merge_top(b, op);
    }
    if (!root) {
        struct src at = src_at((struct loc){s->id, 0, 0});
        diag_help(diag(c->diags, E0710, at, "there is no root node in this file"), "write `/ { };` around the nodes");
        return NULL;
    }
    for (const struct dts_reserve *r = f->reserves; r; r = r->next)
        b->t->nreserves++;
    b->t->reserves = arena_array(c->arena, b->t->nreserves, sizeof *b->t->reserves);
    uint32_t i = 0;
    for (const struct dts_reserve *r = f->reserves; r; r = r->next, i++) {
        b->t->reserves[i].address = r->address;
        b->t->reserves[i].size = r->size;
    }
    judge_labels(b);
    judge_names(b);
    resolve(b);
    if (!b->ok)
        return NULL;
    if (b->plugin)
        return b->t;
    dt_omit_unused(b->t, false);
    dt_take_phandles(c, b->t, s->name, src_at((struct loc){s->id, 0, 0}));
    dt_assign_phandles(b->t, false);
    dt_index_phandles(b->t);
    dt_take_symbols(c, b->t, s->name, src_at((struct loc){s->id, 0, 0}));
    return b->t;
}
