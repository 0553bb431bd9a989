// SPDX-License-Identifier: MIT
// What the structs of schema.h consist of: for who writes them as C, and for the test that compares what was written
// with what is read. A member that is missing here fails that test.
#ifndef MACHC_SCHEMA_MEMBERS_H
#define MACHC_SCHEMA_MEMBERS_H

#include "schema/schema.h"

#include <stddef.h>

enum member_kind {
    MEMBER_NUMBER,  // unsigned, or bool
    MEMBER_INT,     // int32_t
    MEMBER_BYTES,   // an array of uint8_t
    MEMBER_NAME,    // an interned string, or NULL
    MEMBER_TEXT,    // another string, or NULL
    MEMBER_NAMES,   // a list of interned strings, NULL-terminated; or NULL
    MEMBER_ITEM,    // a pointer to a struct, or NULL
    MEMBER_LIST,    // to an array of them, whose length (uint32_t) is at `count`
    MEMBER_ITEMS,   // to an array of pointers to them, so long
    MEMBER_TABLE,   // struct names: names of such structs
    MEMBER_NOT_KEPT // zero in what is written
};

struct type;

struct member {
    const char *name;
    uint8_t kind; // enum member_kind
    size_t offset, size, count;
    const struct type *of;
};

struct type {
    const char *name; // in C
    size_t size;
    const struct member *members; // NULL: a uint32_t
    size_t n;
};

#define MEMBER(S, m, kind)                                                                                             \
    {                                                                                                                  \
#m, kind, offsetof(struct S, m), sizeof(((struct S *)0)->m), 0, NULL                                           \
    }
#define MEMBER_OF(S, m, kind, T, count)                                                                                \
    {                                                                                                                  \
#m, kind, offsetof(struct S, m), sizeof(((struct S *)0)->m), count, &type_##T                                  \
    }
#define NUMBER(S, m)      MEMBER(S, m, MEMBER_NUMBER)
#define NAME_OF(S, m)     MEMBER(S, m, MEMBER_NAME)
#define NAMES_OF(S, m)    MEMBER(S, m, MEMBER_NAMES)
#define ITEM(S, m, T)     MEMBER_OF(S, m, MEMBER_ITEM, T, 0)
#define LIST(S, m, T, n)  MEMBER_OF(S, m, MEMBER_LIST, T, offsetof(struct S, n))
#define ITEMS(S, m, T, n) MEMBER_OF(S, m, MEMBER_ITEMS, T, offsetof(struct S, n))
#define TABLE(S, m, T)    MEMBER_OF(S, m, MEMBER_TABLE, T, 0)
#define TYPE(S)                                                                                                        \
    static const struct type type_##S = {"struct " #S, sizeof(struct S), S##_members,                                  \
                                         sizeof S##_members / sizeof *S##_members}

static const struct type type_uint32_t = {"uint32_t", sizeof(uint32_t), NULL, 0};

static const struct member schema_body_members[] = {
    MEMBER(schema_body, name, MEMBER_TEXT),
    MEMBER(schema_body, text, MEMBER_TEXT),
    NUMBER(schema_body, len),
    MEMBER(schema_body, ops, MEMBER_NOT_KEPT),
};
TYPE(schema_body);

static const struct member schema_dma_id_members[] = {NAME_OF(schema_dma_id, property), NAME_OF(schema_dma_id, kind)};
TYPE(schema_dma_id);

static const struct member schema_delicate_members[] = {
    NAME_OF(schema_delicate, compatible),
    NAME_OF(schema_delicate, kind),
    NAME_OF(schema_delicate, why),
};
TYPE(schema_delicate);

static const struct member iommu_reserved_members[] = {
    NUMBER(iommu_reserved, first),
    NUMBER(iommu_reserved, size),
    NAME_OF(iommu_reserved, what),
};
TYPE(iommu_reserved);

static const struct type type_iommu_class;
static const struct member iommu_class_members[] = {
    ITEM(iommu_class, next, iommu_class),
    NUMBER(iommu_class, way),
    NAME_OF(iommu_class, arch),
    NAMES_OF(iommu_class, properties),
    NAMES_OF(iommu_class, compatible),
    NUMBER(iommu_class, subwindows),
    LIST(iommu_class, reserved, iommu_reserved, nreserved),
    NUMBER(iommu_class, nreserved),
};
TYPE(iommu_class);

