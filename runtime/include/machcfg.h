// SPDX-License-Identifier: MIT
/*
 * guest.cfg: sections, records and their fields. Generated from runtime/layout/machcfg_layout.h by
 * `make update-layout`: change that instead. docs/guest-cfg.md describes the format.
 *
 * mach_config_file() of machrt.h gives the sections of a verified config. Every function here takes constant time,
 * cannot fail and may be called from any thread. mach_cfg_RECORD_FIELD() returns the value of a field. A field that
 * the record of an older file is too short to have reads as "none" where the field is optional, else as 0; so do
 * all fields of a record that does not exist.
 */
// clang-format off
#ifndef MACHCFG_H
#define MACHCFG_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef MACHRT_API
#define MACHRT_API __attribute__((visibility("default")))
#endif

/* The version of the format that this header describes. */
enum { MACH_CFG_MAJOR = 1, MACH_CFG_MINOR = 8 };

/* "None" in an optional or an index field of 32 bits, and in an optional one of 64. */
#define MACH_CFG_NONE   UINT32_C(0xffffffff)
#define MACH_CFG_NONE64 UINT64_C(0xffffffffffffffff)

/* The sections of a config. It belongs to the config and ends with it. */
struct mach_cfg_file;

/* A record, where it lies in the config: good until that is closed. */
struct mach_cfg_rec {
    const uint8_t *at; // NULL: it does not exist
    uint32_t size;     // bytes
};

/* The number of records in a section (enum mach_cfg_section_type); of MACH_CFG_S_STRINGS, of bytes. */
MACHRT_API uint32_t mach_cfg_count(const struct mach_cfg_file *f, uint32_t section);
/* Record `i` of a section, counted from 0. */
MACHRT_API struct mach_cfg_rec mach_cfg_record(const struct mach_cfg_file *f, uint32_t section, uint32_t i);
/* The string at an offset that a string field holds, with a NUL at its end; "" for none, which is 0. */
MACHRT_API const char *mach_cfg_string(const struct mach_cfg_file *f, uint32_t offset);

/* ---- sections ---- */

enum mach_cfg_section_type {
    MACH_CFG_S_STRINGS = 1, // the string table
    MACH_CFG_S_MACHINE = 2, // The machine: exactly one record.
    MACH_CFG_S_CPU = 3, // Virtual cpus.
    MACH_CFG_S_MEMORY = 4, // Guest memory.
    MACH_CFG_S_IRQCHIP = 5, // Interrupt controllers. Record 0 is the root.
    MACH_CFG_S_CHIP_REGION = 6, // Register regions of interrupt controllers.
    MACH_CFG_S_DEVICE = 7, // Devices, emulated and assigned, in the order of the description.
    MACH_CFG_S_REGION = 8, // Regions of devices.
    MACH_CFG_S_IRQ = 9, // Interrupts: links from a source to a line of the guest.
    MACH_CFG_S_CELL = 10, // Cells of interrupt specifiers.
    MACH_CFG_S_DMA = 11, // DMA domains: what one stream of a device can reach.
    MACH_CFG_S_DMA_MAP = 12, // Mappings of DMA domains.
    MACH_CFG_S_STASH = 13, // Stash targets.
    MACH_CFG_S_EXPECT = 14, // Expectations: what the compiler assumed about the host. All are checked before anything is touched.
    MACH_CFG_S_PATCH = 15, // Since 1.5: what is written into guest.dtb at each start, once its digest is checked: device addresses that follow from where the host has the memory. A reader that does not know the section refuses the file.
    MACH_CFG_S_WRITE = 16, // Since 1.6: registers of `shadow` regions that the guest may write, in ascending order of region and offset.
    MACH_CFG_S_END = 17 // one more than the last that this header knows
};

/* ---- values of fields ---- */

/* Architectures */
enum mach_cfg_arch {
    MACH_CFG_ARCH_UNKNOWN = 0, // unknown: a platform with an architecture that this version has no word for
    MACH_CFG_ARCH_ARM64 = 1, // arm64: 64-bit Arm
    MACH_CFG_ARCH_ARM = 2, // arm: 32-bit Arm
    MACH_CFG_ARCH_RISCV64 = 3, // riscv64: 64-bit RISC-V
    MACH_CFG_ARCH_PPC = 4, // ppc: Power, big-endian
    MACH_CFG_ARCH_X86_64 = 5 // x86-64: 64-bit x86
};

/* Kinds of IOMMU */
enum mach_cfg_iommu {
    MACH_CFG_IOMMU_AUTO = 0, // auto: the one that the host has
    MACH_CFG_IOMMU_SMMU = 1, // smmu: page tables: Arm SMMU and similar
    MACH_CFG_IOMMU_PAMU = 2, // pamu: Freescale PAMU: power-of-two windows; set up only on a kernel that is known to have its driver
    MACH_CFG_IOMMU_SPAPR_TCE = 3, // spapr-tce: PowerPC TCE windows
    MACH_CFG_IOMMU_NONE = 4 // none: no IOMMU: no device gets a mapping
};

