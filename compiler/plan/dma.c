// SPDX-License-Identifier: MIT
// dma statements with their names resolved: which memory at which device address, through which LIODN or stream.
#include "plan/work.h"

#include <inttypes.h>
#include <stdlib.h>

enum { MSI_PAGE = 4096 }; // MPIC: a bank's message register has a page to itself, seen by devices (P4080RM, 10.4.3)

/* ---- is there an IOMMU? ---- */

/* The IOMMU that a property leads to; or NULL. */
static const struct dt_node *iommu_of(const struct planner *p, const struct dt_node *n, const struct ref_rule *rule)
{
    const struct dt_prop *prop = dt_prop(p->host->tree, n, rule->property);
    uint32_t cell = rule->layout == REF_STRIDE ? rule->at : 0;
    return prop && prop->len / 4 > cell ? host_phandle(p->host, dt_cell(prop, cell)) : NULL;
}

static bool leads_to_iommu(const struct planner *p, const struct dt_node *n, const struct ref_rule *rule)
{
    const struct dt_node *to = iommu_of(p, n, rule);
    return to && !host_disabled(p->host, to);
}

/* Every device of the board is behind it: asked once, as the answer takes a walk over the whole tree. */
static bool board_iommu(struct planner *p)
{
    if (p->board_iommu)
        return p->board_iommu > 0;
    p->board_iommu = -1;
    for (const struct dt_node *n = p->host->tree->root; n; n = dt_next(n, p->host->tree->root))
        for (uint32_t i = 0; i < p->schemas->niommus; i++)
            if (p->schemas->iommus[i]->iommu == REF_IOMMU_BOARD && leads_to_iommu(p, n, p->schemas->iommus[i]))
                p->board_iommu = 1;
    return p->board_iommu > 0;
}

/* Its own properties say so. */
static bool has_iommu(const struct planner *p, const struct dt_node *n)
{
    for (uint32_t i = 0; i < p->schemas->niommus; i++)
        if (leads_to_iommu(p, n, p->schemas->iommus[i]))
            return true;
    return false;
}

/* Is there an IOMMU between this device and memory? */
static bool behind_iommu(struct planner *p, const struct p_device *d)
{
    if (p->model->iommu == IOMMU_NONE || d->kind == DEV_RAW)
        return false;
    // VFIO gives no PCI or platform device away without one; of a device that is known by name only, no tree says more.
    if (p->model->iommu == IOMMU_PAMU || p->model->iommu == IOMMU_SPAPR_TCE || !d->host)
        return true;
    for (const struct dt_node *n = d->host; n; n = n->parent)
        if (has_iommu(p, n))
            return true;
    return p->model->iommu == IOMMU_AUTO && board_iommu(p);
}

/* ---- mappings ---- */

/* The tree leads to an IOMMU that the host does not use: those who read it expect one. */
static void say_disabled(struct planner *p, const struct p_device *d, struct diag *g)
{
    for (const struct dt_node *n = p->model->iommu == IOMMU_NONE ? NULL : d->host; n; n = n->parent) {
        for (uint32_t i = 0; i < p->schemas->niommus; i++) {
            const struct dt_node *to = iommu_of(p, n, p->schemas->iommus[i]);
            if (!to)
                continue;
            diag_fact(g, "%s: `%s` of %s leads to %s, which is disabled", p->host->file,
                      p->schemas->iommus[i]->property, dt_path(p->c->arena, n), dt_path(p->c->arena, to));
            return;
        }
    }
}

static struct p_dma *new_domain(struct planner *p, struct p_device *d, uint8_t mode, const char *name, struct src where)
{
    struct p_dma *dma = NEW(p->c->arena, struct p_dma);
    dma->device = d;
    dma->mode = mode;
    dma->name = name;
    dma->at = where;
    dma->stash.vcpu = dma->stash.host_cpu = dma->stash.id = UINT32_MAX;
    vec_push(p->c->arena, &d->dmas, dma);
    return dma;
}

static bool fits(uint64_t start, uint64_t size, uint64_t in_start, uint64_t in_size)
{
    return start >= in_start && start - in_start < in_size && in_size - (start - in_start) >= size;
}

