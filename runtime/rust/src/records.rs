// SPDX-License-Identifier: MIT
// Made from machcfg.h by records.py: change that instead.

use crate::ffi::RawRecord;
use crate::{rows, text, Config, Row};
use std::borrow::Cow;

extern "C" {
    fn mach_cfg_machine_name(r: RawRecord) -> u32;
    fn mach_cfg_machine_model(r: RawRecord) -> u32;
    fn mach_cfg_machine_platform(r: RawRecord) -> u32;
    fn mach_cfg_machine_arch(r: RawRecord) -> u32;
    fn mach_cfg_machine_iommu(r: RawRecord) -> u32;
    fn mach_cfg_machine_host_file(r: RawRecord) -> u32;
    fn mach_cfg_machine_host_model(r: RawRecord) -> u32;
    fn mach_cfg_machine_host_compatible(r: RawRecord) -> u32;
    fn mach_cfg_machine_host_page_size(r: RawRecord) -> u64;
    fn mach_cfg_cpu_vcpu(r: RawRecord) -> u32;
    fn mach_cfg_cpu_host_cpu(r: RawRecord) -> u32;
    fn mach_cfg_cpu_reg(r: RawRecord) -> u64;
    fn mach_cfg_memory_name(r: RawRecord) -> u32;
    fn mach_cfg_memory_backing(r: RawRecord) -> u32;
    fn mach_cfg_memory_path(r: RawRecord) -> u32;
    fn mach_cfg_memory_share(r: RawRecord) -> u32;
    fn mach_cfg_memory_flags(r: RawRecord) -> u32;
    fn mach_cfg_memory_address(r: RawRecord) -> u64;
    fn mach_cfg_memory_size(r: RawRecord) -> u64;
    fn mach_cfg_memory_offset(r: RawRecord) -> u64;
    fn mach_cfg_memory_physical(r: RawRecord) -> u64;
    fn mach_cfg_memory_page_size(r: RawRecord) -> u64;
    fn mach_cfg_memory_lowest(r: RawRecord) -> u64;
    fn mach_cfg_memory_limit(r: RawRecord) -> u64;
    fn mach_cfg_irqchip_name(r: RawRecord) -> u32;
    fn mach_cfg_irqchip_class_name(r: RawRecord) -> u32;
    fn mach_cfg_irqchip_kvm(r: RawRecord) -> u32;
    fn mach_cfg_irqchip_lines(r: RawRecord) -> u32;
    fn mach_cfg_irqchip_first_region(r: RawRecord) -> u32;
    fn mach_cfg_irqchip_regions(r: RawRecord) -> u32;
    fn mach_cfg_irqchip_messages(r: RawRecord) -> u32;
    fn mach_cfg_chip_region_name(r: RawRecord) -> u32;
    fn mach_cfg_chip_region_address(r: RawRecord) -> u64;
    fn mach_cfg_chip_region_size(r: RawRecord) -> u64;
    fn mach_cfg_device_name(r: RawRecord) -> u32;
    fn mach_cfg_device_kind(r: RawRecord) -> u32;
    fn mach_cfg_device_class_name(r: RawRecord) -> u32;
    fn mach_cfg_device_node(r: RawRecord) -> u32;
    fn mach_cfg_device_host_path(r: RawRecord) -> u32;
    fn mach_cfg_device_sysfs_name(r: RawRecord) -> u32;
    fn mach_cfg_device_compatible(r: RawRecord) -> u32;
    fn mach_cfg_device_reset(r: RawRecord) -> u32;
    fn mach_cfg_device_vcpu(r: RawRecord) -> u32;
    fn mach_cfg_device_parent(r: RawRecord) -> u32;
    fn mach_cfg_device_bus(r: RawRecord) -> u32;
    fn mach_cfg_device_slot(r: RawRecord) -> u32;
    fn mach_cfg_device_first_region(r: RawRecord) -> u32;
    fn mach_cfg_device_regions(r: RawRecord) -> u32;
    fn mach_cfg_device_first_irq(r: RawRecord) -> u32;
    fn mach_cfg_device_irqs(r: RawRecord) -> u32;
    fn mach_cfg_device_first_dma(r: RawRecord) -> u32;
    fn mach_cfg_device_dmas(r: RawRecord) -> u32;
    fn mach_cfg_region_device(r: RawRecord) -> u32;
    fn mach_cfg_region_index(r: RawRecord) -> u32;
    fn mach_cfg_region_name(r: RawRecord) -> u32;
    fn mach_cfg_region_mode(r: RawRecord) -> u32;
    fn mach_cfg_region_flags(r: RawRecord) -> u32;
    fn mach_cfg_region_reason(r: RawRecord) -> u32;
    fn mach_cfg_region_file(r: RawRecord) -> u32;
    fn mach_cfg_region_host(r: RawRecord) -> u64;
    fn mach_cfg_region_size(r: RawRecord) -> u64;
    fn mach_cfg_region_guest(r: RawRecord) -> u64;
    fn mach_cfg_region_offset(r: RawRecord) -> u64;
    fn mach_cfg_irq_device(r: RawRecord) -> u32;
    fn mach_cfg_irq_source(r: RawRecord) -> u32;
    fn mach_cfg_irq_index(r: RawRecord) -> u32;
    fn mach_cfg_irq_name(r: RawRecord) -> u32;
    fn mach_cfg_irq_host(r: RawRecord) -> u32;
    fn mach_cfg_irq_file(r: RawRecord) -> u32;
    fn mach_cfg_irq_chip(r: RawRecord) -> u32;
    fn mach_cfg_irq_kind(r: RawRecord) -> u32;
    fn mach_cfg_irq_number(r: RawRecord) -> u32;
    fn mach_cfg_irq_gsi(r: RawRecord) -> u32;
    fn mach_cfg_irq_trigger(r: RawRecord) -> u32;
    fn mach_cfg_irq_trigger_name(r: RawRecord) -> u32;
    fn mach_cfg_irq_flags(r: RawRecord) -> u32;
    fn mach_cfg_irq_first_cell(r: RawRecord) -> u32;
    fn mach_cfg_irq_cells(r: RawRecord) -> u32;
    fn mach_cfg_cell_value(r: RawRecord) -> u32;
    fn mach_cfg_dma_device(r: RawRecord) -> u32;
    fn mach_cfg_dma_name(r: RawRecord) -> u32;
    fn mach_cfg_dma_mode(r: RawRecord) -> u32;
    fn mach_cfg_dma_guest_iommu(r: RawRecord) -> u32;
    fn mach_cfg_dma_flags(r: RawRecord) -> u32;
    fn mach_cfg_dma_subwindows(r: RawRecord) -> u32;
    fn mach_cfg_dma_liodn_index(r: RawRecord) -> u32;
    fn mach_cfg_dma_stream(r: RawRecord) -> u32;
    fn mach_cfg_dma_operation(r: RawRecord) -> u32;
    fn mach_cfg_dma_first_map(r: RawRecord) -> u32;
    fn mach_cfg_dma_maps(r: RawRecord) -> u32;
    fn mach_cfg_dma_stash(r: RawRecord) -> u32;
    fn mach_cfg_dma_window(r: RawRecord) -> u64;
    fn mach_cfg_dma_size(r: RawRecord) -> u64;
    fn mach_cfg_dma_whole_subwindows(r: RawRecord) -> u32;
    fn mach_cfg_dma_page_shift(r: RawRecord) -> u32;
    fn mach_cfg_dma_endpoint(r: RawRecord) -> u32;
    fn mach_cfg_dma_map_dma(r: RawRecord) -> u32;
    fn mach_cfg_dma_map_what(r: RawRecord) -> u32;
    fn mach_cfg_dma_map_memory(r: RawRecord) -> u32;
    fn mach_cfg_dma_map_region(r: RawRecord) -> u32;
    fn mach_cfg_dma_map_bank(r: RawRecord) -> u32;
    fn mach_cfg_dma_map_flags(r: RawRecord) -> u32;
    fn mach_cfg_dma_map_offset(r: RawRecord) -> u64;
    fn mach_cfg_dma_map_size(r: RawRecord) -> u64;
    fn mach_cfg_dma_map_iova(r: RawRecord) -> u64;
    fn mach_cfg_dma_map_granted(r: RawRecord) -> u64;
    fn mach_cfg_stash_dma(r: RawRecord) -> u32;
    fn mach_cfg_stash_kind(r: RawRecord) -> u32;
    fn mach_cfg_stash_flags(r: RawRecord) -> u32;
    fn mach_cfg_stash_vcpu(r: RawRecord) -> u32;
    fn mach_cfg_stash_host_cpu(r: RawRecord) -> u32;
    fn mach_cfg_stash_cache_id(r: RawRecord) -> u32;
    fn mach_cfg_stash_memory_type(r: RawRecord) -> u32;
    fn mach_cfg_stash_st_index(r: RawRecord) -> u32;
    fn mach_cfg_expect_kind(r: RawRecord) -> u32;
    fn mach_cfg_expect_device(r: RawRecord) -> u32;
    fn mach_cfg_expect_index(r: RawRecord) -> u32;
    fn mach_cfg_expect_string(r: RawRecord) -> u32;
    fn mach_cfg_expect_a(r: RawRecord) -> u64;
    fn mach_cfg_expect_b(r: RawRecord) -> u64;
    fn mach_cfg_patch_at(r: RawRecord) -> u32;
    fn mach_cfg_patch_memory(r: RawRecord) -> u32;
    fn mach_cfg_patch_node(r: RawRecord) -> u32;
    fn mach_cfg_patch_offset(r: RawRecord) -> u64;
    fn mach_cfg_patch_addend(r: RawRecord) -> u64;
    fn mach_cfg_write_region(r: RawRecord) -> u32;
    fn mach_cfg_write_offset(r: RawRecord) -> u32;
    fn mach_cfg_write_mask(r: RawRecord) -> u32;
    fn mach_cfg_write_flags(r: RawRecord) -> u32;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arch {
    /// A platform with an architecture that this version has no word for.
    Unknown,
    /// 64-bit Arm.
    Arm64,
    /// 32-bit Arm.
    Arm,
    /// 64-bit RISC-V.
    Riscv64,
    /// Power, big-endian.
    Ppc,
    /// 64-bit x86.
    X8664,
    /// A value that this version of the crate does not know.
    Other(u32),
}

impl From<u32> for Arch {
    fn from(value: u32) -> Self {
        match value {
            0 => Arch::Unknown,
            1 => Arch::Arm64,
            2 => Arch::Arm,
            3 => Arch::Riscv64,
            4 => Arch::Ppc,
            5 => Arch::X8664,
            other => Arch::Other(other),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Iommu {
    /// The one that the host has.
    Auto,
    /// Page tables: Arm SMMU and similar.
    Smmu,
    /// Freescale PAMU: power-of-two windows; set up only on a kernel that is known to have its driver.
    Pamu,
    /// PowerPC TCE windows.
    SpaprTce,
    /// No IOMMU: no device gets a mapping.
    None,
    /// A value that this version of the crate does not know.
    Other(u32),
}

impl From<u32> for Iommu {
    fn from(value: u32) -> Self {
        match value {
            0 => Iommu::Auto,
            1 => Iommu::Smmu,
            2 => Iommu::Pamu,
            3 => Iommu::SpaprTce,
            4 => Iommu::None,
            other => Iommu::Other(other),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backing {
    /// Anonymous memory.
    Anonymous,
    /// Huge pages of `page_size` bytes.
    Hugetlb,
    /// File `path`, from `offset` on.
    File,
    /// Host physical memory at `physical`, kept from the kernel and mapped through /dev/mem.
    Physical,
    /// Since 1.5: huge pages that lie side by side on the host, at `physical` or wherever there are such.
    Contiguous,
    /// Since 1.5: one piece of the DMA heap `path`, at `physical` or wherever the heap has it.
    Heap,
    /// A value that this version of the crate does not know.
    Other(u32),
}

impl From<u32> for Backing {
    fn from(value: u32) -> Self {
        match value {
            0 => Backing::Anonymous,
            1 => Backing::Hugetlb,
            2 => Backing::File,
            3 => Backing::Physical,
            4 => Backing::Contiguous,
            5 => Backing::Heap,
            other => Backing::Other(other),
        }
    }
}

/// Bits of `flags()` of enum mach_cfg_memory_flags.
pub mod memory_flags {
    /// The guest cannot write to it, and neither can its devices.
    pub const READONLY: u32 = 0x1;
    /// No device can reach it.
    pub const NO_DMA: u32 = 0x2;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// Emulated by the VMM.
    Emulated,
    /// A host platform device, at /sys/bus/platform/devices/`sysfs_name`.
    Platform,
    /// A host PCI function, at /sys/bus/pci/devices/`sysfs_name`.
    Pci,
    /// Composed of files: each region and interrupt names its file.
    Raw,
    /// A value that this version of the crate does not know.
    Other(u32),
}

impl From<u32> for DeviceKind {
    fn from(value: u32) -> Self {
        match value {
            0 => DeviceKind::Emulated,
            1 => DeviceKind::Platform,
            2 => DeviceKind::Pci,
            3 => DeviceKind::Raw,
            other => DeviceKind::Other(other),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// Not reset.
    Never,
    /// Reset before use and after it where the kernel can.
    IfPossible,
    /// An error where the kernel cannot reset it.
    Required,
    /// A value that this version of the crate does not know.
    Other(u32),
}

impl From<u32> for Reset {
    fn from(value: u32) -> Self {
        match value {
            0 => Reset::Never,
            1 => Reset::IfPossible,
            2 => Reset::Required,
            other => Reset::Other(other),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionMode {
    /// Mapped into the guest at `guest`.
    Map,
    /// Accesses at `guest` exit to the VMM and are forwarded.
    Trap,
    /// Not in the guest: the device has it, but it is not used.
    Drop,
    /// A value that this version of the crate does not know.
    Other(u32),
}

impl From<u32> for RegionMode {
    fn from(value: u32) -> Self {
        match value {
            0 => RegionMode::Map,
            1 => RegionMode::Trap,
            2 => RegionMode::Drop,
            other => RegionMode::Other(other),
        }
    }
}

/// Bits of `flags()` of enum mach_cfg_region_flags.
pub mod region_flags {
    /// Its pages contain registers of other devices; `reason` says why it is mapped.
    pub const UNSAFE: u32 = 0x1;
    /// A window of the node's `ranges`, not an entry of its `reg`.
    pub const WINDOW: u32 = 0x2;
    /// Since 1.6: trapped registers of 4 bytes that stay with the host: any can be read, and written only as the `write` records of the region say.
    pub const SHADOW: u32 = 0x4;
    /// Since 1.6: shadow: its registers are big-endian.
    pub const BIG_ENDIAN: u32 = 0x8;
}

/// Bits of `flags()` of enum mach_cfg_write_flags.
pub mod write_flags {
    /// Bits 31 to 16 of what is written select which of bits 15 to 0 change, so that nothing is read first.
    pub const HIWORD: u32 = 0x1;
    /// Since 1.7: hiword: for the guest it is an ordinary register: the library selects the bits that change.
    pub const PLAIN: u32 = 0x2;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IrqSource {
    /// Interrupt `index` of the host device.
    Device,
    /// Entry `index` of the device's interrupt-map.
    MapEntry,
    /// Interrupt `index` of the emulated device: raised by the VMM.
    Emulated,
    /// A read of `file` returns when the interrupt fires (UIO).
    File,
    /// A value that this version of the crate does not know.
    Other(u32),
}

impl From<u32> for IrqSource {
    fn from(value: u32) -> Self {
        match value {
            0 => IrqSource::Device,
            1 => IrqSource::MapEntry,
            2 => IrqSource::Emulated,
            3 => IrqSource::File,
            other => IrqSource::Other(other),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Unknown.
    None,
    /// One event per edge.
    Edge,
    /// Masked when it fires, unmasked when the guest has acknowledged it.
    Level,
    /// A value that this version of the crate does not know.
    Other(u32),
}

impl From<u32> for Trigger {
    fn from(value: u32) -> Self {
        match value {
            0 => Trigger::None,
            1 => Trigger::Edge,
            2 => Trigger::Level,
            other => Trigger::Other(other),
        }
    }
}

/// Bits of `flags()` of enum mach_cfg_irq_flags.
pub mod irq_flags {
    /// Level: the irqfd needs a resample eventfd that unmasks the host's line.
    pub const RESAMPLE: u32 = 0x1;
    /// Not in the guest: the device has it, but it is not used.
    pub const DROPPED: u32 = 0x2;
    /// Since 1.4: another one of the machine, on the same line, is bound for both: bind nothing.
    pub const SHARED: u32 = 0x4;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DmaMode {
    /// No mapping.
    None,
    /// The guest's memory at its guest addresses, as the maps list it.
    All,
    /// No IOMMU: guest addresses must equal host addresses.
    Identity,
    /// Mapped when the guest programs device `guest_iommu`.
    GuestIommu,
    /// Only the maps.
    Window,
    /// Since 1.5: no IOMMU: device addresses are the host's, and a bus of the guest translates (`dma-ranges`).
    Bus,
    /// A value that this version of the crate does not know.
    Other(u32),
}

impl From<u32> for DmaMode {
    fn from(value: u32) -> Self {
        match value {
            0 => DmaMode::None,
            1 => DmaMode::All,
            2 => DmaMode::Identity,
            3 => DmaMode::GuestIommu,
            4 => DmaMode::Window,
            5 => DmaMode::Bus,
            other => DmaMode::Other(other),
        }
    }
}

/// Bits of `flags()` of enum mach_cfg_dma_flags.
pub mod dma_flags {
    /// `window` and `size` are given.
    pub const HAS_WINDOW: u32 = 0x1;
    /// `liodn_index` is given.
    pub const HAS_LIODN_INDEX: u32 = 0x2;
    /// `stream` is given.
    pub const HAS_STREAM: u32 = 0x4;
    /// `operation` is given.
    pub const HAS_OPERATION: u32 = 0x8;
    /// Since 1.4: the device is not behind an IOMMU: nothing restricts it.
    pub const NO_IOMMU: u32 = 0x10;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapKind {
    /// Part of guest memory `memory`.
    Memory,
    /// Part of device region `region`.
    Region,
    /// The registers of MSI bank `bank`.
    MsiBank,
    /// A value that this version of the crate does not know.
    Other(u32),
}

impl From<u32> for MapKind {
    fn from(value: u32) -> Self {
        match value {
            0 => MapKind::Memory,
            1 => MapKind::Region,
            2 => MapKind::MsiBank,
            other => MapKind::Other(other),
        }
    }
}

/// Bits of `flags()` of enum mach_cfg_map_flags.
pub mod map_flags {
    /// The device cannot write.
    pub const READONLY: u32 = 0x1;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StashKind {
    /// The level 1 cache of `host_cpu`.
    L1,
    /// The level 2 cache of `host_cpu`.
    L2,
    /// The level 3 cache that all cpus share.
    L3,
    /// The cache whose stash id is `cache_id`.
    Id,
    /// PCIe TLP processing hints: the steering tag of `host_cpu`.
    Tph,
    /// A value that this version of the crate does not know.
    Other(u32),
}

impl From<u32> for StashKind {
    fn from(value: u32) -> Self {
        match value {
            1 => StashKind::L1,
            2 => StashKind::L2,
            3 => StashKind::L3,
            4 => StashKind::Id,
            5 => StashKind::Tph,
            other => StashKind::Other(other),
        }
    }
}

/// Bits of `flags()` of enum mach_cfg_stash_flags.
pub mod stash_flags {
    /// The guest works without it: a failure is only reported.
    pub const IF_POSSIBLE: u32 = 0x1;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryType {
    /// Volatile memory (PCI Firmware Specification: VM).
    Volatile,
    /// Persistent memory (PM).
    Persistent,
    /// A value that this version of the crate does not know.
    Other(u32),
}

impl From<u32> for MemoryType {
    fn from(value: u32) -> Self {
        match value {
            0 => MemoryType::Volatile,
            1 => MemoryType::Persistent,
            other => MemoryType::Other(other),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpectKind {
    /// The kernel's pages are `a` bytes.
    PageSize,
    /// String `index` of the compatible of the host tree's root is `string`.
    HostCompatible,
    /// Host cpu `index` is online.
    CpuOnline,
    /// There are huge pages of `a` bytes, and `b` bytes of them are free.
    HugePages,
    /// `string` exists and can be opened.
    File,
    /// The device is on its bus as `string`.
    SysfsName,
    /// The first compatible of the device's node is `string`.
    Compatible,
    /// Region `index` is at `a` (none: anywhere) and has `b` bytes.
    Region,
    /// The device has `a` interrupts.
    IrqCount,
    /// The trigger of interrupt `index` is `a` (set trigger); `string` is the host's word for it.
    IrqTrigger,
    /// Device `string` is in the same IOMMU group.
    GroupMember,
    /// Since 1.3: the host's kernel does not use the `b` bytes at `a`, which are the guest's memory `string`, or region `index` of the raw device `string`, `device`.
    MemoryFree,
    /// Since 1.4: the host's KVM can make the device `string`, which serves irqchip `index`.
    KvmDevice,
    /// Since 1.8: the device is linked to the platform device `string`, which has a driver and runs while the device is open: its clocks and power domains.
    PowerLink,
    /// Since 1.8: the host's tree has the property `string`, a path, and it is the number `a` (none: anything).
    TreeProperty,
    /// Since 1.8: the host's kernel was started with the argument `string`, "NAME=VALUE".
    Argument,
    /// Since 1.8: the host's scheduler keeps off host cpu `index`.
    CpuIsolated,
    /// A value that this version of the crate does not know.
    Other(u32),
}

impl From<u32> for ExpectKind {
    fn from(value: u32) -> Self {
        match value {
            0 => ExpectKind::PageSize,
            1 => ExpectKind::HostCompatible,
            2 => ExpectKind::CpuOnline,
            3 => ExpectKind::HugePages,
            4 => ExpectKind::File,
            5 => ExpectKind::SysfsName,
            6 => ExpectKind::Compatible,
            7 => ExpectKind::Region,
            8 => ExpectKind::IrqCount,
            9 => ExpectKind::IrqTrigger,
            10 => ExpectKind::GroupMember,
            11 => ExpectKind::MemoryFree,
            12 => ExpectKind::KvmDevice,
            13 => ExpectKind::PowerLink,
            14 => ExpectKind::TreeProperty,
            15 => ExpectKind::Argument,
            16 => ExpectKind::CpuIsolated,
            other => ExpectKind::Other(other),
        }
    }
}

/// The machine: exactly one record.
#[derive(Clone, Copy)]
pub struct Machine<'c> {
    config: &'c Config,
    raw: RawRecord,
    index: u32,
}

impl<'c> Row<'c> for Machine<'c> {
    const SECTION: u32 = 2;
    fn new(config: &'c Config, raw: RawRecord, index: u32) -> Self {
        Machine { config, raw, index }
    }
}

impl<'c> Machine<'c> {
    /// The number of the record in its section.
    pub fn record(&self) -> u32 {
        self.index
    }
    /// The config that it is a part of.
    pub fn config(&self) -> &'c Config {
        self.config
    }
    /// The machine's name.
    pub fn name(&self) -> Cow<'c, str> {
        text(self.config, unsafe { mach_cfg_machine_name(self.raw) })
    }
    /// The model in the guest's tree.
    pub fn model(&self) -> Cow<'c, str> {
        text(self.config, unsafe { mach_cfg_machine_model(self.raw) })
    }
    /// Name of the platform template.
    pub fn platform(&self) -> Cow<'c, str> {
        text(self.config, unsafe { mach_cfg_machine_platform(self.raw) })
    }
    /// The guest's architecture.
    pub fn arch(&self) -> Arch {
        unsafe { mach_cfg_machine_arch(self.raw) }.into()
    }
    /// The host's IOMMU according to the description.
    pub fn iommu(&self) -> Iommu {
        unsafe { mach_cfg_machine_iommu(self.raw) }.into()
    }
    /// File name of the host tree, without directory; none: no host tree.
    pub fn host_file(&self) -> Cow<'c, str> {
        text(self.config, unsafe { mach_cfg_machine_host_file(self.raw) })
    }
    /// Model of the host tree.
    pub fn host_model(&self) -> Cow<'c, str> {
        text(self.config, unsafe { mach_cfg_machine_host_model(self.raw) })
    }
    /// First compatible of the host tree.
    pub fn host_compatible(&self) -> Cow<'c, str> {
        text(self.config, unsafe { mach_cfg_machine_host_compatible(self.raw) })
    }
    /// Page size of the host kernel in bytes.
    pub fn host_page_size(&self) -> u64 {
        unsafe { mach_cfg_machine_host_page_size(self.raw) }
    }
}

/// Virtual cpus.
#[derive(Clone, Copy)]
pub struct Cpu<'c> {
    config: &'c Config,
    raw: RawRecord,
    index: u32,
}

impl<'c> Row<'c> for Cpu<'c> {
    const SECTION: u32 = 3;
    fn new(config: &'c Config, raw: RawRecord, index: u32) -> Self {
        Cpu { config, raw, index }
    }
}

impl<'c> Cpu<'c> {
    /// The number of the record in its section.
    pub fn record(&self) -> u32 {
        self.index
    }
    /// The config that it is a part of.
    pub fn config(&self) -> &'c Config {
        self.config
    }
    /// Number of the virtual cpu.
    pub fn vcpu(&self) -> u32 {
        unsafe { mach_cfg_cpu_vcpu(self.raw) }
    }
    /// The host cpu that it is pinned to; none: not pinned.
    pub fn host_cpu(&self) -> Option<u32> {
        Some(unsafe { mach_cfg_cpu_host_cpu(self.raw) }).filter(|&n| n != u32::MAX)
    }
    /// Its reg in the guest's tree (arm64: MPIDR affinity).
    pub fn reg(&self) -> u64 {
        unsafe { mach_cfg_cpu_reg(self.raw) }
    }
}

/// Guest memory.
#[derive(Clone, Copy)]
pub struct Memory<'c> {
    config: &'c Config,
    raw: RawRecord,
    index: u32,
}

impl<'c> Row<'c> for Memory<'c> {
    const SECTION: u32 = 4;
    fn new(config: &'c Config, raw: RawRecord, index: u32) -> Self {
        Memory { config, raw, index }
    }
}

impl<'c> Memory<'c> {
    /// The number of the record in its section.
    pub fn record(&self) -> u32 {
        self.index
    }
    /// The config that it is a part of.
    pub fn config(&self) -> &'c Config {
        self.config
    }
    /// The region's name.
    pub fn name(&self) -> Cow<'c, str> {
        text(self.config, unsafe { mach_cfg_memory_name(self.raw) })
    }
    /// What backs it.
    pub fn backing(&self) -> Backing {
        unsafe { mach_cfg_memory_backing(self.raw) }.into()
    }
    /// File: its path.
    pub fn path(&self) -> Cow<'c, str> {
        text(self.config, unsafe { mach_cfg_memory_path(self.raw) })
    }
    /// Machines that have the same word here share the memory.
    pub fn share(&self) -> Cow<'c, str> {
        text(self.config, unsafe { mach_cfg_memory_share(self.raw) })
    }
    /// Bits of [`memory_flags`].
    pub fn flags(&self) -> u32 {
        unsafe { mach_cfg_memory_flags(self.raw) }
    }
    /// Guest physical address.
    pub fn address(&self) -> u64 {
        unsafe { mach_cfg_memory_address(self.raw) }
    }
    /// Size in bytes, not 0.
    pub fn size(&self) -> u64 {
        unsafe { mach_cfg_memory_size(self.raw) }
    }
    /// File: offset in it.
    pub fn offset(&self) -> u64 {
        unsafe { mach_cfg_memory_offset(self.raw) }
    }
    /// Physical, contiguous, heap: the host's address; none: anywhere within the limits.
    pub fn physical(&self) -> Option<u64> {
        Some(unsafe { mach_cfg_memory_physical(self.raw) }).filter(|&n| n != u64::MAX)
    }
    /// Hugetlb, contiguous: page size in bytes; contiguous: 0: any that divides the size.
    pub fn page_size(&self) -> u64 {
        unsafe { mach_cfg_memory_page_size(self.raw) }
    }
    /// Since 1.5: contiguous, heap: the host's address is not below this.
    pub fn lowest(&self) -> u64 {
        unsafe { mach_cfg_memory_lowest(self.raw) }
    }
    /// Since 1.5: contiguous, heap: its last byte on the host is below this; 0: no limit.
    pub fn limit(&self) -> u64 {
        unsafe { mach_cfg_memory_limit(self.raw) }
    }
}

/// Interrupt controllers. Record 0 is the root.
#[derive(Clone, Copy)]
pub struct Irqchip<'c> {
    config: &'c Config,
    raw: RawRecord,
    index: u32,
}

impl<'c> Row<'c> for Irqchip<'c> {
    const SECTION: u32 = 5;
    fn new(config: &'c Config, raw: RawRecord, index: u32) -> Self {
        Irqchip { config, raw, index }
    }
}

impl<'c> Irqchip<'c> {
    /// The number of the record in its section.
    pub fn record(&self) -> u32 {
        self.index
    }
    /// The config that it is a part of.
    pub fn config(&self) -> &'c Config {
        self.config
    }
    /// The chip's name.
    pub fn name(&self) -> Cow<'c, str> {
        text(self.config, unsafe { mach_cfg_irqchip_name(self.raw) })
    }
    /// Its class: gic-v3, mpic.
    pub fn class_name(&self) -> Cow<'c, str> {
        text(self.config, unsafe { mach_cfg_irqchip_class_name(self.raw) })
    }
    /// KVM's device for it: arm-vgic-v3, fsl-mpic-42; none: the VMM emulates it.
    pub fn kvm(&self) -> Cow<'c, str> {
        text(self.config, unsafe { mach_cfg_irqchip_kvm(self.raw) })
    }
    /// Number of lines.
    pub fn lines(&self) -> u32 {
        unsafe { mach_cfg_irqchip_lines(self.raw) }
    }
    /// Its regions, in the order of the class.
    pub fn regions(&self) -> impl Iterator<Item = ChipRegion<'c>> + 'c {
        rows(self.config, unsafe { mach_cfg_irqchip_first_region(self.raw) }, unsafe { mach_cfg_irqchip_regions(self.raw) })
    }
    /// Since 1.2: its lines are messages, and each cpu has so many; they are written to its last region, of which each cpu has an equal part; 0: no messages.
    pub fn messages(&self) -> u32 {
        unsafe { mach_cfg_irqchip_messages(self.raw) }
    }
}

