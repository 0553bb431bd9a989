// SPDX-License-Identifier: MIT
// The configuration space of a PCI function: a VFIO region that the config does not list.
#include "session/steps.h"

#include <errno.h>
#include <linux/pci_regs.h>
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

/* ---- the command register ---- */

static int write_space(struct mach_session *s, const struct device *d, uint32_t offset, uint32_t size, uint32_t value)
{
    uint8_t bytes[4];
    mach_cfg_store(bytes, sizeof bytes, value);
    return machrt_check_transfer(s->sys.pwrite(s->sys.opaque, d->fd, bytes, size, d->config_offset + offset), size);
}

int machrt_change_command(struct mach_session *s, struct device *d, uint16_t clear, uint16_t set, uint16_t *was)
{
    uint8_t bytes[2] = {0};
    int r = find_config_space(s, d);
    if (r)
        return r;
    // A vcpu may write the register meanwhile.
    pthread_mutex_lock(&s->lock);
    r = machrt_check_transfer(s->sys.pread(s->sys.opaque, d->fd, bytes, sizeof bytes, d->config_offset + PCI_COMMAND),
                              sizeof bytes);
    uint32_t old = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
    if (!r)
        r = write_space(s, d, PCI_COMMAND, 2, (old & ~(uint32_t)clear) | set);
    pthread_mutex_unlock(&s->lock);
    if (was)
        *was = (uint16_t)old;
    return r;
}

// Who may be a bus master the config decides: nothing restricts the DMA of a function without an IOMMU, and of one with
// MSIs the session knows.
static uint32_t keep_master(const struct mach_session *s, const struct device *d, uint32_t offset, uint32_t value)
{
    uint32_t bit = (uint32_t)PCI_COMMAND_MASTER << 8 * (PCI_COMMAND - offset);
    if (!mach_cfg_device_dmas(d->rec) || machrt_does_dma(s, d))
        return value;
    return d->master ? value | bit : value & ~bit;
}

int mach_pci_write(struct mach_session *s, uint32_t device, uint32_t offset, uint32_t size, uint32_t value)
{
    struct device *d;
    int r = check_pci_access(s, device, offset, size, &d);
    if (r)
        return r;
    if (offset > PCI_COMMAND || PCI_COMMAND - offset >= size)
        return write_space(s, d, offset, size, value);
    pthread_mutex_lock(&s->lock);
    r = write_space(s, d, offset, size, keep_master(s, d, offset, value));
    pthread_mutex_unlock(&s->lock);
    return r;
}
