// SPDX-License-Identifier: MIT
// /proc/iomem: what the kernel says of each range of host addresses.
#include "core/physical.h"

#include "base/span.h"

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

// Calls each() for every line, at any depth of the tree of resources.
static int walk_text(char *text, int (*each)(void *opaque, const struct line *x), void *opaque)
{
    bool shown = false, stop = false;
    struct line x;
    char *rest = NULL;
    for (char *at = strtok_r(text, "\n", &rest); at && !stop; at = strtok_r(NULL, "\n", &rest)) {
        if (!read_line(at, &x))
            continue;
        shown = shown || x.last;
        stop = x.last >= x.first && each(opaque, &x);
    }
    return shown ? 0 : -EACCES; // to others, all addresses are 0
}

static int each_line(const struct mach_sys *sys, int (*each)(void *opaque, const struct line *x), void *opaque)
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

static bool begins_with(const char *text, const char *with)
{
    return !strncmp(text, with, strlen(with));
}

struct each_ram {
    int (*each)(void *opaque, uint64_t first, uint64_t last);
    void *opaque;
};

// "System RAM", and "System RAM (kmem)", which was added later.
static int pass_ram(void *opaque, const struct line *x)
{
    const struct each_ram *e = (const struct each_ram *)opaque;
    return begins_with(x->name, "System RAM") ? e->each(e->opaque, x->first, x->last) : 0;
}

int machrt_each_ram(const struct mach_sys *sys, int (*each)(void *opaque, uint64_t first, uint64_t last), void *opaque)
{
    struct each_ram e = {each, opaque};
    return each_line(sys, pass_ram, &e);
}

/* ---- who has a range ---- */

struct claimed {
    uint64_t first, last;
    char *name;
    size_t size;
    bool found;
};

// What the kernel calls memory that nobody has: arch/*/kernel/setup.c, arch/x86/kernel/e820.c, drivers/acpi/nfit.
static bool is_memory(const char *name)
{
    static const char *const names[] = {"System RAM",    "reserved",          "Reserved",
                                        "Soft Reserved", "Persistent Memory", "RAM buffer"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (begins_with(name, names[i]))
            return true;
    return false;
}

static int look_for_claim(void *opaque, const struct line *x)
{
    struct claimed *c = (struct claimed *)opaque;
    if (x->first > c->last || x->last < c->first || is_memory(x->name))
        return 0;
    snprintf(c->name, c->size, "%s", x->name);
    return c->found = true;
}

int machrt_find_claimed(const struct mach_sys *sys, uint64_t first, uint64_t last, char *name, size_t size)
{
    struct claimed c = {first, last, name, size, false};
    int r = each_line(sys, look_for_claim, &c);
    return r && !c.found ? r : c.found ? 0 : -ENOENT;
}

/* ---- what the kernel's own memory is of a range ---- */

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

/* ---- for many ranges ---- */

struct ram_list {
    struct mach_session *s;
    struct span *piece; // in rising order
    uint32_t count, room;
    int result;
};

static int list_piece(void *opaque, uint64_t first, uint64_t last)
{
    struct ram_list *l = (struct ram_list *)opaque;
    struct span *piece = (struct span *)machrt_session_grow(l->s, l->piece, l->count, &l->room, sizeof *piece);
    if (!piece) {
        l->result = -ENOMEM;
        return 1;
    }
    l->piece = piece;
    l->piece[l->count++] = (struct span){first, last};
    return 0;
}

int machrt_find_session_ram(struct mach_session *s, uint64_t first, uint64_t last, struct ram *to)
{
    struct ram_list *l = s->ram;
    memset(to, 0, sizeof *to);
    if (!l) {
        l = (struct ram_list *)machrt_session_alloc(s, 1, sizeof *l);
        if (!l)
            return -ENOMEM;
        l->s = s;
        int r = machrt_each_ram(&s->sys, list_piece, l);
        l->result = l->result ? l->result : r;
        s->ram = l;
    }
    struct search x = {first, last, first, to};
    size_t i = machrt_find_span(l->piece, l->count, first);
    for (; i < l->count && l->piece[i].first <= last && !to->all; i++)
        add_piece(&x, l->piece[i].first, l->piece[i].last);
    return l->result;
}
