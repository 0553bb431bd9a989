// SPDX-License-Identifier: MIT
// Top-level keys "class" and "classes".
#include "schema/load.h"

static const char *const fates[] = {"error", "drop", "keep", "fixed", "assign", "copy", "shadow", NULL}; // enum fate

#define IRQ(member) offsetof(struct schema_irq, member)
static const struct field irq_fields[] = {
    {.key = "name", .type = FIELD_NAME, .offset = IRQ(name)},
    {.key = "kind", .type = FIELD_NAME, .offset = IRQ(kind)},
    {.key = "trigger", .type = FIELD_NAME, .offset = IRQ(trigger)},
};
static const struct table irq_table = {"an interrupt", irq_fields, sizeof irq_fields / sizeof *irq_fields,
                                       sizeof(struct schema_irq), NULL};

#define CLOCK(member) offsetof(struct schema_clock, member)
static const struct field clock_fields[] = {
    {.key = "name", .type = FIELD_NAME, .offset = CLOCK(name)},
    // clock-frequency is a u32 (Linux Documentation/devicetree/bindings/clock/fixed-clock.yaml).
    {.key = "rate", .type = FIELD_U64, .offset = CLOCK(rate), .min = 1, .max = UINT32_MAX, .required = true},
};
static const struct table clock_table = {"a clock", clock_fields, sizeof clock_fields / sizeof *clock_fields,
                                         sizeof(struct schema_clock), NULL};

static bool check_write(struct load *l, const struct jval *object, void *item)
{
    struct shadow_write *w = item;
    w->at = src_at(object->loc);
    if (w->offset % 4)
        return load_contradiction(l, json_member(object, "offset"), "registers have 4 bytes", "write a multiple of 4");
    if (w->hiword && w->mask > UINT16_MAX)
        return load_contradiction(l, json_member(object, "mask"), "bits 31 to 16 of a `hiword` register select",
                                  "write a mask of bits 15 to 0");
    return true;
}

#define WRITE(member) offsetof(struct shadow_write, member)
static const struct field write_fields[] = {
    {.key = "offset", .type = FIELD_U32, .offset = WRITE(offset), .max = SHADOW_SIZE - 4, .required = true},
    {.key = "mask", .type = FIELD_U32, .offset = WRITE(mask), .min = 1, .max = UINT32_MAX, .required = true},
    {.key = "hiword", .type = FIELD_BOOL, .offset = WRITE(hiword)},
    {.key = "device", .type = FIELD_U64, .offset = WRITE(device), .min = 1, .max = UINT64_MAX},
    {.key = "source", .type = FIELD_REMARK},
};
static const struct table write_table = {"a register", write_fields, sizeof write_fields / sizeof *write_fields,
                                         sizeof(struct shadow_write), check_write};

static bool check_fate(struct load *l, const struct jval *object, void *item)
{
    const struct schema_fate *f = item;
    const struct jval *value = json_member(object, "fixed");
    if (f->fate == FATE_FIXED && !value)
        return load_contradiction(l, object, "the fate \"fixed\" needs a value", "add \"fixed\": Hz or microvolts");
    if (f->fate != FATE_FIXED && value)
        return load_contradiction(l, value, "only the fate \"fixed\" has a value", "remove \"fixed\"");
    const struct jval *writes = json_member(object, "writes");
    if (f->fate != FATE_SHADOW && writes)
        return load_contradiction(l, writes, "only the fate \"shadow\" has registers", "remove \"writes\"");
    return true;
}

#define FATE(member) offsetof(struct schema_fate, member)
static const struct field fate_fields[] = {
    {.key = "property", .type = FIELD_NAME, .offset = FATE(property), .required = true},
    {.key = "fate", .type = FIELD_WORD, .offset = FATE(fate), .words = fates, .required = true},
    {.key = "fixed", .type = FIELD_U64, .offset = FATE(fixed), .min = 1, .max = UINT32_MAX},
    {.key = "writes", .type = FIELD_LIST, .offset = FATE(writes), .count_offset = FATE(nwrites), .table = &write_table},
};
static const struct table fate_table = {"a fate", fate_fields, sizeof fate_fields / sizeof *fate_fields,
                                        sizeof(struct schema_fate), check_fate};

