// SPDX-License-Identifier: MIT
// What of the host a config names: devices, files, addresses, cpus, memory.
#include "policy/policy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

struct listing {
    struct mach_session *s;
    int (*each)(void *opaque, const struct need *n);
    void *opaque;
    struct need n;
};

static int tell(struct listing *l)
{
    return l->each(l->opaque, &l->n);
}

static void begin(struct listing *l, enum need_kind kind)
{
    l->n.kind = kind;
    l->n.device = NULL;
    l->n.no_iommu = l->n.readonly = false;
    l->n.first = l->n.last = 0;
    *l->n.path = '\0';
}

/* ---- files and addresses ---- */

// Whole pages of it, where pages are mapped.
static int need_addresses(struct listing *l, uint64_t first, uint64_t size, bool mapped)
{
    uint64_t page = l->s->page - 1;
    begin(l, NEED_PHYSICAL);
    l->n.first = mapped ? first & ~page : first;
    l->n.last = first + (size - 1);
    if (mapped)
        l->n.last |= page;
    return tell(l);
}

// A file by where its name leads: an offset in /dev/mem, under whatever name, is an address.
static int need_file(struct listing *l, enum need_kind kind, const char *file, uint64_t offset, uint64_t size,
                     bool readonly, bool mapped)
{
    char path[PATH_SIZE], real[PATH_SIZE], mem[PATH_SIZE];
    int r = machrt_file_path(l->s, path, file) && machrt_dev_path(l->s, mem, "mem") ? machrt_real_path(l->s, path, real)
                                                                                    : -ENAMETOOLONG;
    if (r)
        return machrt_set_error(l->s, "policy", r, l->n.who, "it cannot be seen where %.200s leads", file);
    if (kind == NEED_FILE && !strcmp(real, mem))
        return need_addresses(l, offset, size, mapped);
    begin(l, kind);
    l->n.readonly = readonly;
    strcpy(l->n.path, real);
    return tell(l);
}

/* ---- devices ---- */

// Does nothing keep it from any memory of the host? Such a device can do what its guest's driver tells it to.
static bool is_unrestricted(const struct mach_session *s, const struct device *d)
{
    if (mach_cfg_machine_iommu(mach_cfg_record(s->f, MACH_CFG_S_MACHINE, 0)) == MACH_CFG_IOMMU_NONE)
        return true;
    for (uint32_t i = 0; i < mach_cfg_device_dmas(d->rec); i++) {
        struct mach_cfg_rec r = mach_cfg_record(s->f, MACH_CFG_S_DMA, mach_cfg_device_first_dma(d->rec) + i);
        uint32_t mode = mach_cfg_dma_mode(r);
        if (mach_cfg_dma_flags(r) & MACH_CFG_DMA_NO_IOMMU || mode == MACH_CFG_DMA_IDENTITY || mode == MACH_CFG_DMA_BUS)
            return true;
    }
    return false;
}

static int need_region(struct listing *l, const struct region *r)
{
    uint32_t kind = mach_cfg_device_kind(r->device->rec), mode = mach_cfg_region_mode(r->rec);
    uint64_t size = mach_cfg_region_size(r->rec);
    bool mapped = mode == MACH_CFG_REGION_MAP;
    if (mode == MACH_CFG_REGION_DROP || kind == MACH_CFG_DEVICE_EMULATED)
        return 0;
    snprintf(l->n.who, sizeof l->n.who, "device %.200s, region %u", r->device->name, mach_cfg_region_index(r->rec));
    if (kind == MACH_CFG_DEVICE_RAW)
        return need_file(l, NEED_FILE, machrt_string(l->s, mach_cfg_region_file(r->rec)),
                         mach_cfg_region_offset(r->rec), size, false, mapped);
    // Windows of buses come from /dev/mem, registers from VFIO.
    if (!(mach_cfg_region_flags(r->rec) & MACH_CFG_REGION_WINDOW) || !size)
        return 0;
    return need_addresses(l, mach_cfg_region_host(r->rec), size, mapped);
}

