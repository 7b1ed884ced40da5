//! Lets the exporter's programs find libtorch without `LD_LIBRARY_PATH`.
//!
//! Why here: an rpath through `RUSTFLAGS` would rebuild every crate whenever the folder changes, and
//! the build script of `torch-sys` cannot pass link arguments on to us.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=LIBTORCH");
    let trains = env::var_os("CARGO_FEATURE_TRAIN").is_some();
    if let (true, Ok(libtorch)) = (trains, env::var("LIBTORCH")) {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{libtorch}/lib");
    }
}
