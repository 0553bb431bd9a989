// SPDX-License-Identifier: MIT
// node and edit statements, and names that lead from one node of the guest to another.
#include "plan/work.h"

struct dt_node *new_child(struct planner *p, struct dt_node *parent, const char *name, uint8_t kind, struct src where)
{
    struct dt_tree *t = p->m->tree;
    const char *n = intern(p->c->names, name);
    struct dt_node *old = dt_child(t, parent, n);
    if (old) {
        struct diag *d = diag(p->c->diags, E0921, where, "the guest has a node %s%s%s already", dt_path(p->c->arena, parent),
                              parent->parent ? "/" : "", n);
        if (old->origin)
            diag_note(d, old->origin->at, "it comes from here");
        diag_help(d, "put one of them `under` another bus, or give it another address");
        return NULL;
    }
    struct dt_node *c = dt_add_child(t, parent, n);
    c->origin = origin_of(p, kind, where, NULL);
    return c;
}

/* The properties that follow from regions and links: an edit of them would let tree and config disagree. */
static bool decided_elsewhere(struct planner *p, const struct dt_node *n, const struct m_edit *e, const struct dts_op *op)
{
    static const char *const region = "`region 0 at ADDRESS`", *const irq = "`irq 0 to ...` or `irq 0 drop`";
    const char *how = op->name == p->n.reg || op->name == p->n.ranges || op->name == p->n.reg_names ? region
                      : op->name == p->n.interrupts || op->name == p->n.interrupts_extended || op->name == p->n.interrupt_map ||
                                op->name == p->n.interrupt_names || op->name == p->n.interrupt_parent
                          ? irq
                          : NULL;
    if (!how)
        return false;
    const struct dt_prop *has = dt_prop(p->m->tree, n, op->name);
    if (!has && op->name != p->n.reg && op->name != p->n.interrupts)
        return false;
    struct diag *d = diag(p->c->diags, E0922, (struct src){op->loc, e->at.via}, "`%s` of an assigned device follows from its %s", op->name,
                          how == region ? "regions" : "interrupt links");
    diag_help(d, "say it of the device: %s; guest.dtb and guest.cfg then agree", how);
    return true;
}

void merge_edit(struct planner *p, struct dt_node *n, const struct m_edit *e)
{
    struct dts_env env = {p->c, e->frame, e->at.via};
    for (const struct dts_op *op = e->ops; op; op = op->next)
        if ((op->kind == DTS_PROP || op->kind == DTS_DEL_PROP) && decided_elsewhere(p, n, e, op))
            return;
    dts_merge(p->c, p->m->tree, n, e->ops, ORIGIN_WRITTEN, NULL, e->at.via, dts_eval_frame, &env);
}

/* The node at an absolute path; components that are not there are made. */
static struct dt_node *path_node(struct planner *p, const char *path, struct src where)
{
    struct dt_tree *t = p->m->tree;
    struct dt_node *n = t->root;
    if (*path != '/') {
        struct dt_node *labelled = map_getp(&t->labels, intern(p->c->names, path), NULL);
        if (!labelled)
            diag_help(diag(p->c->diags, E0923, where, "there is no node `%s` in the guest", path), "a node is named by path, `node /chosen { ... }`, or by the label of one that is there");
        return labelled;
    }
    struct dt_node *whole = dt_at(t, path);
    if (whole)
        return whole;
    for (const char *s = path + 1; *s;) {
        size_t len = strcspn(s, "/");
        if (!len) {
            diag(p->c->diags, E0924, where, "`%s` is not a path: an empty name", path);
            return NULL;
        }
        const char *name = intern_n(p->c->names, s, len);
        struct dt_node *c = dt_child(t, n, name);
        if (!c) {
            c = dt_add_child(t, n, name);
            c->origin = origin_of(p, ORIGIN_WRITTEN, where, NULL);
        }
        n = c;
        s += len;
        s += *s == '/';
    }
    return n;
}

static void merge_node(struct planner *p, const struct m_edit *e)
{
    struct dt_node *n = path_node(p, e->path, e->at);
    struct dts_env env = {p->c, e->frame, e->at.via};
    if (n)
        dts_merge(p->c, p->m->tree, n, e->ops, ORIGIN_WRITTEN, NULL, e->at.via, dts_eval_frame, &env);
}

static bool has_label(const struct dts_op *ops, const char *label)
{
    for (const struct dts_op *op = ops; op; op = op->next) {
        for (const struct dts_label *l = op->labels; l && op->kind == DTS_NODE; l = l->next)
            if (l->name == label)
                return true;
        if (op->kind == DTS_NODE && has_label(op->ops, label))
            return true;
    }
    return false;
}

