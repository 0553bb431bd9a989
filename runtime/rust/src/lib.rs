// SPDX-License-Identifier: MIT
//! Loads the virtual machine that a guest.cfg of machc describes: libmachrt for VMMs in Rust, without dependencies.
//!
//! A [`Config`] is read and verified; its records have a type for each section. A [`Session`] starts the machine: for a
//! driver in user space, or for a VMM of KVM that implements [`Vmm`]. What each function does, and which errors it has,
//! is in machrt.h: the crate adds ownership and types.
//!
//! ```no_run
//! let config = machrt::Config::open("guest.cfg")?;
//! for device in config.devices() {
//!     println!("{}: {:?}", device.name(), device.kind());
//! }
//! # Ok::<(), machrt::Error>(())
//! ```

mod ffi;
mod records;
mod session;

pub use records::*;
pub use session::{Kvm, Loaded, Options, Session, Vmm, NO_BIND, NO_POPULATE, NO_PROOF};

use std::borrow::Cow;
use std::ffi::{CStr, CString, OsStr};
use std::os::raw::{c_char, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::{fmt, ptr};

/// The version of the library that is running.
pub fn version() -> &'static str {
    unsafe { CStr::from_ptr(ffi::mach_version()) }.to_str().unwrap_or("")
}

/* ---- errors ---- */

/// What failed, on what, why, and what can be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What was being done: "open", "expect", "bind" ...
    pub step: String,
    /// The errno of the failure; 0: the file or the host is wrong.
    pub number: i32,
    /// What it was done to: "guest.cfg: device 3, parent".
    pub object: String,
    /// One sentence, or a few.
    pub hint: String,
    text: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}

fn string(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

impl ffi::RawError {
    fn new() -> Self {
        ffi::RawError {
            size: std::mem::size_of::<ffi::RawError>(),
            step: ptr::null(),
            number: 0,
            name: ptr::null(),
            offset: 0,
            object: [0; 256],
            hint: [0; 768],
        }
    }

    /// The result of a call that returned `r` and may have filled this in.
    fn result(&self, r: i32) -> Result<(), Error> {
        if r >= 0 {
            return Ok(());
        }
        let mut text: [c_char; 1500] = [0; 1500];
        unsafe { ffi::mach_error_text(self, text.as_mut_ptr(), text.len()) };
        Err(Error {
            step: string(self.step),
            number: -r,
            object: string(self.object.as_ptr()),
            hint: string(self.hint.as_ptr()),
            text: string(text.as_ptr()),
        })
    }
}

/// The result of a call that has no more than an errno to say.
fn errno(r: i32) -> std::io::Result<i32> {
    if r < 0 {
        Err(std::io::Error::from_raw_os_error(-r))
    } else {
        Ok(r)
    }
}

/* ---- configs ---- */

/// A verified guest.cfg. Any thread may read it.
pub struct Config {
    raw: *mut ffi::RawConfig,
    _bytes: Option<Box<[u8]>>, // that raw reads in place
}

unsafe impl Send for Config {}
unsafe impl Sync for Config {}

/// An interrupt as KVM has it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gsi {
    pub gsi: u32,
    /// The record of the controller, and the line at it.
    pub chip: u32,
    pub line: u32,
    level: i32,
}

impl Gsi {
    pub fn is_level(&self) -> bool {
        self.level != 0
    }
}

/// What a VM needs for a config, before it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    pub cpus: u32,
    /// Of a guest physical address.
    pub address_bits: u32,
    /// Memory slots, if each region is mapped in one piece.
    pub slots: u32,
}

impl Config {
    /// Reads and verifies a file.
    pub fn open(path: impl AsRef<Path>) -> Result<Config, Error> {
        let path: &OsStr = path.as_ref().as_os_str();
        // A name with a NUL is no file's: what is before it would be another one.
        let name = CString::new(path.as_bytes()).unwrap_or_default();
        let (mut raw, mut error) = (ptr::null_mut(), ffi::RawError::new());
        let r = unsafe { ffi::mach_config_open(name.as_ptr(), &mut raw, &mut error) };
        error.result(r)?;
        Ok(Config { raw, _bytes: None })
    }

