// SPDX-License-Identifier: MIT
// Files that a config names are what they are, whatever they are called; and what one session has, no other one takes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scenes.h"

#include <errno.h>
#include <stdlib.h>

#define BDF       "/sys/bus/pci/devices/0000:00:07.0"
#define ANOTHER   "another session has them"
#define OURSELVES "another part of the machine has them"

static void text(struct scene *x, const char *path, const char *data)
{
    fake_text(x->k, path, data, strlen(data));
}

// A second machine on the host of the first.
static struct scene *beside(struct scene *first, const char *name)
{
    struct scene *x = scene_new(name);
    fake_free(x->k);
    x->k = first->k;
    x->options.sys = &first->k->sys;
    return x;
}

static void beside_free(struct scene *x)
{
    mach_config_close(x->config);
    cfg_free(x->c);
    free(x);
}

// The second machine does not start while the first runs, with a hint; and it does afterwards. "": it does at once.
static void both(struct scene *first, struct scene *second, const char *step, const char *hint)
{
    scene_must_start(first);
    int r = scene_start(second);
    if (r != (*hint ? -1 : 0))
        fail_msg("the second machine %s; looked for `%s` in %s", r ? "does not start" : "starts", hint,
                 second->error.hint);
    if (*hint && (strcmp(second->error.step, step) || !strstr(second->error.hint, hint)))
        fail_msg("looked for %s: %s\nin %s: %s: %s", step, hint, second->error.step, second->error.object,
                 second->error.hint);
    if (*hint)
        assert_int_equal(second->error.number, EBUSY);
    assert_int_equal(scene_stop(first), 0);
    if (*hint)
        scene_must_start(second); // nothing of the lock is left
    assert_int_equal(scene_stop(second), 0);
    assert_string_equal(fake_left(first->k), "");
    beside_free(second);
    scene_free(first);
}

/* ---- raw regions ---- */

static void drop(struct scene *x, uint32_t region)
{
    CFG_SET(x->c, region, REGION, region, mode, MACH_CFG_REGION_DROP);
    CFG_SET(x->c, region, REGION, region, guest, MACH_CFG_NONE64);
}

// A machine with one raw region of a file.
static struct scene *raw(struct scene *on, const char *file, uint64_t offset, uint64_t size)
{
    struct scene *x = on ? beside(on, "raw") : scene_new("raw");
    CFG_SET(x->c, region, REGION, 0, file, cfg_string(x->c, file));
    CFG_SET(x->c, region, REGION, 0, offset, offset);
    CFG_SET(x->c, region, REGION, 0, size, size);
    drop(x, 1);
    CFG_SET(x->c, irq, IRQ, 0, flags, MACH_CFG_IRQ_DROPPED);
    CFG_SET(x->c, irq, IRQ, 0, chip, MACH_CFG_NONE);
    CFG_SET(x->c, irq, IRQ, 0, number, MACH_CFG_NONE);
    return x;
}

static struct scene *with_bar(const char *file, uint64_t offset, uint64_t size)
{
    struct scene *x = raw(NULL, file, offset, size);
    text(x, BDF "/resource", "0x0 0x0 0x0\n0x50000000 0x50003fff 0x200\n0x60000000 0x60000fff 0x200\n");
    fake_file_size(x->k, BDF "/resource1", 0x4000);
    fake_file_size(x->k, BDF "/resource1_wc", 0x4000);
    fake_file_size(x->k, BDF "/resource2", 0x1000);
    fake_file_size(x->k, BDF "/config", 0x1000);
    fake_node(x->k, "/tmp/mem", 1, 1);
    fake_link(x->k, "/tmp/link", BDF "/resource1");
    fake_same_inode(x->k, "/tmp/bind", BDF "/resource1");
    fake_link(x->k, "/tmp/memory", "/dev/mem");
    text(x, "/sys/dev/char/245:1/maps/map0/addr", "0x0000000070000000\n");
    text(x, "/sys/dev/char/245:1/maps/map1/addr", "0x50003000\n");
    return x;
}

