// SPDX-License-Identifier: MIT
// The pool of huge pages, pins, and what /proc shows of memory: as Linux has it (mm/hugetlb.c, io_uring/rsrc.c,
// drivers/dma-buf/udmabuf.c, fs/proc/task_mmu.c, fs/proc/page.c, fs/proc/kcore.c).
#include "fake.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>

enum { PAGE = FAKE_HUGE_PAGE };

void fake_pool(struct fake *k, uint64_t first, uint32_t pages)
{
    for (uint32_t i = 0; i < pages; i++) {
        if (k->pages == FAKE_PAGES)
            abort();
        // The last one that was added is the first one that is taken.
        memmove(k->page_list + 1, k->page_list, k->pages * sizeof *k->page_list);
        k->page_list[0] = (struct fake_page){.host = first + (uint64_t)i * PAGE, .fd = -1};
        k->pages++;
    }
}

struct fake_page *fake_page_of(struct fake *k, int fd, uint64_t offset)
{
    for (uint32_t i = 0; fd >= 0 && i < k->pages; i++)
        if (k->page_list[i].fd == fd && k->page_list[i].offset == offset / PAGE * PAGE)
            return &k->page_list[i];
    return NULL;
}

static uint64_t count_free(const struct fake *k)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < k->pages; i++)
        n += k->page_list[i].fd == -1 && !k->page_list[i].pins;
    return n;
}

// A page goes back to the pool. Nobody may still write to it.
static void free_page(struct fake *k, struct fake_page *p)
{
    struct fake_page x = *p;
    for (uint32_t i = 0; i < k->devices; i++)
        if (k->device[i].fd >= 0 && k->noiommu)
            fake_wrong(k, "a page goes back to the pool, and %s, which has no IOMMU, is open", k->device[i].name);
    // To the head of the list: enqueue_hugetlb_folio().
    memmove(k->page_list + 1, k->page_list, (size_t)(p - k->page_list) * sizeof x);
    x.fd = -1;
    k->page_list[0] = x;
    k->surplus -= k->surplus > 0;
}

void fake_pool_free(struct fake *k, int fd, uint64_t first, uint64_t end)
{
    for (uint64_t at = first; at < end; at += PAGE) {
        struct fake_page *p = fake_page_of(k, fd, at);
        if (!p)
            continue;
        if (p->pins)
            p->fd = -2; // it goes with its pin
        else
            free_page(k, p);
    }
}

bool fake_pool_fill(struct fake *k, int fd, uint64_t first, uint64_t end)
{
    for (uint64_t at = first; at < end; at += PAGE) {
        uint32_t i = 0;
        if (fake_page_of(k, fd, at))
            continue;
        while (i < k->pages && (k->page_list[i].fd != -1 || k->page_list[i].pins))
            i++;
        if (i == k->pages)
            return false;
        k->page_list[i].fd = fd;
        k->page_list[i].offset = at;
    }
    uint32_t taken = 0;
    for (uint32_t i = 0; i < k->pages; i++)
        taken += k->page_list[i].fd == fd;
    k->most_taken = taken > k->most_taken ? taken : k->most_taken;
    return true;
}

uint64_t fake_pool_room(const struct fake *k)
{
    return count_free(k) * PAGE;
}

/* ---- pins ---- */

static int pin_page(struct fake *k, struct fake_page *p, int by)
{
    if (p->no_pin)
        return -ENOMEM;
    if (p->moves_to && !p->pins) { // out of CMA
        p->host = p->moves_to;
        p->moves_to = 0;
    }
    for (int i = 0; i < FAKE_PINS; i++)
        if (!p->by[i]) {
            p->by[i] = by;
            p->pins++;
            return 0;
        }
    (void)k;
    return -ENOSPC;
}

static int pin_range(struct fake *k, int fd, uint64_t first, uint64_t size, int by)
{
    int r = 0;
    for (uint64_t at = first; !r && at < first + size; at += PAGE) {
        struct fake_page *p = fake_page_of(k, fd, at);
        r = p ? pin_page(k, p, by) : -EFAULT;
    }
    return r;
}

