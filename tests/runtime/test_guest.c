// SPDX-License-Identifier: MIT
// What a guest can ask for while it runs: DMA mappings, accesses to registers, the configuration space of its PCI
// functions. None of it is the config's, and all of it may be hostile.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scenes.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <time.h>

/* ---- a guest's IOMMU ---- */

static struct scene *guest_iommu(bool cdev)
{
    struct scene *x = scene_new("guest_iommu");
    x->k->has_iommufd = x->k->has_cdev = cdev;
    return x;
}

static uint8_t *memory_of(struct scene *x, uint32_t memory)
{
    for (int i = 0; i < FAKE_MAPS; i++)
        x->k->map[i].populated = x->k->map[i].size; // the VMM's to see to
    return mach_session_memory(x->session, memory)->at;
}

// Two maps and one unmap would leave a mapping of memory that the guest has given to somebody else.
static void test_map_twice(void **state)
{
    (void)state;
    for (int cdev = 0; cdev < 2; cdev++) {
        struct scene *x = guest_iommu(cdev);
        scene_must_start(x);
        uint8_t *host = memory_of(x, 0);
        uint64_t gone = 7;
        assert_int_equal(mach_dma_map(x->session, 0, 0x10000, 0x2000, host, 3), 0);
        assert_int_equal(mach_dma_map(x->session, 0, 0x10000, 0x2000, host, 3), -EEXIST);
        assert_int_equal(mach_dma_map(x->session, 0, 0x11000, 0x1000, host + 0x1000, 3), -EEXIST);
        assert_int_equal(mach_dma_unmap(x->session, 0, 0x10000, 0x2000, &gone), 0);
        assert_int_equal(gone, 0x2000);
        assert_int_equal(x->k->dmas, 0);
        scene_must_end(x);
    }
}

// Two functions of a group share page tables: what both map is there until both have unmapped it.
static void test_shared_group(void **state)
{
    (void)state;
    for (int cdev = 0; cdev < 2; cdev++) {
        struct scene *x = guest_iommu(cdev);
        x->k->device[1].group = x->k->device[0].group;
        scene_must_start(x);
        uint8_t *host = memory_of(x, 0);
        uint64_t gone = 7;
        assert_int_equal(mach_dma_map(x->session, 0, 0x10000, 0x2000, host, 3), 0);
        assert_int_equal(mach_dma_map(x->session, 1, 0x10000, 0x2000, host, 1), -EEXIST); // with other rights
        assert_int_equal(mach_dma_map(x->session, 1, 0x10000, 0x1000, host, 3), -EEXIST);
        assert_int_equal(mach_dma_map(x->session, 1, 0x10000, 0x2000, host, 3), 0);
        assert_int_equal(mach_dma_map(x->session, 1, 0x10000, 0x2000, host, 3), -EEXIST);
        assert_int_equal(x->k->dmas, 1);
        assert_int_equal(mach_dma_map(x->session, 1, 0x20000, 0x2000, host, 3), 0);
        // What only the other one has mapped is neither removed nor in the way.
        assert_int_equal(mach_dma_unmap(x->session, 0, 0x20000, 0x1000, &gone), 0);
        assert_int_equal(gone, 0);
        assert_int_equal(mach_dma_unmap(x->session, 1, 0x20000, 0x1000, &gone), -EINVAL);
        for (int twice = 0; twice < 2; twice++) {
            assert_int_equal(mach_dma_unmap(x->session, 0, 0, 0x100000, &gone), 0);
            assert_int_equal(gone, 0);
            assert_int_equal(x->k->dmas, 2);
        }
        assert_int_equal(mach_dma_unmap(x->session, 1, 0, 0x100000, &gone), 0);
        assert_int_equal(gone, 0x4000);
        assert_int_equal(x->k->dmas, 0);
        assert_int_equal(mach_dma_map(x->session, 0, 0x10000, 0x2000, host, 3), 0); // the end removes it
        scene_must_end(x);
    }
}

