// SPDX-License-Identifier: MIT
// Asserts the order of the steps in which a machine is planned.
#include "machine/machine.h"

#include <assert.h>

void enter_step(struct machine_planner *p, enum machine_step step)
{
    assert(step == p->step + 1);
    p->step = step;
}
