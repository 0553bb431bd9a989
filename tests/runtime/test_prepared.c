// SPDX-License-Identifier: MIT
// What is proven of a host that was prepared for its guests: links, properties of its tree, arguments, cpus.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scenes.h"

#include <errno.h>
#include <stdlib.h>

#define DEVICE "/sys/bus/platform/devices/1af0000.ethernet"
#define LINK   DEVICE "/supplier:platform:bus@1af0000/"
#define BASE   "/sys/firmware/devicetree/base"
#define RAIL   BASE "/rail/"
#define RESET  "/sys/module/vfio_platform/parameters/reset_required"

enum { ETH = 1 };

static void text(struct fake *k, const char *path, const char *data)
{
    fake_text(k, path, data, strlen(data));
}

// A host that keeps all that the config expects of it.
static struct scene *prepared(void)
{
    static const char microvolt[] = {0, 0x32, 0x5a, (char)0xa0}, gpios[] = {0, 0, 0, 5, 0, 0, 0, 1};
    const uint64_t none = MACH_CFG_NONE64;
    struct scene *x = scene_new("group");
    text(x->k, LINK "status", "available\n");
    text(x->k, LINK "sync_state_only", "0\n");
    text(x->k, LINK "runtime_pm", "1\n");
    text(x->k, LINK "supplier/power/runtime_status", "active\n");
    text(x->k, RAIL "regulator-always-on", "");
    fake_text(x->k, RAIL "regulator-min-microvolt", microvolt, sizeof microvolt);
    fake_text(x->k, BASE "/gpio@1000/hog/gpios", gpios, sizeof gpios);
    text(x->k, "/proc/cmdline", "console=ttyS0 quiet\n");
    text(x->k, RESET, "N\n");
    text(x->k, "/sys/devices/system/cpu/isolated", "1,4-7\n");
    CFG_SET(x->c, machine, MACHINE, 0, host_file, cfg_string(x->c, "boards/acme.v2.dtb"));
    cfg_expect(x->c, MACH_CFG_EXPECT_POWER_LINK, ETH, 0, "bus@1af0000", none, none);
    cfg_expect(x->c, MACH_CFG_EXPECT_TREE_PROPERTY, MACH_CFG_NONE, 0, "/rail/regulator-always-on", none, none);
    cfg_expect(x->c, MACH_CFG_EXPECT_TREE_PROPERTY, MACH_CFG_NONE, 0, "/rail/regulator-min-microvolt", 3300000, none);
    cfg_expect(x->c, MACH_CFG_EXPECT_TREE_PROPERTY, MACH_CFG_NONE, 0, "/gpio@1000/hog/gpios", 0x500000001, none);
    cfg_expect(x->c, MACH_CFG_EXPECT_ARGUMENT, MACH_CFG_NONE, 0, "vfio_platform.reset_required=0", none, none);
    cfg_expect(x->c, MACH_CFG_EXPECT_CPU_ISOLATED, MACH_CFG_NONE, 5, "", none, none);
    return x;
}

static const char *const kinds[] = {"power-link", "tree-property", "argument", "cpu-isolated"};

struct findings {
    unsigned of[3];
    char text[2048];
};

static void found(void *opaque, const struct mach_finding *f)
{
    struct findings *all = opaque;
    size_t n = strlen(all->text);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strstr(f->object, kinds[i])) {
            all->of[f->proof]++;
            if (f->proof != MACH_PROOF_HOLDS)
                snprintf(all->text + n, sizeof all->text - n, "%s: %s\n", f->object, f->text);
        }
}

// What check finds, and frees the scene: so many fail and are unknown, and the text says it.
static void check(struct scene *x, unsigned fails, unsigned unknown, const char *say)
{
    struct findings all = {{0}, ""};
    const struct mach_options o = {.size = sizeof o, .sys = &x->k->sys, .finding = found, .opaque = &all};
    struct mach_config *config = cfg_open(x->c);
    assert_true(mach_config_check(config, &o, NULL) >= (int)fails);
    mach_config_close(config);
    if (all.of[MACH_PROOF_FAILS] != fails || all.of[MACH_PROOF_UNKNOWN] != unknown || !strstr(all.text, say))
        fail_msg("%u fail, %u are unknown; looked for `%s` in\n%s", all.of[MACH_PROOF_FAILS],
                 all.of[MACH_PROOF_UNKNOWN], say, all.text);
    assert_int_equal(all.of[0] + all.of[1] + all.of[2], 6);
    scene_free(x);
}

