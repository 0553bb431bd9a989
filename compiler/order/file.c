// SPDX-License-Identifier: MIT
// Plans all machines of a file, one after the other, and then runs the checks that need all of them.
#include "order/order.h"

#include "across/across.h"
#include "dma/iommu.h"
#include "facts/facts.h"
#include "prepare/prepare.h"
#include "vmm/vmm.h"

static const struct property_names *intern_property_names(struct machc *c)
{
    struct property_names *n = NEW(c->arena, struct property_names);
    const struct {
        const char **to, *name;
    } names[] = {
        {&n->reg, "reg"},
        {&n->ranges, "ranges"},
        {&n->dma_ranges, "dma-ranges"},
        {&n->interrupts, "interrupts"},
        {&n->interrupt_parent, "interrupt-parent"},
        {&n->interrupts_extended, "interrupts-extended"},
        {&n->interrupt_map, "interrupt-map"},
        {&n->interrupt_map_mask, "interrupt-map-mask"},
        {&n->interrupt_names, "interrupt-names"},
        {&n->interrupt_cells, "#interrupt-cells"},
        {&n->interrupt_controller, "interrupt-controller"},
        {&n->reg_names, "reg-names"},
        {&n->phandle, "phandle"},
        {&n->linux_phandle, "linux,phandle"},
        {&n->status, "status"},
        {&n->address_cells, "#address-cells"},
        {&n->size_cells, "#size-cells"},
        {&n->compatible, "compatible"},
        {&n->clocks, "clocks"},
        {&n->clock_names, "clock-names"},
        {&n->clock_cells, "#clock-cells"},
        {&n->device_type, "device_type"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        *names[i].to = intern(c->names, names[i].name);
    return n;
}

static const struct dt_node *host_target(const void *opaque, const struct dt_prop *prop, uint32_t cell)
{
    return host_phandle(opaque, dt_cell(prop, cell));
}

static void index_host(struct planner *p)
{
    size_t nodes = p->host->tree->nnodes;
    p->host_owner = arena_array(draft_arena(p->c), nodes, sizeof *p->host_owner);
    p->copy_of = arena_array(draft_arena(p->c), nodes, sizeof *p->copy_of);
    p->marks = node_marks_new(p);
    p->on_linux = (struct linux_view){.c = p->c, .host = p->host};
    dma_view_begin(&p->dma, draft_arena(p->c), p->host->tree, host_target, p->host);
    find_needs(p);
}

struct plan *plan_make(struct machc *c, struct model *m)
{
    struct plan *plan = NEW(c->arena, struct plan);
    plan->c = c;
    plan->model = m;
    plan->iommu = m->iommu;
    if (!m->schemas)
        return plan;
    struct planner p = {.c = c,
                        .model = m,
                        .host = m->host,
                        .schemas = m->schemas,
                        .plan = plan,
                        .n = intern_property_names(c),
                        .facts = m->facts ? facts_read(c, m->facts, m->facts_at) : NULL};
    iommu_begin(&p);
    if (p.host)
        index_host(&p);
    for (uint32_t i = 0; i < m->keeps.n; i++)
        map_putp(draft_arena(c), &p.kept, m->keeps.at[i].node, NULL, &m->keeps.at[i]);
    for (uint32_t i = 0; i < m->hidden.n; i++)
        map_putp(draft_arena(c), &p.hidden, m->hidden.at[i].node, NULL, &m->hidden.at[i]);
    for (uint32_t i = 0; i < m->machines.n; i++)
        plan_machine(&p, m->machines.at[i]);
    check_owners(&p);
    check_reach(&p);
    check_stashes(&p);
    if (p.facts)
        check_facts(&p);
    check_asserts(&p);
    check_hidden(&p);
    if (c->prepare && !diags_errors(c->diags))
        prepare_host(&p);
    if (c->vmm && !diags_errors(c->diags))
        command_of_vmm(&p);
    // The plan does not refer to the draft, which is freed here.
    for (uint32_t i = 0; i < plan->machines.n; i++)
        for (uint32_t k = 0; k < plan->machines.at[i]->devices.n; k++)
            plan->machines.at[i]->devices.at[k]->pass = NULL;
    machc_forget(&c->draft);
    return plan;
}
