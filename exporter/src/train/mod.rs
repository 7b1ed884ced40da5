//! Training of one scene: distortion + λ · rate from the first step.
//!
//! `L = Σ_k a_k · MSE(picture_k) + λ · bits / px` over the fused picture, the warped anchor and the
//! implicit picture: the paper's three terms (its section III-D), with squared error because PSNR is the
//! measure. A step trains on a few windows of pictures (`windows.rs`), shuffled over frames, views and places; it reads
//! only the grid entries it needs.

mod cells;
mod checkpoint;
mod clip;
pub mod cuda;
pub mod dataset;
mod grids;
mod host;
mod kept_flow;
mod late;
mod memory;
mod network;
mod optimiser;
mod parameters;
mod rate;
mod rounding;
mod smooth;
mod sources;
mod stream_start;
mod tensors;
#[cfg(test)]
mod tests;
mod twins;
mod warm_start;
mod widen;
mod windows;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use iev_runtime::kernel::pack::unpack;
use iev_runtime::kernel::warp::PackedSize;
use iev_runtime::machine::peak_memory_kib;
use iev_runtime::picture::Picture;
use iev_runtime::profile::Profile;
use iev_runtime::profile::topology::LayerId;
use iev_runtime::stream::latents::grid_shape;
use iev_runtime::stream::scene::{Grid, NetworkLevels};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use tch::{Device, Kind, Tensor};

use crate::ablation::{Part, Parts};
use crate::error::{Result, ensure};
use crate::progress::{Job, Progress, span};
use crate::rules::lambda_at;
use crate::stop;

pub use checkpoint::checkpoint_in;
use checkpoint::scene_folder;
pub use clip::{Clip, MatchedFlow, ViewClip};
pub use grids::Sample;

use grids::{Crop, TrainedGrid, latent};
use host::{number, to_vec};
use network::{RoundedNetwork, TrainedNetwork};
use parameters::{Parameters, Read};
use rounding::Rounding;
use smooth::Smooth;
use twins::{Kernels, WarpedSources};
use warm_start::WarmStart;
use windows::Window;

/// How to train.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Decoder profile.
    pub profile: &'static Profile,
    /// Steps of the optimiser, flow initialisation excluded.
    pub steps: usize,
    /// Steps before them that only teach the flow what matching found.
    pub flow_steps: usize,
    /// Pictures, or windows of pictures, per step.
    pub batch: usize,
    /// Most pixels of a picture that a step paints at once; larger pictures are trained in windows.
    pub window_px: usize,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Weight of a bit per implicit pixel against squared error of samples in 0‥1.
    pub lambda: f64,
    /// λ starts this many times higher than it ends, unless the training starts from another.
    ///
    /// Why: levels that a coarse λ has emptied stay empty where they are not worth their bits, while a
    /// training at its final λ never empties those that noise has filled at the start.
    pub lambda_fall: f64,
    /// Seed of everything random.
    pub seed: u64,
    /// Where it runs.
    pub device: Device,
    /// Bytes of pictures that a device may keep; the others are sent when they are needed.
    pub device_bytes: usize,
    /// Folder of the checkpoint, that of the first scene where there are several; none keeps nothing.
    pub checkpoint: Option<PathBuf>,
    /// Time between checkpoints; zero writes one after every step.
    pub checkpoint_every: Duration,
    /// Folder with the checkpoint of another training whose parameters this one starts from, or a stream.
    pub warm_start: Option<PathBuf>,
    /// The scene of the clip.
    pub scene: usize,
    /// What to do without.
    pub without: Parts,
}

impl Settings {
    /// Folder of what this scene's training keeps.
    pub fn work(&self) -> Option<PathBuf> {
        self.checkpoint.as_deref().map(|folder| scene_folder(folder, self.scene))
    }
}

