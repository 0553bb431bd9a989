// SPDX-License-Identifier: MIT
// Makes the nodes that every guest has: the root node, memory, chosen, aliases.
#include "machine/machine.h"

#include <inttypes.h>
#include <stdio.h>

/* Claims the registers of the platform's own nodes, such as the local APIC of a PC. */
static void claim_platform_registers(struct machine_planner *p)
{
    for (const struct dt_node *n = p->m->tree->root->child; n; n = n->next) {
        const struct dt_prop *reg = dt_prop(p->m->tree, n, p->n->reg);
        for (uint32_t i = 0; reg && i + 4 <= reg->len / 4; i += 4)
            claim_range(p, (uint64_t)dt_cell(reg, i) << 32 | dt_cell(reg, i + 1),
                        (uint64_t)dt_cell(reg, i + 2) << 32 | dt_cell(reg, i + 3),
                        arena_printf(p->c->arena, "`%s` of `%s`", n->name, p->m->m->platform->name),
                        p->m->m->platform_at);
    }
}

/* ---- memory ---- */

struct reserved_search {
    const struct planner *p;
    uint64_t first, last;
    bool found;
};

static bool is_in_reserved(void *opaque, const struct host_region *h)
{
    struct reserved_search *x = opaque;
    const struct dt_node *parent = h->node->parent;
    bool holds =
        h->size && !host_node_is_idle(x->p, h->node) && h->address <= x->first && x->last <= h->address + (h->size - 1);
    x->found = holds && parent && !strcmp(parent->name, "reserved-memory");
    return !x->found;
}

bool is_reserved_by_host(const struct planner *p, uint64_t first, uint64_t size)
{
    struct reserved_search x = {p, first, first + (size - 1), false};
    if (p->host && x.last >= first)
        host_overlaps(p->host, first, size, is_in_reserved, &x);
    return x.found;
}

/*
 * Who provides memory whose place on the host counts. Huge pages, unless it cannot be these: memory that machines share
 * has no owner who could take them, the guest does not run in what it only reads, and what the board's tree reserves is
 * in no pool.
 */
static uint8_t choose_provider(const struct machine_planner *p, const struct m_memory *m)
{
    if (m->provider != BY_CHOICE)
        return m->provider;
    if (m->backing == BACK_CONTIGUOUS)
        return BY_HUGETLB;
    bool data = m->share || m->readonly;
    return data || is_reserved_by_host(p->file, m->back_arg.value, m->size.value) ? BY_RESERVED : BY_HUGETLB;
}

/* Memory whose place on the host counts consists of whole pages of who provides it, in each run. */
static void check_whole_pages(struct machine_planner *p, const struct m_memory *m, uint8_t provider, uint32_t runs)
{
    bool huge = provider == BY_HUGETLB, stated = m->backing == BACK_PHYSICAL;
    uint64_t page = m->page.set ? m->page.value : HUGE_PAGE, unit = (huge ? page : p->model->page_size) * runs;
    bool size = m->size.value % unit != 0;
    if (!size && !(huge && stated && m->back_arg.value % unit))
        return;
    struct diag *d = size
                         ? diag(p->c->diags, E0386, m->size.at,
                                "the 0x%" PRIx64 " bytes of memory `%s` are not %s0x%" PRIx64, m->size.value, m->name,
                                runs > 1 ? "equal runs of whole pages, a multiple of " : "whole huge pages of ", unit)
                         : diag(p->c->diags, E0308, m->back_arg.at,
                                "0x%" PRIx64 " is in the middle of a huge page of 0x%" PRIx64, m->back_arg.value, unit);
    if (stated && m->provider == BY_CHOICE) {
        diag_note(d, m->at,
                  "memory `from physical` is huge pages, unless the statement or the host's tree says otherwise");
        diag_help(d,
                  "write a multiple of 2M; `by hugetlb SIZE` if the host has smaller ones; or `by reserved` if it is "
                  "memory that the host's kernel does not use");
    } else if (size) {
        diag_help_number(d, "size ", (m->size.value / unit + 1) * unit, "");
    } else {
        diag_help_number(d, "physical ", m->back_arg.value / unit * unit, "");
    }
}

