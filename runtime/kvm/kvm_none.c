// SPDX-License-Identifier: MIT
// mach_kvm_ops() on architectures without KVM.
#include "uapi/kvm.h"

#ifndef MACHRT_HAVE_KVM
#include "machrt.h"

#include <errno.h>

static int refuse(void *opaque, const struct mach_cfg_file *f, const char **why)
{
    (void)opaque;
    (void)f;
    *why = "this libmachrt was built for an architecture that has no KVM";
    return -ENOSYS;
}

const struct mach_ops *mach_kvm_ops(void)
{
    static const struct mach_ops ops = {.size = sizeof ops, .prepare = refuse};
    return &ops;
}
#endif
