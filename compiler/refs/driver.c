// SPDX-License-Identifier: MIT
// What is known of the driver of a node, and of the names of its references.
#include "refs/refs.h"

const struct driver_facts *refs_driver_of(struct machine_planner *p, const struct dt_node *n, const struct dt_tree *t)
{
    return schema_driver(p->c, p->schemas, dt_prop(t, n, p->n->compatible));
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
