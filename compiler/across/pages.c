// SPDX-License-Identifier: MIT
/*
 * Reports pages that are mapped for one machine and contain registers of another one. Whole pages are mapped, so that
 * a guest reaches all that is in them. check_pages() compares what the host's tree says of a page; here are registers
 * that only the text gives, of raw devices.
 */
#include "across/owners.h"
#include "plan/describe.h"

#include <inttypes.h>

bool maps_pages(const struct p_region *r)
{
    return r->mode == REGION_MAP && !r->window && !r->unsafe && !r->shadow;
}

void collect_pages(struct planner *p, struct owner_table *t)
{
    uint64_t page = p->model->page_size;
    for (uint32_t i = 0; i < p->plan->machines.n; i++) {
        const struct p_machine *m = p->plan->machines.at[i];
        for (uint32_t k = 0; k < m->devices.n; k++) {
            const struct p_device *d = m->devices.at[k];
            for (uint32_t r = 0; r < d->regions.n; r++) {
                const struct p_region *g = d->regions.at[r];
                struct owned o = {.by = g, .machine = m, .at = &g->at, .space = OWN_PAGE, .what = OWN_IS_REGION};
                if ((d->kind == DEV_RAW && g->mode == REGION_DROP) || !get_host_range(g, &o.first, &o.last))
                    continue; // nobody has it, or it has no address
                if (maps_pages(g)) {
                    o.first -= o.first % page;
                    o.last |= page - 1;
                }
                add_owned(t, &o);
            }
        }
    }
}

void report_pages(struct planner *p, const struct owned *a, const struct owned *b)
{
    const struct owned *map = maps_pages(a->by) ? a : b, *other = map == a ? b : a;
    const struct p_region *r = map->by, *o = other->by;
    uint64_t first, last, other_first, other_last, page = p->model->page_size;
    get_host_range(r, &first, &last);
    get_host_range(o, &other_first, &other_last);
    if (first <= other_last && other_first <= last)
        return; // the same registers: report_registers() has reported that
    if (r->source && o->source)
        return; // check_pages() has reported it
    struct diag *d = diag(p->c->diags, E0525, r->at, "%s shares its page with %s, which does not belong to `%s`",
                          describe_region(p->c, r), describe_region(p->c, o), map->machine->name);
    diag_label(d, "0x%" PRIx64 "..0x%" PRIx64 " in the page at 0x%" PRIx64, first, last, other_first / page * page);
    diag_note(d, o->at, "0x%" PRIx64 "..0x%" PRIx64 " is given to machine `%s` here", other_first, other_last,
              other->machine->name);
    diag_help(d, "forward accesses, `%s`, give both to one machine, or write `%s`", region_statement_text(p, r, "trap"),
              region_statement_text(p, r, "map unsafe \"why\""));
}
