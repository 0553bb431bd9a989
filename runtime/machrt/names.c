// SPDX-License-Identifier: MIT
// The devices of a config by their names in sysfs, and its memory.
#include "command.h"

#include <stdlib.h>

static int by_name(const void *a, const void *b)
{
    const struct device_name *x = (const struct device_name *)a, *y = (const struct device_name *)b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->device > y->device) - (x->device < y->device);
}

static bool make(struct device_names *n, const struct mach_cfg_file *f, uint32_t section,
                 uint32_t (*name)(struct mach_cfg_rec r))
{
    uint32_t count = mach_cfg_count(f, section);
    *n = (struct device_names){(struct device_name *)calloc(count ? count : 1, sizeof(struct device_name)), count,
                               SIZE_MAX};
    for (uint32_t i = 0; n->name && i < count; i++)
        n->name[i] = (struct device_name){mach_cfg_string(f, name(mach_cfg_record(f, section, i))), i};
    if (n->name)
        qsort(n->name, count, sizeof *n->name, by_name);
    return n->name != NULL;
}

bool names_make(struct device_names *n, const struct mach_cfg_file *f)
{
    return make(n, f, MACH_CFG_S_DEVICE, mach_cfg_device_sysfs_name);
}

bool names_of_memory(struct device_names *n, const struct mach_cfg_file *f, size_t most)
{
    bool made = make(n, f, MACH_CFG_S_MEMORY, mach_cfg_memory_name);
    n->most = most;
    return made;
}

uint32_t names_find(const struct device_names *n, const char *name)
{
    uint32_t low = 0, high = n->count;
    while (low < high) { // the first entry that is not less
        uint32_t middle = low + (high - low) / 2;
        if (strcmp(n->name[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return *name && low < n->count && !strncmp(n->name[low].name, name, n->most) ? n->name[low].device : MACH_CFG_NONE;
}

void names_free(struct device_names *n)
{
    free(n->name);
    n->name = NULL;
}
