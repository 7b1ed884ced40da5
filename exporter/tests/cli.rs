//! Command line: bad input gets one clear sentence and a failing exit code, never a panic, and an
//! export that does not finish leaves nothing behind.
#![cfg(feature = "train")]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use iev_exporter::picture::Picture;
use iev_exporter::y4m::{Header, Writer};

/// A folder of small views.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn view(&self, name: &str, (width, height): (usize, usize), frames: usize) -> PathBuf {
        let path = self.path(name);
        let header = Header { width, height, rate: (24, 1), full_range: Some(false) };
        let mut writer = Writer::new(File::create(&path).unwrap(), header).unwrap();
        for frame in 0..frames {
            let mut picture = Picture::new(width, height);
            let wave = |(at, pixel): (usize, &mut u8)| *pixel = (40 + (at * 7 + frame) % 150) as u8;
            picture.y.iter_mut().enumerate().for_each(wave);
            writer.write(&picture).unwrap();
        }
        writer.finish().unwrap();
        path
    }

    /// Two views that belong together.
    fn pair(&self) -> [PathBuf; 2] {
        ["left.y4m", "right.y4m"].map(|name| self.view(name, (32, 32), 2))
    }

    /// An encode of `views` to clip.iev that needs no ffmpeg.
    fn encode(&self, views: &[PathBuf]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_iev-export"));
        command.arg("encode").args(views).arg("-o").arg(self.path("clip.iev")).arg("--quiet");
        command.env("IEV_FFMPEG", "/nonexistent/ffmpeg").stdin(Stdio::null());
        command
    }

    /// Names in the folder, sorted.
    fn listing(&self) -> Vec<String> {
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.unwrap().file_name().to_string_lossy().into_owned()
        };
        let mut names: Vec<String> = std::fs::read_dir(self.0.path()).unwrap().map(name).collect();
        names.sort();
        names
    }

    /// The one sentence of a command that must fail and leave the folder as it was.
    fn refusal(&self, command: &mut Command) -> String {
        let before = self.listing();
        let Output { status, stderr, .. } = command.output().unwrap();
        let said = String::from_utf8_lossy(&stderr).into_owned();
        assert_eq!(status.code(), Some(1), "{command:?} said {said:?}");
        assert!(!said.contains("panicked"), "{said}");
        let sentence = said.strip_prefix("iev-export: error: ").unwrap_or_else(|| panic!("{said}"));
        assert_eq!(sentence.trim_end().lines().count(), 1, "one sentence: {said:?}");
        assert_eq!(self.listing(), before, "a refused export leaves nothing behind");
        sentence.trim_end().to_owned()
    }
}

fn name(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn views_that_do_not_belong_together_are_named_with_their_numbers() {
    let desk = Desk::new();
    let [left, right] = desk.pair();
    let wide = desk.view("wide.y4m", (48, 32), 2);
    let long = desk.view("long.y4m", (32, 32), 3);
    let sizes = desk.refusal(&mut desk.encode(&[left.clone(), right.clone(), wide.clone()]));
    for part in [name(&left), name(&wide), "32x32".into(), "48x32".into()] {
        assert!(sizes.contains(&part), "{sizes}");
    }
    let lengths = desk.refusal(&mut desk.encode(&[left, right, long.clone()]));
    for part in [name(&long), "2 frames".into(), "has 3".into()] {
        assert!(lengths.contains(&part), "{lengths}");
    }
}

#[test]
fn views_that_cannot_be_read_are_named() {
    let desk = Desk::new();
    let [left, right] = desk.pair();
    let missing = desk.path("missing.y4m");
    let said = desk.refusal(&mut desk.encode(&[left.clone(), missing.clone()]));
    assert!(said.contains(&name(&missing)), "{said}");

    let text = desk.path("text.y4m");
    std::fs::write(&text, "not a video\n").unwrap();
    let said = desk.refusal(&mut desk.encode(&[left.clone(), text.clone()]));
    assert!(said.contains(&name(&text)) && said.contains("YUV4MPEG2"), "{said}");

    let whole = std::fs::read(&right).unwrap();
    let cut = desk.path("cut.y4m");
    std::fs::write(&cut, &whole[..whole.len() - 9]).unwrap();
    let said = desk.refusal(&mut desk.encode(&[left.clone(), cut.clone()]));
    assert!(said.contains(&name(&cut)) && said.contains("frame 1"), "{said}");

    let foreign = desk.path("clip.mkv");
    std::fs::write(&foreign, "needs another program").unwrap();
    let said = desk.refusal(&mut desk.encode(&[left, foreign]));
    assert!(said.contains("install ffmpeg"), "{said}");
}

#[test]
fn what_was_typed_wrong_is_named() {
    let desk = Desk::new();
    let pair = desk.pair();
    let rows: [(&[&str], &str); 3] = [
        (&["--anchor", "2"], "views 0 to 1"),
        (&["--profile", "newt"], "newt"),
        (&["--device", "abacus"], "abacus"),
    ];
    for (args, named) in rows {
        let said = desk.refusal(desk.encode(&pair).args(["--steps", "1"]).args(args));
        assert!(said.contains(named), "{args:?}: {said}");
    }
    let many = ["a.y4m", "b.y4m"].map(|name| desk.view(name, (16, 16), 100));
    let args = ["--steps", "1", "--gop", "100", "--keys", "97"];
    let said = desk.refusal(desk.encode(&many).args(args));
    assert!(said.contains("at most 96 key pictures"), "{said}");
    let nowhere = desk.refusal(desk.encode(&pair).args(["--steps", "1", "--work", "/dev/null/x"]));
    assert!(nowhere.contains("/dev/null/x"), "{nowhere}");
    let typed: [(&[&str], &str); 3] = [
        (&["--size", "80 k"], "80000, 80k or 1.5M"),
        (&["--size", "80k", "--qp", "30"], "cannot be used with"),
        (&["--bitrate", "5M", "--size", "1k"], "cannot be used with"),
    ];
    for (args, named) in typed {
        let output = desk.encode(&pair).args(args).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && said.contains(named), "{args:?}: {said}");
    }
    let start = desk.path("elsewhere").display().to_string();
    let said = desk.refusal(desk.encode(&pair).args(["--steps", "1", "--warm-start", &start]));
    assert!(said.contains("elsewhere"), "{said}");
    let usage = desk.encode(&pair).arg("--no-such-flag").output().unwrap();
    assert_eq!(usage.status.code(), Some(2));
}

