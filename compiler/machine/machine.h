// SPDX-License-Identifier: MIT
/*
 * One machine while it is planned. Each machine gets a new struct machine_planner, and everything it holds is discarded
 * with it; what lasts for the whole file is in plan/planner.h.
 *
 * Unless a comment says otherwise, functions report errors to p->c->diags, take addresses and sizes in bytes, and
 * allocate what is part of the plan in p->c->arena and the rest in the draft arena; callers free nothing.
 */
#ifndef MACHC_MACHINE_MACHINE_H
#define MACHC_MACHINE_MACHINE_H

#include "plan/describe.h"
#include "plan/planner.h"
#include "tree/dma.h"

/*
 * The steps of planning a machine, in order: each depends on what the steps before it decided. The function that takes
 * a step first calls enter_step(), which fails if the step before it has not been taken.
 */
enum machine_step {
    STEP_NONE,
    STEP_ROOT,         // root node, cpus, irqchips, memory with a written address
    STEP_BUS_NODES,    // node statements that devices are put `under`
    STEP_EMULATED,     // records of emulated devices
    STEP_PASSTHROUGHS, // subtrees of the host are copied; regions, reg and ranges; devices passed through by name
    STEP_REFS,         // references are settled; `assign` and `copy` bring more nodes
    STEP_IRQ_LINKS,    // interrupts of copied nodes; a written line is taken at once
    STEP_ADDRESSES,    // written addresses are checked against each other; other memory and devices get addresses
    STEP_NEW_NODES,    // nodes of devices without a host node
    STEP_LINES,        // interrupts without a written line get lines
    STEP_IRQ_PROPS,    // interrupts, interrupts-extended, interrupt-map
    STEP_MEMORY_NODES, // /memory@, /reserved-memory
    STEP_CHOSEN,       // chosen, aliases
    STEP_NODES,        // the other node statements
    STEP_NAMES,        // references by name are resolved
    STEP_DRIVERS,      // whether the guest's drivers find what they need
    STEP_DMA,          // dma statements
    STEP_HOST_DEVICES  // whether Linux makes the devices that VFIO needs
};

/* A range of guest physical addresses that is in use. */
struct claim {
    uint64_t first, last; // both included
    const char *what;     // "memory `ram`"; NULL: messages describe `region`
    struct src at;
    const struct p_region *region; // or NULL
};

/* A copied node: the guest's node, the host's node, and the statement that it was copied for. */
struct copied {
    struct dt_node *guest;
    const struct dt_node *host;
    const struct m_passthrough *pass;
    const struct m_part *part;        // the statements for this node, or NULL
    struct p_device *device;          // the device that the node is, or is part of
    bool description;                 // copied by the clause `copy`: it has no resources; or a shadow
    struct p_region *shadow;          // made by the clause `shadow`: the window of its registers; or NULL
    const struct schema_lines *lines; // and where the provider's lines are in them; NULL: it is a system controller
    uint32_t host_id;                 // host->id, so that loops over copies need not load *host
    const uint32_t *irq_statements;   // copy_irqs.c: by interrupt, from match_statements(); NULL: there are none
    bool off; // disabled below the node that is passed through, without statements: not a device
};

/* Initializes the members of a struct copied that identify the host's node. */
#define COPY_OF(node) .host = (node), .host_id = (node)->id

/* A reference that a `to` clause redirects. It is checked when all nodes of the guest exist. */
struct to_ref {
    struct dt_node *node; // that has the property
    const struct dt_ref *ref;
    const struct m_ref *statement;
    const struct ref_rule *rule;
    const char *property;
    uint32_t cells; // that follow the phandle
    bool removed;   // they are the host's, and the node wants none
};

struct machine_dma;
struct settle_room;

/* The state of planning one machine. Its tables are in the draft arena. */
struct machine_planner {
    struct planner *file;
    /* copied from `file`, the same for all machines */
    struct machc *c;
    struct model *model;
    const struct host *host; // or NULL
    const struct schemas *schemas;
    const struct property_names *n;

