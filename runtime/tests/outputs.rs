//! Outputs of `iev` never eat its input or each other, and are there whole or not at all.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

mod small_stream;

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use iev_runtime::format::cameras::{Camera, Cameras};
use nalgebra::UnitQuaternion;
use small_stream::{SIZE, explicit_stream, stream_with_cameras};

/// Exit codes that `iev --help` documents.
const STREAM: i32 = 1;
const USAGE: i32 = 2;

/// A folder with a stream of H.264 alone, by several names, and an older output.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        std::fs::write(desk.path("clip.iev"), explicit_stream(SIZE, 3, 2)).unwrap();
        std::fs::hard_link(desk.path("clip.iev"), desk.path("hard")).unwrap();
        std::fs::create_dir(desk.path("folder")).unwrap();
        symlink("clip.iev", desk.path("soft")).unwrap();
        symlink(".", desk.path("here")).unwrap();
        // Where patterns and folders of outputs lead.
        std::fs::hard_link(desk.path("clip.iev"), desk.path("v0.y4m")).unwrap();
        std::fs::create_dir(desk.path("sheets")).unwrap();
        symlink("../clip.iev", desk.path("sheets/sheet.png")).unwrap();
        std::fs::write(desk.path("older.y4m"), "older").unwrap();
        let board = include_str!("../../boards/x86_edge.toml");
        std::fs::write(desk.path("board.toml"), board).unwrap();
        std::fs::write(desk.path("ort.so"), "a library").unwrap();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Every file and its bytes.
    fn contents(&self) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        entries.map(|e| e.unwrap().path()).map(|p| (p.clone(), std::fs::read(p).ok())).collect()
    }

    fn iev(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_iev"));
        command.args(line.split(' ')).current_dir(self.0.path()).stdin(Stdio::null());
        command
    }

    /// What is said to a command that must fail with `code` and leave everything as it was.
    fn refusal(&self, line: &str, code: i32) -> String {
        let before = self.contents();
        let Output { status, stdout, stderr } = self.iev(line).output().unwrap();
        let said = String::from_utf8_lossy(&stderr).into_owned();
        assert_eq!(status.code(), Some(code), "{line}: {said}");
        assert!(stdout.is_empty() && said.starts_with("iev: error: "), "{line}: {said}");
        assert!(self.contents() == before, "{line} changed something");
        said
    }
}

#[test]
fn no_output_of_any_command_is_its_input() {
    let desk = Desk::new();
    let outputs = [
        "decode clip.iev --muxer yuv -o",
        "decode clip.iev --muxer md5 -o",
        "decode clip.iev --muxer png --limit 1 -o",
        "decode clip.iev --muxer null --framestats",
        "bench clip.iev --json",
    ];
    for output in outputs {
        for name in ["clip.iev", "hard", "soft", "here/clip.iev", "folder/../clip.iev"] {
            let said = desk.refusal(&format!("{output} {name}"), USAGE);
            assert!(said.contains("is the input clip.iev"), "{said}");
        }
        for (flag, input) in [("--board", "board.toml"), ("--ort", "ort.so")] {
            let said = desk.refusal(&format!("{output} {input} {flag} {input}"), USAGE);
            assert!(said.contains(&format!("is the input {input}")), "{said}");
        }
        let said = desk.refusal(&format!("{output} no/such"), USAGE);
        assert!(said.contains("no/such: there is no folder no"), "{said}");
        let said = desk.refusal(&format!("{output} folder"), USAGE);
        assert!(said.contains("folder is a folder"), "{said}");
    }
    for line in ["decode clip.iev -o v%v.y4m", "demo clip.iev --out sheets"] {
        assert!(desk.refusal(line, USAGE).contains("is the input clip.iev"), "{line}");
    }
    let said = desk.refusal("demo clip.iev --out older.y4m/sheets", USAGE);
    assert!(said.contains("older.y4m/sheets"), "{said}");
    let said = desk.refusal("demo clip.iev --out older.y4m", USAGE);
    assert!(said.contains("older.y4m is no folder"), "{said}");
}

