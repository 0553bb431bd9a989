// SPDX-License-Identifier: MIT
/*
 * Proves of guest memory what its record promises, whoever provides it: where it lies on the host, that it stays there,
 * and that a guest can run in it. What cannot be seen is refused, because nothing would tell of it later: a guest that
 * KVM cannot execute aborts for ever, and a device without an IOMMU writes into another one's memory.
 */
#include "session/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

static const uint64_t MARK_EVERY = UINT64_C(1) << 20;

/* ---- what a guest can run in ---- */

// Does KVM treat memory that is not the kernel's own in another way? arm64 maps it as device memory, where nothing can
// be executed (arch/arm64/kvm/mmu.c, pfn_is_map_memory()); e500 maps it uncached and guarded, where Linux has no atomic
// operations (arch/powerpc/kvm/e500_mmu_host.c takes the attributes of the VMM's mapping).
static bool must_be_kernels(const struct mach_session *s, const struct memory *m)
{
    if (s->options.flags & MACH_DRY_RUN)
        return false;
    uint32_t arch = mach_cfg_machine_arch(mach_cfg_record(s->f, MACH_CFG_S_MACHINE, 0));
    return machrt_is_ram(s, m) && (arch == MACH_CFG_ARCH_ARM64 || arch == MACH_CFG_ARCH_PPC);
}

static const char NO_EXECUTION[] =
    "KVM maps what is not the kernel's own memory as device memory: a guest cannot run there. Take huge pages: `from "
    "contiguous`, or `from physical` without `by reserved`";

bool machrt_is_ram(const struct mach_session *s, const struct memory *m)
{
    return !m->m.readonly && !*machrt_string(s, mach_cfg_memory_share(m->rec));
}

// Memory that the kernel cannot be asked about, if it is `suspect`, or whose answer is that it is not its own. Returns
// a text or NULL, and sets *number to an errno.
static const char *why_not_kernels(struct mach_session *s, const struct memory *m, bool suspect, int *number)
{
    const uint8_t *end[2] = {(const uint8_t *)m->m.at, (const uint8_t *)m->m.at + (m->m.size - s->page)};
    for (int i = 0; i < 2; i++) {
        struct ram ram;
        uint64_t host = 0;
        (void)*(const volatile uint8_t *)end[i]; // what was not touched is in no table
        int r = machrt_is_kernels_page(s, end[i]);
        *number = EINVAL;
        if (r == -ENODATA)
            return NO_EXECUTION;
        if (!r)
            r = machrt_read_physical(s, end[i], s->page, 1, &host);
        if (!r)
            r = machrt_find_ram(&s->sys, host, host + (s->page - 1), &ram);
        if (!r && !ram.all)
            return NO_EXECUTION;
        *number = -r;
        // Memory of a process, and files on disks, are the kernel's own; and only privilege sees where it lies.
        if (r && suspect)
            return "whether a guest can run in it cannot be seen: run as root, on a kernel with "
                   "CONFIG_PROC_PAGE_MONITOR";
    }
    return NULL;
}

static int prove_executable(struct mach_session *s, const struct memory *m, bool suspect)
{
    if (!s->ops.place || !must_be_kernels(s, m))
        return 0;
    int number = EINVAL;
    const char *why = why_not_kernels(s, m, suspect, &number);
    return why ? machrt_set_error(s, "memory", number, machrt_memory_object(s, m), "%s", why) : 0;
}

/* ---- memory through /dev/mem ---- */

const char *machrt_why_not_reserved(struct mach_session *s, const struct memory *m, bool guest, char *text, size_t size,
                                    int *number)
{
    uint64_t first = mach_cfg_memory_physical(m->rec), last = first + (m->m.size - 1);
    char name[128];
    bool reusable = false;
    struct ram ram;
    int r = machrt_find_ram(&s->sys, first, last, &ram);
    *number = r ? -r : EINVAL;
    if (r) {
        snprintf(text, size, "whether the kernel uses it cannot be seen in %s/iomem: %s", s->sys.proc,
                 r == -EACCES ? "only root sees addresses there" : strerror(-r));
        return text;
    }
    if (ram.some) {
        r = machrt_find_reserved(s, first, last, name, sizeof name, &reusable);
        if (r && r != -ENOENT)
            *number = -r;
        if (r || reusable) {
            snprintf(text, size,
                     "the kernel uses 0x%" PRIx64 "..0x%" PRIx64 " itself, which overlaps 0x%" PRIx64 "..0x%" PRIx64
                     "%s%s%s: reserve it with a /reserved-memory node, or take huge pages, `from physical` without `by "
                     "reserved`",
                     ram.first, ram.last, first, last, reusable ? "; /reserved-memory/" : "", reusable ? name : "",
                     reusable ? " is `reusable`" : "");
            return text;
        }
    }
    r = machrt_find_claimed(&s->sys, first, last, name, sizeof name);
    if (r != -ENOENT) {
        *number = r ? -r : EINVAL;
        snprintf(text, size, r ? "who uses it cannot be seen in %s/iomem" : "%s/iomem: the host has %.100s there",
                 s->sys.proc, name);
        return text;
    }
    return guest && must_be_kernels(s, m) && !ram.all ? NO_EXECUTION : NULL;
}

