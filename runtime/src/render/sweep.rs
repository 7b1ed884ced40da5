//! Plane sweep: how unlike other views are to one at each of a number of depths.
//!
//! # Source
//! Collins, A Space-Sweep Approach to True Multi-Image Matching, CVPR 1996.

use std::ops::Range;

use super::blocks::Blocks;
use super::level::Level;
use super::span::Spans;
use super::viewpoint::{LEAST_AHEAD, Transfer};

/// Depths that are tried.
pub(super) const STEPS: usize = 64;
/// Most views that one is compared with.
pub(super) const MOST_OTHERS: usize = 3;
/// Cost of a pixel that no other view sees: between those of a right and a wrong depth.
const UNSEEN: u16 = 24;
/// That of a depth that is not tried.
const UNLIKELY: u16 = 4 * MOST_DIFFERENCE as u16;
/// A view that does not see the point.
const OUTSIDE: u16 = u16::MAX;
/// Most that a lane counts: more tells nothing but that depths differ.
const MOST_DIFFERENCE: i32 = 20;

/// Most times that steps are larger than need be before they change.
const MOST_SLACK: f32 = 1.5;
/// Steps at both ends of a range that need not be held.
const SPARE_STEPS: f32 = 2.0;

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
        // Less than the margin that a range has around what was found.
        let slack = SPARE_STEPS * range.step;
        let holds =
            self.farthest <= range.farthest + slack && self.nearest() >= range.nearest() - slack;
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
const RUN: usize = 16;

/// Costs of all pixels at all depths.
#[derive(Debug)]
pub(super) struct Volume {
    /// `[row, column, step]`.
    pub costs: Vec<i16>,
    /// Of three rows, `[row, step, column]`, each the weighted sum of three columns.
    ring: [Vec<u16>; 3],
    /// Of one row, `[step, column]`, with a pixel more beyond the edges.
    raw: Vec<u16>,
}

impl Volume {
    pub(super) fn new(level: &Level) -> Self {
        let (columns, rows) = (level.columns, level.rows);
        Self {
            costs: vec![0; columns * rows * STEPS],
            // The last of them are read beyond a row's end.
            ring: [(); 3].map(|()| vec![0; columns * STEPS + RUN]),
            raw: vec![0; STEPS * row_length(columns)],
        }
    }

    /// Costs of a pixel.
    pub(super) fn of_pixel(&self, pixel: usize) -> &[i16] {
        &self.costs[pixel * STEPS..][..STEPS]
    }

