//! Names the shared library as programs will look for it, and keeps its symbols to those of `iev.h`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // A program that is linked to one minor version of 0.x must not meet another.
    let [major, minor] = ["MAJOR", "MINOR"].map(|part| {
        std::env::var(format!("CARGO_PKG_VERSION_{part}")).unwrap_or_else(|_| "0".into())
    });
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libiev.so.{major}.{minor}");
    // rav1d exports the functions of dav1d, which a program may be linked to itself.
    println!("cargo::rustc-cdylib-link-arg=-Wl,--exclude-libs,ALL");
}
