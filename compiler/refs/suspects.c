// SPDX-License-Identifier: MIT
// Warns of numbers in a copied node that are likely to be references, which no rule describes and no statement settles.
#include "refs/refs.h"

#include <inttypes.h>

enum { SHOWN = 4 };

void refs_warn_suspects(struct machine_planner *p, const struct copied *k, const struct dt_prop *prop)
{
    const struct dt_ref *suspects = refs_is_mentioned(k, prop->name) ? NULL : host_suspects(p->c, p->host, prop);
    if (!suspects)
        return;
    struct arena *a = p->c->arena;
    const char *path = dt_path(a, k->host), *target = dt_path(a, suspects->target);
    struct diag *d =
        diag(p->c->diags, W0424, refs_place(k),
             "`%s` of %s seems to refer to %s, but the guest gets the host's number for that node, %#" PRIx32,
             prop->name, path, target, dt_cell(prop, suspects->offset / 4));
    uint32_t n = 0;
    for (const struct dt_ref *r = suspects; r; r = r->next, n++)
        if (n < SHOWN)
            diag_fact(d, "%s: cell %" PRIu32 " of `%s` is the phandle of %s", p->host->file, r->offset / 4, prop->name,
                      dt_path(a, r->target));
    if (n > SHOWN)
        diag_fact(d, "and %" PRIu32 " more", n - SHOWN);
    diag_help(
        d,
        "settle it: `ref %s FATE;`, where FATE is one of `drop`, `assign`, `to &NODE`, `copy`, or `keep` if it is "
        "a number",
        prop->name);
}
