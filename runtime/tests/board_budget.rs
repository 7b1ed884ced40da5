//! Budgets: the tables of boards/README.md are what the layer table and the memory count say.
#![cfg(feature = "player")]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

mod small_stream;

use std::fmt::Write;

use iev_runtime::board::{BUILT_IN, Board};
use iev_runtime::format::header::{Header, Role, Second};
use iev_runtime::network::backend::Backend;
use iev_runtime::play::memory::fit;
use iev_runtime::play::options::Options;
use iev_runtime::play::player::Player;
use iev_runtime::profile::{PROFILES, Profile};
use iev_runtime::stream::source::Source;
use iev_runtime::{Size, ViewId};
use small_stream::stream_of;

/// Implicit views at this rate.
const VIEWS: f64 = 4.0;
const RATE_HZ: f64 = 30.0;
const F32_BYTES: f64 = 4.0;
const LARGE: Size = Size { width_px: 1920, height_px: 1088 };
/// The most that the exporter makes.
const GOP_FRAMES: u32 = 256;
const SMALL: Size = Size { width_px: 1280, height_px: 720 };

fn pictures_px_per_s(size: Size) -> f64 {
    f64::from(size.width_px) * f64::from(size.height_px) * VIEWS * RATE_HZ
}

/// A row per profile and size: what the network computes and moves.
fn work() -> String {
    let mut rows = String::new();
    for profile in &PROFILES {
        for size in [SMALL, LARGE] {
            let px = pictures_px_per_s(size);
            let moved = profile.layers().iter().fold(0.0, |sum, layer| {
                sum + (layer.inputs + layer.outputs) as f64 / (layer.scale * layer.scale) as f64
            });
            let (name, Size { width_px, height_px }) = (profile.name, size);
            let (mac, bytes) = (profile.mac_per_px() * px / 1e9, moved * F32_BYTES * px / 1e9);
            writeln!(rows, "| `{name}` {width_px}×{height_px} | {mac:.0} | {bytes:.1} | |")
                .unwrap();
        }
    }
    rows
}

fn header(profile: &Profile, of: &Header) -> Header {
    let implicit = Role::Implicit { anchor: ViewId(0), second: Second::Key };
    let views = std::iter::once(Role::Explicit).chain([implicit; VIEWS as usize]).collect();
    Header { size: LARGE, views, profile: profile.name.try_into().unwrap(), ..of.clone() }
}

/// A row per board: memory of a large stream of each profile.
fn memory() -> String {
    let options = Options::new(Backend::new(None, Default::default()).opener());
    let player = Player::over(Source::from(stream_of(GOP_FRAMES)), options.clone()).unwrap();
    let mut rows = String::new();
    for (name, _) in BUILT_IN {
        let board = Board::find(name).unwrap();
        let mut options = options.clone();
        board.apply(&mut options);
        write!(rows, "| `{name}` |").unwrap();
        for profile in &PROFILES {
            let header = header(profile, player.header());
            let mut options = options.clone();
            let mib = fit(&header, player.index().largest(), &mut options).unwrap() >> 20;
            let batch = options.batch;
            match batch < board.player.batch_views {
                true => write!(rows, " {mib}, batch {batch} |").unwrap(),
                false => write!(rows, " {mib} |").unwrap(),
            }
        }
        writeln!(rows, " {} | | | |", board.limits.memory_mib).unwrap();
    }
    rows
}

#[test]
fn the_tables_are_what_the_code_counts() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../boards/README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    for rows in [work(), memory()] {
        assert!(readme.contains(&rows), "boards/README.md should have\n{rows}");
    }
}

#[test]
fn every_profile_opens_on_every_board_at_its_largest_picture() {
    let options = Options::new(Backend::new(None, Default::default()).opener());
    let player = Player::over(Source::from(stream_of(GOP_FRAMES)), options.clone()).unwrap();
    let sizes = [(1920, 1088), (2560, 1440), (4096, 2304)];
    let sizes = sizes.map(|(width_px, height_px)| Size { width_px, height_px });
    for (name, _) in BUILT_IN {
        let board = Board::find(name).unwrap();
        let limits = board.limits();
        assert!(u64::from(GOP_FRAMES) <= limits.gop_frames, "{name}: a default GOP");
        let fits = |size: &&Size| (size.width() * size.height()) as u64 <= limits.picture_px;
        let largest = *sizes.iter().rfind(fits).unwrap();
        for profile in &PROFILES {
            let header = Header { size: largest, ..header(profile, player.header()) };
            limits.check_header(&header).unwrap();
            let mut options = options.clone();
            board.apply(&mut options);
            let bytes = fit(&header, player.index().largest(), &mut options);
            let bytes = bytes.unwrap_or_else(|e| panic!("{name}, {}: {e}", profile.name));
            assert!(bytes <= limits.memory_bytes && options.batch > 0 && options.painters > 0);
        }
    }
}

#[test]
fn what_is_too_much_for_one_view_at_a_time_is_refused() {
    let options = Options::new(Backend::new(None, Default::default()).opener());
    let player = Player::over(Source::from(stream_of(GOP_FRAMES)), options.clone()).unwrap();
    let header = header(&PROFILES[0], player.header());
    let mut least = Options { batch: 1, ..options.clone() };
    let bytes = fit(&header, player.index().largest(), &mut least).unwrap();
    for (memory_bytes, opens) in [(bytes, true), (bytes - 1, false)] {
        let mut options = Options { batch: 8, painters: 3, ..options.clone() };
        options.limits.memory_bytes = memory_bytes;
        let fitted = fit(&header, player.index().largest(), &mut options);
        assert_eq!((fitted.is_ok(), options.batch, options.painters), (opens, 1, 1));
    }
}
