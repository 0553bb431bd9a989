// SPDX-License-Identifier: MIT
// Builds a guest.cfg: collects records and strings, and puts the file together.
#include "emit/config_out.h"

#include "base/intern.h"
#include "base/vec.h"

#include "machcfg_file.h"

#include <sha256.h>
#include <string.h>

struct cfg_chunk {
    struct cfg_chunk *next;
    uint32_t n, room; // records
    uint64_t records[];
};

static uint32_t record_size(uint32_t section)
{
    return mach_cfg_sections[section - MACH_CFG_S_MACHINE].record_size;
}

struct cfg_out *cfg_out_new(struct machc *c)
{
    struct cfg_out *o = NEW(c->arena, struct cfg_out);
    o->c = c;
    o->strings_room = 4096;
    o->strings = arena_alloc(c->arena, o->strings_room);
    o->strings_size = 1; // the empty string is at offset 0
    o->nslots = 1024;
    o->slots = arena_array(c->arena, o->nslots, sizeof *o->slots);
    return o;
}

void *cfg_add(struct cfg_out *o, enum mach_cfg_section_type section)
{
    enum { LARGEST = 2 * 1024 * 1024 - 64 };
    struct cfg_section *s = &o->section[section];
    if (!s->last || s->last->n == s->last->room) {
        uint32_t most = (LARGEST - (uint32_t)sizeof(struct cfg_chunk)) / record_size(section);
        uint32_t room = 16;
        if (s->last)
            room = s->last->room < most / 2 ? s->last->room * 2 : most;
        struct cfg_chunk *k = arena_alloc(o->c->arena, sizeof *k + (size_t)room * record_size(section));
        k->room = room;
        if (s->last)
            s->last->next = k;
        else
            s->first = k;
        s->last = k;
    }
    s->n++;
    return (uint8_t *)s->last->records + (size_t)s->last->n++ * record_size(section);
}

/* Returns the slot of a string, or the empty slot where it belongs. */
static struct cfg_slot *find_slot(const struct cfg_out *o, uint32_t hash, const char *s)
{
    for (uint32_t i = hash;; i++) {
        struct cfg_slot *slot = &o->slots[i & (o->nslots - 1)];
        if (!slot->at || (slot->hash == hash && !strcmp(o->strings + slot->at, s)))
            return slot;
    }
}

static void grow_slots(struct cfg_out *o)
{
    struct cfg_slot *old = o->slots;
    uint32_t n = o->nslots;
    o->nslots *= 2;
    o->slots = arena_array(o->c->arena, o->nslots, sizeof *o->slots);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t k = old[i].hash; // all strings differ, so an empty slot is enough
        while (old[i].at && o->slots[k & (o->nslots - 1)].at)
            k++;
        if (old[i].at)
            o->slots[k & (o->nslots - 1)] = old[i];
    }
    arena_release(o->c->arena, old, n * sizeof *old);
}

/* Makes room for a string of n bytes at the end of the table. Returns its offset. */
static uint32_t reserve_string(struct cfg_out *o, size_t n)
{
    if (o->strings_room - o->strings_size <= n) {
        size_t room = o->strings_room;
        while (room - o->strings_size <= n)
            room = room > SIZE_MAX / 2 ? SIZE_MAX : room * 2;
        char *strings = arena_alloc(o->c->arena, room);
        memcpy(strings, o->strings, o->strings_size);
        arena_release(o->c->arena, o->strings, o->strings_room);
        o->strings = strings;
        o->strings_room = room;
    }
    uint32_t at = (uint32_t)o->strings_size;
    o->strings_size += n + 1;
    return at;
}

mach_le32 cfg_path(struct cfg_out *o, const struct dt_node *node)
{
    if (!node)
        return w32(0);
    uint32_t at = reserve_string(o, dt_path_len(node));
    dt_path_put(o->strings + at, node);
    return w32(at);
}

mach_le32 cfg_str(struct cfg_out *o, const char *s)
{
    if (!s || !*s)
        return w32(0);
    size_t n = strlen(s);
    uint32_t hash = (uint32_t)hash_bytes(arena_key(o->c->arena), s, n);
    struct cfg_slot *slot = find_slot(o, hash, s);
    if (slot->at)
        return w32(slot->at);
    uint32_t at = reserve_string(o, n);
    memcpy(o->strings + at, s, n);
    *slot = (struct cfg_slot){at, hash};
    if (++o->nstrings > o->nslots / 4 * 3)
        grow_slots(o);
    return w32(at);
}