void fake_unpin(struct fake *k, int by)
{
    for (uint32_t i = 0; i < k->pages; i++) {
        struct fake_page *p = &k->page_list[i];
        for (int n = 0; n < FAKE_PINS; n++)
            if (p->by[n] == by) {
                p->by[n] = 0;
                p->pins--;
                if (!p->pins && p->fd == -2) {
                    free_page(k, p);
                    i = 0; // the list has changed
                }
            }
    }
}

// The mapping that has an address: the last one that was made there.
static const struct fake_map *map_at(const struct fake *k, uintptr_t at)
{
    const struct fake_map *found = NULL;
    for (int i = 0; i < FAKE_MAPS; i++) {
        const struct fake_map *m = &k->map[i];
        if (m->at && at >= (uintptr_t)m->at && at - (uintptr_t)m->at < m->size && (!found || m->order > found->order))
            found = m;
    }
    return found;
}

static int locked_setup(struct fake *k)
{
    int r = fake_step(k, "io_uring_setup", true);
    r = r ? r : k->no_io_uring ? -EPERM : 0;
    return r ? r : fake_fd(k, 'r', 0);
}

static int locked_register(struct fake *k, int fd, unsigned operation, void *arg, unsigned count)
{
    const struct iovec *v = arg;
    int r = fake_step(k, "io_uring_register", true);
    if (k->file[fd].kind == 'r' && operation == 1 /* IORING_UNREGISTER_BUFFERS */) {
        fake_unpin(k, fd);
        return r;
    }
    if (k->file[fd].kind != 'r' || operation != 0 /* IORING_REGISTER_BUFFERS */ || !count || count > 1024)
        return -EINVAL;
    for (unsigned i = 0; !r && i < count; i++) {
        const struct fake_map *m = map_at(k, (uintptr_t)v[i].iov_base);
        if (!m || v[i].iov_len > UINT64_C(1) << 30)
            return -EFAULT;
        if (k->file[m->fd].huge) // pages of other memory have no address in this model
            r = pin_range(k, m->fd, m->offset + (uint64_t)((uint8_t *)v[i].iov_base - m->at), v[i].iov_len, fd);
    }
    if (r)
        fake_unpin(k, fd);
    return r;
}

bool fake_is_pinned_by(const struct fake *k, int fd)
{
    for (uint32_t i = 0; i < k->pages; i++)
        for (int n = 0; n < FAKE_PINS; n++)
            if (k->page_list[i].by[n] == fd)
                return true;
    return false;
}

void fake_pool_wait(struct fake *k)
{
    for (uint32_t i = 0, n = 0; i < k->pages && n < 2; i++)
        if (k->page_list[i].fd == FAKE_DYING) {
            k->page_list[i].fd = -1;
            n++;
        }
}

int fake_io_uring_setup(void *o, unsigned entries, struct io_uring_params *params)
{
    (void)entries;
    (void)params;
    LOCKED(fake_self(o), int, locked_setup(fake_self(o)));
}

int fake_io_uring_register(void *o, int fd, unsigned operation, void *arg, unsigned count)
{
    LOCKED(fake_self(o), int, locked_register(fake_self(o), fd, operation, arg, count));
}

int fake_udmabuf_ioctl(struct fake *k, unsigned long request, const void *arg)
{
    const struct udmabuf_create_list *l = arg;
    uint64_t size = 0;
    if (request != UDMABUF_CREATE_LIST)
        return -ENOTTY;
    if (!l->count || l->count > 1024)
        return -EINVAL;
    for (uint32_t i = 0; i < l->count; i++) {
        if (!(k->file[l->list[i].memfd].seals & F_SEAL_SHRINK) || l->list[i].offset % k->page ||
            l->list[i].size % k->page)
            return -EINVAL;
        size += l->list[i].size;
    }
    if (size > UINT64_C(64) << 20)
        return -EINVAL;
    int fd = fake_fd(k, 'b', 0), r = 0;
    for (uint32_t i = 0; fd >= 0 && !r && i < l->count; i++)
        r = pin_range(k, (int)l->list[i].memfd, l->list[i].offset, l->list[i].size, fd);
    if (fd >= 0 && r) {
        fake_unpin(k, fd);
        k->file[fd].open = false;
    }
    return r ? r : fd;
}

