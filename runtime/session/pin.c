// SPDX-License-Identifier: MIT
/*
 * Pins memory for devices that no IOMMU maps it for. mlock() is not enough: Linux migrates locked pages
 * (migrate_pages(2), compaction, memory that is taken offline), huge ones too. What keeps a page in its place is a
 * long-term pin (mm/gup.c, FOLL_LONGTERM), which user space gets by registering buffers with an io_uring, or by a
 * udmabuf.
 */
#include "session/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/io_uring.h>
#include <linux/udmabuf.h>
#include <stdlib.h>
#include <sys/uio.h>

static const uint64_t MOST_OF_BUFFER = UINT64_C(1) << 30; // io_uring/rsrc.c, io_buffer_validate()
enum { MOST_BUFFERS = 1024 };                             // UIO_MAXIOV; 16384 since Linux 5.13
enum { SAID = 1 };                                        // the error is set
enum { MOST_ITEMS = 1024, DEFAULT_MIB = 64 };             // udmabuf's list_limit and size_limit_mb

/* ---- io_uring ---- */

static int register_buffers(struct mach_session *s, int ring, const struct extent *extent, uint32_t n, uint32_t buffers)
{
    struct iovec *v = (struct iovec *)machrt_session_alloc(s, buffers, sizeof *v);
    uint32_t k = 0;
    if (!v)
        return SAID;
    for (uint32_t i = 0; i < n; i++)
        for (uint64_t at = 0; at < extent[i].size; at += MOST_OF_BUFFER) {
            uint64_t left = extent[i].size - at;
            v[k++] =
                (struct iovec){(uint8_t *)extent[i].at + at, (size_t)(left < MOST_OF_BUFFER ? left : MOST_OF_BUFFER)};
        }
    return s->sys.io_uring_register(s->sys.opaque, ring, IORING_REGISTER_BUFFERS, v, k);
}

static int pin_by_io_uring(struct mach_session *s, struct pin *pin, const struct extent *extent, uint32_t n)
{
    struct io_uring_params params = {0};
    uint64_t buffers = 0;
    for (uint32_t i = 0; i < n; i++)
        buffers += (extent[i].size - 1) / MOST_OF_BUFFER + 1;
    if (buffers > MOST_BUFFERS)
        return -E2BIG;
    int ring = s->sys.io_uring_setup(s->sys.opaque, 1, &params);
    if (ring < 0)
        return ring;
    int r = register_buffers(s, ring, extent, n, (uint32_t)buffers);
    if (r)
        s->sys.close(s->sys.opaque, ring);
    else
        pin->ring = ring;
    return r;
}

/* ---- udmabuf ---- */

static uint64_t udmabuf_limit(struct mach_session *s)
{
    char path[PATH_SIZE], line[32];
    uint64_t mib = machrt_sysfs_path(s, path, "module/udmabuf/parameters/size_limit_mb") &&
                           !machrt_read_line(s, path, line, sizeof line)
                       ? strtoull(line, NULL, 10)
                       : DEFAULT_MIB;
    return (mib && mib < UINT64_C(1) << 20 ? mib : DEFAULT_MIB) << 20;
}

static int make_udmabuf(struct mach_session *s, struct pin *pin, int device, struct udmabuf_create_list *l)
{
    if (!l->count)
        return 0;
    int fd = s->sys.ioctl(s->sys.opaque, device, UDMABUF_CREATE_LIST, l);
    if (fd < 0)
        return fd;
    pin->file[pin->files++] = fd;
    l->count = 0;
    return 0;
}

static int make_udmabufs(struct mach_session *s, struct pin *pin, int device, struct udmabuf_create_list *l,
                         const struct extent *extent, uint32_t n, int memfd, uint64_t limit)
{
    uint64_t room = limit;
    for (uint32_t i = 0; i < n; i++)
        for (uint64_t at = 0; at < extent[i].size;) {
            uint64_t left = extent[i].size - at, size = left < room ? left : room;
            l->list[l->count++] =
                (struct udmabuf_create_item){.memfd = (uint32_t)memfd, .offset = extent[i].offset + at, .size = size};
            at += size;
            room -= size;
            if (room && l->count < MOST_ITEMS)
                continue;
            int r = make_udmabuf(s, pin, device, l);
            if (r)
                return r;
            room = limit;
        }
    return make_udmabuf(s, pin, device, l);
}

