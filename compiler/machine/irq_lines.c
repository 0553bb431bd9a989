// SPDX-License-Identifier: MIT
// Links interrupts of devices to lines of the guest's interrupt controllers.
#include "machine/machine.h"

#include <inttypes.h>

/* ---- links that are written ---- */

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

/* `first`: the word is the first one of a link, where the name of an irqchip could be. Returns false. */
static bool report_bad_kind(struct machine_planner *p, const struct irqchip_class *class, const char *word,
                            struct src where, bool first)
{
    const char *list = "";
    VEC(const char *) names = {0};
    for (uint32_t i = 0; i < class->nkinds; i++) {
        if (!*class->kinds[i].name || class->kinds[i].gsi == INT32_MIN)
            continue;
        list = arena_printf(p->c->arena, "%s%s`%s`", list, *list ? ", " : "", class->kinds[i].name);
        vec_push(p->c->arena, &names, class->kinds[i].name);
    }
    for (uint32_t i = 0; first && i < p->m->irqchips.n; i++)
        vec_push(p->c->arena, &names, p->m->irqchips.at[i]->name);
    const char *near = diags_nearest(p->c->diags, word, names.at, names.n);
    struct diag *d =
        first ? diag(p->c->diags, E0348, where, "`%s` is neither an irqchip of machine `%s` nor a kind of line of `%s`",
                     word, p->m->name, p->m->irqchips.at[0]->name)
              : diag(p->c->diags, E0349, where, "a `%s` has no kind of line `%s`", class->name, word);
    if (near)
        diag_did_you_mean(d, "", word, near);
    else if (first)
        diag_help(d, "use the root irqchip, `%s`%s%s", p->m->irqchips.at[0]->name,
                  *list ? ", kinds of its lines that can be linked: " : "", list);
    else
        diag_help(d, *list ? "use one of the kinds that can be linked: %s" : "write only the number%s", list);
    return false;
}

static bool report_bad_trigger(struct machine_planner *p, const struct irqchip_class *class, const char *word,
                               struct src where)
{
    const char *list = "";
    VEC(const char *) names = {0};
    for (uint32_t i = 0; i < class->ntriggers; i++) {
        list = arena_printf(p->c->arena, "%s%s`%s`", list, *list ? ", " : "", class->triggers[i].name);
        vec_push(p->c->arena, &names, class->triggers[i].name);
    }
    struct diag *d = diag(p->c->diags, E0350, where, "a `%s` does not support the trigger `%s`", class->name, word);
    const char *near = diags_nearest(p->c->diags, word, names.at, names.n);
    if (near)
        diag_did_you_mean(d, "", word, near);
    else
        diag_help(d, *list ? "use one of %s" : "remove the word: its lines have only one trigger%s", list);
    return false;
}

/* Lists the cells of a specifier for a message: "<kind number trigger>". */
static const char *cell_names(struct machine_planner *p, const struct irqchip_class *class)
{
    static const char *const words[] = {"0", "kind", "number", "trigger", "0"}; // enum irq_cell
    const char *list = "";
    for (uint32_t i = 0; i < class->ncells; i++)
        list = arena_printf(p->c->arena, "%s%s%s", list, *list ? " " : "", words[class->cells[i]]);
    return arena_printf(p->c->arena, "<%s>", list);
}

static const char *kind_values(struct machine_planner *p, const struct irqchip_class *class)
{
    const char *list = "";
    for (uint32_t i = 0; i < class->nkinds; i++)
        list = arena_printf(p->c->arena, "%s%s%" PRIu32 "%s%s", list, *list ? ", " : "", class->kinds[i].value,
                            *class->kinds[i].name ? " " : "", class->kinds[i].name);
    return list;
}

static const char *trigger_values(struct machine_planner *p, const struct irqchip_class *class)
{
    const char *list = "";
    for (uint32_t i = 0; i < class->ntriggers; i++)
        list = arena_printf(p->c->arena, "%s%s%" PRIu32 " %s", list, *list ? ", " : "", class->triggers[i].value,
                            class->triggers[i].name);
    return list;
}

/*
 * Returns the guest's trigger for a trigger of the host: the one of the same name, or else one that is level or edge as
 * the host's is. Polarity does not matter, because an irqfd has no wire. The guest's driver must accept the trigger for
 * that kind of line. NULL: there is none.
 */
