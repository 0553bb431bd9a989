// SPDX-License-Identifier: MIT
// Runs the solvers for page tables and TCE windows, and reports what they find.
#include "dma/dma.h"

#include <inttypes.h>
#include <stdlib.h>

static struct dma_want *wants_of(struct machine_planner *p, const map_list *maps)
{
    struct dma_want *w = arena_array(draft_arena(p->c), maps->n + 1U, sizeof *w);
    for (uint32_t i = 0; i < maps->n; i++)
        w[i] = want_of(p->file, &maps->at[i]);
    return w;
}

/* Reports `msi-bank` without a PAMU: with other IOMMUs, the host's kernel maps the addresses of MSIs. */
static bool check_banks(struct machine_planner *p, const struct p_dma *dma, const map_list *maps)
{
    for (uint32_t i = 0; i < maps->n; i++) {
        if (maps->at[i].what != MAP_MSI_BANK)
            continue;
        struct diag *d =
            diag(p->c->diags, E0664, maps->at[i].at, "`msi-bank` is for a PAMU, but the host's IOMMU has %s",
                 dma->way == IOMMU_TCES ? "TCE windows" : "page tables");
        diag_help(d, "remove it: the host's kernel maps the addresses of MSIs; or write `iommu pamu` in the `host` "
                     "statement if the board has one");
        return false;
    }
    return true;
}

static void report_unaligned(struct machine_planner *p, const struct p_dma *dma, const struct p_dma_map *m,
                             const struct dma_want *w)
{
    uint64_t page = p->model->page_size, odd = w->host;
    const char *what = "backing";
    if (w->iova % page)
        what = "device address", odd = w->iova;
    else if (w->size % page)
        what = "size", odd = w->size;
    struct diag *d = diag_map(
        p->file, dma, m, E0640,
        arena_printf(p->c->arena, "%s 0x%" PRIx64 " of %s is not page-aligned: an IOMMU maps whole pages of 0x%" PRIx64,
                     what, odd, mapped_text(p->file, m), page));
    diag_help(d, "write 0x%" PRIx64 " or 0x%" PRIx64, odd / page * page, (odd / page + 1) * page);
}

static void report_reserved(struct machine_planner *p, const struct p_dma *dma, const struct p_dma_map *m,
                            const struct iommu_reserved *r)
{
    uint64_t last = r->first + (r->size - 1), page = p->model->page_size;
    struct diag *d = diag_map(p->file, dma, m, E0658,
                              arena_printf(p->c->arena,
                                           "%s at 0x%" PRIx64 "..0x%" PRIx64 " overlaps 0x%" PRIx64 "..0x%" PRIx64
                                           ", which the host's kernel reserves",
                                           mapped_text(p->file, m), m->iova, m->iova + (m->size - 1), r->first, last));
    diag_label(d, "%s", r->what);
    uint64_t above = (last + page) / page * page;
    diag_help(d, "move it to 0x%" PRIx64 " or above: `%s`", above, move_map_text(p->file, dma, m, above));
}

static void report_entries(struct machine_planner *p, const struct p_dma *dma, uint32_t needed)
{
    struct diag *d =
        diag(p->c->diags, E0659, dma->at, "%u or more mappings are needed, but VFIO supports %u for a device", needed,
             (unsigned)DMA_ENTRY_LIMIT);
    diag_help(d, "map larger pieces: what is contiguous both in device addresses and in one memory is one mapping");
}

bool solve_tables(struct machine_planner *p, struct p_dma *dma, map_list *maps)
{
    const struct machine_dma *work = p->dma;
    if (!check_banks(p, dma, maps))
        return false;
    struct dma_want *w = wants_of(p, maps);
    struct pagetable_answer a = pagetable_solve(w, maps->n, p->model->page_size, work->spans.at, work->spans.n);
    const struct p_dma_map *m = &maps->at[a.which];
    if (a.why == PAGETABLE_UNALIGNED)
        report_unaligned(p, dma, m, &w[a.which]);
    else if (a.why == PAGETABLE_RESERVED)
        report_reserved(p, dma, m, work->reserved.at[a.other]);
    else if (a.why == PAGETABLE_ENTRIES)
        report_entries(p, dma, a.mappings);
    return !a.why;
}

