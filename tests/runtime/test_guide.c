// SPDX-License-Identifier: MIT
// The VMM of docs/runtime.md, on the fake kernel: what a reader copies works.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scenes.h"

#ifdef MACHRT_HAVE_KVM
#include "guide.c"
#endif

#include <stdlib.h>
#include <unistd.h>

static const struct mach_sys *kernel;

const struct mach_sys *__real_mach_sys_linux(void);
const struct mach_sys *__wrap_mach_sys_linux(void);
const struct mach_sys *__wrap_mach_sys_linux(void)
{
    return kernel ? kernel : __real_mach_sys_linux();
}

#ifdef MACHRT_HAVE_KVM
static void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static void test_load(void **state)
{
    (void)state;
    struct scene *x = scene_new("kvm");
    struct vmm v = {.session = NULL};
    struct mach_config *config;
    char path[] = "/tmp/test_guide.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    mach_config_close(cfg_open(x->c));
    write_file(path, x->c->bytes, x->c->size);
    kernel = &x->k->sys;
    assert_int_equal(load_machine(&v, fake_vm(x->k), path, &config), 0);
    assert_int_equal(mach_session_backend(v.session), MACH_BACKEND_GROUP);
    assert_true(x->k->slots > 0 && x->k->irqfds > 0);
    // The guest writes to a trapped register, and reads it.
    struct kvm_run run = {.exit_reason = KVM_EXIT_MMIO};
    run.mmio.phys_addr = 0x1af1004;
    run.mmio.len = 4;
    run.mmio.is_write = 1;
    memcpy(run.mmio.data, "\x11\x22\x33\x44", 4);
    handle_mmio(&v, &run);
    memset(run.mmio.data, 0, 4);
    run.mmio.is_write = 0;
    handle_mmio(&v, &run);
    assert_memory_equal(run.mmio.data, "\x11\x22\x33\x44", 4);
    // Nothing answers there.
    run.mmio.phys_addr = 0x1af1200;
    handle_mmio(&v, &run);
    assert_memory_equal(run.mmio.data, "\xff\xff\xff\xff", 4);
    assert_int_equal(mach_session_stop(v.session, NULL), 0);
    mach_config_close(config);
    assert_string_equal(fake_left(x->k), "");
    unlink(path);
    assert_int_equal(load_machine(&v, 0, path, &config), -1); // it says why on stderr
    kernel = NULL;
    scene_free(x);
}

#else
static void test_load(void **state)
{
    (void)state;
    skip(); // the guide is about KVM, which this architecture does not have
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_load)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
