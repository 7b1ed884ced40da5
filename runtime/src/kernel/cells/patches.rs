//! Where a row of patches reads its source.
//!
//! A *patch* is the square between the centres of four cells of the flow: 2×2 packed cells, 8×8 luma
//! pixels, 4×4 chroma pixels. In it the flow is bilinear, so that displacements grow by the same step
//! from row to row and none lies outside those of the centres. Nothing is rounded before the sum is
//! cut to [`PIXEL_BITS`]: displacements are those of [`flow`](super::super::flow) to the bit.
//!
//! Patch (i, r) starts at luma pixel (8·i − 4, 8·r − 4): the outermost patches lie half outside the
//! picture, where the outermost centres are repeated.

use super::super::flow::{CELL_BITS, PIXEL_BITS, REACH_PX};
use super::super::warp::PackedSize;
use crate::profile::FLOW_UNIT_PX;

/// Fraction bits of a displacement in luma pixels; in chroma pixels there is one more.
pub(super) const LUMA_BITS: u32 = CELL_BITS + 8;
/// What a displacement is shifted by for [`PIXEL_BITS`] fraction bits in luma pixels.
pub(super) const CUT: u32 = LUMA_BITS - PIXEL_BITS;
/// Half of what is cut off, which a displacement already contains.
pub(super) const HALF: i32 = 1 << (CUT - 1);
/// Patches worked on at once, at most.
pub(super) const PATCHES: usize = 2;

/// One component of the flow.
#[derive(Debug)]
pub(super) struct Axis {
    /// Quantised cells with the outer ones repeated around them, `[rows / 2 + 2, stride]`.
    centres: Vec<i32>,
    stride: usize,
}

/// Displacements in a patch on one axis.
#[derive(Debug, Clone, Copy)]
pub(super) struct Course {
    /// At the left centres, and growth of that downwards.
    pub left: i32,
    pub left_growth: i32,
    /// Growth to the right, and growth of that downwards.
    pub right: i32,
    pub right_growth: i32,
}

/// One flow along a row of patches.
#[derive(Debug)]
pub(super) struct Patches {
    size: PackedSize,
    pub x: Axis,
    pub y: Axis,
}

impl Course {
    /// Displacement at `right` and `down` in 1/16 from the upper left centre, with [`LUMA_BITS`].
    #[inline(always)]
    pub fn at(self, right: i32, down: i32) -> i32 {
        self.left + down * self.left_growth + (self.right + down * self.right_growth) * right
    }
}

impl Axis {
    fn new(columns: usize, rows: usize) -> Self {
        let patches = (columns + 1).next_multiple_of(PATCHES);
        let stride = patches + 1;
        Self { centres: vec![0; (rows + 2) * stride], stride }
    }

    /// Takes a component of a flow of `columns`.
    #[inline(always)]
    fn set_flow(&mut self, flow: &[f32], columns: usize) {
        let rows = flow.len() / columns;
        let lines = self.centres.chunks_exact_mut(self.stride).skip(1);
        for (line, flow) in lines.zip(flow.chunks_exact(columns)) {
            line[1..].iter_mut().zip(flow).for_each(|(centre, f)| *centre = quantise_fast(*f));
            line[0] = line[1];
            let last = line[columns];
            line[columns + 1..].fill(last);
        }
        self.centres.copy_within(self.stride..2 * self.stride, 0);
        self.centres
            .copy_within(rows * self.stride..(rows + 1) * self.stride, (rows + 1) * self.stride);
    }

    /// Centres above and below patch `row`, from that on the left of `patch` on.
    #[inline(always)]
    pub fn centres(&self, row: usize, patch: usize) -> (&[i32], &[i32]) {
        let two = &self.centres[row * self.stride..][..2 * self.stride];
        let (above, below) = two.split_at(self.stride);
        (&above[patch..], &below[patch..])
    }

    /// Displacements in a patch.
    #[inline(always)]
    pub fn course(&self, row: usize, patch: usize) -> Course {
        let (above, below) = self.centres(row, patch);
        let (right, right_below) = (above[1] - above[0], below[1] - below[0]);
        Course {
            left: 256 * above[0] + HALF,
            left_growth: 16 * (below[0] - above[0]),
            right: 16 * right,
            right_growth: right_below - right,
        }
    }
}

impl Patches {
    /// Scratch for pictures of `size`.
    pub fn new(size: PackedSize) -> Self {
        let axis = || Axis::new(size.columns / 2, size.rows / 2);
        Self { size, x: axis(), y: axis() }
    }

    /// Patches of a row.
    pub fn columns(&self) -> usize {
        self.size.columns / 2 + 1
    }

    /// Rows of patches.
    pub fn rows(&self) -> usize {
        self.size.rows / 2 + 1
    }

    /// Takes a new flow, `[2, rows / 2, columns / 2]`.
    #[inline(always)]
    pub fn set_flow(&mut self, flow: &[f32]) {
        let (x, y) = flow.split_at(self.size.flow_plane());
        self.x.set_flow(x, self.size.columns / 2);
        self.y.set_flow(y, self.size.columns / 2);
    }
}

/// [`quantise`](super::super::flow::quantise) without a call or a branch: adding 1.5 · 2^23 leaves
/// the rounded integer in the low mantissa bits.
#[inline(always)]
#[allow(clippy::manual_clamp, reason = "max and min vectorise")]
fn quantise_fast(output: f32) -> i32 {
    const MAGIC: f32 = 12_582_912.0;
    let px = (output * FLOW_UNIT_PX).max(-REACH_PX).min(REACH_PX);
    let px = if output.is_nan() { 0.0 } else { px };
    (px * (1 << CELL_BITS) as f32 + MAGIC).to_bits() as i32 - MAGIC.to_bits() as i32
}

#[cfg(test)]
mod tests {
    use super::super::super::flow::quantise;
    use super::*;

    #[test]
    fn quantising_by_mantissa_equals_quantising() {
        let steps = (-700_000i32..700_000).map(|i| i as f32 / 2048.0 / 1.25);
        let odd = [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0, 1e-40, f32::MAX];
        for output in steps.chain(odd) {
            assert_eq!(quantise_fast(output), quantise(output), "{output}");
        }
    }
}
