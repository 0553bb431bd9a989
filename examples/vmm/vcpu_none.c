// SPDX-License-Identifier: MIT
/*
 * Architectures that machvm has no vcpus for yet. Everything else is the same on all of them; a port needs a file like
 * vcpu_arm64.c: on riscv64 pc, a0, a1 and an interrupt controller that KVM has (AIA; the VMM must emulate a PLIC), on
 * x86-64 the boot protocol, with the vcpus made after KVM_CREATE_IRQCHIP.
 */
#ifndef __aarch64__
#include "machvm.h"

long arch_vm_type(const struct vmm *v)
{
    (void)v;
    return complain(0, "machvm runs on arm64 only; it was built for another architecture");
}

int arch_vcpu_init(struct vcpu *c)
{
    (void)c;
    return -1;
}

int arch_vcpu_boot(struct vcpu *c)
{
    (void)c;
    return -1;
}

void arch_irq_line(const struct vmm *v, uint32_t gsi, bool high)
{
    (void)v;
    (void)gsi;
    (void)high;
}
#endif
