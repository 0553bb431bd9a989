// SPDX-License-Identifier: MIT
/*
 * Finds two owners of a thing in one walk over a sorted table of owners.
 *
 * An entry is compared with all that are open: those before it that end behind its start. To look at each of them would
 * be quadratic, because many may not conflict with each other: all ends of a share, all devices of the host that list
 * one stream id, all machines that drop the same registers. So the open entries are sorted into lanes, whose entries
 * follow one rule against another lane: they never conflict, always do, or do if they are on different sides, such as
 * two machines. Where sides are an equivalence, two entries of a lane are enough: the one that reaches furthest, and
 * the one that reaches furthest of another side. If any open entry conflicts with the new one, one of these two does.
 */
#include "across/owners.h"

enum lane {
    LANE_OTHER,
    LANE_MEMORY,
    LANE_REGION,
    LANE_UNSAFE,
    LANE_DROPPED,
    LANE_UNMAPPED,
    LANE_IRQ,
    LANE_HOST,
    LANES
};

enum rule { NEVER, APART, ALWAYS };

/* The open entries of each lane that reach furthest, of two sides. */
struct open {
    uint32_t thing; // that they are a part of: the number of its first entry
    const struct owned *best[LANES][2];
};

static enum lane lane_of(const struct owned *o)
{
    if (!o->machine)
        return LANE_HOST;
    switch (o->what) {
    case OWN_IS_MEMORY:
        return LANE_MEMORY;
    case OWN_IS_IRQ:
        return LANE_IRQ;
    case OWN_IS_REGION:
        if (o->space == OWN_PAGE)
            return maps_pages(o->by) ? LANE_REGION : LANE_UNMAPPED;
        if (((const struct p_region *)o->by)->mode == REGION_DROP)
            return LANE_DROPPED;
        return ((const struct p_region *)o->by)->unsafe ? LANE_UNSAFE : LANE_REGION;
    default:
        return LANE_OTHER;
    }
}

/* ---- two owners ---- */

/*
 * What a machine's user said is `unsafe`, it may reach, unless another machine reaches it as well. What two machines
 * dropped, nobody reaches. Two that have registers in one page without mapping it do not reach each other's.
 */
static enum rule rule_of_owners(enum lane a, enum lane b)
{
    static const bool never[LANES][LANES] = {
        [LANE_HOST] = {[LANE_HOST] = true, [LANE_UNSAFE] = true, [LANE_DROPPED] = true},
        [LANE_UNSAFE] = {[LANE_HOST] = true, [LANE_DROPPED] = true},
        [LANE_DROPPED] = {[LANE_HOST] = true, [LANE_UNSAFE] = true, [LANE_DROPPED] = true},
        [LANE_UNMAPPED] = {[LANE_UNMAPPED] = true},
    };
    return never[a][b] ? NEVER : APART;
}

/* Two ends of a share are on one side, wherever they are; all else is on its machine's. */
static uintptr_t side_of_owner(const struct owned *o, enum lane lane)
{
    const struct p_memory *m = o->by;
    if (lane == LANE_MEMORY && m->m->share)
        return (uintptr_t)m->m->share;
    if (lane == LANE_MEMORY && o->space != OWN_FUNCTION)
        return (uintptr_t)m;
    return (uintptr_t)o->machine;
}

/* ---- one machine that has a thing twice ---- */

static enum rule rule_of_machine(const struct owned *x, enum lane a, enum lane b)
{
    if (a == LANE_DROPPED || b == LANE_DROPPED || a == LANE_HOST || b == LANE_HOST ||
        (a == LANE_MEMORY && b == LANE_MEMORY)) // memory is compared by its share
        return NEVER;
    if (x->space == OWN_FUNCTION) // BARs of one function can be several regions
        return (a == LANE_OTHER) != (b == LANE_OTHER) ? ALWAYS : NEVER;
    if (a == LANE_MEMORY || b == LANE_MEMORY)
        return ALWAYS;
    if (x->space == OWN_FILE)
        return (a == LANE_IRQ) == (b == LANE_IRQ) ? ALWAYS : APART;
    return x->space == OWN_PHYSICAL ? APART : ALWAYS;
}

/*
 * A file has registers and the interrupt of one device (UIO). The same registers at one address of a guest are not
 * reported here, since check_claims() has looked at them.
 */
static uintptr_t side_in_machine(const struct owned *o, enum lane lane)
{
    if (o->space == OWN_FILE && lane == LANE_IRQ)
        return (uintptr_t)((const struct p_irq *)o->by)->device;
    if (o->what != OWN_IS_REGION)
        return (uintptr_t)o->by;
    const struct p_region *r = o->by;
    return o->space == OWN_FILE ? (uintptr_t)r->device : (uintptr_t)(r->guest - r->host);
}

/* ---- the walk ---- */

static const struct owned *find_foe(const struct open *s, const struct owned *x, bool within)
{
    enum lane mine = lane_of(x);
    for (enum lane lane = 0; lane < LANES; lane++) {
        enum rule rule = within ? rule_of_machine(x, mine, lane) : rule_of_owners(mine, lane);
        for (uint32_t k = 0; k < 2 && rule != NEVER; k++) {
            const struct owned *y = s->best[lane][k];
            if (!y || y->last < x->first)
                break;
            bool apart = within ? side_in_machine(x, mine) != side_in_machine(y, lane)
                         : mine == LANE_MEMORY && lane == LANE_MEMORY ? side_of_owner(x, mine) != side_of_owner(y, lane)
                                                                      : x->machine != y->machine;
            if (rule == ALWAYS || apart)
                return y;
        }
    }
    return NULL;
}

static void add_open(struct open *s, const struct owned *x, bool within)
{
    enum lane lane = lane_of(x);
    const struct owned **best = s->best[lane];
    uintptr_t side = within ? side_in_machine(x, lane) : side_of_owner(x, lane);
    uintptr_t other = 0;
    if (best[0])
        other = within ? side_in_machine(best[0], lane) : side_of_owner(best[0], lane);
    if (!best[0] || x->last > best[0]->last) {
        if (best[0] && side != other)
            best[1] = best[0];
        best[0] = x;
    } else if (side != other && (!best[1] || x->last > best[1]->last)) {
        best[1] = x;
    }
}

static struct open *open_of_machine(struct owner_table *t, struct map *all, const struct p_machine *m, uint32_t thing)
{
    struct open *s = map_getp(all, m, NULL);
    if (!s) {
        s = NEW(t->arena, struct open);
        map_putp(t->arena, all, m, NULL, s);
    }
    if (s->thing != thing)
        *s = (struct open){.thing = thing};
    return s;
}

void find_two_owners(struct owner_table *t, bool within,
                     void (*found)(void *, const struct owned *, const struct owned *), void *opaque)
{
    struct open s = {0};
    struct map machines = {0}; // struct p_machine -> struct open
    for (uint32_t i = 0, thing = 0; i < t->list.n; i++) {
        const struct owned *x = &t->list.at[i], *y;
        if (i && is_other_thing(x - 1, x))
            thing = i;
        if (s.thing != thing)
            s = (struct open){.thing = thing};
        struct open *own = within && x->machine ? open_of_machine(t, &machines, x->machine, thing) : NULL;
        y = find_foe(&s, x, false);
        if (!y && own)
            y = find_foe(own, x, true);
        if (y)
            found(opaque, x, y);
        add_open(&s, x, false);
        if (own)
            add_open(own, x, true);
    }
}
