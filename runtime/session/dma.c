// SPDX-License-Identifier: MIT
// DMA mappings: the whole table is checked against the limits of the IOMMU, and then made with as few calls as
// possible.
#include "session/steps.h"

#include "backend/backend.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* ---- the table ---- */

static int add_map(struct mach_session *s, struct context *c, struct mach_cfg_rec r)
{
    struct mapping *m = &c->map[c->maps];
    uint32_t memory = mach_cfg_dma_map_memory(r), region = mach_cfg_dma_map_region(r);
    *m = (struct mapping){
        .iova = mach_cfg_dma_map_iova(r),
        .size = mach_cfg_dma_map_size(r),
        .prot = mach_cfg_dma_map_flags(r) & MACH_CFG_MAP_READONLY ? MACH_DMA_READ : MACH_DMA_READ | MACH_DMA_WRITE,
        .offset = mach_cfg_dma_map_offset(r),
    };
    if (memory != MACH_CFG_NONE) {
        m->host = (uint8_t *)s->memory[memory].m.at + m->offset;
        if (s->memory[memory].m.readonly)
            m->prot = MACH_DMA_READ;
    } else if (region != MACH_CFG_NONE) {
        m->region = &s->region[region];
    } else {
        m->bank = true;
        m->offset = mach_cfg_dma_map_bank(r);
        if (s->backend->id != MACH_BACKEND_PAMU)
            return machrt_set_error(s, "window", ENOTSUP, machrt_device_object(s, c->first),
                                    "only a PAMU has MSI banks: this IOMMU handles MSIs by itself");
    }
    c->maps++;
    return 0;
}

static int by_iova(const void *a, const void *b)
{
    const struct mapping *x = (const struct mapping *)a, *y = (const struct mapping *)b;
    if (x->iova != y->iova)
        return x->iova < y->iova ? -1 : 1;
    return (x->size > y->size) - (x->size < y->size);
}

// Sorts the maps and drops duplicates: all streams of a device use one page table. The compiler has joined adjacent
// maps.
static int sort_maps(struct mach_session *s, struct context *c)
{
    if (!c->maps)
        return 0;
    qsort(c->map, c->maps, sizeof *c->map, by_iova);
    uint32_t n = 0;
    for (uint32_t i = 1; i < c->maps; i++) {
        struct mapping *last = &c->map[n], *m = &c->map[i];
        uint64_t end = last->iova + (last->size - 1);
        bool same = last->iova == m->iova && last->size == m->size && last->host == m->host &&
                    last->region == m->region && last->bank == m->bank && last->offset == m->offset;
        if (same && last->prot == m->prot)
            continue;
        if (same)
            return machrt_set_error(s, "window", EINVAL, machrt_device_object(s, c->first),
                                    "0x%" PRIx64 "-0x%" PRIx64 " is read-only for one stream of the device and not for "
                                    "another, and all its streams share one page table",
                                    m->iova, end);
        if (m->iova <= end)
            return machrt_set_error(s, "window", EEXIST, machrt_device_object(s, c->first),
                                    "0x%" PRIx64 "-0x%" PRIx64 " and 0x%" PRIx64 "-0x%" PRIx64
                                    " overlap, and all streams of the device share one page table",
                                    last->iova, end, m->iova, m->iova + (m->size - 1));
        c->map[++n] = *m;
    }
    c->maps = n + 1;
    return 0;
}

static int collect_maps(struct mach_session *s, struct context *c)
{
    const struct device *d = c->first;
    uint32_t total = 0;
    for (uint32_t i = 0; i < mach_cfg_device_dmas(d->rec); i++)
        total += mach_cfg_dma_maps(mach_cfg_record(s->f, MACH_CFG_S_DMA, mach_cfg_device_first_dma(d->rec) + i));
    c->map = (struct mapping *)machrt_session_alloc(s, total, sizeof *c->map);
    if (!c->map)
        return -1;
    for (uint32_t i = 0; i < mach_cfg_device_dmas(d->rec); i++) {
        struct mach_cfg_rec dma = mach_cfg_record(s->f, MACH_CFG_S_DMA, mach_cfg_device_first_dma(d->rec) + i);
        for (uint32_t k = 0; k < mach_cfg_dma_maps(dma); k++)
            if (add_map(s, c, mach_cfg_record(s->f, MACH_CFG_S_DMA_MAP, mach_cfg_dma_first_map(dma) + k)))
                return -1;
    }
    return sort_maps(s, c);
}

