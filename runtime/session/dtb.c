// SPDX-License-Identifier: MIT
// What is written into guest.dtb at a start: addresses that follow from where the host has the memory.
#include "session/steps.h"

#include "base/error.h"

#include <errno.h>

int mach_session_dtb(const struct mach_session *s, void *dtb, size_t size, struct mach_error *error)
{
    int r = mach_config_dtb(s->config, dtb, size, error);
    if (r)
        return r;
    for (uint32_t i = 0; i < s->f->section[MACH_CFG_S_PATCH].count; i++) {
        struct mach_cfg_rec p = mach_cfg_record(s->f, MACH_CFG_S_PATCH, i);
        const struct memory *m = &s->memory[mach_cfg_patch_memory(p)];
        // The bytes lie in the tree: runtime/config/one_record.c.
        uint8_t *at = (uint8_t *)dtb + mach_cfg_patch_at(p);
        if (m->m.host == MACH_CFG_NONE64)
            return machrt_fill_error(error, "memory", ENODATA, m->m.name,
                                     "where it lies on the host is not known, and the tree needs it");
        uint64_t value = m->m.host + mach_cfg_patch_offset(p) + mach_cfg_patch_addend(p);
        for (int k = 0; k < 8; k++)
            at[k] = (uint8_t)(value >> (56 - 8 * k));
    }
    return 0;
}
