// SPDX-License-Identifier: MIT
// The host's device tree and what it says, indexed in one walk: by path, label, alias, phandle, address and interrupt.
#ifndef MACHC_HOST_HOST_H
#define MACHC_HOST_HOST_H

#include "schema/schema.h"
#include "tree/tree.h"

struct machc;

enum { HOST_MAX_CELLS = 16 };

/* One entry of a node's reg, translated through every `ranges` above it. */
struct host_region {
    const struct dt_node *node;
    uint32_t node_id; // its id
    uint32_t index;   // in the node's reg
    uint64_t bus;     // the address on its own bus (low 64 bits)
    uint64_t address; // as the cpus see it; only when translated
    uint64_t size;
    const char *name; // reg-names entry, or NULL
    bool translated;  // false: not a cpu address (i2c address, PCI configuration space, no `ranges` above)
};

/* One interrupt of a node, followed to a controller. */
struct host_irq {
    const struct dt_node *node;        // the device
    uint32_t index;                    // in its interrupts / interrupts-extended, or entry of its interrupt-map
    const char *name;                  // interrupt-names entry, or NULL
    const struct dt_node *chip;        // the controller it reaches; NULL when it could not be followed
    const struct irqchip_class *class; // the controller's class, or NULL: unknown
    uint32_t cells[HOST_MAX_CELLS];    // specifier at that controller
    uint32_t ncells;
    /* decoded by the class; valid when class is not NULL */
    const struct irq_kind *kind;
    uint32_t number;
    const struct irq_trigger *trigger; // NULL: none that the class knows
    uint64_t identity;   // equal for the same line of the same chip (class unknown: a hash-free index of its cells)
    bool from_map;       // an entry of an interrupt-map in this node
    bool name_chip;      // devices' interrupts reach several controllers of such a name: the message names the chip
    const char *problem; // why it could not be followed: one sentence; or NULL
};

/* One entry of an interrupt-map. Cells are big-endian, in the property. */
struct nexus_entry {
    const uint8_t *child;          // unit address and specifier
    const uint8_t *address, *spec; // at `parent`
    const struct dt_node *parent;
    uint32_t nchild, naddress, nspec; // cells
    uint32_t next;                    // private to host/
};

/* Side table, by dt_node.id. */
struct host_node {
    uint32_t first_region, nregions; // in host.regions
    uint32_t first_irq, nirqs;       // in host.irqs; map entries come after the node's own
    uint32_t nmap_irqs;
};

struct host {
    struct dt_tree *tree;
    const char *file; // name for messages
    bool live;        // the tree that the running kernel was started with
    const struct schemas *schemas;
    struct host_node *nodes;
    struct host_region *regions; // in document order
    uint32_t nregions;
    struct host_irq *irqs; // in document order
    uint32_t nirqs;
    const struct dt_node **cpus; // by Linux's number
    uint32_t ncpus;
    /* the rest is private to host/ */
    struct map by_phandle, by_irq;
    struct host_span *spans; // translated regions by address, for host_overlaps()
    uint32_t nspans;
    uint32_t *irq_next; // by irq index: the next user of the same line, UINT32_MAX at the end
    struct host_private *p;
};

/* Builds the index. `t` is from dtb_read() or dts_build(). Odd trees give warnings at `at`, never a crash. */
struct host *host_index(struct machc *c, const struct schemas *s, struct dt_tree *t, const char *file, struct src at);

/*
 * The node that a text names: path, &label (label or alias), &{/path}, or an unambiguous tail of a path.
 * NULL after a message at `at` that offers near names or lists the matches.
 */
struct dt_node *host_find(struct machc *c, const struct host *h, const struct text *t, const char *value,
                          struct src at);

/* The node with this phandle, or NULL. */
struct dt_node *host_phandle(const struct host *h, uint32_t phandle);

/*
 * An address range on the bus of `n`'s children (for a `reg` of a node: its parent), translated to the
 * cpus' view. False when a bus between has no `ranges` or none that fits; *blocked is then that bus.
 * `address` has as many cells as an address on that bus; those of PCI begin with the space code.
 */
bool host_translate(const struct host *h, const struct dt_node *n, const uint32_t *address, uint32_t naddress,
                    uint64_t size, uint64_t *result, const struct dt_node **blocked);

/*
 * Window `i` of a PCI bus, for memory or I/O, as the cpus see it: [*first, *last]; *first > *last if they do not.
 * False: `n` is no PCI bus, or has no such window.
 */
bool host_pci_window(const struct host *h, const struct dt_node *n, uint32_t i, uint64_t *first, uint64_t *last);

/*
 * Regions in groups, so that a search does not look at those of a group, however many these are. `group_of` returns the
 * group of a region; NULL: no search finds it. In memory of `a`.
 */
struct host_groups *host_group_regions(struct arena *a, const struct host *h,
                                       const void *(*group_of)(void *opaque, const struct host_region *r),
                                       void *opaque);

/* host_overlaps() without the regions of group `but`. */
void host_overlaps_but(const struct host *h, const struct host_groups *groups, const void *but, uint64_t address,
                       uint64_t size, bool (*each)(void *opaque, const struct host_region *r), void *opaque);

/* Calls `each` for every translated region that overlaps [address, address + size). Stops when it returns false. */
void host_overlaps(const struct host *h, uint64_t address, uint64_t size,
                   bool (*each)(void *opaque, const struct host_region *r), void *opaque);

/* The node that the `interrupts` of a node refer to: a controller or a nexus; or NULL. */
const struct dt_node *host_irq_parent(const struct host *h, const struct dt_node *n);

/*
 * The entries of a node's interrupt-map that could be read, in order: entry i is the one of the i-th of its map's
 * host_irqs. How many there are in *n; NULL: none.
 */
const struct nexus_entry *host_map_entries(const struct host *h, const struct dt_node *node, uint32_t *n);

/* Every user of the same line, first to last; start with the first one. NULL at the end. */
const struct host_irq *host_irq_users(const struct host *h, const struct host_irq *i);
const struct host_irq *host_irq_next(const struct host *h, const struct host_irq *i);

/* "GIC SPI 54, level-high", "mpic 43, level-low", "<1 2 3> of /soc/pic": in the arena. */
const char *host_irq_text(struct machc *c, const struct host_irq *i);

/* #address-cells / #size-cells that `n` sets for its children (defaults 2 and 1, Devicetree Specification 2.3.5). */
uint32_t host_address_cells(const struct host *h, const struct dt_node *n);
uint32_t host_size_cells(const struct host *h, const struct dt_node *n);

/* Not status "okay" or "ok": present in the tree but not for use. */
bool host_disabled(const struct host *h, const struct dt_node *n);

/*
 * The node that an interrupt of a device refers to directly: a controller or a nexus (for an entry of an interrupt-map:
 * its nexus); or NULL.
 */
const struct dt_node *host_irq_first_hop(const struct host *h, const struct host_irq *i);

/*
 * The host's interrupt controller that KVM's depend on (irqchip_class.host_kvm): the one that the root's
 * `interrupt-parent` leads to, else the first that has interrupts. NULL: the host has none, or `h` is NULL.
 */
const struct dt_node *host_kvm_irqchip(const struct host *h, const struct irqchip_class **class);

/* The node of the cpu that Linux gives a number. NULL: there is no such cpu, or no host tree (`h` is NULL). */
const struct dt_node *host_cpu(const struct host *h, uint32_t cpu);

/* The name of a node's platform device in Linux: "ffe118000.i2c" (drivers/of/device.c, of_device_make_bus_id). */
const char *host_sysfs_name(struct machc *c, const struct host *h, const struct dt_node *n);

#endif
