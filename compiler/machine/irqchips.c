// SPDX-License-Identifier: MIT
// Makes the records and nodes of irqchips and chooses their addresses.
#include "machine/machine.h"

#include <inttypes.h>

/* Puts the regions of an irqchip one after the other from `address` on. Returns the address after the last one. */
static uint64_t lay_out_regions(const struct machine_planner *p, struct p_irqchip *chip, uint64_t address)
{
    chip->nregions = 0;
    for (uint32_t i = 0; i < chip->class->nregions && i < CHIP_REGIONS; i++) {
        const struct schema_region *r = &chip->class->regions[i];
        uint64_t align = r->align ? r->align : 1;
        address = (address + align - 1) / align * align;
        chip->address[i] = address;
        chip->size[i] = r->size + r->per_cpu * p->m->cpus.n;
        address += chip->size[i];
        chip->nregions++;
    }
    return address;
}

/* Claims the regions of an irqchip. */
static void claim_chip(struct machine_planner *p, const struct p_irqchip *chip, struct src where)
{
    for (uint32_t i = 0; i < chip->nregions; i++) {
        const char *name = chip->class->regions[i].name;
        claim_range(
            p, chip->address[i], chip->size[i],
            arena_printf(p->c->arena, "%s`%s`", name ? arena_printf(p->c->arena, "%s of ", name) : "", chip->name),
            where);
    }
}

/* Puts a region of an irqchip where its statement says. */
static void place_region(struct machine_planner *p, struct p_irqchip *chip, const struct m_region *m)
{
    uint32_t i = m->which.name ? 0 : m->which.index;
    while (m->which.name && i < chip->nregions &&
           (!chip->class->regions[i].name || strcmp(chip->class->regions[i].name, m->which.name) != 0))
        i++;
    if (i >= chip->nregions) {
        struct diag *d =
            diag(p->c->diags, m->which.name ? E0507 : E0508, m->at, "a `%s` has no such region", chip->class->name);
        const char *list = "";
        for (uint32_t k = 0; k < chip->nregions; k++)
            list =
                arena_printf(p->c->arena, "%s%s%u%s%s", list, k ? ", " : "", k, chip->class->regions[k].name ? " " : "",
                             chip->class->regions[k].name ? chip->class->regions[k].name : "");
        diag_help(d, "its regions are %s", list);
    } else if (!m->address.set || m->size.set || m->offset.set || m->file || m->mode != REGION_DEFAULT) {
        diag_help(diag(p->c->diags, E0539, m->at, "of an irqchip's region only the address can be written"),
                  "write `region %u at ADDRESS;`", i);
    } else if (m->address.value % (chip->class->regions[i].align ? chip->class->regions[i].align : 1)) {
        diag_help_number(diag(p->c->diags, E0346, m->address.at,
                              "region %u of `%s` is at 0x%" PRIx64 ": the address must be aligned to 0x%" PRIx64, i,
                              chip->name, m->address.value, chip->class->regions[i].align),
                         "at ", m->address.value / chip->class->regions[i].align * chip->class->regions[i].align, "");
    } else {
        chip->address[i] = m->address.value;
    }
}

static void add_chip(struct machine_planner *p, const char *name, const struct irqchip_class *class,
                     const struct opt_u64 *written, const m_region_list *regions, struct src at_class)
{
    struct p_irqchip *chip = NEW(p->c->arena, struct p_irqchip);
    chip->name = name;
    chip->class = class;
    chip->at = at_class;
    bool has_address = written && written->set;
    chip->placed = has_address || (regions && regions->n) || p->m->m->platform->irqchip_fixed;
    uint64_t address = has_address ? written->value : p->m->m->platform->irqchip_at;
    struct src where = has_address ? written->at : at_class;
    // A GIC has at least 32 lines (linux arch/arm64/kvm/vgic/vgic-kvm-device.c, vgic_set_common_attr()).
    chip->nlines = class->lines_property ? class->kinds[class->default_kind].guest_max : 32;
    lay_out_regions(p, chip, address);
    for (uint32_t i = 0; regions && i < regions->n; i++)
        place_region(p, chip, &regions->at[i]);
    if (chip->placed)
        claim_chip(p, chip, where);
    if (class->nregions && class->regions[0].align && address % class->regions[0].align)
        diag_help_number(diag(p->c->diags, E0346, where,
                              "irqchip `%s` is at 0x%" PRIx64 ": the address of a `%s` must be aligned to 0x%" PRIx64,
                              name, address, class->name, class->regions[0].align),
                         "at ", address / class->regions[0].align * class->regions[0].align, "");
    if (class->max_cpus && p->m->cpus.n > class->max_cpus)
        diag_help(diag(p->c->diags, E0347, at_class, "a `%s` supports at most %u vcpus; machine `%s` has %u",
                       class->name, class->max_cpus, p->m->name, p->m->cpus.n),
                  "write `cpus %u`, or choose another irqchip class", class->max_cpus);
    if (class->ncpu_irqs && !p->m->m->platform->cpu_intc)
        diag_help(diag(p->c->diags, E0392, at_class,
                       "a `%s` needs an interrupt controller in each cpu, and the cpus of `%s` have none", class->name,
                       p->m->m->platform->name),
                  "choose a class that fits the platform: `%s`", p->m->m->platform->irqchip_class);
    struct p_irqchip *kernel = NULL;
    // From the end: where there are many, the last one is KVM's.
    for (uint32_t i = p->m->irqchips.n; i-- && class->kvm && !kernel;)
        kernel = p->m->irqchips.at[i]->class->kvm ? p->m->irqchips.at[i] : NULL;
    if (kernel) {
        struct diag *d = diag(p->c->diags, E0391, at_class,
                              "KVM emulates one interrupt controller for each machine; `%s` would be the second", name);
        diag_note(d, kernel->at, "`%s` is the first", kernel->name);
        diag_help(d, "remove one of them");
    }
    vec_push(p->c->arena, &p->m->irqchips, chip);
    map_putp(draft_arena(p->c), &p->chips, name, NULL, chip);
}