/* ---- checks ---- */

// Finds the reserved region of the host that a window overlaps, for the message.
static bool find_reserved(struct mach_session *s, const struct context *c, const struct mapping *m, char *out,
                          size_t size)
{
    char path[PATH_SIZE], data[4096];
    for (uint32_t i = 0; i < s->groups; i++) {
        if (s->group[i].context != c ||
            !machrt_sysfs_path(s, path, "kernel/iommu_groups/%u/reserved_regions", s->group[i].number))
            continue;
        int64_t n = s->sys.read_file(s->sys.opaque, path, data, sizeof data - 1);
        if (n < 0)
            continue;
        data[n] = '\0';
        for (char *line = data; line && *line;) {
            char type[24] = "", *next = strchr(line, '\n');
            uint64_t first, last;
            if (sscanf(line, "%" SCNx64 " %" SCNx64 " %23[a-z-]", &first, &last, type) == 3 &&
                strcmp(type, "direct-relaxable") && first <= m->iova + (m->size - 1) && last >= m->iova) {
                snprintf(out, size, "the host reserves 0x%" PRIx64 "-0x%" PRIx64 " (%s) for IOMMU group %u", first,
                         last, type, s->group[i].number);
                return true;
            }
            line = next ? next + 1 : NULL;
        }
    }
    return false;
}

static bool in_ranges(const struct context *c, uint64_t iova, uint64_t size)
{
    for (uint32_t i = 0; i < c->ranges; i++)
        if (iova >= c->range[i].first && iova + (size - 1) <= c->range[i].last)
            return true;
    return !c->ranges; // an old kernel that does not report them
}

static int check_mapping(struct mach_session *s, const struct context *c, const struct mapping *m)
{
    uint64_t last = m->iova + (m->size - 1);
    char reserved[200];
    if (m->iova % c->page || m->size % c->page || (uintptr_t)m->host % c->page)
        return machrt_set_error(s, "window", EINVAL, machrt_device_object(s, c->first),
                                "window 0x%" PRIx64 "-0x%" PRIx64
                                " must be aligned to the IOMMU's page size, 0x%" PRIx64
                                " bytes, and so must its memory",
                                m->iova, last, c->page);
    if (in_ranges(c, m->iova, m->size))
        return 0;
    const char *who = machrt_device_object(s, c->first);
    if (find_reserved(s, c, m, reserved, sizeof reserved))
        return machrt_set_error(s, "window", ERANGE, who,
                                "window 0x%" PRIx64 "-0x%" PRIx64 ": %s; move the guest's memory", m->iova, last,
                                reserved);
    return machrt_set_error(s, "window", ERANGE, who,
                            "window 0x%" PRIx64 "-0x%" PRIx64 " is outside what the IOMMU can translate: 0x%" PRIx64
                            "-0x%" PRIx64,
                            m->iova, last, c->range[0].first, c->range[c->ranges - 1].last);
}

static int check_context(struct mach_session *s, struct context *c)
{
    if (s->backend->ranges(s, c))
        return -1;
    if (!c->page || c->page & (c->page - 1))
        return machrt_set_error(s, "window", EPROTO, "the IOMMU", "the kernel reports a page size of %" PRIu64 " bytes",
                                c->page);
    if (c->maps > c->available)
        return machrt_set_error(s, "window", ENOSPC, machrt_device_object(s, c->first),
                                "it needs %u mappings, and the limit is %" PRIu64
                                ": raise vfio_iommu_type1.dma_entry_limit",
                                c->maps, c->available);
    for (uint32_t i = 0; i < c->maps; i++)
        if (check_mapping(s, c, &c->map[i]))
            return -1;
    return s->backend->setup ? s->backend->setup(s, c) : 0;
}

