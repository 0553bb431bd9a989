// SPDX-License-Identifier: MIT
/*
 * The result of planning: every address, interrupt, reference, mapping and owner is decided. The plan is the only input
 * of every emitter; order/order.h makes it. Each decision records the statement that asked for it (`at`) and how it
 * came about (`how`).
 */
#ifndef MACHC_PLAN_PLAN_H
#define MACHC_PLAN_PLAN_H

#include "model/model.h"

/* How a value came about: from the text, from a schema, from the host or a rule, or chosen by machc. */
enum how { HOW_WRITTEN, HOW_SCHEMA, HOW_DEFAULT, HOW_CHOSEN };

/* Memory of a guest; a bank of it, where the text asks for several runs. */
struct p_memory {
    const struct m_memory *m;
    uint64_t address, size; // guest physical, bytes
    uint8_t how;            // enum how, of the address
    uint8_t provider;       // enum provider, where its place on the host counts: none of it is BY_CHOICE
    bool pool;              // devices reach it alone: the guest bounces what they move (restricted-dma-pool)
    uint64_t physical;      // host physical address; UINT64_MAX: unknown, or found at the start
    uint64_t lowest, limit; // where the host may have it: from `lowest` on, and below `limit` (0: anywhere)
};

/* Does the guest's kernel use it as its own, and run in it? Else it is data, shared or read-only. */
static inline bool is_ram_of_guest(const struct p_memory *m)
{
    return !m->m->share && !m->m->readonly;
}

/* A number in guest.dtb that follows from where the host has a memory: it is written at each start. */
struct p_patch {
    const struct dt_node *bus; // whose `dma-ranges` it is in
    uint32_t offset;           // in the property, of the two cells
    uint32_t memory;           // index in p_machine.memory
    uint64_t addend;           // what is added to the host address, modulo 2^64
};

/* A vcpu. */
struct p_cpu {
    uint32_t vcpu;
    uint32_t host_cpu;    // UINT32_MAX: not bound
    struct dt_node *node; // in the guest's tree
    uint64_t reg;         // `reg` of the node: the number that the architecture identifies the cpu by
};

enum { CHIP_REGIONS = 8 };

/* An interrupt controller of a guest. */
struct p_irqchip {
    const char *name;
    struct src at;
    const struct irqchip_class *class;
    uint64_t address[CHIP_REGIONS], size[CHIP_REGIONS]; // its regions: guest physical address and size in bytes
    uint32_t nregions;
    struct dt_node *node;
    struct dt_node *msi; // the node that receives its lines as messages; or NULL
    bool placed; // its address was written, or the platform fixes it; otherwise it moves when the range is taken
    // Its lines have GSIs: KVM emulates it, or it is the root and KVM emulates none. The VMM serves the others itself.
    bool in_kvm;
    uint32_t nlines;  // lines to create: the number in its node, or else enough for the highest line in use
    struct map lines; // (kind index, number) -> the struct p_irq * that uses the line
};

/* An interrupt of the guest: it comes from a host device, or the VMM raises it. */
struct p_irq {
    struct p_device *device; // owner
    uint32_t index;          // at the device: the VFIO interrupt index, map entry, or interrupt of the emulated device
    const char *name;        // interrupt-names entry, "intx", or NULL
    uint8_t source;          // enum irq_source
    bool drop;
    const char *needed_by;       // Linux's driver that does not start without it; or NULL
    const char *file;            // raw: "/dev/uio0"
    const struct host_irq *host; // or NULL
    struct p_irq *shares;        // another one of the machine, on the same line of the host: bound for both; or NULL
    struct p_irqchip *chip;
    const struct irq_kind *kind;
    uint32_t number; // line at the guest's chip
    const struct irq_trigger *trigger;
    uint32_t cells[IRQ_MAX_CELLS]; // the guest's specifier
    uint32_t ncells;
    uint32_t gsi;  // UINT32_MAX: not routable by GSI
    bool resample; // the line is level-triggered and needs the resample eventfd
    uint8_t how;
    struct src at;
};

enum irq_source { IRQ_DEVICE, IRQ_EMULATED, IRQ_FILE };

/* A register of a shadow that the guest may write. */
struct p_write {
    const struct p_region *region;
    uint32_t offset, mask;
    bool hiword;
    bool line;     // a line of a provider: for the guest an ordinary register, whether `hiword` or not
    bool of_class; // a class says so, not the text
    struct src at; // the statement or the schema
};

/* What makes a region a shadow: registers of the host that it keeps. */
struct p_shadow {
    VEC(struct p_write) writes; // at the end by offset, one for each register
    struct src at;              // the first statement
    bool big_endian;
    const struct schema_lines *lines; // its registers are written for lines of the provider only; or NULL
};

