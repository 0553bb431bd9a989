// SPDX-License-Identifier: MIT
// Top-level key "linux".
#include "schema/load.h"

/* An entry of one of the lists. */
struct entry {
    const char *const *compatible; // NULL-terminated
    const char *driver, *bus, *config, *since, *until;
    const char *const *children;
    bool buses, grandchildren;
    uint8_t table; // enum linux_table
    uint16_t before, parent;
};

static const char *const tables[] = {"irqchip", "clk", "timer", NULL}; // in the order of enum linux_table

#define ENTRY(member) offsetof(struct entry, member)
// clang-format off
#define ENTRY_FIELDS(needed)                                                                                           \
    {.key = "compatible", .type = FIELD_NAMES, .offset = ENTRY(compatible), .required = (needed)},                     \
    {.key = "since", .type = FIELD_TEXT, .offset = ENTRY(since)},                                                      \
    {.key = "until", .type = FIELD_TEXT, .offset = ENTRY(until)}
#define DRIVER_FIELDS(needed)                                                                                          \
    {.key = "driver", .type = FIELD_TEXT, .offset = ENTRY(driver), .required = (needed)},                              \
    {.key = "bus", .type = FIELD_NAME, .offset = ENTRY(bus)}
// clang-format on
#define TABLE(what, fields)                                                                                            \
    {                                                                                                                  \
        what, fields, sizeof(fields) / sizeof *(fields), sizeof(struct entry), NULL                                    \
    }

static const struct field plain_fields[] = {
    ENTRY_FIELDS(true),
};
static const struct field map_fields[] = {
    ENTRY_FIELDS(true),
    {.key = "before", .type = FIELD_U16, .offset = ENTRY(before), .min = 1, .max = 16},
    {.key = "parent", .type = FIELD_U16, .offset = ENTRY(parent), .max = 15},
    {.key = "source", .type = FIELD_REMARK},
};
static const struct field glue_fields[] = {
    ENTRY_FIELDS(true),
    DRIVER_FIELDS(true),
    {.key = "buses", .type = FIELD_BOOL, .offset = ENTRY(buses)},
    {.key = "grandchildren", .type = FIELD_BOOL, .offset = ENTRY(grandchildren)},
    {.key = "children", .type = FIELD_NAMES, .offset = ENTRY(children)},
};
static const struct field early_fields[] = {
    ENTRY_FIELDS(true),
    {.key = "table", .type = FIELD_WORD, .offset = ENTRY(table), .words = tables, .required = true},
};
static const struct field streams_fields[] = {
    ENTRY_FIELDS(true),
    {.key = "driver", .type = FIELD_TEXT, .offset = ENTRY(driver), .required = true},
};
static const struct field bound_fields[] = {
    ENTRY_FIELDS(true),
    DRIVER_FIELDS(true),
    {.key = "config", .type = FIELD_NAME, .offset = ENTRY(config)},
};

enum list {
    LIST_BUSES,
    LIST_AMBA,
    LIST_SKIPPED,
    LIST_RESERVED,
    LIST_MAPS,
    LIST_POPULATES,
    LIST_EARLY,
    LIST_RELEASED,
    LIST_STREAMS,
    LIST_BOUND
};

static const struct table list_tables[] = {
    [LIST_BUSES] = TABLE("a kind of bus", plain_fields),    [LIST_AMBA] = TABLE("a kind of device", plain_fields),
    [LIST_SKIPPED] = TABLE("a kind of node", plain_fields), [LIST_RESERVED] = TABLE("reserved memory", plain_fields),
    [LIST_MAPS] = TABLE("an interrupt map", map_fields),    [LIST_POPULATES] = TABLE("a driver", glue_fields),
    [LIST_EARLY] = TABLE("a table of Linux", early_fields), [LIST_RELEASED] = TABLE("a table of Linux", early_fields),
    [LIST_STREAMS] = TABLE("a driver", streams_fields),     [LIST_BOUND] = TABLE("a driver", bound_fields),
};

