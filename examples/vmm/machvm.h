// SPDX-License-Identifier: MIT
/*
 * machvm: a VMM for KVM whose machine comes from guest.cfg alone. libmachrt makes memory, registers, DMA and
 * interrupts; what is left to a VMM is in these files, and each is one answer:
 *
 *   main.c        in which order
 *   machine.c     where do accesses go that exit to us, and who emulates which device
 *   load.c        where do kernel, initramfs and device tree go
 *   vcpu.c        how does a vcpu run, and when is it over
 *   vcpu_arm64.c  what is special to the architecture; vcpu_none.c: where that is not written yet
 *   uart.c        an emulated device
 *   pci.c         an emulated PCI bus, with the host's functions on it
 */
#ifndef MACHVM_H
#define MACHVM_H

#include <machrt.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

struct vmm;
struct kvm_run;

/* A part of the guest's address space in which every access exits to us. */
struct range {
    uint64_t address, size;
    /*
     * Emulated: reads from or writes to `opaque`, the device. `offset` is inside the range, data[] is little-endian.
     * NULL: registers of the host, region `region` from `region_offset` on.
     */
    void (*access)(void *opaque, uint64_t offset, uint8_t *data, uint32_t size, bool write);
    void *opaque;
    uint32_t region;
    uint64_t region_offset;
    const char *name; // of the device
    atomic_ulong exits;
};

struct vcpu {
    struct vmm *vmm;
    uint32_t index;
    struct mach_cfg_rec rec; // of section CPU
    int fd;
    struct kvm_run *run;
    size_t run_size;
    pthread_t thread;
    bool running;
};

/* Why the vcpus have stopped. */
enum { RUNNING, POWERED_OFF, RESET, STOPPED, CRASHED };

struct vmm {
    const char *kernel, *initramfs, *dtb; // file names; initramfs may be NULL
    struct mach_config *config;
    const struct mach_cfg_file *f;
    struct mach_session *session;
    int kvm, vm; // /dev/kvm, and the machine; -1: none
    struct mach_kvm ops;
    struct vcpu *vcpu;
    uint32_t vcpus;
    struct range *range;
    uint32_t ranges;
    atomic_ulong lost; // accesses to where nothing is
    struct uart *uart; // that has the console; or NULL
    struct pci *pci;   // the bus; or NULL
    uint64_t entry, dtb_address;
    int over; // eventfd: a vcpu has set `why`
    atomic_int why;
    const char *mark; // tell when the guest prints this; or NULL
    double start, in_library;
};

/* Says what is wrong, with errno's text when `number` is not 0. Returns -1. */
int complain(int number, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Seconds, from a clock that is never set. */
double now(void);

/* ---- machine.c ---- */

/* What libmachrt asks of us beyond KVM: trapped regions and emulated devices. opaque: the vmm. */
extern const struct mach_ops machine_ops;
/* Room for all ranges that the config can ask for. 0 or -1. */
int machine_room(struct vmm *v);
/* Adds a range; what does not fit the room is a mistake of ours. The result may be changed until vcpus run. */
struct range *machine_range(struct vmm *v, uint64_t address, uint64_t size, const char *name);
/* An access of a vcpu that exited. Any thread. */
void machine_access(struct vmm *v, uint64_t address, uint8_t *data, uint32_t size, bool write);
/* Accesses of each range, one line each. */
void machine_statistics(const struct vmm *v);
/* Forgets ranges and emulated devices. */
void machine_free(struct vmm *v);

/* ---- load.c ---- */

/* Reads the device tree and proves that it belongs to the config, then loads it, kernel and initramfs. 0 or -1. */
int load(struct vmm *v);

/* ---- vcpu.c ---- */

/* Makes the vcpus of the config. 0 or -1. */
int vcpus_make(struct vmm *v);
/* Starts one thread for each. 0 or -1. */
int vcpus_start(struct vmm *v);
/* Ends the threads, from another one. */
void vcpus_stop(struct vmm *v);
void vcpus_free(struct vmm *v);
/* It is over: from a vcpu's thread. The first reason counts. */
void vmm_over(struct vmm *v, int why);

/* ---- vcpu_ARCH.c ---- */

/* Magic number of the kernel's header, at byte 56 (Documentation/arch/{arm64,riscv}). */
extern const char arch_image_magic[4];
/* The argument of KVM_CREATE_VM for the addresses that the config uses; -1: this host cannot. */
long arch_vm_type(const struct vmm *v);
/* What a new vcpu is. 0 or -1. */
int arch_vcpu_init(struct vcpu *c);
/* Where the first vcpu begins, and what it is told. 0 or -1. */
int arch_vcpu_boot(struct vcpu *c);
/* Sets a line of the interrupt controller: from any thread. */
void arch_irq_line(const struct vmm *v, uint32_t gsi, bool high);

/* ---- uart.c ---- */

/* A 16550A whose output goes to stdout. irq: its record, or MACH_CFG_NONE. NULL: no memory. */
struct uart *uart_new(struct vmm *v, uint32_t irq);
void uart_access(void *opaque, uint64_t offset, uint8_t *data, uint32_t size, bool write);
/* A byte that was typed: any thread. false: there is no room now. */
bool uart_type(struct uart *u, uint8_t byte);
void uart_free(struct uart *u);

/* ---- pci.c ---- */

/* So many memory slots of the VM are for BARs: 0 and on. */
enum { PCI_MEMORY_SLOTS = 32 * 6 };

/* The host bridge of a record of section DEVICE, with the functions that the config puts on it. NULL: no memory. */
struct pci *pci_new(struct vmm *v, struct mach_cfg_rec bridge);
/* Accesses to its two regions, configuration space and window. Any thread. */
void pci_config_access(void *opaque, uint64_t offset, uint8_t *data, uint32_t size, bool write);
void pci_window_access(void *opaque, uint64_t offset, uint8_t *data, uint32_t size, bool write);
void pci_free(struct pci *p);

#endif
