// SPDX-License-Identifier: MIT
// The command policy, and the option --policy of others.
#include "command.h"

static void print_refusal(void *opaque, const struct mach_finding *f)
{
    (void)opaque;
    struct mach_error line = MACH_ERROR_INIT; // cleans names
    line.step = "policy";
    snprintf(line.object, sizeof line.object, "%s", f->object);
    snprintf(line.hint, sizeof line.hint, "%s", f->text);
    mach_error_print(&line, "machrt", stderr);
}

int check_policy(const struct command *c)
{
    const struct mach_options o = {.size = sizeof o, .finding = print_refusal};
    struct mach_policy *policy;
    struct mach_error error = MACH_ERROR_INIT;
    if (mach_policy_open(c->policy, &policy, &error)) {
        report(&error);
        return USAGE;
    }
    int refused = mach_policy_check(policy, c->config, &o, &error);
    mach_policy_close(policy);
    if (refused < 0)
        return report(&error);
    return refused ? FAILED : FINE;
}

int command_policy(const struct command *c)
{
    struct mach_error error = MACH_ERROR_INIT;
    if (c->policy) // which allows it
        return FINE;
    return mach_policy_print(c->config, NULL, stdout, &error) ? report(&error) : FINE;
}
