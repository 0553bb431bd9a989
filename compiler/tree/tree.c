// SPDX-License-Identifier: MIT
// Nodes: made, found, named, taken out.
#include "tree/tree.h"
#include "tree/internal.h"

#include <string.h>

/*
 * Children by name without unit address. Few trees are ever asked for one, so the index is made when the
 * first question comes, and kept up to date from then on.
 */
struct dt_bases {
    bool made;
    struct map by; // (parent, interned base name) -> struct base
};

struct base {
    struct dt_node *node; // one of them; NULL when it went away
    uint32_t count;
};

struct dt_tree *dt_tree_new(struct arena *a, struct intern *names)
{
    struct dt_tree *t = NEW(a, struct dt_tree);
    t->arena = a;
    t->names = names;
    t->bases = NEW(a, struct dt_bases);
    t->root = NEW(a, struct dt_node);
    t->root->name = intern(names, "");
    t->phandle = intern(names, "phandle");
    t->linux_phandle = intern(names, "linux,phandle");
    t->nnodes = 1;
    return t;
}

struct dt_node *dt_child(const struct dt_tree *t, const struct dt_node *parent, const char *interned)
{
    return map_getp(&t->children, parent, interned);
}

// The base of a name with unit address, interned; NULL when the name has none.
static const char *base_of(const struct dt_tree *t, const char *name)
{
    const char *at = strchr(name, '@');
    return at ? intern_n(t->names, name, (size_t)(at - name)) : NULL;
}

static void base_add(const struct dt_tree *t, struct dt_node *n)
{
    const char *base = base_of(t, n->name);
    if (!base)
        return;
    struct base *b = map_getp(&t->bases->by, n->parent, base);
    if (!b) {
        b = NEW(t->arena, struct base);
        map_putp(t->arena, &t->bases->by, n->parent, base, b);
    }
    b->node = n;
    b->count++;
}

static void base_drop(const struct dt_tree *t, const struct dt_node *n)
{
    const char *base = base_of(t, n->name);
    struct base *b = base ? map_getp(&t->bases->by, n->parent, base) : NULL;
    if (!b)
        return;
    b->count--;
    if (b->node == n)
        b->node = NULL;
}

struct dt_node *dt_child_base(const struct dt_tree *t, const struct dt_node *parent, const char *base, uint32_t *count)
{
    if (!t->bases->made) {
        t->bases->made = true;
        for (struct dt_node *n = dt_next(t->root, t->root); n; n = dt_next(n, t->root))
            base_add(t, n);
    }
    struct base *b = map_getp(&t->bases->by, parent, base);
    *count = b ? b->count : 0;
    if (*count != 1)
        return NULL;
    for (struct dt_node *n = parent->child; n && !b->node; n = n->next)
        if (base_of(t, n->name) == base)
            b->node = n;
    return b->node;
}

void dt_expect(struct dt_tree *t, uint32_t nodes)
{
    map_expect(t->arena, &t->children, nodes);
    map_expect(t->arena, &t->labels, nodes);
}

struct dt_node *dt_add_child(struct dt_tree *t, struct dt_node *parent, const char *interned)
{
    struct dt_node *n = NEW(t->arena, struct dt_node);
    n->name = interned;
    n->parent = parent;
    n->prev = parent->last;
    if (parent->last)
        parent->last->next = n;
    else
        parent->child = n;
    parent->last = n;
    n->id = t->nnodes++;
    n->depth = (uint16_t)(parent->depth + 1);
    if (*interned) {
        map_putp(t->arena, &t->children, parent, interned, n);
        if (t->bases->made)
            base_add(t, n);
    }
    return n;
}

void dt_remove(struct dt_tree *t, struct dt_node *n)
{
    struct dt_node *parent = n->parent;
    if (!parent || n->deleted)
        return; // the root stays
    if (t->bases->made)
        base_drop(t, n);
    map_del(&t->children, (uintptr_t)parent, (uintptr_t)n->name);
    for (struct dt_node *i = n; i; i = dt_next(i, n)) {
        i->deleted = t->removed = true;
        for (struct dt_label *l = i->labels; l; l = l->next)
            map_del(&t->labels, (uintptr_t)l->name, 0);
    }
    if (n->prev)
        n->prev->next = n->next;
    else
        parent->child = n->next;
    if (n->next)
        n->next->prev = n->prev;
    else
        parent->last = n->prev;
    n->next = n->prev = NULL;
}

