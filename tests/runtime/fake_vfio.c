// SPDX-License-Identifier: MIT
// VFIO and iommufd: containers, groups, device nodes, and what their ioctls answer.
#include "fake.h"

#include "uapi/iommufd.h"
#include "uapi/pamu.h"

#include <errno.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <linux/vfio.h>
#include <stdlib.h>

static struct fake_device *in_group(struct fake *k, uint32_t group, const char *name)
{
    for (uint32_t i = 0; i < k->devices; i++)
        if (k->device[i].group == group && !strcmp(k->device[i].name, name))
            return &k->device[i];
    return NULL;
}

static bool viable(const struct fake *k, uint32_t group)
{
    for (uint32_t i = 0; i < k->devices; i++) {
        const struct fake_device *d = &k->device[i];
        if (d->group == group && *d->driver && strncmp(d->driver, "vfio", 4) && strcmp(d->driver, "pcieport"))
            return false;
    }
    return true;
}

static bool has_groups(const struct fake *k, int container)
{
    for (int i = 0; i < FAKE_FILES; i++)
        if (k->file[i].open && k->file[i].kind == 'g' && k->file[i].container == container)
            return true;
    return false;
}

/* ---- mappings ---- */

static int map(struct fake *k, int owner, bool iommufd, uint64_t iova, uint64_t size, uint64_t host, uint32_t prot)
{
    if (!size || iova % 4096 || size % 4096 || host % 4096 || !prot)
        return -EINVAL;
    if (iova + size - 1 < iova)
        return iommufd ? -EOVERFLOW : -EINVAL;
    if (k->hole[1] && iova <= k->hole[1] && iova + size - 1 >= k->hole[0])
        return -EINVAL;
    for (uint32_t i = 0; i < k->dmas; i++)
        if (k->dma[i].owner == owner && k->dma[i].iommufd == iommufd && k->dma[i].iova < iova + size &&
            iova < k->dma[i].iova + k->dma[i].size)
            return -EEXIST;
    if (k->dmas == FAKE_MAPS || k->dmas >= k->dma_limit)
        return -ENOSPC;
    if (k->memlock != UINT64_MAX && k->lockable_used + size > k->memlock)
        return -ENOMEM;
    if (!fake_populated(k, host, size))
        fake_wrong(k, "memory is mapped for DMA before it is populated");
    k->dma[k->dmas++] = (struct fake_dma){owner, iommufd, iova, size, host, prot};
    return 0;
}

// type 1 version 2: exactly whole mappings inside the range; nothing there is no error.
static int unmap_type1(struct fake *k, int owner, uint64_t iova, uint64_t *size)
{
    uint64_t gone = 0;
    for (uint32_t i = 0; i < k->dmas; i++) {
        const struct fake_dma *d = &k->dma[i];
        if (d->owner != owner || d->iommufd || d->iova >= iova + *size || iova >= d->iova + d->size)
            continue;
        if (d->iova < iova || d->iova + d->size > iova + *size)
            return -EINVAL;
    }
    for (uint32_t i = 0; i < k->dmas;)
        if (k->dma[i].owner == owner && !k->dma[i].iommufd && k->dma[i].iova >= iova && k->dma[i].iova < iova + *size) {
            gone += k->dma[i].size;
            k->dma[i] = k->dma[--k->dmas];
        } else {
            i++;
        }
    *size = gone;
    return 0;
}

static int unmap_iommufd(struct fake *k, int ioas, uint64_t iova, uint64_t size)
{
    for (uint32_t i = 0; i < k->dmas; i++)
        if (k->dma[i].iommufd && k->dma[i].owner == ioas && k->dma[i].iova == iova && k->dma[i].size == size) {
            k->dma[i] = k->dma[--k->dmas];
            return 0;
        }
    return -ENOENT;
}

/* ---- containers ---- */

// The kernel's struct ends in a flexible array, and so cannot be a member in front of others in C.
struct iova_head {
    struct vfio_info_cap_header header;
    uint32_t nr_iovas, reserved;
};
_Static_assert(sizeof(struct iova_head) == sizeof(struct vfio_iommu_type1_info_cap_iova_range), "its size");

struct info {
    struct vfio_iommu_type1_info info;
    struct vfio_iommu_type1_info_dma_avail avail;
    _Alignas(8) struct iova_head head; // as the ranges after it
    struct vfio_iova_range range[2];
};

