// SPDX-License-Identifier: MIT
// Private to model/: the state of building one model.
#ifndef MACHC_MODEL_BUILD_H
#define MACHC_MODEL_BUILD_H

#include "machc.h"
#include "model/model.h"

/* One binding, and those outside. The outermost frame has no name: it holds the consts of the files. */
struct frame {
    struct frame *outer;
    const char *name; // interned; NULL: the outermost
    struct value v;
    struct consts *consts; // of the outermost
};

/* How the text being read came to be used here: its names, and the chain for messages. */
struct scope {
    struct frame *frame;
    const struct via *via;
    uint32_t depth;                // of templates, for and if
    const struct ast *in_template; // the innermost one, or NULL
};

struct const_def {
    const struct ast *st; // NULL: from -D
    struct scope scope;
    struct value v;
    uint8_t state; // enum const_state
    bool used;
};

enum const_state { CONST_NEW, CONST_BUSY, CONST_DONE, CONST_BAD };

struct consts {
    struct machc *c;
    struct map by_name; // -> struct const_def
    VEC(const char *) names;
    bool incomplete; // text was lost at the top of a file: there may be more
    uint64_t lost;   // how often something that has its message already was left out
};

/* Where the values of `at`, `size`, `offset` and `file` go in what is being built; NULL: it has no such clause. */
struct place_values {
    struct opt_u64 *address, *size, *offset;
    const char **file;
};

/* A file that a statement names. */
struct named_file {
    const char *path;
    struct src at;
};

/* What a file says of the host. A member that nothing was said of has no place. */
struct board {
    struct src at;
    struct named_file tree; // "live": the tree that the kernel was started with
    VEC(struct named_file) overlays;
    struct named_file facts;
    uint64_t page_size; // bytes
    struct src page_size_at;
    uint8_t iommu; // enum iommu_kind
    struct src iommu_at;
    bool live;
};

struct pending {
    const struct ast *st;
    struct scope scope;
};

struct build {
    struct machc *c;
    struct model *model;
    struct frame *root;
    struct consts *consts;
    struct map templates; // interned name -> struct ast
    VEC(const char *) template_names;
    struct map *machine_names; // -> struct m_machine; of all files
    VEC(struct pending) rest;  // statements of the top without a name
    VEC(struct pending) machines;
    const struct ast *host;
    struct scope host_scope;
    struct board *board; // of all files; all zero until one has a `host`
    struct map included; // (device, inode) of a file -> 1
    struct map endless;  // struct ast of a template that nests too deep -> 1
    bool unbalanced;     // braces do not match: only syntax is worth a message
    bool told_no_host;
    uint64_t expanded; // statements so far
    bool out_of_bounds;
    /* the machine being built */
    struct m_machine *machine;
    struct m_passthrough *pass;
};

enum {
    MAX_DEPTH = 64, // templates, for and if inside each other
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
    MAX_EXPANDED = 5000, // so that an input of a fuzzer cannot take seconds (the macro's name is libFuzzer's)
#else
    MAX_EXPANDED = 8000000, // statements of the whole compilation
#endif
    MAX_PARAMS = 100 // of a template: a name is looked for among all of them
};

static inline struct src at(const struct scope *s, struct loc loc)
{
    return (struct src){loc, s->via};
}

/* ---- build.c ---- */

/* The path of a file named in the text at `from`: next to that text, else in the -I directories. */
const char *locate(struct build *b, struct loc from, const char *name);

/* Whether two paths lead to one file. */
bool is_same_file(const char *a, const char *b);

/* Reads a file; a text must be UTF-8 unless `binary`. NULL after a message at `where` (E0218). */
struct source *read_named(struct build *b, struct src where, const char *path, bool binary);

/* ---- host.c ---- */

/*
 * Puts what `host` says of the board into the model: the first file's tree is read, with the overlays put onto it;
 * those of others are compared with it (E0236).
 */
