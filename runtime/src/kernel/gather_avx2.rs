//! The inner loops of the warp for x86-64 with AVX2: the portable code to the bit.
#![allow(unsafe_code, reason = "gathers have no safe form; bounds are checked before each")]

use core::arch::x86_64::*;

use super::warp_fast::Row;

/// Pixels sampled at once.
const LANES: usize = 8;

/// Fills `line` with the cells of one phase of `row`, sampling a plane of `columns × rows` pixels
/// where `moves`, `[phase, column]` of dx and dy, point; groups of cells that come near the border
/// are left to `rest`, cell by cell.
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
    let one = _mm256_set1_epi32(1 << BITS);
    let below = _mm256_set1_epi32((1 << BITS) - 1);
    let scale = _mm256_set1_ps(1.0 / (128u32 << (2 * BITS)) as f32);
    let middle = _mm256_set1_epi32(128 << (2 * BITS));
    let byte = _mm256_set1_epi32(0xff);
    // A gather reads four bytes from the first tap on, so groups near the border are left out.
    let last_column = _mm256_set1_epi32(columns as i32 - 4);
    let last_row = _mm256_set1_epi32(rows as i32 - 2);
    let zero = _mm256_setzero_si256();
    let stride = _mm256_set1_epi32(columns as i32);
    let cells = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    for (group, out) in line.chunks_mut(LANES).enumerate() {
        let first = group * LANES;
        if out.len() < LANES {
            out.iter_mut().enumerate().for_each(|(i, o)| rest(first + i, o));
            continue;
        }
        // Moves are stored phase by phase.
        let at = phase * row.size.columns + first;
        let load = |m: &[i32]| {
            let m = &m[at..at + LANES];
            // SAFETY: the slice has `LANES` values.
            unsafe { _mm256_loadu_si256(m.as_ptr().cast()) }
        };
        let (dx, dy) = (load(moves[0]), load(moves[1]));
        let cell = _mm256_add_epi32(_mm256_set1_epi32(first as i32), cells);
        let x = _mm256_add_epi32(
            _mm256_mullo_epi32(cell, _mm256_set1_epi32(row.side as i32)),
            _mm256_set1_epi32(phase as i32),
        );
        let column = _mm256_add_epi32(x, shift_right::<BITS>(dx));
        let line = _mm256_add_epi32(_mm256_set1_epi32(row.y as i32), shift_right::<BITS>(dy));
        let outside = _mm256_or_si256(
            _mm256_or_si256(_mm256_cmpgt_epi32(zero, column), _mm256_cmpgt_epi32(zero, line)),
            _mm256_or_si256(
                _mm256_cmpgt_epi32(column, last_column),
                _mm256_cmpgt_epi32(line, last_row),
            ),
        );
        if _mm256_testz_si256(outside, outside) == 0 {
            out.iter_mut().enumerate().for_each(|(i, o)| rest(first + i, o));
            continue;
        }
        let from = _mm256_add_epi32(_mm256_mullo_epi32(line, stride), column);
        // SAFETY: in every lane 0 ≤ column ≤ columns − 4 and 0 ≤ line ≤ rows − 2, so the four bytes
        // from `line · columns + column` and those a row further are in the plane.
        let (top, bottom) = unsafe {
            (
                _mm256_i32gather_epi32::<1>(samples.as_ptr().cast(), from),
                _mm256_i32gather_epi32::<1>(
                    samples.as_ptr().cast(),
                    _mm256_add_epi32(from, stride),
                ),
            )
        };
        let (fx, fy) = (_mm256_and_si256(dx, below), _mm256_and_si256(dy, below));
        // Both taps of a row as 16-bit halves times both weights, summed: one instruction.
        let weights = _mm256_or_si256(_mm256_sub_epi32(one, fx), _mm256_slli_epi32::<16>(fx));
        let blend = |taps: __m256i| {
            let a = _mm256_and_si256(taps, byte);
            let b = _mm256_and_si256(_mm256_srli_epi32::<8>(taps), byte);
            _mm256_madd_epi16(_mm256_or_si256(a, _mm256_slli_epi32::<16>(b)), weights)
        };
        let down = _mm256_or_si256(_mm256_sub_epi32(one, fy), _mm256_slli_epi32::<16>(fy));
        // 8 + BITS ≤ 13 bits each: both rows fit 16-bit halves again.
        let halves = _mm256_or_si256(blend(top), _mm256_slli_epi32::<16>(blend(bottom)));
        let value = _mm256_madd_epi16(halves, down);
        let centred = _mm256_cvtepi32_ps(_mm256_sub_epi32(value, middle));
        // SAFETY: `out` has `LANES` values.
        unsafe { _mm256_storeu_ps(out.as_mut_ptr(), _mm256_mul_ps(centred, scale)) };
    }
}

#[target_feature(enable = "avx2")]
fn shift_right<const BITS: u32>(value: __m256i) -> __m256i {
    _mm256_sra_epi32(value, _mm_cvtsi32_si128(BITS as i32))
}
