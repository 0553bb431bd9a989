// SPDX-License-Identifier: MIT
// The state of a session, and what backends and steps share: errors, the log, memory, undoing, paths.
#ifndef MACHRT_CORE_SESSION_H
#define MACHRT_CORE_SESSION_H

#include "machcfg_file.h"
#include "machrt.h"

#include <pthread.h>
#include <stdbool.h>

#define GROUP_NONE UINT32_MAX

// A bus of the host, and the VFIO driver for devices on it.
struct bus {
    const char *name;
    const char *driver;
};

// A part of a region, or of a window of it, that is mapped into this process.
struct area {
    uint64_t offset; // in the region
    uint64_t size;
    void *at;
    struct mach_place place; // where it is mapped in the guest
};

// One for each record of section REGION.
struct region {
    struct device *device;
    struct mach_cfg_rec rec;
    uint64_t size;   // as the host has it; 0: the region does not exist
    uint64_t offset; // of its first byte in fd
    int fd;          // to read and write it with; -1: none
    uint32_t flags;  // VFIO_REGION_INFO_FLAG_*
    struct area *area;
    uint32_t areas;
    bool trapped;
    struct mach_trap trap;
    uint64_t *told; // a shadow: registers of which a refused write was told, one bit each; NULL: it is none
};

// One for each record of section IRQ.
struct irq {
    struct device *device;
    struct mach_cfg_rec rec;
    struct mach_link link;
    uint32_t index; // VFIO's
    int fd, unmask_fd;
    bool vfio; // armed with SET_IRQS
    bool msi;  // the first vector of MSI or MSI-X
    bool automasked;
    struct pump *pump; // UIO: its files, and the thread that forwards it to an eventfd
};

struct msi {
    uint32_t index, count;
    int *fd;
    bool master; // the function is a bus master only for its MSIs
};

// One for each record of section DEVICE.
struct device {
    uint32_t index;
    struct mach_cfg_rec rec;
    const char *name;
    const char *sysfs; // its name on its bus; "": it is no device of Linux
    const struct bus *bus;
    bool vfio; // is opened through VFIO
    uint32_t group;
    struct group *g;
    struct context *context;
    int fd;
    bool attached;
    uint32_t vfio_flags, num_regions, num_irqs;
    char driver[64], override[64]; // before it was bound; "": none
    bool unbound, overridden, probed;
    int gone;               // PCI: eventfd, see mach_session_gone_fd(); -1: none
    uint64_t config_offset; // PCI: of its configuration space in fd
    uint32_t config_size;
    uint16_t command; // PCI: the command register as it was
    bool saved;       // `command` is set: the session has changed the register
    bool master;      // PCI: the session has made it a bus master
    struct msi msi;
};

// An IOMMU group.
struct group {
    uint32_t number;
    int fd;
    struct context *context;
    struct device *first; // the first device of the config that is in it
    bool noiommu;         // the kernel made it for a device without an IOMMU
    bool told;            // ops->device_file was called for it
};

struct mapping {
    uint64_t iova, size;
    uint8_t *host;
    unsigned prot;
    struct region *region; // registers, `host` is set once they are mapped; NULL: memory
    uint64_t offset;       // in it
    bool bank;             // the registers of MSI bank `offset`
};

// Devices that reach the same addresses: one container, or one IOAS.
struct context {
    uint64_t key;
    uint32_t number;
    struct device *first; // the device whose maps they are
    int fd;               // container
    bool typed;           // VFIO_SET_IOMMU was called
    bool noiommu;         // its groups have no IOMMU
    uint32_t ioas;        // iommufd
    uint64_t page;        // smallest page of the IOMMU
    uint64_t available;   // limit of the number of mappings; UINT64_MAX: not known
    struct mach_range {
        uint64_t first, last;
    } * range;
    uint32_t ranges;
    struct mapping *map; // sorted by iova
    uint32_t maps;
    bool guest_owned;
    struct tree *tree; // the guest's mappings
    void *own;         // state of the backend
};

// One for each record of section MEMORY.
struct memory {
    struct mach_cfg_rec rec;
    struct mach_memory m;
    void *room; // contiguous: where its part of the address space begins, which is larger than the memory
    bool dma;
    struct mach_place place;
};

struct undo {
    int (*fn)(struct mach_session *s, void *object, uint64_t arg);
    void *object;
    uint64_t arg;
    const char *what;
};

// A record and where the guest sees it; lists of them are sorted by address.
struct placed {
    uint64_t address;
    uint32_t index;
};

struct mach_session {
    const struct mach_config *config;
    const struct mach_cfg_file *f;
    struct mach_sys sys;
    struct mach_ops ops;
    void *opaque;
    bool has_ops, connected;
    struct mach_options options;
    struct mach_error *error;
    int result; // -errno of the last machrt_set_error()
    const struct backend *backend;
    uint64_t page;

    struct device *device;
    struct region *region;
    struct irq *irq;
    struct memory *memory;
    uint32_t devices, regions, irqs, memories;
    struct group *group;
    struct context *context;
    uint32_t groups, contexts;
    uint32_t *group_table, *context_table, table_mask;
    int iommufd;
    uint32_t slots;
    struct memory **by_place;  // sorted by m.at; NULL: no guest maps for DMA
    struct placed *by_address; // memories: at.c
    struct placed *traps;      // trapped regions: at.c
    uint32_t trapped;
    uint64_t random; // state of what guestmap.c draws

