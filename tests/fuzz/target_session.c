// SPDX-License-Identifier: MIT
/*
 * What a session makes of a guest.cfg that the reader has accepted: `machrt plan` goes through all of it, with a table
 * of system calls that says yes to everything, for every backend, with KVM and without.
 */
#include "base.h"

#include "../../runtime/machrt/command.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* main.c's: that a plan is refused is no finding. */
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
    stdout = sink(); // a plan is printed; glibc's stdout is a variable
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
