// SPDX-License-Identifier: MIT
// Where memory lies on the host: as the kernel shows it, in /proc and in the tree that it runs with.
#ifndef MACHRT_CORE_PHYSICAL_H
#define MACHRT_CORE_PHYSICAL_H

#include "core/session.h"

/* ---- pagemap.c: /proc/self/pagemap ---- */

/*
 * Stores in to[i] the host address of the page of `page` bytes at `at` + i * page, for i below `pages`. `at` is a
 * multiple of the kernel's page, and `page` as well. 0; -EACCES: the kernel shows addresses to CAP_SYS_ADMIN alone;
 * -ENODATA: a page is not there, or not one of the kernel's own (VM_PFNMAP: /dev/mem, UIO, a DMA heap); -errno.
 */
int machrt_read_physical(struct mach_session *s, const void *at, uint64_t page, uint64_t pages, uint64_t *to);

/*
 * Whether the page at `at`, which was touched, is one of the kernel's own. 0: it is; -ENODATA: it is not; -errno. Needs
 * no privilege.
 */
int machrt_is_kernels_page(struct mach_session *s, const void *at);

/* ---- iomem.c: /proc/iomem ---- */

/* What a range of host addresses is to the kernel. */
struct ram {
    bool all, some;       // all of it is the kernel's own memory ("System RAM"), or a part of it
    uint64_t first, last; // `some`: the first such piece
};

/*
 * Finds what [first, last] is. 0; -EACCES: only root sees addresses; -errno. Needs /proc/iomem of the kernel to list
 * its memory, which it does on every architecture.
 */
int machrt_find_ram(const struct mach_sys *sys, uint64_t first, uint64_t last, struct ram *to);

/* The same with a list that the session reads once: of many ranges. */
int machrt_find_session_ram(struct mach_session *s, uint64_t first, uint64_t last, struct ram *to);

/*
 * Finds a part of [first, last] that a driver of the host's, or a bus, has: its name is stored. 0; -ENOENT: there is
 * none; -EACCES, -errno as above. What is memory, or reserved, is none.
 */
int machrt_find_claimed(const struct mach_sys *sys, uint64_t first, uint64_t last, char *name, size_t size);

/*
 * Calls each() for every piece of the kernel's own memory, in rising order, until it returns non-zero. 0; -EACCES,
 * -errno as above.
 */
int machrt_each_ram(const struct mach_sys *sys, int (*each)(void *opaque, uint64_t first, uint64_t last), void *opaque);

/* ---- pool.c: the pool of huge pages ---- */

typedef void (*machrt_each_run)(void *opaque, uint64_t page, uint64_t first, uint64_t size);

/* mach_free_huge_pages() with a table of functions that is complete, for what lies before `end`. */
int machrt_scan_pool(const struct mach_sys *sys, uint64_t end, machrt_each_run each, void *opaque);

/* ---- reserved.c: /reserved-memory of the tree that the kernel runs with ---- */

/*
 * Finds the node of /reserved-memory that [first, last] lies in as a whole. 0: *name (of `size` bytes) is the node's,
 * and *reusable whether the kernel uses it until a driver asks for it; -ENOENT: there is none; -errno.
 */
int machrt_find_reserved(struct mach_session *s, uint64_t first, uint64_t last, char *name, size_t size,
                         bool *reusable);

/* ---- kcore.c: /proc/kcore ---- */

enum { MACHRT_MARK = 32 }; // bytes of a mark: no other memory has the same by chance

/*
 * Whether the kernel's linear map has the MACHRT_MARK bytes at `mark` at host address `physical`: then what this
 * process wrote them to is the kernel's own memory, and lies there. 0; -ENODATA: it has not; -errno (-EPERM: lockdown).
 */
int machrt_find_mark(struct mach_session *s, uint64_t physical, const uint8_t *mark);

/* Finds the first page of the kernel's linear map that begins with the mark. 0 and *physical; -ENODATA; -errno. */
int machrt_search_mark(struct mach_session *s, const uint8_t *mark, uint64_t *physical);

#endif
