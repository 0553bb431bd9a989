// SPDX-License-Identifier: MIT
// Every call of every scene fails once, with every errno that Linux has for it: the session must end with that error
// and leave nothing; or, where the call is one that can be done without, start and end as if nothing had been.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scenes.h"

#include <errno.h>

// 1 stands for an answer that is no error: 0 where more is wanted, or a short read.
enum { MOST = 8, NONE = 1 };

static const struct {
    const char *call;
    int errnos[MOST];
    bool optional; // a session may start without it
} faults[] = {
    {"open container", {-ENOENT, -EACCES, -ENODEV, -EMFILE}, false},
    {"open group", {-EBUSY, -EPERM, -ENODEV, -ENOENT, -EACCES, -EMFILE}, false},
    {"open iommufd", {-ENOENT, -EACCES, -EMFILE}, false},
    {"open cdev", {-ENOENT, -EACCES, -EBUSY, -EMFILE}, false},
    {"open file", {-ENOENT, -EACCES, -EPERM, -EBUSY, -EMFILE}, false},
    {"open to lock",
     {-ENOENT, -EACCES, -EPERM, -ENXIO, -EMFILE},
     true}, // who may not, cannot have it otherwise, either
    {"API_VERSION", {-EINVAL, -ENOTTY}, false},
    {"CHECK_EXTENSION", {-EINVAL, NONE}, true}, // of the PAMU's, NONE is the right answer
    {"SET_CONTAINER", {-EINVAL, -EBADFD, -EPERM, -EBUSY}, false},
    {"SET_IOMMU", {-EINVAL, -ENODEV, -EPERM}, false},
    {"IOMMU_GET_INFO", {-EINVAL}, false},
    {"MAP_DMA", {-EINVAL, -EEXIST, -ENOSPC, -ENOMEM, -EFAULT, -EBUSY, -ENXIO}, false},
    {"GET_DEVICE_FD", {-EINVAL, -ENODEV, -EMFILE}, false},
    {"BIND_IOMMUFD", {-EBUSY, -EINVAL, -EPERM}, false},
    {"ATTACH", {-EINVAL, -EADDRINUSE, -ENOMEM, -EFAULT, -EBUSY}, false},
    {"IOAS_ALLOC", {-ENOMEM, -ENOTTY}, false},
    {"IOVA_RANGES", {-ENOENT, -ENOMEM}, false},
    {"IOAS_MAP", {-EINVAL, -EEXIST, -EOVERFLOW, -ENOSPC, -ENOMEM, -EOPNOTSUPP, -EFAULT}, false},
    {"DEVICE_GET_INFO", {-EINVAL, -EIO}, false},
    {"GET_REGION_INFO", {-EINVAL, -EFAULT}, false},
    {"GET_IRQ_INFO", {-EINVAL}, false},
    {"SET_IRQS", {-EINVAL, -ENOTTY, -EBUSY, -ENOMEM}, false},
    {"SET_IRQS of an event", {-EINVAL, -ENOTTY, -ENOMEM}, true}, // what has none, has none
    {"DEVICE_RESET", {-EINVAL, -ENOTTY, -EAGAIN}, true},         // `if-possible`
    {"TYPE ioctl", {-EINVAL, -EBUSY, -EPERM, -ENOSPC}, false},
    {"kvm", {-EINVAL, -EEXIST, -EBUSY, -EAGAIN, -ENODEV, -EBADF, -ENOMEM}, true}, // KVM_CREATE_IRQCHIP: EEXIST is fine
    {"mmap", {-EINVAL, -ENOMEM, -EPERM, -EAGAIN}, false},
    {"munmap", {-EINVAL}, false},
    {"madvise", {-ENOMEM, -EFAULT, -EINVAL, -EAGAIN}, true},
    {"madvise remove", {-EINVAL, -ENOMEM, -EOPNOTSUPP}, false},
    {"flock", {-EBADF, -ENOLCK}, false},
    {"add_seals", {-EPERM, -EINVAL}, false},
    {"stat", {-EBADF}, true},
    {"io_uring_setup", {-EPERM, -ENOSYS, -ENOMEM, -EMFILE}, false},
    {"io_uring_register", {-ENOMEM, -EFAULT, -EOPNOTSUPP}, false},
    {"DMA_HEAP", {-EINVAL, -EMFILE, -ENOMEM}, false},
    {"UDMABUF", {-EINVAL, -EMFILE, -ENOMEM}, false},
    {"memfd_create", {-EMFILE, -ENOMEM, -EINVAL}, false},
    {"ftruncate", {-EINVAL, -ENOSPC, -EFBIG}, false},
    {"eventfd", {-EMFILE, -ENFILE, -ENOMEM}, false},
    {"pread", {-EIO, NONE}, false},
    {"pwrite", {-EIO, NONE}, false},
    {"write", {-EIO, -EINVAL, NONE}, false},
    {"close", {-EIO, -EINTR}, true},
    {"readlink", {-ENOENT, -EACCES}, true},
    {"read_file", {-ENOENT, -EACCES, -EIO}, true},
    {"list", {-ENOENT, -EACCES}, true},
    {"access", {-ENOENT, -EACCES}, true},
    {"write override", {-EACCES, -EINVAL}, false},
    {"write unbind", {-EACCES, -ENODEV}, false},
    {"write bind", {-EACCES, -EBUSY}, false},
    {"write probe", {-EACCES, -EINVAL, -ENODEV}, false},
    {"alloc", {-ENOMEM}, false},
    {"lock", {-ENOLCK, -EOPNOTSUPP, -EAGAIN}, false},
    {"random", {-ENOSYS, NONE}, false},
};

