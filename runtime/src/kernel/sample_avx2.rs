//! The inner loops of the warp for x86-64 with AVX2: the portable code to the bit.
#![allow(unsafe_code, reason = "loads from computed places have no safe form")]

use core::arch::x86_64::*;

use super::warp_fast::Row;

/// Pixels sampled at once.
const LANES: usize = 8;
/// Neighbouring pixels read for one sample of a row.
const TAPS: usize = 2;

/// Fills `line` with the cells of one phase of `row`, sampling a plane of `columns × rows` pixels
/// where `moves`, `[phase, column]` of dx and dy, point; cells that do not fill a group are left to
/// `rest`.
///
/// At and outside the border both taps of an axis are the border's pixel, so a place is clamped to it and the
/// weight of the second tap set to zero.
#[target_feature(enable = "avx2")]
pub(super) fn sample_phase<const BITS: u32>(
    row: &Row,
    phase: usize,
    (samples, columns, rows): (&[u8], usize, usize),
    moves: [&[i32]; 2],
    line: &mut [f32],
    mut rest: impl FnMut(usize, &mut f32),
) {
    assert_eq!(samples.len(), columns * rows, "a plane is [row, column]");
    assert!(samples.len() >= TAPS, "two taps are read at once");
    let all = |value: i32| _mm256_set1_epi32(value);
    let scale = _mm256_set1_ps(1.0 / (128u32 << (2 * BITS)) as f32);
    let stride = all(columns as i32);
    let last = all((samples.len() - TAPS) as i32);
    let cells = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    for (group, out) in line.chunks_mut(LANES).enumerate() {
        let first = group * LANES;
        if out.len() < LANES {
            out.iter_mut().enumerate().for_each(|(i, o)| rest(first + i, o));
            continue;
        }
        let load = |moves: &[i32]| {
            let moves = &moves[phase * row.size.columns + first..][..LANES];
            // SAFETY: the slice has `LANES` values.
            unsafe { _mm256_loadu_si256(moves.as_ptr().cast()) }
        };
        let cell = _mm256_add_epi32(all(first as i32), cells);
        let x = _mm256_add_epi32(_mm256_mullo_epi32(cell, all(row.side as i32)), all(phase as i32));
        let (column, right) = place::<BITS>(x, load(moves[0]), columns);
        let (line, down) = place::<BITS>(all(row.y as i32), load(moves[1]), rows);
        let next = _mm256_min_epi32(_mm256_add_epi32(line, all(1)), all(rows as i32 - 1));
        let taps = |line: __m256i| {
            let from = _mm256_add_epi32(_mm256_mullo_epi32(line, stride), column);
            let inside = _mm256_min_epi32(from, last);
            // SAFETY: `place` and `next` keep 0 ≤ column < columns and 0 ≤ line < rows, so `from`
            // is in the plane, and `inside` is at most its length less the taps read.
            let pairs = unsafe { load_taps(samples, inside) };
            // Only the plane's last pixel is read a byte early.
            let late = _mm256_slli_epi32::<3>(_mm256_sub_epi32(from, inside));
            _mm256_srlv_epi32(_mm256_cvtepu16_epi32(pairs), late)
        };
        // Two values in 16-bit halves times two weights, summed, are one instruction. Samples have
        // 8 bits and weights BITS + 1, so that what it leaves fits a half again.
        let across = |taps: __m256i| {
            let second = _mm256_and_si256(_mm256_slli_epi32::<8>(taps), all(0xff_0000));
            let both = _mm256_or_si256(_mm256_and_si256(taps, all(0xff)), second);
            _mm256_madd_epi16(both, right)
        };
        let halves =
            _mm256_or_si256(across(taps(line)), _mm256_slli_epi32::<16>(across(taps(next))));
        let value = _mm256_madd_epi16(halves, down);
        let centred = _mm256_cvtepi32_ps(_mm256_sub_epi32(value, all(128 << (2 * BITS))));
        // SAFETY: `out` has `LANES` values.
        unsafe { _mm256_storeu_ps(out.as_mut_ptr(), _mm256_mul_ps(centred, scale)) };
    }
}

/// Position on an axis of `length` pixels of what is at `at` and moved by `by`, and the weights of
/// it and the next pixel as 16-bit halves.
#[target_feature(enable = "avx2")]
fn place<const BITS: u32>(at: __m256i, by: __m256i, length: usize) -> (__m256i, __m256i) {
    let one = _mm256_set1_epi32(1 << BITS);
    let moved = _mm256_add_epi32(at, _mm256_sra_epi32(by, _mm_cvtsi32_si128(BITS as i32)));
    let (zero, last) = (_mm256_setzero_si256(), _mm256_set1_epi32(length as i32 - 1));
    let clamped = _mm256_max_epi32(_mm256_min_epi32(moved, last), zero);
    let below = _mm256_and_si256(by, _mm256_set1_epi32((1 << BITS) - 1));
    let before_last = _mm256_and_si256(below, _mm256_cmpgt_epi32(last, moved));
    let second = _mm256_andnot_si256(_mm256_cmpgt_epi32(zero, moved), before_last);
    let weights = _mm256_or_si256(_mm256_sub_epi32(one, second), _mm256_slli_epi32::<16>(second));
    (clamped, weights)
}

/// The two bytes at each place of `at`.
///
/// Why no gather instruction: it loads as many times, and on many processors it takes longer than
/// the loads alone.
///
/// # Safety
/// Every place is at least 0 and two bytes before the end of `samples`.
#[target_feature(enable = "avx2")]
unsafe fn load_taps(samples: &[u8], at: __m256i) -> __m128i {
    let mut places = [0i32; LANES];
    // SAFETY: the array has the size of the vector.
    unsafe { _mm256_storeu_si256(places.as_mut_ptr().cast(), at) };
    // SAFETY: the caller's promise.
    let tap = |lane: usize| unsafe {
        i32::from(samples.as_ptr().add(places[lane] as usize).cast::<u16>().read_unaligned())
    };
    let mut taps = _mm_cvtsi32_si128(tap(0));
    taps = _mm_insert_epi16::<1>(taps, tap(1));
    taps = _mm_insert_epi16::<2>(taps, tap(2));
    taps = _mm_insert_epi16::<3>(taps, tap(3));
    taps = _mm_insert_epi16::<4>(taps, tap(4));
    taps = _mm_insert_epi16::<5>(taps, tap(5));
    taps = _mm_insert_epi16::<6>(taps, tap(6));
    _mm_insert_epi16::<7>(taps, tap(7))
}
