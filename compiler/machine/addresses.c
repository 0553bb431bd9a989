// SPDX-License-Identifier: MIT
// The guest's physical address space: collects and checks the claims to it, and chooses addresses for the rest.
#include "base/sorted.h"
#include "machine/machine.h"

#include <inttypes.h>
#include <stdlib.h>

/* Describes a claim in messages. The text is made only here, because most claims appear in no message. */
static const char *claim_text(struct machine_planner *p, const struct claim *k)
{
    const struct p_region *r = k->region;
    return k->what ? k->what : describe_region(p->c, r);
}

/* Returns the last guest physical address of the platform. */
static uint64_t last_address(const struct machine_planner *p)
{
    uint32_t bits = p->m->m->platform->address_bits;
    return bits && bits < 64 ? ((uint64_t)1 << bits) - 1 : UINT64_MAX;
}

static void add_claim(struct machine_planner *p, uint64_t address, uint64_t size, const char *what, struct src where,
                      const struct p_region *region)
{
    if (!size)
        return;
    struct claim k = {address, address + (size - 1), what, where, region};
    uint64_t last = last_address(p);
    if (k.last < address || k.last > last) {
        struct diag *d = diag(p->c->diags, E0501, where, "%s ends beyond the last address: 0x%" PRIx64 " + 0x%" PRIx64,
                              claim_text(p, &k), address, size);
        if (last != UINT64_MAX)
            diag_label(d, "physical addresses of `%s` have %" PRIu32 " bits", p->m->m->platform->name,
                       p->m->m->platform->address_bits);
        if (size - 1 <= last)
            diag_help(d, "choose an address up to 0x%" PRIx64, (last - (size - 1)) & ~(p->model->page_size - 1));
        else
            diag_help(d, "make it smaller");
        return;
    }
    vec_push(draft_arena(p->c), &p->claims, k);
}

void claim_range(struct machine_planner *p, uint64_t address, uint64_t size, const char *what, struct src where)
{
    add_claim(p, address, size, what, where, NULL);
}

void claim_region(struct machine_planner *p, const struct p_region *r, const char *what, struct src where)
{
    add_claim(p, r->guest, r->size, what, where, r);
}

static int by_address(const void *a, const void *b)
{
    const struct claim *x = a, *y = b;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    // Equal addresses are sorted by their order in the text, so that messages do not depend on the sort.
    return src_compare(x->at, y->at);
}

/*
 * Whether the pages of a claim are mapped from the host, and therefore as a whole. Accesses to other claims are
 * trapped, or their pages hold nothing else.
 */
static bool is_mapped(const struct claim *k)
{
    return k->region && k->region->mode == REGION_MAP;
}

/*
 * Whether both are registers of the host that are mapped in the same way at the same offset: one mapping serves both.
 */
static bool is_one_mapping(const struct claim *a, const struct claim *b)
{
    const struct p_region *x = a->region, *y = b->region;
    return x && y && x->host != UINT64_MAX && y->host != UINT64_MAX && x->guest - x->host == y->guest - y->host &&
           x->mode == y->mode;
}

/* Whether a claim is mapped into the guest on its own: less than whole pages is trapped. */
static bool takes_slot(const struct machine_planner *p, const struct claim *k)
{
    const struct p_region *r = k->region;
    return is_mapped(k) && r->host != UINT64_MAX && !((r->host | r->guest | r->size) & (p->model->page_size - 1));
}

/* KVM has one mapping for a guest address. */
static void report_two_slots(struct machine_planner *p, const struct claim *x, const struct claim *y)
{
    const struct claim *a = src_compare(x->at, y->at) > 0 ? x : y, *b = a == x ? y : x;
    struct diag *d = diag(p->c->diags, E0544, a->at, "%s and %s are the same registers, mapped twice into the guest",
                          claim_text(p, a), claim_text(p, b));
    diag_label(d, "0x%" PRIx64 "..0x%" PRIx64, a->first, a->last);
    diag_note(d, b->at, "%s is at 0x%" PRIx64 "..0x%" PRIx64, claim_text(p, b), b->first, b->last);
    diag_help(d, "`drop` the region of one of them, or remove one of the devices");
}

