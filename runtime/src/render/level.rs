//! Pictures as they are matched: shrunk, each pixel in one word.

use super::blocks::Blocks;
use super::warp::whole;
use crate::picture::{Picture, Plane};
use crate::units::Size;

/// Rows and columns around a pixel that are its surroundings.
const AROUND_PX: usize = 2;

/// By how much pictures of `size` are shrunk to have at most `most_px` pixels: a power of two, at least 2, where chroma
/// has as many pixels.
pub(super) fn scale_for(size: Size, most_px: usize) -> usize {
    let fits =
        |scale: &usize| size.width().div_ceil(*scale) * size.height().div_ceil(*scale) <= most_px;
    (1..16).map(|power| 1 << power).find(fits).unwrap_or(1 << 15)
}

/// Pixels that there are between two columns, and between two rows, for pictures that are compared.
const ACROSS: usize = 4;
const DOWN: usize = 4;

/// Mean squared difference of a block's pixels, luma and chroma together, above which it is not what it was.
const CHANGED: u32 = 40;
/// Share of the blocks above which all are taken for changed.
const MOST_CHANGED: f64 = 0.6;

/// A shrunk picture. A pixel is four bytes: luma, both chromas, and luma less its surroundings, which stays the same
/// where two cameras differ in brightness.
#[derive(Debug, Clone)]
pub(super) struct Level {
    pub columns: usize,
    pub rows: usize,
    pub pixels: Vec<u32>,
    /// The pixels and those between them, `ACROSS * columns` in a row. Why: to look at the nearest of these is one load
    /// where a bilinear sample is four, and as good.
    between: Vec<u32>,
    pub luma: Vec<u8>,
    /// The blocks that are not what they were; all in the first picture, and where most changed.
    pub changed: Blocks,
    /// Those that were taken in, which are some more.
    pub taken: Blocks,
    /// The picture that is taken in, in luma and chroma.
    fresh: Vec<u32>,
    /// Of a row of blocks of samples, by column.
    sums: Vec<u32>,
    /// Pictures taken in one after another.
    turn: usize,
    scale: usize,
}

impl Level {
    /// For pictures of `size`, shrunk by `scale`.
    pub(super) fn new(size: Size, scale: usize) -> Self {
        let (columns, rows) = (size.width().div_ceil(scale), size.height().div_ceil(scale));
        let luma = vec![0; columns * rows];
        Self {
            columns,
            rows,
            pixels: vec![0; columns * rows],
            between: vec![0; columns * rows * ACROSS * DOWN],
            luma,
            changed: Blocks::new(columns, rows),
            taken: Blocks::new(columns, rows),
            fresh: vec![0; columns * rows],
            sums: vec![0; size.width()],
            turn: 0,
            scale,
        }
    }

    /// The next picture is as the first one.
    pub(super) fn forget(&mut self) {
        self.turn = 0;
    }

    /// Takes the next picture in: what changed of it by more than its noise, and a row of blocks in turn. What did not
    /// change stays as it was, to the bit.
    pub(super) fn fill(&mut self, picture: &Picture) {
        by_widest!(Level::fill_rows, level: &mut Level = self, picture: &Picture = picture)
    }

    /// [`Self::fill`], compiled once for every set of vector instructions.
    #[inline(always)]
    fn fill_rows(&mut self, picture: &Picture) {
        let Self { columns, scale, fresh, sums, .. } = self;
        let (columns, scale) = (*columns, *scale);
        shrink((picture, Plane::Y), scale, (columns, sums), |at, value| fresh[at] = value.into());
        for (plane, shift) in [(Plane::U, 8), (Plane::V, 16)] {
            shrink((picture, plane), scale / 2, (columns, sums), |at, value| {
                fresh[at] |= u32::from(value) << shift;
            });
        }
        self.compare();
        for row in 0..self.rows {
            for run in self.taken.runs(row) {
                let run = row * columns + run.start..row * columns + run.end;
                for (luma, fresh) in self.luma[run.clone()].iter_mut().zip(&self.fresh[run]) {
                    *luma = *fresh as u8;
                }
            }
        }
        for row in 0..self.rows {
            for run in self.taken.runs(row) {
                for column in run {
                    let at = row * columns + column;
                    let detail = i32::from(self.luma[at]) - self.surroundings(row, column) + 128;
                    self.pixels[at] =
                        self.fresh[at] & 0xff_ffff | (detail.clamp(0, 255) as u32) << 24;
                }
            }
        }
        self.fill_between();
    }