/* A region of a device's registers or memory. Sizes are in bytes. */
struct p_region {
    struct p_device *device;
    const char *name; // or NULL
    uint64_t host;    // host physical address; UINT64_MAX: unknown (PCI)
    uint64_t size;
    uint64_t guest;     // guest physical address; UINT64_MAX: not in the guest (drop)
    const char *unsafe; // the reason given with `unsafe`, or NULL
    const char *file;   // raw: "/dev/mem"
    uint64_t offset;    // in file
    uint64_t align;     // alignment of a chosen address in bytes; 0: one page
    struct src at;
    uint32_t index;
    uint8_t mode; // REGION_MAP, REGION_TRAP, REGION_DROP
    uint8_t how;
    bool prove_free; // raw, of /dev/mem: the start proves that the host's kernel does not use it as memory
    bool window;     // it is a window of the node's `ranges` (PCI memory, child bus), not an entry of its `reg`
    const struct host_region *source;
    struct p_shadow *shadow; // it is one; or NULL
};

/* One mapping of the IOMMU: what a device reaches at a device address. */
struct p_dma_map {
    const struct p_memory *memory; // MAP_MEMORY
    const struct p_region *region; // MAP_REGION
    uint64_t offset;               // bytes into the memory or region that is mapped
    uint64_t size;                 // bytes that the statement asks for
    uint64_t granted;              // bytes that the device reaches from iova on; a PAMU rounds the last part up
    uint64_t iova;
    struct src at;
    uint32_t bank; // MAP_MSI_BANK
    uint8_t what;  // enum map_kind
    bool readonly;
};

/* Does nothing keep the device from any memory of the host? */
static inline bool is_open_dma(uint8_t mode)
{
    return mode == DMA_IDENTITY || mode == DMA_BUS || mode == DMA_POOL;
}

/* The cache that the writes of a DMA domain are stashed into. */
struct p_stash {
    uint8_t kind; // enum stash_kind
    bool if_possible;
    uint32_t vcpu;              // UINT32_MAX: none
    uint32_t host_cpu;          // UINT32_MAX: none
    uint32_t id;                // cache-stash-id; UINT32_MAX: unknown
    uint32_t entry;             // TPH: entry of the steering tag table; UINT32_MAX: all entries
    bool persistent;            // TPH: the memory that is written to is persistent
    const struct dt_node *node; // host node of the cache, or for TPH of the cpu; NULL: unknown
    struct src at;
};

/* A bus of the guest that translates device addresses, where there is no IOMMU. */
struct p_bus {
    const struct dt_node *node;
    VEC(struct p_bus_entry {
        const struct p_memory *memory;
        uint64_t device; // device address; UINT64_MAX: the host's address plus `addend`, known at the start
        uint64_t addend;
    })
    entries; // what its devices reach: the guest's kernel bounces what they move to and from other memory
};

/* A DMA domain of a device: what one of its streams reaches. */
struct p_dma {
    struct p_device *device;
    const char *name;
    const char *guest_iommu;
    uint64_t window, size;        // as written, or as the solver chose it
    const struct p_dma_map *maps; // sorted by device address; shared by all devices that reach the same
    uint32_t nmaps;
    uint8_t mode; // enum dma_mode
    uint8_t way;  // enum iommu_way: how the IOMMU implements the mappings
    bool has_window, has_liodn_index, has_stream, has_operation;
    bool no_iommu;       // the device is not behind one: nothing restricts it
    bool written;        // the statement lists the maps; otherwise they are all of the machine's memory
    uint32_t subwindows; // PAMU: number of sub-windows; 0: none
    uint32_t whole;      // PAMU: number of sub-windows with which each is completely mapped; 0: there is none
    uint32_t page_shift; // TCE: log2 of the largest page size that fits all maps; 0: none
    uint32_t liodn_index, stream;
    uint32_t operation;        // PAMU: index of the operation mapping (linux drivers/iommu/fsl_pamu.h)
    uint32_t endpoint;         // guest-iommu: the endpoint id of the device in the guest's tree; UINT32_MAX: none
    const struct dt_prop *ids; // the ids by which the host's IOMMU identifies the device, one per cell; or NULL
    struct p_stash *stash;     // or NULL
    const struct p_bus *bus;   // `dma bus`, `dma pool`; else NULL
    struct src at;
};

/* Returns a copy of the stash target of `d`, or a target of kind STASH_NONE where it has none. */
static inline struct p_stash stash_of(const struct p_dma *d)
{
    return d->stash ? *d->stash : (struct p_stash){.kind = STASH_NONE, .vcpu = UINT32_MAX};
}

/* How a device is found on the host. */
enum device_kind { DEV_EMULATED, DEV_PLATFORM, DEV_PCI, DEV_RAW };

