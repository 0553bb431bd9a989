// SPDX-License-Identifier: MIT
// What the kernel is asked to move stays where it is, if a session has pinned it; what has no pin moves.
//
//     pool-pin FOUND.CFG
#include "lib/rig.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static const size_t PAGE = 2 << 20;

static uint64_t host_of(const void *at)
{
    uint64_t entry = 0;
    int fd = open("/proc/self/pagemap", O_RDONLY);
    if (pread(fd, &entry, 8, (off_t)((uintptr_t)at / 4096 * 8)) != 8)
        entry = 0;
    close(fd);
    return (entry & ((UINT64_C(1) << 55) - 1)) * 4096;
}

// Asks the kernel to move all of this process to the other node, and back.
static void move_all(void)
{
    for (unsigned long from = 1; from <= 2; from++) {
        unsigned long to = 3 - from;
        syscall(SYS_migrate_pages, getpid(), 8UL, &from, &to);
    }
    unsigned long from = 1, to = 2;
    syscall(SYS_migrate_pages, getpid(), 8UL, &from, &to);
    int fd = open("/proc/sys/vm/compact_memory", O_WRONLY);
    if (write(fd, "1", 1) != 1)
        comment("compact_memory: %s", strerror(errno));
    close(fd);
}

int main(int argc, char **argv)
{
    struct rig r;
    unsigned moved = 0, pages = 0;
    if (argc != 2)
        return 2;
    tap_begin("15", "pin");
    if (!rig_start(&r, argv[1], "noiommu"))
        return tap_end();
    const struct mach_memory *m = mach_session_memory(r.session, 0);
    // A page of the pool without a pin, on the first node.
    unsigned long first = 1;
    uint8_t *loose = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
    ok(loose != MAP_FAILED && !syscall(SYS_mbind, loose, PAGE, 2 /* MPOL_BIND */, &first, 8UL, 0UL),
       "a page of the pool");
    memset(loose, 1, PAGE);
    syscall(SYS_mbind, loose, PAGE, 0 /* MPOL_DEFAULT */, NULL, 0UL, 0UL);
    uint64_t was = host_of(loose);
    ok(m->host && m->host == host_of(m->at), "guest memory lies where the session says");
    memset(m->at, 0x5a, (size_t)m->size);
    move_all();
    for (uint64_t at = 0; at < m->size; at += PAGE, pages++)
        moved += host_of((uint8_t *)m->at + at) != m->host + at;
    ok(was && host_of(loose) != was, "migrate_pages moves a page that nobody has pinned");
    comment("from 0x%" PRIx64 " to 0x%" PRIx64, was, host_of(loose));
    ok(!moved && pages, "and none of the guest's memory");
    comment("%u of %u pages have moved", moved, pages);
    rig_stop(&r);
    return tap_end();
}
