// SPDX-License-Identifier: MIT
// What dtc's options -@ and -L add to a tree: labels, and the places of all references.
#include "base/vec.h"
#include "tree/internal.h"
#include "tree/tree.h"

#include <stdlib.h>
#include <string.h>

/* A reference that is to be added to a property. */
struct place {
    struct dt_prop *prop;
    struct dt_ref ref;
    uint32_t order; // in which it was found: of two at one offset, the first counts
};

/* One taking. */
struct taking {
    struct machc *c;
    struct dt_tree *t;
    const char *host;
    struct src at;
    struct noise noise;
    VEC(struct place) places;
};

/* Where something in one of the nodes was written; else the place of the whole tree, with the file's name before. */
static struct src where(const struct taking *k, const struct dt_node *n, const char **whose)
{
    bool text = n->origin && n->origin->at.loc.file;
    *whose = text ? "" : arena_printf(k->c->arena, "%s: ", dt_show(k->c->arena, k->host));
    return text ? n->origin->at : k->at;
}

/* Labels: each property of /__symbols__ is one, its value the node's path. */
static void take_labels(struct taking *k, const struct dt_node *symbols)
{
    struct arena *a = k->c->arena;
    map_expect(a, &k->t->labels, symbols->nprops);
    for (const struct dt_prop *p = symbols->props; p; p = p->next) {
        const char *path = dt_string(p, 0);
        struct dt_node *n = path && strlen(path) + 1 == p->len ? dt_at_exact(k->t, path) : NULL;
        if (n)
            dt_add_label(k->t, n, p->name, p->origin ? p->origin->at.loc : (struct loc){0});
        else if (noise_ok(&k->noise, W0706))
            diag(k->c->diags, W0706, dt_place(p, k->at),
                 "%s/__symbols__ gives the label `%s` to no node of the tree%s%s", dt_whose(a, dt_show(a, k->host), p),
                 dt_show(a, p->name), path && *path ? ": " : "", path ? dt_show(a, path) : "");
    }
}

static void add_place(struct taking *k, struct dt_prop *p, struct dt_ref ref)
{
    vec_push(k->t->arena, &k->places, ((struct place){p, ref, k->places.n}));
}

/* Notes the references that the property has already (in a source), so that all of them can be put in order. */
static void note_old(struct taking *k, struct dt_prop *p)
{
    for (const struct dt_ref *r = p->refs; r; r = r->next)
        add_place(k, p, *r);
    p->refs = NULL;
}

static bool holds_cell(const struct dt_prop *p, uint32_t offset)
{
    return p && !dt_is_phandle_name(p->name) && offset <= p->len && p->len - offset >= 4;
}

/* References of one property, at the offsets that `fixup` holds. */
static void take_refs_of(struct taking *k, const struct dt_node *n, struct dt_prop *p, const struct dt_prop *fixup)
{
    struct arena *a = k->c->arena;
    bool bad = fixup->len % 4;
    if (p)
        note_old(k, p);
    for (uint32_t i = 0; i < fixup->len / 4; i++) {
        uint32_t offset = dt_cell(fixup, i), phandle = holds_cell(p, offset) ? be32(p->data + offset) : 0;
        struct dt_node *target = map_getp(&k->t->phandles, (void *)(uintptr_t)phandle, NULL);
        bad = bad || !target;
        if (target)
            add_place(k, p, (struct dt_ref){.offset = offset, .target = target, .filled = true});
    }
    if (bad && noise_ok(&k->noise, W0713))
        diag(k->c->diags, W0713, dt_place(fixup, k->at),
             p ? "%s/__local_fixups__ places a reference in `%s` of %s where no node's phandle is"
               : "%s/__local_fixups__ places a reference in `%s` of %s, which has no such property",
             dt_whose(a, dt_show(a, k->host), fixup), dt_show(a, fixup->name), dt_show_path(a, n));
}

/* References: /__local_fixups__ repeats the tree as far as it holds some. As deep as the tree: MACH_MAX_NESTING. */
static void take_refs(struct taking *k, const struct dt_node *n, const struct dt_node *fixups)
{
    struct arena *a = k->c->arena;
    const char *whose;
    for (const struct dt_prop *p = fixups->props; p; p = p->next)
        take_refs_of(k, n, dt_prop(k->t, n, p->name), p);
    for (const struct dt_node *f = fixups->child; f; f = f->next) {
        const struct dt_node *child = dt_child(k->t, n, f->name);
        struct src at = where(k, f, &whose);
        if (child)
            take_refs(k, child, f);
        else if (noise_ok(&k->noise, W0713))
            diag(k->c->diags, W0713, at, "%s/__local_fixups__ places references in %s/%s, which is no node of the tree",
                 whose, n->parent ? dt_show_path(a, n) : "", dt_show(a, f->name));
    }
}

