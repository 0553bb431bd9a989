// SPDX-License-Identifier: MIT
/*
 * What is meant: names and numbers of the text resolved, against the host tree and the schemas, but nothing
 * chosen yet. Built by model/; read by plan/.
 */
#ifndef MACHC_MODEL_MODEL_H
#define MACHC_MODEL_MODEL_H

#include "base/vec.h"
#include "host/host.h"

struct machc;

/* A number that may not have been written. */
struct opt_u64 {
    uint64_t value;
    bool set;
    struct src at;
};

/* The bindings of names that a statement sees: parameters and variables, then those outside. */
struct frame;

struct m_range {
    uint32_t first, last; // both included
};

enum backing { BACK_ANONYMOUS, BACK_HUGETLB, BACK_FILE, BACK_PHYSICAL, BACK_CONTIGUOUS };

/* Where memory whose place on the host counts (BACK_PHYSICAL, BACK_CONTIGUOUS) comes from. */
enum provider {
    BY_CHOICE,  // the plan chooses
    BY_HUGETLB, // the pool of huge pages
    BY_HEAP,    // a DMA heap
    BY_RESERVED // memory that is kept from the kernel, through /dev/mem
};

struct m_memory {
    const char *name;
    struct src at;
    struct opt_u64 address, size;
    uint8_t backing;         // enum backing
    struct opt_u64 back_arg; // page size of hugetlb, offset of a file, address of physical
    const char *file;        // its one name (model/paths.c)
    const char *share;       // interned; or NULL
    struct src share_at;
    bool no_dma, readonly;
    uint8_t provider;    // enum provider, as written
    struct src by_at;    // of `by`
    struct opt_u64 page; // `by hugetlb SIZE`
    const char *heap;    // `by heap "NAME"`; else NULL
    struct opt_u64 below, runs;
};

/* Bytes of a huge page, unless `by hugetlb SIZE` says otherwise: of the second level, where the kernel's have 4 KiB.
 * And of the gap that keeps a buffer of the guest's from crossing from one memory into the next. */
enum { HUGE_PAGE = 2 << 20 };

/* The name of bank `bank` of a memory in several runs, from 0: "ram", "ram_2". */
const char *bank_name(struct machc *c, const struct m_memory *m, uint32_t bank);

/* The word for a mode of a DMA domain (enum dma_mode): "all", "bus"; "window" for one with a name of its own. */
const char *dma_mode_word(uint8_t mode);
/* The word for who provides memory (enum provider): "hugetlb"; NULL for BY_CHOICE. */
const char *provider_word(uint8_t provider);

/* Does its place on the host count? */
static inline bool is_placed(const struct m_memory *m)
{
    return m->backing == BACK_PHYSICAL || m->backing == BACK_CONTIGUOUS;
}

/* Where an interrupt goes: `to [chip] [kind] number [trigger]`, or `to &chip <cells>`. */
struct m_irq_to {
    bool set;
    const char *words[4]; // chip, kind, trigger in the order written
    struct src word_at[4];
    uint32_t nwords, nbefore; // nbefore: words before the number
    struct opt_u64 number;
    const char *label; // to &label <cells>
    uint32_t cells[IRQ_MAX_CELLS];
    uint32_t ncells;
    struct src at, cells_at;
};

/* region "ctrl", irq 0: an index or a name. */
struct m_which {
    const char *name; // NULL: index
    uint32_t index;
    struct src at;
};

enum region_mode { REGION_DEFAULT, REGION_MAP, REGION_TRAP, REGION_DROP };

struct m_region {
    struct m_which which;
    struct src at;
    struct opt_u64 address, size, offset;
    const char *file;
    uint8_t mode;
    const char *unsafe; // map unsafe "why"; or NULL
};

typedef VEC(struct m_region) m_region_list;

struct m_irq {
    struct m_which which;
    struct src at;
    struct m_irq_to to;
    const char *file;
    bool drop;
    struct src unsafe; // `drop unsafe`: the driver needs it, and the text knows; file 0: not written
};