static const struct irq_trigger *similar_trigger(const struct irqchip_class *class, const struct irq_kind *kind,
                                                 const struct irq_trigger *host)
{
    for (uint32_t i = 0; i < class->ntriggers; i++)
        if (!strcmp(class->triggers[i].name, host->name) && (!kind || irq_kind_takes(kind, &class->triggers[i])))
            return &class->triggers[i];
    for (uint32_t i = 0; i < class->ntriggers; i++)
        if (class->triggers[i].level == host->level && (!kind || irq_kind_takes(kind, &class->triggers[i])))
            return &class->triggers[i];
    return NULL;
}

/* Moves the link to another controller, and translates kind and trigger to the words of its class. */
static void change_chip(struct p_irq *irq, struct p_irqchip *chip)
{
    const struct irqchip_class *class = chip->class;
    if (irq->chip->class != class) {
        irq->kind = irq->kind ? find_kind(class, irq->kind->name) : NULL;
        irq->trigger = irq->trigger ? similar_trigger(class, irq->kind, irq->trigger) : NULL;
    }
    irq->chip = chip;
}

/* Decodes a specifier that is written as cells into kind, number and trigger. Returns false after a message. */
static bool decode_cells(struct machine_planner *p, struct p_irq *irq, const struct m_irq_to *to)
{
    const struct irqchip_class *class = irq->chip->class;
    if (to->ncells != class->ncells) {
        diag_help(diag(p->c->diags, E0351, to->cells_at, "a specifier of a `%s` has %u cell%s, not %u", class->name,
                       class->ncells, class->ncells == 1 ? "" : "s", to->ncells),
                  "write the cells %s", cell_names(p, class));
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
        diag_help(diag(p->c->diags, E0378, to->cells_at, "a `%s` has no kind of line %" PRIu32, class->name, kind),
                  "use one of the kinds %s", kind_values(p, class));
        return false;
    }
    for (uint32_t i = 0; i < to->ncells; i++) {
        if (class->cells[i] != IRQ_CELL_TRIGGER)
            continue; // specifiers of some classes have no trigger cell: their lines have one trigger
        for (uint32_t k = 0; k < class->ntriggers; k++)
            if ((to->cells[i] & class->trigger_mask) == class->triggers[k].value)
                irq->trigger = &class->triggers[k];
        if (!irq->trigger) {
            diag_help(diag(p->c->diags, E0379, to->cells_at, "0x%" PRIx32 " is not a trigger of a `%s`", to->cells[i],
                           class->name),
                      "use one of %s", trigger_values(p, class));
            return false;
        }
    }
    irq->ncells = to->ncells; // the cells as written, with bits that no word stands for
    memcpy(irq->cells, to->cells, to->ncells * sizeof *to->cells);
    return true;
}

/* Decodes a link that is written as `[CHIP] [KIND] NUMBER [TRIGGER]`. Returns false after a message. */
static bool decode_words(struct machine_planner *p, struct p_irq *irq, const struct m_irq_to *to)
{
    uint32_t w = 0;
    if (w < to->nbefore) {
        struct p_irqchip *chip = map_getp(&p->chips, to->words[0], NULL);
        if (chip) {
            change_chip(irq, chip);
            w++;
        } else if (to->nbefore == 2 || !find_kind(irq->chip->class, to->words[0])) {
            if (!to->number.set && find_trigger(irq->chip->class, to->words[0])) {
                diag_help(diag(p->c->diags, E0353, to->at, "the number of the line is missing"), "write `to NUMBER %s`",
                          to->words[0]);
                return false;
            }
            return report_bad_kind(p, irq->chip->class, to->words[0], to->word_at[0], true);
        }
    }
    if (w < to->nbefore) {
        irq->kind = find_kind(irq->chip->class, to->words[w]);
        if (!irq->kind)
            return report_bad_kind(p, irq->chip->class, to->words[w], to->word_at[w], false);
        w++;
    }
    if (!to->number.set) {
        diag_help(diag(p->c->diags, E0353, to->at, "the number of the line is missing"),
                  "write `to [CHIP] [KIND] NUMBER [TRIGGER]`, or remove `to` to let machc choose a free line");
        return false;
    }
    if (to->nwords > to->nbefore) {
        irq->trigger = find_trigger(irq->chip->class, to->words[to->nbefore]);
        if (!irq->trigger)
            return report_bad_trigger(p, irq->chip->class, to->words[to->nbefore], to->word_at[to->nbefore]);
    }
    return true;
}

