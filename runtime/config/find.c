// SPDX-License-Identifier: MIT
// Records by their names.
#include "machrt.h"

#include <string.h>

// The first of the `n` records from `first` on whose name it is.
static uint32_t find_named(const struct mach_config *config, uint32_t section, uint32_t first, uint32_t n,
                           uint32_t (*name_of)(struct mach_cfg_rec r), const char *name)
{
    const struct mach_cfg_file *f = mach_config_file(config);
    for (uint32_t i = first; i < first + n; i++)
        if (!strcmp(mach_cfg_string(f, name_of(mach_cfg_record(f, section, i))), name))
            return i;
    return MACH_CFG_NONE;
}

static uint32_t find_in_section(const struct mach_config *config, uint32_t section,
                                uint32_t (*name_of)(struct mach_cfg_rec r), const char *name)
{
    return find_named(config, section, 0, mach_cfg_count(mach_config_file(config), section), name_of, name);
}

uint32_t mach_config_find_memory(const struct mach_config *config, const char *name)
{
    return find_in_section(config, MACH_CFG_S_MEMORY, mach_cfg_memory_name, name);
}

uint32_t mach_config_find_irqchip(const struct mach_config *config, const char *name)
{
    return find_in_section(config, MACH_CFG_S_IRQCHIP, mach_cfg_irqchip_name, name);
}

uint32_t mach_config_find_device(const struct mach_config *config, const char *name)
{
    return find_in_section(config, MACH_CFG_S_DEVICE, mach_cfg_device_name, name);
}

uint32_t mach_config_find_region(const struct mach_config *config, uint32_t device, const char *name)
{
    struct mach_cfg_rec d = mach_cfg_record(mach_config_file(config), MACH_CFG_S_DEVICE, device);
    return find_named(config, MACH_CFG_S_REGION, mach_cfg_device_first_region(d), mach_cfg_device_regions(d),
                      mach_cfg_region_name, name);
}

uint32_t mach_config_find_irq(const struct mach_config *config, uint32_t device, const char *name)
{
    struct mach_cfg_rec d = mach_cfg_record(mach_config_file(config), MACH_CFG_S_DEVICE, device);
    return find_named(config, MACH_CFG_S_IRQ, mach_cfg_device_first_irq(d), mach_cfg_device_irqs(d), mach_cfg_irq_name,
                      name);
}
