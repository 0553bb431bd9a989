// SPDX-License-Identifier: MIT
// A device tree in memory: the host's (read only after it is built) and the guests'.
#ifndef MACHC_TREE_TREE_H
#define MACHC_TREE_TREE_H

#include "ast/ast.h"
#include "base/arena.h"
#include "base/bytes.h"
#include "base/map.h"
#include "diag/diag.h"

#include <stdbool.h>
#include <stdint.h>

struct machc;
struct dt_node;

/* Where a property or node of a guest tree comes from, for --explain. */
enum origin_kind {
    ORIGIN_HOST,     // copied as it was from the host's node
    ORIGIN_WRITTEN,  // an edit or node statement: at `at`
    ORIGIN_SCHEMA,   // a schema file says so: `why` names it
    ORIGIN_COMPUTED, // the compiler decided: `why` says how, `at` the statement that asked
};

struct origin {
    uint8_t kind;
    struct src at; // of a property, file 0: where its node comes from
    const char *why;
};

/*
 * A hole in a property's value that holds another node: a phandle (4 bytes, in `data` until then as 0) or
 * its full path, which is put in at `offset` when the tree is finished (until then `data` is without it).
 */
struct dt_ref {
    struct dt_ref *next;
    struct dt_ref *last; // of the first one in a list: the last one
    uint32_t offset;
    bool path;                  // a path string instead of a phandle
    bool filled;                // dt_assign_phandles() has written it
    struct dt_node *target;     // NULL until resolved
    const struct dt_name *name; // NULL: made with its target
};

/* What was written for a reference, and where. */
struct dt_name {
    struct text text; // &label or &{/path}
    struct src at;
};

struct dt_prop {
    struct dt_prop *next;
    const char *name; // interned
    const uint8_t *data;
    struct dt_ref *refs; // by rising offset
    const struct origin *origin;
    uint32_t len;
};

struct dt_label {
    struct dt_label *next;
    struct dt_label *last; // of the first one in a list: the last one
    const char *name;      // interned
    struct loc loc;
};

struct dt_node {
    const char *name; // interned; "" for the root
    struct dt_node *parent;
    struct dt_node *child, *last; // in order
    struct dt_node *next, *prev;
    struct dt_prop *props, *last_prop;
    struct dt_label *labels;
    const struct dt_node *source; // guest: the host node it was copied from
    const struct origin *origin;
    uint64_t has; // a bit for each name that a property had, so that most that are asked for in vain are not searched
    uint32_t phandle; // 0: none (yet)
    uint32_t nprops;
    uint32_t id; // 0, 1, 2 ... in the order of making: index for side tables
    uint16_t depth;
    bool deleted;
    bool omit;     // /omit-if-no-ref/: it goes if nothing refers to it
    bool backward; // its properties are in the tree's prop_before
};

/* Another node that was given a label, which is a mistake only if both are still there at the end. */
struct dt_twin {
    struct dt_twin *before; // with the same label
    struct dt_twin *next;   // with any
    struct dt_node *n;
    const char *label; // interned
    struct loc loc;
};

struct dt_tree {
    struct arena *arena;
    struct intern *names;
    struct dt_node *root;
    const char *phandle, *linux_phandle; // the two names, interned
    bool phandle_props;                  // some node has, or had, a property of such a name
    bool removed;                        // some node is deleted
    bool omits;                          // some node has `omit`
    bool assigned;                       // phandles have been given out
    bool labelled;                       // a node may have a phandle because of its label alone: `dtc -@`
    struct map children;                 // (parent, interned name) -> node
    struct map props;                    // (node, interned name) -> prop, only of nodes with many properties
    struct map prop_before;              // (prop, 0) -> the one before it, of those that one was deleted from
    struct map labels;                   // (interned label, 0) -> node
    struct map twins;                    // (interned label, 0) -> the last struct dt_twin with it
    struct dt_twin *first_twin, *last_twin;
    struct map phandles;    // (number, 0) -> node, as dt_take_phandles() found them
    struct dt_bases *bases; // private to tree/: children by name without unit address
    struct dt_reserve {
        uint64_t address, size;
    } * reserves;
    uint32_t nreserves;
    uint32_t nnodes; // made so far, deleted ones included
    uint32_t boot_cpuid;
};

struct dt_tree *dt_tree_new(struct arena *a, struct intern *names);

/* The child of that name; or NULL. Constant time. */
struct dt_node *dt_child(const struct dt_tree *t, const struct dt_node *parent, const char *interned);

/* About so many nodes, with a label each, will be added. */
void dt_expect(struct dt_tree *t, uint32_t nodes);

