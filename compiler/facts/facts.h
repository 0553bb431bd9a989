// SPDX-License-Identifier: MIT
// A snapshot of the running host, written by `machrt probe`.
#ifndef MACHC_FACTS_FACTS_H
#define MACHC_FACTS_FACTS_H

#include "base/map.h"
#include "machc.h"

/* Reserved device addresses, first to last inclusive (/sys/kernel/iommu_groups/N/reserved_regions). */
struct facts_range {
    uint64_t first, last;
    const char *type; // "msi", "reserved", "direct", "direct-relaxable"
    struct loc at;
};

/* A device in an IOMMU group. */
struct facts_member {
    const char *name;   // interned: as in sysfs
    const char *driver; // NULL: none is bound
    const char *bus;    // "pci", "platform", "amba", "fsl-mc"; NULL: the snapshot does not tell
    struct loc at;
};

/* An IOMMU group: its devices, and device addresses that no mapping may use. */
struct facts_group {
    uint32_t number;
    struct facts_member *members;
    uint32_t nmembers;
    struct facts_range *reserved;
    uint32_t nreserved;
    struct loc at;
};

/* A region as VFIO reports it. */
struct facts_region {
    uint32_t index;
    uint64_t size;            // bytes; 0: there is none
    const char *const *flags; // NULL-terminated: "read", "write", "mmap"
    struct loc at;
};

/* An interrupt index as VFIO reports it; `count` is its number of interrupts. */
struct facts_irq {
    uint32_t index, count;
    const char *const *flags; // NULL-terminated: "eventfd", "maskable", "automasked", "noresize"
    struct loc at;
};

/* A device that VFIO offers. */
struct facts_device {
    const char *name; // interned: as in sysfs
    struct facts_region *regions;
    uint32_t nregions;
    struct facts_irq *irqs;
    uint32_t nirqs;
    struct loc at;
};

/* Huge pages that lie side by side, and that nobody had mapped. */
struct facts_run {
    uint64_t page, first, size; // bytes of each, host address, bytes
    struct loc at;
};

/* A clock of the host's kernel. */
struct facts_clock {
    const char *name; // as its driver called it
    uint64_t rate;    // Hz; 0: none, or not known
    struct facts_clock_user {
        const char *device;     // as in sysfs
        const char *connection; // as in `clock-names`; NULL: none was said
    } * users;
    uint32_t nusers;
    struct loc at;
};

/* A regulator that a node of the tree describes. */
struct facts_regulator {
    const char *node; // its path
    uint64_t microvolts;
    struct loc at;
};

/* A snapshot of a host. */
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
    struct facts_run *runs;
    uint32_t nruns;
    bool knows_pool; // else it was not visible
    struct loc pool_at;
    const char *const *heaps; // NULL-terminated; NULL: the snapshot does not tell
    struct loc heaps_at;
    struct facts_clock *clocks;
    uint32_t nclocks;
    struct facts_regulator *regulators;
    uint32_t nregulators;
    struct facts_group *groups;
    uint32_t ngroups;
    struct facts_device *devices;
    uint32_t ndevices;
    /* each maps (interned name, 0) to: */
    struct map member_of; // struct facts_group
    struct map member;    // struct facts_member
    struct map device;    // struct facts_device
    struct map clock;     // struct facts_clock
    struct map regulator; // struct facts_regulator, by the path of its node
    struct map
        clock_of; // (interned device, its connection or NULL) -> struct facts_clock; of several: one without a rate
};

/*
 * Reads the snapshot in the file `path`; `at` is the statement or option that names the file. The result is allocated
 * in c->arena. Returns NULL after messages. The file is not trusted: no key may occur twice, every number must fit, and
 * every value must have its type (schemas/json/facts.schema.json states the same).
 */
struct facts *facts_read(struct machc *c, const char *path, struct src at);

#endif
