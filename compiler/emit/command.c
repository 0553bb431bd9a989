// SPDX-License-Identifier: MIT
// The command line of another VMM, as a shell script.
#include "emit/emit.h"

#include "machc.h"

char *emit_command(struct machc *c, const struct p_machine *m)
{
    bool binds = false;
    for (uint32_t i = 0; i < m->devices.n; i++)
        binds = binds || m->devices.at[i]->kind == DEV_PCI;
    char *text =
        arena_printf(c->arena,
                     "#!/bin/sh\n# Machine %s, with %s. Give it the kernel, and the initramfs where the tree has "
                     "a place for one.\n%s%s%s",
                     m->name, c->vmm, binds ? "# Its devices are bound by: machrt bind " : "", binds ? m->name : "",
                     binds ? ".cfg\n" : "");
    for (uint32_t i = 0; i < m->command.n; i++)
        text = arena_printf(c->arena, "%s%s%s%s", text, i ? "    " : "exec ", m->command.at[i],
                            i + 1 < m->command.n ? " \\\n" : "\n");
    return text;
}