#[test]
fn no_output_of_render_is_its_input() {
    let desk = Desk::new();
    let camera =
        |x| Camera::of_numbers([x, 0.0, 0.0], UnitQuaternion::identity(), [40.0; 2], [16.0; 2]);
    let cameras = Cameras { views: [0.0, 0.5].into_iter().filter_map(camera).collect() };
    std::fs::write(desk.path("cam.iev"), stream_with_cameras(&cameras)).unwrap();
    std::fs::hard_link(desk.path("cam.iev"), desk.path("eye1.y4m")).unwrap();
    std::fs::write(desk.path("poses.csv"), "x,y,z,yaw,pitch,roll\n0,0,0,0,0,0\n").unwrap();
    symlink("poses.csv", desk.path("trace.y4m")).unwrap();
    let rows = [
        ("--pose 0,0,0 --muxer y4m -o cam.iev", "is the input cam.iev"),
        ("--pose 0,0,0 -o here/eye1.y4m", "is the input cam.iev"),
        ("--pose 0,0,0 --stereo 0.1 --layout two -o eye%v.y4m", "is the input cam.iev"),
        ("--pose 0,0,0 --limit 1 --muxer png -o cam.iev", "is the input cam.iev"),
        ("--trace poses.csv -o trace.y4m", "is the input poses.csv"),
        ("--trace trace.y4m --muxer md5 -o poses.csv", "is the input trace.y4m"),
        ("--pose 0,0,0 --board board.toml --muxer yuv -o board.toml", "is the input board.toml"),
        ("--pose 0,0,0 -o no/such.y4m", "there is no folder no"),
        ("--pose 0,0,0 --muxer png -o folder/", "folder/ is a folder"),
    ];
    for (line, part) in rows {
        let said = desk.refusal(&format!("render cam.iev {line}"), USAGE);
        assert!(said.contains(part), "{line}: {said}");
    }
}

#[test]
fn what_is_printed_goes_into_no_input() {
    let desk = Desk::new();
    std::fs::write(desk.path("report.json"), "{}").unwrap();
    let rows = [
        ("info clip.iev", "clip.iev"),
        ("info clip.iev --json", "hard"),
        ("demo clip.iev --out new", "clip.iev"),
        ("bench clip.iev --seconds 1", "hard"),
        ("bench --compare report.json report.json", "report.json"),
        ("prepare clip.iev", "clip.iev"),
        ("decode clip.iev --muxer null --stats json", "clip.iev"),
        ("decode clip.iev --muxer md5", "hard"),
        ("doctor --board board.toml", "board.toml"),
    ];
    for (line, name) in rows {
        let before = desk.contents();
        let end = std::fs::File::options().append(true).open(desk.path(name)).unwrap();
        let output = desk.iev(line).stdout(end).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(USAGE), "{line}: {said}");
        assert!(said.contains("standard output is the input"), "{line}: {said}");
        assert!(desk.contents() == before, "{line} changed something");
    }
}

#[test]
fn no_output_is_another() {
    let desk = Desk::new();
    let rows = [
        ("decode clip.iev -o new.y4m --framestats new.y4m", "two outputs go to new.y4m"),
        ("decode clip.iev -o new.y4m --framestats here/new.y4m", "are one file"),
        ("decode clip.iev -o older.y4m --framestats here/older.y4m", "are one file"),
        ("decode clip.iev -o - --framestats -", "two outputs go to standard output"),
        ("decode clip.iev -o - --framestats /dev/stdout", "two outputs go to standard output"),
        ("decode clip.iev --stats json --muxer null --framestats -", "standard output"),
        ("decode clip.iev -o n%v.y4m --framestats n0.y4m", "two outputs go to n0.y4m"),
        ("decode clip.iev -o n%v-%t.png --framestats n0-00002.png", "two outputs go to n0-00002"),
    ];
    for (line, part) in rows {
        let said = desk.refusal(line, USAGE);
        assert!(said.contains(part), "{line}: {said}");
    }
}