    /// Finds out what changed.
    #[inline(always)]
    fn compare(&mut self) {
        let Self { columns, fresh, pixels, changed, .. } = self;
        for (pixel, own) in fresh.iter_mut().zip(&*pixels) {
            // The fourth byte is to spare.
            *pixel |= difference(*pixel, *own).min(255) << 24;
        }
        for (across, down, changed) in changed.each() {
            let (mut sum, mut count) = (0, 0);
            for row in down {
                let run = row * *columns + across.start..row * *columns + across.end;
                count += run.len() as u32;
                sum += fresh[run].iter().map(|pixel| pixel >> 24).sum::<u32>();
            }
            *changed = sum > CHANGED * count;
        }
        if self.turn == 0 || self.changed.share() > MOST_CHANGED {
            self.changed.mark_all();
        }
        self.taken.clear();
        self.taken.add(&self.changed);
        self.taken.mark_row(self.turn);
        self.turn += 1;
    }

    /// Fills in what is between the pixels that were taken in, and between them and those before.
    #[inline(always)]
    fn fill_between(&mut self) {
        let (columns, last) = (self.columns, self.rows - 1);
        for (number, line) in self.between.chunks_exact_mut(columns * ACROSS).enumerate() {
            let (row, down) = (number / DOWN, (number % DOWN) as u32);
            let upper = &self.pixels[row * columns..][..columns];
            let lower = &self.pixels[(row + 1).min(last) * columns..][..columns];
            let weighted = |column: usize| mix(upper[column], lower[column], down, DOWN as u32);
            for run in self.taken.runs_near(row..row + 2) {
                let start = run.start.saturating_sub(1);
                let mut here = weighted(start);
                let between = &mut line[start * ACROSS..run.end * ACROSS];
                for (between, column) in between.chunks_exact_mut(ACROSS).zip(start..) {
                    let next = weighted((column + 1).min(columns - 1));
                    for (across, pixel) in (0..).zip(between) {
                        *pixel = mix(here, next, across, ACROSS as u32);
                    }
                    here = next;
                }
            }
        }
    }

    /// Mean luma around a pixel.
    #[inline(always)]
    fn surroundings(&self, row: usize, column: usize) -> i32 {
        let around =
            |at: usize, end: usize| at.saturating_sub(AROUND_PX)..(at + AROUND_PX + 1).min(end);
        let (lines, across) = (around(row, self.rows), around(column, self.columns));
        let count = (lines.len() * across.len()) as i32;
        let lines = lines.map(|line| &self.luma[line * self.columns..][across.clone()]);
        lines.flatten().map(|value| i32::from(*value)).sum::<i32>() / count
    }

    /// Place of the pixel nearest to column `x` and row `y`, which count from the edges; below zero outside.
    #[inline(always)]
    pub(super) fn place(&self, x: f32, y: f32) -> i32 {
        let inside = (x >= 0.0) & (x <= self.columns as f32) & (y >= 0.0) & (y <= self.rows as f32);
        let nearest = |at: f32, times: usize, count: usize| {
            let (at, last) = ((at - 0.5) * times as f32, ((count - 1) * times) as f32);
            let at = if at > 0.0 { at } else { 0.0 };
            whole(if at < last { at } else { last })
        };
        let (column, row) = (nearest(x, ACROSS, self.columns), nearest(y, DOWN, self.rows));
        let place = row * (self.columns * ACROSS) as i32 + column;
        if inside { place } else { -1 }
    }

    /// The pixels at some places; anything at those outside.
    ///
    /// # Panics
    /// If a place is not one of [`Self::place`].
    #[inline(always)]
    pub(super) fn pixels_at<const N: usize>(&self, places: &[i32; N]) -> [u32; N] {
        let places = places.map(|place| place.max(0) as u32);
        let last = places.iter().fold(0, |last, place| last.max(*place)) as usize;
        // Why one for all: a check for each of them takes longer than what is read.
        assert!(last < self.between.len(), "a place is in the picture");
        // SAFETY: no place is above `last`, which is within.
        #[allow(unsafe_code, reason = "a check for each pixel")]
        places.map(|place| unsafe { *self.between.get_unchecked(place as usize) })
    }
}

