//! AV1 in a stream: one view, views that take turns, backgrounds and a GOP of both codecs play to the pictures
//! of the coded stream, in any order, pipelined or not, in the sandbox or not; damage is an error or pictures.
//!
//! The pictures are those of `av1/room.obu`. After a change of the format:
//! `cargo test -p iev-runtime --test av1_stream record -- --ignored` wrote `tests/vectors/version_1_4.iev` when that was the
//! version.
#![cfg(feature = "player")]
#![allow(clippy::unwrap_used, reason = "test code: a failure is the answer")]

mod small_stream;

use iev_runtime::anchor::av1::obu;
use iev_runtime::format::anchor::{Codec, Key};
use iev_runtime::format::av1::write_av1;
use iev_runtime::format::header::{Colour, Header, Role, Sampling};
use iev_runtime::format::limits::Limits;
use iev_runtime::format::reader::StreamReader;
use iev_runtime::format::table::Kind;
use iev_runtime::format::views::ViewSet;
use iev_runtime::format::writer::{Section, write_stream};
use iev_runtime::play::memory::playing_bytes;
use iev_runtime::play::options::Options;
use iev_runtime::play::player::{Player, Selection};
use iev_runtime::play::shown::ShownFrame;
use iev_runtime::sink::Digest;
use iev_runtime::stream::source::Source;
use iev_runtime::{FrameIndex, Result, Size, ViewId};
use small_stream::{explicit_stream, options, right_checksums};

const SIZE: Size = Size { width_px: 79, height_px: 47 };
/// Two views take turns in a GOP of five frames; in the next view 1 has a background of its own and view 0 one as well.
const VECTOR: &[u8] = include_bytes!("../../tests/vectors/version_1_4.iev");

/// What a section holds: its views, its keys, and how many of the ten units.
type Layout<'a> = (&'a [u8], &'a [(u8, u16)]);

