// SPDX-License-Identifier: MIT
// The ways into the grammar, and the files that a text names.
#include "ast/parse.h"

#include "base/path.h"

#include "mach.tab.h"

#include <errno.h>
#include <string.h>

/* Far more than boards have: Linux's largest are put together from about 40 files of 2 MB in all. */
enum { INCLUDE_MAX = 64, INCLUDED_MAX = 4096, INCLUDED_BYTES_MAX = 256 << 20 };

static struct input *input_new(struct parser *p, const struct source *s, uint32_t start, uint32_t end)
{
    struct input *in = NEW(p->c->arena, struct input);
    in->source = s;
    in->offset = start;
    in->end = end;
    in->outer = p->in;
    // The scanner wants two NUL bytes at the end, and writes one after each token, while others read the text.
    in->base = arena_alloc(p->c->arena, (size_t)(end - start) + 2);
    if (end > start)
        memcpy(in->base, s->text + start, end - start);
    return in;
}

static void input_end(struct parser *p, struct input *in)
{
    arena_release(p->c->arena, in->base, (size_t)(in->end - in->offset) + 2);
}

static void run(struct parser *p, const struct source *s, uint32_t start, uint32_t end, int what)
{
    struct input *in = p->in = input_new(p, s, start, end);
    scanner_new(p);
    scanner_push(p, p->in->base, end - start);
    push_token(p, what, NULL, (struct loc){s->id, start, start});
    p->cur = p->past[0].kind = what;
    mach_yyparse(p);
    scanner_free(p);
    input_end(p, in);
}

struct ast *mach_parse(struct machc *c, const struct source *s)
{
    struct parser p = {.c = c, .mode = MODE_MACH, .base_mode = MODE_MACH};
    run(&p, s, 0, s->len, T_START_MACH);
    if (p.unbalanced) {
        list_join(&p.top, lost(&p, true, (struct loc){s->id, 0, s->len}));
        p.top.last->sub = 1;
    }
    return p.top.head;
}

struct dts_file *dts_parse(struct machc *c, const struct source *s)
{
    struct parser p = {.c = c, .mode = MODE_DTS, .base_mode = MODE_DTS, .plain = true};
    p.dts = NEW(c->arena, struct dts_file);
    run(&p, s, 0, s->len, T_START_DTS);
    p.dts->ops = p.ops.head;
    return p.dts;
}

struct dts_op *dts_parse_body(struct machc *c, const struct source *s)
{
    struct parser p = {.c = c, .mode = MODE_DTS, .base_mode = MODE_DTS, .plain = true};
    run(&p, s, 0, s->len, T_START_BODY);
    return p.ops.head;
}

struct expr *parse_expr_at(struct parser *outer, const struct source *s, uint32_t start, uint32_t end)
{
    struct parser p = {.c = outer->c, .mode = MODE_EXPR, .base_mode = MODE_EXPR, .plain = true};
    run(&p, s, start, end, T_START_EXPR);
    return p.expr;
}

struct source *find_file(struct parser *p, const char *name, bool binary, enum msg m, struct loc loc)
{
    struct machc *c = p->c;
    const struct source *from = source_get(c->sources, loc.file);
    const char *slash = from && !from->builtin ? strrchr(from->name, '/') : NULL;
    const char *why = "it has no name";
    int err = ENOENT;
    bool absolute = name[0] == '/';
    const char *beside = name, *near;
    struct diag *d;
    if (!*name)
        goto bad;
    if (slash && !absolute)
        beside = arena_printf(c->arena, "%.*s/%s", (int)(slash - from->name), from->name, name);
    for (uint32_t i = 0; i <= c->ninclude_dirs; i++) {
        const char *path = beside;
        if (i > 0)
            path = arena_printf(c->arena, "%s/%s", c->include_dirs[i - 1], name);
        struct source *s = source_read(c->sources, path, binary, &why, &err);
        if (s)
            return s;
        if (err != ENOENT || absolute)
            break;
    }
bad:
    d = scan_error(p, m, loc, "cannot read \"%s\": %s", name, why);
    near = d && *name && err == ENOENT ? near_file(c->arena, beside) : NULL;
    if (near)
        diag_did_you_mean(d, "", base_name(name), near);
    else if (!*name || err != ENOENT)
        scan_help(d, "name a file that can be read");
    else if (absolute)
        scan_help(d, "a path that begins with `/` is used as it is: correct it");
    else if (c->ninclude_dirs)
        scan_help(d,
                  "files are searched for next to the one that names them, then in the %u directories given with `-I`",
                  c->ninclude_dirs);
    else
        scan_help(d, "files are searched for next to the one that names them; `-I DIR` adds directories");
    return NULL;
}

bool count_included(struct parser *p, uint64_t len, struct loc loc)
{
    p->included++;
    p->included_bytes += len;
    if (p->included <= INCLUDED_MAX && p->included_bytes <= INCLUDED_BYTES_MAX)
        return true;
    bool many = p->included > INCLUDED_MAX;
    scan_help(many ? scan_error(p, E0133, loc, "more than %d files are included", INCLUDED_MAX)
                   : scan_error(p, E0133, loc, "more than %d MiB are included", INCLUDED_BYTES_MAX >> 20),
              "do files include each other several times?");
    p->quiet = true;
    return false;
}

void push_include(struct parser *p, const char *name, size_t len, struct loc loc)
{
    if (p->mute || p->quiet)
        return;
    if (p->include_depth == INCLUDE_MAX) {
        scan_help(scan_error(p, E0127, loc, "files include each other more than %u deep", (unsigned)INCLUDE_MAX),
                  "does a file include itself?");
        p->quiet = true;
        return;
    }
    struct source *s = find_file(p, arena_strndup(p->c->arena, name, len), false, E0126, loc);
    if (!s || !count_included(p, s->len, loc))
        return;
    if (!s->included_from.file)
        s->included_from = loc;
    p->in = input_new(p, s, 0, s->len);
    p->include_depth++;
    scanner_push(p, p->in->base, s->len);
}

bool pop_include(struct parser *p)
{
    if (!p->in->outer)
        return false;
    struct input *in = p->in;
    p->in = in->outer;
    p->include_depth--;
    scanner_pop(p);
    input_end(p, in);
    return true;
}
