// SPDX-License-Identifier: MIT
// Tests of guest.cfg: write it from a hand-made plan, read it, verify it, show it, damage it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config_sample.h"
#include "machcfg_file.h"
#include "machrt.h"

#include "../../runtime/config/verify.h"

#include <errno.h>
#include <sha256.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static const uint8_t DTB[] = "a device tree";

struct made {
    struct sample *s;
    uint8_t *config;
    uint32_t size;
};

static struct made make(struct machc *c)
{
    struct made x = {.s = sample_new(c)};
    x.config = config_bytes(c, x.s->plan, x.s->m, DTB, sizeof DTB, &x.size);
    return x;
}

static int check(const void *bytes, size_t size, struct mach_cfg_fault *fault)
{
    struct mach_cfg_file f;
    return mach_cfg_frame(bytes, size, &f, fault) ? -1 : machrt_verify(&f, fault);
}

static void seal(uint8_t *bytes, size_t size)
{
    mach_cfg_store(bytes + offsetof(struct mach_cfg_header, checksum), 4, mach_cfg_checksum(bytes, size));
}

// Each test runs in its own compilation.
static void in_machc(machc_fn *work)
{
    assert_int_equal(machc_run(work, NULL), 0);
}

static char *slurp(struct arena *a, const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    char *s = arena_alloc(a, 1 << 20);
    size_t n = fread(s, 1, (1 << 20) - 1, f);
    fclose(f);
    s[n] = '\0';
    return s;
}

// UPDATE=1 in the environment rewrites the expected file.
static void expect_file(struct machc *c, const char *path, const char *text)
{
    if (getenv("UPDATE")) {
        FILE *f = fopen(path, "wb");
        assert_non_null(f);
        assert_int_equal(fputs(text, f) < 0, 0);
        assert_int_equal(fclose(f), 0);
    }
    char *expected = slurp(c->arena, path);
    if (!expected)
        fail_msg("%s: cannot be read; unit tests run in the top directory", path);
    assert_string_equal(text, expected);
}

/* ---- layout ---- */

static void test_layout(void **state)
{
    (void)state;
    assert_int_equal(sizeof(struct mach_cfg_header), 96);
    assert_int_equal(sizeof(struct mach_cfg_entry), 32);
    uint32_t set = 0;
    for (uint32_t i = 0; i < MACH_CFG_NSECTIONS; i++) {
        const struct mach_cfg_section_info *s = &mach_cfg_sections[i];
        uint32_t end = 0, largest = 0;
        assert_int_equal(s->type, MACH_CFG_S_MACHINE + i);
        for (uint32_t k = 0; k < s->nfields; k++) {
            const struct mach_cfg_field *f = &s->fields[k];
            // No gaps, and every field is aligned to its own size.
            assert_int_equal(f->offset, end);
            assert_int_equal(f->offset % f->size, 0);
            end += f->size;
            largest = f->size > largest ? f->size : largest;
            if (f->kind == MACH_CFG_K_FIRST) {
                assert_int_equal(s->fields[k + 1].kind, MACH_CFG_K_COUNT);
                assert_int_equal(s->fields[k + 1].section, f->section);
            }
            // 64-bit fields are addresses and sizes, because JSON numbers cannot hold them.
            if (f->size == 8)
                assert_true(f->kind == MACH_CFG_K_HEX || f->kind == MACH_CFG_K_OPT);
            // fields.c does not check numbers, addresses and optional values further, and has one bit for each word.
            if (f->kind != MACH_CFG_K_HEX && f->kind != MACH_CFG_K_OPT)
                assert_int_equal(f->size, 4);
            if (f->kind == MACH_CFG_K_ENUM)
                for (uint32_t n = 0; n < f->nwords; n++)
                    assert_true(f->words[n].value < 64);
            for (uint32_t n = 0; n < f->nwords; n++, set++)
                assert_ptr_equal(mach_cfg_word_of(f, f->words[n].value), f->words[n].word);
        }
        assert_int_equal(s->record_size, end);
        assert_true(s->least && s->least <= end);
        assert_int_equal(end % largest, 0);
    }
    assert_true(set > 40);
}