static int need_device(struct listing *l, struct device *d)
{
    if (!d->vfio)
        return 0;
    snprintf(l->n.who, sizeof l->n.who, "device %.200s", d->name);
    begin(l, NEED_DEVICE);
    l->n.device = d;
    l->n.no_iommu = is_unrestricted(l->s, d);
    return tell(l);
}

static int need_irq(struct listing *l, const struct irq *q)
{
    if (mach_cfg_irq_source(q->rec) != MACH_CFG_IRQ_FILE || mach_cfg_irq_flags(q->rec) & MACH_CFG_IRQ_DROPPED)
        return 0;
    snprintf(l->n.who, sizeof l->n.who, "device %.200s, interrupt %u", q->device->name, mach_cfg_irq_index(q->rec));
    return need_file(l, NEED_INTERRUPT, machrt_string(l->s, mach_cfg_irq_file(q->rec)), 0, 1, false, false);
}

/* ---- memory and cpus ---- */

static int need_memory(struct listing *l, const struct memory *m, uint64_t *sum)
{
    const char *path = machrt_string(l->s, mach_cfg_memory_path(m->rec));
    char heap[PATH_SIZE];
    uint64_t size = m->m.size;
    snprintf(l->n.who, sizeof l->n.who, "memory %.200s", m->m.name);
    switch ((enum mach_cfg_backing)mach_cfg_memory_backing(m->rec)) {
    case MACH_CFG_BACKING_PHYSICAL:
        return need_addresses(l, mach_cfg_memory_physical(m->rec), size, true);
    case MACH_CFG_BACKING_FILE:
        return need_file(l, NEED_FILE, path, mach_cfg_memory_offset(m->rec), size, m->m.readonly, true);
    case MACH_CFG_BACKING_HEAP:
        *sum = *sum > UINT64_MAX - size ? UINT64_MAX : *sum + size;
        if (snprintf(heap, sizeof heap, "/dev/dma_heap/%s", path) >= (int)sizeof heap)
            return machrt_set_error(l->s, "policy", ENAMETOOLONG, l->n.who, "the name of its heap is too long");
        return need_file(l, NEED_FILE, heap, 0, size, false, false);
    default:
        *sum = *sum > UINT64_MAX - size ? UINT64_MAX : *sum + size;
        return 0;
    }
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

// Numbers, in runs.
static int need_numbers(struct listing *l, enum need_kind kind, const char *who, uint32_t *list, uint32_t n)
{
    if (n)
        qsort(list, n, sizeof *list, by_number);
    snprintf(l->n.who, sizeof l->n.who, "%s", who);
    for (uint32_t i = 0, k; i < n; i = k) {
        for (k = i + 1; k < n && list[k] - list[k - 1] <= 1; k++)
            ;
        begin(l, kind);
        l->n.first = list[i];
        l->n.last = list[k - 1];
        int r = tell(l);
        if (r)
            return r;
    }
    return 0;
}

// Cpus that vcpus run on, and whose caches are stashed into; and caches that no cpu names.
static int need_cpus(struct listing *l)
{
    const struct mach_cfg_file *f = l->s->f;
    uint32_t cpus = f->section[MACH_CFG_S_CPU].count, stashes = f->section[MACH_CFG_S_STASH].count, n = 0, ids = 0;
    uint32_t *cpu = (uint32_t *)machrt_session_alloc(l->s, (uint64_t)cpus + stashes, sizeof *cpu);
    uint32_t *cache = (uint32_t *)machrt_session_alloc(l->s, stashes, sizeof *cache);
    if (!cpu || !cache)
        return -1;
    for (uint32_t i = 0; i < cpus; i++) {
        uint32_t on = mach_cfg_cpu_host_cpu(mach_cfg_record(f, MACH_CFG_S_CPU, i));
        if (on != MACH_CFG_NONE)
            cpu[n++] = on;
    }
    for (uint32_t i = 0; i < stashes; i++) {
        struct mach_cfg_rec r = mach_cfg_record(f, MACH_CFG_S_STASH, i);
        if (mach_cfg_stash_host_cpu(r) != MACH_CFG_NONE)
            cpu[n++] = mach_cfg_stash_host_cpu(r);
        else if (mach_cfg_stash_cache_id(r) != MACH_CFG_NONE)
            cache[ids++] = mach_cfg_stash_cache_id(r);
    }
    int r = need_numbers(l, NEED_CPUS, "cpus", cpu, n);
    return r ? r : need_numbers(l, NEED_CACHES, "stash targets", cache, ids);
}

int machrt_each_need(struct mach_session *s, int (*each)(void *opaque, const struct need *n), void *opaque)
{
    struct listing l = {.s = s, .each = each, .opaque = opaque};
    uint64_t sum = 0;
    int r = 0;
    for (uint32_t i = 0; !r && i < s->devices; i++) {
        struct mach_cfg_rec d = s->device[i].rec;
        r = need_device(&l, &s->device[i]);
        for (uint32_t k = 0; !r && k < mach_cfg_device_regions(d); k++)
            r = need_region(&l, &s->region[mach_cfg_device_first_region(d) + k]);
        for (uint32_t k = 0; !r && k < mach_cfg_device_irqs(d); k++)
            r = need_irq(&l, &s->irq[mach_cfg_device_first_irq(d) + k]);
    }
    for (uint32_t i = 0; !r && i < s->memories; i++)
        r = need_memory(&l, &s->memory[i], &sum);
    if (!r)
        r = need_cpus(&l);
    if (r || !sum)
        return r;
    snprintf(l.n.who, sizeof l.n.who, "memory");
    begin(&l, NEED_MEMORY);
    l.n.last = sum;
    return tell(&l);
}

/* ---- as a line of a policy ---- */

// A name as a pattern that only it matches. False: it has control characters, or does not fit.
static bool put_name(const char *name, char *to, size_t size)
{
    size_t n = 0;
    for (; *name; name++) {
        if ((unsigned char)*name < 0x20 || *name == 0x7f || n + 3 > size)
            return false;
        if (strchr("*?[\\ #", *name))
            to[n++] = '\\';
        to[n++] = *name;
    }
    to[n] = '\0';
    return true;
}

bool machrt_need_line(const struct need *n, char *line, size_t size)
{
    char name[2 * PATH_SIZE];
    uint64_t bytes = n->last;
    unsigned unit = 0;
    switch (n->kind) {
    case NEED_DEVICE:
        if (!put_name(n->device->sysfs, name, sizeof name))
            return false;
        return snprintf(line, size, "device %s%s", name, n->no_iommu ? " no-iommu" : "") < (int)size;
    case NEED_FILE:
    case NEED_INTERRUPT:
        if (!put_name(n->path, name, sizeof name))
            return false;
        return snprintf(line, size, "%s %s%s", n->kind == NEED_FILE ? "file" : "interrupt", name,
                        n->readonly ? " read-only" : "") < (int)size;
    case NEED_PHYSICAL:
        return snprintf(line, size, "physical 0x%" PRIx64 "..0x%" PRIx64, n->first, n->last) < (int)size;
    case NEED_CPUS:
    case NEED_CACHES:
        return snprintf(line, size, n->first == n->last ? "%s %" PRIu64 : "%s %" PRIu64 "-%" PRIu64,
                        n->kind == NEED_CPUS ? "cpus" : "caches", n->first, n->last) < (int)size;
    case NEED_MEMORY:
        for (; unit < 4 && bytes % 1024 == 0; unit++)
            bytes /= 1024;
        return snprintf(line, size, "memory %" PRIu64 "%.1s", bytes, &"\0KMGT"[unit]) < (int)size;
    }
    return false;
}
