// SPDX-License-Identifier: MIT
// The node that a text names.
#include "host/internal.h"

enum { CANDIDATES = 1000, LISTED = 8 };

/* One question. */
struct finding {
    struct machc *c;
    const struct host *h;
    const char *value;
    struct src at;
};

// "machine.dtb: /soc/serial@21c0500 (duart0)"
static void fact(struct finding *f, struct diag *d, const struct dt_node *n)
{
    const char *label = n->labels ? dt_show(f->c->arena, n->labels->name) : NULL;
    diag_fact(d, "%s: %s%s%s%s", f->h->file, dt_show_path(f->c->arena, n), label ? " (" : "", label ? label : "",
              label ? ")" : "");
}

static const struct dt_prop *aliases(const struct host *h)
{
    const struct dt_node *n = dt_child(h->tree, h->tree->root, h->p->aliases);
    return n ? n->props : NULL;
}

// A label; or an alias, whose value is a path.
static struct dt_node *by_label(const struct host *h, const char *label)
{
    struct dt_node *n = map_getp(&h->tree->labels, label, NULL);
    const struct dt_node *all = n ? NULL : dt_child(h->tree, h->tree->root, h->p->aliases);
    const struct dt_prop *p = all ? dt_prop(h->tree, all, label) : NULL;
    const char *path = p ? dt_string(p, 0) : NULL;
    return path ? dt_at(h->tree, path) : n;
}

/* Overlays may have brought it. Linux does not tell of them in a form that can be read here. */
static void remind_of_overlays(const struct finding *f, struct diag *d)
{
    if (f->h->live)
        diag_fact(d,
                  "%s is the tree that the kernel was started with: overlays that were put on since then are not in it",
                  f->h->file);
}

static struct dt_node *no_label(struct finding *f, const char *label)
{
    const char *names[CANDIDATES];
    size_t n = 0;
    for (const struct dt_prop *p = aliases(f->h); p && n < CANDIDATES / 2; p = p->next)
        names[n++] = p->name;
    bool seek = diags_seek(f->c->diags);
    for (const struct dt_node *i = f->h->tree->root; seek && i && n < CANDIDATES; i = dt_next(i, f->h->tree->root))
        for (const struct dt_label *l = i->labels; l && n < CANDIDATES; l = l->next)
            names[n++] = l->name;
    const char *near = diags_nearest(f->c->diags, label, names, n);
    struct diag *d = diag(f->c->diags, E0705, f->at, "%s has no node with the label or alias `%s`", f->h->file,
                          dt_show(f->c->arena, label));
    remind_of_overlays(f, d);
    const struct dt_node *is = near ? by_label(f->h, intern(f->c->names, near)) : NULL;
    if (is)
        fact(f, d, is);
    if (near)
        diag_did_you_mean(d, "&", label, dt_show(f->c->arena, near));
    else if (!f->h->tree->labels.n)
        diag_help(d, "this tree holds no labels: write the node's path, or compile the tree with `dtc -@`");
    else
        diag_help(d, "write a label or alias of this tree, or the node's path");
    return NULL;
}

// Nothing of that name below `deepest`.
static struct dt_node *no_node(struct finding *f, const struct dt_node *deepest, const char *component)
{
    const char *names[CANDIDATES], *name = dt_show(f->c->arena, component);
    const struct dt_node *sibling[CANDIDATES];
    size_t n = 0;
    for (const struct dt_node *i = deepest->child; i && n < CANDIDATES; i = i->next) {
        sibling[n] = i;
        names[n++] = strchr(component, '@') ? i->name : host_base_name(f->h, i);
    }
    const char *near = diags_nearest(f->c->diags, component, names, n);
    // Half a name may be right: i2c@21800000 for i2c@2180000, or for the only i2c.
    const char *base = intern_n(f->c->names, component, strcspn(component, "@"));
    uint32_t same;
    if (!near) {
        const struct dt_node *only = dt_child(f->h->tree, deepest, base);
        only = only ? only : dt_child_base(f->h->tree, deepest, base, &same);
        near = only ? only->name : NULL;
    }
    struct diag *d = diag(f->c->diags, E0704, f->at, "%s has no node `%s`: there is no `%s` in %s", f->h->file,
                          dt_show(f->c->arena, f->value), name, dt_show_path(f->c->arena, deepest));
    remind_of_overlays(f, d);
    const struct dt_node *is = NULL;
    for (size_t i = 0; i < n && near; i++)
        if (names[i] == near || sibling[i]->name == near) {
            is = sibling[i];
            break;
        }
    if (is) {
        diag_did_you_mean(d, "", f->value, dt_show_path(f->c->arena, is));
        return NULL;
    }
    uint32_t count = 0, seen = 0;
    same = 0;
    dt_child_base(f->h->tree, deepest, base, &same);
    for (const struct dt_node *i = deepest->child; i && count < LISTED && count < same && seen < CANDIDATES;
         i = i->next) {
        seen++;
        if (host_base_name(f->h, i) == base) {
            fact(f, d, i);
            count++;
        }
    }
    diag_help(d, "`dtc -I dtb -O dts %s` shows what is there", f->h->file);
    return NULL;
}

