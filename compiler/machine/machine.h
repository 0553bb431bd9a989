// SPDX-License-Identifier: MIT
// Private to plan/: the state of planning, machine by machine.
#ifndef MACHC_MACHINE_MACHINE_H
#define MACHC_MACHINE_MACHINE_H

#include "machc.h"
#include "plan/plan.h"

/* A range of guest physical addresses that somebody has. */
struct claim {
    uint64_t first, last; // both included
    const char *what;     // "memory `ram`"; NULL: "region 0 of `i2c0`", from `region`
    struct src at;
    const struct p_region *region; // or NULL
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
    uint32_t host_id;          // of `host`, which lies elsewhere
    bool off;                  // disabled below the node that is passed through, and nothing is said of it: no device
};

/* What says of whom a `struct copied` is. */
#define COPY_OF(node) .host = (node), .host_id = (node)->id

/* A node that another statement or machine owns. */
struct owner {
    struct p_machine *machine;
    const struct dt_node *top; // of the statement
    struct src at;
};

/* One entry of a reference property, as the host wrote it. */
struct entry {
    uint32_t start, cells;        // cells of the property
    uint32_t phandle;             // cell of the phandle
    const struct dt_node *target; // NULL: a hole (phandle 0 or -1), or a number
    bool known;                   // the source of the host's tree says that it is a reference
};

struct entries {
    struct entry *at;
    uint32_t n, room;
};

struct own_need;
struct own_use;
struct owned;
struct facts;

/* What `fixed` says of a clock or regulator. */
struct rate {
    uint64_t value;
    struct src at;
};

/* A reference that `to` leads elsewhere, to be looked at when all nodes are there. */
struct to_ref {
    const struct dt_ref *ref;
    const struct m_ref *said;
    const struct ref_rule *rule;
    const char *property;
};

/* The host's cpus as Linux numbers them. */
struct host_cpus {
    VEC(const struct dt_node *) nodes;
};

struct planner {
    struct host_cpus *host_cpus;
    struct machc *c;
    struct model *model;
    const struct host *host; // or NULL
    const struct schemas *schemas;
    struct plan *plan;
    struct owner **host_owner;              // by host node id: who has it, of the whole file
    struct map kept;                        // host node -> struct m_keep
    struct map needs;                       // host node -> struct own_need: why it stays with the host
    VEC(const struct own_need *) need_list; // without what is no device
    const struct facts *facts;              // a snapshot of the running host; or NULL
    bool sysfs_nodes_known;                 // the map below is filled
    struct map sysfs_nodes;                 // interned sysfs name -> host node that Linux makes that device of
    struct map sysfs_owner;                 // interned sysfs name -> struct p_device
    /* private to own/ */
    VEC(struct own_use) uses;
    VEC(struct owned) owned; // the space at hand
    struct owner *last_owner;
    struct own_marks *marks; // phandles that matter to providers; whole file
    struct map bodies;       // struct schema_body -> struct dts_op: those that are parsed; whole file
    struct map rule_of;      // property -> struct ref_rule, or 0
    struct entries own_room;
    bool has_iommus; // some node says that it is behind one
    /* interned names that the compiler itself reads or writes (Devicetree Specification chapters 2 and 3) */
    struct {
        const char *reg, *ranges, *dma_ranges, *interrupts, *interrupt_parent, *interrupts_extended, *interrupt_map,
            *interrupt_map_mask, *interrupt_names, *interrupt_cells, *interrupt_controller, *reg_names, *phandle,
            *linux_phandle, *status, *address_cells, *size_cells, *compatible, *clocks, *clock_names, *device_type;
    } n;
    struct dma_work *dma;  // private to dma/; whole file
    struct caches *caches; // private to stash.c; whole file
    /* the machine at hand */
    struct p_machine *m;
    bool twice;                   // a node was passed through twice: regions that meet follow from that
    VEC(struct claim) claims;     // fixed addresses, then sorted
    VEC(struct p_device *) bare;  // devices without a host node: their nodes are made when all addresses are known
    VEC(struct copied *) copies;  // in document order of the statements
    VEC(struct p_irq *) unlinked; // interrupts whose line is to be chosen
    struct map irq_of;            // host_irq -> struct p_irq
    struct map line_of;           // host interrupt (chip, identity) -> the first struct p_irq of it
    struct map ref_used;          // place of a `ref` statement -> 1: it has settled something
    struct map rates;             // (host node, interned specifier) -> struct rate, whole file
    VEC(struct to_ref) to_refs;
    struct settle_room *settle_room; // private to refs.c
    struct copied **copy_of;         // by host node id, or NULL
    struct map nodes_done;           // m_edit -> 1: node statements that are merged
    struct map fixed;                // (kind, rate) -> guest node
    struct map slots;                // (interned name of a bus, slot) -> struct p_device
    struct map chips;                // interned name -> struct p_irqchip
    struct map devices;              // interned name -> struct p_device
    struct map memories;             // interned name -> index + 1
    struct frame *frame;             // what built-in bodies see
    const struct origin *last_origin;
    struct map origins; // why -> struct origin without a place: that of its node
};

