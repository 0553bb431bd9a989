// SPDX-License-Identifier: MIT
// Rates that the host's tree assigns to clocks.
#include "refs/refs.h"

#include <inttypes.h>

const char *refs_specifier_text(struct machine_planner *p, const struct dt_prop *prop, const struct ref_entry *e)
{
    const char *text = "";
    for (uint32_t c = e->phandle + 1; c < e->start + e->cells && c < e->phandle + 9; c++)
        text = arena_printf(p->c->arena, "%s %u", text, dt_cell(prop, c));
    return text;
}

enum { ANY_RATE = 100000000 }; // Hz, as buses of SoCs have: for drivers that look at none

struct rate_in_tree {
    uint32_t rate;
    const struct dt_node *node; // that assigns it
};

/* The clock of an entry as one text, interned. */
static const char *clock_key(struct machine_planner *p, const struct dt_prop *prop, const struct ref_entry *e)
{
    return intern(p->c->names,
                  arena_printf(p->c->arena, "%" PRIu32 "%s", e->target->id, refs_specifier_text(p, prop, e)));
}

/* Adds the rates that node `n` assigns. */
static void add_rates(struct machine_planner *p, const struct dt_node *n, const char *property)
{
    const struct dt_prop *prop = dt_prop(p->host->tree, n, property);
    const struct ref_rule *rule = prop ? host_ref_rule(p->host, n, prop) : NULL;
    struct ref_entries e = {0};
    if (!rule || !rule->nalong || rule->along[0].cells != 1 || host_read_refs(p->c, p->host, prop, rule, &e))
        return;
    const struct dt_prop *rates = dt_prop(p->host->tree, n, intern(p->c->names, rule->along[0].property));
    for (uint32_t i = 0; rates && i < e.n && i < rates->len / 4; i++) {
        uint32_t rate = dt_cell(rates, i);
        if (!e.at[i].target || !rate)
            continue;
        const char *key = intern(p->c->names, refs_specifier_text(p, prop, &e.at[i]));
        struct rate_in_tree *r = NEW(draft_arena(p->c), struct rate_in_tree);
        *r = (struct rate_in_tree){rate, n};
        map_putp(draft_arena(p->c), &p->settle_room->own_rates, n, clock_key(p, prop, &e.at[i]), r);
        if (!map_getp(&p->settle_room->rates, e.at[i].target, key))
            map_putp(draft_arena(p->c), &p->settle_room->rates, e.at[i].target, key, r);
    }
}

uint32_t refs_rate_in_tree(struct machine_planner *p, const struct dt_node *user, const struct ref_rule *rule,
                           const struct dt_prop *prop, const struct ref_entry *e, const struct dt_node **where)
{
    const struct dt_node *root = p->host->tree->root;
    const char *property = rule->rates ? intern(p->c->names, rule->rates) : NULL;
    if (!property)
        return 0;
    for (const struct dt_node *n = p->settle_room->has_rates ? NULL : root; n; n = dt_next(n, root))
        add_rates(p, n, property);
    p->settle_room->has_rates = true;
    const struct rate_in_tree *r = map_getp(&p->settle_room->own_rates, user, clock_key(p, prop, e));
    if (!r)
        r = map_getp(&p->settle_room->rates, e->target, intern(p->c->names, refs_specifier_text(p, prop, e)));
    *where = r ? r->node : NULL;
    return r ? r->rate : 0;
}

uint64_t refs_value_unwritten(struct settle *s, uint32_t index, const struct ref_entry *e)
{
    struct machine_planner *p = s->p;
    const struct dt_node *where;
    uint64_t value = refs_measured(p, s->k->host, s->rule, s->prop, e, index, s->entries.n).value;
    if (!value)
        value = refs_value_in_tree(p, s->rule, e->target);
    if (!value)
        value = refs_rate_in_tree(p, s->k->host, s->rule, s->prop, e, &where);
    const char *name = refs_entry_name(p, s->k->host, s->rule, index);
    if (!value && s->rule->rates && schema_takes_any_rate(refs_driver_of(p, s->k->host, p->host->tree), name))
        value = ANY_RATE;
    return value;
}
