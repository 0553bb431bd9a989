// SPDX-License-Identifier: MIT
// Makes the vcpus, binds them to host cpus and writes their nodes.
#include "machine/machine.h"

static void bind_cpus(struct machine_planner *p)
{
    const struct m_machine *m = p->m->m;
    VEC(uint32_t) on = {0};
    for (uint32_t i = 0; i < m->host_cpus.n; i++)
        for (uint32_t cpu = m->host_cpus.at[i].first; cpu <= m->host_cpus.at[i].last; cpu++)
            vec_push(p->c->arena, &on, cpu);
    uint64_t cpus = m->cpus.set ? m->cpus.value : 0;
    // More cpus than the platform supports have been reported.
    uint32_t n = cpus < m->platform->max_cpus ? (uint32_t)cpus : m->platform->max_cpus;
    if (on.n > n && n)
        diag_help(diag(p->c->diags, E0345, m->host_cpus_at, "%u vcpu%s on %u host cpus: some host cpus would be unused",
                       n, n == 1 ? "" : "s", on.n),
                  "list at most as many host cpus as there are vcpus");
    for (uint32_t i = 0; i < n; i++) {
        struct p_cpu cpu = {.vcpu = i, .host_cpu = on.n ? on.at[i % on.n] : UINT32_MAX};
        vec_push(p->c->arena, &p->m->cpus, cpu);
    }
}

void copy_named_props(struct machine_planner *p, struct dt_node *to, const struct dt_node *from,
                      const char *const *names)
{
    for (const char *const *n = names; from && n && *n; n++) {
        const char *name = intern(p->c->names, *n);
        const struct dt_prop *prop = dt_prop(p->host->tree, from, name);
        if (prop)
            dt_set(p->m->tree, to, name, prop->data, prop->len, origin_of(p, ORIGIN_HOST, p->m->m->at, NULL));
    }
}

static void write_cpu_nodes(struct machine_planner *p)
{
    const struct platform *pl = p->m->m->platform;
    struct dt_tree *t = p->m->tree;
    const char *name = intern(p->c->names, "cpus");
    struct dt_node *cpus = dt_child(t, t->root, name);
    const struct origin *o = origin_of(p, ORIGIN_COMPUTED, p->m->m->cpus.at, "cpus");
    if (!cpus)
        cpus = dt_add_child(t, t->root, name);
    cpus->origin = o;
    uint32_t na = pl->cpu_address_cells ? pl->cpu_address_cells : 1, zero = 0;
    dt_set_cells(t, cpus, "#address-cells", &na, 1, o);
    dt_set_cells(t, cpus, "#size-cells", &zero, 1, o);
    merge_schema(p, cpus, pl->cpus, p->frame, pl->file);
    copy_named_props(p, cpus, p->host ? dt_at(p->host->tree, "/cpus") : NULL, pl->cpus_copy);
    for (uint32_t i = 0; i < p->m->cpus.n; i++) {
        struct p_cpu *cpu = &p->m->cpus.at[i];
        uint32_t reg = pl->cpu_aff0 ? i % pl->cpu_aff0 | i / pl->cpu_aff0 << 8 : i;
        struct dt_node *n =
            dt_add_child(t, cpus, intern(p->c->names, arena_printf(p->c->arena, "%s@%x", pl->cpu_name, reg)));
        n->origin = o;
        dt_add_label(t, n, intern(p->c->names, arena_printf(p->c->arena, "cpu%u", i)), (struct loc){0});
        struct frame *f = frame_with(p->c, p->frame, "cpu", i);
        merge_schema(p, n, pl->cpu, f, pl->file);
        uint32_t cells[2] = {0, reg};
        dt_set_cells(t, n, "reg", na == 2 ? cells : cells + 1, na == 2 ? 2 : 1, o);
        copy_named_props(p, n, host_cpu(p->host, cpu->host_cpu == UINT32_MAX ? 0 : cpu->host_cpu), pl->cpu_copy);
        cpu->node = n;
        cpu->reg = reg;
    }
}

void make_cpus(struct machine_planner *p)
{
    bind_cpus(p);
    write_cpu_nodes(p);
}
