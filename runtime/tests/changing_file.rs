//! Changing file: a stream that is truncated or rewritten under the player is an error in its turn,
//! never a signal and never a picture that was not coded.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

mod small_stream;

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use iev_runtime::Size;
use iev_runtime::format::views::ViewSet;
use iev_runtime::play::options::Options;
use iev_runtime::play::player::{Player, Selection};
use small_stream::explicit_stream;

/// A picture fills the pipe's buffer, so that the program cannot run far ahead of its reader.
const SIZE: Size = Size { width_px: 256, height_px: 256 };
/// Several times as many as the stages of a player hold when their reader waits.
const GOPS: u32 = 64;

/// Overwrites the file without making a new one.
fn rewrite(path: &Path, bytes: &[u8]) {
    OpenOptions::new().write(true).open(path).unwrap().write_all(bytes).unwrap();
}

/// What the program printed and said when `change` hit the file after the first picture.
fn decode_while(path: &Path, change: impl FnOnce(&Path)) -> (Vec<u8>, Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_iev"));
    command.arg("decode").arg(path).args(["-q", "--muxer", "yuv", "-o", "-"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut pictures = vec![0; SIZE.i420_bytes()];
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut pictures).unwrap();
    change(path);
    stdout.read_to_end(&mut pictures).unwrap();
    let output = child.wait_with_output().unwrap();
    (pictures, output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_file_that_changes_while_it_plays_is_an_error_behind_the_good_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.iev");
    let good = explicit_stream(SIZE, GOPS, 1);
    std::fs::write(&path, &good).unwrap();
    let (whole, code, said) = decode_while(&path, |_| {});
    assert_eq!((whole.len(), code), (GOPS as usize * SIZE.i420_bytes(), Some(0)), "{said}");

    let wider = explicit_stream(Size { width_px: 272, height_px: 256 }, GOPS, 1);
    type Change<'a> = &'a dyn Fn(&Path);
    let changes: [(&str, Change); 4] = [
        ("cut off", &|path| File::options().write(true).open(path).unwrap().set_len(9).unwrap()),
        ("emptied", &|path| drop(File::create(path).unwrap())),
        ("zeroed", &|path| rewrite(path, &vec![0; good.len()])),
        ("replaced", &|path| rewrite(path, &wider)),
    ];
    for (name, change) in changes {
        std::fs::write(&path, &good).unwrap();
        let (pictures, code, said) = decode_while(&path, change);
        assert_eq!(
            code,
            Some(1),
            "{name}: a clean exit with the stream's code, not a signal: {said}"
        );
        assert!(
            said.contains(": cut off: ")
                || said.contains(": checksum of ")
                || said.contains("breaks the rule"),
            "{name}: {said}"
        );
        assert!(pictures.len() < whole.len() && whole.starts_with(&pictures), "{name}");
        assert_eq!(pictures.len() % SIZE.i420_bytes(), 0, "{name}: whole pictures");
    }
}

#[test]
fn a_file_rewritten_between_opening_and_playing_shows_no_picture() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.iev");
    std::fs::write(&path, explicit_stream(SIZE, 2, 1)).unwrap();
    let player = Player::open(&path, Options::new(Arc::new(|_, _, _| unreachable!()))).unwrap();
    let other = explicit_stream(Size { width_px: 64, height_px: 64 }, 2, 1);
    std::fs::write(&path, other).unwrap();
    let all = Selection::new(ViewSet::all(player.header()), player.frames());
    let mut played = player.play(&all).unwrap();
    assert!(played.next().is_some_and(|shown| shown.is_err_and(|e| e.is_of_the_stream())));
    assert!(played.next().is_none());
}
