//! Simulcast: where a network cannot pay, every view is explicit without any training, and the file is smaller at no
//! less quality; where it was asked for, it stays.

mod clip;

use iev_exporter::encode::{EncodeSettings, encode};
use iev_exporter::progress::Progress;
use iev_exporter::verify::verify;

const SIZE: (usize, usize) = (64, 48);

#[test]
fn a_network_that_cannot_pay_gives_way_to_simulcast() {
    let folder = tempfile::tempdir().unwrap();
    let views = clip::views(2, 4, SIZE);
    let path = folder.path().join("clip.iev");
    // One step: a network that knows nothing and costs more than H.264 of so few pictures.
    let mut asked = clip::settings(&views, 4, &path);
    (asked.training.steps, asked.training.flow_steps) = (1, 1);
    let kept = encode(&views, &asked).unwrap();
    assert_eq!(kept.implicit_db.len(), 1);

    let mut free = EncodeSettings { simulcast_offset: Some(-4), ..asked };
    // Training would diverge, and say so.
    free.training.learning_rate = 1e30;
    let simulcast = encode(&views, &free).unwrap();
    assert!(simulcast.implicit_db.is_empty());
    assert_eq!(simulcast.anchor.intra_offset, -4);
    assert!(simulcast.bytes < kept.bytes, "{} and {}", simulcast.bytes, kept.bytes);
    assert!(simulcast.luma_db() >= kept.luma_db());
    let verified = verify(&path, &views, &simulcast.predicted_db(), Progress::Quiet).unwrap();
    assert!(verified.warnings().is_empty(), "{:?}", verified.warnings());
}
