// SPDX-License-Identifier: MIT
//! libmachrt is where the system's linker looks, or where MACHRT_LIB_DIR says.

fn main() {
    println!("cargo:rerun-if-env-changed=MACHRT_LIB_DIR");
    if let Ok(folder) = std::env::var("MACHRT_LIB_DIR") {
        println!("cargo:rustc-link-search=native={folder}");
    }
    println!("cargo:rustc-link-lib=machrt");
}
