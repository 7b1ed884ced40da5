//! Twin: the pipelined decoder shows what the one-thread decoder shows, byte for byte.

mod clip;

use std::path::Path;

use iev_exporter::encode::encode;
use iev_runtime::ViewId;
use iev_runtime::network::opening::Precision;
use iev_runtime::play::options::Options;
use iev_runtime::play::player::{Player, Selection};

#[test]
fn pipelined_equals_serial_for_every_queue_batch_and_painter() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.iev");
    let views = clip::views(3, 9, (64, 48));
    encode(&views, &clip::settings(&views, 5, &path)).unwrap();
    let some = Selection::new([ViewId(0), ViewId(1)].into_iter().collect(), 3..8);
    pipelined_equals_serial(&path, &some);
}

#[test]
fn pipelined_equals_serial_over_av1() {
    // In turn in the first GOP of five frames, with backgrounds in the second.
    let some = Selection::new([ViewId(1)].into_iter().collect(), 3..8);
    pipelined_equals_serial(Path::new(clip::AV1), &some);
}

/// For everything in the stream at `path`, and for `some` of it.
fn pipelined_equals_serial(path: &Path, some: &Selection) {
    let spreads = [(1, 1, 0), (1, 2, 3), (2, 3, 1), (4, 1, 0)];
    let precisions = [Precision::F32, Precision::Int8].into_iter();
    for (precision, (batch, painters, queue)) in
        precisions.flat_map(|precision| spreads.map(|spread| (precision, spread)))
    {
        let backend = clip::backend();
        let options =
            Options { batch, precision, painters, queue, ..Options::new(backend.opener()) };
        let player = Player::open(path, options).unwrap();
        for selection in [&clip::everything(&player), some] {
            let serial = clip::pictures(player.decode_serial(selection).unwrap());
            let piped = clip::pictures(player.play(selection).unwrap());
            assert_eq!(serial.len(), selection.shown.len() * selection.frames.len());
            assert!(
                serial == piped,
                "{precision:?}, batch {batch}, painters {painters}, queue {queue}, {selection:?}"
            );
        }
        clip::tell_if_not_in_8_bits(&backend);
    }
}
