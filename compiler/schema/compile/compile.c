// SPDX-License-Identifier: MIT
/*
 * Reads the built-in schemas as machc reads those of --schema-dir, and writes what they say as C: machc then starts
 * with constants instead of reading 80 KB of JSON. Runs when machc is built; `SCHEMAC=` names one that runs on this
 * machine when machc is built for another one.
 */
#include "base/map.h"
#include "base/vec.h"
#include "machc.h"
#include "schema/compile/members.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// This program has none of what it makes.
const struct intern_builtin intern_builtin = {0};
const struct schemas schemas_compiled = {0};

struct out {
    struct machc *c;
    FILE *to;
    struct map done; // (what was written, its type or 0 of a list of names) -> its number + 1
    uint32_t ndone;
    struct map names; // interned -> number + 1
    VEC(const char *) all;
};

static uint32_t name_number(struct out *o, const char *name)
{
    uint64_t known;
    if (map_get(&o->names, (uintptr_t)name, 0, &known))
        return (uint32_t)known - 1;
    vec_push(o->c->arena, &o->all, name);
    map_put(o->c->arena, &o->names, (uintptr_t)name, 0, o->all.n);
    return o->all.n - 1;
}

static void put_name(struct out *o, const char *name)
{
    if (name)
        fprintf(o->to, "N(%u)", name_number(o, name));
    else
        fputs("0", o->to);
}

static void put_string(FILE *to, const char *s)
{
    fputc('"', to);
    for (; *s; s++) {
        if (*s == '\n')
            fputs("\\n\"\n    \"", to);
        else if (*s < ' ' || *s > '~' || *s == '"' || *s == '\\' || *s == '?')
            fprintf(to, "\\%03o", (unsigned)(unsigned char)*s);
        else
            fputc(*s, to);
    }
    fputc('"', to);
}

static uint64_t number_at(const void *p, size_t size)
{
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64 = 0;
    switch (size) {
    case 1:
        return memcpy(&u8, p, sizeof u8), u8;
    case 2:
        return memcpy(&u16, p, sizeof u16), u16;
    case 4:
        return memcpy(&u32, p, sizeof u32), u32;
    default:
        return memcpy(&u64, p, sizeof u64), u64;
    }
}

static const void *pointer_at(const void *p)
{
    const void *to;
    memcpy(&to, p, sizeof to);
    return to;
}

static uint32_t number_of(struct out *o, const void *what, const struct type *t)
{
    uint64_t known = 0;
    map_get(&o->done, (uintptr_t)what, (uintptr_t)t, &known);
    return (uint32_t)known - 1;
}

// True the first time: then it is to be written.
static bool begin(struct out *o, const void *what, const struct type *t)
{
    uint64_t known;
    if (!what || map_get(&o->done, (uintptr_t)what, (uintptr_t)t, &known))
        return false;
    map_put(o->c->arena, &o->done, (uintptr_t)what, (uintptr_t)t, ++o->ndone);
    return true;
}

static void put_value(struct out *o, const struct type *t, const char *item);

static void write_array(struct out *o, const struct type *t, const char *items, uint32_t n);

// A struct that stands alone is an array of one.
static void write_item(struct out *o, const struct type *t, const void *item)
{
    write_array(o, t, item, item ? 1 : 0);
}

static void write_names(struct out *o, const char *const *names)
{
    if (!begin(o, names, NULL))
        return;
    fprintf(o->to, "static const char *const l%u[] = {", number_of(o, names, NULL));
    for (; *names; names++) {
        put_name(o, *names);
        fputs(", ", o->to);
    }
    fputs("0};\n", o->to);
}

static void write_items(struct out *o, const struct type *t, const void *const *items, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        write_item(o, t, items[i]);
    if (!begin(o, items, t))
        return;
    fprintf(o->to, "static const %s *const l%u[] = {", t->name, number_of(o, items, t));
    for (uint32_t i = 0; i < n; i++)
        fprintf(o->to, "l%u, ", number_of(o, items[i], t));
    fputs("0};\n", o->to);
}

static void write_table(struct out *o, const struct type *t, const struct names *table)
{
    for (uint32_t i = 0; i < table->room; i++)
        write_item(o, t, table->slots[i].item);
    if (!begin(o, table->slots, NULL))
        return;
    fprintf(o->to, "static const struct name_slot l%u[%u] = {", number_of(o, table->slots, NULL), table->room);
    for (uint32_t i = 0; i < table->room; i++) {
        if (!table->slots[i].name)
            continue;
        fprintf(o->to, "\n    [%u] = {", i);
        put_name(o, table->slots[i].name);
        fprintf(o->to, ", l%u},", number_of(o, table->slots[i].item, t));
    }
    fputs("\n};\n", o->to);
}

// What the members of a struct lead to, before itself.
static void write_members(struct out *o, const struct type *t, const char *item)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct member *m = &t->members[i];
        const void *at = item + m->offset;
        uint32_t n = m->kind == MEMBER_LIST || m->kind == MEMBER_ITEMS ? (uint32_t)number_at(item + m->count, 4) : 0;
        if (m->kind == MEMBER_NAMES)
            write_names(o, pointer_at(at));
        else if (m->kind == MEMBER_ITEM)
            write_item(o, m->of, pointer_at(at));
        else if (m->kind == MEMBER_LIST)
            write_array(o, m->of, pointer_at(at), n);
        else if (m->kind == MEMBER_ITEMS)
            write_items(o, m->of, pointer_at(at), n);
        else if (m->kind == MEMBER_TABLE)
            write_table(o, m->of, at);
    }
}

