// SPDX-License-Identifier: MIT
// Devices that have no node in the host's tree: emulated ones, and platform, pci and raw ones given by name.
#include "plan/work.h"

#include <inttypes.h>
#include <stdlib.h>

static const char *region_text(struct planner *p, const struct p_device *d, const struct p_region *r)
{
    if (d->emulated && d->class->nregions == 1)
        return arena_printf(p->c->arena, "device `%s`", d->name);
    return arena_printf(p->c->arena, "region %u of `%s`", r->index, d->name);
}

static struct p_region *new_region(struct planner *p, struct p_device *d, uint32_t index, uint64_t size,
                                   const struct opt_u64 *address, struct src where)
{
    struct p_region *r = NEW(p->c->arena, struct p_region);
    *r = (struct p_region){
        .device = d, .index = index, .host = UINT64_MAX, .size = size, .mode = REGION_MAP, .at = where};
    r->how = address->set ? HOW_WRITTEN
             : d->bus     ? HOW_DEFAULT
                          : HOW_CHOSEN; // the guest itself places what is on its PCI bus
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
        struct p_region *r = new_region(p, d, i, size, i == 0 ? &dev->address : &none,
                                        i == 0 && dev->address.set ? dev->address.at : dev->at);
        r->name = s->name;
        r->align = s->align ? s->align : 1;
        r->mode = REGION_TRAP; // the VMM's own
        if (r->how == HOW_WRITTEN) {
            if (r->guest % r->align)
                diag_help_number(diag(p->c->diags, E0517, dev->address.at,
                                      "a `%s` starts at a multiple of 0x%" PRIx64 ", and 0x%" PRIx64 " is none",
                                      dev->class->name, r->align, r->guest),
                                 "at ", r->guest / r->align * r->align, "");
            claim_region(p, r, region_text(p, d, r), dev->address.at);
        }
    }
    const struct opt_u64 *needless = dev->address.set ? &dev->address : &dev->size;
    if (!dev->class->nregions && needless->set)
        diag_help(diag(p->c->diags, E0518, needless->at, "a `%s` has no registers to place", dev->class->name),
                  "leave `%s` away", needless == &dev->size ? "size" : "at");
    else if (dev->size.set && !dev->size.value)
        diag_help(diag(p->c->diags, E0535, dev->size.at, "a device with registers of 0 bytes"),
                  "leave `size` away: a `%s` has 0x%" PRIx64, dev->class->name, dev->class->regions[0].size);
    for (uint32_t i = 0; i < dev->class->nirqs; i++) {
        const struct schema_irq *s = &dev->class->irqs[i];
        struct p_irq *irq = NEW(p->c->arena, struct p_irq);
        *irq = (struct p_irq){.device = d,
                              .index = i,
                              .name = s->name,
                              .source = IRQ_EMULATED,
                              .at = i == 0 && dev->irq.set ? dev->irq.at : dev->at};
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
        diag_help(diag(p->c->diags, E0367, dev->irq.at, "a `%s` has no interrupt", dev->class->name),
                  "leave `irq` out");
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

/* A mapped region of a device without a host node begins at a page: VFIO, and the kernel's drivers, map nothing else.
 */
static void check_mapped(struct planner *p, const struct p_region *r, const struct m_region *m)
{
    uint64_t page = p->model->page_size;
    if (r->mode != REGION_MAP)
        return;
    if (r->device->kind == DEV_RAW && (r->offset % page || r->size % page)) {
        struct diag *d =
            diag(p->c->diags, E0522, m->at,
                 "0x%" PRIx64 " bytes at offset 0x%" PRIx64 " of \"%s\" are not whole pages, and cannot be mapped",
                 r->size, r->offset, m->file);
        diag_help(d, "map the pages that hold them, `offset 0x%" PRIx64 " size 0x%" PRIx64 "`, or write `trap`",
                  r->offset / page * page, (r->offset % page + r->size + page - 1) / page * page);
    }
    if (r->how == HOW_WRITTEN && r->guest % page)
        diag_help_number(diag(p->c->diags, E0523, m->address.at,
                              "region %u is mapped, so it starts at a page: 0x%" PRIx64 " does not", r->index,
                              r->guest),
                         "at ", r->guest / page * page, ", or `trap`");
}

/* A BAR's size is a power of two, and its address a multiple of that (PCI Local Bus Specification 3.0, 6.2.5.1). */
static bool check_bar(struct planner *p, const struct p_device *d, const struct m_region *m, uint32_t index,
                      uint64_t size)
{
    if (d->kind != DEV_PCI || m->mode == REGION_DROP)
        return true;
    if (d->bus && m->address.set) {
        diag_help(
            diag(p->c->diags, E0536, m->address.at, "the guest itself places the BARs of what is on `%s`", d->bus),
            "leave `at` away");
        return false;
    }
    uint64_t up = 1;
    while (up < size && up < (uint64_t)1 << 63)
        up <<= 1;
    if (up != size) {
        diag_help_number(diag(p->c->diags, E0533, m->size.set ? m->size.at : m->at,
                              "a BAR of 0x%" PRIx64 " bytes cannot be: its size is a power of two", size),
                         "size ", up, "");
        return false;
    }
    if (m->address.set && m->address.value % size) {
        diag_help_number(diag(p->c->diags, E0533, m->address.at,
                              "BAR %u has 0x%" PRIx64 " bytes, and 0x%" PRIx64 " is no multiple of that", index, size,
                              m->address.value),
                         "at ", m->address.value / size * size, "");
        return false;
    }
    return true;
}

static const struct schema_region *class_region(const struct p_device *d, const struct m_which *w)
{
    for (uint32_t i = 0; d->class && i < d->class->nregions; i++)
        if (w->name ? d->class->regions[i].name && !strcmp(d->class->regions[i].name, w->name) : i == w->index)
            return &d->class->regions[i];
    return NULL;
}

static void no_such_name(struct planner *p, const struct p_device *d, const struct m_which *w)
{
    struct diag *g = diag(p->c->diags, E0519, w->at,
                          "nothing says which region `%s` is: this device has no node on the host", w->name);
    VEC(const char *) names = {0};
    for (uint32_t i = 0; d->class && i < d->class->nregions; i++)
        if (d->class->regions[i].name)
            vec_push(draft_arena(p->c), &names, d->class->regions[i].name);
    const char *near = nearest(w->name, names.at, names.n);
    if (near)
        diag_did_you_mean(g, "", w->name, near);
    else
        diag_help(g, "say it by index: `region 0`");
}

static void bare_region(struct planner *p, struct p_device *d, const struct m_region *m)
{
    const struct schema_region *s = class_region(d, &m->which);
    if (m->which.name && !s) {
        no_such_name(p, d, &m->which);
        return;
    }
    uint32_t index = s ? (uint32_t)(s - d->class->regions) : m->which.index;
    for (uint32_t i = 0; i < d->regions.n; i++) {
        if (d->regions.at[i]->index != index)
            continue;
        struct diag *g = diag(p->c->diags, E0324, m->at, "region %u of `%s` is specified twice", index, d->name);
        diag_note(g, d->regions.at[i]->at, "first here");
        diag_help(g, "say all of it in one statement");
        return;
    }
    if (d->kind == DEV_RAW && !m->file) {
        diag_help(diag(p->c->diags, E0521, m->at, "a raw device's region comes from a file"),
                  "write `region %u file \"/dev/mem\" offset 0x... size 4K at 0x...`", index);
        return;
    }
    if (d->kind != DEV_RAW && (m->file || m->offset.set)) {
        diag_help(
            diag(p->c->diags, E0512, m->at, "`file` and `offset` belong to raw devices; VFIO gives this one's regions"),
            "leave them away: `region %u`", index);
        return;
    }
    uint64_t size = m->size.set ? m->size.value : s ? s->size : 0;
    if (!size && m->mode != REGION_DROP) {
        struct diag *g =
            m->size.set ? diag(p->c->diags, E0535, m->size.at, "a region of 0 bytes")
                        : diag(p->c->diags, E0520, m->at, "the size of region %u of `%s` is not known", index, d->name);
        diag_help(g, "write `size 4K`, or give the node a `compatible` that has a device class");
        return;
    }
    if (!check_bar(p, d, m, index, size))
        return;
    struct p_region *r = new_region(p, d, index, size, &m->address, m->at);
    r->name = s ? s->name : NULL;
    r->align = d->kind == DEV_PCI ? size : s ? s->align : 0;
    r->mode = m->mode == REGION_DEFAULT ? REGION_MAP : m->mode;
    r->unsafe = m->unsafe;
    r->file = m->file;
    r->offset = m->offset.value;
    if (m->file && !strcmp(m->file, "/dev/mem"))
        r->host = m->offset.value;
    if (r->mode == REGION_DROP) {
        r->guest = UINT64_MAX;
        r->how = HOW_WRITTEN;
        return;
    }
    check_mapped(p, r, m);
    if (r->how == HOW_WRITTEN)
        claim_region(p, r, region_text(p, d, r), m->address.at);
}

static int by_index(const void *a, const void *b)
{
    const struct p_region *x = *(const struct p_region *const *)a, *y = *(const struct p_region *const *)b;
    return x->index < y->index ? -1 : x->index > y->index;
}

enum { BARS = 6 }; // of a function: PCI Local Bus Specification 3.0, 6.1

/* What is not mentioned has the default fate, as far as the class knows of it. The order is that of `reg`. */
static void other_regions(struct planner *p, struct p_device *d)
{
    for (uint32_t i = 0; d->class && i < d->class->nregions && d->kind != DEV_RAW; i++) {
        bool said = false;
        for (uint32_t k = 0; k < d->regions.n; k++)
            said = said || d->regions.at[k]->index == i;
        const struct schema_region *s = &d->class->regions[i];
        if (said || !s->size)
            continue;
        struct p_region *r = new_region(p, d, i, s->size, &(struct opt_u64){0}, d->at);
        r->name = s->name;
        r->align = s->align;
    }
    // The guest looks for BARs behind its bridge itself, and finds all that the function has, whatever their sizes are.
    for (uint32_t i = 0; d->kind == DEV_PCI && d->bus && i < BARS; i++) {
        bool known = false;
        for (uint32_t k = 0; k < d->regions.n; k++)
            known = known || d->regions.at[k]->index == i;
        if (!known)
            new_region(p, d, i, 0, &(struct opt_u64){0}, d->at);
    }
    if (d->regions.n)
        qsort(d->regions.at, d->regions.n, sizeof *d->regions.at, by_index);
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
            struct diag *g =
                diag(p->c->diags, E0368, m->which.at,
                     "nothing says which interrupt `%s` is: this device has no node on the host", m->which.name);
            const char *near = d->kind == DEV_PCI ? nearest(m->which.name, pci, 3) : NULL;
            if (near)
                diag_did_you_mean(g, "", m->which.name, near);
            else
                diag_help(g, d->kind == DEV_PCI ? "a PCI function has `intx`, `msi` and `msix`"
                                                : "say it by index: `irq 0`");
            return;
        }
        index = i;
    }
    if (d->kind == DEV_PCI && index > 2) {
        diag_help(diag(p->c->diags, E0363, m->which.at, "a PCI function has no interrupt %u", index),
                  "it has 0 `intx`, 1 `msi` and 2 `msix`");
        return;
    }
    for (uint32_t i = 0; i < d->irqs.n; i++) {
        if (d->irqs.at[i]->index != index)
            continue;
        struct diag *g = diag(p->c->diags, E0328, m->at, "the same interrupt is spoken of twice: `%s` is interrupt %u",
                              pci[index], index);
        diag_note(g, d->irqs.at[i]->at, "first here");
        diag_help(g, "keep one of them");
        return;
    }
    for (uint32_t i = 0; d->kind == DEV_PCI && !m->drop && i < d->irqs.n; i++) {
        const struct p_irq *other = d->irqs.at[i];
        if (other->drop)
            continue;
        struct diag *g = diag(p->c->diags, E0399, m->at,
                              "`%s` is linked, and a PCI function has one kind of interrupt at a time", pci[index]);
        diag_note(g, other->at, "`%s` is linked here", pci[other->index]);
        diag_help(g, "keep one of them, and drop the other: `irq %s drop;`", pci[other->index]);
        return;
    }
    struct p_irq *irq = NEW(p->c->arena, struct p_irq);
    *irq = (struct p_irq){.device = d,
                          .index = index,
                          .name = m->which.name,
                          .source = m->file ? IRQ_FILE : IRQ_DEVICE,
                          .file = m->file,
                          .drop = m->drop,
                          .at = m->at};
    if (d->kind == DEV_RAW && !m->file && !m->drop) {
        diag_help(diag(p->c->diags, E0369, m->at, "a raw device's interrupt comes from a file"),
                  "write `irq %u file \"/dev/uio0\" to ...`", index);
        return;
    }
    if (d->kind != DEV_RAW && m->file)
        diag_help(
            diag(p->c->diags, E0361, m->at, "`file` belongs to the interrupts of raw devices; VFIO gives this one"),
            "leave `file` out");
    link_irq(p, irq, &m->to);
}

