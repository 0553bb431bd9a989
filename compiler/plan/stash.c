// SPDX-License-Identifier: MIT
// Stash targets: from a vcpu to the host's cpu that it runs on, and to the id of a cache of it.
#include "plan/work.h"

#include <inttypes.h>

static const char *const words[] = {"", "l1", "l2", "l3", "id", "tph"}; // enum stash_kind

/* The stash id of a cache next to a host cpu: the cpu's own node is level 1, then along next-level-cache. */
static uint32_t cache_id(const struct planner *p, uint32_t host_cpu, uint32_t level)
{
    const struct dt_node *n = host_cpu_node(p, host_cpu);
    const char *next = intern(p->c->names, "next-level-cache");
    for (uint32_t l = 1; n && l < level; l++) {
        const struct dt_prop *to = dt_prop(p->host->tree, n, next);
        n = to && to->len == 4 ? host_phandle(p->host, dt_cell(to, 0)) : NULL;
    }
    return n ? dt_u32(p->host->tree, n, "cache-stash-id", UINT32_MAX) : UINT32_MAX;
}

/* A cache that all host cpus of the machine have in common needs no vcpu; of several, which one has to be said. */
static void common_cache(struct planner *p, struct p_dma *dma, const struct m_stash *s)
{
    bool bound = p->m->cpus.at[0].host_cpu != UINT32_MAX; // else it may run on any
    for (uint32_t i = 0; !bound || i < p->m->cpus.n; i++) {
        uint32_t cpu = bound ? p->m->cpus.at[i].host_cpu : i;
        if (!host_cpu_node(p, cpu))
            break;
        uint32_t id = cache_id(p, cpu, s->kind);
        if (i && id != dma->stash.id) {
            struct diag *d = diag(p->c->diags, E0643, s->at, "whose %s? The cpus of machine `%s` do not share one",
                                  words[s->kind], p->m->name);
            diag_help(d, "write `stash %s of vcpu 0`", words[s->kind]);
            return;
        }
        dma->stash.id = id;
    }
}

static void no_id(struct planner *p, const struct p_dma *dma, const struct m_stash *s)
{
    struct diag *d;
    if (!p->host)
        d = diag(p->c->diags, W0601, s->at, "the id of the cache is not known: the file names no host tree");
    else if (dma->stash.host_cpu != UINT32_MAX)
        d = diag(p->c->diags, W0601, s->at, "the %s of host cpu %u has no `cache-stash-id` in %s", words[s->kind],
                 dma->stash.host_cpu, p->host->file);
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

void plan_stash(struct planner *p, struct p_dma *dma, const struct m_stash *s)
{
    dma->stash.kind = s->kind;
    dma->stash.if_possible = s->if_possible;
    dma->stash.at = s->at;
    if (s->kind == STASH_TPH && !is_pci(p, dma->device)) {
        struct diag *d =
            diag(p->c->diags, E0645, s->at, "`%s` is no PCI device: it sends no TLP hints", dma->device->name);
        diag_help(d, "write `stash l1 of vcpu 0`");
        return;
    }
    if (s->kind == STASH_ID) {
        // 8 bits in the PAACE (linux drivers/iommu/fsl_pamu.h, PAACE_IA_CID)
        if (s->id.set && s->id.value > 255)
            diag_help(diag(p->c->diags, E0628, s->id.at, "stash id %" PRIu64 " is out of range: 0..255", s->id.value),
                      "write the `cache-stash-id` of the cache's node");
        else if (s->id.set)
            dma->stash.id = (uint32_t)s->id.value;
        return;
    }
    if (s->vcpu.set) {
        if (s->vcpu.value >= p->m->cpus.n) {
            struct diag *d = diag(p->c->diags, E0629, s->vcpu.at, "machine `%s` has no vcpu %" PRIu64 " to stash for",
                                  p->m->name, s->vcpu.value);
            diag_help(d, "it has %u: vcpu 0%s", p->m->cpus.n, p->m->cpus.n > 1 ? " and up" : " only");
            return;
        }
        dma->stash.vcpu = (uint32_t)s->vcpu.value;
        dma->stash.host_cpu = p->m->cpus.at[dma->stash.vcpu].host_cpu;
        if (dma->stash.host_cpu == UINT32_MAX) {
            if (s->if_possible)
                return;
            struct diag *d =
                diag(p->c->diags, E0630, s->at,
                     "vcpu %u runs on no host cpu in particular, so it has no cache of its own", dma->stash.vcpu);
            if (p->m->cpus.n == 1)
                diag_help(d, "write `cpus 1 on 0;`, or add `if-possible`");
            else
                diag_help(d, "write `cpus %u on 0..%u;`, or add `if-possible`", p->m->cpus.n, p->m->cpus.n - 1);
            return;
        }
        if (s->kind == STASH_TPH)
            return; // the host finds the steering tag of a cpu itself
        dma->stash.id = cache_id(p, dma->stash.host_cpu, s->kind);
    } else if (s->kind == STASH_L3 && p->m->cpus.n) {
        uint32_t errors = diags_errors(p->c->diags);
        common_cache(p, dma, s);
        if (diags_errors(p->c->diags) != errors)
            return;
    } else {
        return; // said already
    }
    if (dma->stash.id == UINT32_MAX && !s->if_possible)
        no_id(p, dma, s);
}
