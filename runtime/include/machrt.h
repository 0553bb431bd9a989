// SPDX-License-Identifier: MIT
/*
 * libmachrt: what a VMM or a userspace driver does with a guest.cfg. For C and C++; needs nothing but libc.
 *
 * Functions that can fail return 0, or -1 after filling in *error (which may be NULL). Nothing here is global: any
 * number of threads may use any number of configs and sessions. A config that is open is only read; a session is
 * started and stopped by one thread at a time, and what each function says of threads holds in between.
 */
#ifndef MACHRT_H
#define MACHRT_H

#include "machcfg_file.h"
#include "machrt_sys.h"

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What failed: at which step, on what, why, and what can be done about it. */
struct mach_error {
    const char *step; // "open", "read", "verify"; of a session: see mach_session_start()
    int number;       // errno, or 0
    const char *name; // of a step "verify": what is wrong, in one word: "CHECKSUM". Else NULL
    uint64_t offset;  // of a step "verify": where in the file
    char object[256]; // "guest.cfg: device 3, parent"
    char hint[768];   // one sentence, or a few
};

/* A config that has been verified: what it holds may be trusted, every index and every string. */
struct mach_config;

/*
 * Reads and verifies a guest.cfg. The bytes are copied: a file that is changed while it is in use cannot hurt.
 * The caller ends it with mach_config_close(). Returns 0, or -1: *config is NULL then.
 */
int mach_config_open(const char *path, struct mach_config **config, struct mach_error *error);

/*
 * The same for a config that is in memory already. It is used in place and must neither change nor go away
 * before mach_config_close(). `name` stands for it in messages.
 */
int mach_config_from_memory(const char *name, const void *bytes, size_t size, struct mach_config **config,
                            struct mach_error *error);

/* Gives back what the two above took. NULL is fine. */
void mach_config_close(struct mach_config *config);

/*
 * The sections, for mach_cfg_record(), mach_cfg_string() and the accessors of machcfg.h:
 *
 *     const struct mach_cfg_file *f = mach_config_file(config);
 *     for (uint32_t i = 0; i < f->section[MACH_CFG_S_DEVICE].count; i++)
 *         puts(mach_cfg_string(f, mach_cfg_device_name(mach_cfg_record(f, MACH_CFG_S_DEVICE, i))));
 */
const struct mach_cfg_file *mach_config_file(const struct mach_config *config);

/*
 * Is this the guest.dtb that the config was made with, byte for byte? Both say what the guest has, and a tree of
 * another run may say otherwise. Check it before anything is added to it. 0, or -1: it is another one.
 */
int mach_config_dtb(const struct mach_config *config, const void *dtb, size_t size, struct mach_error *error);

/* Writes the JSON view (docs/guest-cfg.md). Whether the writing went well, ferror(out) says. */
void mach_config_json(const struct mach_config *config, FILE *out);

/* Writes what is in it, for people. */
void mach_config_show(const struct mach_config *config, FILE *out);

/* ---- expectations ---- */

enum mach_proof {
    MACH_PROOF_HOLDS,  // the host is as the compiler believed
    MACH_PROOF_FAILS,  // it is not
    MACH_PROOF_UNKNOWN // it cannot be seen from outside: a session proves it when the device is open
};

/* What became of one expectation. */
struct mach_finding {
    enum mach_proof proof;
    uint32_t expect;  // its record in the config
    char object[256]; // "device rtc: region 0"
    char text[512];   // what was found, and what to do about it; "" when it holds
};

/* ---- the VMM's side ---- */

struct mach_session;

/* One region of guest memory, record `index` of section MEMORY. */
struct mach_memory {
    uint32_t index;
    const char *name; // the config's, alive as long as it is
    uint64_t address; // guest physical address
    uint64_t size;    // bytes
    void *at;         // in this process; NULL in ops->memory, which is asked for it
    int fd;           // memfd, hugetlb, file: what is mapped, to share with a helper process; -1: none
    uint64_t offset;  // in it
    int readonly;
};

/* One piece of the guest's address space that `at` of this process shows through at: memory, or registers. */
struct mach_place {
    uint32_t slot;    // counted from 0: every piece has its own
    uint64_t address; // guest physical address, a multiple of the page size
    uint64_t size;    // bytes, a multiple of the page size
    void *at;
    int readonly;
    int is_memory; // guest memory `index`; otherwise a part of device region `index`
    uint32_t index;
};

/* Accesses that exit to the VMM, which forwards them with mach_region_read() and mach_region_write(). */
struct mach_trap {
    uint32_t region;  // record of section REGION
    uint64_t address; // guest physical address
    uint64_t offset;  // of its first byte in the region
    uint64_t size;    // bytes
};

