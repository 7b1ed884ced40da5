//! Bicubic samples (Catmull–Rom) in integers, of positions in 1/64 and with weights in 1/64: sixteen products are a few
//! instructions where floats take as many for each.

use super::padded::Spots;

/// Positions from one sample to the next, and what the weights of one are together.
pub(super) const PHASES: usize = 64;
/// Sums are so many times as large as samples.
pub(super) const SCALE: f32 = (PHASES * PHASES) as f32;

/// Weights of the four samples around a position behind the second of them, a signed byte each.
static TAPS: [u32; PHASES] = {
    let (mut taps, mut phase) = ([0; PHASES], 0);
    while phase < PHASES {
        taps[phase] = taps_at(phase as i32);
        phase += 1;
    }
    taps
};

const fn taps_at(phase: i32) -> u32 {
    const ONE: i32 = PHASES as i32;
    // Twice the weights in 1/64³, of which 2·64² are one of 1/64.
    let (t, square, cube) = (phase * ONE * ONE, phase * phase * ONE, phase * phase * phase);
    let twice = [-t + 2 * square - cube, t + 4 * square - 3 * cube, cube - square];
    let [before, third, fourth] =
        [(twice[0] + 4096) >> 13, (twice[1] + 4096) >> 13, (twice[2] + 4096) >> 13];
    // What rounding leaves goes to the second, so that what is even stays so.
    let second = ONE - before - third - fourth;
    u32::from_le_bytes([before as u8, second as u8, third as u8, fourth as u8])
}

/// Weights at a place in 1/64.
#[inline(always)]
pub(super) fn taps(place: i32) -> u32 {
    TAPS[place as usize % PHASES]
}

/// Sums of the four lines of four samples each at some spots, which are at places in 1/64.
#[inline(always)]
pub(super) fn sums<const N: usize>(
    spots: &Spots<'_, N, 4>,
    across: &[i32; N],
    down: &[i32; N],
) -> [i32; N] {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        #[allow(unsafe_code, reason = "chosen at run time")]
        return unsafe { avx2::sums(spots, across, down) };
    }
    #[cfg(target_arch = "aarch64")]
    {
        // SAFETY: every AArch64 target of Rust's with a standard library has NEON.
        #[allow(unsafe_code, reason = "a target feature")]
        return unsafe { neon::sums(spots, across, down) };
    }
    #[cfg(not(target_arch = "aarch64"))]
    portable(spots, across, down)
}

