// SPDX-License-Identifier: MIT
#include "diag/diag.h"

#include "diag/diag_list.h"

#include <stdlib.h>
#include <string.h>

struct diags *diags_new(struct arena *a, struct sources *sources)
{
    struct diags *ds = NEW(a, struct diags);
    ds->arena = a;
    ds->sources = sources;
    return ds;
}

void diags_policy(struct diags *ds, const struct diag_policy *policy)
{
    ds->policy = *policy;
}

static uint64_t hash_message(const struct diags *ds, struct loc at, const char *text)
{
    struct hash_key key = arena_key(ds->arena);
    uint64_t place = hash_pair(key, at.file, (uint64_t)at.start << 32 | at.end);
    return hash_pair(key, place, hash_bytes(key, text, strlen(text)));
}

static bool same_loc(struct loc a, struct loc b)
{
    return a.file == b.file && a.start == b.start && a.end == b.end;
}

static bool same_via(const struct via *a, const struct via *b)
{
    for (; a && b && a != b; a = a->next, b = b->next) {
        if (!same_loc(a->loc, b->loc) || strcmp(a->what, b->what))
            return false;
    }
    return a == b;
}

static uint8_t severity_of(const struct diags *ds, enum msg m, bool *off)
{
    char letter = msg_infos[m].code[0];
    *off = false;
    if (letter != 'W')
        return letter == 'F' ? SEVERITY_FAULT : SEVERITY_ERROR;
    *off = ds->policy.none || ds->policy.off[m];
    return ds->policy.errors || ds->policy.error[m] ? SEVERITY_ERROR : SEVERITY_WARNING;
}

// `text` is on the caller's stack or in the arena: it is copied only when the message is new.
static struct diag *add_message(struct diags *ds, enum msg m, struct src at, const char *text)
{
    bool off;
    uint8_t severity = severity_of(ds, m, &off);
    if (off)
        return &ds->dropped;
    uint64_t h = hash_message(ds, at.loc, text), first = 0;
    if (map_get(&ds->seen, h, m, &first)) {
        for (struct diag *d = (struct diag *)(uintptr_t)first; d; d = d->same_hash) {
            if (!same_loc(d->at.loc, at.loc) || strcmp(d->text, text) != 0)
                continue;
            // One message for a text that is wrong wherever it is used.
            if (!same_via(d->at.via, at.via)) {
                d->more++;
                ds->repeated += severity != SEVERITY_WARNING;
            }
            return &ds->dropped;
        }
    }
    struct diag *d = NEW(ds->arena, struct diag);
    d->arena = ds->arena;
    d->list = ds;
    d->at = at;
    d->text = arena_strndup(ds->arena, text, strlen(text));
    d->same_hash = (struct diag *)(uintptr_t)first;
    d->seq = ds->all.n;
    d->m = m;
    d->severity = severity;
    map_put(ds->arena, &ds->seen, h, m, (uintptr_t)d);
    vec_push(ds->arena, &ds->all, d);
    if (severity == SEVERITY_WARNING)
        ds->warnings++;
    else
        ds->errors++;
    return d;
}

struct diag *diag(struct diags *ds, enum msg m, struct src at, const char *fmt, ...)
{
    char small[512];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(small, sizeof small, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof small)
        return add_message(ds, m, at, small);
    va_start(ap, fmt);
    char *large = arena_vprintf(ds->arena, fmt, ap);
    va_end(ap);
    return add_message(ds, m, at, large);
}

void diag_label(struct diag *d, const char *fmt, ...)
{
    if (!d->arena)
        return;
    va_list ap;
    va_start(ap, fmt);
    d->label = arena_vprintf(d->arena, fmt, ap);
    va_end(ap);
}

static void add_part(struct diag *d, enum part_kind kind, struct src at, const char *fmt, va_list ap)
    __attribute__((format(printf, 4, 0)));

static void add_part(struct diag *d, enum part_kind kind, struct src at, const char *fmt, va_list ap)
{
    if (!d->arena)
        return;
    struct diag_part *p = NEW(d->arena, struct diag_part);
    p->kind = (uint8_t)kind;
    p->at = at;
    p->text = arena_vprintf(d->arena, fmt, ap);
    if (d->last_part)
        d->last_part->next = p;
    else
        d->parts = p;
    d->last_part = p;
}

static const struct src nowhere = {{0, 0, 0}, NULL};

void diag_note(struct diag *d, struct src at, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_part(d, PART_NOTE, at, fmt, ap);
    va_end(ap);
}

void diag_fact(struct diag *d, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_part(d, PART_FACT, nowhere, fmt, ap);
    va_end(ap);
}

void diag_help(struct diag *d, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_part(d, PART_HELP, nowhere, fmt, ap);
    va_end(ap);
}

void diag_paste(struct diag *d, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_part(d, PART_PASTE, nowhere, fmt, ap);
    va_end(ap);
}

void diag_fix(struct diag *d, struct loc where, const char *fmt, ...)
{
    if (!d->arena)
        return;
    struct diag_fix *f = NEW(d->arena, struct diag_fix);
    f->where = where;
    va_list ap;
    va_start(ap, fmt);
    f->text = arena_vprintf(d->arena, fmt, ap);
    va_end(ap);
    if (d->last_fix)
        d->last_fix->next = f;
    else
        d->fixes = f;
    d->last_fix = f;
}

uint32_t diags_errors(const struct diags *ds)
{
    return ds->errors + ds->repeated;
}

uint32_t diags_warnings(const struct diags *ds)
{
    return ds->warnings;
}

static int three_way(uint32_t a, uint32_t b)
{
    return a < b ? -1 : a > b;
}

static int compare(const void *pa, const void *pb)
{
    const struct diag *a = *(struct diag *const *)pa, *b = *(struct diag *const *)pb;
    int order = three_way(a->at.loc.file, b->at.loc.file);
    if (!order)
        order = three_way(a->at.loc.start, b->at.loc.start);
    return order ? order : three_way(a->seq, b->seq);
}

struct diag *const *diags_sorted(struct diags *ds)
{
    if (ds->all.n)
        qsort(ds->all.at, ds->all.n, sizeof *ds->all.at, compare);
    return ds->all.at;
}
