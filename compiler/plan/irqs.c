// SPDX-License-Identifier: MIT
// Interrupt links: which line of the guest's controller a device's interrupt reaches.
#include "plan/work.h"

#include <inttypes.h>

static const char *irq_text(struct planner *p, const struct p_irq *irq)
{
    if (irq->source == IRQ_MAP_ENTRY)
        return arena_printf(p->c->arena, "entry %u of the interrupt-map of `%s`", irq->index, irq->device->name);
    return arena_printf(p->c->arena, "interrupt %u of `%s`", irq->index, irq->device->name);
}

/* ---- the written target ---- */

static const struct irq_kind *find_kind(const struct irqchip_class *class, const char *word)
{
    for (uint32_t i = 0; i < class->nkinds; i++)
        if (!strcmp(class->kinds[i].name, word))
            return &class->kinds[i];
    return NULL;
}

static const struct irq_trigger *find_trigger(const struct irqchip_class *class, const char *word)
{
    for (uint32_t i = 0; i < class->ntriggers; i++) {
        if (!strcmp(class->triggers[i].name, word))
            return &class->triggers[i];
        for (const char *const *a = class->triggers[i].aliases; a && *a; a++)
            if (!strcmp(*a, word))
                return &class->triggers[i];
    }
    return NULL;
}

static bool bad_kind(struct planner *p, const struct irqchip_class *class, const char *word, struct src where, bool first)
{
    const char *list = "";
    VEC(const char *) names = {0};
    for (uint32_t i = 0; i < class->nkinds; i++) {
        if (!*class->kinds[i].name)
            continue;
        list = arena_printf(p->c->arena, "%s%s`%s`", list, *list ? ", " : "", class->kinds[i].name);
        vec_push(p->c->arena, &names, class->kinds[i].name);
    }
    for (uint32_t i = 0; first && i < p->m->irqchips.n; i++)
        vec_push(p->c->arena, &names, p->m->irqchips.at[i]->name);
    const char *near = nearest(word, names.at, names.n);
    struct diag *d = first ? diag(p->c->diags, E0348, where, "`%s` is neither an irqchip of machine `%s` nor a kind of line of `%s`", word,
                                  p->m->name, p->m->irqchips.at[0]->name)
                           : diag(p->c->diags, E0349, where, "a `%s` has no kind of line called `%s`", class->name, word);
    if (near)
        diag_help(d, "did you mean `%s`?", near);
    else if (*list)
        diag_help(d, "kinds are %s", list);
    else
        diag_help(d, "it has one kind of line; write the number alone");
    return false;
}

static bool bad_trigger(struct planner *p, const struct irqchip_class *class, const char *word, struct src where)
{
    const char *list = "";
    VEC(const char *) names = {0};
    for (uint32_t i = 0; i < class->ntriggers; i++) {
        list = arena_printf(p->c->arena, "%s%s`%s`", list, *list ? ", " : "", class->triggers[i].name);
        vec_push(p->c->arena, &names, class->triggers[i].name);
    }
    struct diag *d = diag(p->c->diags, E0350, where, "a `%s` knows no trigger `%s`", class->name, word);
    const char *near = nearest(word, names.at, names.n);
    if (near)
        diag_help(d, "did you mean `%s`?", near);
    else
        diag_help(d, *list ? "it knows %s" : "its lines have one trigger; leave the word out%s", list);
    return false;
}

static const char *cell_names(struct planner *p, const struct irqchip_class *class)
{
    static const char *const words[] = {"0", "kind", "number", "trigger", "0"}; // enum irq_cell
    const char *list = "";
    for (uint32_t i = 0; i < class->ncells; i++)
        list = arena_printf(p->c->arena, "%s%s%s", list, *list ? " " : "", words[class->cells[i]]);
    return arena_printf(p->c->arena, "<%s>", list);
}

static const char *kind_values(struct planner *p, const struct irqchip_class *class)
{
    const char *list = "";
    for (uint32_t i = 0; i < class->nkinds; i++)
        list = arena_printf(p->c->arena, "%s%s%" PRIu32 "%s%s", list, *list ? ", " : "", class->kinds[i].value, *class->kinds[i].name ? " " : "",
                            class->kinds[i].name);
    return list;
}

static const char *trigger_values(struct planner *p, const struct irqchip_class *class)
{
    const char *list = "";
    for (uint32_t i = 0; i < class->ntriggers; i++)
        list = arena_printf(p->c->arena, "%s%s%" PRIu32 " %s", list, *list ? ", " : "", class->triggers[i].value, class->triggers[i].name);
    return list;
}

