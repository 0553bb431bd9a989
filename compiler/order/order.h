// SPDX-License-Identifier: MIT
// The order in which everything is decided: of a machine (machine.c), of a file (file.c).
#ifndef MACHC_ORDER_ORDER_H
#define MACHC_ORDER_ORDER_H

#include "plan/planner.h"

/*
 * Decides everything. Mistakes go to c->diags; the plan is fit for emitters only when there is no error. It stands by
 * itself: the model's drafts are given back.
 */
struct plan *plan_make(struct machc *c, struct model *m);

/* Plans one machine of the file and adds it to p->plan. */
void plan_machine(struct planner *p, const struct m_machine *m);

#endif