/* One interrupt, record `irq` of section IRQ, on its way to the guest. */
struct mach_link {
    uint32_t irq;
    uint32_t chip; // record of section IRQCHIP
    uint32_t line; // at the chip
    uint32_t gsi;  // KVM's number; MACH_CFG_NONE: cannot be an irqfd
    int level;
    int fd;        // eventfd that counts up when it fires
    int unmask_fd; // level: an eventfd to write to when the guest has ended it; -1: none
};

/*
 * What a VMM does for a session. Each function returns 0 or -errno; an unset one is a step that is not needed, except
 * where it says otherwise. They are called by mach_session_start() and mach_session_stop(), in this order (and undone
 * in the reverse one), from the thread that called those:
 *
 *     device_file, memory, trap, place, irqchip, routes, emulated, irq_source, connect
 *
 * What mach_session_start() has done when it fails, it has undone before it returns.
 */
struct mach_ops {
    size_t size; // sizeof(struct mach_ops): what the caller was compiled with
    /* Make the interrupt controller of a record of section IRQCHIP. */
    int (*irqchip)(void *opaque, const struct mach_cfg_file *f, uint32_t chip);
    void (*irqchip_undo)(void *opaque, const struct mach_cfg_file *f, uint32_t chip);
    /* Route every GSI that the config uses, all at once. */
    int (*routes)(void *opaque, const struct mach_cfg_file *f);
    /* Make an emulated device: a record of section DEVICE, with its regions and interrupts. */
    int (*emulated)(void *opaque, const struct mach_cfg_file *f, uint32_t device);
    void (*emulated_undo)(void *opaque, const struct mach_cfg_file *f, uint32_t device);
    /*
     * Give guest memory that the VMM has already: sets m->at, which must stay mapped and populated until after
     * mach_session_stop(). -ENOSYS, or no function: the session makes the memory itself.
     */
    int (*memory)(void *opaque, struct mach_memory *m);
    /* A VFIO group or device was opened; KVM must know of it before the device is attached. */
    int (*device_file)(void *opaque, int fd);
    void (*device_file_undo)(void *opaque, int fd);
    /* Show `p` to the guest. Required for a machine with memory. */
    int (*place)(void *opaque, const struct mach_place *p);
    void (*place_undo)(void *opaque, const struct mach_place *p);
    /* Let accesses exit. Required for a machine with trapped regions. */
    int (*trap)(void *opaque, struct mach_session *session, const struct mach_trap *t);
    void (*trap_undo)(void *opaque, struct mach_session *session, const struct mach_trap *t);
    /*
     * An interrupt that no kernel interface gives (an entry of an interrupt-map): *fd is an eventfd of the VMM's that
     * fires with it. -ENOSYS, or no function: the machine cannot start.
     */
    int (*irq_source)(void *opaque, const struct mach_cfg_file *f, uint32_t irq, int *fd);
    /* Bring an interrupt to the guest. Required for a machine with interrupts. */
    int (*connect)(void *opaque, const struct mach_link *l);
    void (*disconnect)(void *opaque, const struct mach_link *l);
};

/* ---- sessions ---- */

enum mach_backend {
    MACH_BACKEND_AUTO,    // IOMMUFD where the host has it and it can do what the config wants, else GROUP
    MACH_BACKEND_IOMMUFD, // /dev/iommu and /dev/vfio/devices/vfioN
    MACH_BACKEND_GROUP,   // /dev/vfio/vfio and /dev/vfio/N, type 1 version 2
    MACH_BACKEND_SPAPR,   // the same nodes, sPAPR TCE version 2
    MACH_BACKEND_NOIOMMU, // /dev/vfio/noiommu-N: no device gets a mapping; never chosen by AUTO
    MACH_BACKEND_PAMU     // vendor kernels of Freescale SoCs; never chosen by AUTO
};

enum {
    MACH_NO_BIND = 1,    // devices are bound to their VFIO drivers already; fail if not, change no driver
    MACH_NO_PROOF = 2,   // do not prove the expectations first: mach_config_check() was called a moment ago
    MACH_NO_POPULATE = 4 // do not fault memory in before it is mapped for DMA
};

struct mach_options {
    size_t size;                // sizeof(struct mach_options): what the caller was compiled with
    const struct mach_sys *sys; // NULL: mach_sys_linux(). Copied
    enum mach_backend backend;
    unsigned flags;   // MACH_NO_...
    unsigned threads; // that populate memory; 0: one for each cpu that is online, 16 at most
    /* Called with a line for each thing done; and with what went wrong while undoing. May be NULL. */
    void (*log)(void *opaque, const char *line);
    /* Called for each expectation that does not hold, before the session fails. May be NULL. */
    void (*finding)(void *opaque, const struct mach_finding *finding);
    void *opaque; // of the two
};

