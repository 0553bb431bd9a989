// SPDX-License-Identifier: MIT
/*
 * An overlay put onto a board's tree, as libfdt's fdt_overlay_apply() and U-Boot's `fdt apply` do it: each fragment's
 * properties and nodes go into the node that it names, later ones over earlier ones; its own phandles move behind those
 * of the board. References lead to nodes here, so that no number has to be patched.
 */
#include "base/vec.h"
#include "tree/internal.h"
#include "tree/tree.h"

#include <string.h>

/* A reference that was put into the tree, whose target is still a node of the overlay, or a label. */
struct loose {
    struct dt_ref *ref;
    struct dt_prop *prop;
    const struct dt_node *node; // where it is, for messages
};

/* One putting on. */
struct applying {
    struct machc *c;
    struct dt_tree *base;
    struct dt_tree *overlay;
    const char *base_file, *file; // fit to be shown
    struct src at;
    struct dt_node **placed; // by id of the overlay's node: where it is in the base
    uint32_t delta;          // what is added to the overlay's own phandles
    struct origin *origin;   // of what has none of its own: the overlay was a blob
    VEC(struct loose) loose;
    bool ok;
};

/* Where a property or node of the overlay was written; else where the overlay was named. */
static struct src place_of(const struct applying *a, const struct origin *o)
{
    return o && o->at.loc.file ? o->at : a->at;
}

static void no_label(struct applying *a, const char *label, struct src at)
{
    const char *names[1000], *shown = dt_show(a->c->arena, label);
    size_t n = 0;
    bool seek = diags_seek(a->c->diags);
    for (const struct dt_node *i = a->base->root; seek && i && n < 1000; i = dt_next(i, a->base->root))
        for (const struct dt_label *l = i->labels; l && n < 1000; l = l->next)
            names[n++] = l->name;
    struct diag *d = diag(a->c->diags, E0713, at, "the overlay %s refers to the label `%s`, which %s does not have",
                          a->file, shown, a->base_file);
    const char *near = diags_nearest(a->c->diags, label, names, n);
    if (near)
        diag_help(d, "did you mean `%s`?", dt_show(a->c->arena, near));
    else if (!n && seek)
        diag_help(d, "%s holds no labels: compile it with `dtc -@`", a->base_file);
    else
        diag_help(d, "name the overlay that has it before this one, or choose an overlay for this board");
    a->ok = false;
}

static const struct dt_prop *own(const struct applying *a, const struct dt_node *n, const char *name)
{
    return dt_prop(a->overlay, n, intern(a->c->names, name));
}

/* The node of the base that a fragment is for; NULL after a message. */
static struct dt_node *target_of(struct applying *a, const struct dt_node *fragment)
{
    const struct dt_prop *target = own(a, fragment, "target"), *path = own(a, fragment, "target-path");
    const char *shown = dt_show(a->c->arena, fragment->name), *text = path ? dt_string(path, 0) : NULL;
    struct src at = place_of(a, fragment->origin);
    struct dt_node *n = NULL;
    if (target && target->refs && target->refs->target) {
        n = a->placed[target->refs->target->id]; // a node of a fragment before this one
    } else if (target && target->refs && target->refs->name) {
        const char *label = target->refs->name->text.s;
        n = map_getp(&a->base->labels, label, NULL);
        if (!n)
            no_label(a, label, target->refs->name->at);
        return n;
    } else if (target && target->len == 4)
        n = map_getp(&a->base->phandles, (void *)(uintptr_t)dt_cell(target, 0), NULL);
    else if (text)
        n = dt_at(a->base, text);
    if (n)
        return n;
    struct diag *d;
    if (text)
        d = diag(a->c->diags, E0714, at, "%s of the overlay %s is for %s, which is no node of %s", shown, a->file,
                 dt_show(a->c->arena, text), a->base_file);
    else
        d = diag(a->c->diags, E0714, at, "%s of the overlay %s does not name a node of %s", shown, a->file,
                 a->base_file);
    diag_help(d, "choose an overlay for this board, or correct its `target` or `target-path`");
    a->ok = false;
    return NULL;
}

/* A phandle that the overlay says of its own node: moved behind those of the base, which keeps its own. */
static void place_phandle(struct applying *a, struct dt_node *to, const struct dt_prop *p, const struct origin *o)
{
    if (to->phandle || p->len != 4 || !dt_cell(p, 0) || dt_cell(p, 0) > UINT32_MAX - 1 - a->delta)
        return;
    uint32_t phandle = dt_cell(p, 0) + a->delta;
    if (map_addp(a->base->arena, &a->base->phandles, (void *)(uintptr_t)phandle, NULL, to))
        return; // two of the overlay's nodes have it: it means the first
    to->phandle = phandle;
    uint8_t *cell = arena_alloc(a->base->arena, 4);
    dt_put_cells(cell, phandle, 1);
    dt_set(a->base, to, p->name, cell, 4, o);
}

