// SPDX-License-Identifier: MIT
// KVM's numbers of the devices that a config names.
#include "core/session.h"
#include "uapi/kvm.h"

#include <errno.h>
#include <fcntl.h>

#ifdef MACHRT_HAVE_KVM
#include "uapi/kvm_attrs.h"

static const struct {
    const char *name;
    int type;
} types[] = {
    {"arm-vgic-v2", KVM_DEV_TYPE_ARM_VGIC_V2},
    {"arm-vgic-v3", KVM_DEV_TYPE_ARM_VGIC_V3},
    {"fsl-mpic-20", KVM_DEV_TYPE_FSL_MPIC_20},
    {"fsl-mpic-42", KVM_DEV_TYPE_FSL_MPIC_42},
    {"riscv-aia", AIA_TYPE},
};

int machrt_kvm_device_type(const char *name)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (!strcmp(types[i].name, name))
            return types[i].type;
    return -1;
}

// Those without a number are part of KVM itself: KVM_CREATE_IRQCHIP makes them.
static int has_device(struct mach_session *s, int kvm, int type)
{
    struct kvm_create_device c = {.type = (uint32_t)type, .flags = KVM_CREATE_DEVICE_TEST};
    if (type < 0)
        return s->sys.ioctl(s->sys.opaque, kvm, KVM_CHECK_EXTENSION, (void *)(uintptr_t)KVM_CAP_IRQCHIP) > 0 ? 0
                                                                                                             : -ENODEV;
    int vm = s->sys.ioctl(s->sys.opaque, kvm, KVM_CREATE_VM, NULL);
    if (vm < 0)
        return vm;
    int r = s->sys.ioctl(s->sys.opaque, vm, KVM_CREATE_DEVICE, &c);
    s->sys.close(s->sys.opaque, vm);
    return r < 0 ? -ENODEV : 0; // kvm_ioctl_create_device(): of a test, only that it has no such type
}

int machrt_try_kvm_device(struct mach_session *s, const char *name)
{
    int kvm = s->sys.open(s->sys.opaque, "/dev/kvm", O_RDWR | O_CLOEXEC);
    if (kvm < 0)
        return kvm;
    int r = has_device(s, kvm, machrt_kvm_device_type(name));
    s->sys.close(s->sys.opaque, kvm);
    return r;
}
#else
int machrt_kvm_device_type(const char *name)
{
    (void)name;
    return -1;
}

int machrt_try_kvm_device(struct mach_session *s, const char *name)
{
    (void)s;
    (void)name;
    return -ENOSYS;
}
#endif