static struct dt_node *ambiguous(struct finding *f, const char *what, const struct dt_node *const *nodes, uint32_t n)
{
    struct diag *d =
        diag(f->c->diags, E0706, f->at, "`%s` matches %u nodes of %s", dt_show(f->c->arena, what), n, f->h->file);
    for (uint32_t i = 0; i < n && i < LISTED; i++)
        fact(f, d, nodes[i]);
    if (n > LISTED)
        diag_fact(d, "and %u more", n - LISTED);
    diag_help(d, "write the one that is meant: `%s`", dt_show_path(f->c->arena, nodes[0]));
    return NULL;
}

static struct dt_node *by_path(struct finding *f, const char *path)
{
    const struct host *h = f->h;
    struct dt_node *n = h->tree->root;
    for (;;) {
        path += strspn(path, "/");
        size_t len = strcspn(path, "/");
        if (!len)
            return n;
        const char *name = intern_n(f->c->names, path, len);
        struct dt_node *child = dt_child(h->tree, n, name);
        uint32_t count = 0;
        if (!child && !memchr(name, '@', len))
            child = dt_child_base(h->tree, n, name, &count);
        if (!child && count > 1) {
            const struct dt_node *list[LISTED];
            uint32_t listed = 0;
            for (const struct dt_node *i = n->child; i && listed < LISTED; i = i->next)
                if (host_base_name(h, i) == name)
                    list[listed++] = i;
            return ambiguous(f, f->value, list, count);
        }
        if (!child)
            return no_node(f, n, name);
        n = child;
        path += len;
    }
}

// Nodes by their names, for tails of paths. Most files use none, so the first one that does pays for it.
static void index_names(const struct host *h, struct arena *a)
{
    struct host_private *p = h->p;
    if (p->name_next)
        return;
    p->name_next = arena_array(a, h->tree->nnodes, sizeof *p->name_next);
    p->base_next = arena_array(a, h->tree->nnodes, sizeof *p->base_next);
    struct dt_node **order = arena_array(a, h->tree->nnodes, sizeof *order);
    uint32_t count = 0;
    for (struct dt_node *n = dt_next(h->tree->root, h->tree->root); n; n = dt_next(n, h->tree->root))
        order[count++] = n;
    // From the end, so that each list comes out in document order.
    while (count--) {
        struct dt_node *n = order[count];
        const char *base = host_base_name(h, n);
        p->name_next[n->id] = map_getp(&p->by_name, n->name, NULL);
        map_putp(a, &p->by_name, n->name, NULL, n);
        p->base_next[n->id] = map_getp(&p->by_name, base, p);
        map_putp(a, &p->by_name, base, p, n);
    }
}

static struct dt_node *no_tail(struct finding *f, const char *last)
{
    const char *names[CANDIDATES];
    size_t n = 0;
    bool full = strchr(last, '@') != NULL;
    for (const struct dt_node *i = f->h->tree->root->child; i && n < CANDIDATES; i = dt_next(i, f->h->tree->root))
        names[n++] = full ? i->name : host_base_name(f->h, i);
    struct diag *d = diag(f->c->diags, E0704, f->at, "%s has no node `%s`", f->h->file, dt_show(f->c->arena, f->value));
    remind_of_overlays(f, d);
    const struct dt_node *label = by_label(f->h, last);
    const char *near = diags_nearest(f->c->diags, last, names, n);
    const char *interned = near ? intern(f->c->names, near) : NULL;
    const struct dt_node *is = interned ? map_getp(&f->h->p->by_name, interned, full ? NULL : f->h->p) : NULL;
    if (label) {
        fact(f, d, label);
        diag_help(d, "a label or alias is written with `&`: `&%s`", dt_show(f->c->arena, last));
        diag_respell(d, f->value, arena_printf(f->c->arena, "&%s", last));
    } else if (is) {
        diag_did_you_mean(d, "", f->value, dt_show_path(f->c->arena, is));
    } else {
        diag_help(d, "`dtc -I dtb -O dts %s` shows what is there", f->h->file);
    }
    return NULL;
}

/* ---- tails of paths ---- */

/* The nodes whose paths end so. */
struct tail {
    uint32_t count;
    const struct dt_node *first[LISTED];
};

typedef VEC(const char *) name_list;

