// SPDX-License-Identifier: MIT
// Who has which physical pages, over all machines and the host: registers and memory.
#include "plan/work.h"

#include <inttypes.h>
#include <stdlib.h>

static bool later(struct src a, struct src b)
{
    return a.loc.file != b.loc.file ? a.loc.file > b.loc.file : a.loc.start > b.loc.start;
}

static int by_place(struct src a, struct src b)
{
    return later(b, a) ? -1 : later(a, b);
}

static const char *region_text(struct planner *p, const struct p_region *r)
{
    return arena_printf(p->c->arena, "%s %u of `%s`", r->window ? "window" : "region", r->index, r->device->name);
}

/* ---- two devices of guests ---- */

struct piece {
    const struct p_region *r;
    const struct p_machine *m;
};

static int by_host(const void *a, const void *b)
{
    const struct p_region *x = ((const struct piece *)a)->r, *y = ((const struct piece *)b)->r;
    if (x->host != y->host)
        return x->host < y->host ? -1 : 1;
    return by_place(x->at, y->at);
}

static bool related(const struct p_device *a, const struct p_device *b)
{
    return a == b || (a->host && b->host && (dt_is_below(a->host, b->host) || dt_is_below(b->host, a->host)));
}

/* They are at the same place in one guest: no harm, or the place is the harm, and claims_check() has said so. */
static bool overlap_in_guest(const struct piece *a, const struct piece *b)
{
    const struct p_region *x = a->r, *y = b->r;
    return a->m == b->m && x->guest <= y->guest + (y->size - 1) && y->guest <= x->guest + (x->size - 1);
}

static void check_overlaps(struct planner *p)
{
    VEC(struct piece) all = {0};
    for (uint32_t i = 0; i < p->plan->machines.n; i++) {
        const struct p_machine *m = p->plan->machines.at[i];
        for (uint32_t k = 0; k < m->devices.n; k++)
            for (uint32_t r = 0; r < m->devices.at[k]->regions.n; r++) {
                const struct p_region *g = m->devices.at[k]->regions.at[r];
                if (g->host != UINT64_MAX && g->mode != REGION_DROP && g->size && g->host + (g->size - 1) >= g->host)
                    vec_push(draft_arena(p->c), &all, ((struct piece){g, m}));
            }
    }
    if (all.n)
        qsort(all.at, all.n, sizeof *all.at, by_host);
    const struct piece *reach = NULL;
    for (uint32_t i = 0; i < all.n; i++) {
        const struct piece *x = &all.at[i];
        if (reach && x->r->host <= reach->r->host + (reach->r->size - 1) && !related(x->r->device, reach->r->device) &&
            !overlap_in_guest(x, reach)) {
            const struct piece *a = later(x->r->at, reach->r->at) ? x : reach, *b = a == x ? reach : x;
            struct diag *d =
                diag(p->c->diags, E0524, a->r->at, "%s and %s are the same registers of the host, at 0x%" PRIx64,
                     region_text(p, a->r), region_text(p, b->r), x->r->host);
            diag_note(d, b->r->at, "machine `%s` has them from here", b->m->name);
            diag_help(d, "registers have one owner: take one of the devices away, or `drop` the region");
        }
        if (!reach || x->r->host + (x->r->size - 1) > reach->r->host + (reach->r->size - 1))
            reach = x;
    }
}

/* ---- a guest's device and others of the host ---- */

struct neighbours {
    struct planner *p;
    const struct p_machine *m;
    const struct p_region *r;
    uint64_t first, last; // of r
    const struct host_region *found[8];
    uint32_t n;
    const struct host_region *inside; // one whose registers are in the region itself, not only in its pages
};

/* Nobody drives it: no machine has it, and the host does not use it. */
static bool idle(const struct planner *p, const struct dt_node *n)
{
    if (p->host_owner[n->id])
        return false;
    for (; n; n = n->parent)
        if (host_disabled(p->host, n))
            return true;
    return false;
}

static bool one_neighbour(void *opaque, const struct host_region *h)
{
    struct neighbours *s = opaque;
    const struct owner *o = s->p->host_owner[h->node->id];
    const struct dt_node *mine = s->r->device->host;
    // What is above has the registers of all that is below it within its own; they go with the node.
    if ((o && o->machine == s->m) || (mine && dt_is_below(h->node, mine)) || idle(s->p, h->node))
        return true;
    bool inside = h->address <= s->last && s->first <= h->address + (h->size - 1);
    if (inside && o && !(mine && dt_is_below(mine, h->node)))
        return true; // check_overlaps() has said so
    if (inside && !s->inside)
        s->inside = h;
    if (!s->n || s->found[s->n - 1]->node != h->node)
        s->found[s->n++] = h;
    return s->n < 8;
}

