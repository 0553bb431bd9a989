// SPDX-License-Identifier: MIT
// Memory whose place on the host counts: where it is taken, what is written into the tree, and what is refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scenes.h"

#include <errno.h>
#include <sys/mman.h>

static void started(struct scene *x)
{
    if (scene_start(x))
        fail_msg("%s: %s: %s: %s (%d)\n%s", x->name, x->error.step, x->error.object, x->error.hint, x->error.number,
                 x->log);
    assert_string_equal(x->k->wrong, "");
}

static void stopped(struct scene *x)
{
    assert_int_equal(scene_stop(x), 0);
    scene_clean(x);
}

// It does not start, and the error has these words.
static void refused(struct scene *x, int number, const char *words)
{
    assert_int_equal(scene_start(x), -1);
    assert_string_equal(x->error.step, "memory");
    if (x->error.number != number || !strstr(x->error.hint, words))
        fail_msg("%s: not %d `%s`, but %d: %s", x->name, number, words, x->error.number, x->error.hint);
    scene_clean(x);
    scene_free(x);
}

static void set(struct scene *x, const char *path, const char *text)
{
    fake_text(x->k, path, text, strlen(text));
}

// Host addresses of the pages that memfds have, as text.
static const char *taken(const struct fake *k, char *to, size_t size)
{
    *to = '\0';
    for (uint64_t at = 0x40000000; at < UINT64_C(0x200000000); at += FAKE_HUGE_PAGE)
        for (uint32_t i = 0; i < k->pages; i++)
            if (k->page_list[i].fd >= 0 && k->page_list[i].host == at)
                snprintf(to + strlen(to), size - strlen(to), "%llx ", (unsigned long long)at);
    return to;
}

static void test_stated_address(void **state)
{
    (void)state;
    if (!HAVE_KVM)
        return;
    char pages[256];
    struct scene *x = scene_new("pool");
    started(x);
    const struct mach_memory *m = mach_session_memory(x->session, 0);
    assert_int_equal(m->host, 0x80000000);
    assert_int_equal((uintptr_t)m->at % FAKE_HUGE_PAGE, 0);
    assert_string_equal(taken(x->k, pages, sizeof pages), "80000000 80200000 "); // and not one more
    assert_non_null(strstr(x->log, "memory ram: 4 MiB at host 0x80000000, in 2 huge pages of 2048 KiB, pinned"));
    memset(m->at, 0x5a, (size_t)m->size); // all of it is there
    stopped(x);
    scene_free(x);
}

static void test_found_address(void **state)
{
    (void)state;
    char pages[256];
    uint8_t dtb[CFG_DTB_SIZE] = {0};
    struct mach_error e = MACH_ERROR_INIT;
    struct scene *x = scene_new("pool_bus");
    started(x);
    // The lowest run that is long enough: not the single pages, nor what lies beyond 4 GiB.
    assert_int_equal(mach_session_memory(x->session, 0)->host, 0x80000000);
    assert_int_equal(mach_session_memory(x->session, 1)->host, MACH_CFG_NONE64);
    assert_string_equal(taken(x->k, pages, sizeof pages), "80000000 80200000 80400000 ");
    assert_int_equal(mach_session_dtb(x->session, dtb, sizeof dtb, &e), 0);
    static const uint8_t first[8] = {0, 0, 0, 1, 0x40, 0, 0, 0}, second[8] = {0, 0, 0, 0, 0x80, 0x20, 0, 0};
    assert_memory_equal(dtb + 40, first, 8);
    assert_memory_equal(dtb + 52, second, 8);
    for (size_t i = 0; i < sizeof dtb; i++)
        assert_true((i >= 40 && i < 48) || (i >= 52 && i < 60) || !dtb[i]);
    // It is another tree now.
    assert_int_equal(mach_session_dtb(x->session, dtb, sizeof dtb, &e), -EBADMSG);
    stopped(x);
    scene_free(x);
}