static void test_words(void **state)
{
    (void)state;
    // Bytes instead of a number in memory, so that the test works with either endianness.
    assert_memory_equal(mach_le32_of(0x12345678).b, "\x78\x56\x34\x12", 4);
    assert_memory_equal(mach_le64_of(UINT64_C(0x123456789abcdef0)).b, "\xf0\xde\xbc\x9a\x78\x56\x34\x12", 8);
    const uint8_t bytes[] = {0, 0xf0, 0xde, 0xbc, 0x9a, 0x78, 0x56, 0x34, 0x92};
    assert_true(mach_cfg_load(bytes + 1, 8) == UINT64_C(0x923456789abcdef0));
    assert_true(mach_cfg_load(bytes + 1, 4) == 0x9abcdef0);
    assert_true(mach_cfg_load(bytes + 1, 2) == 0xdef0);
}

static void test_checksum(void **state)
{
    (void)state;
    // RFC 3720, B.4: 32 bytes of ones have CRC-32C 0x62a8ab43, behind a header that contributes nothing known:
    // so the reference here is the definition, bit by bit, at every length around the hole and the 16-byte steps.
    uint8_t p[96];
    for (size_t i = 0; i < sizeof p; i++)
        p[i] = (uint8_t)(i * 37 + 11);
    for (size_t size = 0; size <= sizeof p; size++) {
        uint32_t crc = UINT32_MAX;
        for (size_t i = 0; i < size; i++) {
            crc ^= i >= 24 && i < 28 ? 0 : p[i];
            for (int k = 0; k < 8; k++)
                crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
        }
        assert_int_equal(mach_cfg_checksum(p, size), (uint32_t)~crc);
    }
    // "123456789" is the usual check string of CRC catalogues.
    assert_int_equal(mach_cfg_checksum((const uint8_t *)"123456789", 9), 0xe3069283);
}

