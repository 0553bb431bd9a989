// SPDX-License-Identifier: MIT
// Properties: found, set, deleted, and read as cells and strings.
#include "base/intern.h"
#include "tree/internal.h"
#include "tree/tree.h"

#include <string.h>

enum { FEW = 16 }; // up to so many properties of a node are searched one by one

static uint64_t bit_of(const char *interned)
{
    return UINT64_C(1) << (intern_hash(interned) % 64);
}

struct dt_prop *dt_prop(const struct dt_tree *t, const struct dt_node *n, const char *interned)
{
    if (!(n->has & bit_of(interned)))
        return NULL;
    if (n->nprops > FEW)
        return map_getp(&t->props, n, interned);
    struct dt_prop *p = n->props;
    while (p && p->name != interned)
        p = p->next;
    return p;
}

static void index_prop(struct dt_tree *t, struct dt_node *n, struct dt_prop *p, struct dt_prop *before)
{
    map_putp(t->arena, &t->props, n, p->name, p);
    if (n->backward)
        map_putp(t->arena, &t->prop_before, p, NULL, before);
}

// The property before p. Few nodes with many properties lose one: the others pay nothing for it.
static struct dt_prop *prop_before(struct dt_tree *t, struct dt_node *n, const struct dt_prop *p)
{
    struct dt_prop *before = NULL;
    if (n->nprops <= FEW) {
        for (struct dt_prop *i = n->props; i != p; i = i->next)
            before = i;
        return before;
    }
    for (struct dt_prop *i = n->backward ? NULL : n->props; i; before = i, i = i->next)
        map_putp(t->arena, &t->prop_before, i, NULL, before);
    n->backward = true;
    return map_getp(&t->prop_before, p, NULL);
}

struct dt_prop *dt_append(struct dt_tree *t, struct dt_node *n, const char *interned)
{
    struct dt_prop *p = NEW(t->arena, struct dt_prop);
    p->name = interned;
    if (interned == t->phandle || interned == t->linux_phandle)
        t->phandle_props = true;
    struct dt_prop *before = n->last_prop;
    if (before)
        before->next = p;
    else
        n->props = p;
    n->last_prop = p;
    n->has |= bit_of(interned);
    n->nprops++;
    if (n->nprops == FEW + 1) {
        n->backward = false;
        before = NULL;
        for (struct dt_prop *i = n->props; i; before = i, i = i->next)
            index_prop(t, n, i, before);
    } else if (n->nprops > FEW) {
        index_prop(t, n, p, before);
    }
    return p;
}

struct dt_prop *dt_set(struct dt_tree *t, struct dt_node *n, const char *interned, const void *data, uint32_t len,
                       const struct origin *o)
{
    struct dt_prop *p = dt_prop(t, n, interned);
    if (!p)
        p = dt_append(t, n, interned);
    p->data = data;
    p->len = len;
    p->refs = NULL;
    p->origin = o;
    return p;
}

bool dt_del(struct dt_tree *t, struct dt_node *n, const char *interned)
{
    struct dt_prop *p = dt_prop(t, n, interned);
    if (!p)
        return false;
    bool indexed = n->nprops > FEW;
    struct dt_prop *before = prop_before(t, n, p);
    if (before)
        before->next = p->next;
    else
        n->props = p->next;
    if (p == n->last_prop)
        n->last_prop = before;
    else if (indexed)
        map_putp(t->arena, &t->prop_before, p->next, NULL, before);
    n->nprops--;
    // Also where the node has few properties now: it may have had many, and may again; then all are indexed anew.
    map_del(&t->props, (uintptr_t)n, (uintptr_t)interned);
    return true;
}

struct src dt_origin_place(const struct dt_node *n, const struct origin *o)
{
    if (o && o->at.loc.file)
        return o->at;
    return n->origin ? n->origin->at : (struct src){0};
}

struct src dt_prop_place(const struct dt_node *n, const struct dt_prop *p)
{
    return dt_origin_place(n, p->origin);
}

