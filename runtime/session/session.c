// SPDX-License-Identifier: MIT
// mach_session_start(): the steps in their order. mach_session_stop(): the same, undone in reverse.
#include "session/steps.h"

#include <errno.h>

static int (*const steps[])(struct mach_session *s) = {
    machrt_step_prepare, // before anything is touched
    machrt_step_expect,  // nothing is touched before the host is known to match
    machrt_step_bind,    // arm64 makes IOMMU groups when a device gets its first driver
    machrt_step_groups,  //
    machrt_step_backend, //
    machrt_step_memory,  // populated before it is pinned; goes only after the devices that may write to it are closed
    machrt_step_open,    // and reset, while no memory is mapped for DMA
    machrt_step_windows, // all of them checked
    machrt_step_stash,   // the PAMU needs it before the first mapping
    machrt_step_map_memory,  //
    machrt_step_regions,     //
    machrt_step_map_regions, //
    machrt_step_place,       //
    machrt_step_vmm,         // KVM needs controllers and routes before irqfds
    machrt_step_guest_maps,  //
    machrt_step_gone,        //
    machrt_step_msi,         //
    machrt_step_irqs,        // irqfds before VFIO may fire
    machrt_step_master,      // from here on devices do DMA
    machrt_step_quiesce,     // undone first
};

int mach_session_start(const struct mach_config *config, const struct mach_options *options, const struct mach_ops *ops,
                       void *opaque, struct mach_session **session, struct mach_error *error)
{
    struct mach_session *s;
    *session = NULL;
    int r = machrt_session_new(config, options, ops, opaque, &s, error);
    if (r)
        return r;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (!steps[i](s))
            continue;
        r = s->result;
        // What goes wrong while undoing is logged; the error stays the first one.
        machrt_session_end(s, NULL);
        return r;
    }
    s->error = NULL;
    *session = s;
    return 0;
}

int mach_session_stop(struct mach_session *session, struct mach_error *error)
{
    return session ? machrt_session_end(session, error) : 0;
}

int mach_session_device_fd(const struct mach_session *s, uint32_t device)
{
    return device < s->devices && s->device[device].fd >= 0 ? s->device[device].fd : -ENXIO;
}