/* Backings of memory */
enum mach_cfg_backing {
    MACH_CFG_BACKING_ANONYMOUS = 0, // anonymous: anonymous memory
    MACH_CFG_BACKING_HUGETLB = 1, // hugetlb: huge pages of `page_size` bytes
    MACH_CFG_BACKING_FILE = 2, // file: file `path`, from `offset` on
    MACH_CFG_BACKING_PHYSICAL = 3, // physical: host physical memory at `physical`, kept from the kernel and mapped through /dev/mem
    MACH_CFG_BACKING_CONTIGUOUS = 4, // contiguous: since 1.5: huge pages that lie side by side on the host, at `physical` or wherever there are such
    MACH_CFG_BACKING_HEAP = 5 // heap: since 1.5: one piece of the DMA heap `path`, at `physical` or wherever the heap has it
};

/* Flags of memory */
enum mach_cfg_memory_flags {
    MACH_CFG_MEMORY_READONLY = 0x1, // readonly: the guest cannot write to it, and neither can its devices
    MACH_CFG_MEMORY_NO_DMA = 0x2 // no-dma: no device can reach it
};

/* Kinds of device */
enum mach_cfg_device_kind {
    MACH_CFG_DEVICE_EMULATED = 0, // emulated: emulated by the VMM
    MACH_CFG_DEVICE_PLATFORM = 1, // platform: a host platform device, at /sys/bus/platform/devices/`sysfs_name`
    MACH_CFG_DEVICE_PCI = 2, // pci: a host PCI function, at /sys/bus/pci/devices/`sysfs_name`
    MACH_CFG_DEVICE_RAW = 3 // raw: composed of files: each region and interrupt names its file
};

/* Reset policies */
enum mach_cfg_reset {
    MACH_CFG_RESET_NEVER = 0, // never: not reset
    MACH_CFG_RESET_IF_POSSIBLE = 1, // if-possible: reset before use and after it where the kernel can
    MACH_CFG_RESET_REQUIRED = 2 // required: an error where the kernel cannot reset it
};

/* Modes of a region */
enum mach_cfg_region_mode {
    MACH_CFG_REGION_MAP = 0, // map: mapped into the guest at `guest`
    MACH_CFG_REGION_TRAP = 1, // trap: accesses at `guest` exit to the VMM and are forwarded
    MACH_CFG_REGION_DROP = 2 // drop: not in the guest: the device has it, but it is not used
};

/* Flags of a region */
enum mach_cfg_region_flags {
    MACH_CFG_REGION_UNSAFE = 0x1, // unsafe: its pages contain registers of other devices; `reason` says why it is mapped
    MACH_CFG_REGION_WINDOW = 0x2, // window: a window of the node's `ranges`, not an entry of its `reg`
    MACH_CFG_REGION_SHADOW = 0x4, // shadow: since 1.6: trapped registers of 4 bytes that stay with the host: any can be read, and written only as the `write` records of the region say
    MACH_CFG_REGION_BIG_ENDIAN = 0x8 // big-endian: since 1.6: shadow: its registers are big-endian
};

/* Flags of a register that can be written */
enum mach_cfg_write_flags {
    MACH_CFG_WRITE_HIWORD = 0x1, // hiword: bits 31 to 16 of what is written select which of bits 15 to 0 change, so that nothing is read first
    MACH_CFG_WRITE_PLAIN = 0x2 // plain: since 1.7: hiword: for the guest it is an ordinary register: the library selects the bits that change
};

/* Sources of an interrupt */
enum mach_cfg_irq_source {
    MACH_CFG_IRQ_DEVICE = 0, // device: interrupt `index` of the host device
    MACH_CFG_IRQ_MAP_ENTRY = 1, // map-entry: entry `index` of the device's interrupt-map
    MACH_CFG_IRQ_EMULATED = 2, // emulated: interrupt `index` of the emulated device: raised by the VMM
    MACH_CFG_IRQ_FILE = 3 // file: a read of `file` returns when the interrupt fires (UIO)
};

/* Triggers */
enum mach_cfg_trigger {
    MACH_CFG_TRIGGER_NONE = 0, // none: unknown
    MACH_CFG_TRIGGER_EDGE = 1, // edge: one event per edge
    MACH_CFG_TRIGGER_LEVEL = 2 // level: masked when it fires, unmasked when the guest has acknowledged it
};

