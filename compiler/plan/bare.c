// SPDX-License-Identifier: MIT
// Devices that have no node in the host's tree: emulated ones, and platform, pci and raw ones given by name.
#include "plan/work.h"

#include <inttypes.h>

static const char *region_text(struct planner *p, const struct p_device *d, const struct p_region *r)
{
    if (d->regions.n == 1 && d->emulated)
        return arena_printf(p->c->arena, "device `%s`", d->name);
    return arena_printf(p->c->arena, "region %u of `%s`", r->index, d->name);
}

static struct p_region *add_region(struct planner *p, struct p_device *d, uint32_t index, uint64_t size, const struct opt_u64 *address, struct src where)
{
    struct p_region *r = NEW(p->c->arena, struct p_region);
    *r = (struct p_region){.device = d, .index = index, .host = UINT64_MAX, .size = size, .mode = REGION_MAP, .at = where};
    r->how = address->set ? HOW_WRITTEN : HOW_CHOSEN;
    r->guest = address->set ? address->value : UINT64_MAX;
    vec_push(p->c->arena, &d->regions, r);
    return r;
}

/* ---- emulated ---- */

void plan_emulated(struct planner *p, const struct m_device *dev)
{
    struct p_device *d = new_device(p, dev->name, DEV_EMULATED, dev->at);
    d->emulated = dev;
    d->class = dev->class;
    map_putp(draft_arena(p->c), &p->devices, dev->name, NULL, d);
    vec_push(draft_arena(p->c), &p->bare, d);
    struct opt_u64 none = {0};
    for (uint32_t i = 0; i < dev->class->nregions; i++) {
        const struct schema_region *s = &dev->class->regions[i];
        uint64_t size = i == 0 && dev->size.set ? dev->size.value : s->size + s->per_cpu * p->m->cpus.n;
        struct p_region *r = add_region(p, d, i, size, i == 0 ? &dev->address : &none, i == 0 && dev->address.set ? dev->address.at : dev->at);
        r->name = s->name;
        r->align = s->align ? s->align : 1;
        r->mode = REGION_TRAP; // the VMM's own
        if (r->how == HOW_WRITTEN) {
            if (r->guest % r->align)
                diag_help(diag(p->c->diags, E0517, dev->address.at, "a `%s` starts at a multiple of 0x%" PRIx64, dev->class->name, r->align), "write `at 0x%" PRIx64 "`",
                          r->guest / r->align * r->align);
            claim(p, r->guest, r->size, region_text(p, d, r), dev->at);
        }
    }
    if (!dev->class->nregions && dev->address.set)
        diag(p->c->diags, E0518, dev->address.at, "a `%s` has no registers to place", dev->class->name);
    for (uint32_t i = 0; i < dev->class->nirqs; i++) {
        const struct schema_irq *s = &dev->class->irqs[i];
        struct p_irq *irq = NEW(p->c->arena, struct p_irq);
        *irq = (struct p_irq){.device = d, .index = i, .name = s->name, .source = IRQ_EMULATED, .at = i == 0 && dev->irq.set ? dev->irq.at : dev->at};
        struct p_irqchip *root = p->m->irqchips.n ? p->m->irqchips.at[0] : NULL;
        for (uint32_t k = 0; root && s->kind && k < root->class->nkinds; k++)
            if (!strcmp(root->class->kinds[k].name, s->kind))
                irq->kind = &root->class->kinds[k];
        // A class asks for a trigger in the words of its own world; a controller that lacks the word has its default.
        for (uint32_t k = 0; root && s->trigger && k < root->class->ntriggers; k++)
            if (!strcmp(root->class->triggers[k].name, s->trigger))
                irq->trigger = &root->class->triggers[k];
        link_irq(p, irq, i == 0 ? &dev->irq : NULL);
    }
    if (!dev->class->nirqs && dev->irq.set)
        diag(p->c->diags, E0367, dev->irq.at, "a `%s` has no interrupt", dev->class->name);
}

/* ---- by name ---- */

