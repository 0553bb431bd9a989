// SPDX-License-Identifier: MIT
// Who owns what, over all machines and the host: nodes, pages, lines, memory, cpus.
#include "plan/work.h"

#include <inttypes.h>
#include <stdlib.h>

bool own_host_node(struct planner *p, const struct dt_node *n, struct src where)
{
    struct owner *o = p->host_owner[n->id];
    if (o) {
        struct diag *d = diag(p->c->diags, E0373, where, "%s is passed through twice", dt_path(p->c->arena, n));
        diag_note(d, o->at, "machine `%s` has it from here", o->machine->name);
        diag_help(d, "one of them can leave it out: `without %s`", n->name);
        return false;
    }
    const struct m_keep *k = map_getp(&p->kept, n, NULL);
    if (k) {
        diag_note(diag(p->c->diags, E0374, where, "%s stays with the host", dt_path(p->c->arena, n)), k->at, "it is kept here");
        return false;
    }
    o = NEW(draft_arena(p->c), struct owner);
    *o = (struct owner){p->m, where};
    p->host_owner[n->id] = o;
    return true;
}

static bool later(struct src a, struct src b)
{
    return a.loc.file != b.loc.file ? a.loc.file > b.loc.file : a.loc.start > b.loc.start;
}

/* ---- registers ---- */

struct piece {
    const struct p_region *r;
    const struct p_machine *m;
};

static int by_host(const void *a, const void *b)
{
    const struct p_region *x = ((const struct piece *)a)->r, *y = ((const struct piece *)b)->r;
    if (x->host != y->host)
        return x->host < y->host ? -1 : 1;
    if (x->at.loc.file != y->at.loc.file)
        return x->at.loc.file < y->at.loc.file ? -1 : 1;
    return x->at.loc.start < y->at.loc.start ? -1 : x->at.loc.start > y->at.loc.start;
}

static bool related(const struct p_device *a, const struct p_device *b)
{
    return a == b || (a->host && b->host && (dt_is_below(a->host, b->host) || dt_is_below(b->host, a->host)));
}

static void check_overlaps(struct planner *p)
{
    VEC(struct piece) all = {0};
    for (uint32_t i = 0; i < p->plan->machines.n; i++) {
        const struct p_machine *m = p->plan->machines.at[i];
        for (uint32_t k = 0; k < m->devices.n; k++)
            for (uint32_t r = 0; r < m->devices.at[k]->regions.n; r++) {
                const struct p_region *g = m->devices.at[k]->regions.at[r];
                if (g->host != UINT64_MAX && g->mode != REGION_DROP && g->size)
                    vec_push(p->c->arena, &all, ((struct piece){g, m}));
            }
    }
    if (all.n)
        qsort(all.at, all.n, sizeof *all.at, by_host);
    const struct piece *reach = NULL;
    for (uint32_t i = 0; i < all.n; i++) {
        const struct p_region *r = all.at[i].r;
        if (reach && r->host <= reach->r->host + (reach->r->size - 1) && !related(r->device, reach->r->device)) {
            const struct p_region *a = later(r->at, reach->r->at) ? r : reach->r, *b = a == r ? reach->r : r;
            struct diag *d = diag(p->c->diags, E0524, a->at, "region %u of `%s` and region %u of `%s` are the same registers of the host, at 0x%" PRIx64, a->index,
                                  a->device->name, b->index, b->device->name, r->host);
            diag_note(d, b->at, "the other is assigned here");
        }
        if (!reach || r->host + (r->size - 1) > reach->r->host + (reach->r->size - 1))
            reach = &all.at[i];
    }
}

struct neighbours {
    struct planner *p;
    const struct p_machine *m;
    const struct p_region *r;
    const struct dt_node *found[8];
    uint32_t n;
};

static bool one_neighbour(void *opaque, const struct host_region *h)
{
    struct neighbours *s = opaque;
    const struct owner *o = s->p->host_owner[h->node->id];
    const struct dt_node *mine = s->r->device->host;
    if ((o && o->machine == s->m) || (mine && (dt_is_below(h->node, mine) || dt_is_below(mine, h->node))) || (!o && host_disabled(s->p->host, h->node)))
        return true;
    if (s->n && s->found[s->n - 1] == h->node)
        return true;
    s->found[s->n++] = h->node;
    return s->n < 8;
}