static const struct member schema_provider_members[] = {
    NAME_OF(schema_provider, name),
    NAME_OF(schema_provider, node_name),
    NAMES_OF(schema_provider, values),
    NAME_OF(schema_provider, name_property),
    NAME_OF(schema_provider, unit),
    ITEM(schema_provider, body, schema_body),
    MEMBER(schema_provider, file, MEMBER_TEXT),
};
TYPE(schema_provider);

static const struct member ref_along_members[] = {NAME_OF(ref_along, property), NUMBER(ref_along, cells)};
TYPE(ref_along);

static const struct member ref_rule_members[] = {
    NAME_OF(ref_rule, cells),
    NAME_OF(ref_rule, names),
    NAME_OF(ref_rule, kind),
    NAME_OF(ref_rule, why),
    NUMBER(ref_rule, layout),
    NUMBER(ref_rule, fate),
    NUMBER(ref_rule, match),
    NUMBER(ref_rule, cells_optional),
    NUMBER(ref_rule, iommu),
    NUMBER(ref_rule, resource),
    NUMBER(ref_rule, critical),
    NUMBER(ref_rule, flags),
    NUMBER(ref_rule, numbers),
    NUMBER(ref_rule, fixed),
    NUMBER(ref_rule, at),
    NUMBER(ref_rule, before),
    NUMBER(ref_rule, after),
    NUMBER(ref_rule, group),
    LIST(ref_rule, along, ref_along, nalong),
    NUMBER(ref_rule, nalong),
    NAME_OF(ref_rule, follows),
    NAMES_OF(ref_rule, except),
    NAME_OF(ref_rule, unless),
    ITEM(ref_rule, provider, schema_provider),
};
TYPE(ref_rule);

static const struct member ref_property_members[] = {
    NAME_OF(ref_property, property),
    ITEM(ref_property, rule, ref_rule),
};
TYPE(ref_property);

static const struct member irq_kind_members[] = {
    NAME_OF(irq_kind, name),
    NUMBER(irq_kind, value),
    NUMBER(irq_kind, min),
    NUMBER(irq_kind, max),
    NUMBER(irq_kind, guest_max),
    NUMBER(irq_kind, first),
    MEMBER(irq_kind, gsi, MEMBER_INT),
    NAMES_OF(irq_kind, triggers),
};
TYPE(irq_kind);

static const struct member irq_trigger_members[] = {
    NAME_OF(irq_trigger, name),
    NUMBER(irq_trigger, value),
    NUMBER(irq_trigger, level),
    NAMES_OF(irq_trigger, aliases),
};
TYPE(irq_trigger);

static const struct member schema_region_members[] = {
    NAME_OF(schema_region, name), NUMBER(schema_region, size),  NUMBER(schema_region, per_cpu),
    NUMBER(schema_region, align), NUMBER(schema_region, range),
};
TYPE(schema_region);

static const struct member irqchip_msi_members[] = {
    NAME_OF(irqchip_msi, node_name), ITEM(irqchip_msi, body, schema_body), NAME_OF(irqchip_msi, parent),
    NUMBER(irqchip_msi, ids),        NAME_OF(irqchip_msi, ids_property),
};
TYPE(irqchip_msi);

static const struct member irqchip_class_members[] = {
    NAME_OF(irqchip_class, name),
    NAMES_OF(irqchip_class, compatible),
    NAME_OF(irqchip_class, property),
    NUMBER(irqchip_class, forwards),
    NUMBER(irqchip_class, cascaded),
    NAME_OF(irqchip_class, describe),
    MEMBER(irqchip_class, cells, MEMBER_BYTES),
    NUMBER(irqchip_class, ncells),
    LIST(irqchip_class, kinds, irq_kind, nkinds),
    NUMBER(irqchip_class, nkinds),
    NUMBER(irqchip_class, default_kind),
    LIST(irqchip_class, triggers, irq_trigger, ntriggers),
    NUMBER(irqchip_class, ntriggers),
    MEMBER(irqchip_class, default_trigger, MEMBER_INT),
    NUMBER(irqchip_class, trigger_mask),
    NAME_OF(irqchip_class, trigger_property),
    NUMBER(irqchip_class, sub),
    NAME_OF(irqchip_class, kvm),
    NAME_OF(irqchip_class, node_name),
    LIST(irqchip_class, regions, schema_region, nregions),
    NUMBER(irqchip_class, nregions),
    NAME_OF(irqchip_class, lines_property),
    NUMBER(irqchip_class, never_acks),
    ITEM(irqchip_class, msi, irqchip_msi),
    LIST(irqchip_class, cpu_irqs, uint32_t, ncpu_irqs),
    NUMBER(irqchip_class, ncpu_irqs),
    NUMBER(irqchip_class, max_cpus),
    ITEM(irqchip_class, body, schema_body),
    MEMBER(irqchip_class, file, MEMBER_TEXT),
    MEMBER(irqchip_class, at, MEMBER_NOT_KEPT),
};
TYPE(irqchip_class);

