// SPDX-License-Identifier: MIT
// Interrupt controllers that KVM makes.
#ifndef MACH_KVM_CHIPS_H
#define MACH_KVM_CHIPS_H

#include "machrt.h"

struct kvm_chip {
    const char *name; // as in the config, irqchip.kvm
    int type;         // KVM_DEV_TYPE_*; -1: KVM_CREATE_IRQCHIP
    int lines_group;  // attribute group of the number of lines, which counts `lines_add` more; -1: none
    uint32_t lines_add;
    struct {
        int group, attr;
    } region[2];               // where its regions go, in the class's order; group -1: nowhere
    int init_group, init_attr; // -1: none
    int routed;                // its GSIs have no routes of their own
};

/* The chip of that name, or NULL: KVM has none, the VMM must. */
const struct kvm_chip *kvm_chip_find(const char *name);
/* Makes it. 0 or -errno; *fd is its KVM device's, or -1. */
int kvm_chip_make(const struct kvm_chip *chip, const struct mach_sys *sys, int vm, const struct mach_cfg_file *f,
                  struct mach_cfg_rec rec, int *fd);
/* Routes all GSIs of the config to it, with one call. 0 or -errno. */
int kvm_chip_route(const struct mach_sys *sys, int vm, const struct mach_cfg_file *f, uint32_t chip);

#endif
