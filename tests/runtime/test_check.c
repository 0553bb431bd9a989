// SPDX-License-Identifier: MIT
// Expectations proven on a host that is right, and on hosts that are wrong in one thing each; and what the errors say.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scenes.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stdlib.h>

#define BASE                "/sys/firmware/devicetree/base"
#define TEXT(k, path, text) fake_text(k, path, text, sizeof(text) - 1)

/* ---- expectations ---- */

struct board {
    struct fake *k;
    struct cfg *c;
    struct mach_config *config;
    char text[8192];
    unsigned of[3];
};

static void found(void *o, const struct mach_finding *f)
{
    struct board *b = o;
    size_t n = strlen(b->text);
    b->of[f->proof]++;
    if (f->proof != MACH_PROOF_HOLDS)
        snprintf(b->text + n, sizeof b->text - n, "%s: %s\n", f->object, f->text);
}

static struct board *board(void)
{
    struct board *b = calloc(1, sizeof *b);
    assert_non_null(b);
    struct fake *k = b->k = fake_new();
    struct cfg *c = b->c = cfg_new(MACH_CFG_ARCH_ARM64, MACH_CFG_IOMMU_SMMU);
    cfg_chip(c, "arm-vgic-v3", 96, 0x8000000, 0x80a0000);
    TEXT(k, BASE "/compatible", "acme,board\0acme,soc\0");
    TEXT(k, BASE "/#address-cells", "\0\0\0\2");
    TEXT(k, BASE "/#size-cells", "\0\0\0\2");
    TEXT(k, BASE "/interrupt-parent", "\0\0\0\7");
    TEXT(k, BASE "/gic@1000/phandle", "\0\0\0\7");
    TEXT(k, BASE "/gic@1000/#interrupt-cells", "\0\0\0\3");
    TEXT(k, BASE "/soc/gpio/phandle", "\0\0\0\x8");
    TEXT(k, BASE "/soc/gpio/#interrupt-cells", "\0\0\0\2");
    TEXT(k, BASE "/soc/#address-cells", "\0\0\0\1");
    TEXT(k, BASE "/soc/#size-cells", "\0\0\0\1");
    TEXT(k, BASE "/soc/ranges", "\0\0\0\0\0\0\0\5\0\0\0\0\x10\0\0\0");
    TEXT(k, BASE "/soc/eth@2180000/compatible", "acme,eth\0acme,net\0");
    TEXT(k, BASE "/soc/eth@2180000/reg", "\x02\x18\0\0\0\1\0\0\x02\x19\0\0\0\0\x10\0");
    TEXT(k, BASE "/soc/eth@2180000/interrupts", "\0\0\0\0\0\0\0\x38\0\0\0\4\0\0\0\0\0\0\0\x39\0\0\0\1");
    TEXT(k, BASE "/soc/rtc@9010000/compatible", "acme,rtc\0");
    TEXT(k, BASE "/soc/rtc@9010000/interrupts-extended", "\0\0\0\x8\0\0\0\1\0\0\0\4\0\0\0\7\0\0\0\0\0\0\0\2\0\0\0\4");
    fake_link(k, "/sys/bus/platform/devices/502180000.eth/of_node", "../../firmware/devicetree/base/soc/eth@2180000");
    fake_link(k, "/sys/bus/amba/devices/9010000.rtc/of_node", "../../firmware/devicetree/base/soc/rtc@9010000");
    TEXT(k, "/sys/bus/amba/devices/9010000.rtc/resource", "\t0000000009010000\t0000000009010fff\t0000000000000200\n");
    TEXT(k, "/sys/bus/pci/devices/0000:00:02.0/resource",
         "0x10000000 0x100fffff 0x200\n0x0 0x0 0x0\n0x20000000 0x20003fff 0x200\n");
    TEXT(k, "/sys/devices/system/cpu/online", "0-1,3\n");
    TEXT(k, "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "16\n");
    TEXT(k, "/proc/iomem",
         "00000000-1fffffff : System RAM\n  00210000-010fffff : Kernel code\n09010000-09010fff : 9010000.rtc\n"
         "40000000-7fffffff : reserved\n  50000000-5fffffff : System RAM (hotplug)\n");
    TEXT(k, "/dev/uio0", "");
    fake_add(k, "platform", "502180000.eth", "eth", 3);
    fake_add(k, "amba", "9010000.rtc", "", 4);
    fake_add(k, "pci", "0000:00:02.0", "", 5);
    fake_add(k, "pci", "0000:00:02.1", "", 5);
    CFG_SET(c, machine, MACHINE, 0, host_compatible, cfg_string(c, "acme,board"));
    cfg_device(c, "eth", MACH_CFG_DEVICE_PLATFORM, "502180000.eth", 0);
    CFG_SET(c, device, DEVICE, 0, compatible, cfg_string(c, "acme,eth"));
    cfg_device(c, "rtc", MACH_CFG_DEVICE_PLATFORM, "9010000.rtc", 0);
    cfg_device(c, "edu", MACH_CFG_DEVICE_PCI, "0000:00:02.0", 0);
    const uint64_t none = MACH_CFG_NONE64;
    const uint32_t host = MACH_CFG_NONE;
    cfg_expect(c, MACH_CFG_EXPECT_PAGE_SIZE, host, 0, "", 4096, none);
    cfg_expect(c, MACH_CFG_EXPECT_HOST_COMPATIBLE, host, 0, "acme,board", none, none);
    cfg_expect(c, MACH_CFG_EXPECT_HOST_COMPATIBLE, host, 1, "acme,soc", none, none);
    cfg_expect(c, MACH_CFG_EXPECT_CPU_ONLINE, host, 1, "", none, none);
    cfg_expect(c, MACH_CFG_EXPECT_CPU_ONLINE, host, 3, "", none, none);
    cfg_expect(c, MACH_CFG_EXPECT_HUGE_PAGES, host, 0, "", 2 * MiB, 32 * MiB);
    cfg_expect(c, MACH_CFG_EXPECT_MEMORY_FREE, host, 0, "ram", 0x20000000, 0x20000000);
    cfg_expect(c, MACH_CFG_EXPECT_MEMORY_FREE, host, 1, "shm0", 0x60000000, 0x1000000);
    cfg_expect(c, MACH_CFG_EXPECT_FILE, host, 0, "/dev/uio0", none, none);
    cfg_expect(c, MACH_CFG_EXPECT_SYSFS_NAME, 0, 0, "502180000.eth", none, none);
    cfg_expect(c, MACH_CFG_EXPECT_COMPATIBLE, 0, 0, "acme,eth", none, none);
    cfg_expect(c, MACH_CFG_EXPECT_REGION, 0, 0, "", 0x502180000, 0x10000);
    cfg_expect(c, MACH_CFG_EXPECT_REGION, 0, 1, "", 0x502190000, 0x1000);
    cfg_expect(c, MACH_CFG_EXPECT_IRQ_COUNT, 0, 0, "", 2, none);
    cfg_expect(c, MACH_CFG_EXPECT_IRQ_TRIGGER, 0, 0, "level-high", 2, none);
    cfg_expect(c, MACH_CFG_EXPECT_SYSFS_NAME, 1, 0, "9010000.rtc", none, none);
    cfg_expect(c, MACH_CFG_EXPECT_REGION, 1, 0, "", 0x9010000, 0x1000);
    cfg_expect(c, MACH_CFG_EXPECT_IRQ_COUNT, 1, 0, "", 2, none);
    cfg_expect(c, MACH_CFG_EXPECT_REGION, 2, 0, "bar0", none, 0x100000);
    cfg_expect(c, MACH_CFG_EXPECT_REGION, 2, 2, "bar2", 0x20000000, 0x4000);
    cfg_expect(c, MACH_CFG_EXPECT_GROUP_MEMBER, 2, 0, "0000:00:02.1", none, none);
    cfg_expect(c, MACH_CFG_EXPECT_KVM_DEVICE, host, 0, "arm-vgic-v3", none, none);
    b->k->has_kvm = true;
    b->config = cfg_open(c);
    return b;
}

static void board_free(struct board *b)
{
    assert_string_equal(fake_left(b->k), "");
    mach_config_close(b->config);
    cfg_free(b->c);
    fake_free(b->k);
    free(b);
}

static void test_all_hold(void **state)
{
    (void)state;
    struct board *b = board();
    const struct mach_options o = {.size = sizeof o, .sys = &b->k->sys, .finding = found, .opaque = b};
    int n = mach_config_check(b->config, &o, NULL);
    if (n)
        fail_msg("%s", b->text);
    // The trigger is all that cannot be seen.
    assert_int_equal(b->of[MACH_PROOF_UNKNOWN], 2 - HAVE_KVM);
    assert_int_equal(b->of[MACH_PROOF_HOLDS], 21 + HAVE_KVM);
    assert_int_equal(mach_config_check(b->config, &(struct mach_options){.size = sizeof o, .sys = &b->k->sys}, NULL),
                     0);
    board_free(b);
}

// One thing is otherwise: so many fail, and the text says it.
static void wrong(struct board *b, int fails, const char *say)
{
    const struct mach_options o = {.size = sizeof o, .sys = &b->k->sys, .finding = found, .opaque = b};
    int n = mach_config_check(b->config, &o, NULL);
    if (n != fails || !strstr(b->text, say))
        fail_msg("%d fail, not %d; looked for `%s` in\n%s", n, fails, say, b->text);
    board_free(b);
}

static void test_each_fails(void **state)
{
    (void)state;
    struct board *b = board();
    b->k->page = 65536;
    wrong(b, 1, "its page size is 65536 bytes, not 4096");
    b = board();
    TEXT(b->k, BASE "/compatible", "acme,other\0acme,soc\0");
    wrong(b, 1, "this host is a acme,other, not a acme,board");
    b = board();
    TEXT(b->k, BASE "/compatible", "acme,board\0");
    wrong(b, 1, "fewer strings");
    b = board();
    TEXT(b->k, "/sys/devices/system/cpu/online", "0-2\n");
    wrong(b, 1, "echo 1 > /sys/devices/system/cpu/cpu3/online");
    b = board();
    TEXT(b->k, "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "15\n");
    wrong(b, 1, "16 pages of 2048 KiB are needed, 15 are free");
    b = board();
    TEXT(b->k, "/proc/iomem", "00000000-20000000 : System RAM\n");
    wrong(b, 1, "host: memory-free ram: the kernel uses 0x0..0x20000000 itself, which overlaps 0x20000000..0x3fffffff");
    b = board();
    TEXT(b->k, "/proc/iomem", "40000000-7fffffff : reserved\n  60ffffff-60ffffff : System RAM\n");
    wrong(b, 1, "host: memory-free shm0: the kernel uses 0x60ffffff..0x60ffffff itself");
    b = board();
    TEXT(b->k, "/proc/iomem", "00000000-00000000 : System RAM\n  00000000-00000000 : Kernel code\n");
    wrong(b, 0, "only root can read addresses");
    b = board();
    TEXT(b->k, "/proc/iomem", "nonsense\n-1 : System RAM\n20000000 System RAM\n20000000 - 2fffffff : System RAM");
    wrong(b, 0, "only root can read addresses");
    b = board();
    TEXT(b->k, BASE "/soc/eth@2180000/compatible", "acme,uart\0");
    wrong(b, 1, "it is a acme,uart, not a acme,eth");
    b = board();
    TEXT(b->k, BASE "/soc/ranges", "\0\0\0\0\0\0\0\6\0\0\0\0\x10\0\0\0");
    wrong(b, 2, "it is at 0x602180000, not at 0x502180000");
    b = board();
    TEXT(b->k, BASE "/soc/eth@2180000/reg", "\x02\x18\0\0\0\1\0\0\x02\x19\0\0\0\0\x20\0");
    wrong(b, 1, "it has 0x2000 bytes, not 0x1000");
    b = board();
    TEXT(b->k, BASE "/soc/eth@2180000/interrupts", "\0\0\0\0\0\0\0\x38\0\0\0\4");
    wrong(b, 1, "it has 1 interrupts, not 2");
    b = board();
    TEXT(b->k, BASE "/soc/rtc@9010000/interrupts-extended", "\0\0\0\x8\0\0\0\1\0\0\0\4");
    wrong(b, 1, "it has 1 interrupts, not 2");
    b = board();
    TEXT(b->k, BASE "/soc/rtc@9010000/interrupts-extended", "\0\0\0\x9\0\0\0\1\0\0\0\4");
    wrong(b, 0, "irq-count: the kernel does not show it"); // a phandle that leads nowhere
    b = board();
    TEXT(b->k, "/sys/bus/pci/devices/0000:00:02.0/resource", "0x10000000 0x1007ffff 0x200\n");
    wrong(b, 1, "it has 0x80000 bytes, not 0x100000");
    b = board();
    b->k->device[0].name = "another address";
    wrong(b, 1, "there is no /sys/bus/platform/devices/502180000.eth");
    b = board();
    b->k->no_kvm = 7; // KVM_DEV_TYPE_ARM_VGIC_V3
    wrong(b, HAVE_KVM, HAVE_KVM ? "host: kvm-device arm-vgic-v3: this host's KVM has no arm-vgic-v3" : "kvm-device");
    b = board();
    b->k->no_kvm = 5; // the near miss: another one
    wrong(b, 0, "irq-trigger");
    b = board();
    b->k->has_kvm = false;
    wrong(b, 0, "kvm-device arm-vgic-v3: /dev/kvm: ");
    b = board();
    b->k->stays = "eth";
    wrong(b, 1, "device eth: sysfs-name 502180000.eth: eth does not let go of it: it has no `unbind` in sysfs");
    b = board();
    b->k->stays = "other";
    wrong(b, 0, "irq-trigger"); // the near miss: another driver
    b = board();
    b->k->device[3].group = 6;
    wrong(b, 1, "0000:00:02.1 is not in its IOMMU group");
    b = board();
    b->k->device[2].group_after_probe = true;
    b->k->device[2].probed_once = false;
    wrong(b, 0, "it has no IOMMU group yet");
    b = board();
    b->k->texts--; // /dev/uio0
    wrong(b, 1, "/dev/uio0: No such file");
    // A name that leads out of its directory.
    b = board();
    mach_config_close(b->config);
    CFG_SET(b->c, device, DEVICE, 0, sysfs_name, cfg_string(b->c, "../../pci"));
    CFG_SET(b->c, expect, EXPECT, 9, string, cfg_string(b->c, "../../pci"));
    b->config = cfg_open(b->c);
    struct mach_error e = MACH_ERROR_INIT;
    assert_int_equal(mach_config_check(
                         b->config, &(struct mach_options){.size = sizeof(struct mach_options), .sys = &b->k->sys}, &e),
                     -EINVAL);
    assert_string_equal(e.step, "expect");
    assert_non_null(strstr(e.hint, "is not a valid device name"));
    board_free(b);
}

/* ---- trees that are odd or hostile ---- */

// The board with eth on a bus of its own below /soc, whose `ranges` are given.
#define BUS(b, ranges) on_a_bus(b, ranges, sizeof(ranges) - 1)
static struct board *on_a_bus(struct board *b, const char *ranges, size_t size)
{
    struct fake *k = b->k;
    TEXT(k, BASE "/soc/bus/#address-cells", "\0\0\0\1");
    TEXT(k, BASE "/soc/bus/#size-cells", "\0\0\0\1");
    fake_text(k, BASE "/soc/bus/ranges", ranges, size);
    TEXT(k, BASE "/soc/bus/eth@2180000/compatible", "acme,eth\0acme,net\0");
    TEXT(k, BASE "/soc/bus/eth@2180000/reg", "\x02\x18\0\0\0\1\0\0\x02\x19\0\0\0\0\x10\0");
    TEXT(k, BASE "/soc/bus/eth@2180000/interrupts", "\0\0\0\0\0\0\0\x38\0\0\0\4\0\0\0\0\0\0\0\x39\0\0\0\1");
    fake_link(k, "/sys/bus/platform/devices/502180000.eth/of_node",
              "../../firmware/devicetree/base/soc/bus/eth@2180000");
    return b;
}

static void test_ranges(void **state)
{
    (void)state;
    // Empty: the addresses are those of /soc, which has ranges.
    wrong(BUS(board(), ""), 0, "irq-trigger");
    // The near miss: a row moves them.
    wrong(BUS(board(), "\0\0\0\0\0\x10\0\0\x0f\0\0\0"), 2, "it is at 0x502280000, not at 0x502180000");
    struct board *b = board();
    TEXT(b->k, BASE "/soc/ranges", "");
    wrong(b, 2, "it is at 0x2180000, not at 0x502180000");
    // What ranges do not hold has no address, and neither has what is no whole row, or not even a whole cell.
    wrong(BUS(board(), "\0\0\0\0\x10\0\0\0\0\0\x10\0"), 0, "device eth: region 0: the kernel does not show it");
    wrong(BUS(board(), "\0\0\0\0\x10\0\0\0"), 0, "device eth: region 1: the kernel does not show it");
    wrong(BUS(board(), "\0\0\0"), 0, "device eth: region 0: the kernel does not show it");
}

static void test_hostile_trees(void **state)
{
    (void)state;
    // Rows of no cells, of which a property has more than enough.
    struct board *b = BUS(board(), "");
    TEXT(b->k, BASE "/#address-cells", "\0\0\0\0");
    TEXT(b->k, BASE "/soc/#address-cells", "\0\0\0\0");
    TEXT(b->k, BASE "/soc/#size-cells", "\0\0\0\0");
    wrong(b, 0, "device eth: region 0: the kernel does not show it");
    // As many cells as would lead back to the entry's own start, and more than Linux takes: 16.
    b = board();
    TEXT(b->k, BASE "/soc/gpio/#interrupt-cells", "\xff\xff\xff\xff");
    wrong(b, 0, "device rtc: irq-count: the kernel does not show it");
    b = board();
    TEXT(b->k, BASE "/soc/gpio/#interrupt-cells", "\0\0\0\x11");
    wrong(b, 0, "device rtc: irq-count: the kernel does not show it");
    b = board();
    TEXT(b->k, BASE "/gic@1000/#interrupt-cells", "\0\0\0\x11");
    wrong(b, 0, "device eth: irq-count: the kernel does not show it");
    // An entry that ends after the property.
    b = board();
    TEXT(b->k, BASE "/soc/gpio/#interrupt-cells", "\0\0\0\7");
    wrong(b, 0, "device rtc: irq-count: the kernel does not show it");
    // The near miss: one entry that ends with it.
    b = board();
    TEXT(b->k, BASE "/soc/gpio/#interrupt-cells", "\0\0\0\6");
    wrong(b, 1, "device rtc: irq-count: it has 1 interrupts, not 2");
    // A link that leads out of the tree again.
    b = board();
    fake_link(b->k, "/sys/bus/platform/devices/502180000.eth/of_node", "../../firmware/devicetree/base/../base/soc");
    wrong(b, 1, "device eth: region 0: the kernel does not show it");
}

/* ---- errors of a session ---- */

static void refused(struct scene *x, const char *step, const char *object, const char *hint)
{
    assert_int_equal(scene_start(x), -1);
    assert_null(x->session);
    if (strcmp(x->error.step, step) || !strstr(x->error.object, object) || !strstr(x->error.hint, hint))
        fail_msg("looked for %s: %s: %s\nin %s: %s: %s", step, object, hint, x->error.step, x->error.object,
                 x->error.hint);
    scene_clean(x);
    scene_free(x);
}

static void test_proof_first(void **state)
{
    (void)state;
    struct scene *x = scene_new("group");
    CFG_SET(x->c, machine, MACHINE, 0, host_page_size, 16384);
    cfg_expect(x->c, MACH_CFG_EXPECT_FILE, MACH_CFG_NONE, 0, "/dev/nothing", MACH_CFG_NONE64, MACH_CFG_NONE64);
    assert_int_equal(scene_start(x), -1);
    assert_string_equal(x->error.step, "expect");
    assert_non_null(strstr(x->error.hint, "(and 1 more)"));
    assert_non_null(strstr(x->log, "/dev/nothing")); // all are told, not the first alone
    assert_null(strstr(x->log, "write "));
    scene_clean(x);
    scene_free(x);
    // What VFIO says has the last word.
    x = scene_new("group");
    fake_deny(x->k, BASE "/1af0000.ethernet/interrupts-extended");
    cfg_expect(x->c, MACH_CFG_EXPECT_IRQ_COUNT, 1, 0, "", 3, MACH_CFG_NONE64);
    refused(x, "expect", "eth", "VFIO reports 2 interrupts, not 3");
    x = scene_new("group");
    x->k->device[0].irq_flags[0] = 1;
    refused(x, "expect", "interrupt 0", "the kernel an edge-triggered one");
    x = scene_new("group");
    x->k->device[0].irq_flags[1] = 7;
    refused(x, "expect", "interrupt 1", "the kernel a level-triggered one");
    x = scene_new("group");
    x->k->device[0].region[0].size = 0x2000;
    refused(x, "expect", "region 0", "0x2000 bytes, not 0x1000");
}

static void test_lines(void **state)
{
    (void)state;
    struct scene *x = scene_new("group");
    x->k->device[0].cascade = true;
    refused(x, "irq", "device eth, interrupt 0", "initcall_blacklist");
}

static void test_groups(void **state)
{
    (void)state;
    struct scene *x = scene_new("group");
    fake_add(x->k, "pci", "0000:00:02.2", "snd_hda_intel", 5);
    fake_add(x->k, "pci", "0000:00:02.3", "xhci_hcd", 5);
    fake_add(x->k, "pci", "0000:00:02.4", "pcieport", 5);
    fake_add(x->k, "pci", "0000:00:02.5", "", 5);
    refused(x, "group", "IOMMU group 5 of edu",
            "of 6 members, 0000:00:02.2 is bound to snd_hda_intel (pass it through as well, or: echo 0000:00:02.2 > "
            "/sys/bus/pci/drivers/snd_hda_intel/unbind); 0000:00:02.3 is bound to xhci_hcd");
    // What is held is on another bus than the device; and a bus's driver does no DMA either, but Linux does not know
    // it.
    x = scene_new("group");
    fake_add(x->k, "amba", "9030000.pl061", "pl061_gpio", 3);
    refused(x, "group", "IOMMU group 3 of eth", "echo 9030000.pl061 > /sys/bus/amba/drivers/pl061_gpio/unbind");
    x = scene_new("group");
    fake_add(x->k, "platform", "soc:bus", "simple-pm-bus", 3);
    refused(x, "group", "IOMMU group 3 of eth", "soc:bus is bound to simple-pm-bus");
    x = scene_new("group");
    x->k->device[0].no_group = true;
    refused(x, "group", "eth", "it has no IOMMU group");
    // One group, two reaches.
    x = scene_new("group");
    x->k->device[1].group = 3;
    refused(x, "group", "devices eth and rtc", "give both the same `dma`");
}

static void test_bind(void **state)
{
    (void)state;
    struct scene *y = scene_new("group");
    y->k->stays = y->k->device[0].driver;
    refused(y, "expect", "device eth: sysfs-name", "does not let go of it");
    struct scene *x = scene_new("group");
    x->k->no_driver = true;
    refused(x, "bind", "eth", "modprobe vfio-platform");
    x = scene_new("group");
    x->k->device[0].refuses = true;
    refused(x, "bind", "eth", "vfio_platform.reset_required=0");
    x = scene_new("group");
    x->k->device[2].refuses = true;
    refused(x, "bind", "edu", "vfio-pci did not bind to it");
    x = scene_new("group");
    x->options.flags = MACH_NO_BIND;
    refused(x, "bind", "eth", "it is bound to uart, not to vfio-platform: run `machrt bind`");
    x = scene_new("group");
    x->k->device[0].name = "other";
    refused(x, "expect", "eth", "");
    // An override that was there comes back.
    x = scene_new("group");
    strcpy(x->k->device[0].override, "uart");
    assert_int_equal(scene_start(x), 0);
    assert_int_equal(scene_stop(x), 0);
    scene_clean(x);
    scene_free(x);
}

static void test_bind_alone(void **state)
{
    (void)state;
    struct scene *x = scene_new("group");
    struct fake *k = x->k;
    x->config = cfg_open(x->c);
    strcpy(k->device[2].override, "nvme");
    char before[512], after[512];
    fake_drivers(k, before, sizeof before);
    FILE *f = tmpfile();
    assert_non_null(f);
    assert_int_equal(mach_config_bind(x->config, &x->options, f, &x->error), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(strncmp(k->device[i].driver, "vfio", 4), 0);
    assert_int_equal(mach_config_bind(x->config, &x->options, NULL, &x->error), 0); // nothing left to do
    // A session leaves bound what it found bound.
    assert_int_equal(scene_start(x), 0);
    assert_int_equal(scene_stop(x), 0);
    assert_string_equal(k->device[0].driver, "vfio-platform");
    rewind(f);
    assert_int_equal(mach_config_unbind(x->config, &x->options, f, &x->error), 0);
    fake_drivers(k, after, sizeof after);
    assert_string_equal(after, before);
    fclose(f);
    // Without a memory of it, the kernel chooses.
    *k->device[2].override = '\0';
    assert_int_equal(mach_config_bind(x->config, &x->options, NULL, &x->error), 0);
    assert_int_equal(mach_config_unbind(x->config, &x->options, NULL, &x->error), 0);
    assert_string_equal(k->device[0].driver, "uart");
    assert_string_equal(k->device[2].driver, "nvme");
    // All or nothing.
    k->device[3].refuses = true;
    fake_drivers(k, before, sizeof before);
    int r = mach_config_bind(x->config, &x->options, NULL, &x->error);
    assert_true(r < 0);
    assert_int_equal(x->error.number, -r);
    fake_drivers(k, after, sizeof after);
    assert_string_equal(after, before);
    assert_string_equal(fake_left(k), "");
    scene_free(x);
}

static void test_windows(void **state)
{
    (void)state;
    struct scene *x = scene_new("group");
    x->k->hole[0] = 0x80100000;
    x->k->hole[1] = 0x801fffff;
    TEXT(x->k, "/sys/kernel/iommu_groups/3/reserved_regions",
         "0x0000000000000000 0x00000000ffffffff direct-relaxable\n0x0000000080100000 0x00000000801fffff msi\n");
    refused(x, "window", "eth", "window 0x80000000-0x803fffff: the host reserves 0x80100000-0x801fffff (msi)");
    x = scene_new("group");
    x->k->hole[0] = 0x70000000;
    x->k->hole[1] = (UINT64_C(1) << 47) - 1;
    refused(x, "window", "eth", "is outside what the IOMMU can translate");
    x = scene_new("foreign");
    cfg_dma(x->c, MACH_CFG_DMA_WINDOW);
    cfg_map(x->c, 0, 0, MiB, 0x80000000 + MiB);
    refused(x, "window", "portal", "overlap");
    x = scene_new("group");
    CFG_SET(x->c, dma, DMA, 0, mode, MACH_CFG_DMA_WINDOW);
    CFG_SET(x->c, dma_map, DMA_MAP, 1, iova, 0x90000800);
    CFG_SET(x->c, dma_map, DMA_MAP, 1, size, MiB);
    refused(x, "window", "eth", "aligned to the IOMMU's page size");
    x = scene_new("noiommu");
    cfg_device(x->c, "uart", MACH_CFG_DEVICE_EMULATED, "", 0);
    x->k->noiommu = false;
    TEXT(x->k, "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "N\n");
    refused(x, "backend", "noiommu", "enable_unsafe_noiommu_mode");
    x = scene_new("noiommu");
    x->options.backend = MACH_BACKEND_AUTO;
    refused(x, "backend", "VFIO", "choose the backend `noiommu`");
    x = scene_new("noiommu");
    CFG_SET(x->c, memory, MEMORY, 0, physical, 0x90000000);
    refused(x, "memory", "ram", "from physical 0x80000000");
}

static void test_backends(void **state)
{
    (void)state;
    struct scene *x = scene_new("group");
    x->k->has_group = false;
    refused(x, "backend", "VFIO", "iommufd: there is no /dev/iommu; group: there is no /dev/vfio/vfio");
    x = scene_new("group");
    x->k->has_iommufd = true;
    x->options.backend = MACH_BACKEND_IOMMUFD;
    refused(x, "backend", "iommufd", "CONFIG_VFIO_DEVICE_CDEV");
    x = scene_new("group");
    x->options.backend = MACH_BACKEND_PAMU;
    refused(x, "backend", "pamu", "not for a PAMU");
    x = scene_new("pamu");
    x->options.backend = MACH_BACKEND_AUTO;
    refused(x, "backend", "VFIO", "choose the backend `pamu`");
    x = scene_new("pamu");
    x->k->spapr = true; // the same number means something else there
    refused(x, "backend", "pamu", "this is not a vendor kernel");
    x = scene_new("pamu");
    x->k->pamu_hw = 2;
    refused(x, "window", "usb", "the config has 4 subwindows, and this PAMU supports 2");
    x = scene_new("pamu");
    CFG_SET(x->c, dma, DMA, 0, whole_subwindows, 512);
    refused(x, "window", "usb", "512 subwindows: the number must be a power of two up to 256");
    x = scene_new("pamu");
    CFG_SET(x->c, memory, MEMORY, 0, physical, 0x20001000);
    refused(x, "window", "usb", "must be physically contiguous");
    x = scene_new("pamu");
    CFG_SET(x->c, dma, DMA, 0, whole_subwindows, 2);
    refused(x, "window", "usb", "are not whole subwindows"); // the vendor's driver would never come back from it
    x = scene_new("pamu");
    CFG_SET(x->c, dma, DMA, 0, size, 0x1800000);
    refused(x, "window", "usb", "power of two");
    x = scene_new("pamu");
    CFG_SET(x->c, dma, DMA, 0, whole_subwindows, 0); // an over-grant, say: the hardware could, this driver cannot
    refused(x, "window", "usb", "maps whole subwindows only");
    x = scene_new("pamu");
    CFG_SET(x->c, dma, DMA, 0, flags, 0);
    refused(x, "window", "usb", "has no window for it");
    x = scene_new("spapr_ddw");
    CFG_SET(x->c, dma, DMA, 0, page_shift, 0);
    refused(x, "window", "edu", "has no window for it");
    x = scene_new("spapr_ddw");
    x->k->tce_start = UINT64_C(1) << 59;
    refused(x, "window", "edu", "is outside what the IOMMU can translate");
}

static void test_stash(void **state)
{
    (void)state;
    struct scene *x = scene_new("group");
    cfg_stash(x->c, MACH_CFG_STASH_L2, 0, 2);
    refused(x, "stash", "edu", "`if-possible`");
    x = scene_new("group");
    cfg_stash(x->c, MACH_CFG_STASH_TPH, MACH_CFG_STASH_IF_POSSIBLE, 2);
    assert_int_equal(scene_start(x), 0);
    assert_int_equal(scene_stop(x), 0);
    const char *why = strstr(x->log, "stash of edu1: ");
    assert_non_null(why);
    assert_int_equal(strncmp(why + strlen("stash of edu1: "), strerror(EOPNOTSUPP), strlen(strerror(EOPNOTSUPP))), 0);
    scene_clean(x);
    scene_free(x);
}

static void test_resets(void **state)
{
    (void)state;
    struct scene *x = scene_new("group");
    x->k->device[2].flags &= ~(uint32_t)VFIO_DEVICE_FLAGS_RESET;
    refused(x, "reset", "edu", "`reset if-possible;`");
    x = scene_new("group");
    x->k->device[0].flags &= ~(uint32_t)VFIO_DEVICE_FLAGS_RESET;
    assert_int_equal(scene_start(x), 0);
    assert_int_equal(scene_stop(x), 0);
    scene_clean(x);
    scene_free(x);
}

static void test_odd_hosts(void **state)
{
    (void)state;
    // 64 KiB pages: what is smaller is forwarded.
    struct scene *x = scene_new(HAVE_KVM ? "kvm" : "group");
    x->use_ops = true;
    x->k->page = 65536;
    CFG_SET(x->c, machine, MACHINE, 0, host_page_size, 65536);
    CFG_SET(x->c, memory, MEMORY, 2, address, 0xa0000000);
    assert_int_equal(scene_start(x), 0);
    assert_int_equal(x->trapped, 2 + 1 + 2);
    assert_int_equal(scene_stop(x), 0);
    scene_clean(x);
    scene_free(x);
    // Capability lists that loop, that ask for more memory, or are not there.
    for (int i = 0; i < 4; i++) {
        x = scene_new(i & 1 ? "iommufd" : "group");
        x->k->caps_loop = i == 0;
        x->k->no_caps = i == 2;
        x->k->info_argsz = i == 1 || i == 2 ? 8192 : 0;
        x->k->device[2].region[0].argsz = i >= 1 ? 1024 : 0;
        x->k->device[2].region[0].loop = i == 3;
        if (i == 3) // without a list, all of it may be mapped: this one says so only by the loop
            x->k->device[2].region[0].area[0][1] = 0x8000;
        int r = scene_start(x);
        if (r && i != 3)
            fail_msg("%d: %s: %s", i, x->error.object, x->error.hint);
        if (!r)
            assert_int_equal(scene_stop(x), 0);
        scene_clean(x);
        scene_free(x);
    }
    x = scene_new("group");
    x->k->device[2].region[0].argsz = 1 << 20;
    refused(x, "region", "edu", "requests a larger buffer");
    x = scene_new("group");
    x->k->device[2].region[0].areas = 4;
    x->k->device[2].region[0].area[2][0] = 0x7000;
    x->k->device[2].region[0].area[2][1] = 0x2000;
    refused(x, "region", "edu", "an area outside of it");
    x = scene_new("group");
    x->k->device[2].region[0].areas = 100;
    refused(x, "region", "edu", "exceeds its buffer");
}

static int cannot(void *opaque, const struct mach_cfg_file *f, const char **why)
{
    (void)opaque;
    (void)f;
    *why = "no machine today";
    return -ENOTSUP;
}

// Starts a scene with structs of another size than the library's.
static void arguments(const char *scene, size_t options, size_t sys, size_t ops, size_t own, uint8_t tail, int result,
                      const char *what)
{
    struct scene *x = scene_new(scene);
    struct {
        struct mach_options is;
        uint8_t more[16];
    } o = {x->options, {tail}};
    struct {
        struct mach_sys is;
        uint8_t more[16];
    } y = {x->k->sys, {tail}};
    struct {
        struct mach_ops is;
        uint8_t more[16];
    } v = {x->ops, {tail}};
    struct mach_kvm kvm = {.size = sizeof kvm + own,
                           .vm = x->use_kvm ? fake_vm(x->k) : -1,
                           .sys = &x->k->sys,
                           .own = &v.is,
                           .own_opaque = x};
    o.is.sys = &y.is;
    o.is.size += options;
    y.is.size += sys;
    v.is.size += ops;
    x->config = cfg_open(x->c);
    int r = mach_session_start(x->config, &o.is, x->use_kvm ? mach_kvm_ops() : &v.is,
                               x->use_kvm ? (void *)&kvm : (void *)x, &x->session, &x->error);
    assert_int_equal(r, result);
    if (r) {
        assert_null(x->session);
        assert_int_equal(x->error.number, -r);
        if (!strstr(x->error.object, what) && !strstr(x->error.hint, what))
            fail_msg("%s, not %s: %s", x->error.object, what, x->error.hint);
        assert_string_equal(fake_left(x->k), "");
    } else {
        assert_int_equal(scene_stop(x), 0);
    }
    scene_free(x);
}

static void test_arguments(void **state)
{
    (void)state;
    const size_t less = (size_t)-8; // a struct that is shorter than the first release's, or one without a size
    arguments("group", 0, 0, 0, 0, 0, 0, "");
    arguments("group", less, 0, 0, 0, 0, -EINVAL, "struct mach_options");
    arguments("group", 0, -(sizeof(struct mach_sys) - offsetof(struct mach_sys, io_uring_register)), 0, 0, 0, -EINVAL,
              "struct mach_sys");
    if (HAVE_KVM) {
        arguments("kvm", 0, 0, less, 0, 0, -EINVAL, "mach_kvm.own");
        size_t older = sizeof(struct mach_kvm) - offsetof(struct mach_kvm, own_vfio);
        arguments("kvm", 0, 0, 0, -older - 8, 0, -EINVAL, "struct mach_kvm");
        arguments("kvm", 0, 0, 0, -older, 0, 0, "");
        arguments("kvm", 0, 0, 16, 0, 1, -E2BIG, "mach_kvm.own");
    } else {
        arguments("kvm", 0, 0, 0, 0, 0, -ENOSYS, "no KVM");
    }
    arguments("iommufd", 0, 0, less, 0, 0, -EINVAL, "struct mach_ops");
    arguments("iommufd", -sizeof(struct mach_options), 0, 0, 0, 0, -EINVAL, "struct mach_options");
    struct scene *x = scene_new("group");
    x->k->sys.poll = NULL;
    refused(x, "arguments", "struct mach_sys", "NULL");
    // A newer caller, which uses nothing that is new; and one that does.
    arguments("iommufd", 16, 16, 16, 0, 0, 0, "");
    arguments("iommufd", 16, 0, 0, 0, 1, -E2BIG, "struct mach_options");
    arguments("iommufd", 0, 16, 0, 0, 1, -E2BIG, "struct mach_sys");
    arguments("iommufd", 0, 0, 16, 0, 1, -E2BIG, "struct mach_ops");
}

// An error is never written beyond what the caller has, and one without a size is left alone.
static void test_error(void **state)
{
    (void)state;
    struct mach_config *config;
    struct {
        struct mach_error is;
        uint8_t more[16];
    } e;
    for (size_t size = 0; size <= sizeof e; size += 8) {
        memset(&e, 0x5a, sizeof e);
        e.is.size = size;
        assert_int_equal(mach_config_open("/nowhere", &config, &e.is), -ENOENT);
        assert_int_equal(e.is.size, size);
        for (size_t i = sizeof size; i < sizeof e; i++)
            if (i >= sizeof e.is || size < offsetof(struct mach_error, hint) + sizeof e.is.hint)
                assert_int_equal(((uint8_t *)&e)[i], 0x5a);
        if (size >= sizeof e.is)
            assert_string_equal(e.is.step, "open");
    }
    char text[200];
    struct mach_error why = MACH_ERROR_INIT;
    assert_int_equal(mach_error_text(&why, text, sizeof text), (int)strlen("no error"));
    assert_int_equal(mach_config_open("/nowhere/\033[31m", &config, &why), -ENOENT);
    int length = mach_error_text(&why, text, sizeof text);
    assert_int_equal(length, (int)strlen(text));
    assert_string_equal(text, "open: /nowhere/?[31m: cannot open it: No such file or directory");
    assert_int_equal(mach_error_text(&why, text, 6), length);
    assert_string_equal(text, "open:");
    assert_int_equal(mach_config_from_memory("g", "x", 1, &config, &why), -EBADMSG);
    mach_error_text(&why, text, sizeof text);
    assert_string_equal(text, "verify: g: the file is too short to be a guest.cfg [TOO_SHORT at 0x1]");
    char *printed = NULL;
    size_t size;
    FILE *f = open_memstream(&printed, &size);
    mach_error_print(&why, "vmm", f);
    mach_error_print(&why, NULL, f);
    fclose(f);
    assert_string_equal(printed, "vmm: verify: g: the file is too short to be a guest.cfg [TOO_SHORT at 0x1]\n"
                                 "verify: g: the file is too short to be a guest.cfg [TOO_SHORT at 0x1]\n");
    free(printed);
}

static void test_find(void **state)
{
    (void)state;
    struct scene *x = scene_new("files");
    uint32_t eth = 0;
    uint32_t r = cfg_region(x->c, MACH_CFG_REGION_DROP, 0, 0, MACH_CFG_NONE64);
    CFG_SET(x->c, region, REGION, r, name, cfg_string(x->c, "control"));
    uint32_t q = cfg_irq(x->c, MACH_CFG_IRQ_DEVICE, 77, false);
    CFG_SET(x->c, irq, IRQ, q, name, cfg_string(x->c, "done"));
    CFG_SET(x->c, irqchip, IRQCHIP, 0, name, cfg_string(x->c, "gic"));
    uint32_t last = x->c->device;
    x->config = cfg_open(x->c);
    const struct mach_cfg_file *f = mach_config_file(x->config);
    eth = mach_config_find_device(x->config, "eth");
    assert_string_equal(mach_cfg_string(f, mach_cfg_device_name(mach_cfg_record(f, MACH_CFG_S_DEVICE, eth))), "eth");
    assert_int_equal(mach_config_find_device(x->config, "nowhere"), MACH_CFG_NONE);
    assert_int_equal(mach_config_find_memory(x->config, "shm"), 4);
    assert_int_equal(mach_config_find_memory(x->config, "eth"), MACH_CFG_NONE);
    assert_int_equal(mach_config_find_irqchip(x->config, "gic"), 0);
    assert_int_equal(mach_config_find_region(x->config, last, "control"), r);
    assert_int_equal(mach_config_find_region(x->config, eth, "control"), MACH_CFG_NONE);
    assert_int_equal(mach_config_find_region(x->config, 99, "control"), MACH_CFG_NONE);
    assert_int_equal(mach_config_find_irq(x->config, last, "done"), q);
    assert_int_equal(mach_config_find_irq(x->config, eth, "done"), MACH_CFG_NONE);
    assert_int_equal(mach_cfg_count(f, MACH_CFG_S_END), 0);
    assert_int_equal(mach_cfg_count(f, UINT32_MAX), 0);
    assert_null(mach_cfg_record(f, UINT32_MAX, 0).at);
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", MACHRT_VERSION_MAJOR, MACHRT_VERSION_MINOR, MACHRT_VERSION_PATCH);
    assert_string_equal(version, MACHRT_VERSION);
    assert_string_equal(mach_version(), version);
    scene_free(x);
}

static void test_vmm(void **state)
{
    (void)state;
    struct scene *x = scene_new("iommufd");
    x->ops.trap = NULL;
    refused(x, "vmm", "region", "ops->trap");
    x = scene_new("iommufd");
    x->ops.place = NULL;
    refused(x, "vmm", "eth", "ops->place");
    x = scene_new("iommufd");
    x->ops.connect = NULL;
    refused(x, "vmm", "interrupt", "ops->connect");
    // A VMM that cannot do it says why, before anything is touched.
    x = scene_new("iommufd");
    x->ops.prepare = cannot;
    refused(x, "vmm", "VMM", "no machine today");
    if (HAVE_KVM) { // KVM's ops pass it on
        x = scene_new("kvm");
        x->ops.prepare = cannot;
        refused(x, "vmm", "VMM", "no machine today");
    }
    x = scene_new("group");
    CFG_SET(x->c, irq, IRQ, 2, source, MACH_CFG_IRQ_MAP_ENTRY);
    refused(x, "irq", "interrupt 1", "interrupt-map");
    x = scene_new("group");
    CFG_SET(x->c, memory, MEMORY, 2, share, cfg_string(x->c, "ipc0"));
    refused(x, "memory", "private", "memory that machines share");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_hold),   cmocka_unit_test(test_each_fails), cmocka_unit_test(test_proof_first),
        cmocka_unit_test(test_lines),      cmocka_unit_test(test_groups),     cmocka_unit_test(test_bind),
        cmocka_unit_test(test_bind_alone), cmocka_unit_test(test_windows),    cmocka_unit_test(test_backends),
        cmocka_unit_test(test_stash),      cmocka_unit_test(test_resets),     cmocka_unit_test(test_odd_hosts),
        cmocka_unit_test(test_vmm),        cmocka_unit_test(test_arguments),  cmocka_unit_test(test_error),
        cmocka_unit_test(test_find),       cmocka_unit_test(test_ranges),     cmocka_unit_test(test_hostile_trees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
