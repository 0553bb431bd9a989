// SPDX-License-Identifier: MIT
// KVM's interrupt controllers of RISC-V, as arch/riscv/kvm/aia_device.c of Linux 6.12 has them.
#include "fake.h"

#include "uapi/kvm.h"
#include "uapi/kvm_attrs.h"

#include <errno.h>

#ifdef MACHRT_HAVE_KVM
enum { NOWHERE = 1, PAGE = 0x1000, SOURCES = 1024 };

void fake_aia_new(struct fake_aia *a)
{
    uint32_t max_ids = a->max_ids, vcpus = a->vcpus;
    *a = (struct fake_aia){.max_ids = max_ids, .vcpus = vcpus, .ids = max_ids - 1, .aplic = NOWHERE};
    for (uint32_t i = 0; i < FAKE_VCPUS; i++)
        a->imsic[i] = NOWHERE;
}

static int config(struct fake_aia *a, uint64_t attr, uint32_t n)
{
    switch (attr) {
    case AIA_CONFIG_IDS:
        if (n < 63 || n >= 2048 || (n & 63) != 63 || a->max_ids <= n)
            return -EINVAL;
        a->ids = n;
        return 0;
    case AIA_CONFIG_SRCS:
        if (n >= SOURCES || n >= a->max_ids)
            return -EINVAL;
        a->sources = n;
        return 0;
    case AIA_CONFIG_HART_BITS:
        if (n >= 16)
            return -EINVAL;
        a->hart_bits = n;
        return 0;
    case AIA_CONFIG_GUEST_BITS:
        if (n >= 8)
            return -EINVAL;
        a->guest_bits = n;
        return 0;
    }
    return -ENXIO;
}

static int address(struct fake_aia *a, uint64_t attr, uint64_t at)
{
    if (attr > a->vcpus)
        return -ENXIO;
    if (at % PAGE)
        return -EINVAL;
    *(attr == AIA_ADDR_APLIC ? &a->aplic : &a->imsic[attr - AIA_ADDR_IMSIC]) = at;
    return 0;
}

static int init(struct fake_aia *a)
{
    uint64_t block = (uint64_t)PAGE << (a->hart_bits + a->guest_bits);
    if (a->ids < a->sources || (a->sources && a->aplic == NOWHERE))
        return -EINVAL;
    for (uint32_t i = 0; i < a->vcpus; i++)
        if (a->imsic[i] == NOWHERE || a->imsic[i] / block != a->imsic[0] / block)
            return -EINVAL;
    return 0;
}

int fake_aia_attr(struct fake *k, struct fake_file *f, const struct kvm_device_attr *x)
{
    struct fake_aia *a = &k->aia;
    const void *value = (const void *)(uintptr_t)x->addr;
    uint32_t n;
    uint64_t at;
    if (f->initialised)
        return -EBUSY;
    if (x->group == AIA_GRP_CONFIG) {
        memcpy(&n, value, sizeof n);
        return config(a, x->attr, n);
    }
    if (x->group == AIA_GRP_ADDR) {
        memcpy(&at, value, sizeof at);
        return address(a, x->attr, at);
    }
    if (x->group != AIA_GRP_CTRL || x->attr != AIA_CTRL_INIT)
        return -ENXIO;
    int r = init(a);
    f->initialised = !r;
    return r;
}
#endif