static void test_two_sessions(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        uint64_t offset, size;
    } first = {"/dev/mem", 0x50001000, 0x1000},
      second[] =
          {
              {"/dev/mem", 0x50001000, 0x1000}, {"/dev/mem", 0x50000000, 0x3000},
              {"/dev/mem", 0x50001fff, 1},      {"/tmp/mem", 0x50001ffc, 4},
              {"/tmp/memory", 0x50001000, 4},   {BDF "/resource1", 0, 0x4000},
              {BDF "/resource1_wc", 0x1800, 8}, {"/tmp/link", 0x1000, 0x10},
              {"/tmp/bind", 0x1000, 0x10},      {"/dev/../dev/mem", 0x50001004, 0x1000},
          },
      apart[] = {
          {"/dev/mem", 0x50002000, 0x1000},   {"/dev/mem", 0x50000000, 0x1000}, {"/tmp/mem", 0x50000ffc, 4},
          {BDF "/resource1", 0x2000, 0x2000}, {"/tmp/bind", 0, 0x1000},         {BDF "/resource2", 0, 0x1000},
          {"/dev/uio1", 0, 0x1000},           {"/dev/uio1", 0x1000, 0x1000},
      };
    for (int swap = 0; swap < 2; swap++) {
        for (size_t i = 0; i < sizeof second / sizeof second[0]; i++) {
            const char *a = swap ? second[i].file : first.file, *b = swap ? first.file : second[i].file;
            struct scene *x = with_bar(a, swap ? second[i].offset : first.offset, swap ? second[i].size : first.size);
            fake_same_inode(x->k, "/dev/../dev/mem", "/dev/mem");
            fake_node(x->k, "/dev/../dev/mem", 1, 1);
            struct scene *y = raw(x, b, swap ? first.offset : second[i].offset, swap ? first.size : second[i].size);
            both(x, y, "region", ANOTHER);
        }
        for (size_t i = 0; i < sizeof apart / sizeof apart[0]; i++) {
            struct scene *x = with_bar(swap ? apart[i].file : first.file, swap ? apart[i].offset : first.offset,
                                       swap ? apart[i].size : first.size);
            struct scene *y = raw(x, swap ? first.file : apart[i].file, swap ? first.offset : apart[i].offset,
                                  swap ? first.size : apart[i].size);
            both(x, y, "", "");
        }
    }
    // A UIO device's map, and the registers that it is.
    struct scene *x = with_bar("/dev/uio1", 0x1000, 0x800);
    both(x, raw(x, "/dev/mem", 0x500037fc, 4), "region", ANOTHER);
    x = with_bar("/dev/uio1", 0x1804, 4); // within the map's page
    both(x, raw(x, "/dev/mem", 0x50003800, 8), "region", ANOTHER);
    x = with_bar("/dev/uio1", 0x1804, 4);
    both(x, raw(x, "/dev/mem", 0x50003000, 0x804), "", "");
    x = with_bar(BDF "/resource1", 0x3000, 0x1000);
    both(x, raw(x, "/dev/uio1", 0x1000, 0x800), "region", ANOTHER);
}

// Who may not open /dev/mem has the file that he was given.
static void test_without_mem(void **state)
{
    (void)state;
    struct scene *x = with_bar("/tmp/bind", 0, 0x1000);
    for (uint32_t i = 0; i < x->k->texts; i++)
        if (!strcmp(x->k->text[i].path, "/dev/mem"))
            *x->k->text[i].path = '\0';
    both(x, raw(x, BDF "/resource1", 0xffc, 4), "region", ANOTHER);
    // One of them may: it has the file's lock, too.
    for (int first = 0; first < 2; first++) {
        x = with_bar(BDF "/resource1", 0, 0x1000);
        struct scene *y = raw(x, "/tmp/bind", 0xffc, 4);
        if (first)
            fake_deny(x->k, "/dev/mem");
        scene_must_start(x);
        for (uint32_t i = 0; i < x->k->texts; i++)
            if (!strcmp(x->k->text[i].path, "/dev/mem"))
                x->k->text[i].denied = !first;
        assert_int_equal(scene_start(y), -1);
        assert_non_null(strstr(y->error.hint, ANOTHER));
        assert_int_equal(scene_stop(x), 0);
        beside_free(y);
        scene_clean(x);
        scene_free(x);
    }
}

