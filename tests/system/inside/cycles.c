// SPDX-License-Identifier: MIT
// Runs sessions one after another in one process. At the end, no resource has grown since the first ones.
//
//     cycles NAME TIMES BACKEND CFG ...
#include "lib/rig.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

enum { SETTLED = 20 }; // sessions until the allocators have reached their steady state

struct kept {
    uint64_t fds, maps, pinned, locked, resident, groups, host;
};

static uint64_t count_entries(const char *path)
{
    uint64_t n = 0;
    DIR *d = opendir(path);
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

// The number of lines, or the number after `key`.
static uint64_t in_file(const char *path, const char *key)
{
    char line[512];
    uint64_t n = 0;
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        n += !key ? 1 : !strncmp(line, key, strlen(key)) ? strtoull(line + strlen(key), NULL, 10) : 0;
    if (f)
        fclose(f);
    return n;
}

// Memory that the kernel has allocated permanently, and that no file shows. Each cpu withholds some MB of MemFree.
static uint64_t host_memory(void)
{
    static const char *const of[] = {"SUnreclaim:",  "PageTables:", "SecPageTables:", "KernelStack:",
                                     "VmallocUsed:", "Percpu:",     "Shmem:",         "AnonPages:"};
    uint64_t sum = 0;
    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++)
        sum += in_file("/proc/meminfo", of[i]);
    return sum;
}

static struct kept look(void)
{
    return (struct kept){
        .fds = count_entries("/proc/self/fd"),
        .maps = in_file("/proc/self/maps", NULL),
        .pinned = in_file("/proc/self/status", "VmPin:"),
        .locked = in_file("/proc/self/status", "VmLck:"),
        .resident = in_file("/proc/self/status", "VmRSS:"),
        .groups = count_entries("/dev/vfio"),
        .host = host_memory(),
    };
}

static void same(const char *what, uint64_t before, uint64_t after)
{
    if (!ok(before == after, "%s: %" PRIu64, what, before))
        comment("now %" PRIu64, after);
}

int main(int argc, char **argv)
{
    char what[64];
    struct kept before = {0};
    unsigned times = argc > 4 ? (unsigned)strtoul(argv[2], NULL, 10) : 0, done = 0;
    if (times <= SETTLED)
        return 2;
    snprintf(what, sizeof what, "%s, %s", argv[1], argv[3]);
    tap_begin("8", what);
    for (unsigned i = 0; i < times; i++) {
        struct mach_options o = {.size = sizeof o};
        while (strcmp(mach_backend_name(o.backend), argv[3]) && o.backend < MACH_BACKEND_PAMU)
            o.backend = (enum mach_backend)(o.backend + 1);
        bool good = true;
        for (int k = 4; k < argc; k++) {
            struct mach_config *config;
            struct mach_session *session = NULL;
            struct mach_error e = MACH_ERROR_INIT;
            good = good && !mach_config_open(argv[k], &config, &e);
            good = good && !mach_session_start(config, &o, NULL, NULL, &session, &e);
            good = good && !mach_session_stop(session, &e);
            if (!good)
                fprintf(stderr, "%s: %s: %s: %s: %s\n", argv[k], e.step, e.object, e.hint, strerror(e.number));
            mach_config_close(config);
        }
        done += good;
        if (i % SETTLED == 0)
            fprintf(stderr, "%u sessions\n", i); // it is alive
        if (i + 1 == SETTLED)
            before = look();
    }
    struct kept after = look();
    if (!ok(done == times, "%u sessions start and stop", times))
        comment("%u did", done);
    same("open files", before.fds, after.fds);
    same("mappings", before.maps, after.maps);
    same("KB pinned", before.pinned, after.pinned);
    same("KB locked", before.locked, after.locked);
    same("nodes in /dev/vfio", before.groups, after.groups);
    if (!ok(after.resident <= before.resident + 256, "the process has grown by less than 256 KB"))
        comment("%" PRIu64 " KB, then %" PRIu64, before.resident, after.resident);
    // One page for each session would be 720 KB.
    if (!ok(after.host <= before.host + 500, "the host has allocated less than 500 KB more"))
        comment("%" PRIu64 " KB, then %" PRIu64, before.host, after.host);
    return tap_end();
}