void build_host(struct build *b);

/* Adds the nodes that `keep` names to the model, when the host's tree is there. */
void build_named_nodes(struct build *b);

/* ---- expr.c ---- */

/* A const by name, its value computed on first use; false after a message, or (silently) when there is none. */
bool const_value(struct consts *cs, const char *name, struct src user, struct value *v, bool *known);

/* Numbers. A message and false when the expression has no (numeric) value. */
bool eval_u64(struct build *b, const struct scope *s, const struct expr *e, uint64_t *v);
bool eval_opt(struct build *b, const struct scope *s, const struct expr *e, struct opt_u64 *o);

/* At most `max`; `what` is named in the message. */
bool eval_u32(struct build *b, const struct scope *s, const struct expr *e, uint32_t max, const char *what,
              uint32_t *v);

/* A text with its {expr} replaced, interned. NULL after a message, or for a text that is not there. */
const char *eval_text(struct build *b, const struct scope *s, const struct text *t);

/* paths.c: the one name of the file that a text names, interned: "/dev//./mem" is "/dev/mem". */
const char *file_name(struct machc *c, const char *text);

/* The same for a name that is declared: letters, digits, _ and -; checked after replacement. */
const char *eval_name(struct build *b, const struct scope *s, const struct text *t);

/* ---- expand.c ---- */

typedef void stmt_fn(struct build *b, const struct scope *s, const struct ast *st, void *opaque);

/* Calls fn for every statement of a list, with `use`, `for` and `if` carried out. */
void expand(struct build *b, const struct scope *s, const struct ast *list, stmt_fn *fn, void *opaque);

/*
 * The same for the body of `in`, refusing what does not belong there and clauses that are given twice.
 */
void expand_body(struct build *b, const struct scope *s, const struct ast *in, stmt_fn *fn, void *opaque);

/* Carries out `use NAME(...)` or `machine X : NAME(...)`: statements of the template with its parameters bound. */
bool expand_template(struct build *b, const struct scope *s, const struct text *name, const struct item *args,
                     struct loc where, stmt_fn *fn, void *opaque);

/* ---- machine.c, passthrough.c, dma.c ---- */

void build_machine(struct build *b, const struct pending *p);
void build_passthrough(struct build *b, const struct scope *s, const struct ast *st);

/* Names for the passthroughs that got none, when all names that were written are known. */
void name_passthroughs(struct build *b);

void build_dma(struct build *b, const struct scope *s, const struct ast *st, struct m_part *part);
bool build_irq_to(struct build *b, const struct scope *s, const struct ast *st, struct m_irq_to *to);

/* What follows the names of this statement's head has a message: a word may have been taken for a name. */
bool is_guess(const struct ast *st);

/* Says that there is no template (or `or_what`) of that name. */
void no_template(struct build *b, const struct scope *s, const struct ast *use, const char *or_what);

/* A help that says where a statement of this kind belongs; false when that is not known. */
bool help_where(struct build *b, struct diag *d, const struct ast *st);

/* Declares a name of the machine; false after a message that shows the other place. */
bool declare(struct build *b, const char *name, struct src where);

/* Reads one of the clauses that `v` has room for. False: `st` is another one. */
bool build_place(struct build *b, const struct scope *s, const struct ast *st, struct place_values v);

/* Reads the clause `under NODE`. */
struct m_under build_under(struct build *b, const struct scope *s, const struct ast *st);

/* Text and expression evaluation for a `region 0` / `irq "tx"` selector. */
bool build_which(struct build *b, const struct scope *s, const struct text *name, const struct expr *e, struct loc loc,
                 struct m_which *w);

/* Adds what a `region` statement says to `list` (draft arena), which must not have that region yet (E0324): `specified`
 * knows those that it has. */
void build_region(struct build *b, const struct scope *s, const struct ast *st, m_region_list *list,
                  struct map *specified);

#endif
