//! Growing: a stream plays while its end is still to come, and one whose end never comes is an error in its turn.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

mod small_stream;

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use iev_runtime::format::views::ViewSet;
use iev_runtime::play::player::{Player, Selection};
use iev_runtime::{Error, Result, Size, Source};
use small_stream::{explicit_stream, options};
use tempfile::TempDir;

const SIZE: Size = Size { width_px: 64, height_px: 64 };
const GOPS: u32 = 12;
const FRAMES: u32 = 2;

/// Longer than any test runs: nothing here is to wait for that.
const FOREVER: Duration = Duration::from_secs(100_000);

/// Waits for no bytes but those that are there.
const NOT_AT_ALL: Duration = Duration::ZERO;

fn player(path: &Path, patience: Duration) -> Result<Player> {
    Player::over(Source::growing(path, patience).unwrap(), options(None))
}

fn all(player: &Player) -> Selection {
    Selection::new(ViewSet::all(player.header()), player.frames())
}

/// A folder, the place of a file in it, and the stream that the file is to have.
fn desk() -> (TempDir, PathBuf, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.iev");
    (folder, path, explicit_stream(SIZE, GOPS, FRAMES))
}

/// Writes half of `bytes` to a file, and some more whenever it is told to go on: the other half of a stream as half of its
/// pictures are.
fn download(path: &Path, bytes: Vec<u8>) -> (Sender<()>, JoinHandle<()>) {
    let mut file = File::create(path).unwrap();
    let (go_on, told) = channel();
    let writer = thread::spawn(move || {
        let (start, rest) = bytes.split_at(bytes.len() / 2);
        file.write_all(start).unwrap();
        for piece in rest.chunks(rest.len().div_ceil((GOPS * FRAMES / 2) as usize)) {
            if told.recv().is_err() {
                return;
            }
            file.write_all(piece).unwrap();
        }
    });
    (go_on, writer)
}

#[test]
fn pictures_come_before_the_rest_of_the_file_does() {
    let (_folder, path, bytes) = desk();
    let (go_on, writer) = download(&path, bytes);
    let player = player(&path, FOREVER).unwrap();
    let mut frames = 0;
    for shown in player.play(&all(&player)).unwrap() {
        shown.unwrap();
        frames += 1;
        // Nothing more comes before a picture is there. The writer is through before the player is.
        let _ = go_on.send(());
    }
    assert_eq!(frames, GOPS * FRAMES);
    writer.join().unwrap();
}

#[test]
fn an_end_that_never_comes_is_an_error_behind_the_pictures_that_came() {
    let (_folder, path, bytes) = desk();
    let most = bytes.len() * 3 / 4;
    std::fs::write(&path, &bytes[..most]).unwrap();
    let played = player(&path, NOT_AT_ALL).unwrap();
    let mut playback = played.play(&all(&played)).unwrap();
    let good = playback.by_ref().map_while(Result::ok).count();
    assert!((1..(GOPS * FRAMES) as usize).contains(&good), "{good}");
    let mut playback = played.play(&all(&played)).unwrap();
    let error = playback.find_map(Result::err).unwrap();
    assert!(matches!(error, Error::Storage { .. }), "{error}");
    let said = error.to_string();
    let words = format!("{most} of {} bytes came, then none for 0ns", bytes.len());
    assert!(said.ends_with(&words), "{said}");

    // Not even the table, and what is no stream at all.
    std::fs::write(&path, &bytes[..60]).unwrap();
    let said = player(&path, NOT_AT_ALL).err().unwrap().to_string();
    assert!(said.contains("60 of"), "{said}");
    std::fs::write(&path, "anything but a stream, and long enough for that").unwrap();
    let said = player(&path, FOREVER).err().unwrap().to_string();
    assert!(said.starts_with("is no IEV stream"), "{said}");
}

#[test]
fn who_leaves_waits_for_nothing() {
    let (_folder, path, bytes) = desk();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let player = player(&path, FOREVER).unwrap();
    let [mut one, mut other] = [(); 2].map(|()| player.play(&all(&player)).unwrap());
    assert!(one.next().unwrap().is_ok());
    // Both readers wait for what is missing before long. One that leaves takes nothing from the other.
    drop(one);
    assert!(other.next().unwrap().is_ok());
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(1 + other.map(Result::unwrap).count(), (GOPS * FRAMES) as usize);
}

#[test]
fn the_program_follows_a_file_that_grows() {
    let (_folder, path, bytes) = desk();
    let mut iev = Command::new(env!("CARGO_BIN_EXE_iev"));
    iev.arg("decode").arg(&path).args(["--follow=1000", "-q", "--muxer", "yuv", "-o", "-"]);
    iev.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (go_on, writer) = download(&path, bytes);
    let mut iev = iev.spawn().unwrap();
    let (mut picture, mut stdout) = (vec![0; SIZE.i420_bytes()], iev.stdout.take().unwrap());
    for _ in 0..GOPS * FRAMES {
        stdout.read_exact(&mut picture).unwrap();
        let _ = go_on.send(());
    }
    writer.join().unwrap();
    let output = iev.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}");
}
