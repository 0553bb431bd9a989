// SPDX-License-Identifier: MIT
// Parts of a plan in words, for messages. All texts are in the arena.
#ifndef MACHC_PLAN_DESCRIBE_H
#define MACHC_PLAN_DESCRIBE_H

#include "plan/plan.h"

/* "interrupt 0 of `i2c0`", "entry 3 of the interrupt-map of `pcie0`". */
const char *describe_irq(struct machc *c, const struct p_irq *irq);

/* The statement that drops an interrupt, in backticks, with the `child` that it belongs into: "`irq 0 drop;`". */
const char *describe_irq_drop(struct machc *c, const struct p_irq *irq);

/* "region 0 of `i2c0`", "window 1 of `pcie0`". */
const char *describe_region(struct machc *c, const struct p_region *r);

#endif
