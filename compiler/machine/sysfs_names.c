// SPDX-License-Identifier: MIT
// Finds devices by the names that Linux gives them in sysfs, and checks that each is passed through once.
#include "machine/machine.h"

struct sysfs_names {
    bool nodes_known;  // `nodes` is complete
    struct map nodes;  // interned name -> the host node that Linux makes the device from
    struct map owners; // interned name -> the struct p_device that uses it
};

static struct sysfs_names *names_of_file(struct machine_planner *p)
{
    if (!p->file->sysfs)
        p->file->sysfs = NEW(draft_arena(p->c), struct sysfs_names);
    return p->file->sysfs;
}

const struct dt_node *node_of_sysfs_name(struct machine_planner *p, const char *name)
{
    if (!p->host)
        return NULL;
    struct sysfs_names *names = names_of_file(p);
    if (!names->nodes_known) {
        names->nodes_known = true;
        for (const struct dt_node *n = p->host->tree->root; n; n = dt_next(n, p->host->tree->root))
            if (n->parent && is_platform_device(p, n))
                map_putp(draft_arena(p->c), &names->nodes, intern(p->c->names, host_sysfs_name(p->c, p->host, n)), NULL,
                         n);
    }
    return map_getp(&names->nodes, intern(p->c->names, name), NULL);
}

void claim_sysfs_name(struct machine_planner *p, struct p_device *d, struct src where)
{
    if (!d->sysfs_name)
        return;
    struct sysfs_names *names = names_of_file(p);
    d->sysfs_name = intern(p->c->names, d->sysfs_name);
    const struct p_device *other = map_getp(&names->owners, d->sysfs_name, NULL);
    if (other) {
        struct diag *g = diag(p->c->diags, E0370, where, "device %s is passed through twice", d->sysfs_name);
        diag_note(g, other->pass->parts.at[0].at, "it is first passed through here");
        diag_help(g, "remove one of the statements: a device has one owner");
    } else {
        map_putp(draft_arena(p->c), &names->owners, d->sysfs_name, NULL, d);
    }
}