#[test]
fn numbered_pictures_have_a_folder() {
    let desk = Desk::new();
    assert!(Command::new("mkfifo").arg(desk.path("folder/pipe.png")).status().unwrap().success());
    for place in ["/dev/null", "/dev/stdout", "folder/pipe.png"] {
        let said = desk.refusal(&format!("decode clip.iev --muxer png -o {place}"), USAGE);
        assert!(said.contains(&format!("{place} is no place for numbered pictures")), "{said}");
    }
    for place in ["folder", "folder/", "new/"] {
        let said = desk.refusal(&format!("decode clip.iev --muxer png -o {place}"), USAGE);
        assert!(said.contains(&format!("{place} is a folder: name numbered pictures")), "{said}");
    }
    let one = desk.iev("decode clip.iev -q --muxer png --limit 1 -o /dev/null").output().unwrap();
    assert!(one.status.success(), "{one:?}");
}

#[test]
fn a_decode_that_fails_keeps_an_older_output() {
    let desk = Desk::new();
    let mut broken = std::fs::read(desk.path("clip.iev")).unwrap();
    let last = broken.len() - 1;
    broken[last] ^= 1;
    std::fs::write(desk.path("broken.iev"), broken).unwrap();
    for line in ["decode broken.iev -o older.y4m", "decode broken.iev -o new.y4m"] {
        desk.refusal(line, STREAM);
    }
    desk.refusal("decode clip.iev -q -o older.y4m --verify 00", STREAM);
}

#[test]
fn what_is_no_file_is_written_straight() {
    let desk = Desk::new();
    let run = |line: &str| {
        let output = desk.iev(line).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    run("decode clip.iev -q -o whole.y4m");
    let whole = std::fs::read(desk.path("whole.y4m")).unwrap();
    for name in ["-", "/dev/stdout"] {
        assert!(run(&format!("decode clip.iev -q --muxer y4m -o {name}")) == whole, "{name}");
    }
    run("decode clip.iev -q --muxer y4m -o /dev/null --framestats /dev/null");
    assert!(!Path::new("/dev/null").is_file());

    let pipe = desk.path("pipe.y4m");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut child = desk.iev("decode clip.iev -q -o pipe.y4m").spawn().unwrap();
    assert!(std::fs::read(&pipe).unwrap() == whole);
    assert!(child.wait().unwrap().success());
    assert!(!pipe.is_file(), "it is still a pipe");
}

#[test]
fn names_are_taken_as_they_are() {
    let desk = Desk::new();
    for name in ["http:a b.y4m", "-x.Y4M", "50%%.y4m", "ünï\n.y4m", "%%v.y4m"] {
        let mut command = desk.iev("decode clip.iev -q -v 0");
        let output = command.arg("--output").arg(format!("./{name}")).output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let file = desk.path(&name.replace("%%", "%"));
        assert!(std::fs::read(&file).unwrap().starts_with(b"YUV4MPEG2"), "{name}");
    }
}

#[test]
fn an_interrupted_decode_leaves_nothing() {
    let desk = Desk::new();
    let stream = explicit_stream(SIZE, 3, 200);
    std::fs::write(desk.path("long.iev"), stream).unwrap();
    let before = desk.contents();
    // By the clock it takes many seconds. Neither INT nor HUP, which background jobs, such as a whole test run, may ignore.
    for (output, signal) in [("new.y4m", "-TERM"), ("older.y4m", "-TERM"), ("older.y4m", "-KILL")] {
        let mut command = desk.iev(&format!("decode long.iev --late repeat -q -o {output}"));
        let mut child = command.spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(700));
        assert!(child.try_wait().unwrap().is_none(), "it is at work");
        let killed = Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(killed.unwrap().success() && !child.wait().unwrap().success());
        assert!(desk.contents() == before, "after kill {signal}");
    }
}