/* Adds bank `bank` of `banks` of a memory. */
static void add_bank(struct machine_planner *p, const struct m_memory *mem, uint32_t bank, uint32_t banks)
{
    uint64_t size = mem->size.value / banks, next = mem->address.value + bank * (size + HUGE_PAGE);
    if (bank) {
        struct m_memory *copy = NEW(p->c->arena, struct m_memory);
        *copy = *mem;
        copy->name = bank_name(p->c, mem, bank);
        mem = copy;
    }
    struct p_memory pm = {.m = mem,
                          .address = next,
                          .size = size,
                          .how = mem->address.set ? HOW_WRITTEN : HOW_CHOSEN,
                          .provider = is_placed(mem) ? choose_provider(p, mem) : BY_CHOICE,
                          .physical = mem->backing == BACK_PHYSICAL ? mem->back_arg.value : UINT64_MAX,
                          .limit = mem->below.value};
    if (is_placed(mem) && !bank)
        check_whole_pages(p, mem, pm.provider, banks);
    map_put(draft_arena(p->c), &p->memories, (uintptr_t)mem->name, 0, p->m->memory.n);
    vec_push(p->c->arena, &p->m->memory, pm);
    if (mem->address.set)
        claim_range(p, pm.address, pm.size, arena_printf(p->c->arena, "memory `%s`", mem->name), mem->at);
}

/* Whether a machine has devices without an IOMMU whose bus translates. */
static bool needs_dma_bus(const struct m_machine *m)
{
    for (uint32_t i = 0; i < m->passthroughs.n; i++)
        for (uint32_t k = 0; k < m->passthroughs.at[i]->parts.n; k++) {
            const struct m_part *part = &m->passthroughs.at[i]->parts.at[k];
            for (uint32_t n = 0; n < part->dmas.n; n++)
                if (part->dmas.at[n].mode == DMA_BUS || part->dmas.at[n].mode == DMA_POOL)
                    return true;
        }
    return false;
}

/* Memory that `dma pool` names: dma/bus.c reports one that there is not. */
static void mark_pools(struct machine_planner *p)
{
    const struct m_machine *m = p->m->m;
    for (uint32_t i = 0; p->has_dma_bus && i < m->passthroughs.n; i++)
        for (uint32_t k = 0; k < m->passthroughs.at[i]->parts.n; k++) {
            const struct m_part *part = &m->passthroughs.at[i]->parts.at[k];
            uint64_t at;
            for (uint32_t n = 0; n < part->dmas.n; n++)
                if (part->dmas.at[n].mode == DMA_POOL &&
                    map_get(&p->memories, (uintptr_t)intern(p->c->names, part->dmas.at[n].name), 0, &at))
                    p->m->memory.at[at].pool = true;
        }
}

