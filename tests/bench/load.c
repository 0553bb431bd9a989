// SPDX-License-Identifier: MIT
/*
 * Measures the time that libmachrt itself takes to start a machine, apart from its system calls.
 *
 *     load [RUNS [MEGABYTES]]
 *
 * It runs the scenes of the runtime's tests, whose kernel is a fake. Before each call of the fake, it makes a real call
 * of the same kind that works everywhere: open of /dev/null, an ioctl that /dev/null refuses, eventfd, memfd, mmap. The
 * guest's memory is really populated. This is a lower bound for the calls: those of VFIO pin pages, reset devices and
 * bind drivers, which takes microseconds to seconds. The time of the fake is excluded; the rest is the library's.
 * Prints a line for each scene: calls, milliseconds in the kernel, milliseconds in the library (medians), percent.
 */
#include "../runtime/scenes.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { MAX_RUNS = 101 };

static struct {
    struct mach_sys fake; // the scene's own calls
    int real[FAKE_FILES]; // real file for each file of the fake; 0: none
    int null;
    uint32_t calls;
    double begun, kernel, outside; // seconds: start of the current call; in real calls; outside of the library
} b;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void enter(void)
{
    b.calls++;
    b.begun = now();
}

/* The real call is over; from here on the fake runs. */
static void paid(void)
{
    b.kernel += now() - b.begun;
}

static void leave(void)
{
    b.outside += now() - b.begun;
}

/* PRICED(real call, fake call): makes both, and returns the result of the fake one. */
#define PRICED(type, price, answer)                                                                                    \
    do {                                                                                                               \
        enter();                                                                                                       \
        int64_t paid_ = (int64_t)(price);                                                                              \
        paid();                                                                                                        \
        (void)paid_;                                                                                                   \
        type r_ = (answer);                                                                                            \
        leave();                                                                                                       \
        return r_;                                                                                                     \
    } while (0)

static int stand_in(int fd)
{
    return fd >= 0 && fd < FAKE_FILES && b.real[fd] ? b.real[fd] : b.null;
}

/* Records the real file for a file of the fake. */
static int opened(int real, int fd)
{
    if (fd >= 0 && fd < FAKE_FILES)
        b.real[fd] = real;
    else
        close(real);
    leave();
    return fd;
}

static int priced_open(void *o, const char *path, int flags)
{
    enter();
    int real = open("/dev/null", O_RDWR | O_CLOEXEC);
    paid();
    return opened(real, b.fake.open(o, path, flags));
}

static int priced_eventfd(void *o, int flags)
{
    enter();
    int real = eventfd(0, EFD_CLOEXEC);
    paid();
    return opened(real, b.fake.eventfd(o, flags));
}

static int priced_memfd(void *o, const char *name, unsigned flags)
{
    enter();
    int real = memfd_create("load", MFD_CLOEXEC);
    paid();
    return opened(real, b.fake.memfd_create(o, name, flags));
}

static int priced_close(void *o, int fd)
{
    enter();
    int real = fd >= 0 && fd < FAKE_FILES ? b.real[fd] : 0;
    if (real)
        close(real);
    paid();
    if (real)
        b.real[fd] = 0;
    int r = b.fake.close(o, fd);
    leave();
    return r;
}

static int priced_ioctl(void *o, int fd, unsigned long request, void *arg)
{
    PRICED(int, ioctl(stand_in(fd), request, NULL), b.fake.ioctl(o, fd, request, arg));
}

static int priced_mmap(void *o, void **at, uint64_t size, int prot, int flags, int fd, uint64_t offset)
{
    enter();
    void *real = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    paid();
    munmap(real, size);
    int r = b.fake.mmap(o, at, size, prot, flags, fd, offset);
    leave();
    return r;
}

static int priced_madvise(void *o, void *at, uint64_t size, int advice)
{
    PRICED(int, madvise(at, size, advice), b.fake.madvise(o, at, size, advice));
}

static int priced_ftruncate(void *o, int fd, uint64_t size)
{
    PRICED(int, ftruncate(stand_in(fd), (off_t)size), b.fake.ftruncate(o, fd, size));
}

static int64_t priced_pread(void *o, int fd, void *to, size_t size, uint64_t offset)
{
    PRICED(int64_t, pread(b.null, to, size, 0), b.fake.pread(o, fd, to, size, offset));
}

static int64_t priced_pwrite(void *o, int fd, const void *from, size_t size, uint64_t offset)
{
    PRICED(int64_t, pwrite(b.null, from, size, 0), b.fake.pwrite(o, fd, from, size, offset));
}

static int64_t priced_read(void *o, int fd, void *to, size_t size)
{
    PRICED(int64_t, read(b.null, to, size), b.fake.read(o, fd, to, size));
}

