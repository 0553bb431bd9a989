// SPDX-License-Identifier: MIT
// Top-level keys "references", "providers", "dma-ids", "descriptions", "masters" and "delicate".
#include "schema/load.h"

// A group of properties that follow one rule.
struct ref_group {
    struct ref_rule rule;
    const char *const *properties;
    const char *provider, *keeper;
};

// In the order of the enums.
static const char *const fates[] = {"error", "drop", "keep", "fixed", "assign", "copy", NULL};
static const char *const layouts[] = {"cells",         "fixed",     "single", "stride", "map",
                                      "interrupt-map", "interrupt", "graph",  NULL};
static const char *const matches[] = {"name", "suffix", "numbered", "node", NULL};
static const char *const iommus[] = {"none", "device", "board", NULL};
static const char *const resources[] = {"none", "shared", "exclusive", NULL};
static const char *const kept[] = {"not", "bus", "buses", "provider", "child", "node", "nobody", NULL};

static bool check_group(struct load *l, const struct jval *object, void *item);

static const struct field along_fields[] = {
    {.key = "property", .type = FIELD_NAME, .offset = offsetof(struct ref_along, property), .required = true},
    {.key = "cells",
     .type = FIELD_U32,
     .offset = offsetof(struct ref_along, cells),
     .required = true,
     .min = 1,
     .max = 255},
};
static const struct table along_table = {"a property that goes along", along_fields,
                                         sizeof along_fields / sizeof *along_fields, sizeof(struct ref_along), NULL};

#define INSTEAD(member) offsetof(struct ref_instead, member)
static const struct field instead_fields[] = {
    {.key = "write", .type = FIELD_TEXT, .offset = INSTEAD(write), .required = true},
    {.key = "unless", .type = FIELD_NAMES, .offset = INSTEAD(unless), .required = true},
    {.key = "why", .type = FIELD_TEXT, .offset = INSTEAD(why), .required = true},
};
static const struct table instead_table = {"what replaces a reference", instead_fields,
                                           sizeof instead_fields / sizeof *instead_fields, sizeof(struct ref_instead),
                                           NULL};

#define ALONE(member) offsetof(struct ref_alone, member)
static const struct field alone_fields[] = {
    {.key = "default", .type = FIELD_WORD, .offset = ALONE(fate), .words = fates, .required = true},
    {.key = "why", .type = FIELD_TEXT, .offset = ALONE(why), .required = true},
};
static const struct table alone_table = {"the default of a single entry", alone_fields,
                                         sizeof alone_fields / sizeof *alone_fields, sizeof(struct ref_alone), NULL};

#define RULE(member) offsetof(struct ref_group, rule.member)
static const struct field group_fields[] = {
    {.key = "kind", .type = FIELD_TEXT, .offset = RULE(kind), .required = true},
    {.key = "why", .type = FIELD_TEXT, .offset = RULE(why), .required = true},
    {.key = "default", .type = FIELD_WORD, .offset = RULE(fate), .words = fates, .required = true},
    {.key = "alone", .type = FIELD_OBJECT, .offset = RULE(alone), .table = &alone_table},
    {.key = "layout", .type = FIELD_WORD, .offset = RULE(layout), .words = layouts},
    {.key = "match", .type = FIELD_WORD, .offset = RULE(match), .words = matches},
    {.key = "cells", .type = FIELD_NAME, .offset = RULE(cells)},
    {.key = "cells-optional", .type = FIELD_BOOL, .offset = RULE(cells_optional)},
    {.key = "args", .type = FIELD_U16, .offset = RULE(fixed), .max = 255},
    {.key = "every", .type = FIELD_U16, .offset = RULE(fixed), .min = 1, .max = 255},
    {.key = "at", .type = FIELD_U16, .offset = RULE(at), .max = 254},
    {.key = "before", .type = FIELD_U16, .offset = RULE(before), .max = 255},
    {.key = "after", .type = FIELD_U16, .offset = RULE(after), .max = 255},
    {.key = "names", .type = FIELD_NAME, .offset = RULE(names)},
    {.key = "rates", .type = FIELD_NAME, .offset = RULE(rates)},
    {.key = "outputs", .type = FIELD_NAME, .offset = RULE(outputs)},
    {.key = "numbered-outputs", .type = FIELD_NAME, .offset = RULE(numbered_outputs)},
    {.key = "group", .type = FIELD_U16, .offset = RULE(group), .min = 1, .max = 255},
    {.key = "along", .type = FIELD_LIST, .offset = RULE(along), .count_offset = RULE(nalong), .table = &along_table},
    {.key = "takes", .type = FIELD_NAMES, .offset = RULE(takes)},
    {.key = "instead", .type = FIELD_OBJECT, .offset = RULE(instead), .table = &instead_table},
    {.key = "follows", .type = FIELD_NAME, .offset = RULE(follows)},
    {.key = "except", .type = FIELD_NAMES, .offset = RULE(except)},
    {.key = "unless", .type = FIELD_NAME, .offset = RULE(unless)},
    {.key = "iommu", .type = FIELD_WORD, .offset = RULE(iommu), .words = iommus},
    {.key = "resource", .type = FIELD_WORD, .offset = RULE(resource), .words = resources},
    {.key = "flags", .type = FIELD_U16, .offset = RULE(flags), .min = 1, .max = 255},
    {.key = "critical", .type = FIELD_BOOL, .offset = RULE(critical)},
    {.key = "children", .type = FIELD_BOOL, .offset = RULE(children)},
    {.key = "numbers", .type = FIELD_NAME, .offset = RULE(numbers)},
    {.key = "fixed", .type = FIELD_NAME, .offset = offsetof(struct ref_group, provider)},
    {.key = "kept", .type = FIELD_WORD, .offset = RULE(kept), .words = kept},
    {.key = "keeper", .type = FIELD_NAME, .offset = offsetof(struct ref_group, keeper)},
    {.key = "properties", .type = FIELD_NAMES, .offset = offsetof(struct ref_group, properties), .required = true},
    {.key = "source", .type = FIELD_REMARK},
};
static const struct table group_table = {"a group of references", group_fields,
                                         sizeof group_fields / sizeof *group_fields, sizeof(struct ref_group),
                                         check_group};

