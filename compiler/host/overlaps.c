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

/* A question. */
struct query {
    const struct host *h;
    uint64_t first, last;
    bool (*each)(void *opaque, const struct host_region *r);
    void *opaque;
};

static bool search(const struct query *q, uint32_t lo, uint32_t hi)
{
    if (lo == hi)
        return true;
    uint32_t mid = lo + (hi - lo) / 2;
    const struct host_span *s = &q->h->spans[mid];
    if (s->reach < q->first)
        return true;
    if (!search(q, lo, mid))
        return false;
    if (s->first > q->last)
        return true;
    if (s->last >= q->first && !q->each(q->opaque, &q->h->regions[s->region]))
        return false;
    return search(q, mid + 1, hi);
}

void host_overlaps(const struct host *h, uint64_t address, uint64_t size,
                   bool (*each)(void *opaque, const struct host_region *r), void *opaque)
{
    if (!size)
        return;
    uint64_t last = address + (size - 1);
    struct query q = {h, address, last < address ? UINT64_MAX : last, each, opaque};
    search(&q, 0, h->nspans);
}