    struct p_machine *m;             // the part of the plan that is being made
    enum machine_step step;          // the last step that was entered
    struct frame *frame;             // variables of the schemas' bodies
    struct dt_node *platform_bus;    // where the platform puts devices; NULL: at the root
    bool has_dma_bus;                // a device is on a bus that translates device addresses: `dma bus`, `dma pool`
    VEC(struct dma_bus *) dma_buses; // dma_bus.c
    struct map dma_bus_of;           // dma_bus.c: reach of the host's bus, pool -> struct dma_bus
    struct map dma_bus_at;           // dma/bus.c: node of the guest -> struct dma_bus
    VEC(struct claim) claims;        // addresses.c: fixed addresses, then sorted
    VEC(struct p_device *) bare; // devices without a host node, and shadows: nodes are made when addresses are known
    VEC(struct copied *) copies; // in the order of the statements
    struct copied **copy_of;     // by host node id, or NULL
    struct map chips;            // interned name -> struct p_irqchip
    struct map devices;          // interned name -> struct p_device
    struct map regions_of;       // copy_regions.c: struct p_device -> its regions by address
    struct map memories;         // interned name -> index
    struct map slots;            // by_name.c: (interned name of a bus, slot) -> struct p_device
    struct map fixed;            // schema_bodies.c: (kind, rate) -> guest node
    struct map nodes_done;       // node_statements.c: m_edit -> 1: statements that have been merged

    VEC(struct p_irq *) sharing;  // irq_lines.c: those with `shares`
    VEC(struct p_irq *) unlinked; // irq_lines.c: interrupts whose line is still to be chosen
    struct map irq_of;            // host_irq -> struct p_irq
    struct map line_of;           // copy_irqs.c: line of the host (chip, identity) -> the first struct p_irq for it

    struct map ref_used; // refs/: location of a `ref` statement -> 1: it has settled a reference
    VEC(struct to_ref) to_refs;
    struct settle_room *settle_room; // private to refs/
    struct machine_dma *dma;         // private to dma/

    const struct origin *last_origin; // origins.c
    struct map origins;               // origins.c: why -> struct origin without a location, which is the node's
};

/* Records that `step` begins. An assertion fails if it does not directly follow the last step that was entered. */
void enter_step(struct machine_planner *p, enum machine_step step);

/* ---- dma_bus.c: buses that translate device addresses where there is no IOMMU ---- */

/* A bus of the guest whose `dma-ranges` says where devices see memory. */
struct dma_bus {
    struct dt_node *node;
    struct p_bus *plan;    // what the plan keeps of it
    struct dma_reach host; // of the host's bus that its devices are on: no `bus`: device addresses are the cpus'
    const char *pool;      // `dma pool`: the memory that it is for alone; NULL: all whose place on the host is known
    bool pci;              // it is a PCI host bridge of the guest
    bool checked;          // its memory is in reach of what is on it
    struct src at;         // the first statement
    struct dma_bus *next;  // another one with the same key in dma_bus_of
};

/*
 * Whether a part of a statement has `dma bus` or `dma pool`; then *pool is the name of the memory, NULL for `dma bus`,
 * and *where the clause. Different ones in one statement are an error (E0678).
 */
bool wants_dma_bus(struct machine_planner *p, const struct m_passthrough *pass, const char **pool, struct src *where);

/*
 * Returns the bus for a device: made for the first of them that is on a bus of the host with that translation. NULL
 * after a message: `under` names another place.
 */
struct dt_node *dma_bus_node(struct machine_planner *p, const struct m_passthrough *pass, const char *pool,
                             struct src where);

/* A PCI host bridge of the guest becomes such a bus, for the functions on it. False after a message (E0678). */
bool make_pci_dma_bus(struct machine_planner *p, const struct m_passthrough *pass, struct dt_node *bridge);

/* ---- origins.c ---- */

