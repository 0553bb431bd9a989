// SPDX-License-Identifier: MIT
// A hand-made plan with one of everything that a guest.cfg can hold.
#ifndef CONFIG_SAMPLE_H
#define CONFIG_SAMPLE_H

#include "emit/emit.h"
#include "machc.h"

#include <stdlib.h>
#include <string.h>

static const struct irq_kind sample_kinds[] = {{.name = "spi", .value = 0, .min = 0, .max = 987, .gsi = 0}};
static const struct irq_trigger sample_triggers[] = {
    {.name = "edge-rising", .value = 1, .level = false},
    {.name = "level-high", .value = 4, .level = true},
};
static const struct schema_region sample_chip_regions[] = {{.name = "dist"}, {.name = "redist"}};
static const struct irqchip_class sample_gic = {
    .name = "gic-v3",
    .describe = "GIC",
    .cells = {IRQ_CELL_KIND, IRQ_CELL_NUMBER, IRQ_CELL_TRIGGER},
    .ncells = 3,
    .kinds = sample_kinds,
    .nkinds = 1,
    .triggers = sample_triggers,
    .ntriggers = 2,
    .kvm = "arm-vgic-v3",
    .regions = sample_chip_regions,
    .nregions = 2,
};
static const struct platform sample_platform = {.name = "arm64-virt", .arch = "arm64"};
static const struct dev_class sample_uart = {.name = "ns16550a", .emulated = true};
static const struct dev_class sample_iommu = {.name = "virtio-iommu", .emulated = true};

struct sample {
    struct machc *c;
    struct plan *plan;
    struct p_machine *m;
};

static struct p_device *sample_device(struct sample *s, const char *name, uint8_t kind)
{
    struct p_device *d = NEW(s->c->arena, struct p_device);
    d->name = name;
    d->kind = kind;
    d->vcpu = UINT32_MAX;
    d->slot = UINT32_MAX;
    d->index = s->m->devices.n;
    d->node = dt_add_child(s->m->tree, s->m->tree->root, intern(s->c->names, name));
    vec_push(s->c->arena, &s->m->devices, d);
    return d;
}

static struct p_region *sample_region(struct sample *s, struct p_device *d, uint64_t host, uint64_t size, uint8_t mode)
{
    struct p_region *r = NEW(s->c->arena, struct p_region);
    *r = (struct p_region){.device = d, .index = d->regions.n, .host = host, .size = size, .guest = host, .mode = mode};
    vec_push(s->c->arena, &d->regions, r);
    return r;
}

static struct p_irq *sample_irq(struct sample *s, struct p_device *d, uint8_t source, uint32_t number, bool level)
{
    struct p_irq *q = NEW(s->c->arena, struct p_irq);
    *q = (struct p_irq){
        .device = d,
        .index = d->irqs.n,
        .source = source,
        .chip = s->m->irqchips.at[0],
        .kind = sample_kinds,
        .number = number,
        .trigger = &sample_triggers[level],
        .cells = {0, number, level ? 4 : 1},
        .ncells = 3,
        .gsi = number,
        .resample = level && source != IRQ_EMULATED,
        .how = HOW_CHOSEN,
    };
    vec_push(s->c->arena, &d->irqs, q);
    return q;
}

static struct p_dma *sample_dma(struct sample *s, struct p_device *d, uint8_t mode)
{
    struct p_dma *x = NEW(s->c->arena, struct p_dma);
    x->device = d;
    x->mode = mode;
    x->endpoint = UINT32_MAX;
    vec_push(s->c->arena, &d->dmas, x);
    return x;
}

static void sample_memory(struct sample *s, struct m_memory *w, uint64_t address, uint64_t size)
{
    struct p_memory m = {.m = w,
                         .address = address,
                         .size = size,
                         .physical = w->backing == BACK_PHYSICAL ? w->back_arg.value : UINT64_MAX};
    m.provider = w->share ? BY_RESERVED : BY_HUGETLB;
    if (w->backing == BACK_CONTIGUOUS) {
        m.lowest = 0x40000000;
        m.limit = UINT64_C(0x100000000);
    }
    vec_push(s->c->arena, &s->m->memory, m);
}

static struct m_memory *sample_backing(struct sample *s, const char *name, uint8_t backing, uint64_t arg)
{
    struct m_memory *w = NEW(s->c->arena, struct m_memory);
    w->name = name;
    w->backing = backing;
    w->back_arg = (struct opt_u64){.value = arg, .set = true};
    return w;
}

static void sample_host(struct sample *s)
{
    struct arena *a = s->c->arena;
    struct host *h = NEW(a, struct host);
    h->tree = dt_tree_new(a, s->c->names);
    h->file = "some/where/board.dtb";
    dt_set_str(h->tree, h->tree->root, "model", "Acme board", NULL);
    static const char compatible[] = "acme,board\0acme,soc";
    dt_set(h->tree, h->tree->root, intern(s->c->names, "compatible"), compatible, sizeof compatible, NULL);
    s->plan->model->host = h;
}

