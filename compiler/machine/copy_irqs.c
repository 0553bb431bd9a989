// SPDX-License-Identifier: MIT
// Interrupts of copied nodes: decides which stay as they are, and links the others to lines of the guest.
#include "machine/machine.h"

#include <inttypes.h>

/* ---- how an interrupt gets to its controller ---- */

/*
 * Whether a copied interrupt-map applies to the node. An interrupt-map compares unit addresses: below a copied nexus
 * they are the same as on the host. The node that is passed through may get another one, so its interrupts go to the
 * controller directly; so do those through a map that passes specifiers through, whose entries are no lines.
 */
static bool is_nexus_usable(struct machine_planner *p, const struct copied *k, const struct dt_node *nexus)
{
    uint32_t entries;
    host_map_entries(p->host, nexus, &entries);
    return entries && copy_of(p, nexus) && k->host != k->pass->parts.at[0].node && dt_is_below(nexus, k->host);
}

enum irq_route {
    IRQ_ROUTE_LINK,  // to a line of the guest's controller
    IRQ_ROUTE_NEXUS, // the same, through a copied interrupt-map
    IRQ_ROUTE_INSIDE // the host's controller is copied: the interrupt stays as it is
};

static enum irq_route irq_route(struct machine_planner *p, const struct copied *k, const struct host_irq *h)
{
    if (h->chip && copy_of(p, h->chip))
        return IRQ_ROUTE_INSIDE;
    if (h->from_map || !h->chip || dt_prop(p->host->tree, k->host, p->n->interrupts_extended))
        return IRQ_ROUTE_LINK;
    const struct dt_node *first = host_irq_parent(p->host, k->host);
    return first && first != h->chip && is_nexus_usable(p, k, first) ? IRQ_ROUTE_NEXUS : IRQ_ROUTE_LINK;
}

bool keeps_irq_cells(struct machine_planner *p, const struct copied *k)
{
    const struct dt_node *first = host_irq_parent(p->host, k->host);
    if (!first || !copy_of(p, first) || dt_prop(p->host->tree, k->host, p->n->interrupts_extended))
        return false;
    return !dt_prop(p->host->tree, first, p->n->interrupt_map) || is_nexus_usable(p, k, first);
}

/* ---- statements ---- */

/* Returns the name that the node has for an interrupt, or the class if the node has no `interrupt-names`; or NULL. */
static const char *irq_name(const struct machine_planner *p, const struct copied *k, const struct host_irq *h)
{
    if (h->name)
        return h->name;
    const struct dev_class *class = k->device && k->device->host == h->node ? k->device->class : NULL;
    bool named = p->host->irqs[p->host->nodes[h->node->id].first_irq].name;
    return class && !named && !h->from_map && h->index < class->nirqs ? class->irqs[h->index].name : NULL;
}

/* Returns the `irq` statement for an interrupt of the node itself; NULL for others, and without a statement. */
static const struct m_irq *statement_for(const struct copied *k, const struct host_node *hn, const struct host *host,
                                         const struct host_irq *h)
{
    if (h->from_map || !k->irq_statements)
        return NULL;
    uint32_t i = k->irq_statements[h - (host->irqs + hn->first_irq)];
    return i != NO_STATEMENT ? &k->part->irqs.at[i] : NULL;
}

/* After the node's own interrupts comes one part for all entries of its interrupt-map: `intx`. */
static void match_irqs(struct machine_planner *p, struct copied *k, const struct host_irq *irqs, uint32_t own,
                       bool has_map)
{
    static const struct part_kind kind = {"interrupt", "interrupts", "interrupt-names", E0328, E0362, E0363};
    uint32_t n = k->part ? k->part->irqs.n : 0;
    if (!n)
        return;
    struct part_statement *statements = arena_array(draft_arena(p->c), n, sizeof *statements);
    struct node_part *parts = arena_array(draft_arena(p->c), own + 2, sizeof *parts);
    for (uint32_t i = 0; i < n; i++) {
        const struct m_irq *m = &k->part->irqs.at[i];
        statements[i] = (struct part_statement){&m->which, m->at};
        if (m->file)
            diag_help(diag(p->c->diags, E0361, m->at,
                           "`file` is for interrupts of raw devices; this interrupt comes from VFIO"),
                      "remove `file`");
    }
    for (uint32_t i = 0; i < own; i++)
        parts[i] = (struct node_part){irqs[i].index, irq_name(p, k, &irqs[i])};
    if (has_map)
        parts[own] = (struct node_part){UINT32_MAX, "intx"};
    k->irq_statements = match_statements(p, k, &kind, statements, n, parts, own + has_map);
}

