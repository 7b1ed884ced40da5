//! Displacements of two patches, row after row, for x86-64 with AVX2.
//!
//! They have 32 bits and are *raised*: shifted so that what is left of one after the cut is its upper
//! half. They wrap, which does not matter: one that counts from its window's corner is small again.

use core::arch::x86_64::*;

use super::patches::{Axis, CUT, HALF, LUMA_BITS};

/// What displacements are shifted by.
const RAISED: u32 = 16 - CUT;
/// Bits below a pixel in a raised displacement.
const LUMA_RAISED: u32 = LUMA_BITS + RAISED;
const CHROMA_RAISED: u32 = LUMA_RAISED + 1;

/// [`Course`](super::patches::Course) of two patches on one axis, one in each half.
pub(super) struct Courses {
    left: __m256i,
    left_growth: __m256i,
    right: __m256i,
    right_growth: __m256i,
    /// Right and its growth times the weights of the even luma pixels.
    slope: __m256i,
    slope_growth: __m256i,
}

/// Places in a row of luma, counted from the windows' corners, and what the next row adds.
pub(super) struct LumaWalk {
    even: __m256i,
    odd: __m256i,
    even_step: __m256i,
    odd_step: __m256i,
}

/// The same of chroma, both patches' four pixels.
pub(super) struct ChromaWalk {
    places: __m256i,
    step: __m256i,
}

impl Courses {
    /// Of `patch` of `row` and the next one.
    #[target_feature(enable = "avx2")]
    #[inline]
    pub fn load(axis: &Axis, row: usize, patch: usize) -> Self {
        let (above, below) = axis.centres(row, patch);
        let (above, below) = (&above[..3], &below[..3]);
        let (left, left_below) = (both(above[0], above[1]), both(below[0], below[1]));
        let right = _mm256_sub_epi32(both(above[1], above[2]), left);
        let right_below = _mm256_sub_epi32(both(below[1], below[2]), left_below);
        let left_growth = _mm256_sub_epi32(left_below, left);
        let right_growth = _mm256_sub_epi32(right_below, right);
        // See `Axis::course` for the factors.
        let left = _mm256_slli_epi32::<{ 8 + RAISED as i32 }>(left);
        let right = _mm256_slli_epi32::<{ 4 + RAISED as i32 }>(right);
        let right_growth = _mm256_slli_epi32::<{ RAISED as i32 }>(right_growth);
        let weights = _mm256_setr_epi32(1, 5, 9, 13, 1, 5, 9, 13);
        Self {
            left: _mm256_add_epi32(left, _mm256_set1_epi32(HALF << RAISED)),
            left_growth: _mm256_slli_epi32::<{ 4 + RAISED as i32 }>(left_growth),
            right,
            right_growth,
            slope: _mm256_mullo_epi32(right, weights),
            slope_growth: _mm256_mullo_epi32(right_growth, weights),
        }
    }

    /// Luma from each window's `corner`, its pixels `PIXEL` apart: 1 across, 0 down.
    #[target_feature(enable = "avx2")]
    #[inline]
    pub fn luma<const PIXEL: i32>(&self, corner: [i32; 2]) -> LumaWalk {
        // Weights are 1, 3, 5, … 15 in both directions.
        let growth = _mm256_add_epi32(self.left_growth, self.slope_growth);
        let even = _mm256_add_epi32(_mm256_add_epi32(self.left, self.slope), growth);
        let pixel = _mm256_set1_epi32(PIXEL << LUMA_RAISED);
        let pixels = _mm256_mullo_epi32(pixel, _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6));
        let corner = both(corner[0] << LUMA_RAISED, corner[1] << LUMA_RAISED);
        let even = _mm256_add_epi32(_mm256_sub_epi32(even, corner), pixels);
        let next = _mm256_slli_epi32::<1>(_mm256_add_epi32(self.right, self.right_growth));
        let even_step = _mm256_slli_epi32::<1>(growth);
        let next_step = _mm256_slli_epi32::<2>(self.right_growth);
        LumaWalk {
            even,
            odd: _mm256_add_epi32(even, _mm256_add_epi32(next, pixel)),
            even_step,
            odd_step: _mm256_add_epi32(even_step, next_step),
        }
    }

    /// Chroma of both from the windows' `corner`, pixels `PIXEL` apart: 1 across, 0 down.
    #[target_feature(enable = "avx2")]
    #[inline]
    pub fn chroma<const PIXEL: i32>(&self, corner: i32) -> ChromaWalk {
        // Weights are 2, 6, 10 and 14 in both directions.
        let slope = _mm256_add_epi32(self.slope, self.right);
        let slope_growth = _mm256_add_epi32(self.slope_growth, self.right_growth);
        let growth = _mm256_add_epi32(self.left_growth, slope_growth);
        let left = _mm256_add_epi32(self.left, slope);
        let places = _mm256_add_epi32(left, _mm256_slli_epi32::<1>(growth));
        let pixel = _mm256_set1_epi32(PIXEL << CHROMA_RAISED);
        let pixels = _mm256_mullo_epi32(pixel, _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
        let corner = _mm256_set1_epi32(corner << CHROMA_RAISED);
        let places = _mm256_add_epi32(_mm256_sub_epi32(places, corner), pixels);
        ChromaWalk { places, step: _mm256_slli_epi32::<2>(growth) }
    }
}

impl LumaWalk {
    /// Places of a row in 16 bits, eight to a patch.
    #[target_feature(enable = "avx2")]
    #[inline]
    pub fn step(&mut self) -> __m256i {
        let row = _mm256_blend_epi16::<0b1010_1010>(_mm256_srli_epi32::<16>(self.even), self.odd);
        self.even = _mm256_add_epi32(self.even, self.even_step);
        self.odd = _mm256_add_epi32(self.odd, self.odd_step);
        row
    }
}

impl ChromaWalk {
    /// Places of a row in 16 bits, those of both patches in each half.
    #[target_feature(enable = "avx2")]
    #[inline]
    pub fn step(&mut self) -> __m256i {
        let row = _mm256_srai_epi32::<16>(self.places);
        self.places = _mm256_add_epi32(self.places, self.step);
        _mm256_permute4x64_epi64::<0b10_00_10_00>(_mm256_packs_epi32(row, row))
    }
}

/// One value in each half.
#[target_feature(enable = "avx2")]
#[inline]
fn both(low: i32, high: i32) -> __m256i {
    _mm256_blend_epi32::<0xf0>(_mm256_set1_epi32(low), _mm256_set1_epi32(high))
}
