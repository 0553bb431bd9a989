// SPDX-License-Identifier: MIT
// Memory: what is mapped, what is populated, and the files behind it.
#include "fake.h"

#include <errno.h>
#include <sys/mman.h>

// Over a part of an earlier mapping.
static int map_fixed(struct fake *k, uint8_t *at, uint64_t size, int prot, int fd, uint64_t offset)
{
    for (int i = 0; i < FAKE_MAPS; i++) {
        if (k->map[i].at)
            continue;
        if (mprotect(at, (size_t)size, prot))
            return -errno;
        k->map[i] = (struct fake_map){at, size, k->file[fd].kind, size, fd, offset, ++k->maps, k->file[fd].id};
        return 0;
    }
    return -ENOMEM;
}

static int locked_mmap(struct fake *k, void **at, uint64_t size, int prot, int flags, int fd, uint64_t offset)
{
    int r = fake_step(k, "mmap", true);
    if (r)
        return r;
    if (flags & MAP_ANONYMOUS) {
        void *p = mmap(NULL, (size_t)size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        for (int i = 0; i < FAKE_MAPS; i++)
            if (!k->map[i].at) {
                k->map[i] = (struct fake_map){p, size, 'n', size, -1, 0, ++k->maps, 0};
                *at = p;
                return 0;
            }
        return -ENOMEM;
    }
    if (fd >= 0 && k->file[fd].huge && fake_pool_room(k) < size && !fake_page_of(k, fd, offset))
        return -ENOMEM;
    if (flags & MAP_FIXED)
        return map_fixed(k, *at, size, prot, fd, offset);
    if (!size || offset % k->page || fd < 0 || !k->file[fd].open)
        return -EINVAL;
    char kind = k->file[fd].kind;
    if (kind == 'd') {
        const struct fake_device *d = &k->device[k->file[fd].number];
        const struct fake_region *x = &d->region[offset >> 40 < FAKE_REGIONS ? offset >> 40 : 0];
        uint64_t start = offset & ((UINT64_C(1) << 40) - 1);
        if (!(x->flags & 4) || start + size > x->size || size % k->page)
            return -EINVAL;
        for (uint32_t i = 0; i < x->areas; i++)
            if (start == x->area[i][0] && size == x->area[i][1])
                goto fine;
        if (x->areas)
            fake_wrong(k, "mmap of what is not in the list of areas");
    fine:;
    }
    if (kind == 'm' && size > k->file[fd].size)
        return -EINVAL;
    for (int i = 0; i < FAKE_MAPS; i++) {
        if (k->map[i].at)
            continue;
        // At a multiple of 64 KiB, for hosts with such pages.
        uint8_t *p = mmap(NULL, (size_t)size + 65536, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p == MAP_FAILED)
            return -ENOMEM;
        uintptr_t up = (65536 - ((uintptr_t)p & 65535)) & 65535;
        if (up)
            munmap(p, up);
        munmap(p + up + ((size + 4095) & ~(size_t)4095), 65536 - up);
        if (mprotect(p + up, (size_t)size, prot))
            return -errno;
        k->map[i] =
            (struct fake_map){p + up, size, kind, kind == 'm' ? 0 : size, fd, offset, ++k->maps, k->file[fd].id};
        *at = p + up;
        return 0;
    }
    return -ENOMEM;
}

int fake_mmap(void *o, void **at, uint64_t size, int prot, int flags, int fd, uint64_t offset)
{
    LOCKED(fake_self(o), int, locked_mmap(fake_self(o), at, size, prot, flags, fd, offset));
}

static int locked_munmap(struct fake *k, void *at, uint64_t size)
{
    int r = fake_step(k, "munmap", true);
    if (r)
        return r;
    for (int i = 0; i < FAKE_MAPS; i++) {
        if (k->map[i].at != at || k->map[i].size != size)
            continue;
        for (uint32_t n = 0; n < k->dmas; n++)
            if (k->dma[n].host >= (uintptr_t)at && k->dma[n].host < (uintptr_t)at + size)
                fake_wrong(k, "munmap of memory that is mapped for DMA");
        munmap(at, (size + 4095) & ~(size_t)4095);
        // What was mapped over it goes with it.
        for (int n = 0; n < FAKE_MAPS; n++)
            if (k->map[n].at >= (uint8_t *)at && k->map[n].at < (uint8_t *)at + size)
                k->map[n] = (struct fake_map){0};
        fake_end_locks(k);
        return 0;
    }
    fake_wrong(k, "munmap of what is not mapped");
    return -EINVAL;
}

int fake_munmap(void *o, void *at, uint64_t size)
{
    LOCKED(fake_self(o), int, locked_munmap(fake_self(o), at, size));
}

static int remove_pages(struct fake *k, const struct fake_map *m, uint64_t from, uint64_t size)
{
    if (m->fd < 0 || !k->file[m->fd].huge)
        return -EINVAL;
    fake_pool_free(k, m->fd, m->offset + from, m->offset + from + size);
    return 0;
}

static int locked_madvise(struct fake *k, void *at, uint64_t size, int advice)
{
    int r = fake_step(k, advice == MADV_REMOVE ? "madvise remove" : "madvise", true);
    for (int i = 0; (!r || r == -EINVAL) && i < FAKE_MAPS; i++) {
        struct fake_map *m = &k->map[i];
        if (!m->at || (uint8_t *)at < m->at || (uint8_t *)at >= m->at + m->size)
            continue;
        uint64_t from = (uint64_t)((uint8_t *)at - m->at);
        if (advice == MADV_REMOVE)
            return r ? r : remove_pages(k, m, from, size);
        m->populated += size;
        if (m->fd >= 0 && k->file[m->fd].huge && !fake_pool_fill(k, m->fd, m->offset + from, m->offset + from + size))
            return -EFAULT;
    }
    return r;
}

int fake_madvise(void *o, void *at, uint64_t size, int advice)
{
    LOCKED(fake_self(o), int, locked_madvise(fake_self(o), at, size, advice));
}

bool fake_populated(struct fake *k, uint64_t host, uint64_t size)
{
    for (int i = 0; i < FAKE_MAPS; i++) {
        const struct fake_map *m = &k->map[i];
        if (m->at && host >= (uintptr_t)m->at && host - (uintptr_t)m->at <= m->size &&
            size <= m->size - (host - (uintptr_t)m->at))
            return m->populated >= m->size;
    }
    return false;
}

static int locked_memfd(struct fake *k, const char *name, unsigned flags)
{
    int r = fake_step(k, "memfd_create", true);
    r = r ? r : fake_fd(k, 'm', 0);
    if (r < 0)
        return r;
    snprintf(k->file[r].path, sizeof k->file[r].path, "%s", name);
    k->file[r].flags = flags;
    k->file[r].huge = flags & MFD_HUGETLB && k->pages; // hosts without a model of their pool have what is asked for
    return r;
}

int fake_memfd(void *o, const char *name, unsigned flags)
{
    LOCKED(fake_self(o), int, locked_memfd(fake_self(o), name, flags));
}

static int locked_ftruncate(struct fake *k, int fd, uint64_t size)
{
    int r = fake_step(k, "ftruncate", true);
    if (!r)
        k->file[fd].size = size;
    return r;
}

int fake_ftruncate(void *o, int fd, uint64_t size)
{
    LOCKED(fake_self(o), int, locked_ftruncate(fake_self(o), fd, size));
}
