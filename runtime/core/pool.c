// SPDX-License-Identifier: MIT
// The pool of huge pages as /proc/kpageflags and /proc/kpagecount show it: Linux
// Documentation/admin-guide/mm/pagemap.rst.
#include "core/physical.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

static const uint64_t HEAD = UINT64_C(1) << 15, HUGE_PAGE = UINT64_C(1) << 17; // linux/kernel-page-flags.h
enum { BLOCK = 4096 };                                                         // frames that are read at once

/* Huge pages of one size, side by side, that nobody has mapped. */
struct pool_run {
    uint64_t page, first, size; // bytes of each; host address; bytes
};

struct scan {
    const struct mach_sys *sys;
    uint64_t bytes;   // in a page of the kernel
    int flags, count; // files
    struct pool_run page, run;
    bool in_page, free;
    machrt_each_run each;
    void *opaque;
    uint64_t flag[BLOCK];
};

static void end_run(struct scan *x)
{
    if (x->run.size)
        x->each(x->opaque, x->run.page, x->run.first, x->run.size);
    x->run.size = 0;
}

// A huge page has ended: it is added to the run, if nobody has mapped it.
static void end_page(struct scan *x)
{
    const struct pool_run *p = &x->page;
    if (!x->in_page)
        return;
    x->in_page = false;
    if (!x->free)
        return end_run(x);
    if (x->run.size && (x->run.page != p->size || x->run.first + x->run.size != p->first))
        end_run(x);
    if (!x->run.size)
        x->run = (struct pool_run){.first = p->first, .page = p->size};
    x->run.size += p->size;
}

static int begin_page(struct scan *x, uint64_t frame)
{
    uint64_t mapped = 0;
    int r = machrt_check_transfer(
        x->sys->pread(x->sys->opaque, x->count, &mapped, sizeof mapped, frame * sizeof mapped), sizeof mapped);
    x->in_page = true;
    x->free = !mapped;
    x->page = (struct pool_run){.first = frame * x->bytes};
    return r;
}

static int scan_range(struct scan *x, uint64_t first, uint64_t last)
{
    uint64_t page = x->bytes, end = last / page + 1;
    int r = 0;
    for (uint64_t frame = first / page; !r && frame < end;) {
        uint64_t n = end - frame < BLOCK ? end - frame : BLOCK;
        r = machrt_check_transfer(
            x->sys->pread(x->sys->opaque, x->flags, x->flag, (size_t)n * sizeof x->flag[0], frame * sizeof x->flag[0]),
            (size_t)n * sizeof x->flag[0]);
        for (uint64_t i = 0; !r && i < n; i++, frame++) {
            bool huge = x->flag[i] & HUGE_PAGE, head = huge && x->flag[i] & HEAD;
            if (!huge || head)
                end_page(x);
            if (!huge)
                end_run(x);
            if (head)
                r = begin_page(x, frame);
            x->page.size += x->in_page ? page : 0;
        }
    }
    end_page(x);
    end_run(x);
    return r;
}

static int open_in_proc(const struct mach_sys *sys, const char *name)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", sys->proc, name);
    return sys->open(sys->opaque, path, O_RDONLY);
}

struct ranges {
    struct scan *scan;
    uint64_t last; // that is looked at
    int result;
};

static int scan_ram(void *opaque, uint64_t first, uint64_t last)
{
    struct ranges *r = (struct ranges *)opaque;
    if (first <= r->last)
        r->result = scan_range(r->scan, first, last < r->last ? last : r->last);
    return r->result || last >= r->last;
}

int machrt_scan_pool(const struct mach_sys *sys, uint64_t end, machrt_each_run each, void *opaque)
{
    struct scan *x = (struct scan *)sys->alloc(sys->opaque, NULL, sizeof *x);
    if (!x)
        return -ENOMEM;
    memset(x, 0, sizeof *x);
    x->sys = sys;
    x->bytes = sys->page_size(sys->opaque);
    x->each = each;
    x->opaque = opaque;
    x->flags = open_in_proc(sys, "kpageflags");
    x->count = open_in_proc(sys, "kpagecount");
    struct ranges ranges = {x, end - 1, 0};
    int r = x->flags < 0 ? x->flags : x->count < 0 ? x->count : machrt_each_ram(sys, scan_ram, &ranges);
    if (x->flags >= 0)
        sys->close(sys->opaque, x->flags);
    if (x->count >= 0)
        sys->close(sys->opaque, x->count);
    sys->alloc(sys->opaque, x, 0);
    return r ? r : ranges.result;
}

int mach_free_huge_pages(const struct mach_sys *sys, machrt_each_run each, void *opaque)
{
    struct mach_sys own;
    int r = machrt_copy_sys(&own, sys);
    return r ? (r == -ENOSYS ? -EINVAL : r) : machrt_scan_pool(&own, UINT64_MAX, each, opaque);
}