/* The different places that devices are put under. */
struct unders {
    VEC(const struct m_passthrough *) list;
    struct map seen; // interned place -> 1
};

static bool wanted(const struct unders *u, const struct m_edit *e)
{
    uint64_t yes;
    if (map_get(&u->seen, (uintptr_t)e->path, 0, &yes))
        return true;
    size_t len = strlen(e->path);
    for (uint32_t i = 0; i < u->list.n; i++) {
        const struct m_passthrough *pass = u->list.at[i];
        if (pass->under_label ? has_label(e->ops, pass->under) : !strncmp(pass->under, e->path, len) && pass->under[len] == '/')
            return true;
    }
    return false;
}

/* Nodes that devices are put under have to be there, with their cells, before the devices. */
void nodes_wanted_first(struct planner *p)
{
    const struct m_machine *m = p->m->m;
    struct unders u = {0};
    for (uint32_t i = 0; i < m->passthroughs.n; i++) {
        const struct m_passthrough *pass = m->passthroughs.at[i];
        uint64_t yes;
        if (!pass->under || map_get(&u.seen, (uintptr_t)pass->under, 0, &yes))
            continue;
        map_put(p->c->arena, &u.seen, (uintptr_t)pass->under, 0, 1);
        vec_push(p->c->arena, &u.list, pass);
    }
    for (uint32_t i = 0; u.list.n && i < m->nodes.n; i++) {
        const struct m_edit *e = &m->nodes.at[i];
        if (!wanted(&u, e))
            continue;
        map_put(draft_arena(p->c), &p->nodes_done, (uintptr_t)e, 0, 1);
        merge_node(p, e);
    }
}

void nodes_rest(struct planner *p)
{
    for (uint32_t i = 0; i < p->m->m->nodes.n; i++) {
        uint64_t done;
        const struct m_edit *e = &p->m->m->nodes.at[i];
        if (!map_get(&p->nodes_done, (uintptr_t)e, 0, &done))
            merge_node(p, e);
    }
}

/* ---- names ---- */

static void leads_nowhere(struct planner *p, const struct dt_node *n, const struct dt_prop *prop, const struct dt_ref *r)
{
    if (!r->name) { // it led to a node that an edit or a node statement has taken away
        diag(p->c->diags, E0925, prop->origin ? prop->origin->at : p->m->m->at, "`%s` of %s leads to %s, which was deleted", prop->name,
             dt_path(p->c->arena, n), dt_path(p->c->arena, r->target));
        return;
    }
    const struct text *name = &r->name->text;
    const char *mark = name->kind == TEXT_LABEL ? "&" : "";
    struct diag *d = diag(p->c->diags, E0925, r->name->at, "`%s` of %s leads to %s%s, which the guest does not have", prop->name, dt_path(p->c->arena, n), mark,
                          name->s);
    const struct dt_node *host = NULL;
    if (p->host)
        host = name->kind == TEXT_LABEL ? map_getp(&p->host->tree->labels, name->s, NULL) : dt_at(p->host->tree, name->s);
    if (host) {
        diag_fact(d, "%s: %s is the host's", p->host->file, dt_path(p->c->arena, host));
        diag_help(d, "pass it through as well, or make one for the guest: `node /%.*s { ... }`", (int)strcspn(host->name, "@"), host->name);
        return;
    }
    VEC(const char *) names = {0};
    for (const struct dt_node *k = p->m->tree->root; k && names.n < 1000; k = dt_next(k, p->m->tree->root))
        for (const struct dt_label *l = k->labels; l && names.n < 1000; l = l->next)
            vec_push(p->c->arena, &names, l->name);
    const char *near = name->kind == TEXT_LABEL ? nearest(name->s, names.at, names.n) : NULL;
    if (near)
        diag_help(d, "did you mean `&%s`?", near);
}

void resolve_names(struct planner *p)
{
    struct dt_tree *t = p->m->tree;
    for (struct dt_node *n = t->root; n; n = dt_next(n, t->root)) {
        for (struct dt_prop *prop = n->props; prop; prop = prop->next) {
            for (struct dt_ref *r = prop->refs; r; r = r->next) {
                if (!r->target)
                    r->target = r->name->text.kind == TEXT_LABEL ? map_getp(&t->labels, r->name->text.s, NULL) : dt_at(t, r->name->text.s);
                if (!r->target || r->target->deleted)
                    leads_nowhere(p, n, prop, r);
            }
        }
    }
}
