//! Round trip: what the exporter writes, the player shows as the trainer saw it.

mod clip;

use std::path::Path;

use iev_exporter::anchor::{AnchorEncoder, AnchorSpeed};
use iev_exporter::encode::{EncodeResult, encode};
use iev_exporter::picture::{Picture, PictureExt};
use iev_exporter::quality::PlaneErrors;
use iev_runtime::play::player::Player;

const SIZE: (usize, usize) = (64, 48);
const FRAMES: usize = 8;
/// What the difference of two implementations of a convolution may cost.
const TOLERANCE_DB: f64 = 0.1;

fn decoded(path: &Path, views: usize) -> Vec<Vec<Picture>> {
    let player = Player::open(path, clip::options()).unwrap();
    let mut decoded = vec![Vec::new(); views];
    for (id, picture) in clip::pictures(player.play(&clip::everything(&player)).unwrap()) {
        decoded[usize::from(id.view.0)].push(picture);
    }
    decoded
}

fn predicted_luma_db(encoded: &EncodeResult) -> Vec<(usize, f64)> {
    let explicit = encoded.explicit_db.iter().map(|(view, db)| (*view, db[0]));
    explicit.chain(encoded.implicit_db.iter().map(|(view, db)| (*view, db[0]))).collect()
}

#[test]
fn every_view_decodes_as_the_trainer_painted_it() {
    plays_as_trained(AnchorEncoder::OpenH264);
}

/// The encoder of the published figures, through ffmpeg.
#[test]
fn every_view_over_an_anchor_by_x264_decodes_as_the_trainer_painted_it() {
    if iev_skips::fetched("ffmpeg", iev_exporter::ffmpeg::find()).is_none() {
        return;
    }
    assert_eq!(
        AnchorEncoder::default().chosen(),
        AnchorEncoder::X264,
        "it is the default where it is there"
    );
    plays_as_trained(AnchorEncoder::X264);
}

fn plays_as_trained(encoder: AnchorEncoder) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.iev");
    let views = clip::views(3, FRAMES, SIZE);
    let mut settings = clip::settings(&views, 5, &path);
    settings.anchor.encoder = encoder;
    settings.anchor.speed = AnchorSpeed::Draft;
    let encoded = encode(&views, &settings).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().len(), encoded.bytes);

    let decoded = decoded(&path, views.len());
    let predicted = predicted_luma_db(&encoded);
    assert_eq!(predicted.len(), views.len(), "every view is predicted: {predicted:?}");
    for (view, trainer_db) in predicted {
        let (originals, decoded) = (&views[view].frames, &decoded[view]);
        assert_eq!(decoded.len(), FRAMES, "view {view}");
        assert!(decoded.iter().all(|p| (p.width(), p.height()) == SIZE), "view {view}");
        let player_db = PlaneErrors::of(originals, decoded).psnr_db()[0];
        let difference = (player_db - trainer_db).abs();
        assert!(
            difference <= TOLERANCE_DB,
            "view {view}: {player_db:.3} dB played, {trainer_db:.3} dB trained"
        );
    }
}
