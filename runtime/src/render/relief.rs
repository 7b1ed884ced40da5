//! Depth of a whole picture as it is warped and looked up: a word per pixel, and the range of each tile.

use std::ops::Range;

use super::ahead::bring;
use super::blocks::Blocks;
use super::depth::DepthMap;
use super::trust::SOLID;
use super::viewpoint::{LEAST_AHEAD, Transfer};
use super::warp::{Key, MOST_ZOOM, whole};
use crate::units::Size;

/// Columns and rows of the pixels that are one cell where surfaces are told apart: depth is found no finer.
pub(super) const GRID: usize = 2;
/// Columns and rows of a tile.
pub(super) const COLUMNS: usize = 64;
pub(super) const ROWS: usize = 4;
/// Pixels that a tile's rectangle has more on each side: those beside a crack, and rounding.
const SLACK_PX: f32 = 2.0;

/// Points that some pixels beside one another are taken out of, of which there are as many behind every pixel.
const NEAR: usize = 16;

/// Nearness of a pixel with the last 8 bits of it replaced by how far it is to be trusted: 16 bits are more than depth
/// is found with, and there is one place to look at instead of two.
#[derive(Debug, Clone, Copy, Default)]
#[repr(transparent)]
pub(super) struct Point(u32);

impl Point {
    fn new(nearness: f32, trust: f32) -> Self {
        Self((nearness.to_bits() + 0x80) & !0xff | whole(trust * 255.0) as u32)
    }

    /// Not below zero.
    #[inline(always)]
    pub(super) fn nearness(self) -> f32 {
        f32::from_bits(self.0 & !0xff)
    }

    /// From 0 to 1.
    #[inline(always)]
    pub(super) fn trust(self) -> f32 {
        (self.0 & 0xff) as i32 as f32 * (1.0 / 255.0)
    }

    /// The one of those that hides the others, at the mean of what is of one surface with it.
    #[inline(always)]
    fn foremost(points: [Self; GRID * GRID], tolerance: f32) -> Self {
        let key = |point: Self| Key::new(point.nearness(), point.trust());
        let hiding = |one: Self, other: Self| if key(one) >= key(other) { one } else { other };
        let [one, two, three, four] = points;
        let front = hiding(hiding(one, two), hiding(three, four));
        let (mut sum, mut count) = (0.0, 0.0);
        for point in points {
            let off = front.nearness() - point.nearness();
            let alike = (off.abs() < tolerance) & (point.solid() == front.solid());
            sum += if alike { point.nearness() } else { 0.0 };
            count += if alike { 1.0 } else { 0.0 };
        }
        // Of a tolerance of nothing none is alike.
        if count > 0.0 { Self::new(sum / count, front.trust()) } else { front }
    }

    #[inline(always)]
    fn solid(self) -> bool {
        self.trust() >= SOLID
    }
}

/// Points of a picture.
#[derive(Debug)]
pub(super) struct Relief {
    pub columns: usize,
    pub rows: usize,
    points: Vec<Point>,
    pub front: Front,
}

/// The foremost of every `GRID`×`GRID` points of a picture.
#[derive(Debug)]
pub(super) struct Front {
    pub columns: usize,
    pub rows: usize,
    points: Vec<Point>,
    /// Points of least and most nearness of every tile.
    ranges: Vec<[Point; 2]>,
}

/// Pixels of a picture.
#[derive(Debug, Clone)]
pub(super) struct Rectangle {
    pub columns: Range<usize>,
    pub rows: Range<usize>,
}

impl Relief {
    pub(super) fn new(size: Size) -> Self {
        let (columns, rows) = (size.width(), size.height());
        let points = vec![Point::default(); columns * rows + NEAR];
        Self {
            columns,
            rows,
            points,
            front: Front::new(columns.div_ceil(GRID), rows.div_ceil(GRID)),
        }
    }

    /// Takes the depth of a picture where it is `stale`, by blocks of the picture shrunk by `scale`. Points no further
    /// apart than `tolerance` are of one surface; where it changes, all is stale.
    pub(super) fn fill(
        &mut self,
        map: &DepthMap,
        tolerance: f32,
        (stale, scale): (&Blocks, usize),
    ) {
        by_widest!(
            Relief::fill_blocks,
            relief: &mut Relief = self,
            map: &DepthMap = map,
            tolerance: f32 = tolerance,
            stale: (&Blocks, usize) = (stale, scale)
        )
    }

