// SPDX-License-Identifier: MIT
// Reports registers that two machines have, and mapped pages that contain registers of other owners.
#include "across/owners.h"
#include "plan/describe.h"

#include <inttypes.h>

/* ---- two devices of guests ---- */

static void report_window(struct planner *p, const struct owned *a, const struct owned *b)
{
    const struct dt_node *bus = b->by;
    struct src at = a->what == OWN_IS_MEMORY ? ((const struct p_memory *)a->by)->m->back_arg.at : *a->at;
    struct diag *d = diag(p->c->diags, E0545, at, "%s is in a window of the host's PCI bus %s",
                          a->what == OWN_IS_MEMORY
                              ? arena_printf(p->c->arena, "memory `%s`", ((const struct p_memory *)a->by)->m->name)
                              : describe_region(p->c, a->by),
                          dt_path(p->c->arena, bus));
    diag_label(d, "0x%" PRIx64 "..0x%" PRIx64, a->first, a->last);
    diag_fact(d, "%s: its window is at 0x%" PRIx64 "..0x%" PRIx64, p->host->file, b->first, b->last);
    if (a->what == OWN_IS_MEMORY)
        diag_help(d, "write an address in the host's RAM");
    else
        diag_help(d, "pass the function through that has these registers, `passthrough pci`, or write `map unsafe "
                     "\"why\"`");
}

void report_registers(struct planner *p, const struct owned *a, const struct owned *b)
{
    if (a->what == OWN_IS_MEMORY && b->what == OWN_IS_MEMORY) {
        report_memory(p, a, b);
        return;
    }
    if (b->what == OWN_IS_WINDOW) {
        report_window(p, a, b);
        return;
    }
    if (a->what != b->what) {
        const struct owned *m = a->what == OWN_IS_MEMORY ? a : b, *r = m == a ? b : a;
        const struct p_region *g = r->by;
        // If it is in the `reg` of a host node, check_physical() reports the overlap with more detail.
        if (g->device->host && !g->window && p->host)
            return;
        const struct p_memory *x = m->by;
        struct diag *d = diag(p->c->diags, E0532, x->m->back_arg.at, "memory `%s` of `%s` overlaps %s of `%s`",
                              x->m->name, m->machine->name, describe_region(p->c, g), r->machine->name);
        diag_label(d, "0x%" PRIx64 "..0x%" PRIx64, m->first, m->last);
        diag_note(d, r->at[0], "0x%" PRIx64 "..0x%" PRIx64 " is passed through here", r->first, r->last);
        diag_help(d, "write an address in the host's RAM");
        return;
    }
    const struct p_region *x = a->by, *y = b->by;
    bool dropped = x->mode == REGION_DROP || y->mode == REGION_DROP;
    struct diag *d =
        diag(p->c->diags, E0524, x->at, "%s and %s are the same registers of the host, at 0x%" PRIx64,
             describe_region(p->c, x), describe_region(p->c, y), a->first > b->first ? a->first : b->first);
    diag_note(d, y->at, dropped ? "machine `%s` has their device here" : "machine `%s` gets them here",
              b->machine->name);
    if (dropped)
        diag_help(d, "remove one of the devices: registers have one owner, also where they are dropped, because their "
                     "device works for it");
    else if (a->machine != b->machine)
        diag_help(d, "remove one of the devices: registers have one owner");
    else
        diag_help(d, "remove one of the devices, or `drop` the region: registers have one owner");
}

/* ---- a guest's device and others of the host ---- */

enum { LISTED = 8 };

struct neighbours {
    struct planner *p;
    const struct p_region *r;
    uint64_t first, last; // host addresses of r
    const struct host_region *found[LISTED];
    uint32_t n, reported;
    bool beyond;                      // a neighbour has registers in the region, but not all of it
    const struct host_region *inside; // a neighbour with registers in the region itself, not only in its pages; or NULL
};

static bool add_neighbour(void *opaque, const struct host_region *h)
{
    struct neighbours *s = opaque;
    const struct owner *o = s->p->host_owner[h->node_id];
    const struct dt_node *mine = s->r->device->host;
    // A node's registers include those of the nodes below it, which are passed through with it. A raw device may be in
    // memory that the host was told not to use.
    if ((mine && dt_is_below(h->node, mine)) || (!mine && is_host_ram(s->p, h->node)))
        return true;
    uint64_t end = h->address + (h->size - 1);
    bool inside = h->address <= s->last && s->first <= end;
    bool around = inside && h->address <= s->first && end >= s->last && end - h->address > s->last - s->first;
    // If the region is a part of a larger bank of registers and accesses are trapped, the rest cannot be accessed.
    if (around && s->r->mode == REGION_TRAP && !keep_of(s->p, h->node))
        return true;
    s->beyond = s->beyond || (inside && !around);
    if (inside && o && !(mine && dt_is_below(mine, h->node)))
        return ++s->reported < LISTED; // report_registers() has reported it
    if (inside && !s->inside)
        s->inside = h;
    if (!s->n || s->found[s->n - 1]->node != h->node)
        s->found[s->n++] = h;
    return s->n < LISTED;
}

