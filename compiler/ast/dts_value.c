// SPDX-License-Identifier: MIT
// Statements of device tree source and the values of properties.
#include "ast/parse.h"

#include <inttypes.h>
#include <string.h>

struct dts_op *op_new(struct parser *p, enum dts_op_kind kind, const char *name, struct loc loc)
{
    struct dts_op *op = NEW(p->c->arena, struct dts_op);
    op->kind = (uint8_t)kind;
    op->name = name;
    op->loc = loc;
    return op;
}

struct dts_op *op_ref(struct parser *p, enum dts_op_kind kind, struct text ref, struct loc loc)
{
    struct dts_op *op = op_new(p, kind, NULL, loc);
    op->ref = text_keep(p->c->arena, ref);
    return op;
}

void op_add(struct op_list *l, struct dts_op *op)
{
    if (l->last)
        l->last->next = op;
    else
        l->head = op;
    l->last = op;
}

void value_add(struct value_list *l, struct dts_value *v)
{
    if (!v)
        return;
    if (l->last)
        l->last->next = v;
    else
        l->head = v;
    l->last = v;
}

void label_add(struct parser *p, struct label_list *l, struct text name)
{
    struct dts_label *label = NEW(p->c->arena, struct dts_label);
    label->name = name.s;
    label->loc = name.loc;
    label->loc.end--; // without the colon
    if (l->last)
        l->last->next = label;
    else
        l->head = label;
    l->last = label;
}

void reserve_add(struct parser *p, uint64_t address, uint64_t size)
{
    struct dts_reserve *r = NEW(p->c->arena, struct dts_reserve);
    r->address = address;
    r->size = size;
    if (p->last_reserve)
        p->last_reserve->next = r;
    else
        p->dts->reserves = r;
    p->last_reserve = r;
}

bool check_omit(struct parser *p, bool omit, struct loc loc)
{
    if (!omit)
        scan_help(
            scan_error(p, E0101, (struct loc){loc.file, loc.end, loc.end}, "expected `{` after `%s`", quote_at(p, loc)),
            "write `%s { ... };` to change the node, or `/delete-node/ %s;`", quote_at(p, loc), quote_at(p, loc));
    return omit;
}

static struct dts_value *value_new(struct parser *p, enum dts_value_kind kind, struct loc loc)
{
    struct dts_value *v = NEW(p->c->arena, struct dts_value);
    v->kind = (uint8_t)kind;
    v->loc = loc;
    return v;
}

static uint8_t *room_for(struct parser *p, uint32_t n)
{
    if (n > p->cells.room - p->cells.len) {
        uint64_t room = p->cells.room ? p->cells.room : 256;
        while (room < (uint64_t)p->cells.len + n)
            room *= 2;
        if (room > UINT32_MAX)
            room = UINT32_MAX;
        uint8_t *data = arena_alloc(p->c->arena, room);
        if (p->cells.len)
            memcpy(data, p->cells.data, p->cells.len);
        p->cells.data = data;
        p->cells.room = (uint32_t)room;
    }
    return p->cells.data + p->cells.len;
}

void bytes_begin(struct parser *p, struct loc loc)
{
    p->cells.len = 0;
    p->cells.fixups = p->cells.last = NULL;
    p->cells.bits = 0;
    p->cells.open = loc;
}

void cells_begin(struct parser *p, uint64_t bits, struct loc bits_loc, struct loc loc)
{
    if (bits != 8 && bits != 16 && bits != 32 && bits != 64) {
        scan_help(scan_error(p, E0120, bits_loc, "cells cannot have %" PRIu64 " bits", bits),
                  "write `/bits/` with 8, 16, 32 or 64");
        bits = 64;
    }
    bytes_begin(p, loc);
    p->cells.bits = (uint8_t)bits;
}

