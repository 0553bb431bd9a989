// SPDX-License-Identifier: MIT
// Stash targets: from a vcpu to the host's cpu that it runs on, and to the id of a cache of it.
#include "dma/dma.h"

#include <inttypes.h>

static const char *const words[] = {"", "l1", "l2", "l3", "id", "tph"}; // enum stash_kind

/* The cache of that level next to a host cpu: the cpu's own node is level 1, then along next-level-cache; or NULL. */
static const struct dt_node *cache_of(const struct planner *p, uint32_t host_cpu, uint32_t level)
{
    const struct dt_node *n = host_cpu_node(p, host_cpu);
    const char *next = intern(p->c->names, "next-level-cache");
    for (uint32_t l = 1; n && l < level; l++) {
        const struct dt_prop *to = dt_prop(p->host->tree, n, next);
        n = to && to->len == 4 ? host_phandle(p->host, dt_cell(to, 0)) : NULL;
    }
    return n;
}

static uint32_t id_of(const struct planner *p, const struct dt_node *cache)
{
    return cache ? dt_u32(p->host->tree, cache, intern(p->c->names, "cache-stash-id"), UINT32_MAX) : UINT32_MAX;
}

/* The tree has the cpu, and no such cache next to it. A tree that says nothing of caches says nothing of this one. */
static bool no_such_cache(struct planner *p, const struct p_stash *to, const struct m_stash *s)
{
    const struct dt_node *cpu = host_cpu_node(p, to->host_cpu);
    if (!cpu || cache_of(p, to->host_cpu, s->kind) || to->if_possible ||
        !dt_prop(p->host->tree, cpu, intern(p->c->names, "next-level-cache")))
        return false;
    uint32_t level = s->kind;
    while (level > 1 && !cache_of(p, to->host_cpu, level - 1))
        level--;
    struct diag *d = diag(p->c->diags, E0665, s->at, "host cpu %u has no %s", to->host_cpu, words[s->kind]);
    diag_fact(d, "%s: `next-level-cache` ends at %s", p->host->file,
              dt_path(p->c->arena, cache_of(p, to->host_cpu, level - 1)));
    diag_help(d, "write `stash %s of vcpu %u`, or add `if-possible`", words[level - 1], to->vcpu);
    return true;
}

/* A cache that all host cpus of the machine have in common needs no vcpu; of several, which one has to be said. */
static bool common_cache(struct planner *p, struct p_stash *to, const struct m_stash *s)
{
    bool bound = p->m->cpus.at[0].host_cpu != UINT32_MAX; // else it may run on any
    for (uint32_t i = 0; !bound || i < p->m->cpus.n; i++) {
        uint32_t cpu = bound ? p->m->cpus.at[i].host_cpu : i;
        if (!host_cpu_node(p, cpu))
            break;
        const struct dt_node *cache = cache_of(p, cpu, s->kind);
        uint32_t id = id_of(p, cache);
        if (i && id != to->id) {
            struct diag *d = diag(p->c->diags, E0643, s->at, "whose %s? The cpus of machine `%s` do not share one",
                                  words[s->kind], p->m->name);
            diag_help(d, "write `stash %s of vcpu 0`", words[s->kind]);
            return false;
        }
        to->id = id;
        to->node = cache;
    }
    return true;
}

static void no_id(struct planner *p, const struct p_stash *to, const struct m_stash *s)
{
    struct diag *d;
    if (!p->host)
        d = diag(p->c->diags, W0601, s->at, "the id of the cache is not known: the file names no host tree");
    else if (to->host_cpu != UINT32_MAX)
        d = diag(p->c->diags, W0601, s->at, "the %s of host cpu %u has no `cache-stash-id` in %s", words[s->kind],
                 to->host_cpu, p->host->file);
    else
        d = diag(p->c->diags, W0601, s->at, "no %s has a `cache-stash-id` in %s", words[s->kind], p->host->file);
    diag_help(d, "firmware may write it at boot: take the tree from the running board (`cp /sys/firmware/fdt "
                 "board.dtb`), or write `stash id N`");
}

static bool is_pci(const struct planner *p, const struct p_device *d)
{
    const struct dt_prop *type = d->host ? dt_prop(p->host->tree, d->host, intern(p->c->names, "device_type")) : NULL;
    const char *s = type ? dt_string(type, 0) : NULL;
    return d->kind == DEV_PCI || (s && !strcmp(s, "pci"));
}

/* ---- caches by their id ---- */

enum { LEVELS = 4 };

struct caches {
    struct map users; // id -> how many cpus have it
    struct map nodes; // id -> the struct dt_node that has it
    uint32_t cpus, ids;
};

