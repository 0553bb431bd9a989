// SPDX-License-Identifier: MIT
// Who owns what, over all machines and the host: nodes, pages, lines, memory, cpus.
#include "plan/work.h"

#include <inttypes.h>

static const char *below(struct planner *p, const struct dt_node *n, const struct dt_node *top)
{
    return dt_path(p->c->arena, n) + strlen(dt_path(p->c->arena, top)) + 1;
}

/* Of the nodes that are no devices, memory is what the cpus reach. */
static bool is_memory(const struct planner *p, const struct dt_node *n)
{
    const struct host_node *hn = &p->host->nodes[n->id];
    return hn->nregions && p->host->regions[hn->first_region].translated;
}

bool own_host_node(struct planner *p, const struct dt_node *n, const struct dt_node *top, struct src where)
{
    struct owner *o = p->host_owner[n->id];
    const char *path = dt_path(p->c->arena, n);
    if (o) {
        p->twice = true;
        struct diag *d = diag(p->c->diags, E0373, where, "%s is passed through twice", path);
        diag_note(d, o->at, "machine `%s` has it from here", o->machine->name);
        if (n != top || n != o->top)
            diag_help(d, "the statement for %s can leave it out: `without %s;`",
                      dt_path(p->c->arena, n != top ? top : o->top), below(p, n, n != top ? top : o->top));
        else
            diag_help(d, "a device has one owner: take one of them away");
        return false;
    }
    const struct m_keep *k = map_getp(&p->kept, n, NULL);
    const char *what = k ? NULL : map_getp(&p->needs, n, NULL);
    struct diag *d = NULL;
    if (k)
        diag_note(d = diag(p->c->diags, E0374, where, "%s stays with the host", path), k->at, "it is kept here");
    else if (what && *what)
        d = diag(p->c->diags, E0383, where, "%s stays with the host: it is its %s", path, what);
    else if (what)
        d = diag(p->c->diags, E0393, where, "%s is no device", path);
    if (d && n != top)
        diag_help(d, "leave it out: `without %s;`", below(p, n, top));
    else if (k)
        diag_help(d, "take it away from one of them");
    else if (what && !strcmp(what, "console"))
        diag_help(d, "give the host another console, `stdout-path` in its /chosen, or the guest an emulated one: "
                     "`device uart0 : ns16550a;`");
    else if (d && !*what && is_memory(p, n))
        diag_help(d, "give the machine a `memory` for it: `memory NAME size SIZE from physical ADDRESS;`");
    else if (d)
        diag_help(d,
                  what && *what ? "pass through the devices that use it; the guest gets one of its own"
                                : "the guest gets its own; change it with `node %s { ... }`",
                  path);
    if (d && n == top)
        return false;
    // One that is refused below is counted as owned, so that nobody complains of its registers as well.
    o = NEW(draft_arena(p->c), struct owner);
    *o = (struct owner){p->m, top, where};
    p->host_owner[n->id] = o;
    return !d;
}

/* ---- lines ---- */

static void check_line(struct planner *p, const struct p_machine *m, const struct p_irq *irq)
{
    if (irq->drop || !irq->host || !irq->host->chip)
        return;
    const struct owner *o = p->host_owner[irq->host->chip->id];
    if (o && o->machine != m) {
        const char *chip = dt_path(p->c->arena, irq->host->chip);
        struct diag *d = diag(p->c->diags, E0397, irq->at, "interrupt %u of %s goes to %s, which machine `%s` has",
                              irq->index, dt_path(p->c->arena, irq->host->node), chip, o->machine->name);
        diag_note(d, o->at, "it is assigned here");
        diag_help(d, "give both to one machine, or drop the interrupt: `irq %u drop;`", irq->index);
        return;
    }
    for (const struct host_irq *u = host_irq_users(p->host, irq->host); u; u = host_irq_next(p->host, u)) {
        const struct dt_node *n = u->node;
        if (n == irq->host->node || p->host_owner[n->id] || host_disabled(p->host, n))
            continue;
        // A bus or controller above lists the same line for what is below it; other nexus nodes only lead there.
        if (dt_is_below(n, irq->host->node) || dt_is_below(irq->host->node, n) ||
            (u->from_map && (irq->source == IRQ_MAP_ENTRY || host_address_cells(p->host, n) != 3)))
            continue;
        const char *path = dt_path(p->c->arena, irq->host->node);
        // The INTx lines of a PCI bus are made to be shared, and no device on it is known to use this one.
        struct diag *d =
            irq->source == IRQ_MAP_ENTRY
                ? diag(p->c->diags, W0301, irq->at, "entry %u of the interrupt-map of %s uses a line of the host",
                       irq->index, path)
            : u->from_map
                ? diag(p->c->diags, W0303, irq->at, "interrupt %u of %s is an INTx line of a PCI bus of the host",
                       irq->index, path)
                : diag(p->c->diags, E0375, irq->at, "interrupt %u of %s also belongs to the host", irq->index, path);
        diag_label(d, "%s", host_irq_text(p->c, irq->host));
        diag_fact(d, "%s: %s%s%s%s uses the same line", p->host->file, dt_path(p->c->arena, n), n->labels ? " (" : "",
                  n->labels ? n->labels->name : "", n->labels ? ")" : "");
        if (u->from_map && irq->source != IRQ_MAP_ENTRY)
            diag_help(d,
                      "a device behind it that uses this INTx cannot share it with the guest: let it use MSIs, or "
                      "write `irq %u drop;`",
                      irq->index);
        else if (irq->source == IRQ_MAP_ENTRY)
            diag_help(d, "a device behind it that uses this INTx disturbs the host's: let it use MSIs");
        else
            diag_help(d, "pass both through together, or give `%s` no interrupt: `irq %u drop;`", irq->device->name,
                      irq->index);
        (void)m;
        return;
    }
}

/* ---- cpus ---- */

static void check_cpus(struct planner *p)
{
    struct map used = {0};
    uint32_t ncpus = p->host_cpus->nodes.n;
    for (uint32_t i = 0; i < p->plan->machines.n; i++) {
        const struct p_machine *m = p->plan->machines.at[i];
        for (uint32_t k = 0; k < m->cpus.n; k++) {
            uint32_t cpu = m->cpus.at[k].host_cpu;
            if (cpu == UINT32_MAX)
                continue;
            if (ncpus && cpu >= ncpus) {
                diag_help(diag(p->c->diags, E0376, m->m->host_cpus_at, "the host has no cpu %u", cpu),
                          "it has %u: 0..%u", ncpus, ncpus - 1);
                break;
            }
            const struct p_machine *other = map_getp(&used, (const void *)(uintptr_t)(cpu + 1), NULL);
            if (other && other != m) {
                struct diag *d = diag(p->c->diags, E0377, m->m->host_cpus_at,
                                      "host cpu %u belongs to machine `%s` already", cpu, other->name);
                diag_note(d, other->m->host_cpus_at, "given to it here");
                diag_help(d, "give it to one of them");
                break;
            }
            map_putp(p->c->arena, &used, (const void *)(uintptr_t)(cpu + 1), NULL, m);
        }
    }
}

void check_owners(struct planner *p)
{
    check_registers(p);
    check_memory(p);
    check_cpus(p);
    for (uint32_t i = 0; p->host && i < p->plan->machines.n; i++) {
        const struct p_machine *m = p->plan->machines.at[i];
        for (uint32_t k = 0; k < m->devices.n; k++) {
            const struct p_device *d = m->devices.at[k];
            for (uint32_t r = 0; r < d->irqs.n; r++)
                check_line(p, m, d->irqs.at[r]);
        }
    }
}