/* Reports claim `a` if it begins in the page in which `b` (or NULL) ends. */
static void check_shared_page(struct machine_planner *p, const struct claim *a, const struct claim *b)
{
    uint64_t page = p->model->page_size;
    if (!b || b->last / page != a->first / page || is_one_mapping(a, b))
        return;
    const struct claim *l = src_compare(a->at, b->at) > 0 ? a : b, *f = l == a ? b : a;
    struct diag *d = diag(p->c->diags, E0529, l->at, "%s and %s are in one page of the guest, at 0x%" PRIx64 ", but %s",
                          claim_text(p, l), claim_text(p, f), a->first / page * page,
                          is_mapped(a) && is_mapped(b) ? "in two pages of the host" : "only one of them is mapped");
    diag_label(d, "0x%" PRIx64 "..0x%" PRIx64, l->first, l->last);
    diag_note(d, f->at, "%s is at 0x%" PRIx64 "..0x%" PRIx64, claim_text(p, f), f->first, f->last);
    const struct p_region *r = is_mapped(l) ? l->region : f->region;
    diag_help(d, "move one of them to another page, `at ADDRESS`, or forward accesses: `region %u trap;`", r->index);
}

static void check_claims(struct machine_planner *p)
{
    if (p->claims.n)
        qsort(p->claims.at, p->claims.n, sizeof *p->claims.at, by_address);
    const struct claim *reach = NULL;                 // the claim so far that ends last
    const struct claim *mapped = NULL, *other = NULL; // the same among those that are mapped, and among the others
    const struct claim *slot = NULL;                  // the same among those that take a slot
    for (uint32_t i = 0; i < p->claims.n; i++) {
        const struct claim *k = &p->claims.at[i];
        if (!reach || k->first > reach->last) {
            check_shared_page(p, k, mapped);
            if (is_mapped(k))
                check_shared_page(p, k, other);
        }
        const struct claim **kind = is_mapped(k) ? &mapped : &other;
        if (!*kind || k->last > (*kind)->last)
            *kind = k;
        if (reach && k->first <= reach->last && !is_one_mapping(k, reach)) {
            const struct claim *a = src_compare(k->at, reach->at) > 0 ? k : reach, *b = a == k ? reach : k;
            uint64_t last = a->last < b->last ? a->last : b->last;
            struct diag *d =
                diag(p->c->diags, E0502, a->at, "%s overlaps %s in the guest, at 0x%" PRIx64 "..0x%" PRIx64,
                     claim_text(p, a), claim_text(p, b), k->first, last);
            diag_label(d, "0x%" PRIx64 "..0x%" PRIx64, a->first, a->last);
            diag_note(d, b->at, "%s is at 0x%" PRIx64 "..0x%" PRIx64, claim_text(p, b), b->first, b->last);
            bool window = (a->region && a->region->window) || (b->region && b->region->window);
            diag_help(d,
                      window ? "move the other one, because a window is fixed on its bus: `at ADDRESS`%s"
                             : "move one of them: `at ADDRESS`%s",
                      !window && (is_mapped(a) || is_mapped(b)) ? ", or remove it: `drop`" : "");
        }
        if (takes_slot(p, k)) {
            if (slot && k->first <= slot->last && is_one_mapping(k, slot))
                report_two_slots(p, k, slot);
            slot = !slot || k->last > slot->last ? k : slot;
        }
        if (!reach || k->last > reach->last)
            reach = k;
    }
}

/* ---- shadows ---- */

static int by_host(const void *a, const void *b)
{
    const struct p_region *x = *(struct p_region *const *)a, *y = *(struct p_region *const *)b;
    if (x->host != y->host)
        return x->host < y->host ? -1 : 1;
    return src_compare(x->at, y->at);
}

/* What has been claimed below the address at hand, in a walk over the claims. */
struct claim_walk {
    uint32_t next;            // claim
    bool any, mapped;         // there are claims so far; some of them are mapped
    uint64_t last, last_page; // the last address that is claimed, and the last page that is mapped
};

/*
 * Whether accesses to the host's addresses of a region can exit in the guest: no claim overlaps them, and nothing is
 * mapped in their pages. Called for regions in ascending order; the claims are sorted.
 */
static bool can_trap_host_range(const struct machine_planner *p, struct claim_walk *w, const struct p_region *r)
{
    uint64_t page = p->model->page_size, first = r->host, last = first + (r->size - 1);
    for (; w->next < p->claims.n && p->claims.at[w->next].first <= first; w->next++) {
        const struct claim *k = &p->claims.at[w->next];
        w->last = w->any && w->last > k->last ? w->last : k->last;
        w->any = true;
        if (is_mapped(k)) {
            w->last_page = w->mapped && w->last_page > k->last / page ? w->last_page : k->last / page;
            w->mapped = true;
        }
    }
    if (last < first || last > last_address(p) || (w->any && w->last >= first) ||
        (w->mapped && w->last_page >= first / page))
        return false;
    for (uint32_t i = w->next; i < p->claims.n && p->claims.at[i].first / page <= last / page; i++)
        if (p->claims.at[i].first <= last || is_mapped(&p->claims.at[i]))
            return false;
    w->last = last;
    return w->any = true;
}

