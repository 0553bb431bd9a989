// SPDX-License-Identifier: MIT
// What Linux's driver of a node says of its references: whether it starts without them.
#include "refs/refs.h"

static bool has_word(const char *const *list, const char *word)
{
    for (; list && *list; list++)
        if (*list == word)
            return true;
    return false;
}

/*
 * Returns whether a list has an entry of a property. A driver that asks by name does without entries of other names;
 * one that asks for the property, for its first entry.
 */
static bool is_needed(const struct driver_need *list, const char *property, uint32_t index, const char *name)
{
    for (; list && list->property; list++)
        if (list->property == property && (list->names[0] && name ? has_word(list->names, name) : index == 0))
            return true;
    return false;
}

struct driver_says refs_driver_says(const struct driver_facts *facts, const char *property, uint32_t index,
                                    const char *name)
{
    struct driver_says says = {.facts = facts, .word = facts ? DRIVER_SILENT : DRIVER_UNKNOWN};
    for (const struct driver_facts *f = facts; f; f = f->next) {
        uint8_t word = DRIVER_SILENT;
        if (is_needed(f->needs, property, index, name))
            word = DRIVER_NEEDS;
        else if (is_needed(f->probably, property, index, name))
            word = DRIVER_PROBABLY;
        else if (has_word(f->optional, property))
            word = DRIVER_OPTIONAL;
        if (word > says.word) {
            says.word = word;
            says.facts = f;
        }
    }
    return says;
}

const struct driver_facts *refs_driver_of(struct machine_planner *p, const struct dt_node *n, const struct dt_tree *t)
{
    return schema_driver(p->c, p->schemas, dt_prop(t, n, p->n->compatible));
}

bool refs_takes_any_rate(const struct driver_facts *facts, const char *name)
{
    bool any = false;
    for (const struct driver_facts *f = facts; f; f = f->next)
        for (const char *const *s = f->any_rate; s && *s; s++)
            any = any || !strcmp(*s, name ? name : "");
    return any;
}

const char *refs_entry_name(const struct machine_planner *p, const struct dt_node *host, const struct ref_rule *rule,
                            uint32_t index)
{
    const struct dt_prop *names = rule->names && rule->match != REF_MATCH_NUMBERED
                                      ? dt_prop(p->host->tree, host, intern(p->c->names, rule->names))
                                      : NULL;
    const char *name = names ? dt_string(names, index / (rule->group ? rule->group : 1)) : NULL;
    return name ? intern(p->c->names, name) : NULL;
}