enum { PCI_SLOTS = 32 };

/* Slots that are written are taken first, so that the others can be chosen around them. */
static void take_slot(struct planner *p, struct p_device *d, const struct m_passthrough *pass, uint32_t slot)
{
    const struct p_device *other = map_getp(&p->slots, pass->place->bus, (const void *)(uintptr_t)slot);
    if (other) {
        struct diag *g =
            diag(p->c->diags, E0372, pass->place->slot.at, "slot %u of `%s` is taken", slot, pass->place->bus);
        diag_note(g, other->pass->place->slot.at, "by `%s`", other->name);
        diag_help(g, "choose another one, or leave `slot` out");
    }
    map_putp(draft_arena(p->c), &p->slots, pass->place->bus, (const void *)(uintptr_t)slot, d);
}

/* The node that Linux makes the device of that name of; or NULL. */
static const struct dt_node *node_of_name(struct planner *p, const char *name)
{
    if (!p->host)
        return NULL;
    if (!p->sysfs_nodes_known) {
        p->sysfs_nodes_known = true;
        for (const struct dt_node *n = p->host->tree->root; n; n = dt_next(n, p->host->tree->root))
            if (n->parent && is_platform_device(p, n) && dt_prop(p->host->tree, n, p->n.compatible))
                map_putp(draft_arena(p->c), &p->sysfs_nodes, intern(p->c->names, host_sysfs_name(p->c, p->host, n)),
                         NULL, n);
    }
    return map_getp(&p->sysfs_nodes, intern(p->c->names, name), NULL);
}

