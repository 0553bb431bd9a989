// SPDX-License-Identifier: MIT
#include "cfg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { MOST = 65536 };

static uint32_t record_size(uint32_t section)
{
    return mach_cfg_sections[section - MACH_CFG_S_MACHINE].record_size;
}

static void put(uint8_t *p, size_t n, uint64_t v)
{
    mach_cfg_store(p, n, v);
}
#define PUT(field, v) put((field).b, sizeof(field).b, (v))

void needs_sysfs(void)
{
    if (access("/sys/bus", F_OK)) {
        puts("sysfs is not mounted");
        skip();
    }
}

uint32_t cfg_string(struct cfg *c, const char *s)
{
    if (!s || !*s)
        return 0;
    uint32_t at = c->strings_size;
    size_t n = strlen(s) + 1;
    assert_true(at + n <= sizeof c->strings);
    memcpy(c->strings + at, s, n);
    c->strings_size += (uint32_t)n;
    return at;
}

void *cfg_add(struct cfg *c, uint32_t section)
{
    uint32_t size = record_size(section), n = c->count[section];
    assert_true(n < MOST);
    if (!(n & (n - 1))) {
        c->records[section] = realloc(c->records[section], (size_t)size * (n ? 2 * (size_t)n : 1));
        assert_non_null(c->records[section]);
    }
    c->count[section]++;
    return memset(c->records[section] + (size_t)n * size, 0, size);
}

#define ADD(c, name, NAME) ((struct mach_cfg_##name *)cfg_add(c, MACH_CFG_S_##NAME))
#define LAST(c, NAME)      ((c)->count[MACH_CFG_S_##NAME] - 1)

struct cfg *cfg_new(uint32_t arch, uint32_t iommu)
{
    struct cfg *c = calloc(1, sizeof *c);
    assert_non_null(c);
    c->strings_size = 1;
    struct mach_cfg_machine *m = ADD(c, machine, MACHINE);
    PUT(m->name, cfg_string(c, "test"));
    PUT(m->arch, arch);
    PUT(m->iommu, iommu);
    PUT(m->host_page_size, 4096);
    return c;
}

void cfg_free(struct cfg *c)
{
    for (uint32_t i = 0; i < MACH_CFG_S_END; i++)
        free(c->records[i]);
    free(c->bytes);
    free(c);
}

uint32_t cfg_memory(struct cfg *c, const char *name, uint32_t backing, uint64_t address, uint64_t size, uint64_t arg)
{
    struct mach_cfg_memory *m = ADD(c, memory, MEMORY);
    PUT(m->name, cfg_string(c, name));
    PUT(m->backing, backing);
    PUT(m->address, address);
    PUT(m->size, size);
    bool placed = backing == MACH_CFG_BACKING_PHYSICAL || backing == MACH_CFG_BACKING_CONTIGUOUS;
    PUT(m->physical, placed ? arg : MACH_CFG_NONE64);
    if (backing == MACH_CFG_BACKING_HUGETLB)
        PUT(m->page_size, arg);
    if (backing == MACH_CFG_BACKING_FILE) {
        PUT(m->path, cfg_string(c, "/boot/blob"));
        PUT(m->offset, arg);
    }
    return LAST(c, MEMORY);
}

void cfg_cpus(struct cfg *c, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        struct mach_cfg_cpu *cpu = ADD(c, cpu, CPU);
        PUT(cpu->vcpu, i);
        PUT(cpu->host_cpu, MACH_CFG_NONE);
        PUT(cpu->reg, i);
    }
}

uint32_t cfg_chip(struct cfg *c, const char *kvm, uint32_t lines, uint64_t first, uint64_t second)
{
    struct mach_cfg_irqchip *x = ADD(c, irqchip, IRQCHIP);
    PUT(x->name, cfg_string(c, "chip"));
    PUT(x->kvm, cfg_string(c, kvm));
    PUT(x->lines, lines);
    PUT(x->first_region, c->count[MACH_CFG_S_CHIP_REGION]);
    const uint64_t at[2] = {first, second};
    uint32_t n = 0;
    for (uint32_t i = 0; i < 2; i++) {
        if (at[i] == MACH_CFG_NONE64)
            continue;
        struct mach_cfg_chip_region *r = ADD(c, chip_region, CHIP_REGION);
        PUT(r->address, at[i]);
        PUT(r->size, 0x10000);
        n++;
    }
    PUT(x->regions, n);
    return LAST(c, IRQCHIP);
}

