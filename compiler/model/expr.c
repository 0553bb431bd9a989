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
    uint32_t depth; // of expressions in each other, through consts and strings
};

enum {
    MAX_EVAL = 1000,     // so that recursion is bounded whatever is written
    MAX_TEXT = 64 * 1024 // bytes of one string: consts that hold each other could make it of any length
};

static bool eval(struct eval *ev, const struct expr *e, struct value *v);

static bool const_at(struct consts *cs, const char *name, struct src user, uint32_t depth, struct value *v,
                     bool *known);
static const char *text_at_depth(struct machc *c, struct frame *f, const struct via *via, const struct text *t,
                                 uint32_t depth);

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
        struct diag *d =
            diag(ev->c->diags, E0201, src_of(ev, e->loc), "\"%.60s\" is a string; a number is needed here", v.s);
        if (e->kind == EXPR_STR)
            diag_help(d, "write the number without quotes");
        else if (e->kind == EXPR_NAME)
            diag_help(d, "give `%s` a number, or use another name here", e->name.s);
        else
            diag_help(d, "strings can only be compared, with `==` and `!=`");
        return false;
    }
    *u = v.u;
    return true;
}

static bool unknown_name(struct eval *ev, const struct expr *e, struct consts *cs)
{
    VEC(const char *) names = {0};
    for (const struct frame *f = ev->frame; f; f = f->outer)
        if (f->name)
            vec_push(ev->c->arena, &names, f->name);
    for (uint32_t i = 0; cs && i < cs->names.n && names.n < 1000; i++)
        vec_push(ev->c->arena, &names, cs->names.at[i]);
    const char *near = diags_nearest(ev->c->diags, e->name.s, names.at, names.n);
    if (!near && cs && cs->incomplete) { // it may be in text that could not be read
        cs->lost++;
        return false;
    }
    struct diag *d = diag(ev->c->diags, E0202, src_of(ev, e->loc), "there is no const or parameter `%s`", e->name.s);
    if (near) {
        diag_did_you_mean(d, "", e->name.s, near);
    } else if (ev->via && !strncmp(ev->via->what, "template", 8)) {
        diag_help(d, "make it a parameter of the template, or define it at the top of a file: `const %s = 0;`",
                  e->name.s);
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
            if (const_at(f->consts, e->name.s, src_of(ev, e->loc), ev->depth, v, &known))
                return true;
            return known ? false : unknown_name(ev, e, f->consts);
        }
    }
    return unknown_name(ev, e, NULL);
}

static bool overflow(struct eval *ev, const struct expr *e, uint64_t a, const char *op, uint64_t b)
{
    struct diag *d = diag(ev->c->diags, E0203, src_of(ev, e->loc),
                          "0x%" PRIx64 " %s 0x%" PRIx64 " does not fit in 64 bits", a, op, b);
    diag_help(d, "the largest number is 0xffffffffffffffff");
    return false;
}

static bool by_zero(struct eval *ev, const struct expr *e)
{
    diag_help(diag(ev->c->diags, E0204, src_of(ev, e->b->loc), "division by zero"),
              "the right side of `%c` must not be 0", e->op);
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
            struct diag *d =
                diag(ev->c->diags, E0205, src_of(ev, e->loc), "%" PRIu64 " - %" PRIu64 " is less than zero", a, b);
            diag_help(d, "numbers have no sign; only in device tree source a negative one wraps around");
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
            const struct value *s = x.s ? &x : &y, *n = x.s ? &y : &x;
            struct diag *d = diag(ev->c->diags, E0206, src_of(ev, e->loc),
                                  "a string and a number cannot be compared: \"%.60s\" and %" PRIu64, s->s, n->u);
            diag_help(d, "make both numbers or both strings: `\"{NAME}\"` is the string of a number");
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
            struct diag *d = diag(ev->c->diags, E0205, src_of(ev, e->loc), "-%" PRIu64 " is less than zero", a);
            diag_help(d, "numbers have no sign; only in device tree source a negative one wraps around");
            return false;
        }
        return true;
    }
}

static struct consts *consts_of(const struct frame *f)
{
    while (f && f->outer)
        f = f->outer;
    return f ? f->consts : NULL;
}

