// SPDX-License-Identifier: MIT
// The table, files, memory, and the counting.
#include "fake.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

void fake_wrong(struct fake *k, const char *format, ...)
{
    va_list args;
    if (*k->wrong)
        return;
    va_start(args, format);
    vsnprintf(k->wrong, sizeof k->wrong, format, args);
    va_end(args);
}

int fake_step(struct fake *k, const char *name, bool counts)
{
    k->calls++;
    k->counted += counts;
    if (k->calls < FAKE_TRACE)
        k->trace[k->calls] = name;
    if (k->calls != k->fail_at)
        return 0;
    k->failed = true;
    return k->fail_with;
}

int fake_fd(struct fake *k, char kind, uint32_t number)
{
    for (int i = 3; i < FAKE_FILES; i++) {
        if (k->file[i].open)
            continue;
        k->file[i] = (struct fake_file){.open = true, .kind = kind, .number = number, .container = -1, .real = -1};
        return i;
    }
    return -EMFILE;
}

/* ---- files ---- */

static struct fake_device *by_cdev(struct fake *k, const char *path)
{
    unsigned n;
    if (!k->has_cdev || sscanf(path, "/dev/vfio/devices/vfio%u", &n) != 1 || n >= k->devices)
        return NULL;
    // Linux drivers/vfio/vfio.h, vfio_device_add(): one without an IOMMU has no such node.
    return k->noiommu || k->device[n].group == k->noiommu_group ? NULL : &k->device[n];
}

static bool vfio_bound(const struct fake_device *d)
{
    return !strncmp(d->driver, "vfio", 4);
}

static int open_group(struct fake *k, uint32_t number, bool noiommu)
{
    bool bound = false;
    for (uint32_t i = 0; i < k->devices && k->has_group; i++)
        bound |= k->device[i].group == number && vfio_bound(&k->device[i]);
    if (!bound || noiommu != (k->noiommu || number == k->noiommu_group))
        return -ENOENT;
    // drivers/vfio/group.c, vfio_group_fops_open(); a device node that is bound has the group, too
    // (vfio_device_block_group()).
    for (int i = 0; i < FAKE_FILES; i++)
        if (k->file[i].open && ((k->file[i].kind == 'g' && k->file[i].number == number) ||
                                (k->file[i].kind == 'd' && k->device[k->file[i].number].iommufd >= 0 &&
                                 k->device[k->file[i].number].group == number)))
            return -EBUSY;
    return fake_fd(k, 'g', number);
}

static int do_open(struct fake *k, const char *name, int flags)
{
    unsigned n;
    int fd = -ENOENT;
    const char *path = fake_resolve(k, name);
    struct fake_device *d = by_cdev(k, path);
    if (d)
        fd = vfio_bound(d) ? fake_fd(k, 'd', (uint32_t)(d - k->device)) : -ENOENT;
    else if (!strcmp(path, "/dev/vfio/vfio"))
        fd = k->has_group ? fake_fd(k, 'c', 0) : -ENOENT;
    else if (!strcmp(path, "/dev/iommu"))
        fd = k->has_iommufd ? fake_fd(k, 'i', 0) : -ENOENT;
    else if (sscanf(path, "/dev/vfio/noiommu-%u", &n) == 1)
        fd = open_group(k, n, true);
    else if (sscanf(path, "/dev/vfio/%u", &n) == 1)
        fd = open_group(k, n, false);
    else if (!strcmp(path, "/proc/self/pagemap") || !strcmp(path, "/proc/kcore") || !strncmp(path, "/proc/kpage", 11))
        fd = fake_sysfs_access(k, "/proc/iomem") ? -ENOENT : fake_fd(k, 'p', 0);
    else if (!strcmp(path, "/dev/udmabuf") && !fake_sysfs_access(k, path))
        fd = fake_fd(k, 'U', 0);
    else if (!strcmp(path, "/dev/dma_heap/guest"))
        fd = k->heap_size ? fake_fd(k, 'H', 0) : -ENOENT;
    else if (!strncmp(path, "/dev/dax", 8) && !fake_sysfs_access(k, path))
        fd = fake_fd(k, 'x', 0);
    else if (!strcmp(path, "/dev/kvm"))
        fd = k->has_kvm ? fake_fd(k, 'v', 0) : -ENOENT;
    else if (fake_is_uio(k, path))
        fd = fake_fd(k, 'u', 0);
    else if ((!strcmp(path, "/sys/bus") && !k->no_sysfs) || !fake_sysfs_access(k, path))
        fd = fake_fd(k, 'f', 0);
    if (fd >= 0) {
        snprintf(k->file[fd].path, sizeof k->file[fd].path, "%s", path);
        k->file[fd].reads_only = (flags & O_ACCMODE) == O_RDONLY;
        fake_identify(k, &k->file[fd], path);
    }
    if (fd >= 0 && k->file[fd].kind == 'u')
        k->file[fd].real = eventfd(0, EFD_NONBLOCK);
    return fd;
}

