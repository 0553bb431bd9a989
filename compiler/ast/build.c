// SPDX-License-Identifier: MIT
// Nodes of the tree, lists of them, and expressions.
#include "ast/parse.h"

struct ast *ast_new(struct parser *p, enum ast_kind kind, struct loc loc)
{
    struct ast *a = NEW(syntax_arena(p->c), struct ast);
    a->kind = (uint8_t)kind;
    a->loc = loc;
    return a;
}

struct ast_list list_of(struct ast *a)
{
    return (struct ast_list){a, a};
}

struct ast_list lost(struct parser *p, uint64_t skipped, struct loc loc)
{
    return list_of(skipped ? ast_new(p, AST_LOST, loc) : NULL);
}

const struct text *text_keep(struct arena *a, struct text t)
{
    struct text *kept = NEW(a, struct text);
    *kept = t;
    return kept;
}

void list_add(struct ast_list *l, struct ast *a)
{
    if (l->last)
        l->last->next = a;
    else
        l->head = a;
    l->last = a;
}

void list_join(struct ast_list *l, struct ast_list more)
{
    if (!more.head)
        return;
    if (l->last)
        l->last->next = more.head;
    else
        l->head = more.head;
    l->last = more.last;
}

static void body_add(struct ast *a, struct ast *clause)
{
    struct ast **at = &a->body; // at most a few: clauses that belong to a clause
    while (*at)
        at = &(*at)->next;
    *at = clause;
}

void add_clause(struct ast_list *l, struct ast *a)
{
    struct ast *last = l->last;
    bool belongs = last && !last->body && a->kind == AST_UNSAFE && (last->kind == AST_MAP || last->kind == AST_DMA);
    bool of_stash =
        last && last->kind == AST_STASH &&
        (a->kind == AST_VOLATILE || a->kind == AST_PERSISTENT || a->kind == AST_ENTRY || a->kind == AST_IF_POSSIBLE);
    // `irq 0 file "/dev/uio0" to ioapic 10` on the line of a device
    bool of_irq = last && last->kind == AST_IRQ &&
                  (a->kind == AST_TO || a->kind == AST_DROP || a->kind == AST_FILE || a->kind == AST_UNSAFE);
    if (belongs || of_stash || of_irq)
        body_add(last, a);
    else
        list_add(l, a);
}

struct ast_list with_siblings(struct ast *clause, struct ast_list more)
{
    struct ast_list l = list_of(clause);
    for (struct ast *a = more.head, *next; a; a = next) {
        next = a->next;
        a->next = NULL;
        add_clause(&l, a);
    }
    return l;
}

struct ast *with_body(struct ast *a, struct ast_list body)
{
    a->body = body.head;
    return a;
}

void chain_else(struct parser *p, struct ast *chain, struct ast_list block, struct ast *other)
{
    uint32_t n = 0;
    while (chain->alt && chain->alt->kind == AST_IF && n < MACH_MAX_NESTING) {
        chain = chain->alt;
        n++;
    }
    if (n == MACH_MAX_NESTING)
        report_too_deep(p, chain->loc);
    else
        chain->alt = other ? other : block.head;
}

struct item *item_text(struct parser *p, struct text t)
{
    struct item *i = NEW(p->c->arena, struct item);
    i->t = t;
    i->loc = t.loc;
    return i;
}

struct item *item_expr(struct parser *p, struct expr *e, struct expr *e2, struct loc loc)
{
    struct item *i = NEW(p->c->arena, struct item);
    i->e = e;
    i->e2 = e2;
    i->loc = loc;
    return i;
}

void item_add(struct item_list *l, struct item *i)
{
    if (l->last)
        l->last->next = i;
    else
        l->head = i;
    l->last = i;
}

struct text word_text(struct parser *p, const char *word, struct loc loc)
{
    return (struct text){intern(p->c->names, word), NULL, loc, TEXT_WORD};
}

static struct expr_height expr_new(struct parser *p, uint8_t kind, struct loc loc)
{
    struct expr *e = NEW(p->c->arena, struct expr);
    e->kind = kind;
    e->loc = loc;
    return (struct expr_height){e, 0};
}

