// SPDX-License-Identifier: MIT
// Registers of the host that a guest reads, and of which it writes certain bits: values, what is refused and told, two
// vcpus at once, and configs that say what cannot be.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scenes.h"

#include "core/session.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { GRF, SCFG };

static struct scene *started(const char *name)
{
    struct scene *x = scene_new(name);
    if (scene_start(x))
        fail_msg("%s: %s: %s", x->error.step, x->error.object, x->error.hint);
    return x;
}

static void stopped(struct scene *x)
{
    assert_int_equal(scene_stop(x), 0);
    assert_string_equal(x->k->wrong, "");
    scene_clean(x);
    scene_free(x);
}

// The registers themselves, as the host sees them.
static uint32_t *registers(const struct scene *x, uint32_t region)
{
    uint64_t want = region == GRF ? 0xff770000 : 0x10000;
    for (int i = 0; i < FAKE_MAPS; i++)
        if (x->k->map[i].at && x->k->map[i].offset == want)
            return (uint32_t *)(void *)(x->k->map[i].at + (region == GRF ? 0 : 0x40));
    fail_msg("region %u is not mapped", region);
    return NULL;
}

static int write32(struct scene *x, uint32_t region, uint64_t offset, uint32_t value)
{
    return mach_region_write(x->session, region, offset, &value, sizeof value);
}

static void test_reads(void **state)
{
    (void)state;
    struct scene *x = started("shadow");
    uint32_t *grf = registers(x, GRF), value = 0;
    uint64_t both = 0, size;
    grf[0] = htole32(0x11223344);
    grf[1] = htole32(0x55667788);
    grf[1023] = htole32(0x99aabbcc);
    // Also of a register without a mask, and the last one.
    assert_int_equal(mach_region_read(x->session, GRF, 0, &value, 4), 0);
    assert_int_equal(le32toh(value), 0x11223344);
    assert_int_equal(mach_region_read(x->session, GRF, 0xffc, &value, 4), 0);
    assert_int_equal(le32toh(value), 0x99aabbcc);
    uint8_t byte;
    uint16_t half;
    assert_int_equal(mach_region_read(x->session, GRF, 6, &half, 2), 0);
    assert_int_equal(le16toh(half), 0x5566);
    assert_int_equal(mach_region_read(x->session, GRF, 3, &byte, 1), 0);
    assert_int_equal(byte, 0x11);
    assert_int_equal(mach_region_read(x->session, GRF, 0, &both, 8), 0);
    assert_int_equal(le64toh(both), UINT64_C(0x5566778811223344));
    assert_int_equal(mach_region_read(x->session, GRF, 2, &value, 4), 0); // as two halves
    assert_int_equal(le32toh(value), 0x77881122);
    assert_int_equal(mach_region_read(x->session, GRF, 0x1000, &value, 4), -ERANGE);
    // Nobody gets around the masks.
    assert_null(mach_session_region_ptr(x->session, GRF, &size));
    assert_int_equal(size, 0x1000);
    stopped(x);
}

static void test_masked(void **state)
{
    (void)state;
    struct scene *x = started("shadow");
    uint32_t *grf = registers(x, GRF);
    grf[1] = htole32(0xabcd0001);
    assert_int_equal(write32(x, GRF, 4, htole32(0xabcd0002)), 0); // as a driver does that has read it
    assert_int_equal(le32toh(grf[1]), 0xabcd0002);
    assert_string_equal(strstr(x->log, "refused") ? "told" : "", "");
    // The bit that is permitted takes effect; the others stay, and that is told once.
    assert_int_equal(write32(x, GRF, 4, htole32(0xabce0003)), -EACCES);
    assert_int_equal(le32toh(grf[1]), 0xabcd0003);
    const char *told = strstr(x->log, "refused: device grf, register 0x4: the guest writes to bits 0x30000");
    assert_non_null(told);
    assert_int_equal(write32(x, GRF, 4, 0), -EACCES);
    assert_int_equal(le32toh(grf[1]), 0xabcd0000);
    assert_null(strstr(told + 1, "refused"));
    // A full mask: nothing is refused.
    assert_int_equal(write32(x, GRF, 0x20, htole32(0xfedcba98)), 0);
    assert_int_equal(le32toh(grf[8]), 0xfedcba98);
    stopped(x);
}

