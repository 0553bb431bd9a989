// SPDX-License-Identifier: MIT
/*
 * The VMM of docs/runtime.md that has everything already, on the fake kernel: memory slots, kvm-vfio, a controller and
 * routes. And mach_session_prepare(), _load(), _at(), _access(), mach_config_vm(), _gsis() by themselves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scenes.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#ifdef MACHRT_HAVE_KVM
#include "existing.c"
#include "uapi/kvm_attrs.h"

// dtc's output of: / { #address-cells = <2>; #size-cells = <2>; model = "existing"; memory@80000000 {
// linux,initrd-start = <1>; }; chosen { bootargs = "console"; linux,initrd-start = <0x0 0x80100000>; linux,initrd-end =
// <0x0 0x80180000>; }; };
static const uint8_t tree[] = {
    0xd0, 0x0d, 0xfe, 0xed, 0x00, 0x00, 0x01, 0x42, 0x00, 0x00, 0x00, 0x38, 0x00, 0x00, 0x00, 0xf4, 0x00, 0x00, 0x00,
    0x28, 0x00, 0x00, 0x00, 0x11, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x4e, 0x00, 0x00,
    0x00, 0xbc, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x0f, 0x00, 0x00, 0x00,
    0x02, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x09, 0x00, 0x00, 0x00, 0x1b, 0x65, 0x78, 0x69, 0x73, 0x74, 0x69,
    0x6e, 0x67, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 0x40, 0x38, 0x30,
    0x30, 0x30, 0x30, 0x30, 0x30, 0x30, 0x00, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x21,
    0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x01, 0x63, 0x68, 0x6f, 0x73, 0x65, 0x6e, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x08, 0x00, 0x00, 0x00, 0x34, 0x63, 0x6f, 0x6e, 0x73, 0x6f, 0x6c,
    0x65, 0x00, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x08, 0x00, 0x00, 0x00, 0x21, 0x00, 0x00, 0x00, 0x00, 0x80,
    0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x08, 0x00, 0x00, 0x00, 0x3d, 0x00, 0x00, 0x00, 0x00,
    0x80, 0x18, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x09, 0x23, 0x61, 0x64,
    0x64, 0x72, 0x65, 0x73, 0x73, 0x2d, 0x63, 0x65, 0x6c, 0x6c, 0x73, 0x00, 0x23, 0x73, 0x69, 0x7a, 0x65, 0x2d, 0x63,
    0x65, 0x6c, 0x6c, 0x73, 0x00, 0x6d, 0x6f, 0x64, 0x65, 0x6c, 0x00, 0x6c, 0x69, 0x6e, 0x75, 0x78, 0x2c, 0x69, 0x6e,
    0x69, 0x74, 0x72, 0x64, 0x2d, 0x73, 0x74, 0x61, 0x72, 0x74, 0x00, 0x62, 0x6f, 0x6f, 0x74, 0x61, 0x72, 0x67, 0x73,
    0x00, 0x6c, 0x69, 0x6e, 0x75, 0x78, 0x2c, 0x69, 0x6e, 0x69, 0x74, 0x72, 0x64, 0x2d, 0x65, 0x6e, 0x64, 0x00,
};
static const uint8_t tree_sha256[] = {
    0x66, 0x9a, 0x43, 0x78, 0x20, 0xea, 0x99, 0x8f, 0x73, 0x55, 0xb0, 0xb9, 0xcc, 0x17, 0x7e, 0xab,
    0x4c, 0xfc, 0xdf, 0x14, 0x13, 0xfc, 0xf7, 0xb0, 0x09, 0xd9, 0xe2, 0x70, 0x75, 0xd7, 0x88, 0xc6,
};

enum { IMAGE = 0x9000, OWN_SLOTS = 3 };

static struct scene *scene;
static uint8_t image[IMAGE];
static struct mach_gsi routed[16];
static uint32_t routes_made;
static const char *has_class;

int vmm_emulates(struct vmm *v, const char *class_name, uint64_t address, uint32_t gsi)
{
    (void)v;
    return !strcmp(class_name, has_class) && address == 0x9000000 && gsi == 32;
}

int vmm_routes(struct vmm *v, const struct mach_gsi *gsi, uint32_t n)
{
    struct kvm_irq_routing none = {.nr = 0};
    assert_true(n <= 16);
    routes_made = n;
    memcpy(routed, gsi, n * sizeof *gsi);
    return scene->k->sys.ioctl(scene->k, v->vm, KVM_SET_GSI_ROUTING, &none);
}

static int make_device(struct vmm *v, uint32_t type)
{
    struct kvm_create_device c = {.type = type};
    assert_int_equal(scene->k->sys.ioctl(scene->k, v->vm, KVM_CREATE_DEVICE, &c), 0);
    return (int)c.fd;
}

// What the VMM has before it hears of a config.
static struct vmm begin(const char *class_name)
{
    scene = scene_new("kvm");
    struct vmm v = {.vm = fake_vm(scene->k), .slots = OWN_SLOTS};
    has_class = class_name;
    v.vfio = make_device(&v, KVM_DEV_TYPE_VFIO);
    for (uint32_t i = 0; i < OWN_SLOTS; i++) {
        struct kvm_userspace_memory_region m = {
            .slot = i, .guest_phys_addr = UINT64_C(0x100000000) + i * MiB, .memory_size = MiB};
        assert_int_equal(scene->k->sys.ioctl(scene->k, v.vm, KVM_SET_USER_MEMORY_REGION, &m), 0);
    }
    scene->c->tree_sha256 = tree_sha256;
    scene->c->tree_size = sizeof tree;
    v.config = cfg_open(scene->c);
    return v;
}

static void end(struct vmm *v)
{
    assert_int_equal(mach_session_stop(v->session, NULL), 0);
    // What is the VMM's is as it was.
    assert_true(scene->k->file[v->vfio].open);
    assert_int_equal(scene->k->slots, OWN_SLOTS);
    assert_int_equal(scene->k->irqfds, 0);
    assert_string_equal(scene->k->wrong, "");
    mach_config_close(v->config);
    scene_free(scene);
}

static void make_image(void)
{
    memset(image, 0x11, sizeof image);
    memset(image, 0, 64);
    image[9] = 0x10; // text_offset 0x1000
    image[18] = 1;   // image_size 0x10000
    memcpy(image + 56, "ARMd", 4);
}

static int prepare(struct vmm *v, struct mach_load *load, struct mach_error *e)
{
    static uint8_t copy[sizeof tree];
    make_image();
    memcpy(copy, tree, sizeof tree);
    *load = (struct mach_load){
        .size = sizeof *load, .kernel = image, .kernel_size = IMAGE, .initramfs = "cpio", .initramfs_size = 4};
    v->kvm.sys = NULL;
    return vmm_prepare(v, load, copy, sizeof copy, e);
}

static void test_start(void **state)
{
    (void)state;
    struct vmm v = begin("ns16550a");
    struct mach_error e = MACH_ERROR_INIT;
    struct mach_load load;
    struct mach_vm vm = {.size = sizeof vm};
    assert_int_equal(mach_config_vm(v.config, &vm), 0);
    if (prepare(&v, &load, &e))
        fail_msg("%s: %s: %s", e.step, e.object, e.hint);
    // Memory is there and loaded; no device was opened, and KVM knows nothing of it yet.
    assert_int_equal(load.entry, 0x80001000);
    assert_int_equal(load.dtb, 0x80200000);
    assert_memory_equal(mach_session_at(v.session, 0x80001000, IMAGE, 1), image, IMAGE);
    assert_memory_equal(mach_session_at(v.session, 0x80200000, sizeof tree, 0), tree, sizeof tree);
    assert_memory_equal(mach_session_at(v.session, 0x80100000, 5, 0), "cpio", 5);
    assert_int_equal(scene->k->slots, OWN_SLOTS);
    assert_int_equal(mach_session_device_fd(v.session, 1), -ENXIO);
    // The controller, with the places that KVM does not have by default.
    int gic = make_device(&v, KVM_DEV_TYPE_ARM_VGIC_V3);
    struct kvm_device_attr init = {.group = VGIC_GRP_CTRL, .attr = VGIC_CTRL_INIT};
    assert_int_equal(scene->k->sys.ioctl(scene->k, gic, KVM_SET_DEVICE_ATTR, &init), 0);
    if (mach_session_connect(v.session, &e))
        fail_msg("%s: %s: %s", e.step, e.object, e.hint);
    assert_int_equal(mach_session_connect(v.session, &e), -EALREADY);
    // Slots behind the VMM's own; sparse areas take more than mach_config_vm() can know.
    assert_int_equal(scene->k->slots, OWN_SLOTS + mach_session_slots(v.session));
    assert_true(mach_session_slots(v.session) >= 3);
    for (uint32_t i = 0; i < scene->k->slots; i++)
        assert_true(scene->k->slot[i].slot < OWN_SLOTS + mach_session_slots(v.session));
    assert_int_equal(scene->k->irqfds, 3);
    // Its routes: once, each GSI once and rising, also the UART's.
    assert_int_equal(scene->k->routes, 1);
    assert_int_equal(routes_made, vm.gsis);
    bool uart = false;
    for (uint32_t i = 0; i < routes_made; i++) {
        assert_true(!i || routed[i].gsi > routed[i - 1].gsi);
        uart = uart || (routed[i].gsi == 32 && routed[i].line == 32 && routed[i].level);
    }
    assert_true(uart);
    // Trapped registers, by guest address.
    uint32_t value = 0x44332211, got = 0;
    assert_int_equal(mach_session_access(v.session, 0x1af1004, &value, 4, 1), 0);
    assert_int_equal(mach_session_access(v.session, 0x1af1004, &got, 4, 0), 0);
    assert_int_equal(got, value);
    assert_int_equal(mach_session_access(v.session, 0x1af1200, &got, 4, 0), -ENXIO);
    assert_int_equal(got, 0xffffffff);
    assert_int_equal(mach_session_access(v.session, 0x1af11fe, &got, 4, 0), -ERANGE);
    end(&v);
}

// A UART that the VMM has elsewhere, or not at all: it is told before the guest waits for it.
static void test_no_device(void **state)
{
    (void)state;
    struct vmm v = begin("pl011");
    struct mach_error e = MACH_ERROR_INIT;
    struct mach_load load;
    assert_int_equal(prepare(&v, &load, &e), 0);
    int gic = make_device(&v, KVM_DEV_TYPE_ARM_VGIC_V3);
    struct kvm_device_attr init = {.group = VGIC_GRP_CTRL, .attr = VGIC_CTRL_INIT};
    assert_int_equal(scene->k->sys.ioctl(scene->k, gic, KVM_SET_DEVICE_ATTR, &init), 0);
    assert_int_equal(mach_session_connect(v.session, &e), -ENOTSUP);
    assert_string_equal(e.step, "vmm");
    assert_string_equal(e.object, "device uart");
    assert_int_equal(scene->k->slots, OWN_SLOTS);
    assert_non_null(mach_session_memory(v.session, 0)->at);
    assert_int_equal(mach_session_connect(v.session, &e), -EALREADY);
    end(&v);
}

static int refuse_place(void *opaque, const struct mach_place *p)
{
    (void)p;
    return *(int *)opaque;
}

// An address that the VM does not have: the error says what it has to have.
static void test_address_bits(void **state)
{
    (void)state;
    int r = -EFAULT;
    scene = scene_new("kvm");
    scene->ops = (struct mach_ops){.size = sizeof scene->ops, .place = refuse_place};
    struct mach_kvm kvm = {
        .size = sizeof kvm, .vm = fake_vm(scene->k), .sys = &scene->k->sys, .own = &scene->ops, .own_opaque = &r};
    struct mach_config *config = cfg_open(scene->c);
    struct mach_session *s;
    struct mach_error e = MACH_ERROR_INIT;
    struct mach_vm vm = {.size = sizeof vm};
    assert_int_equal(mach_config_vm(config, &vm), 0);
    assert_int_equal(vm.address_bits, 32); // 0xa0000000 and 1 MiB
    const struct mach_options o = {.size = sizeof o, .sys = &scene->k->sys, .flags = MACH_ACCESS};
    assert_int_equal(mach_session_start(config, &o, mach_kvm_ops(), &kvm, &s, &e), -EFAULT);
    assert_non_null(strstr(e.hint, "guest addresses of 32 bits"));
    r = -EINVAL;
    assert_int_equal(mach_session_start(config, &o, mach_kvm_ops(), &kvm, &s, &e), -EINVAL);
    assert_null(strstr(e.hint, "bits"));
    mach_config_close(config);
    scene_free(scene);
}

static int files;

static int take_file(void *opaque, int fd)
{
    (void)opaque;
    assert_true(scene->k->file[fd].open);
    files++;
    return 0;
}

static void give_file_back(void *opaque, int fd)
{
    (void)opaque;
    assert_true(scene->k->file[fd].open);
    files--;
}

// A VMM that does all of it: KVM is asked for nothing, and what the VMM did is undone by the VMM.
static void test_own_first(void **state)
{
    (void)state;
    scene = scene_new("group");
    scene->ops.device_file = take_file;
    scene->ops.device_file_undo = give_file_back;
    struct mach_kvm kvm = {
        .size = sizeof kvm, .vm = -1, .sys = &scene->k->sys, .own = &scene->ops, .own_opaque = scene};
    struct mach_config *config = cfg_open(scene->c);
    struct mach_session *s;
    struct mach_error e = MACH_ERROR_INIT;
    const struct mach_options o = {.size = sizeof o, .sys = &scene->k->sys};
    if (mach_session_start(config, &o, mach_kvm_ops(), &kvm, &s, &e))
        fail_msg("%s: %s: %s", e.step, e.object, e.hint);
    assert_true(scene->placed >= 3 && scene->connected == 3 && scene->chips == 1 && scene->emulated == 1 && files > 0);
    assert_true(scene->trapped > 0);
    assert_true(!scene->k->slots && !scene->k->irqfds && !scene->k->routes && kvm.irqchip <= 0 && kvm.vfio <= 0);
    assert_int_equal(mach_session_stop(s, &e), 0);
    assert_true(!scene->placed && !scene->connected && !scene->chips && !scene->emulated && !scene->trapped && !files);
    assert_string_equal(scene->k->wrong, "");
    mach_config_close(config);
    scene_free(scene);
}

/* ---- loading ---- */

