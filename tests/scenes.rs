//! A clip that cuts to another place: a network for each scene, one stream, and any picture by seek.

mod clip;

use iev_exporter::encode::request::{CodecChoice, EncodeRequest};
use iev_exporter::encode::{EncodeSettings, encode, plan};
use iev_exporter::input::View;
use iev_exporter::picture::Picture;
use iev_exporter::plan::Plan;
use iev_exporter::progress::Progress;
use iev_exporter::quality::PlaneErrors;
use iev_runtime::play::player::Player;

const SIZE: (usize, usize) = (64, 48);
/// Pictures of each scene.
const FRAMES: usize = 24;
const VIEWS: usize = 2;
/// What the difference of two implementations of a convolution may cost.
const TOLERANCE_DB: f64 = 0.1;

/// The same from the other end, as a negative: another place, where views see as far to the side.
fn elsewhere(picture: &Picture) -> Picture {
    let mut other = picture.clone();
    for plane in other.planes_mut() {
        plane.reverse();
        plane.iter_mut().for_each(|sample| *sample = 255 - *sample);
    }
    other
}

fn views() -> Vec<View> {
    let mut views = clip::views(VIEWS, FRAMES, SIZE);
    for view in &mut views {
        let others: Vec<Picture> = view.frames.iter().map(elsewhere).collect();
        view.frames.extend(others);
    }
    views
}

fn request(scenes: &[usize]) -> EncodeRequest {
    EncodeRequest {
        codec: CodecChoice::H264,
        anchor: vec![1],
        gop: Some(16),
        scenes: scenes.to_vec(),
        ..EncodeRequest::default()
    }
}

#[test]
fn a_cut_is_found_unless_scenes_are_given() {
    let views = views();
    let gops = |scenes: &[usize]| plan(&views, &request(scenes), Progress::Quiet).unwrap();
    let found = gops(&[]);
    assert_eq!(found.gops, [(0, 16), (16, 8), (24, 16), (40, 8)]);
    assert_eq!(found.scenes, [0..2, 2..4]);
    assert_eq!(gops(&[0]).scenes.len(), 1, "a clip that is given as a whole");
    assert_eq!(gops(&[0, 3]).scenes, [0..1, 1..4]);
    let error = plan(&views, &request(&[0, 48]), Progress::Quiet).unwrap_err();
    assert_eq!(error.to_string(), "there is no frame 48: the clip has frames 0 to 47");
    for wrong in [&[3][..], &[0, 0], &[0, 9, 4]] {
        assert!(request(wrong).check().is_err(), "{wrong:?}");
    }
}

#[test]
fn every_scene_has_a_network_of_its_own_and_plays_by_seek() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.iev");
    let views = views();
    let mut settings = clip::settings(&views, 16, &path);
    settings.plan = Plan::new(&[1, 1], &[(FRAMES, 16), (FRAMES, 16)], 1);
    settings.training.checkpoint = Some(folder.path().join("work"));
    let encoded = encode(&views, &settings).unwrap();

    // Every view as the trainer painted it, in both scenes.
    let player = Player::open(&path, clip::options()).unwrap();
    let scenes: Vec<u16> = player.index().gops().iter().map(|gop| gop.scene).collect();
    assert_eq!(scenes, [0, 0, 1, 1]);
    let played = clip::pictures(player.play(&clip::everything(&player)).unwrap());
    for (view, trained_db) in encoded.predicted_db() {
        let of_view = played.iter().filter(|(id, _)| usize::from(id.view.0) == view);
        let pictures: Vec<Picture> = of_view.map(|(_, picture)| picture.clone()).collect();
        let played_db = PlaneErrors::of(&views[view].frames, &pictures).psnr_db()[0];
        let apart = (played_db - trained_db[0]).abs();
        assert!(apart <= TOLERANCE_DB, "view {view}: {played_db}, {} trained", trained_db[0]);
    }

    // Backwards, so that seeks cross the cut in both directions.
    let pairs = played.iter().rev().zip(&played);
    for (id, picture) in pairs.step_by(5).flat_map(|(late, early)| [late, early]) {
        let sought = player.at([id.view].into_iter().collect(), id.frame).unwrap();
        let (found, same) = sought.with_ids().next().unwrap();
        assert!(found == *id && same == picture, "{id}");
    }

    // The same command takes over both trainings, and another begins where either form of them has ended.
    let bytes = std::fs::read(&path).unwrap();
    encode(&views, &settings).unwrap();
    assert!(std::fs::read(&path).unwrap() == bytes);
    let stream = folder.path().join("first.iev");
    std::fs::write(&stream, &bytes).unwrap();
    for start in [stream, folder.path().join("work")] {
        let mut resting: EncodeSettings = settings.clone();
        resting.training.checkpoint = None;
        (resting.training.learning_rate, resting.training.steps) = (0.0, 1);
        resting.training.warm_start = Some(start.clone());
        encode(&views, &resting).unwrap();
        assert!(std::fs::read(&path).unwrap() == bytes, "{}", start.display());
    }
}