/* Returns how many of its regions belong to its own node: the last one may belong to the node for MSIs. */
static uint32_t count_own_regions(const struct p_irqchip *chip)
{
    return chip->nregions - (chip->class->msi ? 1 : 0);
}

/* Writes regions first to end - 1 of an irqchip as `reg` of node `n`. */
static void write_chip_reg(struct machine_planner *p, const struct p_irqchip *chip, struct dt_node *n, uint32_t first,
                           uint32_t end)
{
    uint32_t cells[CHIP_REGIONS * 4], *c = cells;
    for (uint32_t i = first; i < end; i++) {
        *c++ = (uint32_t)(chip->address[i] >> 32);
        *c++ = (uint32_t)chip->address[i];
        *c++ = (uint32_t)(chip->size[i] >> 32);
        *c++ = (uint32_t)chip->size[i];
    }
    dt_set_cells(p->m->tree, n, "reg", cells, (uint32_t)(c - cells),
                 origin_of(p, ORIGIN_COMPUTED, chip->at, "the place of the irqchip"));
}

/* Writes `interrupts-extended`: each interrupt of the class, at the controller of each cpu. */
static void write_cpu_interrupts(struct machine_planner *p, const struct p_irqchip *chip, struct dt_node *n)
{
    const struct irqchip_class *class = chip->class;
    const char *intc = p->m->m->platform->cpu_intc;
    if (!class->ncpu_irqs || !intc)
        return;
    uint32_t count = p->m->cpus.n * class->ncpu_irqs;
    uint8_t *data = arena_alloc(p->c->arena, (size_t)count * 8);
    struct dt_prop *prop = dt_set(p->m->tree, n, p->n->interrupts_extended, data, count * 8,
                                  origin_of(p, ORIGIN_COMPUTED, chip->at, "the place of the irqchip"));
    for (uint32_t i = 0, at_cell = 0; i < p->m->cpus.n; i++) {
        struct dt_node *target = dt_child(p->m->tree, p->m->cpus.at[i].node, intern(p->c->names, intc));
        for (uint32_t k = 0; target && k < class->ncpu_irqs; k++, at_cell += 2) {
            dt_add_ref(p->m->tree, prop, at_cell * 4, target);
            dt_put_cells(data + (size_t)at_cell * 4 + 4, class->cpu_irqs[k], 1);
        }
    }
}

/*
 * The interrupt controllers of the cpus would inherit the root's `interrupt-parent`, whose own interrupts go to them: a
 * circle, in which Linux finds no root controller (drivers/of/irq.c, of_irq_init()). Their own ends the tree at them.
 */
static void end_tree_at_cpus(struct machine_planner *p)
{
    const struct platform *pl = p->m->m->platform;
    const struct origin *o = origin_of(p, ORIGIN_SCHEMA, p->m->m->cpus.at, pl->file);
    for (uint32_t i = 0; pl->cpu_intc && i < p->m->cpus.n; i++) {
        struct dt_node *intc = dt_child(p->m->tree, p->m->cpus.at[i].node, intern(p->c->names, pl->cpu_intc));
        if (!intc || dt_prop(p->m->tree, intc, p->n->interrupt_parent))
            continue;
        struct dt_prop *prop = dt_set(p->m->tree, intc, p->n->interrupt_parent, arena_alloc(p->c->arena, 4), 4, o);
        dt_add_ref(p->m->tree, prop, 0, intc);
    }
}