// Which layouts a key goes with, as bits; `needed` where it cannot be left out.
static const struct {
    const char *key;
    uint8_t layouts;
    bool needed;
} layout_keys[] = {
    {"cells", 1 << REF_CELLS | 1 << REF_MAP, true},
    {"cells-optional", 1 << REF_CELLS | 1 << REF_MAP, false},
    {"args", 1 << REF_FIXED, false},
    {"every", 1 << REF_STRIDE, true},
    {"at", 1 << REF_STRIDE, true},
    {"before", 1 << REF_MAP, true},
    {"after", 1 << REF_MAP, true},
};

static bool check_group(struct load *l, const struct jval *object, void *item)
{
    struct ref_group *g = item;
    bool ok = true;
    for (uint32_t i = 0; i < sizeof layout_keys / sizeof *layout_keys; i++) {
        const struct jval *m = json_member(object, layout_keys[i].key);
        bool fits = layout_keys[i].layouts >> g->rule.layout & 1;
        if (m && !fits)
            ok = load_contradiction(l, m,
                                    arena_printf(l->c->arena, "\"%s\" does not apply to the layout \"%s\"",
                                                 layout_keys[i].key, layouts[g->rule.layout]),
                                    "remove it, or choose another layout");
        else if (!m && fits && layout_keys[i].needed)
            ok = load_contradiction(l, object,
                                    arena_printf(l->c->arena, "the layout \"%s\" needs \"%s\"", layouts[g->rule.layout],
                                                 layout_keys[i].key),
                                    "add it, or choose another layout");
    }
    const struct jval *except = json_member(object, "except");
    if (except && (g->rule.match == REF_MATCH_NAME || g->rule.match == REF_MATCH_NODE))
        ok = load_contradiction(l, except, "a rule for whole names has no exceptions",
                                "remove \"except\", or set \"match\" to \"suffix\" or \"numbered\"");
    const struct jval *iommu = json_member(object, "iommu");
    if (iommu && g->rule.iommu && g->rule.match != REF_MATCH_NAME)
        ok = load_contradiction(l, iommu, "a property that leads to an IOMMU is known by its whole name",
                                "remove \"iommu\", or \"match\"");
    const struct jval *flags = json_member(object, "flags");
    if (flags && g->rule.resource != REF_RESOURCE_EXCLUSIVE)
        ok = load_contradiction(l, flags, "only specifiers of \"exclusive\" resources are compared",
                                "remove \"flags\", or set \"resource\" to \"exclusive\"");
    if (g->rule.layout == REF_STRIDE && ok && g->rule.at >= g->rule.fixed)
        ok = load_contradiction(l, json_member(object, "at"), "\"at\" must be less than \"every\"",
                                "count cells from 0");
    if (g->rule.fate == FATE_FIXED || g->rule.alone.fate == FATE_FIXED)
        ok = load_contradiction(l, json_member(object, g->rule.fate == FATE_FIXED ? "default" : "alone"),
                                "\"fixed\" needs a value and cannot be a default",
                                "choose another one; classes have \"fates\" with values");
    bool wants = g->rule.kept != KEPT_NOT && g->rule.kept != KEPT_BY_NOBODY;
    if (wants != (g->keeper != NULL))
        ok = load_contradiction(l, json_member(object, wants ? "kept" : "keeper"),
                                wants ? "\"kept\" needs \"keeper\"" : "\"keeper\" does not apply",
                                wants ? "name a provider that keeps it" : "remove it, or say with \"kept\" how");
    if (!g->rule.group)
        g->rule.group = 1;
    return ok;
}

