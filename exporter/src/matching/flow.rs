//! The flow field and what it does to a picture.

use super::layer::{self, CELL};
use crate::picture::{Picture, PictureExt, PlaneView};
use crate::quality::plane_mse;

/// Displacements on a grid of 8×8 pixel cells over the picture padded to multiples of 16.
///
/// # Shapes
/// | field        | shape             | type | unit or range                        |
/// |--------------|-------------------|------|--------------------------------------|
/// | `dx`, `dy`   | `[height, width]` | f32  | pixels of the picture                |
/// | `confidence` | `[height, width]` | f32  | 0 (flat or hidden) to 1 (sharp match) |
#[derive(Clone, Debug, PartialEq)]
pub struct FlowField {
    /// Cells in a row: the picture's width, rounded up to a multiple of 16, over 8.
    pub width: usize,
    /// Rows of cells: the picture's height, rounded up to a multiple of 16, over 8.
    pub height: usize,
    /// Horizontal displacement.
    pub dx: Vec<f32>,
    /// Vertical displacement.
    pub dy: Vec<f32>,
    /// How far to trust the displacement.
    pub confidence: Vec<f32>,
}

impl FlowField {
    /// No displacement and no confidence, for a picture of this size in pixels.
    pub fn zero(picture_width: usize, picture_height: usize) -> Self {
        let (width, height) = layer::cells(picture_width, picture_height);
        let zeros = vec![0.0; width * height];
        Self { width, height, dx: zeros.clone(), dy: zeros.clone(), confidence: zeros }
    }

    /// Displacement at a point of the picture, in pixels from its top left corner.
    ///
    /// Bilinear between cell centres, constant beyond the outermost ones.
    pub fn at(&self, x: f32, y: f32) -> (f32, f32) {
        let (column, row) = (Tap::new(x, self.width), Tap::new(y, self.height));
        let mix = |values: &[f32]| {
            let across = |row: usize| {
                let values = &values[row * self.width..][..self.width];
                values[column.first] + (values[column.second] - values[column.first]) * column.mix
            };
            let (above, below) = (across(row.first), across(row.second));
            above + (below - above) * row.mix
        };
        (mix(&self.dx), mix(&self.dy))
    }
}

/// The two cells next to a coordinate, and the share of the second.
#[derive(Clone, Copy)]
pub(super) struct Tap {
    pub(super) first: usize,
    pub(super) second: usize,
    pub(super) mix: f32,
}

impl Tap {
    /// `position` in pixels from the edge: the centre of pixel `i` is `i + 0.5`.
    pub(super) fn new(position: f32, cells: usize) -> Self {
        let last = (cells - 1) as f32;
        let cell = (position / CELL as f32 - 0.5).clamp(0.0, last);
        let first = cell as usize;
        Self { first, second: (first + 1).min(cells - 1), mix: cell - first as f32 }
    }
}

/// `reference` as the target's camera would see it, sampled bilinearly at the upsampled flow.
///
/// # Panics
/// If the flow is of another picture size.
pub fn warp(reference: &Picture, flow: &FlowField) -> Picture {
    let size = FlowField::zero(reference.width(), reference.height());
    assert_eq!((flow.width, flow.height), (size.width, size.height), "flow fits the picture");
    let mut warped = Picture::zeros(reference.width(), reference.height());
    let planes = reference.planes().into_iter().zip(warped.planes_mut());
    for ((plane, to), subsampling) in planes.zip([1.0, 2.0, 2.0]) {
        warp_plane(plane, flow, subsampling, to);
    }
    warped
}

fn warp_plane(plane: PlaneView<'_>, flow: &FlowField, subsampling: f32, to: &mut [u8]) {
    for (row, line) in to.chunks_exact_mut(plane.width).enumerate() {
        for (column, sample) in line.iter_mut().enumerate() {
            let (x, y) = (column as f32, row as f32);
            let (dx, dy) = flow.at((x + 0.5) * subsampling, (y + 0.5) * subsampling);
            *sample = bilinear(plane, x + dx / subsampling, y + dy / subsampling).round() as u8;
        }
    }
}

/// Sample at (`x`, `y`), where sample centres are whole numbers and edges are repeated.
fn bilinear(plane: PlaneView<'_>, x: f32, y: f32) -> f32 {
    let (x, y) = (x.clamp(0.0, (plane.width - 1) as f32), y.clamp(0.0, (plane.height - 1) as f32));
    let (left, top) = (x as usize, y as usize);
    let (right, bottom) = ((left + 1).min(plane.width - 1), (top + 1).min(plane.height - 1));
    let at = |x: usize, y: usize| f32::from(plane.samples[y * plane.width + x]);
    let (mix_x, mix_y) = (x - left as f32, y - top as f32);
    let above = at(left, top) + (at(right, top) - at(left, top)) * mix_x;
    let below = at(left, bottom) + (at(right, bottom) - at(left, bottom)) * mix_x;
    above + (below - above) * mix_y
}

/// Luma mean squared error of `target` against `reference` warped by `flow`.
///
/// # Panics
/// As [`warp`], or if the pictures differ in size.
pub fn photometric_error(target: &Picture, reference: &Picture, flow: &FlowField) -> f64 {
    plane_mse(target.y(), warp(reference, flow).y())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::synthetic;

    #[test]
    fn upsampling_is_linear_between_cell_centres() {
        let mut flow = FlowField::zero(32, 16);
        flow.dx = vec![0.0, 8.0, 16.0, 24.0, 0.0, 8.0, 16.0, 24.0];
        flow.dy = vec![0.0, 0.0, 0.0, 0.0, 8.0, 8.0, 8.0, 8.0];
        for x in [4.0, 9.5, 20.25, 28.0] {
            assert_eq!(flow.at(x, 8.0), (x - 4.0, 4.0));
        }
        assert_eq!(flow.at(0.0, 0.0), (0.0, 0.0));
        assert_eq!(flow.at(32.0, 16.0), (24.0, 8.0));
    }

    #[test]
    fn whole_displacements_copy_samples() {
        let picture = synthetic(40, 24, 0.0);
        let mut flow = FlowField::zero(40, 24);
        flow.dx.fill(2.0);
        let warped = warp(&picture, &flow);
        assert_eq!(warped.y()[5 * 40..][..38], picture.y()[5 * 40 + 2..][..38]);
        assert_eq!(warped.u()[5 * 20..][..19], picture.u()[5 * 20 + 1..][..19]);
        assert_eq!(photometric_error(&picture, &picture, &FlowField::zero(40, 24)), 0.0);
    }
}
