// SPDX-License-Identifier: MIT
// Writes the plan of a machine as the records of its guest.cfg.
#include "emit/config_out.h"

#include "base/path.h"

#include <assert.h>
#include <libfdt.h>
#include <string.h>

static uint32_t arch_number(const char *word)
{
    for (size_t i = 0; word && i < sizeof mach_cfg_words_arch / sizeof mach_cfg_words_arch[0]; i++)
        if (!strcmp(mach_cfg_words_arch[i].word, word))
            return mach_cfg_words_arch[i].value;
    return MACH_CFG_ARCH_UNKNOWN;
}

static void add_machine(struct cfg_out *o, const struct plan *p, const struct p_machine *m)
{
    static const uint8_t iommu[] = {
        [IOMMU_AUTO] = MACH_CFG_IOMMU_AUTO,           [IOMMU_SMMU] = MACH_CFG_IOMMU_SMMU,
        [IOMMU_PAMU] = MACH_CFG_IOMMU_PAMU,           [IOMMU_NONE] = MACH_CFG_IOMMU_NONE,
        [IOMMU_SPAPR_TCE] = MACH_CFG_IOMMU_SPAPR_TCE,
    };
    const struct platform *platform = m->m ? m->m->platform : NULL;
    struct mach_cfg_machine r = {
        .name = cfg_str(o, m->name),
        .model = cfg_str(o, m->model),
        .platform = cfg_str(o, platform ? platform->name : NULL),
        .arch = w32(arch_number(platform ? platform->arch : NULL)),
        .iommu = w32(iommu[p->iommu]),
        .host_page_size = w64(p->model->page_size),
    };
    const struct host *h = p->model->host;
    if (h) {
        const struct dt_prop *model = dt_prop(h->tree, h->tree->root, intern(o->c->names, "model"));
        const struct dt_prop *compatible = dt_prop(h->tree, h->tree->root, intern(o->c->names, "compatible"));
        // The directory is left out, so that a description gives the same bytes in any directory.
        r.host_file = cfg_str(o, base_name(h->file));
        r.host_model = cfg_str(o, model ? dt_string(model, 0) : NULL);
        r.host_compatible = cfg_str(o, compatible ? dt_string(compatible, 0) : NULL);
    }
    *CFG_ADD(o, machine, MACHINE) = r;
}

static void add_cpus(struct cfg_out *o, const struct p_machine *m)
{
    for (uint32_t i = 0; i < m->cpus.n; i++) {
        const struct p_cpu *cpu = &m->cpus.at[i];
        *CFG_ADD(o, cpu, CPU) = (struct mach_cfg_cpu){
            .vcpu = w32(cpu->vcpu),
            .host_cpu = w32(cpu->host_cpu),
            .reg = w64(cpu->reg),
        };
    }
}

static uint32_t backing_of(const struct p_memory *p)
{
    static const uint8_t backing[] = {
        [BACK_ANONYMOUS] = MACH_CFG_BACKING_ANONYMOUS,
        [BACK_HUGETLB] = MACH_CFG_BACKING_HUGETLB,
        [BACK_FILE] = MACH_CFG_BACKING_FILE,
    };
    static const uint8_t provided[] = {
        [BY_HUGETLB] = MACH_CFG_BACKING_CONTIGUOUS,
        [BY_HEAP] = MACH_CFG_BACKING_HEAP,
        [BY_RESERVED] = MACH_CFG_BACKING_PHYSICAL,
    };
    return is_placed(p->m) ? provided[p->provider] : backing[p->m->backing];
}

static void add_memory(struct cfg_out *o, const struct p_machine *m)
{
    for (uint32_t i = 0; i < m->memory.n; i++) {
        const struct p_memory *p = &m->memory.at[i];
        const struct m_memory *w = p->m;
        uint32_t flags = (w->readonly ? MACH_CFG_MEMORY_READONLY : 0) | (w->no_dma ? MACH_CFG_MEMORY_NO_DMA : 0);
        uint64_t arg = w->back_arg.value;
        *CFG_ADD(o, memory, MEMORY) = (struct mach_cfg_memory){
            .name = cfg_str(o, w->name),
            .backing = w32(backing_of(p)),
            .path = cfg_str(o, w->backing == BACK_FILE ? w->file : w->heap),
            .share = cfg_str(o, w->share),
            .flags = w32(flags),
            .address = w64(p->address),
            .size = w64(p->size),
            .offset = w64(w->backing == BACK_FILE && w->back_arg.set ? arg : 0),
            .physical = w64(p->physical),
            .page_size = w64(w->backing == BACK_HUGETLB ? arg : w->page.value),
            .lowest = w64(p->lowest),
            .limit = w64(p->limit),
        };
    }
}

