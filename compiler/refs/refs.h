// SPDX-License-Identifier: MIT
/*
 * Settles the references of copied nodes: each reference to a node that the guest does not have gets a fate (`ref`
 * statement, class or default), or is an error.
 *
 * Names: "settle" means to decide and write the guest's value of one property (struct settle); "companion" properties
 * have one element for each reference (names, rates, parents). Errors go to p->c->diags. Memory comes from the draft
 * arena, except for what is part of the guest's tree.
 */
#ifndef MACHC_REFS_REFS_H
#define MACHC_REFS_REFS_H

#include "facts/facts.h"
#include "machine/machine.h"

/* A reference in the new value of a property. */
struct new_ref {
    uint32_t offset;               // bytes from the start of the value
    struct dt_node *target;        // NULL with `statement`
    const struct m_ref *statement; // fate `to`: the target is found by name when all nodes of the guest exist
    uint32_t cells;                // of `to`: those after the phandle
};

/* A property of the node at hand that lost entries. Properties that follow it lose the same entries. */
struct shortened {
    const char *property;
    const bool *kept; // by entry; NULL: no entry is left
    uint32_t n;
};

/* An entry that nothing settles. */
struct open_ref {
    const struct copied *k;
    const struct dt_prop *prop; // the property of the host
    const struct ref_rule *rule;
    struct ref_entry entry;
    uint32_t index, entries; // the entry's number, and how many the property has
    const char *name;        // that the entry has, interned; or NULL
    struct driver_says says;
    const struct dt_node *other; // the provider that `fixed` for the whole property is about; or NULL
};

/* What is offered for an entry: the clause, and what is said of it. */
struct offer {
    const char *clause; // "fixed RATE"
    const char *remark; // or NULL
};

/* Memory for settling one property, reused for the next. */
struct settle_room {
    struct ref_entries entries;
    VEC(struct new_ref) refs;
    VEC(bool) kept;
    VEC(struct open_ref) open;       // of the whole machine
    VEC(struct shortened) shortened; // properties of the node at hand
    struct ref_property numbered;    // rule of the node at hand whose numbers now have a gap; {NULL, NULL}: none
    const char *all;                 // "*", interned
    struct map fixed_for;            // (`fixed` for a whole property, property) -> the provider that it is about
    struct map rates;                // rates.c: (provider, its specifier as text) -> the first struct rate_in_tree
    struct map own_rates;            // rates.c: (node that assigns it, provider and specifier as text) -> the same
    bool has_rates;                  // it is filled
    struct map shadowed;             // (statement, its shadow) -> the statement: its registers are added
    struct map bringing;             // property -> whether it may bring a provider by default
    struct map described;            // node of the host -> whether it is a description (defaults.c)
    struct map refused;              // (property of the host, entry) -> 1: the provider was refused, with a message
};

/* One property while it is settled. */
struct settle {
    struct machine_planner *p;
    struct copied *k;
    const struct dt_prop *prop; // the property of the host
    const struct ref_rule *rule;
    struct ref_entries entries;
    const char *problem;              // why the value cannot be read
    const struct ref_entry *first_to; // the first entry that gets the cells of a `to <...>` for the whole property
    /* the new value */
    uint8_t *data;
    uint32_t len;
    uint32_t solid; // length without the empty entries at the end
    struct new_ref *refs;
    uint32_t nrefs;
    bool *kept; // by entry; NULL: no entry is kept
    bool changed;
    bool failed;
};

/* The fate of an entry, and where it comes from. */
struct verdict {
    uint8_t fate;                  // enum fate
    uint64_t fixed;                // value of fate `fixed`
    const struct m_ref *statement; // NULL: a default
};

/* Returns the location of the statements for a node, or for the subtree that it is in. */
static inline struct src refs_place(const struct copied *k)
{
    return k->part ? k->part->at : k->pass->parts.at[0].at;
}