const char *region_statement_text(struct planner *p, const struct p_region *r, const char *fate)
{
    const char *s = arena_printf(p->c->arena, "region %u %s;", r->index, fate);
    const struct p_device *d = r->device;
    const char *path = NULL;
    for (const struct dt_node *n = d->host; d->parent && n != d->pass->parts.at[0].node; n = n->parent)
        path = path ? arena_printf(p->c->arena, "%s/%s", n->name, path) : n->name;
    return path ? arena_printf(p->c->arena, "child %s { %s }", path, s) : s;
}

static void check_region_pages(struct planner *p, const struct host_groups *groups, const struct p_machine *m,
                               const struct p_region *r)
{
    uint64_t page = p->model->page_size, start, end;
    if (r->unsafe || r->shadow || r->mode == REGION_DROP || !get_host_range(r, &start, &end))
        return;
    bool pages = maps_pages(r);
    uint64_t first = pages ? start / page * page : start, last = pages ? end | (page - 1) : end;
    struct neighbours s = {.p = p, .r = r, .first = start, .last = end};
    host_overlaps_but(p->host, groups, m, first, last - first + 1, add_neighbour, &s);
    if (!s.n)
        return;
    struct diag *d;
    if (s.inside) {
        d = diag(p->c->diags, E0531, r->at, "%s contains registers of %s, which does not belong to `%s`",
                 describe_region(p->c, r), dt_path(p->c->arena, s.inside->node), m->name);
        diag_label(d, "0x%" PRIx64 "..0x%" PRIx64, start, end);
    } else {
        d = diag(p->c->diags, E0525, r->at, "%s shares its page with %s, which does not belong to `%s`",
                 describe_region(p->c, r), dt_path(p->c->arena, s.found[0]->node), m->name);
        diag_label(d, "0x%" PRIx64 "..0x%" PRIx64 " in the page at 0x%" PRIx64, start, end, start / page * page);
    }
    for (uint32_t i = 0; i < s.n; i++) {
        const struct host_region *h = s.found[i];
        const struct dt_label *l = h->node->labels;
        const struct owner *o = p->host_owner[h->node_id];
        diag_fact(d, "%s: %s%s%s%s is at 0x%" PRIx64 "..0x%" PRIx64 "%s%s%s", p->host->file,
                  dt_path(p->c->arena, h->node), l ? " (" : "", l ? l->name : "", l ? ")" : "", h->address,
                  h->address + (h->size - 1), o ? ", and belongs to machine `" : "", o ? o->machine->name : "",
                  o ? "`" : "");
    }
    const char *unsafe = region_statement_text(p, r, "map unsafe \"why\"");
    if (r->device->kind == DEV_RAW)
        diag_help(d, "pass that device through instead, or write `%s`", unsafe);
    else if (s.inside && !s.beyond)
        diag_help(d, "forward accesses, `%s`, pass that device through as well, or write `%s`",
                  region_statement_text(p, r, "trap"), unsafe);
    else if (s.inside)
        diag_help(d,
                  "pass that device through as well, write `%s` if the guest does not need the region, or write `%s`",
                  region_statement_text(p, r, "drop"), unsafe);
    else
        diag_help(d, "forward accesses, `%s`, pass the other devices through as well, or write `%s`",
                  region_statement_text(p, r, "trap"), unsafe);
}

/* Regions of the machine that is asked for are no neighbours, nor are those of nodes that nobody uses. */
static const void *group_of_region(void *opaque, const struct host_region *h)
{
    const struct planner *p = opaque;
    const struct owner *o = p->host_owner[h->node_id];
    if (o)
        return o->machine;
    return host_node_is_idle(p, h->node) ? NULL : p->host;
}

void check_pages(struct planner *p)
{
    const struct host_groups *groups =
        p->host ? host_group_regions(draft_arena(p->c), p->host, group_of_region, p) : NULL;
    for (uint32_t i = 0; p->host && i < p->plan->machines.n; i++) {
        const struct p_machine *m = p->plan->machines.at[i];
        for (uint32_t k = 0; k < m->devices.n; k++)
            for (uint32_t r = 0; r < m->devices.at[k]->regions.n; r++)
                check_region_pages(p, groups, m, m->devices.at[k]->regions.at[r]);
    }
}
