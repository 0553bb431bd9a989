// SPDX-License-Identifier: MIT
// Top-level key "lines": which bit of which register a provider's specifier names.
#include "schema/load.h"

#include "machc.h"
#include "tree/tree.h"

#include <stdlib.h>

enum { REGISTER_BITS = 32, HIWORD_BITS = 16, MOST_LINES = 4096 };

struct entry {
    struct schema_lines lines;
    const char *const *compatible;
    const char *cells;
    const struct jval *bits; // a list; or NULL
    uint32_t registers;
};

/* Reads "0x400:3" as 8 * 0x400 + 3, "" as NO_LINE. False: it is neither. */
static bool read_bit(const char *text, uint32_t width, uint32_t *bit)
{
    char *end = NULL;
    *bit = NO_LINE;
    if (!*text)
        return true;
    unsigned long long offset = text[0] == '0' && text[1] == 'x' ? strtoull(text + 2, &end, 16) : SHADOW_SIZE;
    if (offset >= SHADOW_SIZE || offset % 4 || end == text + 2 || *end != ':' || end[1] < '0' || end[1] > '9')
        return false;
    unsigned long number = strtoul(end + 1, &end, 10);
    *bit = (uint32_t)offset * 8 + (uint32_t)number;
    return !*end && number < width;
}

static bool set_bits(struct load *l, const struct jval *v, void *item)
{
    struct entry *e = item;
    if (v->type != JSON_ARRAY)
        return field_wrong_type(l, v, "a list of registers and bits, \"0x400:3\"");
    e->bits = v;
    return true;
}

static bool set_shared(struct load *l, const struct jval *v, void *item)
{
    struct schema_lines *lines = &((struct entry *)item)->lines;
    if (v->type != JSON_ARRAY)
        return field_wrong_type(l, v, "a list of offsets");
    uint32_t *shared = arena_array(l->c->arena, v->n + 1U, sizeof *shared);
    bool ok = true;
    uint64_t offset = 0;
    for (const struct jval *o = v->child; o; o = o->next) {
        ok = field_number(l, o, 0, SHADOW_SIZE - 4, &offset) && ok;
        shared[lines->nshared++] = (uint32_t)offset;
    }
    lines->shared = shared;
    return ok;
}

static bool read_bits(struct load *l, struct entry *e)
{
    uint32_t *bits = arena_array(l->c->arena, e->bits->n + 1U, sizeof *bits), n = 0;
    bool ok = true;
    for (const struct jval *b = e->bits->child; b; b = b->next) {
        if (b->type != JSON_STRING)
            ok = field_wrong_type(l, b, "a register and a bit, \"0x400:3\"");
        else if (!read_bit(intern_n(l->c->names, b->text, b->n), e->lines.hiword ? HIWORD_BITS : REGISTER_BITS,
                           &bits[n++]))
            ok = load_contradiction(l, b, "this is no bit of a register",
                                    "write \"0x400:3\"; \"\": there is no such line");
    }
    e->lines.bits = bits;
    e->lines.n = n;
    return ok;
}

static bool check_lines(struct load *l, const struct jval *object, void *item)
{
    struct entry *e = item;
    if (!e->bits == !e->registers)
        return load_contradiction(l, object,
                                  "lines are either listed, \"bits\", or counted, \"first\" and \"registers\"",
                                  "write one of the two");
    if (e->bits)
        return read_bits(l, e);
    if (e->lines.first % 4)
        return load_contradiction(l, json_member(object, "first"), "registers have 4 bytes", "write a multiple of 4");
    e->lines.per_register = e->lines.hiword ? HIWORD_BITS : REGISTER_BITS;
    e->lines.n = e->registers * e->lines.per_register;
    return true;
}

#define LINES(member) offsetof(struct entry, lines.member)
static const struct field lines_fields[] = {
    {.key = "cells", .type = FIELD_NAME, .offset = offsetof(struct entry, cells), .required = true},
    {.key = "compatible", .type = FIELD_NAMES, .offset = offsetof(struct entry, compatible), .required = true},
    {.key = "driver", .type = FIELD_TEXT, .offset = LINES(driver), .required = true},
    {.key = "provider", .type = FIELD_NAME, .offset = LINES(provider), .required = true},
    {.key = "hiword", .type = FIELD_BOOL, .offset = LINES(hiword)},
    {.key = "shared", .type = FIELD_CUSTOM, .set = set_shared},
    {.key = "first", .type = FIELD_U32, .offset = LINES(first), .max = SHADOW_SIZE - 4},
    {.key = "registers",
     .type = FIELD_U32,
     .offset = offsetof(struct entry, registers),
     .min = 1,
     .max = MOST_LINES / REGISTER_BITS},
    {.key = "bits", .type = FIELD_CUSTOM, .set = set_bits},
    {.key = "source", .type = FIELD_REMARK},
};
static const struct table lines_table = {"the lines of a provider", lines_fields,
                                         sizeof lines_fields / sizeof *lines_fields, sizeof(struct entry), check_lines};

bool load_lines(struct load *l, const struct jval *v, void *unused)
{
    (void)unused;
    if (v->type != JSON_ARRAY)
        return field_wrong_type(l, v, "a list of objects");
    bool ok = true;
    for (const struct jval *o = v->child; o; o = o->next) {
        struct entry *e = NEW(l->c->arena, struct entry);
        if (!fields_read(l, &lines_table, o, e)) {
            ok = false;
            continue;
        }
        e->lines.layer = l->layer;
        struct lines_at at = {e->lines.provider, src_at(json_member(o, "provider")->loc)};
        vec_push(l->c->arena, &l->loader->lines, at);
        for (const char *const *s = e->compatible; *s;
             s++) { // a file of --schema-dir takes the place of what is built in
            const struct schema_lines *old = map_getp(&l->loader->s->lines, *s, e->cells);
            if (old && old->layer == l->layer)
                ok = load_contradiction(l, json_member(o, "compatible"),
                                        arena_printf(l->c->arena, "the lines of \"%s\" are described twice", *s),
                                        "remove one of them");
            else
                map_putp(l->c->arena, &l->loader->s->lines, *s, e->cells, &e->lines);
        }
    }
    return ok;
}

const struct schema_lines *schema_lines(struct machc *c, const struct schemas *s, const struct dt_prop *compatible,
                                        const char *cells)
{
    const char *string;
    for (uint32_t i = 0; compatible && cells && (string = dt_string(compatible, i)); i++) {
        const char *name = intern(c->names, string);
        schemas_demand(s, name);
        const struct schema_lines *lines = map_getp(&s->lines, name, cells);
        if (lines)
            return lines;
    }
    return NULL;
}

bool schema_line_shares(const struct schema_lines *lines, uint32_t offset)
{
    for (uint32_t i = 0; i < lines->nshared; i++) // few, and asked for once for each register that a machine writes
        if (lines->shared[i] == offset)
            return true;
    return false;
}

uint32_t schema_line_bit(const struct schema_lines *lines, uint32_t id)
{
    if (id >= lines->n)
        return NO_LINE;
    if (!lines->per_register)
        return lines->bits[id];
    return (lines->first + id / lines->per_register * 4) * 8 + id % lines->per_register;
}