/*
 * A new last child; the caller has checked that the name is free. The name "" is one to come: dt_child() does not
 * know the node before dt_rename().
 */
struct dt_node *dt_add_child(struct dt_tree *t, struct dt_node *parent, const char *interned);

/* Takes a node and all below out of the tree (marked deleted; memory stays with the arena). Labels go, too. */
void dt_remove(struct dt_tree *t, struct dt_node *n);

/* Whether it was taken out. Nodes that are referred to lie anywhere: they are looked at only in a tree that lost some.
 */
static inline bool dt_is_gone(const struct dt_tree *t, const struct dt_node *n)
{
    return t->removed && n->deleted;
}

/* The node gets another name; its place among its siblings stays. */
void dt_rename(struct dt_tree *t, struct dt_node *n, const char *interned);

/* The property of that (interned) name; or NULL. */
struct dt_prop *dt_prop(const struct dt_tree *t, const struct dt_node *n, const char *interned);

/* Sets a property, in place when it exists, else as the last one. `data` is not copied. */
struct dt_prop *dt_set(struct dt_tree *t, struct dt_node *n, const char *interned, const void *data, uint32_t len,
                       const struct origin *o);
bool dt_del(struct dt_tree *t, struct dt_node *n, const char *interned);

/* Gives a node a label. False when another node of the tree has it (t->labels says which); nothing is changed then. */
bool dt_add_label(struct dt_tree *t, struct dt_node *n, const char *interned, struct loc loc);

/* The node with a label: the first of those that are still there. NULL: none. */
struct dt_node *dt_labelled(struct dt_tree *t, const char *interned);

/* Remembers that a second node was given a label, which dt_add_label() has refused. */
void dt_add_twin(struct dt_tree *t, struct dt_node *n, const char *interned, struct loc loc);

/* Where a property comes from: its origin's place, or its node's; file 0 when nothing is known. */
struct src dt_prop_place(const struct dt_node *n, const struct dt_prop *p);
struct src dt_origin_place(const struct dt_node *n, const struct origin *o);

/* Shorthands that copy what they are given; names need not be interned. */
struct dt_prop *dt_set_str(struct dt_tree *t, struct dt_node *n, const char *name, const char *s,
                           const struct origin *o);
struct dt_prop *dt_set_cells(struct dt_tree *t, struct dt_node *n, const char *name, const uint32_t *cells,
                             uint32_t ncells, const struct origin *o);
struct dt_prop *dt_set_flag(struct dt_tree *t, struct dt_node *n, const char *name, const struct origin *o);
/* Makes the 4 bytes at `offset` a phandle of `target`. */
void dt_add_ref(struct dt_tree *t, struct dt_prop *p, uint32_t offset, struct dt_node *target);

/* Cell i (from 0) of a property, big-endian; the caller has checked len. */
static inline uint32_t dt_cell(const struct dt_prop *p, uint32_t i)
{
    return be32(p->data + (uint64_t)i * 4);
}

/* Writes `value` as that many cells, big-endian; cells beyond 64 bits are 0. */
static inline void dt_put_cells(uint8_t *to, uint64_t value, uint32_t cells)
{
    for (uint32_t i = 0; i < cells * 4; i++) {
        uint32_t shift = 8 * (cells * 4 - 1 - i);
        to[i] = shift < 64 ? (uint8_t)(value >> shift) : 0;
    }
}

/* A u32 property's value, or `otherwise` when it is missing or not one cell. */
uint32_t dt_u32(const struct dt_tree *t, const struct dt_node *n, const char *interned, uint32_t otherwise);

/* The i-th string of a string list; NULL when there is none or it is not NUL-terminated. */
const char *dt_string(const struct dt_prop *p, uint32_t i);

/* Index of a string in a string list, or -1. */
int32_t dt_string_index(const struct dt_prop *p, const char *s);

/* Whether `status` (that name, interned) is there and neither "okay" nor "ok": the node is not for use. */
bool dt_is_disabled(const struct dt_tree *t, const struct dt_node *n, const char *status);

/* "/soc@ffe000000/i2c@118000", in the arena. The root is "/". */
const char *dt_path(struct arena *a, const struct dt_node *n);

/* The same in two steps: its length, and its bytes, without a NUL. */
size_t dt_path_len(const struct dt_node *n);
void dt_path_put(char *to, const struct dt_node *n);

/* The node at an absolute path, each component in full ("i2c@118000") or, when unambiguous, without its unit address;
 * or NULL. */
struct dt_node *dt_at(const struct dt_tree *t, const char *path);

/* True for `n` itself and everything below it. */
bool dt_is_below(const struct dt_node *top, const struct dt_node *n);

