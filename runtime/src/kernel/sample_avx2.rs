//! The inner loops of the warp for x86-64 with AVX2: the portable code to the bit.
#![allow(unsafe_code, reason = "loads from computed places have no safe form")]

use core::arch::x86_64::*;

use super::warp_fast::{Row, slope_scale, value_scale};

/// Pixels sampled at once.
const LANES: usize = 8;
/// Neighbouring pixels read for one sample of a row.
const TAPS: usize = 2;

/// Fills the first of `lines` with the cells of one phase of `row`, sampling a plane of `columns × rows` pixels
/// where `moves`, `[phase, column]` of dx and dy, point, and two more with slopes across and down; cells that do not
/// fill a group are left to `rest`.
///
/// At and outside the border both taps of an axis are the border's pixel, so a place is clamped to it, the weight of
/// the second tap set to zero and the slope along the axis too.
#[target_feature(enable = "avx2")]
pub(super) fn sample_phase<const BITS: u32, const N: usize>(
    row: &Row,
    phase: usize,
    (samples, columns, rows): (&[u8], usize, usize),
    moves: [&[i32]; 2],
    mut lines: [&mut [f32]; N],
    rest: impl Fn(usize) -> [f32; N],
) {
    assert_eq!(samples.len(), columns * rows, "a plane is [row, column]");
    assert!(samples.len() >= TAPS, "two taps are read at once");
    let all = |value: i32| _mm256_set1_epi32(value);
    let (value_scale, slope_scale) =
        (_mm256_set1_ps(value_scale(BITS)), _mm256_set1_ps(slope_scale(BITS)));
    let stride = all(columns as i32);
    let last = all((samples.len() - TAPS) as i32);
    // The second less the first of two 16-bit halves.
    let less = all((1 << 16) | 0xffff);
    let cells = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    let along = _mm256_mullo_epi32(cells, all(row.side as i32));
    for first in (0..row.size.columns).step_by(LANES) {
        if first + LANES > row.size.columns {
            for cell in first..row.size.columns {
                lines.iter_mut().zip(rest(cell)).for_each(|(line, value)| line[cell] = value);
            }
            break;
        }
        let load = |moves: &[i32]| {
            let moves = &moves[phase * row.size.columns + first..][..LANES];
            // SAFETY: the slice has `LANES` values.
            unsafe { _mm256_loadu_si256(moves.as_ptr().cast()) }
        };
        let mut store = |line: usize, values: __m256| {
            let line = &mut lines[line][first..][..LANES];
            // SAFETY: the slice has `LANES` values.
            unsafe { _mm256_storeu_ps(line.as_mut_ptr(), values) };
        };
        let (x, y) = row.place(first, phase);
        let x = _mm256_add_epi32(all(x), along);
        let (column, right, across_inside) = place::<BITS>(x, load(moves[0]), columns);
        let (line, down, down_inside) = place::<BITS>(all(y), load(moves[1]), rows);
        let next = _mm256_min_epi32(_mm256_add_epi32(line, all(1)), all(rows as i32 - 1));
        // Two taps of a line as 16-bit halves.
        let taps = |line: __m256i| {
            let from = _mm256_add_epi32(_mm256_mullo_epi32(line, stride), column);
            let inside = _mm256_min_epi32(from, last);
            // SAFETY: `place` and `next` keep 0 ≤ column < columns and 0 ≤ line < rows, so `from`
            // is in the plane, and `inside` is at most its length less the taps read.
            let pairs = unsafe { load_taps(samples, inside) };
            // Only the plane's last pixel is read a byte early.
            let late = _mm256_slli_epi32::<3>(_mm256_sub_epi32(from, inside));
            let taps = _mm256_srlv_epi32(_mm256_cvtepu16_epi32(pairs), late);
            let second = _mm256_and_si256(_mm256_slli_epi32::<8>(taps), all(0xff_0000));
            _mm256_or_si256(_mm256_and_si256(taps, all(0xff)), second)
        };
        let (top, bottom) = (taps(line), taps(next));
        let halves = |low: __m256i, high: __m256i| {
            let low = _mm256_and_si256(low, all(0xffff));
            _mm256_or_si256(low, _mm256_slli_epi32::<16>(high))
        };
        // Two values in 16-bit halves times two weights, summed, are one instruction. Samples have
        // 8 bits and weights BITS + 1, so that what it leaves fits a half again.
        let blended = halves(_mm256_madd_epi16(top, right), _mm256_madd_epi16(bottom, right));
        let value = _mm256_sub_epi32(_mm256_madd_epi16(blended, down), all(128 << (2 * BITS)));
        store(0, _mm256_mul_ps(_mm256_cvtepi32_ps(value), value_scale));
        if N > 1 {
            let across = halves(_mm256_madd_epi16(top, less), _mm256_madd_epi16(bottom, less));
            let slopes = [
                (_mm256_madd_epi16(across, down), across_inside),
                (_mm256_madd_epi16(blended, less), down_inside),
            ];
            for (output, (slope, inside)) in slopes.into_iter().enumerate() {
                let slope = _mm256_cvtepi32_ps(_mm256_and_si256(slope, inside));
                store(1 + output, _mm256_mul_ps(slope, slope_scale));
            }
        }
    }
}

/// Position on an axis of `length` pixels of what is at `at` and moved by `by`, the weights of it and the next pixel as
/// 16-bit halves, and whether it has a next one, as a mask.
#[target_feature(enable = "avx2")]
fn place<const BITS: u32>(at: __m256i, by: __m256i, length: usize) -> (__m256i, __m256i, __m256i) {
    let one = _mm256_set1_epi32(1 << BITS);
    let moved = _mm256_add_epi32(at, _mm256_sra_epi32(by, _mm_cvtsi32_si128(BITS as i32)));
    let (zero, last) = (_mm256_setzero_si256(), _mm256_set1_epi32(length as i32 - 1));
    let clamped = _mm256_max_epi32(_mm256_min_epi32(moved, last), zero);
    let inside =
        _mm256_andnot_si256(_mm256_cmpgt_epi32(zero, moved), _mm256_cmpgt_epi32(last, moved));
    let below = _mm256_and_si256(by, _mm256_set1_epi32((1 << BITS) - 1));
    let second = _mm256_and_si256(below, inside);
    let weights = _mm256_or_si256(_mm256_sub_epi32(one, second), _mm256_slli_epi32::<16>(second));
    (clamped, weights, inside)
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