static void add_irqchips(struct cfg_out *o, const struct p_machine *m)
{
    for (uint32_t i = 0; i < m->irqchips.n; i++) {
        const struct p_irqchip *chip = m->irqchips.at[i];
        *CFG_ADD(o, irqchip, IRQCHIP) = (struct mach_cfg_irqchip){
            .name = cfg_str(o, chip->name),
            .class_name = cfg_str(o, chip->class->name),
            .kvm = cfg_str(o, chip->class->kvm),
            .lines = w32(chip->nlines),
            .first_region = w32(o->section[MACH_CFG_S_CHIP_REGION].n),
            .regions = w32(chip->nregions),
            .messages = w32(chip->class->msi ? chip->class->msi->ids : 0),
        };
        for (uint32_t k = 0; k < chip->nregions; k++)
            *CFG_ADD(o, chip_region, CHIP_REGION) = (struct mach_cfg_chip_region){
                .name = cfg_str(o, k < chip->class->nregions ? chip->class->regions[k].name : NULL),
                .address = w64(chip->address[k]),
                .size = w64(chip->size[k]),
            };
    }
}

// The number of records so far in the sections of regions, interrupts and domains, which list them device by device.
struct rows {
    uint32_t regions, irqs, dmas;
};

static void add_device(struct cfg_out *o, const struct p_device *d, struct rows *rows)
{
    static const uint8_t kind[] = {
        [DEV_EMULATED] = MACH_CFG_DEVICE_EMULATED,
        [DEV_PLATFORM] = MACH_CFG_DEVICE_PLATFORM,
        [DEV_PCI] = MACH_CFG_DEVICE_PCI,
        [DEV_RAW] = MACH_CFG_DEVICE_RAW,
    };
    bool on_host = d->kind == DEV_PLATFORM || d->kind == DEV_PCI;
    const char *bus = d->parent ? NULL : d->bus;
    *CFG_ADD(o, device, DEVICE) = (struct mach_cfg_device){
        .name = cfg_str(o, d->name),
        .kind = w32(kind[d->kind]),
        .class_name = cfg_str(o, d->class ? d->class->name : NULL),
        .node = cfg_path(o, d->node),
        .host_path = cfg_path(o, d->host),
        .sysfs_name = cfg_str(o, d->sysfs_name),
        .compatible = cfg_str(o, d->compatible),
        .reset = w32(on_host ? MACH_CFG_RESET_IF_POSSIBLE : MACH_CFG_RESET_NEVER),
        .vcpu = w32(d->vcpu),
        .parent = w32(d->parent ? d->parent->index : MACH_CFG_NONE),
        .bus = cfg_str(o, bus),
        .slot = w32(bus ? d->slot : MACH_CFG_NONE),
        .first_region = w32(rows->regions),
        .regions = w32(d->regions.n),
        .first_irq = w32(rows->irqs),
        .irqs = w32(d->irqs.n),
        .first_dma = w32(rows->dmas),
        .dmas = w32(d->dmas.n),
    };
    rows->regions += d->regions.n;
    rows->irqs += d->irqs.n;
    rows->dmas += d->dmas.n;
}

static uint32_t region_mode(const struct p_region *r)
{
    if (r->mode == REGION_TRAP)
        return MACH_CFG_REGION_TRAP;
    return r->mode == REGION_DROP ? MACH_CFG_REGION_DROP : MACH_CFG_REGION_MAP;
}

// Adds the regions that DMA mappings refer to: struct p_region * -> its record, which add_regions() sets.
static void collect_mapped_regions(struct cfg_out *o, const struct p_machine *m, struct map *index)
{
    for (uint32_t i = 0; i < m->devices.n; i++)
        for (uint32_t k = 0; k < m->devices.at[i]->dmas.n; k++) {
            const struct p_dma *dma = m->devices.at[i]->dmas.at[k];
            for (uint32_t n = 0; dma->written && n < dma->nmaps; n++)
                if (dma->maps[n].what == MAP_REGION)
                    map_put(o->c->arena, index, (uintptr_t)dma->maps[n].region, 0, MACH_CFG_NONE);
        }
}

