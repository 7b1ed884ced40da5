//! The published codec (arXiv 2311.17350) and one that is implicit only, in the manner of NeRV: what this codec is
//! held against at equal training time, over the same explicit views.
//!
//! ```text
//! stream ─► explicit views ─┐
//! clip ─────────────────────┴─► train, prune, train in 8 bits ─► bits counted, pictures measured
//! ```
//!
//! A yardstick and no codec: as with the published one, no stream is written. Bits are counted by this project's entropy
//! coder, a distribution per tensor, where the published one has a Huffman table for all; in its favour.

mod network;
mod pictures;

use std::path::Path;
use std::time::Instant;

use iev_runtime::format::header::Role;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde::Serialize;
use tch::nn::OptimizerConfig;
use tch::{Tensor, nn, no_grad};

use crate::error::Result;
use crate::input::View;
use crate::progress::Progress;
use crate::quality::PlaneErrors;
use crate::stop;
use crate::verify::ledger::Parts;
use crate::verify::measure::{StreamFigures, measure};
use crate::verify::{decode_file, open};

use network::{Network, Shape};
use pictures::{distance, of_tensor, to_tensor};

/// How to train.
#[derive(Debug, Clone, Copy, Serialize, clap::Args)]
pub struct Settings {
    /// Steps of one picture each: half of them before pruning, half after it.
    #[arg(long, default_value_t = 6000)]
    pub steps: usize,
    /// Channels of the grids; the network's widths follow. Published are 20, 40 and 80.
    #[arg(long, default_value_t = 20)]
    pub channels: usize,
    /// Paint every view, explicit ones too, from grids alone, as NeRV does.
    #[arg(long)]
    pub implicit_only: bool,
    /// Seed of everything random.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}

/// What it takes, and what comes of it.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// Numbers in network and grids.
    pub parameters: usize,
    /// Bytes of network and grids, counted.
    pub network_bytes: u64,
    /// The same with the explicit views, as the stream has them.
    pub bytes: u64,
    /// Luma PSNR of every view in dB.
    pub psnr_y: Vec<f64>,
    /// Time of training.
    pub seconds: f64,
    /// The stream's own figures.
    pub stream: StreamFigures,
}

impl Outcome {
    /// Luma PSNR in dB: mean over the views, and the worst.
    pub fn mean_and_worst(&self) -> [f64; 2] {
        let mean = self.psnr_y.iter().sum::<f64>() / self.psnr_y.len() as f64;
        [mean, self.psnr_y.iter().copied().fold(f64::INFINITY, f64::min)]
    }
}

/// A picture to paint.
#[derive(Clone, Copy)]
struct Sample {
    frame: usize,
    /// Place among the painted views.
    view: usize,
}

/// A loss of 1 − SSIM and absolute error is Adam's at this rate, by the published code.
const LEARNING_RATE: f64 = 5e-4;
const BETAS: [f64; 2] = [0.5, 0.999];
/// Share of each half of the steps over which the rate rises.
const WARM_UP: f64 = 0.2;
/// Share of a convolution's weights and of a grid that is set to zero half-way.
const PRUNED: f64 = 0.6;
/// Weights of what is painted, warped and fused in the loss.
const TERMS: [f64; 3] = [0.1, 0.1, 1.0];