/* A specifier that was written in cells, read back into kind, number and trigger. */
static bool decode_cells(struct planner *p, struct p_irq *irq, const struct m_irq_to *to)
{
    const struct irqchip_class *class = irq->chip->class;
    if (to->ncells != class->ncells) {
        diag_help(diag(p->c->diags, E0351, to->at, "a specifier of a `%s` has %u cell%s, not %u", class->name, class->ncells, class->ncells == 1 ? "" : "s", to->ncells),
                  "they are %s", cell_names(p, class));
        return false;
    }
    uint32_t kind = UINT32_MAX;
    for (uint32_t i = 0; i < to->ncells; i++) {
        if (class->cells[i] == IRQ_CELL_KIND)
            kind = to->cells[i];
        else if (class->cells[i] == IRQ_CELL_NUMBER)
            irq->number = to->cells[i];
    }
    irq->kind = NULL;
    for (uint32_t i = 0; i < class->nkinds && !irq->kind; i++)
        if (kind == UINT32_MAX || class->kinds[i].value == kind)
            irq->kind = &class->kinds[kind == UINT32_MAX ? class->default_kind : i];
    if (!irq->kind) {
        diag_help(diag(p->c->diags, E0378, to->at, "a `%s` has no kind of line %" PRIu32, class->name, kind), "kinds are %s", kind_values(p, class));
        return false;
    }
    for (uint32_t i = 0; i < to->ncells; i++) {
        if (class->cells[i] != IRQ_CELL_TRIGGER)
            continue; // some have no such cell: their lines have one trigger
        for (uint32_t k = 0; k < class->ntriggers; k++)
            if ((to->cells[i] & class->trigger_mask) == class->triggers[k].value)
                irq->trigger = &class->triggers[k];
        if (!irq->trigger) {
            diag_help(diag(p->c->diags, E0379, to->at, "0x%" PRIx32 " is no trigger of a `%s`", to->cells[i], class->name), "it knows %s", trigger_values(p, class));
            return false;
        }
    }
    irq->ncells = to->ncells; // as they are, with bits that no word stands for
    memcpy(irq->cells, to->cells, to->ncells * sizeof *to->cells);
    return true;
}

static bool read_words(struct planner *p, struct p_irq *irq, const struct m_irq_to *to)
{
    uint32_t w = 0;
    if (to->nbefore > 2) {
        diag_help(diag(p->c->diags, E0352, to->word_at[2], "too many words before the line's number"), "write `to [CHIP] [KIND] NUMBER [TRIGGER]`");
        return false;
    }
    if (w < to->nbefore) {
        struct p_irqchip *chip = map_getp(&p->chips, to->words[0], NULL);
        if (chip) {
            irq->chip = chip;
            w++;
        } else if (to->nbefore == 2 || !find_kind(irq->chip->class, to->words[0])) {
            if (!to->number.set && find_trigger(irq->chip->class, to->words[0])) {
                diag_help(diag(p->c->diags, E0353, to->at, "the line's number is missing"), "write `to NUMBER %s`", to->words[0]);
                return false;
            }
            return bad_kind(p, irq->chip->class, to->words[0], to->word_at[0], true);
        }
    }
    if (w < to->nbefore) {
        irq->kind = find_kind(irq->chip->class, to->words[w]);
        if (!irq->kind)
            return bad_kind(p, irq->chip->class, to->words[w], to->word_at[w], false);
        w++;
    }
    if (!to->number.set) {
        diag_help(diag(p->c->diags, E0353, to->at, "the line's number is missing"), "write `to [CHIP] [KIND] NUMBER [TRIGGER]`; leave `to` out and a free line is chosen");
        return false;
    }
    if (to->nwords - to->nbefore > 1) {
        diag_help(diag(p->c->diags, E0352, to->word_at[to->nbefore + 1], "too many words after the line's number"), "write `to [CHIP] [KIND] NUMBER [TRIGGER]`");
        return false;
    }
    if (to->nwords > to->nbefore) {
        irq->trigger = find_trigger(irq->chip->class, to->words[to->nbefore]);
        if (!irq->trigger)
            return bad_trigger(p, irq->chip->class, to->words[to->nbefore], to->word_at[to->nbefore]);
    }
    return true;
}

/* ---- what is left out ---- */