static void sample_platform_devices(struct sample *s)
{
    struct arena *a = s->c->arena;
    struct p_device *eth = sample_device(s, "eth0", DEV_PLATFORM);
    struct dt_tree *t = s->plan->model->host->tree;
    struct dt_node *node =
        dt_add_child(t, dt_add_child(t, t->root, intern(s->c->names, "soc")), intern(s->c->names, "ethernet@1af0000"));
    eth->host_irqs = 2;
    eth->host = node;
    eth->sysfs_name = "1af0000.ethernet";
    eth->compatible = "acme,eth";
    eth->vcpu = 1;
    struct p_region *regs = sample_region(s, eth, 0x1af0000, 0x2000, REGION_MAP);
    regs->name = "ctrl";
    regs->unsafe = "\"shared\" \\ \xc2\xb5 \xff\n";
    sample_region(s, eth, 0x1af4000, 0x200, REGION_TRAP)->how = HOW_CHOSEN;
    struct p_region *dropped = sample_region(s, eth, 0x1af8000, 0x1000, REGION_DROP);
    dropped->guest = UINT64_MAX;
    struct host_irq *line = NEW(a, struct host_irq);
    *line = (struct host_irq){
        .node = node,
        .chip = node,
        .class = &sample_gic,
        .cells = {0, 54, 4},
        .ncells = 3,
        .kind = sample_kinds,
        .number = 54,
        .trigger = &sample_triggers[1],
    };
    struct p_irq *q = sample_irq(s, eth, IRQ_DEVICE, 40, true);
    q->name = "tx";
    q->host = line;
    q->how = HOW_WRITTEN;
    q = sample_irq(s, eth, IRQ_DEVICE, 0, false);
    q->drop = true;
    q->chip = NULL;
    q->gsi = UINT32_MAX;
    sample_irq(s, eth, IRQ_DEVICE, 41, false)->index = 7;

    struct p_dma *dma = sample_dma(s, eth, DMA_WINDOW);
    dma->name = "main";
    dma->has_window = dma->has_liodn_index = dma->has_operation = true;
    dma->window = 0;
    dma->size = UINT64_C(0x100000000);
    dma->subwindows = 8;
    dma->liodn_index = 1;
    dma->operation = 1;
    struct p_dma_map *maps = arena_array(a, 4, sizeof *maps);
    maps[0] = (struct p_dma_map){.what = MAP_MEMORY,
                                 .memory = &s->m->memory.at[0],
                                 .size = 0xc000000,
                                 .granted = 0x10000000,
                                 .iova = 0x40000000};
    maps[1] = (struct p_dma_map){.what = MAP_MEMORY,
                                 .memory = &s->m->memory.at[2],
                                 .offset = 0x1000,
                                 .size = 0x1000,
                                 .granted = 0x1000,
                                 .readonly = true};
    maps[2] =
        (struct p_dma_map){.what = MAP_REGION, .region = regs, .size = 0x2000, .granted = 0x2000, .iova = 0x1af0000};
    s->m->maps_regions = true;
    maps[3] =
        (struct p_dma_map){.what = MAP_MSI_BANK, .bank = 2, .size = 0x1000, .granted = 0x1000, .iova = 0x20000000};
    dma->maps = maps;
    dma->nmaps = 4;
    dma->written = true;
    dma->whole = 256;
    dma->way = IOMMU_WINDOWS;
    dma->stash = NEW(a, struct p_stash);
    *dma->stash = (struct p_stash){.kind = STASH_L1, .vcpu = 1, .host_cpu = 3, .id = 7, .entry = UINT32_MAX};
    dma = sample_dma(s, eth, DMA_ALL);
    dma->name = "second";
    dma->has_stream = true;
    dma->stream = 0x401;
    dma->page_shift = 16;
    dma->stash = NEW(a, struct p_stash);
    *dma->stash = (struct p_stash){
        .kind = STASH_TPH, .if_possible = true, .persistent = true, .host_cpu = 2, .id = UINT32_MAX, .entry = 3};

    struct p_device *mdio = sample_device(s, "eth0/mdio@0", DEV_PLATFORM);
    mdio->parent = eth;
    mdio->sysfs_name = "1af8000.mdio";
    sample_region(s, mdio, 0x3000000, 0x100000, REGION_MAP)->window = true;
    sample_dma(s, mdio, DMA_NONE);
}

