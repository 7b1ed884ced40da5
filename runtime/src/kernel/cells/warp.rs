//! The warp into cells: every byte is the exact bilinear value, to the nearest, ties up.
//!
//! A byte is `(value + half) >> bits`, where `value` is the sample of [`warp_rows`] with its `bits`
//! fraction bits, 8 in luma and 10 in chroma. [`warp_cells_scalar`] is that definition;
//! [`CellWarper`] equals it to the byte and works patch by patch.

use super::super::flow::PIXEL_BITS;
use super::super::warp::warp_rows;
use super::Cells;
use super::padded::{PaddedPicture, PaddedPlane};
use super::patches::{CUT, Course, PATCHES, Patches};
use crate::picture::Picture;
use crate::profile::PACKED;

/// Warps `picture` by `flow` into the bytes of source `source` of `cells`: the definition.
///
/// # Shapes
/// | argument | shape | type | unit |
/// |---|---|---|---|
/// | `flow` | `[2, rows / 2, columns / 2]`, dx then dy | f32 | network output, 8 pixels |
/// | `cells` (out) | `[rows, columns, stride]` | u8 | pixel value |
///
/// # Panics
/// If a slice has another size.
pub fn warp_cells_scalar(
    picture: &Picture,
    flow: &[f32],
    layout: Cells,
    source: usize,
    cells: &mut [u8],
) {
    assert_eq!(cells.len(), layout.bytes(), "cells are [rows, columns, stride]");
    let size = layout.size;
    warp_rows(picture, flow, size, (0, 0), |index, sample| {
        let (channel, cell) = (index / size.plane(), index % size.plane());
        let bits = if channel < 16 { 2 * PIXEL_BITS } else { 2 * PIXEL_BITS + 2 };
        // Exact: a sample is such an integer over a power of two, and has less than 24 bits.
        let value = (sample.value * (128 << bits) as f32) as i32 + (128 << bits);
        let at = cell * layout.stride() + layout.warped(source) + channel;
        cells[at] = ((value + (1 << (bits - 1))) >> bits) as u8;
    });
}

/// Scratch of the warp into cells of one layout.
#[derive(Debug)]
pub struct CellWarper {
    layout: Cells,
    patches: Patches,
}

/// One source's bytes of two rows of `COLUMNS` cells: of a patch, or of some side by side.
pub(super) type Sampled<const COLUMNS: usize> = [[[u8; PACKED]; COLUMNS]; 2];

impl CellWarper {
    /// Scratch for cells of `layout`.
    pub fn new(layout: Cells) -> Self {
        Self { layout, patches: Patches::new(layout.size) }
    }

    /// [`warp_cells_scalar`] of what `picture` is a copy of, to the byte.
    ///
    /// # Panics
    /// If a slice or the picture has another size.
    pub fn warp(&mut self, picture: &PaddedPicture, flow: &[f32], source: usize, cells: &mut [u8]) {
        self.check(picture, flow, cells);
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            let (patches, to) = (&mut self.patches, (self.layout, source));
            // SAFETY: the processor has AVX2.
            #[allow(unsafe_code, reason = "chosen at run time")]
            return unsafe { super::warp_avx2::warp(&picture.planes, patches, flow, to, cells) };
        }
        #[cfg(target_arch = "aarch64")]
        {
            let (patches, to) = (&mut self.patches, (self.layout, source));
            // SAFETY: every AArch64 target of Rust's with a standard library has NEON.
            #[allow(unsafe_code, reason = "a target feature")]
            return unsafe { super::warp_neon::warp(&picture.planes, patches, flow, to, cells) };
        }
        #[cfg(not(target_arch = "aarch64"))]
        self.warp_portably(picture, flow, source, cells);
    }

    fn check(&self, picture: &PaddedPicture, flow: &[f32], cells: &[u8]) {
        let size = self.layout.size;
        assert_eq!(picture.packed_size(), size, "picture and cells agree");
        assert_eq!(flow.len(), 2 * size.flow_plane(), "flow is [2, rows / 2, columns / 2]");
        assert_eq!(cells.len(), self.layout.bytes(), "cells are [rows, columns, stride]");
    }

    /// [`Self::warp`] on any processor.
    #[cfg(any(test, not(target_arch = "aarch64")))]
    fn warp_portably(
        &mut self,
        picture: &PaddedPicture,
        flow: &[f32],
        source: usize,
        cells: &mut [u8],
    ) {
        self.patches.set_flow(flow);
        for row in 0..self.patches.rows() {
            for patch in 0..self.patches.columns() {
                let sampled = sample_patch(&picture.planes, &self.patches, (row, patch));
                store(&sampled, (row, patch), (self.layout, source), cells);
            }
        }
    }
}

