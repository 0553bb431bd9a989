// SPDX-License-Identifier: MIT
// Containers and groups (Documentation/driver-api/vfio.rst): what the backends with groups share.
#include "backend/backend.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <unistd.h>

static int report_container_error(struct mach_session *s, int r)
{
    if (r == -ENOENT || r == -ENODEV || r == -ENXIO)
        return machrt_set_error(s, "open", r, "/dev/vfio/vfio",
                                "the kernel has no VFIO: modprobe vfio vfio_iommu_type1");
    return machrt_set_error(s, "open", r, "/dev/vfio/vfio", "cannot open it");
}

static int open_container(struct mach_session *s, struct context *c, unsigned type, const char *module)
{
    char path[PATH_SIZE];
    if (machrt_reserve_undo(s))
        return -1;
    int fd = machrt_dev_path(s, path, "vfio/vfio") ? s->sys.open(s->sys.opaque, path, O_RDWR) : -ENAMETOOLONG;
    if (fd < 0)
        return report_container_error(s, fd);
    c->fd = fd;
    machrt_push_undo(s, machrt_undo_close, &c->fd, 0, "close the container");
    int r = s->sys.ioctl(s->sys.opaque, fd, VFIO_GET_API_VERSION, NULL);
    if (r != VFIO_API_VERSION)
        return machrt_set_error(s, "open", r < 0 ? r : EPROTO, "/dev/vfio/vfio", "its API version is %d, not %d", r,
                                VFIO_API_VERSION);
    r = s->sys.ioctl(s->sys.opaque, fd, VFIO_CHECK_EXTENSION, (void *)(uintptr_t)type);
    if (r <= 0)
        return machrt_set_error(s, "open", r < 0 ? r : ENODEV, "/dev/vfio/vfio",
                                "the kernel has no VFIO IOMMU type %u: modprobe %s", type, module);
    return 0;
}

static int undo_tell_vmm(struct mach_session *s, void *thing, uint64_t arg)
{
    (void)arg;
    if (s->ops.device_file_undo)
        s->ops.device_file_undo(s->opaque, *(int *)thing);
    return 0;
}

int machrt_tell_vmm(struct mach_session *s, int *fd)
{
    if (!s->ops.device_file)
        return 0;
    if (machrt_reserve_undo(s))
        return -1;
    int r = s->ops.device_file(s->opaque, *fd);
    if (r)
        return machrt_set_error(s, "vmm", r, "the VMM", "it refuses a VFIO file");
    machrt_push_undo(s, undo_tell_vmm, fd, 0, "tell the VMM that a file is closed");
    return 0;
}

static int report_group_error(struct mach_session *s, const struct device *d, const char *node, int r)
{
    const char *who = machrt_object(s, "/dev/vfio/%s of %s", node, d->name);
    switch (-r) {
    case EBUSY:
        return machrt_set_error(
            s, "open", r, who,
            "the group is in use: a process has opened it, or one of its devices through /dev/vfio/devices");
    case EPERM:
        return machrt_set_error(s, "open", r, who, "a group without an IOMMU needs CAP_SYS_RAWIO");
    case ENODEV:
        return machrt_set_error(s, "open", r, who, "no device of the group is bound to a VFIO driver any more");
    case ENOENT:
        return machrt_set_error(s, "open", r, who, "no device of the group is bound to a VFIO driver");
    case EACCES:
        return machrt_set_error(s, "open", r, who, "this user has no access: add a udev rule for the node");
    default:
        return machrt_set_error(s, "open", r, who, "cannot open it");
    }
}

static int report_join_error(struct mach_session *s, const struct device *d, const char *node, int r)
{
    const char *who = machrt_object(s, "IOMMU group %s of %s", node, d->name);
    switch (-r) {
    case EPERM:
        return machrt_set_error(
            s, "open", r, who,
            "a kernel driver owns another member of the group, or groups with and without an IOMMU were mixed");
    case EBUSY:
        return machrt_set_error(s, "open", r, who, "the kernel uses its IOMMU domain");
    case EINVAL:
        return machrt_set_error(
            s, "open", r, who,
            "it is in a container already, its reserved regions conflict with those of the other groups, or firmware "
            "requires a 1:1 mapping (dmesg: `Firmware has requested this device have a 1:1 IOMMU mapping`)");
    default:
        return machrt_set_error(s, "open", r, who, "cannot add it to the container");
    }
}

