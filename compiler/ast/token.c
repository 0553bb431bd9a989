// SPDX-License-Identifier: MIT
/*
 * Between scanner and grammar. Remembers the last tokens for messages, ends what is open at the end of the
 * file, and after a mistake skips to where parsing goes on: the grammar's `error RESUME` then replaces all
 * that was skipped.
 */
#define YYSTYPE union value
#define YYLTYPE struct loc
#include "ast/parse.h"

#include "mach.tab.h"

#include "mach.lex.h"

#include <string.h>

bool is_boundary(int token)
{
    switch (token) {
    case ';':
    case '{':
    case '}':
    case T_DTS_OPEN:
    case T_START_MACH:
    case T_START_DTS:
    case T_START_BODY:
        return true;
    default:
        return false;
    }
}

void push_token(struct parser *p, int kind, const union value *v, struct loc loc)
{
    struct token *t = &p->queue[p->nqueue++];
    t->kind = kind;
    t->loc = loc;
    t->v = v ? *v : (union value){.num = 0};
}

static int end_of_file(struct parser *p, struct loc *loc)
{
    loc->file = p->in->source->id;
    loc->start = loc->end = p->in->end;
    uint32_t braces = 0;
    const struct bracket *open = NULL;
    for (uint32_t i = 0; i < p->depth; i++) {
        if (p->stack[i].open == '{') {
            open = &p->stack[i];
            braces++;
        }
    }
    if (!braces)
        return 0;
    if (p->suspect.open)
        open = &p->suspect;
    if (!p->at_end) {
        p->at_end = p->unbalanced = true;
        // After another mistake, the brace may belong to what could not be read.
        struct diag *d =
            p->mistakes ? NULL
                        : scan_error(p, E0114, *loc, "the end of the file comes before the `}` of %u open `{`", braces);
        if (d) {
            diag_note(d, src_at(open->loc),
                      p->suspect.open ? "most likely this `{` is the one that is not closed"
                                      : "this `{` is not closed");
            diag_help(d, "write `}` where the block ends");
        }
        p->quiet = true;
    }
    if (!p->end_semi && !is_boundary(p->cur)) {
        p->end_semi = true;
        return scan_semicolon(p);
    }
    return scan_close_brace(p, *loc);
}

// The next token of the scanner, or at the end of the file one that closes what is open.
static int next_scanned(struct parser *p, union value *v, struct loc *loc)
{
    int t = p->at_end ? 0 : mach_flexlex(v, loc, p->scanner);
    if (p->mode == MODE_PROP && t != T_REF)
        p->mode = MODE_MACH;
    while (t == 0 && !p->too_deep && pop_include(p))
        t = mach_flexlex(v, loc, p->scanner);
    if (t == 0)
        t = end_of_file(p, loc);
    p->before = p->cur;
    p->cur = t;
    p->cur_loc = *loc;
    return t;
}

// A keyword that begins a statement at the beginning of a line: the statement before it lacks its `;`.
static bool begins_statement(const struct parser *p, int token, struct loc loc)
{
    switch (token) {
    case T_INCLUDE:
    case T_CONST:
    case T_HOST:
    case T_TEMPLATE:
    case T_MACHINE:
    case T_ASSERT:
    case T_USE:
    case T_FOR:
    case T_IF:
    case T_CPUS:
    case T_MEMORY:
    case T_IRQCHIP:
    case T_DEVICE:
    case T_PASSTHROUGH:
    case T_NODE:
    case T_EDIT:
    case T_REGION:
    case T_REF:
    case T_CHILD:
        return first_on_line(p, loc, &(uint32_t){0});
    default:
        return false;
    }
}

// Lets the grammar go on; `lost`: text was skipped, or a part of the statement is missing.
static void resume(struct parser *p, bool lost, struct loc loc)
{
    push_token(p, T_RESUME, &(union value){.num = lost}, loc);
}

