//! The published network: grids, blocks that enlarge, heads at full size, one warp of the anchor at the same time.

use iev_runtime::format::mixing::SymbolModel;
use tch::nn::{Init, Path};
use tch::{Kind, Tensor, no_grad};

use crate::rd::order0::tensors_bytes;

/// Factors by which the blocks enlarge, together 120: a 1080p picture is 9 × 16 cells.
const STRIDES: [usize; 5] = [5, 3, 2, 2, 2];
/// Fewest rows of cells: blocks of smaller pictures enlarge less, from the last one back.
const FEWEST_ROWS: usize = 9;
/// Widths of the blocks at 20 channels, as far as counts of parameters and operations tell them.
const WIDTHS: [usize; 5] = [160, 80, 40, 24, 19];
const PUBLISHED_CHANNELS: usize = 20;
/// Painted planes, fusion logits, flow.
const PLANES: usize = 3;
const HEADS: usize = PLANES + 2 + 2;
/// Pixels that one unit of flow stands for. The published code starts at no flow too; this is in its favour.
const FLOW_UNIT_PX: f64 = 8.0;
/// Spread of a grid's first values.
const GRID_SPREAD: f64 = 0.1;
/// Largest level in 8 bits.
const HIGHEST: f64 = 127.0;

/// What is painted.
pub(super) struct Shape {
    /// Rows and columns of pixels.
    pub(super) sides: (usize, usize),
    pub(super) frames: usize,
    pub(super) views: usize,
    /// Channels of the grids.
    pub(super) channels: usize,
    /// Whether an anchor is warped.
    pub(super) compensated: bool,
}

/// What a picture is fused from, and the fused one: painted, warped, fused. Without an anchor there is the first alone.
pub(super) type Layers = [Option<Tensor>; 3];

/// Numbers of one place: a grid, a kernel, a bias.
struct Parameter {
    value: Tensor,
    /// Whether small ones are set to zero.
    prunes: bool,
    /// 1 where a number stays, once the network is compressed.
    kept: Option<Tensor>,
}

impl Parameter {
    fn new(root: &Path<'_>, name: &str, sides: &[usize], init: Init, prunes: bool) -> Self {
        let sides: Vec<i64> = sides.iter().map(|side| *side as i64).collect();
        Self { value: root.var(name, &sides, init), prunes, kept: None }
    }

    /// The distance of two levels.
    fn step(kept: &Tensor) -> Tensor {
        kept.abs().max().clamp_min(1e-12) / HIGHEST
    }

    /// As the network uses it: rounded once it is compressed, with the gradient of what was not.
    fn seen(&self) -> Tensor {
        let Some(mask) = &self.kept else { return self.value.shallow_clone() };
        let kept = &self.value * mask;
        let fixed = kept.detach();
        let step = Self::step(&fixed);
        let rounding = (&fixed / &step).round() * step - fixed;
        kept + rounding
    }

    /// Sets the smallest `share` of the numbers to zero for good, if they are such.
    fn compress(&mut self, share: f64) {
        let size = self.value.abs();
        let rank = (size.numel() as f64 * share) as i64;
        let mask = match self.prunes && rank > 0 {
            true => size.gt_tensor(&size.flatten(0, -1).kthvalue(rank, 0, false).0),
            false => size.ge(0.0),
        };
        self.kept = Some(mask.to_kind(Kind::Float));
    }

    fn levels(&self) -> Vec<i16> {
        let seen = self.seen();
        let levels = (&seen / Self::step(&seen)).round().to_kind(Kind::Int16).flatten(0, -1);
        Vec::try_from(&levels).unwrap_or_else(|e| panic!("levels convert to integers: {e}"))
    }
}

/// A block: its convolution and what it adds per view, repeated over the picture in squares of its stride.
struct Block {
    stride: usize,
    weight: Parameter,
    bias: Parameter,
    views: Parameter,
}

pub(super) struct Network {
    sides: (i64, i64),
    /// Grids over time, at every frame and at every second one, and those per view.
    frames: [Parameter; 2],
    views: Parameter,
    blocks: Vec<Block>,
    heads: [Parameter; 2],
    /// Where each pixel lies, −1‥1, `[1, y, x, 2]`.
    places: Tensor,
    compensated: bool,
}

