// SPDX-License-Identifier: MIT
// machrt probe --open against the fake kernel: what it prints of a device, and that it leaves nothing open.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_device), cmocka_unit_test(test_faults),
                                       cmocka_unit_test(test_groups)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
