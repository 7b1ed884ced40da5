//! Odd sizes: pictures that no block divides keep their size, with one picture, two views or no network.

mod clip;

use iev_exporter::encode::encode;
use iev_exporter::picture::PictureExt;
use iev_exporter::plan::Plan;
use iev_exporter::quality::plane_psnr_db;
use iev_runtime::format::header::Role;
use iev_runtime::play::player::Player;

/// Encodes, plays, and checks the number, size and rough likeness of the pictures.
fn survives(views: usize, frames: usize, size: (usize, usize), roles: Option<Vec<Role>>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.iev");
    let clip = clip::views(views, frames, size);
    let mut settings = clip::settings(&clip, 48, &path);
    if let Some(roles) = roles {
        settings.plan = Plan { roles, ..settings.plan };
    }
    encode(&clip, &settings).unwrap();
    let player = Player::open(&path, clip::options()).unwrap();
    let played = clip::pictures(player.play(&clip::everything(&player)).unwrap());
    assert_eq!(played.len(), views * frames);
    for (id, decoded) in played {
        assert_eq!((decoded.width(), decoded.height()), size, "{id}");
        let original = &clip[usize::from(id.view.0)].frames[id.frame.0 as usize];
        let luma_db = plane_psnr_db(original.y(), decoded.y());
        assert!(luma_db > 15.0, "{id}: {luma_db:.2} dB");
    }
}

#[test]
fn one_picture_of_two_views_of_479_by_271_survives() {
    survives(2, 1, (479, 271), None);
}

#[test]
fn two_pictures_of_17_by_33_survive() {
    survives(2, 2, (17, 33), None);
}

#[test]
fn one_view_without_a_network_survives() {
    survives(1, 3, (35, 19), None);
}

#[test]
fn views_that_are_all_explicit_survive() {
    survives(2, 3, (35, 19), Some(vec![Role::Explicit; 2]));
}
