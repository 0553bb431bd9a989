// SPDX-License-Identifier: MIT
/*
 * Puts devices behind an IOMMU that the guest drives. Nothing is mapped at the start. The guest's tree tells which
 * devices are behind the IOMMU: `iommus` of a device, and `iommu-map` of a PCI host bridge (Linux
 * Documentation/devicetree/bindings/iommu/iommu.txt, pci/pci-iommu.txt). `#iommu-cells` of the IOMMU's node, which the
 * schema of its class provides, gives the number of cells of an endpoint.
 */
#include "dma/dma.h"

#include <inttypes.h>

uint32_t guest_iommu_requester(uint32_t bus, uint32_t slot, uint32_t function)
{
    return (bus & 255) << 8 | (slot & 31) << 3 | (function & 7);
}

/* `exists`: the machine has a device of that name, but the VMM does not emulate it. */
static void report_no_iommu(struct machine_planner *p, const char *name, struct src where, bool exists)
{
    struct diag *d =
        diag(p->c->diags, E0635, where, "`%s` is not an emulated device of machine `%s`", name, p->m->name);
    VEC(const char *) names = {0};
    for (uint32_t i = 0; i < p->m->m->devices.n && i < 1000; i++)
        vec_push(draft_arena(p->c), &names, p->m->m->devices.at[i].name);
    const char *near = exists ? NULL : diags_nearest(p->c->diags, name, names.at, names.n);
    if (near)
        diag_did_you_mean(d, "", name, near);
    else if (exists)
        diag_help(d, "add an emulated device, `device viommu0 : CLASS;`: a device of the host cannot be used");
    else
        diag_help(d, "add it: `device %s : CLASS;`", name);
}

/* Whether an edit has written the property. It is not overwritten, and the VMM has to know what it means. */
static bool is_written(const struct machine_planner *p, const struct dt_node *n, const char *name)
{
    const struct dt_prop *prop = dt_prop(p->m->tree, n, intern(p->c->names, name));
    return prop && prop->origin && prop->origin->kind == ORIGIN_WRITTEN;
}

static bool is_pci_bus(const struct machine_planner *p, const struct dt_node *n)
{
    const struct dt_prop *type = n ? dt_prop(p->m->tree, n, intern(p->c->names, "device_type")) : NULL;
    const char *word = type ? dt_string(type, 0) : NULL;
    return word && !strcmp(word, "pci");
}

/* Adds <first &iommu id... length> to the iommu-map of a host bridge. */
static void add_map_entry(struct machine_planner *p, struct dt_node *bridge, struct dt_node *iommu, uint32_t requester,
                          uint32_t length, struct src where)
{
    struct dt_tree *t = p->m->tree;
    const char *name = intern(p->c->names, "iommu-map");
    const struct dt_prop *old = dt_prop(t, bridge, name);
    uint32_t at = old ? old->len : 0;
    uint8_t *data = arena_alloc(p->c->arena, at + 16);
    if (at)
        memcpy(data, old->data, at);
    dt_put_cells(data + at, requester, 1);
    dt_put_cells(data + at + 8, requester, 1);
    dt_put_cells(data + at + 12, length, 1);
    struct dt_ref *refs = old ? old->refs : NULL;
    struct dt_prop *prop =
        dt_set(t, bridge, name, data, at + 16, origin_of(p, ORIGIN_COMPUTED, where, "`dma guest-iommu`"));
    prop->refs = refs;
    dt_add_ref(t, prop, at + 4, iommu);
}

static void set_iommus(struct machine_planner *p, struct dt_node *n, struct dt_node *iommu, uint32_t endpoint,
                       uint32_t cells, struct src where)
{
    uint32_t size = 4 + 4 * cells;
    uint8_t *data = arena_alloc(p->c->arena, size);
    if (cells)
        dt_put_cells(data + 4, endpoint, 1);
    struct dt_prop *prop = dt_set(p->m->tree, n, intern(p->c->names, "iommus"), data, size,
                                  origin_of(p, ORIGIN_COMPUTED, where, "`dma guest-iommu`"));
    dt_add_ref(p->m->tree, prop, 0, iommu);
}

void use_guest_iommu(struct machine_planner *p, struct p_dma *dma, const char *name, struct src where)
{
    struct p_device *d = dma->device;
    dma->guest_iommu = name;
    const struct p_device *iommu = name ? map_getp(&p->devices, name, NULL) : NULL;
    if (!name)
        return;
    if (!iommu || !iommu->emulated) {
        report_no_iommu(p, name, where, iommu != NULL);
        return;
    }
    if (iommu_way(p->file) == IOMMU_WINDOWS) {
        struct diag *g =
            diag(p->c->diags, E0667, where,
                 "`%s` is behind a PAMU, whose windows are set up once: the guest cannot map in them", d->name);
        diag_help(g, "write what the device can access: `dma all;` or `dma main { map MEMORY; }`");
        return;
    }
    const struct dt_prop *prop =
        iommu->node ? dt_prop(p->m->tree, iommu->node, intern(p->c->names, "#iommu-cells")) : NULL;
    uint32_t cells = prop && prop->len == 4 ? dt_cell(prop, 0) : UINT32_MAX;
    if (cells > 1) {
        struct diag *g = diag(p->c->diags, E0663, where,
                              cells == UINT32_MAX ? "`%s` is not an IOMMU: its node has no `#iommu-cells`"
                                                  : "`%s` identifies its endpoints in an unknown way: its "
                                                    "`#iommu-cells` is neither 0 nor 1",
                              name);
        diag_note(g, iommu->at, "it is described here");
        diag_help(g, "use a class whose node has `#iommu-cells = <1>;`: `device %s : virtio-iommu;`", name);
        return;
    }
    if (!d->node || is_written(p, d->node, "iommus") || is_written(p, d->node, "iommu-map"))
        return;
    if (d->kind == DEV_PCI && d->bus && !d->parent) {
        dma->endpoint = guest_iommu_requester(0, d->slot, 0);
        if (!is_written(p, d->node->parent, "iommu-map"))
            add_map_entry(p, d->node->parent, iommu->node, dma->endpoint, 1, where);
    } else if (is_pci_bus(p, d->node)) {
        // The bridge is assigned with all PCI functions below it.
        dma->endpoint = 0;
        add_map_entry(p, d->node, iommu->node, 0, 0x10000, where);
    } else {
        dma->endpoint = GUEST_IOMMU_PLATFORM + p->dma->endpoints++;
        set_iommus(p, d->node, iommu->node, dma->endpoint, cells, where);
    }
}
