//! The warp into cells for x86-64 with AVX2: the portable code to the byte.
//!
//! Works on two patches at once, one in each half of a vector. What the flow reads for a patch lies
//! mostly in few columns and rows of the source, its *window*, so that a shuffle finds the pixels.
//! Where the flow is smooth, as nearly everywhere, a window is *flat*: one vector wide, and of few
//! rows. Elsewhere it is *far*. The rare patches that read yet farther apart are left to the portable
//! code.
#![allow(unsafe_code, reason = "vector loads and stores")]

use core::arch::x86_64::*;

use super::super::flow::PIXEL_BITS;
use super::Cells;
use super::padded::PaddedPlane;
use super::patches::{PATCHES, Patches};
use super::reach::{FAR, FLAT, HIGH, Reach, WIDE};
use super::sample_avx2::{far_row, flat_row};
use super::walk_avx2::{ChromaWalk, Courses, LumaWalk};
use super::warp::{Sampled, warp_by_twos};
use crate::profile::PACKED;

/// Rows of a flat window in luma and chroma.
const FLAT_LUMA: usize = 10;
const FLAT_CHROMA: usize = 6;

/// Warps `planes` by `flow` into the bytes of a source of `cells`.
#[target_feature(enable = "avx2")]
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
#[target_feature(enable = "avx2")]
#[inline]
fn sample_two(
    planes: &[PaddedPlane; 3],
    patches: &Patches,
    (row, patch): (usize, usize),
    cells: &mut Sampled<4>,
) -> [bool; PATCHES] {
    // How far both patches reach; none, one or both lie within what is sampled at once.
    let reach = Reach::of(patches, row, patch);
    let whole = |half: usize| reach.chroma.fits(FAR) && reach.luma[half].fits(FAR);
    let whole = [whole(0), whole(1)];
    if !(whole[0] || whole[1]) {
        return whole;
    }
    let (x, y) = (Courses::load(&patches.x, row, patch), Courses::load(&patches.y, row, patch));
    let (left, top) = (8 * patch as i32 - 4, 8 * row as i32 - 4);

    // Luma, each patch from a window of its own.
    let [a, b] = reach.luma;
    let mut walks = (x.luma::<1>([a.corner.0, b.corner.0]), y.luma::<0>([a.corner.1, b.corner.1]));
    let corners =
        [(left + a.corner.0, top + a.corner.1), (left + 8 + b.corner.0, top + b.corner.1)];
    let windows = Windows::at([&planes[0]; 2], corners);
    if a.fits(FLAT) && b.fits(FLAT) {
        sample_luma(&windows, &mut walks, cells);
    } else {
        sample_far_luma(&windows, a.span.1.max(b.span.1), &mut walks, cells);
    }

    // Chroma, both patches from one window.
    let both = reach.chroma;
    let mut walks = (x.chroma::<1>(both.corner.0), y.chroma::<0>(both.corner.1));
    let corner = (left / 2 + both.corner.0, top / 2 + both.corner.1);
    let windows = Windows::at([&planes[1], &planes[2]], [corner; 2]);
    if both.fits(FLAT) {
        sample_chroma(&windows, &mut walks, cells);
    } else {
        sample_far_chroma(&windows, both.span.1, &mut walks, cells);
    }
    whole
}

/// Luma of two patches from flat windows.
#[target_feature(enable = "avx2")]
#[inline]
fn sample_luma(windows: &Windows<'_>, (x, y): &mut (LumaWalk, LumaWalk), cells: &mut Sampled<4>) {
    let window = windows.flat::<FLAT_LUMA>();
    for (down, cells) in cells.iter_mut().enumerate() {
        let mut lines = [_mm256_setzero_si256(); 4];
        for (row, line) in lines.iter_mut().enumerate() {
            *line = flat_row::<PIXEL_BITS>(&window[4 * down + row..], x.step(), y.step());
        }
        pack_luma(lines, cells);
    }
}

/// Luma of two patches from far windows, where what is read spans `span` rows.
///
/// Not inlined: the compiler would merge its end with that of the flat one, and no longer see that a
/// multiplication there is one of 16 bits.
#[target_feature(enable = "avx2")]
#[inline(never)]
fn sample_far_luma(
    windows: &Windows<'_>,
    span: i32,
    (x, y): &mut (LumaWalk, LumaWalk),
    cells: &mut Sampled<4>,
) {
    let lines_read = span.min(FAR.1) as usize + 2;
    let mut window = [[_mm256_setzero_si256(); 2]; HIGH];
    windows.far(&mut window[..7 + lines_read]);
    for (down, cells) in cells.iter_mut().enumerate() {
        let mut lines = [_mm256_setzero_si256(); 4];
        for (row, line) in lines.iter_mut().enumerate() {
            let window = &window[4 * down + row..][..lines_read];
            *line = far_row::<PIXEL_BITS>(window, x.step(), y.step());
        }
        pack_luma(lines, cells);
    }
}

/// Both chroma planes of two patches from flat windows.
#[target_feature(enable = "avx2")]
#[inline]
fn sample_chroma(
    windows: &Windows<'_>,
    (x, y): &mut (ChromaWalk, ChromaWalk),
    cells: &mut Sampled<4>,
) {
    let window = windows.flat::<FLAT_CHROMA>();
    for (down, cells) in cells.iter_mut().enumerate() {
        let mut lines = [_mm256_setzero_si256(); 2];
        for (row, line) in lines.iter_mut().enumerate() {
            let window = &window[2 * down + row..];
            *line = flat_row::<{ PIXEL_BITS + 1 }>(window, x.step(), y.step());
        }
        pack_chroma(lines, cells);
    }
}

