// SPDX-License-Identifier: MIT
// Checks that all members of an IOMMU group go to one owner.
#include "across/owners.h"
#include "facts/facts.h"

#include <inttypes.h>

enum { LISTED = 4 };

/*
 * Whether a driver may stay bound to a member of a group that is passed through: VFIO's drivers, and those that do no
 * DMA themselves (`driver_managed_dma` in Linux 6.12, drivers/pci/pcie/portdrv.c and drivers/pci/pci-stub.c, and no
 * others).
 */
static bool is_harmless(const char *driver)
{
    return strstr(driver, "vfio") || !strcmp(driver, "pcieport") || !strcmp(driver, "pci-stub");
}

/* Returns the bus of a member. A snapshot of an older `machrt probe` has no bus, but the name shows a PCI function. */
static const char *member_bus(const struct facts_member *x)
{
    if (x->bus)
        return x->bus;
    return strchr(x->name, ':') && strchr(x->name, '.') ? "pci" : "platform";
}

/* Reports members of the device's group that stay bound to a driver of the host. */
static void check_group(struct planner *p, const struct map *given, const struct p_machine *m, const struct p_device *d,
                        const struct facts_group *g)
{
    struct diag *e = NULL;
    uint32_t held = 0;
    const struct facts_member *first = NULL;
    for (uint32_t i = 0; i < g->nmembers; i++) {
        const struct facts_member *x = &g->members[i];
        // A device that is given to a guest is unbound from its driver. If it goes to another guest, the table of
        // owners shows that.
        if (map_getp(given, x->name, NULL) || !x->driver || is_harmless(x->driver))
            continue;
        if (!e) {
            e = diag(p->c->diags, E1025, d->at, "IOMMU group %" PRIu32 " of %s has members that stay with the host",
                     g->number, d->sysfs_name);
            first = x;
        }
        if (++held <= LISTED)
            diag_note(e, src_at(x->at), "%s is bound to %s", x->name, x->driver);
    }
    if (held > LISTED)
        diag_fact(e, "and %" PRIu32 " more", held - LISTED);
    if (first)
        diag_help(e,
                  "pass them through to `%s` as well, or unbind their drivers: `echo %s > "
                  "/sys/bus/%s/drivers/%s/unbind`",
                  m->name, first->name, member_bus(first), first->driver);
}

void collect_iommu_groups(struct planner *p, struct owner_table *t)
{
    struct map reported = {0}, given = {0}; // struct facts_group -> itself; interned name -> struct p_device
    for (uint32_t i = 0; p->facts && i < p->plan->machines.n; i++) {
        const struct p_machine *m = p->plan->machines.at[i];
        for (uint32_t k = 0; k < m->devices.n; k++) {
            const char *name = m->devices.at[k]->sysfs_name;
            if (name)
                map_putp(draft_arena(p->c), &given, intern(p->c->names, name), NULL, m->devices.at[k]);
        }
    }
    for (uint32_t i = 0; p->facts && i < p->plan->machines.n; i++) {
        const struct p_machine *m = p->plan->machines.at[i];
        for (uint32_t k = 0; k < m->devices.n; k++) {
            const struct p_device *d = m->devices.at[k];
            const char *name = d->sysfs_name ? intern(p->c->names, d->sysfs_name) : NULL;
            const struct facts_group *g = name ? map_getp(&p->facts->member_of, name, NULL) : NULL;
            if (!g)
                continue;
            add_owned(t, &(struct owned){g->number, g->number, NULL, d, m, &d->at, OWN_GROUP, OWN_IS_DEVICE});
            if (map_getp(&reported, g, NULL))
                continue;
            map_putp(draft_arena(p->c), &reported, g, NULL, g);
            check_group(p, &given, m, d, g);
        }
    }
}

void report_iommu_groups(struct planner *p, const struct owned *a, const struct owned *b)
{
    const struct p_device *x = a->by, *y = b->by;
    const struct facts_member *mx = map_getp(&p->facts->member, intern(p->c->names, x->sysfs_name), NULL);
    struct diag *d = diag(p->c->diags, E1024, *a->at, "%s and %s are in one IOMMU group, %" PRIu64, x->sysfs_name,
                          y->sysfs_name, a->first);
    diag_note(d, *b->at, "machine `%s` gets %s here", b->machine->name, y->sysfs_name);
    if (mx)
        diag_note(d, src_at(mx->at), "the group is listed here");
    diag_help(d, "pass both through to one machine: what is mapped for one is mapped for the whole group");
}
