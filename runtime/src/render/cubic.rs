//! Bicubic samples (Catmull–Rom) in integers, of positions in 1/64 and with weights in 1/64: sixteen products are a few
//! instructions where floats take as many for each.

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

/// Weights at places in 1/64.
#[inline(always)]
pub(super) fn taps<const N: usize>(places: &[i32; N]) -> [u32; N] {
    let mut taps = [0; N];
    for at in 0..N {
        taps[at] = TAPS[places[at] as usize % PHASES];
    }
    taps
}

/// Sums of four lines of four samples each, a byte each, of weights `across` and `down`.
#[inline(always)]
pub(super) fn sums<const N: usize>(
    lines: &[[u32; N]; 4],
    across: &[u32; N],
    down: &[u32; N],
) -> [i32; N] {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        #[allow(unsafe_code, reason = "chosen at run time")]
        return unsafe { avx2::sums(lines, across, down) };
    }
    portable(lines, across, down)
}

/// [`sums`] on any processor.
#[inline(always)]
fn portable<const N: usize>(lines: &[[u32; N]; 4], across: &[u32; N], down: &[u32; N]) -> [i32; N] {
    let byte = |word: u32, at: usize| word >> (8 * at);
    let mut sums = [0; N];
    for at in 0..N {
        for (line, samples) in lines.iter().enumerate() {
            let mut row = 0;
            for tap in 0..4 {
                let weight = i32::from(byte(across[at], tap) as i8);
                row += (byte(samples[at], tap) & 255) as i32 * weight;
            }
            sums[at] += row * i32::from(byte(down[at], line) as i8);
        }
    }
    sums
}

#[cfg(target_arch = "x86_64")]
pub(super) mod avx2 {
    #![allow(unsafe_code, reason = "vectors in arrays")]

    use core::arch::x86_64::*;

    /// Sums at a time.
    pub(in super::super) const LANES: usize = 8;

    /// [`LANES`] words from the one at `start` on.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(in super::super) fn load<const N: usize>(words: &[u32; N], start: usize) -> __m256i {
        let words: &[u32] = &words[start..][..LANES];
        // SAFETY: the slice has as many words as a vector.
        unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
    }

    /// Writes as many.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(in super::super) fn store<const N: usize>(
        words: &mut [i32; N],
        start: usize,
        vector: __m256i,
    ) {
        let words: &mut [i32] = &mut words[start..][..LANES];
        // SAFETY: the slice has as many words as a vector.
        unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), vector) };
    }

    /// [`sums`](super::sums) by pairs of products.
    #[target_feature(enable = "avx2")]
    pub(super) fn sums<const N: usize>(
        lines: &[[u32; N]; 4],
        across: &[u32; N],
        down: &[u32; N],
    ) -> [i32; N] {
        const { assert!(N.is_multiple_of(LANES)) }
        let mut sums = [0; N];
        for start in (0..N).step_by(LANES) {
            let (across, down) = (load(across, start), load(down, start));
            let row = |line: usize| {
                // Samples have 8 bits, and no two weights are above 72/64 together: pairs fit 16.
                let pairs = _mm256_maddubs_epi16(load(&lines[line], start), across);
                _mm256_madd_epi16(pairs, weight(down, line))
            };
            let upper = _mm256_add_epi32(row(0), row(1));
            let lower = _mm256_add_epi32(row(2), row(3));
            let sum = _mm256_srai_epi32::<8>(_mm256_add_epi32(upper, lower));
            store(&mut sums, start, sum);
        }
        sums
    }

    /// A line's weight 256-fold in both halves of each word.
    #[target_feature(enable = "avx2")]
    fn weight(down: __m256i, line: usize) -> __m256i {
        let at = |word: i8| 4 * word + line as i8;
        let [a, b, c, d] = [at(0), at(1), at(2), at(3)];
        // Below zero is a byte of zeros.
        let bytes = _mm_setr_epi8(-1, a, -1, a, -1, b, -1, b, -1, c, -1, c, -1, d, -1, d);
        _mm256_shuffle_epi8(down, _mm256_broadcastsi128_si256(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            seed
        };
        let places = |random: &mut dyn FnMut() -> u32| {
            taps(&std::array::from_fn::<_, 64, _>(|_| (random() >> 20) as i32))
        };
        for round in 0..50 {
            // Black and white beside one another too, of which sums are largest.
            let dark = if round % 2 == 0 { 0 } else { 0x00ff_00ff };
            let lines =
                [0; 4].map(|_| [0_u32; 64].map(|_| if round > 3 { random() } else { dark }));
            let (across, down) = (places(&mut random), places(&mut random));
            assert_eq!(sums(&lines, &across, &down), portable(&lines, &across, &down));
        }
    }
}