/* Flags of an interrupt */
enum mach_cfg_irq_flags {
    MACH_CFG_IRQ_RESAMPLE = 0x1, // resample: level: the irqfd needs a resample eventfd that unmasks the host's line
    MACH_CFG_IRQ_DROPPED = 0x2, // dropped: not in the guest: the device has it, but it is not used
    MACH_CFG_IRQ_SHARED = 0x4 // shared: since 1.4: another one of the machine, on the same line, is bound for both: bind nothing
};

/* DMA modes */
enum mach_cfg_dma_mode {
    MACH_CFG_DMA_NONE = 0, // none: no mapping
    MACH_CFG_DMA_ALL = 1, // all: the guest's memory at its guest addresses, as the maps list it
    MACH_CFG_DMA_IDENTITY = 2, // identity: no IOMMU: guest addresses must equal host addresses
    MACH_CFG_DMA_GUEST_IOMMU = 3, // guest-iommu: mapped when the guest programs device `guest_iommu`
    MACH_CFG_DMA_WINDOW = 4, // window: only the maps
    MACH_CFG_DMA_BUS = 5 // bus: since 1.5: no IOMMU: device addresses are the host's, and a bus of the guest translates (`dma-ranges`)
};

/* Fields of a DMA domain that are set */
enum mach_cfg_dma_flags {
    MACH_CFG_DMA_HAS_WINDOW = 0x1, // window: `window` and `size` are given
    MACH_CFG_DMA_HAS_LIODN_INDEX = 0x2, // liodn-index: `liodn_index` is given
    MACH_CFG_DMA_HAS_STREAM = 0x4, // stream: `stream` is given
    MACH_CFG_DMA_HAS_OPERATION = 0x8, // operation: `operation` is given
    MACH_CFG_DMA_NO_IOMMU = 0x10 // no-iommu: since 1.4: the device is not behind an IOMMU: nothing restricts it
};

/* Targets of a mapping */
enum mach_cfg_map_kind {
    MACH_CFG_MAP_MEMORY = 0, // memory: part of guest memory `memory`
    MACH_CFG_MAP_REGION = 1, // region: part of device region `region`
    MACH_CFG_MAP_MSI_BANK = 2 // msi-bank: the registers of MSI bank `bank`
};

/* Flags of a mapping */
enum mach_cfg_map_flags {
    MACH_CFG_MAP_READONLY = 0x1 // readonly: the device cannot write
};

/* Stash targets */
enum mach_cfg_stash_kind {
    MACH_CFG_STASH_L1 = 1, // l1: the level 1 cache of `host_cpu`
    MACH_CFG_STASH_L2 = 2, // l2: the level 2 cache of `host_cpu`
    MACH_CFG_STASH_L3 = 3, // l3: the level 3 cache that all cpus share
    MACH_CFG_STASH_ID = 4, // id: the cache whose stash id is `cache_id`
    MACH_CFG_STASH_TPH = 5 // tph: PCIe TLP processing hints: the steering tag of `host_cpu`
};

/* Flags of a stash target */
enum mach_cfg_stash_flags {
    MACH_CFG_STASH_IF_POSSIBLE = 0x1 // if-possible: the guest works without it: a failure is only reported
};

/* Memory types of TPH */
enum mach_cfg_memory_type {
    MACH_CFG_MEMORY_VOLATILE = 0, // volatile: volatile memory (PCI Firmware Specification: VM)
    MACH_CFG_MEMORY_PERSISTENT = 1 // persistent: persistent memory (PM)
};

/* Kinds of expectation */
enum mach_cfg_expect_kind {
    MACH_CFG_EXPECT_PAGE_SIZE = 0, // page-size: the kernel's pages are `a` bytes
    MACH_CFG_EXPECT_HOST_COMPATIBLE = 1, // host-compatible: string `index` of the compatible of the host tree's root is `string`
    MACH_CFG_EXPECT_CPU_ONLINE = 2, // cpu-online: host cpu `index` is online
    MACH_CFG_EXPECT_HUGE_PAGES = 3, // huge-pages: there are huge pages of `a` bytes, and `b` bytes of them are free
    MACH_CFG_EXPECT_FILE = 4, // file: `string` exists and can be opened
    MACH_CFG_EXPECT_SYSFS_NAME = 5, // sysfs-name: the device is on its bus as `string`
    MACH_CFG_EXPECT_COMPATIBLE = 6, // compatible: the first compatible of the device's node is `string`
    MACH_CFG_EXPECT_REGION = 7, // region: region `index` is at `a` (none: anywhere) and has `b` bytes
    MACH_CFG_EXPECT_IRQ_COUNT = 8, // irq-count: the device has `a` interrupts
    MACH_CFG_EXPECT_IRQ_TRIGGER = 9, // irq-trigger: the trigger of interrupt `index` is `a` (set trigger); `string` is the host's word for it
    MACH_CFG_EXPECT_GROUP_MEMBER = 10, // group-member: device `string` is in the same IOMMU group
    MACH_CFG_EXPECT_MEMORY_FREE = 11, // memory-free: since 1.3: the host's kernel does not use the `b` bytes at `a`, which are the guest's memory `string`, or region `index` of the raw device `string`, `device`
    MACH_CFG_EXPECT_KVM_DEVICE = 12, // kvm-device: since 1.4: the host's KVM can make the device `string`, which serves irqchip `index`
    MACH_CFG_EXPECT_POWER_LINK = 13, // power-link: since 1.8: the device is linked to the platform device `string`, which has a driver and runs while the device is open: its clocks and power domains
    MACH_CFG_EXPECT_TREE_PROPERTY = 14, // tree-property: since 1.8: the host's tree has the property `string`, a path, and it is the number `a` (none: anything)
    MACH_CFG_EXPECT_ARGUMENT = 15, // argument: since 1.8: the host's kernel was started with the argument `string`, "NAME=VALUE"
    MACH_CFG_EXPECT_CPU_ISOLATED = 16 // cpu-isolated: since 1.8: the host's scheduler keeps off host cpu `index`
};

