// SPDX-License-Identifier: MIT
// The command check.
#include "command.h"

struct tally {
    bool all;
    unsigned of[3];
};

static void print_finding(void *opaque, const struct mach_finding *f)
{
    static const char *const words[] = {"holds", "FAILS", "unknown"};
    struct tally *t = (struct tally *)opaque;
    t->of[f->proof]++;
    if (f->proof != MACH_PROOF_HOLDS)
        say(stdout, "%-7s  %s: %s\n", words[f->proof], f->object, f->text);
    else if (t->all)
        say(stdout, "%-7s  %s\n", words[f->proof], f->object);
}

int command_check(const struct command *c)
{
    struct tally t = {.all = c->all};
    const struct mach_options o = {.size = sizeof o, .finding = print_finding, .opaque = &t};
    struct mach_error error = MACH_ERROR_INIT;
    int failed = mach_config_check(c->config, &o, &error);
    if (failed < 0)
        return report(&error);
    printf("%u hold, %u fail, %u can be checked only when the devices are open\n", t.of[0], t.of[1], t.of[2]);
    return failed ? FAILED : FINE;
}
