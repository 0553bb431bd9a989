// SPDX-License-Identifier: MIT
/*
 * What a host keeps for a guest's devices, once it was prepared with the overlay and the arguments that machc made:
 * links to the buses that have the devices' clocks and power domains, properties of its tree, arguments of its kernel,
 * cpus.
 */
#include "session/steps.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>

// A finding while it is made.
struct finding {
    const struct mach_session *s;
    char *text;
    size_t size;
};

static enum mach_proof conclude(const struct finding *f, enum mach_proof proof, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static enum mach_proof conclude(const struct finding *f, enum mach_proof proof, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(f->text, f->size, format, args);
    va_end(args);
    return proof;
}

static enum mach_proof not_shown(const struct finding *f, int r)
{
    return conclude(f, MACH_PROOF_UNKNOWN, "the kernel does not show it: %s", strerror(-r));
}

// The overlay's name, as machc -O forms it from that of the host's tree: "board.host.dtbo".
static const char *overlay_name(const struct mach_session *s, char *name, size_t size)
{
    const char *file = machrt_string(s, mach_cfg_machine_host_file(mach_cfg_record(s->f, MACH_CFG_S_MACHINE, 0)));
    const char *slash = strrchr(file, '/'), *base = slash ? slash + 1 : file, *dot = strrchr(base, '.');
    snprintf(name, size, "%.*s.host.dtbo", (int)(dot ? dot - base : (ptrdiff_t)strlen(base)), base);
    return name;
}

/* ---- arguments of the kernel ---- */

enum { ARGUMENT_SIZE = 128 };

static bool is_same_name(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) // Linux kernel/params.c, dash2underscore()
        if ((a[i] == '-' ? '_' : a[i]) != (b[i] == '-' ? '_' : b[i]))
            return false;
    return true;
}

// The value of the kernel's argument NAME=, of which the last one counts: 1; 0: there is none; -errno.
static int find_argument(const struct mach_session *s, const char *name, size_t length, char *value, size_t size)
{
    char path[PATH_SIZE], line[8192];
    if (snprintf(path, sizeof path, "%s/cmdline", s->sys.proc) >= PATH_SIZE)
        return -ENAMETOOLONG;
    int r = machrt_read_line(s, path, line, sizeof line), found = 0;
    for (char *at = line; !r && *(at += strspn(at, " "));) {
        size_t n = 0;
        for (bool quoted = false; at[n] && (quoted || at[n] != ' '); n++)
            quoted ^= at[n] == '"';
        if (n == 2 && !memcmp(at, "--", 2))
            break; // what follows is for init
        if (n > length && at[length] == '=' && is_same_name(at, name, length)) {
            snprintf(value, size, "%.*s", (int)(n - length - 1), at + length + 1);
            found = 1;
        }
        at += n;
    }
    return r ? r : found;
}

// A module shows a parameter of type bool as Y or N.
static bool is_same_value(const char *has, const char *wanted)
{
    return !strcmp(has, wanted) || (!strcmp(has, "N") && !strcmp(wanted, "0")) ||
           (!strcmp(has, "Y") && !strcmp(wanted, "1"));
}

// "NAME=VALUE", of a module where there is a dot in the name: what the module was loaded with counts then.
static enum mach_proof check_argument(const struct finding *f, const char *argument, bool *later)
{
    char path[PATH_SIZE], value[ARGUMENT_SIZE];
    const char *equals = strchr(argument, '='), *dot = strchr(argument, '.');
    int r = -ENOENT;
    *later = true; // without its module there is no device either
    if (!equals || strchr(argument, '/'))
        return conclude(f, MACH_PROOF_FAILS, "not a valid argument of a kernel");
    if (dot && dot < equals) {
        if (!machrt_sysfs_path(f->s, path, "module/%.*s/parameters/%.*s", (int)(dot - argument), argument,
                               (int)(equals - dot - 1), dot + 1))
            return not_shown(f, -ENAMETOOLONG);
        r = machrt_read_line(f->s, path, value, sizeof value);
        if (r && r != -ENOENT)
            return not_shown(f, r);
    }
    if (r)
        r = find_argument(f->s, argument, (size_t)(equals - argument), value, sizeof value);
    else
        r = 1;
    if (r < 0)
        return not_shown(f, r);
    if (!r)
        return conclude(f, MACH_PROOF_UNKNOWN, "the kernel was started without it, and its module is not loaded");
    if (is_same_value(value, equals + 1))
        return MACH_PROOF_HOLDS;
    return conclude(f, MACH_PROOF_FAILS, "it is %.60s: boot with `%.200s`", value, argument);
}

