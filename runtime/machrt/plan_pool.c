// SPDX-License-Identifier: MIT
// A pool of huge pages for `machrt plan`: as many as are asked for, of the size that the config states or 2 MiB, where
// the config has the memory. Addresses that the host would choose are examples.
#include "plan_pool.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t EXAMPLE = UINT64_C(0x40000000), MIB2 = UINT64_C(2) << 20;

static uint64_t page_of(struct mach_cfg_rec m)
{
    uint64_t page = mach_cfg_memory_page_size(m);
    return page >= 1024 ? page : MIB2;
}

int pool_list(const struct mach_cfg_file *f, int (*each)(void *, const char *, int), void *arg)
{
    for (uint32_t i = 0; i < mach_cfg_count(f, MACH_CFG_S_MEMORY); i++) {
        struct mach_cfg_rec m = mach_cfg_record(f, MACH_CFG_S_MEMORY, i);
        char name[48];
        if (mach_cfg_memory_backing(m) != MACH_CFG_BACKING_CONTIGUOUS)
            continue;
        snprintf(name, sizeof name, "hugepages-%" PRIu64 "kB", page_of(m) >> 10);
        if (each(arg, name, 1))
            break;
    }
    return 0;
}

int pool_read(const char *path, char *out, size_t size)
{
    if (!strstr(path, "/hugepages-"))
        return 0;
    return snprintf(out, size, "%s\n",
                    strstr(path, "/free_hugepages") || strstr(path, "/nr_hugepages") ? "16777216" : "0");
}

uint32_t pool_memory(const struct device_names *memories, const char *name)
{
    return strncmp(name, "mach-", 5) ? MACH_CFG_NONE : names_find(memories, name + 5);
}

static uint64_t host_of(struct mach_cfg_rec m)
{
    uint64_t physical = mach_cfg_memory_physical(m), lowest = mach_cfg_memory_lowest(m),
             limit = mach_cfg_memory_limit(m);
    uint64_t page = page_of(m), first = lowest / page * page + (lowest % page ? page : 0);
    if (physical != MACH_CFG_NONE64)
        return physical;
    if (first < EXAMPLE && (!limit || limit >= EXAMPLE + mach_cfg_memory_size(m)))
        return EXAMPLE;
    return first ? first : page;
}

bool pool_has(const struct mach_cfg_file *f, uint32_t memory, uint64_t size)
{
    struct mach_cfg_rec m = mach_cfg_record(f, MACH_CFG_S_MEMORY, memory);
    return mach_cfg_memory_backing(m) != MACH_CFG_BACKING_CONTIGUOUS || size / 2 <= mach_cfg_memory_size(m);
}

void pool_map(struct pool *p, const struct mach_cfg_file *f, uint64_t at, uint64_t size, uint32_t memory,
              uint64_t offset)
{
    struct mach_cfg_rec m = mach_cfg_record(f, MACH_CFG_S_MEMORY, memory);
    if (mach_cfg_memory_backing(m) != MACH_CFG_BACKING_CONTIGUOUS)
        return;
    struct pool_mapping *list = realloc(p->list, (p->n + 1) * sizeof *list);
    if (!list)
        return;
    p->list = list;
    p->list[p->n++] = (struct pool_mapping){at, size, host_of(m) + offset};
}

uint64_t pool_entry(const struct pool *p, uint64_t at, uint64_t page)
{
    // As in the kernel, a later mapping hides an earlier one.
    for (size_t i = p->n; i-- > 0;)
        if (at >= p->list[i].at && at - p->list[i].at < p->list[i].size)
            return UINT64_C(1) << 63 | (p->list[i].host + (at - p->list[i].at)) / page;
    return 0;
}
