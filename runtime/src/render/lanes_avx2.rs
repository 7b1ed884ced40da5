//! Vectors of AVX2 as runs of words.
#![allow(unsafe_code, reason = "vectors in arrays")]

use core::arch::x86_64::*;

/// Words of a vector.
pub(super) const LANES: usize = 8;

/// [`LANES`] words from the one at `start` on.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load<T, const N: usize>(words: &[T; N], start: usize) -> __m256i {
    const { assert!(size_of::<T>() == size_of::<u32>()) }
    let words: &[T] = &words[start..][..LANES];
    // SAFETY: the slice has as many words as a vector.
    unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
}

/// Writes as many.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn store<const N: usize>(words: &mut [i32; N], start: usize, vector: __m256i) {
    let words: &mut [i32] = &mut words[start..][..LANES];
    // SAFETY: the slice has as many words as a vector.
    unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), vector) };
}