int machrt_prove_reserved(struct mach_session *s, const struct memory *m)
{
    char text[512];
    int number = 0;
    if (s->options.flags & MACH_DRY_RUN)
        return 0;
    const char *why = machrt_why_not_reserved(s, m, s->ops.place != NULL, text, sizeof text, &number);
    return why ? machrt_set_error(s, "memory", number, machrt_memory_object(s, m), "%s", why) : 0;
}

/* ---- where it lies ---- */

static int make_mark(struct mach_session *s, uint8_t *mark)
{
    return machrt_check_transfer(s->sys.random(s->sys.opaque, mark, MACHRT_MARK), MACHRT_MARK);
}

// Puts a mark into the memory, looks for it at `host`, and takes it out again.
static int try_mark(struct mach_session *s, uint8_t *at, uint64_t host, const uint8_t *mark)
{
    uint8_t was[MACHRT_MARK];
    memcpy(was, at, sizeof was);
    memcpy(at, mark, sizeof was);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    int r = machrt_find_mark(s, host, mark);
    memcpy(at, was, sizeof was);
    return r;
}

int machrt_prove_by_marks(struct mach_session *s, const struct memory *m, uint64_t host)
{
    uint8_t mark[MACHRT_MARK];
    int r = make_mark(s, mark);
    for (uint64_t at = 0; !r && at < m->m.size; at += MARK_EVERY) {
        mark[0] ^= (uint8_t)(at >> 20);
        r = try_mark(s, (uint8_t *)m->m.at + at, host + at, mark);
    }
    if (!r)
        return 0;
    return machrt_set_error(s, "memory", r == -ENODATA ? EINVAL : r, machrt_memory_object(s, m),
                            r == -ENODATA ? "it does not lie at 0x%" PRIx64 " of the kernel's own memory"
                                          : "whether it lies at 0x%" PRIx64
                                            " cannot be seen in /proc/kcore (CONFIG_PROC_KCORE, no lockdown)",
                            host);
}

int machrt_search_by_mark(struct mach_session *s, const struct memory *m, uint64_t *host)
{
    uint8_t mark[MACHRT_MARK], was[MACHRT_MARK];
    int r = make_mark(s, mark);
    if (!r) {
        memcpy(was, m->m.at, sizeof was);
        memcpy(m->m.at, mark, sizeof was);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        r = machrt_search_mark(s, mark, host);
        memcpy(m->m.at, was, sizeof was);
    }
    if (!r)
        return 0;
    return machrt_set_error(s, "memory", r, machrt_memory_object(s, m),
                            r == -ENODATA
                                ? "the kernel's own memory does not have it"
                                : "where it lies cannot be seen in /proc/kcore (CONFIG_PROC_KCORE, no lockdown)");
}

bool machrt_fits_at(const struct memory *m, uint64_t host)
{
    uint64_t physical = mach_cfg_memory_physical(m->rec), limit = mach_cfg_memory_limit(m->rec);
    if (physical != MACH_CFG_NONE64)
        return host == physical;
    return host >= mach_cfg_memory_lowest(m->rec) && (!limit || (limit >= m->m.size && host <= limit - m->m.size));
}

static int refuse_place(struct mach_session *s, const struct memory *m, uint64_t host)
{
    uint64_t physical = mach_cfg_memory_physical(m->rec);
    if (physical != MACH_CFG_NONE64)
        return machrt_set_error(s, "memory", EINVAL, machrt_memory_object(s, m),
                                "the VMM's memory is at 0x%" PRIx64 " on the host, not at 0x%" PRIx64, host, physical);
    return machrt_set_error(s, "memory", EINVAL, machrt_memory_object(s, m),
                            "the VMM's memory is at 0x%" PRIx64 " on the host, and its devices reach 0x%" PRIx64
                            "..0x%" PRIx64,
                            host, mach_cfg_memory_lowest(m->rec), mach_cfg_memory_limit(m->rec) - 1);
}

