//! Vectors of NEON as runs of words.
#![allow(unsafe_code, reason = "vectors in arrays")]

use core::arch::aarch64::*;

/// Words of a vector.
pub(super) const LANES: usize = 4;

/// [`LANES`] words from the one at `start` on.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn load<T, const N: usize>(words: &[T; N], start: usize) -> uint32x4_t {
    const { assert!(size_of::<T>() == size_of::<u32>()) }
    let words: &[T] = &words[start..][..LANES];
    // SAFETY: the slice has as many words as a vector.
    unsafe { vld1q_u32(words.as_ptr().cast()) }
}

/// Writes as many.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn store<const N: usize>(words: &mut [i32; N], start: usize, vector: int32x4_t) {
    let words: &mut [i32] = &mut words[start..][..LANES];
    // SAFETY: the slice has as many words as a vector.
    unsafe { vst1q_s32(words.as_mut_ptr(), vector) };
}
