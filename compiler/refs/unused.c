// SPDX-License-Identifier: MIT
// Reports `ref` statements that settle nothing, because of a typing error or a changed board.
#include "refs/refs.h"

#include <inttypes.h>

/* Returns the largest number of entries of the property among the nodes that a statement applies to. */
static uint32_t max_entries(struct machine_planner *p, const struct m_passthrough *pass, const struct m_part *part,
                            const char *property, bool *exists)
{
    const struct dt_node *top = part->node;
    uint32_t most = 0;
    *exists = false;
    for (const struct dt_node *n = top; n; n = pass->only || part != &pass->parts.at[0] ? NULL : dt_next(n, top)) {
        const struct dt_prop *prop = dt_prop(p->host->tree, n, property);
        if (!prop)
            continue;
        *exists = true;
        struct copied k = {COPY_OF(n), .pass = pass, .part = part};
        struct settle s = {.p = p, .k = &k, .prop = prop, .rule = refs_rule(p, &k, prop)};
        if (!s.rule)
            continue;
        if (!refs_read(&s))
            most = UINT32_MAX; // it cannot be read, so its number of entries is unknown
        else if (s.entries.n > most)
            most = s.entries.n;
    }
    return most;
}

static void report_no_property(struct machine_planner *p, const struct m_passthrough *pass, const struct m_part *part,
                               const struct m_ref *r)
{
    bool below = !pass->only && part == &pass->parts.at[0] && part->node->child;
    struct diag *d = diag(p->c->diags, E0411, r->at, "%s%s no property `%s`", dt_path(p->c->arena, part->node),
                          below ? " and the nodes below it have" : " has", r->property);
    VEC(const char *) names = {0};
    const struct dt_node *n = part->node;
    for (; n && names.n < 1000; n = below ? dt_next(n, part->node) : NULL)
        for (const struct dt_prop *q = n->props; q && names.n < 1000; q = q->next) {
            struct copied k = {COPY_OF(n), .pass = pass, .part = part};
            if (refs_rule(p, &k, q))
                vec_push(p->c->arena, &names, q->name);
        }
    const char *near = diags_nearest(p->c->diags, r->property, names.at, names.n);
    if (near)
        diag_did_you_mean(d, "", r->property, near);
    else if (names.n)
        diag_help(d, "use a property with references: `%s`%s", names.at[0], names.n > 1 ? " or another" : "");
    else
        diag_help(d, "remove the statement: the node has no references");
}

void refs_check_unused(struct machine_planner *p, const struct m_passthrough *pass, const struct m_part *part)
{
    for (uint32_t i = 0; i < part->refs.n; i++) {
        const struct m_ref *r = &part->refs.at[i];
        const struct ref_rule *rule = schema_ref(p->schemas, r->property);
        uint64_t used;
        bool exists;
        if (map_get(&p->ref_used, refs_key(r), (uintptr_t)r->at.via, &used) || r->property == p->settle_room->all)
            continue;
        if (rule && (rule->layout == REF_INTERRUPT || rule->layout == REF_INTERRUPT_MAP)) {
            diag_help(diag(p->c->diags, E0415, r->at,
                           "`%s` cannot be settled by `ref`: interrupts are linked one by one", r->property),
                      "write `irq 0 drop;` or `irq 0 to ...;`");
            continue;
        }
        uint32_t most = max_entries(p, pass, part, r->property, &exists);
        if (!exists)
            report_no_property(p, pass, part, r);
        else if (!most)
            diag_help(diag(p->c->diags, E0416, r->at, "`%s` of %s holds no reference", r->property,
                           dt_path(p->c->arena, part->node)),
                      "write `edit { ... }` to remove or change it");
        else if (r->index.set && r->index.value >= most)
            diag_help(diag(p->c->diags, E0410, r->index.at, "`%s` of %s has no entry %" PRIu64, r->property,
                           dt_path(p->c->arena, part->node), r->index.value),
                      "use one of its %u entries, counted from 0", most);
    }
}