static void test_utf8(void **state)
{
    (void)state;
    assert_int_equal(mach_cfg_utf8("a"), 1);
    assert_int_equal(mach_cfg_utf8("\xc2\xb5"), 2);
    assert_int_equal(mach_cfg_utf8("\xe2\x82\xac"), 3);
    assert_int_equal(mach_cfg_utf8("\xf0\x9f\x98\x80"), 4);
    static const char *const bad[] = {"\x80",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xc2x",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xe2\x82",
                                      "\xf0\x8f\x80\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(mach_cfg_utf8(bad[i]), 0);
}

/* ---- emit, verify, show ---- */

static int golden(struct machc *c, void *opaque)
{
    (void)opaque;
    struct made x = make(c);
    struct mach_cfg_fault fault;
    if (check(x.config, x.size, &fault))
        fail_msg("%s at %llu: %s %u %s", machrt_fault_name(fault.error), (unsigned long long)fault.offset,
                 fault.section ? fault.section->name : "-", fault.record, fault.field ? fault.field->name : "-");
    expect_file(c, "tests/unit/expected/config.json", emit_config_json(c, x.config, x.size));
    expect_file(c, "tests/unit/expected/config-plan.txt", emit_plan(c, x.s->plan, NULL));
    assert_string_equal(emit_plan(c, x.s->plan, x.s->m), emit_plan(c, x.s->plan, NULL));
    return 0;
}

static void test_golden(void **state)
{
    (void)state;
    in_machc(golden);
}

static int accessors(struct machc *c, void *opaque)
{
    (void)opaque;
    struct made x = make(c);
    struct mach_cfg_file f;
    struct mach_cfg_fault fault;
    assert_int_equal(mach_cfg_frame(x.config, x.size, &f, &fault), 0);
    assert_int_equal(MACH_CFG_HEADER_GET(x.config, dtb_size), sizeof DTB);
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA2_CTX sha;
    SHA256Init(&sha);
    SHA256Update(&sha, DTB, sizeof DTB);
    SHA256Final(digest, &sha);
    assert_memory_equal(x.config + offsetof(struct mach_cfg_header, dtb_sha256), digest, sizeof digest);
    struct mach_cfg_rec d = mach_cfg_record(&f, MACH_CFG_S_DEVICE, 1);
    assert_string_equal(mach_cfg_string(&f, mach_cfg_device_name(d)), "eth0");
    assert_int_equal(mach_cfg_device_regions(d), 3);
    struct mach_cfg_rec r = mach_cfg_record(&f, MACH_CFG_S_REGION, mach_cfg_device_first_region(d) + 1);
    assert_true(mach_cfg_region_host(r) == 0x1af4000);
    assert_int_equal(mach_cfg_region_mode(r), MACH_CFG_REGION_TRAP);
    // Absent values read as missing; nothing is read outside of the file.
    struct mach_cfg_rec none = mach_cfg_record(&f, MACH_CFG_S_DEVICE, 1000);
    assert_int_equal(mach_cfg_device_name(none), 0);
    assert_int_equal(mach_cfg_device_parent(none), MACH_CFG_NONE);
    assert_true(mach_cfg_region_guest(none) == MACH_CFG_NONE64);
    assert_string_equal(mach_cfg_string(&f, UINT32_MAX), "");
    return 0;
}

static void test_accessors(void **state)
{
    (void)state;
    in_machc(accessors);
}

static int deterministic(struct machc *c, void *opaque)
{
    (void)opaque;
    struct made x = make(c), y = make(c);
    assert_int_equal(x.size, y.size);
    assert_memory_equal(x.config, y.config, x.size);
    return 0;
}

static void test_deterministic(void **state)
{
    (void)state;
    in_machc(deterministic);
}

static int empty(struct machc *c, void *opaque)
{
    (void)opaque;
    struct plan p = {.c = c, .model = NEW(c->arena, struct model)};
    struct p_machine m = {.tree = dt_tree_new(c->arena, c->names)};
    struct mach_cfg_fault fault;
    uint32_t size;
    uint8_t *config = config_bytes(c, &p, &m, NULL, 0, &size);
    assert_int_equal(check(config, size, &fault), 0);
    assert_non_null(strstr(emit_config_json(c, config, size), "\n  \"device\": [],\n"));
    assert_string_equal(emit_plan(c, &p, NULL), "");
    assert_non_null(strstr(emit_map(c, &p, NULL), "</svg>\n"));
    assert_non_null(strstr(emit_graph(c, &p, NULL), "\n}\n"));
    return 0;
}

static void test_empty(void **state)
{
    (void)state;
    in_machc(empty);
}

/* ---- damage ---- */

static int every_byte(struct machc *c, void *opaque)
{
    (void)opaque;
    struct made x = make(c);
    // On the heap and exactly as large, so that an access outside is detected.
    uint8_t *copy = malloc(x.size);
    struct mach_cfg_fault fault;
    assert_non_null(copy);
    memcpy(copy, x.config, x.size);
    uint32_t accepted = 0, refused = 0;
    for (uint32_t i = 0; i < x.size; i++) {
        static const uint8_t flips[] = {0x01, 0x80, 0xff};
        for (size_t k = 0; k < sizeof flips; k++) {
            copy[i] ^= flips[k];
            assert_int_equal(check(copy, x.size, &fault), -1);
            assert_int_not_equal(fault.error, MACH_CFG_E_OK);
            assert_null(emit_config_json(c, copy, x.size));
            seal(copy, x.size);
            if (check(copy, x.size, &fault)) {
                refused++;
                assert_int_not_equal(fault.error, MACH_CFG_E_CHECKSUM);
                assert_true(fault.offset <= x.size);
                assert_non_null(machrt_fault_text(fault.error));
            } else {
                accepted++;
            }
            // The view prints what it can, whatever the records hold.
            if (i % 7 == 0)
                emit_config_json(c, copy, x.size);
            copy[i] = x.config[i];
            memcpy(copy, x.config, sizeof(struct mach_cfg_header));
        }
    }
    free(copy);
    // Names, addresses and numbers can have any value, but the structure cannot.
    assert_true(refused > accepted / 4);
    return 0;
}

static void test_every_byte(void **state)
{
    (void)state;
    in_machc(every_byte);
}

static int every_length(struct machc *c, void *opaque)
{
    (void)opaque;
    struct made x = make(c);
    struct mach_cfg_fault fault;
    for (uint32_t n = 0; n < x.size; n++) {
        uint8_t *copy = malloc(n ? n : 1);
        assert_non_null(copy);
        memcpy(copy, x.config, n);
        assert_int_equal(check(copy, n, &fault), -1);
        if (n >= sizeof(struct mach_cfg_header)) {
            mach_cfg_store(copy + offsetof(struct mach_cfg_header, total_size), 8, n);
            seal(copy, n);
            // A file truncated in the padding after the last section is still complete.
            if (!check(copy, n, &fault))
                assert_true(n + 8 > x.size);
        }
        free(copy);
    }
    return 0;
}

static void test_every_length(void **state)
{
    (void)state;
    in_machc(every_length);
}

struct damage {
    uint32_t section, record;
    const char *field;
    uint64_t value;
    enum mach_cfg_error error;
};

static int one_error(struct machc *c, void *opaque)
{
    (void)opaque;
    static const struct damage damages[] = {
        {MACH_CFG_S_MACHINE, 0, "name", 0xfffffff0, MACH_CFG_E_STRING},
        {MACH_CFG_S_MACHINE, 0, "name", 2, MACH_CFG_E_STRING},
        {MACH_CFG_S_MACHINE, 0, "arch", 6, MACH_CFG_E_ENUM},
        {MACH_CFG_S_MEMORY, 0, "flags", 4, MACH_CFG_E_FLAGS},
        {MACH_CFG_S_MEMORY, 0, "reserved0", 1, MACH_CFG_E_RESERVED},
        {MACH_CFG_S_MEMORY, 0, "size", 0, MACH_CFG_E_EXTENT},
        {MACH_CFG_S_MEMORY, 1, "address", UINT64_MAX - 4096, MACH_CFG_E_EXTENT},
        {MACH_CFG_S_DEVICE, 2, "parent", 100, MACH_CFG_E_INDEX},
        {MACH_CFG_S_DEVICE, 2, "parent", 2, MACH_CFG_E_CONTRADICTION},
        {MACH_CFG_S_DEVICE, 1, "first_region", 0, MACH_CFG_E_RANGE},
        {MACH_CFG_S_DEVICE, 0, "regions", 0, MACH_CFG_E_RANGE},
        {MACH_CFG_S_DEVICE, 0, "regions", 0xffffffff, MACH_CFG_E_RANGE},
        {MACH_CFG_S_REGION, 1, "device", 0, MACH_CFG_E_OWNER},
        {MACH_CFG_S_REGION, 1, "device", MACH_CFG_NONE, MACH_CFG_E_INDEX},
        {MACH_CFG_S_REGION, 1, "size", 0, MACH_CFG_E_EXTENT},
        {MACH_CFG_S_IRQ, 1, "chip", MACH_CFG_NONE, MACH_CFG_E_CONTRADICTION},
        {MACH_CFG_S_IRQ, 0, "flags", MACH_CFG_IRQ_SHARED | MACH_CFG_IRQ_RESAMPLE, MACH_CFG_E_CONTRADICTION},
        {MACH_CFG_S_IRQ, 1, "flags", MACH_CFG_IRQ_SHARED | MACH_CFG_IRQ_DROPPED, MACH_CFG_E_CONTRADICTION},
        {MACH_CFG_S_DMA, 0, "stash", 1, MACH_CFG_E_CONTRADICTION},
        {MACH_CFG_S_DMA, 0, "mode", MACH_CFG_DMA_GUEST_IOMMU, MACH_CFG_E_CONTRADICTION},
        {MACH_CFG_S_DMA, 0, "endpoint", 0, MACH_CFG_E_CONTRADICTION},
        {MACH_CFG_S_DMA_MAP, 0, "region", 0, MACH_CFG_E_CONTRADICTION},
        {MACH_CFG_S_DMA_MAP, 1, "granted", 0xfff, MACH_CFG_E_EXTENT},
        {MACH_CFG_S_DMA_MAP, 0, "granted", MACH_CFG_NONE64 - 0xfff, MACH_CFG_E_EXTENT},
        {MACH_CFG_S_DMA_MAP, 0, "offset", 0x20000000, MACH_CFG_E_EXTENT},
        {MACH_CFG_S_DMA_MAP, 2, "size", 0x2001, MACH_CFG_E_EXTENT},
        {MACH_CFG_S_STASH, 1, "dma", 0, MACH_CFG_E_CONTRADICTION},
        {MACH_CFG_S_STASH, 1, "st_index", 2048, MACH_CFG_E_CONTRADICTION},
        {MACH_CFG_S_STASH, 0, "st_index", 0, MACH_CFG_E_CONTRADICTION},
        {MACH_CFG_S_STASH, 0, "memory_type", MACH_CFG_MEMORY_PERSISTENT, MACH_CFG_E_CONTRADICTION},
        {MACH_CFG_S_EXPECT, 0, "kind", 99, MACH_CFG_E_ENUM},
        {MACH_CFG_S_REGION, 7, "mode", MACH_CFG_REGION_MAP, MACH_CFG_E_CONTRADICTION},
        {MACH_CFG_S_REGION, 6, "flags", MACH_CFG_REGION_BIG_ENDIAN, MACH_CFG_E_CONTRADICTION},
        {MACH_CFG_S_DMA_MAP, 2, "region", 7, MACH_CFG_E_CONTRADICTION},
        {MACH_CFG_S_WRITE, 0, "offset", 0x430, MACH_CFG_E_CONTRADICTION},
        {MACH_CFG_S_WRITE, 1, "mask", 0x1ffff, MACH_CFG_E_CONTRADICTION},
        {MACH_CFG_S_WRITE, 1, "flags", 4, MACH_CFG_E_FLAGS},
        {MACH_CFG_S_WRITE, 1, "flags", 2, MACH_CFG_E_CONTRADICTION},
        {MACH_CFG_S_WRITE, 1, "region", 8, MACH_CFG_E_INDEX},
    };
    struct made x = make(c);
    uint8_t *copy = arena_alloc(c->arena, x.size);
    struct mach_cfg_file f;
    struct mach_cfg_fault fault;
    memcpy(copy, x.config, x.size);
    assert_int_equal(mach_cfg_frame(copy, x.size, &f, &fault), 0);
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        const struct damage *d = &damages[i];
        const struct mach_cfg_section_info *s = &mach_cfg_sections[d->section - MACH_CFG_S_MACHINE];
        uint32_t n = 0;
        while (strcmp(s->fields[n].name, d->field))
            assert_true(++n < s->nfields);
        size_t at = (size_t)(mach_cfg_record(&f, d->section, d->record).at - copy) + s->fields[n].offset;
        mach_cfg_store(copy + at, s->fields[n].size, d->value);
        seal(copy, x.size);
        assert_int_equal(check(copy, x.size, &fault), -1);
        assert_string_equal(machrt_fault_name(fault.error), machrt_fault_name(d->error));
        memcpy(copy, x.config, x.size);
    }
    return 0;
}

