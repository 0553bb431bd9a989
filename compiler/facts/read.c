// SPDX-License-Identifier: MIT
// Reads facts.json, the snapshot of a host, into struct facts.
#include "facts/internal.h"
#include "tree/show.h"

/* ---- values that may be null ---- */

bool facts_set_text_or_null(struct load *l, const struct jval *v, const char **to)
{
    if (v->type == JSON_NULL)
        return true;
    if (v->type != JSON_STRING)
        return field_wrong_type(l, v, "a string or null");
    *to = intern_n(l->c->names, v->text, strnlen(v->text, v->n));
    return true;
}

static bool set_driver(struct load *l, const struct jval *v, void *item)
{
    return facts_set_text_or_null(l, v, &((struct facts_member *)item)->driver);
}

static bool set_bus(struct load *l, const struct jval *v, void *item)
{
    return facts_set_text_or_null(l, v, &((struct facts_member *)item)->bus);
}

static bool set_cpus(struct load *l, const struct jval *v, void *item)
{
    return facts_set_text_or_null(l, v, &((struct facts *)item)->cpus);
}

static bool set_memlock(struct load *l, const struct jval *v, void *item)
{
    if (v->type == JSON_NULL)
        return true;
    return field_number(l, v, 0, UINT64_MAX, &((struct facts *)item)->memlock);
}

/* Checks the type of a value that is informative only: it is not compared with the plan. */
static bool check_uncompared(struct load *l, const struct jval *v, void *item)
{
    (void)item;
    const char *unused;
    return facts_set_text_or_null(l, v, &unused);
}

/* Checks that a value is a boolean; it is not stored: it is informative only. */
static bool check_bool(struct load *l, const struct jval *v, void *item)
{
    (void)item;
    return v->type == JSON_BOOL || field_wrong_type(l, v, "true or false");
}

/* ---- tables ---- */

#define COUNT(fields) (sizeof(fields) / sizeof *(fields))

static const struct field range_fields[] = {
    {.key = "first",
     .type = FIELD_U64,
     .offset = offsetof(struct facts_range, first),
     .max = UINT64_MAX,
     .required = true},
    {.key = "last",
     .type = FIELD_U64,
     .offset = offsetof(struct facts_range, last),
     .max = UINT64_MAX,
     .required = true},
    {.key = "type", .type = FIELD_TEXT, .offset = offsetof(struct facts_range, type), .required = true},
};

static bool check_range(struct load *l, const struct jval *object, void *item)
{
    const struct facts_range *r = item;
    if (r->last >= r->first)
        return true;
    diag_help(diag(l->c->diags, E0806, src_at(object->loc), "range ends before it starts"),
              "swap \"first\" and \"last\", which are both included");
    return false;
}

static const struct table range_table = {"a reserved range", range_fields, COUNT(range_fields),
                                         sizeof(struct facts_range), check_range};

static const struct field member_fields[] = {
    {.key = "name", .type = FIELD_TEXT, .offset = offsetof(struct facts_member, name), .required = true},
    {.key = "driver", .type = FIELD_CUSTOM, .set = set_driver, .required = true},
    {.key = "bus", .type = FIELD_CUSTOM, .set = set_bus},
};
static const struct table member_table = {"a member of a group", member_fields, COUNT(member_fields),
                                          sizeof(struct facts_member), NULL};

static const struct field iommu_group_fields[] = {
    {.key = "group",
     .type = FIELD_U32,
     .offset = offsetof(struct facts_group, number),
     .max = UINT32_MAX,
     .required = true},
    {.key = "devices",
     .type = FIELD_LIST,
     .offset = offsetof(struct facts_group, members),
     .count_offset = offsetof(struct facts_group, nmembers),
     .table = &member_table,
     .required = true},
    {.key = "reserved",
     .type = FIELD_LIST,
     .offset = offsetof(struct facts_group, reserved),
     .count_offset = offsetof(struct facts_group, nreserved),
     .table = &range_table,
     .required = true},
};
static const struct table iommu_group_table = {"an IOMMU group", iommu_group_fields, COUNT(iommu_group_fields),
                                               sizeof(struct facts_group), NULL};

