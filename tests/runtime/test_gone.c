// SPDX-License-Identifier: MIT
// A PCI function that is unplugged, or unbound, while a machine has it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scenes.h"

#include <errno.h>

enum { EDU = 3, EDU1 = 4 }; // devices of the config; of the host, 2 and 3

static void test_events(void **state)
{
    (void)state;
    for (int no_pcie = 0; no_pcie < 2; no_pcie++) {
        struct scene *x = scene_new("group");
        x->k->device[2].no_pcie = no_pcie;
        scene_must_start(x);
        for (uint32_t i = EDU; i <= EDU1; i++) {
            const struct fake_device *d = &x->k->device[i - 1];
            int fd = mach_session_gone_fd(x->session, i);
            assert_true(fd >= 0);
            assert_int_equal(d->req, fd);
            assert_int_equal(d->err, no_pcie && i == EDU ? -1 : fd);
        }
        assert_int_not_equal(mach_session_gone_fd(x->session, EDU), mach_session_gone_fd(x->session, EDU1));
        assert_int_equal(mach_session_gone_fd(x->session, 0), -ENXIO); // emulated
        assert_int_equal(mach_session_gone_fd(x->session, 1), -ENXIO); // not on PCI
        assert_int_equal(mach_session_gone_fd(x->session, 99), -ENXIO);
        scene_must_end(x);
    }
    // A kernel that knows none of them.
    struct scene *x = scene_new("group");
    x->k->device[2].nirqs = x->k->device[3].nirqs = 3;
    scene_must_start(x);
    assert_int_equal(x->k->device[2].req, -1);
    scene_must_end(x);
}

static void unplug(struct fake_device *d, bool from_sysfs)
{
    d->unplugged = true;
    d->gone = from_sysfs;
}

static void plug_in(struct fake_device *d)
{
    d->unplugged = d->gone = false;
    strcpy(d->driver, d->natural);
    *d->override = '\0';
}

static void test_unplugged(void **state)
{
    (void)state;
    static const char *const scenes[] = {"group", "iommufd"};
    for (int i = 0; i < 4; i++) {
        struct scene *x = scene_new(scenes[i / 2]);
        struct fake_device *d = &x->k->device[3];
        scene_must_start(x);
        int fds[2];
        uint32_t granted, value;
        assert_int_equal(mach_session_msi_enable(x->session, EDU1, 1, 2, fds, &granted), 0);
        unplug(d, i % 2);
        assert_int_equal(mach_pci_read(x->session, EDU1, 4, 2, &value), -EIO);
        assert_int_equal(mach_pci_write(x->session, EDU1, 4, 2, 0), -EIO);
        assert_int_equal(mach_session_msi_enable(x->session, EDU1, 1, 2, fds, &granted), -EBUSY);
        // All of it ends, although a reset is required; what could not be done is logged.
        assert_int_equal(scene_stop(x), 0);
        assert_non_null(strstr(x->log, "undo: edu1: "));
        assert_non_null(strstr(x->log, "it is gone"));
        assert_null(strstr(x->log, "undo: edu: "));
        plug_in(d);
        scene_clean(x);
        scene_free(x);
    }
    // A bus that answers with ones; and the near miss, a reset that fails though the function is there.
    for (int there = 0; there < 2; there++) {
        struct scene *x = scene_new("group");
        scene_must_start(x);
        memset(x->k->device[3].config, there ? 0x12 : 0xff, 2);
        x->k->fail_with = -EIO;
        x->k->fail_at = x->k->calls + 1; // the reset of the last one
        int r = scene_stop(x);
        assert_true(x->k->failed);
        assert_string_equal(x->k->trace[x->k->fail_at], "DEVICE_RESET");
        assert_int_equal(r, there ? -1 : 0);
        scene_clean(x);
        scene_free(x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_events), cmocka_unit_test(test_unplugged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
