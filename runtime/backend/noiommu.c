// SPDX-License-Identifier: MIT
// VFIO without an IOMMU (vfio.enable_unsafe_noiommu_mode=1): registers and interrupts, but no mappings. It taints the
// kernel.
#include "backend/backend.h"

#include <errno.h>
#include <linux/vfio.h>

static int noiommu_usable(struct mach_session *s, const char **why)
{
    char path[PATH_SIZE], line[8];
    *why = "no-IOMMU mode is off: echo 1 > /sys/module/vfio/parameters/enable_unsafe_noiommu_mode (this taints the "
           "kernel, and a device can then write to all memory)";
    int r = machrt_sysfs_path(s, path, "module/vfio/parameters/enable_unsafe_noiommu_mode")
                ? machrt_read_line(s, path, line, sizeof line)
                : -ENAMETOOLONG;
    if (r)
        return r;
    return *line == 'Y' || *line == '1' ? 0 : -ENODEV;
}

static const struct container container = {
    .prefix = "noiommu-", .type = VFIO_NOIOMMU_IOMMU, .module = "vfio (with CONFIG_VFIO_NOIOMMU)"};

const struct backend *machrt_backend_of(const struct mach_session *s, const struct context *c)
{
    return c->noiommu ? &machrt_backend_noiommu : s->backend;
}

const struct backend machrt_backend_noiommu = {
    .id = MACH_BACKEND_NOIOMMU,
    .name = "noiommu",
    .container = &container,
    .usable = noiommu_usable,
    .attach = machrt_attach_to_container,
};
