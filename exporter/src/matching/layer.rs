//! One luma level of the pyramid, padded so that blocks need no bounds checks at its edges.

use crate::picture::{Picture, PictureExt, PlaneView};

/// Levels of the pyramid, from the picture itself to an eighth of its sides.
pub(super) const LEVELS: usize = 4;

/// Side of the block that stands for a cell, for each level: 16 pixels of the picture, but 3
/// where 2 would be too few to tell blocks apart. All are centred on the 8×8 pixels of the cell.
pub(super) const BLOCK: [usize; LEVELS] = [16, 8, 4, 3];

/// Side of a cell in pixels of the picture.
pub(super) const CELL: usize = 8;

/// Columns and rows of cells over a picture of this size in pixels, padded to multiples of 16.
pub(super) fn cells(width: usize, height: usize) -> (usize, usize) {
    (width.next_multiple_of(16) / CELL, height.next_multiple_of(16) / CELL)
}

/// Luma of one pyramid level, replicated beyond its edges.
#[derive(Clone)]
pub(super) struct PyramidLayer {
    pub(super) width: usize,
    pub(super) height: usize,
    samples: Vec<u8>,
}

impl PyramidLayer {
    /// The picture's own.
    pub(super) fn luma(picture: &Picture) -> Self {
        let PlaneView { width, height, samples } = picture.planes()[0];
        Self { width, height, samples: samples.to_vec() }
    }

    /// The layer and its halvings, `first + 1` levels in all.
    pub(super) fn pyramid(&self, first: usize) -> Vec<Self> {
        let mut layers = vec![self.clone()];
        for level in 0..first {
            let half = layers[level].halved();
            layers.push(half);
        }
        layers
    }

    /// Mean of 2×2, rounded; odd sizes round up and repeat the last column or row.
    fn halved(&self) -> Self {
        let (width, height) = (self.width.div_ceil(2), self.height.div_ceil(2));
        let mut samples = Vec::with_capacity(width * height);
        for y in 0..height {
            let above = self.row(2 * y);
            let below = self.row((2 * y + 1).min(self.height - 1));
            samples.extend((0..width).map(|x| {
                let (left, right) = (2 * x, (2 * x + 1).min(self.width - 1));
                let sum = [above[left], above[right], below[left], below[right]];
                (sum.map(u16::from).iter().sum::<u16>().midpoint(2) / 2) as u8
            }));
        }
        Self { width, height, samples }
    }

    pub(super) fn row(&self, y: usize) -> &[u8] {
        &self.samples[y * self.width..][..self.width]
    }

    /// A copy with the edge replicated `border` samples to the left and above, and at least that
    /// much to the right and below `extent`.
    pub(super) fn padded(&self, border: (usize, usize), extent: (usize, usize)) -> PaddedLayer {
        let stride = extent.0.max(self.width) + 2 * border.0;
        let rows = extent.1.max(self.height) + 2 * border.1;
        let mut samples = Vec::with_capacity(stride * rows);
        for y in 0..rows {
            let row = self.row(y.saturating_sub(border.1).min(self.height - 1));
            samples.extend(std::iter::repeat_n(row[0], border.0));
            samples.extend_from_slice(row);
            samples.resize((y + 1) * stride, row[self.width - 1]);
        }
        PaddedLayer { stride, border, samples }
    }
}

/// A [`PyramidLayer`] with a border.
pub(super) struct PaddedLayer {
    stride: usize,
    border: (usize, usize),
    samples: Vec<u8>,
}

impl PaddedLayer {
    /// The samples from (`x`, `y`) on, which may lie in the border.
    ///
    /// # Panics
    /// If the point lies outside the border.
    pub(super) fn from(&self, x: i32, y: i32) -> &[u8] {
        let column = x + self.border.0 as i32;
        let row = y + self.border.1 as i32;
        assert!(column >= 0 && row >= 0, "blocks stay inside the border");
        &self.samples[row as usize * self.stride + column as usize..]
    }

    pub(super) fn stride(&self) -> usize {
        self.stride
    }
}

/// Sum of absolute differences of two `N`×`N` blocks.
pub(super) fn block_sad<const N: usize>(a: (&[u8], usize), b: (&[u8], usize)) -> u32 {
    let mut sum = 0;
    for row in 0..N {
        let (a, b) = (&a.0[row * a.1..][..N], &b.0[row * b.1..][..N]);
        sum += a.iter().zip(b).map(|(&a, &b)| u32::from(a.abs_diff(b))).sum::<u32>();
    }
    sum
}

/// [`block_sad`] of the level's block, as sixteenths of the mean difference per sample.
pub(super) fn block_cost(level: usize, a: (&[u8], usize), b: (&[u8], usize)) -> u32 {
    match level {
        0 => block_sad::<16>(a, b) / 16,
        1 => block_sad::<8>(a, b) / 4,
        2 => block_sad::<4>(a, b),
        _ => block_sad::<3>(a, b) * 16 / 9,
    }
}

/// First column (or row) of the block of cell `index`.
pub(super) fn block_start(level: usize, index: usize) -> i32 {
    // The cell's centre less half a block; on the last level 3 samples around sample `index`.
    ((index * CELL + CELL / 2) >> level) as i32 - (BLOCK[level] / 2) as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::synthetic;

    #[test]
    fn blocks_are_centred_on_their_cell() {
        assert_eq!([0, 1, 2, 3].map(|level| block_start(level, 2)), [12, 6, 3, 1]);
    }

    #[test]
    fn padding_repeats_the_edge() {
        let layers = PyramidLayer::luma(&synthetic(10, 6, 0.0)).pyramid(1);
        assert_eq!((layers[1].width, layers[1].height), (5, 3));
        let padded = layers[0].padded((3, 2), (16, 16));
        let layer = &layers[0];
        assert_eq!(padded.from(-3, -2)[0], layer.row(0)[0]);
        assert_eq!(padded.from(18, 17)[0], layer.row(5)[9]);
        assert_eq!(padded.from(4, 3)[0], layer.row(3)[4]);
    }
}
