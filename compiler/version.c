// SPDX-License-Identifier: MIT
#include "version.h" // build/gen: made by the Makefile, from git
#include "machc.h"

const char *machc_version(void)
{
    return MACHC_VERSION;
}
