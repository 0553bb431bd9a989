// SPDX-License-Identifier: MIT
// Top-level key "irqchip".
#include "schema/load.h"

#include <string.h>

enum { MAX_KINDS = 64 };

static const char *const cell_words[] = {"zero", "kind", "number", "trigger", "sub", NULL}; // enum irq_cell

/* Regions, of irqchips and classes alike. */

#define REGION(member) offsetof(struct schema_region, member)
static const struct field region_fields[] = {
    {.key = "name", .type = FIELD_NAME, .offset = REGION(name)},
    {.key = "size", .type = FIELD_U64, .offset = REGION(size), .max = UINT64_MAX},
    {.key = "per-cpu", .type = FIELD_U64, .offset = REGION(per_cpu), .min = 1, .max = UINT32_MAX},
    {.key = "align", .type = FIELD_U64, .offset = REGION(align), .min = 1, .max = UINT64_MAX},
    {.key = "range", .type = FIELD_U32, .offset = REGION(range), .min = 1, .max = UINT32_MAX},
};

static bool check_region(struct load *l, const struct jval *object, void *item)
{
    struct schema_region *r = item;
    const struct jval *align = json_member(object, "align");
    if (!align && r->size) {
        for (r->align = 1; r->align < r->size && r->align >> 62 == 0;)
            r->align <<= 1;
    }
    if (!(r->align & (r->align - 1)))
        return true;
    struct diag *d = diag(l->c->diags, E0806, src_at(align->loc), "an alignment must be a power of two");
    diag_help(d, "write \"0x1000\" or \"64K\", for example");
    return false;
}

const struct table region_table = {"a region", region_fields, sizeof region_fields / sizeof *region_fields,
                                   sizeof(struct schema_region), check_region};

bool regions_sized(struct load *l, const struct jval *list, const struct schema_region *regions)
{
    bool ok = true;
    for (const struct jval *r = list ? list->child : NULL; r; r = r->next, regions++) {
        if (regions->size || regions->per_cpu)
            continue;
        struct loc brace = {r->loc.file, r->loc.start, r->loc.start + 1};
        struct diag *d = diag(l->c->diags, E0804, src_at(brace), "this region has no size");
        diag_help(d, "add `\"size\": \"4K\"`, or `\"per-cpu\"` where the size depends on the number of cpus");
        ok = false;
    }
    return ok;
}

/* Kinds and triggers. */

// The GSI of line 0; null: lines of this kind cannot be irqfds.
static bool set_gsi(struct load *l, const struct jval *v, void *item)
{
    struct irq_kind *k = item;
    if (v->type == JSON_NULL)
        return true;
    if (v->type != JSON_INTEGER)
        return field_wrong_type(l, v, "a whole number or null");
    if (v->magnitude > 65536) {
        struct diag *d = diag(l->c->diags, E0806, src_at(v->loc), "no GSI is that far from its line");
        diag_help(d, "write the GSI of line 0, from -65536 to 65536");
        return false;
    }
    k->gsi = v->negative ? -(int32_t)v->magnitude : (int32_t)v->magnitude;
    return true;
}

static bool check_kind(struct load *l, const struct jval *object, void *item)
{
    struct irq_kind *k = item;
    const struct jval *gsi = json_member(object, "gsi"), *first = json_member(object, "first");
    const struct jval *guest_max = json_member(object, "guest-max");
    if (!k->name)
        k->name = intern(l->c->names, "");
    if (!gsi || gsi->type == JSON_NULL)
        k->gsi = INT32_MIN;
    if (!guest_max)
        k->guest_max = k->max;
    if (!first)
        k->first = k->min;
    const char *what = NULL;
    const struct jval *at = NULL;
    if (k->max < k->min) {
        what = "\"max\" is less than \"min\"";
        at = json_member(object, "max");
    } else if (k->guest_max > k->max || k->guest_max < k->min) {
        what = "\"guest-max\" is not between \"min\" and \"max\"";
        at = guest_max;
    } else if (k->first < k->min || k->first > k->guest_max) {
        what = "\"first\" is not between \"min\" and \"guest-max\"";
        at = first;
    }
    if (!what)
        return true;
    struct diag *d = diag(l->c->diags, E0806, src_at(at->loc), "%s", what);
    diag_help(d, "line numbers go from \"min\" to \"max\", both included");
    return false;
}

