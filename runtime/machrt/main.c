// SPDX-License-Identifier: MIT
// machrt: the command of libmachrt.
#include "command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(const struct command *c);
    bool config; // it takes one
    const char *options, *about;
} commands[] = {
    {"show", command_show, true, "json", "print a config; --json: its JSON view, the same bytes as machc --emit=json"},
    {"check", command_check, true, "all policy",
     "check what the config expects of this host, and change nothing; --all: list what holds, too"},
    {"plan", command_plan, true, "all backend host kvm policy stop",
     "print the system calls of a session, without making them"},
    {"bind", command_bind, true, "policy state verbose", "bind the config's devices to their VFIO drivers"},
    {"unbind", command_unbind, true, "state verbose", "bind them to their former drivers again"},
    {"run", command_run, true, "backend policy seconds verbose",
     "start a session without a VMM, print regions and interrupts, stop"},
    {"policy", command_policy, true, "policy",
     "print the policy that a config needs on this host, to be reviewed; --policy: only check it against one"},
    {"probe", command_probe, false, "open", "print what this host has, as JSON"},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static int usage(FILE *out, int status)
{
    fputs("usage: machrt COMMAND [OPTION ...] GUEST.CFG\n\n", out);
    for (int i = 0; i < COMMANDS; i++)
        fprintf(out, "  %-7s  %s\n", commands[i].name, commands[i].about);
    fputs("\n"
          "  --json            show: print the JSON view\n"
          "  --all             check: list what holds, too; plan: print files that are read, too\n"
          "  --backend=NAME    plan, run: auto, iommufd, group, spapr, noiommu, pamu\n"
          "  --host            plan: read files of this host; without it, values that would be read are synthesised "
          "from the config\n"
          "  --kvm             plan: include the calls for a KVM guest\n"
          "  --open            probe: also open devices that are bound to VFIO, which resets them\n"
          "  --policy=FILE     check, plan, bind, run, policy: refuse a config that names what this policy does not "
          "allow\n"
          "  --stop            plan: include the calls that stop the session\n"
          "  --state=FILE      bind, unbind: the file that stores the former drivers\n"
          "  --seconds=N       run: how many seconds (default 10)\n"
          "  --verbose         bind, unbind, run: print each step\n"
          "  --version         print the version\n"
          "  --help            print this text\n"
          "\n"
          "exit status: 0 success; 1 bad config, or the host does not match it; 2 usage or I/O error\n",
          out);
    return status;
}

int report(const struct mach_error *e)
{
    mach_error_print(e, "machrt", stderr);
    return FAILED;
}

int flushed(int status)
{
    if (fflush(stdout) || ferror(stdout)) {
        fprintf(stderr, "machrt: standard output: %s\n", strerror(errno));
        return USAGE;
    }
    return status;
}

void log_line(void *opaque, const char *line)
{
    (void)opaque;
    say(stderr, "machrt: %s\n", line);
}

int command_show(const struct command *c)
{
    (c->json ? mach_config_json : mach_config_show)(c->config, stdout);
    return FINE;
}

// The value of "--name=value", or NULL. A flag's value is "".
static const char *option_value(const char *arg, const char *name)
{
    size_t n = strlen(name);
    if (strncmp(arg, "--", 2) || strncmp(arg + 2, name, n))
        return NULL;
    if (arg[2 + n] == '=')
        return arg + 3 + n;
    return arg[2 + n] ? NULL : "";
}

static bool set_backend(struct command *c, const char *name)
{
    for (int b = MACH_BACKEND_AUTO; b <= MACH_BACKEND_PAMU; b++)
        if (!strcmp(mach_backend_name((enum mach_backend)b), name)) {
            c->backend = (enum mach_backend)b;
            return true;
        }
    return false;
}

static bool set_option(struct command *c, const char *allowed, const char *arg)
{
    static const char *const names[] = {"json", "all",     "kvm",   "verbose", "stop",  "host",
                                        "open", "backend", "state", "seconds", "policy"};
    bool *const flags[] = {&c->json, &c->all, &c->kvm, &c->verbose, &c->stop, &c->host, &c->open};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = option_value(arg, names[i]);
        if (!value || !strstr(allowed, names[i]))
            continue;
        if (i < sizeof flags / sizeof flags[0]) {
            *flags[i] = true;
            return !*value;
        }
        if (!*value)
            return false;
        if (!strcmp(names[i], "backend"))
            return set_backend(c, value);
        if (!strcmp(names[i], "state") || !strcmp(names[i], "policy")) {
            *(*names[i] == 's' ? &c->state : &c->policy) = value;
            return true;
        }
        char *end;
        unsigned long n = strtoul(value, &end, 10);
        c->seconds = (unsigned)n;
        return *value >= '0' && *value <= '9' && !*end && n <= 1000000;
    }
    return false;
}

static int run_command(int (*f)(const struct command *c), struct command *c)
{
    struct mach_config *config = NULL;
    struct mach_error error = MACH_ERROR_INIT;
    if (c->path && mach_config_open(c->path, &config, &error)) {
        report(&error);
        return error.name ? FAILED : USAGE;
    }
    c->config = config;
    int status = c->policy ? check_policy(c) : FINE;
    if (status == FINE)
        status = f(c);
    mach_config_close(config);
    return flushed(status);
}

int main(int argc, char **argv)
{
    struct command c = {.seconds = 10};
    int which = 0;
    if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")))
        return flushed(usage(stdout, FINE));
    if (argc == 2 && !strcmp(argv[1], "--version")) {
        printf("machrt %s\n", mach_version());
        return flushed(FINE);
    }
    while (argc > 1 && which < COMMANDS && strcmp(commands[which].name, argv[1]))
        which++;
    if (argc < 2 || which == COMMANDS)
        return usage(stderr, USAGE);
    for (int i = 2; i < argc; i++) {
        if (!strcmp(argv[i], "--help"))
            return flushed(usage(stdout, FINE));
        if (*argv[i] != '-' && !c.path)
            c.path = argv[i];
        else if (!set_option(&c, commands[which].options, argv[i])) {
            say(stderr, "machrt %s: unknown option or argument `%s`\n", commands[which].name, argv[i]);
            return usage(stderr, USAGE);
        }
    }
    if (commands[which].config != (c.path != NULL))
        return usage(stderr, USAGE);
    return run_command(commands[which].run, &c);
}
