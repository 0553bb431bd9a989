// SPDX-License-Identifier: MIT
#include "config/verify.h"

// The record and field that are being checked.
struct place {
    const struct mach_cfg_file *file;
    const struct mach_cfg_section_info *section;
    uint32_t record;
    const struct mach_cfg_field *field;
    struct mach_cfg_fault *fault;
};

static int refuse(const struct place *p, enum mach_cfg_error error)
{
    const struct mach_cfg_section *s = &p->file->section[p->section->type];
    p->fault->error = error;
    p->fault->offset =
        (uint64_t)(s->at - p->file->base) + (uint64_t)p->record * s->record_size + (p->field ? p->field->offset : 0U);
    p->fault->section = p->section;
    p->fault->record = p->record;
    p->fault->field = p->field;
    return -1;
}

// The field of `s` that holds the record of section `owner` to which a record belongs; or NULL.
static const struct mach_cfg_field *find_owner_field(const struct mach_cfg_section_info *s, uint32_t owner)
{
    for (uint32_t i = 0; i < s->nfields; i++)
        if (s->fields[i].kind == MACH_CFG_K_OWNER && s->fields[i].section == owner)
            return &s->fields[i];
    return NULL;
}

// Rows of records follow each other in the order of their owners, without gaps. So each record is checked once, and no
// file can make a reader walk the same record for many owners.
static int verify_rows(struct place p)
{
    const struct mach_cfg_field *first = p.field, *count = first + 1;
    const struct mach_cfg_section_info *target = &mach_cfg_sections[first->section - MACH_CFG_S_MACHINE];
    const struct mach_cfg_field *owner = find_owner_field(target, p.section->type);
    uint64_t next = 0, total = p.file->section[target->type].count;
    for (p.record = 0; p.record < p.file->section[p.section->type].count; p.record++) {
        struct mach_cfg_rec r = mach_cfg_record(p.file, p.section->type, p.record);
        uint64_t n = mach_cfg_value(r, count);
        if (mach_cfg_value(r, first) != next || n > total - next)
            return refuse(&p, MACH_CFG_E_RANGE);
        for (uint64_t i = next; owner && i < next + n; i++)
            if (mach_cfg_value(mach_cfg_record(p.file, target->type, (uint32_t)i), owner) != p.record)
                return refuse(&p, MACH_CFG_E_OWNER);
        next += n;
    }
    if (next == total)
        return 0;
    struct place left = {p.file, target, (uint32_t)next, NULL, p.fault};
    return refuse(&left, MACH_CFG_E_RANGE);
}

// A check of one field of every record of a section. All such fields have 32 bits.
struct check {
    const struct mach_cfg_field *field;
    uint64_t missing;
    uint64_t limit; // of an index: records; of a string: bytes of the table; of a set: the values, one bit each
};

enum { MAX_CHECKS = 32 };
#define FEW_FIELDS(name, NAME, type, least, doc)                                                                       \
    _Static_assert(sizeof mach_cfg_fields_##name / sizeof mach_cfg_fields_##name[0] <= MAX_CHECKS, #name);
MACH_CFG_SECTIONS(FEW_FIELDS)

static uint32_t make_checks(const struct mach_cfg_file *f, const struct mach_cfg_section_info *s, struct check *checks)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->nfields; i++) {
        const struct mach_cfg_field *field = &s->fields[i];
        struct check c = {field, mach_cfg_value((struct mach_cfg_rec){NULL, 0}, field), 0};
        switch ((enum mach_cfg_kind)field->kind) {
        case MACH_CFG_K_STR:
        case MACH_CFG_K_REF:
        case MACH_CFG_K_OWNER:
            c.limit = f->section[field->section].count;
            break;
        case MACH_CFG_K_ENUM: // values are below 64, which a test checks
            for (uint32_t k = 0; k < field->nwords; k++)
                c.limit |= UINT64_C(1) << field->words[k].value;
            break;
        case MACH_CFG_K_FLAGS:
            for (uint32_t k = 0; k < field->nwords; k++)
                c.limit |= field->words[k].value;
            break;
        case MACH_CFG_K_ZERO:
            break;
        case MACH_CFG_K_NUM:
        case MACH_CFG_K_HEX:
        case MACH_CFG_K_OPT:
        case MACH_CFG_K_FIRST:
        case MACH_CFG_K_COUNT:
        case MACH_CFG_K_BYTES:
            continue;
        }
        checks[n++] = c;
    }
    return n;
}