/// Trains the published network for the implicit views of the stream at `path` over its explicit ones, and measures it.
///
/// # Errors
/// What reading the stream meets, and [`stop::Stopped`].
pub fn measure_published(
    path: &Path,
    views: &[View],
    settings: Settings,
    progress: Progress,
) -> Result<Outcome> {
    let player = open(path)?;
    let stream = measure(path, &player, views, progress)?;
    let roles = player.header().views.clone();
    drop(player);
    let decoded = decode_file(path)?;
    // Who is painted, by whom.
    let anchor_of = |view: usize| match roles[view] {
        Role::Implicit { anchor, .. } if !settings.implicit_only => Some(usize::from(anchor.0)),
        _ => None,
    };
    let painted: Vec<usize> = (0..views.len())
        .filter(|view| settings.implicit_only || roles[*view] != Role::Explicit)
        .collect();
    let frames = views[0].frames.len();
    let sides = (views[0].frames[0].size().height(), views[0].frames[0].size().width());
    tch::manual_seed(settings.seed as i64);
    let variables = nn::VarStore::new(tch::Device::Cpu);
    let shape = Shape {
        sides,
        frames,
        views: painted.len(),
        channels: settings.channels,
        compensated: !settings.implicit_only,
    };
    let mut network = Network::new(&variables.root(), &shape);
    let target = |sample: Sample| to_tensor(&views[painted[sample.view]].frames[sample.frame]);
    let anchor = |sample: Sample| {
        anchor_of(painted[sample.view]).map(|view| to_tensor(&decoded[view][sample.frame]))
    };
    // Trained whole, then pruned and in 8 bits.
    let started = Instant::now();
    let adam = nn::Adam { beta1: BETAS[0], beta2: BETAS[1], ..nn::Adam::default() };
    let mut random = StdRng::seed_from_u64(settings.seed);
    let job = progress.job("training the published network", settings.steps);
    for half in [settings.steps / 2, settings.steps.div_ceil(2)] {
        let mut optimiser = adam.build(&variables, LEARNING_RATE)?;
        let mut epoch: Vec<Sample> = Vec::new();
        for step in 0..half {
            stop::check()?;
            if epoch.is_empty() {
                let all = (0..frames)
                    .flat_map(|frame| (0..painted.len()).map(move |view| Sample { frame, view }));
                epoch = all.collect();
                epoch.shuffle(&mut random);
            }
            let Some(sample) = epoch.pop() else { break };
            let original = target(sample);
            let layers = network.paint(sample.frame, sample.view, anchor(sample).as_ref());
            let terms = layers.iter().zip(TERMS).flat_map(|(layer, weight)| {
                layer.as_ref().map(|layer| distance(layer, &original) * weight)
            });
            let loss = terms.sum::<Tensor>();
            optimiser.set_lr(LEARNING_RATE * schedule(step, half));
            optimiser.backward_step(&loss);
            job.step();
        }
        if !network.is_compressed() {
            network.compress(PRUNED);
        }
    }
    drop(job);
    let seconds = started.elapsed().as_secs_f64();
    // Bits and pictures.
    let network_bytes = network.bytes();
    let parts = Parts::of(path)?;
    let explicit = if settings.implicit_only { 0 } else { parts.anchor + parts.index };
    let mut psnr_y: Vec<f64> = stream.views.iter().map(|view| view.psnr_y).collect();
    let job = progress.job("measuring", frames * painted.len());
    for (place, view) in painted.iter().enumerate() {
        let mut errors = PlaneErrors::default();
        for (frame, original) in views[*view].frames.iter().enumerate() {
            stop::check()?;
            let sample = Sample { frame, view: place };
            let shown = no_grad(|| network.paint(frame, place, anchor(sample).as_ref()));
            let [implicit, _, fused] = shown;
            let shown = fused.or(implicit).unwrap_or_else(|| unreachable!("something is painted"));
            errors.add(original, &of_tensor(&shown, original.size()));
            job.step();
        }
        psnr_y[*view] = errors.psnr_db()[0];
    }
    let parameters = network.parameters();
    Ok(Outcome {
        parameters,
        network_bytes,
        bytes: network_bytes + explicit,
        psnr_y,
        seconds,
        stream,
    })
}

/// The learning rate's course over `steps`: a line up, a cosine down.
fn schedule(step: usize, steps: usize) -> f64 {
    let warm = (steps as f64 * WARM_UP).max(1.0);
    let step = step as f64 + 1.0;
    if step < warm {
        return step / warm;
    }
    let done = (step - warm) / (steps as f64 - warm).max(1.0);
    0.5 * (1.0 + (done * std::f64::consts::PI).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_and_falls_to_nothing() {
        assert!(schedule(0, 100) < 0.06 && schedule(19, 100) > 0.99);
        assert!(schedule(60, 100) < 1.0 && schedule(99, 100) < 1e-3);
    }
}