static int pin_by_udmabuf(struct mach_session *s, struct pin *pin, const struct extent *extent, uint32_t n, int memfd)
{
    char path[PATH_SIZE];
    uint64_t limit = udmabuf_limit(s), size = 0;
    if (!machrt_dev_path(s, path, "udmabuf"))
        return -ENAMETOOLONG;
    for (uint32_t i = 0; i < n; i++)
        size += extent[i].size;
    // One for each `limit` bytes, and one for each MOST_ITEMS items.
    pin->file = (int *)machrt_session_alloc(s, size / limit + n / MOST_ITEMS + 2, sizeof *pin->file);
    struct udmabuf_create_list *l =
        (struct udmabuf_create_list *)machrt_session_alloc(s, 1, sizeof *l + MOST_ITEMS * sizeof l->list[0]);
    if (!pin->file || !l)
        return SAID;
    int device = s->sys.open(s->sys.opaque, path, O_RDWR), r = device < 0 ? device : 0;
    if (!r)
        r = s->sys.add_seals(s->sys.opaque, memfd, F_SEAL_SHRINK); // as udmabuf demands it
    if (!r) {
        l->flags = UDMABUF_FLAGS_CLOEXEC;
        r = make_udmabufs(s, pin, device, l, extent, n, memfd, limit);
    }
    if (device >= 0)
        s->sys.close(s->sys.opaque, device);
    return r;
}

/* ---- either ---- */

int machrt_unpin(struct mach_session *s, struct pin *pin)
{
    int r = 0;
    if (pin->ring >= 0) {
        // Closing alone unpins later, in a worker of the kernel's: a start right after it would not find the pages.
        r = s->sys.io_uring_register(s->sys.opaque, pin->ring, IORING_UNREGISTER_BUFFERS, NULL, 0);
        int e = s->sys.close(s->sys.opaque, pin->ring);
        r = r ? r : e;
    }
    while (pin->files) {
        int e = s->sys.close(s->sys.opaque, pin->file[--pin->files]);
        r = r ? r : e;
    }
    *pin = (struct pin){.ring = -1};
    return r;
}

int machrt_try_pin(struct mach_session *s, struct pin *pin, const struct extent *extent, uint32_t n, int memfd)
{
    *pin = (struct pin){.ring = -1};
    int r = pin_by_io_uring(s, pin, extent, n), second; // -EPERM: kernel.io_uring_disabled, or a sandbox
    // What io_uring finds no place for, udmabuf cannot pin either.
    if (!r || r == -ENOMEM || r == SAID)
        return r;
    second = memfd >= 0 ? pin_by_udmabuf(s, pin, extent, n, memfd) : -ENOTSUP;
    if (!second)
        return 0;
    machrt_unpin(s, pin);
    if (second == SAID)
        return SAID;
    pin->by_io_uring = r;
    pin->by_udmabuf = second;
    return second == -ENOENT || second == -ENOTSUP ? r : second;
}

int machrt_set_pin_error(struct mach_session *s, const struct pin *pin, int r, const char *who)
{
    if (r == SAID)
        return -1;
    if (r == -ENOMEM && !pin->by_io_uring)
        return machrt_set_error(
            s, "memory", r, who,
            "it cannot be pinned: it lies in hugetlb_cma (boot with `hugepagesz=1G hugepages=N`), or "
            "more would be locked than `ulimit -l` allows");
    return machrt_set_error(
        s, "memory", r, who,
        "it cannot be pinned, so the kernel could move it while a device writes to it: io_uring: %s; "
        "/dev/udmabuf: %s. Set the sysctl kernel.io_uring_disabled to 0, or load the module udmabuf",
        strerror(-pin->by_io_uring),
        pin->by_udmabuf == -ENOTSUP ? "only for memory that libmachrt allocates" : strerror(-pin->by_udmabuf));
}

int machrt_pin(struct mach_session *s, struct pin *pin, const struct extent *extent, uint32_t n, int memfd,
               const char *who)
{
    int r = machrt_try_pin(s, pin, extent, n, memfd);
    return r ? machrt_set_pin_error(s, pin, r, who) : 0;
}

const char *machrt_cannot_pin(struct mach_session *s)
{
    char path[PATH_SIZE], line[16];
    snprintf(path, sizeof path, "%s/sys/kernel/io_uring_disabled", s->sys.proc);
    // Before Linux 6.6 there is no such sysctl.
    if (machrt_read_line(s, path, line, sizeof line) || *line != '2')
        return NULL;
    if (machrt_dev_path(s, path, "udmabuf") && !s->sys.access(s->sys.opaque, path, 0 /* F_OK */))
        return NULL;
    return "it cannot be pinned, so the kernel could move it while a device writes to it: set the sysctl "
           "kernel.io_uring_disabled to 0, or load the module udmabuf";
}
