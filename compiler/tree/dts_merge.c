// SPDX-License-Identifier: MIT
// DTS statements merged into a node, with dtc's meaning.
#include "tree/internal.h"
#include "tree/tree.h"

#include <string.h>

/* One call of dts_merge(). */
struct merge {
    struct machc *c;
    struct dt_tree *t;
    uint8_t kind;
    const char *why;
    const struct via *via;
    dts_eval_fn *eval;
    void *opaque;
    bool ok;
    struct origin *origins; // room for some, made ahead: properties lie closer together without them in between
    uint32_t norigins, batch;
};

static struct src src_of_op(const struct merge *m, struct loc loc)
{
    return (struct src){loc, m->via};
}

static const struct origin *origin_of(struct merge *m, struct loc loc)
{
    enum { MOST = 256 };
    if (!m->norigins) {
        m->batch = m->batch < MOST ? m->batch * 2 + 1 : MOST;
        m->norigins = m->batch;
        m->origins = arena_array(m->t->arena, m->batch, sizeof *m->origins);
    }
    struct origin *o = &m->origins[--m->norigins];
    o->kind = m->kind;
    o->at = src_of_op(m, loc);
    o->why = m->why;
    return o;
}

void dt_report_label_twice(struct machc *c, const struct dt_node *has, const struct dt_node *n, const char *label,
                           struct src at)
{
    struct diag *d = diag(c->diags, E0902, at, "the label `%s` names two nodes: %s and %s", label,
                          dt_show_path(c->arena, has), dt_show_path(c->arena, n));
    for (const struct dt_label *i = has->labels; i; i = i->next)
        if (i->name == label && i->loc.file)
            diag_note(d, src_at(i->loc), "the label is given to %s here", dt_show_path(c->arena, has));
    diag_help(d, "give one of them another label");
}

static void add_labels(struct merge *m, struct dt_node *n, const struct dts_label *l)
{
    for (; l; l = l->next) {
        if (dt_add_label(m->t, n, l->name, l->loc))
            continue;
        if (m->kind == ORIGIN_HOST) { // dts_build() judges it when all nodes are known
            dt_add_twin(m->t, n, l->name, l->loc);
            continue;
        }
        dt_report_label_twice(m->c, map_getp(&m->t->labels, l->name, NULL), n, l->name, src_of_op(m, l->loc));
        m->ok = false;
    }
}

// dtc's rule for a value in `bits` bits: as it is, or the low bits of a negative number.
static bool fits(uint64_t v, uint32_t bits)
{
    if (bits >= 64)
        return true;
    uint64_t over = ~(uint64_t)0 << bits;
    return !(v & over) || ((v | ~over) == ~(uint64_t)0 && v >> (bits - 1) & 1);
}

static void put_number(struct merge *m, const struct dts_value *v, const struct dts_fixup *f, uint8_t *to)
{
    uint32_t bits = v->bits ? v->bits : 32;
    uint64_t value;
    if (!m->eval(m->opaque, f->e, &value)) {
        m->ok = false;
        return;
    }
    if (!fits(value, bits)) {
        struct diag *d = diag(m->c->diags, E0903, src_of_op(m, f->loc), "%#llx does not fit into a cell of %u bits",
                              (unsigned long long)value, bits);
        if (bits == 32)
            diag_help(d, "write two cells, the high half first: `(X >> 32) (X & 0xffffffff)`");
        else
            diag_help(d, "make the cells wider: `/bits/ %u`", bits * 2);
        m->ok = false;
        return;
    }
    for (uint32_t i = 0; i < bits / 8; i++)
        to[i] = (uint8_t)(value >> (bits - 8 - i * 8));
}

static void record(struct merge *m, struct dt_prop *p, uint32_t offset, bool path, const struct text *name,
                   struct loc loc)
{
    struct dt_ref *r = dt_append_ref(m->t, p, offset);
    r->path = path;
    struct dt_name *n = NEW(m->t->arena, struct dt_name);
    *n = (struct dt_name){*name, src_of_op(m, loc)};
    r->name = n;
}

// The chunks of a value put together; numbers written in, references recorded.
static void set_value(struct merge *m, struct dt_node *n, const struct dts_op *op)
{
    struct dt_prop *p = dt_set(m->t, n, op->name, NULL, 0, origin_of(m, op->loc));
    uint64_t len = 0;
    bool plain = true;
    for (const struct dts_value *v = op->value; v; v = v->next) {
        len += v->kind == DTS_BYTES ? v->len : 0;
        plain = plain && v->kind == DTS_BYTES && !v->fixups;
    }
    if (len > INT32_MAX) {
        struct diag *d = diag(m->c->diags, E0906, src_of_op(m, op->loc), "the property `%s` holds %llu bytes", op->name,
                              (unsigned long long)len);
        diag_help(d, "a device tree blob is at most 2 GiB");
        m->ok = false;
        return;
    }
    if (plain && op->value && !op->value->next) { // the usual case: nothing to put together
        p->data = op->value->data;
        p->len = op->value->len;
        return;
    }
    uint8_t *to = arena_alloc(m->t->arena, len);
    uint32_t at = 0;
    p->data = to;
    p->len = (uint32_t)len;
    for (const struct dts_value *v = op->value; v; v = v->next) {
        if (v->kind == DTS_REF) {
            record(m, p, at, true, v->ref, v->loc);
            continue;
        }
        if (v->len)
            memcpy(to + at, v->data, v->len);
        uint32_t bytes = v->bits ? v->bits / 8U : 4;
        for (const struct dts_fixup *f = v->fixups; f; f = f->next) {
            if (f->offset > v->len || v->len - f->offset < bytes)
                continue;
            if (f->ref.kind == TEXT_NONE) {
                put_number(m, v, f, to + at + f->offset);
            } else if (bytes == 4) { // all that the parser lets through
                record(m, p, at + f->offset, false, &f->ref, f->loc);
            }
        }
        at += v->len;
    }
}

