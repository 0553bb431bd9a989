/* SPDX-License-Identifier: MIT
 *
 * The grammar of .mach files, of .dts files and of the expressions inside of strings; the first token says which.
 *
 * Every statement is `keyword [name] [clause value]... ;` or the same with statements in braces. Which clause
 * makes sense in which statement is for the model to say. grammar/mach.ebnf shows the language to people.
 * Mistakes: `bad` is what compiler/ast/token.c skips; the messages are in compiler/ast/unexpected.c.
 */
%code requires {
#include "ast/parse.h"
}
%code {
int mach_yylex(union value *v, struct loc *loc, struct parser *p);
static void mach_yyerror(const struct loc *loc, struct parser *p, const char *what);
}
%code top {
/* The place of an empty rule is between its neighbours. */
#define YYLLOC_DEFAULT(Cur, Rhs, N)                                                                                    \
    do {                                                                                                               \
        (Cur) = YYRHSLOC(Rhs, (N) ? 1 : 0);                                                                            \
        if (!(N))                                                                                                      \
            (Cur).start = (Cur).end;                                                                                   \
        else if (YYRHSLOC(Rhs, N).file == (Cur).file && YYRHSLOC(Rhs, N).end > (Cur).end)                              \
            (Cur).end = YYRHSLOC(Rhs, N).end;                                                                          \
    } while (0)
/* Nesting is limited long before this; what remains are rows of prefix operators and the like. */
#define YYMAXDEPTH 100000
#define AST(kind, loc) ast_new(p, AST_##kind, loc)
#define ARG(text) text_keep(syntax_arena(p->c), text)
}

%define api.prefix {mach_yy}
%define api.pure full
%define api.token.prefix {T_}
%define api.value.type {union value}
%define api.location.type {struct loc}
%define parse.error custom
%define parse.lac full
%locations
%expect 0
%param {struct parser *p}
%initial-action { @$ = (struct loc){p->in->source->id, p->in->offset, p->in->offset}; }

%token END 0 "the end of the file"
%token START_MACH START_DTS START_BODY START_EXPR STRAY
%token <num> RESUME

/* statements */
%token INCLUDE "include" CONST "const" HOST "host" LIVE "live" TEMPLATE "template" MACHINE "machine" ASSERT "assert"
%token USE "use" FOR "for" IN "in" IF "if" ELSE "else" PAGE_SIZE "page-size" IOMMU "iommu" FACTS "facts" OVERLAY "overlay" KEEP "keep" READY "ready" HIDE "hide"
%token MODEL "model" COMPATIBLE "compatible" BOOTARGS "bootargs" CPUS "cpus" MEMORY "memory" IRQCHIP "irqchip"
%token DEVICE "device" PASSTHROUGH "passthrough" PLATFORM "platform" PCI "pci" RAW "raw" NODE "node" EDIT "edit"
%token REGION "region" IRQ "irq" REF "ref" CHILD "child" DMA "dma" GUEST_IOMMU "guest-iommu" POOL "pool" STASH "stash" ID "id"
%token OF "of" MAP "map" MSI_BANK "msi-bank"
/* clauses */
%token AT "at" SIZE "size" FROM "from" ANONYMOUS "anonymous" HUGETLB "hugetlb" FILE "file" PHYSICAL "physical"
%token CONTIGUOUS "contiguous" BELOW "below" RUNS "runs" BY "by" HEAP "heap" RESERVED "reserved"
%token OFFSET "offset" SHARE "share" NO_DMA "no-dma" READONLY "readonly" ON "on" SLOT "slot" AS "as" ONLY "only"
%token WITHOUT "without" UNDER "under" VCPU "vcpu" TRAP "trap" DROP "drop" UNSAFE "unsafe" TO "to" FIXED "fixed"
%token ASSIGN "assign" COPY "copy" WINDOW "window" SUBWINDOWS "subwindows" LIODN_INDEX "liodn-index"
%token STREAM "stream" OPERATION "operation" VOLATILE "volatile"
%token PERSISTENT "persistent" ENTRY "entry" IF_POSSIBLE "if-possible" SHADOW "shadow" WRITE "write" MASK "mask" HIWORD "hiword"

%token <text> WORD "a name" STRING "a string" PATH "a path" LABEL "a label" REFPATH "&{/path}" BDF "a PCI address"
%token <num> INT "a number"
%token DOTDOT ".." CELLS_OPEN "<" CELLS_CLOSE ">"
%token SHL "<<" SHR ">>" LE "<=" GE ">=" EQ "==" NE "!=" AND "&&" OR "||"