static unsigned injected, refused, went_on, stop_faults;

static size_t fault_of(const char *call)
{
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        if (!strcmp(faults[i].call, call))
            return i;
    fail_msg("%s: no list of errnos for this call", call);
    return 0;
}

static void stop_again(struct scene *x)
{
    if (scene_stop(x))
        fail_msg("%s: %s", x->name, x->error.object);
    scene_clean(x);
}

// One call of mach_session_start() fails.
static void start_with(const char *name, uint32_t call, const char *what, int with, bool optional)
{
    struct scene *x = scene_new(name);
    x->k->fail_at = call;
    x->k->fail_with = with;
    int r = scene_start(x);
    injected++;
    assert_true(x->k->failed);
    if (!r) {
        went_on++;
        // A table of fewer levels than sPAPR wants is tried again with more.
        // What io_uring does not pin, udmabuf may; of what it has no place for, halves are tried. And pages that
        // somebody else was faster to take may come back.
        bool second =
            !strcmp(name, "spapr_ddw") || (!strcmp(name, "pool_udmabuf") && !strncmp(what, "io_uring", 8)) ||
            (!strncmp(name, "pool", 4) &&
             (!strncmp(what, "io_uring", 8) || !strcmp(what, "UDMABUF") || !strcmp(what, "mmap")) && with == -ENOMEM);
        if (!optional && with != -EAGAIN && !second)
            fail_msg("%s, call %u (%s) fails with %d, and the session starts", name, call, what, with);
        stop_again(x);
        scene_free(x);
        return;
    }
    refused++;
    // The errno is what the call said, unless the answer was none; and every error says what to do.
    bool own = with == NONE || !strcmp(what, "list") || !strcmp(what, "access") || !strcmp(what, "readlink") ||
               !strcmp(what, "read_file") || !strcmp(what, "close") || (!strcmp(what, "lock") && with == -EAGAIN) ||
               (!strcmp(name, "pool_udmabuf") && !strcmp(what, "open file")); // then it is io_uring's that is told
    if (!own && x->error.number != -with)
        fail_msg("%s, call %u (%s) fails with %d, and the error has %d (%s: %s)", name, call, what, -with,
                 x->error.number, x->error.object, x->error.hint);
    assert_non_null(x->error.step);
    assert_true(*x->error.object && strlen(x->error.hint) > 5);
    if (strcmp(what, "close") && strcmp(what, "munmap")) // what was to go stays
        scene_clean(x);
    x->k->fail_at = 0;
    scene_free(x);
}

