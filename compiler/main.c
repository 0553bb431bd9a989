// SPDX-License-Identifier: MIT
// The process machc: all of the command that is the process's own.
#include "cli/command.h"

#include <sys/resource.h>
#include <unistd.h>

#ifndef __SANITIZE_ADDRESS__ // its shadow counts as data, and has terabytes
/*
 * A few lines of text can ask for millions of machines, and take more memory than there is. Three quarters of the
 * host's is where machc ends with a message, before the kernel looks for something to kill.
 */
static void bound_memory(void)
{
    const long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    struct rlimit limit;
    if (pages <= 0 || size <= 0 || getrlimit(RLIMIT_DATA, &limit))
        return;
    const rlim_t most = (rlim_t)pages / 4 * 3 * (rlim_t)size;
    if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur <= most)
        return;
    limit.rlim_cur = most;
    (void)setrlimit(RLIMIT_DATA, &limit);
}
#endif

int main(int argc, char **argv)
{
#ifndef __SANITIZE_ADDRESS__
    bound_memory();
#endif
    return machc_command(argc, argv, stdout, stderr);
}