/* Returns an origin of `kind` (enum origin_kind) for the statement at `where`; `why` is a constant text or NULL. */
const struct origin *origin_of(struct machine_planner *p, uint8_t kind, struct src where, const char *why);

/*
 * Returns the origin for a computed property of node `n`. Properties that are computed for the statement that made
 * their node share one origin for each `why`.
 */
const struct origin *origin_at(struct machine_planner *p, const struct dt_node *n, struct src where, const char *why);

/* ---- schema_bodies.c ---- */

/* The `compatible` of devices that are hidden from the host's drivers: one that no driver has. */
const char *hidden_compatible(struct planner *p);

/*
 * Merges the device tree body of a class or platform, which may be NULL, into node `n`. `f` has the variables that the
 * body uses, and `file` names the schema as the origin of what is merged.
 */
void merge_schema(struct machine_planner *p, struct dt_node *n, const struct schema_body *body, struct frame *f,
                  const char *file);

/*
 * Makes a child of `parent`, for the statement at `where`, from the provider of the schemas that is called `kind`. It
 * is called `name`, or as the schema says if that is NULL, with a number where there is such a child.
 */
struct dt_node *make_from_schema(struct machine_planner *p, struct dt_node *parent, const char *kind, const char *name,
                                 struct src where);

/*
 * Returns the guest's fixed provider of `kind` for `rate`, in the unit of its kind (Hz, microvolts). It is made for the
 * statement at `where` if the guest has none yet.
 */
struct dt_node *fixed_provider(struct machine_planner *p, const struct schema_provider *kind, uint64_t rate,
                               struct src where);

/* ---- addresses.c: the guest's physical address space ---- */

/*
 * Adds a claim to [address, address + size), or to the guest addresses of region `r`; `what` describes it in messages,
 * NULL stands for describe_region(). A range that ends beyond the last address of the platform is an error (E0501) and
 * not added. A size of 0 adds nothing.
 */
void claim_range(struct machine_planner *p, uint64_t address, uint64_t size, const char *what, struct src where);
void claim_region(struct machine_planner *p, const struct p_region *r, const char *what, struct src where);

/* Whether no claim overlaps [address, address + size). */
bool is_range_free(const struct machine_planner *p, uint64_t address, uint64_t size);

/*
 * Finds the lowest free range of `size` bytes in [from, end) that is aligned to `align` (not 0), and sets *found to its
 * address. Returns false if there is none. It does not claim the range.
 */
bool find_free_range(struct machine_planner *p, uint64_t from, uint64_t end, uint64_t size, uint64_t align,
                     uint64_t *found);

/*
 * STEP_ADDRESSES. Reports claims that overlap (E0502) and those that share a page which cannot be mapped for both
 * (E0529), and chooses the addresses that are not written; no space left is an error (E0503, E0504).
 */
void choose_addresses(struct machine_planner *p);

/* ---- guest_root.c ---- */

/* Whether a node of the host's /reserved-memory holds all of [first, first + size). */
bool is_reserved_by_host(const struct planner *p, uint64_t first, uint64_t size);

/*
 * STEP_ROOT: makes the root node, cpus and irqchips, and claims the memory with a written address. Returns false after
 * a message if nothing else can be planned.
 */
bool begin_guest(struct machine_planner *p);
void write_memory_nodes(struct machine_planner *p); // STEP_MEMORY_NODES
void write_chosen(struct machine_planner *p);       // STEP_CHOSEN

/* ---- cpus.c ---- */

/* Makes the vcpus, binds them to host cpus, and writes their nodes. */
void make_cpus(struct machine_planner *p);

/* Copies the properties in the NULL-terminated list `names` (or NULL) that the host's node `from` (or NULL) has. */
void copy_named_props(struct machine_planner *p, struct dt_node *to, const struct dt_node *from,
                      const char *const *names);

/* ---- platform_bus.c ---- */

/* Makes the bus that the platform puts devices on, if it has one. */
void make_platform_bus(struct machine_planner *p);

/* ---- irqchips.c ---- */