/* Every memory region without no-dma, at its guest address; of a window, those that lie in it. */
static void map_all(struct planner *p, struct p_dma *dma, bool window)
{
    for (uint32_t i = 0; i < p->m->memory.n; i++) {
        const struct p_memory *m = &p->m->memory.at[i];
        if (m->m->no_dma || (window && !fits(m->address, m->size, dma->window, dma->size)))
            continue;
        vec_push(p->c->arena, &dma->maps,
                 ((struct p_dma_map){.what = MAP_MEMORY,
                                     .memory = m,
                                     .size = m->size,
                                     .iova = m->address,
                                     .readonly = m->m->readonly,
                                     .at = dma->at}));
    }
}

static const struct p_region *find_region(struct planner *p, struct p_device *d, const struct m_which *w)
{
    VEC(const char *) names = {0};
    for (uint32_t i = 0; i < d->regions.n; i++) {
        const struct p_region *r = d->regions.at[i];
        if (r->window)
            continue;
        if (w->name ? r->name && !strcmp(r->name, w->name) : r->index == w->index)
            return r;
        if (r->name)
            vec_push(draft_arena(p->c), &names, r->name);
    }
    struct diag *g = w->name ? diag(p->c->diags, E0620, w->at, "`%s` has no region `%s` to map", d->name, w->name)
                             : diag(p->c->diags, E0620, w->at, "`%s` has no region %u to map", d->name, w->index);
    const char *near = w->name ? nearest(w->name, names.at, names.n) : NULL;
    if (near)
        diag_did_you_mean(g, "", w->name, near);
    else if (d->regions.n)
        diag_help(g, "its first one is `region %u`", d->regions.at[0]->index);
    return NULL;
}

static const struct p_memory *find_memory(struct planner *p, const struct m_dma_map *m)
{
    uint64_t i;
    if (map_get(&p->memories, (uintptr_t)m->memory, 0, &i))
        return &p->m->memory.at[i];
    struct diag *d = diag(p->c->diags, E0621, m->at, "machine `%s` has no memory `%s`", p->m->name, m->memory);
    VEC(const char *) names = {0};
    for (uint32_t k = 0; k < p->m->memory.n; k++)
        vec_push(draft_arena(p->c), &names, p->m->memory.at[k].m->name);
    const char *near = nearest(m->memory, names.at, names.n);
    if (near)
        diag_did_you_mean(d, "", m->memory, near);
    else
        diag_help(d, "name a `memory` of the same machine, or write one: `memory %s size 16M;`", m->memory);
    return NULL;
}

/* Fills in what is mapped and how much of it there is; false after a message. */
static bool find_target(struct planner *p, const struct p_dma *dma, const struct m_dma_map *m, struct p_dma_map *out,
                        uint64_t *size)
{
    switch (m->what) {
    case MAP_REGION:
        out->region = find_region(p, dma->device, &m->region);
        if (!out->region)
            return false;
        *size = out->region->size;
        out->iova = out->region->host != UINT64_MAX ? out->region->host : out->region->guest;
        if (out->iova == UINT64_MAX && !m->address.set) {
            struct diag *d = diag(p->c->diags, E0639, m->at, "where region %u of `%s` lies is not known",
                                  out->region->index, dma->device->name);
            diag_help(d, "say at which device address it is to be seen: `at 0x...`");
            return false;
        }
        return true;
    case MAP_MSI_BANK:
        *size = MSI_PAGE;
        out->iova = UINT64_MAX; // chosen when the others are known
        return true;
    default:
        out->memory = find_memory(p, m);
        if (!out->memory)
            return false;
        if (out->memory->m->no_dma) {
            struct diag *d = diag(p->c->diags, E0622, m->at, "memory `%s` is out of devices' reach", m->memory);
            diag_note(d, out->memory->m->at, "it is `no-dma`");
            diag_help(d, "map another one, or take `no-dma` away");
            return false;
        }
        out->readonly = out->readonly || out->memory->m->readonly;
        *size = out->memory->size;
        out->iova = out->memory->address;
        return true;
    }
}

