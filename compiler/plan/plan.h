// SPDX-License-Identifier: MIT
/*
 * Everything decided: every address, interrupt, reference, mapping and owner. The only input of every emitter.
 * order/order.h makes it. Each decision remembers where it was asked for (`at`) and why.
 */
#ifndef MACHC_PLAN_PLAN_H
#define MACHC_PLAN_PLAN_H

#include "model/model.h"

enum how { HOW_WRITTEN, HOW_SCHEMA, HOW_DEFAULT, HOW_CHOSEN }; // how a value came about

struct p_memory {
    const struct m_memory *m;
    uint64_t address, size; // guest physical, bytes
    uint8_t how;            // of the address
};

struct p_cpu {
    uint32_t vcpu;
    uint32_t host_cpu;    // UINT32_MAX: not bound
    struct dt_node *node; // in the guest's tree
    uint64_t reg;         // the node's: what the architecture knows the cpu by
};

enum { CHIP_REGIONS = 8 };

struct p_irqchip {
    const char *name;
    struct src at;
    const struct irqchip_class *class;
    uint64_t address[CHIP_REGIONS], size[CHIP_REGIONS]; // its regions
    uint32_t nregions;
    struct dt_node *node;
    struct dt_node *msi; // the node that its messages go to; or NULL
    bool placed;         // its address was written, or it can be nowhere else: else it gives way
    bool in_kvm;     // its lines have GSIs: the kernel's controller, else the root; the VMM serves the others by itself
    uint32_t nlines; // lines to create: as many as its node says, else the highest in use decides
    struct map lines; // (kind index, number) -> struct p_irq *: who has the line
};

/* An interrupt of the guest: from a host device, or made by the VMM. */
struct p_irq {
    struct p_device *device; // owner
    uint32_t index;          // at the device: VFIO interrupt index, map entry, or emulated device's
    const char *name;        // interrupt-names entry, "intx", or NULL
    uint8_t source;          // enum irq_source
    bool drop;
    const char *file;            // raw: "/dev/uio0"
    const struct host_irq *host; // or NULL
    struct p_irqchip *chip;
    const struct irq_kind *kind;
    uint32_t number; // line at the guest's chip
    const struct irq_trigger *trigger;
    uint32_t cells[IRQ_MAX_CELLS]; // the guest's specifier
    uint32_t ncells;
    uint32_t gsi;  // UINT32_MAX: not routable by GSI
    bool resample; // level: needs the resample eventfd
    uint8_t how;
    struct src at;
};

enum irq_source { IRQ_DEVICE, IRQ_MAP_ENTRY, IRQ_EMULATED, IRQ_FILE };

struct p_region {
    struct p_device *device;
    const char *name; // or NULL
    uint64_t host;    // host physical address; UINT64_MAX: not known (pci)
    uint64_t size;
    uint64_t guest;     // guest physical address; UINT64_MAX: not in the guest (drop)
    const char *unsafe; // the reason that was written, or NULL
    const char *file;   // raw: "/dev/mem"
    uint64_t offset;    // in file
    uint64_t align;     // when the address is chosen; 0: a page
    struct src at;
    uint32_t index;
    uint8_t mode; // REGION_MAP, REGION_TRAP, REGION_DROP
    uint8_t how;
    bool window; // a window of the node's `ranges` (PCI memory, child bus) instead of an entry of reg
    const struct host_region *source;
};

/* What a device reaches at a device address: one mapping of the IOMMU. */
struct p_dma_map {
    const struct p_memory *memory; // MAP_MEMORY
    const struct p_region *region; // MAP_REGION
    uint64_t offset;               // into what is mapped
    uint64_t size;                 // bytes that are wanted
    uint64_t granted;              // bytes that the device reaches from iova on: a PAMU rounds the last part up
    uint64_t iova;
    struct src at;
    uint32_t bank; // MAP_MSI_BANK
    uint8_t what;  // enum map_kind
    bool readonly;
};

struct p_stash {
    uint8_t kind; // enum stash_kind
    bool if_possible;
    uint32_t vcpu;              // UINT32_MAX: none
    uint32_t host_cpu;          // UINT32_MAX: none
    uint32_t id;                // cache-stash-id; UINT32_MAX: not known
    uint32_t entry;             // TPH: of the steering tag table; UINT32_MAX: all of them
    bool persistent;            // TPH: of the memory that is written to
    const struct dt_node *node; // the cache's on the host, of TPH the cpu's; NULL: not known
    struct src at;
};

