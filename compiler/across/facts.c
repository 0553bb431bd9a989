// SPDX-License-Identifier: MIT
// Compares a plan with a snapshot of the host that it is for.
#include "facts/facts.h"
#include "across/across.h"
#include "plan/describe.h"
#include "tree/show.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- the host ---- */

static void check_page_size(struct planner *p, const struct facts *f)
{
    if (f->page_size == p->model->page_size)
        return;
    struct diag *d = diag(p->c->diags, E1021, p->model->facts_at,
                          "the host has pages of %" PRIu64 " bytes, but this description is for pages of %" PRIu64,
                          f->page_size, p->model->page_size);
    diag_note(d, src_at(f->page_size_at), "its page size is here");
    if (f->page_size == 4096 || f->page_size == 16384 || f->page_size == 65536)
        diag_help(d, "write `page-size %" PRIu64 "K;`", f->page_size / 1024);
    else
        diag_help(d, "use a host kernel with pages of 4K, 16K or 64K");
}

static void check_board(struct planner *p, const struct facts *f)
{
    const struct dt_prop *prop = p->host ? dt_prop(p->host->tree, p->host->tree->root, p->n->compatible) : NULL;
    const char *want = prop ? dt_string(prop, 0) : NULL;
    if (!want || !f->compatible || !f->compatible[0])
        return;
    for (const char *const *s = f->compatible; *s; s++)
        if (!strcmp(*s, want))
            return;
    struct diag *d =
        diag(p->c->diags, E1022, p->model->facts_at, "this snapshot is of another board: %s", f->compatible[0]);
    diag_note(d, src_at(f->compatible_at), "its `compatible` is here");
    diag_fact(d, "%s: the board is %s", p->host->file, dt_show(p->c->arena, want));
    diag_help(d, "run `machrt probe` on the board that the tree belongs to");
}

/*
 * Whether a list such as /sys/devices/system/cpu/online ("0-3,5") contains a cpu. The list is not trusted: a number
 * that does not fit becomes the largest one, which is no cpu of a machine.
 */
static bool list_has_cpu(const char *s, uint32_t cpu)
{
    while (*s) {
        char *end;
        unsigned long first = strtoul(s, &end, 10), last = first;
        if (end == s)
            return false;
        if (*end == '-')
            last = strtoul(end + 1, &end, 10);
        if (cpu >= first && cpu <= last)
            return true;
        s = *end == ',' ? end + 1 : end;
        if (*end && *end != ',')
            return false;
    }
    return false;
}

static void check_cpus_online(struct planner *p, const struct facts *f, const struct p_machine *m)
{
    for (uint32_t i = 0; f->cpus && i < m->cpus.n; i++) {
        uint32_t cpu = m->cpus.at[i].host_cpu;
        if (cpu == UINT32_MAX || list_has_cpu(f->cpus, cpu))
            continue;
        struct diag *d =
            diag(p->c->diags, E1023, m->m->host_cpus_at, "host cpu %u of machine `%s` is not online", cpu, m->name);
        diag_note(d, src_at(f->cpus_at), "these cpus are online");
        diag_help(d, "choose one that is online, or bring it online: `echo 1 > /sys/devices/system/cpu/cpu%u/online`",
                  cpu);
        return;
    }
}

/*
 * Compares pinned memory with the limit. VFIO pins the memory that it maps. All devices of a machine share a container,
 * so memory counts once, regardless of how many devices reach it. Memory that devices reach without an IOMMU is pinned
 * for that.
 */
static void check_memlock(struct planner *p, const struct facts *f, const struct p_machine *m)
{
    struct map seen = {0};
    uint64_t need = 0;
    for (uint32_t i = 0; f->memlock != UINT64_MAX && i < m->devices.n; i++) {
        const struct p_device *d = m->devices.at[i];
        for (uint32_t k = 0; d->kind != DEV_RAW && d->kind != DEV_EMULATED && k < d->dmas.n; k++)
            for (uint32_t j = 0; j < d->dmas.at[k]->nmaps; j++) {
                const struct p_memory *mem = d->dmas.at[k]->maps[j].memory;
                if (!mem || map_getp(&seen, mem, NULL))
                    continue;
                map_putp(draft_arena(p->c), &seen, mem, NULL, mem);
                need = mem->size > UINT64_MAX - need ? UINT64_MAX : need + mem->size;
            }
    }
    for (uint32_t i = 0; f->memlock != UINT64_MAX && i < m->memory.n; i++) {
        const struct p_memory *mem = &m->memory.at[i];
        if (mem->provider == BY_HUGETLB && !map_getp(&seen, mem, NULL))
            need = mem->size > UINT64_MAX - need ? UINT64_MAX : need + mem->size;
    }
    if (f->memlock == UINT64_MAX || need <= f->memlock)
        return;
    struct diag *d = diag(p->c->diags, W1021, m->m->at,
                          "machine `%s` locks 0x%" PRIx64 " bytes of memory, but the limit is 0x%" PRIx64, m->name,
                          need, f->memlock);
    diag_note(d, src_at(f->memlock_at), "this was the limit when the host was probed");
    diag_help(d, "raise RLIMIT_MEMLOCK of the VMM (`ulimit -l`, systemd's LimitMEMLOCK), or give it CAP_IPC_LOCK");
}

