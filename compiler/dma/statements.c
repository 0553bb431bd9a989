// SPDX-License-Identifier: MIT
// Each device's dma statements: which there are, what is meant, and what its IOMMU makes of it.
#include "dma/dma.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- maps, as the solvers see them ---- */

struct dma_want want_of(const struct planner *p, const struct p_dma_map *m)
{
    struct dma_want w = {.iova = m->iova, .size = m->size, .host = m->offset, .readonly = m->readonly};
    w.chunk = UINT64_MAX;
    if (m->what == MAP_MSI_BANK) {
        w.bank = true;
        w.host = 0;
    } else if (m->what == MAP_REGION) {
        w.same = (uintptr_t)m->region;
        w.host += m->region->host == UINT64_MAX ? 0 : m->region->host;
    } else {
        const struct m_memory *x = m->memory->m;
        w.same = (uintptr_t)m->memory;
        if (x->backing == BACK_PHYSICAL)
            w.host += x->back_arg.value;
        else // the kernel gives it page by page, each wherever it likes
            w.chunk = x->backing == BACK_HUGETLB ? x->back_arg.value : p->model->page_size;
    }
    return w;
}

const char *mapped_text(struct planner *p, const struct p_dma_map *m)
{
    struct arena *a = p->c->arena;
    if (m->what == MAP_MSI_BANK)
        return arena_printf(a, "MSI bank %u", m->bank);
    return m->what == MAP_REGION ? arena_printf(a, "region %u of `%s`", m->region->index, m->region->device->name)
                                 : arena_printf(a, "memory `%s`", m->memory->m->name);
}

struct diag *diag_map(struct planner *p, const struct p_dma *dma, const struct p_dma_map *m, enum msg code,
                      const char *text)
{
    struct diag *d = diag(p->c->diags, code, dma->written ? m->at : dma->at, "%s", text);
    if (m->what == MAP_MEMORY)
        diag_note(d, m->memory->m->at, "the memory is described here");
    return d;
}

const char *map_at(struct planner *p, const struct p_dma *dma, const struct p_dma_map *m, uint64_t iova)
{
    struct arena *a = p->c->arena;
    unsigned long long at = iova;
    if (m->what == MAP_MSI_BANK)
        return arena_printf(a, "map msi-bank %u at 0x%llx;", m->bank, at);
    if (m->what == MAP_REGION)
        return arena_printf(a, "map region %u at 0x%llx;", m->region->index, at);
    return dma->written ? arena_printf(a, "map %s at 0x%llx;", m->memory->m->name, at)
                        : arena_printf(a, "memory %s at 0x%llx ...;", m->memory->m->name, at);
}

static int by_iova(const void *a, const void *b)
{
    const struct p_dma_map *x = a, *y = b;
    if (x->iova != y->iova)
        return x->iova < y->iova ? -1 : 1;
    return (x->bank > y->bank) - (x->bank < y->bank); // banks that have no place yet
}

static void sort_maps(map_list *maps)
{
    if (maps->n)
        qsort(maps->at, maps->n, sizeof *maps->at, by_iova);
}

/* Pieces of one memory that lie side by side on both sides are one mapping. */
static void join_maps(struct planner *p, map_list *maps)
{
    uint32_t n = 0;
    sort_maps(maps);
    for (uint32_t i = 0; i < maps->n; i++) {
        struct p_dma_map *m = &maps->at[i];
        m->granted = m->size;
        struct dma_want w = want_of(p, m), last = n ? want_of(p, &maps->at[n - 1]) : w;
        if (n && pagetable_joins(&last, &w)) {
            maps->at[n - 1].size += m->size;
            maps->at[n - 1].granted = maps->at[n - 1].size;
        } else {
            maps->at[n++] = *m;
        }
    }
    maps->n = n;
}

/* ---- a dma ---- */

static struct p_dma *new_domain(struct planner *p, struct p_device *d, uint8_t mode, const char *name, struct src where)
{
    struct p_dma *dma = NEW(p->c->arena, struct p_dma);
    dma->device = d;
    dma->mode = mode;
    dma->name = name;
    dma->at = where;
    dma->endpoint = UINT32_MAX;
    vec_push(p->c->arena, &d->dmas, dma);
    return dma;
}