static void test_limits(void **state)
{
    (void)state;
    struct scene *x = scene_new("pool_bus");
    // No limit: what lies below 4 GiB is preferred all the same.
    CFG_SET(x->c, memory, MEMORY, 0, limit, 0);
    started(x);
    assert_int_equal(mach_session_memory(x->session, 0)->host, 0x80000000);
    stopped(x);
    scene_free(x);
    // 8 MiB are at both places, and only the upper one is high enough.
    x = scene_new("pool_bus");
    CFG_SET(x->c, memory, MEMORY, 0, limit, 0);
    CFG_SET(x->c, memory, MEMORY, 0, lowest, 0x80200000);
    started(x);
    assert_int_equal(mach_session_memory(x->session, 0)->host, 0x80200000);
    stopped(x);
    scene_free(x);
    x = scene_new("pool_bus");
    CFG_SET(x->c, memory, MEMORY, 0, limit, 0);
    CFG_SET(x->c, memory, MEMORY, 0, lowest, 0x80200001);
    started(x);
    assert_int_equal(mach_session_memory(x->session, 0)->host, 0x140000000);
    stopped(x);
    scene_free(x);
    // A byte less than the run's end.
    x = scene_new("pool_bus");
    CFG_SET(x->c, memory, MEMORY, 0, limit, 0x805fffff);
    refused(x, ENOMEM,
            "no 6 MiB of huge pages side by side below 0x805fffff: free are 0x60000000+2M, 0x70000000+2M, "
            "0x80000000+8M, 0x140000000+8M");
    x = scene_new("pool_bus");
    CFG_SET(x->c, memory, MEMORY, 0, limit, 0x80600000);
    started(x);
    stopped(x);
    scene_free(x);
}

static struct fake_page *page_at(struct fake *k, uint64_t host)
{
    for (uint32_t i = 0; i < k->pages; i++)
        if (k->page_list[i].host == host)
            return &k->page_list[i];
    fail();
    return NULL;
}

// Memory begins at address 0 on many boards, and its first page is a page like any other.
static void test_page_at_zero(void **state)
{
    (void)state;
    for (int alone = 0; alone < 2; alone++) {
        struct scene *x = scene_new("pool_bus");
        set(x, "/proc/iomem", "00000000-ffffffff : System RAM\n");
        x->k->pages = 0;
        fake_pool(x->k, 0x10000000, 3);
        fake_pool(x->k, 0, alone ? 1 : 3); // is taken first
        started(x);
        assert_int_equal(mach_session_memory(x->session, 0)->host, alone ? 0x10000000 : 0);
        stopped(x);
        scene_free(x);
    }
    struct scene *x = scene_new("pool_bus");
    x->k->pages = 0;
    fake_pool(x->k, 0, 3);
    x->k->hides_frames = true;
    refused(x, EACCES, "the kernel shows their addresses to CAP_SYS_ADMIN alone");
}

// The pages of a process that was killed a moment ago come back one after the other.
static void test_pages_that_come_back(void **state)
{
    (void)state;
    struct scene *x = scene_new("pool_bus");
    for (uint32_t i = 0; i < x->k->pages; i++)
        x->k->page_list[i].fd = FAKE_DYING;
    started(x);
    assert_int_equal(mach_session_memory(x->session, 0)->host, 0x80000000);
    for (uint32_t i = 0; i < x->k->pages; i++)
        fake_pool_wait(x->k);
    stopped(x);
    scene_free(x);
    // Those of one that lives on do not.
    x = scene_new("pool_bus");
    for (uint32_t i = 0; i < x->k->pages; i++)
        x->k->page_list[i].fd = 60;
    assert_int_equal(scene_start(x), -1);
    assert_non_null(strstr(x->error.hint, "side by side below 0x100000000: free are none. Make"));
    for (uint32_t i = 0; i < x->k->pages; i++)
        x->k->page_list[i].fd = -1;
    scene_clean(x);
    scene_free(x);
}

