// SPDX-License-Identifier: MIT
/*
 * libmachrt: the one table through which it reaches the kernel. A VMM in a sandbox, a test or `machrt plan` puts its
 * own in the place of the real one; whatever a table does not want to answer itself it can pass on to
 * mach_sys_linux().
 *
 * Every function takes the table's `opaque` first. Where the manual says that a call fails with -1 and errno, these
 * return -errno; everything from 0 up is success. They may be called from several threads at once (memory is
 * populated in parallel).
 */
#ifndef MACHRT_SYS_H
#define MACHRT_SYS_H

#include <stddef.h>
#include <stdint.h>

struct pollfd;

#ifdef __cplusplus
extern "C" {
#endif

struct mach_sys {
    size_t size;       // sizeof(struct mach_sys): what the caller was compiled with
    void *opaque;      // first argument of every function
    const char *sysfs; // where sysfs is, "/sys"; without a slash at the end
    const char *dev;   // where the device nodes are, "/dev"
    const char *proc;  // where procfs is, "/proc"

    /* open(2), always with O_CLOEXEC. */
    int (*open)(void *opaque, const char *path, int flags);
    int (*close)(void *opaque, int fd);
    /* ioctl(2); `arg` is a pointer or a number, as the request has it. */
    int (*ioctl)(void *opaque, int fd, unsigned long request, void *arg);
    /* mmap(2) at an address of the kernel's choice, which goes to *at; `size` and `offset` in bytes. */
    int (*mmap)(void *opaque, void **at, uint64_t size, int prot, int flags, int fd, uint64_t offset);
    int (*munmap)(void *opaque, void *at, uint64_t size);
    int (*madvise)(void *opaque, void *at, uint64_t size, int advice);
    /* pread(2), pwrite(2), read(2), write(2): how many bytes, or -errno. */
    int64_t (*pread)(void *opaque, int fd, void *buffer, size_t size, uint64_t offset);
    int64_t (*pwrite)(void *opaque, int fd, const void *buffer, size_t size, uint64_t offset);
    int64_t (*read)(void *opaque, int fd, void *buffer, size_t size);
    int64_t (*write)(void *opaque, int fd, const void *buffer, size_t size);
    /* eventfd(2) with EFD_CLOEXEC and `flags`, counting from 0. */
    int (*eventfd)(void *opaque, int flags);
    /* memfd_create(2) with MFD_CLOEXEC and `flags`; then ftruncate(2) to `size` bytes. */
    int (*memfd_create)(void *opaque, const char *name, unsigned flags);
    int (*ftruncate)(void *opaque, int fd, uint64_t size);
    /* poll(2): `timeout` in milliseconds, -1: without end. */
    int (*poll)(void *opaque, struct pollfd *fds, unsigned count, int timeout);

    /* readlink(2), with a NUL behind the text, which is cut to size - 1 bytes. How long it is. */
    int64_t (*readlink)(void *opaque, const char *path, char *buffer, size_t size);
    /* Up to `size` bytes of a file, opened and closed again. How many. */
    int64_t (*read_file)(void *opaque, const char *path, void *buffer, size_t size);
    /* Writes `text` to a file that exists, with one write(2): a sysfs attribute. */
    int (*write_file)(void *opaque, const char *path, const char *text);
    /* each(arg, name) for every entry of a directory but "." and "..", in any order, until it returns other than 0. */
    int (*list)(void *opaque, const char *path, int (*each)(void *arg, const char *name, int is_directory), void *arg);
    /* access(2). */
    int (*access)(void *opaque, const char *path, int mode);

    /* Bytes of memory that the process may lock: the soft RLIMIT_MEMLOCK; UINT64_MAX: no limit. */
    int (*memlock)(void *opaque, uint64_t *bytes);
    /* Bytes in a page of the kernel. */
    uint64_t (*page_size)(void *opaque);
    /* realloc(3): `old` may be NULL; size 0 frees. NULL: there is no memory. */
    void *(*alloc)(void *opaque, void *old, size_t size);
};

/* The real kernel. Never NULL; it lives as long as the process. */
const struct mach_sys *mach_sys_linux(void);

#ifdef __cplusplus
}
#endif

#endif