/*
 * Makes the records and nodes of all irqchips. Returns false if the schema of the platform's own irqchip is missing,
 * which the loader of the schemas has reported.
 */
bool make_irqchips(struct machine_planner *p);

/*
 * Claims addresses for irqchips without a written one: the platform's address for irqchips if it is free, otherwise a
 * free range where the platform has its devices. Called before the claims are checked.
 */
void choose_irqchip_addresses(struct machine_planner *p);

/* ---- node_statements.c: node and edit statements ---- */

void add_bus_nodes(struct machine_planner *p);   // STEP_BUS_NODES
void add_other_nodes(struct machine_planner *p); // STEP_NODES
void resolve_names(struct machine_planner *p);   // STEP_NAMES: reports references to nodes that do not exist

/*
 * Merges an `edit` statement into node `n`. It is rejected as a whole, after a message, if it changes a property or
 * deletes a node that guest.cfg contains as well (E0922, E0927).
 */
void merge_edit(struct machine_planner *p, struct dt_node *n, const struct m_edit *e);

/*
 * Adds a child called `name` to `parent`, with an origin of `kind` (enum origin_kind). Returns NULL if it has a child
 * of that name already (E0921).
 */
struct dt_node *new_child(struct machine_planner *p, struct dt_node *parent, const char *name, uint8_t kind,
                          struct src where);

/* ---- devices.c ---- */

/* Adds a device of `kind` (enum device_kind) to the machine. */
struct p_device *new_device(struct machine_planner *p, const char *name, uint8_t kind, struct src where);

/*
 * Whether a statement has a clause `vcpu N` and the machine has that vcpu. A vcpu that the machine does not have is an
 * error (E0344).
 */
bool has_valid_vcpu(struct machine_planner *p, const struct m_passthrough *pass);

/*
 * Returns the guest's node that the statement `pass`, or the one of an emulated device if that is NULL, puts a device
 * under: by default the platform's bus, or the root where it has none. Returns NULL after a message if the guest does
 * not have that node (E0342).
 */
struct dt_node *find_bus_node(struct machine_planner *p, const struct m_device *device,
                              const struct m_passthrough *pass);

/* ---- sysfs_names.c: devices by the names that Linux gives them ---- */

/* Returns the host node that Linux makes the platform device `name` from; NULL if there is none. */
const struct dt_node *node_of_sysfs_name(struct machine_planner *p, const char *name);

/*
 * Records that device `d` uses its name in sysfs, by node or by name. A second device of the whole file with that name
 * is an error (E0370). Interns d->sysfs_name, which may be NULL.
 */
void claim_sysfs_name(struct machine_planner *p, struct p_device *d, struct src where);

/* ---- host_devices.c: whether Linux makes the devices that VFIO needs ---- */

/* Whether Linux makes a platform device from the host node `n`, as far as is known, or would if it were enabled. */
bool is_platform_device(const struct machine_planner *p, const struct dt_node *n);

/*
 * Reports that Linux makes no device from the host node `n` that a statement passes through (E1041), or may make none
 * (W0302, W0304). True after an error.
 */
bool report_no_host_device(struct machine_planner *p, const struct m_passthrough *pass, const struct dt_node *n);

/*
 * Returns the nearest node above the host node `n`, up to the one of the statement, that is given to VFIO and is no
 * bus: with its driver goes the device of `n`. NULL: there is none.
 */
const struct dt_node *find_glue(struct machine_planner *p, const struct m_passthrough *pass, const struct dt_node *n);

/*
 * STEP_HOST_DEVICES: reports devices that go away when VFIO takes the place of a driver above them (E1042); one that
 * needs nothing from VFIO becomes a part of the device above.
 */
void check_host_devices(struct machine_planner *p);

/* ---- copy.c: subtrees of the host ---- */

void plan_passthroughs(struct machine_planner *p); // STEP_PASSTHROUGHS

/* Copies the subtree that a statement passes through into the guest, and makes its devices and regions. */
void copy_passthrough(struct machine_planner *p, const struct m_passthrough *pass);