/* An IOMMU maps pages: those of memory, and of what else is mapped the same place in a page on both sides. */
static bool whole_pages(struct planner *p, const struct m_dma_map *m, const struct p_dma_map *out)
{
    uint64_t page = m->what == MAP_MSI_BANK ? MSI_PAGE : p->model->page_size, odd = 0;
    struct src where = m->at;
    const char *what = NULL;
    if (m->what != MAP_REGION && m->offset.value % page)
        what = "offset", odd = m->offset.value, where = m->offset.at;
    else if (m->what != MAP_REGION && out->size % page)
        what = "size", odd = out->size, where = m->size.at;
    else if (m->what == MAP_REGION && m->address.set && out->region->host != UINT64_MAX &&
             (out->iova ^ (out->region->host + out->offset)) % page)
        what = "device address", odd = out->iova, where = m->address.at;
    else if (m->what != MAP_REGION && m->address.set && out->iova % page)
        what = "device address", odd = out->iova, where = m->address.at;
    if (!what)
        return true;
    struct diag *d =
        diag(p->c->diags, E0640, where, "%s 0x%" PRIx64 ": an IOMMU maps whole pages of 0x%" PRIx64, what, odd, page);
    if (m->what == MAP_REGION)
        diag_help(d, "the region begins 0x%" PRIx64 " behind the start of a page, and has to on the device's side, too",
                  (out->region->host + out->offset) % page);
    else if (where.loc.start == m->size.at.loc.start && odd < page)
        diag_help_number(d, "size ", page, "");
    else
        diag_help(d, "write 0x%" PRIx64 " or 0x%" PRIx64, odd / page * page, (odd / page + 1) * page);
    return false;
}

static bool in_window(struct planner *p, const struct p_dma *dma, const struct p_dma_map *x)
{
    if (!dma->has_window || fits(x->iova, x->size, dma->window, dma->size))
        return true;
    struct diag *d = diag(p->c->diags, E0626, x->at, "0x%" PRIx64 "..0x%" PRIx64 " lies outside of the window", x->iova,
                          x->iova + (x->size - 1));
    diag_note(d, dma->at, "the window is 0x%" PRIx64 "..0x%" PRIx64, dma->window, dma->window + (dma->size - 1));
    diag_help(d, "map it elsewhere (`at ADDRESS`), or make the window larger");
    return false;
}

static void one_map(struct planner *p, struct p_dma *dma, const struct m_dma_map *m)
{
    struct p_dma_map out = {
        .what = m->what, .bank = m->bank, .readonly = m->readonly, .offset = m->offset.value, .at = m->at};
    uint64_t there = 0;
    if (!find_target(p, dma, m, &out, &there))
        return;
    if (m->offset.set && out.offset >= there) {
        struct diag *d =
            diag(p->c->diags, E0623, m->offset.at,
                 "offset 0x%" PRIx64 " is beyond the 0x%" PRIx64 " bytes that are there", out.offset, there);
        diag_help(d, "write an offset below 0x%" PRIx64, there);
        return;
    }
    out.size = m->size.set ? m->size.value : there - out.offset;
    if (!out.size || out.size > there - out.offset) {
        struct diag *d = out.size
                             ? diag(p->c->diags, E0624, m->size.at,
                                    "0x%" PRIx64 " bytes from offset 0x%" PRIx64 " on: only 0x%" PRIx64 " are there",
                                    out.size, out.offset, there - out.offset)
                             : diag(p->c->diags, E0624, m->size.at, "0 bytes cannot be mapped");
        diag_help(d, "write `size 0x%" PRIx64 "` or less, or leave it away: all that is there", there - out.offset);
        return;
    }
    if (m->address.set)
        out.iova = m->address.value;
    else if (m->what != MAP_MSI_BANK)
        out.iova += out.offset;
    if (!whole_pages(p, m, &out))
        return;
    if (m->address.set && (out.iova == UINT64_MAX || out.iova + (out.size - 1) < out.iova)) {
        struct diag *d = diag(p->c->diags, E0625, m->address.at,
                              "0x%" PRIx64 " bytes at device address 0x%" PRIx64 " do not fit the address space",
                              out.size, out.iova);
        diag_help(d, "write `at 0x%" PRIx64 "` or less", UINT64_MAX - (out.size - 1));
        return;
    }
    if (out.iova == UINT64_MAX || in_window(p, dma, &out))
        vec_push(p->c->arena, &dma->maps, out);
}

/* ---- all mappings of a dma, when each is known ---- */

