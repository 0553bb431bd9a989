// SPDX-License-Identifier: MIT
// mach_region_read() and mach_region_write(): a guest's accesses to registers.
#include "session/steps.h"

#include <errno.h>
#include <linux/vfio.h>

// Commands to the Management Complex of an fsl-mc device are 64 bytes, written and read at once, at the start of its
// portal. VFIO accepts nothing else there (Linux drivers/vfio/fsl-mc/vfio_fsl_mc.c, vfio_fsl_mc_read()).
enum { MC_COMMAND = 64, WIDEST = 8 };

// Where the region is mapped at `offset`; NULL: nowhere. Areas begin and end with pages, unless one is the whole
// region.
static uint8_t *mapping_at(const struct region *r, uint64_t offset)
{
    for (uint32_t i = 0; i < r->areas; i++) {
        const struct area *a = &r->area[i];
        if (offset >= a->offset && offset - a->offset < a->size)
            return (uint8_t *)a->at + (offset - a->offset);
    }
    return NULL;
}

static bool is_command(const struct region *r, uint64_t offset, size_t size)
{
    return size == MC_COMMAND && !offset && !r->areas && r->device->vfio_flags & VFIO_DEVICE_FLAGS_FSL_MC;
}

static int check_access(const struct mach_session *s, uint32_t region, uint64_t offset, size_t size, uint32_t flag)
{
    if (region >= s->regions || !s->region[region].size)
        return -ENXIO;
    const struct region *r = &s->region[region];
    if (!size || (size > WIDEST && !is_command(r, offset, size)))
        return -EINVAL;
    // Registers that stay with the host are written as a whole, or not at all.
    if (r->told && flag == VFIO_REGION_INFO_FLAG_WRITE && (size & (size - 1) || offset % size))
        return -EINVAL;
    if (offset >= r->size || size > r->size - offset)
        return -ERANGE;
    return r->flags & flag ? 0 : -EACCES;
}

// The widest access at an address that is aligned to its own size, of at most `size` bytes: a bus has no others, and
// where registers are mapped as device memory, an unaligned one is a SIGBUS.
static size_t width_at(uint64_t address, size_t size)
{
    size_t width = WIDEST;
    while (width > size || address % width)
        width /= 2;
    return width;
}

// The width of the next access to `r`, and where that is: *p is NULL for what is not mapped.
static size_t next_access(const struct region *r, uint64_t offset, size_t size, uint8_t **p)
{
    *p = mapping_at(r, offset);
    if (is_command(r, offset, size))
        return size;
    return width_at(r->told ? offset : *p ? (uintptr_t)*p : r->offset + offset, size);
}

static void load(void *value, const uint8_t *p, size_t width)
{
    switch (width) {
    case 1:
        *(uint8_t *)value = *(const volatile uint8_t *)p;
        break;
    case 2:
        memcpy(value, &(uint16_t){*(const volatile uint16_t *)(const void *)p}, 2);
        break;
    case 4:
        memcpy(value, &(uint32_t){*(const volatile uint32_t *)(const void *)p}, 4);
        break;
    default:
        memcpy(value, &(uint64_t){*(const volatile uint64_t *)(const void *)p}, 8);
    }
}

static void store(uint8_t *p, const void *value, size_t width)
{
    union {
        uint8_t u8;
        uint16_t u16;
        uint32_t u32;
        uint64_t u64;
    } v;
    memcpy(&v, value, width);
    switch (width) {
    case 1:
        *(volatile uint8_t *)p = v.u8;
        break;
    case 2:
        *(volatile uint16_t *)(void *)p = v.u16;
        break;
    case 4:
        *(volatile uint32_t *)(void *)p = v.u32;
        break;
    default:
        *(volatile uint64_t *)(void *)p = v.u64;
    }
}

static int read_one(struct mach_session *s, const struct region *r, uint64_t offset, void *value, size_t width,
                    const uint8_t *p)
{
    if (r->told)
        return machrt_read_shadow(r, offset, value, width);
    if (!p)
        return r->fd < 0
                   ? -ENXIO
                   : machrt_check_transfer(s->sys.pread(s->sys.opaque, r->fd, value, width, r->offset + offset), width);
    load(value, p, width);
    return 0;
}

static int write_one(struct mach_session *s, struct region *r, uint64_t offset, const void *value, size_t width,
                     uint8_t *p)
{
    if (r->told)
        return machrt_write_shadow(s, r, offset, value, width);
    if (!p)
        return r->fd < 0 ? -ENXIO
                         : machrt_check_transfer(s->sys.pwrite(s->sys.opaque, r->fd, value, width, r->offset + offset),
                                                 width);
    store(p, value, width);
    return 0;
}

int mach_region_read(struct mach_session *s, uint32_t region, uint64_t offset, void *value, size_t size)
{
    uint8_t *p, *to = (uint8_t *)value;
    int e = check_access(s, region, offset, size, VFIO_REGION_INFO_FLAG_READ);
    for (size_t width; !e && size; offset += width, to += width, size -= width) {
        width = next_access(&s->region[region], offset, size, &p);
        e = read_one(s, &s->region[region], offset, to, width, p);
    }
    return e;
}

int mach_region_write(struct mach_session *s, uint32_t region, uint64_t offset, const void *value, size_t size)
{
    uint8_t *p;
    const uint8_t *from = (const uint8_t *)value;
    int e = check_access(s, region, offset, size, VFIO_REGION_INFO_FLAG_WRITE);
    for (size_t width; !e && size; offset += width, from += width, size -= width) {
        width = next_access(&s->region[region], offset, size, &p);
        e = write_one(s, &s->region[region], offset, from, width, p);
    }
    return e;
}
