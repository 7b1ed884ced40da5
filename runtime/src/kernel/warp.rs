//! Warp: samples a source picture where the flow points, straight into a packed picture.

use super::flow::{Between, PIXEL_BITS, interpolate_across, interpolate_down, quantise};
use super::pack::LAYOUT;
use super::{inverse_power, sample_from_fixed};
use crate::picture::{Picture, Plane};
use crate::profile::PACKED;

/// A bilinear sample and its slope, for the trainer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WarpedSample {
    /// The sample as the network sees it.
    pub value: f32,
    /// Change of `value` per luma pixel of horizontal displacement.
    pub slope_x: f32,
    /// Change of `value` per luma pixel of vertical displacement.
    pub slope_y: f32,
}

/// One plane with the geometry needed to sample it.
struct WarpSource<'a> {
    samples: &'a [u8],
    columns: usize,
    rows: usize,
    /// 0 for luma, 1 for chroma: displacements have this many more fraction bits.
    subsampling: u32,
}

impl WarpSource<'_> {
    /// Bilinear sample at pixel (x, y) displaced by (dx, dy) in 1/16 luma pixel; border repeated.
    #[inline(always)]
    fn sample(&self, (x, y): (usize, usize), (dx, dy): (i32, i32)) -> WarpedSample {
        let bits = PIXEL_BITS + self.subsampling;
        let one = 1i32 << bits;
        // Whole pixels and fractions; beyond the border its last pixel goes on.
        let (column, row) = (x as i32 + (dx >> bits), y as i32 + (dy >> bits));
        let (fx, fy) = (dx & (one - 1), dy & (one - 1));
        let (last_column, last_row) = (self.columns as i32 - 1, self.rows as i32 - 1);
        let line = |row: i32| {
            &self.samples[row.clamp(0, last_row) as usize * self.columns..][..self.columns]
        };
        let (left, right) =
            (column.clamp(0, last_column) as usize, (column + 1).clamp(0, last_column) as usize);
        let (above, below) = (line(row), line(row + 1));
        // Bilinear, in integers up to the last step, and the slopes along the way.
        let (a, b) = (i32::from(above[left]), i32::from(above[right]));
        let (c, d) = (i32::from(below[left]), i32::from(below[right]));
        let (top, bottom) = (a * (one - fx) + b * fx, c * (one - fx) + d * fx);
        let (across_top, across_bottom) = (b - a, d - c);
        let scale = inverse_power(7 + bits + self.subsampling);
        WarpedSample {
            value: sample_from_fixed(top * (one - fy) + bottom * fy, 2 * bits),
            slope_x: (across_top * (one - fy) + across_bottom * fy) as f32 * scale,
            slope_y: (bottom - top) as f32 * scale,
        }
    }
}

/// Sizes of a packed picture and of the flow under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackedSize {
    /// Columns at 1/4.
    pub columns: usize,
    /// Rows at 1/4.
    pub rows: usize,
}

impl PackedSize {
    /// Of pictures of `size`.
    pub fn of(size: crate::Size) -> Self {
        let (columns, rows) = size.cells(4);
        Self { columns, rows }
    }

    /// Cells of one channel.
    pub fn plane(self) -> usize {
        self.columns * self.rows
    }

    /// Cells of one flow component.
    pub fn flow_plane(self) -> usize {
        self.plane() / 4
    }
}

