// SPDX-License-Identifier: MIT
// The guest's physical address space: what is taken, and where the rest goes.
#include "plan/work.h"

#include <inttypes.h>
#include <stdlib.h>

void claim(struct planner *p, uint64_t address, uint64_t size, const char *what, struct src where)
{
    if (!size)
        return;
    uint64_t last = address + (size - 1);
    if (last < address) {
        diag(p->c->diags, E0501, where, "%s ends beyond the last address: 0x%" PRIx64 " + 0x%" PRIx64, what, address, size);
        return;
    }
    vec_push(draft_arena(p->c), &p->claims, ((struct claim){address, last, what, where}));
}

static int by_address(const void *a, const void *b)
{
    const struct claim *x = a, *y = b;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    // The order of the text decides between equals, so that messages do not depend on the sort.
    if (x->at.loc.file != y->at.loc.file)
        return x->at.loc.file < y->at.loc.file ? -1 : 1;
    return x->at.loc.start < y->at.loc.start ? -1 : x->at.loc.start > y->at.loc.start;
}

static bool later(struct src a, struct src b)
{
    return a.loc.file != b.loc.file ? a.loc.file > b.loc.file : a.loc.start > b.loc.start;
}

void claims_check(struct planner *p)
{
    if (p->claims.n)
        qsort(p->claims.at, p->claims.n, sizeof *p->claims.at, by_address);
    const struct claim *reach = NULL; // of those before, the one that ends last
    for (uint32_t i = 0; i < p->claims.n; i++) {
        const struct claim *k = &p->claims.at[i];
        if (reach && k->first <= reach->last) {
            const struct claim *a = later(k->at, reach->at) ? k : reach, *b = a == k ? reach : k;
            uint64_t last = a->last < b->last ? a->last : b->last;
            struct diag *d = diag(p->c->diags, E0502, a->at, "%s overlaps %s in the guest, at 0x%" PRIx64 "..0x%" PRIx64, a->what,
                                  b->what, k->first, last);
            diag_label(d, "0x%" PRIx64 "..0x%" PRIx64, a->first, a->last);
            diag_note(d, b->at, "%s is at 0x%" PRIx64 "..0x%" PRIx64, b->what, b->first, b->last);
            diag_help(d, "give one of them another place: `at ADDRESS`");
        }
        if (!reach || k->last > reach->last)
            reach = k;
    }
}

/*
 * The first free place at or above `from`, a multiple of `align`, that ends below `end`. The claims
 * are sorted; *next is where the search left off, so that many searches upwards are one walk.
 */
static bool find_free(struct planner *p, uint32_t *next, uint64_t from, uint64_t end, uint64_t size, uint64_t align, uint64_t *place)
{
    uint64_t at = from;
    for (;;) {
        if (at > UINT64_MAX - (align - 1))
            return false;
        at = (at + (align - 1)) / align * align;
        if (at > end || end - at < size)
            return false;
        while (*next < p->claims.n && p->claims.at[*next].last < at)
            ++*next;
        if (*next >= p->claims.n || p->claims.at[*next].first - at >= size || p->claims.at[*next].first < at) {
            if (*next < p->claims.n && p->claims.at[*next].first <= at) {
                at = p->claims.at[*next].last + 1;
                if (!at)
                    return false;
                continue;
            }
            *place = at;
            return true;
        }
        at = p->claims.at[*next].last + 1;
        if (!at)
            return false;
    }
}

void choose_memory(struct planner *p)
{
    enum { MEMORY_ALIGN = 2 * 1024 * 1024 }; // one block of a second-level page table with 4K pages
    uint32_t next = 0;
    uint64_t from = p->m->m->platform->mmio_end;
    for (uint32_t i = 0; i < p->m->memory.n; i++) {
        struct p_memory *m = &p->m->memory.at[i];
        if (m->how != HOW_CHOSEN)
            continue;
        if (!find_free(p, &next, from, UINT64_MAX, m->size, MEMORY_ALIGN, &m->address)) {
            diag_help(diag(p->c->diags, E0503, m->m->at, "no place is left for the 0x%" PRIx64 " bytes of memory `%s`", m->size, m->m->name),
                      "write `at ADDRESS`");
            continue;
        }
        from = m->address + m->size;
    }
}

void choose_devices(struct planner *p)
{
    const struct platform *pl = p->m->m->platform;
    uint64_t page = p->model->page_size;
    uint64_t from = pl->mmio_base;
    uint32_t next = 0;
    for (uint32_t i = 0; i < p->bare.n; i++) {
        struct p_device *d = p->bare.at[i];
        for (uint32_t k = 0; k < d->regions.n; k++) {
            struct p_region *r = d->regions.at[k];
            if (r->how != HOW_CHOSEN)
                continue;
            // A page of its own: what the VMM traps and what it maps must not meet in one.
            uint64_t align = r->align > page ? r->align : page;
            if (!find_free(p, &next, from, pl->mmio_end, r->size, align, &r->guest)) {
                diag_help(diag(p->c->diags, E0504, r->at, "no place is left in 0x%" PRIx64 "..0x%" PRIx64 " for the 0x%" PRIx64 " bytes of `%s`",
                               pl->mmio_base, pl->mmio_end - 1, r->size, d->name),
                          "write `at ADDRESS`");
                r->guest = 0;
                continue;
            }
            from = r->guest + r->size;
        }
    }
}
