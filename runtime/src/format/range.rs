//! Binary range coder (FORMAT.md §7): 32-bit, carry-less, 16-bit probabilities.
//!
//! The encoder and the decoder share [`BitCoder`], so that everything above them is written once.

/// Codes one bit: the encoder writes `bit`, the decoder ignores it and returns the decoded one.
pub trait BitCoder {
    /// `one_q16` is the probability of a set bit in 1/65536, within 1‥65535.
    fn code(&mut self, bit: bool, one_q16: u16) -> bool;
}

/// The interval both sides narrow; `low ≤ high`, and their top bytes differ between bits.
#[derive(Debug, Clone, Copy)]
struct Interval {
    low: u32,
    high: u32,
}

impl Interval {
    const FULL: Self = Self { low: 0, high: u32::MAX };

    /// Last value of the half for a set bit.
    fn split(self, one_q16: u16) -> u32 {
        let width = u64::from(self.high - self.low);
        // At most `width`, because the probability is below one.
        self.low + ((width * u64::from(one_q16)) >> 16) as u32
    }

    fn narrow(&mut self, bit: bool, split: u32) {
        if bit { self.high = split } else { self.low = split + 1 }
    }

    /// Shifts out a settled top byte.
    fn settled(&mut self) -> Option<u8> {
        if (self.low ^ self.high) >> 24 != 0 {
            return None;
        }
        let byte = (self.high >> 24) as u8;
        self.low <<= 8;
        self.high = (self.high << 8) | 0xff;
        Some(byte)
    }
}

/// Writes bytes to `sink`.
#[derive(Debug)]
pub struct Encoder<S> {
    interval: Interval,
    sink: S,
}

impl<S: Extend<u8>> Encoder<S> {
    /// An encoder appending to `sink`.
    pub fn new(sink: S) -> Self {
        Self { interval: Interval::FULL, sink }
    }

    /// Ends the stream; the decoder reads zeros past the end, so one byte is enough.
    pub fn finish(mut self) -> S {
        if self.interval.low > 0 {
            // The top bytes differ, so this value is inside the interval with zeros after it.
            self.sink.extend([(self.interval.low >> 24) as u8 + 1]);
        }
        self.sink
    }
}

impl<S: Extend<u8>> BitCoder for Encoder<S> {
    fn code(&mut self, bit: bool, one_q16: u16) -> bool {
        let split = self.interval.split(one_q16);
        self.interval.narrow(bit, split);
        while let Some(byte) = self.interval.settled() {
            self.sink.extend([byte]);
        }
        bit
    }
}

/// Reads from a slice; past its end it reads zeros, so that damaged input ends, never fails.
#[derive(Debug, Clone)]
pub struct Decoder<'a> {
    interval: Interval,
    value: u32,
    rest: &'a [u8],
}

impl<'a> Decoder<'a> {
    /// A decoder at the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        let mut decoder = Self { interval: Interval::FULL, value: 0, rest: bytes };
        for _ in 0..4 {
            decoder.shift_in();
        }
        decoder
    }

    fn shift_in(&mut self) {
        let (byte, rest) = self.rest.split_first().map_or((0, self.rest), |(b, r)| (*b, r));
        self.rest = rest;
        self.value = (self.value << 8) | u32::from(byte);
    }
}

impl BitCoder for Decoder<'_> {
    fn code(&mut self, _: bool, one_q16: u16) -> bool {
        let split = self.interval.split(one_q16);
        let bit = self.value <= split;
        self.interval.narrow(bit, split);
        while self.interval.settled().is_some() {
            self.shift_in();
        }
        bit
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    /// A few hundred bits of a linear congruential generator with varying probabilities.
    fn bits(seed: u32) -> impl Iterator<Item = (bool, u16)> {
        (0..700u32).scan(seed, |state, i| {
            *state = state.wrapping_mul(1664525).wrapping_add(1013904223);
            let p = [1, 300, 20000, 32768, 60000, 65535][i as usize % 6];
            Some(((*state >> 16) < u32::from(p), p))
        })
    }

    #[test]
    fn what_goes_in_comes_out() {
        for seed in 0..200 {
            let mut encoder = Encoder::new(Vec::new());
            bits(seed).for_each(|(bit, p)| {
                encoder.code(bit, p);
            });
            let bytes = encoder.finish();
            let mut decoder = Decoder::new(&bytes);
            for (i, (bit, p)) in bits(seed).enumerate() {
                assert_eq!(decoder.code(false, p), bit, "seed {seed}, bit {i}");
            }
        }
    }

    #[test]
    fn likely_bits_cost_their_entropy() {
        let mut encoder = Encoder::new(Vec::new());
        (0..80_000).for_each(|_| {
            encoder.code(true, 65000);
        });
        let bits = encoder.finish().len() as f64 * 8.0;
        let entropy = -80_000.0 * (65000f64 / 65536.0).log2();
        assert!(bits < entropy * 1.01 + 16.0, "{bits} bits for {entropy:.0}");
    }
}