/* ---- defaults for what is not written ---- */

/* Returns the trigger that the class prefers for levels or for edges; NULL if it has none. */
static const struct irq_trigger *trigger_for(const struct irqchip_class *class, bool level)
{
    const struct irq_trigger *t = find_trigger(class, level ? "level" : "edge");
    if (!t && class->default_trigger >= 0 && class->triggers[class->default_trigger].level == level)
        t = &class->triggers[class->default_trigger];
    for (uint32_t i = 0; i < class->ntriggers && !t; i++)
        if (class->triggers[i].level == level)
            t = &class->triggers[i];
    return t;
}

/* Lists the kinds of line that can be linked, for a message. */
static const char *linkable_kinds(struct machine_planner *p, const struct irqchip_class *class)
{
    const char *list = "";
    for (uint32_t i = 0; i < class->nkinds; i++)
        if (*class->kinds[i].name && class->kinds[i].gsi != INT32_MIN)
            list = arena_printf(p->c->arena, "%s%s`%s`", list, *list ? ", " : "", class->kinds[i].name);
    return list;
}

static bool settle_kind_and_trigger(struct machine_planner *p, struct p_irq *irq, const struct m_irq_to *to)
{
    const struct irqchip_class *class = irq->chip->class;
    if (!irq->kind && irq->host && irq->host->kind && find_kind(class, irq->host->kind->name))
        irq->kind = find_kind(class, irq->host->kind->name);
    if (!irq->kind)
        irq->kind = &class->kinds[class->default_kind];
    if (irq->kind->gsi == INT32_MIN) {
        struct diag *d = diag(p->c->diags, E0354, irq->at, "%s would be a %s %s: lines of this kind cannot be linked",
                              describe_irq(p->c, irq), class->describe, irq->kind->name);
        const char *list = linkable_kinds(p, class);
        if (*list)
            diag_help(d, "drop it: `irq %u drop;`, or write another kind: %s", irq->index, list);
        else
            diag_help(d, "drop it: `irq %u drop;`, or write only the number", irq->index);
        return false;
    }
    if (irq->trigger || !class->ntriggers)
        return true;
    if (irq->host && irq->host->trigger)
        irq->trigger = similar_trigger(class, irq->kind, irq->host->trigger);
    else if (irq->device->kind == DEV_PCI)
        // INTx is level triggered (PCI Local Bus Specification 3.0, 2.2.6); a message is an edge.
        irq->trigger = trigger_for(class, irq->index == 0);
    else if (irq->source == IRQ_EMULATED && class->default_trigger >= 0)
        irq->trigger = &class->triggers[class->default_trigger];
    if (!irq->trigger && class->ntriggers == 1)
        irq->trigger = &class->triggers[0];
    if (irq->trigger)
        return true;
    const char *list = "";
    for (uint32_t i = 0; i < class->ntriggers; i++)
        list = arena_printf(p->c->arena, "%s%s`%s`", list, *list ? ", " : "", class->triggers[i].name);
    struct diag *d =
        diag(p->c->diags, E0355, irq->at, "cannot tell whether %s is level or edge", describe_irq(p->c, irq));
    if (irq->host)
        diag_fact(d, "%s: it is %s", p->host->file, host_irq_text(p->c, irq->host));
    const char *number = to && to->number.set ? arena_printf(p->c->arena, "%" PRIu64, to->number.value) : "NUMBER";
    diag_help(d, "write the trigger after the line: `irq %u to %s %s TRIGGER`, where TRIGGER is one of %s", irq->index,
              irq->chip->name, number, list);
    return false;
}

/* ---- checks of the trigger ---- */

/*
 * Whether the source of an interrupt is a level (true) or an edge (false). Sets *why to the reason, for a message; to
 * NULL if it is not known, or does not matter.
 */
