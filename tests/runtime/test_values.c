// SPDX-License-Identifier: MIT
// What the VMM is told, value by value: of each piece of the guest's memory, each trap and each interrupt.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "scenes.h"

enum { OWN_FD = 77, TEXT = 4096 };

/* What is told, a line for each. */
static char told[TEXT];

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void tell(const char *format, ...)
{
    size_t n = strlen(told);
    va_list args;
    va_start(args, format);
    vsnprintf(told + n, sizeof told - n, format, args);
    va_end(args);
}

static int place(void *o, const struct mach_place *p)
{
    (void)o;
    tell("place %u 0x%llx 0x%llx %s %s %u\n", p->slot, (unsigned long long)p->address, (unsigned long long)p->size,
         p->readonly ? "readonly" : "writable", p->is_memory ? "memory" : "region", p->index);
    return 0;
}

static void place_undo(void *o, const struct mach_place *p)
{
    (void)o;
    tell("no place %u 0x%llx\n", p->slot, (unsigned long long)p->address);
}

static int trap(void *o, struct mach_session *s, const struct mach_trap *t)
{
    (void)o;
    (void)s;
    tell("trap %u 0x%llx 0x%llx 0x%llx\n", t->region, (unsigned long long)t->address, (unsigned long long)t->offset,
         (unsigned long long)t->size);
    return 0;
}

static int answer; // of irq_source()

static int irq_source(void *o, const struct mach_cfg_file *f, uint32_t irq, int *fd)
{
    (void)o;
    assert_int_equal(mach_cfg_irq_source(mach_cfg_record(f, MACH_CFG_S_IRQ, irq)), MACH_CFG_IRQ_MAP_ENTRY);
    tell("source %u\n", irq);
    *fd = OWN_FD;
    return answer;
}

static int connect_link(void *o, const struct mach_link *l)
{
    (void)o;
    tell("connect %u chip %u line %u gsi %u %s%s%s\n", l->irq, l->chip, l->line, l->gsi, l->level ? "level" : "edge",
         l->fd == OWN_FD ? " own" : "", l->unmask_fd >= 0 ? " unmasked" : "");
    return 0;
}

static void disconnect(void *o, const struct mach_link *l)
{
    (void)o;
    tell("disconnect %u%s\n", l->irq, l->fd == OWN_FD ? " own" : "");
}

static struct scene *scene_told(const char *name)
{
    struct scene *x = scene_new(name);
    x->use_ops = true;
    x->ops.place = place;
    x->ops.place_undo = place_undo;
    x->ops.trap = trap;
    x->ops.trap_undo = NULL;
    x->ops.connect = connect_link;
    x->ops.disconnect = disconnect;
    *told = '\0';
    return x;
}

// A second and a third interrupt of the device, which only the VMM can deliver: the kernel's and the VMM's own files
// are each connected to their own line.
static void test_irq_source(void **state)
{
    (void)state;
    struct scene *x = scene_told("raw_vmm");
    x->ops.irq_source = irq_source;
    cfg_device(x->c, "bridge", MACH_CFG_DEVICE_PLATFORM, "", MACH_CFG_RESET_NEVER);
    cfg_irq(x->c, MACH_CFG_IRQ_MAP_ENTRY, 11, true);
    answer = 0;
    assert_int_equal(scene_start(x), 0);
    assert_string_equal(told, "place 0 0x42232000 0x1000 writable region 0\n"
                              "trap 1 0x42240000 0x0 0x100\n"
                              "connect 0 chip 0 line 10 gsi 10 edge\n"
                              "source 1\n"
                              "connect 1 chip 0 line 11 gsi 11 level own\n");
    assert_int_equal(mach_session_irq_fd(x->session, 1), OWN_FD);
    assert_int_not_equal(mach_session_irq_fd(x->session, 0), OWN_FD);
    assert_int_equal(mach_session_irq_fd(x->session, 2), -ENXIO);
    // The VMM unmasks its own line.
    assert_int_equal(mach_session_irq_unmask(x->session, 1), 0);
    *told = '\0';
    assert_int_equal(scene_stop(x), 0);
    assert_string_equal(told, "disconnect 1 own\ndisconnect 0\nno place 0 0x42232000\n");
    scene_free(x);
}