int fake_heap_ioctl(struct fake *k, unsigned long request, void *arg)
{
    struct dma_heap_allocation_data *d = arg;
    if (request != DMA_HEAP_IOCTL_ALLOC)
        return -ENOTTY;
    if (d->len > k->heap_size)
        return -ENOMEM;
    int fd = fake_fd(k, 'h', 0);
    if (fd >= 0)
        d->fd = (uint32_t)fd;
    return fd < 0 ? fd : 0;
}

static int locked_seals(struct fake *k, int fd, unsigned seals)
{
    int r = fake_step(k, "add_seals", true);
    if (!r && !(k->file[fd].flags & MFD_ALLOW_SEALING))
        r = -EPERM;
    k->file[fd].seals |= r ? 0 : seals;
    return r;
}

int fake_add_seals(void *o, int fd, unsigned seals)
{
    LOCKED(fake_self(o), int, locked_seals(fake_self(o), fd, seals));
}

static int locked_flock(struct fake *k, int fd)
{
    int r = fake_step(k, "flock", true);
    return r ? r : k->file[fd].kind == 'f' ? 0 : -EBADF;
}

int fake_flock(void *o, int fd, int operation)
{
    (void)operation;
    LOCKED(fake_self(o), int, locked_flock(fake_self(o), fd));
}

/* ---- /proc ---- */

static void pool_line(const struct fake *k, const char *path, char *line, size_t size)
{
    if (strstr(path, "/free_hugepages"))
        snprintf(line, size, "%llu\n", (unsigned long long)count_free(k));
    else if (strstr(path, "/nr_hugepages"))
        snprintf(line, size, "%u\n", k->pages);
    else if (strstr(path, "/surplus_hugepages"))
        snprintf(line, size, "%u\n", k->surplus);
    else if (strstr(path, "/resv_hugepages"))
        snprintf(line, size, "%u\n", k->reserved);
}

bool fake_pool_read(const struct fake *k, const char *path, char *line, size_t size)
{
    static const char folder[] = "/sys/kernel/mm/hugepages/hugepages-2048kB/";
    *line = '\0';
    if (k->pages && !strncmp(path, folder, strlen(folder)))
        pool_line(k, path, line, size);
    return *line;
}

enum { STACK = 2 << 20 }; // the process's own, more or less
static const uint64_t ABSENT = UINT64_MAX;

static uint64_t pagemap_entry(const struct fake *k, uint64_t frame)
{
    const struct fake_map *m = map_at(k, (uintptr_t)(frame * k->page));
    uint64_t delta = m ? frame * k->page - (uintptr_t)m->at : 0, host = ABSENT;
    if (!m)
        host = (uintptr_t)&m - frame * k->page + STACK / 2 < STACK ? 0x47000000 : ABSENT;
    else if (m->fd < 0 || strchr("fh", k->file[m->fd].kind)) // anonymous and untouched; VM_PFNMAP
        host = ABSENT;
    else if (k->file[m->fd].kind == 'x') // a device whose memory has pages
        host = k->elsewhere + m->offset + delta;
    else if (k->file[m->fd].huge)
        for (uint32_t i = 0; i < k->pages; i++) {
            const struct fake_page *p = &k->page_list[i];
            if (p->fd == m->fd && p->offset == (m->offset + delta) / PAGE * PAGE)
                host = p->host + (m->offset + delta) % PAGE;
        }
    else
        host = 0x48000000 + delta; // somewhere
    if (host == ABSENT)
        return 0;
    return UINT64_C(1) << 63 | (k->hides_frames ? 0 : host / k->page);
}