/* device tree source */
%token DTS_OPEN "{"
%token <text> DTS_NAME "a property or node" LABEL_DEF "a label of its own"
%token DEL_PROP "/delete-property/" DEL_NODE "/delete-node/" OMIT "/omit-if-no-ref/" MEMRESERVE "/memreserve/"
%token V1 "/dts-v1/" BITS "/bits/" INCBIN "/incbin/" DTS_STRING "\"a string\"" LITERALS "cells" HEXES "bytes"
%token BARE DTS_DIRECTIVE
%token <num> CELL_CHAR "a character"

%right '?' ':'
%left OR
%left AND
%left '|'
%left '^'
%left '&'
%left EQ NE
%left '<' '>' LE GE
%left SHL SHR
%left '+' '-'
%left '*' '/' '%'
%precedence UNARY

%type <list> block stmts stmt clauses clause dev_clauses region_clauses dma_clauses tail dtail rtail mtail
%type <ast> if_chain machine_type machine_head map_head stash_head dma_head passthrough_head host_head use_head
%type <text> name string anode inode noderef below prop_name
%type <x> value const_value expr attr
%type <items> params param_list args arg_list strings keep_items items on_items below_list of_node
%type <item> item on_item keep_item
%type <ops> dts_body
%type <op> dts_item dts_stmt
%type <labels> labels some_labels
%type <values> values
%type <val> chunk cells
%type <num> mr_int bad

%%

input: START_MACH top
     | START_DTS dts_file
     | START_BODY dts_body                              { p->ops = $2; }
     | START_EXPR expr                                  { p->expr = $2.e; }
     ;

top: %empty
   | top stmt                                           { list_join(&p->top, $2); }
   ;

block: '{' stmts '}'                                    { $$ = $2; }
     ;
stmts: %empty                                           { $$ = list_of(NULL); }
     | stmts stmt                                       { $$ = $1; list_join(&$$, $2); }
     ;

/* What token.c skips after a mistake. Messages may be given again at once. */
bad: error RESUME                                       { $$ = $2 || @1.start < @2.start; yyerrok; }
   ;

stmt: ';'                                               { $$ = list_of(NULL); }
    | INCLUDE string ';'                                { $$ = list_of(AST(INCLUDE, @1)); $$.head->name = $2; $$.head->loc = loc_join(@1, @2); }
    | CONST name '=' const_value ';'                    { $$ = list_of(AST(CONST, loc_join(@1, @4))); $$.head->name = $2; $$.head->e = $4.e; }
    | ASSERT expr ';'                                   { $$ = list_of(AST(ASSERT, loc_join(@1, @2))); $$.head->e = $2.e; }
    | ASSERT expr ',' string ';'                        { $$ = list_of(AST(ASSERT, loc_join(@1, @2))); $$.head->e = $2.e; $$.head->name = $4; }
    | TEMPLATE name params block                        { $$ = list_of(AST(TEMPLATE, loc_join(@1, @2))); $$.head->name = $2; $$.head->items = $3.head; $$.head->body = $4.head; }
    | use_head ';'                                      { $$ = list_of($1); }
    | FOR name IN value DOTDOT value block              { $$ = list_of(AST(FOR, loc_join(@1, @6))); $$.head->name = $2; $$.head->e = $4.e; $$.head->e2 = $6.e; $$.head->body = $7.head; }
    | if_chain                                          { $$ = list_of($1); }
    | if_chain ELSE block                               { $$ = list_of($1); chain_else(p, $1, $3, NULL); }
    | NODE anode DTS_OPEN dts_body '}'                  { $$ = list_of(AST(NODE, loc_join(@1, @2))); $$.head->name = $2; $$.head->dts = $4.head; $$.head->sub = p->dts_lost; p->dts_lost = false; }
    | EDIT DTS_OPEN dts_body '}'                        { $$ = list_of(AST(EDIT, @1)); $$.head->dts = $3.head; $$.head->sub = p->dts_lost; p->dts_lost = false; }
    | host_head tail                                    { $$ = list_of(with_body($1, $2)); }
    | machine_head tail                                 { $$ = list_of(with_body($1, $2)); }
    | CPUS value tail                                   { struct ast *a = AST(CPUS, loc_join(@1, @2)); a->e = $2.e; $$ = list_of(with_body(a, $3)); }
    | MEMORY name tail                                  { struct ast *a = AST(MEMORY, loc_join(@1, @2)); a->name = $2; $$ = list_of(with_body(a, $3)); }
    | IRQCHIP name ':' name tail                        { struct ast *a = AST(IRQCHIP, loc_join(@1, @4)); a->name = $2; a->arg = ARG($4); $$ = list_of(with_body(a, $5)); }
    | DEVICE name ':' name dtail                        { struct ast *a = AST(DEVICE, loc_join(@1, @4)); a->name = $2; a->arg = ARG($4); $$ = list_of(with_body(a, $5)); }
    | passthrough_head dtail                            { $$ = list_of(with_body($1, $2)); }
    | REGION name rtail                                 { struct ast *a = AST(REGION, loc_join(@1, @2)); a->name = $2; $$ = list_of(with_body(a, $3)); }
    | REGION inumber rtail                              { struct ast *a = AST(REGION, loc_join(@1, @2)); a->e = $<x>2.e; $$ = list_of(with_body(a, $3)); }
    | IRQ items tail                                    { struct ast *a = AST(IRQ, loc_join(@1, @2)); a->items = $2.head; $$ = list_of(with_body(a, $3)); }
    | REF prop_name tail                                { struct ast *a = AST(REF, loc_join(@1, @2)); a->name = $2; $$ = list_of(with_body(a, $3)); }
    | REF prop_name '[' value ']' tail                  { struct ast *a = AST(REF, loc_join(@1, @5)); a->name = $2; a->e = $4.e; $$ = list_of(with_body(a, $6)); }
    | CHILD below tail                                  { struct ast *a = AST(CHILD, loc_join(@1, @2)); a->name = $2; $$ = list_of(with_body(a, $3)); }
    | dma_head mtail                                    { $$ = list_of(with_body($1, $2)); }
    | map_head tail                                     { $$ = list_of(with_body($1, $2)); }
    /* These are clauses in braces: what follows on their line are their siblings. */
    | MAP tail                                          { $$ = with_siblings(AST(MAP, @1), $2); }
    | stash_head mtail                                  { $$ = with_siblings($1, $2); }
    | clause dma_clauses ';'                            { $$ = with_siblings($1.head, $2); }
    | bad ';'                                           { $$ = lost(p, $1, @1); }
    | bad block                                         { $$ = lost(p, true, @1); }
    | bad DTS_OPEN dts_body '}'                         { $$ = lost(p, true, @1); }
    /* What is complete is kept. */
    | INCLUDE string bad ';'                            { $$ = list_of(AST(INCLUDE, @1)); $$.head->name = $2; $$.head->loc = loc_join(@1, @2); }
    | CONST name '=' const_value bad ';'                { $$ = list_of(AST(CONST, loc_join(@1, @4))); $$.head->name = $2; $$.head->e = $4.e; }
    | CONST name '=' bad ';'                            { $$ = list_of(AST(CONST, loc_join(@1, @3))); $$.head->name = $2; $$.head->e = expr_bad(p, @3).e; }
    | ASSERT expr bad ';'                               { $$ = list_of(AST(ASSERT, loc_join(@1, @2))); $$.head->e = $2.e; }
    | ASSERT expr ',' string bad ';'                    { $$ = list_of(AST(ASSERT, loc_join(@1, @2))); $$.head->e = $2.e; $$.head->name = $4; }
    | use_head bad ';'                                  { $$ = list_of($1); }
    ;

