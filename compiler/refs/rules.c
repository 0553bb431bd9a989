// SPDX-License-Identifier: MIT
// Finds the rule for the references in a property of a copied node.
#include "refs/refs.h"

/* Whether a `ref` statement for the node, or its class, names the property. */
static bool is_mentioned(const struct copied *k, const char *property)
{
    const struct m_part *parts[] = {k->part, &k->pass->parts.at[0]};
    for (uint32_t i = 0; i < 2; i++)
        for (uint32_t r = 0; parts[i] && r < parts[i]->refs.n; r++)
            if (parts[i]->refs.at[r].property == property)
                return true;
    const struct dev_class *class = k->device ? k->device->class : NULL;
    for (uint32_t i = 0; class && i < class->nfates; i++)
        if (!strcmp(class->fates[i].property, property))
            return true;
    return false;
}

const struct ref_rule *refs_rule(struct machine_planner *p, const struct copied *k, const struct dt_prop *prop)
{
    const struct ref_rule *rule = schema_ref(p->schemas, prop->name);
    if (rule) {
        bool settled = rule->layout != REF_INTERRUPT && rule->layout != REF_INTERRUPT_MAP &&
                       !(rule->unless && dt_prop(p->host->tree, k->host, rule->unless));
        return settled ? rule : NULL;
    }
    const struct dt_prop *host = dt_prop(p->host->tree, k->host, prop->name);
    bool known = false;
    for (const struct dt_ref *r = host ? host->refs : NULL; r && !known; r = r->next)
        known = !r->path && r->target;
    if (!host || prop->name == p->n->phandle || prop->name == p->n->linux_phandle ||
        (!known && (!is_mentioned(k, prop->name) || !host_holds_ref(p->host, host))))
        return NULL;
    struct ref_rule *own = NEW(draft_arena(p->c), struct ref_rule);
    *own = (struct ref_rule){.layout = REF_SINGLE,
                             .fate = FATE_ERROR,
                             .kind = "node",
                             .group = 1,
                             .why = "no schema describes this property"};
    return own;
}
