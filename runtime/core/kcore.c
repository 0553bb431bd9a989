// SPDX-License-Identifier: MIT
// /proc/kcore: the kernel's linear map, as an ELF file whose program headers carry host addresses (Linux
// fs/proc/kcore.c).
#include "core/physical.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>

#if UINTPTR_MAX > UINT32_MAX
typedef Elf64_Ehdr file_header;
typedef Elf64_Phdr program_header;
#else
typedef Elf32_Ehdr file_header;
typedef Elf32_Phdr program_header;
#endif

static int read_at(struct mach_session *s, int fd, void *to, size_t size, uint64_t offset)
{
    return machrt_check_transfer(s->sys.pread(s->sys.opaque, fd, to, size, offset), size);
}

// Whether the bytes of a segment at `physical` are those of `mark`. 0; -ENODATA: they are not, or it has none; -errno.
static int compare(struct mach_session *s, int fd, const program_header *p, uint64_t physical, const uint8_t *mark)
{
    uint8_t there[MACHRT_MARK];
    // Pieces without a host address (vmalloc, modules) have -1.
    if (p->p_type != PT_LOAD || p->p_paddr == (__typeof__(p->p_paddr))-1 || physical < p->p_paddr ||
        physical - p->p_paddr > p->p_filesz || p->p_filesz - (physical - p->p_paddr) < sizeof there)
        return -ENODATA;
    int r = read_at(s, fd, there, sizeof there, p->p_offset + (physical - p->p_paddr));
    return r ? r : memcmp(there, mark, sizeof there) ? -ENODATA : 0;
}

/* Called for each segment; -ENODATA: go on with the next. */
struct look {
    int (*at)(struct mach_session *s, int fd, const program_header *p, struct look *look);
    uint64_t physical;
    const uint8_t *mark;
};

static int look_at_address(struct mach_session *s, int fd, const program_header *p, struct look *look)
{
    return compare(s, fd, p, look->physical, look->mark);
}

// Looks at the beginning of each page.
static int look_everywhere(struct mach_session *s, int fd, const program_header *p, struct look *look)
{
    enum { BLOCK = 1 << 20 };
    if (p->p_type != PT_LOAD || p->p_paddr == (__typeof__(p->p_paddr))-1 || p->p_paddr % s->page)
        return -ENODATA;
    uint8_t *block = (uint8_t *)s->sys.alloc(s->sys.opaque, NULL, BLOCK);
    int r = block ? -ENODATA : -ENOMEM;
    for (uint64_t at = 0; r == -ENODATA && at < p->p_filesz; at += BLOCK) {
        uint64_t n = p->p_filesz - at < BLOCK ? p->p_filesz - at : BLOCK;
        r = read_at(s, fd, block, (size_t)n, p->p_offset + at);
        r = r ? r : -ENODATA;
        for (uint64_t i = 0; r == -ENODATA && i + MACHRT_MARK <= n; i += s->page)
            if (!memcmp(block + i, look->mark, MACHRT_MARK)) {
                look->physical = p->p_paddr + at + i;
                r = 0;
            }
    }
    s->sys.alloc(s->sys.opaque, block, 0);
    return r;
}

// The kernel's text has a segment of its own beside that of the memory it lies in: any may have the mark.
static int look_at_segments(struct mach_session *s, struct look *look)
{
    char path[PATH_SIZE];
    file_header h;
    program_header p;
    snprintf(path, sizeof path, "%s/kcore", s->sys.proc);
    int fd = s->sys.open(s->sys.opaque, path, O_RDONLY);
    if (fd < 0)
        return fd;
    int r = read_at(s, fd, &h, sizeof h, 0);
    if (!r && (memcmp(h.e_ident, ELFMAG, SELFMAG) || h.e_phentsize != sizeof p))
        r = -EINVAL;
    r = r ? r : -ENODATA;
    for (unsigned i = 0; r == -ENODATA && i < h.e_phnum; i++) {
        r = read_at(s, fd, &p, sizeof p, h.e_phoff + (uint64_t)i * sizeof p);
        r = r ? r : look->at(s, fd, &p, look);
    }
    s->sys.close(s->sys.opaque, fd);
    return r;
}

int machrt_find_mark(struct mach_session *s, uint64_t physical, const uint8_t *mark)
{
    struct look look = {look_at_address, physical, mark};
    return look_at_segments(s, &look);
}

int machrt_search_mark(struct mach_session *s, const uint8_t *mark, uint64_t *physical)
{
    struct look look = {look_everywhere, 0, mark};
    int r = look_at_segments(s, &look);
    *physical = look.physical;
    return r;
}
