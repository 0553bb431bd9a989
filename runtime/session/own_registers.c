// SPDX-License-Identifier: MIT
/*
 * Registers of the devices that VFIO gives to this session. VFIO gives a device to nobody else, but its registers have
 * other names, such as /dev/mem: their addresses are claimed as those of raw regions are.
 *
 * What a platform device has and its machine drops, or maps as `unsafe`, may contain the registers of a node below it,
 * which belong to another machine: only the description tells, so these are not claimed. A PCI function has no such
 * parts: all that it decodes is its owner's.
 */
#include "session/claims.h"

#include <errno.h>
#include <fcntl.h>

enum { BARS = 7 }; // six, and the expansion ROM (Linux include/linux/pci.h, PCI_ROM_RESOURCE)

static int claim(struct mach_session *s, const struct device *d, uint32_t index, const char *path, int fd,
                 uint64_t address, uint64_t size)
{
    struct claim c = {.step = "open", .path = path, .fd = fd, .offset = address, .size = size};
    if (!size || address > UINT64_MAX - size)
        return 0;
    c.who = machrt_keep_object(s, "device %s, region %u", d->name, index);
    return c.who ? machrt_claim_addresses(s, &c) : -1;
}

static int claim_function(struct mach_session *s, const struct device *d, const char *path, int fd)
{
    char file[PATH_SIZE];
    for (uint32_t i = 0; i < BARS; i++) {
        uint64_t address, size;
        bool ports;
        if (!machrt_device_path(s, file, d, "resource") || machrt_read_resource(s, file, i, &address, &size, &ports))
            return 0;
        // An address of 0 is one that nothing was given (IORESOURCE_UNSET).
        if (!ports && address && claim(s, d, i, path, fd, address, size))
            return -1;
    }
    return 0;
}

static int claim_device(struct mach_session *s, const struct device *d, const char *path, int fd)
{
    for (uint32_t i = 0; i < mach_cfg_device_regions(d->rec); i++) {
        struct mach_cfg_rec r = mach_cfg_record(s->f, MACH_CFG_S_REGION, mach_cfg_device_first_region(d->rec) + i);
        uint64_t address = mach_cfg_region_host(r), size = mach_cfg_region_size(r);
        uint32_t index = mach_cfg_region_index(r);
        bool ports;
        if (mach_cfg_region_mode(r) == MACH_CFG_REGION_DROP ||
            mach_cfg_region_flags(r) & (MACH_CFG_REGION_UNSAFE | MACH_CFG_REGION_WINDOW))
            continue;
        // Of a device without a node, the config says where it is.
        int e = machrt_find_registers(s, d, index, &address, &size, &ports);
        if (e && (e != -ENOENT || address == MACH_CFG_NONE64))
            continue;
        if (claim(s, d, index, path, fd, address, size))
            return -1;
    }
    return 0;
}

int machrt_claim_devices(struct mach_session *s)
{
    char path[PATH_SIZE];
    int *fd = NULL;
    for (uint32_t i = 0; i < s->devices; i++) {
        const struct device *d = &s->device[i];
        if (!d->vfio)
            continue;
        if (!fd) {
            fd = (int *)machrt_session_alloc(s, 1, sizeof *fd);
            if (!fd || machrt_reserve_undo(s))
                return -1;
            int r = machrt_dev_path(s, path, "mem") ? s->sys.open(s->sys.opaque, path, O_RDWR) : -ENAMETOOLONG;
            if (r == -ENOENT || r == -ENXIO || r == -EACCES || r == -EPERM) {
                machrt_log(s, "registers of VFIO's devices are not compared with those of other sessions: %s: %s", path,
                           strerror(-r));
                return 0;
            }
            if (r < 0)
                return machrt_set_error(s, "open", r, path, "cannot open it, to lock registers");
            *fd = r;
            // One file for all, since registers of a device may lie in those of another one of the machine.
            machrt_push_undo(s, machrt_undo_close, fd, 0, "close /dev/mem");
        }
        if (mach_cfg_device_kind(d->rec) == MACH_CFG_DEVICE_PCI ? claim_function(s, d, path, *fd)
                                                                : claim_device(s, d, path, *fd))
            return -1;
    }
    return 0;
}