// Two regions of one machine, under two names.
static void test_one_machine(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        uint64_t offset;
        const char *hint;
    } second[] = {{"/dev/mem", 0x50001ff0, OURSELVES},
                  {"/tmp/bind", 0x1ffc, OURSELVES},
                  {BDF "/resource1_wc", 0x1000, OURSELVES},
                  {"/dev/mem", 0x50002000, NULL},
                  {"/tmp/bind", 0x2000, NULL}};
    for (size_t i = 0; i < sizeof second / sizeof second[0]; i++) {
        struct scene *x = with_bar("/dev/mem", 0x50001000, 0x1000);
        CFG_SET(x->c, region, REGION, 1, mode, MACH_CFG_REGION_TRAP);
        CFG_SET(x->c, region, REGION, 1, guest, 0x42240000);
        CFG_SET(x->c, region, REGION, 1, file, cfg_string(x->c, second[i].file));
        CFG_SET(x->c, region, REGION, 1, offset, second[i].offset);
        CFG_SET(x->c, region, REGION, 1, size, 0x10);
        if (second[i].hint) {
            scene_must_fail(x, "region", second[i].hint);
            continue;
        }
        scene_must_start(x);
        scene_must_end(x);
    }
}

static void test_ends_of_files(void **state)
{
    (void)state;
    scene_must_fail(with_bar(BDF "/resource1", 0x3000, 0x1001), "region", "it has 0x4000 bytes");
    scene_must_fail(with_bar("/tmp/bind", 0x4000, 4), "region", "it has 0x4000 bytes");
    scene_must_fail(with_bar("/tmp/link", UINT64_C(1) << 60, 4), "region", "is beyond its end");
    scene_must_fail(with_bar("/dev/mem", UINT64_C(1) << 60, 4), "region", "is no address that a host has");
    scene_must_fail(with_bar(BDF "/config", 0, 4), "region", "it is a file of sysfs, and no PCI function's registers");
    scene_must_fail(with_bar("/dev/uio1", 0x2000, 4), "region", "its UIO device has no such map");
    struct scene *x = with_bar("/tmp/regs", 0x1000, 0x1000);
    fake_file_size(x->k, "/tmp/regs", 0x1fff);
    scene_must_fail(x, "region", "it has 0x1fff bytes, and 0x1000-0x1fff is beyond its end");
    x = with_bar("/tmp/regs", 0x1000, 0x1000);
    fake_file_size(x->k, "/tmp/regs", 0x2000);
    scene_must_start(x);
    scene_must_end(x);
}

