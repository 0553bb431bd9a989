// SPDX-License-Identifier: MIT
/*
 * One machine while it is planned. A struct machine_planner is made anew for each machine, and all that it holds goes
 * with it; what lasts longer is in plan/planner.h.
 */
#ifndef MACHC_MACHINE_MACHINE_H
#define MACHC_MACHINE_MACHINE_H

#include "plan/describe.h"
#include "plan/planner.h"

/*
 * The steps of planning a machine, in their order: each needs what those before it have decided. The function that
 * takes a step enters it first (enter_step()), which fails where the one before it has not been taken.
 */
enum machine_step {
    STEP_NONE,
    STEP_ROOT,         // root node, cpus, irqchips, memory with a written address
    STEP_BUS_NODES,    // node statements that devices are put `under`
    STEP_EMULATED,     // records of emulated devices
    STEP_PASSTHROUGHS, // subtrees of the host are copied; regions, reg and ranges; devices that are given by name
    STEP_REFS,         // references are settled; `assign` and `copy` bring more nodes
    STEP_IRQ_LINKS,    // interrupts of copied nodes; a written line is taken at once
    STEP_ADDRESSES,    // written addresses are checked against each other; memory and devices without one get theirs
    STEP_NEW_NODES,    // nodes of devices without a host node
    STEP_LINES,        // lines that are not written
    STEP_IRQ_PROPS,    // interrupts, interrupts-extended, interrupt-map
    STEP_MEMORY_NODES, // /memory@, /reserved-memory
    STEP_CHOSEN,       // chosen, aliases
    STEP_NODES,        // the other node statements
    STEP_NAMES,        // references by name are resolved
    STEP_DMA           // dma statements
};

/* A range of guest physical addresses that somebody has. */
struct claim {
    uint64_t first, last; // both included
    const char *what;     // "memory `ram`"; NULL: `region`'s name
    struct src at;
    const struct p_region *region; // or NULL
};

/* A copied node: guest's, host's, and the statement that it came by. */
struct copied {
    struct dt_node *guest;
    const struct dt_node *host;
    const struct m_passthrough *pass;
    const struct m_part *part;      // what the text has for this node, or NULL
    struct p_device *device;        // the record it belongs to
    bool description;               // copied by fate `copy`: no resources
    uint32_t host_id;               // of `host`, which lies elsewhere
    const uint32_t *irq_statements; // copy_irqs.c: by interrupt, from match_statements(); NULL: there are none
    bool off;                       // disabled below the node that is passed through, and not mentioned: no device
};

/* The members that say which node of the host a `struct copied` is of. */
#define COPY_OF(node) .host = (node), .host_id = (node)->id

/* A reference that `to` leads elsewhere, to be looked at when all nodes are there. */
struct to_ref {
    const struct dt_ref *ref;
    const struct m_ref *statement;
    const struct ref_rule *rule;
    const char *property;
};

struct machine_dma;
struct settle_room;

struct machine_planner {
    struct planner *file;
    /* of the file, and the same for all its machines */
    struct machc *c;
    struct model *model;
    const struct host *host; // or NULL
    const struct schemas *schemas;
    const struct property_names *n;

    struct p_machine *m;         // what is being made
    enum machine_step step;      // the last one that was entered
    struct frame *frame;         // what built-in bodies see
    bool given_twice;            // a node was passed through twice: regions that meet follow from that
    VEC(struct claim) claims;    // addresses.c: fixed addresses, then sorted
    VEC(struct p_device *) bare; // devices without a host node: their nodes are made when all addresses are known
    VEC(struct copied *) copies; // in the order of the statements
    struct copied **copy_of;     // by host node id, or NULL
    struct map chips;            // interned name -> struct p_irqchip
    struct map devices;          // interned name -> struct p_device
    struct map memories;         // interned name -> index
    struct map slots;            // by_name.c: (interned name of a bus, slot) -> struct p_device
    struct map fixed;            // schema_bodies.c: (kind, rate) -> guest node
    struct map nodes_done;       // node_statements.c: m_edit -> 1: statements that are merged

    VEC(struct p_irq *) unlinked; // irq_lines.c: interrupts whose line is to be chosen
    struct map irq_of;            // host_irq -> struct p_irq
    struct map line_of;           // copy_irqs.c: host interrupt (chip, identity) -> the first struct p_irq of it

    struct map ref_used; // refs/: place of a `ref` statement -> 1: it has settled something
    VEC(struct to_ref) to_refs;
    struct settle_room *settle_room; // private to refs/
    struct machine_dma *dma;         // private to dma/