#define KIND(member) offsetof(struct irq_kind, member)
static const struct field kind_fields[] = {
    {.key = "name", .type = FIELD_NAME, .offset = KIND(name)},
    {.key = "value", .type = FIELD_U32, .offset = KIND(value), .max = UINT32_MAX},
    {.key = "min", .type = FIELD_U32, .offset = KIND(min), .max = UINT32_MAX, .required = true},
    {.key = "max", .type = FIELD_U32, .offset = KIND(max), .max = UINT32_MAX, .required = true},
    {.key = "guest-max", .type = FIELD_U32, .offset = KIND(guest_max), .max = UINT32_MAX},
    {.key = "first", .type = FIELD_U32, .offset = KIND(first), .max = UINT32_MAX},
    {.key = "gsi", .type = FIELD_CUSTOM, .set = set_gsi},
    {.key = "triggers", .type = FIELD_NAMES, .offset = KIND(triggers)},
};
static const struct table kind_table = {"a kind of interrupt", kind_fields, sizeof kind_fields / sizeof *kind_fields,
                                        sizeof(struct irq_kind), check_kind};

#define TRIGGER(member) offsetof(struct irq_trigger, member)
static const struct field trigger_fields[] = {
    {.key = "name", .type = FIELD_NAME, .offset = TRIGGER(name), .required = true},
    {.key = "value", .type = FIELD_U32, .offset = TRIGGER(value), .max = UINT32_MAX, .required = true},
    {.key = "level", .type = FIELD_BOOL, .offset = TRIGGER(level), .required = true},
    {.key = "aliases", .type = FIELD_NAMES, .offset = TRIGGER(aliases)},
};
static const struct table trigger_table = {"a trigger", trigger_fields, sizeof trigger_fields / sizeof *trigger_fields,
                                           sizeof(struct irq_trigger), NULL};

/* The chip. */

struct chip_msi {
    struct irqchip_msi msi;
    struct schema_region region;
};

struct chip {
    struct irqchip_class class; // first: it is what the loader keeps
    struct chip_msi msi;
    const char *default_kind, *default_trigger;
};

static bool set_cells(struct load *l, const struct jval *v, void *item)
{
    struct chip *chip = item;
    if (v->type != JSON_ARRAY)
        return field_wrong_type(l, v, "a list of strings");
    if (v->n < 1 || v->n > IRQ_MAX_CELLS) {
        struct diag *d = diag(l->c->diags, E0806, src_at(v->loc), "an interrupt specifier of %u cells", v->n);
        diag_help(d, "it has from 1 to %d", IRQ_MAX_CELLS);
        return false;
    }
    uint32_t seen = 0;
    for (const struct jval *e = v->child; e; e = e->next) {
        uint8_t cell = 0;
        while (cell_words[cell] && !json_is_word(e, cell_words[cell]))
            cell++;
        if (!cell_words[cell]) {
            const char *word = arena_strndup(l->c->arena, e->text, e->type == JSON_STRING ? e->n : 0);
            struct diag *d = diag(l->c->diags, E0808, src_at(e->loc), "a cell cannot be \"%.60s\"", word);
            diag_help(d, "write one of \"zero\", \"kind\", \"number\", \"trigger\", \"sub\"");
            return false;
        }
        if (cell != IRQ_CELL_ZERO && seen >> cell & 1)
            return load_contradiction(l, e, "two cells of the same meaning",
                                      "each of them is allowed once, except \"zero\"");
        seen |= 1U << cell;
        chip->class.cells[chip->class.ncells++] = cell;
    }
    chip->class.sub = seen >> IRQ_CELL_SUB & 1;
    if (!(seen >> IRQ_CELL_NUMBER & 1))
        return load_contradiction(l, v, "no cell of the specifier is the \"number\"",
                                  "add it: it tells the lines apart");
    return true;
}

static bool set_cpu_irqs(struct load *l, const struct jval *v, void *item)
{
    struct chip *chip = item;
    if (v->type != JSON_ARRAY)
        return field_wrong_type(l, v, "a list of numbers");
    uint32_t *irqs = arena_array(l->c->arena, v->n ? v->n : 1, sizeof *irqs);
    for (const struct jval *e = v->child; e; e = e->next) {
        uint64_t n;
        if (!field_number(l, e, 0, UINT32_MAX, &n))
            return false;
        irqs[chip->class.ncpu_irqs++] = (uint32_t)n;
    }
    chip->class.cpu_irqs = irqs;
    return true;
}