/* Claims the host's addresses for shadows, where they are free in the guest; those of the others are chosen later. */
static void claim_shadows(struct machine_planner *p)
{
    struct claim_walk w = {0};
    VEC(struct p_region *) shadows = {0};
    for (uint32_t i = 0; i < p->copies.n; i++)
        if (p->copies.at[i]->shadow)
            vec_push(draft_arena(p->c), &shadows, p->copies.at[i]->shadow);
    if (!shadows.n)
        return;
    qsort(shadows.at, shadows.n, sizeof *shadows.at, by_host);
    if (p->claims.n)
        qsort(p->claims.at, p->claims.n, sizeof *p->claims.at, by_address);
    for (uint32_t i = 0; i < shadows.n; i++) {
        struct p_region *r = shadows.at[i];
        if (can_trap_host_range(p, &w, r))
            continue;
        r->guest = UINT64_MAX;
        r->how = HOW_CHOSEN;
    }
    for (uint32_t i = 0; i < shadows.n; i++)
        if (shadows.at[i]->how == HOW_DEFAULT)
            claim_region(p, shadows.at[i], NULL, shadows.at[i]->at);
}

/*
 * Finds the lowest free range of `size` bytes in [from, end) that is aligned to `align`. The claims must be sorted. The
 * search starts at claim *first, which must not begin above `from`, and sets *first to where it ended, so that many
 * searches with rising `from` are one walk. If it finds nothing, *first does not change.
 */
static bool search_claims(const struct machine_planner *p, uint32_t *first, uint64_t from, uint64_t end, uint64_t size,
                          uint64_t align, uint64_t *found)
{
    uint64_t at = from;
    for (uint32_t next = *first;;) {
        if (at > UINT64_MAX - (align - 1))
            return false;
        at = (at + (align - 1)) / align * align;
        if (at > end || end - at < size)
            return false;
        while (next < p->claims.n && p->claims.at[next].last < at)
            next++;
        const struct claim *k = next < p->claims.n ? &p->claims.at[next] : NULL;
        if (!k || (k->first > at && k->first - at >= size)) {
            *found = at;
            *first = next;
            return true;
        }
        at = k->last + 1;
        if (!at)
            return false;
    }
}

bool is_range_free(const struct machine_planner *p, uint64_t address, uint64_t size)
{
    for (uint32_t i = 0; i < p->claims.n && size; i++)
        if (p->claims.at[i].first <= address + (size - 1) && p->claims.at[i].last >= address)
            return false;
    return true;
}

bool find_free_range(struct machine_planner *p, uint64_t from, uint64_t end, uint64_t size, uint64_t align,
                     uint64_t *found)
{
    uint32_t first = 0;
    if (p->claims.n)
        qsort(p->claims.at, p->claims.n, sizeof *p->claims.at, by_address);
    return search_claims(p, &first, from, end, size, align, found);
}

/* KVM can map a huge page as one only if the guest address is aligned to it as well. */
static uint64_t alignment_of(const struct m_memory *m)
{
    uint64_t huge = m->backing == BACK_HUGETLB ? m->back_arg.value : m->page.value;
    return huge > HUGE_PAGE && !(huge & (huge - 1)) ? huge : HUGE_PAGE;
}

/* Where the next memory is looked for. */
struct memory_search {
    uint64_t from, end;
    uint32_t next; // claim
};

/* Chooses addresses for memory whose place on the host counts, or for all other. */
static void choose_some_addresses(struct machine_planner *p, struct memory_search *s, bool placed)
{
    const struct platform *pl = p->m->m->platform;
    for (uint32_t i = 0; i < p->m->memory.n; i++) {
        struct p_memory *m = &p->m->memory.at[i];
        if (m->how != HOW_CHOSEN || (p->has_dma_bus && is_placed(m->m) != placed))
            continue;
        uint64_t align = alignment_of(m->m), from = s->from, end = s->end;
        uint32_t next = s->next;
        bool found = search_claims(p, &next, from, end, m->size, align, &m->address);
        if (found && m->address < pl->mmio_end && m->address + (m->size - 1) >= pl->mmio_base) {
            from = pl->mmio_end; // the range before it is for devices, whose addresses are chosen after memory's
            found = search_claims(p, &next, from, end, m->size, align, &m->address);
        }
        if (!found) {
            diag_help(diag(p->c->diags, E0503, m->m->at,
                           "no free guest address is left for the 0x%" PRIx64 " bytes of memory `%s`", m->size,
                           m->m->name),
                      "write `at ADDRESS`");
            continue;
        }
        // A buffer that crossed from one bank into the next would have one device address for both.
        s->from = m->address + m->size + (p->has_dma_bus ? HUGE_PAGE : 0);
        s->next = next;
    }
}

