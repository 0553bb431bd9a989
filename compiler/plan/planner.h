// SPDX-License-Identifier: MIT
/*
 * What planning knows of the whole file. What it knows of the machine at hand is in machine/machine.h, and goes with
 * the machine.
 */
#ifndef MACHC_PLAN_PLANNER_H
#define MACHC_PLAN_PLANNER_H

#include "host/refs.h"
#include "machc.h"
#include "plan/plan.h"
#include "tree/dma.h"

struct caches;
struct copied;
struct facts;
struct iommu;
struct node_marks;
struct sysfs_names;

/*
 * Interned names of the properties that the compiler itself reads or writes (Devicetree Specification, chapters 2
 * and 3).
 */
struct property_names {
    const char *reg, *ranges, *dma_ranges, *interrupts, *interrupt_parent, *interrupts_extended, *interrupt_map,
        *interrupt_map_mask, *interrupt_names, *interrupt_cells, *interrupt_controller, *reg_names, *phandle,
        *linux_phandle, *status, *address_cells, *size_cells, *compatible, *clocks, *clock_names, *device_type;
};

/* A machine that has a node of the host. */
struct owner {
    struct p_machine *machine;
    const struct dt_node *top; // the node that the statement names
    struct src at;             // the statement
};

/* Why a node stays with the host. */
struct host_need {
    const struct dt_node *node;
    const char *what;           // "console"; "": the node is no device; of a provider, its kind: "clock"
    const struct dt_node *user; // of a provider: who cannot do without it; else NULL
};

/* What a device takes from a provider that its machine does not have, or the host from any. */
struct provider_use {
    const struct ref_rule *rule;
    const struct dt_node *provider, *user;
    const struct dt_prop *prop;      // the host's
    const struct p_machine *machine; // NULL: the host
    struct src at;                   // of a machine: the statement
    uint32_t cell, ncells;           // the specifier, in prop
    uint8_t fate;
};

struct planner {
    struct machc *c;
    struct model *model;
    const struct host *host; // or NULL
    const struct schemas *schemas;
    struct plan *plan;
    const struct facts *facts; // a snapshot of the running host, or NULL
    const struct property_names *n;

    /* given.c: which machine has which node of the host */
    struct owner **host_owner; // by node id; NULL: no machine has the node
    struct owner *last_owner;  // most nodes come to the same owner as the one before
    struct map kept;           // host node -> struct m_keep

    /* needs.c: what the host cannot lose */
    struct map needs;                        // host node -> struct host_need
    VEC(const struct host_need *) need_list; // the same without nodes that are no devices
    bool has_iommus;                         // some node of the host refers to an IOMMU
    bool has_dma_ids;                        // some node has a number that a PAMU knows it by

    /* uses.c: references of the host, and those that lead out of a machine */
    VEC(struct provider_use) uses;
    struct node_marks *marks;    // nodes whose phandles matter to providers
    struct map rule_of;          // interned property -> struct ref_rule, or 0
    struct ref_entries ref_room; // entries of one property at a time

    struct dma_view dma; // coherence and reach of the host's nodes; of a file with a host tree

    /* each private to the file that is named */
    struct sysfs_names *sysfs; // machine/sysfs_names.c
    struct map bodies;         // machine/schema_bodies.c: struct schema_body -> struct dts_op
    struct map rates;          // refs/fates.c: (host node, interned specifier) -> struct rate
    struct iommu *iommu;       // dma/iommu.c
    struct caches *caches;     // dma/stash.c

    struct copied **copy_of; // by host node id: the copy in the machine at hand; all NULL between machines
};

/* ---- given.c ---- */

/*
 * Gives the host's node `n` to machine `to`, along with `top`, the node that the statement at `where` names. False
 * after a message. *again is set when some machine has the node already: regions that meet follow from that.
 */
bool give_host_node(struct planner *p, struct p_machine *to, const struct dt_node *n, const struct dt_node *top,
                    struct src where, bool *again);

/* Whether nobody drives a node: no machine has it, and it or one above it is disabled. */
bool host_node_is_idle(const struct planner *p, const struct dt_node *n);

/* ---- needs.c ---- */

/* Finds what the host cannot lose: fills p->needs and p->need_list. Once, before any machine. */
void find_needs(struct planner *p);

/* ---- uses.c ---- */

/* The rule of a host node's property, if the property holds references that are settled as such; or NULL. */
const struct ref_rule *host_ref_rule(struct planner *p, const struct dt_node *n, const struct dt_prop *prop);

/* The entries of a host's property, in room that the next call reuses. False: the property cannot be read. */
bool host_ref_entries(struct planner *p, const struct dt_prop *prop, const struct ref_rule *rule,
                      struct ref_entries *e);

/* Remembers that a reference leads out of a machine. */
void add_provider_use(struct planner *p, const struct provider_use *use);

/* A set of nodes, none yet, in the draft. */
struct node_marks *node_marks_new(struct planner *p);

/* Marks a node that a machine has or takes something from. */
void mark_node(struct planner *p, const struct dt_node *n);

/* Whether some cell of the property may be the phandle of a marked node. */
bool may_refer_to_marked(const struct planner *p, const struct dt_prop *prop);

#endif
