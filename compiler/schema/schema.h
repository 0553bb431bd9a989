// SPDX-License-Identifier: MIT
// Device knowledge as data: the built-in files of schemas/, and --schema-dir on top. No device is known to C code by
// name.
#ifndef MACHC_SCHEMA_SCHEMA_H
#define MACHC_SCHEMA_SCHEMA_H

#include "ast/ast.h"
#include "base/map.h"
#include "diag/diag.h"

#include <stdbool.h>
#include <stdint.h>

struct machc;
struct dt_prop;

/* Lines of device tree source that are merged into a node. */
struct schema_body {
    const char *name; // of that text as a source: "schemas/irqchips/gic-v3.json#body"
    const char *text;
    uint32_t len;
    const struct dts_op
        *ops; // what it says, parsed; NULL in a file that was read on demand: whoever needs it parses it
};

/* ---- references: which properties hold phandles ---- */

enum fate { FATE_ERROR, FATE_DROP, FATE_KEEP, FATE_FIXED, FATE_ASSIGN, FATE_COPY, FATE_SHADOW, FATE_TO };

enum ref_layout {
    REF_CELLS,         // phandle, then as many cells as the target's `cells` property says; repeated
    REF_FIXED,         // phandle, then `fixed` cells; repeated
    REF_SINGLE,        // one phandle, the rest of the property is arguments of any number
    REF_STRIDE,        // the phandle is cell `at` of every `fixed` cells (rockchip,pins: cell 3 of 4)
    REF_MAP,           // `before` cells, phandle, the target's `cells`, `after` cells; repeated (iommu-map: 1, ..., 1)
    REF_INTERRUPT_MAP, // interrupt-map, handled by the interrupt code
    REF_INTERRUPT,     // interrupts, interrupt-parent, interrupts-extended: handled by the interrupt code
    REF_GRAPH          // remote-endpoint
};

/* How a rule finds its properties. */
enum ref_match {
    REF_MATCH_NAME,     // the whole name
    REF_MATCH_SUFFIX,   // names that end so: "-supply"
    REF_MATCH_NUMBERED, // names that begin so and go on with decimal digits only: "pinctrl-"
    REF_MATCH_NODE      // every name, in nodes of this name
};

/* What a property says of the IOMMU. */
enum ref_iommu {
    REF_IOMMU_NONE,
    REF_IOMMU_DEVICE, // the node, and what is below it, is behind the IOMMU that it names: "iommus"
    REF_IOMMU_BOARD   // so is every device of the board: "fsl,iommu-parent"
};

/* What a reference says of the provider's side. */
enum ref_resource {
    REF_RESOURCE_NONE,     // nothing: a mere relation between two nodes
    REF_RESOURCE_SHARED,   // it gives something that several devices may have (a clock, a power domain)
    REF_RESOURCE_EXCLUSIVE // what the specifier names is for one device (a reset line, a DMA request, a pin)
};

/* A property whose cells are numbers by which an IOMMU for the whole board knows a device: "fsl,liodn". */
struct schema_dma_id {
    const char *property; // interned
    const char *kind;     // "LIODN"
};

/* Nodes that more of a board hangs on than the tree says. */
struct schema_delicate {
    const char *compatible; // interned: "syscon"
    const char *kind;       // "system controller"
    const char *why;        // one line
    /* A guest can have a shadow of such a node: a guarded window of its registers of 4 bytes. */
    const char *const *shadow; // properties that its node keeps; or NULL: it cannot
    const char *big_endian;    // the property that says that its registers are big-endian
    const char *width;         // the property with the size of a register in bytes
};

/* ---- what Linux does with a node, by its compatible ---- */

/* A driver that makes platform devices of the children of its node. */
struct linux_glue {
    const struct linux_glue *next; // another driver for the same compatible
    const char *driver;
    const char *bus;             // of the node: "i2c"; NULL: platform
    const char *const *children; // NULL-terminated: only children with one of these compatible strings; NULL: all
    bool buses;                  // it goes down into children that are buses
    bool grandchildren;          // it makes devices of the children's children only
};

/* The kernel's tables of nodes that are initialised before devices are made. */
enum linux_table { LINUX_IRQCHIP, LINUX_CLK, LINUX_TIMER, LINUX_NTABLES };

