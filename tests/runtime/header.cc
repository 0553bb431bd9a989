// SPDX-License-Identifier: MIT
// The header is C++ too, and the shared library is enough for it.
#include "machrt.h"

#include <cerrno>

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
