//! Integer context mixing (FORMAT.md §7): several adaptive predictions of one bit, mixed in the
//! logistic domain by weights that learn online.
//!
//! `p = squash(Σ wᵢ · stretch(pᵢ))`, `wᵢ += η · stretch(pᵢ) · (bit − p)`: the mixer of the PAQ
//! family (M. Mahoney, "Adaptive Weighing of Context Models for Lossless Data Compression", 2005).
//! All integers: encoder and decoder agree to the bit on every machine.

use super::range::BitCoder;

/// Predictions per bit.
pub const CONTEXTS: usize = 6;
/// Values of one context.
pub const CONTEXT_SIZE: usize = 256;
/// Modelled bits of a symbol: zero, sign, 14 of the unary magnitude, 8 of the escape.
const BITS: usize = 24;

/// Largest magnitude in the logistic domain, which has 8 fraction bits: ±8.
const STRETCH_MAX: i32 = 2047;
/// Fraction bits of mixer weights.
const WEIGHT_BITS: u32 = 16;

/// `65536 / (1 + e^(−x/256))` for x = −2047‥2047.
const SQUASH: [u16; 4096] = squash_table();
/// `256 · ln(p / (1 − p))` for p in 1/4096.
const STRETCH: [i16; 4096] = stretch_table();

/// e^(−1/256) in Q62.
const STEP_DOWN_Q62: u128 = 4593706758521714574;

const fn squash_table() -> [u16; 4096] {
    let mut table = [0u16; 4096];
    let mut e: u128 = 1 << 62; // e^(−x/256)
    let mut x = 0usize;
    while x <= STRETCH_MAX as usize {
        let one = 1u128 << 62;
        let p = ((one << 16) / (one + e)) as u32;
        let p = if p > 65535 - 16 { 65535 - 16 } else { p };
        table[2048 + x] = p as u16;
        table[2048 - x] = (65536 - p) as u16;
        e = (e * STEP_DOWN_Q62) >> 62;
        x += 1;
    }
    table[0] = table[1];
    table
}

const fn stretch_table() -> [i16; 4096] {
    let mut table = [0i16; 4096];
    let mut x = 1usize;
    let mut p = 0usize;
    while p < 4096 {
        // The smallest x whose squash reaches the middle of this probability cell.
        while x < 4095 && (SQUASH[x] as usize) < p * 16 + 8 {
            x += 1;
        }
        table[p] = x as i16 - 2048;
        p += 1;
    }
    table
}

/// Fraction bits of [`RECIPROCAL`].
const RECIPROCAL_BITS: u32 = 32;
/// `2 / (2 · count + 3)`, rounded up: a product with 22 bits is off by less than 2⁻¹⁰, and no
/// quotient by at most 513 lies that near below a whole number, so its whole part is exact.
const RECIPROCAL: [u64; Slot::LIMIT as usize + 1] = reciprocal_table();

const fn reciprocal_table() -> [u64; Slot::LIMIT as usize + 1] {
    let mut table = [0; Slot::LIMIT as usize + 1];
    let mut count = 0;
    while count < table.len() {
        table[count] = (2u64 << RECIPROCAL_BITS).div_ceil(2 * count as u64 + 3);
        count += 1;
    }
    table
}

/// An adaptive probability: 22 bits of probability over 10 bits of count.
#[derive(Clone, Copy)]
struct Slot(u32);

impl Slot {
    const NEW: Self = Self(1 << 31);
    /// Adaptation slows down to 1/`LIMIT`.
    const LIMIT: u32 = 255;
    /// Certainty of a one.
    const ONE: u32 = (1 << 22) - 1;

    fn stretched(self) -> i32 {
        i32::from(STRETCH[(self.0 >> 20) as usize])
    }

    /// Moves towards `bit` by 1/(count + 1.5) of the way, rounded down.
    fn update(&mut self, bit: bool) {
        let (count, p) = (self.0 & 1023, self.0 >> 10);
        let way = if bit { Self::ONE - p } else { p };
        let step = ((u64::from(way) * RECIPROCAL[count as usize]) >> RECIPROCAL_BITS) as u32;
        let moved = if bit { p + step } else { p - step };
        self.0 = (moved << 10) | (count + 1).min(Self::LIMIT);
    }
}

/// Adaptive model of one kind of integer; the caller supplies the contexts.
pub struct SymbolModel {
    slots: [[[Slot; BITS]; CONTEXT_SIZE]; CONTEXTS],
    weights: [[i32; CONTEXTS + 1]; BITS],
}

impl SymbolModel {
    /// A model that knows nothing.
    #[allow(clippy::new_without_default, reason = "150 kB: make it once, in place, on purpose")]
    pub const fn new() -> Self {
        const START: i32 = (1 << WEIGHT_BITS) * 3 / 10;
        let mut start = [START; CONTEXTS + 1];
        start[CONTEXTS] = 0;
        Self { slots: [[[Slot::NEW; BITS]; CONTEXT_SIZE]; CONTEXTS], weights: [start; BITS] }
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        const NEW: SymbolModel = SymbolModel::new();
        self.slots.as_flattened_mut().as_flattened_mut().fill(Slot::NEW);
        self.weights = NEW.weights;
    }