static void test_without_mask(void **state)
{
    (void)state;
    struct scene *x = started("shadow_vmm");
    uint32_t *grf = registers(x, GRF);
    assert_int_equal(x->trapped, 2);
    assert_int_equal(x->placed, 0);
    grf[0] = htole32(7);
    grf[2] = htole32(8);
    assert_int_equal(write32(x, GRF, 0, htole32(7)), -EACCES); // even what it has already
    assert_int_equal(write32(x, GRF, 8, htole32(9)), -EACCES);
    assert_int_equal(le32toh(grf[0]), 7);
    assert_int_equal(le32toh(grf[2]), 8);
    assert_non_null(strstr(x->log, "register 0x0: the guest writes to bits 0xffffffff"));
    assert_non_null(strstr(x->log, "register 0x8: the guest writes to bits 0xffffffff"));
    // Registers are written as a whole.
    uint64_t wide = UINT64_MAX;
    assert_int_equal(mach_region_write(x->session, GRF, 0x20, &wide, 8), -EACCES);
    assert_int_equal(mach_region_write(x->session, GRF, 0x20, &wide, 2), -EACCES);
    assert_int_equal(mach_region_write(x->session, GRF, 0x21, &wide, 1), -EACCES);
    assert_int_equal(mach_region_write(x->session, GRF, 0x22, &wide, 4), -EINVAL);
    assert_int_equal(mach_region_write(x->session, GRF, 0x1000, &wide, 4), -ERANGE);
    assert_int_equal(grf[8], 0);
    stopped(x);
}

static void test_hiword(void **state)
{
    (void)state;
    struct scene *x = started("shadow");
    uint32_t *grf = registers(x, GRF);
    // The real register keeps bits 15 to 0 and reads the others as 0; this one keeps what was written last.
    assert_int_equal(write32(x, GRF, 0x10, htole32(0x000f0005)), 0);
    assert_int_equal(le32toh(grf[4]), 0x000f0005);
    // Nothing is selected: there is no write.
    assert_int_equal(write32(x, GRF, 0x10, htole32(0x0000ffff)), 0);
    assert_int_equal(le32toh(grf[4]), 0x000f0005);
    // What is selected outside of the mask is not; what is not selected does not matter.
    assert_int_equal(write32(x, GRF, 0x14, htole32(0x00f0ffff)), 0);
    assert_int_equal(le32toh(grf[5]), 0x00f000f0);
    assert_int_equal(write32(x, GRF, 0x14, htole32(0x0130ffff)), -EACCES);
    assert_int_equal(le32toh(grf[5]), 0x00300030);
    assert_non_null(strstr(x->log, "register 0x14: the guest writes to bits 0x100,"));
    assert_int_equal(write32(x, GRF, 0x14, htole32(0xff0f0000)), -EACCES);
    assert_int_equal(le32toh(grf[5]), 0x00300030);
    stopped(x);
}

// As test_hiword(), but the guest's driver reads, changes bits and writes back: the library selects them.
static void test_plain(void **state)
{
    (void)state;
    struct scene *x = started("shadow");
    uint32_t *grf = registers(x, GRF);
    grf[12] = htole32(0x0001);
    assert_int_equal(write32(x, GRF, 0x30, htole32(0x0201)), 0); // sets a bit
    assert_int_equal(le32toh(grf[12]), 0x02000200);              // and selects no other, its own or not
    grf[12] = htole32(0x0301);
    assert_int_equal(write32(x, GRF, 0x30, htole32(0x0101)), 0); // clears it: 0 is written where the mask selects
    assert_int_equal(le32toh(grf[12]), 0x02000000);
    grf[12] = htole32(0x0101);
    assert_int_equal(write32(x, GRF, 0x30, htole32(0x0e01)), 0); // all of its bits
    assert_int_equal(le32toh(grf[12]), 0x0f000e00);
    assert_null(strstr(x->log, "refused"));
    // Bits of others, and an attempt to select: its own bit takes effect alone, and that is told once.
    grf[12] = htole32(0x0001);
    assert_int_equal(write32(x, GRF, 0x30, htole32(0x0400)), -EACCES);
    assert_int_equal(le32toh(grf[12]), 0x04000400);
    const char *told = strstr(x->log, "refused: device grf, register 0x30: the guest writes to bits 0x1,");
    assert_non_null(told);
    grf[12] = htole32(0x0001);
    assert_int_equal(write32(x, GRF, 0x30, htole32(0xffff0001)), -EACCES);
    assert_int_equal(le32toh(grf[12]), 0x0001);
    assert_null(strstr(told + 1, "refused"));
    // Nothing that is its own changes: there is no write.
    assert_int_equal(mprotect(grf, 4096, PROT_READ), 0);
    assert_int_equal(write32(x, GRF, 0x30, htole32(0x0001)), 0);
    assert_int_equal(write32(x, GRF, 0x30, htole32(0xf0f1)), -EACCES);
    assert_int_equal(mprotect(grf, 4096, PROT_READ | PROT_WRITE), 0);
    stopped(x);
}

