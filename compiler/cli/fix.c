// SPDX-License-Identifier: MIT
#include "cli/fix.h"
#include "cli/say.h"

#include "ast/ast.h"
#include "cli/command.h"
#include "cli/output.h"
#include "diag/diag_list.h"
#include "diag/diag_snippet.h"
#include "order/order.h"

#include <stdlib.h>

enum { ROUNDS = 20 }; // a fix may uncover what the next one fixes; two that undo each other end here

struct edit {
    uint32_t start, end; // bytes of the text
    uint32_t seq;        // of its message
    const char *text;
    enum msg m;
};

struct round {
    const struct options *o;
    const char *input;
    FILE *err;
    bool changed; // the file is another one now
};

typedef VEC(struct edit) edits;

static bool meets(const struct edit *a, const struct edit *b)
{
    if (a->start == a->end && b->start == b->end)
        return false; // two insertions
    if (a->start == a->end || b->start == b->end) {
        const struct edit *in = a->start == a->end ? a : b, *of = in == a ? b : a;
        return in->start > of->start && in->start < of->end;
    }
    return a->start < b->end && b->start < a->end;
}

// All edits of a message, or none.
static void take_fixes(struct machc *c, edits *all, const struct diag *d, uint32_t seq, const struct source *s)
{
    for (const struct diag_fix *f = d->fixes; f; f = f->next)
        if (f->where.file != s->id || f->where.start > f->where.end || f->where.end > s->len)
            return;
    for (const struct diag_fix *f = d->fixes; f; f = f->next)
        vec_push(c->arena, all, ((struct edit){f->where.start, f->where.end, seq, f->text, d->m}));
}

static int by_place(const void *pa, const void *pb)
{
    const struct edit *a = pa, *b = pb;
    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    if (a->end != b->end)
        return a->end < b->end ? -1 : 1;  // what is put in comes before what is replaced
    int order = strcmp(a->text, b->text); // equal ones are neighbours
    return order ? order : a->seq < b->seq ? -1 : a->seq > b->seq;
}

// Of two messages whose edits meet the later one has to wait for the next round: all its edits go.
static void leave_overlaps(struct machc *c, edits *all, uint32_t messages)
{
    bool *refused = arena_array(c->arena, messages, sizeof *refused);
    const struct edit *furthest = NULL, *before = NULL;
    uint32_t n = 0;
    for (uint32_t i = 0; i < all->n; i++) {
        const struct edit *e = &all->at[i];
        if (before && before->start == e->start && before->end == e->end && !strcmp(before->text, e->text))
            refused[e->seq] = true;
        else if (furthest && meets(furthest, e))
            refused[furthest->seq > e->seq ? furthest->seq : e->seq] = true;
        if (!furthest || e->end > furthest->end)
            furthest = e;
        before = e;
    }
    for (uint32_t i = 0; i < all->n; i++)
        if (!refused[all->at[i].seq])
            all->at[n++] = all->at[i];
    all->n = n;
}

static char *apply(struct machc *c, const struct source *s, const edits *all, size_t *size)
{
    *size = s->len;
    for (uint32_t i = 0; i < all->n; i++)
        *size += strlen(all->at[i].text);
    char *text = arena_alloc(c->arena, *size + 1), *to = text;
    uint32_t from = 0;
    for (uint32_t i = 0; i < all->n; i++) {
        const struct edit *e = &all->at[i];
        size_t n = strlen(e->text);
        memcpy(to, s->text + from, e->start - from);
        to += e->start - from;
        memcpy(to, e->text, n);
        to += n;
        from = e->end;
    }
    memcpy(to, s->text + from, s->len - from);
    *size = (size_t)(to - text) + (s->len - from);
    return text;
}

static void print_quoted(FILE *to, const char *s, size_t n)
{
    while (n && *s == ' ') {
        s++;
        n--;
    }
    fputc('`', to);
    put_clean(to, s, n);
    fputc('`', to);
}

static void print_fixes(struct machc *c, const struct round *r, const struct source *s, const edits *all)
{
    for (uint32_t i = 0; i < all->n; i++) {
        const struct edit *e = &all->at[i];
        struct line_col at = source_line(c->sources, s->id, e->start);
        size_t n = strlen(e->text);
        put_clean(r->err, s->name, strlen(s->name));
        fprintf(r->err, ":%u:%u: fixed: ", at.line, at.column);
        if (e->start == e->end) {
            print_quoted(r->err, e->text, n);
            fputs(" put in", r->err);
        } else {
            print_quoted(r->err, s->text + e->start, e->end - e->start);
            fputs(n ? " is now " : " taken out", r->err);
            if (n)
                print_quoted(r->err, e->text, n);
        }
        fprintf(r->err, " [%s]\n", msg_infos[e->m].code);
    }
}

// Whoever else writes the file must not lose what was written.
static bool still_the_same(struct machc *c, const struct source *s)
{
    struct sources *fresh = sources_new(c->arena);
    const char *why;
    int err;
    const struct source *now = source_read(fresh, s->name, false, &why, &err);
    return now && now->len == s->len && !memcmp(now->text, s->text, s->len);
}

static int leave_it(struct machc *c, void *opaque)
{
    (void)c, (void)opaque;
    return STATUS_FINE; // the check will say so
}

static int one_round(struct machc *c, void *opaque)
{
    struct round *r = opaque;
    const char *why;
    int err;
    edits all = {0};
    options_apply(r->o, c);
    c->over_budget = leave_it;
    r->changed = false;
    const struct source *s = source_read(c->sources, r->input, false, &why, &err);
    if (!s)
        return STATUS_FINE; // the check will say so
    if (r->o->syntax) {
        mach_parse(c, s);
    } else {
        struct model *model = model_build(c, &s, 1);
        if (model)
            plan_make(c, model);
    }
    struct diag *const *found = diags_sorted(c->diags);
    for (uint32_t i = 0; i < c->diags->all.n; i++)
        if (found[i]->fixes)
            take_fixes(c, &all, found[i], i, s);
    if (!all.n)
        return STATUS_FINE;
    qsort(all.at, all.n, sizeof *all.at, by_place);
    leave_overlaps(c, &all, c->diags->all.n);
    size_t size;
    const char *text = apply(c, s, &all, &size);
    struct output out = {.path = r->input, .data = pieces_of(c->arena, text, size), .keep_mode = true};
    if (!still_the_same(c, s)) {
        say(r->err, "machc: %s changed while it was being fixed: it is left as it is\n", r->input);
        return STATUS_USAGE;
    }
    if (!outputs_write(c->arena, NULL, &out, 1, r->err))
        return STATUS_USAGE;
    print_fixes(c, r, s, &all);
    r->changed = true;
    return STATUS_FINE;
}

int fix_file(const struct options *o, const char *input, FILE *err)
{
    struct round r = {.o = o, .input = input, .err = err};
    int status = STATUS_FINE;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        status = machc_run(one_round, &r);
        if (status != STATUS_FINE || !r.changed)
            break;
    }
    return status == MACHC_OUT_OF_MEMORY ? STATUS_FAULT : status;
}