    struct undo *undo;
    uint32_t undos, undo_room;
    struct block *blocks;      // of memory, see machrt_session_alloc()
    pthread_mutex_t lock;      // mappings of guest IOMMUs
    pthread_mutex_t registers; // of shadows: a change of some bits reads and writes
    struct of_index *of;
    struct resources *resources; // registers of PCI functions, by file: identity.c
    struct held *held;           // what the session has of files: claims.c
    struct ram_list *ram;        // the kernel's own memory: iomem.c
    char object[256];
};

/* ---- base.c ---- */

/* Copies a table of functions, or mach_sys_linux()'s for NULL. 0; -EINVAL, -E2BIG its `size` is bad; -ENOSYS a function
 * is NULL. */
int machrt_copy_sys(struct mach_sys *to, const struct mach_sys *from);

/* Makes a session with its arrays, and nothing done. 0, or -errno with *error. `options` and `ops` may be NULL. */
int machrt_session_new(const struct mach_config *config, const struct mach_options *options, const struct mach_ops *ops,
                       void *opaque, struct mach_session **session, struct mach_error *error);
/* Undoes, in reverse, all but the first `undos` things that were done. 0, or -errno of the first failure with *error.
 */
int machrt_session_undo(struct mach_session *s, uint32_t undos, struct mach_error *error);
/* Undoes everything and frees it. 0, or -errno with *error. */
int machrt_session_end(struct mach_session *s, struct mach_error *error);

/* Memory, zeroed, that lasts as long as the session; NULL after machrt_set_error(). */
void *machrt_session_alloc(struct mach_session *s, uint64_t count, size_t size);

/*
 * Makes room for one more in a list of `count` elements that machrt_session_alloc() made, and that may move; `room` is
 * how many fit. NULL after machrt_set_error().
 */
void *machrt_session_grow(struct mach_session *s, void *list, uint32_t count, uint32_t *room, size_t size);

/* Fills in the error. `number` is an errno, positive or negative, or 0. Returns -1. */
int machrt_set_error(struct mach_session *s, const char *step, int number, const char *object, const char *hint, ...)
    __attribute__((format(printf, 5, 6)));
/* Calls options.log with a line. */
void machrt_log(struct mach_session *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Formats the name of an object into the session's buffer; valid until the next call. */
const char *machrt_object(struct mach_session *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same as a copy that lasts as long as the session; NULL after machrt_set_error(). */
const char *machrt_keep_object(struct mach_session *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *machrt_device_object(struct mach_session *s, const struct device *d);
/* A string of the config. */
const char *machrt_string(const struct mach_session *s, uint32_t offset);

/* Makes room for the next machrt_push_undo(); called before the step that has to be undone. 0, or -1 after
 * machrt_set_error(). */
int machrt_reserve_undo(struct mach_session *s);
void machrt_push_undo(struct mach_session *s, int (*fn)(struct mach_session *, void *, uint64_t), void *object,
                      uint64_t arg, const char *what);
/* Closes a file: object is an int *, which is set to -1. */
int machrt_undo_close(struct mach_session *s, void *object, uint64_t arg);

/* The result of a read or write of `size` bytes that returned `n`: 0; -errno; -EIO when only a part was transferred. */
int machrt_check_transfer(int64_t n, size_t size);

/* ---- sysfs.c ---- */

enum { PATH_SIZE = 512 };

/* Formats a path in sysfs, or in /dev. false: it is too long. */
bool machrt_sysfs_path(const struct mach_session *s, char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool machrt_dev_path(const struct mach_session *s, char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The path of a file that the config names: /dev/ is where the session has it. */
bool machrt_file_path(const struct mach_session *s, char *path, const char *file);
/* The path of an attribute of a device. */
bool machrt_device_path(const struct mach_session *s, char *path, const struct device *d, const char *attribute);
/* The last component of what a link points to: 0 or -errno. */
int machrt_read_link_name(const struct mach_session *s, const char *path, char *name, size_t size);
/* The first line of a file, without its line feed: 0 or -errno. */
int machrt_read_line(const struct mach_session *s, const char *path, char *line, size_t size);
/*
 * Line `index` of the file `resource` of a PCI or AMBA device at `path`: where its registers are, and whether these are
 * I/O ports, which have numbers and no addresses. 0; -ENOENT: there is no such line; -errno.
 */
int machrt_read_resource(const struct mach_session *s, const char *path, uint32_t index, uint64_t *start,
                         uint64_t *size, bool *ports);
/* Finds the bus that a device is on: 0 or -errno, -ENODEV when it is on none. */
int machrt_find_bus(struct mach_session *s, struct device *d);
/* The IOMMU group of a device: 0, -ENOENT when it has none, or -errno. */
int machrt_find_group(struct mach_session *s, const struct device *d, uint32_t *group);
/* Does a list of numbers, "0-3,5", contain `n`? */
bool machrt_list_contains(const char *list, uint32_t n);

/* ---- caps.c ---- */

/*
 * The capability `id` in the chain that begins at offset `first` of an info struct of `size` bytes. `need` of its bytes
 * must lie in the buffer; *left: how many do. NULL: there is none. A chain that leaves the buffer, or runs in a circle,
 * ends.
 */
const void *machrt_find_capability(const void *info, size_t size, uint32_t first, uint16_t id, size_t need,
                                   size_t *left);

/* ---- kvm_types.c ---- */

/* KVM's number (KVM_DEV_TYPE_*) of the device that a config calls `name`; -1: it has none. */
int machrt_kvm_device_type(const char *name);

/*
 * Asks KVM whether it can make a device, in a virtual machine of its own that is closed again. 0; -ENODEV: it cannot;
 * another -errno: it could not be asked.
 */
int machrt_try_kvm_device(struct mach_session *s, const char *name);

#endif
