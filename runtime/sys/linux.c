// SPDX-License-Identifier: MIT
// The real kernel: each function makes one system call.
#ifndef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS 64 // offsets of device files do not fit in 32
#endif

#include "machrt_sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int result(int r)
{
    return r < 0 ? -errno : r;
}

static int64_t long_result(ssize_t r)
{
    return r < 0 ? -errno : r;
}

static int sys_open(void *o, const char *path, int flags)
{
    (void)o;
    return result(open(path, flags | O_CLOEXEC));
}

static int sys_close(void *o, int fd)
{
    (void)o;
    return result(close(fd));
}

static int sys_ioctl(void *o, int fd, unsigned long request, void *arg)
{
    (void)o;
#ifdef __GLIBC__
    return result(ioctl(fd, request, arg));
#else
    return result(ioctl(fd, (int)request, arg)); // as POSIX has it
#endif
}

static int sys_mmap(void *o, void **at, uint64_t size, int prot, int flags, int fd, uint64_t offset)
{
    (void)o;
    if (size > SIZE_MAX)
        return -ENOMEM; // more than the address space of a 32-bit process
    void *p = mmap(flags & MAP_FIXED ? *at : NULL, (size_t)size, prot, flags, fd, (off_t)offset);
    if (p == MAP_FAILED)
        return -errno;
    *at = p;
    return 0;
}

static int sys_munmap(void *o, void *at, uint64_t size)
{
    (void)o;
    return result(munmap(at, (size_t)size));
}

static int sys_madvise(void *o, void *at, uint64_t size, int advice)
{
    (void)o;
    return result(madvise(at, (size_t)size, advice));
}

static int64_t sys_pread(void *o, int fd, void *buffer, size_t size, uint64_t offset)
{
    (void)o;
    return long_result(pread(fd, buffer, size, (off_t)offset));
}

static int64_t sys_pwrite(void *o, int fd, const void *buffer, size_t size, uint64_t offset)
{
    (void)o;
    return long_result(pwrite(fd, buffer, size, (off_t)offset));
}

static int64_t sys_read(void *o, int fd, void *buffer, size_t size)
{
    (void)o;
    return long_result(read(fd, buffer, size));
}

static int64_t sys_write(void *o, int fd, const void *buffer, size_t size)
{
    (void)o;
    return long_result(write(fd, buffer, size));
}

static int sys_eventfd(void *o, int flags)
{
    (void)o;
    return result(eventfd(0, flags | EFD_CLOEXEC));
}

static int sys_memfd_create(void *o, const char *name, unsigned flags)
{
    (void)o;
    return result(memfd_create(name, flags | MFD_CLOEXEC));
}

static int sys_ftruncate(void *o, int fd, uint64_t size)
{
    (void)o;
    return result(ftruncate(fd, (off_t)size));
}

static int sys_poll(void *o, struct pollfd *fds, unsigned count, int timeout)
{
    (void)o;
    return result(poll(fds, count, timeout));
}

static int64_t sys_readlink(void *o, const char *path, char *buffer, size_t size)
{
    (void)o;
    ssize_t n = readlink(path, buffer, size - 1);
    if (n < 0)
        return -errno;
    buffer[n] = '\0';
    return n;
}

static int64_t sys_read_file(void *o, const char *path, void *buffer, size_t size)
{
    (void)o;
    // A pipe or a terminal that a hostile tree has for a file must not be waited for.
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -errno;
    size_t n = 0;
    int64_t got = 1;
    while (n < size && got > 0) {
        got = long_result(read(fd, (char *)buffer + n, size - n));
        n += got > 0 ? (size_t)got : 0;
    }
    close(fd);
    return got < 0 ? got : (int64_t)n;
}

static int sys_write_file(void *o, const char *path, const char *text)
{
    (void)o;
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    size_t n = strlen(text);
    int64_t put = long_result(write(fd, text, n));
    close(fd);
    if (put < 0)
        return (int)put;
    return (size_t)put == n ? 0 : -EIO;
}

