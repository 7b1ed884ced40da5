//! Picture to packed picture and back.

use super::sample_from_fixed;
use super::warp::PackedSize;
use crate::picture::{Picture, Plane};
use crate::profile::PACKED;

/// First packed channel and pixels per cell side of each plane.
pub const LAYOUT: [(Plane, usize, usize); 3] =
    [(Plane::Y, 0, 4), (Plane::U, 16, 2), (Plane::V, 20, 2)];

/// Packs `picture`, repeating its border into the padding.
///
/// # Panics
/// If `packed` is not `[24, rows, columns]`.
pub fn pack(picture: &Picture, size: PackedSize, packed: &mut [f32]) {
    assert_eq!(packed.len(), PACKED * size.plane(), "packed is [24, rows, columns]");
    for (plane, first, side) in LAYOUT {
        let (columns, rows) = picture.plane_size(plane);
        let samples = picture.plane(plane);
        for y in 0..size.rows * side {
            let line = &samples[y.min(rows - 1) * columns..][..columns];
            for x in 0..size.columns * side {
                let channel = first + (y % side) * side + x % side;
                let at = channel * size.plane() + (y / side) * size.columns + x / side;
                packed[at] = sample_from_fixed(i32::from(line[x.min(columns - 1)]), 0);
            }
        }
    }
}

/// A network sample as a pixel: to nearest, ties to even, clamped.
pub fn to_pixel(sample: f32) -> u8 {
    (sample * 128.0 + 128.0).round_ties_even() as u8
}

/// [`to_pixel`] without a call: adding 2^23 leaves the rounded integer in the low mantissa bits.
#[inline(always)]
#[allow(clippy::manual_clamp, reason = "max and min turn not-a-number into 0, as the cast does")]
pub(super) fn to_pixel_fast(sample: f32) -> u8 {
    let clamped = (sample * 128.0 + 128.0).max(0.0).min(255.0);
    (clamped + 8_388_608.0).to_bits() as u8
}

/// Cells worked on at once.
pub(super) const RUN: usize = 32;

/// Writes the pixels of a row of cells, the first of a cell in its lowest byte.
#[inline(always)]
pub(super) fn interleave<const SIDE: usize>(cells: &[u32; RUN], pixels: &mut [u8]) {
    let last = pixels.len().div_ceil(SIDE) - 1;
    let mut whole = pixels.chunks_exact_mut(SIDE);
    for (out, cell) in whole.by_ref().zip(cells) {
        out.copy_from_slice(&cell.to_le_bytes()[..SIDE]);
    }
    let rest = whole.into_remainder();
    rest.copy_from_slice(&cells[last].to_le_bytes()[..rest.len()]);
}

/// Unpacks into `picture`, cropping the padding: the definition, one pixel at a time.
///
/// # Panics
/// If `packed` is not `[24, rows, columns]`.
pub fn unpack_scalar(packed: &[f32], size: PackedSize, picture: &mut Picture) {
    assert_eq!(packed.len(), PACKED * size.plane(), "packed is [24, rows, columns]");
    for (plane, first, side) in LAYOUT {
        let (columns, _) = picture.plane_size(plane);
        for (at, pixel) in picture.plane_mut(plane).iter_mut().enumerate() {
            let (y, x) = (at / columns, at % columns);
            let channel = first + (y % side) * side + x % side;
            *pixel =
                to_pixel(packed[channel * size.plane() + (y / side) * size.columns + x / side]);
        }
    }
}

/// [`unpack_scalar`], equal to the bit, a row of cells at a time so that the compiler vectorises.
///
/// # Panics
/// If `packed` is not `[24, rows, columns]`.
pub fn unpack(packed: &[f32], size: PackedSize, picture: &mut Picture) {
    assert_eq!(packed.len(), PACKED * size.plane(), "packed is [24, rows, columns]");
    for (plane, first, side) in LAYOUT {
        let (columns, _) = picture.plane_size(plane);
        for (y, line) in picture.plane_mut(plane).chunks_exact_mut(columns).enumerate() {
            let start = (first + y % side * side) * size.plane() + y / side * size.columns;
            if plane == Plane::Y {
                unpack_row::<4>(&packed[start..], size, line);
            } else {
                unpack_row::<2>(&packed[start..], size, line);
            }
        }
    }
}

/// `packed` starts at the row's cells of the channel of its first pixel.
#[inline(always)]
fn unpack_row<const SIDE: usize>(packed: &[f32], size: PackedSize, line: &mut [u8]) {
    for (run, pixels) in line.chunks_mut(RUN * SIDE).enumerate() {
        let cells = pixels.len().div_ceil(SIDE);
        let mut whole = [0u32; RUN];
        for dx in 0..SIDE {
            let samples = &packed[dx * size.plane() + run * RUN..][..cells];
            for (cell, sample) in whole.iter_mut().zip(samples) {
                *cell |= u32::from(to_pixel_fast(*sample)) << (8 * dx);
            }
        }
        interleave::<SIDE>(&whole, pixels);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Size;

    #[test]
    fn rounding_by_mantissa_equals_rounding() {
        let steps = (-70_000i32..70_000).map(|i| i as f32 / 32768.0);
        for sample in steps.chain([f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0, 1e-40]) {
            assert_eq!(to_pixel_fast(sample), to_pixel(sample), "{sample}");
        }
    }

    #[test]
    fn the_fast_unpacking_equals_the_scalar_one() {
        for (width_px, height_px) in [(1, 1), (37, 19), (64, 48), (130, 35), (257, 16)] {
            let size = Size { width_px, height_px };
            let cells = PackedSize::of(size);
            let noise = |i: usize| (i as u32).wrapping_mul(2654435761) >> 8;
            let packed: Vec<f32> = (0..PACKED * cells.plane())
                .map(|i| noise(i) as f32 / (1 << 23) as f32 * 1.2 - 1.2)
                .collect();
            let (mut slow, mut fast) = (Picture::new(size), Picture::new(size));
            unpack_scalar(&packed, cells, &mut slow);
            unpack(&packed, cells, &mut fast);
            assert!(slow == fast, "{width_px}×{height_px}");
        }
    }
}
