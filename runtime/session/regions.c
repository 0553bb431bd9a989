// SPDX-License-Identifier: MIT
// Device regions: mapped where the kernel allows it; other accesses go through the device's file.
#include "core/physical.h"
#include "session/steps.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <sys/mman.h>

static const char *region_object(struct mach_session *s, const struct region *r)
{
    return machrt_object(s, "device %s, region %u", r->device->name, mach_cfg_region_index(r->rec));
}

/* ---- regions of VFIO ---- */

enum { INFO_SIZE = 512, INFO_LIMIT = 1 << 16 };

// The kernel's description of region `index`; NULL after machrt_set_error().
static struct vfio_region_info *read_region_info(struct mach_session *s, const struct region *r, size_t *size)
{
    *size = INFO_SIZE;
    for (int i = 0; i < 3 && *size <= INFO_LIMIT; i++) {
        struct vfio_region_info *info = (struct vfio_region_info *)machrt_session_alloc(s, 1, *size);
        if (!info)
            return NULL;
        info->argsz = (uint32_t)*size;
        info->index = mach_cfg_region_index(r->rec);
        int e = s->sys.ioctl(s->sys.opaque, r->device->fd, VFIO_DEVICE_GET_REGION_INFO, info);
        if (e) {
            machrt_set_error(s, "region", e, region_object(s, r), "VFIO has no such region; the device has %u regions",
                             r->device->num_regions);
            return NULL;
        }
        if (info->argsz <= *size)
            return info;
        *size = info->argsz;
    }
    machrt_set_error(s, "region", EPROTO, region_object(s, r), "the kernel requests a larger buffer every time");
    return NULL;
}

// Finds the areas that can be mapped: the whole region, or those that the kernel lists.
static int find_areas(struct mach_session *s, struct region *r, const struct vfio_region_info *info, size_t size)
{
    size_t left;
    struct vfio_region_info_cap_sparse_mmap head;
    const void *cap =
        info->flags & VFIO_REGION_INFO_FLAG_CAPS
            ? machrt_find_capability(info, size, info->cap_offset, VFIO_REGION_INFO_CAP_SPARSE_MMAP, sizeof head, &left)
            : NULL;
    uint32_t n = 1;
    if (cap) {
        memcpy(&head, cap, sizeof head);
        n = head.nr_areas;
        if (n > (left - sizeof head) / sizeof(struct vfio_region_sparse_mmap_area))
            return machrt_set_error(s, "region", EPROTO, region_object(s, r),
                                    "the kernel's list of areas exceeds its buffer");
    }
    r->area = (struct area *)machrt_session_alloc(s, n, sizeof *r->area);
    if (!r->area)
        return -1;
    for (uint32_t i = 0; i < n; i++) {
        struct vfio_region_sparse_mmap_area a = {0, info->size};
        if (cap)
            memcpy(&a, (const char *)cap + sizeof head + i * sizeof a, sizeof a);
        if (a.offset > info->size || a.size > info->size - a.offset)
            return machrt_set_error(s, "region", EPROTO, region_object(s, r), "the kernel lists an area outside of it");
        // Areas that are not whole pages are accessed with pread() and pwrite().
        if (a.size && !(a.offset % s->page) && !(a.size % s->page) && !(info->offset % s->page))
            r->area[r->areas++] = (struct area){.offset = a.offset, .size = a.size};
    }
    return 0;
}

static int map_areas(struct mach_session *s, struct region *r)
{
    int prot = (r->flags & VFIO_REGION_INFO_FLAG_READ ? PROT_READ : 0) |
               (r->flags & VFIO_REGION_INFO_FLAG_WRITE ? PROT_WRITE : 0);
    uint32_t all = r->areas;
    // After a failure, the first r->areas areas are the mapped ones.
    for (r->areas = 0; r->areas < all; r->areas++) {
        struct area *a = &r->area[r->areas];
        if (machrt_reserve_undo(s))
            return -1;
        int e = s->sys.mmap(s->sys.opaque, &a->at, a->size, prot, MAP_SHARED, r->fd, r->offset + a->offset);
        if (e)
            return machrt_set_error(s, "region", e, region_object(s, r),
                                    "0x%" PRIx64 " bytes at offset 0x%" PRIx64
                                    " cannot be mapped, although the kernel reports that they can",
                                    a->size, a->offset);
        machrt_push_undo(s, machrt_undo_map_area, a, a->size, "unmap a region");
    }
    return 0;
}