static void check_pages(struct planner *p, const struct p_machine *m, const struct p_region *r)
{
    uint64_t page = p->model->page_size, first = r->host / page * page;
    uint64_t last = (r->host + (r->size - 1)) | (page - 1);
    if (r->mode != REGION_MAP || r->unsafe || r->host == UINT64_MAX || r->window || (first == r->host && last == r->host + (r->size - 1)))
        return;
    struct neighbours s = {.p = p, .m = m, .r = r};
    host_overlaps(p->host, first, last - first + 1, one_neighbour, &s);
    if (!s.n)
        return;
    struct diag *d = diag(p->c->diags, E0525, r->at, "region %u of `%s` shares its page with %s, which `%s` does not own", r->index, r->device->name,
                          dt_path(p->c->arena, s.found[0]), m->name);
    diag_label(d, "0x%" PRIx64 "..0x%" PRIx64 " in the page at 0x%" PRIx64, r->host, r->host + (r->size - 1), first);
    for (uint32_t i = 0; i < s.n; i++) {
        const struct host_node *hn = &p->host->nodes[s.found[i]->id];
        const struct host_region *h = &p->host->regions[hn->first_region];
        diag_fact(d, "%s: %s%s%s%s is at 0x%" PRIx64, p->host->file, dt_path(p->c->arena, s.found[i]), s.found[i]->labels ? " (" : "",
                  s.found[i]->labels ? s.found[i]->labels->name : "", s.found[i]->labels ? ")" : "", h->address);
    }
    diag_help(d, "forward the accesses, `region %u trap;`, pass the others through as well, or write `region %u map unsafe \"why\";`", r->index, r->index);
}

/* ---- lines ---- */

static void check_line(struct planner *p, const struct p_machine *m, const struct p_irq *irq)
{
    if (irq->drop || !irq->host || !irq->host->chip)
        return;
    for (const struct host_irq *u = host_irq_users(p->host, irq->host); u; u = host_irq_next(p->host, u)) {
        const struct dt_node *n = u->node;
        if (n == irq->host->node || p->host_owner[n->id] || host_disabled(p->host, n))
            continue;
        // A bus or controller above lists the same line for what is below it.
        if (dt_is_below(n, irq->host->node) || dt_is_below(irq->host->node, n) || u->from_map)
            continue;
        const char *path = dt_path(p->c->arena, irq->host->node);
        // The INTx lines of a PCI bus are made to be shared, and no device on it is known to use this one.
        struct diag *d = irq->source == IRQ_MAP_ENTRY
                             ? diag(p->c->diags, W0301, irq->at, "entry %u of the interrupt-map of %s uses a line of the host", irq->index, path)
                             : diag(p->c->diags, E0375, irq->at, "interrupt %u of %s also belongs to the host", irq->index, path);
        diag_label(d, "%s", host_irq_text(p->c, irq->host));
        diag_fact(d, "%s: %s%s%s%s uses the same line", p->host->file, dt_path(p->c->arena, n), n->labels ? " (" : "", n->labels ? n->labels->name : "", n->labels ? ")" : "");
        if (irq->source == IRQ_MAP_ENTRY)
            diag_help(d, "a device behind it that uses this INTx disturbs the host's: let it use MSIs");
        else
            diag_help(d, "pass both through together, or give `%s` no interrupt: `irq %u drop;`", irq->device->name, irq->index);
        (void)m;
        return;
    }
}

/* ---- memory ---- */

struct backing_piece {
    const struct p_memory *m;
    const struct p_machine *machine;
    uint64_t first, last;
};

static int by_backing(const void *a, const void *b)
{
    const struct backing_piece *x = a, *y = b;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    if (x->m->m->at.loc.file != y->m->m->at.loc.file)
        return x->m->m->at.loc.file < y->m->m->at.loc.file ? -1 : 1;
    return x->m->m->at.loc.start < y->m->m->at.loc.start ? -1 : x->m->m->at.loc.start > y->m->m->at.loc.start;
}

static void check_share(struct planner *p, const struct p_memory *a, const struct p_memory *b)
{
    struct diag *d = NULL;
    if (a->size != b->size)
        d = diag(p->c->diags, E0526, a->m->share_at, "both ends of \"%s\" must be the same size: 0x%" PRIx64 " here, 0x%" PRIx64 " there", a->m->share, a->size, b->size);
    else if (a->m->backing != b->m->backing || a->m->back_arg.value != b->m->back_arg.value || (a->m->file && b->m->file && strcmp(a->m->file, b->m->file)))
        d = diag(p->c->diags, E0527, a->m->share_at, "both ends of \"%s\" must come from the same memory", a->m->share);
    if (!d)
        return;
    diag_note(d, b->m->share_at, "the other end is here");
    if (b->m->backing == BACK_PHYSICAL)
        diag_help(d, "write `size 0x%" PRIx64 " from physical 0x%" PRIx64 "` at both ends", b->size, b->m->back_arg.value);
    else
        diag_help(d, "write the same `size` and `from` at both ends");
}

