// SPDX-License-Identifier: MIT
// Sits between the runtime and the kernel, by the linker's --wrap, and breaks one thing: the one that BREAK in the
// environment names. breaks.py lists them, and the test that must notice each.
#include "machrt.h"
#include "uapi/iommufd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int __real_ioctl(int fd, unsigned long request, void *arg);
int __real_close(int fd);
void *__real_mmap64(void *at, size_t size, int prot, int flags, int fd, off_t offset);
ssize_t __real_write(int fd, const void *data, size_t size);
ssize_t __real_pread64(int fd, void *data, size_t size, off_t offset);
ssize_t __real_pwrite64(int fd, const void *data, size_t size, off_t offset);

int __real_mach_session_dtb(const struct mach_session *session, void *dtb, size_t size, struct mach_error *error);
int __wrap_mach_session_dtb(const struct mach_session *session, void *dtb, size_t size, struct mach_error *error);
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_close(int fd);
void *__wrap_mmap64(void *at, size_t size, int prot, int flags, int fd, off_t offset);
ssize_t __wrap_write(int fd, const void *data, size_t size);
ssize_t __wrap_pread64(int fd, void *data, size_t size, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t size, off_t offset);
int __real_memfd_create(const char *name, unsigned flags);
int __wrap_memfd_create(const char *name, unsigned flags);

static bool broken(const char *what)
{
    const char *name = getenv("BREAK");
    return name && !strcmp(name, what);
}

// Does the name of the file `fd` begin, or end, like this?
static bool file_is(int fd, const char *begin, const char *end)
{
    char link[64], name[512];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, name, sizeof name - 1);
    if (n < 0)
        return false;
    name[n] = '\0';
    size_t tail = strlen(end);
    return !strncmp(name, begin, strlen(begin)) && (size_t)n >= tail && !strcmp(name + n - tail, end);
}

static void spoil_map(unsigned long request, void *arg)
{
    __u64 *iova, *size;
    if (request == IOMMUFD_IOAS_MAP) {
        struct iommufd_ioas_map *m = (struct iommufd_ioas_map *)arg;
        iova = &m->iova;
        size = &m->length;
    } else if (request == VFIO_IOMMU_MAP_DMA) {
        struct vfio_iommu_type1_dma_map *m = (struct vfio_iommu_type1_dma_map *)arg;
        iova = &m->iova;
        size = &m->size;
    } else {
        return;
    }
    if (broken("wide-window") && *size == 8 << 20) // edu.mach's window, which is followed by more memory
        *size += 4096;
    if (broken("shifted-window"))
        *iova += 0x100000;
    if (broken("guest-shifted"))
        *iova += 0x1000;
}

// Ignores the offset of a piece of memory, and that it is read-only: machvm's `frame`, and the last page of edu.mach's
// window.
static void spoil_readonly(unsigned long request, void *arg)
{
    if (request == IOMMUFD_IOAS_MAP && (broken("no-clauses") || broken("no-map-clauses"))) {
        struct iommufd_ioas_map *m = (struct iommufd_ioas_map *)arg;
        m->flags |= IOMMUFD_MAP_WRITE;
        if (broken("no-map-clauses") && m->iova == 0x20000000)
            m->user_va -= 12 << 20;
    } else if (request == VFIO_IOMMU_MAP_DMA && broken("no-map-clauses")) {
        struct vfio_iommu_type1_dma_map *m = (struct vfio_iommu_type1_dma_map *)arg;
        m->flags |= VFIO_DMA_MAP_FLAG_WRITE;
        if (m->iova == 0x20000000)
            m->vaddr -= 12 << 20;
    } else if (request == KVM_SET_USER_MEMORY_REGION) {
        struct kvm_userspace_memory_region *m = (struct kvm_userspace_memory_region *)arg;
        if (broken("no-clauses"))
            m->flags &= ~(uint32_t)KVM_MEM_READONLY;
        if (broken("one-off") && m->flags & KVM_MEM_READONLY)
            m->guest_phys_addr += 4096;
    }
}

// Spoils interrupts: the next line; no resampling, of all or of all but the first.
static void spoil_irqfd(struct kvm_irqfd *x)
{
    static bool first = true;
    if (broken("one-off"))
        x->gsi++;
    if (broken("no-resample") || broken("shared-no-resample") || (broken("first-resample") && !first))
        x->flags &= ~(uint32_t)KVM_IRQFD_FLAG_RESAMPLE;
    if (x->flags & KVM_IRQFD_FLAG_RESAMPLE)
        first = false;
}

