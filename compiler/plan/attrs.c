// SPDX-License-Identifier: MIT
// assert: what can be said of the planned machines.
#include "plan/work.h"

#include <inttypes.h>

struct asked {
    struct planner *p;
    struct src at;
    bool chosen; // a value was asked for that the compiler chose, or counted
};

typedef VEC(const char *) name_list;

static struct diag *refuse(struct asked *a, enum msg code, struct loc loc, const char *text, const char *word,
                           const name_list *known, const char *otherwise)
{
    struct diag *d = diag(a->p->c->diags, code, (struct src){loc, a->at.via}, "%s", text);
    const char *near = nearest(word, known->at, known->n);
    if (near)
        diag_did_you_mean(d, "", word, near);
    else
        diag_help(d, "%s", otherwise);
    return d;
}

static const struct p_machine *machine_of(struct asked *a, const struct expr *e)
{
    struct machc *c = a->p->c;
    const struct plan *plan = a->p->plan;
    name_list names = {0};
    for (uint32_t i = 0; i < plan->machines.n; i++) {
        if (plan->machines.at[i]->name == e->name.s)
            return plan->machines.at[i];
        if (names.n < 1000)
            vec_push(c->arena, &names, plan->machines.at[i]->name);
    }
    if (!plan->model->incomplete)
        refuse(a, E0229, e->loc, arena_printf(c->arena, "there is no machine `%s`", e->name.s), e->name.s, &names,
               "write MACHINE.cpus or MACHINE.NAME.ATTRIBUTE, NAME being of its memory or devices");
    return NULL;
}

// `words`: what there is, the last one NULL.
static bool no_attr(struct asked *a, const struct expr *e, const char *what, const char *const *words)
{
    struct machc *c = a->p->c;
    name_list known = {0};
    const char *list = "";
    for (; *words; words++) {
        vec_push(c->arena, &known, *words);
        list = arena_printf(c->arena, "%s%s`%s`", list, *list ? ", " : "", *words);
    }
    struct loc last = e->name.loc;
    refuse(a, E0228, last, arena_printf(c->arena, "%s has no attribute `%s`", what, e->name.s), e->name.s, &known,
           *list ? arena_printf(c->arena, "it has %s", list) : "it has none");
    return false;
}

static bool memory_attr(struct asked *a, const struct expr *e, const struct p_memory *m, struct value *v)
{
    bool physical = m->m->backing == BACK_PHYSICAL;
    const char *n = e->name.s, *const known[] = {"address", "size", physical ? "physical" : NULL, NULL};
    v->s = NULL;
    if (!strcmp(n, "address"))
        v->u = m->address;
    else if (!strcmp(n, "size"))
        v->u = m->size;
    else if (!strcmp(n, "physical") && physical)
        v->u = m->m->back_arg.value;
    else
        return no_attr(a, e, arena_printf(a->p->c->arena, "memory `%s`", m->m->name), known);
    a->chosen |= !strcmp(n, "address") && m->how == HOW_CHOSEN;
    return true;
}

static bool device_attr(struct asked *a, const struct expr *e, const struct p_device *d, struct value *v)
{
    const char *n = e->name.s, *known[6];
    uint32_t nknown = 0;
    // `address` and `size` are those of its first region, `irq` is its first line.
    const struct p_region *r = d->regions.n && d->regions.at[0]->mode != REGION_DROP ? d->regions.at[0] : NULL;
    const struct p_irq *i = d->irqs.n && !d->irqs.at[0]->drop ? d->irqs.at[0] : NULL;
    if (r) {
        known[nknown++] = "address";
        known[nknown++] = "size";
    }
    if (i)
        known[nknown++] = "irq";
    known[nknown++] = "regions";
    known[nknown++] = "irqs";
    known[nknown] = NULL;
    v->s = NULL;
    a->chosen = true;
    if (r && !strcmp(n, "address"))
        v->u = r->guest;
    else if (r && !strcmp(n, "size"))
        v->u = r->size;
    else if (i && !strcmp(n, "irq"))
        v->u = i->number;
    else if (!strcmp(n, "regions"))
        v->u = d->regions.n;
    else if (!strcmp(n, "irqs"))
        v->u = d->irqs.n;
    else
        return no_attr(a, e, arena_printf(a->p->c->arena, "device `%s`", d->name), known);
    return true;
}

static bool machine_attr(struct asked *a, const struct expr *e, const struct p_machine *m, struct value *v)
{
    static const char *const known[] = {"cpus", NULL};
    if (strcmp(e->name.s, "cpus")) {
        for (uint32_t i = 0; i < m->memory.n + m->devices.n; i++) {
            const char *name = i < m->memory.n ? m->memory.at[i].m->name : m->devices.at[i - m->memory.n]->name;
            if (name == e->name.s) {
                struct diag *d = diag(a->p->c->diags, E0228, (struct src){e->loc, a->at.via}, "`%s.%s` is not a value",
                                      m->name, name);
                diag_help(d, "name one of its attributes: `%s.%s.size`", m->name, name);
                return false;
            }
        }
        return no_attr(a, e, arena_printf(a->p->c->arena, "machine `%s`", m->name), known);
    }
    *v = (struct value){NULL, m->cpus.n};
    return m->m->cpus.set; // if not, it has its message
}