/* Renames the guest's node of `k`; a name that its parent has already given to another child is an error (E0921). */
void rename_copy(struct machine_planner *p, struct copied *k, const char *name);

/*
 * Carries out the clause `copy` at `where`: copies the host node `host` as a description, that is, without registers,
 * interrupts and children. `from` is the node that refers to it.
 */
void copy_description(struct machine_planner *p, const struct dt_node *host, const struct copied *from,
                      struct src where);

/* ---- shadows.c: guarded windows of registers that stay with the host ---- */

/* Whether make_shadow() can shadow a node of the host for references of a rule. */
bool can_be_shadowed(struct machine_planner *p, const struct ref_rule *rule, const struct dt_node *n);

/* Returns where the lines are that a rule's specifiers for a node of the host name; NULL: nothing is known of them. */
const struct schema_lines *shadow_lines(struct machine_planner *p, const struct ref_rule *rule,
                                        const struct dt_node *n);

/*
 * Adds the guest's node and device for the first region of the host node `host`, which `from` refers to in a property
 * of the rule. Returns its copy, or NULL after a message if the node cannot be shadowed (E0436).
 */
struct copied *make_shadow(struct machine_planner *p, const struct ref_rule *rule, const struct dt_node *host,
                           const struct copied *from, struct src where);

/* Adds registers that the guest may write. Reports one outside of the region (E0433), and contradictions (E0435). */
void add_shadow_writes(struct machine_planner *p, struct copied *k, const struct shadow_write *writes, uint32_t n);

/* Sorts the registers of all shadows, and unites the masks of each. */
void unite_shadow_writes(struct machine_planner *p);

/* Writes `reg` of a shadow's node and names the node, when its address is known. */
void write_shadow_node(struct machine_planner *p, struct p_device *d);

/* Return the copy of a host node in this guest, or NULL. copy_of() ignores copies that are descriptions. */
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

/*
 * Translates the guest physical range [address, address + size) to the bus that node `bus` makes for its children, and
 * sets *on_bus to its address there. Returns false after a message if the bus or one above it has no `ranges` (E0505)
 * or none that contains the range (E0506).
 */
bool translate_to_bus(struct machine_planner *p, const struct dt_node *bus, uint64_t address, uint64_t size,
                      struct src where, uint64_t *on_bus);

/* Returns the number in `cells` cells of a property, from cell `at` on; bits above 64 are lost. */
uint64_t read_cells(const struct dt_prop *prop, uint32_t at, uint32_t cells);

/* Returns the one cell of property `name` of the guest node `n`, or `fallback` if it has no such cell. */
uint32_t cell_or(struct machine_planner *p, const struct dt_node *n, const char *name, uint32_t fallback);

/*
 * Whether the cells of a guest's bus can hold the range [on_bus, on_bus + size) and, if `sized`, its size. Returns
 * false after a message (E0515, E0516).
 */
bool check_cells_hold(struct machine_planner *p, const struct dt_node *bus, uint64_t on_bus, uint64_t size, bool sized,
                      struct src where);

/* ---- part_statements.c ---- */

/* A part of a host node that a statement can be for: an entry of its `reg`, or an interrupt. */
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
    enum msg repeated, no_name, no_index;
};

#define NO_STATEMENT UINT32_MAX

/*
 * Matches the `n` statements of node `k` with its `nparts` parts. Returns an array in the draft arena that has, for
 * each part, the index of its statement, or NO_STATEMENT. Reports statements for a part that the node does not have,
 * and a second statement for a part.
 */
const uint32_t *match_statements(struct machine_planner *p, const struct copied *k, const struct part_kind *kind,
                                 const struct part_statement *statements, uint32_t n, const struct node_part *parts,
                                 uint32_t nparts);

/* ---- copy_regions.c: reg on the guest's bus ---- */

/* Makes the regions of device `d` from the `reg` of its node `k`: mapped at the host's address by default. */
void decide_regions(struct machine_planner *p, struct copied *k, struct p_device *d);