bool begin_guest(struct machine_planner *p)
{
    enter_step(p, STEP_ROOT);
    const struct m_machine *m = p->m->m;
    const struct platform *pl = m->platform;
    struct dt_tree *t = p->m->tree;
    const struct origin *o = origin_of(p, ORIGIN_COMPUTED, m->at, "the machine");
    t->root->origin = o;
    uint32_t two = 2;
    dt_set_cells(t, t->root, "#address-cells", &two, 1, o);
    dt_set_cells(t, t->root, "#size-cells", &two, 1, o);
    merge_schema(p, t->root, pl->root, p->frame, pl->file);
    claim_platform_registers(p);
    if (m->model)
        dt_set_str(t, t->root, "model", m->model, origin_of(p, ORIGIN_WRITTEN, m->model_at, NULL));
    const struct dt_prop *model = dt_prop(t, t->root, intern(p->c->names, "model"));
    p->m->model = model ? dt_string(model, 0) : NULL;
    if (m->compatible.n) {
        // A board's tree lists its specific `compatible` first: the platform's own list follows what was written.
        const struct dt_prop *old = dt_prop(t, t->root, p->n->compatible);
        size_t len = old ? old->len : 0, at_byte = 0;
        for (uint32_t i = 0; i < m->compatible.n; i++)
            len += strlen(m->compatible.at[i]) + 1;
        char *data = arena_alloc(p->c->arena, len);
        for (uint32_t i = 0; i < m->compatible.n; i++) {
            size_t n = strlen(m->compatible.at[i]) + 1;
            memcpy(data + at_byte, m->compatible.at[i], n);
            at_byte += n;
        }
        if (old)
            memcpy(data + at_byte, old->data, old->len);
        dt_set(t, t->root, p->n->compatible, data, (uint32_t)len, o);
    }
    p->has_dma_bus = needs_dma_bus(m);
    make_cpus(p);
    if (!make_irqchips(p))
        return false;
    make_platform_bus(p);
    for (uint32_t i = 0; i < m->memory.n; i++) {
        const struct m_memory *mem = &m->memory.at[i];
        uint32_t banks = mem->runs.value ? (uint32_t)mem->runs.value : 1;
        for (uint32_t bank = 0; bank < banks; bank++)
            add_bank(p, mem, bank, banks);
    }
    mark_pools(p);
    return true;
}

/* ---- nodes of memory ---- */

static void write_memory_node(struct machine_planner *p, struct dt_node *parent, const char *base,
                              const struct p_memory *m, bool reserved)
{
    struct dt_tree *t = p->m->tree;
    struct dt_node *n =
        new_child(p, parent, arena_printf(p->c->arena, "%s@%" PRIx64, base, m->address), ORIGIN_COMPUTED, m->m->at);
    if (!n)
        return;
    const struct origin *o = origin_of(p, ORIGIN_COMPUTED, m->m->at, "memory");
    uint32_t cells[4] = {(uint32_t)(m->address >> 32), (uint32_t)m->address, (uint32_t)(m->size >> 32),
                         (uint32_t)m->size};
    if (!reserved)
        dt_set_str(t, n, "device_type", "memory", o);
    dt_set_cells(t, n, "reg", cells, 4, o);
    // The guest's kernel must not use memory as ordinary RAM that is shared with others or cannot be written.
    if (reserved)
        dt_set_flag(t, n, "no-map", o);
    if (!m->pool && !map_getp(&t->labels, m->m->name, NULL))
        dt_add_label(t, n, m->m->name, m->m->at.loc);
}

/* Linux reserves the pool within the memory that it lies in, and has pages for it (kernel/dma/swiotlb.c). */
static void write_pool_node(struct machine_planner *p, struct dt_node *reserved, const struct p_memory *m)
{
    struct dt_node *n = make_from_schema(p, reserved, "dma-pool",
                                         arena_printf(p->c->arena, "%s@%" PRIx64, m->m->name, m->address), m->m->at);
    uint32_t cells[4] = {(uint32_t)(m->address >> 32), (uint32_t)m->address, (uint32_t)(m->size >> 32),
                         (uint32_t)m->size};
    dt_set_cells(p->m->tree, n, "reg", cells, 4, origin_of(p, ORIGIN_COMPUTED, m->m->at, "the pool"));
    if (!map_getp(&p->m->tree->labels, m->m->name, NULL))
        dt_add_label(p->m->tree, n, m->m->name, m->m->at.loc);
}

