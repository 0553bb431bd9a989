// SPDX-License-Identifier: MIT
// Makes the bus that a platform puts devices on: its kernels look for them there, and not at the root.
#include "machine/machine.h"

/* Returns the child of the host's root that is called `name`, whatever its unit address; or NULL. */
static const struct dt_node *find_host_bus(const struct machine_planner *p, const char *name)
{
    size_t len = strlen(name);
    for (const struct dt_node *n = p->host ? p->host->tree->root->child : NULL; n; n = n->next)
        if (!strncmp(n->name, name, len) && (!n->name[len] || n->name[len] == '@'))
            return n;
    return NULL;
}

void make_platform_bus(struct machine_planner *p)
{
    const struct platform *pl = p->m->m->platform;
    if (!pl->bus_name)
        return;
    struct dt_tree *t = p->m->tree;
    const char *name = intern(p->c->names, pl->bus_name);
    struct dt_node *bus = new_child(p, t->root, name, ORIGIN_COMPUTED, p->m->m->platform_at);
    if (!bus)
        return;
    const struct origin *o = origin_of(p, ORIGIN_SCHEMA, p->m->m->platform_at, pl->file);
    uint32_t two = 2;
    dt_set_cells(t, bus, "#address-cells", &two, 1, o);
    dt_set_cells(t, bus, "#size-cells", &two, 1, o);
    dt_set_flag(t, bus, "ranges", o);
    merge_schema(p, bus, pl->bus, p->frame, pl->file);
    copy_named_props(p, bus, find_host_bus(p, pl->bus_name), pl->bus_copy);
    if (!map_getp(&t->labels, name, NULL))
        dt_add_label(t, bus, name, p->m->m->platform_at.loc);
    p->platform_bus = bus;
}