static int locked_open(struct fake *k, const char *path, int flags)
{
    const char *name = !strcmp(path, "/dev/vfio/vfio")                  ? "open container"
                       : !strcmp(path, "/dev/iommu")                    ? "open iommufd"
                       : strstr(path, "/dev/vfio/dev")                  ? "open cdev"
                       : strstr(path, "/dev/vfio/")                     ? "open group"
                       : !strcmp(path, "/dev/mem") && !(flags & O_SYNC) ? "open to lock"
                                                                        : "open file";
    int r = fake_step(k, name, true);
    return r ? r : do_open(k, path, flags);
}

static int fake_open(void *o, const char *path, int flags)
{
    LOCKED(fake_self(o), int, locked_open(fake_self(o), path, flags));
}

static void closed_device(struct fake *k, struct fake_device *d, int fd)
{
    if (d->fd != fd)
        return;
    for (int i = 0; i < 8; i++)
        d->trigger[i] = d->unmask[i] = -1;
    d->fd = d->iommufd = d->req = d->err = -1;
    d->ioas = 0;
    d->msi = 0;
    (void)k;
}

static void closed_owner(struct fake *k, int fd, bool iommufd)
{
    for (uint32_t i = 0; i < k->dmas;)
        if (k->dma[i].iommufd == iommufd && (iommufd || k->dma[i].owner == fd))
            k->dma[i] = k->dma[--k->dmas];
        else
            i++;
}

static int do_close(struct fake *k, int fd)
{
    if (fd < 0 || fd >= FAKE_FILES || !k->file[fd].open) {
        fake_wrong(k, "close of %d, which is not open", fd);
        return -EBADF;
    }
    struct fake_file *f = &k->file[fd];
    f->open = false;
    if (f->real >= 0)
        close(f->real);
    if (f->kind == 'd')
        closed_device(k, &k->device[f->number], fd);
    if (f->kind == 'r' && fake_is_pinned_by(k, fd))
        fake_wrong(
            k, "a ring is closed with its buffers: the kernel unpins them later, in a worker (io_ring_exit_work())");
    if (f->kind == 'r' || f->kind == 'b')
        fake_unpin(k, fd);
    if (f->huge)
        fake_pool_free(k, fd, 0, f->size);
    fake_end_locks(k);
    if (f->kind == 'c' || f->kind == 'i')
        closed_owner(k, fd, f->kind == 'i');
    if (f->kind == 'c')
        k->pamu_start = k->pamu_end = k->pamu_windows = 0;
    if (f->kind == 'g')
        for (uint32_t i = 0; i < k->devices; i++)
            if (k->device[i].group == f->number && k->device[i].fd >= 0)
                fake_wrong(k, "group %u is closed before device %s", f->number, k->device[i].name);
    return 0;
}

static int locked_close(struct fake *k, int fd)
{
    // Linux closes the file even when close() fails.
    int r = fake_step(k, "close", true), e = do_close(k, fd);
    return r ? r : e;
}