static bool solve(struct planner *p, struct p_dma *dma, const struct m_channel *how, map_list *maps)
{
    dma->way = iommu_way(p);
    if (!maps->n)
        return true;
    join_maps(p, maps);
    bool ok = dma->way == IOMMU_WINDOWS ? solve_windows(p, dma, how, maps)
              : dma->way == IOMMU_TCES  ? solve_tces(p, dma, maps)
                                        : solve_tables(p, dma, maps);
    if (!ok)
        return false;
    sort_maps(maps); // banks have their places now
    struct p_dma_map *list = arena_array(p->c->arena, maps->n, sizeof *list);
    memcpy(list, maps->at, maps->n * sizeof *list);
    dma->maps = list;
    dma->nmaps = maps->n;
    // Those of a PAMU's windows that are larger than they should be: the owners are known later.
    for (uint32_t i = 0; i < dma->nmaps; i++)
        if (list[i].granted > list[i].size)
            vec_push(draft_arena(p->c), &p->dma->over_grants,
                     ((struct over_grant){p->m, dma, &list[i],
                                          dma->size / (dma->size / 4096 < 256 ? dma->size / 4096 : 256)}));
    return true;
}

/* All memory: solved for the first device of the machine, and the same for all others. */
static void map_all(struct planner *p, struct p_dma *dma)
{
    struct dma_work *w = p->dma;
    if (!w->shared) {
        map_list maps = {0};
        intend_all(p, dma, &maps, false);
        w->shared = dma;
        solve(p, dma, NULL, &maps);
        return;
    }
    const struct p_dma *s = w->shared;
    dma->way = s->way;
    dma->maps = s->maps;
    dma->nmaps = s->nmaps;
    dma->has_window = s->has_window;
    dma->window = s->window;
    dma->size = s->size;
    dma->subwindows = s->subwindows;
    dma->whole = s->whole;
    dma->page_shift = s->page_shift;
}

/* A clause that the host's IOMMU has no use for would be lost in silence. */
static void foreign_clause(struct planner *p, struct src at, const char *clause, const char *of, const char *instead)
{
    static const char *const ways[] = {"page tables", "PAMU windows", "TCE windows"};
    struct diag *d =
        diag(p->c->diags, E0664, at, "`%s` is for %s, and the host's IOMMU has %s", clause, of, ways[iommu_way(p)]);
    diag_help(d, "%s", instead);
}

static void check_clauses(struct planner *p, const struct m_channel *h)
{
    static const char leave[] = "leave it away, or write `iommu pamu` in the `host` statement if the board has one";
    uint8_t way = iommu_way(p);
    if (iommu_unknown(p))
        return;
    if (h->subwindows.set && way != IOMMU_WINDOWS)
        foreign_clause(p, h->subwindows.at, "subwindows", "a PAMU", leave);
    if (h->liodn_index.set && way != IOMMU_WINDOWS)
        foreign_clause(p, h->liodn_index.at, "liodn-index", "a PAMU", leave);
    if (h->operation.set && way != IOMMU_WINDOWS)
        foreign_clause(p, h->operation.at, "operation", "a PAMU", leave);
    if (h->stream.set && way != IOMMU_PAGE_TABLES)
        foreign_clause(p, h->stream.at, "stream", "page tables",
                       way == IOMMU_WINDOWS ? "write `liodn-index N`, which counts the LIODNs of the device"
                                            : "leave it away");
}

