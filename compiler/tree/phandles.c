// SPDX-License-Identifier: MIT
// Phandles: those that are written, and those that are given out.
#include "tree/internal.h"
#include "tree/tree.h"

#include <string.h>

bool dt_is_phandle_name(const char *name)
{
    return !strcmp(name, "phandle") || !strcmp(name, "linux,phandle");
}

// The node's property that says its phandle. "linux,phandle" is the older name (Devicetree Specification 0.4, 2.3.3).
static const struct dt_prop *phandle_prop(const struct dt_tree *t, const struct dt_node *n)
{
    if (!t->phandle_props)
        return NULL;
    const struct dt_prop *p = dt_prop(t, n, t->phandle);
    return p ? p : dt_prop(t, n, t->linux_phandle);
}

bool dt_has_phandle_prop(const struct dt_node *n)
{
    for (const struct dt_prop *p = n->props; p; p = p->next)
        if (dt_is_phandle_name(p->name))
            return true;
    return false;
}

/* One taking of phandles. */
struct taking {
    struct machc *c;
    struct dt_tree *t;
    const char *host;
    struct src at;
    struct noise noise;
    bool ok;
};

static void wrong(struct taking *k, const struct dt_node *n, const struct dt_prop *p)
{
    struct arena *a = k->c->arena;
    const char *what = p->len == 4 ? arena_printf(a, "%#x", dt_cell(p, 0))
                                   : arena_printf(a, "%u byte%s long", p->len, p->len == 1 ? "" : "s");
    if (k->host) {
        if (noise_ok(&k->noise, W0705))
            diag(k->c->diags, W0705, dt_place(p, k->at),
                 "%sthe phandle of %s is %s, which is not a valid phandle; it is ignored",
                 dt_whose(a, dt_show(a, k->host), p), dt_show_path(a, n), what);
        return;
    }
    struct diag *d = diag(k->c->diags, E0907, p->origin ? p->origin->at : k->at,
                          "the phandle of %s is %s, which is not a valid phandle", dt_show_path(a, n), what);
    diag_help(
        d, "write a number from 1 to 0xfffffffe, or remove the property: machc assigns a phandle where one is needed");
    k->ok = false;
}

static void report_phandle_twice(struct taking *k, const struct dt_node *n, const struct dt_prop *p,
                                 const struct dt_node *first)
{
    struct arena *a = k->c->arena;
    if (k->host) {
        if (!noise_ok(&k->noise, W0704))
            return;
        struct diag *w = diag(
            k->c->diags, W0704, dt_place(p, k->at), "%s%s and %s both have the phandle %#x; it means the first one",
            dt_whose(a, dt_show(a, k->host), p), dt_show_path(a, first), dt_show_path(a, n), dt_cell(p, 0));
        const struct dt_prop *its = phandle_prop(k->t, first);
        if (its && its->origin && its->origin->at.loc.file)
            diag_note(w, its->origin->at, "the first one is here");
        return;
    }
    struct diag *d = diag(k->c->diags, E0908, p->origin ? p->origin->at : k->at, "%s and %s both have the phandle %#x",
                          dt_show_path(a, first), dt_show_path(a, n), dt_cell(p, 0));
    const struct dt_prop *other = phandle_prop(k->t, first);
    if (other && other->origin)
        diag_note(d, other->origin->at, "the first one is here");
    diag_help(d, "remove the property: machc assigns a phandle where one is needed");
    k->ok = false;
}

bool dt_take_phandles(struct machc *c, struct dt_tree *t, const char *host, struct src at)
{
    struct taking k = {.c = c, .t = t, .host = host, .at = at, .ok = true};
    t->phandles = (struct map){0};
    for (struct dt_node *n = t->phandle_props ? t->root : NULL; n; n = dt_next(n, t->root)) {
        const struct dt_prop *p = phandle_prop(t, n);
        if (!p || p->refs) // phandle = <&self>: any number will do
            continue;
        n->phandle = 0;
        if (p->len != 4 || !dt_cell(p, 0) || dt_cell(p, 0) == UINT32_MAX) {
            wrong(&k, n, p);
            continue;
        }
        const struct dt_node *first = map_addp(t->arena, &t->phandles, (void *)(uintptr_t)dt_cell(p, 0), NULL, n);
        if (first) {
            report_phandle_twice(&k, n, p, first);
            continue;
        }
        n->phandle = dt_cell(p, 0);
    }
    if (host)
        noise_end(c, &k.noise, host, at);
    return k.ok;
}

