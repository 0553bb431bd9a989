// SPDX-License-Identifier: MIT
// Checks that need all machines, when all are planned. Messages go to p->c->diags.
#ifndef MACHC_ACROSS_ACROSS_H
#define MACHC_ACROSS_ACROSS_H

#include "plan/planner.h"

/* No two owners of one thing. */
void check_owners(struct planner *p);

/* What all machines take of the IOMMU together, and what their devices reach beyond what they were given. */
void check_reach(struct planner *p);

/* Devices of one IOMMU group, where a snapshot of the host tells them, reach the same. */
void check_group_reach(struct planner *p, const struct p_machine *m);
/* PCI functions that a PAMU may know by one LIODN, their controller's, where no snapshot tells: warnings. */
void check_functions(struct planner *p);

/* Two machines that stash into one cache that not all cpus share. */
void check_stashes(struct planner *p);

/* The plan against a snapshot of the running host (p->facts). */
void check_facts(struct planner *p);

/* `assert` statements. */
void check_asserts(struct planner *p);

#endif
