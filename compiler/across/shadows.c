// SPDX-License-Identifier: MIT
// Bits of registers that machines write through shadows: each has one owner, and few others write the register.
#include "across/owners.h"
#include "plan/describe.h"

#include <inttypes.h>
#include <stdlib.h>

enum { BITS = 8, REGISTER_BITS = 32, LISTED = 4 };

/* Calls `each` for the shadows of all machines. */
static void for_each_shadow(struct planner *p,
                            void (*each)(void *opaque, const struct p_machine *m, struct p_region *r), void *opaque)
{
    for (uint32_t i = 0; i < p->plan->machines.n; i++)
        for (uint32_t k = 0; k < p->plan->machines.at[i]->devices.n; k++) {
            const struct p_device *d = p->plan->machines.at[i]->devices.at[k];
            if (d->regions.n && d->regions.at[0]->shadow)
                each(opaque, p->plan->machines.at[i], d->regions.at[0]);
        }
}

/* ---- two owners of a bit ---- */

/* The number of a register's first bit among all bits of the host's registers; addresses have 56 bits at most. */
static uint64_t bit_number(uint64_t address)
{
    return (address & (UINT64_MAX >> 3)) * BITS;
}

/* Adds the bits of a shadow's registers, each run of them as one entry. */
static void add_bits(void *opaque, const struct p_machine *m, struct p_region *r)
{
    struct owner_table *t = opaque;
    for (uint32_t i = 0; i < r->shadow->writes.n; i++) {
        const struct p_write *w = &r->shadow->writes.at[i];
        uint64_t first = bit_number(r->host + w->offset);
        for (uint32_t from = 0, to; from < REGISTER_BITS; from = to + 1) {
            for (to = from; to < REGISTER_BITS && w->mask >> to & 1;)
                to++;
            if (to > from)
                add_owned(t, &(struct owned){first + from, first + to - 1, NULL, w, m, &w->at, OWN_BIT, OWN_IS_WRITE});
        }
    }
}

/* Adds the registers that a machine has as a whole, where it may have those that a shadow is for. */
static void add_whole_regions(struct owner_table *t, const struct p_machine *m)
{
    for (uint32_t k = 0; k < m->devices.n; k++)
        for (uint32_t i = 0; i < m->devices.at[k]->regions.n; i++) {
            const struct p_region *r = m->devices.at[k]->regions.at[i];
            if (r->mode != REGION_DROP && r->size && r->host != UINT64_MAX && !r->shadow)
                add_owned(t, &(struct owned){bit_number(r->host), bit_number(r->host + (r->size - 1)) + (BITS - 1),
                                             NULL, r, m, &r->at, OWN_BIT, OWN_IS_REGION});
        }
}

void collect_bits(struct planner *p, struct owner_table *t)
{
    for_each_shadow(p, add_bits, t);
    for (uint32_t i = 0; t->list.n && i < p->plan->machines.n; i++)
        add_whole_regions(t, p->plan->machines.at[i]);
}

void report_bits(struct planner *p, const struct owned *a, const struct owned *b)
{
    if (a->what == OWN_IS_REGION && b->what == OWN_IS_REGION)
        return; // report_registers() has reported it
    const struct owned *x = a->what == OWN_IS_WRITE ? a : b, *y = x == a ? b : a;
    const struct p_write *w = x->by;
    const char *node = dt_path(p->c->arena, w->region->device->host);
    struct diag *d;
    if (y->what == OWN_IS_REGION) {
        d = diag(p->c->diags, E1005, *x->at, "machine `%s` writes bits of register 0x%" PRIx32 " of %s, which `%s` has",
                 x->machine->name, w->offset, node, y->machine->name);
        diag_note(d, *y->at, "%s of machine `%s` contains it", describe_region(p->c, y->by), y->machine->name);
        diag_help(d, "remove one of them: registers have one owner");
        return;
    }
    const struct p_write *o = y->by;
    d = diag(p->c->diags, E1005, *x->at,
             "machines `%s` and `%s` both write bits 0x%" PRIx32 " of register 0x%" PRIx32 " of %s", x->machine->name,
             y->machine->name, w->mask & o->mask, w->offset, node);
    diag_note(d, *y->at, "machine `%s` writes them here", y->machine->name);
    diag_help(d, "give each machine the bits of its own devices");
}

