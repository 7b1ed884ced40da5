//! Round trip: what the exporter writes, the player shows as the trainer saw it.

mod clip;

use std::path::Path;

use iev_exporter::encode::{EncodeSettings, Encoded, encode};
use iev_exporter::input::View;
use iev_exporter::picture::Picture as Source;
use iev_exporter::quality::PlaneErrors;
use iev_runtime::player::Player;

const SIZE: (usize, usize) = (64, 48);
const FRAMES: usize = 8;
/// What the difference of two implementations of a convolution may cost.
const TOLERANCE_DB: f64 = 0.1;

fn decoded(path: &Path, views: usize) -> Vec<Vec<Source>> {
    let player = Player::open(path, clip::options()).unwrap();
    let mut decoded = vec![Vec::new(); views];
    for (id, picture) in clip::pictures(player.play(&clip::everything(&player)).unwrap()) {
        decoded[usize::from(id.view.0)].push(Source::from(&picture));
    }
    decoded
}

fn predicted_luma_db(encoded: &Encoded) -> Vec<(usize, f64)> {
    let explicit = encoded.explicit_db.iter().map(|(view, db)| (*view, db[0]));
    explicit.chain(encoded.implicit_db.iter().map(|q| (q.view, q.fused_db[0]))).collect()
}

#[test]
fn every_view_decodes_as_the_trainer_painted_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.iev");
    let views = clip::views(3, FRAMES, SIZE);
    let encoded = encode(&views, &clip::settings(&views, 5, &path)).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().len(), encoded.bytes);

    let decoded = decoded(&path, views.len());
    let predicted = predicted_luma_db(&encoded);
    assert_eq!(predicted.len(), views.len(), "every view is predicted: {predicted:?}");
    for (view, trainer_db) in predicted {
        let (originals, decoded) = (&views[view].frames, &decoded[view]);
        assert_eq!(decoded.len(), FRAMES, "view {view}");
        assert!(decoded.iter().all(|p| (p.width, p.height) == SIZE), "view {view}");
        let player_db = PlaneErrors::of(originals, decoded).psnr_db()[0];
        let difference = (player_db - trainer_db).abs();
        assert!(
            difference <= TOLERANCE_DB,
            "view {view}: {player_db:.3} dB played, {trainer_db:.3} dB trained"
        );
    }
}

fn bytes_of(views: &[View], settings: &EncodeSettings) -> Vec<u8> {
    encode(views, settings).unwrap();
    std::fs::read(&settings.output).unwrap()
}

#[test]
fn the_seed_decides_the_bytes_even_across_an_interruption() {
    let folder = tempfile::tempdir().unwrap();
    let views = clip::views(3, FRAMES, SIZE);
    let settings = clip::settings(&views, 5, &folder.path().join("clip.iev"));
    let whole = bytes_of(&views, &settings);
    assert!(whole == bytes_of(&views, &settings), "the same seed gives the same bytes");

    // The schedule is the same for any length up to the first step after the flow is learned, so a
    // training of one step leaves the checkpoint of a longer one that was interrupted there.
    let mut parted = settings.clone();
    parted.training.checkpoint = Some(folder.path().to_owned());
    parted.training.steps = 1;
    assert!(whole != bytes_of(&views, &parted), "one step is not the whole training");
    parted.training.steps = settings.training.steps;
    assert!(whole == bytes_of(&views, &parted), "resumed equals uninterrupted");
    assert!(whole == bytes_of(&views, &parted), "a finished training is taken over");

    let mut other = settings.clone();
    other.training.seed += 1;
    assert!(whole != bytes_of(&views, &other), "another seed gives other bytes");
}
