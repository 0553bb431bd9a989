// SPDX-License-Identifier: MIT
// A guest.cfg in the making: sections that grow record by record, and the string table.
#ifndef MACHC_EMIT_CONFIG_OUT_H
#define MACHC_EMIT_CONFIG_OUT_H

#include "emit/emit.h"
#include "machc.h"
#include "machcfg_layout.h"

struct cfg_chunk; // a piece of a section: records stay where they are while it grows

struct cfg_out {
    struct machc *c;
    struct cfg_section {
        struct cfg_chunk *first, *last;
        uint32_t n; // records
    } section[MACH_CFG_S_END];
    char *strings; // the string table
    size_t strings_size, strings_room;
    struct cfg_slot {
        uint32_t at, hash; // offset in it; 0: empty
    } * slots;
    uint32_t nslots, nstrings;
};

/* An empty one. */
struct cfg_out *cfg_out_new(struct machc *c);

/* A new record at the end of a section, all zero. It stays where it is until cfg_finish(). */
void *cfg_add(struct cfg_out *o, enum mach_cfg_section_type section);

/* The offset of a string, added when it is new. NULL and "" are 0. */
mach_le32 cfg_str(struct cfg_out *o, const char *s);

/* The same for the path of one record's node, or NULL: no other record has it, so it is not looked for. */
mach_le32 cfg_path(struct cfg_out *o, const struct dt_node *node);

/* The finished file. It is none when it has more than 4 GB, since offsets have 32 bits. */
struct pieces cfg_finish(struct cfg_out *o, const uint8_t *dtb, uint32_t dtb_size);

/* Adds expectations: what the plan takes for granted about the host, and what about the host's part of a device. */
void cfg_expect_of_host(struct cfg_out *o, const struct plan *p, const struct p_machine *m);
void cfg_expect_of_device(struct cfg_out *o, const struct p_device *d);

#define CFG_ADD(o, name, NAME) ((struct mach_cfg_##name *)cfg_add((o), MACH_CFG_S_##NAME))

static inline mach_le32 w32(uint32_t v)
{
    return mach_le32_of(v);
}

static inline mach_le64 w64(uint64_t v)
{
    return mach_le64_of(v);
}

#endif
