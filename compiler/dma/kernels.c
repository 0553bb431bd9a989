// SPDX-License-Identifier: MIT
// Machines that no kernel is known to start: Linux's VFIO has no device for them, or the vendor's VFIO for a PAMU has
// rules that they break (runtime/backend/pamu.c refuses them).
#include "dma/dma.h"
#include "dma/iommu.h"

#include <inttypes.h>

/* Returns the domain of a device that has other windows than those before it; NULL: none. */
static const struct p_dma *other_window(const struct p_device *d, const struct p_dma **first)
{
    *first = NULL;
    for (uint32_t i = 0; i < d->dmas.n; i++) {
        const struct p_dma *dma = d->dmas.at[i];
        if (dma->way != IOMMU_WINDOWS || !dma->nmaps || !dma->has_window)
            continue;
        if (*first && (dma->window != (*first)->window || dma->size != (*first)->size || dma->whole != (*first)->whole))
            return dma;
        *first = *first ? *first : dma;
    }
    return NULL;
}

/* Returns the first domain of a device whose mappings fill no number of sub-windows; NULL: none. */
static const struct p_dma *part_of_subwindow(const struct p_device *d)
{
    for (uint32_t i = 0; i < d->dmas.n; i++) {
        const struct p_dma *dma = d->dmas.at[i];
        if (dma->way == IOMMU_WINDOWS && dma->nmaps && dma->has_window && !dma->whole)
            return dma;
    }
    return NULL;
}

/* Of several devices, the first one is reported. */
static void check_vendor_windows(struct machine_planner *p)
{
    const struct p_dma *part = NULL, *other = NULL, *first = NULL;
    uint32_t parts = 0, others = 0;
    for (uint32_t i = 0; i < p->m->devices.n; i++) {
        const struct p_dma *f, *x = part_of_subwindow(p->m->devices.at[i]), *y = other_window(p->m->devices.at[i], &f);
        if (x && !parts++)
            part = x;
        else if (!x && y && !others++) {
            other = y;
            first = f;
        }
    }
    if (part) {
        struct diag *d =
            diag(p->c->diags, W0306, part->at,
                 "the vendor's VFIO cannot map this for `%s`: it maps whole sub-windows only", part->device->name);
        diag_fact(d, "no number of sub-windows up to the limit is filled by these mappings");
        if (parts > 1)
            diag_fact(d, "so it is for %u devices of machine `%s`", parts, p->m->name);
        diag_help(d, "make the sizes of what is mapped multiples of a larger power of two");
    }
    if (other) {
        struct diag *d = diag(p->c->diags, W0306, other->at,
                              "the vendor's VFIO has one window for all LIODNs of `%s`, and this is another one",
                              other->device->name);
        diag_note(d, first->at, "the first one is 0x%" PRIx64 "..0x%" PRIx64, first->window,
                  first->window + (first->size - 1));
        diag_label(d, "0x%" PRIx64 "..0x%" PRIx64, other->window, other->window + (other->size - 1));
        if (others > 1)
            diag_fact(d, "so it is for %u devices of machine `%s`", others, p->m->name);
        diag_help(d, "map the same for both, or `none` for one of them");
    }
}

/* Whether the machine has an MSI bank of the host's as its own: the property is fsl,mpic-msi's. */
static bool has_msi_bank(struct machine_planner *p)
{
    const char *ranges = intern(p->c->names, "msi-available-ranges");
    for (uint32_t i = 0; i < p->m->devices.n; i++)
        if (p->m->devices.at[i]->host && dt_prop(p->host->tree, p->m->devices.at[i]->host, ranges))
            return true;
    return false;
}

/* VFIO has the MSIs of PCI functions. Those that a guest sets up by itself, behind a controller of its own, lead to the
 * host. */
static void check_msi_windows(struct machine_planner *p)
{
    const struct p_dma_map *first = NULL;
    const struct p_device *device = NULL;
    for (uint32_t i = 0; i < p->m->devices.n && !first; i++) {
        device = p->m->devices.at[i];
        for (uint32_t k = 0; device->kind == DEV_PLATFORM && k < device->dmas.n; k++)
            for (uint32_t j = 0; j < device->dmas.at[k]->nmaps; j++)
                if (device->dmas.at[k]->maps[j].what == MAP_MSI_BANK && !first)
                    first = &device->dmas.at[k]->maps[j];
    }
    if (!first || has_msi_bank(p))
        return;
    struct diag *d =
        diag(p->c->diags, W0306, first->at, "no kernel brings the MSIs of `%s` to its guest", device->name);
    diag_fact(d, "VFIO has no interrupts for what it writes to MSI bank %u, and the guest has no MSI controller",
              first->bank);
    diag_help(d, "pass the PCI functions through, whose MSIs VFIO has: `passthrough pci ADDRESS { irq msi to ...; }`");
}

/* With a PAMU, the kernel is the vendor's, which has its own. */
static void check_vfio_platform(struct machine_planner *p)
{
    const struct platform *platform = p->m->m->platform;
    const struct p_device *first = NULL;
    for (uint32_t i = 0; i < p->m->devices.n && !first; i++)
        if (p->m->devices.at[i]->kind == DEV_PLATFORM && p->m->devices.at[i]->sysfs_name)
            first = p->m->devices.at[i];
    if (!first || schema_has_vfio_platform(p->schemas, platform->arch) || iommu_way(p->file) == IOMMU_WINDOWS ||
        is_iommu_unknown(p->file))
        return;
    struct diag *d =
        diag(p->c->diags, W0306, first->pass->parts.at[0].at,
             "Linux gives no `%s` guest a device like `%s`: it has vfio-platform for 32-bit and 64-bit Arm "
             "only",
             platform->arch, first->name);
    diag_help(d, "pass PCI functions through, describe the registers as `passthrough raw`, or use a kernel that was "
                 "extended");
}

void check_known_kernels(struct machine_planner *p)
{
    check_vfio_platform(p);
    check_vendor_windows(p);
    check_msi_windows(p);
}
