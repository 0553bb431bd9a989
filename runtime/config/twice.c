// SPDX-License-Identifier: MIT
// What is in a config once: names, devices of the host, slots, indices, lines of the guest.
#include "config/rules.h"

// The records of a section that have a name in `name` have each another one.
static int verify_names(struct verify *v, enum mach_cfg_error error, uint32_t section,
                        uint32_t (*name)(struct mach_cfg_rec r), uint32_t (*number)(struct mach_cfg_rec r))
{
    machrt_clear_things(v);
    for (uint32_t i = 0; i < v->f->section[section].count; i++) {
        struct mach_cfg_rec r = mach_cfg_record(v->f, section, i);
        struct thing t = {.text = name(r), .space = number ? number(r) : 0, .section = section, .record = i};
        if (t.text)
            machrt_add_thing(v, t);
    }
    machrt_rank_texts(v);
    return machrt_none_overlaps(v, error);
}

static int verify_indices(struct verify *v)
{
    machrt_clear_things(v);
    for (uint32_t i = 0; i < v->f->section[MACH_CFG_S_REGION].count; i++) {
        struct mach_cfg_rec r = mach_cfg_record(v->f, MACH_CFG_S_REGION, i);
        uint32_t window = mach_cfg_region_flags(r) & MACH_CFG_REGION_WINDOW;
        uint64_t index = (uint64_t)window << 32 | mach_cfg_region_index(r);
        machrt_add_thing(v, (struct thing){.space = mach_cfg_region_device(r),
                                           .first = index,
                                           .last = index,
                                           .section = MACH_CFG_S_REGION,
                                           .record = i});
    }
    if (machrt_none_overlaps(v, MACH_CFG_E_INDEX_TWICE))
        return -1;
    machrt_clear_things(v);
    for (uint32_t i = 0; i < v->f->section[MACH_CFG_S_IRQ].count; i++) {
        struct mach_cfg_rec r = mach_cfg_record(v->f, MACH_CFG_S_IRQ, i);
        uint64_t index = (uint64_t)mach_cfg_irq_source(r) << 32 | mach_cfg_irq_index(r);
        machrt_add_thing(v, (struct thing){.space = mach_cfg_irq_device(r),
                                           .first = index,
                                           .last = index,
                                           .section = MACH_CFG_S_IRQ,
                                           .record = i});
    }
    return machrt_none_overlaps(v, MACH_CFG_E_INDEX_TWICE);
}

// Of the interrupts on a line, one is bound, and the others are `shared`. A line has one GSI, and a GSI one line.
static int verify_lines(struct verify *v)
{
    machrt_clear_things(v);
    for (uint32_t i = 0; i < v->f->section[MACH_CFG_S_IRQ].count; i++) {
        struct mach_cfg_rec r = mach_cfg_record(v->f, MACH_CFG_S_IRQ, i);
        uint32_t gsi = mach_cfg_irq_gsi(r), flags = mach_cfg_irq_flags(r);
        if (!(flags & MACH_CFG_IRQ_DROPPED))
            machrt_add_thing(v, (struct thing){.text = mach_cfg_irq_kind(r),
                                               .space = mach_cfg_irq_chip(r),
                                               .first = mach_cfg_irq_number(r),
                                               .kind = flags & MACH_CFG_IRQ_SHARED, // the one that is bound comes first
                                               .same = gsi,
                                               .section = MACH_CFG_S_IRQ,
                                               .record = i});
    }
    machrt_rank_texts(v);
    if (machrt_sort_things(v))
        return -1;
    const struct thing *bound = NULL;
    for (size_t i = 0; i < v->things; i++) {
        const struct thing *t = &v->thing[i];
        bool on_line = bound && bound->text == t->text && bound->space == t->space && bound->first == t->first;
        if (on_line && (!t->kind || t->same != bound->same))
            return machrt_refuse_both(v, MACH_CFG_E_LINE_TWICE, bound, t);
        if (!on_line && t->kind)
            return machrt_refuse_record(v, MACH_CFG_E_LINE_TWICE, MACH_CFG_S_IRQ, t->record);
        if (!on_line)
            bound = t;
    }
    size_t n = 0;
    for (size_t i = 0; i < v->things; i++)
        if (!v->thing[i].kind && v->thing[i].same != MACH_CFG_NONE) {
            struct thing *t = &v->thing[n++];
            *t = v->thing[i];
            t->space = t->text = 0;
            t->first = t->last = t->same;
        }
    v->things = n;
    return machrt_none_overlaps(v, MACH_CFG_E_LINE_TWICE);
}

int machrt_verify_twice(struct verify *v)
{
    return verify_names(v, MACH_CFG_E_DEVICE_TWICE, MACH_CFG_S_DEVICE, mach_cfg_device_sysfs_name, NULL) ||
                   verify_names(v, MACH_CFG_E_SLOT_TWICE, MACH_CFG_S_DEVICE, mach_cfg_device_bus,
                                mach_cfg_device_slot) ||
                   verify_indices(v) || verify_lines(v) ||
                   verify_names(v, MACH_CFG_E_NAME_TWICE, MACH_CFG_S_MEMORY, mach_cfg_memory_name, NULL) ||
                   verify_names(v, MACH_CFG_E_NAME_TWICE, MACH_CFG_S_IRQCHIP, mach_cfg_irqchip_name, NULL) ||
                   verify_names(v, MACH_CFG_E_NAME_TWICE, MACH_CFG_S_DEVICE, mach_cfg_device_name, NULL)
               ? -1
               : 0;
}