static int by_iova(const void *a, const void *b)
{
    const struct p_dma_map *x = *(const struct p_dma_map *const *)a, *y = *(const struct p_dma_map *const *)b;
    if (x->iova != y->iova)
        return x->iova < y->iova ? -1 : 1;
    return x < y ? -1 : x > y; // both in one list: the order of the text
}

/* The mappings that have a device address, by it; room for the others. */
static struct p_dma_map **sorted_maps(struct planner *p, const struct p_dma *dma, uint32_t *n)
{
    struct p_dma_map **list = arena_array(draft_arena(p->c), dma->maps.n + 1U, sizeof *list);
    *n = 0;
    for (uint32_t i = 0; i < dma->maps.n; i++)
        if (dma->maps.at[i].iova != UINT64_MAX)
            list[(*n)++] = &dma->maps.at[i];
    qsort(list, *n, sizeof *list, by_iova);
    return list;
}

static void check_overlap(struct planner *p, struct p_dma_map *const *list, uint32_t n)
{
    const struct p_dma_map *reach = NULL; // of those before, the one that ends last
    for (uint32_t i = 0; i < n; i++) {
        const struct p_dma_map *x = list[i];
        uint64_t last = reach ? reach->iova + (reach->size - 1) : 0;
        if (reach && x->iova <= last) {
            const struct p_dma_map *later = x > reach ? x : reach, *first = later == x ? reach : x;
            struct diag *d = diag(p->c->diags, E0627, later->at,
                                  "two mappings of one dma overlap at device address 0x%" PRIx64, x->iova);
            diag_label(d, "0x%" PRIx64 "..0x%" PRIx64, later->iova, later->iova + (later->size - 1));
            diag_note(d, first->at, "0x%" PRIx64 "..0x%" PRIx64 " is mapped here", first->iova,
                      first->iova + (first->size - 1));
            diag_help(d, "give one of them another place: `at ADDRESS`");
        }
        if (!reach || x->iova + (x->size - 1) > last)
            reach = x;
    }
}

/* The next page at or above `from`; false when there is none up to `last`. */
static bool page_at(uint64_t from, uint64_t last, uint64_t *place)
{
    if (from > UINT64_MAX - (MSI_PAGE - 1))
        return false;
    *place = (from + (MSI_PAGE - 1)) / MSI_PAGE * MSI_PAGE;
    return *place <= last && last - *place >= MSI_PAGE - 1;
}

/*
 * A place for a page that no mapping has: behind the highest one, so that it moves when memory grows and not whenever
 * a hole closes; where nothing is left there, in the first hole.
 */
static bool choose_page(const struct p_dma *dma, struct p_dma_map *const *list, uint32_t n, uint64_t *place)
{
    uint64_t first = dma->has_window ? dma->window : 0, top = first;
    uint64_t last = dma->has_window ? dma->window + (dma->size - 1) : UINT64_MAX;
    bool full = false; // up to the last address
    for (uint32_t i = 0; i < n; i++) {
        uint64_t end = list[i]->iova + list[i]->size; // 0: the end of the address space
        full = full || !end;
        top = end > top ? end : top;
    }
    if (!full && page_at(top, last, place))
        return true;
    uint64_t from = first;
    for (uint32_t i = 0; i < n; i++) {
        if (!page_at(from, last, place))
            return false;
        if (list[i]->iova > *place + (MSI_PAGE - 1))
            return true;
        from = list[i]->iova + list[i]->size > from ? list[i]->iova + list[i]->size : from;
        if (list[i]->iova + (list[i]->size - 1) == UINT64_MAX)
            return false;
    }
    return page_at(from, last, place);
}