/*
 * Proves every expectation of the config on this host and changes nothing. report(opaque, finding) is called for each
 * of them, in the order of the config; it may be NULL. `sys`: NULL for mach_sys_linux().
 * Returns how many fail: 0 when all hold or cannot be seen; -1 when there was no memory.
 */
int mach_config_check(const struct mach_config *config, const struct mach_sys *sys,
                      void (*report)(void *opaque, const struct mach_finding *finding), void *opaque);

/*
 * Starts the machine that a config describes: all or nothing. On failure everything is as it was found: drivers, file
 * descriptors, mappings, and what `ops` was asked to do is undone.
 *
 *   config   must stay open until after mach_session_stop()
 *   options  NULL: all 0
 *   ops      the VMM; NULL: none, a userspace driver uses the regions and eventfds itself. Copied
 *   opaque   first argument of its functions
 *
 * error->step is one of
 *   expect    the host is not what the compiler believed (options->finding has them all)
 *   backend   no VFIO interface of the host can do this
 *   bind      a device could not be given to its VFIO driver
 *   group     an IOMMU group has a member that is in other hands
 *   open      a VFIO node, a device or a group was refused
 *   reset     a reset that is required
 *   memory    guest memory
 *   window    a DMA window does not fit the host's IOMMU
 *   map       a DMA mapping was refused
 *   region    a device region
 *   irq       an interrupt
 *   stash     a stash target
 *   vmm       one of `ops` failed
 *   undo      of mach_session_stop(): what could not be undone
 */
int mach_session_start(const struct mach_config *config, const struct mach_options *options, const struct mach_ops *ops,
                       void *opaque, struct mach_session **session, struct mach_error *error);

/*
 * Undoes all that mach_session_start() did, in reverse, and frees the session. NULL is fine. No other thread may be
 * using it. Returns 0; or -1 and the first thing that could not be undone: everything else was.
 */
int mach_session_stop(struct mach_session *session, struct mach_error *error);

/* Which interface it uses. */
enum mach_backend mach_session_backend(const struct mach_session *session);
/* "iommufd", "group", ... */
const char *mach_backend_name(enum mach_backend backend);

/* Guest memory `memory` (record of section MEMORY). 0, or -1: there is no such record. Any thread. */
int mach_session_memory(const struct mach_session *session, uint32_t memory, struct mach_memory *m);

/*
 * Where a device region (record of section REGION) is mapped into this process; NULL when it is not: a trapped one, or
 * one with holes. *size: its bytes as the host has it, 0 when it is not there (an absent BAR). Any thread.
 */
void *mach_session_region_ptr(const struct mach_session *session, uint32_t region, uint64_t *size);

/*
 * Reads from, writes to a device region, mapped or trapped. `size` is 1, 2, 4 or 8 bytes; `offset` a multiple of it. Of
 * an fsl-mc device's portal `size` is 64 and `offset` 0: a command is written, and its answer read; these eight are
 * little-endian words. Else the value is in the host's byte order. Any thread; accesses of different threads are not
 * ordered. 0, or -errno: -EINVAL a size or an offset as above, -ERANGE not inside the region, -ENXIO it is not there.
 */
int mach_region_read(struct mach_session *session, uint32_t region, uint64_t offset, void *value, size_t size);
int mach_region_write(struct mach_session *session, uint32_t region, uint64_t offset, const void *value, size_t size);

/*
 * The configuration space of a PCI function (record of section DEVICE), as VFIO shows it: BARs take what a guest writes
 * to them, answer with their sizes, and move nothing on the host. For a VMM whose guest has a PCI bus. `size` is 1, 2
 * or 4 bytes, `offset` a multiple of it; values are numbers in the host's byte order. Any thread. 0, or -errno: -ENXIO
 * it is no open PCI function, -EINVAL a size or an offset as above, -ERANGE outside of it.
 */
int mach_pci_read(struct mach_session *session, uint32_t device, uint32_t offset, uint32_t size, uint32_t *value);
int mach_pci_write(struct mach_session *session, uint32_t device, uint32_t offset, uint32_t size, uint32_t value);

/*
 * The eventfd (of a `raw` device: the UIO file) that becomes readable when interrupt `irq` (record of section IRQ)
 * fires; -1: it has none (dropped, emulated). It belongs to the session. Any thread.
 */
int mach_session_irq_fd(const struct mach_session *session, uint32_t irq);

/*
 * Level interrupts are masked by the kernel when they fire. This lets the next one through, once the device no longer
 * asserts the line; of no effect on edges. With `ops`, KVM does this. Any thread. 0 or -errno.
 */
int mach_session_irq_unmask(struct mach_session *session, uint32_t irq);

/*
 * When the guest is reset: what level lines are asserted fires again. From a thread at which no vcpu runs.
 * 0, or -errno of the first that failed.
 */
int mach_session_rearm(struct mach_session *session);

