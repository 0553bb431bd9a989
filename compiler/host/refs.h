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
    const struct dt_node *target; // NULL: a hole (phandle 0 or -1), or a number
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

/* Whether a property that no schema knows holds a reference. */
bool host_holds_ref(const struct host *h, const struct dt_prop *prop);

#endif