    const struct origin *last_origin; // origins.c
    struct map origins;               // origins.c: why -> struct origin without a place: that of its node
};

/* Ends the program where `step` is not the one after the last. */
void enter_step(struct machine_planner *p, enum machine_step step);

/* ---- origins.c ---- */

/* An origin in the arena. */
const struct origin *origin_of(struct machine_planner *p, uint8_t kind, struct src where, const char *why);

/* The origin of a computed property of `n`; shared by all that are computed for the statement that made their node. */
const struct origin *origin_at(struct machine_planner *p, const struct dt_node *n, struct src where, const char *why);

/* ---- schema_bodies.c ---- */

/* A class's or platform's body, merged into a node. */
void merge_schema(struct machine_planner *p, struct dt_node *n, const struct schema_body *body, struct frame *f,
                  const char *file);

/* The provider that `fixed` makes for a rate, shared by all that ask for the same. */
struct dt_node *fixed_provider(struct machine_planner *p, const struct schema_provider *kind, uint64_t rate,
                               struct src where);

/* ---- addresses.c: the guest's physical address space ---- */

void claim_range(struct machine_planner *p, uint64_t address, uint64_t size, const char *what, struct src where);
void claim_region(struct machine_planner *p, const struct p_region *r, const char *what, struct src where);

/* Whether nobody has anything of [address, address + size); a free place for it in [from, end). */
bool is_free(const struct machine_planner *p, uint64_t address, uint64_t size);
bool find_place(struct machine_planner *p, uint64_t from, uint64_t end, uint64_t size, uint64_t align, uint64_t *place);

/* STEP_ADDRESSES. Reports claims that overlap or share a page that has to be mapped in two ways. */
void choose_addresses(struct machine_planner *p);

/* ---- guest_root.c ---- */

/* STEP_ROOT. False: nothing can be planned, after a message. */
bool begin_guest(struct machine_planner *p);
void write_memory_nodes(struct machine_planner *p); // STEP_MEMORY_NODES
void write_chosen(struct machine_planner *p);       // STEP_CHOSEN

/* ---- cpus.c ---- */

/* Vcpus, bound to the host's cpus, and their nodes. */
void make_cpus(struct machine_planner *p);

/* ---- irqchips.c ---- */

/* The records of all irqchips and their nodes. False: the schema of the platform's own one is missing. */
bool make_irqchips(struct machine_planner *p);

/*
 * Irqchips whose address is not written: where the platform has them, or else where it has its devices. Before claims
 * are checked.
 */
void place_irqchips(struct machine_planner *p);

/* ---- node_statements.c: node and edit statements ---- */

void add_bus_nodes(struct machine_planner *p);   // STEP_BUS_NODES
void add_other_nodes(struct machine_planner *p); // STEP_NODES
void resolve_names(struct machine_planner *p);   // STEP_NAMES: messages for references that lead nowhere
void merge_edit(struct machine_planner *p, struct dt_node *n, const struct m_edit *e);

/* A new child; when the name is taken, a message that shows by whom, and NULL. */
struct dt_node *new_child(struct machine_planner *p, struct dt_node *parent, const char *name, uint8_t kind,
                          struct src where);

/* ---- devices.c ---- */

struct p_device *new_device(struct machine_planner *p, const char *name, uint8_t kind, struct src where);
/* `vcpu N` of a statement, when the machine has it; false also after a message. */
bool vcpu_of(struct machine_planner *p, const struct m_passthrough *pass);
/* The guest's node that a statement puts its device under: the root where it does not say. NULL after a message. */
struct dt_node *bus_of(struct machine_planner *p, const struct m_passthrough *pass);

/* ---- sysfs_names.c: devices by the names that Linux gives them ---- */

/* Linux makes a platform device of a node whose registers the cpus reach, or that has none. */
bool is_platform_device(const struct machine_planner *p, const struct dt_node *n);
/* The node that Linux makes the device of that name of; or NULL. */
const struct dt_node *node_of_sysfs_name(struct machine_planner *p, const char *name);
/* One statement of the whole file for a device, whether the statement has its node or its name. */
void own_sysfs_name(struct machine_planner *p, struct p_device *d, struct src where);

/* ---- copy.c: subtrees of the host ---- */

void plan_passthroughs(struct machine_planner *p); // STEP_PASSTHROUGHS
void copy_passthrough(struct machine_planner *p, const struct m_passthrough *pass);
void name_copy(struct machine_planner *p, struct copied *k, const char *name);
void copy_description(struct machine_planner *p, const struct dt_node *host, const struct copied *from,
                      struct src where);

