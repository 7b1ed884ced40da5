//! The warp a row at a time: [`warp`](super::warp::warp) to the bit, many times as fast.
//!
//! What is shared is computed once: cells are quantised once per picture and blended vertically once
//! per row. Pixels of one phase of the packing are moved, sampled and written in one run, so that
//! the loops vectorise; sampling has a version for AVX2, chosen at run time.

use super::flow::{Between, CELL_BITS, PIXEL_BITS, quantise};
use super::pack::LAYOUT;
use super::warp::PackedSize;
use crate::picture::{Picture, Plane};
use crate::profile::PACKED;

/// Scratch of the warp for one picture size.
#[derive(Debug)]
pub struct Warper {
    size: PackedSize,
    /// Quantised cells of both components, `[2, rows / 2, columns / 2]`.
    cells: Vec<i32>,
    /// Both components of a row, blended vertically, with the outer cells repeated on both sides.
    blended: [Vec<i32>; 2],
    /// Displacement of every pixel of a row, dx and dy, `[phase, column]`.
    moves: [Vec<i32>; 2],
    /// Whether the processor has AVX2.
    avx2: bool,
}

impl Warper {
    /// Scratch for pictures of `size`.
    pub fn new(size: PackedSize) -> Self {
        #[cfg(target_arch = "x86_64")]
        let avx2 = std::arch::is_x86_feature_detected!("avx2");
        #[cfg(not(target_arch = "x86_64"))]
        let avx2 = false;
        let padded = || vec![0; size.columns / 2 + 2];
        let moves = || vec![0; size.columns * 4];
        Self {
            size,
            cells: vec![0; 2 * size.flow_plane()],
            blended: [padded(), padded()],
            moves: [moves(), moves()],
            avx2,
        }
    }

    /// Warps `source` by `flow`, `[2, rows / 2, columns / 2]`, into `packed`, `[24, rows, columns]`.
    ///
    /// # Panics
    /// If a slice has another size.
    pub fn warp(&mut self, source: &Picture, flow: &[f32], packed: &mut [f32]) {
        let size = self.size;
        assert_eq!(flow.len(), self.cells.len(), "flow is [2, rows / 2, columns / 2]");
        assert_eq!(packed.len(), PACKED * size.plane(), "packed is [24, rows, columns]");
        #[cfg(target_arch = "x86_64")]
        if self.avx2 {
            #[target_feature(enable = "avx2")]
            fn wide(warper: &mut Warper, source: &Picture, flow: &[f32], packed: &mut [f32]) {
                warper.warp_rows(source, flow, packed);
            }
            // SAFETY: `avx2` says that the processor has it.
            #[allow(unsafe_code, reason = "chosen at run time")]
            return unsafe { wide(self, source, flow, packed) };
        }
        self.warp_rows(source, flow, packed);
    }

    /// [`Self::warp`], compiled once for every set of vector instructions.
    #[inline(always)]
    fn warp_rows(&mut self, source: &Picture, flow: &[f32], packed: &mut [f32]) {
        let size = self.size;
        self.cells.iter_mut().zip(flow).for_each(|(cell, f)| *cell = quantise(*f));
        for (plane, first, side) in LAYOUT {
            for y in 0..size.rows * side {
                let row = Row { size, channel: first + (y % side) * side, side, y };
                self.move_row(&row);
                let moves = [&self.moves[0][..], &self.moves[1]];
                if plane == Plane::Y {
                    row.sample::<PIXEL_BITS>(source, plane, moves, packed, self.avx2);
                } else {
                    row.sample::<{ PIXEL_BITS + 1 }>(source, plane, moves, packed, self.avx2);
                }
            }
        }
    }

    /// Fills `moves` for `row`.
    #[inline(always)]
    fn move_row(&mut self, row: &Row) {
        let (cell_columns, cell_rows) = (self.size.columns / 2, self.size.rows / 2);
        let luma = row.side == 4;
        let between = if luma { Between::luma } else { Between::chroma };
        let down = between(row.y, cell_rows);
        for (component, blended) in self.blended.iter_mut().enumerate() {
            let cells = &self.cells[component * self.size.flow_plane()..];
            let before = &cells[down.before * cell_columns..][..cell_columns];
            let after = &cells[down.after * cell_columns..][..cell_columns];
            for ((out, a), b) in blended[1..].iter_mut().zip(before).zip(after) {
                *out = a * (16 - down.weight) + b * down.weight;
            }
            blended[0] = blended[1];
            blended[cell_columns + 1] = blended[cell_columns];
            let phases = self.moves[component].chunks_exact_mut(self.size.columns);
            for (phase, line) in phases.take(row.side).enumerate() {
                // Two packed cells per cell of the flow: the first lies before its centre, the
                // second behind. Weights are those of `Between`.
                let first = Between::weight_of(phase, luma);
                let along = |a: i32, b: i32, weight: i32| {
                    const SHIFT: u32 = CELL_BITS + 8 - PIXEL_BITS;
                    (a * (16 - weight) + b * weight + (1 << (SHIFT - 1))) >> SHIFT
                };
                for (out, near) in line.chunks_exact_mut(2).zip(blended.windows(3)) {
                    out[0] = along(near[0], near[1], first);
                    out[1] = along(near[1], near[2], first - 8);
                }
            }
        }
    }
}