static int get_info(struct fake *k, struct vfio_iommu_type1_info *out)
{
    struct info x = {.info = {.flags = VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS, .iova_pgsizes = 0x40201000}};
    uint32_t need = k->info_argsz ? k->info_argsz : (uint32_t)sizeof x;
    if (out->argsz < need) {
        out->argsz = need;
        return 0;
    }
    uint32_t at = (uint32_t)offsetof(struct info, avail);
    x.info.argsz = need;
    x.info.cap_offset = at;
    x.avail.header =
        (struct vfio_info_cap_header){VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, 1, (uint32_t)offsetof(struct info, head)};
    x.avail.avail = k->dma_limit - k->dmas;
    x.head.header = (struct vfio_info_cap_header){VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, 1, 0};
    x.head.nr_iovas = 2;
    x.range[0] = (struct vfio_iova_range){0, k->hole[0] - 1};
    x.range[1] = (struct vfio_iova_range){k->hole[1] + 1, (UINT64_C(1) << 48) - 1};
    if (k->caps_loop) {
        x.head.header.id = 77;
        x.head.header.next = at;
    }
    if (k->no_caps)
        x.info.flags = VFIO_IOMMU_INFO_PGSIZES;
    memcpy(out, &x, sizeof x);
    return 0;
}

static int check_extension(const struct fake *k, uint32_t type)
{
    switch (type) {
    case VFIO_TYPE1v2_IOMMU:
        return !k->noiommu && !k->spapr && !k->vendor_pamu;
    case PAMU_IOMMU:
        return k->vendor_pamu || k->spapr;
    case VFIO_SPAPR_TCE_v2_IOMMU:
    case VFIO_EEH:
        return k->spapr;
    case VFIO_NOIOMMU_IOMMU:
        return k->noiommu || k->noiommu_group;
    default:
        return 0;
    }
}

static int set_iommu(struct fake *k, int fd, uint32_t type)
{
    for (uint32_t i = 0; i < k->devices; i++)
        for (int g = 0; g < FAKE_FILES; g++)
            if (k->device[i].not_isolated && k->file[g].open && k->file[g].kind == 'g' && k->file[g].container == fd &&
                k->file[g].number == k->device[i].group)
                return -EPERM;
    struct fake_file *f = &k->file[fd];
    if (f->type || !has_groups(k, fd))
        return -EINVAL;
    if (!check_extension(k, type))
        return -ENODEV;
    // drivers/vfio/container.c, vfio_ioctl_set_iommu(): with no-IOMMU groups there is one type, and it is theirs.
    for (int g = 0; g < FAKE_FILES; g++)
        if (k->file[g].open && k->file[g].kind == 'g' && k->file[g].container == fd && !k->noiommu &&
            (k->file[g].number == k->noiommu_group) != (type == VFIO_NOIOMMU_IOMMU))
            return -ENODEV;
    f->type = type;
    return 0;
}

/* ---- the vendor's PAMU ---- */

static int pamu_attr(struct fake *k, struct pamu_attr *a, bool set)
{
    if (a->attribute == PAMU_ATTR_GEOMETRY && set) {
        k->pamu_start = a->u.geometry.start;
        k->pamu_end = a->u.geometry.end;
    } else if (a->attribute == PAMU_ATTR_GEOMETRY) {
        a->u.geometry.start = k->pamu_start;
        a->u.geometry.end = k->pamu_end;
    } else if (a->attribute == PAMU_ATTR_WINDOWS && set) {
        if (!a->u.windows)
            fake_wrong(k, "the kernel divides by zero windows");
        if (k->pamu_windows)
            fake_wrong(k, "windows are set a second time");
        // Its errors are dropped: what it cannot do is silently not done.
        if (k->pamu_end && a->u.windows <= k->pamu_hw)
            k->pamu_windows = a->u.windows;
    } else if (a->attribute == PAMU_ATTR_WINDOWS) {
        a->u.windows = k->pamu_windows ? k->pamu_windows : k->pamu_hw;
    } else if (set && !k->pamu_windows) {
        fake_wrong(k, "a stash target before the windows");
    }
    return 0;
}

// What the driver would hang on, or silently not do.
static void pamu_check(struct fake *k, uint64_t iova, uint64_t size, const char *what)
{
    uint64_t window = k->pamu_windows ? (k->pamu_end - k->pamu_start + 1) / k->pamu_windows : 0;
    if (!window || !size || size % window || iova < k->pamu_start || (iova - k->pamu_start) % window)
        fake_wrong(k, "%s of 0x%llx, 0x%llx bytes, hangs the kernel", what, (unsigned long long)iova,
                   (unsigned long long)size);
}

static int pamu_ioctl(struct fake *k, int fd, unsigned long request, void *arg)
{
    switch (request) {
    case PAMU_GET_ATTR:
        return pamu_attr(k, arg, false);
    case PAMU_SET_ATTR:
        return pamu_attr(k, arg, true);
    case PAMU_GET_MSI_BANK_COUNT:
        return 3;
    case PAMU_MAP_MSI_BANK: {
        const struct pamu_msi_map *m = arg;
        k->dma[k->dmas++] = (struct fake_dma){fd, false, m->iova, 1, 0, 0};
        return 0;
    }
    case PAMU_UNMAP_MSI_BANK: {
        const struct pamu_msi_unmap *m = arg;
        uint64_t one = 1;
        return unmap_type1(k, fd, m->iova, &one);
    }
    default:
        return -ENOTTY;
    }
}