/* The copy of a host node in this guest, or NULL; any copy, or none that is a description. */
static inline struct copied *any_copy(const struct machine_planner *p, const struct dt_node *host)
{
    return p->copy_of[host->id];
}
static inline struct copied *copy_of(const struct machine_planner *p, const struct dt_node *host)
{
    struct copied *k = any_copy(p, host);
    return k && !k->description ? k : NULL;
}

/* ---- bus.c: addresses on the guest's buses ---- */

/* An address of the guest's cpus on the bus of `bus`'s children; false after a message. */
bool to_bus(struct machine_planner *p, const struct dt_node *bus, uint64_t address, uint64_t size, struct src where,
            uint64_t *on_bus);
uint32_t cells_of(struct machine_planner *p, const struct dt_node *n, const char *name, uint32_t otherwise);
/* Can the cells of a guest's bus hold a range on it? The size counts when `sized`. False after a message. */
bool fits_cells(struct machine_planner *p, const struct dt_node *bus, uint64_t on_bus, uint64_t size, bool sized,
                struct src where);

/* ---- part_statements.c ---- */

/* A part of a host's node that statements are for: an entry of its reg, or an interrupt. */
struct node_part {
    uint32_t index;
    const char *name; // or NULL
};

/* A `region` or `irq` statement. */
struct part_statement {
    const struct m_which *which;
    struct src at;
};

/* The words and messages for one kind of part. */
struct part_kind {
    const char *word, *words, *names_property; // "region", "regions", "reg-names"
    enum msg twice, no_name, no_index;
};

#define NO_STATEMENT UINT32_MAX

/*
 * Which statement is for which part of a node: for each part the number of the statement, or NO_STATEMENT; in the
 * draft. Messages for statements that are for no part, or for one that has a statement already.
 */
const uint32_t *match_statements(struct machine_planner *p, const struct copied *k, const struct part_kind *kind,
                                 const struct part_statement *statements, uint32_t n, const struct node_part *parts,
                                 uint32_t nparts);

/* ---- copy_regions.c: reg on the guest's bus ---- */

void decide_regions(struct machine_planner *p, struct copied *k, struct p_device *d);
/* Of a node further down that is no device: its registers are within those of the device that it belongs to. */
void check_part_regions(struct machine_planner *p, const struct copied *k);
void add_region(struct machine_planner *p, struct p_device *d, const struct p_region *r, struct src where);
/* The region that [a, a + size) lies in, of those that the same statement has already; or NULL. */
const struct p_region *region_over(const struct p_device *d, uint64_t a, uint64_t size);
void write_reg(struct machine_planner *p, struct copied *k);
void drop_reg(struct machine_planner *p, struct copied *k);

/* ---- copy_windows.c: ranges on the guest's bus ---- */

void decide_windows(struct machine_planner *p, struct copied *k, struct p_device *d);
void write_ranges(struct machine_planner *p, struct copied *k);

/* ---- irq_lines.c: interrupt links ---- */

/* The link of one interrupt: where it is written, taken at once; else in choose_lines(). */
void link_irq(struct machine_planner *p, struct p_irq *irq, const struct m_irq_to *to);
void choose_lines(struct machine_planner *p); // STEP_LINES

/* ---- copy_irqs.c: interrupts of copied nodes ---- */

void link_copied_irqs(struct machine_planner *p); // STEP_IRQ_LINKS
/* Whether `interrupts` of a copy keeps its cells, because the node that they speak to is copied, too. */
bool irq_cells_stay(struct machine_planner *p, const struct copied *k);
/* Fills in how many interrupts VFIO must offer of a device with a host node. */
void count_host_irqs(struct machine_planner *p, struct p_device *d);

/* ---- irq_props.c ---- */

void write_interrupts(struct machine_planner *p); // STEP_IRQ_PROPS

/* ---- emulated.c, by_name.c, new_nodes.c: devices without a host node ---- */

void plan_emulated_devices(struct machine_planner *p); // STEP_EMULATED
void plan_by_name(struct machine_planner *p, const struct m_passthrough *pass);
/* A region that is added to a device without a host node; `address` may be unset. */
struct p_region *new_region(struct machine_planner *p, struct p_device *d, uint32_t index, uint64_t size,
                            const struct opt_u64 *address, struct src where);
/* "device `uart0`", or "region 0 of `eth0`" where there are several: what a claim is called. */
const char *bare_region_text(struct machine_planner *p, const struct p_device *d, const struct p_region *r);
void take_slot(struct machine_planner *p, struct p_device *d, const struct m_passthrough *pass, uint32_t slot);
void write_new_nodes(struct machine_planner *p); // STEP_NEW_NODES

#endif
