// SPDX-License-Identifier: MIT
//! Sessions: a machine that is started, and stopped when its session is dropped.

use crate::ffi::{self, RawError, RawKvm, RawLoad, RawOps, RawOptions, RawSession};
use crate::{errno, rows, string, Config, Device, Error};
use std::os::raw::{c_char, c_int, c_void};
use std::os::unix::io::RawFd;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr;
use std::sync::Mutex;

/// Devices are bound to their VFIO drivers already: change no driver.
pub const NO_BIND: u32 = 1;
/// Do not check the expectations: that was done a moment ago.
pub const NO_PROOF: u32 = 2;
/// Do not fault memory in before it is mapped for DMA.
pub const NO_POPULATE: u32 = 4;
const ACCESS: u32 = 16; // MACH_ACCESS: Session::read() and write() serve what is trapped

const ENOSYS: c_int = 38; // include/uapi/asm-generic/errno.h; the crate has no libc
const EIO: c_int = 5;

/// How a session is started. `Options::default()` is what most need.
#[derive(Default)]
pub struct Options {
    /// NO_BIND, NO_PROOF, NO_POPULATE.
    pub flags: u32,
    /// Called with a line for each thing done.
    pub log: Option<Box<dyn FnMut(&str) + Send>>,
    sys: usize, // const struct mach_sys *; 0: the system's own
}

impl Options {
    /// Uses another table of system calls: a `struct mach_sys` of C.
    ///
    /// # Safety
    /// It must be complete and outlive the session.
    pub unsafe fn with_sys(mut self, sys: *const c_void) -> Self {
        self.sys = sys as usize;
        self
    }
}

/// What a VMM does for a session. KVM does everything else.
pub trait Vmm {
    /// Makes an emulated device; an error where the VMM has no such device, at this address and line.
    fn emulated(&mut self, device: Device<'_>) -> std::io::Result<()>;
    /// Sets the routes of [`Config::gsis`], beside the VMM's own. `None`: KVM's are set.
    fn routes(&mut self, config: &Config) -> Option<std::io::Result<()>> {
        let _ = config;
        None
    }
}

/// The VM that a machine is started in.
#[derive(Clone, Copy, Default)]
pub struct Kvm {
    /// Its file descriptor, which stays the caller's.
    pub vm: RawFd,
    /// The first memory slot that the session may take.
    pub first_slot: u32,
    /// The VMM makes the interrupt controller itself.
    pub has_irqchip: bool,
    /// The VMM's kvm-vfio device, if it has one. It stays the caller's.
    pub vfio: Option<RawFd>,
}

/// Where a guest begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Guest address of the kernel's first instruction.
    pub entry: u64,
    /// Guest address of the tree.
    pub dtb: u64,
}

/// What the C library keeps pointers to. It does not move while the session lasts.
struct Held<'c> {
    config: &'c Config,
    vmm: Option<Box<dyn Vmm + Send + 'c>>,
    log: Mutex<Option<Box<dyn FnMut(&str) + Send>>>, // a write that is refused logs, in any thread
    ops: RawOps,
    kvm: RawKvm,
}

/// A machine that is started. Dropping it stops it.
pub struct Session<'c> {
    raw: *mut RawSession,
    held: *mut Held<'c>, // Box: the library's callbacks use it while a method runs, so it is no &mut of Session
}

// mach_session_access() and its kin may be called by any thread; all others take &mut self.
unsafe impl Send for Session<'_> {}
unsafe impl Sync for Session<'_> {}

unsafe extern "C" fn log(opaque: *mut c_void, line: *const c_char) {
    let log = &(*(opaque as *const Held)).log;
    let _ = catch_unwind(AssertUnwindSafe(|| {
        if let Ok(Some(log)) = log.lock().as_deref_mut() {
            log(&string(line));
        }
    }));
}

fn answer(done: std::thread::Result<std::io::Result<()>>) -> c_int {
    match done {
        Ok(Ok(())) => 0,
        Ok(Err(error)) => -error.raw_os_error().filter(|&n| n > 0).unwrap_or(EIO),
        Err(_) => -EIO, // it panicked: that must not go through C
    }
}

unsafe extern "C" fn emulated(opaque: *mut c_void, _: *const ffi::RawFile, device: u32) -> c_int {
    let held = &mut *(opaque as *mut Held);
    let (config, vmm) = (held.config, &mut held.vmm);
    match (rows(config, device, 1).next(), vmm) {
        (Some(device), Some(vmm)) => answer(catch_unwind(AssertUnwindSafe(|| vmm.emulated(device)))),
        _ => -ENOSYS,
    }
}