/* ---- machine: The machine: exactly one record. ---- */

/* the machine's name (the offset of a string, or 0) */
MACHRT_API uint32_t mach_cfg_machine_name(struct mach_cfg_rec r);
/* the model in the guest's tree (the offset of a string, or 0) */
MACHRT_API uint32_t mach_cfg_machine_model(struct mach_cfg_rec r);
/* name of the platform template (the offset of a string, or 0) */
MACHRT_API uint32_t mach_cfg_machine_platform(struct mach_cfg_rec r);
/* the guest's architecture (enum mach_cfg_arch) */
MACHRT_API uint32_t mach_cfg_machine_arch(struct mach_cfg_rec r);
/* the host's IOMMU according to the description (enum mach_cfg_iommu) */
MACHRT_API uint32_t mach_cfg_machine_iommu(struct mach_cfg_rec r);
/* file name of the host tree, without directory; none: no host tree (the offset of a string, or 0) */
MACHRT_API uint32_t mach_cfg_machine_host_file(struct mach_cfg_rec r);
/* model of the host tree (the offset of a string, or 0) */
MACHRT_API uint32_t mach_cfg_machine_host_model(struct mach_cfg_rec r);
/* first compatible of the host tree (the offset of a string, or 0) */
MACHRT_API uint32_t mach_cfg_machine_host_compatible(struct mach_cfg_rec r);
/* page size of the host kernel in bytes (an address or a size) */
MACHRT_API uint64_t mach_cfg_machine_host_page_size(struct mach_cfg_rec r);

/* ---- cpu: Virtual cpus. ---- */

/* number of the virtual cpu (a number) */
MACHRT_API uint32_t mach_cfg_cpu_vcpu(struct mach_cfg_rec r);
/* the host cpu that it is pinned to; none: not pinned (a number, or none) */
MACHRT_API uint32_t mach_cfg_cpu_host_cpu(struct mach_cfg_rec r);
/* its reg in the guest's tree (arm64: MPIDR affinity) (an address or a size) */
MACHRT_API uint64_t mach_cfg_cpu_reg(struct mach_cfg_rec r);

/* ---- memory: Guest memory. ---- */

/* the region's name (the offset of a string, or 0) */
MACHRT_API uint32_t mach_cfg_memory_name(struct mach_cfg_rec r);
/* what backs it (enum mach_cfg_backing) */
MACHRT_API uint32_t mach_cfg_memory_backing(struct mach_cfg_rec r);
/* file: its path (the offset of a string, or 0) */
MACHRT_API uint32_t mach_cfg_memory_path(struct mach_cfg_rec r);
/* machines that have the same word here share the memory (the offset of a string, or 0) */
MACHRT_API uint32_t mach_cfg_memory_share(struct mach_cfg_rec r);
/* (flags of enum mach_cfg_memory_flags) */
MACHRT_API uint32_t mach_cfg_memory_flags(struct mach_cfg_rec r);
/* guest physical address (an address or a size) */
MACHRT_API uint64_t mach_cfg_memory_address(struct mach_cfg_rec r);
/* size in bytes, not 0 (an address or a size) */
MACHRT_API uint64_t mach_cfg_memory_size(struct mach_cfg_rec r);
/* file: offset in it (an address or a size) */
MACHRT_API uint64_t mach_cfg_memory_offset(struct mach_cfg_rec r);
/* physical, contiguous, heap: the host's address; none: anywhere within the limits (a number, or none) */
MACHRT_API uint64_t mach_cfg_memory_physical(struct mach_cfg_rec r);
/* hugetlb, contiguous: page size in bytes; contiguous: 0: any that divides the size (an address or a size) */
MACHRT_API uint64_t mach_cfg_memory_page_size(struct mach_cfg_rec r);
/* since 1.5: contiguous, heap: the host's address is not below this (an address or a size) */
MACHRT_API uint64_t mach_cfg_memory_lowest(struct mach_cfg_rec r);
/* since 1.5: contiguous, heap: its last byte on the host is below this; 0: no limit (an address or a size) */
MACHRT_API uint64_t mach_cfg_memory_limit(struct mach_cfg_rec r);