/* The lists that a compatible string is on. */
enum linux_flags {
    LINUX_IS_BUS = 1 << 0,             // the core makes devices of its children
    LINUX_IS_AMBA = 1 << 1,            // it becomes an AMBA device, and nothing below it becomes a device
    LINUX_IS_SKIPPED = 1 << 2,         // it becomes no device, and neither does anything below it
    LINUX_IS_RESERVED_MEMORY = 1 << 3, // it becomes a device although it is a child of /reserved-memory
    LINUX_IS_GLUE = 1 << 4,            // `glues` make devices of its children
    LINUX_STAYS = 1 << 5,              // `stays` has no `unbind` in sysfs
    LINUX_OWN_MAP = 1 << 6,            // the core does not read its interrupt-map
    LINUX_IS_EARLY = 1 << 7,           // << enum linux_table: it is initialised before, and never becomes a device
    LINUX_IS_RELEASED = 1 << 10,       // << enum linux_table: it is initialised before, and becomes one all the same
    LINUX_OWN_STREAM = 1 << 13         // `own_stream` writes the device's stream id into a register of the device
};

struct linux_node {
    uint16_t is;                    // enum linux_flags
    const struct linux_glue *glues; // its drivers that make devices of the children
    const char *own_stream;         // its driver that writes the device's stream id into a register; or NULL
    const char *stays;              // its driver that has no `unbind` in sysfs; or NULL
    const char *stays_bus;          // the driver's bus; NULL: platform
    const char *stays_config;       // "CONFIG_X": only if this option is y; NULL: always
    uint16_t map_before;            // its driver reads the map: so many cells before the specifier; 0: none does
    uint16_t map_parent;            // the cell of them that is the interrupt parent
};

/* ---- what a driver of Linux does not start without ---- */

struct driver_need {
    const char *property;     // interned; NULL ends a list
    const char *const *names; // interned, NULL-terminated: those asked for ("stmmaceth" of clocks); none: the property
};

/* What is known of the driver for a compatible string. */
struct driver_facts {
    struct driver_facts *next;                  // of the same string: what holds in other versions
    const char *driver;                         // its file in Linux's sources
    const char *since, *until;                  // "6.12": the versions it is true of; NULL: all that were read
    const struct driver_need *needs, *probably; // lists, or NULL: it does not start without; most likely not
    const char *const *optional;                // NULL-terminated properties that it asks for and does without; or NULL
    const char *const *any_rate;                // names of clocks ("": without one) whose rate it does not look at
    const char *const *parent;                  // compatible strings of the node above that it asks; or NULL
    uint8_t layer;                              // private to the loader
};

/* What a driver of Linux says of an entry; the stronger ones are the larger. */
enum driver_word {
    DRIVER_UNKNOWN,  // no driver is known for the node
    DRIVER_SILENT,   // it does not ask for the entry
    DRIVER_OPTIONAL, // it asks, and does without
    DRIVER_PROBABLY, // most likely it does not start without
    DRIVER_NEEDS     // it does not start without
};
struct driver_says {
    uint8_t word;                     // enum driver_word
    const struct driver_facts *facts; // that say so, or of the driver; NULL: DRIVER_UNKNOWN
};

/* How an IOMMU translates. */
enum iommu_way { IOMMU_PAGE_TABLES, IOMMU_WINDOWS, IOMMU_TCES };

/* Device addresses that the host's kernel keeps for itself. */
struct iommu_reserved {
    uint64_t first, size;
    const char *what; // "the page that MSIs are written to"
};

/* What is known of a kind of IOMMU, on hosts of an architecture. All that fit hold together. */
struct iommu_class {
    const struct iommu_class *next;
    uint8_t way;                   // enum iommu_way
    const char *arch;              // interned; NULL: any
    const char *const *properties; // NULL-terminated: those that lead to one; or NULL
    const char *const *compatible; // NULL-terminated: of the board, where it is one of these; NULL: any
    const struct iommu_reserved *reserved;
    uint32_t nreserved;
    uint32_t subwindows; // PAMU: as many as it can do; 0: not known
};

