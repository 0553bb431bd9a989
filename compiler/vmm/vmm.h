// SPDX-License-Identifier: MIT
// Other VMMs, which take no guest.cfg: what they can keep of a machine.
#ifndef MACHC_VMM_VMM_H
#define MACHC_VMM_VMM_H

#include "plan/planner.h"

/*
 * Gives the machines of the plan, or c->vmm_machine alone, the command line of the VMM c->vmm (p_machine.command).
 * Reports each statement that it cannot keep: E1050, and E1051 where it has no such machine at all.
 */
void command_of_vmm(struct planner *p);

#endif
