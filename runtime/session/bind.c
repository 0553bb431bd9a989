// SPDX-License-Identifier: MIT
// Binds devices to their VFIO drivers, and later to their former drivers again.
//
// Documentation/ABI/testing/sysfs-bus-pci and -platform (driver_override), sysfs-bus: what is written to
// driver_override is the only driver that matches; drivers_probe looks for a driver for one device.
#include "session/steps.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int write_attribute(struct mach_session *s, const char *path, const char *line)
{
    machrt_log(s, "write %s: %s", path, *line == '\n' ? "(nothing)" : line);
    return s->sys.write_file(s->sys.opaque, path, line);
}

static int read_driver(struct mach_session *s, const struct device *d, char *driver, size_t size)
{
    char path[PATH_SIZE];
    if (!machrt_device_path(s, path, d, "driver"))
        return -ENAMETOOLONG;
    int r = machrt_read_link_name(s, path, driver, size);
    if (r == -ENOENT) {
        *driver = '\0';
        return 0;
    }
    return r;
}

static int write_driver(struct mach_session *s, const struct device *d, const char *driver, const char *attribute)
{
    char path[PATH_SIZE];
    if (!machrt_sysfs_path(s, path, "bus/%s/drivers/%s/%s", d->bus->name, driver, attribute))
        return -ENAMETOOLONG;
    return write_attribute(s, path, d->sysfs);
}

static int write_override(struct mach_session *s, const struct device *d, const char *driver)
{
    char path[PATH_SIZE];
    if (!machrt_device_path(s, path, d, "driver_override"))
        return -ENAMETOOLONG;
    return write_attribute(s, path, *driver ? driver : "\n");
}

const char *machrt_driver_stays(struct mach_session *s, const struct device *d, char *driver, size_t size)
{
    char path[PATH_SIZE];
    if (read_driver(s, d, driver, size) || !*driver || !strcmp(driver, d->bus->driver) ||
        !machrt_sysfs_path(s, path, "bus/%s/drivers/%s/unbind", d->bus->name, driver))
        return NULL;
    return s->sys.access(s->sys.opaque, path, F_OK) == -ENOENT
               ? "does not let go of it: it has no `unbind` in sysfs. Boot the host so that it does not bind: "
                 "blacklist "
                 "its module, write initcall_blacklist= if it is built in, or give the node a compatible of its own"
               : NULL;
}

// Undoes a bind in reverse: unbind from the VFIO driver, restore the override, bind to the former driver.
int machrt_undo_bind(struct mach_session *s, void *thing, uint64_t arg)
{
    (void)arg;
    struct device *d = (struct device *)thing;
    int result = 0, r;
    bool back = false;
    if (d->probed) {
        // -ENODEV: it was never bound to it; or its container's driver (fsl-mc) has bound it to its former driver
        // already.
        char driver[64];
        r = write_driver(s, d, d->bus->driver, "unbind");
        result = r < 0 && r != -ENODEV ? r : result;
        back = r == -ENODEV && *d->driver && !read_driver(s, d, driver, sizeof driver) && !strcmp(driver, d->driver);
    }
    if (d->overridden) {
        r = write_override(s, d, d->override);
        result = r < 0 && !result ? r : result;
    }
    if (d->unbound && !back) {
        r = write_driver(s, d, d->driver, "bind");
        result = r < 0 && !result ? r : result;
    }
    d->probed = d->overridden = d->unbound = false;
    char path[PATH_SIZE], name[8];
    // What was unplugged has no driver.
    if (result && machrt_device_path(s, path, d, "") &&
        s->sys.readlink(s->sys.opaque, path, name, sizeof name) == -ENOENT) {
        machrt_log(s, "undo: %s: %s: it is gone", d->name, strerror(-result));
        return 0;
    }
    return result;
}

