// SPDX-License-Identifier: MIT
// Devices: information, regions, interrupts; and KVM.
#include "fake.h"

#include "uapi/iommufd.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdlib.h>

/* ---- iommufd's side of a device ---- */

static int bind_iommufd(struct fake *k, int fd, struct fake_device *d, const struct iommufd_bind *b)
{
    for (int i = 0; i < FAKE_FILES; i++)
        if (k->file[i].open && k->file[i].kind == 'g' && k->file[i].number == d->group)
            return -EBUSY;
    for (uint32_t i = 0; i < k->devices; i++)
        if (!k->device[i].gone && k->device[i].group == d->group && *k->device[i].driver &&
            strncmp(k->device[i].driver, "vfio", 4))
            return -EPERM;
    if (d->not_isolated)
        return -EPERM;
    if (d->iommufd >= 0 || b->iommufd < 0 || k->file[b->iommufd].kind != 'i')
        return -EINVAL;
    if (k->vm && !k->file[fd].initialised)
        fake_wrong(k, "a device is bound before KVM knows it");
    d->fd = fd;
    d->iommufd = b->iommufd;
    return 0;
}

static int attach(struct fake *k, struct fake_device *d, const struct iommufd_attach *a)
{
    if (d->iommufd < 0)
        return -EINVAL;
    if (!a->pt_id || a->pt_id > k->ioas)
        return -ENOENT;
    d->ioas = (int)a->pt_id;
    return 0;
}

/* ---- regions ---- */

// The kernel's structs end in a flexible array, and so cannot be members in front of others in C.
struct sparse_head {
    struct vfio_info_cap_header header;
    uint32_t nr_areas, reserved;
};
_Static_assert(sizeof(struct sparse_head) == sizeof(struct vfio_region_info_cap_sparse_mmap), "its size");

struct region_info {
    struct vfio_region_info info;
    _Alignas(8) struct sparse_head sparse; // as the areas after it
    struct vfio_region_sparse_mmap_area area[4];
};

static int region_info(const struct fake_device *d, struct vfio_region_info *out)
{
    struct region_info x = {.info = {.index = out->index}};
    if (out->index == VFIO_PCI_CONFIG_REGION_INDEX && d->flags & VFIO_DEVICE_FLAGS_PCI) {
        out->size = sizeof d->config;
        out->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
        out->offset = (uint64_t)out->index << 40;
        return 0;
    }
    if (out->index >= d->nregions)
        return -EINVAL;
    const struct fake_region *r = &d->region[out->index];
    uint32_t room = out->argsz, need = r->areas ? (uint32_t)sizeof x : (uint32_t)sizeof x.info;
    need = r->argsz > need ? r->argsz : need;
    x.info.argsz = need;
    x.info.flags = r->flags;
    x.info.size = r->size;
    x.info.offset = (uint64_t)out->index << 40;
    if (r->areas && room >= need) {
        x.info.flags |= VFIO_REGION_INFO_FLAG_CAPS;
        x.info.cap_offset = (uint32_t)offsetof(struct region_info, sparse);
        x.sparse.header.id = r->loop ? 99 : VFIO_REGION_INFO_CAP_SPARSE_MMAP;
        x.sparse.header.next = r->loop ? x.info.cap_offset : 0;
        x.sparse.nr_areas = r->areas;
        for (uint32_t i = 0; i < r->areas && i < 4; i++)
            x.area[i] = (struct vfio_region_sparse_mmap_area){r->area[i][0], r->area[i][1]};
    }
    memcpy(out, &x, room < sizeof x ? sizeof x.info : sizeof x);
    return 0;
}

/* ---- interrupts ---- */

static int irq_info(const struct fake_device *d, struct vfio_irq_info *out)
{
    bool pci = (d->flags & VFIO_DEVICE_FLAGS_PCI) != 0;
    if (out->index >= d->nirqs)
        return -EINVAL;
    out->flags = d->irq_flags[out->index];
    out->count = pci && out->index ? d->vectors : 1;
    return 0;
}

static int set_msi(struct fake *k, struct fake_device *d, const struct vfio_irq_set *s)
{
    if (s->flags & VFIO_IRQ_SET_DATA_NONE && !s->count) {
        if (d->msi && d->msi_index != s->index)
            return -EINVAL;
        d->msi = 0;
        return 0;
    }
    if (d->trigger[0] >= 0 || d->msi || !(s->flags & VFIO_IRQ_SET_ACTION_TRIGGER))
        return -EINVAL;
    if (s->count > d->vectors)
        return -EINVAL;
    if (!(d->config[PCI_COMMAND] & PCI_COMMAND_MASTER))
        fake_wrong(k, "%s has MSIs, which are writes, and is no bus master", d->name);
    // The platform has fewer to give than the function could use.
    if (d->grant && s->count > d->grant)
        return (int)d->grant;
    d->msi = s->count;
    d->msi_index = s->index;
    return 0;
}

