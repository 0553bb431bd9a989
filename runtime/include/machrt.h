// SPDX-License-Identifier: MIT
/*
 * libmachrt: loads the machine that a guest.cfg describes, for a VMM or a driver in user space. For C and C++; other
 * languages bind the same functions. It needs libc and nothing else.
 *
 * Errors: every function that returns an int returns 0 or more on success and -errno on failure. Where a function takes
 * a `struct mach_error *`, which may be NULL, it fills that in as well.
 *
 * Structs: one that a caller allocates begins with `size`, which the caller sets to its sizeof. The library neither
 * reads nor writes beyond that. A `size` smaller than that of the first release is refused (-EINVAL), a longer struct,
 * of a newer header, is accepted as long as what this library does not know is zero (-E2BIG). Structs without a `size`
 * are allocated by the library and grow at the end only.
 *
 * Threads: there is no global state. Any number of threads may use any number of configs and sessions. An open config
 * is only read. A session is started and stopped by one thread at a time; in between, each function says which threads
 * may call it.
 */
#ifndef MACHRT_H
#define MACHRT_H

#include "machcfg.h"
#include "machrt_sys.h"

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this header. docs/runtime.md says what it promises. */
#define MACHRT_VERSION_MAJOR 0
#define MACHRT_VERSION_MINOR 2
#define MACHRT_VERSION_PATCH 0
#define MACHRT_VERSION       "0.2.0"

/* The version of the library that is running, as MACHRT_VERSION. Never NULL. Any thread. */
MACHRT_API const char *mach_version(void);

/* ---- errors ---- */

/* What failed, on what, why, and what can be done about it. Initialise it with MACH_ERROR_INIT. */
struct mach_error {
    size_t size; // sizeof(struct mach_error), set by the caller; a struct that is too small is not written
    const char
        *step;  // "open", "read", "verify", "policy", "arguments"; of a session: see mach_session_start(). A constant
    int number; // errno of the failure; 0: there is none, the file or the host is wrong
    const char *name; // of step "verify": one word for what is wrong, "CHECKSUM". A constant. Else NULL
    uint64_t offset;  // of step "verify": where in the file, in bytes
    char object[256]; // "guest.cfg: device 3, parent"
    char hint[768];   // one sentence, or a few
};
#define MACH_ERROR_INIT                                                                                                \
    {                                                                                                                  \
        sizeof(struct mach_error), NULL, 0, NULL, 0, "", ""                                                            \
    }

/*
 * Writes the error as one line of text, "STEP: OBJECT: HINT: REASON [NAME at OFFSET]", without a line feed, and with ?
 * for control characters. Parts that the error does not have are left out. Like snprintf(3): at most `size` bytes with
 * the NUL; the length of the whole text is returned. Any thread.
 */
MACHRT_API int mach_error_text(const struct mach_error *error, char *text, size_t size);

/* Prints "PROGRAM: ", unless `program` is NULL, the text above and a line feed to `out`. Any thread. */
MACHRT_API void mach_error_print(const struct mach_error *error, const char *program, FILE *out);

/* ---- configs ---- */

/* A verified config: every index and every string in it can be trusted. */
struct mach_config;

/*
 * Reads and verifies a guest.cfg. The bytes are copied, so a later change of the file has no effect. The caller ends
 * the config with mach_config_close(). Any thread.
 *
 * 0, or an error, and *config is NULL: -errno of open(2) or read(2); -EINVAL not a regular file; -ENOMEM; -EBADMSG not
 * a valid guest.cfg (step "verify").
 */
MACHRT_API int mach_config_open(const char *path, struct mach_config **config, struct mach_error *error);

/*
 * The same for `size` bytes in memory. They are used in place and must neither change nor be freed before
 * mach_config_close(). Messages call them `name`. 0, -ENOMEM or -EBADMSG. Any thread.
 */
MACHRT_API int mach_config_from_memory(const char *name, const void *bytes, size_t size, struct mach_config **config,
                                       struct mach_error *error);

/* Frees a config; NULL is allowed. No session of it may be left. */
MACHRT_API void mach_config_close(struct mach_config *config);

/*
 * The sections, for the functions of machcfg.h. They belong to the config. Never NULL. Any thread.
 *
 *     const struct mach_cfg_file *f = mach_config_file(config);
 *     for (uint32_t i = 0; i < mach_cfg_count(f, MACH_CFG_S_DEVICE); i++)
 *         puts(mach_cfg_string(f, mach_cfg_device_name(mach_cfg_record(f, MACH_CFG_S_DEVICE, i))));
 */
MACHRT_API const struct mach_cfg_file *mach_config_file(const struct mach_config *config);

