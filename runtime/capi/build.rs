//! Names the shared library as programs will look for it, and keeps its symbols to those of `iev.h`: rav1d exports the
//! functions of dav1d, which a program may be linked to itself.

use std::env;

/// Set by `cargo xtask cross`, whose linker is zig.
const BY_ZIG: &str = "IEV_LINKED_BY_ZIG";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=iev.map");
    println!("cargo::rerun-if-env-changed={BY_ZIG}");
    let variable = |name: &str| env::var(name).unwrap_or_default();
    let [major, minor] =
        ["MAJOR", "MINOR"].map(|part| variable(&format!("CARGO_PKG_VERSION_{part}")));
    // A program that is linked to one minor version of 0.x must not meet another.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libiev.so.{major}.{minor}");
    // zig knows no --exclude-libs, and takes the last of several version scripts; other linkers join them.
    let hiding = if env::var_os(BY_ZIG).is_some() {
        format!("--version-script={}/iev.map", variable("CARGO_MANIFEST_DIR"))
    } else {
        "--exclude-libs,ALL".to_owned()
    };
    println!("cargo::rustc-cdylib-link-arg=-Wl,{hiding}");
}