static void add_rule(struct load *l, struct ref_entry *e)
{
    struct loader *ld = l->loader;
    const struct ref_entry *old = NULL;
    bool node = e->rule->match == REF_MATCH_NODE, pattern = !node && e->rule->match != REF_MATCH_NAME;
    if (!pattern)
        old = map_getp(&ld->refs, e->property, node ? ld : NULL);
    for (uint32_t i = 0; i < ld->patterns.n && pattern; i++) {
        struct ref_entry *p = ld->patterns.at[i];
        if (p->property == e->property && p->rule->match == e->rule->match) {
            old = p;
            if (p->layer != e->layer)
                ld->patterns.at[i] = e;
        }
    }
    if (old && old->layer == e->layer) {
        load_twice(l->c, "property", e->property, e->at, old->at);
    } else if (!pattern) {
        map_putp(l->c->arena, &ld->refs, e->property, node ? ld : NULL, e);
        map_putp(l->c->arena, node ? &ld->s->ref_nodes : &ld->s->refs, e->property, NULL, e->rule);
    } else if (!old) {
        vec_push(l->c->arena, &ld->patterns, e);
    }
}

static bool load_group(struct load *l, const struct jval *v)
{
    struct ref_group g = {0};
    if (!fields_read(l, &group_table, v, &g))
        return false;
    struct ref_rule *rule = NEW(l->c->arena, struct ref_rule);
    *rule = g.rule;
    const struct jval *list = json_member(v, "properties");
    struct ref_entry *entries = arena_array(l->c->arena, list->n ? list->n : 1, sizeof *entries);
    uint32_t i = 0;
    for (const struct jval *p = list->child; p; p = p->next, i++) {
        entries[i] = (struct ref_entry){g.properties[i], rule, src_at(p->loc), l->layer};
        add_rule(l, &entries[i]);
        if (g.rule.iommu)
            vec_push(l->c->arena, &l->loader->iommus, &entries[i]);
    }
    if (g.provider) {
        struct ref_fixed *f = vec_add(l->c->arena, &l->loader->fixed);
        *f = (struct ref_fixed){&rule->provider, g.provider, src_at(json_member(v, "fixed")->loc)};
    }
    if (g.keeper) {
        struct ref_fixed *f = vec_add(l->c->arena, &l->loader->fixed);
        *f = (struct ref_fixed){&rule->keeper, g.keeper, src_at(json_member(v, "keeper")->loc)};
    }
    return true;
}

bool load_references(struct load *l, const struct jval *v, void *unused)
{
    (void)unused;
    if (v->type != JSON_ARRAY)
        return field_wrong_type(l, v, "a list of objects");
    bool ok = true;
    for (const struct jval *g = v->child; g; g = g->next)
        ok = load_group(l, g) && ok;
    return ok;
}

#define DMA_ID(member) offsetof(struct schema_dma_id, member)
static const struct field dma_id_fields[] = {
    {.key = "kind", .type = FIELD_TEXT, .offset = DMA_ID(kind), .required = true},
    {.key = "property", .type = FIELD_NAME, .offset = DMA_ID(property), .required = true},
    {.key = "source", .type = FIELD_REMARK},
};
static const struct table dma_id_table = {"a number of a device's DMA", dma_id_fields,
                                          sizeof dma_id_fields / sizeof *dma_id_fields, sizeof(struct schema_dma_id),
                                          NULL};

bool load_dma_ids(struct load *l, const struct jval *v, void *unused)
{
    (void)unused;
    if (v->type != JSON_ARRAY)
        return field_wrong_type(l, v, "a list of objects");
    bool ok = true;
    for (const struct jval *e = v->child; e; e = e->next) {
        struct schema_dma_id id = {0};
        bool known = false;
        ok = fields_read(l, &dma_id_table, e, &id) && ok;
        for (uint32_t i = 0; i < l->loader->dma_ids.n; i++)
            known = known || l->loader->dma_ids.at[i].property == id.property;
        if (ok && !known)
            vec_push(l->c->arena, &l->loader->dma_ids, id);
    }
    l->loader->s->dma_ids = l->loader->dma_ids.at;
    l->loader->s->ndma_ids = l->loader->dma_ids.n;
    return ok;
}

