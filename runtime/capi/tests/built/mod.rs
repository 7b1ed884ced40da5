//! The library as it is installed, and programs in C over it.
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]
#![allow(dead_code, reason = "every test file uses its own part")]

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the library is linked by.
pub const SONAME: &str =
    concat!("libiev.so.", env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));

pub fn own(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

/// The shared library, which cargo built beside this test.
pub fn library() -> PathBuf {
    let library = std::env::current_exe().unwrap().with_file_name("libiev.so");
    assert!(library.exists(), "{}", library.display());
    library
}

/// Puts the library into `folder` under the names that it is linked and loaded by.
pub fn install(folder: &Path) {
    for name in ["libiev.so", SONAME] {
        symlink(library(), folder.join(name)).unwrap();
    }
}

/// Compiles `source` against the header and the library in `folder`; the words of `cc` where that fails.
pub fn compile(folder: &Path, source: &Path, flags: &[&str]) -> Result<PathBuf, String> {
    let program = folder.join(source.file_stem().unwrap());
    let mut cc = Command::new("cc");
    cc.args(["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-g", "-pthread"])
        .args(flags);
    cc.arg("-I").arg(own("include")).arg(source).arg("-o").arg(&program);
    cc.arg("-L").arg(folder).args(["-liev", "-lm"]);
    let mut path = std::ffi::OsString::from("-Wl,-rpath,");
    path.push(folder);
    let output = cc.arg(path).output().map_err(|e| format!("cc does not run: {e}"))?;
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(program) } else { Err(words) }
}
