// SPDX-License-Identifier: MIT
// Caches of the host's cpus that a device's writes can be stashed into.
#include "dma/caches.h"

const struct dt_node *cache_of_cpu(const struct planner *p, uint32_t cpu, uint32_t level)
{
    const struct dt_node *n = host_cpu(p->host, cpu);
    const char *next = intern(p->c->names, "next-level-cache");
    for (uint32_t l = 1; n && l < level; l++) {
        const struct dt_prop *to = dt_prop(p->host->tree, n, next);
        n = to && to->len == 4 ? host_phandle(p->host, dt_cell(to, 0)) : NULL;
    }
    return n;
}

uint32_t cache_stash_id(const struct planner *p, const struct dt_node *cache)
{
    return cache ? dt_u32(p->host->tree, cache, intern(p->c->names, "cache-stash-id"), UINT32_MAX) : UINT32_MAX;
}

enum { LEVELS = 4 };

const struct caches *all_caches(struct planner *p)
{
    if (p->caches)
        return p->caches;
    struct caches *all = NEW(draft_arena(p->c), struct caches);
    p->caches = all;
    for (; host_cpu(p->host, all->cpus); all->cpus++) {
        for (uint32_t level = 1; level < LEVELS; level++) {
            const struct dt_node *cache = cache_of_cpu(p, all->cpus, level);
            uint32_t id = cache_stash_id(p, cache);
            uint64_t n = 0;
            if (id == UINT32_MAX)
                continue;
            map_get(&all->users, id, 0, &n);
            map_put(draft_arena(p->c), &all->users, id, 0, n + 1);
            map_put(draft_arena(p->c), &all->nodes, id, 0, (uintptr_t)cache);
            all->ids++;
        }
    }
    return all;
}