/* The guest's word for the host's trigger. Polarity is the wire's, and an irqfd has no wire: level stays level, edge edge. */
static const struct irq_trigger *like(const struct irqchip_class *class, const struct irq_trigger *host)
{
    for (uint32_t i = 0; i < class->ntriggers; i++)
        if (!strcmp(class->triggers[i].name, host->name))
            return &class->triggers[i];
    for (uint32_t i = 0; i < class->ntriggers; i++)
        if (class->triggers[i].level == host->level)
            return &class->triggers[i];
    return NULL;
}

static bool settle_kind_and_trigger(struct planner *p, struct p_irq *irq)
{
    const struct irqchip_class *class = irq->chip->class;
    if (!irq->kind && irq->host && irq->host->kind && find_kind(class, irq->host->kind->name))
        irq->kind = find_kind(class, irq->host->kind->name);
    if (!irq->kind)
        irq->kind = &class->kinds[class->default_kind];
    if (irq->kind->gsi == INT32_MIN) {
        diag_help(diag(p->c->diags, E0354, irq->at, "%s is a %s %s: such a line belongs to one cpu and cannot be linked", irq_text(p, irq), class->describe,
                       irq->kind->name),
                  "leave it out: `irq %u drop;`", irq->index);
        return false;
    }
    if (irq->trigger || !class->ntriggers)
        return true;
    if (irq->host && irq->host->trigger)
        irq->trigger = like(class, irq->host->trigger);
    if (!irq->trigger && class->default_trigger >= 0)
        irq->trigger = &class->triggers[class->default_trigger];
    if (irq->trigger)
        return true;
    const char *list = "";
    for (uint32_t i = 0; i < class->ntriggers; i++)
        list = arena_printf(p->c->arena, "%s%s`%s`", list, *list ? ", " : "", class->triggers[i].name);
    diag_help(diag(p->c->diags, E0355, irq->at, "nothing says whether %s is level or edge", irq_text(p, irq)),
              "write it behind the line: `to %s NUMBER TRIGGER`, one of %s", irq->chip->name, list);
    return false;
}

static void encode(struct p_irq *irq)
{
    const struct irqchip_class *class = irq->chip->class;
    if (irq->ncells)
        return;
    irq->ncells = class->ncells;
    for (uint32_t i = 0; i < class->ncells; i++) {
        uint32_t v = 0;
        if (class->cells[i] == IRQ_CELL_KIND)
            v = irq->kind->value;
        else if (class->cells[i] == IRQ_CELL_NUMBER)
            v = irq->number;
        else if (class->cells[i] == IRQ_CELL_TRIGGER && irq->trigger)
            v = irq->trigger->value;
        irq->cells[i] = v;
    }
}

static uint32_t highest(const struct irq_kind *k)
{
    return k->guest_max ? k->guest_max : k->max;
}

static bool take_line(struct planner *p, struct p_irq *irq)
{
    struct p_irqchip *chip = irq->chip;
    uint64_t kind = (uint64_t)(irq->kind - chip->class->kinds);
    const struct p_irq *other;
    if (irq->number < irq->kind->min || irq->number > highest(irq->kind)) {
        struct diag *d = diag(p->c->diags, E0356, irq->at, "`%s` has no line %s%s%" PRIu32, chip->name, irq->kind->name, *irq->kind->name ? " " : "",
                              irq->number);
        diag_help(d, "a `%s` has lines %" PRIu32 " to %" PRIu32, chip->class->name, irq->kind->min, highest(irq->kind));
        return false;
    }
    uint64_t v;
    if (map_get(&chip->lines, kind, irq->number, &v)) {
        other = (const struct p_irq *)(uintptr_t)v;
        struct diag *d = diag(p->c->diags, E0357, irq->at, "%s and %s go to one line, %s %s%s%" PRIu32, irq_text(p, irq), irq_text(p, other), chip->name,
                              irq->kind->name, *irq->kind->name ? " " : "", irq->number);
        diag_note(d, other->at, "the other is linked here");
        diag_help(d, "leave the number out, and a free line is chosen");
        return false;
    }
    map_putp(p->c->arena, &chip->lines, (const void *)(uintptr_t)kind, (const void *)(uintptr_t)irq->number, irq);
    irq->gsi = (uint32_t)((int64_t)irq->number + irq->kind->gsi);
    irq->resample = irq->trigger && irq->trigger->level && irq->source != IRQ_EMULATED;
    if (irq->number / 32 * 32 + 32 > chip->nlines)
        chip->nlines = irq->number / 32 * 32 + 32; // GICs have lines in steps of 32; the others do not mind
    encode(irq);
    return true;
}

