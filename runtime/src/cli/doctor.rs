//! `iev doctor`: what this machine is, what runs on it, and what to do about the rest.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use clap::Args;
use iev_runtime::Error;
use iev_runtime::board::{BUILT_IN, Board};
use iev_runtime::machine;
use iev_runtime::network::providers::{Provider, refusals};
use iev_runtime::network::session::OrtRuntime;
use serde::Serialize;

use super::decode::print_json;
use super::{Failure, claim_standard_output, print, probe};

/// Describe this machine and say what keeps IEV from running well on it
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Board profile to compare with, a name or a file
    #[arg(long, value_name = "BOARD", value_parser = Board::find)]
    board: Option<Board>,
    /// The ONNX Runtime library; otherwise ORT_DYLIB_PATH, one beside iev or in ../lib/iev, target/ort, or the system's
    #[arg(long, value_name = "PATH")]
    ort: Option<PathBuf>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// What is said as JSON.
#[derive(Serialize)]
struct DoctorReport {
    #[serde(flatten)]
    facts: Facts,
    /// None where none was found.
    onnxruntime: Option<OrtFacts>,
    /// Sentences with what to do.
    findings: Vec<String>,
    next: String,
}

/// What is told of the machine; unknown is null.
#[derive(Serialize)]
struct Facts {
    iev: &'static str,
    /// Only where one is compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    board: Option<String>,
    processor: &'static str,
    model: Option<String>,
    l4t: Option<String>,
    jetpack: Option<String>,
    glibc: Option<String>,
    cuda: Option<LibraryFacts>,
    cudnn: Option<LibraryFacts>,
    tensorrt: Option<LibraryFacts>,
    memory_mib: Option<u64>,
    available_mib: Option<u64>,
    power_mode: Option<String>,
    cpu_governor: Option<String>,
    cpu_mhz: Vec<u64>,
    celsius: BTreeMap<String, f64>,
}

#[derive(Serialize)]
struct LibraryFacts {
    path: String,
    version: String,
}

#[derive(Serialize)]
struct OrtFacts {
    path: String,
    build: &'static str,
    /// Why each does not register, else "registers".
    providers: BTreeMap<&'static str, String>,
}

/// Prints the facts; fails when there is something to do.
pub(crate) fn run(command: &Doctor) -> Result<(), Failure> {
    claim_standard_output(command.board.iter().filter_map(|board| board.file.as_deref()))?;
    let root = Path::new("/");
    let mut findings = Vec::new();
    // A library may end the program that loads it, so another process has tried first.
    let found = match probe::death(command.ort.as_deref()) {
        Some(what) => Err(Error::Backend { what }),
        None => OrtRuntime::find(command.ort.as_deref()),
    };
    let onnxruntime = match found {
        Ok(ort) => {
            let refused = refusals(&ort);
            if let Some(board) = &command.board {
                findings.extend(missing_providers(board, &refused));
            }
            Some(OrtFacts::of(&ort, refused))
        }
        Err(error) => {
            findings.push(error.to_string());
            None
        }
    };
    if let Some(board) = &command.board {
        findings.extend(mismatches(board, root));
    }
    let count = findings.len();
    let next = next(command.board.as_ref(), count);
    let facts = Facts::of(root, command.board.as_ref().map(|board| board.name.clone()));
    let report = DoctorReport { facts, onnxruntime, findings, next };
    if command.json {
        print_json(&report)?
    } else {
        print(&text(&report))?
    }
    let told = format!("{count} finding(s) on this machine, each with its remedy above");
    if count == 0 { Ok(()) } else { Err(Failure::Usage(told)) }
}

impl OrtFacts {
    fn of(ort: &OrtRuntime, refused: Vec<(Provider, Option<String>)>) -> Self {
        let state = refused.into_iter().map(|(provider, reason)| {
            (provider.name(), reason.unwrap_or_else(|| "registers".into()))
        });
        Self {
            path: ort.path().display().to_string(),
            build: ort.build_info(),
            providers: state.collect(),
        }
    }
}

impl LibraryFacts {
    fn of(root: &Path, stem: &str) -> Option<Self> {
        let library = machine::library(root, stem)?;
        Some(Self { path: library.path.display().to_string(), version: library.version })
    }
}

