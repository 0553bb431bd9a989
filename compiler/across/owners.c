// SPDX-License-Identifier: MIT
// Fills, sorts and checks the table of owners, one space at a time.
#include "across/owners.h"

#include <inttypes.h>
#include <stdlib.h>

void add_owned(struct owner_table *t, const struct owned *o)
{
    vec_push(t->arena, &t->list, *o);
}

/* ---- the order of entries ---- */

static int compare_places(const struct src *a, const struct src *b)
{
    if (!a || !b)
        return !a - !b; // the host comes last
    return src_compare(*a, *b);
}

/* Compares what has the numbers: entries of different ones never conflict. */
static int by_whose(const struct owned *a, const struct owned *b)
{
    if (a->in == b->in || !a->in || !b->in)
        return 0;
    if (a->space == OWN_FILE)
        return strcmp(a->in, b->in);
    if (a->space == OWN_DMA_ID)
        return strcmp(((const struct schema_dma_id *)a->in)->property, ((const struct schema_dma_id *)b->in)->property);
    uint32_t x = ((const struct dt_node *)a->in)->id, y = ((const struct dt_node *)b->in)->id;
    return (x > y) - (x < y);
}

bool is_other_thing(const struct owned *a, const struct owned *b)
{
    return by_whose(a, b) != 0;
}

/* Compares only what the text or the tree has, never pointers, so that the order is the same in each run. */
static int by_thing(const void *a, const void *b)
{
    const struct owned *x = a, *y = b;
    int order = by_whose(x, y);
    if (!order)
        order = (x->first > y->first) - (x->first < y->first);
    if (!order)
        order = (x->last > y->last) - (x->last < y->last);
    if (!order)
        order = compare_places(x->at, y->at);
    if (!order && x->what == OWN_IS_NODE && y->what == OWN_IS_NODE)
        order = (((const struct dt_node *)x->by)->id > ((const struct dt_node *)y->by)->id) -
                (((const struct dt_node *)x->by)->id < ((const struct dt_node *)y->by)->id);
    if (!order && x->what == OWN_IS_IRQ && y->what == OWN_IS_IRQ)
        order = (((const struct p_irq *)x->by)->index > ((const struct p_irq *)y->by)->index) -
                (((const struct p_irq *)x->by)->index < ((const struct p_irq *)y->by)->index);
    return order;
}

static void sort_table(struct owner_table *t)
{
    bool sorted = true; // it often is, and the check is much faster than a sort
    for (uint32_t i = 1; i < t->list.n && sorted; i++)
        sorted = by_thing(&t->list.at[i - 1], &t->list.at[i]) <= 0;
    if (!sorted)
        qsort(t->list.at, t->list.n, sizeof *t->list.at, by_thing);
}

/* ---- two owners ---- */

static bool is_later(const struct owned *a, const struct owned *b)
{
    return a->at && (!b->at || compare_places(a->at, b->at) >= 0);
}

/* What was reported last. */
struct report {
    struct planner *p;
    void (*conflict)(struct planner *p, const struct owned *a, const struct owned *b);
    const struct owned *reported;
    const void *pair[2];
};

/*
 * One message is enough if many devices of the host have the id of a guest's device, or if two devices have many ids in
 * common.
 */
static void report_pair(void *opaque, const struct owned *x, const struct owned *y)
{
    struct report *r = opaque;
    const struct owned *a = is_later(x, y) ? x : y, *b = a == x ? y : x;
    if ((b->machine || a != r->reported) && (a->by != r->pair[0] || b->by != r->pair[1]))
        r->conflict(r->p, a, b);
    r->reported = a;
    r->pair[0] = a->by;
    r->pair[1] = b->by;
}

/* ---- cpus ---- */

static void collect_cpus(struct planner *p, struct owner_table *t)
{
    uint32_t ncpus = (p->host ? p->host->ncpus : 0);
    for (uint32_t i = 0; i < p->plan->machines.n; i++) {
        const struct p_machine *m = p->plan->machines.at[i];
        bool reported = false;
        for (uint32_t k = 0; k < m->cpus.n; k++) {
            uint32_t cpu = m->cpus.at[k].host_cpu;
            if (cpu == UINT32_MAX)
                continue;
            if (ncpus && cpu >= ncpus && !reported)
                diag_help(diag(p->c->diags, E0376, m->m->host_cpus_at, "the host has no cpu %u", cpu),
                          "choose one of its %u cpus: 0..%u", ncpus, ncpus - 1);
            reported = reported || (ncpus && cpu >= ncpus);
            add_owned(t, &(struct owned){cpu, cpu, NULL, m, m, &m->m->host_cpus_at, OWN_CPU, OWN_IS_CPU});
        }
    }
}

static void report_cpus(struct planner *p, const struct owned *a, const struct owned *b)
{
    struct diag *d = diag(p->c->diags, E0377, *a->at, "host cpu %" PRIu64 " already belongs to machine `%s`", a->first,
                          b->machine->name);
    diag_note(d, *b->at, "it is given to it here");
    diag_help(d, "give it to one of them");
}

/* ---- all spaces ---- */

static const struct {
    void (*collect)(struct planner *p, struct owner_table *t);
    void (*report)(struct planner *p, const struct owned *a, const struct owned *b);
    bool alone; // a machine must not have a thing twice
    bool host;  // the space is empty without a host tree
} spaces[] = {
    [OWN_BIT] = {collect_bits, report_bits, false, true},
    [OWN_PHYSICAL] = {collect_addresses, report_registers, true, false},
    [OWN_PAGE] = {collect_pages, report_pages, false, false},
    [OWN_FILE] = {collect_files, report_files, true, false},
    [OWN_LINE] = {collect_lines, report_lines, true, true},
    [OWN_STREAM] = {collect_streams, report_streams, false, true},
    [OWN_STREAM_RANGE] = {collect_stream_ranges, report_streams, false, true},
    [OWN_DMA_ID] = {collect_dma_ids, report_dma_ids, false, true},
    [OWN_PROVIDER] = {collect_providers, report_providers, false, true},
    [OWN_GROUP] = {collect_iommu_groups, report_iommu_groups, false, false},
    [OWN_FUNCTION] = {collect_functions, report_functions, true, false},
    [OWN_SLOT] = {collect_slots, report_slots, false, false},
    [OWN_CPU] = {collect_cpus, report_cpus, false, false},
};

void check_owners(struct planner *p)
{
    struct owner_table t = {.arena = draft_arena(p->c)};
    uint32_t devices = 0;
    for (uint32_t i = 0; i < p->plan->machines.n; i++)
        devices += p->plan->machines.at[i]->devices.n;
    vec_expect(t.arena, &t.list, devices); // most devices have a region
    check_pages(p);
    check_memory(p);
    check_physical(p);
    for (uint32_t i = 0; i < sizeof spaces / sizeof *spaces; i++) {
        if (!spaces[i].collect || (spaces[i].host && !p->host))
            continue;
        t.list.n = 0;
        spaces[i].collect(p, &t);
        sort_table(&t);
        struct report r = {.p = p, .conflict = spaces[i].report};
        find_two_owners(&t, spaces[i].alone, report_pair, &r);
        if (p->c->table)
            add_owner_rows(p, &t);
    }
    if (p->host)
        check_shadow_races(p);
    if (p->c->table && p->host)
        add_host_rows(p);
}