void link_irq(struct planner *p, struct p_irq *irq, const struct m_irq_to *to)
{
    irq->gsi = UINT32_MAX;
    vec_push(p->c->arena, &irq->device->irqs, irq);
    if (irq->drop)
        return;
    if (!p->m->irqchips.n) {
        diag_help(diag(p->c->diags, E0358, irq->at, "machine `%s` has no irqchip for %s", p->m->name, irq_text(p, irq)), "write `irqchip NAME : CLASS at ADDRESS;`");
        irq->drop = true;
        return;
    }
    irq->chip = p->m->irqchips.at[0];
    bool ok = true;
    if (to && to->set && to->label) {
        irq->chip = map_getp(&p->chips, to->label, NULL);
        if (!irq->chip)
            diag(p->c->diags, E0359, to->at, "`&%s` is no irqchip of machine `%s`", to->label, p->m->name);
        ok = irq->chip && decode_cells(p, irq, to);
    } else if (to && to->set) {
        ok = read_words(p, irq, to);
        irq->number = to->number.value > UINT32_MAX ? UINT32_MAX : (uint32_t)to->number.value;
    }
    ok = ok && settle_kind_and_trigger(p, irq);
    if (!ok) {
        irq->drop = true;
        return;
    }
    irq->how = to && to->set ? HOW_WRITTEN : HOW_CHOSEN;
    if (irq->how == HOW_CHOSEN)
        vec_push(draft_arena(p->c), &p->unlinked, irq);
    else if (!take_line(p, irq))
        irq->drop = true;
}

/*
 * Lines that are not written: the host's own number where the guest's controller has it and it is
 * free, so that adding a device moves no other; then the first free one.
 */
void choose_lines(struct planner *p)
{
    uint64_t v;
    for (uint32_t i = 0; i < p->unlinked.n; i++) {
        struct p_irq *irq = p->unlinked.at[i];
        const struct host_irq *h = irq->host;
        uint64_t kind = (uint64_t)(irq->kind - irq->chip->class->kinds);
        if (!h || !h->class || strcmp(h->kind->name, irq->kind->name) || h->number < irq->kind->min || h->number > highest(irq->kind) ||
            map_get(&irq->chip->lines, kind, h->number, &v))
            continue;
        irq->number = h->number;
        irq->how = HOW_DEFAULT;
        take_line(p, irq);
    }
    struct map next = {0}; // (chip, kind) -> where to look on
    for (uint32_t i = 0; i < p->unlinked.n; i++) {
        struct p_irq *irq = p->unlinked.at[i];
        if (irq->how != HOW_CHOSEN)
            continue;
        uint64_t kind = (uint64_t)(irq->kind - irq->chip->class->kinds), line = irq->kind->first;
        map_get(&next, (uintptr_t)irq->chip, kind, &line);
        while (line <= highest(irq->kind) && map_get(&irq->chip->lines, kind, line, &v))
            line++;
        map_put(p->c->arena, &next, (uintptr_t)irq->chip, kind, line);
        if (line > highest(irq->kind)) {
            struct diag *d = diag(p->c->diags, E0360, irq->at, "`%s` has no free line left for %s", irq->chip->name, irq_text(p, irq));
            diag_help(d, "a `%s` has lines %" PRIu32 " to %" PRIu32 "; drop interrupts that the guest does not need", irq->chip->class->name, irq->kind->first,
                      highest(irq->kind));
            irq->drop = true;
            continue;
        }
        irq->number = (uint32_t)line;
        take_line(p, irq);
    }
}

/* ---- interrupts of host nodes ---- */

static const struct m_irq *said_of(const struct m_part *part, const struct host_irq *h)
{
    for (uint32_t i = 0; part && !h->from_map && i < part->irqs.n; i++) {
        const struct m_irq *m = &part->irqs.at[i];
        if (m->which.name ? h->name && !strcmp(m->which.name, h->name) : m->which.index == h->index)
            return m;
    }
    return NULL;
}

