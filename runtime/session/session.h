// SPDX-License-Identifier: MIT
// A session from the inside: what the steps of mach_session_start() leave for each other.
#ifndef MACH_SESSION_H
#define MACH_SESSION_H

#include "machrt.h"

#include <pthread.h>
#include <stdbool.h>

#define GROUP_NONE UINT32_MAX

// A bus of the host's, and the VFIO driver for the devices on it.
struct bus {
    const char *name;
    const char *driver;
};

// A part of a region, or of a window of it, that is mapped into this process.
struct area {
    uint64_t offset; // in the region
    uint64_t size;
    void *at;
    struct mach_place place; // where the guest sees it
};

// One for each record of section REGION.
struct region {
    struct device *device;
    struct mach_cfg_rec rec;
    uint64_t size;   // as the host has it; 0: not there
    uint64_t offset; // of its first byte in fd
    int fd;          // to read and write it with; -1: none
    uint32_t flags;  // VFIO_REGION_INFO_FLAG_*
    struct area *area;
    uint32_t areas;
    bool trapped;
    struct mach_trap trap;
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
    struct pump *pump; // UIO: the thread that makes an eventfd of it
};

struct msi {
    uint32_t index, count;
    int *fd;
    bool master; // the function is a bus master only for them
};

// One for each record of section DEVICE.
struct device {
    uint32_t index;
    struct mach_cfg_rec rec;
    const char *name;
    const char *sysfs; // its name on its bus; "": none
    const struct bus *bus;
    bool vfio; // is opened through VFIO
    uint32_t group;
    struct group *g;
    struct context *context;
    int fd;
    bool attached;
    uint32_t vfio_flags, num_regions, num_irqs;
    char driver[64], override[64]; // that it had: "" for none
    bool unbound, overridden, probed;
    uint64_t config_offset; // PCI: of its config space in fd
    uint32_t config_size;
    uint16_t command; // PCI: that it had
    bool master;      // PCI: it has been made a bus master
    struct msi msi;
};

// An IOMMU group.
struct group {
    uint32_t number;
    int fd;
    struct context *context;
    struct device *first; // the device that brought it in
    bool told;            // ops->device_file knows it
};

struct mapping {
    uint64_t iova, size;
    uint8_t *host;
    unsigned prot;
    struct region *region; // registers: host is known once they are mapped; NULL: memory
    uint64_t offset;       // in it
    bool bank;             // the registers of MSI bank `offset`
};

// Devices that reach the same: one container, or one IOAS.
struct context {
    uint64_t key;
    uint32_t number;
    struct device *first; // the device whose maps they are
    int fd;               // container
    bool typed;           // SET_IOMMU has been done
    uint32_t ioas;        // iommufd
    uint64_t page;        // smallest page of the IOMMU
    uint64_t available;   // mappings that may be made; UINT64_MAX: not known
    struct mach_range {
        uint64_t first, last;
    } * range;
    uint32_t ranges;
    struct mapping *map; // sorted by iova
    uint32_t maps;
    bool guest_owned;
    struct tree *tree; // the guest's mappings
    void *own;         // of the backend
};

// One for each record of section MEMORY.
struct memory {
    struct mach_cfg_rec rec;
    struct mach_memory m;
    bool dma;
    struct mach_place place;
};

struct undo {
    int (*fn)(struct mach_session *s, void *object, uint64_t arg);
    void *object;
    uint64_t arg;
    const char *what;
};

struct mach_session {
    const struct mach_config *config;
    const struct mach_cfg_file *f;
    struct mach_sys sys;
    struct mach_ops ops;
    void *opaque;
    bool has_ops;
    struct mach_options options;
    struct mach_error *error;
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

    struct undo *undo;
    uint32_t undos, undo_room;
    struct block *blocks; // of memory, see session_alloc()
    pthread_mutex_t lock; // mappings of guest IOMMUs
    struct of_index *of;
    char object[256];
};

/* ---- base.c ---- */

/* A session with its arrays, and nothing done; NULL with *error filled in. ops may be NULL. */
struct mach_session *session_new(const struct mach_config *config, const struct mach_options *options,
                                 const struct mach_ops *ops, void *opaque, struct mach_error *error);
/* Undoes everything and frees it. 0 or -1 with *error. */
int session_end(struct mach_session *s, struct mach_error *error);

/* Memory, zeroed, that lasts as long as the session; NULL after fail(). */
void *session_alloc(struct mach_session *s, uint64_t count, size_t size);

/* Fills in the error. `number` is an errno, positive or negative, or 0. Returns -1. */
int fail(struct mach_session *s, const char *step, int number, const char *object, const char *hint, ...)
    __attribute__((format(printf, 5, 6)));