/* Clauses of the line, and then the block. One for each kind of line. */
tail: clauses ';'
    | clauses block                                     { $$ = $1; list_join(&$$, $2); }
    ;
dtail: dev_clauses ';'
     | dev_clauses block                                { $$ = $1; list_join(&$$, $2); }
     ;
rtail: region_clauses ';'
     | region_clauses block                             { $$ = $1; list_join(&$$, $2); }
     ;
mtail: dma_clauses ';'
     | dma_clauses block                                { $$ = $1; list_join(&$$, $2); }
     ;
clauses: %empty                                         { $$ = list_of(NULL); }
       | clauses clause                                 { $$ = $1; add_clause(&$$, $2.head); }
       | clauses bad                                    { $$ = $1; list_join(&$$, lost(p, $2, @2)); }
       ;
dev_clauses: %empty                                     { $$ = list_of(NULL); }
           | dev_clauses clause                         { $$ = $1; add_clause(&$$, $2.head); }
           | dev_clauses IRQ items                      { $$ = $1; struct ast *a = AST(IRQ, loc_join(@2, @3)); a->items = $3.head; add_clause(&$$, a); }
           | dev_clauses dma_head                       { $$ = $1; add_clause(&$$, $2); }
           | dev_clauses bad                                    { $$ = $1; list_join(&$$, lost(p, $2, @2)); }
           ;
region_clauses: %empty                                  { $$ = list_of(NULL); }
              | region_clauses clause                   { $$ = $1; add_clause(&$$, $2.head); }
              | region_clauses MAP                      { $$ = $1; add_clause(&$$, AST(MAP, @2)); }
              | region_clauses bad                                    { $$ = $1; list_join(&$$, lost(p, $2, @2)); }
              ;
dma_clauses: %empty                                     { $$ = list_of(NULL); }
           | dma_clauses clause                         { $$ = $1; add_clause(&$$, $2.head); }
           | dma_clauses stash_head                     { $$ = $1; add_clause(&$$, $2); }
           | dma_clauses bad                                    { $$ = $1; list_join(&$$, lost(p, $2, @2)); }
           ;

