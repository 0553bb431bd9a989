// SPDX-License-Identifier: MIT
// The command probe: prints what this host has, as JSON, so that a compiler on another machine can check against it.
#include "command.h"

#include <inttypes.h>
#include <stdlib.h>

enum { PATH = 512, MOST = 16384 };

static const struct mach_sys *sys;

// Prints a file's text without the line feed at its end; null where there is no file.
static void print_file(const char *path)
{
    char data[1024];
    int64_t n = sys->read_file(sys->opaque, path, data, sizeof data);
    while (n > 0 && (data[n - 1] == '\n' || !data[n - 1]))
        n--;
    if (n < 0)
        fputs("null", stdout);
    else
        say_json(stdout, data, (size_t)n);
}

static void print_compatible(void)
{
    char data[1024], path[PATH];
    snprintf(path, sizeof path, "%s/firmware/devicetree/base/compatible", sys->sysfs);
    int64_t n = sys->read_file(sys->opaque, path, data, sizeof data - 1);
    data[n > 0 ? n : 0] = '\0';
    putchar('[');
    for (int64_t at = 0; at < n; at += (int64_t)strlen(data + at) + 1) {
        fputs(at ? ", " : "", stdout);
        say_json(stdout, data + at, strlen(data + at));
    }
    putchar(']');
}

struct names {
    char (*at)[128];
    uint32_t n;
};

static int add_name(void *arg, const char *name, int is_directory)
{
    (void)is_directory;
    struct names *x = (struct names *)arg;
    if (x->n == MOST || strlen(name) >= sizeof x->at[0])
        return 0;
    if (!(x->n & (x->n - 1))) {
        void *p = realloc(x->at, (x->n ? 2 * (size_t)x->n : 1) * sizeof x->at[0]);
        if (!p)
            return 1;
        x->at = (char(*)[128])p;
    }
    strcpy(x->at[x->n++], name);
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    const char *x = (const char *)a, *y = (const char *)b;
    unsigned long m = strtoul(x, NULL, 10), n = strtoul(y, NULL, 10);
    return m != n ? (m > n) - (m < n) : strcmp(x, y);
}

static struct names list_entries(const char *path)
{
    struct names x = {NULL, 0};
    sys->list(sys->opaque, path, add_name, &x);
    if (x.n)
        qsort(x.at, x.n, sizeof x.at[0], compare_names);
    return x;
}

// Prints the last component of what a link of a device points to; null where there is no link.
static void print_link_target(const char *group, const char *name, const char *link)
{
    char path[PATH], to[PATH];
    snprintf(path, sizeof path, "%s/kernel/iommu_groups/%s/devices/%s/%s", sys->sysfs, group, name, link);
    int64_t n = sys->readlink(sys->opaque, path, to, sizeof to);
    const char *last = n > 0 ? strrchr(to, '/') : NULL;
    if (last)
        say_json(stdout, last + 1, strlen(last + 1));
    else
        fputs("null", stdout);
}

static void print_member(const char *group, const char *name)
{
    fputs("{\"name\": ", stdout);
    say_json(stdout, name, strlen(name));
    fputs(", \"driver\": ", stdout);
    print_link_target(group, name, "driver");
    fputs(", \"bus\": ", stdout);
    print_link_target(group, name, "subsystem");
    putchar('}');
}

static void print_reserved(const char *group)
{
    char path[PATH], data[4096];
    snprintf(path, sizeof path, "%s/kernel/iommu_groups/%s/reserved_regions", sys->sysfs, group);
    int64_t n = sys->read_file(sys->opaque, path, data, sizeof data - 1);
    data[n > 0 ? n : 0] = '\0';
    const char *before = "";
    for (char *line = data; line && *line;) {
        char type[24], *next = strchr(line, '\n');
        uint64_t first, last;
        if (sscanf(line, "%" SCNx64 " %" SCNx64 " %23[a-z-]", &first, &last, type) == 3) {
            printf("%s{\"first\": \"0x%" PRIx64 "\", \"last\": \"0x%" PRIx64 "\", \"type\": \"%s\"}", before, first,
                   last, type);
            before = ", ";
        }
        line = next ? next + 1 : NULL;
    }
}

