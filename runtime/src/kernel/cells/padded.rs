//! A copy of a plane with its border repeated around it, so that reads near it need no other code.

use super::super::warp::PackedSize;
use crate::picture::{Picture, Plane};

/// Pixels repeated on every side, and the most that [`Padded::window`] can be wide or high.
pub(super) const MARGIN: usize = 32;

/// A plane and `MARGIN` pixels around it.
#[derive(Debug)]
pub(super) struct Padded {
    plane: Plane,
    /// `[rows + 2·MARGIN, stride]`, and room for the largest plane.
    samples: Vec<u8>,
    columns: usize,
    rows: usize,
    stride: usize,
}

impl Padded {
    /// Room for `plane` of pictures of `size`.
    pub fn new(plane: Plane, size: PackedSize) -> Self {
        let side = if plane == Plane::Y { 4 } else { 2 };
        let room = (size.columns * side + 2 * MARGIN) * (size.rows * side + 2 * MARGIN);
        Self { plane, samples: vec![0; room], columns: 1, rows: 1, stride: 1 + 2 * MARGIN }
    }

    /// Copies the plane of `picture`.
    ///
    /// # Panics
    /// If it is larger than the room.
    pub fn copy(&mut self, picture: &Picture) {
        let (columns, rows) = picture.plane_size(self.plane);
        (self.columns, self.rows, self.stride) = (columns, rows, columns + 2 * MARGIN);
        let lines = self.samples.chunks_exact_mut(self.stride).skip(MARGIN);
        for (line, pixels) in lines.zip(picture.plane(self.plane).chunks_exact(columns)) {
            line[..MARGIN].fill(pixels[0]);
            line[MARGIN..][..columns].copy_from_slice(pixels);
            line[MARGIN + columns..][..MARGIN].fill(pixels[columns - 1]);
        }
        let (first, last) = (MARGIN * self.stride, (MARGIN + rows - 1) * self.stride);
        for outer in 0..MARGIN {
            self.samples.copy_within(first..first + self.stride, outer * self.stride);
            let below = (MARGIN + rows + outer) * self.stride;
            self.samples.copy_within(last..last + self.stride, below);
        }
    }

    /// Samples from one row to the next.
    pub fn stride(&self) -> usize {
        self.stride
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
        inner(row, self.rows) * self.stride + inner(column, self.columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Size;

    #[test]
    fn windows_anywhere_repeat_the_border() {
        for (width_px, height_px) in [(1, 1), (3, 40), (37, 19)] {
            let mut picture = Picture::new(Size { width_px, height_px });
            let pixels = picture.i420_mut().iter_mut().enumerate();
            pixels.for_each(|(i, p)| *p = (i * 7) as u8);
            for plane in Plane::ALL {
                let mut padded = Padded::new(plane, PackedSize::of(picture.size()));
                padded.copy(&picture);
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
