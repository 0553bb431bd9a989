// SPDX-License-Identifier: MIT
// assert: what can be said of the planned machines.
#include "plan/work.h"

struct asked {
    struct planner *p;
    struct src at;
};

static const struct p_machine *machine_of(struct planner *p, const char *name)
{
    for (uint32_t i = 0; i < p->plan->machines.n; i++)
        if (!strcmp(p->plan->machines.at[i]->name, name))
            return p->plan->machines.at[i];
    return NULL;
}

static bool no_attr(struct asked *a, const struct expr *e, const char *what, const char *known)
{
    diag_help(diag(a->p->c->diags, E0228, (struct src){e->loc, a->at.via}, "%s has no attribute `%s`", what, e->name.s), "it has %s", known);
    return false;
}

static bool memory_attr(struct asked *a, const struct expr *e, const struct p_memory *m, struct value *v)
{
    const char *n = e->name.s;
    v->s = NULL;
    if (!strcmp(n, "address"))
        v->u = m->address;
    else if (!strcmp(n, "size"))
        v->u = m->size;
    else if (!strcmp(n, "physical") && m->m->backing == BACK_PHYSICAL)
        v->u = m->m->back_arg.value;
    else
        return no_attr(a, e, "memory", m->m->backing == BACK_PHYSICAL ? "`address`, `size`, `physical`" : "`address`, `size`");
    return true;
}

static bool device_attr(struct asked *a, const struct expr *e, const struct p_device *d, struct value *v)
{
    const char *n = e->name.s;
    const struct p_region *r = d->regions.n ? d->regions.at[0] : NULL;
    const struct p_irq *i = d->irqs.n ? d->irqs.at[0] : NULL;
    v->s = NULL;
    if (r && !strcmp(n, "address"))
        v->u = r->guest;
    else if (r && !strcmp(n, "size"))
        v->u = r->size;
    else if (i && !i->drop && !strcmp(n, "irq"))
        v->u = i->number;
    else if (!strcmp(n, "regions"))
        v->u = d->regions.n;
    else if (!strcmp(n, "irqs"))
        v->u = d->irqs.n;
    else
        return no_attr(a, e, "a device", "`address` and `size` (of its first region), `irq` (its first line), `regions`, `irqs`");
    return true;
}

static bool machine_attr(struct asked *a, const struct expr *e, const struct p_machine *m, struct value *v)
{
    if (strcmp(e->name.s, "cpus"))
        return no_attr(a, e, "a machine", "`cpus`, and `NAME.ATTRIBUTE` of its memory and devices");
    *v = (struct value){NULL, m->cpus.n};
    return true;
}

/* MACHINE.cpus, MACHINE.NAME.ATTRIBUTE */
static bool attribute(void *opaque, const struct expr *e, struct value *v)
{
    struct asked *a = opaque;
    const struct expr *left = e->a;
    const struct expr *first = left->kind == EXPR_ATTR ? left->a : left;
    const struct p_machine *m = first->kind == EXPR_NAME ? machine_of(a->p, first->name.s) : NULL;
    if (!m) {
        diag_help(diag(a->p->c->diags, E0229, (struct src){first->loc, a->at.via}, "there is no machine `%s`", first->kind == EXPR_NAME ? first->name.s : "?"),
                  "an attribute is MACHINE.NAME.ATTRIBUTE");
        return false;
    }
    if (left->kind != EXPR_ATTR)
        return machine_attr(a, e, m, v);
    for (uint32_t i = 0; i < m->memory.n; i++)
        if (m->memory.at[i].m->name == left->name.s)
            return memory_attr(a, e, &m->memory.at[i], v);
    for (uint32_t i = 0; i < m->devices.n; i++)
        if (m->devices.at[i]->name == left->name.s)
            return device_attr(a, e, m->devices.at[i], v);
    diag(a->p->c->diags, E0230, (struct src){left->loc, a->at.via}, "machine `%s` has no memory or device `%s`", m->name, left->name.s);
    return false;
}

void check_asserts(struct planner *p)
{
    for (uint32_t i = 0; i < p->model->asserts.n; i++) {
        const struct m_assert *s = &p->model->asserts.at[i];
        struct asked a = {p, s->at};
        struct value v;
        if (!expr_eval(p->c, s->frame, s->e, false, attribute, &a, &v))
            continue;
        if (v.s || !v.u)
            diag(p->c->diags, E0231, s->at, "%s", s->message ? s->message : "the assertion does not hold");
    }
}
