// SPDX-License-Identifier: MIT
// Caches of the host's cpus that a device's writes can be stashed into.
#ifndef MACHC_DMA_CACHES_H
#define MACHC_DMA_CACHES_H

#include "plan/planner.h"

struct caches {
    struct map users;   // stash id -> how many cpus have it
    struct map nodes;   // stash id -> the struct dt_node that has it
    uint32_t cpus, ids; // how many there are
};

/* All caches by their id: collected once for the file. */
const struct caches *all_caches(struct planner *p);

/*
 * The cache of that level (from 1) next to a cpu, by Linux's number: level 1 is the cpu's own node, the others follow
 * along next-level-cache. NULL: there is none.
 */
const struct dt_node *cache_of_cpu(const struct planner *p, uint32_t cpu, uint32_t level);

/* The `cache-stash-id` of a cache's node; UINT32_MAX: it has none, or `cache` is NULL. */
uint32_t cache_stash_id(const struct planner *p, const struct dt_node *cache);

#endif