static bool eval_kind(struct eval *ev, const struct expr *e, struct value *v)
{
    uint64_t a;
    switch (e->kind) {
    case EXPR_BAD:
        if (consts_of(ev->frame))
            consts_of(ev->frame)->lost++;
        return false;
    case EXPR_INT:
        *v = (struct value){NULL, e->val};
        return true;
    case EXPR_STR:
        *v = (struct value){text_at_depth(ev->c, ev->frame, ev->via, &e->name, ev->depth), 0};
        return v->s != NULL;
    case EXPR_NAME:
        return eval_named(ev, e, v);
    case EXPR_ATTR:
    case EXPR_INDEX:
        if (!ev->attr) {
            struct diag *d =
                diag(ev->c->diags, E0207, src_of(ev, e->loc), "attributes of machines can be used in `assert` only");
            diag_help(d, "they are computed from everything else: give the value a name, `const NAME = VALUE;`, and "
                         "use it in both places");
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

static bool eval(struct eval *ev, const struct expr *e, struct value *v)
{
    if (ev->depth == MAX_EVAL) {
        struct diag *d = diag(ev->c->diags, E0232, src_of(ev, e->loc),
                              "the value depends on more than %d others inside of each other", MAX_EVAL);
        diag_help(d, "let the consts depend on fewer others");
        return false;
    }
    ev->depth++;
    bool ok = eval_kind(ev, e, v);
    ev->depth--;
    return ok;
}

bool expr_eval(struct machc *c, struct frame *f, const struct via *via, const struct expr *e, attr_fn *attr,
               void *opaque, struct value *v)
{
    struct eval ev = {.c = c, .frame = f, .attr = attr, .opaque = opaque, .via = via};
    return eval(&ev, e, v);
}

bool dts_eval_frame(void *opaque, const struct expr *e, uint64_t *value)
{
    struct dts_env *env = opaque;
    struct eval ev = {.c = env->c, .frame = env->frame, .dts = true, .via = env->via};
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
    return const_at(cs, name, user, 0, v, known);
}

static bool const_at(struct consts *cs, const char *name, struct src user, uint32_t depth, struct value *v, bool *known)
{
    struct const_def *d = map_getp(&cs->by_name, name, NULL);
    *known = d != NULL;
    if (!d)
        return false;
    d->used = true;
    if (d->state == CONST_BAD) {
        cs->lost++;
        return false;
    }
    if (d->state == CONST_BUSY) {
        struct diag *m =
            diag(cs->c->diags, E0208, at(&d->scope, d->st->name.loc), "const `%s` needs its own value", name);
        diag_note(m, user, "used here on the way to it");
        diag_help(m, "write the value of one of them as a number");
        d->state = CONST_BAD;
        return false;
    }
    if (d->state == CONST_NEW) {
        d->state = CONST_BUSY;
        struct eval ev = {.c = cs->c, .frame = d->scope.frame, .via = d->scope.via, .depth = depth};
        bool ok = eval(&ev, d->st->e, &d->v);
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
    struct eval ev = {.c = b->c, .frame = s->frame, .via = s->via};
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
        struct diag *d =
            diag(b->c->diags, E0209, at(s, e->loc), "%s %" PRIu64 " is out of range: 0..%" PRIu32, what, u, max);
        diag_help(d, "write a number from 0 to %" PRIu32, max);
        return false;
    }
    *v = (uint32_t)u;
    return true;
}

static const char *text_at_depth(struct machc *c, struct frame *f, const struct via *via, const struct text *t,
                                 uint32_t depth)
{
    if (t->kind == TEXT_NONE)
        return NULL;
    if (!t->parts)
        return t->s;
    VEC(char) all = {0};
    for (const struct text_part *p = t->parts; p; p = p->next) {
        char digits[24];
        const char *piece = p->literal;
        if (!piece) {
            struct eval ev = {.c = c, .frame = f, .via = via, .depth = depth};
            struct value v;
            if (!eval(&ev, p->e, &v))
                return NULL;
            if (!v.s)
                snprintf(digits, sizeof digits, p->hex ? "%" PRIx64 : "%" PRIu64, v.u);
            piece = v.s ? v.s : digits;
        }
        if (all.n + strlen(piece) > MAX_TEXT) {
            struct diag *d =
                diag(c->diags, E0233, (struct src){t->loc, via}, "the string has more than %d bytes", MAX_TEXT);
            diag_help(d, "check whether the consts in it contain each other");
            return NULL;
        }
        for (; *piece; piece++)
            vec_push(c->arena, &all, *piece);
    }
    vec_push(c->arena, &all, '\0');
    return intern(c->names, all.at);
}

const char *eval_text(struct build *b, const struct scope *s, const struct text *t)
{
    return t ? text_at_depth(b->c, s->frame, s->via, t, 0) : NULL;
}

const char *eval_name(struct build *b, const struct scope *s, const struct text *t)
{
    const char *name = eval_text(b, s, t);
    if (!name)
        return NULL;
    bool good = (name[0] >= 'a' && name[0] <= 'z') || (name[0] >= 'A' && name[0] <= 'Z') || name[0] == '_';
    for (const char *p = name; *p && good; p++)
        good =
            (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '_' || *p == '-';
    if (good)
        return name;
    struct diag *d = diag(b->c->diags, E0210, at(s, t->loc), "`%s` cannot be a name", name);
    diag_help(d, "a name starts with a letter or `_`, and has letters, digits, `_` and `-`");
    return NULL;
}