/* `compatible` as an edit writes it: a list of strings, or NULL. */
static const struct dt_prop *edited_compatible(struct planner *p, const struct m_part *part)
{
    const struct dt_prop *found = NULL;
    for (uint32_t i = 0; i < part->edits.n; i++) {
        for (const struct dts_op *op = part->edits.at[i].ops; op; op = op->next) {
            if (op->kind != DTS_PROP || op->name != p->n.compatible || !op->value || op->value->kind != DTS_BYTES)
                continue;
            struct dt_prop *prop = NEW(p->c->arena, struct dt_prop);
            prop->name = op->name;
            prop->data = op->value->data;
            prop->len = op->value->len;
            // A list of several chunks: joined, so that each string is seen.
            uint32_t len = 0;
            for (const struct dts_value *v = op->value; v; v = v->next)
                len += v->kind == DTS_BYTES ? v->len : 0;
            if (len != prop->len) {
                uint8_t *all = arena_alloc(p->c->arena, len);
                prop->data = all;
                for (const struct dts_value *v = op->value; v; v = v->next) {
                    if (v->kind != DTS_BYTES)
                        continue;
                    memcpy(all, v->data, v->len);
                    all += v->len;
                }
                prop->len = len;
            }
            found = prop;
        }
    }
    return found;
}

static void bare_region(struct planner *p, struct p_device *d, const struct m_region *m)
{
    uint32_t index = m->which.index;
    const struct schema_region *s = NULL;
    for (uint32_t i = 0; d->class && i < d->class->nregions; i++)
        if (m->which.name ? d->class->regions[i].name && !strcmp(d->class->regions[i].name, m->which.name) : i == index)
            s = &d->class->regions[i];
    if (m->which.name && !s) {
        diag_help(diag(p->c->diags, E0519, m->which.at, "nothing says which region `%s` is: this device has no node on the host", m->which.name), "say it by index: `region 0`");
        return;
    }
    if (s)
        index = (uint32_t)(s - d->class->regions);
    uint64_t size = m->size.set ? m->size.value : s ? s->size : 0;
    if (!size && m->mode != REGION_DROP) {
        struct diag *g = diag(p->c->diags, E0520, m->at, "the size of region %u of `%s` is not known", index, d->name);
        diag_help(g, "write `size 4K`, or give the node a `compatible` that has a device class");
        return;
    }
    struct p_region *r = add_region(p, d, index, size, &m->address, m->at);
    r->name = s ? s->name : NULL;
    r->align = d->kind == DEV_PCI ? size : 0; // a BAR is aligned to its size (PCI Local Bus Specification 3.0, 6.2.5.1)
    r->mode = m->mode == REGION_DEFAULT ? REGION_MAP : m->mode;
    r->unsafe = m->unsafe;
    r->file = m->file;
    r->offset = m->offset.value;
    if (m->file && !strcmp(m->file, "/dev/mem"))
        r->host = m->offset.value;
    if (d->kind == DEV_PLATFORM && r->mode != REGION_DROP && m->address.set)
        r->host = UINT64_MAX;
    if (d->kind == DEV_RAW && !m->file) {
        diag_help(diag(p->c->diags, E0521, m->at, "a raw device's region comes from a file"), "write `region %u file \"/dev/mem\" offset 0x... size 4K at 0x...`", index);
        return;
    }
    if (d->kind != DEV_RAW && m->file)
        diag(p->c->diags, E0512, m->at, "`file` and `offset` belong to raw devices; VFIO gives this one's regions");
    uint64_t page = p->model->page_size;
    if (d->kind == DEV_RAW && r->mode == REGION_MAP && (r->offset % page || size % page))
        diag_help(diag(p->c->diags, E0522, m->at, "0x%" PRIx64 " bytes at offset 0x%" PRIx64 " of \"%s\" are not whole pages, and cannot be mapped", size, r->offset, m->file),
                  "map the pages that hold them, or write `trap`");
    if (r->mode == REGION_DROP) {
        r->guest = UINT64_MAX;
        r->how = HOW_WRITTEN;
    } else if (r->how == HOW_WRITTEN) {
        if (r->mode == REGION_MAP && r->guest % page)
            diag_help(diag(p->c->diags, E0523, m->address.at, "region %u is mapped, so it starts at a page: 0x%" PRIx64 " does not", index, r->guest), "write `at 0x%" PRIx64 "`, or `trap`",
                      r->guest / page * page);
        claim(p, r->guest, r->size, region_text(p, d, r), m->at);
    }
}

