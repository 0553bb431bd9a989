// SPDX-License-Identifier: MIT
// Fate `shadow`: the guest gets a guarded window of the provider's registers.
#include "refs/refs.h"

/* Adds the registers of the statement, which may settle many references to one provider. */
static void add_writes_of_statement(struct settle *s, struct copied *k, const struct m_ref *r)
{
    struct machine_planner *p = s->p;
    if (map_getp(&p->settle_room->shadowed, r, k))
        return;
    map_putp(draft_arena(p->c), &p->settle_room->shadowed, r, k, (void *)(uintptr_t)r);
    add_shadow_writes(p, k, r->writes.at, r->writes.n);
}

/* Adds those of the class of the device: some are for one of its devices, which Linux's driver tells by address. */
static void add_writes_of_class(struct settle *s, struct copied *k)
{
    const struct p_device *d = s->k->device;
    const struct dev_class *class = d ? d->class : NULL;
    uint64_t address = d && d->regions.n ? d->regions.at[0]->host : 0;
    for (uint32_t i = 0; class && i < class->nfates; i++) {
        const struct schema_fate *f = &class->fates[i];
        for (uint32_t w = 0; !strcmp(f->property, s->prop->name) && w < f->nwrites; w++) {
            struct shadow_write of_class = f->writes[w];
            of_class.of_class = true;
            if (!of_class.device || of_class.device == address)
                add_shadow_writes(s->p, k, &of_class, 1);
        }
    }
}

uint32_t refs_line_bit(const struct settle *s, const struct schema_lines *lines, const struct ref_entry *e)
{
    bool one = e->phandle + 2 == e->start + e->cells; // of several cells the schemas tell nothing
    return one ? schema_line_bit(lines, dt_cell(s->prop, e->phandle + 1)) : NO_LINE;
}

/* Adds the register of a line, which the entry's specifier names. False after a message. */
static bool add_line(struct settle *s, struct copied *k, const struct ref_entry *e, struct src where)
{
    struct machine_planner *p = s->p;
    uint32_t bit = refs_line_bit(s, k->lines, e);
    if (bit == NO_LINE) {
        struct diag *d = diag(p->c->diags, E0440, where, "%s has no %s%s, as far as is known",
                              dt_path(p->c->arena, e->target), s->rule->kind, refs_specifier_text(p, s->prop, e));
        diag_fact(d, "`%s` of %s asks for it; what is known is from %s of Linux", s->prop->name,
                  dt_path(p->c->arena, s->k->host), k->lines->driver);
        diag_help(d, "choose another fate: `drop`, `to &node`");
        return false;
    }
    struct shadow_write w = {
        .offset = bit / 32 * 4, .mask = 1U << bit % 32, .hiword = k->lines->hiword, .line = true, .at = where};
    add_shadow_writes(p, k, &w, 1);
    return true;
}

/* Reports a provider that is needed as a system controller and for its lines: it has one node in the guest. */
static bool report_two_kinds(struct settle *s, const struct copied *k, const struct ref_entry *e, struct src where)
{
    struct machine_planner *p = s->p;
    struct diag *d = diag(p->c->diags, E0442, where, "%s is shadowed both for its registers and for its %ss",
                          dt_path(p->c->arena, e->target), k->lines ? "line" : s->rule->kind);
    diag_note(d, k->guest->origin->at, "it is shadowed for this statement");
    diag_help(d, "choose another fate for one of them: `drop`, `fixed RATE`, `to &node`");
    return false;
}

static bool report_written_line(struct settle *s, const struct ref_entry *e, const struct m_ref *r)
{
    struct machine_planner *p = s->p;
    struct diag *d = diag(p->c->diags, E0441, r->writes.at[0].at, "`write` for a %s of %s, whose register is known",
                          s->rule->kind, dt_path(p->c->arena, e->target));
    diag_help(d, "write `ref %s shadow;`", s->prop->name);
    return false;
}

bool refs_bring_shadow(struct settle *s, const struct ref_entry *e, const struct verdict *v)
{
    struct machine_planner *p = s->p;
    struct copied *k = refs_guest_copy(s, e->target);
    struct src where = v->statement ? v->statement->at : refs_place(s->k);
    const struct schema_lines *lines = shadow_lines(p, s->rule, e->target);
    if (k && !k->description)
        return true; // the machine has the provider itself
    if (k && !k->shadow) {
        struct diag *d = diag(p->c->diags, E0414, where, "%s is both shadowed (`shadow`) and copied (`copy`)",
                              dt_path(p->c->arena, e->target));
        diag_note(d, k->guest->origin->at, "it is copied for this statement");
        diag_help(d, "write `shadow` for both");
        return false;
    }
    if (k && k->lines != lines && can_be_shadowed(p, s->rule, e->target))
        return report_two_kinds(s, k, e, where);
    if (lines && v->statement && v->statement->writes.n)
        return report_written_line(s, e, v->statement);
    if (!k || k->lines != lines)
        k = make_shadow(p, s->rule, e->target, s->k, where);
    if (k && lines)
        return add_line(s, k, e, where);
    if (k && v->statement)
        add_writes_of_statement(s, k, v->statement);
    else if (k)
        add_writes_of_class(s, k);
    return k;
}
