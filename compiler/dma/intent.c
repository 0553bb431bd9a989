// SPDX-License-Identifier: MIT
// Finds what a `dma` statement maps: which memory or registers, at which device addresses.
#include "dma/dma.h"

#include <inttypes.h>
#include <stdlib.h>

enum { MSI_PAGE = 4096 }; // MPIC: devices see the message register of a bank in a page of its own (P4080RM, 10.4.3)

/* Whether [start, start + size) is within [in_start, in_start + in_size). */
static bool is_within(uint64_t start, uint64_t size, uint64_t in_start, uint64_t in_size)
{
    return start >= in_start && start - in_start < in_size && in_size - (start - in_start) >= size;
}

bool add_all_memory(struct machine_planner *p, const struct p_dma *dma, map_list *out, bool window)
{
    bool ok = true;
    for (uint32_t i = 0; i < p->m->memory.n; i++) {
        const struct p_memory *m = &p->m->memory.at[i];
        uint64_t at = m->address;
        if (m->m->no_dma || !m->size)
            continue;
        if (!device_address(p, dma, m, 0, m->size, &at)) {
            ok = false;
            continue;
        }
        if (window && !is_within(at, m->size, dma->window, dma->size))
            continue;
        vec_push(draft_arena(p->c), out,
                 ((struct p_dma_map){.what = MAP_MEMORY,
                                     .memory = m,
                                     .size = m->size,
                                     .iova = at,
                                     .readonly = m->m->readonly,
                                     .at = m->m->at}));
    }
    return ok;
}

static const struct p_region *find_region(struct machine_planner *p, struct p_device *d, const struct m_which *w)
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
    const char *near = w->name ? diags_nearest(p->c->diags, w->name, names.at, names.n) : NULL;
    if (near)
        diag_did_you_mean(g, "", w->name, near);
    else if (d->regions.n)
        diag_help(g, "use one of its regions; the first is `region %u`", d->regions.at[0]->index);
    if (!w->name && d->regions.n == 1)
        diag_respell(g, arena_printf(p->c->arena, "%u", w->index),
                     arena_printf(p->c->arena, "%u", d->regions.at[0]->index));
    return NULL;
}

static const struct p_memory *find_memory(struct machine_planner *p, const struct m_dma_map *m)
{
    uint64_t i;
    if (map_get(&p->memories, (uintptr_t)m->memory, 0, &i))
        return &p->m->memory.at[i];
    struct diag *d = diag(p->c->diags, E0621, m->at, "machine `%s` has no memory `%s`", p->m->name, m->memory);
    VEC(const char *) names = {0};
    for (uint32_t k = 0; k < p->m->memory.n; k++)
        vec_push(draft_arena(p->c), &names, p->m->memory.at[k].m->name);
    const char *near = diags_nearest(p->c->diags, m->memory, names.at, names.n);
    if (near)
        diag_did_you_mean(d, "", m->memory, near);
    else
        diag_help(d, "name a `memory` of the same machine, or add one: `memory %s size 16M;`", m->memory);
    return NULL;
}

/*
 * Sets what `out` maps, its device address without `at`, and *size to all of its bytes. Returns false after a message.
 */
static bool find_target(struct machine_planner *p, const struct p_dma *dma, const struct m_dma_map *m,
                        struct p_dma_map *out, uint64_t *size)
{
    switch (m->what) {
    case MAP_REGION:
        out->region = find_region(p, dma->device, &m->region);
        if (!out->region)
            return false;
        p->m->maps_regions = true;
        *size = out->region->size;
        out->iova = out->region->host != UINT64_MAX ? out->region->host : out->region->guest;
        if (out->iova == UINT64_MAX && !m->address.set) {
            struct diag *d = diag(p->c->diags, E0639, m->at, "the address of region %u of `%s` is unknown",
                                  out->region->index, dma->device->name);
            diag_help(d, "write the device address to map it at: `at 0x...`");
            return false;
        }
        return true;
    case MAP_MSI_BANK:
        *size = MSI_PAGE;
        out->iova = UINT64_MAX; // the solver chooses one
        return true;
    default:
        out->memory = find_memory(p, m);
        if (!out->memory)
            return false;
        if (out->memory->m->no_dma) {
            struct diag *d = diag(p->c->diags, E0622, m->at, "memory `%s` cannot be mapped for devices", m->memory);
            diag_note(d, out->memory->m->at, "it is `no-dma`");
            diag_help(d, "map another memory, or remove `no-dma`");
            return false;
        }
        out->readonly = out->readonly || out->memory->m->readonly;
        *size = out->memory->size;
        out->iova = out->memory->address;
        return true;
    }
}