impl Facts {
    fn of(root: &Path, board: Option<String>) -> Self {
        let memory = machine::memory_mib(root);
        let clocks = machine::cpu_clocks(root);
        Self {
            iev: env!("CARGO_PKG_VERSION"),
            board,
            processor: std::env::consts::ARCH,
            model: machine::model(root),
            l4t: machine::l4t(root),
            jetpack: machine::jetpack(root),
            glibc: machine::glibc(root),
            cuda: LibraryFacts::of(root, "libcudart"),
            cudnn: LibraryFacts::of(root, "libcudnn"),
            tensorrt: LibraryFacts::of(root, "libnvinfer"),
            memory_mib: memory.map(|(all, _)| all),
            available_mib: memory.map(|(_, available)| available),
            power_mode: machine::power_mode(root).map(|mode| mode.name),
            cpu_governor: clocks.first().map(|(governor, _)| governor.clone()),
            cpu_mhz: clocks.iter().map(|(_, mhz)| *mhz).collect(),
            celsius: machine::temperatures(root),
        }
    }
}

/// What to do after reading the rest.
fn next(board: Option<&Board>, findings: usize) -> String {
    match board {
        _ if findings > 0 => {
            "do what each \"to do\" line says, then run iev doctor again; boards/README.md shows the \
             whole way"
                .into()
        }
        Some(Board { name, .. }) => {
            format!("play: iev decode STREAM --board {name} --muxer null --stats json")
        }
        None => format!(
            "play: iev demo STREAM; or compare with a board: iev doctor --board NAME, of {}",
            BUILT_IN.map(|(name, _)| name).join(", ")
        ),
    }
}

/// Providers of the board that this ONNX Runtime refuses.
fn missing_providers(board: &Board, refused: &[(Provider, Option<String>)]) -> Vec<String> {
    let wanted = refused.iter().filter(|(p, _)| board.player.providers.contains(p));
    let missing = wanted.filter_map(|(provider, reason)| Some((provider, reason.as_ref()?)));
    let said = missing.map(|(provider, reason)| {
        format!(
            "{provider} does not register ({}): name an ONNX Runtime built with it by --ort \
             or ORT_DYLIB_PATH, see boards/README.md",
            reason.trim_end_matches('.')
        )
    });
    said.collect()
}

/// A sentence per difference between the profile and the machine at `root`.
fn mismatches(board: &Board, root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let name = &board.name;
    let own = std::env::consts::ARCH;
    // Another board or processor.
    if !board.target.triple.starts_with(own) {
        let built = &board.target.triple;
        found.push(format!("{name} is for {built}, this is {own}: take another --board"));
    }
    if let (Some(wanted), Some(model)) = (&board.machine.model, machine::model(root))
        && !model.contains(wanted.as_str())
    {
        found.push(format!("{name} is for {wanted:?}, this is {model:?}: take another --board"));
    }
    // What the system lacks, and what it has too little of.
    if let Some(glibc) = machine::glibc(root)
        && version(&glibc) < version(&board.target.glibc)
    {
        found.push(format!(
            "glibc is {glibc}, {name} has {} or newer: build with a profile of your own whose \
             target.glibc is {glibc}",
            board.target.glibc
        ));
    }
    if let Some((all, available)) = machine::memory_mib(root) {
        let (least, needed) = (board.machine.ram_mib, board.limits.memory_mib);
        if all < least {
            found.push(format!("{all} MiB of memory, {name} has {least}: lower limits.memory_mib"));
        }
        if available < needed {
            found.push(format!(
                "{available} MiB are available, streams may ask for {needed}: end other programs, \
                 or lower limits.memory_mib"
            ));
        }
    }
    let missing = board.missing_cpus();
    if !missing.is_empty() {
        found.push(format!(
            "{name} keeps to CPUs {:?}, of which this process may not use {missing:?}: change player.cpus",
            board.player.cpus
        ));
    }
    // What NVIDIA's system is set to.
    let accepted = &board.machine.l4t;
    if !accepted.is_empty() {
        let l4t = machine::l4t(root);
        let fits =
            |l4t: &String| accepted.iter().any(|a| l4t == a || l4t.starts_with(&format!("{a}.")));
        if !l4t.as_ref().is_some_and(fits) {
            found.push(format!(
                "L4T is {}, {name} is written for {}: install that JetPack, or a profile of your own",
                l4t.as_deref().unwrap_or("unknown"),
                accepted.join(" or ")
            ));
        }
    }
    if let (Some(wanted), Some(mode)) = (&board.machine.power_mode, machine::power_mode(root))
        && mode.name != *wanted
    {
        let modes = machine::power_modes(root);
        let id = modes.iter().find(|m| m.name == *wanted).map(|m| m.id.to_string());
        let remedy = id.map_or("it has no such mode".into(), |id| format!("sudo nvpmodel -m {id}"));
        found.push(format!("power mode is {}, {name} expects {wanted}: {remedy}", mode.name));
    }
    found
}

