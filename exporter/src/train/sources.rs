//! Warping and fusing while training.
//!
//! The warp is the player's own integer kernel, so the trainer sees exactly the samples the player
//! will see; its gradient is the slope of the bilinear sample, attached by linearisation:
//! `warped + slope · (flow − constant flow)`.

use iev_runtime::kernel::warp::{PackedSize, warp_rows};
use iev_runtime::picture::Picture;
use iev_runtime::profile::{FLOW_UNIT_PX, PACKED};
use rayon::prelude::*;
use tch::{Device, Tensor};

/// Warps one source picture per sample.
///
/// # Shapes
/// | argument | shape |
/// |---|---|
/// | `flow` | `[sample, 2, y, x]` at 1/8, network output |
/// | result | `[sample, 24, y, x]` at 1/4 |
pub fn warp(sources: &[&Picture], flow: &Tensor, size: PackedSize) -> Tensor {
    let values = PACKED * size.plane();
    let flat = flow.detach().to_device(Device::Cpu).contiguous().reshape([-1]);
    let flat = Vec::<f32>::try_from(flat).unwrap_or_default();
    let mut outputs = vec![0f32; sources.len() * 3 * values];
    outputs
        .par_chunks_mut(3 * values)
        .zip(sources)
        .zip(flat.par_chunks(2 * size.flow_plane()))
        .for_each(|((output, source), flow)| {
            let (warped, slopes) = output.split_at_mut(values);
            let (slope_x, slope_y) = slopes.split_at_mut(values);
            warp_rows(source, flow, size, 0..size.rows, |at, sample| {
                warped[at] = sample.value;
                slope_x[at] = sample.slope_x;
                slope_y[at] = sample.slope_y;
            });
        });
    let shape = [sources.len() as i64, 3, PACKED as i64, size.rows as i64, size.columns as i64];
    let all = Tensor::from_slice(&outputs).view(shape).to_device(flow.device());
    let constant = all.select(1, 0);
    if !flow.requires_grad() {
        return constant;
    }
    let moved = (flow - flow.detach()) * f64::from(FLOW_UNIT_PX);
    let moved =
        moved.upsample_bilinear2d([size.rows as i64, size.columns as i64], false, None, None);
    constant + all.select(1, 1) * moved.narrow(1, 0, 1) + all.select(1, 2) * moved.narrow(1, 1, 1)
}

/// Mask channel, within one mask, that covers each packed channel.
const MASK_OF_CHANNEL: [i64; PACKED] =
    [0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 3, 3, 2, 2, 3, 3, 0, 1, 2, 3, 0, 1, 2, 3];

/// `m0·w0 + (1 − m0)·(m1·w1 + (1 − m1)·implicit)`, all `[sample, 24, y, x]` but the masks,
/// `[sample, 8, y, x]`.
pub fn fuse(implicit: &Tensor, mask: &Tensor, warped: [&Tensor; 2]) -> Tensor {
    let spread = Tensor::from_slice(&MASK_OF_CHANNEL).to_device(mask.device());
    let first = mask.narrow(1, 0, 4).index_select(1, &spread);
    let second = mask.narrow(1, 4, 4).index_select(1, &spread);
    let under = implicit + second * (warped[1] - implicit);
    &under + first * (warped[0] - &under)
}
