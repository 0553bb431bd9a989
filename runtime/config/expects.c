// SPDX-License-Identifier: MIT
// Expectations: none contradicts its record or another one, and what identifies the host and its devices is there.
#include "config/rules.h"

/* ---- an expectation and its record ---- */

static bool is_string(const struct mach_cfg_file *f, uint32_t a, uint32_t b)
{
    return a == b || !strcmp(mach_cfg_string(f, a), mach_cfg_string(f, b));
}

// A file, and memory that is free, may be a device's or not; the other kinds are about a device, or about the host.
static bool is_about_device(uint32_t kind)
{
    return (kind >= MACH_CFG_EXPECT_SYSFS_NAME && kind <= MACH_CFG_EXPECT_GROUP_MEMBER) ||
           kind == MACH_CFG_EXPECT_POWER_LINK;
}

static bool expect_agrees(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    uint32_t kind = mach_cfg_expect_kind(r), index = mach_cfg_expect_index(r), string = mach_cfg_expect_string(r);
    struct mach_cfg_rec m = mach_cfg_record(f, MACH_CFG_S_MACHINE, 0);
    struct mach_cfg_rec d = mach_cfg_record(f, MACH_CFG_S_DEVICE, mach_cfg_expect_device(r));
    bool either = kind == MACH_CFG_EXPECT_FILE || kind == MACH_CFG_EXPECT_MEMORY_FREE;
    if (!either && is_about_device(kind) != (d.at != NULL))
        return false;
    switch ((enum mach_cfg_expect_kind)kind) {
    case MACH_CFG_EXPECT_PAGE_SIZE:
        return mach_cfg_expect_a(r) == mach_cfg_machine_host_page_size(m);
    case MACH_CFG_EXPECT_HOST_COMPATIBLE:
        return index || is_string(f, string, mach_cfg_machine_host_compatible(m));
    case MACH_CFG_EXPECT_SYSFS_NAME:
        return is_string(f, string, mach_cfg_device_sysfs_name(d));
    case MACH_CFG_EXPECT_COMPATIBLE:
        return is_string(f, string, mach_cfg_device_compatible(d));
    case MACH_CFG_EXPECT_KVM_DEVICE:
        return index < f->section[MACH_CFG_S_IRQCHIP].count &&
               is_string(f, string, mach_cfg_irqchip_kvm(mach_cfg_record(f, MACH_CFG_S_IRQCHIP, index)));
    default:
        return true;
    }
}

static const struct rule rules[] = {{MACH_CFG_S_EXPECT, MACH_CFG_E_EXPECTATION, expect_agrees}};

/* ---- two expectations ---- */

static int verify_pairs(struct verify *v)
{
    machrt_clear_things(v);
    for (uint32_t i = 0; i < v->f->section[MACH_CFG_S_EXPECT].count; i++) {
        struct mach_cfg_rec r = mach_cfg_record(v->f, MACH_CFG_S_EXPECT, i);
        uint32_t kind = mach_cfg_expect_kind(r), index = mach_cfg_expect_index(r);
        bool host = kind == MACH_CFG_EXPECT_HOST_COMPATIBLE;
        if (host || kind == MACH_CFG_EXPECT_IRQ_COUNT || kind == MACH_CFG_EXPECT_IRQ_TRIGGER)
            machrt_add_thing(v, (struct thing){.text = host ? mach_cfg_expect_string(r) : 0,
                                               .kind = 1,
                                               .space = (uint64_t)kind << 32 | mach_cfg_expect_device(r),
                                               .same = mach_cfg_expect_a(r),
                                               .first = index,
                                               .last = index,
                                               .section = MACH_CFG_S_EXPECT,
                                               .record = i});
    }
    machrt_rank_texts(v);
    for (size_t i = 0; i < v->things; i++)
        if (v->thing[i].space >> 32 == MACH_CFG_EXPECT_HOST_COMPATIBLE) {
            v->thing[i].same = v->thing[i].text;
            v->thing[i].text = 0;
        } else {
            v->thing[i].text = 0;
        }
    return machrt_none_overlaps(v, MACH_CFG_E_EXPECTATION);
}

/* ---- regions ---- */

// Registers of the host that VFIO shows: windows of `ranges` it does not, and the size of a BAR may be the host's.
static bool is_proven(const struct mach_cfg_file *f, struct mach_cfg_rec r)
{
    struct mach_cfg_rec d = mach_cfg_record(f, MACH_CFG_S_DEVICE, mach_cfg_region_device(r));
    uint32_t flags = mach_cfg_region_flags(r);
    return flags & MACH_CFG_REGION_SHADOW ||
           (mach_cfg_device_sysfs_name(d) && mach_cfg_region_size(r) && !(flags & MACH_CFG_REGION_WINDOW));
}

