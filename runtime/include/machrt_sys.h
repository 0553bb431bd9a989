// SPDX-License-Identifier: MIT
/*
 * libmachrt: the one table of functions through which it reaches the kernel. A VMM in a sandbox, a test or `machrt
 * plan` passes its own table instead of the real one; it can forward any call to mach_sys_linux().
 *
 * Every function takes the table's `opaque` first. Where the manual says that a call fails with -1 and errno, these
 * return -errno; 0 and above is success. They may be called from several threads at once: memory is populated in
 * parallel.
 */
#ifndef MACHRT_SYS_H
#define MACHRT_SYS_H

#include <stddef.h>
#include <stdint.h>

#ifndef MACHRT_API
#define MACHRT_API __attribute__((visibility("default")))
#endif

struct pollfd;
struct io_uring_params; // linux/io_uring.h

#ifdef __cplusplus
extern "C" {
#endif

/* What stat() stores of a file: members of struct stat. */
struct mach_stat {
    uint32_t mode;                          // S_IFREG, S_IFCHR ... and the permissions
    uint64_t device, inode, special, bytes; // st_dev, st_ino, st_rdev, st_size
};

/*
 * Start from a copy of mach_sys_linux()'s table, or set every function: a NULL one is refused (-EINVAL). Where the
 * caller was compiled with an older header, the members that it does not know are those of mach_sys_linux().
 */
struct mach_sys {
    size_t size;       // sizeof(struct mach_sys), set by the caller
    void *opaque;      // first argument of every function
    const char *sysfs; // where sysfs is mounted, "/sys"; without a slash at the end
    const char *dev;   // where the device nodes are, "/dev"
    const char *proc;  // where procfs is mounted, "/proc"

    /* open(2), always with O_CLOEXEC. */
    int (*open)(void *opaque, const char *path, int flags);
    int (*close)(void *opaque, int fd);
    /* ioctl(2); `arg` is a pointer or a number, as the request has it. */
    int (*ioctl)(void *opaque, int fd, unsigned long request, void *arg);
    /*
     * mmap(2) at an address that the kernel chooses and that is stored in *at; with MAP_FIXED in `flags` at *at itself.
     * `size` and `offset` in bytes; `fd` is -1 with MAP_ANONYMOUS.
     */
    int (*mmap)(void *opaque, void **at, uint64_t size, int prot, int flags, int fd, uint64_t offset);
    int (*munmap)(void *opaque, void *at, uint64_t size);
    int (*madvise)(void *opaque, void *at, uint64_t size, int advice);
    /* pread(2), pwrite(2), read(2), write(2): the number of bytes, or -errno. */
    int64_t (*pread)(void *opaque, int fd, void *buffer, size_t size, uint64_t offset);
    int64_t (*pwrite)(void *opaque, int fd, const void *buffer, size_t size, uint64_t offset);
    int64_t (*read)(void *opaque, int fd, void *buffer, size_t size);
    int64_t (*write)(void *opaque, int fd, const void *buffer, size_t size);
    /* eventfd(2) with EFD_CLOEXEC and `flags`, counting from 0. */
    int (*eventfd)(void *opaque, int flags);
    /* memfd_create(2) with MFD_CLOEXEC and `flags`; ftruncate(2) to `size` bytes. */
    int (*memfd_create)(void *opaque, const char *name, unsigned flags);
    int (*ftruncate)(void *opaque, int fd, uint64_t size);
    /* poll(2): `timeout` in milliseconds, -1: no limit. */
    int (*poll)(void *opaque, struct pollfd *fds, unsigned count, int timeout);

    /* readlink(2), cut to size - 1 bytes and followed by a NUL. The length. */
    int64_t (*readlink)(void *opaque, const char *path, char *buffer, size_t size);
    /* Reads up to `size` bytes of a file, which is opened and closed again. The number of bytes. */
    int64_t (*read_file)(void *opaque, const char *path, void *buffer, size_t size);
    /* Writes `text` to an existing file with one write(2): a sysfs attribute. */
    int (*write_file)(void *opaque, const char *path, const char *text);
    /* Calls each() for every entry of a directory except "." and "..", in any order, until it returns non-zero. */
    int (*list)(void *opaque, const char *path, int (*each)(void *arg, const char *name, int is_directory), void *arg);
    /* access(2). */
    int (*access)(void *opaque, const char *path, int mode);

    /* Bytes of memory that the process may lock: the soft RLIMIT_MEMLOCK; UINT64_MAX: no limit. */
    int (*memlock)(void *opaque, uint64_t *bytes);
    /* Bytes in a page of the kernel. */
    uint64_t (*page_size)(void *opaque);
    /* realloc(3): `old` may be NULL; size 0 frees. NULL: out of memory. */
    void *(*alloc)(void *opaque, void *old, size_t size);

    /* flock(2). */
    int (*flock)(void *opaque, int fd, int operation);
    /* fcntl(2) with F_ADD_SEALS. */
    int (*add_seals)(void *opaque, int fd, unsigned seals);
    /* fstat(2). */
    int (*stat)(void *opaque, int fd, struct mach_stat *to);
    /* io_uring_setup(2), whose file is closed on exec; io_uring_register(2). */
    int (*io_uring_setup)(void *opaque, unsigned entries, struct io_uring_params *params);
    int (*io_uring_register)(void *opaque, int fd, unsigned operation, void *arg, unsigned count);

    /*
     * Locks bytes [first, first + size) of a file for the open file description `fd`, without waiting: fcntl(2) with
     * F_OFD_SETLK and F_WRLCK, or, if `shared`, F_RDLCK. -EAGAIN, -EACCES: another file description has some of them.
     */
    int (*lock)(void *opaque, int fd, int shared, uint64_t first, uint64_t size);
    /* getrandom(2): the number of bytes. */
    int64_t (*random)(void *opaque, void *buffer, size_t size);
};

/* The table of the real kernel. Never NULL; it lives as long as the process. Any thread. */
MACHRT_API const struct mach_sys *mach_sys_linux(void);

#ifdef __cplusplus
}
#endif

#endif
