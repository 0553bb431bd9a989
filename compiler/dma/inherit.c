// SPDX-License-Identifier: MIT
// What a device's DMA inherits from the buses above it, on the host and in the guest: coherence, offset, reach.
#include "dma/dma.h"

#include <inttypes.h>

/* ---- the guest's tree ---- */

static const struct dt_node *guest_target(const void *opaque, const struct dt_prop *prop, uint32_t cell)
{
    (void)opaque;
    for (const struct dt_ref *r = prop->refs; r; r = r->next)
        if (r->offset == (uint64_t)cell * 4)
            return r->target;
    return NULL;
}

void begin_guest_dma_view(struct machine_planner *p)
{
    dma_view_begin(&p->dma->guest, draft_arena(p->c), p->m->tree, guest_target, NULL);
}

struct dma_reach guest_reach(struct machine_planner *p, const struct p_device *d)
{
    return d->node ? dma_reach_of(&p->dma->guest, d->node) : (struct dma_reach){0};
}

bool device_address(struct machine_planner *p, const struct p_dma *dma, const struct p_memory *m, uint64_t offset,
                    uint64_t size, uint64_t *bus)
{
    struct dma_reach reach = guest_reach(p, dma->device);
    uint64_t beyond;
    if (dma_to_bus(&reach, m->address + offset, size, bus, &beyond))
        return true;
    struct diag *d = diag(p->c->diags, E0675, dma->at,
                          "the guest's driver of `%s` cannot use memory `%s` from 0x%" PRIx64
                          " on: it is not in the `dma-ranges` of %s",
                          dma->device->name, m->m->name, beyond, dt_path(p->c->arena, reach.bus));
    diag_note(d, m->m->at, "the memory is 0x%" PRIx64 "..0x%" PRIx64, m->address, m->address + (m->size - 1));
    for (uint32_t i = 0; i < reach.n && i < 4; i++)
        diag_fact(d, "the bus reaches 0x%" PRIx64 "..0x%" PRIx64 " at device address 0x%" PRIx64, reach.windows[i].cpu,
                  reach.windows[i].cpu + (reach.windows[i].size - 1), reach.windows[i].bus);
    diag_help(d, "move the memory, `at ADDRESS`, mark it `no-dma`, or change `dma-ranges` with an `edit` of %s",
              dt_path(p->c->arena, reach.bus));
    return false;
}

/* ---- the host's buses ---- */

void add_windows(struct machine_planner *p, struct diag *d, const struct dma_reach *reach)
{
    for (uint32_t i = 0; i < reach->n && i < 4; i++) {
        const struct dma_window *w = &reach->windows[i];
        diag_fact(d,
                  "%s: through %s, device addresses 0x%" PRIx64 "..0x%" PRIx64 " reach 0x%" PRIx64 "..0x%" PRIx64
                  " of the host",
                  p->host->file, dt_path(p->c->arena, reach->bus), w->bus, w->bus + (w->size - 1), w->cpu,
                  w->cpu + (w->size - 1));
    }
    if (!reach->n)
        diag_fact(d, "%s: through %s, the device reaches nothing", p->host->file, dt_path(p->c->arena, reach->bus));
}

/* Behind an IOMMU: what is mapped must be at device addresses that the buses in front of it carry. */
static void check_mapped(struct machine_planner *p, const struct p_dma *dma, const struct dma_reach *reach)
{
    for (uint32_t i = 0; i < dma->nmaps; i++) {
        const struct p_dma_map *m = &dma->maps[i];
        uint64_t beyond;
        if (!m->size || dma_reaches_bus(reach, m->iova, m->size, &beyond))
            continue;
        struct diag *d =
            diag_map(p->file, dma, m, E0673,
                     arena_printf(p->c->arena,
                                  "`%s` cannot reach %s at device address 0x%" PRIx64 ": the bus it is on does not "
                                  "carry the address",
                                  dma->device->name, mapped_text(p->file, m), beyond));
        diag_label(d, "0x%" PRIx64 "..0x%" PRIx64, m->iova, m->iova + (m->size - 1));
        add_windows(p, d, reach);
        if (m->what != MAP_MEMORY || dma->written)
            diag_help(d, "map it at a device address that the bus carries: `at ADDRESS`");
        else
            diag_help(d,
                      "move the memory to an address that the bus carries, mark it `no-dma`, or map a part of it: `dma "
                      "NAME { map %s size N; }`",
                      m->memory->m->name);
        return;
    }
}

