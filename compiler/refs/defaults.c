// SPDX-License-Identifier: MIT
// The fate of a reference that no statement settles.
#include "refs/refs.h"

/* How deep descriptions may need each other; a circle of them is none. */
enum { MAX_CHAIN = 16 };

enum described { NOT_DESCRIBED = 1, DESCRIBED, IN_PROGRESS };

static bool has_listed_compatible(struct machine_planner *p, const struct dt_node *n)
{
    const struct dt_prop *compatible = dt_prop(p->host->tree, n, p->n->compatible);
    const char *s;
    uint64_t one;
    for (uint32_t i = 0; compatible && (s = dt_string(compatible, i)); i++)
        if (map_get(&p->schemas->descriptions, (uintptr_t)intern(p->c->names, s), 0, &one))
            return true;
    return false;
}

static bool is_described(struct machine_planner *p, const struct dt_node *n, uint32_t depth);

/* Whether what a provider refers to is described as well, or is left out of its copy without harm. */
static bool needs_described_only(struct machine_planner *p, const struct dt_node *n, uint32_t depth)
{
    for (const struct dt_prop *prop = n->props; prop; prop = prop->next) {
        const struct ref_rule *rule = host_ref_rule(p->host, n, prop);
        struct ref_entries e = {0};
        if (!rule || rule->fate == FATE_DROP)
            continue;
        if (host_read_refs(p->c, p->host, prop, rule, &e))
            return false;
        for (uint32_t i = 0; i < e.n; i++)
            if (e.at[i].target && !refs_value_in_tree(p, rule, e.at[i].target) &&
                !is_described(p, e.at[i].target, depth + 1))
                return false;
    }
    return true;
}

static bool is_described(struct machine_planner *p, const struct dt_node *n, uint32_t depth)
{
    struct map *known = &p->settle_room->described;
    uint64_t state;
    if (map_get(known, (uintptr_t)n, 0, &state))
        return state == DESCRIBED;
    if (depth > MAX_CHAIN || !has_listed_compatible(p, n))
        return false;
    map_put(draft_arena(p->c), known, (uintptr_t)n, 0, IN_PROGRESS);
    bool yes = needs_described_only(p, n, depth);
    map_put(draft_arena(p->c), known, (uintptr_t)n, 0, yes ? DESCRIBED : NOT_DESCRIBED);
    return yes;
}

bool refs_is_description(struct machine_planner *p, const struct dt_node *n)
{
    return is_described(p, n, 0);
}

/* Whether a node does no more than to pass on the addresses of its children. */
static bool is_mere_bus(struct machine_planner *p, const struct dt_node *n)
{
    const struct dt_tree *t = p->host->tree;
    return !dt_prop(t, n, p->n->compatible) ||
           (linux_is_bus(&p->file->on_linux, n) && dt_prop(t, n, p->n->ranges) && !dt_prop(t, n, p->n->reg));
}

const char *refs_copy_lacks(struct machine_planner *p, const struct dt_node *n)
{
    if (has_listed_compatible(p, n))
        return NULL;
    const struct dt_node *part_of = NULL, *top = n;
    for (const struct dt_node *a = n->parent; a->parent; a = a->parent) {
        part_of = part_of || is_mere_bus(p, a) ? part_of : a;
        top = a;
    }
    if (!strcmp(top->name, "firmware"))
        return "its driver needs firmware, which only the host can call";
    if (dt_prop(p->host->tree, n, p->n->reg))
        return "a copy has no registers, and the driver needs them";
    if (!part_of && !dt_prop(p->host->tree, n, p->n->compatible))
        part_of = n->parent;
    return part_of ? arena_printf(p->c->arena, "it is a part of %s", dt_path(p->c->arena, part_of)) : NULL;
}

uint32_t refs_value_in_tree(struct machine_planner *p, const struct ref_rule *rule, const struct dt_node *provider)
{
    const struct schema_provider *fixed = rule->provider;
    uint32_t value = 0;
    for (const char *const *v = fixed && fixed->range ? fixed->values : NULL; v && *v; v++) {
        const struct dt_prop *prop = dt_prop(p->host->tree, provider, *v);
        uint32_t here = prop && prop->len == 4 ? dt_cell(prop, 0) : 0;
        if (!here || (value && here != value))
            return 0;
        value = here;
    }
    return value;
}

struct verdict refs_default(struct settle *s, const struct ref_entry *e)
{
    struct machine_planner *p = s->p;
    const struct dev_class *class = s->k->device ? s->k->device->class : NULL;
    for (uint32_t i = 0; class && i < class->nfates; i++)
        if (!strcmp(class->fates[i].property, s->prop->name) &&
            (class->fates[i].fate != FATE_SHADOW || !e->target || can_be_shadowed(p, s->rule, e->target)))
            return (struct verdict){class->fates[i].fate, class->fates[i].fixed, NULL};
    if (s->rule->fate == FATE_ERROR && !s->rule->undescribed && e->target) {
        if (refs_is_description(p, e->target))
            return (struct verdict){FATE_COPY, 0, NULL};
        uint32_t value = refs_value_in_tree(p, s->rule, e->target);
        if (value)
            return (struct verdict){FATE_FIXED, value, NULL};
    }
    return (struct verdict){s->entries.n == 1 && s->rule->alone.fate ? s->rule->alone.fate : s->rule->fate, 0, NULL};
}