bool fake_is_event(const struct fake *k, int fd, unsigned long request, const void *arg)
{
    return request == VFIO_DEVICE_SET_IRQS && k->file[fd].kind == 'd' &&
           k->device[k->file[fd].number].flags & VFIO_DEVICE_FLAGS_PCI &&
           ((const struct vfio_irq_set *)arg)->index >= VFIO_PCI_ERR_IRQ_INDEX;
}

// drivers/vfio/pci/vfio_pci_intrs.c, vfio_pci_set_ctx_trigger_single().
static int set_event(struct fake *k, struct fake_device *d, const struct vfio_irq_set *s)
{
    int32_t fd = -1;
    bool req = s->index == VFIO_PCI_REQ_IRQ_INDEX;
    if ((!req && d->no_pcie) || s->count != 1 || !(s->flags & VFIO_IRQ_SET_DATA_EVENTFD))
        return -EINVAL;
    memcpy(&fd, s->data, sizeof fd);
    if (fd < 0 || !k->file[fd].open || k->file[fd].kind != 'e')
        return -EBADF;
    *(req ? &d->req : &d->err) = fd;
    return 0;
}

static int set_irqs(struct fake *k, struct fake_device *d, const struct vfio_irq_set *s)
{
    int32_t fd = -1;
    if (s->index >= d->nirqs || s->start)
        return -EINVAL;
    if (d->flags & VFIO_DEVICE_FLAGS_PCI && s->index >= VFIO_PCI_ERR_IRQ_INDEX)
        return set_event(k, d, s);
    if (d->flags & VFIO_DEVICE_FLAGS_PCI && s->index)
        return set_msi(k, d, s);
    if (s->flags & VFIO_IRQ_SET_DATA_EVENTFD) {
        memcpy(&fd, s->data, sizeof fd);
        if (fd < 0 || !k->file[fd].open || k->file[fd].kind != 'e')
            return -EBADF;
    }
    int *trigger = &d->trigger[s->index], *unmask = &d->unmask[s->index];
    bool level = (d->irq_flags[s->index] & VFIO_IRQ_INFO_AUTOMASKED) != 0;
    if (s->flags & VFIO_IRQ_SET_ACTION_TRIGGER) {
        if (fd < 0 && !s->count) {
            *trigger = *unmask = -1;
            return 0;
        }
        if (s->count != 1 || d->msi || d->cascade)
            return -EINVAL;
        if (k->vm && !k->file[fd].has_irqfd)
            fake_wrong(k, "%s may fire before KVM listens", d->name);
        *trigger = fd;
        d->armed++;
        return 0;
    }
    if (s->flags & VFIO_IRQ_SET_ACTION_UNMASK) {
        if (!level || *trigger < 0)
            return -EINVAL;
        if (fd < 0) {
            d->rearmed++;
            return 0;
        }
        if (*unmask >= 0)
            return -EBUSY;
        *unmask = fd;
        return 0;
    }
    return -ENOTTY;
}

int fake_device_ioctl(struct fake *k, int fd, unsigned long request, void *arg)
{
    struct fake_device *d = &k->device[k->file[fd].number];
    if (d->unplugged)
        return -EIO;
    if (request == IOMMUFD_BIND)
        return bind_iommufd(k, fd, d, arg);
    if (k->has_iommufd && d->iommufd < 0 && strstr(k->file[fd].path, "devices"))
        return -EINVAL;
    if (request == IOMMUFD_ATTACH)
        return attach(k, d, arg);
    if (request == VFIO_DEVICE_GET_INFO) {
        struct vfio_device_info *i = arg;
        i->flags = d->flags;
        i->num_regions = d->nregions;
        i->num_irqs = d->nirqs;
        return 0;
    }
    if (request == VFIO_DEVICE_GET_REGION_INFO)
        return region_info(d, arg);
    if (request == VFIO_DEVICE_GET_IRQ_INFO)
        return irq_info(d, arg);
    if (request == VFIO_DEVICE_SET_IRQS)
        return set_irqs(k, d, arg);
    if (request == VFIO_DEVICE_RESET) {
        if (!(d->flags & VFIO_DEVICE_FLAGS_RESET)) {
            fake_wrong(k, "a reset that the kernel has not offered");
            return -EINVAL;
        }
        d->resets++;
        return 0;
    }
    fake_wrong(k, "request 0x%lx of a device", request);
    return -ENOTTY;
}
