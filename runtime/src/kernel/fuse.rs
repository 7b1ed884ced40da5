//! Fuse: blends both warped sources with the implicit picture, straight into pixels.
//!
//! `y = m0·w0 + (1 − m0)·(m1·w1 + (1 − m1)·implicit)`, in f32, in this order of operations and
//! without fused multiply–add, then to the nearest pixel. One mask value covers 2×2 luma pixels and
//! their chroma sample: value (dy, dx) of mask k of a cell is channel `4·k + 2·dy + dx`.

use super::pack::{LAYOUT, RUN, interleave, to_pixel, to_pixel_fast};
use super::warp::PackedSize;
use crate::picture::{Picture, Plane};
use crate::profile::PACKED;

/// Channels of the two masks.
pub const MASKS: usize = 8;

/// What is blended; everything is `[channel, rows, columns]` f32, or a batch of that.
#[derive(Debug, Clone, Copy)]
pub struct Layers<'a> {
    /// First source, warped: `[24, rows, columns]` in −1‥1.
    pub warped0: &'a [f32],
    /// Second source, warped: `[24, rows, columns]` in −1‥1.
    pub warped1: &'a [f32],
    /// The network's own picture: `[24, rows, columns]`.
    pub implicit: &'a [f32],
    /// Both masks: `[8, rows, columns]` in 0‥1.
    pub masks: &'a [f32],
}

impl<'a> Layers<'a> {
    /// Those of picture `slot` of a batch.
    pub fn of(&self, slot: usize, size: PackedSize) -> Layers<'a> {
        let packed = |all: &'a [f32]| &all[slot * PACKED * size.plane()..][..PACKED * size.plane()];
        Layers {
            warped0: packed(self.warped0),
            warped1: packed(self.warped1),
            implicit: packed(self.implicit),
            masks: &self.masks[slot * MASKS * size.plane()..][..MASKS * size.plane()],
        }
    }

    fn check(&self, size: PackedSize) {
        for packed in [self.warped0, self.warped1, self.implicit] {
            assert_eq!(packed.len(), PACKED * size.plane(), "packed is [24, rows, columns]");
        }
        assert_eq!(self.masks.len(), MASKS * size.plane(), "masks are [8, rows, columns]");
    }
}

/// One blended sample.
#[inline(always)]
fn blend(m0: f32, m1: f32, w0: f32, w1: f32, implicit: f32) -> f32 {
    m0 * w0 + (1.0 - m0) * (m1 * w1 + (1.0 - m1) * implicit)
}

/// Blends into `picture`, cropping the padding: the definition, one pixel at a time.
///
/// # Panics
/// If a slice has another size than `size` and `picture` imply.
pub fn fuse_scalar(layers: &Layers<'_>, size: PackedSize, picture: &mut Picture) {
    layers.check(size);
    for (plane, first, side) in LAYOUT {
        let (columns, _) = picture.plane_size(plane);
        for (at, pixel) in picture.plane_mut(plane).iter_mut().enumerate() {
            let (y, x) = (at / columns, at % columns);
            let cell = (y / side) * size.columns + x / side;
            let sample = (first + (y % side) * side + x % side) * size.plane() + cell;
            // Luma pixels share a mask value in pairs, chroma samples have their own.
            let (down, right) = ((y % side) * 2 / side, (x % side) * 2 / side);
            let mask = |k: usize| layers.masks[(4 * k + 2 * down + right) * size.plane() + cell];
            let (w0, w1) = (layers.warped0[sample], layers.warped1[sample]);
            *pixel = to_pixel(blend(mask(0), mask(1), w0, w1, layers.implicit[sample]));
        }
    }
}

/// [`fuse_scalar`], equal to the bit, a row of cells at a time so that the compiler vectorises.
///
/// # Panics
/// If a slice has another size than `size` and `picture` imply.
pub fn fuse(layers: &Layers<'_>, size: PackedSize, picture: &mut Picture) {
    layers.check(size);
    for (plane, first, side) in LAYOUT {
        let (columns, _) = picture.plane_size(plane);
        for (y, line) in picture.plane_mut(plane).chunks_exact_mut(columns).enumerate() {
            let place = RowPlace { first: first + (y % side) * side, down: (y % side) * 2 / side };
            let row = y / side * size.columns;
            if plane == Plane::Y {
                fuse_row_widest::<4>(layers, size, place, row, line);
            } else {
                fuse_row_widest::<2>(layers, size, place, row, line);
            }
        }
    }
}

