// SPDX-License-Identifier: MIT
#include "machrt.h"

const char *mach_version(void)
{
    return MACHRT_VERSION;
}
