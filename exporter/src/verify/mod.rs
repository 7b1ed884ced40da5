//! Decodes a finished file with the shipping runtime and holds it against its source.

pub mod ledger;
pub mod measure;
mod player_pictures;

#[cfg(all(test, feature = "train"))]
mod tests;

use std::path::Path;

use iev_runtime::format::views::ViewSet;
use iev_runtime::network::opening::{NetworkPath, Precision};
use iev_runtime::play::player::Player;
use iev_runtime::{FrameIndex, ViewId};
use serde::{Deserialize, Serialize};

use crate::error::{Context, Result};
use crate::input::View;
use crate::progress::Progress;
use crate::quality::PlaneErrors;
use crate::verify::ledger::Parts;
use crate::verify::measure::{StreamFigures, measure};
use crate::verify::player_pictures::open_by;

pub use player_pictures::{
    LayerPictures, check_backend, check_clip, decode_file, each_layer, each_picture, open,
};

/// Largest difference to the trainer's PSNR that rounding of floats explains.
pub const TRAINER_TOLERANCE_DB: f64 = 0.1;

/// Mean luma PSNR of all views with the network in 8 bits; none where it cannot be here.
fn int8_psnr_y(
    network: NetworkPath,
    path: &Path,
    views: &[View],
    progress: Progress,
) -> Result<Option<f64>> {
    let (player, backend) = open_by(network, Precision::Int8, path).context("opening in 8 bits")?;
    // One frame tells, before all are decoded, whether there is a network and what it paints in.
    player.at(ViewSet::all(player.header()), FrameIndex(0)).context("decoding in 8 bits")?;
    if backend.opened().is_none_or(|opened| opened.precision != Precision::Int8) {
        return Ok(None);
    }
    let mut errors = vec![PlaneErrors::default(); views.len()];
    let job = progress.job("measuring in 8 bits", views.len() * views[0].frames.len());
    each_picture(&player, |view, frame, picture| {
        errors[view].add(&views[view].frames[frame], picture);
        job.step();
    })?;
    let sum: f64 = errors.iter().map(|e| e.psnr_db()[0]).sum();
    Ok(Some(sum / views.len() as f64))
}

/// Luma PSNR of the layers of one implicit view.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LayerFigures {
    /// The view.
    pub view: usize,
    /// Its anchor, warped.
    pub warped_db: f64,
    /// Painted by the network alone.
    pub implicit_db: f64,
    /// What is shown.
    pub fused_db: f64,
}

/// The player's picture against the trainer's own.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TrainerDifference {
    /// The view.
    pub view: usize,
    /// PSNR of Y, U and V as the encoder predicted it.
    pub predicted_db: [f64; 3],
    /// Largest difference over the planes.
    pub difference_db: f64,
}

/// Everything that is known of a finished file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verification {
    /// Path of the network that painted what was measured.
    #[serde(default)]
    pub path: NetworkPath,
    /// Bytes and quality.
    pub figures: StreamFigures,
    /// Where the bytes go.
    pub parts: Parts,
    /// What implicit views are blended from; only the split path has layers.
    pub layers: Vec<LayerFigures>,
    /// Every view against the encoder's prediction, where there is one.
    pub trainer: Vec<TrainerDifference>,
    /// Mean luma PSNR with the network in 8 bits, where this machine can.
    #[serde(default)]
    pub int8_psnr_y: Option<f64>,
}

impl Verification {
    /// Sentences about what is not as it should be.
    pub fn warnings(&self) -> Vec<String> {
        let apart = self.trainer.iter().filter(|d| d.difference_db > TRAINER_TOLERANCE_DB);
        let sentence = |d: &TrainerDifference| {
            let TrainerDifference { view, difference_db, .. } = d;
            format!(
                "view {view} decodes {difference_db:.2} dB away from what the encoder predicted, \
                 more than {TRAINER_TOLERANCE_DB} dB"
            )
        };
        apart.map(sentence).collect()
    }

    /// Mean luma PSNR of warped anchor, implicit and fused picture; none without implicit views.
    pub fn mean_layers_db(&self) -> Option<[f64; 3]> {
        let count = self.layers.len() as f64;
        let sum = |of: fn(&LayerFigures) -> f64| self.layers.iter().map(of).sum::<f64>() / count;
        let means = [sum(|l| l.warped_db), sum(|l| l.implicit_db), sum(|l| l.fused_db)];
        (!self.layers.is_empty()).then_some(means)
    }
}

/// Decodes the file at `path` and measures it against `views`.
///
/// `predicted_db` has the encoder's own PSNR of Y, U and V for each view it knows.
///
/// # Errors
/// When the file does not decode, or is not of these views.
pub fn verify(
    path: &Path,
    views: &[View],
    predicted_db: &[(usize, [f64; 3])],
    progress: Progress,
) -> Result<Verification> {
    verify_by(NetworkPath::Split, path, views, predicted_db, progress)
}

/// The same with implicit pictures painted by `network`: by [`NetworkPath::Full`] the graph that GPUs run, here on the
/// CPU.
///
/// # Errors
/// As [`verify`].
pub fn verify_by(
    network: NetworkPath,
    path: &Path,
    views: &[View],
    predicted_db: &[(usize, [f64; 3])],
    progress: Progress,
) -> Result<Verification> {
    let (player, _) = open_by(network, Precision::F32, path)?;
    let figures = measure(path, &player, views, progress)?;
    let against = |(view, predicted): &(usize, [f64; 3])| {
        let planes = figures.views[*view].psnr_db().into_iter().zip(*predicted);
        let difference_db = planes.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        TrainerDifference { view: *view, predicted_db: *predicted, difference_db }
    };
    let trainer = predicted_db.iter().map(against).collect();
    let layers = match network {
        NetworkPath::Split => layer_figures(&player, views, progress)?,
        NetworkPath::Full => Vec::new(),
    };
    let int8_psnr_y = int8_psnr_y(network, path, views, progress)?;
    let parts = Parts::of(path)?;
    Ok(Verification { path: network, parts, trainer, layers, figures, int8_psnr_y })
}

fn layer_figures(player: &Player, views: &[View], progress: Progress) -> Result<Vec<LayerFigures>> {
    let mut errors = vec![[PlaneErrors::default(); 3]; views.len()];
    let pictures = player.header().implicit_views().count() * player.frames().len();
    let job = progress.job("measuring layers", pictures);
    each_layer(player, player.frames(), |frame, layers| {
        let original = &views[layers.view].frames[frame.0 as usize];
        let LayerPictures { view, warped, implicit, fused } = &layers;
        for (errors, picture) in errors[*view].iter_mut().zip([warped, implicit, fused]) {
            errors.add(original, picture);
        }
        job.step();
    })?;
    let figures = |ViewId(view): ViewId| {
        let [warped_db, implicit_db, fused_db] = errors[usize::from(view)].map(|e| e.psnr_db()[0]);
        LayerFigures { view: view.into(), warped_db, implicit_db, fused_db }
    };
    Ok(player.header().implicit_views().map(figures).collect())
}