/* What the tree knows of it (whose console it is, who is in its pages and on its lines) would go unseen. */
static bool has_node(struct planner *p, const struct m_passthrough *pass)
{
    const struct m_part *part = &pass->parts.at[0];
    const struct dt_node *n = pass->kind == PASS_PLATFORM ? node_of_name(p, pass->host_name) : NULL;
    if (!n)
        return false;
    const char *path = dt_path(p->c->arena, n);
    struct diag *d = diag(p->c->diags, E0303, part->at, "%s is in the host's tree: %s", pass->host_name, path);
    diag_help(d, "write `passthrough %s`: its registers, interrupts and neighbours are known then", path);
    return true;
}

void plan_bare(struct planner *p, const struct m_passthrough *pass)
{
    if (has_node(p, pass))
        return;
    static const uint8_t kinds[] = {
        [PASS_NODE] = DEV_PLATFORM, [PASS_PLATFORM] = DEV_PLATFORM, [PASS_PCI] = DEV_PCI, [PASS_RAW] = DEV_RAW};
    const struct m_part *part = &pass->parts.at[0];
    struct p_device *d = new_device(p, pass->name, kinds[pass->kind], pass->at);
    d->pass = pass;
    d->bus = pass->place->bus;
    d->sysfs_name = pass->host_name;
    if (pass->host_name)
        own_sysfs_name(p, d, part->at);
    const struct dt_prop *compatible = edited_compatible(p, part);
    d->class = compatible ? schema_class_of(p->c, p->schemas, compatible) : NULL;
    map_putp(draft_arena(p->c), &p->devices, pass->name, NULL, d);
    vec_push(draft_arena(p->c), &p->bare, d);
    if (vcpu_of(p, pass))
        d->vcpu = (uint32_t)pass->place->vcpu.value;
    if (pass->place->bus && pass->place->slot.set)
        take_slot(p, d, pass, (uint32_t)pass->place->slot.value);
    for (uint32_t i = 0; i < part->regions.n; i++)
        bare_region(p, d, &part->regions.at[i]);
    other_regions(p, d);
    for (uint32_t i = 0; i < part->irqs.n; i++)
        bare_irq(p, d, &part->irqs.at[i]);
    for (uint32_t i = 0; i < part->refs.n; i++)
        diag_help(diag(p->c->diags, E0412, part->refs.at[i].at, "`%s` has no references: it has no node on the host",
                       d->name),
                  "write the property into its `edit`");
}