/// Register regions of interrupt controllers.
#[derive(Clone, Copy)]
pub struct ChipRegion<'c> {
    config: &'c Config,
    raw: RawRecord,
    index: u32,
}

impl<'c> Row<'c> for ChipRegion<'c> {
    const SECTION: u32 = 6;
    fn new(config: &'c Config, raw: RawRecord, index: u32) -> Self {
        ChipRegion { config, raw, index }
    }
}

impl<'c> ChipRegion<'c> {
    /// The number of the record in its section.
    pub fn record(&self) -> u32 {
        self.index
    }
    /// The config that it is a part of.
    pub fn config(&self) -> &'c Config {
        self.config
    }
    /// Name in the class.
    pub fn name(&self) -> Cow<'c, str> {
        text(self.config, unsafe { mach_cfg_chip_region_name(self.raw) })
    }
    /// Guest physical address.
    pub fn address(&self) -> u64 {
        unsafe { mach_cfg_chip_region_address(self.raw) }
    }
    /// Bytes.
    pub fn size(&self) -> u64 {
        unsafe { mach_cfg_chip_region_size(self.raw) }
    }
}

/// Devices, emulated and assigned, in the order of the description.
#[derive(Clone, Copy)]
pub struct Device<'c> {
    config: &'c Config,
    raw: RawRecord,
    index: u32,
}

