// SPDX-License-Identifier: MIT
// Guest memory: allocated here, or provided by the VMM. It is faulted in before it is pinned, in parallel: MAP_DMA
// would do it page by page on one cpu, which takes many times as long.
#include "session/steps.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAX_THREADS = 16, MEMFD_HUGE_SHIFT = 26 /* MFD_HUGE_SHIFT, linux/memfd.h */ };
static const uint64_t LEAST_CHUNK = UINT64_C(64) << 20, CHUNK_ALIGN = UINT64_C(2) << 20;

static const char *memory_object(struct mach_session *s, const struct memory *m)
{
    return machrt_object(s, "memory %s", m->m.name);
}

/* ---- faulting in ---- */

// Old headers lack them: include/uapi/asm-generic/mman-common.h of Linux 5.14, the same on every architecture. A kernel
// without them answers EINVAL.
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

struct populate_job {
    struct mach_session *s;
    uint8_t *at;
    uint64_t size, page, chunk;
    uint64_t chunks; // about one for each thread
    bool readonly;
    uint32_t next; // number of the next chunk, taken atomically; 32-bit cpus have no atomic operations on 64 bits
    int result;
};

// What MADV_POPULATE_WRITE does, for kernels without it (before 5.14, or without CONFIG_ADVISE_SYSCALLS). Others may
// use the memory already: no value changes.
static void touch_pages(const struct populate_job *j, uint64_t from, uint64_t size)
{
    for (uint64_t i = 0; i < size; i += j->page) {
        if (j->readonly)
            (void)*(volatile uint8_t *)(j->at + from + i);
        else
            __atomic_fetch_or(j->at + from + i, 0, __ATOMIC_RELAXED);
    }
}

static void *populate_chunks(void *arg)
{
    struct populate_job *j = (struct populate_job *)arg;
    const struct mach_sys *sys = &j->s->sys;
    while (!__atomic_load_n(&j->result, __ATOMIC_RELAXED)) {
        uint32_t i = __atomic_fetch_add(&j->next, 1, __ATOMIC_RELAXED);
        if (i >= j->chunks)
            break;
        uint64_t from = i * j->chunk;
        uint64_t size = j->size - from < j->chunk ? j->size - from : j->chunk;
        int r;
        do
            r = sys->madvise(sys->opaque, j->at + from, size, j->readonly ? MADV_POPULATE_READ : MADV_POPULATE_WRITE);
        while (r == -EINTR || r == -EAGAIN);
        if (r == -EINVAL || r == -ENOSYS)
            touch_pages(j, from, size);
        else if (r)
            __atomic_store_n(&j->result, r, __ATOMIC_RELAXED);
    }
    return NULL;
}

// How many threads are worth it: as many as the caller says, or one for each cpu; one for little memory.
static uint64_t count_threads(const struct mach_session *s, uint64_t size)
{
    uint64_t n = s->options.threads;
    if (!n && size > LEAST_CHUNK) {
        // Takes system calls to find out, so it is not done for little memory.
        long cpus = sysconf(_SC_NPROCESSORS_ONLN);
        n = cpus > 0 ? (uint64_t)cpus : 1;
    }
    n = n ? n : 1;
    return n < MAX_THREADS ? n : MAX_THREADS;
}

static int populate(struct mach_session *s, const struct memory *m)
{
    struct populate_job j = {
        .s = s, .at = (uint8_t *)m->m.at, .size = m->m.size, .page = s->page, .readonly = m->m.readonly};
    pthread_t thread[MAX_THREADS];
    uint64_t want = count_threads(s, m->m.size);
    // One call for each thread, and none for less than is worth a thread.
    uint64_t share = (m->m.size - 1) / want + 1;
    // A config can ask for nearly 2^64 bytes; whether the host has them is for mmap() to say, but not for `machrt
    // plan`'s.
    j.chunk = share > UINT64_MAX - CHUNK_ALIGN ? share : (share + CHUNK_ALIGN - 1) / CHUNK_ALIGN * CHUNK_ALIGN;
    j.chunk = j.chunk < LEAST_CHUNK ? LEAST_CHUNK : j.chunk;
    j.chunks = (m->m.size - 1) / j.chunk + 1;
    want = want < j.chunks ? want : j.chunks;
    unsigned n = 0;
    // This thread is one of them. If a thread cannot be created, the others do its work.
    while (n + 1 < want && !pthread_create(&thread[n], NULL, populate_chunks, &j))
        n++;
    populate_chunks(&j);
    while (n)
        pthread_join(thread[--n], NULL);
    if (!j.result)
        return 0;
    return machrt_set_error(
        s, "memory", j.result, memory_object(s, m), "cannot allocate its %" PRIu64 " MiB%s", m->m.size >> 20,
        mach_cfg_memory_backing(m->rec) == MACH_CFG_BACKING_HUGETLB ? ": there are not enough huge pages" : "");
}

