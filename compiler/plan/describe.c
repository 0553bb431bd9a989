// SPDX-License-Identifier: MIT
// Names the parts of a plan in messages.
#include "plan/describe.h"

#include "machc.h"

const char *describe_irq(struct machc *c, const struct p_irq *irq)
{
    return arena_printf(c->arena, "interrupt %u of `%s`", irq->index, irq->device->name);
}

const char *describe_irq_drop(struct machc *c, const struct p_irq *irq)
{
    const struct dt_node *node = irq->host->node;
    const char *unsafe = irq->needed_by ? " unsafe" : "";
    if (!irq->device->pass || irq->device->pass->parts.at[0].node == node)
        return arena_printf(c->arena, "`irq %u drop%s;`", irq->index, unsafe);
    const char *top = dt_path(c->arena, irq->device->pass->parts.at[0].node), *path = dt_path(c->arena, node);
    return arena_printf(c->arena, "`child %s { irq %u drop%s; }`", path + strlen(top) + 1, irq->index, unsafe);
}

const char *describe_irq_need(struct machc *c, const struct p_irq *irq)
{
    if (!irq->needed_by)
        return "";
    return arena_printf(c->arena, " if the guest's driver polls (%s of Linux does not start without)", irq->needed_by);
}

const char *describe_region(struct machc *c, const struct p_region *r)
{
    return arena_printf(c->arena, "%s %u of `%s`", r->window ? "window" : "region", r->index, r->device->name);
}
