// SPDX-License-Identifier: MIT
/*
 * Runs a session on each guest.cfg that the reader accepts: `machrt plan` executes all of it, on a table of system
 * calls that all succeed, for every backend, with and without KVM.
 */
#include "base.h"

#include "../../runtime/machrt/command.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Replaces main.c's function: a refused plan is not a finding. */
int report(const struct mach_error *e)
{
    return e->step && *e->object && *e->hint ? FAILED : (abort(), FAILED);
}

int flushed(int status)
{
    return status;
}

void log_line(void *opaque, const char *line)
{
    (void)opaque;
    (void)line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mach_config *config;
    FILE *real = stdout;
    if (mach_config_from_memory("guest.cfg", data, size, &config, NULL))
        return 0;
    stdout = sink(); // printing a plan uses stdout, which is a variable in glibc
    for (int backend = MACH_BACKEND_AUTO; backend <= MACH_BACKEND_PAMU; backend++) {
        struct command c = {.path = "guest.cfg", .config = config, .backend = (enum mach_backend)backend};
        c.kvm = size % 2;
        c.stop = true;
        command_plan(&c);
    }
    stdout = real;
    mach_config_close(config);
    return 0;
}
