//! A copy of a picture with its border repeated around it, so that reads near it need no other code.

use super::super::warp::PackedSize;
use crate::Size;
use crate::picture::{Picture, Plane};

/// Pixels repeated on every side, and the most columns and rows that [`PaddedPlane::from`] stands for.
pub(super) const MARGIN: usize = 32;

/// A picture to warp: its planes with a margin around each.
#[derive(Debug)]
pub struct PaddedPicture {
    size: Size,
    pub(super) planes: [PaddedPlane; 3],
}

/// A plane and `MARGIN` pixels around it.
#[derive(Debug)]
pub(super) struct PaddedPlane {
    /// `[rows + 2·MARGIN, columns + 2·MARGIN]`.
    samples: Vec<u8>,
    columns: usize,
    rows: usize,
}

impl PaddedPicture {
    /// Room for pictures of `size`.
    pub fn new(size: Size) -> Self {
        let (chroma_columns, chroma_rows) = size.chroma();
        let chroma = || PaddedPlane::new(chroma_columns, chroma_rows);
        Self { size, planes: [PaddedPlane::new(size.width(), size.height()), chroma(), chroma()] }
    }

    /// Copies `picture`. Sources that many views share need that once.
    ///
    /// # Panics
    /// If it has another size.
    pub fn copy(&mut self, picture: &Picture) {
        assert_eq!(picture.size(), self.size, "there is room for one size");
        for (padded, plane) in self.planes.iter_mut().zip(Plane::ALL) {
            padded.copy(picture.plane(plane));
        }
    }

    /// Size at 1/4.
    pub fn packed_size(&self) -> PackedSize {
        PackedSize::of(self.size)
    }
}

impl PaddedPlane {
    fn new(columns: usize, rows: usize) -> Self {
        let samples = vec![0; (columns + 2 * MARGIN) * (rows + 2 * MARGIN)];
        Self { samples, columns, rows }
    }

    /// Copies a plane, `[rows, columns]`.
    fn copy(&mut self, plane: &[u8]) {
        let (columns, stride) = (self.columns, self.stride());
        let lines = self.samples.chunks_exact_mut(stride).skip(MARGIN);
        for (line, pixels) in lines.zip(plane.chunks_exact(columns)) {
            line[..MARGIN].fill(pixels[0]);
            line[MARGIN..][..columns].copy_from_slice(pixels);
            line[MARGIN + columns..][..MARGIN].fill(pixels[columns - 1]);
        }
        let line = |row: usize| row * stride..(row + 1) * stride;
        for outer in 0..MARGIN {
            self.samples.copy_within(line(MARGIN), outer * stride);
            let below = MARGIN + self.rows + outer;
            self.samples.copy_within(line(MARGIN + self.rows - 1), below * stride);
        }
    }

    /// Samples from one row to the next.
    #[inline(always)]
    pub fn stride(&self) -> usize {
        self.columns + 2 * MARGIN
    }

    /// Samples from pixel (column, row) on, which may lie anywhere. In up to `MARGIN` columns and rows
    /// they are those of the plane with its border repeated: what lies farther out than the margin is
    /// as constant as the margin.
    #[inline(always)]
    pub fn from(&self, column: i32, row: i32) -> &[u8] {
        &self.samples[self.place(column, row)..]
    }

    /// Index of the sample that [`Self::from`] starts with.
    #[inline(always)]
    fn place(&self, column: i32, row: i32) -> usize {
        let inner = |at: i32, length: usize| {
            (at.max(-(MARGIN as i32)).min(length as i32 - 1) + MARGIN as i32) as usize
        };
        inner(row, self.rows) * self.stride() + inner(column, self.columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_anywhere_repeat_the_border() {
        for (width_px, height_px) in [(1, 1), (3, 40), (37, 19)] {
            let mut picture = Picture::new(Size { width_px, height_px });
            let pixels = picture.i420_mut().iter_mut().enumerate();
            pixels.for_each(|(i, p)| *p = (i * 7) as u8);
            let mut padded = PaddedPicture::new(picture.size());
            padded.copy(&picture);
            for (plane, padded) in Plane::ALL.into_iter().zip(&padded.planes) {
                let (columns, rows) = picture.plane_size(plane);
                let clamp = |at: i32, length: usize| at.clamp(0, length as i32 - 1) as usize;
                for (x, y) in (-70..70).flat_map(|y| (-70..70).map(move |x| (x, y))) {
                    let window = padded.from(x, y);
                    for (i, j) in [(0, 0), (31, 0), (0, 31), (31, 31), (7, 5)] {
                        let at = clamp(y + j, rows) * columns + clamp(x + i, columns);
                        let found = window[j as usize * padded.stride() + i as usize];
                        assert_eq!(found, picture.plane(plane)[at], "({x}, {y}) + ({i}, {j})");
                    }
                }
            }
        }
    }
}