/* `region 0 trap;`, where it has to stand. */
static const char *statement(struct planner *p, const struct p_region *r, const char *fate)
{
    const char *s = arena_printf(p->c->arena, "region %u %s;", r->index, fate);
    const struct p_device *d = r->device;
    const char *path = NULL;
    for (const struct dt_node *n = d->host; d->parent && n != d->pass->parts.at[0].node; n = n->parent)
        path = path ? arena_printf(p->c->arena, "%s/%s", n->name, path) : n->name;
    return path ? arena_printf(p->c->arena, "child %s { %s }", path, s) : s;
}

static void check_pages(struct planner *p, const struct p_machine *m, const struct p_region *r)
{
    uint64_t page = p->model->page_size, end = r->host + (r->size - 1);
    if (r->mode == REGION_DROP || r->unsafe || r->host == UINT64_MAX || !r->size || end < r->host)
        return;
    bool pages = r->mode == REGION_MAP && !r->window;
    uint64_t first = pages ? r->host / page * page : r->host, last = pages ? end | (page - 1) : end;
    struct neighbours s = {.p = p, .m = m, .r = r, .first = r->host, .last = end};
    host_overlaps(p->host, first, last - first + 1, one_neighbour, &s);
    if (!s.n)
        return;
    struct diag *d;
    if (s.inside) {
        d = diag(p->c->diags, E0531, r->at, "%s holds what belongs to %s, which `%s` does not own", region_text(p, r),
                 dt_path(p->c->arena, s.inside->node), m->name);
        diag_label(d, "0x%" PRIx64 "..0x%" PRIx64, r->host, end);
    } else {
        d = diag(p->c->diags, E0525, r->at, "%s shares its page with %s, which `%s` does not own", region_text(p, r),
                 dt_path(p->c->arena, s.found[0]->node), m->name);
        diag_label(d, "0x%" PRIx64 "..0x%" PRIx64 " in the page at 0x%" PRIx64, r->host, end, r->host / page * page);
    }
    for (uint32_t i = 0; i < s.n; i++) {
        const struct host_region *h = s.found[i];
        const struct dt_label *l = h->node->labels;
        const struct owner *o = p->host_owner[h->node->id];
        diag_fact(d, "%s: %s%s%s%s is at 0x%" PRIx64 "..0x%" PRIx64 "%s%s%s", p->host->file,
                  dt_path(p->c->arena, h->node), l ? " (" : "", l ? l->name : "", l ? ")" : "", h->address,
                  h->address + (h->size - 1), o ? ", and machine `" : "", o ? o->machine->name : "",
                  o ? "` has it" : "");
    }
    if (s.inside)
        diag_help(d, "pass that through as well, `%s` if the guest can do without, or write `%s`",
                  statement(p, r, "drop"), statement(p, r, "map unsafe \"why\""));
    else
        diag_help(d, "forward the accesses, `%s`, pass the others through as well, or write `%s`",
                  statement(p, r, "trap"), statement(p, r, "map unsafe \"why\""));
}

void check_registers(struct planner *p)
{
    check_overlaps(p);
    for (uint32_t i = 0; p->host && i < p->plan->machines.n; i++) {
        const struct p_machine *m = p->plan->machines.at[i];
        for (uint32_t k = 0; k < m->devices.n; k++)
            for (uint32_t r = 0; r < m->devices.at[k]->regions.n; r++)
                check_pages(p, m, m->devices.at[k]->regions.at[r]);
    }
}

/* ---- memory ---- */

struct backing_piece {
    const struct p_memory *m;
    const struct p_machine *machine;
    const char *file;     // NULL: physical
    uint64_t first, last; // address, or offset in the file
};

static int by_backing(const void *a, const void *b)
{
    const struct backing_piece *x = a, *y = b;
    if (!x->file != !y->file)
        return x->file ? 1 : -1;
    int order = x->file ? strcmp(x->file, y->file) : 0;
    if (order)
        return order;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return by_place(x->m->m->at, y->m->m->at);
}

