//! Memory: a stream holds no more than was counted for it before it was played.
#![cfg(all(feature = "player", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

mod process_memory;
mod small_stream;

use std::path::Path;

use iev_runtime::format::views::ViewSet;
use iev_runtime::network::backend::Backend;
use iev_runtime::network::session::SessionOptions;
use iev_runtime::play::memory::playing_bytes;
use iev_runtime::play::options::Options;
use iev_runtime::play::player::{Player, Selection};
use process_memory::status;

#[test]
fn playing_the_sample_holds_no_more_than_counted() {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../models/sample.iev"));
    let backend = Backend::new(None, SessionOptions { threads: 1, ..SessionOptions::default() });
    let options = Options { painters: 2, queue: 1, ..Options::new(backend.opener()) };
    let player = Player::open(path, options.clone()).unwrap();
    let counted = playing_bytes(player.header(), player.index().largest(), &options);
    // The program and ONNX Runtime themselves come on top: they are there once a small stream has played.
    let small = Player::over(small_stream::small_stream().into(), options.clone()).unwrap();
    let everything = Selection::new(ViewSet::all(small.header()), small.frames());
    assert!(small.play(&everything).unwrap().all(|shown| shown.is_ok()));
    drop(small);
    let before = status("VmRSS");
    let selection = Selection::new(ViewSet::all(player.header()), player.frames());
    assert!(player.play(&selection).unwrap().all(|shown| shown.is_ok()));
    let held = status("VmHWM").saturating_sub(before);
    println!("held {} MiB, counted {} MiB", held >> 20, counted >> 20);
    assert!(held <= counted, "held {held} bytes, counted {counted}");
    assert!(counted <= 4 * held, "held {held} bytes, counted as many as {counted}");

    // With one painter, for of two it would give up one.
    let mut poor = Options { painters: 1, ..options };
    let least = playing_bytes(player.header(), player.index().largest(), &poor);
    poor.limits.memory_bytes = least - 1;
    let refusal = Player::open(path, poor).err().unwrap().to_string();
    assert!(refusal.contains("memory in bytes"), "{refusal}");
}