/// Steps that teach the flow before the others, unless asked otherwise.
pub const FLOW_STEPS: usize = 400;
/// Share of the steps with noise instead of rounding.
const NOISE_SHARE: f64 = 0.8;
/// Share of the steps over which λ falls to its end.
const LAMBDA_SHARE: f64 = 0.5;
/// Share of the steps over which the matched flow fades out.
const MATCH_SHARE: f64 = 0.2;
/// Weight of the matched flow's error, in flow units, at first.
const MATCH_WEIGHT: f64 = 0.002;
/// Weights of the warped anchor and of the implicit picture at the start and at the end.
const SIDE_WEIGHTS: [f64; 2] = [0.1, 0.01];
/// The loss is scaled so that gradients stay far from Adam's epsilon.
const LOSS_SCALE: f64 = 1e4;
/// Fewer steps to come than this are not worth an estimate.
const ESTIMATED_STEPS: usize = 200;
/// Most pictures that the steps of outputs are measured on.
const CALIBRATION_SAMPLES: usize = 64;
/// Share of an output's values that its step does not reach: a finer one for the others is worth more.
const OUTLIERS: f64 = 1e-4;
/// Steps between two lines of figures, for which numbers are read from a device.
const TELL_EVERY: usize = 10;
/// Bytes of pictures that a device keeps, unless asked otherwise.
pub const DEVICE_BYTES: usize = 4 << 30;
/// Time between checkpoints, unless asked otherwise.
pub const CHECKPOINT_EVERY: Duration = Duration::from_secs(120);

/// A network and its grids in training.
#[derive(Debug)]
pub struct Trainer {
    settings: Settings,
    parameters: Parameters,
    network: TrainedNetwork,
    grids: Vec<TrainedGrid>,
    step: usize,
    kernels: Kernels,
    /// What steps look at.
    windows: Vec<Window>,
    /// What finished pictures are painted in.
    whole: Window,
    epoch: Epoch,
    implicit_px: f64,
    /// Tells this training's checkpoints from those of others.
    fingerprint: i64,
}

/// Weight of the network's bits in the loss: what Muon makes orthogonal is seldom zero, and streams lie lower by a
/// stronger pull (EXPERIMENTS §47).
const NETWORK_WEIGHT: f64 = 2.0;

/// Weight of the grids' bits: finished streams lie lower with it, and the more so the coarser they are (EXPERIMENTS
/// §26, §27).
fn grid_weight(lambda: f64) -> f64 {
    (1.4 + 0.4 / 3.0 * (lambda / lambda_at(37.0)).log2()).clamp(1.0, 2.0)
}

/// What network and grids cost in a step, estimated.
struct Rate {
    bits: Tensor,
    /// The same, weighted for the loss.
    weighted_bits: Tensor,
}

/// The first half of a step.
struct Forward {
    network: RoundedNetwork,
    motion: network::Motion,
    rate: Rate,
    read: Vec<Read>,
}

/// What a step has measured, not told yet.
enum Measured {
    /// The loss of a step that teaches the flow.
    Flow(Tensor),
    /// Of any other its luma squared error and estimated bits.
    Pictures { mse: Tensor, bits: Tensor },
}

/// What some samples are blended from.
struct BlendInputs {
    motion: network::Motion,
    warped: [WarpedSources; 2],
    refined: network::Refined,
}

/// The order in which an epoch meets all windows of all pictures.
#[derive(Debug, Default)]
struct Epoch {
    number: Option<usize>,
    /// Pictures, and windows by their index.
    order: Vec<(Sample, usize)>,
}

/// The whole scene as the stream holds it.
#[derive(Debug, Clone)]
pub struct SceneLevels {
    /// The network.
    pub network: NetworkLevels,
    /// Static grids, in the profile's order.
    pub scene_grids: Vec<Grid>,
    /// Grids over time of every GOP, in the profile's order.
    pub gop_grids: Vec<Vec<Grid>>,
}

/// The value that all but [`OUTLIERS`] of an output `[sample, channel, y, x]` stay below, for all channels or for each.
fn reach_of(output: &Tensor, steps: usize) -> Vec<f64> {
    let groups = output.transpose(0, 1).reshape([steps as i64, -1]);
    let count = (groups.size()[1] as f64 * OUTLIERS).ceil() as i64;
    let (highest, _) = groups.topk(count, 1, true, true);
    to_vec(&highest.amin([1], false)).into_iter().map(f64::from).collect()
}