/*
 * The record with a name, as the description gives it: of guest memory, an interrupt controller, a device; of a region
 * or an interrupt of `device` (record of section DEVICE), whose names come from reg-names and interrupt-names. The
 * first one, where several have it; MACH_CFG_NONE where none has it. Time grows with the number of records. Any thread.
 */
MACHRT_API uint32_t mach_config_find_memory(const struct mach_config *config, const char *name);
MACHRT_API uint32_t mach_config_find_irqchip(const struct mach_config *config, const char *name);
MACHRT_API uint32_t mach_config_find_device(const struct mach_config *config, const char *name);
MACHRT_API uint32_t mach_config_find_region(const struct mach_config *config, uint32_t device, const char *name);
MACHRT_API uint32_t mach_config_find_irq(const struct mach_config *config, uint32_t device, const char *name);

/* What a VM needs for a config, besides what mach_session_start() makes. Initialise `size`. */
struct mach_vm {
    size_t size;           // sizeof(struct mach_vm), set by the caller
    uint32_t cpus;         // vcpus: records of section CPU
    uint32_t address_bits; // of the highest guest address of memory and regions; arm64: at least this for KVM_CREATE_VM
    uint32_t slots;        // memory slots: one for each memory, and for each region that is mapped in one piece
    uint32_t gsis;         // interrupts: how many mach_config_gsis() lists
};

/*
 * Tells what a VM needs, before it is made. A region of which VFIO lets only parts be mapped takes a slot for each
 * part: mach_session_slots() knows them all, once the session is started. 0; -EINVAL, -E2BIG: a bad `size`. Any thread.
 */
MACHRT_API int mach_config_vm(const struct mach_config *config, struct mach_vm *vm);

/* An interrupt as KVM has it: pin `line` of the controller `chip` (record of section IRQCHIP) is number `gsi`. */
struct mach_gsi {
    uint32_t gsi, chip, line;
    int level; // 1: level-triggered
};

/*
 * Lists the GSIs that the config uses, rising, each once, also those of emulated devices: at most `max` of them are
 * stored. Returns how many there are. For a VMM that calls KVM_SET_GSI_ROUTING itself: each call replaces the table, so
 * that lines which are not in it are dead. -ENOMEM. Any thread.
 */
MACHRT_API int64_t mach_config_gsis(const struct mach_config *config, struct mach_gsi *gsis, uint32_t max);

/*
 * Pins the calling thread to the host cpu of a vcpu (record of section CPU), as `cpus on` says. 0, also where the
 * config leaves the vcpu free; -ENOENT: there is no such vcpu; -EINVAL: the host has no such cpu, or the process may
 * not use it. Any thread.
 */
MACHRT_API int mach_config_pin(const struct mach_config *config, uint32_t vcpu);

/*
 * Checks that `size` bytes at `dtb` are the guest.dtb that was written together with the config: another one may
 * describe another machine. Call it before anything is added to the tree. 0; -EBADMSG: it is not. Any thread.
 */
MACHRT_API int mach_config_dtb(const struct mach_config *config, const void *dtb, size_t size,
                               struct mach_error *error);

/* Writes the JSON view (docs/guest-cfg.md). ferror(out) says whether that worked. Any thread. */
MACHRT_API void mach_config_json(const struct mach_config *config, FILE *out);

/* Writes what the config contains, for people. ferror(out) says whether that worked. Any thread. */
MACHRT_API void mach_config_show(const struct mach_config *config, FILE *out);

/* ---- expectations ---- */

enum mach_proof {
    MACH_PROOF_HOLDS,  // the host is as the compiler expected
    MACH_PROOF_FAILS,  // it is not
    MACH_PROOF_UNKNOWN // the kernel does not show it; a session checks it once the device is open
};

/* The result for one expectation. Control characters in its texts are ?. */
struct mach_finding {
    enum mach_proof proof;
    uint32_t expect;  // record of section EXPECT; MACH_CFG_NONE: it follows from a record of section MEMORY
    char object[256]; // "device rtc: region 0"
    char text[512];   // what was found, and what to do about it; "" when it holds
};

/* ---- what a session asks of a VMM ---- */

struct mach_session;

/* One region of guest memory. */
struct mach_memory {
    uint32_t index;   // record of section MEMORY
    const char *name; // part of the config
    uint64_t address; // guest physical address
    uint64_t size;    // bytes
    void *at;         // in this process; NULL in ops->memory, which sets it
    int fd;           // memfd, hugetlb or file that is mapped in one piece, to share with a helper process; -1: none
    uint64_t offset;  // in fd
    int readonly;
    uint64_t
        host; // physical address on the host, where it is one piece, stays there and is proven; MACH_CFG_NONE64: not
};