static uint32_t write_flags(const struct p_write *w)
{
    if (!w->hiword)
        return 0;
    return w->line ? MACH_CFG_WRITE_HIWORD | MACH_CFG_WRITE_PLAIN : MACH_CFG_WRITE_HIWORD;
}

/* Adds what the guest may write of the next region. */
static void add_writes(struct cfg_out *o, const struct p_shadow *s)
{
    for (uint32_t i = 0; s && i < s->writes.n; i++)
        *CFG_ADD(o, write, WRITE) = (struct mach_cfg_write){
            .region = w32(o->section[MACH_CFG_S_REGION].n),
            .offset = w32(s->writes.at[i].offset),
            .mask = w32(s->writes.at[i].mask),
            .flags = w32(write_flags(&s->writes.at[i])),
        };
}

static void add_regions(struct cfg_out *o, const struct p_device *d, struct map *index)
{
    for (uint32_t k = 0; k < d->regions.n; k++) {
        const struct p_region *r = d->regions.at[k];
        uint32_t flags = (r->unsafe ? MACH_CFG_REGION_UNSAFE : 0) | (r->window ? MACH_CFG_REGION_WINDOW : 0) |
                         (r->shadow ? MACH_CFG_REGION_SHADOW : 0) |
                         (r->shadow && r->shadow->big_endian ? MACH_CFG_REGION_BIG_ENDIAN : 0);
        uint64_t unknown;
        if (map_get(index, (uintptr_t)r, 0, &unknown))
            map_put(o->c->arena, index, (uintptr_t)r, 0, o->section[MACH_CFG_S_REGION].n);
        add_writes(o, r->shadow);
        *CFG_ADD(o, region, REGION) = (struct mach_cfg_region){
            .device = w32(d->index),
            .index = w32(r->index),
            .name = cfg_str(o, r->name),
            .mode = w32(region_mode(r)),
            .flags = w32(flags),
            .reason = cfg_str(o, r->unsafe),
            .file = cfg_str(o, r->file),
            .host = w64(r->host),
            .size = w64(r->size),
            .guest = w64(r->mode == REGION_DROP ? MACH_CFG_NONE64 : r->guest),
            .offset = w64(r->offset),
        };
    }
}

// `chips`: struct p_irqchip * -> its record.
static void add_irq(struct cfg_out *o, uint32_t device, const struct p_irq *q, const struct map *chips)
{
    static const uint8_t source[] = {
        [IRQ_DEVICE] = MACH_CFG_IRQ_DEVICE,
        [IRQ_EMULATED] = MACH_CFG_IRQ_EMULATED,
        [IRQ_FILE] = MACH_CFG_IRQ_FILE,
    };
    uint64_t chip = MACH_CFG_NONE;
    bool linked = !q->drop && map_get(chips, (uintptr_t)q->chip, 0, &chip);
    struct mach_cfg_irq r = {
        .device = w32(device),
        .source = w32(source[q->source]),
        .index = w32(q->index),
        .name = cfg_str(o, q->name),
        .host = cfg_str(o, q->host ? host_irq_text(o->c, q->host) : NULL),
        .file = cfg_str(o, q->file),
        .chip = w32((uint32_t)chip),
        .number = w32(linked ? q->number : MACH_CFG_NONE),
        .gsi = w32(linked ? q->gsi : MACH_CFG_NONE),
        .flags = w32((q->drop ? MACH_CFG_IRQ_DROPPED : 0) | (linked && q->resample ? MACH_CFG_IRQ_RESAMPLE : 0) |
                     (linked && q->shares ? MACH_CFG_IRQ_SHARED : 0)),
        .first_cell = w32(o->section[MACH_CFG_S_CELL].n),
        .cells = w32(linked ? q->ncells : 0),
    };
    if (linked) {
        r.kind = cfg_str(o, q->kind ? q->kind->name : NULL);
        if (q->trigger) {
            r.trigger = w32(q->trigger->level ? MACH_CFG_TRIGGER_LEVEL : MACH_CFG_TRIGGER_EDGE);
            r.trigger_name = cfg_str(o, q->trigger->name);
        }
        for (uint32_t i = 0; i < q->ncells; i++)
            CFG_ADD(o, cell, CELL)->value = w32(q->cells[i]);
    }
    *CFG_ADD(o, irq, IRQ) = r;
}