static int report_type_error(struct mach_session *s, const struct device *d, int r)
{
    const char *who = machrt_object(s, "the IOMMU of %s", d->name);
    switch (-r) {
    case EPERM:
        return machrt_set_error(s, "open", r, who,
                                "the kernel reports that its interrupts are not isolated, as for every device without "
                                "MSIs: boot with vfio_iommu_type1.allow_unsafe_interrupts=1 to allow it");
    case ENODEV:
        return machrt_set_error(s, "open", r, who,
                                "the kernel has no VFIO IOMMU driver for it: modprobe vfio_iommu_type1");
    default:
        return machrt_set_error(s, "open", r, who, "VFIO cannot use it");
    }
}

static int attach_group(struct mach_session *s, struct device *d, const char *node, unsigned type)
{
    struct group *g = d->g;
    char path[PATH_SIZE];
    if (g->fd >= 0)
        return 0;
    if (machrt_reserve_undo(s))
        return -1;
    int r = machrt_dev_path(s, path, "vfio/%s", node) ? s->sys.open(s->sys.opaque, path, O_RDWR) : -ENAMETOOLONG;
    if (r < 0)
        return report_group_error(s, d, node, r);
    g->fd = r;
    machrt_push_undo(s, machrt_undo_close, &g->fd, 0, "close a group");
    r = s->sys.ioctl(s->sys.opaque, g->fd, VFIO_GROUP_SET_CONTAINER, &d->context->fd);
    if (r)
        return report_join_error(s, d, node, r);
    if (!d->context->typed) {
        r = s->sys.ioctl(s->sys.opaque, d->context->fd, VFIO_SET_IOMMU, (void *)(uintptr_t)type);
        if (r)
            return report_type_error(s, d, r);
        d->context->typed = true;
    }
    return machrt_tell_vmm(s, &g->fd);
}

static int open_group_device(struct mach_session *s, struct device *d)
{
    if (machrt_reserve_undo(s))
        return -1;
    int fd = s->sys.ioctl(s->sys.opaque, d->g->fd, VFIO_GROUP_GET_DEVICE_FD, (void *)(uintptr_t)d->sysfs);
    if (fd == -ENODEV)
        return machrt_set_error(s, "open", fd, machrt_device_object(s, d),
                                "IOMMU group %u has no device of this name that is bound to a VFIO driver", d->group);
    if (fd < 0)
        return machrt_set_error(s, "open", fd, machrt_device_object(s, d), "VFIO cannot open it; see dmesg");
    d->fd = fd;
    machrt_push_undo(s, machrt_undo_close, &d->fd, 0, "close a device");
    return 0;
}

int machrt_attach_to_container(struct mach_session *s, struct device *d)
{
    const struct container *kind = machrt_backend_of(s, d->context)->container;
    char node[32];
    snprintf(node, sizeof node, "%s%u", kind->prefix, d->group);
    if (d->context->fd < 0 &&
        (open_container(s, d->context, kind->type, kind->module) || (kind->identify && kind->identify(s, d->context))))
        return -1;
    return attach_group(s, d, node, kind->type) || open_group_device(s, d) ? -1 : 0;
}

int machrt_container_usable(struct mach_session *s, const char **why)
{
    char path[PATH_SIZE];
    int r = machrt_dev_path(s, path, "vfio/vfio") ? s->sys.access(s->sys.opaque, path, R_OK | W_OK) : -ENAMETOOLONG;
    *why = r == -ENOENT ? "there is no /dev/vfio/vfio: modprobe vfio vfio_iommu_type1"
                        : "/dev/vfio/vfio is not accessible";
    return r;
}

int machrt_map_dma(struct mach_session *s, struct context *c, const struct mapping *m)
{
    struct vfio_iommu_type1_dma_map x = {
        .argsz = sizeof x,
        .flags = (m->prot & MACH_DMA_READ ? (uint32_t)VFIO_DMA_MAP_FLAG_READ : 0) |
                 (m->prot & MACH_DMA_WRITE ? (uint32_t)VFIO_DMA_MAP_FLAG_WRITE : 0),
        .vaddr = (uintptr_t)m->host,
        .iova = m->iova,
        .size = m->size,
    };
    return s->sys.ioctl(s->sys.opaque, c->fd, VFIO_IOMMU_MAP_DMA, &x);
}

int machrt_unmap_dma(struct mach_session *s, const struct context *c, const struct mapping *m, uint64_t *unmapped)
{
    struct vfio_iommu_type1_dma_unmap x = {
        .argsz = offsetof(struct vfio_iommu_type1_dma_unmap, data), .iova = m->iova, .size = m->size};
    int r = s->sys.ioctl(s->sys.opaque, c->fd, VFIO_IOMMU_UNMAP_DMA, &x);
    *unmapped = x.size;
    return r;
}
