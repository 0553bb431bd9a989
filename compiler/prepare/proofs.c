// SPDX-License-Identifier: MIT
/*
 * What the start of a machine proves of the host that was prepared for it. A machine for which nothing is changed on
 * the host proves nothing here: its host may run as it is.
 */
#include "prepare/prepare.h"

void prove_link(struct overlay *o, struct p_machine *m, const struct p_device *d, const struct dt_node *bus)
{
    // Linux names a device of the root without registers after its node.
    vec_push(o->p->c->arena, &m->proofs,
             ((struct p_proof){.kind = PROVE_LINK, .text = bus->name, .device = d, .value = UINT64_MAX}));
}

void prove_added(struct overlay *o, struct added a)
{
    struct arena *draft = draft_arena(o->p->c);
    uint64_t known;
    if (map_get(&o->proven, (uintptr_t)a.machine, (uintptr_t)a.node, &known))
        return;
    map_put(draft, &o->proven, (uintptr_t)a.machine, (uintptr_t)a.node, 1);
    vec_push(draft, &o->added, a);
}

/* The number that a property of one or two cells is, as the config has it. */
static uint64_t number_of(const struct dt_prop *p)
{
    if (p->len == 4)
        return dt_cell(p, 0);
    return p->len == 8 ? (uint64_t)dt_cell(p, 0) << 32 | dt_cell(p, 1) : UINT64_MAX;
}

static void add_properties(struct overlay *o, const struct added *a)
{
    struct arena *arena = o->p->c->arena;
    for (const struct dt_prop *p = a->node->props; p; p = p->next)
        if (!p->refs && (!a->property || !strcmp(p->name, a->property)))
            vec_push(arena, &a->machine->proofs,
                     ((struct p_proof){.kind = PROVE_PROPERTY,
                                       .text = arena_printf(arena, "%s/%s", a->path, p->name),
                                       .value = number_of(p)}));
}

static void add_arguments_of(struct planner *p, struct p_machine *m)
{
    struct arena *a = p->c->arena;
    bool platform = false;
    for (uint32_t i = 0; i < m->devices.n; i++)
        platform = platform || (m->devices.at[i]->kind == DEV_PLATFORM && m->devices.at[i]->sysfs_name);
    if (platform)
        vec_push(a, &m->proofs,
                 ((struct p_proof){.kind = PROVE_ARGUMENT, .text = NO_RESET_DRIVER, .value = UINT64_MAX}));
    struct map seen = {0};
    for (uint32_t i = 0; i < m->cpus.n && p->plan->host.isolates; i++) {
        uint32_t cpu = m->cpus.at[i].host_cpu;
        uint64_t known;
        if (cpu == UINT32_MAX || map_get(&seen, cpu, 0, &known))
            continue;
        map_put(draft_arena(p->c), &seen, cpu, 0, 1);
        vec_push(a, &m->proofs, ((struct p_proof){.kind = PROVE_ISOLATED, .cpu = cpu, .value = UINT64_MAX}));
    }
}

void add_proofs(struct overlay *o)
{
    for (uint32_t i = 0; i < o->added.n; i++)
        add_properties(o, &o->added.at[i]);
    for (uint32_t i = 0; i < o->p->plan->machines.n; i++)
        if (o->p->plan->machines.at[i]->proofs.n)
            add_arguments_of(o->p, o->p->plan->machines.at[i]);
}
