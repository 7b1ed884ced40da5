//! Tiny moving clips, and how the tests encode and decode them.
#![allow(dead_code, reason = "every test file uses its own part")]

use std::path::Path;

use iev_exporter::ablation::Parts;
use iev_exporter::anchor::{AnchorEncoder, AnchorSettings};
use iev_exporter::encode::request::profile;
use iev_exporter::encode::{EncodeSettings, device};
use iev_exporter::input::View;
use iev_exporter::picture::PictureExt;
use iev_exporter::plan::Plan;
use iev_exporter::progress::Progress;
use iev_exporter::rules::WINDOW_PX;
use iev_exporter::train::Settings;
use iev_runtime::format::views::ViewSet;
use iev_runtime::network::backend::Backend;
use iev_runtime::network::providers::Provider;
use iev_runtime::network::session::SessionOptions;
use iev_runtime::picture::Picture;
use iev_runtime::play::options::Options;
use iev_runtime::play::player::{Player, Selection};
use iev_runtime::play::shown::ShownFrame;
use iev_runtime::{PictureId, Result};

/// Two views of 13 frames in AV1: they take turns in a GOP of five, and have backgrounds in one of eight.
pub const AV1: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/version_1_4.iev");

/// Two views of 13 frames in H.264 with B pictures, in GOPs of eight and five.
pub const B_PICTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/version_1_5.iev");

/// Texture with a square that crosses it; views see both from the side, the square nearer.
pub fn views(count: usize, frames: usize, (width, height): (usize, usize)) -> Vec<View> {
    let view = |view: usize| {
        let frames = (0..frames).map(|frame| picture((width, height), view, frame)).collect();
        View::new(format!("view{view}").into(), frames, (24, 1))
    };
    (0..count).map(view).collect()
}

fn picture((width, height): (usize, usize), view: usize, frame: usize) -> Picture {
    let mut picture = Picture::zeros(width, height);
    let (far, near) = (view as f32, 3.0 * view as f32);
    let square = |x: f32, y: f32| {
        let left = width as f32 * 0.2 + 1.5 * frame as f32 - near;
        (left..left + width as f32 * 0.3).contains(&x)
            && (height as f32 * 0.3..height as f32 * 0.7).contains(&y)
    };
    let luma = |x: f32, y: f32| match square(x, y) {
        true => 180.0 + 30.0 * ((x + near) * 0.5 + y * 0.3).sin(),
        false => 100.0 + 40.0 * ((x + far) * 0.23).sin() * (y * 0.17 + 1.0).cos(),
    };
    let [y, u, v] = picture.planes_mut();
    for (at, pixel) in y.iter_mut().enumerate() {
        *pixel = luma((at % width) as f32, (at / width) as f32) as u8;
    }
    let columns = width.div_ceil(2);
    for at in 0..u.len() {
        let (column, row) = (2.0 * (at % columns) as f32, 2.0 * (at / columns) as f32);
        (u[at], v[at]) = if square(column, row) { (90, 160) } else { (130, 120) };
    }
    picture
}

/// A few steps of training around the middle view, in GOPs of `gop` pictures.
///
/// The built-in H.264 encoder, so that no test needs ffmpeg.
pub fn settings(views: &[View], gop: usize, output: &Path) -> EncodeSettings {
    let frames = views[0].frames.len();
    EncodeSettings {
        output: output.to_owned(),
        plan: Plan::new(&vec![views.len() / 2; views.len()], &[(frames, gop)], 1),
        cameras: None,
        anchor: AnchorSettings { encoder: AnchorEncoder::OpenH264, ..AnchorSettings::new(30) },
        training: Settings {
            profile: profile("lean").unwrap(),
            steps: 40,
            flow_steps: 40,
            batch: 4,
            window_px: WINDOW_PX,
            learning_rate: 5e-3,
            lambda: 2e-3,
            lambda_fall: 4.0,
            seed: 7,
            device: device("cpu").unwrap(),
            device_bytes: 0,
            checkpoint: None,
            checkpoint_every: std::time::Duration::from_secs(120),
            warm_start: None,
            scene: 0,
            without: Parts::default(),
        },
        simulcast_offset: None,
        board: None,
        arrange: false,
        progress: Progress::Quiet,
    }
}

/// Networks on the CPU.
pub fn backend() -> Backend {
    let session = SessionOptions { providers: vec![Provider::Cpu], ..SessionOptions::default() };
    Backend::new(None, session)
}

/// Options of a player whose networks run on the CPU.
pub fn options() -> Options {
    Options::new(backend().opener())
}

/// Counts a skip where 8 bits were asked for and `backend` painted in f32 for want of instructions.
pub fn tell_if_not_in_8_bits(backend: &Backend) {
    let refusal = backend.opened().and_then(|opened| opened.instead).unwrap_or_default();
    iev_skips::processor("VNNI", !refusal.contains("VNNI"));
}

/// All views at all frames.
pub fn everything(player: &Player) -> Selection {
    Selection::new(ViewSet::all(player.header()), player.frames())
}

/// Every picture that was shown, in order.
pub fn pictures(shown: impl Iterator<Item = Result<ShownFrame>>) -> Vec<(PictureId, Picture)> {
    let frames = shown.flat_map(|shown| {
        let shown = shown.unwrap();
        shown.with_ids().map(|(id, picture)| (id, picture.clone())).collect::<Vec<_>>()
    });
    frames.collect()
}