/// [`fuse_row`] compiled for the widest vectors the processor has. No operation is contracted, so
/// the result is the same.
fn fuse_row_widest<const SIDE: usize>(
    layers: &Layers<'_>,
    size: PackedSize,
    place: RowPlace,
    row: usize,
    line: &mut [u8],
) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        #[target_feature(enable = "avx2")]
        fn wide<const SIDE: usize>(
            layers: &Layers<'_>,
            size: PackedSize,
            place: RowPlace,
            row: usize,
            line: &mut [u8],
        ) {
            fuse_row::<SIDE>(layers, size, place, row, line);
        }
        // SAFETY: the processor has AVX2.
        #[allow(unsafe_code, reason = "chosen at run time")]
        return unsafe { wide::<SIDE>(layers, size, place, row, line) };
    }
    fuse_row::<SIDE>(layers, size, place, row, line);
}

/// Which channels a row of pixels comes from.
#[derive(Clone, Copy)]
struct RowPlace {
    /// Channel of its first pixel in every cell.
    first: usize,
    /// Row of its masks.
    down: usize,
}

#[inline(always)]
fn fuse_row<const SIDE: usize>(
    layers: &Layers<'_>,
    size: PackedSize,
    place: RowPlace,
    row: usize,
    line: &mut [u8],
) {
    for (run, pixels) in line.chunks_mut(RUN * SIDE).enumerate() {
        let cells = pixels.len().div_ceil(SIDE);
        // The pixels of a cell, first in the lowest byte: vectors of cells interleave for nothing.
        let mut packed = [0u32; RUN];
        for dx in 0..SIDE {
            let at = |channel: usize| channel * size.plane() + row + run * RUN;
            let sample = at(place.first + dx);
            let mask = 2 * place.down + dx * 2 / SIDE;
            let (m0, m1) =
                (&layers.masks[at(mask)..][..cells], &layers.masks[at(4 + mask)..][..cells]);
            let w0 = &layers.warped0[sample..][..cells];
            let w1 = &layers.warped1[sample..][..cells];
            let implicit = &layers.implicit[sample..][..cells];
            for (i, cell) in packed[..cells].iter_mut().enumerate() {
                let pixel = to_pixel_fast(blend(m0[i], m1[i], w0[i], w1[i], implicit[i]));
                *cell |= u32::from(pixel) << (8 * dx);
            }
        }
        interleave::<SIDE>(&packed, pixels);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Size;

    /// Values around −1.2‥1.2 with a few that are no numbers.
    fn noise(count: usize, seed: u32) -> Vec<f32> {
        let value = |i: usize| {
            let hash = (i as u32 ^ seed).wrapping_mul(2654435761);
            match hash >> 4 & 0xff {
                0 => f32::NAN,
                1 => f32::INFINITY,
                2 => -1e30,
                _ => (hash >> 8) as f32 / (1 << 23) as f32 * 1.2 - 1.2,
            }
        };
        (0..count).map(value).collect()
    }

    #[test]
    fn the_fast_fuse_equals_the_scalar_one() {
        #[cfg(target_arch = "x86_64")]
        iev_skips::processor("AVX2", std::arch::is_x86_feature_detected!("avx2"));
        for (width_px, height_px) in [(1, 1), (37, 19), (64, 48), (130, 35), (257, 16)] {
            let size = Size { width_px, height_px };
            let packed = PackedSize::of(size);
            let planes: Vec<_> = (0..3).map(|s| noise(PACKED * packed.plane(), s)).collect();
            let masks: Vec<f32> =
                noise(MASKS * packed.plane(), 9).iter().map(|m| m * 0.4 + 0.5).collect();
            let layers = Layers {
                warped0: &planes[0],
                warped1: &planes[1],
                implicit: &planes[2],
                masks: &masks,
            };
            let (mut slow, mut fast) = (Picture::new(size), Picture::new(size));
            fuse_scalar(&layers, packed, &mut slow);
            fuse(&layers, packed, &mut fast);
            assert!(slow == fast, "{width_px}×{height_px}");
        }
    }

    #[test]
    fn full_masks_choose_their_source() {
        let size = Size { width_px: 20, height_px: 20 };
        let packed = PackedSize::of(size);
        let flat = |v: f32| vec![v; PACKED * packed.plane()];
        let (warped0, warped1, implicit) = (flat(-1.0), flat(0.0), flat(0.5));
        for (m0, m1, pixel) in [(1.0, 0.0, 0), (0.0, 1.0, 128), (0.0, 0.0, 192)] {
            let mut masks = vec![m0; MASKS * packed.plane()];
            masks[4 * packed.plane()..].fill(m1);
            let layers =
                Layers { warped0: &warped0, warped1: &warped1, implicit: &implicit, masks: &masks };
            let mut picture = Picture::new(size);
            fuse_scalar(&layers, packed, &mut picture);
            assert!(picture.i420().iter().all(|p| *p == pixel), "masks {m0} {m1}");
        }
    }
}