/* A node that machc makes: what `fixed RATE` puts in a provider's place, a bus that translates device addresses. */
struct schema_provider {
    const char *name;               // "fixed-clock": the word that rules use
    const char *node_name;          // "clock"
    const char *const *values;      // NULL-terminated: u32 properties that get the value written; or NULL
    bool range;                     // `values` are the ends of the range that a host's provider can be set to
    const char *name_property;      // a string property that gets the node's name: "regulator-name"; or NULL
    const char *unit;               // "Hz", "uV": for messages; NULL: it has no value
    const char *link;               // a property that makes Linux run the node's device before that of the node with it
    const struct schema_body *body; // merged into the node
    const char *file;
};

/* How the host keeps what a reference leads to, while a guest has the device: where the host's tree is changed. */
enum ref_kept {
    KEPT_NOT,         // there is nothing to keep
    KEPT_BY_BUS,      // a bus beside the device, with all entries of the property
    KEPT_BY_BUSES,    // the same; a bus for each entry
    KEPT_BY_PROVIDER, // the provider's own node
    KEPT_BY_CHILD,    // a new child of the provider, with the entry
    KEPT_BY_NODE,     // one node that nothing drives, with the entries of all devices
    KEPT_BY_NOBODY    // nothing in a tree can do it
};

/* One for all properties of a group. */
struct ref_rule {
    const char *cells;   // interned: "#clock-cells"; or NULL
    const char *names;   // "clock-names", or NULL. Of a numbered rule: its entry N is for the property with number N
    const char *rates;   // a property whose entries get rates in its first `along`: "assigned-clocks"; or NULL
    const char *outputs; // of the provider: names of its outputs ("clock-output-names"); or NULL
    const char *numbered_outputs; // of the provider: the numbers of these outputs ("clock-indices"); or NULL: from 0 on
    const char *kind;             // "clock", "reset", "regulator": what one entry is called in messages
    const char *why;              // one line for --explain and messages: why this default
    uint8_t layout;               // enum ref_layout
    uint8_t fate;                 // enum fate: the default
    uint8_t match;                // enum ref_match
    bool cells_optional;          // a target without the cells property has 0
    uint8_t iommu;                // enum ref_iommu
    uint8_t resource;             // enum ref_resource
    bool critical;                // what the host cannot lose cannot lose this provider either
    uint16_t flags;               // cells at the end of a specifier that say how, and not what (a pin's polarity)
    const char *numbers; // interned, or NULL: what is no phandle of a node with this property is a number (dma-masters)
    bool undescribed;    // made for a property that no schema describes
    bool children;       // an argument may be the phandle of a child of the provider (mboxes of TI's)
    uint16_t fixed, at, before, after;
    uint16_t group; // entries to one entry of `names`, which live and die together: 1; interconnects: 2
    const struct ref_along {
        const char *property;
        uint32_t cells;
    } * along; // properties with so many cells per entry (assigned-clock-rates)
    uint32_t nalong;
    struct ref_alone {
        uint8_t fate;    // enum fate: the default of an entry that is the only one; FATE_ERROR: it has `fate`, too
        const char *why; // why this default
    } alone;
    const char *const *takes; // NULL-terminated properties that go with this one as a whole; or NULL
    struct ref_instead {
        const char *write;         // what the guest's node needs once this property is dropped: "broken-cd;"; or NULL
        const char *const *unless; // NULL-terminated: it is not needed where one of these properties or children is
        const char *why;           // what happens without
    } instead;
    const char *follows;       // a property whose entries these belong to, one by one (assigned-clock-parents); or NULL
    const char *const *except; // of patterns, NULL-terminated: names that end so do not match (",nr-gpios"); or NULL
    const char *unless; // interned: the rule does not hold in a node with this property (gpio-hog: no phandle); or NULL
    const struct schema_provider *provider; // what `fixed` makes; NULL: `fixed` is no choice here
    uint8_t kept;                           // enum ref_kept
    const struct schema_provider *keeper;   // what is put into the host's tree for it; NULL: nothing
};

/* A rule and what it is found by. */
struct ref_property {
    // interned: the name; of a suffix rule, the suffix ("-supply"); of a numbered one, the beginning
    const char *property;
    const struct ref_rule *rule;
};