static void check_share(struct planner *p, const struct p_memory *a, const struct p_memory *b)
{
    struct diag *d = NULL;
    if (a->size != b->size) {
        d = diag(p->c->diags, E0526, a->m->share_at,
                 "both ends of \"%s\" must be the same size: 0x%" PRIx64 " here, 0x%" PRIx64 " there", a->m->share,
                 a->size, b->size);
        diag_note(d, b->m->share_at, "the other end is here");
        diag_help(d, "write `size 0x%" PRIx64 "` at both ends", b->size);
    } else if (a->m->backing != b->m->backing || a->m->back_arg.value != b->m->back_arg.value ||
               (a->m->file && b->m->file && strcmp(a->m->file, b->m->file))) {
        d = diag(p->c->diags, E0527, a->m->share_at, "both ends of \"%s\" must come from the same memory", a->m->share);
        diag_note(d, b->m->share_at, "the other end is here");
        if (b->m->backing == BACK_PHYSICAL)
            diag_help(d, "write `from physical 0x%" PRIx64 "` at both ends", b->m->back_arg.value);
        else
            diag_help(d, "write the same `from` at both ends");
    }
}

static void same_memory(struct planner *p, const struct backing_piece *a, const struct backing_piece *b, uint64_t where)
{
    const struct backing_piece *l = later(a->m->m->at, b->m->m->at) ? a : b, *f = l == a ? b : a;
    struct diag *d = diag(p->c->diags, E0528, l->m->m->at,
                          "memory `%s` of `%s` and `%s` of `%s` are the same memory of the host, %s", l->m->m->name,
                          l->machine->name, f->m->m->name, f->machine->name,
                          a->file ? arena_printf(p->c->arena, "from offset 0x%" PRIx64 " of \"%s\" on", where, a->file)
                                  : arena_printf(p->c->arena, "from 0x%" PRIx64 " on", where));
    diag_note(d, f->m->m->at, "the other is here");
    diag_help(d, "move one of them, or write `share \"NAME\"` at both ends if that is meant");
}

/* Memory by its physical address that lies over registers. The host's own memory is another matter: it can be told not
 * to use it. */
static bool one_register(void *opaque, const struct host_region *h)
{
    struct neighbours *s = opaque;
    const struct dt_prop *type = dt_prop(s->p->host->tree, h->node, intern(s->p->c->names, "device_type"));
    const char *word = type ? dt_string(type, 0) : NULL;
    const struct dt_node *above = h->node->parent;
    if ((word && !strcmp(word, "memory")) || (above && above->name && !strcmp(above->name, "reserved-memory")) ||
        idle(s->p, h->node))
        return true;
    s->inside = h;
    return false;
}

static void check_physical(struct planner *p, const struct backing_piece *b)
{
    struct neighbours s = {.p = p};
    if (!p->host || b->file || b->last < b->first)
        return;
    host_overlaps(p->host, b->first, b->last - b->first + 1, one_register, &s);
    if (!s.inside)
        return;
    struct diag *d = diag(p->c->diags, E0532, b->m->m->back_arg.at, "memory `%s` lies over the registers of %s",
                          b->m->m->name, dt_path(p->c->arena, s.inside->node));
    diag_label(d, "0x%" PRIx64 "..0x%" PRIx64, b->first, b->last);
    diag_fact(d, "%s: its region %u is at 0x%" PRIx64 "..0x%" PRIx64, p->host->file, s.inside->index, s.inside->address,
              s.inside->address + (s.inside->size - 1));
    diag_help(d, "write an address in the host's memory");
}

void check_memory(struct planner *p)
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
                    map_putp(draft_arena(p->c), &shares, name, NULL, mem);
            }
            uint64_t from = mem->m->back_arg.value;
            bool file = mem->m->backing == BACK_FILE && mem->m->file;
            if (mem->size && (mem->m->backing == BACK_PHYSICAL || file))
                vec_push(draft_arena(p->c), &all,
                         ((struct backing_piece){mem, m, file ? mem->m->file : NULL, from, from + (mem->size - 1)}));
        }
    }
    if (all.n)
        qsort(all.at, all.n, sizeof *all.at, by_backing);
    const struct backing_piece *reach = NULL;
    for (uint32_t i = 0; i < all.n; i++) {
        const struct backing_piece *b = &all.at[i];
        check_physical(p, b);
        if (reach && (!reach->file != !b->file || (b->file && strcmp(b->file, reach->file))))
            reach = NULL;
        if (reach && b->first <= reach->last) {
            const char *x = b->m->m->share, *y = reach->m->m->share;
            if (!x || !y || strcmp(x, y))
                same_memory(p, b, reach, b->first);
        }
        if (!reach || b->last > reach->last)
            reach = b;
    }
}
