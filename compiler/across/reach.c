// SPDX-License-Identifier: MIT
// Checks what all machines together need of the IOMMU, and whose memory devices reach beyond what their maps ask for.
#include "across/across.h"
#include "base/sorted.h"
#include "dma/dma.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- entries for sub-windows ---- */

/* Returns the number of LIODNs that a domain sets up; it is 1 if the tree does not list them. */
static uint32_t count_liodns(const struct p_dma *dma)
{
    return dma->ids && !dma->has_liodn_index && dma->ids->len >= 4 ? dma->ids->len / 4 : 1;
}

/* A domain and the entries of the PAMU's table that it uses. */
struct entry_user {
    const struct p_machine *machine;
    const struct p_dma *dma;
    uint64_t entries;
};

/*
 * The entries that the vendor's VFIO asks for: it gives all LIODNs of a device one window, whose sub-windows are all
 * completely mapped (runtime/backend/pamu.c, choose_geometry()).
 */
static uint64_t vendor_entries(const struct p_device *d)
{
    uint64_t liodns = 0, whole = 0;
    for (uint32_t n = 0; n < d->dmas.n; n++) {
        const struct p_dma *dma = d->dmas.at[n];
        if (dma->way != IOMMU_WINDOWS || !dma->nmaps)
            continue;
        liodns += count_liodns(dma);
        whole = dma->whole > whole ? dma->whole : whole;
    }
    return whole > 1 ? (whole - 1) * liodns : 0;
}

/* Sums up the entries for sub-windows. If they do not fit, reports where, and which domain uses most of them. */
static void check_entries(struct planner *p)
{
    struct entry_user most = {NULL, NULL, 0}, last = {NULL, NULL, 0};
    uint64_t sum = 0;
    for (uint32_t i = 0; i < p->plan->machines.n; i++) {
        const struct p_machine *m = p->plan->machines.at[i];
        for (uint32_t k = 0; k < m->devices.n; k++) {
            p->plan->vendor_spaact += vendor_entries(m->devices.at[k]);
            for (uint32_t n = 0; n < m->devices.at[k]->dmas.n; n++) {
                const struct p_dma *dma = m->devices.at[k]->dmas.at[n];
                if (dma->way != IOMMU_WINDOWS || dma->subwindows < 2)
                    continue;
                struct entry_user t = {m, dma, (uint64_t)(dma->subwindows - 1) * count_liodns(dma)};
                sum += t.entries;
                most = t.entries > most.entries ? t : most;
                if (sum > pamu_hardware.spaact && !last.dma)
                    last = t;
            }
        }
    }
    p->plan->spaact = sum;
    if (!last.dma && most.dma && p->plan->vendor_spaact > pamu_hardware.spaact) {
        struct diag *d =
            diag(p->c->diags, W0306, most.dma->at,
                 "the vendor's VFIO would need %" PRIu64 " entries of a table of %u for the sub-windows of all "
                 "machines",
                 p->plan->vendor_spaact, pamu_hardware.spaact);
        diag_fact(d, "it maps whole sub-windows only; %" PRIu64 " would do if it did not", sum);
        diag_help(d, "make the sizes of what is mapped multiples of larger powers of two");
    }
    if (!last.dma)
        return;
    struct diag *d =
        diag(p->c->diags, E0656, last.dma->at,
             "the sub-windows of all machines need %" PRIu64 " entries of a table of %u", sum, pamu_hardware.spaact);
    diag_label(d, "no longer fits");
    diag_fact(d,
              "a window of N sub-windows needs N - 1 for each LIODN; `%s` of machine `%s` needs most: %" PRIu64
              ", for %u LIODN%s with %u",
              most.dma->device->name, most.machine->name, most.entries, count_liodns(most.dma),
              count_liodns(most.dma) > 1 ? "s" : "", most.dma->subwindows);
    diag_help(d, "start memory at multiples of large powers of two, and map no more than "
                 "the devices need");
}

/* ---- over-grants ---- */

struct owned_memory {
    uint64_t first, last, reach; // reach: the highest `last` of this entry and all before it
    const struct p_machine *machine;
    const struct p_memory *memory;
};

typedef VEC(struct owned_memory) owned_list;

static int by_first(const void *a, const void *b)
{
    const struct owned_memory *x = a, *y = b;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return (x->last > y->last) - (x->last < y->last);
}