static int fake_close(void *o, int fd)
{
    LOCKED(fake_self(o), int, locked_close(fake_self(o), fd));
}

const char *fake_request(const struct fake *k, int fd, unsigned long request);

static int locked_ioctl(struct fake *k, int fd, unsigned long request, void *arg)
{
    if (fd < 0 || fd >= FAKE_FILES || !k->file[fd].open) {
        fake_wrong(k, "ioctl 0x%lx of %d, which is not open", request, fd);
        return -EBADF;
    }
    int r =
        fake_step(k, fake_is_event(k, fd, request, arg) ? "SET_IRQS of an event" : fake_request(k, fd, request), true);
    if (r)
        return r == 1 ? 0 : r;
    switch (k->file[fd].kind) {
    case 'd':
        return fake_device_ioctl(k, fd, request, arg);
    case 'H':
        return fake_heap_ioctl(k, request, arg);
    case 'U':
        return fake_udmabuf_ioctl(k, request, arg);
    case 'v':
    case 'k':
        return fake_kvm_ioctl(k, fd, request, arg);
    default:
        return fake_vfio_ioctl(k, fd, request, arg);
    }
}

static int fake_ioctl(void *o, int fd, unsigned long request, void *arg)
{
    LOCKED(fake_self(o), int, locked_ioctl(fake_self(o), fd, request, arg));
}

/* ---- reading and writing ---- */

static uint8_t *text_bytes(struct fake *k, const char *path, uint64_t offset, size_t size)
{
    for (uint32_t i = 0; i < k->texts; i++)
        if (!strcmp(k->text[i].path, path) && offset + size <= k->text[i].size)
            return (uint8_t *)k->text[i].data + offset;
    return NULL;
}

static bool is_unplugged(const struct fake *k, int fd)
{
    return fd >= 0 && k->file[fd].open && k->file[fd].kind == 'd' && k->device[k->file[fd].number].unplugged;
}

static uint8_t *device_bytes(struct fake *k, int fd, uint64_t offset, size_t size)
{
    if (fd >= 0 && k->file[fd].open && k->file[fd].kind == 'f')
        return text_bytes(k, k->file[fd].path, offset, size);
    if (fd < 0 || !k->file[fd].open || k->file[fd].kind != 'd')
        return NULL;
    struct fake_device *d = &k->device[k->file[fd].number];
    if (d->unplugged)
        return NULL;
    uint64_t index = offset >> 40, at = offset & ((UINT64_C(1) << 40) - 1);
    if (index == 7)
        return at + size <= sizeof d->config ? d->config + at : NULL;
    if (d->flags & VFIO_DEVICE_FLAGS_FSL_MC && (at || size != 64))
        return NULL;
    if (index >= FAKE_REGIONS || at + size > d->region[index].size || at + size > sizeof d->region[index].bytes)
        return NULL;
    return d->region[index].bytes + at;
}

static int64_t locked_pread(struct fake *k, int fd, void *buffer, size_t size, uint64_t offset)
{
    int r = fake_step(k, "pread", true);
    const uint8_t *p = r ? NULL : device_bytes(k, fd, offset, size);
    if (r == 1)
        return (int64_t)size - 1;
    if (!r && fd >= 0 && k->file[fd].open && k->file[fd].kind == 'p')
        return fake_proc_pread(k, k->file[fd].path, buffer, size, offset);
    if (p)
        memcpy(buffer, p, size);
    return r ? r : p ? (int64_t)size : is_unplugged(k, fd) ? -EIO : -EINVAL;
}

static int64_t fake_pread(void *o, int fd, void *buffer, size_t size, uint64_t offset)
{
    LOCKED(fake_self(o), int64_t, locked_pread(fake_self(o), fd, buffer, size, offset));
}

