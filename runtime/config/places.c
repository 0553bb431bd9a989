// SPDX-License-Identifier: MIT
// What can be at one place only: in the guest's address space, in the host's memory, in a file, in guest.dtb.
#include "config/rules.h"

/* Kinds of things that may overlap others of their kind. */
enum { ALONE, SHARED, REGISTERS, MAPPED, TRAPPED = MAPPED + MACH_CFG_REGION_TRAP };

static uint64_t page_size(const struct mach_cfg_file *f)
{
    uint64_t page = mach_cfg_machine_host_page_size(mach_cfg_record(f, MACH_CFG_S_MACHINE, 0));
    return page && !(page & (page - 1)) ? page : 1;
}

/* ---- the guest's addresses ---- */

// Pages that are mapped are mapped as a whole. Registers of the host that overlap others at the same offset, and in the
// same mode, are one mapping: a device below another one has a part of its registers.
static void add_guest_region(struct verify *v, uint32_t i)
{
    struct mach_cfg_rec r = mach_cfg_record(v->f, MACH_CFG_S_REGION, i);
    uint64_t guest = mach_cfg_region_guest(r), host = mach_cfg_region_host(r), size = mach_cfg_region_size(r);
    uint32_t mode = mach_cfg_region_mode(r);
    if (mode == MACH_CFG_REGION_DROP || guest == MACH_CFG_NONE64 || !size)
        return;
    uint64_t inside = mode == MACH_CFG_REGION_MAP ? page_size(v->f) - 1 : 0;
    machrt_add_thing(v, (struct thing){.kind = host == MACH_CFG_NONE64 ? ALONE : MAPPED + mode,
                                       .same = guest - host,
                                       .first = guest & ~inside,
                                       .last = (guest + (size - 1)) | inside,
                                       .section = MACH_CFG_S_REGION,
                                       .record = i});
}

static int verify_guest(struct verify *v)
{
    machrt_clear_things(v);
    for (uint32_t i = 0; i < v->f->section[MACH_CFG_S_MEMORY].count; i++) {
        struct mach_cfg_rec r = mach_cfg_record(v->f, MACH_CFG_S_MEMORY, i);
        uint64_t first = mach_cfg_memory_address(r), last = first + (mach_cfg_memory_size(r) - 1);
        machrt_add_thing(v, (struct thing){.first = first, .last = last, .section = MACH_CFG_S_MEMORY, .record = i});
    }
    for (uint32_t i = 0; i < v->f->section[MACH_CFG_S_CHIP_REGION].count; i++) {
        struct mach_cfg_rec r = mach_cfg_record(v->f, MACH_CFG_S_CHIP_REGION, i);
        uint64_t first = mach_cfg_chip_region_address(r), last = first + (mach_cfg_chip_region_size(r) - 1);
        machrt_add_thing(v,
                         (struct thing){.first = first, .last = last, .section = MACH_CFG_S_CHIP_REGION, .record = i});
    }
    for (uint32_t i = 0; i < v->f->section[MACH_CFG_S_REGION].count; i++)
        add_guest_region(v, i);
    return machrt_none_overlaps(v, MACH_CFG_E_GUEST_OVERLAP);
}

/* ---- the host's memory ---- */

// An offset in it is an address of the host.
static bool is_dev_mem(const struct mach_cfg_file *f, uint32_t path)
{
    return !strcmp(mach_cfg_string(f, path), "/dev/mem");
}

// The host's address of a region: of a raw device, an offset in /dev/mem is one. False: not known.
static bool host_address(const struct mach_cfg_file *f, struct mach_cfg_rec r, uint64_t *at)
{
    *at = is_dev_mem(f, mach_cfg_region_file(r)) ? mach_cfg_region_offset(r) : mach_cfg_region_host(r);
    return mach_cfg_region_mode(r) != MACH_CFG_REGION_DROP && mach_cfg_region_size(r) && *at != MACH_CFG_NONE64;
}

static bool memory_address(const struct mach_cfg_file *f, struct mach_cfg_rec r, uint64_t *at)
{
    *at = mach_cfg_memory_physical(r);
    switch ((enum mach_cfg_backing)mach_cfg_memory_backing(r)) {
    case MACH_CFG_BACKING_PHYSICAL:
    case MACH_CFG_BACKING_CONTIGUOUS:
    case MACH_CFG_BACKING_HEAP:
        return *at != MACH_CFG_NONE64;
    case MACH_CFG_BACKING_FILE:
        *at = mach_cfg_memory_offset(r);
        return is_dev_mem(f, mach_cfg_memory_path(r));
    default:
        return false;
    }
}