    /// [`Self::fill`], compiled once for every set of vector instructions.
    #[inline(always)]
    fn fill_blocks(&mut self, map: &DepthMap, tolerance: f32, (stale, scale): (&Blocks, usize)) {
        for row in 0..self.rows {
            for run in stale.runs(row / scale) {
                let across = run.start * scale..(run.end * scale).min(self.columns);
                let own = row * self.columns + across.start..row * self.columns + across.end;
                let pixels = map.nearness[own.clone()].iter().zip(&map.trust[own.clone()]);
                for (point, (nearness, trust)) in self.points[own].iter_mut().zip(pixels) {
                    *point = Point::new(*nearness, *trust);
                }
                // A block is whole cells, whose last row is this one.
                if row % GRID == GRID - 1 || row == self.rows - 1 {
                    let rows = [row / GRID * GRID, row]
                        .map(|row| &self.points[row * self.columns..][across.clone()]);
                    self.front.fill(rows, (row / GRID, across.start / GRID), tolerance);
                }
            }
        }
        self.front.find_ranges();
    }

    /// The points of some pixels, behind which as many others may be looked at next.
    ///
    /// # Panics
    /// If a pixel is not in the picture.
    #[inline(always)]
    pub(super) fn at<const N: usize>(&self, pixels: &[u32; N]) -> [Point; N] {
        let last = pixels.iter().fold(0, |last, pixel| last.max(*pixel)) as usize;
        // Why one for all: a check for each of them takes longer than what is read.
        assert!(last + NEAR <= self.points.len(), "a pixel is in the picture");
        bring(&self.points, pixels[N - 1] as usize + 1, N);
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2; no pixel is above `last`, behind which there are enough.
            #[allow(unsafe_code, reason = "chosen at run time")]
            return unsafe { avx2::at(&self.points, pixels) };
        }
        // SAFETY: no pixel is above `last`, which is within.
        #[allow(unsafe_code, reason = "a check for each point")]
        pixels.map(|pixel| unsafe { *self.points.get_unchecked(pixel as usize) })
    }

    /// The point of a pixel.
    #[cfg(test)]
    pub(super) fn point(&self, pixel: usize) -> Point {
        self.points[pixel]
    }
}

impl Front {
    fn new(columns: usize, rows: usize) -> Self {
        let tiles = columns.div_ceil(COLUMNS) * rows.div_ceil(ROWS);
        // A tile's rows are read as a whole, at the right edge beyond it.
        let points = vec![Point::default(); columns * rows + COLUMNS];
        Self { columns, rows, points, ranges: vec![[Point(0); 2]; tiles] }
    }

    /// Takes two rows of points for the cells from `column` on in a row of them.
    #[inline(always)]
    fn fill(
        &mut self,
        [upper, lower]: [&[Point]; 2],
        (row, column): (usize, usize),
        tolerance: f32,
    ) {
        let cells = &mut self.points[row * self.columns + column..][..upper.len().div_ceil(GRID)];
        let (upper, upper_last) = upper.as_chunks::<GRID>();
        let (lower, lower_last) = lower.as_chunks::<GRID>();
        for ((cell, upper), lower) in cells.iter_mut().zip(upper).zip(lower) {
            *cell = Point::foremost([upper[0], upper[1], lower[0], lower[1]], tolerance);
        }
        if let ([upper], [lower], Some(cell)) = (upper_last, lower_last, cells.last_mut()) {
            *cell = Point::foremost([*upper, *upper, *lower, *lower], tolerance);
        }
    }

    #[inline(always)]
    fn find_ranges(&mut self) {
        self.ranges.fill([Point(u32::MAX), Point(0)]);
        let across = self.columns.div_ceil(COLUMNS);
        for (row, line) in self.points.chunks_exact(self.columns).enumerate().take(self.rows) {
            let ranges = &mut self.ranges[row / ROWS * across..][..across];
            for (range, part) in ranges.iter_mut().zip(line.chunks(COLUMNS)) {
                // The bits of numbers that are not below zero are in the order of the numbers.
                *range = part.iter().fold(*range, |[low, high], point| {
                    [Point(low.0.min(point.0)), Point(high.0.max(point.0))]
                });
            }
        }
    }

    /// The point of a cell.
    #[cfg(test)]
    pub(super) fn point(&self, cell: usize) -> Point {
        self.points[cell]
    }

    /// The points of a tile's row, and some beyond where the tile is narrower; the row below is looked at next.
    #[inline(always)]
    pub(super) fn run(&self, column: usize, row: usize) -> &[Point; COLUMNS] {
        bring(&self.points, (row + 1) * self.columns + column, COLUMNS);
        let run = self.points[row * self.columns + column..].first_chunk();
        run.unwrap_or_else(|| unreachable!("there are points behind the last row"))
    }

