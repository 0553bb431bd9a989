// SPDX-License-Identifier: MIT
/*
 * The layout of guest.cfg, shared by the compiler that writes it and the library that reads it; not installed. This is
 * the one description of the format. docs/guest-cfg.md, schemas/json/config.schema.json and the installed header
 * machcfg.h are generated from the lists below, by tests/unit/test_config_doc.c (`make update-layout`).
 *
 * The file is little-endian and is used in place: every field is read through the byte-wise functions here, which are
 * right on a machine of either endianness and at any alignment. Each kind of record is described once, as a list of
 * fields F(record, type, name, kind, argument, meaning). The lists give the structs, the accessors, and the tables
 * that drive the verifier, both JSON printers and the documentation.
 */
#ifndef MACHCFG_LAYOUT_H
#define MACHCFG_LAYOUT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The generator does without what it generates. */
#ifndef MACH_CFG_GENERATE
#include "machcfg.h"
#endif

/* Not text, and visibly damaged by a transfer that treats it as text (the idea of the PNG signature). */
#define MACH_CFG_MAGIC "\x89MACH\r\n\x1a"

/* The format's version. X(NAME, value) */
#define MACH_CFG_VERSION_NUMBERS(X) X(MAJOR, 1) X(MINOR, 8)

/* ---- words in the file ---- */

typedef struct {
    uint8_t b[2];
} mach_le16;
typedef struct {
    uint8_t b[4];
} mach_le32;
typedef struct {
    uint8_t b[8];
} mach_le64;
typedef struct {
    uint8_t b[8];
} mach_bytes8;
typedef struct {
    uint8_t b[32];
} mach_bytes32;
typedef uint16_t mach_value_le16;
typedef uint32_t mach_value_le32;
typedef uint64_t mach_value_le64;

static inline void mach_cfg_store(uint8_t *p, size_t n, uint64_t v)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

