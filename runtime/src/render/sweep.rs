//! Plane sweep: how unlike other views are to one at each of a number of depths.
//!
//! # Source
//! Collins, A Space-Sweep Approach to True Multi-Image Matching, CVPR 1996.

use super::level::Level;
use super::viewpoint::{LEAST_AHEAD, Transfer};

/// Depths that are tried.
pub(super) const STEPS: usize = 64;
/// Most views that one is compared with.
pub(super) const MOST_OTHERS: usize = 3;
/// Cost of a pixel that no other view sees: between those of a right and a wrong depth.
const UNSEEN: u16 = 24;
/// A view that does not see the point.
const OUTSIDE: u16 = u16::MAX;
/// Most that a lane counts: more tells nothing but that depths differ.
const MOST_DIFFERENCE: i32 = 20;
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

/// Pixels that are compared at a time.
const RUN: usize = 32;

/// Costs of all pixels at all depths.
#[derive(Debug)]
pub(super) struct Volume {
    /// `[row, column, step]`.
    pub costs: Vec<i16>,
    /// Of three rows, `[row, step, column]`, each the weighted sum of three columns.
    ring: [Vec<u16>; 3],
    /// Of one row at one depth, with the first and the last pixel once more beyond the edges.
    line: Vec<u16>,
}

impl Volume {
    pub(super) fn new(level: &Level) -> Self {
        let (columns, rows) = (level.columns, level.rows);
        Self {
            costs: vec![0; columns * rows * STEPS],
            ring: [(); 3].map(|()| vec![0; columns * STEPS]),
            line: vec![0; columns.next_multiple_of(RUN) + 2],
        }
    }

    /// Costs of a pixel.
    pub(super) fn of_pixel(&self, pixel: usize) -> &[i16] {
        &self.costs[pixel * STEPS..][..STEPS]
    }

    /// Compares `own` with what `others` show of it.
    pub(super) fn sweep(&mut self, own: &Level, others: &[Other<'_>], depths: Depths) {
        by_widest!(
            Volume::sweep_rows,
            volume: &mut Volume = self,
            own: &Level = own,
            others: &[Other<'_>] = others,
            depths: Depths = depths
        )
    }

    /// [`Self::sweep`], compiled once for every set of vector instructions.
    #[inline(always)]
    fn sweep_rows(&mut self, own: &Level, others: &[Other<'_>], depths: Depths) {
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
    #[inline(always)]
    fn compare(
        &mut self,
        own: &Level,
        others: &[Other<'_>],
        row: usize,
        (step, nearness): (usize, f32),
    ) {
        let (columns, y) = (own.columns, row as f32 + 0.5);
        let pixels = &own.pixels[row * columns..][..columns];
        for (number, line) in self.line[1..].chunks_exact_mut(RUN).enumerate() {
            let first = number * RUN;
            let mut run = [0; RUN];
            run.iter_mut().zip(&pixels[first..]).for_each(|(own, pixel)| *own = *pixel);
            let mut by_view = [[OUTSIDE; RUN]; MOST_OTHERS];
            for (other, costs) in others.iter().zip(&mut by_view) {
                compare_run(&run, *other, (first as f32 + 0.5, y, nearness), costs);
            }
            let [one, two, three] = &by_view;
            for at in 0..RUN {
                line[at] = joint([one[at], two[at], three[at]]);
            }
        }
        self.line[0] = self.line[1];
        self.line[columns + 1] = self.line[columns];
        let sums = &mut self.ring[row % 3][step * columns..][..columns];
        let [left, middle, right] = [0, 1, 2].map(|by| &self.line[by..][..columns]);
        for at in 0..columns {
            sums[at] = left[at] + 2 * middle[at] + right[at];
        }
    }

    /// Weighted sums of three rows, with the depths of a pixel side by side.
    #[inline(always)]
    fn emit(&mut self, own: &Level, row: usize) {
        let above = &self.ring[row.saturating_sub(1) % 3];
        let here = &self.ring[row % 3];
        let below = &self.ring[(row + 1).min(own.rows - 1) % 3];
        let costs = &mut self.costs[row * own.columns * STEPS..][..own.columns * STEPS];
        for step in 0..STEPS {
            let [above, here, below] =
                [above, here, below].map(|ring| &ring[step * own.columns..][..own.columns]);
            for (column, pixel) in costs.chunks_exact_mut(STEPS).enumerate() {
                pixel[step] = ((above[column] + 2 * here[column] + below[column]) / 4) as i16;
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

/// Compares a run of pixels, the first of which is at column `x` and row `y`, with what another view shows of them.
#[inline(always)]
fn compare_run(
    own: &[u32; RUN],
    (level, transfer): Other<'_>,
    (x, y, nearness): (f32, f32, f32),
    costs: &mut [u16; RUN],
) {
    let mut places = [0; RUN];
    for (at, found) in places.iter_mut().enumerate() {
        let [across, down, ahead] = transfer.row(x + at as i32 as f32, y, nearness);
        let scale = 1.0 / ahead;
        let place = level.place(across * scale, down * scale);
        *found = if ahead > LEAST_AHEAD { place } else { -1 };
    }
    let mut pixels = [0; RUN];
    for at in 0..RUN {
        pixels[at] = level.pixel(places[at]);
    }
    for at in 0..RUN {
        let cost = difference(own[at], pixels[at]);
        costs[at] = if places[at] < 0 { OUTSIDE } else { cost as u16 };
    }
}

/// How unlike two pixels are.
#[inline(always)]
fn difference(own: u32, other: u32) -> i32 {
    let byte = |pixel: u32, number: u32| (pixel >> (8 * number) & 0xff) as i32;
    let off = |number: u32| (byte(own, number) - byte(other, number)).abs();
    let cut = |difference: i32| difference.min(MOST_DIFFERENCE);
    cut(off(0)) + cut(off(1) + off(2)) + 2 * cut(off(3))
}

/// One cost of those by view. The worst of three does not count: something may be before the point there. Of two,
/// either may be the one that sees it.
#[inline(always)]
fn joint([one, two, three]: [u16; MOST_OTHERS]) -> u16 {
    let (low, high) = (one.min(two), one.max(two));
    let (least, most) = (low.min(three), high.max(three));
    let middle = low.max(high.min(three));
    let of_two = if most == OUTSIDE { least } else { least.midpoint(middle) };
    if least == OUTSIDE { UNSEEN } else { of_two }
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
            assert_eq!(joint(costs), cost, "{costs:?}");
        }
    }
}