// What the config says of memory holds whoever maps it.
static void test_memory_rights(void **state)
{
    (void)state;
    for (int cdev = 0; cdev < 2; cdev++) {
        struct scene *x = guest_iommu(cdev);
        CFG_SET(x->c, memory, MEMORY, 1, flags, MACH_CFG_MEMORY_NO_DMA);
        CFG_SET(x->c, memory, MEMORY, 2, flags, MACH_CFG_MEMORY_READONLY);
        scene_must_start(x);
        uint8_t *ram = memory_of(x, 0), *hidden = memory_of(x, 1), *rom = memory_of(x, 2);
        assert_int_equal(mach_dma_map(x->session, 0, 0x10000, 0x1000, hidden, 1), -EACCES);
        assert_int_equal(mach_dma_map(x->session, 0, 0x10000, 0x1000, rom, 3), -EACCES);
        assert_int_equal(mach_dma_map(x->session, 0, 0x10000, 0x1000, rom, 2), -EACCES);
        assert_int_equal(mach_dma_map(x->session, 0, 0x10000, 0x1000, rom, 1), 0);
        assert_int_equal(x->k->dma[0].prot, cdev ? 2 : 1); // as each interface counts them
        // Its last page, and one more; what begins before it; none of it.
        assert_int_equal(mach_dma_map(x->session, 0, 0x20000, 0x1000, ram + 4 * MiB - 0x1000, 3), 0);
        assert_int_equal(mach_dma_map(x->session, 0, 0x30000, 0x2000, ram + 4 * MiB - 0x1000, 3), -EFAULT);
        assert_int_equal(mach_dma_map(x->session, 0, 0x30000, 0x1000, ram + 4 * MiB, 3), -EFAULT);
        assert_int_equal(mach_dma_map(x->session, 0, 0x30000, 0x2000, ram - 0x1000, 3), -EFAULT);
        assert_int_equal(mach_dma_map(x->session, 0, 0x30000, 0x1000, NULL, 3), -EFAULT);
        assert_int_equal(mach_dma_map(x->session, 0, 0x30000, 0x1000, (void *)(UINTPTR_MAX - 0xfff), 3), -EFAULT);
        assert_int_equal(mach_dma_map(x->session, 0, 0, UINT64_C(0x7fffff000), ram, 3), -ERANGE); // over the hole
        assert_int_equal(x->k->dmas, 2);
        scene_must_end(x);
    }
}

// Addresses that leave the window or the address space.
static void test_ends(void **state)
{
    (void)state;
    struct scene *x = guest_iommu(true);
    CFG_SET(x->c, dma, DMA, 0, flags, MACH_CFG_DMA_HAS_WINDOW);
    CFG_SET(x->c, dma, DMA, 0, window, 0x100000);
    CFG_SET(x->c, dma, DMA, 0, size, 0x10000);
    scene_must_start(x);
    uint8_t *ram = memory_of(x, 0);
    uint64_t gone = 7;
    assert_int_equal(mach_dma_map(x->session, 0, 0xff000, 0x1000, ram, 3), -ERANGE);
    assert_int_equal(mach_dma_map(x->session, 0, 0x10f000, 0x2000, ram, 3), -ERANGE);
    assert_int_equal(mach_dma_map(x->session, 0, 0x10f000, 0x1000, ram, 3), 0);
    assert_int_equal(mach_dma_map(x->session, 1, UINT64_MAX - 0xfff, 0x1000, ram, 3), -ERANGE);
    assert_int_equal(mach_dma_map(x->session, 1, UINT64_MAX - 0xfff, 0x2000, ram, 3), -ERANGE);
    assert_int_equal(mach_dma_unmap(x->session, 0, UINT64_MAX - 0xfff, 0x2000, &gone), -EINVAL);
    assert_int_equal(mach_dma_unmap(x->session, 0, UINT64_MAX - 0xfff, 0x1000, &gone), 0);
    assert_int_equal(mach_dma_unmap(x->session, 0, 0, UINT64_MAX, &gone), 0);
    assert_int_equal(gone, 0x1000);
    scene_must_end(x);
}

static int (*kernels_ioctl)(void *, int, unsigned long, void *);

static int accept_maps(void *o, int fd, unsigned long request, void *arg)
{
    if (request == VFIO_IOMMU_MAP_DMA || request == VFIO_IOMMU_UNMAP_DMA)
        return 0;
    return kernels_ioctl(o, fd, request, arg);
}