// What a description takes for registers may be the kernel's memory.
static void test_raw_over_memory(void **state)
{
    (void)state;
    static const char two[] = {0, 0, 0, 2};
    static const uint8_t reg[] = {0, 0, 0, 0, 0x50, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0};
    static const char *const ram = "40000000-4fffffff : System RAM\n50001800-5fffffff : System RAM\n";
    struct scene *x = with_bar("/dev/mem", 0x50001000, 0x1000);
    text(x, "/proc/iomem", ram);
    scene_must_fail(x, "region", "0x50001000-0x50001fff is memory that the kernel uses itself");
    x = with_bar("/tmp/mem", 0x4ffffffc, 8);
    text(x, "/proc/iomem", ram);
    scene_must_fail(x, "region", "is memory that the kernel uses itself");
    x = with_bar("/dev/mem", 0x50000000, 0x1800);
    text(x, "/proc/iomem", ram);
    scene_must_start(x);
    scene_must_end(x);
    // What the board's tree keeps from it is in the list as well, on some architectures.
    x = with_bar("/dev/mem", 0x50001000, 0x1000);
    text(x, "/proc/iomem", ram);
    fake_text(x->k, "/sys/firmware/devicetree/base/reserved-memory/#address-cells", two, 4);
    fake_text(x->k, "/sys/firmware/devicetree/base/reserved-memory/#size-cells", two, 4);
    fake_text(x->k, "/sys/firmware/devicetree/base/reserved-memory/a@50000000/reg", (const char *)reg, sizeof reg);
    scene_must_start(x);
    scene_must_end(x);
    // What cannot be seen is not assumed.
    x = with_bar("/dev/mem", 0x50001000, 0x1000);
    text(x, "/proc/iomem", "00000000-00000000 : System RAM\n");
    scene_must_fail(x, "region", "cannot be seen in /proc/iomem");
    x = with_bar("/dev/mem", 0x50001000, 0x1000);
    for (uint32_t i = 0; i < x->k->texts; i++)
        if (!strcmp(x->k->text[i].path, "/proc/iomem"))
            *x->k->text[i].path = '\0';
    scene_must_fail(x, "region", "cannot be seen in /proc/iomem");
    x = with_bar(BDF "/resource1", 0, 0x1000); // the kernel says where these are
    text(x, "/proc/iomem", "00000000-00000000 : System RAM\n");
    scene_must_start(x);
    scene_must_end(x);
}

/* ---- devices of VFIO ---- */

enum { UART0, ETH0, ETH1, RTC0, EDU0, EDU1 }; // regions of the scene "group"

// A machine with devices that VFIO opens, on a board with registers that another one maps.
static struct scene *with_vfio(void)
{
    struct scene *x = scene_new("group");
    text(x, "/proc/iomem", "100000000-1ffffffff : System RAM\n");
    text(x, "/sys/bus/pci/devices/0000:00:02.0/resource",
         "0x60000000 0x60007fff 0x200\n0x0 0x0 0x0\n0x60010000 0x6001ffff 0x200\n0x3000 0x3fff 0x101\n"
         "0x0 0xfff 0x20000200\n0x0 0x0 0x0\n0x60020000 0x600207ff 0x200\n0x60030000 0x6003ffff 0x200\n");
    // An AMBA device has this file, too.
    text(x, "/sys/bus/amba/devices/9010000.pl031/resource", "0000000009010000 0000000009010fff 0000000000000200\n");
    fake_node(x->k, "/tmp/mem", 1, 1);
    return x;
}

// Each of both first: the other one does not start, or it does.
static void vfio_and_raw(const char *file, uint64_t offset, uint64_t size, bool apart)
{
    for (int swap = 0; swap < 2; swap++) {
        struct scene *x = with_vfio(), *y = raw(x, file, offset, size);
        if (swap)
            both(y, x, apart ? "" : "open", apart ? "" : ANOTHER);
        else
            both(x, y, apart ? "" : "region", apart ? "" : ANOTHER);
    }
}

static void test_vfio(void **state)
{
    (void)state;
    static const struct {
        uint64_t offset, size;
    } same[] =
        {
            {0x1af0000, 0x1000},  {0x1af0ffc, 4},  {0x1aef000, 0x1001}, {0x1af1000, 4}, // of eth
            {0x9010800, 0x10},                                                          // of rtc, trapped
            {0x60000000, 0x8000}, {0x60007fff, 1},                                      // of edu, BAR 0
            {0x6001f000, 0x1000},                                                       // its BAR 2
            {0x60020000, 4},                                                            // and its ROM
        },
      apart[] = {
          {0x1aef000, 0x1000},  {0x1af1200, 0x100},   {0x9011000, 0x1000},
          {0x9000000, 0x10000}, {0x60008000, 0x8000}, {0x3000, 0x1000}, // ports are no addresses
          {0, 0x1000},                                                  // what has no address is not at 0
          {0x60030000, 4},                                              // BARs of its virtual functions
      };
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        vfio_and_raw(i % 2 ? "/tmp/mem" : "/dev/mem", same[i].offset, same[i].size, false);
    for (size_t i = 0; i < sizeof apart / sizeof apart[0]; i++)
        vfio_and_raw("/dev/mem", apart[i].offset, apart[i].size, true);
}

