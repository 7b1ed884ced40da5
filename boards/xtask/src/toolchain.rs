//! A compiler for another machine: Rust's standard library and a C++ compiler for its triple.
//!
//! C and C++ are compiled and everything is linked by `zig`, which comes as a Python wheel: one
//! pinned compiler for every board, which can be told the glibc that a program must run with.
//! Rust's standard library comes from rustup. Where rustup cannot fetch it, it is built from
//! Debian's `rust-src` of the same version with `-Zbuild-std`, by the same compiler.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::place::{Arch, Place};
use crate::task::cargo_alone;
use crate::wheel::Wheel;
use crate::{assembly, debian};

const ZIG: Wheel = Wheel {
    requirement: "ziglang==0.17.1",
    file: "ziglang-0.17.1-py3-none-manylinux_2_12_x86_64.manylinux2010_x86_64.musllinux_1_1_x86_64.whl",
    sha256: "ea6cc5d87b033cf0aedfbc8f9549a908cae6c50ac31f1698188fa48a74524b54",
};

/// Debian's suite with a `rust-src` per recent version.
const RUST_SUITE: &str = "trixie-backports";

/// How cargo is told to build for another machine.
pub(crate) struct Toolchain {
    /// Variables of cargo.
    pub variables: Vec<(String, OsString)>,
    /// Further arguments of cargo.
    pub arguments: Vec<OsString>,
    /// Where cargo builds. Why one of its own for a standard library that is built too: what
    /// building it takes changes what build scripts find, and sharing a folder would rebuild
    /// everything at every change between the two.
    pub folder: PathBuf,
}

impl Toolchain {
    /// Cargo in the checkout with this compiler.
    pub(crate) fn cargo(&self, place: &Place, subcommand: &str) -> Command {
        let mut cargo = cargo_alone(place, subcommand);
        cargo.args(&self.arguments).envs(self.variables.clone());
        cargo.env("CARGO_TARGET_DIR", &self.folder);
        cargo
    }

    /// For Linux programs that run with glibc `glibc` or newer.
    pub(crate) fn linux(place: &Place, triple: &str, glibc: &str) -> Result<Self> {
        let mut toolchain = Self::rust(place, triple, "std,panic_abort")?;
        let compilers = compilers(place, triple, glibc)?;
        let (lower, upper) = (triple.replace('-', "_"), triple.replace('-', "_").to_uppercase());
        let mut set = |name: String, value: OsString| toolchain.variables.push((name, value));
        for (name, file) in [("CC", "cc"), ("CXX", "c++"), ("AR", "ar")] {
            set(format!("{name}_{lower}"), compilers.join(file).into());
        }
        set(format!("CXXSTDLIB_{lower}"), "c++".into());
        set(format!("CARGO_TARGET_{upper}_LINKER"), compilers.join("cc").into());
        // runtime/capi/build.rs has something to hide from programs, which each linker is told in its own way.
        set("IEV_LINKED_BY_ZIG".into(), "1".into());
        if triple.starts_with(Arch::Aarch64.name()) {
            set(format!("CFLAGS_{lower}"), assembly::arm_flags(place));
        }
        Ok(toolchain)
    }

    /// Rust alone, with the crates `build_std` where they have to be built.
    pub(crate) fn rust(place: &Place, triple: &str, build_std: &str) -> Result<Self> {
        let target = ["--target".into(), triple.into()];
        if installed(triple)? || rustup_adds(triple)? {
            let folder = place.target.join("cross/build");
            return Ok(Self { variables: Vec::new(), arguments: target.into(), folder });
        }
        let rustc = compiler_with_source(place)?;
        let variables = vec![
            ("RUSTC".into(), rustc.into()),
            // Building the standard library is an unstable flag of a stable cargo.
            ("RUSTC_BOOTSTRAP".into(), "1".into()),
        ];
        let arguments = target.into_iter().chain([format!("-Zbuild-std={build_std}").into()]);
        let folder = place.target.join("cross/build-std");
        Ok(Self { variables, arguments: arguments.collect(), folder })
    }
}