static double cpu_time(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// The finaliser of MurmurHash3 over the address: a guest that knows the order of a tree chooses addresses that make it
// a list.
static uint32_t known_order(uint64_t iova)
{
    uint32_t h = (uint32_t)(iova >> 12);
    h ^= h >> 16;
    h *= UINT32_C(0x85ebca6b);
    h ^= h >> 13;
    h *= UINT32_C(0xc2b2ae35);
    return h ^ h >> 16;
}

static double time_of_maps(bool hostile)
{
    enum { MAPS = 16000 };
    struct scene *x = guest_iommu(false);
    kernels_ioctl = x->k->sys.ioctl;
    x->k->sys.ioctl = accept_maps;
    scene_must_start(x);
    uint8_t *ram = memory_of(x, 0);
    static uint64_t iova[MAPS];
    uint64_t at = 0x10000000;
    uint32_t last = 0;
    for (uint32_t i = 0; i < MAPS; i++, at += 0x1000) {
        for (uint32_t h; hostile; at += 0x1000) {
            h = known_order(at);
            if (h > last && h - last <= UINT32_MAX / (MAPS + 1)) {
                last = h;
                break;
            }
        }
        iova[i] = at;
    }
    double start = cpu_time();
    for (uint32_t i = 0; i < MAPS; i++)
        assert_int_equal(mach_dma_map(x->session, 0, iova[i], 0x1000, ram, 3), 0);
    double all = cpu_time() - start;
    x->session ? (void)mach_session_stop(x->session, NULL) : (void)0;
    scene_free(x);
    return all;
}

static void test_no_list(void **state)
{
    (void)state;
    double plain = time_of_maps(false), hostile = time_of_maps(true);
    // A list of 16000 would take a thousand times as long.
    if (hostile > 20 * plain + 0.05)
        fail_msg("addresses that a guest chooses: %.3f s, and in order: %.3f s", hostile, plain);
}

/* ---- the command register ---- */

static uint32_t command_of(const struct fake_device *d)
{
    return (uint32_t)d->config[PCI_COMMAND] | (uint32_t)d->config[PCI_COMMAND + 1] << 8;
}

static void test_msi_keeps_command(void **state)
{
    (void)state;
    for (int msix = 0; msix < 2; msix++) {
        struct scene *x = scene_new("noiommu"); // device 2 does no DMA
        scene_must_start(x);
        struct fake_device *d = &x->k->device[2];
        int fds[4];
        uint32_t granted, v = 0;
        for (int again = 0; again < 2; again++) {
            assert_int_equal(mach_session_msi_enable(x->session, 2, msix, 2, fds, &granted), 0);
            assert_int_equal(command_of(d) & 6, 6);
            // The guest, meanwhile: INTx off, memory on, SERR on.
            assert_int_equal(mach_pci_read(x->session, 2, PCI_COMMAND, 2, &v), 0);
            assert_int_equal(mach_pci_write(x->session, 2, PCI_COMMAND, 2, v | 0x502), 0);
            assert_int_equal(mach_session_msi_disable(x->session, 2), 0);
            assert_int_equal(command_of(d), 0x502);
        }
        assert_int_equal(mach_pci_write(x->session, 2, PCI_COMMAND, 2, 0x400), 0);
        assert_int_equal(mach_session_msi_enable(x->session, 2, msix, 2, fds, &granted), 0);
        assert_int_equal(command_of(d), 0x406);
        assert_int_equal(mach_session_stop(x->session, NULL), 0);
        assert_int_equal(command_of(d) & 6, 0);
        scene_clean(x);
        scene_free(x);
    }
}

// Nothing restricts the DMA of a function without an IOMMU: of `dma none`, only that it is no bus master.
static void test_no_master(void **state)
{
    (void)state;
    struct scene *x = scene_new("noiommu");
    scene_must_start(x);
    struct fake_device *d = &x->k->device[2];
    static const uint32_t offsets[] = {4, 4, 4}, sizes[] = {1, 2, 4};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(mach_pci_write(x->session, 2, offsets[i], sizes[i], 7), 0);
        assert_int_equal(command_of(d), 3);
        assert_int_equal(mach_pci_write(x->session, 2, offsets[i], sizes[i], 0), 0);
        assert_int_equal(command_of(d), 0);
    }
    assert_int_equal(mach_pci_write(x->session, 2, 5, 1, 4), 0); // the upper byte's bit 2 is another one
    assert_int_equal(command_of(d), 0x400);
    int fds[1];
    uint32_t granted;
    assert_int_equal(mach_session_msi_enable(x->session, 2, 1, 1, fds, &granted), 0);
    assert_int_equal(mach_pci_write(x->session, 2, 4, 2, 2), 0); // nor does a write end its MSIs
    assert_int_equal(command_of(d), 6);
    assert_int_equal(mach_session_stop(x->session, NULL), 0);
    scene_clean(x);
    scene_free(x);
    // The near miss: one that does DMA is its guest's.
    x = scene_new("group");
    scene_must_start(x);
    d = &x->k->device[2];
    assert_int_equal(command_of(d), 6);
    assert_int_equal(mach_pci_write(x->session, 3, 4, 2, 2), 0);
    assert_int_equal(command_of(d), 2);
    assert_int_equal(mach_pci_write(x->session, 3, 4, 2, 6), 0);
    assert_int_equal(command_of(d), 6);
    scene_must_end(x);
}

/* ---- registers ---- */

