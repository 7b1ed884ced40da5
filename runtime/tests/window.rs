//! Window: `iev play` on a display of its own, moved by real key presses and a real mouse, and looked at pixel by pixel.
#![cfg(feature = "window")]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

mod small_stream;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::{Duration, Instant};

use iev_runtime::format::cameras::{Camera, Cameras};
use iev_runtime::picture::rgb::Rgb;
use iev_runtime::{Backend, FrameIndex, Options, Player, Source, ViewId};
use nalgebra::UnitQuaternion;
use small_stream::stream_with_cameras;

/// Longest wait for what a press of a key is to bring.
const PATIENCE: Duration = Duration::from_secs(20);
/// Size of a picture of the sample, and of its window.
const SAMPLE: (usize, usize) = (480, 272);

/// An X server without a screen; ends when dropped.
struct Display {
    server: Child,
    name: String,
    folder: tempfile::TempDir,
}

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Display {
    /// None, and a word about it, where there is no Xvfb or no xdotool.
    fn open() -> Option<Self> {
        runs("xdotool", &["version"])?;
        let folder = tempfile::tempdir().unwrap();
        let mut xvfb = Command::new("Xvfb");
        xvfb.args(["-displayfd", "1", "-screen", "0", "800x600x24", "-nolisten", "tcp", "-fbdir"]);
        xvfb.arg(folder.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = match xvfb.spawn() {
            Ok(server) => server,
            Err(e) => {
                iev_skips::record(&format!("iev play in a window: Xvfb does not run: {e}"));
                return None;
            }
        };
        let mut number = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut number).unwrap();
        Some(Self { server, name: format!(":{}", number.trim()), folder })
    }

    fn xdotool(&self, arguments: &[&str]) -> String {
        let output = Command::new("xdotool").args(arguments).env("DISPLAY", &self.name).output();
        let Output { stdout, .. } = output.unwrap();
        String::from_utf8_lossy(&stdout).trim().to_owned()
    }

    /// Pixels of the screen as the server holds them, in the format of `xwd`: 0x00RRGGBB, rows of 800.
    fn pixels(&self) -> Vec<u32> {
        let dump = fs::read(self.folder.path().join("Xvfb_screen0")).unwrap();
        let word = |at: usize| u32::from_be_bytes(dump[4 * at..][..4].try_into().unwrap()) as usize;
        // Header size, width, height, byte order, bytes per line, colours (XWDFile.h).
        let (header, width, height, order, line, colours) =
            (word(0), word(4), word(5), word(7), word(12), word(19));
        assert_eq!((width, height, order, line), (800, 600, 0, 3200), "one layout of a screen");
        let pixels = &dump[header + 12 * colours..][..line * height];
        pixels.chunks(4).map(|p| u32::from_le_bytes([p[0], p[1], p[2], 0])).collect()
    }
}

/// Whether `program` is here; says so where it is not.
fn runs(program: &str, arguments: &[&str]) -> Option<()> {
    let found = Command::new(program).args(arguments).output();
    if let Err(e) = &found {
        iev_skips::record(&format!("iev play in a window: {program} does not run: {e}"));
    }
    found.ok().map(drop)
}

/// `iev play`, and its window on `display`.
struct Window<'d> {
    display: &'d Display,
    program: Child,
    said: ChildStderr,
    id: String,
}

impl<'d> Window<'d> {
    fn open(display: &'d Display, stream: &Path, arguments: &[&str]) -> Self {
        let mut iev = Command::new(env!("CARGO_BIN_EXE_iev"));
        iev.arg("play").arg(stream).args(arguments).env("DISPLAY", &display.name);
        iev.env_remove("WAYLAND_DISPLAY").stdin(Stdio::null()).stderr(Stdio::piped());
        let mut program = iev.spawn().unwrap();
        let said = program.stderr.take().unwrap();
        let mut window = Self { display, program, said, id: String::new() };
        let name = stream.file_name().unwrap().to_str().unwrap();
        window.wait("a window", |window| {
            window.id = display.xdotool(&["search", "--onlyvisible", "--name", name]);
            !window.id.is_empty()
        });
        display.xdotool(&["windowfocus", "--sync", &window.id]);
        window
    }

