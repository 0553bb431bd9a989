// SPDX-License-Identifier: MIT
// /proc/iomem: what the kernel says of each range of host addresses.
#include "core/physical.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* One line: `  40000000-7fffffff : System RAM` (Linux kernel/resource.c, r_show()). */
struct line {
    uint64_t first, last;
    const char *name;
};

static bool read_line(const char *text, struct line *to)
{
    char *end;
    to->first = strtoull(text, &end, 16);
    if (end == text || *end != '-')
        return false;
    to->last = strtoull(end + 1, &end, 16);
    to->name = strncmp(end, " : ", 3) ? "" : end + 3;
    return true;
}

// Calls each() for "System RAM" at any depth of the tree of resources, and "System RAM (kmem)", which was added later.
static int walk_text(char *text, int (*each)(void *opaque, uint64_t first, uint64_t last), void *opaque)
{
    bool shown = false, stop = false;
    struct line x;
    char *rest = NULL;
    for (char *at = strtok_r(text, "\n", &rest); at && !stop; at = strtok_r(NULL, "\n", &rest)) {
        if (!read_line(at, &x))
            continue;
        shown = shown || x.last;
        if (!strncmp(x.name, "System RAM", strlen("System RAM")) && x.last >= x.first)
            stop = each(opaque, x.first, x.last);
    }
    return shown ? 0 : -EACCES; // to others, all addresses are 0
}

int machrt_each_ram(const struct mach_sys *sys, int (*each)(void *opaque, uint64_t first, uint64_t last), void *opaque)
{
    enum { MOST = 1 << 20 }; // a large server has some thousand lines
    char path[PATH_SIZE], *data;
    snprintf(path, sizeof path, "%s/iomem", sys->proc);
    data = (char *)sys->alloc(sys->opaque, NULL, MOST);
    if (!data)
        return -ENOMEM;
    int64_t n = sys->read_file(sys->opaque, path, data, MOST - 1);
    int r = n < 0 ? (int)n : n == MOST - 1 ? -EFBIG : 0;
    if (!r) {
        data[n] = '\0';
        r = walk_text(data, each, opaque);
    }
    sys->alloc(sys->opaque, data, 0);
    return r;
}

struct search {
    uint64_t first, last;
    uint64_t next; // all before it is covered
    struct ram *to;
};

// Pieces rise, so that one walk finds whether they cover the range.
static int add_piece(void *opaque, uint64_t first, uint64_t last)
{
    struct search *x = (struct search *)opaque;
    struct ram *to = x->to;
    if (first > x->last || last < x->first)
        return 0;
    if (!to->some) {
        to->some = true;
        to->first = first;
        to->last = last;
    }
    if (first <= x->next && last >= x->next) {
        to->all = last >= x->last;
        x->next = to->all ? x->next : last + 1;
    }
    return to->all;
}

int machrt_find_ram(const struct mach_sys *sys, uint64_t first, uint64_t last, struct ram *to)
{
    struct search x = {first, last, first, to};
    memset(to, 0, sizeof *to);
    return machrt_each_ram(sys, add_piece, &x);
}