/* ---- irqchip: Interrupt controllers. Record 0 is the root. ---- */

/* the chip's name (the offset of a string, or 0) */
MACHRT_API uint32_t mach_cfg_irqchip_name(struct mach_cfg_rec r);
/* its class: gic-v3, mpic (the offset of a string, or 0) */
MACHRT_API uint32_t mach_cfg_irqchip_class_name(struct mach_cfg_rec r);
/* KVM's device for it: arm-vgic-v3, fsl-mpic-42; none: the VMM emulates it (the offset of a string, or 0) */
MACHRT_API uint32_t mach_cfg_irqchip_kvm(struct mach_cfg_rec r);
/* number of lines (a number) */
MACHRT_API uint32_t mach_cfg_irqchip_lines(struct mach_cfg_rec r);
/* its regions, in the order of the class (the index of the first of a row of records: section CHIP_REGION) */
MACHRT_API uint32_t mach_cfg_irqchip_first_region(struct mach_cfg_rec r);
/* how many (a number of records: section CHIP_REGION) */
MACHRT_API uint32_t mach_cfg_irqchip_regions(struct mach_cfg_rec r);
/* since 1.2: its lines are messages, and each cpu has so many; they are written to its last region, of which each cpu has an equal part; 0: no messages (a number) */
MACHRT_API uint32_t mach_cfg_irqchip_messages(struct mach_cfg_rec r);

/* ---- chip_region: Register regions of interrupt controllers. ---- */

/* name in the class (the offset of a string, or 0) */
MACHRT_API uint32_t mach_cfg_chip_region_name(struct mach_cfg_rec r);
/* guest physical address (an address or a size) */
MACHRT_API uint64_t mach_cfg_chip_region_address(struct mach_cfg_rec r);
/* bytes (an address or a size) */
MACHRT_API uint64_t mach_cfg_chip_region_size(struct mach_cfg_rec r);

/* ---- device: Devices, emulated and assigned, in the order of the description. ---- */

/* the device's name in the description (the offset of a string, or 0) */
MACHRT_API uint32_t mach_cfg_device_name(struct mach_cfg_rec r);
/* how the guest gets it (enum mach_cfg_device_kind) */
MACHRT_API uint32_t mach_cfg_device_kind(struct mach_cfg_rec r);
/* its device class, which says what to emulate; none: unknown (the offset of a string, or 0) */
MACHRT_API uint32_t mach_cfg_device_class_name(struct mach_cfg_rec r);
/* path of its node in guest.dtb; none: no node (the offset of a string, or 0) */
MACHRT_API uint32_t mach_cfg_device_node(struct mach_cfg_rec r);
/* path of its node in the host tree; none: no node (the offset of a string, or 0) */
MACHRT_API uint32_t mach_cfg_device_host_path(struct mach_cfg_rec r);
/* its name on its bus: ffe118000.i2c, 0000:01:00.0 (the offset of a string, or 0) */
MACHRT_API uint32_t mach_cfg_device_sysfs_name(struct mach_cfg_rec r);
/* first compatible of its host node (the offset of a string, or 0) */
MACHRT_API uint32_t mach_cfg_device_compatible(struct mach_cfg_rec r);
/* whether to reset it before and after use (enum mach_cfg_reset) */
MACHRT_API uint32_t mach_cfg_device_reset(struct mach_cfg_rec r);
/* the vcpu that it belongs to (a portal); none: no vcpu (a number, or none) */
MACHRT_API uint32_t mach_cfg_device_vcpu(struct mach_cfg_rec r);
/* the device further up in the tree that was passed through with it (the index of a record, or none: section DEVICE) */
MACHRT_API uint32_t mach_cfg_device_parent(struct mach_cfg_rec r);
/* the guest bus that it is on, if it is a PCI function there (the offset of a string, or 0) */
MACHRT_API uint32_t mach_cfg_device_bus(struct mach_cfg_rec r);
/* its slot on that bus (a number, or none) */
MACHRT_API uint32_t mach_cfg_device_slot(struct mach_cfg_rec r);
/* its regions (the index of the first of a row of records: section REGION) */
MACHRT_API uint32_t mach_cfg_device_first_region(struct mach_cfg_rec r);
/* how many (a number of records: section REGION) */
MACHRT_API uint32_t mach_cfg_device_regions(struct mach_cfg_rec r);
/* its interrupts (the index of the first of a row of records: section IRQ) */
MACHRT_API uint32_t mach_cfg_device_first_irq(struct mach_cfg_rec r);
/* how many (a number of records: section IRQ) */
MACHRT_API uint32_t mach_cfg_device_irqs(struct mach_cfg_rec r);
/* its DMA domains, one for each of its streams (the index of the first of a row of records: section DMA) */
MACHRT_API uint32_t mach_cfg_device_first_dma(struct mach_cfg_rec r);
/* how many (a number of records: section DMA) */
MACHRT_API uint32_t mach_cfg_device_dmas(struct mach_cfg_rec r);

