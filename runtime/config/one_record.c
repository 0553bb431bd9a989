// SPDX-License-Identifier: MIT
// Rules of one record, and of the records that it names, which the tables of the layout do not express.
#include "config/rules.h"

enum { DTB_HEADER = 40 };

static bool memory_fits(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    (void)f;
    uint64_t size = mach_cfg_memory_size(r), physical = mach_cfg_memory_physical(r);
    uint64_t lowest = mach_cfg_memory_lowest(r), limit = mach_cfg_memory_limit(r);
    if (!is_extent(mach_cfg_memory_address(r), size) || !is_extent(mach_cfg_memory_offset(r), size))
        return false;
    switch ((enum mach_cfg_backing)mach_cfg_memory_backing(r)) {
    case MACH_CFG_BACKING_PHYSICAL:
        return is_extent(physical, size);
    case MACH_CFG_BACKING_CONTIGUOUS:
    case MACH_CFG_BACKING_HEAP:
        if (limit ? limit < lowest || limit - lowest < size : !is_extent(lowest, size))
            return false;
        return physical == MACH_CFG_NONE64 || (is_extent(physical, size) && physical >= lowest &&
                                               (!limit || (physical < limit && limit - physical >= size)));
    default:
        return true;
    }
}

// What is written into guest.dtb lies in it, behind its header (Devicetree Specification, 5.2), and is an address that
// a session knows.
static bool patch_agrees(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    uint64_t dtb_size = MACH_CFG_HEADER_GET(f->base, dtb_size);
    uint32_t at = mach_cfg_patch_at(r), memory = mach_cfg_patch_memory(r);
    if (at % 4 || at < DTB_HEADER || dtb_size < 8 || at > dtb_size - 8 || memory == MACH_CFG_NONE)
        return false;
    struct mach_cfg_rec m = mach_cfg_record(f, MACH_CFG_S_MEMORY, memory);
    uint32_t backing = mach_cfg_memory_backing(m);
    return (backing == MACH_CFG_BACKING_PHYSICAL || backing == MACH_CFG_BACKING_CONTIGUOUS ||
            backing == MACH_CFG_BACKING_HEAP) &&
           mach_cfg_patch_offset(r) < mach_cfg_memory_size(m);
}

// A chip with messages has a region for them, divided equally among the cpus.
static bool irqchip_agrees(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    uint32_t cpus = f->section[MACH_CFG_S_CPU].count, regions = mach_cfg_irqchip_regions(r);
    if (!mach_cfg_irqchip_messages(r))
        return true;
    return cpus && regions &&
           !(mach_cfg_chip_region_size(
                 mach_cfg_record(f, MACH_CFG_S_CHIP_REGION, mach_cfg_irqchip_first_region(r) + regions - 1)) %
             cpus);
}

static bool chip_region_fits(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    (void)f;
    return is_extent(mach_cfg_chip_region_address(r), mach_cfg_chip_region_size(r));
}

// The size of a PCI function's BAR may be 0, because only the host knows it.
static bool region_fits(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    uint64_t guest = mach_cfg_region_guest(r), host = mach_cfg_region_host(r), size = mach_cfg_region_size(r);
    if (mach_cfg_region_mode(r) == MACH_CFG_REGION_DROP)
        return true;
    if (!size)
        return mach_cfg_device_kind(mach_cfg_record(f, MACH_CFG_S_DEVICE, mach_cfg_region_device(r))) ==
               MACH_CFG_DEVICE_PCI;
    return (guest == MACH_CFG_NONE64 || is_extent(guest, size)) && (host == MACH_CFG_NONE64 || is_extent(host, size)) &&
           is_extent(mach_cfg_region_offset(r), size);
}

