// SPDX-License-Identifier: MIT
// Top-level key "platform".
#include "schema/load.h"

#define PLATFORM(member) offsetof(struct platform, member)

static const struct field irqchip_fields[] = {
    {.key = "name", .type = FIELD_NAME, .offset = PLATFORM(irqchip_name), .required = true},
    {.key = "class", .type = FIELD_NAME, .offset = PLATFORM(irqchip_class), .required = true},
    {.key = "at", .type = FIELD_U64, .offset = PLATFORM(irqchip_at), .max = UINT64_MAX, .required = true},
    {.key = "fixed", .type = FIELD_BOOL, .offset = PLATFORM(irqchip_fixed)},
};
static const struct table irqchip_table = {"a platform's irqchip", irqchip_fields,
                                           sizeof irqchip_fields / sizeof *irqchip_fields, sizeof(struct platform),
                                           NULL};

static const struct field bus_fields[] = {
    {.key = "node-name", .type = FIELD_NAME, .offset = PLATFORM(bus_name), .required = true},
    {.key = "body", .type = FIELD_BODY, .offset = PLATFORM(bus), .required = true},
    {.key = "copy", .type = FIELD_NAMES, .offset = PLATFORM(bus_copy)},
};
static const struct table bus_table = {"a platform's bus", bus_fields, sizeof bus_fields / sizeof *bus_fields,
                                       sizeof(struct platform), NULL};

static bool check_mmio(struct load *l, const struct jval *object, void *item)
{
    const struct platform *p = item;
    if (p->mmio_base < p->mmio_end)
        return true;
    struct diag *d =
        diag(l->c->diags, E0806, src_at(json_member(object, "end")->loc), "the end of the range is not after its base");
    diag_help(d, "addresses are chosen from \"base\" to just below \"end\"");
    return false;
}

static const struct field mmio_fields[] = {
    {.key = "base", .type = FIELD_U64, .offset = PLATFORM(mmio_base), .max = UINT64_MAX, .required = true},
    {.key = "end", .type = FIELD_U64, .offset = PLATFORM(mmio_end), .max = UINT64_MAX, .required = true},
};
static const struct table mmio_table = {"a range of addresses", mmio_fields, sizeof mmio_fields / sizeof *mmio_fields,
                                        sizeof(struct platform), check_mmio};

// The tables above fill the platform itself: offset 0.
static const struct field platform_fields[] = {
    {.key = "name", .type = FIELD_NAME, .offset = PLATFORM(name), .required = true},
    {.key = "arch", .type = FIELD_NAME, .offset = PLATFORM(arch), .required = true},
    {.key = "root", .type = FIELD_BODY, .offset = PLATFORM(root), .required = true},
    {.key = "cpus", .type = FIELD_BODY, .offset = PLATFORM(cpus)},
    {.key = "cpu", .type = FIELD_BODY, .offset = PLATFORM(cpu), .required = true},
    {.key = "cpu-name", .type = FIELD_NAME, .offset = PLATFORM(cpu_name), .required = true},
    {.key = "cpu-intc", .type = FIELD_NAME, .offset = PLATFORM(cpu_intc)},
    {.key = "cpu-copy", .type = FIELD_NAMES, .offset = PLATFORM(cpu_copy)},
    {.key = "cpus-copy", .type = FIELD_NAMES, .offset = PLATFORM(cpus_copy)},
    {.key = "cpu-aff0", .type = FIELD_U32, .offset = PLATFORM(cpu_aff0), .min = 1, .max = 256},
    {.key = "cpu-address-cells",
     .type = FIELD_U32,
     .offset = PLATFORM(cpu_address_cells),
     .min = 1,
     .max = 2,
     .required = true},
    {.key = "max-cpus", .type = FIELD_U32, .offset = PLATFORM(max_cpus), .min = 1, .max = 65536, .required = true},
    {.key = "irqchip", .type = FIELD_OBJECT, .table = &irqchip_table, .required = true},
    {.key = "bus", .type = FIELD_OBJECT, .table = &bus_table},
    {.key = "address-bits", .type = FIELD_U32, .offset = PLATFORM(address_bits), .min = 32, .max = 64},
    {.key = "memory", .type = FIELD_U64, .offset = PLATFORM(memory_base), .max = UINT64_MAX, .required = true},
    {.key = "mmio", .type = FIELD_OBJECT, .table = &mmio_table, .required = true},
    {.key = "source", .type = FIELD_REMARK},
};
static const struct table platform_table = {
    "a platform", platform_fields, sizeof platform_fields / sizeof *platform_fields, sizeof(struct platform), NULL};

bool load_platform(struct load *l, const struct jval *v, void *unused)
{
    (void)unused;
    struct platform *p = NEW(l->c->arena, struct platform);
    p->file = l->source->name;
    p->at = v->loc;
    if (!fields_read(l, &platform_table, v, p))
        return false;
    struct thing *t = vec_add(l->c->arena, &l->loader->platforms);
    *t = (struct thing){p->name, p, v, src_at(json_member(v, "name")->loc), l->layer};
    return true;
}
