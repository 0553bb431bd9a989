// SPDX-License-Identifier: MIT
// Templates, for and if; and which statement is allowed where.
#include "model/build.h"

#include <inttypes.h>

/* What is allowed in the braces (or on the line) of what. `many`: more than once. */
struct takes {
    uint8_t kind;
    bool many;
};

#define DEVICE_PART                                                                                                    \
    {AST_REGION, true}, {AST_IRQ, true}, {AST_REF, true}, {AST_DMA, true},                                             \
    {                                                                                                                  \
        AST_EDIT, true                                                                                                 \
    }

enum { MAX_TAKES = 20 };

static const struct takes takes[AST_KIND_COUNT][MAX_TAKES] = {
    [AST_HOST] = {{AST_PAGE_SIZE, false},
                  {AST_IOMMU, false},
                  {AST_FACTS, false},
                  {AST_OVERLAY, true},
                  {AST_KEEP, true},
                  {AST_READY, true},
                  {AST_HIDE, true}},
    [AST_MACHINE] = {{AST_MODEL, false},
                     {AST_COMPATIBLE, false},
                     {AST_BOOTARGS, false},
                     {AST_CPUS, false},
                     {AST_MEMORY, true},
                     {AST_IRQCHIP, true},
                     {AST_DEVICE, true},
                     {AST_PASSTHROUGH, true},
                     {AST_NODE, true},
                     {AST_ASSERT, true}},
    [AST_CPUS] = {{AST_ON, false}},
    [AST_MEMORY] = {{AST_AT, false},
                    {AST_SIZE, false},
                    {AST_FROM, false},
                    {AST_BELOW, false},
                    {AST_RUNS, false},
                    {AST_BY, false},
                    {AST_OFFSET, false},
                    {AST_SHARE, false},
                    {AST_NO_DMA, false},
                    {AST_READONLY, false}},
    [AST_IRQCHIP] = {{AST_AT, false}, {AST_REGION, true}, {AST_EDIT, true}},
    [AST_DEVICE] = {{AST_AT, false}, {AST_SIZE, false}, {AST_IRQ, false}, {AST_UNDER, false}, {AST_EDIT, true}},
    [AST_PASSTHROUGH] = {DEVICE_PART,
                         {AST_CHILD, true},
                         {AST_AS, false},
                         {AST_ONLY, false},
                         {AST_WITHOUT, true},
                         {AST_UNDER, false},
                         {AST_ON, false},
                         {AST_SLOT, false},
                         {AST_VCPU, false}},
    [AST_CHILD] = {DEVICE_PART},
    [AST_REGION] = {{AST_AT, false},
                    {AST_SIZE, false},
                    {AST_FILE, false},
                    {AST_OFFSET, false},
                    {AST_MAP, false},
                    {AST_TRAP, false},
                    {AST_DROP, false}},
    [AST_IRQ] = {{AST_TO, false}, {AST_DROP, false}, {AST_UNSAFE, false}, {AST_FILE, false}},
    [AST_REF] = {{AST_DROP, false},
                 {AST_UNSAFE, false},
                 {AST_FIXED, false},
                 {AST_ASSIGN, false},
                 {AST_COPY, false},
                 {AST_SHADOW, false},
                 {AST_WRITE, true},
                 {AST_TO, false},
                 {AST_KEEP, false}},
    [AST_DMA] = {{AST_UNSAFE, false},
                 {AST_MAP, true},
                 {AST_WINDOW, false},
                 {AST_SIZE, false},
                 {AST_SUBWINDOWS, false},
                 {AST_LIODN_INDEX, false},
                 {AST_STREAM, false},
                 {AST_OPERATION, false},
                 {AST_STASH, false},
                 {AST_IF_POSSIBLE, false}},
    [AST_MAP] = {{AST_UNSAFE, false}, {AST_OFFSET, false}, {AST_SIZE, false}, {AST_AT, false}, {AST_READONLY, false}},
    [AST_STASH] = {{AST_VOLATILE, false}, {AST_PERSISTENT, false}, {AST_ENTRY, false}, {AST_IF_POSSIBLE, false}},
};

static bool bounded(struct build *b, const struct scope *s, struct loc where)
{
    if (++b->expanded <= MAX_EXPANDED)
        return true;
    if (!b->out_of_bounds) {
        struct diag *d =
            diag(b->c->diags, E0211, at(s, where), "the text expands to more than %d statements", MAX_EXPANDED);
        diag_help(d, "make the range of the `for` smaller");
    }
    b->out_of_bounds = true;
    b->consts->lost++;
    return false;
}

