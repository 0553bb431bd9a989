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

int machrt_find_mark(struct mach_session *s, uint64_t physical, const uint8_t *mark)
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
    // The kernel's text has a segment of its own beside that of the memory it lies in: any may have the mark.
    bool found = false;
    for (unsigned i = 0; !r && !found && i < h.e_phnum; i++) {
        r = read_at(s, fd, &p, sizeof p, h.e_phoff + (uint64_t)i * sizeof p);
        if (r)
            break;
        r = compare(s, fd, &p, physical, mark);
        found = !r;
        r = r == -ENODATA ? 0 : r;
    }
    s->sys.close(s->sys.opaque, fd);
    return r || found ? r : -ENODATA;
}
