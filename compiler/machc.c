// SPDX-License-Identifier: MIT
#include "machc.h"

/* What a compilation counts lies in its own arena, which goes last, and uncounted. */
static void begin_budget(struct machc *c)
{
    c->memory = (struct arena_budget){0, MACHC_MEMORY};
    struct arena *all[] = {c->arena, c->syntax, c->draft};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i])
            arena_limit(all[i], &c->memory);
}

static int run(const struct machc *first, struct hash_key key, machc_fn *work, void *opaque)
{
    jmp_buf on_oom;
    struct arena *volatile arena = arena_new(&on_oom, key);
    if (!arena)
        return MACHC_OUT_OF_MEMORY;
    int result = MACHC_OUT_OF_MEMORY;
    struct machc *volatile made = NULL;
    volatile bool reported = false;
    int why = setjmp(on_oom);
    if (!why) {
        struct machc *c = made = NEW(arena, struct machc);
        if (first)
            *c = *first;
        c->arena = arena;
        c->syntax = arena_new(&on_oom, key);
        c->draft = arena_new(&on_oom, key);
        c->over_budget = NULL;
        c->doing = (struct src){{0, 0, 0}, NULL};
        begin_budget(c);
        if (!first) {
            c->names = intern_new(arena);
            c->sources = sources_new(arena);
        }
        c->diags = diags_new(arena, c->sources);
        result = work(c, opaque);
    } else if (why == ARENA_OVER_BUDGET && made->over_budget && !reported) {
        reported = true;
        made->memory.limit = made->memory.used + MACHC_SPARE;
        result = made->over_budget(made, opaque);
    }
    if (made) {
        machc_forget(&made->syntax);
        machc_forget(&made->draft);
    }
    arena_limit(arena, NULL);
    arena_free(arena);
    return result;
}

int machc_run(machc_fn *work, void *opaque)
{
    return run(NULL, hash_key_random(), work, opaque);
}

int machc_run_with_key(struct hash_key key, machc_fn *work, void *opaque)
{
    return run(NULL, key, work, opaque);
}

int machc_again(const struct machc *first, machc_fn *work, void *opaque)
{
    return run(first, arena_key(first->arena), work, opaque);
}

void machc_forget(struct arena **a)
{
    arena_free(*a);
    *a = NULL;
}
