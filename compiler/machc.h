// SPDX-License-Identifier: MIT
// libmachc: one compilation, from text to plan and outputs. The command in main.c is a thin wrapper.
#ifndef MACHC_H
#define MACHC_H

#include "base/arena.h"
#include "base/intern.h"
#include "diag/diag.h"
#include "diag/source.h"

/* What every pass works in. One per compilation; passes add to it and never print or exit. */
struct machc {
    struct arena *arena;
    struct intern *names;
    struct sources *sources;
    struct diags *diags;
    const char *const *include_dirs; // -I, in order
    uint32_t ninclude_dirs;
    const struct define *defines; // -D
    uint32_t ndefines;
    const char *host_file;  // --host, or NULL
    const char *schema_dir; // --schema-dir, or NULL
    bool symbols;           // -@
};

struct define {
    const char *name;
    const char *value;
};

#endif
