// SPDX-License-Identifier: MIT
/*
 * Checks that need all machines. They run once, when all machines are planned, in the order of order/file.c. Errors and
 * warnings go to p->c->diags; temporary memory comes from the draft arena.
 */
#ifndef MACHC_ACROSS_ACROSS_H
#define MACHC_ACROSS_ACROSS_H

#include "plan/planner.h"

/* Reports things that have two owners. With c->table, it fills plan->owned. */
void check_owners(struct planner *p);

/*
 * Checks the IOMMU: whether the sub-windows of all machines fit into a PAMU's table (E0656; sets plan->spaact), whose
 * memory devices reach beyond what their maps ask for (E0657, W0602), and check_group_reach() and check_functions().
 */
void check_reach(struct planner *p);

/* Reports devices of machine `m` that are in one IOMMU group but do not reach the same. Needs a snapshot (p->facts). */
void check_group_reach(struct planner *p, const struct p_machine *m);

/* Warns about PCI functions that a PAMU may identify by the LIODN of their controller, if there is no snapshot. */
void check_functions(struct planner *p);

/* Warns about two machines that stash into one cache, unless all cpus share it (W0603). */
void check_stashes(struct planner *p);

/* Compares the plan with the snapshot of the running host, p->facts, which must not be NULL. */
void check_facts(struct planner *p);

/* Evaluates `assert` statements and reports those that fail (E0231). */
void check_asserts(struct planner *p);

#endif