static void test_one_error(void **state)
{
    (void)state;
    in_machc(one_error);
}

/* ---- versions ---- */

// The same file as a newer minor version might write it: a larger header, larger entries, a section that is not
// known, and 8 more bytes after each record.
static uint8_t *grown(struct machc *c, const struct made *x, uint32_t type, uint32_t flags, uint32_t *size)
{
    struct mach_cfg_file f;
    struct mach_cfg_fault fault;
    assert_int_equal(mach_cfg_frame(x->config, x->size, &f, &fault), 0);
    uint8_t *file = arena_alloc(c->arena, x->size * 2 + 4096);
    memcpy(file, x->config, sizeof(struct mach_cfg_header));
    const size_t header = sizeof(struct mach_cfg_header) + 16, entry = sizeof(struct mach_cfg_entry) + 8;
    size_t at = header, n = 0, end = header + (MACH_CFG_S_END + 1) * entry;
    for (uint32_t t = 1; t <= MACH_CFG_S_END; t++) {
        struct mach_cfg_section s = t < MACH_CFG_S_END ? f.section[t] : (struct mach_cfg_section){DTB, sizeof DTB, 1};
        if (!s.count)
            continue;
        uint32_t more = t == MACH_CFG_S_STRINGS || t == MACH_CFG_S_END ? 0 : 8;
        end = (end + 7) / 8 * 8;
        struct mach_cfg_entry e = {
            .type = mach_le32_of(t < MACH_CFG_S_END ? t : type),
            .flags = mach_le32_of(t < MACH_CFG_S_END ? 1 : flags),
            .offset = mach_le64_of(end),
            .size = mach_le64_of((uint64_t)s.count * (s.record_size + more)),
            .record_size = mach_le32_of(s.record_size + more),
            .count = mach_le32_of(s.count),
        };
        memcpy(file + at, &e, sizeof e);
        at += entry;
        n++;
        for (uint32_t i = 0; i < s.count; i++) {
            memcpy(file + end, s.at + (size_t)i * s.record_size, s.record_size);
            memset(file + end + s.record_size, 0xa5, more);
            end += s.record_size + more;
        }
    }
    struct mach_cfg_header *h = (struct mach_cfg_header *)file;
    h->minor.b[0] = 7;
    h->header_size = mach_le32_of((uint32_t)header);
    h->section_table = mach_le64_of(header);
    h->entry_size = mach_le32_of((uint32_t)entry);
    h->sections = mach_le32_of((uint32_t)n);
    h->total_size = mach_le64_of(end);
    seal(file, end);
    *size = (uint32_t)end;
    return file;
}

