// SPDX-License-Identifier: MIT
// The commands of machrt. Each returns an exit status.
#ifndef MACHRT_COMMAND_H
#define MACHRT_COMMAND_H

#include "machrt.h"

#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

enum { FINE = 0, FAILED = 1, USAGE = 2 };

struct command {
    const char *path; // of the config; or NULL
    const struct mach_config *config;
    enum mach_backend backend;
    const char *state;
    const char *policy; // its file; or NULL
    bool json, all, kvm, verbose, stop, host, open;
    unsigned seconds;
};

/* Prints what the policy does not allow. An exit status. */
int check_policy(const struct command *c);

int command_policy(const struct command *c);
int command_show(const struct command *c);
int command_check(const struct command *c);
int command_probe(const struct command *c);
int command_plan(const struct command *c);
int command_bind(const struct command *c);
int command_unbind(const struct command *c);
int command_run(const struct command *c);

/* Prints an error. Returns the exit status. */
int report(const struct mach_error *e);
/* Flushes standard output. Returns `status`, or USAGE after a message. */
int flushed(int status);
/* options.log for --verbose. */
void log_line(void *opaque, const char *line);

/* ---- signals.c ---- */

struct signals {
    sigset_t before; // the mask
    int fd;          // becomes readable when one has come, which stays pending
};

/* Holds the signals that would end the process. False after a message. */
bool hold_signals(struct signals *to);
/* Lets them through, one that has come as well. Also after hold_signals() has failed. */
void release_signals(struct signals *held);

/* ---- say.c ---- */

/*
 * printf, for texts that have names of others in them: they are cleaned (mach_cfg_clean()), and end after 4 KiB. A line
 * feed stays where `format` ends with one.
 */
void say(FILE *to, const char *format, ...) __attribute__((format(printf, 2, 3)));
void say_va(FILE *to, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
/* Prints n bytes as a string of JSON: all but printable ASCII as \u00XX. */
void say_json(FILE *to, const char *s, size_t n);

/* ---- names.c ---- */

/* An index of the devices by their names in sysfs. */
struct device_names {
    struct device_name {
        const char *name;
        uint32_t device; // record of section DEVICE, or MEMORY
    } * name;
    uint32_t count;
    size_t most; // bytes of a name that are compared
};

/* false: out of memory. */
bool names_make(struct device_names *n, const struct mach_cfg_file *f);
/* The same of memory, whose names are cut off after `most` bytes in what is looked for. */
bool names_of_memory(struct device_names *n, const struct mach_cfg_file *f, size_t most);
/* The first device of that name; MACH_CFG_NONE: there is none. */
uint32_t names_find(const struct device_names *n, const char *name);
void names_free(struct device_names *n);

/* ---- probe_vfio.c ---- */

struct mach_sys;

/* Prints what VFIO offers of a device: an object of the list "devices". False after a message: it cannot be asked. */
bool probe_device(const struct mach_sys *sys, FILE *out, unsigned group, const char *name, bool first);

/* ---- probe_memory.c ---- */

/* Prints "pool", "reserved_memory" and "dma_heaps": members of an object, each followed by a comma. */
void probe_memory(const struct mach_sys *sys, FILE *out);

/* ---- probe_power.c ---- */

/* Prints "clocks", where they can be read, and "regulators": members of an object, each followed by a comma. */
void probe_power(const struct mach_sys *sys, FILE *out);

#endif