static uint32_t add_stash(struct cfg_out *o, uint32_t dma, const struct p_dma *d)
{
    static const uint8_t kind[] = {
        [STASH_L1] = MACH_CFG_STASH_L1, [STASH_L2] = MACH_CFG_STASH_L2,   [STASH_L3] = MACH_CFG_STASH_L3,
        [STASH_ID] = MACH_CFG_STASH_ID, [STASH_TPH] = MACH_CFG_STASH_TPH,
    };
    const struct p_stash *s = d->stash;
    if (!s)
        return MACH_CFG_NONE;
    *CFG_ADD(o, stash, STASH) = (struct mach_cfg_stash){
        .dma = w32(dma),
        .kind = w32(kind[s->kind]),
        .flags = w32(s->if_possible ? MACH_CFG_STASH_IF_POSSIBLE : 0),
        .vcpu = w32(s->vcpu),
        .host_cpu = w32(s->host_cpu),
        .cache_id = w32(s->id),
        .memory_type = w32(s->persistent ? MACH_CFG_MEMORY_PERSISTENT : MACH_CFG_MEMORY_VOLATILE),
        .st_index = w32(s->entry),
    };
    return o->section[MACH_CFG_S_STASH].n - 1;
}

static void add_map(struct cfg_out *o, const struct p_machine *m, uint32_t dma, const struct p_dma_map *x,
                    const struct map *regions)
{
    uint64_t region = MACH_CFG_NONE;
    uint32_t memory = MACH_CFG_NONE, what = MACH_CFG_MAP_MSI_BANK;
    if (x->what == MAP_MEMORY) {
        what = MACH_CFG_MAP_MEMORY;
        memory = (uint32_t)(x->memory - m->memory.at);
    } else if (x->what == MAP_REGION) {
        what = MACH_CFG_MAP_REGION;
        map_get(regions, (uintptr_t)x->region, 0, &region);
    }
    *CFG_ADD(o, dma_map, DMA_MAP) = (struct mach_cfg_dma_map){
        .dma = w32(dma),
        .what = w32(what),
        .memory = w32(memory),
        .region = w32((uint32_t)region),
        .bank = w32(x->what == MAP_MSI_BANK ? x->bank : 0),
        .flags = w32(x->readonly ? MACH_CFG_MAP_READONLY : 0),
        .offset = w64(x->offset),
        .size = w64(x->size),
        .iova = w64(x->iova),
        .granted = w64(x->granted),
    };
}

// Returns the record of an emulated device. `names` is filled by the first call.
static uint64_t find_emulated(struct cfg_out *o, const struct p_machine *m, struct map *names, const char *name)
{
    uint64_t device = MACH_CFG_NONE;
    if (!names->room) {
        map_expect(o->c->arena, names, 1);
        for (uint32_t i = 0; i < m->devices.n; i++)
            if (m->devices.at[i]->kind == DEV_EMULATED)
                map_put(o->c->arena, names, (uintptr_t)intern(o->c->names, m->devices.at[i]->name), 0, i);
    }
    map_get(names, (uintptr_t)intern(o->c->names, name), 0, &device);
    return device;
}

