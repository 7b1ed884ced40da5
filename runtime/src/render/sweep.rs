//! Plane sweep: how unlike other views are to one at each of a number of depths.
//!
//! # Source
//! Collins, A Space-Sweep Approach to True Multi-Image Matching, CVPR 1996.

use super::level::Level;
use super::viewpoint::{Spot, Transfer};

/// Depths that are tried.
pub(super) const STEPS: usize = 64;
/// Most views that one is compared with.
pub(super) const MOST_OTHERS: usize = 3;
/// Cost of a pixel that no other view sees: between those of a right and a wrong depth.
const UNSEEN: u16 = 24;
/// A view that does not see the point.
const OUTSIDE: u16 = u16::MAX;
/// Most that a lane counts: more tells nothing but that depths differ.
const MOST_DIFFERENCE: u16 = 20;
/// Least difference of luma by which a pixel is not the one of the picture before.
const CHANGED: u8 = 4;
/// What the depth of the picture before costs less where nothing changed.
const KEPT: i16 = 24;

/// Most times that steps are larger than need be before they change.
const MOST_SLACK: f32 = 1.5;

/// The depths that are tried: even steps of nearness from the farthest on, so that a step moves a point by about as
/// many pixels everywhere.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Depths {
    pub farthest: f32,
    /// Above zero.
    pub step: f32,
}

impl Depths {
    pub(super) fn between(farthest: f32, nearest: f32) -> Self {
        Self { farthest, step: (nearest - farthest) / (STEPS - 1) as f32 }
    }

    pub(super) fn nearness(&self, step: f32) -> f32 {
        self.farthest + step * self.step
    }

    pub(super) fn nearest(&self) -> f32 {
        self.nearness((STEPS - 1) as f32)
    }

    /// Whether depths found among these are as good as among `range`, so that no step moves from picture to picture.
    pub(super) fn suit(&self, range: Self) -> bool {
        let holds = self.farthest <= range.farthest && self.nearest() >= range.nearest();
        holds && self.step <= MOST_SLACK * range.step
    }

    /// The step that is nearest to a nearness.
    pub(super) fn step_of(&self, nearness: f32) -> usize {
        (((nearness - self.farthest) / self.step + 0.5) as usize).min(STEPS - 1)
    }
}

/// A view to compare with, and the way to its pixels.
pub(super) type Other<'a> = (&'a Level, Transfer);

/// Costs of all pixels at all depths.
#[derive(Debug)]
pub(super) struct Volume {
    /// `[row, column, step]`.
    pub costs: Vec<i16>,
    /// Of three rows, `[row, step, column]`, each the weighted sum of three columns.
    ring: [Vec<u16>; 3],
    /// Of one row at one depth, by view.
    by_view: Vec<[u16; MOST_OTHERS]>,
    line: Vec<u16>,
}

impl Volume {
    pub(super) fn new(level: &Level) -> Self {
        let (columns, rows) = (level.columns, level.rows);
        Self {
            costs: vec![0; columns * rows * STEPS],
            ring: [(); 3].map(|()| vec![0; columns * STEPS]),
            by_view: vec![[OUTSIDE; MOST_OTHERS]; columns],
            line: vec![0; columns],
        }
    }

    /// Costs of a pixel.
    pub(super) fn of_pixel(&self, pixel: usize) -> &[i16] {
        &self.costs[pixel * STEPS..][..STEPS]
    }