static int versions(struct machc *c, void *opaque)
{
    (void)opaque;
    struct made x = make(c);
    struct mach_cfg_fault fault;
    uint32_t size;
    uint8_t *newer = grown(c, &x, 1000, 0, &size);
    assert_int_equal(check(newer, size, &fault), 0);
    char *old_view = emit_config_json(c, x.config, x.size), *new_view = emit_config_json(c, newer, size);
    assert_non_null(strstr(new_view, "\"version\": \"1.7\""));
    assert_string_equal(strstr(old_view, "\"dtb\""), strstr(new_view, "\"dtb\""));
    newer = grown(c, &x, 1000, 1, &size);
    assert_int_equal(check(newer, size, &fault), -1);
    assert_int_equal(fault.error, MACH_CFG_E_SECTION_UNKNOWN);
    newer = grown(c, &x, 1000, 2, &size);
    assert_int_equal(check(newer, size, &fault), -1);
    assert_int_equal(fault.error, MACH_CFG_E_SECTION_FLAGS);
    newer = grown(c, &x, MACH_CFG_S_EXPECT, 0, &size);
    assert_int_equal(check(newer, size, &fault), -1);
    assert_int_equal(fault.error, MACH_CFG_E_SECTION_ORDER);
    x.config[offsetof(struct mach_cfg_header, major)] = 2;
    seal(x.config, x.size);
    assert_int_equal(check(x.config, x.size, &fault), -1);
    assert_int_equal(fault.error, MACH_CFG_E_VERSION);
    return 0;
}

