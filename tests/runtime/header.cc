// SPDX-License-Identifier: MIT
// The header is C++ too, and the shared library is enough for it.
#include "machrt.h"

#include <cerrno>
#include <cstddef>

// It is passed as a void *, so abidiff does not see it: its layout is part of the ABI all the same.
static_assert(sizeof(void *) != 8 || (offsetof(mach_kvm, vm) == 8 && offsetof(mach_kvm, sys) == 16 &&
                                      offsetof(mach_kvm, own) == 24 && offsetof(mach_kvm, own_opaque) == 32 &&
                                      offsetof(mach_kvm, first_slot) == 40 && offsetof(mach_kvm, has_irqchip) == 44 &&
                                      offsetof(mach_kvm, irqchip) == 48 && offsetof(mach_kvm, vfio) == 52 &&
                                      offsetof(mach_kvm, files) == 56),
              "struct mach_kvm");

int main()
{
    mach_options options = {};
    options.size = sizeof options;
    mach_kvm kvm = {};
    kvm.size = sizeof kvm;
    mach_config *config;
    mach_error error = MACH_ERROR_INIT;
    if (mach_config_from_memory("nothing", "", 0, &config, &error) != -EBADMSG || config)
        return 1;
    return mach_kvm_ops()->prepare && mach_backend_name(MACH_BACKEND_GROUP)[0] == 'g' && error.name ? 0 : 1;
}
