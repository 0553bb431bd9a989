// SPDX-License-Identifier: MIT
/*
 * guest.cfg: checksum, header and section table, for the compiler's JSON view and the library's reader. The library
 * verifies the contents of the records: config/verify.h.
 */
#ifndef MACHCFG_FILE_H
#define MACHCFG_FILE_H

#include "machcfg_layout.h"

/* ---- checksum ---- */

/* The state of a CRC-32C (RFC 3720, 12.1: polynomial 0x1edc6f41, reflected). */
struct mach_cfg_crc {
    uint32_t value;
    uint32_t wide; // 1: all tables are made
    uint32_t table[16][256];
};

static inline void mach_cfg_crc_begin(struct mach_cfg_crc *crc)
{
    crc->value = UINT32_MAX;
    crc->wide = 0;
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++)
            c = c & 1 ? c >> 1 ^ UINT32_C(0x82f63b78) : c >> 1;
        crc->table[0][i] = c;
    }
}

/* Adds bytes. Many are added in steps of sixteen; the tables for that pay off above a few kilobytes only. */
static inline void mach_cfg_crc_add(struct mach_cfg_crc *crc, const uint8_t *p, size_t n)
{
    enum { STEP = 16, FEW = 4096 };
    uint32_t(*t)[256] = crc->table, v = crc->value;
    if (n >= FEW && !crc->wide) {
        for (int k = 1; k < STEP; k++)
            for (uint32_t i = 0; i < 256; i++)
                t[k][i] = t[k - 1][i] >> 8 ^ t[0][t[k - 1][i] & 0xff];
        crc->wide = 1;
    }
    for (; crc->wide && n >= STEP; p += STEP, n -= STEP) {
        uint32_t a = v ^ mach_cfg_load32(p), b = mach_cfg_load32(p + 4);
        uint32_t c = mach_cfg_load32(p + 8), d = mach_cfg_load32(p + 12);
        v = t[15][a & 0xff] ^ t[14][a >> 8 & 0xff] ^ t[13][a >> 16 & 0xff] ^ t[12][a >> 24] ^ t[11][b & 0xff] ^
            t[10][b >> 8 & 0xff] ^ t[9][b >> 16 & 0xff] ^ t[8][b >> 24] ^ t[7][c & 0xff] ^ t[6][c >> 8 & 0xff] ^
            t[5][c >> 16 & 0xff] ^ t[4][c >> 24] ^ t[3][d & 0xff] ^ t[2][d >> 8 & 0xff] ^ t[1][d >> 16 & 0xff] ^
            t[0][d >> 24];
    }
    for (; n; p++, n--)
        v = v >> 8 ^ t[0][(v ^ *p) & 0xff];
    crc->value = v;
}

/* The checksum of a whole file, in which the field `checksum` counts as 0. */
static inline uint32_t mach_cfg_checksum(const uint8_t *p, size_t size)
{
    static const uint8_t none[4] = {0};
    const size_t hole = offsetof(struct mach_cfg_header, checksum);
    size_t before = size < hole ? size : hole, in = size - before < 4 ? size - before : 4;
    struct mach_cfg_crc crc; // on the stack: nothing is shared between threads
    mach_cfg_crc_begin(&crc);
    mach_cfg_crc_add(&crc, p, before);
    mach_cfg_crc_add(&crc, none, in);
    mach_cfg_crc_add(&crc, p + before + in, size - before - in);
    return ~crc.value;
}

/* ---- finding the sections ---- */