/// What rustc prints.
fn rustc(arguments: &[&str]) -> Result<String> {
    let output = Command::new("rustc").args(arguments).output().context("cannot run rustc")?;
    ensure!(output.status.success(), "rustc {} failed", arguments.join(" "));
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn installed(triple: &str) -> Result<bool> {
    let folder = rustc(&["--print", "target-libdir", "--target", triple])?;
    Ok(fs::read_dir(folder).is_ok_and(|mut files| files.next().is_some()))
}

/// Asks rustup for the target; it may be absent or have no way to the network.
fn rustup_adds(triple: &str) -> Result<bool> {
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add", triple]).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(rustup.status().is_ok_and(|status| status.success()) && installed(triple)?)
}

/// A `rustc` whose sysroot is the installed one with the library's source added.
fn compiler_with_source(place: &Place) -> Result<PathBuf> {
    let version = rustc(&["--version"])?;
    let version = version.split(' ').nth(1).context("rustc states its version")?.to_owned();
    let own = PathBuf::from(rustc(&["--print", "sysroot"])?);
    let folder = place.target.join("rust-src").join(&version);
    let wrapper = folder.join("rustc");
    if wrapper.exists() {
        return Ok(wrapper);
    }
    // The library's source, as Debian has it.
    let package = format!("rust-src={version}*");
    debian::unpack(place, RUST_SUITE, &[&package], &folder).with_context(|| {
        format!("rustup cannot fetch this target, and Debian has no rust-src {version}")
    })?;
    let source = folder.join("usr/src").join(format!("rustc-{version}"));
    // A sysroot that is rustup's but for the source, and a compiler that uses it.
    let sysroot = folder.join("sysroot");
    let rustlib = sysroot.join("lib/rustlib");
    fs::create_dir_all(rustlib.join("src"))?;
    link_all(&own.join("lib"), &sysroot.join("lib"), "rustlib")?;
    link_all(&own.join("lib/rustlib"), &rustlib, "src")?;
    link(&source, &rustlib.join("src/rust"))?;
    let script = format!(
        "#!/bin/sh\nexec '{}' --sysroot '{}' \"$@\"\n",
        own.join("bin/rustc").display(),
        sysroot.display()
    );
    write_program(&wrapper, &script)?;
    Ok(wrapper)
}

/// Links every entry of `from` but `except` into `to`.
fn link_all(from: &Path, to: &Path, except: &str) -> Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_name() != except {
            link(&entry.path(), &to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn link(original: &Path, at: &Path) -> Result<()> {
    if at.symlink_metadata().is_ok() {
        fs::remove_file(at)?;
    }
    symlink(original, at).with_context(|| format!("cannot link {}", at.display()))
}

fn write_program(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text)?;
    Ok(fs::set_permissions(path, Permissions::from_mode(0o755))?)
}

/// A folder with `cc`, `c++` and `ar` for `triple` and `glibc`.
fn compilers(place: &Place, triple: &str, glibc: &str) -> Result<PathBuf> {
    let zig = place.target.join("zig").join(ZIG.requirement);
    let program = zig.join("zig");
    if !program.exists() {
        ensure!(Arch::host()? == Arch::X86_64, "cross-compiling starts from an x86-64 machine");
        ZIG.open(&place.wheels)?.unpack_folder("ziglang/", &zig)?;
        fs::set_permissions(&program, Permissions::from_mode(0o755))?;
    }
    let arch = triple.split('-').next().context("a triple starts with the processor")?;
    let folder = place.target.join("cross").join(format!("{triple}.{glibc}"));
    fs::create_dir_all(&folder)?;
    let program = program.display();
    for (name, command) in [("cc", "cc"), ("c++", "c++")] {
        // cc-rs adds Rust's name of the target, which zig does not know, nor does it know processors by gcc's names,
        // as rav1d's build gives one.
        let script = format!(
            "#!/bin/bash\narguments=()\nfor a in \"$@\"; do case $a in --target=*) ;; \
             -march=armv8.6-a) arguments+=(-mcpu=generic+v8_6a) ;; \
             *) arguments+=(\"$a\") ;; esac; done\n\
             exec '{program}' {command} -target {arch}-linux-gnu.{glibc} \"${{arguments[@]}}\"\n"
        );
        write_program(&folder.join(name), &script)?;
    }
    write_program(&folder.join("ar"), &format!("#!/bin/sh\nexec '{program}' ar \"$@\"\n"))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_pin_is_well_formed() {
        super::ZIG.assert_well_formed();
    }
}