/* An origin in the arena. */
const struct origin *origin_of(struct planner *p, uint8_t kind, struct src where, const char *why);

/* The origin of a computed property of `n`; shared by all that are computed for the statement that made their node. */
const struct origin *origin_at(struct planner *p, const struct dt_node *n, struct src where, const char *why);

/* ---- place.c: the guest's physical address space ---- */

void claim(struct planner *p, uint64_t address, uint64_t size, const char *what, struct src where);

void claim_region(struct planner *p, const struct p_region *r, const char *what, struct src where);

/* Whether nobody has anything of [address, address + size); a free place for it in [from, end). */
bool is_free(const struct planner *p, uint64_t address, uint64_t size);
bool find_place(struct planner *p, uint64_t from, uint64_t end, uint64_t size, uint64_t align, uint64_t *place);

/* Sorts the claims and reports those that overlap, or share a page that has to be mapped in two ways. */
void claims_check(struct planner *p);

/* Chooses addresses for memory and devices that have none: after claims_check(), in the order of the text. */
void choose_memory(struct planner *p);
void choose_devices(struct planner *p);

/* Every address is known: the claims have served. */
void claims_drop(struct planner *p);

/* ---- guest.c: what every machine has ---- */

/* Irqchips whose address is not written: where the platform has them, or else where it has its devices. Before
 * claims_check(). */
void place_chips(struct planner *p);
bool guest_begin(struct planner *p);  // root, cpus, irqchips with their addresses
void guest_memory(struct planner *p); // /memory@, /reserved-memory
void guest_finish(struct planner *p); // chosen, aliases

/* The host's node of a cpu, numbered as Linux does: in the order of the tree. NULL: no such cpu, or no host tree. */
void count_host_cpus(struct planner *p); // once, before any machine
const struct dt_node *host_cpu_node(const struct planner *p, uint32_t cpu);

/* A class's or platform's body, merged into a node. */
void merge_schema(struct planner *p, struct dt_node *n, const struct schema_body *body, struct frame *f,
                  const char *file);

/* The provider that `fixed` makes for a rate, shared by all that ask for the same. */
struct dt_node *fixed_provider(struct planner *p, const struct schema_provider *kind, uint64_t rate, struct src where);

/* ---- nodes.c: node and edit statements ---- */

void nodes_wanted_first(struct planner *p); // those that `under` names
void nodes_rest(struct planner *p);
void check_reserved(struct planner *p); // that the guest's kernel takes /reserved-memory
void merge_edit(struct planner *p, struct dt_node *n, const struct m_edit *e);

/* A new child; when the name is taken, a message that shows by whom, and NULL. */
struct dt_node *new_child(struct planner *p, struct dt_node *parent, const char *name, uint8_t kind, struct src where);

/* Fills the references that were written by name; messages for those that lead nowhere. */
void resolve_names(struct planner *p);

/* ---- copy.c: subtrees of the host ---- */

/* Linux makes a platform device of a node whose registers the cpus reach, or that has none. */
bool is_platform_device(const struct planner *p, const struct dt_node *n);
void copy_passthroughs(struct planner *p);
void copy_one(struct planner *p, const struct m_passthrough *pass);
struct p_device *new_device(struct planner *p, const char *name, uint8_t kind, struct src where);
/* `vcpu N` of a statement, when the machine has it; false also after a message. */
bool vcpu_of(struct planner *p, const struct m_passthrough *pass);
/* One statement of the whole file for a device, whether it is named by its node or as sysfs does. */
void own_sysfs_name(struct planner *p, struct p_device *d, struct src where);
void name_copy(struct planner *p, struct copied *k, const char *name);
struct dt_node *bus_of(struct planner *p, const struct m_passthrough *pass);
void copy_description(struct planner *p, const struct dt_node *host, const struct copied *from, struct src where);

/* ---- reg.c: reg and ranges on the guest's bus ---- */