static const struct field vfio_region_fields[] = {
    {.key = "index",
     .type = FIELD_U32,
     .offset = offsetof(struct facts_region, index),
     .max = UINT32_MAX,
     .required = true},
    {.key = "size",
     .type = FIELD_U64,
     .offset = offsetof(struct facts_region, size),
     .max = UINT64_MAX,
     .required = true},
    {.key = "flags", .type = FIELD_NAMES, .offset = offsetof(struct facts_region, flags), .required = true},
};
static const struct table vfio_region_table = {"a region", vfio_region_fields, COUNT(vfio_region_fields),
                                               sizeof(struct facts_region), NULL};

static const struct field vfio_irq_fields[] = {
    {.key = "index",
     .type = FIELD_U32,
     .offset = offsetof(struct facts_irq, index),
     .max = UINT32_MAX,
     .required = true},
    {.key = "count",
     .type = FIELD_U32,
     .offset = offsetof(struct facts_irq, count),
     .max = UINT32_MAX,
     .required = true},
    {.key = "flags", .type = FIELD_NAMES, .offset = offsetof(struct facts_irq, flags), .required = true},
};
static const struct table vfio_irq_table = {"an interrupt", vfio_irq_fields, COUNT(vfio_irq_fields),
                                            sizeof(struct facts_irq), NULL};

static const struct field device_fields[] = {
    {.key = "name", .type = FIELD_TEXT, .offset = offsetof(struct facts_device, name), .required = true},
    {.key = "regions",
     .type = FIELD_LIST,
     .offset = offsetof(struct facts_device, regions),
     .count_offset = offsetof(struct facts_device, nregions),
     .table = &vfio_region_table,
     .required = true},
    {.key = "interrupts",
     .type = FIELD_LIST,
     .offset = offsetof(struct facts_device, irqs),
     .count_offset = offsetof(struct facts_device, nirqs),
     .table = &vfio_irq_table,
     .required = true},
};
static const struct table device_table = {"a device", device_fields, COUNT(device_fields), sizeof(struct facts_device),
                                          NULL};

static const struct field run_fields[] = {
    {.key = "page",
     .type = FIELD_U64,
     .offset = offsetof(struct facts_run, page),
     .min = 1,
     .max = UINT64_MAX,
     .required = true},
    {.key = "first",
     .type = FIELD_U64,
     .offset = offsetof(struct facts_run, first),
     .max = UINT64_MAX,
     .required = true},
    {.key = "size",
     .type = FIELD_U64,
     .offset = offsetof(struct facts_run, size),
     .min = 1,
     .max = UINT64_MAX,
     .required = true},
};

static bool check_run(struct load *l, const struct jval *object, void *item)
{
    const struct facts_run *r = item;
    if (r->first + (r->size - 1) >= r->first)
        return true;
    diag_help(diag(l->c->diags, E0806, src_at(object->loc), "run ends before it starts"),
              "write the file again with `machrt probe`");
    return false;
}

static const struct table run_table = {"a run of huge pages", run_fields, COUNT(run_fields), sizeof(struct facts_run),
                                       check_run};

struct reserved_node {
    const char *name;
    uint64_t first, size;
};
static const struct field reserved_node_fields[] = {
    {.key = "name", .type = FIELD_TEXT, .offset = offsetof(struct reserved_node, name), .required = true},
    {.key = "first",
     .type = FIELD_U64,
     .offset = offsetof(struct reserved_node, first),
     .max = UINT64_MAX,
     .required = true},
    {.key = "size",
     .type = FIELD_U64,
     .offset = offsetof(struct reserved_node, size),
     .max = UINT64_MAX,
     .required = true},
    {.key = "no_map", .type = FIELD_CUSTOM, .set = check_bool, .required = true},
    {.key = "reusable", .type = FIELD_CUSTOM, .set = check_bool, .required = true},
};
static const struct table reserved_node_table = {"reserved memory", reserved_node_fields, COUNT(reserved_node_fields),
                                                 sizeof(struct reserved_node), NULL};

