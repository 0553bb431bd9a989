// SPDX-License-Identifier: MIT
// The functions of machcfg.h: records, strings, and the value of each field.
#include "machcfg_file.h"

uint32_t mach_cfg_count(const struct mach_cfg_file *f, uint32_t section)
{
    return section < MACH_CFG_S_END ? f->section[section].count : 0;
}

struct mach_cfg_rec mach_cfg_record(const struct mach_cfg_file *f, uint32_t section, uint32_t i)
{
    return mach_cfg_record_at(f, section, i);
}

const char *mach_cfg_string(const struct mach_cfg_file *f, uint32_t offset)
{
    return mach_cfg_string_at(f, offset);
}

// What a field reads as in a record of an older file, which is too short to have it.
#define MISSING_NUM   0
#define MISSING_HEX   0
#define MISSING_OPT   MACH_CFG_NONE64
#define MISSING_STR   0
#define MISSING_REF   MACH_CFG_NONE64
#define MISSING_OWNER MACH_CFG_NONE64
#define MISSING_FIRST 0
#define MISSING_COUNT 0
#define MISSING_ENUM  0
#define MISSING_FLAGS 0
#define MISSING_ZERO  0

// mach_cfg_RECORD_FIELD(): machcfg.h declares each one, a reserved field has none.
#define VALUE_le32 uint32_t
#define VALUE_le64 uint64_t
#define GETTER(R, type, name, kind, arg, doc)                                                                          \
    VALUE_##type mach_cfg_##R##_##name(struct mach_cfg_rec r)                                                          \
    {                                                                                                                  \
        return (VALUE_##type)mach_cfg_get(r, offsetof(struct mach_cfg_##R, name), sizeof(mach_##type),                 \
                                          MISSING_##kind);                                                             \
    }
#define GETTER_NUM   GETTER
#define GETTER_HEX   GETTER
#define GETTER_OPT   GETTER
#define GETTER_STR   GETTER
#define GETTER_REF   GETTER
#define GETTER_OWNER GETTER
#define GETTER_FIRST GETTER
#define GETTER_COUNT GETTER
#define GETTER_ENUM  GETTER
#define GETTER_FLAGS GETTER
#define GETTER_ZERO(R, type, name, kind, arg, doc)
#define GETTER_OF_KIND(R, type, name, kind, arg, doc) GETTER_##kind(R, type, name, kind, arg, doc)
#define GETTERS(name, NAME, type, least, doc)         MACH_CFG_##NAME##_FIELDS(GETTER_OF_KIND, name)
MACH_CFG_SECTIONS(GETTERS)