static int report_bind_error(struct mach_session *s, const struct device *d, int r, const char *driver)
{
    char path[PATH_SIZE];
    const char *who = machrt_device_object(s, d);
    if (r == -EACCES || r == -EPERM)
        return machrt_set_error(s, "bind", r, who, "only root can change drivers; run `machrt bind` as root first");
    if (machrt_sysfs_path(s, path, "bus/%s/drivers/%s", d->bus->name, d->bus->driver) &&
        s->sys.access(s->sys.opaque, path, 0 /* F_OK */))
        return machrt_set_error(s, "bind", r < 0 ? r : ENODEV, who,
                                "the driver %s is not loaded: modprobe %s, unless the kernel has no such module",
                                d->bus->driver, d->bus->driver);
    // VFIO binds to a device without an IOMMU group only in no-IOMMU mode.
    uint32_t group;
    if (machrt_find_group(s, d, &group) == -ENOENT)
        return machrt_set_error(s, "bind", r < 0 ? r : ENODEV, who,
                                "%s did not bind to it: it is not behind an IOMMU that the kernel drives. Only VFIO's "
                                "no-IOMMU mode (vfio.enable_unsafe_noiommu_mode=1) with the backend `noiommu` can pass "
                                "it through, and it can then write to all memory",
                                d->bus->driver);
    if (!strcmp(d->bus->name, "platform"))
        return machrt_set_error(s, "bind", r < 0 ? r : ENODEV, who,
                                "%s did not bind to it%s%s: boot with vfio_platform.reset_required=0 where no reset "
                                "driver knows the device; see dmesg",
                                d->bus->driver, *driver ? ", it is now bound to " : "", driver);
    return machrt_set_error(s, "bind", r < 0 ? r : ENODEV, who, "%s did not bind to it%s%s; see dmesg", d->bus->driver,
                            *driver ? ", it is now bound to " : "", driver);
}

static int read_override(struct mach_session *s, struct device *d)
{
    char path[PATH_SIZE];
    if (!machrt_device_path(s, path, d, "driver_override"))
        return -ENAMETOOLONG;
    int r = machrt_read_line(s, path, d->override, sizeof d->override);
    if (!r && !strcmp(d->override, "(null)"))
        *d->override = '\0';
    return r;
}

static int bind_device(struct mach_session *s, struct device *d)
{
    char path[PATH_SIZE], driver[64];
    const char *target = d->bus->driver;
    int r = read_driver(s, d, d->driver, sizeof d->driver);
    if (r)
        return machrt_set_error(s, "bind", r, machrt_device_object(s, d), "the kernel does not show its driver");
    if (!strcmp(d->driver, target))
        return 0;
    if (s->options.flags & MACH_NO_BIND)
        return machrt_set_error(s, "bind", 0, machrt_device_object(s, d),
                                "it is bound to %s, not to %s: run `machrt bind` first",
                                *d->driver ? d->driver : "no driver", target);
    r = read_override(s, d);
    if (r)
        return machrt_set_error(s, "bind", r, machrt_device_object(s, d), "cannot read its driver_override");
    if (machrt_reserve_undo(s))
        return -1;
    machrt_push_undo(s, machrt_undo_bind, d, 0, d->sysfs);
    if (*d->driver) {
        const char *why = machrt_driver_stays(s, d, driver, sizeof driver);
        if (why)
            return machrt_set_error(s, "bind", EBUSY, machrt_device_object(s, d), "%s %s", d->driver, why);
        r = write_driver(s, d, d->driver, "unbind");
        if (r)
            return machrt_set_error(s, "bind", r, machrt_device_object(s, d), "cannot unbind it from %s", d->driver);
        d->unbound = true;
    }
    r = write_override(s, d, target);
    if (r)
        return report_bind_error(s, d, r, "");
    d->overridden = true;
    if (!machrt_sysfs_path(s, path, "bus/%s/drivers_probe", d->bus->name))
        return machrt_set_error(s, "bind", ENAMETOOLONG, machrt_device_object(s, d), "its path is too long");
    d->probed = true; // even if the write fails, the driver may have been bound
    r = write_attribute(s, path, d->sysfs);
    if (r)
        return report_bind_error(s, d, r, "");
    // The write succeeds even if the probe fails.
    r = read_driver(s, d, driver, sizeof driver);
    return r || strcmp(driver, target) ? report_bind_error(s, d, r, r ? "" : driver) : 0;
}

int machrt_step_bind(struct mach_session *s)
{
    for (uint32_t i = 0; i < s->devices; i++) {
        struct device *d = &s->device[i];
        if (!d->vfio)
            continue;
        int r = d->bus ? 0 : machrt_find_bus(s, d);
        if (r)
            return machrt_set_error(s, "bind", r, machrt_device_object(s, d), "the host has no such device");
        if (bind_device(s, d))
            return -1;
    }
    return 0;
}

/* ---- without a session ---- */