/* Lists the memory `from physical` of all machines, sorted by address. */
static void list_memory(struct planner *p, owned_list *list)
{
    for (uint32_t i = 0; i < p->plan->machines.n; i++) {
        const struct p_machine *m = p->plan->machines.at[i];
        for (uint32_t k = 0; k < m->memory.n; k++) {
            const struct p_memory *x = &m->memory.at[k];
            uint64_t first = x->m->back_arg.value;
            if (x->m->backing == BACK_PHYSICAL && x->size && first + (x->size - 1) >= first)
                vec_push(draft_arena(p->c), list, ((struct owned_memory){first, first + (x->size - 1), 0, m, x}));
        }
    }
    if (list->n)
        qsort(list->at, list->n, sizeof *list->at, by_first);
    for (uint32_t i = 0; i < list->n; i++)
        list->at[i].reach = i && list->at[i - 1].reach > list->at[i].last ? list->at[i - 1].reach : list->at[i].last;
}

/* Returns memory in [first, last] that the machine's devices must not access; or NULL. */
static const struct owned_memory *find_owner(const owned_list *list, const struct over_grant *g, uint64_t first,
                                             uint64_t last)
{
    uint32_t low = sorted_up_to(list->at, list->n, sizeof *list->at, last);
    for (; low && list->at[low - 1].reach >= first; low--) {
        const struct owned_memory *o = &list->at[low - 1];
        bool own = o->machine == g->machine && !o->memory->m->no_dma && (!o->memory->m->readonly || g->map->readonly);
        if (o->last >= first && !own)
            return o;
    }
    return NULL;
}

struct search {
    struct planner *p;
    const struct p_machine *m;
    const struct dt_node *found;
};

/* Stops at registers and reserved memory of another owner. RAM of the host is skipped: its use is not known. */
static bool find_foreign_region(void *opaque, const struct host_region *h)
{
    struct search *s = opaque;
    const struct owner *o = s->p->host_owner[h->node->id];
    const struct dt_prop *type = dt_prop(s->p->host->tree, h->node, intern(s->p->c->names, "device_type"));
    const char *word = type ? dt_string(type, 0) : NULL;
    if ((o && o->machine == s->m) || (word && !strcmp(word, "memory")))
        return true;
    s->found = h->node;
    return false;
}

static void check_over_grant(struct planner *p, const owned_list *list, const struct over_grant *g)
{
    struct arena *a = p->c->arena;
    struct dma_want w = want_of(p, g->map);
    uint64_t more = g->map->granted - g->map->size, first = w.host + g->map->size, last = first + (more - 1);
    const struct owned_memory *o = NULL;
    struct search s = {.p = p, .m = g->machine};
    const char *reach = "";
    if (w.chunk == UINT64_MAX) { // otherwise it is the rest of a huge page, which belongs to the memory
        o = find_owner(list, g, first, last);
        if (!o && p->host)
            host_overlaps(p->host, first, more, find_foreign_region, &s);
        reach = arena_printf(a, ", 0x%" PRIx64 "..0x%" PRIx64 " of the host", first, last);
    }
    enum msg code = o || s.found ? E0657 : W0602;
    struct diag *d = diag_map(p, g->dma, g->map, code,
                              arena_printf(a, "`%s` can access 0x%" PRIx64 " bytes more than %s%s",
                                           g->dma->device->name, more, mapped_text(p, g->map), reach));
    diag_label(d, "0x%" PRIx64 " bytes are requested", g->map->size);
    if (o)
        diag_note(d, o->memory->m->at, "memory `%s` of machine `%s` is there", o->memory->m->name, o->machine->name);
    else if (s.found)
        diag_fact(d, "%s: %s is there", p->host->file, dt_path(a, s.found));
    diag_fact(d, "with %u sub-windows of 0x%" PRIx64 " bytes, each maps a power of two from its start",
              g->dma->subwindows, g->dma->size / g->dma->subwindows);
    diag_help(d, "choose a size that is a power of two or a multiple of 0x%" PRIx64 ", which is mapped exactly",
              g->even);
}

void check_reach(struct planner *p)
{
    const struct iommu *w = p->iommu;
    owned_list list = {0};
    check_entries(p);
    for (uint32_t i = 0; i < p->plan->machines.n; i++)
        check_group_reach(p, p->plan->machines.at[i]);
    check_functions(p);
    if (!w->over_grants.n)
        return;
    list_memory(p, &list);
    for (uint32_t i = 0; i < w->over_grants.n; i++)
        check_over_grant(p, &list, &w->over_grants.at[i]);
}