static bool too_deep(struct build *b, const struct scope *s, struct loc where)
{
    if (s->depth < MAX_DEPTH)
        return false;
    b->consts->lost++;
    if (s->in_template && map_getp(&b->endless, s->in_template, NULL))
        return true;
    if (s->in_template) // reported once, and not expanded any more: one that uses itself twice would take for ever
        map_putp(b->c->arena, &b->endless, s->in_template, NULL, s->in_template);
    struct diag *d =
        diag(b->c->diags, E0212, src_at(where), "templates, `for` and `if` are nested more than %d deep", MAX_DEPTH);
    if (s->in_template)
        diag_note(d, src_at(s->in_template->name.loc), "in this template; does it use itself?");
    diag_help(d, "a template that uses itself needs an `if` around the use, so that it ends");
    return true;
}

static void expand_for(struct build *b, const struct scope *s, const struct ast *st, stmt_fn *fn, void *opaque)
{
    uint64_t first, last;
    const char *name = eval_name(b, s, &st->name);
    if (!name) {
        b->consts->lost++;
        return;
    }
    if (!eval_u64(b, s, st->e, &first) || !eval_u64(b, s, st->e2, &last) || too_deep(b, s, st->loc))
        return;
    if (first > last) {
        struct diag *d = diag(b->c->diags, E0213, at(s, loc_join(st->e->loc, st->e2->loc)),
                              "the range %" PRIu64 "..%" PRIu64 " is empty: its end is before its start", first, last);
        diag_help(d, "both ends belong to a range; put an `if` around a loop that may have no rounds");
        return;
    }
    for (uint64_t i = first;; i++) {
        if (!bounded(b, s, st->loc))
            return;
        struct frame *f = frame_with(b->c, s->frame, name, i);
        struct via *via = NEW(b->c->arena, struct via);
        *via = (struct via){st->loc, arena_printf(b->c->arena, "`for %s` at %" PRIu64, name, i), s->via};
        struct scope in = {f, via, s->depth + 1, s->in_template};
        expand(b, &in, st->body, fn, opaque);
        if (i == last || b->out_of_bounds)
            return;
    }
}

void expand(struct build *b, const struct scope *s, const struct ast *list, stmt_fn *fn, void *opaque)
{
    for (const struct ast *st = list; st; st = st->next) {
        if (!bounded(b, s, st->loc))
            return;
        b->c->doing = at(s, st->loc);
        uint64_t yes;
        switch (st->kind) {
        case AST_LOST:
            b->consts->lost++;
            break;
        case AST_USE:
            if (!expand_template(b, s, &st->name, st->items, st->loc, fn, opaque))
                fn(b, s, st, opaque); // not a template: the statement's owner may know what it is
            break;
        case AST_FOR:
            expand_for(b, s, st, fn, opaque);
            break;
        case AST_IF:
            if (!too_deep(b, s, st->loc) && eval_u64(b, s, st->e, &yes)) {
                struct scope in = *s;
                in.depth++;
                expand(b, &in, yes ? st->body : st->alt, fn, opaque);
            }
            break;
        default:
            b->consts->lost += (st->kind == AST_EDIT || st->kind == AST_NODE) && st->sub;
            fn(b, s, st, opaque);
        }
    }
}

