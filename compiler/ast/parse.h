// SPDX-License-Identifier: MIT
/*
 * Private to ast/ and grammar/: what scanner, token layer, grammar and tree builders share.
 *
 *     text --mach.l--> raw tokens --token.c--> tokens --mach.y--> tree (build.c, dts_value.c)
 *
 * The scanner has modes (below), because the same characters mean different things in a statement, an
 * expression and device tree source. The token layer sits between scanner and grammar: it gives the start
 * token, closes what is open at the end of the file and, after a mistake, skips to where parsing goes on.
 */
#ifndef MACHC_AST_PARSE_H
#define MACHC_AST_PARSE_H

#include "ast/ast.h"
#include "machc.h"

#include <stddef.h>

/* ---- lists that grow at their end ---- */

struct ast_list {
    struct ast *head, *last;
};
struct item_list {
    struct item *head, *last;
};
struct op_list {
    struct dts_op *head, *last;
};
struct value_list {
    struct dts_value *head, *last;
};
struct label_list {
    struct dts_label *head, *last;
    bool omit; // with /omit-if-no-ref/
};

/* An expression and the height of its tree, which is limited so that passes may recurse. */
struct expr_height {
    struct expr *e;
    uint32_t height;
};

/* Values of tokens and of the grammar's symbols. */
union value {
    struct text text;
    uint64_t num;
    struct expr_height x;
    struct ast *ast;
    struct ast_list list;
    struct item *item;
    struct item_list items;
    struct dts_op *op;
    struct op_list ops;
    struct dts_value *val;
    struct value_list values;
    struct label_list labels;
};

/* ---- the parser ---- */

/* How the scanner reads. The order is that of the start conditions in mach.l. */
enum mode {
    MODE_MACH,  // statements
    MODE_EXPR,  // in parentheses; after `assert` and `if`
    MODE_DTS,   // properties and nodes
    MODE_VALUE, // between `=` and `;`
    MODE_CELLS, // in < >
    MODE_BYTES, // in [ ]
    MODE_PROP   // the property's name after `ref`
};

/* An open bracket. */
struct bracket {
    struct loc loc;
    uint32_t stmt; // offset of the statement that it belongs to
    char open;     // { ( < [
    uint8_t mode;  // to go back to
};

/* A text being read; /include/ stacks them. */
struct input {
    struct input *outer;
    const struct source *source;
    char *base;      // where the scanner reads: a copy of a piece of the text
    uint32_t offset; // of the piece in the text,
    uint32_t end;    // and its end
};

struct token {
    union value v;
    struct loc loc;
    int kind;
};

/* What messages want to know of one. */
struct seen {
    struct loc loc;
    int kind;
};

enum recovery {
    RECOVER_NONE,
    RECOVER_INSERT, // a `;` is missing before the token
    RECOVER_CLAUSE, // skip to the `;` or `{` of the statement, which is then read as usual
    RECOVER_SKIP,   // skip the statement and its block
    RECOVER_BODY    // skip device tree source whose `{` is missing
};

enum { HISTORY = 3, QUEUE = 8 };

struct parser {
    struct machc *c;
    void *scanner;
    struct input *in;
    uint32_t include_depth;
    uint32_t included;       // files of /include/ and /incbin/ so far
    uint64_t included_bytes; // theirs

    // results
    struct ast_list top;
    struct op_list ops;
    struct dts_file *dts;
    struct dts_reserve *last_reserve;
    struct expr *expr;

    // scanner
    uint8_t mode;
    uint8_t base_mode; // MODE_MACH or MODE_DTS: what the innermost { } holds
    bool dts_next;     // the next { opens device tree source
    bool fold;         // expressions are a DTS value's: constants are computed at once
    bool plain;        // strings hold no {expr}
    bool cpp_told;     // one message about the preprocessor is enough
    bool mute;         // skipping: no messages
    struct bracket stack[MACH_MAX_NESTING];
    uint32_t depth;
    struct bracket unwound; // innermost bracket that a `;` or brace cut off
    struct bracket suspect; // innermost { whose } is indented less than it; open == 0: none
    int cur, before;        // the last two raw tokens
    struct loc cur_loc;

    // token layer
    struct seen past[HISTORY]; // tokens given to the grammar, the newest first
    union value newest;        // value of past[0]
    struct token queue[QUEUE]; // to be given next
    uint32_t nqueue, queue_at;
    uint32_t bad_number[2], nbad; // offsets of the last tokens that were to be numbers and are none
    uint32_t stmt;                // offset of the current statement's first token
    uint8_t recovery;
    uint32_t resumed; // where parsing went on after the last mistake
    bool resumed_set;
    uint32_t said; // a wrong token that has its message already
    bool said_set;
    uint32_t again;    // mistakes in a row at one place,
    uint32_t again_at; // which is this one
    uint32_t mistakes; // messages so far
    bool unbalanced;   // a brace is missing, or there is one too many
    bool dts_lost;     // a mistake in the `edit` or `node` being read
    bool quiet;        // no message from here on would be news
    bool too_deep;
    bool at_end;   // the scanner is at the end of the file
    bool end_semi; // and a `;` has been put in where one was missing