static enum mach_cfg_error check_value(const struct check *c, const uint8_t *strings, uint64_t v)
{
    switch ((enum mach_cfg_kind)c->field->kind) {
    case MACH_CFG_K_STR:
        return v && (v >= c->limit || strings[v - 1]) ? MACH_CFG_E_STRING : MACH_CFG_E_OK;
    case MACH_CFG_K_REF:
        return v >= c->limit && v != MACH_CFG_NONE ? MACH_CFG_E_INDEX : MACH_CFG_E_OK;
    case MACH_CFG_K_OWNER:
        return v >= c->limit ? MACH_CFG_E_INDEX : MACH_CFG_E_OK;
    case MACH_CFG_K_ENUM:
        return v >= 64 || !(c->limit >> v & 1) ? MACH_CFG_E_ENUM : MACH_CFG_E_OK;
    case MACH_CFG_K_FLAGS:
        return v & ~c->limit ? MACH_CFG_E_FLAGS : MACH_CFG_E_OK;
    default:
        return v ? MACH_CFG_E_RESERVED : MACH_CFG_E_OK;
    }
}

static int verify_section(const struct mach_cfg_file *f, const struct mach_cfg_section_info *s,
                          struct mach_cfg_fault *fault)
{
    struct check checks[MAX_CHECKS];
    uint32_t n = make_checks(f, s, checks), count = f->section[s->type].count;
    const uint8_t *strings = f->section[MACH_CFG_S_STRINGS].at;
    for (uint32_t k = 0; k < count; k++) {
        struct mach_cfg_rec r = mach_cfg_record(f, s->type, k);
        for (const struct check *c = checks; c < checks + n; c++) {
            enum mach_cfg_error e = check_value(c, strings, mach_cfg_get(r, c->field->offset, 4, c->missing));
            if (e) {
                struct place p = {f, s, k, c->field, fault};
                return refuse(&p, e);
            }
        }
    }
    return 0;
}

/* ---- rules that the tables do not express ---- */

// [start, start + size) is not empty and does not pass 2^64.
static int is_extent(uint64_t start, uint64_t size)
{
    return size && size - 1 <= UINT64_MAX - start;
}

// [start, start + size) is not empty and lies in [0, limit).
static int is_inside(uint64_t start, uint64_t size, uint64_t limit)
{
    return size && start <= limit && size <= limit - start;
}

static int memory_fits(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    (void)f;
    uint64_t size = mach_cfg_memory_size(r), physical = mach_cfg_memory_physical(r);
    uint64_t lowest = mach_cfg_memory_lowest(r), limit = mach_cfg_memory_limit(r);
    if (!is_extent(mach_cfg_memory_address(r), size) || !is_extent(mach_cfg_memory_offset(r), size))
        return 0;
    switch ((enum mach_cfg_backing)mach_cfg_memory_backing(r)) {
    case MACH_CFG_BACKING_PHYSICAL:
        return is_extent(physical, size);
    case MACH_CFG_BACKING_CONTIGUOUS:
    case MACH_CFG_BACKING_HEAP:
        if (limit ? limit < lowest || limit - lowest < size : !is_extent(lowest, size))
            return 0;
        return physical == MACH_CFG_NONE64 || (is_extent(physical, size) && physical >= lowest &&
                                               (!limit || (physical < limit && limit - physical >= size)));
    default:
        return 1;
    }
}