struct p_dma {
    struct p_device *device;
    const char *name;
    const char *guest_iommu;
    uint64_t window, size;        // written, or what the IOMMU gets
    const struct p_dma_map *maps; // by device address; the same for all devices that reach the same
    uint32_t nmaps;
    uint8_t mode; // enum dma_mode
    uint8_t way;  // enum iommu_way: how the IOMMU carries it out
    bool has_window, has_liodn_index, has_stream, has_operation;
    bool written;        // maps were written, not taken from the machine's memory
    uint32_t subwindows; // PAMU: parts of the window; 0: none
    uint32_t whole;      // PAMU: as many parts are all filled by what they map; 0: with no number of them
    uint32_t page_shift; // TCE: log2 of the largest page that all can be mapped by; 0: none
    uint32_t liodn_index, stream;
    uint32_t operation;        // PAMU: index of the operation mapping (linux drivers/iommu/fsl_pamu.h)
    uint32_t endpoint;         // guest-iommu: what the guest's tree calls the device; UINT32_MAX: nothing
    const struct dt_prop *ids; // on the host: what the IOMMU knows the device by, a cell each; or NULL
    struct p_stash *stash;     // or NULL
    struct src at;
};

/* Its stash target; one of the kind STASH_NONE where it has none. */
static inline struct p_stash stash_of(const struct p_dma *d)
{
    return d->stash ? *d->stash : (struct p_stash){.kind = STASH_NONE, .vcpu = UINT32_MAX};
}

/* How a device is found on the host. */
enum device_kind { DEV_EMULATED, DEV_PLATFORM, DEV_PCI, DEV_RAW };

struct p_device {
    const char *name; // "i2c0", "fman0/ethernet@e0000"
    struct src at;
    const struct m_passthrough *pass; // while planning; NULL afterwards
    const char *bus;                  // pci: the emulated bus that it is put on; or NULL
    uint32_t slot;                    // on that bus; UINT32_MAX: none
    const struct m_device *emulated;  // or NULL
    const struct dev_class *class;    // or NULL
    const struct dt_node *host;       // or NULL
    const char *sysfs_name;           // "ffe118000.i2c", "0000:01:00.0", or NULL (raw)
    const char *compatible;           // first compatible of the host's node, or NULL
    struct p_device *parent;          // the device of the statement, for devices further down; or NULL
    struct dt_node *node;             // in the guest's tree
    VEC(struct p_region *) regions;
    VEC(struct p_irq *) irqs;
    VEC(struct p_dma *) dmas;
    uint32_t index;     // in machine.devices
    uint32_t host_irqs; // how many interrupts VFIO must offer: known of a device with a host node
    uint32_t vcpu;      // `vcpu N`; UINT32_MAX
    uint8_t kind;       // enum device_kind
};

struct p_machine {
    const struct m_machine *m;
    const char *name, *model;
    struct dt_tree *tree; // finished: what guest.dtb holds
    VEC(struct p_cpu) cpus;
    VEC(struct p_memory) memory;
    VEC(struct p_irqchip *) irqchips; // [0] is the root
    VEC(struct p_device *) devices;   // in the order of the text; devices further down behind their parent
    bool maps_regions;                // some device reaches registers of another by DMA
};

/* A row of the table of owners, as text: what can have one owner only, and who that is. */
struct p_owned {
    const char *kind;  // "registers", "interrupt", "stream id"
    const char *what;  // "0x021c0600-0x021c06ff"
    const char *owner; // a machine, or "host"
    const char *by;    // the device, memory or node that it is for
    const char *where; // "board.mach:6:5", or the host's tree
};

struct plan {
    struct machc *c;
    struct model *model;
    uint8_t iommu; // enum iommu_kind: as written, or what the host's tree leads to
    VEC(struct p_machine *) machines;
    VEC(struct p_owned) owned; // only with c->table
    uint64_t spaact;           // PAMU: entries of its table that the sub-windows of all machines take
};

#endif