// A region of the host has an expectation of where it is, and no expectation says otherwise.
static int verify_regions(struct verify *v)
{
    machrt_clear_things(v);
    for (uint32_t i = 0; i < v->f->section[MACH_CFG_S_REGION].count; i++) {
        struct mach_cfg_rec r = mach_cfg_record(v->f, MACH_CFG_S_REGION, i);
        if (is_proven(v->f, r))
            machrt_add_thing(v, (struct thing){.space = mach_cfg_region_device(r),
                                               .first = mach_cfg_region_index(r),
                                               .section = MACH_CFG_S_REGION,
                                               .record = i});
    }
    for (uint32_t i = 0; i < v->f->section[MACH_CFG_S_EXPECT].count; i++) {
        struct mach_cfg_rec e = mach_cfg_record(v->f, MACH_CFG_S_EXPECT, i);
        if (mach_cfg_expect_kind(e) == MACH_CFG_EXPECT_REGION)
            machrt_add_thing(v, (struct thing){.kind = 1,
                                               .space = mach_cfg_expect_device(e),
                                               .first = mach_cfg_expect_index(e),
                                               .section = MACH_CFG_S_EXPECT,
                                               .record = i});
    }
    if (machrt_sort_things(v))
        return -1;
    const struct thing *region = NULL, *proven = NULL;
    for (size_t i = 0; i < v->things; i++) {
        const struct thing *t = &v->thing[i];
        if (!t->kind) {
            if (region != proven)
                break;
            region = t;
            continue;
        }
        if (!region || region->space != t->space || region->first != t->first)
            continue; // of a region that is read on the host
        struct mach_cfg_rec r = mach_cfg_record(v->f, MACH_CFG_S_REGION, region->record);
        struct mach_cfg_rec e = mach_cfg_record(v->f, MACH_CFG_S_EXPECT, t->record);
        if (mach_cfg_expect_a(e) != mach_cfg_region_host(r) || mach_cfg_expect_b(e) != mach_cfg_region_size(r))
            return machrt_refuse_both(v, MACH_CFG_E_EXPECTATION, region, t);
        proven = region;
    }
    if (region != proven)
        return machrt_refuse_record(v, MACH_CFG_E_NO_EXPECTATION, MACH_CFG_S_REGION, region->record);
    return 0;
}

/* ---- what identifies the host and a device ---- */

static void need(struct verify *v, uint32_t kind, uint32_t device, uint32_t section, uint32_t record)
{
    machrt_add_thing(
        v, (struct thing){
               .kind = 1, .space = (uint64_t)kind << 32 | device, .last = 0, .section = section, .record = record});
}

static int verify_identity(struct verify *v)
{
    machrt_clear_things(v);
    struct mach_cfg_rec m = mach_cfg_record(v->f, MACH_CFG_S_MACHINE, 0);
    for (uint32_t i = 0; i < v->f->section[MACH_CFG_S_EXPECT].count; i++) {
        struct mach_cfg_rec e = mach_cfg_record(v->f, MACH_CFG_S_EXPECT, i);
        uint32_t kind = mach_cfg_expect_kind(e);
        if (kind != MACH_CFG_EXPECT_HOST_COMPATIBLE || !mach_cfg_expect_index(e))
            machrt_add_thing(v, (struct thing){.space = (uint64_t)kind << 32 | mach_cfg_expect_device(e)});
    }
    if (mach_cfg_machine_host_page_size(m))
        need(v, MACH_CFG_EXPECT_PAGE_SIZE, MACH_CFG_NONE, MACH_CFG_S_MACHINE, 0);
    if (mach_cfg_machine_host_compatible(m))
        need(v, MACH_CFG_EXPECT_HOST_COMPATIBLE, MACH_CFG_NONE, MACH_CFG_S_MACHINE, 0);
    for (uint32_t i = 0; i < v->f->section[MACH_CFG_S_DEVICE].count; i++) {
        struct mach_cfg_rec d = mach_cfg_record(v->f, MACH_CFG_S_DEVICE, i);
        if (mach_cfg_device_sysfs_name(d))
            need(v, MACH_CFG_EXPECT_SYSFS_NAME, i, MACH_CFG_S_DEVICE, i);
        if (mach_cfg_device_sysfs_name(d) && mach_cfg_device_compatible(d) &&
            mach_cfg_device_kind(d) == MACH_CFG_DEVICE_PLATFORM)
            need(v, MACH_CFG_EXPECT_COMPATIBLE, i, MACH_CFG_S_DEVICE, i);
    }
    if (machrt_sort_things(v))
        return -1;
    for (size_t i = 0; i < v->things; i++) {
        const struct thing *t = &v->thing[i];
        if (t->kind && (!i || t[-1].space != t->space))
            return machrt_refuse_record(v, MACH_CFG_E_NO_EXPECTATION, t->section, t->record);
    }
    return 0;
}

int machrt_verify_expects(struct verify *v)
{
    return machrt_apply_rules(v, rules, sizeof rules / sizeof rules[0]) || verify_pairs(v) || verify_regions(v) ||
                   verify_identity(v)
               ? -1
               : 0;
}
