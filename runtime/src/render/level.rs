//! Pictures as they are matched: shrunk, each pixel in one word.

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

/// A shrunk picture.
///
/// A pixel is four lanes of 16 bits, each of which holds 8: luma, both chromas, and luma less its surroundings, which
/// stays the same where two cameras differ in brightness. Why lanes: a bilinear tap is one multiplication for all
/// four.
#[derive(Debug, Clone)]
pub(super) struct Level {
    pub columns: usize,
    pub rows: usize,
    pub pixels: Vec<u64>,
    pub luma: Vec<u8>,
    /// Luma of the picture before.
    pub luma_before: Vec<u8>,
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
            luma_before: luma.clone(),
            luma,
            scale,
        }
    }

    /// Takes the next picture in.
    pub(super) fn fill(&mut self, picture: &Picture) {
        let (columns, scale) = (self.columns, self.scale);
        std::mem::swap(&mut self.luma, &mut self.luma_before);
        shrink(picture, Plane::Y, scale, columns, |at, value| self.luma[at] = value);
        shrink(picture, Plane::U, scale / 2, columns, |at, value| {
            self.pixels[at] = u64::from(value) << 16;
        });
        shrink(picture, Plane::V, scale / 2, columns, |at, value| {
            self.pixels[at] |= u64::from(value) << 32;
        });
        for row in 0..self.rows {
            for column in 0..columns {
                let at = row * columns + column;
                let luma = self.luma[at];
                let detail = i32::from(luma) - self.surroundings(row, column) + 128;
                self.pixels[at] |= u64::from(luma) | (detail.clamp(0, 255) as u64) << 48;
            }
        }
    }

    /// Mean luma around a pixel.
    fn surroundings(&self, row: usize, column: usize) -> i32 {
        let around =
            |at: usize, end: usize| at.saturating_sub(AROUND_PX)..(at + AROUND_PX + 1).min(end);
        let (lines, across) = (around(row, self.rows), around(column, self.columns));
        let count = (lines.len() * across.len()) as i32;
        let lines = lines.map(|line| &self.luma[line * self.columns..][across.clone()]);
        lines.flatten().map(|value| i32::from(*value)).sum::<i32>() / count
    }

    /// The lanes at column `x` and row `y`, which count from the middle of the first pixel and may lie between pixels;
    /// none outside the picture.
    #[inline]
    pub(super) fn sample(&self, x: f32, y: f32) -> Option<[u8; 4]> {
        let (last_x, last_y) = ((self.columns - 1) as f32, (self.rows - 1) as f32);
        if !(x >= -0.5 && x <= last_x + 0.5 && y >= -0.5 && y <= last_y + 0.5) {
            return None;
        }
        let (x, y) = (x.clamp(0.0, last_x), y.clamp(0.0, last_y));
        let (column, row) = (x as usize, y as usize);
        // Sixteenths: four products of them and 8 bits stay within a lane.
        let (across, down) =
            (((x - column as f32) * 16.0) as u64, ((y - row as f32) * 16.0) as u64);
        let right = usize::from(column + 1 < self.columns);
        let below = if row + 1 < self.rows { self.columns } else { 0 };
        let at = row * self.columns + column;
        let between =
            |at: usize| self.pixels[at] * (16 - across) + self.pixels[at + right] * across;
        let sum = between(at) * (16 - down) + between(at + below) * down;
        Some([sum >> 8, sum >> 24, sum >> 40, sum >> 56].map(|lane| lane as u8))
    }
}

/// Means of `scale`×`scale` samples of a plane, with their place among rows of `columns`.
fn shrink(
    picture: &Picture,
    plane: Plane,
    scale: usize,
    columns: usize,
    mut put: impl FnMut(usize, u8),
) {
    let (width, height) = picture.plane_size(plane);
    let samples = picture.plane(plane);
    for (row, top) in (0..height).step_by(scale).enumerate() {
        for (column, left) in (0..width).step_by(scale).enumerate() {
            let (bottom, right) = ((top + scale).min(height), (left + scale).min(width));
            let lines = (top..bottom).map(|line| &samples[line * width..][left..right]);
            let sum: u32 = lines.flatten().map(|sample| u32::from(*sample)).sum();
            let count = ((bottom - top) * (right - left)) as u32;
            put(row * columns + column, ((sum + count / 2) / count) as u8);
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
    fn a_sample_between_pixels_is_the_mean_of_all_lanes() {
        let mut picture = Picture::new(Size { width_px: 4, height_px: 2 });
        picture.plane_mut(Plane::Y).copy_from_slice(&[10, 10, 250, 250, 10, 10, 250, 250]);
        picture.plane_mut(Plane::U).copy_from_slice(&[255, 255]);
        picture.plane_mut(Plane::V).copy_from_slice(&[0, 100]);
        let mut level = Level::new(picture.size(), 2);
        level.fill(&picture);
        assert_eq!(level.sample(0.0, 0.0), Some([10, 255, 0, 8]));
        assert_eq!(level.sample(0.5, 0.4).map(|[y, u, v, _]| [y, u, v]), Some([130, 255, 50]));
        for (x, y) in [(-0.6, 0.0), (1.6, 0.0), (0.0, 0.6), (f32::NAN, 0.0)] {
            assert_eq!(level.sample(x, y), None);
        }
    }
}