/* ---- memory whose place on the host counts ---- */

static bool is_run_for(const struct facts_run *r, const struct p_memory *m)
{
    uint64_t page = m->m->page.value, end = r->first + (r->size - 1),
             from = m->lowest > r->first ? m->lowest : r->first;
    if ((page && page != r->page) || m->size % r->page)
        return false;
    if (m->physical != UINT64_MAX)
        return m->physical >= r->first && m->physical - r->first <= r->size &&
               r->size - (m->physical - r->first) >= m->size;
    from = r->first + (from - r->first + (r->page - 1)) / r->page * r->page;
    if (m->limit && end >= m->limit)
        end = m->limit - 1;
    return from <= end && end - from >= m->size - 1;
}

static void check_pool(struct planner *p, const struct facts *f, const struct p_memory *m)
{
    if (!f->knows_pool)
        return;
    for (uint32_t i = 0; i < f->nruns; i++) // some hundred, and few memories ask
        if (is_run_for(&f->runs[i], m))
            return;
    struct diag *d =
        diag(p->c->diags, W1024, m->m->at,
             "the pool of huge pages had no 0x%" PRIx64 " bytes side by side for memory `%s`%s", m->size, m->m->name,
             m->physical != UINT64_MAX ? arena_printf(p->c->arena, " at 0x%" PRIx64, m->physical)
             : m->limit                ? arena_printf(p->c->arena, " below 0x%" PRIx64, m->limit)
                                       : "");
    diag_note(d, src_at(f->pool_at), "these runs were free");
    for (uint32_t i = 0; i < f->nruns && i < 4; i++)
        diag_fact(d, "0x%" PRIx64 "..0x%" PRIx64 ", pages of 0x%" PRIx64, f->runs[i].first,
                  f->runs[i].first + (f->runs[i].size - 1), f->runs[i].page);
    diag_help(
        d, "reserve more of them, early after boot: nr_hugepages in /sys/kernel/mm/hugepages, or `hugepages=N` on the "
           "kernel's command line");
}

static void check_heap(struct planner *p, const struct facts *f, const struct p_memory *m)
{
    for (const char *const *h = f->heaps; h && *h; h++)
        if (!strcmp(*h, m->m->heap))
            return;
    if (!f->heaps)
        return;
    struct diag *d =
        diag(p->c->diags, W1024, m->m->by_at, "the host had no DMA heap `%s` for memory `%s`", m->m->heap, m->m->name);
    diag_note(d, src_at(f->heaps_at), "these it had");
    diag_help(d, "take huge pages: remove `by heap`");
}

static void check_places(struct planner *p, const struct facts *f, const struct p_machine *m)
{
    for (uint32_t i = 0; i < m->memory.n; i++) {
        const struct p_memory *x = &m->memory.at[i];
        if (x->provider == BY_HUGETLB && x->size)
            check_pool(p, f, x);
        else if (x->provider == BY_HEAP && x->m->heap)
            check_heap(p, f, x);
    }
}

/* ---- devices ---- */

static bool has_flag(const char *const *flags, const char *word)
{
    for (; flags && *flags; flags++)
        if (!strcmp(*flags, word))
            return true;
    return false;
}

static void check_regions(struct planner *p, const struct p_device *d, const struct facts_device *x)
{
    for (uint32_t i = 0; i < d->regions.n; i++) {
        const struct p_region *r = d->regions.at[i];
        const struct facts_region *g = NULL;
        if (r->window || r->mode == REGION_DROP)
            continue;
        for (uint32_t k = 0; k < x->nregions && !g; k++)
            g = x->regions[k].index == r->index ? &x->regions[k] : NULL;
        if (!g || !g->size) {
            struct diag *e =
                diag(p->c->diags, E1026, r->at, "VFIO does not provide region %u of `%s`", r->index, d->name);
            diag_note(e, src_at(g ? g->at : x->at), "%s is here", x->name);
            diag_help(e, "take the tree from the running host, or drop the region: `region %u drop;`", r->index);
        } else if (r->size && g->size != r->size) {
            struct diag *e = diag(p->c->diags, E1027, r->at,
                                  "region %u of `%s` has 0x%" PRIx64 " bytes here, but 0x%" PRIx64 " on the host",
                                  r->index, d->name, r->size, g->size);
            diag_note(e, src_at(g->at), "VFIO reports its size here");
            diag_help(e, "take the tree from the running host: `host live;`, or /sys/firmware/fdt");
        } else if (r->mode == REGION_MAP && !has_flag(g->flags, "mmap")) {
            struct diag *e = diag(p->c->diags, W1022, r->at,
                                  "VFIO cannot map region %u of `%s`: each access is forwarded", r->index, d->name);
            diag_note(e, src_at(g->at), "it has no flag \"mmap\"");
            diag_help(e, "write `region %u trap;` if this is intended", r->index);
        }
    }
}

