// SPDX-License-Identifier: MIT
// Private to refs.c, refs_read.c and refs_along.c: one reference property on its way to the guest.
#ifndef MACHC_PLAN_REFS_H
#define MACHC_PLAN_REFS_H

#include "plan/work.h"

/* One entry of a reference property, as the host wrote it. */
struct entry {
    uint32_t start, cells;        // cells of the property
    uint32_t phandle;             // cell of the phandle
    const struct dt_node *target; // NULL: a hole (phandle 0 or -1), or a number
    bool known;                   // the source of the host's tree says that it is a reference
};

struct entries {
    struct entry *at;
    uint32_t n, room;
};

struct new_ref {
    uint32_t offset;
    struct dt_node *target;
    const struct m_ref *said; // fate `to`: the target is found by name when all nodes are there
};

/* A property of the node at hand that lost entries, for those that go along with it. */
struct shortened {
    const char *property;
    const bool *kept; // by entry; NULL: none of them is left
    uint32_t n;
};

/* Room for one property at a time, used again for the next. */
struct settle_room {
    struct entries entries;
    VEC(struct new_ref) refs;
    VEC(bool) kept;
    VEC(uint32_t) open;
    VEC(struct shortened) shortened;  // of the node at hand
    const struct ref_rule *numbered;  // of the node at hand: a rule whose numbers have a gap now
    const char *all;                  // "*", interned
};

struct settle {
    struct planner *p;
    struct copied *k;
    const struct dt_prop *prop; // the host's value
    const struct ref_rule *rule;
    struct entries entries;
    const struct dt_ref *known; // of the host's value: where refs_read() is among those that its source tells
    const char *problem;        // why the value cannot be read
    /* the new value */
    uint8_t *data;
    uint32_t len;
    uint32_t solid; // up to here there is more than holes
    struct new_ref *refs;
    uint32_t nrefs;
    bool *kept; // by entry; NULL: none is
    bool changed;
    bool failed;
};

/* ---- refs_read.c ---- */

/* Fills s->entries. False: s->problem says why the property cannot be read. */
bool refs_read(struct settle *s);

/* The rule for a property: a schema's; of one that no schema knows, but that holds references or is spoken of, one of its own. NULL: none. */
const struct ref_rule *refs_rule(struct planner *p, const struct copied *k, const struct dt_prop *prop);

/* True when a property that no schema knows holds a reference. */
bool refs_any(const struct planner *p, const struct dt_prop *prop);

/* ---- refs_along.c ---- */

/* When entries of s->prop went: the names of entries, and the properties that have something for each entry. */
void refs_along(struct settle *s);

/* When properties with a number went: those behind them move up, their names as well. */
void refs_renumber(struct planner *p, const struct copied *k, const struct ref_rule *rule);

#endif