// sysfs returns the type with the name; for some other file systems it takes a stat.
static int is_directory(DIR *d, const struct dirent *e)
{
    struct stat st;
    if (e->d_type != DT_UNKNOWN)
        return e->d_type == DT_DIR;
    return !fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) && S_ISDIR(st.st_mode);
}

static int sys_list(void *o, const char *path, int (*each)(void *arg, const char *name, int is_directory), void *arg)
{
    (void)o;
    DIR *d = opendir(path);
    if (!d)
        return -errno;
    struct dirent *e;
    int stop = 0;
    while (!stop && (e = readdir(d)))
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
            stop = each(arg, e->d_name, is_directory(d, e));
    closedir(d);
    return 0;
}

static int sys_access(void *o, const char *path, int mode)
{
    (void)o;
    return result(access(path, mode));
}

static int sys_memlock(void *o, uint64_t *bytes)
{
    (void)o;
    struct rlimit r;
    if (getrlimit(RLIMIT_MEMLOCK, &r))
        return -errno;
    *bytes = r.rlim_cur == RLIM_INFINITY ? UINT64_MAX : r.rlim_cur;
    return 0;
}

static uint64_t sys_page_size(void *o)
{
    (void)o;
    return (uint64_t)sysconf(_SC_PAGESIZE);
}

static void *sys_alloc(void *o, void *old, size_t size)
{
    (void)o;
    if (size)
        return realloc(old, size);
    free(old);
    return NULL;
}

static int sys_flock(void *o, int fd, int operation)
{
    (void)o;
    return result(flock(fd, operation));
}

static int sys_add_seals(void *o, int fd, unsigned seals)
{
    (void)o;
    return result(fcntl(fd, F_ADD_SEALS, seals));
}

static int sys_stat(void *o, int fd, struct mach_stat *to)
{
    (void)o;
    struct stat st;
    if (fstat(fd, &st))
        return -errno;
    *to = (struct mach_stat){st.st_mode, st.st_dev, st.st_ino, st.st_rdev, (uint64_t)st.st_size};
    return 0;
}

static int sys_io_uring_setup(void *o, unsigned entries, struct io_uring_params *params)
{
    (void)o;
    return result((int)syscall(SYS_io_uring_setup, entries, params));
}

static int sys_io_uring_register(void *o, int fd, unsigned operation, void *arg, unsigned count)
{
    (void)o;
    return result((int)syscall(SYS_io_uring_register, fd, operation, arg, count));
}

static int sys_lock(void *o, int fd, int shared, uint64_t first, uint64_t size)
{
    (void)o;
    struct flock l = {.l_type = shared ? F_RDLCK : F_WRLCK, .l_start = (off_t)first, .l_len = (off_t)size};
    return result(fcntl(fd, F_OFD_SETLK, &l));
}

static int64_t sys_random(void *o, void *buffer, size_t size)
{
    (void)o;
    return long_result(getrandom(buffer, size, 0));
}

const struct mach_sys *mach_sys_linux(void)
{
    static const struct mach_sys table = {
        .size = sizeof table,
        .sysfs = "/sys",
        .dev = "/dev",
        .proc = "/proc",
        .open = sys_open,
        .close = sys_close,
        .ioctl = sys_ioctl,
        .mmap = sys_mmap,
        .munmap = sys_munmap,
        .madvise = sys_madvise,
        .pread = sys_pread,
        .pwrite = sys_pwrite,
        .read = sys_read,
        .write = sys_write,
        .eventfd = sys_eventfd,
        .memfd_create = sys_memfd_create,
        .ftruncate = sys_ftruncate,
        .poll = sys_poll,
        .readlink = sys_readlink,
        .read_file = sys_read_file,
        .write_file = sys_write_file,
        .list = sys_list,
        .access = sys_access,
        .memlock = sys_memlock,
        .page_size = sys_page_size,
        .alloc = sys_alloc,
        .flock = sys_flock,
        .add_seals = sys_add_seals,
        .stat = sys_stat,
        .io_uring_setup = sys_io_uring_setup,
        .io_uring_register = sys_io_uring_register,
        .lock = sys_lock,
        .random = sys_random,
    };
    return &table;
}