bool expand_template(struct build *b, const struct scope *s, const struct text *name, const struct item *args,
                     struct loc where, stmt_fn *fn, void *opaque)
{
    const char *n = eval_text(b, s, name);
    const struct ast *t = n ? map_getp(&b->templates, n, NULL) : NULL;
    if (!t)
        return !n;
    if (map_getp(&b->endless, t, NULL) || too_deep(b, s, where)) {
        b->consts->lost++;
        return true;
    }
    struct frame *f = b->root;
    const struct item *a = args;
    uint32_t given = 0, wanted = 0;
    for (const struct item *i = args; i; i = i->next)
        given++;
    for (const struct item *p = t->items; p; p = p->next)
        wanted++;
    if (given != wanted) {
        struct diag *d = diag(b->c->diags, E0214, at(s, where), "template `%s` takes %u argument%s, %u given", n,
                              wanted, wanted == 1 ? "" : "s", given);
        diag_note(d, src_at(t->name.loc), "defined here");
        if (wanted) {
            const char *list = "";
            for (const struct item *p = t->items; p; p = p->next)
                list = arena_printf(b->c->arena, "%s%s%s", list, *list ? ", " : "", p->t.s);
            diag_help(d, "write `%s(%s)` with a value for each", n, list);
        } else {
            diag_help(d, "write `%s` without arguments", n);
        }
        b->consts->lost++;
        return true;
    }
    bool ok = true;
    for (const struct item *p = t->items; p; p = p->next, a = a->next) {
        struct frame *next = NEW(b->c->arena, struct frame);
        next->outer = f;
        next->name = p->t.s;
        if (a->e)
            ok = expr_eval(b->c, s->frame, s->via, a->e, NULL, NULL, &next->v) && ok;
        else
            ok = (next->v.s = eval_text(b, s, &a->t)) && ok;
        f = next;
    }
    if (!ok) {
        b->consts->lost++;
        return true;
    }
    struct via *via = NEW(b->c->arena, struct via);
    *via = (struct via){where, arena_printf(b->c->arena, "template `%s`", n), s->via};
    struct scope inner = {f, via, s->depth + 1, t};
    expand(b, &inner, t->body, fn, opaque);
    return true;
}

/* ---- what belongs where ---- */

bool is_guess(const struct ast *st)
{
    return st->body && st->body->kind == AST_LOST;
}

struct once {
    stmt_fn *fn;
    void *opaque;
    const struct ast *in;
    struct src seen[AST_KIND_COUNT];
    bool bare_map; // the last one was a `map` of nothing
};

enum { LOOK_BACK = 1000 }; // bytes

/* The end of the text before a place that is the first of its line; 0 when it is not, or a statement ends
 * there. */
static uint32_t unfinished_before(const struct build *b, struct loc loc)
{
    const struct source *src = source_get(b->c->sources, loc.file);
    if (!src || loc.start > src->len)
        return 0;
    bool first = false;
    uint32_t least = loc.start > LOOK_BACK ? loc.start - LOOK_BACK : 0;
    for (uint32_t at = loc.start; at > least;) {
        if (strchr(" \t\r", src->text[at - 1])) {
            at--;
            continue;
        }
        if (src->text[at - 1] != '\n')
            return first && !strchr(";{}/", src->text[at - 1]) ? at : 0; // or the end of a comment
        // The line in front, without its comment.
        first = true;
        uint32_t start = --at;
        while (start > least && src->text[start - 1] != '\n')
            start--;
        bool quoted = false;
        for (uint32_t i = start; i + 1 < at; i++) {
            quoted ^= src->text[i] == '"';
            if (!quoted && src->text[i] == '/' && src->text[i + 1] == '/')
                at = i;
        }
    }
    return 0;
}

static void not_here(struct build *b, const struct scope *s, const struct ast *st, const struct ast *in)
{
    uint32_t end = unfinished_before(b, st->loc);
    b->consts->lost++;
    b->consts->incomplete |= st->kind == AST_CONST;
    if (end) {
        struct loc here = {st->loc.file, end, end};
        struct diag *d =
            diag(b->c->diags, E0102, at(s, here), "expected `;` before `%s`, which is not a clause of `%s`",
                 ast_keyword(st->kind), ast_keyword(in->kind));
        diag_help(d, "write `;` here");
        diag_fix(d, here, ";");
        return;
    }
    struct diag *d = diag(b->c->diags, E0215, at(s, st->loc), "`%s` is not allowed in `%s`", ast_keyword(st->kind),
                          ast_keyword(in->kind));
    if (in->kind == AST_DEVICE && st->kind == AST_REGION) {
        diag_help(d, "write `at ADDRESS` and `size BYTES`: they are those of its first region");
        return;
    }
    if (help_where(b, d, st))
        return;
    const char *list = "";
    const struct takes *t = takes[in->kind];
    for (uint32_t i = 0; i < MAX_TAKES && (t[i].kind || t[i].many); i++)
        list = arena_printf(b->c->arena, "%s%s`%s`", list, *list ? ", " : "", ast_keyword(t[i].kind));
    if (*list)
        diag_help(d, "`%s` takes %s", ast_keyword(in->kind), list);
}

