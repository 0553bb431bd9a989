// SPDX-License-Identifier: MIT
// KVM's interrupt controllers: the attributes of their devices, in the order in which they are set.
#include "uapi/kvm.h"

#ifdef MACHRT_HAVE_KVM
#include "core/session.h"
#include "kvm/chips.h"
#include "machcfg_file.h"
#include "uapi/kvm_attrs.h"

#include <errno.h>

static const struct kvm_attr vgic_v2[] = {
    {KVM_LINES, VGIC_GRP_NR_IRQS, 0, VGIC_PRIVATE},
    {KVM_REGION, VGIC_GRP_ADDR, VGIC_V2_DIST, 0},
    {KVM_REGION, VGIC_GRP_ADDR, VGIC_V2_CPU, 1},
    {KVM_INIT, VGIC_GRP_CTRL, VGIC_CTRL_INIT, 0},
    {0},
};
static const struct kvm_attr vgic_v3[] = {
    {KVM_LINES, VGIC_GRP_NR_IRQS, 0, VGIC_PRIVATE},
    {KVM_REGION, VGIC_GRP_ADDR, VGIC_V3_DIST, 0},
    {KVM_REGION, VGIC_GRP_ADDR, VGIC_V3_REDIST, 1},
    {KVM_INIT, VGIC_GRP_CTRL, VGIC_CTRL_INIT, 0},
    {0},
};
static const struct kvm_attr mpic[] = {{KVM_REGION, MPIC_GRP_MISC, MPIC_BASE_ADDR, 0}, {0}};
/*
 * Attributes that are not listed have the right defaults (arch/riscv/kvm/aia_device.c, kvm_riscv_aia_init_vm()): MODE
 * is AUTO where the host has guest files and EMUL elsewhere, all cpus are in one group. The number of sources is
 * checked against that of the identities at the end only, and the vcpus' addresses need the vcpus.
 */
static const struct kvm_attr aia[] = {
    {KVM_MESSAGES, AIA_GRP_CONFIG, AIA_CONFIG_IDS, 0},
    {KVM_LINES, AIA_GRP_CONFIG, AIA_CONFIG_SRCS, 0},
    {KVM_CPU_BITS, AIA_GRP_CONFIG, AIA_CONFIG_HART_BITS, 0},
    {KVM_PAGE_BITS, AIA_GRP_CONFIG, AIA_CONFIG_GUEST_BITS, 1},
    {KVM_REGION, AIA_GRP_ADDR, AIA_ADDR_APLIC, 0},
    {KVM_REGION_OF_CPU, AIA_GRP_ADDR, AIA_ADDR_IMSIC, 1},
    {KVM_INIT, AIA_GRP_CTRL, AIA_CTRL_INIT, 0},
    {0},
};

static const struct kvm_chip chips[] = {
    {"arm-vgic-v2", vgic_v2, 0},
    {"arm-vgic-v3", vgic_v3, 0},
    {"fsl-mpic-20", mpic, 1},
    {"fsl-mpic-42", mpic, 1},
    // Its sources have default routes (arch/riscv/kvm/vm.c, kvm_riscv_setup_default_irq_routing).
    {"riscv-aia", aia, 0},
    // Its lines have default routes, too (arch/x86/kvm/irq_comm.c, kvm_setup_default_irq_routing).
    {"x86-ioapic", NULL, 0},
};

const struct kvm_chip *machrt_find_kvm_chip(const char *name)
{
    for (size_t i = 0; i < sizeof chips / sizeof chips[0]; i++)
        if (!strcmp(chips[i].name, name))
            return &chips[i];
    return NULL;
}

static int set_attr(const struct mach_sys *sys, int fd, const struct kvm_attr *x, uint32_t more, void *value)
{
    struct kvm_device_attr a = {.group = x->group, .attr = x->attr + more, .addr = (uintptr_t)value};
    return sys->ioctl(sys->opaque, fd, KVM_SET_DEVICE_ATTR, &a);
}

// How many bits the numbers below n need.
static uint32_t bits_for(uint64_t n)
{
    uint32_t k = 0;
    while (k < 63 && (uint64_t)1 << k < n)
        k++;
    return k;
}

enum { PAGE_BITS = 12 }; // of an IMSIC (IMSIC_MMIO_PAGE_SHIFT)

static int set_region(const struct mach_sys *sys, int fd, const struct mach_cfg_file *f, struct mach_cfg_rec rec,
                      const struct kvm_attr *x)
{
    struct mach_cfg_rec r =
        mach_cfg_record(f, MACH_CFG_S_CHIP_REGION, mach_cfg_irqchip_first_region(rec) + x->argument);
    uint64_t at = mach_cfg_chip_region_address(r), size = mach_cfg_chip_region_size(r);
    uint32_t n = x->what == KVM_REGION ? 1 : f->section[MACH_CFG_S_CPU].count;
    if (x->what == KVM_PAGE_BITS) {
        uint32_t all = n ? bits_for(size / n) : 0, pages = all > PAGE_BITS ? all - PAGE_BITS : 0;
        return pages ? set_attr(sys, fd, x, 0, &pages) : 0;
    }
    int e = 0;
    for (uint32_t i = 0; !e && i < n; i++, at += size / n)
        e = set_attr(sys, fd, x, i, &at);
    return e;
}

// Sets the attributes in order, until one fails. The last one initialises the device; before it, irqfds are refused.
static int set_attributes(const struct kvm_chip *chip, const struct mach_sys *sys, int fd,
                          const struct mach_cfg_file *f, struct mach_cfg_rec rec)
{
    int r = 0;
    for (const struct kvm_attr *x = chip->attrs; !r && x->what; x++) {
        uint32_t n = 0;
        if (x->what == KVM_INIT)
            r = set_attr(sys, fd, x, 0, NULL);
        else if (x->what == KVM_LINES)
            n = mach_cfg_irqchip_lines(rec) + x->argument;
        else if (x->what == KVM_MESSAGES)
            n = mach_cfg_irqchip_messages(rec);
        else if (x->what == KVM_CPU_BITS)
            n = bits_for(f->section[MACH_CFG_S_CPU].count);
        else if (x->argument < mach_cfg_irqchip_regions(rec))
            r = set_region(sys, fd, f, rec, x);
        if (n) // attributes are 0 by default
            r = set_attr(sys, fd, x, 0, &n);
    }
    return r;
}

int machrt_make_kvm_chip(const struct kvm_chip *chip, const struct mach_sys *sys, int vm, const struct mach_cfg_file *f,
                         struct mach_cfg_rec rec, int *fd)
{
    *fd = -1;
    if (!chip->attrs) {
        // EEXIST: the VMM has made it before its vcpus.
        int r = sys->ioctl(sys->opaque, vm, KVM_CREATE_IRQCHIP, NULL);
        return r == -EEXIST ? 0 : r;
    }
    struct kvm_create_device c = {.type = (uint32_t)machrt_kvm_device_type(chip->name)};
    int r = sys->ioctl(sys->opaque, vm, KVM_CREATE_DEVICE, &c);
    if (r)
        return r;
    r = set_attributes(chip, sys, (int)c.fd, f, rec);
    if (r) {
        sys->close(sys->opaque, (int)c.fd);
        return r;
    }
    *fd = (int)c.fd;
    return 0;
}

enum { GSIS = 4096 }; // KVM_MAX_IRQ_ROUTES, include/linux/kvm_host.h

int machrt_route_kvm_chip(const struct mach_sys *sys, int vm, const struct mach_cfg_file *f, uint32_t chip)
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
#endif