static void print_groups(void)
{
    char path[PATH];
    snprintf(path, sizeof path, "%s/kernel/iommu_groups", sys->sysfs);
    struct names all = list_entries(path);
    fputs("  \"iommu_groups\": [", stdout);
    for (uint32_t i = 0; i < all.n; i++) {
        snprintf(path, sizeof path, "%s/kernel/iommu_groups/%.120s/devices", sys->sysfs, all.at[i]);
        struct names in = list_entries(path);
        printf("%s\n    {\"group\": %lu, \"devices\": [", i ? "," : "", strtoul(all.at[i], NULL, 10));
        for (uint32_t k = 0; k < in.n; k++) {
            fputs(k ? ", " : "", stdout);
            print_member(all.at[i], in.at[k]);
        }
        fputs("], \"reserved\": [", stdout);
        print_reserved(all.at[i]);
        fputs("]}", stdout);
        free(in.at);
    }
    puts(all.n ? "\n  ]," : "],");
    free(all.at);
}

/* All devices that are bound to a VFIO driver. */
static void print_devices(void)
{
    char path[PATH], link[PATH];
    snprintf(path, sizeof path, "%s/kernel/iommu_groups", sys->sysfs);
    struct names all = list_entries(path);
    bool first = true;
    fputs("  \"devices\": [", stdout);
    for (uint32_t i = 0; i < all.n; i++) {
        snprintf(path, sizeof path, "%s/kernel/iommu_groups/%.120s/devices", sys->sysfs, all.at[i]);
        struct names in = list_entries(path);
        for (uint32_t k = 0; k < in.n; k++) {
            snprintf(path, sizeof path, "%s/kernel/iommu_groups/%.120s/devices/%.120s/driver", sys->sysfs, all.at[i],
                     in.at[k]);
            int64_t n = sys->readlink(sys->opaque, path, link, sizeof link);
            const char *last = n > 0 ? strrchr(link, '/') : NULL;
            if (last && strstr(last, "vfio") &&
                probe_device(sys, stdout, (unsigned)strtoul(all.at[i], NULL, 10), in.at[k], first))
                first = false;
        }
        free(in.at);
    }
    puts(first ? "]," : "\n  ],");
    free(all.at);
}

static void print_huge_pages(void)
{
    char path[PATH];
    snprintf(path, sizeof path, "%s/kernel/mm/hugepages", sys->sysfs);
    struct names all = list_entries(path);
    const char *before = "";
    fputs("  \"huge_pages\": [", stdout);
    for (uint32_t i = 0; i < all.n; i++) {
        unsigned long kib;
        if (sscanf(all.at[i], "hugepages-%lukB", &kib) != 1)
            continue;
        snprintf(path, sizeof path, "%s/kernel/mm/hugepages/%.120s/free_hugepages", sys->sysfs, all.at[i]);
        printf("%s{\"kib\": %lu, \"free\": ", before, kib);
        print_file(path);
        putchar('}');
        before = ", ";
    }
    puts("],");
    free(all.at);
}

static const char *exists(const char *node)
{
    char path[PATH];
    snprintf(path, sizeof path, "%s/%s", sys->dev, node);
    return sys->access(sys->opaque, path, 0 /* F_OK */) ? "false" : "true";
}

int command_probe(const struct command *c)
{
    char path[PATH];
    sys = mach_sys_linux();
    printf("{\n  \"format\": \"facts.json\",\n  \"kernel\": ");
    snprintf(path, sizeof path, "%s/sys/kernel/osrelease", sys->proc);
    print_file(path);
    printf(",\n  \"page_size\": %" PRIu64 ",\n  \"cpus_online\": ", sys->page_size(sys->opaque));
    snprintf(path, sizeof path, "%s/devices/system/cpu/online", sys->sysfs);
    print_file(path);
    fputs(",\n  \"compatible\": ", stdout);
    print_compatible();
    uint64_t limit = 0;
    puts(",");
    if (sys->memlock(sys->opaque, &limit) || limit == UINT64_MAX)
        puts("  \"memlock\": null,");
    else
        printf("  \"memlock\": \"0x%" PRIx64 "\",\n", limit);
    print_huge_pages();
    probe_memory(sys, stdout);
    probe_power(sys, stdout);
    print_groups();
    if (c->open)
        print_devices();
    printf("  \"nodes\": {\"kvm\": %s, \"vfio\": %s, \"iommu\": %s, \"vfio_devices\": %s}\n}\n", exists("kvm"),
           exists("vfio/vfio"), exists("iommu"), exists("vfio/devices"));
    return FINE;
}
