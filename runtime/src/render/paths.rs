//! Semi-global matching: costs gathered along eight straight paths through every pixel, on which a change of depth
//! costs.
//!
//! # Source
//! Hirschmüller, Stereo Processing by Semiglobal Matching and Mutual Information, PAMI 2008.

use super::blocks::Blocks;
use super::level::Level;
use super::sweep::{Depths, STEPS};

/// Cost of a change by one step.
const SMALL_CHANGE: i16 = 40;
/// Cost of a larger change where luma stays the same, and the least where it changes too.
const LARGE_CHANGE: i16 = 140;
const LEAST_LARGE_CHANGE: i16 = 40;
/// What a difference of luma takes off it.
const PER_LUMA: i16 = 6;

type Costs = [i16; STEPS];

/// Paths through a picture.
#[derive(Debug)]
pub(super) struct Paths {
    /// Of the row before, `[column, direction]`: those from the left, from straight above and from the right.
    before: Vec<[Costs; 3]>,
    here: Vec<[Costs; 3]>,
    /// Sums over all paths, `[row, column, step]`.
    sums: Vec<i16>,
}

impl Paths {
    pub(super) fn new(level: &Level) -> Self {
        let row = vec![[[0; STEPS]; 3]; level.columns];
        let sums = vec![0; level.columns * level.rows * STEPS];
        Self { before: row.clone(), here: row, sums }
    }

    /// Sums `costs` along all paths through the blocks `stale`, `[row, column, step]` as those. Around them depth is
    /// certain, as `known` says.
    pub(super) fn gather(
        &mut self,
        own: &Level,
        costs: &[i16],
        stale: &Blocks,
        known: (&[f32], Depths),
    ) -> &[i16] {
        self.pass(own, costs, stale, known);
        &self.sums
    }

    fn pass(&mut self, own: &Level, costs: &[i16], stale: &Blocks, known: (&[f32], Depths)) {
        by_widest!(
            Paths::both_passes,
            paths: &mut Paths = self,
            own: &Level = own,
            costs: &[i16] = costs,
            stale: &Blocks = stale,
            known: (&[f32], Depths) = known
        )
    }

    #[inline(always)]
    fn both_passes(&mut self, own: &Level, costs: &[i16], stale: &Blocks, known: (&[f32], Depths)) {
        self.one_pass(own, costs, stale, known, false);
        self.one_pass(own, costs, stale, known, true);
    }

    /// Four directions: those that come from pixels before in reading order, or from the end.
    #[inline(always)]
    fn one_pass(
        &mut self,
        own: &Level,
        costs: &[i16],
        stale: &Blocks,
        (known, depths): (&[f32], Depths),
        from_end: bool,
    ) {
        let (columns, rows) = (own.columns, own.rows);
        // Columns and rows count from the end there.
        let turned = |at: usize, count: usize| if from_end { count - 1 - at } else { at };
        for row in 0..rows {
            std::mem::swap(&mut self.before, &mut self.here);
            let line = turned(row, rows) * columns;
            for run in stale.runs_in(turned(row, rows), from_end) {
                let mut along: Costs = [0; STEPS];
                for column in run.clone() {
                    let here = line + turned(column, columns);
                    let cost = costs_of(costs, here);
                    // One pixel further than that at a place, whose path is given if it is stale itself.
                    let go_on = |place: usize, path: Option<&Costs>| {
                        let change = large_change(own.luma[here], own.luma[place]);
                        match path {
                            Some(path) => follow(path, cost, change),
                            None => leave(depths.step_of(known[place]), cost, change),
                        }
                    };
                    let from = [column.checked_sub(1), Some(column), Some(column + 1)];
                    along = match from[0] {
                        Some(beside) => {
                            let path = Some(&along).filter(|_| column > run.start);
                            go_on(line + turned(beside, columns), path)
                        }
                        None => *cost,
                    };
                    let mut sum = along;
                    for (direction, from) in from.into_iter().enumerate() {
                        let path = match from.filter(|from| row > 0 && *from < columns) {
                            Some(from) => {
                                let (beside, above) =
                                    (turned(from, columns), turned(row - 1, rows));
                                let path = &self.before[from][direction];
                                let path = Some(path).filter(|_| stale.has(beside, above));
                                go_on(above * columns + beside, path)
                            }
                            None => *cost,
                        };
                        add(&mut sum, &path);
                        self.here[column][direction] = path;
                    }
                    let sums = &mut self.sums[here * STEPS..][..STEPS];
                    if from_end { add(sums, &sum) } else { sums.copy_from_slice(&sum) }
                }
            }
        }
    }
}

/// Costs one pixel further than one of a certain depth.
#[inline(always)]
fn leave(step: usize, cost: &Costs, large_change: i16) -> Costs {
    let mut path = [large_change; STEPS];
    for beside in [step.saturating_sub(1), (step + 1).min(STEPS - 1)] {
        path[beside] = SMALL_CHANGE;
    }
    path[step] = 0;
    add(&mut path, cost);
    path
}

#[inline(always)]
fn costs_of(costs: &[i16], pixel: usize) -> &Costs {
    costs[pixel * STEPS..].first_chunk().unwrap_or_else(|| unreachable!("a pixel has every step"))
}

#[inline(always)]
fn add(sum: &mut [i16], path: &Costs) {
    sum.iter_mut().zip(path).for_each(|(sum, cost)| *sum += cost);
}

#[inline(always)]
fn large_change(luma: u8, other: u8) -> i16 {
    (LARGE_CHANGE - PER_LUMA * i16::from(luma.abs_diff(other))).max(LEAST_LARGE_CHANGE)
}

/// Costs one pixel further along a path: `L(p, d) = C(p, d) + min(L(q, d), L(q, d ± 1) + P₁, min L(q) + P₂) − min L(q)`.
#[inline(always)]
fn follow(before: &Costs, cost: &Costs, large_change: i16) -> Costs {
    let least = before.iter().fold(i16::MAX, |least, value| least.min(*value));
    // One place before and one behind, which never are the least.
    let mut padded = [i16::MAX - SMALL_CHANGE; STEPS + 2];
    padded[1..=STEPS].copy_from_slice(before);
    let mut path = [0; STEPS];
    for step in 0..STEPS {
        let beside = padded[step].min(padded[step + 2]) + SMALL_CHANGE;
        path[step] = cost[step] + padded[step + 1].min(beside).min(least + large_change) - least;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Size;

    #[test]
    fn what_is_known_goes_on_where_costs_tell_nothing() {
        let level = Level::new(Size { width_px: 48, height_px: 48 }, 2);
        let mut stale = Blocks::new(level.columns, level.rows);
        stale.mark(9, 9);
        stale.mark(13, 9);
        let (pixels, depths) = (level.columns * level.rows, Depths::between(0.0, 1.0));
        let mut paths = Paths::new(&level);
        for step in [0, 20, STEPS - 1] {
            let known = vec![depths.nearness(step as f32); pixels];
            let costs = vec![7; pixels * STEPS];
            let sums = paths.gather(&level, &costs, &stale, (&known, depths));
            for row in 8..12 {
                for pixel in row * level.columns + 8..row * level.columns + 16 {
                    let sums = &sums[pixel * STEPS..][..STEPS];
                    let least = sums.iter().min();
                    assert_eq!(sums.iter().position(|sum| Some(sum) == least), Some(step));
                }
            }
        }
    }
}