/// What a training of `profile` begins with.
fn fresh(
    profile: &'static Profile,
    clip: &Clip<'_>,
    device: Device,
) -> (Parameters, TrainedNetwork, Vec<TrainedGrid>) {
    let mut parameters = Parameters::default();
    let network = TrainedNetwork::new(&mut parameters, profile, device);
    let frames = clip.gop_frames();
    let grids = profile.grids.iter().map(|spec| {
        let shape = |frames: &usize| grid_shape(spec, clip.size, *frames, clip.views());
        let gops = if spec.in_scene() { &frames[..1] } else { &frames[..] };
        TrainedGrid::new(&mut parameters, spec, gops.iter().map(shape).collect(), device)
    });
    let grids = grids.collect();
    (parameters, network, grids)
}

impl Trainer {
    /// A trainer for `clip`: continued from its checkpoint where there is one, else with the parameters of
    /// the training it starts from, else fresh.
    ///
    /// # Errors
    /// When the checkpoint is of another or a longer training, or the one to start from is missing or of
    /// another shape.
    pub fn new(settings: Settings, clip: &Clip<'_>) -> Result<Self> {
        memory::keep_freed_memory();
        tch::manual_seed(settings.seed as i64);
        let (mut parameters, network, grids) = fresh(settings.profile, clip, settings.device);
        // An ablation holds its part at zero.
        if settings.without.has(Part::InterView) {
            network.hold_inter_view(&mut parameters, settings.profile);
        }
        let held = grids.iter().filter(|g| settings.without.has_grid(g.spec));
        held.for_each(|g| g.hold(&mut parameters));
        let kernels = Kernels::of(settings.device, settings.device_bytes);
        let windows = windows::windows(clip.size, settings.profile, settings.window_px);
        let warm = settings.warm_start.as_deref();
        let warm = warm.map(|path| WarmStart::load(path, settings.scene)).transpose()?;
        let origin = warm.as_ref().map(WarmStart::origin);
        let fingerprint = checkpoint::fingerprint(&settings, clip, windows.len(), origin);
        let px = (clip.size.width() * clip.size.height() * clip.samples().len()) as f64;
        let mut trainer = Self {
            settings,
            parameters,
            network,
            grids,
            step: 0,
            kernels,
            windows,
            whole: Window::whole(clip.size),
            epoch: Epoch::default(),
            implicit_px: px,
            fingerprint,
        };
        // Its own checkpoint goes before another training's.
        if trainer.restore()? {
            return Ok(trainer);
        }
        if let Some(start) = warm {
            let Settings { profile, device, .. } = trainer.settings;
            start.teach(&mut trainer.parameters, profile, clip, device)?;
        }
        Ok(trainer)
    }

    /// Steps that only teach the flow; a training that starts from another knows it already.
    fn flow_steps(&self) -> usize {
        if self.settings.warm_start.is_some() { 0 } else { self.settings.flow_steps }
    }

    fn total_steps(&self) -> usize {
        self.settings.steps + self.flow_steps()
    }

    /// Trains to the end of the schedule.
    ///
    /// # Errors
    /// Those of [`Self::run_to`].
    pub fn run(&mut self, clip: &Clip<'_>, progress: Progress) -> Result<()> {
        self.run_to(self.settings.steps, clip, progress)?;
        self.save()
    }

    /// Trains until so many `steps` of the schedule are done; false where they were before.
    ///
    /// # Errors
    /// When the loss or a parameter stops being a number; the last checkpoint before that is kept. When
    /// somebody asks for a stop, which writes a checkpoint.
    pub fn run_to(&mut self, steps: usize, clip: &Clip<'_>, progress: Progress) -> Result<bool> {
        let (flow, end) = (self.flow_steps(), self.flow_steps() + steps);
        if self.step > end {
            return Ok(false);
        }
        if self.step < flow {
            self.train_to(flow, clip, &progress.resumed("learning the flow", self.step, flow))?;
        }
        let job = progress.resumed("training", self.step - flow, self.settings.steps);
        self.train_to(end, clip, &job)?;
        // Whoever looks at it now sees all grids as they are.
        self.parameters.catch_up();
        Ok(true)
    }