/// The warp by two patches at a time: `sample_two` samples the cells of a patch and the next one and says
/// which of the two it could; the others are sampled portably.
///
/// Inlined, so that it is compiled for the vector instructions of its caller.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[inline(always)]
pub(super) fn warp_by_twos(
    planes: &[PaddedPlane; 3],
    patches: &mut Patches,
    flow: &[f32],
    to: (Cells, usize),
    cells: &mut [u8],
    sample_two: impl Fn(&Patches, (usize, usize), &mut Sampled<4>) -> [bool; PATCHES],
) {
    patches.set_flow(flow);
    for row in 0..patches.rows() {
        for patch in (0..patches.columns()).step_by(PATCHES) {
            let mut sampled = [[[0; PACKED]; 4]; 2];
            let whole = sample_two(patches, (row, patch), &mut sampled);
            for half in 0..PATCHES {
                // Too far apart for the fast way: one by one.
                if !whole[half] {
                    let slow = sample_patch(planes, patches, (row, patch + half));
                    sampled[0][2 * half..][..2].copy_from_slice(&slow[0]);
                    sampled[1][2 * half..][..2].copy_from_slice(&slow[1]);
                }
            }
            store(&sampled, (row, patch), to, cells);
        }
    }
}

/// Stores the cells of patches from `patch` of `row` on, without those outside the picture.
#[inline(always)]
pub(super) fn store<const COLUMNS: usize>(
    sampled: &Sampled<COLUMNS>,
    (row, patch): (usize, usize),
    (layout, source): (Cells, usize),
    cells: &mut [u8],
) {
    let first_byte = layout.warped(source);
    for (down, sampled) in sampled.iter().enumerate() {
        // The first row and the first column of the outermost patches lie outside.
        let Some(row) = (2 * row + down).checked_sub(1).filter(|row| *row < layout.size.rows)
        else {
            continue;
        };
        let line = &mut cells[row * layout.row_bytes()..][..layout.row_bytes()];
        let outside = usize::from(patch == 0);
        let columns = 2 * patch + outside - 1..layout.size.columns;
        for (column, sampled) in columns.zip(&sampled[outside..]) {
            line[column * layout.stride() + first_byte..][..PACKED].copy_from_slice(sampled);
        }
    }
}

/// Samples a patch, one pixel at a time.
#[inline(always)]
pub(super) fn sample_patch(
    planes: &[PaddedPlane; 3],
    patches: &Patches,
    at: (usize, usize),
) -> Sampled<2> {
    let mut cells = [[[0; PACKED]; 2]; 2];
    let courses = (patches.x.course(at.0, at.1), patches.y.course(at.0, at.1));
    let [y, u, v] = planes;
    sample_planes::<8, PIXEL_BITS, 1>([y], courses, at, 0, &mut cells);
    sample_planes::<4, { PIXEL_BITS + 1 }, 2>([u, v], courses, at, 16, &mut cells);
    cells
}

/// Samples a patch of planes of one size, `SIDE` pixels to its side, into bytes `first` and on of its
/// cells.
#[inline(always)]
fn sample_planes<const SIDE: usize, const BITS: u32, const PLANES: usize>(
    planes: [&PaddedPlane; PLANES],
    (x, y): (Course, Course),
    (row, patch): (usize, usize),
    first: usize,
    cells: &mut Sampled<2>,
) {
    let half = SIDE / 2;
    let origin = |patch: usize| (patch * SIDE) as i32 - half as i32;
    // A pixel's centre from the upper left centre of the flow.
    let sixteenths = |pixel: usize| ((2 * pixel + 1) * 8 / SIDE) as i32;
    for pixel in 0..SIDE * SIDE {
        let (down, right) = (pixel / SIDE, pixel % SIDE);
        let at = (sixteenths(right), sixteenths(down));
        let (dx, dy) = (x.at(at.0, at.1) >> CUT, y.at(at.0, at.1) >> CUT);
        let (column, row) = (origin(patch) + right as i32, origin(row) + down as i32);
        let at = (column + (dx >> BITS), row + (dy >> BITS));
        let cell = &mut cells[down / half][right / half];
        for (plane, pixels) in planes.iter().zip(cell[first..].chunks_exact_mut(half * half)) {
            let taps = &plane.from(at.0, at.1)[..plane.stride() + 2];
            pixels[down % half * half + right % half] = sample::<BITS>(taps, (dx, dy));
        }
    }
}

/// Between the first and the last two of `taps`, at what is not whole of `(dx, dy)`.
#[inline(always)]
fn sample<const BITS: u32>(taps: &[u8], (dx, dy): (i32, i32)) -> u8 {
    let one = 1i32 << BITS;
    let (right, down) = (dx & (one - 1), dy & (one - 1));
    let below = taps.len() - 2;
    let tap = |at: usize| i32::from(taps[at]);
    let top = tap(0) * (one - right) + tap(1) * right;
    let bottom = tap(below) * (one - right) + tap(below + 1) * right;
    let value = top * (one - down) + bottom * down;
    ((value + one * one / 2) >> (2 * BITS)) as u8
}