/* Reports a node that is not a device but has registers outside those of the device that it is part of (E0398). */
void check_part_regions(struct machine_planner *p, const struct copied *k);

/* Adds a copy of `r` to device `d` and claims its guest addresses. */
void add_region(struct machine_planner *p, struct p_device *d, const struct p_region *r, struct src where);

/*
 * Returns the region that contains the host range [address, address + size), among those that the statement of `d` has
 * so far; NULL if there is none.
 */
const struct p_region *region_containing(struct machine_planner *p, const struct p_device *d, uint64_t address,
                                         uint64_t size);

/* Writes `reg` and `reg-names` of the node that is passed through, for its bus in the guest, and names the node. */
void write_reg(struct machine_planner *p, struct copied *k);

/* Removes the entries that a `child` statement drops from `reg` and `reg-names` of a copied node. */
void remove_dropped_reg(struct machine_planner *p, struct copied *k);

/* ---- copy_windows.c: ranges on the guest's bus ---- */

/* Makes a region of device `d` for each window of a PCI bus `k` that no region contains yet. */
void decide_windows(struct machine_planner *p, struct copied *k, struct p_device *d);

/* Writes `ranges` and `dma-ranges` of a copied bus for the bus above it in the guest. */
void write_ranges(struct machine_planner *p, struct copied *k);

/* ---- irq_lines.c: interrupt links ---- */

/*
 * Adds an interrupt to its device and links it to a line: at once to the line that `to` specifies, in choose_lines() if
 * `to` is NULL or not set. An interrupt that cannot be linked is dropped after a message.
 */
void link_irq(struct machine_planner *p, struct p_irq *irq, const struct m_irq_to *to);
void choose_lines(struct machine_planner *p); // STEP_LINES

/* ---- copy_irqs.c: interrupts of copied nodes ---- */

void link_copied_irqs(struct machine_planner *p); // STEP_IRQ_LINKS

/* Whether `interrupts` of a copy keeps its cells because its interrupt parent is copied as well. */
bool keeps_irq_cells(struct machine_planner *p, const struct copied *k);

/* Sets d->host_irqs, the number of interrupts that VFIO must offer. The device has a host node. */
void count_host_irqs(struct machine_planner *p, struct p_device *d);

/* ---- irq_props.c ---- */

void write_interrupts(struct machine_planner *p); // STEP_IRQ_PROPS

/* Returns the interrupt parent of a guest node: the node whose specifiers its `interrupts` holds; or NULL. */
const struct dt_node *guest_irq_parent(struct machine_planner *p, const struct dt_node *n);

/* ---- written_irqs.c ---- */

/* Reports nodes that name a linked line in `interrupts` of the text (E1015). Called when references are resolved. */
void check_written_interrupts(struct machine_planner *p);

/* ---- emulated.c, by_name.c, new_nodes.c: devices without a host node ---- */

void plan_emulated_devices(struct machine_planner *p); // STEP_EMULATED

/* Makes the record of a platform, PCI or raw device that a statement passes through by name. */
void plan_named_device(struct machine_planner *p, const struct m_passthrough *pass);

/*
 * Adds a region of `size` bytes to a device without a host node. If `address` is not set, the address is chosen in
 * choose_addresses(), or for a device on an emulated PCI bus by the guest.
 */
struct p_region *new_region(struct machine_planner *p, struct p_device *d, uint32_t index, uint64_t size,
                            const struct opt_u64 *address, struct src where);

/* Names a region in messages: "device `uart0`", or "region 0 of `eth0`" if the device is not one emulated region. */
const char *bare_region_text(struct machine_planner *p, const struct p_device *d, const struct p_region *r);

/* Gives slot 0 to 31 of the emulated PCI bus that `pass` names to device `d`; a second owner is an error (E0372). */
void claim_slot(struct machine_planner *p, struct p_device *d, const struct m_passthrough *pass, uint32_t slot);
void write_new_nodes(struct machine_planner *p); // STEP_NEW_NODES

#endif