static bool is_level_source(struct machine_planner *p, const struct p_irq *irq, const char **why)
{
    *why = NULL;
    if (irq->host && irq->host->trigger) {
        *why = arena_printf(p->c->arena, "%s: it is %s", p->host->file, host_irq_text(p->c, irq->host));
        return irq->host->trigger->level;
    }
    if (irq->device->kind == DEV_PCI && irq->index == 0) {
        *why = "INTx is level triggered (PCI Local Bus Specification 3.0, 2.2.6)";
        return true;
    }
    if (irq->device->kind == DEV_PCI) {
        *why = "an MSI is a message: an edge";
        return false;
    }
    return false; // the VMM raises it, as its line requires
}

/*
 * Reports a level that is linked as an edge, or an edge that is linked as a level: VFIO masks a level-triggered
 * interrupt until it is resampled, and an edge is never resampled.
 */
static bool check_level_or_edge(struct machine_planner *p, const struct p_irq *irq)
{
    const char *why;
    bool level = is_level_source(p, irq, &why), available = false;
    for (uint32_t i = 0; i < irq->chip->class->ntriggers; i++)
        available = available || (irq->chip->class->triggers[i].level == level &&
                                  irq_kind_takes(irq->kind, &irq->chip->class->triggers[i]));
    if (!why || !irq->trigger || irq->trigger->level == level || !available)
        return true; // a controller without the right trigger has to use the other one
    struct diag *d = diag(p->c->diags, E1012, irq->at, "%s is %s, but its link is %s", describe_irq(p->c, irq),
                          level ? "level-triggered" : "an edge", irq->trigger->name);
    diag_fact(d, "%s", why);
    diag_help(d, level
                     ? "write a level trigger: with an edge, the host would mask the interrupt once and never unmask it"
                     : "write an edge trigger: there is no level to check again when the guest is done");
    return false;
}

/* Reports a trigger that the guest's driver does not accept for that kind of line. */
static bool check_trigger(struct machine_planner *p, const struct p_irq *irq)
{
    if (!irq->trigger || irq_kind_takes(irq->kind, irq->trigger))
        return check_level_or_edge(p, irq);
    const char *list = "";
    for (const char *const *t = irq->kind->triggers; *t; t++)
        list = arena_printf(p->c->arena, "%s%s`%s`", list, *list ? ", " : "", *t);
    struct diag *d =
        diag(p->c->diags, E1011, irq->at, "%s goes to a %s of `%s` as %s, which its driver rejects",
             describe_irq(p->c, irq), *irq->kind->name ? irq->kind->name : "line", irq->chip->name, irq->trigger->name);
    diag_help(d, "use one of %s", list);
    return false;
}

/* ---- lines ---- */

/* Encodes kind, number and trigger in the cells of the specifier, unless they were written as cells. */
static void encode_cells(struct p_irq *irq)
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

/* Returns the highest line of a kind that the guest's controller has. */
static uint32_t highest_line(const struct irq_kind *k)
{
    return k->guest_max ? k->guest_max : k->max;
}

/* Reports a line that the controller does not have. Returns false. */
static bool report_no_line(struct machine_planner *p, const struct p_irq *irq, uint64_t number)
{
    struct diag *d = diag(p->c->diags, E0356, irq->at, "`%s` has no line %s%s%" PRIu64, irq->chip->name,
                          irq->kind->name, *irq->kind->name ? " " : "", number);
    diag_help(d, "choose a line of class `%s`: %" PRIu32 " to %" PRIu32, irq->chip->class->name, irq->kind->min,
              highest_line(irq->kind));
    return false;
}

static void report_unknown_chip(struct machine_planner *p, const struct m_irq_to *to)
{
    VEC(const char *) names = {0};
    for (uint32_t i = 0; i < p->m->irqchips.n; i++)
        vec_push(p->c->arena, &names, p->m->irqchips.at[i]->name);
    struct diag *d = diag(p->c->diags, E0359, to->at, "`&%s` is not an irqchip of machine `%s`", to->label, p->m->name);
    const char *near = diags_nearest(p->c->diags, to->label, names.at, names.n);
    if (near)
        diag_did_you_mean(d, "&", to->label, near);
    else
        diag_help(d, "write `&%s`", names.at[0]);
}