// Two memories that machines share under one name may be the same: both are this machine's.
static void share_texts(struct verify *v)
{
    machrt_rank_texts(v);
    for (size_t i = 0; i < v->things; i++)
        if (v->thing[i].kind == SHARED) {
            v->thing[i].same = v->thing[i].text;
            v->thing[i].text = 0;
        }
}

static int verify_host(struct verify *v)
{
    machrt_clear_things(v);
    for (uint32_t i = 0; i < v->f->section[MACH_CFG_S_MEMORY].count; i++) {
        struct mach_cfg_rec r = mach_cfg_record(v->f, MACH_CFG_S_MEMORY, i);
        uint32_t share = mach_cfg_memory_share(r);
        uint64_t first;
        if (memory_address(v->f, r, &first))
            machrt_add_thing(v, (struct thing){.text = share,
                                               .kind = share ? SHARED : ALONE,
                                               .first = first,
                                               .last = first + (mach_cfg_memory_size(r) - 1),
                                               .section = MACH_CFG_S_MEMORY,
                                               .record = i});
    }
    share_texts(v);
    for (uint32_t i = 0; i < v->f->section[MACH_CFG_S_REGION].count; i++) {
        struct mach_cfg_rec r = mach_cfg_record(v->f, MACH_CFG_S_REGION, i);
        uint64_t first;
        if (host_address(v->f, r, &first))
            machrt_add_thing(v, (struct thing){.kind = REGISTERS,
                                               .first = first,
                                               .last = first + (mach_cfg_region_size(r) - 1),
                                               .section = MACH_CFG_S_REGION,
                                               .record = i});
    }
    return machrt_none_overlaps(v, MACH_CFG_E_HOST_OVERLAP);
}

/* ---- files ---- */

static void add_file_regions(struct verify *v)
{
    for (uint32_t i = 0; i < v->f->section[MACH_CFG_S_REGION].count; i++) {
        struct mach_cfg_rec r = mach_cfg_record(v->f, MACH_CFG_S_REGION, i);
        uint32_t file = mach_cfg_region_file(r);
        uint64_t offset = mach_cfg_region_offset(r);
        // Offsets in /dev/mem are the host's addresses, see above.
        if (file && mach_cfg_region_mode(r) != MACH_CFG_REGION_DROP && mach_cfg_region_size(r) &&
            !is_dev_mem(v->f, file))
            machrt_add_thing(v, (struct thing){.text = file,
                                               .space = mach_cfg_region_device(r),
                                               .first = offset,
                                               .last = offset + (mach_cfg_region_size(r) - 1),
                                               .section = MACH_CFG_S_REGION,
                                               .record = i});
    }
}

// A part of a file is one memory or one region.
static int verify_file_parts(struct verify *v)
{
    machrt_clear_things(v);
    // First the names under which memory is shared; then, at the same places, the files.
    for (uint32_t i = 0; i < v->f->section[MACH_CFG_S_MEMORY].count; i++) {
        struct mach_cfg_rec r = mach_cfg_record(v->f, MACH_CFG_S_MEMORY, i);
        uint32_t share = mach_cfg_memory_share(r);
        uint64_t offset = mach_cfg_memory_offset(r);
        if (mach_cfg_memory_backing(r) == MACH_CFG_BACKING_FILE && mach_cfg_memory_path(r))
            machrt_add_thing(v, (struct thing){.text = share,
                                               .kind = share ? SHARED : ALONE,
                                               .first = offset,
                                               .last = offset + (mach_cfg_memory_size(r) - 1),
                                               .section = MACH_CFG_S_MEMORY,
                                               .record = i});
    }
    share_texts(v);
    for (size_t i = 0; i < v->things; i++)
        v->thing[i].text = mach_cfg_memory_path(mach_cfg_record(v->f, MACH_CFG_S_MEMORY, v->thing[i].record));
    add_file_regions(v);
    for (size_t i = 0; i < v->things; i++)
        v->thing[i].space = 0;
    machrt_rank_texts(v);
    return machrt_none_overlaps(v, MACH_CFG_E_FILE_OVERLAP);
}

