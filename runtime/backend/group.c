// SPDX-License-Identifier: MIT
// Groups and containers, type 1 version 2, which every kernel with VFIO has.
#include "backend/backend.h"

#include <errno.h>
#include <linux/vfio.h>

static int store_ranges(struct mach_session *s, struct context *c, const struct vfio_iommu_type1_info *info,
                        size_t size)
{
    size_t left;
    const void *cap;
    c->page = info->flags & VFIO_IOMMU_INFO_PGSIZES && info->iova_pgsizes
                  ? info->iova_pgsizes & (~info->iova_pgsizes + 1)
                  : s->page;
    c->available = UINT64_MAX;
    if (!(info->flags & VFIO_IOMMU_INFO_CAPS))
        return 0;
    struct vfio_iommu_type1_info_dma_avail avail;
    cap = machrt_find_capability(info, size, info->cap_offset, VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, sizeof avail, &left);
    if (cap) {
        memcpy(&avail, cap, sizeof avail);
        c->available = avail.avail;
    }
    struct vfio_iommu_type1_info_cap_iova_range head;
    cap =
        machrt_find_capability(info, size, info->cap_offset, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, sizeof head, &left);
    if (!cap)
        return 0;
    memcpy(&head, cap, sizeof head);
    if (head.nr_iovas > (left - sizeof head) / sizeof(struct vfio_iova_range))
        return machrt_set_error(s, "window", EPROTO, "the IOMMU",
                                "the kernel's list of IOVA ranges exceeds its buffer");
    c->range = (struct mach_range *)machrt_session_alloc(s, head.nr_iovas, sizeof *c->range);
    if (!c->range)
        return -1;
    for (uint32_t i = 0; i < head.nr_iovas; i++) {
        struct vfio_iova_range r;
        memcpy(&r, (const char *)cap + sizeof head + i * sizeof r, sizeof r);
        c->range[i] = (struct mach_range){r.start, r.end};
    }
    c->ranges = head.nr_iovas;
    return 0;
}

static int read_group_ranges(struct mach_session *s, struct context *c)
{
    // This is usually large enough; otherwise the kernel returns the size that it needs.
    size_t size = 4096;
    for (int i = 0; i < 3 && size <= 1 << 20; i++) {
        struct vfio_iommu_type1_info *info = (struct vfio_iommu_type1_info *)machrt_session_alloc(s, 1, size);
        if (!info)
            return -1;
        info->argsz = (uint32_t)size;
        int r = s->sys.ioctl(s->sys.opaque, c->fd, VFIO_IOMMU_GET_INFO, info);
        if (r)
            return machrt_set_error(s, "window", r, "the IOMMU", "cannot read its properties");
        if (info->argsz <= size)
            return store_ranges(s, c, info, size);
        size = info->argsz;
    }
    return machrt_set_error(s, "window", EPROTO, "the IOMMU", "the kernel requests a larger buffer every time");
}

static int group_unmap(struct mach_session *s, struct context *c, const struct mapping *m)
{
    uint64_t unmapped;
    int r = machrt_unmap_dma(s, c, m, &unmapped);
    if (r)
        return r;
    // The kernel succeeds without doing anything when nothing is mapped there; only the size says so.
    return unmapped == m->size ? 0 : -ENOENT;
}

static const char *group_map_hint(int r)
{
    switch (-r) {
    case EEXIST:
        return "it overlaps another mapping of the same IOMMU group";
    case ENOSPC:
        return "the container has no more mappings: raise vfio_iommu_type1.dma_entry_limit, or use fewer windows";
    case EINVAL:
        return "it is not aligned to the IOMMU's pages, or outside what it can translate";
    default:
        return NULL;
    }
}

static const struct container container = {.prefix = "", .type = VFIO_TYPE1v2_IOMMU, .module = "vfio_iommu_type1"};

const struct backend machrt_backend_group = {
    .id = MACH_BACKEND_GROUP,
    .name = "group",
    .maps = true,
    .container = &container,
    .usable = machrt_container_usable,
    .attach = machrt_attach_to_container,
    .ranges = read_group_ranges,
    .map = machrt_map_dma,
    .unmap = group_unmap,
    .map_hint = group_map_hint,
};
