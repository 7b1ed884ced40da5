//! The program plays the same where there is nothing but it and its libraries: no /proc, no /sys, no shell, nowhere to
//! write, and no rights; and where systemd filters its system calls. On Arm, ONNX Runtime ends programs that find no list
//! of processors, so there `iev` refuses it in a sentence, which `machine.rs` tests.
#![cfg(all(feature = "cli", target_os = "linux", target_arch = "x86_64"))]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]
#![allow(unsafe_code, reason = "what a child does before it is another program")]

use std::fs;
use std::io;
use std::ops::RangeInclusive;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use iev_runtime::network::session::OrtRuntime;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
use tempfile::TempDir;

const NOBODY: &str = "65534:65534";

/// A folder with the program, what it loads and the sample, as the whole of a file system.
fn bare_root() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let iev = Path::new(env!("CARGO_BIN_EXE_iev"));
    let ort = OrtRuntime::find(None).unwrap().path().to_owned();
    let at = |place: &str| root.path().join(place);
    fs::copy(iev, at("iev")).unwrap();
    fs::copy(&ort, at("libonnxruntime.so")).unwrap();
    fs::write(at("sample.iev"), iev_models::SAMPLE).unwrap();
    // The system's libraries lie where the loader expects them.
    let listed = Command::new("ldd").arg(iev).arg(&ort).output().unwrap().stdout;
    let listed = String::from_utf8(listed).unwrap();
    let libraries = listed.split_whitespace().filter(|word| word.starts_with("/lib"));
    for library in libraries.map(PathBuf::from).filter(|path| path.is_file()) {
        let place = root.path().join(library.strip_prefix("/").unwrap());
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::copy(&library, place).unwrap();
    }
    // The folder is its maker's alone at first.
    let readable = Command::new("chmod").args(["-R", "a+rX"]).arg(root.path()).status();
    assert!(readable.unwrap().success());
    root
}

#[test]
fn a_root_without_proc_sys_or_shell_plays_the_same_and_refuses_in_sentences() {
    if let Err(why) = Command::new("chroot").arg("--version").output() {
        return iev_skips::record(&format!("a_root_without_proc_sys_or_shell: chroot: {why}"));
    }
    let root = bare_root();
    let jailed = |program: &str, arguments: &str| -> Output {
        let mut command = Command::new("chroot");
        command.args(["--userspec", NOBODY]).arg(root.path()).arg(program);
        command.args(arguments.split_whitespace()).env("ORT_DYLIB_PATH", "/libonnxruntime.so");
        command.env("HOME", "/").env("LD_LIBRARY_PATH", "").output().unwrap()
    };
    let version = jailed("/iev", "--version");
    if !version.status.success() {
        let why = String::from_utf8_lossy(&version.stderr).into_owned();
        return iev_skips::record(&format!("a_root_without_proc_sys_or_shell: {why}"));
    }
    let play = "decode --provider cpu --limit 3 --muxer md5 -o -";
    let bare = jailed("/iev", &format!("{play} /sample.iev"));
    assert!(bare.status.success(), "{}", String::from_utf8_lossy(&bare.stderr));
    let sample = root.path().join("sample.iev");
    let here = Command::new(env!("CARGO_BIN_EXE_iev"));
    let here = { here }.args(play.split(' ')).arg(sample).output().unwrap();
    assert_eq!(bare.stdout, here.stdout);
    assert!(!bare.stdout.is_empty());

    for (arguments, sentence) in [
        ("decode /sample.iev --limit 1 -o /view.y4m", "/view.y4m: permission denied"),
        ("decode /sample.iev --limit 1 --muxer null --sandbox", "the sandbox does not start"),
        ("demo /sample.iev --out /sheets", "/sheets: permission denied"),
        ("survey /sample.iev --board x86_edge -o /survey", "/survey: permission denied"),
    ] {
        let Output { status, stderr, .. } = jailed("/iev", arguments);
        let stderr = String::from_utf8_lossy(&stderr);
        assert!(matches!(status.code(), Some(2 | 3)), "{arguments}: {status}, {stderr}");
        let last = stderr.lines().last().unwrap_or_default();
        assert!(
            last.starts_with("iev: error: ") && last.contains(sentence),
            "{arguments}: {stderr}"
        );
    }
    for arguments in ["prepare /sample.iev", "doctor", "bench /sample.iev --seconds 1"] {
        let Output { status, stderr, .. } = jailed("/iev", arguments);
        assert!(status.success(), "{arguments}: {}", String::from_utf8_lossy(&stderr));
    }
}

/// Numbers of the system calls that systemd 252 lets a service make by `SystemCallFilter=@system-service` without
/// `@privileged`, as the packed unit has it.
#[rustfmt::skip]
const OF_SERVICES: [RangeInclusive<i64>; 35] = [
    0..=26, 28..=91, 95..=100, 102..=102, 104..=104, 106..=112, 114..=115, 118..=121, 123..=125, 127..=133, 135..=135,
    137..=138, 140..=152, 157..=158, 160..=160, 162..=162, 186..=211, 213..=226, 228..=235, 237..=245, 247..=259,
    261..=297, 299..=299, 302..=303, 306..=312, 314..=316, 318..=319, 322..=328, 332..=332, 334..=334, 424..=427,
    434..=437, 439..=441, 449..=450, 452..=452,
];

#[test]
fn a_service_with_a_filter_of_system_calls_plays_the_same() {
    let calls = OF_SERVICES.into_iter().flatten().map(|call| (call, Vec::new()));
    let refused = SeccompAction::Errno(libc::EPERM as u32);
    let machine = std::env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(calls.collect(), refused, SeccompAction::Allow, machine);
    let filter: BpfProgram = filter.unwrap().try_into().unwrap();
    let sample = tempfile::NamedTempFile::new().unwrap();
    fs::write(&sample, iev_models::SAMPLE).unwrap();
    let run = |arguments: &str, filter: Option<BpfProgram>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_iev"));
        command.args(arguments.split(' ')).arg(sample.path());
        if let Some(filter) = filter {
            let apply = move || seccompiler::apply_filter(&filter).map_err(io::Error::other);
            // SAFETY: the child makes two system calls on memory that is there.
            unsafe { command.pre_exec(apply) };
        }
        command.output().unwrap()
    };
    let play = "decode --provider cpu --threads 2 --limit 3 --muxer md5 -o -";
    let filtered = run(play, Some(filter.clone()));
    assert!(filtered.status.success(), "{}", String::from_utf8_lossy(&filtered.stderr));
    assert_eq!(filtered.stdout, run(play, None).stdout);
    assert!(!filtered.stdout.is_empty());
    // A filter of its own is what it may not set.
    let sandboxed = run("decode --provider cpu --limit 1 --muxer null --sandbox", Some(filter));
    let told = String::from_utf8_lossy(&sandboxed.stderr);
    assert!(sandboxed.status.success(), "{}, {told}", sandboxed.status);
    assert!(told.contains("iev: warning: the sandbox keeps rights"), "{told}");
}