static void apply(struct load *l, struct linux_node *n, enum list list, const struct entry *e)
{
    static const uint16_t flags[] = {
        [LIST_BUSES] = LINUX_IS_BUS,       [LIST_AMBA] = LINUX_IS_AMBA,
        [LIST_SKIPPED] = LINUX_IS_SKIPPED, [LIST_RESERVED] = LINUX_IS_RESERVED_MEMORY,
        [LIST_MAPS] = LINUX_OWN_MAP,       [LIST_POPULATES] = LINUX_IS_GLUE,
        [LIST_EARLY] = LINUX_IS_EARLY,     [LIST_RELEASED] = LINUX_IS_RELEASED,
        [LIST_STREAMS] = LINUX_OWN_STREAM, [LIST_BOUND] = LINUX_STAYS,
    };
    n->is |= (uint16_t)(flags[list] << e->table); // 0 in the lists without tables
    if (list == LIST_MAPS) {
        n->map_before = e->before;
        n->map_parent = e->parent;
    } else if (list == LIST_POPULATES) {
        struct linux_glue *g = NEW(l->c->arena, struct linux_glue);
        *g = (struct linux_glue){n->glues, e->driver, e->bus, e->children, e->buses, e->grandchildren};
        n->glues = g;
    } else if (list == LIST_STREAMS) {
        n->own_stream = e->driver;
    } else if (list == LIST_BOUND) {
        n->stays = e->driver;
        n->stays_bus = e->bus;
        n->stays_config = e->config;
    }
}

static bool read_list(struct load *l, const struct jval *v, enum list list)
{
    if (v->type != JSON_ARRAY)
        return field_wrong_type(l, v, "a list of objects");
    bool ok = true;
    for (const struct jval *o = v->child; o; o = o->next) {
        struct entry e = {0};
        if (!fields_read(l, &list_tables[list], o, &e)) {
            ok = false;
            continue;
        }
        // What an older kernel did is no longer true, but a host may run one whose driver stays.
        if (e.until && list != LIST_BOUND)
            continue;
        for (const char *const *s = e.compatible; *s; s++) {
            struct linux_node *n = map_getp(&l->loader->s->linux_nodes, *s, NULL);
            if (!n) {
                n = NEW(l->c->arena, struct linux_node);
                map_putp(l->c->arena, &l->loader->s->linux_nodes, *s, NULL, n);
            }
            apply(l, n, list, &e);
        }
    }
    return ok;
}

static const struct field architectures_fields[] = {
    {.key = "arch", .type = FIELD_NAMES, .offset = ENTRY(compatible), .required = true},
};
static const struct table architectures_table = TABLE("architectures", architectures_fields);

static bool read_vfio_platform(struct load *l, const struct jval *v, void *item)
{
    (void)item;
    if (v->type != JSON_ARRAY)
        return field_wrong_type(l, v, "a list of objects");
    bool ok = true;
    for (const struct jval *o = v->child; o; o = o->next) {
        struct entry e = {0};
        ok = fields_read(l, &architectures_table, o, &e) && ok;
        for (const char *const *s = e.compatible; s && *s; s++)
            map_put(l->c->arena, &l->loader->s->vfio_platform, (uintptr_t)*s, 0, 1);
    }
    return ok;
}

#define READER(name, list)                                                                                             \
    static bool name(struct load *l, const struct jval *v, void *item)                                                 \
    {                                                                                                                  \
        (void)item;                                                                                                    \
        return read_list(l, v, list);                                                                                  \
    }
READER(read_buses, LIST_BUSES)
READER(read_amba, LIST_AMBA)
READER(read_skipped, LIST_SKIPPED)
READER(read_reserved, LIST_RESERVED)
READER(read_maps, LIST_MAPS)
READER(read_populates, LIST_POPULATES)
READER(read_early, LIST_EARLY)
READER(read_released, LIST_RELEASED)
READER(read_streams, LIST_STREAMS)
READER(read_bound, LIST_BOUND)

static const struct field linux_fields[] = {
    {.key = "kernels", .type = FIELD_REMARK},
    {.key = "vfio-platform", .type = FIELD_CUSTOM, .set = read_vfio_platform},
    {.key = "buses", .type = FIELD_CUSTOM, .set = read_buses},
    {.key = "amba", .type = FIELD_CUSTOM, .set = read_amba},
    {.key = "skipped", .type = FIELD_CUSTOM, .set = read_skipped},
    {.key = "reserved-memory", .type = FIELD_CUSTOM, .set = read_reserved},
    {.key = "interrupt-maps", .type = FIELD_CUSTOM, .set = read_maps},
    {.key = "populates", .type = FIELD_CUSTOM, .set = read_populates},
    {.key = "early", .type = FIELD_CUSTOM, .set = read_early},
    {.key = "released", .type = FIELD_CUSTOM, .set = read_released},
    {.key = "streams", .type = FIELD_CUSTOM, .set = read_streams},
    {.key = "bound", .type = FIELD_CUSTOM, .set = read_bound},
};
static const struct table linux_table = {"what Linux does", linux_fields, sizeof linux_fields / sizeof *linux_fields, 1,
                                         NULL};

bool load_linux(struct load *l, const struct jval *v, void *unused)
{
    (void)unused;
    char nothing;
    if (v->type != JSON_OBJECT)
        return field_wrong_type(l, v, "an object");
    return fields_read(l, &linux_table, v, &nothing);
}
