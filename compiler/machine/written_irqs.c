// SPDX-License-Identifier: MIT
// Interrupts of nodes that the text writes, against the lines that interrupts are linked to.
#include "machine/machine.h"

#include <inttypes.h>

static const struct p_irqchip *chip_of_node(const struct machine_planner *p, const struct dt_node *n)
{
    for (uint32_t i = 0; i < p->m->irqchips.n; i++) // a few
        if (p->m->irqchips.at[i]->node == n)
            return p->m->irqchips.at[i];
    return NULL;
}

/* The interrupt that is linked to the line that a specifier of `chip` names; NULL: none, or it is no such line. */
static const struct p_irq *linked_to(const struct p_irqchip *chip, const struct dt_prop *prop, uint32_t cell)
{
    const struct irqchip_class *class = chip->class;
    uint32_t value = 0, number = 0;
    bool kinds = false;
    for (uint32_t i = 0; i < class->ncells; i++) {
        if (class->cells[i] == IRQ_CELL_KIND) {
            value = dt_cell(prop, cell + i);
            kinds = true;
        } else if (class->cells[i] == IRQ_CELL_NUMBER) {
            number = dt_cell(prop, cell + i);
        }
    }
    for (uint32_t k = 0; k < class->nkinds; k++)
        if (!kinds || class->kinds[k].value == value)
            return map_getp(&chip->lines, (const void *)(uintptr_t)k, (const void *)(uintptr_t)number);
    return NULL;
}

static void report_written(struct machine_planner *p, const struct dt_node *n, const struct dt_prop *prop,
                           const struct p_irqchip *chip, const struct p_irq *irq)
{
    const char *kind = irq->kind ? irq->kind->name : "";
    struct diag *d =
        diag(p->c->diags, E1015, prop->origin ? prop->origin->at : p->m->m->at,
             "%s writes line %s%s%s %" PRIu32 " into its interrupts, which %s is linked to", dt_path(p->c->arena, n),
             chip->name, *kind ? " " : "", kind, irq->number, describe_irq(p->c, irq));
    diag_note(d, irq->at, "it is linked here");
    diag_help(d, "write another line into the node, or link the interrupt to another one");
}

static void check_node(struct machine_planner *p, const struct dt_node *n)
{
    const struct dt_prop *extended = dt_prop(p->m->tree, n, p->n->interrupts_extended);
    const struct dt_prop *prop = extended ? extended : dt_prop(p->m->tree, n, p->n->interrupts);
    const struct dt_node *parent = !extended && prop ? guest_irq_parent(p, n) : NULL;
    for (uint32_t cell = 0; prop && cell < prop->len / 4;) {
        if (extended) {
            parent = NULL;
            for (const struct dt_ref *r = prop->refs; r && !parent; r = r->next)
                parent = r->offset == cell * 4 ? r->target : NULL;
            cell++;
        }
        const struct p_irqchip *chip = parent ? chip_of_node(p, parent) : NULL;
        uint32_t ncells = chip     ? chip->class->ncells
                          : parent ? dt_u32(p->m->tree, parent, p->n->interrupt_cells, 0)
                                   : 0;
        if ((!ncells && !extended) || ncells > prop->len / 4 - cell)
            return;
        const struct p_irq *irq = chip ? linked_to(chip, prop, cell) : NULL;
        if (irq) {
            report_written(p, n, prop, chip, irq);
            return;
        }
        cell += ncells;
    }
}

void check_written_interrupts(struct machine_planner *p)
{
    const struct dt_tree *t = p->m->tree;
    for (const struct dt_node *n = t->root; n; n = dt_next(n, t->root)) {
        const struct dt_prop *prop = dt_prop(t, n, p->n->interrupts_extended);
        prop = prop ? prop : dt_prop(t, n, p->n->interrupts);
        // Those that the planner computed are the links themselves.
        if (prop && prop->origin && prop->origin->kind == ORIGIN_WRITTEN)
            check_node(p, n);
    }
}