// A UIO device has its registers and its interrupt in one file: who has its interrupt has all of it.
static int verify_irq_files(struct verify *v)
{
    machrt_clear_things(v);
    for (uint32_t i = 0; i < v->f->section[MACH_CFG_S_IRQ].count; i++) {
        struct mach_cfg_rec r = mach_cfg_record(v->f, MACH_CFG_S_IRQ, i);
        if (mach_cfg_irq_file(r) && !(mach_cfg_irq_flags(r) & MACH_CFG_IRQ_DROPPED))
            machrt_add_thing(v, (struct thing){.text = mach_cfg_irq_file(r),
                                               .same = mach_cfg_irq_device(r),
                                               .section = MACH_CFG_S_IRQ,
                                               .record = i});
    }
    if (!v->things && !v->no_memory)
        return 0;
    add_file_regions(v);
    for (uint32_t i = 0; i < v->f->section[MACH_CFG_S_MEMORY].count; i++) {
        struct mach_cfg_rec r = mach_cfg_record(v->f, MACH_CFG_S_MEMORY, i);
        if (mach_cfg_memory_backing(r) == MACH_CFG_BACKING_FILE)
            machrt_add_thing(v, (struct thing){.text = mach_cfg_memory_path(r),
                                               .same = MACH_CFG_NONE64,
                                               .section = MACH_CFG_S_MEMORY,
                                               .record = i});
    }
    // Of each file, the interrupts come first.
    for (size_t i = 0; i < v->things; i++) {
        struct thing *t = &v->thing[i];
        if (t->section == MACH_CFG_S_REGION)
            t->same = t->space;
        t->space = 0;
        t->first = t->section != MACH_CFG_S_IRQ;
    }
    machrt_rank_texts(v);
    if (machrt_sort_things(v))
        return -1;
    const struct thing *irq = NULL;
    for (size_t i = 0; i < v->things; i++) {
        const struct thing *t = &v->thing[i];
        bool meets = irq && irq->text == t->text;
        if (meets && (t->section == MACH_CFG_S_IRQ || t->same != irq->same))
            return machrt_refuse_both(v, MACH_CFG_E_FILE_OVERLAP, irq, t);
        if (t->section == MACH_CFG_S_IRQ)
            irq = t;
    }
    return 0;
}

/* ---- registers of shadows, guest.dtb ---- */

// Two shadows of one register agree on how it is written.
static int verify_writes(struct verify *v)
{
    machrt_clear_things(v);
    for (uint32_t i = 0; i < v->f->section[MACH_CFG_S_WRITE].count; i++) {
        struct mach_cfg_rec w = mach_cfg_record(v->f, MACH_CFG_S_WRITE, i);
        struct mach_cfg_rec r = mach_cfg_record(v->f, MACH_CFG_S_REGION, mach_cfg_write_region(w));
        uint64_t at = mach_cfg_region_offset(r) + mach_cfg_write_offset(w);
        machrt_add_thing(v, (struct thing){.text = mach_cfg_region_file(r),
                                           .kind = SHARED,
                                           .same = (mach_cfg_write_flags(w) & MACH_CFG_WRITE_HIWORD) << 8 |
                                                   (mach_cfg_region_flags(r) & MACH_CFG_REGION_BIG_ENDIAN),
                                           .first = at,
                                           .last = at + 3,
                                           .section = MACH_CFG_S_WRITE,
                                           .record = i});
    }
    machrt_rank_texts(v);
    return machrt_none_overlaps(v, MACH_CFG_E_WRITE_TWICE);
}

static int verify_patches(struct verify *v)
{
    machrt_clear_things(v);
    for (uint32_t i = 0; i < v->f->section[MACH_CFG_S_PATCH].count; i++) {
        uint64_t at = mach_cfg_patch_at(mach_cfg_record(v->f, MACH_CFG_S_PATCH, i));
        machrt_add_thing(v, (struct thing){.first = at, .last = at + 7, .section = MACH_CFG_S_PATCH, .record = i});
    }
    return machrt_none_overlaps(v, MACH_CFG_E_PATCH_OVERLAP);
}

int machrt_verify_places(struct verify *v)
{
    return verify_guest(v) || verify_host(v) || verify_file_parts(v) || verify_irq_files(v) || verify_writes(v) ||
                   verify_patches(v)
               ? -1
               : 0;
}
