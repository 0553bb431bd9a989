// SPDX-License-Identifier: MIT
// The command line of another VMM, as a shell script.
#include "emit/emit.h"

#include "machc.h"

char *emit_command(struct machc *c, const struct p_machine *m)
{
    struct arena *a = c->arena;
    VEC(char) text = {0};
    bool binds = false;
    for (uint32_t i = 0; i < m->devices.n; i++)
        binds = binds || m->devices.at[i]->kind == DEV_PCI;
    const char *bound = binds ? arena_printf(a, "# Its devices are bound by: machrt bind %s.cfg\n", m->name) : "";
    const char *head = arena_printf(a,
                                    "#!/bin/sh\n# Machine %s, with %s. Give it the kernel, and the initramfs where the "
                                    "tree has a place for one.\n%sexec ",
                                    m->name, c->vmm, bound);
    for (; *head; head++)
        vec_push(a, &text, *head);
    for (uint32_t i = 0; i < m->command.n; i++) {
        for (const char *s = i ? " \\\n    " : ""; *s; s++)
            vec_push(a, &text, *s);
        for (const char *s = m->command.at[i]; *s; s++)
            vec_push(a, &text, *s);
    }
    vec_push(a, &text, '\n');
    vec_push(a, &text, '\0');
    return text.at;
}
