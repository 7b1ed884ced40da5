//! Bilinear samples of two planes side by side, in integers as the [bicubic](super::cubic) ones.

use super::cubic::PHASES;
use super::padded::Spots;

/// Sums of the two lines of two pixels each at some spots, two bytes a pixel, which are at places in 1/64: of the first
/// bytes and of the second.
#[inline(always)]
pub(super) fn sums<const N: usize>(
    spots: &Spots<'_, N, 2>,
    across: &[i32; N],
    down: &[i32; N],
) -> [[i32; N]; 2] {
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

/// Weights of a place's two samples.
#[cfg(any(test, not(target_arch = "aarch64")))]
#[inline(always)]
fn pair(place: i32) -> [i32; 2] {
    let second = place & (PHASES - 1) as i32;
    [PHASES as i32 - second, second]
}

/// [`sums`] on any processor.
#[cfg(any(test, not(target_arch = "aarch64")))]
#[inline(always)]
fn portable<const N: usize>(
    spots: &Spots<'_, N, 2>,
    across: &[i32; N],
    down: &[i32; N],
) -> [[i32; N]; 2] {
    let mut sums = [[0; N]; 2];
    for (number, sums) in sums.iter_mut().enumerate() {
        for at in 0..N {
            let (across, down) = (pair(across[at]), pair(down[at]));
            let sample = |line: usize, tap: usize| {
                (spots.load(at, line) >> (16 * tap + 8 * number) & 255) as i32 * across[tap]
            };
            let row = |line: usize| (sample(line, 0) + sample(line, 1)) * down[line];
            sums[at] = row(0) + row(1);
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
        spots: &Spots<'_, N, 2>,
        across: &[i32; N],
        down: &[i32; N],
    ) -> [[i32; N]; 2] {
        const { assert!(N.is_multiple_of(LANES)) }
        // Both pixels of a plane side by side.
        let order = _mm_setr_epi8(0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15);
        let order = _mm256_broadcastsi128_si256(order);
        let mut sums = [[0; N]; 2];
        for start in (0..N).step_by(LANES) {
            let halves = pair::<16>(load(down, start));
            let bytes = pair::<8>(load(across, start));
            let bytes = _mm256_or_si256(bytes, _mm256_slli_epi32::<16>(bytes));
            let lines = spots.load_lanes(start);
            let row = |line: usize| {
                let samples = _mm256_shuffle_epi8(lines[line], order);
                _mm256_maddubs_epi16(samples, bytes)
            };
            let (upper, lower) = (row(0), row(1));
            let pairs = [
                _mm256_blend_epi16::<0xaa>(upper, _mm256_slli_epi32::<16>(lower)),
                _mm256_blend_epi16::<0xaa>(_mm256_srli_epi32::<16>(upper), lower),
            ];
            for (sums, pairs) in sums.iter_mut().zip(pairs) {
                store(sums, start, _mm256_madd_epi16(pairs, halves));
            }
        }
        sums
    }

    /// [`pair`](super::pair) of every word, the second weight so many bits above the first.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn pair<const BITS: i32>(places: __m256i) -> __m256i {
        let second = _mm256_and_si256(places, _mm256_set1_epi32(PHASES as i32 - 1));
        let first = _mm256_sub_epi32(_mm256_set1_epi32(PHASES as i32), second);
        _mm256_or_si256(first, _mm256_slli_epi32::<BITS>(second))
    }
}

#[cfg(target_arch = "aarch64")]
mod neon {
    use core::arch::aarch64::*;

    use super::super::lanes_neon::{LANES, load, store};
    use super::super::padded::Spots;
    use super::PHASES;

    /// [`sums`](super::sums) of columns first.
    #[inline]
    #[target_feature(enable = "neon")]
    pub(super) fn sums<const N: usize>(
        spots: &Spots<'_, N, 2>,
        across: &[i32; N],
        down: &[i32; N],
    ) -> [[i32; N]; 2] {
        const { assert!(N.is_multiple_of(LANES)) }
        let mut sums = [[0; N]; 2];
        for start in (0..N).step_by(LANES) {
            let [upper, lower] = spots.load_lanes(start);
            let [above, below] = pair(load(down, start))
                .map(|weight| vreinterpretq_u8_u32(vmulq_n_u32(weight, 0x0101_0101)));
            let low = |bytes: uint8x16_t| vget_low_u8(bytes);
            let columns = [
                vmlal_u8(vmull_u8(low(upper), low(above)), low(lower), low(below)),
                vmlal_high_u8(vmull_high_u8(upper, above), lower, below),
            ];
            // Both planes' weights of the left pixel, then of the right one.
            let [left, right] =
                pair(load(across, start)).map(|weight| vmulq_n_u32(weight, 0x1_0001));
            let weights = [vzip1q_u32(left, right), vzip2q_u32(left, right)];
            let [first, second] = [0, 1].map(|half| {
                let weights = vreinterpretq_u16_u32(weights[half]);
                let [even, odd] = [
                    vmull_u16(vget_low_u16(columns[half]), vget_low_u16(weights)),
                    vmull_high_u16(columns[half], weights),
                ]
                .map(|products| vreinterpretq_u64_u32(products));
                let (left, right) = (vtrn1q_u64(even, odd), vtrn2q_u64(even, odd));
                vreinterpretq_s32_u32(vaddq_u32(
                    vreinterpretq_u32_u64(left),
                    vreinterpretq_u32_u64(right),
                ))
            });
            store(&mut sums[0], start, vuzp1q_s32(first, second));
            store(&mut sums[1], start, vuzp2q_s32(first, second));
        }
        sums
    }

    /// Weights of both samples of some places.
    #[inline]
    #[target_feature(enable = "neon")]
    fn pair(places: uint32x4_t) -> [uint32x4_t; 2] {
        let second = vandq_u32(places, vdupq_n_u32(PHASES as u32 - 1));
        [vsubq_u32(vdupq_n_u32(PHASES as u32), second), second]
    }
}

#[cfg(test)]
mod tests {
    use super::super::padded::PaddedPicture;
    use super::*;
    use crate::picture::Picture;
    use crate::units::Size;

    #[test]
    fn sums_are_those_of_any_processor() {
        #[cfg(target_arch = "x86_64")]
        iev_skips::processor("AVX2", std::arch::is_x86_feature_detected!("avx2"));
        let mut seed = 9_u32;
        let mut random = move || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed >> 16
        };
        let mut picture = Picture::new(Size { width_px: 200, height_px: 100 });
        for round in 0..50 {
            let sample = |random: u32| if round < 4 { 255 } else { random as u8 };
            picture.i420_mut().iter_mut().for_each(|own| *own = sample(random()));
            let mut padded = PaddedPicture::new(picture.size());
            padded.fill(&picture);
            // Beside one another, and anywhere.
            let (spread, top) = (if round % 2 == 0 { 64 } else { 6000 }, random() as i32 % 3000);
            let across =
                std::array::from_fn::<_, 32, _>(|at| 60 * at as i32 + random() as i32 % spread);
            let down = [(); 32].map(|()| top + random() as i32 % (spread / 60));
            let across = across.map(|place| place.min(99 * 64) - 16);
            let down = down.map(|place| place.min(49 * 64) - 16);
            let spots =
                std::array::from_fn(|at| padded.chroma.place(across[at] >> 6, down[at] >> 6));
            let spots = padded.chroma.spots(spots);
            assert_eq!(sums(&spots, &across, &down), portable(&spots, &across, &down));
        }
    }
}
