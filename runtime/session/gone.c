// SPDX-License-Identifier: MIT
/*
 * A PCI function that goes away while a machine has it. VFIO has two interrupts for that, with one eventfd here: REQ,
 * when the kernel wants the function back (it is unbound from its driver, or unplugged), which it repeats until the
 * function is closed; and ERR, after an error that PCIe could not correct. What undoes a session then meets a device
 * that does not answer, which is no failure of the session's.
 */
#include "session/steps.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <sys/eventfd.h>

// 0; 1: the function has no such interrupt (ERR is PCIe's, REQ Linux 4.1's); -errno.
static int arm(struct mach_session *s, const struct device *d, uint32_t index)
{
    _Alignas(struct vfio_irq_set) uint8_t request[sizeof(struct vfio_irq_set) + sizeof(int32_t)];
    const struct vfio_irq_set head = {
        .argsz = sizeof request,
        .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
        .index = index,
        .count = 1,
    };
    const int32_t fd = d->gone;
    if (index >= d->num_irqs)
        return 1;
    memcpy(request, &head, sizeof head);
    memcpy(request + sizeof head, &fd, sizeof fd);
    int r = s->sys.ioctl(s->sys.opaque, d->fd, VFIO_DEVICE_SET_IRQS, request);
    return r == -EINVAL || r == -ENOTTY ? 1 : r;
}

static int watch(struct mach_session *s, struct device *d)
{
    if (machrt_reserve_undo(s))
        return -1;
    int fd = s->sys.eventfd(s->sys.opaque, EFD_NONBLOCK);
    if (fd < 0)
        return machrt_set_error(s, "irq", fd, machrt_device_object(s, d), "cannot create an eventfd");
    d->gone = fd;
    // VFIO forgets it when the function is closed.
    machrt_push_undo(s, machrt_undo_close, &d->gone, 0, "close an eventfd");
    int r = arm(s, d, VFIO_PCI_REQ_IRQ_INDEX), e = r < 0 ? r : arm(s, d, VFIO_PCI_ERR_IRQ_INDEX);
    return e < 0 ? machrt_set_error(s, "irq", e, machrt_device_object(s, d), "the kernel does not tell when it goes")
                 : 0;
}

int machrt_step_gone(struct mach_session *s)
{
    for (uint32_t i = 0; i < s->devices; i++)
        if (s->device[i].vfio && s->device[i].vfio_flags & VFIO_DEVICE_FLAGS_PCI && watch(s, &s->device[i]))
            return -1;
    return 0;
}

// A bus answers for a function that is not there with ones.
static bool is_gone(struct mach_session *s, const struct device *d)
{
    uint32_t vendor;
    return d->fd >= 0 && d->vfio_flags & VFIO_DEVICE_FLAGS_PCI &&
           (mach_pci_read(s, d->index, PCI_VENDOR_ID, 2, &vendor) || vendor == 0xffff);
}

int machrt_unless_gone(struct mach_session *s, const struct device *d, int r)
{
    if (r >= 0 || !is_gone(s, d))
        return r;
    machrt_log(s, "undo: %s: %s: it is gone", d->name, strerror(-r));
    return 0;
}

int mach_session_gone_fd(const struct mach_session *s, uint32_t device)
{
    return device < s->devices && s->device[device].gone >= 0 ? s->device[device].gone : -ENXIO;
}