static const struct caches *all_caches(struct planner *p)
{
    if (p->caches)
        return p->caches;
    struct caches *all = NEW(draft_arena(p->c), struct caches);
    p->caches = all;
    for (; host_cpu_node(p, all->cpus); all->cpus++) {
        for (uint32_t level = 1; level < LEVELS; level++) {
            const struct dt_node *cache = cache_of(p, all->cpus, level);
            uint32_t id = id_of(p, cache);
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

static void check_id(struct planner *p, struct p_stash *to, const struct m_stash *s)
{
    // 8 bits in the PAACE (linux drivers/iommu/fsl_pamu.h, PAACE_IA_CID)
    if (s->id.set && s->id.value > 255) {
        diag_help(diag(p->c->diags, E0628, s->id.at, "stash id %" PRIu64 " is out of range: 0..255", s->id.value),
                  "write the `cache-stash-id` of the cache's node");
        return;
    }
    if (!s->id.set)
        return;
    to->id = (uint32_t)s->id.value;
    const struct caches *all = p->host ? all_caches(p) : NULL;
    uint64_t n;
    if (all && map_get(&all->nodes, to->id, 0, &n))
        to->node = (const struct dt_node *)(uintptr_t)n;
    if (!all || !all->ids || to->if_possible || to->node)
        return; // a tree without any may get them from firmware
    struct diag *d = diag(p->c->diags, E0665, s->id.at, "no cache has the `cache-stash-id` %u", to->id);
    diag_fact(d, "%s: the caches next to its cpus have others", p->host->file);
    diag_help(d, "write `stash l1 of vcpu 0`: the id is looked up");
}

/* Two machines in a cache that is not everybody's. */
void check_stashes(struct planner *p)
{
    struct map first = {0}; // id -> struct p_stash
    struct map whose = {0}; // id -> struct p_machine
    const struct caches *all = p->host ? all_caches(p) : NULL;
    for (uint32_t i = 0; all && i < p->plan->machines.n; i++) {
        const struct p_machine *m = p->plan->machines.at[i];
        for (uint32_t k = 0; k < m->devices.n; k++) {
            for (uint32_t n = 0; n < m->devices.at[k]->dmas.n; n++) {
                const struct p_stash *s = m->devices.at[k]->dmas.at[n]->stash;
                uint64_t users = 0;
                if (!s || s->id == UINT32_MAX || !map_get(&all->users, s->id, 0, &users) || users >= all->cpus)
                    continue;
                const void *key = (const void *)((uintptr_t)s->id + 1);
                const struct p_machine *other = map_getp(&whose, key, NULL);
                if (!other) {
                    map_putp(draft_arena(p->c), &whose, key, NULL, m);
                    map_putp(draft_arena(p->c), &first, key, NULL, s);
                } else if (other != m) {
                    struct diag *d = diag(p->c->diags, W0603, s->at,
                                          "machine `%s` stashes into the cache with id %u, too", other->name, s->id);
                    diag_note(d, ((const struct p_stash *)map_getp(&first, key, NULL))->at, "here");
                    diag_fact(d, "%s: %u of its %u cpus have that cache", p->host->file, (uint32_t)users, all->cpus);
                    diag_help(d, "let each stash into a cache of its own cpus, or into one that all cpus share");
                }
            }
        }
    }
}

/* ---- one target ---- */

/* Can the host's IOMMU tell a cache? TLP hints are the device's own. */
static bool can_stash(struct planner *p, const struct p_dma *dma, const struct m_stash *s)
{
    if (s->kind == STASH_TPH || s->if_possible || iommu_unknown(p) || iommu_way(p) == IOMMU_WINDOWS)
        return true;
    struct diag *d = diag(p->c->diags, E0666, s->at, "the host's IOMMU has no stash targets");
    diag_help(d, is_pci(p, dma->device) ? "write `stash tph of vcpu 0`, or add `if-possible`" : "add `if-possible`");
    return false;
}

void plan_stash(struct planner *p, struct p_dma *dma, const struct m_stash *s)
{
    struct p_stash *to = NEW(p->c->arena, struct p_stash);
    *to = (struct p_stash){
        .kind = s->kind,
        .if_possible = s->if_possible,
        .vcpu = UINT32_MAX,
        .host_cpu = UINT32_MAX,
        .id = UINT32_MAX,
        .entry = s->entry.set ? (uint32_t)s->entry.value : UINT32_MAX,
        .persistent = s->persistent,
        .at = s->at,
    };
    dma->stash = to;
    if (s->kind == STASH_TPH && !is_pci(p, dma->device)) {
        struct diag *d =
            diag(p->c->diags, E0645, s->at, "`%s` is no PCI device: it sends no TLP hints", dma->device->name);
        diag_help(d, "write `stash l1 of vcpu 0`");
        return;
    }
    if (!can_stash(p, dma, s))
        return;
    if (s->kind == STASH_ID) {
        check_id(p, to, s);
        return;
    }
    if (s->vcpu.set) {
        if (s->vcpu.value >= p->m->cpus.n) {
            struct diag *d = diag(p->c->diags, E0629, s->vcpu.at, "machine `%s` has no vcpu %" PRIu64 " to stash for",
                                  p->m->name, s->vcpu.value);
            diag_help(d, "it has %u: vcpu 0%s", p->m->cpus.n, p->m->cpus.n > 1 ? " and up" : " only");
            if (p->m->cpus.n == 1)
                diag_fix_number(d, "0");
            return;
        }
        to->vcpu = (uint32_t)s->vcpu.value;
        to->host_cpu = p->m->cpus.at[to->vcpu].host_cpu;
        if (to->host_cpu == UINT32_MAX) {
            if (s->if_possible)
                return;
            struct diag *d = diag(p->c->diags, E0630, s->at,
                                  "vcpu %u runs on no host cpu in particular, so it has no cache of its own", to->vcpu);
            if (p->m->cpus.n == 1)
                diag_help(d, "write `cpus 1 on 0;`, or add `if-possible`");
            else
                diag_help(d, "write `cpus %u on 0..%u;`, or add `if-possible`", p->m->cpus.n, p->m->cpus.n - 1);
            return;
        }
        to->node = s->kind == STASH_TPH ? host_cpu_node(p, to->host_cpu) : cache_of(p, to->host_cpu, s->kind);
        if (s->kind == STASH_TPH || no_such_cache(p, to, s))
            return; // of TPH, the host finds the steering tag of a cpu itself
        to->id = id_of(p, to->node);
    } else if (s->kind != STASH_L3 || !p->m->cpus.n || !common_cache(p, to, s)) {
        return; // said already
    }
    if (to->id == UINT32_MAX && !s->if_possible)
        no_id(p, to, s);
}
