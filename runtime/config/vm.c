// SPDX-License-Identifier: MIT
// What a VM needs for a config, before it is made.
#include "base/error.h"
#include "machcfg_file.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>

// Of what is somewhere and has a size, the last byte counts.
static void reach(uint64_t *top, uint64_t first, uint64_t size)
{
    if (first != MACH_CFG_NONE64 && size && first + (size - 1) > *top)
        *top = first + (size - 1);
}

static uint64_t last_address(const struct mach_cfg_file *f)
{
    uint64_t top = 0;
    for (uint32_t i = 0; i < mach_cfg_count(f, MACH_CFG_S_MEMORY); i++) {
        struct mach_cfg_rec r = mach_cfg_record(f, MACH_CFG_S_MEMORY, i);
        reach(&top, mach_cfg_memory_address(r), mach_cfg_memory_size(r));
    }
    for (uint32_t i = 0; i < mach_cfg_count(f, MACH_CFG_S_REGION); i++) {
        struct mach_cfg_rec r = mach_cfg_record(f, MACH_CFG_S_REGION, i);
        reach(&top, mach_cfg_region_guest(r), mach_cfg_region_size(r));
    }
    for (uint32_t i = 0; i < mach_cfg_count(f, MACH_CFG_S_CHIP_REGION); i++) {
        struct mach_cfg_rec r = mach_cfg_record(f, MACH_CFG_S_CHIP_REGION, i);
        reach(&top, mach_cfg_chip_region_address(r), mach_cfg_chip_region_size(r));
    }
    return top;
}

// Registers of the host that the guest sees at an address, and that need not exit.
static int is_mapped(const struct mach_cfg_file *f, struct mach_cfg_rec region)
{
    struct mach_cfg_rec device = mach_cfg_record(f, MACH_CFG_S_DEVICE, mach_cfg_region_device(region));
    return mach_cfg_device_kind(device) != MACH_CFG_DEVICE_EMULATED &&
           mach_cfg_region_mode(region) == MACH_CFG_REGION_MAP && mach_cfg_region_guest(region) != MACH_CFG_NONE64 &&
           !(mach_cfg_region_flags(region) & MACH_CFG_REGION_SHADOW);
}

int mach_config_vm(const struct mach_config *config, struct mach_vm *vm)
{
    const struct mach_cfg_file *f = mach_config_file(config);
    struct mach_vm to;
    int r = machrt_copy_struct(&to, sizeof to, MACHRT_SIZE_UP_TO(struct mach_vm, gsis), vm);
    if (r)
        return r;
    vm->cpus = mach_cfg_count(f, MACH_CFG_S_CPU);
    vm->address_bits = 0;
    for (uint64_t last = last_address(f); last; last >>= 1)
        vm->address_bits++;
    vm->slots = mach_cfg_count(f, MACH_CFG_S_MEMORY);
    for (uint32_t i = 0; i < mach_cfg_count(f, MACH_CFG_S_REGION); i++)
        vm->slots += (uint32_t)is_mapped(f, mach_cfg_record(f, MACH_CFG_S_REGION, i));
    int64_t gsis = mach_config_gsis(config, NULL, 0);
    vm->gsis = gsis < 0 ? 0 : (uint32_t)gsis;
    return gsis < 0 ? (int)gsis : 0;
}

static int by_gsi(const void *a, const void *b)
{
    const struct mach_gsi *x = (const struct mach_gsi *)a, *y = (const struct mach_gsi *)b;
    return (x->gsi > y->gsi) - (x->gsi < y->gsi);
}

int64_t mach_config_gsis(const struct mach_config *config, struct mach_gsi *gsis, uint32_t max)
{
    const struct mach_cfg_file *f = mach_config_file(config);
    const struct mach_sys *sys = mach_sys_linux();
    uint32_t count = mach_cfg_count(f, MACH_CFG_S_IRQ), n = 0, listed = 0;
    struct mach_gsi *all = (struct mach_gsi *)sys->alloc(sys->opaque, NULL, ((size_t)count + 1) * sizeof *all);
    if (!all)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        struct mach_cfg_rec q = mach_cfg_record(f, MACH_CFG_S_IRQ, i);
        if (mach_cfg_irq_gsi(q) != MACH_CFG_NONE)
            all[n++] = (struct mach_gsi){mach_cfg_irq_gsi(q), mach_cfg_irq_chip(q), mach_cfg_irq_number(q),
                                         mach_cfg_irq_trigger(q) == MACH_CFG_TRIGGER_LEVEL};
    }
    if (n)
        qsort(all, n, sizeof *all, by_gsi);
    for (uint32_t i = 0; i < n; i++) {
        if (i && all[i].gsi == all[i - 1].gsi)
            continue;
        if (listed < max)
            gsis[listed] = all[i];
        listed++;
    }
    sys->alloc(sys->opaque, all, 0);
    return listed;
}

int mach_config_pin(const struct mach_config *config, uint32_t vcpu)
{
    const struct mach_cfg_file *f = mach_config_file(config);
    if (vcpu >= mach_cfg_count(f, MACH_CFG_S_CPU))
        return -ENOENT;
    uint32_t cpu = mach_cfg_cpu_host_cpu(mach_cfg_record(f, MACH_CFG_S_CPU, vcpu));
    if (cpu == MACH_CFG_NONE)
        return 0;
    enum { MOST = 8192 }; // CONFIG_NR_CPUS of Linux is at most that (arch/*/Kconfig)
    union {
        cpu_set_t set;
        unsigned char bytes[MOST / 8];
    } cpus;
    if (cpu >= MOST)
        return -EINVAL;
    CPU_ZERO_S(sizeof cpus, &cpus.set);
    CPU_SET_S(cpu, sizeof cpus, &cpus.set);
    return sched_setaffinity(0, sizeof cpus, &cpus.set) ? -errno : 0;
}
