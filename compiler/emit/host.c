// SPDX-License-Identifier: MIT
// What is changed on the host: as text for people, and the kernel's arguments as a line.
#include "emit/emit.h"

#include "machc.h"

#include "tree/tree.h"

char *emit_host_arguments(struct machc *c, const struct plan *p)
{
    const char *line = "";
    for (uint32_t i = 0; i < p->host.arguments.n; i++)
        line = arena_printf(c->arena, "%s%s%s", line, i ? " " : "", p->host.arguments.at[i]);
    return arena_printf(c->arena, "%s\n", line);
}

char *emit_host(struct machc *c, const struct plan *p)
{
    const char *text = "// The host's kernel needs these arguments:\n";
    for (uint32_t i = 0; i < p->host.arguments.n; i++)
        text = arena_printf(c->arena, "%s//     %s\n", text, p->host.arguments.at[i]);
    if (!p->host.arguments.n)
        text = "// The host's kernel needs no arguments.\n";
    if (!p->host.overlay)
        return arena_printf(c->arena, "%s// The host's tree stays as it is.\n", text);
    return arena_printf(c->arena, "%s// What is put onto the host's tree:\n%s", text,
                        dts_write(c, p->host.overlay, true));
}