// What a platform device's machine drops, or maps as `unsafe`, may have registers of a node below it; a function's not.
static void test_parts_of_vfio(void **state)
{
    (void)state;
    struct scene *x = with_vfio();
    drop(x, ETH1);
    both(x, raw(x, "/dev/mem", 0x1af1000, 4), "", "");
    x = with_vfio();
    drop(x, ETH1);
    both(x, raw(x, "/dev/mem", 0x1af0ffc, 4), "region", ANOTHER);
    x = with_vfio();
    CFG_SET(x->c, region, REGION, ETH0, flags, MACH_CFG_REGION_UNSAFE);
    both(x, raw(x, "/dev/mem", 0x1af0ffc, 4), "", "");
    x = with_vfio();
    drop(x, EDU0);
    both(x, raw(x, "/dev/mem", 0x60007ffc, 4), "region", ANOTHER);
    // Of a device without a node, the config says where it is.
    x = with_vfio();
    x->options.flags |= MACH_NO_PROOF;
    for (uint32_t i = 0; i < x->k->texts; i++)
        if (strstr(x->k->text[i].path, "ethernet"))
            *x->k->text[i].path = '\0';
    both(x, raw(x, "/dev/mem", 0x1af0ffc, 4), "region", ANOTHER);
    // Registers of a device can lie in those of another one of the machine.
    x = with_vfio();
    fake_registers(x->k, "platform", "1af0000.ethernet", 0x9010000, 0x1000, 0x9010800, 0x200);
    x->options.flags |= MACH_NO_PROOF;
    both(x, raw(x, "/dev/mem", 0x9010000, 4), "region", ANOTHER);
    // Memory of another machine's.
    x = with_vfio();
    struct scene *y = beside(x, "raw");
    cfg_memory(y->c, "ram", MACH_CFG_BACKING_PHYSICAL, 0x80000000, MiB, 0x60000000);
    text(x, "/proc/iomem", "100000000-1ffffffff : System RAM\n60000000-600fffff : reserved\n");
    both(x, y, "memory", ANOTHER);
}

// Who may not open /dev/mem goes on without; any other error is one.
static void test_vfio_without_mem(void **state)
{
    (void)state;
    for (int given = 0; given < 2; given++) {
        struct scene *x = with_vfio();
        for (uint32_t i = 0; i < x->k->texts; i++)
            if (!strcmp(x->k->text[i].path, "/dev/mem") && !given)
                *x->k->text[i].path = '\0';
        if (given)
            fake_deny(x->k, "/dev/mem");
        scene_must_start(x);
        assert_non_null(strstr(x->log, "registers of VFIO's devices are not compared"));
        scene_must_end(x);
    }
    struct scene *x = with_vfio();
    scene_must_start(x);
    assert_null(strstr(x->log, "not compared"));
    scene_must_end(x);
}

/* ---- windows of buses ---- */

enum { WINDOW = 3, WINDOWS_DEVICE = 1 }; // of the scene "files"