/// Strides for pictures of so many rows, and the pixels of a cell.
fn strides(rows: usize) -> ([usize; 5], usize) {
    let mut strides = STRIDES;
    let cell = |strides: &[usize; 5]| strides.iter().product::<usize>();
    for block in (0..strides.len()).rev() {
        if rows.div_ceil(cell(&strides)) >= FEWEST_ROWS {
            break;
        }
        strides[block] = 1;
    }
    (strides, cell(&strides))
}

impl Network {
    pub(super) fn new(root: &Path<'_>, shape: &Shape) -> Self {
        let &Shape { sides: (rows, columns), frames, views, channels, compensated } = shape;
        let (strides, cell) = strides(rows);
        let cells = [rows.div_ceil(cell), columns.div_ceil(cell)];
        let uniform = Init::Randn { mean: 0.0, stdev: GRID_SPREAD };
        let grid = |name: &str, entries: usize, channels: usize| {
            Parameter::new(root, name, &[entries, channels, cells[0], cells[1]], uniform, true)
        };
        let (half, rest) = (channels / 2, channels - channels / 2);
        let convolution = |name: &str, inputs: usize, outputs: usize| {
            // As PyTorch starts one.
            let reach = 1.0 / (9.0 * inputs as f64).sqrt();
            let init = Init::Uniform { lo: -reach, up: reach };
            let weight = format!("{name}_weight");
            let weight = Parameter::new(root, &weight, &[outputs, inputs, 3, 3], init, true);
            let bias = Parameter::new(root, &format!("{name}_bias"), &[outputs], init, false);
            (weight, bias)
        };
        let mut inputs = channels;
        let blocks = WIDTHS.into_iter().zip(strides).enumerate().map(|(place, (width, stride))| {
            let width = (width * channels).div_ceil(PUBLISHED_CHANNELS);
            let (weight, bias) =
                convolution(&format!("block{place}"), inputs, width * stride * stride);
            inputs = width;
            let sides = [views, width, stride, stride];
            let views =
                Parameter::new(root, &format!("views{place}"), &sides, Init::Const(0.0), false);
            Block { stride, weight, bias, views }
        });
        let blocks = blocks.collect();
        let (weight, bias) = convolution("heads", inputs, HEADS);
        Self {
            sides: (rows as i64, columns as i64),
            frames: [grid("frames", frames, half), grid("second_frames", frames.div_ceil(2), rest)],
            views: grid("views", views, channels),
            blocks,
            heads: [weight, bias],
            places: places(rows as i64, columns as i64),
            compensated,
        }
    }

    /// Paints a picture; `anchor` is `[1, 3, y, x]`.
    pub(super) fn paint(&self, frame: usize, view: usize, anchor: Option<&Tensor>) -> Layers {
        let one = |grid: &Parameter, entry: usize| grid.seen().narrow(0, entry as i64, 1);
        let [every, second] = &self.frames;
        let over_time = Tensor::cat(&[one(every, frame), one(second, frame / 2)], 1);
        let mut x = over_time + one(&self.views, view);
        for block in &self.blocks {
            let Block { stride, weight, bias, views } = block;
            let stride = *stride as i64;
            x = convolve(&normalise(&x), weight, bias).pixel_shuffle(stride);
            let [rows, columns] = [x.size()[2] / stride, x.size()[3] / stride];
            x = normalise(&(x + one(views, view).repeat([1, 1, rows, columns]))).gelu("none");
        }
        let x = convolve(&x, &self.heads[0], &self.heads[1]);
        let x = x.narrow(2, 0, self.sides.0).narrow(3, 0, self.sides.1);
        let part = |first: usize, count: usize| x.narrow(1, first as i64, count as i64);
        let painted = part(0, PLANES).sigmoid();
        let Some(anchor) = anchor.filter(|_| self.compensated) else {
            return [Some(painted), None, None];
        };
        // The anchor where the flow says, and both by their shares.
        let (rows, columns) = self.sides;
        let unit = Tensor::from_slice(&[
            (2.0 * FLOW_UNIT_PX / columns as f64) as f32,
            (2.0 * FLOW_UNIT_PX / rows as f64) as f32,
        ]);
        let flow = part(PLANES + 2, 2).permute([0, 2, 3, 1]) * unit;
        let warped = anchor.grid_sampler_2d(&(&self.places + flow), 0, 1, false);
        let shares = part(PLANES, 2).softmax(1, Kind::Float);
        let fused = shares.narrow(1, 0, 1) * &painted + shares.narrow(1, 1, 1) * &warped;
        [Some(painted), Some(warped), Some(fused)]
    }