/* Returns a key for a statement: its location, which copies of the statement that `assign` makes share. */
static inline uint64_t refs_key(const struct m_ref *r)
{
    return (uint64_t)r->at.loc.file << 32 | r->at.loc.start;
}

/* STEP_REFS: settles the references of all copies. */
void settle_refs(struct machine_planner *p);

/*
 * Checks that references with fate `to` have as many cells as their target needs (E0417, E0418). Called after
 * STEP_NAMES, when the targets are known.
 */
void check_to_refs(struct machine_planner *p);

/*
 * STEP_DRIVERS: warns of nodes that lost what their driver does not start without (W0429), of what was dropped and has
 * no replacement (W0431), and of drivers that ask a parent which the guest does not have (W0432).
 */
void check_drivers(struct machine_planner *p);

/*
 * Splits s->prop into s->entries, which stay valid until the next call for this machine. If the property cannot be
 * read, returns false and sets s->problem to the reason.
 */
bool refs_read(struct settle *s);

/* ---- rules.c ---- */

/*
 * Returns the rule for a property of a copied node: that of the schemas, or a new one for a property that no schema
 * knows but that holds a reference. NULL: the property holds no references to settle.
 */
const struct ref_rule *refs_rule(struct machine_planner *p, const struct copied *k, const struct dt_prop *prop);

/* Whether a `ref` statement for the node, or its class, names the property. */
bool refs_is_mentioned(const struct copied *k, const char *property);

/* ---- defaults.c ---- */

/*
 * Returns the verdict on an entry of s->prop that no statement settles: that of the class; of what the host's tree
 * describes completely, a copy or its value; else the rule's default. FATE_ERROR: there is none.
 */
struct verdict refs_default(struct settle *s, const struct ref_entry *e);

/*
 * Whether a node of the host is a description: its driver needs nothing but numbers of the tree and other descriptions,
 * so that a copy serves the guest as it serves the host (a fixed clock, a divider behind it).
 */
bool refs_is_description(struct machine_planner *p, const struct dt_node *n);

/*
 * Returns why no driver can serve a copy of a node of the host, which has neither its registers nor what is above it:
 * a clause that completes "a copy would serve nothing: ...". NULL: nothing is known against a copy.
 */
const char *refs_copy_lacks(struct machine_planner *p, const struct dt_node *n);

/*
 * Returns the value that the host's tree gives to a provider in the unit of `fixed` (microvolts), where it leaves no
 * choice: both ends of its range are the same. 0: none is known.
 */
uint32_t refs_value_in_tree(struct machine_planner *p, const struct ref_rule *rule, const struct dt_node *provider);

/* ---- driver.c ---- */

/* Returns what is known of the driver for a node of tree `t`, the host's or the guest's; or NULL. */
const struct driver_facts *refs_driver_of(struct machine_planner *p, const struct dt_node *n, const struct dt_tree *t);

/* Returns the name of entry `index` of a property of the host's node with this rule, interned; or NULL. */
const char *refs_entry_name(const struct machine_planner *p, const struct dt_node *host, const struct ref_rule *rule,
                            uint32_t index);

/* ---- rates.c ---- */

/* Returns the cells after an entry's phandle as decimal numbers with a blank before each, eight at most. */
const char *refs_specifier_text(struct machine_planner *p, const struct dt_prop *prop, const struct ref_entry *e);

/*
 * Returns the rate in Hz that a node of the host assigns to the clock of an entry, and sets *where to that node: to
 * `user` if that does, which Linux comes to last. 0: none does. The first call for a machine reads all nodes of the
 * host.
 */
uint32_t refs_rate_in_tree(struct machine_planner *p, const struct dt_node *user, const struct ref_rule *rule,
                           const struct dt_prop *prop, const struct ref_entry *e, const struct dt_node **where);

/*
 * Returns the value for `fixed` without one: what the board gives, where a snapshot says it; the rate or voltage that
 * the host's tree tells; or any rate where the driver looks at none. 0: it has to be written.
 */