    /// The tiles.
    #[inline(always)]
    pub(super) fn tiles(&self) -> impl Iterator<Item = Rectangle> {
        let (across, columns, rows) = (self.columns.div_ceil(COLUMNS), self.columns, self.rows);
        (0..self.ranges.len()).map(move |number| {
            let (left, top) = (number % across * COLUMNS, number / across * ROWS);
            Rectangle {
                columns: left..(left + COLUMNS).min(columns),
                rows: top..(top + ROWS).min(rows),
            }
        })
    }

    /// Fills `seen` with the cells of a grid of `size` that each tile may fall on: all, where that cannot be told.
    pub(super) fn see(&self, way: (Transfer, f32), size: Size, seen: &mut Vec<Rectangle>) {
        let all = Rectangle { columns: 0..size.width(), rows: 0..size.height() };
        seen.clear();
        seen.extend(self.tiles().zip(&self.ranges).map(|(tile, range)| {
            lands(&tile, range.map(Point::nearness), way, size).unwrap_or_else(|| all.clone())
        }));
    }
}

/// The rectangle around a tile as a picture sees it: a quotient of linear functions is largest and least at corners.
fn lands(
    tile: &Rectangle,
    range: [f32; 2],
    (transfer, zoom): (Transfer, f32),
    size: Size,
) -> Option<Rectangle> {
    let (mut low, mut high, mut side) = ([f32::MAX; 2], [f32::MIN; 2], 0.0_f32);
    for x in [tile.columns.start, tile.columns.end] {
        for y in [tile.rows.start, tile.rows.end] {
            for nearness in range {
                let [across, down, ahead] = transfer.row(x as f32, y as f32, nearness);
                if ahead <= LEAST_AHEAD {
                    return None;
                }
                side = side.max(zoom / ahead);
                for (axis, place) in [across / ahead, down / ahead].into_iter().enumerate() {
                    low[axis] = low[axis].min(place);
                    high[axis] = high[axis].max(place);
                }
            }
        }
    }
    let reach = 0.5 * side.min(MOST_ZOOM) + SLACK_PX;
    let span = |axis: usize, end: usize| {
        (low[axis] - reach) as usize..((high[axis] + reach) as usize).saturating_add(1).min(end)
    };
    Some(Rectangle { columns: span(0, size.width()), rows: span(1, size.height()) })
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    #![allow(unsafe_code, reason = "loads without a check for each")]

    use core::arch::x86_64::*;

    use super::super::lanes_avx2::{LANES, load};
    use super::{NEAR, Point};

    /// [`Relief::at`](super::Relief::at): where pixels are beside one another, as those of most surfaces, eight at a time.
    ///
    /// # Safety
    /// There are [`NEAR`] points from every pixel on.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn at<const N: usize>(points: &[Point], pixels: &[u32; N]) -> [Point; N] {
        const { assert!(N.is_multiple_of(LANES)) }
        let mut found = [Point(0); N];
        for start in (0..N).step_by(LANES) {
            let first = pixels[start];
            let off = _mm256_sub_epi32(load(pixels, start), _mm256_set1_epi32(first as i32));
            let reach = _mm256_set1_epi32(NEAR as i32 - 1);
            let near = _mm256_cmpeq_epi32(_mm256_min_epu32(off, reach), off);
            if _mm256_movemask_epi8(near) != -1 {
                for at in start..start + LANES {
                    // SAFETY: the caller's.
                    found[at] = unsafe { *points.get_unchecked(pixels[at] as usize) };
                }
                continue;
            }
            let place = points.as_ptr().wrapping_add(first as usize).cast::<__m256i>();
            // SAFETY: the caller's; a point is a word.
            let [low, high] =
                unsafe { [_mm256_loadu_si256(place), _mm256_loadu_si256(place.add(1))] };
            // Either half has the number of a point in three bits, and the fourth says which half.
            let [low, high] = [low, high].map(|half| _mm256_permutevar8x32_epi32(half, off));
            let of_high = _mm256_cmpgt_epi32(off, _mm256_set1_epi32(LANES as i32 - 1));
            let chosen = _mm256_blendv_epi8(low, high, of_high);
            let place: &mut [Point] = &mut found[start..][..LANES];
            // SAFETY: the slice has as many points as a vector has words.
            unsafe { _mm256_storeu_si256(place.as_mut_ptr().cast(), chosen) };
        }
        found
    }
}
