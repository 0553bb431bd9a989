// SPDX-License-Identifier: MIT
/*
 * Finds the nodes that the host needs: its console, its interrupt controllers, its IOMMUs, and the clocks and power
 * domains that these and its cpus depend on. It also finds the nodes that are not devices.
 */
#include "plan/planner.h"

static struct host_need *add_need(struct planner *p, const struct dt_node *n, const char *what,
                                  const struct dt_node *user)
{
    if (!n || map_getp(&p->needs, n, NULL))
        return NULL;
    struct host_need *x = NEW(draft_arena(p->c), struct host_need);
    *x = (struct host_need){n, what, user};
    map_putp(draft_arena(p->c), &p->needs, n, NULL, x);
    if (*what)
        vec_push(draft_arena(p->c), &p->need_list, x);
    return x;
}

/* /chosen names the console by path or alias, with options after a colon (Devicetree Specification 3.6). */
static void need_console(struct planner *p)
{
    static const char *const names[] = {"stdout-path", "linux,stdout-path"};
    const struct dt_tree *t = p->host->tree;
    const struct dt_node *chosen = dt_at(t, "/chosen"), *aliases = dt_at(t, "/aliases");
    for (size_t i = 0; chosen && i < sizeof names / sizeof *names; i++) {
        const struct dt_prop *prop = dt_prop(t, chosen, intern(p->c->names, names[i]));
        const char *s = prop ? dt_string(prop, 0) : NULL;
        if (!s)
            continue;
        const char *name = intern_n(p->c->names, s, strcspn(s, ":"));
        const struct dt_prop *alias = *name != '/' && aliases ? dt_prop(t, aliases, name) : NULL;
        const char *path = alias ? dt_string(alias, 0) : NULL;
        if (*name == '/')
            path = name;
        if (path)
            add_need(p, dt_at(t, path), "console", NULL);
        return;
    }
}

/* Whether the first region of `n` starts inside the first region of `above`. */
static bool lies_in_region_of(const struct planner *p, const struct dt_node *n, const struct dt_node *above)
{
    const struct host_node *x = &p->host->nodes[n->id], *y = &p->host->nodes[above->id];
    const struct host_region *a = &p->host->regions[x->first_region], *b = &p->host->regions[y->first_region];
    return x->nregions && y->nregions && a->translated && b->translated && a->address >= b->address &&
           a->address - b->address < b->size;
}

/* The host needs every IOMMU that the property refers to. */
static void need_targets(struct planner *p, const struct dt_prop *prop, const struct ref_rule *rule)
{
    uint32_t step = rule->layout == REF_STRIDE ? rule->fixed : UINT32_MAX, n = prop->len / 4;
    for (uint64_t cell = rule->layout == REF_STRIDE ? rule->at : 0; cell < n; cell += step) {
        const struct dt_node *to = host_phandle(p->host, dt_cell(prop, (uint32_t)cell));
        if (rule->layout == REF_CELLS)
            step = 1 + (to ? dt_u32(p->host->tree, to, rule->cells, 0) : 0);
        for (bool in = to && !host_disabled(p->host, to); in; to = to->parent) {
            add_need(p, to, "IOMMU", NULL);
            in = to->parent && lies_in_region_of(p, to, to->parent); // part of its parent, as a PAMU in an IOMMU node
        }
        if (!step)
            return;
    }
}

static void need_iommus(struct planner *p)
{
    for (const struct dt_node *n = p->host->tree->root; n; n = dt_next(n, p->host->tree->root)) {
        for (uint32_t i = 0; i < p->schemas->niommus; i++) {
            const struct dt_prop *prop = dt_prop(p->host->tree, n, p->schemas->iommus[i].property);
            if (prop) {
                p->has_iommus = true;
                need_targets(p, prop, p->schemas->iommus[i].rule);
            }
        }
        for (uint32_t i = 0; i < p->schemas->ndma_ids; i++) {
            const struct dt_prop *ids = dt_prop(p->host->tree, n, p->schemas->dma_ids[i].property);
            p->has_dma_ids = p->has_dma_ids || (ids && ids->len >= 4);
        }
    }
}

/*
 * Whether `n` is a controller that forwards its interrupts to another one. The host index follows interrupts to that
 * other controller, so this one does not appear as theirs.
 */
static bool is_forwarding_irqchip(const struct planner *p, const struct dt_node *n)
{
    if (!dt_prop(p->host->tree, n, p->n->interrupt_controller))
        return false;
    const struct dt_prop *compatible = dt_prop(p->host->tree, n, p->n->compatible);
    const struct irqchip_class *class = compatible ? schema_irqchip_of(p->c, p->schemas, compatible) : NULL;
    return class && class->forwards;
}