static bool has_cell(const struct irqchip_class *c, enum irq_cell cell)
{
    return memchr(c->cells, (int)cell, c->ncells) != NULL;
}

static bool unknown_word(struct load *l, const struct jval *at, const char *what, const char *word)
{
    struct diag *d = diag(l->c->diags, E0811, src_at(at->loc), "there is no %s \"%s\" in this file", what, word);
    diag_help(d, "write one that is listed in it");
    return false;
}

static bool check_words(struct load *l, const struct jval *object, struct chip *chip)
{
    struct irqchip_class *c = &chip->class;
    const struct jval *kinds = json_member(object, "kinds"), *e = kinds ? kinds->child : NULL;
    bool ok = true;
    if (c->nkinds > MAX_KINDS || c->ntriggers > MAX_KINDS)
        return load_contradiction(l, object, "more kinds or triggers than any interrupt controller has",
                                  "list at most 64 of each");
    for (uint32_t i = 0; e && i < c->nkinds; i++, e = e->next) {
        for (uint32_t j = 0; j < i; j++) {
            if (c->kinds[i].name == c->kinds[j].name || c->kinds[i].value == c->kinds[j].value)
                ok =
                    load_contradiction(l, e, "two kinds of interrupt with the same name or value", "give each its own");
        }
    }
    const struct jval *triggers = json_member(object, "triggers");
    struct map words = {0};
    e = triggers ? triggers->child : NULL;
    for (uint32_t i = 0; i < c->ntriggers; i++, e = e->next) {
        const struct irq_trigger *t = &c->triggers[i];
        if (t->value & ~c->trigger_mask)
            ok = load_contradiction(l, e, "the value of a trigger has bits that are not in \"trigger-mask\"",
                                    "the mask says which bits of the cell mean the trigger");
        const char *const none[] = {NULL};
        const char *const *alias = t->aliases ? t->aliases : none;
        for (const char *word = t->name; word; word = *alias++) {
            uint64_t other;
            if (map_get(&words, (uintptr_t)word, 0, &other))
                ok = load_contradiction(l, e, arena_printf(l->c->arena, "\"%s\" means two triggers", word),
                                        "keep the word where it is unambiguous");
            map_put(l->c->arena, &words, (uintptr_t)word, 0, i);
            if (chip->default_trigger == word)
                c->default_trigger = (int32_t)i;
        }
    }
    e = kinds ? kinds->child : NULL;
    for (uint32_t i = 0; e && i < c->nkinds; i++, e = e->next) {
        for (const char *const *t = c->kinds[i].triggers; t && *t; t++) {
            uint64_t which;
            if (!map_get(&words, (uintptr_t)*t, 0, &which) || c->triggers[which].name != *t)
                ok = unknown_word(l, json_member(e, "triggers"), "trigger", *t);
        }
    }
    return ok;
}

static bool check_specifier(struct load *l, const struct jval *object, struct chip *chip)
{
    struct irqchip_class *c = &chip->class;
    const struct jval *kinds = json_member(object, "kinds"), *cells = json_member(object, "cells");
    c->default_trigger = -1;
    bool ok = check_words(l, object, chip);
    if (c->nkinds == 0)
        ok = load_contradiction(l, kinds, "a chip without any interrupts", "add a kind with \"min\" and \"max\"");
    if (c->nkinds > 1 && !has_cell(c, IRQ_CELL_KIND))
        ok = load_contradiction(l, kinds, "several kinds, but no cell of the specifier tells them apart",
                                "add \"kind\" to \"cells\"");
    if (has_cell(c, IRQ_CELL_TRIGGER) && c->ntriggers == 0)
        ok = load_contradiction(l, cells, "a cell for the trigger, but no \"triggers\"", "list them");
    if (chip->default_trigger && c->default_trigger < 0)
        ok = unknown_word(l, json_member(object, "default-trigger"), "trigger", chip->default_trigger);
    if (!chip->default_kind)
        return ok;
    while (c->default_kind < c->nkinds && c->kinds[c->default_kind].name != chip->default_kind)
        c->default_kind++;
    if (c->default_kind == c->nkinds)
        ok = unknown_word(l, json_member(object, "default-kind"), "kind of interrupt", chip->default_kind);
    return ok;
}

