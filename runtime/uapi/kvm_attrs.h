// SPDX-License-Identifier: MIT
/*
 * Numbers of KVM's device attributes. <asm/kvm.h> has only those of its own architecture, and this library is tested on
 * others; headers before Linux 6.5 lack some. Sources:
 * Documentation/virt/kvm/devices/{arm-vgic,arm-vgic-v3,mpic}.rst, include/uapi/linux/kvm.h,
 * arch/{arm64,powerpc,riscv}/include/uapi/asm/kvm.h.
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
    MPIC_BASE_ADDR = 0,
    AIA_TYPE = 11,      // KVM_DEV_TYPE_RISCV_AIA
    AIA_GRP_CONFIG = 0, // KVM_DEV_RISCV_AIA_GRP_CONFIG, numbers of 32 bits
    AIA_CONFIG_IDS = 1,
    AIA_CONFIG_SRCS = 2,
    AIA_CONFIG_HART_BITS = 5,
    AIA_CONFIG_GUEST_BITS = 6,
    AIA_GRP_ADDR = 1, // addresses of 64 bits: the APLIC's, then that of each vcpu's IMSIC, in the order they were made
    AIA_ADDR_APLIC = 0,
    AIA_ADDR_IMSIC = 1,
    AIA_GRP_CTRL = 2,
    AIA_CTRL_INIT = 0
};

/* Private lines of a GIC, which KVM counts with the shared ones. */
enum { VGIC_PRIVATE = 32 };

#endif