    // the <cells> being read
    struct {
        uint8_t *data; // reused from property to property
        uint32_t len, room;
        struct dts_fixup *fixups, *last;
        uint8_t bits;
        struct loc open;
    } cells;
};

/* ---- parse.c ---- */

/* Parses text[start, end) of a source as one expression; NULL after a message. */
struct expr *parse_expr_at(struct parser *outer, const struct source *s, uint32_t start, uint32_t end);

/* Starts reading a file inside of another one (/include/). */
void push_include(struct parser *p, const char *name, size_t len, struct loc loc);

/* Back to the outer text; false when this is the outermost. */
bool pop_include(struct parser *p);

/* Finds a file beside the source that names it, then in the -I directories. NULL after a message `m`. */
struct source *find_file(struct parser *p, const char *name, bool binary, enum msg m, struct loc loc);

/* ---- mach.l ---- */

/* Makes the scanner read the last raw token again. */
void scanner_again(struct parser *p);
void scanner_new(struct parser *p);
void scanner_free(struct parser *p);
/* Scans base[0, len + 2), the last two bytes being NUL. */
void scanner_push(struct parser *p, char *base, uint32_t len);
void scanner_pop(struct parser *p);

/* ---- scan.c: what the scanner does ---- */

/* Brackets. Each returns the token. */
int scan_open(struct parser *p, char open, struct loc loc, int token);
int scan_close(struct parser *p, char open, struct loc loc, int token);
int scan_open_brace(struct parser *p, struct loc loc);
/* 0 when there is nothing to close, after a message. */
int scan_close_brace(struct parser *p, struct loc loc);
int scan_semicolon(struct parser *p);

int scan_keyword(struct parser *p, union value *v, const char *s, size_t n, struct loc loc, int token);
int scan_word(struct parser *p, union value *v, const char *s, size_t n, struct loc loc, enum text_kind kind);
/* Reports bytes of a string that are no UTF-8 or are control characters. */
void scan_check_utf8(struct parser *p, const char *s, size_t n, struct loc loc);
/* True when the bytes are to be taken for a wrong token, not for a blank. */
bool scan_bad_bytes(struct parser *p, const char *s, size_t n, struct loc loc);
void scan_cpp(struct parser *p, const char *s, size_t n, struct loc loc);
void scan_directive(struct parser *p, const char *s, size_t n, struct loc loc);

/* Counts a file of `len` bytes that is included; false, with one message (E0133), when there have been too many. */
bool count_included(struct parser *p, uint64_t len, struct loc loc);

/* `/plugin/;`: marks a .dts as an overlay; elsewhere a mistake. */
void scan_plugin(struct parser *p, struct loc loc);

