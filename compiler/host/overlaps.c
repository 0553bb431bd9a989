// SPDX-License-Identifier: MIT
// Which regions of the host overlap a range of addresses.
#include "host/internal.h"

#include <stdlib.h>

/*
 * Sorted by first address, and read as a binary tree: the middle of a range of entries is its top. Each entry knows
 * the largest last address below it, so a search goes only where something overlaps.
 */
struct host_span {
    uint64_t first, last;
    uint64_t reach; // largest last address in the part of the array that this entry is the middle of
    uint32_t region;
};

static int by_address(const void *a, const void *b)
{
    const struct host_span *x = a, *y = b;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return (x->region > y->region) - (x->region < y->region);
}

static uint64_t set_reach(struct host_span *s, uint32_t lo, uint32_t hi)
{
    if (lo == hi)
        return 0;
    uint32_t mid = lo + (hi - lo) / 2;
    uint64_t reach = s[mid].last, left = set_reach(s, lo, mid), right = set_reach(s, mid + 1, hi);
    if (left > reach)
        reach = left;
    if (right > reach)
        reach = right;
    return s[mid].reach = reach;
}

void host_make_spans(struct machc *c, struct host *h)
{
    h->spans = arena_array(c->arena, h->nregions, sizeof *h->spans);
    for (uint32_t i = 0; i < h->nregions; i++) {
        const struct host_region *r = &h->regions[i];
        if (r->translated && r->size)
            h->spans[h->nspans++] = (struct host_span){r->address, r->address + (r->size - 1), 0, i};
    }
    if (h->nspans)
        qsort(h->spans, h->nspans, sizeof *h->spans, by_address);
    set_reach(h->spans, 0, h->nspans);
}

/* ---- groups ---- */

struct furthest {
    const void *group; // NULL: there is none
    uint64_t last;
};

/* Beside an entry of the spans: its group; and which reach furthest in its part of the array, of two groups. */
struct host_groups {
    const void *group;
    struct furthest best[2];
};

static void add_reach(struct furthest best[2], struct furthest x)
{
    if (!x.group)
        return;
    if (best[0].group == x.group) {
        best[0].last = best[0].last > x.last ? best[0].last : x.last;
    } else if (!best[0].group || x.last > best[0].last) {
        best[1] = best[0];
        best[0] = x;
    } else if (!best[1].group || x.last > best[1].last) {
        best[1] = x;
    }
}

static struct host_groups *set_best(struct host_groups *g, const struct host_span *s, uint32_t lo, uint32_t hi)
{
    if (lo == hi)
        return NULL;
    uint32_t mid = lo + (hi - lo) / 2;
    const struct host_groups *parts[] = {set_best(g, s, lo, mid), set_best(g, s, mid + 1, hi)};
    add_reach(g[mid].best, (struct furthest){g[mid].group, s[mid].last});
    for (uint32_t i = 0; i < 2; i++)
        for (uint32_t k = 0; parts[i] && k < 2; k++)
            add_reach(g[mid].best, parts[i]->best[k]);
    return &g[mid];
}

struct host_groups *host_group_regions(struct arena *a, const struct host *h,
                                       const void *(*group_of)(void *opaque, const struct host_region *r), void *opaque)
{
    struct host_groups *g = arena_array(a, h->nspans, sizeof *g);
    for (uint32_t i = 0; i < h->nspans; i++)
        g[i].group = group_of(opaque, &h->regions[h->spans[i].region]);
    set_best(g, h->spans, 0, h->nspans);
    return g;
}

/* ---- searches ---- */

/* A question. */
struct query {
    const struct host *h;
    const struct host_groups *groups; // NULL: all regions are looked at
    const void *but;                  // this group is left out
    uint64_t first, last;
    bool (*each)(void *opaque, const struct host_region *r);
    void *opaque;
};

/* Whether something that is looked at reaches the range, in the part of the array that the entry is the middle of. */
static bool reaches(const struct query *q, uint32_t mid)
{
    if (!q->groups)
        return q->h->spans[mid].reach >= q->first;
    const struct furthest *best = q->groups[mid].best;
    best += best->group == q->but;
    return best->group && best->last >= q->first;
}

static bool is_looked_at(const struct query *q, uint32_t mid)
{
    return !q->groups || (q->groups[mid].group && q->groups[mid].group != q->but);
}

static bool search(const struct query *q, uint32_t lo, uint32_t hi)
{
    if (lo == hi)
        return true;
    uint32_t mid = lo + (hi - lo) / 2;
    const struct host_span *s = &q->h->spans[mid];
    if (!reaches(q, mid))
        return true;
    if (!search(q, lo, mid))
        return false;
    if (s->first > q->last)
        return true;
    if (s->last >= q->first && is_looked_at(q, mid) && !q->each(q->opaque, &q->h->regions[s->region]))
        return false;
    return search(q, mid + 1, hi);
}

void host_overlaps_but(const struct host *h, const struct host_groups *groups, const void *but, uint64_t address,
                       uint64_t size, bool (*each)(void *opaque, const struct host_region *r), void *opaque)
{
    if (!size)
        return;
    uint64_t last = address + (size - 1);
    struct query q = {h, groups, but, address, last < address ? UINT64_MAX : last, each, opaque};
    search(&q, 0, h->nspans);
}

void host_overlaps(const struct host *h, uint64_t address, uint64_t size,
                   bool (*each)(void *opaque, const struct host_region *r), void *opaque)
{
    host_overlaps_but(h, NULL, NULL, address, size, each, opaque);
}
