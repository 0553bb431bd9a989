// SPDX-License-Identifier: MIT
// Reads references of the host's nodes, and tells which of them may concern a machine.
#include "plan/planner.h"

bool host_ref_entries(struct planner *p, const struct dt_prop *prop, const struct ref_rule *rule, struct ref_entries *e)
{
    bool ok = !host_read_refs(p->c, p->host, prop, rule, &p->ref_room);
    *e = p->ref_room;
    return ok;
}

void add_provider_use(struct planner *p, const struct provider_use *use)
{
    vec_push(draft_arena(p->c), &p->uses, *use);
}

/*
 * The host's own references are many, and few refer to a node that a machine has or takes something from. A small bit
 * table, indexed by a hash of the phandle, marks these nodes. Other nodes may share a bit with a marked one; this costs
 * a needless look at their references.
 */
struct node_marks {
    uint64_t bits[1024];
};

struct node_marks *node_marks_new(struct planner *p)
{
    return NEW(draft_arena(p->c), struct node_marks);
}

static uint32_t mark_bit_of(uint32_t phandle)
{
    return phandle * UINT32_C(0x9e3779b1) >> 16; // 2^32 / golden ratio
}

void mark_node(struct planner *p, const struct dt_node *n)
{
    uint32_t bit = mark_bit_of(n->phandle);
    if (n->phandle) // without a phandle, nothing refers to the node
        p->marks->bits[bit / 64] |= UINT64_C(1) << bit % 64;
}

bool may_refer_to_marked(const struct planner *p, const struct dt_prop *prop)
{
    for (uint32_t i = 0; i < prop->len / 4; i++) {
        uint32_t bit = mark_bit_of(dt_cell(prop, i));
        if (p->marks->bits[bit / 64] >> bit % 64 & 1)
            return true;
    }
    return false;
}