/* ---- region: Regions of devices. ---- */

/* the record that it belongs to (the index of a record: section DEVICE) */
MACHRT_API uint32_t mach_cfg_region_device(struct mach_cfg_rec r);
/* index in reg, of the BAR, or in ranges (a number) */
MACHRT_API uint32_t mach_cfg_region_index(struct mach_cfg_rec r);
/* entry in reg-names (the offset of a string, or 0) */
MACHRT_API uint32_t mach_cfg_region_name(struct mach_cfg_rec r);
/* whether it is mapped, trapped or dropped (enum mach_cfg_region_mode) */
MACHRT_API uint32_t mach_cfg_region_mode(struct mach_cfg_rec r);
/* (flags of enum mach_cfg_region_flags) */
MACHRT_API uint32_t mach_cfg_region_flags(struct mach_cfg_rec r);
/* unsafe: the reason in the description (the offset of a string, or 0) */
MACHRT_API uint32_t mach_cfg_region_reason(struct mach_cfg_rec r);
/* raw: the file to map (the offset of a string, or 0) */
MACHRT_API uint32_t mach_cfg_region_file(struct mach_cfg_rec r);
/* host physical address; none: read on the host (pci), or a file (a number, or none) */
MACHRT_API uint64_t mach_cfg_region_host(struct mach_cfg_rec r);
/* size in bytes; 0: read on the host (pci) (an address or a size) */
MACHRT_API uint64_t mach_cfg_region_size(struct mach_cfg_rec r);
/* guest physical address; none: not in the guest, or a BAR that the guest places (a number, or none) */
MACHRT_API uint64_t mach_cfg_region_guest(struct mach_cfg_rec r);
/* raw: offset in the file (an address or a size) */
MACHRT_API uint64_t mach_cfg_region_offset(struct mach_cfg_rec r);

/* ---- irq: Interrupts: links from a source to a line of the guest. ---- */

/* the record that it belongs to (the index of a record: section DEVICE) */
MACHRT_API uint32_t mach_cfg_irq_device(struct mach_cfg_rec r);
/* its source (enum mach_cfg_irq_source) */
MACHRT_API uint32_t mach_cfg_irq_source(struct mach_cfg_rec r);
/* index at the source (a number) */
MACHRT_API uint32_t mach_cfg_irq_index(struct mach_cfg_rec r);
/* entry in interrupt-names, or intx (the offset of a string, or 0) */
MACHRT_API uint32_t mach_cfg_irq_name(struct mach_cfg_rec r);
/* the host's line as text for messages: GIC SPI 54, level-high (the offset of a string, or 0) */
MACHRT_API uint32_t mach_cfg_irq_host(struct mach_cfg_rec r);
/* file: its path (the offset of a string, or 0) */
MACHRT_API uint32_t mach_cfg_irq_file(struct mach_cfg_rec r);
/* the guest's chip; none: dropped (the index of a record, or none: section IRQCHIP) */
MACHRT_API uint32_t mach_cfg_irq_chip(struct mach_cfg_rec r);
/* kind of line at the chip: spi (the offset of a string, or 0) */
MACHRT_API uint32_t mach_cfg_irq_kind(struct mach_cfg_rec r);
/* line at the chip; none: dropped (a number, or none) */
MACHRT_API uint32_t mach_cfg_irq_number(struct mach_cfg_rec r);
/* KVM's number for the line; none: cannot be an irqfd (a number, or none) */
MACHRT_API uint32_t mach_cfg_irq_gsi(struct mach_cfg_rec r);
/* trigger of the guest's line (enum mach_cfg_trigger) */
MACHRT_API uint32_t mach_cfg_irq_trigger(struct mach_cfg_rec r);
/* the chip's word for the trigger: level-high (the offset of a string, or 0) */
MACHRT_API uint32_t mach_cfg_irq_trigger_name(struct mach_cfg_rec r);
/* (flags of enum mach_cfg_irq_flags) */
MACHRT_API uint32_t mach_cfg_irq_flags(struct mach_cfg_rec r);
/* the specifier in the guest's tree (the index of the first of a row of records: section CELL) */
MACHRT_API uint32_t mach_cfg_irq_first_cell(struct mach_cfg_rec r);
/* how many (a number of records: section CELL) */
MACHRT_API uint32_t mach_cfg_irq_cells(struct mach_cfg_rec r);

