//! `iev` for a board, built on another machine and tried there.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::ort::ORT;
use crate::place::{Arch, Place};
use crate::symbols::Needs;
use crate::task::{run, shown};
use crate::toolchain::Toolchain;
use crate::{assembly, debian, instructions, sample};

/// What of a board profile matters to a build.
#[derive(Deserialize)]
struct Profile {
    title: String,
    target: Target,
    player: Player,
}

#[derive(Deserialize)]
struct Target {
    triple: String,
    glibc: String,
}

#[derive(Deserialize)]
struct Player {
    providers: Vec<String>,
}

/// The board's program and library.
pub(crate) struct BoardProgram {
    pub program: PathBuf,
    /// For programs in C.
    pub library: PathBuf,
    pub arch: Arch,
    /// The program's; the library's are no more.
    pub needs: Needs,
    /// Name of the board's profile.
    pub board: String,
    /// What a person calls the board.
    pub title: String,
    pub triple: String,
    /// The board's.
    pub glibc: String,
    /// Whether networks may run on something besides the CPU.
    pub gpu: bool,
}

fn profile(place: &Place, board: &str) -> Result<Profile> {
    let path = place.root.join("boards").join(board).with_extension("toml");
    let text = fs::read_to_string(&path)
        .with_context(|| format!("no board profile {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("{} is not a profile", path.display()))
}

fn arch(triple: &str) -> Arch {
    if triple.starts_with("aarch64") { Arch::Aarch64 } else { Arch::X86_64 }
}

/// Fetches everything that building for `board` and trying it here needs.
pub(crate) fn fetch(place: &Place, board: &str) -> Result<()> {
    let Target { triple, glibc } = profile(place, board)?.target;
    Toolchain::linux(place, &triple, &glibc)?;
    ORT.ready(place, arch(&triple))?;
    if arch(&triple) != Arch::host()? {
        emulator(place)?;
    }
    Ok(())
}

/// Builds `iev` and `libiev` for `board` and checks what they need.
pub(crate) fn build(place: &Place, board: &str) -> Result<BoardProgram> {
    let Profile { title, target: Target { triple, glibc }, player } = profile(place, board)?;
    let arch = arch(&triple);
    let toolchain = Toolchain::linux(place, &triple, &glibc)?;
    // One by one, so that the library has nothing of the command line.
    for package in ["iev-runtime", "iev-capi"] {
        let arguments = ["--release", "-p", package];
        run(cargo(place, "build", &toolchain).args(arguments).args(assembly::features(arch)))?;
    }
    let release = toolchain.folder.join(&triple).join("release");
    let (program, library) = (release.join("iev"), release.join("libiev.so"));
    let (needs, librarys) = (needs(&program, &glibc)?, needs(&library, &glibc)?);
    let more: Vec<_> = librarys.libraries.iter().filter(|l| !needs.libraries.contains(l)).collect();
    ensure!(more.is_empty(), "libiev needs {more:?}, which iev does not");
    let gpu = player.providers.iter().any(|provider| provider != "cpu");
    Ok(BoardProgram {
        program,
        library,
        arch,
        needs,
        board: board.into(),
        title,
        triple,
        glibc,
        gpu,
    })
}

/// What the program or library at `path` needs, printed, and checked to be there with `glibc`.
fn needs(path: &Path, glibc: &str) -> Result<Needs> {
    let bytes = fs::read(path)?;
    let needs = Needs::of(&bytes)?;
    println!("{}: {:.1} MB, stripped", path.display(), bytes.len() as f64 / 1e6);
    println!(
        "needs GLIBC_{} (the board has {glibc}), GLIBCXX {}, {}",
        needs.glibc,
        needs.glibcxx.as_deref().unwrap_or("none"),
        needs.libraries.join(" ")
    );
    needs.check(glibc)?;
    Ok(needs)
}

/// Cargo for stripped programs of one board that are the same from everywhere.
fn cargo(place: &Place, subcommand: &str, toolchain: &Toolchain) -> Command {
    let mut cargo = toolchain.cargo(place, subcommand);
    cargo.envs([("CARGO_PROFILE_RELEASE_DEBUG", "0"), ("CARGO_PROFILE_RELEASE_STRIP", "symbols")]);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", nameless_paths(place).join(OsStr::new("\x1f")));
    cargo
}

/// Flags that keep this machine's folders out of the program, so that it is the same from everywhere.
fn nameless_paths(place: &Place) -> [OsString; 3] {
    let home = env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let cargo = env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    // The last one that matches counts, and the target folder may lie in the checkout.
    [(&place.root, "/iev"), (&cargo, "/cargo"), (&place.target, "/target")].map(|(from, to)| {
        let mut flag = OsString::from("--remap-path-prefix=");
        flag.push(from);
        flag.push("=");
        flag.push(to);
        flag
    })
}

/// Processors that qemu stands in for, newest first: with products of 8-bit matrices and whatever else there is
/// (`i8mm`), with those of vectors as on Orin (`dotprod`), with neither as on the first Jetsons.
const ARM_PROCESSORS: [&str; 3] = ["max", "cortex-a76", "cortex-a57"];

/// Variable by which qemu is told the processor.
const QEMU_CPU: &str = "QEMU_CPU";

/// Decodes the sample with the program; under qemu where it is for another processor, as every one of
/// [`ARM_PROCESSORS`], on which 8 bits must be nearly the same pictures.
pub(crate) fn check(place: &Place, built: &BoardProgram) -> Result<()> {
    let sample = place.root.join("models/sample.iev");
    if built.arch == Arch::host()? {
        return sample::check(place, || run_on(place, built), &sample).map(drop);
    }
    let mut newest: Option<Vec<u8>> = None;
    for processor in ARM_PROCESSORS {
        println!("as {processor}:");
        let iev = || {
            let mut iev = run_on(place, built)?;
            iev.env(QEMU_CPU, processor);
            Ok(iev)
        };
        let in_f32 = sample::check(place, iev, &sample)?;
        let pictures = sample::pictures(&mut iev()?, &sample, "int8")?;
        ensure!(pictures != in_f32, "networks in 8 bits are not what painted");
        // Flow is in floats there too, so that a sample may round otherwise.
        match &newest {
            None => newest = Some(pictures),
            Some(newest) => {
                println!("in 8 bits, beside {}:", ARM_PROCESSORS[0]);
                sample::hold_near(&pictures, newest)?;
            }
        }
    }
    Ok(())
}

/// Runs the player's unit tests, and those of AV1, whose pictures are recorded, as the board's processor would; those
/// of kernels, networks and AV1, which have assembly or its like, as every one of [`ARM_PROCESSORS`].
pub(crate) fn test(place: &Place, built: &BoardProgram) -> Result<()> {
    // Optimised like the program itself, whose dependencies are built already.
    let tests = |targets: &[&str]| -> Result<Command> {
        let mut cargo =
            cargo(place, "test", &Toolchain::linux(place, &built.triple, &built.glibc)?);
        cargo.args(["--release", "-p", "iev-runtime"]).args(targets);
        cargo.args(assembly::features(built.arch));
        cargo.env("ORT_DISABLE_TELEMETRY", "1");
        cargo.env("ORT_DYLIB_PATH", ORT.ready(place, built.arch)?);
        Ok(cargo)
    };
    let all = ["--lib", "--test", "av1"];
    if built.arch == Arch::host()? {
        return run(&mut tests(&all)?);
    }
    let (qemu, root) = emulator(place)?;
    let runner = format!("{} -L {}", qemu.display(), root.display());
    let triple = built.triple.replace('-', "_").to_uppercase();
    let runner = (format!("CARGO_TARGET_{triple}_RUNNER"), runner);
    let as_processor = |cargo: &mut Command, processor: &str, filters: &[&str]| {
        println!("as {processor}:");
        cargo.env(&runner.0, &runner.1).env(QEMU_CPU, processor).arg("--").args(filters);
        // The kernel's filter of system calls does not exist inside qemu.
        run(cargo.args(["--skip", "sandbox::rights"]))
    };
    iev_skips::record(
        "the tests of sandbox::rights for the board: qemu has no filter of system calls",
    );
    let [newest, others @ ..] = ARM_PROCESSORS;
    as_processor(&mut tests(&all)?, newest, &[])?;
    others.iter().try_for_each(|processor| {
        as_processor(&mut tests(&["--lib"])?, processor, &["kernel::", "network::"])?;
        as_processor(&mut tests(&["--test", "av1"])?, processor, &["streams_decode"])
    })
}

/// Prints how many instructions a picture takes as every one of [`ARM_PROCESSORS`]: a painted one and the explicit one
/// that it is made of, on one thread, without what a program and a GOP begin with.
pub(crate) fn count(place: &Place, built: &BoardProgram) -> Result<()> {
    ensure!(
        built.arch != Arch::host()?,
        "instructions are counted by qemu, which this board does without"
    );
    // A key picture is in the first frame.
    const FRAMES: [u32; 2] = [1, 2];
    for processor in ARM_PROCESSORS {
        for precision in ["f32", "int8"] {
            let [first, last] = FRAMES.map(|frames| {
                let mut iev = run_on(place, built)?;
                iev.arg("decode").arg(place.root.join("models/sample.iev"));
                iev.args(["--provider", "cpu", "--threads", "1", "--views", "1", "--quiet"]);
                iev.args(["--precision", precision, "--limit", &frames.to_string()]);
                run_counted(iev.args(["--muxer", "null"]).env(QEMU_CPU, processor))
            });
            let picture = last?.saturating_sub(first?);
            println!("as {processor}, {precision}: {:.1} million a picture", picture as f64 / 1e6);
        }
    }
    Ok(())
}

/// Instructions that a program runs under qemu, from start to end.
fn run_counted(program: &mut Command) -> Result<u64> {
    let line = shown(program);
    program.env(instructions::LOG.0, instructions::LOG.1).stderr(Stdio::piped());
    let mut running = program.spawn().with_context(|| format!("cannot run {line}"))?;
    let log = running.stderr.take().context("the log is piped")?;
    let count = instructions::count(BufReader::with_capacity(1 << 20, log))?;
    let status = running.wait()?;
    ensure!(status.success(), "{line} ended with {status}");
    Ok(count)
}

/// The program, through qemu where it is for another processor.
fn run_on(place: &Place, built: &BoardProgram) -> Result<Command> {
    let mut command = if built.arch == Arch::host()? {
        Command::new(&built.program)
    } else {
        let (qemu, root) = emulator(place)?;
        let mut command = Command::new(qemu);
        command.arg("-L").arg(root).arg(&built.program);
        command
    };
    command.env("ORT_DYLIB_PATH", ORT.ready(place, built.arch)?);
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
