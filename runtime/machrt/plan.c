// SPDX-License-Identifier: MIT
// The command plan: a session with a table of system calls that prints each call. Values that would be read are
// synthesised from the config, so that a plan can be made anywhere and is the same everywhere; group numbers are then
// examples. With --host they are read from this host, as far as it has them.
#include "command.h"
#include "machcfg_file.h"
#include "plan_names.h"
#include "plan_pool.h"

#include "uapi/iommufd.h"
#include "uapi/kvm.h"
#include "uapi/madvise.h"
#include "uapi/pamu.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MOST_FILES = 65536, FILE_NAME = 96 };

struct file {
    char kind;       // see print_ioctl(); 0: closed
    uint32_t device; // or, of a device of KVM's, its type
    char name[FILE_NAME];
};

struct plan {
    const struct command *c;
    const struct mach_cfg_file *f;
    struct device_names names, memories;
    const struct mach_sys *real;
    struct file *file;  // by fd
    char (*driver)[32]; // by device: what it was given to, "" for the host's own
    uint64_t next;      // address of the next mapping
    struct pool pool;   // what is mapped of it
    uint32_t calls, reads, ioas, windows;
    uint64_t geometry[2];
    int low; // no file below it is free
    bool quiet;
    enum mach_backend backend;
    uint64_t page;
};

static struct plan *plan_of(void *o)
{
    return (struct plan *)o;
}

