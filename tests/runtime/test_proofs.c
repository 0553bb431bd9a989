// SPDX-License-Identifier: MIT
// What a session cannot prove, it does not assume: a file that nobody may read, that is not there, or too short.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scenes.h"

#include <errno.h>

#define BASE "/sys/firmware/devicetree/base"

static const uint64_t NO = MACH_CFG_NONE64;
enum { ETH = 1, RTC = 2, EDU = 3 };

static struct scene *expecting(uint32_t kind, uint32_t device, uint32_t index, const char *string, uint64_t a,
                               uint64_t b)
{
    struct scene *x = scene_new("group");
    cfg_expect(x->c, kind, device, index, string, a, b);
    return x;
}

static void text(struct scene *x, const char *path, const char *data)
{
    fake_text(x->k, path, data, strlen(data));
}

static void starts(struct scene *x)
{
    scene_must_start(x);
    scene_must_end(x);
}

static void test_host(void **state)
{
    (void)state;
    static const char online[] = "/sys/devices/system/cpu/online",
                      huge[] = "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages";
    scene_must_fail(expecting(MACH_CFG_EXPECT_CPU_ONLINE, MACH_CFG_NONE, 1, "", NO, NO), "expect",
                    "the kernel does not show it");
    struct scene *x = expecting(MACH_CFG_EXPECT_CPU_ONLINE, MACH_CFG_NONE, 1, "", NO, NO);
    text(x, online, "0-3\n");
    fake_deny(x->k, online);
    scene_must_fail(x, "expect", "the kernel does not show it: Permission denied");
    static const char *const lists[] = {"", "\n", "x", "0", "0,2-3\n"};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        x = expecting(MACH_CFG_EXPECT_CPU_ONLINE, MACH_CFG_NONE, 1, "", NO, NO);
        text(x, online, lists[i]);
        scene_must_fail(x, "expect", "are online");
    }
    x = expecting(MACH_CFG_EXPECT_CPU_ONLINE, MACH_CFG_NONE, 1, "", NO, NO);
    text(x, online, "0-1\n");
    starts(x);
    x = expecting(MACH_CFG_EXPECT_HUGE_PAGES, MACH_CFG_NONE, 0, "", 2 * MiB, 4 * MiB);
    text(x, huge, "16\n");
    fake_deny(x->k, huge);
    scene_must_fail(x, "expect", "the kernel does not show it");
    x = expecting(MACH_CFG_EXPECT_HUGE_PAGES, MACH_CFG_NONE, 0, "", 2 * MiB, 4 * MiB);
    text(x, huge, "");
    scene_must_fail(x, "expect", "2 pages of 2048 KiB are needed, 0 are free");
    x = expecting(MACH_CFG_EXPECT_HUGE_PAGES, MACH_CFG_NONE, 0, "", 2 * MiB, 4 * MiB);
    text(x, huge, "2\n");
    starts(x);
}

