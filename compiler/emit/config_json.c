// SPDX-License-Identifier: MIT
// Writes the JSON view of a guest.cfg, from its bytes alone. docs/guest-cfg.md specifies it to the byte.
#include "emit/emit.h"
#include "machc.h"
#include "machcfg_file.h"

#include <string.h>

struct json {
    struct arena *arena;
    char *at;
    size_t n, room;
};

static void append_bytes(struct json *j, const char *s, size_t n)
{
    if (n > j->room - j->n) {
        size_t room = j->room;
        while (room - j->n < n)
            room = room > SIZE_MAX / 2 ? SIZE_MAX : room * 2;
        char *at = arena_alloc(j->arena, room);
        memcpy(at, j->at, j->n);
        j->at = at;
        j->room = room;
    }
    memcpy(j->at + j->n, s, n);
    j->n += n;
}

static void append_text(struct json *j, const char *s)
{
    append_bytes(j, s, strlen(s));
}

static void append_digits(struct json *j, uint64_t v, unsigned base, size_t least)
{
    char buf[20];
    size_t at = sizeof buf;
    do {
        buf[--at] = "0123456789abcdef"[v % base];
        v /= base;
    } while (v || sizeof buf - at < least);
    append_bytes(j, buf + at, sizeof buf - at);
}

static void append_decimal(struct json *j, uint64_t v)
{
    append_digits(j, v, 10, 1);
}

static void append_hex(struct json *j, uint64_t v, size_t least)
{
    append_digits(j, v, 16, least);
}

static void append_address(struct json *j, uint64_t v)
{
    append_text(j, "\"0x");
    append_hex(j, v, 1);
    append_text(j, "\"");
}

static void append_string(struct json *j, const char *s)
{
    append_text(j, "\"");
    while (*s) {
        unsigned char ch = (unsigned char)*s;
        unsigned n = mach_cfg_utf8(s);
        if (ch == '"' || ch == '\\') {
            append_text(j, ch == '"' ? "\\\"" : "\\\\");
            n = 1;
        } else if (!n || mach_cfg_unfit(s, n)) {
            // A byte that is not UTF-8 becomes a lone surrogate, as in Python, so that it can be restored.
            append_text(j, "\\u");
            append_hex(j, n ? mach_cfg_unfit(s, n) : 0xdc00U + ch, 4);
            n = n ? n : 1;
        } else {
            append_bytes(j, s, n);
        }
        s += n;
    }
    append_text(j, "\"");
}

static void append_words(struct json *j, const struct mach_cfg_field *f, uint64_t v)
{
    const char *between = "";
    append_text(j, "[");
    for (uint32_t i = 0; i < f->nwords; i++) {
        if (!(v & f->words[i].value))
            continue;
        append_text(j, between);
        append_string(j, f->words[i].word);
        between = ", ";
    }
    append_text(j, "]");
}

static void append_value(struct json *j, const struct mach_cfg_file *file, const struct mach_cfg_field *f, uint64_t v)
{
    bool none = v == (f->size == 8 ? MACH_CFG_NONE64 : MACH_CFG_NONE);
    const char *word;
    switch ((enum mach_cfg_kind)f->kind) {
    case MACH_CFG_K_STR:
        if (v)
            append_string(j, mach_cfg_string_at(file, (uint32_t)v));
        else
            append_text(j, "null");
        break;
    case MACH_CFG_K_ENUM:
        if ((word = mach_cfg_word_of(f, v)))
            append_string(j, word);
        else
            append_decimal(j, v);
        break;
    case MACH_CFG_K_FLAGS:
        append_words(j, f, v);
        break;
    case MACH_CFG_K_OPT:
    case MACH_CFG_K_REF:
    case MACH_CFG_K_OWNER:
        if (none)
            append_text(j, "null");
        else if (f->size == 8)
            append_address(j, v);
        else
            append_decimal(j, v);
        break;
    case MACH_CFG_K_HEX:
        append_address(j, v);
        break;
    case MACH_CFG_K_NUM:
    case MACH_CFG_K_FIRST:
    case MACH_CFG_K_COUNT:
    case MACH_CFG_K_ZERO:
    case MACH_CFG_K_BYTES:
        append_decimal(j, v);
        break;
    }
}

static void append_record(struct json *j, const struct mach_cfg_file *file, const struct mach_cfg_section_info *s,
                          struct mach_cfg_rec r)
{
    const char *before = "    {\"";
    for (uint32_t i = 0; i < s->nfields; i++) {
        const struct mach_cfg_field *f = &s->fields[i];
        if (f->kind == MACH_CFG_K_ZERO)
            continue;
        append_text(j, before);
        append_text(j, f->name);
        append_text(j, "\": ");
        append_value(j, file, f, mach_cfg_value(r, f));
        before = ", \"";
    }
    append_text(j, "}");
}

static void append_section(struct json *j, const struct mach_cfg_file *file, const struct mach_cfg_section_info *s)
{
    uint32_t n = file->section[s->type].count;
    append_text(j, ",\n  \"");
    append_text(j, s->name);
    append_text(j, "\": [");
    for (uint32_t i = 0; i < n; i++) {
        append_text(j, i ? ",\n" : "\n");
        append_record(j, file, s, mach_cfg_record_at(file, s->type, i));
    }
    append_text(j, n ? "\n  ]" : "]");
}

char *emit_config_json(struct machc *c, const uint8_t *config, uint32_t size)
{
    struct mach_cfg_file file;
    struct mach_cfg_fault fault;
    if (mach_cfg_frame(config, size, &file, &fault))
        return NULL;
    struct json j = {.arena = c->arena, .room = (size_t)size * 4};
    j.at = arena_alloc(c->arena, j.room); // an estimate: pages that are not touched cost nothing
    append_text(&j, "{\n  \"format\": \"guest.cfg\",\n  \"version\": \"");
    append_decimal(&j, MACH_CFG_HEADER_GET(config, major));
    append_text(&j, ".");
    append_decimal(&j, MACH_CFG_HEADER_GET(config, minor));
    append_text(&j, "\",\n  \"dtb\": {\"size\": ");
    append_address(&j, MACH_CFG_HEADER_GET(config, dtb_size));
    append_text(&j, ", \"sha256\": \"");
    for (size_t i = 0; i < sizeof(mach_bytes32); i++)
        append_hex(&j, config[offsetof(struct mach_cfg_header, dtb_sha256) + i], 2);
    append_text(&j, "\"}");
    for (uint32_t i = 0; i < MACH_CFG_NSECTIONS; i++)
        append_section(&j, &file, &mach_cfg_sections[i]);
    append_bytes(&j, "\n}\n", sizeof "\n}\n");
    return j.at;
}
