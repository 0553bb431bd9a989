// SPDX-License-Identifier: MIT
// Rules of DMA domains, of their mappings and stash targets, and of what is mapped.
#include "config/rules.h"

static bool map_fits(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    uint64_t offset = mach_cfg_dma_map_offset(r), size = mach_cfg_dma_map_size(r);
    uint32_t memory = mach_cfg_dma_map_memory(r), region = mach_cfg_dma_map_region(r);
    uint64_t granted = mach_cfg_dma_map_granted(r);
    if (!is_extent(mach_cfg_dma_map_iova(r), size) ||
        (granted && (granted < size || !is_extent(mach_cfg_dma_map_iova(r), granted))))
        return false;
    if (memory != MACH_CFG_NONE &&
        !is_inside(offset, size, mach_cfg_memory_size(mach_cfg_record(f, MACH_CFG_S_MEMORY, memory))))
        return false;
    return region == MACH_CFG_NONE ||
           is_inside(offset, size, mach_cfg_region_size(mach_cfg_record(f, MACH_CFG_S_REGION, region)));
}

// Exactly the target that `what` names is set. DMA would go past the guard of a shadow.
static bool map_agrees(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    uint32_t what = mach_cfg_dma_map_what(r), region = mach_cfg_dma_map_region(r);
    if (region != MACH_CFG_NONE &&
        mach_cfg_region_flags(mach_cfg_record(f, MACH_CFG_S_REGION, region)) & MACH_CFG_REGION_SHADOW)
        return false;
    return (what == MACH_CFG_MAP_MEMORY) == (mach_cfg_dma_map_memory(r) != MACH_CFG_NONE) &&
           (what == MACH_CFG_MAP_REGION) == (region != MACH_CFG_NONE);
}

// A guest-visible IOMMU is an emulated device.
static bool dma_agrees(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    uint32_t iommu = mach_cfg_dma_guest_iommu(r), stash = mach_cfg_dma_stash(r);
    uint64_t self = (uint64_t)(r.at - f->section[MACH_CFG_S_DMA].at) / r.size;
    if ((mach_cfg_dma_mode(r) == MACH_CFG_DMA_GUEST_IOMMU) != (iommu != MACH_CFG_NONE))
        return false;
    if (mach_cfg_dma_endpoint(r) != MACH_CFG_NONE && iommu == MACH_CFG_NONE)
        return false;
    if (iommu != MACH_CFG_NONE &&
        mach_cfg_device_kind(mach_cfg_record(f, MACH_CFG_S_DEVICE, iommu)) != MACH_CFG_DEVICE_EMULATED)
        return false;
    return stash == MACH_CFG_NONE || mach_cfg_stash_dma(mach_cfg_record(f, MACH_CFG_S_STASH, stash)) == self;
}

static bool dma_fits(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    (void)f;
    return !(mach_cfg_dma_flags(r) & MACH_CFG_DMA_HAS_WINDOW) ||
           is_extent(mach_cfg_dma_window(r), mach_cfg_dma_size(r));
}

// The cache is that of the cpu that the vcpu runs on.
static bool stash_agrees(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    uint64_t self = (uint64_t)(r.at - f->section[MACH_CFG_S_STASH].at) / r.size;
    uint32_t dma = mach_cfg_stash_dma(r), entry = mach_cfg_stash_st_index(r);
    bool tph = mach_cfg_stash_kind(r) == MACH_CFG_STASH_TPH;
    if (!tph && (entry != MACH_CFG_NONE || mach_cfg_stash_memory_type(r) != MACH_CFG_MEMORY_VOLATILE))
        return false;
    if (entry != MACH_CFG_NONE && entry >= MACH_CFG_STEERING_TAGS)
        return false;
    struct mach_cfg_rec cpu;
    uint32_t vcpu = mach_cfg_stash_vcpu(r);
    if (vcpu != MACH_CFG_NONE &&
        (!machrt_has_vcpu(f, vcpu, &cpu) || mach_cfg_cpu_host_cpu(cpu) != mach_cfg_stash_host_cpu(r)))
        return false;
    return dma != MACH_CFG_NONE && mach_cfg_dma_stash(mach_cfg_record(f, MACH_CFG_S_DMA, dma)) == self;
}

/* ---- a mapping, its domain and its memory ---- */

static struct mach_cfg_rec domain_of(const struct mach_cfg_file *f, struct mach_cfg_rec map)
{
    return mach_cfg_record(f, MACH_CFG_S_DMA, mach_cfg_dma_map_dma(map));
}

// The bytes that the device reaches.
static uint64_t reach_of(struct mach_cfg_rec map)
{
    uint64_t granted = mach_cfg_dma_map_granted(map);
    return granted ? granted : mach_cfg_dma_map_size(map);
}

// Only the modes `all` and `window` have mappings, and only behind an IOMMU.
static bool domain_maps(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    struct mach_cfg_rec dma = domain_of(f, r);
    uint32_t mode = mach_cfg_dma_mode(dma);
    return (mode == MACH_CFG_DMA_ALL || mode == MACH_CFG_DMA_WINDOW) &&
           !(mach_cfg_dma_flags(dma) & MACH_CFG_DMA_NO_IOMMU) &&
           mach_cfg_machine_iommu(mach_cfg_record(f, MACH_CFG_S_MACHINE, 0)) != MACH_CFG_IOMMU_NONE;
}

