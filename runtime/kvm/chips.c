// SPDX-License-Identifier: MIT
#include "kvm/chips.h"

#include "kvm/kvm_uapi.h"

#include <errno.h>
#include <linux/kvm.h>

static const struct kvm_chip chips[] = {
    {"arm-vgic-v2",
     KVM_DEV_TYPE_ARM_VGIC_V2,
     VGIC_GRP_NR_IRQS,
     VGIC_PRIVATE,
     {{VGIC_GRP_ADDR, VGIC_V2_DIST}, {VGIC_GRP_ADDR, VGIC_V2_CPU}},
     VGIC_GRP_CTRL,
     VGIC_CTRL_INIT,
     0},
    {"arm-vgic-v3",
     KVM_DEV_TYPE_ARM_VGIC_V3,
     VGIC_GRP_NR_IRQS,
     VGIC_PRIVATE,
     {{VGIC_GRP_ADDR, VGIC_V3_DIST}, {VGIC_GRP_ADDR, VGIC_V3_REDIST}},
     VGIC_GRP_CTRL,
     VGIC_CTRL_INIT,
     0},
    {"fsl-mpic-20", KVM_DEV_TYPE_FSL_MPIC_20, -1, 0, {{MPIC_GRP_MISC, MPIC_BASE_ADDR}, {-1, -1}}, -1, -1, 1},
    {"fsl-mpic-42", KVM_DEV_TYPE_FSL_MPIC_42, -1, 0, {{MPIC_GRP_MISC, MPIC_BASE_ADDR}, {-1, -1}}, -1, -1, 1},
    // Its lines have routes from the beginning (arch/x86/kvm/irq_comm.c, kvm_setup_default_irq_routing).
    {"x86-ioapic", -1, -1, 0, {{-1, -1}, {-1, -1}}, -1, -1, 0},
};

const struct kvm_chip *kvm_chip_find(const char *name)
{
    for (size_t i = 0; i < sizeof chips / sizeof chips[0]; i++)
        if (!strcmp(chips[i].name, name))
            return &chips[i];
    return NULL;
}

static int set_attr(const struct mach_sys *sys, int fd, int group, int attr, void *value)
{
    struct kvm_device_attr a = {.group = (uint32_t)group, .attr = (uint32_t)attr, .addr = (uintptr_t)value};
    return sys->ioctl(sys->opaque, fd, KVM_SET_DEVICE_ATTR, &a);
}

// Lines, addresses, and then all is fixed: irqfds are refused before that.
static int set_up(const struct kvm_chip *chip, const struct mach_sys *sys, int fd, const struct mach_cfg_file *f,
                  struct mach_cfg_rec rec)
{
    uint32_t lines = mach_cfg_irqchip_lines(rec) + chip->lines_add;
    int r = chip->lines_group < 0 ? 0 : set_attr(sys, fd, chip->lines_group, 0, &lines);
    for (uint32_t i = 0; !r && i < 2 && i < mach_cfg_irqchip_regions(rec); i++) {
        struct mach_cfg_rec region = mach_cfg_record(f, MACH_CFG_S_CHIP_REGION, mach_cfg_irqchip_first_region(rec) + i);
        uint64_t address = mach_cfg_chip_region_address(region);
        if (chip->region[i].group >= 0)
            r = set_attr(sys, fd, chip->region[i].group, chip->region[i].attr, &address);
    }
    return r || chip->init_group < 0 ? r : set_attr(sys, fd, chip->init_group, chip->init_attr, NULL);
}

int kvm_chip_make(const struct kvm_chip *chip, const struct mach_sys *sys, int vm, const struct mach_cfg_file *f,
                  struct mach_cfg_rec rec, int *fd)
{
    *fd = -1;
    if (chip->type < 0) {
        // A VMM makes it before its vcpus; it is the same one.
        int r = sys->ioctl(sys->opaque, vm, KVM_CREATE_IRQCHIP, NULL);
        return r == -EEXIST ? 0 : r;
    }
    struct kvm_create_device c = {.type = (uint32_t)chip->type};
    int r = sys->ioctl(sys->opaque, vm, KVM_CREATE_DEVICE, &c);
    if (r)
        return r;
    r = set_up(chip, sys, (int)c.fd, f, rec);
    if (r) {
        sys->close(sys->opaque, (int)c.fd);
        return r;
    }
    *fd = (int)c.fd;
    return 0;
}

enum { GSIS = 4096 }; // KVM_MAX_IRQ_ROUTES, include/linux/kvm_host.h

int kvm_chip_route(const struct mach_sys *sys, int vm, const struct mach_cfg_file *f, uint32_t chip)
{
    uint8_t seen[GSIS / 8] = {0};
    uint32_t n = 0, count = f->section[MACH_CFG_S_IRQ].count;
    size_t most = count < GSIS ? count : GSIS;
    struct kvm_irq_routing *t = (struct kvm_irq_routing *)sys->alloc(
        sys->opaque, NULL, sizeof *t + most * sizeof(struct kvm_irq_routing_entry));
    if (!t)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        struct mach_cfg_rec q = mach_cfg_record(f, MACH_CFG_S_IRQ, i);
        uint32_t gsi = mach_cfg_irq_gsi(q);
        if (mach_cfg_irq_chip(q) != chip || gsi >= GSIS || seen[gsi / 8] >> gsi % 8 & 1)
            continue;
        seen[gsi / 8] |= (uint8_t)(1 << gsi % 8);
        t->entries[n++] = (struct kvm_irq_routing_entry){
            .gsi = gsi,
            .type = KVM_IRQ_ROUTING_IRQCHIP,
            .u.irqchip = {.irqchip = 0, .pin = mach_cfg_irq_number(q)},
        };
    }
    t->nr = n;
    t->flags = 0;
    int r = n ? sys->ioctl(sys->opaque, vm, KVM_SET_GSI_ROUTING, t) : 0;
    sys->alloc(sys->opaque, t, 0);
    return r;
}
