//! The warp a row at a time: [`warp_rows`](super::warp::warp_rows) to the bit, many times as fast.
//!
//! What is shared is computed once: cells are quantised once per picture and blended vertically once
//! per row. Pixels of one phase of the packing are moved, sampled and written in one run, so that
//! the loops vectorise; sampling has a version for AVX2, chosen at run time.

use super::flow::{Between, CELL_BITS, PIXEL_BITS, quantise};
use super::inverse_power;
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
        self.fill(source, flow, (0, 0), [packed]);
    }

    /// For the trainer: also the slopes of every sample, per luma pixel of displacement, and the part of a picture whose
    /// upper left `corner_px` is in whole cells of the flow. `outputs` are samples, slopes across and slopes down,
    /// `[24, rows, columns]` each.
    ///
    /// # Panics
    /// If a slice has another size.
    pub fn warp_with_slopes(
        &mut self,
        source: &Picture,
        flow: &[f32],
        corner_px: (usize, usize),
        outputs: [&mut [f32]; 3],
    ) {
        self.fill(source, flow, corner_px, outputs);
    }

    /// Fills samples, and their slopes where there are three outputs.
    fn fill<const N: usize>(
        &mut self,
        source: &Picture,
        flow: &[f32],
        corner_px: (usize, usize),
        outputs: [&mut [f32]; N],
    ) {
        let size = self.size;
        assert_eq!(flow.len(), self.cells.len(), "flow is [2, rows / 2, columns / 2]");
        for output in &outputs {
            assert_eq!(output.len(), PACKED * size.plane(), "packed is [24, rows, columns]");
        }
        #[cfg(target_arch = "x86_64")]
        if self.avx2 {
            #[target_feature(enable = "avx2")]
            fn wide<const N: usize>(
                warper: &mut Warper,
                source: &Picture,
                flow: &[f32],
                corner_px: (usize, usize),
                outputs: [&mut [f32]; N],
            ) {
                warper.warp_rows(source, flow, corner_px, outputs);
            }
            // SAFETY: `avx2` says that the processor has it.
            #[allow(unsafe_code, reason = "chosen at run time")]
            return unsafe { wide(self, source, flow, corner_px, outputs) };
        }
        self.warp_rows(source, flow, corner_px, outputs);
    }

    /// [`Self::fill`], compiled once for every set of vector instructions.
    #[inline(always)]
    fn warp_rows<const N: usize>(
        &mut self,
        source: &Picture,
        flow: &[f32],
        corner_px: (usize, usize),
        mut outputs: [&mut [f32]; N],
    ) {
        let size = self.size;
        self.cells.iter_mut().zip(flow).for_each(|(cell, f)| *cell = quantise(*f));
        for (plane, first, side) in LAYOUT {
            let subsampling = u32::from(plane != Plane::Y);
            let corner = (corner_px.0 >> subsampling, corner_px.1 >> subsampling);
            for y in 0..size.rows * side {
                let row = Row { size, channel: first + (y % side) * side, side, y, corner };
                self.move_row(&row);
                let moves = [&self.moves[0][..], &self.moves[1]];
                let (outputs, avx2) = (&mut outputs, self.avx2);
                if plane == Plane::Y {
                    row.sample::<PIXEL_BITS, N>(source, plane, moves, outputs, avx2);
                } else {
                    row.sample::<{ PIXEL_BITS + 1 }, N>(source, plane, moves, outputs, avx2);
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
    y: usize,
    /// Upper left of what is made, in pixels of the plane.
    corner: (usize, usize),
}

impl Row {
    /// Where in the source's plane the pixel of `phase` lies in the row's cell `cell`, before it moves.
    #[inline(always)]
    pub(super) fn place(&self, cell: usize, phase: usize) -> (i32, i32) {
        let (left, top) = self.corner;
        ((left + cell * self.side + phase) as i32, (top + self.y) as i32)
    }

    /// Samples the row; displacements have `BITS` fraction bits in this plane's pixels.
    fn sample<const BITS: u32, const N: usize>(
        &self,
        source: &Picture,
        plane: Plane,
        moves: [&[i32]; 2],
        outputs: &mut [&mut [f32]; N],
        avx2: bool,
    ) {
        let (columns, rows) = source.plane_size(plane);
        let samples = source.plane(plane);
        for phase in 0..self.side {
            let start =
                (self.channel + phase) * self.size.plane() + self.y / self.side * self.size.columns;
            let mut lines = outputs.each_mut().map(|o| &mut o[start..][..self.size.columns]);
            let one = |cell: usize| -> [f32; N] {
                let at = phase * self.size.columns + cell;
                let by = (moves[0][at], moves[1][at]);
                sample_one::<BITS, N>((samples, columns, rows), self.place(cell, phase), by)
            };
            #[cfg(target_arch = "x86_64")]
            if avx2 && samples.len() > 1 {
                let plane = (samples, columns, rows);
                // SAFETY: `avx2` says that the processor has AVX2.
                #[allow(unsafe_code, reason = "chosen at run time")]
                unsafe {
                    super::sample_avx2::sample_phase::<BITS, N>(
                        self, phase, plane, moves, lines, one,
                    );
                }
                continue;
            }
            let _ = avx2;
            for cell in 0..self.size.columns {
                lines.iter_mut().zip(one(cell)).for_each(|(line, value)| line[cell] = value);
            }
        }
    }
}

/// The pixel at `(x, y)` moved by `(dx, dy)`, border repeated; then its slopes across and down, as far as `N` has them.
#[inline(always)]
fn sample_one<const BITS: u32, const N: usize>(
    (samples, columns, rows): (&[u8], usize, usize),
    (x, y): (i32, i32),
    (dx, dy): (i32, i32),
) -> [f32; N] {
    let one = 1i32 << BITS;
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
    let value = top * (one - fy) + bottom * fy - (128 << (2 * BITS));
    let slopes = [(b - a) * (one - fy) + (d - c) * fy, bottom - top];
    // Exact: the scales are powers of two.
    std::array::from_fn(|output| match output {
        0 => value as f32 * value_scale(BITS),
        _ => slopes[output - 1] as f32 * slope_scale(BITS),
    })
}

/// What a sum of four pixels, weighted in `bits` fraction bits each way, is of a sample.
pub(super) const fn value_scale(bits: u32) -> f32 {
    inverse_power(7 + 2 * bits)
}

/// What a difference of such pixels, weighted one way, is per luma pixel of displacement.
pub(super) const fn slope_scale(bits: u32) -> f32 {
    let subsampling = bits - PIXEL_BITS;
    inverse_power(7 + bits + subsampling)
}

#[cfg(test)]
mod tests {
    use super::super::warp::{WarpedSample, warp, warp_rows};
    use super::*;
    use crate::Size;

    /// Random numbers below 2²⁴.
    fn randomly() -> impl FnMut() -> u32 {
        let mut seed = 7u32;
        move || {
            seed = seed.wrapping_mul(1664525).wrapping_add(1013904223);
            seed >> 8
        }
    }

    /// A picture of noise, and a flow of `cells` up to `reach` of its units.
    fn scene(
        random: &mut impl FnMut() -> u32,
        size: Size,
        cells: usize,
        reach: f32,
    ) -> (Picture, Vec<f32>) {
        let mut picture = Picture::new(size);
        picture.i420_mut().iter_mut().for_each(|p| *p = random() as u8);
        let mut value = || (random() as f32 / (1 << 23) as f32 - 1.0) * reach;
        let mut flow: Vec<f32> = (0..2 * cells).map(|_| value()).collect();
        flow[0] = if reach > 1.0 { f32::NAN } else { flow[0] };
        (picture, flow)
    }

    /// Odd sizes, and how far flow goes beyond them.
    fn cases() -> impl Iterator<Item = (Size, f32)> {
        let sizes = [(1, 1), (2, 17), (3, 40), (37, 19), (64, 48), (130, 35), (256, 144)];
        let sizes = sizes.map(|(width_px, height_px)| Size { width_px, height_px });
        sizes.into_iter().flat_map(|size| [0.0, 0.4, 3.0, 300.0].map(|reach| (size, reach)))
    }

    #[test]
    fn the_fast_warp_equals_the_scalar_one() {
        #[cfg(target_arch = "x86_64")]
        iev_skips::processor("AVX2", std::arch::is_x86_feature_detected!("avx2"));
        let mut random = randomly();
        for (size, reach) in cases() {
            let packed_size = PackedSize::of(size);
            let (picture, flow) = scene(&mut random, size, packed_size.flow_plane(), reach);
            let mut warper = Warper::new(packed_size);
            let mut slow = vec![0.0; PACKED * packed_size.plane()];
            warp(&picture, &flow, packed_size, &mut slow);
            for avx2 in [warper.avx2, false] {
                warper.avx2 = avx2;
                let mut fast = vec![9.0; PACKED * packed_size.plane()];
                warper.warp(&picture, &flow, &mut fast);
                assert!(slow == fast, "{size:?}, up to {reach}, {avx2}");
            }
        }
    }

    #[test]
    fn slopes_of_a_part_equal_the_scalar_ones() {
        #[cfg(target_arch = "x86_64")]
        iev_skips::processor("AVX2", std::arch::is_x86_feature_detected!("avx2"));
        let mut random = randomly();
        let part = PackedSize { columns: 22, rows: 8 };
        for (size, reach) in cases() {
            let (picture, flow) = scene(&mut random, size, part.flow_plane(), reach);
            let mut warper = Warper::new(part);
            let ways = [warper.avx2, false];
            for (corner, avx2) in ways.iter().flat_map(|way| [((0, 0), way), ((32, 16), way)]) {
                let blank = || vec![9.0; PACKED * part.plane()];
                let mut slow = [blank(), blank(), blank()];
                warp_rows(&picture, &flow, part, corner, |at, sample| {
                    let WarpedSample { value, slope_x, slope_y } = sample;
                    slow.iter_mut().zip([value, slope_x, slope_y]).for_each(|(s, v)| s[at] = v);
                });
                let mut fast = [blank(), blank(), blank()];
                warper.avx2 = *avx2;
                let outputs = fast.each_mut().map(|output| &mut output[..]);
                warper.warp_with_slopes(&picture, &flow, corner, outputs);
                assert!(slow == fast, "{size:?}, up to {reach}, {corner:?}, {avx2}");
            }
        }
    }
}