static inline uint32_t mach_cfg_load32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The little-endian number in n bytes: 2, 4 or 8. */
static inline uint64_t mach_cfg_load(const uint8_t *p, size_t n)
{
    if (n == 8)
        return mach_cfg_load32(p) | (uint64_t)mach_cfg_load32(p + 4) << 32;
    if (n == 4)
        return mach_cfg_load32(p);
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static inline mach_le32 mach_le32_of(uint32_t v)
{
    mach_le32 w;
    mach_cfg_store(w.b, sizeof w.b, v);
    return w;
}

static inline mach_le64 mach_le64_of(uint64_t v)
{
    mach_le64 w;
    mach_cfg_store(w.b, sizeof w.b, v);
    return w;
}

/* ---- words for numbers: E(set, NAME, value, "word", what it means) ---- */

#define MACH_CFG_SET_arch(E)                                                                                           \
    E(arch, ARCH_UNKNOWN, 0, "unknown", "a platform with an architecture that this version has no word for")           \
    E(arch, ARCH_ARM64, 1, "arm64", "64-bit Arm")                                                                      \
    E(arch, ARCH_ARM, 2, "arm", "32-bit Arm")                                                                          \
    E(arch, ARCH_RISCV64, 3, "riscv64", "64-bit RISC-V")                                                               \
    E(arch, ARCH_PPC, 4, "ppc", "Power, big-endian")                                                                   \
    E(arch, ARCH_X86_64, 5, "x86-64", "64-bit x86")

#define MACH_CFG_SET_iommu(E)                                                                                          \
    E(iommu, IOMMU_AUTO, 0, "auto", "the one that the host has")                                                       \
    E(iommu, IOMMU_SMMU, 1, "smmu", "page tables: Arm SMMU and similar")                                               \
    E(iommu, IOMMU_PAMU, 2, "pamu",                                                                                    \
      "Freescale PAMU: power-of-two windows; set up only on a kernel that is known "                                   \
      "to have its driver")                                                                                            \
    E(iommu, IOMMU_SPAPR_TCE, 3, "spapr-tce", "PowerPC TCE windows")                                                   \
    E(iommu, IOMMU_NONE, 4, "none", "no IOMMU: no device gets a mapping")

#define MACH_CFG_SET_backing(E)                                                                                        \
    E(backing, BACKING_ANONYMOUS, 0, "anonymous", "anonymous memory")                                                  \
    E(backing, BACKING_HUGETLB, 1, "hugetlb", "huge pages of `page_size` bytes")                                       \
    E(backing, BACKING_FILE, 2, "file", "file `path`, from `offset` on")                                               \
    E(backing, BACKING_PHYSICAL, 3, "physical",                                                                        \
      "host physical memory at `physical`, kept from the kernel and mapped through /dev/mem")                          \
    E(backing, BACKING_CONTIGUOUS, 4, "contiguous",                                                                    \
      "since 1.5: huge pages that lie side by side on the host, at `physical` or wherever there are such")             \
    E(backing, BACKING_HEAP, 5, "heap",                                                                                \
      "since 1.5: one piece of the DMA heap `path`, at `physical` or wherever the heap has it")

#define MACH_CFG_SET_memory_flags(E)                                                                                   \
    E(memory_flags, MEMORY_READONLY, 1, "readonly", "the guest cannot write to it, and neither can its devices")       \
    E(memory_flags, MEMORY_NO_DMA, 2, "no-dma", "no device can reach it")

#define MACH_CFG_SET_device_kind(E)                                                                                    \
    E(device_kind, DEVICE_EMULATED, 0, "emulated", "emulated by the VMM")                                              \
    E(device_kind, DEVICE_PLATFORM, 1, "platform",                                                                     \
      "a host platform device, at /sys/bus/platform/devices/`sysfs_name`")                                             \
    E(device_kind, DEVICE_PCI, 2, "pci", "a host PCI function, at /sys/bus/pci/devices/`sysfs_name`")                  \
    E(device_kind, DEVICE_RAW, 3, "raw", "composed of files: each region and interrupt names its file")

#define MACH_CFG_SET_reset(E)                                                                                          \
    E(reset, RESET_NEVER, 0, "never", "not reset")                                                                     \
    E(reset, RESET_IF_POSSIBLE, 1, "if-possible", "reset before use and after it where the kernel can")                \
    E(reset, RESET_REQUIRED, 2, "required", "an error where the kernel cannot reset it")

#define MACH_CFG_SET_region_mode(E)                                                                                    \
    E(region_mode, REGION_MAP, 0, "map", "mapped into the guest at `guest`")                                           \
    E(region_mode, REGION_TRAP, 1, "trap", "accesses at `guest` exit to the VMM and are forwarded")                    \
    E(region_mode, REGION_DROP, 2, "drop", "not in the guest: the device has it, but it is not used")

#define MACH_CFG_SET_region_flags(E)                                                                                   \
    E(region_flags, REGION_UNSAFE, 1, "unsafe",                                                                        \
      "its pages contain registers of other devices; `reason` says why it is mapped")                                  \
    E(region_flags, REGION_WINDOW, 2, "window", "a window of the node's `ranges`, not an entry of its `reg`")          \
    E(region_flags, REGION_SHADOW, 4, "shadow",                                                                        \
      "since 1.6: trapped registers of 4 bytes that stay with the host: any can be read, and written only as the "     \
      "`write` records of the region say")                                                                             \
    E(region_flags, REGION_BIG_ENDIAN, 8, "big-endian", "since 1.6: shadow: its registers are big-endian")

#define MACH_CFG_SHADOW_SIZE (16 << 20) /* bytes of a shadow, at most */

#define MACH_CFG_SET_write_flags(E)                                                                                    \
    E(write_flags, WRITE_HIWORD, 1, "hiword",                                                                          \
      "bits 31 to 16 of what is written select which of bits 15 to 0 change, so that nothing is read first")           \
    E(write_flags, WRITE_PLAIN, 2, "plain",                                                                            \
      "since 1.7: hiword: for the guest it is an ordinary register: the library selects the bits that change")

#define MACH_CFG_SET_irq_source(E)                                                                                     \
    E(irq_source, IRQ_DEVICE, 0, "device", "interrupt `index` of the host device")                                     \
    E(irq_source, IRQ_MAP_ENTRY, 1, "map-entry", "entry `index` of the device's interrupt-map")                        \
    E(irq_source, IRQ_EMULATED, 2, "emulated", "interrupt `index` of the emulated device: raised by the VMM")          \
    E(irq_source, IRQ_FILE, 3, "file", "a read of `file` returns when the interrupt fires (UIO)")

#define MACH_CFG_SET_trigger(E)                                                                                        \
    E(trigger, TRIGGER_NONE, 0, "none", "unknown")                                                                     \
    E(trigger, TRIGGER_EDGE, 1, "edge", "one event per edge")                                                          \
    E(trigger, TRIGGER_LEVEL, 2, "level", "masked when it fires, unmasked when the guest has acknowledged it")

#define MACH_CFG_SET_irq_flags(E)                                                                                      \
    E(irq_flags, IRQ_RESAMPLE, 1, "resample",                                                                          \
      "level: the irqfd needs a resample eventfd that unmasks the host's line")                                        \
    E(irq_flags, IRQ_DROPPED, 2, "dropped", "not in the guest: the device has it, but it is not used")                 \
    E(irq_flags, IRQ_SHARED, 4, "shared",                                                                              \
      "since 1.4: another one of the machine, on the same line, is bound for both: bind nothing")

#define MACH_CFG_SET_dma_mode(E)                                                                                       \
    E(dma_mode, DMA_NONE, 0, "none", "no mapping")                                                                     \
    E(dma_mode, DMA_ALL, 1, "all", "the guest's memory at its guest addresses, as the maps list it")                   \
    E(dma_mode, DMA_IDENTITY, 2, "identity", "no IOMMU: guest addresses must equal host addresses")                    \
    E(dma_mode, DMA_GUEST_IOMMU, 3, "guest-iommu", "mapped when the guest programs device `guest_iommu`")              \
    E(dma_mode, DMA_WINDOW, 4, "window", "only the maps")                                                              \
    E(dma_mode, DMA_BUS, 5, "bus",                                                                                     \
      "since 1.5: no IOMMU: device addresses are the host's, and a bus of the guest translates (`dma-ranges`)")

#define MACH_CFG_SET_dma_flags(E)                                                                                      \
    E(dma_flags, DMA_HAS_WINDOW, 1, "window", "`window` and `size` are given")                                         \
    E(dma_flags, DMA_HAS_LIODN_INDEX, 2, "liodn-index", "`liodn_index` is given")                                      \
    E(dma_flags, DMA_HAS_STREAM, 4, "stream", "`stream` is given")                                                     \
    E(dma_flags, DMA_HAS_OPERATION, 8, "operation", "`operation` is given")                                            \
    E(dma_flags, DMA_NO_IOMMU, 16, "no-iommu", "since 1.4: the device is not behind an IOMMU: nothing restricts it")

#define MACH_CFG_SET_map_kind(E)                                                                                       \
    E(map_kind, MAP_MEMORY, 0, "memory", "part of guest memory `memory`")                                              \
    E(map_kind, MAP_REGION, 1, "region", "part of device region `region`")                                             \
    E(map_kind, MAP_MSI_BANK, 2, "msi-bank", "the registers of MSI bank `bank`")

#define MACH_CFG_SET_map_flags(E) E(map_flags, MAP_READONLY, 1, "readonly", "the device cannot write")

#define MACH_CFG_SET_stash_kind(E)                                                                                     \
    E(stash_kind, STASH_L1, 1, "l1", "the level 1 cache of `host_cpu`")                                                \
    E(stash_kind, STASH_L2, 2, "l2", "the level 2 cache of `host_cpu`")                                                \
    E(stash_kind, STASH_L3, 3, "l3", "the level 3 cache that all cpus share")                                          \
    E(stash_kind, STASH_ID, 4, "id", "the cache whose stash id is `cache_id`")                                         \
    E(stash_kind, STASH_TPH, 5, "tph", "PCIe TLP processing hints: the steering tag of `host_cpu`")

#define MACH_CFG_SET_stash_flags(E)                                                                                    \
    E(stash_flags, STASH_IF_POSSIBLE, 1, "if-possible", "the guest works without it: a failure is only reported")

#define MACH_CFG_SET_memory_type(E)                                                                                    \
    E(memory_type, MEMORY_VOLATILE, 0, "volatile", "volatile memory (PCI Firmware Specification: VM)")                 \
    E(memory_type, MEMORY_PERSISTENT, 1, "persistent", "persistent memory (PM)")

#define MACH_CFG_STEERING_TAGS 2048 /* entries of a steering tag table, at most (PCIe 6.0, 7.9.13.2) */

#define MACH_CFG_SET_expect_kind(E)                                                                                    \
    E(expect_kind, EXPECT_PAGE_SIZE, 0, "page-size", "the kernel's pages are `a` bytes")                               \
    E(expect_kind, EXPECT_HOST_COMPATIBLE, 1, "host-compatible",                                                       \
      "string `index` of the compatible of the host tree's root is `string`")                                          \
    E(expect_kind, EXPECT_CPU_ONLINE, 2, "cpu-online", "host cpu `index` is online")                                   \
    E(expect_kind, EXPECT_HUGE_PAGES, 3, "huge-pages",                                                                 \
      "there are huge pages of `a` bytes, and `b` bytes of them are free")                                             \
    E(expect_kind, EXPECT_FILE, 4, "file", "`string` exists and can be opened")                                        \
    E(expect_kind, EXPECT_SYSFS_NAME, 5, "sysfs-name", "the device is on its bus as `string`")                         \
    E(expect_kind, EXPECT_COMPATIBLE, 6, "compatible", "the first compatible of the device's node is `string`")        \
    E(expect_kind, EXPECT_REGION, 7, "region", "region `index` is at `a` (none: anywhere) and has `b` bytes")          \
    E(expect_kind, EXPECT_IRQ_COUNT, 8, "irq-count", "the device has `a` interrupts")                                  \
    E(expect_kind, EXPECT_IRQ_TRIGGER, 9, "irq-trigger",                                                               \
      "the trigger of interrupt `index` is `a` (set trigger); `string` is the host's word for it")                     \
    E(expect_kind, EXPECT_GROUP_MEMBER, 10, "group-member", "device `string` is in the same IOMMU group")              \
    E(expect_kind, EXPECT_MEMORY_FREE, 11, "memory-free",                                                              \
      "since 1.3: the host's kernel does not use the `b` bytes at `a`, which are the guest's memory `string`, or "     \
      "region `index` of the raw device `string`, `device`")                                                           \
    E(expect_kind, EXPECT_KVM_DEVICE, 12, "kvm-device",                                                                \
      "since 1.4: the host's KVM can make the device `string`, which serves irqchip `index`")                          \
    E(expect_kind, EXPECT_POWER_LINK, 13, "power-link",                                                                \
      "since 1.8: the device is linked to the platform device `string`, which has a driver and runs while the device " \
      "is open: its clocks and power domains")                                                                         \
    E(expect_kind, EXPECT_TREE_PROPERTY, 14, "tree-property",                                                          \
      "since 1.8: the host's tree has the property `string`, a path, and it is the number `a` (none: anything)")       \
    E(expect_kind, EXPECT_ARGUMENT, 15, "argument",                                                                    \
      "since 1.8: the host's kernel was started with the argument `string`, \"NAME=VALUE\"")                           \
    E(expect_kind, EXPECT_CPU_ISOLATED, 16, "cpu-isolated",                                                            \
      "since 1.8: the host's scheduler keeps off host cpu `index`")

/* Every set once: S(name, what, is a flag set). */
#define MACH_CFG_SETS(S)                                                                                               \
    S(arch, "architectures", 0)                                                                                        \
    S(iommu, "kinds of IOMMU", 0)                                                                                      \
    S(backing, "backings of memory", 0)                                                                                \
    S(memory_flags, "flags of memory", 1)                                                                              \
    S(device_kind, "kinds of device", 0)                                                                               \
    S(reset, "reset policies", 0)                                                                                      \
    S(region_mode, "modes of a region", 0)                                                                             \
    S(region_flags, "flags of a region", 1)                                                                            \
    S(write_flags, "flags of a register that can be written", 1)                                                       \
    S(irq_source, "sources of an interrupt", 0)                                                                        \
    S(trigger, "triggers", 0)                                                                                          \
    S(irq_flags, "flags of an interrupt", 1)                                                                           \
    S(dma_mode, "DMA modes", 0)                                                                                        \
    S(dma_flags, "fields of a DMA domain that are set", 1)                                                             \
    S(map_kind, "targets of a mapping", 0)                                                                             \
    S(map_flags, "flags of a mapping", 1)                                                                              \
    S(stash_kind, "stash targets", 0)                                                                                  \
    S(stash_flags, "flags of a stash target", 1)                                                                       \
    S(memory_type, "memory types of TPH", 0)                                                                           \
    S(expect_kind, "kinds of expectation", 0)

/* ---- header, section table, records ---- */

#define MACH_CFG_HEADER_FIELDS(F, R)                                                                                   \
    F(R, bytes8, magic, BYTES, 0, "89 4d 41 43 48 0d 0a 1a")                                                           \
    F(R, le16, major, NUM, 0, "a reader refuses any other than its own")                                               \
    F(R, le16, minor, NUM, 0, "raised for additions that an older reader can ignore, or refuses explicitly")           \
    F(R, le32, header_size, NUM, 0, "at least the sum of this table")                                                  \
    F(R, le64, total_size, HEX, 0, "size of the file, exactly")                                                        \
    F(R, le32, checksum, HEX, 0, "CRC-32C of the whole file, with 0 in these four bytes")                              \
    F(R, le32, sections, NUM, 0, "number of entries in the section table")                                             \
    F(R, le64, section_table, HEX, 0, "offset of the section table, a multiple of 8")                                  \
    F(R, le32, entry_size, NUM, 0, "size of an entry, a multiple of 8, at least the sum of the table below")           \
    F(R, le32, reserved0, ZERO, 0, "0")                                                                                \
    F(R, le64, dtb_size, HEX, 0, "size of the guest.dtb that this file belongs to")                                    \
    F(R, bytes32, dtb_sha256, BYTES, 0, "SHA-256 of that guest.dtb")                                                   \
    F(R, le64, reserved1, ZERO, 0, "0")

#define MACH_CFG_ENTRY_FIELDS(F, R)                                                                                    \
    F(R, le32, type, NUM, 0, "type of the section; entries are in ascending order, each type at most once")            \
    F(R, le32, flags, NUM, 0,                                                                                          \
      "bit 0: required, a reader that does not know the section refuses the file; other bits are 0")                   \
    F(R, le64, offset, HEX, 0, "offset in the file, a multiple of 8, not before the end of the previous section")      \
    F(R, le64, size, HEX, 0, "size in bytes: record_size x count")                                                     \
    F(R, le32, record_size, NUM, 0, "bytes from one record to the next, a multiple of 4 (1 in the string table)")      \
    F(R, le32, count, NUM, 0, "number of records")

enum { MACH_CFG_SECTION_REQUIRED = 1 };

/* Sizes in version 1.0: what a file has at least. */
enum { MACH_CFG_HEADER_LEAST = 96, MACH_CFG_ENTRY_LEAST = 32 };

#define MACH_CFG_MACHINE_FIELDS(F, R)                                                                                  \
    F(R, le32, name, STR, 0, "the machine's name")                                                                     \
    F(R, le32, model, STR, 0, "the model in the guest's tree")                                                         \
    F(R, le32, platform, STR, 0, "name of the platform template")                                                      \
    F(R, le32, arch, ENUM, arch, "the guest's architecture")                                                           \
    F(R, le32, iommu, ENUM, iommu, "the host's IOMMU according to the description")                                    \
    F(R, le32, host_file, STR, 0, "file name of the host tree, without directory; none: no host tree")                 \
    F(R, le32, host_model, STR, 0, "model of the host tree")                                                           \
    F(R, le32, host_compatible, STR, 0, "first compatible of the host tree")                                           \
    F(R, le64, host_page_size, HEX, 0, "page size of the host kernel in bytes")

#define MACH_CFG_CPU_FIELDS(F, R)                                                                                      \
    F(R, le32, vcpu, NUM, 0, "number of the virtual cpu")                                                              \
    F(R, le32, host_cpu, OPT, 0, "the host cpu that it is pinned to; none: not pinned")                                \
    F(R, le64, reg, HEX, 0, "its reg in the guest's tree (arm64: MPIDR affinity)")

#define MACH_CFG_MEMORY_FIELDS(F, R)                                                                                   \
    F(R, le32, name, STR, 0, "the region's name")                                                                      \
    F(R, le32, backing, ENUM, backing, "what backs it")                                                                \
    F(R, le32, path, STR, 0, "file: its path")                                                                         \
    F(R, le32, share, STR, 0, "machines that have the same word here share the memory")                                \
    F(R, le32, flags, FLAGS, memory_flags, "")                                                                         \
    F(R, le32, reserved0, ZERO, 0, "0")                                                                                \
    F(R, le64, address, HEX, 0, "guest physical address")                                                              \
    F(R, le64, size, HEX, 0, "size in bytes, not 0")                                                                   \
    F(R, le64, offset, HEX, 0, "file: offset in it")                                                                   \
    F(R, le64, physical, OPT, 0, "physical, contiguous, heap: the host's address; none: anywhere within the limits")   \
    F(R, le64, page_size, HEX, 0, "hugetlb, contiguous: page size in bytes; contiguous: 0: any that divides the size") \
    F(R, le64, lowest, HEX, 0, "since 1.5: contiguous, heap: the host's address is not below this")                    \
    F(R, le64, limit, HEX, 0, "since 1.5: contiguous, heap: its last byte on the host is below this; 0: no limit")

#define MACH_CFG_IRQCHIP_FIELDS(F, R)                                                                                  \
    F(R, le32, name, STR, 0, "the chip's name")                                                                        \
    F(R, le32, class_name, STR, 0, "its class: gic-v3, mpic")                                                          \
    F(R, le32, kvm, STR, 0, "KVM's device for it: arm-vgic-v3, fsl-mpic-42; none: the VMM emulates it")                \
    F(R, le32, lines, NUM, 0, "number of lines")                                                                       \
    F(R, le32, first_region, FIRST, CHIP_REGION, "its regions, in the order of the class")                             \
    F(R, le32, regions, COUNT, CHIP_REGION, "how many")                                                                \
    F(R, le32, messages, NUM, 0,                                                                                       \
      "since 1.2: its lines are messages, and each cpu has so many; they are written to its last region, "             \
      "of which each cpu has an equal part; 0: no messages")

#define MACH_CFG_CHIP_REGION_FIELDS(F, R)                                                                              \
    F(R, le32, name, STR, 0, "name in the class")                                                                      \
    F(R, le32, reserved0, ZERO, 0, "0")                                                                                \
    F(R, le64, address, HEX, 0, "guest physical address")                                                              \
    F(R, le64, size, HEX, 0, "bytes")

#define MACH_CFG_DEVICE_FIELDS(F, R)                                                                                   \
    F(R, le32, name, STR, 0, "the device's name in the description")                                                   \
    F(R, le32, kind, ENUM, device_kind, "how the guest gets it")                                                       \
    F(R, le32, class_name, STR, 0, "its device class, which says what to emulate; none: unknown")                      \
    F(R, le32, node, STR, 0, "path of its node in guest.dtb; none: no node")                                           \
    F(R, le32, host_path, STR, 0, "path of its node in the host tree; none: no node")                                  \
    F(R, le32, sysfs_name, STR, 0, "its name on its bus: ffe118000.i2c, 0000:01:00.0")                                 \
    F(R, le32, compatible, STR, 0, "first compatible of its host node")                                                \
    F(R, le32, reset, ENUM, reset, "whether to reset it before and after use")                                         \
    F(R, le32, vcpu, OPT, 0, "the vcpu that it belongs to (a portal); none: no vcpu")                                  \
    F(R, le32, parent, REF, DEVICE, "the device further up in the tree that was passed through with it")               \
    F(R, le32, bus, STR, 0, "the guest bus that it is on, if it is a PCI function there")                              \
    F(R, le32, slot, OPT, 0, "its slot on that bus")                                                                   \
    F(R, le32, first_region, FIRST, REGION, "its regions")                                                             \
    F(R, le32, regions, COUNT, REGION, "how many")                                                                     \
    F(R, le32, first_irq, FIRST, IRQ, "its interrupts")                                                                \
    F(R, le32, irqs, COUNT, IRQ, "how many")                                                                           \
    F(R, le32, first_dma, FIRST, DMA, "its DMA domains, one for each of its streams")                                  \
    F(R, le32, dmas, COUNT, DMA, "how many")

#define MACH_CFG_REGION_FIELDS(F, R)                                                                                   \
    F(R, le32, device, OWNER, DEVICE, "the record that it belongs to")                                                 \
    F(R, le32, index, NUM, 0, "index in reg, of the BAR, or in ranges")                                                \
    F(R, le32, name, STR, 0, "entry in reg-names")                                                                     \
    F(R, le32, mode, ENUM, region_mode, "whether it is mapped, trapped or dropped")                                    \
    F(R, le32, flags, FLAGS, region_flags, "")                                                                         \
    F(R, le32, reason, STR, 0, "unsafe: the reason in the description")                                                \
    F(R, le32, file, STR, 0, "raw: the file to map")                                                                   \
    F(R, le32, reserved0, ZERO, 0, "0")                                                                                \
    F(R, le64, host, OPT, 0, "host physical address; none: read on the host (pci), or a file")                         \
    F(R, le64, size, HEX, 0, "size in bytes; 0: read on the host (pci)")                                               \
    F(R, le64, guest, OPT, 0, "guest physical address; none: not in the guest, or a BAR that the guest places")        \
    F(R, le64, offset, HEX, 0, "raw: offset in the file")

#define MACH_CFG_IRQ_FIELDS(F, R)                                                                                      \
    F(R, le32, device, OWNER, DEVICE, "the record that it belongs to")                                                 \
    F(R, le32, source, ENUM, irq_source, "its source")                                                                 \
    F(R, le32, index, NUM, 0, "index at the source")                                                                   \
    F(R, le32, name, STR, 0, "entry in interrupt-names, or intx")                                                      \
    F(R, le32, host, STR, 0, "the host's line as text for messages: GIC SPI 54, level-high")                           \
    F(R, le32, file, STR, 0, "file: its path")                                                                         \
    F(R, le32, chip, REF, IRQCHIP, "the guest's chip; none: dropped")                                                  \
    F(R, le32, kind, STR, 0, "kind of line at the chip: spi")                                                          \
    F(R, le32, number, OPT, 0, "line at the chip; none: dropped")                                                      \
    F(R, le32, gsi, OPT, 0, "KVM's number for the line; none: cannot be an irqfd")                                     \
    F(R, le32, trigger, ENUM, trigger, "trigger of the guest's line")                                                  \
    F(R, le32, trigger_name, STR, 0, "the chip's word for the trigger: level-high")                                    \
    F(R, le32, flags, FLAGS, irq_flags, "")                                                                            \
    F(R, le32, first_cell, FIRST, CELL, "the specifier in the guest's tree")                                           \
    F(R, le32, cells, COUNT, CELL, "how many")                                                                         \
    F(R, le32, reserved0, ZERO, 0, "0")

#define MACH_CFG_CELL_FIELDS(F, R) F(R, le32, value, HEX, 0, "one cell of a specifier")

#define MACH_CFG_DMA_FIELDS(F, R)                                                                                      \
    F(R, le32, device, OWNER, DEVICE, "the record that it belongs to")                                                 \
    F(R, le32, name, STR, 0, "the domain's name, where the device has several")                                        \
    F(R, le32, mode, ENUM, dma_mode, "what the device can reach")                                                      \
    F(R, le32, guest_iommu, REF, DEVICE, "guest-iommu: the emulated IOMMU that translates for it")                     \
    F(R, le32, flags, FLAGS, dma_flags, "which of the fields below are set; the others are 0")                         \
    F(R, le32, subwindows, NUM, 0, "number of parts of the window; 0: not set")                                        \
    F(R, le32, liodn_index, NUM, 0, "PAMU: which of the node's LIODNs")                                                \
    F(R, le32, stream, NUM, 0, "SMMU: which of the node's streams")                                                    \
    F(R, le32, operation, NUM, 0, "PAMU: index of the operation mapping")                                              \
    F(R, le32, first_map, FIRST, DMA_MAP, "its mappings")                                                              \
    F(R, le32, maps, COUNT, DMA_MAP, "how many")                                                                       \
    F(R, le32, stash, REF, STASH, "its stash target")                                                                  \
    F(R, le64, window, HEX, 0, "first device address in the window")                                                   \
    F(R, le64, size, HEX, 0, "size of the window in bytes")                                                            \
    F(R, le32, whole_subwindows, NUM, 0,                                                                               \
      "since 1.1: PAMU: the number of parts at which each mapping fills whole parts, as a driver needs it "            \
      "that maps whole parts only; 0: there is no such number")                                                        \
    F(R, le32, page_shift, NUM, 0,                                                                                     \
      "since 1.1: sPAPR TCE: log2 of the largest page size that divides all mappings; 0: not set")                     \
    F(R, le32, endpoint, OPT, 0,                                                                                       \
      "since 1.1: guest-iommu: the id in the guest's iommus or iommu-map; none: no such id")                           \
    F(R, le32, reserved0, ZERO, 0, "0")

#define MACH_CFG_DMA_MAP_FIELDS(F, R)                                                                                  \
    F(R, le32, dma, OWNER, DMA, "the record that it belongs to")                                                       \
    F(R, le32, what, ENUM, map_kind, "which of the next three fields is set")                                          \
    F(R, le32, memory, REF, MEMORY, "memory")                                                                          \
    F(R, le32, region, REF, REGION, "region")                                                                          \
    F(R, le32, bank, NUM, 0, "msi-bank")                                                                               \
    F(R, le32, flags, FLAGS, map_flags, "")                                                                            \
    F(R, le64, offset, HEX, 0, "offset in what is mapped")                                                             \
    F(R, le64, size, HEX, 0, "bytes")                                                                                  \
    F(R, le64, iova, HEX, 0, "device address")                                                                         \
    F(R, le64, granted, HEX, 0,                                                                                        \
      "since 1.1: bytes that the device can reach from iova on: a PAMU maps powers of two; 0: the same as size")

#define MACH_CFG_STASH_FIELDS(F, R)                                                                                    \
    F(R, le32, dma, REF, DMA, "the record that it belongs to")                                                         \
    F(R, le32, kind, ENUM, stash_kind, "which cache")                                                                  \
    F(R, le32, flags, FLAGS, stash_flags, "")                                                                          \
    F(R, le32, vcpu, OPT, 0, "the vcpu that the description names")                                                    \
    F(R, le32, host_cpu, OPT, 0, "the host cpu that this vcpu is pinned to")                                           \
    F(R, le32, cache_id, OPT, 0, "the host's cache-stash-id; none: not in the tree")                                   \
    F(R, le32, memory_type, ENUM, memory_type, "tph: type of the memory that is written")                              \
    F(R, le32, st_index, OPT, 0, "tph: entry in the steering tag table; none: all entries")

#define MACH_CFG_EXPECT_FIELDS(F, R)                                                                                   \
    F(R, le32, kind, ENUM, expect_kind, "what is expected")                                                            \
    F(R, le32, device, REF, DEVICE, "the device that it is about; none: the host")                                     \
    F(R, le32, index, NUM, 0, "see the kind")                                                                          \
    F(R, le32, string, STR, 0, "see the kind")                                                                         \
    F(R, le64, a, OPT, 0, "see the kind")                                                                              \
    F(R, le64, b, OPT, 0, "see the kind")

#define MACH_CFG_PATCH_FIELDS(F, R)                                                                                    \
    F(R, le32, at, HEX, 0, "offset in guest.dtb of the eight bytes to write: two big-endian cells")                    \
    F(R, le32, memory, REF, MEMORY, "the memory whose address on the host is written")                                 \
    F(R, le32, node, STR, 0, "path of the bus in guest.dtb whose `dma-ranges` this is")                                \
    F(R, le32, reserved0, ZERO, 0, "0")                                                                                \
    F(R, le64, offset, HEX, 0, "offset in the memory")                                                                 \
    F(R, le64, addend, HEX, 0, "what the host's bus adds to a host address, modulo 2^64")

#define MACH_CFG_WRITE_FIELDS(F, R)                                                                                    \
    F(R, le32, region, REF, REGION, "the region, a `shadow`, that the register is in")                                 \
    F(R, le32, offset, HEX, 0, "offset in the region, a multiple of 4")                                                \
    F(R, le32, mask, HEX, 0, "its bits that the guest may change, not 0; hiword: of bits 15 to 0")                     \
    F(R, le32, flags, FLAGS, write_flags, "")

/*
 * Every section once: S(name, NAME, type, size of a record in version 1.0, what its records are). Type 1 is the
 * string table. A later minor version may add fields at the end of a record; the size stays what it is here.
 */
#define MACH_CFG_SECTIONS(S)                                                                                           \
    S(machine, MACHINE, 2, 40, "The machine: exactly one record.")                                                     \
    S(cpu, CPU, 3, 16, "Virtual cpus.")                                                                                \
    S(memory, MEMORY, 4, 64, "Guest memory.")                                                                          \
    S(irqchip, IRQCHIP, 5, 24, "Interrupt controllers. Record 0 is the root.")                                         \
    S(chip_region, CHIP_REGION, 6, 24, "Register regions of interrupt controllers.")                                   \
    S(device, DEVICE, 7, 72, "Devices, emulated and assigned, in the order of the description.")                       \
    S(region, REGION, 8, 64, "Regions of devices.")                                                                    \
    S(irq, IRQ, 9, 64, "Interrupts: links from a source to a line of the guest.")                                      \
    S(cell, CELL, 10, 4, "Cells of interrupt specifiers.")                                                             \
    S(dma, DMA, 11, 64, "DMA domains: what one stream of a device can reach.")                                         \
    S(dma_map, DMA_MAP, 12, 48, "Mappings of DMA domains.")                                                            \
    S(stash, STASH, 13, 32, "Stash targets.")                                                                          \
    S(expect, EXPECT, 14, 32,                                                                                          \
      "Expectations: what the compiler assumed about the host. All are checked before "                                \
      "anything is touched.")                                                                                          \
    S(patch, PATCH, 15, 32,                                                                                            \
      "Since 1.5: what is written into guest.dtb at each start, once its digest is checked: device addresses that "    \
      "follow from where the host has the memory. A reader that does not know the section refuses the file.")          \
    S(write, WRITE, 16, 16,                                                                                            \
      "Since 1.6: registers of `shadow` regions that the guest may write, in ascending order of region and offset.")

/*
 * Kinds of field. What a reader takes for a field that an older file's records are too short to have:
 * none for OPT, REF and OWNER, 0 for all others.
 */
enum mach_cfg_kind {
    MACH_CFG_K_NUM,   // a number
    MACH_CFG_K_HEX,   // an address or a size
    MACH_CFG_K_OPT,   // a number, or all ones: none
    MACH_CFG_K_STR,   // offset into the string table; 0: none
    MACH_CFG_K_REF,   // index of a record of another section, or all ones: none
    MACH_CFG_K_OWNER, // index of the record whose first/count pair holds this one
    MACH_CFG_K_FIRST, // index of the first of a row of records in another section; its COUNT is the next field
    MACH_CFG_K_COUNT, // how many
    MACH_CFG_K_ENUM,  // one value of a set
    MACH_CFG_K_FLAGS, // values of a set, or-ed
    MACH_CFG_K_ZERO,  // reserved
    MACH_CFG_K_BYTES  // bytes (header only)
};

/* ---- generated from the lists ---- */

#ifdef MACH_CFG_GENERATE
#define MACH_CFG_NONE                                     UINT32_C(0xffffffff)
#define MACH_CFG_NONE64                                   UINT64_C(0xffffffffffffffff)
#define MACH_CFG_ENUMERATOR_(set, name, value, word, doc) MACH_CFG_##name = value,
#define MACH_CFG_ENUM_(set, doc, flags)                   enum mach_cfg_##set{MACH_CFG_SET_##set(MACH_CFG_ENUMERATOR_)};
MACH_CFG_SETS(MACH_CFG_ENUM_)
#define MACH_CFG_SECTION_TYPE_(name, NAME, type, least, doc) MACH_CFG_S_##NAME = type,
enum mach_cfg_section_type {
    MACH_CFG_S_STRINGS = 1,
    MACH_CFG_SECTIONS(MACH_CFG_SECTION_TYPE_) MACH_CFG_S_END // one more than the last
};
struct mach_cfg_rec {
    const uint8_t *at;
    uint32_t size;
};
#else
#define MACH_CFG_SAME_(set, name, value, word, doc)                                                                    \
    _Static_assert(MACH_CFG_##name == value, "machcfg.h is not up to date: make update-layout");
#define MACH_CFG_SAME_SET_(set, doc, flags) MACH_CFG_SET_##set(MACH_CFG_SAME_)
MACH_CFG_SETS(MACH_CFG_SAME_SET_)
#define MACH_CFG_SAME_TYPE_(name, NAME, type, least, doc)                                                              \
    _Static_assert(MACH_CFG_S_##NAME == type, "machcfg.h is not up to date: make update-layout");
MACH_CFG_SECTIONS(MACH_CFG_SAME_TYPE_)
#endif

#define MACH_CFG_MEMBER_(R, type, name, kind, arg, doc) mach_##type name;
struct mach_cfg_header {
    MACH_CFG_HEADER_FIELDS(MACH_CFG_MEMBER_, header)
};
struct mach_cfg_entry {
    MACH_CFG_ENTRY_FIELDS(MACH_CFG_MEMBER_, entry)
};
#define MACH_CFG_STRUCT_(name, NAME, type, least, doc)                                                                 \
    struct mach_cfg_##name {                                                                                           \
        MACH_CFG_##NAME##_FIELDS(MACH_CFG_MEMBER_, name)                                                               \
    };
MACH_CFG_SECTIONS(MACH_CFG_STRUCT_)

/* The field of `size` bytes at `offset`; `missing` where the record is too short to have it. */
static inline uint64_t mach_cfg_get(struct mach_cfg_rec r, size_t offset, size_t size, uint64_t missing)
{
    return offset + size <= r.size ? mach_cfg_load(r.at + offset, size) : missing;
}

/* The tables: words of sets, fields, sections. Only the generator has the texts. */
#ifdef MACH_CFG_GENERATE
#define MACH_CFG_DOC_(text) text
#else
#define MACH_CFG_DOC_(text) NULL
#endif

struct mach_cfg_word {
    uint32_t value;
    const char *word;
    const char *doc;
};

struct mach_cfg_field {
    const char *name;
    uint16_t offset;
    uint8_t size;
    uint8_t kind;    // enum mach_cfg_kind
    uint8_t section; // of REF, OWNER, FIRST, COUNT: enum mach_cfg_section_type
    uint8_t nwords;
    const struct mach_cfg_word *words; // of ENUM and FLAGS
    const char *set;
    const char *doc;
};

struct mach_cfg_section_info {
    const char *name;
    uint32_t type;
    uint32_t record_size; // of this version
    uint32_t least;       // of version 1.0: what a file's records have at least
    const struct mach_cfg_field *fields;
    uint32_t nfields;
    const char *doc;
};

#define MACH_CFG_UNUSED_                            __attribute__((unused))
#define MACH_CFG_WORD_(set, name, value, word, doc) {value, word, MACH_CFG_DOC_(doc)},
#define MACH_CFG_WORDS_(set, doc, flags)                                                                               \
    MACH_CFG_UNUSED_ static const struct mach_cfg_word mach_cfg_words_##set[] = {MACH_CFG_SET_##set(MACH_CFG_WORD_)};
MACH_CFG_SETS(MACH_CFG_WORDS_)

#define MACH_CFG_NWORDS_(a)   ((uint8_t)(sizeof mach_cfg_words_##a / sizeof mach_cfg_words_##a[0]))
#define MACH_CFG_ARG_NUM(a)   0, 0, NULL, NULL
#define MACH_CFG_ARG_HEX(a)   0, 0, NULL, NULL
#define MACH_CFG_ARG_OPT(a)   0, 0, NULL, NULL
#define MACH_CFG_ARG_STR(a)   MACH_CFG_S_STRINGS, 0, NULL, NULL
#define MACH_CFG_ARG_REF(a)   MACH_CFG_S_##a, 0, NULL, NULL
#define MACH_CFG_ARG_OWNER(a) MACH_CFG_S_##a, 0, NULL, NULL
#define MACH_CFG_ARG_FIRST(a) MACH_CFG_S_##a, 0, NULL, NULL
#define MACH_CFG_ARG_COUNT(a) MACH_CFG_S_##a, 0, NULL, NULL
#define MACH_CFG_ARG_ENUM(a)  0, MACH_CFG_NWORDS_(a), mach_cfg_words_##a, #a
#define MACH_CFG_ARG_FLAGS(a) 0, MACH_CFG_NWORDS_(a), mach_cfg_words_##a, #a
#define MACH_CFG_ARG_ZERO(a)  0, 0, NULL, NULL
#define MACH_CFG_ARG_BYTES(a) 0, 0, NULL, NULL
#define MACH_CFG_FIELD_(R, type, name, kind, arg, doc)                                                                 \
    {#name,                                                                                                            \
     (uint16_t)offsetof(struct mach_cfg_##R, name),                                                                    \
     (uint8_t)sizeof(mach_##type),                                                                                     \
     MACH_CFG_K_##kind,                                                                                                \
     MACH_CFG_ARG_##kind(arg),                                                                                         \
     MACH_CFG_DOC_(doc)},
#define MACH_CFG_FIELDS_(name, NAME, type, least, doc)                                                                 \
    MACH_CFG_UNUSED_ static const struct mach_cfg_field mach_cfg_fields_##name[] = {                                   \
        MACH_CFG_##NAME##_FIELDS(MACH_CFG_FIELD_, name)};
MACH_CFG_FIELDS_(header, HEADER, 0, 0, "")
MACH_CFG_FIELDS_(entry, ENTRY, 0, 0, "")
MACH_CFG_SECTIONS(MACH_CFG_FIELDS_)

#define MACH_CFG_INFO_(name, NAME, type, least, doc)                                                                   \
    {#name,                                                                                                            \
     type,                                                                                                             \
     (uint32_t)sizeof(struct mach_cfg_##name),                                                                         \
     least,                                                                                                            \
     mach_cfg_fields_##name,                                                                                           \
     (uint32_t)(sizeof mach_cfg_fields_##name / sizeof mach_cfg_fields_##name[0]),                                     \
     MACH_CFG_DOC_(doc)},
enum { MACH_CFG_NSECTIONS = MACH_CFG_S_END - MACH_CFG_S_MACHINE };

/* In rising order of type: mach_cfg_sections[type - MACH_CFG_S_MACHINE]. */
MACH_CFG_UNUSED_ static const struct mach_cfg_section_info mach_cfg_sections[MACH_CFG_NSECTIONS] = {
    MACH_CFG_SECTIONS(MACH_CFG_INFO_)};

/* The word for a value of a set; or NULL. */
static inline const char *mach_cfg_word_of(const struct mach_cfg_field *f, uint64_t value)
{
    for (uint32_t i = 0; i < f->nwords; i++)
        if (f->words[i].value == value)
            return f->words[i].word;
    return NULL;
}

/* The value of a field, whichever it is. */
static inline uint64_t mach_cfg_value(struct mach_cfg_rec r, const struct mach_cfg_field *f)
{
    uint8_t k = f->kind;
    int none = k == MACH_CFG_K_OPT || k == MACH_CFG_K_REF || k == MACH_CFG_K_OWNER;
    uint64_t missing = 0;
    if (none)
        missing = f->size == 8 ? MACH_CFG_NONE64 : MACH_CFG_NONE;
    return mach_cfg_get(r, f->offset, f->size, missing);
}

#endif
