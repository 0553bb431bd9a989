// SPDX-License-Identifier: MIT
// What records take, sorted, so that two that contradict each other meet in one walk.
#include "config/rules.h"

#include <stdlib.h>

int machrt_refuse_record(struct verify *v, enum mach_cfg_error error, uint32_t section, uint32_t record)
{
    mach_cfg_fault_at(v->fault, error, (uint64_t)(mach_cfg_record(v->f, section, record).at - v->f->base));
    v->fault->section = &mach_cfg_sections[section - MACH_CFG_S_MACHINE];
    v->fault->record = record;
    return -1;
}

int machrt_refuse_both(struct verify *v, enum mach_cfg_error error, const struct thing *a, const struct thing *b)
{
    // The later one is at fault.
    bool swap = a->section < b->section || (a->section == b->section && a->record < b->record);
    const struct thing *late = swap ? b : a, *early = swap ? a : b;
    machrt_refuse_record(v, error, late->section, late->record);
    v->fault->other_section = &mach_cfg_sections[early->section - MACH_CFG_S_MACHINE];
    v->fault->other = early->record;
    return -1;
}

int machrt_apply_rules(struct verify *v, const struct rule *rules, size_t n)
{
    for (const struct rule *x = rules; x < rules + n; x++)
        for (uint32_t i = 0; i < v->f->section[x->section].count; i++)
            if (!x->holds(v->f, mach_cfg_record(v->f, x->section, i)))
                return machrt_refuse_record(v, x->error, x->section, i);
    return 0;
}

void machrt_clear_things(struct verify *v)
{
    v->things = 0;
}

void machrt_add_thing(struct verify *v, struct thing t)
{
    if (v->things == v->room) {
        size_t room = v->room ? 2 * v->room : 64;
        struct thing *more = (struct thing *)realloc(v->thing, room * sizeof *more);
        if (!more) {
            v->no_memory = true;
            return;
        }
        v->thing = more;
        v->room = room;
    }
    v->thing[v->things++] = t;
}

/* ---- sorting ---- */

static int compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int by_place(const void *a, const void *b)
{
    const struct thing *x = (const struct thing *)a, *y = (const struct thing *)b;
    if (x->text != y->text)
        return compare(x->text, y->text);
    if (x->space != y->space)
        return compare(x->space, y->space);
    if (x->first != y->first)
        return compare(x->first, y->first);
    if (x->kind != y->kind)
        return compare(x->kind, y->kind);
    return x->section != y->section ? compare(x->section, y->section) : compare(x->record, y->record);
}

// Most are sorted already: a config lists what there is in its order.
static void sort(void *list, size_t n, size_t size, int (*order)(const void *a, const void *b))
{
    const char *at = (const char *)list;
    for (size_t i = 1; i < n; i++)
        if (order(at + (i - 1) * size, at + i * size) > 0) {
            qsort(list, n, size, order);
            return;
        }
}

int machrt_sort_things(struct verify *v)
{
    if (v->no_memory)
        return mach_cfg_fault_at(v->fault, MACH_CFG_E_MEMORY, 0);
    sort(v->thing, v->things, sizeof *v->thing, by_place);
    return 0;
}

// A string that is referred to.
struct text {
    const char *string;
    uint32_t offset, rank;
};

static int by_string(const void *a, const void *b)
{
    return strcmp(((const struct text *)a)->string, ((const struct text *)b)->string);
}

static int by_offset(const void *a, const void *b)
{
    return compare(((const struct text *)a)->offset, ((const struct text *)b)->offset);
}

static int by_text(const void *a, const void *b)
{
    return compare(((const struct thing *)a)->text, ((const struct thing *)b)->text);
}

/*
 * Each string is compared as often as one string, however many things name it: else a file with two long strings and
 * many records would take the time of all these comparisons.
 */
bool machrt_rank_texts(struct verify *v)
{
    struct text *text = v->things ? (struct text *)malloc(v->things * sizeof *text) : NULL;
    size_t n = 0;
    if (!text) {
        v->no_memory = v->no_memory || v->things;
        return !v->no_memory;
    }
    sort(v->thing, v->things, sizeof *v->thing, by_text);
    for (size_t i = 0; i < v->things; i++)
        if (!n || text[n - 1].offset != v->thing[i].text)
            text[n++] = (struct text){mach_cfg_string(v->f, v->thing[i].text), v->thing[i].text, 0};
    sort(text, n, sizeof *text, by_string);
    for (size_t i = 1; i < n; i++)
        text[i].rank = strcmp(text[i - 1].string, text[i].string) ? (uint32_t)i : text[i - 1].rank;
    sort(text, n, sizeof *text, by_offset);
    for (size_t i = 0, k = 0; i < v->things; i++) {
        while (text[k].offset != v->thing[i].text)
            k++;
        v->thing[i].text = text[k].rank;
    }
    free(text);
    return true;
}

/* ---- overlaps ---- */

// May they overlap? This is an equivalence, so that of all things that reach an address the furthest one stands for
// all.
static bool may_overlap(const struct thing *a, const struct thing *b)
{
    return a->kind && a->kind == b->kind && a->same == b->same;
}

int machrt_none_overlaps(struct verify *v, enum mach_cfg_error error)
{
    if (machrt_sort_things(v))
        return -1;
    const struct thing *reach = NULL;
    for (size_t i = 0; i < v->things; i++) {
        const struct thing *t = &v->thing[i];
        bool meets = reach && reach->text == t->text && reach->space == t->space;
        if (meets && t->first <= reach->last && !may_overlap(reach, t))
            return machrt_refuse_both(v, error, reach, t);
        if (!meets || t->last > reach->last)
            reach = t;
    }
    return 0;
}