void dt_omit_unused(struct dt_tree *t, bool labelled)
{
    if (!t->omits)
        return;
    bool *used = arena_array(t->arena, t->nnodes, sizeof *used);
    for (const struct dt_node *n = t->root; n; n = dt_next(n, t->root))
        for (const struct dt_prop *p = n->props; p; p = p->next)
            for (const struct dt_ref *r = p->refs; r; r = r->next)
                if (r->target)
                    used[r->target->id] = true;
    for (struct dt_node *n = t->root, *next; n; n = next) {
        bool goes = n->omit && !used[n->id] && !(labelled && n->labels);
        next = dt_next(n, t->root);
        while (goes && next && dt_is_below(n, next))
            next = dt_next(next, t->root);
        if (goes)
            dt_remove(t, n);
    }
}

void dt_index_phandles(struct dt_tree *t)
{
    for (struct dt_node *n = t->root; n; n = dt_next(n, t->root))
        if (n->phandle)
            map_put(t->arena, &t->phandles, n->phandle, 0, (uintptr_t)n);
}

static void put_cell(uint8_t *b, uint32_t v)
{
    b[0] = (uint8_t)(v >> 24);
    b[1] = (uint8_t)(v >> 16);
    b[2] = (uint8_t)(v >> 8);
    b[3] = (uint8_t)v;
}

// Writes a property's references into a copy of its data: the original may be the host's blob or an AST used twice.
static void fill(struct dt_tree *t, struct dt_prop *p)
{
    uint64_t len = p->len;
    bool any = false;
    for (struct dt_ref *r = p->refs; r; r = r->next) {
        if (r->filled || !r->target || dt_is_gone(t, r->target))
            continue;
        any = true;
        if (r->path)
            len += strlen(dt_path(t->arena, r->target)) + 1;
    }
    if (!any || len > UINT32_MAX)
        return;
    uint8_t *to = arena_alloc(t->arena, len);
    uint32_t from = 0, at = 0; // of the old data, of the new
    for (struct dt_ref *r = p->refs; r; r = r->next) {
        // Everything up to the reference, shifted by the paths before it.
        if (r->offset > from && r->offset <= p->len) {
            memcpy(to + at, p->data + from, r->offset - from);
            at += r->offset - from;
            from = r->offset;
        }
        bool fits = r->path || (r->offset <= p->len && p->len - r->offset >= 4);
        r->offset = at;
        if (r->filled || !r->target || dt_is_gone(t, r->target) || !fits)
            continue;
        r->filled = true;
        if (r->path) {
            const char *path = dt_path(t->arena, r->target);
            size_t n = strlen(path) + 1;
            memcpy(to + at, path, n);
            at += (uint32_t)n;
        }
    }
    if (from < p->len)
        memcpy(to + at, p->data + from, p->len - from);
    p->data = to;
    p->len = (uint32_t)len;
    for (struct dt_ref *r = p->refs; r; r = r->next)
        if (r->filled && !r->path)
            put_cell(to + r->offset, r->target->phandle);
}

void dt_assign_phandles(struct dt_tree *t, bool labelled)
{
    struct map used = {0};
    bool any = t->phandle_props || t->assigned;
    t->assigned = true;
    for (struct dt_node *n = any ? t->root : NULL; n; n = dt_next(n, t->root)) {
        const struct dt_prop *p = n->phandle ? NULL : phandle_prop(t, n);
        // Neither 0 nor 0xffffffff: no phandle can be those.
        if (p && !p->refs && p->len == 4 && dt_cell(p, 0) + 1 > 1) {
            uint64_t taken;
            if (!map_get(&used, dt_cell(p, 0), 0, &taken))
                n->phandle = dt_cell(p, 0);
        }
        if (n->phandle)
            map_put(t->arena, &used, n->phandle, 0, 1);
    }
    uint32_t next = 1;
    for (struct dt_node *n = t->root; n; n = dt_next(n, t->root)) {
        for (struct dt_prop *p = n->props; p; p = p->next) {
            for (struct dt_ref *r = p->refs; r; r = r->next) {
                uint64_t taken;
                if (r->path || !r->target || dt_is_gone(t, r->target) || r->target->phandle)
                    continue;
                while (map_get(&used, next, 0, &taken))
                    next++;
                r->target->phandle = next++;
            }
            if (p->refs)
                fill(t, p);
        }
    }
    for (struct dt_node *n = labelled ? t->root : NULL; n; n = dt_next(n, t->root)) {
        uint64_t taken;
        if (!n->labels || n->phandle)
            continue;
        while (map_get(&used, next, 0, &taken))
            next++;
        n->phandle = next++;
    }
}