static void check_memory(struct planner *p)
{
    VEC(struct backing_piece) all = {0};
    struct map shares = {0};
    for (uint32_t i = 0; i < p->plan->machines.n; i++) {
        const struct p_machine *m = p->plan->machines.at[i];
        for (uint32_t k = 0; k < m->memory.n; k++) {
            const struct p_memory *mem = &m->memory.at[k];
            if (mem->m->share) {
                const char *name = intern(p->c->names, mem->m->share);
                const struct p_memory *other = map_getp(&shares, name, NULL);
                if (other)
                    check_share(p, mem, other);
                else
                    map_putp(p->c->arena, &shares, name, NULL, mem);
            }
            if (mem->m->backing == BACK_PHYSICAL)
                vec_push(p->c->arena, &all, ((struct backing_piece){mem, m, mem->m->back_arg.value, mem->m->back_arg.value + (mem->size - 1)}));
        }
    }
    if (all.n)
        qsort(all.at, all.n, sizeof *all.at, by_backing);
    const struct backing_piece *reach = NULL;
    for (uint32_t i = 0; i < all.n; i++) {
        const struct backing_piece *b = &all.at[i];
        if (reach && b->first <= reach->last) {
            const struct p_memory *x = b->m, *y = reach->m;
            bool shared = x->m->share && y->m->share && !strcmp(x->m->share, y->m->share);
            if (!shared) {
                bool x_later = later(x->m->at, y->m->at);
                const struct p_memory *l = x_later ? x : y, *f = x_later ? y : x;
                struct diag *d = diag(p->c->diags, E0528, l->m->at, "memory `%s` of `%s` and `%s` of `%s` are the same memory of the host, at 0x%" PRIx64, l->m->name,
                                      (x_later ? b : reach)->machine->name, f->m->name, (x_later ? reach : b)->machine->name, b->first);
                diag_note(d, f->m->at, "the other is here");
                diag_help(d, "move one of them, or write `share \"NAME\"` at both ends if that is meant");
            }
        }
        if (!reach || b->last > reach->last)
            reach = b;
    }
}

/* ---- cpus ---- */

static void check_cpus(struct planner *p)
{
    struct map used = {0};
    uint32_t ncpus = 0;
    while (host_cpu_node(p, ncpus))
        ncpus++;
    for (uint32_t i = 0; i < p->plan->machines.n; i++) {
        const struct p_machine *m = p->plan->machines.at[i];
        for (uint32_t k = 0; k < m->cpus.n; k++) {
            uint32_t cpu = m->cpus.at[k].host_cpu;
            if (cpu == UINT32_MAX)
                continue;
            if (ncpus && cpu >= ncpus) {
                diag_help(diag(p->c->diags, E0376, m->m->host_cpus_at, "the host has no cpu %u", cpu), "it has %u: 0..%u", ncpus, ncpus - 1);
                break;
            }
            const struct p_machine *other = map_getp(&used, (const void *)(uintptr_t)(cpu + 1), NULL);
            if (other && other != m) {
                struct diag *d = diag(p->c->diags, E0377, m->m->host_cpus_at, "host cpu %u belongs to machine `%s` already", cpu, other->name);
                diag_note(d, other->m->host_cpus_at, "given to it here");
                break;
            }
            map_putp(p->c->arena, &used, (const void *)(uintptr_t)(cpu + 1), NULL, m);
        }
    }
}

void check_owners(struct planner *p)
{
    check_overlaps(p);
    check_memory(p);
    check_cpus(p);
    for (uint32_t i = 0; p->host && i < p->plan->machines.n; i++) {
        const struct p_machine *m = p->plan->machines.at[i];
        for (uint32_t k = 0; k < m->devices.n; k++) {
            const struct p_device *d = m->devices.at[k];
            for (uint32_t r = 0; r < d->regions.n; r++)
                check_pages(p, m, d->regions.at[r]);
            for (uint32_t r = 0; r < d->irqs.n; r++)
                check_line(p, m, d->irqs.at[r]);
        }
    }
}
