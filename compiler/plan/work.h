// SPDX-License-Identifier: MIT
// Private to plan/: the state of planning, machine by machine.
#ifndef MACHC_PLAN_WORK_H
#define MACHC_PLAN_WORK_H

#include "machc.h"
#include "plan/plan.h"

/* A range of guest physical addresses that somebody has. */
struct claim {
    uint64_t first, last; // both included
    const char *what;     // "memory `ram`", "region 0 of `i2c0`"
    struct src at;
};

/* A copied node: guest's, host's, and the statement that it came by. */
struct copied {
    struct dt_node *guest;
    const struct dt_node *host;
    const struct m_passthrough *pass;
    const struct m_part *part; // what is said of this node, or NULL
    struct p_device *device;   // the record it belongs to
    bool description;          // copied by fate `copy`: no resources
    bool internal_irqs;        // its interrupts stay inside the assigned subtree
};

/* A node that another statement or machine owns. */
struct owner {
    struct p_machine *machine;
    struct src at;
};

struct planner {
    struct machc *c;
    struct model *model;
    const struct host *host; // or NULL
    const struct schemas *schemas;
    struct plan *plan;
    struct owner **host_owner; // by host node id: who has it, of the whole file
    struct map kept;         // host node -> struct m_keep
    struct map sysfs_owner;  // interned sysfs name -> struct p_device: devices given by name
    struct map line_owner;   // host interrupt (chip, identity) -> struct p_irq
    /* interned names that the compiler itself reads or writes (Devicetree Specification chapters 2 and 3) */
    struct {
        const char *reg, *ranges, *dma_ranges, *interrupts, *interrupt_parent, *interrupts_extended, *interrupt_map,
            *interrupt_map_mask, *interrupt_names, *interrupt_cells, *interrupt_controller, *reg_names, *phandle,
            *linux_phandle, *status, *address_cells, *size_cells, *compatible, *clocks, *clock_names;
    } n;
    /* the machine at hand */
    struct p_machine *m;
    VEC(struct claim) claims;   // fixed addresses, then sorted
    VEC(struct p_device *) bare; // devices without a host node: their nodes are made when all addresses are known
    VEC(struct copied *) copies; // in document order of the statements
    VEC(struct p_irq *) unlinked; // interrupts whose line is to be chosen
    struct map irq_of;           // host_irq -> struct p_irq
    struct map ref_used;         // m_ref -> 1
    struct settle_room *settle_room; // private to refs.c
    struct copied **copy_of;    // by host node id, or NULL
    struct map nodes_done;      // m_edit -> 1: node statements that are merged
    struct map fixed;           // (kind, rate) -> guest node
    struct map slots;           // (bus, slot) -> struct p_device
    struct map chips;           // interned name -> struct p_irqchip
    struct map devices;         // interned name -> struct p_device
    struct map memories;        // interned name -> index + 1
    struct frame *frame;        // what built-in bodies see
    const struct origin *last_origin;
};


/* An origin in the arena. */
const struct origin *origin_of(struct planner *p, uint8_t kind, struct src where, const char *why);

/* ---- place.c: the guest's physical address space ---- */

void claim(struct planner *p, uint64_t address, uint64_t size, const char *what, struct src where);

/* Sorts the claims and reports those that overlap. */
void claims_check(struct planner *p);

/* Chooses addresses for memory and devices that have none: after claims_check(), in the order of the text. */
void choose_memory(struct planner *p);
void choose_devices(struct planner *p);

/* ---- guest.c: what every machine has ---- */

bool guest_begin(struct planner *p);    // root, cpus, irqchips with their addresses
void guest_memory(struct planner *p);   // /memory@, /reserved-memory
void guest_finish(struct planner *p);   // chosen, aliases

/* The host's node of a cpu, numbered as Linux does: in the order of the tree. NULL: no such cpu, or no host tree. */
const struct dt_node *host_cpu_node(const struct planner *p, uint32_t cpu);

/* A class's or platform's body, merged into a node. */
void merge_schema(struct planner *p, struct dt_node *n, const struct dts_op *ops, struct frame *f, const char *file);

/* The provider that `fixed` makes for a rate, shared by all that ask for the same. */
struct dt_node *fixed_provider(struct planner *p, const struct schema_provider *kind, uint64_t rate, struct src where);

/* ---- nodes.c: node and edit statements ---- */

void nodes_wanted_first(struct planner *p); // those that `under` names
void nodes_rest(struct planner *p);
void merge_edit(struct planner *p, struct dt_node *n, const struct m_edit *e);

/* A new child; when the name is taken, a message that shows by whom, and NULL. */
struct dt_node *new_child(struct planner *p, struct dt_node *parent, const char *name, uint8_t kind, struct src where);

/* Fills the references that were written by name; messages for those that lead nowhere. */
void resolve_names(struct planner *p);

/* ---- copy.c: subtrees of the host ---- */

void copy_passthroughs(struct planner *p);
void copy_one(struct planner *p, const struct m_passthrough *pass);
struct p_device *new_device(struct planner *p, const char *name, uint8_t kind, struct src where);
void name_copy(struct planner *p, struct copied *k, const char *name);
struct dt_node *bus_of(struct planner *p, const struct m_passthrough *pass);
void copy_description(struct planner *p, const struct dt_node *host, const struct copied *from);

/* ---- reg.c: reg and ranges on the guest's bus ---- */

/* An address of the guest's cpus on the bus of `bus`'s children; false after a message. */
bool to_bus(struct planner *p, const struct dt_node *bus, uint64_t address, uint64_t size, struct src where, uint64_t *on_bus);
uint32_t cells_of(struct planner *p, const struct dt_node *n, const char *name, uint32_t otherwise);
void put_cells(uint8_t *to, uint64_t value, uint32_t cells);
void decide_regions(struct planner *p, struct copied *k, struct p_device *d);
void write_reg(struct planner *p, struct copied *k);
void write_ranges(struct planner *p, struct copied *k);

/* ---- irqs.c: interrupt links ---- */

void decide_irqs(struct planner *p, struct copied *k);
/* The link of one interrupt: where it is written, taken at once; else when choose_lines() comes by. */
void link_irq(struct planner *p, struct p_irq *irq, const struct m_irq_to *to);
void choose_lines(struct planner *p);

/* ---- irqprops.c: interrupts, interrupts-extended, interrupt-map ---- */

void write_interrupts(struct planner *p);
/* The node that a host node's `interrupts` speak to first: a controller or a nexus; or NULL. */
const struct dt_node *irq_parent(const struct planner *p, const struct dt_node *host);
/* The copy of a host node in this guest, or NULL; of any kind, or without descriptions. */
static inline struct copied *any_copy(const struct planner *p, const struct dt_node *host)
{
    return p->copy_of[host->id];
}

struct copied *copy_of(struct planner *p, const struct dt_node *host);

/* ---- refs.c: references ---- */

void settle_refs(struct planner *p, uint32_t first);

/* ---- bare.c: devices without a host node: platform, pci, raw, and emulated ones ---- */

void plan_bare(struct planner *p, const struct m_passthrough *pass);
void plan_emulated(struct planner *p, const struct m_device *dev);
void write_bare(struct planner *p, struct p_device *d);

/* ---- dma.c ---- */

void plan_dma(struct planner *p, struct p_device *d, const struct m_part *part, const struct dt_node *host);

/* ---- owners.c: across machines ---- */

void check_owners(struct planner *p);
bool own_host_node(struct planner *p, const struct dt_node *n, struct src where); // false after a message

/* ---- attrs.c ---- */

void check_asserts(struct planner *p);

#endif