static void label_chip(struct machine_planner *p, const struct p_irqchip *chip, struct dt_node *n, const char *label)
{
    struct dt_tree *t = p->m->tree;
    if (dt_add_label(t, n, label, chip->at.loc))
        return;
    const struct dt_node *other = map_getp(&t->labels, label, NULL);
    struct diag *d = diag(p->c->diags, E0343, chip->at, "the label `%s` is already used in the guest's tree, by %s",
                          label, dt_path(p->c->arena, other));
    diag_help(d, "choose another name: `irqchip NAME : %s;`", chip->class->name);
}

static const char *name_at(struct machine_planner *p, const char *name, uint64_t address)
{
    return arena_printf(p->c->arena, "%s@%" PRIx64, name, address);
}

/* Makes the node that receives the lines as messages. */
static void make_msi_node(struct machine_planner *p, struct p_irqchip *chip)
{
    struct dt_tree *t = p->m->tree;
    const struct irqchip_msi *msi = chip->class->msi;
    const struct origin *o = origin_of(p, ORIGIN_COMPUTED, chip->at, "where the irqchip's lines arrive");
    uint32_t region = count_own_regions(chip);
    chip->msi = new_child(p, t->root, name_at(p, msi->node_name, chip->address[region]), ORIGIN_COMPUTED, chip->at);
    if (!chip->msi)
        return;
    label_chip(p, chip, chip->msi, intern(p->c->names, arena_printf(p->c->arena, "%s_msi", chip->name)));
    merge_schema(p, chip->msi, msi->body, p->frame, chip->class->file);
    write_chip_reg(p, chip, chip->msi, region, chip->nregions);
    dt_set_cells(t, chip->msi, msi->ids_property, &msi->ids, 1, o);
    write_cpu_interrupts(p, chip, chip->msi);
    struct dt_prop *parent = dt_set(t, chip->node, msi->parent, arena_alloc(p->c->arena, 4), 4, o);
    dt_add_ref(t, parent, 0, chip->msi);
}

static void make_chip_node(struct machine_planner *p, struct p_irqchip *chip)
{
    struct dt_tree *t = p->m->tree;
    const struct irqchip_class *class = chip->class;
    const char *name = class->node_name ? class->node_name : "interrupt-controller";
    if (chip->nregions)
        name = name_at(p, name, chip->address[0]);
    chip->node = new_child(p, t->root, name, ORIGIN_COMPUTED, chip->at);
    if (!chip->node)
        return;
    label_chip(p, chip, chip->node, chip->name);
    merge_schema(p, chip->node, class->body, p->frame, class->file);
    if (count_own_regions(chip))
        write_chip_reg(p, chip, chip->node, 0, count_own_regions(chip));
    if (class->lines_property)
        dt_set_cells(t, chip->node, class->lines_property, &chip->nlines, 1,
                     origin_of(p, ORIGIN_COMPUTED, chip->at, "the lines of the irqchip"));
    if (class->msi)
        make_msi_node(p, chip);
    else
        write_cpu_interrupts(p, chip, chip->node);
}

/* Renames node `n` (or NULL) after the new address of its first region and rewrites its `reg`. */
static void move_chip_node(struct machine_planner *p, const struct p_irqchip *chip, struct dt_node *n, uint32_t first,
                           uint32_t end)
{
    const char *moved =
        n ? arena_printf(p->c->arena, "%.*s@%" PRIx64, (int)strcspn(n->name, "@"), n->name, chip->address[first])
          : NULL;
    if (!n || dt_child(p->m->tree, p->m->tree->root, intern(p->c->names, moved)))
        return;
    dt_rename(p->m->tree, n, intern(p->c->names, moved));
    write_chip_reg(p, chip, n, first, end);
}

void choose_irqchip_addresses(struct machine_planner *p)
{
    const struct platform *pl = p->m->m->platform;
    for (uint32_t i = 0; i < p->m->irqchips.n; i++) {
        struct p_irqchip *chip = p->m->irqchips.at[i];
        uint64_t first = chip->nregions ? chip->address[0] : 0, place, align = 1;
        if (chip->placed || !chip->nregions)
            continue;
        if (!is_range_free(p, first, lay_out_regions(p, chip, first) - first)) {
            for (uint32_t k = 0; k < chip->nregions; k++)
                align = chip->class->regions[k].align > align ? chip->class->regions[k].align : align;
            uint64_t size = lay_out_regions(p, chip, 0); // the same at every multiple of the largest alignment
            if (find_free_range(p, pl->mmio_base, pl->mmio_end, size, align, &place)) {
                lay_out_regions(p, chip, place);
                move_chip_node(p, chip, chip->node, 0, count_own_regions(chip));
                move_chip_node(p, chip, chip->msi, count_own_regions(chip), chip->nregions);
            } else {
                lay_out_regions(p, chip, first);
            }
        }
        claim_chip(p, chip, chip->at);
    }
}

