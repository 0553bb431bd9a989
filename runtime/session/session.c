// SPDX-License-Identifier: MIT
// mach_session_start(): the steps in their order. mach_session_stop(): the same, undone in reverse.
#include "base/error.h"
#include "session/steps.h"

#include <errno.h>

static int (*const preparing[])(struct mach_session *s) = {
    machrt_step_prepare,   // before anything is touched
    machrt_step_expect,    // nothing is touched before the host is known to match
    machrt_step_bind,      // arm64 makes IOMMU groups when a device gets its first driver
    machrt_step_groups,    //
    machrt_step_backend,   //
    machrt_step_memory,    // populated before it is pinned; goes only after the devices that may write to it are closed
    machrt_step_addresses, //
};

static int (*const connecting[])(struct mach_session *s) = {
    machrt_step_open,        // and reset, while no memory is mapped for DMA
    machrt_step_windows,     // all of them checked
    machrt_step_stash,       // the PAMU needs it before the first mapping
    machrt_step_map_memory,  //
    machrt_step_regions,     //
    machrt_step_traps,       //
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

// Takes the steps in order, until one fails. 0 or -errno.
static int take(struct mach_session *s, int (*const *step)(struct mach_session *), size_t steps,
                struct mach_error *error)
{
    int r = 0;
    s->error = error;
    for (size_t i = 0; i < steps && !r; i++)
        r = step[i](s) ? s->result : 0;
    s->error = NULL;
    return r;
}

int mach_session_prepare(const struct mach_config *config, const struct mach_options *options,
                         const struct mach_ops *ops, void *opaque, struct mach_session **session,
                         struct mach_error *error)
{
    struct mach_session *s;
    *session = NULL;
    int r = machrt_session_new(config, options, ops, opaque, &s, error);
    if (r)
        return r;
    r = take(s, preparing, sizeof preparing / sizeof preparing[0], error);
    if (r)
        machrt_session_end(s, NULL); // what goes wrong while undoing is logged; the error stays the first one
    else
        *session = s;
    return r;
}

int mach_session_connect(struct mach_session *s, struct mach_error *error)
{
    uint32_t undos = s->undos;
    if (s->connected)
        return machrt_fill_error(error, "arguments", EALREADY, "the session", "it is connected, or could not be");
    s->connected = true;
    int r = take(s, connecting, sizeof connecting / sizeof connecting[0], error);
    if (r)
        machrt_session_undo(s, undos, NULL);
    return r;
}

int mach_session_start(const struct mach_config *config, const struct mach_options *options, const struct mach_ops *ops,
                       void *opaque, struct mach_session **session, struct mach_error *error)
{
    int r = mach_session_prepare(config, options, ops, opaque, session, error);
    if (r)
        return r;
    r = mach_session_connect(*session, error);
    if (r) {
        machrt_session_end(*session, NULL);
        *session = NULL;
    }
    return r;
}

int mach_session_stop(struct mach_session *session, struct mach_error *error)
{
    return session ? machrt_session_end(session, error) : 0;
}

int mach_session_device_fd(const struct mach_session *s, uint32_t device)
{
    return device < s->devices && s->device[device].fd >= 0 ? s->device[device].fd : -ENXIO;
}