static void put_cell(struct parser *p, uint64_t v)
{
    uint32_t n = p->cells.bits / 8U;
    uint8_t *to = room_for(p, n);
    for (uint32_t i = 0; i < n; i++)
        to[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
    p->cells.len += n;
}

// A number fits when its upper bits are all 0, or all 1 as those of a negative number (dtc has it so).
static void put_checked(struct parser *p, uint64_t v, struct loc loc)
{
    uint64_t largest = p->cells.bits < 64 ? (UINT64_C(1) << p->cells.bits) - 1 : UINT64_MAX;
    if (v > largest && (v | largest) != UINT64_MAX) {
        struct diag *d =
            scan_error(p, E0111, loc, "0x%" PRIx64 " does not fit into a cell of %u bits: the largest is 0x%" PRIx64, v,
                       p->cells.bits, largest);
        if (p->cells.bits == 32 && d) {
            diag_help(d, "write two cells, `<0x%" PRIx64 " 0x%" PRIx64 ">`, or `/bits/ 64 <...>`", v >> 32,
                      v & 0xffffffff);
            diag_fix(d, loc, "0x%" PRIx64 " 0x%" PRIx64, v >> 32, v & 0xffffffff);
        } else {
            scan_help(d, "write `/bits/ %u <...>`", v > UINT32_MAX ? 64U : v > UINT16_MAX ? 32U : 16U);
        }
    }
    put_cell(p, v);
}

// A row of literals is one token, so that a large property costs little.
void cells_literals(struct parser *p, struct loc loc)
{
    size_t n;
    const char *text = text_at(p, loc, &n), *s = text, *end = text + n;
    while (s < end) {
        if (*s == ' ' || (*s >= '\t' && *s <= '\r')) {
            s++;
            continue;
        }
        uint64_t v;
        bool overflow;
        const char *to = dts_literal(s, end, &v, &overflow);
        const char *stop = to;
        if (!to) {
            for (stop = s; stop < end && *stop != ' ' && !(*stop >= '\t' && *stop <= '\r'); stop++) {
            }
        }
        struct loc l = {loc.file, loc.start + (uint32_t)(s - text), loc.start + (uint32_t)(stop - text)};
        if (!to) {
            struct diag *d = scan_error(p, E0109, l, "`%s` is not a number", quote_at(p, l));
            if (*s == '0')
                scan_help(d,
                          "a number that begins with 0 is octal and has no digits 8 and 9; remove the 0 for decimal");
            else
                scan_help(d, "suffixes of cells are `U`, `L`, `UL`, `LL` and `ULL`");
            put_cell(p, 0);
        } else if (overflow) {
            scan_help(scan_error(p, E0110, l, "`%s` does not fit into 64 bits", quote_at(p, l)),
                      "the largest number is 0xffffffffffffffff");
            put_cell(p, 0);
        } else {
            put_checked(p, v, l);
        }
        s = stop;
    }
}

static struct dts_fixup *fixup(struct parser *p, struct loc loc)
{
    struct dts_fixup *f = NEW(p->c->arena, struct dts_fixup);
    f->offset = p->cells.len;
    f->loc = loc;
    if (p->cells.last)
        p->cells.last->next = f;
    else
        p->cells.fixups = f;
    p->cells.last = f;
    return f;
}

void cells_expr(struct parser *p, struct expr *e, struct loc loc)
{
    if (e->kind == EXPR_INT) {
        put_checked(p, e->val, loc);
        return;
    }
    fixup(p, loc)->e = e;
    put_cell(p, 0);
}

void cells_ref(struct parser *p, struct text ref)
{
    if (p->cells.bits != 32)
        scan_help(scan_error(p, E0120, ref.loc, "`%s` is a phandle of 32 bits, and these cells have %u",
                             quote_at(p, ref.loc), p->cells.bits),
                  "write references in plain `< >`, without `/bits/`");
    else
        fixup(p, ref.loc)->ref = ref;
    put_cell(p, 0);
}

struct dts_value *cells_end(struct parser *p, struct loc loc)
{
    struct dts_value *v = value_new(p, DTS_BYTES, loc);
    uint8_t *data = arena_alloc(p->c->arena, p->cells.len);
    if (p->cells.len)
        memcpy(data, p->cells.data, p->cells.len);
    v->data = data;
    v->len = p->cells.len;
    v->bits = p->cells.bits;
    v->fixups = p->cells.fixups;
    return v;
}

struct dts_value *value_string(struct parser *p, struct loc loc)
{
    struct dts_value *v = value_new(p, DTS_BYTES, loc);
    size_t n;
    const char *s = text_at(p, loc, &n);
    n -= n > 1 && s[n - 1] == '"'; // not so when the string is not closed
    v->data = decode_dts_string(p, s + 1, n - 1, loc, &v->len);
    return v;
}

struct dts_value *value_ref(struct parser *p, struct text ref)
{
    struct dts_value *v = value_new(p, DTS_REF, ref.loc);
    v->ref = text_keep(p->c->arena, ref);
    return v;
}

void value_hex(struct parser *p, struct loc loc)
{
    size_t n;
    const char *s = text_at(p, loc, &n), *end = s + n;
    uint8_t *to = room_for(p, (uint32_t)(n / 2));
    uint32_t nibbles = 0;
    for (; s < end; s++) {
        int d = *s >= '0' && *s <= '9'                     ? *s - '0'
                : (*s | 0x20) >= 'a' && (*s | 0x20) <= 'f' ? (*s | 0x20) - 'a' + 10
                                                           : -1;
        if (d < 0)
            continue;
        to[nibbles / 2] = (uint8_t)(to[nibbles / 2] << 4 | d);
        nibbles++;
    }
    p->cells.len += nibbles / 2;
}

uint64_t constant(struct parser *p, const struct expr *e)
{
    if (e->kind == EXPR_INT)
        return e->val;
    if (e->kind != EXPR_BAD)
        scan_help(scan_error(p, E0101, e->loc, "a constant is wanted here"), "write a number");
    return 0;
}

struct dts_value *value_incbin(struct parser *p, struct text file, struct expr *offset, struct expr *size,
                               struct loc loc)
{
    struct dts_value *v = value_new(p, DTS_BYTES, loc);
    const struct source *s = p->mute ? NULL : find_file(p, file.s, true, E0122, file.loc);
    if (!s)
        return v;
    uint64_t from = offset ? constant(p, offset) : 0;
    uint64_t n = size ? constant(p, size) : s->len;
    if (from > s->len || n > s->len - from) {
        scan_help(scan_error(p, E0132, loc, "\"%s\" has %u bytes, which does not hold %" PRIu64 " from offset %" PRIu64,
                             file.s, s->len, n, from),
                  "the offset comes first, then the length: `/incbin/(\"FILE\", 0, %u)`", s->len);
        return v;
    }
    if (p->quiet || !count_included(p, n, loc))
        return v;
    v->data = (const uint8_t *)s->text + from;
    v->len = (uint32_t)n;
    return v;
}