/* Its region becomes the chip's last one: placed, claimed and written to guest.cfg as all of them. */
static bool check_msi(struct load *l, const struct jval *msi, struct chip *chip)
{
    struct irqchip_class *c = &chip->class;
    const struct schema_region *r = &chip->msi.region;
    if (!r->per_cpu || r->size)
        return load_contradiction(l, json_member(msi, "region"), "the region for messages needs a size for each cpu",
                                  "give the region \"per-cpu\", and no \"size\"");
    if (!c->ncpu_irqs)
        return load_contradiction(l, msi, "the file does not say how messages get to the cpus",
                                  "add \"cpu-interrupts\" to the irqchip");
    struct schema_region *all = arena_array(l->c->arena, c->nregions + 1U, sizeof *all);
    for (uint32_t i = 0; i < c->nregions; i++)
        all[i] = c->regions[i];
    all[c->nregions++] = *r;
    c->regions = all;
    c->msi = &chip->msi.msi;
    return true;
}

static bool check_irqchip(struct load *l, const struct jval *object, void *item)
{
    struct chip *chip = item;
    const struct jval *msi = json_member(object, "msi-controller");
    bool ok = regions_sized(l, json_member(object, "regions"), chip->class.regions);
    if (msi && !check_msi(l, msi, chip))
        ok = false;
    if (chip->class.never_acks && !chip->class.kvm)
        ok = load_contradiction(l, json_member(object, "never-acks"), "only KVM never acks",
                                "add \"kvm\", or remove this: a VMM's own controller can tell");
    return check_specifier(l, object, chip) && ok;
}

#define MSI(member) offsetof(struct chip_msi, member)
static const struct field msi_fields[] = {
    {.key = "node-name", .type = FIELD_NAME, .offset = MSI(msi.node_name), .required = true},
    {.key = "region", .type = FIELD_OBJECT, .offset = MSI(region), .table = &region_table, .required = true},
    {.key = "body", .type = FIELD_BODY, .offset = MSI(msi.body), .required = true},
    {.key = "parent", .type = FIELD_NAME, .offset = MSI(msi.parent), .required = true},
    {.key = "ids", .type = FIELD_U32, .offset = MSI(msi.ids), .min = 1, .max = UINT32_MAX, .required = true},
    {.key = "ids-property", .type = FIELD_NAME, .offset = MSI(msi.ids_property), .required = true},
};
static const struct table msi_table = {"an MSI controller", msi_fields, sizeof msi_fields / sizeof *msi_fields,
                                       sizeof(struct chip_msi), NULL};

#define CHIP(member) offsetof(struct chip, class.member)
/* How interrupts are written: the same for a guest's chip, which needs all of it, and for a host's. */
// clang-format off
#define SPECIFIER_FIELDS(needed)                                                                                       \
    {.key = "name", .type = FIELD_NAME, .offset = CHIP(name), .required = true},                                       \
    {.key = "compatible", .type = FIELD_NAMES, .offset = CHIP(compatible)},                                            \
    {.key = "describe", .type = FIELD_TEXT, .offset = CHIP(describe), .required = (needed)},                           \
    {.key = "cells", .type = FIELD_CUSTOM, .set = set_cells, .required = (needed)},                                    \
    {.key = "kinds", .type = FIELD_LIST, .offset = CHIP(kinds), .count_offset = CHIP(nkinds), .table = &kind_table,    \
     .required = (needed)},                                                                                            \
    {.key = "default-kind", .type = FIELD_NAME, .offset = offsetof(struct chip, default_kind)},                        \
    {.key = "triggers", .type = FIELD_LIST, .offset = CHIP(triggers), .count_offset = CHIP(ntriggers),                 \
     .table = &trigger_table},                                                                                         \
    {.key = "default-trigger", .type = FIELD_NAME, .offset = offsetof(struct chip, default_trigger)},                  \
    {.key = "trigger-mask", .type = FIELD_U32, .offset = CHIP(trigger_mask), .max = UINT32_MAX},                       \
    {.key = "source", .type = FIELD_REMARK}
// clang-format on