/* ---- cell: Cells of interrupt specifiers. ---- */

/* one cell of a specifier (an address or a size) */
MACHRT_API uint32_t mach_cfg_cell_value(struct mach_cfg_rec r);

/* ---- dma: DMA domains: what one stream of a device can reach. ---- */

/* the record that it belongs to (the index of a record: section DEVICE) */
MACHRT_API uint32_t mach_cfg_dma_device(struct mach_cfg_rec r);
/* the domain's name, where the device has several (the offset of a string, or 0) */
MACHRT_API uint32_t mach_cfg_dma_name(struct mach_cfg_rec r);
/* what the device can reach (enum mach_cfg_dma_mode) */
MACHRT_API uint32_t mach_cfg_dma_mode(struct mach_cfg_rec r);
/* guest-iommu: the emulated IOMMU that translates for it (the index of a record, or none: section DEVICE) */
MACHRT_API uint32_t mach_cfg_dma_guest_iommu(struct mach_cfg_rec r);
/* which of the fields below are set; the others are 0 (flags of enum mach_cfg_dma_flags) */
MACHRT_API uint32_t mach_cfg_dma_flags(struct mach_cfg_rec r);
/* number of parts of the window; 0: not set (a number) */
MACHRT_API uint32_t mach_cfg_dma_subwindows(struct mach_cfg_rec r);
/* PAMU: which of the node's LIODNs (a number) */
MACHRT_API uint32_t mach_cfg_dma_liodn_index(struct mach_cfg_rec r);
/* SMMU: which of the node's streams (a number) */
MACHRT_API uint32_t mach_cfg_dma_stream(struct mach_cfg_rec r);
/* PAMU: index of the operation mapping (a number) */
MACHRT_API uint32_t mach_cfg_dma_operation(struct mach_cfg_rec r);
/* its mappings (the index of the first of a row of records: section DMA_MAP) */
MACHRT_API uint32_t mach_cfg_dma_first_map(struct mach_cfg_rec r);
/* how many (a number of records: section DMA_MAP) */
MACHRT_API uint32_t mach_cfg_dma_maps(struct mach_cfg_rec r);
/* its stash target (the index of a record, or none: section STASH) */
MACHRT_API uint32_t mach_cfg_dma_stash(struct mach_cfg_rec r);
/* first device address in the window (an address or a size) */
MACHRT_API uint64_t mach_cfg_dma_window(struct mach_cfg_rec r);
/* size of the window in bytes (an address or a size) */
MACHRT_API uint64_t mach_cfg_dma_size(struct mach_cfg_rec r);
/* since 1.1: PAMU: the number of parts at which each mapping fills whole parts, as a driver needs it that maps whole parts only; 0: there is no such number (a number) */
MACHRT_API uint32_t mach_cfg_dma_whole_subwindows(struct mach_cfg_rec r);
/* since 1.1: sPAPR TCE: log2 of the largest page size that divides all mappings; 0: not set (a number) */
MACHRT_API uint32_t mach_cfg_dma_page_shift(struct mach_cfg_rec r);
/* since 1.1: guest-iommu: the id in the guest's iommus or iommu-map; none: no such id (a number, or none) */
MACHRT_API uint32_t mach_cfg_dma_endpoint(struct mach_cfg_rec r);

/* ---- dma_map: Mappings of DMA domains. ---- */

/* the record that it belongs to (the index of a record: section DMA) */
MACHRT_API uint32_t mach_cfg_dma_map_dma(struct mach_cfg_rec r);
/* which of the next three fields is set (enum mach_cfg_map_kind) */
MACHRT_API uint32_t mach_cfg_dma_map_what(struct mach_cfg_rec r);
/* memory (the index of a record, or none: section MEMORY) */
MACHRT_API uint32_t mach_cfg_dma_map_memory(struct mach_cfg_rec r);
/* region (the index of a record, or none: section REGION) */
MACHRT_API uint32_t mach_cfg_dma_map_region(struct mach_cfg_rec r);
/* msi-bank (a number) */
MACHRT_API uint32_t mach_cfg_dma_map_bank(struct mach_cfg_rec r);
/* (flags of enum mach_cfg_map_flags) */
MACHRT_API uint32_t mach_cfg_dma_map_flags(struct mach_cfg_rec r);
/* offset in what is mapped (an address or a size) */
MACHRT_API uint64_t mach_cfg_dma_map_offset(struct mach_cfg_rec r);
/* bytes (an address or a size) */
MACHRT_API uint64_t mach_cfg_dma_map_size(struct mach_cfg_rec r);
/* device address (an address or a size) */
MACHRT_API uint64_t mach_cfg_dma_map_iova(struct mach_cfg_rec r);
/* since 1.1: bytes that the device can reach from iova on: a PAMU maps powers of two; 0: the same as size (an address or a size) */
MACHRT_API uint64_t mach_cfg_dma_map_granted(struct mach_cfg_rec r);

