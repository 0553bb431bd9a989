// SPDX-License-Identifier: MIT
// Interrupts: eventfds, the VMM's irqfds on them, then VFIO's trigger and unmask.
//
// The order matters (docs/runtime.md): the irqfd exists before VFIO may fire, the trigger is set before the unmask
// eventfd (VFIO refuses the reverse), and at the end each level line is unmasked once, so that a line that was asserted
// before fires again.
#include "session/steps.h"

#include <errno.h>
#include <linux/vfio.h>
#include <sys/eventfd.h>

const char *machrt_irq_object(struct mach_session *s, const struct irq *q)
{
    bool file = mach_cfg_irq_source(q->rec) == MACH_CFG_IRQ_FILE;
    return machrt_object(s, "device %s, interrupt %u (%.60s)", q->device->name, mach_cfg_irq_index(q->rec),
                         machrt_string(s, file ? mach_cfg_irq_file(q->rec) : mach_cfg_irq_host(q->rec)));
}

// Sets the eventfd of an interrupt for `action`, or, with fd -1, performs the action.
static int set_irq_action(struct mach_session *s, const struct irq *q, uint32_t action, int fd)
{
    _Alignas(struct vfio_irq_set) uint8_t request[sizeof(struct vfio_irq_set) + sizeof(int32_t)];
    const int32_t file = fd;
    const struct vfio_irq_set head = {
        .argsz = fd < 0 ? sizeof head : sizeof request,
        .flags = action | (fd < 0 ? (uint32_t)VFIO_IRQ_SET_DATA_NONE : VFIO_IRQ_SET_DATA_EVENTFD),
        .index = q->index,
        .count = 1,
    };
    memcpy(request, &head, sizeof head);
    memcpy(request + sizeof head, &file, sizeof file);
    return s->sys.ioctl(s->sys.opaque, q->device->fd, VFIO_DEVICE_SET_IRQS, request);
}

static int undo_trigger(struct mach_session *s, void *thing, uint64_t arg)
{
    (void)arg;
    const struct irq *q = (const struct irq *)thing;
    struct vfio_irq_set off = {
        .argsz = sizeof off, .flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER, .index = q->index};
    return machrt_unless_gone(s, q->device, s->sys.ioctl(s->sys.opaque, q->device->fd, VFIO_DEVICE_SET_IRQS, &off));
}

static int undo_connect(struct mach_session *s, void *thing, uint64_t arg)
{
    (void)arg;
    if (s->ops.disconnect)
        s->ops.disconnect(s->opaque, &((const struct irq *)thing)->link);
    return 0;
}

int machrt_make_irq_eventfd(struct mach_session *s, const struct irq *q, int *fd)
{
    if (machrt_reserve_undo(s))
        return -1;
    int r = s->sys.eventfd(s->sys.opaque, EFD_NONBLOCK);
    if (r < 0)
        return machrt_set_error(s, "irq", r, machrt_irq_object(s, q), "cannot create an eventfd");
    *fd = r;
    machrt_push_undo(s, machrt_undo_close, fd, 0, "close an eventfd");
    return 0;
}

static int connect_irq(struct mach_session *s, struct irq *q)
{
    if (!s->has_ops)
        return 0;
    if (!s->ops.connect)
        return machrt_set_error(s, "vmm", ENOSYS, machrt_irq_object(s, q),
                                "the VMM does not handle interrupts (ops->connect)");
    if (machrt_reserve_undo(s))
        return -1;
    q->link = (struct mach_link){
        .irq = (uint32_t)(q - s->irq),
        .chip = mach_cfg_irq_chip(q->rec),
        .line = mach_cfg_irq_number(q->rec),
        .gsi = mach_cfg_irq_gsi(q->rec),
        .level = mach_cfg_irq_trigger(q->rec) == MACH_CFG_TRIGGER_LEVEL,
        .fd = q->fd,
        .unmask_fd = q->unmask_fd,
    };
    int r = s->ops.connect(s->opaque, &q->link);
    if (r)
        return machrt_set_error(s, "vmm", r, machrt_irq_object(s, q), "the VMM does not connect it to GSI %u",
                                q->link.gsi);
    machrt_push_undo(s, undo_connect, q, 0, "disconnect an interrupt");
    return 0;
}