/* One piece of the guest's address space that is backed by `at` in this process: memory or device registers. */
struct mach_place {
    uint32_t slot;    // counted from 0, different for every piece
    uint64_t address; // guest physical address, a multiple of the page size
    uint64_t size;    // bytes, a multiple of the page size
    void *at;
    int readonly;
    int is_memory; // 1: guest memory, record `index` of section MEMORY; 0: part of record `index` of section REGION
    uint32_t index;
    int own; // private to mach_kvm_ops(): the VMM's own ops have it
};

/*
 * A range whose accesses exit to the VMM, which forwards them: with mach_session_access(), or with mach_region_read()
 * and mach_region_write().
 */
struct mach_trap {
    uint32_t region;  // record of section REGION
    uint64_t address; // guest physical address
    uint64_t offset;  // of its first byte in the region
    uint64_t size;    // bytes
};

/* One interrupt on its way to the guest. */
struct mach_link {
    uint32_t irq;  // record of section IRQ
    uint32_t chip; // record of section IRQCHIP
    uint32_t line; // at the chip
    uint32_t gsi;  // KVM's number; MACH_CFG_NONE: cannot be an irqfd
    int level;     // 1: level-triggered
    int fd;        // eventfd that is signalled when the interrupt fires
    int unmask_fd; // level: eventfd to signal when the guest has ended the interrupt; -1: none
    int own;       // private to mach_kvm_ops(): the VMM's own ops have it
};

/*
 * What a VMM does for a session. Each function returns 0 or -errno. `opaque` is what mach_session_start() was given;
 * with mach_kvm_ops() that is a struct mach_kvm, and the functions of mach_kvm.own get mach_kvm.own_opaque. A NULL
 * function is a step that is not needed, except where a comment says otherwise. mach_session_start() calls them from
 * its own thread in this order, and mach_session_stop() from its own calls the undo functions in reverse:
 *
 *     prepare, memory, device_file, trap, place, irqchip, routes, emulated, irq_source, connect
 *
 * When mach_session_start() fails, it has undone what it did before it returns. Structs that are passed to `place`,
 * `trap` and `connect` stay where they are until after their undo.
 */
struct mach_ops {
    size_t size; // sizeof(struct mach_ops), set by the caller
    /* First of all: can this VMM run the config? On failure *why may be set to a sentence for the error's hint. */
    int (*prepare)(void *opaque, const struct mach_cfg_file *f, const char **why);
    /* Make the interrupt controller of a record of section IRQCHIP. */
    int (*irqchip)(void *opaque, const struct mach_cfg_file *f, uint32_t chip);
    void (*irqchip_undo)(void *opaque, const struct mach_cfg_file *f, uint32_t chip);
    /* Route every GSI that the config uses, all at once. */
    int (*routes)(void *opaque, const struct mach_cfg_file *f);
    /*
     * Make an emulated device: a record of section DEVICE, with its regions and interrupts. -ENOTSUP: the VMM has no
     * such device, at this address and line. Required for a machine with emulated devices: without an answer the guest
     * would wait for a device that nobody is.
     */
    int (*emulated)(void *opaque, const struct mach_cfg_file *f, uint32_t device);
    void (*emulated_undo)(void *opaque, const struct mach_cfg_file *f, uint32_t device);
    /*
     * Provide guest memory that the VMM has already: set m->at, which must stay mapped and populated until after
     * mach_session_stop(); if it is a memfd, m->fd and m->offset, too. The session proves what the record says of it:
     * of memory whose address on the host counts (MACH_CFG_BACKING_CONTIGUOUS, _PHYSICAL, _HEAP), that it is there and
     * one piece, and pins it. -ENOSYS, or a NULL function: the session allocates the memory itself.
     */
    int (*memory)(void *opaque, struct mach_memory *m);
    /* A VFIO group or device was opened; KVM must be told before the device is attached. */
    int (*device_file)(void *opaque, int fd);
    void (*device_file_undo)(void *opaque, int fd);
    /* Map `p` into the guest's address space. Required for a machine with memory. */
    int (*place)(void *opaque, const struct mach_place *p);
    void (*place_undo)(void *opaque, const struct mach_place *p);
    /* Let accesses exit. Required for a machine with trapped regions, unless MACH_ACCESS is set. */
    int (*trap)(void *opaque, struct mach_session *session, const struct mach_trap *t);
    void (*trap_undo)(void *opaque, struct mach_session *session, const struct mach_trap *t);
    /*
     * An interrupt that no kernel interface delivers (an entry of an interrupt-map): set *fd to an eventfd of the VMM's
     * that is signalled when it fires. -ENOSYS, or a NULL function: the machine cannot start.
     */
    int (*irq_source)(void *opaque, const struct mach_cfg_file *f, uint32_t irq, int *fd);
    /* Deliver an interrupt to the guest. Required for a machine with interrupts. */
    int (*connect)(void *opaque, const struct mach_link *l);
    void (*disconnect)(void *opaque, const struct mach_link *l);
};