static void test_versions(void **state)
{
    (void)state;
    in_machc(versions);
}

// A reader of a later minor version reads records that end before its new fields.
static void test_short_record(void **state)
{
    (void)state;
    uint8_t bytes[8] = {1};
    struct mach_cfg_rec r = {bytes, sizeof bytes};
    assert_int_equal(mach_cfg_device_name(r), 1);
    assert_int_equal(mach_cfg_device_reset(r), 0);
    assert_int_equal(mach_cfg_device_slot(r), MACH_CFG_NONE);
}

/* ---- other readers, and size ---- */

static int runtime(struct machc *c, void *opaque)
{
    (void)opaque;
    struct made x = make(c);
    struct mach_config *config;
    struct mach_error error = MACH_ERROR_INIT;
    assert_int_equal(mach_config_from_memory("guest.cfg", x.config, x.size, &config, &error), 0);
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    mach_config_json(config, f);
    fclose(f);
    assert_string_equal(text, emit_config_json(c, x.config, x.size));
    free(text);
    f = open_memstream(&text, &size);
    assert_non_null(f);
    mach_config_show(config, f);
    fclose(f);
    expect_file(c, "tests/unit/expected/config-show.txt", text);
    free(text);
    mach_config_close(config);
    return 0;
}

static void test_runtime(void **state)
{
    (void)state;
    in_machc(runtime);
}

