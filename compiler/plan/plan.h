// SPDX-License-Identifier: MIT
/*
 * Everything decided: every address, interrupt, reference, mapping and owner. The only input of every emitter.
 * Each decision remembers where it was asked for (`at`) and why.
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
};

struct p_irqchip {
    const char *name;
    struct src at;
    const struct irqchip_class *class;
    uint64_t address[8], size[8]; // its regions
    uint32_t nregions;
    struct dt_node *node;
    bool placed;     // its address was written, or it can be nowhere else: else it gives way
    bool in_kvm;     // its lines have GSIs: the kernel's controller, else the root; the VMM serves the others by itself
    uint32_t nlines; // lines to create, from the class (highest line in use decides where the class lets it)
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

struct p_dma_map {
    uint8_t what; // enum map_kind
    const struct p_memory *memory;
    const struct p_region *region;
    uint32_t bank;
    uint64_t offset; // into what is mapped
    uint64_t size;   // bytes
    uint64_t iova;
    bool readonly;
    struct src at;
};

struct p_dma {
    struct p_device *device;
    const char *name;
    const char *guest_iommu;
    uint64_t window, size;
    uint8_t mode; // enum dma_mode
    bool has_window, has_liodn_index, has_stream, has_operation;
    uint32_t subwindows; // 0: not written
    uint32_t liodn_index, stream;
    uint32_t operation; // OMI, facts: fsl_pamu.h
    VEC(struct p_dma_map) maps;
    struct {
        uint8_t kind; // enum stash_kind
        bool if_possible;
        uint32_t vcpu;     // UINT32_MAX: none
        uint32_t host_cpu; // UINT32_MAX: none
        uint32_t id;       // cache-stash-id; UINT32_MAX: not known
        struct src at;
    } stash;
    struct src at;
};

/* How a device is found on the host. */
enum device_kind { DEV_EMULATED, DEV_PLATFORM, DEV_PCI, DEV_RAW };

struct p_device {
    const char *name; // "i2c0", "fman0/ethernet@e0000"
    struct src at;
    const struct m_passthrough *pass; // while planning; NULL afterwards
    const char *bus;                  // pci: the emulated bus that it is put on; or NULL
    const struct m_device *emulated;  // or NULL
    const struct dev_class *class;    // or NULL
    const struct dt_node *host;       // or NULL
    const char *host_path;            // or NULL
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
    VEC(struct p_machine *) machines;
    VEC(struct p_owned) owned; // only with c->table
};

/* Decides everything. Mistakes go to c->diags; the plan is fit for emitters only when there is no error. */
struct plan *plan_make(struct machc *c, struct model *m);

#endif
