//! The player shows what the encoder predicted.

use super::*;
use crate::encode::encode;
use crate::encode::request::EncodeRequest;
use crate::picture::synthetic;
use crate::plan::Plan;
use crate::report::encode_page::encode_page;

fn clip(views: usize, frames: usize) -> Vec<View> {
    let picture = |view: usize, frame: usize| synthetic(65, 48, (3 * view + frame) as f32);
    let view = |view: usize| {
        let frames = (0..frames).map(|frame| picture(view, frame)).collect();
        View::new(format!("v{view}").into(), frames, (24, 1))
    };
    (0..views).map(view).collect()
}

/// A stream of explicit views only, which needs neither training nor ONNX Runtime.
#[test]
fn the_player_shows_what_the_encoder_predicted_and_every_byte_has_a_part() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.iev");
    let views = clip(2, 5);
    let request = EncodeRequest { qp: 24.0, ..EncodeRequest::default() };
    let plan = crate::encode::plan(&views, &request, Progress::Quiet).unwrap();
    let mut settings = request.settings(plan, path.clone(), None, Progress::Quiet).unwrap();
    settings.plan = Plan { codec: settings.plan.codec, ..Plan::new(&[0, 1], &[(5, 3)], 0) };
    settings.arrange = false;
    let encoded = encode(&views, &settings).unwrap();

    let decoded = decode_file(&path).unwrap();
    assert_eq!((decoded.len(), decoded[1].len()), (2, 5));
    let verified = verify(&path, &views, &encoded.predicted_db(), Progress::Quiet).unwrap();
    assert!(verified.figures.psnr_y > 30.0, "{verified:?}");
    assert_eq!(verified.parts.total(), encoded.bytes);
    assert_eq!(verified.parts.anchor, encoded.parts.iter().map(|p| p.1 as u64).sum::<u64>());
    assert!(verified.trainer.iter().all(|d| d.difference_db == 0.0), "{verified:?}");
    assert!(verified.warnings().is_empty() && verified.mean_layers_db().is_none());
    let page = encode_page(&path, &views, &verified).unwrap();
    assert_eq!(page.matches("data:image/png").count(), 4);

    let wrong = verify(&path, &clip(2, 4), &[], Progress::Quiet).unwrap_err();
    assert!(wrong.to_string().contains("of 5 of 65x48"), "{wrong}");
    let far = verify(&path, &views, &[(1, [0.0; 3])], Progress::Quiet).unwrap().warnings();
    assert!(far[0].starts_with("view 1 decodes"), "{far:?}");
}
