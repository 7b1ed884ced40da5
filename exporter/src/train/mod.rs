//! Training of one scene: distortion + λ · rate from the first step.
//!
//! `L = Σ_k a_k · MSE(picture_k) + λ · bits / px` over the fused picture, the warped anchor and the
//! implicit picture: the paper's three terms (its section III-D), with squared error because PSNR is the
//! measure. Samples are shuffled (time, view) pairs; a step touches only the grid entries it needs.

mod adam;
mod clip;
mod grids;
mod network;
mod rounding;
mod sources;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use iev_runtime::kernel::pack::unpack;
use iev_runtime::kernel::warp::PackedSize;
use iev_runtime::model::grid_shape;
use iev_runtime::picture::Picture;
use iev_runtime::profile::{PACKED, Profile};
use indicatif::{ProgressBar, ProgressStyle};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use tch::{Device, Kind, Tensor};

pub use clip::{Clip, MatchedFlow, ViewClip};
pub use grids::Sample;
pub use network::{BIAS_LOG2_STEP, ExportedLayer};

use adam::Parameters;
use grids::{TrainedGrid, latent};
use network::{RoundedNetwork, TrainedNetwork};
use rounding::Rounding;

/// How to train.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Decoder profile.
    pub profile: &'static Profile,
    /// Steps of the optimiser, flow initialisation excluded.
    pub steps: usize,
    /// Pictures per step.
    pub batch: usize,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Weight of a bit per implicit pixel against squared error of samples in 0‥1.
    pub lambda: f64,
    /// Seed of everything random.
    pub seed: u64,
    /// Where it runs.
    pub device: Device,
    /// Folder of the checkpoint; none keeps nothing.
    pub checkpoint: Option<PathBuf>,
}

/// Steps that only teach the flow what matching found.
const FLOW_STEPS: usize = 40;
/// Share of the steps with noise instead of rounding.
const NOISE_SHARE: f64 = 0.7;
/// Share of the steps over which the matched flow fades out.
const MATCH_SHARE: f64 = 0.2;
/// Weight of luma, and of each chroma plane, in the distortion.
const PLANE_WEIGHTS: [f64; 3] = [0.8, 0.1, 0.1];
/// Weights of the warped anchor and of the implicit picture at the start and at the end.
const SIDE_WEIGHTS: [f64; 2] = [0.1, 0.01];
/// The loss is scaled so that gradients stay far from Adam's epsilon.
const LOSS_SCALE: f64 = 1e4;
/// Time between checkpoints.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(120);

/// A network and its grids in training.
#[derive(Debug)]
pub struct Trainer {
    settings: Settings,
    parameters: Parameters,
    network: TrainedNetwork,
    grids: Vec<TrainedGrid>,
    step: usize,
    /// `[1, 24, y, x]`: weight of every packed sample in the distortion; zero in the padding.
    weights: Tensor,
    implicit_px: f64,
}

/// All pictures of one forward pass, packed.
struct Painted {
    fused: Tensor,
    warped: [Tensor; 2],
    implicit: Tensor,
}

/// The four pictures of one sample: first source warped, second warped, implicit, fused.
#[derive(Debug, Clone)]
pub struct Layers {
    /// Anchor warped.
    pub warped: Picture,
    /// Painted by the network alone.
    pub implicit: Picture,
    /// What the player shows.
    pub fused: Picture,
}

/// Levels of the whole scene for the stream.
#[derive(Debug, Clone)]
pub struct Exported {
    /// Layers in the profile's order.
    pub layers: Vec<ExportedLayer>,
    /// Per grid of the profile, per GOP: levels and step indices.
    pub grids: Vec<Vec<(Vec<i8>, Vec<u8>)>>,
}