impl<'c> Row<'c> for Device<'c> {
    const SECTION: u32 = 7;
    fn new(config: &'c Config, raw: RawRecord, index: u32) -> Self {
        Device { config, raw, index }
    }
}

impl<'c> Device<'c> {
    /// The number of the record in its section.
    pub fn record(&self) -> u32 {
        self.index
    }
    /// The config that it is a part of.
    pub fn config(&self) -> &'c Config {
        self.config
    }
    /// The device's name in the description.
    pub fn name(&self) -> Cow<'c, str> {
        text(self.config, unsafe { mach_cfg_device_name(self.raw) })
    }
    /// How the guest gets it.
    pub fn kind(&self) -> DeviceKind {
        unsafe { mach_cfg_device_kind(self.raw) }.into()
    }
    /// Its device class, which says what to emulate; none: unknown.
    pub fn class_name(&self) -> Cow<'c, str> {
        text(self.config, unsafe { mach_cfg_device_class_name(self.raw) })
    }
    /// Path of its node in guest.dtb; none: no node.
    pub fn node(&self) -> Cow<'c, str> {
        text(self.config, unsafe { mach_cfg_device_node(self.raw) })
    }
    /// Path of its node in the host tree; none: no node.
    pub fn host_path(&self) -> Cow<'c, str> {
        text(self.config, unsafe { mach_cfg_device_host_path(self.raw) })
    }
    /// Its name on its bus: ffe118000.i2c, 0000:01:00.0.
    pub fn sysfs_name(&self) -> Cow<'c, str> {
        text(self.config, unsafe { mach_cfg_device_sysfs_name(self.raw) })
    }
    /// First compatible of its host node.
    pub fn compatible(&self) -> Cow<'c, str> {
        text(self.config, unsafe { mach_cfg_device_compatible(self.raw) })
    }
    /// Whether to reset it before and after use.
    pub fn reset(&self) -> Reset {
        unsafe { mach_cfg_device_reset(self.raw) }.into()
    }
    /// The vcpu that it belongs to (a portal); none: no vcpu.
    pub fn vcpu(&self) -> Option<u32> {
        Some(unsafe { mach_cfg_device_vcpu(self.raw) }).filter(|&n| n != u32::MAX)
    }
    /// The device further up in the tree that was passed through with it.
    pub fn parent(&self) -> Option<Device<'c>> {
        rows(self.config, unsafe { mach_cfg_device_parent(self.raw) }, 1).next()
    }
    /// The guest bus that it is on, if it is a PCI function there.
    pub fn bus(&self) -> Cow<'c, str> {
        text(self.config, unsafe { mach_cfg_device_bus(self.raw) })
    }
    /// Its slot on that bus.
    pub fn slot(&self) -> Option<u32> {
        Some(unsafe { mach_cfg_device_slot(self.raw) }).filter(|&n| n != u32::MAX)
    }
    /// Its regions.
    pub fn regions(&self) -> impl Iterator<Item = Region<'c>> + 'c {
        rows(self.config, unsafe { mach_cfg_device_first_region(self.raw) }, unsafe { mach_cfg_device_regions(self.raw) })
    }
    /// Its interrupts.
    pub fn irqs(&self) -> impl Iterator<Item = Irq<'c>> + 'c {
        rows(self.config, unsafe { mach_cfg_device_first_irq(self.raw) }, unsafe { mach_cfg_device_irqs(self.raw) })
    }
    /// Its DMA domains, one for each of its streams.
    pub fn dmas(&self) -> impl Iterator<Item = Dma<'c>> + 'c {
        rows(self.config, unsafe { mach_cfg_device_first_dma(self.raw) }, unsafe { mach_cfg_device_dmas(self.raw) })
    }
}