void write_memory_nodes(struct machine_planner *p)
{
    enter_step(p, STEP_MEMORY_NODES);
    struct dt_tree *t = p->m->tree;
    struct dt_node *reserved = NULL;
    for (uint32_t i = 0; i < p->m->memory.n; i++) {
        const struct p_memory *m = &p->m->memory.at[i];
        if (is_ram_of_guest(m))
            write_memory_node(p, t->root, "memory", m, false);
        if (is_ram_of_guest(m) && !m->pool)
            continue;
        if (!reserved) {
            const struct origin *o = origin_of(p, ORIGIN_COMPUTED, m->m->at,
                                               m->pool ? "the pool of devices" : "memory that is shared or read only");
            uint32_t two = 2;
            reserved = dt_add_child(t, t->root, intern(p->c->names, "reserved-memory"));
            reserved->origin = o;
            dt_set_cells(t, reserved, "#address-cells", &two, 1, o);
            dt_set_cells(t, reserved, "#size-cells", &two, 1, o);
            dt_set_flag(t, reserved, "ranges", o);
        }
        if (m->pool)
            write_pool_node(p, reserved, m);
        else
            write_memory_node(p, reserved, m->m->name, m, true);
    }
}

/* ---- chosen and aliases ---- */

/* Returns the child `name` of the root node, and makes it if it does not exist. */
static struct dt_node *get_root_child(struct machine_planner *p, const char *name)
{
    struct dt_tree *t = p->m->tree;
    const char *n = intern(p->c->names, name);
    struct dt_node *c = dt_child(t, t->root, n);
    if (!c) {
        c = dt_add_child(t, t->root, n);
        c->origin = origin_of(p, ORIGIN_COMPUTED, p->m->m->at, name);
    }
    return c;
}

static bool is_alias_name(const char *s)
{
    // Devicetree Specification 3.3: 1 to 31 of [0-9a-z-]
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return n && n < 32 && !s[n];
}

static void add_alias(struct machine_planner *p, const char *name, const struct dt_node *n, struct src where)
{
    struct dt_node *aliases = get_root_child(p, "aliases");
    if (!dt_prop(p->m->tree, aliases, intern(p->c->names, name)))
        dt_set_str(p->m->tree, aliases, name, dt_path(p->c->arena, n), origin_of(p, ORIGIN_COMPUTED, where, "alias"));
}

void write_chosen(struct machine_planner *p)
{
    enter_step(p, STEP_CHOSEN);
    const struct m_machine *m = p->m->m;
    struct dt_tree *t = p->m->tree;
    if (m->bootargs)
        dt_set_str(t, get_root_child(p, "chosen"), "bootargs", m->bootargs,
                   origin_of(p, ORIGIN_WRITTEN, m->bootargs_at, NULL));
    bool console = false;
    struct map counts = {0}; // interned alias -> how many
    for (uint32_t i = 0; i < p->bare.n; i++) {
        const struct p_device *d = p->bare.at[i];
        if (!d->emulated || !d->node)
            continue;
        if (d->class->console && !console) {
            console = true;
            dt_set_str(t, get_root_child(p, "chosen"), "stdout-path", dt_path(p->c->arena, d->node),
                       origin_of(p, ORIGIN_COMPUTED, d->at, "the first console"));
        }
        if (d->class->alias) {
            const char *base = intern(p->c->names, d->class->alias);
            uint64_t n = 0;
            map_get(&counts, (uintptr_t)base, 0, &n);
            map_put(p->c->arena, &counts, (uintptr_t)base, 0, n + 1);
            add_alias(p, arena_printf(p->c->arena, "%s%" PRIu64, base, n), d->node, d->at);
        }
    }
    // A device keeps its alias of the host (ethernet0, usb1), by which its driver and its users know it.
    const struct dt_node *aliases = p->host ? dt_at(p->host->tree, "/aliases") : NULL;
    for (const struct dt_prop *a = aliases ? aliases->props : NULL; a; a = a->next) {
        const char *path = dt_string(a, 0);
        const struct dt_node *host = path && is_alias_name(a->name) ? dt_at(p->host->tree, path) : NULL;
        const struct copied *k = host ? any_copy(p, host) : NULL;
        if (k && !k->description)
            add_alias(p, a->name, k->guest, k->pass->at);
    }
}
