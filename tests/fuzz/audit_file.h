// SPDX-License-Identifier: MIT
// The records of a guest.cfg that is audited.
#ifndef FUZZ_AUDIT_FILE_H
#define FUZZ_AUDIT_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "cfg_layout.h"

#define NONE   UINT64_C(0xffffffff)
#define NONE64 UINT64_MAX

struct table {
    const uint8_t *at;
    uint64_t size, count;
};

struct file {
    const uint8_t *p;
    uint64_t size;
    const uint8_t *strings;
    uint64_t nstrings;
    struct table table[S_END];
};

static inline uint64_t number(const uint8_t *p, uint32_t size)
{
    uint64_t v = 0;
    for (uint32_t i = size; i--;)
        v = v << 8 | p[i];
    return v;
}

static inline uint64_t missing(const struct audit_field *f)
{
    if (f->kind != KIND_optional && f->kind != KIND_index && f->kind != KIND_owner)
        return 0;
    return f->size == 8 ? NONE64 : NONE;
}

static inline uint64_t value(const struct audit_field *f, const uint8_t *record, uint64_t size)
{
    return f->offset + f->size > size ? missing(f) : number(record + f->offset, f->size);
}

#define HEADER(f, field)       value(&fields_header[F_header_##field], (f)->p, SIZE_header)
#define ENTRY(p, field)        value(&fields_entry[F_entry_##field], p, SIZE_entry)
#define GET(f, t, i, field)    get(f, S_##t, &fields_##t[F_##t##_##field], i)
#define IS(f, t, i, field, to) (GET(f, t, i, field) == SET_##to)

static inline uint64_t get(const struct file *f, uint32_t section, const struct audit_field *field, uint64_t i)
{
    const struct table *t = &f->table[section];
    return value(field, t->at + i * t->size, t->size);
}

/* audit_pairs.c: what records say about each other. NULL, or the rule that is broken. */
const char *audit_pairs(const struct file *f);

#endif
