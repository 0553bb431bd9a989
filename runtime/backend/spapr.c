// SPDX-License-Identifier: MIT
// sPAPR TCE version 2 (Documentation/driver-api/vfio.rst, "PPC64 sPAPR implementation note"): memory is registered
// before it is mapped, and the platform creates windows at addresses of its choice.
#include "backend/backend.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/vfio.h>

// The window that the compiler chose (compiler/dma/spapr.c): its size, and the largest page size that fits.
static bool find_window(const struct mach_session *s, const struct context *c, uint64_t *size, uint32_t *shift)
{
    const struct device *d = c->first;
    *size = 0;
    *shift = UINT32_MAX;
    for (uint32_t i = 0; i < mach_cfg_device_dmas(d->rec); i++) {
        struct mach_cfg_rec r = mach_cfg_record(s->f, MACH_CFG_S_DMA, mach_cfg_device_first_dma(d->rec) + i);
        if (!mach_cfg_dma_maps(r))
            continue;
        uint32_t bits = mach_cfg_dma_page_shift(r);
        *size = mach_cfg_dma_size(r) > *size ? mach_cfg_dma_size(r) : *size;
        *shift = bits < *shift ? bits : *shift;
    }
    return *size && *shift >= 12 && *shift < 64;
}

// A window for all mappings replaces the default one, because only the first window starts at 0.
static int make_window(struct mach_session *s, struct context *c, const struct vfio_iommu_spapr_tce_info *info,
                       uint64_t last)
{
    const char *who = machrt_device_object(s, c->first);
    uint64_t size;
    uint32_t most, shift = 0;
    if (!find_window(s, c, &size, &most))
        return machrt_set_error(s, "window", EINVAL, who,
                                "the config has no window for it: compile with `iommu spapr-tce`");
    for (uint32_t bit = 12; bit <= most && bit < 64; bit++)
        if (info->ddw.pgsizes >> bit & 1)
            shift = bit;
    if (!(info->flags & VFIO_IOMMU_SPAPR_INFO_DDW) || !info->ddw.max_dynamic_windows_supported)
        return machrt_set_error(
            s, "window", ERANGE, who,
            "0x%" PRIx64 " is outside of the 32-bit window, and this host cannot create other windows", last);
    if (!shift)
        return machrt_set_error(s, "window", EINVAL, who,
                                "no page size of the host fits the addresses and sizes of its mappings");
    struct vfio_iommu_spapr_tce_remove gone = {.argsz = sizeof gone, .start_addr = info->dma32_window_start};
    int r = s->sys.ioctl(s->sys.opaque, c->fd, VFIO_IOMMU_SPAPR_TCE_REMOVE, &gone);
    if (r)
        return machrt_set_error(s, "window", r, who, "cannot remove the default window");
    struct vfio_iommu_spapr_tce_create made = {.argsz = sizeof made, .page_shift = shift, .window_size = size};
    r = -EINVAL;
    // Only the platform knows how many levels of tables are enough.
    for (made.levels = 1; r && made.levels <= info->ddw.levels; made.levels += r != 0)
        r = s->sys.ioctl(s->sys.opaque, c->fd, VFIO_IOMMU_SPAPR_TCE_CREATE, &made);
    if (r)
        return machrt_set_error(s, "window", r, who, "cannot create a window of 0x%" PRIx64 " bytes", size);
    c->page = UINT64_C(1) << shift;
    *c->range = (struct mach_range){made.start_addr, made.start_addr + (size - 1)};
    return 0;
}

static int read_spapr_ranges(struct mach_session *s, struct context *c)
{
    struct vfio_iommu_spapr_tce_info info = {.argsz = sizeof info};
    int r = s->sys.ioctl(s->sys.opaque, c->fd, VFIO_IOMMU_SPAPR_TCE_GET_INFO, &info);
    if (r)
        return machrt_set_error(s, "window", r, "the IOMMU", "cannot read its properties");
    c->range = (struct mach_range *)machrt_session_alloc(s, 1, sizeof *c->range);
    if (!c->range)
        return -1;
    c->ranges = 1;
    c->available = UINT64_MAX;
    uint64_t first = info.dma32_window_start, end = first + info.dma32_window_size;
    uint64_t last = 0;
    bool inside = info.dma32_window_size != 0;
    for (uint32_t i = 0; i < c->maps; i++) {
        uint64_t to = c->map[i].iova + (c->map[i].size - 1);
        inside = inside && c->map[i].iova >= first && to < end;
        last = to > last ? to : last;
    }
    if (!inside && c->maps)
        return make_window(s, c, &info, last);
    c->page = 4096; // the default window's: IOMMU_PAGE_SIZE_4K, arch/powerpc/include/asm/iommu.h
    *c->range = (struct mach_range){first, end - 1};
    return 0;
}

static int register_memory(struct mach_session *s, const struct context *c, const struct mapping *m,
                           unsigned long request)
{
    struct vfio_iommu_spapr_register_memory x = {.argsz = sizeof x, .vaddr = (uintptr_t)m->host, .size = m->size};
    return s->sys.ioctl(s->sys.opaque, c->fd, request, &x);
}

static int spapr_map(struct mach_session *s, struct context *c, const struct mapping *m)
{
    int r = register_memory(s, c, m, VFIO_IOMMU_SPAPR_REGISTER_MEMORY);
    if (r)
        return r;
    r = machrt_map_dma(s, c, m);
    if (r)
        register_memory(s, c, m, VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY);
    return r;
}

static int spapr_unmap(struct mach_session *s, struct context *c, const struct mapping *m)
{
    uint64_t unmapped;
    int r = machrt_unmap_dma(s, c, m, &unmapped);
    int e = register_memory(s, c, m, VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY);
    return r ? r : e;
}

static const char *spapr_map_hint(int r)
{
    switch (-r) {
    case ENXIO:
        return "it is outside of the window";
    case EINVAL:
        return "it is not aligned to the window's pages";
    default:
        return NULL;
    }
}

static const struct container container = {
    .prefix = "", .type = VFIO_SPAPR_TCE_v2_IOMMU, .module = "vfio_iommu_spapr_tce"};

const struct backend machrt_backend_spapr = {
    .id = MACH_BACKEND_SPAPR,
    .name = "spapr",
    .maps = true,
    .container = &container,
    .usable = machrt_container_usable,
    .attach = machrt_attach_to_container,
    .ranges = read_spapr_ranges,
    .map = spapr_map,
    .unmap = spapr_unmap,
    .map_hint = spapr_map_hint,
};
