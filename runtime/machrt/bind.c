// SPDX-License-Identifier: MIT
// The commands bind and unbind, and their file of former drivers. Root writes it and believes it, so it is neither a
// link nor somebody else's.
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MODE = 0600 };

static void complain(const char *path, const char *why)
{
    say(stderr, "machrt: %s: %s\n", path, why);
}

// Why a file is not to be trusted; NULL: it is ours alone.
static const char *why_not_ours(int fd)
{
    struct stat st;
    if (fstat(fd, &st))
        return strerror(errno);
    if (!S_ISREG(st.st_mode))
        return "not a regular file";
    if (st.st_uid != geteuid())
        return "it belongs to another user";
    return st.st_mode & 022 ? "others may write to it" : NULL;
}

// Opens the state file; NULL after a message.
static FILE *open_state(const char *path, int flags, const char *mode)
{
    int fd = open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, MODE);
    const char *why = fd < 0 ? (errno == ELOOP ? "it is a symbolic link" : strerror(errno)) : why_not_ours(fd);
    FILE *f = why ? NULL : fdopen(fd, mode);
    if (f)
        return f;
    complain(path, why ? why : strerror(errno));
    if (fd >= 0)
        close(fd);
    return NULL;
}

static int change_drivers(const struct command *c, FILE *state,
                          int (*f)(const struct mach_config *, const struct mach_options *, FILE *,
                                   struct mach_error *))
{
    const struct mach_options o = {.size = sizeof o, .log = c->verbose ? log_line : NULL};
    struct mach_error error = MACH_ERROR_INIT;
    if (c->state && !state)
        return USAGE;
    int r = f(c->config, &o, state, &error);
    return r ? report(&error) : FINE;
}

static int bind_devices(const struct command *c)
{
    // Appends: a second bind finds the devices bound already, and must not forget their former drivers.
    FILE *state = c->state ? open_state(c->state, O_WRONLY | O_APPEND | O_CREAT, "a") : NULL;
    int status = change_drivers(c, state, mach_config_bind);
    if (state && fclose(state)) {
        complain(c->state, strerror(errno));
        return USAGE;
    }
    return status;
}

// Is a line of the state file ("BUS NAME ...") about a device of this config?
static bool is_ours(const struct device_names *names, const char *line)
{
    char name[256];
    return sscanf(line, "%*s %255s", name) == 1 && names_find(names, name) != MACH_CFG_NONE;
}

// Copies the lines of other configs' devices. Returns how many, or -1: they could not be written.
static int copy_others(const struct device_names *names, FILE *from, FILE *to)
{
    char line[512];
    int left = 0;
    rewind(from);
    while (fgets(line, sizeof line, from))
        if (!is_ours(names, line)) {
            fputs(line, to);
            left = 1;
        }
    return ferror(from) || fflush(to) || ferror(to) ? -1 : left;
}

// Removes this config's devices from the state file, and the file when it is empty then.
static int remove_from_state(const struct command *c, FILE *state)
{
    char path[4096];
    struct device_names names;
    if (!names_make(&names, mach_config_file(c->config))) {
        fputs("machrt: out of memory\n", stderr);
        return USAGE;
    }
    // A new file, whatever has that name: mkstemp(3) opens with O_EXCL.
    int n = snprintf(path, sizeof path, "%s.XXXXXX", c->state);
    int fd = n > 0 && (size_t)n < sizeof path ? mkostemp(path, O_CLOEXEC) : -1;
    FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
    int left = out ? copy_others(&names, state, out) : -1, error = errno;
    names_free(&names);
    bool done = left >= 0 && !(left ? rename(path, c->state) : remove(c->state));
    error = done || left < 0 ? error : errno;
    if (fd >= 0 && (!done || !left))
        remove(path);
    if (out)
        fclose(out);
    else if (fd >= 0)
        close(fd);
    if (!done)
        complain(c->state, strerror(error));
    return done ? FINE : USAGE;
}

static int unbind_devices(const struct command *c)
{
    FILE *state = c->state ? open_state(c->state, O_RDONLY, "r") : NULL;
    int status = change_drivers(c, state, mach_config_unbind);
    if (status == FINE && state)
        status = remove_from_state(c, state);
    if (state)
        fclose(state);
    return status;
}

static int uninterrupted(const struct command *c, int (*f)(const struct command *c))
{
    struct signals held;
    int status = hold_signals(&held) ? f(c) : USAGE;
    release_signals(&held);
    return status;
}

int command_bind(const struct command *c)
{
    return uninterrupted(c, bind_devices);
}

int command_unbind(const struct command *c)
{
    return uninterrupted(c, unbind_devices);
}