/// Regions of devices.
#[derive(Clone, Copy)]
pub struct Region<'c> {
    config: &'c Config,
    raw: RawRecord,
    index: u32,
}

impl<'c> Row<'c> for Region<'c> {
    const SECTION: u32 = 8;
    fn new(config: &'c Config, raw: RawRecord, index: u32) -> Self {
        Region { config, raw, index }
    }
}

impl<'c> Region<'c> {
    /// The number of the record in its section.
    pub fn record(&self) -> u32 {
        self.index
    }
    /// The config that it is a part of.
    pub fn config(&self) -> &'c Config {
        self.config
    }
    /// The record that it belongs to.
    pub fn device(&self) -> Device<'c> {
        rows(self.config, unsafe { mach_cfg_region_device(self.raw) }, 1).next().expect("verified")
    }
    /// Index in reg, of the BAR, or in ranges.
    pub fn index(&self) -> u32 {
        unsafe { mach_cfg_region_index(self.raw) }
    }
    /// Entry in reg-names.
    pub fn name(&self) -> Cow<'c, str> {
        text(self.config, unsafe { mach_cfg_region_name(self.raw) })
    }
    /// Whether it is mapped, trapped or dropped.
    pub fn mode(&self) -> RegionMode {
        unsafe { mach_cfg_region_mode(self.raw) }.into()
    }
    /// Bits of [`region_flags`].
    pub fn flags(&self) -> u32 {
        unsafe { mach_cfg_region_flags(self.raw) }
    }
    /// Unsafe: the reason in the description.
    pub fn reason(&self) -> Cow<'c, str> {
        text(self.config, unsafe { mach_cfg_region_reason(self.raw) })
    }
    /// Raw: the file to map.
    pub fn file(&self) -> Cow<'c, str> {
        text(self.config, unsafe { mach_cfg_region_file(self.raw) })
    }
    /// Host physical address; none: read on the host (pci), or a file.
    pub fn host(&self) -> Option<u64> {
        Some(unsafe { mach_cfg_region_host(self.raw) }).filter(|&n| n != u64::MAX)
    }
    /// Size in bytes; 0: read on the host (pci).
    pub fn size(&self) -> u64 {
        unsafe { mach_cfg_region_size(self.raw) }
    }
    /// Guest physical address; none: not in the guest, or a BAR that the guest places.
    pub fn guest(&self) -> Option<u64> {
        Some(unsafe { mach_cfg_region_guest(self.raw) }).filter(|&n| n != u64::MAX)
    }
    /// Raw: offset in the file.
    pub fn offset(&self) -> u64 {
        unsafe { mach_cfg_region_offset(self.raw) }
    }
}

