// SPDX-License-Identifier: MIT
// What a file is: paths are spelled in many ways, and a node can have any name. Registers of a PCI function, of a UIO
// device and /dev/mem are one space: that of physical addresses.
#include "session/claims.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

enum { MEM_MAJOR = 1, MEM_MINOR = 1 }; // Linux Documentation/admin-guide/devices.txt
enum { BARS = 6 };

static int refuse(struct mach_session *s, const struct claim *c, int number, const char *why)
{
    return machrt_set_error(s, c->step, number, c->who, "%.300s: %s", c->path, why);
}

/* ---- registers of PCI functions: sysfs's resourceN ---- */

struct resource {
    uint64_t inode, first;
};

struct resources {
    struct mach_session *s;
    uint64_t device; // of sysfs
    struct resource *list;
    uint32_t count, room;
    int result;
};

static int by_inode(const void *a, const void *b)
{
    const struct resource *x = (const struct resource *)a, *y = (const struct resource *)b;
    return (x->inode > y->inode) - (x->inode < y->inode);
}

// Opens a file for its identity alone. 0, or -errno.
static int stat_path(struct mach_session *s, const char *path, struct mach_stat *to)
{
    int fd = s->sys.open(s->sys.opaque, path, O_RDONLY);
    if (fd < 0)
        return fd;
    int r = s->sys.stat(s->sys.opaque, fd, to);
    s->sys.close(s->sys.opaque, fd);
    return r;
}

static int add_resource(struct resources *x, uint64_t inode, uint64_t first)
{
    struct resource *list = (struct resource *)machrt_session_grow(x->s, x->list, x->count, &x->room, sizeof *list);
    if (!list)
        return x->result = -1;
    x->list = list;
    x->list[x->count++] = (struct resource){inode, first};
    return 0;
}

// Adds the files of one function. What cannot be opened is no file of this session's.
static int add_function(void *arg, const char *name, int is_directory)
{
    static const char *const endings[] = {"", "_wc"};
    struct resources *x = (struct resources *)arg;
    char path[PATH_SIZE];
    (void)is_directory;
    for (unsigned i = 0; i < BARS * 2; i++) {
        struct mach_stat st;
        uint64_t first, size;
        bool ports;
        if (!machrt_sysfs_path(x->s, path, "bus/pci/devices/%.200s/resource%u%s", name, i / 2, endings[i % 2]) ||
            stat_path(x->s, path, &st))
            continue;
        if (!machrt_sysfs_path(x->s, path, "bus/pci/devices/%.200s/resource", name) ||
            machrt_read_resource(x->s, path, i / 2, &first, &size, &ports) || ports)
            continue;
        if (add_resource(x, st.inode, first))
            return 1;
    }
    return 0;
}

// Lists them all, once: a file can be one of them under any name. 0, or -1 after machrt_set_error().
static int list_resources(struct mach_session *s)
{
    char path[PATH_SIZE];
    struct mach_stat st;
    struct resources *x = s->resources ? NULL : (struct resources *)machrt_session_alloc(s, 1, sizeof *x);
    if (s->resources)
        return 0;
    if (!x)
        return -1;
    x->s = s;
    // Where sysfs is not mounted, its folder can be there, and be on another file system.
    int r = machrt_sysfs_path(s, path, "bus") ? stat_path(s, path, &st) : -ENAMETOOLONG;
    if (r)
        return machrt_set_error(s, "region", r, path, "there is no sysfs, which tells registers from files");
    x->device = st.device;
    r = machrt_sysfs_path(s, path, "bus/pci/devices") ? s->sys.list(s->sys.opaque, path, add_function, x)
                                                      : -ENAMETOOLONG;
    r = r == -ENOENT ? 0 : r; // a board without PCI
    if (r || x->result)
        return r ? machrt_set_error(s, "region", r, s->sys.sysfs, "the kernel does not show it") : -1;
    if (x->count)
        qsort(x->list, x->count, sizeof *x->list, by_inode);
    s->resources = x;
    return 0;
}

// A file of sysfs is registers, or it is nothing that a machine can have.
static int identify_in_sysfs(struct mach_session *s, const struct claim *c, struct identity *to)
{
    const struct resources *x = s->resources;
    struct resource key = {to->inode, 0};
    const struct resource *found =
        x->count ? (const struct resource *)bsearch(&key, x->list, x->count, sizeof key, by_inode) : NULL;
    if (!found || c->memory)
        return refuse(s, c, EINVAL, "it is a file of sysfs, and no PCI function's registers");
    to->physical = true;
    to->first = found->first + c->offset;
    return 0;
}

