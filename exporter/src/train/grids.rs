//! The learned grids while they train.

use iev_runtime::format::grids::GridShape;
use iev_runtime::format::steps::StepIndex;
use iev_runtime::profile::{GridSpec, Profile, Sharing};
use iev_runtime::stream::scene::Grid;
use tch::{Device, Kind, Tensor};

use super::cells::Cells;
use super::host::{brought, to_vec};
use super::parameters::{ParameterId, Parameters, Read};
use super::rate::log_mean;
use super::rounding::{LEVEL_LIMIT, Rounding, steps};
use super::twins::Kernels;
use super::windows::Window;

/// Learning rate of levels relative to the schedule's.
const LEVEL_RATE: f64 = 4.0;
/// Learning rate of steps and of the rate model relative to the schedule's.
const MODEL_RATE: f64 = 1.0;

/// A picture to train on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// GOP of the scene.
    pub gop: usize,
    /// Frame in the GOP.
    pub frame: usize,
    /// Index among the implicit views.
    pub view: usize,
}

/// A picture, or the part of it that a step looks at.
#[derive(Debug, Clone, Copy)]
pub struct Crop<'a> {
    /// The picture.
    pub sample: Sample,
    /// The part; all those of a batch are equally large.
    pub window: &'a Window,
}

/// One grid; static ones have one GOP, the others one tensor per GOP side by side.
#[derive(Debug)]
pub struct TrainedGrid {
    /// What it is.
    pub spec: &'static GridSpec,
    /// Sizes per GOP.
    pub shapes: Vec<GridShape>,
    /// First row of each GOP in `levels`.
    first_rows: Vec<usize>,
    /// `[row = (gop, entry, view), channel, y, x]`, in levels.
    levels: ParameterId,
    log2_step: ParameterId,
    /// Laplace scale: constant part, part from neighbours, part from the entry before, per channel.
    scale: [ParameterId; 3],
    /// Share of the entry before that is subtracted before coding, per channel.
    memory: ParameterId,
}

impl TrainedGrid {
    /// A grid of zeros for GOPs of the given shapes.
    pub fn new(
        parameters: &mut Parameters,
        spec: &'static GridSpec,
        shapes: Vec<GridShape>,
        device: Device,
    ) -> Self {
        let options = (Kind::Float, device);
        // The entries of all GOPs in one tensor.
        let rows: usize = shapes.iter().map(|s| s.entries * s.views).sum();
        let first_rows = shapes.iter().scan(0, |at, s| {
            let first = *at;
            *at += s.entries * s.views;
            Some(first)
        });
        let first_rows = first_rows.collect();
        let shape = shapes[0];
        let size = [rows as i64, spec.channels as i64, shape.rows as i64, shape.columns as i64];
        let per_channel = [1, spec.channels as i64, 1, 1];
        // Levels, their steps, and the model of their bits.
        let name = |suffix: &str| format!("{}.{suffix}", spec.name);
        let levels = Tensor::zeros(size, options);
        let levels = parameters.add_grid(name("levels"), &levels, LEVEL_RATE);
        let mut add = |suffix: &str, start: f64| {
            parameters.add(name(suffix), &Tensor::full(per_channel, start, options), MODEL_RATE)
        };
        Self {
            levels,
            log2_step: add("log2_step", -2.0),
            scale: [add("scale", -1.0), add("scale_near", -2.0), add("scale_before", -2.0)],
            memory: add("memory", 0.0),
            spec,
            shapes,
            first_rows,
        }
    }

    /// Begins at what a stream holds for each GOP; the model of its bits at how large the levels of a channel are.
    pub fn begin_at(&self, parameters: &mut Parameters, gops: &[&Grid]) {
        let levels =
            Tensor::cat(&gops.iter().map(|g| Tensor::from_slice(&g.levels)).collect::<Vec<_>>(), 0);
        let levels = levels.to_kind(Kind::Float).view_as(parameters.get(self.levels));
        parameters.begin_at(self.scale[0], &log_mean(&levels.abs(), &[0, 2, 3]));
        parameters.begin_at(self.levels, &levels);
        // All GOPs of a training have one step per channel.
        if let Some(grid) = gops.first() {
            parameters.begin_at(self.log2_step, &log2_of(&grid.steps));
        }
    }