/* ---- allocating ---- */

static int undo_munmap(struct mach_session *s, void *thing, uint64_t arg)
{
    (void)arg;
    struct memory *m = (struct memory *)thing;
    int r = s->sys.munmap(s->sys.opaque, m->m.at, m->m.size);
    m->m.at = NULL;
    return r;
}

static unsigned log2_of(uint64_t n)
{
    unsigned bits = 0;
    while (n >>= 1)
        bits++;
    return bits;
}

// Creates a memfd of the memory's size. 0 or -errno.
static int make_memfd(struct mach_session *s, struct memory *m)
{
    bool huge = mach_cfg_memory_backing(m->rec) == MACH_CFG_BACKING_HUGETLB;
    uint64_t page = mach_cfg_memory_page_size(m->rec);
    char name[64];
    snprintf(name, sizeof name, "mach-%.50s", m->m.name);
    if (huge && (page < s->page || page & (page - 1) || m->m.size % page))
        return -EINVAL;
    int fd = s->sys.memfd_create(s->sys.opaque, name, huge ? MFD_HUGETLB | log2_of(page) << MEMFD_HUGE_SHIFT : 0);
    if (fd < 0)
        return fd;
    m->m.fd = fd;
    return s->sys.ftruncate(s->sys.opaque, fd, m->m.size);
}

static int open_backing(struct mach_session *s, struct memory *m)
{
    char path[PATH_SIZE];
    uint32_t backing = mach_cfg_memory_backing(m->rec);
    const char *file =
        backing == MACH_CFG_BACKING_PHYSICAL ? "/dev/mem" : machrt_string(s, mach_cfg_memory_path(m->rec));
    m->m.offset =
        backing == MACH_CFG_BACKING_PHYSICAL ? mach_cfg_memory_physical(m->rec) : mach_cfg_memory_offset(m->rec);
    int fd = machrt_file_path(s, path, file) ? s->sys.open(s->sys.opaque, path, m->m.readonly ? O_RDONLY : O_RDWR)
                                             : -ENAMETOOLONG;
    if (fd >= 0)
        m->m.fd = fd;
    return fd < 0 ? fd : 0;
}

static int report_backing_error(struct mach_session *s, const struct memory *m, int r)
{
    const char *who = memory_object(s, m);
    switch (mach_cfg_memory_backing(m->rec)) {
    case MACH_CFG_BACKING_HUGETLB:
        return machrt_set_error(s, "memory", r, who,
                                "the kernel does not have enough huge pages of %" PRIu64 " KiB for %" PRIu64 " MiB",
                                mach_cfg_memory_page_size(m->rec) >> 10, m->m.size >> 20);
    case MACH_CFG_BACKING_PHYSICAL:
        return machrt_set_error(s, "memory", r, who,
                                "cannot map /dev/mem: this needs CAP_SYS_RAWIO and, with CONFIG_STRICT_DEVMEM, a range "
                                "that the kernel does not use itself (reserved-memory, mem=)");
    case MACH_CFG_BACKING_FILE:
        return machrt_set_error(s, "memory", r, who, "cannot use %.300s",
                                machrt_string(s, mach_cfg_memory_path(m->rec)));
    default:
        return machrt_set_error(s, "memory", r, who, "cannot allocate %" PRIu64 " MiB", m->m.size >> 20);
    }
}