static void test_big_endian(void **state)
{
    (void)state;
    struct scene *x = started("shadow");
    uint32_t *scfg = registers(x, SCFG);
    scfg[2] = htobe32(0x12345678);
    assert_int_equal(write32(x, SCFG, 8, htobe32(0x1f345678)), 0);
    assert_int_equal(be32toh(scfg[2]), 0x1f345678);
    assert_int_equal(write32(x, SCFG, 8, htobe32(0x10345679)), -EACCES);
    assert_int_equal(be32toh(scfg[2]), 0x10345678);
    assert_non_null(strstr(x->log, "device scfg, register 0x8: the guest writes to bits 0x1,"));
    stopped(x);
}

/* ---- no write where nothing changes ---- */

static void test_no_needless_write(void **state)
{
    (void)state;
    struct scene *x = started("shadow");
    uint32_t *grf = registers(x, GRF);
    grf[1] = htole32(2);
    // A write to these pages ends the test.
    assert_int_equal(mprotect(grf, 4096, PROT_READ), 0);
    assert_int_equal(write32(x, GRF, 4, htole32(2)), 0);
    assert_int_equal(write32(x, GRF, 4, htole32(0x12)), -EACCES);
    assert_int_equal(write32(x, GRF, 0x10, htole32(0x00001234)), 0);
    assert_int_equal(write32(x, GRF, 0x14, htole32(0x000f1234)), -EACCES);
    assert_int_equal(write32(x, GRF, 0, htole32(0x12)), -EACCES);
    assert_int_equal(mprotect(grf, 4096, PROT_READ | PROT_WRITE), 0);
    stopped(x);
}

/* ---- two vcpus ---- */

enum { TURNS = 2000000 };

struct vcpu {
    struct scene *x;
    uint32_t region, bit, lost;
    pthread_barrier_t *start;
};

// Toggles one bit of a register. What it writes of the other bits is refused where the other one was faster.
static void *toggle(void *o)
{
    struct vcpu *v = o;
    pthread_barrier_wait(v->start);
    for (uint32_t i = 0; i < TURNS; i++) {
        uint32_t raw;
        mach_region_read(v->x->session, v->region, 4, &raw, sizeof raw);
        uint32_t now = le32toh(raw);
        v->lost += (now & v->bit) != (i & 1 ? v->bit : 0);
        write32(v->x, v->region, 4, htole32(now ^ v->bit));
    }
    return NULL;
}

static void test_two_vcpus(void **state)
{
    (void)state;
    struct scene *x = scene_new("shadow");
    CFG_SET(x->c, region, REGION, SCFG, flags, MACH_CFG_REGION_SHADOW);
    x->c->count[MACH_CFG_S_WRITE] = 0;
    cfg_write(x->c, GRF, 4, 1, 0);
    cfg_write(x->c, SCFG, 4, 2, 0);
    if (scene_start(x))
        fail_msg("%s: %s", x->error.object, x->error.hint);
    // One register, of which each of the two may write one bit.
    struct area *second = x->session->region[SCFG].area;
    void *own = second->at;
    second->at = x->session->region[GRF].area->at;
    uint32_t *grf = registers(x, GRF);
    grf[1] = htole32(0xc);
    pthread_barrier_t start;
    pthread_t other;
    assert_int_equal(pthread_barrier_init(&start, NULL, 2), 0);
    struct vcpu v[2] = {{x, GRF, 1, 0, &start}, {x, SCFG, 2, 0, &start}};
    assert_int_equal(pthread_create(&other, NULL, toggle, &v[1]), 0);
    toggle(&v[0]);
    assert_int_equal(pthread_join(other, NULL), 0);
    pthread_barrier_destroy(&start);
    assert_int_equal(v[0].lost, 0);
    assert_int_equal(v[1].lost, 0);
    assert_int_equal(le32toh(grf[1]), 0xc);
    second->at = own;
    stopped(x);
}

/* ---- the host is another one ---- */

static void fails(struct scene *x, const char *step, const char *hint)
{
    assert_int_equal(scene_start(x), -1);
    assert_string_equal(x->error.step, step);
    if (!strstr(x->error.hint, hint))
        fail_msg("looked for `%s` in `%s`", hint, x->error.hint);
    scene_clean(x);
    scene_free(x);
}

