// SPDX-License-Identifier: MIT
// Builds a guest.cfg: sections that grow record by record, and the string table.
#ifndef MACHC_EMIT_CONFIG_OUT_H
#define MACHC_EMIT_CONFIG_OUT_H

#include "emit/emit.h"
#include "machc.h"
#include "machcfg_layout.h"

struct cfg_chunk; // a piece of a section; a section grows by pieces, so that its records never move

/* A guest.cfg while it is written. All of it is allocated in c->arena. */
struct cfg_out {
    struct machc *c;
    struct cfg_section {
        struct cfg_chunk *first, *last;
        uint32_t n; // number of records
    } section[MACH_CFG_S_END];
    char *strings; // the string table
    size_t strings_size, strings_room;
    struct cfg_slot {
        uint32_t at, hash; // at: offset in the string table; 0: the slot is empty
    } * slots;
    uint32_t nslots, nstrings;
};

/* Returns an empty file. */
struct cfg_out *cfg_out_new(struct machc *c);

/* Adds a record to the end of a section and returns it, all zero. It does not move before cfg_finish(). */
void *cfg_add(struct cfg_out *o, enum mach_cfg_section_type section);

/* Returns the offset of a string, which is added if it is new; 0 for NULL and "". */
mach_le32 cfg_str(struct cfg_out *o, const char *s);

/*
 * Adds the path of a node and returns its offset; 0 for NULL. A path occurs in one record only, so it is not searched
 * for in the table.
 */
mach_le32 cfg_path(struct cfg_out *o, const struct dt_node *node);

/*
 * Returns the finished file, whose pieces are in the memory of `o`, with the digest of the `dtb_size` bytes at `dtb`. A
 * file of more than 4 GB is invalid, because offsets have 32 bits: the caller checks its size.
 */
struct pieces cfg_finish(struct cfg_out *o, const uint8_t *dtb, uint32_t dtb_size);

/* Add the expectations about the host as a whole, and about the host's device of `d`. */
void cfg_expect_of_host(struct cfg_out *o, const struct plan *p, const struct p_machine *m);
void cfg_expect_of_device(struct cfg_out *o, const struct p_device *d);
void cfg_expect_prepared(struct cfg_out *o, const struct p_machine *m);

/* Adds a record and returns it as a pointer to its struct: CFG_ADD(o, dma_map, DMA_MAP). */
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