/* ---- lines of the host ---- */

/* Returns the first interrupt of this machine on a line of the host. across/lines.c compares machines. */
static struct p_irq *first_irq_on_line(const struct machine_planner *p, const struct host_irq *h)
{
    uint64_t v;
    return map_get(&p->line_of, (uintptr_t)h->chip, h->identity, &v) ? (struct p_irq *)(uintptr_t)v : NULL;
}

/* Adds the help and the fix-it to drop an interrupt, for errors that have no other fix. */
static void help_drop(struct machine_planner *p, struct diag *d, const struct p_irq *irq)
{
    const char *text = describe_irq_drop(p->c, irq);
    const struct m_passthrough *pass = irq->device->pass;
    diag_help(d, "drop it: %s%s", text, describe_irq_need(p->c, irq));
    if (pass && !pass->assigned && !irq->needed_by)
        diag_fix_statement(d, pass->at, "passthrough", "%.*s", (int)strlen(text) - 2, text + 1);
}

/* A line of the host is bound once, for the first interrupt on it; the others share it. */
static void take_host_line(struct machine_planner *p, struct p_irq *irq)
{
    const struct host_irq *h = irq->host;
    irq->shares = first_irq_on_line(p, h);
    if (!irq->shares)
        map_putp(draft_arena(p->c), &p->line_of, h->chip, (const void *)(uintptr_t)h->identity, irq);
}

/* ---- interrupts of devices ---- */

static struct p_irq *new_irq(struct machine_planner *p, const struct copied *k, const struct host_irq *h,
                             const struct m_irq *m)
{
    bool top = k->part == &k->pass->parts.at[0];
    struct src where = top || !k->part ? k->pass->at : k->part->at;
    struct p_irq *irq = NEW(p->c->arena, struct p_irq);
    const struct driver_facts *facts =
        schema_driver(p->c, p->schemas, dt_prop(p->host->tree, k->host, p->n->compatible));
    const char *name = h->name ? intern(p->c->names, h->name) : NULL;
    struct driver_says says = schema_driver_says(facts, p->n->interrupts, h->index, name);
    *irq = (struct p_irq){.device = k->device,
                          .needed_by = says.word == DRIVER_NEEDS ? says.facts->driver : NULL,
                          .index = h->index,
                          .name = irq_name(p, k, h),
                          .source = IRQ_DEVICE,
                          .host = h,
                          .drop = m && m->drop,
                          .gsi = UINT32_MAX,
                          .at = m ? m->at : where};
    map_putp(draft_arena(p->c), &p->irq_of, h, NULL, irq);
    return irq;
}

/* Handles an interrupt whose controller is copied as well: it is not linked, but a statement can drop it. */
static void keep_irq_inside(struct machine_planner *p, const struct copied *k, const struct host_irq *h,
                            const struct m_irq *m)
{
    if (m && m->to.set) {
        struct diag *d =
            diag(p->c->diags, E0380, m->to.at, "interrupt %u of %s goes to %s, which this guest has as well", h->index,
                 dt_path(p->c->arena, k->host), dt_path(p->c->arena, h->chip));
        diag_help(d, "remove the statement to keep the interrupt as it is on the host, or write `drop`");
    }
    if (m && m->drop)
        new_irq(p, k, h, m);
}

