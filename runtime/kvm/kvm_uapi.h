// SPDX-License-Identifier: MIT
/*
 * Numbers of KVM's device attributes that <asm/kvm.h> has for the one architecture only that it is of, and that this
 * library needs on all it is tested on. Sources: Documentation/virt/kvm/devices/{arm-vgic,arm-vgic-v3,mpic}.rst,
 * arch/arm64/include/uapi/asm/kvm.h, arch/powerpc/include/uapi/asm/kvm.h.
 */
#ifndef MACH_KVM_UAPI_H
#define MACH_KVM_UAPI_H

enum {
    VGIC_GRP_ADDR = 0, // KVM_DEV_ARM_VGIC_GRP_ADDR
    VGIC_GRP_NR_IRQS = 3,
    VGIC_GRP_CTRL = 4,
    VGIC_CTRL_INIT = 0,
    VGIC_V2_DIST = 0, // KVM_VGIC_V2_ADDR_TYPE_DIST
    VGIC_V2_CPU = 1,
    VGIC_V3_DIST = 2,
    VGIC_V3_REDIST = 3,
    MPIC_GRP_MISC = 1, // KVM_DEV_MPIC_GRP_MISC
    MPIC_BASE_ADDR = 0
};

/* Private lines of a GIC, which KVM counts with the shared ones. */
enum { VGIC_PRIVATE = 32 };

#endif