/// Calls `put(index, sample)` for every value of the packed picture that `flow` takes from `source`.
///
/// This is the definition of the warp, which all faster ones equal to the bit. The trainer makes parts of a picture too,
/// whose upper left `corner_px` is in whole cells of the flow.
///
/// # Shapes
/// | argument | shape | unit |
/// |---|---|---|
/// | `flow` | `[2, rows / 2, columns / 2]`, dx then dy | network output, 8 pixels |
/// | `put` index | `channel · rows · columns + row · columns + column` | |
///
/// # Panics
/// If `flow` has another size.
pub fn warp_rows(
    source: &Picture,
    flow: &[f32],
    size: PackedSize,
    corner_px: (usize, usize),
    mut put: impl FnMut(usize, WarpedSample),
) {
    let (cell_columns, cell_rows) = (size.columns / 2, size.rows / 2);
    assert_eq!(flow.len(), 2 * size.flow_plane(), "flow is [2, rows / 2, columns / 2]");
    // Flow as integers: from here on every machine computes the same.
    let cells: Vec<i32> = flow.iter().map(|f| quantise(*f)).collect();
    let (dx, dy) = cells.split_at(size.flow_plane());
    // Plane by plane, line by line, every pixel at the flow between its cells.
    for (plane, first, side) in LAYOUT {
        let (columns_px, rows_px) = source.plane_size(plane);
        let subsampling = u32::from(plane != Plane::Y);
        let samples = source.plane(plane);
        let source = WarpSource { samples, columns: columns_px, rows: rows_px, subsampling };
        let between = if plane == Plane::Y { Between::luma } else { Between::chroma };
        let across: Vec<Between> =
            (0..size.columns * side).map(|x| between(x, cell_columns)).collect();
        let (left, top) = (corner_px.0 >> subsampling, corner_px.1 >> subsampling);
        let mut lines = [vec![0; cell_columns], vec![0; cell_columns]];
        for y in 0..size.rows * side {
            let down = between(y, cell_rows);
            for (line, cells) in lines.iter_mut().zip([dx, dy]) {
                interpolate_down(cells, down, line);
            }
            for phase in 0..side {
                let channel = first + (y % side) * side + phase;
                let start = channel * size.plane() + (y / side) * size.columns;
                for column in 0..size.columns {
                    let x = column * side + phase;
                    let by = (
                        interpolate_across(&lines[0], across[x]),
                        interpolate_across(&lines[1], across[x]),
                    );
                    put(start + column, source.sample((left + x, top + y), by));
                }
            }
        }
    }
}

/// Warps `source` by `flow` into `packed`, `[24, rows, columns]`.
///
/// # Panics
/// If a slice has another size.
pub fn warp(source: &Picture, flow: &[f32], size: PackedSize, packed: &mut [f32]) {
    assert_eq!(packed.len(), PACKED * size.plane(), "packed is [24, rows, columns]");
    warp_rows(source, flow, size, (0, 0), |index, sample| packed[index] = sample.value);
}

#[cfg(test)]
mod tests {
    use super::super::pack::{pack, unpack};
    use super::*;
    use crate::Size;

    fn textured(size: Size) -> Picture {
        let mut picture = Picture::new(size);
        let pixels = picture.i420_mut().iter_mut().enumerate();
        pixels.for_each(|(i, p)| *p = ((i as u32).wrapping_mul(2654435761) >> 24) as u8);
        picture
    }

    #[test]
    fn zero_flow_copies_odd_sizes_too() {
        let size = Size { width_px: 37, height_px: 19 };
        let source = textured(size);
        let packed_size = PackedSize::of(size);
        let flow = vec![0.0; 2 * packed_size.flow_plane()];
        let (mut warped, mut packed) =
            (vec![0.0; PACKED * packed_size.plane()], vec![0.0; PACKED * packed_size.plane()]);
        warp(&source, &flow, packed_size, &mut warped);
        pack(&source, packed_size, &mut packed);
        assert_eq!(warped, packed);
        let mut back = Picture::new(size);
        unpack(&warped, packed_size, &mut back);
        assert_eq!(back, source);
    }

    #[test]
    fn whole_pixel_flow_shifts_luma() {
        let size = Size { width_px: 64, height_px: 32 };
        let source = textured(size);
        let packed_size = PackedSize::of(size);
        let mut flow = vec![0.0; 2 * packed_size.flow_plane()];
        flow[..packed_size.flow_plane()].fill(-6.0 / 8.0);
        let mut warped = vec![0.0; PACKED * packed_size.plane()];
        warp(&source, &flow, packed_size, &mut warped);
        let mut shifted = Picture::new(size);
        unpack(&warped, packed_size, &mut shifted);
        let (from, to) = (source.plane(Plane::Y), shifted.plane(Plane::Y));
        for y in 0..32 {
            assert_eq!(to[y * 64 + 6..][..58], from[y * 64..][..58], "row {y}");
        }
    }

    #[test]
    fn wild_flow_stays_inside_the_picture() {
        let size = Size { width_px: 16, height_px: 16 };
        let packed_size = PackedSize::of(size);
        let wild = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, -1e9, 1e9, 250.0, -250.0];
        let mut warped = vec![0.0; PACKED * packed_size.plane()];
        warp(&textured(size), &wild, packed_size, &mut warped);
        assert!(warped.iter().all(|v| v.abs() <= 1.0));
    }
}
