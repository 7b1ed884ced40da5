//! The warp into cells for AArch64: the portable code to the byte.
//!
//! Works on two patches at once, as the version for AVX2 does. What the flow reads for a patch lies
//! mostly in few columns and rows of the source, its *window*, so that a table look-up finds the
//! pixels. Where the flow is smooth, as nearly everywhere, a window is *flat*: one vector wide, and of
//! few rows. Elsewhere it is *far*. The rare patches that read yet farther apart are left to the
//! portable code.

use core::arch::aarch64::*;

use super::super::flow::PIXEL_BITS;
use super::Cells;
use super::padded::PaddedPlane;
use super::patches::{PATCHES, Patches};
use super::reach::{Extent, FAR, FLAT, HIGH, Reach, WIDE};
use super::sample_neon::{Line, row};
use super::walk_neon::{ChromaWalk, LumaWalk};
use super::warp::{Sampled, warp_by_twos};

/// Rows that a row of pixels reads from a flat window.
const FLAT_ROWS: usize = 3;
/// Rows of a flat window of luma and of chroma.
const FLAT_LUMA: usize = 7 + FLAT_ROWS;
const FLAT_CHROMA: usize = 3 + FLAT_ROWS;

/// Warps `planes` by `flow` into the bytes of a source of `cells`.
#[target_feature(enable = "neon")]
pub(super) fn warp(
    planes: &[PaddedPlane; 3],
    patches: &mut Patches,
    flow: &[f32],
    to: (Cells, usize),
    cells: &mut [u8],
) {
    warp_by_twos(planes, patches, flow, to, cells, |patches, at, cells| {
        sample_two(planes, patches, at, cells)
    });
}

/// Samples the cells of `patch` and the next one and says which of the two lay in windows; those of
/// the other are wrong.
#[target_feature(enable = "neon")]
#[inline]
fn sample_two(
    planes: &[PaddedPlane; 3],
    patches: &Patches,
    (row, patch): (usize, usize),
    cells: &mut Sampled<4>,
) -> [bool; PATCHES] {
    // How far both patches reach; none, one or both lie within what is sampled at once.
    let reach = Reach::of(patches, row, patch);
    let in_chroma = reach.chroma.fits(FAR);
    let whole = reach.luma.map(|luma| in_chroma && luma.fits(FAR));
    if whole == [false; PATCHES] {
        return whole;
    }
    let x = [0, 1].map(|half| patches.x.course(row, patch + half));
    let y = [0, 1].map(|half| patches.y.course(row, patch + half));
    let (left, top) = (8 * patch as i32 - 4, 8 * row as i32 - 4);

    // Luma, each patch from a window of its own.
    for half in 0..PATCHES {
        let luma = reach.luma[half];
        let (column, row) = luma.corner;
        let walks = (LumaWalk::new::<1>(x[half], column), LumaWalk::new::<0>(y[half], row));
        let from = planes[0].from(left + 8 * half as i32 + column, top + row);
        let window = Window { from, stride: planes[0].stride() };
        if luma.fits(FLAT) {
            sample_luma::<1, FLAT_LUMA>(&window, FLAT_ROWS, walks, half, cells);
        } else if luma.fits(FAR) {
            sample_luma::<2, HIGH>(&window, rows_read(luma), walks, half, cells);
        }
    }

    // Chroma, both patches from one window.
    let (column, row) = reach.chroma.corner;
    let walks = (ChromaWalk::new::<1>(x, column), ChromaWalk::new::<0>(y, row));
    let windows = [1, 2].map(|plane: usize| {
        let from = planes[plane].from(left / 2 + column, top / 2 + row);
        Window { from, stride: planes[plane].stride() }
    });
    if reach.chroma.fits(FLAT) {
        sample_chroma::<1, FLAT_CHROMA>(&windows, FLAT_ROWS, walks, cells);
    } else if in_chroma {
        sample_chroma::<2, HIGH>(&windows, rows_read(reach.chroma), walks, cells);
    }
    whole
}

/// Rows of a far window that a row of pixels reads.
fn rows_read(extent: Extent) -> usize {
    extent.span.1 as usize + 2
}

