//! Cargo and our own programs, run with the environment they need.

use std::collections::BTreeSet;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Error, Result, ensure};
use tempfile::NamedTempFile;

use crate::ffmpeg::FFMPEG;
use crate::ort::ORT;
use crate::place::Place;
use crate::{assembly, torch};

/// What programs are built against and run with.
pub(crate) struct Libraries {
    ort: PathBuf,
    /// Only the exporter needs more.
    exporter: Option<ForExporter>,
}

struct ForExporter {
    torch: PathBuf,
    ffmpeg: PathBuf,
}

impl Libraries {
    /// Those of the player.
    pub(crate) fn player(place: &Place) -> Result<Self> {
        Ok(Self { ort: ORT.host(place)?, exporter: None })
    }

    /// Those of the whole workspace.
    fn all(place: &Place) -> Result<Self> {
        let ort = ORT.host(place)?;
        let torch = torch::ready(place, false)?;
        let ffmpeg = FFMPEG.host(place)?;
        Ok(Self { ort, exporter: Some(ForExporter { torch, ffmpeg }) })
    }

    /// The variables that make cargo and our programs use these libraries.
    pub(crate) fn variables(&self) -> Result<Vec<(&'static str, OsString)>> {
        let mut variables = vec![
            ("ORT_DYLIB_PATH", self.ort.clone().into_os_string()),
            // Tests load ONNX Runtime without the programs, which refuse this themselves.
            ("ORT_DISABLE_TELEMETRY", "1".into()),
        ];
        if let Some(ForExporter { torch, ffmpeg }) = &self.exporter {
            variables.push(("IEV_FFMPEG", ffmpeg.clone().into_os_string()));
            variables.push(("LIBTORCH", torch.clone().into_os_string()));
            variables.push(("LD_LIBRARY_PATH", library_path(&torch.join("lib"))?));
            // A waiting OpenMP thread that spins takes the core from the one it waits for: on a
            // busy machine a training step then takes ten times as long.
            variables.push(("OMP_WAIT_POLICY", "passive".into()));
        }
        Ok(variables)
    }
}

/// `first`, then whatever `LD_LIBRARY_PATH` holds already.
fn library_path(first: &Path) -> Result<OsString> {
    let inherited = env::var_os("LD_LIBRARY_PATH").filter(|path| !path.is_empty());
    let inherited = inherited.iter().flat_map(env::split_paths).filter(|path| path != first);
    let joined = env::join_paths(std::iter::once(first.to_owned()).chain(inherited));
    joined.with_context(|| format!("{} must not contain a colon", first.display()))
}

/// Prints `export` lines for a shell.
pub(crate) fn print_env(place: &Place) -> Result<()> {
    let libraries = Libraries::all(place)?;
    for (name, value) in libraries.variables()? {
        // Not our own value: `cargo run` has put folders of its own into it.
        if name != "LD_LIBRARY_PATH" {
            println!("export {name}={}", quoted(&value.to_string_lossy()));
        }
    }
    if let Some(ForExporter { torch, .. }) = &libraries.exporter {
        let lib = quoted(&torch.join("lib").to_string_lossy());
        println!("export LD_LIBRARY_PATH={lib}\"${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}\"");
    }
    Ok(())
}

/// One word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Builds both programs.
pub(crate) fn build(place: &Place) -> Result<()> {
    let both = ["-p", "iev-runtime", "-p", "iev-exporter"];
    let mut cargo = cargo(place, &Libraries::all(place)?, "build")?;
    run(cargo.arg("--release").args(both).args(assembly::host_features()))?;
    let release = place.target.join("release");
    eprintln!(
        "iev and iev-export are in {}; for the libraries and the ffmpeg they use: eval \"$(cargo xtask env)\"",
        release.display()
    );
    Ok(())
}

/// This machine's `iev`, built as the tests build it.
pub(crate) fn player(place: &Place) -> Result<Command> {
    let libraries = Libraries::player(place)?;
    let iev = ["-p", "iev-runtime", "--bin", "iev"];
    run(cargo(place, &libraries, "build")?.args(iev).args(features_with_window()))?;
    let mut iev = Command::new(place.target.join("debug/iev"));
    iev.envs(libraries.variables()?);
    Ok(iev)
}

/// Plays the sample stream into target/demo; never needs libtorch.
pub(crate) fn demo(place: &Place, args: &[String]) -> Result<()> {
    let libraries = Libraries::player(place)?;
    let player = ["--release", "-p", "iev-runtime"];
    run(cargo(place, &libraries, "build")?.args(player).args(assembly::host_features()))?;
    let mut iev = program(place, &libraries, "iev")?;
    iev.arg("demo").arg(place.root.join("models/sample.iev"));
    become_program(iev.arg("--out").arg(place.target.join("demo")).args(args))
}