/// A row of pixels and where it goes.
pub(super) struct Row {
    pub(super) size: PackedSize,
    /// Channel of the row's first pixel in a cell.
    channel: usize,
    pub(super) side: usize,
    pub(super) y: usize,
}

impl Row {
    /// Samples the row; displacements have `BITS` fraction bits in this plane's pixels.
    fn sample<const BITS: u32>(
        &self,
        source: &Picture,
        plane: Plane,
        moves: [&[i32]; 2],
        packed: &mut [f32],
        avx2: bool,
    ) {
        let (columns, rows) = source.plane_size(plane);
        let samples = source.plane(plane);
        for phase in 0..self.side {
            let start =
                (self.channel + phase) * self.size.plane() + self.y / self.side * self.size.columns;
            let line = &mut packed[start..][..self.size.columns];
            let one = |cell: usize, out: &mut f32| {
                let at = phase * self.size.columns + cell;
                let by = (moves[0][at], moves[1][at]);
                let place = ((cell * self.side + phase) as i32, self.y as i32);
                *out = sample_one::<BITS>((samples, columns, rows), place, by);
            };
            #[cfg(target_arch = "x86_64")]
            if avx2 && samples.len() > 1 {
                let plane = (samples, columns, rows);
                // SAFETY: `avx2` says that the processor has AVX2.
                #[allow(unsafe_code, reason = "chosen at run time")]
                unsafe {
                    super::sample_avx2::sample_phase::<BITS>(self, phase, plane, moves, line, one);
                }
                continue;
            }
            let _ = avx2;
            line.iter_mut().enumerate().for_each(|(cell, out)| one(cell, out));
        }
    }
}

/// The pixel at `(x, y)` moved by `(dx, dy)`, border repeated.
#[inline(always)]
fn sample_one<const BITS: u32>(
    (samples, columns, rows): (&[u8], usize, usize),
    (x, y): (i32, i32),
    (dx, dy): (i32, i32),
) -> f32 {
    let one = 1i32 << BITS;
    let scale = 1.0 / (128u32 << (2 * BITS)) as f32;
    let (column, row) = (x + (dx >> BITS), y + (dy >> BITS));
    let (fx, fy) = (dx & (one - 1), dy & (one - 1));
    let at = |row: i32, column: i32| {
        let row = row.clamp(0, rows as i32 - 1) as usize;
        i32::from(samples[row * columns + column.clamp(0, columns as i32 - 1) as usize])
    };
    let inside = (column as u32) < columns as u32 - 1 && (row as u32) < rows as u32 - 1;
    let (a, b, c, d) = if inside {
        let from = row as usize * columns + column as usize;
        let (top, bottom) = (&samples[from..][..2], &samples[from + columns..][..2]);
        let wide = i32::from;
        (wide(top[0]), wide(top[1]), wide(bottom[0]), wide(bottom[1]))
    } else {
        let (right, below) = (column + 1, row + 1);
        (at(row, column), at(row, right), at(below, column), at(below, right))
    };
    let (top, bottom) = (a * (one - fx) + b * fx, c * (one - fx) + d * fx);
    let value = top * (one - fy) + bottom * fy;
    // Exact: the scale is a power of two.
    (value - (128 << (2 * BITS))) as f32 * scale
}

#[cfg(test)]
mod tests {
    use super::super::warp::warp;
    use super::*;
    use crate::Size;

    #[test]
    fn the_fast_warp_equals_the_scalar_one() {
        #[cfg(target_arch = "x86_64")]
        iev_skips::processor("AVX2", std::arch::is_x86_feature_detected!("avx2"));
        let mut seed = 7u32;
        let mut random = move || {
            seed = seed.wrapping_mul(1664525).wrapping_add(1013904223);
            seed >> 8
        };
        let sizes = [(1, 1), (2, 17), (3, 40), (37, 19), (64, 48), (130, 35), (256, 144)];
        for (width_px, height_px) in sizes {
            let size = Size { width_px, height_px };
            let mut picture = Picture::new(size);
            picture.i420_mut().iter_mut().for_each(|p| *p = random() as u8);
            let packed_size = PackedSize::of(size);
            let mut warper = Warper::new(packed_size);
            for reach in [0.0, 0.4, 3.0, 300.0] {
                let mut value = || (random() as f32 / (1 << 23) as f32 - 1.0) * reach;
                let mut flow: Vec<f32> =
                    (0..2 * packed_size.flow_plane()).map(|_| value()).collect();
                flow[0] = if reach > 1.0 { f32::NAN } else { flow[0] };
                let mut slow = vec![0.0; PACKED * packed_size.plane()];
                let mut fast = vec![9.0; PACKED * packed_size.plane()];
                warp(&picture, &flow, packed_size, &mut slow);
                for avx2 in [warper.avx2, false] {
                    warper.avx2 = avx2;
                    fast.fill(9.0);
                    warper.warp(&picture, &flow, &mut fast);
                    assert!(slow == fast, "{width_px}×{height_px}, up to {reach}, {avx2}");
                }
                warper = Warper::new(packed_size);
            }
        }
    }
}