struct m_ref {
    const char *property; // interned; "*": all that are not mentioned
    struct opt_u64 index;
    struct src at;
    uint8_t fate;
    uint64_t fixed;    // 0: no value is written
    struct src unsafe; // `drop unsafe`: the driver needs it, and the text knows; file 0: not written
    const char *to;    // label or path of a guest node
    uint8_t to_kind;   // TEXT_LABEL or TEXT_REFPATH
    struct src to_at;
    uint32_t cells[HOST_MAX_CELLS];
    uint32_t ncells;
    bool has_cells;
    VEC(struct shadow_write) writes; // of a `shadow`
};

enum dma_mode { DMA_NONE, DMA_ALL, DMA_IDENTITY, DMA_GUEST_IOMMU, DMA_WINDOW, DMA_BUS, DMA_POOL };

struct m_dma_map {
    uint8_t what; // enum map_kind
    const char *memory;
    struct m_which region;
    uint32_t bank;
    struct src at;
    struct opt_u64 offset, size, address;
    bool readonly;
};

enum { TPH_ENTRIES = 2048 }; // of a steering tag table, at most (PCIe 6.0, 7.9.13.2)

enum stash_kind { STASH_NONE, STASH_L1, STASH_L2, STASH_L3, STASH_ID, STASH_TPH };

struct m_stash {
    uint8_t kind;
    struct opt_u64 vcpu, id;
    struct opt_u64 entry; // STASH_TPH: of the steering tag table; not set: all of them
    bool if_possible;
    bool persistent; // STASH_TPH: persistent memory is written to
    struct src at;
    struct src type_at; // where `volatile` or `persistent` is written
};

/* Through which window and LIODN or stream, and how. */
struct m_channel {
    struct opt_u64 window, size, subwindows, liodn_index, stream;
    struct opt_u64 operation; // index in the PAMU's operation mapping table
    struct m_stash stash;
};

struct m_dma {
    uint8_t mode;
    const char *name; // "main", "stash-dqrr"; of DMA_GUEST_IOMMU: the IOMMU; of DMA_POOL: the memory
    struct src at;
    bool unsafe;
    VEC(struct m_dma_map) maps;
    const struct m_channel *how; // never NULL
};

/* What the text specifies for one node of an assigned subtree: the top node, or a `child`. */
struct m_part {
    const struct dt_node *node; // host node; NULL: platform by name, pci, raw
    struct src at;
    m_region_list regions;
    VEC(struct m_irq) irqs;
    VEC(struct m_ref) refs;
    struct map ref_index; // (interned property, index + 1, or 0: all) -> index in refs
    VEC(struct m_dma) dmas;
    VEC(struct m_edit) edits;
    struct map specified; // (name or index, kind of statement) -> index in regions or irqs
};

/* DTS statements to merge: an edit's, or a node statement's. */
struct m_edit {
    const struct dts_op *ops;
    struct src at;
    struct frame *frame;
    const char *path; // of a node statement
};

/* The guest's node that a node is put below: `under &bus`. */
struct m_under {
    const char *name; // path or label, or NULL
    bool label;
    struct src at;
};

/* Where in the guest. */
struct m_place {
    struct m_under under;
    const char *bus; // on pci0 slot 3
    struct src bus_at;
    struct opt_u64 slot, vcpu;
};

/* No place is specified: what most passthroughs share. */
extern const struct m_place m_nowhere;

struct m_passthrough {
    struct src at;
    const char *name;      // `as`, else made from the node's label or name
    const char *host_name; // platform: "ffe03000.i2c"; pci: "0000:01:00.0"
    uint8_t kind;          // enum passthrough_kind
    bool named;
    bool assigned; // the planner made it, for a provider with the fate `assign`
    bool only;
    struct map without;          // node that is left out -> 1
    const struct m_place *place; // never NULL
    VEC(struct m_part) parts;    // [0] is the top
    struct map part_index;       // host node -> index in parts
};

struct m_device {
    const char *name;
    struct src at;
    const struct dev_class *class;
    struct opt_u64 address, size;
    struct m_irq_to irq;
    struct m_under under;
    VEC(struct m_edit) edits;
};