// What is written into guest.dtb lies in it, and is an address that a session knows.
static int patch_agrees(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    uint64_t dtb_size = MACH_CFG_HEADER_GET(f->base, dtb_size);
    uint32_t at = mach_cfg_patch_at(r), memory = mach_cfg_patch_memory(r);
    if (at % 4 || dtb_size < 8 || at > dtb_size - 8 || memory == MACH_CFG_NONE)
        return 0;
    struct mach_cfg_rec m = mach_cfg_record(f, MACH_CFG_S_MEMORY, memory);
    uint32_t backing = mach_cfg_memory_backing(m);
    return (backing == MACH_CFG_BACKING_PHYSICAL || backing == MACH_CFG_BACKING_CONTIGUOUS ||
            backing == MACH_CFG_BACKING_HEAP) &&
           mach_cfg_patch_offset(r) < mach_cfg_memory_size(m);
}

// A chip with messages has a region for them, divided equally among the cpus.
static int irqchip_agrees(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    uint32_t cpus = f->section[MACH_CFG_S_CPU].count, regions = mach_cfg_irqchip_regions(r);
    if (!mach_cfg_irqchip_messages(r))
        return 1;
    return cpus && regions &&
           !(mach_cfg_chip_region_size(
                 mach_cfg_record(f, MACH_CFG_S_CHIP_REGION, mach_cfg_irqchip_first_region(r) + regions - 1)) %
             cpus);
}

static int chip_region_fits(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    (void)f;
    return is_extent(mach_cfg_chip_region_address(r), mach_cfg_chip_region_size(r));
}

// The size of a PCI function's BAR may be 0, because only the host knows it.
static int region_fits(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    uint64_t guest = mach_cfg_region_guest(r), host = mach_cfg_region_host(r), size = mach_cfg_region_size(r);
    if (mach_cfg_region_mode(r) == MACH_CFG_REGION_DROP)
        return 1;
    if (!size)
        return mach_cfg_device_kind(mach_cfg_record(f, MACH_CFG_S_DEVICE, mach_cfg_region_device(r))) ==
               MACH_CFG_DEVICE_PCI;
    return (guest == MACH_CFG_NONE64 || is_extent(guest, size)) && (host == MACH_CFG_NONE64 || is_extent(host, size)) &&
           is_extent(mach_cfg_region_offset(r), size);
}

// A shadow is whole registers of a file, which only the library writes, and so is never mapped. The one of a dropped
// region would guard nothing.
static int shadow_agrees(const struct mach_cfg_file *f, struct mach_cfg_rec r)
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
static int write_agrees(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    uint32_t region = mach_cfg_write_region(r), offset = mach_cfg_write_offset(r), mask = mach_cfg_write_mask(r);
    if (region == MACH_CFG_NONE || !mask || (mach_cfg_write_flags(r) & MACH_CFG_WRITE_HIWORD && mask > 0xffff))
        return 0;
    struct mach_cfg_rec in = mach_cfg_record(f, MACH_CFG_S_REGION, region);
    if (!(mach_cfg_region_flags(in) & MACH_CFG_REGION_SHADOW) || offset % 4 ||
        !is_inside(offset, 4, mach_cfg_region_size(in)))
        return 0;
    if (r.at == f->section[MACH_CFG_S_WRITE].at)
        return 1;
    struct mach_cfg_rec before = {r.at - r.size, r.size};
    uint32_t last = mach_cfg_write_region(before);
    return last < region || (last == region && mach_cfg_write_offset(before) < offset);
}

static int map_fits(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    uint64_t offset = mach_cfg_dma_map_offset(r), size = mach_cfg_dma_map_size(r);
    uint32_t memory = mach_cfg_dma_map_memory(r), region = mach_cfg_dma_map_region(r);
    uint64_t granted = mach_cfg_dma_map_granted(r);
    if (!is_extent(mach_cfg_dma_map_iova(r), size) ||
        (granted && (granted < size || !is_extent(mach_cfg_dma_map_iova(r), granted))))
        return 0;
    if (memory != MACH_CFG_NONE &&
        !is_inside(offset, size, mach_cfg_memory_size(mach_cfg_record(f, MACH_CFG_S_MEMORY, memory))))
        return 0;
    return region == MACH_CFG_NONE ||
           is_inside(offset, size, mach_cfg_region_size(mach_cfg_record(f, MACH_CFG_S_REGION, region)));
}