#define GRF_NODE "/sys/firmware/devicetree/base/syscon@ff770000"

static void test_proof(void **state)
{
    (void)state;
    struct scene *x = scene_new("shadow");
    fake_text(x->k, GRF_NODE "/compatible", "acme,pmu\0syscon", 16);
    fails(x, "expect", "it is a acme,pmu, not a acme,grf");
    x = scene_new("shadow");
    fake_text(x->k, GRF_NODE "/reg", "\xff\x78\0\0\0\0\x10\0", 8);
    fails(x, "expect", "it is at 0xff780000, not at 0xff770000");
    x = scene_new("shadow");
    fake_text(x->k, GRF_NODE "/reg", "\xff\x77\0\0\0\0\x20\0", 8);
    fails(x, "expect", "it has 0x2000 bytes, not 0x1000");
    x = scene_new("shadow");
    CFG_SET(x->c, device, DEVICE, GRF, host_path, cfg_string(x->c, "/syscon@ff780000"));
    fails(x, "expect", "the host's tree has no /syscon@ff780000 with a compatible; expected acme,grf");
    // A path that leaves the tree leads nowhere.
    x = scene_new("shadow");
    CFG_SET(x->c, device, DEVICE, GRF, host_path, cfg_string(x->c, "/x/../syscon@ff770000"));
    x->config = cfg_open(x->c);
    const struct mach_options o = {.size = sizeof o, .sys = &x->k->sys};
    assert_int_equal(mach_config_check(x->config, &o, NULL), 0); // not proven, and not refuted
    scene_free(x);
    x = scene_new("shadow_vmm");
    x->ops.trap = NULL;
    fails(x, "vmm", "its accesses must exit to the VMM, which does not handle them (ops->trap)");
}

/* ---- hostile configs ---- */

struct damage {
    const char *what;
    void (*make)(struct cfg *c);
    const char *name; // of the error; NULL: the config is fine
};

#define REGION(field, value)      CFG_SET(c, region, REGION, GRF, field, value)
#define FIRST_WRITE(field, value) CFG_SET(c, write, WRITE, 0, field, value)
#define DAMAGE(name, statement)                                                                                        \
    static void name(struct cfg *c)                                                                                    \
    {                                                                                                                  \
        statement;                                                                                                     \
    }
DAMAGE(nothing, (void)c)
DAMAGE(mapped, REGION(mode, MACH_CFG_REGION_MAP))
DAMAGE(dropped, REGION(mode, MACH_CFG_REGION_DROP))
DAMAGE(no_file, REGION(file, 0))
DAMAGE(no_shadow, REGION(flags, 0))
DAMAGE(big_only, REGION(flags, MACH_CFG_REGION_BIG_ENDIAN))
DAMAGE(window, REGION(flags, MACH_CFG_REGION_SHADOW | MACH_CFG_REGION_WINDOW))
DAMAGE(odd_size, REGION(size, 0xffe))
DAMAGE(largest, REGION(size, 16 << 20); CFG_SET(c, expect, EXPECT, 1, b, 16 << 20))
DAMAGE(too_large, REGION(size, (16 << 20) + 4))
DAMAGE(odd_offset, REGION(offset, 0xff770002))
DAMAGE(emulated, CFG_SET(c, device, DEVICE, 0, kind, MACH_CFG_DEVICE_EMULATED))
DAMAGE(no_mask, FIRST_WRITE(mask, 0))
DAMAGE(all_bits, FIRST_WRITE(mask, 0xffffffff))
DAMAGE(wide_hiword, FIRST_WRITE(flags, MACH_CFG_WRITE_HIWORD); FIRST_WRITE(mask, 0x10000))
DAMAGE(full_hiword, FIRST_WRITE(flags, MACH_CFG_WRITE_HIWORD); FIRST_WRITE(mask, 0xffff))
DAMAGE(unknown_flag, FIRST_WRITE(flags, 4))
DAMAGE(plain, FIRST_WRITE(flags, MACH_CFG_WRITE_HIWORD | MACH_CFG_WRITE_PLAIN))
DAMAGE(wide_plain, FIRST_WRITE(flags, MACH_CFG_WRITE_HIWORD | MACH_CFG_WRITE_PLAIN); FIRST_WRITE(mask, 0x10001))
DAMAGE(only_plain, FIRST_WRITE(flags, MACH_CFG_WRITE_PLAIN))
DAMAGE(odd_register, FIRST_WRITE(offset, 2))
DAMAGE(last_register, CFG_SET(c, write, WRITE, 4, offset, 0xffc))
DAMAGE(outside, CFG_SET(c, write, WRITE, 4, offset, 0x1000))
DAMAGE(far_outside, CFG_SET(c, write, WRITE, 4, offset, 0xfffffffc))
DAMAGE(twice, FIRST_WRITE(offset, 0x10))
DAMAGE(falling, FIRST_WRITE(offset, 0x12 * 4))
DAMAGE(of_none, FIRST_WRITE(region, MACH_CFG_NONE))
DAMAGE(of_what_is_not, FIRST_WRITE(region, 2))
DAMAGE(regions_fall, FIRST_WRITE(region, SCFG))
DAMAGE(by_dma, cfg_dma(c, MACH_CFG_DMA_WINDOW); cfg_map_region(c, SCFG, 0, 0x100, 0))