host_head: HOST string                                  { $$ = AST(HOST, loc_join(@1, @2)); $$->name = $2; }
         | HOST LIVE                                    { $$ = AST(HOST, loc_join(@1, @2)); $$->name = word_text(p, "live", @2); }
         ;
machine_head: MACHINE name                              { $$ = AST(MACHINE, loc_join(@1, @2)); $$->name = $2; }
            | MACHINE name ':' machine_type             { $$ = $4; $$->name = $2; $$->loc = loc_join(@1, @4); }
            ;
machine_type: name                                      { $$ = AST(MACHINE, @1); $$->arg = ARG($1); }
            | name '(' args ')'                         { $$ = AST(MACHINE, @$); $$->arg = ARG($1); $$->items = $3.head; }
            ;
use_head: USE name                                      { $$ = AST(USE, loc_join(@1, @2)); $$->name = $2; }
        | USE name '(' args ')'                         { $$ = AST(USE, loc_join(@1, @5)); $$->name = $2; $$->items = $4.head; }
        ;
if_chain: IF expr block                                 { $$ = AST(IF, loc_join(@1, @2)); $$->e = $2.e; $$->body = $3.head; }
        | IF bad block                                  { $$ = AST(IF, @1); $$->e = expr_bad(p, @1).e; $$->body = $3.head; }
        | if_chain ELSE IF bad block                    { struct ast *a = AST(IF, @3); a->e = expr_bad(p, @3).e; a->body = $5.head; $$ = $1; chain_else(p, $$, list_of(NULL), a); }
        | if_chain ELSE IF expr block                   { struct ast *a = AST(IF, loc_join(@3, @4)); a->e = $4.e; a->body = $5.head; $$ = $1; chain_else(p, $$, list_of(NULL), a); }
        ;
passthrough_head: PASSTHROUGH inode                     { $$ = AST(PASSTHROUGH, loc_join(@1, @2)); $$->name = $2; $$->sub = PASS_NODE; }
                | PASSTHROUGH PLATFORM name             { $$ = AST(PASSTHROUGH, loc_join(@1, @3)); $$->name = $3; $$->sub = PASS_PLATFORM; }
                | PASSTHROUGH PCI BDF                   { $$ = AST(PASSTHROUGH, loc_join(@1, @3)); $$->name = $3; $$->sub = PASS_PCI; }
                | PASSTHROUGH PCI string                { $$ = AST(PASSTHROUGH, loc_join(@1, @3)); $$->name = $3; $$->sub = PASS_PCI; }
                | PASSTHROUGH RAW                       { $$ = AST(PASSTHROUGH, loc_join(@1, @2)); $$->sub = PASS_RAW; }
                ;
dma_head: DMA name                                      { $$ = AST(DMA, loc_join(@1, @2)); $$->name = $2; }
        | DMA POOL name                                 { $$ = AST(DMA, loc_join(@1, @3)); $$->name = word_text(p, "pool", @2); $$->arg = ARG($3); }
        | DMA GUEST_IOMMU name                          { $$ = AST(DMA, loc_join(@1, @3)); $$->name = word_text(p, "guest-iommu", @2); $$->arg = ARG($3); }
        ;
map_head: MAP name                                      { $$ = AST(MAP, loc_join(@1, @2)); $$->name = $2; $$->sub = MAP_MEMORY; }
        | MAP REGION name                               { $$ = AST(MAP, loc_join(@1, @3)); $$->name = $3; $$->sub = MAP_REGION; }
        | MAP REGION inumber                            { $$ = AST(MAP, loc_join(@1, @3)); $$->e = $<x>3.e; $$->sub = MAP_REGION; }
        | MAP MSI_BANK value                            { $$ = AST(MAP, loc_join(@1, @3)); $$->e = $3.e; $$->sub = MAP_MSI_BANK; }
        ;
stash_head: STASH name                                  { $$ = AST(STASH, loc_join(@1, @2)); $$->name = $2; }
          | STASH name OF VCPU value                    { $$ = AST(STASH, loc_join(@1, @5)); $$->name = $2; $$->e2 = $5.e; }
          | STASH ID value                              { $$ = AST(STASH, loc_join(@1, @3)); $$->name = word_text(p, "id", @2); $$->e = $3.e; }
          ;