static void test_memory_free(void **state)
{
    (void)state;
    static const struct {
        const char *iomem, *hint; // NULL: it is not there; it starts
    } cases[] = {
        {NULL, "the kernel does not show it"},
        {"00000000-00000000 : System RAM\n", "only root can read addresses"},
        {"", "only root can read addresses"},
        {"80000000-8fffffff : System RAM\n", "the kernel uses 0x80000000..0x8fffffff itself"},
        {"10000000-1fffffff : pcie@f000000\n80000000-800fffff : 80000000.ethernet\n",
         "the host has 80000000.ethernet there"},
        {"70000000-8fffffff : reserved\n  803fffff-803fffff : ramoops:dump(0/1)\n",
         "the host has ramoops:dump(0/1) there"},
        {"10000000-1fffffff : pcie@f000000\n7fff0000-7fffffff : uart\n80400000-80400fff : gpio\n", NULL},
        {"70000000-8fffffff : reserved\n", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene *x = expecting(MACH_CFG_EXPECT_MEMORY_FREE, MACH_CFG_NONE, 0, "ram", 0x80000000, 0x400000);
        if (cases[i].iomem)
            text(x, "/proc/iomem", cases[i].iomem);
        if (cases[i].hint)
            scene_must_fail(x, "expect", cases[i].hint);
        else
            starts(x);
    }
}

static void test_device(void **state)
{
    (void)state;
    // The address, which only the host's tree shows; the size, which VFIO tells as well.
    static const char reg[] = BASE "/1af0000.ethernet/reg";
    starts(expecting(MACH_CFG_EXPECT_REGION, ETH, 0, "", 0x1af0000, 0x1000));
    struct scene *x = expecting(MACH_CFG_EXPECT_REGION, ETH, 0, "", 0x1af0000, 0x1000);
    fake_deny(x->k, reg);
    scene_must_fail(x, "expect", "the kernel does not show it");
    x = expecting(MACH_CFG_EXPECT_REGION, ETH, 0, "", 0x1af0000, 0x1000);
    fake_text(x->k, reg, "\0\0\0\0\1\xaf", 6);
    scene_must_fail(x, "expect", "the kernel does not show it");
    x = expecting(MACH_CFG_EXPECT_REGION, ETH, 0, "", NO, 0x1000);
    CFG_SET(x->c, region, REGION, 1, host, NO);
    CFG_SET(x->c, region, REGION, 2, host, NO);
    x->k->device[0].region[0].size = 0x2000;
    fake_deny(x->k, reg);
    scene_must_fail(x, "expect", "VFIO reports 0x2000 bytes, not 0x1000");
    x = expecting(MACH_CFG_EXPECT_COMPATIBLE, ETH, 0, "acme,eth", NO, NO);
    CFG_SET(x->c, device, DEVICE, ETH, compatible, cfg_string(x->c, "acme,eth"));
    scene_must_fail(x, "expect", "it has no compatible");
    // How many interrupts it has VFIO tells later, and so their trigger.
    static const char irqs[] = BASE "/1af0000.ethernet/interrupts-extended";
    x = expecting(MACH_CFG_EXPECT_IRQ_COUNT, ETH, 0, "", 2, NO);
    fake_deny(x->k, irqs);
    starts(x);
    x = expecting(MACH_CFG_EXPECT_IRQ_COUNT, ETH, 0, "", 3, NO);
    fake_deny(x->k, irqs);
    scene_must_fail(x, "expect", "VFIO reports 2 interrupts, not 3");
    starts(expecting(MACH_CFG_EXPECT_IRQ_TRIGGER, ETH, 0, "level-high", 4, NO));
    x = expecting(MACH_CFG_EXPECT_COMPATIBLE, ETH, 0, "acme,eth", NO, NO);
    CFG_SET(x->c, device, DEVICE, ETH, compatible, cfg_string(x->c, "acme,eth"));
    text(x, BASE "/1af0000.ethernet/compatible", "acme,eth");
    fake_deny(x->k, BASE "/1af0000.ethernet/compatible");
    scene_must_fail(x, "expect", "the kernel does not show it: Permission denied");
}

// arm64 makes a group when a device gets its first driver.
static void test_late_group(void **state)
{
    (void)state;
    starts(expecting(MACH_CFG_EXPECT_GROUP_MEMBER, RTC, 0, "9010000.pl031", NO, NO));
    scene_must_fail(expecting(MACH_CFG_EXPECT_GROUP_MEMBER, RTC, 0, "1af0000.ethernet", NO, NO), "expect",
                    "1af0000.ethernet is not in its IOMMU group");
    starts(expecting(MACH_CFG_EXPECT_GROUP_MEMBER, EDU, 0, "0000:00:02.1", NO, NO));
    struct scene *x = expecting(MACH_CFG_EXPECT_GROUP_MEMBER, RTC, 0, "1af0000.ethernet", NO, NO);
    x->options.flags = MACH_NO_PROOF;
    starts(x);
}

// Memory that the board's tree reserves, of which a part cannot be read.
static void test_reserved(void **state)
{
    (void)state;
    static const char node[] = BASE "/reserved-memory/guest@90000000";
    char path[128];
    if (!HAVE_KVM)
        skip();
    for (int i = 0; i < 5; i++) {
        struct scene *x = scene_new("reserved");
        if (i == 0)
            fake_deny(x->k, BASE "/reserved-memory/#address-cells");
        if (i == 1)
            fake_text(x->k, BASE "/reserved-memory/#size-cells", "\0\0\2", 3);
        if (i == 2)
            fake_text(x->k, BASE "/reserved-memory/#size-cells", "\0\0\0\2\0\0\0\2", 8);
        if (i == 3) {
            snprintf(path, sizeof path, "%s/reg", node);
            fake_deny(x->k, path);
        }
        if (i == 4) {
            snprintf(path, sizeof path, "%s/reusable", node);
            fake_deny(x->k, path);
        }
        scene_must_fail(x, "memory", "the kernel uses 0x40000000..0x1ffffffff itself");
    }
    starts(scene_new("reserved"));
}

// All streams of a device use one page table, which cannot be read-only for one of them.
static void test_streams(void **state)
{
    (void)state;
    for (int same = 0; same < 2; same++) {
        struct scene *x = scene_new("guest_iommu");
        for (uint32_t i = 0; i < 2; i++)
            CFG_SET(x->c, dma, DMA, i, guest_iommu, MACH_CFG_NONE);
        CFG_SET(x->c, dma, DMA, 0, mode, MACH_CFG_DMA_NONE);
        CFG_SET(x->c, dma, DMA, 1, mode, MACH_CFG_DMA_ALL);
        cfg_map(x->c, 0, 0, 4 * MiB, 0x80000000);
        cfg_dma(x->c, MACH_CFG_DMA_ALL);
        uint32_t m = cfg_map(x->c, 0, 0, 4 * MiB, 0x80000000);
        CFG_SET(x->c, dma_map, DMA_MAP, m, flags, same ? 0 : MACH_CFG_MAP_READONLY);
        if (!same) {
            scene_must_fail(x, "window", "is read-only for one stream of the device and not for another");
            continue;
        }
        scene_must_start(x);
        assert_int_equal(x->k->dmas, 1);
        scene_must_end(x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host),       cmocka_unit_test(test_memory_free), cmocka_unit_test(test_device),
        cmocka_unit_test(test_late_group), cmocka_unit_test(test_reserved),    cmocka_unit_test(test_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
