//! Pictures as they are sampled: planes whose edges go on beyond them, so that no tap has to ask where it is.

use super::ahead::bring;
use crate::picture::{Picture, Plane};
use crate::units::Size;

/// Samples beyond every edge.
const MARGIN: usize = 2;
/// Bytes of one load: four samples of luma, or two of both chromas.
const LOAD: usize = 4;
/// Bytes that four loads beside one another are taken out of.
const WINDOW: usize = 16;

/// A plane of `BYTES` per pixel with margins.
#[derive(Debug)]
pub(super) struct Padded<const BYTES: usize> {
    samples: Vec<u8>,
    columns: usize,
    rows: usize,
}

/// Luma, and both chromas side by side.
#[derive(Debug)]
pub(super) struct PaddedPicture {
    pub luma: Padded<1>,
    pub chroma: Padded<2>,
}

impl PaddedPicture {
    pub(super) fn new(size: Size) -> Self {
        let (columns, rows) = size.chroma();
        Self { luma: Padded::new(size.width(), size.height()), chroma: Padded::new(columns, rows) }
    }

    /// Takes the samples of a picture.
    pub(super) fn fill(&mut self, picture: &Picture) {
        self.luma.fill([picture.plane(Plane::Y)]);
        self.chroma.fill([picture.plane(Plane::U), picture.plane(Plane::V)]);
    }
}

impl<const BYTES: usize> Padded<BYTES> {
    fn new(columns: usize, rows: usize) -> Self {
        let pixels = (columns + 2 * MARGIN) * (rows + 2 * MARGIN);
        Self { samples: vec![0; pixels * BYTES + WINDOW], columns, rows }
    }

    /// Bytes from one row to the next.
    #[inline(always)]
    pub(super) fn stride(&self) -> usize {
        (self.columns + 2 * MARGIN) * BYTES
    }

    fn fill(&mut self, planes: [&[u8]; BYTES]) {
        let (stride, columns) = (self.stride(), self.columns);
        for (row, line) in
            self.samples.chunks_exact_mut(stride).enumerate().take(self.rows + 2 * MARGIN)
        {
            let from = row.saturating_sub(MARGIN).min(self.rows - 1);
            for (byte, plane) in planes.iter().enumerate() {
                let samples = &plane[from * columns..][..columns];
                let inner = line[MARGIN * BYTES..].chunks_exact_mut(BYTES);
                inner.zip(samples).for_each(|(pixel, sample)| pixel[byte] = *sample);
            }
            let (first, last) = (MARGIN * BYTES, (MARGIN + columns - 1) * BYTES);
            for beyond in 0..MARGIN {
                line.copy_within(first..first + BYTES, beyond * BYTES);
                line.copy_within(last..last + BYTES, last + (1 + beyond) * BYTES);
            }
        }
    }

    /// Place of a pixel that may be up to [`MARGIN`] beyond an edge.
    #[inline(always)]
    pub(super) fn place(&self, column: i32, row: i32) -> u32 {
        let (column, row) = (column + MARGIN as i32, row + MARGIN as i32);
        (row * (self.columns + 2 * MARGIN) as i32 + column) as u32 * BYTES as u32
    }

    /// Some places with as many lines below them, for loads of four bytes; behind the last one as many others may be
    /// asked for next. The lines above are those of the row before.
    ///
    /// # Panics
    /// If a place is not one of [`Self::place`].
    #[inline(always)]
    pub(super) fn spots<const N: usize, const LINES: usize>(
        &self,
        places: [u32; N],
    ) -> Spots<'_, N, LINES> {
        let last = places.iter().fold(0, |last, place| last.max(*place)) as usize;
        let below = (LINES - 1) * self.stride();
        // Why one for all: a check for each of them takes longer than what is loaded is worth.
        assert!(last + below + WINDOW <= self.samples.len(), "a place is in the plane");
        bring(&self.samples, places[N - 1] as usize + below + LOAD, N * BYTES);
        Spots { samples: &self.samples, stride: self.stride(), places }
    }
}

/// Places in a plane that [`WINDOW`] bytes can be loaded from, in each of so many lines.
pub(super) struct Spots<'a, const N: usize, const LINES: usize> {
    samples: &'a [u8],
    stride: usize,
    places: [u32; N],
}