/* Without an IOMMU: what the guest's driver programs must arrive at the memory. Memory that moved is reported already.
 */
static void check_identity_reach(struct machine_planner *p, const struct p_dma *dma, const struct dma_reach *reach)
{
    for (uint32_t i = 0; i < p->m->memory.n; i++) {
        const struct p_memory *m = &p->m->memory.at[i];
        uint64_t physical = m->m->back_arg.value, programmed, wanted, beyond;
        if (m->m->no_dma || m->m->backing != BACK_PHYSICAL || physical != m->address || !m->size)
            continue;
        if (!dma_to_bus(reach, physical, m->size, &wanted, &beyond)) {
            struct diag *d = diag(p->c->diags, E0673, dma->at, "`%s` cannot reach memory `%s` from 0x%" PRIx64 " on",
                                  dma->device->name, m->m->name, beyond);
            diag_note(d, m->m->at, "the memory is 0x%" PRIx64 "..0x%" PRIx64, physical, physical + (m->size - 1));
            add_windows(p, d, reach);
            diag_help(d, "choose memory that the bus reaches, or mark it `no-dma`");
            return;
        }
        if (!device_address(p, dma, m, 0, m->size, &programmed))
            return;
        if (programmed == wanted)
            continue;
        struct diag *d = diag(p->c->diags, E0674, dma->at,
                              "the guest's driver would program device address 0x%" PRIx64
                              " for memory `%s`, and `%s` reaches it at 0x%" PRIx64,
                              programmed, m->m->name, dma->device->name, wanted);
        diag_note(d, m->m->at, "the memory is 0x%" PRIx64 "..0x%" PRIx64, physical, physical + (m->size - 1));
        add_windows(p, d, reach);
        diag_help(
            d, "write `dma bus unsafe;`: machc puts the device on a bus of the guest that translates like the host's");
        return;
    }
}

void check_inherited_reach(struct machine_planner *p, const struct p_device *d)
{
    struct dma_reach reach = d->host ? dma_reach_of(&p->file->dma, d->host) : (struct dma_reach){0};
    for (uint32_t i = 0; i < d->dmas.n; i++) {
        const struct p_dma *dma = d->dmas.at[i];
        if (dma->mode == DMA_IDENTITY && d->host)
            check_identity_reach(p, dma, &reach);
        else if (reach.bus)
            check_mapped(p, dma, &reach);
    }
}

/* ---- coherence ---- */

/* OF_DMA_DEFAULT_COHERENT of the architecture: Linux arch/{arm,arm64} leave it off, riscv and powerpc select it. */
static bool is_coherent_by_default(const struct platform *platform)
{
    return strcmp(platform->arch, "arm") != 0 && strcmp(platform->arch, "arm64") != 0;
}

void write_coherence(struct machine_planner *p, const struct p_device *d)
{
    const struct dt_node *by, *guest_by;
    bool moves = false, fallback = is_coherent_by_default(p->m->m->platform);
    for (uint32_t i = 0; i < d->dmas.n; i++)
        moves = moves || d->dmas.at[i]->mode != DMA_NONE;
    if (!moves || !d->host || !d->node)
        return;
    bool host = dma_is_coherent(&p->file->dma, d->host, fallback, &by);
    if (host == dma_is_coherent(&p->dma->guest, d->node, fallback, &guest_by) || guest_by == d->node)
        return; // the same, or an edit has decided
    const char *why =
        by ? arena_printf(p->c->arena, "inherited on the host, from %s", dt_path(p->c->arena, by)) : "as on the host";
    dt_set_flag(p->m->tree, d->node, host ? "dma-coherent" : "dma-noncoherent",
                origin_of(p, ORIGIN_COMPUTED, d->at, why));
}
