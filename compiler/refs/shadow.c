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
        for (uint32_t w = 0; !strcmp(f->property, s->prop->name) && w < f->nwrites; w++)
            if (!f->writes[w].device || f->writes[w].device == address)
                add_shadow_writes(s->p, k, &f->writes[w], 1);
    }
}

bool refs_bring_shadow(struct settle *s, const struct ref_entry *e, const struct verdict *v)
{
    struct machine_planner *p = s->p;
    struct copied *k = refs_guest_copy(s, e->target);
    struct src where = v->statement ? v->statement->at : refs_place(s->k);
    if (k && !k->description)
        return true; // the machine has the provider itself
    if (k && !k->shadow) {
        struct diag *d = diag(p->c->diags, E0414, where, "%s is both shadowed (`shadow`) and copied (`copy`)",
                              dt_path(p->c->arena, e->target));
        diag_note(d, k->guest->origin->at, "it is copied for this statement");
        diag_help(d, "write `shadow` for both");
        return false;
    }
    if (!k)
        k = make_shadow(p, e->target, s->k, where);
    if (k && v->statement)
        add_writes_of_statement(s, k, v->statement);
    else if (k)
        add_writes_of_class(s, k);
    return k;
}
