//! Depth of a source as a viewpoint sees it.

use super::depth::DepthMap;
use super::trust::SOLID;
use super::viewpoint::{Spot, Transfer};
use crate::units::Size;

/// Where nothing is seen.
pub(super) const NOTHING: f32 = -1.0;
/// Most pixels that one of a source becomes on a side; a viewpoint nearer than that sees gaps.
const MOST_ZOOM: f32 = 16.0;

/// Nearness at every pixel of a viewpoint, or [`NOTHING`].
#[derive(Debug, Default)]
pub(super) struct Warped {
    columns: usize,
    rows: usize,
    /// Of what is trusted.
    pub solid: Vec<f32>,
    /// Of what is not.
    pub doubtful: Vec<f32>,
}

impl Warped {
    /// Puts every pixel of `map` where it is seen, the nearest before others, as a square that touches its neighbours.
    /// `zoom` is how many pixels of a picture of `size` a pixel has at the same depth.
    pub(super) fn fill(&mut self, map: &DepthMap, transfer: Transfer, zoom: f32, size: Size) {
        (self.columns, self.rows) = (size.width(), size.height());
        for plane in [&mut self.solid, &mut self.doubtful] {
            plane.clear();
            plane.resize(size.width() * size.height(), NOTHING);
        }
        for row in 0..map.rows {
            for column in 0..map.columns {
                let at = row * map.columns + column;
                let (x, y) = (column as f32 + 0.5, row as f32 + 0.5);
                let nearness = map.nearness[at];
                let Some(there) = transfer.at(Spot { x, y, nearness }) else { continue };
                let approach = if nearness > 0.0 { there.nearness / nearness } else { 1.0 };
                let side = zoom * approach;
                let plane =
                    if map.trust[at] >= SOLID { &mut self.solid } else { &mut self.doubtful };
                put(plane, (self.columns, self.rows), there, side.min(MOST_ZOOM));
            }
        }
    }

    /// Closes cracks of one pixel, through which what is far shows between two pixels of like depth that are nearer.
    pub(super) fn close(&mut self, tolerance: f32) {
        let columns = self.columns;
        for row in 1..self.rows.saturating_sub(1) {
            for column in 1..columns.saturating_sub(1) {
                let at = row * columns + column;
                let here = self.solid[at];
                let across = [1, columns, columns + 1, columns - 1];
                for (before, behind) in across.map(|by| (self.solid[at - by], self.solid[at + by]))
                {
                    let alike = (before - behind).abs() < tolerance;
                    if alike && before.min(behind) > here + tolerance {
                        self.solid[at] = self.solid[at].max(0.5 * (before + behind));
                    }
                }
            }
        }
    }
}

/// Puts a square of `side` pixels, at least the one that it falls on.
#[inline]
fn put(plane: &mut [f32], (columns, rows): (usize, usize), spot: Spot, side: f32) {
    let reach = 0.5 * side.max(1.0) - 0.5;
    // A negative number becomes 0.
    let span = |middle: f32, end: usize| {
        let last = (middle + reach).floor();
        if last < 0.0 { 0..0 } else { (middle - reach) as usize..(last as usize + 1).min(end) }
    };
    let across = span(spot.x, columns);
    for row in span(spot.y, rows) {
        let line = &mut plane[row * columns..][..columns];
        if let Some(line) = line.get_mut(across.clone()) {
            line.iter_mut().for_each(|nearness| *nearness = nearness.max(spot.nearness));
        }
    }
}