/* ---- nodes, when every address is known ---- */

static void set_ids(struct planner *p, struct p_device *d, struct dt_node *bus)
{
    uint32_t na = cells_of(p, bus, p->n.address_cells, 2), ns = cells_of(p, bus, p->n.size_cells, 1), n = 0, nr = 0;
    const struct origin *o = origin_of(p, ORIGIN_COMPUTED, d->at, "its place in the guest");
    uint8_t *reg = arena_alloc(p->c->arena, na <= 2 && ns <= 2 ? (size_t)d->regions.n * (na + ns) * 4 + 1 : 1);
    uint8_t *ranges = arena_alloc(p->c->arena, na <= 2 ? (size_t)d->regions.n * (3 + na + 2) * 4 + 1 : 1);
    for (uint32_t i = 0; i < d->regions.n; i++) {
        const struct p_region *r = d->regions.at[i];
        uint64_t on_bus;
        if (r->mode == REGION_DROP || r->guest == UINT64_MAX)
            continue;
        if (!to_bus(p, bus, r->guest, r->size, r->at, &on_bus) || !fits_cells(p, bus, on_bus, r->size, true, r->at))
            return;
        uint32_t hi = d->emulated && r->index < d->class->nregions ? d->class->regions[r->index].range : 0;
        if (hi) {
            // A window of a PCI host bridge: phys.hi and a 64-bit address, the same on both sides (IEEE 1275 PCI
            // binding 2.2.1.1)
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
    struct dt_prop *prop = dt_set(p->m->tree, d->node, p->n.clocks,
                                  arena_alloc(p->c->arena, (size_t) class->nclocks * 4), class->nclocks * 4, o);
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

static bool is_pci_bus(const struct dev_class *class)
{
    return class && class->bus && !strcmp(class->bus, "pci");
}

/* Below a PCI bus: reg is the function's place in configuration space (IEEE 1275 PCI binding 2.2.1.1). */
static bool on_pci(struct planner *p, struct p_device *d, const struct m_passthrough *pass)
{
    const struct p_device *bus = map_getp(&p->devices, pass->place->bus, NULL);
    if (!bus || !is_pci_bus(bus->class) || !bus->node) {
        struct diag *g = diag(p->c->diags, E0371, pass->place->bus_at, "`%s` is no PCI bus of machine `%s`",
                              pass->place->bus, p->m->name);
        VEC(const char *) names = {0};
        for (uint32_t i = 0; i < p->m->m->devices.n; i++)
            if (is_pci_bus(p->m->m->devices.at[i].class))
                vec_push(draft_arena(p->c), &names, p->m->m->devices.at[i].name);
        const char *near = nearest(pass->place->bus, names.at, names.n), *make = NULL;
        for (const char *const *n = schemas_whole(p->schemas)->class_names; *n && !make; n++)
            make = is_pci_bus(schema_class(p->schemas, *n)) && schema_class(p->schemas, *n)->emulated ? *n : NULL;
        if (near)
            diag_did_you_mean(g, "", pass->place->bus, near);
        else if (names.n)
            diag_help(g, "it has `%s`", names.at[0]);
        else if (make)
            diag_help(g, "make one, `device pci0 : %s;`, or leave `on` out", make);
        return false;
    }
    uint32_t slot = (uint32_t)pass->place->slot.value;
    if (!pass->place->slot.set) { // slot 0 is the bridge's on most hosts
        slot = 1;
        while (slot < PCI_SLOTS && map_getp(&p->slots, pass->place->bus, (const void *)(uintptr_t)slot))
            slot++;
        if (slot == PCI_SLOTS) {
            diag_help(diag(p->c->diags, E0394, pass->place->bus_at, "`%s` has no free slot left for `%s`",
                           pass->place->bus, d->name),
                      "put it on another bus");
            return false;
        }
        take_slot(p, d, pass, slot);
    }
    d->node =
        new_child(p, bus->node, arena_printf(p->c->arena, "%s@%x", base_name(p, d), slot), ORIGIN_COMPUTED, d->at);
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
    if (pass && pass->place->bus) {
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
        if (first && (first->guest == UINT64_MAX || !to_bus(p, bus, first->guest, first->size, first->at, &on_bus)))
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
    if (!pass || !pass->place->bus)
        set_ids(p, d, bus);
    write_clocks(p, d);
    uint32_t n = pass ? pass->parts.at[0].edits.n : d->emulated->edits.n;
    for (uint32_t i = 0; i < n; i++)
        merge_edit(p, d->node, pass ? &pass->parts.at[0].edits.at[i] : &d->emulated->edits.at[i]);
}
