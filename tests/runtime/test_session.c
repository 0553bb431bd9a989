// SPDX-License-Identifier: MIT
// Sessions against the fake kernel: every scene starts, works, and leaves nothing.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scenes.h"

#include <errno.h>
#include <linux/vfio.h>
#include <unistd.h>

static void started(struct scene *x)
{
    if (scene_start(x))
        fail_msg("%s: %s: %s: %s (%d)\n%s", x->name, x->error.step, x->error.object, x->error.hint, x->error.number,
                 x->log);
    assert_string_equal(x->k->wrong, "");
}

static void stopped(struct scene *x)
{
    if (scene_stop(x))
        fail_msg("%s: %s: %s\n%s", x->name, x->error.object, x->error.hint, x->log);
    scene_clean(x);
}

static void test_every_scene(void **state)
{
    (void)state;
    for (const char *const *n = scene_names; *n; n++) {
        struct scene *x = scene_new(*n);
        started(x);
        stopped(x);
        // And once more on the same host: a session leaves it as it was.
        if (!x->use_kvm) {
            started(x);
            stopped(x);
        }
        scene_free(x);
    }
}

static void test_backends(void **state)
{
    (void)state;
    static const struct {
        const char *scene;
        enum mach_backend backend;
    } want[] = {
        {"group", MACH_BACKEND_GROUP},     {"iommufd", MACH_BACKEND_IOMMUFD}, {"foreign", MACH_BACKEND_GROUP},
        {"noiommu", MACH_BACKEND_NOIOMMU}, {"pamu", MACH_BACKEND_PAMU},       {"spapr", MACH_BACKEND_SPAPR},
    };
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        struct scene *x = scene_new(want[i].scene);
        started(x);
        assert_int_equal(mach_session_backend(x->session), want[i].backend);
        stopped(x);
        scene_free(x);
    }
    // Either can be asked for by name.
    struct scene *x = scene_new("iommufd");
    x->options.backend = MACH_BACKEND_GROUP;
    started(x);
    assert_string_equal(mach_backend_name(mach_session_backend(x->session)), "group");
    stopped(x);
    scene_free(x);
}

static void test_what_was_done(void **state)
{
    (void)state;
    struct scene *x = scene_new("iommufd");
    started(x);
    struct fake *k = x->k;
    struct fake_device *eth = &k->device[0], *rtc = &k->device[1], *edu = &k->device[2];
    assert_string_equal(eth->driver, "vfio-platform");
    assert_string_equal(rtc->driver, "vfio-amba");
    assert_string_equal(edu->driver, "vfio-pci");
    // All that reach the same share an IOAS; the one that reaches nothing has its own.
    assert_int_equal(eth->ioas, edu->ioas);
    assert_int_not_equal(eth->ioas, rtc->ioas);
    // The two halves of ram are one mapping.
    assert_int_equal(k->dmas, 2);
    assert_int_equal(k->dma[0].iova, 0x80000000);
    assert_int_equal(k->dma[0].size, 4 * MiB);
    assert_int_equal(eth->resets, 1);
    assert_int_equal(rtc->resets, 0);
    // Level: trigger, unmask, and once more so that what was asserted before fires again. Edge: trigger.
    assert_true(eth->trigger[0] >= 0 && eth->unmask[0] >= 0 && eth->trigger[1] >= 0 && eth->unmask[1] < 0);
    assert_int_equal(eth->rearmed, 1);
    assert_true(rtc->trigger[0] < 0);
    // Bus master and memory.
    assert_int_equal(edu->config[4], 6);
    assert_int_equal(x->emulated, 1);
    assert_int_equal(x->chips, 1);
    // Three of memory, a page of eth, two areas of each BAR; eth's small region, rtc, and the BARs' holes are trapped.
    assert_int_equal(x->placed, 3 + 1 + 2 + 2);
    assert_int_equal(x->trapped, 1 + 1 + 2);
    assert_int_equal(x->connected, 3);
    assert_true(mach_session_device_fd(x->session, 1) >= 0);
    assert_int_equal(mach_session_device_fd(x->session, 0), -ENXIO);
    assert_int_equal(mach_session_device_fd(x->session, 99), -ENXIO);
    stopped(x);
    assert_int_equal(eth->resets, 2);
    assert_int_equal(edu->config[4], 0);
    scene_free(x);
}

