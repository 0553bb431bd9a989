// SPDX-License-Identifier: MIT
// Text for a node that is passed through alone.
#ifndef MACHC_CORPUS_INTX_H
#define MACHC_CORPUS_INTX_H

#include "host/host.h"
#include "machc.h"

#include <string.h>

/* Statements that drop the INTx lines of bridges, which no kernel gives: of the node and of those below it. */
static inline const char *without_intx(struct machc *c, const struct dt_node *top)
{
    const char *list = "", *path = dt_path(c->arena, top);
    for (const struct dt_node *n = top; n; n = dt_next(n, top)) {
        if (!c->host->nodes[n->id].nmap_irqs)
            continue;
        const char *below = dt_path(c->arena, n) + strlen(path);
        list = n == top ? "irq intx drop; "
                        : arena_printf(c->arena, "%schild \"%s\" { irq intx drop; } ", list, below + 1);
    }
    return list;
}

#endif
