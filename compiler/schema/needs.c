// SPDX-License-Identifier: MIT
// Top-level key "needs": what Linux's drivers do not start without.
#include "schema/load.h"

#include "base/vec.h"

/* Reads a list of strings, which may be empty, to interned ones; NULL-terminated. */
static bool read_strings(struct load *l, const struct jval *v, const char *const **list)
{
    if (v->type != JSON_ARRAY)
        return field_wrong_type(l, v, "a list of names");
    const char **names = arena_array(l->c->arena, v->n + 1, sizeof *names);
    uint32_t i = 0;
    bool ok = true;
    for (const struct jval *name = v->child; name; name = name->next) {
        if (name->type == JSON_STRING)
            names[i++] = intern_n(l->c->names, name->text, name->n);
        else
            ok = field_wrong_type(l, name, "a name");
    }
    *list = names;
    return ok;
}

/* Reads {"clocks": ["stmmaceth"], "rockchip,grf": []} into a list that ends with an empty element. */
static bool read_needs(struct load *l, const struct jval *v, const struct driver_need **list)
{
    if (v->type != JSON_OBJECT)
        return field_wrong_type(l, v, "an object: properties, and the names that are asked for in each");
    struct driver_need *needs = arena_array(l->c->arena, v->n + 1, sizeof *needs);
    bool ok = true;
    uint32_t n = 0;
    for (const struct jval *m = v->child; m; m = m->next) {
        const char *const *names = NULL;
        ok = read_strings(l, m, &names) && ok;
        needs[n++] = (struct driver_need){m->key, names};
    }
    *list = needs;
    return ok;
}

static bool set_needs(struct load *l, const struct jval *v, void *item)
{
    return read_needs(l, v, &((struct driver_facts *)item)->needs);
}

static bool set_probably(struct load *l, const struct jval *v, void *item)
{
    return read_needs(l, v, &((struct driver_facts *)item)->probably);
}

static bool set_any_rate(struct load *l, const struct jval *v, void *item)
{
    return read_strings(l, v, &((struct driver_facts *)item)->any_rate);
}

struct entry {
    struct driver_facts facts; // first: set_needs() gets it
    const char *const *compatible;
};

#define FACTS(member) offsetof(struct entry, facts.member)
static const struct field driver_fields[] = {
    {.key = "driver", .type = FIELD_TEXT, .offset = FACTS(driver), .required = true},
    {.key = "compatible", .type = FIELD_NAMES, .offset = offsetof(struct entry, compatible), .required = true},
    {.key = "since", .type = FIELD_TEXT, .offset = FACTS(since)},
    {.key = "until", .type = FIELD_TEXT, .offset = FACTS(until)},
    {.key = "needs", .type = FIELD_CUSTOM, .set = set_needs},
    {.key = "probably", .type = FIELD_CUSTOM, .set = set_probably},
    {.key = "optional", .type = FIELD_NAMES, .offset = FACTS(optional)},
    {.key = "any-rate", .type = FIELD_CUSTOM, .set = set_any_rate},
    {.key = "parent", .type = FIELD_NAMES, .offset = FACTS(parent)},
};
static const struct table driver_table = {"a driver", driver_fields, sizeof driver_fields / sizeof *driver_fields,
                                          sizeof(struct entry), NULL};

static bool read_drivers(struct load *l, const struct jval *v, void *unused)
{
    (void)unused;
    if (v->type != JSON_ARRAY)
        return field_wrong_type(l, v, "a list of objects");
    bool ok = true;
    for (const struct jval *o = v->child; o; o = o->next) {
        struct entry *e = NEW(l->c->arena, struct entry);
        if (!fields_read(l, &driver_table, o, e)) {
            ok = false;
            continue;
        }
        for (const char *const *s = e->compatible; *s; s++) {
            struct driver_facts *f = NEW(l->c->arena, struct driver_facts);
            *f = e->facts;
            f->layer = l->layer;
            struct driver_facts *last = map_getp(&l->loader->s->drivers, *s, NULL);
            while (last && last->next)
                last = last->next; // one for each version, at most
            if (last && last->layer == l->layer)
                last->next = f;
            else // a file of --schema-dir takes the place of what is built in
                map_putp(l->c->arena, &l->loader->s->drivers, *s, NULL, f);
        }
    }
    return ok;
}

static bool read_kernels(struct load *l, const struct jval *v, void *unused)
{
    (void)unused;
    return read_strings(l, v, &l->loader->s->kernels);
}

static const struct field needs_fields[] = {
    {.key = "kernels", .type = FIELD_CUSTOM, .set = read_kernels},
    {.key = "drivers", .type = FIELD_CUSTOM, .set = read_drivers},
};
static const struct table needs_table = {"what drivers need", needs_fields, sizeof needs_fields / sizeof *needs_fields,
                                         1, NULL};

bool load_needs(struct load *l, const struct jval *v, void *unused)
{
    (void)unused;
    char nothing;
    if (v->type != JSON_OBJECT)
        return field_wrong_type(l, v, "an object");
    return fields_read(l, &needs_table, v, &nothing);
}
