// SPDX-License-Identifier: MIT
//! What machrt.h declares, as far as the crate uses it. Each struct ends where the C struct does.

use std::os::raw::{c_char, c_int, c_uint, c_void};

#[repr(C)]
pub struct RawConfig {
    _private: [u8; 0],
}
#[repr(C)]
pub struct RawFile {
    _private: [u8; 0],
}
#[repr(C)]
pub struct RawSession {
    _private: [u8; 0],
}

/// A record of a config: `struct mach_cfg_rec`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct RawRecord {
    at: *const u8,
    size: u32,
}

#[repr(C)]
pub struct RawError {
    pub size: usize,
    pub step: *const c_char,
    pub number: c_int,
    pub name: *const c_char,
    pub offset: u64,
    pub object: [c_char; 256],
    pub hint: [c_char; 768],
}

#[repr(C)]
pub struct RawOptions {
    pub size: usize,
    pub sys: *const c_void,
    pub backend: c_uint,
    pub flags: c_uint,
    pub threads: c_uint,
    pub log: Option<unsafe extern "C" fn(*mut c_void, *const c_char)>,
    pub finding: Option<unsafe extern "C" fn(*mut c_void, *const c_void)>,
    pub opaque: *mut c_void,
}

#[repr(C)]
pub struct RawOps {
    pub size: usize,
    pub prepare: Option<unsafe extern "C" fn(*mut c_void, *const RawFile, *mut *const c_char) -> c_int>,
    pub irqchip: Option<unsafe extern "C" fn(*mut c_void, *const RawFile, u32) -> c_int>,
    pub irqchip_undo: Option<unsafe extern "C" fn(*mut c_void, *const RawFile, u32)>,
    pub routes: Option<unsafe extern "C" fn(*mut c_void, *const RawFile) -> c_int>,
    pub emulated: Option<unsafe extern "C" fn(*mut c_void, *const RawFile, u32) -> c_int>,
    pub emulated_undo: Option<unsafe extern "C" fn(*mut c_void, *const RawFile, u32)>,
    pub memory: Option<unsafe extern "C" fn(*mut c_void, *mut c_void) -> c_int>,
    pub device_file: Option<unsafe extern "C" fn(*mut c_void, c_int) -> c_int>,
    pub device_file_undo: Option<unsafe extern "C" fn(*mut c_void, c_int)>,
    pub place: Option<unsafe extern "C" fn(*mut c_void, *const c_void) -> c_int>,
    pub place_undo: Option<unsafe extern "C" fn(*mut c_void, *const c_void)>,
    pub trap: Option<unsafe extern "C" fn(*mut c_void, *mut RawSession, *const c_void) -> c_int>,
    pub trap_undo: Option<unsafe extern "C" fn(*mut c_void, *mut RawSession, *const c_void)>,
    pub irq_source: Option<unsafe extern "C" fn(*mut c_void, *const RawFile, u32, *mut c_int) -> c_int>,
    pub connect: Option<unsafe extern "C" fn(*mut c_void, *const c_void) -> c_int>,
    pub disconnect: Option<unsafe extern "C" fn(*mut c_void, *const c_void)>,
}

#[repr(C)]
pub struct RawKvm {
    pub size: usize,
    pub vm: c_int,
    pub sys: *const c_void,
    pub own: *const RawOps,
    pub own_opaque: *mut c_void,
    pub first_slot: u32,
    pub has_irqchip: c_int,
    pub irqchip: c_int,
    pub vfio: c_int,
    pub files: u32,
    pub own_vfio: c_int,
    pub own_chips: u64,
}

#[repr(C)]
pub struct RawVm {
    pub size: usize,
    pub cpus: u32,
    pub address_bits: u32,
    pub slots: u32,
    pub gsis: u32,
}

#[repr(C)]
pub struct RawLoad {
    pub size: usize,
    pub kernel: *const c_void,
    pub kernel_size: usize,
    pub initramfs: *const c_void,
    pub initramfs_size: usize,
    pub entry: u64,
    pub dtb: u64,
}

extern "C" {
    pub fn mach_version() -> *const c_char;
    pub fn mach_error_text(error: *const RawError, text: *mut c_char, size: usize) -> c_int;
    pub fn mach_config_open(path: *const c_char, config: *mut *mut RawConfig, error: *mut RawError) -> c_int;
    pub fn mach_config_from_memory(
        name: *const c_char,
        bytes: *const c_void,
        size: usize,
        config: *mut *mut RawConfig,
        error: *mut RawError,
    ) -> c_int;
    pub fn mach_config_close(config: *mut RawConfig);
    pub fn mach_config_file(config: *const RawConfig) -> *const RawFile;
    pub fn mach_config_vm(config: *const RawConfig, vm: *mut RawVm) -> c_int;
    pub fn mach_config_gsis(config: *const RawConfig, gsis: *mut crate::Gsi, max: u32) -> i64;
    pub fn mach_config_pin(config: *const RawConfig, vcpu: u32) -> c_int;
    pub fn mach_cfg_count(file: *const RawFile, section: u32) -> u32;
    pub fn mach_cfg_record(file: *const RawFile, section: u32, index: u32) -> RawRecord;
    pub fn mach_cfg_string(file: *const RawFile, offset: u32) -> *const c_char;
    pub fn mach_kvm_ops() -> *const RawOps;
    pub fn mach_session_prepare(
        config: *const RawConfig,
        options: *const RawOptions,
        ops: *const RawOps,
        opaque: *mut c_void,
        session: *mut *mut RawSession,
        error: *mut RawError,
    ) -> c_int;
    pub fn mach_session_connect(session: *mut RawSession, error: *mut RawError) -> c_int;
    pub fn mach_session_stop(session: *mut RawSession, error: *mut RawError) -> c_int;
    pub fn mach_session_at(session: *const RawSession, address: u64, size: u64, write: c_int) -> *mut c_void;
    pub fn mach_session_dtb(session: *const RawSession, dtb: *mut c_void, size: usize, error: *mut RawError) -> c_int;
    pub fn mach_session_load(
        session: *mut RawSession,
        load: *mut RawLoad,
        tree: *const c_void,
        size: usize,
        error: *mut RawError,
    ) -> c_int;
    pub fn mach_session_slots(session: *const RawSession) -> u32;
    pub fn mach_session_access(
        session: *mut RawSession,
        address: u64,
        data: *mut c_void,
        size: usize,
        write: c_int,
    ) -> c_int;
    pub fn mach_region_read(
        session: *mut RawSession,
        region: u32,
        offset: u64,
        value: *mut c_void,
        size: usize,
    ) -> c_int;
    pub fn mach_region_write(
        session: *mut RawSession,
        region: u32,
        offset: u64,
        value: *const c_void,
        size: usize,
    ) -> c_int;
    pub fn mach_session_irq_fd(session: *const RawSession, irq: u32) -> c_int;
    pub fn mach_session_irq_unmask(session: *mut RawSession, irq: u32) -> c_int;
    pub fn mach_session_device_fd(session: *const RawSession, device: u32) -> c_int;
    pub fn mach_session_gone_fd(session: *const RawSession, device: u32) -> c_int;
}