/* A line for the log. */
void note(struct mach_session *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* An object's name, printed into the session's buffer, good until the next call. */
const char *object(struct mach_session *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *device_object(struct mach_session *s, const struct device *d);
/* A string of the config. */
const char *text(const struct mach_session *s, uint32_t offset);

/* Makes sure that the next undo_push() finds room: before the thing to be undone is done. 0, or -1 after fail(). */
int undo_room(struct mach_session *s);
void undo_push(struct mach_session *s, int (*fn)(struct mach_session *, void *, uint64_t), void *object, uint64_t arg,
               const char *what);
/* For fds: object is an int *, which is set to -1. */
int undo_close(struct mach_session *s, void *object, uint64_t arg);

/* ---- sysfs.c ---- */

enum { PATH_SIZE = 512 };

/* A path below sysfs, or dev. false: it is too long. */
bool sysfs_path(const struct mach_session *s, char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool dev_path(const struct mach_session *s, char *path, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The config's file names start with /dev/: where that is here. */
bool file_path(const struct mach_session *s, char *path, const char *file);
/* The path of an attribute of a device. */
bool device_path(const struct mach_session *s, char *path, const struct device *d, const char *attribute);
/* The last component of what a link points to: 0 or -errno. */
int link_name(const struct mach_session *s, const char *path, char *name, size_t size);
/* The first line of a file, without its line feed: 0 or -errno. */
int read_line(const struct mach_session *s, const char *path, char *line, size_t size);
/* Finds the bus that a device is on: 0 or -errno, -ENODEV when it is on none. */
int find_bus(struct mach_session *s, struct device *d);
/* The IOMMU group of a device: 0, -ENOENT when it has none, or -errno. */
int find_group(struct mach_session *s, const struct device *d, uint32_t *group);
/* Is an entry of `mask` of the list "0-3,5"? */
bool in_list(const char *list, uint32_t n);

/* ---- of.c: the host's own device tree, as sysfs shows it ---- */

/* Address and size of entry `index` of a device's reg: 0; -ENOENT: not to be seen; -errno. */
int of_reg(struct mach_session *s, const struct device *d, uint32_t index, uint64_t *address, uint64_t *size);
/* How many interrupts its node has: 0; -ENOENT: not to be seen; -errno. */
int of_irqs(struct mach_session *s, const struct device *d, uint32_t *count);

/* ---- the steps ---- */

/* expect.c. How many fail, or -1. */
int prove(struct mach_session *s, void (*report)(void *opaque, const struct mach_finding *f), void *opaque,
          struct mach_finding *first);
int step_expect(struct mach_session *s);

/* bind.c */
int step_bind(struct mach_session *s);
int undo_bind(struct mach_session *s, void *object, uint64_t arg);

/* groups.c */
int step_groups(struct mach_session *s);

/* open.c */
int step_backend(struct mach_session *s);
int step_open(struct mach_session *s);
/* Undone first of all: no device works on while what it uses is taken away. */
int step_quiesce(struct mach_session *s);
/* Lets PCI functions be bus masters, once all is mapped. */
int step_master(struct mach_session *s);
/* One of them at once, to be undone with the rest. 0 or -1. */
int make_master(struct mach_session *s, struct device *d);
/* Makes a PCI function a bus master, and undoes that: its command register is as it was. 0 or -errno. */
int master_on(struct mach_session *s, struct device *d);
int master_off(struct mach_session *s, struct device *d);

/* memory.c */
int step_memory(struct mach_session *s);
int step_place(struct mach_session *s);
/* Gives *p a slot and shows it to the guest; *p stays where it is until the session ends. */
int place(struct mach_session *s, struct mach_place *p, const char *who);

/* dma.c */
int step_windows(struct mach_session *s);
int step_map_memory(struct mach_session *s);
int step_map_regions(struct mach_session *s);

/* regions.c, files.c */
int step_regions(struct mach_session *s);
int file_region(struct mach_session *s, struct region *r, const char *file, uint64_t offset);

/* irqs.c */
int step_irqs(struct mach_session *s);
int irq_unmask(struct mach_session *s, struct irq *q);

/* uio.c */
int uio_irq(struct mach_session *s, struct irq *q);
int uio_start(struct mach_session *s, struct irq *q);
int uio_unmask(struct mach_session *s, struct irq *q);

/* msi.c: whatever the driver switches on later is switched off at the end. */
int step_msi(struct mach_session *s);

/* guestmap.c: what a guest IOMMU has mapped is unmapped at the end. */
int step_guest_maps(struct mach_session *s);

/* stash.c */
int step_stash(struct mach_session *s);

/* vmm.c */
int step_vmm(struct mach_session *s);

#endif