/// Shows a stream in a window; builds the program with it.
pub(crate) fn play(place: &Place, args: &[String]) -> Result<()> {
    let libraries = Libraries::player(place)?;
    let player = ["--release", "-p", "iev-runtime"];
    run(cargo(place, &libraries, "build")?.args(player).args(features_with_window()))?;
    become_program(program(place, &libraries, "iev")?.arg("play").args(args))
}

/// Runs the exporter where the caller stands, so that relative paths mean what they say.
pub(crate) fn export(place: &Place, args: &[String]) -> Result<()> {
    let libraries = Libraries::all(place)?;
    let exporter = ["--release", "-p", "iev-exporter"];
    run(cargo(place, &libraries, "build")?.args(exporter).args(assembly::host_features()))?;
    become_program(program(place, &libraries, "iev-export")?.args(args))
}

/// Features of the player that can be had here, its window too; it is tested and linted with all of them.
fn features_with_window() -> Vec<&'static str> {
    [assembly::host_features(), &["--features", "iev-runtime/window"]].concat()
}

/// Runs every test, or what `args` name, and repeats at the end which were skipped.
pub(crate) fn test(place: &Place, args: &[String]) -> Result<()> {
    let mut cargo = cargo(place, &Libraries::all(place)?, "test")?;
    if !names_package(args) {
        cargo.arg("--workspace");
    }
    if has_player(args) {
        cargo.args(features_with_window());
    }
    let list = NamedTempFile::new_in(&place.target)?;
    let outcome = run(cargo.args(args).env(iev_skips::LIST, list.path()));
    let callers = env::var_os(iev_skips::LIST).filter(|name| !name.is_empty());
    eprintln!("{}", pass_on_skipped(list.path(), callers.as_deref())?);
    outcome
}

/// Says how many tests are in `list`, and adds them to the list of a caller who counts skips too.
fn pass_on_skipped(list: &Path, callers: Option<&OsStr>) -> Result<String> {
    let text = fs::read_to_string(list)?;
    if let Some(callers) = callers {
        let mut callers = File::options().append(true).create(true).open(callers)?;
        callers.write_all(text.as_bytes())?;
    }
    let skipped: BTreeSet<&str> = text.lines().collect();
    if skipped.is_empty() {
        return Ok("no test was skipped".to_owned());
    }
    let lines: Vec<_> = skipped.iter().map(|line| format!("\n  {line}")).collect();
    Ok(format!("{} tests were skipped:{}", lines.len(), lines.concat()))
}

/// Whether arguments of cargo choose packages themselves.
fn names_package(args: &[String]) -> bool {
    let for_cargo = args.iter().take_while(|arg| *arg != "--");
    let mut for_cargo = for_cargo.map(String::as_str);
    for_cargo.any(|arg| arg.starts_with("-p") || arg.starts_with("--package"))
}

/// Whether cargo, by these arguments, takes features of the player: not where they choose packages without it.
fn has_player(args: &[String]) -> bool {
    let names = ["iev-runtime", "iev-exporter"];
    let for_cargo = args.iter().take_while(|arg| *arg != "--");
    let mut named = for_cargo.filter(|arg| names.iter().any(|name| arg.ends_with(name)));
    !names_package(args) || named.next().is_some()
}

/// Features of the library that somebody takes alone: the format core for bare metal without anything and with its
/// trace points, kernels without a player, a player without a command line or by the machine's video decoder, pictures for the
/// exporter, the program, its window.
const COMBINATIONS: [&str; 8] = ["", "defmt", "std", "player", "v4l2", "png", "cli", "window"];

/// What continuous integration checks besides the tests.
pub(crate) fn lint(place: &Place) -> Result<()> {
    let libraries = Libraries::all(place)?;
    run(cargo(place, &libraries, "fmt")?.args(["--all", "--check"]))?;
    // As the tests build it, so that each crate is looked at once.
    let everything = [&["--workspace"], &features_with_window()[..]].concat();
    let mut clippy = cargo(place, &libraries, "clippy")?;
    run(clippy.args(&everything).args(["--all-targets", "--", "-D", "warnings"]))?;
    let mut doc = cargo(place, &libraries, "doc")?;
    run(doc.args(&everything).arg("--no-deps").env("RUSTDOCFLAGS", "-D warnings"))?;
    for features in COMBINATIONS {
        let alone = ["-p", "iev-runtime", "--lib", "--no-default-features", "--features", features];
        run(cargo(place, &libraries, "clippy")?.args(alone).args(["--", "-D", "warnings"]))?;
    }
    // What is published packs; the tasks themselves need a crate of the tests, which is not.
    let packed = ["--workspace", "--exclude", "xtask", "--no-verify", "--allow-dirty", "--quiet"];
    run(cargo(place, &libraries, "package")?.args(packed))
}

