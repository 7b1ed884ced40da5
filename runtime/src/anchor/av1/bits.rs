//! Bits of an OBU, most significant first (AV1 specification, section 4.10).

use crate::error::{Error, Result};

/// The bits that are left.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// Bits taken so far.
    at: usize,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// `f(1)`
    pub(super) fn flag(&mut self) -> Result<bool> {
        let cut_off = Error::malformed(0, "an AV1 header is complete");
        let byte = *self.bytes.get(self.at / 8).ok_or(cut_off)?;
        let bit = (byte >> (7 - self.at % 8)) & 1;
        self.at += 1;
        Ok(bit == 1)
    }

    /// `f(n)` of at most 32 bits.
    pub(super) fn take(&mut self, count: u32) -> Result<u32> {
        (0..count).try_fold(0, |value, _| Ok((value << 1) | u32::from(self.flag()?)))
    }

    /// A flag and, where it is set, `f(n)`.
    pub(super) fn optional(&mut self, count: u32) -> Result<Option<u32>> {
        Ok(if self.flag()? { Some(self.take(count)?) } else { None })
    }

    /// `uvlc()` (4.10.3), which is read past and not needed.
    pub(super) fn skip_uvlc(&mut self) -> Result<()> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
        }
        if zeros > 31 {
            return Err(Error::malformed(0, "an AV1 number has at most 32 bits"));
        }
        self.take(zeros).map(drop)
    }

    /// `ns(n)` (4.10.7): a number below `bound`, which is at least 1.
    pub(super) fn below(&mut self, bound: u32) -> Result<u32> {
        let bits = bound.ilog2() + 1;
        let short = (1u32 << bits) - bound;
        let value = self.take(bits - 1)?;
        if value < short {
            return Ok(value);
        }
        Ok((value << 1) - short + u32::from(self.flag()?))
    }

    /// Whether only `trailing_bits()` are left (5.3.4).
    pub(super) fn only_trailing(&self) -> bool {
        let mut rest = *self;
        rest.flag().is_ok_and(|stop| stop)
            && (rest.at..8 * rest.bytes.len()).all(|_| rest.flag().is_ok_and(|bit| !bit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_below_a_bound_are_read_as_the_specification_says() {
        // A bound of 5 has three numbers of two bits, then two of three.
        let mut bits = Bits::new(&[0b0001_1011, 0b0111_0000]);
        let read: Vec<u32> = (0..5).map(|_| bits.below(5).unwrap()).collect();
        assert_eq!(read, [0, 1, 2, 3, 4]);
        assert_eq!(Bits::new(&[]).below(1).unwrap(), 0, "nothing to choose");
    }

    #[test]
    fn trailing_bits_are_one_and_zeros() {
        let mut bits = Bits::new(&[0b1010_1000, 0]);
        bits.take(4).unwrap();
        assert!(bits.only_trailing());
        assert!(!Bits::new(&[0b1010_0000]).only_trailing());
        assert!(!Bits::new(&[]).only_trailing());
        assert_eq!(Bits::new(&[0xa5, 0x5a]).take(16).unwrap(), 0xa55a);
    }

    #[test]
    fn endless_zeros_are_no_number() {
        assert!(Bits::new(&[0; 3]).skip_uvlc().is_err());
        let long = [0, 0, 0, 0, 0x80, 0, 0, 0, 0];
        assert!(Bits::new(&long).skip_uvlc().unwrap_err().to_string().contains("32 bits"));
        let mut three = Bits::new(&[0b0010_0100]);
        three.skip_uvlc().unwrap();
        assert_eq!(three.take(3).unwrap(), 0b100);
    }
}