static void bare_irq(struct planner *p, struct p_device *d, const struct m_irq *m)
{
    // The interrupt indexes of vfio-pci (linux include/uapi/linux/vfio.h, VFIO_PCI_INTX_IRQ_INDEX and on)
    static const char *const pci[] = {"intx", "msi", "msix"};
    uint32_t index = m->which.index;
    if (m->which.name) {
        uint32_t i = 0;
        while (d->kind == DEV_PCI && i < 3 && strcmp(pci[i], m->which.name))
            i++;
        if (d->kind != DEV_PCI || i == 3) {
            struct diag *g = diag(p->c->diags, E0368, m->which.at, "nothing says which interrupt `%s` is: this device has no node on the host", m->which.name);
            diag_help(g, d->kind == DEV_PCI ? "a PCI function has `intx`, `msi` and `msix`" : "say it by index: `irq 0`");
            return;
        }
        index = i;
    }
    struct p_irq *irq = NEW(p->c->arena, struct p_irq);
    *irq = (struct p_irq){.device = d, .index = index, .name = m->which.name, .source = m->file ? IRQ_FILE : IRQ_DEVICE, .file = m->file, .drop = m->drop, .at = m->at};
    if (d->kind == DEV_RAW && !m->file && !m->drop) {
        diag_help(diag(p->c->diags, E0369, m->at, "a raw device's interrupt comes from a file"), "write `irq %u file \"/dev/uio0\" to ...`", index);
        return;
    }
    if (d->kind != DEV_RAW && m->file)
        diag(p->c->diags, E0361, m->at, "`file` belongs to the interrupts of raw devices; VFIO gives this one's");
    if (d->kind == DEV_PCI && index == 0 && !m->to.nwords) // INTx is level triggered (PCI Local Bus Specification 3.0, 2.2.6)
        for (uint32_t k = 0; p->m->irqchips.n && k < p->m->irqchips.at[0]->class->ntriggers && !irq->trigger; k++)
            if (p->m->irqchips.at[0]->class->triggers[k].level)
                irq->trigger = &p->m->irqchips.at[0]->class->triggers[k];
    link_irq(p, irq, &m->to);
}

void plan_bare(struct planner *p, const struct m_passthrough *pass)
{
    static const uint8_t kinds[] = {[PASS_NODE] = DEV_PLATFORM, [PASS_PLATFORM] = DEV_PLATFORM, [PASS_PCI] = DEV_PCI, [PASS_RAW] = DEV_RAW};
    const struct m_part *part = &pass->parts.at[0];
    struct p_device *d = new_device(p, pass->name, kinds[pass->kind], pass->at);
    d->pass = pass;
    d->bus = pass->bus;
    d->sysfs_name = pass->host_name;
    if (pass->host_name) {
        struct p_device *other = map_getp(&p->sysfs_owner, pass->host_name, NULL);
        if (other) {
            struct diag *g = diag(p->c->diags, E0370, pass->at, "the device %s is passed through twice", pass->host_name);
            diag_note(g, other->at, "first here");
        }
        map_putp(draft_arena(p->c), &p->sysfs_owner, pass->host_name, NULL, d);
    }
    const struct dt_prop *compatible = edited_compatible(p, part);
    d->class = compatible ? schema_class_of(p->c, p->schemas, compatible) : NULL;
    map_putp(draft_arena(p->c), &p->devices, pass->name, NULL, d);
    vec_push(draft_arena(p->c), &p->bare, d);
    if (pass->vcpu.set && pass->vcpu.value < p->m->cpus.n)
        d->vcpu = (uint32_t)pass->vcpu.value;
    for (uint32_t i = 0; i < part->regions.n; i++)
        bare_region(p, d, &part->regions.at[i]);
    for (uint32_t i = 0; i < part->irqs.n; i++)
        bare_irq(p, d, &part->irqs.at[i]);
    for (uint32_t i = 0; i < part->refs.n; i++)
        diag_help(diag(p->c->diags, E0412, part->refs.at[i].at, "`%s` has no references: it has no node on the host", d->name), "write the property into its `edit`");
}