/* Errors of a file: X(NAME, one sentence). */
#define MACH_CFG_ERRORS(X)                                                                                             \
    X(OK, "no error")                                                                                                  \
    X(TOO_SHORT, "the file is too short to be a guest.cfg")                                                            \
    X(MAGIC, "not a guest.cfg: it does not begin with the right bytes")                                                \
    X(VERSION, "this reader does not support the file's major version")                                                \
    X(TOTAL_SIZE, "the file's size differs from the one in its header")                                                \
    X(HEADER_SIZE, "the size of the header is invalid")                                                                \
    X(CHECKSUM, "the checksum is wrong: the file is damaged")                                                          \
    X(SECTION_TABLE, "the section table is outside of the file, or the size of its entries is invalid")                \
    X(SECTION_ORDER, "the sections are not in ascending order, or one appears twice")                                  \
    X(SECTION_FLAGS, "a section has unknown flags")                                                                    \
    X(SECTION_UNKNOWN, "an unknown section is marked as required")                                                     \
    X(SECTION_ALIGN, "a section is not aligned to 8 bytes")                                                            \
    X(SECTION_BOUNDS, "a section is outside of the file, or overlaps the previous one")                                \
    X(SECTION_SIZE, "the size of a section is not its record size times its number of records")                        \
    X(RECORD_SIZE, "the record size of a section is invalid")                                                          \
    X(PADDING, "bytes between sections are not 0")                                                                     \
    X(STRINGS, "there is no string table that begins and ends with a NUL")                                             \
    X(MACHINE, "there is not exactly one machine record")                                                              \
    X(STRING, "an offset into the string table is not the start of a string")                                          \
    X(INDEX, "an index is beyond the last record of its section")                                                      \
    X(RANGE, "a row of records does not start where the previous one ends, or exceeds its section")                    \
    X(OWNER, "a record is in the row of another record than its owner")                                                \
    X(ENUM, "unknown value")                                                                                           \
    X(FLAGS, "unknown flag")                                                                                           \
    X(RESERVED, "a reserved field is not 0")                                                                           \
    X(EXTENT, "an address and a size do not fit: empty, beyond 2^64, or beyond the end of what is mapped")             \
    X(CONTRADICTION, "two fields of a record contradict each other")                                                   \
    X(MEMORY, "there is not enough memory to verify it")                                                               \
    X(MAP_OF_NONE, "a mapping of a DMA domain that has none by its mode, its flags, or the host's IOMMU")              \
    X(MAP_NO_DMA, "a mapping of memory that no device may reach")                                                      \
    X(MAP_WRITES, "a mapping with which a device can write to read-only memory")                                       \
    X(MAP_WINDOW, "a mapping outside of the window of its DMA domain")                                                 \
    X(MAP_OVERLAP, "two mappings of a DMA domain overlap")                                                             \
    X(STREAM_TWICE, "two DMA domains of a device are for one stream")                                                  \
    X(ENDPOINT_TWICE, "two DMA domains are for one endpoint of an IOMMU of the guest")                                 \
    X(GUEST_OVERLAP, "two things overlap in the guest's address space")                                                \
    X(HOST_OVERLAP, "two things overlap in the host's memory")                                                         \
    X(FILE_OVERLAP, "two things use the same part of a file")                                                          \
    X(WRITE_TWICE, "two records say in different ways how a register is written")                                      \
    X(PATCH_OVERLAP, "two patches write the same bytes of guest.dtb")                                                  \
    X(DEVICE_TWICE, "two devices are the same one of the host")                                                        \
    X(SLOT_TWICE, "two PCI functions are in one slot of the guest")                                                    \
    X(INDEX_TWICE, "an index appears twice in one device")                                                             \
    X(LINE_TWICE, "not exactly one of the interrupts on a line of the guest is bound for the others")                  \
    X(NAME_TWICE, "two records of one kind have the same name")                                                        \
    X(EXPECTATION, "an expectation contradicts what it is about, or another one")                                      \
    X(NO_EXPECTATION, "the expectation that identifies it on the host is missing")

enum mach_cfg_error {
#define MACH_CFG_ERROR_(name, text) MACH_CFG_E_##name,
    MACH_CFG_ERRORS(MACH_CFG_ERROR_)
#undef MACH_CFG_ERROR_
};