static int64_t priced_write(void *o, int fd, const void *from, size_t size)
{
    PRICED(int64_t, write(b.null, from, size), b.fake.write(o, fd, from, size));
}

static int priced_poll(void *o, struct pollfd *fds, unsigned count, int timeout)
{
    PRICED(int, poll(NULL, 0, 0), b.fake.poll(o, fds, count, timeout));
}

/* A whole file in sysfs takes three calls. */
static int64_t whole_file(int flags, char *bytes, size_t size)
{
    int fd = open("/dev/null", flags | O_CLOEXEC);
    int64_t n = flags == O_RDONLY ? read(fd, bytes, size) : write(fd, bytes, size);
    close(fd);
    return n;
}

static int64_t priced_read_file(void *o, const char *path, void *to, size_t size)
{
    PRICED(int64_t, whole_file(O_RDONLY, to, size), b.fake.read_file(o, path, to, size));
}

static int priced_write_file(void *o, const char *path, const char *text)
{
    char copy[256] = {0};
    PRICED(int, whole_file(O_WRONLY, copy, strlen(text)), b.fake.write_file(o, path, text));
}

static int64_t priced_readlink(void *o, const char *path, char *to, size_t size)
{
    PRICED(int64_t, readlink("/dev/null", to, size), b.fake.readlink(o, path, to, size));
}

static int priced_access(void *o, const char *path, int mode)
{
    PRICED(int, access("/dev/null", F_OK), b.fake.access(o, path, mode));
}

static int priced_memlock(void *o, uint64_t *bytes)
{
    struct rlimit limit;
    PRICED(int, getrlimit(RLIMIT_MEMLOCK, &limit), b.fake.memlock(o, bytes));
}

/* Runs a scene with a real call for each fake one, and with `size` bytes of memory instead of 4 MiB. */
static struct scene *make(const char *name, uint64_t size)
{
    struct scene *x = scene_new(name);
    CFG_SET(x->c, memory, MEMORY, 0, size, size);
    for (uint32_t i = 0; i < x->c->count[MACH_CFG_S_DMA_MAP]; i++)
        if (i % 2 == 0) // each device reaches it, and one more
            CFG_SET(x->c, dma_map, DMA_MAP, i, size, size);
    struct mach_sys *s = &x->k->sys;
    b.fake = *s;
    s->open = priced_open;
    s->close = priced_close;
    s->ioctl = priced_ioctl;
    s->mmap = priced_mmap;
    s->madvise = priced_madvise;
    s->pread = priced_pread;
    s->pwrite = priced_pwrite;
    s->read = priced_read;
    s->write = priced_write;
    s->eventfd = priced_eventfd;
    s->memfd_create = priced_memfd;
    s->ftruncate = priced_ftruncate;
    s->poll = priced_poll;
    s->read_file = priced_read_file;
    s->write_file = priced_write_file;
    s->readlink = priced_readlink;
    s->access = priced_access;
    s->memlock = priced_memlock;
    return x;
}

static int by_size(const void *x, const void *y)
{
    double d = *(const double *)x - *(const double *)y;
    return (d > 0) - (d < 0);
}

static int measure(const char *name, int runs, uint64_t size)
{
    double kernel[MAX_RUNS], library[MAX_RUNS];
    for (int i = 0; i < runs; i++) {
        struct scene *x = make(name, size);
        x->config = cfg_open(x->c);
        b.kernel = b.outside = 0;
        b.calls = 0;
        double begin = now();
        int r = scene_start(x);
        double took = now() - begin;
        if (r) {
            printf("%s: %s %s: %s\n", name, x->error.step, x->error.object, x->error.hint);
            return 1;
        }
        kernel[i] = b.kernel;
        library[i] = took - b.outside;
        uint32_t calls = b.calls;
        if (scene_stop(x))
            return 1;
        b.calls = calls;
        scene_free(x);
    }
    qsort(kernel, (size_t)runs, sizeof *kernel, by_size);
    qsort(library, (size_t)runs, sizeof *library, by_size);
    printf("%s: %u calls, %.3f ms in the kernel, %.3f ms in the library, %.2f %%\n", name, b.calls,
           kernel[runs / 2] * 1e3, library[runs / 2] * 1e3, 100 * library[runs / 2] / kernel[runs / 2]);
    return 0;
}

int main(int argc, char **argv)
{
    int runs = argc > 1 ? atoi(argv[1]) : 11;
    uint64_t size = (argc > 2 ? strtoull(argv[2], NULL, 0) : 128) * MiB;
    b.null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (b.null < 0 || runs < 1 || runs > MAX_RUNS || size < 4 * MiB || size > 256 * (uint64_t)MiB)
        return 2;
    return measure("group", runs, size) | measure("kvm", runs, size) | measure("kvm_cdev", runs, size);
}