/* A reference of an overlay to a label of the tree that it is for: "/fragment@0:target:0" (dtc's livetree.c). */
static void take_fixup(struct taking *k, const struct dt_prop *label, const char *text)
{
    struct arena *a = k->c->arena;
    const char *colon = strchr(text, ':'), *second = colon ? strchr(colon + 1, ':') : NULL;
    char *end = NULL;
    unsigned long offset = second ? strtoul(second + 1, &end, 10) : 0;
    struct dt_node *n = NULL;
    struct dt_prop *p = NULL;
    if (second && end != second + 1 && !*end && offset <= INT32_MAX) {
        n = dt_at_exact(k->t, arena_strndup(a, text, (size_t)(colon - text)));
        p = n ? dt_prop(k->t, n, intern_n(k->c->names, colon + 1, (size_t)(second - colon) - 1)) : NULL;
    }
    if (!holds_cell(p, (uint32_t)offset)) {
        if (noise_ok(&k->noise, W0713))
            diag(k->c->diags, W0713, dt_place(label, k->at),
                 "%s/__fixups__ places a reference to `%s` where no cell is: \"%s\"",
                 dt_whose(a, dt_show(a, k->host), label), dt_show(a, label->name), dt_show(a, text));
        return;
    }
    struct dt_name *name = NEW(k->t->arena, struct dt_name);
    *name = (struct dt_name){{.s = label->name, .kind = TEXT_LABEL}, dt_place(label, k->at)};
    note_old(k, p);
    add_place(k, p, (struct dt_ref){.offset = (uint32_t)offset, .name = name});
}

static void take_fixups(struct taking *k, const struct dt_node *fixups)
{
    for (const struct dt_prop *p = fixups->props; p; p = p->next) {
        const char *at = (const char *)p->data, *end = at + p->len, *nul;
        for (; at < end && (nul = memchr(at, 0, (size_t)(end - at))); at = nul + 1)
            take_fixup(k, p, at);
    }
}

static int by_offset(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->ref.offset != y->ref.offset)
        return x->ref.offset < y->ref.offset ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* Adds the references that were found to their properties, each list by rising offset. */
static void add_refs(struct taking *k)
{
    if (k->places.n)
        qsort(k->places.at, k->places.n, sizeof *k->places.at, by_offset);
    for (uint32_t i = 0; i < k->places.n; i++) {
        const struct place *p = &k->places.at[i];
        const struct dt_ref *last = p->prop->refs ? p->prop->refs->last : NULL;
        if (last && last->offset == p->ref.offset)
            continue;
        struct dt_ref *r = dt_append_ref(k->t, p->prop, p->ref.offset);
        r->path = p->ref.path;
        r->filled = p->ref.filled;
        r->target = p->ref.target;
        r->name = p->ref.name;
    }
}

static struct dt_node *top(const struct taking *k, const char *name)
{
    return dt_child(k->t, k->t->root, intern(k->c->names, name));
}

void dt_take_symbols(struct machc *c, struct dt_tree *t, const char *host, struct src at)
{
    struct taking k = {.c = c, .t = t, .host = host, .at = at};
    struct dt_node *symbols = top(&k, "__symbols__"), *local = top(&k, "__local_fixups__"),
                   *fixups = top(&k, "__fixups__");
    if (symbols) {
        t->labelled = true;
        take_labels(&k, symbols);
        dt_remove(t, symbols);
    }
    if (local) {
        take_refs(&k, t->root, local);
        dt_remove(t, local);
    }
    if (fixups) {
        if (dt_is_overlay(t)) // else a left-over: a base tree has no open ends
            take_fixups(&k, fixups);
        dt_remove(t, fixups);
    }
    add_refs(&k);
    noise_end(c, &k.noise, host, at);
}

bool dt_is_overlay(const struct dt_tree *t)
{
    for (const struct dt_node *n = t->root->child; n; n = n->next)
        if (dt_child(t, n, intern(t->names, "__overlay__")))
            return true;
    return false;
}
