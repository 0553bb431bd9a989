// SPDX-License-Identifier: MIT
// Makes guest.cfg files for tests, record by record: the runtime's tests need no compiler.
#ifndef TEST_CFG_H
#define TEST_CFG_H

#include "machcfg_file.h"
#include "machrt.h"

#include <stdbool.h>
#include <string.h>

struct cfg {
    uint8_t *records[MACH_CFG_S_END];
    uint32_t count[MACH_CFG_S_END];
    char strings[1 << 16];
    uint32_t strings_size;
    uint32_t device;            // the last one
    bool bare;                  // cfg_seal() adds no expectations
    const uint8_t *tree_sha256; // of a guest.dtb of tree_size bytes; NULL: CFG_DTB_SIZE zeros
    size_t tree_size;
    uint8_t *bytes;
    size_t size;
};

/* Skips the test where sysfs is not mounted: in a chroot, say. For tests on the real kernel. */
void needs_sysfs(void);

struct cfg *cfg_new(uint32_t arch, uint32_t iommu);
void cfg_free(struct cfg *c);
uint32_t cfg_string(struct cfg *c, const char *s);

/* A new record of a section, zeroed. Good until the next one of the same section. */
void *cfg_add(struct cfg *c, uint32_t section);

/* Each returns its record's index. */
uint32_t cfg_memory(struct cfg *c, const char *name, uint32_t backing, uint64_t address, uint64_t size, uint64_t arg);
void cfg_cpus(struct cfg *c, uint32_t n);
uint32_t cfg_chip(struct cfg *c, const char *kvm, uint32_t lines, uint64_t first, uint64_t second);
uint32_t cfg_device(struct cfg *c, const char *name, uint32_t kind, const char *sysfs, uint32_t reset);
/* Of the last device. */
uint32_t cfg_region(struct cfg *c, uint32_t mode, uint64_t host, uint64_t size, uint64_t guest);
uint32_t cfg_irq(struct cfg *c, uint32_t source, uint32_t line, bool level);
uint32_t cfg_dma(struct cfg *c, uint32_t mode);
uint32_t cfg_map(struct cfg *c, uint32_t memory, uint64_t offset, uint64_t size, uint64_t iova);
uint32_t cfg_map_region(struct cfg *c, uint32_t region, uint64_t offset, uint64_t size, uint64_t iova);
uint32_t cfg_stash(struct cfg *c, uint32_t kind, uint32_t flags, uint32_t host_cpu);
uint32_t cfg_expect(struct cfg *c, uint32_t kind, uint32_t device, uint32_t index, const char *string, uint64_t a,
                    uint64_t b);
enum { CFG_DTB_SIZE = 64 }; // of the guest.dtb that belongs to every config: zeros
uint32_t cfg_patch(struct cfg *c, uint32_t at, uint32_t memory, uint64_t offset, uint64_t addend);

/* A register of a shadow that the guest may write. In ascending order. */
uint32_t cfg_write(struct cfg *c, uint32_t region, uint32_t offset, uint32_t mask, uint32_t flags);

/* Sets a field of a record that is there. */
#define CFG_SET(c, name, NAME, index, field, value)                                                                    \
    mach_cfg_store(((struct mach_cfg_##name *)(void *)(c)->records[MACH_CFG_S_##NAME])[index].field.b,                 \
                   sizeof(((struct mach_cfg_##name *)0)->field), value)

/* Adds the expectations that a config must have, see docs/guest-cfg.md, and that are not there yet. */
void cfg_complete(struct cfg *c);

/* Completes and finishes the file: c->bytes. */
void cfg_seal(struct cfg *c);

/* The finished file, open. Fails the test when it is refused. */
struct mach_config *cfg_open(struct cfg *c);

#endif