static const struct field chip_fields[] = {
    SPECIFIER_FIELDS(true),
    {.key = "kvm", .type = FIELD_NAME, .offset = CHIP(kvm)},
    {.key = "node-name", .type = FIELD_NAME, .offset = CHIP(node_name), .required = true},
    {.key = "regions",
     .type = FIELD_LIST,
     .offset = CHIP(regions),
     .count_offset = CHIP(nregions),
     .table = &region_table,
     .required = true},
    {.key = "lines-property", .type = FIELD_NAME, .offset = CHIP(lines_property)},
    {.key = "never-acks", .type = FIELD_BOOL, .offset = CHIP(never_acks)},
    {.key = "msi-controller", .type = FIELD_OBJECT, .offset = offsetof(struct chip, msi), .table = &msi_table},
    {.key = "cpu-interrupts", .type = FIELD_CUSTOM, .set = set_cpu_irqs},
    {.key = "max-cpus", .type = FIELD_U32, .offset = CHIP(max_cpus), .min = 1, .max = 65536},
    {.key = "body", .type = FIELD_BODY, .offset = CHIP(body), .required = true},
};
static const struct table chip_table = {"an irqchip", chip_fields, sizeof chip_fields / sizeof *chip_fields,
                                        sizeof(struct chip), check_irqchip};

bool load_irqchip(struct load *l, const struct jval *v, void *unused)
{
    (void)unused;
    struct chip *chip = NEW(l->c->arena, struct chip);
    chip->class.file = l->source->name;
    chip->class.at = v->loc;
    if (!fields_read(l, &chip_table, v, chip))
        return false;
    struct thing *t = vec_add(l->c->arena, &l->loader->irqchips);
    *t = (struct thing){chip->class.name, &chip->class, v, src_at(json_member(v, "name")->loc), l->layer};
    return true;
}

/* Controllers that only hosts have: their specifiers are read, and that is all. */

static bool check_controller(struct load *l, const struct jval *object, void *item)
{
    struct chip *chip = item;
    struct irqchip_class *c = &chip->class;
    if (!c->compatible && !c->property)
        return load_contradiction(l, object, "the file does not say which controllers this is",
                                  "add \"compatible\", or \"property\" for those that no compatible tells");
    if (c->forwards) {
        static const char *const needless[] = {"property",     "describe",        "cells",    "kinds",
                                               "default-kind", "triggers",        "cascaded", "default-trigger",
                                               "trigger-mask", "trigger-property"};
        for (size_t i = 0; i < sizeof needless / sizeof *needless; i++) {
            const struct jval *m = json_member(object, needless[i]);
            if (m)
                return load_contradiction(l, m, "the specifier of such a controller is that of its interrupt parent",
                                          "remove the key, or \"forwards\"");
        }
        return true;
    }
    if (!c->ncells || !c->describe)
        return load_contradiction(l, object, "the file does not say how its specifiers are written",
                                  "add \"describe\" and \"cells\", or `\"forwards\": true` where they are those of "
                                  "its interrupt parent");
    if (!c->nkinds) {
        struct irq_kind *any = NEW(l->c->arena, struct irq_kind);
        *any = (struct irq_kind){.name = intern(l->c->names, ""), .max = UINT32_MAX, .guest_max = UINT32_MAX};
        c->kinds = any;
        c->nkinds = 1;
    }
    return check_specifier(l, object, chip);
}

static const struct field controller_fields[] = {
    SPECIFIER_FIELDS(false),
    {.key = "property", .type = FIELD_NAME, .offset = CHIP(property)},
    {.key = "forwards", .type = FIELD_BOOL, .offset = CHIP(forwards)},
    {.key = "cascaded", .type = FIELD_BOOL, .offset = CHIP(cascaded)},
    {.key = "trigger-property", .type = FIELD_NAME, .offset = CHIP(trigger_property)},
};
static const struct table controller_table = {"a host's irqchip", controller_fields,
                                              sizeof controller_fields / sizeof *controller_fields, sizeof(struct chip),
                                              check_controller};

bool load_controllers(struct load *l, const struct jval *v, void *unused)
{
    (void)unused;
    if (v->type != JSON_ARRAY)
        return field_wrong_type(l, v, "a list of objects");
    bool ok = true;
    for (const struct jval *e = v->child; e; e = e->next) {
        struct chip *chip = NEW(l->c->arena, struct chip);
        chip->class.file = l->source->name;
        chip->class.at = e->loc;
        if (!fields_read(l, &controller_table, e, chip)) {
            ok = false;
            continue;
        }
        struct thing *t = vec_add(l->c->arena, &l->loader->controllers);
        *t = (struct thing){chip->class.name, &chip->class, e, src_at(json_member(e, "name")->loc), l->layer};
    }
    return ok;
}
