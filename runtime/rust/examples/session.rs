// SPDX-License-Identifier: MIT
//! Starts machines on the fake kernel of libmachrt's tests: for a driver in user space, and for a VMM of KVM's that has
//! one emulated device. `make build/rust-session` links it with that kernel; the suite `runtime` runs it.

use machrt::{Config, Device, DeviceKind, Kvm, Options, Session, Vmm};
use std::ffi::{CStr, CString};
use std::os::raw::{c_char, c_int, c_void};
use std::sync::{Arc, Mutex};

#[repr(C)]
struct Scene {
    _private: [u8; 0],
}

extern "C" {
    fn rust_scene(name: *const c_char) -> *mut Scene;
    fn rust_sys(scene: *mut Scene) -> *const c_void;
    fn rust_config(scene: *mut Scene, size: *mut usize) -> *const u8;
    fn rust_vm(scene: *mut Scene) -> c_int;
    fn rust_slots(scene: *const Scene) -> u32;
    fn rust_irqfds(scene: *const Scene) -> u32;
    fn rust_routes(scene: *const Scene) -> u32;
    fn rust_wrong(scene: *mut Scene) -> *const c_char;
}

struct Host(*mut Scene);

impl Host {
    fn new(name: &str) -> Host {
        let name = CString::new(name).unwrap();
        Host(unsafe { rust_scene(name.as_ptr()) })
    }

    fn config(&self) -> Config {
        let mut size = 0;
        let bytes = unsafe { std::slice::from_raw_parts(rust_config(self.0, &mut size), size) };
        Config::from_bytes("scene", bytes.to_vec()).unwrap()
    }

    fn options(&self) -> Options {
        unsafe { Options::default().with_sys(rust_sys(self.0)) }
    }

    fn is_as_it_was(&self) {
        assert_eq!(unsafe { CStr::from_ptr(rust_wrong(self.0)) }.to_str(), Ok(""));
    }
}

struct Uart {
    class: &'static str,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Vmm for Uart {
    fn emulated(&mut self, device: Device<'_>) -> std::io::Result<()> {
        self.seen.lock().unwrap().push(device.name().into_owned());
        match device.class_name() == self.class {
            true => Ok(()),
            false => Err(std::io::Error::from_raw_os_error(95)), // ENOTSUP
        }
    }

    fn routes(&mut self, config: &Config) -> Option<std::io::Result<()>> {
        Some(match config.gsis() {
            Ok(gsis) => {
                assert!(gsis.windows(2).all(|two| two[0].gsi < two[1].gsi));
                assert!(gsis.iter().any(|g| g.gsi == 32 && g.is_level()));
                Ok(())
            }
            Err(error) => Err(error),
        })
    }
}

struct Panics;

impl Vmm for Panics {
    fn emulated(&mut self, _: Device<'_>) -> std::io::Result<()> {
        panic!("this is part of the test");
    }
}

/// Registers, an eventfd and memory of a machine without a VMM.
fn driver() {
    let host = Host::new("group");
    let config = host.config();
    let eth = config.device("eth").unwrap();
    assert_eq!((eth.kind(), eth.regions().count(), eth.irqs().count()), (DeviceKind::Platform, 2, 2));
    assert_eq!(eth.regions().next().unwrap().device().name(), "eth");
    assert!(eth.vcpu().is_none() && eth.parent().is_none());
    assert_eq!(config.memories().map(|m| m.size()).sum::<u64>(), 7 << 20);
    let lines = Arc::new(Mutex::new(Vec::new()));
    let (log, mut options) = (lines.clone(), host.options());
    options.log = Some(Box::new(move |line| log.lock().unwrap().push(line.to_owned())));
    let session = Session::start(&config, options).unwrap();
    assert!(session.device_fd(eth.record()).is_some() && session.device_fd(99).is_none());
    let (region, irq) = (eth.regions().nth(1).unwrap().record(), eth.irqs().next().unwrap().record());
    session.write_region(region, 4, &[1, 2, 3, 4]).unwrap();
    let mut value = [0; 4];
    session.read_region(region, 4, &mut value).unwrap();
    assert_eq!(value, [1, 2, 3, 4]);
    assert!(session.read_region(region, 0x200, &mut value).is_err());
    assert!(session.irq_fd(irq).is_some());
    session.unmask(irq).unwrap();
    // One memory, to its last byte.
    assert!(session.memory_at(0x8000_0000, 4 << 20, true).is_some());
    assert!(session.memory_at(0x8000_0000, (4 << 20) + 1, false).is_none());
    session.stop().unwrap();
    assert!(!lines.lock().unwrap().is_empty());
    host.is_as_it_was();
}

