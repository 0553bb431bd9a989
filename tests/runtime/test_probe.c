// SPDX-License-Identifier: MIT
// machrt probe against the fake kernel: what it prints of devices and of memory, and that it leaves nothing open.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../runtime/machrt/say.c"

#include "../../runtime/machrt/probe_memory.c"
#include "../../runtime/machrt/probe_power.c"
#include "../../runtime/machrt/probe_vfio.c"

#include "../../runtime/machrt/probe.c"
#include "fake.h"

enum { RW = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE, CALLS = 64 };

static struct fake *host(void)
{
    struct fake *k = fake_new();
    struct fake_device *d = fake_add(k, "platform", "1af0000.ethernet", "vfio-platform", 3);
    d->nregions = 2;
    fake_region(d, 0, 0x10000, RW | VFIO_REGION_INFO_FLAG_MMAP);
    fake_region(d, 1, 0x800, RW);
    d->nirqs = 2;
    d->irq_flags[0] = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;
    d->irq_flags[1] = VFIO_IRQ_INFO_EVENTFD;
    return k;
}

// A kernel without CONFIG_VFIO_GROUP: each device has a node of its own.
static struct fake *without_groups(void)
{
    struct fake *k = host();
    k->has_group = false;
    k->has_iommufd = k->has_cdev = true;
    return k;
}

static void test_device(void **state)
{
    static const char want[] =
        ",\n    {\"name\": \"1af0000.ethernet\", \"regions\": [\n"
        "        {\"index\": 0, \"size\": \"0x10000\", \"flags\": [\"read\", \"write\", \"mmap\"]},\n"
        "        {\"index\": 1, \"size\": \"0x800\", \"flags\": [\"read\", \"write\"]}], \"interrupts\": [\n"
        "        {\"index\": 0, \"count\": 1, \"flags\": [\"eventfd\", \"maskable\", \"automasked\"]},\n"
        "        {\"index\": 1, \"count\": 1, \"flags\": [\"eventfd\"]}]}";
    (void)state;
    for (int nodes = 0; nodes < 2; nodes++) {
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        struct fake *k = nodes ? without_groups() : host();
        assert_true(probe_device(&k->sys, out, 3, "1af0000.ethernet", false));
        assert_int_equal(fclose(out), 0);
        assert_string_equal(text, want);
        assert_string_equal(fake_left(k), "");
        assert_string_equal(k->wrong, "");
        free(text);
        fake_free(k);
    }
    // Neither a group's node nor the device's.
    struct fake *k = host();
    k->has_group = false;
    assert_false(probe_device(&k->sys, stdout, 3, "1af0000.ethernet", true));
    assert_string_equal(fake_left(k), "");
    fake_free(k);
}

// Whatever call fails, everything is closed, and a device that cannot be asked is left out of the list.
static void test_faults(void **state)
{
    (void)state;
    for (int nodes = 0; nodes < 2; nodes++) {
        uint32_t n = 1;
        for (bool failed = true; failed && n < CALLS; n++) {
            char *text = NULL;
            size_t size = 0;
            FILE *out = open_memstream(&text, &size);
            struct fake *k = nodes ? without_groups() : host();
            k->fail_at = n;
            k->fail_with = -EIO;
            bool asked = probe_device(&k->sys, out, 3, "1af0000.ethernet", true);
            failed = k->failed;
            assert_int_equal(fclose(out), 0);
            assert_true(asked == (size > 0));
            assert_string_equal(fake_left(k), "");
            free(text);
            fake_free(k);
        }
        assert_in_range(n, 8, CALLS - 1); // it got through at last
    }
}

// Each member of a group with its driver and its bus.
static void test_groups(void **state)
{
    static const char want[] =
        "  \"iommu_groups\": [\n"
        "    {\"group\": 3, \"devices\": [{\"name\": \"1af0000.ethernet\", \"driver\": \"vfio-platform\", "
        "\"bus\": \"platform\"}, {\"name\": \"9010000.pl031\", \"driver\": \"rtc-pl031\", \"bus\": \"amba\"}], "
        "\"reserved\": []},\n"
        "    {\"group\": 6, \"devices\": [{\"name\": \"dprc.2\", \"driver\": null, \"bus\": \"fsl-mc\"}], "
        "\"reserved\": []}\n  ],\n";
    (void)state;
    struct fake *k = host();
    fake_add(k, "amba", "9010000.pl031", "rtc-pl031", 3);
    fake_add(k, "fsl-mc", "dprc.2", "", 6);
    char text[2048];
    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(stdout);
    int real = dup(STDOUT_FILENO); // not every libc's stdout is a variable
    assert_int_equal(dup2(fileno(file), STDOUT_FILENO), STDOUT_FILENO);
    sys = &k->sys;
    print_groups();
    fflush(stdout);
    assert_int_equal(dup2(real, STDOUT_FILENO), STDOUT_FILENO);
    close(real);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(text, want);
    fake_free(k);
}