    /// Compares `own` with what `others` show of it.
    pub(super) fn sweep(&mut self, own: &Level, others: &[Other<'_>], depths: Depths) {
        for row in 0..=own.rows {
            if row < own.rows {
                for step in 0..STEPS {
                    self.compare(own, others, row, (step, depths.nearness(step as f32)));
                }
            }
            if row > 0 {
                self.emit(own, row - 1);
            }
        }
    }

    /// One row at one depth.
    fn compare(
        &mut self,
        own: &Level,
        others: &[Other<'_>],
        row: usize,
        (step, nearness): (usize, f32),
    ) {
        let pixels = &own.pixels[row * own.columns..][..own.columns];
        for (number, (level, transfer)) in others.iter().take(MOST_OTHERS).enumerate() {
            for (column, pixel) in pixels.iter().enumerate() {
                let spot = Spot { x: column as f32 + 0.5, y: row as f32 + 0.5, nearness };
                let there = transfer.at(spot);
                let sample = there.and_then(|spot| level.sample(spot.x - 0.5, spot.y - 0.5));
                self.by_view[column][number] =
                    sample.map_or(OUTSIDE, |sample| difference(*pixel, sample));
            }
        }
        for (cost, by_view) in self.line.iter_mut().zip(&self.by_view) {
            *cost = joint(by_view);
        }
        let sums = &mut self.ring[row % 3][step * own.columns..][..own.columns];
        let last = own.columns - 1;
        for (column, sum) in sums.iter_mut().enumerate() {
            let (left, right) = (column.saturating_sub(1), (column + 1).min(last));
            *sum = self.line[left] + 2 * self.line[column] + self.line[right];
        }
    }

    /// Weighted sums of three rows, with the depths of a pixel side by side.
    fn emit(&mut self, own: &Level, row: usize) {
        let above = &self.ring[row.saturating_sub(1) % 3];
        let here = &self.ring[row % 3];
        let below = &self.ring[(row + 1).min(own.rows - 1) % 3];
        let costs = &mut self.costs[row * own.columns * STEPS..][..own.columns * STEPS];
        for step in 0..STEPS {
            for column in 0..own.columns {
                let at = step * own.columns + column;
                costs[column * STEPS + step] = ((above[at] + 2 * here[at] + below[at]) / 4) as i16;
            }
        }
    }

    /// Makes the depths `before`, of the picture before, cheaper where nothing changed, so that noise does not move
    /// what stands still.
    pub(super) fn favour(&mut self, own: &Level, before: &[f32], depths: Depths) {
        let lumas = own.luma.iter().zip(&own.luma_before);
        for (pixel, ((luma, luma_before), nearness)) in lumas.zip(before).enumerate() {
            if luma.abs_diff(*luma_before) < CHANGED {
                let step = depths.step_of(*nearness);
                let costs = &mut self.costs[pixel * STEPS..][..STEPS];
                costs[step] -= KEPT;
                for beside in [step.checked_sub(1), (step + 1 < STEPS).then_some(step + 1)] {
                    beside.into_iter().for_each(|beside| costs[beside] -= KEPT / 2);
                }
            }
        }
    }
}

/// How unlike two pixels are.
#[inline]
fn difference(own: u64, other: [u8; 4]) -> u16 {
    let lane = |number: usize| u16::from(((own >> (16 * number)) as u8).abs_diff(other[number]));
    let chroma = lane(1) + lane(2);
    let [luma, chroma, detail] = [lane(0), chroma, lane(3)].map(|d| d.min(MOST_DIFFERENCE));
    luma + chroma + 2 * detail
}

/// One cost of those by view. The worst of three does not count: something may be before the point there. Of two,
/// either may be the one that sees it.
#[inline]
fn joint(costs: &[u16; MOST_OTHERS]) -> u16 {
    let mut sorted = *costs;
    sorted.sort_unstable();
    match sorted {
        [OUTSIDE, ..] => UNSEEN,
        [least, _, OUTSIDE] => least,
        [least, middle, _] => (least + middle) / 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_join_by_the_views_that_see_the_point() {
        let rows = [
            ([OUTSIDE; 3], UNSEEN),
            ([7, OUTSIDE, OUTSIDE], 7),
            ([9, 3, OUTSIDE], 3),
            ([8, 60, 2], 5),
            ([60, 2, 8], 5),
            ([2, 8, 60], 5),
            ([OUTSIDE, 4, 6], 4),
        ];
        for (costs, cost) in rows {
            assert_eq!(joint(&costs), cost, "{costs:?}");
        }
    }
}