/* ---- sessions ---- */

enum mach_backend {
    MACH_BACKEND_AUTO,    // IOMMUFD where the host has it and it can do what the config needs, else GROUP
    MACH_BACKEND_IOMMUFD, // /dev/iommu and /dev/vfio/devices/vfioN
    MACH_BACKEND_GROUP,   // /dev/vfio/vfio and /dev/vfio/N, type 1 version 2
    MACH_BACKEND_SPAPR,   // the same nodes, sPAPR TCE version 2
    MACH_BACKEND_NOIOMMU, // /dev/vfio/noiommu-N: no device gets a mapping; AUTO never chooses it
    MACH_BACKEND_PAMU     // vendor kernels of Freescale SoCs; AUTO never chooses it
};

/* Flags of struct mach_options. */
enum {
    MACH_NO_BIND = 1,     // devices are bound to their VFIO drivers already; fail if not, change no driver
    MACH_NO_PROOF = 2,    // do not check the expectations: mach_config_check() was called a moment ago
    MACH_NO_POPULATE = 4, // do not fault memory in before it is mapped for DMA
    MACH_ACCESS = 16,     // the VMM calls mach_session_access() for what no device of its own answers
    MACH_DRY_RUN = 8      // `sys` only pretends, as that of `machrt plan`: memory is neither touched nor looked at
};

struct mach_options {
    size_t size;                // sizeof(struct mach_options), set by the caller
    const struct mach_sys *sys; // copied; NULL: mach_sys_linux()
    enum mach_backend backend;
    unsigned flags;   // MACH_NO_...
    unsigned threads; // that populate memory, 16 at most; 0: one for each cpu that is online
    /*
     * Called with one line for each thing done, and for each failure while undoing; and, from the thread that calls
     * mach_region_write(), with a line that begins with "refused: ". Control characters are ?. May be NULL.
     */
    void (*log)(void *opaque, const char *line);
    /*
     * mach_session_start(): called for each expectation that does not hold, before it fails. mach_config_check(): for
     * every expectation, in the order of the config, and for memory whose place on the host counts. `finding` is valid
     * during the call. May be NULL.
     */
    void (*finding)(void *opaque, const struct mach_finding *finding);
    void *opaque; // first argument of the two functions
};

/*
 * Checks every expectation of the config on this host, and whether it has the memory that the config asks for at
 * certain addresses, for a guest; changes nothing. Of `options`, which may be NULL, it uses sys, finding and opaque.
 * Returns how many of them fail, 0 when all hold or cannot be seen. -ENOMEM; -EINVAL, -E2BIG: a struct with a bad
 * `size` (step "arguments"). Any thread.
 */
MACHRT_API int mach_config_check(const struct mach_config *config, const struct mach_options *options,
                                 struct mach_error *error);

/* ---- policies ---- */

/* What configs may name on this host: a text that its administrator wrote (docs/runtime.md#policy). */
struct mach_policy;

/*
 * Reads a policy. The caller ends it with mach_policy_close(). Any thread.
 *
 * 0, or an error of step "policy", and *policy is NULL: -errno of open(2) or read(2); -EINVAL not a regular file;
 * -EPERM it belongs to neither root nor the caller, or others can write it; -EFBIG more than 1 MiB; -ENOMEM; -EBADMSG a
 * line that is no line of a policy: error->object is "FILE:LINE:COLUMN".
 */
MACHRT_API int mach_policy_open(const char *path, struct mach_policy **policy, struct mach_error *error);

/* The same for `size` bytes of text, which are copied. Messages call them `name`. 0, -ENOMEM or -EBADMSG. Any thread.
 */
MACHRT_API int mach_policy_from_memory(const char *name, const void *text, size_t size, struct mach_policy **policy,
                                       struct mach_error *error);

/* Frees a policy; NULL is allowed. */
MACHRT_API void mach_policy_close(struct mach_policy *policy);

/*
 * Holds what a config names against a policy. Call it before mach_session_start() and mach_config_bind() where the
 * config comes from someone who may not have all of the host. It opens nothing; it follows the links of paths, and
 * reads what sysfs says of devices. Of `options`, which may be NULL, it uses sys, finding and opaque: finding() is
 * called for each thing that is not allowed, with the line that is missing. Returns how many there are. -EINVAL,
 * -E2BIG: a struct with a bad `size` (step "arguments"), or a device whose name is none (step "expect"); -ENOMEM;
 * -errno: where a path leads cannot be seen (step "policy"). Takes time for each line of the policy and each thing. Any
 * thread.
 */
MACHRT_API int mach_policy_check(const struct mach_policy *policy, const struct mach_config *config,
                                 const struct mach_options *options, struct mach_error *error);