static void test_windows(void **state)
{
    (void)state;
    static const char *const free =
        "100000000-1ffffffff : System RAM\n60200000-6ffeffff : pcie\n70002000-7fffffff : uart\n";
    struct scene *x = scene_new("files");
    text(x, "/proc/iomem", free);
    scene_must_start(x);
    scene_must_end(x);
    // A driver of the host's has a part of it; or nobody can tell.
    x = scene_new("files");
    text(x, "/proc/iomem", "100000000-1ffffffff : System RAM\n70001000-700010ff : 70001000.serial\n");
    scene_must_fail(x, "region", "the host has 70001000.serial in its window");
    // The host's tree has another one, or none.
    x = scene_new("files");
    CFG_SET(x->c, region, REGION, WINDOW, size, 0x1000);
    scene_must_fail(x, "region",
                    "its window is at 0x70000000 on this host, with 0x2000 bytes: not at 0x70000000, with 0x1000");
    x = scene_new("files");
    CFG_SET(x->c, region, REGION, WINDOW, host, 0x71000000);
    scene_must_fail(x, "region", "its window is at 0x70000000 on this host");
    x = scene_new("files");
    CFG_SET(x->c, region, REGION, WINDOW, index, 0);
    CFG_SET(x->c, region, REGION, WINDOW, host, 0x6fff0000);
    CFG_SET(x->c, region, REGION, WINDOW, size, 0x10000);
    scene_must_start(x); // of ports
    scene_must_end(x);
    x = scene_new("files");
    CFG_SET(x->c, region, REGION, WINDOW, index, 2);
    scene_must_fail(x, "region", "the host's tree does not show that its node has this window");
    x = scene_new("files");
    CFG_SET(x->c, device, DEVICE, WINDOWS_DEVICE, host_path, cfg_string(x->c, "/other"));
    scene_must_fail(x, "region", "the host's tree does not show that its node has this window");
}

/* ---- shadows ---- */

static struct scene *shadow(struct scene *on, uint32_t mask)
{
    struct scene *x = on ? beside(on, "shadow") : scene_new("shadow");
    CFG_SET(x->c, write, WRITE, 0, mask, mask);
    for (uint32_t i = 1; on && i < 6; i++) // other registers than those of the first
        CFG_SET(x->c, write, WRITE, i, offset, i == 5 ? 0x20 : 0x400 + 4 * i);
    return x;
}

// Of these registers bits have owners.
static void test_shadows(void **state)
{
    (void)state;
    struct scene *x = shadow(NULL, 0x30f);
    both(x, shadow(x, 0x3cf0), "", "");
    x = shadow(NULL, 0x30f);
    both(x, shadow(x, 0x1cf0), "", "");
    x = shadow(NULL, 0x30f);
    both(x, shadow(x, 0x200), "region", ANOTHER);
    x = shadow(NULL, 0x80000000);
    both(x, shadow(x, 0xffffffff), "region", ANOTHER);
    // A whole register of somebody else's has these bits, too; and a register without a mask is nobody's.
    x = shadow(NULL, 1);
    both(x, raw(x, "/dev/mem", 0xff770004, 4), "region", ANOTHER);
    x = shadow(NULL, 1);
    both(x, raw(x, "/dev/mem", 0xff770008, 4), "", "");
}

/* ---- interrupts ---- */

static struct scene *with_line(struct scene *on, const char *file)
{
    struct scene *x = on ? beside(on, "raw_vmm") : scene_new("raw_vmm");
    CFG_SET(x->c, irq, IRQ, 0, file, cfg_string(x->c, file));
    drop(x, 0);
    drop(x, 1);
    return x;
}

static unsigned writes(const struct fake *k)
{
    unsigned n = 0;
    for (uint32_t i = 1; i <= k->calls; i++)
        n += !strcmp(k->trace[i], "write") || !strcmp(k->trace[i], "pwrite");
    return n;
}

// Only UIO's devices deliver interrupts; anything else would be written to.
static void test_no_uio(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        static const char *const files[] = {"/tmp/victim.txt", "/dev/watchdog", "/dev/uio0", "/tmp/bar"};
        struct scene *x = with_line(NULL, files[i]);
        text(x, "/tmp/victim.txt", "precious");
        fake_node(x->k, "/dev/watchdog", 10, 130);
        fake_link(x->k, "/tmp/bar", "/tmp/victim.txt");
        x->k->not_uio = i == 2; // the number belongs to another driver
        assert_int_equal(scene_start(x), -1);
        assert_string_equal(x->error.step, "irq");
        assert_non_null(strstr(x->error.hint, "it is no UIO device"));
        assert_int_equal(writes(x->k), 0);
        scene_clean(x);
        scene_free(x);
    }
    struct scene *x = with_line(NULL, "/tmp/line");
    fake_node(x->k, "/tmp/line", 245, 0);
    scene_must_start(x);
    scene_must_end(x);
}