/* VFIO masks a level when it fires, and with such an irqchip KVM never requests to unmask it. Returns false. */
static bool report_no_resample(struct machine_planner *p, const struct p_irq *irq)
{
    const struct irqchip_class *class = irq->chip->class;
    struct diag *d = diag(p->c->diags, E1013, irq->at, "%s is %s, but with `%s` nothing unmasks it after it has fired",
                          describe_irq(p->c, irq), irq->trigger->name, irq->chip->name);
    if (irq->host)
        diag_fact(d, "%s: it is %s", p->host->file, host_irq_text(p->c, irq->host));
    diag_fact(d, "%s: KVM's `%s` does not report when the guest has handled a level, so VFIO does not unmask it",
              class->file, class->kvm);
    diag_help(d, "drop it: `irq %u drop;`, or use an irqchip that the VMM emulates: `machc --list-classes`",
              irq->index);
    return false;
}

/* Gives the line that irq->chip, kind and number specify to the interrupt. Returns false after a message. */
static bool take_line(struct machine_planner *p, struct p_irq *irq)
{
    struct p_irqchip *chip = irq->chip;
    uint64_t kind = (uint64_t)(irq->kind - chip->class->kinds);
    const struct p_irq *other;
    if (irq->number < irq->kind->min || irq->number > highest_line(irq->kind))
        return report_no_line(p, irq, irq->number);
    uint64_t v;
    if (map_get(&chip->lines, kind, irq->number, &v)) {
        other = (const struct p_irq *)(uintptr_t)v;
        bool swap = irq->at.loc.file == other->at.loc.file && irq->at.loc.start < other->at.loc.start;
        const struct p_irq *a = swap ? other : irq, *b = swap ? irq : other;
        struct diag *d =
            diag(p->c->diags, E0357, a->at, "%s and %s go to the same line, %s %s%s%" PRIu32, describe_irq(p->c, a),
                 describe_irq(p->c, b), chip->name, irq->kind->name, *irq->kind->name ? " " : "", irq->number);
        diag_note(d, b->at, "the other one is linked here");
        diag_help(d, "remove the number to let machc choose a free line");
        return false;
    }
    map_putp(p->c->arena, &chip->lines, (const void *)(uintptr_t)kind, (const void *)(uintptr_t)irq->number, irq);
    if (chip->in_kvm)
        irq->gsi = (uint32_t)((int64_t)irq->number + irq->kind->gsi);
    // On a controller with level-triggered lines only, the host's interrupt may still be an edge, which VFIO cannot
    // unmask.
    bool edge = irq->host && irq->host->trigger && !irq->host->trigger->level;
    irq->resample = irq->trigger && irq->trigger->level && !edge && irq->source != IRQ_EMULATED;
    if (irq->resample && chip->class->never_acks)
        return report_no_resample(p, irq);
    if (!chip->class->lines_property && irq->number / 32 * 32 + 32 > chip->nlines)
        chip->nlines =
            irq->number / 32 * 32 + 32; // a GIC has lines in steps of 32, and other controllers can have them
    encode_cells(irq);
    return true;
}

/* Reads a link and settles what it does not tell, but for the number of the line. Returns false after a message. */
static bool read_link(struct machine_planner *p, struct p_irq *irq, const struct m_irq_to *to)
{
    irq->chip = p->m->irqchips.at[0]; // every platform has at least one
    bool ok = true;
    if (to && to->set && to->label) {
        struct p_irqchip *chip = map_getp(&p->chips, to->label, NULL);
        if (!chip)
            report_unknown_chip(p, to);
        else
            change_chip(irq, chip);
        ok = chip && decode_cells(p, irq, to);
    } else if (to && to->set) {
        ok = decode_words(p, irq, to);
        irq->number = (uint32_t)to->number.value;
    }
    ok = ok && settle_kind_and_trigger(p, irq, to) && check_trigger(p, irq);
    if (ok && to && to->number.set && to->number.value > UINT32_MAX)
        ok = report_no_line(p, irq, to->number.value);
    return ok;
}

static void copy_link(struct p_irq *to, const struct p_irq *from)
{
    to->chip = from->chip;
    to->kind = from->kind;
    to->number = from->number;
    to->trigger = from->trigger;
    to->ncells = from->ncells;
    memcpy(to->cells, from->cells, sizeof to->cells);
}

