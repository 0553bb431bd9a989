// SPDX-License-Identifier: MIT
// libmachc: one compilation, from text to plan and outputs. The command in main.c is a thin wrapper.
#ifndef MACHC_H
#define MACHC_H

#include "base/arena.h"
#include "base/intern.h"
#include "diag/diag.h"
#include "diag/source.h"

struct machc;

/* Work done in a compilation: it may add to `c` but keep nothing of it. */
typedef int machc_fn(struct machc *c, void *opaque);

/* What every pass works in. One per compilation; passes add to it and never print or exit. */
struct machc {
    struct arena *arena;
    struct arena *syntax; // statements as written: gone when the model is built. NULL: in `arena`
    struct arena *draft;  // model and tables of the planner: gone when the plan is made. NULL: in `arena`
    struct intern *names;
    struct sources *sources;
    struct diags *diags;
    const char *const *include_dirs; // -I, in order
    uint32_t ninclude_dirs;
    const struct define *defines; // -D
    uint32_t ndefines;
    const char *host_file;         // --host, or NULL
    const char *schema_dir;        // --schema-dir, or NULL
    const struct schemas *schemas; // made already: no schema file is read. NULL: they are loaded
    struct host *host;             // made already, with these schemas: no host file is read. NULL: the text names one
    struct arena_budget memory;    // of all arenas
    struct src doing;              // the statement or file being carried out: where it is when `memory` is used up
    machc_fn *over_budget;         // what is done then, in place of the rest of the work; NULL: as without memory
    bool symbols;                  // -@
    bool table;                    // the plan keeps its table of owners, as text (--emit=plan)
    const char *vmm;               // --emit=VMM: the plan has its command line; or NULL
    const char *vmm_machine;       // of this machine alone; NULL: of all
    bool prepare;                  // the plan has what the host has to keep for its guests (guest.cfg, the overlay)
    bool tell_host;                // and says what no tree can keep (-O, --emit=host)
};

struct host;
struct schemas;

struct define {
    const char *name; // interned
    const char *value;
};

/* Where a stage keeps what outlives it, or does not. */
static inline struct arena *syntax_arena(const struct machc *c)
{
    return c->syntax ? c->syntax : c->arena;
}
static inline struct arena *draft_arena(const struct machc *c)
{
    return c->draft ? c->draft : c->arena;
}

/* Gives an arena back before its time. */
void machc_forget(struct arena **a);

/* Which machc this is, as `git describe` tells it: "0.2.0", "0.2.0-12-g0123abc". */
const char *machc_version(void);

enum { MACHC_OUT_OF_MEMORY = -1 };

/*
 * Bytes that a compilation may take: six times what a hundred thousand devices need (docs/bench.md). A text of some
 * lines can expand without an end, in templates, strings and includes, and each in another way; so what is counted is
 * the memory that all of it takes. Showing the messages may take MACHC_SPARE more.
 */
#define MACHC_MEMORY ((size_t)2 << 30)
#define MACHC_SPARE  ((size_t)256 << 20)

/*
 * Calls `work` with a compilation of its own (arena, names, sources and messages; no options set) and gives
 * everything back afterwards. Returns what `work` returned, or MACHC_OUT_OF_MEMORY when memory ran out: then
 * `work` was left in the middle, wherever it took memory from the arena.
 */
int machc_run(machc_fn *work, void *opaque);

/* The same with a known key for its hashes: for tests, which show that no output depends on it. */
int machc_run_with_key(struct hash_key key, machc_fn *work, void *opaque);

/*
 * The same for one more compilation on top of `first`, with its options: it has arenas and messages of its own, and
 * shares the names, the sources, the schemas and the host of `first`, which stay as they are. `first` may not be used
 * until it is over.
 */
int machc_again(const struct machc *first, machc_fn *work, void *opaque);

#endif
