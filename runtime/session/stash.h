// SPDX-License-Identifier: MIT
// A way to set stash targets.
#ifndef MACH_STASH_H
#define MACH_STASH_H

#include "session/session.h"

struct stash_backend {
    const char *name;
    bool verifiable; // what was set can be read back
    /* Can it set this target, of this device, in this session? Changes nothing. */
    bool (*probe)(struct mach_session *s, struct mach_cfg_rec stash, const struct device *d);
    /* 0 or -errno. */
    int (*apply)(struct mach_session *s, struct mach_cfg_rec stash, struct device *d);
    /* NULL: it goes with the container. */
    int (*undo)(struct mach_session *s, struct mach_cfg_rec stash, struct device *d);
};

extern const struct stash_backend stash_pamu;

#endif
