// SPDX-License-Identifier: MIT
// Finds the IOMMU between a device and memory, as far as the host's tree and the `host` statement tell.
#include "dma/iommu.h"
#include "plan/streams.h"

/* Returns the IOMMU that property `by` of a node refers to; or NULL. */
static const struct dt_node *iommu_of(const struct planner *p, const struct dt_node *n, const struct ref_property *by)
{
    const struct dt_prop *prop = dt_prop(p->host->tree, n, by->property);
    uint32_t cell = by->rule->layout == REF_STRIDE ? by->rule->at : 0;
    return prop && prop->len / 4 > cell ? host_phandle(p->host, dt_cell(prop, cell)) : NULL;
}

/* Whether property `by` of a node refers to an IOMMU that is not disabled. */
static bool refers_to_iommu(const struct planner *p, const struct dt_node *n, const struct ref_property *by)
{
    const struct dt_node *to = iommu_of(p, n, by);
    return to && !host_disabled(p->host, to);
}

static bool is_property_of(const struct iommu_class *k, const char *property)
{
    for (const char *const *s = k->properties; s && *s; s++)
        if (*s == property)
            return true;
    return false;
}

/*
 * Returns a property whose presence means that every device of the board is behind an IOMMU; NULL: none. It walks the
 * whole tree.
 */
static const struct ref_property *board_property(const struct planner *p)
{
    for (const struct dt_node *n = p->host->tree->root; n; n = dt_next(n, p->host->tree->root))
        for (uint32_t i = 0; i < p->schemas->niommus; i++)
            if (p->schemas->iommus[i].rule->iommu == REF_IOMMU_BOARD && refers_to_iommu(p, n, &p->schemas->iommus[i]))
                return &p->schemas->iommus[i];
    return NULL;
}

/* Returns the first of the names that is in the `compatible` of the board; or NULL. */
static const char *find_board_name(const struct planner *p, const char *const *names)
{
    const struct dt_prop *root = p->host ? dt_prop(p->host->tree, p->host->tree->root, p->n->compatible) : NULL;
    for (; root && *names; names++)
        if (dt_string_index(root, *names) >= 0)
            return *names;
    return NULL;
}

static void find_limits(struct planner *p)
{
    struct iommu *w = p->iommu;
    w->limits = pamu_hardware;
    for (const struct iommu_class *k = p->schemas->iommu_classes; k; k = k->next) {
        const char *board = k->compatible ? find_board_name(p, k->compatible) : "any board";
        if (k->way != IOMMU_WINDOWS || !k->subwindows || !board || k->subwindows >= w->limits.subwindows)
            continue;
        w->limits.subwindows = k->subwindows;
        w->board = board;
    }
}

void iommu_begin(struct planner *p)
{
    p->iommu = NEW(draft_arena(p->c), struct iommu);
}

/* Fills in p->iommu, once, and not before a device needs it: it may walk the whole tree. */
static void find_way(struct planner *p)
{
    struct iommu *w = p->iommu;
    if (w->known)
        return;
    w->known = true;
    w->way = IOMMU_PAGE_TABLES;
    if (p->model->iommu == IOMMU_PAMU)
        w->way = IOMMU_WINDOWS;
    else if (p->model->iommu == IOMMU_SPAPR_TCE)
        w->way = IOMMU_TCES;
    const struct ref_property *by = p->model->iommu == IOMMU_AUTO && p->host ? board_property(p) : NULL;
    if (by)
        schemas_demand(p->schemas, by->property);
    for (const struct iommu_class *k = p->schemas->iommu_classes; by && k; k = k->next)
        if (is_property_of(k, by->property))
            w->way = k->way;
    if (w->way == IOMMU_WINDOWS)
        p->plan->iommu = IOMMU_PAMU;
    else if (w->way == IOMMU_TCES)
        p->plan->iommu = IOMMU_SPAPR_TCE;
    find_limits(p);
}

uint8_t iommu_way(struct planner *p)
{
    find_way(p);
    return p->iommu->way;
}

const struct pamu_limits *pamu_limits(struct planner *p)
{
    find_way(p);
    return &p->iommu->limits;
}

void note_limits(struct planner *p, struct diag *d)
{
    if (p->iommu->board)
        diag_fact(d, "a window has at most %u sub-windows, according to the schema for %s", p->iommu->limits.subwindows,
                  p->iommu->board);
}

bool is_iommu_unknown(const struct planner *p)
{
    return !p->host && p->model->iommu == IOMMU_AUTO;
}

const struct dt_prop *dma_ids_of(struct planner *p, const struct dt_node *n)
{
    const struct dt_prop *ids = NULL;
    for (uint32_t i = 0; iommu_way(p) == IOMMU_WINDOWS && i < p->schemas->ndma_ids && !ids; i++)
        ids = dt_prop(p->host->tree, n, p->schemas->dma_ids[i].property);
    return ids;
}

bool has_own_stream(struct planner *p, const struct dt_node *n)
{
    return has_streams(p, n);
}

bool is_behind_iommu(struct planner *p, const struct p_device *d)
{
    if (p->model->iommu == IOMMU_NONE || d->kind == DEV_RAW)
        return false;
    if (d->kind == DEV_PCI && !d->host)
        return function_has_iommu(p, d->sysfs_name);
    if (p->model->iommu == IOMMU_SPAPR_TCE || !d->host)
        return true; // of a device that is known by name only, no tree says more
    // Firmware writes LIODNs at boot: of a tree without any, nobody knows yet which devices have one.
    if (iommu_way(p) == IOMMU_WINDOWS && !p->has_dma_ids)
        return true;
    // It may have left the property of a device empty.
    if (dma_ids_of(p, d->host))
        return true;
    // Linux puts a platform device behind one by ids of its own only (of_iommu_configure(), fsl_pamu_probe_device()).
    if (has_streams(p, d->host))
        return true;
    // What is further down in a passthrough masters through the device of the statement.
    for (const struct p_device *above = d->parent; above; above = above->parent)
        if (has_streams(p, above->host))
            return true;
    return false;
}

void note_iommu(struct planner *p, const struct p_device *d, struct diag *g)
{
    for (const struct dt_node *n = p->model->iommu == IOMMU_NONE ? NULL : d->host; n; n = n->parent) {
        for (uint32_t i = 0; i < p->schemas->niommus; i++) {
            const struct ref_property *by = &p->schemas->iommus[i];
            const struct dt_node *to = iommu_of(p, n, by);
            if (!to)
                continue;
            const char *path = dt_path(p->c->arena, n);
            if (host_disabled(p->host, to))
                diag_fact(g, "%s: `%s` of %s refers to %s, which is disabled", p->host->file, by->property, path,
                          dt_path(p->c->arena, to));
            else if (by->rule->layout == REF_STRIDE)
                diag_fact(g, "%s: `%s` of %s is for the functions below it: pass them through one by one",
                          p->host->file, by->property, path);
            else if (n != d->host)
                diag_fact(g, "%s: `%s` of %s is for that node; Linux puts nothing else behind the IOMMU by it",
                          p->host->file, by->property, path);
            return;
        }
    }
}
