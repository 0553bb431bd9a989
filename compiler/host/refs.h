// SPDX-License-Identifier: MIT
// References of the host's nodes, read as the schemas say that they are written.
#ifndef MACHC_HOST_REFS_H
#define MACHC_HOST_REFS_H

#include "base/vec.h"
#include "host/host.h"

/* One entry of a reference property, as the host wrote it. */
struct ref_entry {
    uint32_t start, cells;        // cells of the property
    uint32_t phandle;             // cell of the phandle
    uint32_t child_cell;          // cell of an argument that is the phandle of `child`; 0: there is none
    const struct dt_node *target; // NULL: a hole (phandle 0 or -1), or a number
    const struct dt_node *child;  // of the target; NULL with child_cell 0
    bool known;                   // the source of the host's tree says that it is a reference
};

struct ref_entries {
    struct ref_entry *at;
    uint32_t n, room;
};

/*
 * Takes a property of a host's node apart, as `rule` says. The entries replace what `out` had; its room is reused and
 * grows in the draft. Returns NULL, or why the property cannot be read, in the arena.
 */
const char *host_read_refs(struct machc *c, const struct host *h, const struct dt_prop *prop,
                           const struct ref_rule *rule, struct ref_entries *out);

/*
 * Returns the rule for the references in property `prop` of the host node `n`; NULL if it holds none, or only those to
 * interrupt controllers, which are handled as interrupts.
 */
const struct ref_rule *host_ref_rule(const struct host *h, const struct dt_node *n, const struct dt_prop *prop);

/*
 * Whether a property that no schema describes holds a reference: one that the tree's source or /__local_fixups__ tells,
 * a likely one, or a first cell that is a phandle.
 */
bool host_holds_ref(struct machc *c, const struct host *h, const struct dt_prop *prop);

/* ---- suspects.c ---- */

/*
 * References that no rule describes, found by elimination: dtc gives a node a phandle only where something refers to
 * it, so what refers to a node that no known reference leads to is another property. Returns those in `prop`, a
 * property of a host's node, by rising offset; or NULL. They are likely, not certain. The first call for a host reads
 * all of its references.
 */
const struct dt_ref *host_suspects(struct machc *c, const struct host *h, const struct dt_prop *prop);

#endif