#[test]
fn a_missing_onnx_runtime_is_noticed_before_training() {
    let desk = Desk::new();
    let pair = desk.pair();
    let mut command = desk.encode(&pair);
    let said = desk.refusal(command.env("ORT_DYLIB_PATH", "/nonexistent/ort.so"));
    assert!(said.contains("cargo xtask ort") && said.contains("/nonexistent"), "{said}");
}

#[test]
fn an_export_without_ffmpeg_or_work_folder_leaves_one_stream_and_nothing_else() {
    let desk = Desk::new();
    let pair = desk.pair();
    let output = desk.encode(&pair).args(["--steps", "1"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(desk.listing(), ["clip.iev", "left.y4m", "right.y4m"]);
    let bytes = std::fs::metadata(desk.path("clip.iev")).unwrap().len();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains(&format!("{bytes} bytes")), "{said}");
}

#[test]
fn an_ffmpeg_that_dies_is_told_with_its_own_words() {
    let desk = Desk::new();
    let pair = desk.pair();
    let ffmpeg = desk.path("ffmpeg");
    std::fs::write(&ffmpeg, "#!/bin/sh\necho out of luck >&2\nkill -9 $$\n").unwrap();
    std::fs::set_permissions(&ffmpeg, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = desk.encode(&pair);
    let said = desk.refusal(command.args(["--steps", "1"]).env("IEV_FFMPEG", &ffmpeg));
    assert!(said.contains("out of luck"), "{said}");
}

#[test]
fn a_full_disk_is_one_sentence_and_keeps_an_older_stream() {
    let desk = Desk::new();
    let pair = desk.pair();
    std::fs::write(desk.path("clip.iev"), "an older stream").unwrap();
    let export = desk.encode(&pair);
    // No file may grow beyond nothing, which the system refuses like a full disk.
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"]);
    limited.arg(export.get_program()).args(export.get_args()).args(["--steps", "1"]);
    limited.env("IEV_FFMPEG", "/nonexistent/ffmpeg").stdin(Stdio::null());
    let said = desk.refusal(&mut limited);
    assert!(said.contains("clip.iev") && said.contains("File too large"), "{said}");
    assert_eq!(std::fs::read_to_string(desk.path("clip.iev")).unwrap(), "an older stream");
}

#[test]
fn an_interrupted_export_leaves_nothing_and_keeps_an_older_stream() {
    let desk = Desk::new();
    let pair = desk.pair();
    // Not INT: a shell starts background jobs, such as a whole test run, with INT ignored.
    for (older, signal) in [(Some("an older stream"), "-TERM"), (None, "-KILL")] {
        let stream = desk.path("clip.iev");
        let _ = std::fs::remove_file(&stream);
        if let Some(older) = older {
            std::fs::write(&stream, older).unwrap();
        }
        let before = desk.listing();
        interrupt_training(desk.encode(&pair).args(["--steps", "20000"]), signal);
        assert_eq!(desk.listing(), before, "after kill {signal}");
        if let Some(older) = older {
            assert_eq!(std::fs::read_to_string(&stream).unwrap(), older);
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