/// Interrupts: links from a source to a line of the guest.
#[derive(Clone, Copy)]
pub struct Irq<'c> {
    config: &'c Config,
    raw: RawRecord,
    index: u32,
}

impl<'c> Row<'c> for Irq<'c> {
    const SECTION: u32 = 9;
    fn new(config: &'c Config, raw: RawRecord, index: u32) -> Self {
        Irq { config, raw, index }
    }
}

impl<'c> Irq<'c> {
    /// The number of the record in its section.
    pub fn record(&self) -> u32 {
        self.index
    }
    /// The config that it is a part of.
    pub fn config(&self) -> &'c Config {
        self.config
    }
    /// The record that it belongs to.
    pub fn device(&self) -> Device<'c> {
        rows(self.config, unsafe { mach_cfg_irq_device(self.raw) }, 1).next().expect("verified")
    }
    /// Its source.
    pub fn source(&self) -> IrqSource {
        unsafe { mach_cfg_irq_source(self.raw) }.into()
    }
    /// Index at the source.
    pub fn index(&self) -> u32 {
        unsafe { mach_cfg_irq_index(self.raw) }
    }
    /// Entry in interrupt-names, or intx.
    pub fn name(&self) -> Cow<'c, str> {
        text(self.config, unsafe { mach_cfg_irq_name(self.raw) })
    }
    /// The host's line as text for messages: GIC SPI 54, level-high.
    pub fn host(&self) -> Cow<'c, str> {
        text(self.config, unsafe { mach_cfg_irq_host(self.raw) })
    }
    /// File: its path.
    pub fn file(&self) -> Cow<'c, str> {
        text(self.config, unsafe { mach_cfg_irq_file(self.raw) })
    }
    /// The guest's chip; none: dropped.
    pub fn chip(&self) -> Option<Irqchip<'c>> {
        rows(self.config, unsafe { mach_cfg_irq_chip(self.raw) }, 1).next()
    }
    /// Kind of line at the chip: spi.
    pub fn kind(&self) -> Cow<'c, str> {
        text(self.config, unsafe { mach_cfg_irq_kind(self.raw) })
    }
    /// Line at the chip; none: dropped.
    pub fn number(&self) -> Option<u32> {
        Some(unsafe { mach_cfg_irq_number(self.raw) }).filter(|&n| n != u32::MAX)
    }
    /// KVM's number for the line; none: cannot be an irqfd.
    pub fn gsi(&self) -> Option<u32> {
        Some(unsafe { mach_cfg_irq_gsi(self.raw) }).filter(|&n| n != u32::MAX)
    }
    /// Trigger of the guest's line.
    pub fn trigger(&self) -> Trigger {
        unsafe { mach_cfg_irq_trigger(self.raw) }.into()
    }
    /// The chip's word for the trigger: level-high.
    pub fn trigger_name(&self) -> Cow<'c, str> {
        text(self.config, unsafe { mach_cfg_irq_trigger_name(self.raw) })
    }
    /// Bits of [`irq_flags`].
    pub fn flags(&self) -> u32 {
        unsafe { mach_cfg_irq_flags(self.raw) }
    }
    /// The specifier in the guest's tree.
    pub fn cells(&self) -> impl Iterator<Item = Cell<'c>> + 'c {
        rows(self.config, unsafe { mach_cfg_irq_first_cell(self.raw) }, unsafe { mach_cfg_irq_cells(self.raw) })
    }
}