// Reads on to the end of the statement. `t` is the token that was wrong.
static void skip_statement(struct parser *p, struct token *t, bool block)
{
    bool was_mute = p->mute;
    p->mute = true;
    bool first = true;
    uint32_t resumed;
    for (;;) {
        switch (t->kind) {
        case ';':
            resume(p, true, t->loc);
            push_token(p, ';', NULL, t->loc);
            goto done;
        case 0:
        case '}':
            resume(p, true, t->loc);
            push_token(p, ';', NULL, t->loc);
            push_token(p, t->kind, NULL, t->loc);
            goto done;
        case '{':
        case T_DTS_OPEN:
            if (!block) {
                resume(p, true, t->loc);
                push_token(p, t->kind, NULL, t->loc);
                goto done;
            }
            // Only the scanner's stack tells which `}` closes it.
            for (uint32_t depth = p->depth; t->kind && p->depth >= depth;)
                t->kind = next_scanned(p, &t->v, &t->loc);
            if (!t->kind)
                continue;
            resumed = t->loc.start;
            // What belongs to the block: `else`; in device tree source a `;`.
            t->kind = next_scanned(p, &t->v, &t->loc);
            if (t->kind == T_ELSE || (t->kind == ';' && p->base_mode == MODE_DTS))
                continue;
            resume(p, true, t->loc);
            push_token(p, ';', NULL, t->loc);
            push_token(p, t->kind, &t->v, t->loc);
            p->mute = was_mute;
            p->resumed = resumed;
            p->resumed_set = true;
            return;
        default:
            break;
        }
        if (!first && begins_statement(p, t->kind, t->loc)) {
            resume(p, true, t->loc);
            push_token(p, ';', NULL, t->loc);
            push_token(p, t->kind, &t->v, t->loc);
            goto done;
        }
        first = false;
        t->kind = next_scanned(p, &t->v, &t->loc);
    }
done:
    p->mute = was_mute;
    p->resumed = t->loc.start;
    p->resumed_set = true;
}

// As if its `{` were there.
static void skip_body(struct parser *p, struct token *t)
{
    bool was_mute = p->mute;
    uint32_t depth = p->depth;
    p->mute = true;
    p->dts_next = true;
    scan_open_brace(p, t->loc);
    while (t->kind && p->depth > depth)
        t->kind = next_scanned(p, &t->v, &t->loc);
    p->mute = was_mute;
    resume(p, true, t->loc);
    push_token(p, ';', NULL, t->loc);
    if (!t->kind)
        push_token(p, 0, NULL, t->loc);
}

static void recover(struct parser *p)
{
    struct token t = {p->newest, p->past[0].loc, p->past[0].kind};
    uint8_t how = p->recovery;
    p->recovery = RECOVER_NONE;
    p->nqueue = p->queue_at = 0;
    if (how == RECOVER_BODY) {
        skip_body(p, &t);
        return;
    }
    if (how != RECOVER_INSERT) {
        skip_statement(p, &t, how == RECOVER_SKIP);
        return;
    }
    // It begins where the token in front ends, so that the grammar sees whether it had to give something up.
    resume(p, false, (struct loc){t.loc.file, p->past[1].loc.end, t.loc.end});
    push_token(p, ';', NULL, t.loc);
    if (t.kind == '}' || t.kind == 0) {
        push_token(p, t.kind, NULL, t.loc);
        return;
    }
    // The token was read as part of the statement before it; as the first of its own it may be another.
    scan_semicolon(p);
    p->cur = p->before = ';';
    scanner_again(p);
}

int mach_yylex(union value *v, struct loc *loc, struct parser *p)
{
    if (p->recovery)
        recover(p);
    memmove(&p->past[1], &p->past[0], (HISTORY - 1) * sizeof p->past[0]);
    int kind;
    if (p->queue_at < p->nqueue) {
        const struct token *t = &p->queue[p->queue_at++];
        *v = t->v;
        *loc = t->loc;
        kind = t->kind;
    } else {
        p->nqueue = p->queue_at = 0;
        kind = next_scanned(p, v, loc);
    }
    if (p->too_deep)
        kind = 0;
    p->newest = *v;
    p->past[0] = (struct seen){*loc, kind};
    if (is_boundary(p->past[1].kind))
        p->stmt = loc->start;
    return kind;
}