static void check_irqs(struct planner *p, const struct p_device *d, const struct facts_device *x)
{
    for (uint32_t i = 0; i < d->irqs.n; i++) {
        const struct p_irq *q = d->irqs.at[i];
        const struct facts_irq *g = NULL;
        if (q->drop || q->source != IRQ_DEVICE)
            continue;
        for (uint32_t k = 0; k < x->nirqs && !g; k++)
            g = x->irqs[k].index == q->index ? &x->irqs[k] : NULL;
        if (!g || !g->count || !has_flag(g->flags, "eventfd")) {
            struct diag *e =
                diag(p->c->diags, E1028, q->at, "VFIO does not provide interrupt %u of `%s`", q->index, d->name);
            diag_note(e, src_at(g ? g->at : x->at), "%s is here", x->name);
            diag_help(e, "drop it: %s%s", q->host ? describe_irq_drop(p->c, q) : "`drop`", describe_irq_need(p->c, q));
        } else if (q->trigger && q->trigger->level != has_flag(g->flags, "automasked")) {
            struct diag *e = diag(p->c->diags, E1029, q->at, "interrupt %u of `%s` is %s here, but %s on the host",
                                  q->index, d->name, q->trigger->level ? "level-triggered" : "an edge",
                                  q->trigger->level ? "an edge" : "level-triggered");
            diag_note(e, src_at(g->at), "VFIO masks level-triggered interrupts: \"automasked\"");
            diag_help(e, "write a trigger of the host's kind after the line: `irq %u to NUMBER TRIGGER;`", q->index);
        }
    }
}

/*
 * Reports mappings in a reserved range of the device's group. A range of type "direct-relaxable" can be mapped: type1
 * and iommufd both leave it to user space.
 */
static void check_reserved_ranges(struct planner *p, const struct p_device *d, const struct facts_group *g)
{
    for (uint32_t k = 0; k < d->dmas.n; k++) {
        const struct p_dma *dma = d->dmas.at[k];
        for (uint32_t i = 0; i < dma->nmaps; i++) {
            const struct p_dma_map *x = &dma->maps[i];
            const struct facts_range *bad = NULL;
            for (uint32_t r = 0; r < g->nreserved && x->size && !bad; r++)
                if (g->reserved[r].first <= x->iova + (x->size - 1) && x->iova <= g->reserved[r].last &&
                    strcmp(g->reserved[r].type, "direct-relaxable") != 0)
                    bad = &g->reserved[r];
            if (!bad)
                continue;
            struct diag *e = diag(p->c->diags, E1030, dma->written ? x->at : dma->at,
                                  "cannot map 0x%" PRIx64 "..0x%" PRIx64 " for `%s`: the IOMMU reserves 0x%" PRIx64
                                  "..0x%" PRIx64 " (%s)",
                                  x->iova, x->iova + (x->size - 1), d->name, bad->first, bad->last, bad->type);
            diag_note(e, src_at(bad->at), "group %" PRIu32 " reserves it here", g->number);
            if (x->memory)
                diag_help(e, "move memory `%s`, or map only a part of it: `dma NAME { map %s offset N size N; }`",
                          x->memory->m->name, x->memory->m->name);
            else
                diag_help(e, "map it at another address: `at ADDRESS`");
            return;
        }
    }
}

static bool reaches_memory(const struct p_device *d)
{
    for (uint32_t i = 0; i < d->dmas.n; i++)
        if (d->dmas.at[i]->nmaps || d->dmas.at[i]->mode == DMA_GUEST_IOMMU)
            return true;
    return false;
}

void check_facts(struct planner *p)
{
    const struct facts *f = p->facts;
    check_page_size(p, f);
    check_board(p, f);
    for (uint32_t i = 0; i < p->plan->machines.n; i++) {
        const struct p_machine *m = p->plan->machines.at[i];
        check_cpus_online(p, f, m);
        check_memlock(p, f, m);
        check_places(p, f, m);
        for (uint32_t k = 0; k < m->devices.n; k++) {
            const struct p_device *d = m->devices.at[k];
            const char *name = d->sysfs_name ? intern(p->c->names, d->sysfs_name) : NULL;
            const struct facts_device *x = name ? map_getp(&f->device, name, NULL) : NULL;
            const struct facts_group *g = name ? map_getp(&f->member_of, name, NULL) : NULL;
            if (x) {
                check_regions(p, d, x);
                check_irqs(p, d, x);
            }
            if (g) {
                check_reserved_ranges(p, d, g);
            } else if (name && reaches_memory(d)) {
                struct diag *e = diag(p->c->diags, W1023, d->at, "%s is in no IOMMU group of the host", name);
                diag_fact(e, "%s: it has %" PRIu32 " group%s", f->file, f->ngroups, f->ngroups == 1 ? "" : "s");
                diag_help(e, "bind it to VFIO, because on arm64 a device gets its group when a driver is first bound "
                             "to it (`machrt bind`), and probe again");
            }
        }
    }
}