static const struct member schema_irq_members[] = {
    NAME_OF(schema_irq, name),
    NAME_OF(schema_irq, kind),
    NAME_OF(schema_irq, trigger),
};
TYPE(schema_irq);

static const struct member schema_clock_members[] = {NAME_OF(schema_clock, name), NUMBER(schema_clock, rate)};
TYPE(schema_clock);

static const struct member schema_fate_members[] = {
    NAME_OF(schema_fate, property),
    NUMBER(schema_fate, fate),
    NUMBER(schema_fate, fixed),
};
TYPE(schema_fate);

static const struct member dev_class_members[] = {
    NAME_OF(dev_class, name),
    NAMES_OF(dev_class, compatible),
    NUMBER(dev_class, emulated),
    NAME_OF(dev_class, node_name),
    LIST(dev_class, regions, schema_region, nregions),
    NUMBER(dev_class, nregions),
    LIST(dev_class, irqs, schema_irq, nirqs),
    NUMBER(dev_class, nirqs),
    LIST(dev_class, clocks, schema_clock, nclocks),
    NUMBER(dev_class, nclocks),
    LIST(dev_class, fates, schema_fate, nfates),
    NUMBER(dev_class, nfates),
    NAME_OF(dev_class, vcpu_property),
    NAME_OF(dev_class, dma_operation),
    NAME_OF(dev_class, bus),
    NAME_OF(dev_class, alias),
    NUMBER(dev_class, console),
    ITEM(dev_class, body, schema_body),
    MEMBER(dev_class, file, MEMBER_TEXT),
    MEMBER(dev_class, at, MEMBER_NOT_KEPT),
};
TYPE(dev_class);

static const struct member platform_members[] = {
    NAME_OF(platform, name),
    NAME_OF(platform, arch),
    ITEM(platform, root, schema_body),
    ITEM(platform, cpus, schema_body),
    ITEM(platform, cpu, schema_body),
    NAME_OF(platform, cpu_name),
    NAME_OF(platform, cpu_intc),
    NAMES_OF(platform, cpu_copy),
    NAMES_OF(platform, cpus_copy),
    NUMBER(platform, cpu_aff0),
    NUMBER(platform, max_cpus),
    NUMBER(platform, cpu_address_cells),
    NAME_OF(platform, irqchip_name),
    NAME_OF(platform, irqchip_class),
    NUMBER(platform, irqchip_at),
    NUMBER(platform, irqchip_fixed),
    NUMBER(platform, memory_base),
    NUMBER(platform, address_bits),
    NUMBER(platform, mmio_base),
    NUMBER(platform, mmio_end),
    MEMBER(platform, file, MEMBER_TEXT),
    MEMBER(platform, at, MEMBER_NOT_KEPT),
};
TYPE(platform);

static const struct member schemas_members[] = {
    TABLE(schemas, refs, ref_rule),
    LIST(schemas, patterns, ref_property, npatterns),
    NUMBER(schemas, npatterns),
    LIST(schemas, iommus, ref_property, niommus),
    NUMBER(schemas, niommus),
    LIST(schemas, dma_ids, schema_dma_id, ndma_ids),
    NUMBER(schemas, ndma_ids),
    TABLE(schemas, delicate, schema_delicate),
    ITEM(schemas, iommu_classes, iommu_class),
    TABLE(schemas, irqchips_by_name, irqchip_class),
    TABLE(schemas, irqchips_by_compatible, irqchip_class),
    TABLE(schemas, controllers, irqchip_class),
    ITEMS(schemas, controllers_by_property, irqchip_class, ncontrollers_by_property),
    NUMBER(schemas, ncontrollers_by_property),
    TABLE(schemas, classes_by_name, dev_class),
    TABLE(schemas, classes_by_compatible, dev_class),
    TABLE(schemas, platforms, platform),
    TABLE(schemas, providers, schema_provider),
    NAMES_OF(schemas, irqchip_names),
    NAMES_OF(schemas, controller_names),
    NAMES_OF(schemas, class_names),
    NAMES_OF(schemas, platform_names),
};
TYPE(schemas);

#endif