    /// Until `there` holds.
    fn wait(&mut self, what: &str, mut there: impl FnMut(&mut Self) -> bool) {
        let started = Instant::now();
        while !there(self) {
            if let Some(status) = self.program.try_wait().unwrap() {
                panic!("waiting for {what}: {status} {}", self.rest());
            }
            let title = self.title();
            assert!(started.elapsed() < PATIENCE, "waiting for {what} in {title:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn title(&self) -> String {
        self.display.xdotool(&["getwindowname", &self.id])
    }

    fn press(&self, key: &str) {
        self.display.xdotool(&["key", key]);
    }

    /// Presses `key` and waits until the title ends with `title`.
    fn press_for(&mut self, key: &str, title: &str) {
        self.press(key);
        self.wait(title, |window| window.title().ends_with(title));
    }

    /// Pauses; the time that is shown.
    fn pause(&mut self) -> u32 {
        self.press("space");
        self.wait("a pause", |window| window.title().contains("paused at "));
        self.title().rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// Its pixels, rows of `width`.
    fn pixels(&self, (width, height): (usize, usize)) -> Vec<u32> {
        let place = self.display.xdotool(&["getwindowgeometry", "--shell", &self.id]);
        let of = |name: &str| {
            let line = place.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.parse::<usize>().unwrap()
        };
        let (left, top) = (of("X="), of("Y="));
        assert_eq!((of("WIDTH="), of("HEIGHT=")), (width, height));
        let screen = self.display.pixels();
        let rows = screen.chunks(800).skip(top).take(height);
        rows.flat_map(|row| &row[left..][..width]).copied().collect()
    }

    /// Waits until it shows `pixels`.
    fn wait_for(&mut self, what: &str, size: (usize, usize), pixels: &[u32]) {
        self.wait(what, |window| window.pixels(size) == pixels);
    }

    fn rest(&mut self) -> String {
        let mut said = String::new();
        self.said.read_to_string(&mut said).unwrap();
        said
    }

    /// How it ended, and what it said.
    fn end(mut self) -> (Option<i32>, String) {
        let status = self.program.wait().unwrap();
        (status.code(), self.rest())
    }
}

impl Drop for Window<'_> {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

fn player(stream: Vec<u8>) -> Player {
    Player::over(Source::from(stream), Options::new(Backend::default().opener())).unwrap()
}

/// What a window of its size shows of a picture.
fn expected(player: &Player, view: ViewId, time: u32) -> Vec<u32> {
    let shown = player.at([view].into_iter().collect(), FrameIndex(time)).unwrap();
    let rgb = Rgb::of(&shown.pictures[0].picture, player.header().colour);
    rgb.pixels.chunks(3).map(|p| u32::from_be_bytes([0, p[0], p[1], p[2]])).collect()
}

fn sample(folder: &tempfile::TempDir) -> PathBuf {
    let path = folder.path().join("sample.iev");
    fs::write(&path, iev_models::SAMPLE).unwrap();
    path
}

/// View 2 is explicit: nothing here needs ONNX Runtime.
#[test]
fn keys_pause_step_change_the_speed_and_close() {
    let Some(display) = Display::open() else { return };
    let folder = tempfile::tempdir().unwrap();
    let player = player(iev_models::SAMPLE.to_vec());
    let mut window = Window::open(&display, &sample(&folder), &["-v", "2"]);
    let at = window.pause();
    let shown = |time| expected(&player, ViewId(2), time % 48);
    window.wait_for("the picture", SAMPLE, &shown(at));
    for (key, time) in [("period", at + 1), ("period", at + 2), ("comma", at + 1)] {
        window.press_for(key, &format!("paused at {}", time % 48));
        window.wait_for(key, SAMPLE, &shown(time));
    }

    // Statistics are written over it, and go again.
    window.press("i");
    let white = |pixels: &[u32]| pixels.iter().filter(|p| **p == 0x00ff_ffff).count();
    let plain = white(&shown(at + 1));
    window.wait("statistics", |window| white(&window.pixels(SAMPLE)) > plain + 500);
    window.press("i");
    window.wait_for("a plain picture", SAMPLE, &shown(at + 1));

    window.press_for("Home", "paused at 0");
    window.wait_for("the start", SAMPLE, &shown(0));
    window.press_for("plus", "view 2, 2x, paused at 0");
    window.press_for("minus", "view 2, paused at 0");
    window.press_for("minus", "view 2, 0.5x, paused at 0");
    window.press_for("space", "view 2, 0.5x");
    window.press("q");
    let (code, said) = window.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("ticks: ") && said.contains(" on time"), "{said}");
}

/// An explicit view for each of three cameras in a row.
#[test]
fn keys_choose_views_and_the_mouse_moves_the_head() {
    let Some(display) = Display::open() else { return };
    let folder = tempfile::tempdir().unwrap();
    let camera =
        |x| Camera::of_numbers([x, 0.0, 0.0], UnitQuaternion::identity(), [40.0; 2], [16.0; 2]);
    let cameras = Cameras { views: [-0.5, 0.0, 0.5].into_iter().filter_map(camera).collect() };
    let stream = folder.path().join("cameras.iev");
    fs::write(&stream, stream_with_cameras(&cameras)).unwrap();
    let mut window = Window::open(&display, &stream, &["-v", "0"]);
    let title = |view: u8| format!("view {view}");
    window.press_for("Right", &title(1));
    window.press_for("Left", &title(0));
    window.press_for("Left", &title(2));
    window.press_for("1", &title(1));
    // No such view.
    window.press("7");

    let id = window.id.clone();
    let mouse = |x: &str, y: &str| drop(display.xdotool(&["mousemove", "--window", &id, x, y]));
    mouse("16", "16");
    display.xdotool(&["mousedown", "1"]);
    // The window is 32 pixels wide, the cameras lie one unit apart: half the width is half a unit.
    mouse("31", "16");
    window.wait("the view to the right", |window| window.title().ends_with(&title(2)));
    mouse("17", "31");
    window.wait("the view in the middle", |window| window.title().ends_with(&title(1)));
    mouse("1", "16");
    window.wait("the view to the left", |window| window.title().ends_with(&title(0)));
    display.xdotool(&["mouseup", "1"]);
    mouse("31", "16");
    let at = window.pause();
    assert!(window.title().contains("view 0, paused"), "{}", window.title());
    assert!(at < 3);
    // The head has left the cameras: what it sees is none of their pictures.
    mouse("16", "16");
    display.xdotool(&["mousedown", "1"]);
    mouse("21", "18");
    display.xdotool(&["mouseup", "1"]);
    let player = player(fs::read(&stream).unwrap());
    let shown = |view| expected(&player, ViewId(view), at);
    let size = (32, 32);
    window.wait("a picture between the cameras", |window| {
        let pixels = window.pixels(size);
        pixels.iter().any(|pixel| *pixel != 0) && (0..3).all(|view| pixels != shown(view))
    });
    // While it stands, a camera's view of the same time comes, as it is.
    window.press_for("2", &format!("view 2, paused at {at}"));
    window.wait_for("the view of a camera", size, &shown(2));
    window.press("Escape");
    assert_eq!(window.end().0, Some(0));
}

#[test]
fn a_stream_played_once_ends_with_its_counts() {
    let Some(display) = Display::open() else { return };
    let folder = tempfile::tempdir().unwrap();
    let window =
        Window::open(&display, &sample(&folder), &["-v", "2", "--once", "--late", "repeat"]);
    let (code, said) = window.end();
    assert_eq!(code, Some(0), "{said}");
    // A time that is late stays for the ticks it takes, but all are shown.
    let counts: Vec<u32> =
        said.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
    let [on_time, late, degraded, _, dropped] = counts[..] else { panic!("{said}") };
    assert_eq!((on_time + late, degraded, dropped), (48, 0, 0), "{said}");
}

#[test]
fn without_a_display_it_is_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let stream = sample(&folder);
    for display in [None, Some(":4711")] {
        let mut iev = Command::new(env!("CARGO_BIN_EXE_iev"));
        iev.arg("play")
            .arg(&stream)
            .args(["-v", "2"])
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY");
        iev.env_remove("WAYLAND_SOCKET").envs(display.map(|name| ("DISPLAY", name)));
        let Output { status, stderr, .. } = iev.output().unwrap();
        let said = String::from_utf8_lossy(&stderr);
        assert_eq!(status.code(), Some(3), "{display:?}: {said}");
        assert!(
            said.starts_with("iev: error: no window opens here: ") && said.contains("mpv -"),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}