unsafe extern "C" fn routes(opaque: *mut c_void, _: *const ffi::RawFile) -> c_int {
    let held = &mut *(opaque as *mut Held);
    let (config, vmm) = (held.config, &mut held.vmm);
    match catch_unwind(AssertUnwindSafe(|| vmm.as_mut().and_then(|vmm| vmm.routes(config)))) {
        Ok(None) => -ENOSYS,
        Ok(Some(done)) => answer(Ok(done)),
        Err(panic) => answer(Err(panic)),
    }
}

fn no_ops() -> RawOps {
    RawOps {
        size: std::mem::size_of::<RawOps>(),
        prepare: None,
        irqchip: None,
        irqchip_undo: None,
        routes: None,
        emulated: None,
        emulated_undo: None,
        memory: None,
        device_file: None,
        device_file_undo: None,
        place: None,
        place_undo: None,
        trap: None,
        trap_undo: None,
        irq_source: None,
        connect: None,
        disconnect: None,
    }
}

impl<'c> Session<'c> {
    /// Starts a machine for a driver in user space, which uses regions and eventfds itself.
    pub fn start(config: &'c Config, options: Options) -> Result<Session<'c>, Error> {
        let mut session = Session::new(config, options, None, None)?;
        session.connect()?;
        Ok(session)
    }

    /// Starts the first half of a machine in a VM: guest memory is there. [`Session::connect`] does the rest.
    pub fn prepare(
        config: &'c Config,
        options: Options,
        kvm: Kvm,
        vmm: impl Vmm + Send + 'c,
    ) -> Result<Session<'c>, Error> {
        Session::new(config, options, Some(kvm), Some(Box::new(vmm)))
    }

