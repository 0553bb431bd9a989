// SPDX-License-Identifier: MIT
/*
 * Devices that the host's IOMMU cannot tell apart (a group, as a snapshot of the host lists them) have one address
 * space: what is mapped for one is mapped for all. In the guest, PCI functions of a group are below one host bridge, or
 * the guest would take them for devices that it can keep apart.
 */
#include "dma/dma.h"
#include "facts/facts.h"

#include <inttypes.h>

static bool same_maps(const struct p_dma *a, const struct p_dma *b)
{
    if (a->maps == b->maps && a->nmaps == b->nmaps)
        return true; // `dma all`, most of the time
    bool same = a->nmaps == b->nmaps;
    for (uint32_t i = 0; same && i < a->nmaps; i++) {
        const struct p_dma_map *x = &a->maps[i], *y = &b->maps[i];
        same = x->what == y->what && x->memory == y->memory && x->region == y->region && x->bank == y->bank &&
               x->offset == y->offset && x->size == y->size && x->iova == y->iova && x->readonly == y->readonly;
    }
    return same;
}

static bool same_reach(const struct p_device *a, const struct p_device *b)
{
    bool same = a->dmas.n == b->dmas.n;
    for (uint32_t i = 0; same && i < a->dmas.n; i++) {
        const struct p_dma *x = a->dmas.at[i], *y = b->dmas.at[i];
        // Which of the two modes it is does not matter where the same is mapped.
        bool guest = x->mode == DMA_GUEST_IOMMU || y->mode == DMA_GUEST_IOMMU;
        same = same_maps(x, y) && (!guest || (x->mode == y->mode && x->guest_iommu == y->guest_iommu));
    }
    return same;
}

static bool guest_owned(const struct p_device *d)
{
    return d->dmas.n && d->dmas.at[0]->mode == DMA_GUEST_IOMMU;
}

static void compare(struct planner *p, const struct facts_group *g, const struct p_device *a, const struct p_device *b)
{
    struct src at = b->dmas.n ? b->dmas.at[0]->at : b->at, other = a->dmas.n ? a->dmas.at[0]->at : a->at;
    struct diag *d = NULL;
    if (!same_reach(a, b)) {
        d = diag(p->c->diags, E0668, at, "`%s` and `%s` are in one IOMMU group, and are to reach different things",
                 b->name, a->name);
        diag_note(d, other, "the other one is said here");
        diag_help(d, "write the same `dma` for both: what is mapped for one is mapped for the other");
    } else if (guest_owned(b) && a->bus && b->bus && a->bus != b->bus) {
        d = diag(p->c->diags, E0669, b->at,
                 "`%s` and `%s` are in one IOMMU group, and on two buses of the guest: it would keep them apart",
                 b->name, a->name);
        diag_note(d, a->at, "this one is on `%s`", a->bus);
        diag_help(d, "put both on one bus: `on %s slot N`", a->bus);
    }
    if (d)
        diag_fact(d, "%s: group %" PRIu32, p->facts->file, g->number);
}

void check_groups(struct planner *p, const struct p_machine *m)
{
    struct map first = {0}; // group -> struct p_device
    for (uint32_t i = 0; p->facts && i < m->devices.n; i++) {
        const struct p_device *d = m->devices.at[i];
        const struct facts_group *g =
            d->sysfs_name && !d->emulated ? map_getp(&p->facts->member_of, d->sysfs_name, NULL) : NULL;
        const struct p_device *one = g ? map_getp(&first, g, NULL) : NULL;
        if (g && !one)
            map_putp(draft_arena(p->c), &first, g, NULL, d);
        else if (g)
            compare(p, g, one, d);
    }
}
