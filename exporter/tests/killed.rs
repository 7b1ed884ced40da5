//! An export that dies, at whatever moment, leaves no half stream and goes on to the same file.
#![cfg(feature = "train")]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

mod desk;

use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use desk::{Desk, OLDER, limited};

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
    let left = std::fs::read_dir(desk.path("work")).unwrap().map(|e| e.unwrap().file_name());
    assert_eq!(left.collect::<Vec<_>>(), ["train.pt"], "no temporary file is left");
}

#[test]
fn an_export_that_dies_writing_the_stream_keeps_an_older_one() {
    let desk = Desk::new();
    let pair = desk.pair();
    std::fs::write(desk.path("clip.iev"), OLDER).unwrap();
    Death::Writing.of(&desk, desk.encode(&pair).args(["--steps", "1"]));
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
        interrupt_training(desk.encode(&pair).args(["--steps", "20000"]), signal);
        assert_eq!(desk.listing(), before, "after kill {signal}");
        if let Some(older) = older {
            assert_eq!(bytes(&stream).unwrap(), older);
        }
    }
}

/// Starts the export, and sends the signal once it says that it is well into training.
fn interrupt_training(command: &mut Command, signal: &str) {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = lines.next().unwrap().unwrap();
    assert!(line.starts_with("step "), "{line}");
    let sent = Command::new("kill").arg(signal).arg(child.id().to_string()).status().unwrap();
    assert!(sent.success());
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert!(!child.wait().unwrap().success(), "an interrupted export fails");
    assert!(!rest.iter().any(|line| line.contains("panicked")), "{rest:?}");
}
