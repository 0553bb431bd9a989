// SPDX-License-Identifier: MIT
#include "model/build.h"

#include <inttypes.h>
#include <stdlib.h>

struct eval {
    struct machc *c;
    struct frame *frame;
    bool dts;
    attr_fn *attr;
    void *opaque;
    const struct via *via;
};

static bool eval(struct eval *ev, const struct expr *e, struct value *v);

static struct src src_of(const struct eval *ev, struct loc loc)
{
    return (struct src){loc, ev->via};
}

static bool number(struct eval *ev, const struct expr *e, uint64_t *u)
{
    struct value v;
    if (!eval(ev, e, &v))
        return false;
    if (v.s) {
        diag(ev->c->diags, E0201, src_of(ev, e->loc), "\"%s\" is a string; a number is needed here", v.s);
        return false;
    }
    *u = v.u;
    return true;
}

static bool unknown_name(struct eval *ev, const struct expr *e, const struct consts *cs)
{
    struct diag *d = diag(ev->c->diags, E0202, src_of(ev, e->loc), "there is no const or parameter `%s`", e->name.s);
    VEC(const char *) names = {0};
    for (const struct frame *f = ev->frame; f; f = f->outer)
        if (f->name)
            vec_push(ev->c->arena, &names, f->name);
    for (uint32_t i = 0; cs && i < cs->names.n && names.n < 1000; i++)
        vec_push(ev->c->arena, &names, cs->names.at[i]);
    const char *near = nearest(e->name.s, names.at, names.n);
    if (near) {
        diag_help(d, "did you mean `%s`?", near);
        diag_fix(d, e->loc, "%s", near);
    } else {
        diag_help(d, "define it at the top of the file: `const %s = 0;`", e->name.s);
    }
    return false;
}

static bool eval_named(struct eval *ev, const struct expr *e, struct value *v)
{
    const struct frame *f = ev->frame;
    for (; f; f = f->outer) {
        if (f->name == e->name.s && f->name) {
            *v = f->v;
            return true;
        }
        if (!f->outer && f->consts) {
            bool known = false;
            if (const_value(f->consts, e->name.s, src_of(ev, e->loc), v, &known))
                return true;
            return known ? false : unknown_name(ev, e, f->consts);
        }
    }
    return unknown_name(ev, e, NULL);
}

static bool overflow(struct eval *ev, const struct expr *e, uint64_t a, const char *op, uint64_t b)
{
    diag(ev->c->diags, E0203, src_of(ev, e->loc), "0x%" PRIx64 " %s 0x%" PRIx64 " does not fit in 64 bits", a, op, b);
    return false;
}

static bool by_zero(struct eval *ev, const struct expr *e)
{
    diag(ev->c->diags, E0204, src_of(ev, e->loc), "division by zero");
    return false;
}

static bool arithmetic(struct eval *ev, const struct expr *e, uint64_t a, uint64_t b, uint64_t *r)
{
    bool dts = ev->dts;
    switch (e->op) {
    case '+':
        return !__builtin_add_overflow(a, b, r) || dts || overflow(ev, e, a, "+", b);
    case '*':
        return !__builtin_mul_overflow(a, b, r) || dts || overflow(ev, e, a, "*", b);
    case '-':
        *r = a - b;
        if (a < b && !dts) {
            diag(ev->c->diags, E0205, src_of(ev, e->loc), "%" PRIu64 " - %" PRIu64 " is less than zero", a, b);
            return false;
        }
        return true;
    case '/':
        if (!b)
            return by_zero(ev, e);
        *r = a / b;
        return true;
    case '%':
        if (!b)
            return by_zero(ev, e);
        *r = a % b;
        return true;
    case OP_SHL:
        *r = b < 64 ? a << b : 0;
        if (!dts && (b >= 64 ? a != 0 : (*r >> b) != a))
            return overflow(ev, e, a, "<<", b);
        return true;
    case OP_SHR:
        *r = b < 64 ? a >> b : 0;
        return true;
    case '&':
        *r = a & b;
        return true;
    case '|':
        *r = a | b;
        return true;
    case '^':
        *r = a ^ b;
        return true;
    case '<':
        *r = a < b;
        return true;
    case '>':
        *r = a > b;
        return true;
    case OP_LE:
        *r = a <= b;
        return true;
    case OP_GE:
        *r = a >= b;
        return true;
    case OP_EQ:
        *r = a == b;
        return true;
    case OP_NE:
        *r = a != b;
        return true;
    default:
        *r = 0;
        return true;
    }
}