// The candidate for "did you mean", out of the node's properties or children.
static const char *near_name(struct machc *c, const struct dt_node *n, const char *name, bool props)
{
    const char *names[1000];
    size_t count = 0;
    if (props)
        for (const struct dt_prop *p = n->props; p && count < 1000; p = p->next)
            names[count++] = p->name;
    else
        for (const struct dt_node *i = n->child; i && count < 1000; i = i->next) {
            // `/delete-node/ mdio` is often meant for mdio@f1000: dtc takes names in full only.
            size_t len = strlen(name);
            if (!strncmp(i->name, name, len) && i->name[len] == '@')
                return i->name;
            names[count++] = i->name;
        }
    return diags_nearest(c->diags, name, names, count);
}

static void nothing_to_delete(struct merge *m, const struct dt_node *n, const struct dts_op *op, bool prop)
{
    if (m->kind != ORIGIN_WRITTEN)
        return;
    const char *path = dt_show_path(m->c->arena, n);
    struct diag *d = diag(m->c->diags, E0901, src_of_op(m, op->loc), "there is no %s `%s` to delete in %s",
                          prop ? "property" : "node", op->name, path);
    const char *near = near_name(m->c, n, op->name, prop);
    if (near) {
        diag_help(d, "did you mean `%s %s;`?", prop ? "/delete-property/" : "/delete-node/",
                  dt_show(m->c->arena, near));
        diag_respell(d, op->name, near);
    } else {
        diag_help(d, "remove the statement");
    }
    m->ok = false;
}

/* Something that a body which makes a node holds twice. dtc refuses it (checks.c, duplicate_property_names). */
static void report_twice(struct merge *m, const struct dts_op *op, const char *what, const struct dt_node *n,
                         const struct origin *first)
{
    struct diag *d = diag(m->c->diags, E0910, src_of_op(m, op->loc), "the %s `%s` is in %s twice", what,
                          dt_show(m->c->arena, op->name), dt_show_path(m->c->arena, n));
    if (first && first->at.loc.file)
        diag_note(d, first->at, "the first one is here");
    diag_help(d, "remove one of them; a later `&label { }` or `edit` can change a node");
    m->ok = false;
}

static void merge_ops(struct merge *m, struct dt_node *n, const struct dts_op *ops);

static void merge_child(struct merge *m, struct dt_node *n, const struct dts_op *op, bool fresh)
{
    struct dt_node *child = dt_child(m->t, n, op->name);
    if (child && fresh)
        report_twice(m, op, "node", n, child->origin);
    if (!child) {
        if (n->depth >= MACH_MAX_NESTING) {
            struct diag *d =
                diag(m->c->diags, E0905, src_of_op(m, op->loc), "nodes are nested more than %d deep, below %s",
                     MACH_MAX_NESTING, dt_show_path(m->c->arena, n));
            diag_help(d, "Linux reads at most 64 levels");
            m->ok = false;
            return;
        }
        child = dt_add_child(m->t, n, op->name);
        child->omit = op->omit;
        m->t->omits |= op->omit;
    }
    if (!child->origin)
        child->origin = origin_of(m, op->loc);
    add_labels(m, child, op->labels);
    merge_ops(m, child, op->ops);
}

static void merge_ops(struct merge *m, struct dt_node *n, const struct dts_op *ops)
{
    bool fresh = !n->props && !n->child; // else a body is merged into what is there, twice if it says so
    for (const struct dts_op *op = ops; op; op = op->next) {
        struct dt_node *child;
        const struct dt_prop *p;
        if (!op->name) {
            struct diag *d = diag(m->c->diags, E0909, src_of_op(m, op->loc),
                                  "`&%s` can be changed or deleted at the top of a .dts only, not within a node",
                                  op->ref && op->ref->s ? op->ref->s : "");
            diag_help(d, "name the child node itself, or write a `node` statement for the other node");
            m->ok = false;
            continue;
        }
        switch (op->kind) {
        case DTS_PROP:
            if (fresh && (p = dt_prop(m->t, n, op->name)))
                report_twice(m, op, "property", n, p->origin);
            set_value(m, n, op);
            break;
        case DTS_NODE:
            merge_child(m, n, op, fresh);
            break;
        case DTS_DEL_PROP:
            if (!dt_del(m->t, n, op->name))
                nothing_to_delete(m, n, op, true);
            break;
        case DTS_DEL_NODE:
            child = dt_child(m->t, n, op->name);
            if (child)
                dt_remove(m->t, child);
            else
                nothing_to_delete(m, n, op, false);
            break;
        default:
            break;
        }
    }
}

bool dts_merge(struct machc *c, struct dt_tree *t, struct dt_node *n, const struct dts_op *ops, uint8_t kind,
               const char *why, const struct via *via, dts_eval_fn *eval, void *opaque)
{
    struct merge m = {c, t, kind, why, via, eval, opaque, .ok = true};
    merge_ops(&m, n, ops);
    return m.ok;
}