static void add_dma(struct cfg_out *o, const struct p_machine *m, uint32_t device, const struct p_dma *d,
                    const struct map *regions, struct map *names)
{
    static const uint8_t mode[] = {
        [DMA_NONE] = MACH_CFG_DMA_NONE,         [DMA_ALL] = MACH_CFG_DMA_ALL,
        [DMA_IDENTITY] = MACH_CFG_DMA_IDENTITY, [DMA_GUEST_IOMMU] = MACH_CFG_DMA_GUEST_IOMMU,
        [DMA_WINDOW] = MACH_CFG_DMA_WINDOW,     [DMA_BUS] = MACH_CFG_DMA_BUS,
        [DMA_POOL] = MACH_CFG_DMA_BUS, // what it reaches is in the tree
    };
    uint64_t guest_iommu = MACH_CFG_NONE;
    if (d->mode == DMA_GUEST_IOMMU && d->guest_iommu)
        guest_iommu = find_emulated(o, m, names, d->guest_iommu);
    uint32_t flags = (d->has_window ? MACH_CFG_DMA_HAS_WINDOW : 0) |
                     (d->has_liodn_index ? MACH_CFG_DMA_HAS_LIODN_INDEX : 0) |
                     (d->has_stream ? MACH_CFG_DMA_HAS_STREAM : 0) |
                     (d->has_operation ? MACH_CFG_DMA_HAS_OPERATION : 0) | (d->no_iommu ? MACH_CFG_DMA_NO_IOMMU : 0);
    uint32_t self = o->section[MACH_CFG_S_DMA].n;
    *CFG_ADD(o, dma, DMA) = (struct mach_cfg_dma){
        .device = w32(device),
        .name = cfg_str(o, d->name),
        .mode = w32(mode[d->mode]),
        .guest_iommu = w32((uint32_t)guest_iommu),
        .flags = w32(flags),
        .subwindows = w32(d->subwindows),
        .liodn_index = w32(d->has_liodn_index ? d->liodn_index : 0),
        .stream = w32(d->has_stream ? d->stream : 0),
        .operation = w32(d->has_operation ? d->operation : 0),
        .first_map = w32(o->section[MACH_CFG_S_DMA_MAP].n),
        .maps = w32(d->nmaps),
        .stash = w32(add_stash(o, self, d)),
        .window = w64(d->has_window ? d->window : 0),
        .size = w64(d->has_window ? d->size : 0),
        .whole_subwindows = w32(d->whole),
        .page_shift = w32(d->page_shift),
        .endpoint = w32(d->endpoint),
    };
    for (uint32_t i = 0; i < d->nmaps; i++)
        add_map(o, m, self, &d->maps[i], regions);
}

/* Adds the records of all devices in one pass over them. */
static void add_devices(struct cfg_out *o, const struct p_machine *m)
{
    struct map regions = {0}, chips = {0}, names = {0};
    struct rows rows = {0};
    for (uint32_t i = 0; i < m->irqchips.n; i++)
        map_put(o->c->arena, &chips, (uintptr_t)m->irqchips.at[i], 0, i);
    if (m->maps_regions)
        collect_mapped_regions(o, m, &regions);
    for (uint32_t i = 0; i < m->devices.n; i++) {
        const struct p_device *d = m->devices.at[i];
        add_device(o, d, &rows);
        add_regions(o, d, &regions);
        for (uint32_t k = 0; k < d->irqs.n; k++)
            add_irq(o, i, d->irqs.at[k], &chips);
        for (uint32_t k = 0; k < d->dmas.n && !m->maps_regions; k++)
            add_dma(o, m, i, d->dmas.at[k], &regions, &names);
        cfg_expect_of_device(o, d);
    }
    // A mapping can refer to a region of any device, so domains follow when the records of all regions are known.
    for (uint32_t i = 0; i < m->devices.n && m->maps_regions; i++)
        for (uint32_t k = 0; k < m->devices.at[i]->dmas.n; k++)
            add_dma(o, m, i, m->devices.at[i]->dmas.at[k], &regions, &names);
}

/* What is written into the tree at each start. The tree is our own: what is looked for is there. */
static void add_patches(struct cfg_out *o, const struct p_machine *m, const uint8_t *dtb)
{
    for (uint32_t i = 0; i < m->patches.n; i++) {
        const struct p_patch *p = &m->patches.at[i];
        const char *path = dt_path(o->c->arena, p->bus);
        int length = 0, node = fdt_path_offset(dtb, path);
        const uint8_t *ranges = fdt_getprop(dtb, node, "dma-ranges", &length);
        assert(ranges && (uint32_t)length >= p->offset + 8);
        *CFG_ADD(o, patch, PATCH) = (struct mach_cfg_patch){
            .at = w32((uint32_t)(ranges - dtb) + p->offset),
            .memory = w32(p->memory),
            .node = cfg_str(o, path),
            .addend = w64(p->addend),
        };
    }
}

struct pieces emit_config(struct machc *c, const struct plan *p, const struct p_machine *m, const uint8_t *dtb,
                          uint32_t dtb_size)
{
    struct cfg_out *o = cfg_out_new(c);
    add_machine(o, p, m);
    add_cpus(o, m);
    add_memory(o, m);
    add_irqchips(o, m);
    cfg_expect_of_host(o, p, m);
    add_devices(o, m);
    cfg_expect_prepared(o, m);
    add_patches(o, m, dtb);
    return cfg_finish(o, dtb, dtb_size);
}