/* A message unless the parser is skipping; NULL then. The diag_ calls below take that NULL. */
struct diag *scan_error(struct parser *p, enum msg m, struct loc loc, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void scan_help(struct diag *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What replaces `where`, as diag_fix(); nothing when d is NULL. */
void scan_fix(struct diag *d, struct loc where, const char *text);

/* ---- number.c ---- */

/* The value of a number or character literal; 0 after a message. */
uint64_t parse_number(struct parser *p, const char *s, size_t n, struct loc loc);
uint64_t parse_char(struct parser *p, const char *s, size_t n, struct loc loc);

/* One DTS literal at s: its end, or NULL with *overflow set or not. */
const char *dts_literal(const char *s, const char *end, uint64_t *value, bool *overflow);

/* ---- string.c ---- */

/* s[0, n) is the text between the quotes; `loc` includes them. Decodes C escapes and, unless `plain`, {expr}. */
struct text parse_string(struct parser *p, const char *s, size_t n, struct loc loc, bool plain);

/* The bytes of a DTS string; *len of them, one NUL at the end included. */
const uint8_t *decode_dts_string(struct parser *p, const char *s, size_t n, struct loc loc, uint32_t *len);

/* Reads the escape after a backslash at *s; true and its value in *c, or false after a message. */
bool decode_escape(struct parser *p, const char **s, const char *end, struct loc loc, bool lenient, uint8_t *c);

/* ---- token.c ---- */

/* The grammar's yylex. */
int mach_yylex(union value *v, struct loc *loc, struct parser *p);
bool is_boundary(int token);
void push_token(struct parser *p, int kind, const union value *v, struct loc loc);

/* ---- unexpected.c ---- */

enum { EXPECTED_MAX = 160 };

/* What the grammar could have gone on with, by the names of mach.y. */
struct expected {
    const char *name[EXPECTED_MAX];
    int n;
};

/* Says what is wrong with the newest token and decides how to go on. */
void report_unexpected(struct parser *p, const struct expected *x);
void report_too_deep(struct parser *p, struct loc loc);

/* ---- keywords.c ---- */

/* What is allowed in a statement's braces and on its line, NULL-terminated; NULL for an unknown keyword. "" is the top
 * level. */
const char *const *keyword_members(const char *keyword);
const char *const *keyword_clauses(const char *keyword);
bool is_keyword(const char *word);

/* ---- the source text of a place ---- */

const char *text_at(const struct parser *p, struct loc loc, size_t *len);
/* The same, NUL-terminated and cut to a length fit for a message. */
const char *quote_at(const struct parser *p, struct loc loc);
/* True when there are only blanks before the offset on its line; *column gets its column from 0 (at most 250). */
bool first_on_line(const struct parser *p, struct loc loc, uint32_t *column);
/* Column of the first thing on the line of that place. */
uint32_t indent_of(const struct parser *p, struct loc loc);
/* The first character after the place that is no blank; 0 at the end. */
char char_after(const struct parser *p, struct loc loc);

/* ---- build.c ---- */

struct ast *ast_new(struct parser *p, enum ast_kind kind, struct loc loc);
/* For what few have: most records only point to it. */
const struct text *text_keep(struct arena *a, struct text t);
struct ast_list list_of(struct ast *a);
/* The statement in place of skipped text: none when only a `;` was missing. */
struct ast_list lost(struct parser *p, uint64_t skipped, struct loc loc);
void list_add(struct ast_list *l, struct ast *a);
void list_join(struct ast_list *l, struct ast_list more);
/* Adds a clause of a line; `unsafe` goes into the `map` before it, `if-possible` and the like into the `stash`. */
void add_clause(struct ast_list *l, struct ast *a);
/* A clause that is a statement, and the clauses that follow on its line. */
struct ast_list with_siblings(struct ast *clause, struct ast_list more);
/* Clauses of the line, then statements of the braces. */
struct ast *with_body(struct ast *a, struct ast_list body);
/* Appends an `else` branch to a chain of ifs. */
void chain_else(struct parser *p, struct ast *chain, struct ast_list block, struct ast *other);

struct item *item_text(struct parser *p, struct text t);
struct item *item_expr(struct parser *p, struct expr *e, struct expr *e2, struct loc loc);
void item_add(struct item_list *l, struct item *i);

struct text word_text(struct parser *p, const char *word, struct loc loc);
/* A number; EXPR_BAD when the scanner has a message at `loc` that it is not one. */
struct expr_height expr_int(struct parser *p, uint64_t val, struct loc loc);
struct expr_height expr_bad(struct parser *p, struct loc loc);
struct expr_height expr_name(struct parser *p, struct text name, uint8_t kind);
struct expr_height expr_attr(struct parser *p, struct expr_height a, struct text name, struct loc loc);
struct expr_height expr_index(struct parser *p, struct expr_height a, struct expr_height b, struct loc loc);
struct expr_height expr_unary(struct parser *p, int op, struct expr_height a, struct loc loc);
struct expr_height expr_binary(struct parser *p, int op, struct expr_height a, struct expr_height b, struct loc loc);
struct expr_height expr_cond(struct parser *p, struct expr_height a, struct expr_height b, struct expr_height c,
                             struct loc loc);

/* ---- dts_value.c ---- */

/* `name` is interned. */
struct dts_op *op_new(struct parser *p, enum dts_op_kind kind, const char *name, struct loc loc);
struct dts_op *op_ref(struct parser *p, enum dts_op_kind kind, struct text ref, struct loc loc);
void op_add(struct op_list *l, struct dts_op *op);
void value_add(struct value_list *l, struct dts_value *v);
void label_add(struct parser *p, struct label_list *l, struct text name);
void reserve_add(struct parser *p, uint64_t address, uint64_t size);

void bytes_begin(struct parser *p, struct loc loc);
void cells_begin(struct parser *p, uint64_t bits, struct loc bits_loc, struct loc loc);
void cells_literals(struct parser *p, struct loc loc);
void cells_expr(struct parser *p, struct expr *e, struct loc loc);
void cells_ref(struct parser *p, struct text ref);
struct dts_value *cells_end(struct parser *p, struct loc loc);
struct dts_value *value_string(struct parser *p, struct loc loc);
struct dts_value *value_ref(struct parser *p, struct text ref);
void value_hex(struct parser *p, struct loc loc);
/* `offset` and `size` NULL: the whole file. */
struct dts_value *value_incbin(struct parser *p, struct text file, struct expr *offset, struct expr *size,
                               struct loc loc);
/* `&label;` alone means something with /omit-if-no-ref/ only; false after a message. */
bool check_omit(struct parser *p, bool omit, struct loc loc);
/* The value of a constant expression; 0 after a message. */
uint64_t constant(struct parser *p, const struct expr *e);

#endif
