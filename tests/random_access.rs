//! Random access: every (view, frame) by seek is the picture of playing from the start, byte for byte.

mod clip;

use std::path::Path;

use iev_exporter::encode::encode;
use iev_runtime::ViewId;
use iev_runtime::format::views::ViewSet;
use iev_runtime::play::player::{Player, Selection};

#[test]
fn every_view_and_frame_by_seek_equals_playing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.iev");
    let views = clip::views(3, 8, (64, 48));
    encode(&views, &clip::settings(&views, 5, &path)).unwrap();
    seeks_equal_playing(&path, 3 * 8, [ViewId(0), ViewId(2)].into_iter().collect());
}

#[test]
fn every_view_and_frame_of_av1_by_seek_equals_playing() {
    seeks_equal_playing(Path::new(clip::AV1), 2 * 13, [ViewId(1)].into_iter().collect());
}

#[test]
fn every_view_and_frame_of_b_pictures_by_seek_equals_playing() {
    seeks_equal_playing(Path::new(clip::B_PICTURES), 2 * 13, [ViewId(1)].into_iter().collect());
}

/// For each picture of the stream at `path`, and for what follows each frame of the views `some`.
fn seeks_equal_playing(path: &Path, pictures: usize, some: ViewSet) {
    let player = Player::open(path, clip::options()).unwrap();
    assert_eq!(player.index().gops().len(), 2, "the clip crosses a border of GOPs");

    let played = clip::pictures(player.play(&clip::everything(&player)).unwrap());
    assert_eq!(played.len(), pictures);
    // Backwards, so that no seek continues the one before.
    for (id, picture) in played.iter().rev() {
        let sought = player.at([id.view].into_iter().collect(), id.frame).unwrap();
        let (found, same) = sought.with_ids().next().unwrap();
        assert_eq!(found, *id);
        assert!(same == picture, "{id}");
    }

    let frames = player.header().frames;
    for first in 0..frames {
        let rest = clip::pictures(player.play(&Selection::new(some, first..frames)).unwrap());
        let wanted = played.iter().filter(|(id, _)| id.frame.0 >= first && some.contains(id.view));
        assert!(rest.iter().eq(wanted), "{some:?} from frame {first} on");
    }
}