static int open_vfio_region(struct mach_session *s, struct region *r)
{
    size_t size;
    const struct vfio_region_info *info = read_region_info(s, r, &size);
    if (!info)
        return -1;
    uint64_t want = mach_cfg_region_size(r->rec);
    if (want && info->size != want)
        return machrt_set_error(s, "expect", 0, region_object(s, r), "VFIO reports 0x%" PRIx64 " bytes, not 0x%" PRIx64,
                                (uint64_t)info->size, want);
    if (!info->size)
        return 0; // an absent BAR
    r->size = info->size;
    r->offset = info->offset;
    r->flags = info->flags;
    r->fd = r->device->fd;
    if (mach_cfg_region_mode(r->rec) != MACH_CFG_REGION_MAP || !(info->flags & VFIO_REGION_INFO_FLAG_MMAP))
        return 0;
    return find_areas(s, r, info, size) ? -1 : map_areas(s, r);
}

/* ---- registers of nodes that Linux has no device for ---- */

// The region of a device further up that contains these registers; NULL: there is none.
static struct region *container_of_region(struct mach_session *s, const struct region *r)
{
    uint64_t host = mach_cfg_region_host(r->rec), size = mach_cfg_region_size(r->rec);
    uint32_t up = mach_cfg_device_parent(r->device->rec);
    for (; up != MACH_CFG_NONE; up = mach_cfg_device_parent(s->device[up].rec)) {
        const struct device *d = &s->device[up];
        for (uint32_t i = 0; i < mach_cfg_device_regions(d->rec); i++) {
            struct region *p = &s->region[mach_cfg_device_first_region(d->rec) + i];
            uint64_t start = mach_cfg_region_host(p->rec);
            if (p->size && !p->told && host != MACH_CFG_NONE64 && start != MACH_CFG_NONE64 && host >= start &&
                host - start <= p->size && size <= p->size - (host - start))
                return p;
        }
    }
    return NULL;
}

// Uses the region that contains it.
static int open_nested_region(struct mach_session *s, struct region *r)
{
    const struct region *p = container_of_region(s, r);
    if (!p)
        return machrt_set_error(s, "region", ENODEV, region_object(s, r),
                                "Linux has no device for its node, and no device above it has these registers: there "
                                "is no way to access them");
    uint64_t delta = mach_cfg_region_host(r->rec) - mach_cfg_region_host(p->rec);
    r->size = mach_cfg_region_size(r->rec);
    r->offset = p->offset + delta;
    r->flags = p->flags;
    r->fd = p->fd;
    for (uint32_t i = 0; i < p->areas; i++) {
        const struct area *a = &p->area[i];
        if (delta < a->offset || delta - a->offset > a->size || r->size > a->size - (delta - a->offset))
            continue;
        r->area = (struct area *)machrt_session_alloc(s, 1, sizeof *r->area);
        if (!r->area)
            return -1;
        *r->area = (struct area){.size = r->size, .at = (char *)a->at + (delta - a->offset)};
        r->areas = 1;
        break;
    }
    return 0;
}

/* ---- to the guest ---- */

static int undo_trap(struct mach_session *s, void *thing, uint64_t arg)
{
    (void)arg;
    if (s->ops.trap_undo)
        s->ops.trap_undo(s->opaque, s, (const struct mach_trap *)thing);
    return 0;
}

static int trap_region(struct mach_session *s, struct region *r, uint64_t guest)
{
    r->trap = (struct mach_trap){
        .region = (uint32_t)(r - s->region),
        .address = guest,
        .size = r->size,
    };
    if (machrt_reserve_undo(s))
        return -1;
    int e = s->ops.trap ? s->ops.trap(s->opaque, s, &r->trap) : -ENOSYS;
    if (e == -ENOSYS && s->options.flags & MACH_ACCESS)
        return 0; // mach_session_access() serves it
    if (e == -ENOSYS)
        return machrt_set_error(s, "vmm", e, region_object(s, r),
                                "its accesses must exit to the VMM, which does not handle them (ops->trap)");
    if (e)
        return machrt_set_error(s, "vmm", e, region_object(s, r), "the VMM does not handle its accesses");
    machrt_push_undo(s, undo_trap, &r->trap, 0, "forget a trapped region");
    return 0;
}

