// SPDX-License-Identifier: MIT
// A syntax tree as text, for tests: `(memory ram (at 0x1000) (from hugetlb 2097152))`.
#ifndef TESTS_PARSE_DUMP_H
#define TESTS_PARSE_DUMP_H

#include "ast/ast.h"

#include <inttypes.h>
#include <stdio.h>

static void dump_expr(FILE *f, const struct expr *e);

static void dump_text(FILE *f, const struct text *t)
{
    static const char *const before[] = {"", "", "\"", "", "&", "&{"}, *const after[] = {"", "", "\"", "", "", "}"};
    fputs(before[t->kind], f);
    if (!t->parts)
        fputs(t->s, f);
    for (const struct text_part *p = t->parts; p; p = p->next) {
        if (p->literal) {
            fputs(p->literal, f);
            continue;
        }
        fputs("$", f);
        dump_expr(f, p->e);
        fputs(p->hex ? "$x" : "$", f);
    }
    fputs(after[t->kind], f);
}

static void dump_op(FILE *f, const struct expr *e)
{
    static const char *const words[] = {"<<", ">>", "<=", ">=", "==", "!=", "&&", "||"};
    if (e->op >= OP_SHL)
        fputs(words[e->op - OP_SHL], f);
    else
        fputc(e->op, f);
}

static void dump_expr(FILE *f, const struct expr *e)
{
    switch (e->kind) {
    case EXPR_INT:
        fprintf(f, "%" PRIu64, e->val);
        break;
    case EXPR_NAME:
    case EXPR_STR:
        dump_text(f, &e->name);
        break;
    case EXPR_ATTR:
        dump_expr(f, e->a);
        fputc('.', f);
        dump_text(f, &e->name);
        break;
    case EXPR_INDEX:
        dump_expr(f, e->a);
        fputc('[', f);
        dump_expr(f, e->b);
        fputc(']', f);
        break;
    case EXPR_UNARY:
        fputc('(', f);
        dump_op(f, e);
        dump_expr(f, e->a);
        fputc(')', f);
        break;
    case EXPR_BINARY:
        fputc('(', f);
        dump_expr(f, e->a);
        dump_op(f, e);
        dump_expr(f, e->b);
        fputc(')', f);
        break;
    case EXPR_BAD:
        fputs("bad", f);
        break;
    default:
        fputc('(', f);
        dump_expr(f, e->a);
        fputc('?', f);
        dump_expr(f, e->b);
        fputc(':', f);
        dump_expr(f, e->c);
        fputc(')', f);
    }
}

static void dump_value(FILE *f, const struct dts_value *v)
{
    for (; v; v = v->next) {
        if (v->kind == DTS_REF) {
            fputc(' ', f);
            dump_text(f, v->ref);
            continue;
        }
        fprintf(f, " %u:", v->bits);
        for (uint32_t i = 0; i < v->len; i++)
            fprintf(f, "%02x", v->data[i]);
        for (const struct dts_fixup *x = v->fixups; x; x = x->next) {
            fprintf(f, "@%u", x->offset);
            if (x->e)
                dump_expr(f, x->e);
            else
                dump_text(f, &x->ref);
        }
    }
}

static void dump_ops(FILE *f, const struct dts_op *op)
{
    static const char *const words[] = {"", "", "/delete-property/ ", "/delete-node/ ", "/omit-if-no-ref/ "};
    for (; op; op = op->next) {
        fputs(" [", f);
        for (const struct dts_label *l = op->labels; l; l = l->next)
            fprintf(f, "%s: ", l->name);
        fputs(words[op->kind], f);
        if (op->name)
            fputs(op->name, f);
        else
            dump_text(f, op->ref);
        if (op->kind == DTS_PROP && op->value) {
            fputs(" =", f);
            dump_value(f, op->value);
        }
        if (op->kind == DTS_NODE) {
            fputs(" {", f);
            dump_ops(f, op->ops);
            fputs(" }", f);
        }
        fputc(']', f);
    }
}

static void dump_ast(FILE *f, const struct ast *a)
{
    for (; a; a = a->next) {
        fprintf(f, "(%s", a->kind == AST_LOST ? "lost" : ast_keyword(a->kind));
        if (a->sub)
            fprintf(f, "#%u", a->sub);
        if (a->name.kind) {
            fputc(' ', f);
            dump_text(f, &a->name);
        }
        if (a->arg) {
            fputs(" : ", f);
            dump_text(f, a->arg);
        }
        if (a->e) {
            fputc(' ', f);
            dump_expr(f, a->e);
        }
        if ((a->kind == AST_FOR || a->kind == AST_STASH) && a->e2) {
            fputs(" .. ", f);
            dump_expr(f, a->e2);
        }
        for (const struct item *i = a->items; i; i = i->next) {
            fputs(i == a->items ? " <" : " ", f);
            if (i->t.kind)
                dump_text(f, &i->t);
            else
                dump_expr(f, i->e);
            if (i->e2) {
                fputs("..", f);
                dump_expr(f, i->e2);
            }
            if (!i->next)
                fputc('>', f);
        }
        if (a->kind == AST_TO)
            dump_value(f, a->dts_cells);
        if (a->kind == AST_NODE || a->kind == AST_EDIT)
            dump_ops(f, a->dts);
        if (a->body) {
            fputc(' ', f);
            dump_ast(f, a->body);
        }
        if (a->kind == AST_IF && a->alt) {
            fputs(" else ", f);
            dump_ast(f, a->alt);
        }
        fputc(')', f);
        if (a->next)
            fputc(' ', f);
    }
}

#endif