static int64_t locked_pwrite(struct fake *k, int fd, const void *buffer, size_t size, uint64_t offset)
{
    int r = fake_step(k, "pwrite", true);
    uint8_t *p = r ? NULL : device_bytes(k, fd, offset, size);
    if (r == 1)
        return (int64_t)size - 1;
    if (p)
        memcpy(p, buffer, size);
    return r ? r : p ? (int64_t)size : is_unplugged(k, fd) ? -EIO : -EINVAL;
}

static int64_t fake_pwrite(void *o, int fd, const void *buffer, size_t size, uint64_t offset)
{
    LOCKED(fake_self(o), int64_t, locked_pwrite(fake_self(o), fd, buffer, size, offset));
}

// UIO files and eventfds that a thread waits on are real underneath.
static int real_fd(struct fake *k, int fd)
{
    pthread_mutex_lock(&k->lock);
    int real = fd >= 0 && k->file[fd].open ? k->file[fd].real : -1;
    pthread_mutex_unlock(&k->lock);
    return real;
}

static int64_t fake_read(void *o, int fd, void *buffer, size_t size)
{
    uint64_t n = 0;
    int real = real_fd(fake_self(o), fd);
    int64_t r = real < 0 ? -EBADF : read(real, &n, sizeof n);
    if (r != sizeof n)
        return r < 0 ? -EAGAIN : r;
    memcpy(buffer, &n, size);
    return (int64_t)size;
}

static int64_t fake_write(void *o, int fd, const void *buffer, size_t size)
{
    struct fake *k = fake_self(o);
    (void)buffer;
    pthread_mutex_lock(&k->lock);
    int r = fake_step(k, "write", false);
    bool uio = k->file[fd].open && k->file[fd].kind == 'u';
    if (!r && uio && k->no_irqcontrol)
        r = -ENOSYS;
    if (!r)
        k->file[fd].counter++;
    int real = k->file[fd].real;
    pthread_mutex_unlock(&k->lock);
    uint64_t one = 1;
    if (!r && !uio && real >= 0 && write(real, &one, sizeof one) != sizeof one)
        return -EIO;
    return r == 1 ? 0 : r ? r : (int64_t)size;
}

static int fake_poll(void *o, struct pollfd *fds, unsigned count, int timeout)
{
    struct pollfd real[8];
    if (!count) {
        fake_pool_wait(fake_self(o));
        return 0;
    }
    for (unsigned i = 0; i < count; i++)
        real[i] = (struct pollfd){fds[i].fd < 0 ? -1 : real_fd(fake_self(o), fds[i].fd), fds[i].events, 0};
    int r = poll(real, count, timeout);
    for (unsigned i = 0; i < count; i++)
        fds[i].revents = real[i].revents;
    return r < 0 ? -errno : r;
}

static int locked_eventfd(struct fake *k)
{
    int r = fake_step(k, "eventfd", true);
    if (r)
        return r;
    r = fake_fd(k, 'e', 0);
    if (r >= 0)
        k->file[r].real = eventfd(0, EFD_NONBLOCK);
    return r;
}

static int fake_eventfd(void *o, int flags)
{
    (void)flags;
    LOCKED(fake_self(o), int, locked_eventfd(fake_self(o)));
}

/* ---- sysfs ---- */

static int64_t locked_readlink(struct fake *k, const char *path, char *out, size_t size)
{
    int r = fake_step(k, "readlink", false);
    return r ? r : fake_sysfs_readlink(k, path, out, size);
}

static int64_t fake_readlink(void *o, const char *path, char *out, size_t size)
{
    LOCKED(fake_self(o), int64_t, locked_readlink(fake_self(o), path, out, size));
}

static int64_t locked_read_file(struct fake *k, const char *path, void *out, size_t size)
{
    int r = fake_step(k, "read_file", false);
    return r ? r : fake_sysfs_read(k, path, out, size);
}

static int64_t fake_read_file(void *o, const char *path, void *out, size_t size)
{
    LOCKED(fake_self(o), int64_t, locked_read_file(fake_self(o), path, out, size));
}