/* Checks that the registers fill whole pages: the device could access everything else in a page. */
static bool check_region_pages(struct machine_planner *p, const struct p_dma_map *out)
{
    uint64_t page = p->model->page_size, start = out->region->host + out->offset;
    if (out->region->host == UINT64_MAX || !((start | out->size) % page))
        return true;
    struct diag *d =
        start % page
            ? diag(p->c->diags, E0640, out->at,
                   "region %u of `%s` starts 0x%" PRIx64 " after the start of a page: an IOMMU maps whole pages of "
                   "0x%" PRIx64,
                   out->region->index, out->region->device->name, start % page, page)
            : diag(p->c->diags, E0640, out->at,
                   "0x%" PRIx64
                   " bytes of region %u of `%s` are not whole pages: an IOMMU maps whole pages of 0x%" PRIx64,
                   out->size, out->region->index, out->region->device->name, page);
    diag_help(d, "map registers that fill their pages: the device could access everything else in the page");
    return false;
}

/* Checks that device address, offset and size are multiples of the page, since an IOMMU maps pages. */
static bool check_whole_pages(struct machine_planner *p, const struct m_dma_map *m, const struct p_dma_map *out)
{
    uint64_t page = m->what == MAP_MSI_BANK ? MSI_PAGE : p->model->page_size, odd = 0;
    struct src where = m->at;
    const char *what = NULL;
    if (m->what == MAP_REGION && !check_region_pages(p, out))
        return false;
    if (m->offset.value % page)
        what = "offset", odd = m->offset.value, where = m->offset.at;
    else if (out->size % page)
        what = "size", odd = out->size, where = m->size.set ? m->size.at : m->at;
    else if (m->address.set && out->iova % page)
        what = "device address", odd = out->iova, where = m->address.at;
    if (!what)
        return true;
    struct diag *d =
        diag(p->c->diags, E0640, where, "%s 0x%" PRIx64 " is not page-aligned: an IOMMU maps whole pages of 0x%" PRIx64,
             what, odd, page);
    if (*what == 's' && odd < page)
        diag_help_number(d, "size ", page, "");
    else if (m->what == MAP_MSI_BANK)
        diag_help_number(d, "at ", odd / page * page, ", the start of its page");
    else
        diag_help(d, "write 0x%" PRIx64 " or 0x%" PRIx64, odd / page * page, (odd / page + 1) * page);
    return false;
}

static bool check_in_window(struct machine_planner *p, const struct p_dma *dma, const struct p_dma_map *x)
{
    if (!dma->has_window || is_within(x->iova, x->size, dma->window, dma->size))
        return true;
    struct diag *d = diag(p->c->diags, E0626, x->at, "0x%" PRIx64 "..0x%" PRIx64 " is outside of the window", x->iova,
                          x->iova + (x->size - 1));
    diag_note(d, dma->at, "the window is 0x%" PRIx64 "..0x%" PRIx64, dma->window, dma->window + (dma->size - 1));
    diag_help(d, "map it at another address, `at ADDRESS`, or make the window larger");
    return false;
}

/* Adds the mapping for one `map` statement to the list, or reports why it is invalid. */
static void add_written_map(struct machine_planner *p, struct p_dma *dma, const struct m_dma_map *m, map_list *list)
{
    struct p_dma_map out = {
        .what = m->what, .bank = m->bank, .readonly = m->readonly, .offset = m->offset.value, .at = m->at};
    uint64_t available = 0;
    if (!find_target(p, dma, m, &out, &available))
        return;
    if (m->offset.set && out.offset >= available) {
        struct diag *d = diag(p->c->diags, E0623, m->offset.at,
                              "offset 0x%" PRIx64 " is beyond the end: the size is 0x%" PRIx64, out.offset, available);
        diag_help(d, "write an offset below 0x%" PRIx64, available);
        return;
    }
    out.size = m->size.set ? m->size.value : available - out.offset;
    if (!out.size || out.size > available - out.offset) {
        struct diag *d =
            out.size ? diag(p->c->diags, E0624, m->size.at,
                            "0x%" PRIx64 " bytes from offset 0x%" PRIx64 " exceed the end: only 0x%" PRIx64 " are left",
                            out.size, out.offset, available - out.offset)
                     : diag(p->c->diags, E0624, m->size.at, "0 bytes cannot be mapped");
        diag_help(d, "write `size 0x%" PRIx64 "` or less, or remove it to map everything after the offset",
                  available - out.offset);
        return;
    }
    if (m->address.set)
        out.iova = m->address.value;
    else if (m->what == MAP_MEMORY) {
        if (!device_address(p, dma, out.memory, out.offset, out.size, &out.iova))
            return;
    } else if (m->what != MAP_MSI_BANK)
        out.iova += out.offset;
    if (!check_whole_pages(p, m, &out))
        return;
    if (m->address.set && (out.iova == UINT64_MAX || out.iova + (out.size - 1) < out.iova)) {
        struct diag *d = diag(p->c->diags, E0625, m->address.at,
                              "0x%" PRIx64 " bytes at device address 0x%" PRIx64 " do not fit into the address space",
                              out.size, out.iova);
        diag_help(d, "write `at 0x%" PRIx64 "` or less", UINT64_MAX - (out.size - 1));
        return;
    }
    if (out.iova == UINT64_MAX || check_in_window(p, dma, &out))
        vec_push(draft_arena(p->c), list, out);
}