// What lies beyond 4 GiB is taken at once, unless there may be a run below.
static void test_all_of_the_pool(void **state)
{
    (void)state;
    for (int low = 0; low < 3; low++) {
        struct scene *x = scene_new("pool_bus");
        CFG_SET(x->c, memory, MEMORY, 0, limit, 0);
        CFG_SET(x->c, memory, MEMORY, 0, lowest, low == 2 ? 0x80200001 : 0); // as if there were none
        fake_pool(x->k, 0x180000000, 4);
        if (!low)
            page_at(x->k, 0x80200000)->fd = 60; // another process has it
        started(x);
        assert_int_equal(mach_session_memory(x->session, 0)->host, low == 1 ? 0x80000000 : 0x180200000);
        assert_int_equal(x->k->most_taken, low == 1 ? 12 : 3);
        page_at(x->k, 0x80200000)->fd = low ? page_at(x->k, 0x80200000)->fd : -1;
        stopped(x);
        scene_free(x);
    }
}

static void test_pool_is_too_small(void **state)
{
    (void)state;
    struct scene *x = scene_new("pool_bus");
    CFG_SET(x->c, memory, MEMORY, 0, size, 10 * MiB);
    refused(x, ENOMEM, "hugepages-2048kB/nr_hugepages, or boot with hugepagesz=2048K hugepages=N, N at least 5");
    // The pool that is to be larger is the one that the board uses, not the first one that would do.
    x = scene_new("pool_bus");
    CFG_SET(x->c, memory, MEMORY, 0, size, 64 * MiB);
    set(x, "/sys/kernel/mm/hugepages/hugepages-64kB/nr_hugepages", "0\n");
    set(x, "/sys/kernel/mm/hugepages/hugepages-32768kB/nr_hugepages", "0\n");
    refused(x, ENOMEM, "or boot with hugepagesz=2048K hugepages=N, N at least 32");
    x = scene_new("pool_bus");
    CFG_SET(x->c, memory, MEMORY, 0, size, 64 * MiB);
    CFG_SET(x->c, memory, MEMORY, 0, page_size, 32 * MiB);
    set(x, "/sys/kernel/mm/hugepages/hugepages-32768kB/nr_hugepages", "0\n");
    refused(x, ENOMEM, "or boot with hugepagesz=32768K hugepages=N, N at least 2");
    x = scene_new("pool_bus");
    CFG_SET(x->c, memory, MEMORY, 0, physical, 0x90000000);
    refused(x, ENOMEM, "no 6 MiB of huge pages side by side at 0x90000000: free are ");
    x = scene_new("pool_bus");
    CFG_SET(x->c, memory, MEMORY, 0, page_size, UINT64_C(1) << 30);
    refused(x, EINVAL, "no huge pages of a size that divides its 6 MiB");
    x = scene_new("pool_bus");
    x->k->reserved = 8; // somebody has mapped them, and not touched them yet: two are left
    refused(x, ENOMEM, "free are 0x60000000+2M, 0x70000000+2M.");
    x = scene_new("pool_bus");
    x->k->pages = 0;
    refused(x, ENOENT, "the kernel has no huge pages: build it with CONFIG_HUGETLBFS");
}

