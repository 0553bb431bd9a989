// SPDX-License-Identifier: MIT
// MSI and MSI-X of PCI functions, enabled by the guest or the driver at run time.
#include "session/steps.h"

#include <errno.h>
#include <linux/vfio.h>
#include <sys/eventfd.h>

enum { MOST = 2048 }; // vectors of MSI-X: PCI Local Bus Specification 3.0, 6.8.2.3

static int find_msi_device(struct mach_session *s, uint32_t device, struct device **d)
{
    if (device >= s->devices || s->device[device].fd < 0)
        return -ENXIO;
    *d = &s->device[device];
    return (*d)->vfio_flags & VFIO_DEVICE_FLAGS_PCI ? 0 : -ENXIO;
}

static int disable_msi(struct mach_session *s, const struct device *d)
{
    struct vfio_irq_set off = {
        .argsz = sizeof off, .flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER, .index = d->msi.index};
    return s->sys.ioctl(s->sys.opaque, d->fd, VFIO_DEVICE_SET_IRQS, &off);
}

// How many vectors the function has: the kernel refuses more than that.
static int read_vector_count(struct mach_session *s, const struct device *d, uint32_t index, uint32_t *count)
{
    struct vfio_irq_info info = {.argsz = sizeof info, .index = index};
    int r = s->sys.ioctl(s->sys.opaque, d->fd, VFIO_DEVICE_GET_IRQ_INFO, &info);
    *count = info.count;
    if (r)
        return r;
    return info.count && info.flags & VFIO_IRQ_INFO_EVENTFD ? 0 : -ENXIO;
}

// Does the config link its first vector to a line of the guest?
static bool has_linked_msi(const struct mach_session *s, const struct device *d)
{
    for (uint32_t i = 0; i < mach_cfg_device_irqs(d->rec); i++) {
        const struct irq *q = &s->irq[mach_cfg_device_first_irq(d->rec) + i];
        if (q->vfio && q->msi)
            return true;
    }
    return false;
}

static void close_eventfds(struct mach_session *s, int *fds, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        s->sys.close(s->sys.opaque, fds[i]);
        fds[i] = -1;
    }
}

int mach_session_msi_enable(struct mach_session *s, uint32_t device, int msix, uint32_t count, int *fds,
                            uint32_t *granted)
{
    struct device *d = NULL;
    int r = find_msi_device(s, device, &d);
    *granted = 0;
    if (r)
        return r;
    if (!count || count > MOST)
        return -EINVAL;
    if (d->msi.count || has_linked_msi(s, d))
        return -EBUSY;
    const uint32_t index = msix ? VFIO_PCI_MSIX_IRQ_INDEX : VFIO_PCI_MSI_IRQ_INDEX;
    uint32_t there;
    r = read_vector_count(s, d, index, &there);
    if (r)
        return r;
    if (count > there) {
        *granted = there;
        return -ENOSPC;
    }
    size_t size = sizeof(struct vfio_irq_set) + count * sizeof(int32_t);
    // The request, and the list of eventfds for mach_session_msi_disable().
    struct vfio_irq_set *set = (struct vfio_irq_set *)s->sys.alloc(s->sys.opaque, NULL, size);
    int *kept = (int *)s->sys.alloc(s->sys.opaque, NULL, count * sizeof *kept);
    uint32_t n = 0;
    r = set && kept ? 0 : -ENOMEM;
    for (; !r && n < count; n++) {
        int fd = s->sys.eventfd(s->sys.opaque, EFD_NONBLOCK);
        if (fd < 0) {
            r = fd;
            break;
        }
        fds[n] = kept[n] = fd;
        memcpy((char *)set + sizeof *set + n * sizeof(int32_t), &(int32_t){fd}, sizeof(int32_t));
    }
    // An MSI is a memory write: a function that does no DMA is not a bus master yet.
    bool off = !r && !d->master;
    if (off)
        r = machrt_enable_bus_master(s, d);
    if (!r) {
        *set = (struct vfio_irq_set){
            .argsz = (uint32_t)size,
            .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
            .index = index,
            .count = count,
        };
        r = s->sys.ioctl(s->sys.opaque, d->fd, VFIO_DEVICE_SET_IRQS, set);
        if (r > 0) {
            // Nothing is armed; r is the number of available vectors.
            *granted = (uint32_t)r;
            r = -ENOSPC;
        }
    }
    s->sys.alloc(s->sys.opaque, set, 0);
    if (r) {
        if (off && d->master)
            machrt_disable_bus_master(s, d);
        close_eventfds(s, fds, n);
        s->sys.alloc(s->sys.opaque, kept, 0);
        return r;
    }
    d->msi = (struct msi){index, count, kept, off};
    *granted = count;
    return 0;
}

int mach_session_msi_disable(struct mach_session *s, uint32_t device)
{
    struct device *d = NULL;
    int r = find_msi_device(s, device, &d);
    if (r || !d->msi.count)
        return r;
    r = disable_msi(s, d);
    if (d->msi.master) {
        int e = machrt_disable_bus_master(s, d);
        r = r ? r : e;
    }
    close_eventfds(s, d->msi.fd, d->msi.count);
    s->sys.alloc(s->sys.opaque, d->msi.fd, 0);
    d->msi = (struct msi){0};
    return r;
}

static int undo_msi(struct mach_session *s, void *thing, uint64_t arg)
{
    (void)arg;
    struct device *d = (struct device *)thing;
    int r = mach_session_msi_disable(s, d->index), e = machrt_restore_bus_master(s, d);
    return machrt_unless_gone(s, d, r ? r : e);
}

int machrt_step_msi(struct mach_session *s)
{
    for (uint32_t i = 0; i < s->devices; i++) {
        struct device *d = &s->device[i];
        if (!d->vfio || !(d->vfio_flags & VFIO_DEVICE_FLAGS_PCI))
            continue;
        if (machrt_reserve_undo(s))
            return -1;
        machrt_push_undo(s, undo_msi, d, 0, "switch MSIs off");
    }
    return 0;
}
