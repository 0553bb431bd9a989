// SPDX-License-Identifier: MIT
// What the kernel is told of a session, and when: KVM of each VFIO file, and a device to reset itself while it still
// has everything.
//
//     told GUEST.CFG RESET.CFG BACKEND
#include "lib/rig.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* ---- KVM knows the files ---- */

// KVM_DEV_VFIO_FILE, with _ADD and _DEL, in newer headers.
static int tell(int device, uint64_t attribute, int32_t fd)
{
    struct kvm_device_attr a = {.group = KVM_DEV_VFIO_GROUP, .attr = attribute, .addr = (uintptr_t)&fd};
    return ioctl(device, KVM_SET_DEVICE_ATTR, &a) ? errno : 0;
}

// Nothing shows what KVM has been told, but it refuses to be told twice, and to forget what it does not know.
static bool knows(int device, int fd)
{
    return tell(device, KVM_DEV_VFIO_GROUP_ADD, fd) == EEXIST && !tell(device, KVM_DEV_VFIO_GROUP_DEL, fd) &&
           tell(device, KVM_DEV_VFIO_GROUP_DEL, fd) == ENOENT && !tell(device, KVM_DEV_VFIO_GROUP_ADD, fd);
}

// Counts the files of VFIO that this process has open, groups or devices, and those of them that KVM knows.
static void count_files(int device, unsigned *open_files, unsigned *known)
{
    char path[32], name[256];
    DIR *d = opendir("/proc/self/fd");
    *open_files = *known = 0;
    for (struct dirent *e; d && (e = readdir(d));) {
        snprintf(path, sizeof path, "/proc/self/fd/%.10s", e->d_name);
        ssize_t n = readlink(path, name, sizeof name - 1);
        name[n > 0 ? n : 0] = '\0';
        if (strncmp(name, "/dev/vfio/", 10) || !strcmp(name, "/dev/vfio/vfio"))
            continue;
        ++*open_files;
        *known += knows(device, atoi(e->d_name));
    }
    if (d)
        closedir(d);
}

// The guest's UART: nobody uses it.
static int emulate(void *opaque, const struct mach_cfg_file *f, uint32_t device)
{
    (void)opaque;
    (void)f;
    (void)device;
    return 0;
}

static void files(const char *path, const char *backend)
{
    static const struct mach_ops own = {.size = sizeof own, .emulated = emulate};
    struct mach_kvm kvm = {.size = sizeof kvm, .own = &own};
    struct rig r;
    unsigned devices = 0, open_files, known;
    int dev = open("/dev/kvm", O_RDWR);
    kvm.vm = dev < 0 ? -1 : ioctl(dev, KVM_CREATE_VM, 0);
    int vcpu = kvm.vm < 0 ? -1 : ioctl(kvm.vm, KVM_CREATE_VCPU, 0);
    if (!ok(vcpu >= 0, "there is KVM") || !rig_start_with(&r, path, backend, mach_kvm_ops(), &kvm))
        return;
    for (uint32_t i = 0; i < mach_cfg_count(r.f, MACH_CFG_S_DEVICE); i++)
        devices += mach_cfg_device_kind(mach_cfg_record(r.f, MACH_CFG_S_DEVICE, i)) == MACH_CFG_DEVICE_PCI;
    count_files(kvm.vfio, &open_files, &known);
    if (!ok(devices && open_files == devices && known == devices, "KVM knows the files of all %u devices", devices))
        comment("%u are open, and it knows %u", open_files, known);
    rig_stop(&r);
    ok(kvm.vfio <= 0, "and its device for them is closed");
    close(vcpu);
    close(kvm.vm);
    close(dev);
}

/* ---- a device is reset ---- */

// NVM Express base specification, 3.1: the register Interrupt Mask Set, which a reset clears.
enum { INTMS = 0x0c, MASKED = 5 };

// What the register holds when the VMM loses the device's registers.
static uint32_t seen;
static const volatile uint8_t *registers;

static int place(void *opaque, const struct mach_place *p)
{
    (void)opaque;
    if (!p->is_memory)
        registers = (const volatile uint8_t *)p->at;
    return 0;
}

static void place_undo(void *opaque, const struct mach_place *p)
{
    (void)opaque;
    if (!p->is_memory)
        seen = *(const volatile uint32_t *)(registers + INTMS);
}

static void reset(const char *path, const char *backend)
{
    static const struct mach_ops ops = {.size = sizeof ops, .place = place, .place_undo = place_undo};
    struct rig r;
    if (!rig_start_with(&r, path, backend, &ops, NULL))
        return;
    uint32_t region = rig_region(&r, rig_device(&r, "nvme"));
    put32(&r, region, INTMS, MASKED);
    ok(get32(&r, region, INTMS) == MASKED && registers, "a register keeps what is written to it");
    seen = MASKED;
    rig_stop(&r);
    if (!ok(!seen, "the session's end resets the device before it loses its registers"))
        comment("0x%x", seen);
}

int main(int argc, char **argv)
{
    char what[64];
    if (argc != 4)
        return 2;
    snprintf(what, sizeof what, "told, %s", argv[3]);
    tap_begin("21", what);
    files(argv[1], argv[3]);
    reset(argv[2], argv[3]);
    return tap_end();
}
