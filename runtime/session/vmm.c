// SPDX-License-Identifier: MIT
// What the VMM makes before interrupts can flow: controllers, routes, emulated devices.
#include "session/session.h"

#include <errno.h>

static int undo_chip(struct mach_session *s, void *thing, uint64_t arg)
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

int step_vmm(struct mach_session *s)
{
    for (uint32_t i = 0; s->ops.irqchip && i < s->f->section[MACH_CFG_S_IRQCHIP].count; i++) {
        if (undo_room(s))
            return -1;
        int r = s->ops.irqchip(s->opaque, s->f, i);
        if (r)
            return fail(
                s, "vmm", r,
                object(s, "irqchip %s", text(s, mach_cfg_irqchip_name(mach_cfg_record(s->f, MACH_CFG_S_IRQCHIP, i)))),
                "the VMM does not make it%s", r == -EEXIST ? ": it has one already" : "");
        undo_push(s, undo_chip, NULL, i, "remove an irqchip");
    }
    int r = s->ops.routes ? s->ops.routes(s->opaque, s->f) : 0;
    if (r)
        return fail(s, "vmm", r, "the interrupt routes", "the VMM does not set them");
    for (uint32_t i = 0; s->ops.emulated && i < s->devices; i++) {
        if (mach_cfg_device_kind(s->device[i].rec) != MACH_CFG_DEVICE_EMULATED)
            continue;
        if (undo_room(s))
            return -1;
        r = s->ops.emulated(s->opaque, s->f, i);
        if (r)
            return fail(s, "vmm", r, device_object(s, &s->device[i]), "the VMM does not make it");
        undo_push(s, undo_emulated, NULL, i, "remove an emulated device");
    }
    return 0;
}
