// SPDX-License-Identifier: MIT
/*
 * A kernel to test against: VFIO in both forms, iommufd, KVM and sysfs, as far as the runtime uses them, in one
 * process. It answers as Linux does, errors included; it counts what is open and mapped; and it can make any one call
 * fail. What Linux would let pass, but is wrong (DMA into memory that was not populated, an interrupt that may fire
 * before anybody listens) is an error of its own, in fake->wrong.
 */
#ifndef TEST_FAKE_H
#define TEST_FAKE_H

#include "machrt.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

enum {
    FAKE_DEVICES = 24,
    FAKE_FILES = 512,
    FAKE_MAPS = 512,
    FAKE_TEXTS = 160,
    FAKE_TRACE = 4096,
    FAKE_REGIONS = 9,
    FAKE_VCPUS = 8,
    FAKE_PAGES = 64,
    FAKE_PINS = 4,
    FAKE_LOCKS = 128,
    FAKE_SLOTS = 128,
    FAKE_HUGE_PAGE = 2 << 20
};

struct fake_region {
    uint64_t size;
    uint32_t flags; // VFIO_REGION_INFO_FLAG_*
    uint32_t areas; // sparse ones; 0: no capability
    uint64_t area[4][2];
    bool loop;      // the capability chain runs in a circle
    uint32_t argsz; // asks for so much memory first
    uint8_t bytes[0x4000];
};

struct fake_device {
    const char *bus, *name;
    char driver[32], natural[32], override[32];
    uint32_t group;
    bool no_group, group_after_probe, probed_once;
    uint32_t flags; // VFIO_DEVICE_FLAGS_*
    uint32_t nregions, nirqs;
    struct fake_region region[FAKE_REGIONS];
    uint32_t irq_flags[8];
    uint32_t grant;        // so many vectors can be had; 0: all
    uint32_t vectors;      // of MSI and MSI-X
    bool unplugged;        // nothing of it answers any more
    bool no_pcie;          // it has no ERR interrupt
    int req, err;          // eventfds of the last two interrupts; -1
    bool refuses;          // its VFIO driver does not take it
    bool cascade;          // a driver of the host's has once demultiplexed its interrupts: nobody can request them
    const char *container; // of an object of the fsl-mc bus: the DPRC that it is in; NULL: it is none
    bool gone;             // the DPRC has no driver that looks for its objects
    bool not_isolated;     // it has no MSIs, or ones without remapping: nothing but a module parameter helps
    // state
    int fd, iommufd, ioas;
    bool told; // KVM knows
    int trigger[8], unmask[8];
    uint32_t armed, rearmed, resets, msi, msi_index;
    uint8_t config[256];
};

struct fake_file {
    bool open;
    char kind; // 'c'ontainer 'g'roup 'd'evice 'i'ommufd 'm'emory 'e'ventfd 'v'm 'k'vm device 'f'ile 'u'io io_u'r'ing
               // udma'b'uf DMA 'H'eap, its 'h' memory 'x': of a device whose memory has pages
    int container;    // of a group: fd; -1
    uint32_t type;    // of a container: SET_IOMMU; of a KVM device: its type
    uint32_t number;  // of a group; of a device: index; of memory: index
    bool initialised; // of a KVM device
    char path[64];
    uint64_t size;
    bool has_irqfd;
    uint64_t counter;
    bool huge;      // a memfd of huge pages
    bool vmms;      // the VMM's own: no session closes it
    unsigned flags; // of memfd_create()
    unsigned seals;
    int real; // an eventfd or pipe of the real kernel's, where a thread waits on it; -1
    // fake_files.c
    struct mach_stat stat;
    uint32_t id;     // of its open file description
    bool reads_only; // O_RDONLY
};

/* Bytes of a file that an open file description has locked. */
struct fake_lock {
    uint64_t device, inode, first, size;
    uint32_t id;
    bool shared;
};

struct fake_map {
    uint8_t *at;
    uint64_t size;
    char kind; // of its file; 'n': none
    uint64_t populated;
    int fd;
    uint64_t offset;
    uint32_t order; // a later mapping hides an earlier one
    uint32_t id;    // of the file description that it keeps
};

enum { FAKE_DYING = -3 }; // the memfd of a process that was killed, but is not gone yet

/* A page of the pool of huge pages. */
struct fake_page {
    uint64_t host;
    int fd; // the memfd that has it; -1: it is free; -2: it will be when its last pin goes; FAKE_DYING
    uint64_t offset;
    uint32_t pins;
    int by[FAKE_PINS];
    uint64_t moves_to; // it lies in CMA: where a pin moves it
    bool no_pin;       // it lies in hugetlb_cma
};

struct fake_dma {
    int owner; // container fd, or ioas
    bool iommufd;
    uint64_t iova, size, host;
    uint32_t prot;
};

