//! Depth of a view: at each pixel the cheapest of those that were tried.

use super::blocks::Blocks;
use super::sweep::{Depths, STEPS, Volume};

/// Nearness of every pixel of a view, and how far it is to be trusted.
#[derive(Debug, Clone, Default)]
pub(super) struct DepthMap {
    pub columns: usize,
    pub rows: usize,
    /// One over the depth along the camera's axis; 0 is as far as can be.
    pub nearness: Vec<f32>,
    /// From 0 to 1.
    pub trust: Vec<f32>,
}

/// Change of depth, in steps, that is a jump from one thing to another.
const JUMP_STEPS: f32 = 10.0;
/// By how much the depth of the background may cost more at its outline and still be the right one.
const BACKGROUND_MARGIN: i16 = 20;
/// Pixels by which what is near may have grown over its background.
const OVERGROWN_PX: usize = 8;

impl DepthMap {
    /// As far as can be, and not to be trusted.
    pub(super) fn new(columns: usize, rows: usize) -> Self {
        let flat = || vec![0.0; columns * rows];
        Self { columns, rows, nearness: flat(), trust: flat() }
    }

    /// Takes the step of least cost at every pixel, between steps by the parabola through three costs.
    pub(super) fn choose(&mut self, sums: &[i16], depths: Depths, stale: &Blocks) {
        self.pixels(stale, |map, at| {
            let sums = &sums[at * STEPS..][..STEPS];
            let least = sums.iter().fold(i16::MAX, |least, sum| least.min(*sum));
            let best = sums.iter().position(|sum| *sum == least).unwrap_or(0);
            let mut step = best as f32;
            if (1..STEPS - 1).contains(&best) {
                let [before, here, behind] =
                    [-1, 0, 1].map(|by: isize| f32::from(sums[best.wrapping_add_signed(by)]));
                let bend = before - 2.0 * here + behind;
                if bend > 0.0 {
                    step += (0.5 * (before - behind) / bend).clamp(-0.5, 0.5);
                }
            }
            map.nearness[at] = depths.nearness(step);
        });
    }

    /// Gives background back what the thing before it has grown over: where the depth jumps, a pixel is taken for
    /// background unless that costs clearly more. Why: a bare wall beside an outline fits many depths, and paths
    /// prefer to change depth at the next edge of the wall instead of at the outline.
    pub(super) fn recede(
        &mut self,
        volume: &Volume,
        depths: Depths,
        spare: &mut [f32],
        stale: &Blocks,
    ) {
        let jump = JUMP_STEPS * depths.step;
        for _ in 0..OVERGROWN_PX {
            spare.copy_from_slice(&self.nearness);
            self.inner_pixels(stale, |map, at| {
                let beside = [at - 1, at + 1, at - map.columns, at + map.columns];
                let behind = beside.iter().fold(spare[at], |far, other| far.min(spare[*other]));
                if behind < spare[at] - jump {
                    let costs = volume.of_pixel(at);
                    let cost = |nearness| costs[depths.step_of(nearness)];
                    if cost(behind) <= cost(spare[at]) + BACKGROUND_MARGIN {
                        map.nearness[at] = behind;
                    }
                }
            });
        }
    }

    /// Replaces every pixel by the median of the 3×3 around it.
    pub(super) fn smooth(&mut self, spare: &mut [f32], stale: &Blocks) {
        spare.copy_from_slice(&self.nearness);
        self.inner_pixels(stale, |map, at| {
            let around: [[f32; 3]; 3] = std::array::from_fn(|line| {
                let start = at + line * map.columns - map.columns - 1;
                std::array::from_fn(|column| spare[start + column])
            });
            map.nearness[at] = median(around);
        });
    }

    /// Calls `step` with the place of each pixel of some blocks.
    fn pixels(&mut self, blocks: &Blocks, mut step: impl FnMut(&mut Self, usize)) {
        for row in 0..self.rows {
            for column in blocks.runs(row).flatten() {
                step(self, row * self.columns + column);
            }
        }
    }

    /// The same with those that have others all around.
    fn inner_pixels(&mut self, blocks: &Blocks, mut step: impl FnMut(&mut Self, usize)) {
        for row in 1..self.rows.saturating_sub(1) {
            for run in blocks.runs(row) {
                for column in run.start.max(1)..run.end.min(self.columns - 1) {
                    step(self, row * self.columns + column);
                }
            }
        }
    }
}

/// The median of nine numbers: that of the largest of the least, the middle of the middle and the least of the largest
/// of three each.
fn median(numbers: [[f32; 3]; 3]) -> f32 {
    let [[a, b, c], [d, e, f], [g, h, i]] = numbers.map(in_order);
    let [_, _, least] = in_order([a, d, g]);
    let [_, middle, _] = in_order([b, e, h]);
    let [largest, _, _] = in_order([c, f, i]);
    in_order([least, middle, largest])[1]
}

fn in_order([a, b, c]: [f32; 3]) -> [f32; 3] {
    let (low, high) = (a.min(b), a.max(b));
    let (low, middle) = (low.min(c), low.max(c));
    [low, middle.min(high), middle.max(high)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_fifth_of_nine() {
        let mut numbers = [0.0, 1.0, 1.0, 2.0, 3.0, 3.0, 5.0, 8.0, 9.0_f32];
        for turn in 0..200 {
            numbers.swap(turn % 9, (turn * 7 + 3) % 9);
            numbers.swap(turn % 5, turn % 8);
            let thirds = [0, 3, 6].map(|at| [numbers[at], numbers[at + 1], numbers[at + 2]]);
            assert_eq!(median(thirds), 3.0, "{numbers:?}");
        }
    }
}