/* The next node in document order below `top` (start with n = top); NULL at the end. Skips nothing. */
struct dt_node *dt_next(const struct dt_node *n, const struct dt_node *top);

/* ---- reading and writing ---- */

/*
 * Reads a DTB (hostile input: checked in full). Properties point into the blob, which must outlive the tree.
 * Phandles, labels (from /__symbols__) are filled in. NULL after adding a message to c->diags at `at`.
 */
struct dt_tree *dtb_read(struct machc *c, const struct source *s, struct src at);

/* Builds a tree from parsed source (an overlay's: its fragments, with references to other labels left open): merges,
 * deletes, labels, phandles given out and filled in. NULL after messages. */
struct dt_tree *dts_build(struct machc *c, const struct source *s, const struct dts_file *f);

/* Evaluates an expression in a DTS value; false after a message. dtc's rules: 64 bits, wrapping. */
typedef bool dts_eval_fn(void *opaque, const struct expr *e, uint64_t *value);

/*
 * Merges DTS statements into a node with DTS meaning: properties replaced, child nodes merged, deletions done.
 * References are recorded unresolved in the properties (dt_ref.name). `eval` gives the values of expressions.
 * Every property and node touched gets an origin with kind `kind` (written or schema) and its own place.
 */
bool dts_merge(struct machc *c, struct dt_tree *t, struct dt_node *n, const struct dts_op *ops, uint8_t kind,
               const char *why, const struct via *via, dts_eval_fn *eval, void *opaque);

/*
 * Takes explicit `phandle` properties (an edit's `phandle = <7>;`, a blob's) into dt_node.phandle and t->phandles.
 * A value of 0 or 0xffffffff, or one that an earlier node has, does not count: false after an error; of a host tree
 * (`host`: its name for messages) warnings at `at`, and always true.
 */
bool dt_take_phandles(struct machc *c, struct dt_tree *t, const char *host, struct src at);

/*
 * Takes what dtc's options -@ and -L tell of a host tree, and removes their nodes: labels from /__symbols__, references
 * from /__local_fixups__, and those of an overlay to labels of its base from /__fixups__. dt_take_phandles() has been
 * called. What is wrong in them is a warning at `at`; `host` is the file's name.
 */
void dt_take_symbols(struct machc *c, struct dt_tree *t, const char *host, struct src at);

/* Whether a tree is an overlay: fragments, each with an `__overlay__` for one node of another tree. */
bool dt_is_overlay(const struct dt_tree *t);

/*
 * Puts an overlay, from dtb_read() or dts_build(), onto a board's tree. Names of both files are for messages. False
 * after messages, at the overlay's own places if it was source, else at `at`; `base` is not to be used then.
 */
bool dt_apply_overlay(struct machc *c, struct dt_tree *base, const char *base_file, struct dt_tree *overlay,
                      const char *file, struct src at);

/*
 * Removes the nodes that are marked with /omit-if-no-ref/ and that no reference leads to, all of which are resolved.
 * With `labelled`, those with a label stay, as with `dtc -@`.
 */
void dt_omit_unused(struct dt_tree *t, bool labelled);

/* Makes t->phandles anew from dt_node.phandle: what dt_assign_phandles() gave out counts like what was written. */
void dt_index_phandles(struct dt_tree *t);

/* Fills every resolved reference: phandles are given out, 1, 2, 3 ... in document order of their first need, only where
 * used. An explicit `phandle` property (see dt_take_phandles(), which says what is wrong with it) is honoured; all
 * others are in dt_node.phandle alone, and written as the last property of the node. With `labelled`, each node with a
 * label gets one as well: an overlay can refer only to what has one. */
void dt_assign_phandles(struct dt_tree *t, bool labelled);

/* A finished tree (every reference resolved and filled) as a DTB, version 17, written in one pass. Size in *size. In
 * the arena. */
uint8_t *dtb_write(struct machc *c, const struct dt_tree *t, bool symbols, uint32_t *size);

/* The same as source text that dtc reads back to the same tree; NUL-terminated, in the arena. With `origins`, a comment
 * per property. */
char *dts_write(struct machc *c, const struct dt_tree *t, bool origins);

/* One property as source text, "reg = <0x00 0x1000>;", in the arena. */
char *dts_prop_text(struct machc *c, const struct dt_tree *t, const struct dt_prop *p);

/*
 * The child whose name without unit address is `base` (interned), when there is exactly one; or NULL.
 * *count is how many there are. Constant time, once the tree's index is made by the first call.
 */
struct dt_node *dt_child_base(const struct dt_tree *t, const struct dt_node *parent, const char *base, uint32_t *count);

/* dt_at() with every component in full. */
struct dt_node *dt_at_exact(const struct dt_tree *t, const char *path);

#endif