// A shadow is whole registers of a file, which only the library writes, and so is never mapped. The one of a dropped
// region would guard nothing.
static bool shadow_agrees(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    uint32_t flags = mach_cfg_region_flags(r);
    if (!(flags & MACH_CFG_REGION_SHADOW))
        return !(flags & MACH_CFG_REGION_BIG_ENDIAN);
    uint64_t size = mach_cfg_region_size(r);
    return mach_cfg_region_mode(r) == MACH_CFG_REGION_TRAP && mach_cfg_region_file(r) &&
           !(flags & MACH_CFG_REGION_WINDOW) && !(size % 4) && size <= MACH_CFG_SHADOW_SIZE &&
           !(mach_cfg_region_offset(r) % 4) &&
           mach_cfg_device_kind(mach_cfg_record(f, MACH_CFG_S_DEVICE, mach_cfg_region_device(r))) ==
               MACH_CFG_DEVICE_RAW;
}

// Sorted, so that a register is found by a binary search, and has one mask.
static bool write_agrees(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    uint32_t region = mach_cfg_write_region(r), offset = mach_cfg_write_offset(r), mask = mach_cfg_write_mask(r);
    uint32_t flags = mach_cfg_write_flags(r);
    if (region == MACH_CFG_NONE || !mask || (flags & MACH_CFG_WRITE_HIWORD && mask > 0xffff) ||
        (flags & MACH_CFG_WRITE_PLAIN && !(flags & MACH_CFG_WRITE_HIWORD)))
        return false;
    struct mach_cfg_rec in = mach_cfg_record(f, MACH_CFG_S_REGION, region);
    if (!(mach_cfg_region_flags(in) & MACH_CFG_REGION_SHADOW) || offset % 4 ||
        !is_inside(offset, 4, mach_cfg_region_size(in)))
        return false;
    if (r.at == f->section[MACH_CFG_S_WRITE].at)
        return true;
    struct mach_cfg_rec before = {r.at - r.size, r.size};
    uint32_t last = mach_cfg_write_region(before);
    return last < region || (last == region && mach_cfg_write_offset(before) < offset);
}

// Where an interrupt comes from depends on what its device is.
static bool irq_has_source(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    uint32_t kind = mach_cfg_device_kind(mach_cfg_record(f, MACH_CFG_S_DEVICE, mach_cfg_irq_device(r)));
    bool dropped = mach_cfg_irq_flags(r) & MACH_CFG_IRQ_DROPPED, file = mach_cfg_irq_file(r) != 0;
    switch ((enum mach_cfg_irq_source)mach_cfg_irq_source(r)) {
    case MACH_CFG_IRQ_EMULATED:
        return kind == MACH_CFG_DEVICE_EMULATED && !file;
    case MACH_CFG_IRQ_FILE:
        return kind == MACH_CFG_DEVICE_RAW && (file || dropped);
    default:
        return (kind == MACH_CFG_DEVICE_PLATFORM || kind == MACH_CFG_DEVICE_PCI) && !file;
    }
}

// A link has a line of a chip; a dropped interrupt has none. What another one is bound for is not resampled itself.
static bool irq_agrees(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    uint32_t chip = mach_cfg_irq_chip(r);
    if (chip != MACH_CFG_NONE &&
        mach_cfg_irq_number(r) >= mach_cfg_irqchip_lines(mach_cfg_record(f, MACH_CFG_S_IRQCHIP, chip)))
        return false;
    bool dropped = (mach_cfg_irq_flags(r) & MACH_CFG_IRQ_DROPPED) != 0;
    if (mach_cfg_irq_flags(r) & MACH_CFG_IRQ_SHARED &&
        mach_cfg_irq_flags(r) & (MACH_CFG_IRQ_DROPPED | MACH_CFG_IRQ_RESAMPLE))
        return false;
    return dropped == (chip == MACH_CFG_NONE) && dropped == (mach_cfg_irq_number(r) == MACH_CFG_NONE) &&
           !(mach_cfg_irq_flags(r) & MACH_CFG_IRQ_RESAMPLE && mach_cfg_irq_trigger(r) != MACH_CFG_TRIGGER_LEVEL);
}

