//! How much of a source two neighbouring patches read.

use super::padded::MARGIN;
use super::patches::{Axis, HALF, LUMA_BITS, PATCHES, Patches};

/// Columns of a flat window: the bytes of a vector, which one instruction chooses from. A far one has twice as many.
pub(super) const WIDE: usize = 16;
/// Most rows of a window.
pub(super) const HIGH: usize = MARGIN;
/// Most columns and rows that what is read may span in a flat and in a far window: right and lower
/// neighbours are read too, and a patch of luma has eight rows.
pub(super) const FLAT: (i32, i32) = (WIDE as i32 - 2, 1);
pub(super) const FAR: (i32, i32) = (2 * WIDE as i32 - 2, HIGH as i32 - 9);

/// Fraction bits of a displacement in chroma pixels.
const CHROMA_BITS: u32 = LUMA_BITS + 1;
/// Luma pixels from one centre of the flow to the next.
const APART: i32 = 8;

/// What pixels read, less their right and lower neighbours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// First column and row.
    pub corner: (i32, i32),
    /// Columns and rows from there to the last.
    pub span: (i32, i32),
}

/// Extents of two patches.
#[derive(Debug)]
pub(super) struct Reach {
    /// Each one's in luma, from where it lies itself.
    pub luma: [Extent; PATCHES],
    /// That of both in chroma, from where the first patch lies.
    pub chroma: Extent,
}

/// Least and greatest place on an axis.
#[derive(Clone, Copy)]
struct Bounds {
    least: i32,
    greatest: i32,
}

impl Extent {
    /// With `bits` fraction bits.
    #[inline(always)]
    fn of(x: Bounds, y: Bounds, bits: u32) -> Self {
        let whole = |of: Bounds| (of.least >> bits, (of.greatest >> bits) - (of.least >> bits));
        let ((column, columns), (row, rows)) = (whole(x), whole(y));
        Self { corner: (column, row), span: (columns, rows) }
    }

    /// Whether it spans at most as much.
    #[inline(always)]
    pub fn fits(self, most: (i32, i32)) -> bool {
        self.span.0 <= most.0 && self.span.1 <= most.1
    }
}

impl Reach {
    /// Of `patch` of `row` and the next one.
    #[inline(always)]
    pub fn of(patches: &Patches, row: usize, patch: usize) -> Self {
        let [x0, x1] = Bounds::of(&patches.x, row, patch, APART << LUMA_BITS);
        let [y0, y1] = Bounds::of(&patches.y, row, patch, 0);
        // In either size the first pixel's centre is half a pixel right of the left centres.
        let luma = |x: Bounds, y: Bounds| Extent::of(x.moved(-1 << (LUMA_BITS - 1)), y, LUMA_BITS);
        let x = x0.and(x1.moved(APART << LUMA_BITS)).moved(-1 << (CHROMA_BITS - 1));
        let chroma = Extent::of(x, y0.and(y1), CHROMA_BITS);
        Self { luma: [luma(x0, y0), luma(x1, y1)], chroma }
    }
}

impl Bounds {
    /// Of `patch` of `row` and the next one, from their left centres, the right ones being `apart`:
    /// what a patch reads lies between what its centres do.
    #[inline(always)]
    fn of(axis: &Axis, row: usize, patch: usize, apart: i32) -> [Self; PATCHES] {
        let (above, below) = axis.centres(row, patch);
        let (above, below) = (&above[..PATCHES + 1], &below[..PATCHES + 1]);
        let centre = |i: usize| Self {
            least: 256 * above[i].min(below[i]) + HALF,
            greatest: 256 * above[i].max(below[i]) + HALF,
        };
        let middle = centre(1);
        [centre(0).and(middle.moved(apart)), middle.and(centre(2).moved(apart))]
    }

    #[inline(always)]
    fn moved(self, by: i32) -> Self {
        Self { least: self.least + by, greatest: self.greatest + by }
    }

    /// Of both.
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Self { least: self.least.min(other.least), greatest: self.greatest.max(other.greatest) }
    }
}
