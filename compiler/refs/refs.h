// SPDX-License-Identifier: MIT
// One reference property on its way to the guest.
#ifndef MACHC_REFS_REFS_H
#define MACHC_REFS_REFS_H

#include "machine/machine.h"

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
    struct ref_entries entries;
    VEC(struct new_ref) refs;
    VEC(bool) kept;
    VEC(uint32_t) open;
    VEC(struct shortened) shortened; // of the node at hand
    struct ref_property numbered;    // of the node at hand: a rule whose numbers have a gap now; {NULL, NULL}: none
    const char *all;                 // "*", interned
    struct map refused;              // (property of the host, entry) -> 1: nobody can be brought along, with a message
};

struct settle {
    struct machine_planner *p;
    struct copied *k;
    const struct dt_prop *prop; // the host's value
    const struct ref_rule *rule;
    struct ref_entries entries;
    const char *problem; // why the value cannot be read
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

/* What becomes of an entry. */
struct verdict {
    uint8_t fate;
    uint64_t fixed;
    const struct m_ref *said; // NULL: a default
};

/* Where the description refers to a node, or to the subtree that contains it. */
static inline struct src refs_place(const struct copied *k)
{
    return k->part ? k->part->at : k->pass->parts.at[0].at;
}

/* A statement, wherever `assign` has carried it: by its place. */
static inline uint64_t refs_key(const struct m_ref *r)
{
    return (uint64_t)r->at.loc.file << 32 | r->at.loc.start;
}

/* STEP_REFS: settles the references of all copies. */
void settle_refs(struct machine_planner *p);

/* After STEP_NAMES: whether references that go `to` a node fit it. */
void check_to_refs(struct machine_planner *p);

/* Fills s->entries from s->prop, in room of the machine. False: s->problem says why the property cannot be read. */
bool refs_read(struct settle *s);

/* ---- rules.c ---- */

/*
 * The rule for a property: a schema's; of one that no schema knows, but that holds references or is mentioned, one of
 * its own. NULL: none.
 */
const struct ref_rule *refs_rule(struct machine_planner *p, const struct copied *k, const struct dt_prop *prop);

/* ---- fates.c ---- */

/* Fates `assign` and `copy`: makes the provider a node of the guest, if it is none yet. False after a message. */
bool refs_bring(struct settle *s, const struct ref_entry *e, const struct verdict *v);

/* Writes an entry as the verdict has it, which is not FATE_ERROR. */
void refs_carry_out(struct settle *s, uint32_t index, const struct ref_entry *e, const struct verdict *v);

/* Writes an entry that stays: as it is, or with its phandle that of a guest's node. */
void refs_put(struct settle *s, uint32_t from, uint32_t cells);
void refs_put_entry(struct settle *s, const struct ref_entry *e, struct dt_node *target);

/* The copy of a node, unless an edit has deleted it. */
struct copied *refs_in_guest(const struct settle *s, const struct dt_node *target);

/* `keep` is for numbers that look like a phandle; a `&label` in the source of the host's tree is none. */
void refs_refuse_keep(struct settle *s, const struct m_ref *said, const struct dt_node *target);

/* ---- unused.c ---- */

/* Messages for statements of a node that have settled nothing. */
void refs_check_unused(struct machine_planner *p, const struct m_passthrough *pass, const struct m_part *part);

/* ---- along.c ---- */

/* When entries of s->prop went: the names of entries, and the properties that have something for each entry. */
void refs_along(struct settle *s);

/* When properties with a number went: those behind them move up, their names as well. */
void refs_renumber(struct machine_planner *p, const struct copied *k, const struct ref_property *rule);

#endif