    /// Compares the blocks `stale` of `own` with what `others` show of them, at the steps that `spans` has.
    pub(super) fn sweep(
        &mut self,
        own: &Level,
        others: &[Other<'_>],
        depths: Depths,
        (stale, spans): (&Blocks, &Spans),
    ) {
        by_widest!(
            Volume::sweep_rows,
            volume: &mut Volume = self,
            own: &Level = own,
            others: &[Other<'_>] = others,
            depths: Depths = depths,
            what: (&Blocks, &Spans) = (stale, spans)
        )
    }

    /// [`Self::sweep`], compiled once for every set of vector instructions.
    #[inline(always)]
    fn sweep_rows(
        &mut self,
        own: &Level,
        others: &[Other<'_>],
        depths: Depths,
        (stale, spans): (&Blocks, &Spans),
    ) {
        for row in 0..=own.rows {
            if row < own.rows {
                for run in stale.runs(row) {
                    self.compare(own, others, (run.clone(), row), (depths, spans));
                    self.add_beside(own.columns, run, row);
                }
            }
            if let Some(above) = row.checked_sub(1) {
                if row < own.rows {
                    for (one, other) in [(row, above), (above, row)] {
                        for run in stale.ends(one, other) {
                            self.extend(own.columns, run, [one, other]);
                        }
                    }
                }
                for run in stale.runs(above) {
                    self.emit(own, run, above);
                }
            }
        }
    }

    /// Columns of one row.
    #[inline(always)]
    fn compare(
        &mut self,
        own: &Level,
        others: &[Other<'_>],
        (wanted, row): (Range<usize>, usize),
        (depths, spans): (Depths, &Spans),
    ) {
        let (length, y) = (row_length(own.columns), row as f32 + 0.5);
        let pixels = &own.pixels[row * own.columns..][..own.columns];
        for first in wanted.clone().step_by(RUN) {
            let span = spans.of_run(first..(first + RUN).min(wanted.end), row);
            let mut run = [0; RUN];
            run.iter_mut().zip(&pixels[first..]).for_each(|(own, pixel)| *own = *pixel);
            for step in 0..STEPS {
                let line = &mut self.raw[step * length + 1 + first..][..RUN];
                if !span.contains(&step) {
                    line.fill(UNLIKELY);
                    continue;
                }
                let nearness = depths.nearness(step as f32);
                let mut by_view = [[OUTSIDE; RUN]; MOST_OTHERS];
                for (other, costs) in others.iter().zip(&mut by_view) {
                    compare_run(&run, *other, (first as f32 + 0.5, y, nearness), costs);
                }
                let [one, two, three] = &by_view;
                for at in 0..RUN {
                    line[at] = joint([one[at], two[at], three[at]]);
                }
            }
        }
    }

    /// Weighted sums of three columns; beyond those that are compared it is as at their edge.
    #[inline(always)]
    fn add_beside(&mut self, columns: usize, run: Range<usize>, row: usize) {
        let lines = self.raw.chunks_exact_mut(row_length(columns));
        for (line, sums) in lines.zip(self.ring[row % 3].chunks_exact_mut(columns)) {
            line[run.start] = line[run.start + 1];
            line[run.end + 1] = line[run.end];
            let sums = &mut sums[run.clone()];
            let line = &line[run.start..][..run.len() + 2];
            let (left, middle, right) = (line, &line[1..], &line[2..]);
            for at in 0..sums.len() {
                sums[at] = left[at] + 2 * middle[at] + right[at];
            }
        }
    }

    /// Beyond the blocks that are swept, sums are as at their edge.
    fn extend(&mut self, columns: usize, run: Range<usize>, [from, to]: [usize; 2]) {
        let mut beyond = std::mem::take(&mut self.ring[to % 3]);
        let lines = self.ring[from % 3].chunks_exact(columns);
        for (from, to) in lines.zip(beyond.chunks_exact_mut(columns)) {
            to[run.clone()].copy_from_slice(&from[run.clone()]);
        }
        self.ring[to % 3] = beyond;
    }

    /// Weighted sums of three rows, with the depths of a pixel side by side.
    #[inline(always)]
    fn emit(&mut self, own: &Level, run: Range<usize>, row: usize) {
        let rows = [row.saturating_sub(1), row, (row + 1).min(own.rows - 1)];
        let first = row * own.columns + run.start;
        let costs = &mut self.costs[first * STEPS..][..run.len() * STEPS];
        for (start, pixels) in run.clone().step_by(RUN).zip(costs.chunks_mut(RUN * STEPS)) {
            let mut sums = [[0; RUN]; STEPS];
            for (step, sums) in sums.iter_mut().enumerate() {
                let place = step * own.columns + start;
                let [above, here, below] =
                    rows.map(|row| run_of_costs(&self.ring[row % 3][place..]));
                for at in 0..RUN {
                    sums[at] = ((above[at] + 2 * here[at] + below[at]) / 4) as i16;
                }
            }
            for (at, pixel) in pixels.chunks_exact_mut(STEPS).enumerate() {
                for step in 0..STEPS {
                    pixel[step] = sums[step][at % RUN];
                }
            }
        }
    }
}

/// The first costs of some.
#[inline(always)]
fn run_of_costs(costs: &[u16]) -> &[u16; RUN] {
    costs.first_chunk().unwrap_or_else(|| unreachable!("there are costs behind the last row"))
}

/// Costs from one step of a row to the next.
fn row_length(columns: usize) -> usize {
    columns + RUN + 2
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
    let pixels = level.pixels_at(&places);
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
