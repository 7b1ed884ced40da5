//! SectionRequest size: the file lands within 5 % of the bytes asked for, or the reachable sizes are named.

mod clip;

use iev_exporter::encode::encode;
use iev_exporter::encode::size::{TOLERANCE, encode_to_size};
use iev_runtime::play::player::Player;

#[test]
fn a_file_lands_on_the_size_asked_for_and_decodes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.iev");
    let views = clip::views(2, 4, (48, 32));
    let mut settings = clip::settings(&views, 4, &path);
    // Grids of a training without them are too far from their final size to search among.
    settings.training.flow_steps = 400;
    settings.training.steps = 24;
    let usual = encode(&views, &settings).unwrap().bytes;
    let asked = usual * 7 / 8;
    let landed = encode_to_size(&views, &settings, asked, &folder.path().join("work")).unwrap();

    let bytes = std::fs::metadata(&path).unwrap().len();
    assert_eq!(bytes, landed.encoded.bytes);
    let off = bytes as f64 / asked as f64 - 1.0;
    assert!(off.abs() <= TOLERANCE, "{bytes} bytes for {asked}");
    assert!(landed.settings.training.lambda != settings.training.lambda);
    let player = Player::open(&path, clip::options()).unwrap();
    let shown = clip::pictures(player.play(&clip::everything(&player)).unwrap());
    assert_eq!(shown.len(), 2 * 4);

    std::fs::remove_file(&path).unwrap();
    let tiny = encode_to_size(&views, &settings, 30, folder.path()).unwrap_err().to_string();
    assert!(tiny.starts_with("30 bytes cannot be reached: H.264 alone takes"), "{tiny}");
    let huge = encode_to_size(&views, &settings, 9_000_000, folder.path()).unwrap_err().to_string();
    assert!(huge.starts_with("9000000 bytes cannot be reached: this clip"), "{huge}");
    assert!(!path.exists(), "a refused size leaves nothing behind");
}
