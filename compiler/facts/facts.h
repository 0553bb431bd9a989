// SPDX-License-Identifier: MIT
// A snapshot of the running host, written by `machrt probe`.
#ifndef MACHC_FACTS_FACTS_H
#define MACHC_FACTS_FACTS_H

#include "base/map.h"
#include "machc.h"

/* [first, last] of device addresses that no mapping may have (/sys/kernel/iommu_groups/N/reserved_regions). */
struct facts_range {
    uint64_t first, last;
    const char *type; // "msi", "reserved", "direct", "direct-relaxable"
    struct loc at;
};

struct facts_member {
    const char *name;   // interned: as in sysfs
    const char *driver; // NULL: none is bound
    const char *bus;    // "pci", "platform", "amba", "fsl-mc"; NULL: not said
    struct loc at;
};

struct facts_group {
    uint32_t number;
    struct facts_member *members;
    uint32_t nmembers;
    struct facts_range *reserved;
    uint32_t nreserved;
    struct loc at;
};

/* A region or interrupt as VFIO offers it. */
struct facts_region {
    uint32_t index;
    uint64_t size;            // bytes; 0: there is none
    const char *const *flags; // NULL-terminated: "read", "write", "mmap"
    struct loc at;
};

struct facts_irq {
    uint32_t index, count;
    const char *const *flags; // NULL-terminated: "eventfd", "maskable", "automasked", "noresize"
    struct loc at;
};

struct facts_device {
    const char *name; // interned: as in sysfs
    struct facts_region *regions;
    uint32_t nregions;
    struct facts_irq *irqs;
    uint32_t nirqs;
    struct loc at;
};

struct facts {
    const char *format; // "facts.json"
    const char *file;
    uint64_t page_size;
    struct loc page_size_at;
    const char *cpus; // "0-3,5"; or NULL
    struct loc cpus_at;
    const char *const *compatible; // NULL-terminated, of the root node
    struct loc compatible_at;
    uint64_t memlock; // bytes; UINT64_MAX: no limit
    struct loc memlock_at;
    struct facts_group *groups;
    uint32_t ngroups;
    struct facts_device *devices;
    uint32_t ndevices;
    /* (interned name, 0) -> */
    struct map member_of; // struct facts_group
    struct map member;    // struct facts_member
    struct map device;    // struct facts_device
};

/*
 * Reads a snapshot. NULL after messages; `at` is where the file is named. The file is not trusted: no key stands twice,
 * no number is cut off, and every value is of its type (schemas/json/facts.schema.json says the same).
 */
struct facts *facts_read(struct machc *c, const char *path, struct src at);

#endif
