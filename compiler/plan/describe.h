// SPDX-License-Identifier: MIT
// Names the parts of a plan in messages. All texts are allocated in c->arena.
#ifndef MACHC_PLAN_DESCRIBE_H
#define MACHC_PLAN_DESCRIBE_H

#include "plan/plan.h"

/* Names an interrupt: "interrupt 0 of `i2c0`", "entry 3 of the interrupt-map of `pcie0`". */
const char *describe_irq(struct machc *c, const struct p_irq *irq);

/*
 * Returns the statement that drops an interrupt, in backticks: "`irq 0 drop;`", or "`child usb@0 { irq 0 drop; }`"
 * where the interrupt belongs to a node below the one that is passed through; `drop unsafe` where Linux's driver needs
 * it. irq->host must not be NULL.
 */
const char *describe_irq_drop(struct machc *c, const struct p_irq *irq);

/* " if the guest's driver polls (...)" where Linux's driver does not start without the interrupt, else "". */
const char *describe_irq_need(struct machc *c, const struct p_irq *irq);

/* Names a region: "region 0 of `i2c0`", "window 1 of `pcie0`". */
const char *describe_region(struct machc *c, const struct p_region *r);

#endif
