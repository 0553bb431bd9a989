// SPDX-License-Identifier: MIT
// Finds stash targets: the host cpu that a vcpu runs on, and the id of one of its caches.
#include "dma/caches.h"
#include "dma/dma.h"

#include <inttypes.h>

static const char *const words[] = {"", "l1", "l2", "l3", "id", "tph"}; // enum stash_kind

/*
 * Reports a cpu whose `next-level-cache` ends before the level of the target. If the cpu has no such property, the tree
 * does not describe caches, and nothing is known. Returns true after a message.
 */
static bool report_no_cache(struct machine_planner *p, const struct p_stash *to, const struct m_stash *s)
{
    const struct dt_node *cpu = host_cpu(p->host, to->host_cpu);
    if (!cpu || cache_of_cpu(p->file, to->host_cpu, s->kind) || to->if_possible ||
        !dt_prop(p->host->tree, cpu, intern(p->c->names, "next-level-cache")))
        return false;
    uint32_t level = s->kind;
    while (level > 1 && !cache_of_cpu(p->file, to->host_cpu, level - 1))
        level--;
    struct diag *d = diag(p->c->diags, E0665, s->at, "host cpu %u has no %s", to->host_cpu, words[s->kind]);
    diag_fact(d, "%s: `next-level-cache` ends at %s", p->host->file,
              dt_path(p->c->arena, cache_of_cpu(p->file, to->host_cpu, level - 1)));
    diag_help(d, "write `stash %s of vcpu %u`, or add `if-possible`", words[level - 1], to->vcpu);
    return true;
}

/* Finds the cache that all host cpus of the machine share. If there are several, a vcpu is needed (E0643). */
static bool find_common_cache(struct machine_planner *p, struct p_stash *to, const struct m_stash *s)
{
    bool bound = p->m->cpus.at[0].host_cpu != UINT32_MAX; // an unbound vcpu may run on any host cpu
    for (uint32_t i = 0; !bound || i < p->m->cpus.n; i++) {
        uint32_t cpu = bound ? p->m->cpus.at[i].host_cpu : i;
        if (!host_cpu(p->host, cpu))
            break;
        const struct dt_node *cache = cache_of_cpu(p->file, cpu, s->kind);
        uint32_t id = cache_stash_id(p->file, cache);
        if (i && id != to->id) {
            struct diag *d =
                diag(p->c->diags, E0643, s->at, "`stash %s` is ambiguous: the cpus of machine `%s` do not share one",
                     words[s->kind], p->m->name);
            diag_help(d, "write `stash %s of vcpu 0`", words[s->kind]);
            return false;
        }
        to->id = id;
        to->node = cache;
    }
    return true;
}

static void report_no_id(struct machine_planner *p, const struct p_stash *to, const struct m_stash *s)
{
    struct diag *d;
    if (!p->host)
        d = diag(p->c->diags, W0601, s->at, "the id of the cache is unknown: the description names no host tree");
    else if (to->host_cpu != UINT32_MAX)
        d = diag(p->c->diags, W0601, s->at, "the %s of host cpu %u has no `cache-stash-id` in %s", words[s->kind],
                 to->host_cpu, p->host->file);
    else
        d = diag(p->c->diags, W0601, s->at, "no %s has a `cache-stash-id` in %s", words[s->kind], p->host->file);
    diag_help(d, "take the tree from the running board, as firmware may add it at boot (`cp /sys/firmware/fdt "
                 "board.dtb`), or write `stash id N`");
}

static bool is_pci(const struct machine_planner *p, const struct p_device *d)
{
    const struct dt_prop *type = d->host ? dt_prop(p->host->tree, d->host, intern(p->c->names, "device_type")) : NULL;
    const char *s = type ? dt_string(type, 0) : NULL;
    return d->kind == DEV_PCI || (s && !strcmp(s, "pci"));
}

/* Handles `stash id N`: finds the cache with the id, and reports an id that no cache has. */
static void plan_stash_id(struct machine_planner *p, struct p_stash *to, const struct m_stash *s)
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
    const struct caches *all = p->host ? all_caches(p->file) : NULL;
    uint64_t n;
    if (all && map_get(&all->nodes, to->id, 0, &n))
        to->node = (const struct dt_node *)(uintptr_t)n;
    if (!all || !all->ids || to->if_possible || to->node)
        return; // if no cache has an id, firmware may add them at boot
    struct diag *d = diag(p->c->diags, E0665, s->id.at, "no cache has the `cache-stash-id` %u", to->id);
    diag_fact(d, "%s: the caches of its cpus have other ids", p->host->file);
    diag_help(d, "write `stash l1 of vcpu 0`: machc then looks up the id");
}

/* ---- one target ---- */

/* Reports a stash target that the host's IOMMU does not support. TLP hints come from the device, not from the IOMMU. */
static bool check_iommu_stashes(struct machine_planner *p, const struct p_dma *dma, const struct m_stash *s)
{
    if (s->kind == STASH_TPH || s->if_possible || is_iommu_unknown(p->file) || iommu_way(p->file) == IOMMU_WINDOWS)
        return true;
    struct diag *d = diag(p->c->diags, E0666, s->at, "the host's IOMMU does not support stashing");
    diag_help(d, is_pci(p, dma->device) ? "write `stash tph of vcpu 0`, or add `if-possible`" : "add `if-possible`");
    return false;
}

void plan_stash(struct machine_planner *p, struct p_dma *dma, const struct m_stash *s)
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
            diag(p->c->diags, E0645, s->at, "`%s` is not a PCI device, so it sends no TLP hints", dma->device->name);
        diag_help(d, "write `stash l1 of vcpu 0`");
        return;
    }
    if (!check_iommu_stashes(p, dma, s))
        return;
    if (s->kind == STASH_ID) {
        plan_stash_id(p, to, s);
        return;
    }
    if (s->vcpu.set) {
        if (s->vcpu.value >= p->m->cpus.n) {
            struct diag *d = diag(p->c->diags, E0629, s->vcpu.at, "machine `%s` has no vcpu %" PRIu64 " to stash for",
                                  p->m->name, s->vcpu.value);
            diag_help(d, "write a valid vcpu: the highest one is %u", p->m->cpus.n - 1);
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
                                  "vcpu %u is not bound to a host cpu, so it has no cache of its own", to->vcpu);
            if (p->m->cpus.n == 1)
                diag_help(d, "bind it, `cpus 1 on 0;`, or add `if-possible`");
            else
                diag_help(d, "bind it, `cpus %u on 0..%u;`, or add `if-possible`", p->m->cpus.n, p->m->cpus.n - 1);
            return;
        }
        to->node =
            s->kind == STASH_TPH ? host_cpu(p->host, to->host_cpu) : cache_of_cpu(p->file, to->host_cpu, s->kind);
        if (s->kind == STASH_TPH || report_no_cache(p, to, s))
            return; // for TPH, the host itself finds the steering tag of the cpu
        to->id = cache_stash_id(p->file, to->node);
    } else if (s->kind != STASH_L3 || !p->m->cpus.n || !find_common_cache(p, to, s)) {
        return; // an error has been reported
    }
    if (to->id == UINT32_MAX && !s->if_possible)
        report_no_id(p, to, s);
}