// One call of mach_session_stop() fails: everything else is undone, and it is told.
static void stop_with(const char *name, uint32_t nth, const char *what, int with)
{
    struct scene *x = scene_new(name);
    assert_int_equal(scene_start(x), 0);
    x->k->fail_at = x->k->calls + nth;
    x->k->fail_with = with;
    int r = scene_stop(x);
    injected++;
    stop_faults++;
    assert_true(x->k->failed);
    // What the VMM is asked to undo cannot fail for the session.
    bool told = !strcmp(what, "kvm") || (x->use_kvm && !strcmp(what, "close")) || !strcmp(what, "DEVICE_RESET");
    if (!r && !told)
        fail_msg("%s, call %u of the end (%s) fails with %d, and nobody is told", name, nth, what, with);
    if (r)
        assert_string_equal(x->error.step, "undo");
    // Files are closed all the same, and take what hangs on them with them.
    for (int i = 0; i < FAKE_FILES; i++)
        if (x->k->file[i].open && x->k->file[i].kind != 'v' && !x->k->file[i].vmms)
            fail_msg("%s, call %u of the end (%s): fd %d is left", name, nth, what, i);
    assert_int_equal(x->k->allocations, 0);
    scene_free(x);
}

static void test_start(void **state)
{
    (void)state;
    for (const char *const *n = scene_names; *n; n++) {
        struct scene *x = scene_new(*n);
        assert_int_equal(scene_start(x), 0);
        uint32_t calls = x->k->calls;
        const char *trace[FAKE_TRACE];
        assert_true(calls < FAKE_TRACE);
        memcpy(trace, x->k->trace, sizeof trace);
        stop_again(x);
        scene_free(x);
        for (uint32_t call = 1; call <= calls; call++) {
            size_t f = fault_of(trace[call]);
            for (int e = 0; e < MOST && faults[f].errnos[e]; e++)
                start_with(*n, call, trace[call], faults[f].errnos[e], faults[f].optional);
        }
    }
    printf("faults while starting: %u injected, %u refused, %u done without\n", injected, refused, went_on);
}

static void test_stop(void **state)
{
    (void)state;
    for (const char *const *n = scene_names; *n; n++) {
        // A thread of its own writes at any time: which call is the nth is not known there.
        if (!strcmp(*n, "raw_vmm"))
            continue;
        struct scene *x = scene_new(*n);
        assert_int_equal(scene_start(x), 0);
        uint32_t before = x->k->calls;
        assert_int_equal(scene_stop(x), 0);
        uint32_t calls = x->k->calls - before;
        const char *trace[FAKE_TRACE];
        memcpy(trace, x->k->trace, sizeof trace);
        scene_free(x);
        for (uint32_t nth = 1; nth <= calls; nth++) {
            const char *what = trace[before + nth];
            if (strcmp(what, "alloc"))
                stop_with(*n, nth, what, !strcmp(what, "pwrite") ? NONE : -EINVAL);
        }
    }
    printf("faults while stopping: %u injected\n", stop_faults);
}

// Undoing goes wrong as well: the first error stays the one that is told.
static void test_twice(void **state)
{
    (void)state;
    struct scene *x = scene_new("group");
    x->k->memlock = 5 * MiB;
    x->k->lockable_used = 0;
    x->k->dma_limit = 1;
    assert_int_equal(scene_start(x), -1);
    assert_string_equal(x->error.step, "window");
    assert_int_equal(x->error.number, ENOSPC);
    assert_non_null(strstr(x->error.hint, "dma_entry_limit"));
    scene_clean(x);
    x->k->dma_limit = 10;
    x->k->memlock = 3 * MiB;
    assert_int_equal(scene_start(x), -1);
    assert_string_equal(x->error.step, "map");
    assert_int_equal(x->error.number, ENOMEM);
    // How much is needed, how much may be, and what to type.
    assert_non_null(strstr(x->error.hint, "6144 KiB"));
    assert_non_null(strstr(x->error.hint, "3072 KiB"));
    assert_non_null(strstr(x->error.hint, "ulimit -l 6144"));
    scene_clean(x);
    x->k->memlock = UINT64_MAX;
    assert_int_equal(scene_start(x), 0);
    stop_again(x);
    scene_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_twice),
    };
    int r = cmocka_run_group_tests(tests, NULL, NULL);
    printf("faults injected: %u\n", injected);
    return r;
}