// Writes a line for each device that was changed: "BUS NAME DRIVER OVERRIDE", "-" for none.
static void write_state(const struct mach_session *s, FILE *state)
{
    for (uint32_t i = 0; i < s->devices; i++) {
        const struct device *d = &s->device[i];
        if (d->overridden)
            fprintf(state, "%s %s %s %s\n", d->bus->name, d->sysfs, *d->driver ? d->driver : "-",
                    *d->override ? d->override : "-");
    }
}

int mach_config_bind(const struct mach_config *config, const struct mach_options *options, FILE *state,
                     struct mach_error *error)
{
    struct mach_session *s;
    int result = machrt_session_new(config, options, NULL, NULL, &s, error);
    if (result)
        return result;
    bool failed = machrt_step_bind(s);
    if (!failed && state) {
        write_state(s, state);
        failed = fflush(state) || ferror(state);
        if (failed)
            machrt_set_error(s, "bind", errno, "the state file", "cannot write it");
    }
    if (!failed)
        s->undos = 0; // the new drivers are to stay
    result = failed ? s->result : 0;
    machrt_session_end(s, NULL);
    return result;
}

static int by_sysfs_name(const void *a, const void *b)
{
    return strcmp((*(struct device *const *)a)->sysfs, (*(struct device *const *)b)->sysfs);
}

// Stores the former drivers in the devices. 0, or -1 after machrt_set_error().
static int read_state(struct mach_session *s, FILE *state)
{
    char line[512], bus[16], name[208], driver[64], override[64];
    struct device **sorted = (struct device **)machrt_session_alloc(s, s->devices, sizeof(struct device *));
    if (!sorted)
        return -1;
    for (uint32_t i = 0; i < s->devices; i++)
        sorted[i] = &s->device[i];
    if (s->devices)
        qsort(sorted, s->devices, sizeof *sorted, by_sysfs_name);
    while (s->devices && fgets(line, sizeof line, state)) {
        if (sscanf(line, "%15s %207s %63s %63s", bus, name, driver, override) != 4 || strchr(driver, '/'))
            continue;
        struct device key = {.sysfs = name}, *wanted = &key;
        struct device **found = (struct device **)bsearch(&wanted, sorted, s->devices, sizeof *sorted, by_sysfs_name);
        if (!found)
            continue;
        struct device *d = *found;
        strcpy(d->driver, strcmp(driver, "-") ? driver : "");
        strcpy(d->override, strcmp(override, "-") ? override : "");
        d->overridden = true;
        d->unbound = *d->driver != '\0';
    }
    return 0;
}

static int unbind_device(struct mach_session *s, struct device *d, bool known)
{
    char driver[64], path[PATH_SIZE];
    int r = machrt_find_bus(s, d);
    if (r)
        return r == -ENODEV ? 0
                            : machrt_set_error(s, "bind", r, machrt_device_object(s, d), "the kernel does not show it");
    r = read_driver(s, d, driver, sizeof driver);
    if (r)
        return machrt_set_error(s, "bind", r, machrt_device_object(s, d), "the kernel does not show its driver");
    if (strcmp(driver, d->bus->driver))
        return 0;
    bool probe = !known || !d->overridden;
    if (probe)
        *d->override = *d->driver = '\0';
    d->probed = d->overridden = true;
    d->unbound = !probe && *d->driver;
    r = machrt_undo_bind(s, d, 0);
    if (!r && probe)
        r = machrt_sysfs_path(s, path, "bus/%s/drivers_probe", d->bus->name) ? write_attribute(s, path, d->sysfs)
                                                                             : -ENAMETOOLONG;
    return r ? machrt_set_error(s, "bind", r, machrt_device_object(s, d), "cannot bind it to its former driver") : 0;
}

int mach_config_unbind(const struct mach_config *config, const struct mach_options *options, FILE *state,
                       struct mach_error *error)
{
    struct mach_session *s;
    int result = machrt_session_new(config, options, NULL, NULL, &s, error);
    if (result)
        return result;
    if (state && read_state(s, state)) {
        result = s->result;
        machrt_session_end(s, NULL);
        return result;
    }
    // A failure for one device does not stop the others.
    for (uint32_t i = 0; i < s->devices; i++)
        if (s->device[i].vfio && unbind_device(s, &s->device[i], state != NULL))
            result = s->result;
    machrt_session_end(s, NULL);
    return result;
}