/* ---- several streams, one page table ---- */

struct piece {
    const struct p_dma *dma;
    const struct p_dma_map *map;
};

static int by_iova(const void *a, const void *b)
{
    const struct p_dma_map *x = ((const struct piece *)a)->map, *y = ((const struct piece *)b)->map;
    if (x->iova != y->iova)
        return x->iova < y->iova ? -1 : 1;
    return (x > y) - (x < y);
}

static bool is_same_mapping(const struct machine_planner *p, const struct p_dma_map *a, const struct p_dma_map *b)
{
    struct dma_want x = want_of(p->file, a), y = want_of(p->file, b);
    return x.iova == y.iova && x.size == y.size && x.same == y.same && x.host == y.host;
}

/* The stream that may only read could write through the other one's mapping. */
static void report_rights(struct machine_planner *p, const struct p_device *d, const struct piece *x,
                          const struct piece *y)
{
    const struct piece *w = x->map->readonly ? y : x, *r = w == x ? y : x;
    struct diag *g = diag_map(p->file, r->dma, r->map, E0660,
                              arena_printf(p->c->arena,
                                           "dma `%s` of `%s` may only read %s, and dma `%s` may write there, but its "
                                           "streams share one page table",
                                           r->dma->name, d->name, mapped_text(p->file, r->map), w->dma->name));
    diag_note(g, w->dma->written ? w->map->at : w->dma->at, "this one may write");
    diag_help(g, "write `readonly` in both or in neither, or map it at two device addresses");
}

void check_streams_share(struct machine_planner *p, const struct p_device *d)
{
    VEC(struct piece) all = {0};
    if (iommu_way(p->file) == IOMMU_WINDOWS)
        return; // each LIODN has its own window
    for (uint32_t i = 0; i < d->dmas.n; i++)
        for (uint32_t k = 0; k < d->dmas.at[i]->nmaps; k++)
            vec_push(draft_arena(p->c), &all, ((struct piece){d->dmas.at[i], &d->dmas.at[i]->maps[k]}));
    if (!all.n)
        return;
    qsort(all.at, all.n, sizeof *all.at, by_iova);
    uint32_t mappings = 1;
    for (uint32_t i = 1; i < all.n; i++) {
        const struct piece *x = &all.at[i - 1], *y = &all.at[i];
        bool same = is_same_mapping(p, x->map, y->map);
        mappings += !same;
        if (same && x->map->readonly != y->map->readonly) {
            report_rights(p, d, x, y);
            return;
        }
        if (same || y->map->iova > x->map->iova + (x->map->size - 1))
            continue;
        struct diag *g =
            diag_map(p->file, y->dma, y->map, E0660,
                     arena_printf(p->c->arena,
                                  "dma `%s` and dma `%s` of `%s` map different things at device address 0x%" PRIx64
                                  ", but its streams share one page table",
                                  x->dma->name, y->dma->name, d->name, y->map->iova));
        diag_note(g, x->dma->written ? x->map->at : x->dma->at, "the other one maps %s there",
                  mapped_text(p->file, x->map));
        diag_help(g, "move one of them: `%s`",
                  move_map_text(p->file, y->dma, y->map, x->map->iova + (x->map->size - 1) + 1));
        return;
    }
    if (mappings > DMA_ENTRY_LIMIT)
        report_entries(p, d->dmas.at[d->dmas.n - 1], mappings);
}

/* ---- TCE windows ---- */

bool solve_tces(struct machine_planner *p, struct p_dma *dma, map_list *maps)
{
    if (!check_banks(p, dma, maps))
        return false;
    if (dma->has_window) {
        struct diag *d = diag(p->c->diags, E0661, dma->at,
                              "with this IOMMU, the platform chooses the start of a window, not `window 0x%" PRIx64 "`",
                              dma->window);
        diag_help(
            d,
            "remove it: machc makes the window large enough for the mappings, and the runtime reads back its address");
        return false;
    }
    struct spapr_answer a = spapr_solve(wants_of(p, maps), maps->n);
    dma->has_window = true;
    dma->window = 0;
    dma->size = a.size;
    dma->page_shift = a.page_shift;
    return true;
}
