// SPDX-License-Identifier: MIT
// Top-level key "vmm".
#include "schema/load.h"

#define CHIP(member) offsetof(struct vmm_irqchip, member)
static const struct field vmm_irqchip_fields[] = {
    {.key = "class", .type = FIELD_NAME, .offset = CHIP(class), .required = true},
    {.key = "at", .type = FIELD_U64, .offset = CHIP(at[0]), .max = UINT64_MAX, .required = true},
    {.key = "second", .type = FIELD_U64, .offset = CHIP(at[1]), .max = UINT64_MAX},
    {.key = "words", .type = FIELD_TEXT, .offset = CHIP(words)},
};
static const struct table vmm_irqchip_table = {"an irqchip of a VMM", vmm_irqchip_fields,
                                               sizeof vmm_irqchip_fields / sizeof *vmm_irqchip_fields,
                                               sizeof(struct vmm_irqchip), NULL};

#define DEVICE(member) offsetof(struct vmm_device, member)
static const struct field vmm_device_fields[] = {
    {.key = "class", .type = FIELD_NAME, .offset = DEVICE(class), .required = true},
    {.key = "at", .type = FIELD_U64, .offset = DEVICE(at[0]), .max = UINT64_MAX, .required = true},
    {.key = "second", .type = FIELD_U64, .offset = DEVICE(at[1]), .max = UINT64_MAX},
    {.key = "line", .type = FIELD_U32, .offset = DEVICE(line), .min = 1, .max = 65535},
    {.key = "bus", .type = FIELD_TEXT, .offset = DEVICE(bus)},
    {.key = "words", .type = FIELD_TEXT, .offset = DEVICE(words)},
};
static const struct table vmm_device_table = {"a device of a VMM", vmm_device_fields,
                                              sizeof vmm_device_fields / sizeof *vmm_device_fields,
                                              sizeof(struct vmm_device), NULL};

#define MACHINE(member) offsetof(struct vmm_machine, member)
static const struct field vmm_machine_fields[] = {
    {.key = "arch", .type = FIELD_NAME, .offset = MACHINE(arch), .required = true},
    {.key = "words", .type = FIELD_TEXT, .offset = MACHINE(words), .required = true},
    {.key = "memory", .type = FIELD_U64, .offset = MACHINE(memory), .max = UINT64_MAX, .required = true},
    {.key = "irqchips",
     .type = FIELD_LIST,
     .offset = MACHINE(irqchips),
     .count_offset = MACHINE(nirqchips),
     .table = &vmm_irqchip_table},
    {.key = "devices",
     .type = FIELD_LIST,
     .offset = MACHINE(devices),
     .count_offset = MACHINE(ndevices),
     .table = &vmm_device_table},
    {.key = "first-intx", .type = FIELD_U32, .offset = MACHINE(first_intx), .min = 1, .max = 65535},
};
static const struct table vmm_machine_table = {"a machine of a VMM", vmm_machine_fields,
                                               sizeof vmm_machine_fields / sizeof *vmm_machine_fields,
                                               sizeof(struct vmm_machine), NULL};

#define VMM(member) offsetof(struct vmm, member)
static const struct field vmm_fields[] = {
    {.key = "name", .type = FIELD_NAME, .offset = VMM(name), .required = true},
    {.key = "title", .type = FIELD_TEXT, .offset = VMM(title), .required = true},
    {.key = "source", .type = FIELD_REMARK},
    {.key = "machines",
     .type = FIELD_LIST,
     .offset = VMM(machines),
     .count_offset = VMM(nmachines),
     .table = &vmm_machine_table,
     .required = true},
    {.key = "cpus", .type = FIELD_TEXT, .offset = VMM(cpus), .required = true},
    {.key = "anonymous", .type = FIELD_TEXT, .offset = VMM(anonymous), .required = true},
    {.key = "hugetlb", .type = FIELD_TEXT, .offset = VMM(hugetlb)},
    {.key = "file", .type = FIELD_TEXT, .offset = VMM(from_file)},
    {.key = "function", .type = FIELD_TEXT, .offset = VMM(function)},
    {.key = "tree", .type = FIELD_TEXT, .offset = VMM(tree), .required = true},
    {.key = "initramfs", .type = FIELD_TEXT, .offset = VMM(initramfs)},
};
static const struct table vmm_table = {"a VMM", vmm_fields, sizeof vmm_fields / sizeof *vmm_fields, sizeof(struct vmm),
                                       NULL};

bool load_vmm(struct load *l, const struct jval *v, void *unused)
{
    (void)unused;
    struct vmm *x = NEW(l->c->arena, struct vmm);
    if (!fields_read(l, &vmm_table, v, x))
        return false;
    struct thing *t = vec_add(l->c->arena, &l->loader->vmms);
    *t = (struct thing){x->name, x, v, src_at(json_member(v, "name")->loc), l->layer};
    return true;
}