/* MACHINE.cpus, MACHINE.NAME.ATTRIBUTE */
static bool attribute(void *opaque, const struct expr *e, struct value *v)
{
    struct asked *a = opaque;
    const struct expr *left = e->a;
    if (left->kind == EXPR_ATTR && left->a->kind == EXPR_ATTR) {
        static const char *const none[] = {NULL};
        return no_attr(a, e, arena_printf(a->p->c->arena, "the number `%s`", left->name.s), none);
    }
    const struct p_machine *m = machine_of(a, left->kind == EXPR_ATTR ? left->a : left);
    if (!m || m->m->incomplete)
        return false;
    if (left->kind != EXPR_ATTR)
        return machine_attr(a, e, m, v);
    name_list names = {0};
    for (uint32_t i = 0; i < m->memory.n; i++) {
        if (m->memory.at[i].m->name == left->name.s)
            return memory_attr(a, e, &m->memory.at[i], v);
        vec_push(a->p->c->arena, &names, m->memory.at[i].m->name);
    }
    for (uint32_t i = 0; i < m->devices.n; i++) {
        if (m->devices.at[i]->name == left->name.s)
            return device_attr(a, e, m->devices.at[i], v);
        vec_push(a->p->c->arena, &names, m->devices.at[i]->name);
    }
    // What is named, but could not be planned, has its message.
    bool named = map_getp(&m->m->named, left->name.s, NULL) != NULL;
    if (!named || !diags_errors(a->p->c->diags))
        refuse(a, E0230, left->name.loc,
               arena_printf(a->p->c->arena, "machine `%s` has no memory or device `%s`", m->name, left->name.s),
               left->name.s, &names,
               named ? "it is an irqchip: only memory and devices have attributes"
                     : "`--emit=plan` lists the names of a machine");
    return false;
}

static const char *operator_text(uint16_t op)
{
    switch (op) {
    case OP_EQ:
        return "==";
    case OP_NE:
        return "!=";
    case OP_LE:
        return "<=";
    case OP_GE:
        return ">=";
    case '<':
        return "<";
    case '>':
        return ">";
    default:
        return NULL;
    }
}

static const char *show(struct machc *c, const struct value *v)
{
    return v->s ? arena_printf(c->arena, "\"%s\"", v->s) : arena_printf(c->arena, "0x%" PRIx64, v->u);
}

/* Both sides of the comparisons that do not hold: of `a && b`, the first. */
static void show_sides(struct asked *a, const struct m_assert *s, const struct expr *e, struct diag *d)
{
    struct machc *c = a->p->c;
    while (e->kind == EXPR_BINARY && e->op == OP_AND) {
        struct value left;
        if (!expr_eval(c, s->frame, a->at.via, e->a, attribute, a, &left))
            return;
        e = left.u ? e->b : e->a;
    }
    const char *op = e->kind == EXPR_BINARY ? operator_text(e->op) : NULL;
    struct value x, y;
    if (op && expr_eval(c, s->frame, a->at.via, e->a, attribute, a, &x) &&
        expr_eval(c, s->frame, a->at.via, e->b, attribute, a, &y))
        diag_label(d, "%s %s %s", show(c, &x), op, show(c, &y));
}

void check_asserts(struct planner *p)
{
    uint32_t errors = diags_errors(p->c->diags);
    for (uint32_t i = 0; i < p->model->asserts.n; i++) {
        const struct m_assert *s = &p->model->asserts.at[i];
        struct asked a = {p, s->at, false};
        struct value v;
        if (!expr_eval(p->c, s->frame, s->at.via, s->e, attribute, &a, &v))
            continue;
        if (v.s) {
            struct diag *d = diag(p->c->diags, E0201, (struct src){s->e->loc, s->at.via},
                                  "\"%.60s\" is a string; an `assert` is of a number", v.s);
            diag_help(d, "write a comparison: `assert %s == ...`", s->e->kind == EXPR_NAME ? s->e->name.s : "NAME");
            continue;
        }
        // What the compiler chooses is not worth much when something else is wrong.
        if (v.u || (a.chosen && errors))
            continue;
        struct diag *d = diag(p->c->diags, E0231, (struct src){s->e->loc, s->at.via}, "%s",
                              s->message ? s->message : "this does not hold");
        show_sides(&a, s, s->e, d);
        diag_help(d, "change one of the values, or the `assert`");
    }
}
