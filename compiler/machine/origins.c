// SPDX-License-Identifier: MIT
// Makes the records of where nodes and properties of the guest come from, and shares them to keep their number low.
#include "machine/machine.h"

const struct origin *origin_of(struct machine_planner *p, uint8_t kind, struct src where, const char *why)
{
    // Most properties of a node come from the same statement and are written one after the other.
    const struct origin *last = p->last_origin;
    if (last && last->kind == kind && last->why == why && last->at.via == where.via &&
        last->at.loc.file == where.loc.file && last->at.loc.start == where.loc.start &&
        last->at.loc.end == where.loc.end)
        return last;
    struct origin *o = NEW(p->c->arena, struct origin);
    *o = (struct origin){kind, where, why};
    p->last_origin = o;
    return o;
}

const struct origin *origin_at(struct machine_planner *p, const struct dt_node *n, struct src where, const char *why)
{
    const struct src *own = n->origin ? &n->origin->at : NULL;
    bool same = own && own->via == where.via && own->loc.file == where.loc.file && own->loc.start == where.loc.start &&
                own->loc.end == where.loc.end;
    if (!same)
        return origin_of(p, ORIGIN_COMPUTED, where, why);
    const struct origin *o = map_getp(&p->origins, why, NULL);
    if (!o) {
        struct origin *made = NEW(p->c->arena, struct origin);
        *made = (struct origin){.kind = ORIGIN_COMPUTED, .why = why};
        map_putp(draft_arena(p->c), &p->origins, why, NULL, made);
        o = made;
    }
    return o;
}
