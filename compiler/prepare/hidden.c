// SPDX-License-Identifier: MIT
// Devices that no driver of the host may touch: `hide`.
#include "machine/machine.h"
#include "prepare/prepare.h"

void check_hidden(struct planner *p)
{
    for (uint32_t i = 0; i < p->model->hidden.n; i++) {
        const struct m_hidden *h = &p->model->hidden.at[i];
        if (p->host_owner[h->node->id])
            continue;
        struct diag *d = diag(p->c->diags, E0239, h->at, "no machine has %s, which is hidden from the host",
                              dt_path(p->c->arena, h->node));
        diag_help(d, "pass it through, or remove the node from `hide`");
    }
}

void hide_devices(struct overlay *o)
{
    for (uint32_t i = 0; i < o->p->model->hidden.n; i++) {
        const struct m_hidden *h = &o->p->model->hidden.at[i];
        struct origin *origin = NEW(o->p->c->arena, struct origin);
        *origin = (struct origin){ORIGIN_COMPUTED, h->at, "hidden from the host's drivers"};
        struct dt_node *n = overlay_of(o, h->node);
        n->origin = origin;
        note_kept(o, dt_path(o->p->c->arena, h->node), NULL, h->was_disabled ? "hidden and enabled" : "hidden",
                  o->p->host_owner[h->node->id]->machine);
        dt_set_str(o->tree, n, o->p->n->compatible, hidden_compatible(o->p), origin);
        if (h->was_disabled)
            dt_set_str(o->tree, n, o->p->n->status, "okay", origin);
    }
}