static void use_channel(struct planner *p, struct p_dma *dma, const struct m_channel *h)
{
    const struct dev_class *class = dma->device->class;
    dma->has_window = h->window.set && h->size.set;
    dma->window = h->window.value;
    dma->size = h->size.value;
    dma->subwindows = (uint32_t)h->subwindows.value;
    if (h->subwindows.set) {
        uint64_t n = h->subwindows.value, least = pamu_hardware.least;
        uint32_t most = pamu_limits(p)->subwindows;
        if (!n || (n & (n - 1)) || n > most) {
            struct diag *d = diag(p->c->diags, E0633, h->subwindows.at,
                                  "%" PRIu64 " sub-windows: a power of two from 1 to %u is possible", n, most);
            say_limits(p, d);
            diag_help(d, "leave `subwindows` away: the number is found for what is mapped");
        } else if (dma->has_window && dma->size / n < least)
            diag_help(diag(p->c->diags, E0633, h->subwindows.at,
                           "%" PRIu64 " sub-windows of 0x%" PRIx64 " bytes would be smaller than a page each", n,
                           dma->size),
                      "write `subwindows %" PRIu64 "` or fewer", dma->size / least);
    }
    dma->has_liodn_index = h->liodn_index.set;
    dma->liodn_index = (uint32_t)h->liodn_index.value;
    dma->has_stream = h->stream.set;
    dma->stream = (uint32_t)h->stream.value;
    dma->has_operation = h->operation.set;
    dma->operation = (uint32_t)h->operation.value;
    bool mapped = dma->mode == DMA_ALL || dma->mode == DMA_WINDOW;
    if (!dma->has_operation && class && class->dma_operation && mapped && iommu_way(p) == IOMMU_WINDOWS)
        dma->has_operation = operation_named(class->dma_operation, &dma->operation);
    if (h->stash.kind != STASH_NONE)
        plan_stash(p, dma, &h->stash);
}

/* The ids of the device's node, or of the one above that it has its stream from. */
static void take_ids(struct planner *p, struct p_dma *dma)
{
    for (const struct dt_node *n = dma->device->host; n && !dma->ids; n = n->parent)
        dma->ids = ids_of(p, n);
}

/* Two statements for one stream: which would count? */
static void check_streams(struct planner *p, const struct p_device *d, const struct m_part *part)
{
    struct map seen = {0}; // (0: LIODN index, 1: stream; number) -> opt_u64
    for (uint32_t i = 0; i < part->dmas.n; i++) {
        const struct m_channel *h = part->dmas.at[i].how;
        const struct opt_u64 *numbers[] = {&h->liodn_index, &h->stream};
        for (uint32_t k = 0; k < 2; k++) {
            uint64_t first;
            if (!numbers[k]->set)
                continue;
            if (!map_get(&seen, k, numbers[k]->value, &first)) {
                map_put(draft_arena(p->c), &seen, k, numbers[k]->value, (uintptr_t)numbers[k]);
                continue;
            }
            struct diag *g = diag(p->c->diags, E0634, numbers[k]->at, "%s %" PRIu64 " of `%s` has two dma statements",
                                  k ? "stream" : "LIODN", numbers[k]->value, d->name);
            diag_note(g, ((const struct opt_u64 *)(uintptr_t)first)->at, "the first is here");
            diag_help(g, "put what both of them map into one, or give one another number");
        }
    }
}

static void map_window(struct planner *p, struct p_dma *dma, const struct m_dma *m)
{
    map_list maps = {0};
    uint32_t errors = diags_errors(p->c->diags);
    dma->written = m->maps.n != 0;
    if (dma->written) {
        intend_written(p, dma, m, &maps);
    } else if (dma->has_window) {
        intend_all(p, dma, &maps, true);
        if (!maps.n) {
            struct diag *g =
                diag(p->c->diags, E0637, m->at, "no memory region lies in the window 0x%" PRIx64 "..0x%" PRIx64,
                     dma->window, dma->window + (dma->size - 1));
            diag_help(g, "make it large enough for a whole one, or say what it is for: `{ map region 0; }`");
        }
    }
    if (diags_errors(p->c->diags) == errors)
        solve(p, dma, m->how, &maps);
}

static void one_dma(struct planner *p, struct p_device *d, const struct m_dma *m)
{
    struct p_dma *dma = new_domain(p, d, m->mode, m->mode == DMA_WINDOW ? m->name : NULL, m->at);
    uint32_t errors = diags_errors(p->c->diags);
    if (m->mode != DMA_NONE && m->mode != DMA_IDENTITY && !behind_iommu(p, d)) {
        struct diag *g =
            diag(p->c->diags, E0636, m->at, "`%s` is behind no IOMMU: nothing can hold it to what is mapped", d->name);
        say_disabled(p, d, g);
        diag_help(
            g, "write `dma none;` if it does none, or `dma identity unsafe;` if the guest is trusted with all of the "
               "host's memory");
        return;
    }
    if (m->mode == DMA_ALL || m->mode == DMA_WINDOW)
        check_clauses(p, m->how);
    use_channel(p, dma, m->how);
    if (m->mode == DMA_IDENTITY)
        check_identity(p, m);
    else if (m->mode == DMA_GUEST_IOMMU)
        use_guest_iommu(p, dma, m->name, m->at);
    if (m->mode != DMA_ALL && m->mode != DMA_WINDOW)
        return;
    take_ids(p, dma);
    check_ids(p, dma, m->how);
    if (m->mode == DMA_ALL)
        map_all(p, dma);
    else if (diags_errors(p->c->diags) == errors)
        map_window(p, dma, m);
}