uint32_t cfg_device(struct cfg *c, const char *name, uint32_t kind, const char *sysfs, uint32_t reset)
{
    struct mach_cfg_device *d = ADD(c, device, DEVICE);
    PUT(d->name, cfg_string(c, name));
    PUT(d->kind, kind);
    PUT(d->sysfs_name, cfg_string(c, sysfs));
    PUT(d->reset, reset);
    PUT(d->vcpu, MACH_CFG_NONE);
    PUT(d->parent, MACH_CFG_NONE);
    PUT(d->slot, MACH_CFG_NONE);
    PUT(d->first_region, c->count[MACH_CFG_S_REGION]);
    PUT(d->first_irq, c->count[MACH_CFG_S_IRQ]);
    PUT(d->first_dma, c->count[MACH_CFG_S_DMA]);
    return c->device = LAST(c, DEVICE);
}

static struct mach_cfg_device *last_device(struct cfg *c)
{
    return &((struct mach_cfg_device *)(void *)c->records[MACH_CFG_S_DEVICE])[c->device];
}

uint32_t cfg_region(struct cfg *c, uint32_t mode, uint64_t host, uint64_t size, uint64_t guest)
{
    struct mach_cfg_device *d = last_device(c);
    uint32_t n = (uint32_t)mach_cfg_load(d->regions.b, 4);
    struct mach_cfg_region *r = ADD(c, region, REGION);
    PUT(r->device, c->device);
    PUT(r->index, n);
    PUT(r->mode, mode);
    PUT(r->host, host);
    PUT(r->size, size);
    PUT(r->guest, guest);
    PUT(d->regions, n + 1);
    return LAST(c, REGION);
}

uint32_t cfg_irq(struct cfg *c, uint32_t source, uint32_t line, bool level)
{
    struct mach_cfg_device *d = last_device(c);
    uint32_t n = (uint32_t)mach_cfg_load(d->irqs.b, 4);
    struct mach_cfg_irq *q = ADD(c, irq, IRQ);
    bool drop = line == MACH_CFG_NONE;
    PUT(q->device, c->device);
    PUT(q->source, source);
    PUT(q->index, n);
    PUT(q->host, cfg_string(c, "line"));
    PUT(q->chip, drop ? MACH_CFG_NONE : 0);
    PUT(q->number, line);
    PUT(q->gsi, line);
    PUT(q->trigger, level ? MACH_CFG_TRIGGER_LEVEL : MACH_CFG_TRIGGER_EDGE);
    PUT(q->flags, drop ? MACH_CFG_IRQ_DROPPED : level && source != MACH_CFG_IRQ_EMULATED ? MACH_CFG_IRQ_RESAMPLE : 0);
    PUT(d->irqs, n + 1);
    return LAST(c, IRQ);
}

uint32_t cfg_dma(struct cfg *c, uint32_t mode)
{
    struct mach_cfg_device *d = last_device(c);
    struct mach_cfg_dma *x = ADD(c, dma, DMA);
    PUT(x->device, c->device);
    PUT(x->mode, mode);
    PUT(x->guest_iommu, MACH_CFG_NONE);
    PUT(x->endpoint, MACH_CFG_NONE);
    PUT(x->stash, MACH_CFG_NONE);
    PUT(x->first_map, c->count[MACH_CFG_S_DMA_MAP]);
    PUT(d->dmas, mach_cfg_load(d->dmas.b, 4) + 1);
    return LAST(c, DMA);
}

static struct mach_cfg_dma_map *add_map(struct cfg *c, uint64_t offset, uint64_t size, uint64_t iova)
{
    struct mach_cfg_dma *x = &((struct mach_cfg_dma *)(void *)c->records[MACH_CFG_S_DMA])[LAST(c, DMA)];
    struct mach_cfg_dma_map *m = ADD(c, dma_map, DMA_MAP);
    PUT(m->dma, LAST(c, DMA));
    PUT(m->memory, MACH_CFG_NONE);
    PUT(m->region, MACH_CFG_NONE);
    PUT(m->offset, offset);
    PUT(m->size, size);
    PUT(m->iova, iova);
    PUT(x->maps, mach_cfg_load(x->maps.b, 4) + 1);
    return m;
}

