//! Ablations: a codec without any one part makes an ordinary stream, and a row of the table.

mod clip;

use std::fs::File;
use std::path::Path;

use iev_exporter::ablation::Part;
use iev_exporter::encode::encode;
use iev_exporter::input::y4m::Writer;
use iev_exporter::plan::Plan;
use iev_exporter::progress::Progress;
use iev_exporter::rd::ablate::Ablate;
use iev_exporter::rd::order0::order0_bytes;
use iev_exporter::rd::{Config, Harness};
use iev_exporter::verify::verify;

const SIZE: (usize, usize) = (32, 32);

#[test]
fn without_any_part_the_player_shows_what_the_trainer_painted() {
    let folder = tempfile::tempdir().unwrap();
    let views = clip::views(2, 3, SIZE);
    for part in Part::ALL {
        let path = folder.path().join(part.name());
        let mut settings = clip::settings(&views, 3, &path);
        settings.training.without = part.into();
        settings.anchor.without = part.into();
        settings.training.steps = 12;
        if part == Part::KeyPictures {
            settings.plan = Plan { keys_per_gop: 0, ..settings.plan };
        }
        let encoded = encode(&views, &settings).unwrap();
        let verified = verify(&path, &views, &encoded.predicted_db(), Progress::Quiet).unwrap();
        assert!(verified.warnings().is_empty(), "{part:?}: {:?}", verified.warnings());
        let parts = verified.parts;
        match part {
            // A flag per plane is all that is left of them.
            Part::Grids => assert!(parts.scene_grids + parts.gop_grids < 120, "{parts:?}"),
            Part::ViewGrids => assert!(parts.scene_grids < 40, "{parts:?}"),
            Part::MovingGrids => assert!(parts.gop_grids < 80, "{parts:?}"),
            Part::KeyPictures => assert_eq!(parts.keys, 0),
            _ => {}
        }
    }
}

fn config(folder: &Path) -> Config {
    for (view, clip) in clip::views(2, 2, SIZE).iter().enumerate() {
        let file = File::create(folder.join(format!("v{view}.y4m"))).unwrap();
        let mut writer = Writer::new(file, clip.header_line()).unwrap();
        clip.frames.iter().for_each(|picture| writer.write(picture).unwrap());
        writer.finish().unwrap();
    }
    let text = r#"
        name = "tiny"
        interval = [10.0, 60.0]
        [clip]
        views = ["v0.y4m", "v1.y4m"]
        [settings]
        anchor = 1
        steps = 4
        [[points]]
        label = "coarse"
        qp = 40
        [[points]]
        label = "fine"
        qp = 28
    "#;
    Config::parse(text, folder).unwrap()
}

#[test]
fn every_part_has_a_row_and_a_second_run_encodes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let whole = Harness { config: config(folder.path()), out: folder.path().join("out") };
    let parts = ["fine-grids", "key-pictures,background"].map(|parts| parts.parse().unwrap());
    let parts = parts.to_vec();
    let ablate = Ablate { whole, parts };
    let clip = ablate.encode(Progress::Quiet).unwrap();
    let rows = ablate.rows(Some(&clip)).unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row.without.as_str()).collect();
    assert_eq!(names, ["fine-grids", "key-pictures+background", "context-model"]);
    assert!(rows.iter().all(|row| row.curve.rows.len() == 2 && row.missing.is_empty()));
    let whole = ablate.whole.report(Some(&clip)).unwrap().ours;
    let pairs = || rows[2].curve.rows.iter().zip(&whole.rows);
    assert!(pairs().all(|(plain, whole)| plain.bytes > 0 && plain.psnr_y == whole.psnr_y));
    // So few levels take as many bytes either way, give or take one; those of the sample do not.
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/sample.iev");
    let (plain, bytes) =
        (order0_bytes(&sample).unwrap(), std::fs::metadata(&sample).unwrap().len());
    assert!(plain > bytes + bytes / 20, "{plain} bytes without the context model, {bytes} with it");
    ablate.write(&rows).unwrap();
    let markdown = std::fs::read_to_string(ablate.file("md")).unwrap();
    assert_eq!(markdown.lines().count(), 2 + 3, "{markdown}");
    assert!(ablate.file("html").exists() && ablate.file("json").exists());

    let stream = ablate.whole.stream("fine");
    let made = |path: &Path| std::fs::metadata(path).unwrap().modified().unwrap();
    let before = made(&stream);
    assert_eq!(ablate.encode(Progress::Quiet).unwrap(), clip);
    assert_eq!(made(&stream), before);
}
