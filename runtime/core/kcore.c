// SPDX-License-Identifier: MIT
// /proc/kcore: the kernel's linear map, as an ELF file whose program headers carry host addresses (Linux
// fs/proc/kcore.c).
#include "core/physical.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>

/* A piece of the kernel's memory. */
struct segment {
    uint64_t physical, offset, size; // host address, place in the file, bytes
};

static int read_at(struct mach_session *s, int fd, void *to, size_t size, uint64_t offset)
{
    return machrt_check_transfer(s->sys.pread(s->sys.opaque, fd, to, size, offset), size);
}

// Whether the bytes of a segment at `physical` are those of `mark`. 0; -ENODATA: they are not, or it has none; -errno.
static int compare(struct mach_session *s, int fd, const struct segment *p, uint64_t physical, const uint8_t *mark)
{
    uint8_t there[MACHRT_MARK];
    if (physical < p->physical || physical - p->physical > p->size || p->size - (physical - p->physical) < sizeof there)
        return -ENODATA;
    int r = read_at(s, fd, there, sizeof there, p->offset + (physical - p->physical));
    return r ? r : memcmp(there, mark, sizeof there) ? -ENODATA : 0;
}

/* Called for each segment; -ENODATA: go on with the next. */
struct look {
    int (*at)(struct mach_session *s, int fd, const struct segment *p, struct look *look);
    uint64_t physical;
    const uint8_t *mark;
};

static int look_at_address(struct mach_session *s, int fd, const struct segment *p, struct look *look)
{
    return compare(s, fd, p, look->physical, look->mark);
}

// Looks at the beginning of each page.
static int look_everywhere(struct mach_session *s, int fd, const struct segment *p, struct look *look)
{
    enum { BLOCK = 1 << 20 };
    if (p->physical % s->page)
        return -ENODATA;
    uint8_t *block = (uint8_t *)s->sys.alloc(s->sys.opaque, NULL, BLOCK);
    int r = block ? -ENODATA : -ENOMEM;
    for (uint64_t at = 0; r == -ENODATA && at < p->size; at += BLOCK) {
        uint64_t n = p->size - at < BLOCK ? p->size - at : BLOCK;
        r = read_at(s, fd, block, (size_t)n, p->offset + at);
        r = r ? r : -ENODATA;
        for (uint64_t i = 0; r == -ENODATA && i + MACHRT_MARK <= n; i += s->page)
            if (!memcmp(block + i, look->mark, MACHRT_MARK)) {
                look->physical = p->physical + at + i;
                r = 0;
            }
    }
    s->sys.alloc(s->sys.opaque, block, 0);
    return r;
}

/* The headers of both classes of ELF: the kernel's own counts, and a VMM of 32 bits may run on one of 64. */
union file_header {
    unsigned char ident[EI_NIDENT];
    Elf32_Ehdr narrow;
    Elf64_Ehdr wide;
};
union program_header {
    Elf32_Phdr narrow;
    Elf64_Phdr wide;
};

// Reads program header `i`. 0; -ENODATA: it is no piece of memory with a host address (vmalloc and modules have -1).
static int read_segment(struct mach_session *s, int fd, const union file_header *h, unsigned i, struct segment *to)
{
    union program_header p;
    bool wide = h->ident[EI_CLASS] == ELFCLASS64;
    size_t size = wide ? sizeof p.wide : sizeof p.narrow;
    int r = read_at(s, fd, &p, size, (wide ? h->wide.e_phoff : h->narrow.e_phoff) + (uint64_t)i * size);
    if (r)
        return r;
    if (wide)
        *to = (struct segment){p.wide.p_paddr, p.wide.p_offset, p.wide.p_filesz};
    else
        *to = (struct segment){p.narrow.p_paddr, p.narrow.p_offset, p.narrow.p_filesz};
    bool none = wide ? p.wide.p_paddr == UINT64_MAX : p.narrow.p_paddr == UINT32_MAX;
    return none || (wide ? p.wide.p_type : p.narrow.p_type) != PT_LOAD ? -ENODATA : 0;
}

// The kernel's text has a segment of its own beside that of the memory it lies in: any may have the mark.
static int look_at_segments(struct mach_session *s, struct look *look)
{
    char path[PATH_SIZE];
    union file_header h = {.ident = {0}};
    struct segment p;
    snprintf(path, sizeof path, "%s/kcore", s->sys.proc);
    int fd = s->sys.open(s->sys.opaque, path, O_RDONLY);
    if (fd < 0)
        return fd;
    int r = read_at(s, fd, &h, sizeof h, 0);
    bool wide = h.ident[EI_CLASS] == ELFCLASS64;
    if (!r && (memcmp(h.ident, ELFMAG, SELFMAG) ||
               (wide ? h.wide.e_phentsize != sizeof(Elf64_Phdr) : h.narrow.e_phentsize != sizeof(Elf32_Phdr))))
        r = -EINVAL;
    r = r ? r : -ENODATA;
    for (unsigned i = 0; r == -ENODATA && i < (wide ? h.wide.e_phnum : h.narrow.e_phnum); i++) {
        r = read_segment(s, fd, &h, i, &p);
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
