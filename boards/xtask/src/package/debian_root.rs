//! Installs a package in a fresh Debian, runs what it brought, and removes it again.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::cross::BoardProgram;
use crate::ort::ORT;
use crate::place::{Arch, Place};
use crate::sample::{self, output};
use crate::task::run;

/// The oldest Debian that packages are still made for: its glibc is 2.31, the lowest floor.
const SUITE: &str = "bullseye";

/// Where dpkg keeps its books.
const BOOKS: [&str; 3] = ["var/lib/dpkg", "var/log", "var/cache"];

/// Tries the package at `deb`; another processor's was only unpacked.
pub(crate) fn check(place: &Place, built: &BoardProgram, deb: &Path) -> Result<()> {
    if built.arch != Arch::host()? {
        println!("not installed: the package is for another processor; its files were read back");
        return Ok(());
    }
    let root = root(place)?;
    let inside = |arguments: &[&str]| {
        let mut unshare = Command::new("unshare");
        unshare.args(["--mount", "--pid", "--fork", "--mount-proc", "--root"]).arg(&root);
        unshare.args(arguments).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        unshare
    };
    // What an earlier check left behind when it failed.
    let own = root.join("usr/lib/iev");
    if own.exists() {
        fs::remove_dir_all(&own)?;
    }
    run(&mut inside(&["dpkg", "--purge", "iev"]))?;
    let before = files(&root)?;
    let copy = root.join("tmp/iev.deb");
    fs::copy(deb, &copy)?;
    run(&mut inside(&["dpkg", "--install", "/tmp/iev.deb"]))?;
    fs::remove_file(copy)?;

    let linked = output(&mut inside(&["ldd", &format!("/usr/lib/{}", super::SONAME)]))?;
    let linked = String::from_utf8_lossy(&linked);
    ensure!(linked.contains("libc.so") && !linked.contains("not found"), "libiev: {linked}");
    let version = output(&mut inside(&["iev", "--version"]))?;
    print!("{}", String::from_utf8_lossy(&version));
    let doctor =
        inside(&["iev", "doctor", "--board", &built.board]).stderr(Stdio::null()).output()?;
    let said = String::from_utf8_lossy(&doctor.stdout);
    ensure!(
        doctor.status.code() == Some(2) && said.contains("ONNX Runtime"),
        "without ONNX Runtime the doctor asks for it: {said}"
    );
    fs::create_dir(&own)?;
    fs::copy(ORT.ready(place, built.arch)?, own.join("libonnxruntime.so"))?;
    sample::check(place, || Ok(inside(&["iev"])), Path::new("/usr/share/iev/sample.iev"))?;
    fs::remove_dir_all(&own)?;
    judge_unit(&root)?;

    run(&mut inside(&["dpkg", "--purge", "iev"]))?;
    let after = files(&root)?;
    let left: Vec<_> = after.symmetric_difference(&before).collect();
    ensure!(left.is_empty(), "removal left or took {left:?}");
    println!("installed, run and removed in Debian {SUITE}; no file is left");
    Ok(())
}

/// Most exposure, in tenths of 10, that systemd may see in the unit. It sees 0.5 without a GPU.
const EXPOSURE: &str = "--threshold=25";

/// Asks systemd to read the unit and to weigh what the program could reach, where it is here.
fn judge_unit(root: &Path) -> Result<()> {
    let mut systemd = Command::new("systemd-analyze");
    systemd
        .args(["security", "--offline=true", EXPOSURE])
        .arg(format!("--root={}", root.display()));
    let Ok(output) = systemd.arg("iev@usr-share-iev-sample.iev.service").output() else {
        iev_skips::record("no systemd-analyze here, so nothing judged the unit");
        return Ok(());
    };
    let [said, refused] =
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    ensure!(output.status.success() && refused.is_empty(), "systemd on the unit: {refused}{said}");
    println!("systemd: {}", said.lines().last().unwrap_or_default().trim_start_matches("→ "));
    Ok(())
}

/// A small Debian, made once.
fn root(place: &Place) -> Result<PathBuf> {
    ensure!(
        fs::metadata("/proc/self")?.uid() == 0,
        "installing a package for a check needs root: sudo, or leave out --check"
    );
    let root = place.target.join("package").join(SUITE);
    if !root.exists() {
        let partial = root.with_extension("partial");
        if partial.exists() {
            fs::remove_dir_all(&partial)?;
        }
        run(Command::new("debootstrap").args(["--variant=minbase", SUITE]).arg(&partial))
            .context("a fresh Debian is made by debootstrap: apt-get install debootstrap")?;
        fs::rename(&partial, &root)?;
    }
    Ok(root)
}

/// Paths of all files and folders below `root`, but for [`BOOKS`] and what the kernel shows there.
fn files(root: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let path = entry.path();
            let below = path.strip_prefix(root)?.to_owned();
            let apart = ["proc", "sys", "dev"].iter().chain(&BOOKS).any(|b| below.starts_with(b));
            if !apart {
                if entry.file_type()?.is_dir() {
                    open.push(path);
                }
                found.insert(below);
            }
        }
    }
    Ok(found)
}