#[cfg(test)]
mod tests {
    use super::super::super::pack::LAYOUT;
    use super::super::super::warp::PackedSize;
    use super::*;
    use crate::Size;

    const SIZES: [(u16, u16); 8] =
        [(1, 1), (2, 17), (3, 40), (37, 19), (64, 48), (130, 35), (257, 16), (256, 144)];

    /// Pseudo-random numbers.
    struct Noise(u32);

    impl Noise {
        fn next(&mut self) -> u32 {
            self.0 = self.0.wrapping_mul(1664525).wrapping_add(1013904223);
            self.0 >> 8
        }

        /// −1‥1.
        fn signed(&mut self) -> f32 {
            self.next() as f32 / (1 << 23) as f32 - 1.0
        }

        /// Of any pixels, or of black and white ones.
        fn picture(&mut self, size: Size, extreme: bool) -> Picture {
            let mut picture = Picture::new(size);
            let mut pixel =
                || if extreme { self.next() as u8 / 128 * 255 } else { self.next() as u8 };
            picture.i420_mut().iter_mut().for_each(|p| *p = pixel());
            picture
        }

        /// Every cell of its own.
        fn rough_flow(&mut self, size: PackedSize, reach: f32) -> Vec<f32> {
            let mut flow: Vec<f32> =
                (0..2 * size.flow_plane()).map(|_| self.signed() * reach).collect();
            flow[0] = if reach > 1.0 { f32::NAN } else { flow[0] };
            flow
        }

        /// A plane per component, a little rough.
        fn smooth_flow(&mut self, size: PackedSize, slope: f32) -> Vec<f32> {
            let (columns, rows) = (size.columns / 2, size.rows / 2);
            let mut flow = Vec::new();
            for _ in 0..2 {
                let [base, right, down] = [3.0, slope, slope].map(|reach| self.signed() * reach);
                let cells = (0..rows * columns).map(|at| (at % columns, at / columns));
                flow.extend(cells.map(|(column, row)| {
                    base + right * column as f32 + down * row as f32 + 0.02 * self.signed()
                }));
            }
            flow
        }
    }

    /// Compares both paths with the definition, in one source's bytes after the other's.
    fn check(pictures: &[Picture; 2], flow: &[f32], features: usize, what: &str) {
        let layout = Cells { size: PackedSize::of(pictures[0].size()), features };
        let mut warper = CellWarper::new(layout);
        let mut padded = PaddedPicture::new(pictures[0].size());
        for (source, picture) in pictures.iter().enumerate() {
            let [mut slow, mut fast, mut portable] = [0; 3].map(|_| vec![9; layout.bytes()]);
            warp_cells_scalar(picture, flow, layout, source, &mut slow);
            padded.copy(picture);
            warper.warp(&padded, flow, source, &mut fast);
            warper.warp_portably(&padded, flow, source, &mut portable);
            assert!(slow == fast, "{:?}, {what}", picture.size());
            assert!(slow == portable, "{:?}, {what}, portably", picture.size());
        }
    }

    #[test]
    fn the_fast_warp_equals_the_scalar_one() {
        #[cfg(target_arch = "x86_64")]
        iev_skips::processor("AVX2", std::arch::is_x86_feature_detected!("avx2"));
        let mut noise = Noise(7);
        for (width_px, height_px) in SIZES {
            let size = Size { width_px, height_px };
            let pictures = [noise.picture(size, false), noise.picture(size, true)];
            for reach in [0.0, 0.05, 0.4, 3.0, 300.0] {
                let flow = noise.rough_flow(PackedSize::of(size), reach);
                check(&pictures, &flow, 8, &format!("up to {reach}"));
            }
            for slope in [0.0, 0.01, 0.1, 0.3, 0.6, 1.2] {
                let flow = noise.smooth_flow(PackedSize::of(size), slope);
                check(&pictures, &flow, 20, &format!("slope {slope}"));
            }
        }
    }

    #[test]
    fn zero_flow_copies_odd_sizes_too() {
        let picture = Noise(3).picture(Size { width_px: 37, height_px: 19 }, false);
        let layout = Cells { size: PackedSize::of(picture.size()), features: 8 };
        let mut cells = vec![0; layout.bytes()];
        let flow = vec![0.0; 2 * layout.size.flow_plane()];
        let mut padded = PaddedPicture::new(picture.size());
        padded.copy(&picture);
        CellWarper::new(layout).warp(&padded, &flow, 1, &mut cells);
        for (plane, first, side) in LAYOUT {
            let (columns, _) = picture.plane_size(plane);
            for (at, pixel) in picture.plane(plane).iter().enumerate() {
                let (x, y) = (at % columns, at / columns);
                let cell = y / side * layout.size.columns + x / side;
                let byte = layout.warped(1) + first + y % side * side + x % side;
                assert_eq!(cells[cell * layout.stride() + byte], *pixel, "{plane:?} ({x}, {y})");
            }
        }
    }
}
