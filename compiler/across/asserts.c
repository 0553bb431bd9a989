// SPDX-License-Identifier: MIT
// Evaluates `assert` statements, when everything is decided.
#include "across/across.h"
#include "across/assert_values.h"

#include <inttypes.h>

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

static const char *value_text(struct machc *c, const struct value *v)
{
    return v->s ? arena_printf(c->arena, "\"%s\"", v->s) : arena_printf(c->arena, "0x%" PRIx64, v->u);
}

/* Labels the message with both sides of the comparison that fails: for `a && b`, of the first one. */
static void show_sides(struct asked *a, const struct m_assert *s, const struct expr *e, struct diag *d)
{
    struct machc *c = a->p->c;
    while (e->kind == EXPR_BINARY && e->op == OP_AND) {
        struct value left;
        if (!expr_eval(c, s->frame, a->at.via, e->a, assert_value, a, &left))
            return;
        e = left.u ? e->b : e->a;
    }
    const char *op = e->kind == EXPR_BINARY ? operator_text(e->op) : NULL;
    struct value x, y;
    if (op && expr_eval(c, s->frame, a->at.via, e->a, assert_value, a, &x) &&
        expr_eval(c, s->frame, a->at.via, e->b, assert_value, a, &y))
        diag_label(d, "%s %s %s", value_text(c, &x), op, value_text(c, &y));
}

void check_asserts(struct planner *p)
{
    uint32_t errors = diags_errors(p->c->diags);
    struct asked_before before = {0};
    for (uint32_t i = 0; i < p->model->asserts.n; i++) {
        const struct m_assert *s = &p->model->asserts.at[i];
        struct asked a = {p, &before, s->frame, s->at, false};
        struct value v;
        if (!expr_eval(p->c, s->frame, s->at.via, s->e, assert_value, &a, &v))
            continue;
        if (v.s) {
            struct diag *d = diag(p->c->diags, E0201, (struct src){s->e->loc, s->at.via},
                                  "\"%.60s\" is a string; `assert` needs a number", v.s);
            diag_help(d, "write a comparison: `assert %s == ...`", s->e->kind == EXPR_NAME ? s->e->name.s : "NAME");
            continue;
        }
        // After another error, the compiler may choose other values, so a failure would mean nothing.
        if (v.u || (a.chosen && errors))
            continue;
        struct diag *d = diag(p->c->diags, E0231, (struct src){s->e->loc, s->at.via}, "%s",
                              s->message ? s->message : "assertion failed");
        show_sides(&a, s, s->e, d);
        diag_help(d, "change one of the values, or the `assert`");
    }
}
