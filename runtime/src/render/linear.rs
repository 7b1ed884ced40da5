//! Bilinear samples of two planes side by side, in integers as the [bicubic](super::cubic) ones.

use super::cubic::PHASES;

/// Sums of two lines of two pixels each, two bytes a pixel, at places in 1/64: of the first bytes and of the second.
#[inline(always)]
pub(super) fn sums<const N: usize>(
    lines: &[[u32; N]; 2],
    across: &[i32; N],
    down: &[i32; N],
) -> [[i32; N]; 2] {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        #[allow(unsafe_code, reason = "chosen at run time")]
        return unsafe { avx2::sums(lines, across, down) };
    }
    portable(lines, across, down)
}

/// Weights of a place's two samples.
#[inline(always)]
fn pair(place: i32) -> [i32; 2] {
    let second = place & (PHASES - 1) as i32;
    [PHASES as i32 - second, second]
}

/// [`sums`] on any processor.
#[inline(always)]
fn portable<const N: usize>(
    lines: &[[u32; N]; 2],
    across: &[i32; N],
    down: &[i32; N],
) -> [[i32; N]; 2] {
    let mut sums = [[0; N]; 2];
    for (number, sums) in sums.iter_mut().enumerate() {
        for at in 0..N {
            let (across, down) = (pair(across[at]), pair(down[at]));
            let sample = |line: usize, tap: usize| {
                (lines[line][at] >> (16 * tap + 8 * number) & 255) as i32 * across[tap]
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

    use super::super::cubic::avx2::{LANES, load, store};
    use super::pair;

    /// [`sums`](super::sums) by pairs of products.
    #[target_feature(enable = "avx2")]
    pub(super) fn sums<const N: usize>(
        lines: &[[u32; N]; 2],
        across: &[i32; N],
        down: &[i32; N],
    ) -> [[i32; N]; 2] {
        const { assert!(N.is_multiple_of(LANES)) }
        let (mut bytes, mut halves) = ([0; N], [0; N]);
        for at in 0..N {
            let [first, second] = pair(across[at]).map(|weight| weight as u32);
            bytes[at] = first | second << 8 | first << 16 | second << 24;
            let [first, second] = pair(down[at]).map(|weight| weight as u32);
            halves[at] = first | second << 16;
        }
        // Both pixels of a plane side by side.
        let order = _mm_setr_epi8(0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15);
        let order = _mm256_broadcastsi128_si256(order);
        let mut sums = [[0; N]; 2];
        for start in (0..N).step_by(LANES) {
            let (across, down) = (load(&bytes, start), load(&halves, start));
            let row = |line: usize| {
                let samples = _mm256_shuffle_epi8(load(&lines[line], start), order);
                _mm256_maddubs_epi16(samples, across)
            };
            let (upper, lower) = (row(0), row(1));
            let pairs = [
                _mm256_blend_epi16::<0xaa>(upper, _mm256_slli_epi32::<16>(lower)),
                _mm256_blend_epi16::<0xaa>(_mm256_srli_epi32::<16>(upper), lower),
            ];
            for (sums, pairs) in sums.iter_mut().zip(pairs) {
                store(sums, start, _mm256_madd_epi16(pairs, down));
            }
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_any_processor() {
        #[cfg(target_arch = "x86_64")]
        iev_skips::processor("AVX2", std::arch::is_x86_feature_detected!("avx2"));
        let mut seed = 9_u32;
        let mut random = move || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed
        };
        for round in 0..50 {
            let lines =
                [0; 2].map(|_| [0_u32; 32].map(|_| if round > 3 { random() } else { u32::MAX }));
            let [across, down] = [0; 2].map(|_| [0; 32].map(|_| (random() >> 20) as i32 - 32));
            assert_eq!(sums(&lines, &across, &down), portable(&lines, &across, &down));
        }
    }
}
