// SPDX-License-Identifier: MIT
// Finds the values of attributes that `assert` statements name.
#ifndef MACHC_ACROSS_ASSERT_VALUES_H
#define MACHC_ACROSS_ASSERT_VALUES_H

#include "plan/planner.h"

/* A thing that has attributes. */
struct asked_object {
    uint8_t kind;     // enum object_kind
    const void *of;   // the struct of the plan
    const char *text; // "device `eth0`", for messages
};

/* What asserts have asked for, so that many of them do not search the plan again and again. */
struct asked_before {
    struct map machines; // name -> struct p_machine
    struct map named;    // (machine, name) -> index in objects; (machine, NULL) -> 1: it has been indexed
    struct map elements; // (owner + kind, name) -> index in its list of the kind; (owner, kind) -> 1: indexed
    struct map sums;     // (object, name of the attribute) -> number
    VEC(struct asked_object) objects;
};

/* The evaluation of one `assert`. */
struct asked {
    struct planner *p;
    struct asked_before *before;
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