// Without a source the machine does not start, and says so; what the VMM answers is passed on.
static void test_no_source(void **state)
{
    (void)state;
    static const struct {
        int answer;
        const char *hint;
    } want[] = {
        {-ENOSYS, "no kernel interface delivers it to user space (an entry of an interrupt-map)"},
        {-EBUSY, "the VMM does not deliver it"},
    };
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        struct scene *x = scene_told("raw_vmm");
        x->ops.irq_source = irq_source;
        cfg_device(x->c, "bridge", MACH_CFG_DEVICE_PLATFORM, "", MACH_CFG_RESET_NEVER);
        cfg_irq(x->c, MACH_CFG_IRQ_MAP_ENTRY, 11, true);
        answer = want[i].answer;
        assert_int_equal(scene_start(x), -1);
        assert_non_null(strstr(x->error.hint, want[i].hint));
        assert_non_null(strstr(x->error.object, "device bridge, interrupt"));
        assert_null(strstr(told, "own"));
        scene_free(x);
    }
}

// Regions that are mapped as a whole and in part, what is trapped beside them, memory of three kinds, lines of two.
static void test_places(void **state)
{
    (void)state;
    struct scene *x = scene_told("group");
    assert_int_equal(scene_start(x), 0);
    assert_string_equal(told, "place 0 0x1af0000 0x1000 writable region 1\n"
                              "trap 2 0x1af1000 0x0 0x200\n"
                              "trap 3 0x9010000 0x0 0x1000\n"
                              "trap 4 0x50000000 0x0 0x8000\n"
                              "place 1 0x50000000 0x2000 writable region 4\n"
                              "place 2 0x50004000 0x4000 writable region 4\n"
                              "trap 6 0x50100000 0x0 0x8000\n"
                              "place 3 0x50100000 0x2000 writable region 6\n"
                              "place 4 0x50104000 0x4000 writable region 6\n"
                              "place 5 0x80000000 0x400000 writable memory 0\n"
                              "place 6 0x90000000 0x200000 writable memory 1\n"
                              "place 7 0xa0000000 0x100000 writable memory 2\n"
                              "connect 1 chip 0 line 13 gsi 13 level unmasked\n"
                              "connect 2 chip 0 line 23 gsi 23 edge\n"
                              "connect 4 chip 0 line 65 gsi 65 level unmasked\n");
    *told = '\0';
    assert_int_equal(scene_stop(x), 0);
    assert_string_equal(told, "disconnect 4\ndisconnect 2\ndisconnect 1\n"
                              "no place 7 0xa0000000\nno place 6 0x90000000\nno place 5 0x80000000\n"
                              "no place 4 0x50104000\nno place 3 0x50100000\nno place 2 0x50004000\n"
                              "no place 1 0x50000000\nno place 0 0x1af0000\n");
    scene_free(x);
}

#define TREE                    "/sys/firmware/devicetree/base"
#define TEXT_OF(k, path, bytes) fake_text(k, path, bytes, sizeof bytes - 1)