struct m_irqchip {
    const char *name;
    struct src at;
    const struct irqchip_class *class;
    struct opt_u64 address;
    m_region_list regions; // those with an address of their own
    struct map specified;  // as of a part
    VEC(struct m_edit) edits;
};

struct m_machine {
    const char *name;
    struct src at;
    const void *of; // the file of the command line that describes it, while the model is built
    const struct platform *platform;
    struct src platform_at;
    const char *model, *bootargs;
    struct src model_at, bootargs_at;
    VEC(const char *) compatible;
    struct opt_u64 cpus;
    VEC(struct m_range) host_cpus;
    struct src host_cpus_at;
    VEC(struct m_memory) memory;
    VEC(struct m_irqchip) irqchips;
    VEC(struct m_device) devices;
    VEC(struct m_passthrough *) passthroughs;
    VEC(struct m_edit) nodes;
    struct map named; // (interned name, 0) -> struct src *: every name of the machine once
    bool incomplete;  // text in it could not be read: what seems to be missing may have been there
};

enum iommu_kind { IOMMU_AUTO, IOMMU_SMMU, IOMMU_PAMU, IOMMU_SPAPR_TCE, IOMMU_NONE };

/* A node of the host that `keep` names. */
struct m_keep {
    const struct dt_node *node;
    struct src at;
};

/* References of a property (interned) whose providers are ready when the host has started: `ready`. */
struct m_ready {
    const char *property, *why;
    struct opt_u64 index;       // of one entry
    const struct dt_node *node; // whose property it is; NULL: all devices'
    struct src at;
};

/* A device that no driver of the host may touch: `hide`. */
struct m_hidden {
    const struct dt_node *node;
    bool was_disabled; // in the host's tree; in that of the model it is not
    struct src at;
};

struct model {
    struct machc *c;
    const struct schemas *schemas;
    struct host *host; // NULL: no host statement
    struct src host_at;
    uint64_t page_size; // bytes, 4096 unless written
    uint8_t iommu;      // enum iommu_kind as written
    const char *facts;
    struct src facts_at;
    VEC(struct m_keep) keeps;
    VEC(struct m_ready) ready;
    VEC(struct m_hidden) hidden;
    bool incomplete;                   // as of a machine, at the top of the files
    bool bare_names;                   // a platform or PCI device is given by its name somewhere
    VEC(const struct consts *) consts; // of each file of the command line
    VEC(struct m_machine *) machines;
    VEC(struct m_assert) asserts;
};

struct m_assert {
    const struct expr *e;
    const char *message;
    struct src at;
    struct frame *frame;
};

/* The index of a PAMU operation mapping in its words: "qman", "fman", "qman-private", "caam"; false for others. */
bool operation_named(const char *name, uint32_t *number);

/* Says which of -D's names nothing in the files knows. */
void model_check_defines(const struct model *m);

/*
 * Expands and resolves `n` files and all that they include (n >= 1): the machines of one board. Consts and templates
 * are known in the file that defines them and in those that include it; what the files say of the host must be the
 * same. For errors see c->diags.
 */
struct model *model_build(struct machc *c, const struct source *const *tops, uint32_t n);

/*
 * An expression's value in a frame; `via` is for messages. `attr` answers EXPR_ATTR (NULL: attributes are not allowed
 * here). Overflow, division by 0 and negative results are errors.
 */
struct value {
    const char *s; // NULL: a number
    uint64_t u;
};
typedef bool attr_fn(void *opaque, const struct expr *e, struct value *v);
bool expr_eval(struct machc *c, struct frame *f, const struct via *via, const struct expr *e, attr_fn *attr,
               void *opaque, struct value *v);

/* The dts_eval_fn for an edit, with dtc's rules (64 bits, wrapping): `opaque` is a struct dts_env. */
struct dts_env {
    struct machc *c;
    struct frame *frame;
    const struct via *via; // how the text came to be used, for messages
};
bool dts_eval_frame(void *opaque, const struct expr *e, uint64_t *value);

/* A frame with one more name in it (interned), for built-in bodies: `cpu` in a platform's cpu node. */
struct frame *frame_with(struct machc *c, struct frame *outer, const char *name, uint64_t value);

#endif