// The trap covers the whole region; areas that are mapped afterwards take precedence, and the rest exits.
static int show_region(struct mach_session *s, struct region *r)
{
    uint64_t guest = mach_cfg_region_guest(r->rec), mapped = 0;
    if (!r->size || guest == MACH_CFG_NONE64)
        return 0;
    bool fits = mach_cfg_region_mode(r->rec) == MACH_CFG_REGION_MAP && !(guest % s->page);
    for (uint32_t i = 0; fits && i < r->areas; i++) {
        const struct area *a = &r->area[i];
        if (!(a->size % s->page) && !((uintptr_t)a->at % s->page) && !(a->offset % s->page))
            mapped += a->size;
    }
    r->trapped = mapped != r->size;
    if (!s->has_ops)
        return 0;
    if (r->trapped && trap_region(s, r, guest))
        return -1;
    for (uint32_t i = 0; mapped && i < r->areas; i++) {
        struct area *a = &r->area[i];
        if (a->size % s->page || (uintptr_t)a->at % s->page || a->offset % s->page)
            continue;
        a->place = (struct mach_place){
            .address = guest + a->offset,
            .size = a->size,
            .at = a->at,
            .readonly = !(r->flags & VFIO_REGION_INFO_FLAG_WRITE),
            .index = (uint32_t)(r - s->region),
        };
        if (machrt_map_to_guest(s, &a->place, r->device->name))
            return -1;
    }
    return 0;
}

static int open_raw_region(struct mach_session *s, struct region *r)
{
    const char *file = machrt_string(s, mach_cfg_region_file(r->rec));
    int e = machrt_map_file_region(s, r, file, mach_cfg_region_offset(r->rec));
    if (!e && mach_cfg_region_flags(r->rec) & MACH_CFG_REGION_SHADOW)
        e = machrt_open_shadow(s, r);
    return e || show_region(s, r) ? -1 : 0;
}

/*
 * A window of a bus comes from /dev/mem, which gives any address: the host's tree must have it, and no driver of the
 * host's anything in it. A bridge has two or three, so that each reads /proc/iomem by itself.
 */
static int prove_window(struct mach_session *s, const struct region *r)
{
    uint64_t host = mach_cfg_region_host(r->rec), size = mach_cfg_region_size(r->rec), at = 0, bytes = 0;
    char name[128];
    if (s->options.flags & MACH_DRY_RUN)
        return 0;
    int e = machrt_read_of_window(s, r->device, mach_cfg_region_index(r->rec), &at, &bytes);
    if (e)
        return machrt_set_error(s, "region", e, region_object(s, r),
                                "the host's tree does not show that its node has this window");
    if (at != host || bytes != size)
        return machrt_set_error(s, "region", EINVAL, region_object(s, r),
                                "its window is at 0x%" PRIx64 " on this host, with 0x%" PRIx64
                                " bytes: not at 0x%" PRIx64 ", with 0x%" PRIx64,
                                at, bytes, host, size);
    // The reader has refused a window that is empty, or passes 2^64.
    e = machrt_find_claimed(&s->sys, host, host + (size - 1), name, sizeof name);
    if (e == -ENOENT)
        return 0;
    return machrt_set_error(s, "region", e ? e : EBUSY, region_object(s, r),
                            e ? "who uses its window cannot be seen in %s/iomem"
                              : "%s/iomem: the host has %.100s in its window",
                            s->sys.proc, name);
}

static int open_region(struct mach_session *s, struct region *r)
{
    switch ((enum mach_cfg_device_kind)mach_cfg_device_kind(r->device->rec)) {
    case MACH_CFG_DEVICE_EMULATED:
        return 0;
    case MACH_CFG_DEVICE_RAW:
        return open_raw_region(s, r);
    case MACH_CFG_DEVICE_PLATFORM:
    case MACH_CFG_DEVICE_PCI:
        break;
    }
    int e;
    if (mach_cfg_region_flags(r->rec) & MACH_CFG_REGION_WINDOW)
        // VFIO has no region for the devices on the other side of a bus bridge.
        e = prove_window(s, r) || machrt_map_file_region(s, r, "/dev/mem", mach_cfg_region_host(r->rec));
    else
        e = r->device->vfio ? open_vfio_region(s, r) : open_nested_region(s, r);
    return e || show_region(s, r) ? -1 : 0;
}

int machrt_step_regions(struct mach_session *s)
{
    for (uint32_t i = 0; i < s->regions; i++)
        if (mach_cfg_region_mode(s->region[i].rec) != MACH_CFG_REGION_DROP && open_region(s, &s->region[i]))
            return -1;
    return 0;
}

/* ---- for the caller ---- */

void *mach_session_region_ptr(const struct mach_session *s, uint32_t region, uint64_t *size)
{
    const struct region *r = region < s->regions ? &s->region[region] : NULL;
    if (size)
        *size = r ? r->size : 0;
    return r && !r->told && r->areas == 1 && r->area->size == r->size ? r->area->at : NULL;
}