static void place_props(struct applying *a, struct dt_node *to, const struct dt_node *from)
{
    for (const struct dt_prop *p = from->props; p; p = p->next) {
        const struct origin *o = p->origin ? p->origin : a->origin;
        if (dt_is_phandle_name(p->name) && !p->refs) {
            place_phandle(a, to, p, o);
            continue;
        }
        struct dt_prop *new = dt_set(a->base, to, p->name, p->data, p->len, o);
        for (const struct dt_ref *r = p->refs; r; r = r->next) {
            struct dt_ref *ref = dt_append_ref(a->base, new, r->offset);
            ref->path = r->path;
            ref->target = r->target;
            ref->name = r->name;
            vec_push(draft_arena(a->c), &a->loose, ((struct loose){ref, new, to}));
        }
    }
}

/* As deep as the overlay: MACH_MAX_NESTING. */
static void place_node(struct applying *a, struct dt_node *to, const struct dt_node *from)
{
    a->placed[from->id] = to;
    place_props(a, to, from);
    for (const struct dt_node *n = from->child; n; n = n->next) {
        struct dt_node *child = dt_child(a->base, to, n->name);
        if (!child && to->depth >= MACH_MAX_NESTING) {
            struct diag *d =
                diag(a->c->diags, E0905, place_of(a, n->origin), "nodes are nested more than %d deep, below %s",
                     MACH_MAX_NESTING, dt_show_path(a->c->arena, to));
            diag_help(d, "Linux reads at most 64 levels");
            a->ok = false;
            return;
        }
        if (!child) {
            child = dt_add_child(a->base, to, n->name);
            child->origin = n->origin ? n->origin : a->origin;
        }
        place_node(a, child, n);
    }
}

/* Gives the labels of the overlay's nodes to the nodes that they have become. One that the base has means the new node.
 */
static void place_labels(struct applying *a)
{
    for (const struct dt_node *n = a->overlay->root; n; n = dt_next(n, a->overlay->root))
        for (const struct dt_label *l = n->labels; l; l = l->next) {
            struct dt_node *to = a->placed[n->id];
            if (to && !dt_add_label(a->base, to, l->name, l->loc))
                map_putp(a->base->arena, &a->base->labels, l->name, NULL, to);
        }
}

/* The node of the base that a reference of the overlay means. */
static struct dt_node *meant(struct applying *a, const struct dt_ref *r)
{
    const char *s = r->name ? r->name->text.s : NULL;
    if (r->target)
        return a->placed[r->target->id];
    if (!s || r->name->text.kind != TEXT_LABEL)
        return s ? dt_at(a->base, s) : NULL;
    return map_getp(&a->base->labels, s, NULL);
}

/* A reference that leads nowhere: 0xffffffff, as dtc writes what is still to be known. */
static void leave_hole(struct applying *a, const struct dt_ref *r, struct dt_prop *p)
{
    if (r->path || r->offset > p->len || p->len - r->offset < 4)
        return;
    uint8_t *data = arena_alloc(a->base->arena, p->len);
    memcpy(data, p->data, p->len);
    dt_put_cells(data + r->offset, UINT32_MAX, 1);
    p->data = data;
}

static void resolve(struct applying *a)
{
    for (uint32_t i = 0; i < a->loose.n; i++) {
        struct dt_ref *r = a->loose.at[i].ref;
        const struct dt_name *name = r->name;
        struct dt_node *to = meant(a, r);
        if (!to && !r->target && name && name->text.kind == TEXT_LABEL) {
            no_label(a, name->text.s, name->at);
        } else if (!to) {
            struct diag *d = diag(a->c->diags, W0717, name ? name->at : a->at,
                                  "the overlay %s refers in %s to a node that does not get into %s", a->file,
                                  dt_show_path(a->c->arena, a->loose.at[i].node), a->base_file);
            diag_help(d, "put that node into a fragment");
            leave_hole(a, r, a->loose.at[i].prop);
        }
        r->target = to;
    }
}

static uint32_t largest_phandle(const struct dt_tree *t)
{
    uint32_t most = 0;
    for (const struct dt_node *n = t->root; n; n = dt_next(n, t->root))
        most = n->phandle > most ? n->phandle : most;
    return most;
}

bool dt_apply_overlay(struct machc *c, struct dt_tree *base, const char *base_file, struct dt_tree *overlay,
                      const char *file, struct src at)
{
    struct applying a = {.c = c, .base = base, .overlay = overlay, .at = at, .ok = true};
    a.base_file = dt_show(c->arena, base_file);
    a.file = dt_show(c->arena, file);
    a.placed = arena_array(draft_arena(c), overlay->nnodes, sizeof(struct dt_node *));
    a.delta = largest_phandle(base);
    a.origin = NEW(base->arena, struct origin);
    *a.origin = (struct origin){.kind = ORIGIN_HOST, .at = at, .why = arena_printf(c->arena, "overlay %s", a.file)};
    for (const struct dt_node *f = overlay->root->child; f; f = f->next) {
        const struct dt_node *content = dt_child(overlay, f, intern(c->names, "__overlay__"));
        struct dt_node *to = content ? target_of(&a, f) : NULL;
        if (to)
            place_node(&a, to, content);
    }
    place_labels(&a);
    resolve(&a);
    if (!a.ok)
        return false;
    dt_assign_phandles(base, false);
    dt_index_phandles(base);
    return true;
}
