// SPDX-License-Identifier: MIT
// After all files are read: which thing has a name, and whether the names used in them are there.
#include "schema/load.h"

#include <stdlib.h>
#include <string.h>

typedef VEC(const char *) names;

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

// Leaves in `all` what counts: of two things with one name the later layer's.
static void choose_things(struct loader *ld, const char *what, struct thing *all, uint32_t *n, struct map *by_name,
                          const char *const **sorted)
{
    struct map things = {0};
    for (uint32_t i = 0; i < *n; i++) {
        struct thing *t = &all[i], *old = map_getp(&things, t->name, NULL);
        if (old && old->layer == t->layer)
            load_twice(ld->c, what, t->name, t->at, old->at);
        else
            map_putp(ld->c->arena, &things, t->name, NULL, t);
    }
    const char **list = arena_array(ld->c->arena, (size_t)*n + 1, sizeof *list);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < *n; i++) {
        if (map_getp(&things, all[i].name, NULL) != &all[i])
            continue;
        // What comes later in `all` is not touched, so the addresses in `things` stay right for what is still to come.
        all[kept] = all[i];
        map_putp(ld->c->arena, by_name, all[kept].name, NULL, all[kept].item);
        list[kept] = all[kept].name;
        kept++;
    }
    *n = kept;
    if (kept)
        qsort(list, kept, sizeof *list, by_bytes);
    if (sorted)
        *sorted = list;
}

struct owner {
    const struct thing *thing;
    struct src at;
};

// Compatible strings to things; a later layer's claim wins.
static void index_compatible(struct loader *ld, struct thing *t, const char *const *compatible, struct map *owners,
                             struct map *by_compatible)
{
    const struct jval *list = json_member(t->object, "compatible");
    const struct jval *e = list ? list->child : NULL;
    for (; e && *compatible; e = e->next, compatible++) {
        struct owner *old = map_getp(owners, *compatible, NULL);
        if (old && old->thing->layer == t->layer) {
            load_twice(ld->c, "compatible", *compatible, src_at(e->loc), old->at);
            continue;
        }
        if (old && old->thing->layer > t->layer)
            continue;
        struct owner *o = NEW(ld->c->arena, struct owner);
        *o = (struct owner){t, src_at(e->loc)};
        map_putp(ld->c->arena, owners, *compatible, NULL, o);
        map_putp(ld->c->arena, by_compatible, *compatible, NULL, t->item);
    }
}

static void report_unknown_name(struct loader *ld, const struct jval *v, const char *what, const char *word,
                                const names *known)
{
    struct diag *d = diag(ld->c->diags, E0811, src_at(v->loc), "no schema file has the %s \"%s\"", what, word);
    const char *near = diags_nearest(ld->c->diags, word, known->at, known->n);
    if (near) {
        diag_help(d, "did you mean \"%s\"?", near);
        diag_respell(d, word, near);
    } else {
        diag_help(d, "write one that is described, or describe it in a file of its own");
    }
}

// The few that no compatible string tells.
static void index_by_property(struct loader *ld)
{
    for (uint32_t i = 0; i < ld->controllers.n; i++) {
        struct irqchip_class *chip = ld->controllers.at[i].item;
        if (chip->property) {
            chip->next_by_property = map_getp(&ld->s->controllers_by_property, chip->property, NULL);
            map_putp(ld->c->arena, &ld->s->controllers_by_property, chip->property, NULL, chip);
        }
    }
}

// Kinds and triggers are a chip's words; a class may use those of any chip.
static void check_irqs(struct loader *ld)
{
    struct arena *a = ld->c->arena;
    struct map kinds = {0}, triggers = {0};
    names all_kinds = {0}, all_triggers = {0};
    for (uint32_t i = 0; i < ld->irqchips.n; i++) {
        const struct irqchip_class *chip = ld->irqchips.at[i].item;
        for (uint32_t k = 0; k < chip->nkinds; k++) {
            map_put(a, &kinds, (uintptr_t)chip->kinds[k].name, 0, 1);
            vec_push(a, &all_kinds, chip->kinds[k].name);
        }
        for (uint32_t t = 0; t < chip->ntriggers; t++) {
            map_put(a, &triggers, (uintptr_t)chip->triggers[t].name, 0, 1);
            vec_push(a, &all_triggers, chip->triggers[t].name);
            for (const char *const *alias = chip->triggers[t].aliases; alias && *alias; alias++)
                map_put(a, &triggers, (uintptr_t)*alias, 0, 1);
        }
    }
    for (uint32_t i = 0; i < ld->classes.n; i++) {
        const struct dev_class *c = ld->classes.at[i].item;
        const struct jval *list = json_member(ld->classes.at[i].object, "irqs"), *e = list ? list->child : NULL;
        for (uint32_t j = 0; j < c->nirqs && e; j++, e = e->next) {
            uint64_t found;
            if (c->irqs[j].kind && !map_get(&kinds, (uintptr_t)c->irqs[j].kind, 0, &found))
                report_unknown_name(ld, json_member(e, "kind"), "kind of interrupt", c->irqs[j].kind, &all_kinds);
            if (c->irqs[j].trigger && !map_get(&triggers, (uintptr_t)c->irqs[j].trigger, 0, &found))
                report_unknown_name(ld, json_member(e, "trigger"), "trigger", c->irqs[j].trigger, &all_triggers);
        }
    }
}

