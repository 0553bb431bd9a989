// SPDX-License-Identifier: MIT
// Stash targets: caches that a device's writes go to. Kernels have no common interface for them, so each backend sets
// those that it can; a target that cannot be set is an error, unless the config says `if-possible`.
#include "session/steps.h"

#include "backend/backend.h"

#include <errno.h>

int machrt_step_stash(struct mach_session *s)
{
    for (uint32_t i = 0; i < s->f->section[MACH_CFG_S_STASH].count; i++) {
        struct mach_cfg_rec r = mach_cfg_record(s->f, MACH_CFG_S_STASH, i);
        struct mach_cfg_rec dma = mach_cfg_record(s->f, MACH_CFG_S_DMA, mach_cfg_stash_dma(r));
        struct device *d = &s->device[mach_cfg_dma_device(dma)];
        int e = s->backend && s->backend->stash ? s->backend->stash(s, r, d) : -ENOTSUP;
        if (!e) {
            machrt_log(s, "stash of %s: requested through backend %s, not verifiable", d->name, s->backend->name);
            continue;
        }
        if (!(mach_cfg_stash_flags(r) & MACH_CFG_STASH_IF_POSSIBLE))
            return machrt_set_error(s, "stash", e, machrt_device_object(s, d),
                                    e == -ENOTSUP ? "this kernel has no interface to set this stash target; use "
                                                    "`if-possible` if the guest can do without it"
                                                  : "the kernel refuses the stash target");
        machrt_log(s, "stash of %s: %s", d->name, strerror(-e));
    }
    return 0;
}
