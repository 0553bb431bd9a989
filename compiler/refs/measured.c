// SPDX-License-Identifier: MIT
// What clocks and regulators give on the running board, as a snapshot of it says.
#include "facts/facts.h"
#include "refs/refs.h"

/* The name that the provider gives to the output of an entry; NULL: none, or there is no telling which. */
static const char *output_name(struct machine_planner *p, const struct ref_rule *rule, const struct dt_prop *prop,
                               const struct ref_entry *e)
{
    const struct dt_tree *t = p->host->tree;
    uint32_t ncells = e->start + e->cells - e->phandle - 1, number = ncells ? dt_cell(prop, e->phandle + 1) : 0;
    const struct dt_prop *names = rule->outputs ? dt_prop(t, e->target, intern(p->c->names, rule->outputs)) : NULL;
    if (!names || ncells > 1)
        return NULL;
    const struct dt_prop *numbers =
        rule->numbered_outputs ? dt_prop(t, e->target, intern(p->c->names, rule->numbered_outputs)) : NULL;
    for (uint32_t i = 0; numbers && i < numbers->len / 4; i++) // some dozens, and the clocks of guests
        if (dt_cell(numbers, i) == number)
            return dt_string(names, i);
    return numbers ? NULL : dt_string(names, number);
}

static const struct facts_clock *measured_clock(struct machine_planner *p, const struct dt_node *user,
                                                const struct ref_rule *rule, const struct dt_prop *prop,
                                                const struct ref_entry *e, uint32_t index, uint32_t entries)
{
    const struct facts *f = p->file->facts;
    const char *device = intern(p->c->names, host_sysfs_name(p->c, p->host, user));
    const char *name = refs_entry_name(p, user, rule, index), *output;
    const struct facts_clock *k = name ? map_getp(&f->clock_of, device, name) : NULL;
    if (!k && entries == 1) // a driver need not say the name of its only clock
        k = map_getp(&f->clock_of, device, NULL);
    if (!k && (output = output_name(p, rule, prop, e)))
        k = map_getp(&f->clock, intern(p->c->names, output), NULL);
    return k;
}

struct measured refs_measured(struct machine_planner *p, const struct dt_node *user, const struct ref_rule *rule,
                              const struct dt_prop *prop, const struct ref_entry *e, uint32_t index, uint32_t entries)
{
    const struct facts *f = p->file->facts;
    if (!f || !rule->provider || !e->target)
        return (struct measured){0};
    if (rule->provider->range) {
        const struct facts_regulator *r =
            map_getp(&f->regulator, intern(p->c->names, dt_path(p->c->arena, e->target)), NULL);
        return r ? (struct measured){r->microvolts, r->at} : (struct measured){0};
    }
    const struct facts_clock *k = rule->rates ? measured_clock(p, user, rule, prop, e, index, entries) : NULL;
    return k ? (struct measured){k->rate, k->at} : (struct measured){0};
}