static void test_lines(void **state)
{
    (void)state;
    struct scene *x = with_line(NULL, "/dev/uio0");
    both(x, with_line(x, "/dev/uio0"), "irq", ANOTHER);
    x = with_line(NULL, "/dev/uio0");
    fake_node(x->k, "/tmp/line", 245, 0);
    both(x, with_line(x, "/tmp/line"), "irq", ANOTHER);
    x = with_line(NULL, "/tmp/line");
    fake_node(x->k, "/tmp/line", 245, 0);
    both(x, with_line(x, "/dev/uio0"), "irq", ANOTHER);
    x = with_line(NULL, "/dev/uio0");
    both(x, with_line(x, "/dev/uio1"), "", "");
    // The interrupt and the registers of one UIO device are two things.
    x = with_line(NULL, "/dev/uio1");
    text(x, "/sys/dev/char/245:1/maps/map0/addr", "0x70000000\n");
    both(x, raw(x, "/dev/uio1", 0, 0x1000), "", "");
    // Twice in one machine, under two names.
    x = with_line(NULL, "/dev/uio0");
    uint32_t q = cfg_irq(x->c, MACH_CFG_IRQ_FILE, 11, false);
    CFG_SET(x->c, irq, IRQ, q, file, cfg_string(x->c, "/tmp/line"));
    fake_node(x->k, "/tmp/line", 245, 0);
    scene_must_fail(x, "irq", OURSELVES);
}

/* ---- memory ---- */

static struct scene *from_file(struct scene *on, const char *path, uint64_t offset, uint32_t flags, const char *share)
{
    struct scene *x = on ? beside(on, "raw") : scene_new("raw");
    uint32_t m = cfg_memory(x->c, "ram", MACH_CFG_BACKING_FILE, 0x80000000, MiB, offset);
    CFG_SET(x->c, memory, MEMORY, m, path, cfg_string(x->c, path));
    CFG_SET(x->c, memory, MEMORY, m, flags, flags);
    CFG_SET(x->c, memory, MEMORY, m, share, cfg_string(x->c, share));
    drop(x, 0);
    drop(x, 1);
    CFG_SET(x->c, irq, IRQ, 0, flags, MACH_CFG_IRQ_DROPPED);
    CFG_SET(x->c, irq, IRQ, 0, chip, MACH_CFG_NONE);
    CFG_SET(x->c, irq, IRQ, 0, number, MACH_CFG_NONE);
    fake_file_size(x->k, "/dev/shm/ram", 3 * MiB);
    fake_same_inode(x->k, "/tmp/ram", "/dev/shm/ram");
    return x;
}