// Keys that say what the compiler makes, so they are for devices that it makes.
static const char *const emulated_keys[] = {"clocks", "alias", "console", "bus"};

static bool check_class(struct load *l, const struct jval *object, void *item)
{
    struct dev_class *c = item;
    bool ok = true;
    if (!c->compatible)
        c->compatible = arena_array(l->c->arena, 1, sizeof *c->compatible);
    if (!c->name)
        c->name = c->compatible[0];
    if (!c->name)
        return load_contradiction(l, object, "a class with neither a name nor a compatible string", "add one of them");
    if (!c->emulated) {
        for (uint32_t i = 0; i < sizeof emulated_keys / sizeof *emulated_keys; i++) {
            const struct jval *m = json_member(object, emulated_keys[i]);
            if (m)
                ok = load_contradiction(l, m, "this key is for emulated devices only",
                                        "remove it, or add `\"emulated\": true`");
        }
        return ok;
    }
    if (!c->node_name)
        ok = load_contradiction(l, object, "an emulated device needs \"node-name\"",
                                "write its generic name (Devicetree Specification, 2.2.2)");
    return regions_sized(l, json_member(object, "regions"), c->regions) && ok;
}

#define CLASS(member) offsetof(struct dev_class, member)
static const struct field class_fields[] = {
    {.key = "name", .type = FIELD_NAME, .offset = CLASS(name)},
    {.key = "compatible", .type = FIELD_NAMES, .offset = CLASS(compatible)},
    {.key = "emulated", .type = FIELD_BOOL, .offset = CLASS(emulated)},
    {.key = "node-name", .type = FIELD_NAME, .offset = CLASS(node_name)},
    {.key = "regions",
     .type = FIELD_LIST,
     .offset = CLASS(regions),
     .count_offset = CLASS(nregions),
     .table = &region_table},
    {.key = "irqs", .type = FIELD_LIST, .offset = CLASS(irqs), .count_offset = CLASS(nirqs), .table = &irq_table},
    {.key = "clocks",
     .type = FIELD_LIST,
     .offset = CLASS(clocks),
     .count_offset = CLASS(nclocks),
     .table = &clock_table},
    {.key = "fates", .type = FIELD_LIST, .offset = CLASS(fates), .count_offset = CLASS(nfates), .table = &fate_table},
    {.key = "vcpu-property", .type = FIELD_NAME, .offset = CLASS(vcpu_property)},
    {.key = "dma-operation", .type = FIELD_NAME, .offset = CLASS(dma_operation)},
    {.key = "bus", .type = FIELD_NAME, .offset = CLASS(bus)},
    {.key = "alias", .type = FIELD_NAME, .offset = CLASS(alias)},
    {.key = "console", .type = FIELD_BOOL, .offset = CLASS(console)},
    {.key = "body", .type = FIELD_BODY, .offset = CLASS(body)},
    {.key = "source", .type = FIELD_REMARK},
};
static const struct table class_table = {"a class", class_fields, sizeof class_fields / sizeof *class_fields,
                                         sizeof(struct dev_class), check_class};

// The place of the name that a class goes by: its "name", else its first compatible string.
static struct src name_place(const struct jval *object)
{
    const struct jval *name = json_member(object, "name");
    return src_at(name ? name->loc : json_member(object, "compatible")->child->loc);
}

bool load_class(struct load *l, const struct jval *v, void *unused)
{
    (void)unused;
    struct dev_class *c = NEW(l->c->arena, struct dev_class);
    c->file = l->source->name;
    c->at = v->loc;
    if (!fields_read(l, &class_table, v, c))
        return false;
    struct thing *t = vec_add(l->c->arena, &l->loader->classes);
    *t = (struct thing){c->name, c, v, name_place(v), l->layer};
    return true;
}

bool load_classes(struct load *l, const struct jval *v, void *unused)
{
    if (v->type != JSON_ARRAY)
        return field_wrong_type(l, v, "a list of objects");
    bool ok = true;
    uint32_t i = 0;
    for (const struct jval *e = v->child; e; e = e->next) {
        l->body_name = arena_printf(l->c->arena, "classes[%u]", i++);
        ok = load_class(l, e, unused) && ok;
    }
    l->body_name = NULL;
    return ok;
}