/* ---- regions, of irqchips and classes alike ---- */

struct schema_region {
    const char *name; // or NULL
    uint64_t size;
    uint64_t per_cpu; // added for each vcpu (GICR frames)
    uint64_t align;   // a power of two: as written, else the size rounded up to one; 0 where the host knows the size
    uint32_t range;   // 0: an entry of reg. Else of `ranges`, with this phys.hi and the same address on both sides
};

/* ---- irqchips ---- */

struct irq_kind {
    const char *name;            // "spi"; "" where a chip has one kind only
    uint32_t value;              // in the specifier's kind cell
    uint32_t min, max;           // line numbers, both included
    uint32_t guest_max;          // the highest line that the guest's chip can have; at most max
    uint32_t first;              // where free lines are looked for
    int32_t gsi;                 // GSI = line + gsi; INT32_MIN: such a line cannot be an irqfd
    bool host_line;              // a host's line of the kind can be linked to one of another kind all the same
    const char *const *triggers; // NULL-terminated: those that its driver takes for such a line; NULL: all
};

struct irq_trigger {
    const char *name; // "level-high", "edge-rising"
    uint32_t value;   // in the flags cell
    bool level;
    const char *const *aliases; // NULL-terminated: other words for it ("level"); or NULL
};

enum { IRQ_MAX_CELLS = 8 };

/* What a cell of the specifier holds. */
enum irq_cell { IRQ_CELL_ZERO, IRQ_CELL_KIND, IRQ_CELL_NUMBER, IRQ_CELL_TRIGGER, IRQ_CELL_SUB };

/* What a chip turns its lines into messages for: the MSI controller of the guest. */
struct irqchip_msi {
    const char *node_name;
    const struct schema_body *body; // merged into its node
    const char *parent;             // property of the chip's node that leads to this one: "msi-parent"
    uint32_t ids;                   // messages that each cpu can tell apart
    const char *ids_property;       // what says so
};

/* A KVM device that a host has where its interrupt controller's `reg` has enough entries. */
struct also {
    const char *kvm;   // or NULL
    uint32_t regions;  // entries, without those that `count` counts
    const char *count; // a property of the host's node that counts some of them, 1 where it is missing; or NULL
};

/*
 * A host's specifier may have fewer cells than `cells` (what is missing is 0: the two of an Open PIC) or
 * more (what is more does not matter: the affinity cell of a GICv3).
 */
struct irqchip_class {
    const char *name;              // "gic-v3"
    const char *const *compatible; // NULL-terminated; identifies host controllers; NULL: only guests have it
    const char *property; // identifies those that no compatible does, where #interrupt-cells is `ncells`; or NULL
    const struct irqchip_class *next_by_property; // another one with the same `property`
    bool forwards;                // only hands interrupts on to its interrupt parent, with the same specifier
    bool cascaded;                // its lines come together in interrupts of its own: the host can do without it
    const char *describe;         // "GIC {kind} {number}" in messages: the prefix, "GIC"
    uint8_t cells[IRQ_MAX_CELLS]; // enum irq_cell of each cell of the guest's specifier
    uint32_t ncells;
    const struct irq_kind *kinds;
    uint32_t nkinds, default_kind;
    const struct irq_trigger *triggers;
    uint32_t ntriggers;
    int32_t default_trigger;      // index, or -1: must be written
    uint32_t trigger_mask;        // bits of the flags cell that mean the trigger
    const char *trigger_property; // of a host's controller: says what all of its lines are; or NULL
    bool sub; // lines have sub-interrupts (MPIC error interrupts): cells with IRQ_CELL_SUB are part of the identity
    const char *kvm;             // "arm-vgic-v3", "fsl-mpic-42", ...: KVM's device that serves it; NULL: the VMM's own
    const char *const *host_kvm; // of a host with such a controller: KVM's devices that there can be; NULL: any
    struct also host_kvm_also;   // one more of them
    const char *node_name;       // "interrupt-controller"
    const struct schema_region *regions;
    uint32_t nregions;
    const char *lines_property; // of its node: how many lines it has, always all that it can have; or NULL
    bool never_acks;            // KVM tells nobody when the guest is done with a level: no resample eventfd ever fires
    const struct irqchip_msi *msi;  // NULL: none. Else the last one of `regions` is its
    const uint32_t *cpu_irqs;       // interrupts-extended = for each cpu, each of these: <&platform.cpu_intc N>
    uint32_t ncpu_irqs;             // 0: no interrupts-extended; with `msi` they are in its node
    uint32_t max_cpus;              // vcpus that it can serve; 0: any number
    const struct schema_body *body; // merged into the guest's node
    const char *file;               // the schema's name, for messages
    struct loc at;                  // its description in that file: an object
};

