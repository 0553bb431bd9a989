// SPDX-License-Identifier: MIT
// The host's device tree, as the kernel shows it in /sys/firmware/devicetree/base: where a device's registers are
// and how many interrupts it has, without opening it. Addresses are translated as the Devicetree Specification
// (v0.4, 2.3.8 ranges; 2.4 interrupts) says.
#include "session/steps.h"

#include <errno.h>
#include <stdlib.h>

enum {
    PROPERTY_SIZE = 4096,
    CELLS_MAX = 16,     // of one specifier: Linux include/linux/of.h, MAX_PHANDLE_ARGS
    NODES_MAX = 1 << 20 // the largest boards have some ten thousand
};

// Nodes that have #interrupt-cells and a phandle, sorted by phandle.
struct of_index {
    struct of_chip {
        uint32_t phandle, cells;
    } * chip;
    uint32_t chips, room;
};

struct property {
    uint8_t data[PROPERTY_SIZE];
    uint32_t cells;
};

static uint32_t cell_at(const struct property *p, uint32_t i)
{
    const uint8_t *b = p->data + 4 * (size_t)i;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static uint64_t number_at(const struct property *p, uint32_t i, uint32_t cells)
{
    uint64_t n = 0;
    for (uint32_t k = 0; k < cells; k++)
        n = n << 32 | cell_at(p, i + k);
    return n;
}

// Property `name` of the node at `path` below the tree's root: 0, or -errno.
static int read_property(const struct mach_session *s, const char *path, const char *name, struct property *p)
{
    char file[PATH_SIZE];
    if (!machrt_sysfs_path(s, file, "firmware/devicetree/base%s/%s", path, name))
        return -ENAMETOOLONG;
    int64_t n = s->sys.read_file(s->sys.opaque, file, p->data, sizeof p->data);
    if (n < 0)
        return (int)n;
    if (n == PROPERTY_SIZE)
        return -ENOENT; // longer than any property that is used here
    if (n % 4)
        return -EINVAL;
    p->cells = (uint32_t)(n / 4);
    return 0;
}

static uint32_t read_cell(const struct mach_session *s, const char *path, const char *name, uint32_t otherwise)
{
    struct property p;
    return read_property(s, path, name, &p) || p.cells != 1 ? otherwise : cell_at(&p, 0);
}

// The path of a device's node below the tree's root: "/soc/i2c@2180000". -ENOENT: it has none. A device that is not
// one of Linux's has the path that the compiler saw.
static int find_node_path(const struct mach_session *s, const struct device *d, char *path)
{
    static const char base[] = "devicetree/base";
    char link[PATH_SIZE], target[PATH_SIZE];
    if (!*d->sysfs) {
        const char *host = machrt_string(s, mach_cfg_device_host_path(d->rec));
        if (strlen(host) >= PATH_SIZE || strstr(host, "/.."))
            return -ENAMETOOLONG;
        strcpy(path, host);
        return *host == '/' ? 0 : -ENOENT;
    }
    if (!machrt_device_path(s, link, d, "of_node"))
        return -ENAMETOOLONG;
    int64_t n = s->sys.readlink(s->sys.opaque, link, target, sizeof target);
    if (n < 0)
        return (int)n;
    const char *at = strstr(target, base);
    if (!at || strstr(at, "/.."))
        return -ENOENT;
    strcpy(path, at + sizeof base - 1);
    return 0;
}

// Turns a path into that of the node's parent; false at the root.
static bool to_parent(char *path)
{
    char *slash = strrchr(path, '/');
    if (!slash)
        return false;
    *slash = '\0';
    return true;
}

// Translates an address with the `ranges` of the bus at `path`, whose children have `child` address cells.
static int translate_through(const struct mach_session *s, char *path, uint32_t child, uint64_t *address, uint64_t size)
{
    struct property ranges;
    char parent[PATH_SIZE];
    strcpy(parent, path);
    if (!to_parent(parent))
        return -ENOENT;
    uint32_t above = read_cell(s, parent, "#address-cells", 2), sizes = read_cell(s, path, "#size-cells", 1);
    int r = read_property(s, path, "ranges", &ranges);
    if (r || !ranges.cells)
        return r; // empty: the parent has the same addresses
    if (!child || child > 2 || !above || above > 2 || sizes > 2)
        return -ENOENT;
    uint32_t step = child + above + sizes;
    for (uint32_t i = 0; i + step <= ranges.cells; i += step) {
        uint64_t from = number_at(&ranges, i, child), to = number_at(&ranges, i + child, above);
        uint64_t length = number_at(&ranges, i + child + above, sizes);
        if (*address >= from && *address - from <= length && size <= length - (*address - from)) {
            *address = to + (*address - from);
            return 0;
        }
    }
    return -ENOENT;
}

int64_t machrt_read_of_property(const struct mach_session *s, const struct device *d, const char *name, void *data,
                                size_t size)
{
    char path[PATH_SIZE], file[PATH_SIZE];
    int r = find_node_path(s, d, path);
    if (!r && !machrt_sysfs_path(s, file, "firmware/devicetree/base%s/%s", path, name))
        r = -ENAMETOOLONG;
    return r ? r : s->sys.read_file(s->sys.opaque, file, data, size);
}

// Translates an address on the bus of node `path`, which is changed, to one of the cpus.
static int translate_to_root(const struct mach_session *s, char *path, uint32_t cells, uint64_t *address, uint64_t size)
{
    int r = 0;
    while (*path && !r) {
        r = translate_through(s, path, cells, address, size);
        to_parent(path);
        cells = read_cell(s, path, "#address-cells", 2);
    }
    return r;
}

int machrt_read_of_window(struct mach_session *s, const struct device *d, uint32_t index, uint64_t *address,
                          uint64_t *size)
{
    char path[PATH_SIZE];
    struct property ranges;
    int r = find_node_path(s, d, path);
    if (!r)
        r = read_property(s, path, "ranges", &ranges);
    if (r)
        return r;
    uint32_t child = read_cell(s, path, "#address-cells", 2), sizes = read_cell(s, path, "#size-cells", 1);
    if (!to_parent(path))
        return -ENOENT;
    uint32_t above = read_cell(s, path, "#address-cells", 2), step = child + above + sizes;
    if (child > 3 || !above || above > 2 || sizes > 2 || index >= ranges.cells / step)
        return -ENOENT;
    *address = number_at(&ranges, index * step + child, above);
    *size = number_at(&ranges, index * step + child + above, sizes);
    return translate_to_root(s, path, above, address, *size);
}

int machrt_read_of_reg(struct mach_session *s, const struct device *d, uint32_t index, uint64_t *address,
                       uint64_t *size)
{
    char path[PATH_SIZE];
    struct property reg;
    int r = find_node_path(s, d, path);
    if (!r)
        r = read_property(s, path, "reg", &reg);
    if (r)
        return r;
    if (!to_parent(path))
        return -ENOENT;
    uint32_t addresses = read_cell(s, path, "#address-cells", 2), sizes = read_cell(s, path, "#size-cells", 1);
    uint32_t step = addresses + sizes;
    if (!addresses || addresses > 2 || sizes > 2 || index >= reg.cells / step)
        return -ENOENT;
    *address = number_at(&reg, index * step, addresses);
    *size = number_at(&reg, index * step + addresses, sizes);
    return translate_to_root(s, path, addresses, address, *size);
}

int machrt_find_registers(struct mach_session *s, const struct device *d, uint32_t index, uint64_t *address,
                          uint64_t *size, bool *ports)
{
    char path[PATH_SIZE];
    int r = -ENOENT;
    *ports = false;
    if (*d->sysfs)
        r = machrt_device_path(s, path, d, "resource") ? machrt_read_resource(s, path, index, address, size, ports)
                                                       : -ENAMETOOLONG;
    return r == -ENOENT ? machrt_read_of_reg(s, d, index, address, size) : r;
}

/* ---- interrupts ---- */

struct walk {
    struct mach_session *s;
    char path[PATH_SIZE];
    size_t length;
    uint32_t nodes; // so far
    bool has_cells;
    int result;
};

static int add_chip(struct walk *w)
{
    struct of_index *x = w->s->of;
    uint32_t phandle = read_cell(w->s, w->path, "phandle", 0), cells = read_cell(w->s, w->path, "#interrupt-cells", 0);
    if (!phandle)
        return 0;
    struct of_chip *c = (struct of_chip *)machrt_session_grow(w->s, x->chip, x->chips, &x->room, sizeof *c);
    if (!c)
        return -ENOMEM;
    x->chip = c;
    x->chip[x->chips++] = (struct of_chip){phandle, cells};
    return 0;
}

static int walk_entry(void *arg, const char *name, int is_directory);

static int walk_node(struct walk *w)
{
    char file[PATH_SIZE];
    if (!machrt_sysfs_path(w->s, file, "firmware/devicetree/base%s", w->path))
        return -ENAMETOOLONG;
    if (++w->nodes > NODES_MAX)
        return -EFBIG;
    bool outer = w->has_cells;
    w->has_cells = false;
    int r = w->s->sys.list(w->s->sys.opaque, file, walk_entry, w);
    if (!r && !w->result && w->has_cells)
        r = add_chip(w);
    w->has_cells = outer;
    return r ? r : w->result;
}

static int walk_entry(void *arg, const char *name, int is_directory)
{
    struct walk *w = (struct walk *)arg;
    if (!is_directory) {
        w->has_cells |= !strcmp(name, "#interrupt-cells");
        return 0;
    }
    size_t length = w->length;
    int n = snprintf(w->path + length, sizeof w->path - length, "/%s", name);
    if (n < 0 || (size_t)n >= sizeof w->path - length) {
        w->result = -ENAMETOOLONG;
    } else {
        w->length += (size_t)n;
        w->result = walk_node(w);
    }
    w->length = length;
    w->path[length] = '\0';
    return w->result;
}

static int by_phandle(const void *a, const void *b)
{
    const struct of_chip *x = (const struct of_chip *)a, *y = (const struct of_chip *)b;
    return (x->phandle > y->phandle) - (x->phandle < y->phandle);
}

// Walks the tree at most once in a session, when the first phandle has to be resolved.
static int make_index(struct mach_session *s)
{
    if (s->of)
        return 0;
    s->of = (struct of_index *)machrt_session_alloc(s, 1, sizeof *s->of);
    if (!s->of)
        return -ENOMEM;
    struct walk w = {.s = s};
    int r = walk_node(&w);
    if (r) {
        s->of = NULL;
        return r;
    }
    if (s->of->chips)
        qsort(s->of->chip, s->of->chips, sizeof *s->of->chip, by_phandle);
    return 0;
}

static int chip_cells(struct mach_session *s, uint32_t phandle, uint32_t *cells)
{
    int r = make_index(s);
    if (r)
        return r;
    struct of_chip key = {phandle, 0}, *c = NULL;
    if (s->of->chips)
        c = (struct of_chip *)bsearch(&key, s->of->chip, s->of->chips, sizeof key, by_phandle);
    if (!c)
        return -ENOENT;
    *cells = c->cells;
    return 0;
}

// #interrupt-cells of the interrupt parent of the node at `path`, which is changed.
static int parent_cells(struct mach_session *s, char *path, uint32_t *cells)
{
    for (;;) {
        uint32_t phandle = read_cell(s, path, "interrupt-parent", 0);
        if (phandle)
            return chip_cells(s, phandle, cells);
        if (!to_parent(path))
            return -ENOENT;
        *cells = read_cell(s, path, "#interrupt-cells", 0);
        if (*cells)
            return 0;
    }
}

int machrt_count_of_irqs(struct mach_session *s, const struct device *d, uint32_t *count)
{
    char path[PATH_SIZE];
    struct property p;
    uint32_t cells;
    *count = 0;
    int r = find_node_path(s, d, path);
    if (r)
        return r;
    r = read_property(s, path, "interrupts-extended", &p);
    if (!r) {
        for (uint32_t i = 0; i < p.cells && !r; i += 1 + cells, (*count)++) {
            r = chip_cells(s, cell_at(&p, i), &cells);
            if (!r && (cells > CELLS_MAX || cells > p.cells - i - 1))
                return -EINVAL;
        }
        return r;
    }
    if (r == -ENOENT)
        r = read_property(s, path, "interrupts", &p);
    if (r == -ENOENT) {
        char node[PATH_SIZE];
        return machrt_sysfs_path(s, node, "firmware/devicetree/base%s", path) &&
                       !s->sys.access(s->sys.opaque, node, 0 /* F_OK */)
                   ? 0
                   : -ENOENT;
    }
    if (r)
        return r;
    r = parent_cells(s, path, &cells);
    if (!r && cells > CELLS_MAX)
        r = -EINVAL;
    if (!r)
        *count = cells ? p.cells / cells : 0;
    return r;
}
