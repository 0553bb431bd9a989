// SPDX-License-Identifier: MIT
// Whether Linux makes the devices that VFIO needs.
#include "machine/machine.h"
#include "plan/streams.h"

/* On PowerPC each board's code has a table of buses (arch/powerpc/platforms/85xx/common.c, mpc85xx_common_ids). */
static bool has_other_buses(const struct machine_planner *p)
{
    return !strcmp(p->m->m->platform->arch, "ppc");
}

static struct linux_device find_device(const struct machine_planner *p, const struct dt_node *n)
{
    if (!has_other_buses(p))
        return linux_device_of(&p->file->on_linux, n);
    for (const struct dt_node *a = n; a->parent; a = a->parent)
        if (host_disabled(p->host, a))
            return (struct linux_device){.how = LINUX_DISABLED, .at = a};
    return (struct linux_device){.how = LINUX_MAYBE, .at = n->parent};
}

/* Whether the node can have a platform device, as far as it tells itself. */
static bool could_be_platform_device(const struct machine_planner *p, const struct dt_node *n)
{
    const struct host_node *hn = &p->host->nodes[n->id];
    if (!dt_prop(p->host->tree, n, p->n->compatible))
        return false;
    for (uint32_t i = 0; i < hn->nregions; i++)
        if (p->host->regions[hn->first_region + i].translated)
            return true;
    return !dt_prop(p->host->tree, n, p->n->reg);
}

bool is_platform_device(const struct machine_planner *p, const struct dt_node *n)
{
    if (!could_be_platform_device(p, n))
        return false;
    switch ((enum linux_how)find_device(p, n).how) {
    case LINUX_BY_CORE:
    case LINUX_BY_DRIVER:
    case LINUX_MAYBE:
    case LINUX_DISABLED: // reported elsewhere, or no device of the guest either
        return true;
    case LINUX_NOT_BY_DRIVER:
    case LINUX_NAMELESS:
    case LINUX_SKIPPED:
    case LINUX_TAKEN_EARLY:
        return false;
    }
    return false;
}

/* ---- the node of a statement ---- */

static void report_maybe(struct machine_planner *p, const struct m_passthrough *pass, const struct dt_node *n,
                         const struct linux_device *found)
{
    const char *path = dt_path(p->c->arena, n), *at = dt_path(p->c->arena, found->at);
    if (has_other_buses(p))
        return;
    struct diag *d = diag(p->c->diags, W0304, pass->parts.at[0].at, "Linux may make no device from %s", path);
    if (found->driver)
        diag_fact(d, "the driver of %s, `%s`, makes devices of other children", at, found->driver);
    else
        diag_fact(d, "%s is no bus, and no driver for it is known that makes devices of what is below it", at);
    diag_help(d,
              "look on the board for /sys/bus/platform/devices/%s; if it is there, add the driver to a file of "
              "--schema-dir",
              host_sysfs_name(p->c, p->host, n));
}

bool report_no_host_device(struct machine_planner *p, const struct m_passthrough *pass, const struct dt_node *n)
{
    struct linux_device found = find_device(p, n);
    if (!could_be_platform_device(p, n))
        return false; // what is no device in any place has messages of its own
    if (found.how == LINUX_BY_CORE || found.how == LINUX_BY_DRIVER)
        return false; // most are, and need no texts
    const char *why = NULL, *at = dt_path(p->c->arena, found.at), *path = dt_path(p->c->arena, n), *help = NULL;
    bool above = found.at != n;
    switch ((enum linux_how)found.how) {
    case LINUX_BY_CORE:
    case LINUX_BY_DRIVER:
        return false;
    case LINUX_MAYBE:
    case LINUX_NOT_BY_DRIVER:
        report_maybe(p, pass, n, &found);
        return false;
    case LINUX_DISABLED:
        if (!above) {
            diag_help(diag(p->c->diags, W0302, pass->parts.at[0].at,
                           "%s is disabled in %s: Linux makes no device from it for VFIO to bind to", path,
                           p->host->file),
                      "set its `status` to \"okay\" in the tree that the host boots with, as the overlay of `machc -O` "
                      "does with `host ... { hide NODE; }`");
            return false;
        }
        why = arena_printf(p->c->arena, "%s above it is disabled", at);
        help = arena_printf(p->c->arena, "set the `status` of %s to \"okay\" in the tree that the host boots with", at);
        break;
    case LINUX_NAMELESS:
        why = arena_printf(p->c->arena, "%s above it has no `compatible`", at);
        help = arena_printf(p->c->arena, "give %s the `compatible` of a bus in the tree that the host boots with", at);
        break;
    case LINUX_SKIPPED:
        why = arena_printf(p->c->arena, "it leaves out %s", above ? at : "nodes of its kind");
        help = "remove the statement: there is no device, only a description";
        break;
    case LINUX_TAKEN_EARLY:
        why = arena_printf(p->c->arena, "it initialises %s before there are devices, as part of itself",
                           above ? at : "it");
        help = "leave it to the host";
        break;
    }
    struct diag *d = diag(p->c->diags, E1041, pass->parts.at[0].at, "Linux makes no device from %s: %s", path, why);
    diag_help(d, "%s", help);
    return true;
}

/* ---- nodes below it ---- */