// A system controller on a bus with an empty `ranges`, which has its parent's addresses, on one that translates.
static struct scene *below_buses(const char *inner, size_t size, const char *outer)
{
    struct scene *x = scene_new("shadow");
    struct fake *k = x->k;
    CFG_SET(x->c, device, DEVICE, 0, host_path, cfg_string(x->c, "/soc/bus/syscon@770000"));
    TEXT_OF(k, TREE "/soc/#address-cells", "\0\0\0\1");
    TEXT_OF(k, TREE "/soc/#size-cells", "\0\0\0\1");
    fake_text(k, TREE "/soc/ranges", outer, 12);
    TEXT_OF(k, TREE "/soc/bus/#address-cells", "\0\0\0\1");
    TEXT_OF(k, TREE "/soc/bus/#size-cells", "\0\0\0\1");
    fake_text(k, TREE "/soc/bus/ranges", inner, size);
    TEXT_OF(k, TREE "/soc/bus/syscon@770000/compatible", "acme,grf\0");
    TEXT_OF(k, TREE "/soc/bus/syscon@770000/reg", "\0\x77\0\0\0\0\x10\0");
    return x;
}

static void test_empty_ranges(void **state)
{
    (void)state;
    static const char there[] = "\0\0\0\0\xff\0\0\0\1\0\0\0", elsewhere[] = "\0\0\0\0\xfe\0\0\0\1\0\0\0",
                      same[] = "\0\x77\0\0\0\x77\0\0\0\0\x10\0";
    static const struct {
        const char *inner;
        size_t size;
        const char *outer;
        bool fine;
    } want[] = {
        {"", 0, there, true},
        {"", 0, elsewhere, false},
        {same, 12, there, true},
    };
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        struct scene *x = below_buses(want[i].inner, want[i].size, want[i].outer);
        int r = scene_start(x);
        if ((r == 0) != want[i].fine)
            fail_msg("%zu: %d: %s: %s", i, r, x->error.object, x->error.hint);
        if (!r)
            assert_int_equal(scene_stop(x), 0);
        scene_free(x);
    }
}

// Where memory has to lie on the host: what the reader takes, and what contradicts itself.
static void test_place_of_memory(void **state)
{
    (void)state;
    static const uint64_t none = MACH_CFG_NONE64, size = 0x10000;
    static const struct {
        uint64_t lowest, limit, physical;
        bool fine;
    } want[] = {
        {0, 0x90000000, 0x80000000, true},     {0, 0x80010000, 0x80000000, true},
        {0, 0x8000ffff, 0x80000000, false},    {0, 0x80000000, 0x80000000, false},
        {0, 0x70000000, 0x80000000, false},    {0x80000000, 0, 0x80000000, true},
        {0x80000001, 0, 0x80000000, false},    {0x80000000, 0x80010000, 0x80000000, true},
        {0x80000000, 0x80010000, none, true},  {0x80000000, 0x8000ffff, none, false},
        {0x90000000, 0x80000000, none, false}, {UINT64_MAX - 0xffff, 0, none, true},
        {UINT64_MAX - 0xfffe, 0, none, false}, {0, 0, UINT64_MAX - 0xfffe, false},
    };
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        struct cfg *c = cfg_new(MACH_CFG_ARCH_ARM64, MACH_CFG_IOMMU_SMMU);
        cfg_chip(c, "arm-vgic-v3", 96, 0x8000000, 0x80a0000);
        uint32_t m = cfg_memory(c, "ram", MACH_CFG_BACKING_CONTIGUOUS, 0x80000000, size, 0);
        CFG_SET(c, memory, MEMORY, m, lowest, want[i].lowest);
        CFG_SET(c, memory, MEMORY, m, limit, want[i].limit);
        CFG_SET(c, memory, MEMORY, m, physical, want[i].physical);
        struct mach_config *config;
        struct mach_error e = MACH_ERROR_INIT;
        cfg_seal(c);
        int r = mach_config_from_memory("test.cfg", c->bytes, c->size, &config, &e);
        if ((r == 0) != want[i].fine)
            fail_msg("%zu: %d: %s", i, r, e.hint);
        if (!r)
            mach_config_close(config);
        cfg_free(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_irq_source),   cmocka_unit_test(test_no_source),       cmocka_unit_test(test_places),
        cmocka_unit_test(test_empty_ranges), cmocka_unit_test(test_place_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