/* ---- stash: Stash targets. ---- */

/* the record that it belongs to (the index of a record, or none: section DMA) */
MACHRT_API uint32_t mach_cfg_stash_dma(struct mach_cfg_rec r);
/* which cache (enum mach_cfg_stash_kind) */
MACHRT_API uint32_t mach_cfg_stash_kind(struct mach_cfg_rec r);
/* (flags of enum mach_cfg_stash_flags) */
MACHRT_API uint32_t mach_cfg_stash_flags(struct mach_cfg_rec r);
/* the vcpu that the description names (a number, or none) */
MACHRT_API uint32_t mach_cfg_stash_vcpu(struct mach_cfg_rec r);
/* the host cpu that this vcpu is pinned to (a number, or none) */
MACHRT_API uint32_t mach_cfg_stash_host_cpu(struct mach_cfg_rec r);
/* the host's cache-stash-id; none: not in the tree (a number, or none) */
MACHRT_API uint32_t mach_cfg_stash_cache_id(struct mach_cfg_rec r);
/* tph: type of the memory that is written (enum mach_cfg_memory_type) */
MACHRT_API uint32_t mach_cfg_stash_memory_type(struct mach_cfg_rec r);
/* tph: entry in the steering tag table; none: all entries (a number, or none) */
MACHRT_API uint32_t mach_cfg_stash_st_index(struct mach_cfg_rec r);

/* ---- expect: Expectations: what the compiler assumed about the host. All are checked before anything is touched. ---- */

/* what is expected (enum mach_cfg_expect_kind) */
MACHRT_API uint32_t mach_cfg_expect_kind(struct mach_cfg_rec r);
/* the device that it is about; none: the host (the index of a record, or none: section DEVICE) */
MACHRT_API uint32_t mach_cfg_expect_device(struct mach_cfg_rec r);
/* see the kind (a number) */
MACHRT_API uint32_t mach_cfg_expect_index(struct mach_cfg_rec r);
/* see the kind (the offset of a string, or 0) */
MACHRT_API uint32_t mach_cfg_expect_string(struct mach_cfg_rec r);
/* see the kind (a number, or none) */
MACHRT_API uint64_t mach_cfg_expect_a(struct mach_cfg_rec r);
/* see the kind (a number, or none) */
MACHRT_API uint64_t mach_cfg_expect_b(struct mach_cfg_rec r);

/* ---- patch: Since 1.5: what is written into guest.dtb at each start, once its digest is checked: device addresses that follow from where the host has the memory. A reader that does not know the section refuses the file. ---- */

/* offset in guest.dtb of the eight bytes to write: two big-endian cells (an address or a size) */
MACHRT_API uint32_t mach_cfg_patch_at(struct mach_cfg_rec r);
/* the memory whose address on the host is written (the index of a record, or none: section MEMORY) */
MACHRT_API uint32_t mach_cfg_patch_memory(struct mach_cfg_rec r);
/* path of the bus in guest.dtb whose `dma-ranges` this is (the offset of a string, or 0) */
MACHRT_API uint32_t mach_cfg_patch_node(struct mach_cfg_rec r);
/* offset in the memory (an address or a size) */
MACHRT_API uint64_t mach_cfg_patch_offset(struct mach_cfg_rec r);
/* what the host's bus adds to a host address, modulo 2^64 (an address or a size) */
MACHRT_API uint64_t mach_cfg_patch_addend(struct mach_cfg_rec r);

/* ---- write: Since 1.6: registers of `shadow` regions that the guest may write, in ascending order of region and offset. ---- */

/* the region, a `shadow`, that the register is in (the index of a record, or none: section REGION) */
MACHRT_API uint32_t mach_cfg_write_region(struct mach_cfg_rec r);
/* offset in the region, a multiple of 4 (an address or a size) */
MACHRT_API uint32_t mach_cfg_write_offset(struct mach_cfg_rec r);
/* its bits that the guest may change, not 0; hiword: of bits 15 to 0 (an address or a size) */
MACHRT_API uint32_t mach_cfg_write_mask(struct mach_cfg_rec r);
/* (flags of enum mach_cfg_write_flags) */
MACHRT_API uint32_t mach_cfg_write_flags(struct mach_cfg_rec r);

#ifdef __cplusplus
}
#endif

#endif