/* KVM's AIA of RISC-V. */
struct fake_aia {
    uint32_t max_ids, vcpus; // what host and VMM have; max_ids 0: no AIA at all
    uint32_t ids, sources, hart_bits, guest_bits;
    uint64_t aplic, imsic[FAKE_VCPUS];
};

struct fake {
    struct mach_sys sys;
    pthread_mutex_t lock;
    struct fake_device device[FAKE_DEVICES];
    uint32_t devices;
    struct fake_file file[FAKE_FILES];
    struct fake_map map[FAKE_MAPS];
    struct fake_dma dma[FAKE_MAPS];
    struct fake_slot {
        uint32_t slot;
        uint64_t address, size;
    } slot[FAKE_SLOTS]; // KVM's
    uint32_t dmas, slots, irqfds, routes, allocations, ioas;
    struct fake_text {
        char path[160], data[1024];
        size_t size;
        bool link;
        bool in_sysfs;
        bool denied;                   // EACCES
        uint64_t special, bytes, same; // device number; size, 0: that of `data`; inode, 0: its own
    } text[FAKE_TEXTS];
    uint32_t texts;
    struct fake_lock locked[FAKE_LOCKS];
    uint32_t locks, opened;
    uint64_t random;
    struct fake_aia aia;
    struct fake_page page_list[FAKE_PAGES]; // the first free one is taken first
    uint32_t pages, surplus, reserved, maps;
    uint32_t most_taken;         // pages at one time
    bool no_io_uring;            // kernel.io_uring_disabled is 2
    bool hides_frames;           // no CAP_SYS_ADMIN
    bool is_32_bit;              // the kernel: /proc/kcore has the headers of its class
    bool lies;                   // /dev/mem is not what it says
    uint64_t heap_at, heap_size; // of the DMA heap "guest": where its memory lies
    uint64_t elsewhere;          // host address of the memory of devices ('x')
    // what the host has
    uint32_t noiommu_group; // a group without an IOMMU, beside those with one; 0: none
    bool has_kvm;           // there is a /dev/kvm
    uint32_t no_kvm;        // a type of device that KVM does not have; 0: none
    const char *stays;      // a driver that has no `unbind`; or NULL
    bool no_irqcontrol;     // UIO's driver is uio_pci_generic
    bool not_uio;           // its devices of UIO's number are another driver's
    bool no_sysfs;          // it is not mounted
    bool has_iommufd, has_cdev, has_group, noiommu, no_driver, vendor_pamu, spapr;
    uint64_t page, memlock, lockable_used, hole[2]; // hole: not in the IOVA list
    uint32_t dma_limit, info_argsz;
    bool caps_loop, no_caps;
    uint32_t pamu_windows, pamu_hw;
    uint64_t pamu_start, pamu_end, tce_start, tce_size, registered;
    // faults
    uint32_t calls;   // so far
    uint32_t fail_at; // this one fails; 0: none (they count from 1)
    int fail_with;    // -errno; 1: a positive answer of 0 or short
    bool failed;
    const char *trace[FAKE_TRACE];
    uint32_t counted; // without sysfs and memory of the library's own
    char wrong[256];  // the first thing that was done wrong
    int vm;           // fd of the VM; 0: no KVM
};

struct fake *fake_new(void);
void fake_free(struct fake *k);
struct fake_device *fake_add(struct fake *k, const char *bus, const char *name, const char *driver, uint32_t group);
void fake_text(struct fake *k, const char *path, const char *data, size_t size);
void fake_link(struct fake *k, const char *path, const char *target);
/* A node of the host's tree with one or two entries of `reg`, and the device's link to it: what sysfs shows of where
 * the registers of a platform device are. */
void fake_registers(struct fake *k, const char *bus, const char *name, uint64_t first, uint64_t size, uint64_t second,
                    uint64_t second_size);
/* A character device; the size of a file; another name for a file, as of a bind mount: a symlink is fake_link(). */
void fake_node(struct fake *k, const char *path, unsigned major, unsigned minor);
void fake_file_size(struct fake *k, const char *path, uint64_t bytes);
/* Nobody may read it, or look whether it is there. */
void fake_deny(struct fake *k, const char *path);
void fake_same_inode(struct fake *k, const char *path, const char *as);
struct fake_region *fake_region(struct fake_device *d, uint32_t index, uint64_t size, uint32_t flags);

/* A VM for mach_kvm_ops. */
int fake_vm(struct fake *k);
/* "", or what is still open, mapped, or not as it was. */
const char *fake_left(struct fake *k);
/* Everything about the host's drivers in one string, to compare before and after. */
void fake_drivers(const struct fake *k, char *out, size_t size);

/* ---- between its files ---- */

