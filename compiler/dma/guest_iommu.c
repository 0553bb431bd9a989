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

/* Returns a property that an edit has written, which is not overwritten; or NULL. */
static const struct dt_prop *written(const struct machine_planner *p, const struct dt_node *n, const char *name)
{
    const struct dt_prop *prop = dt_prop(p->m->tree, n, intern(p->c->names, name));
    return prop && prop->origin && prop->origin->kind == ORIGIN_WRITTEN ? prop : NULL;
}

static bool is_pci_bus(const struct machine_planner *p, const struct dt_node *n)
{
    const struct dt_prop *type = n ? dt_prop(p->m->tree, n, intern(p->c->names, "device_type")) : NULL;
    const char *word = type ? dt_string(type, 0) : NULL;
    return word && !strcmp(word, "pci");
}

/* ---- endpoints that edits have written ---- */

enum { MAP_CELLS = 4 }; // of an entry of iommu-map: requester, IOMMU, endpoint, length

/* The endpoint in an `iommus`; UINT32_MAX: none of this IOMMU. */
static uint32_t endpoint_in_iommus(const struct dt_prop *prop, const struct dt_node *iommu)
{
    for (const struct dt_ref *r = prop->refs; r; r = r->next)
        if (r->target == iommu && r->offset % 4 == 0 && r->offset / 4 + 1 < prop->len / 4)
            return dt_cell(prop, r->offset / 4 + 1);
    return UINT32_MAX;
}

/* What an `iommu-map` makes of a requester; UINT32_MAX: no endpoint of this IOMMU. */
static uint32_t endpoint_in_map(const struct dt_prop *prop, const struct dt_node *iommu, uint32_t requester)
{
    for (const struct dt_ref *r = prop->refs; r; r = r->next) {
        uint32_t at = r->offset / 4;
        if (r->target != iommu || r->offset % 4 || at % MAP_CELLS != 1 || at + 2 >= prop->len / 4)
            continue;
        uint32_t first = dt_cell(prop, at - 1), length = dt_cell(prop, at + 2);
        if (requester >= first && requester - first < length)
            return dt_cell(prop, at + 1) + (requester - first);
    }
    return UINT32_MAX;
}

/* ---- endpoints that are chosen ---- */

static uint32_t new_block(struct guest_endpoints *e)
{
    return (2 + e->blocks++) * GUEST_IOMMU_PLATFORM;
}

/* The endpoint of requester 0 of a bus: each bus has other ones. */
static uint32_t first_endpoint_of_bus(struct machine_planner *p, const struct dt_node *bridge)
{
    struct guest_endpoints *e = &p->dma->endpoints;
    uint64_t first;
    if (map_get(&e->buses, (uintptr_t)bridge, 0, &first))
        return (uint32_t)first;
    first = e->buses.n ? new_block(e) : 0;
    map_put(draft_arena(p->c), &e->buses, (uintptr_t)bridge, 0, first);
    return (uint32_t)first;
}

static uint32_t new_platform_endpoint(struct guest_endpoints *e)
{
    if (!e->platform)
        e->platform = GUEST_IOMMU_PLATFORM;
    else if (e->platform % GUEST_IOMMU_PLATFORM == 0)
        e->platform = new_block(e);
    return e->platform++;
}

/* Adds <requester &iommu endpoint length> to the iommu-map of a host bridge. */
static void add_map_entry(struct machine_planner *p, struct dt_node *bridge, struct dt_node *iommu, uint32_t requester,
                          uint32_t endpoint, uint32_t length, struct src where)
{
    struct dt_tree *t = p->m->tree;
    const char *name = intern(p->c->names, "iommu-map");
    const struct dt_prop *old = dt_prop(t, bridge, name);
    uint32_t at = old ? old->len : 0;
    uint8_t *data = arena_alloc(p->c->arena, at + 16);
    if (at)
        memcpy(data, old->data, at);
    dt_put_cells(data + at, requester, 1);
    dt_put_cells(data + at + 8, endpoint, 1);
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

/* Reports an endpoint that another device has: their guests' mappings could not be told apart. */
static void take_endpoint(struct machine_planner *p, const struct p_dma *dma, const struct p_device *iommu,
                          struct src where)
{
    struct map *taken = &p->dma->endpoints.taken;
    uint64_t known;
    if (dma->endpoint == UINT32_MAX)
        return;
    if (!map_get(taken, (uintptr_t)iommu, dma->endpoint, &known)) {
        map_put(draft_arena(p->c), taken, (uintptr_t)iommu, dma->endpoint, (uintptr_t)dma);
        return;
    }
    const struct p_dma *other = (const struct p_dma *)(uintptr_t)known;
    struct diag *d = diag(p->c->diags, E0662, where, "`%s` and `%s` have the same endpoint of `%s`, 0x%" PRIx32,
                          dma->device->name, other->device->name, iommu->name, dma->endpoint);
    diag_note(d, other->at, "the other one is put behind it here");
    diag_help(d, "write another id in its `iommus` or `iommu-map`, or remove these: machc then chooses one");
}

/* Writes `iommus` or `iommu-map`, if no edit has, and sets the endpoint. */
static void set_endpoint(struct machine_planner *p, struct p_dma *dma, const struct p_device *iommu, uint32_t cells,
                         struct src where)
{
    struct p_device *d = dma->device;
    struct dt_node *bridge = d->kind == DEV_PCI && d->bus && !d->parent ? d->node->parent : NULL;
    uint32_t requester = bridge ? guest_iommu_requester(0, d->slot, 0) : 0, length = 1;
    if (!bridge && is_pci_bus(p, d->node)) { // it is assigned with all PCI functions below it
        bridge = d->node;
        length = 0x10000;
    }
    const struct dt_prop *own = written(p, d->node, "iommus"), *map = bridge ? written(p, bridge, "iommu-map") : NULL;
    if (own) {
        dma->endpoint = cells ? endpoint_in_iommus(own, iommu->node) : UINT32_MAX;
    } else if (map) {
        dma->endpoint = endpoint_in_map(map, iommu->node, requester);
    } else if (bridge) {
        dma->endpoint = first_endpoint_of_bus(p, bridge) + requester;
        add_map_entry(p, bridge, iommu->node, requester, dma->endpoint, length, where);
    } else {
        dma->endpoint = cells ? new_platform_endpoint(&p->dma->endpoints) : UINT32_MAX;
        set_iommus(p, d->node, iommu->node, dma->endpoint, cells, where);
    }
    take_endpoint(p, dma, iommu, where);
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
    if (d->node)
        set_endpoint(p, dma, iommu, cells, where);
}