static int runtime_errors(struct machc *c, void *opaque)
{
    (void)opaque;
    struct made x = make(c);
    struct mach_config *config;
    struct mach_error error = MACH_ERROR_INIT;
    assert_int_equal(mach_config_open("/nowhere/guest.cfg", &config, &error), -ENOENT);
    assert_null(config);
    assert_int_equal(error.number, ENOENT);
    assert_string_equal(error.step, "open");
    assert_int_equal(mach_config_open("/", &config, &error), -EINVAL);
    assert_int_equal(error.number, EINVAL);
    char path[] = "/tmp/test_config.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(mach_config_open(path, &config, &error), -EBADMSG);
    assert_string_equal(error.name, "TOO_SHORT");
    assert_int_equal(write(fd, x.config, x.size), x.size);
    assert_int_equal(mach_config_open(path, &config, &error), 0);
    assert_int_equal(mach_config_file(config)->size, x.size);
    mach_config_close(config);
    assert_int_equal(pwrite(fd, "Z", 1, x.size - 16), 1);
    assert_int_equal(mach_config_open(path, &config, NULL), -EBADMSG);
    close(fd);
    unlink(path);
    // The error names the record and the field.
    struct mach_cfg_file file;
    struct mach_cfg_fault fault;
    assert_int_equal(mach_cfg_frame(x.config, x.size, &file, &fault), 0);
    size_t at = (size_t)(mach_cfg_record(&file, MACH_CFG_S_DEVICE, 2).at - x.config);
    at += offsetof(struct mach_cfg_device, parent);
    mach_cfg_store(x.config + at, 4, 77);
    seal(x.config, x.size);
    assert_int_equal(mach_config_from_memory("g", x.config, x.size, &config, &error), -EBADMSG);
    assert_string_equal(error.object, "g: device 2, parent");
    assert_string_equal(error.name, "INDEX");
    assert_int_equal(error.offset, at);
    return 0;
}

static void test_runtime_errors(void **state)
{
    (void)state;
    in_machc(runtime_errors);
}