uint32_t cfg_map(struct cfg *c, uint32_t memory, uint64_t offset, uint64_t size, uint64_t iova)
{
    struct mach_cfg_dma_map *m = add_map(c, offset, size, iova);
    PUT(m->what, MACH_CFG_MAP_MEMORY);
    PUT(m->memory, memory);
    return LAST(c, DMA_MAP);
}

uint32_t cfg_map_region(struct cfg *c, uint32_t region, uint64_t offset, uint64_t size, uint64_t iova)
{
    struct mach_cfg_dma_map *m = add_map(c, offset, size, iova);
    PUT(m->what, MACH_CFG_MAP_REGION);
    PUT(m->region, region);
    return LAST(c, DMA_MAP);
}

uint32_t cfg_stash(struct cfg *c, uint32_t kind, uint32_t flags, uint32_t host_cpu)
{
    struct mach_cfg_stash *s = ADD(c, stash, STASH);
    PUT(s->dma, LAST(c, DMA));
    PUT(s->kind, kind);
    PUT(s->flags, flags);
    PUT(s->vcpu, MACH_CFG_NONE);
    PUT(s->host_cpu, host_cpu);
    PUT(s->cache_id, MACH_CFG_NONE);
    PUT(s->st_index, MACH_CFG_NONE);
    CFG_SET(c, dma, DMA, LAST(c, DMA), stash, LAST(c, STASH));
    return LAST(c, STASH);
}

uint32_t cfg_expect(struct cfg *c, uint32_t kind, uint32_t device, uint32_t index, const char *string, uint64_t a,
                    uint64_t b)
{
    struct mach_cfg_expect *e = ADD(c, expect, EXPECT);
    PUT(e->kind, kind);
    PUT(e->device, device);
    PUT(e->index, index);
    PUT(e->string, cfg_string(c, string));
    PUT(e->a, a);
    PUT(e->b, b);
    return LAST(c, EXPECT);
}

uint32_t cfg_patch(struct cfg *c, uint32_t at, uint32_t memory, uint64_t offset, uint64_t addend)
{
    struct mach_cfg_patch *p = ADD(c, patch, PATCH);
    PUT(p->at, at);
    PUT(p->memory, memory);
    PUT(p->node, cfg_string(c, "/dma-bus"));
    PUT(p->offset, offset);
    PUT(p->addend, addend);
    return LAST(c, PATCH);
}

uint32_t cfg_write(struct cfg *c, uint32_t region, uint32_t offset, uint32_t mask, uint32_t flags)
{
    struct mach_cfg_write *w = ADD(c, write, WRITE);
    PUT(w->region, region);
    PUT(w->offset, offset);
    PUT(w->mask, mask);
    PUT(w->flags, flags);
    return LAST(c, WRITE);
}

// SHA-256 of 64 bytes of zeros: the guest.dtb of these configs.
static const uint8_t digest[32] = {0xf5, 0xa5, 0xfd, 0x42, 0xd1, 0x6a, 0x20, 0x30, 0x27, 0x98, 0xef,
                                   0x6e, 0xd3, 0x09, 0x97, 0x9b, 0x43, 0x00, 0x3d, 0x23, 0x20, 0xd9,
                                   0xf0, 0xe8, 0xea, 0x98, 0x31, 0xa9, 0x27, 0x59, 0xfb, 0x4b};

/* ---- what a config must expect ---- */