static int locked_write_file(struct fake *k, const char *path, const char *text)
{
    int r = fake_step(k,
                      strstr(path, "override") ? "write override"
                      : strstr(path, "unbind") ? "write unbind"
                      : strstr(path, "probe")  ? "write probe"
                                               : "write bind",
                      false);
    return r ? r : fake_sysfs_write(k, path, text);
}

static int fake_write_file(void *o, const char *path, const char *text)
{
    LOCKED(fake_self(o), int, locked_write_file(fake_self(o), path, text));
}

static int fake_list(void *o, const char *path, int (*each)(void *, const char *, int), void *arg)
{
    struct fake *k = fake_self(o);
    pthread_mutex_lock(&k->lock);
    int r = fake_step(k, "list", false);
    pthread_mutex_unlock(&k->lock);
    return r ? r : fake_sysfs_list(k, path, each, arg); // which may call in here again
}

static int locked_access(struct fake *k, const char *path)
{
    int r = fake_step(k, "access", false);
    return r ? r : fake_sysfs_access(k, path);
}

static int fake_access(void *o, const char *path, int mode)
{
    (void)mode;
    LOCKED(fake_self(o), int, locked_access(fake_self(o), path));
}

static int fake_memlock(void *o, uint64_t *bytes)
{
    *bytes = fake_self(o)->memlock;
    return 0;
}

static uint64_t fake_page_size(void *o)
{
    return fake_self(o)->page;
}

static void *fake_alloc(void *o, void *old, size_t size)
{
    struct fake *k = fake_self(o);
    pthread_mutex_lock(&k->lock);
    if (!size) {
        k->allocations -= old != NULL;
        pthread_mutex_unlock(&k->lock);
        free(old);
        return NULL;
    }
    int r = fake_step(k, "alloc", false);
    k->allocations += !r && !old;
    pthread_mutex_unlock(&k->lock);
    return r ? NULL : realloc(old, size);
}

static int64_t locked_random(struct fake *k, uint8_t *to, size_t size)
{
    int r = fake_step(k, "random", false);
    for (size_t i = 0; !r && i < size; i++)
        to[i] = (uint8_t)(k->random = k->random * 1103515245 + 12345) >> 1;
    return r == 1 ? (int64_t)size - 1 : r ? r : (int64_t)size;
}

static int64_t fake_random(void *o, void *buffer, size_t size)
{
    LOCKED(fake_self(o), int64_t, locked_random(fake_self(o), buffer, size));
}

/* ---- making and looking ---- */

struct fake *fake_new(void)
{
    struct fake *k = calloc(1, sizeof *k);
    assert_non_null(k);
    pthread_mutex_init(&k->lock, NULL);
    k->has_group = true;
    k->page = 4096;
    k->memlock = UINT64_MAX;
    k->dma_limit = 65535;
    k->pamu_hw = 256;
    k->hole[0] = 0x8000000;
    k->hole[1] = 0x80fffff;
    k->sys = (struct mach_sys){
        .size = sizeof k->sys,
        .opaque = k,
        .sysfs = "/sys",
        .dev = "/dev",
        .proc = "/proc",
        .open = fake_open,
        .close = fake_close,
        .ioctl = fake_ioctl,
        .mmap = fake_mmap,
        .munmap = fake_munmap,
        .madvise = fake_madvise,
        .pread = fake_pread,
        .pwrite = fake_pwrite,
        .read = fake_read,
        .write = fake_write,
        .eventfd = fake_eventfd,
        .memfd_create = fake_memfd,
        .ftruncate = fake_ftruncate,
        .poll = fake_poll,
        .readlink = fake_readlink,
        .read_file = fake_read_file,
        .write_file = fake_write_file,
        .list = fake_list,
        .access = fake_access,
        .memlock = fake_memlock,
        .page_size = fake_page_size,
        .alloc = fake_alloc,
        .flock = fake_flock,
        .add_seals = fake_add_seals,
        .stat = fake_stat,
        .io_uring_setup = fake_io_uring_setup,
        .io_uring_register = fake_io_uring_register,
        .lock = fake_lock,
        .random = fake_random,
    };
    return k;
}