static bool is_in_window(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    struct mach_cfg_rec dma = domain_of(f, r);
    uint64_t window = mach_cfg_dma_window(dma), iova = mach_cfg_dma_map_iova(r);
    return !(mach_cfg_dma_flags(dma) & MACH_CFG_DMA_HAS_WINDOW) ||
           (iova >= window && is_inside(iova - window, reach_of(r), mach_cfg_dma_size(dma)));
}

static bool memory_allows_dma(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    uint32_t memory = mach_cfg_dma_map_memory(r);
    return memory == MACH_CFG_NONE ||
           !(mach_cfg_memory_flags(mach_cfg_record(f, MACH_CFG_S_MEMORY, memory)) & MACH_CFG_MEMORY_NO_DMA);
}

static bool memory_allows_writes(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    uint32_t memory = mach_cfg_dma_map_memory(r);
    return memory == MACH_CFG_NONE || mach_cfg_dma_map_flags(r) & MACH_CFG_MAP_READONLY ||
           !(mach_cfg_memory_flags(mach_cfg_record(f, MACH_CFG_S_MEMORY, memory)) & MACH_CFG_MEMORY_READONLY);
}

static const struct rule rules[] = {
    {MACH_CFG_S_DMA, MACH_CFG_E_CONTRADICTION, dma_agrees},
    {MACH_CFG_S_DMA, MACH_CFG_E_EXTENT, dma_fits},
    {MACH_CFG_S_DMA_MAP, MACH_CFG_E_CONTRADICTION, map_agrees},
    {MACH_CFG_S_DMA_MAP, MACH_CFG_E_EXTENT, map_fits},
    {MACH_CFG_S_STASH, MACH_CFG_E_CONTRADICTION, stash_agrees},
    {MACH_CFG_S_DMA_MAP, MACH_CFG_E_MAP_OF_NONE, domain_maps},
    {MACH_CFG_S_DMA_MAP, MACH_CFG_E_MAP_NO_DMA, memory_allows_dma},
    {MACH_CFG_S_DMA_MAP, MACH_CFG_E_MAP_WRITES, memory_allows_writes},
    {MACH_CFG_S_DMA_MAP, MACH_CFG_E_MAP_WINDOW, is_in_window},
};

/* ---- two mappings, two domains ---- */

static int verify_maps(struct verify *v)
{
    machrt_clear_things(v);
    for (uint32_t i = 0; i < v->f->section[MACH_CFG_S_DMA_MAP].count; i++) {
        struct mach_cfg_rec r = mach_cfg_record(v->f, MACH_CFG_S_DMA_MAP, i);
        uint64_t iova = mach_cfg_dma_map_iova(r);
        machrt_add_thing(v, (struct thing){.space = mach_cfg_dma_map_dma(r),
                                           .first = iova,
                                           .last = iova + (reach_of(r) - 1),
                                           .section = MACH_CFG_S_DMA_MAP,
                                           .record = i});
    }
    return machrt_none_overlaps(v, MACH_CFG_E_MAP_OVERLAP);
}

// A stream of a device is in one domain: an LIODN or a stream is named once.
static int verify_streams(struct verify *v)
{
    machrt_clear_things(v);
    for (uint32_t i = 0; i < v->f->section[MACH_CFG_S_DMA].count; i++) {
        struct mach_cfg_rec r = mach_cfg_record(v->f, MACH_CFG_S_DMA, i);
        uint32_t flags = mach_cfg_dma_flags(r);
        struct thing t = {.section = MACH_CFG_S_DMA, .record = i, .space = (uint64_t)mach_cfg_dma_device(r) << 1};
        t.first = t.last = mach_cfg_dma_liodn_index(r);
        if (flags & MACH_CFG_DMA_HAS_LIODN_INDEX)
            machrt_add_thing(v, t);
        t.space++;
        t.first = t.last = mach_cfg_dma_stream(r);
        if (flags & MACH_CFG_DMA_HAS_STREAM)
            machrt_add_thing(v, t);
    }
    return machrt_none_overlaps(v, MACH_CFG_E_STREAM_TWICE);
}

// The guest's IOMMU tells domains apart by their endpoints.
static int verify_endpoints(struct verify *v)
{
    machrt_clear_things(v);
    for (uint32_t i = 0; i < v->f->section[MACH_CFG_S_DMA].count; i++) {
        struct mach_cfg_rec r = mach_cfg_record(v->f, MACH_CFG_S_DMA, i);
        uint32_t endpoint = mach_cfg_dma_endpoint(r);
        if (endpoint != MACH_CFG_NONE)
            machrt_add_thing(v, (struct thing){.space = mach_cfg_dma_guest_iommu(r),
                                               .first = endpoint,
                                               .last = endpoint,
                                               .section = MACH_CFG_S_DMA,
                                               .record = i});
    }
    return machrt_none_overlaps(v, MACH_CFG_E_ENDPOINT_TWICE);
}

int machrt_verify_dma(struct verify *v)
{
    return machrt_apply_rules(v, rules, sizeof rules / sizeof rules[0]) || verify_maps(v) || verify_streams(v) ||
                   verify_endpoints(v)
               ? -1
               : 0;
}