// Huge pages have compound_head or compound_tail, and huge.
static uint64_t page_flags(const struct fake *k, uint64_t frame)
{
    for (uint32_t i = 0; i < k->pages; i++) {
        uint64_t first = k->page_list[i].host / k->page;
        if (frame >= first && frame < first + PAGE / k->page)
            return UINT64_C(1) << 17 | UINT64_C(1) << (frame == first ? 15 : 16);
    }
    return 0;
}

static uint64_t page_count(const struct fake *k, uint64_t frame)
{
    for (uint32_t i = 0; i < k->pages; i++)
        if (frame == k->page_list[i].host / k->page)
            return k->page_list[i].fd != -1;
    return 0;
}

/* An ELF file of one piece: a part of the kernel's memory. */
enum { RAM_OFFSET = 0x10000 };
static const uint64_t RAM = 0x90000000, RAM_SIZE = 32 << 20;

static int64_t read_kcore(const struct fake *k, void *buffer, size_t size, uint64_t offset)
{
    struct {
        Elf64_Ehdr head;
        Elf64_Phdr piece[2];
    } wide = {
        .head = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64},
                 .e_phoff = sizeof wide.head,
                 .e_phentsize = sizeof wide.piece[0],
                 .e_phnum = 2},
        .piece = {{.p_type = PT_LOAD, .p_paddr = UINT64_MAX, .p_filesz = 0x1000},
                  {.p_type = PT_LOAD, .p_offset = RAM_OFFSET, .p_paddr = RAM, .p_filesz = RAM_SIZE}},
    };
    struct {
        Elf32_Ehdr head;
        Elf32_Phdr piece[2];
    } narrow = {
        .head = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS32},
                 .e_phoff = sizeof narrow.head,
                 .e_phentsize = sizeof narrow.piece[0],
                 .e_phnum = 2},
        .piece =
            {{.p_type = PT_LOAD, .p_paddr = UINT32_MAX, .p_filesz = 0x1000},
             {.p_type = PT_LOAD, .p_offset = RAM_OFFSET, .p_paddr = (uint32_t)RAM, .p_filesz = (uint32_t)RAM_SIZE}},
    };
    if (offset + size <= RAM_OFFSET) {
        const uint8_t *file = k->is_32_bit ? (const uint8_t *)&narrow : (const uint8_t *)&wide;
        uint64_t bytes = k->is_32_bit ? sizeof narrow : sizeof wide, there = offset < bytes ? bytes - offset : 0;
        memset(buffer, 0, size);
        memcpy(buffer, file + (offset < bytes ? offset : 0), (size_t)(there < size ? there : size));
        return (int64_t)size;
    }
    uint64_t first = offset - RAM_OFFSET + RAM, end = first + size;
    memset(buffer, 0, size);
    for (int i = 0; i < FAKE_MAPS; i++) {
        const struct fake_map *m = &k->map[i];
        if (!m->at || m->fd < 0 || k->lies || !strchr("fh", k->file[m->fd].kind))
            continue;
        uint64_t at = m->offset + (k->file[m->fd].kind == 'h' ? k->heap_at : 0);
        uint64_t from = first > at ? first : at, to = end < at + m->size ? end : at + m->size;
        if (from < to)
            memcpy((uint8_t *)buffer + (from - first), m->at + (from - at), (size_t)(to - from));
    }
    return (int64_t)size;
}

int64_t fake_proc_pread(const struct fake *k, const char *path, void *buffer, size_t size, uint64_t offset)
{
    uint64_t *to = buffer;
    if (!strcmp(path, "/proc/kcore"))
        return read_kcore(k, buffer, size, offset);
    for (size_t i = 0; i < size / 8; i++) {
        uint64_t frame = offset / 8 + i;
        to[i] = strstr(path, "pagemap")      ? pagemap_entry(k, frame)
                : strstr(path, "kpageflags") ? page_flags(k, frame)
                                             : page_count(k, frame);
    }
    return (int64_t)size;
}