static void check_platforms(struct loader *ld)
{
    names chips = {0};
    for (uint32_t i = 0; i < ld->irqchips.n; i++)
        vec_push(ld->c->arena, &chips, ld->irqchips.at[i].name);
    for (uint32_t i = 0; i < ld->platforms.n; i++) {
        const struct platform *p = ld->platforms.at[i].item;
        const struct jval *irqchip = json_member(ld->platforms.at[i].object, "irqchip");
        const struct jval *class = json_member(irqchip, "class");
        const struct irqchip_class *chip = map_getp(&ld->s->irqchips_by_name, p->irqchip_class, NULL);
        if (!chip) {
            report_unknown_name(ld, class, "irqchip", p->irqchip_class, &chips);
        } else if (chip->ncpu_irqs && !p->cpu_intc) {
            struct diag *d = diag(ld->c->diags, E0813, src_at(class->loc),
                                  "\"%s\" interrupts the cpus through their own interrupt controllers, and this "
                                  "platform's cpus have none",
                                  chip->name);
            diag_help(d, "add \"cpu-intc\", the name of that child, and the child itself to \"cpu\"");
        }
    }
}

static void resolve_providers(struct loader *ld)
{
    names all = {0};
    for (uint32_t i = 0; i < ld->providers.n; i++)
        vec_push(ld->c->arena, &all, ld->providers.at[i].name);
    for (uint32_t i = 0; i < ld->fixed.n; i++) {
        const struct ref_fixed *f = &ld->fixed.at[i];
        const struct schema_provider *p = map_getp(&ld->s->providers, f->provider, NULL);
        const struct jval at = {.loc = f->at.loc};
        if (!p)
            report_unknown_name(ld, &at, "provider", f->provider, &all);
        *f->to = p;
    }
    for (uint32_t i = 0; i < ld->lines.n; i++) {
        const struct jval at = {.loc = ld->lines.at[i].at.loc};
        if (!map_getp(&ld->s->providers, ld->lines.at[i].provider, NULL))
            report_unknown_name(ld, &at, "provider", ld->lines.at[i].provider, &all);
    }
}

// A later layer's patterns are tried first.
static void place_patterns(struct loader *ld)
{
    uint32_t n = ld->patterns.n, at = 0;
    struct ref_property *patterns = arena_array(ld->c->arena, n ? n : 1, sizeof *patterns);
    for (int layer = LAYER_DIR; layer >= LAYER_BUILTIN; layer--) {
        for (uint32_t i = 0; i < n; i++) {
            if (ld->patterns.at[i]->layer == layer)
                patterns[at++] = (struct ref_property){ld->patterns.at[i]->property, ld->patterns.at[i]->rule};
        }
    }
    ld->s->patterns = patterns;
    ld->s->npatterns = n;
}

// Of the rules that say something of an IOMMU, those that no later layer has replaced.
static void list_iommus(struct loader *ld)
{
    struct ref_property *list = arena_array(ld->c->arena, ld->iommus.n + 1U, sizeof *list);
    for (uint32_t i = 0; i < ld->iommus.n; i++) {
        const struct ref_entry *e = ld->iommus.at[i];
        if (schema_ref(ld->s, e->property) == e->rule)
            list[ld->s->niommus++] = (struct ref_property){e->property, e->rule};
    }
    ld->s->iommus = list;
}

static void index_chips(struct loader *ld, struct thing *all, uint32_t n, struct map *owners)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct irqchip_class *chip = all[i].item;
        if (chip->compatible)
            index_compatible(ld, &all[i], chip->compatible, owners, &ld->s->irqchips_by_compatible);
    }
}

static void index_things(struct loader *ld)
{
    struct schemas *s = ld->s;
    choose_things(ld, "irqchip", ld->irqchips.at, &ld->irqchips.n, &s->irqchips_by_name, &s->irqchip_names);
    choose_things(ld, "host irqchip", ld->controllers.at, &ld->controllers.n, &s->controllers, &s->controller_names);
    choose_things(ld, "class", ld->classes.at, &ld->classes.n, &s->classes_by_name, &s->class_names);
    choose_things(ld, "platform", ld->platforms.at, &ld->platforms.n, &s->platforms, &s->platform_names);
    choose_things(ld, "VMM", ld->vmms.at, &ld->vmms.n, &s->vmms, &s->vmm_names);
    choose_things(ld, "provider", ld->providers.at, &ld->providers.n, &s->providers, NULL);
    struct map chip_owners = {0}, class_owners = {0};
    index_chips(ld, ld->irqchips.at, ld->irqchips.n, &chip_owners);
    index_chips(ld, ld->controllers.at, ld->controllers.n, &chip_owners);
    index_by_property(ld);
    for (uint32_t i = 0; i < ld->classes.n; i++)
        index_compatible(ld, &ld->classes.at[i], ((struct dev_class *)ld->classes.at[i].item)->compatible,
                         &class_owners, &s->classes_by_compatible);
}

void index_more(struct loader *ld)
{
    index_things(ld);
    resolve_providers(ld);
}

void index_build(struct loader *ld, bool complete)
{
    index_things(ld);
    // What could not be read would be missed here once more.
    if (complete) {
        check_irqs(ld);
        check_platforms(ld);
    }
    if (complete || ld->on_demand)
        resolve_providers(ld);
    place_patterns(ld);
    list_iommus(ld);
}
