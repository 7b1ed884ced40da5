//! `iev` for a board, built on another machine and tried there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::place::{Arch, Place};
use crate::symbols::Needs;
use crate::task::{cargo_alone, run};
use crate::toolchain::Toolchain;
use crate::{debian, ort};

/// What of a board profile matters to a build.
#[derive(Deserialize)]
struct Profile {
    target: Target,
}

#[derive(Deserialize)]
struct Target {
    triple: String,
    glibc: String,
}

/// The board's program.
pub(crate) struct Built {
    pub program: PathBuf,
    pub arch: Arch,
}

/// Builds `iev` for `board` and checks what it needs.
pub(crate) fn build(place: &Place, board: &str) -> Result<Built> {
    let path = place.root.join("boards").join(board).with_extension("toml");
    let text = fs::read_to_string(&path)
        .with_context(|| format!("no board profile {}", path.display()))?;
    let Target { triple, glibc } = toml::from_str::<Profile>(&text)?.target;
    let arch = if triple.starts_with("aarch64") { Arch::Aarch64 } else { Arch::X86_64 };
    let toolchain = Toolchain::linux(place, &triple, &glibc)?;
    let folder = place.target.join("cross/build");
    let mut cargo = cargo_alone(place, "build");
    cargo.args(["--release", "-p", "iev-runtime"]).args(&toolchain.arguments);
    cargo.envs(toolchain.variables).env("CARGO_TARGET_DIR", &folder);
    cargo.envs([("CARGO_PROFILE_RELEASE_DEBUG", "0"), ("CARGO_PROFILE_RELEASE_STRIP", "symbols")]);
    run(&mut cargo)?;
    let program = folder.join(&triple).join("release/iev");
    let bytes = fs::read(&program)?;
    let needs = Needs::of(&bytes)?;
    println!("{}: {:.1} MB, stripped", program.display(), bytes.len() as f64 / 1e6);
    println!(
        "needs GLIBC_{} (the board has {glibc}), GLIBCXX {}, {}",
        needs.glibc,
        needs.glibcxx.as_deref().unwrap_or("none"),
        needs.libraries.join(" ")
    );
    needs.check(&glibc)?;
    Ok(Built { program, arch })
}

/// Targets without an operating system that the format core is built for.
const BARE_METAL: [&str; 2] = ["thumbv7em-none-eabihf", "aarch64-unknown-none"];

/// Builds the format core, with and without its trace points, for [`BARE_METAL`].
pub(crate) fn bare_metal(place: &Place) -> Result<()> {
    for triple in BARE_METAL {
        let toolchain = Toolchain::rust(place, triple, "core")?;
        for features in [&[][..], &["--features", "defmt"]] {
            let mut cargo = cargo_alone(place, "build");
            cargo.args(["--release", "--lib", "-p", "iev-runtime", "--no-default-features"]);
            cargo.args(features).args(&toolchain.arguments).envs(toolchain.variables.clone());
            run(cargo.env("CARGO_TARGET_DIR", place.target.join("cross/build")))?;
        }
    }
    Ok(())
}

/// What models/sample.iev decodes to (tests/vectors/sample.toml).
#[derive(Deserialize)]
struct Vector {
    network_crc32c: u32,
    grids_crc32c: u32,
    luma_db: std::collections::BTreeMap<String, f64>,
}

/// As tests/conformance.rs allows.
const TOLERANCE_DB: f64 = 0.05;

/// Decodes the sample with an aarch64 program under qemu: integers exact, pictures within tolerance.
pub(crate) fn check(place: &Place, built: &Built) -> Result<()> {
    let started = Instant::now();
    let vector: Vector =
        toml::from_str(&fs::read_to_string(place.root.join("tests/vectors/sample.toml"))?)?;
    let sample = place.root.join("models/sample.iev");
    let info = json(run_on(place, built)?.args(["info", "--json", "--symbols"]).arg(&sample))?;
    for (name, expected) in
        [("network_crc32c", vector.network_crc32c), ("grids_crc32c", vector.grids_crc32c)]
    {
        let found = &info["symbols"][name];
        ensure!(*found == expected, "{name} is {found}, recorded {expected}");
    }
    println!("symbols of the sample are the recorded ones");
    let out = place.target.join("cross/demo");
    let mut demo = run_on(place, built)?;
    let demo =
        json(demo.args(["demo", "--json", "--provider", "cpu", "--out"]).arg(out).arg(&sample))?;
    for (view, expected) in &vector.luma_db {
        let found = demo["psnr_y_db"][view.parse::<usize>()?].as_f64();
        let found = found.with_context(|| format!("view {view} was not measured"))?;
        ensure!(
            (found - expected).abs() <= TOLERANCE_DB,
            "view {view}: {found:.3} dB, recorded {expected} dB"
        );
        println!("view {view}: {found:.3} dB, recorded {expected} dB");
    }
    println!("checked in {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// The program, through qemu where it is for another processor.
fn run_on(place: &Place, built: &Built) -> Result<Command> {
    let mut command = if built.arch == Arch::host()? {
        Command::new(&built.program)
    } else {
        let (qemu, root) = emulator(place)?;
        let mut command = Command::new(qemu);
        command.arg("-L").arg(root).arg(&built.program);
        command
    };
    command.env("ORT_DYLIB_PATH", ort::ready(place, built.arch)?);
    Ok(command)
}

/// qemu-aarch64 and the C library that ONNX Runtime wants. Why Debian's newer qemu: version 7
/// crashes in ONNX Runtime.
fn emulator(place: &Place) -> Result<(PathBuf, PathBuf)> {
    let qemu = place.target.join("qemu");
    let program = qemu.join("usr/bin/qemu-aarch64");
    if !program.exists() {
        debian::unpack(place, "bookworm-backports", &["qemu-user"], &qemu)?;
    }
    let root = place.target.join("aarch64-root");
    if !root.join("lib/aarch64-linux-gnu/libc.so.6").exists() {
        let libraries = ["libc6:arm64", "libstdc++6:arm64", "libgcc-s1:arm64"];
        debian::unpack(place, "bookworm", &libraries, &root)?;
    }
    Ok((program, root))
}

fn json(command: &mut Command) -> Result<serde_json::Value> {
    let output = command.stderr(std::process::Stdio::inherit()).output()?;
    let program = Path::new(command.get_program()).display().to_string();
    ensure!(output.status.success(), "{program} ended with {}", output.status);
    serde_json::from_slice(&output.stdout).with_context(|| format!("{program} printed no JSON"))
}
