// SPDX-License-Identifier: MIT
/*
 * What was written. One node per statement or clause, each with its place. "A clause can be written on the
 * line or be a statement of its own in the braces; both mean the same": so both are members of `body`,
 * in the order they were written, clauses of the line first.
 */
#ifndef MACHC_AST_AST_H
#define MACHC_AST_AST_H

#include "diag/source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct machc;
struct expr;
struct dts_op;

enum text_kind {
    TEXT_NONE,   // nothing was written
    TEXT_WORD,   // gic, level-high, fsl,fman-ports, child@0, fman@400000/ethernet@e0000
    TEXT_STRING, // "in quotes", decoded; may hold {expr}
    TEXT_PATH,   // /soc@ffe000000/i2c@118000
    TEXT_LABEL,  // &i2c0: s is "i2c0"
    TEXT_REFPATH // &{/soc/i2c}: s is "/soc/i2c" (dtc 1.7 also has &{label/path}: s is "label/path")
};

/* A name, path or string as written. `s` is interned, except of strings that hold {expr}. */
struct text {
    const char *s;           // NULL when kind is TEXT_NONE
    struct text_part *parts; // of a string that holds {expr}; NULL: `s` is all of it
    struct loc loc;
    uint8_t kind;
};

/* Pieces of "qportal{n}", in order: literal bytes, or an expression written in decimal or, with :x, in hex. */
struct text_part {
    struct text_part *next;
    const char *literal; // NULL for an expression
    struct expr *e;
    bool hex;
};

enum expr_kind {
    EXPR_INT,    // val
    EXPR_NAME,   // name: a const, a template's parameter, a for's variable
    EXPR_STR,    // name: a string
    EXPR_ATTR,   // a . name          (linux1.shm0.size)
    EXPR_INDEX,  // a [ b ]           (linux1.eth0.region[1])
    EXPR_UNARY,  // op a              ('-' '~' '!')
    EXPR_BINARY, // a op b            (a character, or one of enum expr_op)
    EXPR_COND,   // a ? b : c
    EXPR_BAD     // has no value, and its message already
};

/* Operators of more than one character; the others are their character. */
enum expr_op { OP_SHL = 256, OP_SHR, OP_LE, OP_GE, OP_EQ, OP_NE, OP_AND, OP_OR };

struct expr {
    uint64_t val;
    struct text name;
    struct expr *a, *b, *c;
    struct loc loc;
    uint16_t op;
    uint8_t kind;
};

/* One member of a list: a word or string in `t`, or an expression in `e`, or a range e..e2. */
struct item {
    struct item *next;
    struct text t;
    struct expr *e, *e2;
    struct loc loc;
};

/*
 * Kinds. After each, the members that it uses; `body` is listed only where it is not clauses and statements.
 * `name` and `arg` are texts, e and e2 expressions, items a list. What is optional is in [ ].
 */
enum ast_kind {
    /* top level and control */
    AST_INCLUDE,  // name: string
    AST_CONST,    // name, e
    AST_HOST,     // name: string, or the word `live`
    AST_TEMPLATE, // name, items: parameter names; body: its statements
    AST_MACHINE,  // name, [arg: template or platform], [items: arguments]
    AST_ASSERT,   // e, [name: message]
    AST_USE,      // name, [items: arguments]
    AST_FOR,      // name: variable, e, e2: both ends; body
    AST_IF,       // e; body, alt
    /* host */
    AST_PAGE_SIZE, // e
    AST_IOMMU,     // name: word
    AST_FACTS,     // name: string
    AST_OVERLAY,   // [items: strings]
    AST_READY,     // name: a property; [e: index]; [items: a node]; arg: why
    AST_HIDE,      // items: nodes
    AST_KEEP,      // [items: nodes]  (a host's list; alone: the fate of a reference)
    /* machine */
    AST_MODEL,       // name: string
    AST_COMPATIBLE,  // items: strings
    AST_BOOTARGS,    // name: string
    AST_CPUS,        // e
    AST_MEMORY,      // name
    AST_IRQCHIP,     // name, arg: class
    AST_DEVICE,      // name, arg: class
    AST_PASSTHROUGH, // name: node, or platform's name, or BDF; sub: enum passthrough_kind
    AST_NODE,        // name: path; dts; sub 1: with a mistake in it
    AST_EDIT,        // dts; sub the same
    /* in a passthrough */
    AST_REGION, // name or e: which
    AST_IRQ,    // items: which one (`irq 0 to ...`), or on a device's line the line itself (`irq spi 33`)
    AST_REF,    // name: the property, or "*"; [e: index]
    AST_CHILD,  // name: path below the node
    AST_DMA,    // name: none, all, bus, pool, identity, guest-iommu or its own; [arg: of pool, guest-iommu]
    AST_STASH,  // in a dma; name: l1 l2 l3 id tph; [e: id], [e2: vcpu]
    AST_MAP,    // in a region: mapped. In a dma: what; sub: enum map_kind; name: memory or region; e: index
    /* clauses */
    AST_AT,     // e
    AST_SIZE,   // e
    AST_FROM,   // name: anonymous hugetlb file physical contiguous; [e: size or address], [arg: path]
    AST_BELOW,  // e
    AST_RUNS,   // e
    AST_BY,     // name: hugetlb heap reserved; [e: size], [arg: string]
    AST_OFFSET, // e
    AST_SHARE,  // name: string
    AST_NO_DMA,
    AST_READONLY,
    AST_ON,   // items: ranges of host cpus; or name: a bus (`on pci0 slot 3`)
    AST_SLOT, // e
    AST_AS,   // name
    AST_ONLY,
    AST_WITHOUT, // items: nodes below
    AST_UNDER,   // name: guest node
    AST_VCPU,    // e
    AST_TRAP,
    AST_DROP,
    AST_UNSAFE, // [name: string, why]  (`map unsafe "why"`, `dma identity unsafe`)
    AST_FILE,   // name: string
    AST_TO,     // items: [chip] [kind] number [trigger]; or name: &node, [dts_cells]: specifier
    AST_FIXED,  // e: Hz or microvolts
    AST_ASSIGN,
    AST_COPY,
    AST_SHADOW,
    AST_WRITE,       // e: offset, e2: mask; sub 1: hiword  (of a shadow)
    AST_WINDOW,      // e
    AST_SUBWINDOWS,  // e
    AST_LIODN_INDEX, // e
    AST_STREAM,      // e
    AST_OPERATION,   // name: word, or e
    AST_VOLATILE,    // of a stash, as the next three
    AST_PERSISTENT,
    AST_ENTRY, // e
    AST_IF_POSSIBLE,
    AST_KIND_COUNT,
    // Text was skipped here after a mistake: what seems to be missing may have stood in it.
    AST_LOST = AST_KIND_COUNT // sub 1, at the top: braces do not match, so nobody knows what is inside what
};

