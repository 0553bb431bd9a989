// SPDX-License-Identifier: MIT
// Interrupt controllers that KVM makes.
#ifndef MACHRT_KVM_CHIPS_H
#define MACHRT_KVM_CHIPS_H

#include "machrt.h"

/* The value that an attribute of a KVM device is set to. */
enum kvm_what {
    KVM_END,
    KVM_LINES,         // the chip's lines, and `argument` more
    KVM_MESSAGES,      // messages that each cpu can tell apart
    KVM_CPU_BITS,      // bits of a cpu's number
    KVM_PAGE_BITS,     // bits of a page's number in a cpu's part of region `argument`
    KVM_REGION,        // where region `argument` is, in the class's order
    KVM_REGION_OF_CPU, // where each cpu's part of it is: as many attributes as there are cpus
    KVM_INIT           // no value: initialises the device
};

struct kvm_attr {
    uint32_t what, group, attr, argument;
};

struct kvm_chip {
    const char *name;             // as in the config, irqchip.kvm
    const struct kvm_attr *attrs; // in this order, up to KVM_END; NULL: KVM_CREATE_IRQCHIP makes it
    int routed;                   // its GSIs have no routes of their own
};

/* The chip with a name; NULL: KVM has none, the VMM must emulate it. */
const struct kvm_chip *machrt_find_kvm_chip(const char *name);
/* Makes it. 0 or -errno; *fd is its KVM device's, or -1. */
int machrt_make_kvm_chip(const struct kvm_chip *chip, const struct mach_sys *sys, int vm, const struct mach_cfg_file *f,
                         struct mach_cfg_rec rec, int *fd);
/* Routes all GSIs of the config to it, with one call. 0 or -errno. */
int machrt_route_kvm_chip(const struct mach_sys *sys, int vm, const struct mach_cfg_file *f, uint32_t chip);

#endif