static int allocate_memory(struct mach_session *s, struct memory *m)
{
    uint32_t backing = mach_cfg_memory_backing(m->rec);
    bool named = backing == MACH_CFG_BACKING_FILE || backing == MACH_CFG_BACKING_PHYSICAL;
    if (*machrt_string(s, mach_cfg_memory_share(m->rec)) && !named)
        return machrt_set_error(
            s, "memory", ENOTSUP, memory_object(s, m),
            "memory that machines share needs `from physical` or `from file`, or a VMM that provides it (ops->memory)");
    if (machrt_reserve_undo(s))
        return -1;
    int r = named ? open_backing(s, m) : make_memfd(s, m);
    if (m->m.fd >= 0)
        machrt_push_undo(s, machrt_undo_close, &m->m.fd, 0, "close memory");
    if (r)
        return report_backing_error(s, m, r);
    if (machrt_reserve_undo(s))
        return -1;
    r = s->sys.mmap(s->sys.opaque, &m->m.at, m->m.size, m->m.readonly ? PROT_READ : PROT_READ | PROT_WRITE, MAP_SHARED,
                    m->m.fd, m->m.offset);
    if (r)
        return report_backing_error(s, m, r);
    machrt_push_undo(s, undo_munmap, m, 0, "unmap memory");
    // A mapping of /dev/mem is complete at once.
    if (backing == MACH_CFG_BACKING_PHYSICAL || s->options.flags & MACH_NO_POPULATE ||
        (!m->dma && backing != MACH_CFG_BACKING_HUGETLB))
        return 0;
    return populate(s, m);
}

static int get_memory(struct mach_session *s, struct memory *m)
{
    if (s->ops.memory) {
        int r = s->ops.memory(s->opaque, &m->m);
        if (!r && !m->m.at)
            r = -EFAULT;
        if (r != -ENOSYS)
            return r ? machrt_set_error(s, "vmm", r, memory_object(s, m), "the VMM does not provide it") : 0;
    }
    return allocate_memory(s, m);
}

// Without an IOMMU a device uses the guest's addresses on the bus.
static int check_identity(struct mach_session *s)
{
    uint32_t i = 0, n = s->f->section[MACH_CFG_S_DMA].count;
    while (i < n && mach_cfg_dma_mode(mach_cfg_record(s->f, MACH_CFG_S_DMA, i)) != MACH_CFG_DMA_IDENTITY)
        i++;
    for (uint32_t k = 0; i < n && k < s->memories; k++) {
        const struct memory *m = &s->memory[k];
        if (mach_cfg_memory_flags(m->rec) & MACH_CFG_MEMORY_NO_DMA)
            continue;
        if (mach_cfg_memory_backing(m->rec) != MACH_CFG_BACKING_PHYSICAL ||
            mach_cfg_memory_physical(m->rec) != m->m.address)
            return machrt_set_error(
                s, "memory", EINVAL, memory_object(s, m),
                "a device has `dma identity`, so guest and host addresses must be equal: use `from physical 0x%" PRIx64
                "`",
                m->m.address);
    }
    return 0;
}

int machrt_step_memory(struct mach_session *s)
{
    for (uint32_t i = 0; i < s->f->section[MACH_CFG_S_DMA_MAP].count; i++) {
        uint32_t m = mach_cfg_dma_map_memory(mach_cfg_record(s->f, MACH_CFG_S_DMA_MAP, i));
        if (m != MACH_CFG_NONE)
            s->memory[m].dma = true;
    }
    if (check_identity(s))
        return -1;
    for (uint32_t i = 0; i < s->memories; i++)
        if (get_memory(s, &s->memory[i]))
            return -1;
    return 0;
}

/* ---- mapping into the guest ---- */

static int undo_place(struct mach_session *s, void *thing, uint64_t arg)
{
    (void)arg;
    if (s->ops.place_undo)
        s->ops.place_undo(s->opaque, (const struct mach_place *)thing);
    return 0;
}

int machrt_map_to_guest(struct mach_session *s, struct mach_place *p, const char *who)
{
    p->slot = s->slots++;
    if (!s->ops.place)
        return machrt_set_error(s, "vmm", ENOSYS, who, "the VMM cannot map it into the guest (ops->place)");
    if (machrt_reserve_undo(s))
        return -1;
    int r = s->ops.place(s->opaque, p);
    if (r)
        return machrt_set_error(s, "vmm", r, who, "the VMM does not map it into the guest at 0x%" PRIx64, p->address);
    machrt_push_undo(s, undo_place, p, 0, who);
    return 0;
}

int machrt_step_place(struct mach_session *s)
{
    for (uint32_t i = 0; s->has_ops && i < s->memories; i++) {
        struct memory *m = &s->memory[i];
        m->place = (struct mach_place){
            .address = m->m.address,
            .size = m->m.size,
            .at = m->m.at,
            .readonly = m->m.readonly,
            .is_memory = 1,
            .index = i,
        };
        if (machrt_map_to_guest(s, &m->place, m->m.name))
            return -1;
    }
    return 0;
}

const struct mach_memory *mach_session_memory(const struct mach_session *s, uint32_t memory)
{
    return memory < s->memories ? &s->memory[memory].m : NULL;
}
