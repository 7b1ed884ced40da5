//! Depth of a source as a viewpoint sees it.

use std::ops::Range;

use super::relief::{COLUMNS, Front, Point, Rectangle};
use super::trust::SOLID;
use super::viewpoint::{LEAST_AHEAD, Transfer};

/// Where nothing is seen.
pub(super) const NOTHING: f32 = -1.0;
/// Most pixels that one of a source becomes on a side; a viewpoint nearer than that sees gaps.
pub(super) const MOST_ZOOM: f32 = 16.0;

/// Points that are put at a time.
const RUN: usize = 8;

/// Nearness in one word, of which the larger hides the smaller: that of a surface that is trusted is the bits of the
/// number; of one that is not, those of the number below zero; and 0 below zero is nothing at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(i32);

impl Key {
    pub(super) const NONE: Self = Self(i32::MIN);

    #[inline(always)]
    pub(super) fn new(nearness: f32, trust: f32) -> Self {
        // What is not trusted is somewhere all the same, be it as far as can be.
        let doubtful = nearness.to_bits().max(1) as i32 | i32::MIN;
        Self(if trust >= SOLID { nearness.to_bits() as i32 } else { doubtful })
    }

    /// Nearness of what is trusted, else [`NOTHING`].
    #[inline(always)]
    pub(super) fn solid(self) -> f32 {
        if self.0 >= 0 { f32::from_bits(self.0 as u32) } else { NOTHING }
    }

    /// Nearness of what is not trusted, else [`NOTHING`].
    #[inline(always)]
    pub(super) fn doubtful(self) -> f32 {
        let there = self.0 < 0 && self != Self::NONE;
        if there { -f32::from_bits(self.0 as u32) } else { NOTHING }
    }
}

/// Keys of some rows of a viewpoint's picture.
#[derive(Debug, Default)]
pub(super) struct Warped {
    columns: usize,
    rows: Range<usize>,
    keys: Vec<Key>,
}

/// Where the points of a tile's row land.
struct Landings {
    /// Place of the upper left pixel of the square.
    first: [i32; COLUMNS],
    /// Columns and rows beside it; below zero where it is in no pixel.
    more: [[i32; COLUMNS]; 2],
    keys: [Key; COLUMNS],
}

impl Warped {
    /// Empty, for `rows` of a picture.
    pub(super) fn clear(&mut self, columns: usize, rows: Range<usize>) {
        self.keys.resize(columns * rows.len(), Key::NONE);
        self.keys.fill(Key::NONE);
        (self.columns, self.rows) = (columns, rows);
    }

    /// Keys of a row.
    #[inline(always)]
    pub(super) fn row(&self, row: usize) -> &[Key] {
        &self.keys[(row - self.rows.start) * self.columns..][..self.columns]
    }

    /// Puts the points of a tile where they are seen, the nearest before others, each as a square that touches its
    /// neighbours. `zoom` is how many pixels of the picture a pixel has at the same depth.
    #[inline(always)]
    pub(super) fn put(&mut self, front: &Front, tile: Rectangle, transfer: Transfer, zoom: f32) {
        let (left, count) = (tile.columns.start, tile.columns.len());
        for row in tile.rows {
            let middle = (left as f32 + 0.5, row as f32 + 0.5);
            let landings = self.landings(front.run(left, row), middle, transfer, zoom);
            self.scatter(&landings, count);
        }
    }

    #[inline(always)]
    fn landings(
        &self,
        points: &[Point; COLUMNS],
        (left, y): (f32, f32),
        transfer: Transfer,
        zoom: f32,
    ) -> Landings {
        let [first, across, down] = [[0; COLUMNS]; 3];
        let mut landings = Landings { first, more: [across, down], keys: [Key::NONE; COLUMNS] };
        let columns = (0.0, self.columns as f32);
        let rows = (self.rows.start as f32, self.rows.end as f32);
        let top = self.rows.start as i32;
        for (at, point) in points.iter().enumerate() {
            let nearness = point.nearness();
            let [across, down, ahead] = transfer.row(left + at as i32 as f32, y, nearness);
            let scale = 1.0 / ahead;
            let reach = reach(zoom * scale);
            let [left, right] = span(across * scale, reach, columns);
            let [upper, lower] = span(down * scale, reach, rows);
            landings.first[at] = (upper - top) * self.columns as i32 + left;
            // Behind the camera, as beyond an edge, is no pixel.
            landings.more[0][at] = if ahead > LEAST_AHEAD { right - left } else { -1 };
            landings.more[1][at] = lower - upper;
            landings.keys[at] = Key::new(nearness * scale, point.trust());
        }
        landings
    }

