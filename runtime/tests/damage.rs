//! Damage: every truncation and every flipped bit of a small stream is an error or pictures, never a
//! panic, never a long wait and never memory beyond what the stream's own size asks for.
#![cfg(feature = "player")]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

mod small_stream;

use std::time::{Duration, Instant};

use iev_runtime::Result;
use iev_runtime::format::views::ViewSet;
use iev_runtime::play::player::{Player, Selection};
use small_stream::{FRAMES, options, right_checksums, small_stream};

/// Longest decode of one damaged stream, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most memory over the good stream's; a picture has 1.5 kB, and openh264's own buffers 2 MB.
const MEMORY_KIB: u64 = 64 << 10;

/// Pictures of the stream, all of the header's size.
fn decode(bytes: Vec<u8>) -> Result<usize> {
    let started = Instant::now();
    let player = Player::over(bytes.into(), options(None))?;
    let all = Selection::new(
        ViewSet::all(player.header()),
        player.frames().start..FRAMES.min(player.frames().end),
    );
    let mut pictures = 0;
    for shown in player.decode_serial(&all)? {
        let shown = shown?;
        assert!(shown.with_ids().all(|(_, p)| p.size() == player.header().size));
        pictures += shown.pictures.len();
    }
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    Ok(pictures)
}

/// Most memory this process has held, where the system tells.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    line.and_then(|l| l.trim().strip_suffix(" kB")?.trim().parse().ok()).unwrap_or(0)
}

#[test]
fn every_truncation_and_every_flipped_bit_is_an_error_or_pictures() {
    let good = small_stream();
    assert_eq!(decode(good.clone()).unwrap(), 2 * FRAMES as usize);
    let before = peak_kib();
    for length in 0..good.len() {
        assert!(decode(good[..length].to_vec()).is_err(), "cut to {length} bytes");
    }
    let (mut refused, mut shown) = (0, 0);
    for (at, bit) in (0..good.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << bit;
        assert!(decode(bytes.clone()).is_err(), "bit {bit} of byte {at} passes its checksum");
        // The magic and the lengths before byte 16 place the checksums themselves.
        if at >= 16 {
            right_checksums(&mut bytes);
            let decoded = decode(bytes);
            refused += usize::from(decoded.is_err());
            shown += usize::from(decoded.is_ok());
        }
    }
    eprintln!("behind right checksums: {refused} refused, {shown} shown");
    assert!(refused > 0 && shown > 0, "the rules are reached and damage behind them is survived");
    let grown = peak_kib() - before;
    assert!(grown < MEMORY_KIB, "{grown} KiB more than the good stream");
}