static void default_dma(struct planner *p, struct p_device *d)
{
    struct p_dma *dma = new_domain(p, d, DMA_ALL, NULL, d->at);
    take_ids(p, dma);
    check_ids(p, dma, NULL);
    const struct dev_class *class = d->class;
    if (class && class->dma_operation && iommu_way(p) == IOMMU_WINDOWS)
        dma->has_operation = operation_named(class->dma_operation, &dma->operation);
    map_all(p, dma);
}

/* A word said of the whole device holds for what is below it; windows are those of one stream. */
static bool as_above(struct planner *p, struct p_device *d)
{
    const struct p_dma *above = d->parent && d->parent->dmas.n ? d->parent->dmas.at[0] : NULL;
    if (!above || above->mode == DMA_WINDOW || above->mode == DMA_ALL)
        return false;
    struct p_dma *dma = new_domain(p, d, above->mode, NULL, above->at);
    if (above->mode == DMA_GUEST_IOMMU)
        use_guest_iommu(p, dma, above->guest_iommu, above->at);
    return true;
}

void plan_dma(struct planner *p, struct p_device *d, const struct m_part *part)
{
    for (uint32_t i = 0; part && i < part->dmas.n; i++)
        one_dma(p, d, &part->dmas.at[i]);
    if (part && part->dmas.n > 1) {
        check_streams(p, d, part);
        check_streams_share(p, d);
    }
    if (d->dmas.n || d->kind == DEV_EMULATED)
        return;
    // What is below the device of the statement uses the same stream, unless it has one of its own.
    if (d->parent && (p->model->iommu == IOMMU_NONE || !own_stream(p, d->host)))
        return;
    if (as_above(p, d))
        return;
    if (d->kind == DEV_PLATFORM && d->host && !d->regions.n && !d->irqs.n && !own_stream(p, d->host))
        return; // a description without registers does not move data, unless it has a stream all the same
    if (behind_iommu(p, d)) {
        default_dma(p, d);
        return;
    }
    struct diag *g =
        diag(p->c->diags, E0638, d->at, "nothing is said of the DMA of `%s`, and it is behind no IOMMU", d->name);
    say_disabled(p, d, g);
    const char *where = "";
    if (d->pass && d->pass->assigned) // by the fate of a reference: there are no braces to write it into
        where = arena_printf(p->c->arena, "in a `passthrough %s { ... }` of its own, ", dt_path(p->c->arena, d->host));
    diag_help(g,
              "%swrite `dma none;` if it does none, or `dma identity unsafe;` if the guest is trusted with all of the "
              "host's memory",
              where);
}

/* ---- a machine, and all of them ---- */

void dma_begin(struct planner *p)
{
    p->dma = NEW(draft_arena(p->c), struct dma_work);
}

void dma_machine(struct planner *p)
{
    struct dma_work *w = p->dma;
    const struct platform *platform = p->m->m->platform;
    w->shared = NULL;
    w->endpoints = 0;
    w->reserved.n = w->spans.n = 0;
    if (p->facts)
        return; // the running host has said which they are: across/facts.c
    for (const struct iommu_class *k = p->schemas->iommu_classes; k; k = k->next) {
        if (k->way != IOMMU_PAGE_TABLES || (k->arch && k->arch != platform->arch))
            continue;
        for (uint32_t i = 0; i < k->nreserved; i++) {
            const struct iommu_reserved *r = &k->reserved[i];
            vec_push(draft_arena(p->c), &w->reserved, r);
            vec_push(draft_arena(p->c), &w->spans, ((struct dma_span){r->first, r->first + (r->size - 1)}));
        }
    }
}
