// SPDX-License-Identifier: MIT
#include "mutate_cfg.h"

#include "audit.h"

#include <stdlib.h>
#include <string.h>

#include "cfg_layout.h"

enum { MAX_PARTS = 32, SEVERAL = 4 };

uint64_t rng_next(struct rng *r)
{
    uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint64_t rng_below(struct rng *r, uint64_t n)
{
    return n ? rng_next(r) % n : 0;
}

static uint64_t load(const uint8_t *p, uint32_t size)
{
    uint64_t v = 0;
    for (uint32_t i = size; i--;)
        v = v << 8 | p[i];
    return v;
}

static void store(uint8_t *p, uint32_t size, uint64_t v)
{
    for (uint32_t i = 0; i < size; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

#define HEADER(p, field) load((p) + fields_header[F_header_##field].offset, fields_header[F_header_##field].size)
#define ENTRY(p, field)  load((p) + fields_entry[F_entry_##field].offset, fields_entry[F_entry_##field].size)
#define SET_HEADER(p, field, v)                                                                                        \
    store((p) + fields_header[F_header_##field].offset, fields_header[F_header_##field].size, v)
#define SET_ENTRY(p, field, v) store((p) + fields_entry[F_entry_##field].offset, fields_entry[F_entry_##field].size, v)

/* ---- the parts of the file ---- */

struct part {
    uint8_t *at; // each * count bytes, in the file, or in `own`
    uint8_t *own;
    uint64_t flags, each, count;
    uint32_t type;
};

struct parts {
    uint32_t n;
    struct part part[MAX_PARTS];
};

// Only parts that are inside the file and have a plausible size.
static int take_apart(uint8_t *p, size_t size, struct parts *x)
{
    memset(x, 0, sizeof *x);
    if (size < SIZE_header)
        return 0;
    uint64_t table = HEADER(p, section_table), n = HEADER(p, sections), entry = HEADER(p, entry_size);
    if (entry < SIZE_entry || table > size || n > (size - table) / entry)
        return 0;
    for (uint64_t i = 0; i < n && x->n < MAX_PARTS; i++) {
        const uint8_t *e = p + table + i * entry;
        uint64_t at = ENTRY(e, offset), bytes = ENTRY(e, size), each = ENTRY(e, record_size), count = ENTRY(e, count);
        if (at > size || bytes > size - at || !each || count > bytes / each)
            continue;
        x->part[x->n++] = (struct part){p + at, NULL, ENTRY(e, flags), each, count, (uint32_t)ENTRY(e, type)};
    }
    return x->n > 0;
}

static struct part *find(struct parts *x, uint32_t type)
{
    for (uint32_t i = 0; i < x->n; i++)
        if (x->part[i].type == type)
            return &x->part[i];
    return NULL;
}

static int is_record(const struct part *s)
{
    return s->type >= S_machine && s->type < S_END && s->each >= audit_sections[s->type - S_machine].least;
}

// Writes the file as the compiler would. Returns the size, or 0 if it does not fit.
static size_t put_together(const struct parts *x, const uint8_t *old, uint8_t *p, size_t max)
{
    uint64_t at = SIZE_header + (uint64_t)x->n * SIZE_entry;
    if (at > max)
        return 0;
    memset(p, 0, at);
    memcpy(p, old, SIZE_header);
    for (uint32_t i = 0; i < x->n; i++) {
        const struct part *s = &x->part[i];
        uint8_t *e = p + SIZE_header + (uint64_t)i * SIZE_entry;
        uint64_t bytes = s->each * s->count, end;
        for (end = (at + 7) & ~UINT64_C(7); at < end && at < max; at++)
            p[at] = 0;
        if (end + bytes > max)
            return 0;
        SET_ENTRY(e, type, s->type);
        SET_ENTRY(e, flags, s->flags);
        SET_ENTRY(e, offset, at);
        SET_ENTRY(e, size, bytes);
        SET_ENTRY(e, record_size, s->each);
        SET_ENTRY(e, count, s->count);
        memcpy(p + at, s->at, bytes);
        at += bytes;
    }
    SET_HEADER(p, header_size, SIZE_header);
    SET_HEADER(p, section_table, SIZE_header);
    SET_HEADER(p, entry_size, SIZE_entry);
    SET_HEADER(p, sections, x->n);
    SET_HEADER(p, total_size, at);
    return at;
}

/* ---- repair ---- */

static uint8_t *field_at(const struct part *s, uint64_t record, const struct audit_field *f)
{
    return s->at + record * s->each + f->offset;
}

// Rows follow one another, whatever their owners declare; the last owner gets the remaining rows.
static void fit_rows(struct parts *x, struct part *s, const struct audit_field *first)
{
    const struct audit_field *count = first + 1, *owner = NULL;
    const struct audit_section *info = &audit_sections[first->section - S_machine];
    struct part *to = find(x, first->section);
    if (to && !is_record(to))
        return;
    for (uint32_t i = 0; i < info->nfields; i++)
        if (info->fields[i].kind == KIND_owner && info->fields[i].section == s->type)
            owner = &info->fields[i];
    uint64_t next = 0, total = to ? to->count : 0;
    for (uint64_t i = 0; i < s->count; i++) {
        uint64_t n = load(field_at(s, i, count), count->size);
        n = i + 1 == s->count || n > total - next ? total - next : n;
        store(field_at(s, i, first), first->size, next);
        store(field_at(s, i, count), count->size, n);
        for (; n; n--, next++)
            if (owner)
                store(field_at(to, next, owner), owner->size, i);
    }
}

static void fit_stashes(struct parts *x)
{
    struct part *stash = find(x, S_stash), *dma = find(x, S_dma);
    if (!dma || !is_record(dma))
        return;
    const struct audit_field *to = &fields_dma[F_dma_stash], *from = &fields_stash[F_stash_dma];
    for (uint64_t i = 0; i < dma->count; i++)
        store(field_at(dma, i, to), to->size, UINT32_MAX);
    for (uint64_t i = 0; dma->count && stash && is_record(stash) && i < stash->count; i++) {
        uint64_t d = load(field_at(stash, i, from), from->size) % dma->count;
        store(field_at(stash, i, from), from->size, d);
        store(field_at(dma, d, to), to->size, i);
    }
}

static void fit(struct parts *x)
{
    for (uint32_t i = 0; i < x->n; i++) {
        if (!is_record(&x->part[i]))
            continue;
        const struct audit_section *info = &audit_sections[x->part[i].type - S_machine];
        for (uint32_t k = 0; k < info->nfields; k++)
            if (info->fields[k].kind == KIND_first)
                fit_rows(x, &x->part[i], &info->fields[k]);
    }
    fit_stashes(x);
}

/* ---- fields ---- */

uint64_t cfg_places(const uint8_t *p, size_t size)
{
    struct parts x;
    if (!take_apart((uint8_t *)(uintptr_t)p, size, &x))
        return 0;
    uint64_t n = N_header + (uint64_t)x.n * N_entry;
    for (uint32_t i = 0; i < x.n; i++)
        if (is_record(&x.part[i]))
            n += x.part[i].count * audit_sections[x.part[i].type - S_machine].nfields;
    return n;
}

static struct cfg_place place_of(uint8_t *at, const struct audit_field *f, struct parts *x)
{
    // Longer fields are bytes (the magic, the digest); the first ones represent all.
    struct cfg_place place = {at + f->offset, f->size > 8 ? 8 : f->size, 0};
    const struct part *to = find(x, f->kind == KIND_string ? 1 : f->section);
    place.count = to && (f->section || f->kind == KIND_string) ? to->count : 0;
    return place;
}

struct cfg_place cfg_place(uint8_t *p, size_t size, uint64_t i)
{
    struct parts x;
    take_apart(p, size, &x);
    if (i < N_header)
        return place_of(p, &fields_header[i], &x);
    i -= N_header;
    if (i < (uint64_t)x.n * N_entry)
        return place_of(p + HEADER(p, section_table) + i / N_entry * HEADER(p, entry_size), &fields_entry[i % N_entry],
                        &x);
    i -= (uint64_t)x.n * N_entry;
    for (uint32_t k = 0; k < x.n; k++) {
        const struct part *s = &x.part[k];
        if (!is_record(s))
            continue;
        const struct audit_section *info = &audit_sections[s->type - S_machine];
        if (i < s->count * info->nfields)
            return place_of(s->at + i / info->nfields * s->each, &info->fields[i % info->nfields], &x);
        i -= s->count * info->nfields;
    }
    abort();
}

uint64_t cfg_boundary(const struct cfg_place *place, uint32_t i, int *more)
{
    static const uint64_t fixed[] = {0,
                                     1,
                                     2,
                                     3,
                                     4,
                                     5,
                                     8,
                                     16,
                                     0x1000,
                                     0x7fffffff,
                                     0x80000000,
                                     0xfffff000,
                                     0xfffffffe,
                                     0xffffffff,
                                     UINT64_C(0x100000000),
                                     UINT64_C(0x7fffffffffffffff),
                                     UINT64_C(0x8000000000000000),
                                     UINT64_C(0xfffffffffffff000),
                                     UINT64_C(0xfffffffffffffffe),
                                     UINT64_C(0xffffffffffffffff)};
    enum { FIXED = sizeof fixed / sizeof *fixed };
    uint32_t n = place->size == 8 ? FIXED : place->size == 4 ? FIXED - 6 : 9;
    uint64_t old = load(place->at, place->size);
    *more = 1;
    if (i < n)
        return fixed[i];
    switch (i - n) {
    case 0:
        return old + 1;
    case 1:
        return old - 1;
    case 2:
        return old * 2;
    case 3:
        return -old;
    case 4:
        return place->count - 1;
    case 5:
        return place->count;
    case 6:
        return place->count + 1;
    default:
        *more = 0;
        return 0;
    }
}

void cfg_put(const struct cfg_place *place, uint64_t value)
{
    store(place->at, place->size, value);
}

static void change_field(struct rng *r, uint8_t *p, size_t size)
{
    uint64_t n = cfg_places(p, size);
    if (!n)
        return;
    // Usually a field of a record, because a mistake in the frame ends the reading at once.
    uint64_t frame = N_header;
    uint64_t i = n > frame && rng_below(r, 16) ? frame + rng_below(r, n - frame) : rng_below(r, n);
    struct cfg_place place = cfg_place(p, size, i);
    int more;
    uint64_t v = cfg_boundary(&place, (uint32_t)rng_below(r, 27), &more);
    switch (more ? rng_below(r, 4) : rng_below(r, 2)) {
    case 0: // a value from elsewhere in the file: an index, a string, an address
    {
        struct cfg_place other = cfg_place(p, size, rng_below(r, n));
        v = load(other.at, other.size);
        break;
    }
    case 1:
        v = place.count ? rng_below(r, place.count) : load(place.at, place.size) ^ UINT64_C(1) << rng_below(r, 64);
        break;
    default:
        break;
    }
    cfg_put(&place, v);
}

/* ---- records and sections ---- */

// Moves a part into a separate buffer, with room for `extra` more bytes.
static int own(struct part *s, uint64_t each, uint64_t count)
{
    uint8_t *b = calloc(1, each * count + 1);
    if (!b)
        return 0;
    uint64_t n = s->count < count ? s->count : count;
    for (uint64_t i = 0; i < n; i++)
        memcpy(b + i * each, s->at + i * s->each, each < s->each ? each : s->each);
    s->at = s->own = b;
    s->each = each;
    s->count = count;
    return 1;
}

static void insert_record(struct rng *r, struct part *s)
{
    uint64_t from = rng_below(r, s->count), to = rng_below(r, s->count + 1), old = s->count;
    if (!old || !own(s, s->each, old + 1))
        return;
    uint8_t *copy = malloc(s->each);
    if (!copy)
        abort();
    memcpy(copy, s->at + from * s->each, s->each);
    memmove(s->at + (to + 1) * s->each, s->at + to * s->each, (old - to) * s->each);
    memcpy(s->at + to * s->each, copy, s->each);
    free(copy);
}

static void delete_record(struct rng *r, struct part *s)
{
    if (!s->count)
        return;
    uint64_t i = rng_below(r, s->count);
    memmove(s->at + i * s->each, s->at + (i + 1) * s->each, (s->count - i - 1) * s->each);
    s->count--;
}

static void swap_records(struct rng *r, struct part *s)
{
    uint8_t *a = s->at + rng_below(r, s->count) * s->each, *b = s->at + rng_below(r, s->count) * s->each;
    for (uint64_t i = 0; s->count && i < s->each; i++) {
        uint8_t t = a[i];
        a[i] = b[i];
        b[i] = t;
    }
}

// What a later version might write: fields after the known ones, unknown sections.
static void grow(struct rng *r, struct parts *x, struct part *s)
{
    if (rng_below(r, 2)) {
        own(s, s->each + 4 * (1 + rng_below(r, 4)), s->count);
    } else if (x->n < MAX_PARTS) {
        x->part[x->n] = (struct part){.type = (uint32_t)(S_END + rng_below(r, 8)), .flags = rng_below(r, 8) == 0};
        if (own(&x->part[x->n], 4 * rng_below(r, 5), rng_below(r, 5)))
            x->n++;
    }
}

static size_t change_shape(struct rng *r, uint8_t *p, size_t size, size_t max)
{
    struct parts x;
    if (!take_apart(p, size, &x))
        return size;
    struct part *s = &x.part[rng_below(r, x.n)];
    switch (rng_below(r, 8)) {
    case 0:
    case 1:
        insert_record(r, s);
        break;
    case 2:
    case 3:
        delete_record(r, s);
        break;
    case 4:
        swap_records(r, s);
        break;
    case 5:
        grow(r, &x, s);
        break;
    case 6:
        s->count = 0;
        break;
    default:
        memmove(s, s + 1, (size_t)(&x.part[x.n] - (s + 1)) * sizeof *s);
        x.n--;
        break;
    }
    if (rng_below(r, 4))
        fit(&x);
    uint8_t *made = malloc(max);
    size_t n = made ? put_together(&x, p, made, max) : 0;
    if (n)
        memcpy(p, made, n);
    free(made);
    for (uint32_t i = 0; i < MAX_PARTS; i++)
        free(x.part[i].own);
    return n ? n : size;
}

size_t cfg_mutate(struct rng *r, uint8_t *p, size_t size, size_t max)
{
    for (uint64_t n = 1 + rng_below(r, SEVERAL); n; n--) {
        uint64_t what = rng_below(r, 16);
        if (what < 10)
            change_field(r, p, size);
        else if (what < 14)
            size = change_shape(r, p, size, max);
        else if (what < 15 && size)
            p[rng_below(r, size)] ^= (uint8_t)(1U << rng_below(r, 8));
        else if (rng_below(r, 2) && size)
            size -= rng_below(r, size < 64 ? size : 64);
        else
            for (uint64_t more = rng_below(r, 64); more && size < max; more--)
                p[size++] = 0;
    }
    if (size >= SIZE_header && rng_below(r, 16))
        SET_HEADER(p, total_size, size);
    if (rng_below(r, 64))
        audit_seal(p, size);
    return size;
}