static bool binary(struct eval *ev, const struct expr *e, struct value *v)
{
    v->s = NULL;
    uint64_t a, b;
    if (e->op == OP_AND || e->op == OP_OR) {
        if (!number(ev, e->a, &a))
            return false;
        v->u = a != 0;
        if (v->u == (e->op == OP_OR))
            return true;
        if (!number(ev, e->b, &b))
            return false;
        v->u = b != 0;
        return true;
    }
    if (e->op == OP_EQ || e->op == OP_NE) {
        struct value x, y;
        if (!eval(ev, e->a, &x) || !eval(ev, e->b, &y))
            return false;
        if (!x.s != !y.s) {
            diag(ev->c->diags, E0206, src_of(ev, e->loc), "a string and a number cannot be compared");
            return false;
        }
        if (x.s) {
            v->u = !strcmp(x.s, y.s) == (e->op == OP_EQ);
            return true;
        }
        return arithmetic(ev, e, x.u, y.u, &v->u);
    }
    return number(ev, e->a, &a) && number(ev, e->b, &b) && arithmetic(ev, e, a, b, &v->u);
}

static bool unary(struct eval *ev, const struct expr *e, struct value *v)
{
    uint64_t a;
    if (!number(ev, e->a, &a))
        return false;
    v->s = NULL;
    switch (e->op) {
    case '!':
        v->u = !a;
        return true;
    case '~':
        v->u = ~a;
        return true;
    default:
        v->u = 0 - a;
        if (a && !ev->dts) {
            diag(ev->c->diags, E0205, src_of(ev, e->loc), "-%" PRIu64 " is less than zero", a);
            return false;
        }
        return true;
    }
}

static bool eval(struct eval *ev, const struct expr *e, struct value *v)
{
    uint64_t a;
    switch (e->kind) {
    case EXPR_INT:
        *v = (struct value){NULL, e->val};
        return true;
    case EXPR_STR:
        if (e->name.parts) {
            struct build b = {.c = ev->c};
            struct scope s = {.frame = ev->frame, .via = ev->via};
            *v = (struct value){eval_text(&b, &s, &e->name), 0};
            return v->s != NULL;
        }
        *v = (struct value){e->name.s, 0};
        return true;
    case EXPR_NAME:
        return eval_named(ev, e, v);
    case EXPR_ATTR:
        if (!ev->attr) {
            diag(ev->c->diags, E0207, src_of(ev, e->loc), "attributes of machines are known to `assert` only");
            return false;
        }
        return ev->attr(ev->opaque, e, v);
    case EXPR_UNARY:
        return unary(ev, e, v);
    case EXPR_COND:
        return number(ev, e->a, &a) && eval(ev, a ? e->b : e->c, v);
    default:
        return binary(ev, e, v);
    }
}

static bool eval_via(struct machc *c, struct frame *f, const struct via *via, const struct expr *e, bool dts,
                     attr_fn *attr, void *opaque, struct value *v)
{
    struct eval ev = {c, f, dts, attr, opaque, via};
    return eval(&ev, e, v);
}

bool expr_eval(struct machc *c, struct frame *f, const struct expr *e, bool dts, attr_fn *attr, void *opaque,
               struct value *v)
{
    return eval_via(c, f, NULL, e, dts, attr, opaque, v);
}