/* ---- sPAPR ---- */

static int spapr_ioctl(struct fake *k, unsigned long request, void *arg)
{
    switch (request) {
    case VFIO_IOMMU_SPAPR_TCE_GET_INFO: {
        struct vfio_iommu_spapr_tce_info *i = arg;
        i->flags = VFIO_IOMMU_SPAPR_INFO_DDW;
        i->dma32_window_start = 0;
        i->dma32_window_size = 0x40000000;
        i->ddw = (struct vfio_iommu_spapr_tce_ddw_info){0x1011000, 2, 3};
        return 0;
    }
    case VFIO_IOMMU_SPAPR_TCE_REMOVE:
        k->tce_size = 0;
        return 0;
    case VFIO_IOMMU_SPAPR_TCE_CREATE: {
        struct vfio_iommu_spapr_tce_create *c = arg;
        if (!(UINT64_C(0x1011000) >> c->page_shift & 1))
            return -EINVAL;
        if (c->levels < 2)
            return -E2BIG;
        c->start_addr = k->tce_start;
        k->tce_size = c->window_size;
        return 0;
    }
    case VFIO_IOMMU_SPAPR_REGISTER_MEMORY:
        k->registered++;
        return 0;
    case VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY:
        if (!k->registered)
            return -ENOENT;
        k->registered--;
        return 0;
    default:
        return -ENOTTY;
    }
}

static int container_ioctl(struct fake *k, int fd, unsigned long request, void *arg)
{
    const struct fake_file *f = &k->file[fd];
    switch (request) {
    case VFIO_GET_API_VERSION:
        return VFIO_API_VERSION;
    case VFIO_CHECK_EXTENSION:
        return check_extension(k, (uint32_t)(uintptr_t)arg);
    case VFIO_SET_IOMMU:
        return set_iommu(k, fd, (uint32_t)(uintptr_t)arg);
    }
    if (!f->type)
        return -EINVAL;
    if (f->type == VFIO_NOIOMMU_IOMMU)
        return -ENOTTY;
    if (request == VFIO_IOMMU_MAP_DMA) {
        const struct vfio_iommu_type1_dma_map *m = arg;
        if (k->vendor_pamu)
            pamu_check(k, m->iova, m->size, "map");
        if (k->spapr && !k->registered)
            return -EINVAL;
        return map(k, fd, false, m->iova, m->size, m->vaddr, m->flags & 3);
    }
    if (request == VFIO_IOMMU_UNMAP_DMA) {
        struct vfio_iommu_type1_dma_unmap *m = arg;
        uint64_t size = m->size;
        if (k->vendor_pamu)
            pamu_check(k, m->iova, m->size, "unmap");
        int r = unmap_type1(k, fd, m->iova, &size);
        if (!k->vendor_pamu)
            m->size = size;
        return r;
    }
    if (k->vendor_pamu)
        return pamu_ioctl(k, fd, request, arg);
    if (k->spapr)
        return spapr_ioctl(k, request, arg);
    if (request == VFIO_IOMMU_GET_INFO)
        return get_info(k, arg);
    fake_wrong(k, "request 0x%lx of a container", request);
    return -ENOTTY;
}

static int group_ioctl(struct fake *k, int fd, unsigned long request, void *arg)
{
    struct fake_file *f = &k->file[fd];
    if (request == VFIO_GROUP_SET_CONTAINER) {
        int c = *(const int *)arg;
        if (f->container >= 0)
            return -EINVAL;
        if (c < 0 || !k->file[c].open || k->file[c].kind != 'c')
            return -EBADFD;
        if (!viable(k, f->number))
            return -EPERM;
        f->container = c;
        return 0;
    }
    if (request != VFIO_GROUP_GET_DEVICE_FD) {
        fake_wrong(k, "request 0x%lx of a group", request);
        return -ENOTTY;
    }
    if (f->container < 0 || !k->file[f->container].type)
        return -EINVAL;
    struct fake_device *d = in_group(k, f->number, arg);
    if (!d || strncmp(d->driver, "vfio", 4))
        return -ENODEV;
    if (k->vm && !f->initialised)
        fake_wrong(k, "a device is opened before KVM knows its group");
    d->fd = fake_fd(k, 'd', (uint32_t)(d - k->device));
    return d->fd;
}