static bool can_be_linked(struct machine_planner *p, const struct copied *k, struct p_irq *irq)
{
    const struct host_irq *h = irq->host;
    if (h->problem || !h->chip) {
        struct diag *d = diag(p->c->diags, E0366, irq->at, "cannot link %s: %s", describe_irq(p->c, irq),
                              h->problem ? h->problem : "nothing says to which controller it goes");
        help_drop(p, d, irq);
        return false;
    }
    if (h->class && h->kind->gsi == INT32_MIN && !h->kind->host_line) {
        struct diag *d = diag(p->c->diags, E0354, irq->at, "%s is %s: a line of that kind cannot be linked",
                              describe_irq(p->c, irq), host_irq_text(p->c, h));
        help_drop(p, d, irq);
        return false;
    }
    if (k->device->sysfs_name && k->device->host == k->host)
        return true;
    if (k->part == &k->pass->parts.at[0] && p->host->nodes[k->host_id].nregions)
        return false; // its bus is behind another device: that its regions cannot be reached has been reported
    const struct dt_node *first = host_irq_first_hop(p->host, h);
    struct diag *d = diag(
        p->c->diags, E0381, irq->at,
        "interrupt %u of %s cannot be linked: Linux makes no platform device from the node, so VFIO cannot provide it",
        h->index, dt_path(p->c->arena, k->host));
    diag_fact(d, "%s: it is %s", p->host->file, host_irq_text(p->c, h));
    // A cascaded controller can be passed through together with its users; the root cannot.
    if (first && (!h->class || h->class->cascaded))
        diag_help(d, "drop it: %s%s; or pass %s through as well", describe_irq_drop(p->c, irq),
                  describe_irq_need(p->c, irq), dt_path(p->c->arena, first));
    else
        help_drop(p, d, irq);
    return false;
}

static void link_irqs(struct machine_planner *p, struct copied *k)
{
    const struct host_node *hn = &p->host->nodes[k->host_id];
    const struct host_irq *irqs = p->host->irqs + hn->first_irq;
    if (k->description || k->off)
        return;
    match_irqs(p, k, irqs, hn->nirqs - hn->nmap_irqs, hn->nmap_irqs);
    const struct host_irq *first_inside = NULL;
    for (uint32_t i = 0; i < hn->nirqs - hn->nmap_irqs; i++) {
        const struct host_irq *h = &irqs[i];
        const struct m_irq *m = statement_for(k, hn, p->host, h);
        enum irq_route route = irq_route(p, k, h);
        if (route == IRQ_ROUTE_INSIDE) {
            keep_irq_inside(p, k, h, m);
            first_inside = first_inside ? first_inside : h;
            continue;
        }
        // This is a function below a PCI bus: the line belongs to its host bridge.
        if (route == IRQ_ROUTE_NEXUS && (!k->device->sysfs_name || k->device->host != k->host)) {
            if (m && m->drop)
                new_irq(p, k, h, m);
            continue;
        }
        struct p_irq *irq = new_irq(p, k, h, m);
        irq->drop = irq->drop || !can_be_linked(p, k, irq);
        if (!irq->drop && first_inside) {
            // linux drivers/vfio/platform/vfio_platform_irq.c, vfio_platform_irq_init() counts the interrupts up to the
            // first that the host cannot resolve.
            struct diag *d =
                diag(p->c->diags, E0395, irq->at,
                     "VFIO cannot provide interrupt %u of %s: it follows interrupt %u, which the host no longer has",
                     irq->index, dt_path(p->c->arena, k->host), first_inside->index);
            diag_fact(d, "%s: interrupt %u goes to %s, which is passed through as well", p->host->file,
                      first_inside->index, dt_path(p->c->arena, first_inside->chip));
            help_drop(p, d, irq);
            irq->drop = true;
        }
        if (!irq->drop)
            take_host_line(p, irq);
        link_irq(p, irq, m ? &m->to : NULL);
    }
}

/* ---- entries of an interrupt-map ---- */

/*
 * Whether a device that is copied gives a map entry its line: the bridge itself, which shares its own interrupt with
 * the INTx of the functions behind it, or a device behind the nexus. Then the entry follows that link.
 */
static bool has_line_of_device(struct machine_planner *p, const struct copied *nexus, const struct host_irq *h)
{
    struct p_irq *other = first_irq_on_line(p, h);
    if (!other)
        return false;
    const struct copied *user = copy_of(p, other->host->node);
    if (other->host->node != nexus->host && (!user || host_irq_first_hop(p->host, other->host) != nexus->host ||
                                             irq_route(p, user, other->host) != IRQ_ROUTE_NEXUS))
        return false;
    map_putp(draft_arena(p->c), &p->irq_of, h, NULL, other);
    return true;
}