/* Keeps a gap free on both sides of memory whose address is written, see above. */
static void claim_gaps(struct machine_planner *p)
{
    uint64_t last = last_address(p);
    for (uint32_t i = 0; i < p->m->memory.n; i++) {
        const struct p_memory *m = &p->m->memory.at[i];
        if (m->how != HOW_WRITTEN || !m->size || m->address + (m->size - 1) > last)
            continue;
        uint64_t below = m->address < HUGE_PAGE ? m->address : HUGE_PAGE, above = last - (m->address + (m->size - 1));
        claim_range(p, m->address - below, below, "gap", m->m->at);
        claim_range(p, m->address + m->size, above < HUGE_PAGE ? above : HUGE_PAGE, "gap", m->m->at);
    }
    qsort(p->claims.at, p->claims.n, sizeof *p->claims.at, by_address);
}

/*
 * Memory in the order of the text; what devices reach without an IOMMU comes first: Linux makes what lies below the end
 * of their reach its ZONE_DMA, which its bounce buffers come from.
 */
static void choose_memory_addresses(struct machine_planner *p)
{
    uint64_t last = last_address(p);
    struct memory_search s = {p->m->m->platform->memory_base, last == UINT64_MAX ? last : last + 1, 0};
    if (p->has_dma_bus)
        claim_gaps(p);
    choose_some_addresses(p, &s, true);
    if (p->has_dma_bus)
        choose_some_addresses(p, &s, false);
}

/* A range that was skipped because it was too small or not aligned. */
struct gap {
    uint64_t first, end;
};

struct gaps {
    VEC(struct gap) list;
};

/* Takes a range from the first gap that is large enough, and keeps what is left on both sides of it as gaps. */
static bool take_from_gap(struct machine_planner *p, struct gaps *g, uint64_t size, uint64_t align, uint64_t *found)
{
    for (uint32_t i = 0; i < g->list.n; i++) {
        struct gap *x = &g->list.at[i];
        if (x->end - x->first < size)
            continue;
        uint32_t lo = sorted_up_to(p->claims.at, p->claims.n, sizeof *p->claims.at, x->first);
        lo -= lo > 0;
        if (!search_claims(p, &lo, x->first, x->end, size, align, found))
            continue;
        uint64_t end = x->end;
        x->end = *found;
        vec_push(draft_arena(p->c), &g->list, ((struct gap){*found + size, end}));
        return true;
    }
    return false;
}

static void choose_device_addresses(struct machine_planner *p)
{
    const struct platform *pl = p->m->m->platform;
    uint64_t page = p->model->page_size;
    uint64_t from = pl->mmio_base;
    uint32_t next = 0;
    struct gaps gaps = {0};
    for (uint32_t i = 0; i < p->bare.n; i++) {
        struct p_device *d = p->bare.at[i];
        for (uint32_t k = 0; k < d->regions.n; k++) {
            struct p_region *r = d->regions.at[k];
            if (r->how != HOW_CHOSEN)
                continue;
            // Each region gets pages of its own: a page cannot be both trapped and mapped.
            uint64_t align = r->align > page ? r->align : page;
            uint64_t size = r->size > UINT64_MAX - page ? r->size : (r->size + (page - 1)) / page * page;
            if (search_claims(p, &next, from, pl->mmio_end, size, align, &r->guest)) {
                if (r->guest > from)
                    vec_push(draft_arena(p->c), &gaps.list, ((struct gap){from, r->guest}));
                from = r->guest + size;
            } else if (!take_from_gap(p, &gaps, size, align, &r->guest)) {
                diag_help(diag(p->c->diags, E0504, r->at,
                               "no free guest address is left in 0x%" PRIx64 "..0x%" PRIx64 " for the 0x%" PRIx64
                               " bytes of `%s`",
                               pl->mmio_base, pl->mmio_end - 1, r->size, d->name),
                          r->index && d->emulated
                              ? "move other objects out of this range: `at` is only the address of its first region"
                              : "write `at ADDRESS`");
            }
        }
    }
}

static void free_claims(struct machine_planner *p)
{
    arena_release(draft_arena(p->c), p->claims.at, p->claims.room * sizeof *p->claims.at);
    p->claims.at = NULL;
    p->claims.n = p->claims.room = 0;
}

void choose_addresses(struct machine_planner *p)
{
    enter_step(p, STEP_ADDRESSES);
    choose_irqchip_addresses(p);
    claim_shadows(p);
    check_claims(p);
    choose_memory_addresses(p);
    choose_device_addresses(p);
    free_claims(p);
}
