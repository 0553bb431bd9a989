// SPDX-License-Identifier: MIT
// /reserved-memory of the tree that the kernel runs with: nodes with a `reg` (Devicetree Specification 0.4, 3.5).
#include "core/physical.h"

#include <errno.h>

static const char FOLDER[] = "firmware/devicetree/base/reserved-memory";

struct search {
    struct mach_session *s;
    uint64_t first, last;
    uint32_t address_cells, size_cells;
    char *name;
    size_t size;
    bool *reusable;
    int result;
};

static uint32_t cell_at(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint64_t number_at(const uint8_t *p, uint32_t cells)
{
    uint64_t v = 0;
    for (uint32_t i = 0; i < cells; i++)
        v = v << 32 | cell_at(p + 4 * (size_t)i);
    return v;
}

// 0: it cannot be read.
static uint32_t read_cells(struct mach_session *s, const char *property, uint32_t otherwise)
{
    char path[PATH_SIZE];
    uint8_t cell[5];
    int64_t n = machrt_sysfs_path(s, path, "%s/%s", FOLDER, property)
                    ? s->sys.read_file(s->sys.opaque, path, cell, sizeof cell)
                    : -ENAMETOOLONG;
    return n == -ENOENT ? otherwise : n == 4 ? cell_at(cell) : 0;
}

// May the node have the property? What cannot be seen may be there.
static bool may_have(struct mach_session *s, const char *node, const char *property)
{
    char path[PATH_SIZE];
    return !machrt_sysfs_path(s, path, "%s/%s/%s", FOLDER, node, property) ||
           s->sys.access(s->sys.opaque, path, 0 /* F_OK */) != -ENOENT;
}

static int look_at(void *arg, const char *node, int is_directory)
{
    enum { MOST = 1024 };
    struct search *x = (struct search *)arg;
    char path[PATH_SIZE];
    uint8_t reg[MOST];
    if (!is_directory || !machrt_sysfs_path(x->s, path, "%s/%.200s/reg", FOLDER, node))
        return 0;
    int64_t n = x->s->sys.read_file(x->s->sys.opaque, path, reg, sizeof reg);
    uint32_t entry = 4 * (x->address_cells + x->size_cells);
    for (int64_t at = 0; at + entry <= n; at += entry) {
        uint64_t first = number_at(reg + at, x->address_cells),
                 size = number_at(reg + at + 4 * (size_t)x->address_cells, x->size_cells);
        if (!size || x->first < first || x->last - first > size - 1)
            continue;
        snprintf(x->name, x->size, "%s", node);
        *x->reusable = may_have(x->s, node, "reusable");
        x->result = 0;
        return 1;
    }
    return 0;
}

int machrt_find_reserved(struct mach_session *s, uint64_t first, uint64_t last, char *name, size_t size, bool *reusable)
{
    char path[PATH_SIZE];
    struct search x = {
        .s = s,
        .first = first,
        .last = last,
        .address_cells = read_cells(s, "#address-cells", 2),
        .size_cells = read_cells(s, "#size-cells", 1),
        .name = name,
        .size = size,
        .reusable = reusable,
        .result = -ENOENT,
    };
    if (!x.address_cells || x.address_cells > 2 || !x.size_cells || x.size_cells > 2)
        return -EINVAL;
    if (!machrt_sysfs_path(s, path, "%s", FOLDER))
        return -ENAMETOOLONG;
    int r = s->sys.list(s->sys.opaque, path, look_at, &x);
    return r && r != -ENOENT ? r : x.result;
}
