//! The examples do what they say, over the sample.
#![cfg(feature = "player")]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]
#![allow(dead_code, reason = "each example has a main of its own, which is not called here")]

#[path = "../examples/decode_to_y4m.rs"]
mod decode_to_y4m;
#[path = "../examples/play_paced.rs"]
mod play_paced;
#[path = "../examples/read_index.rs"]
mod read_index;
#[path = "../examples/stream_in_a_bundle.rs"]
mod stream_in_a_bundle;
#[path = "../examples/switch_views.rs"]
mod switch_views;

use std::time::Duration;

use iev_runtime::format::reader::SliceSource;
use iev_runtime::format::table::Kind;
use iev_runtime::{Backend, FrameIndex, Late, Options, Player, Source, ViewId};

/// The explicit view of the sample, which needs no ONNX Runtime.
const EXPLICIT: ViewId = ViewId(2);

fn player(backend: &Backend) -> Player {
    let stream = Source::from(iev_models::SAMPLE.to_vec());
    Player::over(stream, Options::new(backend.opener())).unwrap()
}

#[test]
fn a_view_becomes_a_file_of_its_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let [stream, file] = ["sample.iev", "view.y4m"].map(|name| folder.path().join(name));
    std::fs::write(&stream, iev_models::SAMPLE).unwrap();
    assert_eq!(decode_to_y4m::decode(&stream, EXPLICIT, &file).unwrap(), 48);
    let y4m = std::fs::read(&file).unwrap();
    let line = y4m.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    assert!(y4m.starts_with(b"YUV4MPEG2 W480 H272 F24:1 "));
    assert_eq!(y4m.len() - line, 48 * ("FRAME\n".len() + 480 * 272 * 3 / 2));
}

#[test]
fn every_picture_is_shown_by_the_clock() {
    let mut frames = Vec::new();
    let period = Duration::from_millis(4);
    let show = |shown: &iev_runtime::ShownFrame| frames.push(shown.frame.0);
    let player = player(&Backend::default());
    let counts = play_paced::play(&player, EXPLICIT, Late::Repeat, period, show).unwrap();
    // A picture that stays for a second tick is displayed twice.
    frames.dedup();
    assert_eq!(frames, Vec::from_iter(player.frames()));
    assert_eq!(counts.on_time + counts.late, 48);
}

#[test]
fn the_views_follow_the_head() {
    let backend = Backend::default();
    if iev_skips::fetched("ONNX Runtime", backend.library()).is_none() {
        return;
    }
    let seen = switch_views::walk(&player(&backend)).unwrap();
    assert_eq!(seen.len(), 48);
    let starts: Vec<_> = seen.iter().map(|(_, views)| views.iter().next().unwrap().0).collect();
    let mut order = starts.clone();
    order.dedup();
    assert_eq!(order, [0, 1, 2, 3, 0, 1], "{starts:?}");
}

#[test]
fn a_stream_in_the_middle_of_a_file_plays_and_a_wrong_place_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle.bin");
    let bytes = iev_models::SAMPLE.len() as u64;
    std::fs::write(&path, [&[7; 100], iev_models::SAMPLE, &[9; 100]].concat()).unwrap();
    let bundled = |start, bytes| {
        let file = std::fs::File::open(&path).unwrap();
        stream_in_a_bundle::open(stream_in_a_bundle::Bundled { file, start, bytes })
    };
    let views = [EXPLICIT].into_iter().collect();
    let from_bundle = bundled(100, bytes).unwrap().at(views, FrameIndex(30)).unwrap();
    let from_memory = player(&Backend::default()).at(views, FrameIndex(30)).unwrap();
    assert_eq!(*from_bundle.pictures[0].picture, *from_memory.pictures[0].picture);
    assert!(bundled(101, bytes).err().unwrap().to_string().contains("is no IEV stream"));
    assert!(bundled(100, bytes - 1).err().unwrap().to_string().contains("cut off"));
}

#[test]
fn the_index_is_read_without_a_player() {
    let (header, sections) = read_index::index(SliceSource::new(iev_models::SAMPLE)).unwrap();
    assert_eq!((header.views.len(), header.frames), (5, 48));
    let kinds: Vec<_> = sections.iter().map(|section| section.kind).collect();
    assert!(kinds.contains(&Kind::Network) && kinds.contains(&Kind::Anchor), "{kinds:?}");
    let damaged = &iev_models::SAMPLE[..200];
    assert!(read_index::index(SliceSource::new(damaged)).is_err());
}

#[test]
fn the_readme_shows_the_guides_first_program() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file| std::fs::read_to_string(root.join(file)).unwrap();
    let (readme, guide) = (read("../README.md"), read("src/lib.rs"));
    let between = |text: &str, start: &str| {
        let (_, after) = text.split_once(start).unwrap();
        after.split_once("```").unwrap().0.to_owned()
    };
    let guide = between(&guide, "//! ```\n");
    let guide = guide.lines().map(|line| line.trim_start_matches("//!"));
    let guide: Vec<_> = guide.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    let shown = between(&readme, "```rust\n");
    assert_eq!(shown.trim_end(), guide.join("\n").trim_end());
}
