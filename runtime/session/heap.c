// SPDX-License-Identifier: MIT
/*
 * Memory of a DMA heap: one piece of a CMA region. No table shows where a dma-buf lies (VM_PFNMAP), but the kernel has
 * it in its linear map, so that a mark tells: /proc/kcore. When the process dies it goes back to the kernel, unlike
 * huge pages, even if a device still writes to it.
 */
#include "session/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/dma-heap.h>
#include <sys/mman.h>

static int undo_munmap(struct mach_session *s, void *thing, uint64_t size)
{
    struct memory *m = (struct memory *)thing;
    int r = s->sys.munmap(s->sys.opaque, m->m.at, size);
    m->m.at = NULL;
    return r;
}

static int report(struct mach_session *s, const struct memory *m, const char *heap, int r, const char *what)
{
    return machrt_set_error(s, "memory", r, machrt_memory_object(s, m), "DMA heap %.100s: %s", heap, what);
}

// Takes and maps it. 0, or -1 after an error.
static int allocate(struct mach_session *s, struct memory *m, const char *heap)
{
    char path[PATH_SIZE];
    struct dma_heap_allocation_data d = {.len = m->m.size, .fd_flags = O_RDWR | O_CLOEXEC};
    if (machrt_reserve_undo(s))
        return -1;
    int device =
        machrt_dev_path(s, path, "dma_heap/%.200s", heap) ? s->sys.open(s->sys.opaque, path, O_RDONLY) : -ENAMETOOLONG;
    if (device < 0)
        return report(s, m, heap, device, "there is none: see /dev/dma_heap (CONFIG_DMABUF_HEAPS)");
    int r = s->sys.ioctl(s->sys.opaque, device, DMA_HEAP_IOCTL_ALLOC, &d);
    s->sys.close(s->sys.opaque, device);
    if (r)
        return report(s, m, heap, r,
                      "it does not have so much in one piece: the kernel uses its memory meanwhile. Reserve more "
                      "(`cma=`), or take huge pages");
    m->m.fd = (int)d.fd;
    machrt_push_undo(s, machrt_undo_close, &m->m.fd, 0, "close memory");
    if (machrt_reserve_undo(s))
        return -1;
    r = s->sys.mmap(s->sys.opaque, &m->m.at, m->m.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, m->m.fd, 0);
    if (r)
        return report(s, m, heap, r, "its memory cannot be mapped");
    machrt_push_undo(s, undo_munmap, m, m->m.size, "unmap memory");
    return 0;
}

int machrt_take_from_heap(struct mach_session *s, struct memory *m)
{
    const char *heap = machrt_string(s, mach_cfg_memory_path(m->rec));
    uint32_t arch = mach_cfg_machine_arch(mach_cfg_record(s->f, MACH_CFG_S_MACHINE, 0));
    uint64_t host = mach_cfg_memory_physical(m->rec);
    // arch/powerpc/kvm/e500_mmu_host.c takes the page offset of such a mapping for its frame: the guest would get
    // memory from 0 on.
    if (arch == MACH_CFG_ARCH_PPC)
        return report(s, m, heap, -ENOTSUP, "KVM on Power maps other memory than the heap's: take huge pages");
    if (strchr(heap, '/') || !*heap)
        return report(s, m, heap, -EINVAL, "this is no name of a heap");
    if (allocate(s, m, heap))
        return -1;
    if (s->options.flags & MACH_DRY_RUN)
        return 0;
    if (host == MACH_CFG_NONE64 && machrt_search_by_mark(s, m, &host))
        return -1;
    if (machrt_prove_by_marks(s, m, host))
        return -1;
    if (!machrt_fits_at(m, host))
        return machrt_set_error(s, "memory", ENOMEM, machrt_memory_object(s, m),
                                "DMA heap %.100s: it gave 0x%" PRIx64 ", and the devices reach 0x%" PRIx64
                                "..0x%" PRIx64,
                                heap, host, mach_cfg_memory_lowest(m->rec), mach_cfg_memory_limit(m->rec) - 1);
    m->m.host = host;
    machrt_log(s, "memory %s: %" PRIu64 " MiB at host 0x%" PRIx64 ", of DMA heap %s", m->m.name, m->m.size >> 20, host,
               heap);
    return 0;
}
