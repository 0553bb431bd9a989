// SPDX-License-Identifier: MIT
// iommufd with a device node for each device (Documentation/userspace-api/iommufd.rst, driver-api/vfio.rst "VFIO
// device cdev"): one file for the session, an IOAS for each context.
#include "backend/backend.h"

#include "uapi/iommufd.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct node {
    char name[32];
};

static int store_node_name(void *arg, const char *name, int is_directory)
{
    (void)is_directory;
    struct node *n = (struct node *)arg;
    if (strncmp(name, "vfio", 4) || strlen(name) >= sizeof n->name || strchr(name, '/'))
        return 0;
    strcpy(n->name, name);
    return 1;
}

// Finds the name of the device's node, "vfio7". -ENOENT: it has none.
static int find_node(struct mach_session *s, const struct device *d, struct node *n)
{
    char path[PATH_SIZE];
    *n->name = '\0';
    if (!machrt_device_path(s, path, d, "vfio-dev"))
        return -ENAMETOOLONG;
    int r = s->sys.list(s->sys.opaque, path, store_node_name, n);
    if (r)
        return r;
    return *n->name ? 0 : -ENOENT;
}

static int iommufd_usable(struct mach_session *s, const char **why)
{
    char path[PATH_SIZE];
    int r = machrt_dev_path(s, path, "iommu") ? s->sys.access(s->sys.opaque, path, R_OK | W_OK) : -ENAMETOOLONG;
    *why = r == -ENOENT ? "there is no /dev/iommu" : "/dev/iommu is not accessible";
    for (uint32_t i = 0; !r && i < s->devices; i++) {
        struct node n;
        if (!s->device[i].vfio)
            continue;
        r = find_node(s, &s->device[i], &n);
        *why = "the kernel has no device nodes (CONFIG_VFIO_DEVICE_CDEV)";
    }
    return r;
}

static int open_iommufd(struct mach_session *s)
{
    char path[PATH_SIZE];
    if (machrt_reserve_undo(s))
        return -1;
    int fd = machrt_dev_path(s, path, "iommu") ? s->sys.open(s->sys.opaque, path, O_RDWR) : -ENAMETOOLONG;
    if (fd < 0)
        return machrt_set_error(s, "open", fd, "/dev/iommu",
                                fd == -EACCES ? "this user has no access: add a udev rule for it"
                                              : "cannot open it: modprobe iommufd");
    s->iommufd = fd;
    machrt_push_undo(s, machrt_undo_close, &s->iommufd, 0, "close /dev/iommu");
    return 0;
}

static int report_bind_error(struct mach_session *s, const struct device *d, int r)
{
    const char *who = machrt_device_object(s, d);
    switch (-r) {
    case EBUSY:
        return machrt_set_error(s, "open", r, who,
                                "a process has opened its group /dev/vfio/%u, or the kernel uses its IOMMU domain",
                                d->group);
    case EPERM:
        return machrt_set_error(s, "open", r, who,
                                "the kernel reports that its interrupts are not isolated, as for every device without "
                                "MSIs: boot with iommufd.allow_unsafe_interrupts=1 to allow it; or a kernel driver has "
                                "just bound to a member of its group");
    case EINVAL:
        return machrt_set_error(s, "open", r, who,
                                "it is bound to iommufd already, or its DMA cannot be made cache-coherent");
    default:
        return machrt_set_error(s, "open", r, who, "cannot bind it to iommufd");
    }
}

static int report_attach_error(struct mach_session *s, const struct device *d, int r)
{
    const char *who = machrt_device_object(s, d);
    if (r == -EADDRINUSE)
        return machrt_set_error(s, "open", r, who, "an existing mapping overlaps a reserved region of this device");
    if (r == -ENOMEM)
        return machrt_set_error(s, "open", r, who, "the limit of locked memory is reached");
    return machrt_set_error(s, "open", r, who, "cannot attach it to its IOMMU page tables");
}