/* ---- checks of all mappings of a domain ---- */

static int by_iova(const void *a, const void *b)
{
    const struct p_dma_map *x = *(const struct p_dma_map *const *)a, *y = *(const struct p_dma_map *const *)b;
    if (x->iova != y->iova)
        return x->iova < y->iova ? -1 : 1;
    return x < y ? -1 : x > y; // both are in one array, in the order of the text
}

/* Returns the mappings that have a device address, sorted by it, and sets *n to their number. */
static struct p_dma_map **sorted_maps(struct machine_planner *p, const map_list *maps, uint32_t *n)
{
    struct p_dma_map **list = arena_array(draft_arena(p->c), maps->n + 1U, sizeof *list);
    *n = 0;
    for (uint32_t i = 0; i < maps->n; i++)
        if (maps->at[i].iova != UINT64_MAX)
            list[(*n)++] = &maps->at[i];
    qsort(list, *n, sizeof *list, by_iova);
    return list;
}

static void check_overlap(struct machine_planner *p, struct p_dma_map *const *list, uint32_t n)
{
    const struct p_dma_map *reach = NULL; // the mapping so far that ends last
    for (uint32_t i = 0; i < n; i++) {
        const struct p_dma_map *x = list[i];
        uint64_t last = reach ? reach->iova + (reach->size - 1) : 0;
        if (reach && x->iova <= last) {
            const struct p_dma_map *later = x > reach ? x : reach, *first = later == x ? reach : x;
            struct diag *d = diag(p->c->diags, E0627, later->at,
                                  "two mappings of one `dma` overlap at device address 0x%" PRIx64, x->iova);
            diag_label(d, "0x%" PRIx64 "..0x%" PRIx64, later->iova, later->iova + (later->size - 1));
            diag_note(d, first->at, "0x%" PRIx64 "..0x%" PRIx64 " is mapped here", first->iova,
                      first->iova + (first->size - 1));
            diag_help(d, "move one of them: `at ADDRESS`");
        }
        if (!reach || x->iova + (x->size - 1) > last)
            reach = x;
    }
}

static void check_banks(struct machine_planner *p, const map_list *maps)
{
    const struct p_dma_map *banks[256] = {NULL};
    for (uint32_t i = 0; i < maps->n; i++) {
        const struct p_dma_map *x = &maps->at[i];
        if (x->what != MAP_MSI_BANK)
            continue;
        if (banks[x->bank]) {
            struct diag *d = diag(p->c->diags, E0642, x->at, "MSI bank %u is mapped twice in one `dma`", x->bank);
            diag_note(d, banks[x->bank]->at, "it is first mapped here");
            diag_help(d, "remove one of them: the host tells the devices which address to use");
        }
        banks[x->bank] = x;
    }
}

void add_written_maps(struct machine_planner *p, struct p_dma *dma, const struct m_dma *m, map_list *out)
{
    uint32_t n;
    for (uint32_t i = 0; i < m->maps.n; i++)
        add_written_map(p, dma, &m->maps.at[i], out);
    struct p_dma_map **list = sorted_maps(p, out, &n);
    check_overlap(p, list, n);
    check_banks(p, out);
}

/* ---- no IOMMU ---- */

void check_identity(struct machine_planner *p, const struct m_dma *dma)
{
    for (uint32_t i = 0; i < p->m->memory.n; i++) {
        const struct p_memory *m = &p->m->memory.at[i];
        struct p_dma_map map = {.what = MAP_MEMORY, .memory = m, .size = m->size, .iova = m->address};
        struct dma_want want = want_of(p->file, &map);
        if (m->m->no_dma || identity_moved(&want, 1))
            continue;
        if (want.chunk != UINT64_MAX) {
            struct diag *d = diag(p->c->diags, E0631, dma->at,
                                  "`dma identity` needs memory `%s` at its host address, which is unknown", m->m->name);
            diag_note(d, m->m->at, "it is wherever the host has it");
            diag_help(
                d,
                "write `dma bus unsafe;` and `from contiguous`, if the guest's kernel knows `dma-ranges` as Linux "
                "does; else `memory %s at 0x... size 0x%" PRIx64 " from physical 0x...` with the same address twice",
                m->m->name, m->size);
        } else {
            struct diag *d = diag(p->c->diags, E0632, dma->at,
                                  "without an IOMMU, memory `%s` needs the same address as on the host", m->m->name);
            diag_note(d, m->m->at, "it is at 0x%" PRIx64 " in the guest and at 0x%" PRIx64 " on the host", m->address,
                      want.host);
            diag_help(d,
                      "write `memory %s at 0x%" PRIx64
                      " ...`; or `dma bus unsafe;`, which tells Linux in the guest where "
                      "the host has it",
                      m->m->name, want.host);
        }
    }
}