// Looks at every page of pinned memory: it must be one piece. 0; 1 after an error: it is not; -errno: it cannot be
// seen.
static int find_one_piece(struct mach_session *s, const struct memory *m, uint64_t *host)
{
    enum { BLOCK = 512 };
    uint64_t there[BLOCK], pages = m->m.size / s->page;
    int r = 0;
    for (uint64_t i = 0; !r && i < pages; i += BLOCK) {
        uint64_t n = pages - i < BLOCK ? pages - i : BLOCK;
        r = machrt_read_physical(s, (uint8_t *)m->m.at + i * s->page, s->page, n, there);
        for (uint64_t k = 0; !r && k < n; k++) {
            *host = i + k ? *host : there[k];
            if (there[k] == *host + (i + k) * s->page)
                continue;
            machrt_set_error(s, "memory", EINVAL, machrt_memory_object(s, m),
                             "the VMM's memory is not one piece on the host: byte 0x%" PRIx64 " is at 0x%" PRIx64
                             ", not at 0x%" PRIx64,
                             (i + k) * s->page, there[k], *host + (i + k) * s->page);
            return 1;
        }
    }
    return r;
}

static int undo_pin(struct mach_session *s, void *thing, uint64_t arg)
{
    (void)arg;
    return machrt_unpin(s, (struct pin *)thing);
}

static int refuse_hidden(struct mach_session *s, const struct memory *m, int r)
{
    return machrt_set_error(s, "memory", r, machrt_memory_object(s, m),
                            "where it lies cannot be seen in /proc/self/pagemap: run as root, on a kernel with "
                            "CONFIG_PROC_PAGE_MONITOR");
}

// Memory of the VMM's for a record that says where it lies: pinned first, since a pin may move it.
static int prove_place(struct mach_session *s, struct memory *m)
{
    struct extent all = {m->m.at, m->m.size, m->m.offset};
    struct pin *pin = (struct pin *)machrt_session_alloc(s, 1, sizeof *pin);
    uint64_t physical = mach_cfg_memory_physical(m->rec), host = 0;
    if (!pin || machrt_reserve_undo(s))
        return -1;
    // Not the kernel's own, as a mapping of /dev/mem: it does not move, and no table has it.
    (void)*(const volatile uint8_t *)m->m.at;
    int r = machrt_is_kernels_page(s, m->m.at);
    if (r == -ENODATA && physical != MACH_CFG_NONE64) {
        m->m.host = physical;
        return machrt_prove_by_marks(s, m, physical);
    }
    if (r && r != -ENODATA)
        return refuse_hidden(s, m, r);
    if (machrt_pin(s, pin, &all, 1, m->m.fd, machrt_memory_object(s, m)))
        return -1;
    machrt_push_undo(s, undo_pin, pin, 0, "unpin memory");
    r = find_one_piece(s, m, &host);
    if (r > 0)
        return -1;
    if (r)
        return refuse_hidden(s, m, r);
    m->m.host = host;
    return machrt_fits_at(m, host) ? 0 : refuse_place(s, m, host);
}

/* ---- the steps' ---- */

bool machrt_has_place(const struct memory *m)
{
    uint32_t backing = mach_cfg_memory_backing(m->rec);
    return backing == MACH_CFG_BACKING_PHYSICAL || backing == MACH_CFG_BACKING_CONTIGUOUS ||
           backing == MACH_CFG_BACKING_HEAP;
}

int machrt_prove_given(struct mach_session *s, struct memory *m)
{
    if (s->options.flags & MACH_DRY_RUN)
        return 0;
    if (machrt_has_place(m) && prove_place(s, m))
        return -1;
    return prove_executable(s, m, machrt_has_place(m));
}

int machrt_prove_taken(struct mach_session *s, const struct memory *m)
{
    struct mach_stat st = {0};
    switch (mach_cfg_memory_backing(m->rec)) {
    case MACH_CFG_BACKING_PHYSICAL:
        return s->ops.place && must_be_kernels(s, m) ? machrt_prove_by_marks(s, m, m->m.host) : 0;
    case MACH_CFG_BACKING_FILE:
        // A file of characters (a device) may be anything.
        return prove_executable(s, m, s->sys.stat(s->sys.opaque, m->m.fd, &st) || S_ISCHR(st.mode));
    default:
        return 0;
    }
}