clause: PAGE_SIZE value                                 { $$ = list_of(AST(PAGE_SIZE, @$)); $$.head->e = $2.e; }
      | IOMMU name                                      { $$ = list_of(AST(IOMMU, @$)); $$.head->name = $2; }
      | FACTS string                                    { $$ = list_of(AST(FACTS, @$)); $$.head->name = $2; }
      | OVERLAY strings                                 { $$ = list_of(AST(OVERLAY, @$)); $$.head->items = $2.head; }
      | READY prop_name of_node string                  { $$ = list_of(AST(READY, @$)); $$.head->name = $2; $$.head->items = $3.head; $$.head->arg = ARG($4); }
      | READY prop_name '[' value ']' of_node string    { $$ = list_of(AST(READY, @$)); $$.head->name = $2; $$.head->e = $4.e; $$.head->items = $6.head; $$.head->arg = ARG($7); }
      | HIDE keep_items                                 { $$ = list_of(AST(HIDE, @$)); $$.head->items = $2.head; }
      | KEEP                                            { $$ = list_of(AST(KEEP, @$)); }
      | KEEP keep_items                                 { $$ = list_of(AST(KEEP, @$)); $$.head->items = $2.head; }
      | MODEL string                                    { $$ = list_of(AST(MODEL, @$)); $$.head->name = $2; }
      | COMPATIBLE strings                              { $$ = list_of(AST(COMPATIBLE, @$)); $$.head->items = $2.head; }
      | BOOTARGS string                                 { $$ = list_of(AST(BOOTARGS, @$)); $$.head->name = $2; }
      | AT value                                        { $$ = list_of(AST(AT, @$)); $$.head->e = $2.e; }
      | SIZE value                                      { $$ = list_of(AST(SIZE, @$)); $$.head->e = $2.e; }
      | FROM ANONYMOUS                                  { $$ = list_of(AST(FROM, @$)); $$.head->name = word_text(p, "anonymous", @2); }
      | FROM HUGETLB value                              { $$ = list_of(AST(FROM, @$)); $$.head->name = word_text(p, "hugetlb", @2); $$.head->e = $3.e; }
      | FROM FILE string                                { $$ = list_of(AST(FROM, @$)); $$.head->name = word_text(p, "file", @2); $$.head->arg = ARG($3); }
      | FROM PHYSICAL value                             { $$ = list_of(AST(FROM, @$)); $$.head->name = word_text(p, "physical", @2); $$.head->e = $3.e; }
      | FROM CONTIGUOUS                                 { $$ = list_of(AST(FROM, @$)); $$.head->name = word_text(p, "contiguous", @2); }
      | BELOW value                                     { $$ = list_of(AST(BELOW, @$)); $$.head->e = $2.e; }
      | RUNS value                                      { $$ = list_of(AST(RUNS, @$)); $$.head->e = $2.e; }
      | BY HUGETLB                                      { $$ = list_of(AST(BY, @$)); $$.head->name = word_text(p, "hugetlb", @2); }
      | BY HUGETLB value                                { $$ = list_of(AST(BY, @$)); $$.head->name = word_text(p, "hugetlb", @2); $$.head->e = $3.e; }
      | BY HEAP string                                  { $$ = list_of(AST(BY, @$)); $$.head->name = word_text(p, "heap", @2); $$.head->arg = ARG($3); }
      | BY RESERVED                                     { $$ = list_of(AST(BY, @$)); $$.head->name = word_text(p, "reserved", @2); }
      | OFFSET value                                    { $$ = list_of(AST(OFFSET, @$)); $$.head->e = $2.e; }
      | SHARE string                                    { $$ = list_of(AST(SHARE, @$)); $$.head->name = $2; }
      | NO_DMA                                          { $$ = list_of(AST(NO_DMA, @$)); }
      | READONLY                                        { $$ = list_of(AST(READONLY, @$)); }
      | ON on_items                                     { $$ = list_of(AST(ON, @$)); $$.head->items = $2.head; if ($2.head == $2.last && !$2.head->e2) $$.head->name = $2.head->t; }
      | ON noderef                                      { $$ = list_of(AST(ON, @$)); $$.head->name = $2; }
      | ON string                                       { $$ = list_of(AST(ON, @$)); $$.head->name = $2; }
      | SLOT value                                      { $$ = list_of(AST(SLOT, @$)); $$.head->e = $2.e; }
      | AS name                                         { $$ = list_of(AST(AS, @$)); $$.head->name = $2; }
      | ONLY                                            { $$ = list_of(AST(ONLY, @$)); }
      | WITHOUT below_list                              { $$ = list_of(AST(WITHOUT, @$)); $$.head->items = $2.head; }
      | UNDER inode                                     { $$ = list_of(AST(UNDER, @$)); $$.head->name = $2; }
      | VCPU value                                      { $$ = list_of(AST(VCPU, @$)); $$.head->e = $2.e; }
      | TRAP                                            { $$ = list_of(AST(TRAP, @$)); }
      | DROP                                            { $$ = list_of(AST(DROP, @$)); }
      | UNSAFE                                          { $$ = list_of(AST(UNSAFE, @$)); }
      | UNSAFE string                                   { $$ = list_of(AST(UNSAFE, @$)); $$.head->name = $2; }
      | FILE string                                     { $$ = list_of(AST(FILE, @$)); $$.head->name = $2; }
      | TO items                                        { $$ = list_of(AST(TO, @$)); $$.head->items = $2.head; }
      | TO noderef                                      { $$ = list_of(AST(TO, @$)); $$.head->name = $2; }
      | TO noderef cells                                { $$ = list_of(AST(TO, @$)); $$.head->name = $2; $$.head->dts_cells = $3; }
      | FIXED                                           { $$ = list_of(AST(FIXED, @$)); }
      | FIXED value                                     { $$ = list_of(AST(FIXED, @$)); $$.head->e = $2.e; }
      | ASSIGN                                          { $$ = list_of(AST(ASSIGN, @$)); }
      | COPY                                            { $$ = list_of(AST(COPY, @$)); }
      | SHADOW                                          { $$ = list_of(AST(SHADOW, @$)); }
      | WRITE value MASK value                          { $$ = list_of(AST(WRITE, @$)); $$.head->e = $2.e; $$.head->e2 = $4.e; }
      | WRITE value MASK value HIWORD                   { $$ = list_of(AST(WRITE, @$)); $$.head->e = $2.e; $$.head->e2 = $4.e; $$.head->sub = 1; }
      | WINDOW value                                    { $$ = list_of(AST(WINDOW, @$)); $$.head->e = $2.e; }
      | SUBWINDOWS value                                { $$ = list_of(AST(SUBWINDOWS, @$)); $$.head->e = $2.e; }
      | LIODN_INDEX value                               { $$ = list_of(AST(LIODN_INDEX, @$)); $$.head->e = $2.e; }
      | STREAM value                                    { $$ = list_of(AST(STREAM, @$)); $$.head->e = $2.e; }
      | OPERATION name                                  { $$ = list_of(AST(OPERATION, @$)); $$.head->name = $2; }
      | OPERATION inumber                               { $$ = list_of(AST(OPERATION, @$)); $$.head->e = $<x>2.e; }
      | VOLATILE                                        { $$ = list_of(AST(VOLATILE, @$)); }
      | PERSISTENT                                      { $$ = list_of(AST(PERSISTENT, @$)); }
      | ENTRY value                                     { $$ = list_of(AST(ENTRY, @$)); $$.head->e = $2.e; }
      | IF_POSSIBLE                                     { $$ = list_of(AST(IF_POSSIBLE, @$)); }
      ;

