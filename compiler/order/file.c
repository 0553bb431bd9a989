// SPDX-License-Identifier: MIT
// The order of decisions. Each step only needs what those before it have decided.
#include "facts/facts.h"

static void name_all(struct planner *p)
{
    const struct {
        const char **to, *name;
    } names[] = {
        {&p->n.reg, "reg"},
        {&p->n.ranges, "ranges"},
        {&p->n.dma_ranges, "dma-ranges"},
        {&p->n.interrupts, "interrupts"},
        {&p->n.interrupt_parent, "interrupt-parent"},
        {&p->n.interrupts_extended, "interrupts-extended"},
        {&p->n.interrupt_map, "interrupt-map"},
        {&p->n.interrupt_map_mask, "interrupt-map-mask"},
        {&p->n.interrupt_names, "interrupt-names"},
        {&p->n.interrupt_cells, "#interrupt-cells"},
        {&p->n.interrupt_controller, "interrupt-controller"},
        {&p->n.reg_names, "reg-names"},
        {&p->n.phandle, "phandle"},
        {&p->n.linux_phandle, "linux,phandle"},
        {&p->n.status, "status"},
        {&p->n.address_cells, "#address-cells"},
        {&p->n.size_cells, "#size-cells"},
        {&p->n.compatible, "compatible"},
        {&p->n.clocks, "clocks"},
        {&p->n.clock_names, "clock-names"},
        {&p->n.device_type, "device_type"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        *names[i].to = intern(p->c->names, names[i].name);
}

/* What the steps below keep of one machine only. */
static void forget(struct planner *p)
{
    for (uint32_t i = 0; i < p->copies.n; i++)
        p->copy_of[p->copies.at[i]->host_id] = NULL;
    struct planner fresh = {.c = p->c,
                            .model = p->model,
                            .host = p->host,
                            .schemas = p->schemas,
                            .plan = p->plan,
                            .host_owner = p->host_owner,
                            .copy_of = p->copy_of,
                            .host_cpus = p->host_cpus,
                            .need_list = p->need_list,
                            .uses = p->uses,
                            .rule_of = p->rule_of,
                            .marks = p->marks,
                            .bodies = p->bodies,
                            .own_room = p->own_room,
                            .has_iommus = p->has_iommus,
                            .sysfs_owner = p->sysfs_owner,
                            .facts = p->facts,
                            .kept = p->kept,
                            .needs = p->needs,
                            .rates = p->rates,
                            .n = p->n,
                            .dma = p->dma,
                            .caches = p->caches};
    *p = fresh;
}

static void plan_machine(struct planner *p, const struct m_machine *m)
{
    struct p_machine *out = NEW(p->c->arena, struct p_machine);
    out->m = m;
    out->name = m->name;
    out->tree = dt_tree_new(p->c->arena, p->c->names);
    vec_push(p->c->arena, &p->plan->machines, out);
    if (!m->platform || m->incomplete)
        return; // said already
    p->m = out;
    p->frame = frame_with(p->c, NULL, "cpus", m->cpus.value);
    if (!guest_begin(p))
        return;
    nodes_wanted_first(p);
    vec_expect(draft_arena(p->c), &p->claims, m->passthroughs.n);
    for (uint32_t i = 0; i < m->devices.n; i++)
        plan_emulated(p, &m->devices.at[i]);
    copy_passthroughs(p);
    settle_refs(p, 0);
    for (uint32_t i = 0; i < p->copies.n; i++)
        decide_irqs(p, p->copies.at[i]);
    for (uint32_t i = 0; i < p->copies.n; i++)
        decide_map(p, p->copies.at[i]);
    place_chips(p);
    claims_check(p);
    choose_memory(p);
    choose_devices(p);
    claims_drop(p);
    for (uint32_t i = 0; i < p->bare.n; i++)
        write_bare(p, p->bare.at[i]);
    choose_lines(p);
    write_interrupts(p);
    guest_memory(p);
    guest_finish(p);
    nodes_rest(p);
    check_reserved(p);
    resolve_names(p);
    check_to_refs(p);
    dma_machine(p);
    for (uint32_t i = 0; i < out->devices.n; i++) {
        struct p_device *d = out->devices.at[i];
        if (d->host)
            count_host_irqs(p, d);
        const struct m_part *part = NULL;
        uint64_t at;
        if (d->pass)
            part = !d->parent                                                  ? &d->pass->parts.at[0]
                   : map_get(&d->pass->part_index, (uintptr_t)d->host, 0, &at) ? &d->pass->parts.at[at]
                                                                               : NULL;
        if (d->pass)
            plan_dma(p, d, part);
    }
    if (!diags_errors(p->c->diags) && dt_take_phandles(p->c, out->tree, NULL, m->at))
        dt_assign_phandles(out->tree);
}

struct plan *plan_make(struct machc *c, struct model *m)
{
    struct plan *plan = NEW(c->arena, struct plan);
    plan->c = c;
    plan->model = m;
    plan->iommu = m->iommu;
    if (!m->schemas)
        return plan;
    struct planner p = {.c = c, .model = m, .host = m->host, .schemas = m->schemas, .plan = plan};
    name_all(&p);
    p.facts = m->facts ? facts_read(c, m->facts, m->facts_at) : NULL;
    count_host_cpus(&p);
    dma_begin(&p);
    if (m->host) {
        p.host_owner = arena_array(draft_arena(c), m->host->tree->nnodes, sizeof(struct owner *));
        p.copy_of = arena_array(draft_arena(c), m->host->tree->nnodes, sizeof(struct copied *));
        p.marks = own_marks_new(&p);
        own_needs(&p);
    }
    for (uint32_t i = 0; i < m->nkeeps; i++)
        map_putp(draft_arena(c), &p.kept, m->keeps[i].node, NULL, &m->keeps[i]);
    for (uint32_t i = 0; i < m->machines.n; i++) {
        forget(&p);
        plan_machine(&p, m->machines.at[i]);
    }
    check_owners(&p);
    check_dma(&p);
    check_stashes(&p);
    if (p.facts)
        facts_check(&p);
    check_asserts(&p);
    // The plan stands by itself; what it was made from goes.
    for (uint32_t i = 0; i < plan->machines.n; i++)
        for (uint32_t k = 0; k < plan->machines.at[i]->devices.n; k++)
            plan->machines.at[i]->devices.at[k]->pass = NULL;
    machc_forget(&c->draft);
    return plan;
}