static void test_hostile(void **state)
{
    (void)state;
    static const struct damage damages[] = {
        {"nothing", nothing, NULL},
        {"mapped", mapped, "CONTRADICTION"},
        {"dropped", dropped, "CONTRADICTION"},
        {"no file", no_file, "CONTRADICTION"},
        {"no shadow", no_shadow, "CONTRADICTION"},
        {"big-endian only", big_only, "CONTRADICTION"},
        {"window", window, "CONTRADICTION"},
        {"odd size", odd_size, "CONTRADICTION"},
        {"largest", largest, NULL},
        {"too large", too_large, "CONTRADICTION"},
        {"odd offset", odd_offset, "CONTRADICTION"},
        {"emulated", emulated, "CONTRADICTION"},
        {"no mask", no_mask, "CONTRADICTION"},
        {"all bits", all_bits, NULL},
        {"wide hiword", wide_hiword, "CONTRADICTION"},
        {"full hiword", full_hiword, NULL},
        {"unknown flag", unknown_flag, "FLAGS"},
        {"plain", plain, NULL},
        {"wide plain", wide_plain, "CONTRADICTION"},
        {"only plain", only_plain, "CONTRADICTION"},
        {"odd register", odd_register, "CONTRADICTION"},
        {"last register", last_register, NULL},
        {"outside", outside, "CONTRADICTION"},
        {"far outside", far_outside, "CONTRADICTION"},
        {"twice", twice, "CONTRADICTION"},
        {"falling", falling, "CONTRADICTION"},
        {"of none", of_none, "CONTRADICTION"},
        {"of what is not", of_what_is_not, "INDEX"},
        {"regions fall", regions_fall, "CONTRADICTION"},
        {"by DMA", by_dma, "CONTRADICTION"},
    };
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        struct scene *x = scene_new("shadow");
        struct mach_config *config = NULL;
        struct mach_error e = MACH_ERROR_INIT;
        damages[i].make(x->c);
        cfg_seal(x->c);
        int r = mach_config_from_memory("test.cfg", x->c->bytes, x->c->size, &config, &e);
        if (!r != !damages[i].name || (r && strcmp(e.name, damages[i].name)))
            fail_msg("%s: %d, %s", damages[i].what, r, r ? e.name : "");
        mach_config_close(config);
        scene_free(x);
    }
}

/* ---- for people ---- */

static void test_show(void **state)
{
    (void)state;
    struct scene *x = scene_new("shadow");
    char *text = NULL;
    size_t size = 0;
    x->config = cfg_open(x->c);
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    mach_config_show(x->config, f);
    fclose(f);
    static const char want[] =
        "  region 0  trap at 0xff770000-0xff770fff, host 0xff770000-0xff770fff, file /dev/mem + 0xff770000, shadow\n"
        "    write 0x4 mask 0x3\n"
        "    write 0x10 mask 0xffff hiword\n"
        "    write 0x14 mask 0xf0 hiword\n"
        "    write 0x20 mask 0xffffffff\n"
        "    write 0x30 mask 0xf00 hiword plain\n";
    if (!strstr(text, want))
        fail_msg("%s", text);
    assert_non_null(strstr(text, "shadow, big-endian\n    write 0x8 mask 0xf000000\n"));
    free(text);
    scene_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_masked),
        cmocka_unit_test(test_without_mask),
        cmocka_unit_test(test_hiword),
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_big_endian),
        cmocka_unit_test(test_no_needless_write),
        cmocka_unit_test(test_two_vcpus),
        cmocka_unit_test(test_proof),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_show),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