// The kernel must report what the config has: this proves the expectation irq-trigger.
static int check_irq_info(struct mach_session *s, struct irq *q)
{
    struct vfio_irq_info info = {.argsz = sizeof info, .index = q->index};
    bool level = mach_cfg_irq_trigger(q->rec) == MACH_CFG_TRIGGER_LEVEL;
    int r = s->sys.ioctl(s->sys.opaque, q->device->fd, VFIO_DEVICE_GET_IRQ_INFO, &info);
    if (r)
        return machrt_set_error(s, "irq", r, machrt_irq_object(s, q),
                                "VFIO has no such interrupt; the device has %u interrupts", q->device->num_irqs);
    if (!info.count || !(info.flags & VFIO_IRQ_INFO_EVENTFD))
        return machrt_set_error(s, "irq", ENODEV, machrt_irq_object(s, q), "the device has no such interrupt");
    q->automasked = (info.flags & VFIO_IRQ_INFO_AUTOMASKED) != 0;
    if (mach_cfg_irq_flags(q->rec) & MACH_CFG_IRQ_RESAMPLE && !q->automasked)
        return machrt_set_error(s, "expect", 0, machrt_irq_object(s, q),
                                "the config has a level-triggered interrupt, the kernel an edge-triggered one");
    if (q->automasked && !level && mach_cfg_irq_trigger(q->rec) != MACH_CFG_TRIGGER_NONE)
        return machrt_set_error(s, "expect", 0, machrt_irq_object(s, q),
                                "the config has an edge-triggered interrupt, the kernel a level-triggered one");
    return 0;
}

static int report_irq_error(struct mach_session *s, const struct irq *q, int r, const char *what)
{
    const char *who = machrt_irq_object(s, q);
    if (r == -EBUSY)
        return machrt_set_error(s, "irq", r, who, "%s: another driver uses the host's line, and it cannot be shared",
                                what);
    if (r == -EINVAL)
        return q->device->vfio_flags & VFIO_DEVICE_FLAGS_PCI
                   ? machrt_set_error(
                         s, "irq", r, who,
                         "%s: refused by the kernel; another kind of interrupt of the device may be active", what)
                   // irq_settings_can_request(): a chained handler sets IRQ_NOREQUEST, and removing the handler does
                   // not clear it.
                   : machrt_set_error(
                         s, "irq", r, who,
                         "%s: refused by the kernel. A host driver that demultiplexes the line (GPIO, a cascaded "
                         "controller) has used the device before, and Linux does not release such a line until the "
                         "next boot: drop the interrupt, or boot without that driver (initcall_blacklist=...)",
                         what);
    return machrt_set_error(s, "irq", r, who, "%s is refused", what);
}

static int set_up_vfio_irq(struct mach_session *s, struct irq *q)
{
    // Index 0, 1, 2 of a PCI function is INTx, MSI, MSI-X; of the latter two the first vector is linked.
    q->index = mach_cfg_irq_index(q->rec);
    q->msi = q->device->vfio_flags & VFIO_DEVICE_FLAGS_PCI && q->index != VFIO_PCI_INTX_IRQ_INDEX;
    // An MSI is a memory write by the function.
    if (q->msi && !q->device->master && machrt_make_bus_master(s, q->device))
        return -1;
    if (check_irq_info(s, q) || machrt_make_irq_eventfd(s, q, &q->fd) ||
        (q->automasked && machrt_make_irq_eventfd(s, q, &q->unmask_fd)) || connect_irq(s, q) || machrt_reserve_undo(s))
        return -1;
    int r = set_irq_action(s, q, VFIO_IRQ_SET_ACTION_TRIGGER, q->fd);
    if (r > 0)
        r = -ENOSPC; // the number of vectors that are available: none
    if (r)
        return report_irq_error(s, q, r, "its trigger");
    machrt_push_undo(s, undo_trigger, q, 0, "switch an interrupt off");
    q->vfio = true;
    if (!q->automasked)
        return 0;
    r = set_irq_action(s, q, VFIO_IRQ_SET_ACTION_UNMASK, q->unmask_fd);
    if (r)
        return report_irq_error(s, q, r, "unmasking it by eventfd");
    r = machrt_unmask_irq(s, q);
    return r ? report_irq_error(s, q, r, "unmasking it") : 0;
}

