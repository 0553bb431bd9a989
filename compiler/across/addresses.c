// SPDX-License-Identifier: MIT
// Collects who owns physical addresses of the host: registers, also those that are dropped, memory, windows of PCI
// buses.
#include "across/owners.h"

#include <stdlib.h>

/* Registers of nodes that are below another node, and belong to somebody else. */
struct hole {
    uint64_t first, last;
};

struct collect {
    struct planner *p;
    struct owner_table *t;
    const struct p_device **device_of; // by node id
    VEC(struct hole) holes;            // of the node at hand, sorted
};

bool get_host_range(const struct p_region *r, uint64_t *first, uint64_t *last)
{
    *first = r->host;
    *last = r->host + (r->size - 1);
    return r->size && r->host != UINT64_MAX && *last >= *first;
}

static int by_first(const void *a, const void *b)
{
    const struct hole *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

/*
 * Lists what is not a node's own of its registers and windows: those of nodes below it that another statement gives
 * away. check_pages() looks at whether that is allowed. No tree is deep, so that this takes few steps for each node.
 */
static void list_holes(struct collect *s, const struct dt_node *node)
{
    const struct owner *mine = s->p->host_owner[node->id];
    s->holes.n = 0;
    for (const struct dt_node *n = dt_next(node, node); n; n = dt_next(n, node)) {
        const struct owner *o = s->p->host_owner[n->id];
        const struct p_device *d = s->device_of[n->id];
        if (!o || !d || (mine && o->machine == mine->machine && o->top == mine->top))
            continue;
        for (uint32_t i = 0; i < d->regions.n; i++) {
            struct hole h;
            if (get_host_range(d->regions.at[i], &h.first, &h.last))
                vec_push(draft_arena(s->p->c), &s->holes, h);
        }
    }
    if (s->holes.n)
        qsort(s->holes.at, s->holes.n, sizeof *s->holes.at, by_first);
}

/* Adds what lies between the holes. */
static void add_around_holes(struct collect *s, struct owned o)
{
    uint64_t last = o.last;
    for (uint32_t i = 0; i < s->holes.n && s->holes.at[i].first <= last; i++) {
        const struct hole *h = &s->holes.at[i];
        if (h->last < o.first)
            continue;
        o.last = h->first - 1;
        if (h->first > o.first)
            add_owned(s->t, &o);
        if (h->last >= last)
            return;
        o.first = h->last + 1;
    }
    o.last = last;
    add_owned(s->t, &o);
}

static void add_devices(struct collect *s, const struct p_machine *m)
{
    for (uint32_t k = 0; k < m->devices.n; k++) {
        const struct p_device *d = m->devices.at[k];
        s->holes.n = 0;
        if (s->p->host && d->host && d->host->child && d->regions.n)
            list_holes(s, d->host);
        for (uint32_t r = 0; r < d->regions.n; r++) {
            const struct p_region *g = d->regions.at[r];
            struct owned o = {0, 0, NULL, g, m, &g->at, OWN_PHYSICAL, OWN_IS_REGION};
            if (d->kind == DEV_RAW && g->mode == REGION_DROP)
                continue;                                           // nobody has it
            if (!g->shadow && get_host_range(g, &o.first, &o.last)) // of a shadow, bits have owners
                add_around_holes(s, o);
        }
    }
}

static void add_memory(struct collect *s, const struct p_machine *m)
{
    for (uint32_t k = 0; k < m->memory.n; k++) {
        const struct p_memory *g = &m->memory.at[k];
        uint64_t from = g->m->back_arg.value;
        if (g->size && g->m->backing == BACK_PHYSICAL && from + (g->size - 1) >= from)
            add_owned(s->t,
                      &(struct owned){from, from + (g->size - 1), NULL, g, m, &g->m->at, OWN_PHYSICAL, OWN_IS_MEMORY});
    }
}

/*
 * The functions behind a PCI bus are in no tree: what is in its windows belongs to whoever has the bus. Those of a bus
 * on another one are in that one's windows.
 */
static void add_host_windows(struct collect *s)
{
    const struct host *h = s->p->host;
    const struct dt_node *root = h->tree->root;
    for (const struct dt_node *n = root; n; n = dt_next(n, root)) {
        struct owned o = {0, 0, NULL, n, NULL, NULL, OWN_PHYSICAL, OWN_IS_WINDOW};
        uint64_t first, last;
        if (s->p->host_owner[n->id] || !host_pci_window(h, n, 0, &first, &last) ||
            host_pci_window(h, n->parent, 0, &first, &last) || host_node_is_idle(s->p, n))
            continue;
        list_holes(s, n);
        for (uint32_t i = 0; host_pci_window(h, n, i, &o.first, &o.last); i++)
            if (o.first <= o.last)
                add_around_holes(s, o);
    }
}

void collect_addresses(struct planner *p, struct owner_table *t)
{
    struct collect s = {.p = p, .t = t};
    if (p->host)
        s.device_of = arena_array(draft_arena(p->c), p->host->tree->nnodes, sizeof *s.device_of);
    for (uint32_t i = 0; p->host && i < p->plan->machines.n; i++) {
        const struct p_machine *m = p->plan->machines.at[i];
        for (uint32_t k = 0; k < m->devices.n; k++)
            if (m->devices.at[k]->host && m->devices.at[k]->kind != DEV_RAW)
                s.device_of[m->devices.at[k]->host->id] = m->devices.at[k];
    }
    for (uint32_t i = 0; i < p->plan->machines.n; i++) {
        add_devices(&s, p->plan->machines.at[i]);
        add_memory(&s, p->plan->machines.at[i]);
    }
    if (p->host)
        add_host_windows(&s);
}
