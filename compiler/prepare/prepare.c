// SPDX-License-Identifier: MIT
#include "prepare/prepare.h"

void prepare_host(struct planner *p)
{
    struct plan *plan = p->plan;
    if (!p->host)
        return;
    struct overlay o = {.p = p, .tree = dt_tree_new(p->c->arena, p->c->names)};
    add_keepers(&o);
    hide_devices(&o);
    reserve_memory(&o);
    overlay_finish(&o);
    if (o.fragments)
        plan->host.overlay = o.tree;
    add_arguments(p, o.locals.n > 0);
    add_proofs(&o);
}
