// SPDX-License-Identifier: MIT
// Look-ups in what was loaded.
#include "schema/schema.h"

#include "machc.h"
#include "tree/tree.h"

#include <string.h>

// What a name stands for, read from its file if nobody has asked for it yet.
static const void *look_up(const struct schemas *s, const struct map *t, const char *name)
{
    const void *found = map_getp(t, name, NULL);
    return found || !schemas_demand(s, name) ? found : map_getp(t, name, NULL);
}

static bool is_decimal(const char *s)
{
    const char *end = s;
    while (*end >= '0' && *end <= '9')
        end++;
    return end != s && !*end;
}

static bool ends_in(const char *s, size_t n, const char *end)
{
    size_t m = intern_len(end);
    return n >= m && !memcmp(s + n - m, end, m);
}

static bool matches_pattern(const struct ref_property *r, const char *property)
{
    size_t n = intern_len(property), m = intern_len(r->property);
    bool ok = r->rule->match == REF_MATCH_SUFFIX ? n > m && ends_in(property, n, r->property)
                                                 : !strncmp(property, r->property, m) && is_decimal(property + m);
    for (const char *const *e = r->rule->except; e && *e && ok; e++)
        ok = !ends_in(property, n, *e);
    return ok;
}

static const struct ref_property *pattern_of(const struct schemas *s, const char *property)
{
    for (uint32_t i = 0; i < s->npatterns; i++)
        if (matches_pattern(&s->patterns[i], property))
            return &s->patterns[i];
    return NULL;
}

const struct ref_rule *schema_ref(const struct schemas *s, const char *property)
{
    const struct ref_rule *r = look_up(s, &s->refs, property);
    const struct ref_property *p = r ? NULL : pattern_of(s, property);
    return p ? p->rule : r;
}

const char *schema_ref_pattern(const struct schemas *s, const char *property)
{
    const struct ref_property *p = look_up(s, &s->refs, property) ? NULL : pattern_of(s, property);
    return p ? p->property : NULL;
}

// The strings of a property, which need not end in a NUL, one by one.
static const void *by_compatible(struct machc *c, const struct schemas *s, const struct map *t,
                                 const struct dt_prop *compatible)
{
    if (!compatible)
        return NULL;
    const char *at = (const char *)compatible->data, *end, *nul;
    for (end = at + compatible->len; at < end && (nul = memchr(at, 0, (size_t)(end - at))); at = nul + 1) {
        const void *found = look_up(s, t, intern_n(c->names, at, (size_t)(nul - at)));
        if (found)
            return found;
    }
    return NULL;
}

const struct irqchip_class *schema_irqchip_of(struct machc *c, const struct schemas *s,
                                              const struct dt_prop *compatible)
{
    return by_compatible(c, s, &s->irqchips_by_compatible, compatible);
}

const struct dev_class *schema_class_of(struct machc *c, const struct schemas *s, const struct dt_prop *compatible)
{
    return by_compatible(c, s, &s->classes_by_compatible, compatible);
}

const struct irqchip_class *schema_irqchip_by_property(const struct schemas *s, const char *property, uint32_t ncells)
{
    const struct irqchip_class *class = look_up(s, &s->controllers_by_property, property);
    while (class && class->ncells != ncells)
        class = class->next_by_property;
    return class;
}

bool schema_has_vfio_platform(const struct schemas *s, const char *arch)
{
    uint64_t one;
    schemas_demand(s, arch);
    return map_get(&s->vfio_platform, (uintptr_t)arch, 0, &one);
}

const struct linux_node *schema_linux(const struct schemas *s, const char *compatible)
{
    // Not look_up(): several texts may be about one string.
    schemas_demand(s, compatible);
    return map_getp(&s->linux_nodes, compatible, NULL);
}

const struct irqchip_class *schema_irqchip(const struct schemas *s, const char *name)
{
    return look_up(s, &s->irqchips_by_name, name);
}

const struct dev_class *schema_class(const struct schemas *s, const char *name)
{
    const struct dev_class *c = look_up(s, &s->classes_by_name, name);
    return c ? c : look_up(s, &s->classes_by_compatible, name);
}

const struct platform *schema_platform(const struct schemas *s, const char *name)
{
    return look_up(s, &s->platforms, name);
}

const struct vmm *schema_vmm(const struct schemas *s, const char *name)
{
    return look_up(s, &s->vmms, name);
}

bool irq_kind_takes(const struct irq_kind *kind, const struct irq_trigger *trigger)
{
    for (const char *const *t = kind->triggers; t && *t; t++)
        if (*t == trigger->name)
            return true;
    return !kind->triggers;
}
