// SPDX-License-Identifier: MIT
// Paths and small files in sysfs.
#include "core/session.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

static const struct bus buses[] = {
    {"platform", "vfio-platform"},
    {"amba", "vfio-amba"},
    {"fsl-mc", "vfio-fsl-mc"},
    {"pci", "vfio-pci"},
};
static const struct bus *const pci_bus = &buses[3];

static bool join_path(char *path, const char *root, const char *format, va_list args)
{
    int n = snprintf(path, PATH_SIZE, "%s/", root);
    if (n < 0 || n >= PATH_SIZE)
        return false;
    int m = vsnprintf(path + n, (size_t)(PATH_SIZE - n), format, args);
    return m >= 0 && m < PATH_SIZE - n;
}

bool machrt_sysfs_path(const struct mach_session *s, char *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    bool fits = join_path(path, s->sys.sysfs, format, args);
    va_end(args);
    return fits;
}

bool machrt_dev_path(const struct mach_session *s, char *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    bool fits = join_path(path, s->sys.dev, format, args);
    va_end(args);
    return fits;
}

bool machrt_file_path(const struct mach_session *s, char *path, const char *file)
{
    int dev = !strncmp(file, "/dev/", 5);
    int n = snprintf(path, PATH_SIZE, "%s%s", dev ? s->sys.dev : "", dev ? file + 4 : file);
    return n >= 0 && n < PATH_SIZE;
}

bool machrt_device_path(const struct mach_session *s, char *path, const struct device *d, const char *attribute)
{
    return machrt_sysfs_path(s, path, "bus/%s/devices/%s%s%s", d->bus->name, d->sysfs, *attribute ? "/" : "",
                             attribute);
}

int machrt_read_link_name(const struct mach_session *s, const char *path, char *name, size_t size)
{
    char target[PATH_SIZE];
    int64_t n = s->sys.readlink(s->sys.opaque, path, target, sizeof target);
    if (n < 0)
        return (int)n;
    const char *slash = strrchr(target, '/'), *last = slash ? slash + 1 : target;
    if (strlen(last) >= size)
        return -ENAMETOOLONG;
    strcpy(name, last);
    return 0;
}

int machrt_read_line(const struct mach_session *s, const char *path, char *line, size_t size)
{
    int64_t n = s->sys.read_file(s->sys.opaque, path, line, size - 1);
    if (n < 0)
        return (int)n;
    line[n] = '\0';
    line[strcspn(line, "\n")] = '\0';
    return 0;
}

// "0xSTART 0xEND 0xFLAGS" (Linux drivers/pci/pci-sysfs.c, resource_show(); drivers/amba/bus.c, resource_show(), whose
// fields are without 0x).
int machrt_read_resource(const struct mach_session *s, const char *path, uint32_t index, uint64_t *start,
                         uint64_t *size, bool *ports)
{
    enum { IORESOURCE_IO = 0x100 }; // Linux include/linux/ioport.h
    char data[2048];
    int64_t n = s->sys.read_file(s->sys.opaque, path, data, sizeof data - 1);
    if (n < 0)
        return (int)n;
    data[n] = '\0';
    char *at = data, *end;
    for (; index && at; index--) {
        at = strchr(at, '\n');
        at = at ? at + 1 : NULL;
    }
    if (!at || !*at)
        return -ENOENT;
    *start = strtoull(at, &end, 16);
    uint64_t last = strtoull(end, &end, 16);
    *ports = strtoull(end, NULL, 16) & IORESOURCE_IO;
    *size = last > *start ? last - *start + 1 : 0;
    return 0;
}

int machrt_find_bus(struct mach_session *s, struct device *d)
{
    bool pci = mach_cfg_device_kind(d->rec) == MACH_CFG_DEVICE_PCI;
    char path[PATH_SIZE], name[256];
    for (const struct bus *b = pci ? pci_bus : buses; !d->bus && b < (pci ? pci_bus + 1 : pci_bus); b++) {
        if (!machrt_sysfs_path(s, path, "bus/%s/devices/%s", b->name, d->sysfs))
            return -ENAMETOOLONG;
        int r = machrt_read_link_name(s, path, name, sizeof name);
        if (!r)
            d->bus = b;
        else if (r != -ENOENT)
            return r;
    }
    return d->bus ? 0 : -ENODEV;
}

int machrt_find_group(struct mach_session *s, const struct device *d, uint32_t *group)
{
    char path[PATH_SIZE], name[32], *end;
    if (!machrt_device_path(s, path, d, "iommu_group"))
        return -ENAMETOOLONG;
    int r = machrt_read_link_name(s, path, name, sizeof name);
    if (r)
        return r;
    unsigned long n = strtoul(name, &end, 10);
    if (end == name || *end || n >= GROUP_NONE)
        return -EINVAL;
    *group = (uint32_t)n;
    return 0;
}

bool machrt_list_contains(const char *list, uint32_t n)
{
    for (const char *p = list; *p >= '0' && *p <= '9';) {
        char *end;
        unsigned long first = strtoul(p, &end, 10), last = first;
        if (*end == '-')
            last = strtoul(end + 1, &end, 10);
        if (n >= first && n <= last)
            return true;
        p = *end == ',' ? end + 1 : end;
    }
    return false;
}
