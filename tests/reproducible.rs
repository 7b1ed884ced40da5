//! Reproducible: the seed decides the bytes, whether training was interrupted or not.
//!
//! One test, because libtorch has one random generator per process.

mod clip;

use iev_exporter::encode::{EncodeSettings, encode};
use iev_exporter::input::View;

fn bytes_of(views: &[View], settings: &EncodeSettings) -> Vec<u8> {
    encode(views, settings).unwrap();
    std::fs::read(&settings.output).unwrap()
}

#[test]
fn the_seed_decides_the_bytes_even_across_an_interruption() {
    let folder = tempfile::tempdir().unwrap();
    let views = clip::views(2, 4, (48, 32));
    let settings = clip::settings(&views, 3, &folder.path().join("clip.iev"));
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