uint64_t refs_value_unwritten(struct settle *s, uint32_t index, const struct ref_entry *e);

/* ---- measured.c ---- */

/* What a snapshot of the board says that a clock or a regulator gives, and where. */
struct measured {
    uint64_t value; // in the unit of `fixed`; 0: it does not say
    struct loc at;
};

/*
 * Looks an entry of `user`, a node of the host, up in the snapshot: entry `index` of `entries`. A clock is found as
 * that of the user's device, or by the name that its provider gives to the output.
 */
struct measured refs_measured(struct machine_planner *p, const struct dt_node *user, const struct ref_rule *rule,
                              const struct dt_prop *prop, const struct ref_entry *e, uint32_t index, uint32_t entries);

/* ---- open.c ---- */

/* Returns the choice that most likely works for an entry. */
struct offer refs_likely_offer(struct machine_planner *p, const struct open_ref *o);

/* Reports all of settle_room->open (E0409): one message for each statement. */
void refs_report_open(struct machine_planner *p);

/* ---- suspects.c ---- */

/* Warns of cells in a property of the host, copied to `k`, that are likely to be references (W0424). */
void refs_warn_suspects(struct machine_planner *p, const struct copied *k, const struct dt_prop *prop);

/* ---- fates.c ---- */

/* Carries out fate `assign` or `copy`: adds the provider to the guest if it is not there yet. False after a message. */
bool refs_bring_provider(struct settle *s, const struct ref_entry *e, const struct verdict *v);

/* ---- shadow.c ---- */

/* Carries out fate `shadow`: adds the provider's shadow, and the registers that may be written. False after a message.
 */
bool refs_bring_shadow(struct settle *s, const struct ref_entry *e, const struct verdict *v);

/* Returns the number of the bit that an entry's specifier names (schema_line_bit()), or NO_LINE. */
uint32_t refs_line_bit(const struct settle *s, const struct schema_lines *lines, const struct ref_entry *e);

/* ---- fates.c ---- */

/* Appends entry `index` to the new value as the verdict requires. Its fate must not be FATE_ERROR. */
void refs_carry_out(struct settle *s, uint32_t index, const struct ref_entry *e, const struct verdict *v);

/* Appends `cells` cells of the host's value, from cell `from` on, to the new value. */
void refs_append_cells(struct settle *s, uint32_t from, uint32_t cells);

/* Appends an entry to the new value, with a reference to the guest's node `target` in place of its phandle. */
void refs_append_entry(struct settle *s, const struct ref_entry *e, struct dt_node *target);

/* Returns the copy of a host node (or NULL) in the guest, or NULL if there is none or an edit has deleted it. */
struct copied *refs_guest_copy(const struct settle *s, const struct dt_node *target);

/*
 * Reports a `keep` for an entry that is known to be a reference, such as `&label` in the source of the host's tree
 * (E0420): `keep` is for numbers that only look like a phandle.
 */
void refs_refuse_keep(struct settle *s, const struct m_ref *statement, const struct dt_node *target);

/* Whether fate `assign` can pass the device of a provider through besides the device of `k`. */
bool refs_is_assignable(const struct machine_planner *p, const struct copied *k, const struct dt_node *provider);

/* ---- unused.c ---- */

/* Reports `ref` statements in `part` that have settled nothing (E0410, E0411, E0415, E0416). */
void refs_check_unused(struct machine_planner *p, const struct m_passthrough *pass, const struct m_part *part);

/* ---- along.c ---- */

/* After entries of s->prop were dropped: removes the elements for these entries from its companion properties. */
void refs_filter_companions(struct settle *s);

/*
 * After a numbered property such as pinctrl-1 was dropped: renumbers the ones after it so that no number is missing,
 * and removes its name. Does nothing if an edit has written one of them.
 */
void refs_renumber(struct machine_planner *p, const struct copied *k, const struct ref_property *rule);

#endif
