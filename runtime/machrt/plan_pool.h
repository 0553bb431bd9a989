// SPDX-License-Identifier: MIT
// The pool of huge pages that `machrt plan` pretends there is.
#ifndef MACHRT_PLAN_POOL_H
#define MACHRT_PLAN_POOL_H

#include "command.h"

#include <stdbool.h>

struct pool_mapping {
    uint64_t at, size, host;
};

/* What is mapped of it. All zeros at first; the caller frees `list`. */
struct pool {
    struct pool_mapping *list;
    size_t n;
};

/* Lists /sys/kernel/mm/hugepages: the sizes that the config needs. */
int pool_list(const struct mach_cfg_file *f, int (*each)(void *, const char *, int), void *arg);
/* A file of one size. The length; 0: `path` is none. */
int pool_read(const char *path, char *out, size_t size);
enum { POOL_NAME = 50 }; // bytes of a memory's name that are in its memfd's

/* The memory whose memfd has a name; MACH_CFG_NONE: none. `memories`: names_of_memory(), of POOL_NAME bytes. */
uint32_t pool_memory(const struct device_names *memories, const char *name);
/* Whether a memory's memfd can have `size` bytes: the pool has twice what is asked for, so that a search of it ends. */
bool pool_has(const struct mach_cfg_file *f, uint32_t memory, uint64_t size);
/* Part of that memory's memfd is mapped. */
void pool_map(struct pool *p, const struct mach_cfg_file *f, uint64_t at, uint64_t size, uint32_t memory,
              uint64_t offset);
/* What /proc/self/pagemap has for an address. */
uint64_t pool_entry(const struct pool *p, uint64_t at, uint64_t page);

#endif
