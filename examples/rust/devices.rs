// SPDX-License-Identifier: MIT
//! Prints the devices of a guest.cfg: libmachrt from Rust, without crates. The declarations follow machrt.h and
//! machcfg.h; bindgen makes them from the same headers.
//!
//!     rustc -o devices examples/rust/devices.rs -l machrt
//!     ./devices guest.cfg

use std::ffi::{CStr, CString};
use std::os::raw::{c_char, c_int};
use std::ptr;

#[repr(C)]
struct Config {
    _private: [u8; 0],
}
#[repr(C)]
struct File {
    _private: [u8; 0],
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Record {
    at: *const u8,
    size: u32,
}

#[repr(C)]
struct Error {
    size: usize,
    step: *const c_char,
    number: c_int,
    name: *const c_char,
    offset: u64,
    object: [c_char; 256],
    hint: [c_char; 768],
}

const SECTION_DEVICE: u32 = 7; // MACH_CFG_S_DEVICE
const SECTION_REGION: u32 = 8;
const NONE64: u64 = u64::MAX; // MACH_CFG_NONE64
const KINDS: [&str; 4] = ["emulated", "platform", "pci", "raw"]; // enum mach_cfg_device_kind

extern "C" {
    fn mach_config_open(path: *const c_char, config: *mut *mut Config, error: *mut Error) -> c_int;
    fn mach_config_close(config: *mut Config);
    fn mach_config_file(config: *const Config) -> *const File;
    fn mach_error_text(error: *const Error, text: *mut c_char, size: usize) -> c_int;
    fn mach_version() -> *const c_char;
    fn mach_cfg_count(file: *const File, section: u32) -> u32;
    fn mach_cfg_record(file: *const File, section: u32, index: u32) -> Record;
    fn mach_cfg_string(file: *const File, offset: u32) -> *const c_char;
    fn mach_cfg_device_name(record: Record) -> u32;
    fn mach_cfg_device_kind(record: Record) -> u32;
    fn mach_cfg_device_first_region(record: Record) -> u32;
    fn mach_cfg_device_regions(record: Record) -> u32;
    fn mach_cfg_region_guest(record: Record) -> u64;
    fn mach_cfg_region_size(record: Record) -> u64;
}

/// A config that is open; closed when it is dropped.
struct Open(*mut Config);

impl Open {
    fn new(path: &str) -> Result<Open, String> {
        let path = CString::new(path).map_err(|e| e.to_string())?;
        let mut config = ptr::null_mut();
        let mut error = Error {
            size: std::mem::size_of::<Error>(),
            step: ptr::null(),
            number: 0,
            name: ptr::null(),
            offset: 0,
            object: [0; 256],
            hint: [0; 768],
        };
        if unsafe { mach_config_open(path.as_ptr(), &mut config, &mut error) } == 0 {
            return Ok(Open(config));
        }
        let mut text: [c_char; 1500] = [0; 1500];
        unsafe {
            mach_error_text(&error, text.as_mut_ptr(), text.len());
            Err(CStr::from_ptr(text.as_ptr()).to_string_lossy().into_owned())
        }
    }

    /// The records of a section from `first` on.
    fn records(&self, section: u32, first: u32, count: u32) -> impl Iterator<Item = Record> {
        let file = unsafe { mach_config_file(self.0) };
        (first..first + count).map(move |i| unsafe { mach_cfg_record(file, section, i) })
    }

    fn count(&self, section: u32) -> u32 {
        unsafe { mach_cfg_count(mach_config_file(self.0), section) }
    }

    fn string(&self, offset: u32) -> String {
        unsafe { CStr::from_ptr(mach_cfg_string(mach_config_file(self.0), offset)) }.to_string_lossy().into_owned()
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        unsafe { mach_config_close(self.0) }
    }
}

fn main() {
    let path = match std::env::args().nth(1) {
        Some(path) => path,
        None => {
            let version = unsafe { CStr::from_ptr(mach_version()) }.to_string_lossy().into_owned();
            eprintln!("usage: devices GUEST.CFG (libmachrt {})", version);
            std::process::exit(2);
        }
    };
    let config = match Open::new(&path) {
        Ok(config) => config,
        Err(text) => {
            eprintln!("devices: {}", text);
            std::process::exit(1);
        }
    };
    for device in config.records(SECTION_DEVICE, 0, config.count(SECTION_DEVICE)) {
        let kind = unsafe { mach_cfg_device_kind(device) } as usize;
        println!("{} {}", config.string(unsafe { mach_cfg_device_name(device) }), KINDS[kind]);
        let (first, count) = unsafe { (mach_cfg_device_first_region(device), mach_cfg_device_regions(device)) };
        for region in config.records(SECTION_REGION, first, count) {
            let (guest, size) = unsafe { (mach_cfg_region_guest(region), mach_cfg_region_size(region)) };
            if guest != NONE64 {
                println!("  0x{:x} 0x{:x}", guest, size);
            }
        }
    }
}