static void test_pins(void **state)
{
    (void)state;
    char pages[256];
    struct scene *x = scene_new("pool_bus");
    // A page of the lowest run lies in CMA, and the pin moves it away: the next run is taken.
    page_at(x->k, 0x80200000)->moves_to = 0xa0000000;
    CFG_SET(x->c, memory, MEMORY, 0, limit, 0);
    started(x);
    assert_int_equal(mach_session_memory(x->session, 0)->host, 0x140000000);
    stopped(x);
    scene_free(x);
    x = scene_new("pool_bus");
    // It lies in CMA, and the kernel has no other place for it: it is left out.
    page_at(x->k, 0x80200000)->no_pin = true;
    CFG_SET(x->c, memory, MEMORY, 0, limit, 0);
    started(x);
    assert_int_equal(mach_session_memory(x->session, 0)->host, 0x140000000);
    assert_string_equal(taken(x->k, pages, sizeof pages), "140000000 140200000 140400000 ");
    stopped(x);
    scene_free(x);
    x = scene_new("pool_bus");
    page_at(x->k, 0x80200000)->no_pin = true;
    refused(x, ENOMEM,
            "free are 0x60000000+2M, 0x70000000+2M, 0x80400000+4M, 0x140000000+8M, the largest of 5; 1 more cannot be "
            "pinned, "
            "because they lie in CMA: boot with a smaller `cma=`, and without `hugetlb_cma=`. Make the pool larger");
    x = scene_new("pool_bus");
    for (uint32_t i = 0; i < x->k->pages; i++)
        x->k->page_list[i].no_pin = true;
    refused(x, ENOMEM, "free are none; 10 more cannot be pinned");
    // Where not one of so many can be, it may be the limit of the process.
    x = scene_new("pool_bus");
    fake_pool(x->k, 0xa0000000, 12);
    for (uint32_t i = 0; i < x->k->pages; i++)
        x->k->page_list[i].no_pin = true;
    refused(x, ENOMEM, "it lies in hugetlb_cma (boot with `hugepagesz=1G hugepages=N`), or more would be locked than");
    x = scene_new("pool_bus");
    x->k->no_io_uring = true;
    refused(x, EPERM, "Set the sysctl kernel.io_uring_disabled to 0, or load the module udmabuf");
    x = scene_new("pool_bus");
    x->k->hides_frames = true;
    refused(x, EACCES, "the kernel shows their addresses to CAP_SYS_ADMIN alone");
    x = scene_new("pool_bus");
    x->k->surplus = 1; // gone with the pages that are given back
    started(x);
    stopped(x);
    scene_free(x);
    x = scene_new("pool_bus");
    x->k->surplus = 10;
    refused(x, EBUSY, "the pool of 2048 KiB has surplus pages, which go to the kernel when they are freed");
}

/* ---- memory through /dev/mem ---- */

static void test_reserved(void **state)
{
    (void)state;
    if (!HAVE_KVM)
        return;
    struct scene *x = scene_new("reserved");
    x->k->is_32_bit = true;
    started(x);
    stopped(x);
    scene_free(x);
    x = scene_new("reserved");
    started(x);
    assert_int_equal(mach_session_memory(x->session, 0)->host, 0x90000000);
    for (size_t i = 0; i < 4 * MiB; i++) // no mark is left
        assert_int_equal(((const uint8_t *)mach_session_memory(x->session, 0)->at)[i], 0);
    stopped(x);
    scene_free(x);

    x = scene_new("reserved");
    x->k->lies = true;
    refused(x, EINVAL, "it does not lie at 0x90000000 of the kernel's own memory");
    x = scene_new("reserved"); // no-map, or mem=
    set(x, "/proc/iomem",
        "40000000-8fffffff : System RAM\n90000000-90ffffff : reserved\n91000000-ffffffff : System RAM\n");
    refused(x, EINVAL, "KVM maps what is not the kernel's own memory as device memory");
    x = scene_new("reserved"); // its last page
    set(x, "/proc/iomem",
        "40000000-903fefff : System RAM\n903ff000-90ffffff : reserved\n91000000-ffffffff : System RAM\n");
    refused(x, EINVAL, "KVM maps what is not the kernel's own memory as device memory");
    x = scene_new("reserved"); // in two pieces, side by side
    set(x, "/proc/iomem", "40000000-901fffff : System RAM\n90200000-ffffffff : System RAM (kmem)\n");
    started(x);
    stopped(x);
    scene_free(x);
    x = scene_new("reserved");
    set(x, "/sys/firmware/devicetree/base/reserved-memory/guest@90000000/reusable", "");
    refused(x, EINVAL, "/reserved-memory/guest@90000000 is `reusable`");
    x = scene_new("reserved"); // the node is smaller
    fake_text(x->k, "/sys/firmware/devicetree/base/reserved-memory/guest@90000000/reg",
              "\0\0\0\0\x90\0\0\0\0\0\0\0\0\x3f\xff\xff", 16);
    refused(x, EINVAL, "the kernel uses 0x40000000..0x1ffffffff itself, which overlaps 0x90000000..0x903fffff");
    x = scene_new("reserved");
    set(x, "/proc/iomem", "00000000-00000000 : System RAM\n");
    refused(x, EACCES, "whether the kernel uses it cannot be seen in /proc/iomem: only root sees addresses there");
}