#define GET(c, name, NAME, i, field)                                                                                   \
    mach_cfg_load(((struct mach_cfg_##name *)(void *)(c)->records[MACH_CFG_S_##NAME])[i].field.b,                      \
                  sizeof(((struct mach_cfg_##name *)0)->field))

static bool is_expected(const struct cfg *c, uint32_t kind, uint32_t device, uint32_t index)
{
    for (uint32_t i = 0; i < c->count[MACH_CFG_S_EXPECT]; i++)
        if (GET(c, expect, EXPECT, i, kind) == kind && GET(c, expect, EXPECT, i, device) == device &&
            GET(c, expect, EXPECT, i, index) == index)
            return true;
    return false;
}

static void expect_also(struct cfg *c, uint32_t kind, uint32_t device, uint32_t index, const char *string, uint64_t a,
                        uint64_t b)
{
    if (!is_expected(c, kind, device, index))
        cfg_expect(c, kind, device, index, string, a, b);
}

void cfg_complete(struct cfg *c)
{
    expect_also(c, MACH_CFG_EXPECT_PAGE_SIZE, MACH_CFG_NONE, 0, NULL, GET(c, machine, MACHINE, 0, host_page_size),
                MACH_CFG_NONE64);
    for (uint32_t i = 0; i < c->count[MACH_CFG_S_DEVICE]; i++) {
        uint32_t name = (uint32_t)GET(c, device, DEVICE, i, sysfs_name);
        uint32_t compatible = (uint32_t)GET(c, device, DEVICE, i, compatible);
        if (name)
            expect_also(c, MACH_CFG_EXPECT_SYSFS_NAME, i, 0, c->strings + name, MACH_CFG_NONE64, MACH_CFG_NONE64);
        if (name && compatible && GET(c, device, DEVICE, i, kind) == MACH_CFG_DEVICE_PLATFORM)
            expect_also(c, MACH_CFG_EXPECT_COMPATIBLE, i, 0, c->strings + compatible, MACH_CFG_NONE64, MACH_CFG_NONE64);
    }
    for (uint32_t i = 0; i < c->count[MACH_CFG_S_REGION]; i++) {
        uint32_t device = (uint32_t)GET(c, region, REGION, i, device),
                 flags = (uint32_t)GET(c, region, REGION, i, flags);
        uint64_t size = GET(c, region, REGION, i, size);
        if (flags & MACH_CFG_REGION_SHADOW ||
            (size && !(flags & MACH_CFG_REGION_WINDOW) && GET(c, device, DEVICE, device, sysfs_name)))
            expect_also(c, MACH_CFG_EXPECT_REGION, device, (uint32_t)GET(c, region, REGION, i, index), NULL,
                        GET(c, region, REGION, i, host), size);
    }
}

void cfg_seal(struct cfg *c)
{
    if (!c->bare)
        cfg_complete(c);
    // Rows of other sections than the device's own are complete only at the end: cells, and what is missing.
    uint64_t table = MACH_CFG_HEADER_LEAST, at = table + (MACH_CFG_NSECTIONS + 1) * (uint64_t)MACH_CFG_ENTRY_LEAST;
    size_t size = (size_t)at + sizeof c->strings + 64;
    for (uint32_t i = MACH_CFG_S_MACHINE; i < MACH_CFG_S_END; i++)
        size += (size_t)c->count[i] * record_size(i) + 8;
    free(c->bytes);
    c->bytes = calloc(1, size);
    assert_non_null(c->bytes);
    struct mach_cfg_header *h = (struct mach_cfg_header *)(void *)c->bytes;
    for (uint32_t i = MACH_CFG_S_STRINGS; i < MACH_CFG_S_END; i++) {
        bool text = i == MACH_CFG_S_STRINGS;
        uint32_t each = text ? 1 : record_size(i), n = text ? c->strings_size : c->count[i];
        struct mach_cfg_entry *e =
            (struct mach_cfg_entry *)(void *)(c->bytes + table + (i - 1) * (uint64_t)MACH_CFG_ENTRY_LEAST);
        at = (at + 7) & ~UINT64_C(7);
        PUT(e->type, i);
        PUT(e->offset, at);
        PUT(e->size, (uint64_t)each * n);
        PUT(e->record_size, each);
        PUT(e->count, n);
        if (n)
            memcpy(c->bytes + at, text ? (const void *)c->strings : c->records[i], (size_t)each * n);
        at += (uint64_t)each * n;
    }
    memcpy(h->magic.b, MACH_CFG_MAGIC, 8);
    PUT(h->major, MACH_CFG_MAJOR);
    PUT(h->header_size, MACH_CFG_HEADER_LEAST);
    PUT(h->total_size, at);
    PUT(h->dtb_size, c->tree_sha256 ? c->tree_size : CFG_DTB_SIZE);
    memcpy(h->dtb_sha256.b, c->tree_sha256 ? c->tree_sha256 : digest, sizeof digest);
    PUT(h->sections, MACH_CFG_S_END - 1);
    PUT(h->section_table, table);
    PUT(h->entry_size, MACH_CFG_ENTRY_LEAST);
    PUT(h->checksum, mach_cfg_checksum(c->bytes, (size_t)at));
    c->size = (size_t)at;
}

struct mach_config *cfg_open(struct cfg *c)
{
    struct mach_config *config;
    struct mach_error e = MACH_ERROR_INIT;
    cfg_seal(c);
    if (mach_config_from_memory("test.cfg", c->bytes, c->size, &config, &e))
        fail_msg("%s: %s [%s]", e.object, e.hint, e.name);
    return config;
}
