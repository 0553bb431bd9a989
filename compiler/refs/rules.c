// SPDX-License-Identifier: MIT
// Finds the rule for the references in a property of a copied node.
#include "refs/refs.h"

bool refs_is_mentioned(const struct copied *k, const char *property)
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
    const struct dt_prop *host = dt_prop(p->host->tree, k->host, prop->name);
    const struct ref_rule *rule = host ? host_ref_rule(p->host, k->host, host) : NULL;
    if (rule)
        return rule;
    const struct ref_rule *named = schema_ref(p->schemas, prop->name);
    bool interrupts = named && (named->layout == REF_INTERRUPT || named->layout == REF_INTERRUPT_MAP), known = false;
    for (const struct dt_ref *r = host ? host->refs : NULL; r && !known; r = r->next)
        known = !r->path && r->target;
    if (!host || prop->name == p->n->phandle || prop->name == p->n->linux_phandle || interrupts ||
        (!known && (!refs_is_mentioned(k, prop->name) || !host_holds_ref(p->c, p->host, host))))
        return NULL;
    struct ref_rule *own = NEW(draft_arena(p->c), struct ref_rule);
    *own = (struct ref_rule){.layout = REF_SINGLE,
                             .undescribed = true,
                             .fate = FATE_ERROR,
                             .kind = "node",
                             .group = 1,
                             .why = "no schema describes this property"};
    return own;
}