/// Luma of patch `half` from a window of `VECTORS` vectors and at most `ROWS` rows, of which a row of pixels reads
/// `read`.
#[target_feature(enable = "neon")]
#[inline]
fn sample_luma<const VECTORS: usize, const ROWS: usize>(
    window: &Window<'_>,
    read: usize,
    (mut x, mut y): (LumaWalk, LumaWalk),
    half: usize,
    cells: &mut Sampled<4>,
) {
    let window = window.load::<VECTORS, ROWS>(7 + read);
    for (down, cells) in cells.iter_mut().enumerate() {
        let mut lines = [vdup_n_u8(0); 4];
        for (at, line) in lines.iter_mut().enumerate() {
            let window = &window[4 * down + at..][..read];
            *line = row::<PIXEL_BITS, VECTORS>(window, x.step(), y.step());
        }
        // Four pixels of every row to a cell.
        let upper = vreinterpretq_u32_u8(vcombine_u8(lines[0], lines[1]));
        let lower = vreinterpretq_u32_u8(vcombine_u8(lines[2], lines[3]));
        let two = [vuzp1q_u32(upper, lower), vuzp2q_u32(upper, lower)];
        for (cell, pixels) in cells[2 * half..].iter_mut().zip(two) {
            // SAFETY: a cell has 24 bytes, of which the first 16 are written.
            #[allow(unsafe_code, reason = "vectors have no safe store")]
            unsafe {
                vst1q_u8(cell.as_mut_ptr(), vreinterpretq_u8_u32(pixels));
            }
        }
    }
}

/// Both chroma planes of two patches, in the same way.
#[target_feature(enable = "neon")]
#[inline]
fn sample_chroma<const VECTORS: usize, const ROWS: usize>(
    windows: &[Window<'_>; 2],
    read: usize,
    (mut x, mut y): (ChromaWalk, ChromaWalk),
    cells: &mut Sampled<4>,
) {
    let [u, v] = windows;
    let (u, v) = (u.load::<VECTORS, ROWS>(3 + read), v.load::<VECTORS, ROWS>(3 + read));
    for (down, cells) in cells.iter_mut().enumerate() {
        let mut lines = [[vdup_n_u16(0); 2]; 2];
        for at in 0..2 {
            let (x, y) = (x.step(), y.step());
            for (lines, window) in lines.iter_mut().zip([&u, &v]) {
                let window = &window[2 * down + at..][..read];
                lines[at] = vreinterpret_u16_u8(row::<{ PIXEL_BITS + 1 }, VECTORS>(window, x, y));
            }
        }
        // Two pixels of both rows to a cell, then both planes of a cell side by side.
        let [u, v] = lines.map(|[upper, lower]| {
            let two = [vzip1_u16(upper, lower), vzip2_u16(upper, lower)];
            two.map(|cells| vreinterpret_u32_u16(cells))
        });
        let four = [
            vzip1_u32(u[0], v[0]),
            vzip2_u32(u[0], v[0]),
            vzip1_u32(u[1], v[1]),
            vzip2_u32(u[1], v[1]),
        ];
        for (cell, pixels) in cells.iter_mut().zip(four) {
            // SAFETY: a cell has 24 bytes, of which the last 8 are written.
            #[allow(unsafe_code, reason = "vectors have no safe store")]
            unsafe {
                vst1_u8(cell.as_mut_ptr().add(16), vreinterpret_u8_u32(pixels));
            }
        }
    }
}

/// Where a window starts.
struct Window<'a> {
    from: &'a [u8],
    stride: usize,
}

impl Window<'_> {
    /// Its first `rows`, at most `ROWS`.
    #[target_feature(enable = "neon")]
    #[inline]
    fn load<const VECTORS: usize, const ROWS: usize>(&self, rows: usize) -> [Line<VECTORS>; ROWS] {
        let mut lines = [[vdupq_n_u8(0); VECTORS]; ROWS];
        for (down, line) in lines[..rows].iter_mut().enumerate() {
            let (vectors, _) = self.from[down * self.stride..][..VECTORS * WIDE].as_chunks();
            for (vector, pixels) in line.iter_mut().zip(vectors) {
                let pixels: &[u8; WIDE] = pixels;
                // SAFETY: the array has the size of the vector.
                #[allow(unsafe_code, reason = "vectors have no safe load")]
                let loaded = unsafe { vld1q_u8(pixels.as_ptr()) };
                *vector = loaded;
            }
        }
        lines
    }
}