// What KVM on another architecture does not mind, and what no guest runs in.
static void test_reserved_elsewhere(void **state)
{
    (void)state;
    static const char hidden[] = "40000000-8fffffff : System RAM\n91000000-ffffffff : System RAM\n";
    static const struct {
        uint32_t arch;
        bool share, fine;
    } cases[] = {
        {MACH_CFG_ARCH_ARM64, false, false},  {MACH_CFG_ARCH_ARM64, true, true},   {MACH_CFG_ARCH_PPC, false, false},
        {MACH_CFG_ARCH_RISCV64, false, true}, {MACH_CFG_ARCH_X86_64, false, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene *x = scene_new("pool_given");
        x->ops.memory = NULL;
        set(x, "/proc/iomem", hidden);
        set(x, "/dev/mem", "");
        CFG_SET(x->c, machine, MACHINE, 0, arch, cases[i].arch);
        CFG_SET(x->c, memory, MEMORY, 0, backing, MACH_CFG_BACKING_PHYSICAL);
        CFG_SET(x->c, memory, MEMORY, 0, physical, 0x90000000);
        if (cases[i].share)
            CFG_SET(x->c, memory, MEMORY, 0, share, cfg_string(x->c, "shm"));
        if (!cases[i].fine) {
            refused(x, EINVAL, "KVM maps what is not the kernel's own memory as device memory");
            continue;
        }
        started(x);
        stopped(x);
        scene_free(x);
    }
}

static void test_heap(void **state)
{
    (void)state;
    struct scene *x = scene_new("heap");
    x->k->is_32_bit = true;
    started(x);
    stopped(x);
    scene_free(x);
    x = scene_new("heap");
    started(x);
    assert_int_equal(mach_session_memory(x->session, 0)->host, 0x91000000);
    for (size_t i = 0; i < 4 * MiB; i++) // no mark is left
        assert_int_equal(((const uint8_t *)mach_session_memory(x->session, 0)->at)[i], 0);
    stopped(x);
    scene_free(x);
    x = scene_new("heap");
    CFG_SET(x->c, memory, MEMORY, 0, physical, 0x91000000);
    started(x);
    stopped(x);
    scene_free(x);
    x = scene_new("heap");
    CFG_SET(x->c, memory, MEMORY, 0, physical, 0x91001000);
    refused(x, EINVAL, "it does not lie at 0x91001000 of the kernel's own memory");
    x = scene_new("heap");
    CFG_SET(x->c, memory, MEMORY, 0, limit, 0x913fffff);
    refused(x, ENOMEM, "DMA heap guest: it gave 0x91000000, and the devices reach 0x0..0x913ffffe");
    x = scene_new("heap");
    CFG_SET(x->c, memory, MEMORY, 0, size, 16 * MiB);
    refused(x, ENOMEM, "DMA heap guest: it does not have so much in one piece");
    x = scene_new("heap");
    x->k->lies = true;
    refused(x, ENODATA, "the kernel's own memory does not have it");
    x = scene_new("heap");
    CFG_SET(x->c, machine, MACHINE, 0, arch, MACH_CFG_ARCH_PPC);
    refused(x, ENOTSUP, "KVM on Power maps other memory than the heap's");
    x = scene_new("heap");
    CFG_SET(x->c, memory, MEMORY, 0, path, cfg_string(x->c, "../guest"));
    refused(x, EINVAL, "this is no name of a heap");
}

/* ---- memory of others ---- */

static struct scene *of_file(const char *path)
{
    struct scene *x = scene_new("pool_given");
    x->ops.memory = NULL;
    x->k->elsewhere = 0x30000000; // none of the kernel's memory
    fake_text(x->k, path, "", 0);
    set(x, "/sys/dev/char/250:0/size", "4194304\n");
    CFG_SET(x->c, memory, MEMORY, 0, backing, MACH_CFG_BACKING_FILE);
    CFG_SET(x->c, memory, MEMORY, 0, physical, MACH_CFG_NONE64);
    CFG_SET(x->c, memory, MEMORY, 0, path, cfg_string(x->c, path));
    CFG_SET(x->c, dma, DMA, 0, mode, MACH_CFG_DMA_NONE);
    return x;
}

static void test_devices_with_memory(void **state)
{
    (void)state;
    refused(of_file("/dev/dax0.0"), EINVAL, "KVM maps what is not the kernel's own memory as device memory");
    struct scene *x = of_file("/dev/dax0.0"); // dax's kmem, or memory that is hot-plugged
    x->k->elsewhere = 0x50000000;
    started(x);
    stopped(x);
    scene_free(x);
    x = of_file("/dev/dax0.0");
    CFG_SET(x->c, memory, MEMORY, 0, share, cfg_string(x->c, "shm"));
    started(x);
    stopped(x);
    scene_free(x);
    x = of_file("/dev/dax0.0");
    set(x, "/sys/dev/char/250:0/size", "4190208\n");
    refused(x, EINVAL, "/dev/dax0.0: it has 0x3ff000 bytes, and 0x0-0x3fffff is beyond its end");
    x = of_file("/dev/dax0.0");
    set(x, "/sys/dev/char/250:0/size", "much");
    refused(x, EINVAL, "the kernel does not show the size of this device");
    x = of_file("/dev/dax0.0");
    x->k->hides_frames = true;
    refused(x, EACCES, "whether a guest can run in it cannot be seen");
}

static void test_given(void **state)
{
    (void)state;
    struct scene *x = scene_new("pool_given");
    started(x);
    assert_int_equal(mach_session_memory(x->session, 0)->host, 0x140000000);
    assert_ptr_equal(mach_session_memory(x->session, 0)->at, x->given_at);
    stopped(x);
    scene_free(x);
    x = scene_new("pool_given");
    x->k->page_list[1].host = 0x150000000;
    refused(x, EINVAL,
            "the VMM's memory is not one piece on the host: byte 0x200000 is at 0x150000000, not at 0x140200000");
    x = scene_new("pool_given");
    CFG_SET(x->c, memory, MEMORY, 0, physical, 0x140200000);
    refused(x, EINVAL, "the VMM's memory is at 0x140000000 on the host, not at 0x140200000");
    x = scene_new("pool_given");
    CFG_SET(x->c, memory, MEMORY, 0, physical, MACH_CFG_NONE64);
    CFG_SET(x->c, memory, MEMORY, 0, limit, 0x140300000);
    refused(x, EINVAL, "and its devices reach 0x0..0x1402fffff");
    x = scene_new("pool_given"); // the pin moves a page
    x->k->page_list[1].moves_to = 0x160000000;
    refused(x, EINVAL, "byte 0x200000 is at 0x160000000");
    x = scene_new("pool_given");
    x->k->no_io_uring = true;
    refused(x, EPERM, "only for memory that libmachrt allocates");
    x = scene_new("pool_given");
    x->k->hides_frames = true;
    refused(x, EACCES, "where it lies cannot be seen in /proc/self/pagemap");
}

/* ---- check ---- */

struct finding {
    enum mach_proof proof;
    char text[512];
};

static void keep(void *opaque, const struct mach_finding *f)
{
    struct finding *to = opaque;
    if (f->expect != MACH_CFG_NONE)
        return;
    assert_string_equal(f->object, "host: memory ram");
    to->proof = f->proof;
    snprintf(to->text, sizeof to->text, "%s", f->text);
}

static void checked(struct scene *x, enum mach_proof proof, const char *words)
{
    struct finding f = {.proof = (enum mach_proof)9};
    x->options.finding = keep;
    x->options.opaque = &f;
    x->config = cfg_open(x->c);
    int failed = mach_config_check(x->config, &x->options, &x->error);
    assert_int_equal(f.proof, proof);
    assert_int_equal(failed, proof == MACH_PROOF_FAILS);
    if (!strstr(f.text, words))
        fail_msg("not `%s`, but: %s", words, f.text);
    for (uint32_t i = 0; i < x->k->pages; i++) // nothing is taken
        assert_int_equal(x->k->page_list[i].fd, -1);
    scene_free(x);
}

static void test_check(void **state)
{
    (void)state;
    checked(scene_new("pool_bus"), MACH_PROOF_HOLDS, "");
    struct scene *x = scene_new("pool_bus");
    CFG_SET(x->c, memory, MEMORY, 0, size, 8 * MiB);
    checked(x, MACH_PROOF_HOLDS, "");
    x = scene_new("pool_bus");
    CFG_SET(x->c, memory, MEMORY, 0, size, 10 * MiB);
    checked(x, MACH_PROOF_FAILS,
            "no 10 MiB of huge pages side by side where they are needed: free are 0x60000000+2M, 0x70000000+2M, "
            "0x80000000+8M, 0x140000000+8M. ");
    x = scene_new("pool_bus");
    CFG_SET(x->c, memory, MEMORY, 0, limit, 0x80400000);
    checked(x, MACH_PROOF_FAILS, "no 6 MiB of huge pages side by side where they are needed");
    x = scene_new("pool_bus");
    set(x, "/proc/sys/kernel/io_uring_disabled", "2\n");
    checked(x, MACH_PROOF_FAILS, "it cannot be pinned");
    x = scene_new("pool_bus");
    set(x, "/proc/sys/kernel/io_uring_disabled", "2\n");
    set(x, "/dev/udmabuf", "");
    checked(x, MACH_PROOF_HOLDS, "");
    x = scene_new("pool_bus");
    set(x, "/proc/iomem", "00000000-00000000 : System RAM\n");
    checked(x, MACH_PROOF_UNKNOWN, "the kernel does not show the pool of huge pages: Permission denied");
    if (!HAVE_KVM)
        return;
    checked(scene_new("reserved"), MACH_PROOF_HOLDS, "");
    x = scene_new("reserved");
    set(x, "/proc/iomem", "40000000-8fffffff : System RAM\n");
    checked(x, MACH_PROOF_FAILS, "KVM maps what is not the kernel's own memory as device memory");
    x = scene_new("reserved");
    set(x, "/proc/iomem", "00000000-00000000 : System RAM\n");
    checked(x, MACH_PROOF_UNKNOWN, "only root sees addresses there");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stated_address),
        cmocka_unit_test(test_found_address),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_all_of_the_pool),
        cmocka_unit_test(test_page_at_zero),
        cmocka_unit_test(test_pages_that_come_back),
        cmocka_unit_test(test_pool_is_too_small),
        cmocka_unit_test(test_pins),
        cmocka_unit_test(test_reserved),
        cmocka_unit_test(test_reserved_elsewhere),
        cmocka_unit_test(test_heap),
        cmocka_unit_test(test_devices_with_memory),
        cmocka_unit_test(test_given),
        cmocka_unit_test(test_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
