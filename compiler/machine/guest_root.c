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
    make_cpus(p);
    if (!make_irqchips(p))
        return false;
    for (uint32_t i = 0; i < m->memory.n; i++) {
        const struct m_memory *mem = &m->memory.at[i];
        struct p_memory pm = {mem, mem->address.value, mem->size.value, mem->address.set ? HOW_WRITTEN : HOW_CHOSEN};
        vec_push(p->c->arena, &p->m->memory, pm);
        map_put(draft_arena(p->c), &p->memories, (uintptr_t)mem->name, 0, i);
        if (mem->address.set)
            claim_range(p, pm.address, pm.size, arena_printf(p->c->arena, "memory `%s`", mem->name), mem->at);
    }
    return true;
}

/* ---- memory ---- */

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
    if (!map_getp(&t->labels, m->m->name, NULL))
        dt_add_label(t, n, m->m->name, m->m->at.loc);
}

void write_memory_nodes(struct machine_planner *p)
{
    enter_step(p, STEP_MEMORY_NODES);
    struct dt_tree *t = p->m->tree;
    struct dt_node *reserved = NULL;
    for (uint32_t i = 0; i < p->m->memory.n; i++) {
        const struct p_memory *m = &p->m->memory.at[i];
        if (!m->m->share && !m->m->readonly) {
            write_memory_node(p, t->root, "memory", m, false);
            continue;
        }
        if (!reserved) {
            const struct origin *o = origin_of(p, ORIGIN_COMPUTED, m->m->at, "memory that is shared or read only");
            uint32_t two = 2;
            reserved = dt_add_child(t, t->root, intern(p->c->names, "reserved-memory"));
            reserved->origin = o;
            dt_set_cells(t, reserved, "#address-cells", &two, 1, o);
            dt_set_cells(t, reserved, "#size-cells", &two, 1, o);
            dt_set_flag(t, reserved, "ranges", o);
        }
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
