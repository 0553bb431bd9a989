// SPDX-License-Identifier: MIT
//! Prints the devices of a guest.cfg.

fn main() {
    let path = std::env::args_os().nth(1).unwrap_or_else(|| {
        eprintln!("usage: devices GUEST.CFG (libmachrt {})", machrt::version());
        std::process::exit(2);
    });
    let config = machrt::Config::open(path).unwrap_or_else(|error| {
        eprintln!("devices: {error}");
        std::process::exit(1);
    });
    for device in config.devices() {
        println!("{} {}", device.name(), format!("{:?}", device.kind()).to_lowercase());
        for region in device.regions() {
            if let Some(guest) = region.guest() {
                println!("  0x{guest:x} 0x{:x}", region.size());
            }
        }
    }
}