/// Both halves of a start in KVM, accesses by guest address, and the end by going out of scope.
#[cfg(not(target_arch = "arm"))]
fn vmm() {
    let host = Host::new("kvm");
    let config = host.config();
    assert_eq!(config.needs().address_bits, 32);
    let (seen, vm) = (Arc::new(Mutex::new(Vec::new())), unsafe { rust_vm(host.0) });
    let kvm = Kvm { vm, first_slot: 5, ..Kvm::default() };
    {
        let uart = Uart { class: "ns16550a", seen: seen.clone() };
        let mut session = Session::prepare(&config, host.options(), kvm, uart).unwrap();
        assert!(session.memory_at(0x8000_0000, 1, true).is_some() && seen.lock().unwrap().is_empty());
        assert!(session.load(&[0; 64], &[0; 64], None).unwrap_err().to_string().contains("device tree"));
        session.connect().unwrap();
        assert_eq!(session.connect().unwrap_err().step, "arguments");
        assert_eq!(unsafe { (rust_slots(host.0), rust_irqfds(host.0), rust_routes(host.0)) }, (session.slots(), 3, 0));
        session.write(0x1af1004, &[9, 8, 7, 6]).unwrap();
        let mut value = [0; 4];
        session.read(0x1af1004, &mut value).unwrap();
        assert_eq!(value, [9, 8, 7, 6]);
        assert!(session.read(0x1234, &mut value).is_err());
        assert_eq!(value, [0xff; 4]);
    }
    assert_eq!(*seen.lock().unwrap(), ["uart"]);
    assert_eq!(unsafe { (rust_slots(host.0), rust_irqfds(host.0)) }, (0, 0));
}

/// What the VMM does not have, and a VMM that panics: an error, with all undone.
#[cfg(not(target_arch = "arm"))]
fn refused() {
    let host = Host::new("kvm");
    let config = host.config();
    let kvm = Kvm { vm: unsafe { rust_vm(host.0) }, ..Kvm::default() };
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut session = Session::prepare(&config, host.options(), kvm, Uart { class: "pl011", seen }).unwrap();
    let error = session.connect().unwrap_err();
    assert_eq!((error.step.as_str(), error.number, error.object.as_str()), ("vmm", 95, "device uart"));
    drop(session);
    std::panic::set_hook(Box::new(|_| {}));
    let mut session = Session::prepare(&config, host.options(), kvm, Panics).unwrap();
    assert_eq!(session.connect().unwrap_err().number, 5);
    drop(session);
    assert_eq!(unsafe { (rust_slots(host.0), rust_irqfds(host.0)) }, (0, 0));
}

#[cfg(target_arch = "arm")]
fn vmm() {}
#[cfg(target_arch = "arm")]
fn refused() {}

fn main() {
    let error = Config::open("/nowhere/guest.cfg").err().unwrap();
    assert_eq!((error.step.as_str(), error.number), ("open", 2));
    assert!(Config::from_bytes("cut\0", vec![0; 64]).err().unwrap().to_string().contains("cut?"));
    driver();
    vmm();
    refused();
    println!("sessions in Rust: fine");
}
