//! A row of samples from a window in vectors, for AArch64.
//!
//! A value walks down the window: every row adds its difference from the row above times how far the
//! place is past that, at most a pixel. All but one of these products are whole, so that cutting each
//! one is cutting their sum, and 16 bits are enough.

use core::arch::aarch64::*;

use super::super::flow::PIXEL_BITS;

/// What the part of a pixel that is taken of a difference is shifted by.
const PART_BITS: i32 = 9;

/// A row of a window of `VECTORS` vectors, 1 or 2.
pub(super) type Line<const VECTORS: usize> = [uint8x16_t; VECTORS];

/// Pixels of a row at places `x` and `y` in 1/2^`BITS` pixel from the first row of `window`, which reaches to the last
/// one that is read.
#[target_feature(enable = "neon")]
#[inline]
pub(super) fn row<const BITS: u32, const VECTORS: usize>(
    window: &[Line<VECTORS>],
    x: uint16x8_t,
    y: uint16x8_t,
) -> uint8x8_t {
    let across = Across::new::<BITS>(x);
    let mut above = across.blend(window[0]);
    let mut value = above;
    for (down, line) in window[1..].iter().enumerate() {
        let below = across.blend(*line);
        let past = vqsubq_u16(y, vdupq_n_u16((down as u16) << BITS));
        let part = vminq_u16(past, vdupq_n_u16(1 << BITS));
        value = vaddq_s16(value, share::<BITS>(above, below, part));
        above = below;
    }
    let value = vreinterpretq_u16_s16(value);
    if BITS == PIXEL_BITS {
        vrshrn_n_u16::<{ PIXEL_BITS as i32 }>(value)
    } else {
        vrshrn_n_u16::<{ PIXEL_BITS as i32 + 1 }>(value)
    }
}

/// How the pixels of a row are blended horizontally.
struct Across {
    /// Column of each pixel in the window, and the next one.
    taps: [uint8x8_t; 2],
    /// One less the fraction of a pixel, and the fraction.
    weights: [uint8x8_t; 2],
}

impl Across {
    #[target_feature(enable = "neon")]
    #[inline]
    fn new<const BITS: u32>(x: uint16x8_t) -> Self {
        let column = if BITS == PIXEL_BITS {
            vshrn_n_u16::<{ PIXEL_BITS as i32 }>(x)
        } else {
            vshrn_n_u16::<{ PIXEL_BITS as i32 + 1 }>(x)
        };
        let fraction = vand_u8(vmovn_u16(x), vdup_n_u8((1 << BITS) - 1));
        Self {
            taps: [column, vadd_u8(column, vdup_n_u8(1))],
            weights: [vsub_u8(vdup_n_u8(1 << BITS), fraction), fraction],
        }
    }

    /// Values with `BITS` fraction bits from a row of the window.
    #[target_feature(enable = "neon")]
    #[inline]
    fn blend<const VECTORS: usize>(&self, line: Line<VECTORS>) -> int16x8_t {
        let [first, second] = self.taps;
        let (first, second) = (look_up(line, first), look_up(line, second));
        let values = vmlal_u8(vmull_u8(first, self.weights[0]), second, self.weights[1]);
        vreinterpretq_s16_u16(values)
    }
}

/// Bytes of a row of a window by their columns.
#[target_feature(enable = "neon")]
#[inline]
fn look_up<const VECTORS: usize>(line: Line<VECTORS>, columns: uint8x8_t) -> uint8x8_t {
    if VECTORS == 1 {
        vqtbl1_u8(line[0], columns)
    } else {
        vqtbl2_u8(uint8x16x2_t(line[0], line[1]), columns)
    }
}

/// `part` of the difference from `above` to `below`, cut; `part` has `BITS` fraction bits.
#[target_feature(enable = "neon")]
#[inline]
fn share<const BITS: u32>(above: int16x8_t, below: int16x8_t, part: uint16x8_t) -> int16x8_t {
    let part = vreinterpretq_s16_u16(vshlq_n_u16::<PART_BITS>(part));
    // A difference has BITS + 8 bits and a sign. The upper half of twice the product is that over 2^BITS.
    let difference = vsubq_s16(below, above);
    let difference = if BITS == PIXEL_BITS {
        vshlq_n_s16::<{ 15 - PART_BITS - PIXEL_BITS as i32 }>(difference)
    } else {
        vshlq_n_s16::<{ 14 - PART_BITS - PIXEL_BITS as i32 }>(difference)
    };
    vqdmulhq_s16(difference, part)
}