/*
 * Writes the policy that a config needs on this host, to be reviewed. Of `options`, which may be NULL, it uses sys.
 * ferror(out) says whether writing worked. 0, or an error as those of mach_policy_check(). Any thread.
 */
MACHRT_API int mach_policy_print(const struct mach_config *config, const struct mach_options *options, FILE *out,
                                 struct mach_error *error);

/*
 * Finds the free huge pages of the host that lie side by side: what memory `from contiguous` can be taken from. Calls
 * each() for every run that nobody has mapped, in rising order, with the bytes of one page, the host address where the
 * run begins, and its bytes. They are free, unless a process holds some without a mapping. `sys` may be NULL. Takes
 * time for each page of the host's memory: 1 ms for 100 MiB. 0; -ENOENT: the kernel does not show them
 * (CONFIG_PROC_PAGE_MONITOR); -EACCES, -EPERM: it does so only to root; -EINVAL, -E2BIG: `sys` has a bad `size`;
 * -errno. Any thread.
 */
MACHRT_API int mach_free_huge_pages(const struct mach_sys *sys,
                                    void (*each)(void *opaque, uint64_t page, uint64_t first, uint64_t size),
                                    void *opaque);

/*
 * Starts the machine that a config describes: all of it or nothing. On failure drivers, file descriptors and mappings
 * are as they were, and whatever `ops` did is undone.
 *
 *   config   must stay open until after mach_session_stop()
 *   options  NULL: all defaults. Copied
 *   ops      the VMM; NULL: none, a driver in user space uses regions and eventfds itself. Copied
 *   opaque   first argument of the functions in `ops`
 *   session  *session is the new session, to be ended with mach_session_stop(); NULL on failure
 *
 * 0, or -errno of what failed; -ENODEV where the host is not what the compiler expected (step "expect"); -EBUSY where
 * another session has bytes of a file, physical memory or an interrupt that the config names; -EINVAL, -E2BIG a struct
 * with a bad `size`. error->step is one of
 *   arguments a struct with a bad `size`
 *   expect    the host is not what the compiler expected (options->finding gets all failures)
 *   backend   no VFIO interface of the host can do this
 *   bind      a device could not be given to its VFIO driver
 *   group     a member of an IOMMU group belongs to someone else
 *   open      a VFIO node, a device or a group could not be opened
 *   reset     a required reset failed
 *   memory    guest memory
 *   window    a DMA window does not fit the host's IOMMU
 *   map       a DMA mapping was refused
 *   region    a device region
 *   irq       an interrupt
 *   stash     a stash target
 *   vmm       one of `ops` failed
 *   undo      of mach_session_stop(): something could not be undone
 */
MACHRT_API int mach_session_start(const struct mach_config *config, const struct mach_options *options,
                                  const struct mach_ops *ops, void *opaque, struct mach_session **session,
                                  struct mach_error *error);

/*
 * The same in two parts, for a VMM that does something in between: makes its vcpus, or loads a kernel.
 * mach_session_prepare() does all up to step `memory`: it proves the host, binds devices, and provides guest memory.
 * Of `ops` it calls `prepare` and `memory`. mach_session_connect() does the rest, from `open` on. Arguments, results
 * and errors are those of mach_session_start().
 *
 * In between, these functions may be called: mach_session_memory(), mach_session_at(), mach_session_dtb(),
 * mach_session_load(), mach_session_stop(). Where mach_session_connect() fails, what it did is undone, and the
 * session is to be ended with mach_session_stop(); a second call is -EALREADY.
 */
MACHRT_API int mach_session_prepare(const struct mach_config *config, const struct mach_options *options,
                                    const struct mach_ops *ops, void *opaque, struct mach_session **session,
                                    struct mach_error *error);
MACHRT_API int mach_session_connect(struct mach_session *session, struct mach_error *error);

/*
 * Undoes everything that mach_session_start() did, in reverse, and frees the session; NULL is allowed. No other thread
 * may be using it. 0, or -errno of the first thing that could not be undone (step "undo"): everything else was.
 */
MACHRT_API int mach_session_stop(struct mach_session *session, struct mach_error *error);

/* The interface that a session uses; MACH_BACKEND_AUTO: none, no device needs one. Any thread. */
MACHRT_API enum mach_backend mach_session_backend(const struct mach_session *session);
/* "auto", "iommufd", "group", ...; "?" for a number that is no backend. A constant. Any thread. */
MACHRT_API const char *mach_backend_name(enum mach_backend backend);

/* Guest memory `memory` (record of section MEMORY); NULL: no such record. It belongs to the session. Any thread. */
MACHRT_API const struct mach_memory *mach_session_memory(const struct mach_session *session, uint32_t memory);

/*
 * Where `size` bytes of the guest's address space from `address` on are in this process: part of one guest memory, to
 * be read, and with `write` to be written. NULL: they are not inside of one, or it is read-only. The pointer is good
 * until mach_session_stop(). Takes log n steps for n memories. Any thread.
 */