static void test_aia(void **state)
{
    (void)state;
    if (!HAVE_KVM)
        skip();
    struct scene *x = scene_new("aia");
    const struct fake_aia *a = &x->k->aia;
    started(x);
    assert_int_equal(a->ids, 255);
    assert_int_equal(a->sources, 96);
    assert_int_equal(a->hart_bits, 2); // three cpus
    assert_int_equal(a->guest_bits, 0);
    assert_int_equal(a->aplic, 0x8000000);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(a->imsic[i], 0x8200000 + i * 0x1000);
    assert_int_equal(x->k->irqfds, 2);
    assert_int_equal(x->k->routes, 0); // GSIs are its sources from the beginning
    stopped(x);
    scene_free(x);

    // Two pages for each cpu, as with a guest interrupt file.
    x = scene_new("aia");
    CFG_SET(x->c, chip_region, CHIP_REGION, 1, size, 3 * 0x2000);
    started(x);
    assert_int_equal(x->k->aia.guest_bits, 1);
    assert_int_equal(x->k->aia.imsic[2], 0x8204000);
    stopped(x);
    scene_free(x);

    static const struct {
        uint32_t ids, vcpus, number;
        const char *hint;
    } refused[] = {
        {64, 3, EINVAL, "its 96 lines with 255 messages may exceed what this host supports"},
        {256, 2, ENXIO, "the vcpus of the config must be made first"},
        {0, 3, ENODEV, "KVM of this host has no riscv-aia"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        x = scene_new("aia");
        x->k->aia.max_ids = refused[i].ids;
        x->k->aia.vcpus = refused[i].vcpus;
        assert_int_equal(scene_start(x), -1);
        assert_string_equal(x->error.step, "vmm");
        assert_int_equal(x->error.number, refused[i].number);
        if (!strstr(x->error.hint, refused[i].hint))
            fail_msg("%s", x->error.hint);
        scene_clean(x);
        scene_free(x);
    }
}

static void test_fsl_mc(void **state)
{
    (void)state;
    for (int kvm = 0; kvm < 1 + HAVE_KVM; kvm++) {
        struct scene *x = scene_new(kvm ? "fsl_mc_kvm" : "fsl_mc");
        struct fake_device *dprc = &x->k->device[0], *dpni = &x->k->device[1], *dpio = &x->k->device[2];
        started(x);
        for (uint32_t i = 0; i < 4; i++)
            assert_string_equal(x->k->device[i].driver, "vfio-fsl-mc");
        assert_int_equal(dprc->resets, 1);
        assert_int_equal(dpni->resets,
                         0); // VFIO offers that of a DPRC only, and resets the others when they are closed
        assert_true(dprc->trigger[0] >= 0 && dpni->trigger[0] >= 0 && dpio->trigger[0] >= 0);
        assert_true(dprc->unmask[0] < 0 && dpni->unmask[0] < 0);
        assert_int_equal(x->trapped, 2);
        // A command is 64 bytes, and nothing else is one.
        uint64_t command[8] = {0x8001, 1, 2, 3, 4, 5, 6, 7}, answer[8] = {0};
        assert_int_equal(mach_region_write(x->session, 0, 0, command, sizeof command), 0);
        assert_int_equal(mach_region_read(x->session, 0, 0, answer, sizeof answer), 0);
        assert_memory_equal(command, answer, sizeof command);
        assert_memory_equal(dprc->region[0].bytes, command, sizeof command);
        assert_int_equal(mach_region_read(x->session, 0, 0, answer, 8), -EINVAL);
        assert_int_equal(mach_region_read(x->session, 0, 8, answer, sizeof answer), -EINVAL);
        assert_int_equal(mach_region_write(x->session, 2, 0, command, sizeof command), -EINVAL); // it is mapped
        uint64_t size;
        assert_non_null(mach_session_region_ptr(x->session, 2, &size));
        assert_int_equal(size, 0x10000);
        stopped(x);
        assert_string_equal(dprc->driver, "fsl_mc_dprc");
        assert_string_equal(dpni->driver, "fsl_dpaa2_eth");
        assert_string_equal(x->k->device[3].driver, "");
        scene_free(x);
    }
    // Of no other device.
    struct scene *x = scene_new("group");
    started(x);
    uint8_t command[64] = {0};
    assert_int_equal(mach_region_write(x->session, 2, 0, command, sizeof command), -EINVAL);
    stopped(x);
    scene_free(x);
}

static void test_regions(void **state)
{
    (void)state;
    struct scene *x = scene_new("group");
    started(x);
    uint64_t size;
    uint32_t value;
    // Region 0 is the emulated UART's: not here. 1 and 2 are eth's: mapped, and read through the file.
    assert_null(mach_session_region_ptr(x->session, 0, &size));
    assert_int_equal(size, 0);
    assert_int_equal(mach_region_read(x->session, 0, 0, &value, 4), -ENXIO);
    uint32_t *p = mach_session_region_ptr(x->session, 1, &size);
    assert_non_null(p);
    assert_int_equal(size, 0x1000);
    for (size_t width = 1; width <= 8; width *= 2) {
        uint64_t in = UINT64_C(0x1122334455667788), out = 0;
        assert_int_equal(mach_region_write(x->session, 1, 8, &in, width), 0);
        assert_int_equal(mach_region_read(x->session, 1, 8, &out, width), 0);
        assert_memory_equal(&in, &out, width);
        assert_memory_equal(&p[2], &in, width);
        assert_int_equal(mach_region_write(x->session, 2, 0x100, &in, width), 0);
        assert_int_equal(mach_region_read(x->session, 2, 0x100, &out, width), 0);
        assert_memory_equal(&in, &out, width);
        assert_memory_equal(&x->k->device[0].region[1].bytes[0x100], &in, width);
    }
    assert_null(mach_session_region_ptr(x->session, 2, &size));
    assert_int_equal(size, 0x200);
    assert_int_equal(mach_region_read(x->session, 2, 0x200, &value, 4), -ERANGE);
    assert_int_equal(mach_region_read(x->session, 2, UINT64_MAX - 3, &value, 4), -ERANGE);
    assert_int_equal(mach_region_write(x->session, 99, 0, &value, 4), -ENXIO);
    // Region 4 has holes, 5 is a BAR that is not there.
    assert_null(mach_session_region_ptr(x->session, 4, &size));
    assert_int_equal(size, 0x8000);
    assert_int_equal(mach_region_write(x->session, 4, 0x4004, &(uint32_t){7}, 4), 0);
    assert_int_equal(mach_region_read(x->session, 5, 0, &value, 4), -ENXIO);
    stopped(x);
    scene_free(x);
}

static void test_nested(void **state)
{
    (void)state;
    struct scene *x = scene_new("files");
    started(x);
    uint64_t size;
    uint8_t *eth = mach_session_region_ptr(x->session, 0, &size), *phy = mach_session_region_ptr(x->session, 2, &size);
    assert_ptr_equal(phy, eth + 0x800);
    assert_int_equal(size, 0x100);
    const struct mach_memory *m = mach_session_memory(x->session, 3);
    assert_string_equal(m->name, "rom");
    assert_true(m->readonly);
    assert_null(mach_session_memory(x->session, 5));
    stopped(x);
    scene_free(x);
}

// A device without an IOMMU beside others that have one: a container of its own.
static struct scene *with_noiommu(uint32_t flags, const char *mode)
{
    struct scene *x = scene_new("group");
    x->k->noiommu_group = 4;
    fake_text(x->k, "/sys/kernel/iommu_groups/4/name", "vfio-noiommu\n", 13);
    fake_text(x->k, "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", mode, 2);
    CFG_SET(x->c, dma, DMA, 1, flags, flags);
    return x;
}

static void test_both_kinds(void **state)
{
    (void)state;
    struct scene *x;
    for (int cdev = 0; cdev < 2; cdev++) {
        x = with_noiommu(MACH_CFG_DMA_NO_IOMMU, "Y\n");
        x->k->has_iommufd = x->k->has_cdev = cdev; // which has no node for a device without an IOMMU
        started(x);
        assert_int_equal(mach_session_backend(x->session), cdev ? MACH_BACKEND_IOMMUFD : MACH_BACKEND_GROUP);
        assert_int_equal(x->k->dmas, 2); // those of the two that have an IOMMU
        assert_int_equal(x->k->dma[0].iommufd, cdev);
        stopped(x);
        scene_free(x);
    }
    x = with_noiommu(0, "Y\n"); // compiled for an IOMMU, which would be lost
    assert_int_equal(scene_start(x), -1);
    assert_string_equal(x->error.step, "group");
    assert_non_null(strstr(x->error.hint, "nothing would restrict its DMA"));
    scene_clean(x);
    scene_free(x);
    x = with_noiommu(MACH_CFG_DMA_NO_IOMMU, "N\n");
    assert_int_equal(scene_start(x), -1);
    assert_string_equal(x->error.step, "backend");
    assert_non_null(strstr(x->error.hint, "enable_unsafe_noiommu_mode"));
    scene_clean(x);
    scene_free(x);
}

// An interrupt that shares the line of another one needs nothing: VFIO is not asked for it.
static void test_shared_irq(void **state)
{
    (void)state;
    struct scene *x = scene_new("group");
    CFG_SET(x->c, irq, IRQ, 2, flags, MACH_CFG_IRQ_SHARED);
    CFG_SET(x->c, irq, IRQ, 2, number, 13);
    CFG_SET(x->c, irq, IRQ, 2, gsi, 13);
    started(x);
    assert_int_equal(mach_session_irq_fd(x->session, 1), x->k->device[0].trigger[0]);
    assert_true(x->k->device[0].trigger[0] >= 0);
    assert_int_equal(mach_session_irq_fd(x->session, 2), -ENXIO);
    assert_int_equal(x->k->device[0].trigger[1], -1);
    stopped(x);
    scene_free(x);
}

static void test_irqs(void **state)
{
    (void)state;
    struct scene *x = scene_new("group");
    started(x);
    // 0 is emulated, 1 level, 2 edge, 3 dropped.
    assert_int_equal(mach_session_irq_fd(x->session, 0), -ENXIO);
    assert_int_equal(mach_session_irq_fd(x->session, 1), x->k->device[0].trigger[0]);
    assert_int_equal(mach_session_irq_fd(x->session, 3), -ENXIO);
    assert_int_equal(mach_session_irq_fd(x->session, 99), -ENXIO);
    assert_int_equal(mach_session_irq_unmask(x->session, 1), 0);
    assert_int_equal(x->k->device[0].rearmed, 2);
    assert_int_equal(mach_session_irq_unmask(x->session, 2), 0);
    assert_int_equal(mach_session_irq_unmask(x->session, 3), -ENXIO);
    assert_int_equal(mach_session_rearm(x->session), 0);
    assert_int_equal(x->k->device[0].rearmed, 3);
    stopped(x);
    scene_free(x);
}

static void test_msi(void **state)
{
    (void)state;
    struct scene *x = scene_new("group");
    started(x);
    int fds[64];
    uint32_t granted;
    // Device 3 has INTx active: only one kind at a time. Device 4 has none.
    assert_int_equal(mach_session_msi_enable(x->session, 3, 1, 2, fds, &granted), -EINVAL);
    assert_int_equal(mach_session_msi_enable(x->session, 1, 1, 2, fds, &granted), -ENXIO);
    assert_int_equal(mach_session_msi_enable(x->session, 4, 1, 0, fds, &granted), -EINVAL);
    // Short: so many can be had, and none is armed.
    assert_int_equal(mach_session_msi_enable(x->session, 4, 1, 8, fds, &granted), -ENOSPC);
    assert_int_equal(granted, 6);
    x->k->device[3].grant = 4;
    assert_int_equal(mach_session_msi_enable(x->session, 4, 1, granted, fds, &granted), -ENOSPC);
    assert_int_equal(granted, 4);
    assert_int_equal(x->k->device[3].msi, 0);
    assert_int_equal(mach_session_msi_enable(x->session, 4, 1, granted, fds, &granted), 0);
    assert_int_equal(x->k->device[3].msi, 4);
    assert_int_equal(mach_session_msi_enable(x->session, 4, 0, 1, fds, &granted), -EBUSY);
    assert_int_equal(mach_session_msi_disable(x->session, 4), 0);
    assert_int_equal(x->k->device[3].msi, 0);
    assert_int_equal(mach_session_msi_enable(x->session, 4, 0, 2, fds, &granted), 0);
    stopped(x); // what is on is switched off
    scene_free(x);
    // A function that does no DMA of its own is a bus master as long as it has MSIs, and no longer.
    x = scene_new("noiommu");
    started(x);
    const uint8_t *command = &x->k->device[2].config[4];
    assert_int_equal(*command & 4, 0);
    assert_int_equal(mach_session_msi_enable(x->session, 2, 1, 2, fds, &granted), 0);
    assert_string_equal(x->k->wrong, "");
    assert_int_equal(*command & 4, 4);
    assert_int_equal(mach_session_msi_disable(x->session, 2), 0);
    assert_int_equal(*command & 4, 0);
    assert_int_equal(mach_session_msi_enable(x->session, 2, 1, 2, fds, &granted), 0);
    stopped(x);
    assert_int_equal(*command, 0);
    scene_free(x);
}

// `irq msi to ...`: its first vector is a line of the guest's.
static void test_linked_msi(void **state)
{
    (void)state;
    int fds[2];
    uint32_t granted;
    for (uint32_t kind = 1; kind <= 2; kind++) {
        // Without DMA, so that nothing else makes it a bus master.
        struct scene *x = scene_new("noiommu");
        uint32_t q = cfg_irq(x->c, MACH_CFG_IRQ_DEVICE, 61, false);
        CFG_SET(x->c, irq, IRQ, q, index, kind);
        started(x);
        struct fake_device *d = &x->k->device[2];
        assert_int_equal(d->msi, 1);
        assert_int_equal(d->msi_index, kind);
        assert_int_equal(d->config[4] & 4, 4);
        assert_true(mach_session_irq_fd(x->session, q) >= 0);
        // The vectors are the config's.
        assert_int_equal(mach_session_msi_enable(x->session, 2, 1, 2, fds, &granted), -EBUSY);
        stopped(x);
        assert_int_equal(d->msi, 0);
        assert_int_equal(d->config[4], 0);
        scene_free(x);
    }
    // One vector that cannot be had.
    struct scene *x = scene_new("noiommu");
    uint32_t q = cfg_irq(x->c, MACH_CFG_IRQ_DEVICE, 61, false);
    CFG_SET(x->c, irq, IRQ, q, index, 1);
    x->k->device[2].vectors = 0;
    assert_int_equal(scene_start(x), -1);
    assert_string_equal(x->error.step, "irq");
    scene_clean(x);
    scene_free(x);
}

static void test_pci_space(void **state)
{
    (void)state;
    struct scene *x = scene_new("group");
    started(x);
    uint32_t v = 0;
    uint8_t *config = x->k->device[3].config;
    assert_int_equal(mach_pci_write(x->session, 4, 0x10, 4, 0x12345678), 0);
    assert_int_equal(config[0x10], 0x78); // little-endian, whatever the host is
    assert_int_equal(config[0x13], 0x12);
    assert_int_equal(mach_pci_write(x->session, 4, 0x13, 1, 0xab), 0);
    assert_int_equal(mach_pci_read(x->session, 4, 0x12, 2, &v), 0);
    assert_int_equal(v, 0xab34);
    assert_int_equal(mach_pci_read(x->session, 4, 0x10, 4, &v), 0);
    assert_int_equal(v, 0xab345678);
    assert_int_equal(mach_pci_read(x->session, 4, 0x10, 8, &v), -EINVAL);
    assert_int_equal(mach_pci_read(x->session, 4, 0x11, 2, &v), -EINVAL);
    assert_int_equal(mach_pci_read(x->session, 4, 256, 4, &v), -ERANGE);
    assert_int_equal(mach_pci_write(x->session, 4, 0xfffffffc, 4, 0), -ERANGE);
    assert_int_equal(mach_pci_read(x->session, 1, 0x10, 4, &v), -ENXIO);
    assert_int_equal(mach_pci_read(x->session, 99, 0x10, 4, &v), -ENXIO);
    x->k->fail_at = x->k->calls + 1;
    x->k->fail_with = -EIO;
    assert_int_equal(mach_pci_read(x->session, 4, 0x10, 4, &v), -EIO);
    x->k->fail_at = x->k->calls + 1;
    x->k->fail_with = 1;
    assert_int_equal(mach_pci_write(x->session, 4, 0x10, 4, 0), -EIO);
    x->k->fail_at = 0;
    stopped(x);
    scene_free(x);
}

static void test_uio(void **state)
{
    (void)state;
    struct scene *x = scene_new("raw_vmm");
    started(x);
    struct fake *k = x->k;
    int uio = -1;
    for (int i = 0; i < FAKE_FILES; i++)
        if (k->file[i].open && k->file[i].kind == 'u')
            uio = i;
    assert_true(uio >= 0);
    // It fires: the thread brings it to the guest's eventfd, and enables it again.
    uint64_t one = 1, n = 0;
    assert_int_equal(write(k->file[uio].real, &one, sizeof one), sizeof one);
    int event = k->file[mach_session_irq_fd(x->session, 0)].real;
    for (int i = 0; i < 2000 && read(event, &n, sizeof n) != sizeof n; i++)
        usleep(1000);
    assert_int_equal(n, 1);
    stopped(x);
    scene_free(x);
}

static const char *const command_high = "/sys/dev/char/245:3/device/config";

static uint8_t *config_of(struct fake *k)
{
    for (uint32_t i = 0; i < k->texts; i++)
        if (!strcmp(k->text[i].path, command_high))
            return (uint8_t *)k->text[i].data;
    return NULL;
}

// uio_pci_generic has no irqcontrol: it sets INTx Disable, bit 2 of byte 5, and user space clears it.
static void test_uio_pci(void **state)
{
    (void)state;
    struct scene *x = scene_new("raw_vmm");
    struct fake *k = x->k;
    k->no_irqcontrol = true;
    // The name of the file is a link; the device says which function it is.
    fake_link(k, "/dev/uio0", "/dev/uio3");
    fake_text(k, command_high, "\x34\x12\xe8\x11\xff\xff\0\0", 8);
    started(x);
    assert_int_equal(config_of(k)[5], 0xfb);
    int uio = -1;
    for (int i = 0; i < FAKE_FILES && uio < 0; i++) // a second one holds the lock, under the device's own name
        if (k->file[i].open && k->file[i].kind == 'u')
            uio = i;
    assert_true(uio >= 0);
    int event = k->file[mach_session_irq_fd(x->session, 0)].real;
    for (int round = 0; round < 3; round++) {
        uint64_t one = 1, n = 0;
        pthread_mutex_lock(&k->lock);
        config_of(k)[5] = 0xff;
        pthread_mutex_unlock(&k->lock);
        assert_int_equal(write(k->file[uio].real, &one, sizeof one), sizeof one);
        uint8_t high = 0xff;
        for (int i = 0; i < 2000 && high == 0xff; i++) {
            usleep(1000);
            pthread_mutex_lock(&k->lock);
            high = config_of(k)[5];
            pthread_mutex_unlock(&k->lock);
        }
        assert_int_equal(high, 0xfb);
        assert_int_equal(read(event, &n, sizeof n), sizeof n);
        assert_int_equal(n, 1);
    }
    assert_int_equal(config_of(k)[4], 0xff);
    stopped(x);
    scene_free(x);

    // Any other driver without irqcontrol leaves its interrupt enabled.
    x = scene_new("raw_vmm");
    x->k->no_irqcontrol = true;
    started(x);
    stopped(x);
    scene_free(x);
}

static void test_guest_iommu(void **state)
{
    (void)state;
    for (int cdev = 0; cdev < 2; cdev++) {
        struct scene *x = scene_new("guest_iommu");
        x->k->has_iommufd = x->k->has_cdev = cdev;
        started(x);
        const struct mach_memory *m;
        m = mach_session_memory(x->session, 0);
        uint8_t *host = m->at;
        uint64_t gone = 7, first[4], last[4];
        x->k->map[0].populated = x->k->map[0].size; // the VMM's to see to
        assert_int_equal(mach_dma_ranges(x->session, 0, first, last, 4), 2);
        assert_int_equal(last[0], 0x7ffffff);
        assert_int_equal(mach_dma_map(x->session, 0, 0x10000, 0x3000, host, MACH_DMA_READ), 0);
        // What is there already is refused, the same again as well; the other device has a space of its own.
        assert_int_equal(mach_dma_map(x->session, 0, 0x10000, 0x3000, host, MACH_DMA_READ), -EEXIST);
        assert_int_equal(mach_dma_map(x->session, 0, 0x12000, 0x3000, host, MACH_DMA_READ), -EEXIST);
        assert_int_equal(mach_dma_map(x->session, 0, 0x10000, 0x3000, host, MACH_DMA_WRITE), -EEXIST);
        assert_int_equal(mach_dma_map(x->session, 1, 0x12000, 0x3000, host, 3), 0);
        assert_int_equal(mach_dma_map(x->session, 0, 0x8000000, 0x1000, host, 1), -ERANGE);
        assert_int_equal(mach_dma_map(x->session, 0, 0x100, 0x1000, host, 1), -EINVAL);
        assert_int_equal(mach_dma_map(x->session, 0, 0, 0, host, 1), -EINVAL);
        assert_int_equal(mach_dma_map(x->session, 0, 0, 0x1000, host + 1, 1), -EINVAL);
        assert_int_equal(mach_dma_map(x->session, 0, 0, 0x1000, host, 0), -EINVAL);
        assert_int_equal(mach_dma_map(x->session, 9, 0, 0x1000, host, 1), -EINVAL);
        // Unmapping: nothing there is fine, half of one is not. The same on both.
        assert_int_equal(mach_dma_unmap(x->session, 0, 0x100000, 0x1000, &gone), 0);
        assert_int_equal(gone, 0);
        assert_int_equal(mach_dma_unmap(x->session, 0, 0x11000, 0x1000, &gone), -EINVAL);
        assert_int_equal(mach_dma_unmap(x->session, 0, 0, 0x11000, &gone), -EINVAL);
        assert_int_equal(mach_dma_map(x->session, 0, 0x20000, 0x1000, host, MACH_DMA_READ), 0);
        assert_int_equal(mach_dma_unmap(x->session, 0, 0x10000, 0x3000, &gone), 0);
        assert_int_equal(gone, 0x3000);
        assert_int_equal(mach_dma_unmap(x->session, 0, 0, UINT64_C(1) << 40, &gone), 0);
        assert_int_equal(gone, 0x1000);
        assert_int_equal(x->k->dmas, 1);
        for (uint32_t i = 0; i < 100; i++)
            assert_int_equal(mach_dma_map(x->session, 0, (i * 37 % 100) * 0x2000, 0x1000, host, 3), 0);
        assert_int_equal(mach_dma_unmap(x->session, 0, 0, 0x2000 * 50, &gone), 0);
        assert_int_equal(gone, 50 * 0x1000);
        stopped(x);
        scene_free(x);
    }
}

// Much memory: by several threads, a call for each.
static void test_populate(void **state)
{
    (void)state;
    struct scene *x = scene_new("group");
    CFG_SET(x->c, memory, MEMORY, 2, address, 0xd0000000);
    CFG_SET(x->c, memory, MEMORY, 1, address, 0xc0000000);
    for (uint32_t i = 1; i < x->c->count[MACH_CFG_S_DMA_MAP]; i += 2)
        CFG_SET(x->c, dma_map, DMA_MAP, i, iova, 0xc0000000);
    CFG_SET(x->c, memory, MEMORY, 0, size, UINT64_C(400) * MiB);
    x->options.threads = 4;
    started(x);
    assert_int_equal(x->k->map[0].populated, UINT64_C(400) * MiB);
    unsigned calls = 0;
    for (uint32_t i = 1; i <= x->k->calls; i++)
        calls += !strcmp(x->k->trace[i], "madvise");
    assert_int_equal(calls, 4 + 1); // and one for the huge pages
    stopped(x);
    scene_free(x);
    x = scene_new("group");
    x->options.flags = MACH_NO_POPULATE;
    assert_int_equal(scene_start(x), 0);
    assert_string_equal(x->k->wrong, "memory is mapped for DMA before it is populated");
    assert_int_equal(scene_stop(x), 0);
    scene_free(x);
}

// What is asked for while the session runs fails at every call: it leaves the session as it was.
static void test_later_faults(void **state)
{
    (void)state;
    unsigned injected = 0;
    for (int cdev = 0; cdev < 2; cdev++) {
        for (uint32_t nth = 1;; nth++) {
            struct scene *x = scene_new("guest_iommu");
            x->k->has_iommufd = x->k->has_cdev = cdev;
            started(x);
            const struct mach_memory *m;
            int fds[8];
            uint32_t granted;
            uint64_t gone = 0;
            m = mach_session_memory(x->session, 0);
            x->k->map[0].populated = x->k->map[0].size;
            x->k->fail_at = x->k->calls + nth;
            x->k->fail_with = -ENOMEM;
            int r = mach_session_msi_enable(x->session, 1, 1, 4, fds, &granted);
            r = r ? r : mach_dma_map(x->session, 0, 0x10000, 0x1000, m->at, 3);
            r = r ? r : mach_dma_unmap(x->session, 0, 0x10000, 0x1000, &gone);
            r = r ? r : mach_session_rearm(x->session);
            bool hit = x->k->failed;
            x->k->fail_at = 0;
            injected += hit;
            assert_int_equal(r, hit ? -ENOMEM : 0);
            stopped(x);
            scene_free(x);
            if (!hit)
                break;
        }
    }
    printf("faults while running: %u injected\n", injected);
    assert_true(injected > 12);
}

// The call count of docs/runtime.md: what a session may cost.
static void test_budget(void **state)
{
    (void)state;
    for (int cdev = 0; cdev < 2; cdev++) {
        struct fake *k = fake_new();
        struct cfg *c = cfg_new(MACH_CFG_ARCH_ARM64, MACH_CFG_IOMMU_SMMU);
        cfg_chip(c, "", 96, MACH_CFG_NONE64, MACH_CFG_NONE64);
        cfg_memory(c, "ram", MACH_CFG_BACKING_ANONYMOUS, 0x80000000, 4 * MiB, 0);
        struct fake_device *d = fake_add(k, "platform", "1.eth", "vfio-platform", 3);
        d->flags = VFIO_DEVICE_FLAGS_PLATFORM;
        fake_region(d, 0, 0x1000, 7);
        fake_region(d, 1, 0x1000, 7);
        fake_registers(k, "platform", "1.eth", 0, 0x1000, 0x1000, 0x1000);
        d->nirqs = 2;
        d->irq_flags[0] = 7;
        d->irq_flags[1] = 1;
        cfg_device(c, "eth", MACH_CFG_DEVICE_PLATFORM, "1.eth", MACH_CFG_RESET_IF_POSSIBLE);
        cfg_region(c, MACH_CFG_REGION_MAP, 0, 0x1000, 0);
        cfg_region(c, MACH_CFG_REGION_MAP, 0x1000, 0x1000, 0x1000);
        cfg_irq(c, MACH_CFG_IRQ_DEVICE, 1, true);
        cfg_irq(c, MACH_CFG_IRQ_DEVICE, 2, false);
        cfg_dma(c, MACH_CFG_DMA_ALL);
        cfg_map(c, 0, 0, 4 * MiB, 0x80000000);
        k->has_iommufd = k->has_cdev = cdev;
        fake_text(k, "/dev/mem", "", 0);
        struct mach_options o = {.size = sizeof o, .sys = &k->sys, .threads = 1};
        struct mach_config *config = cfg_open(c);
        struct mach_session *s;
        struct mach_error e = MACH_ERROR_INIT;
        assert_int_equal(mach_session_start(config, &o, NULL, NULL, &s, &e), 0);
        uint32_t device = 5, claims = 1 + 2, window = 1, regions = 2 * 2, level = 2 + 2 + 1, edge = 1 + 1, memory = 4;
        // The checks: device info, IOMMU info, an interrupt's info each; of a container its version and its type.
        uint32_t checks = 1 + 1 + 2 + (cdev ? 0 : 2);
        assert_int_equal(k->counted, device + claims + window + regions + level + edge + memory + checks);
        printf("system calls, %s: %u, of them %u checks\n", cdev ? "iommufd" : "group", k->counted, checks);
        assert_int_equal(mach_session_stop(s, &e), 0);
        mach_config_close(config);
        cfg_free(c);
        assert_string_equal(fake_left(k), "");
        fake_free(k);
    }
}

static void refused(struct scene *x, const char *step, const char *hint)
{
    assert_int_equal(scene_start(x), -1);
    assert_string_equal(x->error.step, step);
    if (!strstr(x->error.hint, hint))
        fail_msg("\"%s\" is not in: %s", hint, x->error.hint);
    scene_clean(x);
    scene_free(x);
}

// What the real kernel refuses without saying why.
static void test_hints(void **state)
{
    (void)state;
    struct scene *x = scene_new("iommufd");
    x->k->device[0].not_isolated = true;
    refused(x, "open", "iommufd.allow_unsafe_interrupts=1");
    x = scene_new("group");
    x->k->device[0].not_isolated = true;
    refused(x, "open", "vfio_iommu_type1.allow_unsafe_interrupts=1");
    x = scene_new("noiommu");
    x->k->device[0].refuses = x->k->device[0].no_group = true;
    refused(x, "bind", "vfio.enable_unsafe_noiommu_mode=1");
}

// sysfs where its path is long: what does not fit is an error, and nothing is cut off.
static struct {
    struct mach_sys sys; // the fake's
    char path[454];
} far_away;

static const char *near_path(const char *path)
{
    static char near[512];
    size_t n = strlen(far_away.path);
    if (strncmp(path, far_away.path, n))
        return path;
    snprintf(near, sizeof near, "/sys%s", path + n);
    return near;
}

static int far_open(void *o, const char *path, int flags)
{
    return far_away.sys.open(o, near_path(path), flags);
}
static int64_t far_readlink(void *o, const char *path, char *to, size_t size)
{
    return far_away.sys.readlink(o, near_path(path), to, size);
}
static int64_t far_read_file(void *o, const char *path, void *to, size_t size)
{
    return far_away.sys.read_file(o, near_path(path), to, size);
}
static int far_write_file(void *o, const char *path, const char *text)
{
    return far_away.sys.write_file(o, near_path(path), text);
}
static int far_list(void *o, const char *path, int (*each)(void *, const char *, int), void *arg)
{
    return far_away.sys.list(o, near_path(path), each, arg);
}
static int far_access(void *o, const char *path, int mode)
{
    return far_away.sys.access(o, near_path(path), mode);
}

static void test_long_paths(void **state)
{
    (void)state;
    for (int longer = 0; longer < 2; longer++) {
        struct scene *x = scene_new("group");
        far_away.sys = x->k->sys;
        memset(far_away.path, 'x', sizeof far_away.path - 1);
        *far_away.path = '/';
        x->k->sys.sysfs = far_away.path;
        x->k->sys.open = far_open;
        x->k->sys.readlink = far_readlink;
        x->k->sys.read_file = far_read_file;
        x->k->sys.write_file = far_write_file;
        x->k->sys.list = far_list;
        x->k->sys.access = far_access;
        x->options.flags |= MACH_NO_PROOF;
        // "/bus/platform/drivers/", this, "/unbind" are the longest that is needed.
        strcpy(x->k->device[0].driver, longer ? "of-the-ethernets-of-layerscape" : "of-the-ethernets-of-qoriq-soc");
        strcpy(x->k->device[0].natural, x->k->device[0].driver);
        if (longer) {
            assert_int_equal(scene_start(x), -1);
            assert_string_equal(x->error.step, "bind");
            assert_int_equal(x->error.number, ENAMETOOLONG);
        } else {
            started(x);
            stopped(x);
        }
        scene_clean(x);
        scene_free(x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_scene), cmocka_unit_test(test_backends),     cmocka_unit_test(test_what_was_done),
        cmocka_unit_test(test_aia),         cmocka_unit_test(test_fsl_mc),       cmocka_unit_test(test_regions),
        cmocka_unit_test(test_nested),      cmocka_unit_test(test_irqs),         cmocka_unit_test(test_shared_irq),
        cmocka_unit_test(test_both_kinds),  cmocka_unit_test(test_msi),          cmocka_unit_test(test_linked_msi),
        cmocka_unit_test(test_pci_space),   cmocka_unit_test(test_uio),          cmocka_unit_test(test_uio_pci),
        cmocka_unit_test(test_guest_iommu), cmocka_unit_test(test_later_faults), cmocka_unit_test(test_populate),
        cmocka_unit_test(test_budget),      cmocka_unit_test(test_hints),        cmocka_unit_test(test_long_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
