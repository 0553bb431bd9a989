// SPDX-License-Identifier: MIT
/*
 * Checks that devices of one IOMMU group reach the same. The host's IOMMU cannot tell the devices of a group apart:
 * they have one address space, so what is mapped for one is mapped for all. A snapshot of the host lists the groups. In
 * the guest, PCI functions of a group must be below one host bridge, because the guest would isolate them otherwise.
 */
#include "across/across.h"
#include "dma/dma.h"
#include "facts/facts.h"

#include <inttypes.h>

static bool has_same_maps(const struct p_dma *a, const struct p_dma *b)
{
    if (a->maps == b->maps && a->nmaps == b->nmaps)
        return true; // they share the solution of `dma all`, as most devices do
    bool same = a->nmaps == b->nmaps;
    for (uint32_t i = 0; same && i < a->nmaps; i++) {
        const struct p_dma_map *x = &a->maps[i], *y = &b->maps[i];
        same = x->what == y->what && x->memory == y->memory && x->region == y->region && x->bank == y->bank &&
               x->offset == y->offset && x->size == y->size && x->iova == y->iova && x->readonly == y->readonly;
    }
    return same;
}

static bool has_same_reach(const struct p_device *a, const struct p_device *b)
{
    bool same = a->dmas.n == b->dmas.n;
    for (uint32_t i = 0; same && i < a->dmas.n; i++) {
        const struct p_dma *x = a->dmas.at[i], *y = b->dmas.at[i];
        // Apart from guest-iommu, the mode does not matter if the maps are the same.
        bool guest = x->mode == DMA_GUEST_IOMMU || y->mode == DMA_GUEST_IOMMU;
        same = has_same_maps(x, y) && (!guest || (x->mode == y->mode && x->guest_iommu == y->guest_iommu));
    }
    return same;
}

static bool is_guest_owned(const struct p_device *d)
{
    return d->dmas.n && d->dmas.at[0]->mode == DMA_GUEST_IOMMU;
}

static void compare_reach(struct planner *p, const struct facts_group *g, const struct p_device *a,
                          const struct p_device *b)
{
    struct src at = b->dmas.n ? b->dmas.at[0]->at : b->at, other = a->dmas.n ? a->dmas.at[0]->at : a->at;
    struct diag *d = NULL;
    if (!has_same_reach(a, b)) {
        d = diag(p->c->diags, E0668, at, "`%s` and `%s` are in one IOMMU group, but have different mappings", b->name,
                 a->name);
        diag_note(d, other, "the other one is here");
        diag_help(d, "write the same `dma` for both: what is mapped for one is mapped for the other");
    } else if (is_guest_owned(b) && a->bus && b->bus && a->bus != b->bus) {
        d = diag(p->c->diags, E0669, b->at, "`%s` and `%s` are in one IOMMU group, but on two PCI buses of the guest",
                 b->name, a->name);
        diag_note(d, a->at, "this one is on `%s`", a->bus);
        diag_help(d, "put both on one bus: `on %s slot N`", a->bus);
    }
    if (d)
        diag_fact(d, "%s: group %" PRIu32, p->facts->file, g->number);
}

void check_group_reach(struct planner *p, const struct p_machine *m)
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
            compare_reach(p, g, one, d);
    }
}

/* ---- PCI functions behind a PAMU ---- */

struct function {
    const struct p_machine *m;
    const struct p_device *d;
};

/*
 * Linux 3.12 to 5.12, drivers/iommu/fsl_pamu_domain.c, get_pci_device_group(): all functions of a controller are in one
 * group and use its LIODN, unless its register BRR1 has version 0x204 or later. In that case each function has a group
 * of its own, and the controller has none.
 */
static void report_functions(struct planner *p, const struct function *a, const struct function *b)
{
    bool apart = a->m != b->m;
    struct src at = !apart && b->d->dmas.n ? b->d->dmas.at[0]->at : b->d->at;
    struct diag *d = diag(p->c->diags, W1004, at,
                          "`%s` and `%s` are on one PCI controller: the PAMU may use one LIODN for both, as one group",
                          b->d->name, a->d->name);
    if (apart)
        diag_note(d, a->d->at, "machine `%s` gets %s here", a->m->name, a->d->sysfs_name);
    else
        diag_note(d, a->d->dmas.n ? a->d->dmas.at[0]->at : a->d->at, "`%s` has different mappings", a->d->name);
    diag_fact(
        d, "it can tell functions apart if the controller's BRR1 is 0x204 or later, which only the running host knows");
    diag_help(d,
              "add a snapshot of the board, which lists its groups, to `host`, `facts \"board.facts.json\";`, or "
              "%s",
              apart ? "pass both through to one machine" : "write the same `dma` for both");
}

/* Returns the PCI domain of a function, which identifies its controller: the text before the first colon. */
static const char *domain_of(struct planner *p, const struct p_device *d)
{
    const char *end = d->sysfs_name ? strchr(d->sysfs_name, ':') : NULL;
    return d->kind == DEV_PCI && end ? intern_n(p->c->names, d->sysfs_name, (size_t)(end - d->sysfs_name)) : NULL;
}

void check_functions(struct planner *p)
{
    struct map first = {0}, reported = {0}; // domain -> first struct function; domain -> 1: it has been reported
    for (uint32_t i = 0; i < p->plan->machines.n; i++) {
        const struct p_machine *m = p->plan->machines.at[i];
        for (uint32_t k = 0; k < m->devices.n; k++) {
            const struct p_device *d = m->devices.at[k];
            const char *domain = domain_of(p, d);
            if (!domain || (p->facts && map_getp(&p->facts->member_of, intern(p->c->names, d->sysfs_name), NULL)))
                continue;
            const struct function *a = map_getp(&first, domain, NULL);
            struct function *b = NEW(draft_arena(p->c), struct function);
            *b = (struct function){m, d};
            if (!a) {
                map_putp(draft_arena(p->c), &first, domain, NULL, b);
            } else if (!map_getp(&reported, domain, NULL) && (a->m != m || !has_same_reach(a->d, d)) &&
                       iommu_way(p) == IOMMU_WINDOWS) {
                map_putp(draft_arena(p->c), &reported, domain, NULL, b);
                report_functions(p, a, b);
            }
        }
    }
}