/// Squared difference of two pixels in luma and chroma.
#[inline(always)]
fn difference(one: u32, other: u32) -> u32 {
    let byte = |pixel: u32, number: u32| pixel >> (8 * number) & 0xff;
    (0..3).map(|number| byte(one, number).abs_diff(byte(other, number)).pow(2)).sum()
}

/// A pixel `part` of `of` parts from one to another.
#[inline(always)]
fn mix(one: u32, other: u32, part: u32, of: u32) -> u32 {
    let byte = |pixel: u32, number: u32| pixel >> (8 * number) & 0xff;
    let mixed =
        |number| (byte(one, number) * (of - part) + byte(other, number) * part + of / 2) / of;
    (0..4).fold(0, |pixel, number| pixel | mixed(number) << (8 * number))
}

/// Means of `scale`×`scale` samples of a plane, with their place among rows of `columns`; `sums` is for its use.
#[inline(always)]
fn shrink(
    (picture, plane): (&Picture, Plane),
    scale: usize,
    (columns, sums): (usize, &mut Vec<u32>),
    put: impl FnMut(usize, u8),
) {
    match scale {
        1 => shrink_by::<1>((picture, plane), scale, (columns, sums), put),
        2 => shrink_by::<2>((picture, plane), scale, (columns, sums), put),
        4 => shrink_by::<4>((picture, plane), scale, (columns, sums), put),
        8 => shrink_by::<8>((picture, plane), scale, (columns, sums), put),
        _ => shrink_by::<16>((picture, plane), scale, (columns, sums), put),
    }
}

/// [`shrink`], of which a part of `scale` is known.
#[inline(always)]
fn shrink_by<const PART: usize>(
    (picture, plane): (&Picture, Plane),
    scale: usize,
    (columns, sums): (usize, &mut Vec<u32>),
    mut put: impl FnMut(usize, u8),
) {
    let (width, _) = picture.plane_size(plane);
    for (row, lines) in picture.plane(plane).chunks(scale * width).enumerate() {
        sums.clear();
        sums.resize(width, 0);
        for line in lines.chunks_exact(width) {
            sums.iter_mut().zip(line).for_each(|(sum, sample)| *sum += u32::from(*sample));
        }
        for (column, sums) in sums.chunks(scale).enumerate() {
            let (parts, rest) = sums.as_chunks::<PART>();
            let parts = parts.iter().flatten().sum::<u32>();
            let count = (sums.len() * (lines.len() / width)) as u32;
            let sum = parts + rest.iter().sum::<u32>() + count / 2;
            let whole = count.is_power_of_two();
            let mean = if whole { sum >> count.trailing_zeros() } else { sum / count };
            put(row * columns + column, mean as u8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_sizes_have_as_many_pixels_of_chroma_as_of_luma() {
        for (width_px, height_px) in [(1, 1), (3, 5), (479, 271), (960, 540), (8192, 4320)] {
            let size = Size { width_px, height_px };
            for most_px in [3_000, 40_000] {
                let scale = scale_for(size, most_px);
                let (columns, rows) = size.chroma();
                let level = Level::new(size, scale);
                assert_eq!(columns.div_ceil(scale / 2), level.columns, "{size:?}");
                assert_eq!(rows.div_ceil(scale / 2), level.rows, "{size:?}");
                assert!(level.columns * level.rows <= most_px);
            }
        }
    }

    #[test]
    fn a_pixel_between_pixels_is_their_mean() {
        let mut picture = Picture::new(Size { width_px: 4, height_px: 2 });
        picture.plane_mut(Plane::Y).copy_from_slice(&[10, 10, 250, 250, 10, 10, 250, 250]);
        picture.plane_mut(Plane::U).copy_from_slice(&[255, 255]);
        picture.plane_mut(Plane::V).copy_from_slice(&[0, 100]);
        let mut level = Level::new(picture.size(), 2);
        level.fill(&picture);
        let at = |x, y| level.pixels_at(&[level.place(x, y)])[0].to_le_bytes();
        assert_eq!(at(0.5, 0.5), [10, 255, 0, 8]);
        assert_eq!(at(0.0, 1.0), [10, 255, 0, 8]);
        assert_eq!(at(1.1, 0.9)[..3], [130, 255, 50]);
        assert_eq!(at(2.0, 0.9)[..3], [250, 255, 100]);
        for (x, y) in [(-0.1, 0.5), (2.1, 0.5), (0.5, 1.1), (f32::NAN, 0.5)] {
            assert!(level.place(x, y) < 0, "{x} {y}");
        }
    }
}
