// SPDX-License-Identifier: MIT
// Writes the nodes of devices without a host node, when every address is known.
#include "machine/machine.h"

#include <inttypes.h>

enum { PCI_SLOTS = 32 };

static void write_reg_and_ranges(struct machine_planner *p, struct p_device *d, struct dt_node *bus)
{
    uint32_t na = cell_or(p, bus, p->n->address_cells, 2), ns = cell_or(p, bus, p->n->size_cells, 1), n = 0, nr = 0;
    const struct origin *o = origin_of(p, ORIGIN_COMPUTED, d->at, "its place in the guest");
    uint8_t *reg = arena_alloc(p->c->arena, na <= 2 && ns <= 2 ? (size_t)d->regions.n * (na + ns) * 4 + 1 : 1);
    uint8_t *ranges = arena_alloc(p->c->arena, na <= 2 ? (size_t)d->regions.n * (3 + na + 2) * 4 + 1 : 1);
    for (uint32_t i = 0; i < d->regions.n; i++) {
        const struct p_region *r = d->regions.at[i];
        uint64_t on_bus;
        if (r->mode == REGION_DROP || r->guest == UINT64_MAX)
            continue;
        if (!translate_to_bus(p, bus, r->guest, r->size, r->at, &on_bus) ||
            !check_cells_hold(p, bus, on_bus, r->size, true, r->at))
            return;
        uint32_t hi = d->emulated && r->index < d->class->nregions ? d->class->regions[r->index].range : 0;
        if (hi) {
            // A window of a PCI host bridge has phys.hi and a 64-bit address on the child's side. A memory address is
            // the same on both sides, I/O begins at 0 (IEEE 1275 PCI binding 2.2.1.1).
            uint8_t *e = ranges + (size_t)nr++ * (3 + na + 2) * 4;
            dt_put_cells(e, hi, 1);
            dt_put_cells(e + 4, (hi >> 24 & 3) == 1 ? 0 : on_bus, 2);
            dt_put_cells(e + 12, on_bus, na);
            dt_put_cells(e + 12 + na * 4, r->size, 2);
            continue;
        }
        dt_put_cells(reg + (size_t)n * (na + ns) * 4, on_bus, na);
        dt_put_cells(reg + ((size_t)n * (na + ns) + na) * 4, r->size, ns);
        n++;
    }
    if (n)
        dt_set(p->m->tree, d->node, p->n->reg, reg, n * (na + ns) * 4, o);
    if (nr)
        dt_set(p->m->tree, d->node, p->n->ranges, ranges, nr * (3 + na + 2) * 4, o);
}

/* Returns the name of the device's node without its unit address. */
static const char *node_base_name(const struct p_device *d)
{
    if (d->class && d->class->node_name)
        return d->class->node_name;
    if (d->pass && d->pass->named)
        return d->pass->name;
    if (d->kind == DEV_PLATFORM && d->sysfs_name) {
        const char *dot = strrchr(d->sysfs_name, '.'); // "ffe03000.i2c"
        if (dot && dot[1])
            return dot + 1;
    }
    return "device";
}

static void write_clocks(struct machine_planner *p, struct p_device *d)
{
    const struct ref_rule *rule = schema_ref(p->schemas, p->n->clocks);
    const struct dev_class *class = d->class;
    if (!class || !class->nclocks || !d->emulated || !rule || !rule->provider)
        return;
    const struct origin *o = origin_of(p, ORIGIN_SCHEMA, d->at, class->file);
    uint32_t len = 0;
    for (uint32_t i = 0; i < class->nclocks; i++)
        len += class->clocks[i].name ? (uint32_t)strlen(class->clocks[i].name) + 1 : 0;
    char *names = arena_alloc(p->c->arena, len + 1), *s = names;
    struct dt_prop *prop = dt_set(p->m->tree, d->node, p->n->clocks,
                                  arena_alloc(p->c->arena, (size_t) class->nclocks * 4), class->nclocks * 4, o);
    for (uint32_t i = 0; i < class->nclocks; i++) {
        dt_add_ref(p->m->tree, prop, i * 4, fixed_provider(p, rule->provider, class->clocks[i].rate, d->at));
        size_t n = class->clocks[i].name ? strlen(class->clocks[i].name) + 1 : 0;
        if (n)
            memcpy(s, class->clocks[i].name, n);
        s += n;
    }
    if (len)
        dt_set(p->m->tree, d->node, p->n->clock_names, names, len, o);
}

static bool is_pci_bus(const struct dev_class *class)
{
    return class && class->bus && !strcmp(class->bus, "pci");
}

/*
 * Makes the node of a PCI function below its bus; `reg` is the function's address in configuration space (IEEE 1275 PCI
 * binding 2.2.1.1). Returns false after a message.
 */
