// SPDX-License-Identifier: MIT
// The devices of a config by their names in sysfs.
#include "command.h"

#include <stdlib.h>

static int by_name(const void *a, const void *b)
{
    const struct device_name *x = (const struct device_name *)a, *y = (const struct device_name *)b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->device > y->device) - (x->device < y->device);
}

bool names_make(struct device_names *n, const struct mach_cfg_file *f)
{
    uint32_t count = mach_cfg_count(f, MACH_CFG_S_DEVICE);
    *n = (struct device_names){(struct device_name *)calloc(count ? count : 1, sizeof(struct device_name)), count};
    for (uint32_t i = 0; n->name && i < count; i++)
        n->name[i] = (struct device_name){
            mach_cfg_string(f, mach_cfg_device_sysfs_name(mach_cfg_record(f, MACH_CFG_S_DEVICE, i))), i};
    if (n->name)
        qsort(n->name, count, sizeof *n->name, by_name);
    return n->name != NULL;
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
    return *name && low < n->count && !strcmp(n->name[low].name, name) ? n->name[low].device : MACH_CFG_NONE;
}

void names_free(struct device_names *n)
{
    free(n->name);
    n->name = NULL;
}
