// SPDX-License-Identifier: MIT
// mach_session_start(): the steps in their order. mach_session_stop(): the same, undone in reverse.
#include "session/session.h"

static int (*const steps[])(struct mach_session *s) = {
    step_expect,      // nothing is touched before the host is known to be the right one
    step_bind,        // arm64 makes IOMMU groups when a device gets its first driver
    step_groups,      //
    step_backend,     //
    step_open,        // and reset, while no memory can be reached
    step_memory,      // populated before it is pinned
    step_windows,     // all of them checked
    step_stash,       // PAMU wants it before the first mapping
    step_map_memory,  //
    step_regions,     //
    step_map_regions, //
    step_place,       //
    step_vmm,         // KVM wants controllers and routes before irqfds
    step_guest_maps,  //
    step_msi,         //
    step_irqs,        // irqfds before VFIO may fire
    step_master,      // from here on devices move data
    step_quiesce,     // undone first
};

int mach_session_start(const struct mach_config *config, const struct mach_options *options, const struct mach_ops *ops,
                       void *opaque, struct mach_session **session, struct mach_error *error)
{
    *session = NULL;
    struct mach_session *s = session_new(config, options, ops, opaque, error);
    if (!s)
        return -1;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (!steps[i](s))
            continue;
        // What goes wrong while undoing is logged; the error is the one that it began with.
        session_end(s, NULL);
        return -1;
    }
    s->error = NULL;
    *session = s;
    return 0;
}

int mach_session_stop(struct mach_session *session, struct mach_error *error)
{
    return session ? session_end(session, error) : 0;
}

int mach_session_device_fd(const struct mach_session *s, uint32_t device)
{
    return device < s->devices ? s->device[device].fd : -1;
}