/// [`sums`] on any processor.
#[cfg(any(test, not(target_arch = "aarch64")))]
#[inline(always)]
fn portable<const N: usize>(
    spots: &Spots<'_, N, 4>,
    across: &[i32; N],
    down: &[i32; N],
) -> [i32; N] {
    let byte = |word: u32, at: usize| word >> (8 * at);
    let mut sums = [0; N];
    for at in 0..N {
        let (across, down) = (taps(across[at]), taps(down[at]));
        for line in 0..4 {
            let (samples, mut row) = (spots.load(at, line), 0);
            for tap in 0..4 {
                let weight = i32::from(byte(across, tap) as i8);
                row += (byte(samples, tap) & 255) as i32 * weight;
            }
            sums[at] += row * i32::from(byte(down, line) as i8);
        }
    }
    sums
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use core::arch::x86_64::*;

    use super::super::lanes_avx2::{LANES, load, store};
    use super::super::padded::Spots;
    use super::PHASES;

    /// [`sums`](super::sums) by pairs of products.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn sums<const N: usize>(
        spots: &Spots<'_, N, 4>,
        across: &[i32; N],
        down: &[i32; N],
    ) -> [i32; N] {
        const { assert!(N.is_multiple_of(LANES)) }
        let mut sums = [0; N];
        for start in (0..N).step_by(LANES) {
            let (across, down) = taps(load(across, start), load(down, start));
            let lines = spots.load_lanes(start);
            let row = |line: usize| {
                // Samples have 8 bits, and no two weights are above 72/64 together: pairs fit 16.
                let pairs = _mm256_maddubs_epi16(lines[line], across);
                _mm256_madd_epi16(pairs, weight(down, line))
            };
            let upper = _mm256_add_epi32(row(0), row(1));
            let lower = _mm256_add_epi32(row(2), row(3));
            let sum = _mm256_srai_epi32::<8>(_mm256_add_epi32(upper, lower));
            store(&mut sums, start, sum);
        }
        sums
    }

    /// [`taps`](super::taps) of places across and down, by the formula instead of the table: half a dozen products for
    /// all of them take less time than looking each up.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn taps(across: __m256i, down: __m256i) -> (__m256i, __m256i) {
        let half = |number: i16| _mm256_set1_epi16(number);
        // A half of each word for each.
        let places = _mm256_blend_epi16::<0xaa>(across, _mm256_slli_epi32::<16>(down));
        let one = half(PHASES as i16);
        let t = _mm256_and_si256(places, half(PHASES as i16 - 1));
        let rest = _mm256_sub_epi16(one, t);
        let square = _mm256_mullo_epi16(t, t);
        let rest_square = _mm256_mullo_epi16(rest, rest);
        // Twice the weights in 1/64³ are −t (64 − t)², t (64² + 256 t − 3 t²) and −t² (64 − t); a product of four times
        // the one factor is rounded to 1/64 as the table is.
        let factor = _mm256_sub_epi16(
            _mm256_add_epi16(half(4096), _mm256_slli_epi16::<8>(t)),
            _mm256_add_epi16(square, _mm256_add_epi16(square, square)),
        );
        let four = |number: __m256i| _mm256_slli_epi16::<2>(number);
        let less = |number: __m256i| _mm256_sub_epi16(_mm256_setzero_si256(), number);
        let before = _mm256_mulhrs_epi16(less(four(t)), rest_square);
        let third = _mm256_mulhrs_epi16(four(t), factor);
        let fourth = _mm256_mulhrs_epi16(less(four(rest)), square);
        let others = _mm256_add_epi16(_mm256_add_epi16(before, third), fourth);
        let second = _mm256_sub_epi16(one, others);
        let bytes = |low: __m256i, high: __m256i| {
            let low = _mm256_and_si256(low, half(255));
            _mm256_or_si256(low, _mm256_slli_epi16::<8>(high))
        };
        let (left, right) = (bytes(before, second), bytes(third, fourth));
        (
            _mm256_blend_epi16::<0xaa>(left, _mm256_slli_epi32::<16>(right)),
            _mm256_blend_epi16::<0xaa>(_mm256_srli_epi32::<16>(left), right),
        )
    }

    /// A line's weight 256-fold in both halves of each word.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn weight(down: __m256i, line: usize) -> __m256i {
        let at = |word: i8| 4 * word + line as i8;
        let [a, b, c, d] = [at(0), at(1), at(2), at(3)];
        // Below zero is a byte of zeros.
        let bytes = _mm_setr_epi8(-1, a, -1, a, -1, b, -1, b, -1, c, -1, c, -1, d, -1, d);
        _mm256_shuffle_epi8(down, _mm256_broadcastsi128_si256(bytes))
    }
}

#[cfg(target_arch = "aarch64")]
mod neon {
    use core::arch::aarch64::*;

    use super::super::lanes_neon::{LANES, load, store};
    use super::super::padded::Spots;