fn version(text: &str) -> Vec<u32> {
    text.split('.').map_while(|number| number.parse().ok()).collect()
}

/// The facts by name, then the rest.
fn text(DoctorReport { facts, onnxruntime, findings, next }: &DoctorReport) -> String {
    // In alphabetical order, and the board only where one is compared with.
    let mut rows = vec![("available_mib", known(&facts.available_mib))];
    rows.extend(facts.board.iter().map(|board| ("board", board.clone())));
    rows.extend([
        ("celsius", format!("{:?}", facts.celsius)),
        ("cpu_governor", known(&facts.cpu_governor)),
        ("cpu_mhz", format!("{:?}", facts.cpu_mhz)),
        ("cuda", known(&facts.cuda)),
        ("cudnn", known(&facts.cudnn)),
        ("glibc", known(&facts.glibc)),
        ("iev", facts.iev.to_owned()),
        ("jetpack", known(&facts.jetpack)),
        ("l4t", known(&facts.l4t)),
        ("memory_mib", known(&facts.memory_mib)),
        ("model", known(&facts.model)),
        ("power_mode", known(&facts.power_mode)),
        ("processor", facts.processor.to_owned()),
        ("tensorrt", known(&facts.tensorrt)),
        ("onnxruntime", known(&onnxruntime.as_ref().map(|ort| &ort.path))),
    ]);
    let mut lines: Vec<String> =
        rows.into_iter().map(|(name, fact)| format!("{name:<16}{fact}")).collect();
    let providers = onnxruntime.iter().flat_map(|ort| &ort.providers);
    lines.extend(providers.map(|(provider, state)| format!("  {provider:<14}{state}")));
    lines.extend(findings.iter().map(|finding| format!("to do: {finding}")));
    lines.push(format!("next: {next}"));
    lines.join("\n")
}

fn known(fact: &Option<impl fmt::Display>) -> String {
    fact.as_ref().map_or("unknown".into(), ToString::to_string)
}

impl fmt::Display for LibraryFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.version, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mismatch_is_a_sentence_with_its_remedy() {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("proc/device-tree/model", "NVIDIA Jetson Orin NX"),
            ("proc/meminfo", "MemTotal: 4194304 kB\nMemAvailable: 1048576 kB\n"),
            ("etc/nv_tegra_release", "# R35 (release), REVISION: 4.1, GCID"),
            ("etc/nvpmodel.conf", "< POWER_MODEL ID=0 NAME=15W >\n< POWER_MODEL ID=1 NAME=25W >\n"),
            ("var/lib/nvpmodel/status", "pmode:0000\n"),
        ] {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let mut board = Board::find("jetson_orin_nano_8g").unwrap();
        board.player.cpus = vec![1_000_000];
        let found = mismatches(&board, root.path()).join("\n");
        for part in [
            "this is \"NVIDIA Jetson Orin NX\"",
            "4096 MiB of memory",
            "1024 MiB are available",
            "may not use [1000000]: change player.cpus",
            "L4T is 35.4.1",
            "sudo nvpmodel -m 1",
        ] {
            assert!(found.contains(part), "{part:?} is missing in\n{found}");
        }
        let foreign = std::env::consts::ARCH != "aarch64";
        assert_eq!(found.lines().count(), 6 + usize::from(foreign), "{found}");

        let refused = [(Provider::TensorRt, Some("not built in.".into())), (Provider::Cpu, None)];
        let missing = missing_providers(&board, &refused);
        assert!(
            missing.len() == 1 && missing[0].contains("tensorrt does not register (not built in):")
        );
    }
}