/* An address of the guest's cpus on the bus of `bus`'s children; false after a message. */
bool to_bus(struct planner *p, const struct dt_node *bus, uint64_t address, uint64_t size, struct src where,
            uint64_t *on_bus);
uint32_t cells_of(struct planner *p, const struct dt_node *n, const char *name, uint32_t otherwise);
void put_cells(uint8_t *to, uint64_t value, uint32_t cells);
void decide_regions(struct planner *p, struct copied *k, struct p_device *d);
/* Of a node further down that is no device: its registers are within those of the device that it belongs to. */
void check_part_regions(struct planner *p, const struct copied *k);
void add_region(struct planner *p, struct p_device *d, const struct p_region *r, struct src where);
/* The region that [a, a + size) lies in, of those that the same statement has already; or NULL. */
const struct p_region *region_over(const struct p_device *d, uint64_t a, uint64_t size);
/* Can the cells of a guest's bus hold a range on it? The size counts when `sized`. False after a message. */
bool fits_cells(struct planner *p, const struct dt_node *bus, uint64_t on_bus, uint64_t size, bool sized,
                struct src where);
void write_reg(struct planner *p, struct copied *k);
void drop_reg(struct planner *p, struct copied *k);

/* ---- ranges.c: ranges on the guest's bus ---- */

void decide_windows(struct planner *p, struct copied *k, struct p_device *d);
void write_ranges(struct planner *p, struct copied *k);

/* ---- irqs.c: interrupt links ---- */

/* The link of one interrupt: where it is written, taken at once; else when choose_lines() comes by. */
void link_irq(struct planner *p, struct p_irq *irq, const struct m_irq_to *to);
void choose_lines(struct planner *p);
/* "interrupt 0 of `i2c0`": for messages. */
const char *irq_text(struct planner *p, const struct p_irq *irq);

/* ---- irqhost.c: interrupts of copied nodes ---- */

enum irq_route {
    IRQ_ROUTE_LINK,  // to a line of the guest's controller
    IRQ_ROUTE_NEXUS, // the same, through a copied interrupt-map
    IRQ_ROUTE_INSIDE // the host's controller is copied: it stays as it is
};
enum irq_route irq_route(struct planner *p, const struct copied *k, const struct host_irq *h);

/* The node that an interrupt speaks to first: a controller or a nexus (for an entry of a map: its nexus); or NULL. */
const struct dt_node *irq_first_hop(const struct planner *p, const struct host_irq *h);

/* "`irq 0 drop;`", where it has to stand: for messages. */
const char *irq_drop_text(struct planner *p, const struct p_irq *irq);

/* Whether `interrupts` of a copy keeps its cells, because the node that they speak to is copied, too. */
bool irq_cells_stay(struct planner *p, const struct copied *k);

/* Links of a node's own interrupts; then, when all nodes have theirs, of the entries of interrupt-maps. */
void decide_irqs(struct planner *p, struct copied *k);
void count_host_irqs(struct planner *p, struct p_device *d);
void decide_map(struct planner *p, struct copied *k);

/* ---- irqprops.c: interrupts, interrupts-extended, interrupt-map ---- */

void write_interrupts(struct planner *p);
/* The copy of a host node in this guest, or NULL; of any kind, or without descriptions. */
static inline struct copied *any_copy(const struct planner *p, const struct dt_node *host)
{
    return p->copy_of[host->id];
}

struct copied *copy_of(struct planner *p, const struct dt_node *host);

/* ---- refs.c: references ---- */

void settle_refs(struct planner *p, uint32_t first);
void check_to_refs(struct planner *p); // whether those that go `to` a node fit it: after resolve_names()

/* ---- bare.c: devices without a host node: platform, pci, raw, and emulated ones ---- */

void plan_bare(struct planner *p, const struct m_passthrough *pass);
void plan_emulated(struct planner *p, const struct m_device *dev);
void write_bare(struct planner *p, struct p_device *d);

/* ---- dma/ ---- */

/* Before any machine; before the devices of the machine at hand; each of them, when all addresses are known. */
void dma_begin(struct planner *p);
void dma_machine(struct planner *p);
void plan_dma(struct planner *p, struct p_device *d, const struct m_part *part);
/* What all machines take of the IOMMU together, and what is in reach of their devices: when all are planned. */
void check_dma(struct planner *p);

/* ---- stash.c ---- */

void plan_stash(struct planner *p, struct p_dma *dma, const struct m_stash *s);
void check_stashes(struct planner *p); // across machines

/* ---- asserts.c ---- */

void check_asserts(struct planner *p);

#endif
