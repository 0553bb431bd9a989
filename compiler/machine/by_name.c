// SPDX-License-Identifier: MIT
// Devices that the text passes through by name instead of a node of the host: platform, PCI and raw devices.
#include "machine/machine.h"

#include <inttypes.h>
#include <stdlib.h>

const char *bare_region_text(struct machine_planner *p, const struct p_device *d, const struct p_region *r)
{
    if (d->emulated && d->class->nregions == 1)
        return arena_printf(p->c->arena, "device `%s`", d->name);
    return arena_printf(p->c->arena, "region %u of `%s`", r->index, d->name);
}

struct p_region *new_region(struct machine_planner *p, struct p_device *d, uint32_t index, uint64_t size,
                            const struct opt_u64 *address, struct src where)
{
    struct p_region *r = NEW(p->c->arena, struct p_region);
    *r = (struct p_region){
        .device = d, .index = index, .host = UINT64_MAX, .size = size, .mode = REGION_MAP, .at = where};
    r->how = HOW_CHOSEN;
    if (d->bus)
        r->how = HOW_DEFAULT; // the guest itself chooses the addresses on its PCI bus
    if (address->set)
        r->how = HOW_WRITTEN;
    r->guest = address->set ? address->value : UINT64_MAX;
    vec_push(p->c->arena, &d->regions, r);
    return r;
}