static bool put_on_pci_bus(struct machine_planner *p, struct p_device *d, const struct m_passthrough *pass)
{
    const struct p_device *bus = map_getp(&p->devices, pass->place->bus, NULL);
    if (!bus || !is_pci_bus(bus->class) || !bus->node) {
        struct diag *g = diag(p->c->diags, E0371, pass->place->bus_at, "`%s` is not a PCI bus of machine `%s`",
                              pass->place->bus, p->m->name);
        VEC(const char *) names = {0};
        for (uint32_t i = 0; i < p->m->m->devices.n; i++)
            if (is_pci_bus(p->m->m->devices.at[i].class))
                vec_push(draft_arena(p->c), &names, p->m->m->devices.at[i].name);
        const char *near = diags_nearest(p->c->diags, pass->place->bus, names.at, names.n), *make = NULL;
        for (const char *const *n = schemas_whole(p->schemas)->class_names; *n && !make; n++)
            make = is_pci_bus(schema_class(p->schemas, *n)) && schema_class(p->schemas, *n)->emulated ? *n : NULL;
        if (near)
            diag_did_you_mean(g, "", pass->place->bus, near);
        else if (names.n)
            diag_help(g, "write `on %s`", names.at[0]);
        else if (make)
            diag_help(g, "add one, `device pci0 : %s;`, or remove `on`", make);
        return false;
    }
    uint32_t slot = (uint32_t)pass->place->slot.value;
    if (!pass->place->slot.set) { // slots are chosen from 1 on, because slot 0 is usually the bridge itself
        slot = 1;
        while (slot < PCI_SLOTS && map_getp(&p->slots, pass->place->bus, (const void *)(uintptr_t)slot))
            slot++;
        if (slot == PCI_SLOTS) {
            diag_help(diag(p->c->diags, E0394, pass->place->bus_at, "`%s` has no free slot left for `%s`",
                           pass->place->bus, d->name),
                      "put it on another bus");
            return false;
        }
        claim_slot(p, d, pass, slot);
    }
    d->node =
        new_child(p, bus->node, arena_printf(p->c->arena, "%s@%x", node_base_name(d), slot), ORIGIN_COMPUTED, d->at);
    if (!d->node)
        return false;
    if (p->has_dma_bus && !make_pci_dma_bus(p, pass, bus->node))
        return false;
    d->slot = slot;
    uint32_t reg[5] = {slot << 11, 0, 0, 0, 0};
    dt_set_cells(p->m->tree, d->node, "reg", reg, 5, origin_of(p, ORIGIN_COMPUTED, d->at, "its slot"));
    return true;
}

/*
 * Makes the node of a device that is not on a PCI bus, named after its first register. False: no node, after a message.
 */
static bool put_on_bus(struct machine_planner *p, struct p_device *d, struct dt_node *bus)
{
    const char *name = node_base_name(d);
    const struct p_region *first = NULL;
    for (uint32_t i = 0; i < d->regions.n && !first; i++) {
        uint32_t hi = d->emulated ? d->class->regions[d->regions.at[i]->index].range : 0;
        if (d->regions.at[i]->mode != REGION_DROP && !hi)
            first = d->regions.at[i];
    }
    if (first) {
        uint64_t on_bus;
        if (first->guest == UINT64_MAX || !translate_to_bus(p, bus, first->guest, first->size, first->at, &on_bus))
            return false;
        name = arena_printf(p->c->arena, "%s@%" PRIx64, name, on_bus);
    }
    d->node = new_child(p, bus, name, ORIGIN_COMPUTED, d->at);
    return d->node;
}

/* Writes the `compatible` of an emulated device's class, unless the class's body has written one. */
static void write_class_compatible(struct machine_planner *p, const struct p_device *d)
{
    struct dt_tree *t = p->m->tree;
    const struct dev_class *class = d->class;
    if (dt_prop(t, d->node, p->n->compatible) || !class->compatible || !class->compatible[0])
        return;
    uint32_t len = 0;
    for (const char *const *c = class->compatible; *c; c++)
        len += (uint32_t)strlen(*c) + 1;
    char *data = arena_alloc(p->c->arena, len), *s = data;
    for (const char *const *c = class->compatible; *c; c++) {
        memcpy(s, *c, strlen(*c) + 1);
        s += strlen(*c) + 1;
    }
    dt_set(t, d->node, p->n->compatible, data, len, origin_of(p, ORIGIN_SCHEMA, d->at, class->file));
}

static void write_new_node(struct machine_planner *p, struct p_device *d)
{
    struct dt_tree *t = p->m->tree;
    const struct m_passthrough *pass = d->pass;
    struct dt_node *bus = find_bus_node(p, d->emulated, pass);
    if (!bus)
        return;
    bool made = pass && pass->place->bus ? put_on_pci_bus(p, d, pass) : put_on_bus(p, d, bus);
    if (!made)
        return;
    const char *label = d->name;
    if (pass)
        label = pass->named ? pass->name : NULL;
    if (label && !map_getp(&t->labels, label, NULL))
        dt_add_label(t, d->node, label, d->at.loc);
    if (d->class && d->emulated) {
        merge_schema(p, d->node, d->class->body, p->frame, d->class->file);
        write_class_compatible(p, d);
    }
    if (!pass || !pass->place->bus)
        write_reg_and_ranges(p, d, bus);
    write_clocks(p, d);
    uint32_t n = pass ? pass->parts.at[0].edits.n : d->emulated->edits.n;
    for (uint32_t i = 0; i < n; i++)
        merge_edit(p, d->node, pass ? &pass->parts.at[0].edits.at[i] : &d->emulated->edits.at[i]);
}

void write_new_nodes(struct machine_planner *p)
{
    enter_step(p, STEP_NEW_NODES);
    for (uint32_t i = 0; i < p->bare.n; i++) {
        struct p_device *d = p->bare.at[i];
        if (d->node)
            write_shadow_node(p, d); // references lead to it already
        else
            write_new_node(p, d);
    }
}