const struct dt_node *find_glue(struct machine_planner *p, const struct m_passthrough *pass, const struct dt_node *n)
{
    const struct dt_node *top = pass->parts.at[0].node;
    if (has_other_buses(p))
        return NULL;
    for (const struct dt_node *a = n; a != top;) {
        a = a->parent;
        const struct copied *k = p->copy_of[a->id];
        bool given = a == top || (k && k->device && k->device->host == a);
        if (given && !linux_is_bus(&p->file->on_linux, a))
            return a;
    }
    return NULL;
}

/* Whether a device of the guest has something that only VFIO can give. */
static bool needs_vfio(const struct p_device *d)
{
    for (uint32_t i = 0; i < d->regions.n; i++)
        if (d->regions.at[i]->mode != REGION_DROP)
            return true;
    for (uint32_t i = 0; i < d->irqs.n; i++)
        if (!d->irqs.at[i]->drop)
            return true;
    for (uint32_t i = 0; i < d->dmas.n; i++)
        if (d->dmas.at[i]->mode != DMA_NONE)
            return true;
    return false;
}

static void report_glue(struct machine_planner *p, const struct p_device *d, const struct dt_node *glue)
{
    const struct m_passthrough *pass = d->pass;
    const char *path = dt_path(p->c->arena, d->host), *above = dt_path(p->c->arena, glue),
               *top = dt_path(p->c->arena, pass->parts.at[0].node);
    struct linux_device found = linux_device_of(&p->file->on_linux, d->host);
    bool driver = found.how == LINUX_BY_DRIVER && found.at == glue;
    struct diag *g =
        diag(p->c->diags, E1042, pass->parts.at[0].at,
             "VFIO would find no device of %s: its device comes and goes with the driver of %s", path, above);
    if (driver)
        diag_fact(g, "the driver `%s` makes the devices below %s, and removes them when VFIO takes its place",
                  found.driver, above);
    else
        diag_fact(g, "%s is no bus: Linux itself makes no devices below it", above);
    diag_help(
        g,
        "pass %s through alone, so that the host's driver of %s goes on with clocks, resets and PHYs; or leave it "
        "out: `without %s;`",
        path, above, path + strlen(top) + 1);
}

/* ---- what the host's kernel can do ---- */

/* VFIO unbinds the host's driver first. */
static void check_driver_leaves(struct machine_planner *p, const struct p_device *d)
{
    const struct linux_node *facts = linux_driver_that_stays(&p->file->on_linux, d->host);
    if (!facts || map_getp(&p->file->hidden, d->host, NULL))
        return;
    enum linux_how how = linux_device_of(&p->file->on_linux, d->host).how;
    if (how == LINUX_TAKEN_EARLY || how == LINUX_SKIPPED)
        return; // where no device will be, there is no driver to be told of
    struct src at = d->parent ? d->at : d->pass->parts.at[0].at;
    struct diag *g =
        diag(p->c->diags, W0305, at, "the host's driver of %s, `%s`, does not let go of it%s",
             dt_path(p->c->arena, d->host), facts->stays, facts->stays_config ? " when it is built in" : "");
    diag_fact(g, "there is no /sys/bus/%s/drivers/%s/unbind%s%s%s", facts->stays_bus ? facts->stays_bus : "platform",
              facts->stays, facts->stays_config ? " with " : "", facts->stays_config ? facts->stays_config : "",
              facts->stays_config ? "=y" : "");
    diag_help(
        g, "keep the driver from binding: blacklist its module, boot with `initcall_blacklist=` if it is built in, or "
           "have the overlay of `machc -O` hide it: `host ... { hide NODE; }`");
}

/* A stream id that the guest writes is one that it chooses. */
static void check_own_stream(struct machine_planner *p, const struct p_device *d)
{
    const struct linux_node *facts = linux_facts(&p->file->on_linux, d->host, LINUX_OWN_STREAM);
    if (!facts || !has_streams(p->file, d->host))
        return;
    struct src at = d->parent ? d->at : d->pass->parts.at[0].at;
    struct diag *g =
        diag(p->c->diags, W0607, at, "the guest's driver of %s, `%s`, writes the device's stream id itself",
             dt_path(p->c->arena, d->host), facts->own_stream);
    diag_fact(g, "a guest that writes another one reaches the memory of another device");
    diag_help(
        g,
        "trap the region that has the register, and let the VMM refuse other ids, or leave the device with the host");
}

void check_host_devices(struct machine_planner *p)
{
    enter_step(p, STEP_HOST_DEVICES);
    const struct m_passthrough *reported = NULL;
    for (uint32_t i = 0; i < p->m->devices.n; i++) {
        struct p_device *d = p->m->devices.at[i];
        if (d->host && d->sysfs_name && d->kind == DEV_PLATFORM && needs_vfio(d)) {
            check_driver_leaves(p, d);
            check_own_stream(p, d);
        }
        if (!d->parent || !d->host || !d->sysfs_name || d->kind != DEV_PLATFORM)
            continue;
        const struct dt_node *glue = find_glue(p, d->pass, d->host);
        if (!glue)
            continue;
        if (!needs_vfio(d)) {
            d->sysfs_name = NULL; // nothing is left on the host of a part that goes with the device above
        } else if (d->pass != reported) {
            report_glue(p, d, glue);
            reported = d->pass;
        }
    }
}
