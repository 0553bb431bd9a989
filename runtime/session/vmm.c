// SPDX-License-Identifier: MIT
// What the VMM makes before interrupts are connected: controllers, routes, emulated devices.
#include "session/steps.h"

#include <errno.h>
#include <inttypes.h>

static int undo_irqchip(struct mach_session *s, void *thing, uint64_t arg)
{
    (void)thing;
    if (s->ops.irqchip_undo)
        s->ops.irqchip_undo(s->opaque, s->f, (uint32_t)arg);
    return 0;
}

static int undo_emulated(struct mach_session *s, void *thing, uint64_t arg)
{
    (void)thing;
    if (s->ops.emulated_undo)
        s->ops.emulated_undo(s->opaque, s->f, (uint32_t)arg);
    return 0;
}

// The errors of KVM for a controller (Documentation/virt/kvm/devices, arch/riscv/kvm/aia_device.c).
static int report_chip_error(struct mach_session *s, struct mach_cfg_rec chip, int r)
{
    const char *who = machrt_object(s, "irqchip %s", machrt_string(s, mach_cfg_irqchip_name(chip)));
    const char *kvm = machrt_string(s, mach_cfg_irqchip_kvm(chip));
    if (r == -EEXIST)
        return machrt_set_error(s, "vmm", r, who, "the VMM cannot make it: it has one already");
    if (*kvm && r == -ENODEV)
        return machrt_set_error(s, "vmm", r, who, "the VMM cannot make it: KVM of this host has no %s", kvm);
    if (!mach_cfg_irqchip_messages(chip))
        return machrt_set_error(s, "vmm", r, who, "the VMM cannot make it");
    if (r == -ENXIO)
        return machrt_set_error(s, "vmm", r, who, "the VMM cannot make it: the vcpus of the config must be made first");
    return machrt_set_error(s, "vmm", r, who,
                            "the VMM cannot make it: its %" PRIu32 " lines with %" PRIu32
                            " messages may exceed what this host supports",
                            mach_cfg_irqchip_lines(chip), mach_cfg_irqchip_messages(chip));
}

int machrt_step_prepare(struct mach_session *s)
{
    const char *why = NULL;
    int r = s->ops.prepare ? s->ops.prepare(s->opaque, s->f, &why) : 0;
    return r ? machrt_set_error(s, "vmm", r, "the VMM", "%s", why ? why : "it cannot run this config") : 0;
}

int machrt_step_vmm(struct mach_session *s)
{
    for (uint32_t i = 0; s->ops.irqchip && i < s->f->section[MACH_CFG_S_IRQCHIP].count; i++) {
        if (machrt_reserve_undo(s))
            return -1;
        int r = s->ops.irqchip(s->opaque, s->f, i);
        if (r)
            return report_chip_error(s, mach_cfg_record(s->f, MACH_CFG_S_IRQCHIP, i), r);
        machrt_push_undo(s, undo_irqchip, NULL, i, "remove an irqchip");
    }
    int r = s->ops.routes ? s->ops.routes(s->opaque, s->f) : 0;
    if (r)
        return machrt_set_error(s, "vmm", r, "the interrupt routes", "the VMM cannot set them");
    for (uint32_t i = 0; s->has_ops && i < s->devices; i++) {
        if (mach_cfg_device_kind(s->device[i].rec) != MACH_CFG_DEVICE_EMULATED)
            continue;
        if (machrt_reserve_undo(s))
            return -1;
        r = s->ops.emulated ? s->ops.emulated(s->opaque, s->f, i) : -ENOSYS;
        if (r)
            return machrt_set_error(s, "vmm", r, machrt_device_object(s, &s->device[i]), "the VMM cannot make it%s",
                                    r == -ENOSYS ? ": it emulates no devices (ops->emulated)" : "");
        machrt_push_undo(s, undo_emulated, NULL, i, "remove an emulated device");
    }
    return 0;
}