/* Whether the controller's driver takes a trigger for lines of a kind. */
bool irq_kind_takes(const struct irq_kind *kind, const struct irq_trigger *trigger);

/* ---- device classes ---- */

struct schema_irq {
    const char *name;    // or NULL
    const char *kind;    // NULL: the chip's default
    const char *trigger; // "level-high"; NULL: the chip's default
};

struct schema_clock {
    const char *name; // clock-names entry
    uint64_t rate;    // Hz
};

enum { SHADOW_SIZE = 16 << 20 }; /* bytes of a shadow, at most: MACH_CFG_SHADOW_SIZE */

/* Bits of a register of a system controller that a guest may write: the fate `shadow`. */
struct shadow_write {
    uint32_t offset, mask; // bytes from the start of the controller's first region; of `hiword`: bits 15 to 0
    bool hiword;           // bits 31 to 16 of a write select which of bits 15 to 0 change
    bool line;             // a line of the provider (struct schema_lines): for the guest an ordinary register
    bool of_class;         // a class says so, not the text
    uint64_t device;       // of a schema: for the device of the class whose first region is there; 0: for all
    struct src at;         // in the text or in the schema
};

/*
 * The lines of a provider (resets) that are one bit each of its first region, which has registers of 4 bytes, and the
 * provider that a guest gets for a shadow of them: its specifier is the number of the bit in the region.
 */
struct schema_lines {
    const char *provider;   // the name of the guest's schema_provider
    const char *driver;     // its file in Linux's sources, which tells where the bits are
    bool hiword;            // bits 31 to 16 of a write select which of bits 15 to 0 change
    uint32_t first;         // by formula: the offset of the register of line 0,
    uint32_t per_register;  // and how many lines a register has; 0: by `bits`
    uint32_t n;             // lines
    const uint32_t *bits;   // by line: 8 * offset + bit, or NO_LINE
    const uint32_t *shared; // offsets of the registers that have other bits besides lines: clocks
    uint32_t nshared;
    uint8_t layer; // private to the loader
};
enum { NO_LINE = UINT32_MAX };

struct schema_fate {
    const char *property;
    uint8_t fate;
    uint64_t fixed; // Hz or microvolts
    const struct shadow_write *writes;
    uint32_t nwrites;
};

struct dev_class {
    const char *name;              // "ns16550a", or the first compatible
    const char *const *compatible; // NULL-terminated
    bool emulated;                 // allowed in a `device` statement
    const char *node_name;         // generic name of the guest's node: "serial"
    const struct schema_region *regions;
    uint32_t nregions;
    const struct schema_irq *irqs;
    uint32_t nirqs;
    const struct schema_clock *clocks;
    uint32_t nclocks;
    const struct schema_fate *fates; // beat the defaults of references
    uint32_t nfates;
    const char *vcpu_property;      // `vcpu N` sets it to the cpu's phandle
    const char *dma_operation;      // PAMU operation mapping unless written: "qman"; or NULL
    const char *bus;                // emulated: the bus below it (`on pci0 slot 3`): "pci"; or NULL
    const char *alias;              // emulated: /aliases entry "serial" + number; or NULL
    bool console;                   // emulated: the first one is stdout-path
    const struct schema_body *body; // merged into the guest's node before edits
    const char *file;
    struct loc at; // its description in that file: an object
};

/* ---- platforms ---- */

