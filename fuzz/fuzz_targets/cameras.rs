//! Property: a camera section is an error, or cameras that encode and decode to themselves, answer
//! which is nearest, and have finite geometry.
#![no_main]

use iev_runtime::format::cameras::Cameras;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, [f64; 3], &[u8])| {
    let (views, head, body) = input;
    let views = usize::from(views % 33);
    let Ok(cameras) = Cameras::decode(body, views) else { return };
    let again = Cameras::decode(&cameras.encode(), views);
    assert_eq!(again.expect("what was decoded encodes"), cameras);
    let nearest = cameras.nearest(head.into());
    assert!(nearest.is_none_or(|view| usize::from(view.0) < views));
    for camera in &cameras.views {
        assert!(camera.calibration().iter().all(|x| x.is_finite()));
        assert!((camera.rotation().norm() - 1.0).abs() < 1e-6);
    }
});