/// Cargo in the checkout, without libraries of ours.
pub(crate) fn cargo_alone(place: &Place, subcommand: &str) -> Command {
    assembly::warn();
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.arg(subcommand).current_dir(&place.root).env("CARGO_TARGET_DIR", &place.target);
    cargo
}

/// Cargo with the libraries that programs are built against and run with.
pub(crate) fn cargo(place: &Place, libraries: &Libraries, subcommand: &str) -> Result<Command> {
    let mut cargo = cargo_alone(place, subcommand);
    cargo.envs(libraries.variables()?);
    Ok(cargo)
}

/// A release program of ours.
fn program(place: &Place, libraries: &Libraries, name: &str) -> Result<Command> {
    let mut program = Command::new(place.target.join("release").join(name));
    program.envs(libraries.variables()?);
    Ok(program)
}

/// Runs to the end; failure names the command.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = shown(command);
    eprintln!("running {line}");
    let status = command.status().with_context(|| format!("cannot run {line}"))?;
    ensure!(status.success(), "{line} failed");
    Ok(())
}

/// Becomes the program: its exit code is ours, and an interrupt reaches it directly.
fn become_program(command: &mut Command) -> Result<()> {
    let line = shown(command);
    let failure = command.exec();
    Err(Error::new(failure).context(format!("cannot run {line}")))
}

/// The program's file name and its arguments.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name();
    let words = program.into_iter().chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_package_is_chosen_only_before_the_double_dash() {
        assert!(names_package(&words("-p iev-runtime -- --nocapture")));
        assert!(names_package(&words("--package=iev-runtime")));
        assert!(!names_package(&words("--release -- -p")));
        assert!(!names_package(&[]));
    }

    #[test]
    fn the_player_is_in_the_workspace_and_in_its_own_packages() {
        assert!(has_player(&words("--test twin -- -p")));
        assert!(has_player(&words("-p iev-runtime")));
        assert!(has_player(&words("-p xtask --package=iev-exporter")));
        assert!(!has_player(&words("-p xtask -- iev-runtime")));
    }

    #[test]
    fn skipped_tests_are_counted_once_each_and_named() {
        let list = NamedTempFile::new().unwrap();
        assert_eq!(pass_on_skipped(list.path(), None).unwrap(), "no test was skipped");
        fs::write(list.path(), "b for want of x\na for want of y\nb for want of x\n").unwrap();
        let said = pass_on_skipped(list.path(), None).unwrap();
        assert_eq!(said, "2 tests were skipped:\n  a for want of y\n  b for want of x");
    }

    /// What the manifests promise is what CI builds with.
    #[test]
    fn the_stated_rust_version_is_the_pinned_one() {
        let read = |file: &str| -> toml::Table {
            let file = Place::find().unwrap().root.join(file);
            toml::from_str(&fs::read_to_string(file).unwrap()).unwrap()
        };
        let stated = &read("Cargo.toml")["workspace"]["package"]["rust-version"];
        let pinned = &read("rust-toolchain.toml")["toolchain"]["channel"];
        let (stated, pinned) = (stated.as_str().unwrap(), pinned.as_str().unwrap());
        assert_eq!(format!("{stated}.0"), pinned);
    }

    #[test]
    fn a_quoted_word_survives_the_shell() {
        assert_eq!(quoted("/a b/it's"), r"'/a b/it'\''s'");
    }

    #[test]
    fn only_the_exporter_is_given_libtorch_and_ffmpeg() {
        let ort = PathBuf::from("/o");
        let names = |libraries: Libraries| {
            libraries.variables().unwrap().into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        let player = ["ORT_DYLIB_PATH", "ORT_DISABLE_TELEMETRY"];
        assert_eq!(names(Libraries { ort: ort.clone(), exporter: None }), player);
        let exporter = ForExporter { torch: "/t".into(), ffmpeg: "/f".into() };
        let all = names(Libraries { ort, exporter: Some(exporter) });
        assert_eq!(all[..2], player);
        assert_eq!(all[2..], ["IEV_FFMPEG", "LIBTORCH", "LD_LIBRARY_PATH", "OMP_WAIT_POLICY"]);
    }
}
