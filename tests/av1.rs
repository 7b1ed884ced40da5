//! AV1: what SVT-AV1 codes for explicit views, alone, in turn and under a network, the player shows to the sample.

mod clip;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use iev_exporter::anchor::{AnchorSettings, AnchorSpeed, Order, coder};
use iev_exporter::encode::{EncodeSettings, encode};
use iev_exporter::input::View;
use iev_exporter::picture::PictureExt;
use iev_exporter::plan::Plan;
use iev_exporter::progress::Progress;
use iev_exporter::quality::plane_psnr_db;
use iev_exporter::verify::verify;
use iev_runtime::format::anchor::Codec;
use iev_runtime::format::views::ViewSet;
use iev_runtime::picture::Picture;
use iev_runtime::play::player::{Player, Selection};
use iev_runtime::{PictureId, ViewId};

const SIZE: (usize, usize) = (64, 48);
const FRAMES: usize = 9;
const GOP: usize = 5;

/// Tests of SVT-AV1 return without it.
fn has_svt_av1() -> bool {
    iev_skips::fetched("ffmpeg", iev_exporter::ffmpeg::find()).is_some()
}

/// AV1 by the fast preset: every view explicit, those of `in_turn` in one section, or else around the middle one.
fn settings(views: &[View], in_turn: Option<&[Vec<usize>]>, path: &Path) -> EncodeSettings {
    let mut settings = clip::settings(views, GOP, path);
    let plan = match in_turn {
        Some(sections) => settings.plan.all_explicit(sections),
        None => settings.plan,
    };
    settings.plan = Plan { codec: Codec::Av1, ..plan };
    settings.anchor.speed = AnchorSpeed::Draft;
    settings
}

/// Encodes and checks that the player shows what the encoder predicted and that every byte has a part.
fn round_trip(views: &[View], in_turn: Option<&[Vec<usize>]>, folder: &Path) -> PathBuf {
    let path = folder.join("clip.iev");
    let encoded = encode(views, &settings(views, in_turn, &path)).unwrap();
    let verified = verify(&path, views, &encoded.predicted_db(), Progress::Quiet).unwrap();
    assert!(verified.warnings().is_empty(), "{:?}", verified.warnings());
    assert_eq!(verified.parts.total(), encoded.bytes);
    assert!(verified.figures.views.iter().filter(|v| v.explicit).all(|v| v.psnr_y > 30.0));
    let exact = verified.trainer.iter().filter(|d| verified.figures.views[d.view].explicit);
    exact.for_each(|difference| assert_eq!(difference.difference_db, 0.0, "{difference:?}"));
    path
}

/// Pictures by view and frame.
fn shown(player: &Player, selection: &Selection) -> BTreeMap<(u8, u32), Picture> {
    let pictures = clip::pictures(player.play(selection).unwrap());
    pictures.into_iter().map(|(id, picture)| (place(id), picture)).collect()
}

fn place(id: PictureId) -> (u8, u32) {
    (id.view.0, id.frame.0)
}

#[test]
fn explicit_views_alone_are_shown_as_predicted() {
    if !has_svt_av1() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    round_trip(&clip::views(2, FRAMES, SIZE), Some(&[]), folder.path());
}

#[test]
fn odd_sizes_are_coded_as_they_are() {
    if !has_svt_av1() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for size in [(65, 49), (33, 50), (17, 19)] {
        round_trip(&clip::views(1, 3, size), Some(&[]), folder.path());
    }
}

#[test]
fn views_in_turn_play_alone_from_anywhere_and_switch() {
    if !has_svt_av1() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = round_trip(&clip::views(3, FRAMES, SIZE), Some(&[vec![2, 0]]), folder.path());
    let player = Player::open(&path, clip::options()).unwrap();
    let whole = shown(&player, &clip::everything(&player));
    assert_eq!(whole.len(), 3 * FRAMES);
    let end = FRAMES as u32;
    for view in [0, 1, 2].map(ViewId) {
        for frames in [0..end, 3..4, 6..end] {
            let views: ViewSet = [view].into_iter().collect();
            let count = frames.len();
            let part = shown(&player, &Selection::new(views, frames));
            assert_eq!(part.len(), count, "{view:?}");
            part.iter().for_each(|(at, picture)| assert!(whole[at] == *picture, "{at:?}"));
        }
    }
    let first: ViewSet = [ViewId(0)].into_iter().collect();
    let switchable = Selection::switchable(first, player.header(), player.frames());
    let mut playback = player.play(&switchable).unwrap();
    let mut seen = Vec::new();
    for frame in 0..FRAMES {
        if frame == 4 {
            playback.show([ViewId(2)].into_iter().collect()).unwrap();
        }
        let frame = playback.next().unwrap().unwrap();
        for (id, picture) in frame.with_ids() {
            assert!(whole[&place(id)] == *picture, "{id}");
            seen.push(id.view);
        }
    }
    assert!(seen.starts_with(&[ViewId(0); 4]) && seen.ends_with(&[ViewId(2)]), "{seen:?}");
}

#[test]
fn a_network_over_av1_is_shown_as_trained() {
    if !has_svt_av1() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = round_trip(&clip::views(3, FRAMES, SIZE), None, folder.path());
    let parts = iev_exporter::verify::ledger::Parts::of(&path).unwrap();
    assert!(parts.keys > 0 && parts.network > 0, "{parts:?}");
}

#[test]
fn copies_of_a_key_picture_make_it_finer() {
    if !has_svt_av1() {
        return;
    }
    let views = clip::views(2, 40, SIZE);
    let settings = AnchorSettings { speed: AnchorSpeed::Draft, ..AnchorSettings::new(37) };
    let (own, other) = (&views[0].frames, &views[1].frames[20]);
    // The view's background, the key picture so many times, and the view.
    let key_db = |copies: usize| {
        let mut pictures = vec![(&own[20], 0)];
        pictures.extend(std::iter::repeat_n((other, 0), copies));
        pictures.extend(own.iter().map(|picture| (picture, 0)));
        let coded = coder(Codec::Av1).code(&pictures, Order::Shown, (24, 1), &settings).unwrap();
        plane_psnr_db(other.y(), coded.pictures[1].y())
    };
    let (once, thrice) = (key_db(1), key_db(coder(Codec::Av1).key_copies()));
    assert!(thrice > once + 0.5, "{once:.2} dB once, {thrice:.2} dB with its copies");
}

#[test]
fn the_same_clip_twice_is_the_same_bytes() {
    if !has_svt_av1() {
        return;
    }
    let views = clip::views(2, FRAMES, SIZE);
    let bytes = |in_turn: &[Vec<usize>]| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::read(round_trip(&views, Some(in_turn), folder.path())).unwrap()
    };
    assert!(bytes(&[]) == bytes(&[]));
    assert!(bytes(&[vec![0, 1]]) == bytes(&[vec![0, 1]]));
}
