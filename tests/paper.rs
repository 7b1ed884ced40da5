//! The published network in the place of a stream's own: every view is measured, and what stays of the stream is counted.

mod clip;

use iev_exporter::encode::encode;
use iev_exporter::paper::{Settings, measure_published};
use iev_exporter::progress::Progress;
use iev_exporter::verify::ledger::Parts;

#[test]
fn explicit_views_stay_and_the_others_are_painted() {
    let folder = tempfile::tempdir().unwrap();
    let views = clip::views(2, 3, (48, 32));
    let path = folder.path().join("clip.iev");
    encode(&views, &clip::settings(&views, 3, &path)).unwrap();
    let measure = |implicit_only| {
        let settings = Settings { steps: 60, channels: 4, implicit_only, seed: 1 };
        measure_published(&path, &views, settings, Progress::Quiet).unwrap()
    };
    let [over_anchor, alone] = [false, true].map(measure);
    let parts = Parts::of(&path).unwrap();
    assert_eq!(over_anchor.bytes, over_anchor.network_bytes + parts.anchor + parts.index);
    assert_eq!(alone.bytes, alone.network_bytes);
    for view in &over_anchor.stream.views {
        let shown = over_anchor.psnr_y[view.view];
        assert_eq!(shown == view.psnr_y, view.explicit, "view {}: {shown} dB", view.view);
        assert!(shown > 10.0 && alone.psnr_y[view.view] > 10.0, "something was learnt");
    }
    let again = measure(false);
    assert_eq!(
        (again.network_bytes, again.psnr_y),
        (over_anchor.network_bytes, over_anchor.psnr_y)
    );
}
