// SPDX-License-Identifier: MIT
// What configs may name on this host, as an administrator wrote it, and what a config names.
#ifndef MACHRT_POLICY_POLICY_H
#define MACHRT_POLICY_POLICY_H

#include "base/span.h"
#include "core/session.h"

/* ---- parse.c ---- */

enum rule_kind { RULE_DEVICE, RULE_NODE, RULE_PCI, RULE_FILE, RULE_INTERRUPT };

/* A line that allows what matches its pattern. */
struct policy_rule {
    enum rule_kind kind;
    const char *pattern;     // for fnmatch(3)
    const char *pci_device;  // RULE_PCI: the pattern of the device's id; `pattern` is that of the vendor's
    bool no_iommu, readonly; // a device that nothing keeps from any memory; only if it is not written to
};

struct policy_ranges {
    struct span *list; // sorted, and none touches another
    size_t n;
};

struct mach_policy {
    char *name; // of its file
    char *text; // which the patterns are in
    struct policy_rule *rule;
    size_t rules;
    struct policy_ranges physical, cpus, caches;
    uint64_t memory; // bytes
    bool has_memory;
};

/* ---- needs.c ---- */

enum need_kind { NEED_DEVICE, NEED_FILE, NEED_INTERRUPT, NEED_PHYSICAL, NEED_CPUS, NEED_CACHES, NEED_MEMORY };

/* Something of the host that a config names. */
struct need {
    enum need_kind kind;
    bool no_iommu; // NEED_DEVICE: nothing keeps it from any memory
    bool readonly; // NEED_FILE: it is only read
    struct device *device;
    uint64_t first, last; // NEED_PHYSICAL: addresses; NEED_CPUS, _CACHES: numbers; NEED_MEMORY: 0 and the bytes
    char path[PATH_SIZE]; // NEED_FILE, NEED_INTERRUPT: where its name leads
    char who[256];        // "device eth0, region 1"
};

/* Calls each() for all that the config of a session names, until it returns non-zero. 0, that, or -1 after
 * machrt_set_error(). */
int machrt_each_need(struct mach_session *s, int (*each)(void *opaque, const struct need *n), void *opaque);

/* The line of a policy that allows it: "device 1af0000.ethernet". False: none can, its name has control characters. */
bool machrt_need_line(const struct need *n, char *line, size_t size);

/* ---- path.c ---- */

/*
 * Where a path leads: absolute, without links, `.` and `..`. What does not exist is taken as it is written. `real` has
 * PATH_SIZE bytes. 0 or -errno.
 */
int machrt_real_path(const struct mach_session *s, const char *path, char *real);

#endif