MACHRT_API void *mach_session_at(const struct mach_session *session, uint64_t address, uint64_t size, int write);

/* How many memory slots the session has: from mach_kvm.first_slot on. Any thread, once it is started. */
MACHRT_API uint32_t mach_session_slots(const struct mach_session *session);

/* What a guest boots with, and where it is. Initialise `size`. */
struct mach_load {
    size_t size;           // sizeof(struct mach_load), set by the caller
    const void *kernel;    // an Image, as arm64 and riscv64 boot it
    size_t kernel_size;    // bytes
    const void *initramfs; // NULL: none
    size_t initramfs_size; // bytes
    uint64_t entry;        // out: guest address of the kernel's first instruction
    uint64_t dtb;          // out: guest address of the tree
};

/*
 * Loads kernel, tree and initramfs into guest memory. The kernel is at the start of the first memory that is the
 * guest's own, the tree at the end of it, each at a multiple of 2 MiB; the initramfs where /chosen of the tree has
 * linux,initrd-start and linux,initrd-end: the description decides about that address as about every other. `tree` is
 * `size` bytes of guest.dtb, which mach_session_dtb() has completed; the VMM may have added to it since.
 *
 * 0; -EINVAL no tree, or no Image; the tree has a place for an initramfs and there is none, or the reverse; -ENOSPC
 * they do not fit, or overlap; error->object names which. Before the guest runs, by one thread.
 */
MACHRT_API int mach_session_load(struct mach_session *session, struct mach_load *load, const void *tree, size_t size,
                                 struct mach_error *error);

/*
 * Completes the guest.dtb of the config, `size` bytes at `dtb`: checks that it is the one (mach_config_dtb()), and
 * writes into it what only this session knows: device addresses of memory, where no IOMMU translates (section PATCH). A
 * VMM calls it before it adds anything to the tree, and before the guest runs; a config without such memory leaves the
 * tree as it is. 0; -EBADMSG: it is another tree. Any thread.
 */
MACHRT_API int mach_session_dtb(const struct mach_session *session, void *dtb, size_t size, struct mach_error *error);

/*
 * Where a device region (record of section REGION) is mapped in this process; NULL: nowhere as a whole, because it is
 * trapped, has holes, is a shadow, or does not exist. *size, where `size` is not NULL: its bytes as the host has it, 0
 * when it does not exist (an absent BAR). The mapping belongs to the session. Any thread.
 */
MACHRT_API void *mach_session_region_ptr(const struct mach_session *session, uint32_t region, uint64_t *size);

/*
 * Reads from, or writes to, a device region, mapped or trapped. `size` is 1 to 8 bytes, in the host's byte order. An
 * access of 1, 2, 4 or 8 bytes whose address is a multiple of its size is one access to the device; others are made of
 * such accesses, in rising order, the widest that fit. Of an fsl-mc device's portal `size` is 64 and `offset` 0: a
 * command is written, and its answer read, as eight little-endian words. Any thread; accesses of different threads are
 * not ordered.
 *
 * A shadow (MACH_CFG_REGION_SHADOW) has the host's registers of 4 bytes: reads give the host's value; of a write of 4
 * bytes the bits that section WRITE lists for the register reach it, in one access and without a gap between two
 * threads. Where it would change other bits, these stay as they are, -EACCES is returned, and options->log is called
 * once for each register, from this thread.
 *
 * 0; -EINVAL another size, or a write to a shadow that is not aligned; -ERANGE not inside the region as a whole; -ENXIO
 * it does not exist; -EACCES the kernel does not let it be read, or written; bits of a shadow that the guest may not
 * write: all others were written; -EIO part of the access was carried out; -errno of pread(2), pwrite(2). After an
 * error, a part of an access that is made of several may have been carried out.
 */
MACHRT_API int mach_region_read(struct mach_session *session, uint32_t region, uint64_t offset, void *value,
                                size_t size);
MACHRT_API int mach_region_write(struct mach_session *session, uint32_t region, uint64_t offset, const void *value,
                                 size_t size);

/*
 * Serves an access of the guest to a trapped region, at a guest physical address: KVM_EXIT_MMIO is
 * `mach_session_access(session, run->mmio.phys_addr, run->mmio.data, run->mmio.len, run->mmio.is_write)`. A VMM calls
 * it for accesses that none of its own devices answers, and sets MACH_ACCESS. `data` has the bytes as the guest's cpu
 * wrote them, or gets them; after an error of a read it has ones, as on a bus where nothing answers.
 *
 * 0; -ENXIO there is no trapped region; else as mach_region_read(). Takes log n steps for n regions. Any thread.
 */