name: WORD
    | STRING
    ;
string: STRING
      ;
/* A node of the guest that `node` makes or changes. */
anode: PATH | LABEL | REFPATH | STRING
     ;
/* A node by path, label or an unambiguous tail of its path. */
inode: PATH | LABEL | REFPATH | WORD | STRING
     ;
noderef: PATH | LABEL | REFPATH
       ;
/* A node further down. */
below: WORD | STRING
     ;
below_list: below                                       { $$ = (struct item_list){0}; item_add(&$$, item_text(p, $1)); }
          | below_list ',' below                        { $$ = $1; item_add(&$$, item_text(p, $3)); }
          ;
prop_name: WORD | STRING
         ;
params: %empty                                          { $$ = (struct item_list){0}; }
      | '(' ')'                                         { $$ = (struct item_list){0}; }
      | '(' param_list ')'                              { $$ = $2; }
      ;
param_list: WORD                                        { $$ = (struct item_list){0}; item_add(&$$, item_text(p, $1)); }
          | param_list ',' WORD                         { $$ = $1; item_add(&$$, item_text(p, $3)); }
          ;
args: %empty                                            { $$ = (struct item_list){0}; }
    | arg_list
    ;
arg_list: expr                                          { $$ = (struct item_list){0}; item_add(&$$, item_expr(p, $1.e, NULL, @1)); }
        | arg_list ',' expr                             { $$ = $1; item_add(&$$, item_expr(p, $3.e, NULL, @3)); }
        ;
strings: string                                         { $$ = (struct item_list){0}; item_add(&$$, item_text(p, $1)); }
       | strings ',' string                             { $$ = $1; item_add(&$$, item_text(p, $3)); }
       ;
keep_item: inode                                        { $$ = item_text(p, $1); }
         ;
keep_items: keep_item                                   { $$ = (struct item_list){0}; item_add(&$$, $1); }
          | keep_items ',' keep_item                    { $$ = $1; item_add(&$$, $3); }
          ;
of_node: %empty                                         { $$ = (struct item_list){0}; }
       | OF keep_item                                   { $$ = (struct item_list){0}; item_add(&$$, $2); }
       ;