#define DELICATE(member) offsetof(struct schema_delicate, member)
static const struct field delicate_fields[] = {
    {.key = "kind", .type = FIELD_TEXT, .offset = DELICATE(kind), .required = true},
    {.key = "compatible", .type = FIELD_NAME, .offset = DELICATE(compatible), .required = true},
    {.key = "why", .type = FIELD_TEXT, .offset = DELICATE(why), .required = true},
    {.key = "shadow", .type = FIELD_NAMES, .offset = DELICATE(shadow)},
    {.key = "big-endian", .type = FIELD_NAME, .offset = DELICATE(big_endian)},
    {.key = "width", .type = FIELD_NAME, .offset = DELICATE(width)},
    {.key = "source", .type = FIELD_REMARK},
};
static const struct table delicate_table = {"a delicate kind of node", delicate_fields,
                                            sizeof delicate_fields / sizeof *delicate_fields,
                                            sizeof(struct schema_delicate), NULL};

bool load_delicate(struct load *l, const struct jval *v, void *unused)
{
    (void)unused;
    if (v->type != JSON_ARRAY)
        return field_wrong_type(l, v, "a list of objects");
    bool ok = true;
    for (const struct jval *e = v->child; e; e = e->next) {
        struct schema_delicate *d = NEW(l->c->arena, struct schema_delicate);
        ok = fields_read(l, &delicate_table, e, d) && ok;
        if (d->compatible) // a later file's takes the place
            map_putp(l->c->arena, &l->loader->s->delicate, d->compatible, NULL, d);
    }
    return ok;
}

/* Reads objects with a list of names each, and puts the names into a map. */
struct named {
    const char *const *names;
};

static bool load_names(struct load *l, const struct jval *v, const struct table *table, struct map *to)
{
    if (v->type != JSON_ARRAY)
        return field_wrong_type(l, v, "a list of objects");
    bool ok = true;
    for (const struct jval *e = v->child; e; e = e->next) {
        struct named n = {0};
        ok = fields_read(l, table, e, &n) && ok;
        for (const char *const *s = n.names; s && *s; s++)
            map_put(l->c->arena, to, (uintptr_t)*s, 0, 1);
    }
    return ok;
}

static const struct field description_fields[] = {
    {.key = "compatible", .type = FIELD_NAMES, .offset = offsetof(struct named, names), .required = true},
    {.key = "source", .type = FIELD_REMARK},
};
static const struct table description_table = {"descriptions", description_fields,
                                               sizeof description_fields / sizeof *description_fields,
                                               sizeof(struct named), NULL};

bool load_descriptions(struct load *l, const struct jval *v, void *unused)
{
    (void)unused;
    return load_names(l, v, &description_table, &l->loader->s->descriptions);
}

static const struct field master_fields[] = {
    {.key = "names", .type = FIELD_NAMES, .offset = offsetof(struct named, names), .required = true},
    {.key = "source", .type = FIELD_REMARK},
};
static const struct table master_table = {"bus masters", master_fields, sizeof master_fields / sizeof *master_fields,
                                          sizeof(struct named), NULL};

bool load_masters(struct load *l, const struct jval *v, void *unused)
{
    (void)unused;
    return load_names(l, v, &master_table, &l->loader->s->masters);
}

#define PROVIDER(member) offsetof(struct schema_provider, member)
static const struct field provider_fields[] = {
    {.key = "name", .type = FIELD_NAME, .offset = PROVIDER(name), .required = true},
    {.key = "node-name", .type = FIELD_NAME, .offset = PROVIDER(node_name), .required = true},
    {.key = "values", .type = FIELD_NAMES, .offset = PROVIDER(values)},
    {.key = "range", .type = FIELD_BOOL, .offset = PROVIDER(range)},
    {.key = "name-property", .type = FIELD_NAME, .offset = PROVIDER(name_property)},
    {.key = "unit", .type = FIELD_TEXT, .offset = PROVIDER(unit)},
    {.key = "link", .type = FIELD_NAME, .offset = PROVIDER(link)},
    {.key = "body", .type = FIELD_BODY, .offset = PROVIDER(body), .required = true},
    {.key = "source", .type = FIELD_REMARK},
};
static const struct table provider_table = {"a provider", provider_fields,
                                            sizeof provider_fields / sizeof *provider_fields,
                                            sizeof(struct schema_provider), NULL};

bool load_providers(struct load *l, const struct jval *v, void *unused)
{
    (void)unused;
    if (v->type != JSON_ARRAY)
        return field_wrong_type(l, v, "a list of objects");
    bool ok = true;
    for (const struct jval *e = v->child; e; e = e->next) {
        struct schema_provider *p = NEW(l->c->arena, struct schema_provider);
        const struct jval *name = json_member(e, "name");
        l->body_name = name && name->type == JSON_STRING ? intern_n(l->c->names, name->text, name->n) : NULL;
        p->file = l->source->name;
        if (fields_read(l, &provider_table, e, p)) {
            struct thing *t = vec_add(l->c->arena, &l->loader->providers);
            *t = (struct thing){p->name, p, e, src_at(name->loc), l->layer};
        } else {
            ok = false;
        }
    }
    l->body_name = NULL;
    return ok;
}