/* ---- devices ---- */

// Reads a number from an attribute of a character device. 0 or -errno.
static int read_number(struct mach_session *s, uint64_t special, const char *attribute, int base, uint64_t *to)
{
    char path[PATH_SIZE], line[32], *end;
    int r = machrt_sysfs_path(s, path, "dev/char/%u:%u/%s", major(special), minor(special), attribute)
                ? machrt_read_line(s, path, line, sizeof line)
                : -ENAMETOOLONG;
    if (r)
        return r;
    *to = strtoull(line, &end, base);
    return end == line || *end ? -EINVAL : 0;
}

// Is it UIO's? Its name is stored. 0; -ENODEV: it is not; -errno.
static int find_uio(struct mach_session *s, struct identity *to)
{
    char path[PATH_SIZE], name[32];
    unsigned m = major(to->special), n = minor(to->special);
    int r = machrt_sysfs_path(s, path, "dev/char/%u:%u/subsystem", m, n)
                ? machrt_read_link_name(s, path, name, sizeof name)
                : -ENAMETOOLONG;
    if (r || strcmp(name, "uio"))
        return r ? r : -ENODEV;
    return machrt_sysfs_path(s, path, "dev/char/%u:%u", m, n)
               ? machrt_read_link_name(s, path, to->device_node, sizeof to->device_node)
               : -ENAMETOOLONG;
}

// Map N of a UIO device begins N pages into its file (Linux Documentation/driver-api/uio-howto.rst).
static int identify_uio_map(struct mach_session *s, const struct claim *c, struct identity *to)
{
    char attribute[40];
    uint64_t address;
    snprintf(attribute, sizeof attribute, "maps/map%" PRIu64 "/addr", c->offset / s->page);
    int r = read_number(s, to->special, attribute, 16, &address);
    if (r)
        return refuse(s, c, r, "its UIO device has no such map");
    to->physical = true;
    to->first = address / s->page * s->page + c->offset % s->page;
    return 0;
}

static int identify_device(struct mach_session *s, const struct claim *c, struct identity *to)
{
    if (major(to->special) == MEM_MAJOR && minor(to->special) == MEM_MINOR) {
        strcpy(to->device_node, "mem");
        to->physical = true;
        return 0;
    }
    if (!c->memory && !find_uio(s, to))
        return identify_uio_map(s, c, to);
    *to->device_node = '\0';
    // Device DAX has a size; to touch what is beyond the end of a device without one can end the process.
    int r = c->memory ? read_number(s, to->special, "size", 10, &to->end) : 0;
    return r ? refuse(s, c, r, "the kernel does not show the size of this device") : 0;
}

/* ---- any file ---- */

static int read_identity(struct mach_session *s, const struct claim *c, struct identity *to, struct mach_stat *st)
{
    int r = s->sys.stat(s->sys.opaque, c->fd, st);
    if (r)
        return refuse(s, c, r, "the kernel does not show what it is");
    *to = (struct identity){st->device, st->inode, st->special, false, c->offset, UINT64_MAX, ""};
    return 0;
}

int machrt_identify(struct mach_session *s, const struct claim *c, struct identity *to)
{
    struct mach_stat st;
    if (read_identity(s, c, to, &st))
        return -1;
    if (S_ISCHR(st.mode))
        return identify_device(s, c, to);
    if (!S_ISREG(st.mode))
        return refuse(s, c, EINVAL, "it is neither a file nor a character device");
    to->end = st.bytes;
    if (list_resources(s))
        return -1;
    return st.device == s->resources->device ? identify_in_sysfs(s, c, to) : 0;
}

int machrt_identify_uio(struct mach_session *s, const struct claim *c, struct identity *to)
{
    struct mach_stat st;
    if (read_identity(s, c, to, &st))
        return -1;
    int r = S_ISCHR(st.mode) ? find_uio(s, to) : -ENODEV;
    return r ? refuse(s, c, r == -ENOENT ? ENODEV : r, "it is no UIO device, and only these deliver interrupts") : 0;
}