void dt_rename(struct dt_tree *t, struct dt_node *n, const char *interned)
{
    if (!n->parent || n->name == interned)
        return;
    if (*n->name) {
        if (t->bases->made)
            base_drop(t, n);
        map_del(&t->children, (uintptr_t)n->parent, (uintptr_t)n->name);
    }
    n->name = interned;
    map_putp(t->arena, &t->children, n->parent, interned, n);
    if (t->bases->made)
        base_add(t, n);
}

bool dt_add_label(struct dt_tree *t, struct dt_node *n, const char *interned, struct loc loc)
{
    const struct dt_node *has = map_addp(t->arena, &t->labels, interned, NULL, n);
    if (has)
        return has == n;
    struct dt_label *l = NEW(t->arena, struct dt_label);
    l->name = interned;
    l->loc = loc;
    if (!n->labels)
        n->labels = l;
    else
        n->labels->last->next = l;
    n->labels->last = l;
    return true;
}

struct dt_node *dt_labelled(struct dt_tree *t, const char *interned)
{
    struct dt_node *n = map_getp(&t->labels, interned, NULL);
    if (n || !t->first_twin)
        return n;
    const struct dt_twin *first = NULL;
    for (const struct dt_twin *w = map_getp(&t->twins, interned, NULL); w; w = w->before)
        first = w->n->deleted ? first : w;
    return first && dt_add_label(t, first->n, interned, first->loc) ? first->n : NULL;
}

void dt_add_twin(struct dt_tree *t, struct dt_node *n, const char *interned, struct loc loc)
{
    struct dt_twin *twin = NEW(t->arena, struct dt_twin);
    *twin = (struct dt_twin){.before = map_getp(&t->twins, interned, NULL), .n = n, .label = interned, .loc = loc};
    map_putp(t->arena, &t->twins, interned, NULL, twin);
    if (t->last_twin)
        t->last_twin->next = twin;
    else
        t->first_twin = twin;
    t->last_twin = twin;
}

struct dt_node *dt_next(const struct dt_node *n, const struct dt_node *top)
{
    if (n->child)
        return n->child;
    while (n != top) {
        if (n->next)
            return n->next;
        n = n->parent;
    }
    return NULL;
}

bool dt_is_below(const struct dt_node *top, const struct dt_node *n)
{
    while (n && n->depth > top->depth)
        n = n->parent;
    return n == top;
}

size_t dt_path_len(const struct dt_node *n)
{
    size_t len = n->parent ? 0 : 1;
    for (; n->parent; n = n->parent)
        len += 1 + intern_len(n->name);
    return len;
}

void dt_path_put(char *to, const struct dt_node *n)
{
    *to = '/'; // of the root
    for (char *end = to + dt_path_len(n); n->parent; n = n->parent) {
        size_t l = intern_len(n->name);
        end -= l + 1;
        *end = '/';
        memcpy(end + 1, n->name, l);
    }
}

const char *dt_path(struct arena *a, const struct dt_node *n)
{
    char *path = arena_alloc(a, dt_path_len(n) + 1);
    dt_path_put(path, n);
    return path;
}

static struct dt_node *walk_path(const struct dt_tree *t, const char *path, bool exact)
{
    if (*path != '/')
        return NULL;
    struct dt_node *n = t->root;
    while (n) {
        path += strspn(path, "/");
        size_t len = strcspn(path, "/");
        if (!len)
            return n;
        const char *name = intern_n(t->names, path, len);
        struct dt_node *child = dt_child(t, n, name);
        uint32_t count;
        if (!child && !exact && !memchr(name, '@', len))
            child = dt_child_base(t, n, name, &count);
        n = child;
        path += len;
    }
    return NULL;
}

struct dt_node *dt_at(const struct dt_tree *t, const char *path)
{
    return walk_path(t, path, false);
}

struct dt_node *dt_at_exact(const struct dt_tree *t, const char *path)
{
    return walk_path(t, path, true);
}
