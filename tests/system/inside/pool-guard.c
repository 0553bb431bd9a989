// SPDX-License-Identifier: MIT
// Holds all huge pages that are free, filled with a pattern, while a guest runs beside them: a device without an IOMMU
// that misses the guest's memory writes into them.
//
//     pool-guard READY DONE NAME GUEST.ERR
//
// Creates the file READY when it has the pages, waits for the file DONE, and looks at them. GUEST.ERR has machvm's log.
#include "lib/rig.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static const size_t PAGE = 2 << 20;

static uint64_t host_of(const void *at)
{
    static int fd = -1;
    uint64_t entry = 0;
    if (fd < 0)
        fd = open("/proc/self/pagemap", O_RDONLY);
    if (pread(fd, &entry, 8, (off_t)((uintptr_t)at / 4096 * 8)) != 8)
        return 0;
    return (entry & ((UINT64_C(1) << 55) - 1)) * 4096;
}

static uint64_t word(uint64_t host, size_t i)
{
    return (host + i) * UINT64_C(0x9e3779b97f4a7c15);
}

// The next place in the guest's log where memory lies; 0: no more.
static uint64_t next_run(const char **log, uint64_t *size)
{
    const char *at = strstr(*log, " MiB at host 0x");
    if (!at)
        return 0;
    const char *number = at;
    while (number > *log && number[-1] >= '0' && number[-1] <= '9')
        number--;
    *size = strtoull(number, NULL, 10) << 20;
    *log = at + 1;
    return strtoull(at + strlen(" MiB at host "), NULL, 16);
}

int main(int argc, char **argv)
{
    static char text[65536];
    unsigned long pages = 0, bad = 0, beside = 0;
    if (argc != 5)
        return 2;
    FILE *f = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "r");
    if (!f || fscanf(f, "%lu", &pages) != 1 || !pages)
        return 1;
    uint8_t *all = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_POPULATE, -1, 0);
    uint64_t *host = calloc(pages, sizeof *host);
    if (all == MAP_FAILED || !host)
        return 1;
    for (size_t i = 0; i < pages; i++) {
        host[i] = host_of(all + i * PAGE);
        for (size_t k = 0; k < PAGE; k += 64)
            *(uint64_t *)(all + i * PAGE + k) = word(host[i], k);
    }
    close(open(argv[1], O_CREAT | O_WRONLY, 0600));
    for (int n = 0; access(argv[2], F_OK) && n < 1200; n++)
        usleep(100000);
    for (size_t i = 0; i < pages; i++)
        for (size_t k = 0; k < PAGE; k += 64)
            bad += *(uint64_t *)(all + i * PAGE + k) != word(host[i], k);
    f = fopen(argv[4], "r");
    if (f)
        text[fread(text, 1, sizeof text - 1, f)] = '\0';
    const char *log = text;
    for (uint64_t run, size; (run = next_run(&log, &size));)
        for (size_t i = 0; i < pages; i++)
            beside += host[i] + PAGE == run || host[i] == run + size;
    tap_begin("15", argv[3]);
    ok(beside > 0, "host: the guard has pages right beside the guest's memory");
    ok(!bad, "host: no word of the memory around the guest has changed");
    comment("%lu words of %lu pages, %lu of them beside it", bad, pages, beside);
    return tap_end();
}