/* What is wrong, and where. */
struct mach_cfg_fault {
    enum mach_cfg_error error;
    uint64_t offset;                             // in the file
    const struct mach_cfg_section_info *section; // NULL: not in a record
    uint32_t record;
    const struct mach_cfg_field *field;                // or NULL
    const struct mach_cfg_section_info *other_section; // of another record that it contradicts; or NULL
    uint32_t other;
};

struct mach_cfg_section {
    const uint8_t *at; // NULL: not in the file, no records
    uint32_t record_size;
    uint32_t count;
};

struct mach_cfg_file {
    const uint8_t *base;
    size_t size;
    struct mach_cfg_section section[MACH_CFG_S_END]; // by type
};

#define MACH_CFG_ENTRY_GET(at, field)                                                                                  \
    mach_cfg_load((at) + offsetof(struct mach_cfg_entry, field), sizeof(((struct mach_cfg_entry *)0)->field))
#define MACH_CFG_HEADER_GET(base, field)                                                                               \
    mach_cfg_load((base) + offsetof(struct mach_cfg_header, field), sizeof(((struct mach_cfg_header *)0)->field))

static inline int mach_cfg_fault_at(struct mach_cfg_fault *fault, enum mach_cfg_error error, uint64_t offset)
{
    fault->error = error;
    fault->offset = offset;
    fault->section = NULL;
    fault->record = 0;
    fault->field = NULL;
    fault->other_section = NULL;
    fault->other = 0;
    return -1;
}

static inline int mach_cfg_is_zero(const uint8_t *p, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        if (p[i])
            return 0;
    return 1;
}

static inline int mach_cfg_frame_header(const uint8_t *p, size_t size, struct mach_cfg_fault *fault)
{
    if (size < MACH_CFG_HEADER_LEAST)
        return mach_cfg_fault_at(fault, MACH_CFG_E_TOO_SHORT, size);
    if (memcmp(p, MACH_CFG_MAGIC, 8))
        return mach_cfg_fault_at(fault, MACH_CFG_E_MAGIC, 0);
    if (MACH_CFG_HEADER_GET(p, major) != MACH_CFG_MAJOR)
        return mach_cfg_fault_at(fault, MACH_CFG_E_VERSION, offsetof(struct mach_cfg_header, major));
    if (MACH_CFG_HEADER_GET(p, total_size) != size)
        return mach_cfg_fault_at(fault, MACH_CFG_E_TOTAL_SIZE, offsetof(struct mach_cfg_header, total_size));
    if (MACH_CFG_HEADER_GET(p, checksum) != mach_cfg_checksum(p, size))
        return mach_cfg_fault_at(fault, MACH_CFG_E_CHECKSUM, offsetof(struct mach_cfg_header, checksum));
    uint64_t header = MACH_CFG_HEADER_GET(p, header_size);
    if (header < MACH_CFG_HEADER_LEAST || header > size || header % 8)
        return mach_cfg_fault_at(fault, MACH_CFG_E_HEADER_SIZE, offsetof(struct mach_cfg_header, header_size));
    if (MACH_CFG_HEADER_GET(p, reserved0))
        return mach_cfg_fault_at(fault, MACH_CFG_E_RESERVED, offsetof(struct mach_cfg_header, reserved0));
    if (MACH_CFG_HEADER_GET(p, reserved1))
        return mach_cfg_fault_at(fault, MACH_CFG_E_RESERVED, offsetof(struct mach_cfg_header, reserved1));
    uint64_t table = MACH_CFG_HEADER_GET(p, section_table), n = MACH_CFG_HEADER_GET(p, sections);
    uint64_t entry = MACH_CFG_HEADER_GET(p, entry_size);
    if (table % 8 || table < header || table > size || entry < MACH_CFG_ENTRY_LEAST || entry % 8 ||
        n > (size - table) / entry)
        return mach_cfg_fault_at(fault, MACH_CFG_E_SECTION_TABLE, offsetof(struct mach_cfg_header, section_table));
    if (!mach_cfg_is_zero(p + header, table - header))
        return mach_cfg_fault_at(fault, MACH_CFG_E_PADDING, header);
    return 0;
}