enum passthrough_kind { PASS_NODE, PASS_PLATFORM, PASS_PCI, PASS_RAW };
enum map_kind { MAP_MEMORY, MAP_REGION, MAP_MSI_BANK };

struct ast {
    struct ast *next;
    struct ast *body; // clauses of the line, then statements of the braces
    union {
        struct ast *alt;             // if: else
        struct expr *e2;             // for, stash, write
        struct dts_op *dts;          // node, edit: what is in the braces
        struct dts_value *dts_cells; // to &chip <...>
    };
    struct text name;
    const struct text *arg; // a second one, or NULL
    struct expr *e;
    struct item *items;
    struct loc loc; // keyword to the end of its own arguments: what a caret underlines
    uint8_t kind;
    uint8_t sub;
};

/* The keyword of a kind as it is written: "no-dma". */
const char *ast_keyword(enum ast_kind kind);

/* ---- device tree source, inside node and edit braces, and host .dts files ---- */

enum dts_op_kind {
    DTS_PROP,     // name, labels, value
    DTS_NODE,     // name, labels, ops. At the top of a .dts: name "/" or ref
    DTS_DEL_PROP, // name
    DTS_DEL_NODE, // name; at the top of a .dts also ref
    DTS_OMIT,     // ref, at the top of a .dts: /omit-if-no-ref/ &label;
};

struct dts_label {
    struct dts_label *next;
    const char *name; // interned
    struct loc loc;
};

/* One statement of a node's body, in the order written. */
struct dts_op {
    struct dts_op *next;
    const char *name;       // interned; "i2c@118000", "reg"; NULL where `ref` says which node
    const struct text *ref; // &label { } and /delete-node/ &label at the top of a .dts; or NULL
    struct dts_label *labels;
    union {
        struct dts_value *value; // DTS_PROP; NULL: a property without value
        struct dts_op *ops;      // DTS_NODE
    };
    struct loc loc; // the name
    uint8_t kind;
    bool omit; // with /omit-if-no-ref/
};

enum dts_value_kind {
    DTS_BYTES, // data: "strings" with their NUL, [bytes], <cells>, /incbin/; fixups fill holes in it
    DTS_REF    // ref, outside of < >: the full path of the node as a string
};

/* One chunk of a property's value; the value is all chunks, one after the other. */
struct dts_value {
    struct dts_value *next;
    const uint8_t *data; // big-endian cells where there are no fixups
    uint32_t len;
    uint8_t kind;
    uint8_t bits; // of <cells>: 8, 16, 32 or 64; 0: not cells
    union {
        struct dts_fixup *fixups; // DTS_BYTES: by rising offset
        const struct text *ref;   // DTS_REF
    };
    struct loc loc;
};

/* A hole in `data`: a phandle of `ref`, or the value of `e` in `bits` bits. */
struct dts_fixup {
    struct dts_fixup *next;
    struct text ref; // kind TEXT_LABEL or TEXT_REFPATH; TEXT_NONE: e
    struct expr *e;
    uint32_t offset;
    struct loc loc;
};

/* A host tree as source. */
struct dts_reserve {
    struct dts_reserve *next;
    uint64_t address, size;
};

struct dts_file {
    struct loc plugin; // where /plugin/ is; file 0: it is no overlay
    struct dts_reserve *reserves;
    struct dts_op *ops; // DTS_NODE "/" or by ref, DTS_DEL_NODE by ref, in order
};

/*
 * Parses a source. Mistakes go to c->diags, one message each, and what could be understood is
 * returned (NULL: nothing), with AST_LOST where text was skipped. The result lives in c->arena. Includes are not
 * followed. Nesting deeper than MACH_MAX_NESTING is an error.
 */
struct ast *mach_parse(struct machc *c, const struct source *s);

/* The same for a .dts (with /dts-v1/, /memreserve/, /include/ followed, found beside the file and by -I). */
struct dts_file *dts_parse(struct machc *c, const struct source *s);

/* Parses DTS statements (the inside of a node) from a built-in text of schemas/. */
struct dts_op *dts_parse_body(struct machc *c, const struct source *s);

enum { MACH_MAX_NESTING = 256 };

/* The value of a number as it is written in statements, suffixes included; false when s[0, n) is not a number. */
bool number_value(const char *s, size_t n, uint64_t *value);

#endif