    fn bit<C: BitCoder>(
        &mut self,
        coder: &mut C,
        contexts: &[u8; CONTEXTS],
        at: usize,
        bit: bool,
    ) -> bool {
        let mut inputs = [0i32; CONTEXTS + 1];
        inputs[CONTEXTS] = 256;
        let mut sum = 0i64;
        let weights = &mut self.weights[at];
        // Each model's probability, mixed in the logistic domain.
        for (k, context) in contexts.iter().enumerate() {
            inputs[k] = self.slots[k][usize::from(*context)][at].stretched();
        }
        for (w, x) in weights.iter().zip(&inputs) {
            sum += i64::from(*w) * i64::from(*x);
        }
        let stretched = (sum >> WEIGHT_BITS).clamp(-i64::from(STRETCH_MAX), i64::from(STRETCH_MAX));
        let one_q16 = SQUASH[(stretched + 2048) as usize];
        // Coded, then learned from: the weights of the mix, and each model.
        let bit = coder.code(bit, one_q16);
        let error = (if bit { 65535 } else { 0 }) - i32::from(one_q16);
        for (w, x) in weights.iter_mut().zip(&inputs) {
            *w += (x * (error >> 2) + (1 << 13)) >> 14;
        }
        for (k, context) in contexts.iter().enumerate() {
            self.slots[k][usize::from(*context)][at].update(bit);
        }
        bit
    }

    /// Codes a symbol in −32768‥32767: zero?, sign, magnitude in unary to 15, then Exp-Golomb.
    pub fn code<C: BitCoder>(
        &mut self,
        coder: &mut C,
        contexts: &[u8; CONTEXTS],
        value: i16,
    ) -> i16 {
        // Zero or not, then the sign, then the magnitude in unary up to 15 and by an escape above.
        if !self.bit(coder, contexts, 0, value != 0) {
            return 0;
        }
        let negative = self.bit(coder, contexts, 1, value < 0);
        let target = u32::from(value.unsigned_abs());
        let mut magnitude = 1u32;
        while magnitude < 15
            && self.bit(coder, contexts, 1 + magnitude as usize, target > magnitude)
        {
            magnitude += 1;
        }
        if magnitude == 15 {
            magnitude += self.escape(coder, contexts, target.saturating_sub(15));
        }
        let limit = i32::from(i16::MAX) + i32::from(negative);
        let signed = (magnitude as i32).min(limit);
        (if negative { -signed } else { signed }) as i16
    }

    /// Exp-Golomb of order 0, its length modelled, at most 15 bits.
    fn escape<C: BitCoder>(
        &mut self,
        coder: &mut C,
        contexts: &[u8; CONTEXTS],
        excess: u32,
    ) -> u32 {
        let coded = excess + 1;
        let width = 31 - coded.leading_zeros();
        let mut length = 0;
        while length < 15
            && self.bit(coder, contexts, 16 + (length as usize).min(7), width > length)
        {
            length += 1;
        }
        let mut value = 1u32;
        for k in (0..length).rev() {
            value = (value << 1) | u32::from(coder.code((coded >> k) & 1 == 1, 1 << 15));
        }
        value - 1
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::super::range::{Decoder, Encoder};
    use super::*;
    use std::{boxed::Box, vec::Vec};

    #[test]
    fn tables_are_monotonic_and_inverse() {
        assert!(SQUASH[1..].is_sorted() && STRETCH.is_sorted());
        assert_eq!(SQUASH[2048], 32768);
        for p in (64..4032).step_by(64) {
            let back = SQUASH[(i32::from(STRETCH[p]) + 2048) as usize] >> 4;
            assert!(back.abs_diff(p as u16) <= 8, "{p} → {back}");
        }
    }

    #[test]
    fn reciprocals_divide_exactly() {
        for (count, reciprocal) in RECIPROCAL.iter().enumerate() {
            let divisor = 2 * count as u64 + 3;
            for way in (0..=u64::from(Slot::ONE)).step_by(97).chain([u64::from(Slot::ONE)]) {
                // The worst of the neighbourhood: a quotient just below a whole number.
                let below = (way / divisor * divisor + divisor / 2).min(Slot::ONE.into());
                for way in [way, below] {
                    assert_eq!((way * reciprocal) >> RECIPROCAL_BITS, way * 2 / divisor, "{way}");
                }
            }
        }
    }

    #[test]
    fn every_symbol_survives() {
        let values = [0, 1, -1, 2, 14, 15, 16, -17, 127, -128, 300, i16::MAX, i16::MIN, 0, 5];
        let mut model = Box::new(SymbolModel::new());
        let mut encoder = Encoder::new(Vec::new());
        for v in values {
            assert_eq!(model.code(&mut encoder, &[3; CONTEXTS], v), v);
        }
        let bytes = encoder.finish();
        model.reset();
        let mut decoder = Decoder::new(&bytes);
        for v in values {
            assert_eq!(model.code(&mut decoder, &[3; CONTEXTS], 0), v);
        }
    }
}
