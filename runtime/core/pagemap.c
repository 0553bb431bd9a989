// SPDX-License-Identifier: MIT
// /proc/self/pagemap: Linux Documentation/admin-guide/mm/pagemap.rst.
#include "core/physical.h"

#include <errno.h>
#include <fcntl.h>

static const uint64_t PRESENT = UINT64_C(1) << 63, FRAME = (UINT64_C(1) << 55) - 1;
enum { BLOCK = 512 }; // entries that are read at once

static int open_pagemap(struct mach_session *s)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/self/pagemap", s->sys.proc);
    return s->sys.open(s->sys.opaque, path, O_RDONLY);
}

static int read_entries(struct mach_session *s, int fd, uintptr_t at, uint64_t *to, uint64_t n)
{
    return machrt_check_transfer(s->sys.pread(s->sys.opaque, fd, to, (size_t)n * sizeof *to, at / s->page * sizeof *to),
                                 (size_t)n * sizeof *to);
}

// Does the kernel show numbers of frames? Without CAP_SYS_ADMIN all are 0. Only one page has that number, where memory
// begins at address 0: if a page of the caller is that one, the page of the stack that is looked at here is not.
static bool frames_are_shown(struct mach_session *s, int fd)
{
    uint64_t entry = 0;
    return !read_entries(s, fd, (uintptr_t)&entry, &entry, 1) && entry & PRESENT && entry & FRAME;
}

// The host address that an entry has. 0 or -errno.
static int decode(struct mach_session *s, int fd, uint64_t entry, uint64_t *to)
{
    if (!(entry & PRESENT))
        return -ENODATA;
    *to = (entry & FRAME) * s->page;
    return *to || frames_are_shown(s, fd) ? 0 : -EACCES;
}

int machrt_read_physical(struct mach_session *s, const void *at, uint64_t page, uint64_t pages, uint64_t *to)
{
    uint64_t entry[BLOCK];
    int fd = open_pagemap(s), r = fd < 0 ? fd : 0;
    for (uint64_t i = 0; !r && i < pages;) {
        // Entries lie side by side only for the kernel's own pages.
        uint64_t n = page != s->page ? 1 : pages - i < BLOCK ? pages - i : BLOCK;
        r = read_entries(s, fd, (uintptr_t)at + (uintptr_t)(i * page), entry, n);
        for (uint64_t k = 0; !r && k < n; k++)
            r = decode(s, fd, entry[k], &to[i + k]);
        i += n;
    }
    if (fd >= 0)
        s->sys.close(s->sys.opaque, fd);
    return r;
}

int machrt_is_kernels_page(struct mach_session *s, const void *at)
{
    uint64_t entry = 0;
    int fd = open_pagemap(s), r = fd < 0 ? fd : read_entries(s, fd, (uintptr_t)at, &entry, 1);
    if (fd >= 0)
        s->sys.close(s->sys.opaque, fd);
    return r ? r : entry & PRESENT ? 0 : -ENODATA;
}