static void write_array(struct out *o, const struct type *t, const char *items, uint32_t n)
{
    if (!n || !begin(o, items, t))
        return;
    for (uint32_t i = 0; i < n; i++)
        write_members(o, t, items + i * t->size);
    fprintf(o->to, "static const %s l%u[] = {", t->name, number_of(o, items, t));
    for (uint32_t i = 0; i < n; i++)
        put_value(o, t, items + i * t->size);
    fputs("};\n", o->to);
}

static void put_member(struct out *o, const struct member *m, const char *item)
{
    const void *at = item + m->offset, *to = m->size == sizeof to ? pointer_at(at) : NULL;
    const struct names *table = at;
    switch ((enum member_kind)m->kind) {
    case MEMBER_NUMBER:
        fprintf(o->to, "%" PRIu64 "U", number_at(at, m->size));
        break;
    case MEMBER_INT: // the least of them cannot be written as a literal
        fprintf(o->to, "(int32_t)%" PRIu64 "U", number_at(at, m->size));
        break;
    case MEMBER_BYTES:
        fputc('{', o->to);
        for (size_t i = 0; i < m->size; i++)
            fprintf(o->to, "%u, ", (unsigned)((const uint8_t *)at)[i]);
        fputc('}', o->to);
        break;
    case MEMBER_NAME:
        put_name(o, to);
        break;
    case MEMBER_TEXT:
        put_string(o->to, to);
        break;
    case MEMBER_NAMES:
        fprintf(o->to, "l%u", number_of(o, to, NULL));
        break;
    case MEMBER_TABLE:
        fprintf(o->to, "{l%u, %u, %u}", number_of(o, table->slots, NULL), table->n, table->room);
        break;
    default:
        fprintf(o->to, "l%u", number_of(o, to, m->of));
    }
}

// What is zero is left out.
static bool is_zero(const char *p, size_t n)
{
    while (n && !*p) {
        p++;
        n--;
    }
    return n == 0;
}

static void put_value(struct out *o, const struct type *t, const char *item)
{
    if (!t->members) {
        fprintf(o->to, "%" PRIu64 "U, ", number_at(item, t->size));
        return;
    }
    fputs("{", o->to);
    for (size_t i = 0; i < t->n; i++) {
        const struct member *m = &t->members[i];
        bool empty = (m->kind == MEMBER_LIST || m->kind == MEMBER_ITEMS) && !number_at(item + m->count, 4);
        if (m->kind == MEMBER_NOT_KEPT || (m->kind == MEMBER_LIST && empty) || is_zero(item + m->offset, m->size))
            continue;
        fprintf(o->to, "\n    .%s = ", m->name);
        put_member(o, m, item);
        fputc(',', o->to);
    }
    fputs("},\n", o->to);
}

/* What intern_builtin wants: see base/intern.h. */
static void put_strings(struct out *o, FILE *to)
{
    uint32_t n = o->all.n, room = 8, place = 0;
    while (room < 2 * n)
        room *= 2;
    uint32_t *slots = arena_array(o->c->arena, room, sizeof *slots);
    fputs("static const struct {\n", to);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t len = intern_len(o->all.at[i]), hash = intern_hash(o->all.at[i]);
        fprintf(to, "    struct {uint32_t hash, len; char s[%u];} n%u;\n", (len / 4 + 1) * 4, i);
        while (slots[hash & (room - 1)])
            hash++;
        slots[hash & (room - 1)] = place + 1;
        place += 2 + len / 4 + 1;
    }
    fputs("} strings = {\n", to);
    for (uint32_t i = 0; i < n; i++) {
        fprintf(to, "    {0x%08xU, %u, ", intern_hash(o->all.at[i]), intern_len(o->all.at[i]));
        put_string(to, o->all.at[i]);
        fputs("},\n", to);
    }
    fprintf(to, "};\n#define N(i) strings.n##i.s\nstatic const uint32_t slots[%u] = {", room);
    for (uint32_t i = 0; i < room; i++)
        fprintf(to, "%s%u,", i % 16 ? " " : "\n    ", slots[i]);
    fprintf(to, "\n};\nconst struct intern_builtin intern_builtin = {&strings, slots, %u};\n\n", room);
}

static int compile(struct machc *c, void *unused)
{
    (void)unused;
    const struct schemas *s = schemas_read(c);
    diags_print(c->diags, stderr, &(struct diag_style){.max_errors = 0});
    if (!s)
        return EXIT_FAILURE;
    char *text = NULL;
    size_t size;
    struct out o = {.c = c, .to = open_memstream(&text, &size)};
    if (!o.to)
        return EXIT_FAILURE;
    write_members(&o, &type_schemas, (const char *)s);
    fputs("const struct schemas schemas_compiled = ", o.to);
    put_value(&o, &type_schemas, (const char *)s);
    bool ok = !ferror(o.to) && !fclose(o.to);
    puts("// Made by compiler/schema/compile from schemas/.\n#include \"base/intern.h\"\n#include "
         "\"schema/schema.h\"\n");
    put_strings(&o, stdout);
    text[size - 2] = ';'; // was a comma
    fputs(text, stdout);
    free(text);
    return ok && !fflush(stdout) && !ferror(stdout) ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(void)
{
    return machc_run(compile, NULL);
}
