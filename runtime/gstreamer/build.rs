//! Keeps the plugin's symbols to the one that GStreamer looks for: rav1d exports the functions of dav1d, which a program
//! with other plugins has too.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cdylib-link-arg=-Wl,--exclude-libs,ALL");
}
