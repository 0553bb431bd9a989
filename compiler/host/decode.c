// SPDX-License-Identifier: MIT
// What the cells of an interrupt specifier mean, and which interrupts are the same line.
#include "host/internal.h"

#include <ctype.h>
#include <stdio.h>

// Set in an identity that is a number; the others are addresses of interned texts, which never have it.
#define IDENTITY_NUMBER (1ULL << 63)

static const struct irqchip_class *class_by_property(struct indexing *x, const struct dt_node *chip)
{
    uint32_t cells = dt_u32(x->h->tree, chip, x->h->p->interrupt_cells, 0);
    const struct irqchip_class *class = NULL;
    for (const struct dt_prop *prop = chip->props; prop && !class; prop = prop->next)
        class = schema_irqchip_by_property(x->h->schemas, prop->name, cells);
    return class;
}

const struct irqchip_class *host_irq_class(struct indexing *x, const struct dt_node *chip)
{
    uint64_t known;
    if (!x->h->schemas)
        return NULL;
    if (map_get(&x->h->p->classes, (uintptr_t)chip, 0, &known))
        return (const struct irqchip_class *)(uintptr_t)known;
    const struct dt_prop *compatible = dt_prop(x->h->tree, chip, x->h->p->compatible);
    const struct irqchip_class *class = compatible ? schema_irqchip_of(x->c, x->h->schemas, compatible) : NULL;
    if (!class)
        class = class_by_property(x, chip);
    map_putp(x->c->arena, &x->h->p->classes, chip, NULL, class);
    return class;
}

// Some cells as one address that is equal for equal cells.
static uint64_t cells_identity(struct indexing *x, const uint32_t *cells, uint32_t n)
{
    char text[HOST_MAX_CELLS * 9 + 1];
    int len = 0;
    for (uint32_t i = 0; i < n; i++)
        len += sprintf(text + len, "%x,", cells[i]);
    return (uintptr_t)intern_n(x->c->names, text, (size_t)len);
}

void host_decode_irq(struct indexing *x, struct host_irq *i)
{
    const struct irqchip_class *class = host_irq_class(x, i->chip);
    i->identity = cells_identity(x, i->cells, i->ncells);
    if (!class || class->forwards)
        return;
    const struct irq_kind *kind = class->nkinds ? &class->kinds[class->default_kind] : NULL;
    const struct irq_trigger *trigger = NULL;
    uint32_t line[HOST_MAX_CELLS] = {0}, nline = 2; // kind, number, then cells that tell parts of a line apart
    bool number = false, parts = false;
    for (uint32_t k = 0; k < class->ncells && k < i->ncells; k++) {
        uint32_t cell = i->cells[k];
        switch ((enum irq_cell) class->cells[k]) {
        case IRQ_CELL_KIND:
            kind = NULL;
            for (uint32_t j = 0; j < class->nkinds && !kind; j++)
                if (class->kinds[j].value == cell)
                    kind = &class->kinds[j];
            break;
        case IRQ_CELL_NUMBER:
            number = true;
            i->number = cell;
            break;
        case IRQ_CELL_TRIGGER:
            for (uint32_t j = 0; j < class->ntriggers && !trigger; j++)
                if (class->triggers[j].value == (cell & class->trigger_mask))
                    trigger = &class->triggers[j];
            break;
        case IRQ_CELL_SUB:
            line[nline++] = cell;
            parts = parts || (class->sub && cell);
            break;
        case IRQ_CELL_ZERO:
            break;
        }
    }
    const struct dt_prop *all = class->trigger_property ? dt_prop(x->h->tree, i->chip, class->trigger_property) : NULL;
    for (uint32_t j = 0; all && all->len == 4 && j < class->ntriggers; j++)
        if (class->triggers[j].value == dt_cell(all, 0))
            trigger = &class->triggers[j];
    if (!trigger && class->default_trigger >= 0 && !memchr(class->cells, IRQ_CELL_TRIGGER, class->ncells))
        trigger = &class->triggers[class->default_trigger]; // all of its lines have the same
    if (!kind || !number)
        return; // cells that the class does not know: as of an unknown controller
    i->class = class;
    i->kind = kind;
    i->trigger = trigger;
    line[0] = (uint32_t)(kind - class->kinds);
    line[1] = i->number;
    if (i->number < kind->min || i->number > kind->max)
        i->problem = arena_printf(x->c->arena, "%s %u does not exist: the controller has %u to %u", kind->name,
                                  i->number, kind->min, kind->max);
    i->identity = parts ? cells_identity(x, line, nline) : IDENTITY_NUMBER | (uint64_t)line[0] << 32 | line[1];
}

