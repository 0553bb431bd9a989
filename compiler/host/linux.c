// SPDX-License-Identifier: MIT
// Which nodes Linux makes platform and AMBA devices of. Names of functions are Linux's, of drivers/of/platform.c
// in 6.12.
#include "host/linux.h"

#include "host/internal.h"

/* How devices are made of a node's children. */
struct below {
    struct linux_device how;        // what is true of a child that nothing else is known of
    const struct linux_glue *glues; // the drivers that make them, where these choose; or NULL
    bool flat;                      // the core does not go down into buses among them
};

const struct linux_node *linux_facts(const struct linux_view *v, const struct dt_node *n, uint32_t flags)
{
    const struct dt_prop *compatible = dt_prop(v->host->tree, n, v->host->p->compatible);
    const char *s;
    for (uint32_t i = 0; compatible && (s = dt_string(compatible, i)); i++) {
        const struct linux_node *facts = schema_linux(v->host->schemas, intern(v->c->names, s));
        if (facts && facts->is & flags)
            return facts;
    }
    return NULL;
}

/*
 * Whether OF_POPULATED is set before devices are made. of_irq_init() looks at interrupt controllers only. Of each table
 * the most specific compatible string counts, as it does for for_each_matching_node_and_match().
 */
static bool is_early(const struct linux_view *v, const struct dt_node *n)
{
    for (uint32_t i = 0; i < LINUX_NTABLES; i++) {
        uint32_t early = (uint32_t)LINUX_IS_EARLY << i, released = (uint32_t)LINUX_IS_RELEASED << i;
        if (i == LINUX_IRQCHIP && !dt_prop(v->host->tree, n, v->host->p->interrupt_controller))
            continue;
        const struct linux_node *facts = linux_facts(v, n, early | released);
        if (facts && facts->is & early)
            return true;
    }
    return false;
}

static bool is_named_child_of_root(const struct dt_node *n, const char *name)
{
    return n->parent && !n->parent->parent && !strcmp(n->name, name);
}

/* Whether the driver makes a device of a child. */
static bool makes(const struct host *h, const struct linux_glue *g, const struct dt_node *child)
{
    const struct dt_prop *compatible = dt_prop(h->tree, child, h->p->compatible);
    for (const char *const *s = g->children; s && *s; s++)
        if (dt_string_index(compatible, *s) >= 0)
            return true;
    return !g->children;
}

static struct below below(struct linux_view *v, const struct dt_node *n);

static struct linux_device answer(uint8_t how, const struct dt_node *at)
{
    return (struct linux_device){.how = how, .at = at};
}

static struct linux_device find_device(struct linux_view *v, const struct dt_node *n, const struct below *above)
{
    bool reserved = is_named_child_of_root(n->parent, "reserved-memory");
    if (host_disabled(v->host, n))
        return answer(LINUX_DISABLED, n);
    if (reserved && linux_facts(v, n, LINUX_IS_RESERVED_MEMORY)) // of_platform_default_populate_init()
        return answer(LINUX_BY_CORE, n);
    if (above->how.how == LINUX_DISABLED)
        return above->how;
    if (!dt_prop(v->host->tree, n, v->host->p->compatible))
        return answer(LINUX_NAMELESS, n);
    if (linux_facts(v, n, LINUX_IS_SKIPPED))
        return answer(LINUX_SKIPPED, n);
    if (is_early(v, n))
        return answer(LINUX_TAKEN_EARLY, n);
    if (!above->glues)
        return above->how;
    for (const struct linux_glue *g = above->glues; g; g = g->next)
        if (!g->grandchildren && makes(v->host, g, n))
            return (struct linux_device){LINUX_BY_DRIVER, above->how.at, g->driver};
    return (struct linux_device){LINUX_NOT_BY_DRIVER, above->how.at, above->glues->driver};
}

/* The children of a bus, as the walk that came to the bus makes their devices. */
static bool goes_down(const struct below *above)
{
    if (above->how.how == LINUX_BY_CORE)
        return !above->flat;
    for (const struct linux_glue *g = above->glues; g; g = g->next)
        if (g->buses && !g->children)
            return true;
    return false;
}

static struct below find_below(struct linux_view *v, const struct dt_node *n)
{
    if (!n->parent)
        return (struct below){.how = answer(LINUX_BY_CORE, n)};
    if (is_named_child_of_root(n, "firmware") && !host_disabled(v->host, n))
        return (struct below){.how = answer(LINUX_BY_CORE, n), .flat = true}; // of_platform_populate(node, NULL, ...)
    struct below above = below(v, n->parent);
    struct linux_device device = find_device(v, n, &above);
    // The children of a chip select: the driver is that of the node above it.
    for (const struct linux_glue *g = above.glues; g && device.how == LINUX_NOT_BY_DRIVER; g = g->next)
        if (g->grandchildren)
            return (struct below){.how = {LINUX_BY_DRIVER, above.how.at, g->driver}};
    bool is_device = device.how == LINUX_BY_CORE || device.how == LINUX_BY_DRIVER;
    if (is_device && linux_is_bus(v, n) && goes_down(&above))
        return above;
    // It may be a client of a bus of its own, I2C or SPI, whose driver makes platform devices.
    bool may_be_client = device.how == LINUX_MAYBE || device.how == LINUX_NOT_BY_DRIVER ||
                         (device.how == LINUX_NAMELESS && device.at != n);
    const struct linux_node *facts = is_device || may_be_client ? linux_facts(v, n, LINUX_IS_GLUE) : NULL;
    if (facts && (is_device || facts->glues->bus))
        return (struct below){.how = {LINUX_BY_DRIVER, n, facts->glues->driver}, .glues = facts->glues};
    if (is_device)
        return (struct below){.how = answer(LINUX_MAYBE, n)};
    return (struct below){.how = device.how == LINUX_NOT_BY_DRIVER ? answer(LINUX_MAYBE, device.at) : device};
}

/* find_below(), remembered: siblings have the same. */
static struct below below(struct linux_view *v, const struct dt_node *n)
{
    struct below *known = map_getp(&v->below, n, NULL);
    if (known)
        return *known;
    known = NEW(draft_arena(v->c), struct below);
    *known = find_below(v, n);
    map_putp(draft_arena(v->c), &v->below, n, NULL, known);
    return *known;
}

struct linux_device linux_device_of(struct linux_view *v, const struct dt_node *n)
{
    struct below above = below(v, n->parent);
    return find_device(v, n, &above);
}

const struct linux_node *linux_driver_that_stays(const struct linux_view *v, const struct dt_node *n)
{
    const struct dt_prop *compatible = dt_prop(v->host->tree, n, v->host->p->compatible);
    const char *bus = linux_facts(v, n, LINUX_IS_AMBA) ? "amba" : "platform", *s;
    for (uint32_t i = 0; compatible && (s = dt_string(compatible, i)); i++) {
        const struct linux_node *facts = schema_linux(v->host->schemas, intern(v->c->names, s));
        if (facts && facts->is & LINUX_STAYS && !strcmp(facts->stays_bus ? facts->stays_bus : "platform", bus))
            return facts;
    }
    return NULL;
}

bool linux_is_bus(const struct linux_view *v, const struct dt_node *n)
{
    return linux_facts(v, n, LINUX_IS_BUS) && !linux_facts(v, n, LINUX_IS_AMBA);
}