static void cannot_load(struct mach_session *s, struct mach_load *l, const void *t, size_t n, int result,
                        const char *object, const char *hint)
{
    struct mach_error e = MACH_ERROR_INIT;
    assert_int_equal(mach_session_load(s, l, t, n, &e), result);
    if (strcmp(e.object, object) || !strstr(e.hint, hint))
        fail_msg("%s: %s", e.object, e.hint);
}

static void test_load(void **state)
{
    (void)state;
    struct vmm v = begin("ns16550a");
    struct mach_error e = MACH_ERROR_INIT;
    struct mach_load load, bad;
    static uint8_t other[sizeof tree];
    assert_int_equal(prepare(&v, &load, &e), 0);
    uint8_t *ram = mach_session_at(v.session, 0x80000000, 4 * MiB, 1);
    // Not one byte beyond, nor of memory that is not there.
    assert_non_null(ram);
    assert_null(mach_session_at(v.session, 0x80000000, 4 * MiB + 1, 0));
    assert_null(mach_session_at(v.session, 0x80000000 - 1, 1, 0));
    assert_null(mach_session_at(v.session, 0x80400000, 0, 0));
    assert_non_null(mach_session_at(v.session, 0x90000000, 2 * MiB, 1));
    // The rest of the initramfs's place is zeros, to its last byte, and what follows is left alone.
    memset(ram + MiB, 0x5a, MiB);
    assert_int_equal(mach_session_load(v.session, &load, tree, sizeof tree, &e), 0);
    assert_int_equal(ram[MiB + 4], 0);
    assert_int_equal(ram[MiB + MiB / 2 - 1], 0);
    assert_int_equal(ram[MiB + MiB / 2], 0x5a);
    bad = load;
    bad.kernel_size = 63;
    cannot_load(v.session, &bad, tree, sizeof tree, -EINVAL, "the kernel", "no Image");
    bad = load;
    image[56] = 'R';
    cannot_load(v.session, &bad, tree, sizeof tree, -EINVAL, "the kernel", "no Image");
    make_image();
    image[19] = 1; // 0x1010000 bytes
    cannot_load(v.session, &bad, tree, sizeof tree, -ENOSPC, "the kernel", "memory ram has 0x400000");
    make_image();
    image[18] = 0x11; // up to 0x80111000
    cannot_load(v.session, &bad, tree, sizeof tree, -ENOSPC, "the machine", "overlap");
    make_image();
    bad.initramfs = NULL;
    cannot_load(v.session, &bad, tree, sizeof tree, -EINVAL, "the initramfs", "at 0x80100000");
    bad = load;
    bad.initramfs_size = MiB / 2 + 1;
    bad.initramfs = ram;
    cannot_load(v.session, &bad, tree, sizeof tree, -ENOSPC, "the initramfs", "0x80001 bytes");
    cannot_load(v.session, &load, tree + 4, sizeof tree - 4, -EINVAL, "the tree", "no device tree blob");
    bad.size = 8;
    cannot_load(v.session, &bad, tree, sizeof tree, -EINVAL, "struct mach_load", "size");
    // A tree that is cut, or garbage: read to its end, and never beyond.
    for (size_t n = 4; n < sizeof tree; n++)
        mach_session_load(v.session, &load, tree, n, &e);
    for (size_t i = 4; i < sizeof tree; i++) {
        memcpy(other, tree, sizeof tree);
        other[i] ^= 0xff;
        mach_session_load(v.session, &load, other, sizeof other, &e);
    }
    end(&v);
}