bool machrt_has_vcpu(const struct mach_cfg_file *f, uint32_t vcpu, struct mach_cfg_rec *cpu)
{
    uint32_t low = 0, high = f->section[MACH_CFG_S_CPU].count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        *cpu = mach_cfg_record(f, MACH_CFG_S_CPU, mid);
        if (mach_cfg_cpu_vcpu(*cpu) == vcpu)
            return true;
        if (mach_cfg_cpu_vcpu(*cpu) < vcpu)
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}

// In ascending order, so that a cpu is found by a binary search.
static bool cpu_agrees(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    struct mach_cfg_rec before = {r.at - r.size, r.size};
    return r.at == f->section[MACH_CFG_S_CPU].at || mach_cfg_cpu_vcpu(before) < mach_cfg_cpu_vcpu(r);
}

// A parent comes before its children, so that a walk up the parents ends. Only a device of the host has a name there.
static bool device_agrees(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    uint64_t self = (uint64_t)(r.at - f->section[MACH_CFG_S_DEVICE].at) / r.size;
    uint32_t parent = mach_cfg_device_parent(r), kind = mach_cfg_device_kind(r), vcpu = mach_cfg_device_vcpu(r);
    bool on_host = kind == MACH_CFG_DEVICE_PLATFORM || kind == MACH_CFG_DEVICE_PCI;
    struct mach_cfg_rec cpu;
    return (parent == MACH_CFG_NONE || parent < self) && (on_host || !mach_cfg_device_sysfs_name(r)) &&
           (vcpu == MACH_CFG_NONE || machrt_has_vcpu(f, vcpu, &cpu)) &&
           (mach_cfg_device_bus(r) != 0) == (mach_cfg_device_slot(r) != MACH_CFG_NONE);
}

// Only a raw device is made of files. What the VMM emulates has no registers on the host. What is dropped is nowhere in
// the guest.
static bool region_agrees(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    uint32_t kind = mach_cfg_device_kind(mach_cfg_record(f, MACH_CFG_S_DEVICE, mach_cfg_region_device(r)));
    bool drop = mach_cfg_region_mode(r) == MACH_CFG_REGION_DROP, file = mach_cfg_region_file(r) != 0;
    if (kind == MACH_CFG_DEVICE_RAW ? !file && !drop : file)
        return false;
    if (kind == MACH_CFG_DEVICE_EMULATED &&
        (mach_cfg_region_host(r) != MACH_CFG_NONE64 || mach_cfg_region_mode(r) == MACH_CFG_REGION_MAP))
        return false;
    return !drop || mach_cfg_region_guest(r) == MACH_CFG_NONE64;
}

static const struct rule rules[] = {
    {MACH_CFG_S_CPU, MACH_CFG_E_CONTRADICTION, cpu_agrees},
    {MACH_CFG_S_MEMORY, MACH_CFG_E_EXTENT, memory_fits},
    {MACH_CFG_S_IRQCHIP, MACH_CFG_E_CONTRADICTION, irqchip_agrees},
    {MACH_CFG_S_CHIP_REGION, MACH_CFG_E_EXTENT, chip_region_fits},
    {MACH_CFG_S_DEVICE, MACH_CFG_E_CONTRADICTION, device_agrees},
    {MACH_CFG_S_REGION, MACH_CFG_E_EXTENT, region_fits},
    {MACH_CFG_S_REGION, MACH_CFG_E_CONTRADICTION, shadow_agrees},
    {MACH_CFG_S_REGION, MACH_CFG_E_CONTRADICTION, region_agrees},
    {MACH_CFG_S_WRITE, MACH_CFG_E_CONTRADICTION, write_agrees},
    {MACH_CFG_S_IRQ, MACH_CFG_E_CONTRADICTION, irq_agrees},
    {MACH_CFG_S_IRQ, MACH_CFG_E_CONTRADICTION, irq_has_source},
    {MACH_CFG_S_PATCH, MACH_CFG_E_CONTRADICTION, patch_agrees},
};

int machrt_verify_records(struct verify *v)
{
    return machrt_apply_rules(v, rules, sizeof rules / sizeof rules[0]);
}