void fake_free(struct fake *k)
{
    for (int i = 0; i < FAKE_MAPS; i++)
        if (k->map[i].at)
            munmap(k->map[i].at, (size_t)((k->map[i].size + 4095) & ~UINT64_C(4095)));
    for (int i = 0; i < FAKE_FILES; i++)
        if (k->file[i].open && k->file[i].real >= 0)
            close(k->file[i].real);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

struct fake_device *fake_add(struct fake *k, const char *bus, const char *name, const char *driver, uint32_t group)
{
    assert_true(k->devices < FAKE_DEVICES);
    struct fake_device *d = &k->device[k->devices++];
    d->bus = bus;
    d->name = name;
    d->group = group;
    d->fd = d->iommufd = -1;
    d->probed_once = *driver;
    snprintf(d->driver, sizeof d->driver, "%s", driver);
    snprintf(d->natural, sizeof d->natural, "%s", driver);
    for (int i = 0; i < 8; i++)
        d->trigger[i] = d->unmask[i] = -1;
    d->req = d->err = -1;
    return d;
}

struct fake_region *fake_region(struct fake_device *d, uint32_t index, uint64_t size, uint32_t flags)
{
    d->region[index].size = size;
    d->region[index].flags = flags;
    if (index >= d->nregions)
        d->nregions = index + 1;
    return &d->region[index];
}

static struct fake_text *put_text(struct fake *k, const char *path, const char *data, size_t size)
{
    struct fake_text *t = NULL;
    for (uint32_t i = 0; i < k->texts; i++)
        if (!strcmp(k->text[i].path, path))
            t = &k->text[i];
    if (!t) {
        assert_true(k->texts < FAKE_TEXTS);
        t = &k->text[k->texts++];
    }
    assert_true(size <= sizeof t->data);
    snprintf(t->path, sizeof t->path, "%s", path);
    memcpy(t->data, data, size);
    t->size = size;
    t->link = false;
    return t;
}

void fake_text(struct fake *k, const char *path, const char *data, size_t size)
{
    put_text(k, path, data, size);
}

void fake_link(struct fake *k, const char *path, const char *target)
{
    put_text(k, path, target, strlen(target) + 1)->link = true;
}

const char *fake_left(struct fake *k)
{
    static __thread char out[256];
    for (int i = 0; i < FAKE_FILES; i++)
        if (k->file[i].open && k->file[i].kind != 'v' && !k->file[i].vmms) {
            snprintf(out, sizeof out, "fd %d (%c %.64s) is still open", i, k->file[i].kind, k->file[i].path);
            return out;
        }
    for (int i = 0; i < FAKE_MAPS; i++)
        if (k->map[i].at && !(k->map[i].fd >= 0 && k->file[k->map[i].fd].vmms))
            return "memory is still mapped";
    for (uint32_t i = 0; i < k->pages; i++)
        if (k->page_list[i].pins ||
            (k->page_list[i].fd != -1 && (k->page_list[i].fd < 0 || !k->file[k->page_list[i].fd].vmms)))
            return "a huge page is not back in the pool";
    if (k->locks)
        return "a lock is left";
    if (k->dmas || k->slots || k->irqfds || k->allocations || k->registered) {
        snprintf(out, sizeof out, "left: %u DMA mappings, %u slots, %u irqfds, %u allocations, %u registrations",
                 k->dmas, k->slots, k->irqfds, k->allocations, (unsigned)k->registered);
        return out;
    }
    return k->wrong;
}

void fake_drivers(const struct fake *k, char *out, size_t size)
{
    *out = '\0';
    for (uint32_t i = 0; i < k->devices; i++) {
        size_t n = strlen(out);
        snprintf(out + n, size - n, "%s %s %s; ", k->device[i].name, k->device[i].driver, k->device[i].override);
    }
}