/* ---- nodes, when every address is known ---- */

static void set_ids(struct planner *p, struct p_device *d, struct dt_node *bus)
{
    uint32_t na = cells_of(p, bus, p->n.address_cells, 2), ns = cells_of(p, bus, p->n.size_cells, 1), n = 0, nr = 0;
    const struct origin *o = origin_of(p, ORIGIN_COMPUTED, d->at, "its place in the guest");
    uint8_t *reg = arena_alloc(p->c->arena, (size_t)d->regions.n * (na + ns) * 4 + 1);
    uint8_t *ranges = arena_alloc(p->c->arena, (size_t)d->regions.n * (3 + na + 2) * 4 + 1);
    for (uint32_t i = 0; i < d->regions.n; i++) {
        const struct p_region *r = d->regions.at[i];
        uint64_t on_bus;
        if (r->mode == REGION_DROP || !to_bus(p, bus, r->guest, r->size, r->at, &on_bus))
            continue;
        uint32_t hi = d->emulated && r->index < d->class->nregions ? d->class->regions[r->index].range : 0;
        if (hi) {
            // A window of a PCI host bridge: phys.hi and a 64-bit address, the same on both sides (IEEE 1275 PCI binding 2.2.1.1)
            uint8_t *e = ranges + (size_t)nr++ * (3 + na + 2) * 4;
            put_cells(e, hi, 1);
            put_cells(e + 4, (hi >> 24 & 3) == 1 ? 0 : on_bus, 2);
            put_cells(e + 12, on_bus, na);
            put_cells(e + 12 + na * 4, r->size, 2);
            continue;
        }
        put_cells(reg + (size_t)n * (na + ns) * 4, on_bus, na);
        put_cells(reg + ((size_t)n * (na + ns) + na) * 4, r->size, ns);
        n++;
    }
    if (n)
        dt_set(p->m->tree, d->node, p->n.reg, reg, n * (na + ns) * 4, o);
    if (nr)
        dt_set(p->m->tree, d->node, p->n.ranges, ranges, nr * (3 + na + 2) * 4, o);
}

static const char *base_name(struct planner *p, const struct p_device *d)
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
    (void)p;
    return "device";
}

static void write_clocks(struct planner *p, struct p_device *d)
{
    const struct ref_rule *rule = schema_ref(p->schemas, p->n.clocks);
    const struct dev_class *class = d->class;
    if (!class || !class->nclocks || !d->emulated || !rule || !rule->provider)
        return;
    const struct origin *o = origin_of(p, ORIGIN_SCHEMA, d->at, class->file);
    uint32_t len = 0;
    for (uint32_t i = 0; i < class->nclocks; i++)
        len += class->clocks[i].name ? (uint32_t)strlen(class->clocks[i].name) + 1 : 0;
    char *names = arena_alloc(p->c->arena, len + 1), *s = names;
    struct dt_prop *prop = dt_set(p->m->tree, d->node, p->n.clocks, arena_alloc(p->c->arena, (size_t)class->nclocks * 4), class->nclocks * 4, o);
    for (uint32_t i = 0; i < class->nclocks; i++) {
        dt_add_ref(p->m->tree, prop, i * 4, fixed_provider(p, rule->provider, class->clocks[i].rate, d->at));
        size_t n = class->clocks[i].name ? strlen(class->clocks[i].name) + 1 : 0;
        if (n)
            memcpy(s, class->clocks[i].name, n);
        s += n;
    }
    if (len)
        dt_set(p->m->tree, d->node, p->n.clock_names, names, len, o);
}

