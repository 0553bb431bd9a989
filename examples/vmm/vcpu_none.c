// SPDX-License-Identifier: MIT
/*
 * Where machvm has no vcpus yet. All else is the same on every architecture; what must be written is in a file like
 * vcpu_arm64.c: on riscv64 pc, a0, a1 and an interrupt controller that KVM has (AIA; a PLIC is the VMM's to emulate),
 * on x86-64 the boot protocol, with the vcpus made behind KVM_CREATE_IRQCHIP.
 */
#ifndef __aarch64__
#include "machvm.h"

const char arch_image_magic[4] = {0, 0, 0, 0};

long arch_vm_type(const struct vmm *v)
{
    (void)v;
    return complain(0, "this machvm was built for an architecture that it has no vcpus for: it runs on arm64 only");
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
