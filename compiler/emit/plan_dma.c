// SPDX-License-Identifier: MIT
// Writes the table of what each device reaches by DMA.
#include "emit/plan_text.h"
#include "machc.h"
#include "plan/describe.h"

const char *dma_domain_text(struct machc *c, const struct p_dma *d)
{
    struct arena *a = c->arena;
    const char *s = dma_mode_word(d->mode);
    if (d->mode == DMA_GUEST_IOMMU && d->guest_iommu)
        s = arena_printf(a, "%s %s", s, d->guest_iommu);
    if (d->has_window)
        s = arena_printf(a, "%s %s", s, span_text(c, d->window, d->size));
    if (d->subwindows)
        s = arena_printf(a, "%s, %u sub-window%s", s, d->subwindows, d->subwindows > 1 ? "s" : "");
    if (d->subwindows && d->whole != d->subwindows)
        s = d->whole ? arena_printf(a, "%s (%u whole ones)", s, d->whole)
                     : arena_printf(a, "%s (not as whole ones)", s);
    if (d->page_shift)
        s = arena_printf(a, "%s, pages %s", s, size_text(c, UINT64_C(1) << d->page_shift));
    if (d->has_liodn_index)
        s = arena_printf(a, "%s, liodn-index %u", s, d->liodn_index);
    for (uint32_t i = 0; d->ids && i < d->ids->len / 4; i++)
        if (!d->has_liodn_index || d->liodn_index == i)
            s = arena_printf(a, "%s, LIODN %u", s, dt_cell(d->ids, i));
    if (d->has_stream)
        s = arena_printf(a, "%s, stream %u", s, d->stream);
    if (d->endpoint != UINT32_MAX)
        s = arena_printf(a, "%s, endpoint 0x%x", s, d->endpoint);
    return d->has_operation ? arena_printf(a, "%s, operation %u", s, d->operation) : s;
}

static const char *stash_text(struct machc *c, const struct p_dma *d)
{
    static const char *const kinds[] = {[STASH_NONE] = "", [STASH_L1] = "l1", [STASH_L2] = "l2",
                                        [STASH_L3] = "l3", [STASH_ID] = "id", [STASH_TPH] = "tph"};
    struct arena *a = c->arena;
    const struct p_stash *to = d->stash;
    if (!to)
        return NULL;
    const char *s = kinds[to->kind];
    if (to->id != UINT32_MAX)
        s = arena_printf(a, to->kind == STASH_ID ? "%s %u" : "%s (id %u)", s, to->id);
    if (to->vcpu != UINT32_MAX)
        s = arena_printf(a, "%s of vcpu %u", s, to->vcpu);
    if (to->host_cpu != UINT32_MAX)
        s = arena_printf(a, "%s, host cpu %u", s, to->host_cpu);
    if (to->persistent)
        s = arena_printf(a, "%s, persistent", s);
    if (to->entry != UINT32_MAX)
        s = arena_printf(a, "%s, entry %u", s, to->entry);
    return to->if_possible ? arena_printf(a, "%s, if-possible", s) : s;
}

static const char *target_text(struct machc *c, const struct p_dma_map *x)
{
    const char *s = "";
    if (x->what == MAP_MEMORY)
        s = x->memory->m->name;
    else if (x->what == MAP_REGION)
        s = arena_printf(c->arena, "region %s", index_text(c, x->region->index, x->region->name));
    else
        s = arena_printf(c->arena, "msi-bank %u", x->bank);
    if (x->offset)
        s = arena_printf(c->arena, "%s+0x%llx", s, (unsigned long long)x->offset);
    return s;
}

// Tells which part of a window, or what else, makes a mapping.
static const char *mapping_text(struct machc *c, const struct p_dma *d, const struct p_dma_map *x)
{
    if (d->way == IOMMU_PAGE_TABLES || !d->has_window)
        return "page table";
    if (d->way == IOMMU_TCES)
        return "TCE window";
    if (d->subwindows < 2)
        return "the window";
    uint64_t piece = d->size / d->subwindows, first = (x->iova - d->window) / piece;
    uint64_t last = (x->iova + (x->granted - 1) - d->window) / piece;
    return first == last
               ? arena_printf(c->arena, "sub-window %llu", (unsigned long long)first)
               : arena_printf(c->arena, "sub-windows %llu-%llu", (unsigned long long)first, (unsigned long long)last);
}

/* Writes the rows of a device on a bus that translates: what it reaches, and what the guest bounces for it. */
static void bus_rows(struct machc *c, struct text_out *t, const struct p_machine *m, const struct p_device *d,
                     const struct p_dma *dma)
{
    const struct p_bus *b = dma->bus;
    uint32_t rows = 0, next = 0; // entries are in the order of memory
    for (uint32_t i = 0; i < m->memory.n; i++) {
        const struct p_memory *x = &m->memory.at[i];
        bool has = next < b->entries.n && b->entries.at[next].memory == x;
        const struct p_bus_entry *e = has ? &b->entries.at[next++] : NULL;
        if (!e && (!is_ram_of_guest(x) || x->pool))
            continue;
        const char *at = "the host's";
        if (e && e->device != UINT64_MAX)
            at = span_text(c, e->device, x->size);
        else if (e && e->addend)
            at = arena_printf(c->arena, "the host's + 0x%llx", (unsigned long long)e->addend);
        table_cell(t, rows ? NULL : d->name);
        table_cell(t, rows ? NULL : dma->name);
        table_cell(t, rows++ ? NULL : dma_domain_text(c, dma));
        table_cell(t, e ? at : NULL);
        table_cell(t, size_text(c, x->size));
        table_cell(t, x->m->name);
        table_cell(t, e ? "rw" : NULL);
        table_cell(t,
                   e ? arena_printf(c->arena, "dma-ranges of %s", dt_path(c->arena, b->node)) : "bounced by the guest");
        table_cell(t, NULL);
        table_cell(t, NULL);
    }
}

void dma_table(struct machc *c, struct text_out *t, const struct p_machine *m)
{
    table_begin(t, "dma", "device", "domain", "mode", "device address", "size", "what", "rights", "how", "over-grant",
                "stash", NULL);
    for (uint32_t i = 0; i < m->devices.n; i++) {
        const struct p_device *d = m->devices.at[i];
        for (uint32_t k = 0; k < d->dmas.n; k++) {
            const struct p_dma *dma = d->dmas.at[k];
            if (dma->bus) {
                bus_rows(c, t, m, d, dma);
                continue;
            }
            for (uint32_t n = 0; n < dma->nmaps || !n; n++) {
                const struct p_dma_map *x = n < dma->nmaps ? &dma->maps[n] : NULL;
                table_cell(t, n ? NULL : d->name);
                table_cell(t, n ? NULL : dma->name);
                table_cell(t, n ? NULL : dma_domain_text(c, dma));
                table_cell(t, x ? span_text(c, x->iova, x->size) : NULL);
                table_cell(t, x ? size_text(c, x->size) : NULL);
                table_cell(t, x ? target_text(c, x) : NULL);
                const char *rights = x && x->readonly ? "r" : "rw";
                table_cell(t, x ? rights : NULL);
                table_cell(t, x ? mapping_text(c, dma, x) : NULL);
                table_cell(t, x && x->granted > x->size ? size_text(c, x->granted - x->size) : NULL);
                table_cell(t, n ? NULL : stash_text(c, dma));
            }
        }
    }
    table_end(t);
}