MACHRT_API int mach_session_access(struct mach_session *session, uint64_t address, void *data, size_t size, int write);

/*
 * The configuration space of a PCI function (record of section DEVICE), as VFIO shows it: a guest can write BARs and
 * read their sizes, and nothing moves on the host. For a VMM whose guest has a PCI bus. `size` is 1, 2 or 4 bytes,
 * `offset` a multiple of it; values are in the host's byte order. Of a function that does no DMA (`dma none`) a write
 * does not change Bus Master Enable: it is set while MSIs are. Any thread.
 *
 * 0; -ENXIO not an open PCI function; -EINVAL a size or an offset other than these; -ERANGE outside of the space;
 * -ENODEV VFIO has none; -EIO part of the access was carried out; -errno of pread(2), pwrite(2).
 */
MACHRT_API int mach_pci_read(struct mach_session *session, uint32_t device, uint32_t offset, uint32_t size,
                             uint32_t *value);
MACHRT_API int mach_pci_write(struct mach_session *session, uint32_t device, uint32_t offset, uint32_t size,
                              uint32_t value);

/*
 * The eventfd (of a `raw` device: the UIO file) that becomes readable when interrupt `irq` (record of section IRQ)
 * fires; -ENXIO: it has none (dropped, emulated). It belongs to the session. Any thread.
 */
MACHRT_API int mach_session_irq_fd(const struct mach_session *session, uint32_t irq);

/*
 * The kernel masks a level interrupt when it fires. This lets the next one through; call it when the device no longer
 * asserts the line. No effect on an edge. With `ops`, KVM does this. Any thread. 0; -ENXIO the interrupt has no
 * eventfd; -errno of VFIO_DEVICE_SET_IRQS or write(2).
 */
MACHRT_API int mach_session_irq_unmask(struct mach_session *session, uint32_t irq);

/*
 * After a reset of the guest: unmasks all level interrupts, so that asserted ones fire again. While no vcpu runs.
 * 0, or -errno of the first that failed, as above.
 */
MACHRT_API int mach_session_rearm(struct mach_session *session);

/*
 * The VFIO device file of a device (record of section DEVICE), for what this library does not do; -ENXIO: it has none.
 * It belongs to the session. Any thread.
 */
MACHRT_API int mach_session_device_fd(const struct mach_session *session, uint32_t device);

/*
 * An eventfd that becomes readable when a PCI function (record of section DEVICE) is to go, or has failed: the kernel
 * wants it back, since somebody unbinds or unplugs it, or PCIe has met an error that it could not correct. The kernel
 * waits until the function is closed: stop the guest and call mach_session_stop(), which succeeds although the function
 * may not answer any more. Until then accesses may return -EIO, or ones. -ENXIO: no open PCI function; other buses have
 * no such event. It belongs to the session. Any thread.
 */
MACHRT_API int mach_session_gone_fd(const struct mach_session *session, uint32_t device);

/*
 * Enables MSI (msix = 0) or MSI-X (1) of a PCI function: `count` new eventfds, 1 to 2048, are stored in fds[] and armed
 * with one call. A function has one kind of interrupt active at a time: INTx links of the config must be dropped. The
 * eventfds belong to the session until mach_session_msi_disable() or mach_session_stop(). One thread at a time.
 *
 * 0; -ENOSPC fewer vectors are available, *granted says how many: call it again with that; -EBUSY they are enabled
 * already, or the config links one; -ENXIO no open PCI function, or it has none; -EINVAL `count`; -ENOMEM; -errno of
 * eventfd(2) or VFIO_DEVICE_SET_IRQS.
 */
MACHRT_API int mach_session_msi_enable(struct mach_session *session, uint32_t device, int msix, uint32_t count,
                                       int *fds, uint32_t *granted);
/* Disables them and closes the eventfds. 0, also when none are enabled; -ENXIO; -errno as above. */
MACHRT_API int mach_session_msi_disable(struct mach_session *session, uint32_t device);

/* ---- a guest-visible IOMMU ---- */

enum { MACH_DMA_READ = 1, MACH_DMA_WRITE = 2 }; // what the device may do

/*
 * Maps [iova, iova + size) of a device's DMA domain (record `dma` of section DMA, mode guest-iommu) to this process's
 * memory at `host`, or removes such mappings. Devices that share an IOMMU group share page tables: what each of them
 * maps at an address must be the same, and goes when the last of them unmaps it. All backends behave the same. Any
 * thread.
 *
 *   iova, size, host   multiples of the IOMMU's smallest page; size not 0; `host` in one piece of guest memory
 *   prot               MACH_DMA_READ, MACH_DMA_WRITE or both
 *   unmapped           may be NULL; *unmapped: how many bytes were unmapped
 *
 * Unmapping removes every mapping of the domain inside the range. A range that would cut one in two is refused with
 * -EINVAL and nothing changes; one without mappings is fine.
 *
 * 0; -EINVAL alignment or mode; -ERANGE outside of the domain's window or of what the IOMMU can translate; -EEXIST
 * the domain has mapped a part of it already, or another device of the group otherwise; -EFAULT not inside guest
 * memory (mach_session_memory()) as a whole; -EACCES memory that no device reaches (MACH_CFG_MEMORY_NO_DMA), or, with
 * MACH_DMA_WRITE, read-only memory; -ENOMEM the limit of locked memory is reached; -ENOSPC too many mappings; -errno
 * of the kernel's calls.
 */
