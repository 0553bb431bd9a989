// SPDX-License-Identifier: MIT
// Finds the values of attributes that `assert` statements name.
#ifndef MACHC_ACROSS_ASSERT_VALUES_H
#define MACHC_ACROSS_ASSERT_VALUES_H

#include "plan/planner.h"

/* The evaluation of one `assert`. */
struct asked {
    struct planner *p;
    struct frame *frame; // the variables of the statement, which an index can use
    struct src at;
    bool chosen; // set when a value is used that the compiler chose or counted
};

/*
 * Sets *v to the value of MACHINE.ATTRIBUTE, MACHINE.NAME.ATTRIBUTE or MACHINE.NAME.LIST[WHICH].ATTRIBUTE. It is an
 * attr_fn; `opaque` is a struct asked. Returns false after a message (E0228, E0229, E0230, E0235). Texts belong to the
 * plan.
 */
bool assert_value(void *opaque, const struct expr *e, struct value *v);

#endif