static void test_memory_files(void **state)
{
    (void)state;
    enum { RO = MACH_CFG_MEMORY_READONLY };
    struct scene *x = from_file(NULL, "/dev/shm/ram", 0, 0, "");
    both(x, from_file(x, "/tmp/ram", MiB - 4096, 0, ""), "memory", ANOTHER);
    x = from_file(NULL, "/dev/shm/ram", 0, 0, "");
    both(x, from_file(x, "/tmp/ram", MiB, 0, ""), "", "");
    // Who reads, or shares, has it with others who do.
    x = from_file(NULL, "/dev/shm/ram", 0, RO, "");
    both(x, from_file(x, "/tmp/ram", 0, RO, ""), "", "");
    x = from_file(NULL, "/dev/shm/ram", 0, RO, "");
    both(x, from_file(x, "/tmp/ram", 0, 0, ""), "memory", ANOTHER);
    x = from_file(NULL, "/dev/shm/ram", 0, 0, "shm");
    both(x, from_file(x, "/dev/shm/ram", 0, 0, "shm"), "", "");
    x = from_file(NULL, "/dev/shm/ram", 0, 0, "shm");
    both(x, from_file(x, "/dev/shm/ram", 0, 0, ""), "memory", ANOTHER);
    // To touch what is beyond the end would be a SIGBUS.
    scene_must_fail(from_file(NULL, "/dev/shm/ram", 2 * MiB + 4096, 0, ""), "memory", "it has 0x300000 bytes");
    scene_must_fail(from_file(NULL, "/tmp/ram", 3 * MiB, RO, ""), "memory", "it has 0x300000 bytes");
    x = from_file(NULL, "/dev/shm/ram", 0, 0, "");
    fake_file_size(x->k, "/dev/shm/ram", MiB - 1);
    scene_must_fail(x, "memory", "it has 0xfffff bytes, and 0x0-0xfffff is beyond its end");
    scene_must_start(x = from_file(NULL, "/dev/shm/ram", 2 * MiB, 0, ""));
    scene_must_end(x);
    // Nothing tells what registers are, where sysfs is not mounted.
    x = from_file(NULL, "/dev/shm/ram", 0, 0, "");
    x->k->no_sysfs = true;
    scene_must_fail(x, "region", "there is no sysfs, which tells registers from files");
    // Two pieces of memory of one machine.
    x = from_file(NULL, "/dev/shm/ram", 0, 0, "");
    uint32_t m = cfg_memory(x->c, "more", MACH_CFG_BACKING_FILE, 0x90000000, MiB, MiB - 4096);
    CFG_SET(x->c, memory, MEMORY, m, path, cfg_string(x->c, "/tmp/ram"));
    scene_must_fail(x, "memory", OURSELVES);
}

static void test_physical_memory(void **state)
{
    (void)state;
    // A driver of the host's has a part of it; or nobody can tell.
    struct scene *x = scene_new("noiommu");
    text(x, "/proc/iomem", "10000000-1fffffff : pcie@f000000\n803ff000-80400fff : 803ff000.ethernet\n");
    scene_must_fail(x, "memory", "the host has 803ff000.ethernet there");
    x = scene_new("noiommu");
    text(x, "/proc/iomem", "70000000-8fffffff : PCI Bus 0000:00\n");
    scene_must_fail(x, "memory", "the host has PCI Bus 0000:00 there");
    x = scene_new("noiommu");
    text(x, "/proc/iomem",
         "10000000-1fffffff : pcie@f000000\n70000000-8fffffff : reserved\n80400000-80400fff : uart\n");
    scene_must_start(x);
    scene_must_end(x);
    x = scene_new("noiommu");
    text(x, "/proc/iomem", "80000000-80ffffff : System RAM\n");
    scene_must_fail(x, "memory", "the kernel uses 0x80000000..0x80ffffff itself");
    x = scene_new("noiommu");
    text(x, "/proc/iomem", "00000000-00000000 : System RAM\n");
    scene_must_fail(x, "memory", "only root sees addresses there");
    x = scene_new("noiommu");
    for (uint32_t i = 0; i < x->k->texts; i++)
        if (!strcmp(x->k->text[i].path, "/proc/iomem"))
            *x->k->text[i].path = '\0';
    scene_must_fail(x, "memory", "whether the kernel uses it cannot be seen in /proc/iomem");
    // Another machine's registers in it.
    x = raw(NULL, "/dev/mem", 0x803ffffc, 4);
    struct scene *y = beside(x, "raw");
    cfg_memory(y->c, "ram", MACH_CFG_BACKING_PHYSICAL, 0x80000000, 4 * MiB, 0x80000000);
    both(x, y, "memory", ANOTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_sessions),
        cmocka_unit_test(test_without_mem),
        cmocka_unit_test(test_one_machine),
        cmocka_unit_test(test_ends_of_files),
        cmocka_unit_test(test_raw_over_memory),
        cmocka_unit_test(test_shadows),
        cmocka_unit_test(test_no_uio),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_memory_files),
        cmocka_unit_test(test_physical_memory),
        cmocka_unit_test(test_vfio),
        cmocka_unit_test(test_parts_of_vfio),
        cmocka_unit_test(test_vfio_without_mem),
        cmocka_unit_test(test_windows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