/* Whether KVM of the host has the device: KVM's GIC, for example, follows the host's. */
static bool host_has_kvm(const struct machine_planner *p, const struct dt_node *chip, const struct irqchip_class *host,
                         const char *kvm)
{
    for (const char *const *k = host->host_kvm; k && *k; k++)
        if (!strcmp(*k, kvm))
            return true;
    const struct also *also = &host->host_kvm_also;
    if (!also->kvm || strcmp(also->kvm, kvm) != 0)
        return false;
    uint32_t more = also->count ? dt_u32(p->host->tree, chip, intern(p->c->names, also->count), 1) : 0;
    return p->host->nodes[chip->id].nregions >= also->regions + (more < 64 ? more : 64);
}

static void check_host_kvm(struct machine_planner *p, const struct m_irqchip *chip)
{
    const struct irqchip_class *host = NULL;
    const struct dt_node *n = host_kvm_irqchip(p->host, &host);
    if (!n || !chip->class->kvm || !chip->class->host_kvm || host_has_kvm(p, n, host, chip->class->kvm))
        return;
    struct diag *d = diag(p->c->diags, E1040, chip->at, "KVM of this host has no `%s`: `%s` cannot be a `%s`",
                          chip->class->kvm, chip->name, chip->class->name);
    diag_fact(d, "%s: the host's controller is %s, a `%s`", p->host->file, dt_path(p->c->arena, n), host->name);
    diag_help(d, "write `irqchip %s : %s;`, or remove the statement: the default follows the host", chip->name,
              host->name);
}

/* The platform's own irqchip, or where KVM's follows the host's the one that this host has. */
static const struct irqchip_class *default_class(struct machine_planner *p)
{
    const struct irqchip_class *host = NULL;
    const struct irqchip_class *class =
        schema_irqchip(p->schemas, intern(p->c->names, p->m->m->platform->irqchip_class));
    const struct dt_node *n = class && class->kvm && class->host_kvm ? host_kvm_irqchip(p->host, &host) : NULL;
    return !n || host_has_kvm(p, n, host, class->kvm) ? class : host;
}

bool make_irqchips(struct machine_planner *p)
{
    const struct m_machine *m = p->m->m;
    const struct platform *pl = m->platform;
    struct dt_tree *t = p->m->tree;
    for (uint32_t i = 0; i < m->irqchips.n; i++) {
        const struct m_irqchip *chip = &m->irqchips.at[i];
        check_host_kvm(p, chip);
        add_chip(p, chip->name, chip->class, &chip->address, &chip->regions, chip->at);
    }
    if (!m->irqchips.n && pl->irqchip_class) {
        const struct irqchip_class *class = default_class(p);
        if (!class)
            return false; // the loader of the schemas has reported it
        add_chip(p, intern(p->c->names, pl->irqchip_name), class, NULL, NULL, m->platform_at);
    }
    struct p_irqchip *first = p->m->irqchips.n ? p->m->irqchips.at[0] : NULL;
    for (uint32_t i = 0; i < p->m->irqchips.n; i++)
        if (p->m->irqchips.at[i]->class->kvm && !first->class->kvm)
            first = p->m->irqchips.at[i];
    if (first)
        first->in_kvm = true;
    for (uint32_t i = 0; i < p->m->irqchips.n; i++) {
        make_chip_node(p, p->m->irqchips.at[i]);
        for (uint32_t k = 0; i < m->irqchips.n && k < m->irqchips.at[i].edits.n && p->m->irqchips.at[i]->node; k++)
            merge_edit(p, p->m->irqchips.at[i]->node, &m->irqchips.at[i].edits.at[k]);
    }
    if (p->m->irqchips.n && p->m->irqchips.at[0]->node) {
        struct dt_prop *prop =
            dt_set(t, t->root, p->n->interrupt_parent, arena_alloc(p->c->arena, 4), 4, t->root->origin);
        dt_add_ref(t, prop, 0, p->m->irqchips.at[0]->node);
        end_tree_at_cpus(p);
    }
    return true;
}