    /// Holds all its levels at zero.
    pub fn hold(&self, parameters: &mut Parameters) {
        let rows = parameters.get(self.levels).size()[0] as usize;
        parameters.hold(self.levels, (0, 0, rows), 0.0);
    }

    /// Row of entry `entry` of `view` in `gop`.
    fn row(&self, gop: usize, entry: usize, view: usize) -> usize {
        let gop = if self.spec.in_scene() { 0 } else { gop };
        let shape = self.shapes[gop];
        let view = if matches!(self.spec.sharing, Sharing::Temporal { .. }) { 0 } else { view };
        self.first_rows[gop] + entry.min(shape.entries - 1) * shape.views + view
    }

    /// The cells of `entries`, then those `before` them, cut to their windows.
    fn cells(&self, grid: &Tensor, entries: &[(Crop<'_>, usize)], before: bool) -> Cells {
        let size = grid.size();
        let scale = self.spec.scale;
        let first = |back: usize| {
            entries.iter().map(move |(Crop { sample: s, window }, entry)| {
                let row = self.row(s.gop, entry.saturating_sub(back), s.view) as i64;
                let [top, left, ..] = window.read(scale).cells(scale);
                (row, top, left)
            })
        };
        let first = first(0).chain(first(1).take(if before { entries.len() } else { 0 }));
        let first: Vec<i64> =
            first.map(|(row, top, left)| (row * size[2] + top) * size[3] + left).collect();
        let [.., high, wide] = entries[0].0.window.read(scale).cells(scale);
        Cells::new(&first, [high, wide], &size, grid.device())
    }

    /// Values `[sample, channel, y, x]` where `crops` read, the estimated bits of the whole grid, and what was read.
    pub fn sample(
        &self,
        parameters: &Parameters,
        crops: &[Crop<'_>],
        (rounding, kernels): (Rounding, &Kernels),
    ) -> (Tensor, Tensor, Read) {
        let levels = parameters.get(self.levels);
        let device = levels.device();
        let period = self.spec.period();
        // The entry at or before each frame, and the one after it where grids move.
        let entry = |s: &Sample| if self.spec.in_scene() { 0 } else { s.frame / period };
        let rows = |offset: usize| crops.iter().map(move |c| (*c, entry(&c.sample) + offset));
        let mut entries: Vec<(Crop<'_>, usize)> = rows(0).collect();
        if period > 1 {
            entries.extend(rows(1));
        }
        let moves = !self.spec.in_scene();
        let read = parameters.read(self.levels, self.cells(levels, &entries, moves));
        let cells = read.cells();
        let all = entries.len() as i64;
        let here = rounding.apply(&cells.spread(read.value(), 0..all));
        let here = parameters.settle(self.levels, here, |t| cells.spread(&cells.of(t), 0..all));
        let before = moves.then(|| rounding.apply(&cells.spread(read.value(), all..2 * all)));
        let bits = self.bits(parameters, &here, before, &entries, kernels);

        let count = crops.len() as i64;
        let mixed = if period > 1 {
            let phase = |c: &Crop<'_>| (c.sample.frame % period) as f32 / period as f32;
            let phases: Vec<f32> = crops.iter().map(phase).collect();
            let phase = Tensor::from_slice(&phases).to_device(device).view([-1, 1, 1, 1]);
            let before = here.narrow(0, 0, count);
            &before + (here.narrow(0, count, count) - &before) * phase
        } else {
            here
        };
        (mixed * steps(parameters.get(self.log2_step)), bits, read)
    }

    /// Estimated bits of the whole grid from what is `here`, the levels of `entries`, and `before` them.
    fn bits(
        &self,
        parameters: &Parameters,
        here: &Tensor,
        before: Option<Tensor>,
        entries: &[(Crop<'_>, usize)],
        kernels: &Kernels,
    ) -> Tensor {
        let device = here.device();
        // How large values nearby are says how large these may be.
        let near = near_magnitude(here);
        let [scale, scale_near, scale_before] = self.scale.map(|id| parameters.get(id).exp());
        let mut scale = scale + near * scale_near;
        let mut centred = here.shallow_clone();
        // So does the entry before, which is also predicted from.
        if let Some(before) = before {
            let exists: Vec<f32> =
                entries.iter().map(|(_, e)| if *e > 0 { 1.0 } else { 0.0 }).collect();
            let exists = Tensor::from_slice(&exists).to_device(device).view([-1, 1, 1, 1]);
            let before = before * exists;
            scale += before.abs() * scale_before;
            centred = here - before * parameters.get(self.memory);
        }
        let rows: usize = self.shapes.iter().map(|s| s.entries * s.views).sum();
        let counts: Vec<Tensor> =
            entries.iter().map(|(crop, _)| crop.window.counts(self.spec.scale)).collect();
        let counts = Tensor::cat(&counts, 0).to_device(device);
        kernels.bits(&centred, &scale, Some(&counts)) * (rows as f64 / entries.len() as f64)
    }

    /// The grid as the stream holds it, once per GOP; static ones once.
    pub fn export(&self, parameters: &Parameters) -> Vec<Grid> {
        let levels = parameters.get(self.levels).detach().round().clamp(-LEVEL_LIMIT, LEVEL_LIMIT);
        let levels = brought(&parameters.settle(self.levels, levels, Tensor::shallow_clone));
        let steps = step_indices(parameters.get(self.log2_step));
        let per_gop = self.first_rows.iter().zip(&self.shapes).map(|(first, shape)| {
            let rows = levels.narrow(0, *first as i64, (shape.entries * shape.views) as i64);
            let levels = levels_of_8_bits(&rows);
            Grid { spec: self.spec, shape: *shape, steps: steps.clone(), levels }
        });
        per_gop.collect()
    }
}

/// Indices of trained log2 steps in the stream's table.
pub fn step_indices(log2: &Tensor) -> Vec<StepIndex> {
    to_vec(log2).into_iter().map(StepIndex::of_log2).collect()
}

/// Log2 steps as they train, from indices in the stream's table.
pub fn log2_of(steps: &[StepIndex]) -> Tensor {
    Tensor::from_slice(&steps.iter().map(|step| step.log2()).collect::<Vec<_>>())
}

/// Rounded levels in the order of the stream.
pub fn levels_of_8_bits(levels: &Tensor) -> Vec<i8> {
    let flat = brought(levels).reshape([-1]).to_kind(Kind::Int8);
    Vec::<i8>::try_from(flat)
        .unwrap_or_else(|e| panic!("a flat tensor of 8 bits converts to levels: {e}"))
}

/// Mean magnitude of the neighbours that are coded before a cell: W, N, NW, NE.
fn near_magnitude(levels: &Tensor) -> Tensor {
    let channels = levels.size()[1];
    let kernel = Tensor::from_slice(&[0.15f32, 0.35, 0.15, 0.35, 0.0, 0.0, 0.0, 0.0, 0.0])
        .to_device(levels.device())
        .view([1, 1, 3, 3])
        .repeat([channels, 1, 1, 1]);
    levels.abs().conv2d(&kernel, None::<Tensor>, [1, 1], [1, 1], [1, 1], channels)
}

/// Sums grids into the latent at `scale`, `[sample, channel, y, x]`; also all their bits; adds what is `read`.
pub fn latent(
    (profile, scale): (&Profile, usize),
    grids: &[TrainedGrid],
    parameters: &Parameters,
    crops: &[Crop<'_>],
    how: (Rounding, &Kernels),
    read: &mut Vec<Read>,
) -> (Tensor, Tensor) {
    let channels = profile.latent(scale);
    let parts = grids.iter().filter(|g| g.spec.scale == scale).map(|g| {
        let (values, bits, part) = g.sample(parameters, crops, how);
        read.push(part);
        let after = channels - g.spec.first - g.spec.channels;
        let pad = [0, 0, 0, 0, g.spec.first as i64, after as i64];
        (values.constant_pad_nd(pad), bits)
    });
    let sum = parts.reduce(|(a, bits_a), (b, bits_b)| (a + b, bits_a + bits_b));
    sum.unwrap_or_else(|| unreachable!("every profile has grids at 1/{scale}"))
}