static void finish_maps(struct planner *p, struct p_dma *dma)
{
    uint32_t n;
    struct p_dma_map **list = sorted_maps(p, dma, &n);
    const struct p_dma_map *banks[256] = {NULL};
    check_overlap(p, list, n);
    for (uint32_t i = 0; i < dma->maps.n; i++) {
        struct p_dma_map *x = &dma->maps.at[i];
        if (x->what != MAP_MSI_BANK)
            continue;
        if (banks[x->bank]) {
            struct diag *d = diag(p->c->diags, E0642, x->at, "MSI bank %u is mapped twice in one dma", x->bank);
            diag_note(d, banks[x->bank]->at, "first here");
            diag_help(d, "one place is enough: the host tells the devices which it is");
            continue;
        }
        banks[x->bank] = x;
        if (x->iova != UINT64_MAX)
            continue;
        if (!choose_page(dma, list, n, &x->iova)) {
            struct diag *d = diag(p->c->diags, E0641, x->at, "no page is left for MSI bank %u", x->bank);
            if (dma->has_window)
                diag_note(d, dma->at, "the window is 0x%" PRIx64 "..0x%" PRIx64, dma->window,
                          dma->window + (dma->size - 1));
            diag_help(d, "make the window larger, or map less of something else");
            return;
        }
        uint32_t k = n++;
        for (; k && list[k - 1]->iova > x->iova; k--)
            list[k] = list[k - 1];
        list[k] = x;
    }
}

/* ---- one device ---- */

/* Without an IOMMU, devices see the memory of the host. */
static void check_identity(struct planner *p, const struct m_dma *dma)
{
    for (uint32_t i = 0; i < p->m->memory.n; i++) {
        const struct p_memory *m = &p->m->memory.at[i];
        if (m->m->no_dma)
            continue;
        if (m->m->backing != BACK_PHYSICAL) {
            struct diag *d =
                diag(p->c->diags, E0631, dma->at,
                     "`dma identity` needs memory `%s` at its host address, which is not known", m->m->name);
            diag_note(d, m->m->at, "it has no physical backing");
            diag_help(d,
                      "write `memory %s at 0x... size 0x%" PRIx64 " from physical 0x...`, both times the same address",
                      m->m->name, m->size);
        } else if (m->m->back_arg.value != m->address) {
            struct diag *d = diag(p->c->diags, E0632, dma->at,
                                  "without an IOMMU, memory `%s` has to lie where the host has it", m->m->name);
            diag_note(d, m->m->at, "it is at 0x%" PRIx64 " in the guest and at 0x%" PRIx64 " on the host", m->address,
                      m->m->back_arg.value);
            diag_help(d, "write `memory %s at 0x%" PRIx64 " ...`", m->m->name, m->m->back_arg.value);
        }
    }
}