static const char *chip_word(const struct irqchip_class *class)
{
    return class->describe ? class->describe : class->name;
}

// "GPIO 27" is a line only where there is one GPIO controller.
static void find_several(struct machc *c, struct host *h)
{
    struct map first = {0}, several = {0}; // word -> the first chip; word -> 1
    for (uint32_t n = 0; n < h->nirqs; n++) {
        const struct host_irq *i = &h->irqs[n];
        const struct dt_node *chip =
            i->class ? map_addp(c->arena, &first, intern(c->names, chip_word(i->class)), NULL, i->chip) : NULL;
        if (chip && chip != i->chip)
            map_put(c->arena, &several, (uintptr_t)intern(c->names, chip_word(i->class)), 0, 1);
    }
    for (uint32_t n = 0; several.n && n < h->nirqs; n++) {
        struct host_irq *i = &h->irqs[n];
        uint64_t yes;
        i->name_chip = i->class && map_get(&several, (uintptr_t)intern(c->names, chip_word(i->class)), 0, &yes);
    }
}

void host_index_irqs(struct machc *c, struct host *h)
{
    find_several(c, h);
    h->irq_next = arena_array(c->arena, h->nirqs, sizeof *h->irq_next);
    // From the end, so that each list comes out in document order.
    for (uint32_t n = h->nirqs; n--;) {
        const struct host_irq *i = &h->irqs[n];
        uint64_t next = UINT32_MAX;
        if (i->chip) {
            map_get(&h->by_irq, (uintptr_t)i->chip, i->identity, &next);
            map_put(c->arena, &h->by_irq, (uintptr_t)i->chip, i->identity, n);
        }
        h->irq_next[n] = (uint32_t)next;
    }
}

const struct host_irq *host_irq_users(const struct host *h, const struct host_irq *i)
{
    uint64_t n;
    return i->chip && map_get(&h->by_irq, (uintptr_t)i->chip, i->identity, &n) ? &h->irqs[n] : NULL;
}

const struct host_irq *host_irq_next(const struct host *h, const struct host_irq *i)
{
    uint32_t n = h->irq_next[i - h->irqs];
    return n == UINT32_MAX ? NULL : &h->irqs[n];
}

const char *host_irq_text(struct machc *c, const struct host_irq *i)
{
    if (!i->chip)
        return arena_printf(c->arena, "interrupt %u of %s, which reaches no controller", i->index,
                            dt_show_path(c->arena, i->node));
    if (!i->class) {
        char text[HOST_MAX_CELLS * 11 + 3];
        int len = sprintf(text, "<");
        for (uint32_t k = 0; k < i->ncells; k++)
            len += sprintf(text + len, k ? " %u" : "%u", i->cells[k]);
        return arena_printf(c->arena, "%s> of %s", text, dt_show_path(c->arena, i->chip));
    }
    char *kind = arena_strndup(c->arena, i->kind->name, strlen(i->kind->name));
    for (char *s = kind; *s; s++)
        *s = (char)toupper((unsigned char)*s);
    char sub[HOST_MAX_CELLS * 11 + 1] = "";
    bool any = false;
    int len = 0;
    for (uint32_t k = 0; i->class->sub && k < i->class->ncells && k < i->ncells; k++)
        if (i->class->cells[k] == IRQ_CELL_SUB) {
            len += sprintf(sub + len, ".%u", i->cells[k]);
            any = any || i->cells[k];
        }
    const char *chip = i->chip->labels ? i->chip->labels->name : i->chip->name;
    return arena_printf(c->arena, "%s%s%s %u%s%s%s%s%s", chip_word(i->class), *kind ? " " : "", kind, i->number,
                        any ? sub : "", i->name_chip ? " of " : "", i->name_chip ? dt_show(c->arena, chip) : "",
                        i->trigger ? ", " : "", i->trigger ? i->trigger->name : "");
}
