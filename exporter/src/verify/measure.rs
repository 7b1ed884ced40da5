//! Figures of a finished file: bytes on disk and quality of what the player shows.

use std::path::Path;

use iev_runtime::format::header::Role;
use iev_runtime::play::player::Player;
use serde::{Deserialize, Serialize};

use crate::error::{Context, Result};
use crate::input::View;
use crate::picture::{Picture, PictureExt};
use crate::progress::Progress;
use crate::quality::{PlaneErrors, ms_ssim};
use crate::verify::player_pictures::{check_clip, each_picture};

/// Shortest side that MS-SSIM is defined for.
const MS_SSIM_SIDE_PX: usize = 11;

/// Quality of one view.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ViewFigures {
    /// The view.
    pub view: usize,
    /// Whether it is coded by a video codec.
    pub explicit: bool,
    /// PSNR of luma in dB.
    pub psnr_y: f64,
    /// PSNR of the blue difference in dB.
    pub psnr_u: f64,
    /// PSNR of the red difference in dB.
    pub psnr_v: f64,
    /// `(6 Y + U + V) / 8` in dB.
    pub psnr_611: f64,
    /// MS-SSIM of luma; 0 for pictures too small for it.
    pub ms_ssim: f64,
}

impl ViewFigures {
    /// PSNR of Y, U and V.
    pub fn psnr_db(&self) -> [f64; 3] {
        [self.psnr_y, self.psnr_u, self.psnr_v]
    }
}

/// Bytes and quality of a file; the means run over all views, explicit ones included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StreamFigures {
    /// Bytes of the file on disk.
    pub bytes: u64,
    /// Kilobits per second of all views together.
    pub kbps: f64,
    /// Mean over views of luma PSNR in dB.
    pub psnr_y: f64,
    /// Mean of the blue difference in dB.
    pub psnr_u: f64,
    /// Mean of the red difference in dB.
    pub psnr_v: f64,
    /// Mean of `(6 Y + U + V) / 8` in dB.
    pub psnr_611: f64,
    /// Mean of MS-SSIM.
    pub ms_ssim: f64,
    /// Each view.
    pub views: Vec<ViewFigures>,
}

impl StreamFigures {
    /// Averages `views` of a clip of `seconds` in `bytes`.
    pub fn new(bytes: u64, seconds: f64, views: Vec<ViewFigures>) -> Self {
        let count = views.len() as f64;
        let mean = |of: fn(&ViewFigures) -> f64| views.iter().map(of).sum::<f64>() / count;
        Self {
            bytes,
            kbps: kbps(bytes, seconds),
            psnr_y: mean(|v| v.psnr_y),
            psnr_u: mean(|v| v.psnr_u),
            psnr_v: mean(|v| v.psnr_v),
            psnr_611: mean(|v| v.psnr_611),
            ms_ssim: mean(|v| v.ms_ssim),
            views,
        }
    }

    /// Luma PSNR of the worst view in dB.
    pub fn worst_y(&self) -> f64 {
        self.views.iter().map(|view| view.psnr_y).fold(f64::INFINITY, f64::min)
    }
}

/// Kilobits per second of `bytes` played in `seconds`.
pub fn kbps(bytes: u64, seconds: f64) -> f64 {
    bytes as f64 * 8.0 / 1000.0 / seconds
}

/// Time that `frames` at `rate` take to play.
pub fn seconds(frames: usize, rate: (u32, u32)) -> f64 {
    frames as f64 * f64::from(rate.1) / f64::from(rate.0)
}

/// Sums for one view while it is decoded.
#[derive(Debug, Clone, Copy, Default)]
struct Running {
    errors: PlaneErrors,
    ms_ssim: f64,
    frames: usize,
}

impl Running {
    fn add(&mut self, original: &Picture, decoded: &Picture) {
        self.errors.add(original, decoded);
        if original.width().min(original.height()) >= MS_SSIM_SIDE_PX {
            self.ms_ssim += ms_ssim(original, decoded);
        }
        self.frames += 1;
    }

    fn figures(&self, view: usize, explicit: bool) -> ViewFigures {
        let [psnr_y, psnr_u, psnr_v] = self.errors.psnr_db();
        let psnr_611 = self.errors.psnr_611_db();
        let ms_ssim = self.ms_ssim / self.frames as f64;
        ViewFigures { view, explicit, psnr_y, psnr_u, psnr_v, psnr_611, ms_ssim }
    }
}

/// Decodes the whole stream of `path`, open in `player`, and compares it with `views`.
///
/// # Errors
/// When the stream is not of these views, or decoding fails.
pub fn measure(
    path: &Path,
    player: &Player,
    views: &[View],
    progress: Progress,
) -> Result<StreamFigures> {
    let header = player.header();
    check_clip(header, views)?;
    let bytes = std::fs::metadata(path).with_context(|| format!("measuring {}", path.display()))?;
    let mut running = vec![Running::default(); views.len()];
    let job = progress.job("decoding and measuring", views.len() * views[0].frames.len());
    each_picture(player, |view, frame, decoded| {
        running[view].add(&views[view].frames[frame], decoded);
        job.step();
    })?;
    let explicit = |view: usize| header.views[view] == Role::Explicit;
    let figures = running.iter().enumerate().map(|(view, r)| r.figures(view, explicit(view)));
    let seconds = seconds(header.frames as usize, header.rate);
    Ok(StreamFigures::new(bytes.len(), seconds, figures.collect()))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn figures(bytes: u64, psnr_y: f64) -> StreamFigures {
        let of = |view, psnr_y| ViewFigures {
            view,
            explicit: view == 0,
            psnr_y,
            psnr_u: 40.0,
            psnr_v: 42.0,
            psnr_611: (6.0 * psnr_y + 82.0) / 8.0,
            ms_ssim: 0.95,
        };
        StreamFigures::new(bytes, 2.0, vec![of(0, psnr_y - 1.0), of(1, psnr_y + 1.0)])
    }

    #[test]
    fn means_run_over_all_views_and_bits_over_the_clip() {
        let figures = figures(1_370_087, 36.0);
        assert_eq!((figures.psnr_y, figures.psnr_611, figures.worst_y()), (36.0, 37.25, 35.0));
        assert!((figures.kbps - 5480.348).abs() < 1e-9);
        assert_eq!(seconds(48, (24, 1)), 2.0);
    }

    #[test]
    fn a_view_is_averaged_over_its_frames() {
        let black = Picture::zeros(16, 16);
        let mut grey = black.clone();
        grey.planes_mut()[0].fill(2);
        let mut running = Running::default();
        running.add(&black, &black);
        running.add(&black, &grey);
        let figures = running.figures(3, true);
        assert!((figures.psnr_y - crate::quality::psnr_db(2.0)).abs() < 1e-12);
        assert!(figures.ms_ssim > 0.5 && figures.ms_ssim < 1.0);
    }
}