    #[inline(always)]
    fn scatter(&mut self, landings: &Landings, count: usize) {
        let Landings { first, more: [across, down], keys } = landings;
        for start in (0..count.min(COLUMNS)).step_by(RUN) {
            let end = (start + RUN).min(count);
            // Most are a pixel each.
            let more = (start..start + RUN).fold(0, |more, at| more | across[at] | down[at]);
            for at in start..end {
                let first = first[at] as usize;
                if more == 0 || across[at] | down[at] == 0 {
                    self.keys[first] = self.keys[first].max(keys[at]);
                } else if across[at] >= 0 && down[at] >= 0 {
                    for row in 0..=down[at] as usize {
                        let squares =
                            &mut self.keys[first + row * self.columns..][..=across[at] as usize];
                        squares.iter_mut().for_each(|key| *key = (*key).max(keys[at]));
                    }
                }
            }
        }
    }
}

/// The numbers at the start of `line`, and zeros behind its end.
#[inline(always)]
pub(super) fn run_of<const N: usize>(line: &[f32]) -> [f32; N] {
    if let Some(run) = line.first_chunk() {
        return *run;
    }
    let mut run = [0.0; N];
    run.iter_mut().zip(line).for_each(|(own, number)| *own = *number);
    run
}

/// Pixels that a square of `side` pixels reaches beyond its middle one.
#[inline(always)]
fn reach(side: f32) -> f32 {
    let side = if side < MOST_ZOOM { side } else { MOST_ZOOM };
    0.5 * (if side > 1.0 { side } else { 1.0 }) - 0.5
}

/// First and last pixel around `middle` of those from `start` up to `end`.
#[inline(always)]
fn span(middle: f32, reach: f32, (start, end): (f32, f32)) -> [i32; 2] {
    // Why not `clamp`: what is no number would stay so, and here is the pixel before the first.
    let (first, last) = ((middle - reach).floor(), (middle + reach).floor());
    let first = if first > start { first } else { start };
    let last = if last > start - 1.0 { last } else { start - 1.0 };
    let first = if first < end { first } else { end };
    let last = if last < end { last } else { end - 1.0 };
    [whole(first), whole(last)]
}

/// A whole number below 2²² as an integer. Why not `as`: that asks whether it fits, five instructions a time.
#[inline(always)]
pub(super) fn whole(number: f32) -> i32 {
    const SHIFT: f32 = 12_582_912.0;
    (number + SHIFT).to_bits() as i32 - SHIFT.to_bits() as i32
}

/// Nearness of what is trusted in a row, less the cracks of one pixel, through which what is far shows between two
/// pixels of like depth that are nearer. `rows` are those above, of and below it.
#[inline(always)]
pub(super) fn close(rows: [&[Key]; 3], tolerance: f32, closed: &mut [f32]) {
    let columns = closed.len();
    for edge in [0, columns - 1] {
        closed[edge] = rows[1][edge].solid();
    }
    let inner = columns.saturating_sub(2);
    let [left, middle, right] = [0, 1, 2].map(|from| {
        rows.map(|row| row.get(from..).and_then(|row| row.get(..inner)).unwrap_or(&[]))
    });
    let Some(closed) = closed.get_mut(1..1 + inner) else { return };
    for at in 0..inner {
        let own = middle[1][at].solid();
        let mut filled = own;
        let pairs = [
            (left[1][at], right[1][at]),
            (middle[0][at], middle[2][at]),
            (left[0][at], right[2][at]),
            (right[0][at], left[2][at]),
        ];
        for (before, behind) in pairs {
            let (before, behind) = (before.solid(), behind.solid());
            let alike = (before - behind).abs() < tolerance;
            let mean = 0.5 * (before + behind);
            let closes = alike & (before.min(behind) > own + tolerance);
            filled = if closes { filled.max(mean) } else { filled };
        }
        closed[at] = filled;
    }
}