on_item: value                                          { $$ = item_expr(p, $1.e, NULL, @$); if ($1.e->kind == EXPR_NAME) $$->t = $1.e->name; }
       | value DOTDOT value                             { $$ = item_expr(p, $1.e, $3.e, @$); }
       ;
on_items: on_item                                       { $$ = (struct item_list){0}; item_add(&$$, $1); }
        | on_items ',' on_item                          { $$ = $1; item_add(&$$, $3); }
        ;
item: WORD                                              { $$ = item_text(p, $1); }
    | STRING                                            { $$ = item_text(p, $1); }
    | inumber                                           { $$ = item_expr(p, $<x>1.e, NULL, @1); }
    ;
items: item                                             { $$ = (struct item_list){0}; item_add(&$$, $1); }
     | items item                                       { $$ = $1; item_add(&$$, $2); }
     ;

/* ---- values and expressions ---- */

/* A value that is no name. */
inumber: INT                                            { $<x>$ = expr_int(p, $1, @1); }
       | '(' expr ')'                                   { $<x>$ = $2; }
       ;
value: INT                                              { $$ = expr_int(p, $1, @1); }
     | attr
     | '(' expr ')'                                     { $$ = $2; }
     ;
const_value: value
           | STRING                                     { $$ = expr_name(p, $1, EXPR_STR); }
           ;
attr: WORD                                              { $$ = expr_name(p, $1, EXPR_NAME); }
    | attr '.' WORD                                     { $$ = expr_attr(p, $1, $3, @$); }
    | attr '[' expr ']'                                 { $$ = expr_index(p, $1, $3, @$); }
    ;
expr: INT                                               { $$ = expr_int(p, $1, @1); }
    | STRING                                            { $$ = expr_name(p, $1, EXPR_STR); }
    | attr
    | '(' expr ')'                                      { $$ = $2; }
    | '-' expr %prec UNARY                              { $$ = expr_unary(p, '-', $2, @$); }
    | '~' expr %prec UNARY                              { $$ = expr_unary(p, '~', $2, @$); }
    | '!' expr %prec UNARY                              { $$ = expr_unary(p, '!', $2, @$); }
    | expr '*' expr                                     { $$ = expr_binary(p, '*', $1, $3, @$); }
    | expr '/' expr                                     { $$ = expr_binary(p, '/', $1, $3, @$); }
    | expr '%' expr                                     { $$ = expr_binary(p, '%', $1, $3, @$); }
    | expr '+' expr                                     { $$ = expr_binary(p, '+', $1, $3, @$); }
    | expr '-' expr                                     { $$ = expr_binary(p, '-', $1, $3, @$); }
    | expr SHL expr                                     { $$ = expr_binary(p, OP_SHL, $1, $3, @$); }
    | expr SHR expr                                     { $$ = expr_binary(p, OP_SHR, $1, $3, @$); }
    | expr '<' expr                                     { $$ = expr_binary(p, '<', $1, $3, @$); }
    | expr '>' expr                                     { $$ = expr_binary(p, '>', $1, $3, @$); }
    | expr LE expr                                      { $$ = expr_binary(p, OP_LE, $1, $3, @$); }
    | expr GE expr                                      { $$ = expr_binary(p, OP_GE, $1, $3, @$); }
    | expr EQ expr                                      { $$ = expr_binary(p, OP_EQ, $1, $3, @$); }
    | expr NE expr                                      { $$ = expr_binary(p, OP_NE, $1, $3, @$); }
    | expr '&' expr                                     { $$ = expr_binary(p, '&', $1, $3, @$); }
    | expr '^' expr                                     { $$ = expr_binary(p, '^', $1, $3, @$); }
    | expr '|' expr                                     { $$ = expr_binary(p, '|', $1, $3, @$); }
    | expr AND expr                                     { $$ = expr_binary(p, OP_AND, $1, $3, @$); }
    | expr OR expr                                      { $$ = expr_binary(p, OP_OR, $1, $3, @$); }
    | expr '?' expr ':' expr                            { $$ = expr_cond(p, $1, $3, $5, @$); }
    ;

/* ---- device tree source ---- */

dts_file: %empty
        | dts_file dts_top
        ;
dts_top: V1 ';'
       | ';'
       | labels MEMRESERVE mr_int mr_int ';'            { reserve_add(p, $3, $4); }
       | labels '/' DTS_OPEN dts_body '}' semi          { struct dts_op *op = op_new(p, DTS_NODE, intern(p->c->names, "/"), @2); op->labels = $1.head; op->ops = $4.head; op_add(&p->ops, op); }
       | labels noderef DTS_OPEN dts_body '}' semi      { struct dts_op *op = op_ref(p, DTS_NODE, $2, @2); op->labels = $1.head; op->ops = $4.head; op_add(&p->ops, op); }
       | DEL_NODE noderef ';'                           { op_add(&p->ops, op_ref(p, DTS_DEL_NODE, $2, @2)); }
       | labels noderef ';'                             { if (check_omit(p, $1.omit, @2)) op_add(&p->ops, op_ref(p, DTS_OMIT, $2, @2)); }
       | bad ';'
       | bad DTS_OPEN dts_body '}'
       ;
