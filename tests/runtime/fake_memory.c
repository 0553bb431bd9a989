// SPDX-License-Identifier: MIT
// Memory: what is mapped, what is populated, and the files behind it.
#include "fake.h"

#include <errno.h>
#include <sys/mman.h>

static int locked_mmap(struct fake *k, void **at, uint64_t size, int fd, uint64_t offset)
{
    int r = fake_step(k, "mmap", true);
    if (r)
        return r;
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
        k->map[i] = (struct fake_map){p + up, size, kind, kind == 'm' ? 0 : size};
        *at = p + up;
        return 0;
    }
    return -ENOMEM;
}

int fake_mmap(void *o, void **at, uint64_t size, int prot, int flags, int fd, uint64_t offset)
{
    (void)prot;
    (void)flags;
    LOCKED(fake_self(o), int, locked_mmap(fake_self(o), at, size, fd, offset));
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
        k->map[i] = (struct fake_map){0};
        return 0;
    }
    fake_wrong(k, "munmap of what is not mapped");
    return -EINVAL;
}

int fake_munmap(void *o, void *at, uint64_t size)
{
    LOCKED(fake_self(o), int, locked_munmap(fake_self(o), at, size));
}

static int locked_madvise(struct fake *k, void *at, uint64_t size)
{
    int r = fake_step(k, "madvise", true);
    for (int i = 0; (!r || r == -EINVAL) && i < FAKE_MAPS; i++)
        if (k->map[i].at && (uint8_t *)at >= k->map[i].at && (uint8_t *)at < k->map[i].at + k->map[i].size)
            k->map[i].populated += size;
    return r;
}

int fake_madvise(void *o, void *at, uint64_t size, int advice)
{
    (void)advice;
    LOCKED(fake_self(o), int, locked_madvise(fake_self(o), at, size));
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

static int locked_memfd(struct fake *k, const char *name)
{
    int r = fake_step(k, "memfd_create", true);
    r = r ? r : fake_fd(k, 'm', 0);
    if (r >= 0)
        snprintf(k->file[r].path, sizeof k->file[r].path, "%s", name);
    return r;
}

int fake_memfd(void *o, const char *name, unsigned flags)
{
    (void)flags;
    LOCKED(fake_self(o), int, locked_memfd(fake_self(o), name));
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