// One file has another text; NULL: it is not there.
static struct scene *with(const char *path, const char *data)
{
    struct scene *x = prepared();
    if (data) {
        text(x->k, path, data);
        return x;
    }
    for (uint32_t i = 0; i < x->k->texts; i++)
        if (!strcmp(x->k->text[i].path, path))
            strcpy(x->k->text[i].path, "/nowhere");
    return x;
}

static void test_holds(void **state)
{
    (void)state;
    check(prepared(), 0, 0, "");
    check(with(LINK "status", "active\n"), 0, 0, "");                           // another program has the device
    check(with(LINK "supplier/power/runtime_status", "suspended\n"), 0, 0, ""); // it runs when the device is open
    check(with(RESET, "0\n"), 0, 0, "");
    check(with("/proc/cmdline", "vfio_platform.reset_required=1 -- x\n"), 0, 0, ""); // what is loaded counts
    check(with("/sys/devices/system/cpu/isolated", "0-5\n"), 0, 0, "");
}

static void test_links(void **state)
{
    (void)state;
    struct scene *x = with(LINK "status", NULL);
    check(x, 1, 0,
          "device eth: power-link bus@1af0000: the host has no such bus, so that nothing keeps the device's clocks and "
          "power domains: boot with acme.v2.host.dtbo on the host's tree\n");
    // The bus is there, and no link.
    x = with(LINK "status", NULL);
    text(x->k, "/sys/bus/platform/devices/bus@1af0000", "");
    text(x->k, "/proc/cmdline", "a=\"b fw_devlink=on\" fw_devlink=off\n");
    check(x, 1, 0,
          "power-link bus@1af0000: nothing runs it while the device is open: boot with `fw_devlink=rpm`, not with "
          "`fw_devlink=off`\n");
    x = with(LINK "status", NULL);
    text(x->k, "/sys/bus/platform/devices/bus@1af0000", "");
    text(x->k, "/proc/cmdline", "a=\"b fw_devlink=on\" -- fw_devlink=off\n");
    check(x, 1, 0, "open: boot with `fw_devlink=rpm`\n");
    x = with(LINK "runtime_pm", "0\n");
    text(x->k, "/proc/cmdline", "fw-devlink=on\n");
    check(x, 1, 0, "open: boot with `fw_devlink=rpm`, not with `fw_devlink=on`\n");
    x = with(LINK "sync_state_only", "1\n");
    text(x->k, "/proc/cmdline", "fw_devlink=off fw_devlink=rpm\n");
    check(x, 1, 0, "nothing runs it while the device is open, in spite of `fw_devlink=rpm`");
    check(with(LINK "status", "dormant\n"), 1, 0, "it has no driver");
    check(with(LINK "supplier/power/runtime_status", NULL), 1, 0, "CONFIG_PM");
    check(with(LINK "supplier/power/runtime_status", "unsupported\n"), 1, 0, "CONFIG_PM");
    x = prepared();
    fake_deny(x->k, LINK "status");
    check(x, 0, 1, "the kernel does not show it: Permission denied");
    check(with(LINK "runtime_pm", NULL), 0, 1, "the kernel does not show it");
}