// An interrupt that no kernel interface delivers: the VMM may have another source for it.
static int set_up_vmm_irq(struct mach_session *s, struct irq *q)
{
    int fd = -1, r = -ENOSYS;
    if (s->ops.irq_source)
        r = s->ops.irq_source(s->opaque, s->f, (uint32_t)(q - s->irq), &fd);
    if (r == -ENOSYS)
        return machrt_set_error(
            s, "irq", ENODEV, machrt_irq_object(s, q),
            "no kernel interface delivers it to user space (%s): drop it, or let the VMM deliver it (ops->irq_source)",
            mach_cfg_irq_source(q->rec) == MACH_CFG_IRQ_MAP_ENTRY ? "an entry of an interrupt-map"
                                                                  : "Linux has no device for its node");
    if (r)
        return machrt_set_error(s, "vmm", r, machrt_irq_object(s, q), "the VMM does not deliver it");
    q->fd = fd;
    return connect_irq(s, q);
}

static int set_up_irq(struct mach_session *s, struct irq *q)
{
    if (mach_cfg_irq_flags(q->rec) & (MACH_CFG_IRQ_DROPPED | MACH_CFG_IRQ_SHARED))
        return 0;
    switch ((enum mach_cfg_irq_source)mach_cfg_irq_source(q->rec)) {
    case MACH_CFG_IRQ_EMULATED:
        return 0;
    case MACH_CFG_IRQ_FILE:
        return machrt_open_uio_irq(s, q) || connect_irq(s, q) || machrt_start_uio_irq(s, q) ? -1 : 0;
    case MACH_CFG_IRQ_DEVICE:
        return q->device->vfio ? set_up_vfio_irq(s, q) : set_up_vmm_irq(s, q);
    case MACH_CFG_IRQ_MAP_ENTRY:
        break;
    }
    return set_up_vmm_irq(s, q);
}

int machrt_step_irqs(struct mach_session *s)
{
    for (uint32_t i = 0; i < s->irqs; i++)
        if (set_up_irq(s, &s->irq[i]))
            return -1;
    return 0;
}

int machrt_unmask_irq(struct mach_session *s, struct irq *q)
{
    return set_irq_action(s, q, VFIO_IRQ_SET_ACTION_UNMASK, -1);
}

/* ---- for the caller ---- */

int mach_session_irq_fd(const struct mach_session *s, uint32_t irq)
{
    return irq < s->irqs && s->irq[irq].fd >= 0 ? s->irq[irq].fd : -ENXIO;
}

int mach_session_irq_unmask(struct mach_session *s, uint32_t irq)
{
    if (irq >= s->irqs || s->irq[irq].fd < 0)
        return -ENXIO;
    struct irq *q = &s->irq[irq];
    if (q->vfio)
        return q->automasked ? machrt_unmask_irq(s, q) : 0;
    return mach_cfg_irq_source(q->rec) == MACH_CFG_IRQ_FILE ? machrt_unmask_uio_irq(q) : 0;
}

int mach_session_rearm(struct mach_session *s)
{
    int result = 0;
    for (uint32_t i = 0; i < s->irqs; i++) {
        int r = s->irq[i].fd < 0 ? 0 : mach_session_irq_unmask(s, i);
        result = result ? result : r;
    }
    return result;
}
