//! The blend of cells for x86-64 with AVX2: the portable code to the byte.
#![allow(unsafe_code, reason = "vector loads and stores")]

use core::arch::x86_64::*;

use super::fuse::{Layers, Masks};
use crate::profile::PACKED;

/// Luma pixels of a cell.
const LUMA: usize = 16;

/// Blends two cells.
#[target_feature(enable = "avx2")]
#[inline]
pub(super) fn blend_two(layers: [Layers<'_>; 2], masks: [&Masks; 2]) -> [[u8; PACKED]; 2] {
    let [a, b] = layers;
    let (masks_a, masks_b) = (load_masks(masks[0]), load_masks(masks[1]));
    // Packing takes the lower half of each, then the upper ones.
    let luma = _mm256_packus_epi16(blend_luma(a, masks_a), blend_luma(b, masks_b));
    let luma = _mm256_permute4x64_epi64::<0b11_01_10_00>(luma);
    let chroma = blend_chroma(a, b, _mm256_set_m128i(masks_b, masks_a));
    let chroma = _mm256_packus_epi16(chroma, chroma);
    let mut blended = [[0; PACKED]; 2];
    store(&mut blended[0], _mm256_castsi256_si128(luma), _mm256_castsi256_si128(chroma));
    store(
        &mut blended[1],
        _mm256_extracti128_si256::<1>(luma),
        _mm256_extracti128_si256::<1>(chroma),
    );
    blended
}

/// Luma of a cell, 16 bits to a pixel.
#[target_feature(enable = "avx2")]
#[inline]
fn blend_luma(cell: Layers<'_>, masks: __m128i) -> __m256i {
    // Rows 0 and 1 of the cell, then 2 and 3, each under a row of two mask values.
    let both = _mm256_broadcastsi128_si256(masks);
    let row = _mm256_setr_epi8(
        0, 1, 0, 1, 2, 3, 2, 3, 0, 1, 0, 1, 2, 3, 2, 3, //
        4, 5, 4, 5, 6, 7, 6, 7, 4, 5, 4, 5, 6, 7, 6, 7,
    );
    let m0 = _mm256_shuffle_epi8(both, row);
    let m1 = _mm256_shuffle_epi8(both, _mm256_add_epi8(row, _mm256_set1_epi8(8)));
    let wide = |pixels: &[u8; PACKED]| _mm256_cvtepu8_epi16(load_luma(pixels));
    blend(wide(cell.warped0), wide(cell.warped1), wide(cell.implicit), m0, m1)
}

/// Chroma of two cells, 16 bits to a pixel, one in each half.
#[target_feature(enable = "avx2")]
#[inline]
fn blend_chroma(a: Layers<'_>, b: Layers<'_>, masks: __m256i) -> __m256i {
    // Both planes have the same masks.
    let m0 = _mm256_unpacklo_epi64(masks, masks);
    let m1 = _mm256_unpackhi_epi64(masks, masks);
    let wide = |a: &[u8; PACKED], b: &[u8; PACKED]| {
        _mm256_cvtepu8_epi16(_mm_unpacklo_epi64(load_chroma(a), load_chroma(b)))
    };
    blend(
        wide(a.warped0, b.warped0),
        wide(a.warped1, b.warped1),
        wide(a.implicit, b.implicit),
        m0,
        m1,
    )
}

/// [`fuse::blend`](super::fuse::blend) of 16 pixels.
#[target_feature(enable = "avx2")]
#[inline]
fn blend(
    warped0: __m256i,
    warped1: __m256i,
    implicit: __m256i,
    m0: __m256i,
    m1: __m256i,
) -> __m256i {
    let fine = |pixels: __m256i| _mm256_slli_epi16::<7>(pixels);
    let toward1 = fine(_mm256_sub_epi16(warped1, implicit));
    let behind = _mm256_add_epi16(fine(implicit), _mm256_mulhrs_epi16(toward1, m1));
    let toward0 = _mm256_sub_epi16(fine(warped0), behind);
    let blended = _mm256_add_epi16(behind, _mm256_mulhrs_epi16(toward0, m0));
    _mm256_srli_epi16::<7>(_mm256_add_epi16(blended, _mm256_set1_epi16(64)))
}

#[target_feature(enable = "avx2")]
#[inline]
fn load_masks(masks: &Masks) -> __m128i {
    // SAFETY: the array has the size of the vector.
    unsafe { _mm_loadu_si128(masks.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
#[inline]
fn load_luma(pixels: &[u8; PACKED]) -> __m128i {
    // SAFETY: the first 16 bytes of 24.
    unsafe { _mm_loadu_si128(pixels.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
#[inline]
fn load_chroma(pixels: &[u8; PACKED]) -> __m128i {
    // SAFETY: the last 8 bytes of 24.
    unsafe { _mm_loadl_epi64(pixels.as_ptr().add(LUMA).cast()) }
}

/// Stores 16 bytes of `luma` and 8 of `chroma`.
#[target_feature(enable = "avx2")]
#[inline]
fn store(cell: &mut [u8; PACKED], luma: __m128i, chroma: __m128i) {
    // SAFETY: together they are the 24 bytes of the cell.
    unsafe {
        _mm_storeu_si128(cell.as_mut_ptr().cast(), luma);
        _mm_storel_epi64(cell.as_mut_ptr().add(LUMA).cast(), chroma);
    }
}