static int iommufd_attach(struct mach_session *s, struct device *d)
{
    struct node n;
    char path[PATH_SIZE];
    int r = find_node(s, d, &n);
    if (r)
        return machrt_set_error(s, "open", r, machrt_device_object(s, d), "it has no device node");
    if (machrt_reserve_undo(s))
        return -1;
    r = machrt_dev_path(s, path, "vfio/devices/%s", n.name) ? s->sys.open(s->sys.opaque, path, O_RDWR) : -ENAMETOOLONG;
    if (r < 0)
        return machrt_set_error(s, "open", r, machrt_device_object(s, d),
                                r == -EACCES ? "this user has no access to its node %s: add a udev rule for it"
                                             : "cannot open its node %s",
                                path);
    d->fd = r;
    machrt_push_undo(s, machrt_undo_close, &d->fd, 0, "close a device");
    if (machrt_tell_vmm(s, &d->fd))
        return -1;
    struct iommufd_bind b = {.argsz = sizeof b, .iommufd = s->iommufd};
    r = s->sys.ioctl(s->sys.opaque, d->fd, IOMMUFD_BIND, &b);
    if (r)
        return report_bind_error(s, d, r);
    if (!d->context->typed) {
        // It is freed when the file is closed: nothing to undo.
        struct iommufd_ioas_alloc a = {.size = sizeof a};
        r = s->sys.ioctl(s->sys.opaque, s->iommufd, IOMMUFD_IOAS_ALLOC, &a);
        if (r)
            return machrt_set_error(s, "open", r, "/dev/iommu", "cannot allocate an I/O address space");
        d->context->ioas = a.out_ioas_id;
        d->context->typed = true;
    }
    struct iommufd_attach t = {.argsz = sizeof t, .pt_id = d->context->ioas};
    r = s->sys.ioctl(s->sys.opaque, d->fd, IOMMUFD_ATTACH, &t);
    return r ? report_attach_error(s, d, r) : 0;
}

static int read_iommufd_ranges(struct mach_session *s, struct context *c)
{
    uint32_t room = 64;
    for (int i = 0; i < 3 && room <= 1 << 16; i++) {
        struct iommufd_range *list = (struct iommufd_range *)machrt_session_alloc(s, room, sizeof *list);
        if (!list)
            return -1;
        struct iommufd_iova_ranges x = {
            .size = sizeof x, .ioas_id = c->ioas, .num_iovas = room, .allowed_iovas = (uintptr_t)list};
        int r = s->sys.ioctl(s->sys.opaque, s->iommufd, IOMMUFD_IOVA_RANGES, &x);
        if (r == -EMSGSIZE && x.num_iovas > room) {
            room = x.num_iovas;
            continue;
        }
        if (r)
            return machrt_set_error(s, "window", r, "the IOMMU", "cannot read its properties");
        if (x.num_iovas > room)
            break;
        c->range = (struct mach_range *)machrt_session_alloc(s, x.num_iovas, sizeof *c->range);
        if (!c->range)
            return -1;
        for (uint32_t k = 0; k < x.num_iovas; k++)
            c->range[k] = (struct mach_range){list[k].start, list[k].last};
        c->ranges = x.num_iovas;
        c->page = x.out_iova_alignment ? x.out_iova_alignment : s->page;
        c->available = UINT64_MAX;
        return 0;
    }
    return machrt_set_error(s, "window", EPROTO, "the IOMMU", "the kernel requests a larger buffer every time");
}

static int iommufd_map(struct mach_session *s, struct context *c, const struct mapping *m)
{
    struct iommufd_ioas_map x = {
        .size = sizeof x,
        .flags = IOMMUFD_MAP_FIXED | (m->prot & MACH_DMA_READ ? (uint32_t)IOMMUFD_MAP_READ : 0) |
                 (m->prot & MACH_DMA_WRITE ? (uint32_t)IOMMUFD_MAP_WRITE : 0),
        .ioas_id = c->ioas,
        .user_va = (uintptr_t)m->host,
        .length = m->size,
        .iova = m->iova,
    };
    return s->sys.ioctl(s->sys.opaque, s->iommufd, IOMMUFD_IOAS_MAP, &x);
}

static int iommufd_unmap(struct mach_session *s, struct context *c, const struct mapping *m)
{
    struct iommufd_ioas_unmap x = {.size = sizeof x, .ioas_id = c->ioas, .iova = m->iova, .length = m->size};
    return s->sys.ioctl(s->sys.opaque, s->iommufd, IOMMUFD_IOAS_UNMAP, &x);
}

static const char *iommufd_map_hint(int r)
{
    switch (-r) {
    case EEXIST:
        return "it overlaps another mapping";
    case EOVERFLOW:
        return "it exceeds the end of the address space";
    case EINVAL:
        return "it is not aligned to the IOMMU's pages, or outside what it can translate";
    default:
        return NULL;
    }
}

const struct backend machrt_backend_iommufd = {
    .id = MACH_BACKEND_IOMMUFD,
    .name = "iommufd",
    .maps = true,
    .usable = iommufd_usable,
    .open = open_iommufd,
    .attach = iommufd_attach,
    .ranges = read_iommufd_ranges,
    .map = iommufd_map,
    .unmap = iommufd_unmap,
    .map_hint = iommufd_map_hint,
};
