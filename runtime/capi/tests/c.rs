//! C interface: a program in C plays what the player in Rust plays, whatever it does wrong is an error with a sentence,
//! and the address sanitizer finds nothing.
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

mod built;
#[path = "../../tests/small_stream/mod.rs"]
mod small_stream;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use iev_runtime::format::cameras::{Camera, Cameras};
use iev_runtime::picture::packing::Packing;
use iev_runtime::{Backend, Options, Player, Selection, SessionOptions, ViewId, ViewSet};
use nalgebra::UnitQuaternion;

/// The sanitizer that programs are compiled with.
const SANITIZER: &str = "-fsanitize=address";

/// The program in C, with the sanitizer where this machine has it.
struct Program {
    folder: PathBuf,
    path: PathBuf,
}

static PROGRAM: LazyLock<Program> = LazyLock::new(|| {
    // A temporary one would stay behind: nobody drops what is static.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("iev-capi");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir(&folder).unwrap();
    built::install(&folder);
    let source = built::own("tests/c/player_test.c");
    let flags: &[&str] = if sanitizer_runs(&folder) { &[SANITIZER] } else { &[] };
    let path = built::compile(&folder, &source, flags).unwrap();
    std::fs::write(folder.join("sample.iev"), iev_models::SAMPLE).unwrap();
    // A row of three cameras.
    let camera = |x| {
        Camera::of_numbers([x, 0.25, 0.0], UnitQuaternion::identity(), [40.0, 41.0], [16.0, 15.5])
    };
    let cameras = Cameras { views: [-0.5, 0.0, 0.5].into_iter().filter_map(camera).collect() };
    let stream = small_stream::stream_with_cameras(&cameras);
    std::fs::write(folder.join("cameras.iev"), stream).unwrap();
    // Its own environment and threads live as long as the process.
    std::fs::write(folder.join("leaks"), "leak:libonnxruntime\n").unwrap();
    Program { folder, path }
});

/// Whether programs compiled with the sanitizer run here; says so where they do not.
fn sanitizer_runs(folder: &Path) -> bool {
    let source = folder.join("empty.c");
    std::fs::write(&source, "int main(void) { return 0; }\n").unwrap();
    let compiled = built::compile(folder, &source, &[SANITIZER]);
    let why = match compiled.map(|program| Command::new(program).output().unwrap()) {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(words) => words,
    };
    iev_skips::record(&format!("the address sanitizer over the C interface: {}", why.trim()));
    false
}

/// What the program prints.
fn run(arguments: &[&str]) -> String {
    let mut program = Command::new(&PROGRAM.path);
    program.args(arguments).current_dir(&PROGRAM.folder);
    let output =
        program.env("LSAN_OPTIONS", "suppressions=leaks:print_suppressions=0").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {} {said}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// FNV-1a.
fn sum(bytes: &[u8]) -> u64 {
    let add = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, add)
}

/// What `frames` of the program prints, by the player in Rust; with one thread, as there.
fn frames(views: ViewSet) -> String {
    let session = SessionOptions { threads: 1, ..SessionOptions::default() };
    let options = Options::new(Backend::new(None, session).opener());
    let player = Player::open(&PROGRAM.folder.join("sample.iev"), options).unwrap();
    let (mut text, mut packed) = (String::new(), Vec::new());
    for shown in player.play(&Selection::new(views, player.frames())).unwrap() {
        for (id, picture) in shown.unwrap().with_ids() {
            let sums = [Packing::I420, Packing::Nv12, Packing::Rgba].map(|packing| {
                packing.pack(picture, player.header().colour, &mut packed);
                format!("{:016x}", sum(&packed))
            });
            let _ = writeln!(text, "{} {} {}", id.frame.0, id.view.0, sums.join(" "));
        }
    }
    text
}

#[test]
fn explicit_pictures_are_those_of_the_player_in_rust() {
    let rust = frames([ViewId(2)].into_iter().collect());
    assert_eq!(rust.lines().count(), 48);
    assert_eq!(run(&["frames", "sample.iev", "4"]), rust);
    let sums: Vec<_> = rust.lines().map(|l| l.split(' ').collect::<Vec<_>>()).collect();
    let numbered: String = sums.iter().map(|l| format!("{} {}\n", l[0], l[2])).collect();
    assert_eq!(run(&["callbacks", "sample.iev"]), numbered);
}

#[test]
fn implicit_pictures_are_those_of_the_player_in_rust() {
    if iev_skips::fetched("ONNX Runtime", Backend::default().library()).is_some() {
        let rust = frames([ViewId(1), ViewId(2)].into_iter().collect());
        assert_eq!(run(&["frames", "sample.iev", "6"]), rust);
    }
}

#[test]
fn the_header_says_what_the_stream_is() {
    assert_eq!(run(&["header", "sample.iev"]), HEADER);
    assert!(run(&["header", "cameras.iev"]).ends_with(" 1\n"), "it has cameras");
}

/// Size, rate, frames, views, implicit ones, aspect, chroma, colour, cameras.
const HEADER: &str = "480x272 24/1 48 5 1b 0:0 -1 2,2,2,0 0\n";

#[test]
fn whatever_is_done_wrong_is_an_error_with_a_sentence() {
    run(&["errors", "sample.iev"]);
}

#[test]
fn seeks_and_repeats_come_in_order() {
    run(&["seeks", "sample.iev"]);
}

#[test]
fn two_players_play_at_a_time_while_heads_turn() {
    run(&["threads", "sample.iev"]);
}

#[test]
fn pictures_are_rendered_at_any_pose() {
    run(&["renders", "cameras.iev"]);
}

#[test]
fn poses_show_the_nearest_views() {
    run(&["poses", "cameras.iev"]);
}