/* Whether all statements of the nodes below the nexus drop the line of map entry `h`. */
static bool all_users_drop(struct machine_planner *p, const struct copied *nexus, const struct host_irq *h)
{
    bool dropped = false;
    for (const struct host_irq *u = host_irq_users(p->host, h); u; u = host_irq_next(p->host, u)) {
        const struct copied *k = u->from_map ? NULL : copy_of(p, u->node);
        if (!k || irq_route(p, k, u) != IRQ_ROUTE_NEXUS || host_irq_first_hop(p->host, u) != nexus->host)
            continue;
        const struct m_irq *m = statement_for(k, &p->host->nodes[k->host_id], p->host, u);
        if (!m || !m->drop)
            return false;
        dropped = true;
    }
    return dropped;
}

static void report_intx(struct machine_planner *p, const struct copied *k, const struct host_irq *h,
                        const struct m_irq *m)
{
    bool top = k->host == k->pass->parts.at[0].node;
    const char *path = dt_path(p->c->arena, k->host), *above = dt_path(p->c->arena, k->pass->parts.at[0].node);
    struct diag *d =
        diag(p->c->diags, E1014, m ? m->at : k->pass->parts.at[0].at,
             "no kernel gives a guest the INTx lines of %s: VFIO has the interrupts of devices, and no entries "
             "of an interrupt-map",
             path);
    diag_fact(d, "%s: entry %u leads to %s", p->host->file, h->index, host_irq_text(p->c, h));
    if (top)
        diag_help(d,
                  "drop them, `irq intx drop;`, if the devices behind it use MSIs, or pass the PCI functions through");
    else
        diag_help(
            d,
            "drop them, `child %s { irq intx drop; }`, if the devices behind it use MSIs, or pass the PCI functions "
            "through",
            path + strlen(above) + 1);
}

/* An entry that no device is on gives the guest nothing; a host bridge's are lines of the functions behind it. */
static void link_map_entries(struct machine_planner *p, struct copied *k)
{
    const struct host_node *hn = &p->host->nodes[k->host_id];
    uint32_t own = hn->nirqs - hn->nmap_irqs;
    if (k->description || k->off)
        return;
    const struct m_irq *m = hn->nmap_irqs && k->irq_statements && k->irq_statements[own] != NO_STATEMENT
                                ? &k->part->irqs.at[k->irq_statements[own]]
                                : NULL;
    bool reported = (m && m->drop) || host_address_cells(p->host, k->host) != 3;
    for (uint32_t i = own; i < hn->nirqs; i++) {
        const struct host_irq *h = &p->host->irqs[hn->first_irq + i];
        // The host index has reported an entry that it cannot resolve; the guest does not need it.
        if (h->problem || !h->chip || copy_of(p, h->chip) || has_line_of_device(p, k, h) || reported ||
            all_users_drop(p, k, h))
            continue;
        report_intx(p, k, h, m);
        reported = true;
    }
}

void link_copied_irqs(struct machine_planner *p)
{
    enter_step(p, STEP_IRQ_LINKS);
    for (uint32_t i = 0; i < p->copies.n; i++)
        link_irqs(p, p->copies.at[i]);
    for (uint32_t i = 0; i < p->copies.n; i++)
        link_map_entries(p, p->copies.at[i]);
}

/*
 * VFIO counts a device's interrupts up to the first that the host cannot resolve. That is one whose controller is
 * passed through as well.
 */
void count_host_irqs(struct machine_planner *p, struct p_device *d)
{
    const struct host_node *hn = &p->host->nodes[d->host->id];
    uint32_t own = hn->nirqs - hn->nmap_irqs;
    if (!own)
        return;
    bool *here = arena_array(draft_arena(p->c), own, sizeof *here);
    for (uint32_t i = 0; i < d->irqs.n; i++)
        if (d->irqs.at[i]->source == IRQ_DEVICE && d->irqs.at[i]->index < own)
            here[d->irqs.at[i]->index] = true;
    while (d->host_irqs < own && here[d->host_irqs])
        d->host_irqs++;
}