struct platform {
    const char *name;               // "arm64-virt"
    const char *arch;               // "arm64", "arm", "riscv64", "ppc", "x86-64": a word of the config format
    const struct schema_body *root; // merged into /
    const struct schema_body *cpus; // merged into /cpus
    const struct schema_body *cpu;  // merged into each cpu's node; the const `cpu` is its number
    const char *cpu_name;           // "cpu", "PowerPC,e500mc"
    const char *cpu_intc;         // child of a cpu's node that is its interrupt controller (irqchip cpu_irqs); or NULL
    const char *const *cpu_copy;  // NULL-terminated: the host's cpu node's take the place of `cpu`'s; or NULL
    const char *const *cpus_copy; // the same for /cpus itself
    const char *bus_name;         // child of the root that devices are put under; NULL: they are put under the root
    const struct schema_body *bus;
    const char *const *bus_copy; // as cpu_copy, from the child of the host's root of that name
    uint32_t cpu_aff0;           // cpus per lowest affinity level: reg = n % aff0 | n / aff0 << 8; 0: reg = n
    uint32_t max_cpus;
    uint32_t cpu_address_cells;
    const char *irqchip_name, *irqchip_class; // made unless the machine has an irqchip of its own
    uint64_t irqchip_at;
    bool irqchip_fixed;           // KVM has it there and nowhere else
    uint64_t memory_base;         // memory without an address is looked for from here upwards
    uint32_t address_bits;        // of a physical address in such a guest; 0: not specified
    uint64_t mmio_base, mmio_end; // where addresses are chosen: [base, end)
    const char *file;
    struct loc at; // its description in that file: an object
};

/* ---- VMMs that take no guest.cfg ---- */

/* An interrupt controller, or a device, that the VMM has at fixed places. */
struct vmm_irqchip {
    const char *class; // of an irqchip
    const char *words; // of the command line; or NULL
    uint64_t at[2];    // guest addresses of its regions; 0: it has none
};
struct vmm_device {
    const char *class, *words, *bus; // `bus`: what the VMM calls the bus that functions are put on; or NULL
    uint64_t at[2];
    uint32_t line; // at the irqchip; 0: none
};

/* What it makes for guests of an architecture. */
struct vmm_machine {
    const char *arch, *words; // the command line begins with
    uint64_t memory;          // guest address of the one piece of memory
    const struct vmm_irqchip *irqchips;
    const struct vmm_device *devices;
    uint32_t nirqchips, ndevices;
    uint32_t first_intx; // line of INTA of slot 0; that of another slot is (slot % 4) further; 0: not specified
};

/* Parts of the command line; "{cpus}" and other words in braces stand for values: docs/schemas.md. NULL: it cannot. */
struct vmm {
    const char *name, *title;
    const struct vmm_machine *machines;
    uint32_t nmachines;
    const char *cpus, *anonymous, *hugetlb, *from_file, *function, *tree, *initramfs;
};

struct schemas {
    /* Names (interned) are keys, with 0. */
    struct map vfio_platform;            // architecture -> 1: Linux has VFIO for its platform devices
    struct map linux_nodes;              // compatible -> struct linux_node
    struct map drivers;                  // compatible -> struct driver_facts
    const char *const *kernels;          // NULL-terminated: the versions that `drivers` were read from, oldest first
    struct map refs;                     // property -> struct ref_rule
    struct map ref_nodes;                // name of a node -> struct ref_rule for all of its properties
    const struct ref_property *patterns; // tried in order when no name matches
    uint32_t npatterns;
    const struct ref_property *iommus; // those that say something of an IOMMU, by whole name
    uint32_t niommus;
    const struct schema_dma_id *dma_ids;
    uint32_t ndma_ids;
    struct map descriptions;                 // compatible -> 1: numbers of the tree are all that its driver needs
    struct map masters;                      // generic name of a node ("ethernet") -> 1: it moves data by itself
    struct map delicate;                     // compatible -> struct schema_delicate
    struct map lines;                        // (compatible, "#reset-cells") -> struct schema_lines
    const struct iommu_class *iommu_classes; // the first of them, in the order of the files
    struct map irqchips_by_name;             // those that a guest can have
    struct map irqchips_by_compatible;
    struct map controllers;             // name -> those that only hosts have
    struct map controllers_by_property; // `property` -> the last of them; see next_by_property
    struct map classes_by_name, classes_by_compatible;
    struct map platforms;
    struct map vmms;      // name -> struct vmm
    struct map providers; // interned name -> struct schema_provider
    /* sorted, NULL-terminated; what has not been read yet is missing: see schemas_whole() */
    const char *const *irqchip_names, *const *controller_names, *const *class_names, *const *platform_names,
                                                                                         *const *vmm_names;
    struct demand *demand; // the built-in files that have not been read yet; NULL: all have been
};