/* No driver binds to these nodes or to those below them (Devicetree Specification, chapter 3). */
static void need_non_devices(struct planner *p)
{
    static const char *const none[] = {"/chosen", "/aliases", "/cpus", "/reserved-memory"};
    const struct dt_tree *t = p->host->tree;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        const struct dt_node *top = dt_at(t, none[i]);
        for (const struct dt_node *n = top; n; n = dt_next(n, top))
            add_need(p, n, "", NULL);
    }
    const char *device_type = intern(p->c->names, "device_type");
    for (const struct dt_node *n = t->root->child; n; n = n->next) {
        const struct dt_prop *type = dt_prop(t, n, device_type);
        const char *word = type ? dt_string(type, 0) : NULL;
        if (word && !strcmp(word, "memory"))
            add_need(p, n, "", NULL);
    }
}

/* ---- the providers that these nodes depend on ---- */

struct wanted {
    VEC(const struct dt_node *) list; // nodes whose providers are still to be looked at
    struct map seen;
};

/*
 * The host needs a provider that has registers. A provider without registers is a description (a fixed clock) or part
 * of a device that has registers: then the host needs that device, and the bus it is on where the bus is itself a
 * device (the I2C controller of a regulator).
 */
static void need_provider(struct planner *p, const struct dt_node *provider, const char *kind,
                          const struct dt_node *user)
{
    for (const struct dt_node *n = provider; n && n->parent; n = n->parent) {
        const struct host_node *hn = &p->host->nodes[n->id];
        if (!hn->nregions)
            continue;
        if (n != user && !dt_is_below(n, user))
            add_need(p, n, kind, user);
        if (p->host->regions[hn->first_region].translated)
            return;
    }
}

static void need_providers(struct planner *p)
{
    struct wanted w = {0};
    for (uint32_t i = 0; i < p->need_list.n; i++) {
        vec_push(draft_arena(p->c), &w.list, p->need_list.at[i]->node);
        map_putp(draft_arena(p->c), &w.seen, p->need_list.at[i]->node, NULL, p->need_list.at[i]->node);
    }
    for (uint32_t i = 0; i < p->host->ncpus; i++)
        vec_push(draft_arena(p->c), &w.list, p->host->cpus[i]);
    for (uint32_t i = 0; i < w.list.n; i++) {
        const struct dt_node *n = w.list.at[i];
        for (const struct dt_prop *prop = n->props; prop; prop = prop->next) {
            const struct ref_rule *rule = host_ref_rule(p->host, n, prop);
            struct ref_entries e;
            if (!rule || !rule->critical || !host_ref_entries(p, prop, rule, &e))
                continue;
            for (uint32_t k = 0; k < e.n; k++) {
                const struct dt_node *to = e.at[k].target;
                if (!to || host_disabled(p->host, to))
                    continue;
                need_provider(p, to, rule->kind, n);
                // A provider with one output needs its own providers. For one with several outputs, the tree does not
                // show which of its inputs feeds this output.
                if (e.at[k].cells == 1 && !map_getp(&w.seen, to, NULL)) {
                    map_putp(draft_arena(p->c), &w.seen, to, NULL, to);
                    vec_push(draft_arena(p->c), &w.list, to);
                }
            }
        }
    }
}

void find_needs(struct planner *p)
{
    need_non_devices(p);
    need_console(p);
    need_iommus(p);
    // A controller of a known class is the root, unless the class says that it is cascaded. Cascaded and unknown
    // controllers can be passed through.
    for (uint32_t i = 0; i < p->host->nirqs; i++)
        if (p->host->irqs[i].class && !p->host->irqs[i].class->cascaded)
            add_need(p, p->host->irqs[i].chip, "interrupt controller", NULL);
    for (const struct dt_node *n = p->host->tree->root; n; n = dt_next(n, p->host->tree->root))
        if (is_forwarding_irqchip(p, n))
            add_need(p, n, "interrupt controller", NULL);
    // A node with registers below a controller is part of it, as the MSI translator of a GIC.
    for (uint32_t i = 0, n = p->need_list.n; i < n; i++) {
        const struct dt_node *top = p->need_list.at[i]->node;
        if (strcmp(p->need_list.at[i]->what, "interrupt controller") != 0)
            continue;
        for (const struct dt_node *k = dt_next(top, top); k; k = dt_next(k, top))
            if (p->host->nodes[k->id].nregions)
                add_need(p, k, "interrupt controller", NULL);
    }
    need_providers(p);
}
