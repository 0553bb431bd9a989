// SPDX-License-Identifier: MIT
// The order in which everything is decided: for a machine (machine.c) and for a file (file.c).
#ifndef MACHC_ORDER_ORDER_H
#define MACHC_ORDER_ORDER_H

#include "plan/planner.h"

/*
 * Makes the plan of a whole file. Errors and warnings go to c->diags; emitters may use the plan only if there is no
 * error. The plan is allocated in c->arena and is never NULL. It keeps referring to `m`, but c->draft is freed, with
 * the passthroughs of the model and all tables of the planner.
 */
struct plan *plan_make(struct machc *c, struct model *m);

/*
 * Plans one machine of the file and adds it to p->plan. Errors and warnings go to p->c->diags; a machine whose own
 * statements have an error is added but not planned.
 */
void plan_machine(struct planner *p, const struct m_machine *m);

#endif
