//! Quantiser steps: a fixed-point table, eight steps per octave (FORMAT.md §6).

use fixed::types::U12F20;

/// Number of step indices.
pub const STEPS: usize = 128;
/// Step indices per doubling.
pub const PER_OCTAVE: usize = 8;
/// Step 0 is 2^-12.
pub const SMALLEST_LOG2: i32 = -12;
/// log2 of the finest and the coarsest step that an encoder learns: neither end of the table is reached.
pub const LOG2_RANGE: (f32, f32) = (-11.9, 3.8);
/// Fraction bits of a dequantised number.
pub const FRACTION_BITS: u32 = U12F20::FRAC_NBITS;

/// 2^(k/8) in Q30, rounded to nearest.
const MANTISSA_Q30: [u64; PER_OCTAVE] = [
    1073741824, 1170923762, 1276901417, 1392470869, 1518500250, 1655936265, 1805811301, 1969251188,
];

const TABLE: [U12F20; STEPS] = {
    let mut table = [U12F20::ZERO; STEPS];
    let mut index = 0;
    while index < STEPS {
        // Q30 mantissa · 2^(octave − 12) in Q20: shift right by 10 + 12 − octave, rounding.
        let shift = 10 + 12 - (index / PER_OCTAVE) as u32;
        let rounded = (MANTISSA_Q30[index % PER_OCTAVE] + (1 << (shift - 1))) >> shift;
        table[index] = U12F20::from_bits(rounded as u32);
        index += 1;
    }
    table
};

/// Index of a quantiser step; always below [`STEPS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct StepIndex(u8);

impl StepIndex {
    /// The index, if it is one.
    pub const fn new(index: u8) -> Option<Self> {
        if (index as usize) < STEPS { Some(Self(index)) } else { None }
    }

    /// The index whose step is nearest to `2^log2`, which is held inside [`LOG2_RANGE`]; ties go to the even one.
    #[cfg(feature = "std")]
    pub fn of_log2(log2: f32) -> Self {
        let (least, most) = LOG2_RANGE;
        let eighths = (log2.clamp(least, most) * PER_OCTAVE as f32).round_ties_even() as i32;
        let index = eighths - SMALLEST_LOG2 * PER_OCTAVE as i32;
        assert!((0..STEPS as i32).contains(&index), "log2 of a step is a number");
        Self(index as u8)
    }

    /// Base-2 logarithm of the step that the table stands for.
    #[cfg(feature = "std")]
    pub fn log2(self) -> f32 {
        f32::from(self.0) / PER_OCTAVE as f32 + SMALLEST_LOG2 as f32
    }

    /// The index as coded.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The step.
    pub const fn step(self) -> U12F20 {
        TABLE[self.0 as usize]
    }

    /// `level × step` with [`FRACTION_BITS`] fraction bits; exact.
    pub fn dequantise(self, level: i16) -> i64 {
        i64::from(level) * i64::from(self.step().to_bits())
    }
}

/// The fixed-point number as `f32`; exact up to 24 significant bits, then to nearest.
pub fn to_f32(fixed: i64) -> f32 {
    fixed as f32 / (1u32 << FRACTION_BITS) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_double_every_eight_indices_and_never_vanish() {
        for (i, step) in TABLE.iter().enumerate() {
            let step = step.to_num::<f64>();
            let ideal = 2f64.powf(i as f64 / 8.0 - 12.0);
            assert!((step / ideal - 1.0).abs() < 2e-3, "index {i}: {step} for {ideal}");
        }
        assert!(StepIndex::new(128).is_none());
    }

    #[cfg(feature = "std")]
    #[test]
    fn the_index_of_a_step_is_found_from_its_logarithm() {
        for index in 1..=126u8 {
            let log2 = f32::from(index) / 8.0 - 12.0;
            assert_eq!(StepIndex(index).log2(), log2);
            assert_eq!(
                [log2 - 0.06, log2, log2 + 0.06].map(|l| StepIndex::of_log2(l).get()),
                [index; 3]
            );
        }
        assert_eq!([-99.0, 99.0].map(|log2| StepIndex::of_log2(log2).get()), [1, 126]);
    }
}