/* One entry of the section table, at offset `at`; *end: where the section before it ended, and then where this one
 * does. */
static inline int mach_cfg_frame_section(const uint8_t *p, uint64_t at, uint64_t *end, struct mach_cfg_file *f,
                                         struct mach_cfg_fault *fault)
{
    const uint8_t *e = p + at;
    uint32_t type = (uint32_t)MACH_CFG_ENTRY_GET(e, type), record_size = (uint32_t)MACH_CFG_ENTRY_GET(e, record_size);
    uint32_t flags = (uint32_t)MACH_CFG_ENTRY_GET(e, flags), count = (uint32_t)MACH_CFG_ENTRY_GET(e, count);
    uint64_t offset = MACH_CFG_ENTRY_GET(e, offset), size = MACH_CFG_ENTRY_GET(e, size);
    int known = type >= MACH_CFG_S_STRINGS && type < MACH_CFG_S_END;
    if (flags & ~(uint32_t)MACH_CFG_SECTION_REQUIRED)
        return mach_cfg_fault_at(fault, MACH_CFG_E_SECTION_FLAGS, at + offsetof(struct mach_cfg_entry, flags));
    if (flags && !known)
        return mach_cfg_fault_at(fault, MACH_CFG_E_SECTION_UNKNOWN, at);
    if (offset % 8)
        return mach_cfg_fault_at(fault, MACH_CFG_E_SECTION_ALIGN, at + offsetof(struct mach_cfg_entry, offset));
    if (offset < *end || offset > f->size || size > f->size - offset)
        return mach_cfg_fault_at(fault, MACH_CFG_E_SECTION_BOUNDS, at + offsetof(struct mach_cfg_entry, offset));
    if (size != (uint64_t)record_size * count)
        return mach_cfg_fault_at(fault, MACH_CFG_E_SECTION_SIZE, at + offsetof(struct mach_cfg_entry, size));
    if (type == MACH_CFG_S_STRINGS
            ? record_size != 1
            : known && (record_size % 4 || record_size < mach_cfg_sections[type - MACH_CFG_S_MACHINE].least))
        return mach_cfg_fault_at(fault, MACH_CFG_E_RECORD_SIZE, at + offsetof(struct mach_cfg_entry, record_size));
    if (!mach_cfg_is_zero(p + *end, offset - *end))
        return mach_cfg_fault_at(fault, MACH_CFG_E_PADDING, *end);
    *end = offset + size;
    if (known) {
        f->section[type].at = p + offset;
        f->section[type].record_size = record_size;
        f->section[type].count = count;
    }
    return 0;
}

/*
 * Finds the sections of a file that is `size` bytes at `bytes`, in linear time and without reading outside it.
 * 0, and *f is filled in: every record and every string can then be read in place, whatever it holds.
 * -1, and *fault says what is wrong. The contents of the records are not checked: see runtime/config/verify.h.
 */
static inline int mach_cfg_frame(const void *bytes, size_t size, struct mach_cfg_file *f, struct mach_cfg_fault *fault)
{
    const uint8_t *p = (const uint8_t *)bytes;
    memset(f, 0, sizeof *f);
    f->base = p;
    f->size = size;
    if (mach_cfg_frame_header(p, size, fault))
        return -1;
    uint64_t table = MACH_CFG_HEADER_GET(p, section_table), n = MACH_CFG_HEADER_GET(p, sections);
    uint64_t entry = MACH_CFG_HEADER_GET(p, entry_size), end = table + n * entry;
    uint32_t last = 0;
    for (uint64_t i = 0; i < n; i++) {
        uint32_t type = mach_cfg_load32(p + table + i * entry);
        if (type <= last)
            return mach_cfg_fault_at(fault, MACH_CFG_E_SECTION_ORDER, table + i * entry);
        last = type;
        if (mach_cfg_frame_section(p, table + i * entry, &end, f, fault))
            return -1;
    }
    if (!mach_cfg_is_zero(p + end, size - end))
        return mach_cfg_fault_at(fault, MACH_CFG_E_PADDING, end);
    const struct mach_cfg_section *s = &f->section[MACH_CFG_S_STRINGS];
    if (!s->count || s->at[0] || s->at[s->count - 1])
        return mach_cfg_fault_at(fault, MACH_CFG_E_STRINGS, s->at ? (uint64_t)(s->at - p) : table);
    if (f->section[MACH_CFG_S_MACHINE].count != 1)
        return mach_cfg_fault_at(fault, MACH_CFG_E_MACHINE, table);
    mach_cfg_fault_at(fault, MACH_CFG_E_OK, 0);
    return 0;
}

