//! From the network's flow at 1/8 to a displacement per pixel, in integers.
//!
//! Why integers: the scalar code, every SIMD version and the trainer then agree to the bit, and a
//! 1/16 pixel is finer than bilinear sampling can show.

use crate::profile::FLOW_UNIT_PX;

/// Fraction bits of a cell's displacement.
pub const CELL_BITS: u32 = 8;
/// Fraction bits of a pixel's displacement.
pub const PIXEL_BITS: u32 = 4;
/// Largest displacement in pixels.
pub const REACH_PX: f32 = 2000.0;

/// Displacement of a cell in 1/256 pixel from the network's output; not a number counts as zero.
pub fn quantise(output: f32) -> i32 {
    let px = (output * FLOW_UNIT_PX).clamp(-REACH_PX, REACH_PX);
    if px.is_nan() { 0 } else { (px * (1 << CELL_BITS) as f32).round_ties_even() as i32 }
}

/// Where a pixel lies between cells: the two cells on one axis and the weight of the second.
#[derive(Debug, Clone, Copy)]
pub struct Between {
    /// Cell before.
    pub before: usize,
    /// Cell after.
    pub after: usize,
    /// Weight of `after` in 1/16.
    pub weight: i32,
}

impl Between {
    /// Luma pixel `pixel` between cells of 8 pixels, half-pixel centres, clamped at the border.
    pub fn luma(pixel: usize, cells: usize) -> Self {
        Self::at(2 * pixel as i32 + 1, cells)
    }

    /// Chroma pixel `pixel`, whose centre is at luma position `2·pixel + 1`.
    pub fn chroma(pixel: usize, cells: usize) -> Self {
        Self::at(4 * pixel as i32 + 2, cells)
    }

    /// Weight of `after` for pixel `phase` of the first of two packed cells in a cell of the flow,
    /// in luma or chroma; that of the second is 8 less, between this cell and the next.
    pub(super) const fn weight_of(phase: usize, luma: bool) -> i32 {
        if luma { 2 * phase as i32 + 9 } else { 4 * phase as i32 + 10 }
    }

    /// `centre` in half luma pixels: cell coordinate `centre / 16 − 1/2`.
    fn at(centre: i32, cells: usize) -> Self {
        let sixteenths = centre - 8;
        let last = cells as i32 - 1;
        let before = sixteenths.div_euclid(16);
        let clamp = |cell: i32| cell.clamp(0, last) as usize;
        Self { before: clamp(before), after: clamp(before + 1), weight: sixteenths.rem_euclid(16) }
    }
}

/// Cells between two rows of `cells`, in 1/4096 pixel; half of the bilinear interpolation.
pub fn interpolate_down(cells: &[i32], down: Between, line: &mut [i32]) {
    let columns = line.len();
    let (before, after) = (&cells[down.before * columns..], &cells[down.after * columns..]);
    for ((value, b), a) in line.iter_mut().zip(before).zip(after) {
        *value = b * (16 - down.weight) + a * down.weight;
    }
}

/// Displacement in 1/16 luma pixel between two cells of a line; the other half.
///
/// No rounding happens before here, so the order of the halves does not matter.
#[inline(always)]
pub fn interpolate_across(line: &[i32], right: Between) -> i32 {
    let sum = line[right.before] * (16 - right.weight) + line[right.after] * right.weight;
    // CELL_BITS + 2 · 4 weight bits down to PIXEL_BITS, rounding half up.
    const SHIFT: u32 = CELL_BITS + 8 - PIXEL_BITS;
    (sum + (1 << (SHIFT - 1))) >> SHIFT
}
