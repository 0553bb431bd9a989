// SPDX-License-Identifier: MIT
// Makes records of devices, and checks the clauses of their statements that refer to the guest.
#include "machine/machine.h"

#include <inttypes.h>

struct p_device *new_device(struct machine_planner *p, const char *name, uint8_t kind, struct src where)
{
    struct p_device *d = NEW(p->c->arena, struct p_device);
    d->name = name;
    d->kind = kind;
    d->at = where;
    d->vcpu = UINT32_MAX;
    d->slot = UINT32_MAX;
    d->index = p->m->devices.n;
    vec_push(p->c->arena, &p->m->devices, d);
    return d;
}

bool has_valid_vcpu(struct machine_planner *p, const struct m_passthrough *pass)
{
    if (!pass->place->vcpu.set || pass->place->vcpu.value < p->m->cpus.n)
        return pass->place->vcpu.set;
    struct diag *d = diag(p->c->diags, E0344, pass->place->vcpu.at, "machine `%s` has no vcpu %" PRIu64, p->m->name,
                          pass->place->vcpu.value);
    if (p->m->cpus.n > 1)
        diag_help(d, "choose one of its %u vcpus: 0 to %u", p->m->cpus.n, p->m->cpus.n - 1);
    else
        diag_help(d, "write 0: it has one vcpu");
    return false;
}

/* Returns the node that `under` names for the device `name`, by default the platform's bus or the root. */
static struct dt_node *find_node_under(struct machine_planner *p, const struct m_under *under, const char *name)
{
    struct dt_tree *t = p->m->tree;
    if (!under->name)
        return p->platform_bus ? p->platform_bus : t->root;
    struct dt_node *n = under->label ? map_getp(&t->labels, under->name, NULL) : dt_at(t, under->name);
    if (n)
        return n;
    const char *written = arena_printf(p->c->arena, under->label ? "&%s" : "%s", under->name);
    struct diag *d = diag(p->c->diags, E0342, under->at, "the guest has no node %s to put `%s` under", written, name);
    VEC(const char *) names = {0};
    for (const struct dt_node *k = under->label ? t->root : NULL; k && names.n < 1000; k = dt_next(k, t->root))
        for (const struct dt_label *l = k->labels; l; l = l->next)
            vec_push(draft_arena(p->c), &names, l->name);
    for (uint32_t i = 0; under->label && i < p->m->m->passthroughs.n && names.n < 1000; i++)
        vec_push(draft_arena(p->c), &names, p->m->m->passthroughs.at[i]->name);
    const char *near = diags_nearest(p->c->diags, under->name, names.at, names.n);
    if (near)
        diag_did_you_mean(d, "&", under->name, near);
    else if (under->label)
        diag_help(d, "add a node with this label, `node / { %s: bus { ... }; };`, or write the path of a node",
                  under->name);
    else
        diag_help(d, "add it: `node %s { #address-cells = <2>; #size-cells = <2>; ranges; };`", under->name);
    return NULL;
}

struct dt_node *find_bus_node(struct machine_planner *p, const struct m_device *device,
                              const struct m_passthrough *pass)
{
    const char *pool;
    struct src where;
    if (!pass)
        return find_node_under(p, &device->under, device->name);
    if (p->has_dma_bus && !pass->place->bus && wants_dma_bus(p, pass, &pool, &where))
        return dma_bus_node(p, pass, pool, where);
    return find_node_under(p, &pass->place->under, pass->name);
}