static void sample_other_devices(struct sample *s)
{
    struct p_device *pci = sample_device(s, "edu", DEV_PCI);
    pci->bus = "pci0";
    pci->slot = 3;
    pci->sysfs_name = "0000:00:02.0";
    struct p_region *bar = sample_region(s, pci, UINT64_MAX, 0, REGION_MAP);
    bar->guest = 0x50000000;
    sample_irq(s, pci, IRQ_DEVICE, 60, true)->name = "intx";
    struct p_dma *dma = sample_dma(s, pci, DMA_GUEST_IOMMU);
    dma->guest_iommu = "viommu0";
    dma->endpoint = 0x18;

    struct p_device *raw = sample_device(s, "hpet", DEV_RAW);
    struct p_region *r = sample_region(s, raw, UINT64_MAX, 0x1000, REGION_MAP);
    r->guest = 0x42232000;
    r->file = "/dev/mem";
    r->offset = 0x23423000;
    sample_irq(s, raw, IRQ_FILE, 10, false)->file = "/dev/uio0";
    sample_dma(s, raw, DMA_NONE);
}

static void sample_shadow(struct sample *s)
{
    struct p_device *grf = sample_device(s, "grf", DEV_RAW);
    struct p_region *r = sample_region(s, grf, 0xff770000, 0x10000, REGION_TRAP);
    grf->host = s->plan->model->host->tree->root;
    grf->compatible = "acme,grf";
    r->file = "/dev/mem";
    r->offset = r->host;
    r->shadow = NEW(s->c->arena, struct p_shadow);
    r->shadow->big_endian = true;
    vec_push(s->c->arena, &r->shadow->writes, ((struct p_write){.region = r, .offset = 4, .mask = 0x3}));
    vec_push(s->c->arena, &r->shadow->writes,
             ((struct p_write){.region = r, .offset = 0x430, .mask = 0xffff, .hiword = true}));
}

static struct sample *sample_new(struct machc *c)
{
    struct arena *a = c->arena;
    struct sample *s = NEW(a, struct sample);
    s->c = c;
    s->plan = NEW(a, struct plan);
    s->plan->c = c;
    s->plan->model = NEW(a, struct model);
    s->plan->model->page_size = 4096;
    s->plan->model->iommu = s->plan->iommu = IOMMU_PAMU;
    sample_host(s);

    struct m_machine *w = NEW(a, struct m_machine);
    w->platform = &sample_platform;
    s->m = NEW(a, struct p_machine);
    s->m->m = w;
    s->m->name = "gateway";
    s->m->model = "Acme gateway";
    s->m->tree = dt_tree_new(a, c->names);
    vec_push(a, &s->plan->machines, s->m);
    for (uint32_t i = 0; i < 3; i++) {
        struct dt_node *n = dt_add_child(s->m->tree, s->m->tree->root, intern(c->names, arena_printf(a, "cpu@%x", i)));
        vec_push(a, &s->m->cpus,
                 ((struct p_cpu){.vcpu = i, .host_cpu = i < 2 ? 2 + i : UINT32_MAX, .node = n, .reg = i << 8}));
    }
    sample_memory(s, sample_backing(s, "ram", BACK_HUGETLB, 0x200000), 0x80000000, 0x20000000);
    struct m_memory *more = sample_backing(s, "more", BACK_HUGETLB, 0x200000);
    more->no_dma = true;
    sample_memory(s, more, UINT64_C(0x880000000), 0x200000);
    struct m_memory *shm = sample_backing(s, "shm0", BACK_PHYSICAL, UINT64_C(0xff0000000));
    shm->share = "ipc0";
    shm->readonly = true;
    sample_memory(s, shm, 0x60000000, 0x4000000);
    struct m_memory *blob = sample_backing(s, "blob", BACK_FILE, 0x1000);
    blob->file = "/boot/blob.bin";
    sample_memory(s, blob, 0x70000000, 0x10000);
    sample_memory(s, sample_backing(s, "low", BACK_CONTIGUOUS, 0), 0x78000000, 0x400000);

    struct p_irqchip *chip = NEW(a, struct p_irqchip);
    *chip = (struct p_irqchip){
        .name = "gic",
        .class = &sample_gic,
        .address = {0x8000000, 0x80a0000},
        .size = {0x10000, 0x60000},
        .nregions = 2,
        .nlines = 96,
    };
    vec_push(a, &s->m->irqchips, chip);

    struct p_device *uart = sample_device(s, "uart0", DEV_EMULATED);
    uart->class = &sample_uart;
    sample_region(s, uart, UINT64_MAX, 0x1000, REGION_TRAP)->guest = 0x9000000;
    sample_irq(s, uart, IRQ_EMULATED, 32, true);
    sample_platform_devices(s);
    sample_device(s, "viommu0", DEV_EMULATED)->class = &sample_iommu;
    sample_other_devices(s);
    sample_shadow(s);
    return s;
}

/* A config in one block of memory. */
static inline uint8_t *config_bytes(struct machc *c, const struct plan *p, const struct p_machine *m,
                                    const uint8_t *dtb, uint32_t dtb_size, uint32_t *size)
{
    struct pieces all = emit_config(c, p, m, dtb, dtb_size);
    *size = (uint32_t)all.size;
    return pieces_join(c->arena, &all);
}

#endif