/* A device of a guest: passed through or emulated. */
struct p_device {
    const char *name; // "i2c0", "fman0/ethernet@e0000"
    struct src at;
    const struct m_passthrough *pass; // while planning; NULL afterwards
    const char *bus;                  // PCI: name of the emulated bus that the device is on; or NULL
    uint32_t slot;                    // on that bus; UINT32_MAX: none
    const struct m_device *emulated;  // or NULL
    const struct dev_class *class;    // or NULL
    const struct dt_node *host;       // or NULL
    const char *sysfs_name;           // "ffe118000.i2c", "0000:01:00.0", or NULL (raw)
    const char *compatible;           // first compatible of the host's node, or NULL
    struct p_device *parent;          // of a device below the node of a statement: the statement's device; or NULL
    struct dt_node *node;             // in the guest's tree
    VEC(struct p_region *) regions;
    VEC(struct p_irq *) irqs;
    VEC(struct p_dma *) dmas;
    uint32_t index;     // in machine.devices
    uint32_t host_irqs; // how many interrupts VFIO must offer; only for a device with a host node
    uint32_t vcpu;      // the N of `vcpu N`; UINT32_MAX: none
    uint8_t kind;       // enum device_kind
};

/* What the host has to keep for a device of a guest: what a reference of its host node, or one below, leads to. */
struct p_promise {
    const struct p_device *device;
    const struct dt_node *user;  // host node with the property
    const struct dt_prop *prop;  // of the host
    const struct ref_rule *rule; // says how it is kept
    uint32_t index;              // of the entry
    uint32_t cell, ncells;       // the entry: the cell of its phandle, and how many cells there are from there on
    const struct dt_node *provider;
    uint64_t value; // that the guest was told, in the rule's unit; 0: none was written
    struct src at;  // the statement
};

/* A row of the table of what the host keeps or leaves alone, as text. */
struct p_kept {
    const char *what;  // "/soc/ethernet@20000 clocks[0]"; a node; memory
    const char *of;    // what it leads to; or NULL
    const char *how;   // "bus@10020000 while the device is open"
    const char *owner; // the machine
};

/* What is changed on the host, so that it keeps what its guests rely on. */
struct p_preparation {
    struct dt_tree *overlay;     // for the host's tree, with __local_fixups__; or NULL: there is nothing to change
    VEC(const char *) arguments; // of the host's kernel
    VEC(struct p_kept) kept;     // only with c->table
    bool isolates;               // the arguments isolate the cpus that machines have
};

/* What the start of a machine proves of a host that was prepared for it. */
enum proof_kind { PROVE_LINK, PROVE_PROPERTY, PROVE_ARGUMENT, PROVE_ISOLATED };

struct p_proof {
    const char *text; // LINK: the bus in sysfs; PROPERTY: its path in the host's tree; ARGUMENT: "NAME=VALUE"
    const struct p_device *device; // LINK: the device that the bus runs for; else NULL
    uint64_t value;                // PROPERTY: its number; UINT64_MAX: it only has to be there
    uint32_t cpu;                  // ISOLATED: of the host
    uint8_t kind;                  // enum proof_kind
};

/* A row of the table of references, as text: what the host keeps, and what the guest gets in its place. */
struct p_reference {
    const char *node;   // of the guest
    const char *entry;  // "clocks[0] "pclk""
    const char *target; // of the host: "/clock-controller@fd1a0000 64"
    const char *gets;   // "fixed 100000000 Hz", "dropped: why"
    uint8_t how;        // enum how
};

/* All decisions for one machine. */
struct p_machine {
    const struct m_machine *m;
    const char *name, *model;
    struct dt_tree *tree; // the finished guest tree, which becomes guest.dtb
    VEC(struct p_cpu) cpus;
    VEC(struct p_memory) memory;
    VEC(struct p_patch) patches;
    VEC(struct p_irqchip *) irqchips;   // [0] is the root
    VEC(struct p_device *) devices;     // in the order of the text; a parent precedes the devices below it
    VEC(struct p_reference) references; // only with c->table
    VEC(struct p_promise) promises;     // only with c->prepare
    VEC(struct p_proof) proofs;         // the same; none where nothing is changed on the host for the machine
    VEC(const char *) command;          // only with c->vmm: that VMM's command line, in groups of words
    bool maps_regions;                  // a device reaches registers of another by DMA
};

/* A row of the table of owners, as text: a thing that can have only one owner, and its owner. */
struct p_owned {
    const char *kind;  // "registers", "interrupt", "stream id"
    const char *what;  // "0x021c0600-0x021c06ff"
    const char *owner; // a machine, or "host"
    const char *by;    // the device, memory or node that uses it
    const char *where; // "board.mach:6:5", or the host's tree
};

/* All decisions for one file. */
struct plan {
    struct machc *c;
    struct model *model;
    uint8_t iommu; // enum iommu_kind: as written, or as the host's tree shows
    VEC(struct p_machine *) machines;
    VEC(struct p_owned) owned; // only with c->table
    struct p_preparation host; // only with c->prepare
    uint64_t spaact;           // PAMU: entries of its SPAACT that the sub-windows of all machines use
    uint64_t vendor_spaact;    // the same as the vendor's VFIO asks for them: one window for all LIODNs of a device
};

#endif