    /// [`sums`](super::sums) of columns first: of the four weights only the outer ones are below zero, so that bytes are
    /// multiplied as they are, and no sum of a column takes more than 16 bits.
    #[inline]
    #[target_feature(enable = "neon")]
    pub(super) fn sums<const N: usize>(
        spots: &Spots<'_, N, 4>,
        across: &[i32; N],
        down: &[i32; N],
    ) -> [i32; N] {
        const { assert!(N.is_multiple_of(LANES)) }
        let mut sums = [0; N];
        for start in (0..N).step_by(LANES) {
            let lines = spots.load_lanes(start);
            let down = taps(down, start);
            let sizes = vreinterpretq_u8_s8(vabsq_s8(down));
            let weight = |line: u8| {
                let first = vmulq_n_u32(vdupq_n_u32(0x0101_0101), line.into());
                let of_words = [0, 0x0404_0404, 0x0808_0808, 0x0c0c_0c0c];
                let bytes = vaddq_u32(load(&of_words, 0), first);
                vqtbl1q_u8(sizes, vreinterpretq_u8_u32(bytes))
            };
            let weights = [weight(0), weight(1), weight(2), weight(3)];
            let low = |bytes: uint8x16_t| vget_low_u8(bytes);
            let mut columns =
                [vmull_u8(low(lines[1]), low(weights[1])), vmull_high_u8(lines[1], weights[1])];
            let [left, right] = &mut columns;
            *left = vmlal_u8(*left, low(lines[2]), low(weights[2]));
            *right = vmlal_high_u8(*right, lines[2], weights[2]);
            for line in [0, 3] {
                *left = vmlsl_u8(*left, low(lines[line]), low(weights[line]));
                *right = vmlsl_high_u8(*right, lines[line], weights[line]);
            }
            let across = taps(across, start);
            let weights = [vmovl_s8(vget_low_s8(across)), vmovl_high_s8(across)];
            let [left, right] = [0, 1].map(|half| {
                let columns = vreinterpretq_s16_u16(columns[half]);
                let first = vmull_s16(vget_low_s16(columns), vget_low_s16(weights[half]));
                vpaddq_s32(first, vmull_high_s16(columns, weights[half]))
            });
            store(&mut sums, start, vpaddq_s32(left, right));
        }
        sums
    }

    /// [`taps`](super::taps) of some places.
    #[inline]
    #[target_feature(enable = "neon")]
    fn taps<const N: usize>(places: &[i32; N], start: usize) -> int8x16_t {
        let taps: [u32; LANES] = std::array::from_fn(|at| super::taps(places[start + at]));
        vreinterpretq_s8_u32(load(&taps, 0))
    }
}

#[cfg(test)]
mod tests {
    use super::super::padded::PaddedPicture;
    use super::*;
    use crate::picture::Picture;
    use crate::units::Size;

    #[test]
    fn weights_are_one_together_and_those_of_the_formula() {
        for (phase, taps) in TAPS.iter().enumerate() {
            let taps = taps.to_le_bytes().map(|tap| f32::from(tap as i8) / PHASES as f32);
            assert_eq!(taps.iter().sum::<f32>(), 1.0);
            let t = phase as f32 / PHASES as f32;
            let exact = [
                -0.5 * t + t * t - 0.5 * t.powi(3),
                1.0 - 2.5 * t * t + 1.5 * t.powi(3),
                0.5 * t + 2.0 * t * t - 1.5 * t.powi(3),
                -0.5 * t * t + 0.5 * t.powi(3),
            ];
            for (tap, exact) in taps.iter().zip(exact) {
                assert!((tap - exact).abs() <= 1.5 / PHASES as f32, "{phase}: {tap}, {exact}");
            }
        }
    }

    #[test]
    fn sums_are_those_of_any_processor() {
        #[cfg(target_arch = "x86_64")]
        iev_skips::processor("AVX2", std::arch::is_x86_feature_detected!("avx2"));
        let mut seed = 9_u32;
        let mut random = move || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed >> 16
        };
        let mut picture = Picture::new(Size { width_px: 100, height_px: 90 });
        for round in 0..50 {
            // Black and white beside one another too, of which sums are largest.
            let sample =
                |random: u32| if round < 4 { random as u8 / 128 * 255 } else { random as u8 };
            picture.i420_mut().iter_mut().for_each(|own| *own = sample(random()));
            let mut padded = PaddedPicture::new(picture.size());
            padded.fill(&picture);
            // Beside one another, and anywhere.
            let (spread, top) = (if round % 2 == 0 { 64 } else { 6000 }, random() as i32 % 5000);
            let places = |random: &mut dyn FnMut() -> u32| {
                std::array::from_fn(|at| 30 * at as i32 + random() as i32 % spread)
            };
            let (across, down): ([_; 64], [_; 64]) = (places(&mut random), places(&mut random));
            let across = across.map(|place| place.clamp(-32, 100 * 64 - 32));
            let down = down.map(|place| (place / 60 + top).clamp(-32, 90 * 64 - 32));
            let spots = std::array::from_fn(|at| {
                padded.luma.place((across[at] >> 6) - 1, (down[at] >> 6) - 1)
            });
            let spots = padded.luma.spots(spots);
            assert_eq!(sums(&spots, &across, &down), portable(&spots, &across, &down));
        }
    }
}
