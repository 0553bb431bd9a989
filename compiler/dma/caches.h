// SPDX-License-Identifier: MIT
// Caches of the host's cpus that a device's writes can be stashed into.
#ifndef MACHC_DMA_CACHES_H
#define MACHC_DMA_CACHES_H

#include "plan/planner.h"

/* The caches that have a stash id. */
struct caches {
    struct map users;   // stash id -> number of cpus that use the cache
    struct map nodes;   // stash id -> struct dt_node of the cache
    uint32_t cpus, ids; // number of cpus, and of ids counted once for each cpu
};

/* Returns all caches of the host by their id. They are collected once, in the draft arena. The host has a tree. */
const struct caches *all_caches(struct planner *p);

/*
 * Returns the node of the cache of a level (1 and up) that a host cpu, by Linux's number, uses. Level 1 is the cpu's
 * own node; `next-level-cache` leads to the others. NULL: there is none.
 */
const struct dt_node *cache_of_cpu(const struct planner *p, uint32_t cpu, uint32_t level);

/* Returns the `cache-stash-id` of a cache's node; UINT32_MAX if it has none or `cache` is NULL. */
uint32_t cache_stash_id(const struct planner *p, const struct dt_node *cache);

#endif
