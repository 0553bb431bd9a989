// SPDX-License-Identifier: MIT
// The steps of mach_session_start(), and what they use of each other.
#ifndef MACHRT_SESSION_STEPS_H
#define MACHRT_SESSION_STEPS_H

#include "core/session.h"

/* ---- of.c: the host's own device tree, as sysfs shows it ---- */

/* Reads property `name` of a device's node into `data`: its length, or -errno. */
int64_t machrt_read_of_property(const struct mach_session *s, const struct device *d, const char *name, void *data,
                                size_t size);
/* Address and size of entry `index` of a device's reg. 0; -ENOENT: the kernel does not show it; -errno. */
int machrt_read_of_reg(struct mach_session *s, const struct device *d, uint32_t index, uint64_t *address,
                       uint64_t *size);
/* The same of entry `index` of its ranges: a window of a bus. */
int machrt_read_of_window(struct mach_session *s, const struct device *d, uint32_t index, uint64_t *address,
                          uint64_t *size);
/*
 * The same, where the device's file `resource` comes first: PCI's and AMBA's have one. *ports: these are I/O ports, not
 * addresses.
 */
int machrt_find_registers(struct mach_session *s, const struct device *d, uint32_t index, uint64_t *address,
                          uint64_t *size, bool *ports);
/* The number of interrupts of its node. 0; -ENOENT: the kernel does not show it; -errno. */
int machrt_count_of_irqs(struct mach_session *s, const struct device *d, uint32_t *count);

/* ---- the steps ---- */

/* expect.c */
int machrt_step_expect(struct mach_session *s);
/* Who is in the groups, once every device has one. 0 or -1. */
int machrt_prove_groups(struct mach_session *s);

/* prepared.c */

/*
 * What check can say of an expectation about a prepared host: POWER_LINK, whose device has a bus, or a later kind.
 * `text` gets what was found, of `size` bytes, unless it holds. *later: what is not known, the session finds out when
 * it opens the device.
 */
enum mach_proof machrt_check_prepared(const struct mach_session *s, struct mach_cfg_rec e, const struct device *d,
                                      char *text, size_t size, bool *later);
/* Whether all that devices are linked to runs, once they are open. 0 or -1. */
int machrt_prove_links(struct mach_session *s);

/* bind.c */

/*
 * Why the driver that has the device cannot be unbound from it, as the end of a sentence that begins with the driver's
 * name, which is written to `driver`. NULL: it can, or there is none. d->bus is known.
 */
const char *machrt_driver_stays(struct mach_session *s, const struct device *d, char *driver, size_t size);
int machrt_step_bind(struct mach_session *s);
int machrt_undo_bind(struct mach_session *s, void *object, uint64_t arg);

/* groups.c */
int machrt_step_groups(struct mach_session *s);

/* open.c */
int machrt_step_backend(struct mach_session *s);
int machrt_step_open(struct mach_session *s);
/* own_registers.c: claims the registers of all devices that VFIO gives to the session, before one is opened. 0 or -1.
 */
int machrt_claim_devices(struct mach_session *s);
/* Its undo is the first one: it resets the devices, so that none is active while its resources are removed. */
int machrt_step_quiesce(struct mach_session *s);
/* Makes PCI functions bus masters, once everything is mapped. */
int machrt_step_master(struct mach_session *s);
/* Makes one of them a bus master, with an undo. 0 or -1. */
int machrt_make_bus_master(struct mach_session *s, struct device *d);
/*
 * Makes a PCI function a bus master; ends that; gives the bits of its command register that the session has changed the
 * values that they had before. 0 or -errno. The other bits are the guest's.
 */
int machrt_enable_bus_master(struct mach_session *s, struct device *d);
int machrt_disable_bus_master(struct mach_session *s, struct device *d);
int machrt_restore_bus_master(struct mach_session *s, struct device *d);
/* Does the config say that it does DMA? */
bool machrt_does_dma(const struct mach_session *s, const struct device *d);

/* pci.c: clears and sets bits of a function's command register; *was, if not NULL: its value before. 0 or -errno. */
int machrt_change_command(struct mach_session *s, struct device *d, uint16_t clear, uint16_t set, uint16_t *was);

/* memory.c */
int machrt_step_memory(struct mach_session *s);
int machrt_step_place(struct mach_session *s);
/* Gives *p a slot and maps it into the guest. *p must stay where it is until the session ends. */
int machrt_map_to_guest(struct mach_session *s, struct mach_place *p, const char *who);

/* dma.c */
int machrt_step_windows(struct mach_session *s);
int machrt_step_map_memory(struct mach_session *s);
int machrt_step_map_regions(struct mach_session *s);

/* at.c: what is where in the guest's address space, for mach_session_at() and mach_session_access() */
int machrt_step_addresses(struct mach_session *s);
int machrt_step_traps(struct mach_session *s);

/* regions.c, files.c */
int machrt_step_regions(struct mach_session *s);
/* Undoes the mapping of an area, of `arg` bytes with the pages that it begins and ends in. */
int machrt_undo_map_area(struct mach_session *s, void *area, uint64_t arg);
int machrt_map_file_region(struct mach_session *s, struct region *r, const char *file, uint64_t offset);

/* shadow.c: registers of the host, of which the guest writes certain bits */

/* The first record of section WRITE that is of `region` and `offset`, or of later ones. */
uint32_t machrt_first_write(const struct mach_session *s, uint32_t region, uint64_t offset);
/* Completes the region, whose file is mapped. 0 or -1. */
int machrt_open_shadow(struct mach_session *s, struct region *r);
/* mach_region_read() and _write() of a shadow; the access is inside of it and aligned. 0; -EACCES: part of the write,
 * or all of it, is not the guest's, which was told. */
int machrt_read_shadow(const struct region *r, uint64_t offset, void *value, size_t size);
int machrt_write_shadow(struct mach_session *s, struct region *r, uint64_t offset, const void *value, size_t size);

/* irqs.c */
int machrt_step_irqs(struct mach_session *s);
/* "device eth, interrupt 0 (GIC SPI 54)", see machrt_object(). */
const char *machrt_irq_object(struct mach_session *s, const struct irq *q);
/* Stores a new eventfd in *fd, with an undo that closes it. 0 or -1. */
int machrt_make_irq_eventfd(struct mach_session *s, const struct irq *q, int *fd);
int machrt_unmask_irq(struct mach_session *s, struct irq *q);

/* uio.c */
int machrt_open_uio_irq(struct mach_session *s, struct irq *q);
int machrt_start_uio_irq(struct mach_session *s, struct irq *q);
int machrt_unmask_uio_irq(const struct irq *q);

/* gone.c */
int machrt_step_gone(struct mach_session *s);
/* What undoing something of a device returns: `r`, or 0 if it failed because the device is not there any more. */
int machrt_unless_gone(struct mach_session *s, const struct device *d, int r);

/* msi.c: disables at the end what the driver enables later. */
int machrt_step_msi(struct mach_session *s);

/* guestmap.c: removes at the end what a guest IOMMU has mapped. */
int machrt_step_guest_maps(struct mach_session *s);

/* stash.c */
int machrt_step_stash(struct mach_session *s);

/* vmm.c */
int machrt_step_prepare(struct mach_session *s);
int machrt_step_vmm(struct mach_session *s);

#endif
