//! Semi-global matching: costs gathered along eight straight paths through every pixel, on which a change of depth
//! costs.
//!
//! # Source
//! Hirschmüller, Stereo Processing by Semiglobal Matching and Mutual Information, PAMI 2008.

use super::level::Level;
use super::sweep::STEPS;

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

    /// Sums `costs` along all paths, `[row, column, step]` as those.
    pub(super) fn gather(&mut self, own: &Level, costs: &[i16]) -> &[i16] {
        self.sums.fill(0);
        self.pass(own, costs);
        &self.sums
    }

    fn pass(&mut self, own: &Level, costs: &[i16]) {
        by_widest!(
            Paths::both_passes,
            paths: &mut Paths = self,
            own: &Level = own,
            costs: &[i16] = costs
        )
    }

    #[inline(always)]
    fn both_passes(&mut self, own: &Level, costs: &[i16]) {
        self.one_pass(own, costs, false);
        self.one_pass(own, costs, true);
    }

    /// Four directions: those that come from pixels before in reading order, or from the end.
    #[inline(always)]
    fn one_pass(&mut self, own: &Level, costs: &[i16], from_end: bool) {
        let (columns, count) = (own.columns, own.columns * own.rows);
        let place = |at: usize| if from_end { count - 1 - at } else { at };
        for row in 0..own.rows {
            std::mem::swap(&mut self.before, &mut self.here);
            let mut along: Costs = [0; STEPS];
            for column in 0..columns {
                let at = row * columns + column;
                let here = place(at);
                let cost = costs_of(costs, here);
                let change = |other: usize| large_change(own.luma[here], own.luma[place(other)]);
                along = if column > 0 { follow(&along, cost, change(at - 1)) } else { *cost };
                let mut sum = along;
                let from = [column.checked_sub(1), Some(column), Some(column + 1)];
                for (direction, from) in from.into_iter().enumerate() {
                    let path = match from.filter(|from| row > 0 && *from < columns) {
                        Some(from) => {
                            let change = change((row - 1) * columns + from);
                            follow(&self.before[from][direction], cost, change)
                        }
                        None => *cost,
                    };
                    add(&mut sum, &path);
                    self.here[column][direction] = path;
                }
                add(&mut self.sums[here * STEPS..][..STEPS], &sum);
            }
        }
    }
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