int machrt_step_windows(struct mach_session *s)
{
    for (uint32_t i = 0; i < s->contexts; i++) {
        struct context *c = &s->context[i];
        if (collect_maps(s, c))
            return -1;
        if (!machrt_backend_of(s, c)->maps && (c->maps || c->guest_owned))
            return machrt_set_error(s, "window", ENOTSUP, machrt_device_object(s, c->first),
                                    "the config limits its DMA to parts of memory, which needs an IOMMU: use `dma "
                                    "identity unsafe;` or `dma none;`");
        // Nothing to check for a device that reaches nothing.
        if ((c->maps || c->guest_owned) && check_context(s, c))
            return -1;
    }
    return 0;
}

/* ---- mapping ---- */

static int undo_map(struct mach_session *s, void *thing, uint64_t arg)
{
    return s->backend->unmap(s, &s->context[arg], (const struct mapping *)thing);
}

static uint64_t count_bytes_to_lock(const struct mach_session *s)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < s->contexts; i++)
        for (uint32_t k = 0; k < s->context[i].maps; k++)
            sum += s->context[i].map[k].size;
    return sum;
}

static int report_map_error(struct mach_session *s, const struct context *c, const struct mapping *m, int r)
{
    const char *who = machrt_device_object(s, c->first), *hint = s->backend->map_hint ? s->backend->map_hint(r) : NULL;
    uint64_t last = m->iova + (m->size - 1), limit = 0;
    if (r == -ENOMEM && !s->sys.memlock(s->sys.opaque, &limit) && limit != UINT64_MAX)
        return machrt_set_error(s, "map", r, who,
                                "window 0x%" PRIx64 "-0x%" PRIx64 ": %" PRIu64
                                " KiB of memory must be locked, and the limit is %" PRIu64 " KiB: ulimit -l %" PRIu64
                                " (LimitMEMLOCK= of a service), or CAP_IPC_LOCK",
                                m->iova, last, count_bytes_to_lock(s) >> 10, limit >> 10, count_bytes_to_lock(s) >> 10);
    if (r == -EFAULT)
        hint = m->region ? "registers cannot be mapped for DMA here" : "cannot pin its memory";
    return machrt_set_error(s, "map", r, who, "window 0x%" PRIx64 "-0x%" PRIx64 "%s%s", m->iova, last,
                            hint ? ": " : " is refused", hint ? hint : "");
}

static int map_window(struct mach_session *s, struct context *c, struct mapping *m)
{
    if (machrt_reserve_undo(s))
        return -1;
    int r = s->backend->map(s, c, m);
    if (r)
        return report_map_error(s, c, m, r);
    machrt_push_undo(s, undo_map, m, c->number, "remove a DMA mapping");
    return 0;
}

int machrt_step_map_memory(struct mach_session *s)
{
    for (uint32_t i = 0; i < s->contexts; i++)
        for (uint32_t k = 0; k < s->context[i].maps; k++)
            if (!s->context[i].map[k].region && map_window(s, &s->context[i], &s->context[i].map[k]))
                return -1;
    return 0;
}

// The address of [offset, offset + size) of a region in this process; NULL: not mapped as a whole.
static uint8_t *find_mapped_registers(const struct region *r, uint64_t offset, uint64_t size)
{
    for (uint32_t i = 0; i < r->areas; i++) {
        const struct area *a = &r->area[i];
        if (offset >= a->offset && offset - a->offset <= a->size && size <= a->size - (offset - a->offset))
            return (uint8_t *)a->at + (offset - a->offset);
    }
    return NULL;
}

int machrt_step_map_regions(struct mach_session *s)
{
    for (uint32_t i = 0; i < s->contexts; i++) {
        for (uint32_t k = 0; k < s->context[i].maps; k++) {
            struct mapping *m = &s->context[i].map[k];
            if (!m->region)
                continue;
            m->host = find_mapped_registers(m->region, m->offset, m->size);
            if (!m->host)
                return machrt_set_error(s, "map", ENODEV, machrt_device_object(s, m->region->device),
                                        "region %u cannot be mapped into this process, so it cannot be mapped for DMA",
                                        mach_cfg_region_index(m->region->rec));
            if (map_window(s, &s->context[i], m))
                return -1;
        }
    }
    return 0;
}