/* Returns the `compatible` that an edit of the statement sets, the last one if there are several; or NULL. */
static const struct dt_prop *edited_compatible(struct machine_planner *p, const struct m_part *part)
{
    const struct dt_prop *found = NULL;
    for (uint32_t i = 0; i < part->edits.n; i++) {
        for (const struct dts_op *op = part->edits.at[i].ops; op; op = op->next) {
            if (op->kind != DTS_PROP || op->name != p->n->compatible || !op->value || op->value->kind != DTS_BYTES)
                continue;
            struct dt_prop *prop = NEW(p->c->arena, struct dt_prop);
            prop->name = op->name;
            prop->data = op->value->data;
            prop->len = op->value->len;
            // The value may be a list of several chunks, which are joined so that all of its strings are found.
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

/* VFIO and UIO can map only whole pages, so a mapped region begins at a page. */
static void check_page_alignment(struct machine_planner *p, const struct p_region *r, const struct m_region *m)
{
    uint64_t page = p->model->page_size;
    if (r->mode != REGION_MAP)
        return;
    if (r->device->kind == DEV_RAW && (r->offset % page || r->size % page)) {
        struct diag *d =
            diag(p->c->diags, E0522, m->at,
                 "0x%" PRIx64 " bytes at offset 0x%" PRIx64 " of \"%s\" are not whole pages and cannot be mapped",
                 r->size, r->offset, m->file);
        diag_help(d, "map the pages that contain them, `offset 0x%" PRIx64 " size 0x%" PRIx64 "`, or write `trap`",
                  r->offset / page * page, (r->offset % page + r->size + page - 1) / page * page);
    }
    if (r->how == HOW_WRITTEN && r->guest % page)
        diag_help_number(diag(p->c->diags, E0523, m->address.at,
                              "region %u is mapped, so its address must be page-aligned; 0x%" PRIx64 " is not",
                              r->index, r->guest),
                         "at ", r->guest / page * page, ", or `trap`");
}

/*
 * The size of a BAR is a power of two, and its address a multiple of that (PCI Local Bus Specification 3.0, 6.2.5.1).
 */
static bool check_bar(struct machine_planner *p, const struct p_device *d, const struct m_region *m, uint32_t index,
                      uint64_t size)
{
    if (d->kind != DEV_PCI || m->mode == REGION_DROP)
        return true;
    if (d->bus && m->address.set) {
        diag_help(
            diag(p->c->diags, E0536, m->address.at, "the guest chooses the BAR addresses of devices on `%s`", d->bus),
            "remove `at`");
        return false;
    }
    uint64_t up = 1;
    while (up < size && up < (uint64_t)1 << 63)
        up <<= 1;
    if (up != size) {
        diag_help_number(diag(p->c->diags, E0533, m->size.set ? m->size.at : m->at,
                              "the size of a BAR must be a power of two; 0x%" PRIx64 " is not", size),
                         "size ", up, "");
        return false;
    }
    if (m->address.set && m->address.value % size) {
        diag_help_number(diag(p->c->diags, E0533, m->address.at,
                              "the address of BAR %u must be a multiple of its size, 0x%" PRIx64 "; 0x%" PRIx64
                              " is not",
                              index, size, m->address.value),
                         "at ", m->address.value / size * size, "");
        return false;
    }
    return true;
}

/* Returns the region of the device's class that a statement names, by name or index; or NULL. */
static const struct schema_region *find_class_region(const struct p_device *d, const struct m_which *w)
{
    for (uint32_t i = 0; d->class && i < d->class->nregions; i++)
        if (w->name ? d->class->regions[i].name && !strcmp(d->class->regions[i].name, w->name) : i == w->index)
            return &d->class->regions[i];
    return NULL;
}

static void report_unknown_region(struct machine_planner *p, const struct p_device *d, const struct m_which *w)
{
    struct diag *g = diag(p->c->diags, E0519, w->at,
                          "unknown region `%s`: this device has no host node that names its regions", w->name);
    VEC(const char *) names = {0};
    for (uint32_t i = 0; d->class && i < d->class->nregions; i++)
        if (d->class->regions[i].name)
            vec_push(draft_arena(p->c), &names, d->class->regions[i].name);
    const char *near = diags_nearest(p->c->diags, w->name, names.at, names.n);
    if (near)
        diag_did_you_mean(g, "", w->name, near);
    else
        diag_help(g, "write the index: `region 0`");
}

static void plan_region(struct machine_planner *p, struct p_device *d, const struct m_region *m)
{
    const struct schema_region *s = find_class_region(d, &m->which);
    if (m->which.name && !s) {
        report_unknown_region(p, d, &m->which);
        return;
    }
    uint32_t index = s ? (uint32_t)(s - d->class->regions) : m->which.index;
    // The same word twice has been reported: only a class's name can be that of an index that is written as well.
    for (uint32_t i = 0; s && s->name && i < d->regions.n; i++) {
        if (d->regions.at[i]->index != index)
            continue;
        struct diag *g = diag(p->c->diags, E0324, m->at, "region %u of `%s` is specified twice", index, d->name);
        diag_note(g, d->regions.at[i]->at, "it is first specified here");
        diag_help(g, "combine both into one statement");
        return;
    }
    if (d->kind == DEV_RAW && !m->file) {
        diag_help(diag(p->c->diags, E0521, m->at, "a region of a raw device needs a `file`"),
                  "write `region %u file \"/dev/mem\" offset 0x... size 4K at 0x...`", index);
        return;
    }
    if (d->kind != DEV_RAW && (m->file || m->offset.set)) {
        diag_help(diag(p->c->diags, E0512, m->at,
                       "`file` and `offset` are for raw devices; the regions of this device come from VFIO"),
                  "remove them: `region %u`", index);
        return;
    }
    uint64_t size = s ? s->size : 0;
    if (m->size.set)
        size = m->size.value;
    if (!size && m->mode != REGION_DROP) {
        struct diag *g =
            m->size.set ? diag(p->c->diags, E0535, m->size.at, "the size of a region is 0")
                        : diag(p->c->diags, E0520, m->at, "the size of region %u of `%s` is unknown", index, d->name);
        diag_help(g, "write `size 4K`, or give the node a `compatible` that belongs to a device class");
        return;
    }
    if (!check_bar(p, d, m, index, size))
        return;
    struct p_region *r = new_region(p, d, index, size, &m->address, m->at);
    r->name = s ? s->name : NULL;
    r->align = s ? s->align : 0;
    if (d->kind == DEV_PCI)
        r->align = size;
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
    check_page_alignment(p, r, m);
    if (r->how == HOW_WRITTEN)
        claim_region(p, r, bare_region_text(p, d, r), m->address.at);
}

static int by_index(const void *a, const void *b)
{
    const struct p_region *x = *(const struct p_region *const *)a, *y = *(const struct p_region *const *)b;
    return x->index < y->index ? -1 : x->index > y->index;
}

enum { BARS = 6 }; // of a PCI function: PCI Local Bus Specification 3.0, 6.1

static bool has_region(const struct p_device *d, uint32_t index)
{
    for (uint32_t i = 0; i < d->regions.n; i++)
        if (d->regions.at[i]->index == index)
            return true;
    return false;
}

/* Adds the regions of the device's class that have no statement, and sorts all regions in the order of `reg`. */
static void add_other_regions(struct machine_planner *p, struct p_device *d)
{
    for (uint32_t i = 0; d->class && i < d->class->nregions && d->kind != DEV_RAW; i++) {
        const struct schema_region *s = &d->class->regions[i];
        if (has_region(d, i) || !s->size)
            continue;
        struct p_region *r = new_region(p, d, i, s->size, &(struct opt_u64){0}, d->at);
        r->name = s->name;
        r->align = s->align;
    }
    // The guest probes the BARs behind its bridge itself and finds all of them, so their sizes need not be known.
    for (uint32_t i = 0; d->kind == DEV_PCI && d->bus && i < BARS; i++)
        if (!has_region(d, i))
            new_region(p, d, i, 0, &(struct opt_u64){0}, d->at);
    if (d->regions.n)
        qsort(d->regions.at, d->regions.n, sizeof *d->regions.at, by_index);
}

// The interrupt indexes of vfio-pci (linux include/uapi/linux/vfio.h, VFIO_PCI_INTX_IRQ_INDEX and on)
enum { PCI_IRQS = 3 };
static const char *const pci_irqs[PCI_IRQS] = {"intx", "msi", "msix"};

/* Finds the index of the interrupt that a statement names, by name or index. Returns false after a message. */
static bool find_irq_index(struct machine_planner *p, const struct p_device *d, const struct m_irq *m, uint32_t *index)
{
    *index = m->which.index;
    if (m->which.name) {
        uint32_t i = 0;
        while (d->kind == DEV_PCI && i < PCI_IRQS && strcmp(pci_irqs[i], m->which.name))
            i++;
        if (d->kind != DEV_PCI || i == PCI_IRQS) {
            struct diag *g =
                diag(p->c->diags, E0368, m->which.at,
                     "unknown interrupt `%s`: this device has no host node that names its interrupts", m->which.name);
            const char *near =
                d->kind == DEV_PCI ? diags_nearest(p->c->diags, m->which.name, pci_irqs, PCI_IRQS) : NULL;
            if (near)
                diag_did_you_mean(g, "", m->which.name, near);
            else
                diag_help(g, d->kind == DEV_PCI ? "write `intx`, `msi` or `msix`" : "write the index: `irq 0`");
            return false;
        }
        *index = i;
    }
    if (d->kind == DEV_PCI && *index >= PCI_IRQS) {
        diag_help(diag(p->c->diags, E0363, m->which.at, "a PCI function has no interrupt %u", *index),
                  "write 0 (`intx`), 1 (`msi`) or 2 (`msix`)");
        return false;
    }
    return true;
}

/* Reports an interrupt that has a statement already, or that a PCI function cannot use together with a linked one. */
static bool check_other_irqs(struct machine_planner *p, const struct p_device *d, const struct m_irq *m, uint32_t index)
{
    for (uint32_t i = 0; d->kind == DEV_PCI && i < d->irqs.n; i++) { // only its names are those of indexes
        if (d->irqs.at[i]->index != index)
            continue;
        struct diag *g =
            diag(p->c->diags, E0328, m->at, "interrupt %u is specified twice: it is `%s`", index, pci_irqs[index]);
        diag_note(g, d->irqs.at[i]->at, "it is first specified here");
        diag_help(g, "keep one of them");
        return false;
    }
    for (uint32_t i = 0; d->kind == DEV_PCI && !m->drop && i < d->irqs.n; i++) {
        const struct p_irq *other = d->irqs.at[i];
        if (other->drop)
            continue;
        struct diag *g =
            diag(p->c->diags, E0399, m->at, "`%s` is linked, but a PCI function uses one kind of interrupt at a time",
                 pci_irqs[index]);
        diag_note(g, other->at, "`%s` is linked here", pci_irqs[other->index]);
        diag_help(g, "keep one of them and drop the other: `irq %s drop;`", pci_irqs[other->index]);
        return false;
    }
    return true;
}

static void plan_irq(struct machine_planner *p, struct p_device *d, const struct m_irq *m)
{
    uint32_t index;
    if (!find_irq_index(p, d, m, &index) || !check_other_irqs(p, d, m, index))
        return;
    struct p_irq *irq = NEW(p->c->arena, struct p_irq);
    *irq = (struct p_irq){.device = d,
                          .index = index,
                          .name = m->which.name,
                          .source = m->file ? IRQ_FILE : IRQ_DEVICE,
                          .file = m->file,
                          .drop = m->drop,
                          .at = m->at};
    if (d->kind == DEV_RAW && !m->file && !m->drop) {
        diag_help(diag(p->c->diags, E0369, m->at, "an interrupt of a raw device needs a `file`"),
                  "write `irq %u file \"/dev/uio0\" to ...`", index);
        return;
    }
    if (d->kind != DEV_RAW && m->file)
        diag_help(
            diag(p->c->diags, E0361, m->at, "`file` is for interrupts of raw devices; this interrupt comes from VFIO"),
            "remove `file`");
    link_irq(p, irq, &m->to);
}

/* Links the INTx of a PCI function, which its drivers can do with, unless another kind is linked or INTx is dropped. */
static void link_intx(struct machine_planner *p, struct p_device *d)
{
    for (uint32_t i = 0; i < d->irqs.n; i++) // a function has up to PCI_IRQS
        if (!d->irqs.at[i]->drop || d->irqs.at[i]->index == 0)
            return;
    struct p_irq *irq = NEW(p->c->arena, struct p_irq);
    *irq = (struct p_irq){.device = d, .name = pci_irqs[0], .source = IRQ_DEVICE, .at = d->at};
    link_irq(p, irq, NULL);
}

void claim_slot(struct machine_planner *p, struct p_device *d, const struct m_passthrough *pass, uint32_t slot)
{
    const struct p_device *other = map_getp(&p->slots, pass->place->bus, (const void *)(uintptr_t)slot);
    if (other) {
        struct diag *g =
            diag(p->c->diags, E0372, pass->place->slot.at, "slot %u of `%s` is already used", slot, pass->place->bus);
        diag_note(g, other->pass->place->slot.at, "`%s` uses it", other->name);
        diag_help(g, "choose another slot, or remove `slot`");
    }
    map_putp(draft_arena(p->c), &p->slots, pass->place->bus, (const void *)(uintptr_t)slot, d);
}

/*
 * Reports a platform device by name that has a node in the host's tree. Without the node, machc could not check what
 * the tree tells about it: whether it is the console, and which other devices share its pages and lines.
 */
static bool report_host_node(struct machine_planner *p, const struct m_passthrough *pass)
{
    const struct m_part *part = &pass->parts.at[0];
    const struct dt_node *n = pass->kind == PASS_PLATFORM ? node_of_sysfs_name(p, pass->host_name) : NULL;
    if (!n)
        return false;
    const char *path = dt_path(p->c->arena, n);
    struct diag *d = diag(p->c->diags, E0303, part->at, "%s is in the host's tree: %s", pass->host_name, path);
    diag_help(d, "write `passthrough %s`; then machc knows its registers, interrupts and neighbours", path);
    return true;
}

void plan_named_device(struct machine_planner *p, const struct m_passthrough *pass)
{
    if (report_host_node(p, pass))
        return;
    static const uint8_t kinds[] = {
        [PASS_NODE] = DEV_PLATFORM, [PASS_PLATFORM] = DEV_PLATFORM, [PASS_PCI] = DEV_PCI, [PASS_RAW] = DEV_RAW};
    const struct m_part *part = &pass->parts.at[0];
    struct p_device *d = new_device(p, pass->name, kinds[pass->kind], pass->at);
    d->pass = pass;
    d->bus = pass->place->bus;
    d->sysfs_name = pass->host_name;
    if (pass->host_name)
        claim_sysfs_name(p, d, part->at);
    const struct dt_prop *compatible = edited_compatible(p, part);
    d->class = compatible ? schema_class_of(p->c, p->schemas, compatible) : NULL;
    map_putp(draft_arena(p->c), &p->devices, pass->name, NULL, d);
    vec_push(draft_arena(p->c), &p->bare, d);
    if (has_valid_vcpu(p, pass))
        d->vcpu = (uint32_t)pass->place->vcpu.value;
    // Written slots are claimed before write_new_nodes() chooses any.
    if (pass->place->bus && pass->place->slot.set)
        claim_slot(p, d, pass, (uint32_t)pass->place->slot.value);
    for (uint32_t i = 0; i < part->regions.n; i++)
        plan_region(p, d, &part->regions.at[i]);
    add_other_regions(p, d);
    for (uint32_t i = 0; i < part->irqs.n; i++)
        plan_irq(p, d, &part->irqs.at[i]);
    if (d->kind == DEV_PCI)
        link_intx(p, d);
    for (uint32_t i = 0; i < part->refs.n; i++)
        diag_help(diag(p->c->diags, E0412, part->refs.at[i].at,
                       "`%s` has no references: it has no node in the host's tree", d->name),
                  "write the property in its `edit`");
}