static int iommufd_ioctl(struct fake *k, unsigned long request, void *arg)
{
    if (request == IOMMUFD_IOAS_ALLOC) {
        ((struct iommufd_ioas_alloc *)arg)->out_ioas_id = ++k->ioas;
        return 0;
    }
    if (request == IOMMUFD_IOVA_RANGES) {
        struct iommufd_iova_ranges *x = arg;
        struct iommufd_range *list = (struct iommufd_range *)(uintptr_t)x->allowed_iovas;
        uint32_t need = k->info_argsz ? 100 : 2;
        uint32_t room = x->num_iovas;
        x->num_iovas = need;
        x->out_iova_alignment = 4096;
        if (room < need)
            return -EMSGSIZE;
        x->num_iovas = 2;
        list[0] = (struct iommufd_range){0, k->hole[0] - 1};
        list[1] = (struct iommufd_range){k->hole[1] + 1, (UINT64_C(1) << 48) - 1};
        return 0;
    }
    if (request == IOMMUFD_IOAS_MAP) {
        const struct iommufd_ioas_map *m = arg;
        return map(k, (int)m->ioas_id, true, m->iova, m->length, m->user_va, m->flags >> 1);
    }
    if (request == IOMMUFD_IOAS_UNMAP) {
        const struct iommufd_ioas_unmap *m = arg;
        return unmap_iommufd(k, (int)m->ioas_id, m->iova, m->length);
    }
    fake_wrong(k, "request 0x%lx of iommufd", request);
    return -ENOTTY;
}

int fake_vfio_ioctl(struct fake *k, int fd, unsigned long request, void *arg)
{
    switch (k->file[fd].kind) {
    case 'c':
        return container_ioctl(k, fd, request, arg);
    case 'g':
        return group_ioctl(k, fd, request, arg);
    case 'i':
        return iommufd_ioctl(k, request, arg);
    default:
        fake_wrong(k, "ioctl of a %c", k->file[fd].kind);
        return -ENOTTY;
    }
}

const char *fake_request(const struct fake *k, int fd, unsigned long request)
{
    static const struct {
        char kind;
        unsigned long request;
        const char *name;
    } names[] = {
        {'c', VFIO_GET_API_VERSION, "API_VERSION"},
        {'c', VFIO_CHECK_EXTENSION, "CHECK_EXTENSION"},
        {'c', VFIO_SET_IOMMU, "SET_IOMMU"},
        {'c', VFIO_IOMMU_GET_INFO, "IOMMU_GET_INFO"},
        {'c', VFIO_IOMMU_MAP_DMA, "MAP_DMA"},
        {'c', VFIO_IOMMU_UNMAP_DMA, "UNMAP_DMA"},
        {'g', VFIO_GROUP_SET_CONTAINER, "SET_CONTAINER"},
        {'g', VFIO_GROUP_GET_DEVICE_FD, "GET_DEVICE_FD"},
        {'d', VFIO_DEVICE_GET_INFO, "DEVICE_GET_INFO"},
        {'d', VFIO_DEVICE_GET_REGION_INFO, "GET_REGION_INFO"},
        {'d', VFIO_DEVICE_GET_IRQ_INFO, "GET_IRQ_INFO"},
        {'d', VFIO_DEVICE_SET_IRQS, "SET_IRQS"},
        {'d', VFIO_DEVICE_RESET, "DEVICE_RESET"},
        {'d', IOMMUFD_BIND, "BIND_IOMMUFD"},
        {'d', IOMMUFD_ATTACH, "ATTACH"},
        {'i', IOMMUFD_IOAS_ALLOC, "IOAS_ALLOC"},
        {'i', IOMMUFD_IOVA_RANGES, "IOVA_RANGES"},
        {'i', IOMMUFD_IOAS_MAP, "IOAS_MAP"},
        {'i', IOMMUFD_IOAS_UNMAP, "IOAS_UNMAP"},
        {'c', PAMU_GET_ATTR, "TYPE ioctl"},
        {'c', PAMU_SET_ATTR, "TYPE ioctl"},
        {'c', PAMU_GET_MSI_BANK_COUNT, "TYPE ioctl"},
        {'c', PAMU_MAP_MSI_BANK, "TYPE ioctl"},
        {'c', PAMU_UNMAP_MSI_BANK, "TYPE ioctl"},
        {'c', VFIO_IOMMU_SPAPR_TCE_REMOVE, "TYPE ioctl"},
        {'U', UDMABUF_CREATE_LIST, "UDMABUF"},
        {'H', DMA_HEAP_IOCTL_ALLOC, "DMA_HEAP"},
    };
    char kind = k->file[fd].kind;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].kind == kind && names[i].request == request)
            return names[i].name;
    return kind == 'v' || kind == 'k' ? "kvm" : "ioctl?";
}
