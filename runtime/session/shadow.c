// SPDX-License-Identifier: MIT
// Shadows: registers of the host that the guest reads, and of which it writes only certain bits. They belong to a
// system controller that many devices share, so that its driver, the host's, keeps all other bits.
#include "session/steps.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>

enum { BITS = 64 };

int machrt_open_shadow(struct mach_session *s, struct region *r)
{
    r->told = (uint64_t *)machrt_session_alloc(s, (r->size / 4 + BITS - 1) / BITS, sizeof *r->told);
    return r->told ? 0 : -1;
}

// A register as a number: a device has its own byte order, whatever that of the cpus is.
static uint32_t swap_register(const struct region *r, uint32_t raw)
{
    return mach_cfg_region_flags(r->rec) & MACH_CFG_REGION_BIG_ENDIAN ? be32toh(raw) : le32toh(raw);
}

static volatile uint32_t *register_at(const struct region *r, uint64_t offset)
{
    return (volatile uint32_t *)(void *)((char *)r->area->at + (offset & ~UINT64_C(3)));
}

uint32_t machrt_first_write(const struct mach_session *s, uint32_t region, uint64_t offset)
{
    uint32_t low = 0, high = s->f->section[MACH_CFG_S_WRITE].count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        struct mach_cfg_rec w = mach_cfg_record(s->f, MACH_CFG_S_WRITE, middle);
        uint32_t its = mach_cfg_write_region(w);
        if (its < region || (its == region && mach_cfg_write_offset(w) < offset))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// The record that says what the guest may write of the register; false: nothing.
static bool find_write(const struct mach_session *s, const struct region *r, uint64_t offset,
                       struct mach_cfg_rec *found)
{
    uint32_t index = (uint32_t)(r - s->region), i = machrt_first_write(s, index, offset);
    if (i == s->f->section[MACH_CFG_S_WRITE].count)
        return false;
    *found = mach_cfg_record(s->f, MACH_CFG_S_WRITE, i);
    return mach_cfg_write_region(*found) == index && mach_cfg_write_offset(*found) == offset;
}

// Tells of the first refused write to a register: a guest could fill the log of the VMM otherwise.
static void tell_refused(struct mach_session *s, struct region *r, uint64_t offset, uint32_t bits)
{
    uint64_t bit = UINT64_C(1) << (offset / 4 % BITS);
    pthread_mutex_lock(&s->registers);
    bool first = !(r->told[offset / 4 / BITS] & bit);
    r->told[offset / 4 / BITS] |= bit;
    pthread_mutex_unlock(&s->registers);
    if (first)
        machrt_log(s,
                   "refused: device %s, register 0x%" PRIx64 ": the guest writes to bits 0x%" PRIx32
                   ", which stay as the host has them; further such writes are not reported",
                   r->device->name, offset, bits);
}

// Writes what the mask lets through. Returns the bits that it does not.
static uint32_t write_masked(struct mach_session *s, const struct region *r, uint64_t offset, uint32_t mask,
                             uint32_t value)
{
    volatile uint32_t *at = register_at(r, offset);
    // Another vcpu may change other bits of the register. The host's kernel knows nothing of this lock.
    pthread_mutex_lock(&s->registers);
    uint32_t old = swap_register(r, *at), new = (old & ~mask) | (value & mask);
    if (new != old)
        *at = swap_register(r, new);
    pthread_mutex_unlock(&s->registers);
    return (old ^ value) & ~mask;
}

// The upper half selects what changes, so that one write is enough and no other bit is touched.
static uint32_t write_selected(const struct region *r, uint64_t offset, uint32_t mask, uint32_t value)
{
    uint32_t selected = value >> 16 & mask;
    if (selected)
        *register_at(r, offset) = swap_register(r, selected << 16 | (value & selected));
    return value >> 16 & ~mask;
}

// A driver of the guest that knows nothing of the upper half reads the register, and writes back what it wants of it.
static uint32_t write_plain(struct mach_session *s, const struct region *r, uint64_t offset, uint32_t mask,
                            uint32_t value)
{
    pthread_mutex_lock(&s->registers);
    uint32_t old = swap_register(r, *register_at(r, offset));
    write_selected(r, offset, mask, ((old ^ value) & mask) << 16 | (value & mask));
    pthread_mutex_unlock(&s->registers);
    return (old ^ value) & ~mask;
}

static uint32_t write_as(struct mach_session *s, const struct region *r, struct mach_cfg_rec w, uint64_t offset,
                         uint32_t value)
{
    uint32_t flags = mach_cfg_write_flags(w), mask = mach_cfg_write_mask(w);
    if (flags & MACH_CFG_WRITE_PLAIN)
        return write_plain(s, r, offset, mask, value);
    if (flags & MACH_CFG_WRITE_HIWORD)
        return write_selected(r, offset, mask, value);
    return write_masked(s, r, offset, mask, value);
}

int machrt_write_shadow(struct mach_session *s, struct region *r, uint64_t offset, const void *value, size_t size)
{
    struct mach_cfg_rec w;
    uint32_t raw, refused = UINT32_MAX;
    if (size == sizeof raw && find_write(s, r, offset, &w)) {
        memcpy(&raw, value, sizeof raw);
        refused = write_as(s, r, w, offset, swap_register(r, raw));
    }
    if (!refused)
        return 0;
    tell_refused(s, r, offset, refused);
    return -EACCES;
}

// Registers are read as a whole: many buses have no narrower accesses, and answer wider ones with an error.
int machrt_read_shadow(const struct region *r, uint64_t offset, void *value, size_t size)
{
    uint32_t raw[2] = {*register_at(r, offset), 0};
    if (size > sizeof raw[0])
        raw[1] = *register_at(r, offset + sizeof raw[0]);
    memcpy(value, (const char *)raw + (offset & 3), size);
    return 0;
}