/// Cells of interrupt specifiers.
#[derive(Clone, Copy)]
pub struct Cell<'c> {
    config: &'c Config,
    raw: RawRecord,
    index: u32,
}

impl<'c> Row<'c> for Cell<'c> {
    const SECTION: u32 = 10;
    fn new(config: &'c Config, raw: RawRecord, index: u32) -> Self {
        Cell { config, raw, index }
    }
}

impl<'c> Cell<'c> {
    /// The number of the record in its section.
    pub fn record(&self) -> u32 {
        self.index
    }
    /// The config that it is a part of.
    pub fn config(&self) -> &'c Config {
        self.config
    }
    /// One cell of a specifier.
    pub fn value(&self) -> u32 {
        unsafe { mach_cfg_cell_value(self.raw) }
    }
}

/// DMA domains: what one stream of a device can reach.
#[derive(Clone, Copy)]
pub struct Dma<'c> {
    config: &'c Config,
    raw: RawRecord,
    index: u32,
}

impl<'c> Row<'c> for Dma<'c> {
    const SECTION: u32 = 11;
    fn new(config: &'c Config, raw: RawRecord, index: u32) -> Self {
        Dma { config, raw, index }
    }
}

impl<'c> Dma<'c> {
    /// The number of the record in its section.
    pub fn record(&self) -> u32 {
        self.index
    }
    /// The config that it is a part of.
    pub fn config(&self) -> &'c Config {
        self.config
    }
    /// The record that it belongs to.
    pub fn device(&self) -> Device<'c> {
        rows(self.config, unsafe { mach_cfg_dma_device(self.raw) }, 1).next().expect("verified")
    }
    /// The domain's name, where the device has several.
    pub fn name(&self) -> Cow<'c, str> {
        text(self.config, unsafe { mach_cfg_dma_name(self.raw) })
    }
    /// What the device can reach.
    pub fn mode(&self) -> DmaMode {
        unsafe { mach_cfg_dma_mode(self.raw) }.into()
    }
    /// Guest-iommu: the emulated IOMMU that translates for it.
    pub fn guest_iommu(&self) -> Option<Device<'c>> {
        rows(self.config, unsafe { mach_cfg_dma_guest_iommu(self.raw) }, 1).next()
    }
    /// Bits of [`dma_flags`].
    pub fn flags(&self) -> u32 {
        unsafe { mach_cfg_dma_flags(self.raw) }
    }
    /// Number of parts of the window; 0: not set.
    pub fn subwindows(&self) -> u32 {
        unsafe { mach_cfg_dma_subwindows(self.raw) }
    }
    /// PAMU: which of the node's LIODNs.
    pub fn liodn_index(&self) -> u32 {
        unsafe { mach_cfg_dma_liodn_index(self.raw) }
    }
    /// SMMU: which of the node's streams.
    pub fn stream(&self) -> u32 {
        unsafe { mach_cfg_dma_stream(self.raw) }
    }
    /// PAMU: index of the operation mapping.
    pub fn operation(&self) -> u32 {
        unsafe { mach_cfg_dma_operation(self.raw) }
    }
    /// Its mappings.
    pub fn maps(&self) -> impl Iterator<Item = DmaMap<'c>> + 'c {
        rows(self.config, unsafe { mach_cfg_dma_first_map(self.raw) }, unsafe { mach_cfg_dma_maps(self.raw) })
    }
    /// Its stash target.
    pub fn stash(&self) -> Option<Stash<'c>> {
        rows(self.config, unsafe { mach_cfg_dma_stash(self.raw) }, 1).next()
    }
    /// First device address in the window.
    pub fn window(&self) -> u64 {
        unsafe { mach_cfg_dma_window(self.raw) }
    }
    /// Size of the window in bytes.
    pub fn size(&self) -> u64 {
        unsafe { mach_cfg_dma_size(self.raw) }
    }
    /// Since 1.1: PAMU: the number of parts at which each mapping fills whole parts, as a driver needs it that maps whole parts only; 0: there is no such number.
    pub fn whole_subwindows(&self) -> u32 {
        unsafe { mach_cfg_dma_whole_subwindows(self.raw) }
    }
    /// Since 1.1: sPAPR TCE: log2 of the largest page size that divides all mappings; 0: not set.
    pub fn page_shift(&self) -> u32 {
        unsafe { mach_cfg_dma_page_shift(self.raw) }
    }
    /// Since 1.1: guest-iommu: the id in the guest's iommus or iommu-map; none: no such id.
    pub fn endpoint(&self) -> Option<u32> {
        Some(unsafe { mach_cfg_dma_endpoint(self.raw) }).filter(|&n| n != u32::MAX)
    }
}