mr_int: INT
      | '(' expr ')'                                    { $$ = constant(p, $2.e); }
      ;

/* A mistake after the } must not lead back to before it. */
semi: ';'
    | bad ';'
    ;

dts_body: %empty                                        { $$ = (struct op_list){0}; }
        | dts_body dts_item                             { $$ = $1; op_add(&$$, $2); }
        | dts_body some_labels dts_item                 { $$ = $1; $3->labels = $2.head; $3->omit = $2.omit; op_add(&$$, $3); }
        | dts_body dts_stmt                             { $$ = $1; if ($2) op_add(&$$, $2); }
        ;
/* What may have labels. */
dts_item: DTS_NAME ';'                                  { $$ = op_new(p, DTS_PROP, $1.s, @1); }
        | DTS_NAME '=' values ';'                       { $$ = op_new(p, DTS_PROP, $1.s, @1); $$->value = $3.head; }
        | DTS_NAME DTS_OPEN dts_body '}' semi           { $$ = op_new(p, DTS_NODE, $1.s, @1); $$->ops = $3.head; }
        ;
dts_stmt: DEL_PROP DTS_NAME ';'                         { $$ = op_new(p, DTS_DEL_PROP, $2.s, @2); }
        | DEL_NODE DTS_NAME ';'                         { $$ = op_new(p, DTS_DEL_NODE, $2.s, @2); }
        | DEL_NODE noderef ';'                          { $$ = op_ref(p, DTS_DEL_NODE, $2, @2); }
        | bad ';'                                       { $$ = NULL; }
        | bad DTS_OPEN dts_body '}' semi                { $$ = NULL; }
        ;
labels: %empty                                          { $$ = (struct label_list){0}; }
      | some_labels
      ;
some_labels: LABEL_DEF                                  { $$ = (struct label_list){0}; label_add(p, &$$, $1); }
           | OMIT                                       { $$ = (struct label_list){.omit = true}; }
           | some_labels LABEL_DEF                      { $$ = $1; label_add(p, &$$, $2); }
           | some_labels OMIT                           { $$ = $1; $$.omit = true; }
           ;

values: chunk                                           { $$ = (struct value_list){0}; value_add(&$$, $1); }
      | values ',' chunk                                { $$ = $1; value_add(&$$, $3); }
      ;
chunk: DTS_STRING                                       { $$ = value_string(p, @1); }
     | noderef                                          { $$ = value_ref(p, $1); }
     | cells
     | '[' hexes ']'                                    { $$ = cells_end(p, @$); }
     | INCBIN '(' STRING ')'                            { $$ = value_incbin(p, $3, NULL, NULL, @$); }
     | INCBIN '(' STRING ',' expr ',' expr ')'          { $$ = value_incbin(p, $3, $5.e, $7.e, @$); }
     ;
hexes: %empty                                           { bytes_begin(p, @$); }
     | hexes HEXES                                      { value_hex(p, @2); }
     ;
cells: cells_open cell_list CELLS_CLOSE                 { $$ = cells_end(p, @$); }
     ;
cells_open: CELLS_OPEN                                  { cells_begin(p, 32, @1, @1); }
          | BITS INT CELLS_OPEN                         { cells_begin(p, $2, @2, @3); }
          ;
cell_list: %empty
         | cell_list LITERALS                           { cells_literals(p, @2); }
         | cell_list CELL_CHAR                          { cells_expr(p, expr_int(p, $2, @2).e, @2); }
         | cell_list LABEL                              { cells_ref(p, $2); }
         | cell_list REFPATH                            { cells_ref(p, $2); }
         | cell_list '(' expr ')'                       { cells_expr(p, $3.e, loc_join(@2, @4)); }
         ;

%%

static int yyreport_syntax_error(const yypcontext_t *ctx, struct parser *p)
{
    struct expected x;
    yysymbol_kind_t kinds[EXPECTED_MAX];
    x.n = yypcontext_expected_tokens(ctx, kinds, EXPECTED_MAX);
    if (x.n < 0)
        x.n = 0; /* no memory: the message is shorter */
    for (int i = 0; i < x.n; i++)
        x.name[i] = yysymbol_name(kinds[i]);
    report_unexpected(p, &x);
    return 0;
}

static void mach_yyerror(const struct loc *loc, struct parser *p, const char *what)
{
    (void)what; /* the only one that comes here is that the stack is full */
    report_too_deep(p, *loc);
}
