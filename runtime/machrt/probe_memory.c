// SPDX-License-Identifier: MIT
// What `machrt probe` tells of memory whose place on the host counts: runs of huge pages, reserved memory, DMA heaps.
#include "command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

enum { LONGEST_PATH = 512 };

struct list {
    FILE *out;
    const struct mach_sys *sys;
    const char *before; // what separates the next entry from the last one
    uint32_t cells[2];
};

static void print_run(void *opaque, uint64_t page, uint64_t first, uint64_t bytes)
{
    struct list *l = (struct list *)opaque;
    fprintf(l->out, "%s\n    {\"page\": \"0x%" PRIx64 "\", \"first\": \"0x%" PRIx64 "\", \"size\": \"0x%" PRIx64 "\"}",
            l->before, page, first, bytes);
    l->before = ",";
}

static uint64_t number_at(const uint8_t *p, uint32_t cells)
{
    uint64_t v = 0;
    for (uint32_t i = 0; i < 4 * cells; i++)
        v = v << 8 | p[i];
    return v;
}

static int64_t read_property(const struct mach_sys *sys, const char *node, const char *property, uint8_t *to,
                             size_t size)
{
    char path[LONGEST_PATH];
    int n = snprintf(path, sizeof path, "%s/firmware/devicetree/base/reserved-memory%s%.100s/%s", sys->sysfs,
                     *node ? "/" : "", node, property);
    return n < (int)sizeof path ? sys->read_file(sys->opaque, path, to, size) : -ENAMETOOLONG;
}

static int print_reserved_node(void *opaque, const char *name, int is_directory)
{
    enum { MOST = 1024 };
    struct list *l = (struct list *)opaque;
    uint8_t reg[MOST], unused[1];
    uint32_t entry = 4 * (l->cells[0] + l->cells[1]);
    int64_t n = is_directory ? read_property(l->sys, name, "reg", reg, sizeof reg) : -ENOENT;
    for (int64_t at = 0; at + entry <= n; at += entry) {
        fprintf(l->out, "%s\n    {\"name\": ", l->before);
        say_json(l->out, name, strlen(name));
        fprintf(l->out,
                ", \"first\": \"0x%" PRIx64 "\", \"size\": \"0x%" PRIx64 "\", \"no_map\": %s, \"reusable\": %s}",
                number_at(reg + at, l->cells[0]), number_at(reg + at + 4 * (size_t)l->cells[0], l->cells[1]),
                read_property(l->sys, name, "no-map", unused, 1) >= 0 ? "true" : "false",
                read_property(l->sys, name, "reusable", unused, 1) >= 0 ? "true" : "false");
        l->before = ",";
    }
    return 0;
}

static int print_heap(void *opaque, const char *name, int is_directory)
{
    struct list *l = (struct list *)opaque;
    (void)is_directory;
    fputs(l->before, l->out);
    say_json(l->out, name, strlen(name));
    l->before = ", ";
    return 0;
}

void probe_memory(const struct mach_sys *sys, FILE *out)
{
    char path[LONGEST_PATH];
    uint8_t cells[4];
    struct list l = {out, sys, "", {2, 1}};
    // Only root sees the pool, and a list that is cut off is none.
    char *text = NULL;
    size_t size = 0;
    l.out = open_memstream(&text, &size);
    int r = l.out ? mach_free_huge_pages(sys, print_run, &l) : -ENOMEM;
    if (l.out)
        fclose(l.out);
    if (!r)
        fprintf(out, "  \"pool\": [%s%s],\n", text, *l.before ? "\n  " : "");
    free(text);

    l.out = out;
    l.before = "";
    if (read_property(sys, "", "#address-cells", cells, 4) == 4)
        l.cells[0] = (uint32_t)number_at(cells, 1);
    if (read_property(sys, "", "#size-cells", cells, 4) == 4)
        l.cells[1] = (uint32_t)number_at(cells, 1);
    fputs("  \"reserved_memory\": [", out);
    snprintf(path, sizeof path, "%s/firmware/devicetree/base/reserved-memory", sys->sysfs);
    if (l.cells[0] && l.cells[0] <= 2 && l.cells[1] && l.cells[1] <= 2)
        sys->list(sys->opaque, path, print_reserved_node, &l);
    fprintf(out, "%s],\n", *l.before ? "\n  " : "");

    l.before = "";
    fputs("  \"dma_heaps\": [", out);
    snprintf(path, sizeof path, "%s/dma_heap", sys->dev);
    sys->list(sys->opaque, path, print_heap, &l);
    fputs("],\n", out);
}
