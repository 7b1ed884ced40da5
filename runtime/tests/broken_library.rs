//! Broken library: whatever file stands for ONNX Runtime, decoding and the doctor answer with a sentence,
//! never with a signal.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

mod small_stream;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use iev_runtime::network::session::OrtRuntime;
use small_stream::small_stream;

const USAGE: i32 = 2;
const BACKEND: i32 = 3;

/// A folder with a stream that needs a network, and libraries.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        std::fs::write(desk.path("clip.iev"), small_stream()).unwrap();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        std::fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    /// A library made of `source`.
    fn compiled(&self, name: &str, source: &str) -> PathBuf {
        let source = self.file(&format!("{name}.rs"), source.as_bytes());
        let library = self.path(&format!("{name}.so"));
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let mut rustc = Command::new(rustc);
        rustc.args(["--edition", "2021", "--crate-type", "cdylib", "-C", "panic=abort", "-o"]);
        let built = rustc.arg(&library).arg(source).output().unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        library
    }

    fn run(&self, args: &[&str], library: &Path) -> (Option<i32>, String) {
        let mut iev = Command::new(env!("CARGO_BIN_EXE_iev"));
        iev.args(args).arg("--ort").arg(library).current_dir(&self.0).stdin(Stdio::null());
        let Output { status, stdout, stderr } = iev.output().unwrap();
        let said = [stdout, stderr].concat();
        (status.code(), String::from_utf8_lossy(&said).into_owned())
    }

    /// Both programs name the library and say `sentence`, and the doctor what to do.
    fn refuses(&self, library: &Path, sentence: &str) {
        let name = library.file_name().unwrap().to_str().unwrap();
        let (code, said) = self.run(&["decode", "clip.iev", "-q", "--muxer", "null"], library);
        assert_eq!(code, Some(BACKEND), "{name}: {said}");
        assert!(said.contains(name) && said.contains(sentence), "{name}: {said}");
        assert_eq!(said.lines().count(), 1, "{name}: {said}");
        let (code, said) = self.run(&["doctor"], library);
        assert_eq!(code, Some(USAGE), "{name}: {said}");
        let finding = said.lines().find(|line| line.starts_with("to do: ")).unwrap();
        assert!(finding.contains(sentence) && finding.contains("--ort"), "{name}: {finding}");
    }
}

#[test]
fn a_cut_off_onnx_runtime_is_a_sentence() {
    let desk = Desk::new();
    let whole = std::fs::read(OrtRuntime::find(None).unwrap().path()).unwrap();
    for length in [100, 4096, 1 << 20, whole.len() / 2, whole.len() - 1] {
        let cut = desk.file(&format!("cut_{length}.so"), &whole[..length]);
        desk.refuses(&cut, "is cut off");
    }
}

#[test]
fn what_is_no_library_is_a_sentence() {
    let desk = Desk::new();
    let whole = std::fs::read(OrtRuntime::find(None).unwrap().path()).unwrap();
    let mut foreign = whole;
    // `e_machine`: RISC-V.
    foreign[18] = 243;
    std::fs::create_dir(desk.path("folder.so")).unwrap();
    for (library, sentence) in [
        (desk.file("empty.so", b""), "is empty"),
        (desk.file("text.so", b"version https://git-lfs.github.com/spec/v1\n"), "is not a shared"),
        (desk.file("foreign.so", &foreign), "is a library for another processor"),
        (desk.path("folder.so"), "is a folder"),
        (desk.path("absent.so"), "no such file"),
    ] {
        desk.refuses(&library, sentence);
    }
}

#[test]
fn another_or_an_older_library_is_a_sentence() {
    let desk = Desk::new();
    let other = desk.compiled("other", "#[no_mangle] pub extern \"C\" fn nothing() {}");
    desk.refuses(&other, "does not export `OrtGetApiBase`");
    let older = "
        use std::ffi::c_void;
        #[repr(C)] pub struct Base([*const c_void; 2]);
        unsafe impl Sync for Base {}
        extern \"C\" fn api(_: u32) -> *const c_void { std::ptr::null() }
        extern \"C\" fn version() -> *const u8 { b\"1.16.3\\0\".as_ptr() }
        static BASE: Base = Base([api as *const c_void, version as *const c_void]);
        #[no_mangle] pub extern \"C\" fn OrtGetApiBase() -> *const Base { &BASE }";
    desk.refuses(&desk.compiled("older", older), "got '1.16.3'");
}

#[test]
fn the_doctor_outlives_a_library_that_ends_the_program() {
    let desk = Desk::new();
    let deadly = "
        extern \"C\" fn die() { std::process::abort() }
        #[used] #[link_section = \".init_array\"] static DIE: extern \"C\" fn() = die;";
    let deadly = desk.compiled("deadly", deadly);
    let (code, said) = desk.run(&["doctor"], &deadly);
    assert_eq!(code, Some(USAGE), "{said}");
    let finding = said.lines().find(|line| line.starts_with("to do: ")).unwrap();
    assert!(finding.contains("deadly.so ends the program (signal: 6"), "{finding}");
}

#[test]
fn a_cut_off_provider_library_refuses_that_provider_only() {
    let desk = Desk::new();
    let whole = OrtRuntime::find(None).unwrap().path().to_owned();
    let library = desk.path("libonnxruntime.so");
    std::os::unix::fs::symlink(&whole, &library).unwrap();
    let head = std::fs::read(&whole).unwrap()[..4096].to_vec();
    desk.file("libonnxruntime_providers_cuda.so", &head);
    let (code, said) = desk.run(&["doctor"], &library);
    assert_eq!(code, Some(0), "the processor is still there: {said}");
    let cuda = said.lines().find(|line| line.starts_with("  cuda")).unwrap();
    assert!(cuda.contains("libonnxruntime_providers_cuda.so is cut off"), "{cuda}");
}