// Exactly the target that `what` names is set. DMA would go past the guard of a shadow.
static int map_agrees(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    uint32_t what = mach_cfg_dma_map_what(r), region = mach_cfg_dma_map_region(r);
    if (region != MACH_CFG_NONE &&
        mach_cfg_region_flags(mach_cfg_record(f, MACH_CFG_S_REGION, region)) & MACH_CFG_REGION_SHADOW)
        return 0;
    return (what == MACH_CFG_MAP_MEMORY) == (mach_cfg_dma_map_memory(r) != MACH_CFG_NONE) &&
           (what == MACH_CFG_MAP_REGION) == (region != MACH_CFG_NONE);
}

// A link has a line of a chip; a dropped interrupt has none. What another one is bound for is not resampled itself.
static int irq_agrees(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    (void)f;
    int dropped = (mach_cfg_irq_flags(r) & MACH_CFG_IRQ_DROPPED) != 0;
    if (mach_cfg_irq_flags(r) & MACH_CFG_IRQ_SHARED &&
        mach_cfg_irq_flags(r) & (MACH_CFG_IRQ_DROPPED | MACH_CFG_IRQ_RESAMPLE))
        return 0;
    return dropped == (mach_cfg_irq_chip(r) == MACH_CFG_NONE) && dropped == (mach_cfg_irq_number(r) == MACH_CFG_NONE) &&
           !(mach_cfg_irq_flags(r) & MACH_CFG_IRQ_RESAMPLE && mach_cfg_irq_trigger(r) != MACH_CFG_TRIGGER_LEVEL);
}

// A parent comes before its children, so that a walk up the parents ends.
static int device_agrees(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    uint64_t self = (uint64_t)(r.at - f->section[MACH_CFG_S_DEVICE].at) / r.size;
    uint32_t parent = mach_cfg_device_parent(r);
    return parent == MACH_CFG_NONE || parent < self;
}

// A guest-visible IOMMU is an emulated device.
static int dma_agrees(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    uint32_t iommu = mach_cfg_dma_guest_iommu(r), stash = mach_cfg_dma_stash(r);
    uint64_t self = (uint64_t)(r.at - f->section[MACH_CFG_S_DMA].at) / r.size;
    if ((mach_cfg_dma_mode(r) == MACH_CFG_DMA_GUEST_IOMMU) != (iommu != MACH_CFG_NONE))
        return 0;
    if (mach_cfg_dma_endpoint(r) != MACH_CFG_NONE && iommu == MACH_CFG_NONE)
        return 0;
    if (iommu != MACH_CFG_NONE &&
        mach_cfg_device_kind(mach_cfg_record(f, MACH_CFG_S_DEVICE, iommu)) != MACH_CFG_DEVICE_EMULATED)
        return 0;
    return stash == MACH_CFG_NONE || mach_cfg_stash_dma(mach_cfg_record(f, MACH_CFG_S_STASH, stash)) == self;
}

static int dma_fits(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    (void)f;
    return !(mach_cfg_dma_flags(r) & MACH_CFG_DMA_HAS_WINDOW) ||
           is_extent(mach_cfg_dma_window(r), mach_cfg_dma_size(r));
}