impl Trainer {
    /// A fresh trainer for `clip`, continued from the checkpoint where there is one that fits.
    pub fn new(settings: Settings, clip: &Clip) -> Self {
        tch::manual_seed(settings.seed as i64);
        let mut parameters = Parameters::default();
        let (device, profile) = (settings.device, settings.profile);
        let network = TrainedNetwork::new(&mut parameters, profile, clip.views(), device);
        let frames = clip.gop_frames();
        let grids = profile.grids.iter().map(|spec| {
            let shape = |frames: &usize| grid_shape(spec, clip.size, *frames, clip.views());
            let gops = if spec.in_scene() { &frames[..1] } else { &frames[..] };
            TrainedGrid::new(&mut parameters, spec, gops.iter().map(shape).collect(), device)
        });
        let grids = grids.collect();
        let weights = sample_weights(clip).to_device(device);
        let px = (clip.size.width() * clip.size.height() * clip.samples().len()) as f64;
        let mut trainer =
            Self { settings, parameters, network, grids, step: 0, weights, implicit_px: px };
        if let Some(step) = trainer.restore() {
            trainer.step = step;
        }
        trainer
    }

    /// Trains to the end of the schedule, with a progress bar.
    ///
    /// # Errors
    /// When the loss stops being a number.
    pub fn run(&mut self, clip: &Clip, quiet: bool) -> anyhow::Result<()> {
        let total = self.settings.steps + FLOW_STEPS;
        let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(total as u64) };
        bar.set_style(progress_style());
        bar.set_position(self.step as u64);
        let mut saved = Instant::now();
        let mut smooth = Smooth::default();
        while self.step < total {
            let samples = self.draw(clip);
            tch::manual_seed(
                (self.settings.seed.wrapping_mul(1_000_003) + self.step as u64) as i64,
            );
            let (loss, measured) = if self.step < FLOW_STEPS {
                (self.flow_loss(clip, &samples), None)
            } else {
                let (loss, measured) = self.loss(clip, &samples);
                (loss, Some(measured))
            };
            loss.backward();
            let rate = self.learning_rate();
            self.step += 1;
            self.parameters.step(rate, self.step);
            if let Some((mse, bits)) = measured {
                anyhow::ensure!(
                    mse.is_finite() && bits.is_finite(),
                    "training diverged at step {}: lower --learning-rate",
                    self.step
                );
                smooth.add(mse, bits);
            }
            bar.inc(1);
            if self.step.is_multiple_of(10) {
                bar.set_message(smooth.message());
            }
            if quiet && self.step.is_multiple_of(500) {
                eprintln!("step {} of {total}: {}", self.step, smooth.message());
            }
            if saved.elapsed() > CHECKPOINT_EVERY {
                self.save()?;
                saved = Instant::now();
            }
        }
        bar.finish();
        self.save()
    }

    /// The pictures of this step: a slice of the epoch's shuffled order.
    fn draw(&self, clip: &Clip) -> Vec<Sample> {
        let mut all = clip.samples();
        let batch = self.settings.batch.min(all.len());
        let per_epoch = all.len() / batch;
        let epoch = (self.step / per_epoch) as u64;
        all.shuffle(&mut StdRng::seed_from_u64(self.settings.seed ^ (epoch << 20)));
        let first = self.step % per_epoch * batch;
        all[first..first + batch].to_vec()
    }

    /// Warm-up, then a cosine to a hundredth.
    fn learning_rate(&self) -> f64 {
        let done = self.step.saturating_sub(FLOW_STEPS) as f64 / self.settings.steps as f64;
        let warm = ((self.step + 1) as f64 / 50.0).min(1.0);
        let cosine = 0.505 + 0.495 * (std::f64::consts::PI * done.min(1.0)).cos();
        self.settings.learning_rate * warm * cosine
    }

    fn done(&self) -> f64 {
        self.step.saturating_sub(FLOW_STEPS) as f64 / self.settings.steps as f64
    }

    fn rounding(&self) -> Rounding {
        if self.done() < NOISE_SHARE { Rounding::Noise } else { Rounding::Straight }
    }

    fn views(&self, samples: &[Sample]) -> Tensor {
        let views: Vec<i64> = samples.iter().map(|s| s.view as i64).collect();
        Tensor::from_slice(&views).to_device(self.settings.device)
    }

    /// Motion cut on the latents of `samples`; also the estimated bits of everything.
    fn motion(
        &self,
        samples: &[Sample],
        rounding: Rounding,
    ) -> (RoundedNetwork, network::Motion, Tensor) {
        let network = self.network.round(&self.parameters, rounding);
        let latent = |scale| {
            latent(self.settings.profile, scale, &self.grids, &self.parameters, samples, rounding)
        };
        let ((latent16, bits16), (latent8, bits8)) = (latent(16), latent(8));
        let motion = network.motion(&latent16, &latent8, &self.views(samples));
        let bits = &network.bits + bits16 + bits8;
        (network, motion, bits)
    }

    fn paint(
        &self,
        clip: &Clip,
        samples: &[Sample],
        network: &RoundedNetwork,
        motion: &network::Motion,
    ) -> Painted {
        let size = PackedSize::of(clip.size);
        let [first, second] = clip.sources(samples);
        let warped = [
            sources::warp(&first, &motion.flow.narrow(1, 0, 2), size),
            sources::warp(&second, &motion.flow.narrow(1, 2, 2), size),
        ];
        let refined =
            network.refine(&motion.features, [&warped[0], &warped[1]], &self.views(samples));
        let fused = sources::fuse(&refined.picture, &refined.mask, [&warped[0], &warped[1]]);
        Painted { fused, warped, implicit: refined.picture }
    }

    /// Weighted squared error per picture, samples in 0‥1.
    fn distortion(&self, picture: &Tensor, target: &Tensor) -> Tensor {
        let error = picture - target;
        // Packed samples span 2, so a quarter of their squared error is that of samples in 0‥1.
        (&error * &error * &self.weights).sum(Kind::Float) / (4.0 * picture.size()[0] as f64)
    }

    fn matched_error(&self, clip: &Clip, samples: &[Sample], flow: &Tensor) -> Tensor {
        let (matched, trust) = clip.matched(samples);
        let device = self.settings.device;
        let error = (flow.narrow(1, 0, 2) - matched.to_device(device)).abs();
        // The second source starts where the view itself is: at rest.
        let rest = flow.narrow(1, 2, 2).abs().mean(Kind::Float);
        (error * trust.to_device(device)).mean(Kind::Float) + rest
    }

    fn flow_loss(&self, clip: &Clip, samples: &[Sample]) -> Tensor {
        let (_, motion, bits) = self.motion(samples, Rounding::Noise);
        let rate = bits * (0.1 * self.settings.lambda / self.implicit_px);
        (self.matched_error(clip, samples, &motion.flow) * 0.02 + rate) * LOSS_SCALE
    }

    /// Loss of a step, and its luma squared error and estimated bits.
    fn loss(&self, clip: &Clip, samples: &[Sample]) -> (Tensor, (f64, f64)) {
        let (network, motion, bits) = self.motion(samples, self.rounding());
        let painted = self.paint(clip, samples, &network, &motion);
        let target = clip.targets(samples).to_device(self.settings.device);
        let side = SIDE_WEIGHTS[0] + (SIDE_WEIGHTS[1] - SIDE_WEIGHTS[0]) * self.done();
        let mut loss = self.distortion(&painted.fused, &target)
            + self.distortion(&painted.warped[0], &target) * side
            + self.distortion(&painted.implicit, &target) * side
            + &bits * (self.settings.lambda / self.implicit_px);
        let matching = 1.0 - self.done() / MATCH_SHARE;
        if matching > 0.0 {
            loss += self.matched_error(clip, samples, &motion.flow) * (0.002 * matching);
        }
        let error = (painted.fused.detach() - target).narrow(1, 0, 16);
        let mse = (&error * &error).mean(Kind::Double).double_value(&[]) / 4.0;
        (loss * LOSS_SCALE, (mse, bits.double_value(&[])))
    }

    /// Pictures of `samples` as the stream will hold them.
    pub fn layers(&self, clip: &Clip, samples: &[Sample]) -> Vec<Layers> {
        tch::no_grad(|| {
            let (network, motion, _) = self.motion(samples, Rounding::Straight);
            let painted = self.paint(clip, samples, &network, &motion);
            let picture = |packed: &Tensor, sample: usize| {
                let flat = packed.select(0, sample as i64).to_device(Device::Cpu).reshape([-1]);
                let mut picture = Picture::new(clip.size);
                let values = Vec::<f32>::try_from(flat).unwrap_or_default();
                unpack(&values, PackedSize::of(clip.size), &mut picture);
                picture
            };
            let layers = (0..samples.len()).map(|i| Layers {
                warped: picture(&painted.warped[0], i),
                implicit: picture(&painted.implicit, i),
                fused: picture(&painted.fused, i),
            });
            layers.collect()
        })
    }

    /// Rounded levels for the stream.
    pub fn export(&self) -> Exported {
        Exported {
            layers: self.network.export(&self.parameters),
            grids: self.grids.iter().map(|g| g.export(&self.parameters)).collect(),
        }
    }

    fn checkpoint(&self) -> Option<PathBuf> {
        self.settings.checkpoint.as_ref().map(|folder| folder.join("train.pt"))
    }

    fn save(&self) -> anyhow::Result<()> {
        let Some(path) = self.checkpoint() else { return Ok(()) };
        let mut state = self.parameters.state();
        state.push(("step".into(), Tensor::from(self.step as i64)));
        write_checkpoint(&state, &path)
    }

    /// Step of the checkpoint taken over, if there is one that fits.
    fn restore(&mut self) -> Option<usize> {
        let mut state = Tensor::load_multi(self.checkpoint()?).ok()?;
        let (_, step) = state.pop()?;
        self.parameters.restore(&state).then(|| step.int64_value(&[]) as usize)
    }
}