/// Mappings of DMA domains.
#[derive(Clone, Copy)]
pub struct DmaMap<'c> {
    config: &'c Config,
    raw: RawRecord,
    index: u32,
}

impl<'c> Row<'c> for DmaMap<'c> {
    const SECTION: u32 = 12;
    fn new(config: &'c Config, raw: RawRecord, index: u32) -> Self {
        DmaMap { config, raw, index }
    }
}

impl<'c> DmaMap<'c> {
    /// The number of the record in its section.
    pub fn record(&self) -> u32 {
        self.index
    }
    /// The config that it is a part of.
    pub fn config(&self) -> &'c Config {
        self.config
    }
    /// The record that it belongs to.
    pub fn dma(&self) -> Dma<'c> {
        rows(self.config, unsafe { mach_cfg_dma_map_dma(self.raw) }, 1).next().expect("verified")
    }
    /// Which of the next three fields is set.
    pub fn what(&self) -> MapKind {
        unsafe { mach_cfg_dma_map_what(self.raw) }.into()
    }
    /// Memory.
    pub fn memory(&self) -> Option<Memory<'c>> {
        rows(self.config, unsafe { mach_cfg_dma_map_memory(self.raw) }, 1).next()
    }
    /// Region.
    pub fn region(&self) -> Option<Region<'c>> {
        rows(self.config, unsafe { mach_cfg_dma_map_region(self.raw) }, 1).next()
    }
    /// Msi-bank.
    pub fn bank(&self) -> u32 {
        unsafe { mach_cfg_dma_map_bank(self.raw) }
    }
    /// Bits of [`map_flags`].
    pub fn flags(&self) -> u32 {
        unsafe { mach_cfg_dma_map_flags(self.raw) }
    }
    /// Offset in what is mapped.
    pub fn offset(&self) -> u64 {
        unsafe { mach_cfg_dma_map_offset(self.raw) }
    }
    /// Bytes.
    pub fn size(&self) -> u64 {
        unsafe { mach_cfg_dma_map_size(self.raw) }
    }
    /// Device address.
    pub fn iova(&self) -> u64 {
        unsafe { mach_cfg_dma_map_iova(self.raw) }
    }
    /// Since 1.1: bytes that the device can reach from iova on: a PAMU maps powers of two; 0: the same as size.
    pub fn granted(&self) -> u64 {
        unsafe { mach_cfg_dma_map_granted(self.raw) }
    }
}