/*
 * What is known. Of the built-in files only those about every compilation are read, the others when something in them
 * is looked up, into memory of `c`: one thread at a time uses the result. With c->schema_dir all are read at once, as
 * by schemas_read(). NULL after messages.
 */
const struct schemas *schemas_load(struct machc *c);

/* Reads all of the built-in schemas and c->schema_dir. NULL after messages. */
const struct schemas *schemas_read(struct machc *c);

/* The same schemas with nothing left to be read: for lists of what there is. */
const struct schemas *schemas_whole(const struct schemas *s);

/* Reads the built-in files that are about a name (interned) and were not read yet. True if there was one. */
bool schemas_demand(const struct schemas *s, const char *name);

/* The rule for a property name (interned); NULL: not known to hold references. `unless` is the caller's to look at. */
const struct ref_rule *schema_ref(const struct schemas *s, const char *property);

/* The pattern that schema_ref() finds a property by: a suffix or a beginning. NULL: the rule is for the whole name. */
const char *schema_ref_pattern(const struct schemas *s, const char *property);

/* By compatible list of a node, first match; or NULL. Strings are looked up in c->names. */
const struct irqchip_class *schema_irqchip_of(struct machc *c, const struct schemas *s,
                                              const struct dt_prop *compatible);
const struct dev_class *schema_class_of(struct machc *c, const struct schemas *s, const struct dt_prop *compatible);

/* The class of a host's controller that has a property (interned) and so many interrupt cells; or NULL. */
const struct irqchip_class *schema_irqchip_by_property(const struct schemas *s, const char *property, uint32_t ncells);

/* Whether Linux has VFIO for platform devices of an architecture (interned). */
bool schema_has_vfio_platform(const struct schemas *s, const char *arch);

/* What Linux does with nodes of a compatible string (interned); NULL: nothing that is known. */
const struct linux_node *schema_linux(const struct schemas *s, const char *compatible);

/*
 * What is known of the driver that Linux has for a node with this compatible list (may be NULL): of its first string
 * that any driver has. NULL: no driver is known. Strings are looked up in c->names.
 */
const struct driver_facts *schema_driver(struct machc *c, const struct schemas *s, const struct dt_prop *compatible);

/*
 * Returns what the driver with these facts (NULL: none is known) says of entry `index` of a property (interned), which
 * is called `name` (interned) or has none.
 */
struct driver_says schema_driver_says(const struct driver_facts *facts, const char *property, uint32_t index,
                                      const char *name);

/*
 * Returns where the lines of a provider with this compatible list (may be NULL) are, whose specifiers `cells`
 * (interned:
 * "#reset-cells") counts; NULL: nothing is known of them. Strings are looked up in c->names.
 */
const struct schema_lines *schema_lines(struct machc *c, const struct schemas *s, const struct dt_prop *compatible,
                                        const char *cells);

/* Returns the number of the bit of line `id` in the provider's first region, 8 * offset + bit; NO_LINE: it has none. */
uint32_t schema_line_bit(const struct schema_lines *lines, uint32_t id);

/* Whether the register at `offset` has other bits besides lines. */
bool schema_line_shares(const struct schema_lines *lines, uint32_t offset);

/* Whether the driver looks at no rate of the clock that is called `name` (NULL: it has none). */
bool schema_takes_any_rate(const struct driver_facts *facts, const char *name);

/* By the name written in a .mach file (interned); or NULL. A device class is also found by a compatible. */
const struct irqchip_class *schema_irqchip(const struct schemas *s, const char *name);
const struct dev_class *schema_class(const struct schemas *s, const char *name);
const struct platform *schema_platform(const struct schemas *s, const char *name);

/* The VMM of a name (interned); NULL: there is none. */
const struct vmm *schema_vmm(const struct schemas *s, const char *name);

#endif