/* The VFIO device file of a device (record of section DEVICE), for what this library does not do; -1: none. */
int mach_session_device_fd(const struct mach_session *session, uint32_t device);

/*
 * MSI (msix = 0) or MSI-X (1) of a PCI function: `count` new eventfds to fds[], all armed with one call. The function
 * has one kind of interrupt active at a time: INTx links of the config must be dropped. Where fewer vectors can be
 * had than asked for, -ENOSPC, and *granted says how many: call it again with that. The eventfds belong to the session
 * until mach_session_msi_disable() or mach_session_stop(). One thread at a time. 0 or -errno.
 */
int mach_session_msi_enable(struct mach_session *session, uint32_t device, int msix, uint32_t count, int *fds,
                            uint32_t *granted);
int mach_session_msi_disable(struct mach_session *session, uint32_t device);

/* ---- a guest-visible IOMMU ---- */

enum { MACH_DMA_READ = 1, MACH_DMA_WRITE = 2 }; // what the device may do

/*
 * Maps [iova, iova + size) of the device's DMA domain (record `dma` of section DMA, mode guest-iommu) to this
 * process's memory at `host`, or removes such a mapping. Devices that share an IOMMU group share a domain; mapping the
 * same again is then counted, and it goes with the last unmap.
 *
 *   iova, size, host   multiples of the IOMMU's smallest page; size not 0
 *   prot               MACH_DMA_READ, MACH_DMA_WRITE or both
 *
 * Unmapping takes away every mapping that lies inside the range, says in *unmapped (may be NULL) how many bytes that
 * were, and refuses with -EINVAL, changing nothing, when the range would cut one in two: the same on every backend.
 * Any thread. 0, or -errno: -EINVAL alignment or mode, -ERANGE outside the domain's window or the IOMMU's reach,
 * -EEXIST overlaps another mapping, -ENOMEM memory that may be locked is used up, -ENOSPC too many mappings.
 */
int mach_dma_map(struct mach_session *session, uint32_t dma, uint64_t iova, uint64_t size, void *host, unsigned prot);
int mach_dma_unmap(struct mach_session *session, uint32_t dma, uint64_t iova, uint64_t size, uint64_t *unmapped);

/* What of the IOVA space the domain can use: ranges first[i] to last[i], `max` at most. How many there are. */
uint32_t mach_dma_ranges(const struct mach_session *session, uint32_t dma, uint64_t *first, uint64_t *last,
                         uint32_t max);

/* ---- drivers ---- */

/*
 * Gives the config's devices to their VFIO drivers, or back to the drivers that were there, without a session: all or
 * nothing. `state` is a file to remember the drivers in (written by bind, read by unbind; NULL: none, and unbind then
 * lets the kernel choose). options: sys and log are used.
 */
int mach_config_bind(const struct mach_config *config, const struct mach_options *options, FILE *state,
                     struct mach_error *error);
int mach_config_unbind(const struct mach_config *config, const struct mach_options *options, FILE *state,
                       struct mach_error *error);

/* ---- KVM ---- */

/*
 * `ops` for KVM: memory slots, interrupt controller, GSI routing, irqfds with resample, and the kvm-vfio device. What
 * KVM cannot do (emulated devices, trapped regions, lines without a GSI) is passed on to the VMM's own ops.
 *
 *     struct mach_kvm kvm = {.size = sizeof kvm, .vm = vm_fd, .own = &my_ops, .own_opaque = me};
 *     mach_session_start(config, NULL, &mach_kvm_ops, &kvm, &session, &error);
 *
 * Order: on arm64 the vcpus must have been made before mach_session_start() (the vGIC is initialised for them), on
 * riscv64 with KVM's AIA, too, in the order of the config, and none may have run (each IMSIC gets its address); on x86
 * after it (KVM_CREATE_IRQCHIP comes first); on Power vcpus are connected to the MPIC (`irqchip`) after it.
 * KVM keeps an interrupt controller, and the kvm-vfio device, until the VM's fd is closed: a session that is to be
 * started again needs a new VM.
 */
struct mach_kvm {
    size_t size;                // sizeof(struct mach_kvm)
    int vm;                     // the VM's fd
    const struct mach_sys *sys; // NULL: mach_sys_linux()
    const struct mach_ops *own; // the VMM's own; may be NULL
    void *own_opaque;
    uint32_t first_slot; // memory slots from here on are the session's
    int has_irqchip;     // the VMM has made the interrupt controller itself
    int irqchip;         // out: fd of the controller's KVM device, 0 or less: none
    int vfio;            // out: fd of the kvm-vfio device, 0 or less: none
    uint32_t files;      // private: that the kvm-vfio device knows
};
extern const struct mach_ops mach_kvm_ops;

#ifdef __cplusplus
}
#endif

#endif