static void print_call(struct plan *p, bool reads, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void print_call(struct plan *p, bool reads, const char *format, ...)
{
    va_list args;
    if (p->quiet)
        return;
    p->calls += !reads;
    p->reads += reads;
    if (reads && !p->c->all)
        return;
    va_start(args, format);
    say_va(stdout, format, args);
    va_end(args);
    putchar('\n');
}

static const char *name_of_file(void *o, int fd)
{
    const struct plan *p = plan_of(o);
    return fd >= 0 && fd < MOST_FILES && p->file[fd].kind ? p->file[fd].name : "closed";
}

// An fd with its name, as strace prints it.
#define NAMED(p, fd) named((char[FILE_NAME + 16]){0}, (p), (fd))
static const char *named(char to[static FILE_NAME + 16], struct plan *p, int fd)
{
    snprintf(to, FILE_NAME + 16, fd < 0 ? "%d" : "%d<%s>", fd, fd < 0 ? "" : name_of_file(p, fd));
    return to;
}

static int new_fd(struct plan *p, char kind, uint32_t device, const char *name)
{
    // The lowest that is free, as the kernel gives them.
    while (p->low < MOST_FILES && p->file[p->low].kind)
        p->low++;
    if (p->low == MOST_FILES)
        return -EMFILE;
    p->file[p->low] = (struct file){.kind = kind, .device = device};
    snprintf(p->file[p->low].name, FILE_NAME, "%s", name);
    return p->low++;
}

/* ---- devices ---- */

static const char *sysfs_name(const struct plan *p, uint32_t device)
{
    return mach_cfg_string(p->f, mach_cfg_device_sysfs_name(mach_cfg_record(p->f, MACH_CFG_S_DEVICE, device)));
}

static uint32_t find_device(const struct plan *p, const char *name)
{
    return names_find(&p->names, name);
}

// The device of /sys/bus/BUS/devices/NAME/REST.
static uint32_t find_device_by_path(const struct plan *p, const char *path, char *bus, char *rest)
{
    char name[256];
    *rest = '\0';
    if (sscanf(path, "/sys/bus/%15[^/]/devices/%255[^/]/%63s", bus, name, rest) < 2)
        return MACH_CFG_NONE;
    uint32_t d = find_device(p, name);
    if (d == MACH_CFG_NONE)
        return d;
    bool pci = mach_cfg_device_kind(mach_cfg_record(p->f, MACH_CFG_S_DEVICE, d)) == MACH_CFG_DEVICE_PCI;
    // Which devices are on AMBA's bus only the host knows.
    bool found = pci ? !strcmp(bus, "pci") : !strcmp(bus, "platform") || (p->c->host && !strcmp(bus, "amba"));
    return found ? d : MACH_CFG_NONE;
}

// The driver of /sys/kernel/iommu_groups/N/devices/NAME; "": the host's own.
static const char *member_driver(const struct plan *p, const char *path)
{
    char name[256], rest[16];
    if (sscanf(path, "/sys/kernel/iommu_groups/%*u/devices/%255[^/]/%15s", name, rest) != 2 || strcmp(rest, "driver"))
        return "";
    uint32_t d = find_device(p, name);
    return d == MACH_CFG_NONE ? "" : p->driver[d];
}

static bool on_another_bus(const struct plan *p, const char *bus, uint32_t device)
{
    char path[512], link[8];
    snprintf(path, sizeof path, "/sys/bus/amba/devices/%.255s", sysfs_name(p, device));
    return p->c->host && !strcmp(bus, "platform") && p->real->readlink(p->real->opaque, path, link, sizeof link) >= 0;
}

/* ---- reads ---- */

static int64_t plan_readlink(void *o, const char *path, char *out, size_t size)
{
    struct plan *p = plan_of(o);
    char bus[16], rest[64];
    uint32_t d = find_device_by_path(p, path, bus, rest);
    int64_t n = p->c->host ? p->real->readlink(p->real->opaque, path, out, size) : -ENOENT;
    print_call(p, true, "readlink(\"%s\")", path);
    if (*member_driver(p, path))
        return snprintf(out, size, "../../drivers/%s", member_driver(p, path));
    if (d == MACH_CFG_NONE || (n < 0 && on_another_bus(p, bus, d)))
        return n;
    if (!strcmp(rest, "driver") && *p->driver[d])
        return snprintf(out, size, "../../drivers/%s", p->driver[d]);
    if (n >= 0)
        return n;
    if (!*rest)
        return snprintf(out, size, "../../../devices/%s", sysfs_name(p, d));
    if (!strcmp(rest, "iommu_group"))
        return snprintf(out, size, "../../kernel/iommu_groups/%u", d);
    return -ENOENT;
}

static int64_t plan_read_file(void *o, const char *path, void *out, size_t size)
{
    struct plan *p = plan_of(o);
    int64_t n = p->c->host ? p->real->read_file(p->real->opaque, path, out, size) : -ENOENT;
    print_call(p, true, "read(\"%s\")", path);
    if (n < 0 && strstr(path, "/driver_override"))
        n = snprintf((char *)out, size, "(null)");
    else if (n < 0 && strstr(path, "noiommu"))
        n = snprintf((char *)out, size, "Y");
    char line[32];
    int length = p->c->host ? 0 : pool_read(path, line, sizeof line);
    if (length) {
        n = length < (int)size ? length : (int)size;
        memcpy(out, line, (size_t)n);
    }
    return n;
}

static int plan_list(void *o, const char *path, int (*each)(void *, const char *, int), void *arg)
{
    struct plan *p = plan_of(o);
    char bus[16], rest[64], node[16];
    unsigned group;
    uint32_t d = find_device_by_path(p, path, bus, rest);
    print_call(p, true, "readdir(\"%s\")", path);
    if (!strcmp(path, "/sys/kernel/mm/hugepages") && !p->c->host)
        return pool_list(p->f, each, arg);
    int r = p->c->host ? p->real->list(p->real->opaque, path, each, arg) : -ENOENT;
    if (!r)
        return 0;
    if (d != MACH_CFG_NONE && !strcmp(rest, "vfio-dev")) {
        snprintf(node, sizeof node, "vfio%u", d);
        each(arg, node, 1);
        return 0;
    }
    if (sscanf(path, "/sys/kernel/iommu_groups/%u/devices", &group) == 1 &&
        group < mach_cfg_count(p->f, MACH_CFG_S_DEVICE)) {
        each(arg, sysfs_name(p, group), 0);
        return 0;
    }
    return r;
}

// Assumes that every file exists, except /dev/iommu unless the backend was chosen.
static int plan_access(void *o, const char *path, int mode)
{
    struct plan *p = plan_of(o);
    int r = p->c->host ? p->real->access(p->real->opaque, path, mode) : -ENOENT;
    print_call(p, true, "access(\"%s\")", path);
    return r && !strcmp(path, "/dev/iommu") && p->backend != MACH_BACKEND_IOMMUFD ? r : 0;
}

/* ---- calls that are printed ---- */

static char open_kind(const struct plan *p, const char *path, uint32_t *device)
{
    unsigned n;
    *device = MACH_CFG_NONE;
    if (!strcmp(path, "/dev/iommu"))
        return 'i';
    if (!strcmp(path, "/proc/self/pagemap"))
        return 't';
    if (sscanf(path, "/dev/vfio/devices/vfio%u", device) == 1)
        return 'd';
    if (!strcmp(path, "/dev/vfio/vfio")) {
        if (p->backend == MACH_BACKEND_PAMU)
            return 'p';
        return p->backend == MACH_BACKEND_SPAPR ? 's' : 'c';
    }
    return sscanf(path, "/dev/vfio/%u", &n) == 1 || strstr(path, "/noiommu-") ? 'g' : 'f';
}

static int plan_open(void *o, const char *path, int flags)
{
    struct plan *p = plan_of(o);
    uint32_t device;
    char kind = open_kind(p, path, &device);
    int fd = new_fd(p, kind, device, path);
    print_call(p, false, "open(\"%s\", %s) = %d", path, print_open_flags((char[WORDS]){0}, flags), fd);
    return fd;
}

static int plan_close(void *o, int fd)
{
    struct plan *p = plan_of(o);
    print_call(p, false, "close(%s)", NAMED(p, fd));
    p->file[fd].kind = 0;
    p->low = fd < p->low ? fd : p->low;
    return 0;
}

// A process's part of the address space: 2^47 bytes on most machines of 64 bits, no more than 3 GB on those of 32.
static const uint64_t END = sizeof(void *) > 4 ? UINT64_C(1) << 47 : UINT64_C(3) << 30;

// Takes the next addresses, at most as many as are left.
static void *next_address(struct plan *p, uint64_t size)
{
    void *at = (void *)(uintptr_t)p->next;
    uint64_t whole = (size + 0x1fffff) & ~(uint64_t)0x1fffff;
    p->next = whole < END - p->next ? p->next + whole : END;
    return at;
}

static int plan_mmap(void *o, void **at, uint64_t size, int prot, int flags, int fd, uint64_t offset)
{
    struct plan *p = plan_of(o);
    if (size > END - p->next || (fd >= 0 && p->file[fd].kind == 'm' && p->file[fd].device != MACH_CFG_NONE &&
                                 !pool_has(p->f, p->file[fd].device, offset + size)))
        return -ENOMEM;
    if (!(flags & MAP_FIXED))
        *at = next_address(p, size);
    if (fd >= 0 && p->file[fd].kind == 'm' && p->file[fd].device != MACH_CFG_NONE)
        pool_map(&p->pool, p->f, (uintptr_t)*at, size, p->file[fd].device, offset);
    print_call(p, false, "mmap(0x%" PRIx64 ", %s, %s, %s, 0x%" PRIx64 ") = %p", size,
               print_mmap_prot((char[WORDS]){0}, prot), print_mmap_flags((char[WORDS]){0}, flags), NAMED(p, fd), offset,
               *at);
    return 0;
}

static int plan_munmap(void *o, void *at, uint64_t size)
{
    print_call(plan_of(o), false, "munmap(%p, 0x%" PRIx64 ")", at, size);
    return 0;
}

static int plan_madvise(void *o, void *at, uint64_t size, int advice)
{
    print_call(plan_of(o), false, "madvise(%p, 0x%" PRIx64 ", %s)", at, size,
               advice == MADV_REMOVE          ? "MADV_REMOVE"
               : advice == MADV_POPULATE_READ ? "MADV_POPULATE_READ"
                                              : "MADV_POPULATE_WRITE");
    return 0;
}

static int64_t plan_pread(void *o, int fd, void *buffer, size_t size, uint64_t offset)
{
    struct plan *p = plan_of(o);
    bool pagemap = p->file[fd].kind == 't';
    print_call(p, pagemap, "pread(%s, %zu, 0x%" PRIx64 ")", NAMED(p, fd), size, offset);
    memset(buffer, 0, size);
    for (size_t i = 0; pagemap && i < size / 8; i++) {
        uint64_t entry = pool_entry(&p->pool, (offset / 8 + i) * p->page, p->page);
        memcpy((char *)buffer + 8 * i, &entry, sizeof entry);
    }
    return (int64_t)size;
}

// The first bytes of what is written, in the order of their addresses.
#define BYTES(buffer, size) bytes((char[40]){0}, (buffer), (size))
static const char *bytes(char to[static 40], const void *buffer, size_t size)
{
    for (size_t i = 0; i < size && i < 16; i++)
        sprintf(to + 2 * i, "%02x", ((const uint8_t *)buffer)[i]);
    if (size > 16)
        strcpy(to + 32, "...");
    return to;
}

static int64_t plan_pwrite(void *o, int fd, const void *buffer, size_t size, uint64_t offset)
{
    print_call(plan_of(o), false, "pwrite(%s, %s, %zu, 0x%" PRIx64 ")", NAMED(plan_of(o), fd), BYTES(buffer, size),
               size, offset);
    return (int64_t)size;
}

static int64_t plan_read(void *o, int fd, void *buffer, size_t size)
{
    (void)o;
    (void)fd;
    (void)buffer;
    (void)size;
    return -EAGAIN;
}

static int64_t plan_write(void *o, int fd, const void *buffer, size_t size)
{
    // Eventfds and UIO files take numbers in the host's byte order.
    uint32_t word = 0;
    uint64_t number = 0;
    if (size == sizeof number)
        memcpy(&number, buffer, size);
    else if (size == sizeof word)
        memcpy(&word, buffer, size);
    number += word;
    print_call(plan_of(o), false, "write(%s, %" PRIu64 ", %zu)", NAMED(plan_of(o), fd), number, size);
    return (int64_t)size;
}

static int plan_eventfd(void *o, int flags)
{
    int fd = new_fd(plan_of(o), 'e', 0, "eventfd");
    print_call(plan_of(o), false, "eventfd(0x%x) = %d", (unsigned)flags, fd);
    return fd;
}

static int plan_memfd(void *o, const char *name, unsigned flags)
{
    int fd = new_fd(plan_of(o), 'm', pool_memory(&plan_of(o)->memories, name), name);
    print_call(plan_of(o), false, "memfd_create(\"%s\", %s) = %d", name, print_memfd_flags((char[WORDS]){0}, flags),
               fd);
    return fd;
}

static int plan_ftruncate(void *o, int fd, uint64_t size)
{
    print_call(plan_of(o), false, "ftruncate(%s, 0x%" PRIx64 ")", NAMED(plan_of(o), fd), size);
    return 0;
}

static int plan_poll(void *o, struct pollfd *fds, unsigned count, int timeout)
{
    (void)o;
    (void)fds;
    (void)count;
    (void)timeout;
    return -EBADF; // ends the thread that would wait
}

static int plan_flock(void *o, int fd, int operation)
{
    print_call(plan_of(o), false, "flock(%s, %d)", NAMED(plan_of(o), fd), operation);
    return 0;
}

static int plan_add_seals(void *o, int fd, unsigned seals)
{
    print_call(plan_of(o), false, "fcntl(%s, F_ADD_SEALS, 0x%x)", NAMED(plan_of(o), fd), seals);
    return 0;
}

static int plan_stat(void *o, int fd, struct mach_stat *to)
{
    print_call(plan_of(o), true, "fstat(%s)", NAMED(plan_of(o), fd));
    memset(to, 0, sizeof *to);
    return 0;
}

static int plan_lock(void *o, int fd, int shared, uint64_t first, uint64_t size)
{
    print_call(plan_of(o), false, "fcntl(%d, F_OFD_SETLK, {%s, 0x%" PRIx64 ", 0x%" PRIx64 "})", fd,
               shared ? "F_RDLCK" : "F_WRLCK", first, size);
    return 0;
}

static int plan_io_uring_setup(void *o, unsigned entries, struct io_uring_params *params)
{
    (void)params;
    int fd = new_fd(plan_of(o), 'r', 0, "io_uring");
    print_call(plan_of(o), false, "io_uring_setup(%u) = %d", entries, fd);
    return fd;
}

static int plan_io_uring_register(void *o, int fd, unsigned operation, void *arg, unsigned count)
{
    (void)arg;
    print_call(plan_of(o), false, "io_uring_register(%s, %u, %u buffers)", NAMED(plan_of(o), fd), operation, count);
    return 0;
}

static int plan_write_file(void *o, const char *path, const char *text)
{
    struct plan *p = plan_of(o);
    char bus[16], what[32];
    print_call(p, false, "write(\"%s\", \"%s\")", path, *text == '\n' ? "" : text);
    if (sscanf(path, "/sys/bus/%15[^/]/%31s", bus, what) == 2 && !strcmp(what, "drivers_probe")) {
        uint32_t d = find_device(p, text);
        if (d != MACH_CFG_NONE)
            snprintf(p->driver[d], sizeof p->driver[d], "vfio-%s", bus);
    }
    return 0;
}

/* ---- answers of the kernel ---- */

static void device_info(const struct plan *p, uint32_t device, struct vfio_device_info *i)
{
    struct mach_cfg_rec d = mach_cfg_record(p->f, MACH_CFG_S_DEVICE, device);
    bool pci = mach_cfg_device_kind(d) == MACH_CFG_DEVICE_PCI;
    i->flags = VFIO_DEVICE_FLAGS_RESET | (pci ? VFIO_DEVICE_FLAGS_PCI : VFIO_DEVICE_FLAGS_PLATFORM);
    i->num_regions = pci ? (uint32_t)VFIO_PCI_NUM_REGIONS : mach_cfg_device_regions(d);
    i->num_irqs = pci ? (uint32_t)VFIO_PCI_NUM_IRQS : 0;
    for (uint32_t k = 0; !pci && k < mach_cfg_device_irqs(d); k++)
        i->num_irqs += mach_cfg_irq_source(mach_cfg_record(p->f, MACH_CFG_S_IRQ, mach_cfg_device_first_irq(d) + k)) ==
                       MACH_CFG_IRQ_DEVICE;
    // VFIO may count fewer: it ends at the first that the kernel cannot map. Where the compiler knows, it says so.
    for (uint32_t k = 0; !pci && k < mach_cfg_count(p->f, MACH_CFG_S_EXPECT); k++) {
        struct mach_cfg_rec e = mach_cfg_record(p->f, MACH_CFG_S_EXPECT, k);
        if (mach_cfg_expect_kind(e) == MACH_CFG_EXPECT_IRQ_COUNT && mach_cfg_expect_device(e) == device)
            i->num_irqs = (uint32_t)mach_cfg_expect_a(e);
    }
}

static void region_info(const struct plan *p, uint32_t device, struct vfio_region_info *i)
{
    struct mach_cfg_rec d = mach_cfg_record(p->f, MACH_CFG_S_DEVICE, device);
    uint64_t page = p->page;
    i->offset = (uint64_t)i->index << 40;
    i->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
    i->size = 0;
    if (mach_cfg_device_kind(d) == MACH_CFG_DEVICE_PCI && i->index == VFIO_PCI_CONFIG_REGION_INDEX)
        i->size = 4096;
    // They are in the order of their indices, mostly without gaps: so the search begins at the index.
    uint32_t n = mach_cfg_device_regions(d);
    for (uint32_t k = 0; k < n; k++) {
        struct mach_cfg_rec r = mach_cfg_record(
            p->f, MACH_CFG_S_REGION, mach_cfg_device_first_region(d) + (uint32_t)(((uint64_t)i->index + k) % n));
        if (mach_cfg_region_index(r) != i->index || mach_cfg_region_flags(r) & MACH_CFG_REGION_WINDOW)
            continue;
        i->size = mach_cfg_region_size(r);
        break;
    }
    if (i->size && !(i->size % page))
        i->flags |= VFIO_REGION_INFO_FLAG_MMAP;
}

static void irq_info(const struct plan *p, uint32_t device, struct vfio_irq_info *i)
{
    struct mach_cfg_rec d = mach_cfg_record(p->f, MACH_CFG_S_DEVICE, device);
    i->count = 1;
    i->flags = VFIO_IRQ_INFO_EVENTFD;
    uint32_t n = mach_cfg_device_irqs(d);
    for (uint32_t k = 0; k < n; k++) {
        struct mach_cfg_rec q = mach_cfg_record(
            p->f, MACH_CFG_S_IRQ, mach_cfg_device_first_irq(d) + (uint32_t)(((uint64_t)i->index + k) % n));
        if (mach_cfg_irq_index(q) != i->index || mach_cfg_irq_source(q) != MACH_CFG_IRQ_DEVICE)
            continue;
        if (mach_cfg_irq_trigger(q) == MACH_CFG_TRIGGER_LEVEL)
            i->flags |= VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;
        break;
    }
}

static int device_ioctl(struct plan *p, uint32_t device, unsigned long request, void *arg)
{
    if (device >= mach_cfg_count(p->f, MACH_CFG_S_DEVICE))
        return -ENODEV;
    if (request == VFIO_DEVICE_GET_INFO)
        device_info(p, device, (struct vfio_device_info *)arg);
    else if (request == VFIO_DEVICE_GET_REGION_INFO)
        region_info(p, device, (struct vfio_region_info *)arg);
    else if (request == VFIO_DEVICE_GET_IRQ_INFO)
        irq_info(p, device, (struct vfio_irq_info *)arg);
    return 0;
}

static int pamu_ioctl(struct plan *p, unsigned long request, void *arg)
{
    struct pamu_attr *a = (struct pamu_attr *)arg;
    if (request == PAMU_GET_MSI_BANK_COUNT)
        return 8;
    bool geometry = (request == PAMU_GET_ATTR || request == PAMU_SET_ATTR) && a->attribute == PAMU_ATTR_GEOMETRY;
    bool windows = (request == PAMU_GET_ATTR || request == PAMU_SET_ATTR) && a->attribute == PAMU_ATTR_WINDOWS;
    if (geometry && request == PAMU_SET_ATTR) {
        p->geometry[0] = a->u.geometry.start;
        p->geometry[1] = a->u.geometry.end;
    } else if (geometry) {
        a->u.geometry.start = p->geometry[0];
        a->u.geometry.end = p->geometry[1];
    } else if (windows && request == PAMU_SET_ATTR) {
        p->windows = a->u.windows;
    } else if (windows) {
        // Before it is set, the limit of the hardware.
        a->u.windows = p->windows ? p->windows : 256;
        p->windows = 0;
    }
    return 0;
}

// The VFIO IOMMU type that the plan's kernel has.
static unsigned container_type(const struct plan *p, char kind)
{
    if (kind == 'p')
        return PAMU_IOMMU;
    if (kind == 's')
        return VFIO_SPAPR_TCE_v2_IOMMU;
    return p->backend == MACH_BACKEND_NOIOMMU ? VFIO_NOIOMMU_IOMMU : VFIO_TYPE1v2_IOMMU;
}

static int container_ioctl(struct plan *p, char kind, unsigned long request, void *arg)
{
    unsigned type = container_type(p, kind);
    if (request == VFIO_CHECK_EXTENSION)
        return (unsigned)(uintptr_t)arg == type;
    if (kind == 'p' && request >= PAMU_GET_ATTR && request <= PAMU_UNMAP_MSI_BANK)
        return pamu_ioctl(p, request, arg);
    if (kind == 's' && request == VFIO_IOMMU_SPAPR_TCE_GET_INFO) {
        struct vfio_iommu_spapr_tce_info *i = (struct vfio_iommu_spapr_tce_info *)arg;
        i->flags = VFIO_IOMMU_SPAPR_INFO_DDW;
        i->dma32_window_start = 0;
        i->dma32_window_size = 0x80000000;
        i->ddw = (struct vfio_iommu_spapr_tce_ddw_info){0x1011000, 2, 1};
    } else if (kind == 'c' && request == VFIO_IOMMU_GET_INFO) {
        struct vfio_iommu_type1_info *i = (struct vfio_iommu_type1_info *)arg;
        i->flags = VFIO_IOMMU_INFO_PGSIZES;
        i->iova_pgsizes = p->page;
    }
    return 0;
}

static int iommufd_ioctl(struct plan *p, unsigned long request, void *arg)
{
    if (request == IOMMUFD_IOAS_ALLOC) {
        ((struct iommufd_ioas_alloc *)arg)->out_ioas_id = ++p->ioas;
    } else if (request == IOMMUFD_IOVA_RANGES) {
        struct iommufd_iova_ranges *x = (struct iommufd_iova_ranges *)arg;
        x->num_iovas = 1;
        x->out_iova_alignment = p->page;
        *(struct iommufd_range *)(uintptr_t)x->allowed_iovas = (struct iommufd_range){0, UINT64_MAX};
    }
    return 0;
}

static int plan_ioctl(void *o, int fd, unsigned long request, void *arg)
{
    struct plan *p = plan_of(o);
    int r = 0;
    const struct file *f = &p->file[fd];
    if (f->kind == 'd')
        r = device_ioctl(p, f->device, request, arg);
    else if (f->kind == 'c' || f->kind == 'p' || f->kind == 's')
        r = container_ioctl(p, f->kind, request, arg);
    else if (f->kind == 'i')
        r = iommufd_ioctl(p, request, arg);
    else if (f->kind == 'g' && request == VFIO_GROUP_GET_DEVICE_FD)
        r = new_fd(p, 'd', find_device(p, (const char *)arg), (const char *)arg);
#ifdef MACHRT_HAVE_KVM
    else if (f->kind == 'v' && request == KVM_CREATE_DEVICE) {
        struct kvm_create_device *c = (struct kvm_create_device *)arg;
        c->fd = (uint32_t)new_fd(p, 'k', c->type, c->type == KVM_DEV_TYPE_VFIO ? "KVM VFIO" : "KVM irqchip");
    }
#endif
    if (p->quiet)
        return r;
    p->calls++;
    char *text = NULL;
    size_t size;
    FILE *line = open_memstream(&text, &size);
    if (line) {
        print_ioctl(&(struct words){line, name_of_file, p, f->device}, f->kind, fd, request, arg);
        if (r)
            fprintf(line, " = %d", r);
        fclose(line);
    }
    if (text)
        mach_cfg_clean(text);
    puts(text ? text : "ioctl: out of memory");
    free(text);
    return r;
}

/* ---- a VMM that accepts everything ---- */

static int print_trap(void *o, struct mach_session *s, const struct mach_trap *t)
{
    (void)s;
    if (!plan_of(o)->quiet)
        printf("# the VMM forwards accesses to 0x%" PRIx64 ", 0x%" PRIx64 " bytes\n", t->address, t->size);
    return 0;
}

// Only what the library cannot provide.
static int print_memory(void *o, struct mach_memory *m)
{
    struct plan *p = plan_of(o);
    struct mach_cfg_rec rec = mach_cfg_record(p->f, MACH_CFG_S_MEMORY, m->index);
    uint32_t backing = mach_cfg_memory_backing(rec);
    if (!mach_cfg_memory_share(rec) || backing == MACH_CFG_BACKING_FILE || backing == MACH_CFG_BACKING_PHYSICAL)
        return -ENOSYS;
    if (m->size > END - p->next)
        return -ENOMEM;
    m->at = next_address(p, m->size);
    if (!p->quiet)
        printf("# the VMM provides memory %s at %p\n", m->name, m->at);
    return 0;
}

static int print_emulated(void *o, const struct mach_cfg_file *f, uint32_t device)
{
    struct mach_cfg_rec d = mach_cfg_record(f, MACH_CFG_S_DEVICE, device);
    if (!plan_of(o)->quiet)
        printf("# the VMM emulates %s, a %s\n", mach_cfg_string(f, mach_cfg_device_name(d)),
               mach_cfg_string(f, mach_cfg_device_class_name(d)));
    return 0;
}

static int print_link(void *o, const struct mach_link *l)
{
    if (l->gsi != MACH_CFG_NONE)
        return -ENOSYS; // KVM does it
    if (!plan_of(o)->quiet)
        printf("# the VMM connects %s to line %u, and unmasks by %s\n", NAMED(plan_of(o), l->fd), l->line,
               NAMED(plan_of(o), l->unmask_fd));
    return 0;
}

static int print_source(void *o, const struct mach_cfg_file *f, uint32_t irq, int *fd)
{
    (void)f;
    *fd = new_fd(plan_of(o), 'e', 0, "eventfd");
    if (!plan_of(o)->quiet)
        printf("# the VMM delivers interrupt %u as eventfd %d\n", irq, *fd);
    return 0;
}

static uint64_t plan_page_size(void *o)
{
    return plan_of(o)->page;
}

// A session needs an explicit backend for these IOMMUs; a plan chooses the one that the config is for.
static enum mach_backend choose_backend(const struct plan *p)
{
    uint32_t iommu = mach_cfg_machine_iommu(mach_cfg_record(p->f, MACH_CFG_S_MACHINE, 0));
    if (p->c->backend != MACH_BACKEND_AUTO)
        return p->c->backend;
    switch (iommu) {
    case MACH_CFG_IOMMU_PAMU:
        return MACH_BACKEND_PAMU;
    case MACH_CFG_IOMMU_SPAPR_TCE:
        return MACH_BACKEND_SPAPR;
    case MACH_CFG_IOMMU_NONE:
        return MACH_BACKEND_NOIOMMU;
    default:
        return MACH_BACKEND_AUTO;
    }
}

static int run_session(struct plan *p, const struct mach_sys *sys)
{
    const struct mach_options o = {
        .size = sizeof o, .sys = sys, .backend = p->backend, .flags = MACH_NO_PROOF | MACH_DRY_RUN, .threads = 1};
    const struct mach_ops own = {.size = sizeof own,
                                 .memory = print_memory,
                                 .emulated = print_emulated,
                                 .trap = print_trap,
                                 .connect = print_link,
                                 .irq_source = print_source};
    struct mach_kvm kvm = {.size = sizeof kvm, .vm = -1, .sys = sys, .own = &own, .own_opaque = p};
    struct mach_session *s;
    struct mach_error error = MACH_ERROR_INIT;
    if (p->c->kvm) {
        kvm.vm = new_fd(p, 'v', 0, "VM");
        printf("# %d is the VM\n", kvm.vm);
    }
    if (mach_session_start(p->c->config, &o, p->c->kvm ? mach_kvm_ops() : NULL, p->c->kvm ? (void *)&kvm : NULL, &s,
                           &error))
        return report(&error);
    printf("# %u calls, and %u that read files of the system\n", p->calls, p->reads);
    p->quiet = !p->c->stop;
    mach_session_stop(s, NULL);
    return FINE;
}

int command_plan(const struct command *c)
{
    uint32_t devices = mach_cfg_count(mach_config_file(c->config), MACH_CFG_S_DEVICE);
    struct plan p = {
        .c = c,
        .f = mach_config_file(c->config),
        .real = mach_sys_linux(),
        .file = (struct file *)calloc(MOST_FILES, sizeof(struct file)),
        .driver = (char(*)[32])calloc(devices ? devices : 1, 32),
        .next = UINT64_C(0x10000000),
        .low = 3,
    };
    p.backend = choose_backend(&p);
    p.page = c->host ? p.real->page_size(p.real->opaque)
                     : mach_cfg_machine_host_page_size(mach_cfg_record(p.f, MACH_CFG_S_MACHINE, 0));
    p.page = p.page && !(p.page & (p.page - 1)) ? p.page : 4096;
    struct mach_sys sys = *p.real;
    sys.opaque = &p;
    sys.page_size = plan_page_size;
    sys.open = plan_open;
    sys.close = plan_close;
    sys.ioctl = plan_ioctl;
    sys.mmap = plan_mmap;
    sys.munmap = plan_munmap;
    sys.madvise = plan_madvise;
    sys.pread = plan_pread;
    sys.pwrite = plan_pwrite;
    sys.read = plan_read;
    sys.write = plan_write;
    sys.eventfd = plan_eventfd;
    sys.memfd_create = plan_memfd;
    sys.ftruncate = plan_ftruncate;
    sys.poll = plan_poll;
    sys.readlink = plan_readlink;
    sys.read_file = plan_read_file;
    sys.write_file = plan_write_file;
    sys.list = plan_list;
    sys.access = plan_access;
    sys.flock = plan_flock;
    sys.add_seals = plan_add_seals;
    sys.stat = plan_stat;
    sys.lock = plan_lock;
    sys.io_uring_setup = plan_io_uring_setup;
    sys.io_uring_register = plan_io_uring_register;
    int status = USAGE;
    if (names_make(&p.names, p.f) && names_of_memory(&p.memories, p.f, POOL_NAME) && p.file && p.driver)
        status = run_session(&p, &sys);
    else
        fputs("machrt: out of memory\n", stderr);
    names_free(&p.names);
    names_free(&p.memories);
    free(p.file);
    free(p.driver);
    free(p.pool.list);
    return status;
}