// Also maps the guest memory after the window of guest-edu.mach, or of guest-mixed.mach.
static void map_next(int fd, unsigned long request, const void *arg)
{
    const struct iommufd_ioas_map *m = (const struct iommufd_ioas_map *)arg;
    if (request != IOMMUFD_IOAS_MAP || (!broken("guest-wide") && !broken("mixed-wide")) || m->length != 64 << 10)
        return;
    struct iommufd_ioas_map next = *m;
    int file = open("/dev/shm/next", O_RDWR | O_CLOEXEC);
    next.iova += next.length;
    next.user_va = (uintptr_t)__real_mmap64(NULL, next.length, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    __real_ioctl(fd, request, &next);
}

// Gives the guest the page of the board's GPIO (QEMU's arm64 virt) at the board's address.
static void map_neighbour(int vm, unsigned long request)
{
    static bool mapped;
    const uint64_t gpio = 0x9030000, page = 4096;
    if (request != KVM_SET_USER_MEMORY_REGION || !broken("neighbour") || mapped)
        return;
    mapped = true;
    int file = open("/dev/mem", O_RDWR | O_SYNC | O_CLOEXEC);
    void *at = __real_mmap64(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, file, (off_t)gpio);
    struct kvm_userspace_memory_region slot = {
        .slot = 200, .guest_phys_addr = gpio, .memory_size = page, .userspace_addr = (uintptr_t)at};
    if (at == MAP_FAILED || __real_ioctl(vm, request, &slot))
        perror("sabotage: neighbour");
}

// Starts one child that keeps all files open and outlives its parent, once guest-again.sh or kept.sh has begun its
// kills.
static void leave_orphan(unsigned long request)
{
    static bool left;
    if (request != VFIO_DEVICE_SET_IRQS || (!broken("orphan") && !broken("kept-open")) || left ||
        access("/tmp/kills", F_OK))
        return;
    left = true;
    if (!fork()) {
        sleep(90); // longer than a guest lives; Linux waits for it before it returns the devices to their drivers
        _exit(0);
    }
}

// true: the call is not made, but reports success.
static bool swallowed(int fd, unsigned long request, const void *arg)
{
    if (request == VFIO_DEVICE_SET_IRQS) {
        uint32_t flags = ((const struct vfio_irq_set *)arg)->flags;
        return (broken("no-unmask") && flags & VFIO_IRQ_SET_ACTION_UNMASK) ||
               (broken("no-trigger") && flags & VFIO_IRQ_SET_ACTION_TRIGGER);
    }
    if (request == KVM_IRQFD)
        return broken("no-irqfd") || broken("no-line");
    // What is told to the files of kvm-vfio, and to no other device of KVM.
    if (request == KVM_SET_DEVICE_ATTR)
        return broken("untold") && ((const struct kvm_device_attr *)arg)->group == KVM_DEV_VFIO_GROUP &&
               file_is(fd, "anon_inode:kvm-vfio", "");
    if (request == VFIO_DEVICE_RESET)
        return broken("untold");
    return broken("no-unmap") && (request == IOMMUFD_IOAS_UNMAP || request == VFIO_IOMMU_UNMAP_DMA);
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
    va_list list;
    va_start(list, request);
    void *arg = va_arg(list, void *);
    va_end(list);
    if (swallowed(fd, request, arg))
        return 0;
    if (request == KVM_CREATE_DEVICE && broken("no-vgic") &&
        ((const struct kvm_create_device *)arg)->flags & KVM_CREATE_DEVICE_TEST) {
        errno = ENODEV;
        return -1;
    }
    spoil_map(request, arg);
    spoil_readonly(request, arg);
    if (request == KVM_IRQFD)
        spoil_irqfd((struct kvm_irqfd *)arg);
    if (request == KVM_SET_USER_MEMORY_REGION && broken("other-place"))
        ((struct kvm_userspace_memory_region *)arg)->guest_phys_addr += 0x200000;
    if (request == VFIO_DEVICE_GET_INFO && broken("one-more-call"))
        __real_ioctl(fd, request, arg);
    leave_orphan(request);
    int r = __real_ioctl(fd, request, arg);
    if (request == VFIO_DEVICE_GET_REGION_INFO && broken("no-mmap"))
        ((struct vfio_region_info *)arg)->flags &= ~(uint32_t)VFIO_REGION_INFO_FLAG_MMAP;
    map_next(fd, request, arg);
    map_neighbour(fd, request);
    return r;
}

// Nothing keeps memory in its place. The session's own calls take four arguments, at most.
long __wrap_syscall(long number, ...)
{
    long x[6];
    va_list list;
    va_start(list, number);
    for (int i = 0; i < 6; i++)
        x[i] = va_arg(list, long);
    va_end(list);
    if (broken("no-pin") && number == SYS_io_uring_register)
        return 0;
    return __real_syscall(number, x[0], x[1], x[2], x[3], x[4], x[5]);
}

static uint32_t load_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

// Cuts the second of two equal interrupts, of three cells each, out of the tree: what remains of it are FDT_NOPs.
static void cut_second_interrupt(uint8_t *dtb, size_t size)
{
    enum { PROP = 3, NOP = 4, ENTRY = 12 };
    for (uint8_t *p = dtb + load_be32(dtb + 8); p + 12 + 2 * ENTRY <= dtb + size; p += 4) {
        const char *name = (const char *)dtb + load_be32(dtb + 12) + load_be32(p + 8);
        if (load_be32(p) != PROP || load_be32(p + 4) != 2 * ENTRY || strcmp(name, "interrupts") ||
            memcmp(p + 12, p + 12 + ENTRY, ENTRY))
            continue;
        p[7] = ENTRY;
        for (uint8_t *rest = p + 12 + ENTRY; rest < p + 12 + 2 * ENTRY; rest++)
            *rest = (rest - p) % 4 == 3 ? NOP : 0;
    }
}

// The VMM forgets what guest.dtb lacks, or loses some of it.
int __wrap_mach_session_dtb(const struct mach_session *session, void *dtb, size_t size, struct mach_error *error)
{
    int r = broken("pool-unpatched") ? 0 : __real_mach_session_dtb(session, dtb, size, error);
    if (!r && broken("one-entry"))
        cut_second_interrupt((uint8_t *)dtb, size);
    return r;
}

int __wrap_close(int fd)
{
    return (broken("no-close") || broken("guest-no-close")) && file_is(fd, "anon_inode:[eventfd]", "")
               ? 0
               : __real_close(fd);
}

void *__wrap_mmap64(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
    if (broken("private") && fd >= 0 && file_is(fd, "/dev/shm/", ""))
        flags = (flags & ~MAP_SHARED) | MAP_PRIVATE;
    static bool moved; // the library maps it first, the test afterwards
    if (broken("other-page") && fd >= 0 && !moved && file_is(fd, "/dev/mem", "")) {
        moved = true;
        offset = 0x9010000; // the clock's
    }
    if (broken("no-clauses") && fd >= 0 && file_is(fd, "/dev/shm/frame", "")) {
        fd = open("/dev/shm/frame", O_RDWR | O_CLOEXEC);
        prot |= PROT_WRITE;
        offset = 0;
    }
    return __real_mmap64(at, size, prot, flags, fd, offset);
}

int __wrap_memfd_create(const char *name, unsigned flags)
{
    return __real_memfd_create(name, broken("no-clauses") ? MFD_CLOEXEC : flags);
}

ssize_t __wrap_write(int fd, const void *data, size_t size)
{
    static bool bound; // at least one device
    if ((broken("no-rebind") || (broken("one-rebind") && bound)) && file_is(fd, "/sys/bus/", "/bind"))
        return (ssize_t)size;
    bound = bound || file_is(fd, "/sys/bus/", "/bind");
    return __real_write(fd, data, size);
}

ssize_t __wrap_pread64(int fd, void *data, size_t size, off_t offset)
{
    if ((broken("pool-shifted") || broken("elsewhere")) && file_is(fd, "/proc/", "/pagemap")) {
        ssize_t n = __real_pread64(fd, data, size, offset);
        for (ssize_t i = 0; i < n / 8; i++)
            ((uint64_t *)data)[i] += (96 << 20) / 4096; // what lies after the guest's memory
        return n;
    }
    return __real_pread64(fd, data, size, broken("other-register") || broken("other-slot") ? offset ^ 4 : offset);
}

ssize_t __wrap_pwrite64(int fd, const void *data, size_t size, off_t offset)
{
    return broken("no-master") || (broken("uio-masked") && file_is(fd, "/sys/", "/config"))
               ? (ssize_t)size
               : __real_pwrite64(fd, data, size, offset);
}