// The components before the last one, from there upwards, and the tail with one / between two.
static const char *take_apart(struct finding *f, const char *last, name_list *above)
{
    struct arena *a = f->c->arena;
    const char *text = last, *slash = strrchr(f->value, '/');
    for (const char *end = slash ? slash : f->value, *start; end > f->value; end = start) {
        while (end > f->value && end[-1] == '/')
            end--;
        for (start = end; start > f->value && start[-1] != '/';)
            start--;
        if (start == end)
            break;
        const char *name = intern_n(f->c->names, start, (size_t)(end - start));
        vec_push(a, above, name);
        text = arena_printf(a, "%s/%s", name, text);
    }
    return intern(f->c->names, text);
}

// The tail of a node's path with as many components, which have unit addresses where those have; NULL: it has none.
static const char *tail_of(struct finding *f, const struct dt_node *n, const char *last, const name_list *above)
{
    const char *text = last;
    for (uint32_t i = 0; i < above->n; i++) {
        bool whole = strchr(above->at[i], '@');
        n = n->parent;
        if (!n || !n->parent || (whole && !strchr(n->name, '@')))
            return NULL;
        text = arena_printf(f->c->arena, "%s/%s", whole ? n->name : host_base_name(f->h, n), text);
    }
    return intern(f->c->names, text);
}

// What the tails of one last name differ in: which components are whole names. "..@/timer"
static const char *group_of_tails(struct finding *f, const char *last, const name_list *above)
{
    char *pattern = arena_alloc(f->c->arena, above->n + 1);
    for (uint32_t i = 0; i < above->n; i++)
        pattern[i] = strchr(above->at[i], '@') ? '@' : '.';
    pattern[above->n] = '\0';
    return intern(f->c->names, arena_printf(f->c->arena, "%s/%s", pattern, last));
}

/*
 * The nodes that a tail names. All tails with the last name and of the form are looked up together at the first
 * question, so that n questions about n nodes of one name take no n * n steps.
 */
static const struct tail *find_tail(struct finding *f, const char *last, bool base)
{
    const struct host *h = f->h;
    struct arena *a = h->tree->arena;
    const void *kind = base ? h->p : NULL;
    struct dt_node *n = map_getp(&h->p->by_name, last, kind);
    name_list above = {0};
    if (!n)
        return NULL;
    const char *text = take_apart(f, last, &above), *group = group_of_tails(f, last, &above);
    if (!map_getp(&h->p->tail_groups, group, kind)) {
        map_putp(a, &h->p->tail_groups, group, kind, n);
        for (; n; n = base ? h->p->base_next[n->id] : h->p->name_next[n->id]) {
            const char *its = tail_of(f, n, last, &above);
            struct tail *t = its ? map_getp(&h->p->tails, its, kind) : NULL;
            if (its && !t) {
                t = NEW(a, struct tail);
                map_putp(a, &h->p->tails, its, kind, t);
            }
            if (t && t->count++ < LISTED)
                t->first[t->count - 1] = n;
        }
    }
    return map_getp(&h->p->tails, text, kind);
}

static struct dt_node *by_tail(struct finding *f)
{
    const struct host *h = f->h;
    index_names(h, h->tree->arena); // it stays with the host, which compilations may share
    const char *slash = strrchr(f->value, '/'), *last = intern(f->c->names, slash ? slash + 1 : f->value);
    // By full names first: `timer` is the node of that name, even where there is a timer@1000.
    const struct tail *t = find_tail(f, last, false);
    if (!t)
        t = find_tail(f, last, true);
    if (!t)
        return no_tail(f, last);
    return t->count == 1 ? dt_at_exact(h->tree, dt_path(f->c->arena, t->first[0]))
                         : ambiguous(f, f->value, t->first, t->count);
}

struct dt_node *host_find(struct machc *c, const struct host *h, const struct text *t, const char *value, struct src at)
{
    struct finding f = {c, h, value ? value : t->s, at};
    bool label = t->kind == TEXT_LABEL;
    if (!f.value)
        f.value = "";
    if (!label && f.value[0] == '&') { // in quotes: "&i2c{n}"
        f.value++;
        label = true;
        size_t len = strlen(f.value);
        if (len > 2 && f.value[0] == '{' && f.value[len - 1] == '}') {
            f.value = arena_strndup(c->arena, f.value + 1, len - 2);
            label = false;
        }
    }
    if (label) {
        struct dt_node *n = by_label(h, f.value == t->s ? t->s : intern(c->names, f.value));
        return n ? n : no_label(&f, f.value);
    }
    if (f.value[0] == '/')
        return by_path(&f, f.value);
    const char *slash = t->kind == TEXT_REFPATH ? strchr(f.value, '/') : NULL;
    if (slash) { // &{label/path}
        const char *name = intern_n(c->names, f.value, (size_t)(slash - f.value));
        struct dt_node *n = by_label(h, name);
        return n ? by_path(&f, arena_printf(c->arena, "%s%s", n->parent ? dt_path(c->arena, n) : "", slash))
                 : no_label(&f, name);
    }
    return by_tail(&f);
}