// A trapped access can have any length and address.
static void test_accesses(void **state)
{
    (void)state;
    struct scene *x = scene_new("group");
    scene_must_start(x);
    uint8_t in[16], out[16], *mapped = mach_session_region_ptr(x->session, 1, NULL);
    assert_non_null(mapped);
    for (uint8_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(0xa0 + i);
    // 1 is mapped, 2 goes through the file.
    for (uint32_t region = 1; region <= 2; region++) {
        uint8_t *bytes = region == 1 ? mapped : x->k->device[0].region[1].bytes;
        for (uint64_t at = 0x100; at < 0x108; at++)
            for (size_t size = 1; size <= 8; size++) {
                memset(bytes + 0x100, 0, 32);
                memset(out, 0, sizeof out);
                assert_int_equal(mach_region_write(x->session, region, at, in, size), 0);
                assert_memory_equal(bytes + at, in, size);
                assert_int_equal(bytes[at + size], 0);
                assert_int_equal(mach_region_read(x->session, region, at, out, size), 0);
                assert_memory_equal(out, in, size);
                assert_int_equal(out[size], 0);
            }
        assert_int_equal(mach_region_read(x->session, region, 0, out, 0), -EINVAL);
        assert_int_equal(mach_region_write(x->session, region, 0, in, 0), -EINVAL);
        assert_int_equal(mach_region_read(x->session, region, 0, out, 9), -EINVAL);
        assert_int_equal(mach_region_read(x->session, region, 0, out, 16), -EINVAL);
        uint64_t end = region == 1 ? 0x1000 : 0x200;
        assert_int_equal(mach_region_read(x->session, region, end - 3, out, 3), 0);
        assert_int_equal(mach_region_read(x->session, region, end - 3, out, 4), -ERANGE);
        assert_int_equal(mach_region_write(x->session, region, end - 5, in, 8), -ERANGE);
        assert_int_equal(mach_region_write(x->session, region, end, in, 1), -ERANGE);
        assert_int_equal(mach_region_write(x->session, region, UINT64_MAX - 3, in, 8), -ERANGE);
        assert_int_equal(mach_region_write(x->session, region, UINT64_MAX, in, 1), -ERANGE);
    }
    // The kernel sees aligned accesses: 7 bytes at ...1 are 1, 2, 4.
    uint32_t before = x->k->calls;
    assert_int_equal(mach_region_read(x->session, 2, 0x101, out, 7), 0);
    assert_int_equal(x->k->calls - before, 3);
    // From what is mapped into a hole.
    assert_int_equal(mach_region_write(x->session, 4, 0x1ffd, in, 8), 0);
    assert_memory_equal(x->k->device[2].region[0].bytes + 0x2000, in + 3, 5);
    scene_must_end(x);
}

// A region need not begin where its page does, nor at a multiple of 8.
static void test_misaligned_region(void **state)
{
    (void)state;
    struct scene *x = scene_new("raw_vmm");
    CFG_SET(x->c, region, REGION, 1, offset, 0x23424084);
    scene_must_start(x);
    uint64_t in = UINT64_C(0x8877665544332211), out = 0;
    assert_int_equal(mach_region_write(x->session, 1, 0, &in, 8), 0);
    assert_int_equal(mach_region_read(x->session, 1, 0, &out, 8), 0);
    assert_memory_equal(&in, &out, 8);
    scene_must_end(x);
}

// What the kernel does not let anybody write is not written: the mapping would fault.
static void test_readonly_region(void **state)
{
    (void)state;
    for (int flag = VFIO_REGION_INFO_FLAG_READ; flag <= VFIO_REGION_INFO_FLAG_WRITE; flag++) {
        struct scene *x = scene_new("group");
        for (int r = 0; r < 2; r++)
            x->k->device[0].region[r].flags &=
                ~(uint32_t)(VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE) | (uint32_t)flag;
        scene_must_start(x);
        bool reads = flag == VFIO_REGION_INFO_FLAG_READ;
        uint32_t v = 1;
        for (uint32_t region = 1; region <= 2; region++) {
            assert_int_equal(mach_region_write(x->session, region, 0, &v, 4), reads ? -EACCES : 0);
            assert_int_equal(mach_region_read(x->session, region, 0, &v, 4), reads ? 0 : -EACCES);
            assert_int_equal(mach_region_write(x->session, region, 0x10000, &v, 4), -ERANGE);
        }
        scene_must_end(x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_map_twice),         cmocka_unit_test(test_shared_group),
        cmocka_unit_test(test_memory_rights),     cmocka_unit_test(test_ends),
        cmocka_unit_test(test_no_list),           cmocka_unit_test(test_msi_keeps_command),
        cmocka_unit_test(test_no_master),         cmocka_unit_test(test_accesses),
        cmocka_unit_test(test_misaligned_region), cmocka_unit_test(test_readonly_region),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
