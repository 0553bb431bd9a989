// SPDX-License-Identifier: MIT
// Gives nodes of the host to machines: each to one machine at most, and none that the host needs.
#include "plan/planner.h"

static const char *path_below_top(struct planner *p, const struct dt_node *n, const struct dt_node *top)
{
    return dt_path(p->c->arena, n) + strlen(dt_path(p->c->arena, top)) + 1;
}

/* Among the nodes that are not devices, those with a cpu address describe memory. */
static bool is_memory(const struct planner *p, const struct dt_node *n)
{
    const struct host_node *hn = &p->host->nodes[n->id];
    return hn->nregions && p->host->regions[hn->first_region].translated;
}

const struct m_keep *keep_of(const struct planner *p, const struct dt_node *n)
{
    for (; n && p->model->keeps.n; n = n->parent) {
        const struct m_keep *k = map_getp(&p->kept, n, NULL);
        if (k)
            return k;
    }
    return NULL;
}

bool host_node_is_off(const struct planner *p, const struct dt_node *n)
{
    return host_disabled(p->host, n) && !map_getp(&p->kept, n, NULL);
}

bool host_node_is_idle(const struct planner *p, const struct dt_node *n)
{
    if (p->host_owner[n->id])
        return false;
    for (; n; n = n->parent) {
        if (p->model->keeps.n && map_getp(&p->kept, n, NULL))
            return false;
        if (host_disabled(p->host, n))
            return true;
    }
    return false;
}

static void report_second_owner(struct planner *p, const struct dt_node *n, const struct dt_node *top, struct src where)
{
    const struct owner *o = p->host_owner[n->id];
    struct diag *d = diag(p->c->diags, E0373, where, "%s is passed through twice", dt_path(p->c->arena, n));
    diag_note(d, o->at, "machine `%s` gets it here", o->machine->name);
    if (n != top || n != o->top)
        diag_help(d, "exclude it from the statement for %s: `without %s;`",
                  dt_path(p->c->arena, n != top ? top : o->top), path_below_top(p, n, n != top ? top : o->top));
    else
        diag_help(d, "remove one of the statements: a device has one owner");
}

static struct diag *report_needed(struct planner *p, const struct host_need *need, const char *path, struct src where)
{
    if (!*need->what)
        return diag(p->c->diags, E0393, where, "%s is not a device", path);
    if (!need->user)
        return diag(p->c->diags, E0383, where, "%s stays with the host: it is the host's %s", path, need->what);
    const char *user = dt_path(p->c->arena, need->user);
    struct diag *d =
        diag(p->c->diags, E0383, where, "%s stays with the host: %s gets its %s from it", path, user, need->what);
    // Show the chain of users, up to one that the host needs for its own sake.
    const struct host_need *next = map_getp(&p->needs, need->user, NULL);
    for (uint32_t i = 0; next && next->user && i < 4; i++) {
        diag_fact(d, "%s: %s gets its %s from %s", p->host->file, dt_path(p->c->arena, next->user), next->what, user);
        user = dt_path(p->c->arena, next->user);
        next = map_getp(&p->needs, next->user, NULL);
    }
    if (next && !next->user)
        diag_fact(d, "%s: %s is the host's %s", p->host->file, user, *next->what ? next->what : "cpu");
    return d;
}

bool give_host_node(struct planner *p, struct p_machine *to, const struct dt_node *n, const struct dt_node *top,
                    struct src where)
{
    if (p->host_owner[n->id]) {
        report_second_owner(p, n, top, where);
        return false;
    }
    // What is below a kept node in the statement's tree goes with it: one message is enough.
    const struct m_keep *k = n == top ? keep_of(p, n) : map_getp(&p->kept, n, NULL);
    const struct host_need *need = k ? NULL : map_getp(&p->needs, n, NULL);
    const char *path = k || need ? dt_path(p->c->arena, n) : NULL;
    struct diag *d = NULL;
    if (k)
        diag_note(d = diag(p->c->diags, E0374, where, "%s stays with the host", path), k->at,
                  k->node == n ? "it is kept here" : "%s is kept here, with what is below it",
                  dt_path(p->c->arena, k->node));
    else if (need)
        d = report_needed(p, need, path, where);
    if (d && n != top) {
        diag_help(d, "exclude it: `without %s;`", path_below_top(p, n, top));
        diag_fix_statement(d, where, "passthrough", "without %s;", path_below_top(p, n, top));
    } else if (k)
        diag_help(d, "remove one of the statements");
    else if (need && !strcmp(need->what, "console"))
        diag_help(d, "give the host another console, `stdout-path` in its /chosen, or the guest an emulated one: "
                     "`device uart0 : ns16550a;`");
    else if (need && need->user)
        diag_help(d, "leave it with the host, and replace it in the guest: `ref PROPERTY fixed VALUE;` or `copy`");
    else if (need && *need->what)
        diag_help(d, "pass through the devices that use it; the guest gets one of its own");
    else if (need && is_memory(p, n))
        diag_help(d, "give the machine a `memory` for it: `memory NAME size SIZE from physical ADDRESS;`");
    else if (need)
        diag_help(d, "change the guest's own node instead: `node %s { ... }`", path);
    if (d && n == top)
        return false;
    // A refused node below `top` counts as owned all the same, so that its registers are not reported as well.
    struct owner *o = p->last_owner;
    if (!o || o->machine != to || o->top != top || o->at.loc.start != where.loc.start || o->at.via != where.via) {
        o = p->last_owner = NEW(draft_arena(p->c), struct owner);
        *o = (struct owner){to, top, where};
    }
    p->host_owner[n->id] = o;
    mark_node(p, n);
    return !d;
}
