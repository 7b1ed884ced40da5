//! Dense matching between two views, so that the flow head of the network starts near the truth.
//!
//! Photometric warping alone has a useful gradient for a pixel or so; disparities reach dozens.
//! Three steps, coarse to fine: a volume of block costs with semi-global smoothing on a small
//! picture (`volume`), integer refinement on each larger one (`descend`), and Gauss–Newton on
//! the flow that the player will really use, upsampled bilinearly (`polish`).

use crate::picture::{Picture, PictureExt};

mod descend;
mod flow;
mod layer;
mod polish;
mod volume;

pub use flow::{FlowField, photometric_error, warp};
use layer::PyramidLayer;

/// Largest displacement searched for, in pixels to either side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchRange {
    /// Horizontally, at least 0.
    pub x: i32,
    /// Vertically, at least 0.
    pub y: i32,
}

/// One cell's displacement on some pyramid level, in that level's pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct FlowStep {
    x: i32,
    y: i32,
}

impl FlowStep {
    fn distance(self, other: Self) -> u32 {
        self.x.abs_diff(other.x) + self.y.abs_diff(other.y)
    }
}

/// Most displacements per cell in the first, exhaustive search.
const MAX_LABELS: i32 = 640;

/// Number of halvings, within a pyramid, at which the exhaustive search has at most [`MAX_LABELS`] to try.
fn first_level(search: SearchRange) -> Option<usize> {
    let labels = |level: usize| (2 * (search.x >> level) + 1) * (2 * (search.y >> level) + 1);
    (1..layer::LEVELS).find(|&level| labels(level) <= MAX_LABELS)
}

/// For each cell the displacement at which `target(x, y) ≈ reference(x + dx, y + dy)`.
///
/// # Panics
/// If the pictures differ in size, or a search range is negative or above 4096.
///
/// # Source
/// Hirschmüller, "Stereo processing by semiglobal matching and mutual information", 2008, for
/// the smoothing; Lucas and Kanade 1981 for the last step.
pub fn match_dense(target: &Picture, reference: &Picture, search: SearchRange) -> FlowField {
    let size = (target.width(), target.height());
    assert_eq!(size, (reference.width(), reference.height()), "both views have one size");
    let allowed = 0..=4096;
    assert!(
        allowed.contains(&search.x) && allowed.contains(&search.y),
        "a search range is 0 to 4096 pixels"
    );
    let mut flow = FlowField::zero(target.width(), target.height());
    let (target, reference) = (PyramidLayer::luma(target), PyramidLayer::luma(reference));
    let steps = search_layers(&target, &reference, search);
    for (cell, step) in steps.iter().enumerate() {
        (flow.dx[cell], flow.dy[cell]) = (step.x as f32, step.y as f32);
    }
    polish::refine(&target, &reference, &mut flow);
    flow
}

/// Whole displacements of the cells of `target`.
///
/// Where displacements are too many even for the smallest picture of a pyramid, those of pictures half as large
/// come first: time and memory then grow with the picture alone.
fn search_layers(
    target: &PyramidLayer,
    reference: &PyramidLayer,
    search: SearchRange,
) -> Vec<FlowStep> {
    let cells = layer::cells(target.width, target.height);
    let exhaustive = first_level(search);
    let first = exhaustive.unwrap_or(1);
    let (targets, references) = (target.pyramid(first), reference.pyramid(first));
    // The coarsest level whose search is exhaustive; above it, half the size and half the range.
    let mut steps = if exhaustive.is_some() {
        volume::search(&targets[first], &references[first], cells, (search, first))
    } else {
        let half = SearchRange { x: (search.x + 1) / 2, y: (search.y + 1) / 2 };
        let (columns, _) = layer::cells(targets[1].width, targets[1].height);
        let coarse = search_layers(&targets[1], &references[1], half);
        let above = |cell: usize| cell / cells.0 / 2 * columns + cell % cells.0 / 2;
        (0..cells.0 * cells.1).map(|cell| coarse[above(cell)]).collect()
    };
    // Down again, each level from twice the steps of the one above.
    for level in (0..first).rev() {
        steps.iter_mut().for_each(|step| *step = FlowStep { x: step.x * 2, y: step.y * 2 });
        let pair = descend::Pair::new(&targets[level], &references[level], level, search);
        descend::refine(&pair, cells, &mut steps);
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::synthetic;

    const SEARCH: SearchRange = SearchRange { x: 40, y: 4 };

    fn assert_flow(
        flow: &FlowField,
        expected: (f32, f32),
        inner: std::ops::Range<usize>,
        tolerance_px: f32,
    ) {
        for row in 1..flow.height - 1 {
            for column in inner.clone() {
                let cell = row * flow.width + column;
                let error = (flow.dx[cell] - expected.0).hypot(flow.dy[cell] - expected.1);
                assert!(
                    error < tolerance_px,
                    "cell {column},{row} is {},{} instead of {expected:?}",
                    flow.dx[cell],
                    flow.dy[cell]
                );
            }
        }
    }

    #[test]
    fn a_uniform_shift_is_found_to_a_fraction_of_a_pixel() {
        for shift in [-27.25, -3.0, 0.0, 0.5, 12.75, 33.0] {
            let (target, reference) = (synthetic(192, 96, shift), synthetic(192, 96, 0.0));
            let hidden = (shift.abs() / 8.0).ceil() as usize + 2;
            // The wider range begins on pictures of half the size.
            for search in [SEARCH, SearchRange { x: 160, y: 120 }] {
                let flow = match_dense(&target, &reference, search);
                assert_flow(&flow, (shift, 0.0), hidden..24 - hidden, 0.2);
            }
        }
    }

    #[test]
    fn a_flat_area_follows_its_surroundings() {
        let (mut target, mut reference) = (synthetic(192, 96, 9.0), synthetic(192, 96, 0.0));
        for (picture, left) in [(&mut target, 71), (&mut reference, 80)] {
            for row in 24..72 {
                picture.planes_mut()[0][row * 192 + left..][..48].fill(128);
            }
        }
        let flow = match_dense(&target, &reference, SEARCH);
        assert_flow(&flow, (9.0, 0.0), 3..20, 0.5);
        assert!(flow.confidence[6 * 24 + 11] < 0.5 * flow.confidence[2 * 24 + 11]);
    }

    #[test]
    fn the_field_covers_the_padded_picture() {
        let (target, reference) = (synthetic(97, 33, 3.0), synthetic(97, 33, 0.0));
        let flow = match_dense(&target, &reference, SearchRange { x: 8, y: 0 });
        assert_eq!((flow.width, flow.height), (14, 6));
        assert!(flow.dx.iter().chain(&flow.dy).all(|displacement| displacement.is_finite()));
        assert!(photometric_error(&target, &reference, &flow) < 40.0);
    }
}
