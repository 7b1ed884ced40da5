//! Warm start: a training takes over the parameters of another one, and is told from it.
//!
//! One test, because libtorch has one random generator per process.

mod clip;

use iev_exporter::encode::request::profile;
use iev_exporter::encode::{EncodeResult, EncodeSettings, encode};
use iev_exporter::input::View;

fn luma_db(encoded: &EncodeResult) -> f64 {
    let views = encoded.implicit_db.len() as f64;
    encoded.implicit_db.iter().map(|q| q.1[0]).sum::<f64>() / views
}

fn run(views: &[View], settings: &EncodeSettings) -> (f64, Vec<u8>) {
    let encoded = encode(views, settings).unwrap();
    (luma_db(&encoded), std::fs::read(&settings.output).unwrap())
}

#[test]
fn a_training_starts_from_another_and_is_resumed_as_itself() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second, third] = ["first", "second", "third"].map(|name| folder.path().join(name));
    for path in [&first, &second, &third] {
        std::fs::create_dir(path).unwrap();
    }
    let views = clip::views(2, 4, (48, 32));
    let mut cold = clip::settings(&views, 4, &folder.path().join("clip.iev"));
    cold.training.checkpoint = Some(first.clone());
    let (cold_db, cold_bytes) = run(&views, &cold);

    let stream = folder.path().join("cold.iev");
    std::fs::write(&stream, &cold_bytes).unwrap();

    let mut warm = cold.clone();
    warm.training.lambda *= 2.0;
    warm.training.steps = 10;
    warm.training.checkpoint = Some(second.clone());
    let mut short = warm.clone();
    short.training.checkpoint = None;
    warm.training.warm_start = Some(first.clone());
    let (warm_db, warm_bytes) = run(&views, &warm);
    assert!(warm_bytes != cold_bytes, "ten steps at another λ change the stream");
    let (short_db, _) = run(&views, &short);
    assert!(
        warm_db > cold_db - 1.0 && warm_db > short_db,
        "{cold_db} → {warm_db}, {short_db} cold"
    );

    // The checkpoint is the warm training's own: taken over by it, kept from the same settings cold.
    assert!(run(&views, &warm).1 == warm_bytes, "a finished warm training is taken over");
    let refusal = |settings: &EncodeSettings| encode(&views, settings).unwrap_err().to_string();
    let mut chilled = warm.clone();
    chilled.training.warm_start = None;
    assert!(refusal(&chilled).contains("is of other settings"), "a cold training is another one");
    let mut shorter = warm.clone();
    shorter.training.steps = 9;
    let error = refusal(&shorter);
    assert!(error.contains("at step 10 of a longer training"), "{error}");
    assert!(run(&views, &warm).1 == warm_bytes, "what is refused leaves the checkpoint as it was");

    // A wider network begins as what the narrower one had learned.
    for name in ["edge", "rich"] {
        let mut wide = warm.clone();
        wide.training.profile = profile(name).unwrap();
        wide.training.checkpoint = None;
        wide.training.learning_rate = 0.0;
        wide.training.steps = 1;
        let (wide_db, _) = run(&views, &wide);
        wide.training.warm_start = None;
        wide.training.flow_steps = 0;
        let (fresh_db, _) = run(&views, &wide);
        assert!((wide_db - cold_db).abs() < 0.2, "{name}: {cold_db} → {wide_db}");
        assert!(fresh_db < cold_db - 1.0, "{name}: {cold_db}, {fresh_db} fresh");
    }
    let mut narrow = warm.clone();
    narrow.training.profile = profile("edge").unwrap();
    narrow.training.checkpoint = Some(third.clone());
    let (_, wide_bytes) = run(&views, &narrow);
    narrow.training.profile = profile("lean").unwrap();
    narrow.training.checkpoint = None;
    narrow.training.warm_start = Some(third.clone());
    let error = encode(&views, &narrow).unwrap_err().to_string();
    assert!(error.contains("wider profile"), "{error}");

    let mut astray = warm.clone();
    astray.training.warm_start = Some(folder.path().join("nowhere"));
    let error = encode(&views, &astray).unwrap_err().to_string();
    assert!(error.contains("nowhere") && error.contains("no checkpoint"), "{error}");
    let wider = clip::views(2, 4, (64, 32));
    let mut misfit = warm;
    misfit.training.checkpoint = None;
    let error = encode(&wider, &misfit).unwrap_err().to_string();
    assert!(
        error.contains("another picture size, number of views or pictures, or wider"),
        "{error}"
    );

    // A stream gives all it holds to a training of as many pictures of its size.
    let mut resting = cold.clone();
    resting.training.checkpoint = None;
    resting.training.warm_start = Some(stream.clone());
    (resting.training.learning_rate, resting.training.steps) = (0.0, 1);
    assert!(run(&views, &resting).1 == cold_bytes, "what a stream holds is what is begun with");
    for other in [clip::views(2, 4, (64, 32)), clip::views(2, 3, (48, 32))] {
        let mut misfit = resting.clone();
        misfit.plan = clip::settings(&other, 4, &cold.output).plan;
        let error = encode(&other, &misfit).unwrap_err().to_string();
        assert!(error.contains("cold.iev is of another picture size"), "{error}");
    }
    let mut narrower = narrow;
    narrower.training.warm_start = Some(folder.path().join("wide.iev"));
    std::fs::write(folder.path().join("wide.iev"), wide_bytes).unwrap();
    assert!(refusal(&narrower).contains("or wider profile"));
    // One without a network, and one that is none.
    for (name, bytes, words) in [
        ("explicit.iev", std::fs::read(clip::AV1).unwrap(), "no network to start scene 0 from"),
        ("torn.iev", cold_bytes[..cold_bytes.len() - 9].to_vec(), "reading "),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        resting.training.warm_start = Some(path);
        let error = refusal(&resting);
        assert!(error.contains(words) && error.contains(name), "{error}");
    }
}
