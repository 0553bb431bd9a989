// SPDX-License-Identifier: MIT
// What dtc's options -@ and -L add to a tree: labels, and the places of all references.
#include "tree/internal.h"
#include "tree/tree.h"

#include <stdlib.h>
#include <string.h>

/* One taking. */
struct taking {
    struct machc *c;
    struct dt_tree *t;
    const char *host;
    struct src at;
    struct noise noise;
};

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

static int by_offset(const void *a, const void *b)
{
    uint32_t x = be32(a), y = be32(b);
    return x < y ? -1 : x > y;
}

static bool has_ref_at(const struct dt_prop *p, uint32_t offset)
{
    const struct dt_ref *r = p->refs;
    while (r && r->offset < offset)
        r = r->next;
    return r && r->offset == offset && !r->path;
}

/* References of one property, at the offsets that `fixup` holds. */
static void take_refs_of(struct taking *k, const struct dt_node *n, struct dt_prop *p, const struct dt_prop *fixup)
{
    struct arena *a = k->c->arena;
    uint32_t count = fixup->len / 4, bad = fixup->len % 4 != 0;
    uint8_t *offsets = arena_alloc(k->t->arena, fixup->len);
    memcpy(offsets, fixup->data, fixup->len);
    qsort(offsets, count, 4, by_offset); // hostile ones come in any order
    bool had = p && p->refs;             // in a source that holds labels as well
    for (uint32_t i = 0; i < count; i++) {
        uint32_t offset = be32(offsets + (size_t)i * 4);
        bool fits = p && !dt_is_phandle_name(p->name) && offset <= p->len && p->len - offset >= 4;
        uint32_t phandle = fits ? be32(p->data + offset) : 0;
        struct dt_node *target = map_getp(&k->t->phandles, (void *)(uintptr_t)phandle, NULL);
        if (!target)
            bad++;
        else if ((i && offset == be32(offsets + (size_t)i * 4 - 4)) || (had && has_ref_at(p, offset)))
            continue;
        else
            dt_add_ref(k->t, p, offset, target);
    }
    for (struct dt_ref *r = p ? p->refs : NULL; r; r = r->next)
        r->filled = true;
    if (bad && noise_ok(&k->noise, W0713))
        diag(k->c->diags, W0713, dt_place(fixup, k->at),
             p ? "%s/__local_fixups__ places a reference in `%s` of %s where no node's phandle is"
               : "%s/__local_fixups__ places a reference in `%s` of %s, which has no such property",
             dt_whose(a, dt_show(a, k->host), fixup), dt_show(a, fixup->name), dt_show_path(a, n));
}

static void report_no_node(struct taking *k, const struct dt_node *parent, const struct dt_node *fixup)
{
    struct arena *a = k->c->arena;
    bool text = fixup->origin && fixup->origin->at.loc.file;
    diag(k->c->diags, W0713, text ? fixup->origin->at : k->at,
         "%s%s/__local_fixups__ places references in %s/%s, which is no node of the tree",
         text ? "" : dt_show(a, k->host), text ? "" : ": ", parent->parent ? dt_show_path(a, parent) : "",
         dt_show(a, fixup->name));
}

/* References: /__local_fixups__ repeats the tree as far as it holds some. As deep as the tree: MACH_MAX_NESTING. */
static void take_refs(struct taking *k, const struct dt_node *n, const struct dt_node *fixups)
{
    for (const struct dt_prop *p = fixups->props; p; p = p->next)
        take_refs_of(k, n, dt_prop(k->t, n, p->name), p);
    for (const struct dt_node *f = fixups->child; f; f = f->next) {
        const struct dt_node *child = dt_child(k->t, n, f->name);
        if (child)
            take_refs(k, child, f);
        else if (noise_ok(&k->noise, W0713))
            report_no_node(k, n, f);
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
    if (fixups)
        dt_remove(t, fixups);
    noise_end(c, &k.noise, host, at);
}
