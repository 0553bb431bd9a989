// SPDX-License-Identifier: MIT
/*
 * What planning knows about the whole file. What it knows about the machine at hand is in machine/machine.h and is
 * discarded with the machine.
 */
#ifndef MACHC_PLAN_PLANNER_H
#define MACHC_PLAN_PLANNER_H

#include "host/linux.h"
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
struct host_bridges;

/*
 * Interned names of the properties that the compiler itself reads or writes (Devicetree Specification, chapters 2
 * and 3).
 */
struct property_names {
    const char *reg, *ranges, *dma_ranges, *interrupts, *interrupt_parent, *interrupts_extended, *interrupt_map,
        *interrupt_map_mask, *interrupt_names, *interrupt_cells, *interrupt_controller, *reg_names, *phandle,
        *linux_phandle, *status, *address_cells, *size_cells, *compatible, *clocks, *clock_names, *clock_cells,
        *device_type;
};

/* The machine that a node of the host is given to. */
struct owner {
    struct p_machine *machine;
    const struct dt_node *top; // the node that the statement names
    struct src at;             // the statement
};

/* The reason why a node stays with the host. */
struct host_need {
    const struct dt_node *node;
    const char *what;           // "console"; for a provider its kind, "clock"; "": the node is not a device
    const struct dt_node *user; // for a provider: the node that cannot do without it; otherwise NULL
};

/*
 * A reference to a provider: from a device of a machine that does not have the provider, or from a node that stays with
 * the host.
 */
struct provider_use {
    const struct ref_rule *rule;
    const struct dt_node *provider, *user;
    const struct dt_prop *prop;      // the property of the host's tree that holds the reference
    const struct p_machine *machine; // NULL: the host
    struct src at;                   // the statement, if a machine is the user
    uint32_t cell, ncells;           // first cell and number of cells of the specifier in prop
    uint8_t fate;
};

/* The state of planning one file. Its tables are in the draft arena. */
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
    struct owner *last_owner;  // reused while the next nodes get the same owner, as most do
    struct map kept;           // host node -> struct m_keep
    struct map hidden;         // host node -> struct m_hidden

    /* needs.c: what the host cannot lose */
    struct map needs;                        // host node -> struct host_need
    VEC(const struct host_need *) need_list; // the same, without the nodes that are not devices
    bool has_iommus;                         // a node of the host refers to an IOMMU
    bool has_dma_ids;                        // a node has a number that a PAMU knows it by (LIODN)

    /* uses.c: references of the host, and those from a machine to what it does not have */
    VEC(struct provider_use) uses;
    struct node_marks *marks;    // nodes that a machine has or takes something from
    struct ref_entries ref_room; // entries of one property at a time

    struct linux_view on_linux; // devices that Linux makes of the host's nodes
    struct dma_view dma;        // coherence and reach of the host's nodes; only with a host tree

    /* each is private to the named file */
    struct sysfs_names *sysfs;    // machine/sysfs_names.c
    struct host_bridges *bridges; // plan/streams.c
    struct map bodies;            // machine/schema_bodies.c: struct schema_body -> struct dts_op
    struct map rates;             // refs/fates.c: (host node, interned specifier) -> struct rate
    struct iommu *iommu;          // dma/iommu.c
    struct caches *caches;        // dma/stash.c

    struct copied **copy_of; // by host node id: its copy in the machine at hand; all NULL between machines
};

/* ---- given.c ---- */

/*
 * Gives the host's node `n` to machine `to`. `top` is the node that the statement at `where` names: `n` itself or a
 * node above it. Returns false after a message when the node has an owner already (E0373), is kept (E0374), is not a
 * device (E0393) or is needed by the host (E0383).
 */
bool give_host_node(struct planner *p, struct p_machine *to, const struct dt_node *n, const struct dt_node *top,
                    struct src where);

/* Whether nobody drives the node `n`: no machine has it, and it or a node above it is disabled and not kept. */
bool host_node_is_idle(const struct planner *p, const struct dt_node *n);

/* Whether the node itself is disabled, and no `keep` says that it is in use all the same. */
bool host_node_is_off(const struct planner *p, const struct dt_node *n);

/* The statement that keeps `n`, or a node above it, for the host; or NULL. */
const struct m_keep *keep_of(const struct planner *p, const struct dt_node *n);

/* ---- needs.c ---- */

/* Finds the nodes that the host needs; fills p->needs and p->need_list. Called once, before any machine is planned. */
void find_needs(struct planner *p);

/* ---- uses.c ---- */

/*
 * Splits a property of the host into the entries that `rule` describes. They stay valid until the next call, which
 * reuses their memory. Returns false, without a message, if the property cannot be read.
 */
bool host_ref_entries(struct planner *p, const struct dt_prop *prop, const struct ref_rule *rule,
                      struct ref_entries *e);

/* Adds a copy of `use` to p->uses. */
void add_provider_use(struct planner *p, const struct provider_use *use);

/* Returns an empty set of nodes, allocated in the draft arena. */
struct node_marks *node_marks_new(struct planner *p);

/* Adds to p->marks a node that a machine has or takes something from. */
void mark_node(struct planner *p, const struct dt_node *n);

/* Whether a cell of the property may be the phandle of a marked node. It may return true where none is. */
bool may_refer_to_marked(const struct planner *p, const struct dt_prop *prop);

#endif
