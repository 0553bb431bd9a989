// SPDX-License-Identifier: MIT
/*
 * Memory whose addresses on the host count, since no IOMMU translates: pages of the kernel's pool of huge pages that
 * lie side by side. Pages are taken from the pool, pinned, and only then looked at, because a pin moves what lies in
 * CMA; those that make the wanted run are mapped in the order of their addresses, and the others go back.
 *
 * Huge pages rather than /dev/mem: they are the kernel's own memory, which KVM on arm64 demands of what a guest
 * executes (arch/arm64/kvm/mmu.c), they need no reservation in the board's tree, and when the process dies they go back
 * to the pool, so that nobody but a user of the pool gets what a device may still write to.
 */
#include "session/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>

enum { MEMFD_HUGE_SHIFT = 26 /* MFD_HUGE_SHIFT, linux/memfd.h */, MOST_POOLS = 16, ENOUGH_REFUSED = 16 };
enum { WAIT = 20, LONGEST_WAIT = 500 };          // milliseconds
static const uint64_t USUAL = UINT64_C(2) << 20; // a page of the second level, where the kernel's have 4 KiB
static const uint64_t FOUR_G = UINT64_C(1) << 32;

/* A page that was taken. */
struct page {
    uint64_t host;   // its address
    uint64_t offset; // in the memfd
};

/* A piece of the memfd, as it was taken from the pool. */
struct batch {
    struct extent extent;
    struct batch *next;
};

/* Pages that stay where they are until one run of them is chosen. */
struct hold {
    struct pin pin;
    struct hold *next;
};

/* One attempt on the pool of one page size. */
struct taking {
    struct mach_session *s;
    struct memory *m;
    const char *who;
    uint64_t page;     // bytes
    uint64_t need;     // pages
    uint64_t taken;    // pages
    struct page *list; // those of them that are pinned
    uint64_t pages;
    uint64_t refused; // pages that cannot be pinned, since they lie in CMA
    struct batch *batches;
    struct hold *holds;
    int lock, fd;
    uint64_t first; // in the list: of the run
    bool found;
    bool empty; // the pool has no more
};

/* ---- the pool ---- */

static int read_pool_number(struct mach_session *s, uint64_t page, const char *name, uint64_t *to)
{
    char path[PATH_SIZE], line[32], *end;
    int r = machrt_sysfs_path(s, path, "kernel/mm/hugepages/hugepages-%" PRIu64 "kB/%s", page >> 10, name)
                ? machrt_read_line(s, path, line, sizeof line)
                : -ENAMETOOLONG;
    if (r)
        return r;
    *to = strtoull(line, &end, 10);
    return end == line || *end ? -EINVAL : 0;
}

// Of a pool that cannot be seen: none.
static uint64_t pool_number(struct mach_session *s, uint64_t page, const char *name)
{
    uint64_t n;
    return read_pool_number(s, page, name, &n) ? 0 : n;
}

// How many pages can be taken: a reserved one belongs to somebody who has not touched it yet.
static uint64_t pages_left(struct mach_session *s, uint64_t page)
{
    uint64_t free = pool_number(s, page, "free_hugepages"), reserved = pool_number(s, page, "resv_hugepages");
    return free > reserved ? free - reserved : 0;
}

struct pools {
    uint64_t page[MOST_POOLS];
    uint32_t n;
};