// The calling thread runs where the config says, and elsewhere if it says nothing.
static void test_pin(void **state)
{
    (void)state;
    struct cfg *c = cfg_new(MACH_CFG_ARCH_ARM64, MACH_CFG_IOMMU_NONE);
    cpu_set_t before, now;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    uint32_t last = CPU_SETSIZE - 1;
    while (!CPU_ISSET(last, &before))
        last--;
    cfg_cpus(c, 3);
    CFG_SET(c, cpu, CPU, 0, host_cpu, last);
    CFG_SET(c, cpu, CPU, 1, host_cpu, MACH_CFG_NONE);
    CFG_SET(c, cpu, CPU, 2, host_cpu, 5000);
    struct mach_config *config = cfg_open(c);
    assert_int_equal(mach_config_pin(config, 1), 0);
    assert_int_equal(sched_getaffinity(0, sizeof now, &now), 0);
    assert_true(CPU_EQUAL(&now, &before));
    assert_int_equal(mach_config_pin(config, 0), 0);
    assert_int_equal(sched_getaffinity(0, sizeof now, &now), 0);
    assert_true(CPU_COUNT(&now) == 1 && CPU_ISSET(last, &now));
    assert_int_equal(mach_config_pin(config, 2), -EINVAL);
    assert_int_equal(mach_config_pin(config, 3), -ENOENT);
    sched_setaffinity(0, sizeof before, &before);
    mach_config_close(config);
    cfg_free(c);
}

// Its share of the VMM is less than 70 lines.
static void test_size(void **state)
{
    (void)state;
    char line[256];
    unsigned n = 0;
    FILE *f = fopen(EXISTING, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        n += line[strspn(line, " \n")] != '\0';
    fclose(f);
    printf("    the VMM that has everything already: %u lines\n", n);
    assert_true(n > 20 && n < 70);
}

static const struct mach_sys *kernel(void)
{
    return scene ? &scene->k->sys : NULL;
}
#else
static const struct mach_sys *kernel(void)
{
    return NULL;
}
static void test_start(void **state)
{
    (void)state;
    skip(); // this VMM is one of KVM's, which this architecture does not have
}
#endif

const struct mach_sys *__real_mach_sys_linux(void);
const struct mach_sys *__wrap_mach_sys_linux(void);
const struct mach_sys *__wrap_mach_sys_linux(void)
{
    return kernel() ? kernel() : __real_mach_sys_linux();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start),
#ifdef MACHRT_HAVE_KVM
        cmocka_unit_test(test_no_device), cmocka_unit_test(test_address_bits), cmocka_unit_test(test_load),
        cmocka_unit_test(test_own_first), cmocka_unit_test(test_pin),          cmocka_unit_test(test_size),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