    /// Trains until `end` steps are done.
    fn train_to(&mut self, end: usize, clip: &Clip<'_>, job: &Job) -> Result<()> {
        let mut saved = Instant::now();
        let mut smooth = Smooth::default();
        while self.step < end {
            let (measured, read) = self.gradients(clip);
            let tells = self.step % TELL_EVERY == TELL_EVERY - 1;
            if tells || !self.kernels.run_ahead() {
                smooth.add(self.read(&measured)?);
            }
            let rate = self.learning_rate();
            self.step += 1;
            self.parameters.step(rate, read);
            job.step();
            if tells && matches!(measured, Measured::Pictures { .. }) {
                job.tell(smooth.message());
            }
            // A step is never lost that has been done.
            if stop::asked() {
                self.save()?;
                return Err(stop::Stopped.into());
            }
            if saved.elapsed() >= self.settings.checkpoint_every {
                self.save()?;
                saved = Instant::now();
            }
        }
        Ok(())
    }

    /// Back-propagates the loss of this step; also gives what it has read of the grids.
    fn gradients(&mut self, clip: &Clip<'_>) -> (Measured, Vec<Read>) {
        self.begin_epoch(clip);
        let crops = self.draw();
        tch::manual_seed((self.settings.seed.wrapping_mul(1_000_003) + self.step as u64) as i64);
        if self.step < self.flow_steps() {
            let (loss, read) = self.flow_loss(clip, &crops);
            loss.backward();
            return (Measured::Flow(loss), read);
        }
        self.backward(clip, &crops)
    }

    /// Luma squared error and estimated bits of a step that has them.
    fn read(&self, measured: &Measured) -> Result<Option<(f64, f64)>> {
        let told = match measured {
            Measured::Flow(loss) => {
                self.require(number(loss).is_finite())?;
                return Ok(None);
            }
            Measured::Pictures { mse, bits } => (number(mse), number(bits)),
        };
        self.require(told.0.is_finite() && told.1.is_finite())?;
        Ok(Some(told))
    }

    /// Steps that are still to be done: those that teach the flow, and the others.
    pub fn steps_left(&self) -> [usize; 2] {
        let (now, flow) = (self.step, self.flow_steps());
        [flow.saturating_sub(now), self.total_steps() - now.max(flow)]
    }

    /// Says how long the steps `left`, of this training and of others like it, will take and how much memory, by trying
    /// two of each kind: the second one's time, for the first has much to make, and what the process has had at most,
    /// since a step is like any other.
    ///
    /// What they learn is forgotten, so that a training is the same with and without.
    ///
    /// # Errors
    /// As for a step.
    pub fn tell_estimate(
        &mut self,
        clip: &Clip<'_>,
        left: [usize; 2],
        progress: Progress,
    ) -> Result<()> {
        let (now, flow) = (self.step, self.flow_steps());
        if progress == Progress::Quiet || left.iter().sum::<usize>() < ESTIMATED_STEPS {
            return Ok(());
        }
        let mut takes = Duration::ZERO;
        // Two steps of each kind, of which the second is warm.
        for (first, steps) in [now, now.max(flow)].into_iter().zip(left) {
            if steps == 0 {
                continue;
            }
            self.step = first;
            let mut each = Duration::ZERO;
            for _ in 0..2 {
                let started = Instant::now();
                let (measured, _) = self.gradients(clip);
                // Which waits for a device.
                self.read(&measured)?;
                each = started.elapsed();
                self.parameters.forget_gradients();
            }
            takes += each.mul_f64(steps as f64);
        }
        self.step = now;
        let [flow, steps] = left;
        let flow = if flow > 0 { format!("{flow} steps for the flow, ") } else { String::new() };
        let memory = peak_memory_kib(Path::new("/"));
        let memory =
            memory.map_or(String::new(), |kib| format!(" and {} MiB of memory", kib >> 10));
        let takes = span(takes);
        progress.say(format!("training will take about {takes}{memory}: {flow}{steps} steps"));
        Ok(())
    }

    /// Fails unless what this step met is `finite`.
    fn require(&self, finite: bool) -> Result<()> {
        let rate = self.settings.learning_rate;
        ensure!(
            finite,
            "training diverged at step {} or shortly before: lower --learning-rate, which is {rate}",
            self.step
        );
        Ok(())
    }

    /// Pictures per step, and steps per epoch of `all` that there are.
    fn batches(&self, all: usize) -> (usize, usize) {
        let batch = self.settings.batch.min(all);
        (batch, all / batch)
    }

