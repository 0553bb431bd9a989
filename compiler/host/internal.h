// SPDX-License-Identifier: MIT
// What the files of host/ share: buses, interrupt nexus nodes, the state of indexing.
#ifndef MACHC_HOST_INTERNAL_H
#define MACHC_HOST_INTERNAL_H

#include "base/vec.h"
#include "host/host.h"
#include "machc.h"
#include "tree/show.h"
enum { BUS_MAX_CELLS = 4 };

/* An address of up to four cells: the low two in `low`, those above in `top`. */
struct bus_address {
    uint64_t top, low;
};

/* One entry of a `ranges`: [from.low, last] on the bus is at `to` on the parent's bus. */
struct bus_range {
    struct bus_address from, to;
    uint64_t last;
    uint64_t space; // what an address must share with the entry: its top, or on PCI the space code
    uint64_t reach; // the largest `last` of this space in the entries up to this one, once sorted
};

/* What a node says of the bus that its children are on. */
struct host_bus {
    uint32_t address_cells, size_cells;
    bool usable;  // the numbers of cells make sense
    bool pci;     // three-cell addresses with a space code
    bool same;    // an empty `ranges`: addresses are the parent's
    bool sorted;  // `ranges` by space and address; else in the order written, first match wins
    bool present; // there is a `ranges`
    struct bus_range *ranges;
    uint32_t nranges;
};

/* A node with an interrupt-map. */
struct nexus {
    uint32_t address_cells, cells; // of the child's side
    const uint8_t *mask;           // or NULL: all ones
    const uint8_t *pass;           // bits of the specifier that go to the parent's as they are; or NULL
    bool own;                      // a driver reads it, whose lines have the trigger of the child's last cell
    VEC(struct nexus_entry) entries;
    struct hash_key key;
    struct map by_key; // (hash of the masked child cells, 0) -> first entry
    const char *problem;
};

struct host_private {
    struct host_bus **buses;           // by node id; NULL: the node has neither children nor `ranges`
    const struct dt_node **irq_parent; // by node id: the controller that its interrupts go to
    struct map nexus;                  // (node, 0) -> struct nexus
    struct map classes;                // (chip, 0) -> struct irqchip_class
    struct map rule_of;                // (interned property, 0) -> struct ref_rule, or 0
    struct suspects *suspects;         // made at the first question
    /* Made when a tail of a path is first looked up: (name, 0) and (name without unit address, this) -> first node. */
    struct map by_name;
    struct dt_node **name_next, **base_next; // by node id: the next node with the same one
    /* (tail of a path, 0 or this as above) -> struct tail; and what was added: (last name, which components of a tail
     * are whole names), both in a text. */
    struct map tails, tail_groups;
    /* names that are asked for of every node */
    const char *address_cells, *size_cells, *reg, *reg_names, *ranges, *interrupts, *interrupts_extended,
        *interrupt_names, *interrupt_parent, *interrupt_cells, *interrupt_controller, *interrupt_map,
        *interrupt_map_mask, *interrupt_map_pass_thru, *compatible, *device_type, *status, *mask, *aliases, *phandle,
        *linux_phandle;
};

/* One indexing. */
struct indexing {
    struct machc *c;
    struct host *h;
    struct src at;
    struct noise noise;
    VEC(struct host_region) regions;
    VEC(struct host_irq) irqs;
};

/* Cells as a 64-bit number; false when it has more bits. */
bool host_number(const uint8_t *cells, uint32_t n, uint64_t *value);

/* An address of n cells, n up to BUS_MAX_CELLS. */
struct bus_address host_bus_address(const uint8_t *cells, uint32_t n);

/* Reads cells and `ranges` of a node with children; its parents have been read. */
void host_read_bus(struct indexing *x, const struct dt_node *n);

/* host_translate() of an address already taken apart. */
bool host_translate_address(const struct host *h, const struct dt_node *n, struct bus_address a, uint64_t size,
                            uint64_t *result, const struct dt_node **blocked);

/* Sorts regions by address for host_overlaps(). */
void host_make_spans(struct machc *c, struct host *h);

/* Finds the interrupt parent of a node; its parents have theirs. */
void host_read_irq_parent(struct indexing *x, const struct dt_node *n);

/* Adds the interrupts of a node, then the entries of its interrupt-map. */
void host_read_irqs(struct indexing *x, const struct dt_node *n);

/* The nexus of a node with an interrupt-map, read at the first call; NULL when it has none. */
struct nexus *host_nexus(struct indexing *x, const struct dt_node *n);

/* The entry for a unit address and specifier; or NULL. */
const struct nexus_entry *host_nexus_find(const struct host *h, const struct nexus *x, const uint8_t *address,
                                          const uint8_t *spec);

/* The specifier at the entry's parent for the specifier `spec` of a child that the entry is for; memory of `c`. */
const uint8_t *host_nexus_spec(struct machc *c, const struct nexus *x, const struct nexus_entry *e,
                               const uint8_t *spec);

/* The class of a controller; NULL: unknown. */
const struct irqchip_class *host_irq_class(struct indexing *x, const struct dt_node *chip);

/* Decodes cells[] with the chip's class: class, kind, number, trigger, identity. */
void host_decode_irq(struct indexing *x, struct host_irq *i);

/* Makes the index from (chip, identity) to users. */
void host_index_irqs(struct machc *c, struct host *h);

/* The name of a node up to its unit address, interned. */
const char *host_base_name(const struct host *h, const struct dt_node *n);

/* Fills h->cpus. */
void host_number_cpus(struct machc *c, struct host *h);

#endif
