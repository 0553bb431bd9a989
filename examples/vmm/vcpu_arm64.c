// SPDX-License-Identifier: MIT
// arm64: Documentation/virt/kvm/api.rst, Documentation/arch/arm64/booting.rst.
#ifdef __aarch64__
#include "machvm.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/kvm.h>
#include <stddef.h>
#include <sys/ioctl.h>

enum { IPA_DEFAULT = 40, IPA_LEAST = 32, FIRST_SPI = 32 };
enum { MODE_EL1H = 5, MASK_DAIF = 0x3c0 }; // PSTATE that a kernel is entered with
// MPIDR_EL1 is op0 3, op1 0, CRn 0, CRm 0, op2 5; a cpu's reg has its affinity fields.
#define MPIDR_EL1      ARM64_SYS_REG(3, 0, 0, 0, 5)
#define MPIDR_AFFINITY UINT64_C(0xff00ffffff)
#define CORE_REG(name)                                                                                                 \
    (KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | offsetof(struct kvm_regs, name) / sizeof(uint32_t))

long arch_vm_type(const struct vmm *v)
{
    int most = ioctl(v->kvm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_VM_IPA_SIZE);
    struct mach_vm vm = {.size = sizeof vm};
    most = most > 0 ? most : IPA_DEFAULT;
    mach_config_vm(v->config, &vm);
    if (vm.address_bits > (uint32_t)most)
        return complain(0, "the machine needs addresses of %" PRIu32 " bits, and this host supports %d",
                        vm.address_bits, most);
    return most == IPA_DEFAULT ? 0
                               : KVM_VM_TYPE_ARM_IPA_SIZE(vm.address_bits > IPA_LEAST ? vm.address_bits : IPA_LEAST);
}

static int get(const struct vcpu *c, uint64_t id, uint64_t *value)
{
    struct kvm_one_reg r = {.id = id, .addr = (uintptr_t)value};
    return ioctl(c->fd, KVM_GET_ONE_REG, &r);
}

static int set(const struct vcpu *c, uint64_t id, uint64_t value)
{
    struct kvm_one_reg r = {.id = id, .addr = (uintptr_t)&value};
    return ioctl(c->fd, KVM_SET_ONE_REG, &r);
}

int arch_vcpu_init(struct vcpu *c)
{
    struct kvm_vcpu_init init;
    uint64_t mpidr;
    if (ioctl(c->vmm->vm, KVM_ARM_PREFERRED_TARGET, &init))
        return complain(errno, "KVM_ARM_PREFERRED_TARGET");
    init.features[0] |= 1u << KVM_ARM_VCPU_PSCI_0_2;
    // All but the first wait until the guest starts them with PSCI.
    if (c->index)
        init.features[0] |= 1u << KVM_ARM_VCPU_POWER_OFF;
    if (ioctl(c->fd, KVM_ARM_VCPU_INIT, &init) || get(c, MPIDR_EL1, &mpidr))
        return complain(errno, "vcpu %" PRIu32, c->index);
    if ((mpidr & MPIDR_AFFINITY) != mach_cfg_cpu_reg(c->rec))
        return complain(0, "vcpu %" PRIu32 " has MPIDR 0x%" PRIx64 ", but the guest's tree has 0x%" PRIx64, c->index,
                        mpidr & MPIDR_AFFINITY, mach_cfg_cpu_reg(c->rec));
    return 0;
}

int arch_vcpu_boot(struct vcpu *c)
{
    if (set(c, CORE_REG(regs.pstate), MODE_EL1H | MASK_DAIF) || set(c, CORE_REG(regs.pc), c->vmm->entry) ||
        set(c, CORE_REG(regs.regs[0]), c->vmm->dtb_address))
        return complain(errno, "the registers of vcpu 0");
    return 0;
}

void arch_irq_line(const struct vmm *v, uint32_t gsi, bool high)
{
    // The config's GSI is the number of the SPI; KVM_IRQ_LINE takes the INTID.
    struct kvm_irq_level l = {.irq = KVM_ARM_IRQ_TYPE_SPI << KVM_ARM_IRQ_TYPE_SHIFT | (gsi + FIRST_SPI), .level = high};
    if (ioctl(v->vm, KVM_IRQ_LINE, &l))
        complain(errno, "interrupt %" PRIu32, gsi);
}
#endif