    /// Shuffles what there is to train on, where this step is in another epoch than the one before.
    fn begin_epoch(&mut self, clip: &Clip<'_>) {
        let samples = clip.samples();
        let (_, per_epoch) = self.batches(samples.len() * self.windows.len());
        let number = self.step / per_epoch;
        if self.epoch.number == Some(number) {
            return;
        }
        let windows = 0..self.windows.len();
        let all = samples.into_iter().flat_map(|s| windows.clone().map(move |window| (s, window)));
        let mut order: Vec<_> = all.collect();
        order.shuffle(&mut StdRng::seed_from_u64(self.settings.seed ^ ((number as u64) << 20)));
        self.epoch = Epoch { number: Some(number), order };
    }

    /// What this step looks at: a slice of the epoch's order.
    fn draw(&self) -> Vec<Crop<'_>> {
        let (batch, per_epoch) = self.batches(self.epoch.order.len());
        let slice = &self.epoch.order[self.step % per_epoch * batch..][..batch];
        let crop = |(sample, window): &(Sample, usize)| Crop {
            sample: *sample,
            window: &self.windows[*window],
        };
        slice.iter().map(crop).collect()
    }

    /// Warm-up, then a cosine to a hundredth.
    fn learning_rate(&self) -> f64 {
        let warm = ((self.step + 1) as f64 / 50.0).min(1.0);
        let cosine = 0.505 + 0.495 * (std::f64::consts::PI * self.done().min(1.0)).cos();
        self.settings.learning_rate * warm * cosine
    }

    /// Share of the schedule that is done, from the end of the flow initialisation.
    fn done(&self) -> f64 {
        self.step.saturating_sub(self.flow_steps()) as f64 / self.settings.steps as f64
    }

    /// λ of this step; a training that starts from another has had its coarse part.
    fn lambda(&self) -> f64 {
        let falls =
            self.settings.warm_start.is_none() && !self.settings.without.has(Part::RateWeights);
        let fallen = if falls { self.done() / LAMBDA_SHARE } else { 1.0 };
        self.settings.lambda * self.settings.lambda_fall.powf((1.0 - fallen).max(0.0))
    }

    /// Weights of the network's and the grids' bits.
    fn rate_weights(&self) -> [f64; 2] {
        let even = self.settings.without.has(Part::RateWeights);
        if even { [1.0; 2] } else { [NETWORK_WEIGHT, grid_weight(self.settings.lambda)] }
    }

    fn rounding(&self) -> Rounding {
        if self.done() < NOISE_SHARE { Rounding::Noise } else { Rounding::Straight }
    }

    /// Motion cut on the latents of `crops`, where they paint; also what everything costs.
    fn motion(&self, crops: &[Crop<'_>], rounding: Rounding) -> Forward {
        let network = self.network.round(&self.parameters, rounding, &self.kernels);
        let mut read = Vec::new();
        let mut latent = |scale| {
            let of = (self.settings.profile, scale);
            latent(of, &self.grids, &self.parameters, crops, (rounding, &self.kernels), &mut read)
        };
        let ((latent16, bits16), (latent8, bits8)) = (latent(16), latent(8));
        let motion = network.motion(&latent16, &latent8, crops).painted(crops);
        let grids = bits16 + bits8;
        let [of_network, of_grids] = self.rate_weights();
        let rate = Rate {
            weighted_bits: &network.bits * of_network + &grids * of_grids,
            bits: &network.bits + grids,
        };
        Forward { network, motion, rate, read }
    }

    /// Both sources of `crops`, warped.
    fn warp(
        &self,
        clip: &Clip<'_>,
        crops: &[Crop<'_>],
        motion: &network::Motion,
    ) -> [WarpedSources; 2] {
        let [first, second] = clip.sources(crops);
        let warp = |sources: &[&Picture], channel| {
            self.kernels.warp(sources, &motion.flow.narrow(1, channel, 2), crops)
        };
        [warp(&first, 0), warp(&second, 2)]
    }

    /// Mean over the picture of how far `flow` is from what matching found.
    fn matched_error(&self, clip: &Clip<'_>, crops: &[Crop<'_>], flow: &Tensor) -> Tensor {
        let (matched, trust) = clip.matched(crops);
        let device = self.settings.device;
        let counts = |crop: &Crop<'_>| crop.window.painted_of(&crop.window.counts(8), 8);
        let counts = Tensor::cat(&crops.iter().map(counts).collect::<Vec<_>>(), 0);
        let trust = (trust * &counts).to_device(device);
        let error = (flow.narrow(1, 0, 2) - matched.to_device(device)).abs() * trust;
        // The second source starts where the view itself is: at rest.
        let rest = flow.narrow(1, 2, 2).abs() * counts.to_device(device);
        (error.mean(Kind::Float) + rest.mean(Kind::Float)) * crops[0].window.share()
    }

    fn flow_loss(&self, clip: &Clip<'_>, crops: &[Crop<'_>]) -> (Tensor, Vec<Read>) {
        let Forward { motion, rate, read, .. } = self.motion(crops, Rounding::Noise);
        let rate = rate.weighted_bits * (0.1 * self.lambda() / self.implicit_px);
        let error = self.matched_error(clip, crops, &motion.flow);
        ((error * 0.02 + rate) * LOSS_SCALE, read)
    }

    /// Back-propagates the loss of a step.
    ///
    /// The graph is cut where the hand-written kernels are: first the refine cut, seeded with the
    /// gradients of [`Kernels::compare`], then the motion cut with what arrived at its outputs.
    fn backward(&self, clip: &Clip<'_>, crops: &[Crop<'_>]) -> (Measured, Vec<Read>) {
        // Forward: motion, warp, refinement; gradients are cut at the warped pictures and at the features.
        let Forward { network, motion, rate, read } = self.motion(crops, self.rounding());
        let warped = self.warp(clip, crops, &motion);
        let leaf = |t: Tensor| t.set_requires_grad(true);
        let sources = warped.each_ref().map(|w| leaf(w.values()));
        let features = leaf(motion.features.detach());
        let refine = network.cut();
        let refined = refine.refine(&features, [&sources[0], &sources[1]]);
        let learned = if self.settings.warm_start.is_some() { 1.0 } else { self.done() };
        let side = SIDE_WEIGHTS[0] + (SIDE_WEIGHTS[1] - SIDE_WEIGHTS[0]) * learned;
        let both = [&warped[0], &warped[1]];
        let compared = self.kernels.compare(clip, crops, &refined, both, side);
        let seed = |gradient: &Tensor, of: &Tensor| (of * gradient).sum(Kind::Float);
        let refine_loss =
            seed(&compared.picture, &refined.picture) + seed(&compared.mask, &refined.mask);
        (refine_loss * LOSS_SCALE).backward();

        let PackedSize { rows, columns } = crops[0].window.painted.packed();
        let size = [rows as i64, columns as i64];
        // Backward through the warp: the gradient of a sample times its slope is that of the flow.
        let fine = motion.flow.upsample_bilinear2d(size, false, None, None);
        let mut loss = &rate.weighted_bits * (LOSS_SCALE * self.lambda() / self.implicit_px);
        for (k, (source, warped)) in sources.iter().zip(&warped).enumerate() {
            let gradient = source.grad() + &compared.warped[k] * LOSS_SCALE;
            let flow = warped.flow_gradient(&gradient);
            loss += (fine.narrow(1, 2 * k as i64, 2) * flow).sum(Kind::Float);
        }
        loss =
            loss + (&motion.features * features.grad()).sum(Kind::Float) + network.carry(&refine);
        // At the start the matched flow leads the way.
        let matching = 1.0 - learned / MATCH_SHARE;
        if matching > 0.0 {
            let error = self.matched_error(clip, crops, &motion.flow);
            loss += error * (LOSS_SCALE * MATCH_WEIGHT * matching);
        }
        loss.backward();
        (Measured::Pictures { mse: compared.luma_mse, bits: rate.bits.detach() }, read)
    }

    /// Paints `crops` with the levels that the stream will hold.
    fn paint(&self, clip: &Clip<'_>, crops: &[Crop<'_>]) -> BlendInputs {
        let Forward { network, motion, .. } = self.motion(crops, Rounding::Straight);
        let warped = self.warp(clip, crops, &motion);
        let [anchor, second] = warped.each_ref().map(WarpedSources::values);
        let refined = network.refine(&motion.features, [&anchor, &second]);
        BlendInputs { motion, warped, refined }
    }

    /// Whole pictures.
    fn whole(&self, samples: &[Sample]) -> Vec<Crop<'_>> {
        samples.iter().map(|sample| Crop { sample: *sample, window: &self.whole }).collect()
    }

    /// Of so many pictures, how many are painted whole at once: one, where a step would not paint even that.
    pub fn at_once(&self, pictures: usize) -> usize {
        if self.windows.len() > 1 { 1 } else { pictures }
    }

    /// Pictures of `samples` as the player will show them.
    pub fn fused(&self, clip: &Clip<'_>, samples: &[Sample]) -> Vec<Picture> {
        tch::no_grad(|| {
            let BlendInputs { warped, refined, .. } = self.paint(clip, &self.whole(samples));
            let fused = self.kernels.fuse(&refined, [&warped[0], &warped[1]]);
            let values = fused.len() / samples.len();
            let picture = |packed: &[f32]| {
                let mut picture = Picture::new(clip.size);
                unpack(packed, PackedSize::of(clip.size), &mut picture);
                picture
            };
            fused.chunks_exact(values).map(picture).collect()
        })
    }

    /// How far every layer's output reaches that has steps in the stream, over pictures of the whole clip.
    fn output_reach(&self, clip: &Clip<'_>) -> HashMap<LayerId, Vec<f64>> {
        let samples = clip.samples();
        let apart = samples.len().div_ceil(CALIBRATION_SAMPLES);
        let samples: Vec<Sample> = samples.into_iter().step_by(apart).collect();
        let mut reach = HashMap::new();
        for samples in samples.chunks(self.at_once(self.settings.batch)) {
            let crops = self.whole(samples);
            let BlendInputs { motion, refined, .. } = tch::no_grad(|| self.paint(clip, &crops));
            for (layer, output) in motion.stepped.iter().chain(&refined.stepped) {
                let here = reach_of(output, self.settings.profile.layer(*layer).output_steps);
                let farthest: &mut Vec<f64> = reach.entry(*layer).or_insert_with(|| here.clone());
                farthest.iter_mut().zip(here).for_each(|(most, here)| *most = most.max(here));
            }
        }
        reach
    }

    /// Rounded levels for the stream.
    pub fn export(&self, clip: &Clip<'_>) -> SceneLevels {
        self.levels(clip, &self.output_reach(clip))
    }

    /// The same without the steps of outputs, for which pictures are painted: to see what they cost so far.
    pub fn levels_so_far(&self, clip: &Clip<'_>) -> SceneLevels {
        self.levels(clip, &HashMap::new())
    }

    fn levels(&self, clip: &Clip<'_>, reach: &HashMap<LayerId, Vec<f64>>) -> SceneLevels {
        let network = self.network.export(&self.parameters, reach);
        let mut scene_grids = Vec::new();
        let mut gop_grids = vec![Vec::new(); clip.gops.len()];
        for grid in &self.grids {
            let exported = grid.export(&self.parameters);
            if grid.spec.in_scene() {
                scene_grids.extend(exported);
            } else {
                gop_grids.iter_mut().zip(exported).for_each(|(gop, grid)| gop.push(grid));
            }
        }
        SceneLevels { network, scene_grids, gop_grids }
    }

    /// Writes the checkpoint, if there is a folder for it; never one that cannot be gone on from.
    fn save(&self) -> Result<()> {
        self.require(self.parameters.are_finite())?;
        let Some(folder) = self.settings.work() else { return Ok(()) };
        checkpoint::save(&folder, self.fingerprint, self.step, self.parameters.state())
    }

    /// Takes over the checkpoint; false when there is none.
    fn restore(&mut self) -> Result<bool> {
        let Some(folder) = self.settings.work() else { return Ok(false) };
        let Some(start) = checkpoint::load(&folder, self.fingerprint)? else { return Ok(false) };
        let path = start.path().display();
        ensure!(
            start.step() <= self.total_steps(),
            "{path} is at step {} of a longer training: ask for at least as many --steps, or name another --work",
            start.step() - self.flow_steps()
        );
        ensure!(
            self.parameters.restore(start.state(), start.step()),
            "{path} is of grids of another shape"
        );
        self.step = start.step();
        Ok(true)
    }
}
