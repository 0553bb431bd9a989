// SPDX-License-Identifier: MIT
// Plans one machine, step by step (enum machine_step). Only its part of the plan outlives this.
#include "dma/dma.h"
#include "order/order.h"
#include "refs/refs.h"

static void take_steps(struct machine_planner *p)
{
    if (!begin_guest(p))
        return;
    add_bus_nodes(p);
    plan_emulated_devices(p);
    plan_passthroughs(p);
    settle_refs(p);
    link_copied_irqs(p);
    choose_addresses(p);
    write_new_nodes(p);
    choose_lines(p);
    write_interrupts(p);
    write_memory_nodes(p);
    write_chosen(p);
    add_other_nodes(p);
    resolve_names(p);
    dt_omit_unused(p->m->tree, p->c->symbols);
    check_written_interrupts(p);
    check_to_refs(p);
    check_drivers(p);
    for (uint32_t i = 0; i < p->m->devices.n; i++)
        if (p->m->devices.at[i]->host)
            count_host_irqs(p, p->m->devices.at[i]);
    plan_dma(p);
    check_host_devices(p);
    check_known_kernels(p);
    if (!diags_errors(p->c->diags) && dt_take_phandles(p->c, p->m->tree, NULL, p->m->m->at))
        dt_assign_phandles(p->m->tree, p->c->symbols);
}

void plan_machine(struct planner *file, const struct m_machine *m)
{
    struct machc *c = file->c;
    c->doing = m->at;
    struct p_machine *out = NEW(c->arena, struct p_machine);
    out->m = m;
    out->name = m->name;
    out->tree = dt_tree_new(c->arena, c->names);
    vec_push(c->arena, &file->plan->machines, out);
    if (!m->platform || m->incomplete)
        return; // an error has been reported
    struct machine_planner p = {.file = file,
                                .c = c,
                                .model = file->model,
                                .host = file->host,
                                .schemas = file->schemas,
                                .n = file->n,
                                .copy_of = file->copy_of,
                                .m = out,
                                .frame = frame_with(c, NULL, "cpus", m->cpus.value)};
    take_steps(&p);
    // The table is as large as the host's tree, so the next machine reuses it.
    for (uint32_t i = 0; i < p.copies.n; i++)
        p.copy_of[p.copies.at[i]->host_id] = NULL;
}