/* Below a PCI bus: reg is the function's place in configuration space (IEEE 1275 PCI binding 2.2.1.1). */
static bool on_pci(struct planner *p, struct p_device *d, const struct m_passthrough *pass)
{
    const struct p_device *bus = map_getp(&p->devices, pass->bus, NULL);
    if (!bus || !bus->class || !bus->class->bus || strcmp(bus->class->bus, "pci") || !bus->node) {
        struct diag *g = diag(p->c->diags, E0371, pass->bus_at, "`%s` is no PCI bus of machine `%s`", pass->bus, p->m->name);
        diag_help(g, "make one: `device %s : CLASS;`, a class for which `machc --list-classes` says `pci`", pass->bus);
        return false;
    }
    uint32_t slot = pass->slot.set ? (uint32_t)pass->slot.value : 1;
    uint64_t key = slot;
    struct p_device *other = map_getp(&p->slots, bus, (const void *)(uintptr_t)key);
    if (other) {
        diag_note(diag(p->c->diags, E0372, pass->slot.set ? pass->slot.at : pass->at, "slot %u of `%s` is taken", slot, pass->bus), other->at, "by `%s`", other->name);
        return false;
    }
    map_putp(draft_arena(p->c), &p->slots, bus, (const void *)(uintptr_t)key, d);
    d->node = new_child(p, bus->node, arena_printf(p->c->arena, "%s@%x", base_name(p, d), slot), ORIGIN_COMPUTED, d->at);
    if (!d->node)
        return false;
    uint32_t reg[5] = {slot << 11, 0, 0, 0, 0};
    dt_set_cells(p->m->tree, d->node, "reg", reg, 5, origin_of(p, ORIGIN_COMPUTED, d->at, "its slot"));
    return true;
}

void write_bare(struct planner *p, struct p_device *d)
{
    struct dt_tree *t = p->m->tree;
    const struct m_passthrough *pass = d->pass;
    struct dt_node *bus = pass ? bus_of(p, pass) : t->root;
    if (!bus)
        return;
    if (pass && pass->bus) {
        if (!on_pci(p, d, pass))
            return;
    } else {
        const char *name = base_name(p, d);
        const struct p_region *first = NULL;
        for (uint32_t i = 0; i < d->regions.n && !first; i++) {
            uint32_t hi = d->emulated ? d->class->regions[d->regions.at[i]->index].range : 0;
            if (d->regions.at[i]->mode != REGION_DROP && !hi)
                first = d->regions.at[i];
        }
        uint64_t on_bus;
        if (first && !to_bus(p, bus, first->guest, first->size, first->at, &on_bus))
            return;
        if (first)
            name = arena_printf(p->c->arena, "%s@%" PRIx64, name, on_bus);
        d->node = new_child(p, bus, name, ORIGIN_COMPUTED, d->at);
        if (!d->node)
            return;
    }
    const char *label = pass ? (pass->named ? pass->name : NULL) : d->name;
    if (label && !map_getp(&t->labels, label, NULL))
        dt_add_label(t, d->node, label, d->at.loc);
    const struct dev_class *class = d->class;
    if (class && d->emulated) {
        merge_schema(p, d->node, class->body, p->frame, class->file);
        if (!dt_prop(t, d->node, p->n.compatible) && class->compatible && class->compatible[0]) {
            uint32_t len = 0;
            for (const char *const *c = class->compatible; *c; c++)
                len += (uint32_t)strlen(*c) + 1;
            char *data = arena_alloc(p->c->arena, len), *s = data;
            for (const char *const *c = class->compatible; *c; c++) {
                memcpy(s, *c, strlen(*c) + 1);
                s += strlen(*c) + 1;
            }
            dt_set(t, d->node, p->n.compatible, data, len, origin_of(p, ORIGIN_SCHEMA, d->at, class->file));
        }
    }
    if (!pass || !pass->bus)
        set_ids(p, d, bus);
    write_clocks(p, d);
    uint32_t n = pass ? pass->parts.at[0].edits.n : d->emulated->edits.n;
    for (uint32_t i = 0; i < n; i++)
        merge_edit(p, d->node, pass ? &pass->parts.at[0].edits.at[i] : &d->emulated->edits.at[i]);
}