// Names of a hostile config lead nowhere else.
static void test_names(void **state)
{
    (void)state;
    static const struct {
        uint32_t from_end; // of the expectations of prepared()
        const char *string, *say;
    } names[] = {
        {6, "../x", "not a valid name of a device"},   {6, "", "not a valid name of a device"},
        {5, "/../../x", "not a valid path in a tree"}, {5, "x", "not a valid path in a tree"},
        {2, "../x.y=0", "not a valid argument"},       {2, "quiet", "not a valid argument"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct scene *x = prepared();
        CFG_SET(x->c, expect, EXPECT, x->c->count[MACH_CFG_S_EXPECT] - names[i].from_end, string,
                cfg_string(x->c, names[i].string));
        check(x, 1, 0, names[i].say);
    }
}

static void test_properties(void **state)
{
    (void)state;
    check(with(RAIL "regulator-always-on", NULL), 1, 0,
          "host: tree-property /rail/regulator-always-on: the host's tree has no such property: boot with "
          "acme.v2.host.dtbo on it\n");
    struct scene *x = prepared();
    fake_text(x->k, RAIL "regulator-min-microvolt", "\0\x1b\x77\x40", 4);
    check(x, 1, 0,
          "regulator-min-microvolt: it is 1800000, not 3300000: boot with acme.v2.host.dtbo on the host's tree\n");
    x = prepared();
    fake_text(x->k, BASE "/gpio@1000/hog/gpios", "\0\0\0\5\0\0\0\0", 8);
    check(x, 1, 0, "hog/gpios: it is 21474836480, not 21474836481");
    x = prepared();
    fake_text(x->k, BASE "/gpio@1000/hog/gpios", "\0\0\0\5\0\0\0\1\0", 9);
    check(x, 1, 0, "hog/gpios: it is not a number");
}

static void test_arguments(void **state)
{
    (void)state;
    check(with(RESET, "Y\n"), 1, 0,
          "host: argument vfio_platform.reset_required=0: it is Y: boot with `vfio_platform.reset_required=0`\n");
    // Without the module, what it will be loaded with.
    struct scene *x = with(RESET, NULL);
    text(x->k, "/proc/cmdline", "vfio-platform.reset-required=1 vfio_platform.reset_required=0\n");
    check(x, 0, 0, "");
    x = with(RESET, NULL);
    text(x->k, "/proc/cmdline", "vfio_platform.reset_required=0 vfio_platform.reset_required=1\n");
    check(x, 1, 0, "it is 1: boot with `vfio_platform.reset_required=0`");
    x = with(RESET, NULL);
    text(x->k, "/proc/cmdline", "vfio_platform.reset_required_not=0 x.vfio_platform.reset_required=0\n");
    check(x, 0, 1, "the kernel was started without it, and its module is not loaded");
    // A session does without: it finds out when it opens the device.
    x = with(RESET, NULL);
    scene_must_start(x);
    scene_must_end(x);
}

static void test_cpus(void **state)
{
    (void)state;
    check(with("/sys/devices/system/cpu/isolated", "4,6-7\n"), 1, 0,
          "host: cpu-isolated 5: the host's scheduler uses it: boot with `isolcpus=managed_irq,domain,5`, isolated are "
          "4,6-7\n");
    check(with("/sys/devices/system/cpu/isolated", "\n"), 1, 0, "no cpu is isolated");
    check(with("/sys/devices/system/cpu/isolated", NULL), 0, 1, "the kernel does not show it");
}

// A session proves the same first, and that the bus runs once the device is open.
static void test_sessions(void **state)
{
    (void)state;
    struct scene *x = prepared();
    scene_must_start(x);
    scene_must_end(x);
    scene_must_fail(with(LINK "runtime_pm", "0\n"), "expect", "nothing runs it");
    scene_must_fail(with(LINK "runtime_pm", NULL), "expect", "the kernel does not show it");
    x = with(LINK "supplier/power/runtime_status", "suspended\n");
    assert_int_equal(scene_start(x), -1);
    assert_string_equal(x->error.step, "expect");
    assert_non_null(strstr(x->error.object, "eth"));
    assert_string_equal(x->error.hint,
                        "it is open, but bus@1af0000, which has its clocks and power domains, is suspended");
    scene_clean(x);
    scene_free(x);
    x = with(LINK "supplier/power/runtime_status", "suspended\n");
    x->options.flags |= MACH_NO_PROOF;
    scene_must_start(x);
    scene_must_end(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_holds),      cmocka_unit_test(test_links),     cmocka_unit_test(test_names),
        cmocka_unit_test(test_properties), cmocka_unit_test(test_arguments), cmocka_unit_test(test_cpus),
        cmocka_unit_test(test_sessions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