/* ---- links ---- */

// Reads a file of the link from a device to the bus that runs for it.
static int read_link(const struct mach_session *s, const struct device *d, const char *bus, const char *file,
                     char *line, size_t size)
{
    char path[PATH_SIZE];
    size_t n;
    if (!machrt_device_path(s, path, d, "supplier:platform:"))
        return -ENAMETOOLONG;
    n = strlen(path);
    if (snprintf(path + n, sizeof path - n, "%s/%s", bus, file) >= (int)(sizeof path - n))
        return -ENAMETOOLONG;
    return machrt_read_line(s, path, line, size);
}

// What made no link, or one that runs nothing, and what makes it.
static enum mach_proof need_links(const struct finding *f, const char *what)
{
    static const char name[] = "fw_devlink";
    char value[ARGUMENT_SIZE];
    bool given = find_argument(f->s, name, sizeof name - 1, value, sizeof value) == 1;
    if (given && !strcmp(value, "rpm"))
        return conclude(f, MACH_PROOF_FAILS,
                        "%s, in spite of `fw_devlink=rpm`: see the kernel's log for a dependency cycle", what);
    if (given)
        return conclude(f, MACH_PROOF_FAILS, "%s: boot with `fw_devlink=rpm`, not with `fw_devlink=%.40s`", what,
                        value);
    return conclude(f, MACH_PROOF_FAILS, "%s: boot with `fw_devlink=rpm`", what);
}

static enum mach_proof check_link(const struct finding *f, const struct device *d, const char *bus)
{
    char path[PATH_SIZE], status[32], line[32], name[128];
    if (!*bus || strchr(bus, '/'))
        return conclude(f, MACH_PROOF_FAILS, "not a valid name of a device");
    int r = read_link(f->s, d, bus, "status", status, sizeof status);
    if (r == -ENOENT) {
        if (machrt_sysfs_path(f->s, path, "bus/platform/devices/%s", bus) &&
            !f->s->sys.access(f->s->sys.opaque, path, 0 /* F_OK */))
            return need_links(f, "nothing runs it while the device is open");
        return conclude(f, MACH_PROOF_FAILS,
                        "the host has no such bus, so that nothing keeps the device's clocks and power domains: boot "
                        "with %.100s on the host's tree",
                        overlay_name(f->s, name, sizeof name));
    }
    if (r)
        return not_shown(f, r);
    r = read_link(f->s, d, bus, "sync_state_only", line, sizeof line);
    bool only = !r && !strcmp(line, "1");
    if (!r)
        r = read_link(f->s, d, bus, "runtime_pm", line, sizeof line);
    if (r)
        return not_shown(f, r);
    if (only || strcmp(line, "1"))
        return need_links(f, "nothing runs it while the device is open");
    if (!strcmp(status, "dormant"))
        return conclude(f, MACH_PROOF_FAILS,
                        "it has no driver: the provider of a clock or power domain has none yet, see "
                        "/sys/kernel/debug/devices_deferred");
    r = read_link(f->s, d, bus, "supplier/power/runtime_status", line, sizeof line);
    if (r == -ENOENT || (!r && !strcmp(line, "unsupported")))
        return conclude(f, MACH_PROOF_FAILS, "the kernel cannot run it: it needs CONFIG_PM");
    if (r)
        return not_shown(f, r);
    return MACH_PROOF_HOLDS;
}