static int stash_agrees(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    uint64_t self = (uint64_t)(r.at - f->section[MACH_CFG_S_STASH].at) / r.size;
    uint32_t dma = mach_cfg_stash_dma(r), entry = mach_cfg_stash_st_index(r);
    int tph = mach_cfg_stash_kind(r) == MACH_CFG_STASH_TPH;
    if (!tph && (entry != MACH_CFG_NONE || mach_cfg_stash_memory_type(r) != MACH_CFG_MEMORY_VOLATILE))
        return 0;
    if (entry != MACH_CFG_NONE && entry >= MACH_CFG_STEERING_TAGS)
        return 0;
    return dma != MACH_CFG_NONE && mach_cfg_dma_stash(mach_cfg_record(f, MACH_CFG_S_DMA, dma)) == self;
}

static const struct rule {
    uint32_t section;
    enum mach_cfg_error error;
    int (*holds)(const struct mach_cfg_file *f, struct mach_cfg_rec r);
} rules[] = {
    {MACH_CFG_S_MEMORY, MACH_CFG_E_EXTENT, memory_fits},
    {MACH_CFG_S_IRQCHIP, MACH_CFG_E_CONTRADICTION, irqchip_agrees},
    {MACH_CFG_S_CHIP_REGION, MACH_CFG_E_EXTENT, chip_region_fits},
    {MACH_CFG_S_DEVICE, MACH_CFG_E_CONTRADICTION, device_agrees},
    {MACH_CFG_S_REGION, MACH_CFG_E_EXTENT, region_fits},
    {MACH_CFG_S_REGION, MACH_CFG_E_CONTRADICTION, shadow_agrees},
    {MACH_CFG_S_WRITE, MACH_CFG_E_CONTRADICTION, write_agrees},
    {MACH_CFG_S_IRQ, MACH_CFG_E_CONTRADICTION, irq_agrees},
    {MACH_CFG_S_DMA, MACH_CFG_E_CONTRADICTION, dma_agrees},
    {MACH_CFG_S_DMA, MACH_CFG_E_EXTENT, dma_fits},
    {MACH_CFG_S_DMA_MAP, MACH_CFG_E_CONTRADICTION, map_agrees},
    {MACH_CFG_S_DMA_MAP, MACH_CFG_E_EXTENT, map_fits},
    {MACH_CFG_S_STASH, MACH_CFG_E_CONTRADICTION, stash_agrees},
    {MACH_CFG_S_PATCH, MACH_CFG_E_CONTRADICTION, patch_agrees},
};

static int verify_rules(const struct mach_cfg_file *f, struct mach_cfg_fault *fault)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        const struct mach_cfg_section_info *s = &mach_cfg_sections[rules[i].section - MACH_CFG_S_MACHINE];
        for (uint32_t k = 0; k < f->section[s->type].count; k++) {
            if (rules[i].holds(f, mach_cfg_record(f, s->type, k)))
                continue;
            struct place p = {f, s, k, NULL, fault};
            return refuse(&p, rules[i].error);
        }
    }
    return 0;
}

int machrt_verify(const struct mach_cfg_file *f, struct mach_cfg_fault *fault)
{
    for (uint32_t i = 0; i < MACH_CFG_NSECTIONS; i++)
        if (verify_section(f, &mach_cfg_sections[i], fault))
            return -1;
    for (uint32_t i = 0; i < MACH_CFG_NSECTIONS; i++) {
        const struct mach_cfg_section_info *s = &mach_cfg_sections[i];
        for (uint32_t n = 0; n < s->nfields; n++) {
            struct place p = {f, s, 0, &s->fields[n], fault};
            if (s->fields[n].kind == MACH_CFG_K_FIRST && verify_rows(p))
                return -1;
        }
    }
    return verify_rules(f, fault);
}

static const char *const error_names[] = {
#define NAME(name, text) #name,
    MACH_CFG_ERRORS(NAME)
#undef NAME
};

static const char *const error_texts[] = {
#define TEXT(name, text) text,
    MACH_CFG_ERRORS(TEXT)
#undef TEXT
};

const char *machrt_fault_name(enum mach_cfg_error error)
{
    return error_names[error];
}

const char *machrt_fault_text(enum mach_cfg_error error)
{
    return error_texts[error];
}