impl<const N: usize, const LINES: usize> Spots<'_, N, LINES> {
    /// Four bytes of a line.
    #[inline(always)]
    pub(super) fn load(&self, at: usize, line: usize) -> u32 {
        let place = self.places[at] as usize + line * self.stride;
        // SAFETY: whoever made this has found all places and lines within.
        #[allow(unsafe_code, reason = "a check for each load")]
        let four = unsafe { self.samples.as_ptr().add(place).cast::<[u8; LOAD]>().read() };
        u32::from_le_bytes(four)
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    #![allow(unsafe_code, reason = "loads without a check for each")]

    use core::arch::x86_64::*;

    use super::super::lanes_avx2::{LANES, load};
    use super::{LOAD, Spots, WINDOW};

    impl<const N: usize, const LINES: usize> Spots<'_, N, LINES> {
        /// [`Self::load`] at [`LANES`] places from the one at `start` on. Most surfaces are even, and places beside one
        /// another: then four of them are in one load.
        #[inline]
        #[target_feature(enable = "avx2")]
        pub(in super::super) fn load_lanes(&self, start: usize) -> [__m256i; LINES] {
            let [first, fifth] = [self.places[start], self.places[start + LANES / 2]];
            let [low, high] = [first, fifth].map(|place| _mm_set1_epi32(place as i32));
            let off = _mm256_sub_epi32(load(&self.places, start), _mm256_set_m128i(high, low));
            let reach = _mm256_set1_epi32((WINDOW - LOAD) as i32);
            let near = _mm256_cmpeq_epi32(_mm256_min_epu32(off, reach), off);
            if _mm256_movemask_epi8(near) != -1 {
                return std::array::from_fn(|line| {
                    let words: [u32; LANES] = std::array::from_fn(|at| self.load(start + at, line));
                    load(&words, 0)
                });
            }
            // The byte of a word four times over, and the three behind it.
            let first_byte = _mm256_set_epi32(
                0x0c0c_0c0c,
                0x0808_0808,
                0x0404_0404,
                0,
                0x0c0c_0c0c,
                0x0808_0808,
                0x0404_0404,
                0,
            );
            let bytes = _mm256_add_epi8(
                _mm256_shuffle_epi8(off, first_byte),
                _mm256_set1_epi32(0x0302_0100),
            );
            std::array::from_fn(|line| {
                let [low, high] = [first, fifth].map(|place| {
                    let place = place as usize + line * self.stride;
                    // SAFETY: whoever made this has found as many bytes within.
                    unsafe { _mm_loadu_si128(self.samples.as_ptr().add(place).cast()) }
                });
                _mm256_shuffle_epi8(_mm256_set_m128i(high, low), bytes)
            })
        }
    }
}

#[cfg(target_arch = "aarch64")]
mod neon {
    #![allow(unsafe_code, reason = "loads without a check for each")]

    use core::arch::aarch64::*;

    use super::super::lanes_neon::{LANES, load};
    use super::{LOAD, Spots, WINDOW};

    impl<const N: usize, const LINES: usize> Spots<'_, N, LINES> {
        /// [`Self::load`] at [`LANES`] places from the one at `start` on, of one load where they are beside one another.
        #[inline]
        #[target_feature(enable = "neon")]
        pub(in super::super) fn load_lanes(&self, start: usize) -> [uint8x16_t; LINES] {
            let first = self.places[start];
            let off = vsubq_u32(load(&self.places, start), vdupq_n_u32(first));
            if vmaxvq_u32(off) > (WINDOW - LOAD) as u32 {
                return std::array::from_fn(|line| {
                    let words: [u32; LANES] = std::array::from_fn(|at| self.load(start + at, line));
                    vreinterpretq_u8_u32(load(&words, 0))
                });
            }
            // The byte of a word four times over, and the three behind it.
            let first_byte = vmulq_u32(off, vdupq_n_u32(0x0101_0101));
            let bytes = vreinterpretq_u8_u32(vaddq_u32(first_byte, vdupq_n_u32(0x0302_0100)));
            std::array::from_fn(|line| {
                let place = first as usize + line * self.stride;
                // SAFETY: whoever made this has found as many bytes within.
                let window = unsafe { vld1q_u8(self.samples.as_ptr().add(place)) };
                vqtbl1q_u8(window, bytes)
            })
        }
    }
}
