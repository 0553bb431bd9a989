// SPDX-License-Identifier: MIT
// The parts of machrt_verify(). Each returns 0, or -1 when *fault says what is wrong.
#ifndef MACH_CONFIG_RULES_H
#define MACH_CONFIG_RULES_H

#include "config/verify.h"

#include <stdbool.h>

/*
 * Something that a record takes: a range of addresses, a part of a file, a number. Things of one `text` and `space` are
 * compared with each other.
 */
struct thing {
    uint32_t
        text; // offset in the string table; machrt_rank_texts() makes it a number that equal strings have in common
    uint32_t kind; // 0: it shares with nothing; else it may overlap things of the same kind and `same`
    uint64_t space, same;
    uint64_t first, last;
    uint32_t section, record;
};

/* A config that is verified, and the things of the rule at hand. */
struct verify {
    const struct mach_cfg_file *f;
    struct mach_cfg_fault *fault;
    struct thing *thing;
    size_t things, room;
    bool no_memory; // a thing could not be added, which machrt_sort_things() reports
};

/* A rule of one record. */
struct rule {
    uint32_t section;
    enum mach_cfg_error error;
    bool (*holds)(const struct mach_cfg_file *f, struct mach_cfg_rec r);
};

/* ---- fields.c ---- */

int machrt_verify_fields(const struct mach_cfg_file *f, struct mach_cfg_fault *fault);
int machrt_verify_rows(const struct mach_cfg_file *f, struct mach_cfg_fault *fault);

/* ---- one_record.c: rules of one record, and of the records that it names ---- */

int machrt_verify_records(struct verify *v);
/* Stores the record of a vcpu. False: there is none. The records are in ascending order. */
bool machrt_has_vcpu(const struct mach_cfg_file *f, uint32_t vcpu, struct mach_cfg_rec *cpu);

/* ---- dma_rules.c, places.c, twice.c, expects.c: rules of several records ---- */

int machrt_verify_dma(struct verify *v);
int machrt_verify_places(struct verify *v);
int machrt_verify_twice(struct verify *v);
int machrt_verify_expects(struct verify *v);

/* ---- things.c ---- */

/* Applies rules to all records of their sections, rule by rule. */
int machrt_apply_rules(struct verify *v, const struct rule *rules, size_t n);

/* Reports a record. -1. */
int machrt_refuse_record(struct verify *v, enum mach_cfg_error error, uint32_t section, uint32_t record);
/* Reports two records that contradict each other. -1. */
int machrt_refuse_both(struct verify *v, enum mach_cfg_error error, const struct thing *a, const struct thing *b);

/* Forgets all things. */
void machrt_clear_things(struct verify *v);
void machrt_add_thing(struct verify *v, struct thing t);
/* Replaces the `text` of all things. False: out of memory, which machrt_sort_things() reports. */
bool machrt_rank_texts(struct verify *v);
/* Sorts them by text, space, first, kind, and their records. 0; -1: out of memory, *fault says so. */
int machrt_sort_things(struct verify *v);
/* Sorts them, and refuses the first pair that must not overlap. */
int machrt_none_overlaps(struct verify *v, enum mach_cfg_error error);

/* ---- ranges ---- */

/* [start, start + size) is not empty and does not pass 2^64. */
static inline bool is_extent(uint64_t start, uint64_t size)
{
    return size && size - 1 <= UINT64_MAX - start;
}

/* [start, start + size) is not empty and lies in [0, limit). */
static inline bool is_inside(uint64_t start, uint64_t size, uint64_t limit)
{
    return size && start <= limit && size <= limit - start;
}

#endif