/* Gives `irq` the line of `other`, which is on the same line of the host. */
static void copy_line(struct p_irq *irq, const struct p_irq *other)
{
    copy_link(irq, other);
    irq->drop = other->drop;
    irq->gsi = other->gsi;
    irq->how = other->how;
}

/*
 * Links an interrupt on a line of the host that irq->shares, of the same machine, is bound for. The link of one of them
 * is enough; two must be the same.
 */
static void share_line(struct machine_planner *p, struct p_irq *irq, const struct m_irq_to *to)
{
    struct p_irq *bound = irq->shares;
    vec_push(draft_arena(p->c), &p->sharing, irq);
    if (!to || !to->set)
        return;
    if (!read_link(p, irq, to)) {
        irq->drop = true;
    } else if (bound->how != HOW_WRITTEN) {
        // What is written for the second is meant for both.
        copy_link(bound, irq);
        bound->how = HOW_WRITTEN;
        if (!take_line(p, bound))
            bound->drop = true;
    } else if (irq->chip != bound->chip || irq->kind != bound->kind || irq->number != bound->number ||
               irq->trigger != bound->trigger) {
        struct diag *d = diag(p->c->diags, E0364, to->at, "%s is on the line of %s, and is linked to another one",
                              describe_irq(p->c, irq), describe_irq(p->c, bound));
        diag_fact(d, "%s: both are %s", p->host->file, host_irq_text(p->c, irq->host));
        diag_note(d, bound->at, "the other one is linked here");
        diag_help(d, "remove one of the links: a line of the host goes to one line of the guest");
    }
}

void link_irq(struct machine_planner *p, struct p_irq *irq, const struct m_irq_to *to)
{
    irq->gsi = UINT32_MAX;
    vec_push(p->c->arena, &irq->device->irqs, irq);
    if (irq->drop)
        return;
    if (irq->shares) {
        share_line(p, irq, to);
        return;
    }
    if (!read_link(p, irq, to)) {
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
 * An interrupt gets the number of the host's line if the guest's controller has that line and it is free, so that
 * adding a device does not move the others. The remaining interrupts get the first free lines.
 */
void choose_lines(struct machine_planner *p)
{
    enter_step(p, STEP_LINES);
    uint64_t v;
    for (uint32_t i = 0; i < p->unlinked.n; i++) {
        struct p_irq *irq = p->unlinked.at[i];
        const struct host_irq *h = irq->host;
        uint64_t kind = (uint64_t)(irq->kind - irq->chip->class->kinds);
        if (irq->how == HOW_WRITTEN || !h || !h->class || h->class->cascaded ||
            strcmp(h->kind->name, irq->kind->name) || h->number < irq->kind->min ||
            h->number > highest_line(irq->kind) || map_get(&irq->chip->lines, kind, h->number, &v))
            continue;
        irq->number = h->number;
        irq->how = HOW_DEFAULT;
        take_line(p, irq);
    }
    struct map next = {0}; // (chip, kind) -> the first line that may be free
    for (uint32_t i = 0; i < p->unlinked.n; i++) {
        struct p_irq *irq = p->unlinked.at[i];
        if (irq->how != HOW_CHOSEN)
            continue;
        uint64_t kind = (uint64_t)(irq->kind - irq->chip->class->kinds), line = irq->kind->first;
        map_get(&next, (uintptr_t)irq->chip, kind, &line);
        while (line <= highest_line(irq->kind) && map_get(&irq->chip->lines, kind, line, &v))
            line++;
        map_put(p->c->arena, &next, (uintptr_t)irq->chip, kind, line);
        if (line > highest_line(irq->kind)) {
            struct diag *d = diag(p->c->diags, E0360, irq->at, "`%s` has no free line left for %s", irq->chip->name,
                                  describe_irq(p->c, irq));
            diag_help(d,
                      "drop interrupts that the guest does not need: for class `%s`, machc chooses lines %" PRIu32
                      " to %" PRIu32,
                      irq->chip->class->name, irq->kind->first, highest_line(irq->kind));
            irq->drop = true;
            continue;
        }
        irq->number = (uint32_t)line;
        take_line(p, irq);
    }
    for (uint32_t i = 0; i < p->sharing.n; i++)
        if (!p->sharing.at[i]->drop)
            copy_line(p->sharing.at[i], p->sharing.at[i]->shares);
}