bool dts_eval_frame(void *opaque, const struct expr *e, uint64_t *value)
{
    struct dts_env *env = opaque;
    struct eval ev = {env->c, env->frame, true, NULL, NULL, NULL};
    return number(&ev, e, value);
}

struct frame *frame_with(struct machc *c, struct frame *outer, const char *name, uint64_t value)
{
    struct frame *f = NEW(c->arena, struct frame);
    f->outer = outer;
    f->name = intern(c->names, name);
    f->v.u = value;
    return f;
}

bool const_value(struct consts *cs, const char *name, struct src user, struct value *v, bool *known)
{
    struct const_def *d = map_getp(&cs->by_name, name, NULL);
    *known = d != NULL;
    if (!d || d->state == CONST_BAD)
        return false;
    if (d->state == CONST_BUSY) {
        struct diag *m = diag(cs->c->diags, E0208, at(&d->scope, d->st->name.loc), "const `%s` needs its own value", name);
        diag_note(m, user, "used here on the way to it");
        d->state = CONST_BAD;
        return false;
    }
    if (d->state == CONST_NEW) {
        d->state = CONST_BUSY;
        bool ok = eval_via(cs->c, d->scope.frame, d->scope.via, d->st->e, false, NULL, NULL, &d->v);
        if (d->state == CONST_BAD || !ok) {
            d->state = CONST_BAD;
            return false;
        }
        d->state = CONST_DONE;
    }
    *v = d->v;
    return true;
}

bool eval_u64(struct build *b, const struct scope *s, const struct expr *e, uint64_t *v)
{
    struct eval ev = {b->c, s->frame, false, NULL, NULL, s->via};
    return number(&ev, e, v);
}

bool eval_opt(struct build *b, const struct scope *s, const struct expr *e, struct opt_u64 *o)
{
    o->at = at(s, e->loc);
    o->set = eval_u64(b, s, e, &o->value);
    return o->set;
}

bool eval_u32(struct build *b, const struct scope *s, const struct expr *e, uint32_t max, const char *what, uint32_t *v)
{
    uint64_t u;
    if (!eval_u64(b, s, e, &u))
        return false;
    if (u > max) {
        diag(b->c->diags, E0209, at(s, e->loc), "%s %" PRIu64 " is out of range: 0..%" PRIu32, what, u, max);
        return false;
    }
    *v = (uint32_t)u;
    return true;
}

const char *eval_text(struct build *b, const struct scope *s, const struct text *t)
{
    if (t->kind == TEXT_NONE)
        return NULL;
    if (!t->parts)
        return t->s;
    const char *all = "";
    for (const struct text_part *p = t->parts; p; p = p->next) {
        if (p->literal) {
            all = arena_printf(b->c->arena, "%s%s", all, p->literal);
            continue;
        }
        struct value v;
        if (!eval_via(b->c, s->frame, s->via, p->e, false, NULL, NULL, &v))
            return NULL;
        if (v.s)
            all = arena_printf(b->c->arena, "%s%s", all, v.s);
        else
            all = arena_printf(b->c->arena, p->hex ? "%s%" PRIx64 : "%s%" PRIu64, all, v.u);
    }
    return intern(b->c->names, all);
}

const char *eval_name(struct build *b, const struct scope *s, const struct text *t)
{
    const char *name = eval_text(b, s, t);
    if (!name)
        return NULL;
    bool good = (name[0] >= 'a' && name[0] <= 'z') || (name[0] >= 'A' && name[0] <= 'Z') || name[0] == '_';
    for (const char *p = name; *p && good; p++)
        good = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '_' || *p == '-';
    if (good)
        return name;
    struct diag *d = diag(b->c->diags, E0210, at(s, t->loc), "`%s` cannot be a name", name);
    diag_help(d, "a name starts with a letter or `_`, and has letters, digits, `_` and `-`");
    return NULL;
}
