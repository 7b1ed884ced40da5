//! An export that dies, at whatever moment, leaves no half stream and goes on to the same file.
#![cfg(feature = "train")]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

mod desk;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use desk::{Desk, OLDER, interrupt_training, limited};

/// Steps after those that teach the flow.
const STEPS: &str = "20";

/// How an export dies.
#[derive(Debug, Clone, Copy)]
enum Death {
    /// By KILL once this path of the folder is there.
    Seen(&'static str),
    /// By KILL once the checkpoint has been replaced so often.
    Replaced(usize),
    /// By the system's signal in the middle of its next write to a file.
    Writing,
}

impl Death {
    /// Runs `command` to its death.
    fn of(self, desk: &Desk, command: &mut Command) {
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = match self {
            Self::Writing => limited(command, "ulimit -c 0; ulimit -f 0").spawn().unwrap(),
            _ => command.spawn().unwrap(),
        };
        match self {
            Self::Seen(path) => wait_until(&mut child, || desk.path(path).exists()),
            Self::Replaced(times) => {
                let checkpoint = desk.path("work/train.pt");
                let file =
                    || std::fs::metadata(&checkpoint).ok().map(|m| (m.ino(), m.mtime_nsec()));
                let (mut last, mut seen) = (file(), 0);
                wait_until(&mut child, || {
                    let now = file();
                    seen += usize::from(now != last);
                    last = now;
                    seen >= times
                });
            }
            Self::Writing => {}
        }
        if !matches!(self, Self::Writing) {
            child.kill().unwrap();
        }
        let status = child.wait().unwrap();
        assert!(status.signal().is_some(), "{self:?}: {status}");
    }
}

/// Returns once `happened`, which it must while `child` runs.
fn wait_until(child: &mut Child, mut happened: impl FnMut() -> bool) {
    let started = Instant::now();
    while !happened() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before");
        assert!(started.elapsed() < Duration::from_secs(300), "it never happened");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn finish(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn bytes(path: &Path) -> Option<Vec<u8>> {
    std::fs::read(path).ok()
}

#[test]
fn an_export_that_dies_again_and_again_goes_on_to_the_same_file() {
    let desk = Desk::new();
    let pair = desk.pair();
    let export = |args: &[&str]| {
        let mut command = desk.encode(&pair);
        command.args(["--anchor", "1"]);
        command.args(["--steps", STEPS]).args(args);
        command
    };
    let (stream, checkpoint) = (desk.path("clip.iev"), desk.path("work/train.pt"));
    finish(&mut export(&[]));
    let whole = bytes(&stream).unwrap();
    std::fs::remove_file(&stream).unwrap();

    let work = desk.path("work").display().to_string();
    let resumed = || export(&["--work", &work, "--checkpoint-every", "0"]);
    // Moment, death, whether a checkpoint is there afterwards.
    let rows = [
        ("before the first step", Death::Seen("work"), false),
        ("writing the first checkpoint", Death::Writing, false),
        ("behind the first checkpoint", Death::Seen("work/train.pt"), true),
        ("writing a later checkpoint", Death::Writing, true),
        ("in training", Death::Replaced(7), true),
        ("in training, later", Death::Replaced(50), true),
    ];
    for (moment, death, kept) in rows {
        let before = bytes(&checkpoint);
        death.of(&desk, &mut resumed());
        assert_eq!(checkpoint.exists(), kept, "{moment}");
        assert!(!stream.exists(), "{moment}: no half stream");
        if matches!(death, Death::Writing) {
            assert!(bytes(&checkpoint) == before, "{moment}: the older checkpoint is whole");
        }
    }
    finish(&mut resumed());
    assert!(bytes(&stream).unwrap() == whole, "resumed equals uninterrupted");

    // As it is behind the last checkpoint: nothing is left to train, the stream is not there.
    std::fs::remove_file(&stream).unwrap();
    finish(&mut resumed());
    assert!(bytes(&stream).unwrap() == whole, "packed again");
    let files_of = |folder: &str| {
        let files = std::fs::read_dir(desk.path(folder)).unwrap().map(|e| e.unwrap().file_name());
        let mut files: Vec<_> = files.collect();
        files.sort();
        files
    };
    let left = [".lock", "explicit", "matching.bin", "train.pt"];
    assert_eq!(files_of("work"), left, "no temporary file is left");
    assert_eq!(files_of("work/explicit").len(), 1, "the one explicit view has one GOP");
}

#[test]
fn an_export_that_dies_writing_the_stream_keeps_an_older_one() {
    let desk = Desk::new();
    let pair = desk.pair();
    std::fs::write(desk.path("clip.iev"), OLDER).unwrap();
    Death::Writing.of(&desk, desk.train(&pair).args(["--steps", "1"]));
    assert_eq!(bytes(&desk.path("clip.iev")).unwrap(), OLDER);
}

#[test]
fn a_curve_that_dies_goes_on_to_the_same_streams() {
    let desk = Desk::new();
    let pair = desk.pair();
    finish(desk.encode(&pair).args(["--steps", "1", "--anchor", "0"]));
    let points = "name = 'curve'\npeers = []\n[clip]\nviews = ['left.y4m', 'right.y4m']\n\
                  [settings]\nsteps = 1\nanchor = 0\n[[points]]\nlabel = 'one'\n";
    std::fs::write(desk.path("curve.toml"), points).unwrap();
    let curve = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_iev-export"));
        command.arg("rd").arg(desk.path("curve.toml")).arg("--out").arg(desk.path("out"));
        command.env("IEV_FFMPEG", "/nonexistent/ffmpeg").stdin(Stdio::null()).arg("--quiet");
        command
    };
    for seen in ["out/curve/one/settings.sha256", "out/curve/one/train.pt"] {
        Death::Seen(seen).of(&desk, &mut curve());
        assert!(!desk.path("out/curve/one/result.json").exists(), "{seen}");
    }
    finish(&mut curve());
    assert!(bytes(&desk.path("out/curve/one/stream.iev")) == bytes(&desk.path("clip.iev")));
    let table = std::fs::read_to_string(desk.path("out/curve.csv")).unwrap();
    assert_eq!(table.lines().count(), 2, "{table}");
}

#[test]
fn an_interrupted_export_leaves_nothing_and_keeps_an_older_stream() {
    let desk = Desk::new();
    let pair = desk.pair();
    // Not INT: a shell starts background jobs, such as a whole test run, with INT ignored.
    for (older, signal) in [(Some(OLDER), "-TERM"), (None, "-KILL")] {
        let stream = desk.path("clip.iev");
        let _ = std::fs::remove_file(&stream);
        if let Some(older) = older {
            std::fs::write(&stream, older).unwrap();
        }
        let before = desk.listing();
        interrupt_training(
            desk.encode_aloud(&pair).args(["--anchor", "0", "--steps", "20000"]),
            signal,
        );
        assert_eq!(desk.listing(), before, "after kill {signal}");
        if let Some(older) = older {
            assert_eq!(bytes(&stream).unwrap(), older);
        }
    }
}

#[test]
fn an_interrupted_search_for_a_size_leaves_no_temporary_folder() {
    let desk = Desk::new();
    let pair = desk.pair();
    std::fs::create_dir(desk.path("tmp")).unwrap();
    let mut export = desk.encode_aloud(&pair);
    export.args(["--anchor", "1", "--steps", "20000", "--size", "3k"]);
    interrupt_training(export.env("TMPDIR", desk.path("tmp")), "-TERM");
    assert!(std::fs::read_dir(desk.path("tmp")).unwrap().next().is_none());
    assert!(!desk.path("clip.iev").exists());
}

#[test]
fn an_export_that_is_asked_to_stop_keeps_its_steps_and_goes_on() {
    // Whole pictures, and pictures in two windows each, some of them in a scratch file.
    goes_on_after_a_stop(32, &[]);
    goes_on_after_a_stop(96, &["--window", "8192", "--memory", "0"]);
}

fn goes_on_after_a_stop(side_px: usize, more: &[&str]) {
    let desk = Desk::new();
    let pair = ["left.y4m", "right.y4m"].map(|name| desk.view(name, (side_px, side_px), 2));
    let export = |command: &mut Command| {
        command.args(["--anchor", "1", "--steps", STEPS]).args(more);
        command.arg("--work").arg(desk.path("work"));
        finish(command);
        let stream = bytes(&desk.path("clip.iev")).unwrap();
        std::fs::remove_file(desk.path("clip.iev")).unwrap();
        std::fs::remove_dir_all(desk.path("work")).unwrap();
        stream
    };
    let whole = export(&mut desk.encode(&pair));

    let mut stopped = desk.encode_aloud(&pair);
    stopped.args(["--anchor", "1", "--steps", STEPS]).args(more);
    stopped.arg("--work").arg(desk.path("work"));
    let (status, said) = interrupt_training(&mut stopped, "-TERM");
    assert_eq!(status.code(), Some(75), "try again: {said:?}");
    let last = said.last().unwrap();
    assert_eq!(last, "iev-export: stopped: the same command goes on from here");
    assert!(desk.path("work/train.pt").exists() && !desk.path("clip.iev").exists());
    assert!(export(&mut desk.encode(&pair)) == whole, "as if it had not been stopped");
}

#[test]
fn a_work_folder_is_one_runs_at_a_time() {
    let desk = Desk::new();
    let pair = desk.pair();
    let export = || {
        let mut command = desk.encode_aloud(&pair);
        command.args(["--anchor", "1", "--steps", "20000"]).arg("--work").arg(desk.path("work"));
        command
    };
    let mut first = export().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until(&mut first, || desk.path("work/.lock").exists());
    std::thread::sleep(Duration::from_millis(200));
    let said = desk.refusal(&mut export());
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(said.contains("work is in use by another run of iev-export"), "{said}");
}

/// Variables that a process has begun with.
fn environment(child: &Child) -> Vec<String> {
    let bytes = std::fs::read(format!("/proc/{}/environ", child.id())).unwrap_or_default();
    bytes.split(|byte| *byte == 0).map(|v| String::from_utf8_lossy(v).into_owned()).collect()
}

#[test]
fn training_waits_passively_on_the_processors_it_may_use_unless_told_otherwise() {
    let desk = Desk::new();
    let pair = desk.pair();
    for (set, expected) in [
        (None, ["OMP_WAIT_POLICY=passive", "OMP_NUM_THREADS=1"]),
        (Some(("OMP_WAIT_POLICY", "active")), ["OMP_WAIT_POLICY=active", "OMP_NUM_THREADS=1"]),
        (Some(("OMP_NUM_THREADS", "3")), ["OMP_WAIT_POLICY=passive", "OMP_NUM_THREADS=3"]),
    ] {
        let mut export = desk.encode(&pair);
        export.args(["--anchor", "1", "--steps", "20000"]).arg("--work").arg(desk.path("work"));
        for variable in ["OMP_WAIT_POLICY", "OMP_NUM_THREADS", "RAYON_NUM_THREADS"] {
            export.env_remove(variable);
        }
        export.env("SLURM_CPUS_PER_TASK", "1").envs(set);
        let mut child = export.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_until(&mut child, || desk.path("work").exists());
        let variables = environment(&child);
        child.kill().unwrap();
        child.wait().unwrap();
        std::fs::remove_dir_all(desk.path("work")).unwrap();
        for variable in expected {
            assert!(variables.iter().any(|v| v == variable), "{variable}: {variables:?}");
        }
    }
}

#[test]
fn a_long_export_tells_how_far_it_is_and_a_quiet_one_does_not() {
    let desk = Desk::new();
    let pair = desk.pair();
    let mut export = desk.encode_aloud(&pair);
    export.args(["--anchor", "1", "--steps", "200000"]).stdout(Stdio::null());
    let mut child = export.stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let told: Vec<String> = lines.take(3).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    let job = |line: &&String| line.contains(" of ") && line.ends_with("left");
    assert!(told.iter().any(|line| job(&line) || line.starts_with("training: ")), "{told:?}");

    let mut quiet = desk.encode(&pair);
    let quiet = quiet.args(["--steps", "300", "--no-verify"]).output().unwrap();
    assert!(quiet.status.success() && quiet.stderr.is_empty(), "{quiet:?}");
}

#[test]
fn a_second_signal_ends_the_export_at_once() {
    let desk = Desk::new();
    // Large, so that a step is long: the first signal alone would end it only after one.
    let pair = ["left.y4m", "right.y4m"].map(|name| desk.view(name, (512, 512), 2));
    let mut export = desk.encode_aloud(&pair);
    export.args(["--anchor", "1", "--steps", "20000"]).stdout(Stdio::null());
    let mut child = export.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    for awaited in ["training will take", "stopping after the running step"] {
        assert!(lines.any(|line| line.starts_with(awaited)), "{awaited}");
        let sent = Command::new("kill").arg("-TERM").arg(child.id().to_string()).status();
        assert!(sent.unwrap().success());
    }
    assert!(child.wait().unwrap().signal().is_some(), "by the signal, not by its own exit");
}

/// As ffmpeg does, which codes on when it is asked to end.
#[test]
fn a_coder_that_does_not_end_by_itself_is_ended() {
    let desk = Desk::new();
    let pair = desk.pair();
    let ffmpeg = desk.path("ffmpeg");
    // What asks it for its coders and its version is answered with nothing.
    let script = "#!/bin/sh\ncase \"$*\" in *pipe:0*) ;; *) exit ;; esac\ntrap '' TERM\n: >\"$0.begun\"\nexec sleep 600\n";
    std::fs::write(&ffmpeg, script).unwrap();
    std::fs::set_permissions(&ffmpeg, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut export = desk.train(&pair);
    let mut child = export.env("IEV_FFMPEG", &ffmpeg).stderr(Stdio::null()).spawn().unwrap();
    wait_until(&mut child, || desk.path("ffmpeg.begun").exists());
    let sent = Command::new("kill").arg("-TERM").arg(child.id().to_string()).status();
    assert!(sent.unwrap().success());
    let started = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(75));
    assert!(started.elapsed() < Duration::from_secs(300), "it waited for the coder");
}

/// By a view that never ends; the last has nobody who listens to what it says.
#[test]
fn every_command_stops_while_it_reads() {
    let desk = Desk::new();
    let picture = std::fs::read(desk.view("view.y4m", (32, 32), 1)).unwrap();
    let start = picture.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let rows = [
        ("encode - -o new.iev", "-TERM", true),
        ("peers - --out new.csv", "-INT", true),
        ("reference - --crop 0,0,8,8 -o new", "-HUP", true),
        ("reference - --crop 0,0,8,8 -o new", "-HUP", false),
    ];
    for (line, signal, heard) in rows {
        // A shell starts background jobs, such as a whole test run, with INT ignored, and nohup with HUP.
        let mut command = Command::new("env");
        command.args(["--default-signal=INT,HUP", env!("CARGO_BIN_EXE_iev-export")]);
        command.args(line.split(' ')).current_dir(desk.path(""));
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = pipes.spawn().unwrap();
        let (mut view, said) = (child.stdin.take().unwrap(), child.stderr.take().unwrap());
        let said = heard.then_some(said);
        view.write_all(&picture).unwrap();
        // It has begun to read once a pipe of 64 KiB has room for more than that.
        (0..100).for_each(|_| view.write_all(&picture[start..]).unwrap());
        let sent = Command::new("kill").arg(signal).arg(child.id().to_string()).status();
        assert!(sent.unwrap().success());
        // It stops at a picture.
        while view.write_all(&picture[start..]).is_ok() {}
        assert_eq!(child.wait().unwrap().code(), Some(75), "{line} {signal}");
        let said = said.map(|from| std::io::read_to_string(from).unwrap());
        let stopped = |words: String| words.contains("iev-export: stopped: ");
        assert!(said.is_none_or(stopped), "{line} {signal}");
        assert_eq!(desk.listing(), ["view.y4m"], "{line} {signal}");
    }
}

#[test]
fn quiet_commands_say_nothing_on_standard_error() {
    let desk = Desk::new();
    let pair = desk.pair();
    finish(desk.encode(&pair).args(["--steps", "1", "--anchor", "0", "--no-verify"]));
    // An ffmpeg that has one encoder; the codec that it lacks is left out in silence.
    let ffmpeg = desk.path("ffmpeg");
    std::fs::write(&ffmpeg, "#!/bin/sh\necho ' V....D libx264  H.264'\nexit 0\n").unwrap();
    std::fs::set_permissions(&ffmpeg, std::fs::Permissions::from_mode(0o755)).unwrap();
    let config = "name = 'curve'\n[clip]\nviews = ['left.y4m', 'right.y4m']\n\
                  [settings]\nsteps = 1\nanchor = 0\n[[points]]\nlabel = 'one'\n";
    std::fs::write(desk.path("curve.toml"), config).unwrap();
    let run = |line: &str, ffmpeg: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_iev-export"));
        command.args(line.split(' ')).arg("--quiet").current_dir(desk.path(""));
        command.env("IEV_FFMPEG", ffmpeg).stdin(Stdio::null()).output().unwrap()
    };
    let none = Path::new("/nonexistent/ffmpeg");
    for line in ["verify clip.iev left.y4m right.y4m", "rd curve.toml --out out"] {
        let output = run(line, none);
        assert!(output.status.success() && output.stderr.is_empty(), "{line}: {output:?}");
    }
    let output = run("peers left.y4m -o peers.csv --codecs vvenc-medium,x264-medium", &ffmpeg);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.lines().count() <= 1 && !said.contains("left out"), "{said}");
}