bool help_where(struct build *b, struct diag *d, const struct ast *st)
{
    const char *list = "";
    for (uint8_t in = 0; in < AST_KIND_COUNT; in++)
        for (uint32_t i = 0; i < MAX_TAKES && (takes[in][i].kind || takes[in][i].many); i++)
            if (takes[in][i].kind == st->kind)
                list = arena_printf(b->c->arena, "%s%s`%s`", list, *list ? ", " : "", ast_keyword(in));
    if (st->kind == AST_INCLUDE || st->kind == AST_CONST || st->kind == AST_HOST || st->kind == AST_TEMPLATE ||
        st->kind == AST_MACHINE)
        diag_help(d, "`%s` belongs at the top of a file, outside all braces", ast_keyword(st->kind));
    else if (*list)
        diag_help(d, "`%s` belongs in %s", ast_keyword(st->kind), list);
    else
        return false;
    return true;
}

void no_template(struct build *b, const struct scope *s, const struct ast *use, const char *or_what)
{
    const char *n = eval_text(b, s, &use->name);
    if (!n)
        return;
    const char *near = diags_nearest(b->c->diags, n, b->template_names.at, b->template_names.n);
    b->consts->lost++;
    if (!near && b->consts->incomplete)
        return; // it may be in text that could not be read
    struct diag *d = diag(b->c->diags, E0217, at(s, use->name.loc), "there is no template%s `%s`", or_what, n);
    if (near) {
        diag_did_you_mean(d, "", n, near);
    } else {
        diag_help(d, "define it at the top of a file: `template %s { ... }`", n);
    }
}

/* `region trap;`: the clause was taken for the name. */
static bool name_missing(struct build *b, const struct scope *s, const struct ast *st)
{
    if ((st->kind != AST_REGION && st->kind != AST_REF) || st->body || st->name.kind != TEXT_WORD)
        return false;
    const struct takes *t = takes[st->kind];
    for (uint32_t i = 0; i < MAX_TAKES && (t[i].kind || t[i].many); i++) {
        if (strcmp(ast_keyword(t[i].kind), st->name.s) != 0)
            continue;
        struct diag *d = diag(b->c->diags, E0105, at(s, st->name.loc), "expected a name, found `%s`", st->name.s);
        diag_help(d, "write which %s first: `%s %s %s`", st->kind == AST_REGION ? "region" : "reference",
                  ast_keyword(st->kind), st->kind == AST_REGION ? "0" : "clocks", st->name.s);
        b->consts->lost++;
        return true;
    }
    return false;
}

static void check_once(struct build *b, const struct scope *s, const struct ast *st, void *opaque)
{
    struct once *o = opaque;
    const struct takes *t = takes[o->in->kind];
    if (o->in->kind == AST_DMA && o->bare_map &&
        (st->kind == AST_AT || st->kind == AST_OFFSET || st->kind == AST_SIZE || st->kind == AST_READONLY))
        return; // what is mapped is missing before it
    o->bare_map = st->kind == AST_MAP && st->name.kind == TEXT_NONE && !st->e;
    if (o->in->kind == AST_MACHINE && st->kind == AST_USE) { // `use PLATFORM;`: the machine looks it up
        o->fn(b, s, st, o->opaque);
        return;
    }
    for (uint32_t i = 0; i < MAX_TAKES && (t[i].kind || t[i].many); i++) {
        if (t[i].kind != st->kind)
            continue;
        if (!t[i].many && o->seen[st->kind].loc.file) {
            struct diag *d = diag(b->c->diags, E0216, at(s, st->loc), "`%s` is specified twice in one `%s`",
                                  ast_keyword(st->kind), ast_keyword(o->in->kind));
            diag_note(d, o->seen[st->kind], "first specified here");
            diag_help(d, "remove one of them");
            return;
        }
        o->seen[st->kind] = at(s, st->loc);
        if (!name_missing(b, s, st))
            o->fn(b, s, st, o->opaque);
        return;
    }
    if (st->kind == AST_USE) {
        no_template(b, s, st, "");
        return;
    }
    not_here(b, s, st, o->in);
}

void expand_body(struct build *b, const struct scope *s, const struct ast *in, stmt_fn *fn, void *opaque)
{
    if (!in->body)
        return;
    struct once o = {.fn = fn, .opaque = opaque, .in = in};
    expand(b, s, in->body, check_once, &o);
}