int machrt_prove_links(struct mach_session *s)
{
    for (uint32_t i = 0; i < s->f->section[MACH_CFG_S_EXPECT].count && !(s->options.flags & MACH_NO_PROOF); i++) {
        struct mach_cfg_rec e = mach_cfg_record(s->f, MACH_CFG_S_EXPECT, i);
        if (mach_cfg_expect_kind(e) != MACH_CFG_EXPECT_POWER_LINK)
            continue;
        const struct device *d = &s->device[mach_cfg_expect_device(e)];
        const char *bus = machrt_string(s, mach_cfg_expect_string(e));
        char line[32];
        int r = d->fd < 0 ? -ENXIO : read_link(s, d, bus, "supplier/power/runtime_status", line, sizeof line);
        if (r || strcmp(line, "active"))
            return machrt_set_error(s, "expect", 0, machrt_device_object(s, d),
                                    "it is open, but %.100s, which has its clocks and power domains, is %.40s", bus,
                                    r ? strerror(-r) : line);
    }
    return 0;
}

/* ---- the host's tree, its cpus ---- */

static enum mach_proof check_property(const struct finding *f, const char *property, uint64_t number)
{
    char path[PATH_SIZE], name[128];
    uint8_t data[9];
    if (*property != '/' || strstr(property, "/.."))
        return conclude(f, MACH_PROOF_FAILS, "not a valid path in a tree");
    if (!machrt_sysfs_path(f->s, path, "firmware/devicetree/base%s", property))
        return not_shown(f, -ENAMETOOLONG);
    int64_t n = f->s->sys.read_file(f->s->sys.opaque, path, data, sizeof data);
    if (n == -ENOENT)
        return conclude(f, MACH_PROOF_FAILS, "the host's tree has no such property: boot with %.100s on it",
                        overlay_name(f->s, name, sizeof name));
    if (n < 0)
        return not_shown(f, (int)n);
    if (number == MACH_CFG_NONE64)
        return MACH_PROOF_HOLDS;
    uint64_t has = 0;
    for (int64_t i = 0; i < n && i < 8; i++)
        has = has << 8 | data[i];
    if (n != 4 && n != 8)
        return conclude(f, MACH_PROOF_FAILS, "it is not a number");
    if (has == number)
        return MACH_PROOF_HOLDS;
    return conclude(f, MACH_PROOF_FAILS, "it is %" PRIu64 ", not %" PRIu64 ": boot with %.100s on the host's tree", has,
                    number, overlay_name(f->s, name, sizeof name));
}

static enum mach_proof check_isolated(const struct finding *f, uint32_t cpu)
{
    char path[PATH_SIZE], list[2048];
    int r = machrt_sysfs_path(f->s, path, "devices/system/cpu/isolated")
                ? machrt_read_line(f->s, path, list, sizeof list)
                : -ENAMETOOLONG;
    if (r)
        return not_shown(f, r);
    if (machrt_list_contains(list, cpu))
        return MACH_PROOF_HOLDS;
    return conclude(f, MACH_PROOF_FAILS,
                    "the host's scheduler uses it: boot with `isolcpus=managed_irq,domain,%u`, %s%.200s", cpu,
                    *list ? "isolated are " : "no cpu is isolated", list);
}

enum mach_proof machrt_check_prepared(const struct mach_session *s, struct mach_cfg_rec e, const struct device *d,
                                      char *text, size_t size, bool *later)
{
    const struct finding f = {s, text, size};
    const char *string = machrt_string(s, mach_cfg_expect_string(e));
    switch (mach_cfg_expect_kind(e)) {
    case MACH_CFG_EXPECT_POWER_LINK:
        return check_link(&f, d, string);
    case MACH_CFG_EXPECT_TREE_PROPERTY:
        return check_property(&f, string, mach_cfg_expect_a(e));
    case MACH_CFG_EXPECT_ARGUMENT:
        return check_argument(&f, string, later);
    default:
        return check_isolated(&f, mach_cfg_expect_index(e));
    }
}