struct huge {
    uint64_t kib;
};
static const struct field huge_fields[] = {
    {.key = "kib", .type = FIELD_U64, .offset = offsetof(struct huge, kib), .max = UINT64_MAX, .required = true},
    {.key = "free", .type = FIELD_CUSTOM, .set = check_uncompared, .required = true},
};
static const struct table huge_table = {"a size of huge pages", huge_fields, COUNT(huge_fields), sizeof(struct huge),
                                        NULL};

static const struct field node_fields[] = {
    {.key = "kvm", .type = FIELD_CUSTOM, .set = check_bool},
    {.key = "vfio", .type = FIELD_CUSTOM, .set = check_bool},
    {.key = "iommu", .type = FIELD_CUSTOM, .set = check_bool},
    {.key = "vfio_devices", .type = FIELD_CUSTOM, .set = check_bool},
};
static const struct table node_table = {"the list of device nodes", node_fields, COUNT(node_fields), 1, NULL};

struct all {
    struct facts facts; // must be the first member: the setters get a pointer to it
    const struct huge *huge;
    const struct reserved_node *reserved;
    uint32_t nhuge, nreserved;
    char nodes;
};

static const struct field facts_fields[] = {
    {.key = "format", .type = FIELD_TEXT, .offset = offsetof(struct all, facts.format), .required = true},
    {.key = "kernel", .type = FIELD_CUSTOM, .set = check_uncompared},
    {.key = "page_size",
     .type = FIELD_U64,
     .offset = offsetof(struct all, facts.page_size),
     .min = 1,
     .max = UINT64_MAX,
     .required = true},
    {.key = "cpus_online", .type = FIELD_CUSTOM, .set = set_cpus},
    {.key = "compatible", .type = FIELD_NAMES, .offset = offsetof(struct all, facts.compatible)},
    {.key = "memlock", .type = FIELD_CUSTOM, .set = set_memlock},
    {.key = "huge_pages",
     .type = FIELD_LIST,
     .offset = offsetof(struct all, huge),
     .count_offset = offsetof(struct all, nhuge),
     .table = &huge_table},
    {.key = "pool",
     .type = FIELD_LIST,
     .offset = offsetof(struct all, facts.runs),
     .count_offset = offsetof(struct all, facts.nruns),
     .table = &run_table},
    {.key = "reserved_memory",
     .type = FIELD_LIST,
     .offset = offsetof(struct all, reserved),
     .count_offset = offsetof(struct all, nreserved),
     .table = &reserved_node_table},
    {.key = "dma_heaps", .type = FIELD_NAMES, .offset = offsetof(struct all, facts.heaps)},
    {.key = "clocks",
     .type = FIELD_LIST,
     .offset = offsetof(struct all, facts.clocks),
     .count_offset = offsetof(struct all, facts.nclocks),
     .table = &facts_clock_table},
    {.key = "regulators",
     .type = FIELD_LIST,
     .offset = offsetof(struct all, facts.regulators),
     .count_offset = offsetof(struct all, facts.nregulators),
     .table = &facts_regulator_table},
    {.key = "iommu_groups",
     .type = FIELD_LIST,
     .offset = offsetof(struct all, facts.groups),
     .count_offset = offsetof(struct all, facts.ngroups),
     .table = &iommu_group_table,
     .required = true},
    {.key = "devices",
     .type = FIELD_LIST,
     .offset = offsetof(struct all, facts.devices),
     .count_offset = offsetof(struct all, facts.ndevices),
     .table = &device_table},
    {.key = "nodes", .type = FIELD_OBJECT, .offset = offsetof(struct all, nodes), .table = &node_table},
};
static const struct table facts_table = {"facts.json", facts_fields, COUNT(facts_fields), sizeof(struct all), NULL};

/* ---- source locations, and the maps from names ---- */

