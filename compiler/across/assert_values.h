// SPDX-License-Identifier: MIT
// What an `assert` asks for.
#ifndef MACHC_ACROSS_ASSERT_VALUES_H
#define MACHC_ACROSS_ASSERT_VALUES_H

#include "plan/planner.h"

struct asked {
    struct planner *p;
    struct frame *frame; // of the assert: what an index can be made of
    struct src at;
    bool chosen; // a value was asked for that the compiler chose, or counted
};

/* The value of MACHINE.ATTRIBUTE, MACHINE.NAME.ATTRIBUTE, MACHINE.NAME.LIST[WHICH].ATTRIBUTE. An attr_fn: `opaque` is a
 * struct asked. False after a message. */
bool attrs_value(void *opaque, const struct expr *e, struct value *v);

#endif
