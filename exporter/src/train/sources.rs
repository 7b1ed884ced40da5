//! Warping and fusing while training, with gradients by hand.
//!
//! Why not libtorch: these are one-pass, full-resolution operations, and as tensor expressions they
//! took two thirds of a step. The warp is the player's own integer kernel, so that the trainer sees
//! exactly the samples the player will see; its gradient is the slope of the bilinear sample.

use iev_runtime::kernel::warp::PackedSize;
use iev_runtime::kernel::warp_fast::Warper;
use iev_runtime::picture::Picture;
use iev_runtime::profile::{FLOW_UNIT_PX, MASKS, PACKED};
use rayon::prelude::*;
use tch::Tensor;

use super::grids::Crop;
use super::host::to_vec;

/// Mask plane, within one mask, that covers each packed channel.
const MASK_OF_CHANNEL: [usize; PACKED] =
    [0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 3, 3, 2, 2, 3, 3, 0, 1, 2, 3, 0, 1, 2, 3];

/// Weight of luma, and of each chroma plane, in the distortion.
pub const PLANE_WEIGHTS: [f64; 3] = [0.8, 0.1, 0.1];

/// A batch of warped sources with the slopes of every sample.
#[derive(Debug)]
pub struct WarpedBatch {
    /// `[sample, 24, y, x]`.
    values: Vec<f32>,
    /// `[sample, 2, 24, y, x]`: by x, by y, per pixel.
    slopes: Vec<f32>,
    size: PackedSize,
}