MACHRT_API int mach_dma_map(struct mach_session *session, uint32_t dma, uint64_t iova, uint64_t size, void *host,
                            unsigned prot);
MACHRT_API int mach_dma_unmap(struct mach_session *session, uint32_t dma, uint64_t iova, uint64_t size,
                              uint64_t *unmapped);

/*
 * The device addresses that the domain can use: stores the ranges first[i] to last[i], inclusive, at most `max` of
 * them. Returns how many there are, 0 also for a `dma` of another mode. Any thread.
 */
MACHRT_API uint32_t mach_dma_ranges(const struct mach_session *session, uint32_t dma, uint64_t *first, uint64_t *last,
                                    uint32_t max);

/* ---- drivers ---- */

/*
 * Binds the config's devices to their VFIO drivers, or back to the drivers that they had, without a session. Binding is
 * all or nothing; unbinding goes on after a failure and reports the last one. `state` is a file that bind writes the
 * drivers to and unbind reads them from; NULL: none, and unbind lets the kernel choose. Of `options`, which may be
 * NULL, it uses sys, log, opaque and MACH_NO_BIND. 0, or -errno (step "bind", "expect" or "arguments"). One thread at a
 * time.
 */
MACHRT_API int mach_config_bind(const struct mach_config *config, const struct mach_options *options, FILE *state,
                                struct mach_error *error);
MACHRT_API int mach_config_unbind(const struct mach_config *config, const struct mach_options *options, FILE *state,
                                  struct mach_error *error);

/* ---- KVM ---- */

/* `opaque` of mach_kvm_ops(). It must stay where it is until after mach_session_stop(). */
struct mach_kvm {
    size_t size;                // sizeof(struct mach_kvm), set by the caller
    int vm;                     // the VM's fd
    const struct mach_sys *sys; // NULL: mach_sys_linux(); must outlive the session
    const struct mach_ops *own; // the VMM's own; may be NULL; must outlive the session
    void *own_opaque;
    uint32_t first_slot; // memory slots from here on are the session's
    int has_irqchip;     // 1: the VMM has made the interrupt controller itself
    int irqchip;         // out: fd of the controller's KVM device, 0 or less: none
    int vfio;            // out: fd of the kvm-vfio device, 0 or less: none
    uint32_t files;      // private: how many files the kvm-vfio device knows
    int own_vfio;        // fd of the VMM's own kvm-vfio device, which is used and never closed; 0 or less: none
    uint64_t own_chips;  // private: which controllers `own` has made
};

/*
 * `ops` for KVM: memory slots, interrupt controller, GSI routing, irqfds with resample, and the kvm-vfio device. The
 * VMM's own ops are asked first, each of them: where one is NULL or returns -ENOSYS, KVM does it. So a VMM keeps what
 * it has: its slots (`place`), its controller (`irqchip`, or has_irqchip), its routes, its irqfds (`connect`), its
 * kvm-vfio device (own_vfio; or `device_file`, which then has to answer for every file). Emulated devices, trapped
 * regions and lines without a GSI are the VMM's alone.
 *
 *     struct mach_kvm kvm = {.size = sizeof kvm, .vm = vm_fd, .own = &my_ops, .own_opaque = me};
 *     mach_session_start(config, NULL, mach_kvm_ops(), &kvm, &session, &error);
 *
 * Order: on arm64 the vcpus must exist before mach_session_start() (the vGIC is initialised for them); on riscv64 with
 * KVM's AIA as well, in the order of the config, and none may have run (each IMSIC gets its address); on x86 they are
 * made after it (KVM_CREATE_IRQCHIP comes first); on Power vcpus are connected to the MPIC (`irqchip`) after it. KVM
 * keeps an interrupt controller, and the kvm-vfio device, until the VM's fd is closed: a session that is to be started
 * again needs a new VM.
 *
 * Where the library was built for an architecture without KVM, `prepare` refuses with -ENOSYS. The table belongs to the
 * library and may be shorter or longer than this header's struct: do not copy it by assignment. Never NULL. Any thread.
 */
MACHRT_API const struct mach_ops *mach_kvm_ops(void);

#ifdef __cplusplus
}
#endif

#endif
