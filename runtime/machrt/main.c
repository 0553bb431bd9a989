// SPDX-License-Identifier: MIT
// machrt: the library's command.
#include "machrt.h"

#include <errno.h>

enum { FINE = 0, BAD_INPUT = 1, USAGE = 2 };

static int usage(FILE *out, int status)
{
    fputs("usage: machrt show [--json] GUEST.CFG\n"
          "\n"
          "  show     what is in a config; --json: its JSON view, the same bytes as machc --emit=json\n",
          out);
    return status;
}

static void report(const struct mach_error *e)
{
    fprintf(stderr, "machrt: %s: %s", e->object, e->hint);
    if (e->number)
        fprintf(stderr, ": %s", strerror(e->number));
    if (e->name)
        fprintf(stderr, " [%s at 0x%llx]", e->name, (unsigned long long)e->offset);
    fputs("\n", stderr);
}

static int show(const char *path, int json)
{
    struct mach_config *config;
    struct mach_error error;
    if (mach_config_open(path, &config, &error)) {
        report(&error);
        return error.name ? BAD_INPUT : USAGE;
    }
    (json ? mach_config_json : mach_config_show)(config, stdout);
    mach_config_close(config);
    if (fflush(stdout) || ferror(stdout)) {
        fprintf(stderr, "machrt: standard output: %s\n", strerror(errno));
        return USAGE;
    }
    return FINE;
}

int main(int argc, char **argv)
{
    int json = argc > 2 && !strcmp(argv[2], "--json");
    if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")))
        return usage(stdout, FINE);
    if (argc == 3 + json && !strcmp(argv[1], "show"))
        return show(argv[2 + json], json);
    return usage(stderr, USAGE);
}