// The runtime has its own SHA-256; the compiler uses libmd's.
static int runtime_dtb(struct machc *c, void *opaque)
{
    (void)opaque;
    struct sample *s = sample_new(c);
    uint8_t dtb[200];
    for (size_t i = 0; i < sizeof dtb; i++)
        dtb[i] = (uint8_t)(i * 7 + 1);
    for (uint32_t n = 0; n < sizeof dtb; n++) {
        uint32_t size;
        uint8_t *bytes = config_bytes(c, s->plan, s->m, dtb, n, &size);
        struct mach_config *config;
        struct mach_error error = MACH_ERROR_INIT;
        assert_int_equal(mach_config_from_memory("g", bytes, size, &config, &error), 0);
        assert_int_equal(mach_config_dtb(config, dtb, n, &error), 0);
        assert_int_equal(mach_config_dtb(config, dtb, n + 1, &error), -EBADMSG);
        assert_string_equal(error.name, "DTB");
        if (n) {
            dtb[n / 2] ^= 1;
            assert_int_equal(mach_config_dtb(config, dtb, n, NULL), -EBADMSG);
            dtb[n / 2] ^= 1;
        }
        mach_config_close(config);
    }
    return 0;
}

static void test_runtime_dtb(void **state)
{
    (void)state;
    in_machc(runtime_dtb);
}

static int python(struct machc *c, void *opaque)
{
    (void)opaque;
    struct made x = make(c);
    char path[] = "/tmp/test_config.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, x.config, x.size), x.size);
    close(fd);
    FILE *p = popen(arena_printf(c->arena, "python3 tests/tools/readcfg.py %s", path), "r");
    assert_non_null(p);
    char *text = arena_alloc(c->arena, 1 << 20);
    size_t n = fread(text, 1, (1 << 20) - 1, p);
    text[n] = '\0';
    int status = pclose(p);
    unlink(path);
    assert_string_equal(text, emit_config_json(c, x.config, x.size));
    assert_int_equal(status, 0);
    return 0;
}

static void test_python(void **state)
{
    (void)state;
    in_machc(python);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int many(struct machc *c, void *opaque)
{
    (void)opaque;
    struct sample *s = sample_new(c);
    const struct p_dma_map map = {.what = MAP_MEMORY, .memory = &s->m->memory.at[0], .size = 0x1000, .granted = 0x1000};
    struct dt_tree *host = dt_tree_new(c->arena, c->names);
    s->m->irqchips.at[0]->nlines = 200000;
    for (uint32_t i = 0; i < 100000; i++) {
        struct p_device *d = sample_device(s, arena_printf(c->arena, "dev%u", i), DEV_PLATFORM);
        d->host = dt_add_child(host, host->root, intern(c->names, arena_printf(c->arena, "dev@%x", i * 4096)));
        d->sysfs_name = arena_printf(c->arena, "%x.dev", i * 4096);
        sample_region(s, d, (UINT64_C(1) << 40) + (uint64_t)i * 4096, 4096, REGION_MAP);
        sample_irq(s, d, IRQ_DEVICE, 100 + i, true);
        struct p_dma *dma = sample_dma(s, d, DMA_WINDOW);
        dma->maps = &map;
        dma->nmaps = 1;
    }
    struct mach_cfg_fault fault;
    uint32_t size;
    double start = seconds();
    uint8_t *config = config_bytes(c, s->plan, s->m, DTB, sizeof DTB, &size);
    double emitted = seconds();
    assert_int_equal(check(config, size, &fault), 0);
    double checked = seconds();
    print_message("100,000 devices, %u bytes: written in %.0f ms, checked in %.0f ms\n", size, (emitted - start) * 1e3,
                  (checked - emitted) * 1e3);
    return 0;
}

static void test_many(void **state)
{
    (void)state;
    in_machc(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),        cmocka_unit_test(test_words),          cmocka_unit_test(test_checksum),
        cmocka_unit_test(test_utf8),          cmocka_unit_test(test_golden),         cmocka_unit_test(test_accessors),
        cmocka_unit_test(test_deterministic), cmocka_unit_test(test_empty),          cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_every_length),  cmocka_unit_test(test_one_error),      cmocka_unit_test(test_versions),
        cmocka_unit_test(test_short_record),  cmocka_unit_test(test_python),         cmocka_unit_test(test_many),
        cmocka_unit_test(test_runtime),       cmocka_unit_test(test_runtime_errors), cmocka_unit_test(test_runtime_dtb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