    pub(super) fn is_compressed(&self) -> bool {
        self.all().all(|parameter| parameter.kept.is_some())
    }

    /// Prunes, and rounds to 8 bits from now on.
    pub(super) fn compress(&mut self, share: f64) {
        no_grad(|| self.all_mut().for_each(|parameter| parameter.compress(share)));
    }

    /// Bytes of all levels, and a float a tensor for the distance of two.
    pub(super) fn bytes(&self) -> u64 {
        let tensors = no_grad(|| self.all().map(Parameter::levels).collect::<Vec<_>>());
        tensors_bytes(&mut Box::new(SymbolModel::new()), tensors) + 4 * self.all().count() as u64
    }

    pub(super) fn parameters(&self) -> usize {
        self.all().map(|parameter| parameter.value.numel()).sum()
    }

    fn all(&self) -> impl Iterator<Item = &Parameter> {
        let blocks = self.blocks.iter().flat_map(|b| [&b.weight, &b.bias, &b.views]);
        self.frames.iter().chain([&self.views]).chain(blocks).chain(&self.heads)
    }

    fn all_mut(&mut self) -> impl Iterator<Item = &mut Parameter> {
        let blocks =
            self.blocks.iter_mut().flat_map(|b| [&mut b.weight, &mut b.bias, &mut b.views]);
        self.frames.iter_mut().chain([&mut self.views]).chain(blocks).chain(&mut self.heads)
    }
}

fn normalise(x: &Tensor) -> Tensor {
    let none = None::<Tensor>;
    Tensor::instance_norm(
        x,
        none.as_ref(),
        none.as_ref(),
        none.as_ref(),
        none.as_ref(),
        true,
        0.0,
        1e-5,
        false,
    )
}

fn convolve(x: &Tensor, weight: &Parameter, bias: &Parameter) -> Tensor {
    x.conv2d(&weight.seen(), Some(&bias.seen()), [1, 1], [1, 1], [1, 1], 1)
}

/// Middles of the pixels, as `grid_sampler` counts them.
fn places(rows: i64, columns: i64) -> Tensor {
    let along = |count: i64| {
        let middles = Tensor::arange(count, (Kind::Float, tch::Device::Cpu)) * 2.0 + 1.0;
        middles / count as f64 - 1.0
    };
    let x = along(columns).view([1, 1, columns, 1]).expand([1, rows, columns, 1], false);
    let y = along(rows).view([1, rows, 1, 1]).expand([1, rows, columns, 1], false);
    Tensor::cat(&[x, y], 3)
}

#[cfg(test)]
mod tests {
    use tch::{Device, nn};

    use super::*;

    fn network(sides: (usize, usize), frames: usize, views: usize) -> (nn::VarStore, Network) {
        let variables = nn::VarStore::new(Device::Cpu);
        let shape = Shape { sides, frames, views, channels: 20, compensated: true };
        let network = Network::new(&variables.root(), &shape);
        (variables, network)
    }

    #[test]
    fn at_full_size_it_has_as_many_parameters_as_published() {
        // 96 frames of 10 views of 1080p: 2.2 million.
        let (_variables, network) = network((1080, 1920), 96, 10);
        assert!((2_150_000..2_250_000).contains(&network.parameters()), "{}", network.parameters());
    }

    #[test]
    fn no_flow_warps_the_anchor_to_itself_and_pruned_levels_are_zero() {
        let (_variables, mut network) = network((50, 70), 2, 2);
        no_grad(|| network.heads.iter_mut().for_each(|head| drop(head.value.zero_())));
        let anchor = Tensor::rand([1, 3, 50, 70], (Kind::Float, Device::Cpu));
        let [painted, warped, fused] = network.paint(1, 1, Some(&anchor)).map(Option::unwrap);
        assert!(warped.allclose(&anchor, 1e-4, 1e-4, false));
        assert!(fused.allclose(&((painted + warped) / 2.0), 1e-5, 1e-5, false));
        network.compress(0.6);
        let levels = network.views.levels();
        let zeros = levels.iter().filter(|level| **level == 0).count() as f64;
        assert!((0.59..0.65).contains(&(zeros / levels.len() as f64)));
        assert!(network.is_compressed() && network.bytes() > 0);
    }
}
