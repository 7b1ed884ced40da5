//! A folder of small views and the commands that encode them.
#![allow(dead_code, reason = "every test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Output, Stdio};

use iev_exporter::input::View;
use iev_exporter::input::y4m::Writer;
use iev_exporter::picture::{Picture, PictureExt};

/// A stream as far as anyone looks who is about to replace it.
pub const OLDER: &[u8] = b"\x89IEV\r\n\x1a\n of before";

/// A folder of small views.
pub struct Desk(tempfile::TempDir);

impl Desk {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn view(&self, name: &str, (width, height): (usize, usize), frames: usize) -> PathBuf {
        let path = self.path(name);
        let picture = |frame: usize| {
            let mut picture = Picture::zeros(width, height);
            let wave = |(at, pixel): (usize, &mut u8)| *pixel = (40 + (at * 7 + frame) % 150) as u8;
            picture.planes_mut()[0].iter_mut().enumerate().for_each(wave);
            picture
        };
        let view = View::new(path.clone(), (0..frames).map(picture).collect(), (24, 1));
        let mut writer = Writer::new(File::create(&path).unwrap(), view.header_line()).unwrap();
        view.frames.iter().for_each(|picture| writer.write(picture).unwrap());
        writer.finish().unwrap();
        path
    }

    /// Two views that belong together.
    pub fn pair(&self) -> [PathBuf; 2] {
        ["left.y4m", "right.y4m"].map(|name| self.view(name, (32, 32), 2))
    }

    /// An encode of `views` to clip.iev that needs no ffmpeg.
    pub fn encode(&self, views: &[PathBuf]) -> Command {
        let mut command = self.encode_aloud(views);
        command.arg("--quiet");
        command
    }

    /// The same with a network, although none can pay on so little.
    pub fn train(&self, views: &[PathBuf]) -> Command {
        let mut command = self.encode(views);
        command.args(["--anchor", "0"]);
        command
    }

    /// An encode as above, saying how far it is.
    pub fn encode_aloud(&self, views: &[PathBuf]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_iev-export"));
        command.arg("encode").args(views).arg("-o").arg(self.path("clip.iev"));
        command.env("IEV_FFMPEG", "/nonexistent/ffmpeg").stdin(Stdio::null());
        command
    }

    /// Names in the folder, sorted.
    pub fn listing(&self) -> Vec<String> {
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.unwrap().file_name().to_string_lossy().into_owned()
        };
        let mut names: Vec<String> = std::fs::read_dir(self.0.path()).unwrap().map(name).collect();
        names.sort();
        names
    }

    /// As [`Desk::refusal`], with this exit code.
    pub fn refusal_with(&self, command: &mut Command, code: i32) -> String {
        let said = self.refusal(command);
        let again = command.output().unwrap();
        assert_eq!(again.status.code(), Some(code), "{command:?}: {said}");
        said
    }

    /// The one sentence of a command that must fail and leave the folder as it was.
    pub fn refusal(&self, command: &mut Command) -> String {
        let before = self.listing();
        let Output { status, stderr, .. } = command.output().unwrap();
        let said = String::from_utf8_lossy(&stderr).into_owned();
        assert!(matches!(status.code(), Some(1..=3)), "{command:?} said {said:?}");
        assert!(!said.contains("panicked"), "{said}");
        let sentence = said.strip_prefix("iev-export: error: ").unwrap_or_else(|| panic!("{said}"));
        assert_eq!(sentence.trim_end().lines().count(), 1, "one sentence: {said:?}");
        assert_eq!(self.listing(), before, "a refused export leaves nothing behind");
        sentence.trim_end().to_owned()
    }
}

/// `command` under what the shell says first, such as a limit.
pub fn limited(command: &Command, first: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{first}; exec \"$@\""), "sh"]);
    shell.arg(command.get_program()).args(command.get_args());
    shell.env("IEV_FFMPEG", "/nonexistent/ffmpeg").stdin(Stdio::null());
    shell
}

/// Starts the export, and sends the signal once it says that it begins to train.
pub fn interrupt_training(command: &mut Command, signal: &str) -> (ExitStatus, Vec<String>) {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let begins = lines.by_ref().map(Result::unwrap).find(|l| l.starts_with("training will take"));
    assert!(begins.is_some(), "a long training is announced");
    let sent = Command::new("kill").arg(signal).arg(child.id().to_string()).status().unwrap();
    assert!(sent.success());
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    let status = child.wait().unwrap();
    assert!(!status.success(), "an interrupted export fails");
    assert!(!rest.iter().any(|line| line.contains("panicked")), "{rest:?}");
    (status, rest)
}
