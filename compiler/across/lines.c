// SPDX-License-Identifier: MIT
// Checks that each line of the host's interrupt controllers goes to one interrupt of one machine, and is not used by
// the host itself.
#include "across/owners.h"
#include "plan/describe.h"

#include <inttypes.h>

/* ---- two interrupts of guests ---- */

void report_lines(struct planner *p, const struct owned *a, const struct owned *b)
{
    const struct p_irq *irq = a->by, *other = b->by;
    struct diag *d = diag(p->c->diags, E0365, irq->at, "%s and %s share one line of the host, %s",
                          describe_irq(p->c, irq), describe_irq(p->c, other), host_irq_text(p->c, irq->host));
    diag_note(d, other->at, "the other one is passed through here");
    if (irq->needed_by && other->needed_by)
        diag_help(d, "give both devices to one machine: their drivers do not start without the interrupt (%s of Linux)",
                  irq->needed_by);
    else
        diag_help(d, "drop one of them, %s, and let its driver poll",
                  describe_irq_drop(p->c, irq->needed_by ? other : irq));
}

/* ---- with the host ---- */

static bool report_controller_elsewhere(struct planner *p, const struct p_machine *m, const struct p_irq *irq)
{
    const struct owner *o = p->host_owner[irq->host->chip->id];
    if (!o || o->machine == m)
        return false;
    const char *chip = dt_path(p->c->arena, irq->host->chip);
    struct diag *d = diag(p->c->diags, E0397, irq->at, "interrupt %u of %s goes to %s, which belongs to machine `%s`",
                          irq->index, dt_path(p->c->arena, irq->host->node), chip, o->machine->name);
    diag_note(d, o->at, "it is passed through here");
    diag_help(d, "give both to one machine, or drop the interrupt: %s%s", describe_irq_drop(p->c, irq),
              describe_irq_need(p->c, irq));
    return true;
}

static void report_shared_with_host(struct planner *p, const struct p_irq *irq, const struct host_irq *u)
{
    const struct dt_node *n = u->node;
    const char *path = dt_path(p->c->arena, irq->host->node);
    // An INTx line of a PCI bus is only a warning: it is meant to be shared, and possibly no device on the bus uses it.
    struct diag *d;
    if (u->from_map)
        d = diag(p->c->diags, W0303, irq->at, "interrupt %u of %s is an INTx line of a PCI bus of the host", irq->index,
                 path);
    else
        d = diag(p->c->diags, E0375, irq->at, "the host also uses the line of interrupt %u of %s", irq->index, path);
    diag_label(d, "%s", host_irq_text(p->c, irq->host));
    diag_fact(d, "%s: %s%s%s%s uses the same line", p->host->file, dt_path(p->c->arena, n), n->labels ? " (" : "",
              n->labels ? n->labels->name : "", n->labels ? ")" : "");
    if (u->from_map)
        diag_help(d,
                  "make sure that PCI devices on that bus use MSIs instead of this INTx line, or write `irq %u drop;`",
                  irq->index);
    else
        diag_help(d, "pass both devices through, or drop the interrupt of `%s`: %s%s", irq->device->name,
                  describe_irq_drop(p->c, irq), describe_irq_need(p->c, irq));
}

/*
 * Warns about a trigger that the host's kernel rejects, because then VFIO cannot request the interrupt. A node between
 * device and controller may invert the trigger, so that nothing is known.
 */
static void check_request(struct planner *p, const struct p_irq *irq)
{
    const struct host_irq *h = irq->host;
    if (!h->kind || !h->trigger || irq_kind_takes(h->kind, h->trigger) || host_irq_first_hop(p->host, h) != h->chip)
        return;
    const char *list = "";
    for (const char *const *t = h->kind->triggers; *t; t++)
        list = arena_printf(p->c->arena, "%s%s%s", list, *list ? " or " : "", *t);
    struct diag *d = diag(p->c->diags, W1011, irq->at, "the host's kernel rejects interrupt %u of %s: %s", irq->index,
                          dt_path(p->c->arena, h->node), host_irq_text(p->c, h));
    diag_help(d, "correct the trigger in the host's tree to %s, or drop the interrupt: `irq %u drop;`", list,
              irq->index);
}

/* Reports other nodes of the host that use the line. */
static void check_host_users(struct planner *p, const struct p_machine *m, const struct p_irq *irq)
{
    if (report_controller_elsewhere(p, m, irq))
        return;
    for (const struct host_irq *u = host_irq_users(p->host, irq->host); u; u = host_irq_next(p->host, u)) {
        const struct dt_node *n = u->node;
        if (n == irq->host->node || p->host_owner[n->id] || host_node_is_off(p, n))
            continue;
        // A bus or controller above lists the line for its children, and other nexus nodes only pass it on.
        if (dt_is_below(n, irq->host->node) || dt_is_below(irq->host->node, n) ||
            (u->from_map && host_address_cells(p->host, n) != 3))
            continue;
        report_shared_with_host(p, irq, u);
        return;
    }
}

void collect_lines(struct planner *p, struct owner_table *t)
{
    for (uint32_t i = 0; p->host && i < p->plan->machines.n; i++) {
        const struct p_machine *m = p->plan->machines.at[i];
        for (uint32_t k = 0; k < m->devices.n; k++) {
            for (uint32_t r = 0; r < m->devices.at[k]->irqs.n; r++) {
                const struct p_irq *irq = m->devices.at[k]->irqs.at[r];
                if (irq->drop || !irq->host || !irq->host->chip)
                    continue;
                check_request(p, irq);
                if (irq->shares)
                    continue;
                check_host_users(p, m, irq);
                add_owned(t, &(struct owned){irq->host->identity, irq->host->identity, irq->host->chip, irq, m,
                                             &irq->at, OWN_LINE, OWN_IS_IRQ});
            }
        }
    }
}
