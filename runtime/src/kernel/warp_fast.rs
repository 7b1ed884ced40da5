//! The warp a row at a time: [`warp`](super::warp::warp) to the bit, several times as fast.
//!
//! What is shared is computed once: cells are quantised once per picture, blended vertically once
//! per row, and where a pixel lies between cells is a table. Pixels of one phase of the packing are
//! written in one run.

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
    /// Both components of a row, blended vertically.
    blended: [Vec<i32>; 2],
    /// Displacement of every pixel of a row.
    moves: Vec<(i32, i32)>,
    /// Horizontal places of luma and chroma pixels.
    places: [Vec<Between>; 2],
}

impl Warper {
    /// Scratch for pictures of `size`.
    pub fn new(size: PackedSize) -> Self {
        let cell_columns = size.columns / 2;
        let luma = (0..size.columns * 4).map(|x| Between::luma(x, cell_columns)).collect();
        let chroma = (0..size.columns * 2).map(|x| Between::chroma(x, cell_columns)).collect();
        Self {
            size,
            cells: vec![0; 2 * size.flow_plane()],
            blended: [vec![0; cell_columns], vec![0; cell_columns]],
            moves: vec![(0, 0); size.columns * 4],
            places: [luma, chroma],
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
        self.cells.iter_mut().zip(flow).for_each(|(cell, f)| *cell = quantise(*f));
        for (plane, first, side) in LAYOUT {
            for y in 0..size.rows * side {
                let chroma = plane != Plane::Y;
                self.move_row(y, chroma, size.columns * side);
                let row = Row { size, channel: first + (y % side) * side, side, y };
                if chroma {
                    row.sample::<{ PIXEL_BITS + 1 }>(source, plane, &self.moves, packed);
                } else {
                    row.sample::<PIXEL_BITS>(source, plane, &self.moves, packed);
                }
            }
        }
    }

    /// Fills `moves` for row `y` of a plane of `columns` pixels.
    fn move_row(&mut self, y: usize, chroma: bool, columns: usize) {
        let (cell_columns, cell_rows) = (self.size.columns / 2, self.size.rows / 2);
        let down = if chroma { Between::chroma(y, cell_rows) } else { Between::luma(y, cell_rows) };
        for (component, blended) in self.blended.iter_mut().enumerate() {
            let cells = &self.cells[component * self.size.flow_plane()..];
            let before = &cells[down.before * cell_columns..][..cell_columns];
            let after = &cells[down.after * cell_columns..][..cell_columns];
            for ((out, a), b) in blended.iter_mut().zip(before).zip(after) {
                *out = a * (16 - down.weight) + b * down.weight;
            }
        }
        const SHIFT: u32 = CELL_BITS + 8 - PIXEL_BITS;
        let [dx, dy] = &self.blended;
        let places = &self.places[usize::from(chroma)];
        for (out, right) in self.moves[..columns].iter_mut().zip(places) {
            let along = |d: &[i32]| {
                let sum = d[right.before] * (16 - right.weight) + d[right.after] * right.weight;
                (sum + (1 << (SHIFT - 1))) >> SHIFT
            };
            *out = (along(dx), along(dy));
        }
    }
}

/// A row of pixels and where it goes.
struct Row {
    size: PackedSize,
    /// Channel of the row's first pixel in a cell.
    channel: usize,
    side: usize,
    y: usize,
}

impl Row {
    /// Samples the row; displacements have `BITS` fraction bits in this plane's pixels.
    fn sample<const BITS: u32>(
        &self,
        source: &Picture,
        plane: Plane,
        moves: &[(i32, i32)],
        packed: &mut [f32],
    ) {
        let (columns, rows) = source.plane_size(plane);
        let samples = source.plane(plane);
        let one = 1i32 << BITS;
        let scale = 1.0 / (128u32 << (2 * BITS)) as f32;
        let at = |row: i32, column: i32| {
            let row = row.clamp(0, rows as i32 - 1) as usize;
            i32::from(samples[row * columns + column.clamp(0, columns as i32 - 1) as usize])
        };
        for phase in 0..self.side {
            let start =
                (self.channel + phase) * self.size.plane() + self.y / self.side * self.size.columns;
            let line = &mut packed[start..][..self.size.columns];
            for (cell, out) in line.iter_mut().enumerate() {
                let x = cell * self.side + phase;
                let (dx, dy) = moves[x];
                let (column, row) = (x as i32 + (dx >> BITS), self.y as i32 + (dy >> BITS));
                let (fx, fy) = (dx & (one - 1), dy & (one - 1));
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
                *out = (value - (128 << (2 * BITS))) as f32 * scale;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::warp::warp;
    use super::*;
    use crate::Size;

    #[test]
    fn the_fast_warp_equals_the_scalar_one() {
        let mut seed = 7u32;
        let mut random = move || {
            seed = seed.wrapping_mul(1664525).wrapping_add(1013904223);
            seed >> 8
        };
        for (width_px, height_px) in [(1, 1), (2, 17), (37, 19), (64, 48), (130, 35)] {
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
                warper.warp(&picture, &flow, &mut fast);
                assert!(slow == fast, "{width_px}×{height_px}, flow up to {reach}");
            }
        }
    }
}
