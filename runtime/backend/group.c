// SPDX-License-Identifier: MIT
// Group and container, type 1 version 2: what every kernel with VFIO has.
#include "backend/backend.h"

#include <errno.h>
#include <linux/vfio.h>
#include <unistd.h>

static int usable(struct mach_session *s, const char **why)
{
    char path[PATH_SIZE];
    int r = machrt_dev_path(s, path, "vfio/vfio") ? s->sys.access(s->sys.opaque, path, R_OK | W_OK) : -ENAMETOOLONG;
    *why =
        r == -ENOENT ? "there is no /dev/vfio/vfio: modprobe vfio vfio_iommu_type1" : "/dev/vfio/vfio cannot be used";
    return r;
}

static int attach(struct mach_session *s, struct device *d)
{
    static const struct container_kind kind = {.prefix = "", .type = VFIO_TYPE1v2_IOMMU, .module = "vfio_iommu_type1"};
    return machrt_attach_to_container(s, d, &kind);
}

static int take_ranges(struct mach_session *s, struct context *c, const struct vfio_iommu_type1_info *info, size_t size)
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
        return machrt_set_error(s, "window", EPROTO, "the IOMMU", "the kernel's list of IOVA ranges leaves its buffer");
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

static int ranges(struct mach_session *s, struct context *c)
{
    // Large enough at once, as a rule; the kernel says how much it needs.
    size_t size = 4096;
    for (int i = 0; i < 3 && size <= 1 << 20; i++) {
        struct vfio_iommu_type1_info *info = (struct vfio_iommu_type1_info *)machrt_session_alloc(s, 1, size);
        if (!info)
            return -1;
        info->argsz = (uint32_t)size;
        int r = s->sys.ioctl(s->sys.opaque, c->fd, VFIO_IOMMU_GET_INFO, info);
        if (r)
            return machrt_set_error(s, "window", r, "the IOMMU", "the kernel does not tell what it can do");
        if (info->argsz <= size)
            return take_ranges(s, c, info, size);
        size = info->argsz;
    }
    return machrt_set_error(s, "window", EPROTO, "the IOMMU", "the kernel asks for more memory each time");
}

static int map(struct mach_session *s, struct context *c, const struct mapping *m)
{
    struct vfio_iommu_type1_dma_map x = {
        .argsz = sizeof x,
        .flags = (m->prot & MACH_DMA_READ ? (uint32_t)VFIO_DMA_MAP_FLAG_READ : 0) |
                 (m->prot & MACH_DMA_WRITE ? (uint32_t)VFIO_DMA_MAP_FLAG_WRITE : 0),
        .vaddr = (uintptr_t)m->host,
        .iova = m->iova,
        .size = m->size,
    };
    return s->sys.ioctl(s->sys.opaque, c->fd, VFIO_IOMMU_MAP_DMA, &x);
}

static int unmap(struct mach_session *s, struct context *c, const struct mapping *m)
{
    struct vfio_iommu_type1_dma_unmap x = {.argsz = sizeof x, .iova = m->iova, .size = m->size};
    int r = s->sys.ioctl(s->sys.opaque, c->fd, VFIO_IOMMU_UNMAP_DMA, &x);
    // It succeeds without doing anything when nothing is there, and says so by the size.
    return r ? r : x.size != m->size ? -ENOENT : 0;
}

static const char *map_hint(int r)
{
    switch (-r) {
    case EEXIST:
        return "it overlaps another mapping of the same IOMMU group";
    case ENOSPC:
        return "the container has no mappings left: raise vfio_iommu_type1.dma_entry_limit, or use fewer windows";
    case EINVAL:
        return "it is not aligned to the IOMMU's pages, or outside what it can translate";
    default:
        return NULL;
    }
}

const struct backend machrt_backend_group = {
    .id = MACH_BACKEND_GROUP,
    .name = "group",
    .maps = true,
    .foreign = true,
    .usable = usable,
    .attach = attach,
    .ranges = ranges,
    .map = map,
    .unmap = unmap,
    .map_hint = map_hint,
};
