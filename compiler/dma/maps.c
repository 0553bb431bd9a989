// SPDX-License-Identifier: MIT
// Helpers for mappings: converts them for the solvers, names them in messages, sorts and joins them.
#include "dma/dma.h"

#include <stdlib.h>

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
        else if (x->backing == BACK_CONTIGUOUS) // huge pages: where the first one is shows at the start
            w.chunk = x->page.set ? x->page.value : HUGE_PAGE;
        else // the kernel allocates it page by page, at any host address
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

const char *move_map_text(struct planner *p, const struct p_dma *dma, const struct p_dma_map *m, uint64_t iova)
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
    return (x->bank > y->bank) - (x->bank < y->bank); // banks without a device address yet
}

void sort_maps(map_list *maps)
{
    if (maps->n)
        qsort(maps->at, maps->n, sizeof *maps->at, by_iova);
}

void join_maps(struct planner *p, map_list *maps)
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
