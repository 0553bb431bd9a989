// SPDX-License-Identifier: MIT
// Top-level key "iommus".
#include "schema/load.h"

static const char *const kinds[] = {"page-tables", "pamu", "spapr-tce", NULL}; // in the order of enum iommu_way

static bool check_reserved(struct load *l, const struct jval *object, void *item)
{
    const struct iommu_reserved *r = item;
    if (r->size - 1 <= UINT64_MAX - r->first)
        return true;
    struct diag *d =
        diag(l->c->diags, E0806, src_at(json_member(object, "size")->loc), "the reserved addresses go beyond 64 bits");
    diag_help(d, "write a smaller size");
    return false;
}

#define RESERVED(member) offsetof(struct iommu_reserved, member)
static const struct field reserved_fields[] = {
    {.key = "at", .type = FIELD_U64, .offset = RESERVED(first), .max = UINT64_MAX, .required = true},
    {.key = "size", .type = FIELD_U64, .offset = RESERVED(size), .min = 1, .max = UINT64_MAX, .required = true},
    {.key = "what", .type = FIELD_TEXT, .offset = RESERVED(what), .required = true},
    {.key = "source", .type = FIELD_REMARK},
};
static const struct table reserved_table = {"reserved addresses", reserved_fields,
                                            sizeof reserved_fields / sizeof *reserved_fields,
                                            sizeof(struct iommu_reserved), check_reserved};

static bool check_iommu(struct load *l, const struct jval *object, void *item)
{
    const struct iommu_class *i = item;
    if (!i->subwindows || (i->way == IOMMU_WINDOWS && !(i->subwindows & (i->subwindows - 1))))
        return true;
    struct diag *d = diag(l->c->diags, E0806, src_at(json_member(object, "subwindows")->loc),
                          i->way == IOMMU_WINDOWS ? "%u sub-windows: a PAMU has a power of two of them"
                                                  : "%u sub-windows of an IOMMU that has none",
                          i->subwindows);
    diag_help(d, "of a PAMU it is 1 << (1 + PC3.MWCE), from 2 to 65536");
    return false;
}

#define IOMMU(member) offsetof(struct iommu_class, member)
static const struct field iommu_fields[] = {
    {.key = "kind", .type = FIELD_WORD, .offset = IOMMU(way), .words = kinds, .required = true},
    {.key = "arch", .type = FIELD_NAME, .offset = IOMMU(arch)},
    {.key = "properties", .type = FIELD_NAMES, .offset = IOMMU(properties)},
    {.key = "compatible", .type = FIELD_NAMES, .offset = IOMMU(compatible)},
    // 1 << (1 + PC3.MWCE), a field of 4 bits (Linux 5.12 drivers/iommu/fsl_pamu.h)
    {.key = "subwindows", .type = FIELD_U32, .offset = IOMMU(subwindows), .min = 2, .max = 65536},
    {.key = "reserved",
     .type = FIELD_LIST,
     .offset = IOMMU(reserved),
     .count_offset = IOMMU(nreserved),
     .table = &reserved_table},
    {.key = "source", .type = FIELD_REMARK},
};
static const struct table iommu_table = {"an IOMMU", iommu_fields, sizeof iommu_fields / sizeof *iommu_fields,
                                         sizeof(struct iommu_class), check_iommu};

bool load_iommus(struct load *l, const struct jval *v, void *unused)
{
    (void)unused;
    if (v->type != JSON_ARRAY)
        return field_wrong_type(l, v, "a list of objects");
    bool ok = true;
    const struct iommu_class **end = &l->loader->s->iommu_classes;
    while (*end)
        end = (const struct iommu_class **)&(*end)->next; // made below, for an earlier file
    for (const struct jval *e = v->child; e; e = e->next) {
        struct iommu_class *i = NEW(l->c->arena, struct iommu_class);
        if (fields_read(l, &iommu_table, e, i)) {
            *end = i;
            end = &i->next;
        } else {
            ok = false;
        }
    }
    return ok;
}