/* mach_cfg_record() and mach_cfg_string() of machcfg.h, for those who do not link the library. */
static inline struct mach_cfg_rec mach_cfg_record_at(const struct mach_cfg_file *f, uint32_t section, uint32_t i)
{
    struct mach_cfg_rec r = {NULL, 0};
    const struct mach_cfg_section *s = &f->section[section < MACH_CFG_S_END ? section : 0]; // 0 is never in a file
    if (i < s->count) {
        r.at = s->at + (size_t)i * s->record_size;
        r.size = s->record_size;
    }
    return r;
}

static inline const char *mach_cfg_string_at(const struct mach_cfg_file *f, uint32_t offset)
{
    const struct mach_cfg_section *s = &f->section[MACH_CFG_S_STRINGS];
    return offset < s->count ? (const char *)(s->at + offset) : "";
}

/*
 * Bytes of the UTF-8 character at s (NUL-terminated), 1 to 4, or 0 when it is none: no overlong forms, no surrogates,
 * nothing above U+10FFFF (RFC 3629, 4). Strings may hold any bytes, as file names do; the JSON view needs to know.
 */
static inline unsigned mach_cfg_utf8(const char *s)
{
    const uint8_t *p = (const uint8_t *)s;
    if (p[0] < 0x80)
        return 1;
    unsigned n = 0;
    if (p[0] >= 0xc2 && p[0] <= 0xdf)
        n = 2;
    else if ((p[0] & 0xf0) == 0xe0)
        n = 3;
    else if (p[0] >= 0xf0 && p[0] <= 0xf4)
        n = 4;
    for (unsigned i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
        (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

/*
 * The character of the n bytes at s, which mach_cfg_utf8() counted, if no text for people may hold it: a control
 * character, or one that turns the direction of writing (Unicode Standard Annex #9, 2) or ends a line. Else 0. Strings
 * come from other people's trees and descriptions: nothing in them may control a terminal, or look like another name.
 */
static inline unsigned mach_cfg_unfit(const char *s, unsigned n)
{
    const uint8_t *p = (const uint8_t *)s;
    unsigned c = p[0];
    if (n == 2)
        c = (p[0] & 0x1fU) << 6 | (p[1] & 0x3fU);
    else if (n == 3)
        c = (p[0] & 0xfU) << 12 | (p[1] & 0x3fU) << 6 | (p[2] & 0x3fU);
    else if (n == 4)
        return 0;
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c || c == 0x200e || c == 0x200f ||
                   (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069)
               ? c
               : 0;
}

/*
 * Puts `?` for each character of a text that is not fit to be shown (mach_cfg_unfit()), and for each byte that is not
 * UTF-8. All that the runtime says with names of others in it goes through here: errors, findings, the log, and what
 * machrt prints.
 */
static inline void mach_cfg_clean(char *text)
{
    char *to = text;
    for (const char *s = text; *s;) {
        unsigned n = mach_cfg_utf8(s);
        int fit = n && !mach_cfg_unfit(s, n);
        n = n ? n : 1;
        if (fit)
            memmove(to, s, n);
        else
            *to = '?';
        to += fit ? n : 1;
        s += n;
    }
    *to = '\0';
}

#endif