/// A stream of explicit views of SIZE, with a GOP per list of sections.
fn stream(gops: &[(u32, &[Layout<'_>])]) -> Vec<u8> {
    let units = obu::temporal_units(include_bytes!("av1/room.obu")).unwrap();
    let mut bodies = Vec::new();
    let mut first = 0;
    let mut views = 0;
    for (frames, sections) in gops {
        for (of, keys) in *sections {
            let of: Vec<_> = of.iter().map(|view| ViewId(*view)).collect();
            let keys: Vec<_> = keys
                .iter()
                .map(|(view, frame)| Key { view: ViewId(*view), frame: *frame })
                .collect();
            let pictures = of.len() * *frames as usize + keys.len();
            let mut body = Vec::new();
            write_av1(&mut body, &of, &keys, units[..pictures].iter().map(Vec::as_slice));
            views = of.iter().map(|view| view.0 + 1).chain([views]).max().unwrap();
            bodies.push((of[0], first, *frames, body));
        }
        first += frames;
    }
    let header = Header {
        profile: "".try_into().unwrap(),
        template_sha256: [0; 32],
        size: SIZE,
        rate: (25, 1),
        frames: first,
        colour: Colour::BT709,
        sampling: Sampling::UNSPECIFIED,
        views: (0..views).map(|_| Role::Explicit).collect(),
    };
    let sections = bodies.iter().map(|(view, first_frame, frames, body)| Section {
        kind: Kind::Av1,
        view: *view,
        scene: 0,
        first_frame: *first_frame,
        frames: *frames,
        body,
    });
    let mut sink = Vec::new();
    write_stream(&mut sink, &header, &sections.collect::<Vec<_>>()).unwrap();
    sink
}

fn vector() -> Vec<u8> {
    let backgrounds: [Layout<'_>; 2] = [(&[1], &[(1, 0)]), (&[0], &[(0, 0), (0, 4)])];
    stream(&[(5, &[(&[0, 1], &[])]), (8, &backgrounds)])
}

fn open(bytes: &[u8], options: Options) -> Result<Player> {
    Player::over(bytes.to_vec().into(), options)
}

fn selection(player: &Player, views: &[u8]) -> Selection {
    Selection::new(views.iter().map(|view| ViewId(*view)).collect(), player.frames())
}

/// All pictures, views of a frame in ascending order.
fn pictures(shown: impl Iterator<Item = Result<ShownFrame>>) -> Vec<Vec<u8>> {
    let views = shown.flat_map(|shown| shown.unwrap().pictures);
    views.map(|view| view.picture.i420().to_vec()).collect()
}

/// The ten pictures of the coded stream, as a stream of one view shows them.
fn ten() -> Vec<Vec<u8>> {
    let player = open(&stream(&[(10, &[(&[0], &[])])]), options(None)).unwrap();
    pictures(player.decode_serial(&selection(&player, &[0])).unwrap())
}

#[test]
fn one_view_shows_the_pictures_of_the_coded_stream() {
    let mut digest = Digest::default();
    let player = open(&stream(&[(10, &[(&[0], &[])])]), options(None)).unwrap();
    for shown in player.play(&selection(&player, &[0])).unwrap() {
        digest.put(&shown.unwrap().pictures[0].picture);
    }
    assert_eq!(digest.hex(), "eecf0bdfd16579f41f20a8ff22bca269", "as in av1.rs");
}

#[test]
fn views_take_turns_and_each_plays_alone() {
    let (ten, bytes) = (ten(), stream(&[(5, &[(&[1, 0], &[])])]));
    let player = open(&bytes, options(None)).unwrap();
    let alone = |view| pictures(player.play(&selection(&player, &[view])).unwrap());
    let every_other = |from| ten[from..].iter().step_by(2).cloned().collect::<Vec<_>>();
    assert!(alone(1) == every_other(0), "view 1 comes first");
    assert!(alone(0) == every_other(1));
    let both = pictures(player.play(&selection(&player, &[0, 1])).unwrap());
    let in_turn: Vec<_> =
        ten.chunks(2).flat_map(|pair| [pair[1].clone(), pair[0].clone()]).collect();
    assert!(both == in_turn, "views of a frame ascend");
}

#[test]
fn backgrounds_are_not_shown() {
    let (ten, bytes) = (ten(), stream(&[(7, &[(&[0], &[(0, 0), (0, 3), (0, 3)])])]));
    let player = open(&bytes, options(None)).unwrap();
    let shown = pictures(player.play(&selection(&player, &[0])).unwrap());
    let expected: Vec<_> = [1, 2, 3, 6, 7, 8, 9].iter().map(|i| ten[*i].clone()).collect();
    assert!(shown == expected);
}

#[test]
fn the_vector_is_what_the_writer_writes_and_plays_the_same_in_every_way() {
    // Behind the preamble, which names the version: the vector stays that of the first with AV1.
    let written = vector();
    assert!(
        written.len() == VECTOR.len() && written[28..] == VECTOR[28..],
        "a stream without what is newer stays as it was"
    );
    let player = open(VECTOR, options(None)).unwrap();
    let all = selection(&player, &[0, 1]);
    let mut digest = Digest::default();
    for shown in player.decode_serial(&all).unwrap() {
        shown.unwrap().pictures.iter().for_each(|view| digest.put(&view.picture));
    }
    assert_eq!(digest.hex(), "94f66e724a33293e5e6585532ed9b316");
    let sequential = pictures(player.decode_serial(&all).unwrap());
    assert!(sequential == pictures(player.play(&all).unwrap()), "pipelined");
    for frame in [12, 0, 5, 4, 8] {
        let views: ViewSet = [ViewId(0), ViewId(1)].into_iter().collect();
        let shown = pictures([player.at(views, FrameIndex(frame))].into_iter());
        assert!(shown == sequential[2 * frame as usize..][..2], "frame {frame}");
    }
}

#[test]
fn views_switch_inside_a_section() {
    let player = open(VECTOR, options(None)).unwrap();
    let both = pictures(player.decode_serial(&selection(&player, &[0, 1])).unwrap());
    let mut wanted = selection(&player, &[0]);
    wanted.reachable = ViewSet::all(player.header());
    let mut playback = player.play(&wanted).unwrap();
    let mut seen = Vec::new();
    for frame in 0.. {
        let Some(shown) = playback.next() else { break };
        let view = shown.unwrap().pictures[0].clone();
        assert!(
            *view.picture.i420() == both[2 * frame + usize::from(view.view.0)],
            "frame {frame}"
        );
        seen.push(view.view.0);
        playback.show([ViewId(1 - view.view.0)].into_iter().collect()).unwrap();
    }
    assert_eq!(seen.len(), 13);
    assert!(seen.contains(&0) && seen.contains(&1), "{seen:?}");
}

#[test]
fn what_breaks_a_rule_of_the_section_is_named() {
    let refused = |bytes: &[u8]| match open(bytes, options(None)) {
        Err(error) => error.to_string(),
        Ok(player) => {
            let all = Selection::new(ViewSet::all(player.header()), player.frames());
            let error = player.decode_serial(&all).unwrap().find_map(Result::err);
            error.expect("a broken rule").to_string()
        }
    };
    let rows: [(u32, &[Layout<'_>], &str); 3] = [
        (5, &[(&[0, 1], &[]), (&[1], &[])], "a view is in one section of a GOP"),
        (5, &[(&[1], &[])], "an anchor section per explicit view"),
        (4, &[(&[0], &[(1, 0)]), (&[1], &[])], "a section's own view or one that warps it"),
    ];
    for (frames, sections, rule) in rows {
        let said = refused(&stream(&[(frames, sections)]));
        assert!(said.contains(rule), "{rule}: {said}");
    }
    let good = stream(&[(10, &[(&[0], &[])])]);
    let mut older = good.clone();
    older[9] = 3;
    right_checksums(&mut older);
    assert!(refused(&older).contains("version 1.4 or later"), "{}", refused(&older));
    let reader = StreamReader::open(Source::from(good.clone()), &Limits::DEFAULT).unwrap();
    let body = reader.index_bytes() as usize;
    let mut named_twice = good.clone();
    named_twice[body + 1] = 1;
    right_checksums(&mut named_twice);
    assert!(refused(&named_twice).contains("that of its entry"), "{}", refused(&named_twice));
}

#[test]
fn a_later_gop_has_as_many_keys_as_memory_is_left_for() {
    let generous = open(VECTOR, options(None)).unwrap();
    let least = playing_bytes(generous.header(), generous.index().largest(), generous.options());
    let played = |memory_bytes| -> Result<usize> {
        let limits = Limits { memory_bytes, ..Limits::DEFAULT };
        let player = open(VECTOR, Options { limits, ..options(None) })?;
        let all = selection(&player, &[0, 1]);
        let shown: Result<Vec<_>> = player.play(&all)?.collect();
        Ok(shown?.len())
    };
    // The first GOP has none, the second three, which four GOPs under way may hold.
    let keys = 4 * 3 * (80 * 48 * 3 / 2);
    assert_eq!(played(least + keys).unwrap(), 13);
    for (more, allowed) in [(keys - 1, 2), (0, 0)] {
        let said = played(least + more).unwrap_err().to_string();
        let limit = format!("key pictures of a GOP needs 3, limit is {allowed}");
        assert_eq!(said, limit);
    }
    assert!(played(least - 1).unwrap_err().to_string().starts_with("memory in bytes"));
}

#[test]
fn a_codec_that_is_not_listed_is_refused_by_name() {
    let only = |codec| Options { codecs: vec![codec], ..options(None) };
    let said = |bytes: &[u8], codec| open(bytes, only(codec)).err().map(|e| e.to_string());
    assert!(said(VECTOR, Codec::H264).unwrap().contains("AV1, which the board's"));
    assert_eq!(said(VECTOR, Codec::Av1), None);
    let h264 = explicit_stream(small_stream::SIZE, 1, 2);
    assert!(said(&h264, Codec::Av1).unwrap().contains("H.264, which the board's"));
}

#[cfg(target_os = "linux")]
#[test]
fn in_the_sandbox_pictures_are_the_same_and_damage_is_an_error_or_pictures() {
    use iev_runtime::anchor::sandbox::Sandbox;
    let sandboxed = || {
        let sandbox = Sandbox::new(env!("CARGO_BIN_EXE_iev").into());
        Options { anchors: sandbox.opener(), ..options(None) }
    };
    let (own, other) = (open(VECTOR, options(None)).unwrap(), open(VECTOR, sandboxed()).unwrap());
    let all = selection(&own, &[0, 1]);
    let wanted = pictures(own.decode_serial(&all).unwrap());
    assert!(wanted == pictures(other.play(&all).unwrap()));
    let (mut refused, mut decoded) = (0, 0);
    for at in (own.reader().index_bytes() as usize..VECTOR.len()).step_by(23) {
        let mut bytes = VECTOR.to_vec();
        bytes[at] ^= 1 << (at % 8);
        right_checksums(&mut bytes);
        let outcome = open(&bytes, sandboxed())
            .and_then(|player| player.decode_serial(&all)?.collect::<Result<Vec<_>>>());
        match outcome {
            Ok(shown) => {
                assert_eq!(shown.len(), 13);
                decoded += 1;
            }
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 5 && decoded > 5, "{refused} refused, {decoded} decoded");
}

#[test]
#[ignore = "writes the vector"]
fn record() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/version_1_4.iev");
    std::fs::write(path, vector()).unwrap();
}