// Runs of free huge pages, nodes of /reserved-memory, heaps.
static void test_memory(void **state)
{
    static const char want[] =
        "  \"pool\": [\n"
        "    {\"page\": \"0x200000\", \"first\": \"0x60000000\", \"size\": \"0x200000\"},\n"
        "    {\"page\": \"0x200000\", \"first\": \"0x80000000\", \"size\": \"0x400000\"},\n"
        "    {\"page\": \"0x200000\", \"first\": \"0x80600000\", \"size\": \"0x200000\"}\n  ],\n"
        "  \"reserved_memory\": [\n"
        "    {\"name\": \"guest@90000000\", \"first\": \"0x90000000\", \"size\": \"0x1000000\", \"no_map\": true, "
        "\"reusable\": false}\n  ],\n"
        "  \"dma_heaps\": [\"a\\\"b\", \"system\"],\n";
    (void)state;
    struct fake *k = host();
    fake_pool(k, 0x80000000, 4);
    fake_pool(k, 0x60000000, 1);
    for (uint32_t i = 0; i < k->pages; i++)
        if (k->page_list[i].host == 0x80400000)
            k->page_list[i].fd = 3; // somebody has it
    static const char iomem[] = "00000000-000fffff : reserved\n60000000-7fffffff : System RAM\n"
                                "80000000-8fffffff : System RAM\n";
    fake_text(k, "/proc/iomem", iomem, sizeof iomem - 1);
    static const char tree[] = "/sys/firmware/devicetree/base/reserved-memory/";
    char path[128];
    static const struct {
        const char *name, *value;
        size_t size;
    } properties[] = {{"#address-cells", "\0\0\0\2", 4},
                      {"#size-cells", "\0\0\0\1", 4},
                      {"guest@90000000/reg", "\0\0\0\0\x90\0\0\0\1\0\0\0", 12},
                      {"guest@90000000/no-map", "", 0}};
    for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++) {
        snprintf(path, sizeof path, "%s%s", tree, properties[i].name);
        fake_text(k, path, properties[i].value, properties[i].size);
    }
    fake_text(k, "/dev/dma_heap/a\"b", "", 0);
    fake_text(k, "/dev/dma_heap/system", "", 0);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    probe_memory(&k->sys, out);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(text, want);
    assert_string_equal(fake_left(k), "a huge page is not back in the pool"); // of the one who has it
    free(text);

    // Not root: no list of the pool, rather than an empty one.
    fake_text(k, "/proc/iomem", "00000000-00000000 : System RAM\n", 31);
    out = open_memstream(&text, &size);
    probe_memory(&k->sys, out);
    assert_int_equal(fclose(out), 0);
    assert_null(strstr(text, "pool"));
    assert_non_null(strstr(text, "reserved_memory"));
    free(text);
    fake_free(k);
}

static char *probed_power(struct fake *k)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    probe_power(&k->sys, out);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(fake_left(k), "");
    return text;
}

// Clocks with their users, as Linux 6.12 lists them, and regulators that a node describes and that tell their voltage.
static void test_power(void **state)
{
    static const char summary[] =
        "   enable  prepare  protect   duty  hardware   connection\n"
        "   clock   count    count    count   rate   accuracy phase  cycle    enable   consumer   id\n"
        "----------------------------------------------------------------------------------------\n"
        " osc\"24   1   1   0   24000000    0   0   50000   Y   deviceless   no_connection_id   \n"
        "    uart2   0   0   0   19200000    0   -----  50000   N   9000000.serial   apb_pclk   \n"
        "   9010000.serial   no_connection_id   \n"
        "    pll huge   0   0   0   1    0   0  50000   N   9000000.serial   blank   \n"
        "   9020000.serial   no_connection_id\n"
        "    pll5   1   1   0   5000000000  0   90   50000   ?\n"
        "    half   1   1   0   12345";
    static const char want[] =
        "  \"clocks\": [\n"
        "    {\"name\": \"osc\\\"24\", \"rate\": 24000000, \"users\": []},\n"
        "    {\"name\": \"uart2\", \"rate\": 19200000, \"users\": [{\"device\": \"9000000.serial\", \"connection\": "
        "\"apb_pclk\"}, {\"device\": \"9010000.serial\", \"connection\": null}]},\n"
        "    {\"name\": \"pll5\", \"rate\": 5000000000, \"users\": []}\n  ],\n"
        "  \"regulators\": [\n    {\"node\": \"/pmic/vdd\", \"microvolts\": 1800000}\n  ],\n";
    static const char class[] = "/sys/class/regulator";
    static const struct {
        const char *name, *volts, *node;
    } regulators[] = {{"regulator.0", NULL, "../../firmware/devicetree/base/off"},
                      {"regulator.1", "1800000\n", "../../../firmware/devicetree/base/pmic/vdd"},
                      {"regulator.2", "much\n", "../../../firmware/devicetree/base/pmic/odd"},
                      {"regulator.3", "3300000\n", NULL},
                      {"regulator.4", "3300000\n", "../../platform/dummy"}};
    (void)state;
    struct fake *k = host();
    fake_text(k, "/sys/kernel/debug/clk/clk_summary", summary, sizeof summary - 1);
    for (size_t i = 0; i < sizeof regulators / sizeof regulators[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s/name", class, regulators[i].name);
        fake_text(k, path, "vdd\n", 4);
        snprintf(path, sizeof path, "%s/%s/microvolts", class, regulators[i].name);
        if (regulators[i].volts)
            fake_text(k, path, regulators[i].volts, strlen(regulators[i].volts));
        snprintf(path, sizeof path, "%s/%s/of_node", class, regulators[i].name);
        if (regulators[i].node)
            fake_link(k, path, regulators[i].node);
    }
    char *text = probed_power(k);
    assert_string_equal(text, want);
    free(text);
    fake_free(k);

    // Not root, or no debugfs: no list of clocks, rather than an empty one.
    k = host();
    text = probed_power(k);
    assert_string_equal(text, "  \"regulators\": [],\n");
    free(text);
    fake_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_device), cmocka_unit_test(test_faults),
                                       cmocka_unit_test(test_memory), cmocka_unit_test(test_power),
                                       cmocka_unit_test(test_groups)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