static struct loc loc_of(const struct jval *object, const char *key)
{
    const struct jval *v = json_member(object, key);
    return v ? v->loc : object->loc;
}

static bool report_listed_twice(struct load *l, const char *name, struct loc at, struct loc first)
{
    struct diag *d =
        diag(l->c->diags, E1020, src_at(at), "%s is listed twice in a list of devices", dt_show(l->c->arena, name));
    diag_note(d, src_at(first), "it is also listed here");
    diag_help(d, "write the file again with `machrt probe`");
    return false;
}

static bool index_snapshot(struct load *l, const struct jval *top, struct facts *f)
{
    const struct jval *list = json_member(top, "iommu_groups"), *e = list ? list->child : NULL;
    bool ok = true;
    for (uint32_t i = 0; i < f->ngroups && e; i++, e = e->next) {
        const struct facts_group *g = &f->groups[i];
        SET_LOCATIONS(e, "devices", g->members);
        SET_LOCATIONS(e, "reserved", g->reserved);
        for (uint32_t k = 0; k < g->nmembers; k++) {
            const struct facts_member *m = &g->members[k], *other = map_getp(&f->member, m->name, NULL);
            if (other)
                ok = report_listed_twice(l, m->name, m->at, other->at);
            map_putp(l->c->arena, &f->member, m->name, NULL, m);
            map_putp(l->c->arena, &f->member_of, m->name, NULL, g);
        }
    }
    list = json_member(top, "devices");
    e = list ? list->child : NULL;
    for (uint32_t i = 0; i < f->ndevices && e; i++, e = e->next) {
        const struct facts_device *d = &f->devices[i], *other = map_getp(&f->device, d->name, NULL);
        SET_LOCATIONS(e, "regions", d->regions);
        SET_LOCATIONS(e, "interrupts", d->irqs);
        if (other)
            ok = report_listed_twice(l, d->name, d->at, other->at);
        map_putp(l->c->arena, &f->device, d->name, NULL, d);
    }
    return ok;
}

struct facts *facts_read(struct machc *c, const char *path, struct src at)
{
    const char *why;
    int err;
    const struct source *s = source_read(c->sources, path, false, &why, &err);
    if (!s) {
        diag_help(diag(c->diags, E0218, at, "cannot read %s: %s", path, why),
                  "write it on the board: `machrt probe > facts.json`");
        return NULL;
    }
    struct load l = {.c = c, .source = s};
    const struct jval *top = json_read(c, s);
    if (!top)
        return NULL;
    struct all *all = NEW(c->arena, struct all);
    struct facts *f = &all->facts;
    f->file = s->name;
    f->memlock = UINT64_MAX;
    bool ok = top->type == JSON_OBJECT;
    if (!ok)
        field_wrong_type(&l, top, "an object: what `machrt probe` writes");
    ok = ok && fields_read(&l, &facts_table, top, all);
    if (ok && strcmp(f->format, "facts.json")) {
        diag_help(diag(c->diags, E1020, src_at(loc_of(top, "format")), "this is not a snapshot of a host"),
                  "write it on the board: `machrt probe > facts.json`");
        ok = false;
    }
    if (ok) {
        f->page_size_at = loc_of(top, "page_size");
        f->cpus_at = loc_of(top, "cpus_online");
        f->compatible_at = loc_of(top, "compatible");
        f->memlock_at = loc_of(top, "memlock");
        f->knows_pool = json_member(top, "pool") != NULL;
        f->pool_at = loc_of(top, "pool");
        f->heaps_at = loc_of(top, "dma_heaps");
        SET_LOCATIONS(top, "pool", f->runs);
        SET_LOCATIONS(top, "iommu_groups", f->groups);
        SET_LOCATIONS(top, "devices", f->devices);
        SET_LOCATIONS(top, "clocks", f->clocks);
        SET_LOCATIONS(top, "regulators", f->regulators);
        facts_index_power(c, f);
        ok = index_snapshot(&l, top, f);
    }
    return ok ? f : NULL;
}
