// SPDX-License-Identifier: MIT
// The configuration space of a PCI function: a VFIO region that the config does not list.
#include "session/steps.h"

#include <errno.h>
#include <linux/vfio.h>

// Finds it, once for each device.
static int find_config_space(struct mach_session *s, struct device *d)
{
    int r = 0;
    pthread_mutex_lock(&s->lock);
    if (!d->config_size) {
        struct vfio_region_info info = {.argsz = sizeof info, .index = VFIO_PCI_CONFIG_REGION_INDEX};
        r = s->sys.ioctl(s->sys.opaque, d->fd, VFIO_DEVICE_GET_REGION_INFO, &info);
        if (!r) {
            d->config_offset = info.offset;
            d->config_size = info.size > UINT32_MAX ? UINT32_MAX : (uint32_t)info.size;
            r = info.size ? 0 : -ENODEV;
        }
    }
    pthread_mutex_unlock(&s->lock);
    return r;
}

static int check_pci_access(struct mach_session *s, uint32_t device, uint32_t offset, uint32_t size, struct device **d)
{
    *d = device < s->devices ? &s->device[device] : NULL;
    if (!*d || (*d)->fd < 0 || !((*d)->vfio_flags & VFIO_DEVICE_FLAGS_PCI))
        return -ENXIO;
    if ((size != 1 && size != 2 && size != 4) || offset % size)
        return -EINVAL;
    int r = find_config_space(s, *d);
    if (r)
        return r;
    return offset < (*d)->config_size && size <= (*d)->config_size - offset ? 0 : -ERANGE;
}

int mach_pci_read(struct mach_session *s, uint32_t device, uint32_t offset, uint32_t size, uint32_t *value)
{
    struct device *d;
    uint8_t bytes[4] = {0};
    int r = check_pci_access(s, device, offset, size, &d);
    if (r)
        return r;
    int64_t n = s->sys.pread(s->sys.opaque, d->fd, bytes, size, d->config_offset + offset);
    r = machrt_check_transfer(n, size);
    if (!r)
        *value = mach_cfg_load32(bytes);
    return r;
}

int mach_pci_write(struct mach_session *s, uint32_t device, uint32_t offset, uint32_t size, uint32_t value)
{
    struct device *d;
    uint8_t bytes[4];
    int r = check_pci_access(s, device, offset, size, &d);
    if (r)
        return r;
    mach_cfg_store(bytes, sizeof bytes, value);
    int64_t n = s->sys.pwrite(s->sys.opaque, d->fd, bytes, size, d->config_offset + offset);
    return machrt_check_transfer(n, size);
}
