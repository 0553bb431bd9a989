// SPDX-License-Identifier: MIT
// machrt probe --open against the fake kernel: what it prints of a device, and that it leaves nothing open.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../runtime/machrt/probe_vfio.c"
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

static void test_device(void **state)
{
    static const char want[] =
        ",\n    {\"name\": \"1af0000.ethernet\", \"regions\": [\n"
        "        {\"index\": 0, \"size\": \"0x10000\", \"flags\": [\"read\", \"write\", \"mmap\"]},\n"
        "        {\"index\": 1, \"size\": \"0x800\", \"flags\": [\"read\", \"write\"]}], \"interrupts\": [\n"
        "        {\"index\": 0, \"count\": 1, \"flags\": [\"eventfd\", \"maskable\", \"automasked\"]},\n"
        "        {\"index\": 1, \"count\": 1, \"flags\": [\"eventfd\"]}]}";
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct fake *k = host();
    assert_true(probe_device(&k->sys, out, 3, "1af0000.ethernet", false));
    assert_int_equal(fclose(out), 0);
    assert_string_equal(text, want);
    assert_string_equal(fake_left(k), "");
    assert_string_equal(k->wrong, "");
    free(text);
    fake_free(k);
}

// Whatever call fails, everything is closed, and a device that cannot be asked is left out of the list.
static void test_faults(void **state)
{
    (void)state;
    uint32_t n = 1;
    for (bool failed = true; failed && n < CALLS; n++) {
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        struct fake *k = host();
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_device), cmocka_unit_test(test_faults)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