static uint64_t align8(uint64_t n)
{
    return (n + 7) & ~(uint64_t)7;
}

/* The pieces of the file so far. */
struct iovecs {
    VEC(struct iovec) list;
    uint64_t size;
};

static void add_piece(struct iovecs *v, struct machc *c, const void *data, size_t n)
{
    vec_push(c->arena, &v->list, ((struct iovec){(void *)(uintptr_t)data, n}));
    v->size += n;
}

// Returns the size of a section in bytes.
static uint64_t section_size(const struct cfg_out *o, uint32_t t)
{
    return t == MACH_CFG_S_STRINGS ? o->strings_size : (uint64_t)o->section[t].n * record_size(t);
}

/* Adds zeros up to the next multiple of eight, where a section can begin. */
static void add_padding(struct iovecs *v, struct machc *c)
{
    static const uint8_t zeros[8];
    size_t n = (size_t)(align8(v->size) - v->size);
    if (n)
        add_piece(v, c, zeros, n);
}

static void add_section(struct cfg_out *o, struct iovecs *v, uint32_t t)
{
    if (t == MACH_CFG_S_STRINGS)
        add_piece(v, o->c, o->strings, o->strings_size);
    for (const struct cfg_chunk *k = o->section[t].first; k; k = k->next)
        add_piece(v, o->c, k->records, (size_t)k->n * record_size(t));
}

static void fill_header(struct mach_cfg_header *h, uint64_t total, uint32_t nsections, const uint8_t *dtb,
                        uint32_t dtb_size)
{
    *h = (struct mach_cfg_header){
        .major = {{MACH_CFG_MAJOR, 0}},
        .minor = {{MACH_CFG_MINOR, 0}},
        .header_size = w32(sizeof *h),
        .total_size = w64(total),
        .sections = w32(nsections),
        .section_table = w64(sizeof *h),
        .entry_size = w32(sizeof(struct mach_cfg_entry)),
        .dtb_size = w64(dtb_size),
    };
    memcpy(h->magic.b, MACH_CFG_MAGIC, sizeof h->magic.b);
    SHA2_CTX sha;
    SHA256Init(&sha);
    SHA256Update(&sha, dtb, dtb_size);
    SHA256Final(h->dtb_sha256.b, &sha);
}

static uint32_t checksum(const struct iovecs *v)
{
    struct mach_cfg_crc crc;
    mach_cfg_crc_begin(&crc);
    for (uint32_t i = 0; i < v->list.n; i++)
        mach_cfg_crc_add(&crc, v->list.at[i].iov_base, v->list.at[i].iov_len);
    return ~crc.value;
}

struct pieces cfg_finish(struct cfg_out *o, const uint8_t *dtb, uint32_t dtb_size)
{
    uint32_t nsections = 0;
    arena_release(o->c->arena, o->slots, o->nslots * sizeof *o->slots);
    o->slots = NULL;
    for (uint32_t t = MACH_CFG_S_STRINGS; t < MACH_CFG_S_END; t++)
        nsections += section_size(o, t) > 0;
    size_t front = sizeof(struct mach_cfg_header) + nsections * sizeof(struct mach_cfg_entry);
    struct mach_cfg_header *header = arena_alloc(o->c->arena, front);
    struct mach_cfg_entry *entry = (struct mach_cfg_entry *)(header + 1);
    struct iovecs v = {0};
    add_piece(&v, o->c, header, front);
    for (uint32_t t = MACH_CFG_S_STRINGS; t < MACH_CFG_S_END; t++) {
        bool strings = t == MACH_CFG_S_STRINGS;
        uint64_t bytes = section_size(o, t);
        if (!bytes)
            continue;
        add_padding(&v, o->c);
        // A guest may depend on every section of this version, so a reader must not skip any.
        *entry++ = (struct mach_cfg_entry){
            .type = w32(t),
            .flags = w32(MACH_CFG_SECTION_REQUIRED),
            .offset = w64(v.size),
            .size = w64(bytes),
            .record_size = w32(strings ? 1 : record_size(t)),
            .count = w32(strings ? (uint32_t)bytes : o->section[t].n),
        };
        add_section(o, &v, t);
    }
    add_padding(&v, o->c);
    fill_header(header, v.size, nsections, dtb, dtb_size);
    header->checksum = w32(checksum(&v)); // computed while the field itself is 0
    return (struct pieces){v.list.at, v.list.n, v.size};
}