/* ---- two who read and write back ---- */

/* A shadow with registers without `hiword`. */
struct racer {
    uint32_t next; // another one of the same node + 1; 0: none
    const struct p_machine *machine;
    const struct p_region *region;
    const struct p_write *first;         // of these registers
    const struct dt_node *users[LISTED]; // of the host, that refer to the node or are a part of it
    const struct dt_node *last;          // the last user that was added
    uint32_t nusers;
    bool shares;                   // one of the registers may have bits that are no lines
    const struct p_machine *other; // that writes other bits of one of the registers
    const struct p_write *others;  // that one
};

struct racers {
    struct planner *p;
    VEC(struct racer) list;
    struct map by_node; // host node -> the last of its racers + 1
};

static void add_racer(void *opaque, const struct p_machine *m, struct p_region *r)
{
    struct racers *s = opaque;
    const struct p_shadow *shadow = r->shadow;
    struct racer x = {.machine = m, .region = r};
    for (uint32_t i = 0; i < shadow->writes.n; i++) {
        const struct p_write *w = &shadow->writes.at[i];
        if (w->hiword)
            continue;
        x.first = x.first ? x.first : w;
        x.shares = x.shares || !shadow->lines || schema_line_shares(shadow->lines, w->offset);
    }
    if (!x.first)
        return;
    uint64_t other = 0;
    map_get(&s->by_node, (uintptr_t)r->device->host, 0, &other);
    x.next = (uint32_t)other;
    vec_push(draft_arena(s->p->c), &s->list, x);
    map_put(draft_arena(s->p->c), &s->by_node, (uintptr_t)r->device->host, 0, s->list.n);
    mark_node(s->p, r->device->host);
}

