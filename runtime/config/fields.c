// SPDX-License-Identifier: MIT
// Fields of records by the tables of the layout, and rows.
#include "config/rules.h"

// The record and field that are being checked.
struct place {
    const struct mach_cfg_file *file;
    const struct mach_cfg_section_info *section;
    uint32_t record;
    const struct mach_cfg_field *field;
    struct mach_cfg_fault *fault;
};

static int refuse(const struct place *p, enum mach_cfg_error error)
{
    const struct mach_cfg_section *s = &p->file->section[p->section->type];
    mach_cfg_fault_at(p->fault, error,
                      (uint64_t)(s->at - p->file->base) + (uint64_t)p->record * s->record_size +
                          (p->field ? p->field->offset : 0U));
    p->fault->section = p->section;
    p->fault->record = p->record;
    p->fault->field = p->field;
    return -1;
}

// The field of `s` that holds the record of section `owner` to which a record belongs; or NULL.
static const struct mach_cfg_field *find_owner_field(const struct mach_cfg_section_info *s, uint32_t owner)
{
    for (uint32_t i = 0; i < s->nfields; i++)
        if (s->fields[i].kind == MACH_CFG_K_OWNER && s->fields[i].section == owner)
            return &s->fields[i];
    return NULL;
}

// Rows of records follow each other in the order of their owners, without gaps. So each record is checked once, and no
// file can make a reader walk the same record for many owners.
static int verify_rows(struct place p)
{
    const struct mach_cfg_field *first = p.field, *count = first + 1;
    const struct mach_cfg_section_info *target = &mach_cfg_sections[first->section - MACH_CFG_S_MACHINE];
    const struct mach_cfg_field *owner = find_owner_field(target, p.section->type);
    uint64_t next = 0, total = p.file->section[target->type].count;
    for (p.record = 0; p.record < p.file->section[p.section->type].count; p.record++) {
        struct mach_cfg_rec r = mach_cfg_record(p.file, p.section->type, p.record);
        uint64_t n = mach_cfg_value(r, count);
        if (mach_cfg_value(r, first) != next || n > total - next)
            return refuse(&p, MACH_CFG_E_RANGE);
        for (uint64_t i = next; owner && i < next + n; i++)
            if (mach_cfg_value(mach_cfg_record(p.file, target->type, (uint32_t)i), owner) != p.record)
                return refuse(&p, MACH_CFG_E_OWNER);
        next += n;
    }
    if (next == total)
        return 0;
    struct place left = {p.file, target, (uint32_t)next, NULL, p.fault};
    return refuse(&left, MACH_CFG_E_RANGE);
}

// A check of one field of every record of a section. All such fields have 32 bits.
struct check {
    const struct mach_cfg_field *field;
    uint64_t missing;
    uint64_t limit; // of an index: records; of a string: bytes of the table; of a set: the values, one bit each
};

enum { MAX_CHECKS = 32 };
#define FEW_FIELDS(name, NAME, type, least, doc)                                                                       \
    _Static_assert(sizeof mach_cfg_fields_##name / sizeof mach_cfg_fields_##name[0] <= MAX_CHECKS, #name);
MACH_CFG_SECTIONS(FEW_FIELDS)

static uint32_t make_checks(const struct mach_cfg_file *f, const struct mach_cfg_section_info *s, struct check *checks)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->nfields; i++) {
        const struct mach_cfg_field *field = &s->fields[i];
        struct check c = {field, mach_cfg_value((struct mach_cfg_rec){NULL, 0}, field), 0};
        switch ((enum mach_cfg_kind)field->kind) {
        case MACH_CFG_K_STR:
        case MACH_CFG_K_REF:
        case MACH_CFG_K_OWNER:
            c.limit = f->section[field->section].count;
            break;
        case MACH_CFG_K_ENUM: // values are below 64, which a test checks
            for (uint32_t k = 0; k < field->nwords; k++)
                c.limit |= UINT64_C(1) << field->words[k].value;
            break;
        case MACH_CFG_K_FLAGS:
            for (uint32_t k = 0; k < field->nwords; k++)
                c.limit |= field->words[k].value;
            break;
        case MACH_CFG_K_ZERO:
            break;
        case MACH_CFG_K_NUM:
        case MACH_CFG_K_HEX:
        case MACH_CFG_K_OPT:
        case MACH_CFG_K_FIRST:
        case MACH_CFG_K_COUNT:
        case MACH_CFG_K_BYTES:
            continue;
        }
        checks[n++] = c;
    }
    return n;
}

static enum mach_cfg_error check_value(const struct check *c, const uint8_t *strings, uint64_t v)
{
    switch ((enum mach_cfg_kind)c->field->kind) {
    case MACH_CFG_K_STR:
        return v && (v >= c->limit || strings[v - 1]) ? MACH_CFG_E_STRING : MACH_CFG_E_OK;
    case MACH_CFG_K_REF:
        return v >= c->limit && v != MACH_CFG_NONE ? MACH_CFG_E_INDEX : MACH_CFG_E_OK;
    case MACH_CFG_K_OWNER:
        return v >= c->limit ? MACH_CFG_E_INDEX : MACH_CFG_E_OK;
    case MACH_CFG_K_ENUM:
        return v >= 64 || !(c->limit >> v & 1) ? MACH_CFG_E_ENUM : MACH_CFG_E_OK;
    case MACH_CFG_K_FLAGS:
        return v & ~c->limit ? MACH_CFG_E_FLAGS : MACH_CFG_E_OK;
    default:
        return v ? MACH_CFG_E_RESERVED : MACH_CFG_E_OK;
    }
}

static int verify_section(const struct mach_cfg_file *f, const struct mach_cfg_section_info *s,
                          struct mach_cfg_fault *fault)
{
    struct check checks[MAX_CHECKS];
    uint32_t n = make_checks(f, s, checks), count = f->section[s->type].count;
    const uint8_t *strings = f->section[MACH_CFG_S_STRINGS].at;
    for (uint32_t k = 0; k < count; k++) {
        struct mach_cfg_rec r = mach_cfg_record(f, s->type, k);
        for (const struct check *c = checks; c < checks + n; c++) {
            enum mach_cfg_error e = check_value(c, strings, mach_cfg_get(r, c->field->offset, 4, c->missing));
            if (e) {
                struct place p = {f, s, k, c->field, fault};
                return refuse(&p, e);
            }
        }
    }
    return 0;
}

int machrt_verify_fields(const struct mach_cfg_file *f, struct mach_cfg_fault *fault)
{
    for (uint32_t i = 0; i < MACH_CFG_NSECTIONS; i++)
        if (verify_section(f, &mach_cfg_sections[i], fault))
            return -1;
    return 0;
}

int machrt_verify_rows(const struct mach_cfg_file *f, struct mach_cfg_fault *fault)
{
    for (uint32_t i = 0; i < MACH_CFG_NSECTIONS; i++) {
        const struct mach_cfg_section_info *s = &mach_cfg_sections[i];
        for (uint32_t n = 0; n < s->nfields; n++) {
            struct place p = {f, s, 0, &s->fields[n], fault};
            if (s->fields[n].kind == MACH_CFG_K_FIRST && verify_rows(p))
                return -1;
        }
    }
    return 0;
}
