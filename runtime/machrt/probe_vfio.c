// SPDX-License-Identifier: MIT
// probe --open: what VFIO reports of the devices that are bound to it, through their groups, or through their own nodes
// where the kernel has no groups (CONFIG_VFIO_GROUP).
#include "command.h"

#include "uapi/iommufd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/vfio.h>
#include <string.h>

enum { PATH_BYTES = 512, MOST_OF_ONE = 256 }; // regions or interrupts: what a device has is 9 and 5, or a few dozen

struct flag {
    uint32_t bit;
    const char *name;
};

static void print_flags(FILE *out, uint32_t set, const struct flag *names, size_t n)
{
    const char *before = "";
    fputs(", \"flags\": [", out);
    for (size_t i = 0; i < n; i++)
        if (set & names[i].bit) {
            fprintf(out, "%s\"%s\"", before, names[i].name);
            before = ", ";
        }
    fputs("]}", out);
}

static void print_regions(const struct mach_sys *sys, FILE *out, int fd, uint32_t n)
{
    static const struct flag names[] = {{VFIO_REGION_INFO_FLAG_READ, "read"},
                                        {VFIO_REGION_INFO_FLAG_WRITE, "write"},
                                        {VFIO_REGION_INFO_FLAG_MMAP, "mmap"}};
    const char *before = "";
    for (uint32_t i = 0; i < n && i < MOST_OF_ONE; i++) {
        struct vfio_region_info info = {.argsz = sizeof info, .index = i};
        if (sys->ioctl(sys->opaque, fd, VFIO_DEVICE_GET_REGION_INFO, &info) || !info.size)
            continue; // PCI: an absent BAR, VGA
        fprintf(out, "%s\n        {\"index\": %" PRIu32 ", \"size\": \"0x%" PRIx64 "\"", before, i,
                (uint64_t)info.size);
        print_flags(out, info.flags, names, sizeof names / sizeof names[0]);
        before = ",";
    }
}

static void print_interrupts(const struct mach_sys *sys, FILE *out, int fd, uint32_t n)
{
    static const struct flag names[] = {{VFIO_IRQ_INFO_EVENTFD, "eventfd"},
                                        {VFIO_IRQ_INFO_MASKABLE, "maskable"},
                                        {VFIO_IRQ_INFO_AUTOMASKED, "automasked"},
                                        {VFIO_IRQ_INFO_NORESIZE, "noresize"}};
    const char *before = "";
    for (uint32_t i = 0; i < n && i < MOST_OF_ONE; i++) {
        struct vfio_irq_info info = {.argsz = sizeof info, .index = i};
        if (sys->ioctl(sys->opaque, fd, VFIO_DEVICE_GET_IRQ_INFO, &info) || !info.count)
            continue;
        fprintf(out, "%s\n        {\"index\": %" PRIu32 ", \"count\": %" PRIu32, before, i, info.count);
        print_flags(out, info.flags, names, sizeof names / sizeof names[0]);
        before = ",";
    }
}

static void report_refused(const char *what, const char *name, int r)
{
    say(stderr, "machrt: cannot query %s %s: %s\n", what, name, strerror(-r));
}

/* The device's fd, opened in a container of its own; -errno. fd[0] and fd[1] are the other files that are open then. */
static int open_in_group(const struct mach_sys *sys, unsigned group, const char *name, int fd[2])
{
    char path[PATH_BYTES];
    fd[0] = fd[1] = -1;
    snprintf(path, sizeof path, "%s/vfio/vfio", sys->dev);
    fd[0] = sys->open(sys->opaque, path, O_RDWR);
    if (fd[0] < 0)
        return fd[0];
    snprintf(path, sizeof path, "%s/vfio/%u", sys->dev, group);
    fd[1] = sys->open(sys->opaque, path, O_RDWR);
    if (fd[1] < 0)
        return fd[1];
    int r = sys->ioctl(sys->opaque, fd[1], VFIO_GROUP_SET_CONTAINER, &fd[0]);
    if (!r)
        r = sys->ioctl(sys->opaque, fd[0], VFIO_SET_IOMMU, (void *)(uintptr_t)VFIO_TYPE1v2_IOMMU);
    return r ? r : sys->ioctl(sys->opaque, fd[1], VFIO_GROUP_GET_DEVICE_FD, (void *)(uintptr_t)name);
}

struct node {
    char name[32]; // "vfio7"
};

static int store_node_name(void *arg, const char *name, int is_directory)
{
    struct node *n = (struct node *)arg;
    if (!is_directory || strncmp(name, "vfio", 4) || strlen(name) >= sizeof n->name)
        return 0;
    strcpy(n->name, name);
    return 1;
}

/* The same through its node and an iommufd: bound to it, attached to nothing. */
static int open_node(const struct mach_sys *sys, unsigned group, const char *name, int fd[2])
{
    char path[PATH_BYTES];
    struct node node = {""};
    snprintf(path, sizeof path, "%s/kernel/iommu_groups/%u/devices/%s/vfio-dev", sys->sysfs, group, name);
    int r = sys->list(sys->opaque, path, store_node_name, &node);
    if (r || !*node.name)
        return r ? r : -ENOENT;
    snprintf(path, sizeof path, "%s/iommu", sys->dev);
    fd[0] = sys->open(sys->opaque, path, O_RDWR);
    if (fd[0] < 0)
        return fd[0];
    snprintf(path, sizeof path, "%s/vfio/devices/%s", sys->dev, node.name);
    int device = sys->open(sys->opaque, path, O_RDWR);
    if (device < 0)
        return device;
    struct iommufd_bind bind = {.argsz = sizeof bind, .iommufd = fd[0]};
    r = sys->ioctl(sys->opaque, device, IOMMUFD_BIND, &bind);
    if (r)
        sys->close(sys->opaque, device);
    return r ? r : device;
}

static void close_files(const struct mach_sys *sys, int fd[2])
{
    for (int i = 1; i >= 0; i--) {
        if (fd[i] >= 0)
            sys->close(sys->opaque, fd[i]);
        fd[i] = -1;
    }
}

static int open_device(const struct mach_sys *sys, unsigned group, const char *name, int fd[2])
{
    int device = open_in_group(sys, group, name, fd);
    // No container, or no node of the group: the device may have a node.
    if (device != -ENOENT)
        return device;
    close_files(sys, fd);
    return open_node(sys, group, name, fd);
}

bool probe_device(const struct mach_sys *sys, FILE *out, unsigned group, const char *name, bool first)
{
    int files[2], fd = open_device(sys, group, name, files), r = fd < 0 ? fd : 0;
    struct vfio_device_info info = {.argsz = sizeof info};
    if (fd >= 0)
        r = sys->ioctl(sys->opaque, fd, VFIO_DEVICE_GET_INFO, &info);
    if (!r) {
        // Names in sysfs have no characters that JSON has to escape.
        fprintf(out, "%s\n    {\"name\": ", first ? "" : ",");
        say_json(out, name, strlen(name));
        fputs(", \"regions\": [", out);
        print_regions(sys, out, fd, info.num_regions);
        fputs("], \"interrupts\": [", out);
        print_interrupts(sys, out, fd, info.num_irqs);
        fputs("]}", out);
    } else {
        report_refused("device", name, r);
    }
    if (fd >= 0)
        sys->close(sys->opaque, fd);
    close_files(sys, files);
    return !r;
}