struct expr_height expr_int(struct parser *p, uint64_t val, struct loc loc)
{
    if (p->nbad && (p->bad_number[0] == loc.start || p->bad_number[1] == loc.start))
        return expr_bad(p, loc);
    struct expr_height x = expr_new(p, EXPR_INT, loc);
    x.e->val = val;
    return x;
}

struct expr_height expr_bad(struct parser *p, struct loc loc)
{
    return expr_new(p, EXPR_BAD, loc);
}

struct expr_height expr_name(struct parser *p, struct text name, uint8_t kind)
{
    struct expr_height x = expr_new(p, kind, name.loc);
    x.e->name = name;
    return x;
}

// A node above others. Trees are kept low enough for passes that recurse.
static struct expr_height above(struct parser *p, uint8_t kind, int op, struct expr_height a, struct expr_height b,
                                struct expr_height c, struct loc loc)
{
    struct expr_height x = expr_new(p, kind, loc);
    x.e->op = (uint16_t)op;
    x.e->a = a.e;
    x.e->b = b.e;
    x.e->c = c.e;
    x.height = a.height > b.height ? a.height : b.height;
    x.height = (c.height > x.height ? c.height : x.height) + 1;
    if (x.height > MACH_MAX_NESTING) {
        report_too_deep(p, loc);
        return expr_int(p, 0, loc);
    }
    return x;
}

struct expr_height expr_attr(struct parser *p, struct expr_height a, struct text name, struct loc loc)
{
    struct expr_height none = {NULL, 0};
    struct expr_height x = above(p, EXPR_ATTR, 0, a, none, none, loc);
    x.e->name = name;
    return x;
}

struct expr_height expr_index(struct parser *p, struct expr_height a, struct expr_height b, struct loc loc)
{
    struct expr_height none = {NULL, 0};
    return above(p, EXPR_INDEX, 0, a, b, none, loc);
}

static uint64_t fold_unary(int op, uint64_t a)
{
    return op == '-' ? 0 - a : op == '~' ? ~a : !a;
}

// dtc's rules: everything is 64 bits without sign and wraps; a shift by 64 or more gives 0.
static uint64_t fold_binary(struct parser *p, int op, uint64_t a, uint64_t b, struct loc loc)
{
    switch (op) {
    case '*':
        return a * b;
    case '/':
    case '%':
        if (!b) {
            scan_help(scan_error(p, E0131, loc, "this divides by zero"), "the right side of `%c` must not be 0", op);
            return 0;
        }
        return op == '/' ? a / b : a % b;
    case '+':
        return a + b;
    case '-':
        return a - b;
    case OP_SHL:
        return b < 64 ? a << b : 0;
    case OP_SHR:
        return b < 64 ? a >> b : 0;
    case '<':
        return a < b;
    case '>':
        return a > b;
    case OP_LE:
        return a <= b;
    case OP_GE:
        return a >= b;
    case OP_EQ:
        return a == b;
    case OP_NE:
        return a != b;
    case '&':
        return a & b;
    case '^':
        return a ^ b;
    case '|':
        return a | b;
    case OP_AND:
        return a && b;
    default:
        return a || b;
    }
}

struct expr_height expr_unary(struct parser *p, int op, struct expr_height a, struct loc loc)
{
    struct expr_height none = {NULL, 0};
    if (p->fold && a.e->kind == EXPR_INT)
        return expr_int(p, fold_unary(op, a.e->val), loc);
    return above(p, EXPR_UNARY, op, a, none, none, loc);
}

struct expr_height expr_binary(struct parser *p, int op, struct expr_height a, struct expr_height b, struct loc loc)
{
    struct expr_height none = {NULL, 0};
    if (p->fold && a.e->kind == EXPR_INT && b.e->kind == EXPR_INT)
        return expr_int(p, fold_binary(p, op, a.e->val, b.e->val, loc), loc);
    return above(p, EXPR_BINARY, op, a, b, none, loc);
}

struct expr_height expr_cond(struct parser *p, struct expr_height a, struct expr_height b, struct expr_height c,
                             struct loc loc)
{
    if (p->fold && a.e->kind == EXPR_INT && b.e->kind == EXPR_INT && c.e->kind == EXPR_INT)
        return expr_int(p, a.e->val ? b.e->val : c.e->val, loc);
    return above(p, EXPR_COND, 0, a, b, c, loc);
}