#define LOCKED(k, type, expression)                                                                                    \
    do {                                                                                                               \
        pthread_mutex_lock(&(k)->lock);                                                                                \
        type r_ = (expression);                                                                                        \
        pthread_mutex_unlock(&(k)->lock);                                                                              \
        return r_;                                                                                                     \
    } while (0)

static inline struct fake *fake_self(void *o)
{
    return (struct fake *)o;
}

int fake_mmap(void *o, void **at, uint64_t size, int prot, int flags, int fd, uint64_t offset);
int fake_munmap(void *o, void *at, uint64_t size);
int fake_madvise(void *o, void *at, uint64_t size, int advice);
int fake_memfd(void *o, const char *name, unsigned flags);
int fake_ftruncate(void *o, int fd, uint64_t size);

/* ---- fake_pool.c ---- */

/* Adds free huge pages of FAKE_HUGE_PAGE bytes, side by side from host address `first` on. */
void fake_pool(struct fake *k, uint64_t first, uint32_t pages);
struct fake_page *fake_page_of(struct fake *k, int fd, uint64_t offset);
/* [first, end) of a memfd: gives its pages back; gives it pages, false where there are none. */
void fake_pool_free(struct fake *k, int fd, uint64_t first, uint64_t end);
bool fake_pool_fill(struct fake *k, int fd, uint64_t first, uint64_t end);
/* Bytes that are free. */
uint64_t fake_pool_room(const struct fake *k);
/* Removes the pins of an io_uring or udmabuf. */
void fake_unpin(struct fake *k, int by);
int fake_io_uring_setup(void *o, unsigned entries, struct io_uring_params *params);
int fake_io_uring_register(void *o, int fd, unsigned operation, void *arg, unsigned count);
int fake_udmabuf_ioctl(struct fake *k, unsigned long request, const void *arg);
int fake_heap_ioctl(struct fake *k, unsigned long request, void *arg);
int fake_add_seals(void *o, int fd, unsigned seals);
int fake_flock(void *o, int fd, int operation);
/* Are pages pinned by a ring, or a udmabuf? */
bool fake_is_pinned_by(const struct fake *k, int fd);
/* A little time goes by: two pages of FAKE_DYING processes are free. */
void fake_pool_wait(struct fake *k);
/* Number files of the pool in sysfs. */
bool fake_pool_read(const struct fake *k, const char *path, char *line, size_t size);
/* /proc/self/pagemap, kpageflags, kpagecount, kcore. */
int64_t fake_proc_pread(const struct fake *k, const char *path, void *buffer, size_t size, uint64_t offset);

/* ---- fake_files.c ---- */

/* Where absolute links lead to. */
const char *fake_resolve(struct fake *k, const char *path);
void fake_identify(struct fake *k, struct fake_file *f, const char *path);
bool fake_is_uio(struct fake *k, const char *path);
const char *fake_char_link(struct fake *k, const char *path, char *out, size_t size);
int fake_stat(void *o, int fd, struct mach_stat *to);
int fake_lock(void *o, int fd, int shared, uint64_t first, uint64_t size);
/* Those of descriptions that have neither a file nor a mapping any more are gone. */
void fake_end_locks(struct fake *k);

void fake_wrong(struct fake *k, const char *format, ...) __attribute__((format(printf, 2, 3)));
int fake_fd(struct fake *k, char kind, uint32_t number);
/* Counts a call. 0, or what it is to return instead. `counts`: it is one of those that the budget is about. */
int fake_step(struct fake *k, const char *name, bool counts);
int fake_sysfs_readlink(struct fake *k, const char *path, char *out, size_t size);
int64_t fake_sysfs_read(struct fake *k, const char *path, void *out, size_t size);
int fake_sysfs_write(struct fake *k, const char *path, const char *text);
int fake_sysfs_list(struct fake *k, const char *path, int (*each)(void *, const char *, int), void *arg);
int fake_sysfs_access(struct fake *k, const char *path);
int fake_vfio_ioctl(struct fake *k, int fd, unsigned long request, void *arg);
int fake_device_ioctl(struct fake *k, int fd, unsigned long request, void *arg);
int fake_kvm_ioctl(struct fake *k, int fd, unsigned long request, void *arg);
void fake_aia_new(struct fake_aia *a);
struct kvm_device_attr;
int fake_aia_attr(struct fake *k, struct fake_file *f, const struct kvm_device_attr *a);
const char *fake_request(const struct fake *k, int fd, unsigned long request);
/* Is it a SET_IRQS of a PCI function's REQ or ERR? */
bool fake_is_event(const struct fake *k, int fd, unsigned long request, const void *arg);
struct fake_device *fake_find(struct fake *k, const char *bus, const char *name);
bool fake_populated(struct fake *k, uint64_t host, uint64_t size);

#endif
