// SPDX-License-Identifier: MIT
#include "cli/command.h"

#include <malloc.h>

int main(int argc, char **argv)
{
    // Tables that were outgrown go back to the system at any size; glibc would learn to keep them (mallopt(3)).
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    return machc_command(argc, argv, stdout, stderr);
}
