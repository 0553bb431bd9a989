// SPDX-License-Identifier: MIT
// Faults memory in before it is pinned, in parallel: MAP_DMA would do it page by page on one cpu, which takes many
// times as long.
#include "session/pages.h"
#include "uapi/madvise.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAX_THREADS = 16 };
static const uint64_t LEAST_CHUNK = UINT64_C(64) << 20, CHUNK_ALIGN = UINT64_C(2) << 20;

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

int machrt_populate(struct mach_session *s, void *at, uint64_t size, bool readonly)
{
    struct populate_job j = {.s = s, .at = (uint8_t *)at, .size = size, .page = s->page, .readonly = readonly};
    pthread_t thread[MAX_THREADS];
    uint64_t want = count_threads(s, size);
    // One call for each thread, and none for less than is worth a thread.
    uint64_t share = (size - 1) / want + 1;
    // A config can ask for nearly 2^64 bytes; whether the host has them is for mmap() to say, but not for `machrt
    // plan`'s.
    j.chunk = share > UINT64_MAX - CHUNK_ALIGN ? share : (share + CHUNK_ALIGN - 1) / CHUNK_ALIGN * CHUNK_ALIGN;
    j.chunk = j.chunk < LEAST_CHUNK ? LEAST_CHUNK : j.chunk;
    j.chunks = (size - 1) / j.chunk + 1;
    want = want < j.chunks ? want : j.chunks;
    unsigned n = 0;
    // This thread is one of them. If a thread cannot be created, the others do its work.
    while (n + 1 < want && !pthread_create(&thread[n], NULL, populate_chunks, &j))
        n++;
    populate_chunks(&j);
    while (n)
        pthread_join(thread[--n], NULL);
    return j.result;
}