/// Stash targets.
#[derive(Clone, Copy)]
pub struct Stash<'c> {
    config: &'c Config,
    raw: RawRecord,
    index: u32,
}

impl<'c> Row<'c> for Stash<'c> {
    const SECTION: u32 = 13;
    fn new(config: &'c Config, raw: RawRecord, index: u32) -> Self {
        Stash { config, raw, index }
    }
}

impl<'c> Stash<'c> {
    /// The number of the record in its section.
    pub fn record(&self) -> u32 {
        self.index
    }
    /// The config that it is a part of.
    pub fn config(&self) -> &'c Config {
        self.config
    }
    /// The record that it belongs to.
    pub fn dma(&self) -> Option<Dma<'c>> {
        rows(self.config, unsafe { mach_cfg_stash_dma(self.raw) }, 1).next()
    }
    /// Which cache.
    pub fn kind(&self) -> StashKind {
        unsafe { mach_cfg_stash_kind(self.raw) }.into()
    }
    /// Bits of [`stash_flags`].
    pub fn flags(&self) -> u32 {
        unsafe { mach_cfg_stash_flags(self.raw) }
    }
    /// The vcpu that the description names.
    pub fn vcpu(&self) -> Option<u32> {
        Some(unsafe { mach_cfg_stash_vcpu(self.raw) }).filter(|&n| n != u32::MAX)
    }
    /// The host cpu that this vcpu is pinned to.
    pub fn host_cpu(&self) -> Option<u32> {
        Some(unsafe { mach_cfg_stash_host_cpu(self.raw) }).filter(|&n| n != u32::MAX)
    }
    /// The host's cache-stash-id; none: not in the tree.
    pub fn cache_id(&self) -> Option<u32> {
        Some(unsafe { mach_cfg_stash_cache_id(self.raw) }).filter(|&n| n != u32::MAX)
    }
    /// Tph: type of the memory that is written.
    pub fn memory_type(&self) -> MemoryType {
        unsafe { mach_cfg_stash_memory_type(self.raw) }.into()
    }
    /// Tph: entry in the steering tag table; none: all entries.
    pub fn st_index(&self) -> Option<u32> {
        Some(unsafe { mach_cfg_stash_st_index(self.raw) }).filter(|&n| n != u32::MAX)
    }
}

/// Expectations: what the compiler assumed about the host. All are checked before anything is touched.
#[derive(Clone, Copy)]
pub struct Expect<'c> {
    config: &'c Config,
    raw: RawRecord,
    index: u32,
}

impl<'c> Row<'c> for Expect<'c> {
    const SECTION: u32 = 14;
    fn new(config: &'c Config, raw: RawRecord, index: u32) -> Self {
        Expect { config, raw, index }
    }
}

impl<'c> Expect<'c> {
    /// The number of the record in its section.
    pub fn record(&self) -> u32 {
        self.index
    }
    /// The config that it is a part of.
    pub fn config(&self) -> &'c Config {
        self.config
    }
    /// What is expected.
    pub fn kind(&self) -> ExpectKind {
        unsafe { mach_cfg_expect_kind(self.raw) }.into()
    }
    /// The device that it is about; none: the host.
    pub fn device(&self) -> Option<Device<'c>> {
        rows(self.config, unsafe { mach_cfg_expect_device(self.raw) }, 1).next()
    }
    /// See the kind.
    pub fn index(&self) -> u32 {
        unsafe { mach_cfg_expect_index(self.raw) }
    }
    /// See the kind.
    pub fn string(&self) -> Cow<'c, str> {
        text(self.config, unsafe { mach_cfg_expect_string(self.raw) })
    }
    /// See the kind.
    pub fn a(&self) -> Option<u64> {
        Some(unsafe { mach_cfg_expect_a(self.raw) }).filter(|&n| n != u64::MAX)
    }
    /// See the kind.
    pub fn b(&self) -> Option<u64> {
        Some(unsafe { mach_cfg_expect_b(self.raw) }).filter(|&n| n != u64::MAX)
    }
}

/// Since 1.5: what is written into guest.dtb at each start, once its digest is checked: device addresses that follow from where the host has the memory. A reader that does not know the section refuses the file.
#[derive(Clone, Copy)]
pub struct Patch<'c> {
    config: &'c Config,
    raw: RawRecord,
    index: u32,
}

impl<'c> Row<'c> for Patch<'c> {
    const SECTION: u32 = 15;
    fn new(config: &'c Config, raw: RawRecord, index: u32) -> Self {
        Patch { config, raw, index }
    }
}

impl<'c> Patch<'c> {
    /// The number of the record in its section.
    pub fn record(&self) -> u32 {
        self.index
    }
    /// The config that it is a part of.
    pub fn config(&self) -> &'c Config {
        self.config
    }
    /// Offset in guest.dtb of the eight bytes to write: two big-endian cells.
    pub fn at(&self) -> u32 {
        unsafe { mach_cfg_patch_at(self.raw) }
    }
    /// The memory whose address on the host is written.
    pub fn memory(&self) -> Option<Memory<'c>> {
        rows(self.config, unsafe { mach_cfg_patch_memory(self.raw) }, 1).next()
    }
    /// Path of the bus in guest.dtb whose `dma-ranges` this is.
    pub fn node(&self) -> Cow<'c, str> {
        text(self.config, unsafe { mach_cfg_patch_node(self.raw) })
    }
    /// Offset in the memory.
    pub fn offset(&self) -> u64 {
        unsafe { mach_cfg_patch_offset(self.raw) }
    }
    /// What the host's bus adds to a host address, modulo 2^64.
    pub fn addend(&self) -> u64 {
        unsafe { mach_cfg_patch_addend(self.raw) }
    }
}

/// Since 1.6: registers of `shadow` regions that the guest may write, in ascending order of region and offset.
#[derive(Clone, Copy)]
pub struct Write<'c> {
    config: &'c Config,
    raw: RawRecord,
    index: u32,
}

impl<'c> Row<'c> for Write<'c> {
    const SECTION: u32 = 16;
    fn new(config: &'c Config, raw: RawRecord, index: u32) -> Self {
        Write { config, raw, index }
    }
}

impl<'c> Write<'c> {
    /// The number of the record in its section.
    pub fn record(&self) -> u32 {
        self.index
    }
    /// The config that it is a part of.
    pub fn config(&self) -> &'c Config {
        self.config
    }
    /// The region, a `shadow`, that the register is in.
    pub fn region(&self) -> Option<Region<'c>> {
        rows(self.config, unsafe { mach_cfg_write_region(self.raw) }, 1).next()
    }
    /// Offset in the region, a multiple of 4.
    pub fn offset(&self) -> u32 {
        unsafe { mach_cfg_write_offset(self.raw) }
    }
    /// Its bits that the guest may change, not 0; hiword: of bits 15 to 0.
    pub fn mask(&self) -> u32 {
        unsafe { mach_cfg_write_mask(self.raw) }
    }
    /// Bits of [`write_flags`].
    pub fn flags(&self) -> u32 {
        unsafe { mach_cfg_write_flags(self.raw) }
    }
}