static void check_said(struct planner *p, const struct copied *k, const struct host_irq *irqs, uint32_t n)
{
    for (uint32_t i = 0; k->part && i < k->part->irqs.n; i++) {
        const struct m_irq *m = &k->part->irqs.at[i];
        bool found = false;
        VEC(const char *) names = {0};
        uint32_t own = 0;
        for (uint32_t j = 0; j < n; j++) {
            if (irqs[j].from_map)
                continue;
            own++;
            found = found || (m->which.name ? irqs[j].name && !strcmp(m->which.name, irqs[j].name) : m->which.index == irqs[j].index);
            if (irqs[j].name)
                vec_push(p->c->arena, &names, irqs[j].name);
        }
        if (m->file)
            diag(p->c->diags, E0361, m->at, "`file` belongs to the interrupts of raw devices; this one is the host's");
        if (found)
            continue;
        const char *path = dt_path(p->c->arena, k->host);
        if (m->which.name) {
            struct diag *d = diag(p->c->diags, E0362, m->which.at, "%s has no interrupt `%s`", path, m->which.name);
            const char *near = nearest(m->which.name, names.at, names.n);
            if (near)
                diag_help(d, "did you mean `%s`?", near);
            else
                diag_help(d, names.n ? "its interrupt-names begin with `%s`" : "it has no interrupt-names; say which by index%s", names.n ? names.at[0] : "");
        } else {
            struct diag *d = diag(p->c->diags, E0363, m->which.at, "%s has no interrupt %u", path, m->which.index);
            if (own)
                diag_help(d, "it has %u, from index 0", own);
            else
                diag_help(d, "it has none; delete the line");
        }
    }
}

static void own_line(struct planner *p, struct p_irq *irq)
{
    const struct host_irq *h = irq->host;
    uint64_t v;
    if (map_get(&p->line_owner, (uintptr_t)h->chip, h->identity, &v)) {
        const struct p_irq *other = (const struct p_irq *)(uintptr_t)v;
        const char *line = host_irq_text(p->c, h);
        if (other->host->node == h->node && other->device == irq->device) {
            struct diag *d = diag(p->c->diags, E0364, irq->at, "%s lists %s twice, as interrupt %u and %u", dt_path(p->c->arena, h->node), line,
                                  other->index, irq->index);
            diag_help(d, "a line can be asked for once: `irq %u drop;`", irq->index);
        } else {
            struct diag *d = diag(p->c->diags, E0365, irq->at, "%s and %s share one line of the host, %s", irq_text(p, irq), irq_text(p, other), line);
            diag_note(d, other->at, "the other is assigned here");
            diag_help(d, "one of them has to do without: `irq %u drop;`, and a driver that polls", irq->index);
        }
        return;
    }
    map_putp(draft_arena(p->c), &p->line_owner, h->chip, (const void *)(uintptr_t)h->identity, irq);
}

void decide_irqs(struct planner *p, struct copied *k)
{
    const struct host_node *hn = &p->host->nodes[k->host->id];
    const struct host_irq *irqs = p->host->irqs + hn->first_irq;
    if (k->description)
        return;
    check_said(p, k, irqs, hn->nirqs);
    bool extended = dt_prop(p->host->tree, k->host, p->n.interrupts_extended) != NULL;
    const struct dt_node *first = irq_parent(p, k->host);
    bool inside = !extended && first && copy_of(p, first);
    for (uint32_t i = 0; i < hn->nirqs; i++) {
        const struct host_irq *h = &irqs[i];
        const struct m_irq *m = said_of(k->part, h);
        if (h->from_map ? h->chip && copy_of(p, h->chip) : inside || (extended && h->chip && copy_of(p, h->chip)))
            continue; // the controller is the guest's, too
        struct p_irq *irq = NEW(p->c->arena, struct p_irq);
        *irq = (struct p_irq){.device = k->device, .index = h->index, .name = h->name, .source = h->from_map ? IRQ_MAP_ENTRY : IRQ_DEVICE,
                              .host = h, .drop = m && m->drop, .at = m ? m->at : k->pass->at};
        if (!irq->drop && (h->problem || !h->chip)) {
            struct diag *d = diag(p->c->diags, E0366, irq->at, "%s cannot be followed to a controller: %s", irq_text(p, irq), h->problem ? h->problem : "it has none");
            diag_help(d, "leave it out: `irq %u drop;`", h->index);
            irq->drop = true;
        }
        if (!irq->drop)
            own_line(p, irq);
        map_putp(draft_arena(p->c), &p->irq_of, h, NULL, irq);
        link_irq(p, irq, m ? &m->to : NULL);
    }
}
