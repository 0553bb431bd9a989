// SPDX-License-Identifier: MIT
// Stash targets: caches that a device's writes go to. No kernel interface for this is common to many machines, so each
// way is an entry of a table; a target that none can set is an error, unless the config says `if-possible`.
#include "session/session.h"

#include "backend/backend.h"
#include "session/stash.h"

#include <errno.h>

static const struct stash_backend *const table[] = {
    &stash_pamu,
};

static const struct stash_backend *find(struct mach_session *s, struct mach_cfg_rec r, const struct device *d)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i]->probe(s, r, d))
            return table[i];
    return NULL;
}

static int undo_stash(struct mach_session *s, void *thing, uint64_t arg)
{
    const struct stash_backend *b = (const struct stash_backend *)thing;
    struct mach_cfg_rec r = mach_cfg_record(s->f, MACH_CFG_S_STASH, (uint32_t)arg);
    struct mach_cfg_rec dma = mach_cfg_record(s->f, MACH_CFG_S_DMA, mach_cfg_stash_dma(r));
    return b->undo(s, r, &s->device[mach_cfg_dma_device(dma)]);
}

int step_stash(struct mach_session *s)
{
    for (uint32_t i = 0; i < s->f->section[MACH_CFG_S_STASH].count; i++) {
        struct mach_cfg_rec r = mach_cfg_record(s->f, MACH_CFG_S_STASH, i);
        struct mach_cfg_rec dma = mach_cfg_record(s->f, MACH_CFG_S_DMA, mach_cfg_stash_dma(r));
        struct device *d = &s->device[mach_cfg_dma_device(dma)];
        const struct stash_backend *b = find(s, r, d);
        if (undo_room(s))
            return -1;
        int e = b ? b->apply(s, r, d) : -ENOTSUP;
        if (!e) {
            if (b->undo)
                undo_push(s, undo_stash, (void *)(uintptr_t)b, i, "undo a stash target");
            note(s, "stash of %s: requested through %s%s", d->name, b->name, b->verifiable ? "" : ", not verifiable");
            continue;
        }
        if (!(mach_cfg_stash_flags(r) & MACH_CFG_STASH_IF_POSSIBLE))
            return fail(s, "stash", e, device_object(s, d),
                        b ? "the stash target is refused"
                          : "this kernel has no way to "
                            "set a stash target from user space: `if-possible` if the guest can do without");
        note(s, "stash of %s: %s", d->name, strerror(-e));
    }
    return 0;
}