/// Both chroma planes of two patches from far windows, where what is read spans `span` rows; not
/// inlined for the reason that luma is not.
#[target_feature(enable = "avx2")]
#[inline(never)]
fn sample_far_chroma(
    windows: &Windows<'_>,
    span: i32,
    (x, y): &mut (ChromaWalk, ChromaWalk),
    cells: &mut Sampled<4>,
) {
    let lines_read = span.min(FAR.1) as usize + 2;
    let mut window = [[_mm256_setzero_si256(); 2]; HIGH];
    windows.far(&mut window[..3 + lines_read]);
    for (down, cells) in cells.iter_mut().enumerate() {
        let mut lines = [_mm256_setzero_si256(); 2];
        for (row, line) in lines.iter_mut().enumerate() {
            let window = &window[2 * down + row..][..lines_read];
            *line = far_row::<{ PIXEL_BITS + 1 }>(window, x.step(), y.step());
        }
        pack_chroma(lines, cells);
    }
}

/// Packs four rows of luma, 16 bits to a pixel, into a row of cells.
#[target_feature(enable = "avx2")]
#[inline]
fn pack_luma(lines: [__m256i; 4], cells: &mut [[u8; PACKED]; 4]) {
    // Bytes of two rows to a half, then four pixels of every row to a cell.
    let upper = _mm256_castsi256_ps(_mm256_packus_epi16(lines[0], lines[1]));
    let lower = _mm256_castsi256_ps(_mm256_packus_epi16(lines[2], lines[3]));
    let even = _mm256_castps_si256(_mm256_shuffle_ps::<0b10_00_10_00>(upper, lower));
    let odd = _mm256_castps_si256(_mm256_shuffle_ps::<0b11_01_11_01>(upper, lower));
    let four = [
        _mm256_castsi256_si128(even),
        _mm256_castsi256_si128(odd),
        _mm256_extracti128_si256::<1>(even),
        _mm256_extracti128_si256::<1>(odd),
    ];
    for (cell, pixels) in cells.iter_mut().zip(four) {
        // SAFETY: a cell has 24 bytes, of which the first 16 are written.
        unsafe { _mm_storeu_si128(cell.as_mut_ptr().cast(), pixels) };
    }
}

/// Packs two rows of both chroma planes, 16 bits to a pixel, into a row of cells.
#[target_feature(enable = "avx2")]
#[inline]
fn pack_chroma(lines: [__m256i; 2], cells: &mut [[u8; PACKED]; 4]) {
    // Two pixels of both rows to a cell, then both planes of a cell side by side.
    let bytes = _mm256_packus_epi16(lines[0], lines[1]);
    let pairs = _mm_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15);
    let paired = _mm256_shuffle_epi8(bytes, _mm256_broadcastsi128_si256(pairs));
    let (u, v) = (_mm256_castsi256_si128(paired), _mm256_extracti128_si256::<1>(paired));
    let (left, right) = (_mm_unpacklo_epi32(u, v), _mm_unpackhi_epi32(u, v));
    let four = [left, _mm_unpackhi_epi64(left, left), right, _mm_unpackhi_epi64(right, right)];
    for (cell, pixels) in cells.iter_mut().zip(four) {
        // SAFETY: a cell has 24 bytes, of which the last 8 are written.
        unsafe { _mm_storel_epi64(cell.as_mut_ptr().add(16).cast(), pixels) };
    }
}

/// Where two windows start, one to a half of a vector.
struct Windows<'a> {
    low: &'a [u8],
    high: &'a [u8],
    stride: usize,
}

impl<'a> Windows<'a> {
    /// At each corner, (column, row).
    #[inline]
    fn at(planes: [&'a PaddedPlane; 2], corners: [(i32, i32); 2]) -> Self {
        let [low, high] = corners;
        Self {
            low: planes[0].from(low.0, low.1),
            high: planes[1].from(high.0, high.1),
            stride: planes[0].stride(),
        }
    }

    /// `ROWS` rows of a flat window.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn flat<const ROWS: usize>(&self) -> [__m256i; ROWS] {
        self.check(ROWS, WIDE);
        let mut lines = [_mm256_setzero_si256(); ROWS];
        for (down, line) in lines.iter_mut().enumerate() {
            // SAFETY: the windows have `ROWS` rows of 16 pixels.
            *line = unsafe { self.load(down * self.stride) };
        }
        lines
    }

    /// Fills `lines` from a far window, left and right columns.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn far(&self, lines: &mut [[__m256i; 2]]) {
        self.check(lines.len(), 2 * WIDE);
        for (down, line) in lines.iter_mut().enumerate() {
            let at = down * self.stride;
            // SAFETY: the windows have as many rows as `lines`, of twice 16 pixels.
            *line = unsafe { [self.load(at), self.load(at + WIDE)] };
        }
    }

    /// Panics unless both windows have `rows` of `columns`.
    #[inline]
    fn check(&self, rows: usize, columns: usize) {
        let length = (rows - 1) * self.stride + columns;
        assert!(self.low.len() >= length && self.high.len() >= length, "windows are in the margin");
    }

    /// 16 pixels of each window.
    ///
    /// # Safety
    /// Both have as many from `at` on.
    #[target_feature(enable = "avx2")]
    #[inline]
    unsafe fn load(&self, at: usize) -> __m256i {
        // SAFETY: the caller's promise.
        unsafe {
            let (low, high) = (self.low.as_ptr().add(at), self.high.as_ptr().add(at));
            _mm256_loadu2_m128i(high.cast(), low.cast())
        }
    }
}