    /// The same for bytes in memory. Messages call them `name`.
    pub fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<Config, Error> {
        let name = CString::new(name.replace('\0', "?")).unwrap_or_default();
        let (mut raw, mut error, bytes) = (ptr::null_mut(), ffi::RawError::new(), bytes.into_boxed_slice());
        let at = bytes.as_ptr() as *const c_void;
        let r = unsafe { ffi::mach_config_from_memory(name.as_ptr(), at, bytes.len(), &mut raw, &mut error) };
        error.result(r)?;
        Ok(Config { raw, _bytes: Some(bytes) })
    }

    fn file(&self) -> *const ffi::RawFile {
        unsafe { ffi::mach_config_file(self.raw) }
    }

    /// All records of a section.
    pub fn all<'c, R: Row<'c> + 'c>(&'c self) -> impl Iterator<Item = R> + 'c {
        rows(self, 0, unsafe { ffi::mach_cfg_count(self.file(), R::SECTION) })
    }

    pub fn machine(&self) -> Machine<'_> {
        rows(self, 0, 1).next().expect("a verified config has exactly one")
    }

    pub fn devices(&self) -> impl Iterator<Item = Device<'_>> {
        self.all()
    }

    pub fn memories(&self) -> impl Iterator<Item = Memory<'_>> {
        self.all()
    }

    /// The device with a name, as the description gives it.
    pub fn device(&self, name: &str) -> Option<Device<'_>> {
        self.devices().find(|d| d.name() == name)
    }

    pub fn needs(&self) -> Needs {
        let size = std::mem::size_of::<ffi::RawVm>();
        let mut vm = ffi::RawVm { size, cpus: 0, address_bits: 0, slots: 0, gsis: 0 };
        unsafe { ffi::mach_config_vm(self.raw, &mut vm) };
        Needs { cpus: vm.cpus, address_bits: vm.address_bits, slots: vm.slots }
    }

    /// The GSIs that the config uses, rising: for a VMM that calls KVM_SET_GSI_ROUTING itself.
    pub fn gsis(&self) -> std::io::Result<Vec<Gsi>> {
        let most = self.all::<Irq>().count();
        let mut all = vec![Gsi::default(); most];
        let n = unsafe { ffi::mach_config_gsis(self.raw, all.as_mut_ptr(), most as u32) };
        errno(n.min(0) as i32)?;
        all.truncate(n as usize);
        Ok(all)
    }

    /// Pins the calling thread to the host cpu of a vcpu, if the config says one.
    pub fn pin(&self, vcpu: u32) -> std::io::Result<()> {
        errno(unsafe { ffi::mach_config_pin(self.raw, vcpu) }).map(|_| ())
    }
}

impl Drop for Config {
    fn drop(&mut self) {
        unsafe { ffi::mach_config_close(self.raw) }
    }
}

/* ---- records ---- */

/// A record of one section. Its methods are the accessors of machcfg.h.
pub trait Row<'c>: Sized {
    const SECTION: u32;
    #[doc(hidden)]
    fn new(config: &'c Config, raw: ffi::RawRecord, index: u32) -> Self;
}

/// `count` records from `first` on; none for a number that is no record's.
fn rows<'c, R: Row<'c> + 'c>(config: &'c Config, first: u32, count: u32) -> impl Iterator<Item = R> + 'c {
    let all = unsafe { ffi::mach_cfg_count(config.file(), R::SECTION) };
    let end = first.saturating_add(count).min(all);
    (first..end).map(move |i| R::new(config, unsafe { ffi::mach_cfg_record(config.file(), R::SECTION, i) }, i))
}

fn text(config: &Config, offset: u32) -> Cow<'_, str> {
    unsafe { CStr::from_ptr(ffi::mach_cfg_string(config.file(), offset)) }.to_string_lossy()
}
