// SPDX-License-Identifier: MIT
/*
 * machvm: a VMM for KVM whose machine comes from guest.cfg alone. libmachrt sets up memory, registers, DMA and
 * interrupts; the rest is in these files:
 *
 *   main.c        the order of things
 *   machine.c     accesses that exit to us, and which device emulates what
 *   load.c        reads kernel, initramfs and device tree
 *   vcpu.c        runs the vcpus until the guest ends
 *   vcpu_arm64.c  the architecture's part; vcpu_none.c: for architectures that have none yet
 *   uart.c        an emulated device
 *   pci.c         an emulated PCI bus with functions of the host
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

/* A part of the guest's address space whose accesses exit to us. */
struct range {
    uint64_t address, size;
    /*
     * Emulated: reads or writes the device `opaque`. `offset` is in the range, data[] is little-endian. NULL: registers
     * of the host, region `region` from `region_offset` on.
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

/* Why the vcpus stopped. */
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
    atomic_ulong lost; // accesses to unused addresses
    struct uart *uart; // the console; or NULL
    struct pci *pci;   // the bus; or NULL
    uint64_t entry, dtb_address;
    int over; // eventfd: a vcpu has set `why`
    atomic_int why;
    const char *mark; // report when the guest prints this; or NULL
    double start, in_library;
};

/* Prints an error, with errno's text if `number` is not 0. Returns -1. */
int complain(int number, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Seconds of a monotonic clock. */
double now(void);

/* ---- machine.c ---- */

/* What libmachrt needs from us beyond KVM: trapped regions and emulated devices. opaque: the vmm. */
extern const struct mach_ops machine_ops;
/* Allocates room for all ranges of the config. 0 or -1. */
int machine_room(struct vmm *v);
/* Adds a range; machine_room() has made room for it. The result may be changed until vcpus run. */
struct range *machine_range(struct vmm *v, uint64_t address, uint64_t size, const char *name);
/* Handles an access that exited from a vcpu. Any thread. */
void machine_access(struct vmm *v, uint64_t address, uint8_t *data, uint32_t size, bool write);
/* Prints the number of accesses of each range, one line each. */
void machine_statistics(const struct vmm *v);
/* Frees ranges and emulated devices. */
void machine_free(struct vmm *v);

/* ---- load.c ---- */

/* Reads the device tree, checks that it belongs to the config, and loads it, kernel and initramfs. 0 or -1. */
int load(struct vmm *v);

/* ---- vcpu.c ---- */

/* Makes the vcpus of the config. 0 or -1. */
int vcpus_make(struct vmm *v);
/* Starts one thread for each. 0 or -1. */
int vcpus_start(struct vmm *v);
/* Ends the threads; called from another thread. */
void vcpus_stop(struct vmm *v);
void vcpus_free(struct vmm *v);
/* Ends the guest, from a vcpu's thread. The first reason counts. */
void vmm_over(struct vmm *v, int why);

/* ---- vcpu_ARCH.c ---- */

/* The argument of KVM_CREATE_VM for the addresses that the config uses; -1 after a message: this host cannot. */
long arch_vm_type(const struct vmm *v);
/* Initialises a new vcpu. 0 or -1. */
int arch_vcpu_init(struct vcpu *c);
/* Sets the registers that the first vcpu boots with. 0 or -1. */
int arch_vcpu_boot(struct vcpu *c);
/* Sets a line of the interrupt controller. Any thread. */
void arch_irq_line(const struct vmm *v, uint32_t gsi, bool high);

/* ---- uart.c ---- */

/* A 16550A whose output goes to stdout. irq: its record, or MACH_CFG_NONE. NULL: out of memory. */
struct uart *uart_new(struct vmm *v, uint32_t irq);
void uart_access(void *opaque, uint64_t offset, uint8_t *data, uint32_t size, bool write);
/* Receives a byte that was typed. Any thread. false: the buffer is full. */
bool uart_type(struct uart *u, uint8_t byte);
void uart_free(struct uart *u);

/* ---- pci.c ---- */

/* The first memory slots of the VM are for BARs. */
enum { PCI_MEMORY_SLOTS = 32 * 6 };

/* The host bridge of a record of section DEVICE, with the functions that the config puts on it. NULL: out of memory. */
struct pci *pci_new(struct vmm *v, struct mach_cfg_rec bridge);
/* Accesses to its two regions, configuration space and window. Any thread. */
void pci_config_access(void *opaque, uint64_t offset, uint8_t *data, uint32_t size, bool write);
void pci_window_access(void *opaque, uint64_t offset, uint8_t *data, uint32_t size, bool write);
void pci_free(struct pci *p);

#endif
