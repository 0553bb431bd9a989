// SPDX-License-Identifier: MIT
// The JSON view, byte by byte as docs/guest-cfg.md specifies it.
#include "machcfg_file.h"
#include "machrt.h"

#include <inttypes.h>

static void show_string(FILE *f, const char *s)
{
    putc('"', f);
    for (unsigned n; *s; s += n) {
        unsigned byte = (unsigned char)*s;
        n = mach_cfg_utf8(s);
        if (!n || mach_cfg_unfit(s, n))
            fprintf(f, "\\u%04x", n ? mach_cfg_unfit(s, n) : 0xdc00 + byte);
        else if (byte == '"' || byte == '\\')
            fprintf(f, "\\%c", (int)byte);
        else
            fwrite(s, 1, n, f);
        n = n ? n : 1;
    }
    putc('"', f);
}

static void show_flags(FILE *f, const struct mach_cfg_field *field, uint64_t v)
{
    int more = 0;
    putc('[', f);
    for (uint32_t i = 0; i < field->nwords; i++)
        if (v & field->words[i].value)
            fprintf(f, "%s\"%s\"", more++ ? ", " : "", field->words[i].word);
    putc(']', f);
}

static void show_value(FILE *f, const struct mach_cfg_file *file, const struct mach_cfg_field *field, uint64_t v)
{
    uint8_t kind = field->kind;
    int may_be_none = kind == MACH_CFG_K_OPT || kind == MACH_CFG_K_REF;
    if (kind == MACH_CFG_K_STR && v)
        show_string(f, mach_cfg_string(file, (uint32_t)v));
    else if (kind == MACH_CFG_K_STR || (may_be_none && v == (field->size == 8 ? MACH_CFG_NONE64 : MACH_CFG_NONE)))
        fputs("null", f);
    else if (kind == MACH_CFG_K_ENUM)
        fprintf(f, "\"%s\"", mach_cfg_word_of(field, v));
    else if (kind == MACH_CFG_K_FLAGS)
        show_flags(f, field, v);
    else if (kind == MACH_CFG_K_HEX || field->size == 8)
        fprintf(f, "\"0x%" PRIx64 "\"", v);
    else
        fprintf(f, "%" PRIu64, v);
}

static void show_record(FILE *f, const struct mach_cfg_file *file, const struct mach_cfg_section_info *s, uint32_t i)
{
    struct mach_cfg_rec r = mach_cfg_record(file, s->type, i);
    int more = 0;
    fputs("    {", f);
    for (uint32_t k = 0; k < s->nfields; k++) {
        if (s->fields[k].kind == MACH_CFG_K_ZERO)
            continue;
        fprintf(f, "%s\"%s\": ", more++ ? ", " : "", s->fields[k].name);
        show_value(f, file, &s->fields[k], mach_cfg_value(r, &s->fields[k]));
    }
    putc('}', f);
}

void mach_config_json(const struct mach_config *config, FILE *out)
{
    const struct mach_cfg_file *file = mach_config_file(config);
    const uint8_t *digest = file->base + offsetof(struct mach_cfg_header, dtb_sha256);
    fprintf(out, "{\n  \"format\": \"guest.cfg\",\n  \"version\": \"%" PRIu64 ".%" PRIu64 "\",\n",
            MACH_CFG_HEADER_GET(file->base, major), MACH_CFG_HEADER_GET(file->base, minor));
    fprintf(out, "  \"dtb\": {\"size\": \"0x%" PRIx64 "\", \"sha256\": \"", MACH_CFG_HEADER_GET(file->base, dtb_size));
    for (size_t i = 0; i < sizeof(mach_bytes32); i++)
        fprintf(out, "%02x", digest[i]);
    fputs("\"}", out);
    for (uint32_t i = 0; i < MACH_CFG_NSECTIONS; i++) {
        const struct mach_cfg_section_info *s = &mach_cfg_sections[i];
        uint32_t n = file->section[s->type].count;
        fprintf(out, ",\n  \"%s\": [", s->name);
        for (uint32_t k = 0; k < n; k++) {
            fputs(k ? ",\n" : "\n", out);
            show_record(out, file, s, k);
        }
        fputs(n ? "\n  ]" : "]", out);
    }
    fputs("\n}\n", out);
}