struct dt_prop *dt_set_str(struct dt_tree *t, struct dt_node *n, const char *name, const char *s,
                           const struct origin *o)
{
    size_t len = strlen(s);
    return dt_set(t, n, intern(t->names, name), arena_strndup(t->arena, s, len), (uint32_t)len + 1, o);
}

struct dt_prop *dt_set_cells(struct dt_tree *t, struct dt_node *n, const char *name, const uint32_t *cells,
                             uint32_t ncells, const struct origin *o)
{
    uint8_t *data = arena_array(t->arena, ncells, 4);
    for (uint32_t i = 0; i < ncells; i++) {
        uint8_t *b = data + (size_t)i * 4;
        b[0] = (uint8_t)(cells[i] >> 24);
        b[1] = (uint8_t)(cells[i] >> 16);
        b[2] = (uint8_t)(cells[i] >> 8);
        b[3] = (uint8_t)cells[i];
    }
    return dt_set(t, n, intern(t->names, name), data, ncells * 4, o);
}

struct dt_prop *dt_set_flag(struct dt_tree *t, struct dt_node *n, const char *name, const struct origin *o)
{
    return dt_set(t, n, intern(t->names, name), NULL, 0, o);
}

struct dt_ref *dt_append_ref(struct dt_tree *t, struct dt_prop *p, uint32_t offset)
{
    struct dt_ref *r = NEW(t->arena, struct dt_ref);
    r->offset = offset;
    if (!p->refs) {
        p->refs = r;
    } else {
        struct dt_ref *last = p->refs->last ? p->refs->last : p->refs;
        while (last->next)
            last = last->next;
        last->next = r;
    }
    p->refs->last = r;
    return r;
}

void dt_add_ref(struct dt_tree *t, struct dt_prop *p, uint32_t offset, struct dt_node *target)
{
    const struct dt_ref *last = p->refs ? p->refs->last : NULL;
    struct dt_ref *r;
    if (!p->refs || (last && last->offset <= offset)) {
        r = dt_append_ref(t, p, offset);
    } else {
        struct dt_ref **where = &p->refs;
        while (*where && (*where)->offset <= offset)
            where = &(*where)->next;
        r = NEW(t->arena, struct dt_ref);
        r->offset = offset;
        r->last = p->refs->last;
        r->next = *where;
        *where = r;
        if (!r->next)
            p->refs->last = r;
    }
    r->target = target;
}

uint32_t dt_u32(const struct dt_tree *t, const struct dt_node *n, const char *interned, uint32_t otherwise)
{
    const struct dt_prop *p = dt_prop(t, n, interned);
    return p && p->len == 4 ? dt_cell(p, 0) : otherwise;
}

const char *dt_string(const struct dt_prop *p, uint32_t i)
{
    const char *s = (const char *)p->data;
    uint32_t left = p->len;
    while (left) {
        const char *nul = memchr(s, 0, left);
        if (!nul)
            return NULL;
        if (!i--)
            return s;
        left -= (uint32_t)(nul + 1 - s);
        s = nul + 1;
    }
    return NULL;
}

int32_t dt_string_index(const struct dt_prop *p, const char *s)
{
    const char *at = (const char *)p->data;
    uint32_t left = p->len;
    for (int32_t i = 0; left; i++) {
        const char *nul = memchr(at, 0, left);
        if (!nul)
            return -1;
        if (!strcmp(at, s))
            return i;
        left -= (uint32_t)(nul + 1 - at);
        at = nul + 1;
    }
    return -1;
}

bool dt_is_disabled(const struct dt_tree *t, const struct dt_node *n, const char *status)
{
    const struct dt_prop *p = dt_prop(t, n, status);
    const char *s = p ? dt_string(p, 0) : NULL;
    return p && (!s || (strcmp(s, "okay") != 0 && strcmp(s, "ok") != 0));
}