fn write_checkpoint(state: &[(String, Tensor)], path: &Path) -> anyhow::Result<()> {
    let partial = path.with_extension("partial");
    Tensor::save_multi(state, &partial)?;
    std::fs::rename(&partial, path)?;
    Ok(())
}

/// Distortion weight of every packed sample: planes by [`PLANE_WEIGHTS`], padding zero, sum one.
fn sample_weights(clip: &Clip) -> Tensor {
    let size = PackedSize::of(clip.size);
    let mut weights = vec![0f32; PACKED * size.plane()];
    let (width, height) = (clip.size.width(), clip.size.height());
    let (chroma_width, chroma_height) = clip.size.chroma();
    for (at, weight) in weights.iter_mut().enumerate() {
        let (channel, cell) = (at / size.plane(), at % size.plane());
        let (row, column) = (cell / size.columns, cell % size.columns);
        let (plane, side, channel, columns, rows) = match channel {
            0..16 => (0, 4, channel, width, height),
            16..20 => (1, 2, channel - 16, chroma_width, chroma_height),
            _ => (2, 2, channel - 20, chroma_width, chroma_height),
        };
        let (x, y) = (column * side + channel % side, row * side + channel / side);
        if x < columns && y < rows {
            *weight = (PLANE_WEIGHTS[plane] / (columns * rows) as f64) as f32;
        }
    }
    Tensor::from_slice(&weights).view([1, PACKED as i64, size.rows as i64, size.columns as i64])
}

/// Running means for the progress line.
#[derive(Debug, Default)]
struct Smooth {
    mse: Option<f64>,
    bits: f64,
}

impl Smooth {
    fn add(&mut self, mse: f64, bits: f64) {
        let old = self.mse.unwrap_or(mse);
        self.bits = if self.mse.is_none() { bits } else { self.bits + (bits - self.bits) * 0.02 };
        self.mse = Some(old + (mse - old) * 0.02);
    }

    fn message(&self) -> String {
        self.mse.map_or("matching flow".into(), |mse| {
            format!(
                "luma {:.2} dB, network and grids about {:.1} kB",
                -10.0 * mse.log10(),
                self.bits / 8e3
            )
        })
    }
}

fn progress_style() -> ProgressStyle {
    ProgressStyle::with_template("{elapsed_precise} [{bar:30}] {pos}/{len} {msg}, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}