static bool writes_register(const struct racer *x, uint32_t offset)
{
    const struct p_write *writes = x->region->shadow->writes.at;
    uint32_t low = 0, high = x->region->shadow->writes.n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (writes[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < x->region->shadow->writes.n && writes[low].offset == offset;
}

/* What a node of the host does with a shadowed one, as far as it matters here. */
struct use {
    const struct dt_node *user;
    bool lines;    // it refers to a line
    uint32_t line; // the number of its bit; NO_LINE: not known, or nothing of that kind
};

/* Whether a user may have to do with registers that the machine writes. */
static bool is_concerned(const struct racer *x, const struct use *u)
{
    if (u->lines)
        return u->line == NO_LINE || writes_register(x, u->line / 32 * 4);
    return x->shares;
}

/* Adds a user of `node` to the machines that have a shadow of it. */
static void add_user(struct racers *s, const struct dt_node *node, const struct use *u)
{
    uint64_t first = 0;
    map_get(&s->by_node, (uintptr_t)node, 0, &first);
    for (uint32_t i = (uint32_t)first; i; i = s->list.at[i - 1].next) {
        struct racer *x = &s->list.at[i - 1];
        if (x->last == u->user || !is_concerned(x, u))
            continue;
        x->last = u->user;
        if (x->nusers < LISTED)
            x->users[x->nusers] = u->user;
        x->nusers++;
    }
}

static struct use use_of(struct planner *p, const struct dt_node *user, const struct ref_rule *rule,
                         const struct dt_prop *prop, const struct ref_entry *e)
{
    const struct schema_lines *lines =
        schema_lines(p->c, p->schemas, dt_prop(p->host->tree, e->target, p->n->compatible), rule->cells);
    bool one = lines && e->phandle + 2 == e->start + e->cells;
    return (struct use){user, lines, one ? schema_line_bit(lines, dt_cell(prop, e->phandle + 1)) : NO_LINE};
}

/* Finds what of a node that stays with the host leads to a shadowed one. */
static void find_users(struct racers *s, const struct dt_node *n)
{
    struct planner *p = s->p;
    for (const struct dt_node *a = n->parent; a && dt_prop(p->host->tree, n, p->n->compatible); a = a->parent)
        add_user(s, a, &(struct use){n, false, NO_LINE});
    for (const struct dt_prop *prop = n->props; prop; prop = prop->next) {
        const struct ref_rule *rule = may_refer_to_marked(p, prop) ? host_ref_rule(p->host, n, prop) : NULL;
        struct ref_entries e;
        if (!rule || !host_ref_entries(p, prop, rule, &e))
            continue;
        for (uint32_t i = 0; i < e.n; i++) {
            struct use u = e.at[i].target ? use_of(p, n, rule, prop, &e.at[i]) : (struct use){0};
            if (u.user)
                add_user(s, e.at[i].target, &u);
        }
    }
}

static void walk_host(struct racers *s)
{
    struct planner *p = s->p;
    const struct dt_node *root = p->host->tree->root;
    for (const struct dt_node *n = root, *off = NULL; n; n = dt_next(n, root)) {
        if (off && dt_is_below(off, n))
            continue;
        off = host_node_is_off(p, n) ? n : NULL;
        if (!off && !p->host_owner[n->id])
            find_users(s, n);
    }
}

/* A register without `hiword` that a machine writes. */
struct raced {
    struct racer *racer;
    const struct p_write *write;
    uint64_t address;
    uint32_t place;
};

static int by_register(const void *a, const void *b)
{
    const struct raced *x = a, *y = b;
    if (x->address != y->address)
        return x->address < y->address ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

/* Finds registers that two machines write. */
static void find_other_machines(struct racers *s)
{
    VEC(struct raced) all = {0};
    for (uint32_t i = 0; i < s->list.n; i++)
        for (uint32_t k = 0; k < s->list.at[i].region->shadow->writes.n; k++) {
            const struct p_write *w = &s->list.at[i].region->shadow->writes.at[k];
            if (!w->hiword)
                vec_push(draft_arena(s->p->c), &all,
                         ((struct raced){&s->list.at[i], w, w->region->host + w->offset, all.n}));
        }
    if (all.n)
        qsort(all.at, all.n, sizeof *all.at, by_register);
    for (uint32_t i = 1; i < all.n; i++) {
        const struct raced *a = &all.at[i - 1], *b = &all.at[i];
        if (a->address != b->address || b->racer->other)
            continue;
        b->racer->other = a->racer->machine;
        b->racer->others = a->write;
        b->racer->first = b->write;
    }
}

static void report_race(struct planner *p, const struct racer *x)
{
    if (!x->nusers && !x->other)
        return;
    bool text = !x->first->line && !x->first->of_class;
    struct diag *d = diag(
        p->c->diags, W1006, x->first->of_class ? x->region->shadow->at : x->first->at,
        "%s may change register 0x%" PRIx32 " of %s as well, and has no lock in common with the guest",
        x->nusers ? "the host" : "another machine", x->first->offset, dt_path(p->c->arena, x->region->device->host));
    for (uint32_t i = 0; i < x->nusers && i < LISTED; i++)
        diag_fact(d, "%s: %s stays with the host and uses it", p->host->file, dt_path(p->c->arena, x->users[i]));
    if (x->nusers > LISTED)
        diag_fact(d, "and %" PRIu32 " more", x->nusers - LISTED);
    if (x->other)
        diag_note(d, x->others->at, "machine `%s` writes it here", x->other->name);
    if (!text)
        diag_help(d, "start the guest when the other drivers are up");
    else
        diag_help(d, "add `hiword` if bits 31 to 16 of a write select what changes; else start the guest when the "
                     "other drivers are up");
}

void check_shadow_races(struct planner *p)
{
    struct racers s = {.p = p};
    for_each_shadow(p, add_racer, &s);
    if (!s.list.n)
        return;
    walk_host(&s);
    find_other_machines(&s);
    for (uint32_t i = 0; i < s.list.n; i++)
        report_race(p, &s.list.at[i]);
}
