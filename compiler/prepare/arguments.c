// SPDX-License-Identifier: MIT
// The arguments of the host's kernel that the machines of a file need together; docs/runtime.md says why each is
// needed.
#include "prepare/prepare.h"

#include <inttypes.h>
#include <stdlib.h>

static void add(struct planner *p, const char *text)
{
    vec_push(p->c->arena, &p->plan->host.arguments, text);
}

/* ---- devices ---- */

static void add_for_devices(struct planner *p)
{
    bool platform = false, behind = false, open = false;
    for (uint32_t i = 0; i < p->plan->machines.n; i++) {
        const struct p_machine *m = p->plan->machines.at[i];
        for (uint32_t k = 0; k < m->devices.n; k++) {
            const struct p_device *d = m->devices.at[k];
            if ((d->kind != DEV_PLATFORM && d->kind != DEV_PCI) || !d->sysfs_name)
                continue;
            platform = platform || d->kind == DEV_PLATFORM;
            for (uint32_t j = 0; j < d->dmas.n; j++) {
                open = open || d->dmas.at[j]->no_iommu;
                behind = behind || (!d->dmas.at[j]->no_iommu && d->kind == DEV_PLATFORM);
            }
        }
    }
    if (platform)
        add(p, NO_RESET_DRIVER);
    if (behind) { // platform devices have no MSIs that an IOMMU could keep apart
        add(p, "iommufd.allow_unsafe_interrupts=1");
        add(p, "vfio_iommu_type1.allow_unsafe_interrupts=1");
    }
    if (open)
        add(p, "vfio.enable_unsafe_noiommu_mode=1");
}

/* ---- cpus ---- */

/* A list of cpus as the kernel reads it, "1-3,8": those whose member of `in` is `wanted`. NULL: there is none. */
static const char *cpu_list(struct arena *a, const bool *in, uint32_t n, bool wanted)
{
    VEC(char) text = {0};
    for (uint32_t from = 0, to; from < n; from = to + 1) {
        to = from;
        if (in[from] != wanted)
            continue;
        while (to + 1 < n && in[to + 1] == wanted)
            to++;
        char run[32];
        int len = snprintf(run, sizeof run, "%s%" PRIu32, text.n ? "," : "", from);
        if (to > from)
            len += snprintf(run + len, sizeof run - (size_t)len, "-%" PRIu32, to);
        for (int i = 0; i < len; i++)
            vec_push(a, &text, run[i]);
    }
    if (text.n)
        vec_push(a, &text, '\0');
    return text.at;
}

static void add_for_cpus(struct planner *p)
{
    uint32_t ncpus = p->host->ncpus;
    struct arena *a = p->c->arena;
    bool *guests = arena_array(draft_arena(p->c), ncpus + 1, sizeof *guests);
    for (uint32_t i = 0; i < p->plan->machines.n; i++) {
        const struct p_machine *m = p->plan->machines.at[i];
        for (uint32_t k = 0; k < m->cpus.n; k++)
            if (m->cpus.at[k].host_cpu < ncpus)
                guests[m->cpus.at[k].host_cpu] = true;
    }
    const char *theirs = cpu_list(a, guests, ncpus, true), *rest = cpu_list(a, guests, ncpus, false);
    if (!theirs || !rest) // a host that has no cpu of its own runs on those of its guests
        return;
    p->plan->host.isolates = true;
    add(p, arena_printf(a, "isolcpus=managed_irq,domain,%s", theirs));
    add(p, arena_printf(a, "nohz_full=%s", theirs));
    add(p, arena_printf(a, "rcu_nocbs=%s", theirs));
    add(p, arena_printf(a, "irqaffinity=%s", rest));
}

/* ---- huge pages ---- */

struct pool {
    uint64_t page, bytes;
};

static int by_page(const void *a, const void *b)
{
    const struct pool *x = a, *y = b;
    return (x->page > y->page) - (x->page < y->page);
}

static void add_for_memory(struct planner *p)
{
    VEC(struct pool) pools = {0};
    struct map shares = {0};
    struct arena *a = p->c->arena;
    for (uint32_t i = 0; i < p->plan->machines.n; i++)
        for (uint32_t k = 0; k < p->plan->machines.at[i]->memory.n; k++) {
            const struct p_memory *m = &p->plan->machines.at[i]->memory.at[k];
            bool pool = m->m->backing == BACK_HUGETLB || m->provider == BY_HUGETLB;
            uint64_t page = m->m->backing == BACK_HUGETLB ? m->m->back_arg.value : m->m->page.value, known;
            const char *share = m->m->share ? intern(p->c->names, m->m->share) : NULL;
            if (!pool || (share && map_get(&shares, (uintptr_t)share, 0, &known)))
                continue;
            if (share) // both ends have one memory
                map_put(draft_arena(p->c), &shares, (uintptr_t)share, 0, 1);
            vec_push(draft_arena(p->c), &pools, ((struct pool){page ? page : HUGE_PAGE, m->size}));
        }
    if (pools.n)
        qsort(pools.at, pools.n, sizeof *pools.at, by_page);
    for (uint32_t i = 0; i < pools.n;) {
        uint64_t pages = 0, page = pools.at[i].page;
        for (; i < pools.n && pools.at[i].page == page; i++)
            pages += (pools.at[i].bytes + (page - 1)) / page;
        add(p, arena_printf(a, "hugepagesz=%" PRIu64 "K hugepages=%" PRIu64, page >> 10, pages));
    }
}

void add_arguments(struct planner *p, bool keepers)
{
    if (keepers)
        add(p, "fw_devlink=rpm");
    add_for_devices(p);
    add_for_cpus(p);
    add_for_memory(p);
}