static int add_pool(void *arg, const char *name, int is_directory)
{
    struct pools *p = (struct pools *)arg;
    unsigned long long kib;
    if (is_directory && p->n < MOST_POOLS && sscanf(name, "hugepages-%llukB", &kib) == 1 && kib && !(kib & (kib - 1)) &&
        kib < UINT64_C(1) << 40)
        p->page[p->n++] = kib << 10;
    return 0;
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* ---- runs ---- */

static int by_host(const void *a, const void *b)
{
    const struct page *x = (const struct page *)a, *y = (const struct page *)b;
    return (x->host > y->host) - (x->host < y->host);
}

// The end of the run that begins with page `i` of the sorted list: the first page that is not in it.
static uint64_t run_end(const struct taking *t, uint64_t i)
{
    uint64_t end = i + 1;
    while (end < t->pages && t->list[end].host == t->list[end - 1].host + t->page)
        end++;
    return end;
}

/* Which pages below 4 GiB are free or in hand. */
struct low_pages {
    uint8_t *has;  // by page
    uint64_t page; // bytes
};

static void add_low_pages(void *opaque, uint64_t page, uint64_t first, uint64_t size)
{
    struct low_pages *low = (struct low_pages *)opaque;
    if (page == low->page)
        for (uint64_t at = first; at < first + size && at < FOUR_G; at += page)
            low->has[at / page] = 1;
}

// Could all of the memory be made of these pages?
static bool low_pages_suffice(const struct taking *t, const uint8_t *has)
{
    uint64_t run = 0;
    for (uint64_t at = 0; at < FOUR_G / t->page; at++) {
        run = has[at] ? run + 1 : 0;
        if (run >= t->need && machrt_fits_at(t->m, (at + 1 - t->need) * t->page))
            return true;
    }
    return false;
}

// Could the pool have a run below 4 GiB? What lies beyond is out of many devices' reach, though their buses say nothing
// of it. To look costs less than to take, and to clear, all of the pool.
static bool could_be_low(const struct taking *t)
{
    struct mach_session *s = t->s;
    struct low_pages low = {(uint8_t *)s->sys.alloc(s->sys.opaque, NULL, (size_t)(FOUR_G / t->page + 1)), t->page};
    if (!low.has)
        return true;
    memset(low.has, 0, (size_t)(FOUR_G / t->page + 1));
    for (uint64_t i = 0; i < t->pages && t->list[i].host < FOUR_G; i++)
        add_low_pages(&low, t->page, t->list[i].host, t->page);
    bool could = machrt_scan_pool(&s->sys, FOUR_G, add_low_pages, &low) || low_pages_suffice(t, low.has);
    s->sys.alloc(s->sys.opaque, low.has, 0);
    return could;
}

// Sets the lowest run that the memory fits into. It is not good enough where it has no limit, and may be lower.
static void find_run(struct taking *t)
{
    t->found = false;
    if (t->pages)
        qsort(t->list, (size_t)t->pages, sizeof *t->list, by_host);
    for (uint64_t i = 0, end; i < t->pages && !t->found; i = end) {
        end = run_end(t, i);
        for (uint64_t k = i; k + t->need <= end && !t->found; k++)
            t->found = machrt_fits_at(t->m, t->list[t->first = k].host);
    }
    if (t->found && !t->empty && !mach_cfg_memory_limit(t->m->rec) &&
        mach_cfg_memory_physical(t->m->rec) == MACH_CFG_NONE64 && t->list[t->first].host + t->m->m.size > FOUR_G)
        t->found = !could_be_low(t);
}

/* ---- taking pages ---- */

static int set_taking_error(struct taking *t, int r, const char *what)
{
    return machrt_set_error(t->s, "memory", r, t->who, "cannot take huge pages of %" PRIu64 " KiB: %s", t->page >> 10,
                            what);
}

// Adds pages that are pinned to the list.
static int list_pages(struct taking *t, const struct extent *e)
{
    struct mach_session *s = t->s;
    uint64_t n = e->size / t->page, *host = (uint64_t *)s->sys.alloc(s->sys.opaque, NULL, (size_t)(n * sizeof *host));
    int r = host ? machrt_read_physical(s, e->at, t->page, n, host) : -ENOMEM;
    for (uint64_t i = 0; !r && i < n; i++)
        t->list[t->pages++] = (struct page){host[i], e->offset + i * t->page};
    s->sys.alloc(s->sys.opaque, host, 0);
    return r ? set_taking_error(t, r,
                                r == -EACCES ? "the kernel shows their addresses to CAP_SYS_ADMIN alone"
                                             : "/proc/self/pagemap does not show their addresses "
                                               "(CONFIG_PROC_PAGE_MONITOR)")
             : 0;
}

// Pins pages, all at once if that works. A page in CMA that the kernel finds no other place for makes that fail: halves
// are tried, so that only such pages are left out.
static int hold_pages(struct taking *t, const struct extent *e)
{
    struct mach_session *s = t->s;
    struct hold *h = (struct hold *)machrt_session_alloc(s, 1, sizeof *h);
    if (!h)
        return -1;
    int r = machrt_try_pin(s, &h->pin, e, 1, t->fd);
    if (!r) {
        h->next = t->holds;
        t->holds = h;
        return list_pages(t, e);
    }
    // If none at all can be pinned, it is another limit.
    if (r != -ENOMEM || (!t->pages && t->refused >= ENOUGH_REFUSED))
        return machrt_set_pin_error(s, &h->pin, r, t->who);
    if (e->size == t->page) {
        t->refused++;
        return 0;
    }
    uint64_t half = e->size / t->page / 2 * t->page;
    struct extent low = {e->at, half, e->offset}, high = {(uint8_t *)e->at + half, e->size - half, e->offset + half};
    return hold_pages(t, &low) || hold_pages(t, &high) ? -1 : 0;
}

// Faults in and pins `n` more pages, and adds them to the list.
static int take(struct taking *t, uint64_t n)
{
    struct mach_session *s = t->s;
    uint64_t size = n * t->page, offset = t->taken * t->page;
    struct batch *b = (struct batch *)machrt_session_alloc(s, 1, sizeof *b);
    struct page *list =
        b ? (struct page *)s->sys.alloc(s->sys.opaque, t->list, (size_t)((t->taken + n) * sizeof *list)) : NULL;
    if (!list)
        return b ? set_taking_error(t, -ENOMEM, "there is no memory for the list of them") : -1;
    t->list = list;
    void *at = NULL;
    int r = s->sys.ftruncate(s->sys.opaque, t->fd, offset + size);
    if (!r)
        r = s->sys.mmap(s->sys.opaque, &at, size, PROT_READ | PROT_WRITE, MAP_SHARED, t->fd, offset);
    if (r) {
        // Somebody else was faster: what is in hand is all.
        t->empty = r == -ENOMEM;
        return t->empty ? 0 : set_taking_error(t, r, "they cannot be mapped");
    }
    t->taken += n;
    *b = (struct batch){{at, size, offset}, t->batches};
    t->batches = b;
    r = machrt_populate(s, at, size, false);
    if (r)
        return set_taking_error(t, r, "they cannot be touched; a cgroup may limit them (hugetlb.*.max)");
    return hold_pages(t, &b->extent);
}

// Takes pages until there is a run: as many as are needed, which usually lie side by side, then as many again. Those of
// a process that was killed just now come back within some 20 ms, when a worker of the kernel's has unpinned them.
static int take_until_found(struct taking *t)
{
    uint64_t want = t->need, all = pool_number(t->s, t->page, "nr_hugepages");
    for (int wait = 0;;) {
        uint64_t left = pages_left(t->s, t->page);
        t->empty = !left;
        if (left && take(t, want < left ? want : left))
            return -1;
        find_run(t);
        if (t->found || (t->empty && (t->taken >= all || wait == LONGEST_WAIT)))
            return 0;
        if (t->empty)
            wait += t->s->sys.poll(t->s->sys.opaque, NULL, 0, WAIT) ? LONGEST_WAIT - wait : WAIT;
        want = t->taken ? t->taken : t->need;
    }
}

/* ---- mapping a run ---- */

static int undo_mapping(struct mach_session *s, void *thing, uint64_t size)
{
    struct memory *m = (struct memory *)thing;
    m->m.at = NULL;
    return s->sys.munmap(s->sys.opaque, m->room, size);
}

static int undo_pin(struct mach_session *s, void *thing, uint64_t arg)
{
    (void)arg;
    return machrt_unpin(s, (struct pin *)thing);
}

// Pieces of the run that lie side by side in the file, too. As many extents as pages, at most.
static uint32_t list_extents(const struct taking *t, uint8_t *at, struct extent *to)
{
    uint32_t n = 0;
    for (uint64_t i = 0; i < t->need; i++, at += t->page) {
        const struct page *p = &t->list[t->first + i];
        if (n && p->offset == to[n - 1].offset + to[n - 1].size)
            to[n - 1].size += t->page;
        else
            to[n++] = (struct extent){at, t->page, p->offset};
    }
    return n;
}

// Maps the pages of the run side by side, at a multiple of their size, so that KVM maps huge pages.
static int map_run(struct taking *t)
{
    struct mach_session *s = t->s;
    struct memory *m = t->m;
    uint64_t whole = m->m.size + t->page;
    struct pin *pin = (struct pin *)machrt_session_alloc(s, 1, sizeof *pin);
    struct extent *extent = (struct extent *)machrt_session_alloc(s, t->need, sizeof *extent);
    if (!pin || !extent || machrt_reserve_undo(s))
        return -1;
    int r = s->sys.mmap(s->sys.opaque, &m->room, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (r)
        return set_taking_error(t, r, "there is no room in the address space");
    machrt_push_undo(s, undo_mapping, m, whole, "unmap memory");
    m->m.at = (uint8_t *)m->room + (t->page - (uintptr_t)m->room % t->page) % t->page;
    uint32_t n = list_extents(t, (uint8_t *)m->m.at, extent);
    for (uint32_t i = 0; i < n; i++) {
        void *at = extent[i].at;
        r = s->sys.mmap(s->sys.opaque, &at, extent[i].size, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_FIXED | MAP_POPULATE, t->fd, extent[i].offset);
        if (r)
            return set_taking_error(t, r, "they cannot be mapped side by side (vm.max_map_count)");
    }
    // One piece of one file can be shared with a helper process; pages in another order cannot.
    if (n == 1) {
        m->m.fd = t->fd;
        m->m.offset = extent[0].offset;
    }
    if (machrt_reserve_undo(s) || machrt_pin(s, pin, extent, n, t->fd, t->who))
        return -1;
    machrt_push_undo(s, undo_pin, pin, 0, "unpin memory");
    m->m.host = t->list[t->first].host;
    return 0;
}

/* ---- giving back ---- */

static int by_offset(const void *a, const void *b)
{
    const struct page *x = (const struct page *)a, *y = (const struct page *)b;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

// Frees the pages of a batch, but for those of the run: `run` has them, sorted by offset.
static int free_rest_of(struct taking *t, const struct batch *b, const struct page *run, uint64_t n)
{
    uint64_t at = b->extent.offset, end = at + b->extent.size, i = 0;
    while (i < n && run[i].offset < at)
        i++;
    while (at < end) {
        uint64_t stop = i < n && run[i].offset < end ? run[i].offset : end;
        uint8_t *from = (uint8_t *)b->extent.at + (at - b->extent.offset);
        int r = stop > at ? t->s->sys.madvise(t->s->sys.opaque, from, stop - at, MADV_REMOVE) : 0;
        if (r)
            return set_taking_error(t, r, "those that are not needed cannot be given back");
        at = stop + t->page;
        i++;
    }
    return 0;
}

// Unmaps all that was taken; what is not in the run goes back to the pool. `r`: the result so far.
static int give_back(struct taking *t, int r)
{
    struct mach_session *s = t->s;
    struct page *run = t->found ? t->list + t->first : NULL;
    uint64_t n = t->found ? t->need : 0;
    int e = 0;
    if (n)
        qsort(run, (size_t)n, sizeof *run, by_offset);
    for (struct hold *h = t->holds; h; h = h->next) {
        int u = machrt_unpin(s, &h->pin);
        e = e ? e : u;
    }
    for (struct batch *b = t->batches; b; b = b->next) {
        if (!r && !e)
            r = free_rest_of(t, b, run, n);
        int u = s->sys.munmap(s->sys.opaque, b->extent.at, b->extent.size);
        e = e ? e : u;
    }
    if (e && !r)
        r = set_taking_error(t, e, "they cannot be released");
    s->sys.alloc(s->sys.opaque, t->list, 0);
    t->list = NULL;
    if (t->lock >= 0)
        s->sys.close(s->sys.opaque, t->lock);
    return r;
}

/* ---- one pool after the other ---- */

// Two sessions that take pages at once would each see a part of them. The lock ends with its holder.
static int lock_pool(struct taking *t)
{
    struct mach_session *s = t->s;
    char path[PATH_SIZE];
    int r;
    t->lock = machrt_sysfs_path(s, path, "kernel/mm/hugepages/hugepages-%" PRIu64 "kB/free_hugepages", t->page >> 10)
                  ? s->sys.open(s->sys.opaque, path, O_RDONLY)
                  : -ENAMETOOLONG;
    if (t->lock < 0)
        return set_taking_error(t, t->lock, "the pool cannot be opened");
    do
        r = s->sys.flock(s->sys.opaque, t->lock, LOCK_EX);
    while (r == -EINTR);
    return r ? set_taking_error(t, r, "the pool cannot be locked") : 0;
}

// What is free, for the message.
static void tell_runs(const struct taking *t, struct runs_told *to)
{
    uint64_t end;
    for (uint64_t i = 0; i < t->pages; i = end) {
        end = run_end(t, i);
        machrt_tell_run(to, t->list[i].host, (end - i) * t->page);
    }
}

// Takes the memory from the pool of one size. 0: *found says whether it was there.
static int take_from_pool(struct taking *t, struct runs_told *runs)
{
    struct mach_session *s = t->s;
    char name[64];
    unsigned bits = 0;
    snprintf(name, sizeof name, "mach-%.50s", t->m->m.name);
    while (t->page >> (bits + 1))
        bits++;
    if (machrt_reserve_undo(s) || lock_pool(t))
        return give_back(t, -1);
    t->fd = s->sys.memfd_create(s->sys.opaque, name, MFD_HUGETLB | MFD_ALLOW_SEALING | bits << MEMFD_HUGE_SHIFT);
    if (t->fd < 0)
        return give_back(t, set_taking_error(t, t->fd, "the kernel has none (CONFIG_HUGETLBFS)"));
    int *file = (int *)machrt_session_alloc(s, 1, sizeof *file);
    if (!file) {
        s->sys.close(s->sys.opaque, t->fd);
        return give_back(t, -1);
    }
    *file = t->fd;
    machrt_push_undo(s, machrt_undo_close, file, 0, "close memory");
    int r = take_until_found(t);
    if (!r && !t->found)
        tell_runs(t, runs);
    if (!r && t->found)
        r = map_run(t);
    return give_back(t, r);
}

// After the pin of the run was made, and those of all pages were removed, it still is where it was.
static int check_addresses(struct taking *t, uint64_t *host)
{
    uint64_t first = t->m->m.host;
    int r = machrt_read_physical(t->s, t->m->m.at, t->page, t->need, host);
    if (r)
        return set_taking_error(t, r, "/proc/self/pagemap does not show their addresses");
    for (uint64_t i = 0; i < t->need; i++)
        if (host[i] != first + i * t->page)
            return machrt_set_error(t->s, "memory", EBUSY, t->who,
                                    "the kernel moved it: byte 0x%" PRIx64 " is at 0x%" PRIx64 ", not at 0x%" PRIx64,
                                    i * t->page, host[i], first + i * t->page);
    return 0;
}

static int prove_run(struct taking *t)
{
    struct mach_session *s = t->s;
    uint64_t *host = (uint64_t *)s->sys.alloc(s->sys.opaque, NULL, (size_t)(t->need * sizeof *host));
    int r = host ? check_addresses(t, host) : set_taking_error(t, -ENOMEM, "there is no memory to look at them");
    s->sys.alloc(s->sys.opaque, host, 0);
    if (r)
        return r;
    // What is surplus when it is freed goes to the kernel, while a device may still write to it.
    uint64_t surplus;
    r = read_pool_number(s, t->page, "surplus_hugepages", &surplus);
    if (r)
        return set_taking_error(t, r, "whether the pool has surplus pages cannot be seen");
    if (surplus)
        return machrt_set_error(s, "memory", EBUSY, t->who,
                                "the pool of %" PRIu64
                                " KiB has surplus pages, which go to the kernel when they are freed, though a device "
                                "may still write to them: raise /sys/kernel/mm/hugepages/hugepages-%" PRIu64
                                "kB/nr_hugepages",
                                t->page >> 10, t->page >> 10);
    machrt_log(s,
               "memory %s: %" PRIu64 " MiB at host 0x%" PRIx64 ", in %" PRIu64 " huge pages of %" PRIu64 " KiB, pinned",
               t->m->m.name, t->m->m.size >> 20, t->m->m.host, t->need, t->page >> 10);
    return 0;
}

static int report_none(struct mach_session *s, const struct memory *m, uint64_t page, const struct runs_told *runs,
                       uint64_t refused)
{
    uint64_t size = m->m.size, physical = mach_cfg_memory_physical(m->rec), limit = mach_cfg_memory_limit(m->rec);
    char where[64] = "", cma[160] = "", text[RUNS_TEXT];
    if (refused)
        snprintf(cma, sizeof cma,
                 "; %" PRIu64
                 " more cannot be pinned, because they lie in CMA: boot with a smaller `cma=`, and without "
                 "`hugetlb_cma=`",
                 refused);
    if (physical != MACH_CFG_NONE64)
        snprintf(where, sizeof where, " at 0x%" PRIx64, physical);
    else if (limit)
        snprintf(where, sizeof where, " below 0x%" PRIx64, limit);
    return machrt_set_error(
        s, "memory", ENOMEM, machrt_memory_object(s, m),
        "no %" PRIu64 " MiB of huge pages side by side%s: free are %s%s. Make the pool larger, early after boot: echo "
        "N >/sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB/nr_hugepages, or boot with hugepagesz=%" PRIu64
        "K hugepages=N, N at least %" PRIu64,
        size >> 20, where, machrt_runs_text(runs, text, sizeof text), cma, page >> 10, page >> 10, size / page);
}

int machrt_take_contiguous(struct mach_session *s, struct memory *m)
{
    struct pools pools = {0};
    struct runs_told runs = {0};
    char path[PATH_SIZE];
    uint64_t stated = mach_cfg_memory_page_size(m->rec), physical = mach_cfg_memory_physical(m->rec), last = 0,
             refused = 0;
    int r = machrt_sysfs_path(s, path, "kernel/mm/hugepages") ? s->sys.list(s->sys.opaque, path, add_pool, &pools)
                                                              : -ENAMETOOLONG;
    if (r)
        return machrt_set_error(s, "memory", r, machrt_memory_object(s, m),
                                "the kernel has no huge pages: build it with CONFIG_HUGETLBFS");
    qsort(pools.page, pools.n, sizeof pools.page[0], by_size);
    for (uint32_t i = 0; i < pools.n; i++) {
        uint64_t page = pools.page[i];
        if ((stated && page != stated) || m->m.size % page || page % s->page ||
            (physical != MACH_CFG_NONE64 && physical % page))
            continue;
        // What the message tells to make larger: the pool that the board has, or what is usual.
        if (!last || (!pool_number(s, last, "nr_hugepages") && (last < USUAL || pool_number(s, page, "nr_hugepages"))))
            last = page;
        struct taking t = {.s = s, .m = m, .page = page, .need = m->m.size / page, .lock = -1, .fd = -1};
        t.who = machrt_memory_object(s, m);
        if (!pool_number(s, page, "nr_hugepages"))
            continue;
        if (take_from_pool(&t, &runs))
            return -1;
        if (t.found)
            return prove_run(&t);
        refused = t.refused;
    }
    if (!last)
        return machrt_set_error(s, "memory", EINVAL, machrt_memory_object(s, m),
                                "the kernel has no huge pages of a size that divides its %" PRIu64
                                " MiB%s: see /sys/kernel/mm/hugepages",
                                m->m.size >> 20, physical != MACH_CFG_NONE64 ? " and its address" : "");
    return report_none(s, m, last, &runs, refused);
}
