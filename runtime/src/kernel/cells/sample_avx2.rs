//! A row of samples from windows in vectors, for x86-64 with AVX2.
//!
//! A value walks down the window: every row adds its difference from the row above times how far the
//! place is past that, at most a pixel. All but one of these products are whole, so that cutting each
//! one is cutting their sum, and 16 bits are enough.

use core::arch::x86_64::*;

use super::super::flow::PIXEL_BITS;
use super::reach::WIDE;

/// What the part of a pixel that is taken of a difference is shifted by.
const PART_BITS: i32 = 9;

/// Pixels of a row, 16 bits each, at places `x` and `y` in 1/2^`BITS` pixel from the first row of
/// `window`; whole rows are 0 and 1.
#[target_feature(enable = "avx2")]
#[inline]
pub(super) fn flat_row<const BITS: u32>(window: &[__m256i], x: __m256i, y: __m256i) -> __m256i {
    let across = Across::new::<BITS>(x);
    let (a, b, c) = (across.flat(window[0]), across.flat(window[1]), across.flat(window[2]));
    let (one, past) = (all(1 << PART_BITS << BITS), _mm256_slli_epi16::<PART_BITS>(y));
    let (upper, lower) = (_mm256_min_epu16(past, one), _mm256_subs_epu16(past, one));
    let value = _mm256_add_epi16(a, share::<BITS>(a, b, upper));
    round::<BITS>(_mm256_add_epi16(value, share::<BITS>(b, c, lower)))
}

/// [`flat_row`] for a window of any height and of twice as many columns, left and right ones.
#[target_feature(enable = "avx2")]
#[inline]
pub(super) fn far_row<const BITS: u32>(window: &[[__m256i; 2]], x: __m256i, y: __m256i) -> __m256i {
    let across = Across::new::<BITS>(x);
    let mut above = across.far(window[0]);
    let mut value = above;
    for (down, line) in window[1..].iter().enumerate() {
        let below = across.far(*line);
        let past = _mm256_subs_epu16(y, all((down as i16) << BITS));
        let part = _mm256_slli_epi16::<PART_BITS>(_mm256_min_epu16(past, all(1 << BITS)));
        value = _mm256_add_epi16(value, share::<BITS>(above, below, part));
        above = below;
    }
    round::<BITS>(value)
}

/// How the pixels of a row are blended horizontally.
struct Across {
    /// Byte of each pixel in the window, and the next one.
    taps: __m256i,
    /// One less the fraction of a pixel, and the fraction, in bytes.
    weights: __m256i,
}

impl Across {
    #[target_feature(enable = "avx2")]
    #[inline]
    fn new<const BITS: u32>(x: __m256i) -> Self {
        let twice = _mm_setr_epi8(0, 0, 2, 2, 4, 4, 6, 6, 8, 8, 10, 10, 12, 12, 14, 14);
        let column = shift_right::<BITS>(x);
        let column = _mm256_shuffle_epi8(column, _mm256_broadcastsi128_si256(twice));
        let fraction = _mm256_and_si256(x, all((1 << BITS) - 1));
        // Both weights in 16 bits are one + 255 · fraction.
        let weights = _mm256_add_epi16(_mm256_maddubs_epi16(all(255), fraction), all(1 << BITS));
        Self { taps: _mm256_add_epi8(column, all(0x0100)), weights }
    }

    /// Values with `BITS` fraction bits from a row of a flat window.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn flat(&self, line: __m256i) -> __m256i {
        _mm256_maddubs_epi16(_mm256_shuffle_epi8(line, self.taps), self.weights)
    }

    /// The same from a row of a far window.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn far(&self, [left, right]: [__m256i; 2]) -> __m256i {
        // A shuffle gives zero where a tap's highest bit is set.
        let in_left = _mm256_add_epi8(self.taps, _mm256_set1_epi8(i8::MAX - WIDE as i8 + 1));
        let in_right = _mm256_sub_epi8(self.taps, _mm256_set1_epi8(WIDE as i8));
        let left = _mm256_shuffle_epi8(left, in_left);
        let right = _mm256_shuffle_epi8(right, in_right);
        _mm256_maddubs_epi16(_mm256_or_si256(left, right), self.weights)
    }
}

/// `part` of the difference from `above` to `below`, cut.
#[target_feature(enable = "avx2")]
#[inline]
fn share<const BITS: u32>(above: __m256i, below: __m256i, part: __m256i) -> __m256i {
    // A difference has BITS + 8 bits and a sign. It is shifted to fill 16 bits, so that the upper
    // half of the product is that over 2^BITS.
    let difference = _mm256_sub_epi16(below, above);
    let difference = if BITS == PIXEL_BITS {
        _mm256_slli_epi16::<{ 16 - PART_BITS - PIXEL_BITS as i32 }>(difference)
    } else {
        _mm256_slli_epi16::<{ 15 - PART_BITS - PIXEL_BITS as i32 }>(difference)
    };
    _mm256_mulhi_epi16(difference, part)
}

/// To whole values from `BITS` fraction bits, ties up.
#[target_feature(enable = "avx2")]
#[inline]
fn round<const BITS: u32>(values: __m256i) -> __m256i {
    shift_right::<BITS>(_mm256_add_epi16(values, all(1 << (BITS - 1))))
}

/// By `BITS`, those of luma or chroma.
#[target_feature(enable = "avx2")]
#[inline]
fn shift_right<const BITS: u32>(values: __m256i) -> __m256i {
    if BITS == PIXEL_BITS {
        _mm256_srli_epi16::<{ PIXEL_BITS as i32 }>(values)
    } else {
        _mm256_srli_epi16::<{ PIXEL_BITS as i32 + 1 }>(values)
    }
}

#[target_feature(enable = "avx2")]
#[inline]
fn all(value: i16) -> __m256i {
    _mm256_set1_epi16(value)
}