    fn new(
        config: &'c Config,
        options: Options,
        kvm: Option<Kvm>,
        vmm: Option<Box<dyn Vmm + Send + 'c>>,
    ) -> Result<Session<'c>, Error> {
        let vm = kvm.unwrap_or_default();
        let sys = options.sys as *const c_void;
        let held = Box::into_raw(Box::new(Held {
            config,
            vmm,
            log: Mutex::new(options.log),
            ops: RawOps { emulated: Some(emulated), routes: Some(routes), ..no_ops() },
            kvm: RawKvm {
                size: std::mem::size_of::<RawKvm>(),
                vm: vm.vm,
                sys,
                own: ptr::null(),
                own_opaque: ptr::null_mut(),
                first_slot: vm.first_slot,
                has_irqchip: vm.has_irqchip as c_int,
                irqchip: 0,
                vfio: 0,
                files: 0,
                own_vfio: vm.vfio.unwrap_or(0),
                own_chips: 0,
            },
        }));
        let raw_options = RawOptions {
            size: std::mem::size_of::<RawOptions>(),
            sys,
            backend: 0,
            flags: options.flags | ACCESS,
            threads: 0,
            log: Some(log),
            finding: None,
            opaque: held as *mut c_void,
        };
        let (mut raw, mut error) = (ptr::null_mut(), RawError::new());
        let r = unsafe {
            (*held).kvm.own = &(*held).ops;
            (*held).kvm.own_opaque = held as *mut c_void;
            let (ops, opaque) = match kvm {
                Some(_) => (ffi::mach_kvm_ops(), ptr::addr_of_mut!((*held).kvm) as *mut c_void),
                None => (ptr::null(), ptr::null_mut()),
            };
            ffi::mach_session_prepare(config.raw, &raw_options, ops, opaque, &mut raw, &mut error)
        };
        let session = Session { raw, held };
        error.result(r)?; // dropping it frees what it holds
        Ok(session)
    }

    /// Starts the second half: devices, DMA, interrupts. Once; after an error the session can only be dropped.
    pub fn connect(&mut self) -> Result<(), Error> {
        let mut error = RawError::new();
        let r = unsafe { ffi::mach_session_connect(self.raw, &mut error) };
        error.result(r)
    }

    /// Stops the machine, and says what could not be undone.
    pub fn stop(mut self) -> Result<(), Error> {
        self.end()
    }

    fn end(&mut self) -> Result<(), Error> {
        let mut error = RawError::new();
        let raw = std::mem::replace(&mut self.raw, ptr::null_mut());
        let r = unsafe { ffi::mach_session_stop(raw, &mut error) };
        error.result(r)
    }

    /// Completes the guest.dtb of the config; an error if it is another one's.
    pub fn complete_dtb(&self, dtb: &mut [u8]) -> Result<(), Error> {
        let mut error = RawError::new();
        let at = dtb.as_mut_ptr() as *mut c_void;
        let r = unsafe { ffi::mach_session_dtb(self.raw, at, dtb.len(), &mut error) };
        error.result(r)
    }

    /// Loads kernel, tree and initramfs into guest memory. No vcpu may run.
    pub fn load(&mut self, kernel: &[u8], tree: &[u8], initramfs: Option<&[u8]>) -> Result<Loaded, Error> {
        let mut error = RawError::new();
        let mut load = RawLoad {
            size: std::mem::size_of::<RawLoad>(),
            kernel: kernel.as_ptr() as *const c_void,
            kernel_size: kernel.len(),
            initramfs: initramfs.map_or(ptr::null(), |b| b.as_ptr() as *const c_void),
            initramfs_size: initramfs.map_or(0, |b| b.len()),
            entry: 0,
            dtb: 0,
        };
        let at = tree.as_ptr() as *const c_void;
        let r = unsafe { ffi::mach_session_load(self.raw, &mut load, at, tree.len(), &mut error) };
        error.result(r)?;
        Ok(Loaded { entry: load.entry, dtb: load.dtb })
    }

    /// Where guest memory is in this process: `size` bytes from a guest address on. The guest changes it at any time.
    pub fn memory_at(&self, address: u64, size: u64, write: bool) -> Option<ptr::NonNull<u8>> {
        let at = unsafe { ffi::mach_session_at(self.raw, address, size, write as c_int) };
        ptr::NonNull::new(at as *mut u8)
    }

    /// Serves a read of the guest from a trapped region; the data has ones where nothing answers.
    pub fn read(&self, address: u64, data: &mut [u8]) -> std::io::Result<()> {
        let at = data.as_mut_ptr() as *mut c_void;
        errno(unsafe { ffi::mach_session_access(self.raw, address, at, data.len(), 0) }).map(|_| ())
    }

    /// Serves a write of the guest to a trapped region.
    pub fn write(&self, address: u64, data: &[u8]) -> std::io::Result<()> {
        let at = data.as_ptr() as *mut c_void; // of a write it is only read
        errno(unsafe { ffi::mach_session_access(self.raw, address, at, data.len(), 1) }).map(|_| ())
    }

    /// Reads from a device region: 1 to 8 bytes, in the host's byte order.
    pub fn read_region(&self, region: u32, offset: u64, value: &mut [u8]) -> std::io::Result<()> {
        let at = value.as_mut_ptr() as *mut c_void;
        errno(unsafe { ffi::mach_region_read(self.raw, region, offset, at, value.len()) }).map(|_| ())
    }

    /// Writes to a device region.
    pub fn write_region(&self, region: u32, offset: u64, value: &[u8]) -> std::io::Result<()> {
        let at = value.as_ptr() as *const c_void;
        errno(unsafe { ffi::mach_region_write(self.raw, region, offset, at, value.len()) }).map(|_| ())
    }

    /// The eventfd of an interrupt. It belongs to the session.
    pub fn irq_fd(&self, irq: u32) -> Option<RawFd> {
        errno(unsafe { ffi::mach_session_irq_fd(self.raw, irq) }).ok()
    }

    /// Lets the next interrupt of a level line through.
    pub fn unmask(&self, irq: u32) -> std::io::Result<()> {
        errno(unsafe { ffi::mach_session_irq_unmask(self.raw, irq) }).map(|_| ())
    }

    /// The VFIO file of a device. It belongs to the session.
    pub fn device_fd(&self, device: u32) -> Option<RawFd> {
        errno(unsafe { ffi::mach_session_device_fd(self.raw, device) }).ok()
    }

    /// An eventfd that says that a PCI function is to go. It belongs to the session.
    pub fn gone_fd(&self, device: u32) -> Option<RawFd> {
        errno(unsafe { ffi::mach_session_gone_fd(self.raw, device) }).ok()
    }

    /// How many memory slots it has.
    pub fn slots(&self) -> u32 {
        unsafe { ffi::mach_session_slots(self.raw) }
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        let _ = self.end();
        drop(unsafe { Box::from_raw(self.held) });
    }
}