static void use_channel(struct planner *p, struct p_dma *dma, const struct m_channel *h)
{
    const struct dev_class *class = dma->device->class;
    dma->has_window = h->window.set && h->size.set;
    dma->window = h->window.value;
    dma->size = h->size.value;
    dma->subwindows = (uint32_t)h->subwindows.value;
    if (h->subwindows.set) {
        uint64_t n = h->subwindows.value;
        if (!n || (n & (n - 1)) || n > 256)
            diag_help(diag(p->c->diags, E0633, h->subwindows.at,
                           "%" PRIu64 " sub-windows: a power of two from 1 to 256 is possible", n),
                      "leave `subwindows` away: the number is found for what is mapped");
        else if (dma->has_window && dma->size / n < p->model->page_size)
            diag_help(diag(p->c->diags, E0633, h->subwindows.at,
                           "%" PRIu64 " sub-windows of 0x%" PRIx64 " bytes would be smaller than a page each", n,
                           dma->size),
                      "write `subwindows %" PRIu64 "` or fewer", dma->size / p->model->page_size);
    }
    dma->has_liodn_index = h->liodn_index.set;
    dma->liodn_index = (uint32_t)h->liodn_index.value;
    dma->has_stream = h->stream.set;
    dma->stream = (uint32_t)h->stream.value;
    dma->has_operation = h->operation.set;
    dma->operation = (uint32_t)h->operation.value;
    if (!dma->has_operation && class && class->dma_operation && (dma->mode == DMA_ALL || dma->mode == DMA_WINDOW))
        dma->has_operation = operation_named(class->dma_operation, &dma->operation);
    if (h->stash.kind != STASH_NONE)
        plan_stash(p, dma, &h->stash);
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

static void use_guest_iommu(struct planner *p, struct p_dma *dma, const struct m_dma *m)
{
    dma->guest_iommu = m->name;
    const struct p_device *iommu = m->name ? map_getp(&p->devices, m->name, NULL) : NULL;
    if (!m->name || (iommu && iommu->emulated))
        return;
    struct diag *d = diag(p->c->diags, E0635, m->at, "`%s` is no emulated device of machine `%s`", m->name, p->m->name);
    VEC(const char *) names = {0};
    for (uint32_t i = 0; i < p->m->m->devices.n && i < 1000; i++)
        vec_push(draft_arena(p->c), &names, p->m->m->devices.at[i].name);
    const char *near = iommu ? NULL : nearest(m->name, names.at, names.n);
    if (near)
        diag_did_you_mean(d, "", m->name, near);
    else if (iommu)
        diag_help(d, "a device of the host cannot be it; make one: `device viommu0 : CLASS;`");
    else
        diag_help(d, "make one: `device %s : CLASS;`", m->name);
}

static void one_dma(struct planner *p, struct p_device *d, const struct m_dma *m)
{
    struct p_dma *dma = new_domain(p, d, m->mode, m->mode == DMA_WINDOW ? m->name : NULL, m->at);
    use_channel(p, dma, m->how);
    if (m->mode != DMA_NONE && m->mode != DMA_IDENTITY && !behind_iommu(p, d)) {
        struct diag *g =
            diag(p->c->diags, E0636, m->at, "`%s` is behind no IOMMU: nothing can hold it to what is mapped", d->name);
        say_disabled(p, d, g);
        diag_help(
            g, "write `dma none;` if it does none, or `dma identity unsafe;` if the guest is trusted with all of the "
               "host's memory");
        return;
    }
    switch (m->mode) {
    case DMA_ALL:
        map_all(p, dma, false);
        break;
    case DMA_IDENTITY:
        check_identity(p, m);
        break;
    case DMA_GUEST_IOMMU:
        use_guest_iommu(p, dma, m);
        break;
    case DMA_WINDOW:
        for (uint32_t k = 0; k < m->maps.n; k++)
            one_map(p, dma, &m->maps.at[k]);
        finish_maps(p, dma);
        if (m->maps.n || !dma->has_window)
            break;
        map_all(p, dma, true);
        if (!dma->maps.n) {
            struct diag *g =
                diag(p->c->diags, E0637, m->at, "no memory region lies in the window 0x%" PRIx64 "..0x%" PRIx64,
                     dma->window, dma->window + (dma->size - 1));
            diag_help(g, "make it large enough for a whole one, or say what it is for: `{ map region 0; }`");
        }
        break;
    default:
        break;
    }
}

void plan_dma(struct planner *p, struct p_device *d, const struct m_part *part)
{
    for (uint32_t i = 0; part && i < part->dmas.n; i++)
        one_dma(p, d, &part->dmas.at[i]);
    if (part && part->dmas.n > 1)
        check_streams(p, d, part);
    if (d->dmas.n || d->kind == DEV_EMULATED)
        return;
    // What is below the device of the statement uses the same stream, unless it has one of its own.
    if (d->parent && (p->model->iommu == IOMMU_NONE || !has_iommu(p, d->host)))
        return;
    // A word said of the whole device holds for what is below it; windows are those of one stream.
    const struct p_dma *above = d->parent && d->parent->dmas.n ? d->parent->dmas.at[0] : NULL;
    if (above && above->mode != DMA_WINDOW && above->mode != DMA_ALL) {
        new_domain(p, d, above->mode, NULL, above->at)->guest_iommu = above->guest_iommu;
        return;
    }
    if (d->kind == DEV_PLATFORM && d->host && !d->regions.n && !d->irqs.n)
        return; // a description without registers does not move data
    if (behind_iommu(p, d)) {
        map_all(p, new_domain(p, d, DMA_ALL, NULL, d->at), false);
        return;
    }
    struct diag *g =
        diag(p->c->diags, E0638, d->at, "nothing is said of the DMA of `%s`, and it is behind no IOMMU", d->name);
    say_disabled(p, d, g);
    const char *where = "";
    if (d->pass && d->pass->assigned) // by the fate of a reference: there are no braces to write it into
        where = arena_printf(p->c->arena, "in a `passthrough %s { ... }` of its own, ", d->host_path);
    diag_help(g,
              "%swrite `dma none;` if it does none, or `dma identity unsafe;` if the guest is trusted with all of the "
              "host's memory",
              where);
    if (!*where && d->pass && !d->parent)
        diag_fix_statement(g, d->pass->at, "passthrough", "dma none;");
}
