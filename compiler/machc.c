// SPDX-License-Identifier: MIT
#include "machc.h"

int machc_run(machc_fn *work, void *opaque)
{
    jmp_buf on_oom;
    struct arena *volatile arena = arena_new(&on_oom);
    if (!arena)
        return MACHC_OUT_OF_MEMORY;
    int result = MACHC_OUT_OF_MEMORY;
    if (!setjmp(on_oom)) {
        struct machc *c = NEW(arena, struct machc);
        c->arena = arena;
        c->names = intern_new(arena);
        c->sources = sources_new(arena);
        c->diags = diags_new(arena, c->sources);
        result = work(c, opaque);
    }
    arena_free(arena);
    return result;
}
