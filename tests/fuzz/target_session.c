// SPDX-License-Identifier: MIT
/*
 * Runs a session on each guest.cfg that the reader accepts: `machrt plan` executes all of it, on a table of system
 * calls that all succeed, for every backend, with and without KVM.
 */
#include "base.h"

#include "../../runtime/machrt/command.h"

#include <stdlib.h>
#include <string.h>

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

static void count(void *opaque, const struct mach_finding *f)
{
    *(int *)opaque += !strstr(f->text, "no policy can");
}

// The policy that a config needs can be read, and is enough.
static void check_policy_of(const struct mach_config *config)
{
    char *text;
    size_t n;
    int refused = 0;
    FILE *out = open_memstream(&text, &n);
    struct mach_policy *policy;
    struct mach_error e = MACH_ERROR_INIT;
    const struct mach_options o = {.size = sizeof o, .finding = count, .opaque = &refused};
    if (!out)
        abort();
    int r = mach_policy_print(config, NULL, out, &e);
    fclose(out);
    if (!r) {
        if (mach_policy_from_memory("policy", text, n, &policy, &e))
            finding("%s: %s\n%s", e.object, e.hint, text);
        if (mach_policy_check(policy, config, &o, &e) < 0 || refused)
            finding("%d are refused, %s: %s\n%s", refused, e.object, e.hint, text);
        mach_policy_close(policy);
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mach_config *config;
    FILE *real = stdout;
    if (mach_config_from_memory("guest.cfg", data, size, &config, NULL))
        return 0;
    check_policy_of(config);
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
