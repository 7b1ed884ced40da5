//! Random access: every (view, time) by seek is the picture of playing from the start, byte for byte.

mod clip;

use iev_exporter::encode::encode;
use iev_runtime::ViewId;
use iev_runtime::play::player::{Player, Selection};
use iev_runtime::units::views::ViewSet;

#[test]
fn every_view_and_time_by_seek_equals_playing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.iev");
    let views = clip::views(3, 8, (64, 48));
    encode(&views, &clip::settings(&views, 5, &path)).unwrap();
    let player = Player::open(&path, clip::options()).unwrap();
    assert_eq!(player.index().gops().len(), 2, "the clip crosses a border of GOPs");

    let played = clip::pictures(player.play(&clip::everything(&player)).unwrap());
    assert_eq!(played.len(), 3 * 8);
    // Backwards, so that no seek continues the one before.
    for (id, picture) in played.iter().rev() {
        let sought = player.at([id.view].into_iter().collect(), id.time).unwrap();
        let (found, same) = sought.frames().next().unwrap();
        assert_eq!(found, *id);
        assert!(same == picture, "{id}");
    }

    let pair: ViewSet = [ViewId(0), ViewId(2)].into_iter().collect();
    for first in 0..8 {
        let rest = clip::pictures(player.play(&Selection::new(pair, first..8)).unwrap());
        let wanted = played.iter().filter(|(id, _)| id.time.0 >= first && pair.contains(id.view));
        assert!(rest.iter().eq(wanted), "both outer views from time {first} on");
    }
}
