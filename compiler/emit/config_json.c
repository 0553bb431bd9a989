// SPDX-License-Identifier: MIT
// The JSON view of a guest.cfg, from its bytes alone. docs/guest-cfg.md has the rules, to the byte.
#include "emit/emit.h"
#include "machc.h"
#include "machcfg_file.h"

#include <string.h>

struct json {
    struct arena *arena;
    char *at;
    size_t n, room;
};

static void put_n(struct json *j, const char *s, size_t n)
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

static void put(struct json *j, const char *s)
{
    put_n(j, s, strlen(s));
}

static void put_digits(struct json *j, uint64_t v, unsigned base, size_t least)
{
    char buf[20];
    size_t at = sizeof buf;
    do {
        buf[--at] = "0123456789abcdef"[v % base];
        v /= base;
    } while (v || sizeof buf - at < least);
    put_n(j, buf + at, sizeof buf - at);
}

static void put_decimal(struct json *j, uint64_t v)
{
    put_digits(j, v, 10, 1);
}

static void put_hex(struct json *j, uint64_t v, size_t least)
{
    put_digits(j, v, 16, least);
}

static void put_address(struct json *j, uint64_t v)
{
    put(j, "\"0x");
    put_hex(j, v, 1);
    put(j, "\"");
}

static void put_string(struct json *j, const char *s)
{
    put(j, "\"");
    while (*s) {
        unsigned char ch = (unsigned char)*s;
        unsigned n = mach_cfg_utf8(s);
        if (ch == '"' || ch == '\\') {
            put(j, ch == '"' ? "\\\"" : "\\\\");
            n = 1;
        } else if (ch < 0x20 || !n) {
            // A byte that is no UTF-8 becomes a lone surrogate, as in Python: nothing is lost.
            put(j, "\\u");
            put_hex(j, ch < 0x20 ? ch : 0xdc00U + ch, 4);
            n = 1;
        } else {
            put_n(j, s, n);
        }
        s += n;
    }
    put(j, "\"");
}

static void put_words(struct json *j, const struct mach_cfg_field *f, uint64_t v)
{
    const char *between = "";
    put(j, "[");
    for (uint32_t i = 0; i < f->nwords; i++) {
        if (!(v & f->words[i].value))
            continue;
        put(j, between);
        put_string(j, f->words[i].word);
        between = ", ";
    }
    put(j, "]");
}

static void put_value(struct json *j, const struct mach_cfg_file *file, const struct mach_cfg_field *f, uint64_t v)
{
    bool none = v == (f->size == 8 ? MACH_CFG_NONE64 : MACH_CFG_NONE);
    const char *word;
    switch ((enum mach_cfg_kind)f->kind) {
    case MACH_CFG_K_STR:
        if (v)
            put_string(j, mach_cfg_string_at(file, (uint32_t)v));
        else
            put(j, "null");
        break;
    case MACH_CFG_K_ENUM:
        if ((word = mach_cfg_word_of(f, v)))
            put_string(j, word);
        else
            put_decimal(j, v);
        break;
    case MACH_CFG_K_FLAGS:
        put_words(j, f, v);
        break;
    case MACH_CFG_K_OPT:
    case MACH_CFG_K_REF:
    case MACH_CFG_K_OWNER:
        if (none)
            put(j, "null");
        else if (f->size == 8)
            put_address(j, v);
        else
            put_decimal(j, v);
        break;
    case MACH_CFG_K_HEX:
        put_address(j, v);
        break;
    case MACH_CFG_K_NUM:
    case MACH_CFG_K_FIRST:
    case MACH_CFG_K_COUNT:
    case MACH_CFG_K_ZERO:
    case MACH_CFG_K_BYTES:
        put_decimal(j, v);
        break;
    }
}

static void put_record(struct json *j, const struct mach_cfg_file *file, const struct mach_cfg_section_info *s,
                       struct mach_cfg_rec r)
{
    const char *before = "    {\"";
    for (uint32_t i = 0; i < s->nfields; i++) {
        const struct mach_cfg_field *f = &s->fields[i];
        if (f->kind == MACH_CFG_K_ZERO)
            continue;
        put(j, before);
        put(j, f->name);
        put(j, "\": ");
        put_value(j, file, f, mach_cfg_value(r, f));
        before = ", \"";
    }
    put(j, "}");
}

static void put_section(struct json *j, const struct mach_cfg_file *file, const struct mach_cfg_section_info *s)
{
    uint32_t n = file->section[s->type].count;
    put(j, ",\n  \"");
    put(j, s->name);
    put(j, "\": [");
    for (uint32_t i = 0; i < n; i++) {
        put(j, i ? ",\n" : "\n");
        put_record(j, file, s, mach_cfg_record_at(file, s->type, i));
    }
    put(j, n ? "\n  ]" : "]");
}

char *emit_config_json(struct machc *c, const uint8_t *config, uint32_t size)
{
    struct mach_cfg_file file;
    struct mach_cfg_fault fault;
    if (mach_cfg_frame(config, size, &file, &fault))
        return NULL;
    struct json j = {.arena = c->arena, .room = (size_t)size * 4};
    j.at = arena_alloc(c->arena, j.room); // about what is needed: what is not touched costs nothing
    put(&j, "{\n  \"format\": \"guest.cfg\",\n  \"version\": \"");
    put_decimal(&j, MACH_CFG_HEADER_GET(config, major));
    put(&j, ".");
    put_decimal(&j, MACH_CFG_HEADER_GET(config, minor));
    put(&j, "\",\n  \"dtb\": {\"size\": ");
    put_address(&j, MACH_CFG_HEADER_GET(config, dtb_size));
    put(&j, ", \"sha256\": \"");
    for (size_t i = 0; i < sizeof(mach_bytes32); i++)
        put_hex(&j, config[offsetof(struct mach_cfg_header, dtb_sha256) + i], 2);
    put(&j, "\"}");
    for (uint32_t i = 0; i < MACH_CFG_NSECTIONS; i++)
        put_section(&j, &file, &mach_cfg_sections[i]);
    put_n(&j, "\n}\n", sizeof "\n}\n");
    return j.at;
}