impl WarpedBatch {
    /// Warps one source picture per crop to what that paints; `flow` is `[sample, 2, y, x]` at 1/8.
    pub fn new(sources: &[&Picture], flow: &Tensor, crops: &[Crop<'_>]) -> Self {
        let size = crops[0].window.painted.packed();
        let each = PACKED * size.plane();
        let flow = to_vec(flow);
        let mut values = vec![0f32; sources.len() * each];
        let mut slopes = vec![0f32; sources.len() * 2 * each];
        let outputs = values.par_chunks_mut(each).zip(slopes.par_chunks_mut(2 * each));
        let inputs = sources.par_iter().zip(crops).zip(flow.par_chunks(2 * size.flow_plane()));
        outputs.zip(inputs).for_each(|((values, slopes), ((source, crop), flow))| {
            let (across, down) = slopes.split_at_mut(each);
            let corner = crop.window.painted.corner_px();
            Warper::new(size).warp_with_slopes(source, flow, corner, [values, across, down]);
        });
        Self { values, slopes, size }
    }

    fn each(&self) -> usize {
        PACKED * self.size.plane()
    }

    /// Warped pictures of one sample.
    fn of(&self, sample: usize) -> &[f32] {
        &self.values[sample * self.each()..][..self.each()]
    }

    /// Warped pictures `[sample, 24, y, x]`.
    pub fn tensor(&self) -> Tensor {
        let (rows, columns) = (self.size.rows as i64, self.size.columns as i64);
        Tensor::from_slice(&self.values).view([-1, PACKED as i64, rows, columns])
    }

    /// Gradient of the flow at 1/4, `[sample, 2, y, x]`, from that of the warped pictures.
    pub fn flow_gradient(&self, gradient: &[f32]) -> Tensor {
        let (plane, each) = (self.size.plane(), self.each());
        let count = gradient.len() / each;
        let mut flow = vec![0f32; count * 2 * plane];
        // Slopes across, then down.
        let inputs = gradient.par_chunks(each).zip(self.slopes.par_chunks(2 * each));
        flow.par_chunks_mut(2 * plane).zip(inputs).for_each(|(flow, (gradient, slopes))| {
            for (flow, slopes) in flow.chunks_exact_mut(plane).zip(slopes.chunks_exact(each)) {
                for (gradient, slope) in
                    gradient.chunks_exact(plane).zip(slopes.chunks_exact(plane))
                {
                    for ((f, g), s) in flow.iter_mut().zip(gradient).zip(slope) {
                        *f += g * s * FLOW_UNIT_PX;
                    }
                }
            }
        });
        Tensor::from_slice(&flow).view([
            count as i64,
            2,
            self.size.rows as i64,
            self.size.columns as i64,
        ])
    }
}

/// How far fused pictures are from their targets, and where the paper's three terms pull.
#[derive(Debug)]
pub struct Fused {
    /// Mean squared luma error of the fused picture, samples in 0‥1.
    pub luma_mse: f64,
    /// Gradient of the implicit picture, `[sample, 24, y, x]`.
    pub picture: Vec<f32>,
    /// Gradient of the masks, `[sample, 8, y, x]`.
    pub mask: Vec<f32>,
    /// Direct gradients of both warped sources, `[sample, 24, y, x]`.
    pub warped: [Vec<f32>; 2],
}

/// Fuses and compares:
/// `y = m0·w0 + (1 − m0)·(m1·w1 + (1 − m1)·implicit)`,
/// `L = D(y) + side · (D(w0) + D(implicit))`, `D(p) = Σ weight · (p − target)² / 4 samples`.
///
/// # Shapes
/// | argument | shape |
/// |---|---|
/// | `picture`, `targets` | `[sample, 24, y, x]`, −1‥1 |
/// | `mask` | `[sample, 8, y, x]`, 0‥1 |
/// | `crops` | as many, whose windows weigh the error |
pub fn fuse_and_compare(
    picture: &[f32],
    mask: &[f32],
    warped: [&WarpedBatch; 2],
    targets: &[f32],
    crops: &[Crop<'_>],
    side: f32,
) -> Fused {
    let plane = warped[0].size.plane();
    let values = PACKED * plane;
    let count = picture.len() / values;
    let zeros = |like: &[f32]| vec![0f32; like.len()];
    let mut pulls = [zeros(picture), zeros(mask), zeros(picture), zeros(picture)];
    let [of_picture, of_mask, of_first, of_second] = &mut pulls;
    let sources = of_first.par_chunks_mut(values).zip(of_second.par_chunks_mut(values));
    let painted = of_picture.par_chunks_mut(values).zip(of_mask.par_chunks_mut(MASKS * plane));
    let squares = painted.zip(sources).enumerate().map(
        |(sample, ((picture_pull, mask_pull), (first, second)))| {
            let inputs = Inputs {
                picture: &picture[sample * values..][..values],
                mask: &mask[sample * MASKS * plane..][..MASKS * plane],
                warped: warped.map(|w| w.of(sample)),
                target: &targets[sample * values..][..values],
                weights: &crops[sample].window.weights,
                // Packed samples span 2, so a quarter of their squared error is that of samples in 0‥1.
                scale: 0.25 / count as f32,
                side,
            };
            inputs.compare(
                plane,
                Pulls { picture: picture_pull, mask: mask_pull, warped: [first, second] },
            )
        },
    );
    let squares: Vec<f64> = squares.collect();
    let [picture, mask, first, second] = pulls;
    Fused { luma_mse: squares.iter().sum(), picture, mask, warped: [first, second] }
}

/// Where one sample's gradients go, as in [`Fused`]; zero before.
struct Pulls<'a> {
    picture: &'a mut [f32],
    mask: &'a mut [f32],
    warped: [&'a mut [f32]; 2],
}

/// One sample's slices.
struct Inputs<'a> {
    picture: &'a [f32],
    mask: &'a [f32],
    warped: [&'a [f32]; 2],
    target: &'a [f32],
    weights: &'a [f32],
    scale: f32,
    side: f32,
}

impl Inputs<'_> {
    /// Mean squared luma error of the sample.
    fn compare(&self, plane: usize, pulls: Pulls<'_>) -> f64 {
        let Pulls { picture, mask, mut warped } = pulls;
        let mut luma = 0f64;
        for (channel, mask_plane) in MASK_OF_CHANNEL.into_iter().enumerate() {
            let at = channel * plane..(channel + 1) * plane;
            let m = mask_plane * plane;
            let (first, second) = mask.split_at_mut(4 * plane);
            let error = self.compare_channel(
                at.clone(),
                m,
                plane,
                [&mut picture[at.clone()], &mut first[m..m + plane], &mut second[m..m + plane]],
                warped.each_mut().map(|w| &mut w[at.clone()]),
            );
            luma += if channel < 16 { f64::from(error) } else { 0.0 };
        }
        luma / PLANE_WEIGHTS[0]
    }

    /// Weighted squared error of one channel of the fused picture; gradients of all terms go to the slices.
    fn compare_channel(
        &self,
        at: std::ops::Range<usize>,
        m: usize,
        plane: usize,
        [g_picture, g_first, g_second]: [&mut [f32]; 3],
        [g_warped0, g_warped1]: [&mut [f32]; 2],
    ) -> f32 {
        let (picture, target) = (&self.picture[at.clone()], &self.target[at.clone()]);
        let (w0, w1) = (&self.warped[0][at.clone()], &self.warped[1][at.clone()]);
        let weights = &self.weights[at];
        let (mask0, mask1) = (&self.mask[m..][..plane], &self.mask[4 * plane + m..][..plane]);
        // Eight running sums, so that the loop has no chain of additions and vectorises.
        let mut squares = [0f32; 8];
        for x in 0..plane {
            let (m0, m1, i, t) = (mask0[x], mask1[x], picture[x], target[x]);
            let weight = weights[x] * self.scale;
            let under = i + m1 * (w1[x] - i);
            let error = under + m0 * (w0[x] - under) - t;
            let (error_warped, error_implicit) = (w0[x] - t, i - t);
            let side = weight * self.side;
            squares[x & 7] += weight * error * error;
            let pull = 2.0 * weight * error;
            let below = pull * (1.0 - m0);
            g_picture[x] = below * (1.0 - m1) + 2.0 * side * error_implicit;
            g_warped0[x] = pull * m0 + 2.0 * side * error_warped;
            g_warped1[x] = below * m1;
            g_first[x] += pull * (w0[x] - under);
            g_second[x] += below * (w1[x] - i);
        }
        squares.iter().sum()
    }
}

/// The fused picture of one batch, `[sample, 24, y, x]`.
pub fn fuse(picture: &[f32], mask: &[f32], warped: [&WarpedBatch; 2]) -> Vec<f32> {
    let plane = warped[0].size.plane();
    let values = PACKED * plane;
    let fused = (0..picture.len()).map(|at| {
        let (sample, channel, cell) = (at / values, at % values / plane, at % plane);
        let m = sample * MASKS * plane + MASK_OF_CHANNEL[channel] * plane + cell;
        let (m0, m1, i) = (mask[m], mask[m + 4 * plane], picture[at]);
        let of = |source: usize| warped[source].of(sample)[at % values];
        m0 * of(0) + (1.0 - m0) * (m1 * of(1) + (1.0 - m1) * i)
    });
    fused.collect()
}
